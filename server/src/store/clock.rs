//! The engine's clock: the only one the hub reads.
//!
//! It never goes back: not when the wall clock does, and not behind what the log already says.

use std::time::SystemTime;

use shared::{machine, time::Timestamp};
use tokio::time::Instant;

/// Wall time at the start, monotonic time since.
#[derive(Debug)]
pub(super) struct Clock {
    base: Timestamp,
    started: Instant,
}

impl Clock {
    /// Starts now, or at the time of the last record when the wall clock is behind it.
    pub(super) fn start(last_at: Option<Timestamp>) -> Self {
        let wall = machine::wall()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(Timestamp::default(), |since| {
                Timestamp::default().after(since)
            });
        Self {
            base: last_at.map_or(wall, |at| at.max(wall)),
            started: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.base.after(self.started.elapsed())
    }
}
