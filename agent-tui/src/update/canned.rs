//! Canned replies on their way into a message: which fit the chat in front, and what they become
//! there. What a template means is in `shared::canned`.

use shared::{
    canned::{self, Facts, Nearness},
    id::CannedId,
    model::{Canned, CannedScope, Chat},
    text::SafeText,
};

use crate::{
    complete::word_start,
    composer::Brought,
    model::{Base, Model},
    msg::Effect,
    overlay::{Choice, Overlay, PickFor, Picker, Value},
    thread::Thread,
};

use super::writing;

/// What the code of a canned reply follows in a message.
pub(super) const SIGN: char = ';';

/// Offers the canned replies that fit the chat, those like `code` first.
pub(super) fn open(model: &mut Model, code: &str, typed: bool) {
    if model.current_view().is_none() {
        return model.say("no chat is open here; Alt+A opens the next one that needs you");
    }
    let choices = choices(model);
    if choices.is_empty() {
        return model.say("no canned reply fits here; frontdesk-admin canned create makes one");
    }
    let mut picker = Picker::new(PickFor::Canned { typed }, choices);
    drop(picker.field.set_text(code));
    model.overlay = Some(Overlay::Picker(picker));
}

/// Every canned reply that fits the chat in front, the nearest first, with what would be put in.
pub(super) fn choices(model: &Model) -> Vec<Choice> {
    let fitting = fitting(model, |_| true);
    let choices = fitting.into_iter().map(|(near, canned)| {
        let text = filled(model, canned).map(|expansion| expansion.text);
        let text = text.unwrap_or_default();
        let lines: Vec<&str> = text.split_whitespace().collect();
        Choice {
            label: format!(";{}", canned.code),
            detail: format!("{}: {}", scope_word(model, near, canned), lines.join(" ")),
            value: Value::Canned(canned.id),
        }
    });
    choices.collect()
}

/// Those of the canned replies that fit the chat in front and `is`, the nearest first.
fn fitting(model: &Model, is: impl Fn(&Canned) -> bool) -> Vec<(Nearness, &Canned)> {
    let (Some(me), Some(view)) = (model.my_id(), model.current_view()) else {
        return Vec::new();
    };
    let all = model.view.canned.values().filter(|canned| is(canned));
    let near = |canned: &Canned| canned::nearness(canned.scope, me, view.chat.department);
    let mut found: Vec<(Nearness, &Canned)> = all
        .filter_map(|canned| Some((near(canned)?, canned)))
        .collect();
    found.sort_by(|(near, canned), (other_near, other)| {
        (near, &*canned.code, canned.id).cmp(&(other_near, &*other.code, other.id))
    });
    found
}

fn scope_word(model: &Model, near: Nearness, canned: &Canned) -> String {
    match (near, canned.scope) {
        (_, CannedScope::Department { department }) => model.department(department),
        (Nearness::Personal, _) => "personal".to_owned(),
        _ => "global".to_owned(),
    }
}

/// Tab behind `;code`: puts the one reply in that it means, else offers all that it may mean.
pub(super) fn complete(model: &mut Model, code: &str, out: &mut Vec<Effect>) {
    if model.current_view().is_none() {
        return model.say("no chat is open here; Alt+A opens the next one that needs you");
    }
    let code = code.to_lowercase();
    let exact = fitting(model, |canned| *canned.code == *code);
    let begins = fitting(model, |canned| canned.code.starts_with(&*code));
    let meant = if exact.is_empty() { begins } else { exact };
    match meant[..] {
        [] => model.say(format!(
            "no canned reply begins with \"{code}\"; ; and Tab show them all"
        )),
        [(_, canned)] => put_in(model, canned.id, true, out),
        _ => open(model, &code, true),
    }
}

/// Puts the text of a canned reply in the message at the cursor; where its code was `typed`, in
/// place of that.
pub(super) fn put_in(model: &mut Model, id: CannedId, typed: bool, out: &mut Vec<Effect>) {
    let canned = model.view.canned.get(&id);
    let Some(expansion) = canned.and_then(|canned| filled(model, canned)) else {
        return model.say("the canned reply is gone");
    };
    let blanks = expansion.unfilled.iter();
    let blanks = blanks.map(|blank| expansion.text[blank.range.clone()].to_owned());
    let brought = Brought::new(id, blanks.collect());
    model.base = Base::Compose;
    writing::write(model, out, |composer| {
        let before = &composer.text()[..composer.cursor()];
        let word = word_start(before);
        let start = if typed && before[word..].starts_with(SIGN) {
            word
        } else {
            before.len()
        };
        composer.insert_canned(start, &expansion.text, brought)
    });
}

/// The text of a canned reply for the chat in front, clean.
fn filled(model: &Model, canned: &Canned) -> Option<canned::Expansion> {
    let chat: &Chat = &model.current_view()?.chat;
    let agent = match (model.myself(), &model.me) {
        (Some(user), _) => user.name.to_string(),
        (None, Some(me)) => me.name.to_string(),
        (None, None) => String::new(),
    };
    let department = model.department(chat.department);
    let facts = Facts {
        chat,
        agent: &agent,
        department: &department,
    };
    let template = SafeText::block(canned::choose(canned, canned::language(chat)));
    Some(canned::expand(&template, &facts))
}

/// The first variable that a canned reply left open in the message; the cursor goes there.
pub(super) fn first_blank(thread: &mut Thread) -> Option<String> {
    let composer = thread.composer_mut();
    let blank = composer.blanks().into_iter().next()?;
    let text = composer.text()[blank.clone()].to_owned();
    composer.go_to(blank.end);
    Some(text)
}
