//! Files that only their owner may read: written whole or not at all, refused when wider.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::id::CommandId;

/// Largest file that is read back, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Why a private file was not used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// Others may read or write it.
    #[error("{} may be read by others (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display())]
    Wide {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It belongs to someone else.
    #[error("{} belongs to another user; remove it or name another place", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// The system said no.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Reads a private file; none when there is no such file.
///
/// # Errors
/// [`PrivateError::Wide`] and [`PrivateError::Foreign`] before a byte is read;
/// [`PrivateError::Io`] when it cannot be read or is no text.
pub fn read(path: &Path) -> Result<Option<String>, PrivateError> {
    let failed = |source| PrivateError::Io {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    check(&file, path)?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(failed)?;
    Ok(Some(text))
}

/// Replaces a private file and makes it last: after a crash there is the old or the new one.
/// Its folder is made if need be.
///
/// # Errors
/// [`PrivateError::Io`] when it cannot be written; the old file is untouched then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), PrivateError> {
    let folder = parent(path);
    create_folder(folder)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", CommandId::random()));
    let fresh = folder.join(name);
    let replace = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        File::open(folder)?.sync_all()
    };
    replace().map_err(|source| {
        // Best effort: what matters to the caller is the first failure.
        drop(std::fs::remove_file(&fresh));
        PrivateError::Io {
            path: path.to_owned(),
            source,
        }
    })
}

/// Makes a folder that only its owner may enter, with those above it.
///
/// # Errors
/// [`PrivateError::Io`] when it cannot be made.
pub fn create_folder(path: &Path) -> Result<(), PrivateError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| PrivateError::Io {
            path: path.to_owned(),
            source,
        })
}

/// Opens a private file to append to it, made if need be.
pub(crate) fn open_append(path: &Path) -> Result<File, PrivateError> {
    create_folder(parent(path))?;
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| PrivateError::Io {
            path: path.to_owned(),
            source,
        })?;
    check(&file, path)?;
    Ok(file)
}

/// Waits until nobody else holds the lock that guards `path`; held until dropped.
///
/// The lock is a file of its own beside `path`, because `path` itself is replaced by renaming.
/// Blocks the thread.
///
/// # Errors
/// [`PrivateError`] when the lock cannot be made.
pub fn lock(path: &Path) -> Result<File, PrivateError> {
    let (file, path) = lock_file(path)?;
    file.lock()
        .map_err(|source| PrivateError::Io { path, source })?;
    Ok(file)
}

/// The same as [`lock`] without waiting: none when another holds it.
pub(crate) fn try_lock(path: &Path) -> Result<Option<File>, PrivateError> {
    let (file, path) = lock_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(source)) => Err(PrivateError::Io { path, source }),
    }
}

/// The folder of a file.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn lock_file(path: &Path) -> Result<(File, PathBuf), PrivateError> {
    let path = lock_path(path);
    Ok((open_append(&path)?, path))
}

/// The lock that guards `path`.
pub(crate) fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn check(file: &File, path: &Path) -> Result<(), PrivateError> {
    let metadata = file.metadata().map_err(|source| PrivateError::Io {
        path: path.to_owned(),
        source,
    })?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(PrivateError::Foreign {
            path: path.to_owned(),
        });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(PrivateError::Wide {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::{PrivateError, read, try_lock, write};

    #[test]
    fn what_is_written_is_private_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/deep/secret.toml");
        assert!(read(&path).unwrap().is_none());
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path) & 0o777, 0o600);
        assert_eq!(mode(path.parent().unwrap()) & 0o777, 0o700);
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "no temporary file stays behind");
    }

    #[test]
    fn every_wider_mode_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret.toml");
        write(&path, b"x").unwrap();
        for bit in [0o040, 0o020, 0o010, 0o004, 0o002, 0o001] {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600 | bit)).unwrap();
            assert!(
                matches!(read(&path), Err(PrivateError::Wide { mode, .. }) if mode == 0o600 | bit)
            );
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(read(&path).is_ok(), "narrower is fine");
    }

    #[test]
    fn a_lock_is_held_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret.toml");
        let held = try_lock(&path).unwrap();
        assert!(held.is_some());
        assert!(try_lock(&path).unwrap().is_none());
        drop(held);
        assert!(try_lock(&path).unwrap().is_some());
    }
}
