//! The loop of one partition: wait, decide, commit, then answer and publish.
//!
//! Whatever waits when the loop comes round goes into one transaction; nothing ever waits for a
//! timer to fill a batch. When a commit fails or its fate is unknown, the desk in memory is
//! dropped, loaded from the store, and the same commands are decided again: their ids make that
//! harmless.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use shared::{
    command::Command,
    frame::HubFrame,
    id::{CommandId, Pos},
    model::Storage,
    time::Timestamp,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    desk::{Desk, Who},
    failpoint::Point,
    store::{Commit, Hash, SETTLE_RECORDS_MAX, Store, StoreError, TAIL_RECORDS_MAX},
};

use super::{
    Health, PART, Question, Request, Submission, SubmitError,
    draft::{Draft, Nonces},
    index::keep_indexed,
    places::{Places, encode, tell_presence},
    publish::{Published, Publisher, wake},
    room::Room,
};

/// Most requests of one batch.
const BATCH_REQUESTS_MAX: usize = 512;
/// Records after which the desk is written down again, so that a start reads few of them.
const SNAPSHOT_EVERY_RECORDS: u64 = 10_000;
/// Version of the stored form of [`Desk`]: JSON behind its SHA-256, since nothing below this
/// notices a byte that has changed.
pub const SNAPSHOT_VERSION: u32 = 2;
/// Records of the log that are read at once at start.
const REPLAY_RECORDS: usize = 4_096;
/// Quiet time after which waiting indexes are written.
const SETTLE_AFTER: Duration = Duration::from_millis(50);
/// How often the same commands are decided anew before the store counts as failed.
const ATTEMPTS_MAX: u32 = 3;
/// Failed tries to reopen a store before the hub gives up; a full disk is waited for.
const REOPEN_TRIES_MAX: u32 = 3;
/// First and longest wait between such tries.
const REOPEN_WAIT_MIN: Duration = Duration::from_secs(1);
const REOPEN_WAIT_MAX: Duration = Duration::from_secs(30);

/// What one try of a transaction came to.
enum Attempt {
    /// It is durable, or there was nothing to write.
    Done(Draft),
    /// Its outcome was unknown and is resolved: decided again, what is there is a repeat.
    Again,
    /// Something that it rests on has changed.
    Conflict,
}

/// What is told to whoever watches the loop.
pub(super) struct Told {
    pub(super) health: watch::Sender<Health>,
    pub(super) storage: watch::Sender<Storage>,
    pub(super) jobs: watch::Sender<Option<Timestamp>>,
}

/// The state of the loop.
pub(super) struct Partition {
    pub(super) store: Store,
    pub(super) desk: Desk,
    pub(super) head: Pos,
    pub(super) hash: Hash,
    snapshot_at: Pos,
    publisher: Arc<Publisher>,
    told: Told,
    pub(super) places: Places,
    pub(super) room: Room,
    pub(super) nonces: Nonces,
    /// The desk may differ from what the store has.
    pub(super) unsure: bool,
    unsettled: usize,
    settle_at: Option<Instant>,
}

impl Partition {
    /// Loads the desk: the newest snapshot, then the records after it.
    pub(super) async fn load(
        store: Store,
        publisher: Arc<Publisher>,
        told: Told,
    ) -> Result<Self, StoreError> {
        let mut partition = Self {
            store,
            desk: Desk::default(),
            head: Pos(0),
            hash: Hash::START,
            snapshot_at: Pos(0),
            publisher,
            told,
            places: Places::new(),
            room: Room::new(),
            nonces: Nonces::default(),
            unsure: false,
            unsettled: TAIL_RECORDS_MAX,
            settle_at: None,
        };
        partition.reload().await?;
        let scopes = partition.desk.open_scopes();
        partition.publisher.start(partition.head, scopes);
        partition.tell_jobs(false);
        Ok(partition)
    }

    /// Runs until told to stop, or until the store has failed for good.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let stop = CancellationToken::new();
        let indexing = tokio::spawn(keep_indexed(self.store.clone(), stop.clone()));
        let failed = !self.start_up(&mut requests).await || self.serve(&mut requests).await;
        if !failed {
            self.snapshot().await;
        }
        requests.close();
        while let Some(request) = requests.recv().await {
            if let Request::Submit(submission) = request {
                (submission.reply)(Err(SubmitError::Stopped));
            }
        }
        stop.cancel();
        if let Err(error) = indexing.await {
            tracing::error!(%error, "indexing ended early");
        }
        // The store is let go of before the end is told: whoever waits may open it again.
        let Self { store, told, .. } = self;
        drop(store);
        told.health.send_replace(Health::Ended { failed });
    }

    /// Does what is asked and what falls due. Whether the store failed in the end.
    async fn serve(&mut self, requests: &mut mpsc::Receiver<Request>) -> bool {
        let mut batch = Vec::new();
        loop {
            let wake_at = self.wake_at();
            tokio::select! {
                biased;
                count = requests.recv_many(&mut batch, BATCH_REQUESTS_MAX) => {
                    if count == 0 {
                        return false;
                    }
                }
                () = sleep_until(wake_at.unwrap_or_else(far_future)), if wake_at.is_some() => {}
            }
            let stop = batch.iter().any(|request| matches!(request, Request::Stop));
            let mut questions = Vec::new();
            let mut commands = Vec::new();
            let mut write_down = Vec::new();
            for request in batch.drain(..) {
                match request {
                    Request::Submit(submission) => commands.push(*submission),
                    Request::Ask(question) => questions.push(question),
                    Request::WriteDown(done) => write_down.push(done),
                    Request::Stop => {}
                }
            }
            let done = self.turn(commands).await;
            for question in questions {
                self.answer(question);
            }
            if done.is_err() && (stop || !self.heal(requests).await) {
                return true;
            }
            if stop {
                return false;
            }
            for done in write_down {
                self.snapshot().await;
                if done.send(()).is_err() {
                    tracing::debug!("nobody waits for the desk to be written down");
                }
            }
            self.housekeeping(requests.is_empty()).await;
            // Indexes, words and snapshots are written beside the batches, and fail there too.
            if !self.store.writable() && !self.heal(requests).await {
                return true;
            }
            self.tell_storage(self.room.storage());
        }
    }

    /// Everyone who was at work when the hub went down gets a fresh grace to come back. False
    /// when the store failed for good.
    async fn start_up(&mut self, requests: &mut mpsc::Receiver<Request>) -> bool {
        loop {
            let submission = Submission {
                who: Who::System("start"),
                cid: CommandId::random(),
                fingerprint: [0; 16],
                command: Command::StartHub,
                companion: None,
                reply: Box::new(drop),
            };
            if self.turn(vec![submission]).await.is_ok() {
                return true;
            }
            if !self.heal(requests).await {
                return false;
            }
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let now = self.store.now();
        let deadline = self.desk.next_deadline();
        let deadline = deadline.map(|at| Instant::now() + at.since(now));
        // An idle hub looks at its disk too.
        [
            deadline,
            self.places.due(),
            self.settle_at,
            Some(self.room.due()),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Decides `commands`, commits what they give, then answers and publishes. Whatever happens,
    /// every command is answered.
    async fn turn(&mut self, mut commands: Vec<Submission>) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS_MAX {
            match self.attempt(&commands).await {
                Ok(Attempt::Done(draft)) => {
                    self.finish(commands, draft);
                    return Ok(());
                }
                Ok(Attempt::Again) => {}
                Ok(Attempt::Conflict) if commands.len() > 1 => {
                    while !commands.is_empty() {
                        let one = commands.remove(0);
                        if let Err(error) = Box::pin(self.turn(vec![one])).await {
                            fail(commands, &SubmitError::Storage);
                            return Err(error);
                        }
                    }
                    return Ok(());
                }
                Ok(Attempt::Conflict) => {
                    fail(commands, &SubmitError::Conflict);
                    return Ok(());
                }
                Err(error) => return self.give_up(commands, error).await,
            }
        }
        let error = io::Error::other("the outcome of a commit stays unknown").into();
        self.give_up(commands, error).await
    }

    /// Decides and commits once. Unless it is done, the desk is as the store has it.
    async fn attempt(&mut self, commands: &[Submission]) -> Result<Attempt, StoreError> {
        let draft = self.draft(commands).await?;
        if draft.records.is_empty() && draft.kv.is_empty() {
            return Ok(Attempt::Done(draft));
        }
        Point::BeforeCommit.reach();
        match self.commit(&draft).await? {
            Commit::Done { .. } => Ok(Attempt::Done(draft)),
            Commit::Conflict => {
                self.reload().await?;
                Ok(Attempt::Conflict)
            }
            Commit::Unknown => {
                self.store.reopen().await?;
                self.reload().await?;
                self.catch_up().await?;
                Ok(Attempt::Again)
            }
        }
    }

    /// Answers everyone that the store failed, and forgets what was decided.
    async fn give_up(
        &mut self,
        commands: Vec<Submission>,
        error: StoreError,
    ) -> Result<(), StoreError> {
        tracing::error!(%error, "commit failed");
        let answer = match error {
            StoreError::Full => SubmitError::StorageFull,
            _ if self.store.is_full() => SubmitError::StorageFull,
            _ => SubmitError::Storage,
        };
        fail(commands, &answer);
        if let Err(error) = self.reload().await {
            tracing::error!(%error, "the log cannot be read either");
        }
        Err(error)
    }

    async fn commit(&self, draft: &Draft) -> Result<Commit, StoreError> {
        let before = draft
            .records
            .first()
            .map_or(self.head, |first| Pos(first.pos.0 - 1));
        let turn = self.store.turn(PART, before).await?;
        turn.commit(&draft.records, &draft.kv).await
    }

    /// Publishes what was committed and answers; both reach a socket before it is woken.
    fn finish(&mut self, commands: Vec<Submission>, draft: Draft) {
        Point::AfterCommit.reach();
        self.unsure = false;
        let touched_nothing = draft.records.is_empty();
        if !touched_nothing {
            self.unsettled += draft.records.len();
            self.settle_at = Some(Instant::now() + SETTLE_AFTER);
        }
        let touched = self.publisher.publish(draft.published);
        for (submission, answer) in commands.into_iter().zip(draft.answers) {
            (submission.reply)(answer);
        }
        Point::BeforeFanOut.reach();
        wake(&touched);
        self.tell_jobs(!touched_nothing);
        for agent in draft.agents {
            self.places.note_agent(agent);
            tell_presence(&self.desk, &self.publisher, agent);
        }
    }

    /// Wakes the assistant, unless it owed nothing and owes nothing. Its own questions are turns
    /// too, so that one that changed nothing must not wake it.
    fn tell_jobs(&self, changed: bool) {
        let next = self.desk.next_job();
        self.told.jobs.send_if_modified(|told| {
            let modified = *told != next || (changed && next.is_some());
            *told = next;
            modified
        });
    }

    /// Answers from committed state. A desk that could not be loaded anew knows nothing that may
    /// be told: who asked hears that the hub is not there.
    fn answer(&self, question: Question) {
        if !self.unsure {
            question(&self.desk, self.head);
        }
    }

    async fn housekeeping(&mut self, idle: bool) {
        let now = Instant::now();
        self.places.tell(&self.desk, &self.publisher);
        let due = self.settle_at.is_some_and(|at| at <= now);
        if (due && idle) || self.unsettled >= TAIL_RECORDS_MAX {
            self.settle().await;
        }
        if self.head.0 - self.snapshot_at.0 >= SNAPSHOT_EVERY_RECORDS {
            self.snapshot().await;
        }
    }

    async fn settle(&mut self) {
        match self
            .store
            .settle(PART, SETTLE_RECORDS_MAX, self.store.now())
            .await
        {
            Ok(settled) => {
                self.unsettled = settled.left;
                self.settle_at = (settled.left > 0).then(Instant::now);
            }
            Err(error) => {
                tracing::warn!(%error, "indexes could not be written; they stay in memory");
                self.settle_at = Some(Instant::now() + Duration::from_secs(30));
            }
        }
    }

    async fn snapshot(&mut self) {
        let Ok(bytes) = serde_json::to_vec(&self.desk) else {
            tracing::error!("the desk has no JSON form");
            return;
        };
        let put = self
            .store
            .snapshot_put(PART, SNAPSHOT_VERSION, self.head, self.hash, sealed(&bytes))
            .await;
        match put {
            Ok(()) => self.snapshot_at = self.head,
            Err(error) => tracing::warn!(%error, "the desk could not be written down"),
        }
    }

    /// Reads the desk from the store: the newest snapshot, then the records after it.
    async fn reload(&mut self) -> Result<(), StoreError> {
        self.unsure = true;
        (self.desk, self.head, self.hash) =
            match self.store.snapshot_get(PART, SNAPSHOT_VERSION).await? {
                Some((pos, hash, bytes)) => match written_desk(&bytes) {
                    Some(desk) => (desk, pos, hash),
                    None => {
                        tracing::warn!("the written desk cannot be read; reading the whole log");
                        (Desk::default(), Pos(0), Hash::START)
                    }
                },
                None => (Desk::default(), Pos(0), Hash::START),
            };
        self.snapshot_at = self.head;
        loop {
            let records = self.store.read(PART, self.head, REPLAY_RECORDS).await?;
            let Some(newest) = records.last() else {
                self.unsure = false;
                return Ok(());
            };
            (self.head, self.hash) = (newest.pos, newest.hash);
            for stored in &records {
                self.desk.apply(&stored.record()?);
            }
        }
    }

    /// Publishes what turned out to be in the log although its commit failed.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        loop {
            let seen = self.publisher.head();
            let records = self.store.read(PART, seen, REPLAY_RECORDS).await?;
            if records.is_empty() {
                return Ok(());
            }
            let mut missed = Vec::with_capacity(records.len());
            for stored in &records {
                let record = stored.record()?;
                self.places.note(&record, &stored.scope);
                missed.push(Published::of(stored, &record.event, self.store.lineage()));
            }
            wake(&self.publisher.publish(missed));
        }
    }

    /// Says what the store takes to all staff, when it is something else than before.
    fn tell_storage(&self, state: Storage) {
        let changed = self.told.storage.send_if_modified(|told| {
            let modified = *told != state;
            *told = state;
            modified
        });
        if changed {
            self.publisher
                .whisper_all_staff(&encode(&HubFrame::Storage { state }));
        }
    }

    /// Only reads until the store is open again. False when it stays shut.
    async fn heal(&mut self, requests: &mut mpsc::Receiver<Request>) -> bool {
        self.told.health.send_replace(Health::Degraded);
        self.tell_storage(match self.store.is_full() {
            true => Storage::Full,
            false => Storage::Degraded,
        });
        let mut wait = REOPEN_WAIT_MIN;
        let mut failures = 0;
        while failures < REOPEN_TRIES_MAX {
            if !self.only_read(requests, Instant::now() + wait).await {
                return false;
            }
            let reopened = match self.store.reopen().await {
                Ok(()) => match self.reload().await {
                    Ok(()) => self.catch_up().await,
                    Err(error) => Err(error),
                },
                Err(error) => Err(error),
            };
            match reopened {
                Ok(()) => {
                    self.tell_jobs(true);
                    tracing::info!("the store is open again");
                    self.settle_at = Some(Instant::now() + SETTLE_AFTER);
                    self.told.health.send_replace(Health::Well);
                    self.tell_storage(self.room.storage());
                    return true;
                }
                Err(StoreError::Full) => tracing::warn!("the disk is still full"),
                Err(error) => {
                    failures += 1;
                    tracing::error!(%error, failures, "the store stays shut");
                }
            }
            wait = (wait * 2).min(REOPEN_WAIT_MAX);
        }
        false
    }

    /// Answers questions and refuses commands until `until`. False when told to stop.
    async fn only_read(&mut self, requests: &mut mpsc::Receiver<Request>, until: Instant) -> bool {
        loop {
            tokio::select! {
                biased;
                () = sleep_until(until) => return true,
                request = requests.recv() => match request {
                    Some(Request::Submit(submission)) => {
                        (submission.reply)(Err(SubmitError::Degraded));
                    }
                    Some(Request::Ask(question)) => self.answer(question),
                    Some(Request::WriteDown(_)) => {}
                    Some(Request::Stop) | None => return false,
                },
            }
        }
    }
}

/// Bytes behind their digest.
fn sealed(bytes: &[u8]) -> Bytes {
    [&Sha256::digest(bytes)[..], bytes].concat().into()
}

/// The desk of a snapshot of [`SNAPSHOT_VERSION`]; none when it is not what was written.
#[must_use]
pub fn written_desk(bytes: &[u8]) -> Option<Desk> {
    let (digest, bytes) = bytes.split_at_checked(32)?;
    let whole = Sha256::digest(bytes)[..] == *digest;
    whole.then(|| serde_json::from_slice(bytes).ok())?
}

fn fail(commands: Vec<Submission>, error: &SubmitError) {
    for submission in commands {
        (submission.reply)(Err(error.clone()));
    }
}

fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}
