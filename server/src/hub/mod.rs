//! The hub: runs a desk and its store, one command after the other, and tells who may know.
//!
//! [`Hub`] is the handle that transports hold: bounded queue in, answer out after the durable
//! commit. The loop is `partition`, the fan-out [`publish`], who is connected [`presence`].
//! No rule of the desk is here, and no frame is read here.

pub mod customers;
mod draft;
pub mod files;
mod index;
mod partition;
mod places;
pub mod presence;
pub mod publish;
mod room;
#[cfg(test)]
mod tests;
pub mod wire;

use std::{io, process, sync::Arc, thread};

use sha2::{Digest, Sha256};
use shared::{
    command::Command,
    error::ErrorCode,
    id::{ChatId, CommandId, Pos, Seq},
    model::Storage,
    time::Timestamp,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    desk::{Desk, NewRecord, Rejection, Who, visibility::Viewer},
    store::{KvWrite, Part, Store, StoreError},
};

pub use self::partition::{SNAPSHOT_VERSION, written_desk};
use self::{
    partition::{Partition, Told},
    publish::{Publisher, Subscription},
};

/// Commands and questions that may wait for the loop; beyond it the answer is `busy`.
const QUEUE_REQUESTS_MAX: usize = 1_024;
/// What a client that met a full queue is asked to wait.
const BUSY_RETRY_MS: u64 = 200;

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its last record, or the head of the log when it changed nothing.
    pub pos: Pos,
    /// The chat it was about.
    pub chat: Option<ChatId>,
    /// Its message, or its last record in the chat.
    pub seq: Option<Seq>,
    /// It had been done before.
    pub dup: bool,
}

/// Why a command was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// A rule of the desk says no.
    #[error("{0}")]
    Rejected(Rejection),
    /// The id was used before for something else.
    #[error("cid {0} was used before for something else; make a new one")]
    CidConflict(CommandId),
    /// A value beside the log changed in the meantime.
    #[error("somebody else was faster; look again and retry")]
    Conflict,
    /// The queue of the loop is full.
    #[error("the hub has too much to do; retry in {retry_after_ms} ms")]
    Busy {
        /// How long to wait.
        retry_after_ms: u64,
    },
    /// The store failed; a retry with the same id tells whether it was written.
    #[error("the store failed; nothing is lost, retry with the same id")]
    Storage,
    /// The disk is full.
    #[error("the disk of the hub is full; ask its operator to free space")]
    StorageFull,
    /// The hub only reads until its store is well again.
    #[error("the hub only reads until its store is well again; retry later")]
    Degraded,
    /// The hub stops.
    #[error("the hub is stopping; retry when it is back")]
    Stopped,
}

impl SubmitError {
    /// The code on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::CidConflict(_) => ErrorCode::CidConflict,
            Self::Conflict => ErrorCode::Conflict,
            Self::Busy { .. } | Self::Stopped => ErrorCode::Busy,
            Self::Storage => ErrorCode::Storage,
            Self::StorageFull => ErrorCode::StorageFull,
            Self::Degraded => ErrorCode::Degraded,
        }
    }

    /// How long to wait before a retry, in milliseconds, where a retry makes sense.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Busy { retry_after_ms } => Some(*retry_after_ms),
            Self::Storage | Self::StorageFull | Self::Degraded | Self::Stopped => Some(1_000),
            _ => None,
        }
    }
}

/// The hub has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hub is stopping")]
pub struct Stopped;

/// Makes, from the records a command gave and the place of the first, what else belongs in its
/// transaction. Called again when the transaction has to be made again.
pub type Companion = Box<dyn Fn(&[NewRecord], Pos) -> Vec<KvWrite> + Send + Sync>;

type Answer = Result<Outcome, SubmitError>;
type Reply = Box<dyn FnOnce(Answer) + Send + Sync>;
type Question = Box<dyn FnOnce(&Desk, Pos) + Send>;

struct Submission {
    who: Who,
    cid: CommandId,
    fingerprint: [u8; 16],
    command: Command,
    companion: Option<Companion>,
    reply: Reply,
}

enum Request {
    Submit(Box<Submission>),
    Ask(Question),
    /// Write the desk down now, and say when that was tried.
    WriteDown(oneshot::Sender<()>),
    Stop,
}

/// How the loop and its store are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Everything is accepted.
    Well,
    /// Only reads are answered; the store is being reopened.
    Degraded,
    /// The store failed for good, or the hub was stopped.
    Ended {
        /// It could not go on; the process should say so with its exit code.
        failed: bool,
    },
}

/// A handle on a running hub. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    requests: mpsc::Sender<Request>,
    publisher: Arc<Publisher>,
    store: Store,
    health: watch::Receiver<Health>,
    storage: watch::Receiver<Storage>,
    jobs: watch::Receiver<Option<Timestamp>>,
}

impl Hub {
    /// Loads the desk from `store` and starts the loop on a thread of its own, since commits of
    /// an embedded store block.
    ///
    /// # Errors
    /// The store's, when the log cannot be read, and [`StoreError::Io`] when there is no thread.
    pub async fn start(store: Store) -> Result<Self, StoreError> {
        let (hub, partition, runner) = Self::prepare(store).await?;
        thread::Builder::new()
            .name("frontdesk-hub".into())
            .spawn(move || {
                let _limping = AbortOnPanic;
                match tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                {
                    Ok(runtime) => runtime.block_on(partition.run(runner)),
                    Err(error) => tracing::error!(%error, "no runtime for the hub"),
                }
            })
            .map_err(StoreError::from)?;
        Ok(hub)
    }

    /// The same with the loop as a task of the current runtime: for simulations, where time is
    /// virtual and the store does not block.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_in_runtime(store: Store) -> Result<Self, StoreError> {
        let (hub, partition, runner) = Self::prepare(store).await?;
        drop(tokio::spawn(partition.run(runner)));
        Ok(hub)
    }

    async fn prepare(
        store: Store,
    ) -> Result<(Self, Partition, mpsc::Receiver<Request>), StoreError> {
        let (requests, runner) = mpsc::channel(QUEUE_REQUESTS_MAX);
        let (health, watched) = watch::channel(Health::Well);
        let (storage, seen) = watch::channel(Storage::Well);
        let (jobs, owed) = watch::channel(None);
        let publisher = Arc::new(Publisher::default());
        let told = Told {
            health,
            storage,
            jobs,
        };
        let partition = Partition::load(store.clone(), Arc::clone(&publisher), told).await?;
        let hub = Self {
            requests,
            publisher,
            store,
            health: watched,
            storage: seen,
            jobs: owed,
        };
        Ok((hub, partition, runner))
    }

    /// Has the desk decide `command` and waits for the durable commit.
    ///
    /// # Errors
    /// [`SubmitError`]; those whose code is retriable may be retried with the same id.
    pub async fn submit(&self, who: Who, cid: CommandId, command: Command) -> Answer {
        self.submit_with(who, cid, command, None).await
    }

    /// The same with writes beside the log in the same transaction.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and [`SubmitError::Conflict`] when an expectation of
    /// `companion` was not met.
    pub async fn submit_with(
        &self,
        who: Who,
        cid: CommandId,
        command: Command,
        companion: Option<Companion>,
    ) -> Answer {
        let (sender, receiver) = oneshot::channel();
        let reply = move |answer| drop(sender.send(answer));
        self.post(who, cid, command, companion, Box::new(reply))?;
        receiver.await.unwrap_or(Err(SubmitError::Stopped))
    }

    /// The same without waiting: `reply` is called on the hub's thread after the commit and must
    /// not block.
    ///
    /// # Errors
    /// [`SubmitError::Busy`] or [`SubmitError::Stopped`]; then `reply` is never called.
    pub fn submit_to(
        &self,
        who: Who,
        cid: CommandId,
        command: Command,
        reply: impl FnOnce(Result<Outcome, SubmitError>) + Send + Sync + 'static,
    ) -> Result<(), SubmitError> {
        self.post(who, cid, command, None, Box::new(reply))
    }

    fn post(
        &self,
        who: Who,
        cid: CommandId,
        command: Command,
        companion: Option<Companion>,
        reply: Reply,
    ) -> Result<(), SubmitError> {
        let submission = Submission {
            fingerprint: fingerprint(&command),
            who,
            cid,
            command,
            companion,
            reply,
        };
        self.requests
            .try_send(Request::Submit(Box::new(submission)))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => SubmitError::Busy {
                    retry_after_ms: BUSY_RETRY_MS,
                },
                mpsc::error::TrySendError::Closed(_) => SubmitError::Stopped,
            })
    }

    /// Asks the desk a question. It is answered between batches, so from committed state only.
    ///
    /// # Errors
    /// [`Stopped`] when the hub has ended.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Desk) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        self.ask_at(move |desk, _| question(desk)).await
    }

    /// The same, with the position of the newest record that the desk has taken in.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn ask_at<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Desk, Pos) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (sender, receiver) = oneshot::channel();
        let question = move |desk: &Desk, head| drop(sender.send(question(desk, head)));
        self.requests
            .send(Request::Ask(Box::new(question)))
            .await
            .map_err(|_| Stopped)?;
        receiver.await.map_err(|_| Stopped)
    }

    /// Subscribes to the records that `viewer` may see.
    #[must_use]
    pub fn subscribe(&self, viewer: Viewer) -> Subscription {
        self.publisher.subscribe(viewer)
    }

    /// The fan-out, for ephemeral frames.
    #[must_use]
    pub const fn publisher(&self) -> &Arc<Publisher> {
        &self.publisher
    }

    /// The store, to read the past.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The time: never goes back, whatever the wall clock does.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.store.now()
    }

    /// How the loop is, and changes of that.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// What the store takes, and changes of that.
    #[must_use]
    pub fn storage(&self) -> watch::Receiver<Storage> {
        self.storage.clone()
    }

    /// When the assistant owes its next answer, and changes of what it owes: told after every
    /// commit while there is anything, so that nobody has to ask again and again.
    #[must_use]
    pub fn jobs(&self) -> watch::Receiver<Option<Timestamp>> {
        self.jobs.clone()
    }

    /// Has the desk written down, so that a start need not read the whole log.
    ///
    /// # Errors
    /// [`Stopped`] when the hub has ended or its store is not well.
    pub async fn write_down(&self) -> Result<(), Stopped> {
        let (sender, receiver) = oneshot::channel();
        let sent = self.requests.send(Request::WriteDown(sender)).await;
        sent.map_err(|_| Stopped)?;
        receiver.await.map_err(|_| Stopped)
    }

    /// Ends the loop after what waits has been done, and waits for the end.
    pub async fn stop(&self) {
        let mut health = self.health();
        if self.requests.send(Request::Stop).await.is_ok() {
            drop(
                health
                    .wait_for(|now| matches!(now, Health::Ended { .. }))
                    .await,
            );
        }
    }
}

/// Ends the process when its thread panics: a hub whose loop is gone must not look alive, and
/// what was acknowledged is on disk. Its supervisor starts it anew.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("the hub's loop panicked");
            process::abort();
        }
    }
}

/// The partition that this hub runs: today there is one.
pub const PART: Part = Part::MAIN;

/// Tells two commands with one id apart. Internal commands have no JSON; they are made by this
/// version of the program only, so their debug form will do.
fn fingerprint(command: &Command) -> [u8; 16] {
    let body = serde_json::to_vec(command).unwrap_or_else(|_| format!("{command:?}").into_bytes());
    let digest = Sha256::digest(&body);
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    short
}

impl From<Stopped> for SubmitError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<Stopped> for io::Error {
    fn from(stopped: Stopped) -> Self {
        Self::other(stopped)
    }
}
