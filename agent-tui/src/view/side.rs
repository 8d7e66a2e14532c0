//! The details of the customer at the right: who they are, what the chat is about, what they
//! asked before.

use ratatui::{buffer::Buffer, layout::Rect};
use shared::model::Chat;

use crate::{
    keys::Intent,
    model::{Model, Past, state_word},
    theme::{Role, Theme},
    thread::wrap,
    transcript::zoned,
};

use super::{
    paint::{put, row, rule},
    states::key,
};

/// Draws the details of the chat in front.
pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let left = Rect {
        x: area.x - 1,
        width: 1,
        ..area
    };
    for number in 0..usize::from(area.height) {
        let line = row(left, number);
        rule(buffer, line, theme.lines.vertical, theme.style(Role::Text));
    }
    let mut side = Side {
        theme,
        area,
        next: 0,
    };
    side.line(" CUSTOMER", Role::Heading, buffer);
    match model.current_view() {
        None => side.line(" no chat is in front", Role::Dim, buffer),
        Some(view) => {
            customer(&view.chat, &mut side, buffer);
            chat(model, &view.chat, &mut side, buffer);
            past(model, &view.chat, &mut side, buffer);
        }
    }
}

fn customer(chat: &Chat, side: &mut Side<'_>, buffer: &mut Buffer) {
    side.text(&chat.name, Role::Customer, buffer);
    let given = [&chat.email, &chat.phone];
    for value in given.into_iter().flatten() {
        side.text(value, Role::Text, buffer);
    }
    for (key, value) in &chat.fields {
        side.text(&format!("{key}: {value}"), Role::Text, buffer);
    }
}

fn chat(model: &Model, chat: &Chat, side: &mut Side<'_>, buffer: &mut Buffer) {
    side.line(&format!(" CHAT #{}", chat.id), Role::Heading, buffer);
    let state = format!(
        "{}, {}",
        model.department(chat.department),
        state_word(chat.state)
    );
    side.text(&state, Role::Text, buffer);
    let owner = match chat.owner {
        None => "nobody has it".to_owned(),
        Some(owner) if Some(owner) == model.my_id() => "yours".to_owned(),
        Some(owner) => format!("with {}", model.agent(owner)),
    };
    side.text(&owner, Role::Text, buffer);
    let opened = zoned(model, chat.opened_at).strftime("opened %d %b %H:%M");
    let episode = match chat.episode {
        1 => String::new(),
        episode => format!(", episode {episode}"),
    };
    side.text(&format!("{opened}{episode}"), Role::Text, buffer);
    if !chat.tags.is_empty() {
        let tags: Vec<String> = chat.tags.iter().map(|tag| format!("[{tag}]")).collect();
        side.text(&tags.join(" "), Role::Text, buffer);
    }
    if let Some(rating) = &chat.rating {
        side.text(&format!("rated {}/5", rating.score), Role::Text, buffer);
    }
}

fn past(model: &Model, chat: &Chat, side: &mut Side<'_>, buffer: &mut Buffer) {
    let others = model.past_of(chat).iter().filter(|past| past.id != chat.id);
    let others: Vec<&Chat> = others.collect();
    let (count, words) = match model.past.get(&chat.customer) {
        Some(Past::Known(_)) if others.is_empty() => (String::new(), "none that you may see"),
        Some(Past::Known(_)) => (format!(" {}", others.len()), ""),
        Some(Past::Failed(_)) => (String::new(), "not known"),
        Some(Past::Asked) => (String::new(), "asking ..."),
        None => (String::new(), "not known while offline"),
    };
    let open = if others.is_empty() {
        String::new()
    } else {
        format!("  {} opens one", key(model, Intent::PastChats))
    };
    side.line(&format!(" PAST CHATS{count}{open}"), Role::Heading, buffer);
    if !words.is_empty() {
        side.text(words, Role::Dim, buffer);
    }
    for past in others {
        let when = zoned(model, past.opened_at).strftime("%d %b %y");
        let department = model.department(past.department);
        let text = format!(
            " #{} {when} {} {department}",
            past.id,
            state_word(past.state)
        );
        side.line(&text, Role::Text, buffer);
    }
}

struct Side<'a> {
    theme: &'a Theme,
    area: Rect,
    next: usize,
}

impl Side<'_> {
    /// One row, cut.
    fn line(&mut self, text: &str, role: Role, buffer: &mut Buffer) {
        let line = row(self.area, self.next);
        self.next += 1;
        put(buffer, line, 0, text, self.theme.style(role));
    }

    /// As many rows as it takes, four at most: a customer must not push the rest out of sight.
    fn text(&mut self, text: &str, role: Role, buffer: &mut Buffer) {
        let columns = self.area.width.saturating_sub(2);
        for line in wrap(text, columns).iter().take(4) {
            self.line(&format!(" {line}"), role, buffer);
        }
    }
}
