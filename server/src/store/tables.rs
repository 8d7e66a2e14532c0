//! Every table of the file: name, key, value, meaning, and the rows that are not records.
//!
//! A name ends in its layout's number: another layout is another table, and a migration moves
//! the rows. Keys are big fixed-width numbers and byte strings, never `&str`, which would panic
//! on a damaged file. Numbers inside values are big-endian. The row of a record is in `record`.

use bytes::Bytes;
use redb::TableDefinition;
use shared::{
    id::{ChatId, Pos, Seq},
    time::Timestamp,
};

use super::{
    Done,
    record::{Fields, Hash},
};

/// Name -> bytes: `version` (u32, the number of migrations done), `lineage` (8 bytes),
/// `kv-version` (u64, the last version given to a key).
pub(super) const META: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("meta-1");
/// (part, pos) -> row of a record. The one table that grows on the hot path.
pub(super) const LOG: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("log-1");
/// part -> last pos (u64) and its hash (32 bytes), written with every batch: a log cut short
/// does not agree with it.
pub(super) const HEAD: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("head-1");
/// part -> last pos whose indexes are in the tables below.
pub(super) const SETTLED: TableDefinition<'_, u32, u64> = TableDefinition::new("settled-1");
/// (part, chat, seq) -> pos: the history of a chat, settled records only.
pub(super) const CHAT: TableDefinition<'_, (u32, u64, u64), u64> = TableDefinition::new("chat-1");
/// (part, principal, cid) -> how the command was answered, settled records only.
pub(super) const DONE: TableDefinition<'_, (u32, u64, &[u8]), &[u8]> =
    TableDefinition::new("done-1");
/// part -> desk version (u32), pos (u64), hash (32 bytes), snapshot.
pub(super) const SNAPSHOT: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("snapshot-1");
/// (part, last pos) -> first pos of a segment: whose words are in the tables below. The newest
/// one's last pos is how far the words are settled.
pub(super) const SEGMENT: TableDefinition<'_, (u32, u64), u64> = TableDefinition::new("segment-1");
/// (part, last pos of the segment, first word) -> block of words, laid out in `words`. Other
/// words for the same text are another table.
pub(super) const WORD: TableDefinition<'_, (u32, u64, &[u8]), &[u8]> =
    TableDefinition::new("word-1");
/// (part, chat, seq) -> pos of the newest edit of a message that a segment has.
pub(super) const EDIT: TableDefinition<'_, (u32, u64, u64), u64> = TableDefinition::new("edit-1");
/// (file, index from 0) -> a piece of the bytes of a file; all but the last of one size. What a
/// file is, and that it is whole, is said elsewhere.
pub(super) const CHUNK: TableDefinition<'_, (u128, u32), &[u8]> = TableDefinition::new("chunk-1");
/// (namespace, key) -> version (u64), expiry (i64 ms, the largest for never), value.
pub(super) const KV: TableDefinition<'_, (&[u8], &[u8]), &[u8]> = TableDefinition::new("kv-1");

/// Row of `meta-1`: how many migrations were done.
pub(super) const VERSION: &[u8] = b"version";
/// Row of `meta-1`: which life of the store.
pub(super) const LINEAGE: &[u8] = b"lineage";
/// Row of `meta-1`: the last version given to a key.
pub(super) const KV_VERSION: &[u8] = b"kv-version";

/// A value of `kv-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KvRow {
    pub(super) version: u64,
    pub(super) expires: Option<Timestamp>,
    pub(super) value: Bytes,
}

impl KvRow {
    pub(super) fn lives(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    pub(super) fn to_row(&self) -> Vec<u8> {
        let expires = self.expires.map_or(i64::MAX, Timestamp::as_ms);
        let mut row = Vec::with_capacity(16 + self.value.len());
        row.extend_from_slice(&self.version.to_be_bytes());
        row.extend_from_slice(&expires.to_be_bytes());
        row.extend_from_slice(&self.value);
        row
    }

    pub(super) fn from_row(row: &[u8]) -> Option<Self> {
        let mut fields = Fields(row);
        let version = fields.number()?;
        let expires = i64::from_be_bytes(fields.array()?);
        Some(Self {
            version,
            expires: (expires != i64::MAX).then(|| Timestamp::from_ms(expires)),
            value: Bytes::copy_from_slice(fields.0),
        })
    }
}

/// A value of `head-1`.
pub(super) fn head_row(pos: Pos, hash: &Hash) -> Vec<u8> {
    [&pos.0.to_be_bytes()[..], &hash.0].concat()
}

/// Reads a value of `head-1`.
pub(super) fn parse_head(row: &[u8]) -> Option<(Pos, Hash)> {
    let mut fields = Fields(row);
    let head = (Pos(fields.number()?), Hash(fields.array()?));
    fields.0.is_empty().then_some(head)
}

/// A value of `done-1`: fingerprint, pos, chat and seq (0 for none, which no chat or seq is).
pub(super) fn done_row(done: &Done) -> Vec<u8> {
    let chat = done.chat.map_or(0, |chat| chat.0);
    let seq = done.seq.map_or(0, |seq| seq.0);
    let mut row = done.fingerprint.to_vec();
    for number in [done.pos.0, chat, seq] {
        row.extend_from_slice(&number.to_be_bytes());
    }
    row
}

/// Reads a value of `done-1`.
pub(super) fn parse_done(row: &[u8]) -> Option<Done> {
    let mut fields = Fields(row);
    let done = Done {
        fingerprint: fields.array()?,
        pos: Pos(fields.number()?),
        chat: Some(ChatId(fields.number()?)).filter(|chat| chat.0 != 0),
        seq: Some(Seq(fields.number()?)).filter(|seq| seq.0 != 0),
    };
    fields.0.is_empty().then_some(done)
}

/// A value of `snapshot-1`.
pub(super) fn snapshot_row(version: u32, pos: Pos, hash: &Hash, body: &[u8]) -> Vec<u8> {
    [
        &version.to_be_bytes()[..],
        &pos.0.to_be_bytes(),
        &hash.0,
        body,
    ]
    .concat()
}

/// Reads a value of `snapshot-1`.
pub(super) fn parse_snapshot(row: &[u8]) -> Option<(u32, Pos, Hash, Bytes)> {
    let mut fields = Fields(row);
    Some((
        u32::from_be_bytes(fields.array()?),
        Pos(fields.number()?),
        Hash(fields.array()?),
        Bytes::copy_from_slice(fields.0),
    ))
}
