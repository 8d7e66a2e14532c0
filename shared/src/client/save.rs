//! Saving what somebody sent: never outside the folder, never over a file, never half of it.
//!
//! The name is a stranger's word: only its last part is used, and nothing is followed or replaced
//! whatever it says. What a caller does with the file afterwards is not here; nothing opens it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::private::parent;
use crate::{attachment::file_name, id::CommandId};

/// Names that are tried for a file before its folder counts as full of them.
const NAMES_MAX: u32 = 999;

/// Where to save a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this folder, under its own name or one like it that is free.
    In(PathBuf),
    /// As exactly this file, which must not be there.
    As(PathBuf),
}

impl Place {
    /// What a person means by a path: a folder that is there or ends in `/`, or else a file.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let folder = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if folder {
            Self::In(path.to_owned())
        } else {
            Self::As(path.to_owned())
        }
    }
}

/// Why a file was not saved. Nothing of it is left behind.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// A file is there already.
    #[error("{} is there already; name another file", .0.display())]
    Exists(PathBuf),
    /// Every name like its own is taken.
    #[error("{} has too many files of this name; name another folder", .0.display())]
    Crowded(PathBuf),
    /// The system said no.
    #[error("cannot save {}: {source}; name another place", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Saves `bytes`, which their sender called `name`, for the user alone (mode 0600). Where it is
/// then. Blocks the thread.
///
/// # Errors
/// [`SaveError`]; no part of the file is there then.
pub fn save(place: &Place, name: &str, bytes: &[u8]) -> Result<PathBuf, SaveError> {
    let (folder, target) = match place {
        Place::In(folder) => (folder.as_path(), None),
        Place::As(path) => (parent(path), Some(path)),
    };
    let temporary = folder.join(format!(".{}.part", CommandId::random()));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| SaveError::Io { path, source }
    };
    let shown = target
        .cloned()
        .unwrap_or_else(|| folder.join(&*file_name(name)));
    let saved = write(&temporary, bytes)
        .map_err(failed(&shown))
        .and_then(|()| match target {
            Some(path) => match settle(&temporary, path).map_err(failed(path))? {
                true => Ok(path.clone()),
                false => Err(SaveError::Exists(path.clone())),
            },
            None => {
                for path in names(folder, name) {
                    if settle(&temporary, &path).map_err(failed(&path))? {
                        return Ok(path);
                    }
                }
                Err(SaveError::Crowded(folder.to_owned()))
            }
        });
    // After a rename it is gone already; nothing else would help.
    drop(fs::remove_file(&temporary));
    saved
}

/// The name, then ` (2)` and so on before its ending.
fn names(folder: &Path, name: &str) -> impl Iterator<Item = PathBuf> {
    let name = file_name(name);
    let (stem, ending) = match name.rfind('.') {
        Some(dot) if dot > 0 => name.split_at(dot),
        _ => (name.as_str(), ""),
    };
    let (stem, ending) = (stem.to_owned(), ending.to_owned());
    let folder = folder.to_owned();
    (1..=NAMES_MAX).map(move |number| match number {
        1 => folder.join(format!("{stem}{ending}")),
        _ => folder.join(format!("{stem} ({number}){ending}")),
    })
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A new file: neither another's nor behind a link.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .mode(0o600)
        .open(path)
}

/// Gives a whole file its name; false when something has that name, be it a link to nowhere.
fn settle(temporary: &Path, path: &Path) -> io::Result<bool> {
    use io::ErrorKind::{AlreadyExists, PermissionDenied, Unsupported};
    match fs::hard_link(temporary, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == AlreadyExists => Ok(false),
        // A file system without links: take the name first, then replace what is one's own.
        Err(error) if matches!(error.kind(), PermissionDenied | Unsupported) => {
            match create(path) {
                Ok(_) => fs::rename(temporary, path).map(|()| true).inspect_err(|_| {
                    drop(fs::remove_file(path));
                }),
                Err(error) if error.kind() == AlreadyExists => Ok(false),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::Path};

    use super::{Place, SaveError, save};

    fn everything(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// S31: `../`, `/etc/x` and escape sequences in a name lead nowhere and to nothing hidden.
    #[test]
    fn whatever_its_name_a_file_stays_in_its_folder() {
        let long = format!("{}.pdf", "x".repeat(300));
        for (name, saved) in [
            ("report.pdf", "report.pdf"),
            ("../x", "x"),
            ("/etc/x", "x"),
            ("..\\..\\x", "x"),
            ("..", "file"),
            ("", "file"),
            ("   ", "file"),
            (".bashrc", "bashrc"),
            ("\u{1b}]0;pwned\u{7}", "\u{241b}]0;pwned\u{2407}"),
            ("a\0b\nc", "a\u{2400}b c"),
            ("CON", "CON"),
            ("-rf", "-rf"),
            (&*long, &*format!("{}.pdf", "x".repeat(196))),
        ] {
            let outer = tempfile::tempdir().unwrap();
            let folder = outer.path().join("downloads");
            fs::create_dir(&folder).unwrap();
            let path = save(&Place::In(folder.clone()), name, b"bytes").unwrap();
            assert_eq!(path, folder.join(saved), "{name:?}");
            assert_eq!(fs::read(&path).unwrap(), b"bytes");
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(everything(&folder), [saved]);
            assert_eq!(everything(outer.path()), ["downloads"]);
        }
    }

    /// S31: no link is followed and no file replaced.
    #[test]
    fn a_taken_name_gets_a_number_and_nothing_is_replaced_or_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let victim = elsewhere.path().join("victim");
        fs::write(&victim, "safe").unwrap();
        fs::write(folder.path().join("a.tar.gz"), "old").unwrap();
        std::os::unix::fs::symlink(&victim, folder.path().join("a.tar (2).gz")).unwrap();
        let nowhere = elsewhere.path().join("nowhere");
        std::os::unix::fs::symlink(&nowhere, folder.path().join("a.tar (3).gz")).unwrap();
        fs::create_dir(folder.path().join("a.tar (4).gz")).unwrap();
        let place = Place::In(folder.path().to_owned());
        let path = save(&place, "a.tar.gz", b"new").unwrap();
        assert_eq!(path, folder.path().join("a.tar (5).gz"));
        assert_eq!(fs::read_to_string(victim).unwrap(), "safe");
        assert!(!nowhere.exists());
        let old = fs::read_to_string(folder.path().join("a.tar.gz")).unwrap();
        assert_eq!(old, "old");
    }

    #[test]
    fn a_file_that_was_named_is_exactly_that_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".mine");
        assert_eq!(
            Place::of(folder.path()),
            Place::In(folder.path().to_owned())
        );
        let place = Place::of(&path);
        assert_eq!(place, Place::As(path.clone()));
        assert_eq!(save(&place, "other", b"one").unwrap(), path);
        let again = save(&place, "other", b"two");
        assert!(matches!(again, Err(SaveError::Exists(_))), "{again:?}");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(everything(folder.path()), [".mine"]);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let error = save(&Place::In(gone), "a", b"x").unwrap_err();
        assert!(error.to_string().contains("gone/a"), "{error}");
        // A device that is always full stands for a disk that is.
        let full = Path::new("/dev/full");
        if full.exists() {
            let target = folder.path().join("full");
            std::os::unix::fs::symlink(full, &target).unwrap();
            let error = save(&Place::As(target), "a", b"x").unwrap_err();
            assert!(matches!(error, SaveError::Exists(_)), "{error}");
            assert_eq!(everything(folder.path()), ["full"]);
        }
    }
}
