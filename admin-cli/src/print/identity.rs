//! The columns of what says who one is: invitations, tokens, sessions, contexts.

use serde::Serialize;
use shared::{
    api::{Invited, RecoveryCodes, Secret, SessionInfo, TokenInfo, TotpBegun, TotpStatus, WhoAmI},
    model::Invitation,
    text::SafeText,
    time::Timestamp,
};

use crate::print::{
    format::{Column, Item, Names},
    items::{joined, main, more, or_empty, word, yes},
};

impl Item for Invitation {
    const COLUMNS: &'static [Column] = &[
        main("id"),
        main("role"),
        main("departments"),
        main("username"),
        main("by"),
        main("expires_at"),
    ];

    fn cells(&self, names: &Names) -> Vec<String> {
        vec![
            self.id.to_string(),
            word(&self.role),
            joined(self.departments.iter().map(|&id| names.department(id))),
            or_empty(self.username.as_ref()),
            names.user(self.by),
            self.expires_at.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.id.to_string()
    }
}

impl Item for Invited {
    const COLUMNS: &'static [Column] = &[main("id"), main("code"), main("expires_at")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.code.expose().to_owned(),
            self.expires_at.to_string(),
        ]
    }

    /// The code: it is what the verb `invite accept` takes.
    fn handle(&self) -> String {
        self.code.expose().to_owned()
    }
}

/// A token for scripts, without its secret.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct KnownToken {
    id: String,
    name: SafeText,
    expires_at: Timestamp,
}

impl From<TokenInfo> for KnownToken {
    fn from(token: TokenInfo) -> Self {
        Self {
            id: token.id,
            name: token.name,
            expires_at: token.expires_at,
        }
    }
}

impl Item for KnownToken {
    const COLUMNS: &'static [Column] = &[main("id"), main("name"), main("expires_at")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.to_string(),
            self.expires_at.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.id.clone()
    }
}

/// A token that was just made, with its secret.
impl Item for TokenInfo {
    const COLUMNS: &'static [Column] =
        &[main("id"), main("name"), main("expires_at"), main("token")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.to_string(),
            self.expires_at.to_string(),
            or_empty(self.token.as_ref().map(Secret::expose)),
        ]
    }

    /// The secret: it is what `login --with-token` takes.
    fn handle(&self) -> String {
        or_empty(self.token.as_ref().map(Secret::expose))
    }
}

/// A recovery code that was just made.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RecoveryCode {
    code: Secret,
}

impl RecoveryCode {
    /// One by one, to be printed as a list.
    pub(crate) fn each(made: RecoveryCodes) -> Vec<Self> {
        let codes = made.codes.into_iter();
        codes.map(|code| Self { code }).collect()
    }
}

impl Item for RecoveryCode {
    const COLUMNS: &'static [Column] = &[main("code")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![self.code.expose().to_owned()]
    }

    fn handle(&self) -> String {
        self.code.expose().to_owned()
    }
}

/// A second factor that was just begun, with its secret.
impl Item for TotpBegun {
    const COLUMNS: &'static [Column] = &[main("secret"), main("uri"), main("expires_at")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.secret.expose().to_owned(),
            self.uri.expose().to_owned(),
            self.expires_at.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.secret.expose().to_owned()
    }
}

impl Item for TotpStatus {
    const COLUMNS: &'static [Column] = &[main("enabled_at"), main("recovery_codes")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            or_empty(self.enabled_at.as_ref()),
            self.recovery_codes.to_string(),
        ]
    }

    fn handle(&self) -> String {
        or_empty(self.enabled_at.as_ref())
    }
}

impl Item for SessionInfo {
    const COLUMNS: &'static [Column] = &[
        main("id"),
        main("created_at"),
        main("seen_at"),
        main("current"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.id.clone(),
            self.created_at.to_string(),
            self.seen_at.to_string(),
            yes(self.current),
        ]
    }

    fn handle(&self) -> String {
        self.id.clone()
    }
}

/// As whom, at which hub, by what and until when. Never a secret.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Identity {
    /// The hub.
    pub(crate) hub: String,
    /// The context in force.
    pub(crate) context: Option<String>,
    /// Where the token came from: `environment` or `login`.
    pub(crate) source: &'static str,
    /// Who, with what kind of token, until when.
    #[serde(flatten)]
    pub(crate) me: WhoAmI,
}

impl Item for Identity {
    const COLUMNS: &'static [Column] = &[
        main("username"),
        main("role"),
        main("hub"),
        main("context"),
        main("source"),
        main("token"),
        main("expires_at"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.me.user.username.to_string(),
            word(&self.me.user.role),
            self.hub.clone(),
            or_empty(self.context.as_ref()),
            self.source.to_owned(),
            self.me.token.clone(),
            self.me.expires_at.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.me.user.username.to_string()
    }
}

/// A hub by name.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct NamedContext {
    /// Its name.
    pub(crate) name: String,
    /// Whether it is in use.
    pub(crate) current: bool,
    /// The hub.
    pub(crate) hub: String,
    /// Refuses changes.
    pub(crate) read_only: bool,
    /// The word it asks for.
    pub(crate) confirm: Option<String>,
    /// The department that is meant when none is named.
    pub(crate) department: Option<String>,
    /// As whom one is logged in.
    pub(crate) user: Option<String>,
}

impl Item for NamedContext {
    const COLUMNS: &'static [Column] = &[
        main("name"),
        main("current"),
        main("hub"),
        main("user"),
        main("read_only"),
        more("confirm"),
        more("department"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.name.clone(),
            yes(self.current),
            self.hub.clone(),
            or_empty(self.user.as_ref()),
            yes(self.read_only),
            or_empty(self.confirm.as_ref()),
            or_empty(self.department.as_ref()),
        ]
    }

    fn handle(&self) -> String {
        self.name.clone()
    }
}
