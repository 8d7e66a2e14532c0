//! Which key means what, and where. Keys become an [`Intent`]; what is then
//! done about it is `update`'s business.

mod chord;
mod preset;
mod rebind;
mod strokes;
mod table;

use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

pub use self::chord::{Chord, ChordError, Key};
pub use self::preset::Preset;
pub use self::rebind::{BindError, Rebind};
pub use self::strokes::Strokes;
pub use self::table::{ACTIONS, Action, Intent};

/// The headings of the help; each begins with a line of the table and ends where the next begins.
const SECTIONS: [(&str, Intent); 9] = [
    ("write", Intent::Send),
    ("move", Intent::NextNeeding),
    ("read", Intent::LineUp),
    ("chat", Intent::Accept),
    ("message", Intent::Copy),
    ("edit", Intent::HistoryOlder),
    ("panes", Intent::NextPane),
    ("lists and questions", Intent::Pick),
    ("console", Intent::Help),
];

/// The headings of the help in their order.
pub fn sections() -> impl Iterator<Item = &'static str> {
    SECTIONS.into_iter().map(|(title, _)| title)
}

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

    /// Whether keys are letters of a text here.
    fn is_text(self) -> bool {
        self.lineage().any(|mode| mode == Self::Edit)
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
    /// The heading that it stands under.
    pub fn section(&self) -> &'static str {
        let at = |intent: Intent| ACTIONS.iter().position(|action| action.intent == intent);
        let mine = at(self.intent);
        let begun = SECTIONS.iter().rev().find(|(_, first)| at(*first) <= mine);
        begun.map_or(SECTIONS[0].0, |(title, _)| title)
    }

    /// Whether the palette offers it: not what only answers an open overlay.
    pub fn in_palette(&self) -> bool {
        self.keys.is_empty() || self.keys.iter().any(|(mode, _)| !mode.is_overlay())
    }
}

/// What is pressed for one action in one mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Binding {
    mode: Mode,
    strokes: Strokes,
    intent: Intent,
}

/// What a press means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It does something.
    Does(Intent),
    /// It begins something: one more press says what.
    Begins(Chord),
    /// It is no command; text, perhaps.
    Nothing,
}

/// A line of the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpLine {
    /// The heading that it stands under.
    pub section: &'static str,
    /// The keys, with spaces between.
    pub keys: String,
    /// The word of the palette.
    pub name: &'static str,
    /// What they do.
    pub help: &'static str,
}

/// The live map from keys to intents.
#[derive(Debug, Clone)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::of(Preset::Default)
    }
}

impl Keymap {
    /// The keys of `preset`.
    pub fn of(preset: Preset) -> Self {
        let read = |strokes: &str| strokes.parse().expect("a test reads the table");
        let mut bindings = Vec::new();
        for action in ACTIONS {
            for (mode, chords) in action.keys {
                bindings.extend(chords.split(' ').map(|strokes| Binding {
                    mode: *mode,
                    strokes: read(strokes),
                    intent: action.intent,
                }));
            }
        }
        for (mode, strokes, intent) in preset.additions() {
            let binding = Binding {
                mode: *mode,
                strokes: read(strokes),
                intent: *intent,
            };
            bindings.retain(|taken: &Binding| !taken.clashes(&binding));
            bindings.push(binding);
        }
        Self { bindings }
    }

    /// What `event` means in `mode`; nothing when it is text, or no command.
    pub fn lookup(&self, mode: Mode, event: KeyEvent) -> Option<Intent> {
        match self.meaning(mode, None, event) {
            Meaning::Does(intent) => Some(intent),
            Meaning::Begins(_) | Meaning::Nothing => None,
        }
    }

    /// What `event` means in `mode`, after `begun` if that was pressed before.
    pub fn meaning(&self, mode: Mode, begun: Option<Chord>, event: KeyEvent) -> Meaning {
        if event.kind == KeyEventKind::Release {
            return Meaning::Nothing;
        }
        let chord = Chord::from(event);
        let found = mode.lineage().find_map(|level| {
            let mut here = self.bindings.iter().filter(|binding| binding.mode == level);
            here.find(|Binding { strokes, .. }| match (begun, strokes.second()) {
                (None, _) => strokes.first().overlaps(&chord),
                (Some(begun), Some(second)) => {
                    strokes.first().overlaps(&begun) && second.overlaps(&chord)
                }
                (Some(_), None) => false,
            })
        });
        let Some(binding) = found else {
            return Meaning::Nothing;
        };
        if begun.is_none() && binding.strokes.second().is_some() {
            return Meaning::Begins(chord);
        }
        let key = binding.strokes.last().key();
        Meaning::Does(match (binding.intent, key, chord.digit()) {
            (Intent::Chat(_), Key::Digit, Some(digit)) => Intent::Chat(digit),
            (intent, ..) => intent,
        })
    }

    /// What may follow `begun` in `mode`: the strokes and the action.
    pub fn after(&self, mode: Mode, begun: Chord) -> impl Iterator<Item = (Chord, &'static str)> {
        let level = mode.lineage().find(|level| {
            let here = |binding: &Binding| {
                binding.mode == *level && binding.strokes.first().overlaps(&begun)
            };
            self.bindings.iter().any(here)
        });
        let fits = move |binding: &&Binding| {
            Some(binding.mode) == level && binding.strokes.first().overlaps(&begun)
        };
        self.bindings
            .iter()
            .filter(fits)
            .filter_map(|binding| Some((binding.strokes.second()?, binding.intent.action().name)))
    }

    /// The keys that work in `mode` and what they do, in the table's order;
    /// those of the mode itself before those it builds on.
    pub fn help(&self, mode: Mode) -> impl Iterator<Item = HelpLine> {
        mode.lineage().flat_map(move |level| {
            ACTIONS.iter().filter_map(move |action| {
                let live = |binding: &&Binding| {
                    binding.mode == level
                        && binding.intent == action.intent
                        && !self.shadowed(mode, binding)
                };
                let keys = list(self.bindings.iter().filter(live));
                (!keys.is_empty()).then_some(HelpLine {
                    section: action.section(),
                    keys,
                    name: action.name,
                    help: action.help,
                })
            })
        })
    }

    /// The keys for `intent` where `mode` has the keyboard, for a hint or the
    /// palette; empty when there are none.
    pub fn keys(&self, mode: Mode, intent: Intent) -> String {
        list(self.live(mode, intent))
    }

    /// Whether `intent` can be had in `mode` by a key that every terminal, multiplexer and
    /// layout lets through.
    fn has_plain(&self, mode: Mode, intent: Intent) -> bool {
        self.live(mode, intent)
            .any(|binding| binding.strokes.is_plain())
    }

    fn live(&self, mode: Mode, intent: Intent) -> impl Iterator<Item = &Binding> {
        let intent = intent.action().intent;
        mode.lineage().flat_map(move |level| {
            let here = move |binding: &&Binding| binding.mode == level && binding.intent == intent;
            let mine = self.bindings.iter().filter(here);
            mine.filter(move |binding| !self.shadowed(mode, binding))
        })
    }

    /// Whether a nearer mode gives the strokes of `binding` another meaning.
    fn shadowed(&self, mode: Mode, binding: &Binding) -> bool {
        let nearer = mode.lineage().take_while(|level| *level != binding.mode);
        nearer.into_iter().any(|level| {
            let clashes =
                |other: &Binding| other.mode == level && other.strokes.clashes(&binding.strokes);
            self.bindings.iter().any(clashes)
        })
    }
}

impl Binding {
    /// Whether one press could mean both.
    fn clashes(&self, other: &Self) -> bool {
        self.mode == other.mode && self.strokes.clashes(&other.strokes)
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
        write!(keys, "{gap}{}", binding.strokes).expect("a string takes all text");
        keys
    })
}

#[cfg(test)]
mod tests;
