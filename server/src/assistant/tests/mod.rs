//! The assistant on a real hub: what is owed is answered once, by itself or by people.

mod run;
mod turns;

use std::path::Path;

use crate::assistant::knowledge::Knowledge;

/// Where the files of the sample knowledge base are.
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo/kb");

/// Writes the sample knowledge base into a folder.
pub(super) fn write_sample(folder: &Path) {
    for file in std::fs::read_dir(SAMPLE).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
}

/// The sample knowledge base.
pub(super) fn knowledge() -> Knowledge {
    Knowledge::load(Path::new(SAMPLE)).unwrap_or_else(|problems| panic!("{problems:?}"))
}
