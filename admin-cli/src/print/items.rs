//! The columns of the things of a desk, and what cells are made of.

use serde::Serialize;
use shared::{
    api::{CreatedUser, Message, PasswordCode, Posted, SearchHit, SystemStatus},
    attachment::shown,
    id::ChatId,
    model::{Canned, CannedScope, Chat, Department, Settings, User},
    record::Delivered,
};

use crate::{
    invocation::{Effect, PlannedEvent},
    print::format::{Column, Item, Names},
};

pub(crate) const fn main(title: &'static str) -> Column {
    Column { title, main: true }
}

pub(super) const fn more(title: &'static str) -> Column {
    Column { title, main: false }
}

/// The word of a value that is one word on the wire.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

pub(super) fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

pub(super) fn or_empty<T: ToString + ?Sized>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

pub(super) fn joined<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    values.join(",")
}

impl Item for Department {
    const COLUMNS: &'static [Column] = &[
        main("id"),
        main("name"),
        main("active"),
        main("default"),
        main("capacity"),
        more("description"),
        more("form"),
        more("retention_days"),
        more("rev"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.name.to_string(),
            yes(self.active),
            yes(self.default),
            or_empty(self.capacity.as_ref()),
            self.description.to_string(),
            joined(self.form.iter().map(|field| &field.key)),
            or_empty(self.retention_days.as_ref()),
            self.rev.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.name.to_string()
    }
}

impl Item for Settings {
    const COLUMNS: &'static [Column] = &[
        main("name"),
        main("notice"),
        more("retention_days"),
        more("rev"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.name.to_string(),
            self.notice.to_string(),
            self.retention_days.to_string(),
            self.rev.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.name.to_string()
    }
}

impl Item for Canned {
    const COLUMNS: &'static [Column] = &[
        main("id"),
        main("code"),
        main("scope"),
        main("uses"),
        main("text"),
        more("languages"),
        more("rev"),
    ];

    fn cells(&self, names: &Names) -> Vec<String> {
        let scope = match self.scope {
            CannedScope::Global => "global".to_owned(),
            CannedScope::Department { department } => {
                format!("department {}", names.department(department))
            }
            CannedScope::Personal { user } => format!("personal {}", names.user(user)),
        };
        vec![
            self.id.to_string(),
            self.code.to_string(),
            scope,
            self.uses.to_string(),
            self.text.to_string(),
            joined(self.variants.keys()),
            self.rev.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.id.to_string()
    }
}

impl Item for User {
    const COLUMNS: &'static [Column] = &[
        main("id"),
        main("username"),
        main("name"),
        main("role"),
        main("status"),
        main("active"),
        main("departments"),
        more("capacity"),
        more("reachable"),
        more("reason"),
        more("rev"),
    ];

    fn cells(&self, names: &Names) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.username.to_string(),
            self.name.to_string(),
            word(&self.role),
            word(&self.status),
            yes(self.active),
            joined(self.departments.iter().map(|&id| names.department(id))),
            or_empty(self.capacity.as_ref()),
            yes(self.reachable),
            or_empty(self.reason.as_ref()),
            self.rev.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.username.to_string()
    }
}

impl Item for CreatedUser {
    const COLUMNS: &'static [Column] = &[
        main("id"),
        main("username"),
        main("name"),
        main("role"),
        main("departments"),
        main("code"),
        main("expires_at"),
    ];

    fn cells(&self, names: &Names) -> Vec<String> {
        vec![
            self.user.id.to_string(),
            self.user.username.to_string(),
            self.user.name.to_string(),
            word(&self.user.role),
            joined(self.user.departments.iter().map(|&id| names.department(id))),
            self.invitation.code.expose().to_owned(),
            self.invitation.expires_at.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.user.username.to_string()
    }
}

impl Item for Chat {
    const COLUMNS: &'static [Column] = &[
        main("id"),
        main("state"),
        main("department"),
        main("owner"),
        main("customer"),
        main("opened_at"),
        more("place"),
        more("priority"),
        more("tags"),
        more("email"),
        more("phone"),
        more("episode"),
        more("epoch"),
        more("seq"),
        more("rating"),
    ];

    fn cells(&self, names: &Names) -> Vec<String> {
        vec![
            self.id.to_string(),
            word(&self.state),
            names.department(self.department),
            self.owner.map(|id| names.user(id)).unwrap_or_default(),
            self.name.to_string(),
            self.opened_at.to_string(),
            or_empty(self.place.as_ref()),
            self.priority.to_string(),
            joined(&self.tags),
            or_empty(self.email.as_ref()),
            or_empty(self.phone.as_ref()),
            self.episode.to_string(),
            self.epoch.to_string(),
            self.seq.to_string(),
            or_empty(self.rating.as_ref().map(|rating| &rating.score)),
        ]
    }

    fn handle(&self) -> String {
        self.id.to_string()
    }
}

impl Item for SystemStatus {
    const COLUMNS: &'static [Column] = &[
        main("version"),
        main("writable"),
        main("storage"),
        main("started_at"),
        main("sockets"),
        main("waiting"),
        main("active"),
        main("routable_agents"),
        more("pos"),
        more("model"),
        more("breaker"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.version.clone(),
            yes(self.writable),
            self.storage
                .sentence()
                .map_or_else(|| word(&self.storage), str::to_owned),
            self.started_at.to_string(),
            self.sockets.to_string(),
            self.waiting.to_string(),
            self.active.to_string(),
            self.routable_agents.to_string(),
            self.pos.to_string(),
            or_empty(self.provider.as_ref().map(|provider| &provider.model)),
            or_empty(self.provider.as_ref().map(|provider| &provider.breaker)),
        ]
    }

    fn handle(&self) -> String {
        self.version.clone()
    }
}

impl Item for Message {
    const COLUMNS: &'static [Column] = &[
        more("seq"),
        main("at"),
        main("actor"),
        more("visibility"),
        main("text"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.seq.to_string(),
            self.at.to_string(),
            self.actor.name.to_string(),
            word(&self.visibility),
            shown(&self.text, &self.attachments),
        ]
    }

    fn handle(&self) -> String {
        self.seq.to_string()
    }
}

impl Item for SearchHit {
    const COLUMNS: &'static [Column] = &[
        main("chat"),
        main("seq"),
        main("at"),
        main("actor"),
        main("visibility"),
        main("excerpt"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.chat.to_string(),
            self.seq.to_string(),
            self.at.to_string(),
            self.actor.name.to_string(),
            word(&self.visibility),
            self.excerpt.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.chat.to_string()
    }
}

impl Item for Delivered {
    const COLUMNS: &'static [Column] = &[
        main("pos"),
        main("at"),
        main("chat"),
        main("seq"),
        main("actor"),
        main("event"),
        main("cursor"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.record.pos.to_string(),
            self.record.at.to_string(),
            or_empty(self.record.chat.as_ref()),
            or_empty(self.record.seq.as_ref()),
            self.record.actor.name.to_string(),
            self.record.event.kind().to_owned(),
            self.cursor.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.cursor.to_string()
    }
}

/// A change of the queue.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct QueueChange<'a> {
    /// `waits`, `moved` or `left`.
    pub(crate) change: &'static str,
    /// Which chat.
    pub(crate) id: ChatId,
    /// As it waits now, or as it last waited.
    pub(crate) chat: &'a Chat,
}

impl Item for QueueChange<'_> {
    const COLUMNS: &'static [Column] = &[
        main("change"),
        main("id"),
        main("place"),
        main("department"),
        main("customer"),
        main("opened_at"),
    ];

    fn cells(&self, names: &Names) -> Vec<String> {
        vec![
            self.change.to_owned(),
            self.id.to_string(),
            or_empty(self.chat.place.as_ref()),
            names.department(self.chat.department),
            self.chat.name.to_string(),
            self.chat.opened_at.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.id.to_string()
    }
}

/// A record that a change would make.
impl Item for PlannedEvent {
    const COLUMNS: &'static [Column] =
        &[main("event"), main("chat"), main("actor"), main("detail")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.event.kind().to_owned(),
            or_empty(self.chat.as_ref()),
            self.actor.name.to_string(),
            serde_json::to_string(&self.event).unwrap_or_default(),
        ]
    }

    fn handle(&self) -> String {
        self.event.kind().to_owned()
    }
}

impl Item for Effect {
    const COLUMNS: &'static [Column] = &[main("effect")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![self.effect.clone()]
    }

    fn handle(&self) -> String {
        self.effect.clone()
    }
}

impl Item for Posted {
    const COLUMNS: &'static [Column] = &[main("chat"), main("seq"), main("dup"), more("pos")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.chat.to_string(),
            self.seq.to_string(),
            yes(self.dup),
            self.pos.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.seq.to_string()
    }
}

impl Item for PasswordCode {
    const COLUMNS: &'static [Column] = &[
        main("id"),
        main("username"),
        main("code"),
        main("expires_at"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.username.to_string(),
            self.code.expose().to_owned(),
            self.expires_at.to_string(),
        ]
    }

    /// The code: it is what the verb `invite accept` takes.
    fn handle(&self) -> String {
        self.code.expose().to_owned()
    }
}

/// The version of this program.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Version {
    /// Of the program.
    pub(crate) version: &'static str,
    /// Of the wire.
    pub(crate) proto: u32,
}

impl Item for Version {
    const COLUMNS: &'static [Column] = &[main("version"), more("proto")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![self.version.to_owned(), self.proto.to_string()]
    }

    fn handle(&self) -> String {
        self.version.to_owned()
    }
}

/// A file that was written.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct WrittenFile {
    /// Where.
    pub(crate) file: String,
    /// How large, in bytes.
    pub(crate) bytes: u64,
}

impl Item for WrittenFile {
    const COLUMNS: &'static [Column] = &[main("file"), main("bytes")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![self.file.clone(), self.bytes.to_string()]
    }

    fn handle(&self) -> String {
        self.file.clone()
    }
}
