//! Notices that the machine slept: the wall clock went on, the monotonic one did not.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::machine;

/// The clocks are compared this often: a machine that slept has a dead connection.
pub(super) const CLOCK_EVERY: Duration = Duration::from_secs(2);
/// The wall clock may run ahead by this much before the machine must have slept.
const CLOCK_SLACK: Duration = Duration::from_secs(5);

/// Both clocks at one moment.
pub(super) struct Clocks {
    wall: SystemTime,
    monotonic: Instant,
}

impl Clocks {
    pub(super) fn now() -> Self {
        Self {
            wall: machine::wall(),
            monotonic: Instant::now(),
        }
    }

    /// Whether the machine slept since the last call.
    pub(super) fn slept(&mut self) -> bool {
        let now = Self::now();
        let slept = self.slept_until(&now);
        *self = now;
        slept
    }

    fn slept_until(&self, now: &Self) -> bool {
        // A wall clock that was set back is no sleep.
        let wall = now.wall.duration_since(self.wall).unwrap_or_default();
        wall > now.monotonic - self.monotonic + CLOCK_SLACK
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Clocks;

    #[test]
    fn only_a_wall_clock_that_ran_ahead_means_sleep() {
        let then = Clocks::now();
        let later = |wall_s: u64, monotonic_s: u64| Clocks {
            wall: then.wall + Duration::from_secs(wall_s),
            monotonic: then.monotonic + Duration::from_secs(monotonic_s),
        };
        assert!(!then.slept_until(&later(0, 0)));
        assert!(!then.slept_until(&later(3600, 3600)));
        assert!(!then.slept_until(&later(5, 0)), "clocks are adjusted");
        assert!(then.slept_until(&later(60, 2)));
        assert!(!later(60, 60).slept_until(&later(0, 62)), "set back");
    }
}
