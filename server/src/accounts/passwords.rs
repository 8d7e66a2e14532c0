//! Password hashing: Argon2id on threads of its own, with memory set aside once.
//!
//! A login storm costs a full queue and a clear answer, never the memory or the processors that
//! the chats need: unbounded blocking tasks took 5 GB where one thread takes its one buffer.
//! Deliberately absent: which passwords are allowed (`policy`), how often one may try
//! (`throttle`), what a hash costs and looks like (`phc`), and where it is kept.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use argon2::{Algorithm, Argon2, Block, Version};
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::accounts::phc::{Cost, CostError, Costs, Holder, OUTPUT_BYTES, Phc, SALT_BYTES};
use crate::accounts::secret::{Password, RandomError, random};

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
    /// Starts `threads` threads (at least one), each with memory for the dearest configured cost,
    /// and a queue of `queue` passwords before them.
    ///
    /// # Errors
    /// [`StartError::Cost`] when a cost is out of bounds, [`StartError::Thread`] when a thread
    /// could not be started, [`StartError::Random`] when the system has no randomness to give.
    pub fn start(costs: Costs, threads: usize, queue: usize) -> Result<Self, StartError> {
        let (hasher, workers) = Self::prepare(costs, threads, queue)?;
        for (n, worker) in workers.into_iter().enumerate() {
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

    /// Working buffers made since the start: one a thread, and one more for each check of a hash
    /// that is dearer than the configuration.
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
            buffers_allocated: AtomicUsize::new(0),
            last_job_ms: AtomicU64::new(0),
        });
        let worker = || Worker {
            jobs: Arc::clone(&queued),
            shared: Arc::clone(&shared),
            blocks: Vec::new(),
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
    blocks: Vec<Block>,
}

impl Worker {
    fn run(mut self) {
        let Costs { staff, customers } = self.shared.costs;
        self.blocks = self.allocate(staff.memory_kib.max(customers.memory_kib));
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
            let job = jobs.recv().ok()?;
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
    fn work(&mut self, Job { password, work }: Job) {
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

    fn hash(&mut self, password: &Password, cost: Cost) -> Result<Phc, HashError> {
        let mut salt = [0; SALT_BYTES];
        random(&mut salt)?;
        let output = *self.argon2id(password, cost, &salt)?;
        Ok(Phc { cost, salt, output })
    }

    fn argon2id(
        &mut self,
        password: &Password,
        cost: Cost,
        salt: &[u8; SALT_BYTES],
    ) -> Result<Zeroizing<[u8; OUTPUT_BYTES]>, HashError> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params()?);
        let mut output = Zeroizing::new([0; OUTPUT_BYTES]);
        let mut larger;
        let blocks = if argon2.params().block_count() <= self.blocks.len() {
            &mut self.blocks
        } else {
            // A hash from dearer days. It is rare, so its memory is given back.
            larger = self.allocate(cost.memory_kib);
            &mut larger
        };
        let password = password.expose().as_bytes();
        argon2.hash_password_into_with_memory(password, salt, output.as_mut(), blocks)?;
        Ok(output)
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
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};
    use std::thread;
    use std::time::{Duration, Instant};

    use argon2::Argon2;
    use argon2::password_hash::PasswordVerifier;
    use argon2::password_hash::phc::PasswordHash;

    use super::{HashError, PasswordHasher, QUEUE_MAX, StartError, Verdict, Work};
    use crate::accounts::phc::{Cost, CostError, Costs, Holder, Phc};
    use crate::accounts::secret::Password;

    const RIGHT: Verdict = Verdict {
        ok: true,
        rehash: false,
    };
    const WRONG: Verdict = Verdict {
        ok: false,
        rehash: false,
    };
    const CHEAP: Costs = Costs {
        staff: Cost::FLOOR,
        customers: Cost::FLOOR,
    };

    fn password(text: &str) -> Password {
        Password::new(text.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn a_hash_verifies_in_another_instance_and_by_the_library() {
        let secret = "a long pass phrase 🌻 with spaces";
        let phc = {
            let hasher = PasswordHasher::start(Costs::default(), 1, QUEUE_MAX).unwrap();
            hasher
                .hash(password(secret), Holder::Staff)
                .await
                .unwrap()
                .expose()
        };
        assert!(phc.starts_with("$argon2id$v=19$m=65536,t=3,p=4$"), "{phc}");
        let reference = PasswordHash::new(&phc).unwrap();
        assert_eq!(reference.salt.unwrap().as_ref().len(), 16);
        assert!(
            Argon2::default()
                .verify_password(secret.as_bytes(), &reference)
                .is_ok()
        );

        let hasher = PasswordHasher::start(Costs::default(), 2, QUEUE_MAX).unwrap();
        let stored = Phc::parse(&phc).unwrap();
        assert_eq!(stored.expose(), phc);
        let verify = async |text, stored| {
            hasher
                .verify(password(text), Holder::Staff, stored)
                .await
                .unwrap()
        };
        assert_eq!(verify(secret, Some(stored.clone())).await, RIGHT);
        assert_eq!(verify("a long pass phrase", Some(stored)).await, WRONG);
        assert_eq!(verify(secret, None).await, WRONG);
        let again = hasher.hash(password(secret), Holder::Staff).await.unwrap();
        assert_ne!(again.expose(), phc, "a salt was used twice");
    }

    #[tokio::test]
    async fn a_weaker_hash_is_flagged_only_for_the_right_password() {
        let hasher = PasswordHasher::start(Costs::default(), 1, QUEUE_MAX).unwrap();
        let weak = hasher
            .hash(password("once a customer"), Holder::Customer)
            .await
            .unwrap();
        assert_eq!(weak.cost(), Cost::FLOOR);
        let verify = async |text, holder| {
            hasher
                .verify(password(text), holder, Some(weak.clone()))
                .await
                .unwrap()
        };
        assert_eq!(verify("once a customer", Holder::Customer).await, RIGHT);
        let found = verify("once a customer", Holder::StaffWithTotp).await;
        assert_eq!(
            found,
            Verdict {
                ok: true,
                rehash: true
            }
        );
        assert_eq!(verify("never a customer", Holder::Staff).await, WRONG);
    }

    #[tokio::test]
    async fn an_unknown_user_takes_as_long_as_a_wrong_password() {
        let hasher = PasswordHasher::start(CHEAP, 1, QUEUE_MAX).unwrap();
        let stored = hasher
            .hash(password("the right one"), Holder::Staff)
            .await
            .unwrap();
        let fastest = async |stored: Option<Phc>| {
            let mut fastest = Duration::MAX;
            for _ in 0..7 {
                let started = Instant::now();
                let asked = hasher.verify(password("a wrong one"), Holder::Staff, stored.clone());
                assert_eq!(asked.await.unwrap(), WRONG);
                fastest = fastest.min(started.elapsed());
            }
            fastest
        };
        let (known, unknown) = (fastest(Some(stored)).await, fastest(None).await);
        // A ratio inside one run, wide enough for a busy machine; no hash at all is off by 100.
        let ratio = unknown.as_secs_f64() / known.as_secs_f64();
        assert!((0.4..2.5).contains(&ratio), "{unknown:?} against {known:?}");
    }

    #[tokio::test]
    async fn memory_is_one_buffer_a_thread() {
        let hasher = PasswordHasher::start(CHEAP, 2, QUEUE_MAX).unwrap();
        let tasks: Vec<_> = (0..12)
            .map(|n| {
                let hasher = hasher.clone();
                tokio::spawn(async move {
                    hasher
                        .hash(password(&format!("secret {n}")), Holder::Staff)
                        .await
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert!(
            (1..=2).contains(&hasher.buffers_allocated()),
            "{}",
            hasher.buffers_allocated()
        );

        let single = PasswordHasher::start(CHEAP, 1, QUEUE_MAX).unwrap();
        let dear = PasswordHasher::start(Costs::default(), 1, QUEUE_MAX).unwrap();
        let stored = dear
            .hash(password("from dearer days"), Holder::Staff)
            .await
            .unwrap();
        let found = single
            .verify(password("from dearer days"), Holder::Staff, Some(stored))
            .await
            .unwrap();
        assert_eq!(found, RIGHT);
        assert_eq!(
            (single.buffers_allocated(), dear.buffers_allocated()),
            (2, 1)
        );
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_what_waits_is_served() {
        let (hasher, workers) = PasswordHasher::prepare(CHEAP, 1, QUEUE_MAX).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let mut waiting: Vec<_> = (0..QUEUE_MAX)
            .map(|_| Box::pin(hasher.verify(password("any"), Holder::Staff, None)))
            .collect();
        for future in &mut waiting {
            assert!(future.as_mut().poll(&mut context).is_pending());
        }
        let refused = hasher.hash(password("one too many"), Holder::Staff).await;
        assert!(
            matches!(
                refused,
                Err(HashError::Busy {
                    retry_after_ms: 1_000
                })
            ),
            "{refused:?}"
        );

        let threads: Vec<_> = workers
            .into_iter()
            .map(|w| thread::spawn(move || w.run()))
            .collect();
        for future in waiting {
            assert_eq!(future.await.unwrap(), WRONG);
        }
        assert!(
            hasher
                .hash(password("room again"), Holder::Staff)
                .await
                .is_ok()
        );
        drop(hasher);
        for thread in threads {
            thread.join().unwrap();
        }
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_skipped() {
        let (hasher, workers) = PasswordHasher::prepare(CHEAP, 1, QUEUE_MAX).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut given_up = pin!(hasher.verify(password("any"), Holder::Staff, None));
            assert!(given_up.as_mut().poll(&mut context).is_pending());
        }
        let mut waiting = pin!(hasher.hash(password("any"), Holder::Staff));
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        let job = workers[0].next().unwrap();
        assert!(matches!(job.work, Work::Hash { .. }));
    }

    #[tokio::test]
    async fn without_threads_the_answer_is_stopped() {
        let (hasher, workers) = PasswordHasher::prepare(CHEAP, 1, QUEUE_MAX).unwrap();
        let mut asked = pin!(hasher.hash(password("any"), Holder::Staff));
        assert!(
            asked
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        drop(workers);
        assert!(matches!(asked.await, Err(HashError::Stopped)));
        let late = hasher.verify(password("any"), Holder::Staff, None).await;
        assert!(matches!(late, Err(HashError::Stopped)));
    }

    #[test]
    fn a_cost_below_the_floor_does_not_start() {
        let weak = Cost {
            memory_kib: 19_455,
            ..Cost::FLOOR
        };
        for costs in [
            Costs {
                staff: weak,
                ..CHEAP
            },
            Costs {
                customers: weak,
                ..CHEAP
            },
        ] {
            let refused = PasswordHasher::start(costs, 1, QUEUE_MAX);
            let Err(StartError::Cost(error)) = refused else {
                panic!("{refused:?}")
            };
            assert_eq!(error, CostError::BelowFloor(weak));
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let (hasher, _workers) = PasswordHasher::prepare(CHEAP, 1, 7).unwrap();
        let costs = "Costs { staff: m=19456,t=2,p=1, customers: m=19456,t=2,p=1 }";
        let expect = format!("PasswordHasher {{ costs: {costs}, threads: 1, queue: 7, .. }}");
        assert_eq!(format!("{hasher:?}"), expect);
    }
}
