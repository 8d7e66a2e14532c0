//! The assistant: the first line that answers by itself, offline, and knows when it does not
//! know.
//!
//! What a chat is and who has it is decided by the desk; here is what the assistant says.
//! Nothing leaves the process unless a model is configured.
//!
//! `runner` starts what the desk says is owed, `hear` reads what the customer said, `turn` and
//! `words` find what is said to it from the knowledge base, `find` and `model` ask a model too.
//! `assist` helps agents who write, `status` says how all of it is.

pub mod acts;
mod assist;
pub mod classifier;
mod endpoint;
pub mod eval;
mod find;
mod hear;
pub mod injection;
pub mod knowledge;
mod model;
pub mod prompt;
pub mod provider;
pub mod redact;
mod runner;
mod status;
#[cfg(test)]
mod tests;
mod turn;
pub mod validate;
mod words;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use shared::{
    command::Command,
    id::{CommandId, hex},
    text::SafeText,
    time::Timestamp,
};
use tokio::{sync::watch, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    assist::{AssistError, Scene},
    endpoint::ModelError,
};
use self::{
    knowledge::{Knowledge, Library},
    prompt::Canary,
    provider::Provider,
    runner::Runner,
};
use crate::{
    config::AssistantConfig,
    desk::Who,
    failpoint::Point,
    hub::{Hub, SubmitError},
};

/// The folder of the knowledge base in the data folder, when nobody names one.
const FOLDER: &str = "kb";
/// Wait before the desk is told again what it could not take.
const RETRY: Duration = Duration::from_secs(1);

/// A handle to the assistant of a hub; clones share it.
#[derive(Clone)]
pub struct Assistant(Arc<Inner>);

struct Inner {
    hub: Hub,
    /// Where the knowledge base is; none when there is none.
    folder: Option<PathBuf>,
    /// What was read of it; none until it has been.
    library: watch::Sender<Option<Library>>,
    empty: Arc<Knowledge>,
    /// When the desk was last told what it holds.
    noted_at: watch::Sender<Option<Timestamp>>,
    provider: Option<Provider>,
    /// The host that is asked; none without a model.
    host: Option<SafeText>,
    canary: Canary,
    stale_dropped: AtomicU64,
    looks: AtomicU64,
}

impl Assistant {
    /// The assistant of a hub: reads, runs and connects to nothing yet. Without a folder of its
    /// own the one in the data folder is taken, if it is there.
    ///
    /// # Errors
    /// [`ModelError`], when a model is configured that cannot be asked.
    pub fn new(hub: Hub, config: &AssistantConfig, data: &Path) -> Result<Self, ModelError> {
        let beside = || Some(data.join(FOLDER)).filter(|folder| folder.is_dir());
        let endpoint = config.endpoint.as_ref();
        let provider = endpoint.map(endpoint::provider).transpose()?;
        Ok(Self(Arc::new(Inner {
            hub,
            folder: config.kb.clone().or_else(beside),
            library: watch::Sender::new(None),
            empty: Arc::new(Knowledge::empty()),
            noted_at: watch::Sender::new(None),
            provider,
            host: endpoint.map(endpoint::host),
            canary: Canary::random().map_err(ModelError::Randomness)?,
            stale_dropped: AtomicU64::new(0),
            looks: AtomicU64::new(0),
        })))
    }

    /// What is answered from now; nothing while the knowledge base is being read.
    #[must_use]
    pub fn knowledge(&self) -> Arc<Knowledge> {
        let library = self.0.library.borrow();
        let current = library.as_ref().map(Library::current);
        current.unwrap_or_else(|| Arc::clone(&self.0.empty))
    }

    /// The knowledge base, once it has been read; none without a folder.
    #[must_use]
    pub fn library(&self) -> Option<Library> {
        self.0.library.borrow().clone()
    }

    /// The folder of the knowledge base.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.0.folder.as_deref()
    }

    /// Waits until the knowledge base was read for the first time and the desk knows of it.
    pub async fn ready(&self) {
        let mut noted_at = self.0.noted_at.subscribe();
        // The sender lives as long as this handle.
        drop(noted_at.wait_for(Option::is_some).await);
    }

    /// Answers that came too late to be said.
    #[must_use]
    pub fn stale_dropped(&self) -> u64 {
        self.0.stale_dropped.load(Ordering::Relaxed)
    }

    /// Reads the knowledge base and answers until `stop`. With nothing to answer from the desk is
    /// told so, and that is all.
    pub async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        if let Some(library) = self.read(&stop).await {
            tasks.spawn(library.clone().run(stop.clone()));
            let (told, stopped) = (self.clone(), stop.clone());
            tasks.spawn(async move { told.tell_changes(library, stopped).await });
        }
        self.restore_budget().await;
        if !self.note(&stop).await {
            return;
        }
        if self.0.folder.is_some() || self.0.provider.is_some() {
            Runner::new(self, stop).run().await;
        }
        tasks.close();
        tasks.wait().await;
    }

    /// Reads the knowledge base for the first time, on a thread that may take long.
    async fn read(&self, stop: &CancellationToken) -> Option<Library> {
        let folder = self.0.folder.clone()?;
        let reading = tokio::task::spawn_blocking(move || {
            Point::KnowledgeLoad.reach();
            Library::open(&folder)
        });
        let library = tokio::select! {
            read = reading => match read {
                Ok(library) => library,
                Err(error) => {
                    tracing::error!(%error, "the knowledge base could not be read");
                    return None;
                }
            },
            () = stop.cancelled() => return None,
        };
        self.0.library.send_replace(Some(library.clone()));
        Some(library)
    }

    async fn tell_changes(&self, library: Library, stop: CancellationToken) {
        let mut changes = library.changes();
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() {
                    return;
                },
                () = stop.cancelled() => return,
            }
            if !self.note(&stop).await {
                return;
            }
        }
    }

    /// Tells the desk what there is to answer from, which it knows already if nothing changed.
    /// False when the hub stops.
    async fn note(&self, stop: &CancellationToken) -> bool {
        let knowledge = self.knowledge();
        let topics = knowledge.topics();
        let questions: usize = topics.iter().map(|topic| topic.questions.len()).sum();
        let hash = match topics.is_empty() {
            true => SafeText::default(),
            false => SafeText::line(&hex(&knowledge.hash())),
        };
        let note = Command::NoteKnowledge {
            topics: u32::try_from(topics.len()).unwrap_or(u32::MAX),
            questions: u32::try_from(questions).unwrap_or(u32::MAX),
            provider: self.0.provider.is_some(),
            hash,
        };
        loop {
            let who = Who::System("knowledge");
            match self
                .0
                .hub
                .submit(who, CommandId::random(), note.clone())
                .await
            {
                Ok(_) => {
                    self.0.noted_at.send_replace(Some(self.0.hub.now()));
                    return true;
                }
                Err(SubmitError::Stopped) => return false,
                Err(SubmitError::Rejected(rejection)) => {
                    tracing::error!(%rejection, "the desk will not know what the assistant knows");
                    return true;
                }
                Err(error) => tracing::debug!(%error, "the desk is told again"),
            }
            tokio::select! {
                () = sleep(RETRY) => {}
                () = stop.cancelled() => return false,
            }
        }
    }

    /// The tokens of today that were used before this start count on.
    async fn restore_budget(&self) {
        const DAY_MS: i64 = 24 * 3600 * 1000;
        let Some(provider) = &self.0.provider else {
            return;
        };
        if let Ok(day) = self.0.hub.ask(|desk| desk.model_day()).await
            && day.number == self.0.hub.now().as_ms().div_euclid(DAY_MS)
        {
            provider.restore_budget(day.tokens, []);
        }
    }

    fn provider(&self) -> Option<&Provider> {
        self.0.provider.as_ref()
    }

    fn canary(&self) -> &Canary {
        &self.0.canary
    }

    fn hub(&self) -> &Hub {
        &self.0.hub
    }

    fn count_stale(&self) {
        self.0.stale_dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the desk was asked what is due.
    #[cfg(test)]
    fn looks(&self) -> u64 {
        self.0.looks.load(Ordering::Relaxed)
    }

    fn count_look(&self) {
        self.0.looks.fetch_add(1, Ordering::Relaxed);
    }
}
