//! Undo and redo: what each edit took out and put in. Cursor moves are not
//! edits and leave no trace here.

use std::{collections::VecDeque, mem};

use super::Brought;

/// How many edits can be undone; each holds at most two whole drafts.
const EDITS_MAX: usize = 200;

/// One change of the text.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    /// Byte offset of the change.
    pub(super) at: usize,
    pub(super) removed: String,
    pub(super) inserted: String,
    /// Where the cursor was before.
    pub(super) cursor: usize,
    /// What canned replies had brought on the other side of the edit: before it while it is done,
    /// after it while it is undone.
    pub(super) brought: Brought,
}

/// The edits of one draft, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    done: VecDeque<Edit>,
    undone: Vec<Edit>,
}

impl Journal {
    /// Adds `edit`, to the last one if it `continues` that run and touches it.
    pub(super) fn record(&mut self, edit: Edit, continues: bool) {
        self.undone.clear();
        if continues && self.done.back_mut().is_some_and(|last| last.absorb(&edit)) {
            return;
        }
        if self.done.len() == EDITS_MAX {
            self.done.pop_front();
        }
        self.done.push_back(edit);
    }

    /// Takes the last edit back on `text` and returns the cursor.
    pub(super) fn undo(&mut self, text: &mut String, brought: &mut Brought) -> Option<usize> {
        let mut edit = self.done.pop_back()?;
        mem::swap(&mut edit.brought, brought);
        text.replace_range(edit.at..edit.at + edit.inserted.len(), &edit.removed);
        let cursor = edit.cursor;
        self.undone.push(edit);
        Some(cursor)
    }

    /// Does the edit last undone again on `text` and returns its end.
    pub(super) fn redo(&mut self, text: &mut String, brought: &mut Brought) -> Option<usize> {
        let mut edit = self.undone.pop()?;
        mem::swap(&mut edit.brought, brought);
        text.replace_range(edit.at..edit.at + edit.removed.len(), &edit.inserted);
        let end = edit.at + edit.inserted.len();
        self.done.push_back(edit);
        Some(end)
    }

    /// Whether the last edit put in a blank at its end.
    pub(super) fn ends_blank(&self) -> bool {
        self.done
            .back()
            .is_some_and(|edit| edit.inserted.ends_with(char::is_whitespace))
    }
}

impl Edit {
    /// Grows this edit by `next` where the two are one contiguous change.
    fn absorb(&mut self, next: &Self) -> bool {
        if next.removed.is_empty() && next.at == self.at + self.inserted.len() {
            self.inserted.push_str(&next.inserted);
        } else if !next.inserted.is_empty() || !self.inserted.is_empty() {
            return false;
        } else if next.at + next.removed.len() == self.at {
            self.removed.insert_str(0, &next.removed);
            self.at = next.at;
        } else if next.at == self.at {
            self.removed.push_str(&next.removed);
        } else {
            return false;
        }
        true
    }
}
