//! The desk as it was when the console was last left, so that the next start shows rows at once
//! and asks the hub only for what was missed.
//!
//! What is kept: the view (departments, staff, chats in sight with their newest records) and the
//! place in the log. These are names and words of customers, so the file is private to its owner,
//! at most 4 MiB, belongs to one login at one hub, is of no use after a day, and goes away with
//! the login, with `--no-cache`, and with `cache = false`. What is not kept: older history,
//! drafts (they are in `drafts`), tokens.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use shared::{
    client::private,
    fold::{ChatView, DeskView, View},
    frame::Me,
    id::{Cursor, Pos},
    time::Timestamp,
};

use crate::model::Model;

/// The version of the file; another one is ignored.
const FORMAT: u32 = 1;
/// Largest file.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Records of a chat that are kept; fewer when the file gets too large.
const RECORDS_MAX: [usize; 3] = [50, 20, 5];
/// Older than this, a snapshot costs less than what was missed, and the words need not lie about.
const USEFUL_FOR: Duration = Duration::from_secs(24 * 3600);
const FILE: &str = "cache.json";

/// The desk as it was.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Cached {
    format: u32,
    /// The username that it belongs to.
    user: String,
    /// Who that is.
    pub me: Me,
    /// When it was true.
    pub at: Timestamp,
    /// What follows it.
    pub cursor: Cursor,
    /// The last record that is in it.
    pub pos: Pos,
    /// The view.
    pub desk: DeskView,
}

/// Where it is kept.
#[derive(Debug, Clone)]
pub struct Cache {
    path: PathBuf,
    user: String,
}

impl Cache {
    /// The cache of the login `user` among the private files of a profile.
    pub fn new(folder: &Path, user: &str) -> Self {
        Self {
            path: folder.join(FILE),
            user: user.to_owned(),
        }
    }

    /// What was left; none when there is nothing that is of use now.
    pub fn load(&self, now: Timestamp) -> Option<Cached> {
        let text = private::read(&self.path).ok()??;
        let cached: Cached = serde_json::from_str(&text).ok()?;
        let young = cached.at <= now && now.since(cached.at) <= USEFUL_FOR;
        (cached.format == FORMAT && cached.user == self.user && young).then_some(cached)
    }

    /// What `model` shows, ready to be written; none while that would not be the whole truth.
    pub fn take(&self, model: &Model) -> Option<Vec<u8>> {
        let mine = |username: &str| username.eq_ignore_ascii_case(&self.user);
        if !model.myself().is_some_and(|me| mine(&me.username)) {
            return None;
        }
        // A gap would never be filled: the cursor is behind it.
        if model.threads.values().any(|thread| thread.behind.is_some()) {
            return None;
        }
        let cursor = model.cursor.clone()?;
        let me = model.me.clone()?;
        RECORDS_MAX.into_iter().find_map(|records| {
            let cached = Cached {
                format: FORMAT,
                user: self.user.clone(),
                me: me.clone(),
                at: model.as_of.unwrap_or(model.now),
                cursor: cursor.clone(),
                pos: model.view.pos,
                desk: trimmed(&model.view, records),
            };
            let bytes = serde_json::to_vec(&cached).ok()?;
            (bytes.len() <= BYTES_MAX).then_some(bytes)
        })
    }

    /// Writes what [`Cache::take`] gave. Blocks. A cache that cannot be written is none.
    pub fn write(&self, bytes: &[u8]) {
        drop(private::write(&self.path, bytes));
    }

    /// Takes it away. Blocks.
    pub fn remove(&self) {
        drop(fs::remove_file(&self.path));
    }
}

fn trimmed(view: &View, records: usize) -> DeskView {
    let chats = view.chats.values().map(|chat| ChatView {
        chat: chat.chat.clone(),
        events: chat.events[chat.events.len().saturating_sub(records)..].to_vec(),
    });
    DeskView {
        departments: view.departments.values().cloned().collect(),
        agents: view.agents.values().cloned().collect(),
        chats: chats.collect(),
        canned: view.canned.values().cloned().collect(),
        settings: view.settings.clone(),
        assistant: view.assistant.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

    use shared::{client::socket::SocketEvent, id::ChatId};

    use super::{BYTES_MAX, Cache};
    use crate::{
        fixture::{busy_desk, console, console_of, delivered, hear, live},
        model::Link,
        msg::{Msg, Restored},
        update::update,
    };

    #[test]
    fn the_next_start_shows_the_desk_at_once_and_asks_for_what_was_missed() {
        let home = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(home.path(), "mia");
        let mut story = busy_desk();
        let model = console_of(&story);
        cache.write(&cache.take(&model).expect("the whole truth"));
        let mode = fs::metadata(home.path().join("cache.json")).expect("a file");
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);

        let cached = cache.load(story.now).expect("it is young");
        assert_eq!(Some(&cached.cursor), model.cursor.as_ref());
        let mut later = console();
        let restored = Restored {
            cached: Some(Box::new(cached)),
            ..Restored::default()
        };
        update(&mut later, Msg::Restored(Box::new(restored)), story.now);
        assert_eq!(
            later.listing(),
            model.listing(),
            "rows before the hub said a word"
        );
        assert!(later.as_of.is_some());

        let missed = story.says(2, "are you there?");
        let mut welcome = crate::fixture::connected();
        if let SocketEvent::Connected { resumed, .. } = &mut welcome {
            *resumed = true;
        }
        hear(&mut later, &story, [welcome, delivered(missed), live()]);
        assert_eq!((later.as_of, &later.link), (None, &Link::Live));
        let view = &later.view.chats[&ChatId(2)];
        assert_eq!(view.chat, story.view.chats[&ChatId(2)].chat);
    }

    #[test]
    fn a_cache_of_somebody_else_or_of_last_week_is_ignored() {
        let home = tempfile::tempdir().expect("a folder");
        let story = busy_desk();
        let model = console_of(&story);
        let cache = Cache::new(home.path(), "mia");
        assert_eq!(cache.load(story.now), None, "there is none");
        cache.write(&cache.take(&model).expect("the whole truth"));
        assert!(cache.load(story.now).is_some());
        assert_eq!(Cache::new(home.path(), "tom").load(story.now), None);
        assert_eq!(
            Cache::new(home.path(), "tom").take(&model),
            None,
            "not hers"
        );
        let week = Duration::from_secs(7 * 24 * 3600);
        assert_eq!(cache.load(story.now.after(week)), None);
        fs::write(home.path().join("cache.json"), "{\"format\":1").expect("damaged");
        assert_eq!(cache.load(story.now), None);
        cache.remove();
        assert!(!home.path().join("cache.json").exists());
    }

    #[test]
    fn a_cache_has_an_end_and_no_gaps() {
        let mut story = busy_desk();
        for _ in 0..900 {
            story.says(1, &"a long line ".repeat(600));
        }
        let mut model = console_of(&story);
        model.view.chats = story.view.chats.clone();
        let cache = Cache::new(std::path::Path::new("/nowhere"), "mia");
        let bytes = cache.take(&model).expect("something fits");
        assert!(bytes.len() <= BYTES_MAX);
        let thread = model.threads.get_mut(&ChatId(2)).expect("a thread");
        thread.behind = Some(shared::id::Seq(99));
        assert_eq!(cache.take(&model), None);
    }
}
