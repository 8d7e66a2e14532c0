//! The chats at the left: ours, those that wait, the team.

use ratatui::{buffer::Buffer, layout::Rect};
use shared::{
    fold::ChatView,
    id::{ChatId, UserId},
    model::{AgentStatus, ChatState},
    text::{render, truncate_width, width},
};

use crate::{
    assisted::Doing,
    listing::ListRow,
    model::Model,
    theme::{Role, Theme},
    thread::Fate,
    when,
};

use super::{
    paint::{age, put, put_right, row},
    states::{is_loading, skeleton},
};

/// Draws the list.
pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut list = List {
        model,
        marking: !model.marked().is_empty(),
        theme,
        area,
        next: 0,
    };
    if is_loading(model) {
        list.heading("MINE", buffer);
        return skeleton(
            theme,
            Rect {
                height: area.height.saturating_sub(1),
                y: area.y + 1,
                ..area
            },
            buffer,
        );
    }
    for entry in model.rows(usize::from(area.height)) {
        match entry {
            ListRow::Heading(text) => list.heading(&text, buffer),
            // Half of a hint would be none.
            ListRow::Hint(text) if width(text) > usize::from(area.width) => {
                list.text(" no chats", Role::Dim, buffer);
            }
            ListRow::Hint(text) => list.text(text, Role::Dim, buffer),
            ListRow::Chat(id, number) => list.chat(id, number, buffer),
            ListRow::User(id) => list.user(id, buffer),
            ListRow::More(count) => list.text(&format!(" {count} more below"), Role::Dim, buffer),
        }
    }
}

struct List<'a> {
    model: &'a Model,
    theme: &'a Theme,
    /// There is a column for marks.
    marking: bool,
    area: Rect,
    next: usize,
}

impl List<'_> {
    fn line(&mut self) -> Rect {
        let line = row(self.area, self.next);
        self.next += 1;
        line
    }

    fn heading(&mut self, text: &str, buffer: &mut Buffer) {
        self.text(text, Role::Heading, buffer);
    }

    fn text(&mut self, text: &str, role: Role, buffer: &mut Buffer) {
        let line = self.line();
        put(buffer, line, 0, text, self.theme.style(role));
    }

    /// Number, name, age, and what needs somebody.
    fn chat(&mut self, id: ChatId, number: usize, buffer: &mut Buffer) {
        let line = self.line();
        let Some(view) = self.model.view.chats.get(&id) else {
            return;
        };
        if line.height == 0 {
            return;
        }
        let here = self.model.current() == Some(id);
        let number = match number {
            1..=9 => number.to_string(),
            _ => " ".to_owned(),
        };
        let mark = if here { '>' } else { ' ' };
        let (badge, role) = self.badge(id, view);
        let style = if here {
            self.theme.style(Role::Selected)
        } else {
            self.theme.style(Role::Text)
        };
        let (time, badge) = match view.chat.state {
            // What it does is more than for how long it has been quiet.
            ChatState::Assistant => (format!("{:>7}", Doing::of(view).word()), String::new()),
            _ => (self.time(view), format!("{badge:>3}")),
        };
        let columns = usize::from(line.width);
        let name = render(&view.chat.name).replace('\n', " ");
        let draft = self
            .model
            .threads
            .get(&id)
            .is_some_and(|thread| !here && thread.has_draft());
        let name = if draft {
            format!("{name} (draft)")
        } else {
            name
        };
        // A column of its own, so that no name can look like a mark.
        let marked = match (self.marking, self.model.marks.contains(&id)) {
            (false, _) => "",
            (true, false) => " ",
            (true, true) => "+",
        };
        let room = columns.saturating_sub(3 + marked.len() + time.len() + badge.len());
        let name = truncate_width(&name, room);
        let gap = " ".repeat(room.saturating_sub(width(&name)));
        let text = format!("{number}{mark}{marked}{name}{gap} ");
        let x = put(buffer, line, 0, &text, style);
        let x = put(buffer, line, x, &time, style);
        let style = if here { style } else { self.theme.style(role) };
        put(buffer, line, x, &badge, style);
    }

    /// For how long it has been quiet or waits; of one that was put aside, when it comes back.
    fn time(&self, view: &ChatView) -> String {
        let model = self.model;
        let text = match (view.chat.state, view.chat.until) {
            (ChatState::Waiting, _) => age(model.now.since(view.chat.rank_at)),
            (state, Some(until)) if state.is_parked() => {
                let text = when::describe(until, model.now, &model.settings.zone);
                // Of another day, the day is enough here.
                match text.rsplit_once(' ') {
                    Some((day, _)) => day.to_owned(),
                    None => text,
                }
            }
            (state, None) if state.is_parked() => "reply".to_owned(),
            _ => age(model.now.since(last_at(view))),
        };
        format!("{text:>4}")
    }

    fn badge(&self, id: ChatId, view: &ChatView) -> (String, Role) {
        let failed = self.model.threads.get(&id).is_some_and(|thread| {
            let mut outgoing = thread.outgoing.iter();
            outgoing.any(|sent| matches!(sent.fate, Fate::Failed(_)))
        });
        if failed {
            return ("!".to_owned(), Role::Error);
        }
        if view.chat.state == ChatState::Waiting {
            let urgent = if view.chat.priority > 0 { "^" } else { "" };
            return (urgent.to_owned(), Role::Warning);
        }
        match self.model.unread(id) {
            0 => (String::new(), Role::Text),
            unread @ 1..=99 => (unread.to_string(), Role::Unread),
            _ => ("99+".to_owned(), Role::Unread),
        }
    }

    /// Name, status in a mark, load.
    fn user(&mut self, id: UserId, buffer: &mut Buffer) {
        let line = self.line();
        let Some(user) = self.model.view.agents.get(&id) else {
            return;
        };
        let mark = match (user.reachable, user.status) {
            (false, _) => '?',
            (true, AgentStatus::Online) => '*',
            (true, AgentStatus::Busy) => '!',
            (true, AgentStatus::Away | AgentStatus::Offline) => '-',
        };
        let owned = |view: &&ChatView| {
            let state = view.chat.state;
            view.chat.owner == Some(user.id) && state.is_open() && !state.is_parked()
        };
        let known = self
            .model
            .presence
            .get(&user.id)
            .and_then(|presence| presence.load);
        let seen = || self.model.view.chats.values().filter(owned).count();
        let load = known.map_or_else(|| seen().to_string(), |load| load.to_string());
        let style = self.theme.style(Role::Text);
        put_right(buffer, line, &format!("{load} "), style);
        let name = Rect {
            width: line.width.saturating_sub(4),
            ..line
        };
        put(buffer, name, 0, &format!("{mark} {}", user.name), style);
    }
}

fn last_at(view: &ChatView) -> shared::time::Timestamp {
    let last = view
        .events
        .iter()
        .rev()
        .find(|record| crate::thread::is_message(record));
    last.map_or(view.chat.opened_at, |record| record.at)
}
