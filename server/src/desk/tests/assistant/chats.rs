//! How the assistant gets a chat, and how people do.

use std::time::Duration;

use shared::{
    assistant::{AssistantReason, FirstLine, HandOffReason, ReplyKind},
    command::{Command, DepartmentRef, OpenChat},
    error::ErrorCode,
    event::{Event, QueueReason},
    id::{DepartmentId, Epoch, Seq},
    model::{ActorKind, AgentStatus, ChatState},
};

use super::{OWNER, asks, assisted, changed, chat, handed_off, know, open, set, state, turn};
use crate::desk::tests::sim::{ANA, BEN, HOUR, SECOND, Sim, customer, kinds, status, text, user};
use crate::desk::{Rejection, Who};

#[test]
fn it_gets_a_chat_says_what_it_is_and_owes_an_answer() {
    let mut sim = assisted();
    sim.online(BEN);
    let (id, _, records) = open(&mut sim, "where is my parcel?");
    assert_eq!(
        kinds(&records),
        [
            "chat_opened",
            "assistant_assigned",
            "message_posted",
            "message_posted"
        ]
    );
    assert_eq!(records[3].actor.kind, ActorKind::Assistant);
    assert_eq!(state(&sim, id), ChatState::Assistant);
    let job = sim.desk.job(id).expect("an answer is owed");
    assert_eq!((job.seq, job.epoch, job.queued), (Seq(3), Epoch(1), false));
    assert_eq!(
        sim.desk.next_job(),
        Some(sim.now.after(Duration::from_millis(1_200)))
    );
    assert_eq!(sim.desk.jobs(sim.now, 9), []);
}

#[test]
fn of_a_department_that_is_gone_people_get_the_chat() {
    let mut sim = assisted();
    let named = OpenChat {
        name: Some(text("Cleo")),
        text: Some(text("where is my parcel?")),
        department: Some(DepartmentRef::Id(DepartmentId(2))),
        ..OpenChat::default()
    };
    sim.must(&Who::Anonymous, Command::OpenChat(named));
    let id = sim.desk.last_chat();
    let cleo = customer(chat(&sim, id).customer);
    assert_eq!(state(&sim, id), ChatState::Assistant);
    sim.must(&cleo, Command::Resolve { chat: id });
    let delete = Command::DeleteDepartment {
        id: DepartmentId(2),
        rev: None,
    };
    sim.must(&OWNER, delete);
    asks(&mut sim, &cleo, id, "still not here");
    let reopened = chat(&sim, id);
    assert_eq!(reopened.state, ChatState::Waiting);
    assert_eq!(
        reopened.department,
        DepartmentId(1),
        "a queue that somebody serves"
    );
}

#[test]
fn words_that_follow_are_waited_for_but_not_without_end() {
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "hello");
    let first = sim.now;
    for _ in 0..5 {
        sim.pass(SECOND);
        asks(&mut sim, &cleo, id, "and");
    }
    assert_eq!(sim.desk.next_job(), Some(first.after(4 * SECOND)));
    assert_eq!(sim.desk.jobs(sim.now, 9).len(), 1);
}

#[test]
fn who_is_there_gets_the_chat_where_the_settings_say_so() {
    let mut sim = assisted();
    set(&mut sim, |change| {
        change.first_line = Some(FirstLine::AfterHours)
    });
    let (alone, ..) = open(&mut sim, "hi");
    assert_eq!(state(&sim, alone), ChatState::Assistant);
    sim.must(
        &OWNER,
        Command::Close {
            chat: alone,
            epoch: None,
        },
    );
    sim.online(BEN);
    let (helped, ..) = open(&mut sim, "hi");
    assert_eq!(sim.owner(helped), Some(BEN));
    sim.must(&user(BEN), status(AgentStatus::Busy));
    let (waits, ..) = open(&mut sim, "hi");
    assert_eq!(state(&sim, waits), ChatState::Waiting, "somebody is there");
    set(&mut sim, |change| {
        change.first_line = Some(FirstLine::WhenNoAgent)
    });
    let (full, ..) = open(&mut sim, "hi");
    assert_eq!(state(&sim, full), ChatState::Assistant);
}

#[test]
fn who_asks_for_a_person_is_queued_in_the_same_transaction() {
    for words in ["I want to speak to a human", "0", "agent please"] {
        let mut sim = assisted();
        let (id, _, records) = open(&mut sim, words);
        assert_eq!(
            kinds(&records)[4..],
            ["handed_off", "chat_queued", "message_posted"],
            "{words}"
        );
        assert_eq!(handed_off(&sim, id).reason, HandOffReason::CustomerRequest);
        assert_eq!(sim.desk.job(id), None);
    }
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "good day");
    asks(
        &mut sim,
        &cleo,
        id,
        "my parcel is late, mail me at cleo@example.com",
    );
    asks(&mut sim, &cleo, id, "it really is late");
    sim.must(&cleo, Command::RequestHuman { chat: id });
    let hand_off = handed_off(&sim, id);
    assert_eq!(
        (hand_off.reason, hand_off.place),
        (HandOffReason::CustomerRequest, 1)
    );
    let first = hand_off.summary.first.as_deref();
    assert_eq!(
        first,
        Some("my parcel is late, mail me at cleo@example.com")
    );
    assert_eq!(
        hand_off.summary.entities[0].text.as_str(),
        "cleo@example.com"
    );
    let again = sim.must(&cleo, Command::RequestHuman { chat: id });
    assert_eq!(again, [], "who waits already waits");
}

#[test]
fn a_chat_can_begin_with_a_person() {
    let mut sim = assisted();
    let open = Command::OpenChat(OpenChat {
        name: Some(text("Cleo")),
        human: true,
        ..OpenChat::default()
    });
    sim.must(&Who::Anonymous, open);
    assert_eq!(state(&sim, sim.desk.last_chat()), ChatState::Waiting);
}

#[test]
fn words_of_the_operator_call_a_person() {
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "the lawyers' film festival");
    assert_eq!(
        state(&sim, id),
        ChatState::Assistant,
        "a part of a word is none"
    );
    asks(&mut sim, &cleo, id, "I call my LAWYER.");
    let hand_off = handed_off(&sim, id);
    assert_eq!(hand_off.reason, HandOffReason::KeywordRule);
    assert_eq!(hand_off.detail.as_deref(), Some("lawyer"));
}

#[test]
fn a_program_on_the_other_side_is_noticed() {
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "hello");
    turn(&mut sim, id, ReplyKind::Courtesy, "Hello, how can I help?");
    asks(&mut sim, &cleo, id, "Hello, how can I help?");
    assert_eq!(handed_off(&sim, id).reason, HandOffReason::BotLoop);

    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "one");
    for round in 0..5 {
        assert_eq!(state(&sim, id), ChatState::Assistant, "round {round}");
        turn(&mut sim, id, ReplyKind::Answer, &format!("answer {round}"));
        sim.pass(SECOND);
        asks(&mut sim, &cleo, id, &format!("again {round}"));
    }
    assert_eq!(handed_off(&sim, id).reason, HandOffReason::BotLoop);
}

#[test]
fn a_person_gives_a_chat_back() {
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "I want a human");
    sim.online(ANA);
    assert_eq!(sim.owner(id), Some(ANA));
    let epoch = sim.epoch(id);
    let back = Command::ReturnToAssistant { chat: id, epoch };
    assert_eq!(
        sim.refuses(&user(BEN), back.clone()).code(),
        ErrorCode::Forbidden
    );
    let records = sim.must(&user(ANA), back);
    assert_eq!(kinds(&records), ["assistant_assigned", "message_posted"]);
    let reason = AssistantReason::Returned;
    let epoch = epoch.next();
    assert_eq!(records[0].event, Event::AssistantAssigned { reason, epoch });
    assert_eq!(
        sim.desk.job(id),
        None,
        "what was before is not its business"
    );
    asks(&mut sim, &cleo, id, "where is it?");
    turn(&mut sim, id, ReplyKind::Answer, "on its way");
    let conversations = sim.desk.assistant_counts().conversations;
    assert_eq!(conversations, 1, "the episode is the same");
    let rank_at = chat(&sim, id).rank_at;
    sim.pass(SECOND);
    sim.must(&user(ANA), status(AgentStatus::Busy));
    sim.must(&cleo, Command::RequestHuman { chat: id });
    assert_eq!(
        chat(&sim, id).rank_at,
        rank_at,
        "the place in the queue is kept"
    );
}

#[test]
fn an_assistant_that_is_off_has_no_chats() {
    let mut sim = Sim::staffed();
    let on = changed(|change| change.first_line = Some(FirstLine::Always));
    let refused = sim.refuses(&OWNER, on.clone());
    assert_eq!(refused, Rejection::AssistantNotReady);
    know(&mut sim, 3);
    sim.must(&OWNER, on);
    let (first, ..) = open(&mut sim, "hi");
    let (second, ..) = open(&mut sim, "hi");
    let first_record = sim.log.len();
    set(&mut sim, |change| change.first_line = Some(FirstLine::Off));
    let reason = |id| handed_off(&sim, id).reason;
    assert_eq!([first, second].map(reason), [HandOffReason::Operator; 2]);
    let places = [first, second].map(|id| handed_off(&sim, id).place);
    assert_eq!(places, [1, 2]);
    let queued = sim.log[first_record..].iter().filter(|record| {
        matches!(
            record.event,
            Event::ChatQueued {
                reason: QueueReason::HandedOff,
                ..
            }
        )
    });
    assert_eq!(queued.count(), 2);
    sim.online(ANA);
    let epoch = sim.epoch(first);
    let back = Command::ReturnToAssistant { chat: first, epoch };
    assert_eq!(sim.refuses(&user(ANA), back), Rejection::AssistantOff);
    set(&mut sim, |change| {
        change.first_line = Some(FirstLine::Always)
    });
    know(&mut sim, 0);
    let (third, ..) = open(&mut sim, "hi");
    assert_eq!(
        state(&sim, third),
        ChatState::Waiting,
        "nothing to answer from"
    );
}

#[test]
fn customers_do_not_see_what_staff_are_told() {
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "where is it?");
    turn(&mut sim, id, ReplyKind::Answer, "on its way");
    sim.must(&cleo, Command::RequestHuman { chat: id });
    let viewer = sim.desk.viewer(&cleo).expect("a customer");
    let seen = sim.desk.chat_for(&viewer, id).expect("their own");
    assert!(seen.hand_off.is_none());
    let staff = sim.desk.viewer(&user(ANA)).expect("an agent");
    assert!(
        sim.desk
            .chat_for(&staff, id)
            .expect("in sight")
            .hand_off
            .is_some()
    );
}

/// Who talked with the assistant for an hour has not waited for people.
#[test]
fn a_chat_that_is_moved_from_the_assistant_waits_from_then_on() {
    let mut sim = assisted();
    let (id, ..) = open(&mut sim, "");
    sim.pass(HOUR);
    sim.must(
        &OWNER,
        Command::Transfer {
            chat: id,
            department: Some(DepartmentRef::Id(DepartmentId(2))),
            agent: None,
            note: None,
            epoch: sim.epoch(id),
        },
    );
    assert_eq!(chat(&sim, id).rank_at, sim.now);
}

#[test]
fn a_customer_is_told_who_is_there_and_the_place() {
    let mut sim = assisted();
    let told = |sim: &Sim| {
        let mut lines = sim.log.iter().filter_map(|record| match &record.event {
            Event::MessagePosted { text, .. }
                if record.actor.rule.as_deref() == Some("hand_off") =>
            {
                Some(text.to_string())
            }
            _ => None,
        });
        lines.next_back().expect("something was told")
    };
    open(&mut sim, "human");
    assert!(told(&sim).starts_with("Nobody is online right now. You are number 1 "));
    sim.online(BEN);
    sim.must(&user(BEN), status(AgentStatus::Busy));
    open(&mut sim, "human");
    open(&mut sim, "human");
    assert_eq!(
        told(&sim),
        "A person will answer; you are number 2 in the queue."
    );
    sim.must(&user(BEN), status(AgentStatus::Online));
    let (id, ..) = open(&mut sim, "human");
    assert_eq!(told(&sim), "A person takes over.");
    assert_eq!(sim.owner(id), Some(BEN));
}
