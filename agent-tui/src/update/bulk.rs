//! Marks, and what is done to one chat or to all that are marked: asked first where it cannot be
//! taken back, told in one line when every chat has its answer.

use shared::id::{ChatId, CommandId};

use crate::{
    deed::{Aim, Deed, Round},
    keys::Intent,
    model::{Link, Model},
    msg::Effect,
    overlay::{Confirm, Overlay, Then},
};

use super::{chats, request};

/// Why a command was not done; nothing when it was.
pub(super) type Answer<'a> = Result<(), &'a str>;

/// Marks the chat of the focused pane, or takes its mark off.
pub(super) fn mark(model: &mut Model) {
    let Some(chat) = model.current_view().map(|view| view.chat.id) else {
        return model.say("no chat is open here to be marked");
    };
    if !model.marks.remove(&chat) {
        model.marks.insert(chat);
    }
    say_marks(model);
}

/// Marks all chats of the part of the list that the chat in front is in, without one all of
/// one's own; when all of them are marked, takes their marks off.
pub(super) fn mark_all(model: &mut Model) {
    let listing = model.listing();
    let queues = listing.queues.iter().map(|(_, chats)| chats);
    let here = model.current();
    let group = queues
        .chain([&listing.parked, &listing.assistant, &listing.resolved])
        .find(|chats| here.is_some_and(|chat| chats.contains(&chat)));
    let group = group.unwrap_or(&listing.mine);
    if group.is_empty() {
        return model.say("you have no chats to mark; open a waiting one to mark its queue");
    }
    if group.iter().all(|chat| model.marks.contains(chat)) {
        for chat in group {
            model.marks.remove(chat);
        }
    } else {
        model.marks.extend(group);
    }
    say_marks(model);
}

/// Takes all marks off.
pub(super) fn unmark(model: &mut Model) {
    model.marks.clear();
    say_marks(model);
}

fn say_marks(model: &mut Model) {
    match model.marked().len() {
        0 => model.say("nothing is marked"),
        1 => model.say("1 chat is marked; what you do next is done to it"),
        count => model.say(format!(
            "{count} chats are marked; what you do next is done to all"
        )),
    }
}

/// What an action is about: the marked chats, else the one in front; says so when there is none.
pub(super) fn aim(model: &mut Model) -> Option<Aim> {
    match (model.marked().len(), model.current_view()) {
        (0, Some(view)) => Some(Aim::One(view.chat.id)),
        (0, None) => {
            let how = model.how(Intent::NextNeeding, "Alt+A or u");
            model.say(format!(
                "no chat is open here; {how} opens the next one that needs you"
            ));
            None
        }
        (count, _) => Some(Aim::Marked(count)),
    }
}

/// Does `deed` to what is marked or in front.
pub(super) fn do_here(model: &mut Model, deed: Deed, out: &mut Vec<Effect>) {
    if let Some(aim) = aim(model) {
        begin(model, aim, deed, out);
    }
}

/// Does again what was last done to a chat.
pub(super) fn repeat(model: &mut Model, out: &mut Vec<Effect>) {
    match model.last_deed.clone() {
        Some(deed) => do_here(model, deed, out),
        None => model.say("nothing was done to a chat yet"),
    }
}

/// Does `deed` to the chats of `aim`; asks first what cannot be taken back, or cuts in on
/// somebody who writes.
pub(super) fn begin(model: &mut Model, aim: Aim, deed: Deed, out: &mut Vec<Effect>) {
    if let Aim::One(chat) = aim
        && let Some(why) = chats::why_not(model, chat, &deed)
    {
        return model.say(why);
    }
    match question(model, aim, &deed) {
        Some(question) => {
            let then = Then::Do(aim, deed);
            model.overlay = Some(Overlay::Confirm(Confirm { question, then }));
        }
        None => perform(model, aim, deed, out),
    }
}

fn question(model: &Model, aim: Aim, deed: &Deed) -> Option<String> {
    let typists = chats_of(model, aim)
        .into_iter()
        .find_map(|chat| Some((chat, model.staff_typing(chat).into_iter().next()?)));
    let typing = typists.map(|(chat, name)| format!("{name} types in #{chat} now."));
    let named = match aim {
        Aim::One(chat) => {
            let name = model.view.chats.get(&chat).map(|view| &view.chat.name);
            format!("#{chat} {}", name.map_or("", |name| name.as_str()))
        }
        Aim::Marked(_) => aim.to_string(),
    };
    match (deed, typing) {
        (Deed::Close, _) => Some(format!("Close {} for ever?", named.trim_end())),
        (Deed::TakeOver, typing) => {
            let owner = match aim {
                Aim::One(chat) => model.view.chats.get(&chat).and_then(|view| view.chat.owner),
                Aim::Marked(_) => None,
            };
            let owner = owner.map_or_else(|| "their owners".to_owned(), |id| model.agent(id));
            let typing = typing.map_or_else(String::new, |typing| format!("{typing} "));
            Some(format!("{typing}Take {aim} from {owner}?"))
        }
        (Deed::Assign { .. } | Deed::Transfer { .. }, Some(typing)) => {
            Some(format!("{typing} Hand {aim} on all the same?"))
        }
        _ => None,
    }
}

fn chats_of(model: &Model, aim: Aim) -> Vec<ChatId> {
    match aim {
        Aim::One(chat) => vec![chat],
        Aim::Marked(_) => model.marked(),
    }
}

/// Does `deed` to the chats of `aim`, all questions answered.
pub(super) fn perform(model: &mut Model, aim: Aim, deed: Deed, out: &mut Vec<Effect>) {
    if let Link::Stopped { why } = &model.link {
        let why = why.clone();
        return model.complain(why);
    }
    if let Aim::One(chat) = aim {
        match chats::why_not(model, chat, &deed) {
            Some(why) => model.say(why),
            None => drop(send(model, chat, &deed, out)),
        }
        model.last_deed = Some(deed);
        return;
    }
    let mut round = Round::default();
    for chat in model.marked() {
        if let Some(why) = chats::why_not(model, chat, &deed) {
            round.refused.push(why);
            continue;
        }
        match send(model, chat, &deed, out) {
            Some(cid) => round.waiting.push((cid, chat)),
            None => {
                round.done += 1;
                model.marks.remove(&chat);
            }
        }
    }
    model.last_deed = Some(deed);
    model.rounds.push(round);
    tell_rounds(model);
}

/// Sends what `deed` takes; gives the command whose answer decides, none when it is done here.
fn send(model: &mut Model, chat: ChatId, deed: &Deed, out: &mut Vec<Effect>) -> Option<CommandId> {
    let mut decides = None;
    for command in chats::commands(model, chat, deed) {
        decides = request(model, command, deed.describe(chat), out);
    }
    decides
}

/// Takes in the answer to a command; says whether it belongs to a round, which tells about it.
pub(super) fn answered(model: &mut Model, cid: &CommandId, answer: Answer<'_>) -> bool {
    let of_round = |round: &&mut Round| round.waiting.iter().any(|(waiting, _)| waiting == cid);
    let Some(round) = model.rounds.iter_mut().find(of_round) else {
        return false;
    };
    let Some(at) = round.waiting.iter().position(|(waiting, _)| waiting == cid) else {
        return false;
    };
    let (_, chat) = round.waiting.swap_remove(at);
    match answer {
        Ok(()) => {
            round.done += 1;
            model.marks.remove(&chat);
        }
        Err(why) => round.refused.push(why.to_owned()),
    }
    tell_rounds(model);
    true
}

/// Says how the rounds went that have all their answers.
fn tell_rounds(model: &mut Model) {
    while let Some(at) = model
        .rounds
        .iter()
        .position(|round| round.waiting.is_empty())
    {
        let round = model.rounds.remove(at);
        if round.refused.is_empty() {
            model.say(format!("{} done", round.done));
        } else {
            let count = round.refused.len();
            let why = round.refused.join("; ");
            model.complain(format!("{} done, {count} refused: {why}", round.done));
        }
    }
}
