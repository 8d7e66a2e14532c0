//! What is shown and never stored: places in queues, and how agents are.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use bytes::Bytes;
use shared::{
    event::Event,
    frame::HubFrame,
    id::{ChatId, DepartmentId, UserId},
    model::ChatState,
    record::Record,
};
use tokio::time::Instant;

use crate::desk::{Desk, visibility::Scope};

use super::publish::Publisher;

/// How often the waiting customers may be told new places.
const EVERY: Duration = Duration::from_secs(1);

/// Places in queues as the customers were last told.
pub(super) struct Places {
    told: HashMap<ChatId, u32>,
    changed: BTreeSet<DepartmentId>,
    /// Nobody is told before this.
    quiet_until: Instant,
}

impl Places {
    /// Nobody was told anything yet.
    pub(super) fn new() -> Self {
        Self {
            told: HashMap::new(),
            changed: BTreeSet::new(),
            quiet_until: Instant::now(),
        }
    }

    /// Notes that the queues of the record's departments have changed.
    pub(super) fn note(&mut self, record: &Record, scope: &Scope) {
        let moves = matches!(
            record.event,
            Event::ChatQueued { .. }
                | Event::ChatAssigned { .. }
                | Event::ChatTransferred { .. }
                | Event::ChatResolved { .. }
                | Event::ChatClosed {}
                | Event::Prioritised { .. }
        );
        if moves {
            self.changed
                .extend(scope.department.into_iter().chain(scope.left));
        }
    }

    /// When the next telling is due; none while nothing has changed.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.changed.is_empty()).then_some(self.quiet_until)
    }

    /// Tells every waiting customer whose place has changed, when it is time to.
    pub(super) fn tell(&mut self, desk: &Desk, publisher: &Publisher) {
        let now = Instant::now();
        if self.due().is_none_or(|due| due > now) {
            return;
        }
        for department in std::mem::take(&mut self.changed) {
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
}

/// Shows how an agent is, to the staff and to the customers who are with them.
pub(super) fn tell_presence(desk: &Desk, publisher: &Publisher, agent: UserId) {
    let Some(user) = desk.user(agent) else {
        return;
    };
    let frame = encode(&HubFrame::Presence {
        user: agent,
        status: user.status,
        reachable: user.reachable,
        load: desk.load(agent),
        viewing: None,
    });
    publisher.whisper_staff(&frame);
    for chat in desk.owned(agent) {
        publisher.whisper_customer(chat.customer, &frame);
    }
}

fn encode(frame: &HubFrame) -> Bytes {
    serde_json::to_vec(frame)
        .expect("frames have string keys only")
        .into()
}
