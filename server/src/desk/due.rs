//! What time and the rules owe: deadlines that are reached, and waiting chats for free agents.
//!
//! No clock: the hub says what time it is, and calls again until nothing more is owed.

use std::time::Duration;

use shared::{
    event::{AssignRule, Event, QueueReason},
    id::{DepartmentId, UserId},
    model::AgentStatus,
    time::Timestamp,
};

use super::{
    Desk, NewRecord,
    index::{Deadline, Seat, Turn},
    system,
};

/// How long the programs of an agent may be away before the agent's chats are given to others
/// (as Rocket.Chat; the range that makes sense is 10 to 3600 s).
pub(super) const GRACE: Duration = Duration::from_secs(60);

impl Desk {
    /// The next thing that the desk owes at `now`: the earliest deadline that is reached, a
    /// planned leave that can begin, a chat of the assistant that is a person's, or the assignment of the chat that waits longest for a free
    /// agent. The hub applies it and calls again until nothing is owed. Early or repeated calls
    /// give nothing.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<NewRecord> {
        if let Some((at, deadline)) = self.index.deadlines.first()
            && *at <= now
        {
            return match deadline {
                Deadline::Grace(user) => self.agent_lost(*user),
                Deadline::Wake(chat) => match self.chat(*chat) {
                    Some(chat) => self.waking(chat, system("wake"), now),
                    None => Vec::new(),
                },
                Deadline::HoldOver(chat) => self.hold_over(*chat),
                Deadline::Answer(chat) => self.unanswered(*chat, now),
                Deadline::Silence(chat) => self.gone_silent(*chat),
                Deadline::Close(chat) => {
                    let actor = system("close_resolved");
                    vec![NewRecord::of_chat(*chat, actor, Event::ChatClosed {})]
                }
            };
        }
        if let Some(user) = self.index.drained.first() {
            let event = Event::StatusSet {
                user: *user,
                status: AgentStatus::Offline,
                reason: None,
                drain: false,
            };
            return vec![NewRecord::of_desk(system("drain"), event)];
        }
        let called = self.next_call(now);
        if !called.is_empty() {
            return called;
        }
        self.next_assignment()
    }

    /// When [`Desk::due`] will next give something without anything being applied.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.index.deadlines.first().map(|(at, _)| *at)
    }

    /// Gives the first chat of all queues that have a free agent to the best of those.
    fn next_assignment(&self) -> Vec<NewRecord> {
        let heads = self.index.queues.iter().filter_map(|(department, queue)| {
            let seats = self.index.seats.get(department)?;
            Some((*queue.first()?, *seats.first()?, seats.len()))
        });
        let Some((turn, seat, candidates)) = heads.min_by_key(|(turn, ..)| *turn) else {
            return Vec::new();
        };
        self.assignment(turn, seat, candidates)
    }

    fn assignment(&self, turn: Turn, seat: Seat, candidates: usize) -> Vec<NewRecord> {
        let (Some(chat), Some(agent)) = (self.chat(turn.chat), self.user(seat.agent)) else {
            return Vec::new();
        };
        let assigned = Event::ChatAssigned {
            agent: agent.id,
            epoch: chat.epoch.next(),
            rule: AssignRule::LeastLoaded,
            candidates: u32::try_from(candidates).unwrap_or(u32::MAX),
            over_capacity: false,
        };
        let line = format!("{} joined the chat", agent.name);
        vec![
            NewRecord::of_chat(chat.id, system("assign"), assigned),
            NewRecord::line(chat.id, "assign", &line),
        ]
    }

    /// Takes the chats from an agent who did not come back. One record per department, since
    /// each is for those who may see its chats.
    fn agent_lost(&self, user: UserId) -> Vec<NewRecord> {
        let mut departments: Vec<DepartmentId> =
            self.owned(user).map(|chat| chat.department).collect();
        departments.sort_unstable();
        departments.dedup();
        let lost =
            |chats| NewRecord::of_desk(system("agent_lost"), Event::AgentLost { user, chats });
        if departments.is_empty() {
            return vec![lost(Vec::new())];
        }
        let mut records = Vec::new();
        for department in departments {
            let chats = self
                .owned(user)
                .filter(|chat| chat.department == department);
            records.push(lost(chats.map(|chat| chat.id).collect()));
        }
        for chat in self.owned(user) {
            records.extend(self.give_back(chat, QueueReason::AgentLost));
        }
        records
    }
}
