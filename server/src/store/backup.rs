//! Backup and restore: a whole store as one verified file.
//!
//! A copy of the live file is silently bad; a backup goes through one read transaction into a
//! file of its own, is checked from end to end, and only then given out. A restored store is a
//! new lineage, so that no client takes it for the one it knew. Erased words are in no backup
//! made after the erasure.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use redb::{Database, Key, ReadTransaction, TableDefinition, Value};

use super::{
    Engine, FILE_NAME, Store,
    check::check,
    error::StoreError,
    migrations::put_meta,
    place, random,
    redb::{engine_error, guarded, open_file},
    tables::{
        CHAT, CHUNK, DONE, EDIT, HEAD, KV, LINEAGE, LOG, META, SEGMENT, SETTLED, SNAPSHOT, WORD,
    },
};
use crate::failpoint::Point;

/// Rows of one transaction of the copy: bounds its memory.
const COPY_ROWS: usize = 16 * 1024;
/// The same for pieces of files, which are the largest rows by far.
const COPY_CHUNKS: usize = 64;

/// A verified backup: a file of its own that goes away with this.
#[derive(Debug)]
pub struct Backup {
    file: File,
    bytes: u64,
    path: Temporary,
}

impl Backup {
    /// Its size.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it is for now.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path.0
    }

    /// Puts it in the place of the file that it is a copy of, which nobody has open.
    pub(super) fn replace(self, file: &Path) -> Result<(), StoreError> {
        fs::rename(&self.path.0, file)?;
        place::sync_directory(place::directory(file))?;
        Ok(())
    }

    /// Copies it out and forgets it.
    ///
    /// # Errors
    /// What `writer` or the disk says.
    pub fn write_to(mut self, writer: &mut impl io::Write) -> io::Result<u64> {
        io::copy(&mut self.file, writer)
    }
}

/// Removes what copies that were cut short left beside `file`. Nobody else may be copying there.
pub(super) fn sweep(file: &Path, purpose: &str) -> io::Result<()> {
    let is_left = |name: &str| {
        let middle = name.strip_prefix(purpose)?.strip_prefix('-')?;
        let number = middle.strip_suffix(".tmp")?;
        (number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(())
    };
    for entry in fs::read_dir(place::directory(file))? {
        let entry = entry?;
        if entry.file_name().to_str().and_then(is_left).is_some() {
            tracing::info!(file = %entry.path().display(), "removed what a cut copy left");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl Store {
    /// Writes the file anew from what is left in it, so that nothing can be read in it that was
    /// deleted or erased before. Writing waits meanwhile; a store in memory has nothing to do.
    ///
    /// # Errors
    /// As [`Store::kv_cas`]; the old file stays then.
    pub async fn rewrite(&self) -> Result<(), StoreError> {
        self.offload(|store| match &store.0.engine {
            Engine::Memory(_) => Ok(()),
            Engine::Redb(redb) => redb.rewrite(),
        })
        .await
    }

    /// Bytes of the file, where there is one.
    #[must_use]
    pub fn file_bytes(&self) -> Option<u64> {
        match &self.0.engine {
            Engine::Memory(_) => None,
            Engine::Redb(redb) => redb.file_bytes(),
        }
    }
}

/// A file that is removed unless it is kept.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Temporary {
    fn beside(file: &Path, purpose: &str) -> Self {
        let name = format!("{purpose}-{}.tmp", shared::id::hex(&random::<8>()));
        Self(place::directory(file).join(name))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Gone already when it was renamed; what cannot be removed is no reason to fail.
        drop(fs::remove_file(&self.0));
    }
}

/// Copies what `source` sees into a new file beside `beside`.
pub(super) fn copy(source: &ReadTransaction, beside: &Path) -> Result<Backup, StoreError> {
    let path = Temporary::beside(beside, "backup");
    drop(place::create(&path.0).map_err(|error| place::refused(&path.0, error))?);
    let target = open_file(&path.0)?;
    copy_table(source, &target, META, COPY_ROWS)?;
    copy_table(source, &target, LOG, COPY_ROWS)?;
    copy_table(source, &target, HEAD, COPY_ROWS)?;
    copy_table(source, &target, SETTLED, COPY_ROWS)?;
    copy_table(source, &target, CHAT, COPY_ROWS)?;
    copy_table(source, &target, DONE, COPY_ROWS)?;
    copy_table(source, &target, SNAPSHOT, COPY_ROWS)?;
    copy_table(source, &target, SEGMENT, COPY_ROWS)?;
    copy_table(source, &target, WORD, COPY_ROWS)?;
    copy_table(source, &target, EDIT, COPY_ROWS)?;
    copy_table(source, &target, CHUNK, COPY_CHUNKS)?;
    copy_table(source, &target, KV, COPY_ROWS)?;
    drop(target);
    Point::WithinBackup.reach();
    verified(&path.0)?;
    let file = File::open(&path.0)?;
    file.sync_all()?;
    let bytes = file.metadata()?.len();
    Ok(Backup { file, bytes, path })
}

/// Puts a backup into a data directory as its store, under a new lineage; the directory's own
/// store, if `force` lets it go, is kept as `desk.redb.replaced`.
///
/// # Errors
/// [`StoreError::Exists`] without `force`, [`StoreError::Locked`] while a hub runs there,
/// [`StoreError::Corrupt`] when the backup does not hold together, and what opening gives.
pub fn restore(data: &Path, backup: &Path, force: bool) -> Result<(), StoreError> {
    let target = data.join(FILE_NAME);
    fs::metadata(backup).map_err(|error| place::refused(backup, error))?;
    place::recognise(backup)?;
    if target.exists() {
        if !force {
            return Err(StoreError::Exists { path: target });
        }
        if let Err(error @ StoreError::Locked { .. }) = guarded(|| open_file(&target).map(drop)) {
            return Err(error);
        }
    } else {
        place::prepare_directory(data)?;
    }
    sweep(&target, "restore")?;
    let temporary = Temporary::beside(&target, "restore");
    let mut copy =
        place::create(&temporary.0).map_err(|error| place::refused(&temporary.0, error))?;
    io::copy(&mut File::open(backup)?, &mut copy)?;
    drop(copy);
    verified(&temporary.0)?;
    guarded(|| renew_lineage(&temporary.0))?;
    File::open(&temporary.0)?.sync_all()?;
    Point::WithinRestore.reach();
    if target.exists() {
        keep_replaced(&target)?;
    }
    Point::BeforeRestoreRename.reach();
    fs::rename(&temporary.0, &target)?;
    place::sync_directory(data)?;
    Ok(())
}

/// Gives the store that is replaced a second name. It keeps its first one until the backup takes
/// it: a cut in between leaves a whole store where a hub looks for it, not an empty place.
fn keep_replaced(target: &Path) -> Result<(), StoreError> {
    let second = Temporary::beside(target, "restore");
    fs::hard_link(target, &second.0)?;
    fs::rename(&second.0, target.with_extension("redb.replaced"))?;
    Ok(())
}

fn verified(file: &Path) -> Result<(), StoreError> {
    match check(file)?.problems.into_iter().next() {
        None => Ok(()),
        Some(problem) => Err(StoreError::corrupt(problem)),
    }
}

fn renew_lineage(file: &Path) -> Result<(), StoreError> {
    let database = open_file(file)?;
    let mut transaction = database.begin_write().map_err(engine_error)?;
    transaction.set_quick_repair(true);
    put_meta(&transaction, LINEAGE, &random::<8>())?;
    transaction.commit().map_err(engine_error)
}

fn copy_table<K: Key + 'static, V: Value + 'static>(
    source: &ReadTransaction,
    target: &Database,
    definition: TableDefinition<'_, K, V>,
    rows_max: usize,
) -> Result<(), StoreError> {
    let table = source.open_table(definition).map_err(engine_error)?;
    let mut rows = table.range::<K::SelfType<'_>>(..).map_err(engine_error)?;
    loop {
        let mut transaction = target.begin_write().map_err(engine_error)?;
        transaction.set_quick_repair(true);
        let mut copied = 0;
        {
            let mut table = transaction.open_table(definition).map_err(engine_error)?;
            for row in rows.by_ref().take(rows_max) {
                let (key, value) = row.map_err(engine_error)?;
                table
                    .insert(key.value(), value.value())
                    .map_err(engine_error)?;
                copied += 1;
            }
        }
        transaction.commit().map_err(engine_error)?;
        if copied < rows_max {
            return Ok(());
        }
    }
}
