//! The list at the left as data: which chats are in it, in which order, under which headings.

use std::{cmp::Reverse, collections::BTreeMap};

use shared::{
    event::Event,
    fold::ChatView,
    id::{ChatId, DepartmentId, Epoch, UserId},
    model::{AgentStatus, ChatState, Role, User},
    time::Timestamp,
};

use crate::model::Model;

/// The chats of the list, in the order in which they are numbered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Open chats that this person owns and answers.
    pub mine: Vec<ChatId>,
    /// Those that were put aside, first the one that comes back first.
    pub parked: Vec<ChatId>,
    /// Waiting chats of each department, first the one that is served next.
    pub queues: Vec<(DepartmentId, Vec<ChatId>)>,
    /// Chats that the assistant has, the oldest first.
    pub assistant: Vec<ChatId>,
    /// Resolved chats that this person owned last, newest first.
    pub resolved: Vec<ChatId>,
}

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListRow {
    /// Above a group.
    Heading(String),
    /// In place of chats, the next key.
    Hint(&'static str),
    /// A chat, with its number from 1.
    Chat(ChatId, usize),
    /// A colleague.
    User(UserId),
    /// So many rows follow for which there is no room.
    More(usize),
}

impl Listing {
    /// All of them, numbered from 1.
    pub fn numbered(&self) -> impl Iterator<Item = ChatId> {
        let queued = self.queues.iter().flat_map(|(_, chats)| chats);
        self.mine
            .iter()
            .chain(&self.parked)
            .chain(queued)
            .chain(&self.assistant)
            .chain(&self.resolved)
            .copied()
    }
}

impl Model {
    /// The chats of the list. The order of those we own never depends on what is in them, so
    /// that nothing moves under the eyes.
    pub fn listing(&self) -> Listing {
        let mut listing = Listing::default();
        let mut queues: BTreeMap<DepartmentId, Vec<ChatId>> = BTreeMap::new();
        for (id, view) in &self.view.chats {
            match view.chat.state {
                ChatState::Waiting | ChatState::Offered if !is_between(view) => {
                    queues.entry(view.chat.department).or_default().push(*id);
                }
                ChatState::Assistant => listing.assistant.push(*id),
                ChatState::Resolved if self.owns(*id) => listing.resolved.push(*id),
                state if state.is_parked() && self.owns(*id) => listing.parked.push(*id),
                state if state.is_open() && self.owns(*id) => listing.mine.push(*id),
                _ => {}
            }
        }
        for chats in queues.values_mut() {
            chats.sort_by_key(|id| {
                let chat = &self.view.chats[id].chat;
                (Reverse(chat.priority), chat.rank_at, *id)
            });
        }
        let until = |id: &ChatId| self.view.chats[id].chat.until;
        listing
            .parked
            .sort_by_key(|id| (until(id).is_none(), until(id), *id));
        let resolved_at = |id: &ChatId| self.view.chats[id].chat.resolved_at;
        listing
            .resolved
            .sort_by_key(|id| Reverse((resolved_at(id), *id)));
        listing.queues = queues.into_iter().collect();
        listing
    }

    /// The rows of the list for `height` of them: from the top, or as far down as the chat in
    /// front needs to be seen.
    pub fn rows(&self, height: usize) -> Vec<ListRow> {
        let mut rows = self.all_rows();
        if rows.len() <= height || height < 2 {
            rows.truncate(height);
            return rows;
        }
        let current = self.current();
        let here = |row: &ListRow| matches!(row, ListRow::Chat(id, _) if Some(*id) == current);
        let front = rows.iter().position(here).unwrap_or_default();
        let first = (front + 2).saturating_sub(height);
        rows.drain(..first);
        let more = rows.len().saturating_sub(height - 1);
        if rows.len() > height {
            rows.truncate(height - 1);
            rows.push(ListRow::More(more));
        }
        rows
    }

    fn all_rows(&self) -> Vec<ListRow> {
        let listing = self.listing();
        let mut rows = Vec::new();
        let mut numbers = 1..;
        let mut group = |heading: String, chats: &[ChatId]| {
            rows.push(ListRow::Heading(heading));
            let numbered = chats.iter().zip(&mut numbers);
            rows.extend(numbered.map(|(chat, number)| ListRow::Chat(*chat, number)));
            if chats.is_empty() {
                rows.push(ListRow::Hint(self.what_next(&listing)));
            }
        };
        group(format!("MINE ({})", listing.mine.len()), &listing.mine);
        if !listing.parked.is_empty() {
            group(
                format!("PARKED ({})", listing.parked.len()),
                &listing.parked,
            );
        }
        for (department, chats) in &listing.queues {
            let name = self.department(*department);
            group(format!("QUEUE {name} ({})", chats.len()), chats);
        }
        if !listing.assistant.is_empty() {
            group(
                format!("ASSISTANT ({})", listing.assistant.len()),
                &listing.assistant,
            );
        }
        if !listing.resolved.is_empty() {
            group("RESOLVED".to_owned(), &listing.resolved);
        }
        rows.push(ListRow::Heading("TEAM".to_owned()));
        let team = self.view.agents.values();
        let team = team.filter(|user| self.is_teammate(user));
        rows.extend(team.map(|user| ListRow::User(user.id)));
        rows
    }

    /// What to do when nothing is ours.
    fn what_next(&self, listing: &Listing) -> &'static str {
        if self.status() != AgentStatus::Online {
            " no chats; S: online"
        } else if listing.queues.is_empty() {
            " no chats; all done"
        } else {
            " no chats; u: next"
        }
    }

    fn is_teammate(&self, user: &User) -> bool {
        user.active
            && user.role >= Role::Agent
            && Some(user.id) != self.my_id()
            && (user.reachable || user.status != AgentStatus::Offline)
    }

    /// How many chats may be given to us, where somebody said.
    pub fn capacity(&self) -> Option<u32> {
        let user = self.myself()?;
        let departments = user.departments.iter();
        let limits = departments.filter_map(|id| self.view.departments.get(id)?.capacity);
        limits.chain(user.capacity).min().or(Some(4))
    }

    /// Chats that wait, and since when the one that waits longest does.
    pub fn waiting(&self) -> (usize, Option<Timestamp>) {
        let waits = |view: &&ChatView| {
            matches!(view.chat.state, ChatState::Waiting | ChatState::Offered) && !is_between(view)
        };
        let waiting = self.view.chats.values().filter(waits);
        let ranks = waiting.map(|view| view.chat.rank_at);
        ranks.fold((0, None), |(count, oldest), rank| {
            (count + 1, Some(oldest.map_or(rank, |old| rank.min(old))))
        })
    }

    /// The place of a waiting chat in its queue from 1, and how many wait there.
    pub fn place(&self, chat: ChatId) -> Option<(usize, usize)> {
        let listing = self.listing();
        let mut queues = listing.queues.iter();
        queues.find_map(|(_, chats)| {
            let place = chats.iter().position(|waiting| *waiting == chat)?;
            Some((place + 1, chats.len()))
        })
    }
}

/// Whether the records that say who has the chat are still on their way behind the one that opened
/// it.
fn is_between(view: &ChatView) -> bool {
    let last = view.events.last().map(|record| &record.event);
    view.chat.epoch == Epoch(0) || matches!(last, Some(Event::ChatReopened { .. }))
}
