//! What a desk keeps of a customer: the account, the chats, and an export of both.

use serde::{Deserialize, Serialize};

use super::Message;
use crate::{id::UserId, model::Chat, text::SafeText, time::Timestamp};

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
