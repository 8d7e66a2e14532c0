//! Settling: a sorted batch of the tail goes to its tables, expired keys go away.
//!
//! One short transaction carries the batch and the settled position, so a crash leaves either
//! all of it in the tables or all of it to be read back from the log.

use redb::ReadableTable;
use shared::{id::Pos, time::Timestamp};

use super::{KvKey, Redb, engine_error, kv::kv_damage};
use crate::{
    failpoint::Point,
    store::{
        Part, Settled, StoreError, lock,
        tables::{CHAT, DONE, KV, KvRow, SETTLED, done_row},
    },
};

/// Rows of the key-value table that one step looks at for expired ones.
const SWEEP_ROWS: usize = 256;

impl Redb {
    pub(in crate::store) fn settle(
        &self,
        part: Part,
        max: usize,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        let mut sweep = lock(&self.sweep);
        let (batch, settled, left) = {
            let mut parts = lock(&self.parts);
            let state = parts.entry(part).or_default();
            let batch = state.tail.batch(max);
            (batch, state.settled, state.tail.len())
        };
        let expired = self.expired(&mut sweep, now)?;
        if batch.records == 0 && expired.is_empty() {
            return Ok(Settled { moved: 0, left });
        }
        let upto = Pos(settled.0 + batch.records as u64);
        self.must_write(|transaction| {
            let mut chats = transaction.open_table(CHAT).map_err(engine_error)?;
            for ((chat, seq), pos) in &batch.chats {
                chats
                    .insert((part.0, chat.0, seq.0), pos.0)
                    .map_err(engine_error)?;
            }
            let mut done = transaction.open_table(DONE).map_err(engine_error)?;
            for ((principal, cid), answer) in &batch.marks {
                let key = (part.0, *principal, cid.as_str().as_bytes());
                done.insert(key, done_row(answer).as_slice())
                    .map_err(engine_error)?;
            }
            let mut positions = transaction.open_table(SETTLED).map_err(engine_error)?;
            positions.insert(part.0, upto.0).map_err(engine_error)?;
            let mut kv = transaction.open_table(KV).map_err(engine_error)?;
            for (ns, key) in &expired {
                // It may have been written anew since it was looked at.
                let row = kv
                    .get((ns.as_slice(), key.as_slice()))
                    .map_err(engine_error)?;
                let lives = row.is_some_and(|row| {
                    KvRow::from_row(row.value()).is_none_or(|row| row.lives(now))
                });
                if !lives {
                    kv.remove((ns.as_slice(), key.as_slice()))
                        .map_err(engine_error)?;
                }
            }
            Point::WithinSettle.reach();
            Ok(Some(()))
        })?;
        let mut parts = lock(&self.parts);
        let state = parts.entry(part).or_default();
        // Somebody who reopened the file meanwhile has begun after them.
        if state.settled == settled {
            state.tail.forget(batch.records);
            state.settled = upto;
        }
        Ok(Settled {
            moved: batch.records,
            left: state.tail.len(),
        })
    }

    /// Keys that have expired, among the next few rows after the last look.
    fn expired(&self, sweep: &mut Option<KvKey>, now: Timestamp) -> Result<Vec<KvKey>, StoreError> {
        let from = sweep.take().unwrap_or_default();
        self.with_read(|transaction| {
            let table = transaction.open_table(KV).map_err(engine_error)?;
            let mut expired = Vec::new();
            let rows = table.range((from.0.as_slice(), from.1.as_slice())..);
            for (seen, row) in rows.map_err(engine_error)?.enumerate() {
                let (key, row) = row.map_err(engine_error)?;
                let key = (key.value().0.to_vec(), key.value().1.to_vec());
                if seen == SWEEP_ROWS {
                    *sweep = Some(key);
                    break;
                }
                let row = KvRow::from_row(row.value()).ok_or_else(kv_damage)?;
                if !row.lives(now) {
                    expired.push(key);
                }
            }
            Ok(expired)
        })
    }
}
