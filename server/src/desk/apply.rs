//! How records change the desk: the only mutation, total, and how the log is replayed.
//!
//! What a record does to a chat or a user is the shared fold; this keeps the desk's own facts
//! and the index beside it.

use shared::{
    assistant::WhileQueued,
    event::Event,
    id::{ChatId, DepartmentId, UserId},
    model::{AgentStatus, ChatState, Department, User},
    record::Record,
    time::Timestamp,
};

use super::{
    Desk,
    assistant::{Known, count},
    index::Footing,
    state::{Member, Thread},
};

impl Desk {
    /// Takes in the next record of the log.
    pub fn apply(&mut self, record: &Record) {
        self.facts.pos = record.pos;
        match record.chat {
            Some(chat) => self.apply_to_chat(chat, record),
            None => self.apply_to_desk(record),
        }
    }

    fn apply_to_chat(&mut self, id: ChatId, record: &Record) {
        let facts = &mut self.facts;
        if let Some(thread) = Thread::opened(record) {
            facts.last_chat = facts.last_chat.max(id);
            facts.last_user = facts.last_user.max(thread.chat.customer);
            self.index.enter(&Footing::of(&thread));
            facts.chats.insert(id, thread);
            return;
        }
        let Some(thread) = facts.chats.get_mut(&id) else {
            return;
        };
        let before = Footing::of(thread);
        count(&mut facts.counts, &mut facts.model_day, thread, record);
        let assists = facts.assistant.while_queued == WhileQueued::Assist;
        thread.apply(record, &facts.assistant, assists);
        if let Event::MessagePosted { attachments, .. } = &record.event {
            let newest = attachments.iter().map(|attachment| attachment.id).max();
            facts.last_attachment = facts.last_attachment.max(newest.unwrap_or_default());
        }
        let after = Footing::of(thread);
        if let Event::ChatAssigned { agent, .. } = &record.event
            && let Some(member) = facts.staff.get_mut(agent)
        {
            member.assigned = record.pos;
        }
        if after != before {
            self.index.leave(&before);
            if thread.chat.state == ChatState::Closed {
                facts.chats.remove(&id);
            } else {
                self.index.enter(&after);
            }
            for keeper in [before.keeper(), after.keeper()].into_iter().flatten() {
                self.index.stand(&self.facts, keeper);
            }
        }
    }

    fn apply_to_desk(&mut self, record: &Record) {
        match &record.event {
            Event::DepartmentCreated { department } | Event::DepartmentUpdated { department } => {
                self.put_department(department.clone().revised(record.pos));
            }
            Event::DepartmentDeleted { department } => self.drop_department(*department),
            Event::UserCreated { user } | Event::UserUpdated { user } => {
                self.put_user(user.clone().revised(record.pos), record.at);
            }
            Event::UserDeleted { user } => {
                if let Some(member) = self.facts.staff.remove(user) {
                    let username = member.user.username.to_lowercase();
                    self.index.usernames.remove(&username);
                }
                self.index.stand(&self.facts, *user);
            }
            Event::SettingsUpdated { settings } => {
                self.facts.settings = settings.clone().revised(record.pos);
            }
            Event::AssistantUpdated { settings } => {
                self.facts.assistant = settings.as_ref().clone().revised(record.pos);
            }
            Event::KnowledgeLoaded {
                topics,
                questions,
                provider,
                hash,
            } => {
                self.facts.knowledge = Known {
                    topics: *topics,
                    questions: *questions,
                    provider: *provider,
                    hash: hash.clone(),
                };
            }
            Event::CannedCreated { canned } | Event::CannedUpdated { canned } => {
                let last = &mut self.facts.last_canned;
                *last = (*last).max(canned.id);
                let canned = canned.clone().revised(record.pos);
                if let Some(old) = self.facts.canned.remove(&canned.id) {
                    self.index.leave_canned(&old);
                }
                self.index.enter_canned(&canned);
                self.facts.canned.insert(canned.id, canned);
            }
            Event::CannedDeleted { canned } => {
                if let Some(old) = self.facts.canned.remove(canned) {
                    self.index.leave_canned(&old);
                }
            }
            Event::CannedUsed { canned, .. } => {
                if let Some(canned) = self.facts.canned.get_mut(canned) {
                    canned.uses += 1;
                }
            }
            Event::CustomerRegistered { customer } => {
                self.facts.last_user = self.facts.last_user.max(*customer);
            }
            Event::InvitationCreated { invitation } => {
                let last = &mut self.facts.last_invitation;
                *last = (*last).max(invitation.id);
                let invitations = &mut self.facts.invitations;
                invitations.insert(invitation.id, invitation.clone());
            }
            Event::InvitationDeleted { invitation } => {
                self.facts.invitations.remove(invitation);
            }
            Event::StatusSet {
                user,
                status,
                reason,
                drain,
            } => self.change_presence(*user, record.at, |member| {
                member.user.set_status(*status, reason.as_ref(), *drain);
                if *status == AgentStatus::Offline {
                    member.lost_at = None;
                }
            }),
            Event::AgentUnreachable { user } => {
                let works = self.load(*user) > 0;
                self.change_presence(*user, record.at, |member| {
                    member.user.reachable = false;
                    let at_work = works || member.user.status != AgentStatus::Offline;
                    member.lost_at = at_work.then_some(record.at);
                });
            }
            Event::AgentBack { user } => self.change_presence(*user, record.at, |member| {
                member.user.reachable = true;
                member.lost_at = None;
            }),
            Event::AgentLost { user, .. } => {
                self.change_member(*user, |member| member.lost_at = None);
            }
            _ => {}
        }
    }

    fn put_department(&mut self, department: Department) {
        let id = department.id;
        self.facts.last_department = self.facts.last_department.max(id);
        self.facts.departments.insert(id, department);
        self.stand_members(id);
    }

    fn drop_department(&mut self, id: DepartmentId) {
        self.facts.departments.remove(&id);
        let members = self.members(id);
        for member in members {
            self.change_member(member, |member| {
                member.user.departments.remove(&id);
            });
        }
    }

    fn put_user(&mut self, user: User, at: Timestamp) {
        let id = user.id;
        self.facts.last_user = self.facts.last_user.max(id);
        let username = user.username.to_lowercase();
        self.index.usernames.insert(username, id);
        if let Some(member) = self.facts.staff.get_mut(&id) {
            if !user.active {
                member.lost_at = None;
            }
            member.user = user;
        } else {
            self.facts.staff.insert(id, Member::new(user));
        }
        self.change_presence(id, at, |_| {});
    }

    /// A change of what the member does, which counts as working time.
    fn change_presence(&mut self, id: UserId, at: Timestamp, change: impl FnOnce(&mut Member)) {
        self.change_member(id, |member| {
            change(member);
            member.hours.note(&member.user, at);
        });
    }

    fn change_member(&mut self, id: UserId, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.facts.staff.get_mut(&id) {
            change(member);
            self.index.stand(&self.facts, id);
        }
    }

    fn stand_members(&mut self, id: DepartmentId) {
        for member in self.members(id) {
            self.index.stand(&self.facts, member);
        }
    }

    fn members(&self, id: DepartmentId) -> Vec<UserId> {
        let staff = self.facts.staff.values();
        staff
            .filter(|member| member.user.departments.contains(&id))
            .map(|member| member.user.id)
            .collect()
    }
}
