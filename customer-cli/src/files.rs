//! Files of a chat: what a person writes behind `/file` and `/save`, and where a file goes.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use shared::{
    api::PostedFile,
    attachment::size,
    client::{
        files::{self, Picked},
        profile::Profile,
        save::{self, Place},
    },
    id::{AttachmentId, CommandId},
    model::{Attachment, Visibility},
    text::SafeText,
};

use crate::{account::Access, error::ChatError};

/// Reads a file that is to be sent.
///
/// # Errors
/// [`ChatError::Pick`].
pub fn pick(path: &Path) -> Result<Picked, ChatError> {
    Ok(files::pick(path)?)
}

/// Sends a file with a caption, which may be empty; once, however often it is tried with `key`.
///
/// # Errors
/// [`ChatError::Client`] and what it means for this access.
pub async fn send(
    profile: &Profile,
    access: &Access,
    file: &Picked,
    caption: &SafeText,
    key: &CommandId,
) -> Result<PostedFile, ChatError> {
    let http = access.http(profile)?;
    let sent = Arc::new(AtomicU64::new(0));
    let words = (caption.as_str(), Visibility::Public);
    let answer = files::send(&http, access.chat, file, words, key, &sent).await;
    answer.map_err(|error| access.failed(error))
}

/// Gets a file of a chat and saves it; gives where it is.
///
/// # Errors
/// [`ChatError::Client`] and [`ChatError::Save`]; no part of a file is left behind.
pub async fn get(
    profile: &Profile,
    access: &Access,
    file: &Attachment,
    place: &Place,
) -> Result<PathBuf, ChatError> {
    let http = access.http(profile)?;
    let bytes = files::get(&http, access.chat, file).await;
    let bytes = bytes.map_err(|error| access.failed(error))?;
    Ok(save::save(place, &file.name, &bytes)?)
}

/// What is told while a file is on its way.
#[must_use]
pub fn on_its_way(file: &Picked) -> String {
    format!("sending {} ({})", file.name, size(file.bytes.len() as u64))
}

/// The name of the upload that belongs to a named request, the same each time it is asked for.
#[must_use]
pub fn key_of(request: &CommandId) -> CommandId {
    let hash = crate::notice::hash(request.as_str());
    CommandId::parse(&format!("file-{hash}")).unwrap_or_else(|_| CommandId::random())
}

/// A path and what stands behind it: `"my report.pdf" for June`, with `~/` for the home folder.
#[must_use]
pub fn path_and_rest<'a>(line: &'a str, home: Option<&Path>) -> Option<(PathBuf, &'a str)> {
    let line = line.trim();
    let (path, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => line.split_once(char::is_whitespace).unwrap_or((line, "")),
    };
    if path.is_empty() {
        return None;
    }
    let path = match (path.strip_prefix("~/"), home) {
        (Some(inside), Some(home)) => home.join(inside),
        _ => PathBuf::from(path),
    };
    Some((path, rest.trim()))
}

/// Which file is to be saved where: `7 report.pdf`, `7`, `report.pdf` or nothing.
#[must_use]
pub fn wanted(line: &str, home: Option<&Path>) -> (Option<AttachmentId>, Option<PathBuf>) {
    let line = line.trim();
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (id, rest) = match first.parse() {
        Ok(id) => (Some(id), rest),
        Err(_) => (None, line),
    };
    (id, whole_path(rest, home))
}

/// A path that nothing follows: without quotes it is the whole of `rest`, blanks and all.
#[must_use]
pub fn whole_path(rest: &str, home: Option<&Path>) -> Option<PathBuf> {
    let rest = rest.trim();
    let read = if rest.starts_with('"') {
        path_and_rest(rest, home)
    } else {
        return path_and_rest(&format!("\"{rest}\""), home).map(|(path, _)| path);
    };
    read.map(|(path, _)| path)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use shared::id::{AttachmentId, CommandId};

    use super::{key_of, path_and_rest, wanted};

    #[test]
    fn a_path_may_have_blanks_in_quotes() {
        let home = Some(Path::new("/home/bo"));
        let read = |line: &'static str| path_and_rest(line, home);
        let is = |path: &str, rest: &'static str| Some((PathBuf::from(path), rest));
        assert_eq!(read("report.pdf"), is("report.pdf", ""));
        assert_eq!(read(" report.pdf  for June "), is("report.pdf", "for June"));
        assert_eq!(
            read("\"my report.pdf\" for June"),
            is("my report.pdf", "for June")
        );
        assert_eq!(read("~/a.txt"), is("/home/bo/a.txt", ""));
        assert_eq!(read("~bo/a.txt"), is("~bo/a.txt", ""));
        for nothing in ["", "  ", "\"\"", "\"half"] {
            assert_eq!(read(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_file_is_wanted_by_number_or_as_the_last_one() {
        let read = |line| wanted(line, None);
        let path = |path: &str| Some(PathBuf::from(path));
        assert_eq!(read(""), (None, None));
        assert_eq!(read("7"), (Some(AttachmentId(7)), None));
        assert_eq!(
            read("7 my notes.txt"),
            (Some(AttachmentId(7)), path("my notes.txt"))
        );
        assert_eq!(
            read("7 \"my notes.txt\""),
            (Some(AttachmentId(7)), path("my notes.txt"))
        );
        assert_eq!(read("my notes.txt"), (None, path("my notes.txt")));
    }

    #[test]
    fn a_named_request_names_its_upload() {
        let name = |cid: &str| key_of(&CommandId::parse(cid).unwrap());
        let nightly = name("nightly-report-2026-11-20");
        assert_eq!(nightly, name("nightly-report-2026-11-20"));
        assert_ne!(nightly, name("nightly-report-2026-11-21"));
    }
}
