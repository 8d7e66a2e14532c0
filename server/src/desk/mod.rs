//! The desk: the rules, and nothing else. Pure: no I/O, no clock, no randomness, no hash order.
//!
//! `decide` says what a command gives, `due` what time and the rules give, `apply` is the only
//! mutation. Time and identity come in as arguments; ids come from counters in the state.

mod accounts;
mod apply;
pub mod assistant;
mod attachments;
mod canned;
pub mod chat;
pub mod code;
mod departments;
mod due;
mod ending;
pub mod entities;
mod erasure;
mod form;
mod hours;
pub mod human;
mod index;
mod messages;
mod opening;
mod ownership;
mod parking;
pub mod permission;
mod presence;
mod rejection;
pub mod settings;
mod sight;
mod staff;
mod state;
#[cfg(test)]
mod tests;
pub mod visibility;
pub mod workload;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use shared::{
    command::{Command, DepartmentRef, UserRef},
    event::{Event, QueueReason},
    id::{ChatId, DepartmentId, Epoch, Pos, UserId},
    model::{Actor, ActorKind, Chat, ChatState, Department, Invitation, Role, User, Visibility},
    text::SafeText,
    time::Timestamp,
};

pub use rejection::Rejection;

use self::{
    index::Index,
    permission::{Action, Column, Object},
    state::{Facts, Thread},
    visibility::Viewer,
};

/// An event that the desk made, before the hub gives it a place and a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// The chat it belongs to, if any.
    pub chat: Option<ChatId>,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
}

/// Who asks, as the hub knows it from the session; never from what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A member of staff.
    User(UserId),
    /// A customer, registered or holding the secret of a chat.
    Customer {
        /// The number.
        id: UserId,
        /// The name, for the records.
        name: SafeText,
    },
    /// Nobody yet: may open a chat, set up, accept an invitation and register.
    Anonymous,
    /// The hub itself, naming the part of it that asks.
    System(&'static str),
}

/// The state of a desk and its rules. Its JSON is the stored snapshot.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "Facts")]
pub struct Desk {
    facts: Facts,
    index: Index,
}

impl From<Facts> for Desk {
    fn from(facts: Facts) -> Self {
        let index = Index::of(&facts);
        Self { facts, index }
    }
}

impl Serialize for Desk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.facts.serialize(serializer)
    }
}

/// The one who asks, looked up.
enum Party<'a> {
    Staff(&'a User),
    Customer(UserId, &'a SafeText),
    Anonymous,
    System(&'static str),
}

impl Desk {
    /// What `command` of `who` gives at `now`: records to apply, commit and publish in this
    /// order. Nothing when the command changes nothing.
    ///
    /// # Errors
    /// The [`Rejection`] that explains why not; permissions are judged before anything else.
    pub fn decide(
        &self,
        who: &Who,
        command: &Command,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let party = self.party(who)?;
        self.check(&party, Action::of(command), Object::of(command))?;
        let records = match command {
            Command::OpenChat(open) => self.open_chat(&party, open, now),
            Command::PostMessage {
                chat,
                text,
                visibility,
                expected_seq,
                canned,
            } => {
                let uses = self.use_canned(&party, *chat, canned)?;
                self.post_message(&party, *chat, text, *visibility, *expected_seq, now)
                    .map(|posted| [uses, posted].concat())
            }
            Command::PostAttachment {
                chat,
                attachment,
                text,
                visibility,
            } => self.post_attachment(&party, *chat, attachment, text, *visibility, now),
            Command::EditMessage { chat, seq, text } => {
                self.edit_message(&party, *chat, *seq, text)
            }
            Command::MarkRead { chat, seq } => self.mark_read(&party, *chat, *seq),
            Command::MarkUnread { chat, seq } => self.mark_unread(&party, *chat, *seq),
            Command::Claim { chat, epoch } => self.claim(&party, *chat, *epoch),
            Command::Assign { chat, agent, epoch } => self.assign(&party, *chat, agent, *epoch),
            Command::TakeOver { chat, epoch } => self.take_over(&party, *chat, *epoch),
            Command::Transfer {
                chat,
                department,
                agent,
                note,
                epoch,
            } => {
                let target = (department.as_ref(), agent.as_ref());
                self.transfer(&party, *chat, target, note.as_ref(), *epoch, now)
            }
            Command::Hold { chat } => self.hold(&party, *chat),
            Command::Snooze { chat, until } => self.snooze(&party, *chat, *until, now),
            Command::Wake { chat } => self.wake(&party, *chat, now),
            Command::Resolve { chat } => self.resolve(&party, *chat),
            Command::Close { chat, epoch } => self.close(&party, *chat, *epoch),
            Command::Reopen { chat } => self.reopen(&party, *chat, now),
            Command::Rate {
                chat,
                score,
                comment,
            } => self.rate(&party, *chat, *score, comment.as_ref(), now),
            Command::Tag { chat, add, remove } => self.tag(&party, *chat, add, remove),
            Command::SetPriority { chat, priority } => self.set_priority(&party, *chat, *priority),
            Command::SetLanguage { chat, language } => self.set_language(&party, *chat, language),
            Command::SetAttribute { chat, key, value } => {
                self.set_attribute(&party, *chat, key, value)
            }
            Command::RequestHuman { chat } => self.request_human(*chat, now),
            Command::ReturnToAssistant { chat, epoch } => {
                self.return_to_assistant(&party, *chat, *epoch)
            }
            Command::FlagAnswer { chat, seq, reason } => {
                self.flag_answer(&party, *chat, *seq, reason.as_ref())
            }
            Command::ApplyDesk(apply) => self.apply_desk(who, &party, apply, now),
            of_desk => self.decide_of_desk(&party, of_desk, now),
        }?;
        self.lawful(records)
    }

    fn decide_of_desk(
        &self,
        party: &Party<'_>,
        command: &Command,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        match command {
            Command::SetStatus {
                status,
                reason,
                drain,
                user,
            } => self.set_status(party, *user, *status, reason.as_ref(), *drain),
            Command::CreateDepartment(new) => self.create_department(party, new),
            Command::UpdateDepartment { id, change, rev } => {
                self.update_department(party, *id, change, *rev)
            }
            Command::DeleteDepartment { id, rev } => self.delete_department(party, *id, *rev),
            Command::UpdateSettings { change, rev } => self.update_settings(party, change, *rev),
            Command::UpdateAssistant { change, rev } => self.update_assistant(party, change, *rev),
            Command::CreateCanned(new) => self.create_canned(party, new),
            Command::UpdateCanned { id, change, rev } => {
                self.update_canned(party, *id, change, *rev)
            }
            Command::DeleteCanned { id, rev } => self.delete_canned(party, *id, *rev),
            Command::CreateUser(new) => self.create_user(party, new, now),
            Command::UpdateUser { id, change, rev } => self.update_user(party, *id, change, *rev),
            Command::DeleteUser { id, rev } => self.delete_user(party, *id, *rev),
            Command::Invite {
                role,
                departments,
                username,
            } => self.invite(party, *role, departments, username.as_ref(), now),
            Command::RevokeInvitation { id } => self.revoke_invitation(party, *id),
            Command::Setup { username, name } => self.set_up(username, name),
            Command::AcceptInvitation {
                invitation,
                username,
                name,
            } => self.accept_invitation(*invitation, username, name, now),
            Command::RegisterCustomer => Ok(self.register_customer()),
            Command::NoteAccount(act) => self.note_account(party, act),
            Command::LoseAgent { user } => Ok(self.lose_agent(*user)),
            Command::RegainAgent { user } => Ok(self.regain_agent(*user)),
            Command::StartHub => Ok([self.start_hub(), self.break_leases(now)].concat()),
            Command::StartTurn { chat, epoch, seq } => self.start_turn(*chat, *epoch, *seq),
            Command::FinishTurn {
                chat,
                epoch,
                seq,
                turn,
            } => self.finish_turn(*chat, *epoch, *seq, turn, now),
            Command::NoteKnowledge {
                topics,
                questions,
                provider,
                hash,
            } => Ok(self.note_knowledge(*topics, *questions, *provider, hash)),
            Command::EraseCustomer { customer, reason } => {
                self.erase_customer(party, *customer, *reason)
            }
            Command::CloseChats { chats } => Ok(self.close_chats(chats)),
            Command::EraseChat { .. } => self.erase_chat(command),
            _ => Ok(Vec::new()),
        }
    }

    /// Passes records on when each can happen to its chat in the state that the ones before
    /// leave it in.
    fn lawful(&self, records: Vec<NewRecord>) -> Result<Vec<NewRecord>, Rejection> {
        let mut states: BTreeMap<ChatId, ChatState> = BTreeMap::new();
        for record in &records {
            let Some(id) = record.chat else { continue };
            let state = states.get(&id).copied();
            let state = state.or_else(|| self.chat(id).map(|chat| chat.state));
            let next = match state {
                None => Some(ChatState::Waiting),
                Some(state) => chat::next(state, &record.event),
            };
            let next = next.ok_or(Rejection::WrongState {
                chat: id,
                state: state.unwrap_or(ChatState::Waiting),
            })?;
            states.insert(id, next);
        }
        Ok(records)
    }

    fn party<'a>(&'a self, who: &'a Who) -> Result<Party<'a>, Rejection> {
        match who {
            Who::User(id) => match self.user(*id) {
                Some(user) if user.active => Ok(Party::Staff(user)),
                _ => Err(Rejection::Unauthenticated),
            },
            Who::Customer { id, name } => {
                let known = *id <= self.facts.last_user && self.user(*id).is_none();
                if known {
                    Ok(Party::Customer(*id, name))
                } else {
                    Err(Rejection::Unauthenticated)
                }
            }
            Who::Anonymous => Ok(Party::Anonymous),
            Who::System(part) => Ok(Party::System(part)),
        }
    }

    /// The last record that was applied.
    #[must_use]
    pub const fn pos(&self) -> Pos {
        self.facts.pos
    }

    /// The name by which others know who asks.
    #[must_use]
    pub fn name(&self, who: &Who) -> SafeText {
        match self.party(who) {
            Ok(party) => party.actor().name,
            Err(_) => SafeText::default(),
        }
    }

    /// A chat that is not closed.
    #[must_use]
    pub fn chat(&self, id: ChatId) -> Option<&Chat> {
        self.facts.chats.get(&id).map(|thread| &thread.chat)
    }

    /// Every chat that is not closed, by number.
    pub fn chats(&self) -> impl Iterator<Item = &Chat> {
        self.facts.chats.values().map(|thread| &thread.chat)
    }

    /// A member of staff.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.facts.staff.get(&id).map(|member| &member.user)
    }

    /// A member of staff by username, without regard to case.
    #[must_use]
    pub fn user_by_name(&self, username: &str) -> Option<&User> {
        let id = self.index.usernames.get(&username.to_lowercase())?;
        self.user(*id)
    }

    /// A member of staff by number or username.
    #[must_use]
    pub fn user_by_ref(&self, user: &UserRef) -> Option<&User> {
        match user {
            UserRef::Id(id) => self.user(*id),
            UserRef::Username(username) => self.user_by_name(username),
        }
    }

    /// The staff, by number.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.facts.staff.values().map(|member| &member.user)
    }

    /// A department by number, or by name without regard to case.
    #[must_use]
    pub fn department(&self, department: &DepartmentRef) -> Option<&Department> {
        match department {
            DepartmentRef::Id(id) => self.facts.departments.get(id),
            DepartmentRef::Name(name) => {
                let name = name.to_lowercase();
                self.departments().find(|d| d.name.to_lowercase() == name)
            }
        }
    }

    /// The departments, by number.
    pub fn departments(&self) -> impl Iterator<Item = &Department> {
        self.facts.departments.values()
    }

    /// The invitations that were neither accepted nor taken back, expired ones too, by number.
    pub fn invitations(&self) -> impl Iterator<Item = &Invitation> {
        self.facts.invitations.values()
    }

    /// How many chats that weigh a user owns: active and offered ones.
    #[must_use]
    pub fn load(&self, user: UserId) -> u32 {
        self.index.loads.get(&user).copied().unwrap_or(0)
    }

    /// The open chats that a user owns, by number.
    pub fn owned(&self, user: UserId) -> impl Iterator<Item = &Chat> {
        let ids = self.index.owned.get(&user).into_iter().flatten();
        ids.filter_map(|id| self.chat(*id))
    }

    /// The chats that wait in a department, first to be served first.
    pub fn queue(&self, department: DepartmentId) -> impl Iterator<Item = &Chat> {
        let turns = self.index.queues.get(&department).into_iter().flatten();
        turns.filter_map(|turn| self.chat(turn.chat))
    }

    /// Whether the rules may give chats to a user, were there room: online, connected, active
    /// and not about to leave.
    #[must_use]
    pub fn routable(&self, user: UserId) -> bool {
        let member = self.facts.staff.get(&user);
        member.is_some_and(state::Member::is_routable)
    }

    /// The newest chat there ever was; 0 when there was none.
    #[must_use]
    pub const fn last_chat(&self) -> ChatId {
        self.facts.last_chat
    }

    /// Whether the desk still waits for its first owner.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.staff.is_empty()
    }

    fn thread(&self, id: ChatId) -> Result<&Thread, Rejection> {
        let thread = self.facts.chats.get(&id);
        thread.ok_or(if id == ChatId(0) || id > self.facts.last_chat {
            Rejection::NoChat { chat: id }
        } else {
            Rejection::Archived { chat: id }
        })
    }

    fn owner_name(&self, chat: &Chat) -> Option<SafeText> {
        let owner = self.user(chat.owner?)?;
        Some(owner.name.clone())
    }

    /// Refuses a command that saw another epoch than the chat has now.
    fn check_epoch(&self, chat: &Chat, epoch: Epoch) -> Result<(), Rejection> {
        if chat.epoch == epoch {
            Ok(())
        } else {
            Err(self.changed_hands(chat))
        }
    }

    fn changed_hands(&self, chat: &Chat) -> Rejection {
        Rejection::ChangedHands {
            chat: chat.id,
            owner: self.owner_name(chat),
            epoch: chat.epoch,
        }
    }

    /// Sends an owned chat back to its queue, where it keeps its age, and tells its customer.
    fn give_back(&self, chat: &Chat, reason: QueueReason) -> [NewRecord; 2] {
        let rule = match reason {
            QueueReason::AgentLost => "agent_lost",
            _ => "agent_left",
        };
        let owner = self.owner_name(chat);
        let owner = owner.as_deref().unwrap_or("Your agent");
        let text = match reason {
            QueueReason::AgentLost => format!("{owner} lost the connection"),
            _ => format!("{owner} had to leave"),
        };
        let queued = Event::ChatQueued {
            department: chat.department,
            rank_at: chat.rank_at,
            reason,
            epoch: chat.epoch.next(),
        };
        let text = format!("{text}; you keep your place and someone else will answer");
        [
            NewRecord::of_chat(chat.id, system(rule), queued),
            NewRecord::line(chat.id, rule, &text),
        ]
    }
}

impl Party<'_> {
    const fn column(&self) -> Column {
        match self {
            Self::Staff(user) => Column::Role(user.role),
            Self::Customer(..) => Column::Role(Role::Customer),
            Self::Anonymous => Column::Anonymous,
            Self::System(_) => Column::System,
        }
    }

    const fn id(&self) -> Option<UserId> {
        match self {
            Self::Staff(user) => Some(user.id),
            Self::Customer(id, _) => Some(*id),
            Self::Anonymous | Self::System(_) => None,
        }
    }

    const fn user(&self) -> Option<&User> {
        match self {
            Self::Staff(user) => Some(user),
            _ => None,
        }
    }

    /// The member of staff that only staff can be where this is asked.
    fn staff(&self) -> Result<&User, Rejection> {
        self.user().ok_or(Rejection::Unauthenticated)
    }

    fn actor(&self) -> Actor {
        match self {
            Self::Staff(user) => person(ActorKind::Agent, user.id, &user.name),
            Self::Customer(id, name) => person(ActorKind::Customer, *id, name),
            Self::Anonymous => system("anonymous"),
            Self::System(part) => system(part),
        }
    }

    fn viewer(&self) -> Option<Viewer> {
        match self {
            Self::Staff(user) => Some(Viewer {
                id: user.id,
                role: user.role,
                departments: user.departments.clone(),
            }),
            Self::Customer(id, _) => Some(Viewer {
                id: *id,
                role: Role::Customer,
                departments: std::collections::BTreeSet::new(),
            }),
            Self::Anonymous | Self::System(_) => None,
        }
    }
}

impl NewRecord {
    const fn of_chat(chat: ChatId, actor: Actor, event: Event) -> Self {
        Self {
            chat: Some(chat),
            actor,
            event,
        }
    }

    const fn of_desk(actor: Actor, event: Event) -> Self {
        Self {
            chat: None,
            actor,
            event,
        }
    }

    /// A line of the system that everyone in the chat reads.
    fn line(chat: ChatId, rule: &str, text: &str) -> Self {
        let event = Event::MessagePosted {
            text: SafeText::block(text),
            visibility: Visibility::Public,
            attachments: Vec::new(),
        };
        Self::of_chat(chat, system(rule), event)
    }
}

fn person(kind: ActorKind, id: UserId, name: &SafeText) -> Actor {
    Actor {
        kind,
        id: Some(id),
        name: name.clone(),
        rule: None,
    }
}

fn system(rule: &str) -> Actor {
    Actor {
        kind: ActorKind::System,
        id: None,
        name: SafeText::line("Frontdesk"),
        rule: Some(SafeText::line(rule)),
    }
}
