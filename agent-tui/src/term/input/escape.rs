//! Esc over a slow link: Alt+x is two bytes, and when they come apart the first looks like the key
//! Esc. A lone Esc is held for a moment and joined with what follows; keys with longer sequences
//! are read to their end.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

/// Longest sequence that is read; a longer one is no key.
const SEQUENCE_MAX: usize = 32;

/// What is held.
#[derive(Debug)]
enum Held {
    Nothing,
    /// Esc.
    Esc,
    /// Esc and the beginning of a sequence, without the Esc.
    Sequence(String),
}

#[derive(Debug)]
pub(super) struct Escape {
    hold: Duration,
    held: Held,
    /// When the last part came.
    since: Option<Instant>,
}

impl Escape {
    pub(super) fn new(hold: Duration) -> Self {
        Self {
            hold,
            held: Held::Nothing,
            since: None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        Some(self.since? + self.hold)
    }

    /// Gives what is whole; true when a paste begins, whose mark came in two parts.
    pub(super) fn feed(&mut self, event: Event, at: Instant, out: &mut Vec<Event>) -> bool {
        if self.hold.is_zero() {
            out.push(event);
            return false;
        }
        self.expire(at, out);
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing => self.begin(event, at, out),
            Held::Esc => match super::plain_char(&event) {
                Some(first @ ('[' | 'O')) => self.hold(Held::Sequence(first.into()), at),
                _ => self.join(event, at, out),
            },
            Held::Sequence(mut sequence) => match super::plain_char(&event) {
                Some(c) if c.is_ascii() && sequence.len() < SEQUENCE_MAX => {
                    sequence.push(c);
                    if !is_whole(&sequence) {
                        self.hold(Held::Sequence(sequence), at);
                    } else if sequence == "[200~" {
                        self.since = None;
                        return true;
                    } else {
                        self.since = None;
                        // What is no key here (a late answer, say) is nobody's text either.
                        out.extend(key(&sequence).map(Event::Key));
                    }
                }
                _ => {
                    self.since = None;
                    self.begin(event, at, out);
                }
            },
        }
        false
    }

    /// Gives the Esc that nothing followed.
    pub(super) fn expire(&mut self, at: Instant, out: &mut Vec<Event>) {
        if self.deadline().is_none_or(|deadline| deadline > at) {
            return;
        }
        self.since = None;
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing => {}
            Held::Esc => out.push(esc()),
            // Alt and the first character, which is all that there was.
            Held::Sequence(sequence) if sequence.len() == 1 => {
                let first = sequence.chars().next().unwrap_or('[');
                out.push(Event::Key(KeyEvent::new(
                    KeyCode::Char(first),
                    KeyModifiers::ALT,
                )));
            }
            Held::Sequence(_) => {}
        }
    }

    fn begin(&mut self, event: Event, at: Instant, out: &mut Vec<Event>) {
        if event == esc() {
            self.hold(Held::Esc, at);
        } else {
            out.push(event);
        }
    }

    fn join(&mut self, event: Event, at: Instant, out: &mut Vec<Event>) {
        self.since = None;
        match event {
            Event::Key(key) if key.code != KeyCode::Esc => {
                let modifiers = key.modifiers | KeyModifiers::ALT;
                out.push(Event::Key(KeyEvent { modifiers, ..key }));
            }
            event => {
                out.push(esc());
                self.begin(event, at, out);
            }
        }
    }

    fn hold(&mut self, held: Held, at: Instant) {
        self.held = held;
        self.since = Some(at);
    }
}

fn esc() -> Event {
    Event::Key(KeyCode::Esc.into())
}

/// Whether `sequence`, which begins after its Esc, has its final byte (ECMA-48 5.4).
fn is_whole(sequence: &str) -> bool {
    match sequence.as_bytes() {
        [b'O', _] => true,
        [b'[', .., last] => matches!(last, 0x40..=0x7E),
        _ => false,
    }
}

/// The key that a whole sequence stands for (xterm's control sequences, PC-style keys).
fn key(sequence: &str) -> Option<KeyEvent> {
    let (introducer, last) = (sequence.get(..1)?, sequence.get(sequence.len() - 1..)?);
    let mut numbers = sequence[introducer.len()..sequence.len() - last.len()].split(';');
    let first = numbers.next().unwrap_or_default();
    let modifiers = match numbers.next() {
        Some(number) => modifiers(number.parse().ok()?),
        None => KeyModifiers::NONE,
    };
    let code = match (last, first) {
        ("A", _) => KeyCode::Up,
        ("B", _) => KeyCode::Down,
        ("C", _) => KeyCode::Right,
        ("D", _) => KeyCode::Left,
        ("H", _) | ("~", "1" | "7") => KeyCode::Home,
        ("F", _) | ("~", "4" | "8") => KeyCode::End,
        ("Z", _) => KeyCode::BackTab,
        ("P", _) | ("~", "11") => KeyCode::F(1),
        ("Q", _) | ("~", "12") => KeyCode::F(2),
        ("R", _) | ("~", "13") => KeyCode::F(3),
        ("S", _) | ("~", "14") => KeyCode::F(4),
        ("~", "2") => KeyCode::Insert,
        ("~", "3") => KeyCode::Delete,
        ("~", "5") => KeyCode::PageUp,
        ("~", "6") => KeyCode::PageDown,
        ("~", "24") => KeyCode::F(12),
        _ => return None,
    };
    Some(KeyEvent::new(code, modifiers))
}

/// 1 and a bit each for Shift, Alt and Ctrl.
fn modifiers(number: u8) -> KeyModifiers {
    let bits = number.saturating_sub(1);
    let known = [
        (1, KeyModifiers::SHIFT),
        (2, KeyModifiers::ALT),
        (4, KeyModifiers::CONTROL),
    ];
    let held = known.into_iter().filter(|(bit, _)| bits & bit != 0);
    held.fold(KeyModifiers::NONE, |all, (_, one)| all | one)
}
