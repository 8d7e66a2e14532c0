//! What Tab completes: arguments of a `/command`, and `@name` in a message; `;reply` is a list of
//! its own. Where candidates come from is one enum, so that a new source is one more arm.

use std::collections::BTreeSet;

use crate::{composer::Composer, keys::Intent, model::Model};

/// Where candidates come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Departments and staff to hand the chat to.
    Targets,
    /// Staff to give the chat to.
    People,
    /// What one can be.
    Statuses,
    /// Those whose status one may set.
    Colleagues,
    /// The chats in sight.
    Chats,
    /// How urgent a chat can be.
    Priorities,
    /// Times to put a chat aside for.
    Times,
    /// Words that chats are tagged with; several, and new ones too.
    Tags,
    /// Canned replies that fit the chat.
    Canned,
    /// Help with writing.
    Aids,
}

impl Source {
    /// What the argument of `intent` is, if it can be completed.
    pub fn of(intent: Intent) -> Option<Self> {
        match intent {
            Intent::Transfer => Some(Self::Targets),
            Intent::Assign => Some(Self::People),
            Intent::Status => Some(Self::Statuses),
            Intent::StatusOf => Some(Self::Colleagues),
            Intent::GoTo => Some(Self::Chats),
            Intent::Priority => Some(Self::Priorities),
            Intent::Snooze => Some(Self::Times),
            Intent::Tag => Some(Self::Tags),
            Intent::Canned => Some(Self::Canned),
            Intent::Assist => Some(Self::Aids),
            _ => None,
        }
    }

    /// Whether the argument is words of one's own, rather than one of the candidates.
    pub fn is_words(self) -> bool {
        self == Self::Tags
    }
}

/// Usernames of the staff that fit what is typed after `@`: by the start of the username or of a
/// part of the name, in the order of the alphabet.
pub fn mentions(model: &Model, typed: &str) -> Vec<String> {
    let typed = typed.trim_start_matches('@').to_lowercase();
    let users = model.view.agents.values().filter(|user| user.active);
    let fits = users.filter(|user| {
        let name = user.name.to_lowercase();
        let mut parts = name.split_whitespace();
        user.username.to_lowercase().starts_with(&typed)
            || parts.any(|part| part.starts_with(&typed))
    });
    let names: BTreeSet<String> = fits.map(|user| format!("@{}", user.username)).collect();
    names.into_iter().collect()
}

/// The words that chats in sight are tagged with.
pub fn tags(model: &Model) -> BTreeSet<String> {
    let chats = model.view.chats.values();
    let tags = chats.flat_map(|view| view.chat.tags.iter());
    tags.map(|tag| tag.to_string()).collect()
}

/// A completion under way: Tab goes on to the next candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    start: usize,
    candidates: Vec<String>,
    at: usize,
}

impl Completion {
    /// Goes on in `field` to the next candidate or `back`; begins with those of `find` when what
    /// is before the cursor is not what the last one put there. `find` gets the text before the
    /// cursor and says where the completed part begins. Whether there was a candidate.
    pub fn step(
        this: &mut Option<Self>,
        field: &mut Composer,
        back: bool,
        find: impl FnOnce(&str) -> Option<(usize, Vec<String>)>,
    ) -> bool {
        let before = &field.text()[..field.cursor()];
        match this {
            Some(this) if before.get(this.start..) == Some(this.current()) => {
                let count = this.candidates.len();
                this.at = (this.at + if back { count - 1 } else { 1 }) % count;
            }
            _ => {
                *this = find(before).and_then(|(start, candidates)| {
                    let at = if back {
                        candidates.len().checked_sub(1)?
                    } else {
                        0
                    };
                    let begun = Self {
                        start,
                        candidates,
                        at,
                    };
                    (!begun.candidates.is_empty()).then_some(begun)
                });
            }
        }
        let Some(this) = this else { return false };
        // What does not fit is not put in, which can be seen.
        drop(field.complete(this.start, this.current()));
        true
    }

    fn current(&self) -> &str {
        &self.candidates[self.at]
    }
}

/// Where the word before the end of `text` begins.
pub fn word_start(text: &str) -> usize {
    let last = text.char_indices().rev().find(|(_, c)| c.is_whitespace());
    last.map_or(0, |(at, c)| at + c.len_utf8())
}
