//! The WebSocket handshake (RFC 6455, section 4.2) on a request that warp has routed, and the
//! socket that comes out of it.
//!
//! Deliberately absent: what is said over the socket, extensions (`permessage-deflate` is never
//! accepted), cookies.
//!
//! warp's own `ws()` costs 134 KiB per idle socket and has no knob for it. The route layer does
//! this instead:
//!
//! ```text
//! let socket = warp::path!("ws")
//!     .and(upgrade::handshake(origins))
//!     .map(move |handshake: Result<Handshake, Refusal>| match handshake {
//!         Ok(handshake) => {
//!             let reply = handshake.reply();
//!             tracker.spawn(async move {
//!                 match handshake.open().await {
//!                     Ok(socket) => talk(socket).await,
//!                     Err(error) => debug!(%error, "no socket came of the handshake"),
//!                 }
//!             });
//!             reply
//!         }
//!         Err(refusal) => refusal.reply(),
//!     });
//! listener::serve(listener, warp::service(socket), None, limits, tracker, stop).await;
//! ```

use std::{convert::Infallible, sync::Arc};

use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};
use warp::{
    Filter, Reply,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    reply::Response,
};

use crate::http::stream::Stream;

/// The subprotocol of the wire's first version.
pub(crate) const SUBPROTOCOL: &str = "frontdesk.v1";

/// Longest frame and longest message a client may send, in bytes.
pub(crate) const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Read and write buffer of a socket, in bytes: what an idle socket costs.
const BUFFER_BYTES: usize = 4 * 1024;

/// Most bytes that may wait in a socket's write buffer. A longer frame cannot be written at all,
/// and the longest is a snapshot: 1 MiB of records and as much again, at most twice that where a
/// single record outgrows its share, for chats, people and departments. It is not reserved.
const WRITE_BUFFER_BYTES_MAX: usize = 16 * 1024 * 1024;

const VERSION: HeaderValue = HeaderValue::from_static("13");
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");

/// A WebSocket directly on the accepted connection.
pub(crate) type Socket = WebSocketStream<Stream>;

/// A request that may become a WebSocket.
#[derive(Debug)]
pub(crate) struct Handshake {
    accept_key: HeaderValue,
    subprotocol: bool,
    on_upgrade: OnUpgrade,
}

/// Why a request may not become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    /// The page that opened the socket is not of an allowed origin.
    #[error("this origin may not open a socket; add it to the allowed origins")]
    Origin,
    /// Not GET.
    #[error("a socket is opened with GET")]
    Method,
    /// `Upgrade`, `Connection` or HTTP/1.1 is missing.
    #[error("not a WebSocket handshake; send \"Upgrade: websocket\" and \"Connection: Upgrade\"")]
    NotWebSocket,
    /// Another `Sec-WebSocket-Version` than 13, or none.
    #[error("only WebSocket version 13 is spoken here")]
    Version,
    /// `Sec-WebSocket-Key` is missing, repeated or not 16 bytes in base64.
    #[error("the WebSocket key must be 16 bytes in base64")]
    Key,
    /// Subprotocols were offered, but not ours.
    #[error("only the subprotocol frontdesk.v1 is spoken here; upgrade the older side")]
    Subprotocol,
}

/// Why no socket came of a handshake.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    /// The connection ended before the answer was written.
    #[error("connection ended during the handshake: {0}")]
    Ended(#[from] hyper::Error),
    /// The request did not come through [`crate::http::listener::serve`].
    #[error("connection is not one of the hub's listener")]
    Foreign,
}

/// Checks the handshake of a routed request; only pages of `origins` (exact, such as
/// `https://desk.example.com`) may open a socket, programs that send no `Origin` always may.
pub(crate) fn handshake(
    origins: Arc<[String]>,
) -> impl Filter<Extract = (Result<Handshake, Refusal>,), Error = Infallible> + Clone {
    warp::method()
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<OnUpgrade>())
        .map(
            move |method: Method, headers: HeaderMap, on_upgrade: Option<OnUpgrade>| {
                check(&method, &headers, on_upgrade, &origins)
            },
        )
}

fn check(
    method: &Method,
    headers: &HeaderMap,
    on_upgrade: Option<OnUpgrade>,
    origins: &[String],
) -> Result<Handshake, Refusal> {
    // Before anything else: a foreign page learns nothing about the hub.
    let foreign = |origin: &HeaderValue| !origins.iter().any(|allowed| origin == allowed.as_str());
    if headers.get_all(header::ORIGIN).iter().any(foreign) {
        return Err(Refusal::Origin);
    }
    if method != Method::GET {
        return Err(Refusal::Method);
    }
    if !has_token(headers, header::UPGRADE, "websocket")
        || !has_token(headers, header::CONNECTION, "upgrade")
    {
        return Err(Refusal::NotWebSocket);
    }
    if only(headers, header::SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
        return Err(Refusal::Version);
    }
    let key = only(headers, header::SEC_WEBSOCKET_KEY)
        .map(HeaderValue::as_bytes)
        .filter(|key| is_key(key))
        .ok_or(Refusal::Key)?;
    let subprotocol = headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL);
    // Unlike the other tokens, subprotocols are compared by case (RFC 6455, section 11.5).
    if subprotocol
        && !tokens(headers, header::SEC_WEBSOCKET_PROTOCOL).any(|token| token == SUBPROTOCOL)
    {
        return Err(Refusal::Subprotocol);
    }
    Ok(Handshake {
        accept_key: HeaderValue::try_from(derive_accept_key(key))
            .expect("base64 is a header value"),
        subprotocol,
        // Absent when the request came over HTTP/1.0.
        on_upgrade: on_upgrade.ok_or(Refusal::NotWebSocket)?,
    })
}

impl Handshake {
    /// The answer 101. The socket opens once it is written, so return it and await
    /// [`Handshake::open`] in a task of its own.
    pub(crate) fn reply(&self) -> Response {
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let headers = response.headers_mut();
        headers.insert(header::UPGRADE, WEBSOCKET);
        headers.insert(header::CONNECTION, UPGRADE);
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept_key.clone());
        if self.subprotocol {
            let subprotocol = HeaderValue::from_static(SUBPROTOCOL);
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        response
    }

    /// Waits until the 101 is written, and gives the socket.
    ///
    /// # Errors
    /// [`OpenError::Ended`] when the connection goes first; [`OpenError::Foreign`] when the
    /// request did not come through the hub's listener.
    pub(crate) async fn open(self) -> Result<Socket, OpenError> {
        let Parts { io, read_buf, .. } = self
            .on_upgrade
            .await?
            .downcast::<TokioIo<Stream>>()
            .map_err(|_| OpenError::Foreign)?;
        // Copied, since the few bytes of an eager client would pin hyper's 8 KiB buffer.
        let early = read_buf.to_vec();
        drop(read_buf);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(Some(FRAME_BYTES_MAX))
            .max_frame_size(Some(FRAME_BYTES_MAX))
            .accept_unmasked_frames(false);
        Ok(
            WebSocketStream::from_partially_read(
                io.into_inner(),
                early,
                Role::Server,
                Some(config),
            )
            .await,
        )
    }
}

impl Refusal {
    /// The HTTP status of the refusal.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotWebSocket | Self::Key => StatusCode::BAD_REQUEST,
            Self::Version | Self::Subprotocol => StatusCode::UPGRADE_REQUIRED,
        }
    }

    /// The answer: the status with the headers it calls for, and an empty body.
    pub(crate) fn reply(self) -> Response {
        let mut response = self.status().into_response();
        let headers = response.headers_mut();
        match self {
            Self::Method => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
            }
            Self::Version | Self::Subprotocol => {
                headers.insert(header::SEC_WEBSOCKET_VERSION, VERSION);
                headers.insert(header::UPGRADE, WEBSOCKET);
                headers.insert(header::CONNECTION, UPGRADE);
            }
            Self::Origin | Self::NotWebSocket | Self::Key => {}
        }
        response
    }
}

/// The value of a header that must occur exactly once.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted))
}

fn tokens(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// Whether 16 bytes come out of this as base64: 22 digits and the padding.
fn is_key(key: &[u8]) -> bool {
    matches!(key.split_at_checked(22), Some((digits, b"==")) if digits
        .iter()
        .all(|digit| digit.is_ascii_alphanumeric() || matches!(digit, b'+' | b'/')))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use futures_util::{SinkExt, StreamExt};
    use tokio::{io::AsyncWriteExt, net::TcpStream};
    use tokio_tungstenite::{
        client_async,
        tungstenite::{Message, client::IntoClientRequest, error::Error},
    };
    use tokio_util::task::TaskTracker;
    use warp::{Filter, Reply, filters::BoxedFilter, reply::Response};

    use crate::http::{
        fixture::{
            Running, exchange, impatient, in_time, patient, read_to_close, start, tls_files,
        },
        listener::Peer,
        tls::TlsReloader,
        upgrade::{Handshake, Refusal, SUBPROTOCOL, handshake, is_key},
    };

    const GOOD: &[(&str, &str)] = &[
        ("Host", "desk.test"),
        ("Upgrade", "websocket"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Protocol", "other, frontdesk.v1"),
    ];

    /// Echoes text, as a route would wire it; a frame that is refused ends the socket.
    fn echo() -> BoxedFilter<(Response,)> {
        let tracker = TaskTracker::new();
        let origins: Arc<[String]> = Arc::new(["https://good.test".to_owned()]);
        warp::path!("ws")
            .and(handshake(origins))
            .and(warp::ext::get::<Peer>())
            .map(
                move |handshake: Result<Handshake, Refusal>, peer: Peer| match handshake {
                    Ok(handshake) => {
                        let reply = handshake.reply();
                        tracker.spawn(async move {
                            let mut socket = handshake.open().await.unwrap();
                            while let Some(Ok(message)) = socket.next().await {
                                if let Message::Text(text) = message {
                                    let answer = format!("{text} tls={}", peer.tls);
                                    socket.send(Message::text(answer)).await.unwrap();
                                }
                            }
                        });
                        reply
                    }
                    Err(refusal) => {
                        warp::reply::with_header(refusal.reply(), "why", refusal.to_string())
                            .into_response()
                    }
                },
            )
            .boxed()
    }

    fn request(method: &str, headers: &[(&str, &str)]) -> String {
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        format!("{method} /ws HTTP/1.1\r\n{lines}\r\n")
    }

    /// A good handshake in which `name` is replaced by each of `values`.
    fn with(name: &'static str, values: &[&'static str]) -> String {
        let mut headers: Vec<_> = GOOD.iter().copied().filter(|(n, _)| *n != name).collect();
        headers.extend(values.iter().map(|value| (name, *value)));
        request("GET", &headers)
    }

    /// S19: an origin that is not in the list, null, empty, doubled or a look-alike is refused.
    #[tokio::test]
    async fn every_wrong_handshake_gets_its_status() {
        let hub = start(echo(), None, patient()).await;
        let version = "Sec-WebSocket-Version";
        let key = "Sec-WebSocket-Key";
        let protocol = "Sec-WebSocket-Protocol";
        for (status, request) in [
            (101, request("GET", GOOD)),
            (405, request("POST", GOOD)),
            (400, with("Upgrade", &[])),
            (400, with("Upgrade", &["h2c"])),
            (101, with("Upgrade", &["h2c, WebSocket"])),
            (400, with("Connection", &[])),
            (400, with("Connection", &["keep-alive"])),
            (400, with("Connection", &["upgraded"])),
            (101, with("Connection", &["keep-alive", "UPGRADE"])),
            (426, with(version, &[])),
            (426, with(version, &["8"])),
            (426, with(version, &["13", "13"])),
            (400, with(key, &[])),
            (400, with(key, &["dGhlIHNhbXBsZSBub25jZQ"])),
            (400, with(key, &["dGhlIHNhbXBsZSBub25jZSE="])),
            (400, with(key, &["dGhlIHNhbXBsZSBub25j*Q=="])),
            (400, with(key, &["dGhlIHNhbXBsZSBub25jZQ=="; 2])),
            (101, with(protocol, &[])),
            (101, with(protocol, &["other", "frontdesk.v1"])),
            (426, with(protocol, &["frontdesk.v2"])),
            (426, with(protocol, &["FRONTDESK.V1"])),
            (426, with(protocol, &["frontdesk.v1x"])),
            (101, with("Origin", &["https://good.test"])),
            (403, with("Origin", &["https://evil.test"])),
            (403, with("Origin", &["https://good.test.evil"])),
            (403, with("Origin", &["http://good.test"])),
            (403, with("Origin", &["null"])),
            (403, with("Origin", &[""])),
            (
                403,
                with("Origin", &["https://good.test", "https://evil.test"]),
            ),
            (400, request("GET", GOOD).replace("HTTP/1.1", "HTTP/1.0")),
        ] {
            let mut client = TcpStream::connect(hub.addr).await.unwrap();
            let answer = exchange(&mut client, &request).await;
            assert_eq!(
                answer.status, status,
                "{request}\nwas answered\n{}",
                answer.head
            );
            let says_version = answer.head.contains("sec-websocket-version: 13\r\n");
            assert_eq!(says_version, status == 426, "{}", answer.head);
        }
    }

    #[tokio::test]
    async fn the_answer_carries_the_derived_key_and_only_an_offered_subprotocol() {
        let hub = start(echo(), None, patient()).await;
        for (request, subprotocol) in [
            (request("GET", GOOD), true),
            (with("Sec-WebSocket-Protocol", &[]), false),
        ] {
            let mut client = TcpStream::connect(hub.addr).await.unwrap();
            let answer = exchange(&mut client, &request).await;
            // The example of RFC 6455, section 1.3.
            let key = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
            assert!(answer.head.contains(key), "{}", answer.head);
            let echoed = answer
                .head
                .contains("sec-websocket-protocol: frontdesk.v1\r\n");
            assert_eq!(echoed, subprotocol, "{}", answer.head);
        }
    }

    #[tokio::test]
    async fn a_frame_sent_before_the_answer_is_not_lost() {
        let hub = start(echo(), None, patient()).await;
        let mut client = TcpStream::connect(hub.addr).await.unwrap();
        // A masked text frame "hi" whose mask is zero, in the same write as the handshake.
        let eager = [request("GET", GOOD).as_bytes(), b"\x81\x82\0\0\0\0hi"].concat();
        client.write_all(&eager).await.unwrap();
        client.shutdown().await.unwrap();
        let answer = read_to_close(&mut client).await;
        assert!(answer.ends_with(b"\x81\x0chi tls=false"), "{answer:?}");
    }

    #[tokio::test]
    async fn text_is_echoed_end_to_end_with_and_without_tls() {
        let plain = start(echo(), None, patient()).await;
        let socket = TcpStream::connect(plain.addr).await.unwrap();
        assert_eq!(echoed(socket).await, "hello tls=false");

        let files = tls_files("localhost");
        let tls = TlsReloader::load(&files.certificate, &files.key).unwrap();
        let secure: Running = start(echo(), Some(tls), patient()).await;
        let session = files.connect(secure.addr).await.unwrap();
        assert_eq!(echoed(session).await, "hello tls=true");
    }

    async fn echoed<S>(stream: S) -> String
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let mut request = "ws://localhost/ws".into_client_request().unwrap();
        request.headers_mut().insert(
            "sec-websocket-protocol",
            warp::http::HeaderValue::from_static(SUBPROTOCOL),
        );
        let (mut socket, _) = client_async(request, stream).await.unwrap();
        socket.send(Message::text("hello")).await.unwrap();
        let echo = in_time(socket.next()).await.unwrap().unwrap();
        socket.close(None).await.unwrap();
        echo.into_text().unwrap().to_string()
    }

    #[tokio::test]
    async fn a_frame_over_the_limit_closes_before_its_payload_is_sent() {
        let hub = start(echo(), None, patient()).await;
        // Masked text frames: the head alone announces 64 KiB and one byte, 65 KiB, 2^63 - 1.
        for length in [65_537_u64, 66_560, i64::MAX as u64] {
            let head = [&b"\x81\xff"[..], &length.to_be_bytes(), &[0; 4]].concat();
            let mut client = TcpStream::connect(hub.addr).await.unwrap();
            let answer = exchange(&mut client, &request("GET", GOOD)).await;
            assert_eq!(answer.status, 101);
            client.write_all(&head).await.unwrap();
            read_to_close(&mut client).await;
        }
    }

    #[tokio::test]
    async fn fragments_over_the_limit_and_unmasked_frames_close() {
        let hub = start(echo(), None, patient()).await;
        let fragment = [&b"\x01\xfe\xff\xff\0\0\0\0"[..], &[b'a'; 65_535]].concat();
        let more = b"\x80\x82\0\0\0\0aa";
        let unmasked = b"\x81\x02hi";
        for frames in [[&fragment[..], more].concat(), unmasked.to_vec()] {
            let mut client = TcpStream::connect(hub.addr).await.unwrap();
            let answer = exchange(&mut client, &request("GET", GOOD)).await;
            assert_eq!(answer.status, 101);
            client.write_all(&frames).await.unwrap();
            assert!(!read_to_close(&mut client).await.ends_with(b"hi tls=false"));
        }
    }

    #[tokio::test]
    async fn the_largest_frame_is_echoed() {
        let hub = start(echo(), None, patient()).await;
        let stream = TcpStream::connect(hub.addr).await.unwrap();
        let (mut socket, _) = client_async("ws://localhost/ws", stream).await.unwrap();
        socket
            .send(Message::text("a".repeat(super::FRAME_BYTES_MAX)))
            .await
            .unwrap();
        let echo = in_time(socket.next()).await.unwrap().unwrap();
        assert_eq!(echo.len(), super::FRAME_BYTES_MAX + " tls=false".len());
    }

    #[tokio::test]
    async fn a_reader_that_stops_meets_the_write_deadline() {
        let tracker = TaskTracker::new();
        let spawner = tracker.clone();
        let flood = warp::path!("ws")
            .and(handshake(Arc::new([])))
            .map(move |handshake: Result<Handshake, Refusal>| {
                let handshake = handshake.unwrap();
                let reply = handshake.reply();
                spawner.spawn(async move {
                    let mut socket = handshake.open().await.unwrap();
                    let frame = Bytes::from(vec![0; 64 * 1024]);
                    loop {
                        match socket.send(Message::binary(frame.clone())).await {
                            Ok(()) => {}
                            Err(Error::Io(error)) => {
                                assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
                                break;
                            }
                            Err(error) => panic!("{error}"),
                        }
                    }
                });
                reply
            })
            .boxed();
        let hub = start(flood, None, impatient()).await;
        let stream = TcpStream::connect(hub.addr).await.unwrap();
        let (_deaf, _) = client_async("ws://localhost/ws", stream).await.unwrap();
        tracker.close();
        in_time(tracker.wait()).await;
    }

    #[test]
    fn a_key_is_16_bytes() {
        assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(is_key(b"++//AZaz09AAAAAAAAAAAA=="));
        for wrong in [
            &b""[..],
            b"==",
            b"dGhlIHNhbXBsZSBub25jZQ=",
            b"dGhlIHNhbXBsZSBub25jZQ===",
            b"dGhlIHNhbXBsZSBub25jZ_==",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff==",
        ] {
            assert!(!is_key(wrong), "{wrong:?}");
        }
    }
}
