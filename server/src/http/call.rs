//! What a handler has in hand: who calls, with what, and the ways to answer.

use std::{
    ops::ControlFlow,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use shared::{
    command::Command,
    event::Event,
    id::{ChatId, CommandId},
    model::Actor,
};
use tokio::{
    sync::SemaphorePermit,
    time::{Instant, timeout_at},
};
use warp::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    reply::Response,
};

use crate::{
    accounts::Session,
    desk::{Desk, Who, visibility::Viewer},
    hub::Outcome,
};

use super::{
    App,
    errors::Failure,
    json,
    origin::Origin,
    query::{DRY_RUN, Query},
    route::{Answer, Route},
    serve::BodyStream,
};

/// A header that names a command for ever, as `cid` in a body does.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What is said of a file that comes too slowly.
const TOO_SLOW: &str = "the file came too slowly; send it over a faster line, or in parts";
/// Bytes that are counted at once, and that a body may take its pace for.
const PIECE_BYTES: u64 = 64 * 1024;
/// A file has to come so much faster than the slowest other body, after as many of its windows.
const FASTER: u32 = 5;
const GRACE: u32 = 3;

/// How far a file has come, and when it began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    begun: Instant,
    bytes: u64,
}

impl Progress {
    /// Of a file that begins now.
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            bytes: 0,
        }
    }

    /// When its next bytes have to be here.
    fn due(&self, pace: Duration) -> Instant {
        let pieces = u32::try_from(self.bytes / PIECE_BYTES).unwrap_or(u32::MAX);
        let earned = (pace / FASTER).saturating_mul(pieces);
        self.begun + (pace * GRACE).saturating_add(earned)
    }

    /// Takes bytes in, and says how many pieces of 64 KiB are begun by them.
    fn take(&mut self, bytes: usize) -> u64 {
        let before = self.bytes.div_ceil(PIECE_BYTES);
        self.bytes += bytes as u64;
        self.bytes.div_ceil(PIECE_BYTES) - before
    }
}

/// One request that was matched, authenticated and bounded.
pub(super) struct Call {
    /// Everything the hub has.
    pub(super) app: Arc<App>,
    /// The row of the table.
    pub(super) route: &'static Route,
    /// Who calls, with a token.
    pub(super) principal: Option<(Session, Viewer)>,
    /// Where from.
    pub(super) origin: Origin,
    /// The values of the path's parameters.
    pub(super) values: Vec<String>,
    /// The query, of known parameters only.
    pub(super) query: Query,
    /// The headers.
    pub(super) headers: HeaderMap,
    /// The body, within its limit; empty where the route streams it.
    pub(super) body: Bytes,
    /// The body of a route that streams it, until it is taken.
    pub(super) stream: Mutex<Option<BodyStream>>,
}

/// What a command would do.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DryRun {
    /// Always true: nothing was done.
    dry_run: bool,
    /// What would be recorded.
    events: Vec<Planned>,
    /// What would be done beside the log, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    effects: Vec<String>,
}

/// A record that would be made.
#[derive(Debug, Serialize, JsonSchema)]
struct Planned {
    /// The chat it would belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    chat: Option<ChatId>,
    /// Who.
    actor: Actor,
    /// What.
    event: Event,
}

impl Call {
    /// The session; every row but the open ones has one.
    ///
    /// # Errors
    /// `unauthenticated` when there is none.
    pub(super) fn session(&self) -> Result<&Session, Failure> {
        let (session, _) = self
            .principal
            .as_ref()
            .ok_or_else(Failure::unauthenticated)?;
        Ok(session)
    }

    /// What the principal may see.
    ///
    /// # Errors
    /// `unauthenticated` when there is none.
    pub(super) fn viewer(&self) -> Result<&Viewer, Failure> {
        let (_, viewer) = self
            .principal
            .as_ref()
            .ok_or_else(Failure::unauthenticated)?;
        Ok(viewer)
    }

    /// The principal, as the desk knows it.
    pub(super) fn who(&self) -> Who {
        self.principal
            .as_ref()
            .map_or(Who::Anonymous, |(session, _)| session.who.clone())
    }

    /// The first parameter of the path.
    ///
    /// # Errors
    /// `invalid` when it is not of the form it has to be.
    pub(super) fn id<T: FromStr>(&self) -> Result<T, Failure> {
        let text = self.values.first().map_or("", String::as_str);
        text.parse().map_err(|_| {
            let name = self.route.params().next().unwrap_or("id");
            Failure::invalid(format!("{name} in the path must be a number"))
        })
    }

    /// The body.
    ///
    /// # Errors
    /// `invalid` that names the field.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        json::parse(&self.body)
    }

    /// The body as it comes, on a route that streams it; once.
    ///
    /// # Errors
    /// `internal` on another route, and the second time.
    pub(super) fn take_body(&self) -> Result<BodyStream, Failure> {
        let stream = self
            .stream
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        stream.ok_or_else(|| Failure::internal("the body is not there to be streamed"))
    }

    /// The name of the command: of the body, else of the header, else a new one.
    ///
    /// # Errors
    /// `invalid` when the two differ or the header has another form.
    pub(super) fn cid(&self, of_body: Option<CommandId>) -> Result<CommandId, Failure> {
        let of_header = match self.headers.get(IDEMPOTENCY_KEY) {
            None => None,
            Some(value) => Some(
                CommandId::parse(value.to_str().unwrap_or_default())
                    .map_err(|error| Failure::invalid(format!("Idempotency-Key: {error}")))?,
            ),
        };
        match (of_body, of_header) {
            (Some(body), Some(header)) if body != header => Err(Failure::invalid(
                "cid and Idempotency-Key differ; send one of them",
            )),
            (body, header) => Ok(body.or(header).unwrap_or_else(CommandId::random)),
        }
    }

    /// The `rev` that `If-Match` asks for.
    ///
    /// # Errors
    /// `invalid` when it is not a number.
    pub(super) fn rev(&self) -> Result<Option<u64>, Failure> {
        let Some(value) = self.headers.get(header::IF_MATCH) else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or_default().trim_matches('"');
        let rev = text
            .parse()
            .map_err(|_| Failure::invalid("If-Match must be the rev that you read, a number"))?;
        Ok(Some(rev))
    }

    /// Whether to say only what would happen.
    pub(super) fn is_dry_run(&self) -> bool {
        self.query.flag(DRY_RUN.name)
    }

    /// A place among the few calls that may read or learn much at a time, so that they never take
    /// the threads of everything else. Waits for one.
    pub(super) async fn few(&self) -> Result<SemaphorePermit<'_>, Failure> {
        let searches = &self.app.searches;
        searches.acquire().await.map_err(Failure::internal)
    }

    /// Counts against the rate of the principal, or of the address that has none.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(super) fn count(&self) -> Result<(), Failure> {
        let limits = &self.app.limits;
        match &self.principal {
            Some((_, viewer)) => limits.command(viewer),
            None => limits.open_chat(self.origin.counted_ip()),
        }
        .map_err(Failure::rate_limited)
    }

    /// Takes a file in piece by piece, at a pace that keeps a place for nobody who has stopped,
    /// and counts what customers send from one address.
    ///
    /// # Errors
    /// `invalid` for a body that breaks off or comes too slowly, `rate_limited`.
    pub(super) async fn next_piece(
        &self,
        body: &mut BodyStream,
        progress: &mut Progress,
    ) -> Result<Option<Bytes>, Failure> {
        let due = progress.due(self.app.body_pace);
        let next = timeout_at(due, body.next()).await;
        let Some(piece) = next.map_err(|_| Failure::invalid(TOO_SLOW))? else {
            return Ok(None);
        };
        let piece =
            piece.map_err(|error| Failure::invalid(format!("the body broke off: {error}")))?;
        let is_staff = self.viewer()?.role.is_staff();
        for _ in 0..progress.take(piece.len()) {
            if !is_staff {
                let counted = self.app.limits.upload(self.origin.counted_ip());
                counted.map_err(Failure::rate_limited)?;
            }
        }
        Ok(Some(piece))
    }

    /// Has a command done; breaks with the answer when it is a dry run.
    ///
    /// # Errors
    /// What the desk, the store or the rate has against it.
    pub(super) async fn submit(
        &self,
        cid: Option<CommandId>,
        command: Command,
    ) -> Result<ControlFlow<Response, Outcome>, Failure> {
        let cid = self.cid(cid)?;
        self.count()?;
        if self.is_dry_run() {
            return Ok(ControlFlow::Break(self.plan(command).await?));
        }
        let outcome = self.app.hub.submit(self.who(), cid, command).await?;
        Ok(ControlFlow::Continue(outcome))
    }

    /// Says what a command would do.
    ///
    /// # Errors
    /// What the desk has against it.
    pub(super) async fn plan(&self, command: Command) -> Answer {
        let who = self.who();
        let now = self.app.hub.now();
        let planned = self
            .ask(move |desk| desk.decide(&who, &command, now))
            .await??;
        let events = planned
            .into_iter()
            .map(|new| Planned {
                chat: new.chat,
                actor: new.actor,
                event: new.event,
            })
            .collect();
        let plan = DryRun {
            dry_run: true,
            events,
            effects: Vec::new(),
        };
        Ok(json(StatusCode::OK, &plan))
    }

    /// Says what would be done beside the log.
    pub(super) fn would(&self, effect: impl Into<String>) -> Answer {
        let plan = DryRun {
            dry_run: true,
            events: Vec::new(),
            effects: vec![effect.into()],
        };
        Ok(json(StatusCode::OK, &plan))
    }

    /// Asks the desk a question.
    ///
    /// # Errors
    /// `busy` when the hub is stopping.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Desk) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        Ok(self.app.hub.ask(question).await?)
    }

    /// The answer of the route's table row with this body.
    pub(super) fn answer<T: Serialize>(&self, body: &T) -> Answer {
        let status = StatusCode::from_u16(self.route.status).map_err(Failure::internal)?;
        Ok(json(status, body))
    }
}

/// A JSON answer.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => with_type(status, "application/json", bytes.into()),
        Err(error) => {
            tracing::error!(%error, "an answer has no JSON form");
            no_body(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// An answer of another media type.
pub(super) fn with_type(status: StatusCode, media: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let media = HeaderValue::from_static(media);
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}

/// An answer without a body.
pub(super) fn no_body(status: StatusCode) -> Response {
    let mut response = Response::new(Bytes::new().into());
    *response.status_mut() = status;
    response
}

/// A page of items that were taken one more than wanted; `key` names an item as `after`.
pub(super) fn page<T>(
    mut items: Vec<T>,
    limit: usize,
    key: impl Fn(&T) -> String,
) -> shared::api::Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(key);
    shared::api::Page { items, next }
}

/// The same with how many there are in all, where they were counted: for the first page.
pub(super) fn counted<T>(
    (items, total): (Vec<T>, Option<usize>),
    limit: usize,
    key: impl Fn(&T) -> String,
) -> shared::api::Listed<T> {
    let page = page(items, limit, key);
    shared::api::Listed {
        items: page.items,
        next: page.next,
        total: total.and_then(|total| u64::try_from(total).ok()),
    }
}

/// All of a short list.
pub(super) fn whole<T>(items: Vec<T>) -> shared::api::Page<T> {
    shared::api::Page { items, next: None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Progress, page};

    /// A sender of one byte now and then loses its place; one of 32 KiB a second keeps it.
    #[test]
    fn a_file_has_to_keep_a_pace() {
        let pace = Duration::from_secs(10);
        let mut progress = Progress::new();
        let due = |progress: &Progress| progress.due(pace) - progress.begun;
        assert_eq!(due(&progress), Duration::from_secs(30));
        assert_eq!(progress.take(1), 1);
        assert_eq!(progress.take(64 * 1024 - 1), 0);
        assert_eq!(due(&progress), Duration::from_secs(32));
        assert_eq!(progress.take(128 * 1024 + 1), 3);
        assert_eq!(due(&progress), Duration::from_secs(36));
        progress.take(10 * 1024 * 1024);
        assert!(due(&progress) < Duration::from_secs(360));
    }

    #[test]
    fn a_page_says_where_the_next_begins() {
        let full = page(vec![1, 2, 3], 2, ToString::to_string);
        assert_eq!((full.items, full.next.as_deref()), (vec![1, 2], Some("2")));
        let last = page(vec![3], 2, ToString::to_string);
        assert_eq!((last.items, last.next), (vec![3], None));
    }
}
