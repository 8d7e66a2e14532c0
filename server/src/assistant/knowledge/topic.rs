//! One topic: a file of front matter and Markdown, and what the assistant takes from it.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use shared::text::SafeText;

use super::{
    Problem,
    front::{self, Front, Placed},
    markdown::{self, Link},
    template::{Template, Vars},
};

/// Characters of an id.
pub(super) const ID_CHARS_MAX: usize = 64;
/// Characters of a title: it stands in one line, and in a numbered choice.
pub(super) const TITLE_CHARS_MAX: usize = 120;
/// Characters of an answer: what may be read in a chat without scrolling. The same bound as for
/// the answer of a model.
pub const ANSWER_CHARS_MAX: usize = 1_200;
/// Characters of a question; a longer one is an essay and teaches nothing.
pub(super) const QUESTION_CHARS_MAX: usize = 500;
/// Questions of a topic.
pub(super) const QUESTIONS_MAX: usize = 500;
/// Names under which reports count a topic.
pub(super) const INTENTS_MAX: usize = 20;
/// Characters of a passage.
pub const PASSAGE_CHARS_MAX: usize = 800;

/// What the assistant does with a question about a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Answers it.
    #[default]
    Answer,
    /// Leaves the answer to a person and shows that person what the topic says.
    Assist,
    /// Calls a person at once.
    Escalate,
}

impl Policy {
    /// The word for it in a file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Assist => "assist",
            Self::Escalate => "escalate",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Something people ask about, and what is said to it.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name for the classifier, for citations and in commands: unique, lower case.
    pub id: Arc<str>,
    /// Its name for people, in one line.
    pub title: SafeText,
    /// How people ask for it: what the classifier learns from.
    pub questions: Vec<SafeText>,
    /// Names under which reports count it; its id counts always. Nothing is learned from them.
    pub intents: Vec<SafeText>,
    /// What is said, if the file has it apart from the body.
    pub answer: Option<Template>,
    /// What the assistant does with it.
    pub policy: Policy,
    /// The language of its text, as a tag like `en` or `de-AT`.
    pub lang: Option<String>,
    /// The day it was last looked through, as `2026-11-21`.
    pub updated: Option<String>,
    /// What can be searched and cited: the body, or the answer where there is no body.
    pub passages: Vec<Passage>,
    /// Its file, from the folder of the knowledge base.
    pub file: PathBuf,
    /// Where its text links to.
    pub(super) links: Vec<Link>,
    /// The lines of the file that its questions stand in, in their order.
    pub(super) question_lines: Vec<usize>,
    /// Whether the file has text below the front matter.
    pub(super) has_body: bool,
}

/// A part of a topic that is short enough to be quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// `kb:<topic>#<n>`, from 1: what an answer cites.
    pub id: String,
    /// The headings it stands under, without the title.
    pub heading: SafeText,
    /// Plain text, at most [`PASSAGE_CHARS_MAX`] characters.
    pub text: SafeText,
}

impl Topic {
    /// Reads the text of a file. Everything that is wrong with it is told, not only the first.
    pub(super) fn parse(file: &Path, text: &str) -> Result<Self, Vec<Problem>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (front, body) = front::split(text).map_err(|what| vec![Problem::at(file, 1, what)])?;
        let front =
            Front::parse(front).map_err(|(line, what)| vec![Problem::at(file, line, what)])?;
        let before = text[..text.len() - body.len()].matches('\n').count();
        let body = markdown::sections(body, before + 1);
        let mut reading = Reading {
            file,
            text,
            problems: Vec::new(),
        };
        let topic = reading.topic(front, body);
        match (topic, reading.problems.is_empty()) {
            (Some(topic), true) => Ok(topic),
            (_, _) => Err(reading.problems),
        }
    }

    /// What is said to a customer: the answer, or else the beginning of the body. None when the
    /// file has neither.
    #[must_use]
    pub fn reply(&self, vars: &Vars<'_>) -> Option<SafeText> {
        let first = || self.passages.first().map(|passage| passage.text.clone());
        let answer = self.answer.as_ref().map(|answer| answer.fill(vars));
        answer.or_else(first)
    }
}

/// A file on its way to a topic.
struct Reading<'a> {
    file: &'a Path,
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn wrong(&mut self, line: usize, what: impl Into<String>) {
        self.problems.push(Problem::at(self.file, line, what));
    }

    fn topic(&mut self, front: Front, body: markdown::Body) -> Option<Topic> {
        let id = self.id(front.id)?;
        let title = self.title(front.title, &body, &id);
        let answer = front.answer.and_then(|answer| self.answer(&answer));
        let questions = self.lines(
            "question",
            front.questions,
            QUESTIONS_MAX,
            QUESTION_CHARS_MAX,
        );
        let intents = self.lines("intent", front.intents, INTENTS_MAX, ID_CHARS_MAX);
        let lang = front.lang.and_then(|lang| self.lang(lang));
        let updated = front.updated.and_then(|day| self.day(day));
        let has_body = !body.sections.is_empty();
        let mut sections = body.sections;
        if let (false, Some(answer)) = (has_body, &answer) {
            sections.push(markdown::Section {
                heading: String::new(),
                blocks: vec![answer.named().to_string()],
            });
        }
        Some(Topic {
            passages: passages(&id, &sections),
            id,
            title,
            question_lines: questions.iter().map(|one| one.line).collect(),
            questions: questions.into_iter().map(|one| one.value).collect(),
            intents: intents.into_iter().map(|one| one.value).collect(),
            answer,
            policy: front.policy,
            lang,
            updated,
            file: self.file.to_owned(),
            links: body.links,
            has_body,
        })
    }

    /// From the front matter, or else the name of the file.
    fn id(&mut self, given: Option<Placed<String>>) -> Option<Arc<str>> {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some(Placed { value, line }) = given {
            let clean = SafeText::line(&value);
            let chars = clean.chars().count();
            let is_lower = !clean.chars().any(char::is_uppercase);
            if chars > 0 && chars <= ID_CHARS_MAX && is_lower && clean.chars().all(is_word) {
                return Some(Arc::from(clean.as_str()));
            }
            let what = format!(
                "the id {value:?} is not 1 to {ID_CHARS_MAX} lower-case letters, digits, - _ and ."
            );
            self.wrong(line, what);
            return None;
        }
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        let stem = SafeText::line(&stem.to_lowercase());
        let id: String = stem.chars().take(ID_CHARS_MAX).collect();
        let id = id.replace(|c| !is_word(c), "-");
        if id.contains(char::is_alphanumeric) {
            return Some(Arc::from(id));
        }
        self.wrong(
            0,
            "no id can be made of the file's name; write \"id: ..\" in the front matter",
        );
        None
    }

    /// From the front matter, the first heading, or else the id.
    fn title(
        &mut self,
        given: Option<Placed<String>>,
        body: &markdown::Body,
        id: &str,
    ) -> SafeText {
        let Some(Placed { value, line }) = given else {
            let title = body.title.as_deref().unwrap_or(id);
            return SafeText::line(&title.chars().take(TITLE_CHARS_MAX).collect::<String>());
        };
        let title = SafeText::line(&value);
        let chars = title.chars().count();
        if chars == 0 || chars > TITLE_CHARS_MAX {
            let what =
                format!("the title has {chars} characters; 1 to {TITLE_CHARS_MAX} are a title");
            self.wrong(line, what);
        }
        title
    }

    fn answer(&mut self, given: &Placed<String>) -> Option<Template> {
        let chars = given.value.trim().chars().count();
        if chars == 0 || chars > ANSWER_CHARS_MAX {
            let what = format!(
                "the answer has {chars} characters; 1 to {ANSWER_CHARS_MAX} fit into a chat, \
                 the rest belongs into the body"
            );
            self.wrong(given.line, what);
        }
        match Template::parse(&given.value) {
            Ok(template) => Some(template),
            Err(bad) => {
                for place in bad {
                    let line = self.line_of(&place.written, given.line);
                    self.wrong(line, place.what);
                }
                None
            }
        }
    }

    /// Texts of one line each.
    fn lines(
        &mut self,
        noun: &str,
        given: Vec<Placed<String>>,
        most: usize,
        chars_max: usize,
    ) -> Vec<Placed<SafeText>> {
        if let Some(first) = given.get(most) {
            self.wrong(
                first.line,
                format!("more than {most} {noun}s; take some away"),
            );
        }
        let mut lines = Vec::with_capacity(given.len());
        for Placed { value, line } in given {
            let value = SafeText::line(&value);
            match value.chars().count() {
                0 => self.wrong(line, format!("this {noun} is empty; take it away")),
                chars if chars > chars_max => self.wrong(
                    line,
                    format!("this {noun} has {chars} characters; {chars_max} are the most"),
                ),
                _ => lines.push(Placed { value, line }),
            }
        }
        lines
    }

    fn lang(&mut self, given: Placed<String>) -> Option<String> {
        let tag = given.value;
        let mut parts = tag.split('-');
        let is_part = |part: &str| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        let first = parts.next().unwrap_or_default();
        let is_language =
            (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic());
        if is_language && parts.all(is_part) && tag.len() <= 35 {
            return Some(tag);
        }
        let what = format!("{tag:?} is no tag of a language; write en or de-AT");
        self.wrong(given.line, what);
        None
    }

    fn day(&mut self, given: Placed<String>) -> Option<String> {
        let day = given.value.trim();
        if day.len() == 10 && day.parse::<jiff::civil::Date>().is_ok() {
            return Some(day.to_owned());
        }
        let what = format!("{day:?} is no day; write it as 2026-11-21");
        self.wrong(given.line, what);
        None
    }

    /// The first line from `from` on that has `written`.
    fn line_of(&self, written: &str, from: usize) -> usize {
        let lines = self.text.lines().enumerate().skip(from.saturating_sub(1));
        let found = lines
            .filter(|(_, line)| line.contains(written))
            .map(|(index, _)| index + 1);
        found.min().unwrap_or(from)
    }
}

/// Cuts sections into passages: whole blocks as long as they fit.
fn passages(topic: &str, sections: &[markdown::Section]) -> Vec<Passage> {
    let mut passages = Vec::new();
    for section in sections {
        let heading = SafeText::line(&section.heading);
        for text in markdown::cut(&section.blocks, PASSAGE_CHARS_MAX) {
            passages.push(Passage {
                id: format!("kb:{topic}#{}", passages.len() + 1),
                heading: heading.clone(),
                text: SafeText::block(&text),
            });
        }
    }
    passages
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use shared::text::{HOSTILE, SafeText};

    use super::{PASSAGE_CHARS_MAX, Policy, Topic, Vars};

    fn read(text: &str) -> Topic {
        let read = Topic::parse(Path::new("a/Some Name.md"), text);
        read.unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn wrong(text: &str) -> Vec<String> {
        let problems = Topic::parse(Path::new("x.md"), text).unwrap_err();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_is_a_topic() {
        let text = "---\nid: refund\ntitle: Refunds\nintents: [money]\nquestions:\n  - Where is it?\n  \
                    - \"Still: nothing\"\nanswer: |\n  Soon, {{customer.name}}.\n  Really.\npolicy: \
                    assist\nlang: en\nupdated: 2026-11-01\n---\n# Refunds\n\nFive days.\n\n## Cards\n\nEight.\n";
        for text in [
            text.to_owned(),
            format!("\u{feff}{}", text.replace('\n', "\r\n")),
        ] {
            let topic = read(&text);
            assert_eq!(&*topic.id, "refund");
            assert_eq!(&*topic.title, "Refunds");
            assert_eq!(
                topic.questions,
                ["Where is it?", "Still: nothing"].map(SafeText::line)
            );
            assert_eq!(topic.question_lines, [6, 7]);
            assert_eq!(topic.intents, [SafeText::line("money")]);
            assert_eq!(topic.policy, Policy::Assist);
            assert_eq!(
                (topic.lang.as_deref(), topic.updated.as_deref()),
                (Some("en"), Some("2026-11-01"))
            );
            let passages: Vec<_> = topic
                .passages
                .iter()
                .map(|one| (one.id.as_str(), &*one.heading, &*one.text))
                .collect();
            assert_eq!(
                passages,
                [
                    ("kb:refund#1", "", "Five days."),
                    ("kb:refund#2", "Cards", "Eight.")
                ]
            );
            let vars = Vars {
                customer_name: "Kim",
                ..Vars::default()
            };
            assert_eq!(topic.reply(&vars).as_deref(), Some("Soon, Kim.\nReally."));
        }
    }

    #[test]
    fn what_is_not_said_is_found_in_the_name_or_the_body() {
        let topic = read("# What it is\n\nText.\n");
        assert_eq!((&*topic.id, &*topic.title), ("some-name", "What it is"));
        assert_eq!(topic.policy, Policy::Answer);
        assert_eq!(topic.reply(&Vars::default()).as_deref(), Some("Text."));
        let topic = read("---\nanswer: Ask {{agent.name}}.\n---\n");
        assert_eq!((&*topic.id, &*topic.title), ("some-name", "some-name"));
        assert_eq!(&*topic.passages[0].text, "Ask agent.name.");
        assert_eq!(read("").reply(&Vars::default()), None);
        assert_eq!(read("---\n---\nBody").passages.len(), 1);
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_line() {
        for (text, expected) in [
            (
                "---\ntitle: A\nquestons: [x]\n---\n",
                "x.md:3: unknown key \"questons\"; did you mean \"questions\"?",
            ),
            (
                "---\npolicy: asist\n---\n",
                "x.md:2: \"asist\" is no policy; did you mean \"assist\"?",
            ),
            (
                "---\ntitle: A\ntitle: B\n---\n",
                "x.md:3: the key \"title\" is there twice; keep one",
            ),
            (
                "---\ntitle: A\n",
                "x.md:1: the front matter is never closed; end it with a line of ---",
            ),
            (
                "---\nid: Some Thing\n---\n",
                "x.md:2: the id \"Some Thing\" is not 1 to 64 lower-case letters, digits, - _ and .",
            ),
            (
                "---\ntitle: \"\"\n---\n",
                "x.md:2: the title has 0 characters; 1 to 120 are a title",
            ),
            (
                "---\nquestions:\n  - a\n  - \"\"\n---\n",
                "x.md:4: this question is empty; take it away",
            ),
            (
                "---\nlang: english\n---\n",
                "x.md:2: \"english\" is no tag of a language; write en or de-AT",
            ),
            (
                "---\nupdated: 2026-02-30\n---\n",
                "x.md:2: \"2026-02-30\" is no day; write it as 2026-11-21",
            ),
            (
                "---\nanswer: |\n  Hello\n  {{ custmer.name }}\n---\n",
                "x.md:4: unknown variable \"custmer.name\"; did you mean \"customer.name\"?",
            ),
        ] {
            assert_eq!(wrong(text), [expected], "{text}");
        }
        let long = format!("---\nanswer: {}\n---\n", "a".repeat(1_201));
        assert!(wrong(&long)[0].starts_with("x.md:2: the answer has 1201 characters"));
        for text in [
            "---\nquestions: one\n---\n",
            "---\n- a\n---\n",
            "---\ntitle: [\n---\n",
            "---\ntitle: a: b\n---\n",
        ] {
            let told = wrong(text);
            let begins = "the front matter is no YAML that is understood: ";
            assert!(
                told.len() == 1 && told[0].contains(begins) && !told[0].contains('\n'),
                "{told:?}"
            );
        }
        let two = wrong("---\nlang: english\nupdated: now\n---\n");
        assert_eq!(two.len(), 2, "{two:?}");
    }

    #[test]
    fn nothing_that_steers_a_terminal_comes_in() {
        for hostile in HOSTILE {
            let quoted = serde_json::to_string(hostile).unwrap();
            let entities: String = hostile
                .chars()
                .map(|c| format!("&#{};", u32::from(c)))
                .collect();
            let front =
                format!("---\ntitle: {quoted}\nquestions: [{quoted}]\nanswer: {quoted}\n---\n");
            for text in [
                front,
                format!("# {hostile}\n\n{hostile}\n"),
                format!("{entities}\n"),
            ] {
                let Ok(topic) = Topic::parse(Path::new("x.md"), &text) else {
                    continue;
                };
                let reply = topic.reply(&Vars::default()).unwrap_or_default();
                let passages = topic
                    .passages
                    .iter()
                    .flat_map(|one| [&one.heading, &one.text]);
                for text in passages
                    .chain(&topic.questions)
                    .chain([&topic.title, &reply])
                {
                    assert_eq!(&SafeText::block(text), text);
                    assert!(!text.contains(['\x1b', '\u{9b}', '\u{202e}']), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn a_long_body_is_cut_into_numbered_passages() {
        let topic = read(&"Some words that make up a sentence. ".repeat(200));
        assert!(topic.passages.len() >= 9);
        for (at, passage) in topic.passages.iter().enumerate() {
            assert_eq!(passage.id, format!("kb:some-name#{}", at + 1));
            assert!(passage.text.chars().count() <= PASSAGE_CHARS_MAX);
        }
    }
}
