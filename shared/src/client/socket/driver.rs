//! The task behind a socket: connects, serves, and decides what the end of a connection means.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep_until, timeout},
};

use crate::{
    api::{DEAD_AFTER_MS, PING_EVERY_MS, UNACKNOWLEDGED_MAX},
    client::{
        error::ClientError,
        outbox::Outbox,
        profile::ProfileError,
        session::{Token, TokenSource},
        socket::{
            Request, SocketEvent, StopReason,
            backoff::{backoff, chance, pause_before_retry},
            clocks::{CLOCK_EVERY, Clocks},
            wire::{End, Incoming, Wire},
        },
        tls::Connector,
    },
    error::ErrorCode,
    frame::{ClientFrame, CloseCode, HubFrame, PROTO},
    id::{ChatId, CommandId, Cursor, Pos},
    record::Delivered,
};

/// Limit for the hub's `welcome`.
const WELCOME_LIMIT: Duration = Duration::from_secs(10);
/// A connection that held this long was a good one: the next failure counts as the first.
const STABLE_AFTER: Duration = Duration::from_secs(60);
/// Longest pause that a hub may ask for.
const ASKED_PAUSE_MAX: Duration = Duration::from_secs(300);
/// Unanswered questions that are repeated after a reconnect.
const FETCHES_MAX: usize = 32;
/// The ping whose answer is timed.
const ROUND_TRIP: &str = "round-trip";

/// What a driver is made of.
pub(super) struct Parts {
    pub(super) connector: Connector,
    pub(super) token: TokenSource,
    pub(super) client: String,
    pub(super) cursor: Option<Cursor>,
    pub(super) outbox: Outbox,
    pub(super) watches: bool,
    pub(super) stored: Arc<Notify>,
    pub(super) inbox: mpsc::Receiver<Request>,
    pub(super) events: mpsc::Sender<SocketEvent>,
}

pub(super) struct Driver {
    parts: Parts,
    wire: Option<Wire>,
    /// The last record that was given to the program.
    last: Pos,
    /// The focus, once the program said one.
    view: Option<Option<ChatId>>,
    /// Questions without an answer, oldest first.
    fetches: VecDeque<ClientFrame>,
    /// When the ping that is timed was asked for; a lost one is never answered.
    measured: Option<Instant>,
    /// Failures in a row.
    attempt: u32,
    /// The token of this connection.
    token: Option<Token>,
    /// It was renewed since the last stable connection.
    renewed: bool,
    /// The hub took this connection in.
    welcomed_at: Option<Instant>,
}

/// Commands under way on one connection.
struct Flight {
    sent: BTreeSet<CommandId>,
    /// Nothing is sent before.
    paused_until: Option<Instant>,
    /// There may be something to send.
    due: bool,
}

/// What to do after a connection ended.
enum Next {
    Now,
    After(String, Option<Duration>),
    Stop(StopReason),
    Abandon,
}

impl Driver {
    pub(super) const fn new(parts: Parts) -> Self {
        Self {
            parts,
            wire: None,
            last: Pos(0),
            view: None,
            fetches: VecDeque::new(),
            measured: None,
            attempt: 0,
            token: None,
            renewed: false,
            welcomed_at: None,
        }
    }

    /// Runs until the end, which `closed` brings about at any moment: also while the program
    /// does not read its events.
    pub(super) async fn run(mut self, mut closed: watch::Receiver<bool>) {
        tokio::select! {
            // An error means that every handle was dropped, which is the same wish.
            _ = closed.wait_for(|&closed| closed) => {}
            () = self.stay_connected() => {}
        }
        if let Some(wire) = self.wire.take() {
            wire.close().await;
        }
    }

    async fn stay_connected(&mut self) {
        loop {
            self.welcomed_at = None;
            let Err(end) = self.connection().await;
            self.wire = None;
            self.measured = None;
            let stable = |since: Instant| since.elapsed() >= STABLE_AFTER;
            if self.welcomed_at.is_some_and(stable) {
                self.attempt = 0;
                self.renewed = false;
            }
            let (why, asked) = match self.judge(end).await {
                Next::Now => continue,
                Next::After(why, asked) => (why, asked),
                Next::Stop(why) => {
                    // A program that does not listen any more needs no last word.
                    drop(self.emit(SocketEvent::Stopped { why }).await);
                    return;
                }
                Next::Abandon => return,
            };
            if self.wait(why, asked).await.is_err() {
                return;
            }
        }
    }

    /// Says why and waits: as long as the hub asked, else with jitter.
    async fn wait(&mut self, why: String, asked: Option<Duration>) -> Result<(), End> {
        let retry_in = match asked {
            Some(asked) => asked.min(ASKED_PAUSE_MAX),
            None => backoff(self.attempt, chance()),
        };
        self.attempt = self.attempt.saturating_add(1);
        let attempt = self.attempt;
        self.emit(SocketEvent::Disconnected {
            why,
            retry_in,
            attempt,
        })
        .await?;
        self.pause(Instant::now() + retry_in).await
    }

    async fn pause(&mut self, until: Instant) -> Result<(), End> {
        let mut clocks = Clocks::now();
        loop {
            let look = Instant::now() + CLOCK_EVERY;
            tokio::select! {
                biased;
                () = sleep_until(until.min(look)) => {
                    if Instant::now() >= until || clocks.slept() {
                        return Ok(());
                    }
                }
                request = self.parts.inbox.recv() => match request {
                    Some(Request::RetryNow) => return Ok(()),
                    Some(request) => drop(self.remember(request)),
                    None => return Err(End::Abandoned),
                },
                () = self.parts.events.closed() => return Err(End::Abandoned),
            }
        }
    }

    /// One connection from beginning to end; the end is always an error.
    async fn connection(&mut self) -> Result<std::convert::Infallible, End> {
        let token = self.parts.token.token().await.map_err(over)?;
        self.token = Some(token.clone());
        let wire = self
            .wire
            .insert(Wire::connect(&self.parts.connector).await?);
        let hello = ClientFrame::Hello {
            proto: PROTO,
            token: token.expose().to_owned(),
            cursor: self.parts.cursor.clone(),
            slot: self.parts.outbox.slot(),
            client: self.parts.client.clone(),
            watches: self.parts.watches,
        };
        wire.send(&hello).await?;
        let welcome = timeout(WELCOME_LIMIT, Self::welcome(wire)).await;
        let welcome = welcome.map_err(|_| End::Broken("the hub does not answer".to_owned()))??;
        self.welcomed_at = Some(Instant::now());
        self.emit(welcome).await?;
        if let Some(chat) = self.view {
            self.send(&ClientFrame::View { chat }).await?;
        }
        for fetch in self.fetches.clone() {
            self.send(&fetch).await?;
        }
        self.serve().await
    }

    async fn welcome(wire: &mut Wire) -> Result<SocketEvent, End> {
        loop {
            let Incoming::Frame(HubFrame::Welcome {
                proto,
                me,
                now,
                limits,
                resumed,
                ..
            }) = wire.receive().await?
            else {
                continue;
            };
            if proto != PROTO {
                let side = if proto > PROTO {
                    "this program"
                } else {
                    "the hub"
                };
                let message =
                    format!("the hub speaks version {proto}, not {PROTO}; upgrade {side}");
                return Err(End::Stopped(StopReason::Version { message }));
            }
            return Ok(SocketEvent::Connected {
                me,
                resumed,
                limits,
                now,
            });
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        let mut flight = Flight {
            sent: BTreeSet::new(),
            paused_until: None,
            due: true,
        };
        let mut clocks = Clocks::now();
        let mut heard = Instant::now();
        let mut pinged = heard;
        loop {
            if flight.paused_until.is_some_and(|at| at <= Instant::now()) {
                (flight.paused_until, flight.due) = (None, true);
            }
            if flight.due {
                self.fill(&mut flight).await?;
            }
            let dead = heard + Duration::from_millis(DEAD_AFTER_MS);
            let quiet = heard.max(pinged) + Duration::from_millis(PING_EVERY_MS);
            let look = Instant::now() + CLOCK_EVERY;
            let resumes = flight.paused_until.unwrap_or(dead);
            let wire = self.wire.as_mut().ok_or(End::Abandoned)?;
            // What the program asks for is little and its own; the hub may send without end.
            tokio::select! {
                biased;
                () = self.parts.events.closed() => return Err(End::Abandoned),
                request = self.parts.inbox.recv() => {
                    let request = request.ok_or(End::Abandoned)?;
                    if let Some(frame) = self.remember(request) {
                        self.send(&frame).await?;
                    }
                }
                () = self.parts.stored.notified() => flight.due = true,
                incoming = wire.receive() => {
                    heard = Instant::now();
                    if let Incoming::Frame(frame) = incoming? {
                        self.take(frame, &mut flight).await?;
                    }
                }
                () = sleep_until(look.min(quiet).min(dead).min(resumes)) => {
                    let now = Instant::now();
                    if now >= dead {
                        return Err(End::Broken("nothing heard from the hub for 45 s".to_owned()));
                    }
                    if clocks.slept() {
                        return Err(End::Broken("this machine slept".to_owned()));
                    }
                    if now >= quiet {
                        pinged = now;
                        let id = "idle".to_owned();
                        self.send(&ClientFrame::Ping { id }).await?;
                    }
                }
            }
        }
    }

    /// Sends what waits, as far as the window goes.
    async fn fill(&mut self, flight: &mut Flight) -> Result<(), End> {
        flight.due = false;
        if flight.paused_until.is_some() {
            return Ok(());
        }
        let room = UNACKNOWLEDGED_MAX.saturating_sub(flight.sent.len());
        for entry in self.parts.outbox.unsent(&flight.sent, room) {
            flight.sent.insert(entry.cid.clone());
            let (cid, command) = (entry.cid, entry.command);
            self.send(&ClientFrame::Do { cid, command }).await?;
        }
        Ok(())
    }

    async fn send(&mut self, frame: &ClientFrame) -> Result<(), End> {
        let wire = self.wire.as_mut().ok_or(End::Abandoned)?;
        wire.send(frame).await
    }

    /// Keeps what has to be said again on the next connection; gives what to say on this one.
    fn remember(&mut self, request: Request) -> Option<ClientFrame> {
        match request {
            Request::RetryNow => None,
            Request::Measure => {
                self.measured = Some(Instant::now());
                let id = ROUND_TRIP.to_owned();
                Some(ClientFrame::Ping { id })
            }
            Request::Typing { chat, on, preview } => {
                Some(ClientFrame::Typing { chat, on, preview })
            }
            Request::View { chat } => {
                self.view = Some(chat);
                Some(ClientFrame::View { chat })
            }
            Request::Fetch {
                id,
                chat,
                before,
                after,
                limit,
            } => {
                let fetch = ClientFrame::Fetch {
                    id,
                    chat,
                    before,
                    after,
                    limit,
                };
                if self.fetches.len() >= FETCHES_MAX {
                    self.fetches.pop_front();
                }
                self.fetches.push_back(fetch.clone());
                Some(fetch)
            }
        }
    }

    async fn take(&mut self, frame: HubFrame, flight: &mut Flight) -> Result<(), End> {
        let event = match frame {
            HubFrame::Event(delivered) => return self.take_record(delivered).await,
            HubFrame::Nack {
                cid,
                code,
                message,
                retriable,
                retry_after_ms,
            } => {
                let retry_in = retriable.then(|| pause_before_retry(retry_after_ms));
                self.refused(flight, &cid, (code, &message), retry_in);
                SocketEvent::Nack {
                    cid,
                    code,
                    message,
                    retry_in,
                }
            }
            HubFrame::Done {
                cid,
                pos,
                chat,
                seq,
                dup,
            } => {
                // If this note is lost, the command is sent again and found done.
                drop(self.parts.outbox.done(&cid));
                flight.sent.remove(&cid);
                flight.due = true;
                SocketEvent::Done {
                    cid,
                    pos,
                    chat,
                    seq,
                    dup,
                }
            }
            HubFrame::Snapshot { pos, desk } => {
                self.last = pos;
                self.parts.cursor = None;
                SocketEvent::Snapshot { pos, desk }
            }
            HubFrame::Resync { reason } => {
                self.last = Pos(0);
                self.parts.cursor = None;
                SocketEvent::Resync { reason }
            }
            HubFrame::Live { cursor } => {
                self.parts.cursor = Some(cursor.clone());
                SocketEvent::Live { cursor }
            }
            HubFrame::Chat { pos, chat } => SocketEvent::Chat { pos, chat },
            HubFrame::Page {
                id,
                chat,
                events,
                more,
            } => {
                let answered = |fetch: &ClientFrame| matches!(fetch, ClientFrame::Fetch { id: asked, .. } if *asked == id);
                self.fetches.retain(|fetch| !answered(fetch));
                SocketEvent::Page {
                    id,
                    chat,
                    events,
                    more,
                }
            }
            HubFrame::Typing {
                chat,
                who,
                on,
                preview,
            } => {
                return self.emit_ephemeral(SocketEvent::Typing {
                    chat,
                    who,
                    on,
                    preview,
                });
            }
            HubFrame::Presence {
                user,
                status,
                reachable,
                load,
                viewing,
            } => {
                return self.emit_ephemeral(SocketEvent::Presence {
                    user,
                    status,
                    reachable,
                    load,
                    viewing,
                });
            }
            HubFrame::Queue { chat, place } => {
                return self.emit_ephemeral(SocketEvent::Queue { chat, place });
            }
            HubFrame::Workload(workload) => {
                return self.emit_ephemeral(SocketEvent::Workload(workload));
            }
            HubFrame::Storage { state } => return self.emit_ephemeral(SocketEvent::Storage(state)),
            HubFrame::Pong { id } if id == ROUND_TRIP => {
                let Some(asked) = self.measured.take() else {
                    return Ok(());
                };
                return self.emit_ephemeral(SocketEvent::RoundTrip(asked.elapsed()));
            }
            // `bye` ends the connection before it gets here.
            HubFrame::Welcome { .. }
            | HubFrame::Pong { .. }
            | HubFrame::Bye { .. }
            | HubFrame::Unknown => return Ok(()),
        };
        self.emit(event).await
    }

    async fn take_record(&mut self, delivered: Box<Delivered>) -> Result<(), End> {
        if delivered.record.pos <= self.last {
            return Ok(());
        }
        self.last = delivered.record.pos;
        self.parts.cursor = Some(delivered.cursor.clone());
        self.emit(SocketEvent::Record(delivered)).await
    }

    fn refused(
        &self,
        flight: &mut Flight,
        cid: &CommandId,
        (code, message): (ErrorCode, &str),
        retry_in: Option<Duration>,
    ) {
        flight.sent.remove(cid);
        match retry_in {
            // The hub is short of something, so that what follows waits, too, and keeps its order.
            Some(retry_in) => {
                let until = Instant::now() + retry_in;
                let latest = flight.paused_until.map_or(until, |other| other.max(until));
                flight.paused_until = Some(latest);
            }
            None => {
                // If this note is lost, the command is sent again and refused again.
                drop(self.parts.outbox.failed(cid, code, message));
                flight.due = true;
            }
        }
    }

    async fn emit(&self, event: SocketEvent) -> Result<(), End> {
        let sent = self.parts.events.send(event).await;
        sent.map_err(|_| End::Abandoned)
    }

    /// What nobody misses is left out when the program is behind.
    fn emit_ephemeral(&self, event: SocketEvent) -> Result<(), End> {
        match self.parts.events.try_send(event) {
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(End::Abandoned),
        }
    }

    async fn judge(&mut self, end: End) -> Next {
        let (code, reason, asked) = match end {
            End::Broken(why) => return Next::After(why, None),
            End::Stopped(why) => return Next::Stop(why),
            End::Abandoned => return Next::Abandon,
            End::Closed {
                code,
                reason,
                reconnect_after,
            } => (code, reason, reconnect_after),
        };
        let is = |close: CloseCode| code == close.as_u16();
        if is(CloseCode::Unauthenticated) {
            return self.renew().await;
        }
        if is(CloseCode::Replaced) {
            return Next::Stop(StopReason::Replaced);
        }
        if is(CloseCode::Forbidden) {
            return Next::Stop(StopReason::Forbidden { message: reason });
        }
        if is(CloseCode::Version) {
            return Next::Stop(StopReason::Version { message: reason });
        }
        if is(CloseCode::BadFrame) && self.welcomed_at.is_none() {
            // The cursor may be what made no sense.
            self.parts.cursor = None;
        }
        let why = if reason.is_empty() {
            format!("the hub closed the connection ({code})")
        } else {
            reason
        };
        Next::After(why, asked)
    }

    /// The hub refused the token: another one, once.
    async fn renew(&mut self) -> Next {
        let Some(refused) = self.token.take().filter(|_| !self.renewed) else {
            return Next::Stop(StopReason::Revoked);
        };
        match self.parts.token.renew(&refused).await {
            Ok(Some(_)) => {
                self.renewed = true;
                Next::Now
            }
            Ok(None) => Next::Stop(StopReason::Revoked),
            Err(error) => match over(error) {
                End::Stopped(why) => Next::Stop(why),
                End::Broken(why) => Next::After(why, None),
                End::Closed { .. } | End::Abandoned => Next::Abandon,
            },
        }
    }
}

/// Whether there will be another token, or none any more.
fn over(error: ClientError) -> End {
    match error {
        ClientError::Profile(ProfileError::NotLoggedIn(_)) => End::Stopped(StopReason::Revoked),
        ClientError::Api(error) if error.code == ErrorCode::Unauthenticated => {
            End::Stopped(StopReason::Revoked)
        }
        ClientError::Api(error) if error.code == ErrorCode::Forbidden => {
            let message = error.message;
            End::Stopped(StopReason::Forbidden { message })
        }
        error => End::from(error),
    }
}
