//! The working time of today: what the hub counted so far, and on from there by its records.

use shared::{
    model::{AgentStatus, Interval, User},
    time::Timestamp,
};

/// The working time since the beginning of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours {
    /// When the day began; none before the hub was asked.
    pub day: Option<Timestamp>,
    /// What was done when; none while it is not known.
    intervals: Option<Vec<Interval>>,
    /// Something changed since the hub was asked, which its answer may not have.
    changed: bool,
}

/// Times of one day, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sums {
    online: i64,
    busy: i64,
    away: i64,
}

impl Hours {
    /// The hub is asked for the day that began at `day`.
    pub fn ask(day: Timestamp) -> Self {
        Self {
            day: Some(day),
            ..Self::default()
        }
    }

    /// The hub has answered for the day that began at `day`. Says whether to ask once more,
    /// because something changed meanwhile.
    pub fn answer(&mut self, day: Timestamp, intervals: Vec<Interval>) -> bool {
        if self.day == Some(day) && !self.changed {
            self.intervals = Some(intervals);
        }
        self.day == Some(day) && std::mem::take(&mut self.changed)
    }

    /// From `at` on we are as `me` says.
    pub fn note(&mut self, me: &User, at: Timestamp) {
        let Some(intervals) = &mut self.intervals else {
            self.changed = self.day.is_some();
            return;
        };
        // The answer may have been ahead of the record.
        while intervals.last().is_some_and(|last| last.from >= at) {
            intervals.pop();
        }
        if let Some(last) = intervals.last_mut() {
            last.to = Some(at);
        }
        intervals.push(Interval {
            from: at,
            to: None,
            status: me.status,
            reachable: me.reachable,
            reason: me.reason.clone(),
        });
    }

    /// "online 3:12, busy 0:20, away 0:45"; none while it is not known. Who means to be at work
    /// and is not connected is away.
    pub fn describe(&self, now: Timestamp) -> Option<String> {
        let day = self.day?;
        let mut sums = Sums::default();
        for interval in self.intervals.as_ref()? {
            let from = interval.from.max(day).as_ms();
            let to = interval.to.unwrap_or(now).as_ms();
            let sum = match (interval.status, interval.reachable) {
                (AgentStatus::Offline, _) => continue,
                (AgentStatus::Away, _) | (_, false) => &mut sums.away,
                (AgentStatus::Online, true) => &mut sums.online,
                (AgentStatus::Busy, true) => &mut sums.busy,
            };
            *sum += (to - from).max(0);
        }
        let Sums { online, busy, away } = sums;
        Some(format!(
            "online {}, busy {}, away {}",
            clock(online),
            clock(busy),
            clock(away)
        ))
    }
}

/// Hours and minutes.
fn clock(ms: i64) -> String {
    let minutes = ms / 60_000;
    format!("{}:{:02}", minutes / 60, minutes % 60)
}
