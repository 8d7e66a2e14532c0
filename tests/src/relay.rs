//! A slow line between a program and its terminal: so many bytes a second, so long a way, and no
//! more room on it than what is under way. What does not fit stays with the program, as it does
//! when the other end of a connection reads no faster.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Pieces are so long that each takes this time.
const PIECE: Duration = Duration::from_millis(10);
/// How often a held line looks whether it is released.
const HELD: Duration = Duration::from_millis(5);

/// What a line is like, each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Bytes that it carries in a second.
    pub bytes_per_s: u32,
    /// From one end to the other and back.
    pub round_trip: Duration,
}

impl Line {
    fn piece_bytes(self) -> usize {
        let bytes = f64::from(self.bytes_per_s) * PIECE.as_secs_f64();
        (bytes as usize).max(1)
    }

    fn time_of(self, bytes: usize) -> Duration {
        Duration::from_secs_f64(bytes as f64 / f64::from(self.bytes_per_s))
    }

    /// Pieces under way at most.
    fn pieces(self) -> usize {
        let half = self.round_trip / 2;
        (half.as_millis() / PIECE.as_millis()) as usize + 2
    }
}

/// Stops a line for a while: nothing is taken from the program then.
#[derive(Clone, Debug, Default)]
pub struct Hold(Arc<AtomicBool>);

impl Hold {
    /// Takes nothing from now on.
    pub fn hold(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Goes on.
    pub fn release(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    fn wait(&self) {
        while self.0.load(Ordering::SeqCst) {
            thread::park_timeout(HELD);
        }
    }
}

/// Bytes, and when they are at the other end.
type Piece = (Instant, Vec<u8>);

/// The end of a line at which bytes come out.
#[derive(Debug)]
pub struct FarEnd {
    pieces: Receiver<Piece>,
    rest: VecDeque<u8>,
}

impl Read for FarEnd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            let Ok((arrives, bytes)) = self.pieces.recv() else {
                return Ok(0);
            };
            wait_until(arrives);
            self.rest.extend(bytes);
        }
        self.rest.read(buffer)
    }
}

/// `source` through `line`: read no faster than it carries.
pub fn slowed(mut source: impl Read + Send + 'static, line: Line, hold: Hold) -> FarEnd {
    let (sender, pieces) = sync_channel(line.pieces());
    thread::spawn(move || {
        let mut piece = vec![0; line.piece_bytes()];
        let mut free = Instant::now();
        loop {
            hold.wait();
            let Ok(length @ 1..) = source.read(&mut piece) else {
                return;
            };
            free = free.max(Instant::now()) + line.time_of(length);
            let sent = sender.send((free + line.round_trip / 2, piece[..length].to_vec()));
            if sent.is_err() {
                return;
            }
            wait_until(free);
        }
    });
    FarEnd {
        pieces,
        rest: VecDeque::new(),
    }
}

/// The end of a line into which bytes go.
#[derive(Debug)]
pub struct NearEnd {
    pieces: SyncSender<Piece>,
    free: Instant,
    line: Line,
}

impl Write for NearEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(self.line.piece_bytes());
        self.free = self.free.max(Instant::now()) + self.line.time_of(length);
        let arrives = self.free + self.line.round_trip / 2;
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.pieces
            .send((arrives, bytes[..length].to_vec()))
            .map_err(gone)?;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `sink` at the other end of `line`.
pub fn distant(mut sink: impl Write + Send + 'static, line: Line) -> NearEnd {
    let (pieces, coming) = sync_channel::<Piece>(line.pieces());
    thread::spawn(move || {
        while let Ok((arrives, bytes)) = coming.recv() {
            wait_until(arrives);
            if sink.write_all(&bytes).and_then(|()| sink.flush()).is_err() {
                return;
            }
        }
    });
    NearEnd {
        pieces,
        free: Instant::now(),
        line,
    }
}

/// A deadline is what a line is made of: nothing else happens then.
fn wait_until(deadline: Instant) {
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write, pipe};
    use std::time::{Duration, Instant};

    use super::{Hold, Line, distant, slowed};

    const LINE: Line = Line {
        bytes_per_s: 20_000,
        round_trip: Duration::from_millis(100),
    };

    #[test]
    fn bytes_take_their_time_and_keep_their_order() {
        let (reader, mut writer) = pipe().unwrap();
        let sent: Vec<u8> = (0..4_000_u32).map(|n| (n % 251) as u8).collect();
        let start = Instant::now();
        let mut far = slowed(reader, LINE, Hold::default());
        writer.write_all(&sent).unwrap();
        let mut first = [0];
        far.read_exact(&mut first).unwrap();
        assert!(start.elapsed() >= LINE.round_trip / 2, "half the way");
        drop(writer);
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).unwrap();
        assert_eq!([&first[..], &rest].concat(), sent);
        let least = LINE.time_of(sent.len()) + LINE.round_trip / 2;
        assert!(start.elapsed() >= least, "{:?}", start.elapsed());
    }

    #[test]
    fn a_held_line_takes_nothing() {
        let (reader, mut writer) = pipe().unwrap();
        let hold = Hold::default();
        hold.hold();
        let mut far = slowed(reader, LINE, hold.clone());
        writer.write_all(b"hello").unwrap();
        drop(writer);
        hold.release();
        let mut text = String::new();
        far.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    }

    #[test]
    fn keys_arrive_later() {
        let (mut reader, writer) = pipe().unwrap();
        let start = Instant::now();
        let mut near = distant(writer, LINE);
        near.write_all(b"keys").unwrap();
        let mut keys = [0; 4];
        reader.read_exact(&mut keys).unwrap();
        assert_eq!(&keys, b"keys");
        assert!(start.elapsed() >= LINE.round_trip / 2);
    }
}
