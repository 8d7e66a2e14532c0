//! What is left of a record when its words are erased: the one form that store and clients use.
//!
//! Ids, times, counts, numbers and kinds stay, so that sequences and reports are the same as
//! before; everything that a person said, and everything said about one, goes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    assistant::Summary,
    event::Event,
    fold::ChatView,
    model::{ActorKind, Chat},
    record::Record,
    text::SafeText,
};

/// What stands where a name or a text was.
pub const ERASED: &str = "[erased]";

fn erased() -> SafeText {
    SafeText::line(ERASED)
}

impl Record {
    /// This record of a chat without anybody's words. Idempotent.
    #[must_use]
    pub fn erased(mut self) -> Self {
        if self.actor.kind == ActorKind::Customer {
            self.actor.name = erased();
        }
        self.event.erase();
        self
    }
}

impl Event {
    /// Takes the words out. Exhaustive, so that nobody adds an event of a chat without saying
    /// which of its fields are somebody's words.
    fn erase(&mut self) {
        match self {
            Self::ChatOpened {
                name,
                email,
                phone,
                fields,
                ..
            } => {
                *name = erased();
                (*email, *phone) = (None, None);
                *fields = BTreeMap::new();
            }
            Self::MessagePosted {
                text, attachments, ..
            } => {
                *text = erased();
                for attachment in attachments {
                    attachment.name = erased();
                }
            }
            Self::MessageEdited { text, .. } => *text = erased(),
            Self::Tagged { tags } => *tags = BTreeSet::new(),
            Self::AttributeSet { key, value } => {
                *key = erased();
                *value = SafeText::default();
            }
            Self::Rated { comment, .. } => *comment = None,
            Self::AssistantReplied { reply } => {
                reply.intent = None;
                reply.top = Vec::new();
                reply.citations = Vec::new();
            }
            Self::HandedOff { hand_off } => {
                (hand_off.detail, hand_off.intent, hand_off.language) = (None, None, None);
                hand_off.top = Vec::new();
                hand_off.summary = Summary::default();
            }
            Self::AnswerFlagged { reason, .. } => *reason = None,
            Self::ChatQueued { .. }
            | Self::ChatAssigned { .. }
            | Self::ChatTransferred { .. }
            | Self::ChatHeld {}
            | Self::ChatSnoozed { .. }
            | Self::ChatWoken {}
            | Self::ChatResolved { .. }
            | Self::ChatReopened { .. }
            | Self::ChatClosed {}
            | Self::ReadMarked { .. }
            | Self::UnreadMarked { .. }
            | Self::Prioritised { .. }
            | Self::AssistantAssigned { .. }
            | Self::AssistantStarted { .. } => {}
            // Of the desk, not of a chat: nothing of them is ever erased.
            Self::StatusSet { .. }
            | Self::AgentUnreachable { .. }
            | Self::AgentBack { .. }
            | Self::AgentLost { .. }
            | Self::DepartmentCreated { .. }
            | Self::DepartmentUpdated { .. }
            | Self::DepartmentDeleted { .. }
            | Self::UserCreated { .. }
            | Self::UserUpdated { .. }
            | Self::UserDeleted { .. }
            | Self::CustomerRegistered { .. }
            | Self::InvitationCreated { .. }
            | Self::InvitationDeleted { .. }
            | Self::CannedCreated { .. }
            | Self::CannedUpdated { .. }
            | Self::CannedDeleted { .. }
            | Self::CannedUsed { .. }
            | Self::SettingsUpdated { .. }
            | Self::DeskApplied { .. }
            | Self::AssistantUpdated { .. }
            | Self::KnowledgeLoaded { .. }
            | Self::PasswordChanged { .. }
            | Self::PasswordCodeCreated { .. }
            | Self::TotpEnabled { .. }
            | Self::TotpDisabled { .. }
            | Self::TotpReset { .. }
            | Self::RecoveryCodesCreated { .. }
            | Self::RecoveryCodeUsed { .. }
            | Self::SessionsRevoked { .. }
            | Self::TokenCreated { .. }
            | Self::TokenDeleted { .. }
            | Self::CustomerErased { .. }
            | Self::ChatErased { .. }
            | Self::Unknown => {}
        }
    }
}

impl Chat {
    /// Takes the words out of what a chat shows of its customer. Idempotent.
    pub fn erase(&mut self) {
        self.name = erased();
        (self.email, self.phone) = (None, None);
        self.fields = BTreeMap::new();
        self.tags = BTreeSet::new();
        if let Some(hand_off) = &mut self.hand_off {
            (hand_off.detail, hand_off.intent, hand_off.language) = (None, None, None);
            hand_off.top = Vec::new();
            hand_off.summary = Summary::default();
        }
        if let Some(rating) = &mut self.rating {
            rating.comment = None;
        }
    }
}

impl ChatView {
    /// Takes the words out of a chat and all of its records that are here. Idempotent.
    pub fn erase(&mut self) {
        self.chat.erase();
        for record in &mut self.events {
            *record = record.clone().erased();
        }
    }
}
