//! A request body that has to keep a pace, against clients that trickle one for ever.
//!
//! Deliberately absent: how large a body may be. That is each route's to say.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until};

/// Every so many bytes the body earns another [`PacedBody`] window; the largest ordinary body fits
/// into one.
const WINDOW_BYTES: usize = 64 * 1024;

/// A body that fails unless each 64 KiB of it arrive within the pace it was made with.
#[derive(Debug)]
pub(crate) struct PacedBody {
    incoming: Incoming,
    pace: Duration,
    window_bytes: usize,
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// Why a request body ended early.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    /// The next 64 KiB did not arrive within the pace.
    #[error("request body came too slowly; send it without pauses")]
    TooSlow,
    /// The connection broke, or the body broke HTTP's framing.
    #[error("request body broke off: {0}")]
    Broken(#[from] hyper::Error),
}

impl PacedBody {
    /// Gives every 64 KiB of `incoming` the time `pace`, counted from the first read.
    pub(crate) fn new(incoming: Incoming, pace: Duration) -> Self {
        Self {
            incoming,
            pace,
            window_bytes: 0,
            deadline: None,
            timer: None,
        }
    }

    fn count(&mut self, bytes: usize) {
        self.window_bytes = self.window_bytes.saturating_add(bytes);
        if self.window_bytes < WINDOW_BYTES {
            return;
        }
        self.window_bytes %= WINDOW_BYTES;
        let deadline = Instant::now() + self.pace;
        self.deadline = Some(deadline);
        if let Some(timer) = &mut self.timer {
            timer.as_mut().reset(deadline);
        }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let pace = self.pace;
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + pace);
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(frame) => {
                if let Some(data) = frame
                    .as_ref()
                    .and_then(|frame| frame.as_ref().ok()?.data_ref())
                {
                    self.count(data.len());
                }
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)))
            }
            Poll::Pending => {
                let timer = self
                    .timer
                    .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                ready!(timer.as_mut().poll(cx));
                Poll::Ready(Some(Err(BodyError::TooSlow)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
