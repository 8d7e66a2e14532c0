//! The key-value table of the embedded store.
//!
//! Versions come from one counter and never come back, so that a key that was deleted and made
//! again is not taken for the old one.

use std::collections::BTreeSet;

use bytes::Bytes;
use redb::{ReadableTable, WriteTransaction};
use shared::time::Timestamp;

use super::{Redb, engine_error};
use crate::store::{
    KvEntry, KvWrite, StoreError,
    migrations::put_meta,
    tables::{KV, KV_VERSION, KvRow, META},
};

impl Redb {
    pub(in crate::store) fn kv_get(
        &self,
        ns: &'static str,
        key: &[u8],
        now: Timestamp,
    ) -> Result<Option<(u64, Bytes)>, StoreError> {
        self.with_read(|transaction| {
            let table = transaction.open_table(KV).map_err(engine_error)?;
            let row = kv_row(&table, ns, key, now)?;
            Ok(row.map(|row| (row.version, row.value)))
        })
    }

    pub(in crate::store) fn kv_cas(
        &self,
        write: &KvWrite,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        let versions =
            self.must_write(|transaction| write_kv(transaction, std::slice::from_ref(write), now))?;
        Ok(versions.and_then(|versions| versions.first().copied()))
    }

    pub(in crate::store) fn kv_scan(
        &self,
        ns: &'static str,
        prefix: &[u8],
        after_key: Option<&[u8]>,
        max: usize,
        now: Timestamp,
    ) -> Result<Vec<KvEntry>, StoreError> {
        let from = after_key.map_or(prefix, |key| key.max(prefix));
        self.with_read(|transaction| {
            let table = transaction.open_table(KV).map_err(engine_error)?;
            let mut found = Vec::new();
            for row in table.range((ns.as_bytes(), from)..).map_err(engine_error)? {
                let (key, row) = row.map_err(engine_error)?;
                let (space, key) = key.value();
                if found.len() >= max || space != ns.as_bytes() || !key.starts_with(prefix) {
                    break;
                }
                let row = KvRow::from_row(row.value()).ok_or_else(kv_damage)?;
                if Some(key) != after_key && row.lives(now) {
                    found.push(KvEntry {
                        key: Bytes::copy_from_slice(key),
                        version: row.version,
                        value: row.value,
                    });
                }
            }
            Ok(found)
        })
    }
}

pub(super) fn kv_damage() -> StoreError {
    StoreError::corrupt("a row of the key-value table is cut short")
}

fn kv_row(
    table: &impl ReadableTable<(&'static [u8], &'static [u8]), &'static [u8]>,
    ns: &str,
    key: &[u8],
    now: Timestamp,
) -> Result<Option<KvRow>, StoreError> {
    let Some(row) = table.get((ns.as_bytes(), key)).map_err(engine_error)? else {
        return Ok(None);
    };
    let row = KvRow::from_row(row.value()).ok_or_else(kv_damage)?;
    Ok(Some(row).filter(|row| row.lives(now)))
}

/// The new versions (0 for a deleted key), or none when a key is not as expected.
pub(super) fn write_kv(
    transaction: &WriteTransaction,
    writes: &[KvWrite],
    now: Timestamp,
) -> Result<Option<Vec<u64>>, StoreError> {
    if writes.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let mut table = transaction.open_table(KV).map_err(engine_error)?;
    let mut keys = BTreeSet::new();
    for write in writes {
        let row = kv_row(&table, write.ns, &write.key, now)?;
        // Whoever writes a key second has not seen what the first one wrote.
        let second = !keys.insert((write.ns, &write.key));
        if second || row.map_or(0, |row| row.version) != write.expect {
            return Ok(None);
        }
    }
    let mut version = last_kv_version(transaction)?;
    let mut versions = Vec::with_capacity(writes.len());
    for write in writes {
        let key = (write.ns.as_bytes(), &*write.key);
        let Some(value) = write.value.clone() else {
            table.remove(key).map_err(engine_error)?;
            versions.push(0);
            continue;
        };
        version += 1;
        versions.push(version);
        let row = KvRow {
            version,
            expires: write.ttl.map(|ttl| now.after(ttl)),
            value,
        };
        table
            .insert(key, row.to_row().as_slice())
            .map_err(engine_error)?;
    }
    put_meta(transaction, KV_VERSION, &version.to_be_bytes())?;
    Ok(Some(versions))
}

fn last_kv_version(transaction: &WriteTransaction) -> Result<u64, StoreError> {
    let meta = transaction.open_table(META).map_err(engine_error)?;
    let row = meta.get(KV_VERSION).map_err(engine_error)?;
    let Some(row) = row else { return Ok(0) };
    let bytes = row.value().try_into();
    bytes
        .map(u64::from_be_bytes)
        .map_err(|_| StoreError::corrupt("the last key version is cut short"))
}
