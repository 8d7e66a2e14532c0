//! Orders and counts over the facts, kept so that no rule scans all chats or all agents.
//!
//! Everything here can be made again from the facts, and is when a snapshot is loaded; a test
//! compares the two after every step. No rule lives here.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet},
};

use shared::{
    fold::closes_at,
    id::{CannedId, ChatId, DepartmentId, Pos, UserId},
    model::{Canned, CannedScope, Chat, ChatState},
    text::SafeText,
    time::Timestamp,
};

use super::{
    canned::templates_bytes,
    due::GRACE,
    state::{Facts, Thread, capacity},
};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Index {
    /// Staff by lower-case username.
    pub(super) usernames: BTreeMap<String, UserId>,
    /// Canned replies by scope and code.
    pub(super) canned: BTreeMap<(CannedScope, SafeText), CannedId>,
    /// Bytes of all templates of all canned replies.
    pub(super) canned_bytes: usize,
    /// The waiting chats of each department where any wait, first to be served first.
    pub(super) queues: BTreeMap<DepartmentId, BTreeSet<Turn>>,
    /// The agents of each department that can be given a chat, first choice first.
    pub(super) seats: BTreeMap<DepartmentId, BTreeSet<Seat>>,
    /// The open chats that somebody owns, by owner.
    pub(super) owned: BTreeMap<UserId, BTreeSet<ChatId>>,
    /// How many chats of each owner weigh.
    pub(super) loads: BTreeMap<UserId, u32>,
    /// The chats that do not wait: the open ones before the resolved ones.
    pub(super) shelves: BTreeSet<(DepartmentId, Shelf, ChatId)>,
    /// The chats of each customer.
    pub(super) of_customer: BTreeSet<(UserId, ChatId)>,
    /// How many open chats each customer has.
    pub(super) open_of_customer: BTreeMap<UserId, u32>,
    /// Who finished the last chat that weighs and means to leave.
    pub(super) drained: BTreeSet<UserId>,
    /// The chats that the assistant has.
    pub(super) assisted: BTreeSet<ChatId>,
    /// The chats that the assistant owes an answer and looks for none, by when it is due.
    pub(super) jobs: BTreeSet<(Timestamp, ChatId)>,
    /// The same of chats that wait in a queue.
    pub(super) queued_jobs: BTreeSet<(Timestamp, ChatId)>,
    /// The chats of the assistant whose customer must have a person.
    pub(super) calls: BTreeSet<ChatId>,
    /// What time will bring.
    pub(super) deadlines: BTreeSet<(Timestamp, Deadline)>,
    /// Where each member of staff is in the sets above.
    standings: BTreeMap<UserId, Standing>,
}

/// Place of a waiting chat in its queue: priority, then age, then number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) priority: Reverse<i8>,
    pub(super) rank_at: Timestamp,
    pub(super) chat: ChatId,
}

/// Place of a free agent among those of a department: least load for the capacity, then longest
/// without a new chat, then number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) load: u32,
    pub(super) capacity: u32,
    pub(super) assigned: Pos,
    pub(super) agent: UserId,
}

impl Ord for Seat {
    fn cmp(&self, other: &Self) -> Ordering {
        let mine = u64::from(self.load) * u64::from(other.capacity);
        let theirs = u64::from(other.load) * u64::from(self.capacity);
        mine.cmp(&theirs)
            .then(self.assigned.cmp(&other.assigned))
            .then(self.agent.cmp(&other.agent))
            .then(self.capacity.cmp(&other.capacity))
    }
}

impl PartialOrd for Seat {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Where a chat lies that does not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shelf {
    Open,
    Resolved,
}

/// What happens when a time is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deadline {
    /// An agent who fell silent loses its chats.
    Grace(UserId),
    /// A snoozed chat wakes.
    Wake(ChatId),
    /// A chat was on hold for the longest time that one can be.
    HoldOver(ChatId),
    /// A resolved chat closes.
    Close(ChatId),
    /// What a customer told the assistant was not answered in time.
    Answer(ChatId),
    /// The customer of a chat of the assistant has said nothing for too long.
    Silence(ChatId),
}

/// What of a chat the index depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footing {
    chat: ChatId,
    customer: UserId,
    state: ChatState,
    department: DepartmentId,
    owner: Option<UserId>,
    priority: i8,
    rank_at: Timestamp,
    resolved_at: Option<Timestamp>,
    until: Option<Timestamp>,
    /// When the assistant owes an answer that it does not look for.
    job_at: Option<Timestamp>,
    /// A rule calls a person.
    called: bool,
    /// When the assistant's chat ends or becomes a person's.
    talk_ends: Option<(Timestamp, TalkEnd)>,
}

/// How a chat of the assistant ends by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TalkEnd {
    Unanswered,
    Silent,
}

/// What of a member of staff is in the sets.
#[derive(Clone, Debug, Default, PartialEq)]
struct Standing {
    seats: Vec<(DepartmentId, Seat)>,
    grace_ends_at: Option<Timestamp>,
    drained: bool,
}

impl Turn {
    pub(super) const fn of(chat: &Chat) -> Self {
        Self {
            priority: Reverse(chat.priority),
            rank_at: chat.rank_at,
            chat: chat.id,
        }
    }
}

impl Footing {
    pub(super) fn of(thread: &Thread) -> Self {
        let chat = &thread.chat;
        let talk = thread.talk.as_deref();
        let assisted = chat.state == ChatState::Assistant;
        let at_work = talk.filter(|_| assisted || chat.state == ChatState::Waiting);
        let owed = at_work.and_then(|talk| talk.unanswered);
        let running = at_work.is_some_and(|talk| talk.run.is_some());
        Self {
            chat: chat.id,
            customer: chat.customer,
            state: chat.state,
            department: chat.department,
            owner: chat.owner,
            priority: chat.priority,
            rank_at: chat.rank_at,
            resolved_at: chat.resolved_at,
            until: chat.until,
            job_at: owed.filter(|_| !running).map(|owed| owed.ready_at),
            called: assisted && talk.is_some_and(|talk| talk.call.is_some()),
            talk_ends: talk.filter(|_| assisted).map(|talk| match talk.unanswered {
                Some(owed) => (owed.answer_by, TalkEnd::Unanswered),
                None => (talk.silent_at(), TalkEnd::Silent),
            }),
        }
    }

    /// The owner, while the chat is open.
    pub(super) const fn keeper(&self) -> Option<UserId> {
        if self.state.is_open() {
            self.owner
        } else {
            None
        }
    }

    const fn weighs(&self) -> bool {
        matches!(self.state, ChatState::Active | ChatState::Offered)
    }

    const fn turn(&self) -> Turn {
        Turn {
            priority: Reverse(self.priority),
            rank_at: self.rank_at,
            chat: self.chat,
        }
    }

    const fn shelf(&self) -> Option<Shelf> {
        match self.state {
            ChatState::Waiting | ChatState::Closed => None,
            ChatState::Resolved => Some(Shelf::Resolved),
            _ => Some(Shelf::Open),
        }
    }
}

impl Index {
    /// The index of these facts, made from nothing.
    pub(super) fn of(facts: &Facts) -> Self {
        let mut index = Self::default();
        for thread in facts.chats.values() {
            index.enter(&Footing::of(thread));
        }
        for canned in facts.canned.values() {
            index.enter_canned(canned);
        }
        for (&id, member) in &facts.staff {
            index
                .usernames
                .insert(member.user.username.to_lowercase(), id);
            index.stand(facts, id);
        }
        index
    }

    /// Puts a canned reply in.
    pub(super) fn enter_canned(&mut self, canned: &Canned) {
        let key = (canned.scope, canned.code.clone());
        self.canned.insert(key, canned.id);
        self.canned_bytes += templates_bytes(canned);
    }

    /// Takes a canned reply out.
    pub(super) fn leave_canned(&mut self, canned: &Canned) {
        self.canned.remove(&(canned.scope, canned.code.clone()));
        self.canned_bytes -= templates_bytes(canned);
    }

    /// Puts a chat where it belongs.
    pub(super) fn enter(&mut self, at: &Footing) {
        self.of_customer.insert((at.customer, at.chat));
        if at.state.is_open() {
            *self.open_of_customer.entry(at.customer).or_default() += 1;
        }
        if at.state == ChatState::Waiting {
            let queue = self.queues.entry(at.department).or_default();
            queue.insert(at.turn());
        }
        if let Some(shelf) = at.shelf() {
            self.shelves.insert((at.department, shelf, at.chat));
        }
        if let Some(keeper) = at.keeper() {
            self.owned.entry(keeper).or_default().insert(at.chat);
            if at.weighs() {
                *self.loads.entry(keeper).or_default() += 1;
            }
        }
        if at.state == ChatState::Assistant {
            self.assisted.insert(at.chat);
        }
        if at.called {
            self.calls.insert(at.chat);
        }
        if let Some(job_at) = at.job_at {
            self.jobs_of(at.state).insert((job_at, at.chat));
        }
        if let Some(deadline) = at.deadline() {
            self.deadlines.insert(deadline);
        }
    }

    /// Takes a chat from where it was.
    pub(super) fn leave(&mut self, at: &Footing) {
        self.of_customer.remove(&(at.customer, at.chat));
        if at.state.is_open() {
            subtract(&mut self.open_of_customer, at.customer);
        }
        if let Some(queue) = self.queues.get_mut(&at.department) {
            queue.remove(&at.turn());
            if queue.is_empty() {
                self.queues.remove(&at.department);
            }
        }
        if let Some(shelf) = at.shelf() {
            self.shelves.remove(&(at.department, shelf, at.chat));
        }
        if let Some(keeper) = at.keeper() {
            if let Some(chats) = self.owned.get_mut(&keeper) {
                chats.remove(&at.chat);
                if chats.is_empty() {
                    self.owned.remove(&keeper);
                }
            }
            if at.weighs() {
                subtract(&mut self.loads, keeper);
            }
        }
        self.assisted.remove(&at.chat);
        self.calls.remove(&at.chat);
        if let Some(job_at) = at.job_at {
            self.jobs_of(at.state).remove(&(job_at, at.chat));
        }
        if let Some(deadline) = at.deadline() {
            self.deadlines.remove(&deadline);
        }
    }

    /// Where the jobs of chats in a state are.
    fn jobs_of(&mut self, state: ChatState) -> &mut BTreeSet<(Timestamp, ChatId)> {
        if state == ChatState::Waiting {
            &mut self.queued_jobs
        } else {
            &mut self.jobs
        }
    }

    /// Puts a member of staff where they belong now, out of where they were.
    pub(super) fn stand(&mut self, facts: &Facts, id: UserId) {
        let new = self.standing(facts, id);
        let old = self.standings.remove(&id).unwrap_or_default();
        if new != old {
            for (department, seat) in &old.seats {
                if let Some(seats) = self.seats.get_mut(department) {
                    seats.remove(seat);
                    if seats.is_empty() {
                        self.seats.remove(department);
                    }
                }
            }
            for (department, seat) in &new.seats {
                self.seats.entry(*department).or_default().insert(*seat);
            }
            if let Some(at) = old.grace_ends_at {
                self.deadlines.remove(&(at, Deadline::Grace(id)));
            }
            if let Some(at) = new.grace_ends_at {
                self.deadlines.insert((at, Deadline::Grace(id)));
            }
            if new.drained {
                self.drained.insert(id);
            } else {
                self.drained.remove(&id);
            }
        }
        if facts.staff.contains_key(&id) {
            self.standings.insert(id, new);
        }
    }

    fn standing(&self, facts: &Facts, id: UserId) -> Standing {
        let Some(member) = facts.staff.get(&id) else {
            return Standing::default();
        };
        let load = self.loads.get(&id).copied().unwrap_or(0);
        let mut seats = Vec::new();
        if member.is_routable() {
            for department in &member.user.departments {
                let Some(department) = facts.departments.get(department) else {
                    continue;
                };
                let capacity = capacity(department, &member.user);
                if load < capacity {
                    let seat = Seat {
                        load,
                        capacity,
                        assigned: member.assigned,
                        agent: id,
                    };
                    seats.push((department.id, seat));
                }
            }
        }
        Standing {
            seats,
            grace_ends_at: member.lost_at.map(|at| at.after(GRACE)),
            drained: member.user.drain && load == 0,
        }
    }
}

impl Footing {
    fn deadline(&self) -> Option<(Timestamp, Deadline)> {
        match self.state {
            ChatState::Resolved => {
                let closes_at = closes_at(self.resolved_at?);
                Some((closes_at, Deadline::Close(self.chat)))
            }
            ChatState::Snoozed => Some((self.until?, Deadline::Wake(self.chat))),
            ChatState::Hold => Some((self.until?, Deadline::HoldOver(self.chat))),
            ChatState::Assistant => {
                let (at, end) = self.talk_ends?;
                Some((
                    at,
                    match end {
                        TalkEnd::Unanswered => Deadline::Answer(self.chat),
                        TalkEnd::Silent => Deadline::Silence(self.chat),
                    },
                ))
            }
            _ => None,
        }
    }
}

/// Counts one down and forgets a count of zero.
fn subtract(counts: &mut BTreeMap<UserId, u32>, id: UserId) {
    if let Some(count) = counts.get_mut(&id) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&id);
        }
    }
}
