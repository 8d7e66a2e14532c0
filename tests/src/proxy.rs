//! A TCP proxy that breaks connections on purpose: cuts, silence, delay and trickle, all seeded.
//!
//! It runs on a thread of its own, so that blocking and async tests drive it alike. It knows bytes
//! only: nothing here understands the protocol it disturbs.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::seed::{Rng, Seed};
use crate::watched::Watched;

/// Bytes carried at once where nothing asks for less.
const PIECE_BYTES_MAX: usize = 16 * 1024;

/// A direction of flow through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the target.
    Up,
    /// From the target to the client.
    Down,
}

/// What is held back while both sockets stay open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Frozen {
    /// Nothing.
    #[default]
    Nothing,
    /// Everything in one direction: the other side is heard and not answered.
    Only(Direction),
    /// Everything: a half-open connection, as after a pulled cable.
    Both,
}

/// At most `bytes` go on in each direction, once per `every`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes in one piece; 1 or more.
    pub bytes: usize,
    /// Time from one piece to the next.
    pub every: Duration,
}

/// How connections are treated. The default carries everything as fast as it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Resets each connection accepted from now on after a number of bytes drawn from this range,
    /// counted in a direction that is drawn too.
    pub cut_after_bytes: Option<RangeInclusive<u64>>,
    /// Holds traffic back.
    pub frozen: Frozen,
    /// Holds each piece back for a time drawn from this range, in milliseconds.
    pub delay_ms: Option<RangeInclusive<u64>>,
    /// Lets a trickle through.
    pub pace: Option<Pace>,
}

impl Policy {
    fn passes(&self, direction: Direction) -> bool {
        match self.frozen {
            Frozen::Nothing => true,
            Frozen::Only(frozen) => frozen != direction,
            Frozen::Both => false,
        }
    }

    fn piece_bytes(&self) -> usize {
        match self.pace {
            Some(pace) => pace.bytes.clamp(1, PIECE_BYTES_MAX),
            None => PIECE_BYTES_MAX,
        }
    }

    /// When a piece that is here now goes on, the one before it having gone on at `last`.
    fn due(&self, last: Instant, rng: &mut Rng) -> Option<Instant> {
        let delayed = self
            .delay_ms
            .clone()
            .map(|range| Instant::now() + Duration::from_millis(rng.within(range)));
        let paced = self.pace.map(|pace| last + pace.every);
        delayed.max(paced)
    }
}

/// Where one connection will be cut: known from the seed before the connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Whose bytes are counted.
    pub direction: Direction,
    /// Bytes that still pass.
    pub after_bytes: u64,
}

impl Cut {
    /// The cut of the connection with this number (the first is 0) under this seed and range.
    pub fn draw(seed: Seed, connection: u64, after_bytes: RangeInclusive<u64>) -> Self {
        let mut rng = seed.derive(&format!("cut {connection}")).rng();
        let direction = if rng.chance(50) {
            Direction::Up
        } else {
            Direction::Down
        };
        Self {
            direction,
            after_bytes: rng.within(after_bytes),
        }
    }
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub connections: u64,
    /// Connections reset by a policy or by [`FaultProxy::cut_all`].
    pub cuts: u64,
    /// Connections reset because the target did not take them.
    pub refused: u64,
    /// Bytes carried to the target.
    pub up_bytes: u64,
    /// Bytes carried to clients.
    pub down_bytes: u64,
}

/// A running proxy in front of one target; gone, with its connections, when dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

impl FaultProxy {
    /// Listens on a free port of loopback and carries everything to `target`.
    ///
    /// # Panics
    /// When there is no port or no thread left.
    pub fn start(target: SocketAddr, seed: Seed) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("fault-proxy")
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        listener
            .set_nonblocking(true)
            .expect("a listener can be non-blocking");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            target,
            seed,
            policy: watch::Sender::new(Policy::default()),
            cut_all: watch::Sender::new(()),
            counts: Watched::new(Counts::default()),
        });
        let accepting = Arc::clone(&shared);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("the runtime drives sockets");
            accept(&listener, &accepting).await
        });
        Self {
            address,
            shared,
            runtime: Some(runtime),
        }
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as programs take it: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the treatment of all connections; nothing that was frozen by it goes on after this
    /// returns, except a piece that was being written.
    pub fn set_policy(&self, policy: Policy) {
        self.shared.policy.send_replace(policy);
    }

    /// Resets every connection there is.
    pub fn cut_all(&self) {
        self.shared.cut_all.send_replace(());
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts.read(|counts| *counts)
    }

    /// Waits until enough has happened.
    ///
    /// # Panics
    /// When it has not `within` that time; the message shows what has.
    #[track_caller]
    pub fn wait_counts(&self, what: &str, within: Duration, enough: impl Fn(&Counts) -> bool) {
        let found = self
            .shared
            .counts
            .wait(within, |counts| enough(counts).then_some(()));
        assert!(
            found.is_some(),
            "no {what} within {within:?}: {:?}",
            self.counts()
        );
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A test may be async itself, where a runtime must not be waited for.
            runtime.shutdown_background();
        }
    }
}

struct Shared {
    target: SocketAddr,
    seed: Seed,
    policy: watch::Sender<Policy>,
    cut_all: watch::Sender<()>,
    counts: Watched<Counts>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "to {} with seed {}", self.target, self.seed)
    }
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>) -> Infallible {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let number = shared.counts.update(|counts| {
            counts.connections += 1;
            counts.connections - 1
        });
        let range = shared.policy.borrow().cut_after_bytes.clone();
        let cut = range.map(|range| Cut::draw(shared.seed, number, range));
        // Subscribed before the next accept: a later `cut_all` reaches every counted connection.
        let cut_all = shared.cut_all.subscribe();
        tokio::spawn(carry(Arc::clone(shared), client, number, cut, cut_all));
    }
}

/// Why a connection ends other than by both sides closing it.
enum Broken {
    /// We cut it.
    Cut,
    /// One side failed; the other is to see that.
    Failed,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Failed
    }
}

async fn carry(
    shared: Arc<Shared>,
    mut client: TcpStream,
    number: u64,
    cut: Option<Cut>,
    mut cut_all: watch::Receiver<()>,
) {
    let Ok(mut target) = TcpStream::connect(shared.target).await else {
        reset(&client);
        shared.counts.update(|counts| counts.refused += 1);
        return;
    };
    for socket in [&client, &target] {
        // Fails only on a socket that is dead already, which the pumps will notice.
        socket.set_nodelay(true).ok();
    }
    let (from_client, to_client) = client.split();
    let (from_target, to_target) = target.split();
    let pump = |direction| Pump {
        shared: &shared,
        direction,
        left_bytes: cut
            .filter(|cut| cut.direction == direction)
            .map(|cut| cut.after_bytes),
        rng: shared
            .seed
            .derive(&format!("delay {number} {direction:?}"))
            .rng(),
    };
    let end = tokio::select! {
        biased;
        _ = cut_all.changed() => Err(Broken::Cut),
        end = async {
            tokio::try_join!(
                pump(Direction::Up).run(from_client, to_target),
                pump(Direction::Down).run(from_target, to_client),
            )
        } => end,
    };
    let Err(broken) = end else { return };
    reset(&client);
    reset(&target);
    drop((client, target));
    if matches!(broken, Broken::Cut) {
        shared.counts.update(|counts| counts.cuts += 1);
    }
}

/// Makes the coming close a reset (RST) instead of an orderly end (FIN).
fn reset(socket: &TcpStream) {
    // Fails only on a socket that has been reset by its other side.
    socket.set_zero_linger().ok();
}

/// Carries bytes in one direction.
struct Pump<'a> {
    shared: &'a Shared,
    direction: Direction,
    left_bytes: Option<u64>,
    rng: Rng,
}

impl Pump<'_> {
    async fn run(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> Result<(), Broken> {
        let mut policy = self.shared.policy.subscribe();
        let mut last = Instant::now();
        let mut buffer = [0; PIECE_BYTES_MAX];
        loop {
            self.check_cut()?;
            let now = self.thawed(&mut policy).await?;
            let room = self.left_bytes.map_or(PIECE_BYTES_MAX, |left| {
                usize::try_from(left).unwrap_or(PIECE_BYTES_MAX)
            });
            let wanted = now.piece_bytes().min(room);
            let length = tokio::select! {
                biased;
                _ = policy.changed() => continue,
                length = from.read(&mut buffer[..wanted]) => length?,
            };
            if length == 0 {
                to.shutdown().await?;
                return Ok(());
            }
            if let Some(due) = now.due(last, &mut self.rng) {
                tokio::time::sleep_until(due).await;
                // It may have been frozen meanwhile.
                self.thawed(&mut policy).await?;
            }
            last = Instant::now();
            to.write_all(&buffer[..length]).await?;
            self.count(length as u64);
        }
    }

    fn check_cut(&self) -> Result<(), Broken> {
        match self.left_bytes {
            Some(0) => Err(Broken::Cut),
            _ => Ok(()),
        }
    }

    /// Waits until the policy lets this direction pass, and gives that policy.
    async fn thawed(&self, policy: &mut watch::Receiver<Policy>) -> Result<Policy, Broken> {
        let now = policy
            .wait_for(|policy| policy.passes(self.direction))
            .await;
        // The sender lives in `Shared`, so it cannot be gone.
        Ok(now.map_err(|_| Broken::Failed)?.clone())
    }

    fn count(&mut self, bytes: u64) {
        self.left_bytes = self.left_bytes.map(|left| left - bytes);
        self.shared.counts.update(|counts| match self.direction {
            Direction::Up => counts.up_bytes += bytes,
            Direction::Down => counts.down_bytes += bytes,
        });
    }
}
