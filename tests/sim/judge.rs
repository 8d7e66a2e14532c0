//! Everybody against the log, at the end of a day.

use std::rc::Rc;

use server::store::{Disk, Part, StoredRecord};
use shared::{id::Pos, record::Record};
use tests::oracle::{Client, Log, acks_of, invariants};

use crate::{client::Actor, day::Figures, faults::copy, site::BEGIN_S};

/// What the judge says.
pub(crate) struct Verdict {
    pub(crate) wrong: Vec<String>,
    pub(crate) figures: Figures,
    /// The log, a line each.
    pub(crate) log: Vec<String>,
}

/// Reads what a disk has, and holds everybody against it.
pub(crate) fn judge(disk: &Disk, actors: &[Rc<Actor>]) -> Verdict {
    let log = read(disk);
    let clients: Vec<_> = actors.iter().flat_map(|actor| clients(actor)).collect();
    let found = invariants(&log, &acks_of(&clients), &clients);
    let count = |number| found.iter().filter(|one| one.invariant == number).count() as u64;
    let sum = |of: fn(&Client) -> u64| clients.iter().map(of).sum();
    let figures = Figures {
        records: log.records.len() as u64,
        accepted: sum(|client| client.seen.acked.len() as u64),
        connects: sum(|client| u64::from(client.seen.connects)),
        lost: count(1),
        phantom: count(2),
        double: count(3),
        ..Figures::default()
    };
    let mut wrong: Vec<_> = found.iter().map(ToString::to_string).collect();
    let restless = actors.iter().filter(|actor| !actor.is_at_rest());
    wrong.extend(restless.map(|actor| format!("{} still waits", actor.person.name)));
    wrong.extend(actors.iter().filter_map(|actor| unanswered(actor)));
    Verdict {
        wrong,
        figures,
        log: log.stored.iter().zip(&log.records).map(line).collect(),
    }
}

/// A program that promised to send something is answered, by yes or by no, in this run or in a
/// later one.
fn unanswered(actor: &Actor) -> Option<String> {
    let lives = actor.lives.borrow();
    let promised = lives.iter().flat_map(|life| &life.sent);
    let answered = |cid| lives.iter().any(|life| life.seen.answered(cid));
    let count = promised.filter(|(cid, _)| !answered(cid)).count();
    let name = &actor.person.name;
    (count > 0).then(|| format!("{name}: {count} commands were promised and never answered"))
}

/// What each run of a program remembers. Only the last is there to have heard everything.
fn clients(actor: &Actor) -> Vec<Client> {
    let lives = actor.lives.borrow();
    let last = lives.len().saturating_sub(1);
    let remembered = lives.iter().enumerate().map(|(index, life)| Client {
        name: actor.person.name.clone(),
        id: actor.person.id,
        role: actor.person.role,
        sent: life.sent.clone(),
        seen: life.seen.clone(),
        is_complete: index == last,
    });
    remembered.collect()
}

fn line((stored, record): (&StoredRecord, &Record)) -> String {
    let since = record.at.as_ms() - 1_000 * BEGIN_S as i64;
    let (pos, kind, hash) = (record.pos, record.event.kind(), stored.hash);
    format!(
        "{since} {pos} {:?} {:?} {kind} {hash:?}",
        record.chat, record.seq
    )
}

fn read(disk: &Disk) -> Log {
    let store = copy(disk).store().expect("the disk has a store");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let mut stored = Vec::new();
    runtime.block_on(async {
        loop {
            let after = stored.last().map_or(Pos(0), |last: &StoredRecord| last.pos);
            let page = store.read(Part::MAIN, after, 4_096).await;
            let page = page.expect("the log reads");
            if page.is_empty() {
                return;
            }
            stored.extend(page);
        }
    });
    Log::of(stored, None, store.lineage().to_string()).expect("every record reads")
}
