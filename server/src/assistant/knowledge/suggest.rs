//! What the chats of people say that the knowledge base lacks: drafts of topics, for somebody to
//! look through. Nothing is written by itself.
//!
//! What was taken from chats by `harvest` and is asked alike becomes one draft. What staff called
//! wrong comes first.

use std::collections::BTreeSet;

use serde::Serialize;
use shared::{api::KbSuggestion, id::ChatId, search::tokens, text::SafeText};

use super::{
    Knowledge, Policy,
    harvest::{Asked, Flagged, Harvest},
    search::Index,
    topic::TITLE_CHARS_MAX,
};

/// How alike two questions are that one draft answers: the cosine of their parts of words.
const ALIKE: f64 = 0.4;
/// What somebody who looks a draft through has to know.
const MASKED: &str = "Personal data are masked: put into [..] what may be said, or take it out.";
/// Questions of a draft.
const QUESTIONS_MAX: usize = 10;
/// Drafts at most.
const DRAFTS_MAX: usize = 100;

/// Makes drafts of what many chats gave, the newest chat first. What the knowledge base answers
/// with at least this confidence already is left out.
#[must_use]
pub fn suggest(knowledge: &Knowledge, harvests: Vec<Harvest>, confident: f64) -> Vec<KbSuggestion> {
    let (mut flagged, mut asked) = (Vec::new(), Vec::new());
    for harvest in harvests {
        flagged.extend(harvest.flagged);
        asked.extend(harvest.asked);
    }
    asked.retain(|one| {
        let (ranking, hits) = knowledge.look_up(&one.question, 1);
        ranking.confidence() < confident && hits.first().is_none_or(|hit| hit.score < confident)
    });
    let mut files = BTreeSet::new();
    let mut drafts: Vec<KbSuggestion> = flagged
        .into_iter()
        .map(|one| to_mend(knowledge, one, &mut files))
        .collect();
    let mut groups = groups(&asked);
    // Stable: of equals the newest first.
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    drafts.extend(groups.iter().map(|group| to_add(group, &mut files)));
    drafts.truncate(DRAFTS_MAX);
    drafts
}

/// What is asked alike, each group led by its newest.
fn groups(asked: &[Asked]) -> Vec<Vec<&Asked>> {
    let index = Index::of_texts(asked.iter().map(|one| one.question.as_str()));
    let mut is_taken = vec![false; asked.len()];
    let mut groups = Vec::new();
    for (leader, one) in asked.iter().enumerate() {
        if is_taken[leader] {
            continue;
        }
        let mut group = Vec::new();
        for (other, cosine) in index.cosines(&one.question).into_iter().enumerate() {
            if !is_taken[other] && (other == leader || cosine >= ALIKE) {
                is_taken[other] = true;
                group.push(&asked[other]);
            }
        }
        groups.push(group);
    }
    groups
}

fn to_mend(knowledge: &Knowledge, flagged: Flagged, files: &mut BTreeSet<String>) -> KbSuggestion {
    let topic = flagged.topic.as_deref().and_then(|id| knowledge.topic(id));
    let title = topic.map_or_else(|| title(&flagged.question), |topic| topic.title.clone());
    let draft = Draft {
        title: title.clone(),
        questions: vec![SafeText::line(&flagged.question)],
        answer: flagged.answer.unwrap_or_default(),
    };
    let id = topic.map(|topic| format!("the topic {} of {}", topic.id, topic.file.display()));
    let told = format!(
        "Called wrong in chat {}: mend {}, or make this a topic of its own.\n{MASKED}\n\
         It was said: {}",
        flagged.chat,
        id.as_deref().unwrap_or("what was answered from"),
        flagged.wrong,
    );
    KbSuggestion {
        flagged: true,
        topic: flagged.topic,
        wrong: Some(flagged.wrong),
        chats: vec![flagged.chat],
        ..draft.suggestion(&told, files)
    }
}

fn to_add(group: &[&Asked], files: &mut BTreeSet<String>) -> KbSuggestion {
    let mut seen = BTreeSet::new();
    let questions = group.iter().map(|one| SafeText::line(&one.question));
    let questions: Vec<SafeText> = questions
        .filter(|question| seen.insert(tokens(question)))
        .take(QUESTIONS_MAX)
        .collect();
    let chats: Vec<ChatId> = group.iter().map(|one| one.chat).collect();
    let newest = group.first();
    let draft = Draft {
        title: newest.map(|one| title(&one.question)).unwrap_or_default(),
        questions,
        answer: newest.map(|one| one.answer.clone()).unwrap_or_default(),
    };
    let named: Vec<String> = chats
        .iter()
        .take(QUESTIONS_MAX)
        .map(ToString::to_string)
        .collect();
    let more = match chats.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let in_chats = match chats.len() {
        1 => "chat".to_owned(),
        many => format!("{many} chats:"),
    };
    let told = format!(
        "Asked in {in_chats} {}{more}; the answer is that of chat {}.\n{MASKED}",
        named.join(", "),
        named.first().map_or("", String::as_str),
    );
    KbSuggestion {
        chats,
        ..draft.suggestion(&told, files)
    }
}

/// The beginning of a question, at the end of a word.
fn title(question: &str) -> SafeText {
    let line = SafeText::line(question);
    let end = line
        .char_indices()
        .nth(TITLE_CHARS_MAX / 2)
        .map(|(at, _)| at);
    let Some(end) = end else {
        return line;
    };
    let fits = &line[..end];
    SafeText::line(fits.rsplit_once(' ').map_or(fits, |(fits, _)| fits))
}

/// A topic to be.
#[derive(Serialize)]
struct Draft {
    title: SafeText,
    questions: Vec<SafeText>,
    #[serde(skip_serializing_if = "SafeText::is_empty")]
    answer: SafeText,
}

impl Draft {
    /// As a file, with a comment of what it comes from.
    fn suggestion(self, told: &str, files: &mut BTreeSet<String>) -> KbSuggestion {
        let yaml = serde_saphyr::to_string(&self).unwrap_or_default();
        let comment = told.lines().map(|line| format!("# {line}\n"));
        let comment: String = comment.collect();
        let policy = Policy::Answer;
        let markdown = format!(
            "---\n{comment}{yaml}policy: {policy}\n---\n\n# {}\n",
            self.title
        );
        KbSuggestion {
            flagged: false,
            topic: None,
            file: SafeText::line(&file(&self.title, files)),
            title: self.title,
            questions: self.questions,
            answer: self.answer,
            wrong: None,
            chats: Vec::new(),
            markdown: SafeText::block(&markdown),
        }
    }
}

/// A name for a file that no other draft has: the first words of its title.
fn file(title: &str, files: &mut BTreeSet<String>) -> String {
    let words = tokens(title);
    let stem = words
        .iter()
        .take(6)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("-");
    let stem = if stem.is_empty() {
        "draft".to_owned()
    } else {
        stem
    };
    let mut name = format!("{stem}.md");
    let mut number = 2;
    while !files.insert(name.clone()) {
        name = format!("{stem}-{number}.md");
        number += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use shared::{id::ChatId, text::SafeText};

    use super::{Asked, Flagged, Harvest, suggest};
    use crate::assistant::knowledge::{Knowledge, topic::Topic};

    fn asked(chat: u64, question: &str, answer: &str) -> Harvest {
        Harvest {
            asked: Some(Asked {
                chat: ChatId(chat),
                question: SafeText::block(question),
                answer: SafeText::block(answer),
            }),
            flagged: Vec::new(),
        }
    }

    fn knowledge() -> Knowledge {
        let text = "---\ntitle: Opening hours\nquestions:\n  - when are you open\n---\nFrom nine to five.\n";
        Knowledge::new(vec![Topic::parse(Path::new("hours.md"), text).unwrap()])
    }

    #[test]
    fn what_is_asked_alike_is_one_draft_and_what_is_known_none() {
        let harvests = vec![
            asked(
                9,
                "do you repair lamps",
                "Yes, within a week: \"all\" of them # really",
            ),
            asked(8, "when are you open", "We are open from nine to five."),
            asked(7, "can I get a catalogue by post", "We send one."),
            asked(6, "do you repair a lamp", "Yes we do that."),
            asked(5, "do you repair lamps?", "Yes."),
        ];
        let drafts = suggest(&knowledge(), harvests, 0.7);
        let chats: Vec<Vec<u64>> = drafts
            .iter()
            .map(|draft| draft.chats.iter().map(|chat| chat.0).collect())
            .collect();
        assert_eq!(chats, [vec![9, 6, 5], vec![7]]);
        let questions: Vec<&str> = drafts[0].questions.iter().map(SafeText::as_str).collect();
        assert_eq!(questions, ["do you repair lamps", "do you repair a lamp"]);
        assert_eq!(drafts[0].file.as_str(), "do-you-repair-lamps.md");
        assert!(
            drafts[0]
                .markdown
                .contains("# Asked in 3 chats: 9, 6, 5; the answer is that of chat 9.\n"),
            "{}",
            drafts[0].markdown
        );
        for draft in &drafts {
            let topic = Topic::parse(Path::new("x.md"), &draft.markdown).unwrap();
            assert_eq!(
                (&topic.title, &topic.questions),
                (&draft.title, &draft.questions)
            );
            assert_eq!(topic.answer.unwrap().source(), draft.answer.as_str());
        }
    }

    #[test]
    fn what_was_called_wrong_comes_first_and_is_a_sound_file() {
        let flagged = |answer: Option<&str>| Flagged {
            chat: ChatId(3),
            topic: Some(SafeText::line("hours")),
            question: SafeText::block("open on monday?\n---\nid: hours"),
            wrong: SafeText::block("From nine.\n---\n(no)"),
            answer: answer.map(SafeText::block),
        };
        let of = |flagged| Harvest {
            asked: None,
            flagged: vec![flagged],
        };
        let harvests = vec![
            asked(9, "do you repair lamps", "Yes, within a week: all"),
            of(flagged(Some("Closed on Mondays.\n---\n"))),
            of(flagged(None)),
        ];
        let drafts = suggest(&knowledge(), harvests, 0.7);
        let order: Vec<bool> = drafts.iter().map(|draft| draft.flagged).collect();
        assert_eq!(order, [true, true, false]);
        assert_eq!(drafts[0].topic.as_deref(), Some("hours"));
        let files: Vec<&str> = drafts.iter().map(|draft| draft.file.as_str()).collect();
        assert_eq!(
            files,
            [
                "opening-hours.md",
                "opening-hours-2.md",
                "do-you-repair-lamps.md"
            ]
        );
        assert!(
            drafts[0]
                .markdown
                .contains("mend the topic hours of hours.md")
        );
        for draft in &drafts {
            let topic = Topic::parse(Path::new("x.md"), &draft.markdown).unwrap();
            assert_eq!(
                (&topic.title, &topic.questions),
                (&draft.title, &draft.questions)
            );
        }
    }
}
