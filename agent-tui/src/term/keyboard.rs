//! The stream of events from the terminal, which can be let go of while another program reads there.

use std::io;
use std::task::Poll;

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;

/// The one reader of the terminal.
#[derive(Debug)]
pub struct Keyboard {
    /// None while another program reads.
    stream: Option<EventStream>,
}

impl Default for Keyboard {
    fn default() -> Self {
        Self {
            stream: Some(EventStream::new()),
        }
    }
}

impl Keyboard {
    /// The next event; none when nobody can type any more. Waits for ever while another program
    /// reads.
    pub async fn next(&mut self) -> Option<io::Result<Event>> {
        match &mut self.stream {
            Some(stream) => stream.next().await,
            None => std::future::pending().await,
        }
    }

    /// The event that is there already, if any.
    pub async fn ready(&mut self) -> Option<Option<io::Result<Event>>> {
        // Polled for this task and no other: the stream wakes who polled it first, not last.
        std::future::poll_fn(|context| {
            let polled = self
                .stream
                .as_mut()
                .map(|stream| stream.poll_next_unpin(context));
            Poll::Ready(match polled {
                Some(Poll::Ready(event)) => Some(event),
                Some(Poll::Pending) | None => None,
            })
        })
        .await
    }

    /// Stops reading; gives the keyboard with which to read on.
    pub fn release(&mut self) -> Self {
        // The reader is told to stop when its stream is dropped, and it has stopped when there can
        // be another stream: before that it would take keys of the other program.
        self.stream = None;
        Self::default()
    }
}
