//! The breaker: a service that fails again and again is left alone, then tried with one call.
//!
//! A state machine under a clock that is passed in.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// When it opens and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct BreakerLimits {
    pub(super) failures: usize,
    pub(super) window: Duration,
    pub(super) open: Duration,
}

/// What the breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Every call.
    Closed,
    /// None.
    Open,
    /// The one call that is under way to see whether the service is well again.
    Probing,
}

impl BreakerState {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Probing => "probing",
        }
    }
}

/// How a call ended, as far as the service's health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It answered, whatever it said.
    Well,
    /// It failed in a way that passes or adds up.
    Failed,
    /// It will fail for long; no need to count.
    Exhausted,
    /// Nothing is known: the call was given up.
    Unknown,
}

/// A call that was let through; given back with its outcome.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) is_probe: bool,
}

/// Failures lately, and what follows from them.
#[derive(Debug)]
pub(super) struct Breaker {
    failures: VecDeque<Instant>,
    state: BreakerState,
    since: Instant,
}

impl Breaker {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            failures: VecDeque::new(),
            state: BreakerState::Closed,
            since: now,
        }
    }

    pub(super) const fn state(&self) -> BreakerState {
        self.state
    }

    /// Since when it is in its state.
    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// Whether a call would be let through now.
    pub(super) fn would_admit(&self, now: Instant, limits: BreakerLimits) -> bool {
        match self.state {
            BreakerState::Closed => true,
            BreakerState::Open => now.duration_since(self.since) >= limits.open,
            BreakerState::Probing => false,
        }
    }

    /// Lets a call through or not.
    pub(super) fn admit(&mut self, now: Instant, limits: BreakerLimits) -> Option<Admission> {
        if !self.would_admit(now, limits) {
            return None;
        }
        let is_probe = self.state == BreakerState::Open;
        if is_probe {
            self.enter(BreakerState::Probing, now);
        }
        Some(Admission { is_probe })
    }

    /// Takes the outcome of a call that was let through. What began before the breaker opened
    /// says nothing about now.
    pub(super) fn settle(
        &mut self,
        admission: &Admission,
        outcome: Outcome,
        now: Instant,
        limits: BreakerLimits,
    ) {
        match (self.state, outcome) {
            (BreakerState::Probing, _) if !admission.is_probe => {}
            (BreakerState::Probing, Outcome::Well) => {
                self.failures.clear();
                self.enter(BreakerState::Closed, now);
            }
            (BreakerState::Probing, Outcome::Failed | Outcome::Exhausted) => {
                self.enter(BreakerState::Open, now);
            }
            // Open as before, and the time is up: the next call is the probe.
            (BreakerState::Probing, Outcome::Unknown) => {
                self.state = BreakerState::Open;
                self.since = now.checked_sub(limits.open).unwrap_or(self.since);
            }
            (BreakerState::Closed, Outcome::Exhausted) => self.enter(BreakerState::Open, now),
            (BreakerState::Closed, Outcome::Failed) => self.count(now, limits),
            (BreakerState::Closed, Outcome::Well | Outcome::Unknown) | (BreakerState::Open, _) => {}
        }
    }

    fn count(&mut self, now: Instant, limits: BreakerLimits) {
        self.failures.push_back(now);
        let is_old = |at: &Instant| now.duration_since(*at) > limits.window;
        while self.failures.front().is_some_and(is_old) {
            self.failures.pop_front();
        }
        if self.failures.len() >= limits.failures {
            self.failures.clear();
            self.enter(BreakerState::Open, now);
        }
    }

    fn enter(&mut self, state: BreakerState, now: Instant) {
        self.state = state;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{prop, proptest};
    use tokio::time::Instant;

    use super::{Admission, Breaker, BreakerLimits, BreakerState, Outcome};

    const LIMITS: BreakerLimits = BreakerLimits {
        failures: 5,
        window: Duration::from_secs(30),
        open: Duration::from_secs(30),
    };

    struct Line {
        breaker: Breaker,
        now: Instant,
    }

    impl Line {
        fn new() -> Self {
            let now = Instant::now();
            Self {
                breaker: Breaker::new(now),
                now,
            }
        }

        fn pass(&mut self, ms: u64) {
            self.now += Duration::from_millis(ms);
        }

        fn admit(&mut self) -> Option<Admission> {
            self.breaker.admit(self.now, LIMITS)
        }

        fn settle(&mut self, admission: &Admission, outcome: Outcome) {
            self.breaker.settle(admission, outcome, self.now, LIMITS);
        }

        fn call(&mut self, outcome: Outcome) -> bool {
            let admission = self.admit();
            if let Some(admission) = &admission {
                self.settle(admission, outcome);
            }
            admission.is_some()
        }

        fn fail(&mut self, times: usize) {
            for _ in 0..times {
                assert!(self.call(Outcome::Failed));
            }
        }
    }

    #[test]
    fn five_failures_within_thirty_seconds_open_it_and_one_probe_closes_it() {
        let mut line = Line::new();
        line.fail(4);
        assert!(line.call(Outcome::Well));
        assert_eq!(line.breaker.state(), BreakerState::Closed);
        line.pass(30_000);
        line.fail(1);
        assert_eq!(line.breaker.state(), BreakerState::Open);
        line.pass(29_999);
        assert!(line.admit().is_none());
        line.pass(1);
        let probe = line.admit().unwrap();
        assert!(probe.is_probe);
        assert!(line.admit().is_none(), "one probe at a time");
        line.settle(&probe, Outcome::Well);
        assert_eq!(line.breaker.state(), BreakerState::Closed);
        line.fail(4);
        assert_eq!(line.breaker.state(), BreakerState::Closed, "counted anew");
    }

    #[test]
    fn old_failures_are_forgotten() {
        let mut line = Line::new();
        line.fail(4);
        line.pass(30_001);
        line.fail(4);
        assert_eq!(line.breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn a_probe_that_fails_opens_it_for_as_long_again() {
        let mut line = Line::new();
        assert!(line.call(Outcome::Exhausted));
        assert_eq!(line.breaker.state(), BreakerState::Open);
        line.pass(30_000);
        assert!(line.call(Outcome::Failed));
        line.pass(29_999);
        assert!(line.admit().is_none());
        line.pass(1);
        assert!(line.admit().is_some());
    }

    #[test]
    fn a_probe_that_is_given_up_makes_room_for_the_next() {
        let mut line = Line::new();
        line.call(Outcome::Exhausted);
        line.pass(30_000);
        assert!(line.call(Outcome::Unknown));
        assert!(line.admit().is_some_and(|probe| probe.is_probe));
    }

    #[test]
    fn calls_from_before_it_opened_change_nothing() {
        let mut line = Line::new();
        let early = line.admit().unwrap();
        line.call(Outcome::Exhausted);
        line.settle(&early, Outcome::Well);
        assert_eq!(line.breaker.state(), BreakerState::Open);
        line.pass(30_000);
        let probe = line.admit().unwrap();
        line.settle(&early, Outcome::Failed);
        assert_eq!(line.breaker.state(), BreakerState::Probing);
        line.settle(&probe, Outcome::Well);
        assert_eq!(line.breaker.state(), BreakerState::Closed);
    }

    proptest! {
        #[test]
        fn a_service_that_recovers_is_used_again(
            calls in prop::collection::vec((0..20_000_u64, 0..4_u8), 0..60),
        ) {
            let mut line = Line::new();
            for (ms, outcome) in calls {
                line.pass(ms);
                let outcomes = [Outcome::Well, Outcome::Failed, Outcome::Exhausted, Outcome::Unknown];
                line.call(outcomes[usize::from(outcome)]);
                assert!(line.breaker.failures.len() < LIMITS.failures);
                assert_ne!(line.breaker.state(), BreakerState::Probing, "nothing is under way");
            }
            line.pass(30_000);
            assert!(line.call(Outcome::Well));
            assert!(line.breaker.state() == BreakerState::Closed);
        }
    }
}
