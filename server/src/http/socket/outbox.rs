//! Frames on their way into a socket: gathered, then written at once.
//!
//! Frames are whole when they come here, header and all, so that the WebSocket library is passed
//! by: it would copy each of them again. What is half written stays here until it is written to
//! its end, whatever becomes of the task in between.

use std::io;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// Bytes that are gathered before they are written.
const GATHER_BYTES: usize = 64 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: Vec<Bytes>,
    bytes: usize,
    /// What is being written: the rest of it.
    writing: Bytes,
}

impl Outbox {
    /// Takes a whole frame. True when it is time to write.
    pub(super) fn push(&mut self, frame: Bytes) -> bool {
        self.bytes += frame.len();
        self.frames.push(frame);
        self.bytes >= GATHER_BYTES
    }

    /// Keeps of all that waits only what is half written, and puts the last frame after it.
    pub(super) fn finish(&mut self, last: Bytes) {
        self.frames.clear();
        self.bytes = 0;
        self.push(last);
    }

    /// Writes everything. May be dropped and called again.
    ///
    /// # Errors
    /// The socket's.
    pub(super) async fn write<S: AsyncWrite + Unpin>(&mut self, socket: &mut S) -> io::Result<()> {
        loop {
            while self.writing.has_remaining() {
                if socket.write_buf(&mut self.writing).await? == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
            }
            // An idle socket pins no memory.
            self.writing = match self.frames.len() {
                0 => {
                    self.frames = Vec::new();
                    self.writing = Bytes::new();
                    return socket.flush().await;
                }
                1 => self.frames.remove(0),
                _ => {
                    let mut all = Vec::with_capacity(self.bytes);
                    for frame in self.frames.drain(..) {
                        all.extend_from_slice(&frame);
                    }
                    all.into()
                }
            };
            self.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt as _;
    use tokio::io::AsyncReadExt as _;

    use super::{GATHER_BYTES, Outbox};

    #[tokio::test]
    async fn what_was_cut_off_is_written_to_its_end_before_the_farewell() {
        let (mut near, mut far) = tokio::io::duplex(8);
        let mut outbox = Outbox::default();
        assert!(!outbox.push(Bytes::from_static(b"first frame,")));
        // The other side takes 8 bytes; the write is given up.
        assert!(outbox.write(&mut near).now_or_never().is_none());
        assert!(outbox.push(Bytes::from(vec![b'x'; GATHER_BYTES])));
        outbox.finish(Bytes::from_static(b"bye"));
        let writing = async {
            outbox.write(&mut near).await.unwrap();
            drop(near);
        };
        let mut read = String::new();
        let (_, got) = tokio::join!(writing, far.read_to_string(&mut read));
        got.unwrap();
        assert_eq!(read, "first frame,bye");
    }

    #[tokio::test]
    async fn frames_keep_their_order() {
        let (mut near, mut far) = tokio::io::duplex(1024);
        let mut outbox = Outbox::default();
        for frame in ["a", "b", "c"] {
            outbox.push(Bytes::from(frame));
        }
        outbox.write(&mut near).await.unwrap();
        outbox.push(Bytes::from("d"));
        outbox.write(&mut near).await.unwrap();
        drop(near);
        let mut read = String::new();
        far.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "abcd");
    }
}
