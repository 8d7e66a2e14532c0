//! The newest knowledge base there is: read at the start, and again when its files change.
//!
//! What serves is replaced at once and as a whole. A folder with a mistake in it replaces nothing
//! as long as something sound serves; while nothing serves yet, the sound files of it do, so that
//! one typo neither empties the desk at a start nor halves it later. Either way the problems are
//! logged once and kept for those who ask.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{
    Knowledge, Problem,
    load::{self, Listing},
};

/// How often the files are looked at. Changes are read when two looks in a row are equal.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Problems of one reading that are logged; the others are counted.
const LOGGED_MAX: usize = 20;

/// What serves, and what is wrong with the newest files.
#[derive(Clone)]
pub struct Shelf {
    /// What is answered from.
    pub knowledge: Arc<Knowledge>,
    /// Of the last reading; while there are any, `knowledge` lacks something or is older.
    pub problems: Arc<[Problem]>,
}

/// A handle to the newest knowledge base; clones share it.
#[derive(Clone)]
pub struct Library {
    inner: Arc<Inner>,
}

struct Inner {
    folder: Option<PathBuf>,
    shelf: watch::Sender<Shelf>,
    /// Held while the files are looked at and read, so that readings do not overtake.
    looks: Mutex<Looks>,
}

#[derive(Default)]
struct Looks {
    /// How the files were when they were read last.
    read: Option<Listing>,
    /// How they were at the last look, if that was otherwise.
    seen: Option<Listing>,
}

/// What a look at the files led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing has changed since they were read.
    Same,
    /// They are being changed; the next look tells.
    Changing,
    /// They were read.
    Read,
}

impl Library {
    /// A library of this knowledge alone, which never changes.
    #[must_use]
    pub fn of(knowledge: Knowledge) -> Self {
        Self::new(None, knowledge)
    }

    /// Reads the folder now and learns from it: takes seconds for thousands of questions. A
    /// folder that is not there is empty, until it is.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let library = Self::new(Some(folder.to_owned()), Knowledge::empty());
        library.inner.read(load::list(folder));
        library
    }

    fn new(folder: Option<PathBuf>, knowledge: Knowledge) -> Self {
        let shelf = Shelf {
            knowledge: Arc::new(knowledge),
            problems: Arc::default(),
        };
        Self {
            inner: Arc::new(Inner {
                folder,
                shelf: watch::Sender::new(shelf),
                looks: Mutex::default(),
            }),
        }
    }

    /// What is answered from now. Keep it for one answer, not for longer.
    #[must_use]
    pub fn current(&self) -> Arc<Knowledge> {
        Arc::clone(&self.inner.shelf.borrow().knowledge)
    }

    /// What is wrong with the files since they were read last.
    #[must_use]
    pub fn problems(&self) -> Arc<[Problem]> {
        Arc::clone(&self.inner.shelf.borrow().problems)
    }

    /// Tells of every reading.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Shelf> {
        self.inner.shelf.subscribe()
    }

    /// The folder that is read.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.inner.folder.as_deref()
    }

    /// Looks at the files again and again until `stop`, and reads them when they have changed.
    pub async fn run(self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = stop.cancelled() => return,
            }
            let library = self.clone();
            let look = tokio::task::spawn_blocking(move || library.poll_once());
            tokio::select! {
                looked = look => if let Err(error) = looked {
                    tracing::error!(%error, "the knowledge base could not be looked at");
                },
                () = stop.cancelled() => return,
            }
        }
    }

    /// Looks at the files once, and reads them if they changed before the last look and not
    /// since. For a thread that may wait.
    pub fn poll_once(&self) -> Look {
        let Some(folder) = self.folder() else {
            return Look::Same;
        };
        let now = load::list(folder);
        {
            let mut looks = self.inner.looks();
            if looks.read.as_ref() == Some(&now) {
                looks.seen = None;
                return Look::Same;
            }
            if looks.seen.as_ref() != Some(&now) {
                looks.seen = Some(now);
                return Look::Changing;
            }
        }
        self.inner.read(now);
        Look::Read
    }
}

impl Inner {
    fn looks(&self) -> std::sync::MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the files of a listing and puts up what may serve.
    fn read(&self, listing: Listing) {
        let mut looks = self.looks();
        let was_empty = self.shelf.borrow().knowledge.is_empty();
        let mut read = listing.read();
        if !listing.is_there && !was_empty {
            let gone = "the folder is gone; what was read from it before still serves";
            read.problems.push(Problem::of(Path::new(""), gone));
        }
        looks.read = Some(listing);
        looks.seen = None;
        log(&read.problems);
        let serves = read.problems.is_empty() || was_empty;
        let knowledge = serves.then(|| Arc::new(Knowledge::new(read.topics)));
        if let Some(knowledge) = &knowledge {
            tracing::info!(topics = knowledge.topics().len(), "knowledge base read");
        }
        self.shelf.send_modify(|shelf| {
            shelf.problems = read.problems.into();
            if let Some(knowledge) = knowledge {
                shelf.knowledge = knowledge;
            }
        });
    }
}

fn log(problems: &[Problem]) {
    for problem in problems.iter().take(LOGGED_MAX) {
        tracing::warn!("knowledge base: {problem}");
    }
    let more = problems.len().saturating_sub(LOGGED_MAX);
    if more > 0 {
        tracing::warn!(
            more,
            "knowledge base: further problems; see: frontdesk-admin kb check"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{Library, Look};

    fn titles(library: &Library) -> Vec<String> {
        let knowledge = library.current();
        knowledge
            .topics()
            .iter()
            .map(|topic| topic.title.to_string())
            .collect()
    }

    fn problems(library: &Library) -> Vec<String> {
        library.problems().iter().map(ToString::to_string).collect()
    }

    fn write(folder: &Path, name: &str, text: &str) {
        fs::write(folder.join(name), text).unwrap();
    }

    fn settle(library: &Library) {
        assert_eq!(library.poll_once(), Look::Changing);
        assert_eq!(library.poll_once(), Look::Read);
        assert_eq!(library.poll_once(), Look::Same);
    }

    #[test]
    fn changes_are_read_when_two_looks_are_equal() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.md", "# One\n\nText.\n");
        let library = Library::open(folder.path());
        let mut changes = library.changes();
        assert_eq!(titles(&library), ["One"]);
        assert_eq!(library.poll_once(), Look::Same);
        let old = library.current();

        write(folder.path(), "a.md", "# First\n\nText.\n");
        assert_eq!(library.poll_once(), Look::Changing);
        write(folder.path(), "b.md", "# Second\n\nText.\n");
        assert_eq!(library.poll_once(), Look::Changing);
        assert_eq!(titles(&library), ["One"]);
        assert!(!changes.has_changed().unwrap());
        assert_eq!(library.poll_once(), Look::Read);
        assert_eq!(titles(&library), ["First", "Second"]);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert_eq!(library.poll_once(), Look::Same);
        assert_eq!(old.topics().len(), 1);
        assert_ne!(old.hash(), library.current().hash());

        fs::remove_file(folder.path().join("a.md")).unwrap();
        settle(&library);
        assert_eq!(titles(&library), ["Second"]);
    }

    #[test]
    fn a_mistake_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.md", "# One\n");
        let library = Library::open(folder.path());
        write(folder.path(), "b.md", "# Two\n");
        write(folder.path(), "a.md", "---\ntitel: One\n---\n");
        settle(&library);
        assert_eq!(titles(&library), ["One"]);
        let wrong = "a.md:2: unknown key \"titel\"; did you mean \"title\"?";
        assert_eq!(problems(&library), [wrong]);
        write(folder.path(), "a.md", "---\ntitle: Mended\n---\n");
        settle(&library);
        assert_eq!(titles(&library), ["Mended", "Two"]);
        assert_eq!(problems(&library), [""; 0]);
    }

    #[test]
    fn the_sound_files_serve_while_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.md", "# One\n");
        write(folder.path(), "b.md", "---\n");
        let library = Library::open(folder.path());
        assert_eq!(titles(&library), ["One"]);
        assert_eq!(problems(&library).len(), 1);

        let empty = tempfile::tempdir().unwrap();
        let later = empty.path().join("kb");
        let library = Library::open(&later);
        assert!(library.current().is_empty());
        assert_eq!(library.poll_once(), Look::Same);
        fs::create_dir(&later).unwrap();
        write(&later, "a.md", "# One\n");
        write(&later, "b.md", "---\n");
        settle(&library);
        assert_eq!(titles(&library), ["One"]);
        fs::remove_dir_all(&later).unwrap();
        settle(&library);
        assert_eq!(titles(&library), ["One"]);
        assert_eq!(
            problems(&library),
            ["the folder is gone; what was read from it before still serves"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_running_library_sees_changes_and_stops() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(folder.path());
        let stop = tokio_util::sync::CancellationToken::new();
        let running = tokio::spawn(library.clone().run(stop.clone()));
        write(folder.path(), "a.md", "# One\n");
        let mut changes = library.changes();
        let seen = changes
            .wait_for(|shelf| shelf.knowledge.topic("a").is_some())
            .await;
        assert!(seen.is_ok());
        drop(seen);
        stop.cancel();
        running.await.unwrap();
    }
}
