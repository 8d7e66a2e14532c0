//! One pane: the chat's name, its messages, who types, the composer.

use ratatui::{Frame, buffer::Buffer, layout::Rect, style::Style};
use shared::{
    id::ChatId,
    model::{Chat, ChatState},
    text::{render, width},
};

use crate::{
    assisted::Doing,
    composer as draft,
    model::{Base, Model, state_word},
    screen::{LISTED, PaneArea},
    theme::{Role, Theme},
    thread::Thread,
    transcript::{Row, Transcript, Voice},
    when,
};

use super::{
    card,
    paint::{age, line, put, put_right, restyle, row, rule},
    states,
};

/// Draws a pane.
pub(super) fn draw(model: &Model, theme: &Theme, area: &PaneArea, frame: &mut Frame<'_>) {
    let focused = area.index == model.focus;
    let buffer = frame.buffer_mut();
    let chat = model.panes[area.index];
    let thread = chat.and_then(|chat| Some((chat, model.threads.get(&chat)?)));
    let Some((chat, thread)) = thread else {
        states::empty(model, theme, area, buffer);
        if focused && model.overlay.is_none() {
            frame.set_cursor_position((area.composer.x, area.composer.y));
        }
        return;
    };
    title(model, theme, area, chat, buffer);
    card::draw(model, theme, area, chat, buffer);
    transcript(model, theme, area, chat, thread, buffer);
    border(model, theme, area, chat, thread, buffer);
    composer(theme, area, thread, focused, buffer);
    if focused && model.overlay.is_none() {
        let cursor = cursor(area, thread);
        frame.set_cursor_position(cursor);
    }
}

fn title(model: &Model, theme: &Theme, area: &PaneArea, chat: ChatId, buffer: &mut Buffer) {
    let focused = area.index == model.focus;
    let style = theme.style(if focused && model.panes.len() > 1 {
        Role::Selected
    } else {
        Role::Heading
    });
    rule(buffer, area.title, " ", style);
    let which = match model.panes.len() {
        1 => String::new(),
        count if model.visible_panes().len() < count => format!("[{}/{count}] ", area.index + 1),
        _ => format!("[{}] ", area.index + 1),
    };
    let Some(view) = model.view.chats.get(&chat) else {
        let gone = model
            .threads
            .get(&chat)
            .and_then(|thread| thread.gone.as_deref());
        let text = format!("{which}#{chat} {}", gone.unwrap_or("is not here yet"));
        put(buffer, area.title, 1, &text, style);
        return;
    };
    let chat = &view.chat;
    let mut parts = vec![
        format!("{which}{}", chat.name),
        model.department(chat.department),
        format!("#{}", chat.id),
        format!("{} {}", state_word(chat.state), since_or_until(model, chat)),
    ];
    if chat.state == ChatState::Assistant {
        parts.push(Doing::of(view).words().to_owned());
    }
    match chat.owner {
        Some(owner) if Some(owner) != model.my_id() => {
            parts.push(format!("with {}", model.agent(owner)));
        }
        _ => {}
    }
    if chat.priority != 0 {
        parts.push(format!("priority {:+}", chat.priority));
    }
    parts.extend(chat.tags.iter().map(|tag| format!("[{tag}]")));
    parts.extend(chat.email.iter().map(ToString::to_string));
    parts.extend(chat.phone.iter().map(ToString::to_string));
    parts.extend(chat.fields.values().map(ToString::to_string));
    for (what, names) in [
        ("types", model.staff_typing(chat.id)),
        ("views", model.staff_viewing(chat.id)),
    ] {
        if !names.is_empty() {
            parts.insert(3, format!("{what}: {}", names.join(", ")));
        }
    }
    if let Some((place, count)) = model.place(chat.id) {
        parts.insert(4.min(parts.len()), format!("place {place} of {count}"));
    }
    put(buffer, area.title, 1, &parts.join("  "), style);
}

/// How old the chat is; of one that was put aside, when it comes back.
fn since_or_until(model: &Model, chat: &Chat) -> String {
    match chat.until {
        Some(until) if chat.state.is_parked() => {
            let until = when::describe(until, model.now, &model.settings.zone);
            format!("until {until}")
        }
        None if chat.state.is_parked() => "until the next reply".to_owned(),
        _ => age(model.now.since(chat.opened_at)),
    }
}

fn transcript(
    model: &Model,
    theme: &Theme,
    area: &PaneArea,
    chat: ChatId,
    thread: &Thread,
    buffer: &mut Buffer,
) {
    let Some(transcript) = Transcript::new(model, chat, area.transcript.width) else {
        if states::is_loading(model) {
            return states::skeleton(theme, area.transcript, buffer);
        }
        let text = "the draft below is kept";
        put(buffer, area.transcript, 1, text, theme.style(Role::Dim));
        return;
    };
    let window = transcript.window(usize::from(area.transcript.height));
    let matched = thread.search.as_ref().map(|search| search.at);
    for (number, drawn) in window.rows.iter().enumerate() {
        let line = row(area.transcript, number);
        let hit = matched.is_some() && matched == drawn.seq && !drawn.lead.is_empty();
        message_row(theme, line, drawn, hit, buffer);
    }
    let status = if thread.behind.is_some() {
        (
            "some messages are missing; fetching them ...".to_owned(),
            Role::Warning,
        )
    } else if window.more_below {
        let text = match model.unread(chat) {
            0 => "more below - End to go there".to_owned(),
            unread => format!("v {unread} new below - End to jump"),
        };
        (text, Role::Unread)
    } else if thread.typing.is_empty() {
        return;
    } else {
        let names: Vec<&str> = thread
            .typing
            .values()
            .map(|who| who.name.as_str())
            .collect();
        let verb = if names.len() == 1 { "is" } else { "are" };
        (format!("{} {verb} typing...", names.join(", ")), Role::Dim)
    };
    put(buffer, area.status, 1, &status.0, theme.style(status.1));
}

fn message_row(theme: &Theme, line: Rect, drawn: &Row, hit: bool, buffer: &mut Buffer) {
    let (lead, text) = match drawn.voice {
        Voice::Day | Voice::New => {
            let role = if drawn.voice == Voice::New {
                Role::Unread
            } else {
                Role::Dim
            };
            let style = theme.style(role);
            rule(buffer, line, theme.lines.single, style);
            put(buffer, line, 2, &format!(" {} ", drawn.text), style);
            return;
        }
        Voice::Customer => (Role::Customer, Role::Text),
        Voice::Me => (Role::Me, Role::Text),
        Voice::Agent | Voice::Assistant => (Role::Agent, Role::Text),
        Voice::Note => (Role::Note, Role::Note),
        Voice::System => (Role::System, Role::System),
        Voice::Aside => (Role::Dim, Role::Dim),
        Voice::Unsent => (Role::Dim, Role::Dim),
        Voice::Failed => (Role::Error, Role::Error),
    };
    let text = if hit { Role::Match } else { text };
    let x = put(buffer, line, 0, &drawn.lead, theme.style(lead));
    put(buffer, line, x, &drawn.text, theme.style(text));
}

/// Says by word, line and colour who will read what is written.
fn border(
    model: &Model,
    theme: &Theme,
    area: &PaneArea,
    chat: ChatId,
    thread: &Thread,
    buffer: &mut Buffer,
) {
    let name = model
        .view
        .chats
        .get(&chat)
        .map(|view| view.chat.name.to_string());
    let name = name.unwrap_or_else(|| format!("#{chat}"));
    let (text, unit, role) = if thread.noting {
        let why = states::obstacle(model, chat, thread);
        let why = why.map(|why| format!("- {why} ")).unwrap_or_default();
        let text = format!(" NOTE about {name} (team only) {why}");
        (text, theme.lines.double, Role::Note)
    } else if let Some(why) = states::obstacle(model, chat, thread) {
        let text = format!(" REPLY (public) - {why} ");
        (text, theme.lines.single, Role::Dim)
    } else {
        let text = format!(" REPLY to {name} (public) ");
        (text, theme.lines.single, Role::ReplyBorder)
    };
    let style = theme.style(role);
    rule(buffer, area.border, unit, style);
    put(buffer, area.border, 2, &text, style);
    // Where no line of hints says it.
    if area.index == model.focus && model.base == Base::Nav && model.size.1 < LISTED.1 {
        put_right(buffer, area.border, " NAV ", theme.style(Role::Heading));
    }
    // Only near the end, so that typing does not repaint it all the time.
    let bytes = thread.composer().bytes();
    if bytes >= 7_000 {
        let max = crate::composer::TEXT_BYTES_MAX;
        put_right(buffer, area.border, &format!(" {bytes}/{max} "), style);
    }
}

fn first_row(area: &PaneArea, cursor: usize) -> usize {
    (cursor + 1).saturating_sub(usize::from(area.composer.height))
}

fn composer(theme: &Theme, area: &PaneArea, thread: &Thread, focused: bool, buffer: &mut Buffer) {
    let composer = thread.composer();
    let layout = composer.layout(area.composer.width);
    let first = first_row(area, layout.cursor.1);
    let style = theme.style(if focused { Role::Text } else { Role::Dim });
    let blanks = composer.blanks();
    for (number, line) in layout.rows[first..].iter().enumerate() {
        let place = row(area.composer, number);
        draft_row(buffer, place, &composer.row_text(line), style);
        for blank in &blanks {
            let part = |from, to| {
                composer.row_text(&draft::Row {
                    range: from..to,
                    soft: line.soft,
                })
            };
            let (start, end) = (
                blank.start.max(line.range.start),
                blank.end.min(line.range.end),
            );
            if start < end {
                let before = columns(&part(line.range.start, start));
                let marked = columns(&part(line.range.start, end)).saturating_sub(before);
                restyle(buffer, place, before, marked, theme.style(Role::Blank));
            }
        }
    }
}

fn columns(text: &str) -> u16 {
    u16::try_from(width(&render(text))).unwrap_or(u16::MAX)
}

/// A row of a draft: never cut with dots, the composer has broken it to fit.
fn draft_row(buffer: &mut Buffer, place: Rect, text: &str, style: Style) {
    if place.height > 0 {
        line(buffer, place, 0, &render(text), style);
    }
}

fn cursor(area: &PaneArea, thread: &Thread) -> (u16, u16) {
    let layout = thread.composer().layout(area.composer.width);
    let first = first_row(area, layout.cursor.1);
    let below = u16::try_from(layout.cursor.1 - first).unwrap_or(0);
    (area.composer.x + layout.cursor.0, area.composer.y + below)
}
