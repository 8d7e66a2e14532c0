//! What is done with a chat: claim, hand on, resolve, close. Each is a command that names the
//! epoch one saw; whether it may be done is the hub's to say.

use std::collections::BTreeSet;

use shared::{
    command::{Command, DepartmentRef, UserRef},
    id::{ChatId, Seq, UserId},
    model::{Chat, ChatState, Role, Visibility},
    text::SafeText,
};

use crate::{
    deed::{Aim, Deed, Target},
    keys::Intent,
    model::{Model, state_word, status_word},
    msg::Effect,
    overlay::{AskFor, Choice, Overlay, PickFor, Picker, Prompt, Then, Value},
    thread::is_from_other,
    unread::Said,
    when,
};

use super::{browse, bulk, overlays, request};

/// Why `deed` makes no sense for `chat`, as far as can be seen from here.
pub(super) fn why_not(model: &Model, chat: ChatId, deed: &Deed) -> Option<String> {
    let Some(view) = model.view.chats.get(&chat) else {
        return Some(format!("#{chat} is out of sight"));
    };
    let state = view.chat.state;
    let is = |sensible: bool| (!sensible).then(|| format!("#{chat} is {}", state_word(state)));
    match deed {
        Deed::Claim
            if matches!(
                state,
                ChatState::Waiting | ChatState::Offered | ChatState::Assistant
            ) =>
        {
            None
        }
        Deed::Claim => Some(match view.chat.owner {
            _ if model.owns(chat) => format!("#{chat} is yours already"),
            Some(owner) if state.is_open() => {
                format!("#{chat} is taken by {}", model.agent(owner))
            }
            _ => format!("#{chat} is {}", state_word(state)),
        }),
        Deed::TakeOver => match view.chat.owner {
            _ if !model.leads() => Some("only supervisors take chats over".to_owned()),
            Some(_) if !model.owns(chat) => None,
            Some(_) => Some(format!("#{chat} is yours already")),
            None => Some(format!("#{chat} has no owner; claim it")),
        },
        Deed::Return if state == ChatState::Waiting => {
            Some(format!("#{chat} waits for a person; claim it first"))
        }
        Deed::Return => is(state.is_open() && view.chat.owner.is_some()),
        Deed::Assign { .. } | Deed::Transfer { .. } | Deed::Resolve => is(state.is_open()),
        Deed::Close => is(state != ChatState::Closed),
        Deed::Reopen => is(state == ChatState::Resolved),
        Deed::Hold => is(matches!(state, ChatState::Active | ChatState::Snoozed)),
        Deed::Snooze(words) => {
            let read = when::parse(words, model.now, &model.settings.zone);
            let unread = || read.err().map(|why| why.to_string());
            is(state == ChatState::Active || state.is_parked()).or_else(unread)
        }
        Deed::Wake => is(state.is_parked()),
        Deed::Tag { .. } | Deed::Priority(_) | Deed::Mute | Deed::Unmute => None,
    }
}

/// The commands that do `deed` to `chat`, the one that decides last; none for what is done here.
pub(super) fn commands(model: &mut Model, chat: ChatId, deed: &Deed) -> Vec<Command> {
    let Some(view) = model.view.chats.get(&chat) else {
        return Vec::new();
    };
    let epoch = view.chat.epoch;
    let command = match deed {
        Deed::Claim => Command::Claim { chat, epoch },
        Deed::TakeOver => Command::TakeOver { chat, epoch },
        Deed::Assign { to, note } => {
            let assign = Command::Assign {
                chat,
                agent: UserRef::Id(*to),
                epoch,
            };
            let note = (!note.is_empty()).then(|| Command::PostMessage {
                chat,
                text: note.clone(),
                visibility: Visibility::Note,
                expected_seq: None,
                canned: Vec::new(),
            });
            // The note first: afterwards the chat may be out of sight.
            return note.into_iter().chain([assign]).collect();
        }
        Deed::Transfer { to, note } => {
            let (department, agent) = match to {
                Target::Department(id) => (Some(DepartmentRef::Id(*id)), None),
                Target::Agent(id) => (None, Some(UserRef::Id(*id))),
            };
            let note = (!note.is_empty()).then(|| note.clone());
            Command::Transfer {
                chat,
                department,
                agent,
                note,
                epoch,
            }
        }
        Deed::Return => Command::ReturnToAssistant { chat, epoch },
        Deed::Resolve => Command::Resolve { chat },
        Deed::Close => Command::Close {
            chat,
            epoch: Some(epoch),
        },
        Deed::Reopen => Command::Reopen { chat },
        Deed::Tag { add, remove } => Command::Tag {
            chat,
            add: add.clone(),
            remove: remove.clone(),
        },
        Deed::Priority(priority) => Command::SetPriority {
            chat,
            priority: *priority,
        },
        Deed::Hold => Command::Hold { chat },
        Deed::Snooze(words) => match when::parse(words, model.now, &model.settings.zone) {
            Ok(until) => Command::Snooze { chat, until },
            // Said before it came here.
            Err(_) => return Vec::new(),
        },
        Deed::Wake => Command::Wake { chat },
        Deed::Mute | Deed::Unmute => {
            if let Some(thread) = model.threads.get_mut(&chat) {
                thread.muted = *deed == Deed::Mute;
            }
            return Vec::new();
        }
    };
    vec![command]
}

/// Does what was confirmed.
pub(super) fn confirmed(model: &mut Model, then: Then, out: &mut Vec<Effect>) {
    match then {
        Then::Quit => out.push(Effect::Quit),
        Then::OpenLink => browse::take_link(model, out),
        Then::Do(aim, deed) => bulk::perform(model, aim, deed, out),
    }
}

/// Asks for the tags.
pub(super) fn ask_tags(model: &mut Model) {
    if let Some(aim) = bulk::aim(model) {
        overlays::ask(model, AskFor::Tags(aim));
    }
}

/// Puts words on chats; those that begin with `-` come off.
pub(super) fn tag(model: &mut Model, aim: Aim, words: &str, out: &mut Vec<Effect>) {
    let mut add = BTreeSet::new();
    let mut remove = BTreeSet::new();
    for word in words.split([' ', ',']).filter(|word| !word.is_empty()) {
        match word.strip_prefix('-') {
            Some(word) => remove.insert(SafeText::line(word)),
            None => add.insert(SafeText::line(word)),
        };
    }
    if !add.is_empty() || !remove.is_empty() {
        bulk::begin(model, aim, Deed::Tag { add, remove }, out);
    }
}

/// Offers the degrees of urgency.
pub(super) fn open_priority(model: &mut Model) {
    let Some(aim) = bulk::aim(model) else {
        return;
    };
    let picker = Picker::new(PickFor::Priority(aim), degrees());
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

/// What an action that hands chats on is about; says so when it is over.
fn aim_open(model: &mut Model) -> Option<Aim> {
    let aim = bulk::aim(model)?;
    let over = aimed(model).filter(|chat| !chat.state.is_open());
    if let Some(text) = over.map(|chat| format!("#{} is {}", chat.id, state_word(chat.state))) {
        model.say(text);
        return None;
    }
    Some(aim)
}

/// The one chat that is aimed at; none when several are.
fn aimed(model: &Model) -> Option<&Chat> {
    let view = model.current_view()?;
    model.marked().is_empty().then_some(&view.chat)
}

/// Offers departments and people to hand chats to.
pub(super) fn open_transfer(model: &mut Model) {
    let Some(aim) = aim_open(model) else {
        return;
    };
    let picker = Picker::new(PickFor::Transfer(aim), targets(model));
    model.overlay = Some(Overlay::Picker(picker));
}

/// Departments and people to hand the chats that are aimed at to.
pub(super) fn targets(model: &Model) -> Vec<Choice> {
    let here = aimed(model).map(|chat| chat.department);
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

/// Offers people to give chats to.
pub(super) fn open_assign(model: &mut Model) {
    let Some(aim) = aim_open(model) else {
        return;
    };
    if !model.leads() {
        let how = model.how(Intent::Transfer, "t");
        return model.complain(format!(
            "only supervisors assign chats; transfer your own with {how}"
        ));
    }
    let picker = Picker::new(PickFor::Assign(aim), people(model));
    model.overlay = Some(Overlay::Picker(picker));
}

/// Those who answer customers, but the owner of the one chat that is aimed at, with what they do
/// and how much they have.
pub(super) fn people(model: &Model) -> Vec<Choice> {
    let owner = aimed(model).and_then(|chat| chat.owner);
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

/// Asks for the note that goes with a transfer; an unsent reply is in it to begin with.
pub(super) fn ask_note(model: &mut Model, aim: Aim, to: Target) {
    let mut prompt = Prompt::new(AskFor::TransferNote(aim, to));
    if let Some(draft) = draft_along(model, aim) {
        // What does not fit stays in the draft, which is kept.
        drop(prompt.field.set_text(&draft));
    }
    model.overlay = Some(Overlay::Prompt(prompt));
}

/// The unsent reply as it goes along with a chat that is handed on.
fn draft_along(model: &Model, aim: Aim) -> Option<String> {
    let Aim::One(chat) = aim else {
        return None;
    };
    let draft = model.threads.get(&chat)?.reply.text().trim();
    (!draft.is_empty()).then(|| format!("draft: {}", draft.replace('\n', " ")))
}

/// Hands chats on.
pub(super) fn transfer(model: &mut Model, aim: Aim, to: Target, note: &str, out: &mut Vec<Effect>) {
    let note = SafeText::block(note.trim());
    bulk::begin(model, aim, Deed::Transfer { to, note }, out);
}

/// Gives chats to an agent; asks for a note where an unsent reply would be left behind.
pub(super) fn choose_assignee(model: &mut Model, aim: Aim, to: Target, out: &mut Vec<Effect>) {
    let Target::Agent(agent) = to else {
        return;
    };
    match draft_along(model, aim) {
        Some(draft) => {
            let mut prompt = Prompt::new(AskFor::AssignNote(aim, agent));
            drop(prompt.field.set_text(&draft));
            model.overlay = Some(Overlay::Prompt(prompt));
        }
        None => assign(model, aim, agent, "", out),
    }
}

/// Gives chats to an agent, with a note for the team unless it is empty.
pub(super) fn assign(model: &mut Model, aim: Aim, to: UserId, note: &str, out: &mut Vec<Effect>) {
    let note = SafeText::block(note.trim());
    bulk::begin(model, aim, Deed::Assign { to, note }, out);
}

/// Rings no more for these chats, or again when none of them rings.
pub(super) fn mute(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(aim) = bulk::aim(model) else {
        return;
    };
    let muted = |chat: &ChatId| model.threads.get(chat).is_some_and(|thread| thread.muted);
    let silent = match aim {
        Aim::One(chat) => muted(&chat),
        Aim::Marked(_) => model.marked().iter().all(muted),
    };
    let (deed, word) = if silent {
        (Deed::Unmute, "no longer muted")
    } else {
        (Deed::Mute, "muted")
    };
    bulk::begin(model, aim, deed, out);
    if let Aim::One(chat) = aim {
        model.say(format!("#{chat} is {word}"));
    }
}

/// Counts the chat as unread again, from its newest message of somebody else on; one of ours in
/// all our consoles.
pub(super) fn mark_unread(model: &mut Model, out: &mut Vec<Effect>) {
    let me = model.my_id();
    let Some(view) = model.current_view() else {
        return model.say("no chat is open here");
    };
    let (chat, state, marked) = (view.chat.id, view.chat.state, view.chat.unread_from);
    let mut newest = view.events.iter().rev();
    let newest = newest.find(|record| is_from_other(record, me));
    let Some(seq) = newest.and_then(|record| record.seq) else {
        return model.say("there is nothing to leave unread");
    };
    let kept = model.owns(chat) && state != ChatState::Closed;
    let said = model
        .threads
        .get(&chat)
        .and_then(|thread| thread.said.clone());
    let cid = if kept && (said.is_some() || marked != Some(seq)) {
        let command = Command::MarkUnread { chat, seq };
        request(model, command, format!("leave #{chat} unread"), out)
    } else {
        None
    };
    let Some(thread) = model.threads.get_mut(&chat) else {
        return;
    };
    thread.said = cid.map(|cid| Said::Unread(cid, seq));
    thread.seen = Some(Seq(seq.0.saturating_sub(1)));
    thread.new_from = Some(seq);
    thread.left_unread = true;
    model.say(format!("#{chat} stays unread until you come back to it"));
}
