//! The hub's face to the network: HTTP and WebSocket over TCP, with or without TLS.
//!
//! [`service`] is everything that a listener serves. Deliberately absent: any rule of the
//! desk. A handler builds a command and hands it to the hub.

pub(crate) mod body;
mod call;
mod closed;
mod docs;
mod errors;
mod feed;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod gate;
mod harvest;
mod json;
mod limits;
pub(crate) mod listener;
mod openapi;
mod origin;
mod past;
mod query;
mod route;
mod routes;
mod search;
mod serve;
mod socket;
mod sockets;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
pub(crate) mod tls;
pub(crate) mod upgrade;

use std::{sync::Arc, time::Duration};

use shared::time::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use warp::{filters::BoxedFilter, reply::Response};

use crate::{
    accounts::{Accounts, rate::Rate},
    assistant::Assistant,
    care::Care,
    config::{Config, Limits},
    hub::{Hub, files::Files, presence::Presence},
};

use self::{
    gate::{Census, Gate},
    limits::{RateLimits, Rates, upload_rate},
    listener::ListenLimits,
    origin::Trust,
    serve::Requests,
    sockets::Sockets,
    stream::Accept,
    tls::TlsReloader,
};

/// How often the limits forget who has not asked for long.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// Searches that run at once; others wait for their turn.
const SEARCHES_MAX: usize = 2;

/// Everything that a listener serves, for `warp::service`. Called in a runtime: it starts the
/// task that keeps the limits small.
fn service(app: Arc<App>) -> BoxedFilter<(Response,)> {
    app.tasks.spawn(tidy(Arc::clone(&app)));
    serve::filter(app)
}

async fn tidy(app: Arc<App>) {
    let mut ticks = interval(TIDY_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = ticks.tick() => app.limits.retain_recent(),
        }
    }
}

/// What the network face of a hub stands on.
pub(crate) struct App {
    /// The hub.
    pub(crate) hub: Hub,
    /// Who may come in.
    pub(crate) accounts: Accounts,
    /// The files of chats.
    pub(crate) files: Files,
    /// What answers by itself.
    pub(crate) assistant: Assistant,
    /// What forgets.
    pub(crate) care: Care,
    /// Who is connected.
    pub(crate) presence: Arc<Presence>,
    /// The open sockets.
    pub(crate) sockets: Sockets,
    /// How often one may ask.
    pub(crate) limits: RateLimits,
    /// A permit for each search that may run.
    searches: Semaphore,
    /// How many requests were answered, and how.
    requests: Requests,
    /// Pages of these origins may open sockets.
    origins: Arc<[String]>,
    /// Which proxies may say whose request they pass on.
    trust: Trust,
    /// How many connections each address has.
    census: Census,
    /// How long a client may take to say hello.
    hello_within: Duration,
    /// How long each 64 KiB of a body may take.
    body_pace: Duration,
    /// When the hub began to serve.
    started_at: Timestamp,
    /// Has every socket, tail and download as a task.
    tasks: TaskTracker,
    /// Ends them.
    stop: CancellationToken,
}

/// What a hub is made of.
pub(crate) struct Parts {
    /// The hub.
    pub(crate) hub: Hub,
    /// Who may come in.
    pub(crate) accounts: Accounts,
    /// The files of chats.
    pub(crate) files: Files,
    /// What answers by itself.
    pub(crate) assistant: Assistant,
    /// What forgets.
    pub(crate) care: Care,
    /// Who is connected.
    pub(crate) presence: Arc<Presence>,
}

impl App {
    /// Everything together, with the limits and origins of `config`.
    pub(crate) fn new(
        parts: Parts,
        config: &Config,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let Parts {
            hub,
            accounts,
            files,
            assistant,
            care,
            presence,
        } = parts;
        let limits = &config.limits;
        let rates = Rates {
            customer: Rate::per_second(limits.customer_per_second, limits.customer_burst),
            staff: Rate::per_second(limits.staff_per_second, limits.staff_burst),
            open_chat: Rate::per_minute(limits.open_per_minute, limits.open_per_minute),
            upload: upload_rate(limits.attachments_mib_per_ip),
        };
        let trust = Trust {
            proxies: config.trusted_proxies.clone(),
            exempt_loopback: limits.exempt_loopback,
        };
        Self {
            started_at: hub.now(),
            hub,
            accounts,
            files,
            assistant,
            care,
            presence,
            sockets: Sockets::default(),
            limits: RateLimits::new(rates),
            searches: Semaphore::new(SEARCHES_MAX),
            requests: Requests::default(),
            origins: config.origins.clone().into(),
            census: Census::new(limits, &trust.proxies),
            trust,
            hello_within: Limits::wait(limits.hello_ms),
            body_pace: Limits::wait(limits.body_ms),
            tasks,
            stop,
        }
    }
}

/// Serves `app` to the connections of `listener` until `stop`.
pub(crate) fn listen(
    listener: impl Accept,
    app: &Arc<App>,
    tls: Option<TlsReloader>,
    limits: ListenLimits,
    tasks: TaskTracker,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + 'static {
    let service = warp::service(service(Arc::clone(app)));
    let gate = Gate::new(&limits, app.census.clone());
    listener::serve(listener, service, tls, gate, limits, tasks, stop)
}
