//! The limits of the network: servers that pass messages on and do nothing else.
//!
//! Each runs in a process of its own, on the hub's core. As the hub does, they write one frame to
//! each receiver and two to the sender in one write; nothing is parsed, decided or stored.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_tungstenite::{
    accept_hdr_async_with_config,
    tungstenite::{
        Message, Utf8Bytes,
        handshake::server::{ErrorResponse, Request, Response},
        protocol::WebSocketConfig,
    },
};

use crate::{Fallible, frame, greet, machine::Cores};

/// Frames that may wait for one receiver.
const QUEUE: usize = 1_024;
/// Bytes of the answer to a sender; about what a hub's has.
const ANSWER_BYTES: usize = 110;
const BATCH: usize = 64;

/// How frames are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By hand, from one buffer, on the bare connection.
    Raw,
    /// By tokio-tungstenite with buffers of 4 KiB.
    Tungstenite,
    /// By tokio-tungstenite as it comes, which is what `warp::ws` has inside.
    Defaults,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Tungstenite => "tungstenite",
            Self::Defaults => "tungstenite-defaults",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Raw, Self::Tungstenite, Self::Defaults]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// A relay in a process of its own; killed when dropped.
pub(crate) struct Relay {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Relay {
    pub(crate) fn start(kind: Kind, cores: Cores) -> Fallible<Self> {
        let program = std::env::current_exe()?;
        let mut command = Command::new(program);
        command
            .args(["--relay", kind.name()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = cores.on_hub(|| command.spawn())??;
        let output = child.stdout.take().ok_or("the relay has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse()?;
        Ok(Self { child, address })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A socket of this side (`a` sends, `b` receives) of a pair.
    pub(crate) fn socket(&self, pair: usize, side: char) -> Fallible<greet::Greeted> {
        let mut socket = greet::enter(greet::knock(self.address)?)?;
        socket.say(&format!("{pair} {side}"))?;
        socket.wait_for(b"live")?;
        Ok(socket)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The receivers of each pair.
type Receivers = Arc<Mutex<HashMap<usize, Vec<mpsc::Sender<Bytes>>>>>;

/// Serves until it is killed.
pub(crate) fn serve(kind: Kind) -> Fallible<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        crate::say(&listener.local_addr()?.to_string());
        let receivers = Receivers::default();
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let receivers = Arc::clone(&receivers);
            tokio::spawn(async move {
                // The load generator sees a socket that ends.
                match kind {
                    Kind::Raw => drop(raw(stream, receivers).await),
                    Kind::Tungstenite => drop(library(stream, receivers, Some(4 * 1024)).await),
                    Kind::Defaults => drop(library(stream, receivers, None).await),
                }
            });
        }
    })
}

fn enlist(receivers: &Receivers, hello: &str) -> Fallible<(usize, mpsc::Receiver<Bytes>)> {
    let (pair, side) = hello.split_once(' ').ok_or("no side")?;
    let pair = pair.parse()?;
    let (sender, queue) = mpsc::channel(QUEUE);
    if side == "b" {
        let mut all = receivers.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(pair).or_default().push(sender);
    }
    Ok((pair, queue))
}

fn peers(receivers: &Receivers, pair: usize) -> Vec<mpsc::Sender<Bytes>> {
    let all = receivers.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(&pair).cloned().unwrap_or_default()
}

async fn library(stream: TcpStream, receivers: Receivers, buffer: Option<usize>) -> Fallible<()> {
    let mut config = WebSocketConfig::default();
    if let Some(bytes) = buffer {
        config = config.read_buffer_size(bytes).write_buffer_size(bytes);
    }
    #[expect(clippy::result_large_err, reason = "the library wants it so")]
    let subprotocol = |_: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let name = "frontdesk.v1".parse().expect("a header value");
        response
            .headers_mut()
            .insert("sec-websocket-protocol", name);
        Ok(response)
    };
    let handshake = Box::pin(accept_hdr_async_with_config(
        stream,
        subprotocol,
        Some(config),
    ));
    let mut socket = handshake.await?;
    let hello = socket.next().await.ok_or("gone")??;
    let (pair, mut queue) = enlist(&receivers, hello.to_text()?)?;
    socket.send(Message::text("live")).await?;
    loop {
        tokio::select! {
            frame = queue.recv() => {
                let mut next = frame;
                while let Some(frame) = next {
                    socket.feed(Message::Text(Utf8Bytes::try_from(frame)?)).await?;
                    next = queue.try_recv().ok();
                }
                socket.flush().await?;
            }
            message = socket.next() => {
                let Message::Text(text) = message.ok_or("gone")?? else { continue };
                // The buffer of the socket is not kept alive by what waits.
                let frame = Bytes::copy_from_slice(text.as_bytes());
                for peer in peers(&receivers, pair) {
                    drop(peer.try_send(frame.clone()));
                }
                let answer = frame.slice(..ANSWER_BYTES.min(frame.len()));
                socket.feed(Message::Text(Utf8Bytes::try_from(answer)?)).await?;
                socket.feed(Message::Text(Utf8Bytes::try_from(frame.slice(1..))?)).await?;
                socket.flush().await?;
            }
        }
    }
}

async fn raw(mut stream: TcpStream, receivers: Receivers) -> Fallible<()> {
    let mut inbox = BytesMut::with_capacity(4 * 1024);
    while !inbox.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut inbox).await? == 0 {
            return Ok(());
        }
    }
    inbox.clear();
    let accept =
        tokio_tungstenite::tungstenite::handshake::derive_accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: frontdesk.v1\r\n\r\n"
    );
    stream.write_all(response.as_bytes()).await?;
    let mut outbox = Vec::new();
    let mut known: Option<(usize, mpsc::Receiver<Bytes>)> = None;
    let (idle, mut nothing) = mpsc::channel::<Bytes>(1);
    loop {
        let queue = known.as_mut().map_or(&mut nothing, |(_, queue)| queue);
        tokio::select! {
            frame = queue.recv() => {
                outbox.clear();
                let mut next = frame;
                for _ in 0..BATCH {
                    let Some(frame) = next else { break };
                    outbox.extend_from_slice(&frame);
                    next = queue.try_recv().ok();
                }
                if let Some(frame) = next {
                    outbox.extend_from_slice(&frame);
                }
                stream.write_all(&outbox).await?;
            }
            read = stream.read_buf(&mut inbox) => {
                if read? == 0 {
                    return Ok(());
                }
                outbox.clear();
                while let Some((payload, length)) = masked(&inbox) {
                    match &known {
                        None => {
                            known = Some(enlist(&receivers, std::str::from_utf8(&payload)?)?);
                            put(&mut outbox, b"live");
                        }
                        Some((pair, _)) => {
                            let mut frame = Vec::with_capacity(payload.len() + 4);
                            put(&mut frame, &payload);
                            let frame = Bytes::from(frame);
                            for peer in peers(&receivers, *pair) {
                                drop(peer.try_send(frame.clone()));
                            }
                            put(&mut outbox, &payload[..ANSWER_BYTES.min(payload.len())]);
                            put(&mut outbox, &payload[1..]);
                        }
                    }
                    inbox.advance(length);
                }
                if !outbox.is_empty() {
                    stream.write_all(&outbox).await?;
                }
            }
        }
        if idle.is_closed() {
            return Ok(());
        }
    }
}

/// A frame as a server sends it.
fn put(out: &mut Vec<u8>, payload: &[u8]) {
    out.push(0x80 | frame::TEXT);
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => out.push(length),
        _ => {
            let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
            out.push(126);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// A frame as a client sends it, unmasked.
fn masked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let second = *bytes.get(1)?;
    let (header, length) = match second & 0x7f {
        126 => (
            4,
            usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        ),
        short => (2, usize::from(short)),
    };
    let mask: [u8; 4] = *bytes.get(header..)?.first_chunk()?;
    let end = header + 4 + length;
    let payload = bytes.get(header + 4..end)?;
    let payload = payload
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, key)| byte ^ key)
        .collect();
    Some((payload, end))
}
