//! The JSON form of a piece, and the JSON that a program sends: one object a line.
//!
//! Pure. Fields are added, never renamed; a field without a value is `null`.

use serde::{Deserialize, Serialize};
use shared::{
    id::{ChatId, CommandId, Seq},
    model::Attachment,
    text::{SafeText, render},
    time::Timestamp,
};

use crate::{
    lines::stopped,
    story::{Piece, Said, Speaker},
};

/// The version of this form.
const VERSION: u32 = 1;

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody said something.
    Message,
    /// A message has another text now.
    Edited,
    /// The chat waits at a place of the queue.
    Queue,
    /// Something became of the chat, the connection or a message: `text` says what.
    Status,
    /// The chat is over for ever.
    Closed,
    /// Something went wrong: `text` says what.
    Error,
}

/// One line of output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Line<'a> {
    /// The version of this form: 1.
    v: u32,
    /// What the line tells.
    r#type: Kind,
    /// The chat; none when it could not be opened.
    chat: Option<ChatId>,
    /// Place of a message in the chat.
    id: Option<Seq>,
    /// When.
    ts: Timestamp,
    /// `agent`, `assistant`, `customer` or `system`.
    role: Option<&'static str>,
    /// The speaker's name.
    from: Option<&'a str>,
    /// What was said, or one of `opened`, `sent`, `seen`, `typing`, `reconnecting`, `connected`,
    /// `gap`, `rated N`, `resolved` for a status, or words for people.
    text: String,
    /// Place in the queue.
    place: Option<u32>,
    /// Files of a message.
    attachments: &'a [Attachment],
}

/// One line of input; unknown fields are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Input {
    /// Says something.
    Message {
        /// What.
        text: SafeText,
        /// Names the message, so that repeating it changes nothing.
        #[serde(default)]
        client_id: Option<CommandId>,
    },
    /// Ends the chat; it can be reopened.
    End,
    /// Rates a chat that has ended.
    Rate {
        /// 1 to 5.
        score: u8,
        /// Why.
        #[serde(default)]
        comment: Option<SafeText>,
    },
    /// Says in which language the customer reads.
    Language {
        /// A tag such as `pt-BR`.
        language: SafeText,
    },
    /// Asks for a person while the assistant answers.
    Human,
}

/// A piece as one line of JSON with its line end.
#[must_use]
pub fn show(piece: &Piece, chat: ChatId, now: Timestamp) -> String {
    let status = |text: &str| line(Kind::Status, Some(chat), now, text.to_owned());
    match piece {
        Piece::Said(said) => spoken(Kind::Message, said, chat),
        Piece::Edited(said) => spoken(Kind::Edited, said, chat),
        Piece::Place(place) => written(&Line {
            place: Some(*place),
            ..line(
                Kind::Queue,
                Some(chat),
                now,
                format!("number {place} in the queue"),
            )
        }),
        Piece::Sent => written(&status("sent")),
        Piece::Seen => written(&status("seen")),
        Piece::Typing { name } => written(&Line {
            from: Some(name),
            ..status("typing")
        }),
        Piece::Looking { name } => written(&Line {
            role: Some(Speaker::Assistant.as_str()),
            from: Some(name),
            ..status("typing")
        }),
        Piece::Lost { .. } => written(&status("reconnecting")),
        Piece::Back => written(&status("connected")),
        Piece::Gap => written(&status("gap")),
        Piece::Rated(score) => written(&status(&format!("rated {score}"))),
        Piece::Resolved => written(&status("resolved")),
        Piece::Closed => written(&line(Kind::Closed, Some(chat), now, "closed".to_owned())),
        Piece::NotSent { reason } | Piece::NotDone { reason } => error(reason, Some(chat), now),
        Piece::Stopped(why) => error(&stopped(why), Some(chat), now),
    }
}

/// That a chat was opened, as one line of JSON with its line end.
#[must_use]
pub fn opened(chat: ChatId, now: Timestamp) -> String {
    written(&line(Kind::Status, Some(chat), now, "opened".to_owned()))
}

/// What went wrong, as one line of JSON with its line end.
#[must_use]
pub fn error(message: &str, chat: Option<ChatId>, now: Timestamp) -> String {
    written(&line(Kind::Error, chat, now, render(message).into_owned()))
}

const fn line<'a>(r#type: Kind, chat: Option<ChatId>, ts: Timestamp, text: String) -> Line<'a> {
    Line {
        v: VERSION,
        r#type,
        chat,
        id: None,
        ts,
        role: None,
        from: None,
        text,
        place: None,
        attachments: &[],
    }
}

fn spoken(r#type: Kind, said: &Said, chat: ChatId) -> String {
    written(&Line {
        id: Some(said.seq),
        role: Some(said.speaker.as_str()),
        from: Some(&said.name),
        attachments: &said.attachments,
        ..line(r#type, Some(chat), said.at, said.text.to_string())
    })
}

fn written(line: &Line<'_>) -> String {
    let mut text = serde_json::to_string(line).expect("text and numbers can be written as JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use shared::{
        id::{ChatId, Seq},
        text::{HOSTILE, SafeText},
        time::Timestamp,
    };

    use super::{Input, show};
    use crate::story::{Piece, Said, Speaker};

    fn said(text: &str) -> Said {
        Said {
            seq: Seq(4),
            at: Timestamp::from_ms(0),
            speaker: Speaker::Agent,
            name: SafeText::line("Ana"),
            text: SafeText::block(text),
            attachments: Vec::new(),
        }
    }

    #[test]
    fn the_form_is_pinned() {
        let shown = |piece: Piece| show(&piece, ChatId(7), Timestamp::from_ms(0));
        assert_eq!(
            shown(Piece::Said(said("hi\nthere"))),
            "{\"v\":1,\"type\":\"message\",\"chat\":7,\"id\":4,\"ts\":\"1970-01-01T00:00:00.000Z\",\
             \"role\":\"agent\",\"from\":\"Ana\",\"text\":\"hi\\nthere\",\"place\":null,\"attachments\":[]}\n"
        );
        assert_eq!(
            shown(Piece::Place(3)),
            "{\"v\":1,\"type\":\"queue\",\"chat\":7,\"id\":null,\"ts\":\"1970-01-01T00:00:00.000Z\",\
             \"role\":null,\"from\":null,\"text\":\"number 3 in the queue\",\"place\":3,\
             \"attachments\":[]}\n"
        );
        let kind = |piece| {
            let value: serde_json::Value = serde_json::from_str(&shown(piece)).unwrap();
            value["type"].as_str().unwrap().to_owned()
        };
        assert_eq!(kind(Piece::Sent), "status");
        assert_eq!(kind(Piece::Closed), "closed");
        let reason = "no".to_owned();
        assert_eq!(kind(Piece::NotSent { reason }), "error");
    }

    #[test]
    fn one_piece_is_one_line_whatever_was_said() {
        for text in HOSTILE {
            let shown = show(&Piece::Said(said(text)), ChatId(7), Timestamp::from_ms(0));
            assert_eq!(shown.matches('\n').count(), 1);
            assert!(!shown.trim_end().contains(char::is_control), "{shown:?}");
        }
    }

    #[test]
    fn input_ignores_unknown_fields_and_refuses_unknown_types() {
        let input: Input =
            serde_json::from_str(r#"{"type":"message","text":"hi","mood":"good"}"#).unwrap();
        assert!(matches!(
            input,
            Input::Message {
                client_id: None,
                ..
            }
        ));
        assert_eq!(
            serde_json::from_str::<Input>(r#"{"type":"end"}"#).unwrap(),
            Input::End
        );
        assert!(serde_json::from_str::<Input>(r#"{"type":"dance"}"#).is_err());
        assert!(serde_json::from_str::<Input>("hello").is_err());
    }
}
