//! Searching what was said in every chat: what is asked for, what was found so far, and what a
//! text must have to be a match. Asking is `update`'s business, drawing is `view`'s.

use shared::{
    api::SearchHit,
    id::{ChatId, Seq},
    search::Query,
    time::Timestamp,
};

use crate::composer::Composer;

/// What a line begins with that is looked for in every chat.
pub const SIGN: char = '?';
/// Messages that are asked for at once.
pub const PAGE_HITS: usize = 50;
/// Most messages that are listed.
pub const HITS_MAX: usize = 500;

/// What a message must have to be a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needle {
    /// This text, in lower case, anywhere.
    Text(String),
    /// All of these words, as the search over all chats finds them.
    Words {
        /// As they were typed.
        typed: String,
        /// What they mean.
        query: Query,
    },
}

impl Needle {
    /// Whether `text` is a match.
    pub fn fits(&self, text: &str) -> bool {
        match self {
            Self::Text(lower) => text.to_lowercase().contains(lower),
            Self::Words { query, .. } => query.matches(text),
        }
    }

    /// What was typed.
    pub fn typed(&self) -> &str {
        match self {
            Self::Text(typed) | Self::Words { typed, .. } => typed,
        }
    }
}

/// The list over the desk in which messages of every chat are found.
#[derive(Debug, Clone, Default)]
pub struct Find {
    /// What is typed, the sign before it included.
    pub field: Composer,
    /// What `hits` answer; empty before the first answer.
    pub answered: String,
    /// What was found, newest first.
    pub hits: Vec<SearchHit>,
    /// Where more of it begins.
    pub next: Option<String>,
    /// Something in the past was not looked at.
    pub partial: bool,
    /// Why the last question has no answer.
    pub failed: Option<String>,
    /// The hub is to be asked then.
    pub ask_at: Option<Timestamp>,
    /// .. for more of what is here.
    pub wants_more: bool,
    /// Which line is chosen: a message, or behind the last one to get more.
    pub selected: usize,
    /// What was typed when it was last looked at.
    pub followed: String,
}

impl Find {
    /// What is looked for.
    pub fn typed(&self) -> &str {
        self.field.text().trim_start_matches(SIGN).trim()
    }

    /// Lines to choose from.
    pub fn lines(&self) -> usize {
        self.hits.len() + usize::from(self.next.is_some())
    }

    /// Chooses the line `by` further down, round the end.
    pub fn step(&mut self, by: isize) {
        let count = isize::try_from(self.lines()).unwrap_or(isize::MAX);
        if count > 0 {
            let at = isize::try_from(self.selected).unwrap_or(0).min(count - 1);
            self.selected = usize::try_from((at + by).rem_euclid(count)).unwrap_or(0);
        }
    }
}

/// A question to the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is looked for.
    pub query: String,
    /// Where the page begins; none for the first one.
    pub after: Option<String>,
}

/// A found message that is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// The chat.
    pub chat: ChatId,
    /// The message.
    pub seq: Seq,
    /// What it was found by.
    pub needle: Needle,
}

/// What the hub was asked about all chats and has not answered yet; outlives the list.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The one question on its way.
    pub question: Option<Question>,
    /// The message whose chat is looked up.
    pub sought: Option<Sought>,
}
