//! How far a long transfer is, for a person who has begun to wait.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

/// Nobody is told of what is over before.
const WAIT: Duration = Duration::from_millis(500);
/// Between two words.
const EVERY: Duration = Duration::from_millis(250);

/// One line on standard error that grows, and is gone at the end.
pub(crate) struct Progress<W: Write> {
    /// None where nobody reads it.
    out: Option<W>,
    what: &'static str,
    next: Instant,
    shown: bool,
    bytes: u64,
}

impl Progress<io::Stderr> {
    /// Of `what`, as long as `wanted`.
    pub(super) fn new(what: &'static str, wanted: bool) -> Self {
        Self::to(wanted.then(io::stderr), what, Instant::now())
    }
}

impl<W: Write> Progress<W> {
    fn to(out: Option<W>, what: &'static str, now: Instant) -> Self {
        Self {
            out,
            what,
            next: now + WAIT,
            shown: false,
            bytes: 0,
        }
    }

    /// So many bytes more have come.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.advance_at(bytes, Instant::now());
    }

    fn advance_at(&mut self, bytes: usize, now: Instant) {
        self.bytes += bytes as u64;
        let Some(out) = self.out.as_mut().filter(|_| now >= self.next) else {
            return;
        };
        self.next = now + EVERY;
        self.shown = true;
        let kib = self.bytes / 1024;
        // Standard error may be gone; the work goes on.
        drop(write!(out, "\r{}: {kib} KiB", self.what).and_then(|()| out.flush()));
    }
}

impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        if let Some(out) = self.out.as_mut().filter(|_| self.shown) {
            // Erases the line (ECMA-48, EL).
            drop(write!(out, "\r\x1b[K").and_then(|()| out.flush()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Progress;

    fn told(moments_ms: &[u64]) -> String {
        let mut out = Vec::new();
        let begin = Instant::now();
        let mut progress = Progress::to(Some(&mut out), "backup", begin);
        for ms in moments_ms {
            progress.advance_at(1024, begin + Duration::from_millis(*ms));
        }
        drop(progress);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_who_waits_is_told_and_the_line_is_gone_at_the_end() {
        assert_eq!(told(&[10, 499]), "");
        let line = "\rbackup: 2 KiB\rbackup: 4 KiB\r\x1b[K";
        assert_eq!(told(&[10, 500, 600, 750]), line);
    }
}
