//! The columns of what explains a chat.

use serde::Serialize;
use shared::{
    event::{AssignRule, QueueReason},
    id::{DepartmentId, Epoch, Seq, UserId},
    model::{Actor, Chat},
    record::Record,
    time::Timestamp,
};

use crate::print::{
    format::{Column, Item, Names},
    items::{main, word},
};

/// Why a chat is with whom it is.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Explained {
    /// In one sentence.
    pub(crate) summary: String,
    /// As it is now.
    pub(crate) chat: Chat,
    /// What led to it, oldest first.
    pub(crate) steps: Vec<Step>,
}

/// A record that has to do with who has a chat; null for what it does not say.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Step {
    /// Its place in the chat.
    pub(crate) seq: Option<Seq>,
    /// When.
    pub(crate) at: Timestamp,
    /// What kind of event.
    pub(crate) event: &'static str,
    /// By whom.
    pub(crate) by: Actor,
    /// In words.
    pub(crate) text: String,
    /// Where the chat is from then on.
    pub(crate) department: Option<DepartmentId>,
    /// Who has it from then on.
    pub(crate) agent: Option<UserId>,
    /// The epoch from then on.
    pub(crate) epoch: Option<Epoch>,
    /// By which rule it was given.
    pub(crate) rule: Option<AssignRule>,
    /// How many agents could have had it.
    pub(crate) candidates: Option<u32>,
    /// Whether the agent was above capacity with it.
    pub(crate) over_capacity: Option<bool>,
    /// Why it waited.
    pub(crate) queue_reason: Option<QueueReason>,
}

impl Step {
    /// Of a record, without words yet.
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            seq: record.seq,
            at: record.at,
            event: record.event.kind(),
            by: record.actor.clone(),
            text: String::new(),
            department: None,
            agent: None,
            epoch: None,
            rule: None,
            candidates: None,
            over_capacity: None,
            queue_reason: None,
        }
    }
}

impl Item for Explained {
    const COLUMNS: &'static [Column] =
        &[main("chat"), main("state"), main("owner"), main("summary")];

    fn cells(&self, names: &Names) -> Vec<String> {
        vec![
            self.chat.id.to_string(),
            word(&self.chat.state),
            self.chat.owner.map(|id| names.user(id)).unwrap_or_default(),
            self.summary.clone(),
        ]
    }

    fn handle(&self) -> String {
        self.chat.id.to_string()
    }
}
