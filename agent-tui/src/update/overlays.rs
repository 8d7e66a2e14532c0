//! Opening and answering what lies over the desk.

use shared::{client::profile::nearest, id::ChatId};

use crate::{
    complete::Source,
    deed::Deed,
    keys::{ACTIONS, Intent},
    model::{Base, Model, state_word},
    msg::Effect,
    overlay::{AskFor, Choice, Overlay, PickFor, Picker, Prompt, Value},
};

use super::{
    assist, browse, bulk, canned, chats, complete, files, find, keys, panes, parking, scroll,
    status, writing,
};

/// Offers every action.
pub(super) fn open_palette(model: &mut Model) {
    model.overlay = None;
    let picker = Picker::new(PickFor::Command, actions(model));
    model.overlay = Some(Overlay::Picker(picker));
}

/// Every action with its keys below the overlay: those chosen last first, then as in the table.
pub(super) fn actions(model: &Model) -> Vec<Choice> {
    let mode = model.mode_below();
    let mut actions: Vec<_> = ACTIONS
        .iter()
        .filter(|action| action.in_palette())
        .collect();
    let age = |intent: Intent| model.recent.iter().position(|recent| *recent == intent);
    actions.sort_by_key(|action| age(action.intent).unwrap_or(usize::MAX));
    let choices = actions.into_iter().map(|action| {
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
    choices.collect()
}

/// Offers every chat in sight.
pub(super) fn open_goto(model: &mut Model) {
    let picker = Picker::new(PickFor::GoTo, chat_choices(model));
    model.overlay = Some(Overlay::Picker(picker));
}

/// Every chat in sight: those in the list first, in its order.
pub(super) fn chat_choices(model: &Model) -> Vec<Choice> {
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
    choices.collect()
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

/// Asks for a line.
pub(super) fn ask(model: &mut Model, purpose: AskFor) {
    if purpose == AskFor::Search && model.current_view().is_none() {
        return model.say("no chat is open here");
    }
    model.overlay = Some(Overlay::Prompt(Prompt::new(purpose)));
}

/// Chooses another line of the list.
pub(super) fn step(model: &mut Model, by: isize) {
    match &mut model.overlay {
        Some(Overlay::Picker(picker)) => picker.step(by),
        Some(Overlay::Find(find)) => find.step(by),
        _ => {}
    }
}

/// Moves in the help.
pub(super) fn scroll_help(model: &mut Model, by: isize) {
    if let Some(Overlay::Help(help)) = &mut model.overlay {
        help.top = help.top.saturating_add_signed(by).min(ACTIONS.len() * 4);
    }
}

/// Leaves what is open; without anything open takes the last line away, then the marks.
pub(super) fn dismiss(model: &mut Model) {
    if model.overlay.take().is_some() {
        return;
    }
    let told = model.notice.take().is_some();
    let thread = model
        .current()
        .and_then(|chat| model.threads.get_mut(&chat));
    let searched = thread.is_some_and(|thread| thread.search.take().is_some());
    if !told && !searched && !model.marks.is_empty() {
        bulk::unmark(model);
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
        Some(Overlay::Find(found)) => find::pick(model, found, out),
        other => model.overlay = other,
    }
}

fn take(model: &mut Model, picker: &Picker, out: &mut Vec<Effect>) {
    let query = picker.field.text();
    if picker.purpose == PickFor::Command
        && let Some((intent, rest)) = command(query)
    {
        remember(model, intent);
        return match argument(picker, intent, rest) {
            Some((choice, others)) => run_with(model, intent, choice, others, out),
            None => run(model, intent, rest, out),
        };
    }
    let Some(choice) = picker.chosen() else {
        if picker.waits_for.is_some() {
            model.overlay = Some(Overlay::Picker(picker.clone()));
            return;
        }
        if picker.told.is_some() {
            return;
        }
        if picker.purpose == PickFor::Command {
            return no_command(model, picker);
        }
        if let PickFor::Snooze(aim) = picker.purpose {
            return parking::snooze(model, aim, query, out);
        }
        return model.say(format!("nothing fits \"{query}\""));
    };
    if let (PickFor::Command, Value::Intent(intent)) = (picker.purpose, &choice.value) {
        remember(model, *intent);
    }
    match (picker.purpose, &choice.value) {
        (_, Value::Intent(intent)) => run(model, *intent, "", out),
        (_, Value::Chat(chat)) => panes::open(model, *chat),
        (PickFor::Transfer(aim), Value::Target(to)) => chats::ask_note(model, aim, *to),
        (PickFor::Assign(aim), Value::Target(to)) => chats::choose_assignee(model, aim, *to, out),
        (PickFor::Priority(aim), Value::Priority(priority)) => {
            bulk::begin(model, aim, Deed::Priority(*priority), out);
        }
        (_, Value::Agent(user)) => status::open(model, Some(*user)),
        (PickFor::Status(user), Value::Status(stand)) => status::chosen(model, *stand, user, out),
        (PickFor::Snooze(aim), Value::Text(words)) => parking::snooze(model, aim, words, out),
        (PickFor::Link, Value::Text(url)) => browse::choose_link(model, url),
        (purpose, Value::Canned(id)) => {
            let typed = purpose == PickFor::Canned { typed: true };
            canned::put_in(model, *id, typed, out);
        }
        (_, Value::Aid(aid)) => assist::chosen(model, *aid, out),
        (PickFor::Proposal(chat, aid), Value::Text(text)) => {
            assist::put_in(model, chat, aid, text, out);
        }
        (_, Value::Text(text)) => writing::replace(model, text, out),
        (_, Value::Target(_) | Value::Priority(_) | Value::Status(_)) => {}
    }
}

fn answer(model: &mut Model, prompt: &Prompt, out: &mut Vec<Effect>) {
    let text = prompt.field.text().trim();
    match prompt.purpose {
        AskFor::Search if text.is_empty() => {}
        AskFor::Search => {
            model.base = Base::Nav;
            scroll::find(model, text);
        }
        AskFor::TransferNote(aim, to) => chats::transfer(model, aim, to, text, out),
        AskFor::AssignNote(aim, to) => chats::assign(model, aim, to, text, out),
        AskFor::Reason(stand, user) => status::set(model, stand, user, text, out),
        AskFor::Tags(aim) => chats::tag(model, aim, text, out),
        AskFor::SaveFile => files::save(model, text, out),
        AskFor::SendFile => files::send(model, text, out),
        AskFor::Flag(chat, seq) => assist::flag(model, chat, seq, text, out),
        AskFor::Question(_, _) if text.is_empty() => {}
        AskFor::Question(chat, aid) => assist::ask(model, chat, aid, text, out),
        AskFor::Language(chat, aid) => assist::ask(model, chat, aid, text, out),
    }
}

/// Most actions that the palette remembers.
const RECENT_MAX: usize = 8;

fn remember(model: &mut Model, intent: Intent) {
    let intent = intent.action().intent;
    model.recent.retain(|recent| *recent != intent);
    model.recent.insert(0, intent);
    model.recent.truncate(RECENT_MAX);
}

/// Says which command was probably meant; the line stays to be corrected.
fn no_command(model: &mut Model, picker: &Picker) {
    let line = picker.field.text().trim();
    let word = line.split_whitespace().next().unwrap_or_default();
    let names: Vec<String> = ACTIONS
        .iter()
        .map(|action| action.name.to_owned())
        .collect();
    let hint = match nearest(word, names.iter()) {
        Some(name) => format!("did you mean \"{name}\"?"),
        None => "Ctrl+U empties the line and shows them all".to_owned(),
    };
    model.overlay = Some(Overlay::Picker(picker.clone()));
    model.say(format!("no command is called \"{word}\"; {hint}"));
}

/// The chosen argument of `intent`, and what follows it on the line.
fn argument<'a>(picker: &Picker, intent: Intent, rest: &'a str) -> Option<(Choice, &'a str)> {
    let query = picker.query.as_deref()?;
    // Nothing typed and nothing chosen: the list of the action itself asks.
    if Source::of(intent)?.is_words() || (rest.is_empty() && picker.selected == 0) {
        return None;
    }
    let choice = picker.chosen()?.clone();
    let others = rest.strip_prefix(&choice.label);
    let others = others.or_else(|| rest.strip_prefix(query));
    let others = others.unwrap_or_default().trim();
    Some((choice, others))
}

/// Does `intent` with the argument that was chosen for it.
pub(super) fn run_with(
    model: &mut Model,
    intent: Intent,
    choice: Choice,
    others: &str,
    out: &mut Vec<Effect>,
) {
    keys::perform(model, intent, out);
    if let Some(Overlay::Picker(picker)) = &mut model.overlay {
        picker.choices = vec![choice];
        pick(model, out);
        fill(model, others, out);
    }
}

/// The action that a typed line names, and the rest of the line.
pub(super) fn command(line: &str) -> Option<(Intent, &str)> {
    let line = line.trim();
    // `close pane` is the one action and not the other with an argument.
    let words: Vec<&str> = line.split_whitespace().collect();
    let whole = Intent::from_command(&words.join("-"));
    if let Some(intent) = whole.or_else(|| Intent::from_command(line)) {
        return Some((intent, ""));
    }
    let (name, rest) = line.split_once(char::is_whitespace)?;
    let action = ACTIONS
        .iter()
        .find(|action| action.name == name && action.in_palette())?;
    (!matches!(action.intent, Intent::Chat(_))).then_some((action.intent, rest.trim()))
}

/// Does `intent`; what is typed after its name answers what it would ask.
pub(super) fn run(model: &mut Model, intent: Intent, rest: &str, out: &mut Vec<Effect>) {
    keys::perform(model, intent, out);
    if rest.is_empty() {
        return;
    }
    if model.overlay.is_none() {
        return writing::type_in(model, rest, out);
    }
    fill(model, rest, out);
}

/// Answers what is open with `text`, and what is asked next with what is left of it.
fn fill(model: &mut Model, text: &str, out: &mut Vec<Effect>) {
    if text.is_empty() {
        return;
    }
    match &mut model.overlay {
        Some(Overlay::Picker(picker)) => {
            // Nothing is chosen of what is not there yet.
            if let PickFor::Proposal(..) = picker.purpose {
                return;
            }
            // The whole text may name a line; else its first word does and the others answer
            // what is asked next.
            drop(picker.field.set_text(text));
            if let PickFor::Snooze(_) = picker.purpose {
                complete::refresh(model);
                return pick(model, out);
            }
            let (first, others) = match text.split_once(char::is_whitespace) {
                Some((first, others)) if picker.matches().is_empty() => (first, others.trim()),
                _ => (text, ""),
            };
            drop(picker.field.set_text(first));
            pick(model, out);
            fill(model, others, out);
        }
        Some(Overlay::Find(_)) => find::look_for(model, text),
        Some(Overlay::Prompt(prompt)) => {
            drop(prompt.field.set_text(text));
            pick(model, out);
        }
        _ => {}
    }
}
