//! The assistant on a real hub: what is owed is answered once, by itself or by people.

mod run;
mod turns;

use std::path::Path;

use crate::{assistant::knowledge::Knowledge, demo::kb::sample};

/// Writes the sample knowledge base into a folder.
pub(super) fn write_sample(folder: &Path) {
    for (name, text) in sample() {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

/// The sample knowledge base.
pub(super) fn knowledge() -> Knowledge {
    let folder = tempfile::tempdir().unwrap();
    write_sample(folder.path());
    Knowledge::load(folder.path()).unwrap_or_else(|problems| panic!("{problems:?}"))
}
