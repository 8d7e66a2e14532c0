//! The way to the terminal: a thread that writes, one frame at a time, so that a terminal which
//! takes nothing holds up nobody but that thread. There is no queue: what changes while a frame
//! is on its way is in the next one, drawn when there is room for it.

use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

/// The writing end of a terminal.
#[derive(Debug)]
pub struct Outlet {
    frames: SyncSender<Vec<u8>>,
    written: mpsc::Receiver<io::Result<()>>,
    busy: bool,
}

impl Outlet {
    /// Starts the thread that writes to `out`. It ends with this value, or in a write that never
    /// does: the end of the process does not wait for it.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn new(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let (frames, coming) = sync_channel::<Vec<u8>>(1);
        let (told, written) = mpsc::channel(1);
        let write = move || {
            while let Ok(frame) = coming.recv() {
                let done = out.write_all(&frame).and_then(|()| out.flush());
                // One frame at a time, so there is room until nobody waits any more.
                if told.try_send(done).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(write)?;
        Ok(Self {
            frames,
            written,
            busy: false,
        })
    }

    /// Whether a frame is on its way: no other may be given before [`Outlet::written`].
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// Gives a frame to be written; an empty one is written already.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn give(&mut self, frame: Vec<u8>) -> io::Result<()> {
        assert!(!self.busy, "one frame at a time");
        if frame.is_empty() {
            return Ok(());
        }
        self.busy = true;
        let gone = |_| io::Error::other("nobody writes to the terminal");
        self.frames.try_send(frame).map_err(gone)
    }

    /// Waits until the frame on its way has been taken. Cancel safe.
    ///
    /// # Errors
    /// Whatever writing gave; [`super::is_hangup`] tells a terminal that is
    /// gone, after which only [`super::Hangup::exit`] is left to do.
    pub async fn written(&mut self) -> io::Result<()> {
        if !self.busy {
            return Ok(());
        }
        let done = self.written.recv().await;
        self.busy = false;
        done.unwrap_or_else(|| Err(io::Error::other("nobody writes to the terminal")))
    }

    /// The same for at most `limit`: before somebody else writes to the terminal.
    ///
    /// # Errors
    /// As [`Outlet::written`]; a terminal that takes nothing is no error here.
    pub async fn settle(&mut self, limit: Duration) -> io::Result<()> {
        let written = tokio::time::timeout(limit, self.written()).await;
        written.unwrap_or(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write, pipe};
    use std::time::Duration;

    use super::Outlet;
    use crate::term::is_hangup;

    struct Dead;

    impl Write for Dead {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(5))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn frames_arrive_in_order_and_an_empty_one_is_none() {
        let (mut reader, writer) = pipe().expect("a pipe");
        let mut outlet = Outlet::new(writer).expect("a thread");
        for frame in ["one ", "", "two"] {
            outlet.give(frame.into()).expect("given");
            assert_eq!(outlet.is_busy(), !frame.is_empty());
            outlet.written().await.expect("written");
        }
        drop(outlet);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("text");
        assert_eq!(text, "one two");
    }

    #[tokio::test]
    async fn a_terminal_that_takes_nothing_holds_up_nobody() {
        let (mut reader, writer) = pipe().expect("a pipe");
        let mut outlet = Outlet::new(writer).expect("a thread");
        let much = 1 << 20;
        outlet.give(vec![b'x'; much]).expect("given");
        outlet
            .settle(Duration::from_millis(1))
            .await
            .expect("no error");
        assert!(outlet.is_busy(), "more than a pipe holds");
        let mut taken = vec![0; much];
        reader.read_exact(&mut taken).expect("all of it");
        outlet.written().await.expect("written");
        assert!(!outlet.is_busy());
    }

    #[tokio::test]
    async fn a_dead_terminal_is_an_error_of_the_frame() {
        let mut outlet = Outlet::new(Dead).expect("a thread");
        outlet.give(b"hello".to_vec()).expect("given");
        let error = outlet.written().await.expect_err("no terminal");
        assert!(is_hangup(&error));
    }
}
