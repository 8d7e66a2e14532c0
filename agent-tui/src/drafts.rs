//! What survives this run of the console: the drafts of every chat, and which panes there were.
//! Private files under the state folder of the user; a draft is on disk within a second, and on
//! every way out.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use shared::{
    client::private::{self, PrivateError},
    id::ChatId,
};

use crate::{
    msg::{Layout, Restored},
    thread::Draft,
};

/// Drafts read at start at most: the newest chats.
const DRAFTS_MAX: usize = 1_000;
const LAYOUT_FILE: &str = "layout.json";

/// The drafts on disk. Clones are the same drafts, for the signal thread too.
#[derive(Debug, Clone)]
pub struct Drafts {
    folder: Arc<Path>,
    /// Drafts are kept; else only the panes are.
    kept: bool,
    unwritten: Arc<Mutex<Unwritten>>,
}

#[derive(Debug, Default)]
struct Unwritten {
    drafts: BTreeMap<ChatId, Draft>,
    layout: Option<Layout>,
}

impl Drafts {
    /// The drafts of one profile, in a folder of their own under `folder`.
    pub fn new(folder: &Path, profile: &str) -> Self {
        Self {
            folder: folder.join(file_name(profile)).into(),
            kept: true,
            unwritten: Arc::default(),
        }
    }

    /// The same, of which only those from earlier are read: nothing more is written.
    #[must_use]
    pub fn kept_if(self, kept: bool) -> Self {
        Self { kept, ..self }
    }

    /// Where they are; also for what is private and short-lived.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What an earlier run left; a file that makes no sense is left alone and named.
    pub fn load(&self) -> (Restored, Vec<String>) {
        let mut restored = Restored::default();
        let mut broken = Vec::new();
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let chats = names.filter_map(|name| name.strip_suffix(".json")?.parse().ok());
        let mut chats: Vec<ChatId> = chats.collect();
        chats.sort_unstable();
        for chat in chats.into_iter().rev().take(DRAFTS_MAX) {
            match read(&self.path(chat)) {
                Ok(Some(draft)) => drop(restored.drafts.insert(chat, draft)),
                Ok(None) => {}
                Err(why) => broken.push(why),
            }
        }
        match read(&self.folder.join(LAYOUT_FILE)) {
            Ok(layout) => restored.layout = layout.unwrap_or_default(),
            Err(why) => broken.push(why),
        }
        (restored, broken)
    }

    /// Remembers the drafts of a chat; [`Drafts::flush`] writes them.
    pub fn put(&self, chat: ChatId, draft: Draft) {
        // An empty one takes away what an earlier run left.
        if self.kept || draft.is_empty() {
            self.unwritten().drafts.insert(chat, draft);
        }
    }

    /// Remembers the panes; [`Drafts::flush`] writes them.
    pub fn put_layout(&self, layout: Layout) {
        self.unwritten().layout = Some(layout);
    }

    /// Writes what is not written yet. Blocks.
    ///
    /// # Errors
    /// [`PrivateError`] of the first file that could not be written; what was not written is
    /// tried again by the next flush.
    pub fn flush(&self) -> Result<(), PrivateError> {
        // Held all the while, so that an older text never overwrites a newer one.
        let mut unwritten = self.unwritten();
        while let Some(entry) = unwritten.drafts.first_entry() {
            let path = self.path(*entry.key());
            if entry.get().is_empty() {
                remove(&path)?;
            } else {
                write(&path, entry.get())?;
            }
            entry.remove();
        }
        if let Some(layout) = &unwritten.layout {
            write(&self.folder.join(LAYOUT_FILE), layout)?;
            unwritten.layout = None;
        }
        Ok(())
    }

    fn path(&self, chat: ChatId) -> PathBuf {
        self.folder.join(format!("{chat}.json"))
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    let text = private::read(path).map_err(|error| error.to_string())?;
    let parse = |text: String| serde_json::from_str(&text);
    let parsed = text.map(parse).transpose();
    parsed.map_err(|error| format!("{} makes no sense: {error}; remove it", path.display()))
}

fn write(path: &Path, value: &impl serde::Serialize) -> Result<(), PrivateError> {
    let io = |source| PrivateError::Io {
        path: path.to_owned(),
        source,
    };
    let bytes = serde_json::to_vec(value).map_err(|error| io(error.into()))?;
    private::write(path, &bytes)
}

fn remove(path: &Path) -> Result<(), PrivateError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(PrivateError::Io {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// A profile as the name of a folder: what is no letter, digit or dash is written in hex.
fn file_name(profile: &str) -> String {
    let mut name = String::new();
    for byte in profile.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("_{byte:02x}"));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use shared::id::{CannedId, ChatId, Seq};

    use super::{Drafts, file_name};
    use crate::{
        composer::Brought,
        msg::Layout,
        thread::{Draft, Place},
    };

    fn draft(text: &str) -> Draft {
        Draft {
            begun: None,
            reply: text.to_owned(),
            note: "seen".to_owned(),
            noting: true,
            reply_brought: Brought::new(CannedId(3), vec!["{{attr.plan}}".to_owned()]),
            ..Draft::default()
        }
    }

    #[test]
    fn drafts_come_back_and_are_private() {
        let home = tempfile::tempdir().expect("a folder");
        let drafts = Drafts::new(home.path(), "http://127.0.0.1:8470");
        drafts.put(ChatId(7), draft("half a sen"));
        drafts.put(ChatId(7), draft("half a sentence"));
        drafts.put_layout(Layout {
            panes: vec![None, Some(ChatId(7))],
            focus: 1,
            zoom: true,
            side_hidden: true,
            places: [(
                ChatId(7),
                Place::At {
                    seq: Seq(9),
                    row: 2,
                },
            )]
            .into(),
        });
        drafts.flush().expect("written");
        let path = drafts.path(ChatId(7));
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let (restored, broken) = Drafts::new(home.path(), "http://127.0.0.1:8470").load();
        assert_eq!(restored.drafts[&ChatId(7)], draft("half a sentence"));
        assert_eq!(restored.layout.panes, [None, Some(ChatId(7))]);
        assert!(restored.layout.zoom && restored.layout.side_hidden);
        let place = restored.layout.places[&ChatId(7)];
        assert_eq!(
            place,
            Place::At {
                seq: Seq(9),
                row: 2
            }
        );
        assert!(broken.is_empty());

        drafts.put(ChatId(7), Draft::default());
        drafts.flush().expect("removed");
        assert!(!path.exists());
    }

    #[test]
    fn who_wants_no_drafts_kept_gets_none_written() {
        let home = tempfile::tempdir().expect("a folder");
        let drafts = Drafts::new(home.path(), "acme").kept_if(false);
        drafts.put(ChatId(7), draft("a password"));
        drafts.flush().expect("nothing to write");
        assert!(!drafts.path(ChatId(7)).exists());
    }

    #[test]
    fn a_broken_file_is_named_and_left_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let drafts = Drafts::new(home.path(), "acme");
        drafts.put(ChatId(1), draft("kept"));
        drafts.flush().expect("written");
        let bad = drafts.path(ChatId(2));
        fs::copy(drafts.path(ChatId(1)), &bad).expect("a copy");
        fs::write(&bad, "{").expect("damaged");
        let (restored, broken) = drafts.load();
        assert_eq!(restored.drafts.len(), 1);
        assert_eq!(broken.len(), 1);
        assert!(bad.exists());
    }

    #[test]
    fn profiles_never_share_a_folder() {
        assert_eq!(file_name("acme-prod"), "acme-prod");
        assert_ne!(file_name("a/b"), file_name("a_b"));
        assert!(!file_name("../x").contains(['/', '.']));
    }
}
