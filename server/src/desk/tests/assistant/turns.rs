//! What a turn does, and when it counts no more.

use shared::{
    assistant::{Failure, FirstLine, HandOffReason, Reply, ReplyKind, Turn, WhileQueued},
    command::Command,
    error::ErrorCode,
    model::ChatState,
    text::SafeText,
};

use super::{
    ASSISTANT, asks, assisted, chat, finish, handed_off, open, say, set, start, state, turn,
};
use crate::desk::tests::sim::{ANA, BEN, SECOND, kinds, text, user};
use crate::desk::{Rejection, Who};

#[test]
fn what_is_not_answered_in_time_is_a_persons() {
    let mut sim = assisted();
    let (never, ..) = open(&mut sim, "where is my parcel?");
    let (late, ..) = open(&mut sim, "where is my parcel?");
    start(&mut sim, late);
    sim.pass(24 * SECOND);
    assert_eq!(state(&sim, never), ChatState::Assistant);
    sim.pass(SECOND);
    assert_eq!(handed_off(&sim, never).reason, HandOffReason::Internal);
    assert_eq!(
        handed_off(&sim, late).reason,
        HandOffReason::ProviderTimeout
    );
    assert_eq!(handed_off(&sim, late).waited_ms, 25_000);
}

#[test]
fn a_result_counts_in_its_epoch_only() {
    let mut sim = assisted();
    let (id, ..) = open(&mut sim, "where is my parcel?");
    let (epoch, seq) = start(&mut sim, id);
    sim.online(ANA);
    sim.must(&user(ANA), Command::Claim { chat: id, epoch });
    assert_eq!(sim.owner(id), Some(ANA));
    assert!(
        chat(&sim, id).hand_off.is_none(),
        "who claims was not handed it"
    );
    let late = finish(id, (epoch, seq), say(seq, ReplyKind::Answer, "on its way"));
    let refused = sim.refuses(&ASSISTANT, late);
    assert!(
        matches!(refused, Rejection::ChangedHands { .. }),
        "{refused}"
    );
}

#[test]
fn a_chat_does_not_end_before_its_last_message_is_answered() {
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "where is my parcel?");
    turn(&mut sim, id, ReplyKind::Answer, "on its way");
    asks(&mut sim, &cleo, id, "yes");
    start(&mut sim, id);
    asks(&mut sim, &cleo, id, "thanks");
    let (epoch, seq) = start(&mut sim, id);
    asks(&mut sim, &cleo, id, "and where is my invoice?");
    let reply = Box::new(Reply::new(ReplyKind::Courtesy, seq));
    sim.must(
        &ASSISTANT,
        finish(id, (epoch, seq), Turn::Resolve { reply }),
    );
    assert_eq!(state(&sim, id), ChatState::Assistant);
    let left = sim.desk.job(id).expect("an answer is owed");
    assert!(left.seq > seq && left.answered);
}

#[test]
fn a_customer_who_goes_on_is_answered_once_more_and_then_all_the_same() {
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "where is my");
    let (epoch, seq) = start(&mut sim, id);
    asks(&mut sim, &cleo, id, "parcel?");
    let overtaken = finish(id, (epoch, seq), say(seq, ReplyKind::Answer, "your what?"));
    let refused = sim.refuses(&ASSISTANT, overtaken);
    assert!(matches!(refused, Rejection::Overtaken { .. }), "{refused}");
    let (epoch, seq) = start(&mut sim, id);
    let chat = id;
    let twice = sim.refuses(&ASSISTANT, Command::StartTurn { chat, epoch, seq });
    assert!(matches!(twice, Rejection::Overtaken { .. }), "{twice}");
    asks(&mut sim, &cleo, id, "hello?");
    let answer = finish(id, (epoch, seq), say(seq, ReplyKind::Answer, "on its way"));
    sim.must(&ASSISTANT, answer.clone());
    let left = sim.desk.job(id).expect("hello is owed");
    assert!(left.seq > seq);
    let refused = sim.refuses(&ASSISTANT, answer);
    assert_eq!(
        refused.code(),
        ErrorCode::Conflict,
        "an answer is given once"
    );
}

#[test]
fn two_failures_in_a_row_call_a_person_and_an_answer_begins_anew() {
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "it");
    turn(&mut sim, id, ReplyKind::Rephrase, "say that in a sentence");
    asks(&mut sim, &cleo, id, "my parcel");
    turn(&mut sim, id, ReplyKind::Answer, "on its way");
    asks(&mut sim, &cleo, id, "the other thing");
    turn(&mut sim, id, ReplyKind::Clarify, "1 or 2?");
    asks(&mut sim, &cleo, id, "neither");
    let records = turn(&mut sim, id, ReplyKind::Rephrase, "say it again");
    assert_eq!(kinds(&records)[0], "handed_off");
    let hand_off = handed_off(&sim, id);
    assert_eq!(hand_off.reason, HandOffReason::RepeatedFailure);
    assert_eq!(hand_off.summary.tried[0].text.as_str(), "on its way");
    let last: Vec<&str> = hand_off.summary.last.iter().map(SafeText::as_str).collect();
    assert_eq!(last, ["my parcel", "the other thing", "neither"]);
}

#[test]
fn answers_that_are_denied_add_up() {
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "where is it?");
    for (round, place) in ["in the shed", "in the attic"].into_iter().enumerate() {
        turn(&mut sim, id, ReplyKind::Answer, place);
        asks(&mut sim, &cleo, id, "no");
        let (epoch, seq) = start(&mut sim, id);
        let reply = Box::new(Reply {
            failure: Some(Failure::Denied),
            ..Reply::new(ReplyKind::Courtesy, seq)
        });
        let text = text("what is missing?");
        sim.must(
            &ASSISTANT,
            finish(id, (epoch, seq), Turn::Say { text, reply }),
        );
        if round == 0 {
            asks(&mut sim, &cleo, id, "where else?");
        }
    }
    assert_eq!(handed_off(&sim, id).reason, HandOffReason::RepeatedFailure);
}

#[test]
fn it_does_not_say_the_same_twice_nor_talk_without_end() {
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "where is it?");
    turn(&mut sim, id, ReplyKind::Answer, "on its way");
    asks(&mut sim, &cleo, id, "since when?");
    turn(&mut sim, id, ReplyKind::Answer, "on its way");
    assert_eq!(handed_off(&sim, id).reason, HandOffReason::RepeatedAnswer);

    let (id, cleo, _) = open(&mut sim, "where is it?");
    for round in 0..6 {
        turn(&mut sim, id, ReplyKind::Answer, &format!("place {round}"));
        sim.pass(2 * SECOND);
        asks(&mut sim, &cleo, id, "and then?");
    }
    turn(&mut sim, id, ReplyKind::Answer, "far away");
    assert_eq!(handed_off(&sim, id).reason, HandOffReason::MaxTurns);
}

#[test]
fn a_lease_ends_with_its_process_and_places_are_told_apart() {
    let mut sim = assisted();
    let (free, ..) = open(&mut sim, "hi");
    let leased = [open(&mut sim, "hi").0, open(&mut sim, "hi").0];
    for id in leased {
        start(&mut sim, id);
    }
    sim.must(&Who::System("start"), Command::StartHub);
    assert_eq!(state(&sim, free), ChatState::Assistant);
    assert!(sim.desk.job(free).is_some());
    let told = leased.map(|id| (handed_off(&sim, id).reason, handed_off(&sim, id).place));
    let internal = HandOffReason::Internal;
    assert_eq!(told, [(internal, 1), (internal, 2)]);
}

#[test]
fn it_helps_those_who_wait_with_what_is_certain_only() {
    let mut sim = assisted();
    set(&mut sim, |change| {
        change.first_line = Some(FirstLine::Off);
        change.while_queued = Some(WhileQueued::Assist);
    });
    let (id, cleo, _) = open(&mut sim, "where is it?");
    assert_eq!(state(&sim, id), ChatState::Waiting);
    let job = sim.desk.job(id).expect("an answer may be given");
    assert!(job.queued);
    assert!(sim.desk.next_job().is_some());
    turn(&mut sim, id, ReplyKind::Answer, "on its way");
    assert_eq!(state(&sim, id), ChatState::Waiting);
    asks(&mut sim, &cleo, id, "hm");
    let records = turn(&mut sim, id, ReplyKind::Rephrase, "say it again");
    assert_eq!(kinds(&records), ["assistant_replied"], "nothing is said");
    asks(&mut sim, &cleo, id, "my lawyer asks");
    assert_eq!(
        state(&sim, id),
        ChatState::Waiting,
        "who waits is a person's already"
    );
    set(&mut sim, |change| {
        change.while_queued = Some(WhileQueued::Silent)
    });
    assert_eq!(sim.desk.next_job(), None);
    let (epoch, seq) = sim
        .desk
        .job(id)
        .map(|job| (job.epoch, job.seq))
        .expect("still said");
    let chat = id;
    let refused = sim.refuses(&ASSISTANT, Command::StartTurn { chat, epoch, seq });
    assert!(matches!(refused, Rejection::WrongState { .. }), "{refused}");
    sim.online(BEN);
    assert_eq!(sim.owner(id), Some(BEN));
    assert_eq!(sim.desk.job(id), None);
}
