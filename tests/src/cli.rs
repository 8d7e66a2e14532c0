//! A program run the way a script runs it: arguments, piped input, output, exit code, no terminal.

use std::path::Path;
use std::time::Duration;

use crate::home::Home;
use crate::process::{Output, Process};

/// One person's shell: runs programs in a [`Home`] of its own.
#[derive(Debug)]
pub struct Cli {
    home: Home,
}

impl Cli {
    /// A shell in `home`.
    pub fn new(home: Home) -> Self {
        Self { home }
    }

    /// Where its files lie and what its environment is.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Runs `program` with `stdin` as its whole input, to its end.
    ///
    /// # Panics
    /// When it cannot be started, or has not ended `within` that time. It is killed then, and the
    /// message shows what it wrote.
    #[track_caller]
    pub fn run(&self, program: &Path, args: &[&str], stdin: &str, within: Duration) -> Output {
        let mut process = self.start(program, args);
        process.feed(stdin.as_bytes().to_vec());
        process.finish(within)
    }

    /// Starts `program`, to be talked to while it runs.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn start(&self, program: &Path, args: &[&str]) -> Process {
        Process::start(&self.home, program, args)
    }
}
