//! The judge's own fold: plain maps, no index, nothing of the desk's code.

use std::collections::BTreeMap;

use server::store::StoredRecord;
use shared::{
    event::{Event, Reader, TransferEnd},
    id::{ChatId, DepartmentId, Epoch, Seq, UserId},
    model::{AgentStatus, ChatState, Department, Role, User},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

/// Most chats where neither department nor user says otherwise.
const CAPACITY_DEFAULT: u32 = 4;

/// A record and what was before it.
pub(super) struct Step<'a> {
    pub(super) before: &'a Model,
    pub(super) stored: &'a StoredRecord,
    pub(super) record: &'a Record,
}

/// What the records so far say.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// Every chat that is not closed.
    pub(super) chats: BTreeMap<ChatId, Line>,
    /// The others.
    pub(super) closed: BTreeMap<ChatId, Line>,
    pub(super) staff: BTreeMap<UserId, User>,
    pub(super) departments: BTreeMap<DepartmentId, Department>,
    pub(super) waiting: u32,
    pub(super) flagged: u64,
    pub(super) tokens: u64,
    pub(super) canned: BTreeMap<u64, u64>,
}

/// A chat.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) state: ChatState,
    pub(super) department: DepartmentId,
    pub(super) owner: Option<UserId>,
    pub(super) epoch: Epoch,
    pub(super) seq: Seq,
    /// The newest record that its customer may see.
    pub(super) public: Seq,
    pub(super) rank_at: Timestamp,
    pub(super) priority: i8,
    pub(super) customer: UserId,
    pub(super) name: SafeText,
    pub(super) read_by_customer: Seq,
    pub(super) read_by_owner: Seq,
    /// A move that is not yet followed by who has the chat now.
    pub(super) moving: Option<(TransferEnd, Epoch)>,
}

impl Line {
    /// The place in a queue: urgency, then age, then number.
    pub(super) fn turn(&self, id: ChatId) -> (i8, Timestamp, ChatId) {
        (-self.priority, self.rank_at, id)
    }
}

impl Model {
    pub(super) fn apply(&mut self, record: &Record) {
        match record.chat {
            Some(id) => self.apply_to_chat(id, record),
            None => self.apply_to_desk(&record.event),
        }
    }

    /// Passes over a record whose words are gone.
    pub(super) fn skip(&mut self, record: &Record) {
        let line = record.chat.and_then(|id| self.chats.get_mut(&id));
        if let (Some(line), Some(seq)) = (line, record.seq) {
            line.seq = seq;
        }
    }

    fn apply_to_chat(&mut self, id: ChatId, record: &Record) {
        let seq = record.seq.unwrap_or_default();
        if let Event::ChatOpened {
            department,
            customer,
            name,
            ..
        } = &record.event
        {
            let line = Line {
                state: ChatState::Waiting,
                department: *department,
                owner: None,
                epoch: Epoch(0),
                seq,
                public: seq,
                rank_at: record.at,
                priority: 0,
                customer: *customer,
                name: name.clone(),
                read_by_customer: Seq(0),
                read_by_owner: Seq(0),
                moving: None,
            };
            self.chats.insert(id, line);
            self.waiting += 1;
            return;
        }
        match &record.event {
            Event::AnswerFlagged { .. } => self.flagged += 1,
            Event::AssistantReplied { reply } => self.tokens += u64::from(reply.tokens),
            _ => {}
        }
        let Some(line) = self.chats.get_mut(&id) else {
            return;
        };
        let was_waiting = line.state == ChatState::Waiting;
        line.apply(record, seq);
        let waits = line.state == ChatState::Waiting;
        self.waiting = self.waiting + u32::from(waits) - u32::from(was_waiting);
        if line.state == ChatState::Closed
            && let Some(line) = self.chats.remove(&id)
        {
            self.closed.insert(id, line);
        }
    }

    /// A chat, closed or not.
    pub(super) fn line(&self, id: ChatId) -> Option<&Line> {
        self.chats.get(&id).or_else(|| self.closed.get(&id))
    }

    fn apply_to_desk(&mut self, event: &Event) {
        match event {
            Event::DepartmentCreated { department } | Event::DepartmentUpdated { department } => {
                self.departments.insert(department.id, department.clone());
            }
            Event::DepartmentDeleted { department } => {
                self.departments.remove(department);
                for user in self.staff.values_mut() {
                    user.departments.remove(department);
                }
            }
            Event::UserCreated { user } | Event::UserUpdated { user } => {
                self.staff.insert(user.id, user.clone());
            }
            Event::UserDeleted { user } => {
                self.staff.remove(user);
            }
            Event::StatusSet {
                user,
                status,
                reason,
                drain,
            } => {
                if let Some(user) = self.staff.get_mut(user) {
                    user.status = *status;
                    user.reason.clone_from(reason);
                    user.drain = *drain;
                }
            }
            Event::AgentUnreachable { user } => self.reach(*user, false),
            Event::AgentBack { user } => self.reach(*user, true),
            Event::CannedUsed { canned, .. } => *self.canned.entry(canned.0).or_default() += 1,
            _ => {}
        }
    }

    fn reach(&mut self, user: UserId, reachable: bool) {
        if let Some(user) = self.staff.get_mut(&user) {
            user.reachable = reachable;
        }
    }

    /// The chats that weigh on a user, counted anew.
    pub(super) fn load(&self, user: UserId) -> u32 {
        let weighs = |line: &&Line| line.owner == Some(user) && line.state == ChatState::Active;
        u32::try_from(self.chats.values().filter(weighs).count()).unwrap_or(u32::MAX)
    }

    /// How many chats the rules may give a user in a department.
    pub(super) fn capacity(&self, user: &User, department: DepartmentId) -> u32 {
        let Some(department) = self.departments.get(&department) else {
            return 0;
        };
        match (department.capacity, user.capacity) {
            (Some(one), Some(other)) => one.min(other),
            (Some(limit), None) | (None, Some(limit)) => limit,
            (None, None) => CAPACITY_DEFAULT,
        }
    }

    /// The waiting chats of a department, first to be served first.
    pub(super) fn queue(&self, department: DepartmentId) -> Vec<ChatId> {
        let waits = |line: &Line| line.state == ChatState::Waiting && line.department == department;
        let waiting = self.chats.iter().filter(|(_, line)| waits(line));
        let mut turns: Vec<_> = waiting.map(|(id, line)| line.turn(*id)).collect();
        turns.sort_unstable();
        turns.into_iter().map(|(.., id)| id).collect()
    }
}

impl Line {
    fn apply(&mut self, record: &Record, seq: Seq) {
        self.seq = seq;
        if super::sight::is_public(&record.event) {
            self.public = seq;
        }
        match &record.event {
            Event::ChatQueued {
                department,
                rank_at,
                epoch,
                ..
            } => {
                self.state = ChatState::Waiting;
                (self.department, self.rank_at) = (*department, *rank_at);
                self.pass(None, *epoch);
            }
            Event::ChatAssigned { agent, epoch, .. } => {
                self.state = ChatState::Active;
                self.pass(Some(*agent), *epoch);
            }
            Event::AssistantAssigned { epoch, .. } => {
                self.state = ChatState::Assistant;
                self.pass(None, *epoch);
            }
            Event::ChatTransferred { to, epoch, .. } => {
                self.department = to.department;
                self.epoch = *epoch;
                self.moving = Some((*to, *epoch));
            }
            Event::ChatHeld {} => self.state = ChatState::Hold,
            Event::ChatSnoozed { .. } => self.state = ChatState::Snoozed,
            Event::ChatWoken {} => self.state = ChatState::Active,
            Event::ChatResolved { .. } => self.state = ChatState::Resolved,
            Event::ChatReopened { .. } => {
                self.state = ChatState::Waiting;
                self.owner = None;
                self.rank_at = record.at;
            }
            Event::ChatClosed {} => self.state = ChatState::Closed,
            Event::ReadMarked { by, seq } => match by {
                Reader::Customer => self.read_by_customer = *seq,
                Reader::Staff => self.read_by_owner = self.read_by_owner.max(*seq),
            },
            Event::Prioritised { priority } => self.priority = *priority,
            _ => {}
        }
    }

    fn pass(&mut self, owner: Option<UserId>, epoch: Epoch) {
        if owner.is_some() && self.owner != owner {
            self.read_by_owner = Seq(0);
        }
        (self.owner, self.epoch, self.moving) = (owner, epoch, None);
    }
}

/// Whether a role answers customers.
pub(super) const fn answers(role: Role) -> bool {
    !matches!(role, Role::Auditor | Role::Customer)
}

/// Whether the rules may give a user chats, were there room.
pub(super) fn takes_chats(user: &User) -> bool {
    let there = user.status == AgentStatus::Online && user.reachable;
    user.active && answers(user.role) && there && !user.drain
}
