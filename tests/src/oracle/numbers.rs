//! Numbers and intervals against a recount, and the desk as it is written down: invariants 20, 21
//! and 22.

use server::desk::Desk;
use shared::{
    model::{AgentStatus, Interval},
    time::Timestamp,
};

use super::{
    Log, Violation,
    model::{Model, answers, takes_chats},
    queue,
};

pub(super) fn judge(log: &Log, model: &Model, desk: &Desk, found: &mut Vec<Violation>) {
    queue::judge_end(model, desk, found);
    judge_hours(desk, found);
    judge_counts(model, desk, found);
    judge_written(log, desk, found);
}

/// Each interval of presence ends where the next begins; the last is what is now.
fn judge_hours(desk: &Desk, found: &mut Vec<Violation>) {
    for user in desk.users() {
        let hours: Vec<Interval> = desk.hours(user.id, Timestamp::default()).collect();
        let seamless = hours
            .windows(2)
            .all(|pair| pair[0].to == Some(pair[1].from) && pair[0].from < pair[1].from);
        let last = hours.last();
        let now = last.is_some_and(|last| {
            (last.to, last.status, last.reachable) == (None, user.status, user.reachable)
        });
        if !seamless || !now {
            let what = format!("the intervals of {} are {hours:?}", user.username);
            found.push(Violation::new(20, what));
        }
    }
}

fn judge_counts(model: &Model, desk: &Desk, found: &mut Vec<Violation>) {
    let mut differs = |what: String, told: u64, counted: u64| {
        if told != counted {
            let what = format!("{what}: told {told}, counted {counted}");
            found.push(Violation::new(21, what));
        }
    };
    for user in model.staff.values() {
        let told = u64::from(desk.load(user.id));
        let counted = u64::from(model.load(user.id));
        differs(format!("the load of {}", user.username), told, counted);
    }
    for id in model.departments.keys() {
        let Some(told) = desk.workload(*id) else {
            differs(format!("department {id} at the desk"), 0, 1);
            continue;
        };
        let members = || {
            let staff = model.staff.values();
            staff.filter(|user| user.active && answers(user.role) && user.departments.contains(id))
        };
        let online = members().filter(|u| u.status == AgentStatus::Online && u.reachable);
        let takers = || members().filter(|user| takes_chats(user));
        let waiting = model.queue(*id).len() as u64;
        let load: u32 = takers().map(|user| model.load(user.id)).sum();
        let capacity: u32 = takers().map(|user| model.capacity(user, *id)).sum();
        let pairs = [
            ("waiting", u64::from(told.waiting), waiting),
            ("online", u64::from(told.online), online.count() as u64),
            ("load", u64::from(told.load), u64::from(load)),
            ("capacity", u64::from(told.capacity), u64::from(capacity)),
        ];
        for (name, told, counted) in pairs {
            differs(format!("{name} of department {id}"), told, counted);
        }
    }
    for canned in desk.canned() {
        let counted = model.canned.get(&canned.id.0).copied().unwrap_or(0);
        differs(
            format!("uses of canned reply {}", canned.id),
            canned.uses,
            counted,
        );
    }
    let counts = desk.assistant_counts();
    differs("flagged answers".into(), counts.flagged, model.flagged);
    differs("tokens of models".into(), counts.tokens, model.tokens);
}

/// What the hub wrote down is what the records up to there make, and survives being written.
fn judge_written(log: &Log, desk: &Desk, found: &mut Vec<Violation>) {
    let json = serde_json::to_vec(desk).expect("a desk is JSON");
    let read: Option<Desk> = serde_json::from_slice(&json).ok();
    if read.as_ref() != Some(desk) {
        let what = "the desk that is written is not the desk that is read";
        found.push(Violation::new(22, what));
    }
    let Some((pos, written)) = &log.written else {
        return;
    };
    let mut replayed = Desk::default();
    for record in log.records.iter().take_while(|record| record.pos <= *pos) {
        replayed.apply(record);
    }
    if replayed != *written {
        let what = format!("the desk written down after {pos} is not what its records make");
        found.push(Violation::new(22, what));
    }
}
