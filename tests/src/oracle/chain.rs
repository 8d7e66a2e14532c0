//! Places, times and hashes of the rows: invariants 4, 5 and 27.

use std::collections::BTreeMap;

use server::store::{Hash, StoredRecord};
use shared::{
    id::{ChatId, Pos, Seq},
    record::Record,
    time::Timestamp,
};

use super::Violation;

/// The rows so far.
#[derive(Debug)]
pub(super) struct Chain {
    pos: Pos,
    at: Timestamp,
    hash: Hash,
    seqs: BTreeMap<ChatId, Seq>,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            pos: Pos(0),
            at: Timestamp::default(),
            hash: Hash::START,
            seqs: BTreeMap::new(),
        }
    }
}

impl Chain {
    pub(super) fn judge(
        &mut self,
        stored: &StoredRecord,
        record: &Record,
        found: &mut Vec<Violation>,
    ) {
        let pos = stored.pos;
        if let (Some(chat), Some(seq)) = (stored.chat, stored.seq) {
            let last = self.seqs.insert(chat, seq).unwrap_or_default();
            if seq != last.next() {
                let what = format!("chat {chat} goes from seq {last} to {seq} at {pos}");
                found.push(Violation::new(4, what));
            }
        } else if stored.chat.is_some() || stored.seq.is_some() {
            let what = format!("record {pos} has half a place in a chat");
            found.push(Violation::new(4, what));
        }
        if pos != self.pos.next() || record.pos != pos {
            let what = format!("record {pos} follows record {}", self.pos);
            found.push(Violation::new(5, what));
        }
        if stored.at < self.at {
            let what = format!("record {pos} is older than the one before it");
            found.push(Violation::new(5, what));
        }
        if !stored.verifies(&self.hash) {
            let what = format!(
                "record {pos} is not what was written after record {}",
                self.pos
            );
            found.push(Violation::new(27, what));
        }
        (self.pos, self.at, self.hash) = (pos, stored.at, stored.hash);
    }
}
