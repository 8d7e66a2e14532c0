//! A record: one event with who, when and where it stands. The log is made of them.

use serde::{Deserialize, Serialize};

use crate::{
    event::Event,
    id::{ChatId, Cursor, Pos, Seq},
    model::Actor,
    time::Timestamp,
};

/// One line of the log, as everyone who may see it reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Record {
    /// Its place in the log.
    pub pos: Pos,
    /// When the hub took it.
    pub at: Timestamp,
    /// The chat it belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChatId>,
    /// Its place in that chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
}

/// A record with the cursor that resumes after it: what a socket and the tail give out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delivered {
    /// The record.
    #[serde(flatten)]
    pub record: Record,
    /// Resumes after it.
    pub cursor: Cursor,
}
