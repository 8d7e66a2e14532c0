//! Chats that are put aside: the list of times, times that are typed, doing it again, where the
//! chats stand meanwhile. A test file.

use std::time::Duration;

use shared::{command::Command, event::Event, id::ChatId, record::Record, time::Timestamp};

use crate::{
    fixture::{MIA, Story, busy_desk, console_of, delivered, hear, press, type_text},
    model::Model,
    msg::{Effect, Msg},
    overlay::Overlay,
};

use super::update;

fn commands(effects: &[Effect]) -> Vec<Command> {
    let mut found = Vec::new();
    for effect in effects {
        if let Effect::Do { command, .. } = effect
            && !matches!(command, Command::MarkRead { .. })
        {
            found.push(command.clone());
        }
    }
    found
}

/// The chats that are snoozed, and for how many minutes from `now`.
fn snoozed(effects: &[Effect], now: Timestamp) -> Vec<(u64, Option<i64>)> {
    let commands = commands(effects).into_iter();
    let snoozed = commands.map(|command| match command {
        Command::Snooze { chat, until } => {
            (chat.0, until.map(|at| (at.as_ms() - now.as_ms()) / 60_000))
        }
        other => panic!("{other:?}"),
    });
    snoozed.collect()
}

fn snooze(story: &mut Story, chat: u64, until: Option<Timestamp>) -> Record {
    let by = story.agent(MIA);
    story.record(Some(ChatId(chat)), by, Event::ChatSnoozed { until })
}

fn told(model: &Model) -> &str {
    model.notice.as_ref().map_or("", |notice| &notice.text)
}

fn labels(model: &Model) -> Vec<String> {
    let Some(Overlay::Picker(picker)) = &model.overlay else {
        panic!("no list but {:?}", model.overlay);
    };
    let matches = picker.matches().into_iter();
    matches.map(|choice| choice.label.clone()).collect()
}

#[test]
fn a_chat_is_put_aside_for_a_time_from_the_list_or_typed() {
    let mut model = console_of(&busy_desk());
    press(&mut model, "Esc s");
    assert_eq!(
        labels(&model),
        [
            "until the next reply",
            "20 minutes",
            "1 hour",
            "3 hours",
            "this evening 18:00",
            "tomorrow 9:00",
            "monday 9:00"
        ]
    );
    let now = model.now;
    let effects = press(&mut model, "Enter");
    assert_eq!(snoozed(&effects, now), [(1, None)]);
    press(&mut model, "s Down");
    assert_eq!(snoozed(&press(&mut model, "Enter"), now), [(1, Some(20))]);
    // A time that is typed goes before a line that has the same letters.
    press(&mut model, "s");
    type_text(&mut model, "1h30m");
    assert_eq!(labels(&model)[0], "1h30m");
    assert_eq!(snoozed(&press(&mut model, "Enter"), now), [(1, Some(90))]);
    press(&mut model, "s");
    type_text(&mut model, "20");
    assert_eq!(labels(&model)[0], "20 minutes");
    press(&mut model, "Esc i");
    type_text(&mut model, "/snooze 2h");
    assert_eq!(snoozed(&press(&mut model, "Enter"), now), [(1, Some(120))]);
    press(&mut model, "Esc s");
    type_text(&mut model, "noonish");
    assert!(commands(&press(&mut model, "Enter")).is_empty());
    assert!(
        told(&model).starts_with("\"noonish\" is no time"),
        "{}",
        told(&model)
    );
}

#[test]
fn only_a_chat_that_somebody_answers_is_put_aside_and_only_then_taken_up() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    assert!(commands(&press(&mut model, "Esc w")).is_empty());
    assert_eq!(told(&model), "#1 is active");
    let effects = press(&mut model, "H");
    assert_eq!(commands(&effects), [Command::Hold { chat: ChatId(1) }]);
    let record = snooze(&mut story, 1, None);
    hear(&mut model, &story, [delivered(record)]);
    let effects = press(&mut model, "w");
    assert_eq!(commands(&effects), [Command::Wake { chat: ChatId(1) }]);
    press(&mut model, "3 s");
    assert!(model.overlay.is_none());
    assert_eq!(told(&model), "#4 is waiting");
}

#[test]
fn doing_it_again_counts_from_then_and_marked_chats_go_together() {
    let story = busy_desk();
    let mut model = console_of(&story);
    press(&mut model, "Esc s");
    type_text(&mut model, "20m");
    press(&mut model, "Enter");
    let later = model.now.after(Duration::from_secs(600));
    update(&mut model, Msg::Tick, later);
    press(&mut model, "*");
    let effects = press(&mut model, ".");
    assert_eq!(snoozed(&effects, later), [(1, Some(20)), (2, Some(20))]);
    // What is over by then is said, and nothing is sent.
    press(&mut model, "* 1 s");
    type_text(&mut model, "14:30");
    press(&mut model, "Enter");
    press(&mut model, "s");
    type_text(&mut model, "today 14:30");
    press(&mut model, "Enter");
    let evening = model.now.after(Duration::from_secs(3_600));
    update(&mut model, Msg::Tick, evening);
    assert!(commands(&press(&mut model, ".")).is_empty());
    assert!(
        told(&model).ends_with("is over; name a later time"),
        "{}",
        told(&model)
    );
}

#[test]
fn what_was_put_aside_stands_apart_with_its_time_and_weighs_nothing() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    let until = story.now.after(Duration::from_secs(3 * 3_600));
    let records = [
        snooze(&mut story, 1, Some(until)),
        snooze(&mut story, 2, None),
    ];
    hear(&mut model, &story, records.map(delivered));
    let listing = model.listing();
    assert!(listing.mine.is_empty());
    assert_eq!(
        listing.parked,
        [ChatId(1), ChatId(2)],
        "without a time last"
    );
    let by = story.agent(MIA);
    let woken = story.record(Some(ChatId(1)), by, Event::ChatWoken {});
    hear(&mut model, &story, [delivered(woken)]);
    assert_eq!(model.listing().mine, [ChatId(1)]);
}
