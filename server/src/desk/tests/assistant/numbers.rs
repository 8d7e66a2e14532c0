//! What is counted, and what is set.

use shared::{
    assistant::{AssistantChange, HandOffReason, Reply, ReplyKind, Share, Turn},
    command::Command,
    error::ErrorCode,
    id::Seq,
    model::ChatState,
};

use super::{ASSISTANT, OWNER, asks, assisted, changed, finish, open, set, start, state, turn};
use crate::desk::tests::sim::{ANA, HOUR, SECOND, kinds, text, user};

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

#[test]
fn settings_have_their_ranges() {
    let mut sim = assisted();
    type Wrong = (&'static str, fn(&mut AssistantChange));
    let wrong: [Wrong; 7] = [
        ("max_turns", |change| change.max_turns = Some(0)),
        ("job_deadline_s", |change| change.job_deadline_s = Some(4)),
        ("debounce_ms", |change| change.debounce_ms = Some(10_001)),
        ("debounce_max_ms", |change| {
            change.job_deadline_s = Some(5);
        }),
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
