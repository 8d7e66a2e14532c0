//! How many terminal cells a draft takes: as all text, but a TAB, which only a draft can have,
//! is drawn as so many cells. Control characters have no business here.

use unicode_segmentation::UnicodeSegmentation;

/// Cells a TAB is drawn as.
pub const TAB_CELLS: usize = 4;

/// Display width of `text` in terminal cells, counted cluster by cluster
/// as the screen is filled.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(cluster_width).sum()
}

/// Display width in cells of one grapheme cluster.
pub fn cluster_width(cluster: &str) -> usize {
    if cluster == "\t" {
        TAB_CELLS
    } else {
        shared::text::width(cluster)
    }
}

#[cfg(test)]
mod tests {
    use super::width;

    #[test]
    fn clusters_are_measured_whole() {
        let corpus = [
            ("plain", 5),
            ("日本語", 6),
            ("👨‍👩‍👧‍👦", 2),
            ("🇧🇷🇵🇹", 4),
            ("❤\u{FE0F}", 2),
            ("e\u{301}", 1),
            ("한글", 4),
            ("ｶﾞ", 2),
            ("\u{7}", 1),
            ("a\tb", 6),
            ("", 0),
        ];
        for (text, cells) in corpus {
            assert_eq!(width(text), cells, "{text:?}");
        }
    }
}
