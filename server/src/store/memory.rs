//! The store of tests and simulations: everything in maps, nothing on disk.
//!
//! It keeps every law of the seam but durability. It has no tail: its indexes are always whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound::{Excluded, Included, Unbounded},
    sync::Mutex,
};

use bytes::Bytes;
use shared::{
    id::{ChatId, CommandId, Pos},
    search::Query,
    time::Timestamp,
};

use super::{
    Commit, Done, FileId, Found, Hash, Health, KvEntry, KvWrite, Lineage, Part, SEARCH_RECORDS_MAX,
    SeqRange, Settled, Space, StoreError, StoredRecord, Take, continues, lock, tail::Tail, words,
};

/// Rows by partition and key, as the tables of a file would be.
#[derive(Debug)]
pub(super) struct Memory {
    lineage: Lineage,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    parts: BTreeMap<Part, Log>,
    kv: BTreeMap<(&'static str, Bytes), Value>,
    chunks: BTreeMap<(FileId, u32), Bytes>,
    kv_version: u64,
    fault: Option<Fault>,
    space: Option<Space>,
}

#[derive(Debug, Default)]
struct Log {
    records: Vec<StoredRecord>,
    index: Tail,
    snapshot: Option<(u32, Pos, Hash, Bytes)>,
}

#[derive(Debug)]
struct Value {
    version: u64,
    expires: Option<Timestamp>,
    bytes: Bytes,
}

/// What the next commit shall do instead of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Be written, and say [`Commit::Unknown`].
    UnknownWritten,
    /// Not be written, and say [`Commit::Unknown`].
    UnknownLost,
    /// Not be written, and say [`Commit::Conflict`].
    Conflict,
    /// Be written; the disk has this much room from now on.
    Space(Space),
}

impl Memory {
    pub(super) fn new(lineage: [u8; 8]) -> Self {
        Self {
            lineage: Lineage(lineage),
            state: Mutex::default(),
        }
    }

    pub(super) fn inject(&self, fault: Fault) {
        let mut state = lock(&self.state);
        match fault {
            Fault::Space(space) => state.space = Some(space),
            _ => state.fault = Some(fault),
        }
    }

    pub(super) fn lineage(&self) -> Lineage {
        self.lineage
    }

    pub(super) fn writable(&self) -> bool {
        true
    }

    pub(super) fn is_full(&self) -> bool {
        false
    }

    pub(super) fn head(&self, part: Part) -> (Pos, Hash) {
        lock(&self.state).head(part)
    }

    pub(super) fn read(
        &self,
        part: Part,
        after: Pos,
        max: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let state = lock(&self.state);
        let skip = usize::try_from(after.0).unwrap_or(usize::MAX);
        let records = state.parts.get(&part).into_iter();
        Ok(records
            .flat_map(|log| &log.records)
            .skip(skip)
            .take(max)
            .cloned()
            .collect())
    }

    pub(super) fn history(
        &self,
        part: Part,
        chat: ChatId,
        range: SeqRange,
        take: Take,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let state = lock(&self.state);
        let Some(log) = state.parts.get(&part) else {
            return Ok(Vec::new());
        };
        let found = log.index.history(chat, range, take).into_iter();
        Ok(found.filter_map(|(_, pos)| log.at(pos)).cloned().collect())
    }

    pub(super) fn results(
        &self,
        part: Part,
        commands: &[Option<(u64, &CommandId)>],
    ) -> Result<Vec<Option<Done>>, StoreError> {
        let state = lock(&self.state);
        let log = state.parts.get(&part);
        let done = |(principal, cid): (u64, &CommandId)| log?.index.done(principal, cid);
        Ok(commands.iter().map(|key| key.and_then(done)).collect())
    }

    pub(super) fn append(
        &self,
        part: Part,
        head: (Pos, Hash),
        records: &[StoredRecord],
        kv: &[KvWrite],
        now: Timestamp,
    ) -> Result<Commit, StoreError> {
        let mut state = lock(&self.state);
        let fault = state.fault.take();
        match fault {
            Some(Fault::UnknownLost) => return Ok(Commit::Unknown),
            Some(Fault::Conflict) => return Ok(Commit::Conflict),
            Some(Fault::UnknownWritten | Fault::Space(_)) | None => {}
        }
        let log = state.parts.entry(part).or_default();
        let index = &log.index;
        let fits = continues(
            head,
            records,
            |chat| Ok(index.last_seq(chat).unwrap_or_default()),
            |mark| Ok(index.done(mark.principal, &mark.cid).is_some()),
        )?;
        // Whoever writes a key second has not seen what the first one wrote.
        let mut keys = BTreeSet::new();
        let expected = kv.iter().all(|write| {
            keys.insert((write.ns, &write.key))
                && state.version(write.ns, &write.key, now) == write.expect
        });
        if state.head(part) != head || !fits || !expected {
            return Ok(Commit::Conflict);
        }
        let log = state.parts.entry(part).or_default();
        for record in records {
            log.index.push(record);
            log.records.push(record.clone());
        }
        for write in kv {
            state.write(write, now);
        }
        Ok(match fault {
            Some(_) => Commit::Unknown,
            None => Commit::Done {
                head: state.head(part).0,
            },
        })
    }

    pub(super) fn snapshot_get(
        &self,
        part: Part,
        version: u32,
    ) -> Result<Option<(Pos, Hash, Bytes)>, StoreError> {
        let state = lock(&self.state);
        let Some(log) = state.parts.get(&part) else {
            return Ok(None);
        };
        let snapshot = log.snapshot.as_ref().filter(|(kept, pos, hash, _)| {
            *kept == version && log.at(*pos).is_some_and(|record| record.hash == *hash)
        });
        Ok(snapshot.map(|(_, pos, hash, body)| (*pos, *hash, body.clone())))
    }

    pub(super) fn snapshot_put(
        &self,
        part: Part,
        version: u32,
        pos: Pos,
        hash: Hash,
        body: &Bytes,
    ) -> Result<(), StoreError> {
        let mut state = lock(&self.state);
        state.parts.entry(part).or_default().snapshot = Some((version, pos, hash, body.clone()));
        Ok(())
    }

    pub(super) fn chunk_put(
        &self,
        file: FileId,
        index: u32,
        bytes: &Bytes,
    ) -> Result<(), StoreError> {
        let mut state = lock(&self.state);
        state.chunks.insert((file, index), bytes.clone());
        Ok(())
    }

    pub(super) fn chunk_get(&self, file: FileId, index: u32) -> Result<Option<Bytes>, StoreError> {
        Ok(lock(&self.state).chunks.get(&(file, index)).cloned())
    }

    pub(super) fn file_drop(&self, file: FileId) -> Result<(), StoreError> {
        let mut state = lock(&self.state);
        state.chunks.retain(|(of, _), _| *of != file);
        Ok(())
    }

    pub(super) fn files(
        &self,
        after: Option<FileId>,
        max: usize,
    ) -> Result<Vec<FileId>, StoreError> {
        let state = lock(&self.state);
        let files: BTreeSet<FileId> = state.chunks.keys().map(|(file, _)| *file).collect();
        let later = files.into_iter().filter(|file| Some(*file) > after);
        Ok(later.take(max).collect())
    }

    pub(super) fn kv_get(
        &self,
        ns: &'static str,
        key: &[u8],
        now: Timestamp,
    ) -> Result<Option<(u64, Bytes)>, StoreError> {
        let state = lock(&self.state);
        Ok(state
            .kv
            .get(&(ns, Bytes::copy_from_slice(key)))
            .filter(|value| value.lives(now))
            .map(|value| (value.version, value.bytes.clone())))
    }

    pub(super) fn kv_cas(
        &self,
        write: &KvWrite,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        let mut state = lock(&self.state);
        let expected = state.version(write.ns, &write.key, now) == write.expect;
        Ok(expected.then(|| state.write(write, now)))
    }

    pub(super) fn kv_scan(
        &self,
        ns: &'static str,
        prefix: &[u8],
        after_key: Option<&[u8]>,
        max: usize,
        now: Timestamp,
    ) -> Result<Vec<KvEntry>, StoreError> {
        let from = match after_key {
            Some(key) if key >= prefix => Excluded((ns, Bytes::copy_from_slice(key))),
            _ => Included((ns, Bytes::copy_from_slice(prefix))),
        };
        let state = lock(&self.state);
        Ok(state
            .kv
            .range((from, Unbounded))
            .take_while(|((space, key), _)| *space == ns && key.starts_with(prefix))
            .filter(|(_, value)| value.lives(now))
            .take(max)
            .map(|((_, key), value)| KvEntry {
                key: key.clone(),
                version: value.version,
                value: value.bytes.clone(),
            })
            .collect())
    }

    pub(super) fn redact(&self, part: Part, chat: ChatId) -> Result<(), StoreError> {
        if let Some(log) = lock(&self.state).parts.get_mut(&part) {
            log.snapshot = None;
            let records = log.records.iter_mut();
            for record in records.filter(|record| record.chat == Some(chat)) {
                record.redact()?;
            }
        }
        Ok(())
    }

    pub(super) fn index_words(&self, _: Part) -> Result<u64, StoreError> {
        Ok(0)
    }

    pub(super) fn search(
        &self,
        part: Part,
        query: &Query,
        before: Option<Pos>,
        max: usize,
    ) -> Result<Found, StoreError> {
        let state = lock(&self.state);
        let wanted = query.words();
        let mut found = Found::default();
        let mut edited = BTreeSet::new();
        let records = state.parts.get(&part).into_iter();
        for record in records.flat_map(|log| &log.records).rev() {
            let entry = words::entry(record);
            let message = entry.edits.or(record.chat.zip(record.seq));
            let is_stale = match entry.edits {
                Some(message) => !edited.insert(message),
                None => message.is_some_and(|message| edited.contains(&message)),
            };
            if is_stale
                || before.is_some_and(|before| record.pos >= before)
                || !words::has_all(&entry, &wanted)
            {
                continue;
            }
            found.compared += 1;
            if words::is_match(record, query) {
                found.records.push(record.clone());
            }
            if found.records.len() >= max || found.compared >= SEARCH_RECORDS_MAX {
                found.next = Some(record.pos);
                break;
            }
        }
        Ok(found)
    }

    pub(super) fn settle(&self, _: Part, _: usize, now: Timestamp) -> Result<Settled, StoreError> {
        lock(&self.state).kv.retain(|_, value| value.lives(now));
        Ok(Settled { moved: 0, left: 0 })
    }

    pub(super) fn status(&self) -> Health {
        Health {
            writable: true,
            free_bytes: None,
            space: lock(&self.state).space.unwrap_or(Space::Ample),
            tail_records: 0,
        }
    }
}

impl State {
    fn head(&self, part: Part) -> (Pos, Hash) {
        self.parts
            .get(&part)
            .and_then(|log| log.records.last())
            .map_or((Pos(0), Hash::START), |last| (last.pos, last.hash))
    }

    fn version(&self, ns: &'static str, key: &Bytes, now: Timestamp) -> u64 {
        self.kv
            .get(&(ns, key.clone()))
            .filter(|value| value.lives(now))
            .map_or(0, |value| value.version)
    }

    /// The new version; 0 when deleted.
    fn write(&mut self, write: &KvWrite, now: Timestamp) -> u64 {
        let key = (write.ns, write.key.clone());
        let Some(bytes) = write.value.clone() else {
            self.kv.remove(&key);
            return 0;
        };
        self.kv_version += 1;
        let value = Value {
            version: self.kv_version,
            expires: write.ttl.map(|ttl| now.after(ttl)),
            bytes,
        };
        self.kv.insert(key, value);
        self.kv_version
    }
}

impl Log {
    fn at(&self, pos: Pos) -> Option<&StoredRecord> {
        let index = usize::try_from(pos.0.checked_sub(1)?).ok()?;
        self.records.get(index)
    }
}

impl Value {
    fn lives(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}
