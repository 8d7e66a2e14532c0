//! Why a chat is with whom it is: what the record says, in words.

use shared::{
    assistant::AssistantReason,
    event::{AssignRule, Event, QueueReason, TransferEnd},
    id::{ChatId, Epoch},
    model::{Actor, ActorKind, Chat, ChatState},
    record::Record,
    time::Timestamp,
};

use crate::{
    args::explain::ExplainVerb,
    failure::Failure,
    invocation::Invocation,
    lookup,
    print::{
        Names,
        explained::{Explained, Step},
    },
    run::chat::{chat, chat_target},
};

/// `explain ..`.
pub(super) async fn run(app: &Invocation, verb: ExplainVerb) -> Result<(), Failure> {
    let ExplainVerb::Chat { chat: id } = verb;
    explain_chat(app, id).await
}

async fn explain_chat(app: &Invocation, id: ChatId) -> Result<(), Failure> {
    let chat = chat(app, id).await?;
    let records: Vec<Record> = app.every(chat_target(id).child("events")).await?;
    let names = lookup::every_name(app).await;
    let steps: Vec<Step> = records
        .iter()
        .filter_map(|record| step(record, &names))
        .collect();
    let explained = Explained {
        summary: summary(&chat, &steps, &names),
        chat,
        steps,
    };
    if !app.print.style().is_for_people() {
        return app.print.item(&explained, &names);
    }
    let mut text = format!("{}\n\n", explained.summary);
    for step in &explained.steps {
        text.push_str(&format!("{}  {}\n", step.at, step.text));
    }
    app.print.text(&text)
}

/// Where the chat is now and why, in one sentence.
fn summary(chat: &Chat, steps: &[Step], names: &Names) -> String {
    let department = names.department(chat.department);
    let id = chat.id;
    let last = |kind: &str| steps.iter().rev().find(|step| step.event == kind);
    let why = |kind: &str| last(kind).map(|step| format!(": {}", step.text));
    let owner = chat.owner.map(|owner| names.user(owner));
    let state = match chat.state {
        ChatState::Hold => ", on hold",
        ChatState::Snoozed => ", snoozed",
        _ => "",
    };
    match (chat.state, owner) {
        (ChatState::Closed, owner) => {
            let with = owner.map_or_else(
                || "nobody had it".to_owned(),
                |owner| format!("{owner} had it last"),
            );
            format!("chat {id} is closed; {with}")
        }
        (ChatState::Resolved, owner) => {
            let with = owner.map_or_else(String::new, |owner| format!("; {owner} had it"));
            format!("chat {id} is resolved{with}")
        }
        (ChatState::Waiting, _) => {
            let place = chat
                .place
                .map_or_else(String::new, |place| format!(" at place {place}"));
            let why = why("chat_queued").unwrap_or_default();
            format!("chat {id} waits in {department}{place}{why}")
        }
        (_, Some(owner)) => {
            let why = why("chat_assigned").unwrap_or_default();
            format!("chat {id} is with {owner} in {department}{state}{why}")
        }
        (ChatState::Assistant, _) => {
            let why = why("assistant_assigned").unwrap_or_default();
            format!("chat {id} is with the assistant in {department}{why}")
        }
        (_, None) => format!("chat {id} is in {department} with nobody"),
    }
}

/// What a record has to do with who has the chat; none where it has nothing.
fn step(record: &Record, names: &Names) -> Option<Step> {
    let mut step = Step::of(record);
    let by = actor(&record.actor, names);
    step.text = match &record.event {
        Event::ChatOpened {
            department,
            name,
            previous,
            ..
        } => {
            step.department = Some(*department);
            let after = previous.map_or_else(String::new, |id| format!(", after chat {id}"));
            let department = names.department(*department);
            format!("opened in {department} by {name}{after}")
        }
        Event::ChatQueued {
            department,
            rank_at,
            reason,
            epoch,
        } => {
            step.department = Some(*department);
            step.epoch = Some(*epoch);
            step.queue_reason = Some(*reason);
            let department = names.department(*department);
            let age = queue_age(record.at, *rank_at);
            format!("queued in {department}, {}{age}", queued_because(*reason))
        }
        Event::ChatAssigned {
            agent,
            epoch,
            rule,
            candidates,
            over_capacity,
        } => {
            step.agent = Some(*agent);
            step.epoch = Some(*epoch);
            step.rule = Some(*rule);
            step.candidates = Some(*candidates);
            step.over_capacity = Some(*over_capacity);
            let agent = names.user(*agent);
            assigned(&agent, *rule, *candidates, &by, *over_capacity, *epoch)
        }
        Event::ChatTransferred { from, to, epoch } => {
            step.department = Some(to.department);
            step.agent = to.agent;
            step.epoch = Some(*epoch);
            let (from, to) = (end(*from, names), end(*to, names));
            format!("moved from {from} to {to} by {by}")
        }
        Event::AssistantAssigned { reason, epoch } => {
            step.epoch = Some(*epoch);
            let why = match reason {
                AssistantReason::Opened => "as it was opened".to_owned(),
                AssistantReason::Reopened => {
                    "as it was reopened and the assistant had it".to_owned()
                }
                AssistantReason::Returned => format!("by {by}"),
            };
            format!("given to the assistant, {why}")
        }
        Event::HandedOff { hand_off } => {
            let detail = hand_off.detail.as_ref();
            let detail = detail.map_or_else(String::new, |detail| format!(", {detail}"));
            format!("handed off by the assistant: {}{detail}", hand_off.reason)
        }
        Event::ChatHeld {} => format!("put on hold by {by}"),
        Event::ChatSnoozed { until } => {
            let until =
                until.map_or_else(|| "the next reply".to_owned(), |until| until.to_string());
            format!("snoozed until {until} by {by}")
        }
        Event::ChatWoken {} => format!("taken up again by {by}"),
        Event::ChatResolved { .. } => format!("resolved by {by}"),
        Event::ChatReopened { episode } => format!("reopened by {by}, episode {episode}"),
        Event::ChatClosed {} => format!("closed by {by}"),
        _ => return None,
    };
    Some(step)
}

const fn queued_because(reason: QueueReason) -> &'static str {
    match reason {
        QueueReason::Opened => "as it was opened",
        QueueReason::Reopened => "as it was reopened",
        QueueReason::Transferred => "as it was moved here",
        QueueReason::AgentLost => "as its agent lost the connection and was not back in time",
        QueueReason::AgentLeft => "as its agent went offline, was disabled or left the department",
        QueueReason::Woken => "as it was taken up again while its agent was not there",
        QueueReason::HandedOff => "as the assistant handed it off",
    }
}

/// Since when it counts as waiting, where that is not since now.
fn queue_age(at: Timestamp, rank_at: Timestamp) -> String {
    match at.since(rank_at).as_secs() {
        0 => String::new(),
        seconds => format!(", waiting for {} already", duration(seconds)),
    }
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

fn assigned(
    agent: &str,
    rule: AssignRule,
    candidates: u32,
    by: &str,
    over_capacity: bool,
    Epoch(epoch): Epoch,
) -> String {
    let why = match rule {
        AssignRule::LeastLoaded if candidates == 1 => {
            format!("given to {agent}, the only agent with room")
        }
        AssignRule::LeastLoaded => format!(
            "given to {agent}, who had the least load for their capacity, or was longest without a \
             new chat, of {candidates} agents with room"
        ),
        AssignRule::Claimed => format!("taken from the queue by {agent}"),
        AssignRule::ByHand => format!("given to {agent} by {by}"),
        AssignRule::Transferred => format!("moved to {agent} by {by}"),
        AssignRule::TakenOver => format!("taken over by {agent}"),
        AssignRule::Reopened => format!("given to {agent}, who had it last and was free"),
    };
    let over = if over_capacity {
        ", above their capacity"
    } else {
        ""
    };
    format!("{why}{over} (epoch {epoch})")
}

fn end(end: TransferEnd, names: &Names) -> String {
    let department = names.department(end.department);
    match end.agent {
        Some(agent) => format!("{} in {department}", names.user(agent)),
        None => department,
    }
}

fn actor(actor: &Actor, names: &Names) -> String {
    match (actor.kind, actor.id) {
        (ActorKind::Agent, Some(id)) => names.user(id),
        (ActorKind::Customer, _) => format!("{}, the customer", actor.name),
        (ActorKind::System, _) => "a rule of the desk".to_owned(),
        _ => actor.name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use shared::{event::AssignRule, id::Epoch};

    use super::{assigned, duration};

    #[test]
    fn every_rule_has_its_sentence() {
        let check =
            |rule, candidates, over| assigned("ana", rule, candidates, "olga", over, Epoch(4));
        assert_eq!(
            check(AssignRule::LeastLoaded, 1, false),
            "given to ana, the only agent with room (epoch 4)"
        );
        assert!(check(AssignRule::LeastLoaded, 3, false).contains("of 3 agents with room"));
        assert_eq!(
            check(AssignRule::ByHand, 0, true),
            "given to ana by olga, above their capacity (epoch 4)"
        );
    }

    #[test]
    fn a_time_is_told_in_its_largest_units() {
        assert_eq!(duration(5), "5 s");
        assert_eq!(duration(125), "2 min");
        assert_eq!(duration(7_500), "2 h 5 min");
    }
}
