//! The resuming WebSocket: what a program sees of it.
//!
//! One task holds the connection, comes back when it is lost, gives every record once and in
//! order, and sends what the outbox holds until the hub has it. Folding records into a view and
//! saying anything to a person is left to the program.

mod backoff;
mod clocks;
mod driver;
mod wire;

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, mpsc, watch};

pub use self::backoff::{BACKOFF_BASE, BACKOFF_MAX, backoff};
use self::driver::Driver;
use crate::{
    api::Limits,
    client::{
        error::ClientError,
        outbox::{Outbox, OutboxError},
        session::TokenSource,
        tls::{Connector, Dial, TlsOptions},
        url::HubUrl,
    },
    command::Command,
    error::ErrorCode,
    fold::{ChatView, DeskView},
    frame::{Me, Typist},
    id::{ChatId, CommandId, Cursor, Pos, Seq, UserId},
    machine,
    model::{AgentStatus, Storage, Workload},
    record::{Delivered, Record},
    text::SafeText,
    time::Timestamp,
};

/// Events that may wait for the program; then the socket is not read, and the hub waits.
pub const EVENTS_MAX: usize = 256;
/// Requests of the program that may wait for the socket's task.
const REQUESTS_MAX: usize = 64;

/// What a socket needs to know.
#[derive(Debug)]
pub struct SocketOptions {
    /// The hub.
    pub url: HubUrl,
    /// By what it is trusted.
    pub tls: TlsOptions,
    /// As whom.
    pub token: TokenSource,
    /// Program and version, for the hub's log: at most 64 bytes.
    pub client: String,
    /// Where the program is in the log; none to begin with a snapshot.
    pub cursor: Option<Cursor>,
    /// What waits to be sent. Its slot names this instance of the program.
    pub outbox: Outbox,
    /// Only shows what happens: the user is not reachable through this program.
    pub watches: bool,
}

/// What a socket tells its program.
#[derive(Clone, Debug, PartialEq)]
pub enum SocketEvent {
    /// The hub took us in.
    Connected {
        /// As whom.
        me: Me,
        /// What was missed follows; otherwise a snapshot.
        resumed: bool,
        /// What the hub accepts.
        limits: Limits,
        /// The hub's time.
        now: Timestamp,
    },
    /// The whole view: throw away what was there.
    Snapshot {
        /// The last record that is in it.
        pos: Pos,
        /// What this principal may see.
        desk: Box<DeskView>,
    },
    /// A record; each only once, in order.
    Record(Box<Delivered>),
    /// A chat has come into sight; the record that brought it follows.
    Chat {
        /// The last record that is in it.
        pos: Pos,
        /// The chat.
        chat: Box<ChatView>,
    },
    /// Everything until here was the past.
    Live {
        /// Resumes from here.
        cursor: Cursor,
    },
    /// A command of ours is stored.
    Done {
        /// Which.
        cid: CommandId,
        /// Its last record.
        pos: Pos,
        /// The chat it was about.
        chat: Option<ChatId>,
        /// Its message, or its last record in the chat.
        seq: Option<Seq>,
        /// It had been stored before.
        dup: bool,
    },
    /// A command of ours was refused.
    Nack {
        /// Which.
        cid: CommandId,
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
        /// It is sent again by itself after this; none when it failed for good and is among the
        /// outbox's failures.
        retry_in: Option<Duration>,
    },
    /// The answer to [`SocketHandle::fetch`].
    Page {
        /// Of the question.
        id: String,
        /// Of which chat.
        chat: ChatId,
        /// Oldest first.
        events: Vec<Record>,
        /// There are more in the direction asked.
        more: bool,
    },
    /// Somebody types; over after 6 seconds by itself.
    Typing {
        /// Where.
        chat: ChatId,
        /// Who.
        who: Typist,
        /// Types now.
        on: bool,
        /// What, where the department turned that on.
        preview: Option<SafeText>,
    },
    /// How an agent is.
    Presence {
        /// Who.
        user: UserId,
        /// What they mean to do.
        status: AgentStatus,
        /// Whether a program of theirs is connected.
        reachable: bool,
        /// How many chats they own.
        load: u32,
        /// The chat they look at.
        viewing: Option<ChatId>,
    },
    /// Place of a waiting chat.
    Queue {
        /// Which.
        chat: ChatId,
        /// From 1.
        place: u32,
    },
    /// How a department stands.
    Workload(Workload),
    /// What the store of the hub takes.
    Storage(Storage),
    /// So long took the way to the hub and back that was asked for.
    RoundTrip(Duration),
    /// Throw the view away: a snapshot follows.
    Resync {
        /// Why.
        reason: String,
    },
    /// The connection is lost, or could not be made.
    Disconnected {
        /// Why, in one line.
        why: String,
        /// It is tried again after this.
        retry_in: Duration,
        /// How often it was tried in a row: 1 at first.
        attempt: u32,
    },
    /// The last event: the socket does not come back.
    Stopped {
        /// Why.
        why: StopReason,
    },
}

/// Why a socket does not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The login is over.
    Revoked,
    /// Another program took the same slot.
    Replaced,
    /// The two sides speak different versions.
    Version {
        /// Which side to upgrade.
        message: String,
    },
    /// This principal may not be here.
    Forbidden {
        /// Why.
        message: String,
    },
}

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The command is not in the outbox.
    #[error("{0}")]
    Outbox(#[from] OutboxError),
    /// Too many requests wait.
    #[error("too many requests wait for the hub; try again")]
    Busy,
    /// The socket has stopped.
    #[error("the connection to the hub has ended; start the program again")]
    Stopped,
}

/// What the program asks of the task.
#[derive(Debug)]
enum Request {
    Typing {
        chat: ChatId,
        on: bool,
        preview: Option<SafeText>,
    },
    View {
        chat: Option<ChatId>,
    },
    Fetch {
        id: String,
        chat: ChatId,
        before: Option<Seq>,
        after: Option<Seq>,
        limit: u32,
    },
    RetryNow,
    Measure,
}

/// The resuming WebSocket.
#[derive(Debug)]
pub struct Socket;

impl Socket {
    /// Starts the task that connects and stays connected. It ends with [`SocketEvent::Stopped`],
    /// with [`SocketHandle::close`], or when the handles or the receiver are dropped.
    ///
    /// # Errors
    /// [`ClientError::Tls`] when the certificates to trust cannot be read.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect(
        options: SocketOptions,
    ) -> Result<(SocketHandle, mpsc::Receiver<SocketEvent>), ClientError> {
        let connector = Connector::new(options.url.clone(), &options.tls)?;
        Ok(Self::start(connector, options))
    }

    /// The same over another network than the system's.
    ///
    /// # Errors
    /// As [`Socket::connect`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect_over(
        dial: Dial,
        options: SocketOptions,
    ) -> Result<(SocketHandle, mpsc::Receiver<SocketEvent>), ClientError> {
        let connector = Connector::new(options.url.clone(), &options.tls)?.over(dial);
        Ok(Self::start(connector, options))
    }

    fn start(
        connector: Connector,
        options: SocketOptions,
    ) -> (SocketHandle, mpsc::Receiver<SocketEvent>) {
        let (events, receiver) = mpsc::channel(EVENTS_MAX);
        let (requests, inbox) = mpsc::channel(REQUESTS_MAX);
        let (closing, closed) = watch::channel(false);
        let stored = Arc::new(Notify::new());
        let handle = SocketHandle {
            outbox: options.outbox.clone(),
            requests,
            closing,
            stored: Arc::clone(&stored),
        };
        let driver = Driver::new(driver::Parts {
            connector,
            token: options.token,
            client: options.client,
            cursor: options.cursor,
            outbox: options.outbox,
            watches: options.watches,
            stored,
            inbox,
            events,
        });
        drop(tokio::spawn(driver.run(closed)));
        (handle, receiver)
    }
}

/// What a program asks of its socket. Clones are the same socket.
#[derive(Clone, Debug)]
pub struct SocketHandle {
    outbox: Outbox,
    requests: mpsc::Sender<Request>,
    closing: watch::Sender<bool>,
    stored: Arc<Notify>,
}

impl SocketHandle {
    /// Promises a command: it is on disk when this returns, and sent until the hub has it, also
    /// by the next run of the program. At most 32 are under way at once; the rest waits in order.
    ///
    /// # Errors
    /// [`SendError::Outbox`] when it could not be stored, [`SendError::Stopped`] when nothing
    /// will send it; it is not promised then.
    pub async fn send(&self, cid: CommandId, command: Command) -> Result<(), SendError> {
        if self.requests.is_closed() {
            return Err(SendError::Stopped);
        }
        let outbox = self.outbox.clone();
        let stored = Arc::clone(&self.stored);
        // Goes on when this future is dropped, so that what is stored is sent, too.
        let put = machine::offload(move || {
            outbox.put(cid, command)?;
            stored.notify_one();
            Ok(())
        });
        put.await.map_err(|_| SendError::Stopped)?
    }

    /// Says that we type, or stopped. Lost when there is no connection, as it would be old.
    pub fn typing(&self, chat: ChatId, on: bool, preview: Option<SafeText>) {
        // Typing is the first thing to go under pressure.
        drop(
            self.requests
                .try_send(Request::Typing { chat, on, preview }),
        );
    }

    /// Says which chat has the focus; repeated by itself after a reconnect.
    ///
    /// # Errors
    /// [`SendError::Busy`] and [`SendError::Stopped`].
    pub fn view(&self, chat: Option<ChatId>) -> Result<(), SendError> {
        self.request(Request::View { chat })
    }

    /// Asks for a page of a chat: `limit` (1 to 200) records before or after a seq. Repeated by
    /// itself after a reconnect until [`SocketEvent::Page`] with the same `id` came.
    ///
    /// # Errors
    /// [`SendError::Busy`] and [`SendError::Stopped`].
    pub fn fetch(
        &self,
        id: String,
        chat: ChatId,
        before: Option<Seq>,
        after: Option<Seq>,
        limit: u32,
    ) -> Result<(), SendError> {
        self.request(Request::Fetch {
            id,
            chat,
            before,
            after,
            limit,
        })
    }

    /// Connects now instead of after the pause. Does nothing while connected.
    pub fn retry_now(&self) {
        // A full queue is worked off within a moment of waking up anyway.
        drop(self.requests.try_send(Request::RetryNow));
    }

    /// Has the way to the hub and back timed: [`SocketEvent::RoundTrip`] tells, unless the
    /// connection is lost meanwhile.
    pub fn measure(&self) {
        drop(self.requests.try_send(Request::Measure));
    }

    /// The commands that wait and those that failed.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Says goodbye and waits, at most a second, until the task has ended. What waits stays in
    /// the outbox.
    pub async fn close(&self) {
        self.closing.send_replace(true);
        self.requests.closed().await;
    }

    fn request(&self, request: Request) -> Result<(), SendError> {
        self.requests
            .try_send(request)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => SendError::Busy,
                mpsc::error::TrySendError::Closed(_) => SendError::Stopped,
            })
    }
}
