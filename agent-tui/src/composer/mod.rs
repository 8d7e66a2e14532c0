//! The text being written: a multi-line editor that moves and deletes by
//! grapheme cluster. It neither draws nor sends, and knows no keys.
//!
//! The text is one `String`: a draft is at most 8 KiB, so moving its tail is
//! cheaper than any cleverer structure. Every change goes through
//! `Composer::edit`, which is what makes undo complete.

mod brought;
mod clean;
mod history;
mod journal;
mod layout;
#[cfg(test)]
mod tests;

use std::ops::Range;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use crate::width::TAB_CELLS;

pub use self::brought::Brought;
use self::clean::clean;
use self::history::{History, Step};
use self::journal::{Edit, Journal};
pub use self::layout::{Layout, Row};

/// Longest draft in bytes: the longest message the hub takes.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;

/// What became of a text that was put in. Nothing is lost in silence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a refused rest has to be shown to the user"]
pub struct Inserted {
    /// Bytes that went in.
    pub bytes: usize,
    /// Controls and invisible characters left out.
    pub dropped: usize,
    /// The rest that did not fit, from where it was cut.
    pub refused: String,
    /// The rest is what [`Composer::yank`] puts in next.
    pub kept: bool,
}

/// The kind of change going on: equal kinds in a row are one thing to the user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Run {
    #[default]
    None,
    Typing,
    Erasing,
    Killing,
}

/// An editable text with cursor, undo, kill buffer and history.
#[derive(Debug, Clone, Default)]
pub struct Composer {
    text: String,
    /// Byte offset, always between two grapheme clusters.
    cursor: usize,
    /// The column that moves by row aim for.
    goal: Option<usize>,
    run: Run,
    killed: String,
    /// What canned replies have brought into the text, into what was cut from it, and into the
    /// draft that is set aside while sent messages are shown.
    brought: Brought,
    brought_cut: Brought,
    brought_aside: Option<Brought>,
    journal: Journal,
    history: History,
}

impl Composer {
    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Byte offset of the cursor in [`Composer::text`].
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Length of the text in bytes.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// What canned replies have brought into the text.
    pub fn brought(&self) -> &Brought {
        &self.brought
    }

    /// Where variables of canned replies still stand in the text, in bytes.
    pub fn blanks(&self) -> Vec<Range<usize>> {
        self.brought.places(&self.text)
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text broken into rows of at most `columns` cells.
    pub fn layout(&self, columns: u16) -> Layout {
        Layout::new(&self.text, self.cursor, columns)
    }

    /// The text of `row` as it is drawn, with TAB expanded. A row of another
    /// text gives what of it still exists.
    pub fn row_text(&self, row: &Row) -> String {
        let text = self.text.get(row.range.clone()).unwrap_or_default();
        text.replace('\t', &" ".repeat(TAB_CELLS))
    }

    /// Types `text` at the cursor. A run of typing is undone word by word.
    pub fn insert(&mut self, text: &str) -> Inserted {
        if self.journal.ends_blank() && !text.starts_with(char::is_whitespace) {
            self.settle();
        }
        self.put(self.cursor..self.cursor, text, Run::Typing)
    }

    /// Breaks the line at the cursor.
    pub fn newline(&mut self) -> Inserted {
        self.insert("\n")
    }

    /// Puts a pasted `text` in as one undoable step. It is never sent by it.
    pub fn insert_paste(&mut self, text: &str) -> Inserted {
        self.put(self.cursor..self.cursor, text, Run::None)
    }

    /// Puts `text` in place of what lies between byte `start` and the cursor,
    /// as a completion does.
    pub fn complete(&mut self, start: usize, text: &str) -> Inserted {
        let start = self.boundary_before(start.min(self.cursor));
        self.put(start..self.cursor, text, Run::None)
    }

    /// Puts `text` in place of everything; undo brings the old text back.
    pub fn set_text(&mut self, text: &str) -> Inserted {
        self.put(0..self.text.len(), text, Run::None)
    }

    /// Puts the text of a canned reply in place of what lies between byte `start` and the cursor,
    /// as one undoable step.
    pub fn insert_canned(&mut self, start: usize, text: &str, brought: Brought) -> Inserted {
        let inserted = self.complete(start, text);
        if inserted.kept {
            self.brought_cut = brought.clone();
        }
        self.bring(brought);
        inserted
    }

    /// Remembers what canned replies have brought into the text, such as one read back from disk.
    pub fn bring(&mut self, mut brought: Brought) {
        for blank in &mut brought.blanks {
            *blank = clean(blank).text;
        }
        brought.blanks.retain(|blank| !blank.is_empty());
        if !self.text.is_empty() {
            self.brought.join(brought);
        }
    }

    /// Moves behind the first variable of a canned reply after the cursor, round the end. Whether
    /// there is one.
    pub fn to_blank(&mut self) -> bool {
        let blanks = self.blanks();
        let next = blanks.iter().find(|blank| blank.end > self.cursor);
        let Some(blank) = next.or(blanks.first()) else {
            return false;
        };
        self.go_to(blank.end);
        true
    }

    /// Moves to byte `offset` of the text, or to the next boundary of clusters.
    pub fn go_to(&mut self, offset: usize) {
        self.move_to(self.boundary_after(offset.min(self.text.len())));
    }

    /// Empties the composer; undo brings the text back.
    pub fn clear(&mut self) {
        self.edit(0..self.text.len(), "", Run::None);
    }

    /// Takes the text out to be sent and remembers it in the history. A sent
    /// text cannot be undone, so undo starts afresh.
    pub fn take(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        self.history.remember(&text);
        self.journal = Journal::default();
        self.brought = Brought::default();
        self.cursor = 0;
        self.settle();
        text
    }

    /// Deletes the cluster before the cursor.
    pub fn backspace(&mut self) {
        self.edit(self.previous()..self.cursor, "", Run::Erasing);
    }

    /// Deletes the cluster after the cursor.
    pub fn delete(&mut self) {
        self.edit(self.cursor..self.next(), "", Run::Erasing);
    }

    /// Kills from the start of the line, or the line feed before it.
    pub fn kill_to_start(&mut self) {
        let start = self.line_start();
        let start = if start == self.cursor {
            self.previous()
        } else {
            start
        };
        self.kill(start..self.cursor);
    }

    /// Kills to the end of the line, or the line feed after it.
    pub fn kill_to_end(&mut self) {
        let end = self.line_end();
        let end = if end == self.cursor { self.next() } else { end };
        self.kill(self.cursor..end);
    }

    /// Kills back to the blank before the cursor.
    pub fn kill_word_back(&mut self) {
        self.kill(self.back_over(|cluster| !is_blank(cluster))..self.cursor);
    }

    /// Kills to the end of the word after the cursor.
    pub fn kill_word(&mut self) {
        self.kill(self.cursor..self.word_end());
    }

    /// Puts the text killed last at the cursor.
    pub fn yank(&mut self) -> Inserted {
        let killed = self.killed.clone();
        let inserted = self.put(self.cursor..self.cursor, &killed, Run::None);
        self.bring(self.brought_cut.clone());
        inserted
    }

    /// Takes the last change back; false when there is none.
    pub fn undo(&mut self) -> bool {
        let cursor = self.journal.undo(&mut self.text, &mut self.brought);
        self.travel(cursor)
    }

    /// Does the change last undone again; false when there is none.
    pub fn redo(&mut self) -> bool {
        let cursor = self.journal.redo(&mut self.text, &mut self.brought);
        self.travel(cursor)
    }

    /// Moves one cluster back.
    pub fn left(&mut self) {
        self.move_to(self.previous());
    }

    /// Moves one cluster on.
    pub fn right(&mut self) {
        self.move_to(self.next());
    }

    /// Moves to the start of the word before the cursor.
    pub fn word_left(&mut self) {
        self.move_to(self.back_over(is_word));
    }

    /// Moves to the end of the word after the cursor.
    pub fn word_right(&mut self) {
        self.move_to(self.word_end());
    }

    /// Moves to the start of the line.
    pub fn home(&mut self) {
        self.move_to(self.line_start());
    }

    /// Moves to the end of the line.
    pub fn end(&mut self) {
        self.move_to(self.line_end());
    }

    /// Moves one row up in a layout of `columns`; from the first row to the
    /// sent message before. False when there is nothing above.
    pub fn up(&mut self, columns: u16) -> bool {
        let layout = self.layout(columns);
        match layout.cursor.1.checked_sub(1) {
            Some(row) => self.move_to_row(&layout, row),
            None => self.older(),
        }
    }

    /// Moves one row down in a layout of `columns`; from the last row to the
    /// sent message after. False when there is nothing below.
    pub fn down(&mut self, columns: u16) -> bool {
        let layout = self.layout(columns);
        match layout.cursor.1 + 1 {
            row if row < layout.rows.len() => self.move_to_row(&layout, row),
            _ => self.newer(),
        }
    }

    /// Shows the sent message before this one; the draft is kept for
    /// [`Composer::newer`]. False when there is none.
    pub fn older(&mut self) -> bool {
        let step = self.history.older(&self.text);
        self.show(step)
    }

    /// Shows the sent message after this one, at last the draft again. False
    /// when no sent message is shown.
    pub fn newer(&mut self) -> bool {
        let step = self.history.newer();
        self.show(step)
    }

    /// The sent messages, newest first.
    pub fn history(&self) -> impl Iterator<Item = &str> {
        self.history.newest_first()
    }

    /// Adds a message sent earlier, such as one read back from disk.
    pub fn remember(&mut self, text: &str) {
        self.history.remember(text);
    }

    /// Cleans `text`, cuts it to the room there is and puts it in for `range`.
    fn put(&mut self, range: Range<usize>, text: &str, run: Run) -> Inserted {
        let cleaned = clean(text);
        let room = TEXT_BYTES_MAX.saturating_sub(self.text.len() - range.len());
        let bytes = if cleaned.text.len() <= room {
            cleaned.text.len()
        } else {
            let clusters = cleaned.text.grapheme_indices(true);
            clusters
                .map(|(at, _)| at)
                .take_while(|at| *at <= room)
                .last()
                .unwrap_or(0)
        };
        let (fitting, refused) = cleaned.text.split_at(bytes);
        self.edit(range, fitting, run);
        // What was not typed may be nowhere else any more.
        let kept = run == Run::None && !refused.is_empty();
        if kept {
            refused.clone_into(&mut self.killed);
            self.brought_cut = Brought::default();
        }
        Inserted {
            bytes,
            dropped: cleaned.dropped,
            refused: refused.to_owned(),
            kept,
        }
    }

    /// The one way in which the text changes.
    fn edit(&mut self, range: Range<usize>, inserted: &str, run: Run) {
        let removed = self.text[range.clone()].to_owned();
        if removed == inserted {
            return;
        }
        let edit = Edit {
            at: range.start,
            removed,
            inserted: inserted.to_owned(),
            cursor: self.cursor,
            brought: self.brought.clone(),
        };
        let continues = run == self.run && matches!(run, Run::Typing | Run::Erasing);
        self.journal.record(edit, continues);
        let end = range.start + inserted.len();
        self.text.replace_range(range, inserted);
        if self.text.is_empty() {
            self.brought = Brought::default();
        }
        self.travel(Some(end));
        self.run = run;
    }

    /// Goes where a change of the text has left the cursor.
    fn travel(&mut self, cursor: Option<usize>) -> bool {
        let Some(cursor) = cursor else { return false };
        self.history.show(None);
        self.brought_aside = None;
        // The change may have joined what lies on its two sides.
        self.move_to(self.boundary_after(cursor));
        true
    }

    /// Deletes `range` into the kill buffer; kills in a row gather there.
    fn kill(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let text = self.text[range.clone()].to_owned();
        if self.run != Run::Killing {
            self.killed.clear();
            self.brought_cut = Brought::default();
        }
        if range.end == self.cursor {
            self.killed.insert_str(0, &text);
        } else {
            self.killed.push_str(&text);
        }
        let mut brought = self.brought.clone();
        self.edit(range, "", Run::Killing);
        brought
            .blanks
            .retain(|blank| self.killed.contains(blank.as_str()));
        if !self.text.is_empty() {
            // They are still in the rest.
            brought.canned.clear();
        }
        self.brought_cut.join(brought);
    }

    fn show(&mut self, step: Option<Step>) -> bool {
        let Some(Step { text, shown }) = step else {
            return false;
        };
        let draft = self.brought_aside.take();
        let draft = draft.unwrap_or_else(|| self.brought.clone());
        self.edit(0..self.text.len(), &text, Run::None);
        self.move_to(self.text.len());
        // What canned replies brought belongs to the draft, not to a message sent before.
        (self.brought, self.brought_aside) = match shown {
            Some(_) => (Brought::default(), Some(draft)),
            None => (draft, None),
        };
        self.history.show(shown);
        true
    }

    fn move_to(&mut self, cursor: usize) {
        self.cursor = cursor;
        self.settle();
    }

    fn move_to_row(&mut self, layout: &Layout, row: usize) -> bool {
        let goal = self.goal.unwrap_or_else(|| usize::from(layout.cursor.0));
        self.move_to(layout.offset_at(&self.text, row, goal));
        self.goal = Some(goal);
        true
    }

    /// Ends the run of changes and forgets the column aimed for.
    fn settle(&mut self) {
        self.goal = None;
        self.run = Run::None;
    }

    fn previous(&self) -> usize {
        let cluster = self.text[..self.cursor].graphemes(true).next_back();
        self.cursor - cluster.map_or(0, str::len)
    }

    fn next(&self) -> usize {
        let cluster = self.text[self.cursor..].graphemes(true).next();
        self.cursor + cluster.map_or(0, str::len)
    }

    fn line_start(&self) -> usize {
        self.text[..self.cursor].rfind('\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        self.text[self.cursor..]
            .find('\n')
            .map_or(self.text.len(), |at| self.cursor + at)
    }

    /// The start of the last run of clusters `inside` before the cursor.
    fn back_over(&self, inside: fn(&str) -> bool) -> usize {
        let clusters = self.text[..self.cursor].grapheme_indices(true).rev();
        let mut outside = clusters.skip_while(|(_, cluster)| !inside(cluster));
        let stop = outside.find(|(_, cluster)| !inside(cluster));
        stop.map_or(0, |(at, cluster)| at + cluster.len())
    }

    fn word_end(&self) -> usize {
        let clusters = self.text[self.cursor..].grapheme_indices(true);
        let mut word = clusters.skip_while(|(_, cluster)| !is_word(cluster));
        let stop = word.find(|(_, cluster)| !is_word(cluster));
        stop.map_or(self.text.len(), |(at, _)| self.cursor + at)
    }

    /// The first cluster boundary at or after the character boundary `offset`.
    fn boundary_after(&self, offset: usize) -> usize {
        let mut cursor = GraphemeCursor::new(offset, self.text.len(), true);
        match cursor.is_boundary(&self.text, 0) {
            Ok(false) => cursor.next_boundary(&self.text, 0).ok().flatten(),
            _ => Some(offset),
        }
        .unwrap_or(self.text.len())
    }

    /// The last cluster boundary at or before any `offset` in the text.
    fn boundary_before(&self, offset: usize) -> usize {
        let starts = self.text.grapheme_indices(true).map(|(at, _)| at);
        let boundaries = starts.chain([self.text.len()]);
        boundaries
            .take_while(|at| *at <= offset)
            .last()
            .unwrap_or(0)
    }
}

fn is_word(cluster: &str) -> bool {
    cluster.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn is_blank(cluster: &str) -> bool {
    cluster.starts_with(char::is_whitespace)
}
