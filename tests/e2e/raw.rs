//! Clients without manners: HTTP and WebSocket by the byte, to send what a real program never would.
//!
//! Absent on purpose: retries, resuming and folding. What came is kept as it came.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use shared::id::CommandId;
use tests::site::Site;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// The longest that one answer may take on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// What came back over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// Status line and headers, in lower case.
    pub(crate) head: String,
    /// The body, with chunks put together.
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The code of an error; empty when it is none.
    pub(crate) fn code(&self) -> String {
        let body = self.json();
        body["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// What people read of an error; empty when it is none.
    pub(crate) fn message(&self) -> String {
        let body = self.json();
        body["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// One request on a connection of its own.
pub(crate) async fn call(
    address: SocketAddr,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: &[u8],
) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: desk\r\nconnection: close\r\n");
    if let Some(token) = token {
        head += &format!("authorization: Bearer {token}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    exchange(address, &[head.as_bytes(), body].concat()).await
}

/// The same with JSON.
pub(crate) async fn send(
    address: SocketAddr,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: &Value,
) -> Answer {
    call(address, token, method, path, body.to_string().as_bytes()).await
}

/// Writes `request` and reads until the hub closes.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // A hub that refuses early may close before it has read everything.
    socket.write_all(request).await.ok();
    let mut bytes = Vec::new();
    let end = timeout(SOON, socket.read_to_end(&mut bytes)).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(end.is_ok(), "the answer does not end: {text}");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let head = head.to_lowercase();
    let body = if head.contains("transfer-encoding: chunked") {
        joined(body)
    } else {
        body.to_owned()
    };
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    Answer {
        status: status.unwrap_or_default(),
        head,
        body,
    }
}

/// The chunks of a body put together.
fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
        let Some(chunk) = rest.get(..size).filter(|chunk| !chunk.is_empty()) else {
            break;
        };
        body += chunk;
        chunks = rest[size..].trim_start_matches("\r\n");
    }
    body
}

/// A WebSocket that sends anything and keeps all that came.
pub(crate) struct Raw {
    socket: WebSocketStream<TcpStream>,
    /// Every text frame as it came.
    pub(crate) frames: Vec<String>,
    /// How the hub closed: code and reason; code 0 when it only went away.
    pub(crate) closed: Option<(u16, String)>,
}

impl Raw {
    /// Opens a socket and says nothing.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap()).await
    }

    /// Opens a socket whose system takes in little that nobody reads.
    pub(crate) async fn open_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 * 1024).unwrap();
        Self::over(socket.connect(address).await.unwrap()).await
    }

    async fn over(stream: TcpStream) -> Self {
        let url = format!("ws://{}/ws", stream.peer_addr().unwrap());
        let (socket, _) = client_async(url, stream).await.unwrap();
        Self {
            socket,
            frames: Vec::new(),
            closed: None,
        }
    }

    /// Opens a socket, says a good hello and reads until it is live.
    pub(crate) async fn live(site: &Site, token: &str) -> Self {
        let mut raw = Self::open(site.hub.address()).await;
        raw.say(&hello(token)).await;
        raw.until("live", |frame| frame["type"] == "live").await;
        raw
    }

    /// Sends a frame. What the hub does not take any more shows in how it closed.
    pub(crate) async fn say(&mut self, frame: &Value) {
        self.say_text(&frame.to_string()).await;
    }

    /// Sends a text frame of anything.
    pub(crate) async fn say_text(&mut self, text: &str) {
        self.say_message(Message::text(text)).await;
    }

    /// Sends any WebSocket message.
    pub(crate) async fn say_message(&mut self, message: Message) {
        let sent = timeout(SOON, self.socket.send(message)).await;
        sent.expect("the hub stopped reading").ok();
    }

    /// Sends a command and gives its `done` or `nack`.
    pub(crate) async fn ask(&mut self, command: &Value) -> Value {
        let cid = CommandId::random();
        self.say(&json!({"type": "do", "cid": cid, "command": command}))
            .await;
        self.until("an answer", |frame| frame["cid"] == cid.as_str())
            .await
    }

    /// Writes bytes below the WebSocket, where no library makes them legal.
    pub(crate) async fn write_bytes(&mut self, bytes: &[u8]) {
        let written = timeout(SOON, self.socket.get_mut().write_all(bytes)).await;
        written.expect("the hub stopped reading").ok();
    }

    /// The next frame; none when the hub has closed.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        while self.closed.is_none() {
            let next = timeout(SOON, self.socket.next()).await;
            match next.expect("neither a frame nor an end") {
                Some(Ok(Message::Text(text))) => {
                    self.frames.push(text.to_string());
                    return Some(serde_json::from_str(&text).expect("frames are JSON"));
                }
                Some(Ok(Message::Close(Some(close)))) => {
                    self.closed = Some((close.code.into(), close.reason.to_string()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => self.closed = Some((0, String::new())),
            }
        }
        None
    }

    /// Reads until a frame is as wanted, and gives that.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        // The pings of the hub would keep a wait for one frame alive for ever.
        let deadline = Instant::now() + SOON;
        while let Ok(Some(frame)) = timeout_at(deadline, self.next()).await {
            if wanted(&frame) {
                return frame;
            }
        }
        let last = self.frames.last();
        panic!(
            "no {what} before the end {:?}; the last frame is {last:?}",
            self.closed
        )
    }

    /// The same, where the frame may have come already.
    pub(crate) async fn ever(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut came = self
            .frames
            .iter()
            .map(|text| serde_json::from_str(text).unwrap());
        match came.find(&wanted) {
            Some(frame) => frame,
            None => self.until(what, wanted).await,
        }
    }

    /// Reads until the hub closes, and says how it did.
    pub(crate) async fn end(&mut self) -> (u16, String) {
        while self.next().await.is_some() {}
        self.closed.clone().unwrap()
    }

    /// The frame of `bye`, when there was one.
    pub(crate) fn bye(&self) -> Option<Value> {
        let frames = self.frames.iter().rev();
        let mut values = frames.filter_map(|text| serde_json::from_str::<Value>(text).ok());
        values.find(|frame| frame["type"] == "bye")
    }

    /// Whether any frame so far holds `text`.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.frames.iter().any(|frame| frame.contains(text))
    }
}

/// A good hello, under a slot of its own.
pub(crate) fn hello(token: &str) -> Value {
    json!({
        "type": "hello", "proto": 1, "token": token, "slot": CommandId::random(),
        "client": "frontdesk-tests/0.1.0",
    })
}

/// The command that says `text` in `chat`.
pub(crate) fn post(chat: u64, text: &str) -> Value {
    json!({"type": "post_message", "chat": chat, "text": text})
}

/// The command that sets one's own status.
pub(crate) fn status(status: &str) -> Value {
    json!({"type": "set_status", "status": status})
}
