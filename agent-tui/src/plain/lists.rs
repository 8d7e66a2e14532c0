//! What is told when it is asked for: the chats, the team, the departments, a draft. Pure.

use std::time::Duration;

use shared::{
    fold::ChatView,
    id::ChatId,
    model::{ChatState, Role},
};

use crate::{
    assisted::{self, Card, Doing},
    model::{Model, state_word, status_word},
    update::wall::Alarm,
};

use super::words::{name_of, speaker};

/// Our chats, the queues, what is resolved, the team in one line.
pub(crate) fn chats(model: &Model) -> Vec<String> {
    let listing = model.listing();
    let mut lines = vec![format!("your chats: {}", listing.mine.len())];
    let row = |chat: &ChatId| {
        let view = model.view.chats.get(chat)?;
        Some(format!(
            "#{chat}{}: {}",
            name_of(model, *chat),
            standing(model, view)
        ))
    };
    lines.extend(listing.mine.iter().filter_map(row));
    for (department, chats) in &listing.queues {
        lines.push(format!(
            "queue {}: {}",
            model.department(*department),
            chats.len()
        ));
        for (place, chat) in chats.iter().enumerate() {
            let Some(view) = model.view.chats.get(chat) else {
                continue;
            };
            let waits = how_long(model.now.since(view.chat.rank_at));
            let urgent = if view.chat.priority > 0 {
                ", urgent"
            } else {
                ""
            };
            let (name, place) = (name_of(model, *chat), place + 1);
            lines.push(format!(
                "#{chat}{name}: place {place}, waits {waits}{urgent}"
            ));
        }
    }
    if !listing.assistant.is_empty() {
        lines.push(format!("assistant: {}", listing.assistant.len()));
        lines.extend(listing.assistant.iter().filter_map(row));
    }
    if !listing.resolved.is_empty() {
        lines.push(format!("resolved: {}", listing.resolved.len()));
        lines.extend(listing.resolved.iter().filter_map(row));
    }
    let here = team(model).filter(|(_, reachable, _)| *reachable).count();
    lines.push(format!("team: {here} others connected; /who names them"));
    lines
}

/// What the assistant told when it handed the chat in front off.
pub(crate) fn card(model: &Model) -> Vec<String> {
    let Some(view) = model.current_view() else {
        return vec!["no chat is open here; /go opens one".to_owned()];
    };
    let lines = card_of(view);
    if lines.is_empty() {
        return vec![format!(
            "#{} does not come from the assistant",
            view.chat.id
        )];
    }
    lines
}

/// The lines of the card of a chat; none when it has none.
pub(super) fn card_of(view: &ChatView) -> Vec<String> {
    let Some(hand_off) = assisted::hand_off(&view.chat) else {
        return Vec::new();
    };
    let card = Card::of(hand_off);
    let mut lines = vec![format!("handed off by the assistant: {}", card.why)];
    let row = |(what, text): (&str, String)| format!("hand-off, {what}: {}", text);
    lines.extend(card.lines.into_iter().map(row));
    lines
}

/// Our chats that have unread messages.
pub(crate) fn unread(model: &Model) -> Vec<String> {
    let listing = model.listing();
    let unread = listing
        .mine
        .iter()
        .filter_map(|chat| match model.unread(*chat) {
            0 => None,
            count => Some(format!(
                "#{chat}{}: {count} new (/go {chat})",
                name_of(model, *chat)
            )),
        });
    let mut lines: Vec<String> = unread.collect();
    if lines.is_empty() {
        lines.push("nothing is unread".to_owned());
    }
    lines
}

/// The team, and who is in the chat in front.
pub(crate) fn who(model: &Model) -> Vec<String> {
    let mut lines: Vec<String> = team(model).map(|(_, _, line)| line).collect();
    if lines.is_empty() {
        lines.push("nobody else is on the team".to_owned());
    }
    let Some((chat, thread)) = model.current().zip(model.current_thread()) else {
        return lines;
    };
    for (user, presence) in &model.presence {
        if presence.viewing == Some(chat) && Some(*user) != model.my_id() {
            lines.push(format!("{} looks at #{chat}", speaker(&model.agent(*user))));
        }
    }
    for typing in thread.typing.values() {
        lines.push(format!("{} types in #{chat}", speaker(&typing.name)));
    }
    lines
}

/// Everybody else on the staff: name, whether a program of theirs is connected, the whole line.
fn team(model: &Model) -> impl Iterator<Item = (String, bool, String)> {
    let users = model.view.agents.values();
    let others = users
        .filter(|user| user.active && user.role >= Role::Agent && Some(user.id) != model.my_id());
    others.map(|user| {
        let load = model
            .presence
            .get(&user.id)
            .and_then(|presence| presence.load);
        let load = load
            .map(|load| format!(", chats {load}"))
            .unwrap_or_default();
        let state = if user.reachable {
            status_word(user.status)
        } else {
            "not connected"
        };
        let name = speaker(&user.name);
        let line = format!("{name}: {state}{load}");
        (name, user.reachable, line)
    })
}

/// How each department stands.
pub(crate) fn wall(model: &Model) -> Vec<String> {
    let departments = model.view.departments.values();
    let known = departments.filter_map(|one| Some((one, model.workloads.get(&one.id)?)));
    let mut lines: Vec<String> = known
        .map(|(department, workload)| {
            let longest = workload.oldest_at.map(|at| how_long(model.now.since(at)));
            let longest = longest
                .map(|longest| format!(", longest {longest}"))
                .unwrap_or_default();
            let alarm = Alarm::of(workload, model.now);
            let alarm = alarm
                .map(|alarm| format!("; attention: {}", alarm.text().trim_start_matches("! ")));
            format!(
                "{}: waiting {}{longest}; online {}, busy {}, away {}; chats {} of {}{}",
                speaker(&department.name),
                workload.waiting,
                workload.online,
                workload.busy,
                workload.away,
                workload.load,
                workload.capacity,
                alarm.unwrap_or_default()
            )
        })
        .collect();
    if lines.is_empty() {
        lines.push("no department has told how it stands yet".to_owned());
    }
    lines
}

/// The drafts of the chat in front.
pub(crate) fn draft(model: &Model) -> Vec<String> {
    let Some((chat, thread)) = model.current().zip(model.current_thread()) else {
        return vec!["no chat is open here; /go opens one".to_owned()];
    };
    let mut lines = Vec::new();
    let drafts = [
        ("reply", &thread.reply, false),
        ("note for the team", &thread.note, true),
    ];
    for (what, composer, noting) in drafts {
        if !composer.is_empty() {
            let next = if thread.noting == noting {
                " (/send sends this)"
            } else {
                ""
            };
            lines.push(format!(
                "draft of a {what} in #{chat}{next}: {}",
                composer.text()
            ));
        }
    }
    if lines.is_empty() {
        lines.push(format!("there is no draft in #{chat}"));
    }
    lines
}

/// Department, state, owner, what is unread, in words.
pub(crate) fn standing(model: &Model, view: &ChatView) -> String {
    let chat = &view.chat;
    let mut words = vec![
        model.department(chat.department),
        state_word(chat.state).to_owned(),
    ];
    match chat.owner {
        _ if model.owns(chat.id) => words.push("yours".to_owned()),
        Some(owner) => words.push(format!("of {}", model.agent(owner))),
        None => {}
    }
    if chat.state == ChatState::Assistant {
        words.push(Doing::of(view).words().to_owned());
    }
    if matches!(chat.state, ChatState::Waiting | ChatState::Offered) {
        words.push(format!("waits {}", how_long(model.now.since(chat.rank_at))));
    }
    match model.unread(chat.id) {
        0 => {}
        count => words.push(format!("{count} new")),
    }
    if model
        .threads
        .get(&chat.id)
        .is_some_and(|thread| thread.has_draft())
    {
        words.push("draft kept".to_owned());
    }
    words.join(", ")
}

/// In words that can be spoken.
fn how_long(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match minutes {
        0 => "less than a minute".to_owned(),
        1 => "1 minute".to_owned(),
        2..=119 => format!("{minutes} minutes"),
        120..=2879 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}
