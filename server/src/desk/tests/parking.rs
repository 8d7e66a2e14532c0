//! One example of each rule about chats that are put aside, and about what the owner has read.

use std::time::Duration;

use shared::{
    command::{Command, UserChange, UserRef},
    error::ErrorCode,
    event::{Event, QueueReason},
    id::{ChatId, DepartmentId, Epoch, Seq, UserId},
    model::{AgentStatus, Chat, ChatState, Visibility},
    time::Timestamp,
};

use super::sim::{ANA, BEN, HOUR, SECOND, Sim, kinds, post, status, user};
use crate::desk::{NewRecord, Rejection, Who};

const MINUTE: Duration = Duration::from_secs(60);

fn chat(sim: &Sim, id: ChatId) -> &Chat {
    sim.desk.chat(id).expect("not closed")
}

fn snooze(sim: &Sim, chat: ChatId, ahead: Option<Duration>) -> Command {
    let until = ahead.map(|ahead| sim.now.after(ahead));
    Command::Snooze { chat, until }
}

/// Ben is there with one chat; the customer too.
fn one_chat() -> (Sim, ChatId, Who) {
    let mut sim = Sim::staffed();
    sim.online(BEN);
    let (chat, cleo) = sim.open(1);
    assert_eq!(sim.owner(chat), Some(BEN));
    (sim, chat, cleo)
}

fn note(chat: ChatId) -> Command {
    let Command::PostMessage { text, .. } = post(chat, "asked the warehouse") else {
        panic!("a message")
    };
    Command::PostMessage {
        chat,
        text,
        visibility: Visibility::Note,
        expected_seq: None,
        canned: Vec::new(),
    }
}

fn away(sim: &mut Sim) {
    sim.must(&user(BEN), status(AgentStatus::Away));
}

fn lost(sim: &mut Sim) {
    let lose = Command::LoseAgent { user: UserId(BEN) };
    sim.must(&Who::System("presence"), lose);
}

#[test]
fn a_parked_chat_makes_room_for_the_next() {
    let mut sim = Sim::staffed();
    sim.online(6);
    let (first, _) = sim.open(1);
    let (second, _) = sim.open(1);
    let (third, _) = sim.open(1);
    assert_eq!((sim.owner(first), sim.owner(second)), (Some(6), None));
    sim.must(&user(6), Command::Hold { chat: first });
    assert_eq!(sim.owner(second), Some(6), "Cid has room for one");
    let until = snooze(&sim, second, Some(HOUR));
    sim.must(&user(6), until);
    assert_eq!(sim.owner(third), Some(6));
    assert_eq!((sim.owner(first), sim.owner(second)), (Some(6), Some(6)));
    assert_eq!(sim.desk.load(UserId(6)), 1);
}

#[test]
fn a_held_chat_ends_after_an_hour_with_one_line() {
    let (mut sim, id, cleo) = one_chat();
    assert_eq!(
        kinds(&sim.must(&user(BEN), Command::Hold { chat: id })),
        ["chat_held"]
    );
    assert_eq!(chat(&sim, id).until, Some(sim.now.after(HOUR)));
    sim.pass(30 * MINUTE);
    assert_eq!(
        sim.must(&user(BEN), Command::Hold { chat: id }),
        [],
        "nothing new"
    );
    assert_eq!(kinds(&sim.must(&user(BEN), note(id))), ["message_posted"]);
    sim.pass(30 * MINUTE - SECOND);
    assert_eq!(chat(&sim, id).state, ChatState::Hold);
    let before = sim.log.len();
    sim.pass(SECOND);
    let ended = &sim.log[before..];
    assert_eq!(kinds(ended), ["chat_resolved", "message_posted"]);
    assert_eq!(ended[0].event, Event::ChatResolved { by: None });
    assert_eq!(ended[0].actor.rule.as_deref(), Some("hold_close"));
    assert_eq!(
        (chat(&sim, id).state, chat(&sim, id).until),
        (ChatState::Resolved, None)
    );
    sim.must(&cleo, post(id, "are you still there?"));
    assert_eq!(sim.owner(id), Some(BEN), "and can go on");
}

#[test]
fn a_snoozed_chat_wakes_exactly_at_its_time() {
    let (mut sim, id, _) = one_chat();
    let until = snooze(&sim, id, Some(HOUR));
    sim.must(&user(BEN), until.clone());
    assert_eq!(
        sim.must(&user(BEN), until),
        [],
        "the same time is nothing new"
    );
    let sooner = snooze(&sim, id, Some(10 * MINUTE));
    sim.must(&user(BEN), sooner);
    assert_eq!(chat(&sim, id).until, Some(sim.now.after(10 * MINUTE)));
    let epoch = sim.epoch(id);
    sim.pass(10 * MINUTE - Duration::from_millis(1));
    assert_eq!(chat(&sim, id).state, ChatState::Snoozed);
    sim.pass(Duration::from_millis(1));
    assert_eq!(
        (chat(&sim, id).state, chat(&sim, id).until),
        (ChatState::Active, None)
    );
    assert_eq!((sim.owner(id), sim.epoch(id)), (Some(BEN), epoch));
    sim.pass(2 * HOUR);
    assert_eq!(
        chat(&sim, id).state,
        ChatState::Active,
        "the first time is void"
    );
}

#[test]
fn a_time_to_wake_is_ahead_and_within_366_days() {
    let (mut sim, id, _) = one_chat();
    let year = 366 * 24 * HOUR;
    for ahead in [Duration::ZERO, year + Duration::from_millis(1)] {
        let wrong = snooze(&sim, id, Some(ahead));
        assert_eq!(sim.refuses(&user(BEN), wrong).code(), ErrorCode::Invalid);
    }
    let past = Command::Snooze {
        chat: id,
        until: Some(Timestamp::from_ms(0)),
    };
    let said = "until is in the past; give a later time";
    assert_eq!(sim.refuses(&user(BEN), past).to_string(), said);
    let longest = snooze(&sim, id, Some(year));
    sim.must(&user(BEN), longest);
}

#[test]
fn until_the_next_reply_has_no_time() {
    let (mut sim, id, cleo) = one_chat();
    let forever = snooze(&sim, id, None);
    sim.must(&user(BEN), forever);
    sim.pass(400 * 24 * HOUR);
    assert_eq!(chat(&sim, id).state, ChatState::Snoozed);
    sim.must(&user(BEN), note(id));
    assert_eq!(
        chat(&sim, id).state,
        ChatState::Snoozed,
        "a note wakes nobody"
    );
    let records = sim.must(&cleo, post(id, "it came back"));
    assert_eq!(kinds(&records), ["message_posted", "chat_woken"]);
    assert_eq!(sim.owner(id), Some(BEN));
}

#[test]
fn only_what_is_active_is_put_aside() {
    let mut sim = Sim::staffed();
    let (waiting, cleo) = sim.open(1);
    let supervisor = user(3);
    for command in [
        Command::Hold { chat: waiting },
        Command::Snooze {
            chat: waiting,
            until: None,
        },
        Command::Wake { chat: waiting },
    ] {
        let refused = sim.refuses(&supervisor, command);
        assert!(matches!(refused, Rejection::WrongState { .. }), "{refused}");
    }
    sim.online(BEN);
    assert_eq!(sim.must(&user(BEN), Command::Wake { chat: waiting }), []);
    sim.must(&supervisor, Command::Hold { chat: waiting });
    sim.must(
        &supervisor,
        Command::Snooze {
            chat: waiting,
            until: None,
        },
    );
    sim.must(&supervisor, Command::Hold { chat: waiting });
    assert_eq!(chat(&sim, waiting).until, Some(sim.now.after(HOUR)));
    sim.must(&cleo, Command::Resolve { chat: waiting });
    let refused = sim.refuses(&supervisor, Command::Hold { chat: waiting });
    assert!(matches!(refused, Rejection::WrongState { .. }), "{refused}");
}

#[test]
fn a_chat_wakes_to_its_owner_when_there_else_to_its_queue() {
    type Change = fn(&mut Sim);
    let busy: Change = |sim| {
        sim.must(&user(BEN), status(AgentStatus::Busy));
    };
    let offline: Change = |sim| {
        sim.must(&user(BEN), status(AgentStatus::Offline));
    };
    for (change, stays) in [(busy, true), (away, false), (offline, false), (lost, false)] {
        for way in 0..3 {
            let (mut sim, id, cleo) = one_chat();
            let opened_at = chat(&sim, id).rank_at;
            let epoch = sim.epoch(id);
            let until = snooze(&sim, id, Some(30 * SECOND));
            sim.must(&user(BEN), until);
            change(&mut sim);
            assert_eq!(sim.owner(id), Some(BEN), "parked all the same");
            let before = sim.log.len();
            match way {
                0 => sim.pass(30 * SECOND),
                1 => drop(sim.must(&cleo, post(id, "hello?"))),
                _ => drop(sim.must(&user(3), Command::Wake { chat: id })),
            }
            assert_eq!(sim.owner(id), stays.then_some(BEN), "way {way}");
            let mut expected = vec!["chat_woken"];
            if way == 1 {
                expected.insert(0, "message_posted");
            }
            if stays {
                assert_eq!((sim.epoch(id), chat(&sim, id).rank_at), (epoch, opened_at));
            } else {
                expected.extend(["chat_queued", "message_posted"]);
                assert_eq!(
                    (sim.epoch(id), chat(&sim, id).rank_at),
                    (epoch.next(), sim.now)
                );
                let woken = |event: &Event| {
                    matches!(
                        event,
                        Event::ChatQueued {
                            reason: QueueReason::Woken,
                            ..
                        }
                    )
                };
                assert!(sim.log[before..].iter().any(|record| woken(&record.event)));
            }
            assert_eq!(kinds(&sim.log[before..]), expected, "way {way}");
        }
    }
}

#[test]
fn who_wakes_above_capacity_gets_no_more_until_below() {
    let mut sim = Sim::staffed();
    sim.online(6);
    let (first, cleo) = sim.open(1);
    sim.must(&user(6), Command::Hold { chat: first });
    let (second, _) = sim.open(1);
    sim.must(&cleo, post(first, "I am back"));
    assert_eq!(
        sim.desk.load(UserId(6)),
        2,
        "one above what Cid has room for"
    );
    let (third, _) = sim.open(1);
    sim.must(&user(6), Command::Resolve { chat: first });
    assert_eq!(sim.owner(third), None, "full again, not below");
    sim.must(&user(6), Command::Resolve { chat: second });
    assert_eq!(sim.owner(third), Some(6));
}

#[test]
fn a_reply_wakes_a_chat_and_leaves_it_with_who_replied() {
    let (mut sim, id, _) = one_chat();
    sim.must(&user(BEN), Command::Hold { chat: id });
    away(&mut sim);
    let records = sim.must(&user(BEN), post(id, "found it"));
    assert_eq!(kinds(&records), ["message_posted", "chat_woken"]);
    assert_eq!((sim.owner(id), chat(&sim, id).until), (Some(BEN), None));
}

#[test]
fn a_parked_chat_can_be_moved_and_ended() {
    let reach = |sim: &mut Sim| {
        sim.online(ANA);
    };
    type Act = fn(ChatId, Epoch) -> (Who, Command);
    let acts: [Act; 5] = [
        |chat, epoch| {
            let agent = UserRef::Id(UserId(ANA));
            (user(3), Command::Assign { chat, agent, epoch })
        },
        |chat, epoch| (user(3), Command::TakeOver { chat, epoch }),
        |chat, epoch| {
            let transfer = Command::Transfer {
                chat,
                department: Some(shared::command::DepartmentRef::Id(DepartmentId(2))),
                agent: None,
                note: None,
                epoch,
            };
            (user(BEN), transfer)
        },
        |chat, _| (user(BEN), Command::Resolve { chat }),
        |chat, _| (user(BEN), Command::Close { chat, epoch: None }),
    ];
    for hold in [true, false] {
        for act in acts {
            let (mut sim, id, _) = one_chat();
            let park = if hold {
                Command::Hold { chat: id }
            } else {
                snooze(&sim, id, Some(HOUR))
            };
            sim.must(&user(BEN), park);
            reach(&mut sim);
            let claim = Command::Claim {
                chat: id,
                epoch: sim.epoch(id),
            };
            let refused = sim.refuses(&user(ANA), claim);
            assert_eq!(refused.code(), ErrorCode::Conflict, "it has an owner");
            let (who, command) = act(id, sim.epoch(id));
            sim.must(&who, command);
            let moved = sim.desk.chat(id);
            assert!(moved.is_none_or(|chat| !chat.state.is_parked() && chat.until.is_none()));
            sim.pass(2 * HOUR);
            let late = |event: &Event| matches!(event, Event::ChatWoken {});
            assert!(
                !sim.log.iter().any(|record| late(&record.event)),
                "it never wakes"
            );
        }
    }
}

#[test]
fn who_is_lost_or_leaves_the_department_gives_parked_chats_back() {
    type Change = fn(&mut Sim);
    let moved: Change = |sim| {
        change(
            sim,
            UserChange {
                departments: Some([DepartmentId(2)].into()),
                ..UserChange::default()
            },
        )
    };
    let disabled: Change = |sim| {
        change(
            sim,
            UserChange {
                active: Some(false),
                ..UserChange::default()
            },
        )
    };
    let gone: Change = |sim| {
        lost(sim);
        sim.pass(MINUTE);
    };
    for change in [moved, disabled, gone] {
        let (mut sim, id, _) = one_chat();
        let opened_at = chat(&sim, id).rank_at;
        let until = snooze(&sim, id, Some(HOUR));
        sim.must(&user(BEN), until);
        change(&mut sim);
        assert_eq!((sim.owner(id), chat(&sim, id).until), (None, None));
        assert_eq!(chat(&sim, id).rank_at, opened_at, "with its age");
    }
}

fn change(sim: &mut Sim, change: UserChange) {
    let id = UserId(BEN);
    sim.must(
        &user(2),
        Command::UpdateUser {
            id,
            change,
            rev: None,
        },
    );
}

#[test]
fn a_planned_leave_does_not_wait_for_parked_chats() {
    let (mut sim, parked, _) = one_chat();
    let (active, _) = sim.open(1);
    let until = snooze(&sim, parked, Some(HOUR));
    sim.must(&user(BEN), until);
    let drain = Command::SetStatus {
        status: AgentStatus::Away,
        reason: None,
        drain: true,
        user: None,
    };
    sim.must(&user(BEN), drain);
    assert_eq!(
        sim.desk.user(UserId(BEN)).unwrap().status,
        AgentStatus::Away
    );
    sim.must(&user(BEN), Command::Hold { chat: active });
    let ben = sim.desk.user(UserId(BEN)).unwrap();
    assert_eq!((ben.status, ben.drain), (AgentStatus::Offline, false));
    assert_eq!(
        (sim.owner(parked), sim.owner(active)),
        (Some(BEN), Some(BEN))
    );
    // Gone home, the programs closed: what is parked stays parked, through a restart too.
    lost(&mut sim);
    sim.must(&Who::System("start"), Command::StartHub);
    sim.pass(2 * MINUTE);
    assert_eq!(sim.owner(parked), Some(BEN));
    sim.pass(HOUR);
    assert_eq!(
        sim.owner(parked),
        None,
        "its time came, and nobody was there"
    );
    assert_eq!(chat(&sim, active).state, ChatState::Resolved);
}

#[test]
fn a_new_owner_has_read_nothing() {
    let (mut sim, id, cleo) = one_chat();
    let head = chat(&sim, id).seq;
    let read = |seq| Command::MarkRead { chat: id, seq };
    sim.must(&user(BEN), read(head));
    assert_eq!(sim.must(&user(BEN), read(head)), [], "not twice");
    assert_eq!(sim.must(&user(BEN), read(Seq(1))), [], "nor back");
    assert_eq!(
        (chat(&sim, id).read_by_owner, chat(&sim, id).read_by_staff),
        (head, head)
    );
    let not_owner = sim.refuses(&user(ANA), read(Seq(1)));
    assert_eq!(not_owner.code(), ErrorCode::NotMember);
    let epoch = sim.epoch(id);
    sim.must(&user(3), Command::TakeOver { chat: id, epoch });
    assert_eq!(
        (chat(&sim, id).read_by_owner, chat(&sim, id).read_by_staff),
        (Seq(0), head)
    );
    assert_eq!(kinds(&sim.must(&user(3), read(Seq(1)))), ["read_marked"]);
    assert_eq!(
        (chat(&sim, id).read_by_owner, chat(&sim, id).read_by_staff),
        (Seq(1), head)
    );
    let viewer = sim.desk.viewer(&cleo).unwrap();
    assert_eq!(sim.desk.chat_for(&viewer, id).unwrap().read_by_staff, head);
}

#[test]
fn unread_is_the_agents_own_flag() {
    let (mut sim, id, cleo) = one_chat();
    let head = chat(&sim, id).seq;
    let read = |seq| Command::MarkRead { chat: id, seq };
    let unread = |seq| Command::MarkUnread { chat: id, seq };
    sim.must(&user(BEN), read(head));
    for wrong in [Seq(0), Seq(99)] {
        assert_eq!(
            sim.refuses(&user(BEN), unread(wrong)).code(),
            ErrorCode::Invalid
        );
    }
    assert_eq!(
        sim.refuses(&user(3), unread(head)).code(),
        ErrorCode::NotMember
    );
    assert_eq!(
        sim.refuses(&cleo, unread(head)).code(),
        ErrorCode::Forbidden
    );
    assert_eq!(
        kinds(&sim.must(&user(BEN), unread(Seq(2)))),
        ["unread_marked"]
    );
    assert_eq!(sim.must(&user(BEN), unread(Seq(2))), []);
    let marked = chat(&sim, id);
    assert_eq!(
        (marked.unread_from, marked.read_by_staff),
        (Some(Seq(2)), head)
    );
    for (who, seen) in [(&cleo, None), (&user(ANA), Some(Seq(2)))] {
        let viewer = sim.desk.viewer(who).unwrap();
        assert_eq!(sim.desk.chat_for(&viewer, id).unwrap().unread_from, seen);
    }
    // Reading what was read takes the flag away, and the marker stays where it was.
    let again = sim.must(&user(BEN), read(Seq(1)));
    let by = shared::event::Reader::Staff;
    assert_eq!(again[0].event, Event::ReadMarked { by, seq: head });
    assert_eq!(chat(&sim, id).unread_from, None);
    sim.must(&user(BEN), unread(Seq(1)));
    let epoch = sim.epoch(id);
    sim.must(&user(3), Command::TakeOver { chat: id, epoch });
    assert_eq!(chat(&sim, id).unread_from, None, "it was the one before's");
}

#[test]
fn what_a_customer_reads_of_it_names_no_rule() {
    let (mut sim, id, _) = one_chat();
    let until = snooze(&sim, id, Some(30 * SECOND));
    sim.must(&user(BEN), until);
    away(&mut sim);
    sim.pass(30 * SECOND);
    let lines: Vec<&str> = sim
        .log
        .iter()
        .filter_map(|record| match &record.event {
            Event::MessagePosted { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        lines,
        [
            "hello",
            "Ben joined the chat",
            "Ben is not here now; someone else will answer"
        ]
    );
    let unread = NewRecord {
        chat: Some(id),
        actor: sim.log[0].actor.clone(),
        event: Event::UnreadMarked { seq: Seq(1) },
    };
    let audience = sim.desk.scope(&unread).audience;
    assert_eq!(audience, crate::desk::visibility::Audience::Staff);
}
