//! One thing that happened, in words: who said what, in full or briefly, and names that cannot pass
//! for anything else. Pure; everything that is told goes through [`clean`].

use shared::{
    event::Event,
    id::ChatId,
    model::{ActorKind, Visibility},
    record::Record,
    text::{render, truncate_width},
    time::Timestamp,
};

use crate::{
    assisted::AI,
    model::Model,
    transcript::{system_text, zoned},
};

/// Columns of a message in a chat that is not in front.
const BRIEF_COLUMNS: usize = 60;
/// What begins every further line of an event.
const INDENT: &str = "    ";

/// `line` fit for a terminal and a pipe, with its further lines indented.
pub(crate) fn clean(line: &str) -> String {
    render(line).replace('\n', &format!("\n{INDENT}"))
}

/// A record of the chat in front, in full; none when nobody needs to hear of it.
pub(super) fn line_of(model: &Model, chat: ChatId, record: &Record) -> Option<String> {
    let (who, text) = said(model, chat, record)?;
    Some(format!("{} #{chat} {who}: {text}", clock(model, record.at)))
}

/// A message in another chat of ours, on one line.
pub(super) fn brief_line(model: &Model, chat: ChatId, record: &Record) -> Option<String> {
    if !matches!(record.event, Event::MessagePosted { .. })
        || record.actor.kind == ActorKind::System
    {
        return None;
    }
    let (who, text) = said(model, chat, record)?;
    let time = clock(model, record.at);
    Some(format!(
        "{time} #{chat} {who}: {} (/go {chat})",
        brief(&text)
    ))
}

/// `text` on one line, and not all of it.
pub(super) fn brief(text: &str) -> String {
    let text = render(text).replace('\n', " ");
    truncate_width(&text, BRIEF_COLUMNS).into_owned()
}

/// Who says it, and what.
fn said(model: &Model, chat: ChatId, record: &Record) -> Option<(String, String)> {
    let mine = record.actor.kind == ActorKind::Agent && record.actor.id == model.my_id();
    let name = if mine {
        "you".to_owned()
    } else {
        speaker(&record.actor.name)
    };
    let (text, visibility, edited) = match &record.event {
        Event::MessagePosted { visibility, .. } => {
            let text = model.threads.get(&chat)?.shown(record)?;
            (text, *visibility, "")
        }
        Event::MessageEdited {
            text, visibility, ..
        } => (text.to_string(), *visibility, " (edited)"),
        _ => return Some(("desk".to_owned(), system_text(model, record)?)),
    };
    let who = match record.actor.kind {
        ActorKind::System => "desk".to_owned(),
        _ if visibility == Visibility::Note => format!("note by {name} (team only)"),
        ActorKind::Assistant => format!("{name} {AI}"),
        ActorKind::Agent if !mine => format!("{name} (staff)"),
        ActorKind::Agent | ActorKind::Customer => name,
    };
    Some((format!("{who}{edited}"), text))
}

/// A name that cannot be taken for anything else: in quotes when it has signs in it, or begins
/// with a word that lines begin with.
pub(crate) fn speaker(name: &str) -> String {
    const OURS: [&str; 6] = ["you", "note", "desk", "stored", "not", "found"];
    let name = render(name).replace('\n', " ");
    let is_plain =
        |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '\'' | '.') || !c.is_ascii();
    let first = name
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_lowercase();
    if name.chars().all(is_plain) && !OURS.contains(&first.as_str()) {
        name
    } else {
        format!("\"{}\"", name.replace('"', "'"))
    }
}

/// The name of a chat after its number, with a blank before it.
pub(crate) fn name_of(model: &Model, chat: ChatId) -> String {
    let view = model.view.chats.get(&chat);
    view.map(|view| format!(" {}", speaker(&view.chat.name)))
        .unwrap_or_default()
}

/// The time of the day, with the day when it is another one.
pub(super) fn clock(model: &Model, at: Timestamp) -> String {
    let (then, now) = (zoned(model, at), zoned(model, model.now));
    let form = if then.date() == now.date() {
        "%H:%M"
    } else {
        "%d %b %H:%M"
    };
    then.strftime(form).to_string()
}
