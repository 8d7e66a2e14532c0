//! What a desk keeps of a customer: the account, the chats, and an export of both.

use serde::{Deserialize, Serialize};

use super::Message;
use crate::{
    event::EraseReason,
    id::{CommandId, UserId},
    model::Chat,
    text::SafeText,
    time::Timestamp,
};

bodies! {
    /// `POST /api/customers/{id}/erase`.
    request EraseCustomer {
        /// Why; the person asked for it, when not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<EraseReason>,
        /// Names the command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }
}

answers! {
    /// A chat of a customer, open or closed.
    answer PastChat {
        /// The chat.
        chat: Chat,
        /// The name of the department it is in.
        department: SafeText,
        /// What a person said last that the reader may see; a line of the desk when nobody did
        /// of late.
        last: Option<Message>,
    }

    /// What is kept of a registered customer besides the chats.
    answer CustomerAccount {
        /// The name to log in with.
        username: SafeText,
        /// The name that others see.
        name: SafeText,
        /// The e-mail address.
        email: Option<SafeText>,
        /// The telephone number.
        phone: Option<SafeText>,
    }

    /// `GET /api/customers/{id}/export`: all that the desk keeps of a customer and the customer
    /// may see.
    answer CustomerExport {
        /// When it was made.
        at: Timestamp,
        /// Who.
        customer: UserId,
        /// The account; none for a customer without one.
        account: Option<CustomerAccount>,
        /// Every chat, oldest first; the last field, so that it can be written as it is read.
        chats: Vec<ExportedChat>,
    }

    /// A chat in an export.
    answer ExportedChat {
        /// The chat.
        chat: Chat,
        /// The name of the department it is in.
        department: SafeText,
        /// Its messages with their newest texts, oldest first.
        messages: Vec<Message>,
        /// Its ratings, oldest first; a later one of the same episode replaces an earlier one.
        ratings: Vec<ExportedRating>,
    }

    /// `POST /api/customers/{id}/erase`: what was forgotten.
    answer Erased {
        /// Who.
        customer: UserId,
        /// Chats of which nothing is left but tombstones.
        chats: u64,
        /// Their records.
        records: u64,
        /// Files that were sent in them.
        files: u64,
        /// The file of the hub has no trace of it any more; a large one forgets at the hub's next
        /// start.
        clean: bool,
        /// It had been ordered before.
        dup: bool,
    }

    /// `GET /api/retention`: what would be erased now.
    answer RetentionDue {
        /// Closed chats that are kept for longer than they have to be.
        chats: u64,
    }

    /// `GET /api/audit/verify`: whether the log is what was written.
    answer AuditVerdict {
        /// The newest record that was looked at, as `POS:HASH`: keep it elsewhere, and say it the
        /// next time.
        head: SafeText,
        /// Records without words, each accounted for by an erasure.
        erased: u64,
        /// What is wrong, in sentences; empty when nothing is.
        problems: Vec<SafeText>,
    }

    /// A rating in an export.
    answer ExportedRating {
        /// When.
        at: Timestamp,
        /// Which episode of the chat.
        episode: u32,
        /// 1 to 5.
        score: u8,
        /// Why.
        comment: Option<SafeText>,
    }
}
