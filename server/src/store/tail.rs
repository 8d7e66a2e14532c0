//! The unsettled tail: the random-keyed indexes of the newest records, in memory.
//!
//! The hot path writes the log alone. What it would have to write all over the file waits here
//! until a settle step moves it in sorted batches; after a start the tail is read back from the
//! log. Nothing here touches a disk.

use std::collections::{BTreeMap, VecDeque};

use shared::id::{ChatId, CommandId, Pos, Seq};

use super::{Done, SeqRange, StoredRecord, Take};

/// Key of a command: who and under which name.
pub(super) type MarkKey = (u64, CommandId);

type ChatKey = (ChatId, Seq);
/// What one record put into the indexes.
type Entry = (Option<ChatKey>, Option<MarkKey>);

/// The indexes of the records after the settled position.
#[derive(Debug, Default)]
pub(super) struct Tail {
    chats: BTreeMap<ChatKey, Pos>,
    marks: BTreeMap<MarkKey, Done>,
    /// What each record, oldest first, put into the indexes.
    order: VecDeque<Entry>,
}

/// The oldest part of a tail, each index sorted by its key.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) records: usize,
    pub(super) chats: Vec<(ChatKey, Pos)>,
    pub(super) marks: Vec<(MarkKey, Done)>,
}

impl Tail {
    /// Takes in the record that follows all others.
    pub(super) fn push(&mut self, record: &StoredRecord) {
        let chat = record.chat.zip(record.seq);
        if let Some(key) = chat {
            self.chats.insert(key, record.pos);
        }
        let mark = record.mark.as_ref().map(|mark| {
            let key = (mark.principal, mark.cid.clone());
            let done = Done {
                fingerprint: mark.fingerprint,
                pos: record.pos,
                chat: record.chat,
                seq: mark.seq,
            };
            self.marks.insert(key.clone(), done);
            key
        });
        self.order.push_back((chat, mark));
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn done(&self, principal: u64, cid: &CommandId) -> Option<Done> {
        self.marks.get(&(principal, cid.clone())).cloned()
    }

    pub(super) fn last_seq(&self, chat: ChatId) -> Option<Seq> {
        let (key, _) = self
            .chats
            .range((chat, Seq(0))..=(chat, Seq(u64::MAX)))
            .next_back()?;
        Some(key.1)
    }

    /// Seq and position of records of a chat, ascending.
    pub(super) fn history(&self, chat: ChatId, range: SeqRange, take: Take) -> Vec<(Seq, Pos)> {
        let Some((first, last)) = bounds(range) else {
            return Vec::new();
        };
        let found = self.chats.range((chat, first)..=(chat, last));
        pick(found.map(|(key, pos)| (key.1, *pos)), take)
    }

    /// A copy of the oldest `max` records' entries.
    pub(super) fn batch(&self, max: usize) -> Batch {
        let oldest = || self.order.iter().take(max);
        let mut chats: Vec<_> = oldest()
            .filter_map(|(chat, _)| chat.map(|key| (key, self.chats[&key])))
            .collect();
        let mut marks: Vec<_> = oldest()
            .filter_map(|(_, mark)| {
                let key = mark.as_ref()?;
                Some((key.clone(), self.marks[key].clone()))
            })
            .collect();
        chats.sort_unstable_by_key(|(key, _)| *key);
        marks.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        Batch {
            records: oldest().count(),
            chats,
            marks,
        }
    }

    /// Forgets the oldest `count` records, which are settled.
    pub(super) fn forget(&mut self, count: usize) {
        for (chat, mark) in self.order.drain(..count) {
            if let Some(key) = chat {
                self.chats.remove(&key);
            }
            if let Some(key) = mark {
                self.marks.remove(&key);
            }
        }
    }
}

/// First and last seq of a range; none when it is empty.
pub(super) fn bounds(range: SeqRange) -> Option<(Seq, Seq)> {
    let first = Seq(range.after.map_or(0, |seq| seq.0).checked_add(1)?);
    let last = Seq(range.before.map_or(u64::MAX, |seq| seq.0).checked_sub(1)?);
    (first <= last).then_some((first, last))
}

/// The first or last of an ascending iterator, in ascending order.
pub(super) fn pick<T>(found: impl DoubleEndedIterator<Item = T>, take: Take) -> Vec<T> {
    match take {
        Take::First(max) => found.take(max).collect(),
        Take::Last(max) => {
            let mut newest: Vec<T> = found.rev().take(max).collect();
            newest.reverse();
            newest
        }
    }
}
