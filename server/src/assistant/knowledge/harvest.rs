//! What is taken from the records of one chat: what was asked and what a person answered, and
//! answers of the assistant that staff called wrong. Everything is masked before it is kept.

use std::collections::BTreeMap;

use shared::{
    event::Event,
    id::{ChatId, Seq},
    model::{ActorKind, Visibility},
    record::Record,
    search::tokens,
    text::SafeText,
};

use super::topic::{ANSWER_CHARS_MAX, QUESTION_CHARS_MAX};
use crate::desk::human::asks_for_human;

/// Words of a message below which it asks nothing.
const REQUEST_WORDS_MIN: usize = 3;
/// Words of an answer below which it is none.
const ANSWER_WORDS_MIN: usize = 4;
/// Messages of people after a request among which its answer is looked for.
const ANSWER_AMONG: usize = 3;
/// Letters of a part of a name that is taken out; shorter ones are words too.
const NAME_CHARS_MIN: usize = 3;
/// Stands for the customer's name in what was asked, and in what is answered.
const NAME_MASKED: &str = "[name]";
const NAME_PLACE: &str = "{{customer.name}}";

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

#[cfg(test)]
mod tests {
    use shared::{
        assistant::{Reply, ReplyKind},
        event::Event,
        id::{ChatId, Pos, Seq, UserId},
        model::{Actor, ActorKind, Visibility},
        record::Record,
        text::SafeText,
        time::Timestamp,
    };

    use super::{Flagged, NAME_PLACE, harvest, without_name};

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
}
