//! Searching every chat: when the hub is asked, what its answers become, and how a found message
//! is shown.

use std::time::Duration;

use shared::{
    api::{SearchHit, SearchPage},
    fold::ChatView,
    id::ChatId,
    model::Chat,
    search::Query,
    time::Timestamp,
};

use crate::{
    find::{Find, HITS_MAX, Needle, Question, SIGN, Sought},
    model::{Base, Model},
    msg::Effect,
    overlay::{Overlay, PickFor},
    thread::{Place, Search},
};

use super::{browse, overlays, panes};

/// The hub is asked when no key was pressed for so long.
const ASK_AFTER: Duration = Duration::from_millis(300);

/// Opens the search over every chat.
pub(super) fn open(model: &mut Model) {
    let mut find = Find::default();
    drop(find.field.insert(&SIGN.to_string()));
    model.overlay = Some(Overlay::Find(Box::new(find)));
}

/// Takes `text` for what is looked for, and asks at once.
pub(super) fn look_for(model: &mut Model, text: &str) {
    let now = model.now;
    if let Some(Overlay::Find(find)) = &mut model.overlay {
        drop(find.field.set_text(&format!("{SIGN}{text}")));
    }
    follow(model);
    if let Some(Overlay::Find(find)) = &mut model.overlay {
        find.ask_at = find.ask_at.and(Some(now));
    }
}

/// What is typed has changed: the sign makes the list of chats a search and back, other text is
/// asked for in a moment.
pub(super) fn follow(model: &mut Model) {
    let ask_at = model.now.after(ASK_AFTER);
    match &mut model.overlay {
        Some(Overlay::Picker(picker))
            if picker.purpose == PickFor::GoTo && picker.field.text().starts_with(SIGN) =>
        {
            let field = std::mem::take(&mut picker.field);
            let find = Find {
                field,
                ..Find::default()
            };
            model.overlay = Some(Overlay::Find(Box::new(find)));
            follow(model);
        }
        Some(Overlay::Find(find)) if !find.field.text().starts_with(SIGN) => {
            let field = std::mem::take(&mut find.field);
            overlays::open_goto(model);
            if let Some(Overlay::Picker(picker)) = &mut model.overlay {
                picker.field = field;
            }
        }
        Some(Overlay::Find(find)) if find.typed() != find.followed => {
            find.followed = find.typed().to_owned();
            find.selected = 0;
            find.wants_more = false;
            find.failed = None;
            find.ask_at = None;
            if Query::parse(&find.followed).is_none() {
                find.hits.clear();
                find.next = None;
                find.partial = false;
                find.answered.clear();
            } else if find.followed != find.answered {
                find.ask_at = Some(ask_at);
            }
        }
        _ => {}
    }
}

/// When the hub is to be asked next.
pub(super) fn next_question(model: &Model) -> Option<Timestamp> {
    match &model.overlay {
        Some(Overlay::Find(find)) if model.asked.question.is_none() => find.ask_at,
        _ => None,
    }
}

/// Asks when it is time and the question before has its answer.
pub(super) fn ask_when_due(model: &mut Model, out: &mut Vec<Effect>) {
    if next_question(model).is_none_or(|at| at > model.now) {
        return;
    }
    let Some(Overlay::Find(find)) = &mut model.overlay else {
        return;
    };
    find.ask_at = None;
    find.failed = None;
    let question = Question {
        query: find.followed.clone(),
        after: find.next.clone().filter(|_| find.wants_more),
    };
    model.asked.question = Some(question.clone());
    model.dirty = true;
    out.push(Effect::Search(question));
}

/// The hub has answered, or could not.
pub(super) fn found(model: &mut Model, question: &Question, page: Result<SearchPage, String>) {
    model.asked.question = None;
    let Some(Overlay::Find(find)) = &mut model.overlay else {
        return;
    };
    // The answer to what was typed before, or the end of a list that is here no more.
    let goes_on = question.after.is_some();
    let is_old = question.query != find.followed
        || (goes_on && (find.answered != question.query || find.next != question.after));
    if is_old {
        return;
    }
    find.ask_at = None;
    find.wants_more = false;
    let page = match page {
        Ok(page) => page,
        Err(why) => {
            find.failed = Some(why);
            return;
        }
    };
    if !goes_on {
        find.hits.clear();
        find.partial = false;
    }
    find.answered.clone_from(&question.query);
    find.hits.extend(page.items);
    find.hits.truncate(HITS_MAX);
    find.next = page.next.filter(|_| find.hits.len() < HITS_MAX);
    find.partial |= page.partial;
}

/// Enter: asks for what is typed, gets more, or shows the chosen message.
pub(super) fn pick(model: &mut Model, mut find: Box<Find>, out: &mut Vec<Effect>) {
    let typed = find.typed().to_owned();
    let Some(query) = Query::parse(&typed) else {
        model.overlay = Some(Overlay::Find(find));
        return model.say("type at least one letter or digit to look for");
    };
    let chosen = find.hits.get(find.selected).cloned();
    let is_answered = find.answered == typed;
    match chosen.filter(|_| is_answered) {
        Some(hit) => {
            let needle = Needle::Words { typed, query };
            show(model, &hit, needle, out);
        }
        None => {
            find.wants_more = is_answered && find.next.is_some();
            if !is_answered || find.wants_more {
                find.ask_at = Some(model.now);
            }
            model.overlay = Some(Overlay::Find(find));
        }
    }
}

fn show(model: &mut Model, hit: &SearchHit, needle: Needle, out: &mut Vec<Effect>) {
    let chat = hit.chat;
    let sought = Sought {
        chat,
        seq: hit.seq,
        needle,
    };
    model.base = Base::Nav;
    browse::bring_in(model, chat);
    if model.view.chats.contains_key(&chat) {
        return go_to(model, sought);
    }
    model.asked.sought = Some(sought);
    model.say(format!("opening #{chat} ..."));
    out.push(Effect::LookUp(chat));
}

/// A chat out of sight was looked up: shows it unless the person does something else by now.
pub(super) fn looked_up(model: &mut Model, id: ChatId, chat: Result<Chat, String>) {
    let Some(sought) = model.asked.sought.take_if(|sought| sought.chat == id) else {
        return;
    };
    let chat = match chat {
        Ok(chat) => chat,
        Err(why) => return model.complain(format!("#{id} cannot be opened: {why}")),
    };
    if model.base != Base::Nav || model.overlay.is_some() {
        return;
    }
    if !model.view.chats.contains_key(&id) {
        let events = Vec::new();
        model.view.reveal(ChatView { chat, events });
        model.ensure_threads();
    }
    model.notice.take_if(|notice| !notice.error);
    go_to(model, sought);
}

/// Shows the message at the top of its chat; what of the chat is not here yet is fetched up to it.
fn go_to(model: &mut Model, sought: Sought) {
    panes::open(model, sought.chat);
    if let Some(thread) = model.threads.get_mut(&sought.chat) {
        thread.place = Place::At {
            seq: sought.seq,
            row: 0,
        };
        thread.search = Some(Search {
            needle: sought.needle,
            at: sought.seq,
        });
    }
}
