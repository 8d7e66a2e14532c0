//! What canned replies have brought into a draft: which ones, and the variables they had no value
//! for. Follows undo, cutting and the history, so that it says what is in the text now.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use shared::id::CannedId;

/// The canned replies in a draft. Empty when the draft is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Brought {
    /// Whose text went in, in that order, each once.
    pub canned: Vec<CannedId>,
    /// The variables without a value that came with them, as they stand in the text.
    pub blanks: Vec<String>,
}

impl Brought {
    /// What one canned reply brings.
    pub fn new(canned: CannedId, blanks: Vec<String>) -> Self {
        Self {
            canned: vec![canned],
            blanks,
        }
    }

    /// What a message brings back that was sent with these.
    pub fn of(canned: Vec<CannedId>) -> Self {
        Self {
            canned,
            blanks: Vec::new(),
        }
    }

    /// Whether nothing came from a canned reply.
    pub fn is_empty(&self) -> bool {
        self.canned.is_empty() && self.blanks.is_empty()
    }

    /// Adds what `other` brought.
    pub(super) fn join(&mut self, other: Self) {
        for canned in other.canned {
            if !self.canned.contains(&canned) {
                self.canned.push(canned);
            }
        }
        for blank in other.blanks {
            if !self.blanks.contains(&blank) {
                self.blanks.push(blank);
            }
        }
    }

    /// Where the variables still stand in `text`, in bytes and in their order.
    pub(super) fn places(&self, text: &str) -> Vec<Range<usize>> {
        let all = self.blanks.iter().flat_map(|blank| {
            let found = text.match_indices(blank.as_str());
            found.map(|(at, blank)| at..at + blank.len())
        });
        let mut places: Vec<Range<usize>> = all.collect();
        places.sort_by_key(|place| place.start);
        places
    }
}
