//! What can go wrong with a store, in a sentence for people and an exit code for scripts.
//!
//! A refused commit is no error: that is [`super::Commit::Conflict`] and [`super::Commit::Unknown`].

use std::{io, path::PathBuf};

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What is stored contradicts itself or cannot be read.
    #[error(
        "the store is damaged: {what}; run \"frontdesk-hub check\" and restore a backup if it agrees"
    )]
    Corrupt {
        /// Where and how.
        what: String,
    },
    /// No room on the disk: nothing of the refused write was kept.
    #[error("no space left on the disk that holds the store; free some, writing resumes by itself")]
    Full,
    /// Written by a newer hub.
    #[error(
        "the store has version {found}, and this hub knows versions up to {known}; run a newer hub"
    )]
    TooNew {
        /// The version of the file.
        found: u32,
        /// The newest version this program can read.
        known: u32,
    },
    /// Another process has the file open.
    #[error("{} is in use by another hub; stop that one first", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not a Frontdesk store; name the right file or directory", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The directory or file cannot be written.
    #[error("cannot write {}: {source}; give this user the right to write there", path.display())]
    ReadOnly {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the owner may read or write the directory or file.
    #[error(
        "{} is open to other users (mode {mode:03o}); run \"chmod go= {}\"", path.display(), path.display()
    )]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The directory or file belongs to somebody else, who could read or replace it.
    #[error(
        "{} belongs to user {owner}; run as that user, or make it yours with \"chown\"",
        path.display()
    )]
    ForeignOwner {
        /// The file or directory.
        path: PathBuf,
        /// The numeric id of its owner.
        owner: u32,
    },
    /// It exists and would be overwritten.
    #[error("{} exists; say --force to replace it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The store URL names an engine that this build does not have, or none at all.
    #[error("{0}")]
    Unsupported(String),
    /// An earlier failure stopped all writing until [`super::Store::reopen`] succeeds.
    #[error("the store stopped writing after a failure of the disk; it tries again by itself")]
    Degraded,
    /// The operating system refused.
    #[error("the disk that holds the store failed: {0}")]
    Io(#[from] io::Error),
}

impl StoreError {
    /// Damage, in words.
    pub(super) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }

    /// The hub's exit code when this keeps it from starting or going on: 65 not a database or
    /// damaged, 73 not writable, 74 storage failing, 75 locked, 76 written by a newer version,
    /// 2 for a store URL that cannot be.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Corrupt { .. } | Self::NotADatabase { .. } => 65,
            Self::ReadOnly { .. }
            | Self::Exposed { .. }
            | Self::ForeignOwner { .. }
            | Self::Exists { .. } => 73,
            Self::Full | Self::Degraded | Self::Io(_) => 74,
            Self::Locked { .. } => 75,
            Self::TooNew { .. } => 76,
            Self::Unsupported(_) => 2,
        }
    }
}
