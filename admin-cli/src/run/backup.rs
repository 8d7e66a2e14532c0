//! A backup to a file that is whole or not there, or to standard output.

use std::{
    fs::{File, OpenOptions},
    io::{Stderr, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use shared::client::http::{Download, Method};

use crate::{
    args::desk::Backup,
    failure::Failure,
    invocation::{Invocation, Target},
    print::{Names, Progress, items::WrittenFile},
};

/// `backup`.
pub(super) async fn backup(app: &Invocation, args: &Backup) -> Result<(), Failure> {
    app.refuse_dry_run("backup")?;
    let to_stdout = args.file == Path::new("-");
    if to_stdout && app.print.out_is_terminal() {
        return Err(Failure::usage(
            "a backup is not for a terminal; nothing was done",
            "name a file, or send it on: frontdesk-admin backup - | gzip > FILE",
        ));
    }
    if !to_stdout && !args.force && args.file.exists() {
        return Err(Failure::usage(
            format!("{} is there already; nothing was done", args.file.display()),
            "name another file, or replace it with --force",
        ));
    }
    if !to_stdout && args.file.exists() && !args.file.is_file() {
        return Err(Failure::usage(
            format!("{} is no file; nothing was done", args.file.display()),
            "name a file",
        ));
    }
    // Made before the hub has any work with it.
    let mut part = match to_stdout {
        true => None,
        false => Some(Part::create(&args.file)?),
    };
    let target = Target::new("/api/backup");
    let mut download = app.download(Method::Post, &target).await?;
    let mut progress = app.print.progress("backup");
    let Some(part) = &mut part else {
        while let Some(chunk) = download.chunk().await.map_err(Failure::from)? {
            app.print.bytes(&chunk)?;
            progress.advance(chunk.len());
        }
        return Ok(());
    };
    let bytes = part.fill(&mut download, &mut progress).await?;
    drop(progress);
    part.finish()?;
    let written = WrittenFile {
        file: args.file.display().to_string(),
        bytes,
    };
    app.print.item(&written, &Names::default())
}

/// A file that is being written under another name; removed when it is not finished.
struct Part {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    finished: bool,
}

impl Part {
    fn create(path: &Path) -> Result<Self, Failure> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".tmp");
        let temporary = path.with_file_name(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => Failure::usage(
                    format!("{} is there already; nothing was done", temporary.display()),
                    "another backup may be running; if none is, remove that file",
                ),
                _ => Failure::file(&temporary, &error),
            })?;
        Ok(Self {
            path: path.to_owned(),
            temporary,
            file,
            finished: false,
        })
    }

    async fn fill(
        &mut self,
        download: &mut Download,
        progress: &mut Progress<Stderr>,
    ) -> Result<u64, Failure> {
        let mut bytes = 0;
        while let Some(chunk) = download.chunk().await.map_err(Failure::from)? {
            self.write(&chunk)?;
            bytes += chunk.len() as u64;
            progress.advance(chunk.len());
        }
        if bytes == 0 {
            return Err(Failure::Local(
                "the hub gave an empty backup; nothing was kept".to_owned(),
            ));
        }
        Ok(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file
            .write_all(bytes)
            .map_err(|error| Failure::file(&self.temporary, &error))
    }

    /// Makes it last, then gives it its name, then makes that last.
    fn finish(&mut self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::file(&self.path, &error);
        self.file.sync_all().map_err(failed)?;
        std::fs::rename(&self.temporary, &self.path).map_err(failed)?;
        self.finished = true;
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.finished {
            // It may be gone already; there is nobody left to tell.
            drop(std::fs::remove_file(&self.temporary));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::Part;

    #[test]
    fn a_backup_is_whole_and_private_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.redb");
        let mut part = Part::create(&path).unwrap();
        assert!(Part::create(&path).is_err(), "one at a time");
        part.write(b"half").unwrap();
        drop(part);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

        let mut part = Part::create(&path).unwrap();
        part.write(b"whole").unwrap();
        assert!(!path.exists());
        part.finish().unwrap();
        drop(part);
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
