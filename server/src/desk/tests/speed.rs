//! The figure that is named for the desk: an assignment with everything full.

use std::{io::Write, time::Instant};

use shared::{
    command::{Command, NewUser, OpenChat},
    id::{ChatId, DepartmentId, UserId},
    model::Role,
    record::Record,
    time::Timestamp,
};

use super::sim::{post, text};
use crate::desk::{Desk, NewRecord, Who};

const AGENTS: u64 = 1_000;
const WAITING: u64 = 10_000;
/// G15: 1 ms for an assignment after a slot frees, asserted at five times that.
const ASSIGNMENT_US_MAX: u128 = 5_000;

fn apply(desk: &mut Desk, new: Vec<NewRecord>) {
    for new in new {
        let record = Record {
            pos: desk.pos().next(),
            at: Timestamp::from_ms(0),
            chat: new.chat,
            seq: new.chat.map(|chat| desk.next_seq(chat)),
            actor: new.actor,
            event: new.event,
        };
        desk.apply(&record);
    }
}

fn must(desk: &mut Desk, who: &Who, command: &Command) {
    let records = desk.decide(who, command, Timestamp::from_ms(0));
    apply(desk, records.expect("it may"));
}

fn settle(desk: &mut Desk) -> u32 {
    for count in 0.. {
        let owed = desk.due(Timestamp::from_ms(0));
        if owed.is_empty() {
            return count;
        }
        apply(desk, owed);
    }
    0
}

/// A desk where every agent has 4 chats and 10,000 wait.
fn full_desk() -> Desk {
    let mut desk = Desk::default();
    let setup = Command::Setup {
        username: text("olga"),
        name: text("Olga"),
    };
    must(&mut desk, &Who::Anonymous, &setup);
    for number in 0..AGENTS {
        let user = NewUser {
            username: text(&format!("agent-{number}")),
            name: text("Ana"),
            role: Role::Agent,
            departments: [DepartmentId(1)].into(),
            capacity: None,
        };
        must(&mut desk, &Who::User(UserId(1)), &Command::CreateUser(user));
        let user = UserId(number + 2);
        must(
            &mut desk,
            &Who::System("test"),
            &Command::RegainAgent { user },
        );
        let online = super::sim::status(shared::model::AgentStatus::Online);
        must(&mut desk, &Who::User(user), &online);
    }
    let open = Command::OpenChat(OpenChat {
        name: Some(text("Cleo")),
        ..OpenChat::default()
    });
    for _ in 0..AGENTS * 4 + WAITING {
        must(&mut desk, &Who::Anonymous, &open);
        settle(&mut desk);
    }
    desk
}

#[test]
fn an_assignment_takes_microseconds() {
    let mut desk = full_desk();
    assert_eq!(desk.queue(DepartmentId(1)).count() as u64, WAITING);
    assert_eq!(settle(&mut desk), 0);
    let mut assignments: Vec<u128> = Vec::new();
    let mut messages: Vec<u128> = Vec::new();
    for chat in (1..=200).map(ChatId) {
        let owner = desk.chat(chat).and_then(|chat| chat.owner).expect("served");
        let begin = Instant::now();
        must(&mut desk, &Who::User(owner), &post(chat, "hello"));
        assert_eq!(settle(&mut desk), 0);
        messages.push(begin.elapsed().as_micros());
        must(&mut desk, &Who::User(owner), &Command::Resolve { chat });
        let begin = Instant::now();
        assert_eq!(settle(&mut desk), 1, "the freed slot is filled");
        assignments.push(begin.elapsed().as_micros());
    }
    assignments.sort_unstable();
    messages.sort_unstable();
    let (assignment, message) = (assignments[100], messages[100]);
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "G15: assignment p50 {assignment} us, message p50 {message} us"
    )
    .unwrap();
    assert!(assignment <= ASSIGNMENT_US_MAX, "{assignment} us");
}
