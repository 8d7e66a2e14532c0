//! Answers of the terminal that come after the start stopped waiting: crossterm takes those that
//! begin with CSI, but the colour of the background (OSC 11) would be typed letter by letter, and
//! so would the rest of any answer that was cut in two.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyModifiers};

/// After this time from the start, no answer is expected any more.
const LATE_MAX: Duration = Duration::from_secs(5);
/// The parts of an answer are no further apart.
const PART_GAP: Duration = Duration::from_millis(500);
/// Longest answer that is taken, in characters.
const ANSWER_MAX: usize = 64;
/// How the one answer begins that crossterm does not know, after its Esc.
const BACKGROUND: &str = "]11;";

/// Where an answer was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// After the Esc that begins it.
    Esc,
    /// Inside one that ends with BEL or ST.
    Osc,
    /// Inside one that ends with a letter.
    Csi,
}

#[derive(Debug)]
enum State {
    /// No answer is on its way.
    Idle,
    /// These keys may be the beginning of an answer.
    Maybe(Vec<Event>),
    /// Inside an answer, after so many characters.
    Osc(usize),
    Csi(usize),
}

#[derive(Debug)]
pub(super) struct Late {
    until: Option<Instant>,
    state: State,
    /// When the last part came.
    since: Instant,
}

impl Late {
    pub(super) fn new(expected: bool, unfinished: Option<Unfinished>, now: Instant) -> Self {
        let state = match unfinished {
            None => State::Idle,
            Some(Unfinished::Esc) => State::Maybe(Vec::new()),
            Some(Unfinished::Osc) => State::Osc(0),
            Some(Unfinished::Csi) => State::Csi(0),
        };
        let expected = expected || unfinished.is_some();
        Self {
            until: expected.then_some(now + LATE_MAX),
            state,
            since: now,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let waits = matches!(&self.state, State::Maybe(held) if !held.is_empty());
        waits.then_some(self.since + PART_GAP)
    }

    /// Gives `event`, unless it belongs to an answer.
    pub(super) fn feed(&mut self, event: Event, at: Instant, out: &mut Vec<Event>) {
        if self.until.is_none() {
            out.push(event);
            return;
        }
        self.expire(at, out);
        let inside = !matches!(self.state, State::Idle);
        self.since = at;
        let part = part(&event);
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle if part == Some('\x1b') => self.state = State::Maybe(vec![event]),
            State::Maybe(mut held) if part.is_some() => {
                held.push(event);
                self.state = self.recognise(held, out);
            }
            State::Osc(_) if matches!(part, Some('\\' | '\x07')) => {}
            State::Osc(length) if is_colour(part) && length < ANSWER_MAX => {
                self.state = State::Osc(length + 1);
            }
            State::Csi(length) if is_parameter(part) && length < ANSWER_MAX => {
                self.state = State::Csi(length + 1);
            }
            State::Csi(_) if matches!(part, Some('y' | 'u' | 'c')) => {}
            State::Maybe(held) => {
                out.extend(held);
                out.push(event);
            }
            _ => out.push(event),
        }
        if !inside && matches!(self.state, State::Idle) && self.until < Some(at) {
            self.until = None;
        }
    }

    /// Gives keys back that no answer followed.
    pub(super) fn expire(&mut self, at: Instant, out: &mut Vec<Event>) {
        if self.since + PART_GAP > at {
            return;
        }
        if let State::Maybe(held) = std::mem::replace(&mut self.state, State::Idle) {
            out.extend(held);
        }
    }

    /// Whether what is held so far is an answer; gives it back when it is none.
    fn recognise(&self, held: Vec<Event>, out: &mut Vec<Event>) -> State {
        let text: String = held
            .iter()
            .filter_map(part)
            .map(|c| if c == '\x1b' { ']' } else { c })
            .collect();
        if text.starts_with("[?") {
            return State::Csi(0);
        }
        if text == BACKGROUND {
            return State::Osc(0);
        }
        if BACKGROUND.starts_with(&text) || text == "[" {
            return State::Maybe(held);
        }
        out.extend(held);
        State::Idle
    }
}

/// The character of an answer that `event` is: its Esc and `]` come as Alt+], its ST as Alt+\,
/// its BEL as Ctrl+G.
fn part(event: &Event) -> Option<char> {
    let Event::Key(key) = event else { return None };
    match (key.code, key.modifiers) {
        (KeyCode::Char(']'), KeyModifiers::ALT) => Some('\x1b'),
        (KeyCode::Char('\\'), KeyModifiers::ALT) => Some('\\'),
        (KeyCode::Char('g'), KeyModifiers::CONTROL) => Some('\x07'),
        _ => super::plain_char(event),
    }
}

fn is_colour(part: Option<char>) -> bool {
    part.is_some_and(|c| c.is_ascii_hexdigit() || ";:/rgb".contains(c))
}

fn is_parameter(part: Option<char>) -> bool {
    part.is_some_and(|c| c.is_ascii_digit() || ";?$".contains(c))
}
