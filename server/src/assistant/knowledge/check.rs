//! What is wrong with a knowledge base, and what would make it answer better.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    path::{Component, Path, PathBuf},
};

use shared::{
    api::{KbCheck, KbConfusion, KbFinding, KbSeverity},
    assistant::Share,
    search::tokens,
    text::SafeText,
};

use super::{Knowledge, Policy, Problem, Topic};
use crate::assistant::classifier::{Example, cross_validate};

/// Questions below which a topic is guessed more than known.
const QUESTIONS_FEW: usize = 5;
/// Characters of a question beyond which it is a story.
const QUESTION_LONG: usize = 200;
/// Share of their words that two questions have in common from which they are nearly one.
const NEARLY: f64 = 0.8;
/// Questions that are learned from to say how good that is: bounds the time of a check.
const VALIDATED_MAX: usize = 3_000;
/// Parts that the questions are divided into for that.
const FOLDS: usize = 5;
/// Confusions that are told.
const CONFUSIONS_MAX: usize = 10;
/// Findings that are told.
const FINDINGS_MAX: usize = 500;

/// Looks through a knowledge base that was read from `folder` with these problems. Learns anew
/// several times: for a thread that may wait.
#[must_use]
pub fn check(knowledge: &Knowledge, problems: &[Problem], folder: Option<&Path>) -> KbCheck {
    let topics = knowledge.topics();
    let mut findings: Vec<KbFinding> = problems.iter().map(broken).collect();
    for topic in topics {
        look(topic, &mut findings);
        if let Some(folder) = folder {
            dead_links(topic, folder, &mut findings);
        }
    }
    same_titles(topics, &mut findings);
    same_questions(topics, &mut findings);
    findings.sort_by(|a, b| {
        let key = |one: &KbFinding| (one.severity, one.file.clone(), one.line);
        key(a).cmp(&key(b))
    });
    let omitted = findings.len().saturating_sub(FINDINGS_MAX);
    findings.truncate(FINDINGS_MAX);
    let (accuracy, confusions) = validate(topics);
    let questions: usize = topics.iter().map(|topic| topic.questions.len()).sum();
    KbCheck {
        topics: topics.len() as u64,
        questions: questions as u64,
        accuracy,
        confusions,
        findings,
        omitted: omitted as u64,
    }
}

fn broken(problem: &Problem) -> KbFinding {
    KbFinding {
        severity: KbSeverity::Error,
        file: name(&problem.file),
        line: problem.line.map(|line| line as u64),
        topic: None,
        message: problem.what.clone(),
    }
}

fn name(file: &Path) -> SafeText {
    SafeText::line(&file.to_string_lossy())
}

fn finding(topic: &Topic, severity: KbSeverity, line: Option<usize>, what: String) -> KbFinding {
    KbFinding {
        severity,
        file: name(&topic.file),
        line: line.map(|line| line as u64),
        topic: Some(SafeText::line(&topic.id)),
        message: SafeText::line(&what),
    }
}

/// What one topic shows by itself.
fn look(topic: &Topic, findings: &mut Vec<KbFinding>) {
    let mut add = |severity, line, what| findings.push(finding(topic, severity, line, what));
    if topic.passages.is_empty() && topic.policy != Policy::Escalate {
        let what = "has neither answer nor body; the assistant has nothing to say".to_owned();
        add(KbSeverity::Warning, None, what);
    } else if !topic.has_body && topic.policy != Policy::Escalate {
        let what = "has no body; a model has only the answer to go by".to_owned();
        add(KbSeverity::Note, None, what);
    }
    let is_unfilled = |text: &str| text.contains("{{");
    let mut texts = topic.passages.iter().map(|passage| &*passage.text);
    if topic.has_body && texts.any(is_unfilled) {
        let what = "has \"{{\" in its body; only an answer has variables".to_owned();
        add(KbSeverity::Warning, None, what);
    }
    match topic.questions.len() {
        0 => {
            let what = "has no questions; it is found by its words only".to_owned();
            add(KbSeverity::Note, None, what);
        }
        few @ 1..QUESTIONS_FEW => {
            let what = format!("has {few} questions; write at least {QUESTIONS_FEW}, better 10");
            add(KbSeverity::Note, None, what);
        }
        _ => {}
    }
    let mut seen = BTreeMap::new();
    for (question, line) in topic.questions.iter().zip(&topic.question_lines) {
        let chars = question.chars().count();
        if chars > QUESTION_LONG {
            let what = format!("a question of {chars} characters; keep to what is asked");
            add(KbSeverity::Note, Some(*line), what);
        }
        if let Some(first) = seen.insert(tokens(question), *line) {
            let what = format!("the question {question:?} is in line {first} too; keep one");
            add(KbSeverity::Note, Some(*line), what);
        }
    }
}

/// Links to files beside this one that are not there.
fn dead_links(topic: &Topic, folder: &Path, findings: &mut Vec<KbFinding>) {
    for link in &topic.links {
        let Some(path) = link.file() else { continue };
        let beside = topic.file.parent().unwrap_or(Path::new(""));
        let is_there = within(&beside.join(path)).is_some_and(|path| folder.join(path).exists());
        if !is_there {
            let what = format!("links to {path:?}, which is not there");
            findings.push(finding(topic, KbSeverity::Warning, Some(link.line), what));
        }
    }
}

/// A path without `..`, unless it leads out of the folder.
fn within(path: &Path) -> Option<PathBuf> {
    let mut within = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => within.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !within.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(within)
}

/// Titles that customers cannot choose between.
fn same_titles(topics: &[Topic], findings: &mut Vec<KbFinding>) {
    let mut seen: BTreeMap<String, &Topic> = BTreeMap::new();
    for topic in topics {
        match seen.entry(topic.title.to_lowercase()) {
            Entry::Vacant(entry) => {
                entry.insert(topic);
            }
            Entry::Occupied(first) => {
                let (title, other) = (&topic.title, &first.get().id);
                let what = format!("the title {title:?} is that of {other} too; choose another");
                findings.push(finding(topic, KbSeverity::Warning, None, what));
            }
        }
    }
}

/// A question of some topic, by the numbers of its words.
struct Asked<'a> {
    topic: &'a Topic,
    text: &'a SafeText,
    line: Option<usize>,
    /// Ascending: the rarest first.
    words: Vec<usize>,
}

/// Questions of different topics that are one, or nearly: whichever topic is chosen, it is wrong
/// for half of those who ask.
fn same_questions(topics: &[Topic], findings: &mut Vec<KbFinding>) {
    let asked = asked(topics);
    // Two sets that have so much in common share one of the rarest words of each; so only those
    // are looked up (the prefix filter of Chaudhuri and others, 2006).
    let mut by_rare: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, one) in asked.iter().enumerate() {
        let rare = rare(one.words.len());
        let mut others: BTreeSet<usize> = BTreeSet::new();
        for word in one.words.iter().take(rare) {
            let with = by_rare.entry(*word).or_default();
            others.extend(with.iter());
            with.push(at);
        }
        let mut others = others.into_iter().map(|other| &asked[other]);
        let twin = others.find(|other| {
            other.topic.id != one.topic.id && likeness(&other.words, &one.words) >= NEARLY
        });
        if let Some(twin) = twin {
            let (other, text) = (&twin.topic.id, one.text);
            let what = match twin.words == one.words {
                true => format!("the question {text:?} is one of {other} too; keep it in one"),
                false => {
                    let like = twin.text;
                    format!("the question {text:?} is nearly {like:?} of {other}; keep one")
                }
            };
            findings.push(finding(one.topic, KbSeverity::Warning, one.line, what));
        }
    }
}

/// How many of the rarest of this many words have to be looked up.
fn rare(words: usize) -> usize {
    let common = (1..=words).find(|common| share(*common, words) >= NEARLY);
    common.map_or(0, |common| words - common + 1)
}

fn asked(topics: &[Topic]) -> Vec<Asked<'_>> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = Vec::new();
    for topic in topics {
        for (at, text) in topic.questions.iter().enumerate() {
            let words: BTreeSet<String> = tokens(text).into_iter().collect();
            for word in &words {
                *times.entry(word.clone()).or_default() += 1;
            }
            all.push((topic, text, topic.question_lines.get(at).copied(), words));
        }
    }
    let mut order: Vec<(usize, String)> = times.into_iter().map(|(word, n)| (n, word)).collect();
    order.sort_unstable();
    let numbers: BTreeMap<&str, usize> = order
        .iter()
        .enumerate()
        .map(|(number, (_, word))| (word.as_str(), number))
        .collect();
    let all = all.into_iter().map(|(topic, text, line, words)| {
        let mut words: Vec<usize> = words
            .iter()
            .filter_map(|word| numbers.get(word.as_str()).copied())
            .collect();
        words.sort_unstable();
        Asked {
            topic,
            text,
            line,
            words,
        }
    });
    all.collect()
}

/// The words that two sets share, of all that they have (Jaccard).
fn likeness(a: &[usize], b: &[usize]) -> f64 {
    let common = a
        .iter()
        .filter(|word| b.binary_search(word).is_ok())
        .count();
    share(common, a.len() + b.len() - common)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of words are small")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// How well questions are told apart that were not learned from, and what is taken for what.
fn validate(topics: &[Topic]) -> (Option<Share>, Vec<KbConfusion>) {
    let total: usize = topics.iter().map(|topic| topic.questions.len()).sum();
    let stride = total.div_ceil(VALIDATED_MAX).max(1);
    let known = topics.iter().filter(|topic| topic.questions.len() >= FOLDS);
    let examples: Vec<Example<'_>> = known
        .clone()
        .flat_map(|topic| {
            let questions = topic.questions.iter().step_by(stride);
            questions.map(|text| Example {
                intent: &topic.id,
                text,
            })
        })
        .collect();
    if known.count() < 2 {
        return (None, Vec::new());
    }
    let report = cross_validate(&examples, FOLDS);
    let confusions = report.confusions.into_iter().take(CONFUSIONS_MAX);
    let confusions = confusions.map(|(asked, taken_for, questions)| KbConfusion {
        asked: SafeText::line(&asked),
        taken_for: SafeText::line(&taken_for),
        questions: questions as u64,
    });
    (
        Some(Share::from_number(report.accuracy)),
        confusions.collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use shared::api::{KbCheck, KbSeverity};

    use super::{check, likeness, rare};
    use crate::assistant::knowledge::{Knowledge, load};

    fn checked(files: &[(&str, &str)]) -> KbCheck {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let read = load::read(folder.path());
        check(
            &Knowledge::new(read.topics),
            &read.problems,
            Some(folder.path()),
        )
    }

    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let findings = checked(files).findings.into_iter().map(|one| {
            let line = one.line.map(|line| format!(":{line}")).unwrap_or_default();
            let severity = one.severity.word();
            format!("{severity} {}{line}: {}", one.file, one.message)
        });
        findings.collect()
    }

    fn topic(questions: &[&str]) -> String {
        let questions: String = questions.iter().map(|one| format!("  - {one}\n")).collect();
        format!("---\nquestions:\n{questions}---\nText.\n")
    }

    const FIVE: [&str; 5] = [
        "red one",
        "green two",
        "blue three",
        "white four",
        "black five",
    ];

    #[test]
    fn a_sound_topic_gives_nothing() {
        assert_eq!(told(&[("a.md", &topic(&FIVE))]), [""; 0]);
        assert_eq!(told(&[]), [""; 0]);
    }

    #[test]
    fn files_that_are_not_used_come_first() {
        let told = told(&[("a.md", "text"), ("b.md", "---\ncolor: red\n---\n")]);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].starts_with("error b.md:2: unknown key \"color\""),
            "{told:?}"
        );
        assert_eq!(
            told[1],
            "note a.md: has no questions; it is found by its words only"
        );
    }

    #[test]
    fn what_a_topic_lacks_is_told() {
        let long = "x".repeat(201);
        for (text, expected) in [
            (
                topic(&FIVE[..3]),
                "note a.md: has 3 questions; write at least 5, better 10",
            ),
            (
                topic(&[&FIVE[..], &["Red ONE?"]].concat()),
                "note a.md:8: the question \"Red ONE?\" is in line 3 too; keep one",
            ),
            (
                topic(&[&FIVE[..], &[&long]].concat()),
                "note a.md:8: a question of 201 characters; keep to what is asked",
            ),
            (
                topic(&FIVE).replace("Text.", ""),
                "warning a.md: has neither answer nor body; the assistant has nothing to say",
            ),
            (
                topic(&FIVE)
                    .replace("questions:", "answer: Yes\nquestions:")
                    .replace("Text.", ""),
                "note a.md: has no body; a model has only the answer to go by",
            ),
            (
                topic(&FIVE).replace("Text.", "Hi {{customer.name}}"),
                "warning a.md: has \"{{\" in its body; only an answer has variables",
            ),
        ] {
            assert_eq!(told(&[("a.md", &text)]), [expected], "{text}");
        }
        let silent = topic(&FIVE)
            .replace("Text.", "")
            .replace("questions:", "policy: escalate\nquestions:");
        assert_eq!(told(&[("a.md", &silent)]), [""; 0]);
    }

    #[test]
    fn questions_of_two_topics_are_told_when_they_are_one_or_nearly() {
        let others = ["up", "down", "left", "right"];
        let check = |one: &str, other: &str| {
            let (one, other) = (
                [&FIVE[..], &[one]].concat(),
                [&others[..], &[other]].concat(),
            );
            told(&[("a.md", &topic(&one)), ("b.md", &topic(&other))])
        };
        assert_eq!(
            check("Where is my order", "where is MY order?"),
            ["warning b.md:7: the question \"where is MY order?\" is one of a too; keep it in one"]
        );
        assert_eq!(
            check("where is my red order now", "where is my order now"),
            [
                "warning b.md:7: the question \"where is my order now\" is nearly \
              \"where is my red order now\" of a; keep one"
            ]
        );
        assert_eq!(check("where is my order", "where is my invoice"), [""; 0]);
    }

    #[test]
    fn no_pair_that_is_alike_is_missed() {
        // Every pair of sets of up to 10 words of 12: what is alike shares a rare word.
        for a in 1_u32..1 << 12 {
            for b in [a, a & (a - 1), a | 1, a ^ 0b101, a.rotate_left(1) & 0xFFF] {
                let words = |bits: u32| {
                    (0..12)
                        .filter(|bit| bits & 1 << bit != 0)
                        .collect::<Vec<usize>>()
                };
                let (one, other) = (words(a), words(b));
                if likeness(&one, &other) >= super::NEARLY && !one.is_empty() {
                    let rare_of = |words: &[usize]| words[..rare(words.len())].to_vec();
                    let (first, second) = (rare_of(&one), rare_of(&other));
                    assert!(
                        first.iter().any(|word| second.contains(word)),
                        "{one:?} {other:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn titles_and_links_are_looked_at() {
        let five = topic(&FIVE);
        let titled = |title: &str, body: &str| {
            five.replace("questions:", &format!("title: {title}\nquestions:"))
                .replace("Text.", body)
        };
        let others = titled(
            "Costs",
            "[a](a.md) [up](../a.md) [there](c.md#x) [out](../../b.md) [web](https://x.example)",
        );
        let others = FIVE.iter().fold(others, |text, one| {
            text.replace(one, &one.replace(' ', "x"))
        });
        assert_eq!(
            told(&[
                ("a.md", &titled("costs", "Text.")),
                ("b/b.md", &others),
                ("b/c.md", "")
            ])[..3],
            [
                "warning b/b.md: the title \"Costs\" is that of a too; choose another",
                "warning b/b.md:10: links to \"a.md\", which is not there",
                "warning b/b.md:10: links to \"../../b.md\", which is not there",
            ]
        );
    }

    #[test]
    fn how_well_questions_are_told_apart_is_measured() {
        let say = |what: &str| {
            let ways = [
                "where is my",
                "i lost my",
                "please send the",
                "about a",
                "tell me of the",
                "no",
            ];
            let all: Vec<String> = ways.iter().map(|way| format!("{way} {what}")).collect();
            topic(&all.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let apart = checked(&[("a.md", &say("parcel")), ("b.md", &say("invoice"))]);
        assert!(apart.accuracy.unwrap().number() > 0.9, "{apart:?}");
        assert_eq!((apart.topics, apart.questions), (2, 12));
        let mixed = checked(&[("a.md", &say("parcel")), ("b.md", &say("parcel"))]);
        assert!(
            mixed.accuracy.unwrap() < apart.accuracy.unwrap(),
            "{mixed:?}"
        );
        assert!(!mixed.confusions.is_empty());
        let few = checked(&[("a.md", &say("parcel")), ("b.md", &topic(&FIVE[..2]))]);
        assert_eq!(few.accuracy, None);
        assert!(
            few.findings
                .iter()
                .all(|one| one.severity == KbSeverity::Note)
        );
        assert!(Path::new(few.findings[0].file.as_str()).ends_with("b.md"));
    }
}
