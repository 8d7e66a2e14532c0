//! Which store: the text an operator gives, as an engine and a place.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use super::StoreError;

/// The file of the embedded store in a data directory.
pub const FILE_NAME: &str = "desk.redb";

/// Which engine, and where: `redb:DIR/desk.redb`, a plain path of such a file, or `memory:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// Nothing outlives the process: tests, simulation.
    Memory,
    /// One file.
    Redb(PathBuf),
}

impl StoreUrl {
    /// The embedded store of a data directory.
    #[must_use]
    pub fn in_directory(data: &Path) -> Self {
        Self::Redb(data.join(FILE_NAME))
    }
}

impl FromStr for StoreUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let unsupported = |reason: &str| StoreError::Unsupported(reason.to_owned());
        match text.split_once(':') {
            Some(("postgres" | "postgresql", _)) => Err(unsupported(
                "a store on PostgreSQL is not built yet; use redb:DIR/desk.redb",
            )),
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("redb", "")) => Err(unsupported("redb: needs the path of a file after it")),
            Some(("redb", path)) => Ok(Self::Redb(path.into())),
            Some((scheme, rest)) if rest.starts_with("//") => Err(StoreError::Unsupported(
                format!("{scheme}: is no store that this hub knows; use redb:DIR/desk.redb"),
            )),
            _ if text.is_empty() => Err(unsupported("the store needs the path of a file")),
            _ => Ok(Self::Redb(text.into())),
        }
    }
}
