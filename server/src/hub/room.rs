//! What is still taken when the disk of the store runs short, so that what was promised fits.

use std::time::Duration;

use shared::{command::Command, model::Storage};
use tokio::time::Instant;

use crate::{
    desk::Who,
    store::{Space, Store},
};

/// How often the disk is asked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The room on the disk as it was last seen.
pub(super) struct Room {
    space: Space,
    look_at: Instant,
}

impl Room {
    /// Nothing was seen yet.
    pub(super) fn new() -> Self {
        Self {
            space: Space::Ample,
            look_at: Instant::now(),
        }
    }

    /// When the disk is to be asked again.
    pub(super) const fn due(&self) -> Instant {
        self.look_at
    }

    /// What the store takes as long as it does not fail.
    pub(super) const fn storage(&self) -> Storage {
        match self.space {
            Space::Ample => Storage::Well,
            Space::Low => Storage::Low,
            Space::Short => Storage::Short,
            Space::Full => Storage::Full,
        }
    }

    /// Asks the disk again, when it is time to, and says aloud what has changed.
    pub(super) fn look(&mut self, store: &Store) {
        let now = Instant::now();
        if now < self.look_at {
            return;
        }
        self.look_at = now + LOOK_EVERY;
        let status = store.status();
        if status.space != self.space {
            let free_bytes = status.free_bytes;
            match status.space {
                Space::Ample => tracing::info!(free_bytes, "the disk has room again"),
                Space::Low => tracing::warn!(free_bytes, "the disk gets full"),
                Space::Short => {
                    tracing::error!(free_bytes, "no new chats: the disk is almost full")
                }
                Space::Full => tracing::error!(free_bytes, "the disk is full"),
            }
            self.space = status.space;
        }
    }

    /// Whether there is room for a command. With little of it no chat is opened; with almost
    /// none, only what ends work and what the hub itself has to say is taken.
    pub(super) fn admits(&self, who: &Who, command: &Command) -> bool {
        match self.space {
            Space::Ample | Space::Low => true,
            Space::Short => !matches!(command, Command::OpenChat(_)),
            Space::Full => {
                matches!(who, Who::System(_))
                    || matches!(
                        command,
                        Command::Close { .. } | Command::EraseCustomer { .. }
                    )
            }
        }
    }
}
