//! How long to wait before the next try: full jitter, so that a hub that comes back is not met
//! by everyone at once.
//!
//! After "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).

use std::time::Duration;

use crate::machine;

/// The longest wait before the second try.
pub const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// The longest wait of all.
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Shortest and longest pause before a refused command is sent again.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(60);
/// The same when the hub does not say.
const RETRY_DEFAULT: Duration = Duration::from_secs(1);

/// The wait after `attempt` failures in a row before this one (0 at first): `random` (all of
/// `u32` evenly) of [`BACKOFF_BASE`] x 2^attempt, at most [`BACKOFF_MAX`].
#[must_use]
pub fn backoff(attempt: u32, random: u32) -> Duration {
    let factor = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
    let ceiling = BACKOFF_BASE.saturating_mul(factor).min(BACKOFF_MAX);
    ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// What [`backoff`] takes. Without randomness the longest wait is the safe one.
pub(super) fn chance() -> u32 {
    let mut random = [0; 4];
    match machine::random(&mut random) {
        Ok(()) => u32::from_le_bytes(random),
        Err(_) => u32::MAX,
    }
}

/// The pause before a command that was refused for now is sent again.
pub(super) fn pause_before_retry(retry_after_ms: Option<u64>) -> Duration {
    retry_after_ms.map_or(RETRY_DEFAULT, |ms| {
        Duration::from_millis(ms).clamp(RETRY_MIN, RETRY_MAX)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{any, proptest};

    use super::{BACKOFF_BASE, BACKOFF_MAX, backoff};

    proptest! {
        #[test]
        fn a_wait_is_within_its_bounds(attempt in any::<u32>(), random in any::<u32>()) {
            let wait = backoff(attempt, random);
            assert!(wait <= BACKOFF_MAX);
            assert!(wait <= BACKOFF_BASE * 2_u32.saturating_pow(attempt.min(20)));
        }

        #[test]
        fn the_whole_range_is_used(attempt in any::<u32>()) {
            let longest = BACKOFF_MAX.min(BACKOFF_BASE * 2_u32.saturating_pow(attempt.min(20)));
            assert_eq!(backoff(attempt, 0), Duration::ZERO);
            assert_eq!(backoff(attempt, u32::MAX), longest);
        }

        #[test]
        fn more_chance_is_more_wait(attempt in 0_u32..40, a in any::<u32>(), b in any::<u32>()) {
            assert_eq!(a.min(b) == a, backoff(attempt, a) <= backoff(attempt, b) || a == b);
        }
    }
}
