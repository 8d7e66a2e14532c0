//! The home of one person at a terminal: an empty folder and an environment that knows nothing else.
//!
//! Absent on purpose: everything the person who runs the tests has set. No proxy, no token, no
//! address of a hub and no configuration leaks in; only `PATH` is kept.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

/// A temporary home folder and the environment of programs run from it. Clones are the same home;
/// it is removed when the last of them and the last program run from it are dropped.
#[derive(Clone, Debug)]
pub struct Home {
    folder: Arc<TempDir>,
    added: Vec<(OsString, OsString)>,
}

impl Home {
    /// A new, empty home.
    ///
    /// # Panics
    /// When the temporary folder cannot be made.
    #[expect(
        clippy::new_without_default,
        reason = "it makes a folder, which a default should not"
    )]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("frontdesk-home-")
            .tempdir()
            .expect("a temporary folder can be made");
        Self {
            folder: Arc::new(folder),
            added: Vec::new(),
        }
    }

    /// The same home with one more environment variable, or another value for one it has.
    pub fn with_env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.added
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Every environment variable a program run from here sees; a later one overrides an earlier.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let home = self.path();
        let mut all: Vec<(OsString, OsString)> = vec![
            ("HOME".into(), home.into()),
            ("XDG_CONFIG_HOME".into(), home.join("config").into()),
            ("XDG_STATE_HOME".into(), home.join("state").into()),
            ("XDG_DATA_HOME".into(), home.join("data").into()),
            ("XDG_CACHE_HOME".into(), home.join("cache").into()),
            ("LANG".into(), "C.UTF-8".into()),
            ("TZ".into(), "UTC".into()),
        ];
        if let Some(path) = std::env::var_os("PATH") {
            all.push(("PATH".into(), path));
        }
        all.extend(self.added.iter().cloned());
        all
    }

    /// `program`, to be run in this home with this environment and no terminal.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.environment())
            .current_dir(self.path());
        command
    }
}
