//! One key press with its modifiers, as people write it: `Ctrl+N`, `PgUp`,
//! `?`. Terminals report the same press in several ways; here it has one.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use thiserror::Error;

/// Keys with a name. The first name of a code is the one shown.
const NAMES: [(KeyCode, &str); 20] = [
    (KeyCode::Enter, "Enter"),
    (KeyCode::Enter, "Return"),
    (KeyCode::Esc, "Esc"),
    (KeyCode::Esc, "Escape"),
    (KeyCode::Tab, "Tab"),
    (KeyCode::Char(' '), "Space"),
    (KeyCode::Backspace, "Backspace"),
    (KeyCode::Delete, "Delete"),
    (KeyCode::Delete, "Del"),
    (KeyCode::Insert, "Insert"),
    (KeyCode::Up, "Up"),
    (KeyCode::Down, "Down"),
    (KeyCode::Left, "Left"),
    (KeyCode::Right, "Right"),
    (KeyCode::Home, "Home"),
    (KeyCode::End, "End"),
    (KeyCode::PageUp, "PgUp"),
    (KeyCode::PageUp, "PageUp"),
    (KeyCode::PageDown, "PgDn"),
    (KeyCode::PageDown, "PageDown"),
];

const MODIFIERS: [(KeyModifiers, &str); 4] = [
    (KeyModifiers::CONTROL, "Ctrl+"),
    (KeyModifiers::ALT, "Alt+"),
    (KeyModifiers::SHIFT, "Shift+"),
    (KeyModifiers::SUPER, "Super+"),
];

/// How the nine digits together are written.
const DIGITS: &str = "1..9";

/// What is pressed, apart from modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// One key.
    Code(KeyCode),
    /// Any of the digits 1 to 9, written `1..9`.
    Digit,
}

/// A key with its modifiers, in normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    key: Key,
    modifiers: KeyModifiers,
}

/// A text that names no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{0}\" is no key; write it like Ctrl+N, Alt+Enter, PgUp, F1 or ?")]
pub struct ChordError(pub String);

impl Chord {
    /// The chord of `code` pressed with `modifiers`.
    ///
    /// Letters with Ctrl or Alt have no case, so that Caps Lock changes
    /// nothing. The bytes 0x1C to 0x1F arrive as Ctrl+4 to Ctrl+7 (crossterm
    /// `parse_event`) and mean Ctrl with `\`, `]`, `^` and `_`.
    pub fn new(code: KeyCode, modifiers: KeyModifiers) -> Self {
        let known = MODIFIERS
            .iter()
            .fold(KeyModifiers::NONE, |all, (one, _)| all | *one);
        let mut modifiers = modifiers & known;
        let command = modifiers.intersects(known - KeyModifiers::SHIFT);
        let control = modifiers.contains(KeyModifiers::CONTROL);
        let shift = modifiers.contains(KeyModifiers::SHIFT);
        let code = match code {
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            KeyCode::Char(c) if c != ' ' => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::Char(match c {
                    '4' if control => '\\',
                    '5' if control => ']',
                    '6' if control => '^',
                    '7' | '/' if control => '_',
                    '-' if control && shift => '_',
                    _ if command => c.to_ascii_lowercase(),
                    _ if shift => c.to_ascii_uppercase(),
                    _ => c,
                })
            }
            _ => code,
        };
        Self {
            key: Key::Code(code),
            modifiers,
        }
    }

    /// What is pressed.
    pub fn key(&self) -> Key {
        self.key
    }

    /// What is held with it.
    pub fn modifiers(&self) -> KeyModifiers {
        self.modifiers
    }

    /// Whether one press could mean both chords.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.modifiers == other.modifiers
            && (self.key == other.key
                || (self.key == Key::Digit && other.digit().is_some())
                || (other.key == Key::Digit && self.digit().is_some()))
    }

    /// The digit from 1 to 9 that is pressed, if it is one.
    pub fn digit(&self) -> Option<u8> {
        match self.key {
            Key::Code(KeyCode::Char(c @ '1'..='9')) => u8::try_from(c).ok().map(|c| c - b'0'),
            _ => None,
        }
    }
}

impl From<KeyEvent> for Chord {
    fn from(event: KeyEvent) -> Self {
        Self::new(event.code, event.modifiers)
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, name) in MODIFIERS {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        let code = match self.key {
            Key::Digit => return f.write_str(DIGITS),
            Key::Code(code) => code,
        };
        if let Some((_, name)) = NAMES.iter().find(|(named, _)| *named == code) {
            return f.write_str(name);
        }
        match code {
            KeyCode::Char(c) if self.modifiers.is_empty() => write!(f, "{c}"),
            KeyCode::Char(c) => write!(f, "{}", c.to_ascii_uppercase()),
            other => write!(f, "{other}"),
        }
    }
}

impl FromStr for Chord {
    type Err = ChordError;

    fn from_str(text: &str) -> Result<Self, ChordError> {
        let error = || ChordError(text.to_owned());
        let (mut rest, mut modifiers) = (text, KeyModifiers::NONE);
        while let Some((modifier, tail)) = MODIFIERS.iter().find_map(|(modifier, name)| {
            // As shown, or joined by a hyphen as many configs write it: ctrl-n.
            let (word, joint) = rest.get(..name.len())?.split_at_checked(name.len() - 1)?;
            let is_it = word.eq_ignore_ascii_case(name.trim_end_matches('+'));
            (is_it && matches!(joint, "+" | "-")).then(|| (*modifier, &rest[name.len()..]))
        }) {
            modifiers |= modifier;
            rest = tail;
        }
        if rest == DIGITS {
            return Ok(Self {
                key: Key::Digit,
                modifiers,
            });
        }
        let named = NAMES
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(rest));
        let mut chars = rest.chars();
        let code = match (named, chars.next(), chars.next()) {
            (Some((code, _)), ..) => *code,
            (None, Some(c), None) if !c.is_control() => KeyCode::Char(c),
            (None, Some('f' | 'F'), Some(_)) => match rest[1..].parse() {
                Ok(number @ 1..=24) => KeyCode::F(number),
                _ => return Err(error()),
            },
            _ => return Err(error()),
        };
        Ok(Self::new(code, modifiers))
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyModifiers};
    use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

    use super::{Chord, NAMES};

    fn chord(text: &str) -> Chord {
        text.parse().expect("a chord")
    }

    fn code() -> impl Strategy<Value = KeyCode> {
        prop_oneof![
            proptest::char::range('!', '~').prop_map(KeyCode::Char),
            any::<char>()
                .prop_filter("text", |c| !c.is_control())
                .prop_map(KeyCode::Char),
            (1..=24_u8).prop_map(KeyCode::F),
            proptest::sample::select(&NAMES[..]).prop_map(|(code, _)| code),
            Just(KeyCode::BackTab),
        ]
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read_back(code in code(), modifiers in 0..16_u8) {
            let chord = Chord::new(code, KeyModifiers::from_bits_truncate(modifiers));
            prop_assert_eq!(chord.to_string().parse(), Ok(chord));
        }
    }

    #[test]
    fn one_press_has_one_form() {
        let press = Chord::new;
        let (control, alt, shift) = (
            KeyModifiers::CONTROL,
            KeyModifiers::ALT,
            KeyModifiers::SHIFT,
        );
        assert_eq!(press(KeyCode::Char('7'), control), chord("Ctrl+_"));
        assert_eq!(press(KeyCode::Char('-'), control | shift), chord("Ctrl+_"));
        assert_eq!(press(KeyCode::Char('U'), shift), chord("U"));
        assert_eq!(press(KeyCode::Char('u'), shift), chord("U"));
        assert_eq!(press(KeyCode::Char('?'), shift), chord("?"));
        assert_eq!(press(KeyCode::Char('A'), alt | shift), chord("Alt+A"));
        assert_eq!(press(KeyCode::Char('a'), alt), chord("alt+A"));
        assert_eq!(press(KeyCode::BackTab, shift), chord("Shift+Tab"));
        assert_eq!(press(KeyCode::Char('a'), alt), chord("Alt+a"));
        assert_ne!(press(KeyCode::Char('u'), KeyModifiers::NONE), chord("U"));
        assert_eq!(chord("Ctrl++").to_string(), "Ctrl++");
        assert_eq!(chord("pageup").to_string(), "PgUp");
        assert_eq!(chord("ctrl-alt-n"), chord("Ctrl+Alt+N"));
        assert_eq!(chord("ctrl--"), chord("Ctrl+-"));
    }

    #[test]
    fn what_is_no_key_is_refused_by_name() {
        for text in ["", "Ctrl+", "Hyper+A", "F0", "F25", "Fé", "ab", "\u{1b}"] {
            let error = text.parse::<Chord>().expect_err(text);
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("\"{text}\" is no key"))
            );
        }
    }

    #[test]
    fn the_digits_stand_for_each_of_them() {
        assert_eq!(chord("Alt+1..9").to_string(), "Alt+1..9");
        assert!(chord("1..9").overlaps(&chord("4")) && chord("9").overlaps(&chord("1..9")));
        assert!(!chord("1..9").overlaps(&chord("0")) && !chord("1..9").overlaps(&chord("Alt+4")));
        assert_eq!(chord("Alt+4").digit(), Some(4));
    }
}
