//! Care of what people said: erasing it, also after a crash and a restore, and for good.
//!
//! An erasure is ordered by a record and done in steps that can be repeated: the order is written
//! in one transaction with a row that says it is still to be done; account, words, files and
//! postings go; the file is written anew; only then the row goes. A start does what it finds
//! undone. What was erased is also in a ledger beside the store, so that an older backup, once
//! restored, is erased again before anything is served. Who may order it is not decided here.

pub mod ledger;
mod retention;
mod rows;
#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc, time::Duration};

use shared::{
    api::Erased,
    command::Command,
    event::{EraseReason, Event},
    id::{ChatId, CommandId, Pos, UserId},
    text::SafeText,
};
use tokio::{
    sync::Mutex,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    accounts::{AccountError, Accounts},
    desk::{Rejection, Who},
    hub::{Hub, PART, Stopped, SubmitError, customers::ChatsError, files::Files},
    store::{Head, SeqRange, StoreError, StoredRecord, Take},
};

use self::ledger::{Ledger, Subject, Witness};

/// A larger file is written anew at the next start, not while customers wait for their answers:
/// writing waits about a second for each 100 MiB.
const REWRITE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// How often it is looked for what nobody has to keep any more.
const RETAIN_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How often the head of the log is told.
const HEAD_EVERY: Duration = Duration::from_secs(60);
/// Records that are read at once.
const RECORDS: usize = 512;

/// Who orders what the hub owes.
const HUB: Who = Who::System("erase");

/// Why something was not erased; what was begun is gone on with.
#[derive(Debug, thiserror::Error)]
pub enum CareError {
    /// The hub refused it.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The account could not be forgotten.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hub has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The ledger cannot be read or written.
    #[error("the ledger of erasures: {0}")]
    Ledger(std::io::Error),
}

impl From<Rejection> for CareError {
    fn from(rejection: Rejection) -> Self {
        SubmitError::Rejected(rejection).into()
    }
}

impl From<ChatsError> for CareError {
    fn from(error: ChatsError) -> Self {
        match error {
            ChatsError::Store(error) => error.into(),
            ChatsError::Stopped(stopped) => stopped.into(),
        }
    }
}

/// The care of a hub's data. Cheap to clone.
#[derive(Clone)]
pub struct Care(Arc<Inner>);

struct Inner {
    hub: Hub,
    accounts: Accounts,
    files: Files,
    /// Held by the one who erases.
    ledger: Mutex<Ledger>,
}

/// What a pass over what is still to be done came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Done {
    chats: u64,
    records: u64,
    files: u64,
    /// The file has no trace of it; otherwise it will at the next start.
    clean: bool,
}

impl Care {
    /// Erases what the ledger of `data` says and the store still has, and ends what was begun.
    ///
    /// # Errors
    /// [`CareError`]: nothing may be served then.
    pub async fn start(
        hub: Hub,
        accounts: Accounts,
        files: Files,
        data: &Path,
    ) -> Result<Self, CareError> {
        let ledger = Ledger::open(data).map_err(CareError::Ledger)?;
        let care = Self(Arc::new(Inner {
            hub,
            accounts,
            files,
            ledger: Mutex::new(ledger),
        }));
        let mut ledger = care.0.ledger.lock().await;
        let again = care.replay(&mut ledger).await?;
        let done = care.finish(&mut ledger, u64::MAX).await?;
        drop(ledger);
        if again > 0 {
            tracing::warn!(
                entries = again,
                "the store had what was erased; erased it again"
            );
        }
        if done.chats > 0 {
            tracing::info!(chats = done.chats, "an erasure that was begun is done");
        }
        Ok(care)
    }

    /// Forgets a customer: account, logins, and everything said in their chats. What was begun
    /// and failed is gone on with by the next call and at the next start.
    ///
    /// # Errors
    /// [`Rejection::NoUser`] for one who is not known, forbidden, and what the store has.
    pub async fn erase(
        &self,
        who: Who,
        cid: CommandId,
        customer: UserId,
        reason: EraseReason,
    ) -> Result<Erased, CareError> {
        let mut ledger = self.0.ledger.lock().await;
        let hub = &self.0.hub;
        let order = Command::EraseCustomer { customer, reason };
        let (asked, wanted, now) = (who.clone(), order.clone(), hub.now());
        hub.ask(move |desk| desk.decide(&asked, &wanted, now).map(drop))
            .await??;
        let dup = rows::is_erased(hub, Subject::Customer(customer)).await?;
        if !dup {
            let witness = self.witness_of_customer(customer).await?;
            let witness = witness.ok_or(Rejection::NoUser { id: customer })?;
            let rows = rows::ordered(Subject::Customer(customer), witness, reason);
            hub.submit_with(who, cid, order, Some(rows)).await?;
        }
        let done = self.finish(&mut ledger, REWRITE_BYTES_MAX).await?;
        Ok(Erased {
            customer,
            chats: done.chats,
            records: done.records,
            files: done.files,
            clean: done.clean,
            dup,
        })
    }

    /// Erases once a day what nobody has to keep, and writes the newest head of the log into
    /// the hub's own log once a minute when it is another: kept elsewhere, it shows when the store
    /// is cut short or written anew. Until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(HEAD_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut days = interval(RETAIN_EVERY);
        days.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = days.tick() => {
                    if let Err(error) = self.retain(self.0.hub.now()).await {
                        tracing::error!(%error, "what nobody has to keep was not all erased");
                    }
                    continue;
                }
                _ = ticks.tick() => {}
            }
            let (pos, hash) = self.0.hub.store().head(PART);
            let head = Head { pos, hash };
            if told.replace(head) != Some(head) {
                tracing::info!(%head, "head of the log");
            }
        }
    }

    /// Orders what the ledger says of the past of this store, and the store does not know of.
    async fn replay(&self, ledger: &mut Ledger) -> Result<u64, CareError> {
        let hub = &self.0.hub;
        // What the store knows of and the ledger does not, of a crash in between or a lost file.
        for entry in rows::all(hub).await? {
            ledger.add(entry).map_err(CareError::Ledger)?;
        }
        let mut again = 0;
        for entry in ledger.entries() {
            if rows::is_erased(hub, entry.subject).await? || !self.is_past(entry.witness).await? {
                continue;
            }
            again += 1;
            match entry.subject {
                Subject::Customer(customer) => {
                    let reason = entry.reason;
                    let order = Command::EraseCustomer { customer, reason };
                    let rows = rows::ordered(entry.subject, entry.witness, reason);
                    let cid = CommandId::random();
                    hub.submit_with(HUB, cid, order, Some(rows)).await?;
                }
                Subject::Chat(chat) => self.order_chat(chat, entry.reason).await?,
            }
        }
        Ok(again)
    }

    /// Does everything that was ordered and is not done. The file is written anew when it has at
    /// most `bytes_max` bytes.
    async fn finish(&self, ledger: &mut Ledger, bytes_max: u64) -> Result<Done, CareError> {
        let hub = &self.0.hub;
        let mut done = Done {
            clean: true,
            ..Done::default()
        };
        for pending in rows::pending(hub).await? {
            if let Subject::Customer(customer) = pending.entry.subject {
                ledger.add(pending.entry).map_err(CareError::Ledger)?;
                self.forget_customer(customer, pending.entry.reason).await?;
            }
        }
        let all = rows::pending(hub).await?;
        for pending in &all {
            if let Subject::Chat(chat) = pending.entry.subject {
                ledger.add(pending.entry).map_err(CareError::Ledger)?;
                hub.store().redact(PART, chat).await?;
                done.files += self.0.files.forget(chat).await?;
                done.records += hub.store().tombstones(PART, chat).await?.0;
                done.chats += 1;
            }
        }
        if all.is_empty() {
            return Ok(done);
        }
        hub.write_down().await?;
        let bytes = hub.store().file_bytes();
        if bytes.is_some_and(|bytes| bytes > bytes_max) {
            done.clean = false;
            tracing::warn!(bytes, "the file forgets what was erased at the next start");
            return Ok(done);
        }
        hub.store().rewrite().await?;
        for pending in all {
            pending.done(hub).await?;
        }
        Ok(done)
    }

    /// Ends what a customer can come in with, and orders each of their chats to be erased.
    async fn forget_customer(
        &self,
        customer: UserId,
        reason: EraseReason,
    ) -> Result<(), CareError> {
        // The chats first, so that the customer's own programs still hear of it; then those that
        // were opened before the last token ended.
        for chat in self.0.hub.chats_of(customer).await? {
            self.order_chat(chat, reason).await?;
        }
        self.0.accounts.forget(customer).await?;
        for chat in self.0.hub.chats_of(customer).await? {
            self.order_chat(chat, reason).await?;
        }
        Ok(())
    }

    /// Orders a chat to be erased that was not, and closes it before that.
    async fn order_chat(&self, chat: ChatId, reason: EraseReason) -> Result<(), CareError> {
        let hub = &self.0.hub;
        if rows::is_erased(hub, Subject::Chat(chat)).await? {
            return Ok(());
        }
        if hub.ask(move |desk| desk.chat(chat).is_some()).await? {
            let close = Command::CloseChats { chats: vec![chat] };
            hub.submit(HUB, CommandId::random(), close).await?;
        }
        let first = self.edge(chat, Take::First(1)).await?;
        let last = self.edge(chat, Take::Last(1)).await?;
        let (Some(first), Some(last)) = (first, last) else {
            return Ok(());
        };
        let (Some(customer), Some(department)) = (last.scope.customer, last.scope.department)
        else {
            return Ok(());
        };
        let (records, digest) = hub.store().tombstones(PART, chat).await?;
        let order = Command::EraseChat {
            chat,
            customer,
            department,
            reason,
            records,
            digest: SafeText::line(&digest),
        };
        let witness = Witness::of(&first);
        let rows = rows::ordered(Subject::Chat(chat), witness, reason);
        match hub
            .submit_with(HUB, CommandId::random(), order, Some(rows))
            .await
        {
            // Somebody has ordered it meanwhile.
            Ok(_) | Err(SubmitError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The first or last record of a chat.
    async fn edge(&self, chat: ChatId, take: Take) -> Result<Option<StoredRecord>, StoreError> {
        let store = self.0.hub.store();
        let mut found = store.history(PART, chat, SeqRange::default(), take).await?;
        Ok(found.pop())
    }

    /// Whether the record that the witness names is in this store's past.
    async fn is_past(&self, witness: Witness) -> Result<bool, StoreError> {
        let Some(before) = witness.pos.0.checked_sub(1) else {
            return Ok(false);
        };
        let found = self.0.hub.store().read(PART, Pos(before), 1).await?;
        Ok(found.first().map(Witness::of) == Some(witness))
    }

    /// The record that first speaks of a customer: the registration, or the first chat. None of
    /// one whom the desk keeps nothing of.
    async fn witness_of_customer(&self, customer: UserId) -> Result<Option<Witness>, CareError> {
        let account = self.0.accounts.customer_account(customer).await?;
        if account.is_some()
            && let Some(witness) = self.registration(customer).await?
        {
            return Ok(Some(witness));
        }
        for chat in self.0.hub.chats_of(customer).await? {
            if let Some(first) = self.edge(chat, Take::First(1)).await? {
                return Ok(Some(Witness::of(&first)));
            }
        }
        Ok(None)
    }

    /// Where a customer registered. Reads the log from its beginning: there is no index of it,
    /// and it is seldom asked for.
    async fn registration(&self, customer: UserId) -> Result<Option<Witness>, StoreError> {
        let mut after = Pos(0);
        loop {
            let records = self.0.hub.store().read(PART, after, RECORDS).await?;
            let Some(last) = records.last() else {
                return Ok(None);
            };
            after = last.pos;
            for stored in &records {
                if stored.kind == "customer_registered"
                    && let Event::CustomerRegistered { customer: made } = stored.record()?.event
                    && made == customer
                {
                    return Ok(Some(Witness::of(stored)));
                }
            }
        }
    }
}
