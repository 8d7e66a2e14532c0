//! What the person set: flags before environment before the context's table before `[agent]` of
//! the config file. Whatever is wrong there is one line that names the place and what to do.
//!
//! ```toml
//! [agent]
//! theme = "light"
//!
//! [agent.keys]
//! preset = "vim"
//!
//! [agent.keys.nav]
//! accept = ["A"]
//! mute = []
//!
//! [contexts.acme.agent]
//! theme = "dark"
//! ```

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use clap::ValueEnum;
use shared::client::profile::{Profile, nearest};
use thiserror::Error;
use toml::{Table, Value};

use crate::{
    args::Args,
    keys::{BindError, Keymap, Preset, Rebind},
    notify::Means,
    theme::Tone,
};

/// How the names of the environment begin.
const ENVIRONMENT: &str = "FRONTDESK_AGENT_";
/// The table of the keys, within the console's.
const KEYS: &str = "keys";
/// The keys to begin with, within that.
const PRESET: &str = "preset";

/// Something in the config that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {why}")]
pub struct ConfigError {
    /// The file and the key in it, or the name in the environment.
    pub place: String,
    /// What is wrong and what to do.
    pub why: String,
}

/// Something that an option can be.
trait Setting: Sized {
    /// What it may be, for people.
    fn expected() -> String;

    /// Out of the environment.
    fn from_text(text: &str) -> Option<Self>;

    /// Out of the file.
    fn from_value(value: &Value) -> Option<Self> {
        Self::from_text(value.as_str()?)
    }
}

impl Setting for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn from_text(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Setting for PathBuf {
    fn expected() -> String {
        "the path of a folder".to_owned()
    }

    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }
}

/// How long a lone Esc is held, to see whether it begins an Alt key that came in two packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EscHold(u16);

impl EscHold {
    /// Longer would be felt as a key that does nothing.
    const MS_MAX: u16 = 1_000;

    /// The time.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0.into())
    }
}

impl FromStr for EscHold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ms = text.parse().ok().filter(|ms| *ms <= Self::MS_MAX);
        ms.map(Self)
            .ok_or_else(|| format!("use {}", Self::expected()))
    }
}

impl Setting for EscHold {
    fn expected() -> String {
        format!("milliseconds from 0 to {}", Self::MS_MAX)
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn from_value(value: &Value) -> Option<Self> {
        Self::from_text(&value.as_integer()?.to_string())
    }
}

/// The names of `T`, as the command line has them.
fn names<T: ValueEnum>() -> String {
    let values = T::value_variants().iter();
    let names = values.filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()));
    names.collect::<Vec<_>>().join(", ")
}

macro_rules! settings {
    ($($choice:ty),*) => {
        $(impl Setting for $choice {
            fn expected() -> String {
                names::<Self>()
            }

            fn from_text(text: &str) -> Option<Self> {
                <Self as ValueEnum>::from_str(text, true).ok()
            }
        })*
    };
}

// What the command line takes one of several words for.
settings!(Tone, Preset, Means);

macro_rules! options {
    ($($field:ident: $type:ty, $help:literal;)*) => {
        /// What can be set in the file, the environment and on the command line; none is unsaid.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Options {
            $(#[doc = $help] pub $field: Option<$type>,)*
        }

        impl Options {
            /// The names in the file; in the environment in capitals.
            pub const NAMES: &[&str] = &[$(stringify!($field)),*];

            /// These, and those of `other` where these say nothing.
            #[must_use]
            pub fn or(self, other: Self) -> Self {
                Self { $($field: self.$field.or(other.$field),)* }
            }

            fn of_environment(
                environment: &impl Fn(&str) -> Option<String>,
            ) -> Result<Self, ConfigError> {
                Ok(Self { $($field: of_environment(environment, stringify!($field))?,)* })
            }

            fn of_table(table: &Table, place: &Place<'_>) -> Result<Self, ConfigError> {
                for name in table.keys().filter(|name| *name != KEYS) {
                    known(name, Self::NAMES, place)?;
                }
                Ok(Self { $($field: of_table(table, stringify!($field), place)?,)* })
            }
        }
    };
}

// One line for each: a name, what it can be, and what it is for.
options! {
    theme: Tone, "Colours for a dark or a light background, or none.";
    ascii: bool, "Draw borders with ASCII alone.";
    fresh: bool, "Begin with empty panes.";
    mouse: bool, "Take the mouse.";
    drafts: bool, "Keep drafts on disk.";
    cache: bool, "Keep a copy of the desk for the next start.";
    notify: Means, "How to tell of what is not seen.";
    notify_body: bool, "Say in notifications who wrote and what.";
    esc_ms: EscHold, "How long a lone Esc is held.";
    downloads: PathBuf, "The folder that files are saved in.";
    plain: bool, "Lines of words, for screen readers and terminals that only print.";
}

/// What the console is to be like.
#[derive(Debug, Clone)]
pub struct Config {
    /// The options.
    pub options: Options,
    /// The keys.
    pub keymap: Keymap,
}

impl Config {
    /// What `args`, the environment and the files of `profile` say together.
    ///
    /// # Errors
    /// The first thing that cannot be followed.
    pub fn resolve(
        args: &Args,
        environment: impl Fn(&str) -> Option<String>,
        profile: &Profile,
    ) -> Result<Self, ConfigError> {
        let file = profile.places.config();
        let context = profile.context.as_deref().unwrap_or_default();
        let all = Place::new(file, "agent".to_owned());
        let ours = Place::new(file, format!("contexts.{context}.agent"));
        let of_context = Options::of_table(&profile.context_agent, &ours)?;
        let of_all = Options::of_table(&profile.agent, &all)?;
        let options = args
            .options()
            .or(Options::of_environment(&environment)?)
            .or(of_context)
            .or(of_all);
        let (first, mut rebinds) = keys(&profile.agent, &all)?;
        let (second, more) = keys(&profile.context_agent, &ours)?;
        rebinds.extend(more);
        let preset = args
            .keys
            .map_or_else(|| of_environment(&environment, KEYS), |it| Ok(Some(it)))?;
        let preset = preset.or(second).or(first).unwrap_or_default();
        let keymap = keymap(preset, &rebinds, &all)?;
        Ok(Self { options, keymap })
    }
}

/// Where in the file something is.
#[derive(Debug, Clone)]
struct Place<'a> {
    file: &'a Path,
    table: String,
}

impl<'a> Place<'a> {
    fn new(file: &'a Path, table: String) -> Self {
        Self { file, table }
    }

    fn inner(&self, name: &str) -> Self {
        Self::new(self.file, format!("{}.{name}", self.table))
    }

    fn error(&self, name: &str, why: impl Into<String>) -> ConfigError {
        let file: PathBuf = self.file.to_owned();
        ConfigError {
            place: format!("{} [{}] {name}", file.display(), self.table),
            why: why.into(),
        }
    }
}

fn known(name: &str, names: &[&str], place: &Place<'_>) -> Result<(), ConfigError> {
    if names.contains(&name) {
        return Ok(());
    }
    let all: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let why = match nearest(name, all.iter()) {
        Some(meant) => format!("there is no such setting; did you mean \"{meant}\"?"),
        None => format!(
            "there is no such setting; there are {}, {KEYS}",
            all.join(", ")
        ),
    };
    Err(place.error(name, why))
}

fn of_table<T: Setting>(
    table: &Table,
    name: &str,
    place: &Place<'_>,
) -> Result<Option<T>, ConfigError> {
    let Some(value) = table.get(name) else {
        return Ok(None);
    };
    let wrong = || {
        place.error(
            name,
            format!("{value} is no value for it; use {}", T::expected()),
        )
    };
    T::from_value(value).map(Some).ok_or_else(wrong)
}

fn of_environment<T: Setting>(
    environment: &impl Fn(&str) -> Option<String>,
    name: &str,
) -> Result<Option<T>, ConfigError> {
    let place = format!("{ENVIRONMENT}{}", name.to_uppercase());
    let Some(text) = environment(&place).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let why = || format!("\"{text}\" is no value for it; use {}", T::expected());
    let wrong = || ConfigError { place, why: why() };
    T::from_text(&text).map(Some).ok_or_else(wrong)
}

/// A rebinding and the table that it stands in.
type Placed<'a> = (Rebind, Place<'a>);

/// The preset and the rebindings of a table.
fn keys<'a>(
    table: &Table,
    place: &Place<'a>,
) -> Result<(Option<Preset>, Vec<Placed<'a>>), ConfigError> {
    let Some(keys) = table.get(KEYS) else {
        return Ok((None, Vec::new()));
    };
    let tables = "write a table: [agent.keys.nav] with lines like accept = [\"A\"]";
    let keys = keys.as_table().ok_or_else(|| place.error(KEYS, tables))?;
    let place = place.inner(KEYS);
    let preset = of_table(keys, PRESET, &place)?;
    let mut rebinds = Vec::new();
    for (mode, actions) in keys.iter().filter(|(mode, _)| *mode != PRESET) {
        let actions = actions
            .as_table()
            .ok_or_else(|| place.error(mode, tables))?;
        for (action, value) in actions {
            let place = place.inner(mode);
            let keys = texts(value).ok_or_else(|| {
                place.error(
                    action,
                    format!("{value} is no key; write [\"Ctrl+N\", \"J\"], or [] for none"),
                )
            })?;
            let rebind = Rebind {
                mode: mode.clone(),
                action: action.clone(),
                keys,
            };
            rebinds.push((rebind, place));
        }
    }
    Ok((preset, rebinds))
}

/// One text, or a list of them.
fn texts(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match value.as_array() {
        Some(list) => list.iter().map(text).collect(),
        None => Some(vec![text(value)?]),
    }
}

fn keymap(preset: Preset, placed: &[Placed<'_>], all: &Place<'_>) -> Result<Keymap, ConfigError> {
    let rebinds: Vec<Rebind> = placed.iter().map(|(rebind, _)| rebind.clone()).collect();
    let place = |(index, error): (Option<usize>, BindError)| {
        let at = index.and_then(|index| placed.get(index));
        match at {
            Some((rebind, place)) => place.error(&rebind.action, error.to_string()),
            None => all.inner(KEYS).error(PRESET, error.to_string()),
        }
    };
    Keymap::with(preset, &rebinds).map_err(place)
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use clap::Parser;
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use shared::client::profile::{Environment, Flags, Profile};

    use super::{Config, ConfigError, EscHold};
    use crate::{
        args::Args,
        keys::{Intent, Mode},
        notify::Means,
        theme::Tone,
    };

    const HUB: &str = "current_context = \"work\"\n[contexts.work]\nhub = \"http://127.0.0.1:1\"\n";

    fn resolve(
        config: &str,
        environment: &[(&str, &str)],
        args: &[&str],
    ) -> Result<Config, ConfigError> {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("config.toml"), format!("{HUB}{config}")).expect("written");
        let place = Environment {
            home: Some(home.path().to_owned()),
            ..Environment::default()
        };
        let profile = Profile::resolve(&Flags::default(), &place).expect("a profile");
        let value = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let words = ["frontdesk-agent"].iter().chain(args);
        let args = Args::try_parse_from(words).expect("arguments");
        Config::resolve(&args, value, &profile)
    }

    #[test]
    fn every_option_can_be_set_in_the_file() {
        let file = "[agent]\nesc_ms = 60\ncache = false\nnotify = \"osc9\"\nnotify_body = true\n";
        let options = resolve(file, &[], &["--notify", "bell"])
            .expect("sound")
            .options;
        let hold = options.esc_ms.map(EscHold::duration);
        assert_eq!(hold, Some(Duration::from_millis(60)));
        assert_eq!(
            (options.cache, options.notify_body),
            (Some(false), Some(true))
        );
        assert_eq!(options.notify, Some(Means::Bell), "the flag comes first");
        let error = resolve("[agent]\nesc_ms = 5000\n", &[], &[]).expect_err("too long");
        assert!(
            error.to_string().ends_with(
                "[agent] esc_ms: 5000 is no value for it; use milliseconds from 0 to 1000"
            ),
            "{error}"
        );
    }

    #[test]
    fn the_config_of_the_readme_is_sound() {
        let readme = include_str!("../../README.md");
        let blocks = readme.split("```toml\n").skip(1);
        let blocks = blocks.filter_map(|block| block.split("```").next());
        let ours: Vec<&str> = blocks.filter(|block| block.contains("[agent]")).collect();
        assert_eq!(ours.len(), 1);
        let config = resolve(ours[0], &[], &[]).expect("sound");
        assert_eq!(config.options.mouse, Some(true));
        assert_eq!(meaning(&config, Mode::Nav, 'A'), Some(Intent::Accept));
    }

    fn meaning(config: &Config, mode: Mode, letter: char) -> Option<Intent> {
        let key = KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE);
        config.keymap.lookup(mode, key)
    }

    #[test]
    fn flags_come_before_environment_before_context_before_all() {
        let all = "[agent]\ntheme = \"light\"\nascii = true\n";
        let context = "[contexts.work.agent]\ntheme = \"dark\"\n";
        let both = format!("{all}{context}");
        let theme = |config: &str, environment: &[(&str, &str)], args: &[&str]| {
            let config = resolve(config, environment, args).expect("sound");
            config.options.theme
        };
        let none = [("FRONTDESK_AGENT_THEME", "none")];
        assert_eq!(theme("", &[], &[]), None);
        assert_eq!(theme(all, &[], &[]), Some(Tone::Light));
        assert_eq!(theme(&both, &[], &[]), Some(Tone::Dark));
        assert_eq!(theme(&both, &none, &[]), Some(Tone::None));
        assert_eq!(
            theme(&both, &none, &["--theme", "light"]),
            Some(Tone::Light)
        );
        let off = [("FRONTDESK_AGENT_ASCII", "off")];
        let config = resolve(&both, &off, &["--fresh"]).expect("sound");
        assert_eq!(config.options.ascii, Some(false));
        assert_eq!(config.options.fresh, Some(true));
        let config = resolve(&both, &[], &[]).expect("sound");
        assert_eq!(
            (config.options.ascii, config.options.fresh),
            (Some(true), None)
        );
    }

    #[test]
    fn keys_are_those_of_the_file() {
        let text = "[agent.keys]\npreset = \"vim\"\n\
                    [agent.keys.nav]\naccept = [\"m\"]\nmute = \"a\"\nsplit = []\n\
                    [contexts.work.agent.keys.nav]\nsplit = [\"V\"]\n";
        let config = resolve(text, &[], &[]).expect("sound");
        assert_eq!(meaning(&config, Mode::Nav, 'm'), Some(Intent::Accept));
        assert_eq!(meaning(&config, Mode::Nav, 'a'), Some(Intent::Mute));
        assert_eq!(meaning(&config, Mode::Nav, 'V'), Some(Intent::Split));
        assert_eq!(meaning(&config, Mode::Nav, 'v'), None);
        assert_eq!(meaning(&config, Mode::Nav, 'G'), Some(Intent::ScrollEnd));
        let environment = [("FRONTDESK_AGENT_KEYS", "default")];
        let config = resolve(text, &environment, &[]).expect("sound");
        assert_eq!(meaning(&config, Mode::Nav, 'g'), Some(Intent::GoTo));
        let config = resolve(text, &environment, &["--keys", "vim"]).expect("sound");
        assert_eq!(meaning(&config, Mode::Nav, 'g'), None);
    }

    #[test]
    fn what_is_wrong_is_one_line_with_its_place() {
        let cases = [
            (
                "[agent]\nthem = \"dark\"",
                "[agent] them: there is no such setting; did you mean \"theme\"?",
            ),
            (
                "[agent]\nzzz = 1",
                "[agent] zzz: there is no such setting; there are theme, ascii",
            ),
            (
                "[agent]\ntheme = \"pink\"",
                "[agent] theme: \"pink\" is no value for it; use dark, light, none",
            ),
            (
                "[agent]\nascii = \"yes\"",
                "[agent] ascii: \"yes\" is no value for it; use true or false",
            ),
            ("[agent]\nkeys = 1", "[agent] keys: write a table"),
            (
                "[agent.keys]\npreset = \"emacs\"",
                "[agent.keys] preset: \"emacs\" is no value for it; use default, vim",
            ),
            ("[agent.keys]\nnav = 1", "[agent.keys] nav: write a table"),
            (
                "[agent.keys.nav]\nmute = 1",
                "[agent.keys.nav] mute: 1 is no key",
            ),
            (
                "[agent.keys.nav]\nmute = [\"Foo\"]",
                "[agent.keys.nav] mute: \"Foo\" is no key",
            ),
            (
                "[agent.keys.nav]\nmutte = [\"X\"]",
                "[agent.keys.nav] mutte: no action is called",
            ),
            (
                "[agent.keys.bed]\nmute = [\"X\"]",
                "[agent.keys.bed] mute: no mode is called",
            ),
            (
                "[agent.keys.nav]\nmute = [\"a\"]",
                "[agent.keys.nav] mute: a already means \"accept\"",
            ),
            (
                "[agent.keys.compose]\nmute = [\"gg\"]",
                "[agent.keys.compose] mute: gg is two keys",
            ),
            (
                "[agent.keys.nav]\npalette = [\"F2\"]",
                "[agent.keys.nav] palette: \"palette\" would be out of reach",
            ),
            (
                "[contexts.work.agent]\nthem = 1",
                "[contexts.work.agent] them: there is no such setting",
            ),
        ];
        for (config, why) in cases {
            let error = resolve(config, &[], &[]).expect_err(why).to_string();
            let (file, rest) = error.split_once(' ').expect("a file first");
            assert!(
                file.ends_with("config.toml") && rest.starts_with(why),
                "{error}"
            );
            assert!(!error.contains('\n'), "{error}");
        }
        let environment = [("FRONTDESK_AGENT_ASCII", "perhaps")];
        assert_eq!(
            resolve("", &environment, &[])
                .expect_err("no value")
                .to_string(),
            "FRONTDESK_AGENT_ASCII: \"perhaps\" is no value for it; use true or false"
        );
    }
}
