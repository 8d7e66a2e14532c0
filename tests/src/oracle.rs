//! The one judge: holds what clients saw and were promised against the log of the hub.
//!
//! Reads the store of a hub that is down. Every violation is a sentence; none is the verdict
//! that tests want.

use std::collections::{BTreeMap, BTreeSet};

use server::{
    desk::{
        Desk, Who,
        visibility::{Viewer, visible},
    },
    store::{Part, Store, StoreUrl, StoredRecord},
};
use shared::{
    event::Event,
    fold::View,
    id::{ChatId, CommandId, Pos, Seq},
    model::ChatState,
    record::Record,
    text::SafeText,
};

use crate::robot::Seen;

/// Everything that a hub remembers.
pub struct Log {
    /// The rows of the log.
    pub stored: Vec<StoredRecord>,
    /// The same, read.
    pub records: Vec<Record>,
    /// The desk that the records make.
    pub desk: Desk,
}

impl Log {
    /// Reads the store of a hub that is down.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn read(url: &StoreUrl) -> Self {
        let store = Store::open(url).expect("the store opens");
        let mut stored = Vec::new();
        let mut after = Pos(0);
        loop {
            let chunk = store
                .read(Part::MAIN, after, 4_096)
                .await
                .expect("the log reads");
            let Some(last) = chunk.last() else {
                break;
            };
            after = last.pos;
            stored.extend(chunk);
        }
        let records = stored
            .iter()
            .map(|stored| stored.record().expect("a record reads"))
            .collect::<Vec<_>>();
        let mut desk = Desk::default();
        for record in &records {
            desk.apply(record);
        }
        Self {
            stored,
            records,
            desk,
        }
    }

    /// What the log itself violates: dense positions and seqs, one effect per command id, the
    /// laws of the desk in its last state.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut seqs = BTreeMap::<ChatId, Seq>::new();
        let mut marks = BTreeSet::<(u64, CommandId)>::new();
        for (expected, stored) in (1..).zip(&self.stored) {
            if stored.pos != Pos(expected) {
                faults.push(format!("record {} stands at place {expected}", stored.pos));
            }
            if let (Some(chat), Some(seq)) = (stored.chat, stored.seq) {
                let last = seqs.insert(chat, seq).unwrap_or_default();
                if seq != last.next() {
                    faults.push(format!("chat {chat} goes from seq {last} to {seq}"));
                }
            }
            if let Some(mark) = &stored.mark
                && !marks.insert((mark.principal, mark.cid.clone()))
            {
                faults.push(format!("{} was done twice", mark.cid));
            }
        }
        faults.extend(self.desk_faults());
        faults
    }

    fn desk_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for chat in self.desk.chats() {
            let queued = self.desk.place(chat.id).is_some();
            let owned = chat.owner.is_some() && chat.state.is_open();
            if chat.state.is_open() && queued == owned {
                faults.push(format!(
                    "chat {} is queued {queued} and owned {owned}",
                    chat.id
                ));
            }
            if chat.state == ChatState::Waiting {
                let free = self.desk.users().find(|user| {
                    user.departments.contains(&chat.department) && self.desk.routable(user.id)
                });
                if let Some(free) = free {
                    faults.push(format!("chat {} waits beside {}", chat.id, free.username));
                }
            }
        }
        faults.extend(self.capacity_faults());
        faults
    }

    /// Nobody is given more than they can take, at any time in the log, unless by hand.
    fn capacity_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut desk = Desk::default();
        for record in &self.records {
            desk.apply(record);
            if let Event::ChatAssigned {
                agent,
                over_capacity: false,
                ..
            } = &record.event
                && desk.load(*agent) > 4
            {
                faults.push(format!("record {} puts {agent} above capacity", record.pos));
            }
        }
        faults
    }

    /// What a client saw or was promised that the log does not hold, and the reverse.
    /// `who` is the client's principal; it must have been connected since before its chats began,
    /// so that its view holds all of them.
    #[must_use]
    pub fn faults_of(&self, name: &str, who: &Who, seen: &Seen) -> Vec<String> {
        let mut faults = seen
            .faults
            .iter()
            .map(|fault| format!("{name}: {fault}"))
            .collect::<Vec<_>>();
        let by_cid = self
            .stored
            .iter()
            .filter_map(|stored| Some((stored.mark.as_ref()?.cid.clone(), stored)))
            .collect::<BTreeMap<_, _>>();
        for (cid, (pos, chat, _)) in &seen.acked {
            match by_cid.get(cid) {
                None if chat.is_some() && seen.records.iter().all(|record| record.pos != *pos) => {
                    // A command that changed nothing is acknowledged at the head of the log.
                }
                Some(stored) if stored.pos != *pos => {
                    faults.push(format!(
                        "{name}: {cid} was promised at {pos}, stands at {}",
                        stored.pos
                    ));
                }
                _ => {}
            }
        }
        for record in &seen.records {
            match self.records.get((record.pos.0 - 1) as usize) {
                Some(stored) if stored == record => {}
                Some(_) => faults.push(format!("{name}: record {} is another one", record.pos)),
                None => faults.push(format!("{name}: record {} is a phantom", record.pos)),
            }
        }
        let Some(viewer) = self.desk.viewer(who) else {
            faults.push(format!("{name} is unknown"));
            return faults;
        };
        faults.extend(self.view_faults(name, &viewer, &seen.view));
        faults
    }

    /// A client's chats against the log: the same records in the same order, no more, no less.
    fn view_faults(&self, name: &str, viewer: &Viewer, view: &View) -> Vec<String> {
        let mut faults = Vec::new();
        for chat in self.desk.chats() {
            let expected = self
                .stored
                .iter()
                .zip(&self.records)
                .filter(|(stored, _)| stored.chat == Some(chat.id))
                .filter(|(stored, _)| {
                    let mut scope = stored.scope;
                    scope.department = Some(chat.department);
                    visible(viewer, &scope)
                })
                .map(|(_, record)| record)
                .collect::<Vec<_>>();
            // A chat that has gone elsewhere stays as it was last seen; its records were compared.
            let in_sight = viewer.departments.contains(&chat.department);
            if expected.is_empty() || (viewer.role.is_staff() && !in_sight) {
                continue;
            }
            let Some(mine) = view.chats.get(&chat.id) else {
                faults.push(format!("{name} does not see chat {}", chat.id));
                continue;
            };
            let tail = expected.len().saturating_sub(mine.events.len());
            if mine.events.iter().ne(expected[tail..].iter().copied()) {
                faults.push(format!(
                    "{name}: chat {} shows {} records that are not the last of the log's {}",
                    chat.id,
                    mine.events.len(),
                    expected.len()
                ));
            }
        }
        faults
    }
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
