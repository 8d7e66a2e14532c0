//! What is done with a chat: claim, hand on, resolve, close. Each is a command that names the
//! epoch one saw; whether it may be done is the hub's to say.

use std::collections::BTreeSet;

use shared::{
    command::{Command, DepartmentRef, UserRef},
    fold::ChatView,
    id::ChatId,
    model::{ChatState, Role},
    text::SafeText,
};

use crate::{
    model::{Model, state_word, status_word},
    msg::Effect,
    overlay::{AskFor, Choice, Confirm, Overlay, PickFor, Picker, Target, Then, Value},
};

use super::{browse, overlays, request};

/// The chat of the focused pane, or a word that there is none.
fn here(model: &mut Model) -> Option<ChatView> {
    let Some(view) = model.current_view() else {
        model.say("no chat is open here; Alt+A or u opens the next one that needs you");
        return None;
    };
    let chat = view.chat.clone();
    Some(ChatView {
        chat,
        events: Vec::new(),
    })
}

/// Takes the waiting chat.
pub(super) fn claim(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(ChatView { chat, .. }) = here(model) else {
        return;
    };
    if !matches!(chat.state, ChatState::Waiting | ChatState::Offered) {
        let text = match chat.owner {
            _ if model.owns(chat.id) => format!("#{} is yours already", chat.id),
            Some(owner) if chat.state.is_open() => {
                format!("#{} belongs to {}", chat.id, model.agent(owner))
            }
            _ => format!("#{} is {}", chat.id, state_word(chat.state)),
        };
        return model.say(text);
    }
    let command = Command::Claim {
        chat: chat.id,
        epoch: chat.epoch,
    };
    request(model, command, format!("claim #{}", chat.id), out);
}

/// Ends the episode.
pub(super) fn resolve(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(ChatView { chat, .. }) = here(model) else {
        return;
    };
    if !chat.state.is_open() {
        return model.say(format!(
            "#{} is {} already",
            chat.id,
            state_word(chat.state)
        ));
    }
    let command = Command::Resolve { chat: chat.id };
    request(model, command, format!("resolve #{}", chat.id), out);
}

/// Begins a new episode.
pub(super) fn reopen(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(ChatView { chat, .. }) = here(model) else {
        return;
    };
    if chat.state != ChatState::Resolved {
        return model.say(format!("#{} is {}", chat.id, state_word(chat.state)));
    }
    let command = Command::Reopen { chat: chat.id };
    request(model, command, format!("reopen #{}", chat.id), out);
}

/// Asks before the chat is closed for ever.
pub(super) fn ask_close(model: &mut Model) {
    let Some(ChatView { chat, .. }) = here(model) else {
        return;
    };
    if chat.state == ChatState::Closed {
        return model.say(format!("#{} is closed already", chat.id));
    }
    let question = format!("Close #{} {} for ever?", chat.id, chat.name);
    confirm(model, question, Then::Close(chat.id));
}

/// Asks before the chat is taken from its owner.
pub(super) fn ask_take_over(model: &mut Model) {
    let Some(ChatView { chat, .. }) = here(model) else {
        return;
    };
    match chat.owner {
        _ if !model.leads() => model.complain("only supervisors take chats over"),
        Some(owner) if !model.owns(chat.id) => {
            let question = format!("Take #{} from {}?", chat.id, model.agent(owner));
            confirm(model, question, Then::TakeOver(chat.id));
        }
        Some(_) => model.say(format!("#{} is yours already", chat.id)),
        None => model.say(format!("#{} has no owner; claim it", chat.id)),
    }
}

/// Does what was confirmed.
pub(super) fn confirmed(model: &mut Model, then: Then, out: &mut Vec<Effect>) {
    let epoch = |model: &Model, chat| model.view.chats.get(&chat).map(|view| view.chat.epoch);
    match then {
        Then::Quit => out.push(Effect::Quit),
        Then::OpenLink => browse::take_link(model, out),
        Then::Close(chat) => {
            let epoch = epoch(model, chat);
            let command = Command::Close { chat, epoch };
            request(model, command, format!("close #{chat}"), out);
        }
        Then::TakeOver(chat) => {
            let Some(epoch) = epoch(model, chat) else {
                return model.complain(format!("#{chat} is out of sight"));
            };
            let command = Command::TakeOver { chat, epoch };
            request(model, command, format!("take #{chat} over"), out);
        }
    }
}

/// Asks for the tags.
pub(super) fn ask_tags(model: &mut Model) {
    if let Some(ChatView { chat, .. }) = here(model) {
        overlays::ask(model, AskFor::Tags(chat.id));
    }
}

/// Puts words on a chat; those that begin with `-` come off.
pub(super) fn tag(model: &mut Model, chat: ChatId, words: &str, out: &mut Vec<Effect>) {
    let mut add = BTreeSet::new();
    let mut remove = BTreeSet::new();
    for word in words.split([' ', ',']).filter(|word| !word.is_empty()) {
        match word.strip_prefix('-') {
            Some(word) => remove.insert(SafeText::line(word)),
            None => add.insert(SafeText::line(word)),
        };
    }
    if add.is_empty() && remove.is_empty() {
        return;
    }
    let command = Command::Tag { chat, add, remove };
    request(model, command, format!("tag #{chat}"), out);
}

/// Offers the degrees of urgency.
pub(super) fn open_priority(model: &mut Model) {
    let Some(ChatView { chat, .. }) = here(model) else {
        return;
    };
    let picker = Picker::new(PickFor::Priority(chat.id), degrees());
    model.overlay = Some(Overlay::Picker(picker));
}

/// The degrees of urgency.
pub(super) fn degrees() -> Vec<Choice> {
    let degrees = [
        ("urgent", 2),
        ("high", 1),
        ("normal", 0),
        ("low", -1),
        ("lowest", -2),
    ];
    let choices = degrees.map(|(label, priority)| Choice {
        label: label.to_owned(),
        detail: format!("{priority:+}"),
        value: Value::Priority(priority),
    });
    choices.to_vec()
}

/// Offers departments and people to hand the chat to.
pub(super) fn open_transfer(model: &mut Model) {
    let Some(ChatView { chat, .. }) = here(model) else {
        return;
    };
    if !chat.state.is_open() {
        return model.say(format!("#{} is {}", chat.id, state_word(chat.state)));
    }
    let picker = Picker::new(PickFor::Transfer(chat.id), targets(model));
    model.overlay = Some(Overlay::Picker(picker));
}

/// Departments and people to hand the chat of the focused pane to.
pub(super) fn targets(model: &Model) -> Vec<Choice> {
    let here = model.current_view().map(|view| view.chat.department);
    let departments = model.view.departments.values();
    let departments =
        departments.filter(|department| department.active && Some(department.id) != here);
    let departments = departments.map(|department| Choice {
        label: department.name.to_string(),
        detail: "department".to_owned(),
        value: Value::Target(Target::Department(department.id)),
    });
    let mut choices: Vec<Choice> = departments.collect();
    choices.extend(people(model));
    choices
}

/// Offers people to give the chat to.
pub(super) fn open_assign(model: &mut Model) {
    let Some(ChatView { chat, .. }) = here(model) else {
        return;
    };
    if !model.leads() {
        return model.complain("only supervisors assign chats; transfer your own with t");
    }
    let picker = Picker::new(PickFor::Assign(chat.id), people(model));
    model.overlay = Some(Overlay::Picker(picker));
}

/// The staff, without the owner of the chat of the focused pane.
pub(super) fn people(model: &Model) -> Vec<Choice> {
    let owner = model.current_view().and_then(|view| view.chat.owner);
    let users = model.view.agents.values();
    let can =
        users.filter(|user| user.active && user.role >= Role::Agent && Some(user.id) != owner);
    can.map(|user| {
        let load = model
            .presence
            .get(&user.id)
            .and_then(|presence| presence.load);
        let load = load.map(|load| format!(", has {load}")).unwrap_or_default();
        let state = if user.reachable {
            status_word(user.status)
        } else {
            "not connected"
        };
        Choice {
            label: user.name.to_string(),
            detail: format!("{state}{load}"),
            value: Value::Target(Target::Agent(user.id)),
        }
    })
    .collect()
}

/// Hands a chat on.
pub(super) fn transfer(
    model: &mut Model,
    chat: ChatId,
    to: Target,
    note: &str,
    out: &mut Vec<Effect>,
) {
    let Some(view) = model.view.chats.get(&chat) else {
        return model.complain(format!("#{chat} is out of sight"));
    };
    let (department, agent) = match to {
        Target::Department(id) => (Some(DepartmentRef::Id(id)), None),
        Target::Agent(id) => (None, Some(UserRef::Id(id))),
    };
    let note = SafeText::block(note.trim());
    let command = Command::Transfer {
        chat,
        department,
        agent,
        note: (!note.is_empty()).then_some(note),
        epoch: view.chat.epoch,
    };
    request(model, command, format!("hand #{chat} on"), out);
}

/// Gives a chat to an agent.
pub(super) fn assign(model: &mut Model, chat: ChatId, to: Target, out: &mut Vec<Effect>) {
    let (Target::Agent(agent), Some(view)) = (to, model.view.chats.get(&chat)) else {
        return model.complain(format!("#{chat} is out of sight"));
    };
    let command = Command::Assign {
        chat,
        agent: UserRef::Id(agent),
        epoch: view.chat.epoch,
    };
    request(model, command, format!("assign #{chat}"), out);
}

/// Says how urgent a chat is.
pub(super) fn prioritise(model: &mut Model, chat: ChatId, priority: i8, out: &mut Vec<Effect>) {
    let command = Command::SetPriority { chat, priority };
    request(
        model,
        command,
        format!("change the priority of #{chat}"),
        out,
    );
}

/// Rings no more for this chat, or again.
pub(super) fn mute(model: &mut Model) {
    let Some(ChatView { chat, .. }) = here(model) else {
        return;
    };
    let Some(thread) = model.threads.get_mut(&chat.id) else {
        return;
    };
    thread.muted = !thread.muted;
    let word = if thread.muted {
        "muted"
    } else {
        "no longer muted"
    };
    model.say(format!("#{} is {word}", chat.id));
}

/// Counts the chat as unread again, from its newest message of somebody else on.
pub(super) fn mark_unread(model: &mut Model) {
    let me = model.my_id();
    let Some(chat) = here(model).map(|view| view.chat.id) else {
        return;
    };
    let (Some(view), Some(thread)) = (model.view.chats.get(&chat), model.threads.get_mut(&chat))
    else {
        return;
    };
    let newest = view.events.iter().rev();
    let newest = newest
        .clone()
        .find(|record| crate::thread::is_from_other(record, me));
    let Some(seq) = newest.and_then(|record| record.seq) else {
        return model.say("there is nothing to leave unread");
    };
    thread.seen = Some(shared::id::Seq(seq.0.saturating_sub(1)));
    thread.new_from = Some(seq);
    thread.left_unread = true;
    model.say(format!("#{chat} stays unread until you come back to it"));
}

fn confirm(model: &mut Model, question: String, then: Then) {
    model.overlay = Some(Overlay::Confirm(Confirm { question, then }));
}
