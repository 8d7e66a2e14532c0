//! The life of a chat, edge by edge, and who did it: invariants 9, 11, 12, 18, 19 and 24.
//!
//! The edges are written down here once more, by what leads into each state, and not taken from
//! the desk.

use shared::{
    event::{Event, Reader},
    id::{ChatId, Epoch},
    model::{ActorKind, ChatState},
};

use super::{
    Violation,
    model::{Line, Model, Step},
    sight,
};

/// Where an event leads from a state; none when there is no such edge.
fn edge(from: ChatState, event: &Event) -> Option<ChatState> {
    use ChatState::{Active, Assistant, Closed, Hold, Resolved, Snoozed, Waiting};
    let (sources, target): (&[ChatState], Option<ChatState>) = match event {
        Event::AssistantAssigned { .. } => (&[Waiting, Active, Hold, Snoozed], Some(Assistant)),
        Event::ChatQueued { .. } => (&[Assistant, Waiting, Active, Hold, Snoozed], Some(Waiting)),
        Event::ChatAssigned { .. } => (&[Assistant, Waiting, Active, Hold, Snoozed], Some(Active)),
        Event::ChatTransferred { .. } => (&[Assistant, Waiting, Active, Hold, Snoozed], None),
        Event::ChatHeld {} => (&[Active, Snoozed], Some(Hold)),
        Event::ChatSnoozed { .. } => (&[Active, Hold, Snoozed], Some(Snoozed)),
        Event::ChatWoken {} => (&[Hold, Snoozed], Some(Active)),
        Event::ChatResolved { .. } => {
            (&[Assistant, Waiting, Active, Hold, Snoozed], Some(Resolved))
        }
        Event::ChatReopened { .. } => (&[Resolved], Some(Waiting)),
        Event::Rated { .. } => (&[Resolved], None),
        Event::ChatClosed {} => {
            let open = &[Assistant, Waiting, Active, Hold, Snoozed, Resolved];
            (open, Some(Closed))
        }
        Event::HandedOff { .. } => (&[Assistant], None),
        Event::AssistantStarted { .. } => (&[Assistant, Waiting], None),
        Event::MessageEdited { .. } => (&[Assistant, Waiting, Active, Hold, Snoozed], None),
        Event::MessagePosted { .. }
        | Event::ReadMarked { .. }
        | Event::UnreadMarked { .. }
        | Event::Tagged { .. }
        | Event::Prioritised { .. }
        | Event::AttributeSet { .. }
        | Event::AssistantReplied { .. }
        | Event::AnswerFlagged { .. } => {
            (&[Assistant, Waiting, Active, Hold, Snoozed, Resolved], None)
        }
        _ => (&[], None),
    };
    sources.contains(&from).then_some(target.unwrap_or(from))
}

pub(super) fn judge(step: &Step<'_>, found: &mut Vec<Violation>) {
    judge_actor(step, found);
    let (Some(id), record) = (step.record.chat, step.record) else {
        return;
    };
    let Some(line) = step.before.line(id) else {
        if !matches!(record.event, Event::ChatOpened { .. }) {
            let what = format!("chat {id} begins with {}", record.event.kind());
            found.push(Violation::new(12, what));
        }
        return;
    };
    let kind = record.event.kind();
    if line.state == ChatState::Closed {
        let what = format!("{kind} at {} is in chat {id}, which is closed", record.pos);
        found.push(Violation::new(19, what));
    } else if edge(line.state, &record.event).is_none() {
        let state = line.state;
        let what = format!(
            "{kind} at {} cannot happen to chat {id}, {state:?}",
            record.pos
        );
        found.push(Violation::new(12, what));
    }
    judge_read(id, line, &record.event, found);
    judge_epoch(id, line, step, found);
    judge_move(id, line, &record.event, found);
    judge_scope(id, line, step, found);
}

/// What must not be open when the log ends: a command is one transaction.
pub(super) fn judge_end(model: &Model, found: &mut Vec<Violation>) {
    for (id, line) in &model.chats {
        if line.moving.is_some() {
            let what = format!("chat {id} was moved and given to nobody");
            found.push(Violation::new(18, what));
        }
    }
}

/// Read markers only move forward, and never beyond what there is to read.
fn judge_read(id: ChatId, line: &Line, event: &Event, found: &mut Vec<Violation>) {
    let Event::ReadMarked { by, seq } = event else {
        return;
    };
    let (last, head) = match by {
        Reader::Customer => (line.read_by_customer, line.public),
        Reader::Staff => (line.read_by_owner, line.seq),
    };
    if *seq < last || *seq > head {
        let what = format!("{by:?} has read chat {id} up to {seq}, after {last}, of {head}");
        found.push(Violation::new(9, what));
    }
}

/// Who has a chat changes one epoch at a time, so that it never has two owners.
fn judge_epoch(id: ChatId, line: &Line, step: &Step<'_>, found: &mut Vec<Violation>) {
    let expected = match &line.moving {
        Some((_, epoch)) => *epoch,
        None => line.epoch.next(),
    };
    let told: Option<Epoch> = match &step.record.event {
        Event::ChatQueued { epoch, .. }
        | Event::ChatAssigned { epoch, .. }
        | Event::AssistantAssigned { epoch, .. }
        | Event::ChatTransferred { epoch, .. } => Some(*epoch),
        _ => None,
    };
    if let Some(epoch) = told.filter(|epoch| *epoch != expected) {
        let what = format!(
            "chat {id} goes from epoch {} to {epoch} at {}",
            line.epoch, step.record.pos
        );
        found.push(Violation::new(11, what));
    }
    if let Event::ChatAssigned { agent, .. } = &step.record.event
        && line.owner == Some(*agent)
        && matches!(line.state, ChatState::Active)
        && line.moving.is_none()
    {
        let what = format!("chat {id} is given to {agent}, who has it");
        found.push(Violation::new(11, what));
    }
}

/// A move says where the chat was, and is followed by who has it there.
fn judge_move(id: ChatId, line: &Line, event: &Event, found: &mut Vec<Violation>) {
    let mut wrong = |what: String| found.push(Violation::new(18, what));
    if let Event::ChatTransferred { from, .. } = event {
        let owner = line.owner;
        if from.department != line.department || (owner.is_some() && from.agent != owner) {
            wrong(format!("chat {id} is moved from where it is not"));
        }
    }
    let Some((to, _)) = &line.moving else {
        return;
    };
    let follows = match event {
        Event::MessagePosted { .. } => true,
        Event::ChatQueued { department, .. } => to.agent.is_none() && *department == to.department,
        Event::ChatAssigned { agent, .. } => to.agent == Some(*agent),
        _ => false,
    };
    if !follows {
        wrong(format!("chat {id} was moved, and {} follows", event.kind()));
    }
}

/// Who may see a record is taken from where its chat is, not from what somebody sent.
fn judge_scope(id: ChatId, line: &Line, step: &Step<'_>, found: &mut Vec<Violation>) {
    let scope = &step.stored.scope;
    let now = match &step.record.event {
        Event::ChatTransferred { to, .. } => to.department,
        Event::ChatQueued { department, .. } => *department,
        _ => line.department,
    };
    let left = (now != line.department).then_some(line.department);
    let fits = scope.department == Some(now)
        && scope.left == left
        && scope.customer == Some(line.customer);
    if !fits {
        let what = format!("record {} of chat {id} is for {scope:?}", step.record.pos);
        found.push(Violation::new(24, what));
    }
    let public = scope.audience == server::desk::visibility::Audience::Public;
    if public != sight::is_public(&step.record.event) {
        let kind = step.record.event.kind();
        let what = format!("{kind} at {} is public: {public}", step.record.pos);
        found.push(Violation::new(24, what));
    }
}

/// Who did it comes from a session: a member of staff by the name they have, the customer of that
/// chat, or a rule.
fn judge_actor(step: &Step<'_>, found: &mut Vec<Violation>) {
    let actor = &step.record.actor;
    let fits = match (actor.kind, actor.id) {
        (ActorKind::Agent, Some(id)) => {
            let user = match &step.record.event {
                // Whoever sets the desk up or accepts an invitation makes themselves.
                Event::UserCreated { user } if user.id == id => Some(user),
                _ => step.before.staff.get(&id),
            };
            user.is_some_and(|user| user.active && user.name == actor.name)
        }
        (ActorKind::Customer, Some(id)) => {
            let chat = step
                .record
                .chat
                .and_then(|chat| step.before.chats.get(&chat));
            match (chat, &step.record.event) {
                (Some(line), _) => line.customer == id && line.name == actor.name,
                (None, Event::ChatOpened { customer, .. }) => *customer == id,
                (None, _) => true,
            }
        }
        (ActorKind::Assistant, None) => true,
        (ActorKind::System, None) => actor.rule.is_some(),
        _ => false,
    };
    let principal = step.stored.mark.as_ref().map(|mark| mark.principal);
    let own = match (actor.kind, actor.id, principal) {
        (ActorKind::Agent | ActorKind::Customer, Some(id), Some(principal)) => {
            principal == 0 || principal == id.0
        }
        _ => true,
    };
    if !fits || !own {
        let (kind, name) = (step.record.event.kind(), &actor.name);
        let what = format!(
            "{kind} at {} is by {:?} {:?} {name:?}, sent by {principal:?}",
            step.record.pos, actor.kind, actor.id
        );
        found.push(Violation::new(24, what));
    }
}
