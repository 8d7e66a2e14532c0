//! How often a code of the second factor may be tried: five times in ten minutes.
//!
//! A code has six digits and three are good at any time, so that five tries in ten minutes are a
//! hundred years for an even chance. Pure: the time is passed in.

use shared::id::UserId;

use crate::accounts::rate::{KEYS_MAX, Recent, RetryAfter};

/// Tries within [`WINDOW_MS`].
const TRIES_MAX: usize = 5;
const WINDOW_MS: u64 = 10 * 60 * 1_000;

/// When each user tried last.
#[derive(Debug)]
pub(in crate::accounts) struct Tries(Recent<UserId, [Option<u64>; TRIES_MAX]>);

impl Default for Tries {
    fn default() -> Self {
        Self(Recent::new(KEYS_MAX))
    }
}

impl Tries {
    /// Asks before a code is looked at, and counts what passes as a wrong one at once.
    pub(in crate::accounts) fn check(
        &mut self,
        user: UserId,
        now_ms: u64,
    ) -> Result<(), RetryAfter> {
        let mut tries = self.0.get(&user);
        // The oldest is first.
        if let Some(oldest) = tries[0] {
            let wait_ms = oldest.saturating_add(WINDOW_MS).saturating_sub(now_ms);
            if wait_ms > 0 {
                return Err(RetryAfter {
                    retry_after_ms: wait_ms,
                });
            }
        }
        tries.rotate_left(1);
        tries[TRIES_MAX - 1] = Some(now_ms);
        self.0.update(&user, |kept| *kept = tries);
        Ok(())
    }

    /// The code was right: the user begins anew.
    pub(in crate::accounts) fn succeeded(&mut self, user: UserId) {
        self.0.update(&user, |kept| *kept = [None; TRIES_MAX]);
    }

    /// Frees what is kept for those not heard of lately.
    pub(in crate::accounts) fn retain_recent(&mut self, now_ms: u64) {
        self.0.retain(|tries| {
            let newest = tries[TRIES_MAX - 1];
            newest.is_some_and(|at| now_ms.saturating_sub(at) < WINDOW_MS)
        });
    }
}

#[cfg(test)]
mod tests {
    use shared::id::UserId;

    use super::{Tries, WINDOW_MS};

    /// S9: the sixth try in ten minutes is not looked at, whenever the five before were.
    #[test]
    fn no_ten_minutes_see_more_than_five_tries() {
        let mut tries = Tries::default();
        let ana = UserId(1);
        let mut passed: Vec<u64> = Vec::new();
        for now_ms in (0..4 * WINDOW_MS).step_by(7_000) {
            if tries.check(ana, now_ms).is_ok() {
                passed.push(now_ms);
            }
            tries.retain_recent(now_ms);
        }
        for (n, from) in passed.iter().enumerate() {
            let within = passed[n..].iter().take_while(|at| **at < from + WINDOW_MS);
            assert!(within.count() <= 5);
        }
        assert_eq!(passed.len(), 20, "{passed:?}");
        assert!(tries.check(UserId(2), 0).is_ok(), "others are free");
        let wait = tries.check(ana, 4 * WINDOW_MS - 1).unwrap_err();
        assert!(wait.retry_after_ms <= WINDOW_MS, "{wait:?}");
        tries.succeeded(ana);
        assert!((0..5).all(|_| tries.check(ana, 4 * WINDOW_MS).is_ok()));
        assert!(tries.check(ana, 4 * WINDOW_MS).is_err());
    }
}
