//! Where the file lives: who may read it, whether it is ours, how much room there is.
//!
//! The directory is the owner's alone (0700) and so is the file (0600). An empty directory is made
//! so; a used one that is wider or another's is refused, not repaired: somebody may have read it
//! already. What is inside the file is not looked at here.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Read},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rustix::process::geteuid;

use super::{Space, error::StoreError};

/// What every file of the engine begins with.
const MAGIC: [u8; 9] = [b'r', b'e', b'd', b'b', 0x1a, 0x0a, 0xa9, 0x0d, 0x0a];
const MIB: u64 = 1024 * 1024;
/// Under this many free bytes somebody should be told.
const LOW_BYTES: u64 = 256 * MIB;
/// Under this many free bytes no new chats should be taken.
const SHORT_BYTES: u64 = 64 * MIB;
/// Under this many free bytes only what frees space should be taken.
const FULL_BYTES: u64 = 16 * MIB;

/// Makes directory and file where there are none, and refuses what is not ours to open.
pub(super) fn prepare(file: &Path) -> Result<(), StoreError> {
    let directory = directory(file);
    prepare_directory(directory)?;
    match fs::metadata(file) {
        Ok(_) => {
            owned_alone(file)?;
            recognise(file)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create(file).map_err(|error| refused(file, error))?;
            sync_directory(directory).map_err(|error| refused(directory, error))
        }
        Err(error) => Err(refused(file, error)),
    }
}

/// Makes the directory where there is none, closes an empty one to others, and refuses a used
/// one that is open to them.
///
/// # Errors
/// [`StoreError::ReadOnly`], [`StoreError::Exposed`] and [`StoreError::ForeignOwner`].
pub fn prepare_directory(directory: &Path) -> Result<(), StoreError> {
    let prepared = if directory.is_dir() {
        fs::read_dir(directory).and_then(|mut entries| match entries.next() {
            None => fs::set_permissions(directory, Permissions::from_mode(0o700)),
            Some(_) => Ok(()),
        })
    } else {
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(directory)
    };
    prepared.map_err(|error| refused(directory, error))?;
    owned_alone(directory)
}

/// A new file that its owner alone may read.
pub(super) fn create(file: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
}

/// Makes a created, renamed or removed name in the directory durable.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The directory of a file; here when the path has none.
pub(super) fn directory(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Refuses a file that the engine did not make. An empty one is a new one.
pub(super) fn recognise(file: &Path) -> Result<(), StoreError> {
    let mut head = Vec::new();
    let mut source = File::open(file).map_err(|error| refused(file, error))?;
    source
        .by_ref()
        .take(MAGIC.len() as u64)
        .read_to_end(&mut head)
        .map_err(|error| refused(file, error))?;
    if head.is_empty() || head == MAGIC {
        Ok(())
    } else {
        Err(StoreError::NotADatabase {
            path: file.to_path_buf(),
        })
    }
}

/// What the system said about a file, as an error of the store.
pub(super) fn refused(path: &Path, source: io::Error) -> StoreError {
    match source.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::AlreadyExists
        | ErrorKind::NotFound => StoreError::ReadOnly {
            path: path.to_path_buf(),
            source,
        },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreError::Full
        }
        _ => StoreError::Io(source),
    }
}

/// Bytes that this user may still write on the disk of `file`.
pub(super) fn free_bytes(file: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(directory(file)).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// What follows from the free bytes.
pub(super) const fn space(free_bytes: u64) -> Space {
    match free_bytes {
        0..FULL_BYTES => Space::Full,
        FULL_BYTES..SHORT_BYTES => Space::Short,
        SHORT_BYTES..LOW_BYTES => Space::Low,
        _ => Space::Ample,
    }
}

fn owned_alone(path: &Path) -> Result<(), StoreError> {
    let metadata = fs::metadata(path).map_err(|error| refused(path, error))?;
    let mode = metadata.permissions().mode() & 0o777;
    judge(path, metadata.uid(), mode, geteuid().as_raw())
}

/// Whether what `owner` has with these permission bits is `me` alone's.
fn judge(path: &Path, owner: u32, mode: u32, me: u32) -> Result<(), StoreError> {
    let path = path.to_path_buf();
    if owner != me {
        return Err(StoreError::ForeignOwner { path, owner });
    }
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(StoreError::Exposed { path, mode }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::judge;
    use crate::store::StoreError;

    /// S36: every mode that is wider than its owner, and every other owner, root included.
    #[test]
    fn only_what_is_mine_alone_is_opened() {
        let path = Path::new("/srv/desk.redb");
        for mode in 0..0o1000 {
            let private = mode & 0o077 == 0;
            assert_eq!(judge(path, 1000, mode, 1000).is_ok(), private, "{mode:o}");
            for (owner, me) in [(1001, 1000), (0, 1000), (1000, 0)] {
                let error = judge(path, owner, mode, me).unwrap_err();
                assert!(matches!(error, StoreError::ForeignOwner { .. }), "{error}");
                assert_eq!(error.exit_code(), 73);
            }
        }
    }
}
