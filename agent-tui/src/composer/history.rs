//! The messages sent from one composer, and the place reached in them.

use std::collections::VecDeque;

/// How many sent messages are remembered.
const SENT_MAX: usize = 50;

/// Sent messages, oldest first, and the draft set aside while they are shown.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    sent: VecDeque<String>,
    /// The message now shown, and the draft it stands in for.
    shown: Option<(usize, String)>,
}

impl History {
    /// Remembers `text` as the newest, unless it is blank or repeats the last.
    pub(super) fn remember(&mut self, text: &str) {
        self.shown = None;
        if text.trim().is_empty() || self.sent.back().is_some_and(|last| last == text) {
            return;
        }
        if self.sent.len() == SENT_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(text.to_owned());
    }

    /// Steps to the message before the one shown; `draft` is set aside first.
    pub(super) fn older(&mut self, draft: &str) -> Option<Step> {
        let (shown, draft) = match self.shown.take() {
            Some(place) => place,
            None => (self.sent.len(), draft.to_owned()),
        };
        let Some(index) = shown.checked_sub(1) else {
            self.shown = (shown < self.sent.len()).then_some((shown, draft));
            return None;
        };
        Some(Step {
            text: self.sent[index].clone(),
            shown: Some((index, draft)),
        })
    }

    /// Steps to the message after the one shown; after the last, to the draft.
    pub(super) fn newer(&mut self) -> Option<Step> {
        let (shown, draft) = self.shown.take()?;
        Some(match self.sent.get(shown + 1) {
            Some(text) => Step {
                text: text.clone(),
                shown: Some((shown + 1, draft)),
            },
            None => Step {
                text: draft,
                shown: None,
            },
        })
    }

    /// Settles on `step`, once its text is in the composer.
    pub(super) fn show(&mut self, shown: Option<(usize, String)>) {
        self.shown = shown;
    }

    /// Newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &str> {
        self.sent.iter().rev().map(String::as_str)
    }
}

/// A text to put in the composer, and the place in the history it comes from.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) text: String,
    pub(super) shown: Option<(usize, String)>,
}
