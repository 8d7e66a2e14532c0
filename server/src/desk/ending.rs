//! How an episode ends and begins again: resolve, close, reopen, rate.

use std::time::Duration;

use shared::{
    assistant::AssistantReason,
    event::{AssignRule, Event, QueueReason},
    fold::closes_at,
    id::{ChatId, Epoch},
    model::{Chat, ChatState},
    text::SafeText,
    time::Timestamp,
};

use super::{Desk, NewRecord, Party, Rejection, form};

/// How long after the first rating of an episode the customer may change it.
const RATING_CHANGEABLE: Duration = Duration::from_secs(15 * 60);

impl Desk {
    pub(super) fn resolve(
        &self,
        party: &Party<'_>,
        id: ChatId,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let actor = party.actor();
        let line = format!(
            "{} ended the chat; it can be reopened for 72 hours",
            actor.name
        );
        let resolved = Event::ChatResolved { by: party.id() };
        Ok(vec![
            NewRecord::of_chat(id, actor, resolved),
            NewRecord::line(id, "resolve", &line),
        ])
    }

    pub(super) fn close(
        &self,
        party: &Party<'_>,
        id: ChatId,
        epoch: Option<Epoch>,
    ) -> Result<Vec<NewRecord>, Rejection> {
        if let Some(epoch) = epoch {
            self.check_epoch(&self.thread(id)?.chat, epoch)?;
        }
        let actor = party.actor();
        let line = format!("{} closed the chat", actor.name);
        Ok(vec![
            NewRecord::line(id, "close", &line),
            NewRecord::of_chat(id, actor, Event::ChatClosed {}),
        ])
    }

    pub(super) fn reopen(
        &self,
        party: &Party<'_>,
        id: ChatId,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        self.reopening(party, &self.thread(id)?.chat, now)
    }

    /// `chat_reopened`, then what gives the chat to somebody: the assistant when it had the chat
    /// last, the last owner when there is room, else the queue.
    pub(super) fn reopening(
        &self,
        party: &Party<'_>,
        chat: &Chat,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let Some(resolved_at) = chat.resolved_at else {
            return Err(Rejection::WrongState {
                chat: chat.id,
                state: chat.state,
            });
        };
        if now >= closes_at(resolved_at) {
            return Err(Rejection::ChatClosed { chat: chat.id });
        }
        let reopened = Event::ChatReopened {
            episode: chat.episode + 1,
        };
        let mut records = vec![NewRecord::of_chat(chat.id, party.actor(), reopened)];
        let department = match self.facts.departments.get(&chat.department) {
            Some(department) => department,
            None => self
                .default_department()
                .ok_or(Rejection::NoDefaultDepartment)?,
        };
        let owner = chat.owner.and_then(|owner| self.user(owner));
        let owner = owner.filter(|owner| {
            self.routable(owner.id)
                && owner.departments.contains(&chat.department)
                && self.has_room(owner, chat.department)
        });
        let epoch = chat.epoch.next();
        if self.had_assistant(chat) {
            let reason = AssistantReason::Reopened;
            records.push(Self::assisted(chat.id, party.actor(), reason, epoch));
            return Ok(records);
        }
        match owner {
            Some(owner) => {
                let rule = AssignRule::Reopened;
                records.extend(self.give(party, chat, department.id, owner, rule, epoch));
            }
            None => {
                let queued = Event::ChatQueued {
                    department: department.id,
                    rank_at: now,
                    reason: QueueReason::Reopened,
                    epoch,
                };
                records.push(NewRecord::of_chat(chat.id, party.actor(), queued));
            }
        }
        Ok(records)
    }

    pub(super) fn rate(
        &self,
        party: &Party<'_>,
        id: ChatId,
        score: u8,
        comment: Option<&SafeText>,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let thread = self.thread(id)?;
        if thread.chat.state != ChatState::Resolved {
            return Err(Rejection::invalid(
                "rating",
                "is for a chat that has ended; resolve it first",
            ));
        }
        if !(1..=5).contains(&score) {
            return Err(Rejection::invalid("score", "is out of range; give 1 to 5"));
        }
        let fixed = |at: Timestamp| now.since(at) > RATING_CHANGEABLE;
        if thread.rated_at.is_some_and(fixed) {
            return Err(Rejection::RatingFixed { chat: id });
        }
        let comment = form::optional_line("comment", comment)?;
        let event = Event::Rated { score, comment };
        Ok(vec![NewRecord::of_chat(id, party.actor(), event)])
    }
}
