//! The rows at the top and at the bottom.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use shared::{model::AgentStatus, text::width};

use crate::{
    keys::Intent,
    model::{Base, Begun, Link, Model, status_word},
    overlay::Overlay,
    screen::LISTED,
    theme::{Role, Theme},
    transcript::zoned,
};

use super::{
    paint::{age, blank, put, put_right},
    states::{is_loading, obstacle},
};

/// Context, who we are, what we do, what waits, how the connection is, the time to the minute.
pub(super) fn header(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let style = theme.style(Role::Header);
    blank(buffer, area, style);
    let clock = format!("{} ", zoned(model, model.now).strftime("%H:%M"));
    put_right(buffer, area, &clock, style);
    let area = Rect {
        width: area.width.saturating_sub(7),
        ..area
    };
    let mut x = 1;
    for part in header_parts(model, area.width >= 70) {
        // Half of a part would say something else.
        let fits = usize::from(x) + width(&part) <= usize::from(area.width);
        if !part.is_empty() && (fits || x == 1) {
            x = put(buffer, area, x, &part, style).saturating_add(2);
        }
    }
}

fn header_parts(model: &Model, roomy: bool) -> Vec<String> {
    let me = model.me.as_ref().map(|me| me.name.to_string());
    if is_loading(model) {
        let link = link_word(&model.link).to_owned();
        let context = model.settings.context.clone();
        return vec![context, me.unwrap_or_default(), link];
    }
    let status = model.status();
    let mark = match status {
        AgentStatus::Online => '*',
        AgentStatus::Busy => '!',
        AgentStatus::Away => '-',
        AgentStatus::Offline => '.',
    };
    let leaves = model.myself().is_some_and(|user| user.drain);
    let reason = model.myself().and_then(|user| user.reason.clone());
    let reason = reason
        .filter(|_| roomy)
        .map(|reason| format!(" ({reason})"));
    let mine = model.listing().mine.len();
    let capacity = model.capacity().map(|capacity| format!("/{capacity}"));
    let (waiting, oldest) = model.waiting();
    let oldest = oldest
        .filter(|_| model.size.0 >= LISTED.0)
        .map(|oldest| format!(" ({})", age(model.now.since(oldest))));
    let unsent = model.unsent();
    let marked = model.marked().len();
    let mut parts = Vec::new();
    if roomy {
        parts.push(model.settings.context.clone());
    }
    parts.push(me.unwrap_or_default());
    parts.push(format!(
        "{mark} {}{}{}",
        status_word(status),
        if leaves { ", leaving" } else { "" },
        reason.unwrap_or_default()
    ));
    parts.push(format!("mine {mine}{}", capacity.unwrap_or_default()));
    parts.push(format!("queue {waiting}{}", oldest.unwrap_or_default()));
    if unsent > 0 {
        parts.push(format!("{unsent} unsent"));
    }
    if marked > 0 {
        parts.push(format!("{marked} marked"));
    }
    parts.push(link_word(&model.link).to_owned());
    // How long a word takes to the hub and back: the first to go where there is no room.
    let took = model.round_trip.filter(|_| model.link == Link::Live);
    parts.extend(took.map(|took| format!("{}ms", took.as_millis().max(1))));
    parts
}

fn link_word(link: &Link) -> &'static str {
    match link {
        Link::Connecting => "connecting",
        Link::Loading => "loading",
        Link::Live => "live",
        Link::Waiting { .. } => "offline",
        Link::Stopped { .. } => "stopped",
    }
}

/// The mode and the keys that matter in it, from the live map.
pub(super) fn hints(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mode = model.mode();
    let (word, intents): (&str, &[(Intent, &str)]) = match (&model.overlay, model.base) {
        (Some(_), _) => (
            "CHOOSE",
            &[
                (Intent::Pick, "take"),
                (Intent::Yes, "yes"),
                (Intent::PasteText, "insert"),
                (Intent::PasteNote, "as a note"),
                (Intent::PasteFile, "as a file"),
                (Intent::Dismiss, "leave"),
            ],
        ),
        (None, Base::Compose) => (
            "COMPOSE",
            &[
                (Intent::Send, "send"),
                (Intent::Newline, "newline"),
                (Intent::ToNav, "nav"),
                (Intent::NextNeeding, "next"),
                (Intent::Help, "help"),
                // Last, since its key is another one once something is written.
                (Intent::Palette, "commands"),
            ],
        ),
        (None, Base::Nav) => (
            "NAV",
            &[
                (Intent::ToCompose, "write"),
                (Intent::NextNeeding, "next"),
                (Intent::Accept, "accept"),
                (Intent::Transfer, "transfer"),
                (Intent::Note, "note"),
                (Intent::Resolve, "resolve"),
                (Intent::Palette, "commands"),
                (Intent::Help, "help"),
            ],
        ),
    };
    let dim = theme.style(Role::Dim);
    if let Some(begun) = model.begun.filter(|begun| begun.mode == mode) {
        return second_keys(model, theme, begun, area, buffer);
    }
    let word = match &model.overlay {
        Some(Overlay::Help(_)) => "HELP",
        Some(Overlay::Wall) => "WALL",
        _ => word,
    };
    let mut x = put(buffer, area, 1, word, theme.style(Role::Heading)) + 2;
    let sends = can_send(model);
    for (intent, what) in intents {
        if *intent == Intent::Send && !sends {
            continue;
        }
        let keys = model.keymap.keys(mode, *intent);
        let Some(key) = best_key(model, *intent, &keys) else {
            continue;
        };
        if usize::from(x) + key.len() + what.len() + 1 >= usize::from(area.width) {
            break;
        }
        x = put(buffer, area, x, key, theme.style(Role::Text)) + 1;
        x = put(buffer, area, x, what, dim) + 2;
    }
}

/// Whether what is in the composer in front would be sent.
fn can_send(model: &Model) -> bool {
    let front = model.current().zip(model.current_thread());
    front.is_some_and(|(chat, thread)| obstacle(model, chat, thread).is_none())
}

/// What may follow the first of two keys.
fn second_keys(model: &Model, theme: &Theme, begun: Begun, area: Rect, buffer: &mut Buffer) {
    let word = format!("{} ..", begun.chord);
    let mut x = put(buffer, area, 1, &word, theme.style(Role::Heading)) + 2;
    for (chord, what) in model.keymap.after(begun.mode, begun.chord) {
        x = put(buffer, area, x, &chord.to_string(), theme.style(Role::Text)) + 1;
        x = put(buffer, area, x, what, theme.style(Role::Dim)) + 2;
    }
}

/// The first key of a list that works here. Of those for a new line, Shift+Enter is known by most
/// but reaches us only through the kitty protocol.
fn best_key<'a>(model: &Model, intent: Intent, keys: &'a str) -> Option<&'a str> {
    let needs_kitty = |key: &&str| key.ends_with("Shift+Enter");
    let keys = keys.split(' ').filter(|key| !key.is_empty());
    let mut works = keys
        .clone()
        .filter(|key| model.settings.kitty || !needs_kitty(key));
    let mut kitty = keys
        .filter(|_| intent == Intent::Newline && model.settings.kitty)
        .filter(needs_kitty);
    kitty.next().or_else(|| works.next())
}

/// The last row: what was said last, else what needs somebody.
pub(super) fn notice(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if let Some(notice) = &model.notice {
        let role = if notice.error {
            Role::Error
        } else {
            Role::Text
        };
        let (text, key) = if notice.error {
            (format!("error: {}", notice.text), " - Esc")
        } else {
            (notice.text.clone(), "")
        };
        return put_before(buffer, area, &text, key, theme.style(role));
    }
    if matches!(model.link, Link::Stopped { .. }) {
        return;
    }
    let listing = model.listing();
    let oldest = listing.queues.iter().filter_map(|(_, chats)| chats.first());
    let oldest = oldest
        .filter_map(|chat| model.view.chats.get(chat))
        .min_by_key(|view| view.chat.rank_at);
    if let Some(view) = oldest {
        let keys = model.keymap.keys(model.mode(), Intent::NextNeeding);
        let key = keys.split(' ').next().unwrap_or_default();
        if key.is_empty() {
            return;
        }
        let text = format!(
            "{} waits {} in {}",
            view.chat.name,
            age(model.now.since(view.chat.rank_at)),
            model.department(view.chat.department)
        );
        let key = format!(" - {key} opens");
        put_before(buffer, area, &text, &key, theme.style(Role::Dim));
    }
}

/// Writes `text` and then `key`, which is what to do about it: the text is cut, not the key.
fn put_before(buffer: &mut Buffer, area: Rect, text: &str, key: &str, style: Style) {
    let columns = u16::try_from(width(key)).unwrap_or(u16::MAX);
    let room = Rect {
        width: area.width.saturating_sub(columns),
        ..area
    };
    let x = put(buffer, room, 1, text, style);
    put(buffer, area, x, key, style);
}
