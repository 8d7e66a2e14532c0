//! The log of the embedded store: append, read, history, answers, redaction, snapshots.
//!
//! Indexes of unsettled records are looked for in the tail first and in the tables after: what
//! leaves the tail in between is in the tables by then.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable};
use shared::{
    id::{ChatId, CommandId, Pos, Seq},
    time::Timestamp,
};

use super::{Redb, Written, engine_error, kv::write_kv};
use crate::{
    failpoint::Point,
    store::{
        Commit, Done, Hash, KvWrite, Part, SeqRange, StoreError, StoredRecord, Take, continues,
        lock,
        tables::{
            CHAT, DONE, HEAD, LOG, SNAPSHOT, head_row, parse_done, parse_snapshot, snapshot_row,
        },
        tail::{bounds, pick},
    },
};

/// The log within a read transaction.
type LogTable = ReadOnlyTable<(u32, u64), &'static [u8]>;

/// Records of one chat that one transaction of a redaction rewrites.
const REDACT_RECORDS: usize = 512;

impl Redb {
    pub(in crate::store) fn read(
        &self,
        part: Part,
        after: Pos,
        max: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        // What history and answers do not know yet is not told here either.
        let head = self.head(part).0;
        if after >= head {
            return Ok(Vec::new());
        }
        let first = after.next().0;
        self.with_read(|transaction| {
            let log = transaction.open_table(LOG).map_err(engine_error)?;
            let mut prev = hash_at(&log, part, after)?;
            log.range((part.0, first)..=(part.0, head.0))
                .map_err(engine_error)?
                .take(max)
                .zip(first..)
                .map(|(row, expected)| {
                    let (key, row) = row.map_err(engine_error)?;
                    let record = StoredRecord::from_row(row.value())?;
                    if key.value().1 != expected || record.pos.0 != expected {
                        return Err(StoreError::corrupt(format!("record {expected} is missing")));
                    }
                    // The engine does not look at its checksums when it reads.
                    if !record.verifies(&prev) {
                        return Err(not_as_written(record.pos));
                    }
                    prev = record.hash;
                    Ok(record)
                })
                .collect()
        })
    }

    pub(in crate::store) fn history(
        &self,
        part: Part,
        chat: ChatId,
        range: SeqRange,
        take: Take,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        // The tail first: what leaves it after this look is in the tables by then.
        let unsettled = lock(&self.parts)
            .get(&part)
            .map(|state| state.tail.history(chat, range, take))
            .unwrap_or_default();
        let Some((first, last)) = bounds(range) else {
            return Ok(Vec::new());
        };
        self.with_read(|transaction| {
            let index = transaction.open_table(CHAT).map_err(engine_error)?;
            let keys = (part.0, chat.0, first.0)..=(part.0, chat.0, last.0);
            let settled = index.range(keys).map_err(engine_error)?.map(|row| {
                let (key, pos) = row.map_err(engine_error)?;
                Ok((Seq(key.value().2), Pos(pos.value())))
            });
            let settled = pick(settled, take);
            let mut found: BTreeMap<Seq, Pos> =
                settled.into_iter().collect::<Result<_, StoreError>>()?;
            found.extend(unsettled);
            let log = transaction.open_table(LOG).map_err(engine_error)?;
            let found = pick(found.into_iter(), take);
            if !found.is_sorted_by(|before, this| before.0.next() == this.0) {
                return Err(StoreError::corrupt(format!("chat {chat} has a gap")));
            }
            let mut prev = (Pos(0), Hash::START);
            found
                .into_iter()
                .map(|(seq, pos)| {
                    let row = log.get((part.0, pos.0)).map_err(engine_error)?;
                    let record = row.map(|row| StoredRecord::from_row(row.value()));
                    let record = record.transpose()?.filter(|record| {
                        record.pos == pos && record.chat == Some(chat) && record.seq == Some(seq)
                    });
                    let record = record.ok_or_else(|| {
                        StoreError::corrupt(format!("chat {chat} has no record {seq} at {pos}"))
                    })?;
                    if prev.0.next() != pos {
                        prev.1 = hash_at(&log, part, Pos(pos.0.saturating_sub(1)))?;
                    }
                    if !record.verifies(&prev.1) {
                        return Err(not_as_written(pos));
                    }
                    prev = (pos, record.hash);
                    Ok(record)
                })
                .collect()
        })
    }

    pub(in crate::store) fn results(
        &self,
        part: Part,
        commands: &[Option<(u64, &CommandId)>],
    ) -> Result<Vec<Option<Done>>, StoreError> {
        let mut found: Vec<Option<Done>> = {
            let parts = lock(&self.parts);
            let tail = parts.get(&part).map(|state| &state.tail);
            let unsettled = |(principal, cid): (u64, &CommandId)| tail?.done(principal, cid);
            commands.iter().map(|key| key.and_then(unsettled)).collect()
        };
        let wanted = |(key, found): (&Option<_>, &Option<_>)| key.is_some() && found.is_none();
        if !commands.iter().zip(&found).any(wanted) {
            return Ok(found);
        }
        self.with_read(|transaction| {
            let index = transaction.open_table(DONE).map_err(engine_error)?;
            for (key, found) in commands.iter().zip(&mut found) {
                if let (Some((principal, cid)), None) = (key, &found) {
                    *found = settled_result(&index, part, *principal, cid)?;
                }
            }
            Ok(found)
        })
    }

    pub(in crate::store) fn append(
        &self,
        part: Part,
        head: (Pos, Hash),
        records: &[StoredRecord],
        kv: &[KvWrite],
        now: Timestamp,
    ) -> Result<Commit, StoreError> {
        if self.head(part) != head || !self.fits(part, head, records)? {
            return Ok(Commit::Conflict);
        }
        let new_head = records.last().map_or(head, |last| (last.pos, last.hash));
        let written = self.write(|transaction| {
            if !records.is_empty() {
                let mut log = transaction.open_table(LOG).map_err(engine_error)?;
                for record in records {
                    log.insert((part.0, record.pos.0), record.to_row().as_slice())
                        .map_err(engine_error)?;
                }
                let mut heads = transaction.open_table(HEAD).map_err(engine_error)?;
                heads
                    .insert(part.0, head_row(new_head.0, &new_head.1).as_slice())
                    .map_err(engine_error)?;
            }
            write_kv(transaction, kv, now)
        })?;
        Ok(match written {
            Written::Refused => Commit::Conflict,
            Written::Unknown => Commit::Unknown,
            Written::Done(_) => {
                let mut parts = lock(&self.parts);
                let state = parts.entry(part).or_default();
                // Somebody who reopened the file meanwhile has read them from it.
                if state.head == head {
                    for record in records {
                        state.tail.push(record);
                    }
                    state.head = new_head;
                }
                Commit::Done { head: new_head.0 }
            }
        })
    }

    fn fits(
        &self,
        part: Part,
        head: (Pos, Hash),
        records: &[StoredRecord],
    ) -> Result<bool, StoreError> {
        if records.is_empty() {
            return Ok(true);
        }
        // The tail first, as in `history`.
        let (seqs, done) = {
            let parts = lock(&self.parts);
            let tail = parts.get(&part).map(|state| &state.tail);
            let seqs: BTreeMap<ChatId, Seq> = records
                .iter()
                .filter_map(|record| {
                    let chat = record.chat?;
                    Some((chat, tail?.last_seq(chat)?))
                })
                .collect();
            let done = records.iter().filter_map(|record| record.mark.as_ref());
            let done = done.into_iter().any(|mark| {
                tail.is_some_and(|tail| tail.done(mark.principal, &mark.cid).is_some())
            });
            (seqs, done)
        };
        if done {
            return Ok(false);
        }
        self.with_read(|transaction| {
            let index = transaction.open_table(DONE).map_err(engine_error)?;
            continues(
                head,
                records,
                |chat| match seqs.get(&chat) {
                    Some(seq) => Ok(*seq),
                    None => settled_last_seq(transaction, part, chat),
                },
                |mark| {
                    let done = settled_result(&index, part, mark.principal, &mark.cid)?;
                    Ok(done.is_some())
                },
            )
        })
    }

    pub(in crate::store) fn snapshot_get(
        &self,
        part: Part,
        version: u32,
    ) -> Result<Option<(Pos, Hash, Bytes)>, StoreError> {
        self.with_read(|transaction| {
            let table = transaction.open_table(SNAPSHOT).map_err(engine_error)?;
            let Some(row) = table.get(part.0).map_err(engine_error)? else {
                return Ok(None);
            };
            let Some((kept, pos, hash, body)) = parse_snapshot(row.value()) else {
                return Err(StoreError::corrupt("the snapshot of the desk is cut short"));
            };
            let log = transaction.open_table(LOG).map_err(engine_error)?;
            let at = log.get((part.0, pos.0)).map_err(engine_error)?;
            let record = at
                .map(|row| StoredRecord::from_row(row.value()))
                .transpose()?;
            let fits = kept == version && record.is_some_and(|record| record.hash == hash);
            Ok(fits.then_some((pos, hash, body)))
        })
    }

    pub(in crate::store) fn snapshot_put(
        &self,
        part: Part,
        version: u32,
        pos: Pos,
        hash: Hash,
        body: &Bytes,
    ) -> Result<(), StoreError> {
        self.must_write(|transaction| {
            let mut table = transaction.open_table(SNAPSHOT).map_err(engine_error)?;
            table
                .insert(part.0, snapshot_row(version, pos, &hash, body).as_slice())
                .map_err(engine_error)?;
            Point::WithinSnapshot.reach();
            Ok(Some(()))
        })
        .map(drop)
    }

    pub(in crate::store) fn redact(&self, part: Part, chat: ChatId) -> Result<(), StoreError> {
        let _indexing = lock(&self.indexing);
        let mut gone = BTreeSet::new();
        let mut after = Seq(0);
        loop {
            let range = SeqRange {
                after: Some(after),
                before: None,
            };
            let records = self.history(part, chat, range, Take::First(REDACT_RECORDS))?;
            let last = records.last().and_then(|record| record.seq);
            gone.extend(records.iter().map(|record| record.pos.0));
            self.must_write(|transaction| {
                let mut log = transaction.open_table(LOG).map_err(engine_error)?;
                for mut record in records {
                    record.redact()?;
                    log.insert((part.0, record.pos.0), record.to_row().as_slice())
                        .map_err(engine_error)?;
                }
                let mut snapshots = transaction.open_table(SNAPSHOT).map_err(engine_error)?;
                snapshots.remove(part.0).map_err(engine_error)?;
                Ok(Some(()))
            })?;
            match last {
                Some(seq) => after = seq,
                None => return self.forget_words(part, &gone),
            }
        }
    }
}

/// The hash that the record after `pos` is chained to.
fn hash_at(log: &LogTable, part: Part, pos: Pos) -> Result<Hash, StoreError> {
    if pos == Pos(0) {
        return Ok(Hash::START);
    }
    let row = log.get((part.0, pos.0)).map_err(engine_error)?;
    let row = row.ok_or_else(|| StoreError::corrupt(format!("record {pos} is missing")))?;
    Ok(StoredRecord::from_row(row.value())?.hash)
}

fn not_as_written(pos: Pos) -> StoreError {
    StoreError::corrupt(format!("record {pos} is not what was written"))
}

fn settled_last_seq(
    transaction: &ReadTransaction,
    part: Part,
    chat: ChatId,
) -> Result<Seq, StoreError> {
    let index = transaction.open_table(CHAT).map_err(engine_error)?;
    let keys = (part.0, chat.0, 0)..=(part.0, chat.0, u64::MAX);
    let last = index.range(keys).map_err(engine_error)?.next_back();
    let last = last.transpose().map_err(engine_error)?;
    Ok(Seq(last.map_or(0, |(key, _)| key.value().2)))
}

fn settled_result(
    index: &impl ReadableTable<(u32, u64, &'static [u8]), &'static [u8]>,
    part: Part,
    principal: u64,
    cid: &CommandId,
) -> Result<Option<Done>, StoreError> {
    let key = (part.0, principal, cid.as_str().as_bytes());
    let Some(row) = index.get(key).map_err(engine_error)? else {
        return Ok(None);
    };
    let done = parse_done(row.value());
    done.map(Some)
        .ok_or_else(|| StoreError::corrupt(format!("the answer to command {cid} is cut short")))
}
