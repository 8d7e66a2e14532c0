//! Signals as they come to a program that leaves the terminal alone.

use std::io;

use shared::error::exit;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that the loop deals with; Ctrl+Z is the shell's.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
}

impl Signals {
    /// Begins to listen.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// The next one as an exit code: 128 and its number.
    pub(super) async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => exit::SIGINT,
            _ = self.terminate.recv() => 143,
            _ = self.hangup.recv() => 129,
            _ = self.quit.recv() => 131,
        }
    }
}
