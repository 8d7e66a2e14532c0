//! Working time: what is noted, what is forgotten, and what survives.

use std::time::Duration;

use shared::{
    command::Command,
    id::UserId,
    model::{AgentStatus, Interval},
    time::Timestamp,
};

use super::sim::{BEN, HOUR, SECOND, Sim, status, text, user};
use crate::desk::{Desk, Who};

fn hours(desk: &Desk) -> Vec<Interval> {
    desk.hours(UserId(BEN), Timestamp::default()).collect()
}

fn presence(sim: &mut Sim, command: Command) {
    sim.must(&Who::System("presence"), command);
}

fn lunch() -> Command {
    Command::SetStatus {
        status: AgentStatus::Away,
        reason: Some(text("lunch")),
        drain: false,
        user: None,
    }
}

#[test]
fn each_change_begins_an_interval() {
    let mut sim = Sim::staffed();
    let begin = sim.now;
    let at = |minutes: u64| begin.after(Duration::from_secs(minutes * 60));
    let id = UserId(BEN);
    sim.pass(60 * SECOND);
    sim.online(BEN);
    sim.pass(60 * SECOND);
    sim.must(&user(BEN), lunch());
    sim.pass(60 * SECOND);
    presence(&mut sim, Command::LoseAgent { user: id });
    sim.pass(60 * SECOND); // The grace is over: nothing that a person did.
    sim.pass(60 * SECOND);
    presence(&mut sim, Command::RegainAgent { user: id });
    presence(&mut sim, Command::LoseAgent { user: id });
    presence(&mut sim, Command::RegainAgent { user: id });
    presence(&mut sim, Command::StartHub);
    let spans: Vec<_> = hours(&sim.desk)
        .into_iter()
        .map(|one| (one.from, one.to, one.status, one.reachable, one.reason))
        .collect();
    let (away, why) = (AgentStatus::Away, Some(text("lunch")));
    let expected = [
        (at(0), Some(at(1)), AgentStatus::Offline, false, None),
        (at(1), Some(at(2)), AgentStatus::Online, true, None),
        (at(2), Some(at(3)), away, true, why.clone()),
        (at(3), None, away, false, why),
    ];
    assert_eq!(spans, expected, "what lasted no time is not there");
}

#[test]
fn they_are_cut_to_what_is_asked() {
    let mut sim = Sim::staffed();
    sim.pass(HOUR);
    sim.online(BEN);
    let online_at = sim.now;
    sim.pass(HOUR);
    let since = |at: Timestamp| sim.desk.hours(UserId(BEN), at).collect::<Vec<_>>();
    assert_eq!(since(online_at).len(), 1, "an interval ends before its end");
    let middle = online_at.after(60 * SECOND);
    let cut = since(middle);
    assert_eq!((cut[0].from, cut[0].to, cut.len()), (middle, None, 1));
    assert_eq!(sim.desk.hours(UserId(99), Timestamp::default()).count(), 0);
}

#[test]
fn two_days_and_a_thousand_intervals_are_kept() {
    let mut sim = Sim::staffed();
    sim.online(BEN);
    let began_at = sim.now;
    sim.pass(47 * HOUR);
    sim.must(&user(BEN), lunch());
    sim.pass(47 * HOUR);
    sim.must(&user(BEN), status(AgentStatus::Online));
    let kept = hours(&sim.desk);
    assert_eq!(
        (kept[0].from, kept.len()),
        (began_at, 3),
        "it reaches into the two days"
    );
    sim.pass(HOUR);
    sim.must(&user(BEN), lunch());
    assert_eq!(
        hours(&sim.desk)[0].status,
        AgentStatus::Away,
        "ended 48 hours ago"
    );
    for round in 0..1_100 {
        sim.pass(SECOND);
        let next = [AgentStatus::Busy, AgentStatus::Online][round % 2];
        sim.must(&user(BEN), status(next));
    }
    let kept = hours(&sim.desk);
    assert_eq!(kept.len(), 1_000);
    assert_eq!(kept.last().unwrap().from, sim.now, "the newest stay");
    sim.check_log();
}

#[test]
fn a_desk_that_was_stored_before_has_none() {
    let sim = Sim::staffed();
    let mut json = serde_json::to_value(&sim.desk).unwrap();
    for member in json["staff"].as_object_mut().unwrap().values_mut() {
        member
            .as_object_mut()
            .unwrap()
            .remove("hours")
            .expect("stored");
    }
    let old: Desk = serde_json::from_value(json).unwrap();
    assert_eq!(hours(&old), []);
}
