//! How records change what one sees: the one fold that the desk and every client use.
//!
//! `apply(records, old view) == new view` is a law of the product and a test. Deciding what may
//! happen is not done here, and neither is anything that needs a clock.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    assistant::AssistantSettings,
    event::{Event, Reader},
    id::{CannedId, ChatId, DepartmentId, Epoch, Pos, Seq, UserId},
    model::{AgentStatus, Canned, Chat, ChatState, Department, Rating, Settings, User},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

/// A chat with the newest of its records that the reader may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChatView {
    /// The chat.
    pub chat: Chat,
    /// Its newest records, oldest first.
    pub events: Vec<Record>,
}

/// What a principal may see of a desk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeskView {
    /// The departments, by number.
    pub departments: Vec<Department>,
    /// The staff, by number; empty for a customer.
    pub agents: Vec<User>,
    /// The chats: the principal's own and the open ones in sight, at most 200, by number.
    pub chats: Vec<ChatView>,
    /// The canned replies in sight, by number; empty for a customer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canned: Vec<Canned>,
    /// How the desk is set up; the defaults for a customer, who asks `GET /api/desk`.
    #[serde(default)]
    pub settings: Settings,
    /// How the assistant is set up; the defaults for a customer.
    #[serde(default)]
    pub assistant: AssistantSettings,
}

/// A desk view that follows the log, with its parts by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The last record that was applied.
    pub pos: Pos,
    /// The departments.
    pub departments: BTreeMap<DepartmentId, Department>,
    /// The staff.
    pub agents: BTreeMap<UserId, User>,
    /// The chats.
    pub chats: BTreeMap<ChatId, ChatView>,
    /// The canned replies.
    pub canned: BTreeMap<CannedId, Canned>,
    /// How the desk is set up.
    pub settings: Settings,
    /// How the assistant is set up.
    pub assistant: AssistantSettings,
}

impl Chat {
    /// A chat as its first record makes it; none when the record opens no chat.
    #[must_use]
    pub fn opened(record: &Record) -> Option<Self> {
        let (Some(id), Some(seq)) = (record.chat, record.seq) else {
            return None;
        };
        let Event::ChatOpened {
            department,
            customer,
            name,
            email,
            phone,
            fields,
            previous,
        } = &record.event
        else {
            return None;
        };
        Some(Self {
            id,
            state: ChatState::Waiting,
            department: *department,
            owner: None,
            epoch: Epoch(0),
            seq,
            episode: 1,
            rank_at: record.at,
            place: None,
            customer: *customer,
            name: name.clone(),
            email: email.clone(),
            phone: phone.clone(),
            fields: fields.clone(),
            tags: std::collections::BTreeSet::new(),
            priority: 0,
            opened_at: record.at,
            resolved_at: None,
            until: None,
            previous: *previous,
            read_by_customer: Seq(0),
            read_by_staff: Seq(0),
            read_by_owner: Seq(0),
            unread_from: None,
            hand_off: None,
            rating: None,
            rev: seq.0,
        })
    }

    /// Takes in a later record of this chat.
    pub fn apply(&mut self, record: &Record) {
        if let Some(seq) = record.seq {
            self.seq = seq;
            self.rev = seq.0;
        }
        match &record.event {
            Event::ChatQueued {
                department,
                rank_at,
                epoch,
                ..
            } => {
                self.state = ChatState::Waiting;
                self.department = *department;
                self.owner = None;
                self.until = None;
                self.rank_at = *rank_at;
                self.epoch = *epoch;
            }
            Event::ChatAssigned { agent, epoch, .. } => {
                self.state = ChatState::Active;
                if self.owner != Some(*agent) {
                    self.read_by_owner = Seq(0);
                    self.unread_from = None;
                }
                self.owner = Some(*agent);
                self.until = None;
                self.epoch = *epoch;
            }
            Event::AssistantAssigned { epoch, .. } => {
                self.state = ChatState::Assistant;
                self.owner = None;
                self.until = None;
                self.epoch = *epoch;
            }
            Event::HandedOff { hand_off } => self.hand_off = Some(hand_off.clone()),
            Event::ChatTransferred { to, epoch, .. } => {
                self.department = to.department;
                self.epoch = *epoch;
            }
            Event::ChatHeld {} => {
                self.state = ChatState::Hold;
                self.until = Some(record.at.after(HOLD_MAX));
            }
            Event::ChatSnoozed { until } => {
                self.state = ChatState::Snoozed;
                self.until = *until;
            }
            Event::ChatWoken {} => {
                self.state = ChatState::Active;
                self.until = None;
            }
            Event::ChatResolved { .. } => {
                self.state = ChatState::Resolved;
                self.until = None;
                self.resolved_at = Some(record.at);
            }
            Event::ChatReopened { episode } => {
                self.state = ChatState::Waiting;
                self.owner = None;
                self.episode = *episode;
                self.resolved_at = None;
                self.rating = None;
                self.hand_off = None;
                self.rank_at = record.at;
            }
            Event::ChatClosed {} => {
                self.state = ChatState::Closed;
                self.until = None;
            }
            Event::ReadMarked { by, seq } => match by {
                Reader::Customer => self.read_by_customer = *seq,
                Reader::Staff => {
                    self.read_by_staff = self.read_by_staff.max(*seq);
                    self.read_by_owner = self.read_by_owner.max(*seq);
                    self.unread_from = None;
                }
            },
            Event::UnreadMarked { seq } => self.unread_from = Some(*seq),
            Event::Tagged { tags } => self.tags.clone_from(tags),
            Event::Prioritised { priority } => self.priority = *priority,
            Event::AttributeSet { key, value } => self.set_field(key, value),
            Event::Rated { score, comment } => {
                self.rating = Some(Rating {
                    score: *score,
                    comment: comment.clone(),
                    episode: self.episode,
                });
            }
            _ => {}
        }
    }

    fn set_field(&mut self, key: &SafeText, value: &SafeText) {
        if value.is_empty() {
            self.fields.remove(key);
        } else {
            self.fields.insert(key.clone(), value.clone());
        }
    }
}

impl Department {
    /// As it is after the record at `pos` that carries it.
    #[must_use]
    pub fn revised(mut self, pos: Pos) -> Self {
        self.rev = pos.0;
        self
    }
}

impl Settings {
    /// As they are after the record at `pos` that carries them.
    #[must_use]
    pub fn revised(mut self, pos: Pos) -> Self {
        self.rev = pos.0;
        self
    }
}

impl AssistantSettings {
    /// As they are after the record at `pos` that carries them.
    #[must_use]
    pub fn revised(mut self, pos: Pos) -> Self {
        self.rev = pos.0;
        self
    }
}

impl Canned {
    /// As it is after the record at `pos` that carries it.
    #[must_use]
    pub fn revised(mut self, pos: Pos) -> Self {
        self.rev = pos.0;
        self
    }
}

impl User {
    /// As it is after the record at `pos` that carries it.
    #[must_use]
    pub fn revised(mut self, pos: Pos) -> Self {
        self.rev = pos.0;
        self
    }

    /// Takes in a change of what the user means to do.
    pub fn set_status(&mut self, status: AgentStatus, reason: Option<&SafeText>, drain: bool) {
        self.status = status;
        self.reason = reason.cloned();
        self.drain = drain;
    }
}

impl View {
    /// Begins from a snapshot.
    #[must_use]
    pub fn new(pos: Pos, desk: DeskView) -> Self {
        Self {
            pos,
            departments: desk.departments.into_iter().map(|d| (d.id, d)).collect(),
            agents: desk.agents.into_iter().map(|u| (u.id, u)).collect(),
            chats: desk.chats.into_iter().map(|c| (c.chat.id, c)).collect(),
            canned: desk.canned.into_iter().map(|c| (c.id, c)).collect(),
            settings: desk.settings,
            assistant: desk.assistant,
        }
    }

    /// Puts in a chat that has come into sight.
    pub fn reveal(&mut self, chat: ChatView) {
        self.chats.insert(chat.chat.id, chat);
    }

    /// Takes in a record. The record that takes a chat out of sight is applied like any other;
    /// whose view it is decides whether to drop the chat then.
    pub fn apply(&mut self, record: &Record) {
        if record.pos <= self.pos {
            return;
        }
        self.pos = record.pos;
        match record.chat {
            Some(id) => self.apply_to_chat(id, record),
            None => self.apply_to_desk(&record.event),
        }
    }

    fn apply_to_chat(&mut self, id: ChatId, record: &Record) {
        if let Some(view) = self.chats.get_mut(&id) {
            if record.seq.is_some_and(|seq| seq <= view.chat.seq) {
                return;
            }
            view.chat.apply(record);
            view.events.push(record.clone());
        } else if let Some(chat) = Chat::opened(record) {
            let events = vec![record.clone()];
            self.chats.insert(id, ChatView { chat, events });
        }
    }

    fn apply_to_desk(&mut self, event: &Event) {
        match event {
            Event::DepartmentCreated { department } | Event::DepartmentUpdated { department } => {
                let department = department.clone().revised(self.pos);
                self.departments.insert(department.id, department);
            }
            Event::DepartmentDeleted { department } => {
                self.departments.remove(department);
                for user in self.agents.values_mut() {
                    user.departments.remove(department);
                }
            }
            Event::CannedCreated { canned } | Event::CannedUpdated { canned } => {
                let canned = canned.clone().revised(self.pos);
                self.canned.insert(canned.id, canned);
            }
            Event::CannedDeleted { canned } => {
                self.canned.remove(canned);
            }
            Event::CannedUsed { canned, .. } => {
                if let Some(canned) = self.canned.get_mut(canned) {
                    canned.uses += 1;
                }
            }
            Event::SettingsUpdated { settings } => {
                self.settings = settings.clone().revised(self.pos);
            }
            Event::AssistantUpdated { settings } => {
                self.assistant = settings.as_ref().clone().revised(self.pos);
            }
            Event::UserCreated { user } | Event::UserUpdated { user } => {
                let user = user.clone().revised(self.pos);
                self.agents.insert(user.id, user);
            }
            Event::UserDeleted { user } => {
                self.agents.remove(user);
            }
            Event::StatusSet {
                user,
                status,
                reason,
                drain,
            } => {
                if let Some(user) = self.agents.get_mut(user) {
                    user.set_status(*status, reason.as_ref(), *drain);
                }
            }
            Event::ChatErased { chat, .. } => {
                if let Some(view) = self.chats.get_mut(chat) {
                    view.erase();
                }
            }
            Event::AgentUnreachable { user } => self.set_reachable(*user, false),
            Event::AgentBack { user } => self.set_reachable(*user, true),
            _ => {}
        }
    }

    fn set_reachable(&mut self, user: UserId, reachable: bool) {
        if let Some(user) = self.agents.get_mut(&user) {
            user.reachable = reachable;
        }
    }
}

/// The longest that a chat stays on hold before the rule `hold_close` resolves it.
pub const HOLD_MAX: Duration = Duration::from_secs(60 * 60);

/// When a resolved chat closes for good.
#[must_use]
pub fn closes_at(resolved_at: Timestamp) -> Timestamp {
    resolved_at.after(Duration::from_secs(72 * 3600))
}
