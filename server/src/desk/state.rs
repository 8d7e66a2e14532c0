//! What the desk knows: the facts that the log folds into, and nothing that can be derived.
//!
//! The facts are the stored snapshot. Orders and counts over them live in the index.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::{
    assistant::{AssistantCounts, AssistantReason, AssistantSettings},
    event::Event,
    id::{AttachmentId, CannedId, ChatId, DepartmentId, InvitationId, Pos, Seq, UserId},
    model::{ActorKind, Canned, Chat, Department, Invitation, Role, Settings, User, Visibility},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

use super::{
    assistant::{Day, Known, talk::Talk},
    hours::Hours,
    sight,
    visibility::Audience,
};

/// Newest messages of a chat that the desk remembers the author of, so that they can be edited.
pub(super) const MESSAGES_KEPT: usize = 50;
/// Most chats an agent is given automatically where no limit is set.
pub(super) const CAPACITY_DEFAULT: u32 = 4;

/// Everything the log says about now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Facts {
    /// The last record that is in.
    pub(super) pos: Pos,
    pub(super) last_chat: ChatId,
    pub(super) last_user: UserId,
    pub(super) last_department: DepartmentId,
    pub(super) last_invitation: InvitationId,
    pub(super) departments: BTreeMap<DepartmentId, Department>,
    pub(super) staff: BTreeMap<UserId, Member>,
    pub(super) invitations: BTreeMap<InvitationId, Invitation>,
    #[serde(default)]
    pub(super) last_canned: CannedId,
    #[serde(default)]
    pub(super) canned: BTreeMap<CannedId, Canned>,
    #[serde(default)]
    pub(super) last_attachment: AttachmentId,
    #[serde(default)]
    pub(super) settings: Settings,
    #[serde(default)]
    pub(super) assistant: AssistantSettings,
    #[serde(default)]
    pub(super) knowledge: Known,
    #[serde(default)]
    pub(super) counts: AssistantCounts,
    #[serde(default)]
    pub(super) model_day: Day,
    /// Every chat that is not closed.
    pub(super) chats: BTreeMap<ChatId, Thread>,
}

/// A member of staff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) user: User,
    /// Where in the log the member was last given a chat; 0 for never.
    pub(super) assigned: Pos,
    /// Since when no program of the member is connected, while the grace time runs.
    pub(super) lost_at: Option<Timestamp>,
    /// What the member did of late.
    #[serde(default)]
    pub(super) hours: Hours,
}

/// A chat with what the rules need beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Thread {
    pub(super) chat: Chat,
    /// The fields as the customer gave them.
    pub(super) given: BTreeMap<SafeText, SafeText>,
    /// The newest record that the customer may see.
    pub(super) public: Seq,
    /// The newest messages.
    pub(super) messages: BTreeMap<Seq, Posted>,
    /// The newest public message of each agent.
    pub(super) voices: BTreeMap<UserId, Voice>,
    /// When this episode was first rated.
    pub(super) rated_at: Option<Timestamp>,
    /// Bytes of all files that were sent in it.
    #[serde(default)]
    pub(super) attached_bytes: u64,
    /// The assistant's part, in this episode.
    #[serde(default)]
    pub(super) talk: Option<Box<Talk>>,
    /// It has waited for people, or was with one, in this episode: its age in the queue is known.
    #[serde(default)]
    pub(super) queued: bool,
    /// Tokens of models that it has taken.
    #[serde(default)]
    pub(super) tokens: u32,
}

/// Who wrote a message, for whom.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Posted {
    pub(super) author: UserId,
    pub(super) visibility: Visibility,
}

/// What an agent last said to the customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Voice {
    pub(super) seq: Seq,
    pub(super) name: SafeText,
}

impl Member {
    pub(super) fn new(user: User) -> Self {
        Self {
            user,
            assigned: Pos(0),
            lost_at: None,
            hours: Hours::default(),
        }
    }

    /// Whether the rules may give the member chats, were there room.
    pub(super) fn is_routable(&self) -> bool {
        use shared::model::AgentStatus::Online;
        let user = &self.user;
        user.active && user.reachable && user.status == Online && !user.drain && can_own(user.role)
    }

    /// Whether the member is there for a chat of their own that wakes.
    pub(super) fn is_available(&self) -> bool {
        use shared::model::AgentStatus::{Busy, Online};
        let user = &self.user;
        user.active && user.reachable && matches!(user.status, Online | Busy)
    }
}

/// Whether a role answers customers.
pub(super) const fn can_own(role: Role) -> bool {
    matches!(
        role,
        Role::Owner | Role::Admin | Role::Supervisor | Role::Agent
    )
}

/// How many chats the rules may give a user in a department; 0 for none.
pub(super) fn capacity(department: &Department, user: &User) -> u32 {
    match (department.capacity, user.capacity) {
        (Some(one), Some(other)) => one.min(other),
        (Some(limit), None) | (None, Some(limit)) => limit,
        (None, None) => CAPACITY_DEFAULT,
    }
}

impl Thread {
    /// A chat without what was said in it: enough to see who has it.
    pub(super) fn bare(chat: &Chat) -> Self {
        Self {
            given: BTreeMap::new(),
            public: chat.seq,
            chat: chat.clone(),
            messages: BTreeMap::new(),
            voices: BTreeMap::new(),
            rated_at: None,
            attached_bytes: 0,
            talk: None,
            queued: false,
            tokens: 0,
        }
    }

    /// A chat as its first record makes it.
    pub(super) fn opened(record: &Record) -> Option<Self> {
        let chat = Chat::opened(record)?;
        Some(Self {
            given: chat.fields.clone(),
            public: chat.seq,
            chat,
            messages: BTreeMap::new(),
            voices: BTreeMap::new(),
            rated_at: None,
            attached_bytes: 0,
            talk: None,
            queued: false,
            tokens: 0,
        })
    }

    /// Takes in a later record, under the settings of the assistant when it is not off for those
    /// who wait.
    pub(super) fn apply(&mut self, record: &Record, assistant: &AssistantSettings, assists: bool) {
        self.chat.apply(record);
        let seq = self.chat.seq;
        if sight::audience(&record.event) == Audience::Public {
            self.public = seq;
        }
        match &record.event {
            Event::MessagePosted {
                visibility,
                attachments,
                ..
            } => {
                self.remember(record, seq, *visibility);
                let sizes = attachments.iter().map(|attachment| attachment.bytes);
                self.attached_bytes = sizes.fold(self.attached_bytes, u64::saturating_add);
            }
            Event::ChatReopened { .. } => self.rated_at = None,
            Event::Rated { .. } => self.rated_at = self.rated_at.or(Some(record.at)),
            Event::AssistantReplied { reply } => {
                self.tokens = self.tokens.saturating_add(reply.tokens);
            }
            _ => {}
        }
        self.apply_to_talk(record, seq, assistant, assists);
    }

    fn apply_to_talk(
        &mut self,
        record: &Record,
        seq: Seq,
        assistant: &AssistantSettings,
        assists: bool,
    ) {
        match &record.event {
            Event::AssistantAssigned { reason, .. } => {
                let talk = Talk::begin(self.talk.as_deref(), seq, record.at);
                self.talk = Some(Box::new(talk));
                self.queued |= *reason == AssistantReason::Returned;
            }
            Event::ChatQueued { .. } => {
                self.queued = true;
                if let Some(talk) = &mut self.talk {
                    talk.let_go();
                } else if assists {
                    let mut talk = Talk::in_queue(seq, record.at);
                    let customer = self.chat.customer;
                    if let Some((&seq, posted)) = self.messages.last_key_value()
                        && posted.author == customer
                    {
                        talk.owe(seq, record.at, assistant);
                    }
                    self.talk = Some(Box::new(talk));
                }
            }
            Event::ChatAssigned { .. } => {
                self.queued = true;
                if let Some(talk) = &mut self.talk {
                    talk.let_go();
                }
            }
            Event::ChatResolved { .. } => {
                if let Some(talk) = &mut self.talk {
                    let held = talk.held;
                    talk.let_go();
                    talk.held = held;
                }
            }
            Event::ChatReopened { .. } => {
                self.talk = None;
                self.queued = false;
            }
            _ => {
                if let Some(talk) = &mut self.talk {
                    talk.apply(record, seq, self.chat.state, assistant);
                }
            }
        }
    }

    fn remember(&mut self, record: &Record, seq: Seq, visibility: Visibility) {
        let Some(author) = record.actor.id else {
            return;
        };
        self.messages.insert(seq, Posted { author, visibility });
        if self.messages.len() > MESSAGES_KEPT {
            self.messages.pop_first();
        }
        if record.actor.kind == ActorKind::Agent && visibility == Visibility::Public {
            let name = record.actor.name.clone();
            self.voices.insert(author, Voice { seq, name });
        }
    }
}
