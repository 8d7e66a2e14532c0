//! What nobody has to keep is erased: chats that are closed for longer than their department
//! keeps them. Customers stay as long as anything of them does.
//!
//! The log is read from where everything before is done, as the settings are now; what a chat
//! says is its record of closing: where it was, and when.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use shared::{
    event::EraseReason,
    id::{ChatId, Pos, UserId},
    time::Timestamp,
};

use super::{Care, CareError, REWRITE_BYTES_MAX, Subject, rows};
use crate::{
    desk::settings::Retention,
    hub::PART,
    store::{KvWrite, StoreError},
};

/// Where the reading begins, and under which settings that is so.
const NS: &str = "retention";
const KEY: &[u8] = b"upto";
/// Records that are read at once.
const RECORDS: usize = 512;
/// Chats of one batch: between two of them others are served.
const BATCH_CHATS: usize = 64;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A look at the log.
struct Look {
    /// Chats that are kept for too long, the oldest first, with their customers.
    due: Vec<(ChatId, UserId)>,
    /// Everything up to here is done when those are.
    upto: Pos,
    /// There may be more behind.
    more: bool,
}

impl Care {
    /// Erases every chat that at `now` is closed for longer than it is kept; how many they were.
    ///
    /// # Errors
    /// [`CareError`]; what was begun is gone on with by the next call.
    pub async fn retain(&self, now: Timestamp) -> Result<u64, CareError> {
        let mut ledger = self.0.ledger.lock().await;
        let retention = self.0.hub.ask(|desk| desk.retention()).await?;
        let mut from = self.begin(&retention).await?;
        let mut erased = 0;
        loop {
            let look = self.look(&retention, from, now, BATCH_CHATS).await?;
            let mut customers = BTreeSet::new();
            for (chat, customer) in &look.due {
                self.order_chat(*chat, EraseReason::Retention).await?;
                customers.insert(*customer);
                erased += 1;
            }
            for customer in customers {
                self.forget_if_nothing_is_left(customer).await?;
            }
            from = look.upto;
            self.reached(&retention, from).await?;
            if !look.more {
                break;
            }
            tokio::task::yield_now().await;
        }
        if erased > 0 {
            self.finish(&mut ledger, REWRITE_BYTES_MAX).await?;
            tracing::info!(chats = erased, "what was kept for long enough was erased");
        }
        Ok(erased)
    }

    /// How many chats [`Care::retain`] would erase at `now`, were the desk to keep them for
    /// `days`, or as it does.
    ///
    /// # Errors
    /// As [`Care::retain`].
    pub async fn due(&self, now: Timestamp, days: Option<u32>) -> Result<u64, CareError> {
        let mut retention = self.0.hub.ask(|desk| desk.retention()).await?;
        if let Some(days) = days {
            retention = retention.with_desk(days);
        }
        let from = self.begin(&retention).await?;
        let look = self.look(&retention, from, now, usize::MAX).await?;
        Ok(look.due.len() as u64)
    }

    /// Looks for at most `max` chats that are due, in the records after `from`.
    async fn look(
        &self,
        retention: &Retention,
        from: Pos,
        now: Timestamp,
        max: usize,
    ) -> Result<Look, CareError> {
        let hub = &self.0.hub;
        let mut look = Look {
            due: Vec::new(),
            upto: from,
            more: false,
        };
        let Some(shortest) = retention.shortest() else {
            return Ok(look);
        };
        // Something before is still kept: the next look begins there.
        let (mut at, mut held) = (from, false);
        loop {
            let records = hub.store().read(PART, at, RECORDS).await?;
            if records.is_empty() {
                return Ok(look);
            }
            for record in records {
                if record.at.after(DAY * shortest) > now {
                    return Ok(look);
                }
                at = record.pos;
                let place = (record.chat, record.scope.department, record.scope.customer);
                if let (Some(chat), Some(department), Some(customer)) = place
                    && record.kind == "chat_closed"
                    && let Some(days) = retention.days(department)
                    && !rows::is_erased(hub, Subject::Chat(chat)).await?
                {
                    if record.at.after(DAY * days) > now {
                        held = true;
                    } else {
                        look.due.push((chat, customer));
                    }
                }
                if !held {
                    look.upto = at;
                }
                if look.due.len() == max {
                    // Behind what is held nothing is remembered: it is passed over again.
                    look.more = true;
                    return Ok(look);
                }
            }
        }
    }

    /// Ends what the last chat of a customer without an account could be come in with.
    async fn forget_if_nothing_is_left(&self, customer: UserId) -> Result<(), CareError> {
        if self.0.accounts.customer_account(customer).await?.is_some() {
            return Ok(());
        }
        for chat in self.0.hub.chats_of(customer).await? {
            if !rows::is_erased(&self.0.hub, Subject::Chat(chat)).await? {
                return Ok(());
            }
        }
        Ok(self.0.accounts.forget(customer).await?)
    }

    /// Where to begin: behind what was done under these settings.
    async fn begin(&self, retention: &Retention) -> Result<Pos, StoreError> {
        let hub = &self.0.hub;
        let row = hub.store().kv_get(NS, KEY, hub.now()).await?;
        let known = row.and_then(|(_, value)| {
            let (pos, settings) = value.split_first_chunk()?;
            let same = settings == fingerprint(retention).as_bytes();
            same.then_some(Pos(u64::from_be_bytes(*pos)))
        });
        Ok(known.unwrap_or_default())
    }

    async fn reached(&self, retention: &Retention, upto: Pos) -> Result<(), StoreError> {
        let hub = &self.0.hub;
        let row = hub.store().kv_get(NS, KEY, hub.now()).await?;
        let settings = fingerprint(retention);
        let value: Bytes = [&upto.0.to_be_bytes()[..], settings.as_bytes()]
            .concat()
            .into();
        if row.as_ref().is_some_and(|(_, old)| *old == value) {
            return Ok(());
        }
        let write = KvWrite {
            ns: NS,
            key: Bytes::from_static(KEY),
            expect: row.map_or(0, |(version, _)| version),
            value: Some(value),
            ttl: None,
        };
        hub.store().kv_cas(write, hub.now()).await.map(drop)
    }
}

/// Tells the settings apart.
fn fingerprint(retention: &Retention) -> String {
    format!("{retention:?}")
}
