//! A paste in a terminal that does not mark pastes arrives as keys, its line ends as Enter. Nobody
//! types more than twenty characters and a line end without a pause: such a burst is one paste,
//! and its Enter sends nothing.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyModifiers};

/// A burst ends when nothing follows for so long.
const QUIET: Duration = Duration::from_millis(30);
/// The parts of a paste whose beginning was marked may be further apart.
const MARKED_QUIET: Duration = Duration::from_millis(200);
/// More characters than this with a line end among them are a paste.
const TYPED_MAX: usize = 20;
/// Longest burst that is held; what follows is another one, also a paste.
const HELD_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Burst {
    on: bool,
    /// Keys that may be a paste, and the text that they would be.
    held: Vec<Event>,
    text: String,
    /// A paste, whatever its length.
    marked: bool,
    /// When the last key came.
    since: Option<Instant>,
}

impl Burst {
    pub(super) fn new(on: bool) -> Self {
        Self {
            on,
            held: Vec::new(),
            text: String::new(),
            marked: false,
            since: None,
        }
    }

    /// What follows at once is a paste.
    pub(super) fn begin_paste(&mut self, at: Instant) {
        self.marked = true;
        self.since = Some(at);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let quiet = if self.marked { MARKED_QUIET } else { QUIET };
        Some(self.since? + quiet)
    }

    pub(super) fn feed(&mut self, event: Event, at: Instant, out: &mut Vec<Event>) {
        self.expire(at, out);
        if let Event::Paste(_) = event {
            // The terminal does mark them.
            self.on = false;
        }
        let Some(c) = text_of(&event).filter(|_| self.on || self.marked) else {
            self.end(out);
            out.push(event);
            return;
        };
        if self.text.len() >= HELD_MAX {
            let marked = self.is_paste();
            self.end(out);
            self.marked = marked;
        }
        self.held.push(event);
        self.text.push(c);
        self.since = Some(at);
    }

    /// A single key is no burst: it is not held.
    pub(super) fn settle(&mut self, out: &mut Vec<Event>) {
        if self.held.len() == 1 && !self.marked {
            self.end(out);
        }
    }

    pub(super) fn expire(&mut self, at: Instant, out: &mut Vec<Event>) {
        if self.deadline().is_some_and(|deadline| deadline <= at) {
            self.end(out);
        }
    }

    /// Gives what is held, as a paste or as the keys that it was.
    fn end(&mut self, out: &mut Vec<Event>) {
        let paste = self.is_paste();
        self.since = None;
        self.marked = false;
        let text = std::mem::take(&mut self.text);
        let held = std::mem::take(&mut self.held);
        if paste && !text.is_empty() {
            out.push(Event::Paste(text));
        } else {
            out.extend(held);
        }
    }

    fn is_paste(&self) -> bool {
        self.marked || (self.held.len() > TYPED_MAX && self.text.contains('\n'))
    }
}

/// The character that `event` is in a paste.
fn text_of(event: &Event) -> Option<char> {
    if let Some(c) = super::plain_char(event) {
        return Some(c);
    }
    let Event::Key(key) = event else { return None };
    match (key.code, key.modifiers) {
        (KeyCode::Enter, KeyModifiers::NONE) | (KeyCode::Char('j'), KeyModifiers::CONTROL) => {
            Some('\n')
        }
        (KeyCode::Tab, KeyModifiers::NONE) => Some('\t'),
        _ => None,
    }
}
