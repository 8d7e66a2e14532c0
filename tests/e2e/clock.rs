//! Clocks that jump: nobody loses a chat, the order stays, tokens fail closed.

use std::{path::PathBuf, time::Duration};

use serde_json::json;
use server::{
    desk::visibility::{Audience, Scope},
    store::{Commit, Part, Store, StoredRecord},
};
use shared::{
    event::Event,
    model::{Actor, ActorKind, AgentStatus, Role},
    record::Record,
};
use tests::{
    oracle::Log,
    report,
    robot::{Robot, say},
    site::{PASSWORD, Person, Site},
};

use crate::{
    load::status,
    raw::{Raw, send},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// An agent with a chat, and their program.
async fn desk() -> (Site, Person, tests::site::Guest) {
    let site = Site::start(&[]).await;
    let ana = site.staff("ana", Role::Agent, &["Customer Care"]).await;
    let robot = Robot::connect("ana", Site::socket(&site.hub.url(), &ana.token));
    robot.live().await;
    robot.ask(status(AgentStatus::Online, None)).await.unwrap();
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    robot
        .until("the chat", |seen| {
            let view = seen.view.chats.get(&guest.chat);
            view.is_some_and(|view| view.chat.owner == Some(ana.user.id))
        })
        .await;
    (site, ana, guest)
}

/// The agent logs in again and answers in the chat, which is still theirs.
async fn goes_on(site: &Site, guest: &tests::site::Guest) {
    let login = json!({"username": "ana", "password": PASSWORD});
    let answer = send(site.hub.address(), None, "POST", "/api/auth/login", &login).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let robot = Robot::connect("ana again", Site::socket(&site.hub.url(), &token));
    robot.live().await;
    let said = robot.ask(say(guest.chat, "here I am")).await;
    assert!(said.is_ok(), "the chat is not theirs any more: {said:?}");
}

/// F18, A8: the last record is of 30 days ahead, as after a wall clock that was set back: time
/// goes on from there, the chat stays where it is, and what has expired by then lets nobody in.
#[tokio::test(flavor = "multi_thread")]
async fn a_wall_clock_behind_the_log_turns_nothing_back() {
    let (mut site, ana, guest) = desk().await;
    site.hub.terminate();
    let log = Log::read(&site.store()).await;
    let last = log.stored.last().unwrap();
    let owner = &site.owner.user;
    let record = Record {
        pos: last.pos.next(),
        at: last.at.after(30 * DAY),
        chat: None,
        seq: None,
        actor: Actor {
            kind: ActorKind::Agent,
            id: Some(owner.id),
            name: owner.name.clone(),
            rule: None,
        },
        event: Event::StatusSet {
            user: owner.id,
            status: AgentStatus::Busy,
            reason: None,
            drain: false,
        },
    };
    let scope = Scope {
        audience: Audience::Staff,
        customer: None,
        department: None,
        left: None,
    };
    let row = StoredRecord::chain(&last.hash, &record, scope, None, [1; 16]);
    let store = Store::open(&site.store()).unwrap();
    let turn = store.turn(Part::MAIN, last.pos).await.unwrap();
    let commit = turn.commit(&[row], &[]).await.unwrap();
    assert!(matches!(commit, Commit::Done { .. }), "{commit:?}");
    drop(store);
    site.hub.restart();
    let mut stale = Raw::open(site.hub.address()).await;
    stale.say(&crate::raw::hello(&ana.token)).await;
    assert_eq!(stale.end().await.0, 4401, "a token of last month lets in");
    goes_on(&site, &guest).await;
    let log = site.hub.judge(&[]);
    let moved = log.records.iter().filter(|one| one.pos > record.pos);
    let moved = moved.filter(|one| {
        matches!(
            one.event,
            Event::ChatAssigned { .. } | Event::ChatQueued { .. }
        )
    });
    assert_eq!(moved.count(), 0, "a chat was given to somebody else");
}

/// F18: with a faked wall clock: two days back, a month ahead, over the change to summer time.
#[tokio::test(flavor = "multi_thread")]
async fn a_wall_clock_that_jumps_moves_no_chat() {
    let places = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib",
    ];
    let files = places.map(|place| PathBuf::from(place).join("faketime/libfaketime.so.1"));
    let Some(library) = files.iter().find(|file| file.exists()) else {
        return report("SKIPPED: F18 with libfaketime, which is not installed; its twin runs");
    };
    let (mut site, _, guest) = desk().await;
    for jump in ["-2d", "+30d", "2027-03-28 01:59:50"] {
        let library = library.display().to_string();
        for (name, value) in [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME", jump),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("TZ", "Europe/Berlin"),
        ] {
            site.hub.set_env(name, value);
        }
        site.hub.restart();
        goes_on(&site, &guest).await;
    }
    site.hub.judge(&[]);
}
