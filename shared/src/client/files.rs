//! Files of chats on the client's side: picking one from the disk, sending it, getting one.
//!
//! What a received file becomes on the disk is [`super::save`].

use std::{
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use bytes::Bytes;
use rustix::fs::OFlags;

use super::{
    error::ClientError,
    http::{Http, Method},
};
use crate::{
    api::PostedFile,
    attachment::{ATTACHMENT_BYTES_MAX, NAME_HEADER, TEXT_HEADER, file_name, size},
    id::{ChatId, CommandId},
    model::{Attachment, Visibility},
    text::SafeText,
};

/// Why a file cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum PickError {
    /// There is nothing to send.
    #[error("{} is empty; choose another file", .0.display())]
    Empty(PathBuf),
    /// A folder, a pipe or a device.
    #[error("{} is no file; choose one", .0.display())]
    NoFile(PathBuf),
    /// Larger than files may be.
    #[error("{} has more than {}; send a smaller one", .0.display(), size(ATTACHMENT_BYTES_MAX))]
    TooLarge(PathBuf),
    /// The system said no.
    #[error("cannot read {}: {source}; check the path", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// A file that can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    /// What others will see it called.
    pub name: SafeText,
    /// All of it.
    pub bytes: Bytes,
}

/// Reads a file that is to be sent. Blocks the thread.
///
/// # Errors
/// [`PickError`]
pub fn pick(path: &Path) -> Result<Picked, PickError> {
    let failed = |source| PickError::Io {
        path: path.to_owned(),
        source,
    };
    // A pipe without a writer is not waited for.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(PickError::NoFile(path.to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(ATTACHMENT_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    match bytes.len() as u64 {
        0 => Err(PickError::Empty(path.to_owned())),
        bytes if bytes > ATTACHMENT_BYTES_MAX => Err(PickError::TooLarge(path.to_owned())),
        _ => Ok(Picked {
            name: file_name(&path.file_name().unwrap_or_default().to_string_lossy()),
            bytes: bytes.into(),
        }),
    }
}

/// The path, with its query, that a file is sent to.
fn upload_path(chat: ChatId, visibility: Visibility) -> String {
    let visibility = match visibility {
        Visibility::Public => "public",
        Visibility::Note => "note",
    };
    format!("/api/chats/{chat}/attachments?visibility={visibility}")
}

/// Sends a file with a caption, which may be empty. Repeated with the same `key`, it is sent once.
/// `sent` tells how many of its bytes are on their way.
///
/// # Errors
/// As [`Http::request`].
pub async fn send(
    http: &Http,
    chat: ChatId,
    file: &Picked,
    (text, visibility): (&str, Visibility),
    key: &CommandId,
    sent: &Arc<AtomicU64>,
) -> Result<PostedFile, ClientError> {
    let path = upload_path(chat, visibility);
    let words = [
        (NAME_HEADER, escaped(&file.name)),
        (TEXT_HEADER, escaped(text)),
    ];
    http.upload(&path, &words, file.bytes.clone(), key, sent)
        .await
}

/// Gets the bytes of a file.
///
/// # Errors
/// As [`Http::request`]; [`ClientError::Protocol`] when they are not as many as was said.
pub async fn get(http: &Http, chat: ChatId, file: &Attachment) -> Result<Bytes, ClientError> {
    let path = format!("/api/chats/{chat}/attachments/{}", file.id);
    let bytes = file.bytes.min(ATTACHMENT_BYTES_MAX);
    http.download(Method::Get, &path).await?.whole(bytes).await
}

/// Percent-encoded UTF-8: ASCII that any header can hold.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{PickError, escaped, pick, upload_path};
    use crate::{attachment::ATTACHMENT_BYTES_MAX, id::ChatId, model::Visibility};

    #[test]
    fn a_path_has_no_words_and_a_header_any() {
        assert_eq!(
            upload_path(ChatId(7), Visibility::Note),
            "/api/chats/7/attachments?visibility=note"
        );
        assert_eq!(
            escaped("a b&c.txt 50% \u{e9}\n"),
            "a%20b%26c.txt%2050%25%20%C3%A9%0A"
        );
    }

    #[test]
    fn only_a_file_with_something_in_it_can_be_sent() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.txt"), "words").unwrap();
        let picked = pick(&at("a.txt")).unwrap();
        assert_eq!(
            (picked.name.as_str(), &*picked.bytes),
            ("a.txt", b"words".as_slice())
        );
        fs::write(at("empty"), "").unwrap();
        assert!(matches!(pick(&at("empty")), Err(PickError::Empty(_))));
        assert!(matches!(pick(folder.path()), Err(PickError::NoFile(_))));
        assert!(matches!(pick(&at("none")), Err(PickError::Io { .. })));
        assert!(matches!(
            pick(Path::new("/dev/zero")),
            Err(PickError::NoFile(_))
        ));
        let full = fs::File::create(at("full")).unwrap();
        full.set_len(ATTACHMENT_BYTES_MAX).unwrap();
        assert_eq!(
            pick(&at("full")).unwrap().bytes.len() as u64,
            ATTACHMENT_BYTES_MAX
        );
        full.set_len(ATTACHMENT_BYTES_MAX + 1).unwrap();
        assert!(matches!(pick(&at("full")), Err(PickError::TooLarge(_))));
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        assert!(matches!(pick(&pipe), Err(PickError::NoFile(_))));
    }
}
