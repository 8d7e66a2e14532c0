//! What the chats of people say that the knowledge base lacks: drafts of topics, for somebody to
//! look through. Nothing is written by itself.
//!
//! Of a chat that people ended, its first request and the answer of a person are taken; what is
//! asked alike becomes one draft. What staff called wrong comes first. Everything is masked before
//! it is compared or shown.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shared::{
    api::KbSuggestion,
    event::Event,
    id::{ChatId, Seq},
    model::{ActorKind, Visibility},
    record::Record,
    search::tokens,
    text::SafeText,
};

use super::{
    Knowledge, Policy,
    search::Index,
    topic::{ANSWER_CHARS_MAX, QUESTION_CHARS_MAX, TITLE_CHARS_MAX},
};
use crate::desk::human::asks_for_human;

/// Words of a message below which it asks nothing.
const REQUEST_WORDS_MIN: usize = 3;
/// Words of an answer below which it is none.
const ANSWER_WORDS_MIN: usize = 4;
/// Messages of people after a request among which its answer is looked for.
const ANSWER_AMONG: usize = 3;
/// How alike two questions are that one draft answers: the cosine of their parts of words.
const ALIKE: f64 = 0.4;
/// Letters of a part of a name that is taken out; shorter ones are words too.
const NAME_CHARS_MIN: usize = 3;
/// Stands for the customer's name in what was asked, and in what is answered.
const NAME_MASKED: &str = "[name]";
const NAME_PLACE: &str = "{{customer.name}}";
/// What somebody who looks a draft through has to know.
const MASKED: &str = "Personal data are masked: put into [..] what may be said, or take it out.";
/// Questions of a draft.
const QUESTIONS_MAX: usize = 10;
/// Drafts at most.
const DRAFTS_MAX: usize = 100;

/// What people did in one chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Harvest {
    /// What was asked and answered, when people ended the chat.
    pub asked: Option<Asked>,
    /// Answers of the assistant that staff called wrong.
    pub flagged: Vec<Flagged>,
}

/// A request and what a person answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// In which chat.
    pub chat: ChatId,
    /// What the customer asked first.
    pub question: SafeText,
    /// What a person answered.
    pub answer: SafeText,
}

/// An answer of the assistant that was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flagged {
    /// In which chat.
    pub chat: ChatId,
    /// The topic that it was from.
    pub topic: Option<SafeText>,
    /// What the customer asked.
    pub question: SafeText,
    /// What the assistant said, and why that is wrong if it was told.
    pub wrong: SafeText,
    /// What a person answered later, if one did.
    pub answer: Option<SafeText>,
}

/// A public message, as it was edited last.
struct Said {
    seq: Seq,
    kind: ActorKind,
    text: SafeText,
}

/// Takes from the records of a chat, oldest first, what can be learned from it. Every text goes
/// through `mask`, and the customer's name is taken out.
pub fn harvest(chat: ChatId, records: &[Record], mask: &mut dyn FnMut(&str) -> String) -> Harvest {
    let said = said(records);
    let name = records.iter().find_map(|record| match &record.event {
        Event::ChatOpened { name, .. } => Some(name.clone()),
        _ => None,
    });
    let name = name.unwrap_or_default();
    let ended = records.iter().any(|record| {
        matches!(
            record.event,
            Event::ChatResolved { .. } | Event::ChatClosed {}
        )
    });
    let mut masked = |text: &str, place: &str| {
        SafeText::block(&without_name(
            &mask(text).replace("{{", "{ {"),
            &name,
            place,
        ))
    };
    let request = said.iter().find(|one| is_request(one)).filter(|_| ended);
    let asked = request.and_then(|request| {
        Some(Asked {
            chat,
            question: masked(&request.text, NAME_MASKED),
            answer: masked(&answer_after(&said, request.seq)?.text, NAME_PLACE),
        })
    });
    let flagged = records.iter().filter_map(|record| match &record.event {
        Event::AnswerFlagged { seq, reason } => {
            let wrong = said.iter().find(|one| one.seq == *seq)?;
            let mut before = said.iter().rev().filter(|one| one.seq < *seq);
            let question = before.find(|one| one.kind == ActorKind::Customer)?;
            let why = reason.as_ref().map(|reason| format!("\n({reason})"));
            Some(Flagged {
                chat,
                topic: topic_of(records, *seq),
                question: masked(&question.text, NAME_MASKED),
                wrong: masked(
                    &format!("{}{}", wrong.text, why.unwrap_or_default()),
                    NAME_MASKED,
                ),
                answer: answer_after(&said, *seq).map(|one| masked(&one.text, NAME_PLACE)),
            })
        }
        _ => None,
    });
    Harvest {
        asked,
        flagged: flagged.collect(),
    }
}

/// A text with `place` where the name, or a part of it, stands as a word.
fn without_name(text: &str, name: &str, place: &str) -> String {
    let parts = name.split_whitespace();
    let parts = parts.filter(|part| part.chars().count() >= NAME_CHARS_MIN);
    let is_word = |c: char| c.is_alphanumeric();
    let mut text = text.to_owned();
    for part in [name]
        .into_iter()
        .chain(parts)
        .filter(|part| !part.is_empty())
    {
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find(part) {
            let (before, after) = (&rest[..at], &rest[at + part.len()..]);
            let joins = out.ends_with(is_word) && before.is_empty()
                || before.ends_with(is_word)
                || after.starts_with(is_word);
            out.push_str(before);
            out.push_str(if joins { part } else { place });
            rest = after;
        }
        out.push_str(rest);
        text = out;
    }
    text
}

fn said(records: &[Record]) -> Vec<Said> {
    let mut said: BTreeMap<Seq, Said> = BTreeMap::new();
    for record in records {
        match (&record.event, record.seq) {
            (
                Event::MessagePosted {
                    text,
                    visibility: Visibility::Public,
                    ..
                },
                Some(seq),
            ) => {
                let kind = record.actor.kind;
                let text = text.clone();
                said.insert(seq, Said { seq, kind, text });
            }
            (Event::MessageEdited { seq, text, .. }, _) => {
                if let Some(message) = said.get_mut(seq) {
                    message.text = text.clone();
                }
            }
            _ => {}
        }
    }
    said.into_values().collect()
}

/// A message of a customer that asks or tells something. A greeting has fewer words.
fn is_request(said: &Said) -> bool {
    said.kind == ActorKind::Customer
        && said.text.chars().count() <= QUESTION_CHARS_MAX
        && tokens(&said.text).len() >= REQUEST_WORDS_MIN
        && !asks_for_human(&said.text)
}

/// The longest of the first messages of people after a record: they greet and ask back before
/// they answer.
fn answer_after(said: &[Said], seq: Seq) -> Option<&Said> {
    let by_people = said
        .iter()
        .filter(|one| one.seq > seq && one.kind == ActorKind::Agent);
    let first = by_people.take(ANSWER_AMONG);
    let answers = first.filter(|one| {
        tokens(&one.text).len() >= ANSWER_WORDS_MIN
            && !one.text.trim_end().ends_with('?')
            && one.text.chars().count() <= ANSWER_CHARS_MAX
    });
    answers.max_by_key(|one| (one.text.chars().count(), std::cmp::Reverse(one.seq)))
}

/// What stands behind a message comes right after it.
fn topic_of(records: &[Record], seq: Seq) -> Option<SafeText> {
    let behind = records
        .iter()
        .find(|record| record.seq == Some(seq.next()))?;
    match &behind.event {
        Event::AssistantReplied { reply } => reply.intent.clone(),
        _ => None,
    }
}

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
        let known = knowledge.classify(&one.question).confidence() >= confident;
        let hits = knowledge.search(&one.question, 1);
        !known && hits.first().is_none_or(|hit| hit.score < confident)
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

    use shared::{
        assistant::{Reply, ReplyKind},
        event::Event,
        id::{ChatId, Pos, Seq, UserId},
        model::{Actor, ActorKind, Visibility},
        record::Record,
        text::SafeText,
        time::Timestamp,
    };

    use super::{Asked, Flagged, Harvest, NAME_PLACE, harvest, suggest, without_name};
    use crate::assistant::knowledge::{Knowledge, topic::Topic};

    use ActorKind::{Agent, Assistant, Customer};

    fn record(seq: u64, kind: ActorKind, event: Event) -> Record {
        Record {
            pos: Pos(seq),
            at: Timestamp::default(),
            chat: Some(ChatId(7)),
            seq: Some(Seq(seq)),
            actor: Actor {
                kind,
                id: Some(UserId(1)),
                name: SafeText::line("Kim"),
                rule: None,
            },
            event,
        }
    }

    fn message(seq: u64, kind: ActorKind, text: &str) -> Record {
        let event = Event::MessagePosted {
            text: SafeText::block(text),
            visibility: Visibility::Public,
            attachments: Vec::new(),
        };
        record(seq, kind, event)
    }

    fn ended(seq: u64) -> Record {
        record(seq, Agent, Event::ChatResolved { by: None })
    }

    fn mask(text: &str) -> String {
        text.replace("4711", "[number]")
    }

    fn taken(records: &[Record]) -> Option<(String, String)> {
        let asked = harvest(ChatId(7), records, &mut mask).asked;
        asked.map(|one| (one.question.to_string(), one.answer.to_string()))
    }

    #[test]
    fn the_first_request_and_what_a_person_answered_are_taken() {
        let records = [
            message(1, Customer, "Hello there"),
            message(
                2,
                Assistant,
                "I am an automated assistant and know nothing of that.",
            ),
            message(3, Customer, "I want to speak to a human"),
            message(4, Customer, "do you repair lamp 4711"),
            message(5, Agent, "Hi Kim, this is Ana."),
            message(
                6,
                Agent,
                "Which of our lamps do you have there, may I ask you that?",
            ),
            message(7, Agent, "We repair every lamp within a week, 4711 too."),
            message(
                8,
                Agent,
                "And something long that comes much later than the answer that was given.",
            ),
            ended(9),
        ];
        let answer = "We repair every lamp within a week, [number] too.";
        let expected = Some(("do you repair lamp [number]".to_owned(), answer.to_owned()));
        assert_eq!(taken(&records), expected);
        assert_eq!(taken(&records[..8]), None, "a chat that goes on");
        assert_eq!(
            taken(&[&records[..4], &records[8..]].concat()),
            None,
            "nobody answered"
        );
    }

    #[test]
    fn the_customers_name_is_taken_out() {
        for (name, text, expected) in [
            (
                "Kim Lee",
                "Hi Kim, Kimberley is here",
                "Hi @, Kimberley is here",
            ),
            ("Kim Lee", "Kim Lee and Lee", "@ and @"),
            ("Al", "Al, also all of it", "@, also all of it"),
            ("Bo Oz Tan", "Bo Tan of Oz", "Bo @ of Oz"),
            ("", "nobody", "nobody"),
            ("Kim", "Kim", "@"),
        ] {
            assert_eq!(without_name(text, name, "@"), expected, "{name}");
        }
        let open = serde_json::from_value::<Event>(serde_json::json!({"type": "chat_opened",
            "department": 1, "customer": 2, "name": "Kim", "token_hash": ""}));
        let records = [
            record(1, Customer, open.unwrap()),
            message(2, Customer, "do you repair lamps of Kim"),
            message(3, Agent, "Hello Kim, we do {{agent.nam}} repair them."),
            ended(4),
        ];
        let answer = format!("Hello {NAME_PLACE}, we do {{ {{agent.nam}}}} repair them.");
        let expected = ("do you repair lamps of [name]".to_owned(), answer);
        assert_eq!(taken(&records), Some(expected));
    }

    #[test]
    fn edits_count_and_notes_do_not() {
        let note = Event::MessagePosted {
            text: SafeText::block("he is a difficult customer, be careful with him"),
            visibility: Visibility::Note,
            attachments: Vec::new(),
        };
        let edit = Event::MessageEdited {
            seq: Seq(3),
            text: SafeText::block("we repair them all"),
            visibility: Visibility::Public,
        };
        let records = [
            message(1, Customer, "do you repair lamps"),
            record(2, Agent, note),
            message(3, Agent, "we repair none of them"),
            record(4, Agent, edit),
            ended(5),
        ];
        let expected = (
            "do you repair lamps".to_owned(),
            "we repair them all".to_owned(),
        );
        assert_eq!(taken(&records), Some(expected));
    }

    #[test]
    fn answers_that_were_called_wrong_are_taken_from_open_chats_too() {
        let mut reply = Reply::new(ReplyKind::Answer, Seq(1));
        reply.intent = Some(SafeText::line("repairs"));
        let flag = Event::AnswerFlagged {
            seq: Seq(2),
            reason: Some(SafeText::line("we do")),
        };
        let records = [
            message(1, Customer, "do you repair lamp 4711"),
            message(2, Assistant, "We repair nothing."),
            record(
                3,
                Assistant,
                Event::AssistantReplied {
                    reply: Box::new(reply),
                },
            ),
            message(4, Agent, "Of course we repair lamps."),
            record(5, Agent, flag),
        ];
        let found = harvest(ChatId(7), &records, &mut mask);
        assert_eq!(found.asked, None);
        let expected = Flagged {
            chat: ChatId(7),
            topic: Some(SafeText::line("repairs")),
            question: SafeText::block("do you repair lamp [number]"),
            wrong: SafeText::block("We repair nothing.\n(we do)"),
            answer: Some(SafeText::block("Of course we repair lamps.")),
        };
        assert_eq!(found.flagged, [expected]);
    }

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
