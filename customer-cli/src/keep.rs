//! What is kept on this machine of chats, and when it is forgotten: never while a message of it
//! was not sent.

use std::time::Duration;

use shared::{
    client::{
        credentials::{Chats, SavedChat},
        outbox::Outbox,
        profile::Profile,
        url::HubUrl,
    },
    id::ChatId,
    time::Timestamp,
};

use crate::error::ChatError;

/// A chat that was not used for this long is forgotten: twice as long as the hub knows its secret,
/// since a program that was killed did not say when it was last used.
const FORGET_AFTER: Duration = Duration::from_secs(14 * 24 * 3600);

/// The name of the outboxes of a chat.
#[must_use]
pub fn outbox_name(hub: &HubUrl, chat: ChatId) -> String {
    format!("{hub}#{chat}")
}

/// A chat was left: notes when, and removes its outboxes when nothing of it waits to be sent. Best
/// effort: what stays is looked at again the next time.
pub fn left(profile: &Profile, hub: &HubUrl, chat: ChatId, now: Timestamp) {
    drop(Outbox::sweep(
        &profile.places.outbox(),
        &outbox_name(hub, chat),
    ));
    let chats = Chats::new(&profile.places);
    if let Ok(Some(mut saved)) = chats.find(hub, Some(chat)) {
        saved.used_at = Some(now);
        drop(chats.store(&saved));
    }
}

/// Forgets a chat, unless a message of it was never sent. Says whether it did.
///
/// # Errors
/// [`ChatError::Outbox`] and [`ChatError::Client`] when the files cannot be used.
pub fn forget(profile: &Profile, saved: &SavedChat) -> Result<bool, ChatError> {
    let name = outbox_name(&saved.hub, saved.chat);
    if !Outbox::sweep(&profile.places.outbox(), &name)? {
        return Ok(false);
    }
    Chats::new(&profile.places).remove(&saved.hub, saved.chat)?;
    Ok(true)
}

/// Forgets the chats that nobody used for long.
///
/// # Errors
/// As [`forget`].
pub fn prune(profile: &Profile, now: Timestamp) -> Result<(), ChatError> {
    let chats = Chats::new(&profile.places);
    for mut saved in chats.list()? {
        match saved.used_at {
            // From before this was noted; its place in the list stays, since all of them move.
            None => {
                saved.used_at = Some(now);
                chats.store(&saved)?;
            }
            Some(at) if now.since(at) > FORGET_AFTER => {
                forget(profile, &saved)?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use shared::{
        client::{
            credentials::{Chats, SavedChat},
            outbox::Outbox,
            profile::{Environment, Flags, Profile},
            session::Token,
        },
        command::Command,
        id::{ChatId, CommandId},
        model::Visibility,
        text::SafeText,
        time::Timestamp,
    };

    use super::{FORGET_AFTER, outbox_name, prune};

    fn profile(home: &Path) -> Profile {
        let environment = Environment {
            home: Some(home.to_owned()),
            ..Environment::default()
        };
        Profile::resolve(&Flags::default(), &environment).unwrap()
    }

    fn kept(profile: &Profile) -> Vec<u64> {
        let chats = Chats::new(&profile.places).list().unwrap();
        chats.iter().map(|saved| saved.chat.0).collect()
    }

    #[test]
    fn what_nobody_used_is_forgotten_but_nothing_that_was_not_sent() {
        let home = tempfile::tempdir().unwrap();
        let profile = profile(home.path());
        let now = Timestamp::from_ms(1_795_183_200_000);
        let long_ago = Timestamp::from_ms(0);
        for (chat, used_at) in [(1, Some(long_ago)), (2, Some(long_ago)), (3, None)] {
            let saved = SavedChat {
                hub: profile.hub.clone(),
                chat: ChatId(chat),
                token: Token::new("secret".to_owned()),
                name: "Bo".to_owned(),
                cursor: None,
                used_at,
            };
            Chats::new(&profile.places).store(&saved).unwrap();
        }
        let folder = profile.places.outbox();
        let outbox = |chat| {
            let name = outbox_name(&profile.hub, ChatId(chat));
            Outbox::open_free(&folder, &name).unwrap()
        };
        drop(outbox(1));
        let command = Command::PostMessage {
            chat: ChatId(2),
            text: SafeText::line("unsent"),
            visibility: Visibility::Public,
            expected_seq: None,
            canned: Vec::new(),
        };
        outbox(2).put(CommandId::random(), command).unwrap();

        prune(&profile, now).unwrap();
        assert_eq!(kept(&profile), [2, 3], "chat 2 has something to say");
        let files = std::fs::read_dir(&folder).unwrap().flatten();
        let names: Vec<_> = files.map(|file| file.file_name()).collect();
        assert_eq!(
            names.len(),
            2,
            "{names:?}: the outbox of chat 2 and its lock"
        );
        assert_eq!(outbox(2).pending().len(), 1);

        let later = now.after(FORGET_AFTER + Duration::from_secs(1));
        prune(&profile, later).unwrap();
        assert_eq!(kept(&profile), [2], "chat 3 was noted as used then");
    }
}
