//! How a socket begins: the handshake, then hello, then the past.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::{Fallible, frame, load::find};

/// Longest wait for the answer to a handshake or a hello.
const GREET_MAX: Duration = Duration::from_secs(30);
const READ_BYTES: usize = 256 * 1024;

/// A socket that is open but not yet part of a fleet.
pub(crate) struct Greeted {
    pub(crate) stream: TcpStream,
    pub(crate) rest: Vec<u8>,
}

/// A connection that has asked to become a WebSocket.
pub(crate) fn knock(address: SocketAddr) -> Fallible<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(GREET_MAX))?;
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: frontdesk.v1\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// Waits until a connection that knocked is a WebSocket.
pub(crate) fn enter(mut stream: TcpStream) -> Fallible<Greeted> {
    let mut head = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        if let Some(at) = find(&head, b"\r\n\r\n") {
            if !head.starts_with(b"HTTP/1.1 101") {
                return Err(String::from_utf8_lossy(&head[..at]).into_owned().into());
            }
            let rest = head.split_off(at + 4);
            return Ok(Greeted { stream, rest });
        }
        match stream.read(&mut buffer)? {
            0 => return Err("the connection ended in the handshake".into()),
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
}

impl Greeted {
    /// Says hello with `token` and waits for what comes before `live`.
    pub(crate) fn hello(
        &mut self,
        token: &str,
        slot: &str,
        cursor: Option<&str>,
    ) -> Fallible<String> {
        let cursor = cursor.map_or(String::new(), |cursor| format!(r#""cursor":"{cursor}","#));
        let hello = format!(
            r#"{{"type":"hello","proto":1,"token":"{token}",{cursor}"slot":"{slot}","client":"speed/0.1.0"}}"#
        );
        self.say(&hello)?;
        self.wait_for(br#"{"type":"live""#)
    }

    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream
            .write_all(&frame::encode(frame::TEXT, text.as_bytes()))
    }

    /// Reads until a frame begins with `start`, and gives it.
    pub(crate) fn wait_for(&mut self, start: &[u8]) -> Fallible<String> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let mut used = 0;
            let mut found = None;
            while let Some((_, payload, length)) = frame::decode(&self.rest[used..]) {
                used += length;
                if payload.starts_with(start) {
                    found = Some(String::from_utf8_lossy(payload).into_owned());
                    break;
                }
                if payload.starts_with(br#"{"type":"bye""#) {
                    return Err(String::from_utf8_lossy(payload).into_owned().into());
                }
            }
            self.rest.drain(..used);
            if let Some(found) = found {
                self.rest.shrink_to_fit();
                return Ok(found);
            }
            match self.stream.read(&mut buffer)? {
                0 => return Err("the connection ended before the answer".into()),
                count => self.rest.extend_from_slice(&buffer[..count]),
            }
        }
    }
}
