//! Whole sets of keys to begin with: the table's own, and what people know from vim.

use super::{Intent, Mode};

/// A set of keys to begin with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// The keys of the table.
    #[default]
    Default,
    /// The same, with vim's keys in the desk's mode.
    Vim,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 2] = [Self::Default, Self::Vim];

    /// What it adds to the table. Each takes its strokes from whatever has them in that mode.
    pub(super) fn additions(self) -> &'static [(Mode, &'static str, Intent)] {
        match self {
            Self::Default => &[],
            Self::Vim => VIM,
        }
    }
}

/// Moving, closing and copying as vim has them. Writing stays as it is: Esc leaves the composer
/// for the desk, `i` comes back; the composer itself has no modes.
const VIM: &[(Mode, &str, Intent)] = &[
    (Mode::Nav, "h", Intent::PreviousPane),
    (Mode::Nav, "l", Intent::NextPane),
    (Mode::Nav, "gg", Intent::ScrollTop),
    (Mode::Nav, "G", Intent::ScrollEnd),
    (Mode::Nav, "gt", Intent::NextChat),
    (Mode::Nav, "gT", Intent::PreviousChat),
    (Mode::Nav, "go", Intent::GoTo),
    (Mode::Nav, "Ctrl+O", Intent::LastVisited),
    (Mode::Nav, "Ctrl+F", Intent::PageDown),
    (Mode::Nav, "Ctrl+B", Intent::PageUp),
    (Mode::Nav, "dd", Intent::Resolve),
    (Mode::Nav, "yy", Intent::Copy),
    (Mode::Nav, "ZZ", Intent::Quit),
];
