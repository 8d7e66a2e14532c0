//! The working time of today, across answers, records and midnight. A test file.

use std::time::Duration;

use shared::{
    event::Event,
    model::{AgentStatus, Interval},
    record::Record,
    time::Timestamp,
};

use super::{next_deadline, update};
use crate::{
    fixture::{MIA, Story, busy_desk, console_of, delivered, hear, live, press, type_text},
    model::Model,
    msg::{Effect, Msg},
};

const HOUR: i64 = 3_600_000;

fn interval(from: i64, to: Option<i64>, status: AgentStatus, reachable: bool) -> Interval {
    Interval {
        from: Timestamp::from_ms(from),
        to: to.map(Timestamp::from_ms),
        status,
        reachable,
        reason: None,
    }
}

fn asked(effects: &[Effect]) -> Vec<Timestamp> {
    let asked = effects.iter().filter_map(|effect| match effect {
        Effect::Hours { user: MIA, from } => Some(*from),
        _ => None,
    });
    asked.collect()
}

fn becomes(story: &mut Story, status: AgentStatus) -> Record {
    let by = story.agent(MIA);
    let event = Event::StatusSet {
        user: MIA,
        status,
        reason: None,
        drain: false,
    };
    story.record(None, by, event)
}

fn said(model: &mut Model) -> String {
    type_text(model, "/hours");
    press(model, "Enter");
    let notice = model.notice.take();
    notice.map_or_else(String::new, |notice| notice.text)
}

/// The console at the time of the story, on the day that began then.
fn at_work() -> (Story, Model, i64) {
    let story = busy_desk();
    let model = console_of(&story);
    let day = model.hours.day.expect("asked for").as_ms();
    (story, model, day)
}

fn answer(model: &mut Model, story: &Story, day: i64, items: Vec<Interval>) -> Vec<Effect> {
    let from = Timestamp::from_ms(day);
    let items = Ok(items);
    update(model, Msg::Hours { from, items }, story.now)
}

#[test]
fn the_time_of_today_is_counted_and_unreachable_is_away() {
    let (mut story, mut model, day) = at_work();
    assert_eq!(day.rem_euclid(24 * HOUR), 0, "the zone of the test is UTC");
    assert_eq!(said(&mut model), "the hours of today are not known yet");
    let now = story.now.as_ms();
    let items = vec![
        // Yesterday's part is not of today.
        interval(day - HOUR, Some(day + HOUR), AgentStatus::Online, true),
        interval(day + HOUR, Some(day + 2 * HOUR), AgentStatus::Online, false),
        interval(
            day + 2 * HOUR,
            Some(day + 4 * HOUR),
            AgentStatus::Offline,
            false,
        ),
        interval(
            day + 4 * HOUR,
            Some(now - HOUR / 3),
            AgentStatus::Away,
            true,
        ),
        interval(now - HOUR / 3, None, AgentStatus::Busy, true),
    ];
    assert!(asked(&answer(&mut model, &story, day, items)).is_empty());
    let away = (now - HOUR / 3 - day - 3 * HOUR) / 60_000;
    let away = format!("{}:{:02}", away / 60, away % 60);
    assert_eq!(
        said(&mut model),
        format!("today: online 1:00, busy 0:20, away {away}")
    );
    // It goes on with the clock, and by records from then on.
    story.now = story.now.after(Duration::from_secs(600));
    let online = becomes(&mut story, AgentStatus::Online);
    hear(&mut model, &story, [delivered(online)]);
    let later = Timestamp::from_ms(now + 30 * 60_000);
    update(&mut model, Msg::Tick, later);
    assert_eq!(
        said(&mut model),
        format!("today: online 1:20, busy 0:30, away {away}")
    );
}

#[test]
fn an_answer_that_a_change_overtook_is_asked_for_again() {
    let (mut story, mut model, day) = at_work();
    let record = becomes(&mut story, AgentStatus::Busy);
    hear(&mut model, &story, [delivered(record)]);
    let effects = answer(&mut model, &story, day, Vec::new());
    assert_eq!(asked(&effects), [Timestamp::from_ms(day)]);
    // An answer that knows of a record that comes after it counts it once.
    let record = becomes(&mut story, AgentStatus::Away);
    let at = record.at.as_ms();
    let items = vec![
        interval(day, Some(at), AgentStatus::Online, true),
        interval(at, None, AgentStatus::Away, true),
    ];
    assert!(asked(&answer(&mut model, &story, day, items)).is_empty());
    hear(&mut model, &story, [delivered(record)]);
    update(&mut model, Msg::Tick, Timestamp::from_ms(at + HOUR));
    assert!(said(&mut model).ends_with("busy 0:00, away 1:00"));
}

#[test]
fn a_new_day_and_a_new_connection_ask_again() {
    let (story, mut model, day) = at_work();
    answer(&mut model, &story, day, Vec::new());
    let tomorrow = Timestamp::from_ms(day + 24 * HOUR);
    let before = Timestamp::from_ms(tomorrow.as_ms() - 1);
    assert!(asked(&update(&mut model, Msg::Tick, before)).is_empty());
    assert_eq!(next_deadline(&model), tomorrow, "wakes at midnight");
    let effects = update(&mut model, Msg::Tick, tomorrow);
    assert_eq!(asked(&effects), [tomorrow]);
    let failed = Msg::Hours {
        from: tomorrow,
        items: Err("no answer".to_owned()),
    };
    assert!(asked(&update(&mut model, failed, tomorrow)).is_empty());
    let told = said(&mut model);
    assert_eq!(told, "the hours of today are not known: no answer");
    let effects = update(&mut model, Msg::Hub(live()), tomorrow);
    assert_eq!(asked(&effects), [tomorrow]);
}
