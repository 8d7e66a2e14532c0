//! A chat as rows of text: who said what when, separators, what the desk did, what is on its
//! way. Computes only the rows that are asked for. No colours: a row says whose voice it is.

use std::rc::Rc;

use jiff::Zoned;
use shared::{
    event::{AssignRule, Event, QueueReason},
    fold::ChatView,
    id::{ChatId, Seq},
    model::{ActorKind, Visibility},
    record::Record,
    text::{render, truncate_width, width},
    time::Timestamp,
};

use crate::{
    assisted::{self, AI},
    model::Model,
    thread::{Fate, Outgoing, Place, Thread, is_from_other, wrap},
};

/// Whose words a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// A line between days.
    Day,
    /// The line above what is new.
    New,
    /// The customer.
    Customer,
    /// Ourselves.
    Me,
    /// Another member of staff.
    Agent,
    /// The assistant.
    Assistant,
    /// What stands behind a message of the assistant, quietly.
    Aside,
    /// A note of whoever, for the team only.
    Note,
    /// The desk itself.
    System,
    /// A message that is not stored.
    Unsent,
    /// A message that was refused.
    Failed,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Whose.
    pub voice: Voice,
    /// The record it belongs to; none for what is on its way.
    pub seq: Option<Seq>,
    /// Gutter, time and name, padded; blank on the rows that continue.
    pub lead: String,
    /// The words.
    pub text: String,
}

/// What fits on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The rows from top to bottom.
    pub rows: Vec<Row>,
    /// Item and row at the top.
    pub top: (usize, usize),
    /// Something lies below.
    pub more_below: bool,
}

/// A chat to be read in a pane.
#[derive(Debug, Clone, Copy)]
pub struct Transcript<'a> {
    model: &'a Model,
    view: &'a ChatView,
    thread: &'a Thread,
    columns: u16,
}

/// One item: a record or a message on its way.
struct Item {
    voice: Voice,
    seq: Option<Seq>,
    at: Timestamp,
    gutter: char,
    label: String,
    lines: Rc<[String]>,
}

impl<'a> Transcript<'a> {
    /// The chat `id` in `columns` cells; none when it is out of sight.
    pub fn new(model: &'a Model, id: ChatId, columns: u16) -> Option<Self> {
        Some(Self {
            model,
            view: model.view.chats.get(&id)?,
            thread: model.threads.get(&id)?,
            columns,
        })
    }

    /// The rows that `height` has room for.
    pub fn window(&self, height: usize) -> Window {
        match self.thread.place {
            Place::End => self.window_at_end(height),
            Place::At { seq, row } => self.window_from(self.index_of(seq), row, height),
        }
    }

    /// The place `rows` further up than what is shown in `height`.
    pub fn up(&self, rows: usize, height: usize) -> Place {
        let (mut index, mut row) = self.window(height).top;
        let mut left = rows;
        loop {
            if left <= row {
                return self.place_at(index, row - left);
            }
            left -= row;
            let Some(above) = index.checked_sub(1) else {
                return self.place_at(0, 0);
            };
            index = above;
            row = self.rows(above).len();
        }
    }

    /// The place `rows` further down; the end when nothing more is below.
    pub fn down(&self, rows: usize, height: usize) -> Place {
        if self.thread.place == Place::End {
            return Place::End;
        }
        let (mut index, mut row) = self.window(height).top;
        let mut left = rows;
        while index < self.count() {
            let own = self.rows(index).len();
            if row + left < own {
                row += left;
                break;
            }
            left -= own - row.min(own);
            index += 1;
            row = 0;
        }
        if index >= self.count() || !self.window_from(index, row, height).more_below {
            return Place::End;
        }
        self.place_at(index, row)
    }

    /// The very first row that is here.
    pub fn top(&self) -> Place {
        self.place_at(0, 0)
    }

    /// Whether the oldest record that is here can be seen in `height`.
    pub fn shows_oldest(&self, height: usize) -> bool {
        let (index, row) = self.window(height).top;
        row == 0 && (0..index).all(|above| self.rows(above).is_empty())
    }

    /// The newest message, with its text, that can be seen in `height`.
    pub fn message_in_window(&self, height: usize) -> Option<(&'a Record, &'a str)> {
        self.find_in_window(height, |record, text| Some((record, text)))
    }

    /// What `find` makes of the newest message, with its text, of which it makes anything, among
    /// those that can be seen in `height`.
    pub fn find_in_window<T>(
        &self,
        height: usize,
        find: impl Fn(&'a Record, &'a str) -> Option<T>,
    ) -> Option<T> {
        let rows = self.window(height).rows;
        rows.iter().rev().find_map(|row| {
            let record = self.view.events.get(self.index_of(row.seq?))?;
            find(record, self.thread.text(record)?.as_str())
        })
    }

    /// The place of what is at the top in `height`; the end when all there is can be seen.
    pub fn anchored(&self, height: usize) -> Place {
        let Place::At { seq, .. } = self.thread.place else {
            return Place::End;
        };
        let window = self.window(height);
        let (index, row) = window.top;
        // Something older may still come in above it.
        let whole = (index, row) == (0, 0) && !window.more_below && window.rows.len() < height;
        match self.place_at(index, row) {
            _ if whole => Place::End,
            // What it was stays until it is here.
            Place::At { seq: top, .. } if top > seq && index == 0 => self.thread.place,
            place => place,
        }
    }

    fn window_at_end(&self, height: usize) -> Window {
        let mut rows: Vec<Row> = Vec::new();
        let mut index = self.count();
        let mut cut = 0;
        while rows.len() < height && index > 0 {
            index -= 1;
            let mut own = self.rows(index);
            cut = (rows.len() + own.len()).saturating_sub(height);
            own.drain(..cut);
            own.append(&mut rows);
            rows = own;
        }
        Window {
            rows,
            top: (index, cut),
            more_below: false,
        }
    }

    fn window_from(&self, first: usize, row: usize, height: usize) -> Window {
        let mut rows = Vec::new();
        let mut index = first;
        // In other columns it may have fewer rows.
        let row = row.min(self.rows(first).len().saturating_sub(1));
        let mut skip = row;
        while index < self.count() && rows.len() <= height {
            let own = self.rows(index);
            rows.extend(own.into_iter().skip(skip));
            skip = 0;
            index += 1;
        }
        let more_below = rows.len() > height || (index..self.count()).any(|i| !self.is_hidden(i));
        if rows.len() < height {
            // So near the end that the end fills the screen better.
            return self.window_at_end(height);
        }
        rows.truncate(height);
        Window {
            rows,
            top: (first, row),
            more_below,
        }
    }

    fn is_hidden(&self, index: usize) -> bool {
        self.rows(index).is_empty()
    }

    fn count(&self) -> usize {
        self.view.events.len() + self.thread.outgoing.len()
    }

    /// The item of `seq`, or the one that would follow it.
    fn index_of(&self, seq: Seq) -> usize {
        self.view
            .events
            .partition_point(|record| record.seq.is_some_and(|own| own < seq))
    }

    fn place_at(&self, index: usize, row: usize) -> Place {
        match self.view.events.get(index).and_then(|record| record.seq) {
            Some(seq) => Place::At { seq, row },
            None => Place::End,
        }
    }

    /// The rows of one item, separators above it included.
    fn rows(&self, index: usize) -> Vec<Row> {
        let Some(item) = self.item(index) else {
            return Vec::new();
        };
        let mut rows = Vec::with_capacity(item.lines.len() + 1);
        let day = self.zoned(item.at).date();
        let above = (0..index).rev().find_map(|above| self.time_of(above));
        if above.is_none_or(|above| self.zoned(above).date() != day) {
            let text = self.zoned(item.at).strftime("%a %d %b").to_string();
            rows.push(separator(Voice::Day, item.seq, text));
        }
        if item.seq.is_some() && item.seq == self.thread.new_from {
            let new = self.new_count();
            rows.push(separator(Voice::New, item.seq, format!("{new} new")));
        }
        let label_columns = self.label_columns();
        for (number, line) in item.lines.iter().enumerate() {
            let lead = if number == 0 {
                let label = truncate_width(&item.label, label_columns);
                let gap = " ".repeat(label_columns.saturating_sub(width(&label)));
                let time = self.zoned(item.at).strftime("%H:%M");
                format!("{}{time} {label}{gap} ", item.gutter)
            } else {
                format!("{}{}", item.gutter, " ".repeat(label_columns + 7))
            };
            rows.push(Row {
                voice: item.voice,
                seq: item.seq,
                lead,
                text: line.clone(),
            });
        }
        rows
    }

    fn new_count(&self) -> usize {
        let from = self.thread.new_from.unwrap_or_default();
        let me = self.model.my_id();
        let newest = self.view.events.iter().rev();
        newest
            .take_while(|record| record.seq.is_some_and(|seq| seq >= from))
            .filter(|record| is_from_other(record, me))
            .count()
    }

    fn zoned(&self, at: Timestamp) -> Zoned {
        zoned(self.model, at)
    }

    /// When the item was, if it is shown at all.
    fn time_of(&self, index: usize) -> Option<Timestamp> {
        match self.view.events.get(index) {
            Some(record) => self.is_drawn(record).then_some(record.at),
            None => {
                let sent = self.thread.outgoing.get(index - self.view.events.len())?;
                sent.echo.is_none().then_some(sent.at)
            }
        }
    }

    fn is_drawn(&self, record: &Record) -> bool {
        matches!(record.event, Event::MessagePosted { .. })
            || system_text(self.model, record).is_some()
    }

    fn label_columns(&self) -> usize {
        if self.columns >= 70 { 12 } else { 7 }
    }

    fn text_columns(&self) -> u16 {
        let lead = u16::try_from(self.label_columns() + 8).unwrap_or(u16::MAX);
        self.columns.saturating_sub(lead).max(4)
    }

    fn item(&self, index: usize) -> Option<Item> {
        match self.view.events.get(index) {
            Some(record) => self.record_item(record),
            None => self.outgoing_item(self.thread.outgoing.get(index - self.view.events.len())?),
        }
    }

    fn record_item(&self, record: &Record) -> Option<Item> {
        let seq = record.seq?;
        let columns = self.text_columns();
        let (voice, gutter, label) = self.author(record)?;
        let lines = self.thread.wrapped(seq, columns, || {
            let Some(text) = self.thread.shown(record) else {
                return system_text(self.model, record).unwrap_or_default();
            };
            let before = if voice == Voice::Note { "[note] " } else { "" };
            let after = if self.thread.is_edited(seq) {
                " (edited)"
            } else {
                ""
            };
            format!("{before}{text}{after}")
        });
        Some(Item {
            voice,
            seq: Some(seq),
            at: record.at,
            gutter,
            label,
            lines,
        })
    }

    /// Voice, gutter and name of a record; none when it is not shown.
    fn author(&self, record: &Record) -> Option<(Voice, char, String)> {
        let Event::MessagePosted { visibility, .. } = &record.event else {
            system_text(self.model, record)?;
            let voice = match &record.event {
                Event::AssistantReplied { .. } => Voice::Aside,
                _ => Voice::System,
            };
            return Some((voice, '*', String::from("desk")));
        };
        let actor = &record.actor;
        let first = |name: &str| {
            let name = render(name).into_owned();
            name.split_whitespace().next().unwrap_or("?").to_owned()
        };
        let mine = actor.kind == ActorKind::Agent && actor.id == self.model.my_id();
        if *visibility == Visibility::Note {
            let name = if mine {
                "you +".to_owned()
            } else {
                first(&actor.name)
            };
            return Some((Voice::Note, '~', name));
        }
        Some(match actor.kind {
            ActorKind::System => (Voice::System, '*', String::from("desk")),
            ActorKind::Customer => (Voice::Customer, ' ', first(&actor.name)),
            ActorKind::Assistant => (Voice::Assistant, '=', format!("AI {}", first(&actor.name))),
            ActorKind::Agent if mine => {
                let read = record.seq <= Some(self.view.chat.read_by_customer);
                let mark = if read { "you ++" } else { "you +" };
                (Voice::Me, '>', mark.to_owned())
            }
            ActorKind::Agent => (Voice::Agent, '>', first(&actor.name)),
        })
    }

    fn outgoing_item(&self, sent: &Outgoing) -> Option<Item> {
        if sent.echo.is_some() {
            return None;
        }
        let note = sent.visibility == Visibility::Note;
        let (voice, mark) = match sent.fate {
            Fate::Waiting => (Voice::Unsent, "you ..."),
            Fate::Stored(_) => (if note { Voice::Note } else { Voice::Me }, "you +"),
            Fate::Failed(_) => (Voice::Failed, "you !"),
        };
        let mut text = if note {
            format!("[note] {}", sent.text)
        } else {
            sent.text.to_string()
        };
        if let Fate::Failed(why) = &sent.fate {
            text.push_str(&format!("\nnot sent: {why} - R retry, D discard"));
        }
        Some(Item {
            voice,
            seq: None,
            at: sent.at,
            gutter: if note { '~' } else { '>' },
            label: mark.to_owned(),
            lines: wrap(&text, self.text_columns()),
        })
    }
}

/// `at` in the person's own time.
pub fn zoned(model: &Model, at: Timestamp) -> Zoned {
    let moment = jiff::Timestamp::from_millisecond(at.as_ms()).unwrap_or_default();
    moment.to_zoned(model.settings.zone.clone())
}

fn separator(voice: Voice, seq: Option<Seq>, text: String) -> Row {
    Row {
        voice,
        seq,
        lead: String::new(),
        text,
    }
}

/// What the desk did, in words; none for what nobody needs to read.
pub(crate) fn system_text(model: &Model, record: &Record) -> Option<String> {
    let by = &record.actor.name;
    Some(match &record.event {
        Event::ChatOpened {
            department,
            name,
            email,
            phone,
            fields,
            ..
        } => {
            let mut text = format!("{name} asks {}", model.department(*department));
            let given = [email, phone];
            for value in given.into_iter().flatten() {
                text.push_str(&format!(" - {value}"));
            }
            for (key, value) in fields {
                text.push_str(&format!(" - {key}: {value}"));
            }
            text
        }
        Event::ChatQueued {
            department, reason, ..
        } => {
            let why = match reason {
                // Of a hand-off its own record says why.
                QueueReason::Opened | QueueReason::Transferred | QueueReason::HandedOff => {
                    return None;
                }
                QueueReason::Reopened => "reopened",
                QueueReason::AgentLost => "its agent was lost",
                QueueReason::AgentLeft => "its agent left",
                QueueReason::Woken => "woken, its agent is not there",
            };
            format!("waits in {} ({why})", model.department(*department))
        }
        Event::ChatAssigned { agent, rule, .. } => {
            let agent = model.agent(*agent);
            match rule {
                AssignRule::TakenOver => format!("{agent} took the chat over"),
                AssignRule::ByHand => format!("given to {agent} by {by}"),
                // The desk's own line, which the customer reads too, says as much.
                AssignRule::LeastLoaded
                | AssignRule::Claimed
                | AssignRule::Transferred
                | AssignRule::Reopened => return None,
            }
        }
        Event::ChatTransferred { from, to, .. } => {
            let end = |end: &shared::event::TransferEnd| match end.agent {
                Some(agent) => model.agent(agent),
                None => model.department(end.department),
            };
            format!("moved from {} to {} by {by}", end(from), end(to))
        }
        Event::ChatHeld {} => format!("put on hold by {by}"),
        Event::ChatSnoozed { until: None } => format!("set aside by {by} until the next reply"),
        Event::ChatSnoozed { until: Some(until) } => {
            let (at, until) = (zoned(model, record.at), zoned(model, *until));
            let same_day = at.date() == until.date();
            let time = until.strftime(if same_day { "%H:%M" } else { "%a %d %b %H:%M" });
            format!("set aside by {by} until {time}")
        }
        Event::ChatWoken {} => "taken up again".to_owned(),
        // Of a person the desk says it in a line of its own.
        Event::ChatResolved { by: None } if record.actor.kind == ActorKind::Assistant => {
            format!("resolved by {by} {AI}")
        }
        Event::ChatResolved { by: None } => "resolved by a rule".to_owned(),
        Event::ChatReopened { episode } => format!("reopened by {by} (episode {episode})"),
        Event::ChatClosed {} => "closed for ever".to_owned(),
        Event::Tagged { tags } => {
            let tags: Vec<&str> = tags.iter().map(|tag| tag.as_str()).collect();
            format!("tags: {}", tags.join(", "))
        }
        Event::Prioritised { priority } => format!("priority {priority:+}"),
        Event::AttributeSet { key, value } => format!("{key}: {value}"),
        Event::Rated { score, comment } => match comment {
            Some(comment) => format!("rated {score}/5: {comment}"),
            None => format!("rated {score}/5"),
        },
        _ => return assisted::event_text(model, record),
    })
}
