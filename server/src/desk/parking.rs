//! Chats that are put aside for a while: hold, snooze, and how they wake.
//!
//! A parked chat keeps its owner and weighs nothing. Who goes offline keeps what is parked: it
//! goes to its queue when it wakes. Who is lost, disabled or leaves the department gives it back
//! like every other chat.

use std::time::Duration;

use shared::{
    event::{Event, QueueReason},
    fold::HOLD_MAX,
    id::ChatId,
    model::{Actor, Chat, ChatState},
    time::Timestamp,
};

use super::{Desk, NewRecord, Party, Rejection, state::Member, system};

/// The longest that a chat can be put aside with a date: a year and a day.
const SNOOZE_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

impl Desk {
    pub(super) fn hold(&self, party: &Party<'_>, id: ChatId) -> Result<Vec<NewRecord>, Rejection> {
        if self.thread(id)?.chat.state == ChatState::Hold {
            return Ok(Vec::new());
        }
        let held = NewRecord::of_chat(id, party.actor(), Event::ChatHeld {});
        Ok(vec![held])
    }

    pub(super) fn snooze(
        &self,
        party: &Party<'_>,
        id: ChatId,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let chat = &self.thread(id)?.chat;
        if until.is_some_and(|until| until <= now) {
            return Err(Rejection::invalid(
                "until",
                "is in the past; give a later time",
            ));
        }
        if until.is_some_and(|until| until > now.after(SNOOZE_MAX)) {
            let problem = "is too far ahead; give a time within 366 days";
            return Err(Rejection::invalid("until", problem));
        }
        if (chat.state, chat.until) == (ChatState::Snoozed, until) {
            return Ok(Vec::new());
        }
        let snoozed = Event::ChatSnoozed { until };
        Ok(vec![NewRecord::of_chat(id, party.actor(), snoozed)])
    }

    pub(super) fn wake(
        &self,
        party: &Party<'_>,
        id: ChatId,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let chat = &self.thread(id)?.chat;
        if chat.state == ChatState::Active {
            return Ok(Vec::new());
        }
        Ok(self.waking(chat, party.actor(), now))
    }

    /// `chat_woken`, and what sends the chat to its queue when its owner is not there. An owner
    /// who is there keeps it, also above capacity.
    pub(super) fn waking(&self, chat: &Chat, actor: Actor, now: Timestamp) -> Vec<NewRecord> {
        let woken = NewRecord::of_chat(chat.id, actor, Event::ChatWoken {});
        let owner = chat.owner.and_then(|owner| self.facts.staff.get(&owner));
        if owner.is_some_and(Member::is_available) {
            return vec![woken];
        }
        let queued = Event::ChatQueued {
            department: chat.department,
            rank_at: now,
            reason: QueueReason::Woken,
            epoch: chat.epoch.next(),
        };
        let name = self.owner_name(chat);
        let name = name.as_deref().unwrap_or("Your agent");
        let line = format!("{name} is not here now; someone else will answer");
        vec![
            woken,
            NewRecord::of_chat(chat.id, system("wake"), queued),
            NewRecord::line(chat.id, "wake", &line),
        ]
    }

    /// A held chat was forgotten: its episode ends.
    pub(super) fn hold_over(&self, id: ChatId) -> Vec<NewRecord> {
        let resolved = Event::ChatResolved { by: None };
        let line = format!(
            "the chat ended after {} minutes on hold; it can be reopened for 72 hours",
            HOLD_MAX.as_secs() / 60
        );
        vec![
            NewRecord::of_chat(id, system("hold_close"), resolved),
            NewRecord::line(id, "hold_close", &line),
        ]
    }
}
