//! The accept loop: takes connections within limits and serves HTTP/1.1 on each.
//!
//! Deliberately absent: routes, sessions, request limits by account; and HTTP/2, which no client
//! of the hub speaks.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};
use warp::reply::Response;

use crate::{
    config::Limits,
    http::{
        body::PacedBody,
        gate::{Gate, Permit},
        stream::{Accept, Connection, Stream},
        tls::TlsReloader,
    },
};

/// Most header lines that a setting may allow: hyper sets room for them aside.
const HEADER_LINES_MAX: usize = 1_024;

/// Fewest and most bytes of a header that a setting may allow.
const HEADER_BYTES: std::ops::RangeInclusive<usize> = 1_024..=BUFFER_BYTES_MAX;

/// Most bytes hyper buffers of one connection in each direction. Bounds what a stalled peer holds;
/// the body of a response is handed over in pieces of about this size.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// First and longest pause after the system refused to give a connection.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What one listener spends on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListenLimits {
    /// Most connections at once, WebSockets included; beyond it new ones wait to be accepted.
    pub(crate) connections: usize,
    /// Longest request line and headers together, in bytes; 0 means as many as can be.
    pub(crate) header_bytes: usize,
    /// Most header lines of a request; 0 means as many as can be.
    pub(crate) header_lines: usize,
    /// Longest wait for the whole header of a request, from the moment the connection could carry
    /// one: also how long a kept-alive connection may idle.
    pub(crate) header_timeout: Duration,
    /// Longest TLS handshake.
    pub(crate) tls_handshake_timeout: Duration,
    /// Longest wait for each 64 KiB of a request body, and for a peer to take any byte that is to
    /// be written to it, WebSockets included.
    pub(crate) stall_timeout: Duration,
    /// After the stop, longest wait for requests that are being answered.
    pub(crate) drain_timeout: Duration,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self::from(&Limits::default())
    }
}

impl From<&Limits> for ListenLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            connections: limits.connections,
            header_bytes: limits.header_bytes,
            header_lines: limits.header_lines,
            header_timeout: Limits::wait(limits.header_ms),
            tls_handshake_timeout: Limits::wait(limits.tls_handshake_ms),
            stall_timeout: Limits::wait(limits.body_ms),
            drain_timeout: Duration::from_secs(8),
        }
    }
}

/// Who is at the other end; an extension of every request (`warp::ext::get::<Peer>()`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Address of the socket's other end, IPv4 even where it came in mapped into IPv6.
    pub(crate) addr: SocketAddr,
    /// Whether the connection is encrypted.
    pub(crate) tls: bool,
}

/// Accepts connections until `stop`, and serves each in a task of `tracker`. `service` is what
/// `warp::service(filter)` gives; it is cloned for every request, so keep it cheap to clone
/// (`filter.boxed()`).
///
/// Returns as soon as `stop` is cancelled, with the listening socket closed. Connections then end
/// after the answer they are at; WebSockets are their owners' to close. To wait for all:
/// `tracker.close(); tracker.wait().await`.
pub(crate) async fn serve<S>(
    listener: impl Accept,
    service: S,
    tls: Option<TlsReloader>,
    mut gate: Gate,
    limits: ListenLimits,
    tracker: TaskTracker,
    stop: CancellationToken,
) where
    S: Clone + Send + 'static,
    TowerToHyperService<S>:
        Service<Request<PacedBody>, Response = Response, Error = Infallible, Future: Send> + Send,
{
    let mut outage = Outage::default();
    let carrier = Carrier {
        http: http(&limits),
        tls: tls.map(|tls| TlsAcceptor::from(tls.server_config())),
        limits,
        stop: stop.clone(),
    };
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = gate.accept(&listener) => accepted,
        };
        match accepted {
            Ok((socket, addr, slot)) => {
                outage.end();
                let Some(permit) = gate.admit(addr.ip(), slot) else {
                    debug!(%addr, "refused: too many connections of this address");
                    continue;
                };
                let service = TowerToHyperService::new(service.clone());
                tracker.spawn(carrier.clone().carry(socket, addr, permit, service));
            }
            Err(error) if is_of_peer(&error) => {}
            Err(error) => {
                let pause = outage.pause(&error);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(pause) => {}
                }
            }
        }
    }
}

fn http(limits: &ListenLimits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(match limits.header_lines {
            0 => HEADER_LINES_MAX,
            lines => lines.min(HEADER_LINES_MAX),
        })
        .max_header_size(match limits.header_bytes {
            0 => *HEADER_BYTES.end(),
            bytes => bytes.clamp(*HEADER_BYTES.start(), *HEADER_BYTES.end()),
        })
        .max_buf_size(BUFFER_BYTES_MAX)
        .keep_alive(true);
    http
}

/// Whether the connection that was to be accepted has failed, rather than the hub.
fn is_of_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// What a connection needs to be served.
#[derive(Clone)]
struct Carrier {
    http: http1::Builder,
    tls: Option<TlsAcceptor>,
    limits: ListenLimits,
    stop: CancellationToken,
}

impl Carrier {
    async fn carry<S>(self, socket: Connection, addr: SocketAddr, permit: Permit, service: S)
    where
        S: Service<Request<PacedBody>, Response = Response, Error = Infallible, Future: Send>,
    {
        let place = permit.place();
        let Some(stream) = self.stream(socket, addr, permit).await else {
            return;
        };
        let peer = Peer {
            addr: SocketAddr::new(addr.ip().to_canonical(), addr.port()),
            tls: self.tls.is_some(),
        };
        let pace = self.limits.stall_timeout;
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(|body| PacedBody::new(body, pace));
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(Arc::clone(&place));
            service.call(request)
        });
        let mut connection = pin!(
            self.http
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
        );
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                match timeout(self.limits.drain_timeout, connection).await {
                    Ok(served) => served,
                    Err(_) => {
                        debug!(%addr, "cut: its request outlived the drain");
                        return;
                    }
                }
            }
        };
        if let Err(error) = served {
            debug!(%addr, %error, "connection failed");
        }
    }

    /// The connection as a stream, after the TLS handshake if there is to be one.
    async fn stream(&self, socket: Connection, addr: SocketAddr, permit: Permit) -> Option<Stream> {
        // Else small frames wait for the acknowledgement of the one before: 40 ms tails.
        if let Connection::Tcp(socket) = &socket
            && let Err(error) = socket.set_nodelay(true)
        {
            debug!(%addr, %error, "connection was gone at once");
            return None;
        }
        let stall_timeout = self.limits.stall_timeout;
        let (acceptor, socket) = match (&self.tls, socket) {
            (Some(acceptor), Connection::Tcp(socket)) => (acceptor, socket),
            (_, socket) => return Some(Stream::plain(socket, stall_timeout, permit)),
        };
        // Boxed, or the task would keep the handshake's memory for as long as it lives.
        let handshake = Box::pin(acceptor.accept(socket));
        let shaken = tokio::select! {
            () = self.stop.cancelled() => return None,
            shaken = timeout(self.limits.tls_handshake_timeout, handshake) => shaken,
        };
        match shaken {
            Ok(Ok(session)) => Some(Stream::tls(session, stall_timeout, permit)),
            Ok(Err(error)) => {
                debug!(%addr, %error, "TLS handshake failed");
                None
            }
            Err(_) => {
                debug!(%addr, "TLS handshake took too long");
                None
            }
        }
    }
}

/// An episode of failing accepts, usually a lack of file descriptors: each pause is longer than
/// the one before, and the log hears of its beginning and its end.
#[derive(Debug, Default)]
struct Outage {
    last_pause: Option<Duration>,
}

impl Outage {
    fn pause(&mut self, error: &io::Error) -> Duration {
        let pause = match self.last_pause {
            None => {
                warn!(%error, "cannot accept connections; raise the file limit if this persists");
                PAUSE_MIN
            }
            Some(last) => (last * 2).min(PAUSE_MAX),
        };
        self.last_pause = Some(pause);
        pause
    }

    fn end(&mut self) {
        if self.last_pause.take().is_some() {
            info!("accepting connections again");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use bytes::Bytes;
    use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Notify, time::Instant};
    use warp::{Filter, Reply, filters::BoxedFilter, reply::Response};

    use crate::http::{
        fixture::{GET, exchange, impatient, in_time, patient, read_to_close, start},
        listener::{Outage, Peer},
    };

    fn who() -> BoxedFilter<(Response,)> {
        warp::ext::get::<Peer>()
            .map(|peer: Peer| peer.addr.to_string().into_response())
            .boxed()
    }

    #[tokio::test]
    async fn silent_and_half_sent_headers_close_at_the_header_timeout() {
        let hub = start(who(), None, impatient()).await;
        for start_of_request in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: desk"] {
            let begun = Instant::now();
            let mut client = TcpStream::connect(hub.addr).await.unwrap();
            client.write_all(start_of_request.as_bytes()).await.unwrap();
            read_to_close(&mut client).await;
            assert!(begun.elapsed() >= impatient().header_timeout);
        }
    }

    #[tokio::test]
    async fn a_connection_is_kept_alive() {
        let hub = start(who(), None, patient()).await;
        let mut client = TcpStream::connect(hub.addr).await.unwrap();
        for _ in 0..3 {
            assert_eq!(exchange(&mut client, GET).await.status, 200);
        }
    }

    #[tokio::test]
    async fn a_connection_that_idles_after_an_answer_is_closed() {
        let hub = start(who(), None, impatient()).await;
        let mut client = TcpStream::connect(hub.addr).await.unwrap();
        assert_eq!(exchange(&mut client, GET).await.status, 200);
        assert!(read_to_close(&mut client).await.is_empty());
    }

    /// S21: a header is refused beyond 64 lines or 16 KiB.
    #[tokio::test]
    async fn the_header_has_64_lines_and_16_kib_at_most() {
        let hub = start(who(), None, patient()).await;
        let lines = |count: usize| {
            let lines: String = (0..count).map(|i| format!("X-{i}: 1\r\n")).collect();
            format!("GET / HTTP/1.1\r\n{lines}\r\n")
        };
        let bytes = |count: usize| {
            let empty = "GET / HTTP/1.1\r\nX: \r\n\r\n".len();
            format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(count - empty))
        };
        for (status, request) in [
            (200, lines(64)),
            (431, lines(65)),
            (200, bytes(16 * 1024)),
            (431, bytes(16 * 1024 + 1)),
            (431, bytes(40 * 1024)),
        ] {
            let mut client = TcpStream::connect(hub.addr).await.unwrap();
            assert_eq!(exchange(&mut client, &request).await.status, status);
        }
    }

    #[tokio::test]
    async fn a_request_knows_its_peer() {
        let hub = start(who(), None, patient()).await;
        let mut client = TcpStream::connect(hub.addr).await.unwrap();
        let addr = client.local_addr().unwrap().to_string();
        client
            .write_all(
                GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
                    .as_bytes(),
            )
            .await
            .unwrap();
        let answer = read_to_close(&mut client).await;
        assert!(answer.ends_with(addr.as_bytes()), "{answer:?}");
    }

    #[tokio::test]
    async fn a_whole_body_is_read_and_one_that_stalls_is_cut() {
        let upload = warp::post()
            .and(warp::body::bytes())
            .map(|body: Bytes| body.len().to_string().into_response())
            .boxed();
        let post = "POST / HTTP/1.1\r\nHost: desk.test\r\nContent-Length: 200000\r\n\r\n";

        let hub = start(upload.clone(), None, patient()).await;
        let mut client = TcpStream::connect(hub.addr).await.unwrap();
        let whole = format!("{post}{}", "a".repeat(200_000));
        assert_eq!(exchange(&mut client, &whole).await.status, 200);

        let hub = start(upload, None, impatient()).await;
        let begun = Instant::now();
        let mut client = TcpStream::connect(hub.addr).await.unwrap();
        client.write_all(post.as_bytes()).await.unwrap();
        client.write_all(&[b'a'; 100_000]).await.unwrap();
        let answer = read_to_close(&mut client).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
        assert!(begun.elapsed() >= impatient().stall_timeout);
    }

    #[tokio::test]
    async fn a_client_that_reads_no_answer_is_cut() {
        let download = warp::any()
            .map(|| vec![0_u8; 64 << 20].into_response())
            .boxed();
        let hub = start(download, None, impatient()).await;
        let mut deaf = TcpStream::connect(hub.addr).await.unwrap();
        deaf.write_all(GET.as_bytes()).await.unwrap();
        in_time(deaf.readable()).await.unwrap();
        // What is left is the accept loop.
        in_time(async {
            while hub.tracker.len() > 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    #[tokio::test]
    async fn the_stop_closes_idle_connections_after_the_answers_under_way() {
        let (begun, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slow = {
            let (begun, finish) = (Arc::clone(&begun), Arc::clone(&finish));
            warp::path!("slow").then(move || {
                let (begun, finish) = (Arc::clone(&begun), Arc::clone(&finish));
                async move {
                    begun.notify_one();
                    finish.notified().await;
                    "late".into_response()
                }
            })
        };
        let hub = start(slow.or(who()).unify().boxed(), None, patient()).await;
        let mut idle = TcpStream::connect(hub.addr).await.unwrap();
        assert_eq!(exchange(&mut idle, GET).await.status, 200);
        let mut busy = TcpStream::connect(hub.addr).await.unwrap();
        busy.write_all(GET.replace("/ ", "/slow ").as_bytes())
            .await
            .unwrap();
        in_time(begun.notified()).await;

        hub.stop.cancel();
        assert!(read_to_close(&mut idle).await.is_empty());
        finish.notify_one();
        assert!(read_to_close(&mut busy).await.ends_with(b"late"));
        in_time(hub.tracker.wait()).await;
        assert!(TcpStream::connect(hub.addr).await.is_err());
    }

    #[tokio::test]
    async fn a_request_that_never_ends_does_not_outlive_the_drain() {
        let begun = Arc::new(Notify::new());
        let endless = {
            let begun = Arc::clone(&begun);
            warp::any()
                .then(move || {
                    let begun = Arc::clone(&begun);
                    async move {
                        begun.notify_one();
                        std::future::pending::<Response>().await
                    }
                })
                .boxed()
        };
        let hub = start(endless, None, impatient()).await;
        let mut client = TcpStream::connect(hub.addr).await.unwrap();
        client.write_all(GET.as_bytes()).await.unwrap();
        in_time(begun.notified()).await;
        hub.stop.cancel();
        in_time(hub.tracker.wait()).await;
    }

    #[test]
    fn pauses_grow_to_a_second_and_begin_anew() {
        let error = io::Error::other("no descriptors");
        let mut outage = Outage::default();
        let pauses: Vec<_> = (0..7).map(|_| outage.pause(&error).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1000, 1000]);
        outage.end();
        assert_eq!(outage.pause(&error).as_millis(), 50);
    }
}
