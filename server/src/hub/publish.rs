//! From committed records to the queues of those who may see them.
//!
//! The hub's loop calls `Publisher::publish` after a commit and never waits for anyone: each
//! subscriber has a bounded queue, and one that overflows is cut off to resume by cursor. Frames
//! are encoded once and shared. Ephemeral frames (typing, presence, queue places) take the same
//! way but are the first to be dropped. Deciding who sees what is `desk::visibility`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use shared::{
    event::Event,
    id::{ChatId, DepartmentId, Pos, UserId},
    model::Role,
};
use tokio::sync::Notify;

use crate::{
    desk::visibility::{Audience, Scope, Viewer, visible},
    store::{Lineage, StoredRecord},
};

use super::wire::Encoded;

/// Most records that may wait for one subscriber when those of another transaction come.
const QUEUE_RECORDS_MAX: usize = 256;
/// Most bytes that may wait then.
const QUEUE_BYTES_MAX: usize = 1024 * 1024;
/// Ephemeral frames are dropped for a subscriber with more than this many items waiting.
const QUEUE_EPHEMERAL_MAX: usize = 64;

/// A committed record on its way out.
#[derive(Debug)]
pub struct Published {
    /// Its place in the log.
    pub pos: Pos,
    /// Its chat, if any.
    pub chat: Option<ChatId>,
    /// Who may see it.
    pub scope: Scope,
    /// The chat is over for ever with this record.
    pub closes: bool,
    /// The user whose rights this record changes, if any.
    pub about: Option<UserId>,
    /// The event frame with its cursor, shared by all who get it.
    pub frame: Encoded,
}

impl Published {
    /// A record as it is told; whoever's user record it changes may have other rights then.
    pub(super) fn of(stored: &StoredRecord, event: &Event, lineage: Lineage) -> Self {
        Self {
            pos: stored.pos,
            chat: stored.chat,
            scope: stored.scope,
            closes: matches!(event, Event::ChatClosed {}),
            about: match event {
                Event::UserUpdated { user } => Some(user.id),
                Event::UserDeleted { user } => Some(*user),
                _ => None,
            },
            frame: Encoded::record(stored, lineage),
        }
    }
}

/// What a subscriber takes out of its queue.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// A record.
    Record(Arc<Published>),
    /// Any other frame: an answer, or something ephemeral.
    Frame(Bytes),
}

impl Delivery {
    fn bytes(&self) -> usize {
        match self {
            Self::Record(record) => record.frame.whole.len(),
            Self::Frame(frame) => frame.len(),
        }
    }
}

/// The queue of one subscriber, written by the hub and read by the subscriber's own task.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Delivery>,
    bytes: usize,
    /// The transaction whose records were put last.
    batch: Pos,
    overflowed: bool,
}

impl Waiting {
    fn push(&mut self, item: Delivery) {
        self.bytes += item.bytes();
        self.items.push_back(item);
    }
}

impl Queue {
    /// Puts a frame that must not be lost, such as the answer to a command. The number of
    /// commands in flight bounds how many there can be.
    pub fn push(&self, frame: Bytes) {
        self.put(Delivery::Frame(frame));
        self.arrived.notify_one();
    }

    /// Waits until something has arrived.
    pub async fn wait(&self) {
        self.arrived.notified().await;
    }

    /// Moves at most `max` items into `out`. False when the subscriber was too slow: what it
    /// missed it can only get by resuming.
    #[must_use]
    pub fn drain(&self, out: &mut Vec<Delivery>, max: usize) -> bool {
        let mut waiting = self.lock();
        let count = waiting.items.len().min(max);
        out.extend(waiting.items.drain(..count));
        waiting.bytes = waiting.items.iter().map(Delivery::bytes).sum();
        if !waiting.items.is_empty() {
            self.arrived.notify_one();
        }
        !waiting.overflowed
    }

    fn put(&self, item: Delivery) {
        let mut waiting = self.lock();
        if !waiting.overflowed {
            waiting.push(item);
        }
    }

    /// Puts a record. Only what earlier transactions left is held against the reader, who had no
    /// moment to read between the records of one.
    fn put_record(&self, record: &Arc<Published>, batch: Pos) {
        let mut waiting = self.lock();
        if waiting.overflowed {
            return;
        }
        let full = waiting.items.len() > QUEUE_RECORDS_MAX || waiting.bytes > QUEUE_BYTES_MAX;
        if full && waiting.batch != batch {
            *waiting = Waiting {
                overflowed: true,
                ..Waiting::default()
            };
            return;
        }
        waiting.batch = batch;
        waiting.push(Delivery::Record(Arc::clone(record)));
    }

    fn put_ephemeral(&self, frame: &Bytes) {
        if self.lock().items.len() < QUEUE_EPHEMERAL_MAX {
            self.push(frame.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All subscribers and the scopes of the open chats.
#[derive(Debug, Default)]
pub struct Publisher {
    registry: Mutex<Registry>,
}

#[derive(Debug, Default)]
struct Registry {
    head: Pos,
    last: u64,
    views: u64,
    /// Ordered, as the sockets of a customer are: the same records wake the same readers in turn.
    staff: BTreeMap<u64, Subscriber>,
    reach: Reach,
    customers: HashMap<UserId, BTreeMap<u64, Subscriber>>,
    chats: HashMap<ChatId, Scope>,
}

#[derive(Debug)]
struct Subscriber {
    viewer: Viewer,
    live: bool,
    /// The last record that it read for itself.
    seen: Pos,
    /// The chat that it shows, of a higher number the later it said so.
    viewing: Option<(u64, ChatId)>,
    queue: Arc<Queue>,
}

impl Subscriber {
    /// Queues the record if this subscriber may see it, and wakes no one yet. `batch` is the first
    /// position of its transaction.
    fn offer(&mut self, record: &Arc<Published>, batch: Pos, touched: &mut Vec<Arc<Queue>>) {
        if !self.live || record.pos <= self.seen {
            return;
        }
        let mine = record.about == Some(self.viewer.id);
        if mine || visible(&self.viewer, &record.scope) {
            self.queue.put_record(record, batch);
            touched.push(Arc::clone(&self.queue));
        }
        if mine {
            self.live = false;
        }
    }
}

/// Which staff may see records of which department: a record of one chat must not cost a look at
/// everyone who is signed in.
#[derive(Debug, Default)]
struct Reach {
    /// Those who see every department.
    everywhere: BTreeSet<u64>,
    departments: HashMap<DepartmentId, BTreeSet<u64>>,
}

impl Reach {
    fn enter(&mut self, id: u64, viewer: &Viewer) {
        if sees_everywhere(viewer) {
            self.everywhere.insert(id);
        }
        for department in &viewer.departments {
            self.departments.entry(*department).or_default().insert(id);
        }
    }

    fn leave(&mut self, id: u64, viewer: &Viewer) {
        self.everywhere.remove(&id);
        for department in &viewer.departments {
            if let Some(members) = self.departments.get_mut(department) {
                members.remove(&id);
                if members.is_empty() {
                    self.departments.remove(department);
                }
            }
        }
    }

    /// Everyone who may see what is of this scope, and perhaps others, each once; none when it is
    /// of no department, and anyone may.
    fn of(&self, scope: &Scope) -> Option<BTreeSet<u64>> {
        let department = scope.department?;
        if !matches!(scope.audience, Audience::Public | Audience::Staff) {
            return None;
        }
        let mut found = self.everywhere.clone();
        for department in [Some(department), scope.left].into_iter().flatten() {
            found.extend(self.departments.get(&department).into_iter().flatten());
        }
        Some(found)
    }
}

const fn sees_everywhere(viewer: &Viewer) -> bool {
    !matches!(viewer.role, Role::Agent | Role::Supervisor)
}

impl Registry {
    fn enter(&mut self, id: u64, subscriber: Subscriber) {
        let viewer = &subscriber.viewer;
        if viewer.role.is_staff() {
            self.reach.enter(id, viewer);
            self.staff.insert(id, subscriber);
        } else {
            let own = self.customers.entry(viewer.id).or_default();
            own.insert(id, subscriber);
        }
    }

    fn leave(&mut self, id: u64, viewer: &Viewer) -> Option<Subscriber> {
        if viewer.role.is_staff() {
            self.reach.leave(id, viewer);
            return self.staff.remove(&id);
        }
        let own = self.customers.get_mut(&viewer.id)?;
        let left = own.remove(&id);
        if own.is_empty() {
            self.customers.remove(&viewer.id);
        }
        left
    }

    fn subscriber(&mut self, id: u64, viewer: &Viewer) -> Option<&mut Subscriber> {
        if viewer.role.is_staff() {
            self.staff.get_mut(&id)
        } else {
            self.customers.get_mut(&viewer.id)?.get_mut(&id)
        }
    }

    /// Queues a record for the staff who may see it.
    fn offer_to_staff(
        &mut self,
        record: &Arc<Published>,
        batch: Pos,
        touched: &mut Vec<Arc<Queue>>,
    ) {
        // Whose rights it changes hears of it wherever they work.
        let reach = match record.about {
            None => self.reach.of(&record.scope),
            Some(_) => None,
        };
        match reach {
            Some(ids) => {
                for id in ids {
                    if let Some(subscriber) = self.staff.get_mut(&id) {
                        subscriber.offer(record, batch, touched);
                    }
                }
            }
            None => {
                for subscriber in self.staff.values_mut() {
                    subscriber.offer(record, batch, touched);
                }
            }
        }
    }
}

impl Publisher {
    /// A publisher for a log whose newest record is `head`, with the scopes of its open chats.
    pub(super) fn start(&self, head: Pos, chats: impl IntoIterator<Item = (ChatId, Scope)>) {
        let mut registry = self.lock();
        registry.head = head;
        registry.chats = chats.into_iter().collect();
    }

    /// The last record that was published.
    pub(super) fn head(&self) -> Pos {
        self.lock().head
    }

    /// Queues committed records for everyone who may see them. Wakes nobody: the answers to the
    /// commands go out between this and [`wake`], so that both leave in one write.
    pub(super) fn publish(&self, records: Vec<Published>) -> Vec<Arc<Queue>> {
        let mut registry = self.lock();
        let mut touched = Vec::new();
        let batch = records.first().map_or(registry.head, |first| first.pos);
        for record in records {
            let record = Arc::new(record);
            registry.head = record.pos;
            if let Some(chat) = record.chat {
                if record.closes {
                    registry.chats.remove(&chat);
                } else {
                    // The chat's own: a note, or the farewell to a department, is of one record.
                    let scope = Scope {
                        audience: Audience::Public,
                        left: None,
                        ..record.scope
                    };
                    registry.chats.insert(chat, scope);
                }
            }
            registry.offer_to_staff(&record, batch, &mut touched);
            let customer = record.scope.customer.or(record.about);
            let own = customer.and_then(|id| registry.customers.get_mut(&id));
            for subscriber in own.into_iter().flat_map(BTreeMap::values_mut) {
                subscriber.offer(&record, batch, &mut touched);
            }
        }
        touched
    }

    /// Subscribes `viewer`. Nothing arrives before [`Subscription::go_live`].
    pub(super) fn subscribe(self: &Arc<Self>, viewer: Viewer) -> Subscription {
        let mut registry = self.lock();
        registry.last += 1;
        let id = registry.last;
        let queue = Arc::new(Queue::default());
        let subscriber = Subscriber {
            viewer: viewer.clone(),
            live: false,
            seen: Pos(0),
            viewing: None,
            queue: Arc::clone(&queue),
        };
        registry.enter(id, subscriber);
        drop(registry);
        Subscription {
            id,
            viewer,
            queue,
            publisher: Arc::clone(self),
        }
    }

    /// Gives an ephemeral frame to everyone who may see the chat but the subscriber `except`;
    /// to the staff only when `staff_only`.
    pub fn whisper(&self, chat: ChatId, frame: &Bytes, staff_only: bool, except: Option<u64>) {
        let mut registry = self.lock();
        let Some(scope) = registry.chats.get(&chat).copied() else {
            return;
        };
        let own = scope
            .customer
            .filter(|_| !staff_only)
            .and_then(|id| registry.customers.get_mut(&id))
            .into_iter()
            .flatten()
            .map(|(id, subscriber)| (*id, &*subscriber))
            .collect::<Vec<_>>();
        for (id, subscriber) in own {
            if Some(id) != except && subscriber.live {
                subscriber.queue.put_ephemeral(frame);
            }
        }
        for (&id, subscriber) in &registry.staff {
            if Some(id) != except && subscriber.live && visible(&subscriber.viewer, &scope) {
                subscriber.queue.put_ephemeral(frame);
            }
        }
    }

    /// Gives an ephemeral frame to all staff.
    pub fn whisper_staff(&self, frame: &Bytes) {
        self.whisper_staff_about(None, frame, frame);
    }

    /// Gives all staff an ephemeral frame: `about` to those who may see the chat that it names,
    /// `without` to the others.
    pub fn whisper_staff_about(&self, chat: Option<ChatId>, about: &Bytes, without: &Bytes) {
        let registry = self.lock();
        let scope = chat.and_then(|chat| registry.chats.get(&chat).copied());
        for subscriber in registry.staff.values().filter(|one| one.live) {
            let sees = scope.is_some_and(|scope| visible(&subscriber.viewer, &scope));
            let frame = if sees { about } else { without };
            subscriber.queue.put_ephemeral(frame);
        }
    }

    /// Gives an ephemeral frame to all staff.
    pub(super) fn whisper_all_staff(&self, frame: &Bytes) {
        for subscriber in self.lock().staff.values().filter(|one| one.live) {
            subscriber.queue.put_ephemeral(frame);
        }
    }

    /// Gives an ephemeral frame to the staff who see what is of this scope.
    pub(super) fn whisper_scope(&self, scope: &Scope, frame: &Bytes) {
        let registry = self.lock();
        let staff = registry.staff.values().filter(|one| one.live);
        for subscriber in staff.filter(|one| visible(&one.viewer, scope)) {
            subscriber.queue.put_ephemeral(frame);
        }
    }

    /// Gives an ephemeral frame to one customer.
    pub(super) fn whisper_customer(&self, customer: UserId, frame: &Bytes) {
        let registry = self.lock();
        let own = registry.customers.get(&customer);
        for subscriber in own.into_iter().flat_map(BTreeMap::values) {
            if subscriber.live {
                subscriber.queue.put_ephemeral(frame);
            }
        }
    }

    /// The scope of an open chat as its newest record left it.
    #[must_use]
    pub fn scope(&self, chat: ChatId) -> Option<Scope> {
        self.lock().chats.get(&chat).copied()
    }

    /// The chat that a member of staff looks at: of several programs, the one that said so last.
    #[must_use]
    pub fn viewing(&self, user: UserId) -> Option<ChatId> {
        let registry = self.lock();
        let own = registry.staff.values().filter(|one| one.viewer.id == user);
        let last = own.filter_map(|one| one.viewing).max();
        last.map(|(_, chat)| chat)
    }

    /// How many subscribers there are.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        let registry = self.lock();
        let customers = registry
            .customers
            .values()
            .map(BTreeMap::len)
            .sum::<usize>();
        registry.staff.len() + customers
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the readers of `queues`.
pub(super) fn wake(queues: &[Arc<Queue>]) {
    for queue in queues {
        queue.arrived.notify_one();
    }
}

/// A place in the fan-out, given up when dropped.
///
/// Subscribe first, then read the past, then [`go_live`](Self::go_live): what is committed in
/// between is neither lost nor seen twice.
#[derive(Debug)]
pub struct Subscription {
    id: u64,
    viewer: Viewer,
    queue: Arc<Queue>,
    publisher: Arc<Publisher>,
}

impl Subscription {
    /// Names the subscriber, for [`Publisher::whisper`].
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Whose it is.
    #[must_use]
    pub const fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// Where its deliveries wait.
    #[must_use]
    pub const fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Remembers which chat the subscriber shows, for [`Publisher::viewing`].
    pub fn view(&self, chat: Option<ChatId>) {
        let mut registry = self.publisher.lock();
        registry.views += 1;
        let views = registry.views;
        if let Some(own) = registry.staff.get_mut(&self.id) {
            own.viewing = chat.map(|chat| (views, chat));
        }
    }

    /// Begins delivery after `seen`, the last record that was read from the past.
    ///
    /// # Errors
    /// The head of the log, when it is beyond `seen`: read on and try again.
    pub fn go_live(&mut self, seen: Pos) -> Result<(), Pos> {
        let mut registry = self.publisher.lock();
        let head = registry.head;
        if seen < head {
            return Err(head);
        }
        if let Some(own) = registry.subscriber(self.id, &self.viewer) {
            own.live = true;
            own.seen = seen;
        }
        Ok(())
    }

    /// Stops delivery and continues for `viewer`, the same principal with other rights. The
    /// subscriber reads its view anew and goes live again.
    pub fn restart(&mut self, viewer: Viewer) {
        let mut registry = self.publisher.lock();
        if let Some(mut own) = registry.leave(self.id, &self.viewer) {
            own.live = false;
            own.viewer = viewer.clone();
            registry.enter(self.id, own);
        }
        drop(registry);
        self.viewer = viewer;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        drop(self.publisher.lock().leave(self.id, &self.viewer));
    }
}
