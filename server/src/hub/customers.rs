//! Which chats a customer ever opened: a row per chat, written with the records that open it.
//!
//! The desk lets go of closed chats; these rows are how their customer, and whoever cares for a
//! customer's data, finds them again. A row has two numbers and no word of anyone.

use std::collections::BTreeSet;

use bytes::Bytes;
use shared::{
    event::Event,
    id::{ChatId, UserId},
    record::Record,
};

use super::{Hub, Stopped};
use crate::store::{KvWrite, StoreError};

/// Where the rows are: customer, then chat, as big-endian numbers; without a value.
const NS: &str = "customer-chat";
/// Rows that are read at once.
const SCAN_ROWS: usize = 256;

/// Why the chats of a customer are not known.
#[derive(Debug, thiserror::Error)]
pub enum ChatsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hub has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The row that a record makes, if it opens a chat.
pub(super) fn row(record: &Record) -> Option<KvWrite> {
    let (Some(chat), Event::ChatOpened { customer, .. }) = (record.chat, &record.event) else {
        return None;
    };
    Some(KvWrite {
        ns: NS,
        key: key(*customer, chat),
        expect: 0,
        value: Some(Bytes::new()),
        ttl: None,
    })
}

impl Hub {
    /// Every chat that a customer opened, open or closed, oldest first.
    ///
    /// # Errors
    /// [`ChatsError`].
    pub async fn chats_of(&self, customer: UserId) -> Result<BTreeSet<ChatId>, ChatsError> {
        let prefix = Bytes::copy_from_slice(&customer.0.to_be_bytes());
        // Open chats of a file from before there were rows are known to the desk.
        let mut chats: BTreeSet<ChatId> = self
            .ask(move |desk| desk.chats_opened_by(customer).collect())
            .await?;
        let mut last = None;
        loop {
            let now = self.now();
            let page = self
                .store()
                .kv_scan(NS, prefix.clone(), last, SCAN_ROWS, now)
                .await?;
            let more = page.len() == SCAN_ROWS;
            last = page.last().map(|entry| entry.key.clone());
            chats.extend(page.iter().filter_map(|entry| chat_of(&entry.key)));
            if !more {
                return Ok(chats);
            }
        }
    }
}

fn key(customer: UserId, chat: ChatId) -> Bytes {
    [customer.0.to_be_bytes(), chat.0.to_be_bytes()]
        .concat()
        .into()
}

fn chat_of(key: &[u8]) -> Option<ChatId> {
    let chat = key.get(8..)?.try_into().ok()?;
    Some(ChatId(u64::from_be_bytes(chat)))
}
