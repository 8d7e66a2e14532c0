//! The embedded store: one file, one process, one writer.
//!
//! A batch of records costs one write transaction on the ascending log and its head, durable
//! before it returns, with the allocator state saved beside it so that a crash costs milliseconds
//! at the next start. The other indexes wait in the [`Tail`] until they are settled. After a
//! failed write the file is not trusted before it was closed and opened again. How files are
//! found, made and guarded is in `place`.

mod chunks;
mod kv;
mod log;
mod rewrite;
mod settle;
pub(super) mod words;

#[cfg(any(test, feature = "simulation"))]
pub(crate) mod disk;
#[cfg(test)]
pub(crate) mod faults;

use std::{
    cell::Cell,
    collections::BTreeMap,
    panic::{self, AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::{
    Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, ReadableTable,
    StorageError, WriteTransaction,
};
use shared::{id::Pos, time::Timestamp};

use super::{
    Hash, Health, Lineage, Part, Space, StoreError, StoredRecord, backup, lock, migrations, place,
    tables::{HEAD, LINEAGE, LOG, META, SETTLED, parse_head},
    tail::Tail,
    words::Words,
};

/// Bytes of pages kept in memory: history pages cost the same with more.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// Namespace and key.
type KvKey = (Vec<u8>, Vec<u8>);
type Opener = Box<dyn Fn() -> Result<Database, StoreError> + Send + Sync>;

/// The engine over one file.
pub(super) struct Redb {
    path: PathBuf,
    opener: Opener,
    lineage: Lineage,
    /// None while it could not be opened again after a failure.
    database: RwLock<Option<Database>>,
    parts: Mutex<BTreeMap<Part, PartState>>,
    /// Held by whoever writes; alone by the one who writes the file anew.
    writing: RwLock<()>,
    degraded: AtomicBool,
    /// The disk had no room for the last write that failed, and took none since.
    full: AtomicBool,
    /// Where the next sweep of expired keys begins; held by the one settle step at a time.
    sweep: Mutex<Option<KvKey>>,
    backup: Mutex<()>,
    /// Words of the newest records, of each part that was indexed since the start.
    words: Mutex<BTreeMap<Part, Words>>,
    /// Held by the one who reads words from the log or takes them away.
    indexing: Mutex<()>,
}

#[derive(Debug)]
struct PartState {
    head: (Pos, Hash),
    settled: Pos,
    tail: Tail,
}

impl Default for PartState {
    fn default() -> Self {
        Self {
            head: (Pos(0), Hash::START),
            settled: Pos(0),
            tail: Tail::default(),
        }
    }
}

impl std::fmt::Debug for Redb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redb").field("path", &self.path).finish()
    }
}

/// What became of a write transaction.
enum Written<T> {
    Done(T),
    /// The body wanted none of it.
    Refused,
    Unknown,
}

impl Redb {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        place::prepare(path)?;
        guarded(|| migrations::refuse_newer(path))?;
        let file = path.to_path_buf();
        let opened = Self::open_with(path, Box::new(move || open_file(&file)))?;
        // The file's lock says that nobody is making a backup here.
        backup::sweep(path, "backup").map_err(|error| place::refused(path, error))?;
        Ok(opened)
    }

    fn open_with(path: &Path, opener: Opener) -> Result<Self, StoreError> {
        let (database, lineage, parts) = guarded(|| load(path, &opener))?;
        Ok(Self {
            path: path.to_path_buf(),
            opener,
            lineage,
            database: RwLock::new(Some(database)),
            parts: Mutex::new(parts),
            writing: RwLock::default(),
            degraded: AtomicBool::new(false),
            full: AtomicBool::new(false),
            sweep: Mutex::default(),
            backup: Mutex::default(),
            words: Mutex::default(),
            indexing: Mutex::default(),
        })
    }

    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let mut slot = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // The file's lock goes with the old handle.
        drop(slot.take());
        let (database, lineage, parts) = guarded(|| load(&self.path, &self.opener))?;
        if lineage != self.lineage {
            return Err(StoreError::corrupt("another store stands in its place"));
        }
        *lock(&self.parts) = parts;
        *slot = Some(database);
        self.degraded.store(false, Ordering::Release);
        Ok(())
    }

    pub(super) fn lineage(&self) -> Lineage {
        self.lineage
    }

    /// Time of the newest record of all partitions.
    pub(super) fn last_at(&self) -> Option<Timestamp> {
        let heads: Vec<_> = lock(&self.parts)
            .iter()
            .map(|(part, state)| (*part, state.head.0))
            .collect();
        let last = |(part, head): (Part, Pos)| {
            let records = self.read(part, Pos(head.0.checked_sub(1)?), 1).ok()?;
            records.first().map(|record| record.at)
        };
        heads.into_iter().filter_map(last).max()
    }

    pub(super) fn writable(&self) -> bool {
        !self.degraded.load(Ordering::Acquire)
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    pub(super) fn head(&self, part: Part) -> (Pos, Hash) {
        let parts = lock(&self.parts);
        parts
            .get(&part)
            .map_or((Pos(0), Hash::START), |state| state.head)
    }

    pub(super) fn status(&self) -> Health {
        let free_bytes = place::free_bytes(&self.path);
        Health {
            writable: self.writable(),
            free_bytes,
            space: free_bytes.map_or(Space::Ample, place::space),
            tail_records: lock(&self.parts)
                .values()
                .map(|state| state.tail.len())
                .sum(),
        }
    }

    pub(super) fn backup(&self) -> Result<backup::Backup, StoreError> {
        let Ok(_single) = self.backup.try_lock() else {
            return Err(StoreError::Unsupported(
                "a backup is being made already; wait for it".to_owned(),
            ));
        };
        self.with_read(|transaction| backup::copy(transaction, &self.path))
    }

    pub(super) fn with_read<T>(
        &self,
        body: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let slot = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = slot.as_ref().ok_or(StoreError::Degraded)?;
        guarded(|| body(&database.begin_read().map_err(engine_error)?))
    }

    /// As [`Redb::write`], where an unknown outcome is a failure like any other.
    fn must_write<T>(
        &self,
        body: impl FnOnce(&WriteTransaction) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self.write(body)? {
            Written::Done(value) => Ok(Some(value)),
            Written::Refused => Ok(None),
            Written::Unknown => Err(StoreError::Degraded),
        }
    }

    /// One durable transaction, or none when the body gives none. Any failure stops all writing
    /// until [`Redb::reopen`]: the engine does not say which pages are still good.
    fn write<T>(
        &self,
        body: impl FnOnce(&WriteTransaction) -> Result<Option<T>, StoreError>,
    ) -> Result<Written<T>, StoreError> {
        if !self.writable() {
            return Err(StoreError::Degraded);
        }
        let _writing = self.writing.read().unwrap_or_else(PoisonError::into_inner);
        let slot = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = slot.as_ref().ok_or(StoreError::Degraded)?;
        let prepared = guarded(|| {
            let mut transaction = database.begin_write().map_err(engine_error)?;
            transaction.set_quick_repair(true);
            transaction
                .set_durability(Durability::Immediate)
                .map_err(|error| StoreError::corrupt(error.to_string()))?;
            Ok(body(&transaction)?.map(|value| (transaction, value)))
        });
        let (transaction, value) = match prepared {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return Ok(Written::Refused),
            Err(error) => {
                self.poison(&error);
                return Err(error);
            }
        };
        match guarded(|| transaction.commit().map_err(engine_error)) {
            Ok(()) => {
                self.full.store(false, Ordering::Release);
                Ok(Written::Done(value))
            }
            Err(error) => {
                self.poison(&error);
                Ok(Written::Unknown)
            }
        }
    }

    fn poison(&self, error: &StoreError) {
        if matches!(error, StoreError::Full) {
            self.full.store(true, Ordering::Release);
        }
        if !self.degraded.swap(true, Ordering::AcqRel) {
            tracing::error!(%error, "store stopped writing");
        }
    }
}

/// Turns a panic of the engine over a damaged file into an error.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let outer = GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    done.unwrap_or_else(|_| Err(StoreError::corrupt("the file does not make sense")))
}

thread_local! {
    /// This thread is within [`guarded`].
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Keeps a panic of the engine over a damaged file off standard error, where it would stand beside
/// the one line that says the same. Any other panic is told as before.
pub fn hush_damage() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !GUARDED.get() {
            tell(panic);
        }
    }));
}

impl Drop for Redb {
    /// Closing writes, too, and may stumble over a damaged file: that is no reason to end the
    /// process, since everything that was acknowledged is there already.
    fn drop(&mut self) {
        let database = self.database.get_mut().map(Option::take);
        let closed = guarded(|| {
            drop(database);
            Ok(())
        });
        if let Err(error) = closed {
            tracing::error!(%error, "the store did not close cleanly");
        }
    }
}

/// What the engine says, in the store's words.
pub(super) fn engine_error(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) => io_error(error),
        redb::Error::PreviousIo => StoreError::Degraded,
        other => StoreError::corrupt(other.to_string()),
    }
}

fn io_error(error: std::io::Error) -> StoreError {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => StoreError::Full,
        _ => StoreError::Io(error),
    }
}

/// Opens an existing or empty file under the engine's lock.
pub(super) fn open_file(path: &Path) -> Result<Database, StoreError> {
    let opened = Builder::new().set_cache_size(CACHE_BYTES).create(path);
    opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Locked {
            path: path.to_path_buf(),
        },
        DatabaseError::UpgradeRequired(_) => StoreError::NotADatabase {
            path: path.to_path_buf(),
        },
        DatabaseError::Storage(StorageError::Io(error)) => place::refused(path, error),
        other => engine_error(other),
    })
}

type Loaded = (Database, Lineage, BTreeMap<Part, PartState>);

/// Opens the file, brings it up to date and reads the unsettled tails back.
fn load(path: &Path, opener: &Opener) -> Result<Loaded, StoreError> {
    let database = opener()?;
    let found = migrations::version(&database)?.ok_or_else(|| StoreError::NotADatabase {
        path: path.to_path_buf(),
    })?;
    migrations::migrate(&database, found)?;
    let transaction = database.begin_read().map_err(engine_error)?;
    let lineage = lineage(&transaction)?;
    let mut parts = BTreeMap::new();
    let heads = transaction.open_table(HEAD).map_err(engine_error)?;
    for row in heads.iter().map_err(engine_error)? {
        let (part, row) = row.map_err(engine_error)?;
        let part = Part(part.value());
        let head = parse_head(row.value())
            .ok_or_else(|| StoreError::corrupt("the head of the log is cut short"))?;
        parts.insert(part, load_part(&transaction, part, head)?);
    }
    drop(transaction);
    Ok((database, lineage, parts))
}

fn load_part(
    transaction: &ReadTransaction,
    part: Part,
    head: (Pos, Hash),
) -> Result<PartState, StoreError> {
    let positions = transaction.open_table(SETTLED).map_err(engine_error)?;
    let settled = positions.get(part.0).map_err(engine_error)?;
    let settled = Pos(settled.map_or(0, |row| row.value()));
    let log = transaction.open_table(LOG).map_err(engine_error)?;
    let mut tail = Tail::default();
    let mut last = (settled, None);
    // From the last settled record on, so that the first unsettled one is verified too.
    let rows = log.range((part.0, settled.0)..=(part.0, u64::MAX));
    for row in rows.map_err(engine_error)? {
        let record = StoredRecord::from_row(row.map_err(engine_error)?.1.value())?;
        let follows = last.1.is_none_or(|prev: Hash| record.links(&prev));
        let expected = if record.pos == settled {
            settled
        } else {
            last.0.next()
        };
        if record.pos != expected || !follows {
            return Err(StoreError::corrupt(format!(
                "the log breaks off at {}",
                last.0
            )));
        }
        if record.pos != settled {
            tail.push(&record);
        }
        last = (record.pos, Some(record.hash));
    }
    if (last.0, last.1.unwrap_or(Hash::START)) != head {
        return Err(StoreError::corrupt(format!(
            "the log ends at {} instead of {}",
            last.0, head.0
        )));
    }
    Ok(PartState {
        head,
        settled,
        tail,
    })
}

/// Which life of which store a file is.
pub(super) fn lineage(transaction: &ReadTransaction) -> Result<Lineage, StoreError> {
    let meta = transaction.open_table(META).map_err(engine_error)?;
    let row = meta.get(LINEAGE).map_err(engine_error)?;
    let bytes = row.and_then(|row| row.value().try_into().ok());
    bytes
        .map(Lineage)
        .ok_or_else(|| StoreError::corrupt("the lineage of the file is missing"))
}
