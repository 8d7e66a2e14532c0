//! The loop that starts what is due: one task per chat, each with the lease that the desk gave.
//!
//! It sleeps until a commit, a time that the desk named, the end of a task or new knowledge wakes
//! it. What cannot be started is left alone until something about it has changed; the desk's own
//! deadline gives it to a person then.

use std::{
    collections::{BTreeSet, HashMap},
    panic::AssertUnwindSafe,
    time::Duration,
};

use futures_util::FutureExt as _;
use shared::{
    assistant::Turn,
    command::Command,
    id::{ChatId, CommandId, Epoch, Seq},
    time::Timestamp,
};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Assistant, find::internal};
use crate::{
    desk::{Desk, Rejection, Who, assistant::Job},
    failpoint::Point,
    hub::{Stopped, SubmitError},
};

/// Turns beside those that a model may be at or may be waiting for.
const TURNS_BESIDE: usize = 16;
/// First wait before a command is tried again.
const RETRY_FIRST: Duration = Duration::from_millis(50);
/// Longest such wait.
const RETRY_MAX: Duration = Duration::from_secs(1);

/// A message that waits, as the desk named it.
type Key = (ChatId, Epoch, Seq);

/// How a task ended.
enum Ended {
    /// The desk took what was found, or has no use for it any more.
    Done,
    /// It could not be started, or its end not be told.
    Stuck(Key),
}

/// See the module.
pub(super) struct Runner {
    assistant: Assistant,
    turns: JoinSet<Ended>,
    /// What is at work, by task.
    at_work: HashMap<Id, Key>,
    /// What could not be started and has not changed since.
    stuck: BTreeSet<Key>,
    stop: CancellationToken,
}

impl Runner {
    pub(super) fn new(assistant: Assistant, stop: CancellationToken) -> Self {
        Self {
            assistant,
            turns: JoinSet::new(),
            at_work: HashMap::new(),
            stuck: BTreeSet::new(),
            stop,
        }
    }

    /// Starts what is due until the stop, then waits for what is at work.
    pub(super) async fn run(mut self) {
        let mut owed = self.assistant.hub().jobs();
        let stop = self.stop.clone();
        loop {
            let next = *owed.borrow_and_update();
            let now = self.assistant.hub().now();
            let wake_at = match next {
                Some(at) if at > now => Some(Instant::now() + at.since(now)),
                // A desk that could not be read answers nothing, and comes back with its store;
                // the end of the hub is the end of what it owes.
                Some(_) => match self.look(now).await {
                    Ok(wake_at) => wake_at,
                    Err(Stopped) => Some(Instant::now() + RETRY_MAX),
                },
                None => None,
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                changed = owed.changed() => if changed.is_err() {
                    break;
                },
                Some(ended) = self.turns.join_next_with_id() => self.end(ended),
                () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {}
            }
        }
        while let Some(ended) = self.turns.join_next_with_id().await {
            self.end(ended);
        }
    }

    /// Starts what is due as far as there is room, and says when the next will be.
    async fn look(&mut self, now: Timestamp) -> Result<Option<Instant>, Stopped> {
        let hub = self.assistant.hub();
        let known = self.at_work.len() + self.stuck.len();
        let question = move |desk: &Desk| {
            let settings = desk.assistant();
            let model =
                usize::from(settings.provider_concurrency) + usize::from(settings.provider_queue);
            let room = model + TURNS_BESIDE;
            (room, desk.jobs(now, room + known), desk.next_job_after(now))
        };
        self.assistant.count_look();
        let (room, jobs, next) = hub.ask(question).await?;
        let due: BTreeSet<Key> = jobs.iter().map(key).collect();
        self.stuck.retain(|key| due.contains(key));
        for job in jobs {
            let busy = self.at_work.values().any(|(chat, ..)| *chat == job.chat);
            if !busy && !self.stuck.contains(&key(&job)) && self.at_work.len() < room {
                self.start(job);
            }
        }
        Ok(next.map(|at| Instant::now() + at.since(now)))
    }

    fn start(&mut self, job: Job) {
        let key = key(&job);
        let worker = Worker {
            assistant: self.assistant.clone(),
            stop: self.stop.clone(),
        };
        let task = self.turns.spawn(worker.work(job));
        self.at_work.insert(task.id(), key);
    }

    fn end(&mut self, ended: Result<(Id, Ended), JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let began_with = self.at_work.remove(&id);
        match ended {
            Ok((_, Ended::Done)) => {}
            Ok((_, Ended::Stuck(key))) => {
                self.stuck.insert(key);
            }
            Err(error) => {
                tracing::error!(%error, "a turn of the assistant ended early");
                self.stuck.extend(began_with);
            }
        }
    }
}

const fn key(job: &Job) -> Key {
    (job.chat, job.epoch, job.seq)
}

/// Answers one chat.
struct Worker {
    assistant: Assistant,
    stop: CancellationToken,
}

impl Worker {
    /// Starts, finds and tells; again when the customer wrote meanwhile.
    async fn work(self, mut job: Job) -> Ended {
        loop {
            Point::BeforeStart.reach();
            let start = Command::StartTurn {
                chat: job.chat,
                epoch: job.epoch,
                seq: job.seq,
            };
            match self.submit(&job, start).await {
                Ok(()) => Point::AfterStart.reach(),
                Err(SubmitError::Rejected(Rejection::Overtaken { .. })) => {
                    match self.newer(&job).await {
                        Some(newer) => {
                            job = newer;
                            continue;
                        }
                        None => return Ended::Stuck(key(&job)),
                    }
                }
                Err(SubmitError::Rejected(_)) => return Ended::Done,
                Err(_) => return Ended::Stuck(key(&job)),
            }
            let Ok(turn) = self.found(&job).await else {
                return Ended::Stuck(key(&job));
            };
            Point::AfterAnswer.reach();
            match self.finish(&job, turn).await {
                Ok(()) => return Ended::Done,
                Err(SubmitError::Rejected(Rejection::Overtaken { .. })) => {
                    match self.newer(&job).await {
                        Some(newer) => job = newer,
                        None => return Ended::Done,
                    }
                }
                Err(SubmitError::Rejected(_)) => return Ended::Done,
                Err(_) => return Ended::Stuck(key(&job)),
            }
        }
    }

    /// What is said; whatever goes wrong, a person then.
    async fn found(&self, job: &Job) -> Result<Turn, Stopped> {
        let found = AssertUnwindSafe(self.assistant.find(job, &self.stop)).catch_unwind();
        match found.await {
            Ok(turn) => turn,
            Err(_) => {
                tracing::error!(chat = %job.chat, "a turn of the assistant panicked");
                Ok(internal(job.seq, "the search for an answer failed"))
            }
        }
    }

    /// Tells what was found. What the desk cannot take as it is goes to a person.
    async fn finish(&self, job: &Job, turn: Turn) -> Result<(), SubmitError> {
        Point::BeforeFinish.reach();
        let told = self.tell(job, turn).await;
        let told = match told {
            Err(SubmitError::Rejected(rejection)) if is_stale(&rejection) => {
                if !matches!(rejection, Rejection::Overtaken { .. }) {
                    self.assistant.count_stale();
                }
                return Err(SubmitError::Rejected(rejection));
            }
            Err(SubmitError::Rejected(rejection)) => {
                tracing::error!(chat = %job.chat, %rejection, "an answer cannot be said");
                self.tell(job, internal(job.seq, "the answer could not be said"))
                    .await
            }
            told => told,
        };
        Point::AfterFinish.reach();
        told
    }

    async fn tell(&self, job: &Job, turn: Turn) -> Result<(), SubmitError> {
        let finish = Command::FinishTurn {
            chat: job.chat,
            epoch: job.epoch,
            seq: job.seq,
            turn,
        };
        self.submit(job, finish).await
    }

    /// Submits until it is decided, the time of the job is over or the hub stops.
    async fn submit(&self, job: &Job, command: Command) -> Result<(), SubmitError> {
        let hub = self.assistant.hub();
        let cid = CommandId::random();
        let mut wait = RETRY_FIRST;
        loop {
            let who = Who::System("assistant");
            let done = hub.submit(who, cid.clone(), command.clone()).await;
            match done {
                Ok(_) => return Ok(()),
                Err(error @ (SubmitError::Rejected(_) | SubmitError::Stopped)) => {
                    return Err(error);
                }
                Err(error) if hub.now() >= job.answer_by => return Err(error),
                Err(error) => {
                    tracing::debug!(chat = %job.chat, %error, "the assistant tries again");
                }
            }
            sleep(wait).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    /// What waits in the chat now, when that is newer and still for the same hands.
    async fn newer(&self, job: &Job) -> Option<Job> {
        let chat = job.chat;
        let found = self.assistant.hub().ask(move |desk| desk.job(chat)).await;
        let newer = found.ok()??;
        (newer.epoch == job.epoch && newer.seq > job.seq).then_some(newer)
    }
}

/// Whether a rejection says that what was found is no use any more.
const fn is_stale(rejection: &Rejection) -> bool {
    matches!(
        rejection,
        Rejection::Overtaken { .. }
            | Rejection::ChangedHands { .. }
            | Rejection::WrongState { .. }
            | Rejection::Archived { .. }
            | Rejection::NoChat { .. }
            | Rejection::ChatClosed { .. }
    )
}
