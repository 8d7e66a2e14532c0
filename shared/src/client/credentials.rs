//! Secrets of a user on disk: the tokens of logins, and those of a customer's chats.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    api::SessionTokens,
    client::{
        private,
        profile::{Places, ProfileError},
        session::Token,
        url::HubUrl,
    },
    id::{ChatId, Cursor},
    time::Timestamp,
};

/// The tokens of one login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credentials {
    /// The name that was logged in with.
    pub user: String,
    /// For `Authorization: Bearer`.
    #[serde(with = "secret")]
    pub access_token: Token,
    /// For one renewal.
    #[serde(with = "secret")]
    pub refresh_token: Token,
    /// When the access token ends.
    pub expires_at: Timestamp,
}

impl From<SessionTokens> for Credentials {
    fn from(tokens: SessionTokens) -> Self {
        Self {
            user: tokens.user.username.to_string(),
            access_token: Token::new(tokens.access_token.into_exposed()),
            refresh_token: Token::new(tokens.refresh_token.into_exposed()),
            expires_at: tokens.expires_at,
        }
    }
}

/// One login in a file of logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsFile {
    path: PathBuf,
    key: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Logins {
    #[serde(default)]
    contexts: BTreeMap<String, Credentials>,
}

impl CredentialsFile {
    /// The login of `key`, the name of a context or the address of a hub, in the file at `path`.
    #[must_use]
    pub const fn new(path: PathBuf, key: String) -> Self {
        Self { path, key }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the login.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The tokens; none when nobody is logged in.
    ///
    /// # Errors
    /// [`ProfileError::Private`] when the file is not private or cannot be read;
    /// [`ProfileError::Malformed`] when it makes no sense.
    pub fn load(&self) -> Result<Option<Credentials>, ProfileError> {
        Ok(self.logins()?.contexts.remove(&self.key))
    }

    /// Stores the tokens of a login.
    ///
    /// # Errors
    /// As [`CredentialsFile::load`].
    pub fn store(&self, credentials: &Credentials) -> Result<(), ProfileError> {
        let lock = private::lock(&self.path)?;
        self.store_locked(credentials, &lock)
    }

    /// Forgets a login; says whether there was one.
    ///
    /// # Errors
    /// As [`CredentialsFile::load`].
    pub fn remove(&self) -> Result<bool, ProfileError> {
        let _lock = private::lock(&self.path)?;
        let mut logins = self.logins()?;
        let found = logins.contexts.remove(&self.key).is_some();
        if found {
            write(&self.path, &logins)?;
        }
        Ok(found)
    }

    /// Stores tokens under a lock that is held already.
    pub(crate) fn store_locked(
        &self,
        credentials: &Credentials,
        _lock: &File,
    ) -> Result<(), ProfileError> {
        let mut logins = self.logins()?;
        logins
            .contexts
            .insert(self.key.clone(), credentials.clone());
        write(&self.path, &logins)
    }

    fn logins(&self) -> Result<Logins, ProfileError> {
        read(&self.path)
    }
}

/// A chat that a customer may come back to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedChat {
    /// Which hub.
    pub hub: HubUrl,
    /// Which chat.
    pub chat: ChatId,
    /// The secret of this chat's customer.
    #[serde(with = "secret")]
    pub token: Token,
    /// The customer's name.
    pub name: String,
    /// Where the customer left off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

/// The chats of a customer on this machine, the newest last.
#[derive(Clone, Debug)]
pub struct Chats {
    path: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
struct ChatList {
    #[serde(default)]
    chats: Vec<SavedChat>,
}

impl Chats {
    /// The chats in their usual place.
    #[must_use]
    pub fn new(places: &Places) -> Self {
        Self {
            path: places.state().join("chats.toml"),
        }
    }

    /// Every chat, the last used one last.
    ///
    /// # Errors
    /// As [`CredentialsFile::load`].
    pub fn list(&self) -> Result<Vec<SavedChat>, ProfileError> {
        Ok(read::<ChatList>(&self.path)?.chats)
    }

    /// One chat of a hub, or its last used one.
    ///
    /// # Errors
    /// As [`CredentialsFile::load`].
    pub fn find(
        &self,
        hub: &HubUrl,
        chat: Option<ChatId>,
    ) -> Result<Option<SavedChat>, ProfileError> {
        let mut chats = self.list()?;
        chats.retain(|saved| saved.hub == *hub && chat.is_none_or(|chat| saved.chat == chat));
        Ok(chats.pop())
    }

    /// Stores a chat as the last used one, in place of what was known of it.
    ///
    /// # Errors
    /// As [`CredentialsFile::load`].
    pub fn store(&self, saved: &SavedChat) -> Result<(), ProfileError> {
        self.change(&saved.hub, saved.chat, Some(saved))
    }

    /// Forgets a chat.
    ///
    /// # Errors
    /// As [`CredentialsFile::load`].
    pub fn remove(&self, hub: &HubUrl, chat: ChatId) -> Result<(), ProfileError> {
        self.change(hub, chat, None)
    }

    fn change(
        &self,
        hub: &HubUrl,
        chat: ChatId,
        saved: Option<&SavedChat>,
    ) -> Result<(), ProfileError> {
        let _lock = private::lock(&self.path)?;
        let mut list: ChatList = read(&self.path)?;
        list.chats
            .retain(|known| known.hub != *hub || known.chat != chat);
        list.chats.extend(saved.cloned());
        write(&self.path, &list)
    }
}

fn read<T: Default + for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ProfileError> {
    let Some(text) = private::read(path)? else {
        return Ok(T::default());
    };
    // The parser's own message quotes the line, which may hold a secret.
    toml::from_str(&text).map_err(|error| ProfileError::Malformed {
        path: path.to_owned(),
        why: error.message().to_owned(),
    })
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), ProfileError> {
    let text = toml::to_string(value).map_err(|error| ProfileError::Malformed {
        path: path.to_owned(),
        why: error.to_string(),
    })?;
    Ok(private::write(path, text.as_bytes())?)
}

mod secret {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::client::session::Token;

    pub(super) fn serialize<S: Serializer>(token: &Token, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(token.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Token, D::Error> {
        String::deserialize(from).map(Token::new)
    }
}
