//! Opening and answering what lies over the desk.

use shared::{command::Command, id::ChatId, model::AgentStatus, text::SafeText};

use crate::{
    keys::{ACTIONS, Intent},
    model::{Base, Model, state_word, status_word},
    msg::Effect,
    overlay::{AskFor, Choice, Overlay, PickFor, Picker, Prompt, Value},
};

use super::{browse, chats, keys, panes, request, scroll, writing};

/// Offers every action.
pub(super) fn open_palette(model: &mut Model) {
    model.overlay = None;
    let mode = model.mode();
    let actions = ACTIONS.iter().filter(|action| action.in_palette());
    let choices = actions.map(|action| {
        let keys = model.keymap.keys(mode, action.intent);
        let detail = if keys.is_empty() {
            action.help.to_owned()
        } else {
            format!("{}  [{keys}]", action.help)
        };
        Choice {
            label: action.name.to_owned(),
            detail,
            value: Value::Intent(action.intent),
        }
    });
    let picker = Picker::new(PickFor::Command, choices.collect());
    model.overlay = Some(Overlay::Picker(picker));
}

/// Offers every chat in sight: those in the list first, in its order.
pub(super) fn open_goto(model: &mut Model) {
    let mut chats: Vec<ChatId> = model.listing().numbered().collect();
    let others = model.view.chats.keys().filter(|chat| !chats.contains(chat));
    let others: Vec<ChatId> = others.copied().collect();
    chats.extend(others);
    let choices = chats.into_iter().filter_map(|id| {
        let chat = &model.view.chats.get(&id)?.chat;
        let owner = chat.owner.map(|owner| format!(", {}", model.agent(owner)));
        Some(Choice {
            label: format!("#{id} {}", chat.name),
            detail: format!(
                "{}, {}{}",
                model.department(chat.department),
                state_word(chat.state),
                owner.unwrap_or_default()
            ),
            value: Value::Chat(id),
        })
    });
    let picker = Picker::new(PickFor::GoTo, choices.collect());
    model.overlay = Some(Overlay::Picker(picker));
}

/// Offers what was sent before.
pub(super) fn open_history(model: &mut Model) {
    let Some(thread) = model.current_thread() else {
        return model.say("no chat is open here");
    };
    let choices: Vec<Choice> = thread
        .composer()
        .history()
        .map(|text| Choice {
            label: text.replace('\n', " "),
            detail: String::new(),
            value: Value::Text(text.to_owned()),
        })
        .collect();
    if choices.is_empty() {
        return model.say("nothing was sent in this chat yet");
    }
    model.overlay = Some(Overlay::Picker(Picker::new(PickFor::History, choices)));
}

/// Offers the statuses.
pub(super) fn open_status(model: &mut Model) {
    let statuses = [
        (AgentStatus::Online, "takes chats"),
        (AgentStatus::Busy, "takes no new chats"),
        (AgentStatus::Away, "not at the desk"),
        (
            AgentStatus::Offline,
            "not at work; chats go back to their queue",
        ),
    ];
    let choices = statuses.map(|(status, detail)| Choice {
        label: status_word(status).to_owned(),
        detail: detail.to_owned(),
        value: Value::Status(status),
    });
    let picker = Picker::new(PickFor::Status, choices.to_vec());
    model.overlay = Some(Overlay::Picker(picker));
}

/// Asks for a line.
pub(super) fn ask(model: &mut Model, purpose: AskFor) {
    if purpose == AskFor::Search && model.current_view().is_none() {
        return model.say("no chat is open here");
    }
    model.overlay = Some(Overlay::Prompt(Prompt::new(purpose)));
}

/// Chooses another line of the list.
pub(super) fn step(model: &mut Model, by: isize) {
    if let Some(Overlay::Picker(picker)) = &mut model.overlay {
        picker.step(by);
    }
}

/// Moves in the help.
pub(super) fn scroll_help(model: &mut Model, by: isize) {
    if let Some(Overlay::Help(help)) = &mut model.overlay {
        help.top = help.top.saturating_add_signed(by).min(ACTIONS.len() * 2);
    }
}

/// Leaves what is open; without anything open, takes the last line away.
pub(super) fn dismiss(model: &mut Model) {
    if model.overlay.take().is_some() {
        return;
    }
    model.notice = None;
    if let Some(thread) = model
        .current()
        .and_then(|chat| model.threads.get_mut(&chat))
    {
        thread.search = None;
    }
}

/// Does what was confirmed.
pub(super) fn say_yes(model: &mut Model, out: &mut Vec<Effect>) {
    if let Some(Overlay::Confirm(confirm)) = model.overlay.take() {
        chats::confirmed(model, confirm.then, out);
    }
}

/// Takes the chosen line, or the line that was filled in.
pub(super) fn pick(model: &mut Model, out: &mut Vec<Effect>) {
    match model.overlay.take() {
        Some(Overlay::Picker(picker)) => take(model, &picker, out),
        Some(Overlay::Prompt(prompt)) => answer(model, &prompt, out),
        other => model.overlay = other,
    }
}

fn take(model: &mut Model, picker: &Picker, out: &mut Vec<Effect>) {
    let query = picker.field.text();
    if picker.purpose == PickFor::Command
        && let Some((intent, rest)) = command(query)
    {
        return run(model, intent, rest, out);
    }
    let Some(choice) = picker.chosen() else {
        return model.say(format!("nothing fits \"{query}\""));
    };
    match (picker.purpose, &choice.value) {
        (_, Value::Intent(intent)) => run(model, *intent, "", out),
        (_, Value::Chat(chat)) => panes::open(model, *chat),
        (PickFor::Transfer(chat), Value::Target(to)) => ask(model, AskFor::TransferNote(chat, *to)),
        (PickFor::Assign(chat), Value::Target(to)) => chats::assign(model, chat, *to, out),
        (PickFor::Priority(chat), Value::Priority(priority)) => {
            chats::prioritise(model, chat, *priority, out);
        }
        (_, Value::Status(status @ (AgentStatus::Busy | AgentStatus::Away))) => {
            ask(model, AskFor::Reason(*status));
        }
        (_, Value::Status(status)) => set_status(model, *status, "", out),
        (PickFor::Link, Value::Text(url)) => browse::choose_link(model, url),
        (_, Value::Text(text)) => writing::replace(model, text, out),
        (_, Value::Target(_) | Value::Priority(_)) => {}
    }
}

fn answer(model: &mut Model, prompt: &Prompt, out: &mut Vec<Effect>) {
    let text = prompt.field.text().trim();
    match prompt.purpose {
        AskFor::Search if text.is_empty() => {}
        AskFor::Search => {
            model.base = Base::Nav;
            scroll::find(model, text, None);
        }
        AskFor::TransferNote(chat, to) => chats::transfer(model, chat, to, text, out),
        AskFor::Reason(status) => set_status(model, status, text, out),
        AskFor::Tags(chat) => chats::tag(model, chat, text, out),
    }
}

/// The action that a typed line names, and the rest of the line.
fn command(line: &str) -> Option<(Intent, &str)> {
    let line = line.trim();
    if let Some(intent) = Intent::from_command(line) {
        return Some((intent, ""));
    }
    let (name, rest) = line.split_once(char::is_whitespace)?;
    let action = ACTIONS
        .iter()
        .find(|action| action.name == name && action.in_palette())?;
    (!matches!(action.intent, Intent::Chat(_))).then_some((action.intent, rest.trim()))
}

/// Does `intent`; what is typed after its name answers what it would ask.
fn run(model: &mut Model, intent: Intent, rest: &str, out: &mut Vec<Effect>) {
    keys::perform(model, intent, out);
    if rest.is_empty() {
        return;
    }
    match &mut model.overlay {
        None => writing::type_in(model, rest, out),
        Some(Overlay::Picker(picker)) => {
            // The whole rest may name a line; else its first word does and the others answer
            // what is asked next.
            drop(picker.field.set_text(rest));
            let (first, others) = match rest.split_once(char::is_whitespace) {
                Some((first, others)) if picker.matches().is_empty() => (first, others.trim()),
                _ => (rest, ""),
            };
            drop(picker.field.set_text(first));
            pick(model, out);
            answer_with(model, others, out);
        }
        Some(_) => answer_with(model, rest, out),
    }
}

fn answer_with(model: &mut Model, text: &str, out: &mut Vec<Effect>) {
    if text.is_empty() {
        return;
    }
    if let Some(Overlay::Prompt(prompt)) = &mut model.overlay {
        drop(prompt.field.set_text(text));
        pick(model, out);
    }
}

fn set_status(model: &mut Model, status: AgentStatus, reason: &str, out: &mut Vec<Effect>) {
    let reason = SafeText::line(reason);
    let command = Command::SetStatus {
        status,
        reason: (!reason.is_empty()).then_some(reason),
        drain: false,
        user: None,
    };
    request(
        model,
        command,
        format!("become {}", status_word(status)),
        out,
    );
}
