//! What accounts keep beside the log: the kinds of rows, their keys, and reading and writing them.
//!
//! Secrets are here as digests and hashes only. A row that may end has its end in itself too: the
//! hub's clock decides, the store's time to live only tidies up.

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    id::{InvitationId, UserId, hex},
    text::SafeText,
    time::Timestamp,
};

use crate::{
    accounts::secret::TokenDigest,
    hub::Hub,
    store::{KvWrite, StoreError},
};

/// Rows that are read at once.
const SCAN_ROWS: usize = 256;

/// A kind of row.
pub(super) trait Row: Serialize + DeserializeOwned {
    /// Where rows of this kind are.
    const NS: &'static str;
}

/// Who a session stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Principal {
    /// A member of staff; what they are and may is asked of the desk each time.
    Staff,
    /// A registered customer, whose name is in the [`CustomerRow`] alone.
    Customer,
    /// A customer without an account.
    Anonymous {
        /// As given with the chat.
        name: SafeText,
    },
}

/// What a session began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Origin {
    /// A password.
    Login {
        /// Digest of the only refresh token that still works, in hexadecimal digits.
        refresh: String,
    },
    /// A token for scripts was made.
    Api {
        /// What it is for.
        name: SafeText,
    },
    /// A chat was opened without an account.
    Chat,
}

/// A token that opens something: by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenRow {
    /// Whose.
    pub(super) user: UserId,
    /// Of which session.
    pub(super) session: String,
    /// Its own end; the session may end before or after.
    pub(super) until: Timestamp,
}

impl Row for TokenRow {
    const NS: &'static str = "token";
}

/// A session: by user and public id. Deleting it revokes every token of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionRow {
    pub(super) principal: Principal,
    pub(super) origin: Origin,
    pub(super) created_at: Timestamp,
    /// To the minute.
    pub(super) seen_at: Timestamp,
    pub(super) ends_at: Timestamp,
}

impl Row for SessionRow {
    const NS: &'static str = "session";
}

/// A password: by user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PasswordRow {
    /// The hash, as a PHC string.
    pub(super) phc: String,
}

impl Row for PasswordRow {
    const NS: &'static str = "password";
}

/// A registered customer: by user. All that is known of the person outside their chats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CustomerRow {
    pub(super) username: SafeText,
    pub(super) name: SafeText,
    pub(super) email: Option<SafeText>,
    pub(super) phone: Option<SafeText>,
}

impl Row for CustomerRow {
    const NS: &'static str = "customer";
}

/// The login name of a registered customer: by the name in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LoginRow {
    pub(super) user: UserId,
}

impl Row for LoginRow {
    const NS: &'static str = "login";
}

/// The code of an invitation: by its digest. Whether the invitation still stands the desk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CodeRow {
    pub(super) invitation: InvitationId,
    pub(super) expires_at: Timestamp,
}

impl Row for CodeRow {
    const NS: &'static str = "code";
}

/// A code by which a member of staff sets a new password: by its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ResetRow {
    /// Whose password.
    pub(super) user: UserId,
    /// Who made it; good for nothing once they may not change the user any more.
    pub(super) by: UserId,
    pub(super) expires_at: Timestamp,
}

impl Row for ResetRow {
    const NS: &'static str = "reset";
}

/// Which code for a new password is good: by user. A new one takes the place of the one before in
/// one write, so that there are never two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ResetOfRow {
    /// Digest of the code, in hexadecimal digits.
    pub(super) code: String,
}

impl Row for ResetOfRow {
    const NS: &'static str = "reset_of";
}

/// A second factor that is in force: by user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TotpRow {
    /// The seed of the codes, sealed with the key of the hub for this user.
    pub(super) seed: String,
    /// Since when.
    pub(super) enabled_at: Timestamp,
    /// The newest step whose code was accepted; no step up to it is accepted again.
    pub(super) step: u64,
    /// Digests of the recovery codes that are left, in hexadecimal digits.
    pub(super) recovery: Vec<String>,
}

impl Row for TotpRow {
    const NS: &'static str = "totp";
}

/// A second factor that waits to be confirmed: by user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TotpBegunRow {
    /// As in [`TotpRow`].
    pub(super) seed: String,
    pub(super) expires_at: Timestamp,
}

impl Row for TotpBegunRow {
    const NS: &'static str = "totp_begun";
}

/// A row as it was read.
#[derive(Clone, Debug)]
pub(super) struct Kept<T> {
    pub(super) key: Bytes,
    pub(super) version: u64,
    pub(super) row: T,
}

/// The rows, at the hub's time.
#[derive(Clone)]
pub(super) struct Rows(pub(super) Hub);

impl Rows {
    pub(super) fn now(&self) -> Timestamp {
        self.0.now()
    }

    pub(super) async fn read<T: Row>(&self, key: &[u8]) -> Result<Option<Kept<T>>, StoreError> {
        let found = self.0.store().kv_get(T::NS, key, self.now()).await?;
        let Some((version, value)) = found else {
            return Ok(None);
        };
        Ok(Some(Kept {
            key: Bytes::copy_from_slice(key),
            version,
            row: parse(&value)?,
        }))
    }

    /// Writes a row where `expect` is its version, 0 for none. False when it is not.
    pub(super) async fn write<T: Row>(
        &self,
        key: Bytes,
        expect: u64,
        row: &T,
        until: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let write = put(key, expect, row, until.map(|until| (now, until)));
        Ok(self.0.store().kv_cas(write, now).await?.is_some())
    }

    /// Deletes a row, whatever its version. False when there was none.
    pub(super) async fn delete<T: Row>(&self, key: &[u8]) -> Result<bool, StoreError> {
        loop {
            let now = self.now();
            let Some((version, _)) = self.0.store().kv_get(T::NS, key, now).await? else {
                return Ok(false);
            };
            let write = delete::<T>(Bytes::copy_from_slice(key), version);
            if self.0.store().kv_cas(write, now).await?.is_some() {
                return Ok(true);
            }
        }
    }

    /// All rows whose keys begin with `prefix`, in the order of their keys.
    pub(super) async fn scan<T: Row>(&self, prefix: Bytes) -> Result<Vec<Kept<T>>, StoreError> {
        let mut rows: Vec<Kept<T>> = Vec::new();
        loop {
            let last = rows.last().map(|kept| kept.key.clone());
            let (store, now) = (self.0.store(), self.now());
            let page = store
                .kv_scan(T::NS, prefix.clone(), last, SCAN_ROWS, now)
                .await?;
            let more = page.len() == SCAN_ROWS;
            for entry in page {
                rows.push(Kept {
                    row: parse(&entry.value)?,
                    key: entry.key,
                    version: entry.version,
                });
            }
            if !more {
                return Ok(rows);
            }
        }
    }
}

/// A write of a row; `life` is now and its end.
pub(super) fn put<T: Row>(
    key: Bytes,
    expect: u64,
    row: &T,
    life: Option<(Timestamp, Timestamp)>,
) -> KvWrite {
    let value = serde_json::to_vec(row).expect("rows are plain data with text keys");
    KvWrite {
        ns: T::NS,
        key,
        expect,
        value: Some(value.into()),
        ttl: life.map(|(now, until)| until.since(now)),
    }
}

/// A deletion of a row.
pub(super) const fn delete<T: Row>(key: Bytes, expect: u64) -> KvWrite {
    KvWrite {
        ns: T::NS,
        key,
        expect,
        value: None,
        ttl: None,
    }
}

pub(super) fn user_key(user: UserId) -> Bytes {
    Bytes::copy_from_slice(&user.0.to_be_bytes())
}

pub(super) fn session_key(user: UserId, session: &str) -> Bytes {
    let mut key = user.0.to_be_bytes().to_vec();
    key.extend_from_slice(session.as_bytes());
    key.into()
}

/// The public id in the key of a session.
pub(super) fn session_id(key: &[u8]) -> String {
    String::from_utf8_lossy(key.get(8..).unwrap_or_default()).into_owned()
}

pub(super) fn digest_key(digest: TokenDigest) -> Bytes {
    Bytes::copy_from_slice(&digest.0)
}

pub(super) fn digest_text(digest: TokenDigest) -> String {
    hex(&digest.0)
}

fn parse<T: Row>(value: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(value).map_err(|error| StoreError::Corrupt {
        what: format!("a row of {:?} cannot be read: {error}", T::NS),
    })
}
