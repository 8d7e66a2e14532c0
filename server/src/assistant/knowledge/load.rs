//! Finding and reading the files of a knowledge base, within bounds.
//!
//! Every `*.md` below the folder is a topic, whatever folder it is in. Names that begin with a
//! dot are left alone. A link is followed to where it leads inside the folder, never out of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use super::{Problem, topic::Topic};

/// Topics of a knowledge base.
pub const TOPICS_MAX: usize = 5_000;
/// Bytes of one file.
pub const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of all files: bounds what the index takes of memory.
pub const BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Folders below each other; deeper ones are a loop or a mistake.
const DEPTH_MAX: usize = 16;
/// Entries of all folders that are looked at.
const ENTRIES_MAX: usize = 20_000;

/// What was found in a folder.
pub(super) struct Read {
    /// Those that are sound, by file.
    pub(super) topics: Vec<Topic>,
    /// What is wrong, by file and line.
    pub(super) problems: Vec<Problem>,
}

/// A file that is to be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct File {
    /// From the folder.
    name: PathBuf,
    /// Without links.
    path: PathBuf,
    bytes: u64,
    modified: Option<SystemTime>,
}

/// Which files there are, and how they are: equal as long as nobody changed anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    files: Vec<File>,
    problems: Vec<Problem>,
    /// Whether there is a folder at all.
    pub(super) is_there: bool,
}

/// Lists and reads a folder. A folder that is not there is an empty one.
pub(super) fn read(folder: &Path) -> Read {
    list(folder).read()
}

/// Lists a folder.
pub(super) fn list(folder: &Path) -> Listing {
    let mut listing = Listing {
        files: Vec::new(),
        problems: Vec::new(),
        is_there: true,
    };
    let root = match fs::canonicalize(folder) {
        Ok(root) => root,
        Err(error) => {
            listing.is_there = error.kind() != io::ErrorKind::NotFound;
            if listing.is_there {
                let problem = Problem::of(Path::new(""), unreadable("folder", &error));
                listing.problems.push(problem);
            }
            return listing;
        }
    };
    let mut walk = Walk {
        entries: 0,
        seen: BTreeSet::from([root.clone()]),
        listing,
        root: &root,
    };
    walk.folder(&root, Path::new(""), 0);
    let mut listing = walk.listing;
    listing.files.sort();
    listing.problems.sort();
    if let Some(file) = listing.files.get(TOPICS_MAX) {
        let what =
            format!("more than {TOPICS_MAX} files; this one and those after it are left out");
        listing.problems.push(Problem::of(&file.name, what));
        listing.files.truncate(TOPICS_MAX);
    }
    listing
}

fn unreadable(noun: &str, error: &io::Error) -> String {
    format!("the {noun} cannot be read: {error}")
}

/// A walk through the folders.
struct Walk<'a> {
    root: &'a Path,
    listing: Listing,
    /// Folders without links, so that none is read twice.
    seen: BTreeSet<PathBuf>,
    entries: usize,
}

impl Walk<'_> {
    fn wrong(&mut self, name: &Path, what: impl Into<String>) {
        self.listing.problems.push(Problem::of(name, what));
    }

    fn folder(&mut self, path: &Path, name: &Path, depth: usize) {
        if depth > DEPTH_MAX {
            return self.wrong(
                name,
                format!("more than {DEPTH_MAX} folders deep; move it up"),
            );
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.wrong(name, unreadable("folder", &error)),
        };
        for entry in entries {
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                if self.entries == ENTRIES_MAX + 1 {
                    self.wrong(
                        name,
                        format!("more than {ENTRIES_MAX} entries; the rest is left out"),
                    );
                }
                return;
            }
            match entry {
                Ok(entry) => self.entry(&entry.path(), &name.join(entry.file_name()), depth),
                Err(error) => self.wrong(name, unreadable("folder", &error)),
            }
        }
    }

    fn entry(&mut self, path: &Path, name: &Path, depth: usize) {
        let file_name = name.file_name().unwrap_or_default();
        if file_name.as_encoded_bytes().starts_with(b".") {
            return;
        }
        let is_topic = name.extension() == Some(OsStr::new("md"));
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) if is_topic => return self.wrong(name, unreadable("file", &error)),
            Err(_) => return,
        };
        let Ok(meta) = fs::metadata(&real) else {
            return;
        };
        let is_inside = real.starts_with(self.root);
        if meta.is_dir() {
            if !is_inside {
                self.wrong(
                    name,
                    "is a link out of the knowledge base; copy the folder instead",
                );
            } else if self.seen.insert(real.clone()) {
                self.folder(&real, name, depth + 1);
            }
        } else if is_topic && !is_inside {
            self.wrong(
                name,
                "is a link out of the knowledge base; copy the file instead",
            );
        } else if is_topic && meta.is_file() {
            self.listing.files.push(File {
                name: name.to_owned(),
                path: real,
                bytes: meta.len(),
                modified: meta.modified().ok(),
            });
        }
    }
}

impl Listing {
    /// Reads every file.
    pub(super) fn read(&self) -> Read {
        let mut topics: BTreeMap<Arc<str>, Topic> = BTreeMap::new();
        let mut problems = self.problems.clone();
        let mut left = BYTES_MAX;
        for file in &self.files {
            let text = match text(file, &mut left) {
                Ok(text) => text,
                Err((line, what)) => {
                    problems.push(Problem::at(&file.name, line, what));
                    continue;
                }
            };
            match Topic::parse(&file.name, &text) {
                Ok(topic) => match topics.get(&topic.id) {
                    None => {
                        topics.insert(Arc::clone(&topic.id), topic);
                    }
                    Some(first) => {
                        let first = first.file.display();
                        let what = format!(
                            "the id {:?} is that of {first} too; choose another",
                            topic.id
                        );
                        problems.push(Problem::of(&file.name, what));
                    }
                },
                Err(wrong) => problems.extend(wrong),
            }
        }
        problems.sort();
        Read {
            topics: topics.into_values().collect(),
            problems,
        }
    }
}

/// The text of a file, or the line and what is wrong with it.
fn text(file: &File, left: &mut u64) -> Result<String, (usize, String)> {
    let failed = |error: &io::Error| (0, unreadable("file", error));
    let mut bytes = Vec::new();
    let opened = fs::File::open(&file.path).map_err(|error| failed(&error))?;
    let read = opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    let count = read.map_err(|error| failed(&error))? as u64;
    if count > FILE_BYTES_MAX {
        return Err((
            0,
            format!("more than {FILE_BYTES_MAX} bytes; split it into topics"),
        ));
    }
    *left = left.checked_sub(count).ok_or_else(|| {
        (
            0,
            format!("all files have more than {BYTES_MAX} bytes; it is left out"),
        )
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + sound.iter().filter(|byte| **byte == b'\n').count();
        (line, "is not in UTF-8; save it so".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::Path};

    use super::{BYTES_MAX, FILE_BYTES_MAX, TOPICS_MAX, read};

    fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn ids(folder: &Path) -> Vec<String> {
        read(folder)
            .topics
            .iter()
            .map(|topic| topic.id.to_string())
            .collect()
    }

    fn problems(folder: &Path) -> Vec<String> {
        read(folder)
            .problems
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn files_of_all_folders_are_read_and_hidden_ones_not() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "b.md",
            "a/c.md",
            "a/d/e.md",
            ".f.md",
            ".git/g.md",
            "h.txt",
            "i.md~",
        ] {
            write(folder.path(), name, "Text.");
        }
        assert_eq!(ids(folder.path()), ["b", "c", "e"]);
        assert_eq!(problems(folder.path()), [""; 0]);
        assert_eq!(ids(&folder.path().join("none")), [""; 0]);
        assert_eq!(problems(&folder.path().join("none")), [""; 0]);
        let told = problems(&folder.path().join("b.md"));
        assert!(
            told[0].starts_with("the folder cannot be read: "),
            "{told:?}"
        );
    }

    #[test]
    fn links_are_followed_inside_the_folder_only() {
        let outside = tempfile::tempdir().unwrap();
        write(outside.path(), "secret.md", "Secret.");
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "..data/a.md", "Text.");
        symlink("..data/a.md", folder.path().join("a.md")).unwrap();
        symlink(".", folder.path().join("loop")).unwrap();
        assert_eq!(ids(folder.path()), ["a"]);
        assert_eq!(problems(folder.path()), [""; 0]);
        symlink(outside.path().join("secret.md"), folder.path().join("s.md")).unwrap();
        symlink(outside.path(), folder.path().join("t")).unwrap();
        symlink("nowhere", folder.path().join("u.md")).unwrap();
        assert_eq!(ids(folder.path()), ["a"]);
        let told = problems(folder.path());
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(
            told[0],
            "s.md: is a link out of the knowledge base; copy the file instead"
        );
        assert_eq!(
            told[1],
            "t: is a link out of the knowledge base; copy the folder instead"
        );
        assert!(
            told[2].starts_with("u.md: the file cannot be read: "),
            "{told:?}"
        );
    }

    #[test]
    fn what_is_no_text_or_too_much_of_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.md", b"one\ntwo \xff\n");
        write(
            folder.path(),
            "b.md",
            "x".repeat(FILE_BYTES_MAX as usize + 1),
        );
        write(folder.path(), "c.md", "Text.");
        write(folder.path(), "d.md", "---\nid: c\n---\nMore.");
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            folder.path().join("e.md"),
            rustix::fs::Mode::RUSR,
        )
        .unwrap();
        assert_eq!(
            problems(folder.path()),
            [
                "a.md:2: is not in UTF-8; save it so",
                "b.md: more than 262144 bytes; split it into topics",
                "d.md: the id \"c\" is that of c.md too; choose another",
            ]
        );
        assert_eq!(ids(folder.path()), ["c"]);
    }

    #[test]
    fn the_whole_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let most = (BYTES_MAX / FILE_BYTES_MAX) as usize;
        for number in 0..=most {
            let text = " ".repeat(FILE_BYTES_MAX as usize);
            write(folder.path(), &format!("{number:02}.md"), text);
        }
        let told = problems(folder.path());
        assert_eq!(
            told,
            ["32.md: all files have more than 8388608 bytes; it is left out"]
        );
        let many = tempfile::tempdir().unwrap();
        for number in 0..=TOPICS_MAX {
            fs::write(many.path().join(format!("{number}.md")), "").unwrap();
        }
        let read = read(many.path());
        assert_eq!(read.topics.len(), TOPICS_MAX);
        assert_eq!(read.problems.len(), 1, "{:?}", read.problems);
    }
}
