//! Working time: when a member of staff meant to do what, and was reachable.
//!
//! Kept for two days and bounded. Sums over it are made by who asks.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};
use shared::{
    id::UserId,
    model::{AgentStatus, Interval, User},
    text::SafeText,
    time::Timestamp,
};

use super::Desk;

/// How far back intervals are kept; one that began earlier and reaches into this time stays.
const HOURS_KEPT: Duration = Duration::from_secs(48 * 3600);
/// Most intervals of one user, some 100 bytes each; beyond it the oldest go.
const INTERVALS_MAX: usize = 1_000;

/// What a user did since when, oldest first. Each lasts until the next begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Hours(VecDeque<Stint>);

/// The beginning of an interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Stint {
    from: Timestamp,
    status: AgentStatus,
    reachable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<SafeText>,
}

impl Hours {
    /// Notes what the user does from `at` on.
    pub(super) fn note(&mut self, user: &User, at: Timestamp) {
        let stints = &mut self.0;
        // What lasted no time was nothing.
        while stints.back().is_some_and(|last| last.from >= at) {
            stints.pop_back();
        }
        let is_same = |last: &Stint| {
            (last.status, last.reachable, &last.reason)
                == (user.status, user.reachable, &user.reason)
        };
        if stints.back().is_some_and(is_same) {
            return;
        }
        stints.push_back(Stint {
            from: at,
            status: user.status,
            reachable: user.reachable,
            reason: user.reason.clone(),
        });
        let is_old = |stints: &VecDeque<Stint>| {
            let ended_at = stints.get(1).map(|next| next.from);
            ended_at.is_some_and(|ended_at| at.since(ended_at) >= HOURS_KEPT)
        };
        while stints.len() > INTERVALS_MAX || is_old(stints) {
            stints.pop_front();
        }
    }

    fn since(&self, from: Timestamp) -> impl Iterator<Item = Interval> {
        let ends = self.0.iter().skip(1).map(|next| Some(next.from));
        let ends = ends.chain([None]);
        let spans = self.0.iter().zip(ends);
        let late = spans.filter(move |(_, to)| to.is_none_or(|to| to > from));
        late.map(move |(stint, to)| Interval {
            from: stint.from.max(from),
            to,
            status: stint.status,
            reachable: stint.reachable,
            reason: stint.reason.clone(),
        })
    }
}

impl Desk {
    /// What a member of staff did since `from`, oldest first, as far as it is kept: two days. The
    /// last interval has no end. Nothing for nobody.
    pub fn hours(&self, user: UserId, from: Timestamp) -> impl Iterator<Item = Interval> {
        let member = self.facts.staff.get(&user);
        member
            .into_iter()
            .flat_map(move |member| member.hours.since(from))
    }
}
