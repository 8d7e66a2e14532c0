//! What is shown and never stored: places in queues, how departments stand, how agents are.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use bytes::Bytes;
use shared::{
    event::Event,
    frame::HubFrame,
    id::{ChatId, DepartmentId, UserId},
    model::{ChatState, Workload},
    record::Record,
};
use tokio::time::Instant;

use crate::desk::{Desk, visibility::Scope, workload::workload_scope};

use super::{publish::Publisher, wire::Encoded};

/// How often the waiting customers may be told new places, and the staff how departments stand.
const EVERY: Duration = Duration::from_secs(1);

/// Places in queues as the customers were last told, and workloads as the staff were.
pub(super) struct Places {
    told: HashMap<ChatId, u32>,
    workloads: BTreeMap<DepartmentId, Workload>,
    changed: BTreeSet<DepartmentId>,
    /// Who changed how they are: every department of theirs stands differently.
    staff: BTreeSet<UserId>,
    /// Any department may stand differently.
    everything: bool,
    /// Nobody is told before this.
    quiet_until: Instant,
}

impl Places {
    /// Nobody was told anything yet.
    pub(super) fn new() -> Self {
        Self {
            told: HashMap::new(),
            workloads: BTreeMap::new(),
            staff: BTreeSet::new(),
            changed: BTreeSet::new(),
            everything: false,
            quiet_until: Instant::now(),
        }
    }

    /// Notes what the record changes of queues and workloads.
    pub(super) fn note(&mut self, record: &Record, scope: &Scope) {
        match &record.event {
            Event::ChatQueued { .. }
            | Event::ChatAssigned { .. }
            | Event::ChatTransferred { .. }
            | Event::ChatHeld {}
            | Event::ChatSnoozed { .. }
            | Event::ChatWoken {}
            | Event::ChatResolved { .. }
            | Event::ChatClosed {}
            | Event::Prioritised { .. } => {
                let departments = scope.department.into_iter().chain(scope.left);
                self.changed.extend(departments);
            }
            Event::StatusSet { user, .. }
            | Event::AgentUnreachable { user }
            | Event::AgentBack { user } => drop(self.staff.insert(*user)),
            // Rare, and they may change the capacity of any department.
            Event::UserCreated { .. }
            | Event::UserUpdated { .. }
            | Event::UserDeleted { .. }
            | Event::DepartmentCreated { .. }
            | Event::DepartmentUpdated { .. }
            | Event::DepartmentDeleted { .. } => self.everything = true,
            _ => {}
        }
    }

    /// Notes that the chats of an agent have changed.
    pub(super) fn note_agent(&mut self, agent: UserId) {
        self.staff.insert(agent);
    }

    /// When the next telling is due; none while nothing has changed.
    pub(super) fn due(&self) -> Option<Instant> {
        let quiet = self.changed.is_empty() && self.staff.is_empty() && !self.everything;
        (!quiet).then_some(self.quiet_until)
    }

    /// Tells every waiting customer whose place has changed, and the staff of each department
    /// that stands differently, when it is time to.
    pub(super) fn tell(&mut self, desk: &Desk, publisher: &Publisher) {
        let now = Instant::now();
        if self.due().is_none_or(|due| due > now) {
            return;
        }
        for department in self.take_changed(desk) {
            self.tell_workload(desk, publisher, department);
            for (place, chat) in (1..).zip(desk.queue(department)) {
                if self.told.insert(chat.id, place) != Some(place) {
                    let frame = HubFrame::Queue {
                        chat: chat.id,
                        place,
                    };
                    publisher.whisper_customer(chat.customer, &encode(&frame));
                }
            }
        }
        let waits = |id| {
            let chat = desk.chat(id);
            chat.is_some_and(|chat| chat.state == ChatState::Waiting)
        };
        self.told.retain(|&id, _| waits(id));
        self.quiet_until = now + EVERY;
    }

    fn take_changed(&mut self, desk: &Desk) -> BTreeSet<DepartmentId> {
        let mut changed = std::mem::take(&mut self.changed);
        let staff = std::mem::take(&mut self.staff).into_iter();
        let users = staff.filter_map(|user| desk.user(user));
        changed.extend(users.flat_map(|user| user.departments.iter().copied()));
        if std::mem::take(&mut self.everything) {
            changed.extend(desk.departments().map(|department| department.id));
        }
        changed
    }

    fn tell_workload(&mut self, desk: &Desk, publisher: &Publisher, department: DepartmentId) {
        let Some(workload) = desk.workload(department) else {
            self.workloads.remove(&department);
            return;
        };
        if self.workloads.insert(department, workload) != Some(workload) {
            let frame = encode(&HubFrame::Workload(workload));
            publisher.whisper_scope(&workload_scope(department), &frame);
        }
    }
}

/// Shows how an agent is, to the staff and to the customers who are with them.
pub(super) fn tell_presence(desk: &Desk, publisher: &Publisher, agent: UserId) {
    let Some(user) = desk.user(agent) else {
        return;
    };
    let frame = |viewing| {
        encode(&HubFrame::Presence {
            user: agent,
            status: user.status,
            reachable: user.reachable,
            load: desk.load(agent),
            viewing,
        })
    };
    let viewing = publisher.viewing(agent);
    let (about, frame) = (frame(viewing), frame(None));
    publisher.whisper_staff_about(viewing, &about, &frame);
    // Which chat it is, is nothing to customers.
    for chat in desk.owned(agent) {
        publisher.whisper_customer(chat.customer, &frame);
    }
}

pub(super) fn encode(frame: &HubFrame) -> Bytes {
    Encoded::of(frame).whole
}
