//! Rates, and the limiter that keeps one for each of many keys.
//!
//! Pure: the time is passed in, in milliseconds of any clock that only goes forward, and the owner
//! holds the lock. A full limiter forgets the key that was used longest ago, so that a million
//! invented addresses cost no more memory than the bound.
//! Deliberately absent: who is exempt, and what a refusal looks like on the wire.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Keys a throttle or limiter remembers; about 10 MB when full.
pub const KEYS_MAX: usize = 100_000;

/// Refused for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many tries; try again in {retry_after_ms} ms")]
pub struct RetryAfter {
    /// When another try may pass, in milliseconds from now, at least 1.
    pub retry_after_ms: u64,
}

/// So many at once, then one per interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub(super) interval_us: u64,
    pub(super) burst: u32,
}

impl Rate {
    /// `count` a second and `burst` at once; `None`, which is no limit, when either is 0.
    #[must_use]
    pub const fn per_second(count: u32, burst: u32) -> Option<Self> {
        Self::per(1_000_000, count, burst)
    }

    /// `count` a minute and `burst` at once; `None`, which is no limit, when either is 0.
    #[must_use]
    pub const fn per_minute(count: u32, burst: u32) -> Option<Self> {
        Self::per(60_000_000, count, burst)
    }

    const fn per(period_us: u64, count: u32, burst: u32) -> Option<Self> {
        if count == 0 || burst == 0 {
            return None;
        }
        // Rounded up: never more than promised. A cast that cannot lose: u32 to u64.
        Some(Self {
            interval_us: period_us.div_ceil(count as u64),
            burst,
        })
    }
}

/// Use of a [`Rate`], by the generic cell rate algorithm (ITU-T I.371): one number, the time at
/// which everything used so far will have been earned again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Used {
    earned_at_us: u64,
}

impl Used {
    pub(super) fn check(self, rate: Rate, now_ms: u64) -> Result<(), RetryAfter> {
        let now_us = now_ms.saturating_mul(1_000);
        let spare_us = rate.interval_us.saturating_mul(u64::from(rate.burst) - 1);
        match self
            .earned_at_us
            .saturating_sub(spare_us)
            .saturating_sub(now_us)
        {
            0 => Ok(()),
            wait_us => Err(RetryAfter {
                retry_after_ms: wait_us.div_ceil(1_000),
            }),
        }
    }

    pub(super) fn take(&mut self, rate: Rate, now_ms: u64) {
        let from_us = self.earned_at_us.max(now_ms.saturating_mul(1_000));
        self.earned_at_us = from_us.saturating_add(rate.interval_us);
    }

    pub(super) const fn give_back(&mut self, rate: Rate) {
        self.earned_at_us = self.earned_at_us.saturating_sub(rate.interval_us);
    }

    /// Nothing is owed: no different from a key never seen.
    pub(super) const fn is_idle(self, now_ms: u64) -> bool {
        self.earned_at_us <= now_ms.saturating_mul(1_000)
    }
}

/// A map of at most so many keys; the one used longest ago makes room for a new one.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    keys_max: usize,
    uses: u64,
    values: HashMap<K, (V, u64)>,
    by_use: BTreeMap<u64, K>,
}

impl<K: Clone + Eq + Hash, V: Copy + Default> Recent<K, V> {
    pub(super) fn new(keys_max: usize) -> Self {
        Self {
            keys_max,
            uses: 0,
            values: HashMap::new(),
            by_use: BTreeMap::new(),
        }
    }

    pub(super) fn get(&self, key: &K) -> V {
        self.values
            .get(key)
            .map_or_else(V::default, |(value, _)| *value)
    }

    /// Changes a value, and makes it the most recently used.
    pub(super) fn update(&mut self, key: &K, change: impl FnOnce(&mut V)) {
        let (value, used) = self.values.entry(key.clone()).or_default();
        change(value);
        self.by_use.remove(used);
        self.uses += 1;
        *used = self.uses;
        self.by_use.insert(self.uses, key.clone());
        if self.values.len() > self.keys_max
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.values.remove(&oldest);
        }
    }

    pub(super) fn retain(&mut self, keep: impl Fn(V) -> bool) {
        let by_use = &mut self.by_use;
        self.values.retain(|_, (value, used)| {
            let kept = keep(*value);
            if !kept {
                by_use.remove(used);
            }
            kept
        });
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}

/// One [`Rate`] for each of many keys.
#[derive(Debug)]
pub struct RateLimiter<K> {
    rate: Option<Rate>,
    used: Recent<K, Used>,
}

impl<K: Clone + Eq + Hash> RateLimiter<K> {
    /// A limiter that remembers at most [`KEYS_MAX`] keys; without a rate everything passes.
    #[must_use]
    pub fn new(rate: Option<Rate>) -> Self {
        Self {
            rate,
            used: Recent::new(KEYS_MAX),
        }
    }

    /// Lets one through and counts it, or refuses it and does not.
    ///
    /// # Errors
    /// [`RetryAfter`] when the key has used up its rate.
    pub fn check(&mut self, key: &K, now_ms: u64) -> Result<(), RetryAfter> {
        if let Some(rate) = self.rate {
            self.used.get(key).check(rate, now_ms)?;
            self.used.update(key, |used| used.take(rate, now_ms));
        }
        Ok(())
    }

    /// Frees what is kept for keys that are no different from new ones; call it once a minute.
    pub fn retain_recent(&mut self, now_ms: u64) {
        self.used.retain(|used| !used.is_idle(now_ms));
    }

    /// Keys remembered.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.used.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{KEYS_MAX, Rate, RateLimiter, Recent, RetryAfter};

    proptest! {
        #[test]
        fn a_limiter_gives_its_rate_and_no_more(
            count in 1..200_u32,
            burst in 1..50_u32,
            pauses_ms in vec(0..200_u64, 1..400),
        ) {
            let rate = Rate::per_second(count, burst).unwrap();
            let mut limiter = RateLimiter::new(Some(rate));
            let mut now_ms = 0;
            let mut passed_ms: Vec<u64> = Vec::new();
            for pause_ms in pauses_ms {
                now_ms += pause_ms;
                match limiter.check(&"key", now_ms) {
                    Ok(()) => passed_ms.push(now_ms),
                    Err(RetryAfter { retry_after_ms }) => {
                        prop_assert!(retry_after_ms >= 1);
                        prop_assert!(limiter.check(&"key", now_ms + retry_after_ms - 1).is_err());
                    }
                }
            }
            for (n, from_ms) in passed_ms.iter().enumerate() {
                for (many, to_ms) in (1_u64..).zip(&passed_ms[n..]) {
                    let earned = (to_ms - from_ms) * u64::from(count) / 1_000;
                    prop_assert!(many <= u64::from(burst) + earned);
                }
            }
        }

        #[test]
        fn a_full_map_forgets_what_was_used_longest_ago(keys in vec(0..40_u8, 1..300), sweep in any::<bool>()) {
            let mut recent = Recent::new(10);
            let mut order: Vec<u8> = Vec::new();
            for key in keys {
                recent.update(&key, |value| *value = key);
                order.retain(|other| *other != key);
                order.push(key);
                let oldest = order.len().saturating_sub(10);
                order.drain(..oldest);
            }
            if sweep {
                recent.retain(|value| value % 2 == 0);
                order.retain(|key| key % 2 == 0);
            }
            let mut kept: Vec<_> = recent.values.keys().copied().collect();
            let in_order: Vec<_> = recent.by_use.values().copied().collect();
            prop_assert_eq!(&in_order, &order);
            kept.sort_unstable();
            order.sort_unstable();
            prop_assert_eq!(kept, order);
        }
    }

    /// S23: what is remembered of a million addresses is bounded, and forgotten again.
    #[test]
    fn a_million_addresses_fill_no_more_than_the_bound() {
        let mut limiter = RateLimiter::new(Rate::per_minute(5, 5));
        for n in 0..1_000_000_u32 {
            limiter.check(&n, u64::from(n)).unwrap();
        }
        assert_eq!(limiter.keys(), KEYS_MAX);
        assert_eq!(limiter.used.by_use.len(), KEYS_MAX);
        // One of five a minute is earned again after 12 s: those of the last 12 s are still owed.
        limiter.retain_recent(1_000_000);
        assert_eq!(limiter.keys(), 11_999);
        limiter.retain_recent(1_012_000);
        assert_eq!((limiter.keys(), limiter.used.by_use.len()), (0, 0));
    }

    #[test]
    fn zero_is_no_limit_and_keeps_nothing() {
        let mut limiter = RateLimiter::new(Rate::per_second(0, 500));
        assert!((0..10_000).all(|n| limiter.check(&n, 0).is_ok()));
        assert_eq!(limiter.keys(), 0);
        assert_eq!(Rate::per_minute(5, 0), None);
    }

    #[test]
    fn the_defaults_of_the_limits_hold() {
        let limits = [
            Rate::per_second(20, 500),
            Rate::per_second(50, 1_000),
            Rate::per_minute(5, 5),
        ];
        let passed = limits.map(|rate| {
            let mut limiter = RateLimiter::new(rate);
            let at_once = (0..2_000).filter(|_| limiter.check(&7, 0).is_ok()).count();
            let later = (0..2_000)
                .filter(|_| limiter.check(&7, 60_000).is_ok())
                .count();
            (at_once, later)
        });
        assert_eq!(passed, [(500, 500), (1_000, 1_000), (5, 5)]);
    }
}
