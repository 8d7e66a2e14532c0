//! The assistant on a real hub: what is owed is answered once, by itself or by people.

mod corpus;
mod run;
mod turns;

use std::path::{Path, PathBuf};

use crate::assistant::knowledge::Knowledge;

/// The folder of the sample knowledge base.
pub(super) fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/kb")
}

/// The sample knowledge base.
pub(super) fn knowledge() -> Knowledge {
    Knowledge::load(&sample()).unwrap_or_else(|problems| panic!("{problems:?}"))
}
