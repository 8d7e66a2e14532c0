//! A client that remembers everything: what it saw, what was acknowledged, what was refused.
//!
//! It uses the socket of the real programs and folds records the way they do. Nothing here
//! waits by sleeping: [`Robot::until`] is woken by each event.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use shared::{
    client::socket::{Socket, SocketEvent, SocketHandle, SocketOptions, StopReason},
    command::Command,
    error::ErrorCode,
    fold::View,
    id::{ChatId, CommandId, Pos, Seq},
    model::Visibility,
    record::Record,
    text::SafeText,
};
use tokio::sync::watch;

/// The longest that anything here may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a robot has seen so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Everything folded.
    pub view: View,
    /// Records as they came, in order.
    pub records: Vec<Record>,
    /// Acknowledged commands: their last record, chat and seq.
    pub acked: BTreeMap<CommandId, (Pos, Option<ChatId>, Option<Seq>)>,
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
    seen: watch::Receiver<Seen>,
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
        Self {
            name: name.to_owned(),
            socket,
            seen,
        }
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
        self.socket
            .send(cid.clone(), command)
            .await
            .expect("an outbox in memory");
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
        look(&self.seen.borrow())
    }

    /// What it has seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until what it has seen is as wanted.
    ///
    /// # Panics
    /// After [`PATIENCE`].
    pub async fn until(&self, what: &str, wanted: impl Fn(&Seen) -> bool) {
        let mut seen = self.seen.clone();
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
        let mut seen = self.seen.clone();
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

    fn take(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Connected { .. } => self.connects += 1,
            SocketEvent::Snapshot { pos, desk } => {
                self.snapshots += 1;
                self.view = View::new(pos, *desk);
            }
            SocketEvent::Record(delivered) => {
                let record = delivered.record;
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
            SocketEvent::Live { .. } => self.live = true,
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
            SocketEvent::Disconnected { .. } => self.live = false,
            SocketEvent::Stopped { why } => self.stopped = Some(why),
            _ => {}
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
