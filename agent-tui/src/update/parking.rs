//! Putting chats aside for a while. The words for the time are kept as they were typed, so that
//! doing it once more counts from then.

use crate::{
    deed::{Aim, Deed},
    model::Model,
    msg::Effect,
    overlay::{Choice, Overlay, PickFor, Picker, Value},
    when,
};

use super::bulk;

/// What is offered besides a time that is typed.
const TIMES: [(&str, &str); 7] = [
    ("until the next reply", "next reply"),
    ("20 minutes", "20 minutes"),
    ("1 hour", "1 hour"),
    ("3 hours", "3 hours"),
    ("this evening 18:00", "this evening"),
    ("tomorrow 9:00", "tomorrow 9:00"),
    ("monday 9:00", "monday 9:00"),
];

/// Offers times to put the chats that are aimed at aside for.
pub(super) fn open_snooze(model: &mut Model) {
    let Some(aim) = bulk::aim(model) else {
        return;
    };
    // So that what makes no sense is said before anything is asked.
    if let Aim::One(chat) = aim
        && let Some(why) = super::chats::why_not(model, chat, &Deed::Snooze(String::new()))
    {
        return model.say(why);
    }
    let picker = Picker::new(PickFor::Snooze(aim), times(model, ""));
    model.overlay = Some(Overlay::Picker(picker));
}

/// The time that is typed, when it is one, before those that are offered and still ahead.
pub(super) fn times(model: &Model, typed: &str) -> Vec<Choice> {
    let typed = typed.trim();
    let choice = |(label, words): (&str, &str)| {
        let until = when::parse(words, model.now, &model.settings.zone).ok()?;
        let until = until.map(|at| when::describe(at, model.now, &model.settings.zone));
        Some(Choice {
            label: label.to_owned(),
            detail: until.unwrap_or_else(|| "until somebody writes".to_owned()),
            value: Value::Text(words.to_owned()),
        })
    };
    let named = (!typed.is_empty()).then_some((typed, typed));
    let offered = TIMES.into_iter().filter(|(label, _)| *label != typed);
    named
        .into_iter()
        .chain(offered)
        .filter_map(choice)
        .collect()
}

/// Puts the chats aside for as long as `words` say.
pub(super) fn snooze(model: &mut Model, aim: Aim, words: &str, out: &mut Vec<Effect>) {
    match when::parse(words, model.now, &model.settings.zone) {
        Ok(_) => bulk::begin(model, aim, Deed::Snooze(words.to_owned()), out),
        Err(why) => model.complain(why.to_string()),
    }
}
