//! The file with the codes of new users: made before there is anything to write, so that no code
//! is lost because it cannot be.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use shared::{
    client::{private, profile::Places},
    desk::NewCode,
    id::CommandId,
};

use crate::{failure::Failure, invocation::Invocation};

/// Bytes that a line takes at most: a username of 64 characters, a code and a time.
const LINE_BYTES_MAX: usize = 512;

/// A file that is there and has room; removed again when it is not kept.
pub(super) struct CodesFile {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl CodesFile {
    /// Makes the file that was named, or one in the state directory, with room for `count` codes.
    pub(super) fn create(
        app: &Invocation,
        path: Option<&Path>,
        count: usize,
    ) -> Result<Self, Failure> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => {
                let places = Places::find(&app.environment)?;
                let folder = places.state().join("codes");
                private::create_folder(&folder)
                    .map_err(|error| Failure::Local(error.to_string()))?;
                folder.join(format!("{}.tsv", CommandId::random()))
            }
        };
        Self::at(path, count)
    }

    fn at(path: PathBuf, count: usize) -> Result<Self, Failure> {
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        let file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::usage(
                format!("{} is there already; nothing was done", path.display()),
                "name another file for the codes with --codes",
            ),
            _ => Failure::file(&path, &error),
        })?;
        let mut codes = Self {
            path,
            file,
            kept: false,
        };
        let room = vec![b'\n'; count * LINE_BYTES_MAX];
        let made = codes
            .file
            .write_all(&room)
            .and_then(|()| codes.file.sync_all());
        made.map_err(|error| Failure::file(&codes.path, &error))?;
        Ok(codes)
    }

    /// Writes the codes and says where; without any, there is no file.
    pub(super) fn keep(mut self, app: &Invocation, codes: &[NewCode]) -> Result<(), Failure> {
        if codes.is_empty() {
            return Ok(());
        }
        self.write(codes)
            .map_err(|error| Failure::file(&self.path, &error))?;
        self.kept = true;
        let path = self.path.display();
        app.print.note(&match codes.len() {
            1 => {
                format!("the code of a new user is in {path}; give it to them and remove the file")
            }
            many => format!(
                "the codes of {many} new users are in {path}; give each to its user and remove \
                 the file"
            ),
        });
        Ok(())
    }

    fn write(&mut self, codes: &[NewCode]) -> io::Result<()> {
        let lines = codes.iter().map(|one| {
            let NewCode {
                username,
                code,
                expires_at,
            } = one;
            let code = code.expose();
            format!("{username}\t{code}\t{expires_at}\n")
        });
        let text: String = lines.collect();
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(text.len() as u64)?;
        self.file.sync_all()
    }
}

impl Drop for CodesFile {
    fn drop(&mut self) {
        if !self.kept {
            // It may be gone already; there is nobody left to tell.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use shared::{desk::NewCode, text::SafeText, time::Timestamp};

    use super::CodesFile;

    #[test]
    fn codes_are_private_whole_and_never_in_the_place_of_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codes.tsv");
        let mut codes = CodesFile::at(path.clone(), 2).unwrap();
        assert!(
            CodesFile::at(path.clone(), 2).is_err(),
            "never over another"
        );
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let code = |username: &str| NewCode {
            username: SafeText::line(username),
            code: format!("fdi_{}", "0".repeat(64)).into(),
            expires_at: Timestamp::from_ms(1_795_183_200_000),
        };
        let all = [code("ana"), code(&"n".repeat(64))];
        codes.write(&all).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with("ana\tfdi_000"), "{text}");
        assert!(text.len() < 2 * super::LINE_BYTES_MAX);
        drop(codes);
        assert!(!path.exists(), "not kept");
    }
}
