//! The loop of one partition: wait, decide, commit, then answer and publish.
//!
//! Whatever waits when the loop comes round goes into one transaction; nothing ever waits for a
//! timer to fill a batch. When a commit fails or its fate is unknown, the desk in memory is
//! dropped, loaded from the store, and the same commands are decided again: their ids make that
//! harmless.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use shared::{
    command::Command,
    event::Event,
    frame::HubFrame,
    id::{ChatId, CommandId, DepartmentId, Pos},
    record::Record,
    time::Timestamp,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use crate::{
    desk::{Desk, NewRecord, Who, chat_scope},
    store::{
        Commit, Hash, KvWrite, Mark, SETTLE_RECORDS_MAX, Store, StoreError, StoredRecord,
        TAIL_RECORDS_MAX,
    },
};

use super::{
    Answer, Health, Outcome, PART, Question, Request, Submission, SubmitError,
    publish::{Published, Publisher, wake},
};

/// Most requests of one batch.
const BATCH_REQUESTS_MAX: usize = 512;
/// Records after which the desk is written down again, so that a start reads few of them.
const SNAPSHOT_EVERY_RECORDS: u64 = 10_000;
/// Version of the stored form of [`Desk`].
const SNAPSHOT_VERSION: u32 = 1;
/// Records of the log that are read at once at start.
const REPLAY_RECORDS: usize = 4_096;
/// Quiet time after which waiting indexes are written.
const SETTLE_AFTER: Duration = Duration::from_millis(50);
/// How often a client may be told a new place in the queue.
const PLACES_EVERY: Duration = Duration::from_secs(1);
/// How often the same commands are decided anew before the store counts as failed.
const ATTEMPTS_MAX: u32 = 3;
/// Failed tries to reopen a store before the hub gives up; a full disk is waited for.
const REOPEN_TRIES_MAX: u32 = 3;
/// First and longest wait between such tries.
const REOPEN_WAIT_MIN: Duration = Duration::from_secs(1);
const REOPEN_WAIT_MAX: Duration = Duration::from_secs(30);

/// The state of the loop.
pub(super) struct Partition {
    store: Store,
    desk: Desk,
    head: Pos,
    hash: Hash,
    snapshot_at: Pos,
    publisher: Arc<Publisher>,
    health: watch::Sender<Health>,
    places: Places,
    unsettled: usize,
    settle_at: Option<Instant>,
}

/// Places in queues as the customers were last told.
#[derive(Default)]
struct Places {
    told: HashMap<ChatId, u32>,
    changed: BTreeSet<DepartmentId>,
    due: Option<Instant>,
}

/// What a batch of commands would do, before it is committed.
#[derive(Default)]
struct Draft {
    records: Vec<StoredRecord>,
    published: Vec<Published>,
    kv: Vec<KvWrite>,
    answers: Vec<Answer>,
    done: BTreeMap<(u64, CommandId), (Outcome, [u8; 16])>,
}

impl Partition {
    /// Loads the desk: the newest snapshot, then the records after it.
    pub(super) async fn load(
        store: Store,
        publisher: Arc<Publisher>,
        health: watch::Sender<Health>,
    ) -> Result<Self, StoreError> {
        let mut partition = Self {
            store,
            desk: Desk::default(),
            head: Pos(0),
            hash: Hash::START,
            snapshot_at: Pos(0),
            publisher,
            health,
            places: Places::default(),
            unsettled: TAIL_RECORDS_MAX,
            settle_at: None,
        };
        partition.reload().await?;
        partition.announce();
        Ok(partition)
    }

    /// Runs until told to stop, or until the store has failed for good.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut batch = Vec::new();
        self.start_up().await;
        let failed = loop {
            let wake_at = self.wake_at();
            tokio::select! {
                biased;
                count = requests.recv_many(&mut batch, BATCH_REQUESTS_MAX) => {
                    if count == 0 {
                        break false;
                    }
                }
                () = sleep_until(wake_at.unwrap_or_else(far_future)), if wake_at.is_some() => {}
            }
            let stop = batch.iter().any(|request| matches!(request, Request::Stop));
            let mut questions = Vec::new();
            let mut commands = Vec::new();
            for request in batch.drain(..) {
                match request {
                    Request::Submit(submission) => commands.push(*submission),
                    Request::Ask(question) => questions.push(question),
                    Request::Stop => {}
                }
            }
            if self.turn(commands).await.is_err() && !self.heal(&mut requests).await {
                break true;
            }
            self.answer(questions);
            self.housekeeping(requests.is_empty()).await;
            if stop {
                break false;
            }
        };
        if !failed {
            self.snapshot().await;
        }
        // The store is let go of before the end is told: whoever waits may open it again.
        let Self { store, health, .. } = self;
        drop(store);
        health.send_replace(Health::Ended { failed });
    }

    /// Everyone who was at work when the hub went down gets a fresh grace to come back.
    async fn start_up(&mut self) {
        let submission = Submission {
            who: Who::System("start"),
            cid: CommandId::random(),
            fingerprint: [0; 16],
            command: Command::StartHub,
            companion: None,
            reply: Box::new(drop),
        };
        if self.turn(vec![submission]).await.is_err() {
            tracing::error!("the store failed at start");
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let now = self.store.now();
        let deadline = self.desk.next_deadline();
        let deadline = deadline.map(|at| Instant::now() + at.since(now));
        [deadline, self.places.due, self.settle_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Decides `commands`, commits what they give, then answers and publishes.
    async fn turn(&mut self, commands: Vec<Submission>) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS_MAX {
            let draft = self.draft(&commands).await?;
            if draft.records.is_empty() && draft.kv.is_empty() {
                return self.finish(commands, draft);
            }
            match self.commit(&draft).await {
                Ok(Commit::Done { .. }) => return self.finish(commands, draft),
                Ok(Commit::Conflict) if commands.len() > 1 => {
                    self.reload().await?;
                    for one in commands {
                        Box::pin(self.turn(vec![one])).await?;
                    }
                    return Ok(());
                }
                Ok(Commit::Conflict) => {
                    self.reload().await?;
                    fail(commands, &SubmitError::Conflict);
                    return Ok(());
                }
                Ok(Commit::Unknown) => {
                    if let Err(error) = self.store.reopen().await {
                        return self.give_up(commands, error).await;
                    }
                    self.reload().await?;
                }
                Err(error) => return self.give_up(commands, error).await,
            }
        }
        let error = io::Error::other("the outcome of a commit stays unknown").into();
        self.give_up(commands, error).await
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

    /// Decides each command on the state the ones before it left, and what the desk owes then.
    async fn draft(&mut self, commands: &[Submission]) -> Result<Draft, StoreError> {
        let now = self.store.now();
        let mut draft = Draft::default();
        for submission in commands {
            let answer = match self.known(&draft, submission, now).await? {
                Some(answer) => answer,
                None => self.decide(&mut draft, submission, now),
            };
            draft.answers.push(answer);
            self.settle_debts(&mut draft, now);
        }
        if commands.is_empty() {
            self.settle_debts(&mut draft, now);
        }
        Ok(draft)
    }

    /// The answer to a command that was done before, in this batch or in the log.
    async fn known(
        &self,
        draft: &Draft,
        submission: &Submission,
        now: Timestamp,
    ) -> Result<Option<Answer>, StoreError> {
        let Some(principal) = principal(&submission.who) else {
            return Ok(None);
        };
        let key = (principal, submission.cid.clone());
        let (outcome, fingerprint, at) = if let Some((outcome, fingerprint)) = draft.done.get(&key)
        {
            (*outcome, *fingerprint, now)
        } else if let Some(done) = self.store.result(PART, principal, &key.1).await? {
            let outcome = Outcome {
                pos: done.pos,
                chat: done.chat,
                seq: done.seq,
                dup: true,
            };
            (outcome, done.fingerprint, self.time_of(done.pos).await?)
        } else {
            return Ok(None);
        };
        let expired = principal == ANONYMOUS && now.since(at) > ANONYMOUS_REPEAT;
        if fingerprint != submission.fingerprint || expired {
            return Ok(Some(Err(SubmitError::CidConflict(key.1))));
        }
        Ok(Some(Ok(Outcome {
            dup: true,
            ..outcome
        })))
    }

    async fn time_of(&self, pos: Pos) -> Result<Timestamp, StoreError> {
        let found = self.store.read(PART, Pos(pos.0 - 1), 1).await?;
        Ok(found.first().map(|stored| stored.at).unwrap_or_default())
    }

    fn decide(&mut self, draft: &mut Draft, submission: &Submission, now: Timestamp) -> Answer {
        let given = self
            .desk
            .decide(&submission.who, &submission.command, now)
            .map_err(SubmitError::Rejected)?;
        if let Some(companion) = &submission.companion {
            draft.kv.extend(companion(&given));
        }
        let message = given
            .iter()
            .position(|one| matches!(one.event, Event::MessagePosted { .. }));
        let mut outcome = Outcome {
            pos: self.head,
            chat: None,
            seq: None,
            dup: false,
        };
        let last = given.len().saturating_sub(1);
        for (index, new) in given.into_iter().enumerate() {
            if message.is_none_or(|message| index <= message)
                && let Some(chat) = new.chat
            {
                outcome.seq = Some(self.desk.next_seq(chat));
            }
            outcome.pos = self.head.next();
            outcome.chat = outcome.chat.or(new.chat);
            let mark = principal(&submission.who)
                .filter(|_| index == last)
                .map(|principal| Mark {
                    principal,
                    cid: submission.cid.clone(),
                    fingerprint: submission.fingerprint,
                    seq: outcome.seq,
                });
            if let Some(mark) = &mark {
                let key = (mark.principal, mark.cid.clone());
                draft.done.insert(key, (outcome, mark.fingerprint));
            }
            self.append(draft, new, now, mark);
        }
        Ok(outcome)
    }

    /// Appends what the desk owes until it owes nothing more.
    fn settle_debts(&mut self, draft: &mut Draft, now: Timestamp) {
        loop {
            let owed = self.desk.due(now);
            if owed.is_empty() {
                return;
            }
            for new in owed {
                self.append(draft, new, now, None);
            }
        }
    }

    /// Gives a new record its place and time, takes it into the desk and puts it on its way.
    fn append(&mut self, draft: &mut Draft, new: NewRecord, now: Timestamp, mark: Option<Mark>) {
        let scope = self.desk.scope(&new);
        let record = Record {
            pos: self.head.next(),
            at: now,
            chat: new.chat,
            seq: new.chat.map(|chat| self.desk.next_seq(chat)),
            actor: new.actor,
            event: new.event,
        };
        let stored = StoredRecord::chain(&self.hash, &record, scope, mark, nonce());
        let about = match &record.event {
            Event::UserUpdated { user } => Some(user.id),
            Event::UserDeleted { user } => Some(*user),
            _ => None,
        };
        let before = about.and_then(|user| self.desk.viewer(&Who::User(user)));
        self.desk.apply(&record);
        let after = about.and_then(|user| self.desk.viewer(&Who::User(user)));
        self.head = record.pos;
        self.hash = stored.hash;
        self.places.note(&record, scope.department, scope.left);
        draft.published.push(Published {
            pos: record.pos,
            chat: record.chat,
            scope,
            closes: matches!(record.event, Event::ChatClosed {}),
            about: about.filter(|_| before != after),
            frame: stored.frame(self.store.lineage()),
        });
        draft.records.push(stored);
    }

    /// Publishes what was committed and answers; both reach a socket before it is woken.
    fn finish(&mut self, commands: Vec<Submission>, draft: Draft) -> Result<(), StoreError> {
        if !draft.records.is_empty() {
            self.unsettled += draft.records.len();
            self.settle_at = Some(Instant::now() + SETTLE_AFTER);
        }
        let touched = self.publisher.publish(draft.published);
        for (submission, answer) in commands.into_iter().zip(draft.answers) {
            (submission.reply)(answer);
        }
        wake(&touched);
        Ok(())
    }

    fn answer(&self, questions: Vec<Question>) {
        for question in questions {
            question(&self.desk, self.head);
        }
    }

    async fn housekeeping(&mut self, idle: bool) {
        let now = Instant::now();
        if self.places.due.is_none() && !self.places.changed.is_empty() {
            self.places.due = Some(now);
        }
        if self.places.due.is_some_and(|due| due <= now) {
            self.tell_places();
            self.places.due = None;
        }
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
            .snapshot_put(
                PART,
                SNAPSHOT_VERSION,
                self.head,
                self.hash,
                Bytes::from(bytes),
            )
            .await;
        match put {
            Ok(()) => self.snapshot_at = self.head,
            Err(error) => tracing::warn!(%error, "the desk could not be written down"),
        }
    }

    fn tell_places(&mut self) {
        for department in std::mem::take(&mut self.places.changed) {
            for (index, chat) in self.desk.queue(department).enumerate() {
                let place = u32::try_from(index + 1).unwrap_or(u32::MAX);
                if self.places.told.insert(chat.id, place) != Some(place) {
                    let frame = HubFrame::Queue {
                        chat: chat.id,
                        place,
                    };
                    if let Ok(frame) = serde_json::to_vec(&frame) {
                        self.publisher
                            .whisper_customer(chat.customer, &frame.into());
                    }
                }
            }
        }
        let desk = &self.desk;
        self.places
            .told
            .retain(|&chat, _| desk.place(chat).is_some());
        self.places.due = Some(Instant::now() + PLACES_EVERY);
    }

    /// Reads the desk from the store: the newest snapshot, then the records after it.
    async fn reload(&mut self) -> Result<(), StoreError> {
        (self.desk, self.head, self.hash) = match self
            .store
            .snapshot_get(PART, SNAPSHOT_VERSION)
            .await?
        {
            Some((pos, hash, bytes)) => match serde_json::from_slice(&bytes) {
                Ok(desk) => (desk, pos, hash),
                Err(error) => {
                    tracing::warn!(%error, "the written desk cannot be read; reading the whole log");
                    (Desk::default(), Pos(0), Hash::START)
                }
            },
            None => (Desk::default(), Pos(0), Hash::START),
        };
        self.snapshot_at = self.head;
        loop {
            let records = self.store.read(PART, self.head, REPLAY_RECORDS).await?;
            let Some(newest) = records.last() else {
                return Ok(());
            };
            (self.head, self.hash) = (newest.pos, newest.hash);
            for stored in &records {
                if !stored.is_redacted() {
                    self.desk.apply(&stored.record()?);
                }
            }
        }
    }

    fn announce(&self) {
        let scopes = self.desk.chats().map(|chat| (chat.id, chat_scope(chat)));
        self.publisher.start(self.head, scopes);
    }

    /// Only reads until the store is open again. False when it stays shut.
    async fn heal(&mut self, requests: &mut mpsc::Receiver<Request>) -> bool {
        self.health.send_replace(Health::Degraded);
        let mut wait = REOPEN_WAIT_MIN;
        let mut failures = 0;
        while failures < REOPEN_TRIES_MAX {
            if !self.only_read(requests, Instant::now() + wait).await {
                return false;
            }
            let reopened = match self.store.reopen().await {
                Ok(()) => self.reload().await,
                Err(error) => Err(error),
            };
            match reopened {
                Ok(()) => {
                    tracing::info!("the store is open again");
                    self.announce();
                    self.health.send_replace(Health::Well);
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
                request = requests.recv() => match request {
                    Some(Request::Submit(submission)) => {
                        (submission.reply)(Err(SubmitError::Degraded));
                    }
                    Some(Request::Ask(question)) => question(&self.desk, self.head),
                    Some(Request::Stop) | None => return false,
                },
                () = sleep_until(until) => return true,
            }
        }
    }
}

impl Places {
    /// Notes that the queues of the record's departments have changed.
    fn note(
        &mut self,
        record: &Record,
        department: Option<DepartmentId>,
        left: Option<DepartmentId>,
    ) {
        let moves = matches!(
            record.event,
            Event::ChatQueued { .. }
                | Event::ChatAssigned { .. }
                | Event::ChatTransferred { .. }
                | Event::ChatResolved { .. }
                | Event::ChatClosed {}
                | Event::Prioritised { .. }
        );
        if moves {
            self.changed.extend(department.into_iter().chain(left));
        }
    }
}

/// The principal of everyone without a token.
const ANONYMOUS: u64 = 0;
/// How long a repeated opening by someone without a token is the same opening.
const ANONYMOUS_REPEAT: Duration = Duration::from_secs(24 * 3600);

/// Whose command ids these are; none for the hub's own commands, which are never repeated.
const fn principal(who: &Who) -> Option<u64> {
    match who {
        Who::User(id) | Who::Customer { id, .. } => Some(id.0),
        Who::Anonymous => Some(ANONYMOUS),
        Who::System(_) => None,
    }
}

fn fail(commands: Vec<Submission>, error: &SubmitError) {
    for submission in commands {
        (submission.reply)(Err(error.clone()));
    }
}

fn nonce() -> [u8; 16] {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).expect("the operating system gives random bytes");
    nonce
}

fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}
