//! A hub of the future: passes everything on, and adds a field that nobody knows to every object
//! that the hub answers with, over HTTP and over the WebSocket.
//!
//! Absent on purpose: maps, whose keys are data and no fields.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

/// Objects whose keys are data.
const MAPS: [&str; 2] = ["variants", "fields"];

/// A hub of the future before a hub of today; it listens as long as the test process lives.
#[derive(Debug)]
pub struct Newer {
    address: SocketAddr,
    documents: Arc<AtomicUsize>,
}

impl Newer {
    /// Listens on a free port, before the hub at `hub`.
    ///
    /// # Panics
    /// When there is no port.
    pub fn before(hub: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let documents = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&documents);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                // A connection that breaks is the client's to notice.
                thread::spawn(move || pass(client, hub, &counted).ok());
            }
        });
        Self { address, documents }
    }

    /// Its address as programs take it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many documents have got new fields.
    pub fn documents(&self) -> usize {
        self.documents.load(Ordering::Relaxed)
    }
}

fn pass(client: TcpStream, hub: SocketAddr, counted: &AtomicUsize) -> io::Result<()> {
    let hub = TcpStream::connect(hub)?;
    client.set_nodelay(true)?;
    hub.set_nodelay(true)?;
    let (mut asked, mut asks) = (hub.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        io::copy(&mut asks, &mut asked).ok();
        asked.shutdown(std::net::Shutdown::Write).ok();
    });
    let mut answers = BufReader::new(hub);
    let mut client = client;
    while answer(&mut answers, &mut client, counted)? {}
    client.shutdown(std::net::Shutdown::Both)
}

/// Passes one answer on; false when there is none any more.
fn answer(from: &mut impl BufRead, to: &mut impl Write, counted: &AtomicUsize) -> io::Result<bool> {
    let mut head = String::new();
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        let folded = line.to_lowercase();
        if let Some(value) = folded.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
            continue;
        }
        chunked |= folded.starts_with("transfer-encoding:") && folded.contains("chunked");
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    if head.starts_with("HTTP/1.1 101") {
        to.write_all(format!("{head}\r\n").as_bytes())?;
        while frame(from, to, counted)? {}
        return Ok(false);
    }
    if chunked {
        to.write_all(format!("{head}\r\n").as_bytes())?;
        while chunk(from, to, counted)? {}
        return Ok(true);
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    let body = with_new_fields(body, counted);
    to.write_all(format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes())?;
    to.write_all(&body)?;
    to.flush()?;
    Ok(true)
}

/// Passes one chunk of a body on (RFC 9112, 7.1); false after the last.
fn chunk(from: &mut impl BufRead, to: &mut impl Write, counted: &AtomicUsize) -> io::Result<bool> {
    let mut size = String::new();
    from.read_line(&mut size)?;
    let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
    let mut bytes = vec![0; size];
    from.read_exact(&mut bytes)?;
    let mut end = [0; 2];
    from.read_exact(&mut end)?;
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let newer: Vec<u8> = lines
        .flat_map(|line| with_new_fields(line.to_vec(), counted))
        .collect();
    to.write_all(format!("{:x}\r\n", newer.len()).as_bytes())?;
    to.write_all(&newer)?;
    to.write_all(b"\r\n")?;
    to.flush()?;
    Ok(size > 0)
}

/// Passes one frame on (RFC 6455, 5.2); the hub sends whole messages without a mask.
fn frame(from: &mut impl BufRead, to: &mut impl Write, counted: &AtomicUsize) -> io::Result<bool> {
    const WHOLE_TEXT: u8 = 0x81;
    let mut head = [0; 2];
    if let Err(error) = from.read_exact(&mut head) {
        return if error.kind() == io::ErrorKind::UnexpectedEof {
            Ok(false)
        } else {
            Err(error)
        };
    }
    let length = match head[1] {
        126 => {
            let mut bytes = [0; 2];
            from.read_exact(&mut bytes)?;
            u64::from(u16::from_be_bytes(bytes))
        }
        127 => {
            let mut bytes = [0; 8];
            from.read_exact(&mut bytes)?;
            u64::from_be_bytes(bytes)
        }
        short => u64::from(short),
    };
    let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    from.read_exact(&mut body)?;
    if head[0] == WHOLE_TEXT {
        body = with_new_fields(body, counted);
    }
    to.write_all(&head[..1])?;
    match u16::try_from(body.len()) {
        Ok(length) if length < 126 => to.write_all(&[length as u8])?,
        Ok(length) => to.write_all(&[&[126], &length.to_be_bytes()[..]].concat())?,
        Err(_) => to.write_all(&[&[127], &(body.len() as u64).to_be_bytes()[..]].concat())?,
    }
    to.write_all(&body)?;
    to.flush()?;
    Ok(true)
}

/// The same document with a new field in each object; what is no document stays.
fn with_new_fields(bytes: Vec<u8>, counted: &AtomicUsize) -> Vec<u8> {
    let Ok(mut document) = serde_json::from_slice::<Value>(&bytes) else {
        return bytes;
    };
    if !document.is_object() {
        return bytes;
    }
    counted.fetch_add(1, Ordering::Relaxed);
    add(&mut document);
    let mut newer = document.to_string().into_bytes();
    if bytes.ends_with(b"\n") {
        newer.push(b'\n');
    }
    newer
}

fn add(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let known = fields.iter_mut();
            known
                .filter(|(name, _)| !MAPS.contains(&name.as_str()))
                .for_each(|(_, v)| add(v));
            fields.insert("from_the_future".to_owned(), json!({ "deep": [1, null] }));
        }
        Value::Array(items) => items.iter_mut().for_each(add),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::with_new_fields;

    #[test]
    fn every_object_but_a_map_gets_a_field() {
        let body = br#"{"a":[{"b":1}],"variants":{"de":"x"}}"#.to_vec();
        let newer = with_new_fields(body, &AtomicUsize::new(0));
        let newer: serde_json::Value = serde_json::from_slice(&newer).unwrap();
        assert!(newer["from_the_future"].is_object());
        assert!(newer["a"][0]["from_the_future"].is_object());
        assert_eq!(newer["variants"].as_object().unwrap().len(), 1);
        let text = b"no document".to_vec();
        assert_eq!(with_new_fields(text.clone(), &AtomicUsize::new(0)), text);
    }
}
