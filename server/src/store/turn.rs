//! A turn: the exclusive right to write to a partition, and what a commit must keep to.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use shared::{
    id::{ChatId, Pos, Seq},
    time::Timestamp,
};
use tokio::sync::OwnedMutexGuard;

use super::{Hash, Mark, Part, Store, StoreError, StoredRecord};

/// A change of one key, done together with records or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvWrite {
    /// What kind of thing: a short constant, at most 255 bytes.
    pub ns: &'static str,
    /// Which one.
    pub key: Bytes,
    /// The version that must be there; 0 when there must be none.
    pub expect: u64,
    /// The new value; none deletes.
    pub value: Option<Bytes>,
    /// How long it lives; for ever when none.
    pub ttl: Option<Duration>,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    /// It is durable.
    Done {
        /// The last position of the log now.
        head: Pos,
    },
    /// It is surely not written: somebody else was there, or the records do not continue the log.
    Conflict,
    /// It is there or it is not, entirely: [`Store::reopen`], then ask [`Store::result`].
    Unknown,
}

/// The exclusive right to write to a partition. Dropping it writes nothing and frees the turn.
#[derive(Debug)]
pub struct Turn {
    pub(super) store: Store,
    pub(super) part: Part,
    pub(super) missed: Vec<StoredRecord>,
    pub(super) head: (Pos, Hash),
    pub(super) now: Timestamp,
    pub(super) _guard: OwnedMutexGuard<()>,
}

impl Turn {
    /// Records after the position that the hub knew.
    #[must_use]
    pub fn missed(&self) -> &[StoredRecord] {
        &self.missed
    }

    /// The last position and its hash: what the next record chains to.
    #[must_use]
    pub const fn head(&self) -> (Pos, Hash) {
        self.head
    }

    /// The store's time when the turn began.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Writes everything in one durable transaction, or nothing. An embedded store writes on the
    /// calling thread and blocks it until the disk has it: the hub has a thread of its own.
    ///
    /// # Errors
    /// [`StoreError::Degraded`], [`StoreError::Full`], [`StoreError::Io`] and
    /// [`StoreError::Corrupt`]: it is surely not written.
    pub async fn commit(
        self,
        records: &[StoredRecord],
        kv: &[KvWrite],
    ) -> Result<Commit, StoreError> {
        let store = &self.store;
        let commit =
            engine!(store, engine => engine.append(self.part, self.head, records, kv, self.now))?;
        if matches!(commit, Commit::Done { .. }) && !records.is_empty() {
            // Without a listener there is nobody to tell.
            drop(store.0.hints.send(self.part));
        }
        Ok(commit)
    }
}

/// Whether `records` continue a log that ends at `head`: dense positions, an unbroken chain, dense
/// seqs of every chat (`last_seq` of 0 for a new one), and no command that was `done` before.
pub(super) fn continues(
    head: (Pos, Hash),
    records: &[StoredRecord],
    mut last_seq: impl FnMut(ChatId) -> Result<Seq, StoreError>,
    mut done: impl FnMut(&Mark) -> Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    let (mut pos, mut hash) = head;
    let mut seqs = BTreeMap::new();
    let mut marks = BTreeSet::new();
    for record in records {
        if record.pos != pos.next() || !record.links(&hash) {
            return Ok(false);
        }
        (pos, hash) = (record.pos, record.hash);
        match (record.chat, record.seq) {
            (None, None) => {}
            (Some(chat), Some(seq)) => {
                let last = match seqs.get(&chat) {
                    Some(last) => *last,
                    None => last_seq(chat)?,
                };
                if seq != last.next() {
                    return Ok(false);
                }
                seqs.insert(chat, seq);
            }
            _ => return Ok(false),
        }
        if let Some(mark) = &record.mark
            && (!marks.insert((mark.principal, &mark.cid)) || done(mark)?)
        {
            return Ok(false);
        }
    }
    Ok(true)
}
