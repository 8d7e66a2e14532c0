//! Opens a chat so that a retry gives the same one: what is asked is on disk before it is sent.
//!
//! Each request has a file of its own, locked while its program runs. One that nobody holds is
//! of a program that ended without an answer, and the same request takes it over.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use shared::{
    api::{OpenChat, OpenedChat},
    client::{
        credentials::{Chats, SavedChat},
        error::ClientError,
        private,
        profile::Profile,
        session::Token,
        url::HubUrl,
    },
    id::CommandId,
    text::SafeText,
    time::Timestamp,
};

use crate::{
    account::{Access, Customer},
    error::ChatError,
    form::Details,
};

/// The hub forgets the name of a request after this.
const REQUEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// A request that is on its way.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    hub: HubUrl,
    /// The username; none without an account.
    #[serde(default)]
    account: Option<String>,
    at: Timestamp,
    request: OpenChat,
}

/// A request in its file; the lock ends with it.
#[derive(Debug)]
struct Kept {
    path: PathBuf,
    _file: File,
}

/// A chat that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// As the hub answered.
    pub chat: shared::model::Chat,
    /// As whom to talk in it.
    pub access: Access,
    /// The name of the request.
    pub cid: CommandId,
}

/// The time of this machine.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_ms(jiff::Timestamp::now().as_millisecond())
}

/// Opens a chat, or finds the one that the same request opened before; its token is stored.
///
/// # Errors
/// [`ChatError::Client`] when the hub refuses or cannot be reached; in the latter case the
/// request is kept and the same one takes it over.
pub async fn open(
    profile: &Profile,
    customer: &Customer,
    details: Details,
    text: Option<SafeText>,
    client_id: Option<CommandId>,
) -> Result<Opened, ChatError> {
    let named = client_id.is_some();
    let cid = client_id.unwrap_or_else(CommandId::random);
    let mut request = details.into_request(text, cid);
    let kept = if named {
        // Its name is the caller's to keep.
        None
    } else {
        let account = customer.login.as_ref();
        let account = account.map(|account| account.username.clone());
        Some(keep(profile, account, &mut request)?)
    };
    let answer: Result<OpenedChat, ClientError> = customer.http.post("/api/chats", &request).await;
    if let Some(kept) = &kept {
        let unanswered = match &answer {
            Ok(_) => false,
            Err(ClientError::Api(error)) => error.code.retriable(),
            Err(_) => true,
        };
        if !unanswered {
            // A file that stays is taken over or swept up later.
            drop(std::fs::remove_file(&kept.path));
        }
    }
    let answer = answer.map_err(|error| customer.failed(error))?;
    let access = match (&customer.login, answer.token) {
        (Some(account), _) => Access {
            hub: profile.hub.clone(),
            chat: answer.chat.id,
            token: account.token.clone(),
        },
        (None, Some(token)) => {
            let saved = SavedChat {
                hub: profile.hub.clone(),
                chat: answer.chat.id,
                token: Token::new(token),
                name: answer.chat.name.to_string(),
                cursor: None,
                used_at: Some(now()),
            };
            Chats::new(&profile.places).store(&saved)?;
            saved.into()
        }
        (None, None) => {
            let why = "the chat has no token; is this hub of another version?";
            return Err(ClientError::Protocol(why.to_owned()).into());
        }
    };
    Ok(Opened {
        chat: answer.chat,
        access,
        cid: request.cid,
    })
}

/// Puts a request on disk, under the name it had if it is there already.
fn keep(
    profile: &Profile,
    account: Option<String>,
    request: &mut OpenChat,
) -> Result<Kept, ChatError> {
    let folder = profile.places.state().join("opening");
    private::create_folder(&folder).map_err(ClientError::from)?;
    if let Some((kept, cid)) = adopt(&folder, profile, account.as_ref(), request) {
        request.cid = cid;
        return Ok(kept);
    }
    let path = folder.join(format!("{}.json", request.cid));
    let failed = |source| ChatError::Io {
        what: format!("write {}", path.display()),
        source,
    };
    let pending = Pending {
        hub: profile.hub.clone(),
        account,
        at: now(),
        request: request.clone(),
    };
    let json = serde_json::to_vec(&pending).map_err(|error| failed(error.into()))?;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    file.lock().map_err(failed)?;
    file.write_all(&json).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let folder = File::open(&folder).and_then(|folder| folder.sync_all());
    folder.map_err(failed)?;
    Ok(Kept { path, _file: file })
}

/// Finds the same request of a program that has ended, and sweeps up what is too old to help.
fn adopt(
    folder: &Path,
    profile: &Profile,
    account: Option<&String>,
    request: &OpenChat,
) -> Option<(Kept, CommandId)> {
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        let Ok(mut file) = OpenOptions::new().read(true).write(true).open(&path) else {
            continue;
        };
        if file.try_lock().is_err() {
            continue;
        }
        let mut json = String::new();
        let read = file.read_to_string(&mut json).ok();
        let pending = read.and_then(|_| serde_json::from_str::<Pending>(&json).ok());
        let Some(pending) = pending.filter(|pending| now().since(pending.at) < REQUEST_LIFE) else {
            drop(std::fs::remove_file(&path));
            continue;
        };
        let cid = pending.request.cid.clone();
        let mut same = request.clone();
        same.cid = cid.clone();
        let by_same = pending.account.as_ref() == account;
        if pending.hub == profile.hub && by_same && pending.request == same {
            return Some((Kept { path, _file: file }, cid));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use shared::{
        api::OpenChat,
        client::profile::{Environment, Flags, Profile},
        id::CommandId,
        text::SafeText,
    };

    use super::keep;
    use crate::form::Details;

    fn profile(home: &Path) -> Profile {
        let environment = Environment {
            home: Some(home.to_owned()),
            ..Environment::default()
        };
        Profile::resolve(&Flags::default(), &environment).unwrap()
    }

    fn request(text: &str) -> OpenChat {
        Details::default().into_request(Some(SafeText::block(text)), CommandId::random())
    }

    #[test]
    fn the_same_request_keeps_its_name_after_a_crash_only() {
        let home = tempfile::tempdir().unwrap();
        let profile = profile(home.path());
        let mut first = request("help");
        let kept = keep(&profile, None, &mut first).unwrap();

        let mut meanwhile = request("help");
        let also_kept = keep(&profile, None, &mut meanwhile).unwrap();
        assert_ne!(meanwhile.cid, first.cid, "the first one still runs");
        std::fs::remove_file(&also_kept.path).unwrap();
        drop((kept, also_kept));

        let mut other = request("something else");
        drop(keep(&profile, None, &mut other).unwrap());
        assert_ne!(other.cid, first.cid);

        let mut as_another = request("help");
        let account = Some("bo".to_owned());
        drop(keep(&profile, account, &mut as_another).unwrap());
        assert_ne!(as_another.cid, first.cid, "somebody else asks");

        let mut again = request("help");
        drop(keep(&profile, None, &mut again).unwrap());
        assert_eq!(again.cid, first.cid);
    }

    #[test]
    fn what_makes_no_sense_is_swept_up() {
        let home = tempfile::tempdir().unwrap();
        let profile = profile(home.path());
        let folder = profile.places.state().join("opening");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("half.json"), "{\"hub\":").unwrap();
        drop(keep(&profile, None, &mut request("help")).unwrap());
        assert!(!folder.join("half.json").exists());
    }
}
