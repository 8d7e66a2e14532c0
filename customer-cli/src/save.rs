//! Files that the customer asked for: new, private, and whole or not there at all.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use shared::client::save::SaveError;

use crate::error::ChatError;

/// A file that is not there yet and that only its owner may read; gone again unless finished.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    file: File,
    whole: bool,
}

impl NewFile {
    /// Makes the file.
    ///
    /// # Errors
    /// [`ChatError::Io`], also when there is one of that name.
    pub fn create(path: &Path) -> Result<Self, ChatError> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|source| failed(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            whole: false,
        })
    }

    /// Writes more.
    ///
    /// # Errors
    /// [`ChatError::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ChatError> {
        let written = self.file.write_all(bytes);
        written.map_err(|source| failed(&self.path, source))
    }

    /// Makes it last.
    ///
    /// # Errors
    /// [`ChatError::Io`]; the file is gone then.
    pub fn finish(mut self) -> Result<PathBuf, ChatError> {
        let synced = self.file.sync_all();
        synced.map_err(|source| failed(&self.path, source))?;
        self.whole = true;
        Ok(self.path.clone())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.whole {
            // What cannot be removed was said to have failed before.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// Saves a text to a new file.
///
/// # Errors
/// [`ChatError::Io`], also when the file is there already; nothing half-written stays.
pub fn save(path: &Path, text: &str) -> Result<(), ChatError> {
    let mut file = NewFile::create(path)?;
    file.write(text.as_bytes())?;
    file.finish()?;
    Ok(())
}

fn failed(path: &Path, source: std::io::Error) -> ChatError {
    if source.kind() == ErrorKind::AlreadyExists {
        return SaveError::Exists(path.to_owned()).into();
    }
    ChatError::Io {
        what: format!("save {}", path.display()),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{NewFile, save};

    #[test]
    fn a_saved_file_is_private_and_never_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.txt");
        save(&path, "one\n").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let again = save(&path, "two\n").unwrap_err().to_string();
        assert!(
            again.ends_with("is there already; name another file"),
            "{again}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n");
    }

    #[test]
    fn a_file_that_is_not_finished_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.json");
        let mut file = NewFile::create(&path).unwrap();
        file.write(b"{").unwrap();
        drop(file);
        assert!(!path.exists());
    }
}
