//! What may enter a draft: text and line feeds. Typed, pasted and restored
//! text all pass through here, so that the composer never holds a control.

/// Text fit for a draft, and how many characters were left out of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cleaned {
    pub(super) text: String,
    pub(super) dropped: usize,
}

/// Turns every kind of line end into LF, keeps TAB, drops the other controls
/// and the invisible characters that reorder or hide text.
pub(super) fn clean(text: &str) -> Cleaned {
    let mut cleaned = Cleaned::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() == Some(&'\n') {
                    chars.next();
                }
                cleaned.text.push('\n');
            }
            '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => cleaned.text.push('\n'),
            '\n' | '\t' => cleaned.text.push(c),
            _ if c.is_control() || is_deceptive(c) => cleaned.dropped += 1,
            _ => cleaned.text.push(c),
        }
    }
    cleaned
}

/// Bidirectional controls and characters that take no room: they let a text
/// look like another. ZWJ and ZWNJ stay, emoji and Indic scripts need them.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{AD}')
}

#[cfg(test)]
mod tests {
    use super::{Cleaned, clean};

    #[test]
    fn line_ends_become_lf_and_controls_go() {
        let cases = [
            ("a\r\nb\rc\u{2028}d", "a\nb\nc\nd", 0),
            ("\x1b[31mred\x07", "[31mred", 2),
            ("a\tb", "a\tb", 0),
            ("ab\u{202E}cd\u{9B}", "abcd", 2),
            ("👨‍👩‍👧", "👨‍👩‍👧", 0),
        ];
        for (text, want, dropped) in cases {
            let want = Cleaned {
                text: want.to_owned(),
                dropped,
            };
            assert_eq!(clean(text), want, "{text:?}");
        }
    }
}
