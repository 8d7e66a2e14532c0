//! A whole chat to read or to keep: JSON, plain text or Markdown, as long as it is.

use std::{collections::BTreeMap, fmt::Write as _};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use shared::{
    api::Message,
    attachment::shown,
    id::{ChatId, Seq},
    model::{ActorKind, Chat, Visibility},
    text::SafeText,
};

use super::messages::{apply_edit, edits, last_seq, message, records};
use crate::{
    desk::{Rejection, permission::Action, visibility::Viewer},
    http::{
        App,
        call::Call,
        errors::Failure,
        feed::{self, Outlet},
        past,
        query::{Kind, Param},
        route::{Access::Bearer, Answer, Route},
    },
};

const FORMAT: Param = Param::new(
    "format",
    Kind::OneOf(&["json", "text", "markdown"]),
    "JSON when not said.",
);

pub(super) const ROUTES: &[Route] = &[Route::get(
    "/api/chats/{id}/transcript",
    "read_transcript",
    Bearer(Action::ReadChat),
    |call| Box::pin(transcript(call)),
    "Gives a whole chat; notes only to the staff. Plain text or Markdown by `format`.",
)
.query(&[FORMAT])
.gives::<Transcript>(200)];

/// A chat and all its messages.
#[derive(Debug, Serialize, JsonSchema)]
struct Transcript {
    /// The chat.
    chat: Chat,
    /// Every message that the reader may see, oldest first.
    messages: Vec<Message>,
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Text,
    Markdown,
}

async fn transcript(call: Call) -> Answer {
    let id: ChatId = call.id()?;
    let (format, media) = match call.query.text(FORMAT.name) {
        Some("text") => (Format::Text, "text/plain; charset=utf-8"),
        Some("markdown") => (Format::Markdown, "text/markdown; charset=utf-8"),
        _ => (Format::Json, "application/json"),
    };
    let viewer = call.viewer()?.clone();
    let found = past::chat(&call.app.hub, &viewer, id).await?;
    let (_, chat) = found.ok_or(Rejection::NoChat { chat: id })?;
    let edits = edits(&call.app.hub, &viewer, id, Seq(0)).await?;
    let app = std::sync::Arc::clone(&call.app);
    Ok(feed::answer(&call.app, media, move |outlet| async move {
        if let Err(failure) = write(&app, &viewer, chat, edits, format, &outlet).await {
            outlet.fail(failure);
        }
    }))
}

async fn write(
    app: &App,
    viewer: &Viewer,
    chat: Chat,
    edits: BTreeMap<Seq, SafeText>,
    format: Format,
    outlet: &Outlet,
) -> Result<(), Failure> {
    let id = chat.id;
    if !outlet.send(head(&chat, format)?).await {
        return Ok(());
    }
    let (mut after, mut first) = (Seq(0), true);
    loop {
        let (records, more) = records(&app.hub, viewer, id, None, Some(after)).await?;
        after = last_seq(&records).unwrap_or(after);
        let mut text = String::new();
        for mut message in records.into_iter().filter_map(message) {
            apply_edit(&mut message, &edits);
            line(&mut text, &message, format, first)?;
            first = false;
        }
        if !text.is_empty() && !outlet.send(text.into()).await {
            return Ok(());
        }
        if !more {
            break;
        }
    }
    if let Format::Json = format {
        outlet.send(Bytes::from_static(b"]}")).await;
    }
    Ok(())
}

fn head(chat: &Chat, format: Format) -> Result<Bytes, Failure> {
    let (name, opened_at) = (&chat.name, chat.opened_at);
    Ok(match format {
        Format::Json => {
            let chat = serde_json::to_string(chat).map_err(Failure::internal)?;
            format!("{{\"chat\":{chat},\"messages\":[").into()
        }
        Format::Text => format!("Chat #{} with {name}, opened {opened_at}\n", chat.id).into(),
        Format::Markdown => {
            let name = escaped(name);
            format!("# Chat {} with {name}\n\nOpened {opened_at}\n", chat.id).into()
        }
    })
}

fn line(into: &mut String, message: &Message, format: Format, first: bool) -> Result<(), Failure> {
    let Message { at, actor, .. } = message;
    // What a machine said is told from what people said, always.
    let note = match (message.visibility, actor.kind) {
        (Visibility::Note, _) => " (note)",
        (Visibility::Public, ActorKind::Assistant) => " (AI)",
        (Visibility::Public, _) => "",
    };
    let written = match format {
        Format::Json => {
            let json = serde_json::to_string(message).map_err(Failure::internal)?;
            write!(into, "{}{json}", if first { "" } else { "," })
        }
        Format::Text => {
            let text = shown(&message.text, &message.attachments).replace('\n', "\n    ");
            writeln!(into, "\n{at}  {}{note}:\n    {text}", actor.name)
        }
        Format::Markdown => {
            let text = shown(&message.text, &message.attachments);
            let text = escaped(&text).replace('\n', "\n> ");
            writeln!(
                into,
                "\n**{}**{note}, {at}\n\n> {text}",
                escaped(&actor.name)
            )
        }
    };
    written.map_err(Failure::internal)
}

/// Text that Markdown shows as it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '!' | '~' | '>' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_message_cannot_be_markup() {
        assert_eq!(escaped("<b> *x* [y](z)"), "&lt;b\\> \\*x\\* \\[y\\](z)");
    }
}
