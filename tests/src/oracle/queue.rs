//! Who waits and who is given what: invariants 13 to 17.

use std::cmp::Reverse;

use server::desk::Desk;
use shared::{
    command::DepartmentRef,
    event::{AssignRule, Event, QueueReason},
    id::ChatId,
    model::ChatState,
    record::Record,
};

use super::{
    Violation,
    model::{Line, Model, Step, answers, takes_chats},
};

pub(super) fn judge(step: &Step<'_>, found: &mut Vec<Violation>) {
    let Some(id) = step.record.chat else {
        return;
    };
    let Some(line) = step.before.line(id) else {
        return;
    };
    judge_assignment(id, line, step, found);
    judge_rank(id, line, step.record, found);
}

fn judge_assignment(id: ChatId, line: &Line, step: &Step<'_>, found: &mut Vec<Violation>) {
    let (model, pos) = (step.before, step.record.pos);
    let Event::ChatAssigned {
        agent,
        rule,
        over_capacity,
        ..
    } = &step.record.event
    else {
        return;
    };
    let Some(user) = model.staff.get(agent) else {
        found.push(Violation::new(
            17,
            format!("record {pos} gives chat {id} to nobody"),
        ));
        return;
    };
    let by_rule = matches!(rule, AssignRule::LeastLoaded | AssignRule::Reopened);
    let (load, capacity) = (model.load(*agent), model.capacity(user, line.department));
    let room = load < capacity;
    if *over_capacity == room || (by_rule && !room) {
        let what = format!(
            "record {pos} gives chat {id} by {rule:?} to {agent}, who has {load} of {capacity} \
             (over capacity: {over_capacity})"
        );
        found.push(Violation::new(13, what));
    }
    let fits = if by_rule {
        takes_chats(user) && user.departments.contains(&line.department)
    } else {
        user.active && answers(user.role)
    };
    if !fits {
        let what = format!("record {pos} gives chat {id} by {rule:?} to {agent}, who is not there");
        found.push(Violation::new(17, what));
    }
    if *rule == AssignRule::LeastLoaded {
        let first = model.queue(line.department).first().copied();
        if first != Some(id) {
            let what = format!("record {pos} serves chat {id} before {first:?}");
            found.push(Violation::new(15, what));
        }
    }
}

/// The age by which a chat waits: of its own when it goes back, anew when it begins to wait.
fn judge_rank(id: ChatId, line: &Line, record: &Record, found: &mut Vec<Violation>) {
    let Event::ChatQueued {
        rank_at, reason, ..
    } = &record.event
    else {
        return;
    };
    let fits = match reason {
        QueueReason::Opened | QueueReason::Reopened | QueueReason::Woken => *rank_at == record.at,
        _ if line.state == ChatState::Assistant => {
            *rank_at == record.at || *rank_at == line.rank_at
        }
        _ => *rank_at == line.rank_at,
    };
    if !fits {
        let what = format!(
            "chat {id} waits since {rank_at} after {reason:?} at {}",
            record.pos
        );
        found.push(Violation::new(15, what));
    }
}

/// A chat that waits is in one queue, and one that does not in none.
pub(super) fn judge_after(model: &Model, desk: &Desk, record: &Record, found: &mut Vec<Violation>) {
    let Some(id) = record.chat else {
        return;
    };
    let Some(line) = model.line(id) else {
        return;
    };
    let waits = line.state == ChatState::Waiting;
    let queued = desk.place(id).is_some();
    let owned = line.owner.filter(|_| line.state.is_open());
    let kept = desk.chat(id).and_then(|chat| chat.owner);
    let kept = kept.filter(|_| line.state.is_open());
    if waits != queued || (waits && owned.is_some()) || owned != kept {
        let what = format!(
            "after {} chat {id} waits: {waits}, is queued: {queued}, is owned by {kept:?}",
            record.pos
        );
        found.push(Violation::new(14, what));
    }
    let priority = Reverse(line.priority);
    let known = desk
        .chat(id)
        .map(|chat| (Reverse(chat.priority), chat.rank_at));
    if queued && known != Some((priority, line.rank_at)) {
        let what = format!(
            "after {} chat {id} has another place in its queue",
            record.pos
        );
        found.push(Violation::new(15, what));
    }
}

/// When a turn of the hub is over, nobody waits beside someone who is free.
pub(super) fn judge_rest(model: &Model, record: &Record, found: &mut Vec<Violation>) {
    if model.waiting == 0 {
        return;
    }
    for user in model.staff.values().filter(|user| takes_chats(user)) {
        let load = model.load(user.id);
        for department in &user.departments {
            if load >= model.capacity(user, *department) {
                continue;
            }
            if let Some(chat) = model.queue(*department).first() {
                let name = &user.username;
                let (pos, kind) = (record.pos, record.event.kind());
                let what = format!("after {pos} ({kind}) chat {chat} waits beside {name}");
                found.push(Violation::new(16, what));
            }
        }
    }
}

/// Every chat of the desk at the end, and its queues in their order.
pub(super) fn judge_end(model: &Model, desk: &Desk, found: &mut Vec<Violation>) {
    for (id, line) in &model.chats {
        let waits = line.state == ChatState::Waiting;
        let owner = line.owner.filter(|_| line.state.is_open());
        let kept = desk.chat(*id).filter(|chat| chat.state.is_open());
        let kept = kept.and_then(|chat| chat.owner);
        if waits != desk.place(*id).is_some() || owner != kept {
            let what = format!("in the end chat {id} waits: {waits}, is owned by {kept:?}");
            found.push(Violation::new(14, what));
        }
    }
    for id in model.departments.keys() {
        let kept: Vec<ChatId> = desk.queue(*id).map(|chat| chat.id).collect();
        let counted = model.queue(*id);
        let known = desk.department(&DepartmentRef::Id(*id)).is_some();
        if kept != counted || !known {
            let what = format!("the queue of department {id} is {kept:?}, not {counted:?}");
            found.push(Violation::new(15, what));
        }
    }
}
