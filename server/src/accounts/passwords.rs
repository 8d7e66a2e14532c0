//! Password hashing: Argon2id on threads of its own, in one buffer a thread.
//!
//! A login storm costs a full queue and a clear answer, never the memory or the processors that
//! the chats need: unbounded blocking tasks took 5 GB where one thread takes its one buffer.
//! Deliberately absent: which passwords are allowed (`policy`), how often one may try
//! (`throttle`), what a hash costs and looks like (`phc`), and where it is kept.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Version};
use shared::machine;
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::accounts::phc::{Cost, CostError, Costs, Holder, OUTPUT_BYTES, Phc, SALT_BYTES};
use crate::accounts::secret::{Password, RandomError, random};

/// A buffer is given back after so long without a password: it is most of what an idle hub has.
const BUFFERS_KEPT: Duration = Duration::from_secs(10);

/// Passwords that may wait for a thread; one more is answered `Busy`.
pub const QUEUE_MAX: usize = 32;

/// A caller told to come back is never told to come back sooner than this.
const RETRY_AFTER_MS_MIN: u64 = 1_000;

/// What a check of a password found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The password is the right one.
    pub ok: bool,
    /// It is right, and its hash is weaker than configured: hash it again and store that.
    pub rehash: bool,
}

/// Why there is no hash or verdict.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HashError {
    /// The queue is full.
    #[error("too many sign-ins at once; try again in {retry_after_ms} ms")]
    Busy {
        /// About the time the queue takes to empty, in milliseconds.
        retry_after_ms: u64,
    },
    /// The hashing threads have ended.
    #[error("password hashing has stopped; restart the hub")]
    Stopped,
    /// No salt could be made.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The algorithm refused its input.
    #[error("the password could not be hashed ({0}); report this as a bug")]
    Failed(#[from] argon2::Error),
}

/// Why the hashing threads did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A configured cost is out of bounds.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// A thread could not be started.
    #[error("no thread for password hashing: {0}")]
    Thread(#[from] std::io::Error),
    /// No salt could be made.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// A handle on the hashing threads; they end with its last clone.
#[derive(Clone)]
pub struct PasswordHasher {
    jobs: SyncSender<Job>,
    shared: Arc<Shared>,
}

/// What handle and threads both know.
struct Shared {
    costs: Costs,
    threads: usize,
    queue: usize,
    /// Checked when there is no such user. Its output is random: no password gives it.
    dummy: Phc,
    /// Buffers that no thread works in: at most one for each.
    spare: Mutex<Vec<Vec<Block>>>,
    buffers_allocated: AtomicUsize,
    last_job_ms: AtomicU64,
}

struct Job {
    password: Password,
    work: Work,
}

enum Work {
    Hash {
        cost: Cost,
        reply: oneshot::Sender<Result<Phc, HashError>>,
    },
    Verify {
        stored: Phc,
        wanted: Cost,
        reply: oneshot::Sender<Result<Verdict, HashError>>,
    },
}

impl PasswordHasher {
    /// Starts `threads` threads (at least one), each of which takes memory for the dearest
    /// configured cost while there is work, and a queue of `queue` passwords before them.
    ///
    /// # Errors
    /// [`StartError::Cost`] when a cost is out of bounds, [`StartError::Thread`] when a thread
    /// could not be started, [`StartError::Random`] when the system has no randomness to give.
    pub fn start(costs: Costs, threads: usize, queue: usize) -> Result<Self, StartError> {
        let (hasher, workers) = Self::prepare(costs, threads, queue)?;
        // In a simulation nobody says a password, and a thread would not share its time.
        let workers = workers.into_iter().filter(|_| machine::has_threads());
        for (n, worker) in workers.enumerate() {
            thread::Builder::new()
                .name(format!("password-{n}"))
                .spawn(move || worker.run())?;
        }
        Ok(hasher)
    }

    /// One thread, or two where there are four processors or more: hashing may be slow, chats not.
    #[must_use]
    pub fn threads_default() -> usize {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        if processors >= 4 { 2 } else { 1 }
    }

    /// Hashes a new password with a new salt at the holder's cost.
    ///
    /// # Errors
    /// [`HashError::Busy`] at once when the queue is full; the others when something is broken.
    pub async fn hash(&self, password: Password, holder: Holder) -> Result<Phc, HashError> {
        let (reply, answer) = oneshot::channel();
        let cost = self.shared.costs.of(holder);
        self.submit(Job {
            password,
            work: Work::Hash { cost, reply },
        })?;
        answer.await.map_err(|_| HashError::Stopped)?
    }

    /// Checks a password. `stored` is `None` where there is no such user, or one who may not sign
    /// in: that takes as long as a wrong password and ends the same way. `holder` is whoever the
    /// asker claims to be, since it decides how long that is.
    ///
    /// # Errors
    /// [`HashError::Busy`] at once when the queue is full; the others when something is broken.
    pub async fn verify(
        &self,
        password: Password,
        holder: Holder,
        stored: Option<Phc>,
    ) -> Result<Verdict, HashError> {
        let (reply, answer) = oneshot::channel();
        let wanted = self.shared.costs.of(holder);
        let stored = stored.unwrap_or_else(|| Phc {
            cost: wanted,
            ..self.shared.dummy.clone()
        });
        self.submit(Job {
            password,
            work: Work::Verify {
                stored,
                wanted,
                reply,
            },
        })?;
        answer.await.map_err(|_| HashError::Stopped)?
    }

    /// Working buffers made since the start: one a thread after each idle time, and one for each
    /// check of a hash that is dearer than the configuration.
    #[must_use]
    pub fn buffers_allocated(&self) -> usize {
        self.shared.buffers_allocated.load(Ordering::Relaxed)
    }

    fn prepare(
        costs: Costs,
        threads: usize,
        queue: usize,
    ) -> Result<(Self, Vec<Worker>), StartError> {
        costs.staff.check()?;
        costs.customers.check()?;
        let mut dummy = Phc {
            cost: costs.staff,
            salt: [0; SALT_BYTES],
            output: [0; OUTPUT_BYTES],
        };
        random(&mut dummy.salt)?;
        random(&mut dummy.output)?;
        let threads = threads.max(1);
        let (jobs, queued) = sync_channel(queue);
        let queued = Arc::new(Mutex::new(queued));
        let shared = Arc::new(Shared {
            costs,
            threads,
            queue,
            dummy,
            spare: Mutex::default(),
            buffers_allocated: AtomicUsize::new(0),
            last_job_ms: AtomicU64::new(0),
        });
        let worker = || Worker {
            jobs: Arc::clone(&queued),
            shared: Arc::clone(&shared),
        };
        let workers = (0..threads).map(|_| worker()).collect();
        Ok((Self { jobs, shared }, workers))
    }

    fn submit(&self, job: Job) -> Result<(), HashError> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => HashError::Busy {
                retry_after_ms: self.retry_after_ms(),
            },
            TrySendError::Disconnected(_) => HashError::Stopped,
        })
    }

    fn retry_after_ms(&self) -> u64 {
        let waiting = u64::try_from(self.shared.queue / self.shared.threads).unwrap_or(u64::MAX);
        let each_ms = self.shared.last_job_ms.load(Ordering::Relaxed);
        waiting.saturating_mul(each_ms).max(RETRY_AFTER_MS_MIN)
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared {
            costs,
            threads,
            queue,
            ..
        } = self.shared.as_ref();
        let mut out = f.debug_struct("PasswordHasher");
        out.field("costs", costs)
            .field("threads", threads)
            .field("queue", queue);
        out.finish_non_exhaustive()
    }
}

struct Worker {
    jobs: Arc<Mutex<Receiver<Job>>>,
    shared: Arc<Shared>,
}

impl Worker {
    fn run(self) {
        while let Some(job) = self.next() {
            let started = Instant::now();
            self.work(job);
            let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.shared.last_job_ms.store(took_ms, Ordering::Relaxed);
        }
    }

    /// The next job anybody still waits for. The lock is held while waiting: one thread listens,
    /// the others stand behind it.
    fn next(&self) -> Option<Job> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let job = match jobs.recv_timeout(BUFFERS_KEPT) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => {
                    self.give_back();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return None,
            };
            let given_up = match &job.work {
                Work::Hash { reply, .. } => reply.is_closed(),
                Work::Verify { reply, .. } => reply.is_closed(),
            };
            if !given_up {
                return Some(job);
            }
        }
    }

    /// Nobody may be left to hear the answer: then it is dropped.
    fn work(&self, Job { password, work }: Job) {
        match work {
            Work::Hash { cost, reply } => drop(reply.send(self.hash(&password, cost))),
            Work::Verify {
                stored,
                wanted,
                reply,
            } => {
                let verdict = self
                    .argon2id(&password, stored.cost, &stored.salt)
                    .map(|output| {
                        let ok = bool::from(output.ct_eq(&stored.output));
                        Verdict {
                            ok,
                            rehash: ok && stored.cost.weaker_than(wanted),
                        }
                    });
                drop(reply.send(verdict));
            }
        }
    }

    fn hash(&self, password: &Password, cost: Cost) -> Result<Phc, HashError> {
        let mut salt = [0; SALT_BYTES];
        random(&mut salt)?;
        let output = *self.argon2id(password, cost, &salt)?;
        Ok(Phc { cost, salt, output })
    }

    fn argon2id(
        &self,
        password: &Password,
        cost: Cost,
        salt: &[u8; SALT_BYTES],
    ) -> Result<Zeroizing<[u8; OUTPUT_BYTES]>, HashError> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params()?);
        let mut output = Zeroizing::new([0; OUTPUT_BYTES]);
        let Costs { staff, customers } = self.shared.costs;
        let usual_kib = staff.memory_kib.max(customers.memory_kib);
        // A hash from dearer days is rare, so its memory is given back at once.
        let usual = cost.memory_kib <= usual_kib;
        let spare = if usual { self.spare().pop() } else { None };
        let mut blocks = spare.unwrap_or_else(|| self.allocate(cost.memory_kib.max(usual_kib)));
        let password = password.expose().as_bytes();
        argon2.hash_password_into_with_memory(password, salt, output.as_mut(), &mut blocks)?;
        if usual {
            self.spare().push(blocks);
        }
        Ok(output)
    }

    /// Lets go of the buffers: one of this size goes back to the system at once.
    fn give_back(&self) {
        self.spare().clear();
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        let spare = &self.shared.spare;
        spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn allocate(&self, memory_kib: u32) -> Vec<Block> {
        const { assert!(Block::SIZE == 1024) };
        self.shared
            .buffers_allocated
            .fetch_add(1, Ordering::Relaxed);
        vec![Block::new(); usize::try_from(memory_kib).unwrap_or(usize::MAX)]
    }
}

#[cfg(test)]
mod tests;
