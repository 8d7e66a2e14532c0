//! One task per WebSocket: hello, the past, then live.
//!
//! The task owns its socket and its subscription. Commands go to the hub without waiting; their
//! answers come back through the same queue as the records, so that order and back pressure are
//! in one place. Rules are not here: the desk decides, `desk::visibility` says who sees.

mod begin;
mod hear;
mod hello;
mod outbox;
mod quick;
#[cfg(test)]
mod tests;

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use shared::{
    api::{DEAD_AFTER_MS, PING_EVERY_MS, UNACKNOWLEDGED_MAX},
    frame::{CloseCode, HubFrame},
    id::Cursor,
    machine,
    text::SafeText,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message},
};
use tokio_util::sync::CancellationToken;

use crate::{
    accounts::Session,
    desk::{
        Who,
        visibility::{Viewer, reveals},
    },
    hub::{
        presence::Lease,
        publish::{Delivery, Published, Subscription},
        wire::Encoded,
    },
    store::StoreError,
};

use self::{
    hear::Held,
    hello::{Hello, farewell, hello},
    outbox::Outbox,
};
use super::{App, gate::Place, past::PastError};

/// How long a client may be silent.
const DEAD_AFTER: Duration = Duration::from_millis(DEAD_AFTER_MS);
/// How long one write may take before the reader counts as gone.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// Frames written at once.
const WRITE_FRAMES: usize = 64;
/// Pings from a client that are answered in a minute.
const PINGS_PER_MINUTE: u32 = 20;

/// Why a socket ends.
enum End {
    /// The other side went away, or a write failed.
    Gone,
    /// With a farewell: the code, the reason, and when to come back.
    Bye(CloseCode, String, Option<u64>),
}

impl From<tungstenite::Error> for End {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Capacity(_) => bye(CloseCode::BadFrame, "frame too large"),
            tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_) => {
                bye(CloseCode::BadFrame, "not a legal WebSocket frame")
            }
            _ => Self::Gone,
        }
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a socket could not read the past");
        Self::Bye(CloseCode::Restart, "the store failed".into(), Some(2_000))
    }
}

impl From<crate::hub::Stopped> for End {
    fn from(_: crate::hub::Stopped) -> Self {
        Self::Bye(CloseCode::Restart, "the hub is stopping".into(), None)
    }
}

impl From<PastError> for End {
    fn from(error: PastError) -> Self {
        match error {
            PastError::Store(error) => error.into(),
            PastError::Stopped(stopped) => stopped.into(),
        }
    }
}

fn bye(code: CloseCode, reason: &str) -> End {
    End::Bye(code, reason.into(), None)
}

/// A client that has said hello.
struct Client<S> {
    app: Arc<App>,
    socket: WebSocketStream<S>,
    outbox: Outbox,
    session: Session,
    name: SafeText,
    subscription: Subscription,
    in_flight: Arc<AtomicUsize>,
    held: Option<Held>,
    heard: Instant,
    pings: (Instant, u32),
    _lease: Option<Lease>,
}

/// Serves one WebSocket until it ends.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    app: Arc<App>,
    mut socket: WebSocketStream<S>,
    place: Arc<Place>,
    stop: CancellationToken,
) {
    let hello = match timeout(app.hello_within, hello(&mut socket)).await {
        Ok(Ok(hello)) => hello,
        Ok(Err(end)) => return farewell(socket, Outbox::default(), end).await,
        Err(_) => {
            let reason = format!("no hello within {:?}", app.hello_within);
            let end = bye(CloseCode::HelloTimeout, &reason);
            return farewell(socket, Outbox::default(), end).await;
        }
    };
    let (slot, cursor) = (hello.slot.clone(), hello.cursor.clone());
    match Client::admit(app, socket, hello).await {
        Ok(mut client) => {
            place.vouch();
            let replaced = client.app.sockets.enter(&client.session.id, &slot);
            let interruption = interruption(&client.app, &client.session, &stop, &replaced);
            let end = tokio::select! {
                biased;
                end = interruption => end,
                end = client.serve(cursor) => end,
            };
            client
                .app
                .sockets
                .leave(&client.session.id, &slot, &replaced);
            farewell(client.socket, client.outbox, end).await;
        }
        Err((socket, end)) => farewell(*socket, Outbox::default(), end).await,
    }
}

/// What ends a socket whatever it is doing, also while its reader is slow.
fn interruption(
    app: &App,
    session: &Session,
    stop: &CancellationToken,
    replaced: &CancellationToken,
) -> impl Future<Output = End> + use<> {
    let (stop, replaced) = (stop.clone(), replaced.clone());
    let ended = session.ended.clone();
    let expiry = Instant::now() + session.ends_at.since(app.hub.now());
    async move {
        tokio::select! {
            () = stop.cancelled() => End::Bye(
                CloseCode::Restart,
                "the hub is stopping".into(),
                Some(spread_ms()),
            ),
            () = ended.cancelled() => bye(CloseCode::Unauthenticated, "the session was ended"),
            () = replaced.cancelled() => {
                bye(CloseCode::Replaced, "this program is connected elsewhere")
            }
            () = sleep_until(expiry) => {
                bye(CloseCode::Unauthenticated, "the session has expired")
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Finds out who it is and subscribes.
    async fn admit(
        app: Arc<App>,
        socket: WebSocketStream<S>,
        hello: Hello,
    ) -> Result<Self, (Box<WebSocketStream<S>>, End)> {
        let session = match app.accounts.authenticate(&hello.token).await {
            Ok(session) => session,
            Err(error) => {
                let end = End::Bye(CloseCode::Unauthenticated, error.to_string(), None);
                return Err((Box::new(socket), end));
            }
        };
        let who = session.who.clone();
        let asked = app.hub.ask(move |desk| {
            let viewer = desk.viewer(&who)?;
            let name = match who {
                Who::Customer { name, .. } => name,
                _ => desk.user(viewer.id)?.name.clone(),
            };
            Some((viewer, name))
        });
        let (viewer, name) = match asked.await {
            Ok(Some(known)) => known,
            Ok(None) => {
                let end = bye(CloseCode::Unauthenticated, "the account is disabled");
                return Err((Box::new(socket), end));
            }
            Err(stopped) => return Err((Box::new(socket), stopped.into())),
        };
        let lease =
            (viewer.role.is_staff() && !hello.watches).then(|| app.presence.connect(viewer.id));
        let now = Instant::now();
        Ok(Self {
            subscription: app.hub.subscribe(viewer),
            app,
            socket,
            outbox: Outbox::default(),
            session,
            name,
            in_flight: Arc::default(),
            held: None,
            heard: now,
            pings: (now, 0),
            _lease: lease,
        })
    }

    fn viewer(&self) -> &Viewer {
        self.subscription.viewer()
    }

    /// Serves the client until it goes or does what it must not. May be dropped at any moment:
    /// a frame is either whole in the socket's buffer or not there.
    async fn serve(&mut self, cursor: Option<Cursor>) -> End {
        match self.begin(cursor).await {
            Ok(()) => self.live().await,
            Err(end) => end,
        }
    }

    async fn live(&mut self) -> End {
        let ping_every = Duration::from_millis(PING_EVERY_MS);
        let mut pings = interval_at(Instant::now() + ping_every, ping_every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let queue = Arc::clone(self.subscription.queue());
        // The past may have taken long to tell, and nothing was read meanwhile.
        self.heard = Instant::now();
        // Set anew when it is reached, not with every frame that is heard.
        let mut dead = pin!(sleep_until(self.heard + DEAD_AFTER));
        loop {
            let may_read = self.in_flight.load(Ordering::Acquire) < UNACKNOWLEDGED_MAX;
            // In this order: who sends without end keeps only its own deliveries waiting, and is
            // cut off when too many do.
            let step = tokio::select! {
                biased;
                message = self.socket.next(), if may_read => match message {
                    Some(Ok(message)) => self.hear(message).await,
                    Some(Err(error)) => Err(error.into()),
                    None => Err(End::Gone),
                },
                () = queue.wait() => self.deliver().await,
                _ = pings.tick() => self.ping().await,
                // Who is not read cannot be heard.
                () = dead.as_mut(), if may_read => {
                    let silent_until = self.heard + DEAD_AFTER;
                    if Instant::now() >= silent_until {
                        Err(End::Gone)
                    } else {
                        dead.as_mut().reset(silent_until);
                        Ok(())
                    }
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        // What was fed is flushed by now, so that the ping stands between two frames.
        within(self.socket.send(Message::Ping(Bytes::new()))).await
    }

    /// Writes what waits in the queue, many frames at once.
    async fn deliver(&mut self) -> Result<(), End> {
        let queue = Arc::clone(self.subscription.queue());
        let mut waiting = Vec::with_capacity(WRITE_FRAMES);
        if !queue.drain(&mut waiting, WRITE_FRAMES) {
            return Err(bye(
                CloseCode::SlowConsumer,
                "you read too slowly; resume by cursor",
            ));
        }
        for delivery in waiting {
            match delivery {
                Delivery::Frame(frame) => self.feed_whole(frame).await?,
                Delivery::Record(record) => self.deliver_record(&record).await?,
            }
        }
        self.flush().await
    }

    async fn deliver_record(&mut self, record: &Arc<Published>) -> Result<(), End> {
        if record.about == Some(self.viewer().id) {
            return self.resync("your rights have changed".into()).await;
        }
        if let Some(chat) = record.chat
            && reveals(self.viewer(), &record.scope)
        {
            self.reveal(chat).await?;
        }
        self.feed_whole(record.frame.whole.clone()).await
    }

    async fn hear(&mut self, message: Message) -> Result<(), End> {
        self.heard = Instant::now();
        match message {
            Message::Text(text) => self.hear_frame(&text).await,
            Message::Ping(_) => {
                self.count_ping()?;
                self.flush().await
            }
            Message::Pong(_) | Message::Frame(_) => Ok(()),
            Message::Close(_) => Err(End::Gone),
            Message::Binary(_) => Err(bye(CloseCode::BadFrame, "frames are JSON text")),
        }
    }

    /// More pings than anyone needs are an attack on the hub's time.
    fn count_ping(&mut self) -> Result<(), End> {
        let (since, count) = &mut self.pings;
        if since.elapsed() >= Duration::from_secs(60) {
            (*since, *count) = (Instant::now(), 0);
        }
        *count += 1;
        if *count > PINGS_PER_MINUTE {
            return Err(bye(CloseCode::BadFrame, "too many pings"));
        }
        Ok(())
    }

    async fn feed(&mut self, frame: &HubFrame) -> Result<(), End> {
        self.feed_whole(Encoded::of(frame).whole).await
    }

    /// Takes a frame for the next write; writes when there is much.
    async fn feed_whole(&mut self, frame: Bytes) -> Result<(), End> {
        if self.outbox.push(frame) {
            self.flush().await?;
        }
        Ok(())
    }

    /// Writes what was fed, and what the library has to say, such as a pong.
    async fn flush(&mut self) -> Result<(), End> {
        within(async {
            self.socket.flush().await?;
            self.outbox.write(self.socket.get_mut()).await?;
            Ok(())
        })
        .await
    }
}

/// The deadline of a write.
async fn within(write: impl Future<Output = tungstenite::Result<()>>) -> Result<(), End> {
    match timeout(WRITE_WITHIN, write).await {
        Ok(written) => Ok(written?),
        Err(_) => Err(bye(
            CloseCode::SlowConsumer,
            "you read too slowly; resume by cursor",
        )),
    }
}

/// Spreads the return of many clients over five seconds.
fn spread_ms() -> u64 {
    let mut bytes = [0; 2];
    if machine::random(&mut bytes).is_err() {
        return 2_500;
    }
    u64::from(u16::from_le_bytes(bytes)) % 5_000
}
