//! Just enough of HTTP/1.1 by hand, to be able to break every rule of it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::{Flavour, Received, Stage};
use crate::watched::Watched;

/// Longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// One thing that the service does on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Sends bytes as they are.
    Raw(Vec<u8>),
    /// Sends a status and a whole body.
    Whole {
        /// Status.
        status: u16,
        /// Content type.
        media: &'static str,
        /// Further headers.
        headers: Vec<(&'static str, String)>,
        /// Body.
        body: Vec<u8>,
    },
    /// Sends a status and begins a body in chunks.
    Begin(&'static str),
    /// Sends a chunk.
    Chunk(Vec<u8>),
    /// Ends the chunks; the connection is good for the next request.
    End,
    /// Waits.
    Pause(Duration),
    /// Says nothing more and keeps the connection.
    Hang,
    /// Closes the connection in an orderly way.
    Close,
    /// Resets the connection.
    Reset,
}

pub(super) async fn accept(listener: TcpListener, stage: Arc<Watched<Stage>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        // Fails only on a socket that is dead already.
        stream.set_nodelay(true).ok();
        let number = stage.update(|stage| {
            stage.connections += 1;
            stage.connections - 1
        });
        let stage = Arc::clone(&stage);
        tokio::spawn(async move {
            // A client that goes away ends its own connection and nothing else.
            serve(stream, number, &stage).await.ok();
        });
    }
}

async fn serve(mut stream: TcpStream, number: usize, stage: &Watched<Stage>) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer, number).await? {
        let flavour = Flavour::of(&request);
        let steps = stage.update(|stage| stage.next(request)).steps(flavour);
        for step in steps {
            if !perform(&mut stream, step).await? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Whether the connection goes on.
async fn perform(stream: &mut TcpStream, step: Step) -> io::Result<bool> {
    match step {
        Step::Raw(bytes) => stream.write_all(&bytes).await?,
        Step::Whole {
            status,
            media,
            headers,
            body,
        } => {
            let mut head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: {media}\r\ncontent-length: {}\r\n",
                body.len()
            );
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(b"\r\n").await?;
            stream.write_all(&body).await?;
        }
        Step::Begin(media) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {media}\r\ntransfer-encoding: chunked\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await?;
        }
        Step::Chunk(bytes) => {
            let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat();
            stream.write_all(&chunk).await?;
        }
        Step::End => stream.write_all(b"0\r\n\r\n").await?,
        Step::Pause(pause) => tokio::time::sleep_until(Instant::now() + pause).await,
        Step::Hang => {
            // Until the client gives up.
            let mut rest = [0; 1024];
            while stream.read(&mut rest).await? > 0 {}
            return Ok(false);
        }
        Step::Close => {
            stream.shutdown().await?;
            return Ok(false);
        }
        Step::Reset => {
            stream.set_zero_linger()?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// The next request; none when the client is gone.
async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    connection: usize,
) -> io::Result<Option<Received>> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if buffer
            .first()
            .is_some_and(|byte| !byte.is_ascii_uppercase())
        {
            // Somebody speaks TLS.
            stream.write_all(b"HTTP/1.1 400 X\r\n\r\n").await?;
            return Ok(None);
        }
        if buffer.len() > HEAD_BYTES_MAX || stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let mut word = || first.next().unwrap_or_default().to_owned();
    let (method, target) = (word(), word());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse::<usize>().ok());
    let end = head_end + length.unwrap_or(0);
    while buffer.len() < end {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body = String::from_utf8_lossy(&buffer[head_end..end]).into_owned();
    buffer.drain(..end);
    Ok(Some(Received {
        connection,
        method,
        target,
        headers,
        body,
    }))
}
