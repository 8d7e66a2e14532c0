//! Who has a chat: claim, assign, take over, transfer. Each names the epoch it saw, so that of
//! several at once one wins.

use shared::{
    command::{DepartmentRef, UserRef},
    event::{AssignRule, Event, QueueReason, TransferEnd},
    id::{ChatId, DepartmentId, Epoch},
    model::{AgentStatus, Chat, ChatState, Role, User, Visibility},
    text::SafeText,
    time::Timestamp,
};

use super::{
    Desk, NewRecord, Party, Rejection, form,
    state::{can_own, capacity},
};

impl Desk {
    pub(super) fn claim(
        &self,
        party: &Party<'_>,
        id: ChatId,
        epoch: Epoch,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let chat = &self.thread(id)?.chat;
        self.check_epoch(chat, epoch)?;
        if chat.owner.is_some() && chat.state.is_open() {
            return Err(self.changed_hands(chat));
        }
        if !matches!(chat.state, ChatState::Waiting | ChatState::Assistant) {
            return Err(Rejection::WrongState {
                chat: id,
                state: chat.state,
            });
        }
        let me = party.staff()?;
        Ok(self.give(
            party,
            chat,
            chat.department,
            me,
            AssignRule::Claimed,
            epoch.next(),
        ))
    }

    pub(super) fn assign(
        &self,
        party: &Party<'_>,
        id: ChatId,
        agent: &UserRef,
        epoch: Epoch,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let chat = &self.thread(id)?.chat;
        self.check_epoch(chat, epoch)?;
        let agent = self.receiver(party, chat, agent)?;
        if !agent.departments.contains(&chat.department) {
            return Err(unfit(chat, agent, "not in its department"));
        }
        Ok(self.give(
            party,
            chat,
            chat.department,
            agent,
            AssignRule::ByHand,
            epoch.next(),
        ))
    }

    pub(super) fn take_over(
        &self,
        party: &Party<'_>,
        id: ChatId,
        epoch: Epoch,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let chat = &self.thread(id)?.chat;
        self.check_epoch(chat, epoch)?;
        let me = party.staff()?;
        if chat.owner == Some(me.id) && chat.state.is_open() {
            return Err(already_with(chat, &me.name));
        }
        Ok(self.give(
            party,
            chat,
            chat.department,
            me,
            AssignRule::TakenOver,
            epoch.next(),
        ))
    }

    pub(super) fn transfer(
        &self,
        party: &Party<'_>,
        id: ChatId,
        target: (Option<&DepartmentRef>, Option<&UserRef>),
        note: Option<&SafeText>,
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let thread = self.thread(id)?;
        let chat = &thread.chat;
        self.check_epoch(chat, epoch)?;
        // One that never waited for people begins to with this.
        let rank_at = if chat.state == ChatState::Assistant && !thread.queued {
            now
        } else {
            chat.rank_at
        };
        let note = note.filter(|note| !note.trim().is_empty());
        let note = note.map(form::message).transpose()?;
        match target {
            (Some(department), None) => {
                self.transfer_to_department(party, chat, department, note, rank_at)
            }
            (None, Some(agent)) => self.transfer_to_agent(party, chat, agent, note),
            _ => Err(Rejection::TransferTarget),
        }
    }

    fn transfer_to_department(
        &self,
        party: &Party<'_>,
        chat: &Chat,
        department: &DepartmentRef,
        note: Option<SafeText>,
        rank_at: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let department = self.department_named(department)?;
        if department.id == chat.department {
            return Err(already_with(chat, &department.name));
        }
        if !department.active {
            return Err(Rejection::DepartmentInactive {
                name: department.name.clone(),
            });
        }
        let to = TransferEnd {
            department: department.id,
            agent: None,
        };
        let mut records = transferred(party, chat, to, note);
        let mover = party.actor().name;
        let line = format!("{mover} moved the chat to {}", department.name);
        records.push(NewRecord::line(chat.id, "transfer", &line));
        let queued = Event::ChatQueued {
            department: department.id,
            rank_at,
            reason: QueueReason::Transferred,
            epoch: chat.epoch.next(),
        };
        records.push(NewRecord::of_chat(chat.id, party.actor(), queued));
        Ok(records)
    }

    fn transfer_to_agent(
        &self,
        party: &Party<'_>,
        chat: &Chat,
        agent: &UserRef,
        note: Option<SafeText>,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let agent = self.receiver(party, chat, agent)?;
        let department = if agent.departments.contains(&chat.department) {
            chat.department
        } else if let Some(first) = agent.departments.first() {
            *first
        } else if agent.role >= Role::Admin {
            chat.department
        } else {
            return Err(unfit(chat, agent, "in no department"));
        };
        let to = TransferEnd {
            department,
            agent: Some(agent.id),
        };
        let epoch = chat.epoch.next();
        let mut records = transferred(party, chat, to, note);
        let mover = party.actor().name;
        let line = format!("{mover} handed the chat to {}", agent.name);
        records.push(NewRecord::line(chat.id, "transfer", &line));
        let assigned = self.given(agent, department, AssignRule::Transferred, epoch);
        records.push(NewRecord::of_chat(chat.id, party.actor(), assigned));
        Ok(records)
    }

    /// The agent that a chat is to be handed to. Someone else must be at work to be given one.
    fn receiver(
        &self,
        party: &Party<'_>,
        chat: &Chat,
        agent: &UserRef,
    ) -> Result<&User, Rejection> {
        let agent = self.user_named(agent)?;
        if chat.owner == Some(agent.id) && chat.state.is_open() {
            return Err(already_with(chat, &agent.name));
        }
        if !agent.active {
            return Err(unfit(chat, agent, "disabled"));
        }
        if !can_own(agent.role) {
            return Err(unfit(chat, agent, "not one who answers customers"));
        }
        if agent.status == AgentStatus::Offline && party.id() != Some(agent.id) {
            return Err(unfit(chat, agent, "offline"));
        }
        Ok(agent)
    }

    /// Makes `agent` the owner and tells the customer.
    pub(super) fn give(
        &self,
        party: &Party<'_>,
        chat: &Chat,
        department: DepartmentId,
        agent: &User,
        rule: AssignRule,
        epoch: Epoch,
    ) -> Vec<NewRecord> {
        let assigned = self.given(agent, department, rule, epoch);
        let line = format!("{} joined the chat", agent.name);
        vec![
            NewRecord::of_chat(chat.id, party.actor(), assigned),
            NewRecord::line(chat.id, "assign", &line),
        ]
    }

    fn given(
        &self,
        agent: &User,
        department: DepartmentId,
        rule: AssignRule,
        epoch: Epoch,
    ) -> Event {
        Event::ChatAssigned {
            agent: agent.id,
            epoch,
            rule,
            candidates: 1,
            over_capacity: !self.has_room(agent, department),
        }
    }

    /// Whether one more chat of this department is within the agent's capacity.
    pub(super) fn has_room(&self, agent: &User, department: DepartmentId) -> bool {
        let department = self.facts.departments.get(&department);
        department.is_some_and(|department| self.load(agent.id) < capacity(department, agent))
    }

    pub(super) fn department_named(
        &self,
        named: &DepartmentRef,
    ) -> Result<&shared::model::Department, Rejection> {
        self.department(named)
            .ok_or_else(|| Rejection::NoDepartment {
                name: match named {
                    DepartmentRef::Id(id) => id.to_string(),
                    DepartmentRef::Name(name) => name.to_string(),
                },
            })
    }

    fn user_named(&self, named: &UserRef) -> Result<&User, Rejection> {
        self.user_by_ref(named).ok_or_else(|| match named {
            UserRef::Id(id) => Rejection::NoUser { id: *id },
            UserRef::Username(username) => Rejection::NoUserNamed {
                username: username.clone(),
            },
        })
    }
}

/// The move itself and the note for those who get the chat.
fn transferred(
    party: &Party<'_>,
    chat: &Chat,
    to: TransferEnd,
    note: Option<SafeText>,
) -> Vec<NewRecord> {
    let event = Event::ChatTransferred {
        from: TransferEnd {
            department: chat.department,
            agent: chat.owner,
        },
        to,
        epoch: chat.epoch.next(),
    };
    let mut records = vec![NewRecord::of_chat(chat.id, party.actor(), event)];
    if let Some(text) = note {
        let visibility = Visibility::Note;
        let posted = Event::MessagePosted {
            text,
            visibility,
            attachments: Vec::new(),
        };
        records.push(NewRecord::of_chat(chat.id, party.actor(), posted));
    }
    records
}

fn already_with(chat: &Chat, place: &SafeText) -> Rejection {
    Rejection::AlreadyThere {
        chat: chat.id,
        place: place.clone(),
    }
}

fn unfit(chat: &Chat, agent: &User, why: &'static str) -> Rejection {
    Rejection::UnfitAgent {
        chat: chat.id,
        name: agent.name.clone(),
        why,
    }
}
