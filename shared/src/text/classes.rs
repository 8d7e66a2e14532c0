//! Classes of characters that the rules speak of, each with the reason for its edges.
//!
//! What the Unicode crates know (marks, assignment, cluster boundaries) is asked of
//! them; ranges stand here only for what they do not tell.

use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::GraphemeCursor;

pub(super) const ZWNJ: char = '\u{200C}';
pub(super) const ZWJ: char = '\u{200D}';

/// The picture of a C0 control: `ESC` is shown as U+241B.
pub(super) fn control_picture(c: char) -> char {
    char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Whether a cluster boundary lies at byte `at` of `text`, which begins at one.
pub(super) fn is_boundary(text: &str, at: usize) -> bool {
    // The whole text is at hand, so the cursor never asks for more of it.
    GraphemeCursor::new(at, text.len(), true)
        .is_boundary(text, 0)
        .unwrap_or(true)
}

/// Whether a joiner after `cluster` would bind a pictograph (UAX #29, rule GB11).
pub(super) fn ends_pictographic(cluster: &str) -> bool {
    let probe = format!("{cluster}{ZWJ}\u{1F600}");
    !cluster.is_empty() && !is_boundary(&probe, cluster.len() + ZWJ.len_utf8())
}

pub(super) fn is_pictographic(c: char) -> bool {
    ends_pictographic(c.encode_utf8(&mut [0; 4]))
}

/// Assigned or not, characters that extend no cluster: most of what people write, for
/// which no table need be asked. After the few that bind what follows (U+0600, a
/// leading consonant of Hangul) they count as a cluster of their own, so that no space
/// or letter is lost to a limit; such a pair of clusters is still bounded.
pub(super) fn is_simple(c: char) -> bool {
    matches!(c,
        '\0'..='\u{A8}' | '\u{AA}'..='\u{AD}' | '\u{AF}'..='\u{2FF}' // not the pictographs © and ®
        | '\u{370}'..='\u{482}' // Greek, Cyrillic
        | '\u{48A}'..='\u{590}' // Cyrillic, Armenian
        | '\u{1E00}'..='\u{1FFF}' // Latin with marks, Greek with marks
        | '\u{3041}'..='\u{3096}' // Hiragana
        | '\u{30A1}'..='\u{30FA}' // Katakana
        | '\u{4E00}'..='\u{9FFF}' // Han
        | '\u{AC00}'..='\u{D7A3}' // Hangul syllables
    )
}

/// Characters that show nothing and serve to reorder, hide or fill: dropped.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' // soft hyphen
        | '\u{34F}' // combining grapheme joiner
        | '\u{61C}' // Arabic letter mark
        | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' // Hangul fillers
        | '\u{17B4}' | '\u{17B5}' // Khmer inherent vowels
        | '\u{180E}' // Mongolian vowel separator
        | '\u{200B}' | '\u{200E}' | '\u{200F}' // zero width space, direction marks
        | '\u{202A}'..='\u{202E}' // bidi embeddings and overrides
        | '\u{2060}'..='\u{206F}' // word joiner, invisible operators, bidi isolates
        | '\u{FEFF}' // byte order mark
        | '\u{FFF9}'..='\u{FFFB}' // interlinear annotation
        | '\u{13430}'..='\u{1343F}' // Egyptian format controls
        | '\u{1BCA0}'..='\u{1BCA3}' // shorthand format controls
        | '\u{1D173}'..='\u{1D17A}' // musical beams and slurs
        | '\u{E0000}'..='\u{E0FFF}' // tags and the rest of the invisible plane
    )
}

pub(super) fn is_selector(c: char) -> bool {
    matches!(c,
        '\u{FE00}'..='\u{FE0F}'
        | '\u{180B}'..='\u{180D}' | '\u{180F}'
        | '\u{E0100}'..='\u{E01EF}')
}

/// Whether `selector` can change the look of `base`. Each selector is one of 260
/// invisible values, enough to hide a byte behind every letter, so none stays behind
/// a base that has no variants.
pub(super) fn takes_selector(base: char, selector: char) -> bool {
    match selector {
        '\u{180B}'..='\u{180F}' => matches!(base, '\u{1820}'..='\u{18AA}'),
        '\u{E0100}'..='\u{E01EF}' => matches!(base,
            '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
            | '\u{20000}'..='\u{3FFFD}'),
        '\u{FE0E}' | '\u{FE0F}' if base.is_ascii() => matches!(base, '0'..='9' | '#' | '*'),
        _ => {
            !base.is_ascii()
                && !base.is_whitespace()
                && !is_combining_mark(base)
                && !matches!(base, ZWJ | ZWNJ | '\u{E007F}')
        }
    }
}

/// Letters and marks of the scripts in which joiners choose between written forms
/// (Arabic and its relatives, the scripts of India and South-East Asia, Mongolian).
pub(super) fn is_joining(c: char) -> bool {
    matches!(c,
        '\u{600}'..='\u{77F}' | '\u{7C0}'..='\u{7FF}' | '\u{840}'..='\u{DFF}'
        | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17DD}' | '\u{1807}'..='\u{18AA}'
        | '\u{1A20}'..='\u{1AAF}' | '\u{1B00}'..='\u{1C4F}' | '\u{1CD0}'..='\u{1CFF}'
        | '\u{A840}'..='\u{A87F}' | '\u{A8E0}'..='\u{A8FF}' | '\u{A980}'..='\u{A9DF}'
        | '\u{10A00}'..='\u{10AFF}' | '\u{10D00}'..='\u{10D3F}' | '\u{10F30}'..='\u{10FAF}'
        | '\u{11000}'..='\u{11FFF}' | '\u{1E900}'..='\u{1E95F}')
        && (c.is_alphabetic() || is_combining_mark(c))
}

#[cfg(test)]
mod tests {
    use super::{is_pictographic, is_simple};
    use crate::text::graphemes;

    #[test]
    fn pictographs_are_known() {
        for c in ['😀', '❤', '♀', '⚕', '➡', '🏴', '🌈', '©'] {
            assert!(is_pictographic(c), "{c}");
        }
        for c in [
            'a',
            '1',
            'ا',
            'क',
            '漢',
            '\u{1F3FB}',
            '\u{301}',
            '\u{1F1E6}',
        ] {
            assert!(!is_pictographic(c), "{c}");
        }
    }

    #[test]
    fn simple_letters_are_clusters_of_their_own() {
        let simple = || {
            (0..=0xFFFF)
                .filter_map(char::from_u32)
                .filter(|c| is_simple(*c))
        };
        for c in simple() {
            for text in [
                format!("a{c}"),
                format!("{c}a"),
                format!("{c}漢"),
                format!("각{c}"),
            ] {
                let crlf = text.contains(['\r', '\n']);
                assert!(crlf || graphemes(&text).count() == 2, "{text:?}");
            }
        }
    }
}
