//! The list at the left as data: which chats are in it, in which order, under which headings.

use std::{cmp::Reverse, collections::BTreeMap};

use shared::{
    fold::ChatView,
    id::{ChatId, DepartmentId},
    model::ChatState,
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
    /// Resolved chats that this person owned last, newest first.
    pub resolved: Vec<ChatId>,
}

impl Listing {
    /// All of them, numbered from 1.
    pub fn numbered(&self) -> impl Iterator<Item = ChatId> {
        let queued = self.queues.iter().flat_map(|(_, chats)| chats);
        self.mine
            .iter()
            .chain(&self.parked)
            .chain(queued)
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
                ChatState::Waiting | ChatState::Offered => {
                    queues.entry(view.chat.department).or_default().push(*id);
                }
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

    /// Chats that wait, and since when the one that waits longest does.
    pub fn waiting(&self) -> (usize, Option<Timestamp>) {
        let waits =
            |view: &&ChatView| matches!(view.chat.state, ChatState::Waiting | ChatState::Offered);
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
