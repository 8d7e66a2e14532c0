//! What was promised, and that each command had its effect once: invariants 1, 3, 6 and 8.

use std::collections::{BTreeMap, BTreeSet};

use server::store::StoredRecord;
use shared::{
    command::Command,
    event::Event,
    id::{ChatId, CommandId, Pos, Seq},
    model::ActorKind,
};

use super::{Ack, Client, Log, Violation};

/// What the log says by itself: a command is done once, its answer names what is there, and every
/// message of a person is of one command.
pub(super) fn judge_log(log: &Log, found: &mut Vec<Violation>) {
    let mut marks = BTreeSet::<(u64, &CommandId)>::new();
    let mut places = BTreeMap::<(ChatId, Seq), Pos>::new();
    for stored in &log.stored {
        if let (Some(chat), Some(seq)) = (stored.chat, stored.seq) {
            places.insert((chat, seq), stored.pos);
        }
        let Some(mark) = &stored.mark else { continue };
        if !marks.insert((mark.principal, &mark.cid)) {
            let what = format!("{} of {} was done twice", mark.cid, mark.principal);
            found.push(Violation::new(3, what));
        }
        let (Some(chat), Some(seq)) = (stored.chat, mark.seq) else {
            continue;
        };
        if !places.contains_key(&(chat, seq)) {
            let what = format!(
                "{} names seq {seq} of chat {chat}, which is not there",
                mark.cid
            );
            found.push(Violation::new(6, what));
        }
    }
    let mut next: Option<u64> = None;
    for (stored, record) in log.stored.iter().zip(&log.records).rev() {
        if let Some(mark) = &stored.mark {
            next = Some(mark.principal);
        }
        let person = match record.actor.kind {
            ActorKind::Agent | ActorKind::Customer => record.actor.id,
            ActorKind::Assistant | ActorKind::System => None,
        };
        let message = matches!(record.event, Event::MessagePosted { .. });
        let Some(person) = person.filter(|_| message) else {
            continue;
        };
        if next != Some(person.0) && next != Some(0) {
            let pos = record.pos;
            let what = format!("the message at {pos} of {person} is of no command of theirs");
            found.push(Violation::new(6, what));
        }
    }
}

pub(super) fn judge(log: &Log, acks: &[Ack], views: &[Client], found: &mut Vec<Violation>) {
    let marks: BTreeMap<(u64, &CommandId), &StoredRecord> = log
        .stored
        .iter()
        .filter_map(|stored| {
            let mark = stored.mark.as_ref()?;
            Some(((mark.principal, &mark.cid), stored))
        })
        .collect();
    for ack in acks {
        judge_ack(
            log,
            ack,
            marks.get(&(ack.principal, &ack.cid)).copied(),
            found,
        );
    }
    for view in views {
        judge_order(view, &marks, found);
    }
}

fn judge_ack(log: &Log, ack: &Ack, stored: Option<&StoredRecord>, found: &mut Vec<Violation>) {
    let Ack { name, cid, pos, .. } = ack;
    let Some(stored) = stored else {
        // A command that changes nothing is answered where the log ends.
        let message = matches!(ack.command, Some(Command::PostMessage { .. }));
        if message || log.record(*pos).is_none() {
            let what = format!("{name}: {cid} was promised at {pos} and is not there");
            found.push(Violation::new(1, what));
        }
        return;
    };
    let seq = stored.mark.as_ref().and_then(|mark| mark.seq);
    if stored.pos != *pos || seq != ack.seq {
        let what = format!(
            "{name}: {cid} was promised at {pos} as {:?}, and stands at {} as {seq:?}",
            ack.seq, stored.pos
        );
        found.push(Violation::new(1, what));
        return;
    }
    let Some(Command::PostMessage {
        text, visibility, ..
    }) = &ack.command
    else {
        return;
    };
    let at = log
        .stored
        .iter()
        .zip(&log.records)
        .take(stored.pos.0 as usize);
    let said = at
        .rev()
        .find(|(one, _)| (one.chat, one.seq) == (ack.chat, ack.seq));
    let whole = said.is_some_and(|(one, record)| match &record.event {
        Event::MessagePosted {
            text: said,
            visibility: to,
            ..
        } => said == text && to == visibility,
        _ => one.is_redacted(),
    });
    if !whole {
        let what = format!("{name}: {cid} says {text:?}, its record does not");
        found.push(Violation::new(1, what));
    }
}

/// What one client sent is in the log in the order in which it was sent.
fn judge_order(
    client: &Client,
    marks: &BTreeMap<(u64, &CommandId), &StoredRecord>,
    found: &mut Vec<Violation>,
) {
    let name = &client.name;
    for fault in &client.seen.faults {
        found.push(Violation::new(8, format!("{name}: {fault}")));
    }
    let mut last = Pos(0);
    for (cid, _) in &client.sent {
        let Some(stored) = marks.get(&(client.id.0, cid)) else {
            continue;
        };
        if stored.pos <= last {
            let what = format!("{name}: {cid} was sent later and stands before {last}");
            found.push(Violation::new(8, what));
        }
        last = last.max(stored.pos);
    }
}
