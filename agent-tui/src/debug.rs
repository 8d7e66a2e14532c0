//! What F12 shows: keys as they arrive, what was logged, what the frames cost. The log is kept
//! always, the keys only while they are shown: what is typed is nobody's business.

use std::{collections::VecDeque, time::Duration};

use crossterm::event::KeyEvent;
use shared::{client::socket::SocketEvent, time::Timestamp};

use crate::keys::{Chord, Meaning, Mode};

/// Lines of the log that are kept.
const LOG_MAX: usize = 200;
/// Keys that are kept.
const KEYS_MAX: usize = 8;

/// What the last frames cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Frames {
    /// Frames drawn so far.
    pub drawn: u64,
    /// Bytes of the last one.
    pub bytes: usize,
    /// How long the last one took.
    pub took: Duration,
}

/// How much of the screen it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shown {
    /// None of it.
    #[default]
    No,
    /// The upper half, so that one sees what one writes.
    Half,
    /// All but the bars.
    Whole,
}

/// What F12 shows.
#[derive(Debug, Clone, Default)]
pub struct Debug {
    /// How much of it is shown.
    pub shown: Shown,
    /// What the frames cost.
    pub frames: Frames,
    keys: VecDeque<String>,
    log: VecDeque<(Timestamp, String)>,
}

impl Debug {
    /// Shows half, then all, then none.
    pub fn turn(&mut self) {
        self.shown = match self.shown {
            Shown::No => Shown::Half,
            Shown::Half => Shown::Whole,
            Shown::Whole => Shown::No,
        };
        if self.shown == Shown::No {
            self.keys.clear();
        }
    }

    /// Whether anything is shown.
    pub fn is_shown(&self) -> bool {
        self.shown != Shown::No
    }

    /// A key came in `mode`.
    pub fn key(&mut self, event: KeyEvent, mode: Mode, meaning: Meaning) {
        if !self.is_shown() {
            return;
        }
        let meaning = match meaning {
            Meaning::Does(intent) => intent.action().name,
            Meaning::Begins(_) => "begins two keys",
            Meaning::Nothing => "no command",
        };
        let line = format!(
            "{} = {meaning} in {}  ({:?} {:?})",
            Chord::from(event),
            mode.name(),
            event.code,
            event.modifiers
        );
        push(&mut self.keys, line, KEYS_MAX);
    }

    /// Keeps a line of the log.
    pub fn log(&mut self, now: Timestamp, line: impl Into<String>) {
        push(&mut self.log, (now, line.into()), LOG_MAX);
    }

    /// Keeps what an event of the socket was, if it is worth a line.
    pub fn heard(&mut self, now: Timestamp, event: &SocketEvent) {
        let line = match event {
            SocketEvent::Connected { me, resumed, .. } if *resumed => {
                format!("connected again as {}", me.name)
            }
            SocketEvent::Connected { me, .. } => format!("connected as {}", me.name),
            SocketEvent::Snapshot { pos, desk } => {
                format!("the desk at {pos}: {} chats", desk.chats.len())
            }
            SocketEvent::Live { .. } => "live".to_owned(),
            SocketEvent::Disconnected { why, attempt, .. } => {
                format!("disconnected (try {attempt}): {why}")
            }
            SocketEvent::Stopped { why } => format!("stopped: {why:?}"),
            SocketEvent::Nack { cid, message, .. } => format!("{cid} was refused: {message}"),
            SocketEvent::Page { chat, events, .. } => {
                format!("a page of #{chat}: {} records", events.len())
            }
            _ => return,
        };
        self.log(now, line);
    }

    /// A frame was drawn.
    pub fn drew(&mut self, bytes: usize, took: Duration) {
        self.frames = Frames {
            drawn: self.frames.drawn + 1,
            bytes,
            took,
        };
    }

    /// The keys that came, the newest first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().rev().map(String::as_str)
    }

    /// The lines of the log with their times, the newest first.
    pub fn lines(&self) -> impl Iterator<Item = (Timestamp, &str)> {
        let lines = self.log.iter().rev();
        lines.map(|(at, line)| (*at, line.as_str()))
    }
}

fn push<T>(lines: &mut VecDeque<T>, line: T, max: usize) {
    if lines.len() == max {
        lines.pop_front();
    }
    lines.push_back(line);
}

#[cfg(test)]
mod tests {
    use super::{Debug, LOG_MAX, Shown};
    use crate::{
        fixture::{key, two_o_clock},
        keys::{Meaning, Mode},
    };

    #[test]
    fn the_newest_lines_are_kept_and_keys_only_while_they_are_shown() {
        let mut debug = Debug::default();
        for number in 0..500 {
            debug.log(two_o_clock(), number.to_string());
        }
        assert_eq!(debug.lines().count(), LOG_MAX);
        assert_eq!(debug.lines().next().map(|(_, line)| line), Some("499"));
        debug.key(key("s"), Mode::Compose, Meaning::Nothing);
        assert_eq!(debug.keys().count(), 0, "what is typed is not kept");
        debug.turn();
        debug.key(key("Ctrl+N"), Mode::Nav, Meaning::Nothing);
        let line = debug.keys().next().expect("a key");
        assert!(
            line.starts_with("Ctrl+N = no command in nav  (Char('n')"),
            "{line}"
        );
        debug.turn();
        debug.turn();
        assert_eq!((debug.shown, debug.keys().count()), (Shown::No, 0));
    }
}
