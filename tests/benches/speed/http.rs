//! Requests to the hub, one after the other over one connection.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use crate::Fallible;

const ANSWER_MAX: Duration = Duration::from_secs(60);

pub(crate) struct Http {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Http {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    pub(crate) fn post(
        &mut self,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Fallible<Value> {
        self.send("POST", path, token, &body.to_string())
    }

    pub(crate) fn put(&mut self, path: &str, token: Option<&str>, body: &Value) -> Fallible<Value> {
        self.send("PUT", path, token, &body.to_string())
    }

    fn send(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> Fallible<Value> {
        let token = token.map_or(String::new(), |token| {
            format!("Authorization: Bearer {token}\r\n")
        });
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{token}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        // A connection that idled may have been closed.
        let mut connection = match self.connection.take() {
            Some(connection) if connection.get_ref().peer_addr().is_ok() => connection,
            _ => self.connect()?,
        };
        if connection.get_mut().write_all(request.as_bytes()).is_err() {
            connection = self.connect()?;
            connection.get_mut().write_all(request.as_bytes())?;
        }
        let (status, text) = match answer(&mut connection) {
            Ok(answer) => answer,
            Err(_) => {
                connection = self.connect()?;
                connection.get_mut().write_all(request.as_bytes())?;
                answer(&mut connection)?
            }
        };
        self.connection = Some(connection);
        if !(200..300).contains(&status) {
            return Err(format!("{method} {path}: {status} {text}").into());
        }
        if text.starts_with('{') || text.starts_with('[') {
            Ok(serde_json::from_str(&text)?)
        } else {
            Ok(Value::String(text))
        }
    }

    fn connect(&self) -> Fallible<BufReader<TcpStream>> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(BufReader::new(stream))
    }
}

fn answer(connection: &mut BufReader<TcpStream>) -> Fallible<(u16, String)> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let status = line.split(' ').nth(1).ok_or("no answer")?.parse()?;
    let (mut length, mut chunked) = (0, false);
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        chunked |= header == "transfer-encoding: chunked";
    }
    let mut body = Vec::new();
    loop {
        if chunked {
            line.clear();
            connection.read_line(&mut line)?;
            length = usize::from_str_radix(line.trim(), 16)?;
        }
        let from = body.len();
        body.resize(from + length, 0);
        connection.read_exact(&mut body[from..])?;
        if chunked {
            line.clear();
            connection.read_line(&mut line)?;
        }
        if !chunked || length == 0 {
            return Ok((status, String::from_utf8_lossy(&body).into_owned()));
        }
    }
}
