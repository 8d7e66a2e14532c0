//! Keys of one's own: what is asked for is applied as a whole and then checked, so that two keys
//! can be swapped, and nothing ends up out of reach.

use thiserror::Error;

use shared::client::profile::nearest;

use super::{ACTIONS, Action, Binding, ChordError, Intent, Keymap, Mode, Preset, Strokes};

/// The keys that an action is to have in a mode, in place of those it has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebind {
    /// The name of the mode.
    pub mode: String,
    /// The name of the action.
    pub action: String,
    /// The keys; none take those it has away.
    pub keys: Vec<String>,
}

/// Why keys cannot be as they are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BindError {
    /// The table has no such action.
    #[error("no action is called \"{name}\"{}", meant(.nearest.as_deref(), "the palette (F2) lists them"))]
    UnknownAction {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// There is no such mode.
    #[error("no mode is called \"{name}\"{}", meant(.nearest.as_deref(), "use compose, nav, edit or any"))]
    UnknownMode {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// The text names no key.
    #[error(transparent)]
    Chord(#[from] ChordError),
    /// Two keys after each other where keys are letters.
    #[error("{keys} is two keys, which only nav can have; use one key with Ctrl")]
    Sequence {
        /// The keys.
        keys: String,
    },
    /// The keys have another meaning in that mode.
    #[error(
        "{keys} already means \"{taken}\" in {mode}; give \"{taken}\" other keys, or [] for none"
    )]
    Taken {
        /// The keys.
        keys: String,
        /// What they mean, or what begins with them.
        taken: &'static str,
        /// Where.
        mode: &'static str,
    },
    /// Nothing but Alt, a function key or a prefix of tmux would be left.
    #[error(
        "\"{action}\" would be out of reach in {mode}; leave it a key without Alt, F1 to F24, Ctrl+A and Ctrl+B"
    )]
    OutOfReach {
        /// The action.
        action: &'static str,
        /// Where.
        mode: &'static str,
    },
}

fn meant(nearest: Option<&str>, otherwise: &str) -> String {
    match nearest {
        Some(name) => format!("; did you mean \"{name}\"?"),
        None => format!("; {otherwise}"),
    }
}

/// The name in `names` that is nearest to `name`.
fn closest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<String> = names.map(str::to_owned).collect();
    nearest(name, names.iter()).map(str::to_owned)
}

impl Keymap {
    /// The keys of `preset` with `rebinds` applied, the later ones over the earlier ones.
    ///
    /// # Errors
    /// What is wrong and the index of the rebinding that brought it about; none when they do so
    /// together.
    pub fn with(preset: Preset, rebinds: &[Rebind]) -> Result<Self, (Option<usize>, BindError)> {
        let mut keymap = Self::of(preset);
        let mut added: Vec<(usize, Binding)> = Vec::new();
        for (index, rebind) in rebinds.iter().enumerate() {
            let here = |error| (Some(index), error);
            let (mode, intent) = named(rebind).map_err(here)?;
            let same = |binding: &Binding| binding.mode == mode && binding.intent == intent;
            keymap.bindings.retain(|binding| !same(binding));
            added.retain(|(_, binding)| !same(binding));
            for keys in &rebind.keys {
                let strokes = strokes(keys, mode).map_err(here)?;
                let binding = Binding {
                    mode,
                    strokes,
                    intent,
                };
                added.push((index, binding));
            }
        }
        for (index, binding) in added {
            if keymap.bindings.contains(&binding) {
                continue;
            }
            let taken = |taken: &&Binding| taken.clashes(&binding);
            if let Some(taken) = keymap.bindings.iter().find(taken) {
                let error = BindError::Taken {
                    keys: binding.strokes.to_string(),
                    taken: taken.intent.action().name,
                    mode: binding.mode.name(),
                };
                return Err((Some(index), error));
            }
            keymap.bindings.push(binding);
        }
        let Some((action, mode)) = keymap.out_of_reach().next() else {
            return Ok(keymap);
        };
        let (action, mode) = (action.name, mode.name());
        let by = rebinds.iter().rposition(|rebind| rebind.action == action);
        Err((by, BindError::OutOfReach { action, mode }))
    }

    /// The actions without a plain way to them, each with a mode that lacks it.
    ///
    /// What answers an overlay needs a key in each overlay that it has one in. Everything else is
    /// in the palette, which is enough as long as that has a key in the desk's mode and the
    /// composer has one of the two.
    pub(super) fn out_of_reach(&self) -> impl Iterator<Item = (&'static Action, Mode)> {
        let palette = Intent::Palette.action();
        let nav = Intent::ToNav.action();
        let gates = [
            (
                palette,
                Mode::Nav,
                self.has_plain(Mode::Nav, Intent::Palette),
            ),
            (
                nav,
                Mode::Compose,
                self.has_plain(Mode::Compose, Intent::ToNav)
                    || self.has_plain(Mode::Compose, Intent::Palette),
            ),
        ];
        let shut = gates.into_iter().filter(|(.., open)| !open);
        let shut = shut.map(|(action, mode, _)| (action, mode));
        let answers = ACTIONS.iter().flat_map(|action| {
            let overlays = action.keys.iter().map(|(mode, _)| *mode);
            let overlays = overlays.filter(|mode| mode.is_overlay());
            overlays.map(move |mode| (action, mode))
        });
        let lost = |(action, mode): &(&'static Action, Mode)| !self.has_plain(*mode, action.intent);
        shut.chain(answers.filter(lost))
    }
}

fn named(rebind: &Rebind) -> Result<(Mode, Intent), BindError> {
    let mode = Mode::ALL
        .into_iter()
        .find(|mode| mode.name() == rebind.mode);
    let mode = mode.ok_or_else(|| BindError::UnknownMode {
        name: rebind.mode.clone(),
        nearest: closest(&rebind.mode, Mode::ALL.iter().map(|mode| mode.name())),
    })?;
    let action = ACTIONS.iter().find(|action| action.name == rebind.action);
    let action = action.ok_or_else(|| BindError::UnknownAction {
        name: rebind.action.clone(),
        nearest: closest(&rebind.action, ACTIONS.iter().map(|action| action.name)),
    })?;
    Ok((mode, action.intent))
}

fn strokes(keys: &str, mode: Mode) -> Result<Strokes, BindError> {
    let strokes: Strokes = keys.parse()?;
    if strokes.second().is_some() && (mode == Mode::Any || mode.is_text() || mode.is_overlay()) {
        return Err(BindError::Sequence {
            keys: strokes.to_string(),
        });
    }
    Ok(strokes)
}
