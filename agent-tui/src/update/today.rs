//! The working time of today: asked of the hub when a day begins here, counted on by its records.

use shared::{event::Event, model::Interval, model::Role, record::Record, time::Timestamp};

use crate::{
    hours::Hours,
    model::{Link, Model},
    msg::Effect,
    transcript::zoned,
};

/// Asks for the day when there is a new one.
pub(super) fn ask(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(me) = &model.me else { return };
    let (user, works) = (me.id, me.role >= Role::Agent);
    if model.link != Link::Live || model.settings.wall || !works {
        return;
    }
    let Ok(day) = zoned(model, model.now).start_of_day() else {
        return;
    };
    let from = Timestamp::from_ms(day.timestamp().as_millisecond());
    if model.hours.day != Some(from) {
        model.hours = Hours::ask(from);
        model.hours_failed = None;
        out.push(Effect::Hours { user, from });
    }
}

/// The hub has answered.
pub(super) fn answer(model: &mut Model, from: Timestamp, items: Result<Vec<Interval>, String>) {
    match items {
        Ok(items) => {
            if model.hours.answer(from, items) {
                // Asked again when this message is settled.
                model.hours = Hours::default();
            }
        }
        // Said when it is asked for; the next connection or day asks again.
        Err(why) => model.hours_failed = Some(why),
    }
}

/// Counts on from a record about ourselves.
pub(super) fn note(model: &mut Model, record: &Record) {
    let (Event::StatusSet { user, .. }
    | Event::AgentUnreachable { user }
    | Event::AgentBack { user }) = &record.event
    else {
        return;
    };
    if Some(*user) != model.my_id() {
        return;
    }
    if let Some(me) = model.view.agents.get(user) {
        model.hours.note(me, record.at);
    }
}

/// Says how long one was what today.
pub(super) fn say(model: &mut Model) {
    match (model.hours.describe(model.now), &model.hours_failed) {
        (Some(hours), _) => model.say(format!("today: {hours}")),
        (None, Some(why)) => {
            let text = format!("the hours of today are not known: {why}");
            model.complain(text);
        }
        (None, None) => model.say("the hours of today are not known yet"),
    }
}
