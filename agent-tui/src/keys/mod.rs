//! Which key means what, and where. Keys become an [`Intent`]; what is then
//! done about it is `update`'s business.

mod chord;
mod table;

use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use thiserror::Error;

pub use self::chord::{Chord, ChordError, Key};
pub use self::table::{ACTIONS, Action, Intent};

/// What has the keyboard. A key without meaning in a mode is looked up in the
/// mode that this one builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// In every mode.
    Any,
    /// In every text field.
    Edit,
    /// The composer.
    Compose,
    /// The composer with nothing in it.
    EmptyCompose,
    /// The desk: keys are commands.
    Nav,
    /// The desk while the matches of a search are marked.
    NavSearch,
    /// The palette and every other list with a field above it.
    Palette,
    /// The field of a search.
    Search,
    /// The help overlay.
    Help,
    /// A question to be answered with yes or no.
    Confirm,
    /// What to do with a long paste.
    Paste,
    /// How the departments stand.
    Wall,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 12] = [
        Self::Any,
        Self::Edit,
        Self::Compose,
        Self::EmptyCompose,
        Self::Nav,
        Self::NavSearch,
        Self::Palette,
        Self::Search,
        Self::Help,
        Self::Confirm,
        Self::Paste,
        Self::Wall,
    ];

    /// The mode this one builds on.
    pub fn base(self) -> Option<Self> {
        match self {
            Self::Any => None,
            Self::EmptyCompose => Some(Self::Compose),
            Self::NavSearch => Some(Self::Nav),
            Self::Compose | Self::Palette | Self::Search | Self::Help => Some(Self::Edit),
            Self::Edit | Self::Nav | Self::Confirm | Self::Paste | Self::Wall => Some(Self::Any),
        }
    }

    /// This mode and all it builds on, nearest first.
    pub fn lineage(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |mode| mode.base())
    }

    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Edit => "edit",
            Self::Compose => "compose",
            Self::EmptyCompose => "empty-compose",
            Self::Nav => "nav",
            Self::NavSearch => "nav-search",
            Self::Palette => "palette",
            Self::Search => "search",
            Self::Help => "help",
            Self::Confirm => "confirm",
            Self::Paste => "paste",
            Self::Wall => "wall",
        }
    }

    /// Whether this is one of the overlays that ask for one answer.
    fn is_overlay(self) -> bool {
        matches!(
            self,
            Self::Palette | Self::Search | Self::Help | Self::Confirm | Self::Paste | Self::Wall
        )
    }
}

impl Intent {
    /// The line of the table that this intent has.
    pub fn action(self) -> &'static Action {
        let same = |action: &&Action| {
            std::mem::discriminant(&action.intent) == std::mem::discriminant(&self)
        };
        ACTIONS.iter().find(same).expect("the table makes the enum")
    }

    /// The intent that `/text` asks for: a name of the table, for `chat` with
    /// a number from 1 to 9.
    pub fn from_command(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let action = ACTIONS
            .iter()
            .find(|action| Some(action.name) == words.clone().next())?;
        words.next();
        match (action.intent, words.next()) {
            (Self::Chat(_), number) => number?
                .parse()
                .ok()
                .filter(|n| (1..=9).contains(n))
                .map(Self::Chat),
            (intent, None) => Some(intent),
            (_, Some(_)) => None,
        }
    }
}

impl Action {
    /// Whether the palette offers it: not what only answers an open overlay.
    pub fn in_palette(&self) -> bool {
        self.keys.is_empty() || self.keys.iter().any(|(mode, _)| !mode.is_overlay())
    }
}

/// One chord in one mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Binding {
    mode: Mode,
    chord: Chord,
    intent: Intent,
}

/// Why a key cannot be bound.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BindError {
    /// The table has no such action.
    #[error("no action is called \"{0}\"; the palette lists them")]
    UnknownAction(String),
    /// There is no such mode.
    #[error("no mode is called \"{0}\"; use compose, nav, edit or any")]
    UnknownMode(String),
    /// The text names no key.
    #[error(transparent)]
    Chord(#[from] ChordError),
    /// The chord has another meaning in that mode.
    #[error("{chord} already means \"{taken}\" in {mode}; free it first")]
    Taken {
        /// The chord.
        chord: String,
        /// What it means.
        taken: &'static str,
        /// Where.
        mode: &'static str,
    },
}

/// The live map from keys to intents.
#[derive(Debug, Clone)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Default for Keymap {
    fn default() -> Self {
        let mut bindings = Vec::new();
        for action in ACTIONS {
            for (mode, chords) in action.keys {
                bindings.extend(chords.split(' ').map(|chord| Binding {
                    mode: *mode,
                    chord: chord.parse().expect("a test reads the table"),
                    intent: action.intent,
                }));
            }
        }
        Self { bindings }
    }
}

impl Keymap {
    /// What `event` means in `mode`; nothing when it is text, or no command.
    pub fn lookup(&self, mode: Mode, event: KeyEvent) -> Option<Intent> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let chord = Chord::from(event);
        let binding = mode.lineage().find_map(|mode| self.find(mode, &chord))?;
        Some(match (binding.intent, binding.chord.key(), chord.digit()) {
            (Intent::Chat(_), Key::Digit, Some(digit)) => Intent::Chat(digit),
            (intent, ..) => intent,
        })
    }

    /// The keys that work in `mode` and what they do, in the table's order;
    /// those of the mode itself before those it builds on.
    pub fn help(&self, mode: Mode) -> impl Iterator<Item = (String, &'static str)> {
        mode.lineage().flat_map(move |level| {
            ACTIONS.iter().filter_map(move |action| {
                let live = |binding: &&Binding| {
                    binding.mode == level
                        && binding.intent == action.intent
                        && !self.shadowed(mode, binding)
                };
                let keys = list(self.bindings.iter().filter(live));
                (!keys.is_empty()).then_some((keys, action.help))
            })
        })
    }

    /// The keys for `intent` where `mode` has the keyboard, for a hint or the
    /// palette; empty when there are none.
    pub fn keys(&self, mode: Mode, intent: Intent) -> String {
        let intent = intent.action().intent;
        let live = |binding: &&Binding| binding.intent == intent && !self.shadowed(mode, binding);
        let levels = mode.lineage().flat_map(|level| {
            self.bindings
                .iter()
                .filter(move |binding| binding.mode == level)
                .filter(live)
        });
        list(levels)
    }

    /// Gives `action` the keys in `chords` for `mode`, in place of those it
    /// has there; no chords at all take its keys away.
    ///
    /// # Errors
    /// [`BindError`] when a name or a chord is unknown, or a chord is taken in
    /// that mode; the map is then as before.
    pub fn rebind(&mut self, mode: &str, action: &str, chords: &[&str]) -> Result<(), BindError> {
        let unknown_mode = || BindError::UnknownMode(mode.to_owned());
        let mode = Mode::ALL.into_iter().find(|known| known.name() == mode);
        let mode = mode.ok_or_else(unknown_mode)?;
        let known = ACTIONS.iter().find(|known| known.name == action);
        let intent = known
            .ok_or_else(|| BindError::UnknownAction(action.to_owned()))?
            .intent;
        let mut added: Vec<Binding> = Vec::new();
        for chord in chords {
            let chord: Chord = chord.parse()?;
            match self.find(mode, &chord) {
                Some(taken) if taken.intent != intent => {
                    return Err(BindError::Taken {
                        chord: chord.to_string(),
                        taken: taken.intent.action().name,
                        mode: mode.name(),
                    });
                }
                _ => added.push(Binding {
                    mode,
                    chord,
                    intent,
                }),
            }
        }
        self.bindings
            .retain(|binding| binding.mode != mode || binding.intent != intent);
        self.bindings.extend(added);
        Ok(())
    }

    fn find(&self, mode: Mode, chord: &Chord) -> Option<&Binding> {
        let matches = |binding: &&Binding| binding.mode == mode && binding.chord.overlaps(chord);
        self.bindings.iter().find(matches)
    }

    /// Whether a nearer mode gives the chord of `binding` another meaning.
    fn shadowed(&self, mode: Mode, binding: &Binding) -> bool {
        let nearer = mode.lineage().take_while(|level| *level != binding.mode);
        nearer
            .into_iter()
            .any(|level| self.find(level, &binding.chord).is_some())
    }
}

/// The character that `event` types into a text field, if it types one.
pub fn typed(event: KeyEvent) -> Option<char> {
    let commands = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SUPER;
    match event.code {
        KeyCode::Char(c)
            if event.kind != KeyEventKind::Release && !event.modifiers.intersects(commands) =>
        {
            Some(c)
        }
        _ => None,
    }
}

fn list<'a>(bindings: impl Iterator<Item = &'a Binding>) -> String {
    bindings.fold(String::new(), |mut keys, binding| {
        let gap = if keys.is_empty() { "" } else { " " };
        write!(keys, "{gap}{}", binding.chord).expect("a string takes all text");
        keys
    })
}

#[cfg(test)]
mod tests;
