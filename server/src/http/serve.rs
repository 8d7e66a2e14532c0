//! From a request to its route: match, authenticate, bound the body, call, dress the answer.
//!
//! warp is a thin shell here: one filter hands over the parts of the request, another opens
//! WebSockets. Everything else is decided by the table.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, atomic::Ordering},
};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use shared::error::ErrorCode;
use tracing::Instrument as _;
use warp::{
    Filter, Reply,
    filters::BoxedFilter,
    http::{HeaderMap, HeaderValue, Method, header},
    path::FullPath,
    reply::Response,
};

use crate::{
    accounts::Session,
    desk::{
        Rejection,
        permission::{Action, Column, ObjectRule},
        visibility::Viewer,
    },
};

use super::{
    App,
    call::Call,
    errors::Failure,
    gate::Place,
    listener::Peer,
    origin::Origin,
    past,
    query::Query,
    route::{Access, Answer, Found, Route, find},
    socket,
    upgrade::{self, Handshake, Refusal},
};

/// When to come back to an address with too many connections.
const CROWDED_RETRY_MS: u64 = 5_000;

/// A body as it comes.
pub(super) type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send>>;

/// The whole service.
pub(super) fn filter(app: Arc<App>) -> BoxedFilter<(Response,)> {
    let raw_query = || warp::query::raw().or(warp::any().map(String::new)).unify();
    let for_sockets = Arc::clone(&app);
    let sockets = warp::path("ws")
        .and(warp::path::end())
        .and(raw_query())
        .and(upgrade::handshake(Arc::clone(&app.origins)))
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Peer>())
        .and(warp::ext::get::<Arc<Place>>())
        .map(
            move |query: String, handshake, headers, peer: Peer, place| {
                let origin = Origin::of(peer.addr.ip(), &headers, &for_sockets.trust);
                let opened = place_of(&for_sockets, origin, place)
                    .and_then(|place| open_socket(&for_sockets, &query, handshake, place));
                opened.unwrap_or_else(Failure::into_response)
            },
        );
    let routes = warp::method()
        .and(warp::path::full())
        .and(raw_query())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Peer>())
        .and(warp::ext::get::<Arc<Place>>())
        .and(warp::body::stream())
        .then(
            move |method: Method, path: FullPath, query, headers, peer: Peer, place, body| {
                let request = Request {
                    method,
                    path: path.as_str().to_owned(),
                    query,
                    headers,
                    peer,
                    place,
                    body: boxed(body),
                };
                answer(Arc::clone(&app), request)
            },
        );
    sockets.or(routes).unify().map(dress).boxed()
}

struct Request {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    peer: Peer,
    place: Arc<Place>,
    body: BodyStream,
}

fn boxed(body: impl Stream<Item = Result<impl Buf, warp::Error>> + Send + 'static) -> BodyStream {
    Box::pin(body.map(|chunk| chunk.map(|mut chunk| chunk.copy_to_bytes(chunk.remaining()))))
}

/// The place in the count of the client's address: the connection's own, or a new one where a
/// proxy carries requests of many clients over it.
fn place_of(app: &App, origin: Origin, own: Arc<Place>) -> Result<Arc<Place>, Failure> {
    match origin.counted_ip().filter(|_| origin.named) {
        None => Ok(own),
        Some(ip) => app
            .census
            .admit(ip)
            .map(Arc::new)
            .ok_or_else(|| Failure::rate_limited(CROWDED_RETRY_MS)),
    }
}

fn open_socket(
    app: &Arc<App>,
    query: &str,
    handshake: Result<Handshake, Refusal>,
    place: Arc<Place>,
) -> Answer {
    Query::parse(query).and_then(|query| query.only(&[]))?;
    let handshake = match handshake {
        Ok(handshake) => handshake,
        Err(refusal) => return Ok(refusal.reply()),
    };
    let reply = handshake.reply();
    let task = Arc::clone(app);
    app.tasks.spawn(async move {
        match handshake.open().await {
            Ok(socket) => {
                let stop = task.stop.clone();
                socket::run(task, socket, place, stop).await;
            }
            Err(error) => tracing::debug!(%error, "no socket came of the handshake"),
        }
    });
    Ok(reply)
}

async fn answer(app: Arc<App>, request: Request) -> Response {
    let origin = Origin::of(request.peer.addr.ip(), &request.headers, &app.trust);
    let span = tracing::info_span!("request", client = %origin.ip);
    answer_to(app, request, origin).instrument(span).await
}

async fn answer_to(app: Arc<App>, request: Request, origin: Origin) -> Response {
    let counters = Arc::clone(&app);
    let mut viewer = None;
    let answer = isolated(respond(app, request, origin, &mut viewer)).await;
    let response = match answer {
        Ok(response) => response,
        Err(failure) => judge_archived(&counters, viewer.as_ref(), failure)
            .await
            .into_response(),
    };
    counters.requests.count(response.status());
    response
}

/// A handler that panics fails its own request and no other one of the connection. What it had
/// locked is a lock still: nothing is left half done under one.
async fn isolated(answer: impl Future<Output = Answer>) -> Answer {
    let caught = AssertUnwindSafe(answer).catch_unwind().await;
    // What it said was logged where it panicked.
    caught.unwrap_or_else(|_| Err(Failure::internal("its handler panicked")))
}

/// Finds the route and calls it. Leaves in `seen_by` who called.
async fn respond(
    app: Arc<App>,
    request: Request,
    origin: Origin,
    seen_by: &mut Option<Viewer>,
) -> Answer {
    let query = Query::parse(&request.query)?;
    let (route, values) = match find(request.method.as_str(), &request.path) {
        Found::Route(route, values) => (route, values),
        Found::OtherMethod(allow) => return Err(Failure::method(allow)),
        Found::Nothing => return Err(nothing_here()),
    };
    let place = place_of(&app, origin, request.place)?;
    let principal = admit(&app, route, &request.headers, origin).await?;
    if principal.is_some() {
        place.vouch();
    }
    *seen_by = principal.as_ref().map(|(_, viewer)| viewer.clone());
    query.only(route.query)?;
    check_length(&request.headers, route.body_bytes_max)?;
    let (body, stream) = match route.streams {
        true => (Bytes::new(), Some(request.body)),
        false => (read_body(request.body, route.body_bytes_max).await?, None),
    };
    // Clients of JSON send an empty object where there is nothing to say.
    if route.request.is_none() && !matches!(body.trim_ascii(), b"" | b"{}" | b"null") {
        return Err(Failure::invalid("this path takes no body; send none"));
    }
    let call = Call {
        app,
        route,
        principal,
        origin,
        values,
        query,
        headers: request.headers,
        body,
        stream: Mutex::new(stream),
    };
    (route.handler)(call).await
}

fn nothing_here() -> Failure {
    Failure::not_found("there is nothing at this path; /docs lists what there is")
}

/// Lets a request in by the route's row, before anything of it is read.
async fn admit(
    app: &App,
    route: &Route,
    headers: &HeaderMap,
    origin: Origin,
) -> Result<Option<(Session, Viewer)>, Failure> {
    match route.access {
        Access::Open => Ok(None),
        Access::Hidden(_) if origin.local => Ok(None),
        Access::Hidden(action) => authenticate(app, headers, action)
            .await
            .map(Some)
            .map_err(|_| nothing_here()),
        Access::Anyone(action) if headers.contains_key(header::AUTHORIZATION) => {
            authenticate(app, headers, action).await.map(Some)
        }
        Access::Anyone(action) => match action.rule(Column::Anonymous) {
            ObjectRule::Never => Err(Failure::unauthenticated()),
            _ => Ok(None),
        },
        Access::Bearer(action) => authenticate(app, headers, action).await.map(Some),
    }
}

/// Who the bearer is, if the role may take the action at all.
async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    action: Action,
) -> Result<(Session, Viewer), Failure> {
    let token = bearer(headers).ok_or_else(Failure::unauthenticated)?;
    let session = app.accounts.authenticate(token).await?;
    let who = session.who.clone();
    let viewer = app
        .hub
        .ask(move |desk| desk.viewer(&who))
        .await?
        .ok_or(Rejection::Unauthenticated)?;
    match action.rule(Column::Role(viewer.role)) {
        ObjectRule::Never => Err(Rejection::Forbidden { action }.into()),
        _ => Ok((session, viewer)),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Refuses a body that says it has more than `bytes_max`, before anything of it is read.
fn check_length(headers: &HeaderMap, bytes_max: usize) -> Result<(), Failure> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match announced {
        Some(bytes) if bytes > bytes_max as u64 => Err(too_large(bytes_max)),
        _ => Ok(()),
    }
}

fn too_large(bytes_max: usize) -> Failure {
    Failure::new(
        ErrorCode::TooLarge,
        format!("the body has more than {bytes_max} bytes; send less"),
    )
}

/// Reads at most `bytes_max`.
async fn read_body(mut body: BodyStream, bytes_max: usize) -> Result<Bytes, Failure> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|error| Failure::invalid(format!("the body broke off: {error}")))?;
        if whole.len() + chunk.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// The one place where a chat that the desk has let go becomes closed, for those who may see
/// it, or nothing.
async fn judge_archived(app: &App, viewer: Option<&Viewer>, failure: Failure) -> Failure {
    let Some(chat) = failure.archived() else {
        return failure;
    };
    match past::judge_archived(&app.hub, viewer, chat).await {
        Ok(rejection) => rejection.into(),
        Err(error) => error.into(),
    }
}

/// Puts on every answer what every answer has.
fn dress(response: impl Reply) -> Response {
    let mut response = response.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

/// Counts answers by the class of their status.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    classes: [std::sync::atomic::AtomicU64; 5],
}

impl Requests {
    fn count(&self, status: warp::http::StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.classes[class].fetch_add(1, Ordering::Relaxed);
    }

    /// Answers of each class, `1xx` to `5xx`.
    pub(super) fn by_class(&self) -> [(&'static str, u64); 5] {
        let names = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        std::array::from_fn(|at| (names[at], self.classes[at].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;
    use warp::{Filter, Reply, path::FullPath};

    use super::{Answer, isolated};
    use crate::http::{
        call::no_body,
        errors::Failure,
        fixture::{GET, exchange, patient, start},
    };

    async fn handler(path: &str) -> Answer {
        assert_ne!(path, "/panic", "in /srv/secret/handler.rs");
        Ok(no_body(warp::http::StatusCode::OK))
    }

    /// S28: a handler that panics answers a fixed sentence with a request id, and the connection
    /// serves the next request.
    #[tokio::test]
    async fn a_panic_stays_in_its_request() {
        let filter = warp::path::full().then(|path: FullPath| async move {
            let answer = isolated(handler(path.as_str())).await;
            answer.unwrap_or_else(Failure::into_response)
        });
        let filter = filter.map(Reply::into_response).boxed();
        let hub = start(filter, None, patient()).await;
        let mut client = TcpStream::connect(hub.addr).await.unwrap();
        for (path, status) in [("/", 200), ("/panic", 500), ("/", 200)] {
            let request = GET.replace("/ ", &format!("{path} "));
            let answer = exchange(&mut client, &request).await;
            assert_eq!(answer.status, status, "{path}");
        }
    }
}
