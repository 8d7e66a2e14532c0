//! Tab: completing what is typed in the palette and in the composer.

use std::collections::BTreeSet;

use crate::{
    complete::{Completion, Source, mentions, tags, word_start},
    composer::Composer,
    keys::Intent,
    model::Model,
    msg::Effect,
    overlay::{Choice, Overlay, PickFor, Value},
};

use super::{assist, canned, chats, files, find, overlays, parking, status, writing};

/// Makes the palette offer what fits the line as it is now: actions, or the arguments of the one
/// that is named.
pub(super) fn refresh(model: &mut Model) {
    find::follow(model);
    let Some(Overlay::Picker(picker)) = &model.overlay else {
        return;
    };
    let line = picker.field.text().to_owned();
    if let PickFor::Snooze(_) = picker.purpose {
        let times = parking::times(model, &line);
        if let Some(Overlay::Picker(picker)) = &mut model.overlay {
            picker.choices = times;
        }
        return;
    }
    if picker.purpose != PickFor::Command {
        return;
    }
    let was_argument = picker.query.is_some();
    let argument = argument(&line);
    // A path is of the disk: what is offered is the action, whatever follows its name.
    let takes_path = files::takes_path(&line);
    let choices = match argument {
        Some((intent, rest)) => choices(model, intent, rest),
        None if takes_path.is_some() => {
            let mut actions = overlays::actions(model);
            actions.retain(|action| Some(action.label.as_str()) == takes_path);
            actions
        }
        None if was_argument => overlays::actions(model),
        None => return,
    };
    let Some(Overlay::Picker(picker)) = &mut model.overlay else {
        return;
    };
    picker.choices = choices;
    if takes_path.is_some() {
        picker.query = Some(String::new());
        return;
    }
    picker.query = argument.map(|(intent, rest)| {
        if Source::of(intent).is_some_and(Source::is_words) {
            rest[word_start(rest)..].trim_start_matches('-').to_owned()
        } else {
            rest.trim().to_owned()
        }
    });
    // What follows the argument answers what is asked next: the first word is the argument then.
    if let Some((_, rest)) = argument
        && picker.matches().is_empty()
    {
        picker.query = rest
            .split_whitespace()
            .next()
            .map(str::to_owned)
            .or(Some(String::new()));
    }
}

/// The action that a line of the palette names and what follows, when that can be completed.
fn argument(line: &str) -> Option<(Intent, &str)> {
    let line = line.trim_start();
    let (name, rest) = line.split_once(char::is_whitespace)?;
    let intent = Intent::from_command(name)?;
    Source::of(intent).map(|_| (intent, rest))
}

/// What may follow `intent`, of which `rest` is there.
pub(super) fn choices(model: &Model, intent: Intent, rest: &str) -> Vec<Choice> {
    match Source::of(intent) {
        None => Vec::new(),
        Some(Source::Targets) => chats::targets(model),
        Some(Source::People) => chats::people(model),
        Some(Source::Statuses) => status::stands(),
        Some(Source::Colleagues) => status::others(model),
        Some(Source::Chats) => overlays::chat_choices(model),
        Some(Source::Priorities) => chats::degrees(),
        Some(Source::Times) => parking::times(model, rest),
        Some(Source::Tags) => words(tags(model)),
        Some(Source::Canned) => canned::choices(model),
        Some(Source::Aids) => assist::aids(),
    }
}

fn words(words: BTreeSet<String>) -> Vec<Choice> {
    let choice = |word: String| Choice {
        label: word.clone(),
        detail: String::new(),
        value: Value::Text(word),
    };
    words.into_iter().map(choice).collect()
}

/// Tab in a list: the chosen action with a blank after it, or the argument, or the next one.
pub(super) fn in_list(model: &mut Model, back: bool) {
    let mut completion = model.completion.take();
    let Some(Overlay::Picker(picker)) = &mut model.overlay else {
        return;
    };
    if picker.query.is_none() {
        let label = picker.chosen().map(|choice| format!("{} ", choice.label));
        drop(label.map(|label| picker.field.set_text(&label)));
        return refresh(model);
    }
    let labels: Vec<String> = picker
        .matches()
        .iter()
        .map(|choice| choice.label.clone())
        .collect();
    let words = argument(picker.field.text())
        .and_then(|(intent, _)| Source::of(intent))
        .is_some_and(Source::is_words);
    picker.field.end();
    let found = Completion::step(&mut completion, &mut picker.field, back, |before| {
        let start = if words {
            let word = word_start(before);
            word + usize::from(before[word..].starts_with('-'))
        } else {
            let line = before.trim_start();
            before.len() - line.len() + line.find(char::is_whitespace)? + 1
        };
        Some((start, labels))
    });
    model.completion = completion;
    if !found {
        model.say("nothing fits that");
    }
    refresh(model);
}

/// Tab in the composer: the name that `@` begins, the canned reply that `;` begins; else on to what
/// a canned reply left open.
pub(super) fn in_composer(model: &mut Model, back: bool, out: &mut Vec<Effect>) {
    let Some(chat) = model.current() else { return };
    let Some(thread) = model.threads.get(&chat) else {
        return;
    };
    let composer = thread.composer();
    let before = &composer.text()[..composer.cursor()];
    let start = word_start(before);
    let typed = &before[start..];
    if let Some(code) = typed.strip_prefix(canned::SIGN) {
        let code = code.to_owned();
        return canned::complete(model, &code, out);
    }
    if !typed.starts_with('@') {
        if !writing::composer(model).is_some_and(Composer::to_blank) {
            model.say("Tab completes @name and ;reply; commands begin with / in an empty composer");
        }
        return;
    }
    let names = mentions(model, typed);
    let mut completion = model.completion.take();
    let Some(composer) = writing::composer(model) else {
        return;
    };
    let found = Completion::step(&mut completion, composer, back, |_| Some((start, names)));
    model.completion = completion;
    if !found {
        model.say("nobody on the staff has a name like that");
    }
}
