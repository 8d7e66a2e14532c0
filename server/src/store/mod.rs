//! The store remembers: one ordered log per partition, and a small key-value table beside it.
//!
//! This is the seam between the hub and its engines. Writing to the log goes through a [`Turn`],
//! exclusive per partition: the hub learns what it missed, decides, and commits records and
//! key-value writes in one durable transaction. A commit is refused ([`Commit::Conflict`]) unless
//! its records continue the log, each chat continues its seq and no command is done twice, so
//! these laws hold whatever the hub does. No rule of the desk lives here, and nobody's right to
//! see a record is decided here. Only this folder knows which engine there is.

/// Calls the engine of a store, whichever it is.
macro_rules! engine {
    ($store:expr, $engine:ident => $call:expr) => {
        match &$store.0.engine {
            $crate::store::Engine::Memory($engine) => $call,
            $crate::store::Engine::Redb($engine) => $call,
        }
    };
}

mod audit;
mod backup;
mod check;
mod chunk;
mod clock;
mod error;
mod health;
mod memory;
mod migrations;
mod place;
mod record;
mod redb;
mod tables;
mod tail;
mod turn;
mod url;
mod words;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod files;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod search;
#[cfg(test)]
mod throughput;

#[cfg(any(test, feature = "simulation"))]
pub use self::redb::disk::{Disk, Left};
#[cfg(test)]
pub(crate) use self::redb::faults::{Numbers, on_every_processor, tell, trials};

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use shared::{
    id::{ChatId, CommandId, Cursor, Pos, Seq},
    machine,
    search::Query,
    time::Timestamp,
};
use tokio::sync::broadcast;

pub use self::{
    audit::{Head, Verdict},
    backup::{Backup, restore},
    check::{Report, check, check_against},
    chunk::{CHUNK_BYTES, FileId},
    error::StoreError,
    health::{Health, Space},
    memory::Fault,
    place::prepare_directory,
    record::{ActorTag, Hash, Lineage, Mark, StoredRecord, cursor},
    redb::hush_damage,
    turn::{Commit, KvWrite, Turn},
    url::{FILE_NAME, StoreUrl},
};
use self::{clock::Clock, memory::Memory, redb::Redb, turn::continues};

/// Records that one [`Store::settle`] step may move: more would keep the writer too long.
pub const SETTLE_RECORDS_MAX: usize = 512;
/// Unsettled records above which the hub settles even when it is busy: bounds memory and the
/// time to start.
pub const TAIL_RECORDS_MAX: usize = 8_192;
/// Records behind the head from which [`Store::index_words`] has something to do: fewer are read
/// by whoever searches.
pub const WORDS_BEHIND_MAX: u64 = 256;
/// Records that one [`Store::search`] step looks at.
pub const SEARCH_RECORDS_MAX: usize = 1_024;
/// Hints that wait for a slow listener; a listener that lags only has to look by itself.
const HINTS_MAX: usize = 64;

/// A partition: one workspace, one log. Today there is only [`Part::MAIN`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part(pub u32);

impl Part {
    /// The partition of a site with one workspace.
    pub const MAIN: Self = Self(0);
}

/// A part of a chat: records after one seq and before another, both left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeqRange {
    /// From the beginning when none.
    pub after: Option<Seq>,
    /// To the end when none.
    pub before: Option<Seq>,
}

/// Which records of a range that is longer than wanted. They come in ascending order either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// The oldest, at most this many.
    First(usize),
    /// The newest, at most this many.
    Last(usize),
}

/// How a command was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Of the command's body.
    pub fingerprint: [u8; 16],
    /// Its last record.
    pub pos: Pos,
    /// The chat of its last record.
    pub chat: Option<ChatId>,
    /// The seq that the answer named.
    pub seq: Option<Seq>,
}

/// A key with its value, from [`Store::kv_scan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvEntry {
    /// Which one.
    pub key: Bytes,
    /// Changes with every write of any key and never comes back.
    pub version: u64,
    /// What was stored.
    pub value: Bytes,
}

/// Why a client must throw its view away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resync {
    /// The cursor is of another store, or of this one before a restore.
    Lineage,
    /// The cursor is beyond the last record.
    Ahead,
    /// Another record stands where the cursor was.
    Hash,
}

impl fmt::Display for Resync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lineage => "the desk was restored or is another one",
            Self::Ahead => "the desk does not have what you have seen",
            Self::Hash => "the desk remembers another past",
        })
    }
}

/// What one [`Store::settle`] step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Records moved.
    pub moved: usize,
    /// Records still to move.
    pub left: usize,
}

/// What one [`Store::search`] step came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Records whose words match, newest first. An edited message is found by its newest edit.
    pub records: Vec<StoredRecord>,
    /// Where to go on; none at the end.
    pub next: Option<Pos>,
    /// How many records were compared.
    pub compared: usize,
    /// Records between the newest and the indexed ones were left out.
    pub partial: bool,
}

/// A handle on the store; clones are the same store.
///
/// Reads may be called from any task: long ones and all writes apart from [`Turn::commit`] move to
/// a blocking thread where there is a runtime. Every answer is of committed records only.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    clock: Clock,
    hints: broadcast::Sender<Part>,
    turns: Mutex<BTreeMap<Part, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Debug)]
enum Engine {
    Memory(Memory),
    Redb(Redb),
}

impl Store {
    /// Opens the store, makes it when there is none, and brings an older one up to date.
    ///
    /// # Errors
    /// Any [`StoreError`]; its exit code says what is wrong with the file or the place.
    pub fn open(url: &StoreUrl) -> Result<Self, StoreError> {
        Ok(match url {
            StoreUrl::Memory => Self::memory(),
            StoreUrl::Redb(path) => Self::from_engine(Engine::Redb(Redb::open(path)?)),
        })
    }

    /// An empty store that forgets everything with its last handle.
    #[must_use]
    pub fn memory() -> Self {
        Self::from_engine(Engine::Memory(Memory::new(random())))
    }

    /// Makes the next commit of a store in memory go wrong, for tests of what follows. Does
    /// nothing to another store, whose disk can do it.
    pub fn inject(&self, fault: Fault) {
        if let Engine::Memory(memory) = &self.0.engine {
            memory.inject(fault);
        }
    }

    fn from_engine(engine: Engine) -> Self {
        let last_at = match &engine {
            Engine::Memory(_) => None,
            Engine::Redb(redb) => redb.last_at(),
        };
        Self(Arc::new(Inner {
            engine,
            clock: Clock::start(last_at),
            hints: broadcast::Sender::new(HINTS_MAX),
            turns: Mutex::default(),
        }))
    }

    /// Waits for the only turn of `part`, then tells what is new after `after`. A hub that starts
    /// reads the past in pages first; afterwards an embedded store has never anything new.
    ///
    /// # Errors
    /// [`StoreError::Degraded`] after a failure, and what reading can give.
    pub async fn turn(&self, part: Part, after: Pos) -> Result<Turn, StoreError> {
        let mutex = Arc::clone(lock(&self.0.turns).entry(part).or_default());
        let guard = mutex.lock_owned().await;
        if !engine!(self, engine => engine.writable()) {
            return Err(StoreError::Degraded);
        }
        let head = self.head(part);
        let missed = if after < head.0 {
            engine!(self, engine => engine.read(part, after, usize::MAX))?
        } else {
            Vec::new()
        };
        Ok(Turn {
            store: self.clone(),
            part,
            missed,
            head,
            now: self.now(),
            _guard: guard,
        })
    }

    /// At most `max` records after `after`, without a gap; fewer only at the end of the log.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for an unreadable row, [`StoreError::Io`] when the disk fails.
    pub async fn read(
        &self,
        part: Part,
        after: Pos,
        max: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.offload(move |store| engine!(store, engine => engine.read(part, after, max)))
            .await
    }

    /// Records of a chat in ascending order, without a gap between the first and the last.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn history(
        &self,
        part: Part,
        chat: ChatId,
        range: SeqRange,
        take: Take,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.offload(move |store| engine!(store, engine => engine.history(part, chat, range, take)))
            .await
    }

    /// How the command `cid` of `principal` was answered, if it was done.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn result(
        &self,
        part: Part,
        principal: u64,
        cid: &CommandId,
    ) -> Result<Option<Done>, StoreError> {
        let found = self.results(part, &[Some((principal, cid))]).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// The same of many commands at one moment; none stays none.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn results(
        &self,
        part: Part,
        commands: &[Option<(u64, &CommandId)>],
    ) -> Result<Vec<Option<Done>>, StoreError> {
        engine!(self, engine => engine.results(part, commands))
    }

    /// Tells of partitions that have new records. May drop, repeat and be late.
    #[must_use]
    pub fn hints(&self) -> broadcast::Receiver<Part> {
        self.0.hints.subscribe()
    }

    /// The newest snapshot of desk version `version`, if the log still has its position and hash.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn snapshot_get(
        &self,
        part: Part,
        version: u32,
    ) -> Result<Option<(Pos, Hash, Bytes)>, StoreError> {
        self.offload(move |store| engine!(store, engine => engine.snapshot_get(part, version)))
            .await
    }

    /// Keeps a snapshot of the desk after `pos` instead of all earlier ones.
    ///
    /// # Errors
    /// As [`Store::kv_cas`].
    pub async fn snapshot_put(
        &self,
        part: Part,
        version: u32,
        pos: Pos,
        hash: Hash,
        body: Bytes,
    ) -> Result<(), StoreError> {
        self.offload(
            move |store| engine!(store, engine => engine.snapshot_put(part, version, pos, hash, &body)),
        )
        .await
    }

    /// The version and value of a key that has not expired at `now`.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn kv_get(
        &self,
        ns: &'static str,
        key: &[u8],
        now: Timestamp,
    ) -> Result<Option<(u64, Bytes)>, StoreError> {
        engine!(self, engine => engine.kv_get(ns, key, now))
    }

    /// Writes one key if its version is what `write` expects; the new version (0 when deleted),
    /// or none when it is not.
    ///
    /// # Errors
    /// [`StoreError::Full`] without space, [`StoreError::Degraded`] after a failure and when it is
    /// not known whether it was written, [`StoreError::Io`] and [`StoreError::Corrupt`] otherwise.
    pub async fn kv_cas(&self, write: KvWrite, now: Timestamp) -> Result<Option<u64>, StoreError> {
        self.offload(move |store| engine!(store, engine => engine.kv_cas(&write, now)))
            .await
    }

    /// At most `max` unexpired keys of a namespace that begin with `prefix`, in order, after
    /// `after_key`.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn kv_scan(
        &self,
        ns: &'static str,
        prefix: Bytes,
        after_key: Option<Bytes>,
        max: usize,
        now: Timestamp,
    ) -> Result<Vec<KvEntry>, StoreError> {
        self.offload(move |store| {
            engine!(store, engine => engine.kv_scan(ns, &prefix, after_key.as_deref(), max, now))
        })
        .await
    }

    /// Takes the words out of every record of a chat and keeps pos, seq, digest and hash, and
    /// drops the partition's snapshots, which may hold them too. Idempotent; a crash on the way
    /// leaves it to be called again. The file itself forgets with [`Store::rewrite`].
    ///
    /// # Errors
    /// As [`Store::kv_cas`].
    pub async fn redact(&self, part: Part, chat: ChatId) -> Result<(), StoreError> {
        self.offload(move |store| engine!(store, engine => engine.redact(part, chat)))
            .await
    }

    /// Moves the indexes of at most `max` records (512 at most) from memory to the tables, in one
    /// short transaction, and deletes some keys that have expired at `now`. The hub calls it when
    /// idle, and when the tail is longer than [`TAIL_RECORDS_MAX`].
    ///
    /// # Errors
    /// As [`Store::kv_cas`].
    pub async fn settle(
        &self,
        part: Part,
        max: usize,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        let max = max.min(SETTLE_RECORDS_MAX);
        self.offload(move |store| engine!(store, engine => engine.settle(part, max, now)))
            .await
    }

    /// Takes in the words of the next records, at most 512, and of those that make a segment
    /// writes one in a short transaction. How many records it is behind after that. Anybody may
    /// call it beside the commits; the hub does.
    ///
    /// # Errors
    /// As [`Store::kv_cas`].
    pub async fn index_words(&self, part: Part) -> Result<u64, StoreError> {
        self.offload(move |store| engine!(store, engine => engine.index_words(part)))
            .await
    }

    /// Records before `before`, or of all of them, that match `query`, newest first: at most
    /// `max`, after at most [`SEARCH_RECORDS_MAX`] that have the words and had to be compared.
    /// Who may see them is not asked here.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn search(
        &self,
        part: Part,
        query: &Query,
        before: Option<Pos>,
        max: usize,
    ) -> Result<Found, StoreError> {
        let query = query.clone();
        self.offload(
            move |store| engine!(store, engine => engine.search(part, &query, before, max)),
        )
        .await
    }

    /// The position that a cursor resumes after, or why it cannot.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn cursor_check(
        &self,
        part: Part,
        cursor: &Cursor,
    ) -> Result<Result<Pos, Resync>, StoreError> {
        let Some((lineage, pos, shown)) = record::cursor_parts(cursor) else {
            return Ok(Err(Resync::Lineage));
        };
        if lineage != self.lineage().to_string() {
            return Ok(Err(Resync::Lineage));
        }
        let hash = if pos == Pos(0) {
            Some(Hash::START)
        } else {
            engine!(self, engine => engine.read(part, Pos(pos.0 - 1), 1))?
                .first()
                .map(|record| record.hash)
        };
        Ok(match hash {
            None => Err(Resync::Ahead),
            Some(hash) if record::shows(shown, &hash) => Ok(pos),
            Some(_) => Err(Resync::Hash),
        })
    }

    /// The last position of `part` and its hash.
    #[must_use]
    pub fn head(&self, part: Part) -> (Pos, Hash) {
        engine!(self, engine => engine.head(part))
    }

    /// Which life of which store.
    #[must_use]
    pub fn lineage(&self) -> Lineage {
        engine!(self, engine => engine.lineage())
    }

    /// The store's time: the wall clock when it was opened, or the last record's time if that is
    /// later, and the monotonic time since.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// False after a failure, until [`Store::reopen`] succeeds.
    #[must_use]
    pub fn writable(&self) -> bool {
        engine!(self, engine => engine.writable())
    }

    /// Whether the disk had no room for the last write that failed, and took none since.
    #[must_use]
    pub fn is_full(&self) -> bool {
        engine!(self, engine => engine.is_full())
    }

    /// How the store is. Costs one system call.
    #[must_use]
    pub fn status(&self) -> Health {
        engine!(self, engine => engine.status())
    }

    /// Closes and opens the file after a failure. The hub calls it after 1 s, doubling up to
    /// 30 s, and ends with exit code 74 when it fails three times.
    ///
    /// # Errors
    /// Any [`StoreError`]; the store stays as it was.
    pub async fn reopen(&self) -> Result<(), StoreError> {
        self.offload(|store| match &store.0.engine {
            Engine::Memory(_) => Ok(()),
            Engine::Redb(redb) => redb.reopen(),
        })
        .await
    }

    /// A verified copy of the whole store at one moment, beside the store, until it is dropped.
    /// One at a time; writing goes on meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] in memory or while another one is being made, and any other.
    pub async fn backup(&self) -> Result<Backup, StoreError> {
        self.offload(|store| match &store.0.engine {
            Engine::Memory(_) => Err(StoreError::Unsupported(
                "a store in memory has no backup; use redb:DIR/desk.redb".to_owned(),
            )),
            Engine::Redb(redb) => redb.backup(),
        })
        .await
    }

    /// Runs what may block on a thread for that, or here when there is no runtime.
    async fn offload<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if matches!(self.0.engine, Engine::Memory(_)) {
            return work(self);
        }
        if tokio::runtime::Handle::try_current().is_err() {
            return work(self);
        }
        let store = self.clone();
        match machine::offload(move || work(&store)).await {
            Ok(result) => result,
            Err(error) => Err(StoreError::corrupt(format!("reading failed: {error}"))),
        }
    }
}

/// A lock whose holder panicked is still a lock: what it guards is put back by the next reopen.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    machine::random(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
