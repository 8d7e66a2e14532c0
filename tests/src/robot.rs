//! A client that remembers everything: what it saw, what was acknowledged, what was refused.
//!
//! It uses the socket of the real programs and folds records the way they do. Nothing here
//! waits by sleeping: [`Robot::until`] is woken by each event.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use shared::{
    client::socket::{Socket, SocketEvent, SocketHandle, SocketOptions, StopReason},
    command::Command,
    error::ErrorCode,
    fold::View,
    frame::Me,
    id::{ChatId, CommandId, Cursor, Pos, Seq},
    model::Visibility,
    record::Record,
    text::SafeText,
};
use tokio::sync::watch;

use crate::oracle::Client;

/// The longest that anything here may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a robot has seen so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// As whom the hub took it in.
    pub me: Option<Me>,
    /// Which life of which hub it is at, as cursors show it; empty before the first.
    pub lineage: String,
    /// Everything folded.
    pub view: View,
    /// Records as they came, in order.
    pub records: Vec<Record>,
    /// Acknowledged commands: their last record, chat and seq.
    pub acked: BTreeMap<CommandId, (Pos, Option<ChatId>, Option<Seq>)>,
    /// What was acknowledged before the view was thrown away for one of another log.
    pub former: BTreeMap<CommandId, (Pos, Option<ChatId>, Option<Seq>)>,
    /// How often it was told to throw its view away.
    pub resyncs: u32,
    /// Commands that were refused for good.
    pub refused: BTreeMap<CommandId, (ErrorCode, String)>,
    /// Acknowledged as done before.
    pub repeated: BTreeSet<CommandId>,
    /// Whether it is connected and has heard all of the past.
    pub live: bool,
    /// How often it was connected.
    pub connects: u32,
    /// How often it got a snapshot.
    pub snapshots: u32,
    /// Who typed, and where.
    pub typing: Vec<(ChatId, SafeText, bool)>,
    /// Places in the queue that it was told.
    pub places: Vec<u32>,
    /// Violations of the order of records.
    pub faults: Vec<String>,
    /// Why it was sent away for good.
    pub stopped: Option<StopReason>,
}

/// A connected client. Clones are the same client.
#[derive(Clone)]
pub struct Robot {
    /// For messages of failed tests.
    pub name: String,
    socket: SocketHandle,
    memory: Memory,
}

/// What outlives the connection, for the judge.
#[derive(Clone)]
struct Memory {
    name: String,
    seen: watch::Receiver<Seen>,
    sent: Arc<Sent>,
}

/// What was sent, in this order: the lock is held until the outbox has it.
type Sent = tokio::sync::Mutex<Vec<(CommandId, Command)>>;

/// The memory of every robot of this run whose hub was not judged yet.
static MEMORIES: Mutex<Vec<Memory>> = Mutex::new(Vec::new());

/// What the robots remember that were connected to this life of a hub, and forgets them. They may
/// not have heard all there was.
pub(crate) fn clients_at(lineage: &str) -> Vec<Client> {
    let mut memories = MEMORIES.lock().unwrap_or_else(PoisonError::into_inner);
    let (own, others): (Vec<_>, Vec<_>) = std::mem::take(&mut *memories)
        .into_iter()
        .partition(|memory| memory.seen.borrow().lineage == lineage);
    *memories = others;
    drop(memories);
    own.iter()
        .filter_map(|memory| memory.client(false))
        .collect()
}

impl Memory {
    fn client(&self, is_complete: bool) -> Option<Client> {
        let seen = self.seen.borrow().clone();
        let me = seen.me.clone()?;
        // Who waits for the lock is a task that was stopped while it sent; order is not judged then.
        let sent = self.sent.try_lock();
        Some(Client {
            name: self.name.clone(),
            id: me.id,
            role: me.role,
            sent: sent.map(|sent| sent.clone()).unwrap_or_default(),
            seen,
            is_complete,
        })
    }
}

impl Robot {
    /// Connects.
    ///
    /// # Panics
    /// When the options make no sense.
    pub fn connect(name: &str, options: SocketOptions) -> Self {
        let (socket, mut events) = Socket::connect(options).expect("a socket");
        let (sender, seen) = watch::channel(Seen::default());
        drop(tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                sender.send_modify(|seen| seen.take(event));
            }
        }));
        let memory = Memory {
            name: name.to_owned(),
            seen,
            sent: Arc::default(),
        };
        let mut memories = MEMORIES.lock().unwrap_or_else(PoisonError::into_inner);
        memories.push(memory.clone());
        Self {
            name: name.to_owned(),
            socket,
            memory,
        }
    }

    /// What it remembers, for the judge; none before the hub took it in. `is_complete` says that
    /// it has heard everything.
    #[must_use]
    pub fn client(&self, is_complete: bool) -> Option<Client> {
        self.memory.client(is_complete)
    }

    /// The socket.
    #[must_use]
    pub const fn socket(&self) -> &SocketHandle {
        &self.socket
    }

    /// Sends a command under a new id.
    ///
    /// # Panics
    /// When the outbox cannot take it.
    pub async fn send(&self, command: Command) -> CommandId {
        let cid = CommandId::random();
        let mut sent = self.memory.sent.lock().await;
        sent.push((cid.clone(), command.clone()));
        self.socket
            .send(cid.clone(), command)
            .await
            .expect("an outbox in memory");
        drop(sent);
        cid
    }

    /// Says something.
    pub async fn say(&self, chat: ChatId, text: &str) -> CommandId {
        self.send(say(chat, text)).await
    }

    /// Sends a command and waits until it is stored or refused.
    ///
    /// # Errors
    /// The refusal.
    pub async fn ask(
        &self,
        command: Command,
    ) -> Result<(Pos, Option<ChatId>, Option<Seq>), (ErrorCode, String)> {
        let cid = self.send(command).await;
        self.until("an answer", |seen| seen.answered(&cid)).await;
        self.with(|seen| match seen.refused.get(&cid) {
            Some(refusal) => Err(refusal.clone()),
            None => Ok(seen.acked[&cid]),
        })
    }

    /// Looks at what it has seen so far.
    pub fn with<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.memory.seen.borrow())
    }

    /// What it has seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.memory.seen.borrow().clone()
    }

    /// Waits until what it has seen is as wanted.
    ///
    /// # Panics
    /// After [`PATIENCE`].
    pub async fn until(&self, what: &str, wanted: impl Fn(&Seen) -> bool) {
        let mut seen = self.memory.seen.clone();
        let found = tokio::time::timeout(PATIENCE, seen.wait_for(|seen| wanted(seen))).await;
        match found {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => panic!(
                "{}: the socket ended before {what}: {:?}",
                self.name,
                self.seen().stopped
            ),
            Err(_) => panic!(
                "{}: no {what} within {PATIENCE:?}: {}",
                self.name,
                self.seen().summary()
            ),
        }
    }

    /// Waits until it sees anything new.
    pub async fn news(&self) {
        let mut seen = self.memory.seen.clone();
        seen.mark_unchanged();
        // An ended socket has no news: whoever waits finds that out elsewhere.
        if seen.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until it is connected and has heard the past.
    pub async fn live(&self) {
        self.until("live", |seen| seen.live).await;
    }
}

impl Seen {
    /// The text of a chat as this client shows it.
    #[must_use]
    pub fn texts(&self, chat: ChatId) -> Vec<String> {
        let events = self.view.chats.get(&chat).map(|chat| &chat.events[..]);
        crate::oracle::texts(events.unwrap_or_default())
    }

    /// Whether a command was acknowledged or refused.
    #[must_use]
    pub fn answered(&self, cid: &CommandId) -> bool {
        self.acked.contains_key(cid) || self.refused.contains_key(cid)
    }

    /// Takes in what a socket tells.
    pub fn take(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Connected { me, .. } => {
                self.me = Some(me);
                self.connects += 1;
            }
            SocketEvent::Snapshot { pos, desk } => {
                self.snapshots += 1;
                self.view = View::new(pos, *desk);
            }
            SocketEvent::Record(delivered) => {
                let record = delivered.record;
                self.note(&delivered.cursor);
                if self
                    .records
                    .last()
                    .is_some_and(|last| last.pos >= record.pos)
                {
                    self.faults
                        .push(format!("record {} came late or twice", record.pos));
                }
                self.view.apply(&record);
                self.records.push(record);
            }
            SocketEvent::Chat { chat, .. } => self.view.reveal(*chat),
            SocketEvent::Live { cursor } => {
                self.note(&cursor);
                self.live = true;
            }
            SocketEvent::Done {
                cid,
                pos,
                chat,
                seq,
                dup,
            } => {
                if dup {
                    self.repeated.insert(cid.clone());
                }
                if let Some(before) = self.acked.insert(cid.clone(), (pos, chat, seq))
                    && before != (pos, chat, seq)
                {
                    self.faults
                        .push(format!("{cid} was acknowledged as two things"));
                }
            }
            SocketEvent::Nack {
                cid,
                code,
                message,
                retry_in: None,
            } => {
                self.refused.insert(cid, (code, message));
            }
            SocketEvent::Typing { chat, who, on, .. } => self.typing.push((chat, who.name, on)),
            SocketEvent::Queue { place, .. } => self.places.push(place),
            SocketEvent::Resync { .. } => {
                self.resyncs += 1;
                self.live = false;
                self.records.clear();
                self.former.append(&mut self.acked);
            }
            SocketEvent::Disconnected { .. } => self.live = false,
            SocketEvent::Stopped { why } => self.stopped = Some(why),
            _ => {}
        }
    }

    /// What was promised and seen before a resync is of this log only when it is the same one.
    fn note(&mut self, cursor: &Cursor) {
        let lineage = cursor.as_str().split('.').next().unwrap_or_default();
        if self.lineage == lineage {
            self.acked.append(&mut self.former);
        } else {
            lineage.clone_into(&mut self.lineage);
        }
    }

    fn summary(&self) -> String {
        format!(
            "pos {}, {} records, {} acked, {} refused, live {}, connects {}, stopped {:?}",
            self.view.pos,
            self.records.len(),
            self.acked.len(),
            self.refused.len(),
            self.live,
            self.connects,
            self.stopped
        )
    }
}

/// The command that says `text` in `chat`.
#[must_use]
pub fn say(chat: ChatId, text: &str) -> Command {
    Command::PostMessage {
        chat,
        text: SafeText::block(text),
        visibility: Visibility::Public,
        expected_seq: None,
        canned: Vec::new(),
    }
}
