//! The rules alone, without a disk or a socket: an assignment with everything full (G15).

use std::time::Instant;

use server::desk::{Desk, NewRecord, Who};
use shared::{
    command::{Command, NewUser, OpenChat},
    id::{ChatId, DepartmentId, UserId},
    model::{AgentStatus, Role},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

use crate::{Bench, Fallible, bare::count, report::Row};

const AGENTS: u64 = 1_000;
const WAITING: u64 = 10_000;
/// Chats that an agent has when nobody says otherwise.
const CHATS_EACH: u64 = 4;
const DECISIONS: u64 = 1_000;

pub(crate) fn run(bench: &mut Bench) -> Fallible<()> {
    if !bench.args.wants(&["G15"]) {
        return Ok(());
    }
    let mut desk = full_desk()?;
    let mut took = Vec::new();
    for chat in (1..=DECISIONS).map(ChatId) {
        let owner = desk
            .chat(chat)
            .and_then(|chat| chat.owner)
            .ok_or("a chat without an owner")?;
        must(&mut desk, &Who::User(owner), &Command::Resolve { chat })?;
        let begun = Instant::now();
        let assigned = settle(&mut desk);
        took.push(begun.elapsed().as_nanos());
        if assigned == 0 {
            return Err(format!("chat {chat} left a slot free and nobody was assigned").into());
        }
    }
    took.sort_unstable();
    let at = |part: usize| {
        took.get(took.len() * part / 100)
            .copied()
            .unwrap_or_default()
    };
    let micros =
        |nanos: u128| u64::try_from(nanos).map_or(f64::NAN, |nanos| count(nanos) / 1_000.0);
    let what = format!("assignment after a slot frees, {AGENTS} agents, {WAITING} waiting");
    bench
        .report
        .add(Row::new("G15", format!("{what}, p50"), micros(at(50)), "us").at_most(1_000.0, 100.0));
    bench.report.add(Row::new(
        "G15",
        format!("{what}, p99"),
        micros(at(99)),
        "us",
    ));
    Ok(())
}

/// A desk where every agent has as many chats as they may have, and many more wait.
fn full_desk() -> Fallible<Desk> {
    let mut desk = Desk::default();
    let text = SafeText::block;
    let setup = Command::Setup {
        username: text("olga"),
        name: text("Olga"),
    };
    must(&mut desk, &Who::Anonymous, &setup)?;
    for number in 0..AGENTS {
        let user = NewUser {
            username: text(&format!("agent{number}")),
            name: text("Ana"),
            role: Role::Agent,
            departments: [DepartmentId(1)].into(),
            capacity: None,
        };
        must(&mut desk, &Who::User(UserId(1)), &Command::CreateUser(user))?;
        let user = UserId(number + 2);
        must(
            &mut desk,
            &Who::System("speed"),
            &Command::RegainAgent { user },
        )?;
        let online = Command::SetStatus {
            status: AgentStatus::Online,
            reason: None,
            drain: false,
            user: None,
        };
        must(&mut desk, &Who::User(user), &online)?;
    }
    let open = Command::OpenChat(OpenChat {
        name: Some(text("Cleo")),
        ..OpenChat::default()
    });
    for _ in 0..AGENTS * CHATS_EACH + WAITING {
        must(&mut desk, &Who::Anonymous, &open)?;
        settle(&mut desk);
    }
    Ok(desk)
}

fn must(desk: &mut Desk, who: &Who, command: &Command) -> Fallible<()> {
    let records = desk
        .decide(who, command, Timestamp::from_ms(0))
        .map_err(|rejection| rejection.to_string())?;
    apply(desk, records);
    Ok(())
}

/// Applies what the desk owes; how many records that were.
fn settle(desk: &mut Desk) -> usize {
    let mut records = 0;
    loop {
        let owed = desk.due(Timestamp::from_ms(0));
        if owed.is_empty() {
            return records;
        }
        records += owed.len();
        apply(desk, owed);
    }
}

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
