//! What agents mean to do, and whether they are there: transitions only, never heartbeats.

use shared::{
    event::{Event, QueueReason},
    id::UserId,
    model::{AgentStatus, User},
    text::SafeText,
};

use super::{Desk, NewRecord, Party, Rejection, form, staff::may_change, system};

impl Desk {
    pub(super) fn set_status(
        &self,
        party: &Party<'_>,
        user: Option<UserId>,
        status: AgentStatus,
        reason: Option<&SafeText>,
        drain: bool,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let me = party.staff()?;
        let id = user.unwrap_or(me.id);
        let user = self.user(id).ok_or(Rejection::NoUser { id })?;
        may_change(me, user)?;
        let reason = form::optional_line("reason", reason)?;
        let drain = drain && matches!(status, AgentStatus::Busy | AgentStatus::Away);
        if (user.status, &user.reason, user.drain) == (status, &reason, drain) {
            return Ok(Vec::new());
        }
        let event = Event::StatusSet {
            user: id,
            status,
            reason,
            drain,
        };
        let mut records = vec![NewRecord::of_desk(party.actor(), event)];
        if status == AgentStatus::Offline {
            let at_hand = self.owned(id).filter(|chat| !chat.state.is_parked());
            let back = |chat| self.give_back(chat, QueueReason::AgentLeft);
            records.extend(at_hand.flat_map(back));
        }
        Ok(records)
    }

    /// The last program of a user went away. Also said of someone offline, so that going online
    /// later without a program makes nobody routable.
    pub(super) fn lose_agent(&self, id: UserId) -> Vec<NewRecord> {
        match self.user(id) {
            Some(user) if user.reachable => vec![unreachable(user)],
            _ => Vec::new(),
        }
    }

    pub(super) fn regain_agent(&self, id: UserId) -> Vec<NewRecord> {
        match self.user(id) {
            Some(user) if !user.reachable && user.active => {
                let event = Event::AgentBack { user: id };
                vec![NewRecord::of_desk(system("presence"), event)]
            }
            _ => Vec::new(),
        }
    }

    /// No program is connected to a hub that just started: everyone at work, or taken to be
    /// connected, gets a fresh full grace to come back.
    pub(super) fn start_hub(&self) -> Vec<NewRecord> {
        let at_work = |user: &&User| {
            let works = self.load(user.id) > 0;
            user.active && (user.reachable || user.status != AgentStatus::Offline || works)
        };
        self.users().filter(at_work).map(unreachable).collect()
    }
}

fn unreachable(user: &User) -> NewRecord {
    NewRecord::of_desk(
        system("presence"),
        Event::AgentUnreachable { user: user.id },
    )
}
