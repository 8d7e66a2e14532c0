//! One example of each rule about chats that the assistant has.

use std::time::Duration;

use shared::{
    assistant::{
        AssistantChange, AssistantReason, Failure, FirstLine, HandOff, HandOffReason, Reply,
        ReplyKind, Share, Turn, WhileQueued,
    },
    command::{Command, OpenChat},
    error::ErrorCode,
    event::{Event, QueueReason},
    id::{ChatId, Epoch, Seq, UserId},
    model::{ActorKind, AgentStatus, Chat, ChatState},
    record::Record,
    text::SafeText,
};

use super::sim::{ANA, BEN, HOUR, SECOND, Sim, customer, kinds, post, status, text, user};
use crate::desk::{Rejection, Who};

const OWNER: Who = Who::User(UserId(1));
const ASSISTANT: Who = Who::System("assistant");

/// A desk without anybody online whose assistant takes every chat.
fn assisted() -> Sim {
    let mut sim = Sim::staffed();
    know(&mut sim, 3);
    set(&mut sim, |change| {
        change.first_line = Some(FirstLine::Always)
    });
    sim
}

fn know(sim: &mut Sim, topics: u32) {
    sim.must(
        &Who::System("knowledge"),
        Command::NoteKnowledge {
            topics,
            questions: 8 * topics,
            provider: false,
            hash: text(&topics.to_string()),
        },
    );
}

fn set(sim: &mut Sim, change: impl FnOnce(&mut AssistantChange)) -> Vec<Record> {
    sim.must(&OWNER, changed(change))
}

fn changed(change: impl FnOnce(&mut AssistantChange)) -> Command {
    let mut new = AssistantChange::default();
    change(&mut new);
    let change = Box::new(new);
    Command::UpdateAssistant { change, rev: None }
}

fn open(sim: &mut Sim, words: &str) -> (ChatId, Who, Vec<Record>) {
    let open = Command::OpenChat(OpenChat {
        name: Some(text("Cleo")),
        text: (!words.is_empty()).then(|| text(words)),
        ..OpenChat::default()
    });
    let first = sim.log.len();
    sim.must(&Who::Anonymous, open);
    let id = sim.desk.last_chat();
    let who = customer(chat(sim, id).customer);
    (id, who, sim.log[first..].to_vec())
}

fn chat(sim: &Sim, id: ChatId) -> &Chat {
    sim.desk.chat(id).expect("not closed")
}

fn state(sim: &Sim, id: ChatId) -> ChatState {
    chat(sim, id).state
}

fn handed_off(sim: &Sim, id: ChatId) -> &HandOff {
    chat(sim, id).hand_off.as_deref().expect("handed off")
}

/// Begins to look for the answer that is owed next in a chat.
fn start(sim: &mut Sim, id: ChatId) -> (Epoch, Seq) {
    let job = sim.desk.job(id).expect("something is owed");
    let (epoch, seq) = (job.epoch, job.seq);
    let chat = id;
    sim.must(&ASSISTANT, Command::StartTurn { chat, epoch, seq });
    (epoch, seq)
}

fn finish(id: ChatId, (epoch, seq): (Epoch, Seq), turn: Turn) -> Command {
    Command::FinishTurn {
        chat: id,
        epoch,
        seq,
        turn,
    }
}

fn say(seq: Seq, kind: ReplyKind, words: &str) -> Turn {
    let reply = Box::new(Reply {
        failure: matches!(kind, ReplyKind::Clarify | ReplyKind::Rephrase)
            .then_some(Failure::Unclear),
        ..Reply::new(kind, seq)
    });
    let text = text(words);
    Turn::Say { text, reply }
}

/// One turn, whole.
fn turn(sim: &mut Sim, id: ChatId, kind: ReplyKind, words: &str) -> Vec<Record> {
    let (epoch, seq) = start(sim, id);
    let first = sim.log.len();
    sim.must(&ASSISTANT, finish(id, (epoch, seq), say(seq, kind, words)));
    sim.log[first..].to_vec()
}

fn asks(sim: &mut Sim, who: &Who, id: ChatId, words: &str) {
    sim.must(who, post(id, words));
}

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
    let (id, cleo, _) = open(&mut sim, "my parcel is late, mail me at cleo@example.com");
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
fn a_customer_says_that_it_helped_or_says_nothing() {
    let mut sim = assisted();
    let (hard, cleo, _) = open(&mut sim, "where is it?");
    turn(&mut sim, hard, ReplyKind::Answer, "on its way");
    assert!(sim.desk.facts.chats[&hard].talk.as_ref().unwrap().answered);
    asks(&mut sim, &cleo, hard, "yes");
    let (epoch, seq) = start(&mut sim, hard);
    let reply = Box::new(Reply::new(ReplyKind::Courtesy, seq));
    sim.must(
        &ASSISTANT,
        finish(hard, (epoch, seq), Turn::Resolve { reply }),
    );
    assert_eq!(state(&sim, hard), ChatState::Resolved);

    let (soft, ..) = open(&mut sim, "where is it?");
    turn(&mut sim, soft, ReplyKind::Answer, "on its way");
    let (nothing, ..) = open(&mut sim, "");
    sim.pass(24 * HOUR);
    assert_eq!(state(&sim, soft), ChatState::Resolved);
    assert_eq!(state(&sim, nothing), ChatState::Resolved);

    let counts = sim.desk.assistant_counts().clone();
    let ends = (counts.resolved_hard, counts.resolved_soft, counts.abandoned);
    assert_eq!(
        (counts.conversations, ends, counts.deflected),
        (3, (1, 1, 1), 2)
    );
    let rates = (counts.resolution_rate(), counts.deflection());
    let two_thirds = Some(Share::from_thousandths(667));
    assert_eq!(rates, (two_thirds, two_thirds));

    asks(&mut sim, &cleo, hard, "but where?");
    let counts = sim.desk.assistant_counts();
    assert_eq!((counts.reopened, counts.conversations), (1, 4));
    assert_eq!(counts.resolution_rate(), Some(Share::from_thousandths(250)));
    assert_eq!(
        state(&sim, hard),
        ChatState::Assistant,
        "it had the chat last"
    );
    assert!(
        sim.desk.job(hard).is_some(),
        "what reopened it is owed an answer"
    );
}

#[test]
fn an_abandoned_queue_is_no_deflection() {
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "where is it?");
    turn(&mut sim, id, ReplyKind::Answer, "on its way");
    sim.must(&cleo, Command::RequestHuman { chat: id });
    sim.must(&cleo, Command::Resolve { chat: id });
    let counts = sim.desk.assistant_counts();
    assert_eq!((counts.deflected, counts.resolved_soft), (0, 0));
    assert_eq!(counts.handed_off[&HandOffReason::CustomerRequest], 1);
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
        ChatState::Active,
        "nothing to answer from"
    );
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

#[test]
fn an_answer_is_called_wrong_once() {
    let mut sim = assisted();
    let (id, ..) = open(&mut sim, "where is it?");
    let records = turn(&mut sim, id, ReplyKind::Answer, "in the moon");
    let seq = records[0].seq.expect("of a chat");
    let flag = |seq| Command::FlagAnswer {
        chat: id,
        seq,
        reason: Some(text("nonsense")),
    };
    assert_eq!(kinds(&sim.must(&user(ANA), flag(seq))), ["answer_flagged"]);
    assert_eq!(sim.desk.assistant_counts().flagged, 1);
    for wrong in [seq, Seq(1), Seq(99)] {
        let refused = sim.refuses(&user(ANA), flag(wrong));
        assert_eq!(refused.code(), ErrorCode::Invalid, "{wrong}");
    }
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

#[test]
fn settings_have_their_ranges() {
    let mut sim = assisted();
    type Wrong = (&'static str, fn(&mut AssistantChange));
    let wrong: [Wrong; 6] = [
        ("max_turns", |change| change.max_turns = Some(0)),
        ("job_deadline_s", |change| change.job_deadline_s = Some(4)),
        ("debounce_ms", |change| change.debounce_ms = Some(10_001)),
        ("provider_queue", |change| {
            change.provider_queue = Some(1_025)
        }),
        ("clarify_threshold", |change| {
            change.clarify_threshold = Some(Share::ONE)
        }),
        ("escalate_keywords", |change| {
            change.escalate_keywords = Some(vec![text(&"x".repeat(65))]);
        }),
    ];
    for (field, change) in wrong {
        let refused = sim.refuses(&OWNER, changed(change)).to_string();
        assert!(refused.starts_with(field), "{refused}");
    }
    let before = sim.desk.assistant().clone();
    assert_eq!(set(&mut sim, |change| change.max_turns = Some(6)), []);
    set(&mut sim, |change| {
        change.escalate_keywords = Some(["lawyer", " lawyer ", ""].map(text).to_vec());
    });
    let after = sim.desk.assistant();
    assert_eq!(after.escalate_keywords, [text("lawyer")]);
    assert!(after.rev > before.rev);
    let stale = Command::UpdateAssistant {
        change: Box::default(),
        rev: Some(before.rev),
    };
    assert_eq!(sim.refuses(&OWNER, stale).code(), ErrorCode::Conflict);
}

#[test]
fn what_models_take_is_counted_by_chat_and_by_day() {
    let mut sim = assisted();
    let (id, cleo, _) = open(&mut sim, "where is it?");
    let mut days = Vec::new();
    for words in ["on its way", "in a week"] {
        let (epoch, seq) = start(&mut sim, id);
        let reply = Box::new(Reply {
            model: Some(text("small-1")),
            tokens: 100,
            model_ms: 40,
            ..Reply::new(ReplyKind::Answer, seq)
        });
        let text = text(words);
        sim.must(
            &ASSISTANT,
            finish(id, (epoch, seq), Turn::Say { text, reply }),
        );
        days.push(sim.desk.model_day());
        sim.pass(24 * HOUR - SECOND);
        asks(&mut sim, &cleo, id, "when?");
    }
    assert_eq!(sim.desk.facts.chats[&id].tokens, 200);
    let counts = sim.desk.assistant_counts();
    assert_eq!((counts.tokens, counts.model_ms), (200, 80));
    assert_eq!(
        [days[0].tokens, days[1].tokens],
        [100, 100],
        "each day begins anew"
    );
    assert!(days[1].number > days[0].number);
}
