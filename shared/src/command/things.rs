//! What new things of a desk are like, and what changes in those that are.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    id::DepartmentId,
    model::{CannedScope, FormField, Role},
    text::SafeText,
};

/// What a new department is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewDepartment {
    /// Its name, unique without regard to case.
    pub name: SafeText,
    /// What it is for.
    #[serde(default)]
    pub description: SafeText,
    /// Whether it takes new chats; yes when not said.
    #[serde(default = "yes")]
    pub active: bool,
    /// Makes it the default department in place of the one that was.
    #[serde(default)]
    pub default: bool,
    /// Most chats an agent of it may be given automatically.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Days after closing for which what was said in its chats is kept; 0 for ever; as the desk
    /// does when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// What a customer is asked before a chat.
    #[serde(default)]
    pub form: Vec<FormField>,
}

/// What changes in a department; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct DepartmentChange {
    /// A new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<SafeText>,
    /// A new description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<SafeText>,
    /// Whether it takes new chats. Those that wait stay and are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// `true` makes it the default; `false` is refused, since one must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
    /// A new capacity; `null` takes it away.
    #[serde(skip_serializing_if = "Option::is_none", with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>"))]
    pub capacity: Option<Option<u32>>,
    /// Other days of retention; `null` leaves it to the desk.
    #[serde(skip_serializing_if = "Option::is_none", with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>"))]
    pub retention_days: Option<Option<u32>>,
    /// A new form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Vec<FormField>>,
}

/// What changes in the settings of the desk; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SettingsChange {
    /// What the desk is called from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<SafeText>,
    /// A new privacy notice: at most 8 KiB; empty takes it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<SafeText>,
    /// Days after closing for which what was said is kept; 0 for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
}

/// What a new canned reply is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewCanned {
    /// What is typed for it: 1 to 32 of `a-z 0-9 -`, unique within its scope.
    pub code: SafeText,
    /// For whom it is; a personal one is one's own.
    pub scope: CannedScope,
    /// Its template: 1 byte to 8 KiB after cleaning.
    pub text: SafeText,
    /// The template in other languages, by tag such as `pt` or `pt-BR`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variants: BTreeMap<SafeText, SafeText>,
}

/// What changes in a canned reply; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CannedChange {
    /// A new code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<SafeText>,
    /// A new template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<SafeText>,
    /// All templates in other languages from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variants: Option<BTreeMap<SafeText, SafeText>>,
}

/// What a new member of staff is like; the password comes with an invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The name to log in with.
    pub username: SafeText,
    /// The name that others see.
    pub name: SafeText,
    /// What the user is; not `customer`.
    pub role: Role,
    /// The departments the user works in.
    #[serde(default)]
    pub departments: BTreeSet<DepartmentId>,
    /// Most chats to give automatically.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
}

/// What changes in a user; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UserChange {
    /// A new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<SafeText>,
    /// A new role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The departments from now on; chats in others that the user owns go back to their queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub departments: Option<BTreeSet<DepartmentId>>,
    /// A new capacity; `null` takes it away.
    #[serde(skip_serializing_if = "Option::is_none", with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>"))]
    pub capacity: Option<Option<u32>>,
    /// `false` disables: sessions end, chats go back to their queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

const fn yes() -> bool {
    true
}

/// Tells a field that is `null` from one that is absent.
mod present {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value
            .as_ref()
            .and_then(Option::as_ref)
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::deserialize(deserializer).map(Some)
    }
}
