//! Breaking a draft into screen rows. Pure: text, cursor and width in, rows
//! out. Drawing them is the view's business.
//!
//! The last column is kept free for the cursor, and for the one space that
//! ends a wrapped row, so that typing never shifts a row it does not break.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::width::{cluster_width, width};

/// One row on screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Bytes of the text on this row, without the line feed.
    pub range: Range<usize>,
    /// Whether the line goes on in the next row.
    pub soft: bool,
}

/// A text broken into rows for one width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The rows from top to bottom; at least one.
    pub rows: Vec<Row>,
    /// Column and row of the cursor, both from 0.
    pub cursor: (u16, usize),
}

impl Layout {
    /// Lays `text` out in `columns` cells, with the cursor at byte `cursor`.
    pub(crate) fn new(text: &str, cursor: usize, columns: u16) -> Self {
        let columns = usize::from(columns.max(1));
        let limit = columns.saturating_sub(1).max(1);
        let mut rows = Vec::new();
        let mut start = 0;
        for line in text.split('\n') {
            wrap(line, start, limit, &mut rows);
            start += line.len() + 1;
        }
        let row = row_of(&rows, cursor);
        let column = width(&text[rows[row].range.start..cursor]).min(columns - 1);
        Self {
            rows,
            cursor: (u16::try_from(column).unwrap_or(u16::MAX), row),
        }
    }

    /// The byte offset in `text` on `row` nearest to `column` from the left.
    pub(super) fn offset_at(&self, text: &str, row: usize, column: usize) -> usize {
        let Row { range, soft } = &self.rows[row];
        let (mut cells, mut offset) = (0, range.start);
        for (at, cluster) in text[range.clone()].grapheme_indices(true) {
            cells += cluster_width(cluster);
            let end = range.start + at + cluster.len();
            // The end of a wrapped row is the start of the next one.
            if cells > column || (*soft && end == range.end) {
                break;
            }
            offset = end;
        }
        offset
    }
}

/// Index of the row that shows byte `offset`: of two that touch it, the lower.
fn row_of(rows: &[Row], offset: usize) -> usize {
    rows.partition_point(|row| row.range.start <= offset)
        .saturating_sub(1)
}

/// Breaks one line, which begins at byte `base`, after its spaces and beside
/// its wide characters, or anywhere when a word is longer than a row.
fn wrap(line: &str, base: usize, limit: usize, rows: &mut Vec<Row>) {
    let (mut start, mut cells) = (0, 0);
    // Where the row may end, and how many cells of it lie before that.
    let mut chance: Option<(usize, usize)> = None;
    let mut end_row = |start: &mut usize, end: usize| {
        rows.push(Row {
            range: base + *start..base + end,
            soft: true,
        });
        *start = end;
    };
    for (at, cluster) in line.grapheme_indices(true) {
        let (size, end) = (cluster_width(cluster), at + cluster.len());
        let blank = matches!(cluster, " " | "\t");
        let full = cells + size > limit && at > start;
        if full && cluster == " " && end < line.len() && cells <= limit {
            end_row(&mut start, end);
            (cells, chance) = (0, None);
            continue;
        }
        while cells + size > limit && at > start {
            match chance.take() {
                Some((offset, before)) if !blank && size < 2 => {
                    end_row(&mut start, offset);
                    cells -= before;
                }
                _ => {
                    end_row(&mut start, at);
                    cells = 0;
                }
            }
        }
        cells += size;
        if blank || size > 1 {
            chance = Some((end, cells));
        }
    }
    rows.push(Row {
        range: base + start..base + line.len(),
        soft: false,
    });
}

#[cfg(test)]
mod tests {
    use super::Layout;

    fn check(text: &str, columns: u16, want: &[&str]) {
        let layout = Layout::new(text, text.len(), columns);
        let rows: Vec<&str> = layout
            .rows
            .iter()
            .map(|row| &text[row.range.clone()])
            .collect();
        assert_eq!(rows, want, "{text:?} in {columns}");
    }

    #[test]
    fn words_stay_whole_where_they_fit() {
        check("", 10, &[""]);
        check("one two three", 8, &["one two ", "three"]);
        check("one two  three", 8, &["one two ", " three"]);
        check("seven77", 8, &["seven77"]);
        check("seven77 ", 8, &["seven77", " "]);
        check("extraordinary", 6, &["extra", "ordin", "ary"]);
        check("a extraordinary", 6, &["a ", "extra", "ordin", "ary"]);
        check("one\n\ntwo\n", 8, &["one", "", "two", ""]);
    }

    #[test]
    fn wide_characters_are_never_cut() {
        check("日本語です", 6, &["日本", "語で", "す"]);
        check("a日本語", 6, &["a日本", "語"]);
        check("日本", 1, &["日", "本"]);
        check("👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 3, &["👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"]);
    }

    #[test]
    fn the_cursor_of_a_wrapped_row_is_on_the_lower_one() {
        let text = "one two three";
        assert_eq!(Layout::new(text, 8, 8).cursor, (0, 1));
        assert_eq!(Layout::new(text, 7, 8).cursor, (7, 0));
        assert_eq!(Layout::new(text, 13, 8).cursor, (5, 1));
    }
}
