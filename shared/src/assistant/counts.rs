//! The numbers of the assistant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{HandOffReason, Share};

/// What the assistant and its customers have done since the desk began. The shares are of
/// conversations: [`resolution_rate`](Self::resolution_rate) and
/// [`deflection`](Self::deflection) are shown together, since each alone flatters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AssistantCounts {
    /// Episodes of chats that the assistant took part in.
    pub conversations: u64,
    /// Answers.
    pub answered: u64,
    /// Clarifications.
    pub clarified: u64,
    /// Hand-offs.
    pub handed_off: BTreeMap<HandOffReason, u64>,
    /// Conversations whose customer said that they were answered.
    pub resolved_hard: u64,
    /// Conversations that ended after an answer, without a word.
    pub resolved_soft: u64,
    /// Conversations that ended with the assistant before anything was answered.
    pub abandoned: u64,
    /// Resolved conversations that were reopened.
    pub reopened: u64,
    /// Conversations that ended after an answer and without a message of a person.
    pub deflected: u64,
    /// Answers that staff called wrong.
    pub flagged: u64,
    /// Tokens that models took.
    pub tokens: u64,
    /// Milliseconds that models took.
    pub model_ms: u64,
}

impl AssistantCounts {
    /// Conversations that were resolved and not reopened, of all; none before the first.
    #[must_use]
    pub fn resolution_rate(&self) -> Option<Share> {
        let resolved = self.resolved_hard + self.resolved_soft;
        share(resolved.saturating_sub(self.reopened), self.conversations)
    }

    /// Conversations that ended after an answer and without a person's message, of all; none
    /// before the first. A customer who gave up in the queue was not deflected.
    #[must_use]
    pub fn deflection(&self) -> Option<Share> {
        share(self.deflected, self.conversations)
    }
}

fn share(part: u64, whole: u64) -> Option<Share> {
    let thousandths = (part.min(whole) * 1_000 + whole / 2).checked_div(whole)?;
    Some(Share::from_thousandths(
        u16::try_from(thousandths).unwrap_or(u16::MAX),
    ))
}
