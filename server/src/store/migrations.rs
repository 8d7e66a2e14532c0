//! Numbered migrations: how a file of an older version becomes one of this version.
//!
//! Each runs in its own transaction together with its number, so a crash between two of them
//! leaves a file of a version that exists. They expand first and contract in a later release.
//! A file of a newer version is refused, never guessed at.

use std::path::Path;

use redb::{Database, ReadOnlyDatabase, ReadableDatabase, TableHandle, WriteTransaction};

use super::{
    error::StoreError,
    random,
    redb::engine_error,
    tables::{
        CHAT, CHUNK, DONE, EDIT, HEAD, KV, LINEAGE, LOG, META, SEGMENT, SETTLED, SNAPSHOT, VERSION,
        WORD,
    },
};
use crate::failpoint::Point;

type Migration = fn(&WriteTransaction) -> Result<(), StoreError>;

/// In order; the version of a file is how many of them it has seen.
const MIGRATIONS: &[Migration] = &[create_tables, create_words, create_chunks];

/// The first version that has an index of words.
pub(super) const WORDS_VERSION: u32 = 2;
/// The first version that holds the bytes of files.
pub(super) const CHUNKS_VERSION: u32 = 3;

/// The version that this program writes.
pub(super) fn known_version() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("there are few migrations")
}

/// The version of a file; 0 for one that was never filled, none for one of another program.
pub(super) fn version(database: &impl ReadableDatabase) -> Result<Option<u32>, StoreError> {
    let transaction = database.begin_read().map_err(engine_error)?;
    let mut tables = transaction.list_tables().map_err(engine_error)?.peekable();
    if tables.peek().is_none() {
        return Ok(Some(0));
    }
    if !tables.any(|table| table.name() == META.name()) {
        return Ok(None);
    }
    let meta = transaction.open_table(META).map_err(engine_error)?;
    let row = meta.get(VERSION).map_err(engine_error)?;
    let bytes = row.and_then(|row| row.value().try_into().ok());
    bytes
        .map(|bytes| Some(u32::from_be_bytes(bytes)))
        .ok_or_else(|| StoreError::corrupt("the version of the file is missing"))
}

/// Refuses a file of a newer version before it is opened to be written, which leaves a trace in it.
pub(super) fn refuse_newer(file: &Path) -> Result<(), StoreError> {
    // What cannot be read like this - new, not closed, open elsewhere - shows itself in a moment.
    let Ok(database) = ReadOnlyDatabase::open(file) else {
        return Ok(());
    };
    let known = known_version();
    match version(&database)? {
        Some(found) if found > known => Err(StoreError::TooNew { found, known }),
        _ => Ok(()),
    }
}

/// Brings a file of version `found` up to this version.
pub(super) fn migrate(database: &Database, found: u32) -> Result<(), StoreError> {
    let known = known_version();
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (number, migration) in (1_u32..).zip(MIGRATIONS) {
        if number <= found {
            continue;
        }
        let mut transaction = database.begin_write().map_err(engine_error)?;
        transaction.set_quick_repair(true);
        migration(&transaction)?;
        put_meta(&transaction, VERSION, &number.to_be_bytes())?;
        Point::WithinMigration.reach();
        transaction.commit().map_err(engine_error)?;
    }
    Ok(())
}

/// Writes one row of `meta-1`.
pub(super) fn put_meta(
    transaction: &WriteTransaction,
    name: &[u8],
    value: &[u8],
) -> Result<(), StoreError> {
    let mut meta = transaction.open_table(META).map_err(engine_error)?;
    meta.insert(name, value).map_err(engine_error)?;
    Ok(())
}

fn create_tables(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(LOG).map_err(engine_error)?;
    transaction.open_table(HEAD).map_err(engine_error)?;
    transaction.open_table(SETTLED).map_err(engine_error)?;
    transaction.open_table(CHAT).map_err(engine_error)?;
    transaction.open_table(DONE).map_err(engine_error)?;
    transaction.open_table(SNAPSHOT).map_err(engine_error)?;
    transaction.open_table(KV).map_err(engine_error)?;
    put_meta(transaction, LINEAGE, &random::<8>())
}

/// The words of the records that are there are taken in later, while the hub runs.
fn create_words(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(SEGMENT).map_err(engine_error)?;
    transaction.open_table(WORD).map_err(engine_error)?;
    transaction.open_table(EDIT).map_err(engine_error)?;
    Ok(())
}

fn create_chunks(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(CHUNK).map_err(engine_error)?;
    Ok(())
}
