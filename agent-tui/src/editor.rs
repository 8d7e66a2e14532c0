//! The person's own editor, for a draft that wants more than a composer.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::PathBuf,
    process::ExitStatus,
};

/// What `VISUAL` or `EDITOR` says, if anything.
pub(crate) fn chosen() -> Option<OsString> {
    let said = ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(std::env::var_os);
    said.into_iter().find(|editor| !editor.is_empty())
}

/// Has `editor` change `text` in a private file in `folder`, which is gone afterwards. Blocks
/// until the editor ends.
///
/// # Errors
/// What the file or the editor gives; the old text is to be kept then.
pub(crate) fn edit_in_file(editor: &OsStr, folder: PathBuf, text: &str) -> io::Result<String> {
    let path = folder.join(format!("editor-{}.txt", std::process::id()));
    shared::client::private::write(&path, text.as_bytes()).map_err(io::Error::other)?;
    // Through the shell, since EDITOR may hold options; the path is an argument of its own.
    let status = std::process::Command::new("sh")
        .arg("-c")
        .arg("exec $FRONTDESK_EDITOR \"$1\"")
        .arg("sh")
        .arg(&path)
        .env("FRONTDESK_EDITOR", editor)
        .status();
    let edited = status.and_then(|status: ExitStatus| {
        if status.success() {
            std::fs::read_to_string(&path)
        } else {
            Err(io::Error::other(format!("the editor ended with {status}")))
        }
    });
    drop(std::fs::remove_file(&path));
    edited
}
