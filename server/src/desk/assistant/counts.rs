//! The one fold for the numbers of the assistant: from records to counts.

use serde::{Deserialize, Serialize};
use shared::{
    assistant::{AssistantCounts, AssistantReason, ReplyKind},
    event::Event,
    model::ChatState,
    record::Record,
};

use super::super::{Desk, state::Thread};

/// Milliseconds of a day in UTC.
const DAY_MS: i64 = 24 * 3600 * 1000;

/// What models took on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Days since 1970-01-01 in UTC.
    pub number: i64,
    /// Tokens.
    pub tokens: u64,
}

impl Desk {
    /// What the assistant has done since the desk began.
    #[must_use]
    pub const fn assistant_counts(&self) -> &AssistantCounts {
        &self.facts.counts
    }

    /// What models took on the last day on which one was asked.
    #[must_use]
    pub const fn model_day(&self) -> Day {
        self.facts.model_day
    }
}

/// Counts a record; `before` is its chat as it was without the record.
pub(in crate::desk) fn count(
    counts: &mut AssistantCounts,
    day: &mut Day,
    before: &Thread,
    record: &Record,
) {
    let talk = before.talk.as_deref();
    let assisted = before.chat.state == ChatState::Assistant;
    match &record.event {
        Event::AssistantAssigned { reason, .. } => {
            counts.conversations +=
                u64::from(*reason != AssistantReason::Returned || talk.is_none());
        }
        Event::AssistantReplied { reply } => {
            counts.answered += u64::from(reply.kind == ReplyKind::Answer);
            counts.clarified += u64::from(reply.kind == ReplyKind::Clarify);
            counts.tokens += u64::from(reply.tokens);
            counts.model_ms += u64::from(reply.model_ms);
            let today = record.at.as_ms().div_euclid(DAY_MS);
            if day.number != today {
                *day = Day {
                    number: today,
                    tokens: 0,
                };
            }
            day.tokens += u64::from(reply.tokens);
        }
        Event::HandedOff { hand_off } => {
            *counts.handed_off.entry(hand_off.reason).or_default() += 1;
        }
        Event::ChatResolved { .. } | Event::ChatClosed {} if assisted => {
            let helped = talk.is_some_and(|talk| talk.helped);
            let human = talk.is_some_and(|talk| talk.human);
            let rule = record.actor.rule.as_deref();
            if rule == Some("confirmed") {
                counts.resolved_hard += 1;
            } else if helped {
                counts.resolved_soft += 1;
            } else {
                counts.abandoned += 1;
            }
            counts.deflected += u64::from((helped || rule == Some("confirmed")) && !human);
        }
        Event::ChatReopened { .. } => {
            counts.reopened += u64::from(talk.is_some_and(|talk| talk.held && talk.helped));
        }
        Event::AnswerFlagged { .. } => counts.flagged += 1,
        _ => {}
    }
}
