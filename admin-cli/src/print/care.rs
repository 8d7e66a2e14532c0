//! The columns of audit and erasure.

use shared::{
    api::{AuditVerdict, Erased, RetentionDue},
    record::Record,
};

use super::{
    format::{Column, Item, Names},
    items::{main, more, or_empty, yes},
};

/// A privileged act.
impl Item for Record {
    const COLUMNS: &'static [Column] = &[
        main("pos"),
        main("at"),
        main("actor"),
        main("event"),
        main("detail"),
        more("chat"),
        more("actor_id"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.pos.to_string(),
            self.at.to_string(),
            self.actor.name.to_string(),
            self.event.kind().to_owned(),
            serde_json::to_string(&self.event).unwrap_or_default(),
            or_empty(self.chat.as_ref()),
            or_empty(self.actor.id.as_ref()),
        ]
    }

    fn handle(&self) -> String {
        self.pos.to_string()
    }
}

impl Item for AuditVerdict {
    const COLUMNS: &'static [Column] = &[main("head"), main("erased"), main("problems")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.head.to_string(),
            self.erased.to_string(),
            self.problems.len().to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.head.to_string()
    }
}

impl Item for Erased {
    const COLUMNS: &'static [Column] = &[
        main("customer"),
        main("chats"),
        main("records"),
        main("files"),
        main("clean"),
        more("dup"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.customer.to_string(),
            self.chats.to_string(),
            self.records.to_string(),
            self.files.to_string(),
            yes(self.clean),
            yes(self.dup),
        ]
    }

    fn handle(&self) -> String {
        self.customer.to_string()
    }
}

impl Item for RetentionDue {
    const COLUMNS: &'static [Column] = &[main("chats")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![self.chats.to_string()]
    }

    fn handle(&self) -> String {
        self.chats.to_string()
    }
}
