//! What a desk does with the data of customers: said once, before anything is asked.
//!
//! Which notice was read is remembered by a hash of its text for each hub, so that a new text is
//! said again.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use shared::{
    api::PublicDesk,
    client::{http::Http, private, profile::Profile},
    text::{SafeText, render},
};

/// What everyone may know of the desk; none when it cannot be asked, which is told of elsewhere.
pub async fn desk(http: &Http) -> Option<PublicDesk> {
    http.get("/api/desk").await.ok()
}

/// The notice, when this user has not read this text of this hub.
#[must_use]
pub fn unread<'a>(profile: &Profile, desk: &'a PublicDesk) -> Option<&'a SafeText> {
    let notice = &desk.notice;
    if notice.trim().is_empty() {
        return None;
    }
    let read = load(profile).hubs.remove(&profile.hub.to_string());
    (read != Some(hash(notice))).then_some(notice)
}

/// Notes that the notice was shown.
pub fn remember(profile: &Profile, notice: &SafeText) {
    let path = path(profile);
    // Not worth failing for: it is only said again.
    let Ok(_lock) = private::lock(&path) else {
        return;
    };
    let mut read = load(profile);
    read.hubs.insert(profile.hub.to_string(), hash(notice));
    if let Ok(json) = serde_json::to_vec(&read) {
        drop(private::write(&path, &json));
    }
}

/// The notice in one line, for where lines are the result of a program.
#[must_use]
pub fn in_one_line(notice: &SafeText) -> String {
    let line = SafeText::line(notice);
    format!("Privacy: {}\n", render(&line))
}

/// Hashes of the notices that were read, by hub.
#[derive(Default, Serialize, Deserialize)]
struct Read {
    #[serde(default)]
    hubs: BTreeMap<String, String>,
}

fn load(profile: &Profile) -> Read {
    let text = private::read(&path(profile)).ok().flatten();
    let read = text.and_then(|text| serde_json::from_str(&text).ok());
    read.unwrap_or_default()
}

fn path(profile: &Profile) -> PathBuf {
    profile.places.state().join("notices.json")
}

/// FNV-1a of 64 bits (draft-eastlake-fnv): it only has to tell one text from the next.
#[must_use]
pub fn hash(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use shared::{
        api::PublicDesk,
        client::profile::{Environment, Flags, Profile},
        text::SafeText,
    };

    use super::{hash, in_one_line, remember, unread};

    fn desk(notice: &str) -> PublicDesk {
        PublicDesk {
            name: SafeText::line("Acme"),
            notice: SafeText::block(notice),
            registration: false,
        }
    }

    #[test]
    fn a_text_is_said_once_at_each_hub() {
        let home = tempfile::tempdir().unwrap();
        let profile = |hub: &str| {
            let environment = Environment {
                home: Some(home.path().to_owned()),
                hub: Some(hub.to_owned()),
                ..Environment::default()
            };
            Profile::resolve(&Flags::default(), &environment).unwrap()
        };
        let (here, there) = (profile("http://127.0.0.1:1"), profile("http://127.0.0.1:2"));
        let (one, two) = (desk("We keep chats."), desk("We keep chats for a year."));
        assert_eq!(unread(&here, &desk("  \n")), None);
        assert_eq!(unread(&here, &one), Some(&one.notice));
        remember(&here, &one.notice);
        assert_eq!(unread(&here, &one), None);
        assert!(unread(&there, &one).is_some());
        assert!(unread(&here, &two).is_some());
        remember(&there, &one.notice);
        assert_eq!(unread(&here, &one), None, "each hub has its own");
    }

    #[test]
    fn the_hash_is_the_same_everywhere() {
        assert_eq!(hash(""), "cbf29ce484222325");
        assert_eq!(hash("a"), "af63dc4c8601ec8c");
    }

    #[test]
    fn a_line_is_one_line() {
        let line = in_one_line(&SafeText::block("one\ntwo"));
        assert_eq!(line, "Privacy: one two\n");
    }
}
