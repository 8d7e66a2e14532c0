//! How a provider is: what `system-status` and its metrics show of it.

use std::collections::VecDeque;

use shared::time::Timestamp;

use super::{BreakerState, Fail, Kind};

/// Calls over which latencies are measured.
const LATENCIES_MAX: usize = 256;

/// A provider at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What it speaks.
    pub kind: Kind,
    /// The model.
    pub model: String,
    /// The last four characters of its key, if it has one; empty for a short one.
    pub key_last4: Option<String>,
    /// What the breaker lets through.
    pub breaker: BreakerState,
    /// Since when.
    pub since: Timestamp,
    /// When a call failed last, and how.
    pub last_failure: Option<(Timestamp, Fail)>,
    /// Calls that went out since the start.
    pub calls: u64,
    /// Those of them that brought no answer.
    pub failures: u64,
    /// Tokens of this day in UTC.
    pub tokens_today: u64,
    /// Calls under way.
    pub in_flight: usize,
    /// Calls that wait for their turn.
    pub waiting: usize,
    /// To the first byte of an answer, over the last 256.
    pub first_byte_ms: Option<Quantiles>,
    /// To the end of an answer, over the last 256.
    pub total_ms: Option<Quantiles>,
}

/// Half of the calls, and 95 of 100, took no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// The median.
    pub p50: u64,
    /// The 95th percentile.
    pub p95: u64,
}

/// The latencies of the last calls.
#[derive(Debug, Default)]
pub(super) struct Latencies(VecDeque<u64>);

impl Latencies {
    pub(super) fn add(&mut self, ms: u64) {
        if self.0.len() == LATENCIES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(ms);
    }

    pub(super) fn quantiles(&self) -> Option<Quantiles> {
        let mut sorted: Vec<u64> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted.get(rank.saturating_sub(1)).copied()
        };
        Some(Quantiles {
            p50: at(50)?,
            p95: at(95)?,
        })
    }
}

/// What is counted of calls.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) last_failure: Option<(Timestamp, Fail)>,
    pub(super) first_byte_ms: Latencies,
    pub(super) total_ms: Latencies,
}

#[cfg(test)]
mod tests {
    use super::{LATENCIES_MAX, Latencies, Quantiles};

    #[test]
    fn quantiles_are_of_the_last_calls_by_nearest_rank() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantiles(), None);
        latencies.add(7);
        assert_eq!(latencies.quantiles(), Some(Quantiles { p50: 7, p95: 7 }));
        for ms in 1..=100 {
            latencies.add(1_000 + ms);
        }
        for ms in 1..=LATENCIES_MAX as u64 {
            latencies.add(ms);
        }
        let expect = Quantiles { p50: 128, p95: 244 };
        assert_eq!(latencies.quantiles(), Some(expect));
    }
}
