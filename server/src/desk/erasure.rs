//! Forgetting: the order to forget a customer, and what becomes of each chat.
//!
//! The desk closes what is open and says what is forgotten, by whom and why; taking the words out
//! of the store is the hub's work, which it derives from these records. They hold numbers only.

use shared::{
    command::Command,
    event::{EraseReason, Event},
    id::{ChatId, UserId},
};

use super::{Desk, NewRecord, Party, Rejection, system};

impl Desk {
    /// Closes the customer's open chats and orders them and the account to be forgotten.
    pub(super) fn erase_customer(
        &self,
        party: &Party<'_>,
        customer: UserId,
        reason: EraseReason,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let known = customer != UserId(0)
            && customer <= self.facts.last_user
            && self.user(customer).is_none();
        if !known {
            return Err(Rejection::NoUser { id: customer });
        }
        let actor = party.actor();
        let mut records: Vec<NewRecord> = self
            .chats_opened_by(customer)
            .map(|chat| NewRecord::of_chat(chat, actor.clone(), Event::ChatClosed {}))
            .collect();
        let event = Event::CustomerErased { customer, reason };
        records.push(NewRecord::of_desk(actor, event));
        Ok(records)
    }

    /// Closes those of the chats that are open: what is erased must have come to its end.
    pub(super) fn close_chats(&self, chats: &[ChatId]) -> Vec<NewRecord> {
        let open = chats.iter().filter(|chat| self.chat(**chat).is_some());
        open.map(|chat| NewRecord::of_chat(*chat, system("erase"), Event::ChatClosed {}))
            .collect()
    }

    /// Says that what was said in a chat is forgotten, which must be closed.
    pub(super) fn erase_chat(&self, command: &Command) -> Result<Vec<NewRecord>, Rejection> {
        let Command::EraseChat {
            chat,
            customer,
            department,
            reason,
            records,
            digest,
        } = command
        else {
            return Ok(Vec::new());
        };
        if let Some(open) = self.chat(*chat) {
            let (chat, state) = (open.id, open.state);
            return Err(Rejection::WrongState { chat, state });
        }
        if *chat > self.facts.last_chat {
            return Err(Rejection::NoChat { chat: *chat });
        }
        let rule = match reason {
            EraseReason::Retention => "retention",
            _ => "erase",
        };
        let event = Event::ChatErased {
            chat: *chat,
            customer: *customer,
            department: *department,
            reason: *reason,
            records: *records,
            digest: digest.clone(),
        };
        Ok(vec![NewRecord::of_desk(system(rule), event)])
    }
}
