//! Bodies: the one of a request, handed over in pieces, and those of answers of any length.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::ANSWER_LIMIT;
use crate::client::{error::ClientError, url::HubUrl};

/// Bytes of a request's body that are handed to the connection at once.
pub(super) const PIECE_BYTES: usize = 64 * 1024;
/// Largest line of a stream of lines, in bytes.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// The body of a request, handed over in pieces that are counted.
pub(super) struct Outgoing {
    left: Bytes,
    sent: Arc<AtomicU64>,
}

impl Outgoing {
    pub(super) const fn new(left: Bytes, sent: Arc<AtomicU64>) -> Self {
        Self { left, sent }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let bytes = self.left.len().min(PIECE_BYTES);
        let piece = self.left.split_to(bytes);
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

/// A body of any length.
#[derive(Debug)]
pub struct Download {
    url: HubUrl,
    body: Incoming,
}

impl Download {
    pub(super) const fn new(url: HubUrl, body: Incoming) -> Self {
        Self { url, body }
    }

    /// All of it, when it has exactly `bytes` bytes; each piece has a time limit.
    ///
    /// # Errors
    /// As [`Download::chunk`]; [`ClientError::Timeout`] when nothing comes for a while, and
    /// [`ClientError::Protocol`] when it has another size.
    pub async fn whole(mut self, bytes: u64) -> Result<Bytes, ClientError> {
        let mut whole = BytesMut::new();
        loop {
            let next = tokio::time::timeout(ANSWER_LIMIT, self.chunk()).await;
            let next = next.map_err(|_| late(&self.url, ANSWER_LIMIT))??;
            let Some(piece) = next else { break };
            whole.extend_from_slice(&piece);
            if whole.len() as u64 > bytes {
                break;
            }
        }
        if whole.len() as u64 == bytes {
            Ok(whole.freeze())
        } else {
            Err(ClientError::Protocol(format!(
                "a body of {bytes} bytes has another size"
            )))
        }
    }

    /// The next piece; none at the end. Cancel safe.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] when the connection broke before the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(_)) => {
                    return Err(ClientError::Unreachable {
                        url: self.url.clone(),
                        why: "the answer broke off".to_owned(),
                    });
                }
            }
        }
    }
}

/// A body of lines.
#[derive(Debug)]
pub struct Lines {
    download: Download,
    buffer: BytesMut,
}

impl Lines {
    pub(super) fn new(download: Download) -> Self {
        Self {
            download,
            buffer: BytesMut::new(),
        }
    }

    /// The next whole line without its end; none when the hub ended the body. Cancel safe.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] when the connection broke, also within a line;
    /// [`ClientError::Protocol`] for a line that is no text or beyond [`LINE_BYTES_MAX`].
    pub async fn line(&mut self) -> Result<Option<String>, ClientError> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..]
                .iter()
                .position(|&byte| byte == b'\n')
            {
                let line = self.buffer.split_to(searched + at);
                self.buffer.advance(1);
                let line = String::from_utf8(line.into())
                    .map_err(|_| ClientError::Protocol("a line is no text".to_owned()))?;
                return Ok(Some(line));
            }
            searched = self.buffer.len();
            if searched > LINE_BYTES_MAX {
                return Err(ClientError::Protocol(format!(
                    "a line has more than {LINE_BYTES_MAX} bytes"
                )));
            }
            match self.download.chunk().await? {
                Some(data) => self.buffer.extend_from_slice(&data),
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    return Err(ClientError::Unreachable {
                        url: self.download.url.clone(),
                        why: "the answer ended within a line".to_owned(),
                    });
                }
            }
        }
    }
}

/// What a limit that was reached is told as.
pub(super) fn late(url: &HubUrl, limit: Duration) -> ClientError {
    ClientError::Timeout {
        url: url.clone(),
        limit_s: limit.as_secs(),
    }
}
