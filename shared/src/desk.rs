//! A desk as a document: what of it people keep in files and put under version control.
//!
//! A [`Document`] has one section for each kind of thing. A kind without a section is not the
//! document's business: nothing of it is changed. Things are named as people name them, by names
//! without regard to case, never by number; what an entry does not say has its default, except in
//! `settings` and `assistant`, where what is not said stays. Kinds that come later are new sections of the same
//! format. Nothing secret is in a document: a setting that is a secret will be a reference, such
//! as `{ env = "NAME" }` or `{ file = "PATH" }`, that the hub follows; none exists yet.
//!
//! What a document does to a desk is decided by the hub's desk alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{
    api::Secret,
    assistant::AssistantChange,
    model::{FormField, Role},
    text::SafeText,
    time::Timestamp,
};

/// The format of documents that this version reads and writes.
pub const FORMAT: u32 = 1;
/// Largest document on the wire, in bytes of JSON: some ten thousand things.
pub const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;

macro_rules! kinds {
    ($($kind:ident $name:literal $doc:literal)*) => {
        /// The kinds of things that a document may have, in the order of its sections.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum Kind {
            $(#[doc = $doc] $kind,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The name of its section.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }
    };
}

kinds! {
    Settings "settings" "The desk as a whole."
    Assistant "assistant" "The assistant."
    Department "department" "Departments."
    User "user" "The staff."
    Canned "canned" "Canned replies."
}

impl Kind {
    /// Whether there is one of it, without a name, that cannot be deleted.
    #[must_use]
    pub const fn is_single(self) -> bool {
        matches!(self, Self::Settings | Self::Assistant)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mut all = Self::ALL.iter().copied();
        all.find(|kind| kind.name() == name).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("there is no kind {name:?}; use {}", known.join(", "))
        })
    }
}

/// A desk, or some of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// [`FORMAT`].
    pub format: u32,
    /// The desk as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<SettingsEntry>,
    /// How the assistant is set up; what is not said stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assistant: Option<AssistantChange>,
    /// The departments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Vec<DepartmentEntry>>,
    /// The staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Vec<UserEntry>>,
    /// The canned replies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canned: Option<Vec<CannedEntry>>,
}

/// The desk as a whole; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SettingsEntry {
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<SafeText>,
    /// What customers are told about their data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<SafeText>,
    /// Days after closing for which what was said in a chat is kept; 0 for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
}

/// A department.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DepartmentEntry {
    /// Its name.
    pub name: SafeText,
    /// What it is for.
    #[serde(default, skip_serializing_if = "SafeText::is_empty")]
    pub description: SafeText,
    /// Whether it takes new chats; yes when not said.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub active: bool,
    /// Whether it takes the chats that name no department; at most one of a document.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// Most chats an agent of it may be given automatically; the desk's default when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Days after closing for which what was said in its chats is kept; 0 for ever; as the desk
    /// does when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// What a customer is asked before a chat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub form: Vec<FormField>,
}

/// A member of staff. One who is not there yet is invited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UserEntry {
    /// The name to log in with.
    pub username: SafeText,
    /// The name that others see.
    pub name: SafeText,
    /// What the user is.
    pub role: Role,
    /// The departments the user works in, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departments: Vec<SafeText>,
    /// Most chats to give automatically; no limit of the user's own when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Whether the user may log in; yes when not said.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub active: bool,
}

/// For whom a canned reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScopeEntry {
    /// For all staff.
    Global,
    /// For those who work in `department`.
    Department,
    /// For `user`.
    Personal,
}

/// A canned reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CannedEntry {
    /// What is typed for it.
    pub code: SafeText,
    /// For whom it is.
    pub scope: ScopeEntry,
    /// The department, by name, for that scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<SafeText>,
    /// The user, by username, for the personal scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<SafeText>,
    /// Its template.
    pub text: SafeText,
    /// The template in other languages, by tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variants: BTreeMap<SafeText, SafeText>,
}

impl Default for Document {
    /// A document that is about nothing.
    fn default() -> Self {
        Self {
            format: FORMAT,
            settings: None,
            assistant: None,
            department: None,
            user: None,
            canned: None,
        }
    }
}

impl Document {
    /// Whether it says anything about things of this kind.
    #[must_use]
    pub const fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::Settings => self.settings.is_some(),
            Kind::Assistant => self.assistant.is_some(),
            Kind::Department => self.department.is_some(),
            Kind::User => self.user.is_some(),
            Kind::Canned => self.canned.is_some(),
        }
    }

    /// Takes in another document as if both were one: lists are joined.
    ///
    /// # Errors
    /// The kind when both have its section and there is one of it: [`Kind::Settings`] and
    /// [`Kind::Assistant`].
    pub fn merge(&mut self, other: Self) -> Result<(), Kind> {
        if self.settings.is_some() && other.settings.is_some() {
            return Err(Kind::Settings);
        }
        if self.assistant.is_some() && other.assistant.is_some() {
            return Err(Kind::Assistant);
        }
        self.settings = self.settings.take().or(other.settings);
        self.assistant = self.assistant.take().or(other.assistant);
        join(&mut self.department, other.department);
        join(&mut self.user, other.user);
        join(&mut self.canned, other.canned);
        Ok(())
    }
}

impl CannedEntry {
    /// Its name among all canned replies: a code is unique within its scope only.
    #[must_use]
    pub fn title(&self) -> String {
        match (self.scope, &self.department, &self.user) {
            (ScopeEntry::Department, Some(place), _) => format!("{} of {place}", self.code),
            (ScopeEntry::Personal, _, Some(user)) => format!("{} of @{user}", self.code),
            _ => self.code.to_string(),
        }
    }
}

fn join<T>(all: &mut Option<Vec<T>>, more: Option<Vec<T>>) {
    if let Some(more) = more {
        all.get_or_insert_default().extend(more);
    }
}

const fn yes() -> bool {
    true
}

const fn is_yes(value: &bool) -> bool {
    *value
}

/// What becomes of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// It is made.
    Created,
    /// It is changed.
    Updated,
    /// It is as it should be.
    Unchanged,
    /// It is deleted.
    Deleted,
}

/// A field of a thing that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldChange {
    /// Which.
    pub field: SafeText,
    /// What it is now, in the JSON of a document; null when it is not said.
    pub from: serde_json::Value,
    /// What it will be.
    pub to: serde_json::Value,
}

/// What becomes of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Change {
    /// What.
    pub deed: Deed,
    /// Of which kind it is.
    pub kind: Kind,
    /// Its name; empty for the settings.
    pub name: SafeText,
    /// What of it changes, for [`Deed::Updated`].
    #[serde(default)]
    pub fields: Vec<FieldChange>,
}

/// How many things there are of each [`Deed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Totals {
    /// Made.
    pub created: u32,
    /// Changed.
    pub updated: u32,
    /// As the document says.
    pub unchanged: u32,
    /// Deleted.
    pub deleted: u32,
}

impl Totals {
    /// Whether the desk is not what the document says.
    #[must_use]
    pub const fn pending(&self) -> bool {
        self.created + self.updated + self.deleted > 0
    }
}

/// Why a document cannot be applied, one of possibly many reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// Of which kind the thing is.
    pub kind: Kind,
    /// Its name; empty for the settings and for the kind as a whole.
    pub name: SafeText,
    /// What is wrong and what to do.
    pub message: SafeText,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            write!(f, "{}: {}", self.kind, self.message)
        } else {
            write!(f, "{} \"{}\": {}", self.kind, self.name, self.message)
        }
    }
}

/// What a document would change, or why it cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Diff {
    /// Names the desk that it was compared with: for `expect` of an apply.
    pub expect: String,
    /// What becomes of each thing, in the order of sections and names.
    pub changes: Vec<Change>,
    /// How many of each.
    pub totals: Totals,
    /// Everything that is wrong with it; nothing can be applied while there is any.
    pub problems: Vec<Problem>,
}

/// The code of a new member of staff, shown here only.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewCode {
    /// Who.
    pub username: SafeText,
    /// The code.
    pub code: Secret,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What came of an apply.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Applied {
    /// Nothing was done; it was only asked.
    pub dry_run: bool,
    /// It had been done before under the same id; `changes` is empty then.
    pub dup: bool,
    /// What became of each thing, in the order of sections and names.
    pub changes: Vec<Change>,
    /// How many of each.
    pub totals: Totals,
    /// The codes of the new members of staff who are active.
    pub codes: Vec<NewCode>,
}

/// Kinds in a query: their names with commas.
///
/// # Errors
/// A sentence that names the first that is none.
pub fn kinds(text: &str) -> Result<BTreeSet<Kind>, String> {
    let names = text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    names.map(str::parse).collect()
}
