//! What the console says when there is nothing to show, or not yet, or no more: each state in
//! words, with the key that leads out of it.

use std::time::Duration;

use ratatui::{buffer::Buffer, layout::Rect};
use shared::{
    id::ChatId,
    model::{AgentStatus, ChatState},
};

use crate::{
    keys::{Intent, Mode},
    model::{Base, Link, Model},
    screen::PaneArea,
    theme::{Role, Theme},
    thread::{Thread, wrap},
    transcript::zoned,
    update::{SPINNER_AFTER, SPINNER_EVERY},
};

use super::paint::{put, row, rule};

/// The keys for `intent` from where one is now; `/name` where there are none.
pub(super) fn key(model: &Model, intent: Intent) -> String {
    let first = |mode| {
        let keys = model.keymap.keys(mode, intent);
        keys.split(' ')
            .find(|key| !key.is_empty())
            .map(str::to_owned)
    };
    let by_way_of_nav = || {
        let nav = first(Mode::Nav)?;
        Some(match model.base {
            Base::Compose => format!("Esc {nav}"),
            Base::Nav => nav,
        })
    };
    let key = first(model.mode()).or_else(by_way_of_nav);
    key.unwrap_or_else(|| format!("/{}", intent.action().name))
}

/// What is wrong with the connection, and what happens next.
pub(super) fn banner(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let retry = key(model, Intent::RetryNow);
    let (text, role) = match &model.link {
        Link::Connecting => {
            let what = format!("connecting to {}", model.settings.context);
            (loading(model, 1, &what), Role::Dim)
        }
        // Position 0 is before the first record: nothing has come yet.
        Link::Loading if model.view.pos.0 == 0 => (loading(model, 2, "the desk"), Role::Dim),
        Link::Loading => (loading(model, 3, "what happened meanwhile"), Role::Dim),
        Link::Live => match model.trouble() {
            Some(trouble) => (trouble, Role::Warning),
            None => return,
        },
        Link::Waiting {
            why,
            until,
            attempt,
        } => {
            let left = until.since(model.now) + Duration::from_millis(999);
            let text = format!(
                "reconnecting in {} s (try {attempt}) - {retry} now - {why}",
                left.as_secs()
            );
            (text, Role::Warning)
        }
        Link::Stopped { why } => (why.clone(), Role::Error),
    };
    let text = match model.as_of {
        Some(at) => format!("as of {} - {text}", zoned(model, at).strftime("%H:%M")),
        None => text,
    };
    put(buffer, area, 1, &text, theme.style(role));
}

/// Which of the three steps it is; something turns when it takes long.
fn loading(model: &Model, step: u32, what: &str) -> String {
    const TURNS: [char; 4] = ['|', '/', '-', '\\'];
    let took = model.now.since(model.link_since);
    let turn = if took < SPINNER_AFTER {
        ' '
    } else {
        let turns = took.as_millis() / SPINNER_EVERY.as_millis();
        TURNS[usize::try_from(turns % 4).unwrap_or(0)]
    };
    format!("loading {step} of 3: {what} ... {turn}")
}

/// Whether nothing is known yet, so that empty would be a lie.
pub(super) fn is_loading(model: &Model) -> bool {
    model.view.pos.0 == 0 && model.link != Link::Live
}

/// Where rows will be.
pub(super) fn skeleton(theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let columns = usize::from(area.width.saturating_sub(4));
    for (number, share) in [7, 9, 5, 8].into_iter().enumerate() {
        let dots = ".".repeat(columns * share / 12);
        put(buffer, row(area, number), 2, &dots, theme.style(Role::Dim));
    }
}

/// What to do when there is no chat in a pane.
pub(super) fn empty(model: &Model, theme: &Theme, area: &PaneArea, buffer: &mut Buffer) {
    let border = (theme.lines.single, theme.style(Role::Dim));
    rule(buffer, area.border, border.0, border.1);
    if is_loading(model) {
        return skeleton(theme, area.transcript, buffer);
    }
    let (waiting, _) = model.waiting();
    let next = key(model, Intent::NextNeeding);
    let mut lines = vec![format!("No chat is open here. Queue: {waiting}.")];
    lines.push(match (model.status(), waiting) {
        (AgentStatus::Online, 0) => "Nobody waits; the next chat comes by itself.".to_owned(),
        (AgentStatus::Online, _) => format!("{next} opens the next one that needs you."),
        (status, 0) => {
            let word = crate::model::status_word(status);
            let status = key(model, Intent::Status);
            format!("You are {word}: {status} says that you are there.")
        }
        (_, _) => format!("{next} opens the one that waits longest."),
    });
    lines.push(format!(
        "{} looks for a chat, {} shows the keys.",
        key(model, Intent::GoTo),
        key(model, Intent::Help)
    ));
    let columns = area.transcript.width.saturating_sub(3);
    let rows: Vec<String> = lines
        .iter()
        .flat_map(|line| wrap(line, columns).to_vec())
        .collect();
    let above = usize::from(rows.len() < usize::from(area.transcript.height));
    for (number, line) in rows.iter().enumerate() {
        let line_area = row(area.transcript, number + above);
        put(buffer, line_area, 2, line, theme.style(Role::Dim));
    }
}

/// Why what is in the composer cannot be sent to the customer as things are, and what can be
/// done; none when it can.
pub(super) fn obstacle(model: &Model, chat: ChatId, thread: &Thread) -> Option<String> {
    if let Link::Stopped { .. } = model.link {
        return Some("read only; the draft is kept".to_owned());
    }
    let note = || format!("{}: note", key(model, Intent::Note));
    let Some(view) = model.view.chats.get(&chat) else {
        let gone = thread.gone.as_deref().unwrap_or("is not here yet");
        return Some(format!("it {gone}; the draft is kept"));
    };
    let chat = &view.chat;
    match (chat.state, chat.owner) {
        (ChatState::Closed, _) => Some("closed for ever".to_owned()),
        (ChatState::Resolved, _) if thread.noting => None,
        (ChatState::Resolved, _) => Some(format!("resolved; {} first", key(model, Intent::Reopen))),
        _ if thread.noting || model.owns(chat.id) => None,
        (_, Some(owner)) => Some(format!("{} has it; {}", model.agent(owner), note())),
        (ChatState::Assistant, None) => {
            let accept = key(model, Intent::Accept);
            Some(format!("the assistant answers; {accept} takes it"))
        }
        (_, None) => Some(format!("waits; {} takes it", key(model, Intent::Accept))),
    }
}
