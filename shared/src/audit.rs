//! Which records are privileged acts: what an audit shows, and what must never happen unrecorded.

use crate::{
    event::{AssignRule, Event},
    model::ActorKind,
    record::Record,
};

impl Record {
    /// Whether somebody used a right here that not every agent has: over staff, accounts,
    /// settings, other people's chats or other people's data. Exhaustive, so that nobody adds an
    /// event without deciding.
    #[must_use]
    pub fn is_privileged(&self) -> bool {
        match &self.event {
            Event::DepartmentCreated { .. }
            | Event::DepartmentUpdated { .. }
            | Event::DepartmentDeleted { .. }
            | Event::UserCreated { .. }
            | Event::UserUpdated { .. }
            | Event::UserDeleted { .. }
            | Event::InvitationCreated { .. }
            | Event::InvitationDeleted { .. }
            | Event::CannedCreated { .. }
            | Event::CannedUpdated { .. }
            | Event::CannedDeleted { .. }
            | Event::SettingsUpdated { .. }
            | Event::DeskApplied { .. }
            | Event::AssistantUpdated { .. }
            | Event::PasswordChanged { .. }
            | Event::PasswordCodeCreated { .. }
            | Event::TotpEnabled { .. }
            | Event::TotpDisabled { .. }
            | Event::TotpReset { .. }
            | Event::RecoveryCodesCreated { .. }
            | Event::RecoveryCodeUsed { .. }
            | Event::SessionsRevoked { .. }
            | Event::TokenCreated { .. }
            | Event::TokenDeleted { .. }
            | Event::CustomerErased { .. }
            | Event::ChatErased { .. } => true,
            Event::StatusSet { user, .. } => {
                self.actor.kind == ActorKind::Agent && self.actor.id != Some(*user)
            }
            Event::ChatAssigned { rule, .. } => {
                matches!(rule, AssignRule::ByHand | AssignRule::TakenOver)
            }
            Event::ChatOpened { .. }
            | Event::MessagePosted { .. }
            | Event::MessageEdited { .. }
            | Event::ChatQueued { .. }
            | Event::ChatTransferred { .. }
            | Event::ChatHeld {}
            | Event::ChatSnoozed { .. }
            | Event::ChatWoken {}
            | Event::ChatResolved { .. }
            | Event::ChatReopened { .. }
            | Event::ChatClosed {}
            | Event::ReadMarked { .. }
            | Event::UnreadMarked { .. }
            | Event::Tagged { .. }
            | Event::Prioritised { .. }
            | Event::AttributeSet { .. }
            | Event::Rated { .. }
            | Event::AgentUnreachable { .. }
            | Event::AgentBack { .. }
            | Event::AgentLost { .. }
            | Event::CustomerRegistered { .. }
            | Event::CannedUsed { .. }
            | Event::AssistantAssigned { .. }
            | Event::AssistantStarted { .. }
            | Event::AssistantReplied { .. }
            | Event::HandedOff { .. }
            | Event::AnswerFlagged { .. }
            | Event::KnowledgeLoaded { .. }
            | Event::Unknown => false,
        }
    }
}
