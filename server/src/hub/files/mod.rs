//! Files of chats: received piece by piece, posted in one transaction, given out by number.
//!
//! Pieces are stored while they come in and mean nothing until the message is committed together
//! with its row of the index. What nobody speaks of (the sender went away, the hub was killed) is
//! swept away at the start and every hour. Who may send or have which file is not decided here.

mod gist;
mod row;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use shared::{
    attachment::{ATTACHMENT_BYTES_MAX, size},
    command::{Command, NewAttachment},
    event::Event,
    id::{AttachmentId, ChatId, CommandId, UserId},
    model::Visibility,
    text::SafeText,
};
use tokio::{
    select,
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    desk::Who,
    store::{CHUNK_BYTES, FileId, KvWrite, Space, StoreError},
};

use self::gist::Gist;
pub use self::row::FileRow;
use super::{Companion, Hub, Outcome, PART, SubmitError};

/// Files that come in at once.
const INCOMING_MAX: usize = 64;
/// Files of one sender that come in at once.
const INCOMING_OF_ONE_MAX: usize = 4;
/// Files from one address that come in at once, whoever sends them.
const INCOMING_FROM_ONE_MAX: usize = 16;
/// Files that are given out at once: each holds a few pieces in memory.
const OUTGOING_MAX: usize = 64;
/// Files that are given out to one reader at once, however slowly they are read.
const OUTGOING_OF_ONE_MAX: usize = 8;
/// Files without a message that wait to be taken away; more are left to the sweep.
const FORSAKEN_MAX: usize = 256;
/// How often what nobody speaks of is looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// Rows that are read at once.
const SCAN_ROWS: usize = 256;

/// Why a file is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is larger than files may be.
    #[error(
        "the file has more than {}; send a smaller one",
        size(ATTACHMENT_BYTES_MAX)
    )]
    TooLarge,
    /// All files of the hub together have as many bytes as they may have.
    #[error("the hub keeps at most {} of files and is full; ask its operator", size(*.bytes_max))]
    NoRoom {
        /// The limit.
        bytes_max: u64,
    },
    /// The disk has little room left.
    #[error("the disk of the hub is too full for files; ask its operator to free space")]
    DiskFull,
    /// Too many come in, or are given out.
    #[error("too many files are on their way at once; retry when one is through")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The files of a hub. Cheap to clone.
#[derive(Clone)]
pub struct Files(Arc<Inner>);

struct Inner {
    hub: Hub,
    bytes_max: u64,
    state: Mutex<State>,
    forsaken: mpsc::Sender<FileId>,
    /// Taken by the one who keeps the files.
    to_drop: Mutex<Option<mpsc::Receiver<FileId>>>,
}

/// A file that comes in.
struct Arrival {
    by: UserId,
    /// The address it comes from, where that counts.
    from: Option<IpAddr>,
    /// Bytes set aside for it.
    aside: u64,
}

#[derive(Default)]
struct State {
    /// Bytes of all files in the index.
    kept_bytes: u64,
    /// Files that come in.
    incoming: BTreeMap<FileId, Arrival>,
    /// How many files are given out to whom.
    outgoing: BTreeMap<UserId, usize>,
}

impl Files {
    /// Counts the files of `hub`; all together may have `bytes_max` bytes.
    ///
    /// # Errors
    /// The store's, when the index cannot be read.
    pub async fn start(hub: Hub, bytes_max: u64) -> Result<Self, StoreError> {
        let (forsaken, to_drop) = mpsc::channel(FORSAKEN_MAX);
        let files = Self(Arc::new(Inner {
            hub,
            bytes_max,
            state: Mutex::default(),
            forsaken,
            to_drop: Mutex::new(Some(to_drop)),
        }));
        let kept_bytes = files.rows().await?.iter().map(|row| row.bytes).sum();
        files.lock().kept_bytes = kept_bytes;
        Ok(files)
    }

    /// Takes away what nobody speaks of, until `stop`.
    pub async fn keep(self, stop: CancellationToken) {
        let to_drop = self.0.to_drop.lock();
        let Some(mut to_drop) = to_drop.unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let mut sweeps = interval(SWEEP_EVERY);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let swept = select! {
                () = stop.cancelled() => return,
                _ = sweeps.tick() => self.sweep().await.map(|dropped| {
                    if dropped > 0 {
                        tracing::info!(dropped, "files without a message were taken away");
                    }
                }),
                Some(file) = to_drop.recv() => self.0.hub.store().file_drop(file).await,
            };
            if let Err(error) = swept {
                tracing::warn!(%error, "files without a message could not be taken away; tried again later");
            }
        }
    }

    /// Takes away every file that is not in the index and does not come in; how many.
    ///
    /// # Errors
    /// The store's.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let store = self.0.hub.store();
        let mut found = BTreeSet::new();
        let mut after = None;
        loop {
            let page = store.files(after, SCAN_ROWS).await?;
            after = page.last().copied();
            found.extend(page);
            if after.is_none() {
                break;
            }
        }
        // In this order: what was through before this look is in the index by the next.
        for file in self.lock().incoming.keys() {
            found.remove(file);
        }
        for row in self.rows().await? {
            found.remove(&row.file);
        }
        for file in &found {
            store.file_drop(*file).await?;
        }
        Ok(found.len())
    }

    /// Takes away the bytes and the rows of every file of a chat that is being erased; how many.
    /// Idempotent; a crash on the way leaves it to be called again.
    ///
    /// # Errors
    /// The store's.
    pub async fn forget(&self, chat: ChatId) -> Result<u64, StoreError> {
        let store = self.0.hub.store();
        let mut forgotten = 0;
        loop {
            let prefix = row::prefix(chat);
            let rows = store
                .kv_scan(row::NS, prefix, None, SCAN_ROWS, store.now())
                .await?;
            if rows.is_empty() {
                return Ok(forgotten);
            }
            for entry in rows {
                let row = FileRow::from_value(&entry.value).ok_or_else(damaged)?;
                store.file_drop(row.file).await?;
                let gone = KvWrite {
                    ns: row::NS,
                    key: entry.key,
                    expect: entry.version,
                    value: None,
                    ttl: None,
                };
                store.kv_cas(gone, store.now()).await?;
                let mut state = self.lock();
                state.kept_bytes = state.kept_bytes.saturating_sub(row.bytes);
                forgotten += 1;
            }
        }
    }

    /// All rows of the index.
    async fn rows(&self) -> Result<Vec<FileRow>, StoreError> {
        self.rows_under(Bytes::new()).await
    }

    /// The rows of the index whose keys begin with `prefix`.
    async fn rows_under(&self, prefix: Bytes) -> Result<Vec<FileRow>, StoreError> {
        let store = self.0.hub.store();
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = store.kv_scan(row::NS, prefix.clone(), after, SCAN_ROWS, store.now());
            let page = page.await?;
            after = page.last().map(|entry| entry.key.clone());
            for entry in page {
                rows.push(FileRow::from_value(&entry.value).ok_or_else(damaged)?);
            }
            if after.is_none() {
                return Ok(rows);
            }
        }
    }

    /// Begins to take a file in from `by`, who says that it has `announced` bytes; `from` an
    /// address that counts.
    ///
    /// # Errors
    /// Any [`FileError`] but [`FileError::Store`].
    pub fn receive(
        &self,
        by: UserId,
        from: Option<IpAddr>,
        announced: Option<u64>,
    ) -> Result<Incoming, FileError> {
        let file = FileId::random();
        let mut state = self.lock();
        let arrivals = || state.incoming.values();
        let of_one = arrivals().filter(|arrival| arrival.by == by).count();
        let from_one = arrivals().filter(|arrival| from.is_some() && arrival.from == from);
        if of_one >= INCOMING_OF_ONE_MAX
            || from_one.count() >= INCOMING_FROM_ONE_MAX
            || state.incoming.len() >= INCOMING_MAX
        {
            return Err(FileError::TooMany);
        }
        let arrival = Arrival { by, from, aside: 0 };
        state.incoming.insert(file, arrival);
        drop(state);
        let mut incoming = Incoming {
            files: self.clone(),
            file: Some(file),
            gist: Gist::default(),
            waiting: BytesMut::new(),
            pieces: 0,
        };
        incoming.set_aside(announced.unwrap_or(0))?;
        Ok(incoming)
    }

    /// Looks at a file that was stored before: its bytes are counted and compared, and not kept.
    #[must_use]
    pub fn look_at(&self) -> Incoming {
        Incoming {
            files: self.clone(),
            file: None,
            gist: Gist::default(),
            waiting: BytesMut::new(),
            pieces: 0,
        }
    }

    /// What a number of a chat stands for.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(
        &self,
        chat: ChatId,
        id: AttachmentId,
    ) -> Result<Option<FileRow>, StoreError> {
        let store = self.0.hub.store();
        let row = store
            .kv_get(row::NS, &row::key(chat, id), store.now())
            .await?;
        row.map(|(_, value)| FileRow::from_value(&value).ok_or_else(damaged))
            .transpose()
    }

    /// The right to give a file out to `to`; hold it as long as that takes.
    ///
    /// # Errors
    /// [`FileError::TooMany`].
    pub fn give_out(&self, to: UserId) -> Result<Outgoing, FileError> {
        let mut state = self.lock();
        let all: usize = state.outgoing.values().sum();
        let of_one = state.outgoing.get(&to).copied().unwrap_or(0);
        if all >= OUTGOING_MAX || of_one >= OUTGOING_OF_ONE_MAX {
            return Err(FileError::TooMany);
        }
        state.outgoing.insert(to, of_one + 1);
        drop(state);
        Ok(Outgoing {
            files: self.clone(),
            to,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn damaged() -> StoreError {
    StoreError::Corrupt {
        what: "a row of the index of files is damaged".to_owned(),
    }
}

/// The right to give a file out, until it is dropped.
pub struct Outgoing {
    files: Files,
    to: UserId,
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let mut state = self.files.lock();
        if let Some(of_one) = state.outgoing.get_mut(&self.to) {
            *of_one -= 1;
            if *of_one == 0 {
                state.outgoing.remove(&self.to);
            }
        }
    }
}

/// A file that comes in. Dropped before it was posted, its bytes go away.
pub struct Incoming {
    files: Files,
    /// None when its bytes are only looked at.
    file: Option<FileId>,
    gist: Gist,
    waiting: BytesMut,
    pieces: u32,
}

/// What is said with a file, and by whom.
pub struct Posting {
    /// Who sends it.
    pub who: Who,
    /// Names the command.
    pub cid: CommandId,
    /// Where.
    pub chat: ChatId,
    /// What its sender calls it.
    pub name: SafeText,
    /// The caption.
    pub text: SafeText,
    /// To whom.
    pub visibility: Visibility,
}

impl Incoming {
    /// Takes the next bytes in.
    ///
    /// # Errors
    /// Any [`FileError`] but [`FileError::TooMany`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let total = self.gist.bytes() + bytes.len() as u64;
        if total > ATTACHMENT_BYTES_MAX {
            return Err(FileError::TooLarge);
        }
        self.gist.take(bytes);
        if self.file.is_none() {
            return Ok(());
        }
        self.set_aside(total)?;
        self.waiting.extend_from_slice(bytes);
        while self.waiting.len() >= CHUNK_BYTES {
            let piece = self.waiting.split_to(CHUNK_BYTES).freeze();
            self.store(piece).await?;
        }
        Ok(())
    }

    async fn store(&mut self, piece: Bytes) -> Result<(), FileError> {
        let Some(file) = self.file else { return Ok(()) };
        let store = self.files.0.hub.store();
        if store.status().space <= Space::Short {
            return Err(FileError::DiskFull);
        }
        store.chunk_put(PART, file, self.pieces, piece).await?;
        self.pieces += 1;
        Ok(())
    }

    /// Sees to it that there is room for `total` bytes of it.
    fn set_aside(&mut self, total: u64) -> Result<(), FileError> {
        let Some(file) = self.file else { return Ok(()) };
        let bytes_max = self.files.0.bytes_max;
        let mut state = self.files.lock();
        let others = state.incoming.iter().filter(|(other, _)| **other != file);
        let others: u64 = others.map(|(_, arrival)| arrival.aside).sum();
        let taken = state.kept_bytes.saturating_add(others);
        if bytes_max.saturating_sub(taken) < total {
            return Err(FileError::NoRoom { bytes_max });
        }
        if let Some(arrival) = state.incoming.get_mut(&file) {
            arrival.aside = total.max(arrival.aside);
        }
        Ok(())
    }

    /// Stores what is left of it and posts it.
    ///
    /// # Errors
    /// [`FileError`] of its last piece, or the hub's: after [`SubmitError::Storage`] and the like a
    /// repeat with the same id and bytes tells what became of it.
    pub async fn post(
        mut self,
        posting: Posting,
    ) -> Result<Result<Outcome, SubmitError>, FileError> {
        let rest = self.waiting.split().freeze();
        if !rest.is_empty() {
            self.store(rest).await?;
        }
        let Posting {
            who,
            cid,
            chat,
            name,
            text,
            visibility,
        } = posting;
        let bytes = self.gist.bytes();
        let attachment = NewAttachment {
            name,
            bytes,
            kind: self.gist.kind(),
            digest: self.gist.digest(),
        };
        let command = Command::PostAttachment {
            chat,
            attachment,
            text,
            visibility,
        };
        let companion = self.file.map(|file| indexing(chat, file, bytes));
        let hub = self.files.0.hub.clone();
        let done = hub.submit_with(who, cid, command, companion).await;
        match &done {
            Ok(outcome) if !outcome.dup => self.settle(bytes),
            // What was done before may be this very file: a commit whose outcome was unknown is
            // looked for by its own repeat.
            Ok(_) => match self.is_in(chat).await {
                Ok(true) => self.settle(bytes),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "a repeated file waits for the sweep");
                    self.settle(0);
                }
            },
            // Its message may be there: only the sweep, which looks, may take the bytes away.
            Err(SubmitError::Storage | SubmitError::Degraded | SubmitError::Stopped) => {
                self.settle(0);
            }
            _ => {}
        }
        Ok(done)
    }

    /// Whether a message of the chat speaks of it.
    async fn is_in(&self, chat: ChatId) -> Result<bool, StoreError> {
        let rows = self.files.rows_under(row::prefix(chat)).await?;
        Ok(rows.iter().any(|row| Some(row.file) == self.file))
    }

    /// Lets go of the bytes without taking them away.
    fn settle(&mut self, kept_bytes: u64) {
        if let Some(file) = self.file.take() {
            let mut state = self.files.lock();
            state.incoming.remove(&file);
            state.kept_bytes = state.kept_bytes.saturating_add(kept_bytes);
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let Some(file) = self.file else { return };
        self.files.lock().incoming.remove(&file);
        if self.files.0.forsaken.try_send(file).is_err() {
            tracing::debug!("a file without a message waits for the sweep");
        }
    }
}

/// Writes the row of a file in the transaction of its message.
fn indexing(chat: ChatId, file: FileId, bytes: u64) -> Companion {
    Box::new(move |records, first| {
        let mut places = std::iter::successors(Some(first), |pos| Some(pos.next()));
        let row = records.iter().find_map(|record| {
            let pos = places.next()?;
            let Event::MessagePosted { attachments, .. } = &record.event else {
                return None;
            };
            let id = attachments.first()?.id;
            Some(FileRow { pos, file, bytes }.write(chat, id))
        });
        row.into_iter().collect()
    })
}
