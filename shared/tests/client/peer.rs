//! The other side of the wire, one scripted step at a time.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use shared::{
    api::Limits,
    client::url::HubUrl,
    frame::{ClientFrame, HubFrame, Me, PROTO, SUBPROTOCOL},
    id::{Cursor, Pos, UserId},
    model::Role,
    text::SafeText,
    time::Timestamp,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request as Upgrade, Response as Upgraded},
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

/// Longer than anything here takes; a test that waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Peer {
    pub(crate) listener: TcpListener,
    pub(crate) url: HubUrl,
}

impl Peer {
    pub(crate) async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self {
            listener,
            url: HubUrl::parse(&url).unwrap(),
        }
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        let accepted = timeout(PATIENCE, self.listener.accept()).await;
        accepted.expect("the client connects").unwrap().0
    }

    /// Takes a WebSocket up to and with its `hello`.
    pub(crate) async fn hello(&self) -> (Link, ClientFrame) {
        let stream = self.tcp().await;
        let socket = accept_hdr_async(stream, subprotocol).await.unwrap();
        let mut link = Link(socket);
        let hello = link.receive().await;
        assert!(matches!(hello, ClientFrame::Hello { .. }), "{hello:?}");
        (link, hello)
    }

    /// Takes a WebSocket up to and with `welcome`.
    pub(crate) async fn welcome(&self, resumed: bool) -> (Link, ClientFrame) {
        let (mut link, hello) = self.hello().await;
        link.send(&welcome(PROTO, resumed)).await;
        (link, hello)
    }

    /// Takes one HTTP connection and answers every request on it by `answer`: status and body.
    pub(crate) async fn http<F>(&self, answer: F)
    where
        F: FnMut(Asked) -> (u16, Value) + Send + 'static,
    {
        serve_http(self.tcp().await, answer).await;
    }
}

pub(crate) async fn serve_http<S, F>(stream: S, answer: F)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    F: FnMut(Asked) -> (u16, Value) + Send + 'static,
{
    let answer = std::sync::Mutex::new(answer);
    let service = service_fn(|request: Request<Incoming>| async {
        let asked = Asked::read(request).await;
        let (status, body) = (answer.lock().unwrap())(asked);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        Response::builder()
            .status(status)
            .body(Full::new(Bytes::from(body)))
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A client may cut the connection; what matters is what it asked.
    drop(connection.await);
}

/// A request as the peer saw it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Value,
}

impl Asked {
    async fn read(request: Request<Incoming>) -> Self {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            method: head.method.to_string(),
            path: head.uri.to_string(),
            headers: head.headers,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// One WebSocket of a client.
pub(crate) struct Link(WebSocketStream<TcpStream>);

impl Link {
    pub(crate) async fn send(&mut self, frame: &HubFrame) {
        let text = serde_json::to_string(frame).unwrap();
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn send_json(&mut self, frame: &Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame with content.
    pub(crate) async fn receive(&mut self) -> ClientFrame {
        loop {
            let message = timeout(PATIENCE, self.0.next())
                .await
                .expect("a frame comes");
            match message.expect("the client is there").unwrap() {
                Message::Text(text) => return serde_json::from_str(text.as_str()).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("not a frame: {other:?}"),
            }
        }
    }

    /// Returns once the client has read everything so far.
    pub(crate) async fn barrier(&mut self) {
        let mark = Bytes::from_static(b"mark");
        self.0.send(Message::Ping(mark.clone())).await.unwrap();
        while self.0.next().await.unwrap().unwrap() != Message::Pong(mark.clone()) {}
    }

    pub(crate) async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: reason.into(),
        };
        self.0.close(Some(frame)).await.unwrap();
        self.gone().await;
    }

    /// The close code with which the client left, if it said one.
    pub(crate) async fn gone(mut self) -> Option<u16> {
        loop {
            match timeout(PATIENCE, self.0.next())
                .await
                .expect("an end comes")
            {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the callback's type is the library's"
)]
fn subprotocol(request: &Upgrade, mut response: Upgraded) -> Result<Upgraded, ErrorResponse> {
    assert_eq!(request.uri().path(), "/ws");
    let asked = request.headers().get(SEC_WEBSOCKET_PROTOCOL);
    assert_eq!(asked.unwrap(), SUBPROTOCOL);
    response.headers_mut().insert(
        SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    Ok(response)
}

pub(crate) fn welcome(proto: u32, resumed: bool) -> HubFrame {
    HubFrame::Welcome {
        proto,
        lineage: "ab".to_owned(),
        me: Me {
            id: UserId(7),
            role: Role::Agent,
            name: SafeText::line("Ana"),
            departments: [].into(),
            permissions: [].into(),
        },
        now: Timestamp::from_ms(0),
        limits: Limits::default(),
        resumed,
    }
}

pub(crate) fn cursor(pos: u64) -> Cursor {
    Cursor::parse(&format!("ab.{pos}.cd")).unwrap()
}

pub(crate) fn live(pos: u64) -> HubFrame {
    HubFrame::Live {
        cursor: cursor(pos),
    }
}

pub(crate) fn snapshot(pos: u64) -> HubFrame {
    HubFrame::Snapshot {
        pos: Pos(pos),
        desk: Box::default(),
    }
}

/// The frame of a record of a chat.
pub(crate) fn record(pos: u64) -> Value {
    json!({
        "type": "event", "pos": pos, "at": "2026-11-20T14:05:09.120Z", "chat": 42, "seq": pos,
        "actor": {"kind": "agent", "id": 7, "name": "Ana"},
        "event": {"type": "message_posted", "text": "hello", "visibility": "public"},
        "cursor": cursor(pos).as_str(),
    })
}
