//! What arrives from the keyboard, put right before anybody acts on it: a key that came in two
//! packets is one key, an answer that came late is no key, and a paste in a terminal that does
//! not mark pastes is no typing. Pure: the times come in, nothing here waits.

mod burst;
mod escape;
mod late;

use std::time::{Duration, Instant};

use crossterm::event::Event;

use self::burst::Burst;
use self::escape::Escape;
use self::late::Late;
pub use self::late::Unfinished;

/// How long a lone Esc is held over a slow link, to see whether it begins another key.
pub const SLOW_ESC: Duration = Duration::from_millis(40);

/// What is known of the terminal before the first key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Line {
    /// How long a lone Esc is held; zero where it never comes apart from what it begins.
    pub esc_hold: Duration,
    /// The terminal marks pastes.
    pub brackets: bool,
    /// Answers may arrive after the start.
    pub late: bool,
    /// The answer that was cut when the start no longer waited for it.
    pub unfinished: Option<Unfinished>,
}

/// Keys on their way from the terminal to the console.
#[derive(Debug)]
pub struct Input {
    escape: Escape,
    late: Late,
    burst: Burst,
}

impl Input {
    /// Begins at the time `now` with what is known of the terminal.
    pub fn new(line: Line, now: Instant) -> Self {
        Self {
            escape: Escape::new(line.esc_hold),
            late: Late::new(line.late, line.unfinished, now),
            burst: Burst::new(!line.brackets),
        }
    }

    /// Takes in an event that arrived `at` that time; [`Input::settle`] follows when no other is
    /// there.
    pub fn feed(&mut self, event: Event, at: Instant, out: &mut Vec<Event>) {
        let mut joined = Vec::new();
        let paste_begins = self.escape.feed(event, at, &mut joined);
        self.pass(joined, at, out);
        if paste_begins {
            self.burst.begin_paste(at);
        }
    }

    /// Gives what need not be held although more may follow.
    pub fn settle(&mut self, out: &mut Vec<Event>) {
        self.burst.settle(out);
    }

    /// When [`Input::expire`] is due, if anything is held.
    pub fn deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.escape.deadline(),
            self.late.deadline(),
            self.burst.deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Gives what was held long enough by the time `at`.
    pub fn expire(&mut self, at: Instant, out: &mut Vec<Event>) {
        let mut joined = Vec::new();
        self.escape.expire(at, &mut joined);
        self.pass(joined, at, out);
        let mut released = Vec::new();
        self.late.expire(at, &mut released);
        for event in released {
            self.burst.feed(event, at, out);
        }
        self.burst.expire(at, out);
    }

    fn pass(&mut self, events: Vec<Event>, at: Instant, out: &mut Vec<Event>) {
        let mut keys = Vec::new();
        for event in events {
            self.late.feed(event, at, &mut keys);
        }
        for event in keys {
            self.burst.feed(event, at, out);
        }
    }
}

/// The character that a key event types, without any command in it.
fn plain_char(event: &Event) -> Option<char> {
    use crossterm::event::{KeyCode, KeyModifiers};
    match event {
        Event::Key(key) if (key.modifiers - KeyModifiers::SHIFT).is_empty() => match key.code {
            KeyCode::Char(c) => Some(c),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
