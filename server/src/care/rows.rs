//! What the store knows of erasures: a row for each that was ever ordered, and one for each that
//! is not done. Both are written with the record of the order; they hold numbers only.
//!
//! key = `u` (customer) or `c` (chat) | number (u64)    value = pos (u64) | hash (16) | reason (u8)

use bytes::Bytes;
use shared::{
    event::{EraseReason, Event},
    id::{ChatId, Pos, UserId},
};

use super::ledger::{Entry, Subject, Witness};
use crate::{
    hub::{Companion, Hub},
    store::{KvEntry, KvWrite, StoreError},
};

/// Everything that was ever ordered to be erased.
const ERASED: &str = "erased";
/// What is still to be done of it.
const PENDING: &str = "erasing";
/// Rows that are read at once.
const SCAN_ROWS: usize = 256;

/// An order that is not done.
pub(super) struct Pending {
    pub(super) entry: Entry,
    key: Bytes,
    version: u64,
}

impl Pending {
    /// Takes down that it is done.
    pub(super) async fn done(self, hub: &Hub) -> Result<(), StoreError> {
        let gone = KvWrite {
            ns: PENDING,
            key: self.key,
            expect: self.version,
            value: None,
            ttl: None,
        };
        hub.store().kv_cas(gone, hub.now()).await.map(drop)
    }
}

/// Writes both rows in the transaction of the order. A second order of the same is a conflict.
pub(super) fn ordered(subject: Subject, witness: Witness, reason: EraseReason) -> Companion {
    Box::new(move |records, _| {
        let ordered = records.iter().any(|record| {
            matches!(
                record.event,
                Event::CustomerErased { .. } | Event::ChatErased { .. }
            )
        });
        if !ordered {
            return Vec::new();
        }
        let row = |ns| KvWrite {
            ns,
            key: key(subject),
            expect: 0,
            value: Some(value(witness, reason)),
            ttl: None,
        };
        vec![row(ERASED), row(PENDING)]
    })
}

/// Whether it was ordered to be erased.
pub(super) async fn is_erased(hub: &Hub, subject: Subject) -> Result<bool, StoreError> {
    let row = hub.store().kv_get(ERASED, &key(subject), hub.now()).await?;
    Ok(row.is_some())
}

/// Everything that was ever ordered.
pub(super) async fn all(hub: &Hub) -> Result<Vec<Entry>, StoreError> {
    let rows = scan(hub, ERASED).await?;
    rows.iter().map(entry).collect()
}

/// Everything that is not done.
pub(super) async fn pending(hub: &Hub) -> Result<Vec<Pending>, StoreError> {
    let rows = scan(hub, PENDING).await?.into_iter();
    rows.map(|row| {
        Ok(Pending {
            entry: entry(&row)?,
            version: row.version,
            key: row.key,
        })
    })
    .collect()
}

async fn scan(hub: &Hub, ns: &'static str) -> Result<Vec<KvEntry>, StoreError> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = hub.store();
        let page = page.kv_scan(ns, Bytes::new(), after, SCAN_ROWS, hub.now());
        let page = page.await?;
        after = page.last().map(|entry| entry.key.clone());
        rows.extend(page);
        if after.is_none() {
            return Ok(rows);
        }
    }
}

fn key(subject: Subject) -> Bytes {
    let (kind, number) = match subject {
        Subject::Customer(id) => (b'u', id.0),
        Subject::Chat(id) => (b'c', id.0),
    };
    [&[kind][..], &number.to_be_bytes()].concat().into()
}

fn value(witness: Witness, reason: EraseReason) -> Bytes {
    let reason = match reason {
        EraseReason::Requested => 1,
        EraseReason::Obliged => 2,
        EraseReason::Unneeded => 3,
        EraseReason::Retention => 4,
    };
    [&witness.pos.0.to_be_bytes()[..], &witness.hash, &[reason]]
        .concat()
        .into()
}

fn entry(row: &KvEntry) -> Result<Entry, StoreError> {
    parse(&row.key, &row.value).ok_or_else(|| StoreError::Corrupt {
        what: "a row of the erasures is damaged".to_owned(),
    })
}

fn parse(key: &[u8], value: &[u8]) -> Option<Entry> {
    let (kind, number) = key.split_first()?;
    let number = u64::from_be_bytes(number.try_into().ok()?);
    let subject = match kind {
        b'u' => Subject::Customer(UserId(number)),
        b'c' => Subject::Chat(ChatId(number)),
        _ => return None,
    };
    let (pos, rest) = value.split_first_chunk()?;
    let (hash, rest) = rest.split_first_chunk()?;
    let reason = match rest {
        [1] => EraseReason::Requested,
        [2] => EraseReason::Obliged,
        [3] => EraseReason::Unneeded,
        [4] => EraseReason::Retention,
        _ => return None,
    };
    let witness = Witness {
        pos: Pos(u64::from_be_bytes(*pos)),
        hash: *hash,
    };
    Some(Entry {
        subject,
        witness,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use shared::{
        event::EraseReason,
        id::{ChatId, Pos, UserId, hex},
    };

    use super::{Entry, Subject, Witness, key, parse, value};

    #[test]
    fn a_row_is_laid_out_as_ever() {
        let witness = Witness {
            pos: Pos(121),
            hash: [0xab; 16],
        };
        let value = value(witness, EraseReason::Retention);
        assert_eq!(
            hex(&value),
            "0000000000000079abababababababababababababababab04"
        );
        assert_eq!(
            hex(&key(Subject::Customer(UserId(7)))),
            "750000000000000007"
        );
        let subject = Subject::Chat(ChatId(42));
        let entry = Entry {
            subject,
            witness,
            reason: EraseReason::Retention,
        };
        assert_eq!(parse(&key(subject), &value), Some(entry));
        assert_eq!(parse(&key(subject), &value[1..]), None);
    }
}
