//! The index of words of the embedded store: behind the log, never in its way.
//!
//! `indexing` is held while the log is read for words and while words are redacted, so that no
//! word comes back that was taken out. What is looked for goes from the newest to the oldest:
//! records not indexed yet, words in memory, segments. Memory is looked at before the file is:
//! what leaves it in between is in a segment by then.

use std::collections::{BTreeMap, BTreeSet};

use redb::{ReadTransaction, WriteTransaction};
use shared::{
    id::Pos,
    search::{Query, Word},
};

use super::{Redb, engine_error};
use crate::store::{
    Found, Part, SEARCH_RECORDS_MAX, SETTLE_RECORDS_MAX, StoreError, StoredRecord, lock,
    tables::{EDIT, LOG, SEGMENT, WORD},
    words::{self, Message, Words, entry, has_all, is_match},
};

/// Newest records that a search reads itself when they are not indexed yet: more than a segment,
/// so that nothing is left out after a start. Each costs some microseconds.
const SCAN_RECORDS_MAX: u64 = 2 * words::SEGMENT_RECORDS;

impl Redb {
    pub(in crate::store) fn index_words(&self, part: Part) -> Result<u64, StoreError> {
        let _indexing = lock(&self.indexing);
        self.begin_words(part)?;
        self.write_segment(part)?;
        let upto = lock(&self.words)
            .get(&part)
            .map_or(Pos(0), |words| words.upto);
        let records = self.read(part, upto, SETTLE_RECORDS_MAX)?;
        let entries: Vec<_> = records.iter().map(entry).collect();
        let taken = entries.len() as u64;
        if let Some(words) = lock(&self.words).get_mut(&part) {
            entries.into_iter().for_each(|entry| words.take(entry));
        }
        self.write_segment(part)?;
        Ok(self.head(part).0.0.saturating_sub(upto.0 + taken))
    }

    /// Begins after the newest segment, once.
    fn begin_words(&self, part: Part) -> Result<(), StoreError> {
        if !lock(&self.words).contains_key(&part) {
            let settled = self.with_read(|transaction| settled(transaction, part))?;
            lock(&self.words).insert(part, Words::after(settled));
        }
        Ok(())
    }

    /// Makes a segment of the words in memory when there are enough of them.
    fn write_segment(&self, part: Part) -> Result<(), StoreError> {
        let full = {
            let words = lock(&self.words);
            words.get(&part).filter(|words| words.is_full()).cloned()
        };
        let Some(words) = full else {
            return Ok(());
        };
        self.must_write(|transaction| {
            put_segment(transaction, part, &words)?;
            let mut edits = transaction.open_table(EDIT).map_err(engine_error)?;
            for ((chat, seq), pos) in &words.edits {
                edits
                    .insert((part.0, chat.0, seq.0), pos.0)
                    .map_err(engine_error)?;
            }
            Ok(Some(()))
        })?;
        lock(&self.words).insert(part, Words::after(words.upto));
        Ok(())
    }

    /// Takes the words of these records out of memory and of every segment. The caller holds
    /// `indexing`, and the records have no text any more.
    pub(super) fn forget_words(&self, part: Part, gone: &BTreeSet<u64>) -> Result<(), StoreError> {
        if let Some(words) = lock(&self.words).get_mut(&part) {
            words.forget(gone);
        }
        let mut rest = gone.iter().copied();
        let mut next = rest.next();
        while let Some(pos) = next {
            let found = self.with_read(|transaction| segment(transaction, part, Pos(pos)))?;
            let Some((mut words, _)) = found else {
                return Ok(());
            };
            words.forget(gone);
            self.must_write(|transaction| put_segment(transaction, part, &words).map(Some))?;
            next = rest.find(|pos| *pos > words.upto.0);
        }
        Ok(())
    }

    pub(in crate::store) fn search(
        &self,
        part: Part,
        query: &Query,
        before: Option<Pos>,
        max: usize,
    ) -> Result<Found, StoreError> {
        let wanted = query.words();
        let head = self.head(part).0;
        let before = before.unwrap_or(Pos(u64::MAX));
        let memory = {
            let words = lock(&self.words);
            words.get(&part).map(|words| InMemory {
                after: words.after,
                upto: words.upto,
                found: words.find(&wanted),
                edits: words.edits.clone(),
            })
        };
        self.with_read(|transaction| {
            let settled = settled(transaction, part)?;
            // What became a segment in the meantime is found there.
            let memory = memory.filter(|memory| memory.after == settled);
            let indexed = memory.as_ref().map_or(settled, |memory| memory.upto);
            let log = transaction.open_table(LOG).map_err(engine_error)?;
            let mut search = Search {
                transaction,
                part,
                query,
                max,
                edits: BTreeMap::new(),
                found: Found::default(),
            };
            let from = indexed.0.max(head.0.saturating_sub(SCAN_RECORDS_MAX)) + 1;
            search.found.partial = from > indexed.0 + 1;
            let (in_memory, edits) = memory
                .map(|memory| (memory.found, memory.edits))
                .unwrap_or_default();
            search.edits = edits;
            let mut scanned = Vec::new();
            let rows = log.range((part.0, from)..=(part.0, head.0));
            for row in rows.map_err(engine_error)? {
                let record = StoredRecord::from_row(row.map_err(engine_error)?.1.value())?;
                let entry = entry(&record);
                if let Some(message) = entry.edits {
                    search.edits.insert(message, record.pos);
                }
                if has_all(&entry, &wanted) {
                    scanned.push(record.pos);
                }
            }
            scanned.reverse();
            scanned.extend(in_memory);
            if search.compare(scanned.into_iter().filter(|pos| *pos < before))? {
                search.segments(&wanted, before)?;
            }
            Ok(search.found)
        })
    }
}

/// What the words in memory say.
struct InMemory {
    after: Pos,
    upto: Pos,
    found: Vec<Pos>,
    edits: BTreeMap<Message, Pos>,
}

/// One search in one state of the file.
struct Search<'a> {
    transaction: &'a ReadTransaction,
    part: Part,
    query: &'a Query,
    max: usize,
    /// Newest edits of messages, as far as no segment has them.
    edits: BTreeMap<Message, Pos>,
    found: Found,
}

impl Search<'_> {
    /// Looks through the segments, newest first.
    fn segments(&mut self, wanted: &[Word], before: Pos) -> Result<(), StoreError> {
        let part = self.part.0;
        let segments = self.transaction.open_table(SEGMENT).map_err(engine_error)?;
        let blocks = self.transaction.open_table(WORD).map_err(engine_error)?;
        let all = segments.range((part, 0)..=(part, u64::MAX));
        for row in all.map_err(engine_error)?.rev() {
            let (key, first) = row.map_err(engine_error)?;
            let (last, first) = (key.value().1, first.value());
            if first == 0 || last < first {
                return Err(StoreError::corrupt("a segment of words has no records"));
            }
            if first >= before.0 {
                continue;
            }
            let mut found = words::Found::all(Pos(first), Pos(last));
            for word in wanted {
                found.keep_word(word, |visit| {
                    // The block that may have the word, and those after it.
                    let text = word.text.as_bytes();
                    let to = (part, last, text);
                    let block = blocks.range((part, last, &[][..])..=to);
                    let block = block.map_err(engine_error)?.next_back();
                    let from = block.transpose().map_err(engine_error)?;
                    let from =
                        from.map_or_else(|| text.to_vec(), |(key, _)| key.value().2.to_vec());
                    let rows =
                        blocks.range((part, last, from.as_slice())..(part, last + 1, &[][..]));
                    for row in rows.map_err(engine_error)? {
                        if !visit(row.map_err(engine_error)?.1.value())? {
                            break;
                        }
                    }
                    Ok(())
                })?;
                if found.is_empty() {
                    break;
                }
            }
            let candidates = found.newest_first().into_iter();
            if !self.compare(candidates.filter(|pos| *pos < before))? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Compares records with what is looked for, newest first. False when that is enough.
    fn compare(&mut self, candidates: impl Iterator<Item = Pos>) -> Result<bool, StoreError> {
        let log = self.transaction.open_table(LOG).map_err(engine_error)?;
        for pos in candidates {
            let row = log.get((self.part.0, pos.0)).map_err(engine_error)?;
            let row = row.ok_or_else(|| {
                StoreError::corrupt(format!("record {pos} is indexed and not there"))
            })?;
            let record = StoredRecord::from_row(row.value())?;
            self.found.compared += 1;
            if is_match(&record, self.query) && self.is_newest(&record)? {
                self.found.records.push(record);
            }
            if self.found.records.len() >= self.max || self.found.compared >= SEARCH_RECORDS_MAX {
                self.found.next = Some(pos);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the text of this record was not replaced by a later one.
    fn is_newest(&self, record: &StoredRecord) -> Result<bool, StoreError> {
        let Some(message) = message_of(record) else {
            return Ok(true);
        };
        let newest = match self.edits.get(&message) {
            Some(pos) => Some(*pos),
            None => {
                let edits = self.transaction.open_table(EDIT).map_err(engine_error)?;
                let key = (self.part.0, message.0.0, message.1.0);
                let pos = edits.get(key).map_err(engine_error)?;
                pos.map(|pos| Pos(pos.value()))
            }
        };
        Ok(newest.is_none_or(|newest| newest <= record.pos))
    }
}

/// The message whose text a record has.
fn message_of(record: &StoredRecord) -> Option<Message> {
    if record.kind == "message_edited" {
        return entry(record).edits;
    }
    record.chat.zip(record.seq)
}

/// The last position of the newest segment.
fn settled(transaction: &ReadTransaction, part: Part) -> Result<Pos, StoreError> {
    let segments = transaction.open_table(SEGMENT).map_err(engine_error)?;
    let all = segments.range((part.0, 0)..=(part.0, u64::MAX));
    let newest = all.map_err(engine_error)?.next_back();
    let newest = newest.transpose().map_err(engine_error)?;
    Ok(newest.map_or(Pos(0), |(key, _)| Pos(key.value().1)))
}

/// The words of the segment that has `pos`, or of the next one, and how many blocks they are.
pub(in crate::store) fn segment(
    transaction: &ReadTransaction,
    part: Part,
    pos: Pos,
) -> Result<Option<(Words, usize)>, StoreError> {
    let segments = transaction.open_table(SEGMENT).map_err(engine_error)?;
    let from = segments.range((part.0, pos.0)..=(part.0, u64::MAX));
    let row = from.map_err(engine_error)?.next().transpose();
    let Some((key, first)) = row.map_err(engine_error)? else {
        return Ok(None);
    };
    let last = key.value().1;
    let before = first.value().checked_sub(1);
    let before = before.ok_or_else(|| StoreError::corrupt("a segment of words has no records"))?;
    let mut words = Words::after(Pos(before));
    words.upto = Pos(last);
    let blocks = transaction.open_table(WORD).map_err(engine_error)?;
    let rows = blocks.range((part.0, last, &[][..])..(part.0, last + 1, &[][..]));
    let mut count = 0;
    for row in rows.map_err(engine_error)? {
        words.unpack(row.map_err(engine_error)?.1.value())?;
        count += 1;
    }
    Ok(Some((words, count)))
}

/// Writes a segment in the place of one with the same records.
fn put_segment(
    transaction: &WriteTransaction,
    part: Part,
    words: &Words,
) -> Result<(), StoreError> {
    let last = words.upto.0;
    let mut blocks = transaction.open_table(WORD).map_err(engine_error)?;
    blocks
        .retain_in(
            (part.0, last, &[][..])..(part.0, last + 1, &[][..]),
            |_, _| false,
        )
        .map_err(engine_error)?;
    for (first, block) in words.blocks() {
        blocks
            .insert((part.0, last, first.as_slice()), block.as_slice())
            .map_err(engine_error)?;
    }
    let mut segments = transaction.open_table(SEGMENT).map_err(engine_error)?;
    segments
        .insert((part.0, last), words.after.next().0)
        .map_err(engine_error)?;
    Ok(())
}

/// Bytes of the blocks of all segments.
#[cfg(test)]
pub(in crate::store) fn bytes(store: &crate::store::Store) -> u64 {
    use redb::ReadableTableMetadata as _;
    let crate::store::Engine::Redb(redb) = &store.0.engine else {
        return 0;
    };
    redb.with_read(|transaction| {
        let blocks = transaction.open_table(WORD).map_err(engine_error)?;
        let stats = blocks.stats().map_err(engine_error)?;
        Ok(stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes())
    })
    .unwrap_or_default()
}
