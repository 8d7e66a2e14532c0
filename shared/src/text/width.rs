//! How wide text is on a terminal: the one width function, over grapheme clusters.
//!
//! Deliberately absent: wrapping, which belongs to whoever draws. `len()` and
//! `chars().count()` are never widths.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// What stands for the part that did not fit.
const ELLIPSIS: &str = "..";

/// The grapheme clusters of `text`: what a reader, and the cursor, takes for one character.
pub fn graphemes(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.graphemes(true)
}

/// Columns that `text` takes on a terminal. Meant for one line of rendered text.
#[must_use]
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    graphemes(text).map(UnicodeWidthStr::width).sum()
}

/// Cuts one line of `text` to at most `columns`, ending in `..` if something was cut
/// and never inside a grapheme.
#[must_use]
pub fn truncate_width(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(ELLIPSIS.len()) else {
        return Cow::Borrowed(&ELLIPSIS[..columns]);
    };
    let (mut used, mut bytes) = (0, 0);
    for grapheme in graphemes(text) {
        used += grapheme.width();
        if used > room {
            break;
        }
        bytes += grapheme.len();
    }
    Cow::Owned(format!("{}{ELLIPSIS}", &text[..bytes]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{graphemes, truncate_width, width};
    use crate::text::render;

    #[test]
    fn width_counts_columns() {
        for (text, columns) in [
            ("", 0),
            ("abc", 3),
            ("漢字", 4),
            ("e\u{301}", 1),
            ("👨\u{200D}👩\u{200D}👧", 2),
            ("🇩🇪", 2),
            ("1\u{FE0F}\u{20E3}", 2),
            ("한글", 4),
            ("ไทย", 3),
        ] {
            assert_eq!(width(text), columns, "of {text:?}");
        }
    }

    #[test]
    fn names_are_cut_by_columns() {
        assert_eq!(truncate_width("Ana Maria", 9), "Ana Maria");
        assert_eq!(truncate_width("Ana Maria", 8), "Ana Ma..");
        assert_eq!(truncate_width("漢字漢字", 7), "漢字..");
        assert_eq!(truncate_width("漢字漢字", 5), "漢..");
        assert_eq!(truncate_width("Ana", 2), "..");
        assert_eq!(truncate_width("Ana", 1), ".");
        assert_eq!(truncate_width("Ana", 0), "");
    }

    proptest! {
        #[test]
        fn a_cut_fits_and_keeps_whole_graphemes(raw in ".*", columns in 0_usize..40) {
            let text = render(&raw);
            let cut = truncate_width(&text, columns);
            prop_assert!(width(&cut) <= columns, "{cut:?}");
            if cut != text && columns >= 2 {
                let kept = cut.strip_suffix("..").unwrap();
                let count = graphemes(kept).count();
                prop_assert_eq!(graphemes(&text).take(count).collect::<String>(), kept);
            }
        }
    }
}
