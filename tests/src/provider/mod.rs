//! A language model's service that plays scripts: a real TCP server that speaks just enough HTTP
//! to answer well, badly, slowly, by half or not at all.
//!
//! It remembers every request, so that tests can say what left the process. What it plays is in
//! `play`. It lives in the runtime that starts it, whose clock may be paused, or on a thread of
//! its own for tests that block.

mod http;
mod play;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub use self::http::Step;
pub use self::play::{Flavour, Play};
use crate::watched::Watched;

/// What a service said when there was nothing else to play.
pub const DEFAULT_ANSWER: &str =
    r#"{"answer":"ok","intent":"","confidence":1,"escalate":false,"reason":null,"citations":[]}"#;

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Which of the connections it came on, from 0.
    pub connection: usize,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Received {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(each, _)| each == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// Everything of it, the headers `but` left out, to look for what must not be in it.
    pub fn text_without(&self, but: &[&str]) -> String {
        let mut text = format!("{} {}\n", self.method, self.target);
        let headers = self.headers.iter();
        for (name, value) in headers.filter(|(name, _)| !but.contains(&name.as_str())) {
            text.push_str(&format!("{name}: {value}\n"));
        }
        text + "\n" + &self.body
    }
}

/// Chooses what is played for a request; its number counts from 0.
type Chooser = Box<dyn FnMut(usize, &Received) -> Play + Send>;

/// What happened, and what will.
struct Stage {
    received: Vec<Received>,
    connections: usize,
    /// How many requests there were, for those who wait without blocking.
    arrivals: watch::Sender<usize>,
    queue: VecDeque<Play>,
    chooser: Option<Chooser>,
}

impl Stage {
    fn next(&mut self, request: Received) -> Play {
        let number = self.received.len();
        let queued = self.queue.pop_front();
        let play = match (queued, &mut self.chooser) {
            (Some(play), _) => play,
            (None, Some(chooser)) => chooser(number, &request),
            (None, None) => Play::Stream(DEFAULT_ANSWER.to_owned()),
        };
        self.received.push(request);
        self.arrivals.send_replace(self.received.len());
        play
    }
}

/// The service.
pub struct Fake {
    address: SocketAddr,
    stage: Arc<Watched<Stage>>,
    accepting: AbortHandle,
    runtime: Option<Runtime>,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fake").field(&self.address).finish()
    }
}

impl Fake {
    /// Starts it in this runtime, on a free port of loopback.
    ///
    /// # Panics
    /// When there is no such port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has one");
        let stage = Arc::new(Watched::new(Stage {
            received: Vec::new(),
            connections: 0,
            arrivals: watch::Sender::new(0),
            queue: VecDeque::new(),
            chooser: None,
        }));
        let accepting = tokio::spawn(http::accept(listener, Arc::clone(&stage)));
        Self {
            address,
            stage,
            accepting: accepting.abort_handle(),
            runtime: None,
        }
    }

    /// Starts it on a thread of its own, for tests that block.
    ///
    /// # Panics
    /// When there is no thread or port.
    pub fn start_on_a_thread() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let mut fake = runtime.block_on(Self::start());
        fake.runtime = Some(runtime);
        fake
    }

    /// What a configuration names as its base: `http://127.0.0.1:PORT/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Plays these next, one for each request, in order.
    pub fn queue(&self, plays: impl IntoIterator<Item = Play>) {
        self.stage.update(|stage| stage.queue.extend(plays));
    }

    /// Lets a function choose for every request for which nothing is queued.
    pub fn choose(&self, chooser: impl FnMut(usize, &Received) -> Play + Send + 'static) {
        self.stage
            .update(|stage| stage.chooser = Some(Box::new(chooser)));
    }

    /// Every request so far.
    pub fn received(&self) -> Vec<Received> {
        self.stage.read(|stage| stage.received.clone())
    }

    /// The last request.
    ///
    /// # Panics
    /// When there was none.
    #[track_caller]
    pub fn last(&self) -> Received {
        let last = self.stage.read(|stage| stage.received.last().cloned());
        last.expect("a request came")
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.stage.read(|stage| stage.connections)
    }

    /// Waits until so many requests came, without blocking the thread.
    pub async fn arrived(&self, count: usize) {
        let mut arrivals = self.stage.read(|stage| stage.arrivals.subscribe());
        // The sender lives as long as this.
        drop(arrivals.wait_for(|arrived| *arrived >= count).await);
    }

    /// Waits until so many requests came; blocks the thread.
    ///
    /// # Panics
    /// When they did not `within` that time.
    #[track_caller]
    pub fn wait_received(&self, count: usize, within: Duration) -> Vec<Received> {
        let enough = |stage: &Stage| {
            let enough = stage.received.len() >= count;
            enough.then(|| stage.received.clone())
        };
        match self.stage.wait(within, enough) {
            Some(received) => received,
            None => panic!(
                "{} of {count} requests within {within:?}",
                self.received().len()
            ),
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.accepting.abort();
        if let Some(runtime) = self.runtime.take() {
            // A test may be async itself, where a runtime must not be waited for.
            runtime.shutdown_background();
        }
    }
}
