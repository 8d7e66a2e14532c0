//! What is pressed for one action: one chord, or two after each other as vim has them (`gg`).

use std::{fmt, str::FromStr};

use crossterm::event::{KeyCode, KeyModifiers};

use super::chord::{Chord, ChordError, Key};

/// One chord, or two that are pressed one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Strokes {
    first: Chord,
    second: Option<Chord>,
}

impl Strokes {
    /// The chord that is pressed first.
    pub fn first(&self) -> Chord {
        self.first
    }

    /// The chord that follows, if two make the action.
    pub fn second(&self) -> Option<Chord> {
        self.second
    }

    /// The chord that completes it.
    pub fn last(&self) -> Chord {
        self.second.unwrap_or(self.first)
    }

    /// Whether presses could mean both, or one is where the other begins.
    pub fn clashes(&self, other: &Self) -> bool {
        self.first.overlaps(&other.first)
            && match (&self.second, &other.second) {
                (Some(one), Some(other)) => one.overlaps(other),
                _ => true,
            }
    }

    /// Whether it works in every terminal, multiplexer and layout of keys.
    pub fn is_plain(&self) -> bool {
        is_plain(&self.first) && self.second.as_ref().is_none_or(is_plain)
    }
}

/// Not with Alt or Super, no function key, no prefix of tmux or screen, nothing that only a
/// terminal with the kitty protocol can say.
fn is_plain(chord: &Chord) -> bool {
    let prefix = ["Ctrl+A", "Ctrl+B"]
        .iter()
        .any(|text| text.parse() == Ok(*chord));
    let far = KeyModifiers::ALT | KeyModifiers::SUPER;
    let code = match chord.key() {
        Key::Code(code) => code,
        Key::Digit => KeyCode::Null,
    };
    let function = matches!(code, KeyCode::F(_));
    let shifted = chord.modifiers().contains(KeyModifiers::SHIFT);
    let kitty = matches!(
        code,
        KeyCode::Enter | KeyCode::Char(' ') | KeyCode::Backspace
    );
    let frail = chord.modifiers().intersects(far) || (shifted && kitty);
    !(prefix || function || frail)
}

/// A chord that is one letter and nothing else.
fn letter(chord: &Chord) -> Option<char> {
    match chord.key() {
        Key::Code(KeyCode::Char(c)) if chord.modifiers().is_empty() && c != ' ' => Some(c),
        _ => None,
    }
}

impl From<Chord> for Strokes {
    fn from(first: Chord) -> Self {
        Self {
            first,
            second: None,
        }
    }
}

impl fmt::Display for Strokes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, Some(second)) = (self.first, self.second) else {
            return self.first.fmt(f);
        };
        if let (Some(one), Some(other)) = (letter(&first), letter(&second)) {
            let both = format!("{one}{other}");
            // Not `F1` and `Up`, which are keys.
            if both.parse() == Ok(*self) {
                return f.write_str(&both);
            }
        }
        write!(f, "{first},{second}")
    }
}

impl FromStr for Strokes {
    type Err = ChordError;

    fn from_str(text: &str) -> Result<Self, ChordError> {
        let error = match text.parse::<Chord>() {
            Ok(chord) => return Ok(chord.into()),
            Err(error) => error,
        };
        let two = |first: &str, second: &str| {
            let second = Some(second.parse().ok()?);
            let first = first.parse().ok()?;
            Some(Self { first, second })
        };
        let mut letters = text.chars();
        if let (Some(one), Some(other), None) = (letters.next(), letters.next(), letters.next()) {
            return two(one.encode_utf8(&mut [0; 4]), other.encode_utf8(&mut [0; 4])).ok_or(error);
        }
        let mut commas = text.match_indices(',');
        commas
            .find_map(|(at, _)| two(&text[..at], &text[at + 1..]))
            .ok_or(error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::Strokes;

    fn strokes(text: &str) -> Strokes {
        text.parse().expect("strokes")
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read_back(one in any::<char>(), other in any::<char>(), ctrl in any::<bool>()) {
            let text = format!("{}{one},{other}", if ctrl { "Ctrl+" } else { "" });
            if let Ok(strokes) = text.parse::<Strokes>() {
                prop_assert_eq!(strokes.to_string().parse(), Ok(strokes));
            }
        }
    }

    #[test]
    fn two_letters_are_two_strokes_unless_they_name_a_key() {
        assert_eq!(strokes("gg").second(), Some(strokes("g").first()));
        assert_eq!(strokes("gT").to_string(), "gT");
        assert_eq!(strokes("F1").second(), None);
        assert_eq!(strokes("F,1").to_string(), "F,1");
        assert_eq!(strokes("Ctrl+W,h").to_string(), "Ctrl+W,h");
        assert_eq!(strokes(",").second(), None);
        assert_eq!(strokes(",,").to_string(), ",,");
        for text in ["ggg", "Hyper+A", "gg,", "a,b,c"] {
            assert!(text.parse::<Strokes>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_clashes_with_all_that_begins_with_it() {
        assert!(strokes("g").clashes(&strokes("gg")) && strokes("gg").clashes(&strokes("g")));
        assert!(!strokes("gt").clashes(&strokes("gg")) && strokes("gt").clashes(&strokes("gt")));
    }

    #[test]
    fn what_may_not_arrive_is_not_plain() {
        for text in ["Alt+A", "F1", "Ctrl+B", "Shift+Enter", "Super+A", "g,Alt+G"] {
            assert!(!strokes(text).is_plain(), "{text}");
        }
        for text in ["gg", "Ctrl+N", "Shift+Tab", "1..9", "?"] {
            assert!(strokes(text).is_plain(), "{text}");
        }
    }
}
