//! A whole chat as text, Markdown or JSON.
//!
//! Pure.

use shared::{
    api::{Message, Page},
    attachment::shown,
    id::ChatId,
    text::render,
    time::Timestamp,
};

use crate::{
    args::Form,
    error::ChatError,
    lines::{self, Look},
    story::{Piece, Said, Speaker},
};

/// Makes a transcript.
///
/// # Errors
/// [`ChatError::Io`] when it cannot be written as JSON.
pub fn transcript(chat: ChatId, messages: Vec<Message>, form: Form) -> Result<String, ChatError> {
    match form {
        Form::Text => Ok(messages.into_iter().map(text).collect()),
        Form::Markdown => {
            let paragraphs: String = messages.into_iter().map(markdown).collect();
            Ok(format!("# Chat {chat}\n{paragraphs}"))
        }
        Form::Json => {
            let page = Page {
                items: messages,
                next: None,
            };
            let json = serde_json::to_string_pretty(&page).map_err(|error| ChatError::Io {
                what: "write the transcript".to_owned(),
                source: error.into(),
            })?;
            Ok(json + "\n")
        }
    }
}

fn text(message: Message) -> String {
    let at = minute(message.at);
    let piece = Piece::Said(Said::from(message));
    format!("{at} {}", lines::show(&piece, Look::PIPE))
}

fn markdown(message: Message) -> String {
    let said = Said::from(message);
    let name = match said.speaker {
        Speaker::System => "Frontdesk".into(),
        Speaker::Assistant => literal(&lines::labelled(&said.name)),
        Speaker::Agent | Speaker::Customer => literal(&said.name),
    };
    let mut out = format!("\n**{name}** ({})\n\n", minute(said.at));
    let words = shown(&said.text, &said.attachments);
    for line in render(&words).lines() {
        out.push_str(format!("> {}", literal(line)).trim_end());
        out.push('\n');
    }
    out
}

/// Text that Markdown shows as it is.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in render(text).chars() {
        if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | '?' | '\'' | ':' | ';' | '"' | '/')
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A time to the minute, such as `2026-11-20 14:05`, in UTC.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    let text = at.to_string().replacen('T', " ", 1);
    text.chars().take("2026-11-20 14:05".len()).collect()
}

#[cfg(test)]
mod tests {
    use shared::{
        api::Message,
        id::{ChatId, Seq},
        model::{Actor, ActorKind, Visibility},
        text::SafeText,
        time::Timestamp,
    };

    use super::transcript;
    use crate::args::Form;

    fn message(seq: u64, kind: ActorKind, name: &str, text: &str) -> Message {
        Message {
            seq: Seq(seq),
            at: Timestamp::from_ms(1_795_183_509_120),
            actor: Actor {
                kind,
                id: None,
                name: SafeText::line(name),
                rule: None,
            },
            text: SafeText::block(text),
            visibility: Visibility::Public,
            attachments: Vec::new(),
        }
    }

    fn messages() -> Vec<Message> {
        vec![
            message(2, ActorKind::Customer, "Bo", "help\nplease"),
            message(4, ActorKind::System, "assign", "Ana joined the chat"),
            message(5, ActorKind::Agent, "Ana", "*hi* <b>\u{1b}[31m"),
            message(6, ActorKind::Assistant, "Robin", "hello"),
        ]
    }

    #[test]
    fn the_text_form_is_pinned() {
        assert_eq!(
            transcript(ChatId(7), messages(), Form::Text).unwrap(),
            "2026-11-20 14:05 You: help\n  please\n\
             2026-11-20 14:05 -- Ana joined the chat\n\
             2026-11-20 14:05 Ana: *hi* <b>\u{241b}[31m\n\
             2026-11-20 14:05 Robin (AI): hello\n"
        );
    }

    #[test]
    fn markdown_shows_what_was_written() {
        let text = transcript(ChatId(7), messages(), Form::Markdown).unwrap();
        assert!(text.starts_with("# Chat 7\n\n**Bo** (2026-11-20 14:05)\n\n> help\n> please\n"));
        assert!(text.contains("> \\*hi\\* \\<b\\>"), "{text}");
        assert!(text.contains("**Robin \\(AI\\)** ("), "{text}");
    }

    #[test]
    fn json_is_a_list() {
        let text = transcript(ChatId(7), messages(), Form::Json).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["items"][2]["actor"]["name"], "Ana");
        assert!(json["next"].is_null());
    }
}
