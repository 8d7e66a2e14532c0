//! The one judge: [`invariants`] holds a log, what was acknowledged and what clients saw against
//! the invariants of the design, and tells each violation by its number, in a sentence.
//!
//! It has a fold and a state machine of its own (`model`, `life`), apart from the desk's, so
//! that a mistake of the desk is no mistake of the judge. The numbers are those of the design:
//! 1-24 but 20's calendar of the week (there is none yet: the intervals of presence stand in), and
//! 27. Shown elsewhere, since neither a log nor a view has it:
//!
//! - 25 (a revoked token is served nothing): `sockets::an_ended_session_has_no_socket`;
//! - 26 (no secret in store, logs, arguments): the guard over every program, `access`, `journey`;
//! - 28 (the cell stream): `hostile_text`;
//! - 29 (bounds of queues, memory): `sockets::a_slow_reader_..`, `crowd`;
//! - 30 (no client ends the hub): [`crate::hub::HubProcess`], when it goes down;
//! - 31 (after an overload): `crowd`;
//! - 32 (a restored backup): `restored`, with the judge before and after.

mod answers;
mod chain;
mod client;
mod life;
mod log;
mod model;
mod numbers;
mod queue;
mod sight;

use std::fmt;

use server::desk::Who;
use shared::{event::Event, record::Record, text::SafeText};

use self::{
    chain::Chain,
    model::{Model, Step},
};
pub use self::{
    client::{Ack, Client, acks_of},
    log::Log,
};

/// Sentences that a verdict has; more say nothing new.
const VIOLATIONS_MAX: usize = 40;

/// One invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its number in the design.
    pub invariant: u8,
    /// What is wrong.
    pub what: String,
}

impl Violation {
    fn new(invariant: u8, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { invariant, what }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invariant {}: {}", self.invariant, self.what)
    }
}

/// Everything that is wrong with a log, with what was acknowledged and with what clients saw.
/// None is the verdict that tests want.
#[must_use]
pub fn invariants(log: &Log, acks: &[Ack], views: &[Client]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut chain = Chain::default();
    let mut model = Model::default();
    let mut desk = server::desk::Desk::default();
    for (index, (stored, record)) in log.stored.iter().zip(&log.records).enumerate() {
        chain.judge(stored, record, &mut found);
        desk.apply(record);
        if stored.is_redacted() {
            // Its words are gone, and with them what it did; its place is judged above.
            model.skip(record);
            continue;
        }
        let step = Step {
            before: &model,
            stored,
            record,
        };
        life::judge(&step, &mut found);
        queue::judge(&step, &mut found);
        model.apply(record);
        queue::judge_after(&model, &desk, record, &mut found);
        // Records of one turn have one time: between turns the desk owes nothing.
        let next = log.records.get(index + 1);
        if next.is_none_or(|next| next.at != record.at) {
            queue::judge_rest(&model, record, &mut found);
        }
        if found.len() >= VIOLATIONS_MAX {
            break;
        }
    }
    if found.is_empty() {
        life::judge_end(&model, &mut found);
        numbers::judge(log, &model, &log.desk, &mut found);
    }
    answers::judge_log(log, &mut found);
    answers::judge(log, acks, views, &mut found);
    sight::judge(log, views, &mut found);
    found.truncate(VIOLATIONS_MAX);
    found
}

/// Fails with every violation.
///
/// # Panics
/// When there is one.
#[track_caller]
pub fn assert_none(found: &[Violation], context: &str) {
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{context}\n{}", lines.join("\n"));
}

/// The texts among `records`.
#[must_use]
pub fn texts(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .filter_map(|record| match &record.event {
            Event::MessagePosted { text, .. } => Some(text.to_string()),
            _ => None,
        })
        .collect()
}

/// A principal as the hub knows it: a member of staff.
#[must_use]
pub const fn staff(person: &crate::site::Person) -> Who {
    Who::User(person.user.id)
}

/// A principal as the hub knows it: a customer.
#[must_use]
pub fn customer(guest: &crate::site::Guest, name: &str) -> Who {
    Who::Customer {
        id: guest.id,
        name: SafeText::line(name),
    }
}
