//! What is said to what, by the sample knowledge base.

use shared::{
    assistant::{AssistantSettings, Failure, HandOffReason, ReplyKind, Share, Turn},
    id::Seq,
    text::SafeText,
};

use super::knowledge;
use crate::assistant::{
    hear::Heard,
    knowledge::Knowledge,
    turn::{Mind, alone},
};

fn heard(text: &str) -> Heard {
    Heard {
        seq: Seq(4),
        text: SafeText::block(text),
        name: SafeText::line("Kim"),
        ..Heard::default()
    }
}

fn turn(knowledge: &Knowledge, heard: &Heard) -> Turn {
    let settings = AssistantSettings::default();
    let mind = Mind {
        knowledge,
        settings: &settings,
    };
    alone(heard, mind).0
}

/// Kind, text and failure of what is said.
#[track_caller]
fn said(turn: Turn) -> (ReplyKind, String, Option<Failure>) {
    match turn {
        Turn::Say { text, reply } => (reply.kind, text.to_string(), reply.failure),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn handed_off(turn: Turn) -> (HandOffReason, String) {
    match turn {
        Turn::HandOff { reason, detail, .. } => (reason, detail.unwrap_or_default().to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_is_answered_with_its_source_and_a_question() {
    let knowledge = knowledge();
    let Turn::Say { text, reply } = turn(&knowledge, &heard("where is my order?")) else {
        panic!("not answered");
    };
    assert_eq!(reply.kind, ReplyKind::Answer);
    assert_eq!(reply.intent.as_deref(), Some("order-status"));
    assert_eq!(reply.citations[0].id.as_str(), "kb:order-status#1");
    assert!(text.contains("https://shop.example/orders"), "{text}");
    let end = "\n\nSource: Where an order is\n\nDid that help? Answer yes or no, or just ask on.";
    assert!(text.ends_with(end), "{text}");

    let settings = AssistantSettings {
        answer_sources: false,
        ..AssistantSettings::default()
    };
    let mind = Mind {
        knowledge: &knowledge,
        settings: &settings,
    };
    let (_, text, _) = said(alone(&heard("where is my order?"), mind).0);
    assert!(!text.contains("Source"), "{text}");
}

#[test]
fn small_talk_is_no_failure_and_calls_nobody() {
    let knowledge = knowledge();
    for text in [
        "hi",
        "Hello there!",
        "thanks a lot",
        "ok thank you",
        "bye",
        "yes",
        "no",
    ] {
        let (kind, _, failure) = said(turn(&knowledge, &heard(text)));
        assert_eq!((kind, failure), (ReplyKind::Courtesy, None), "{text}");
    }
    let (_, text, _) = said(turn(&knowledge, &heard("hi")));
    assert!(text.starts_with("Hello Kim!"), "{text}");
}

/// After an answer a "no" means that it did not help: no other question may stand before it.
#[test]
fn thanks_for_an_answer_ask_no_other_question() {
    let knowledge = knowledge();
    let thanks = Heard {
        answered: true,
        ..heard("thanks")
    };
    let (kind, text, _) = said(turn(&knowledge, &thanks));
    assert_eq!(kind, ReplyKind::Courtesy);
    assert!(!text.contains('?'), "{text}");
}

#[test]
fn what_may_be_meant_is_offered_once() {
    let knowledge = knowledge();
    let unclear = heard("something about my refund or an invoice please, it is not right");
    let first = turn(&knowledge, &unclear);
    let Turn::Say { text, reply } = first else {
        panic!("{first:?}");
    };
    assert_eq!(reply.kind, ReplyKind::Clarify);
    assert_eq!(reply.failure, Some(Failure::Unclear));
    assert!(
        text.contains("\n1. ") && text.ends_with("\n0. Talk to a person"),
        "{text}"
    );

    let choices: Vec<SafeText> = reply.top.iter().map(|guess| guess.intent.clone()).collect();
    let again = Heard {
        choices: choices.clone(),
        failures: 1,
        ..unclear
    };
    assert_eq!(
        handed_off(turn(&knowledge, &again)).0,
        HandOffReason::RepeatedFailure
    );
    let none = Heard {
        choices,
        failures: 1,
        ..heard("9")
    };
    let (reason, detail) = handed_off(turn(&knowledge, &none));
    assert_eq!(reason, HandOffReason::RepeatedFailure);
    assert_eq!(detail, "none of the choices fits");
}

#[test]
fn a_choice_is_a_number_or_a_title() {
    let knowledge = knowledge();
    let choices = ["returns", "invoice"].map(SafeText::line).to_vec();
    for (text, intent) in [
        ("2", "invoice"),
        ("option 1", "returns"),
        ("the second one", "invoice"),
        ("Returning something", "returns"),
    ] {
        let title = knowledge.topic("returns").unwrap().title.clone();
        let text = if text == "Returning something" {
            title.as_str()
        } else {
            text
        };
        let chosen = Heard {
            choices: choices.clone(),
            failures: 1,
            ..heard(text)
        };
        let Turn::Say { reply, .. } = turn(&knowledge, &chosen) else {
            panic!("{text}");
        };
        assert_eq!(reply.kind, ReplyKind::Answer, "{text}");
        assert_eq!(reply.intent.as_deref(), Some(intent), "{text}");
        assert_eq!(reply.confidence, Some(Share::ONE));
    }
}

#[test]
fn yes_resolves_no_asks_what_is_missing_and_thanks_is_polite() {
    let knowledge = knowledge();
    let answered = |text| Heard {
        answered: true,
        ..heard(text)
    };
    assert!(matches!(
        turn(&knowledge, &answered("yes")),
        Turn::Resolve { .. }
    ));
    let (kind, _, failure) = said(turn(&knowledge, &answered("no")));
    assert_eq!(
        (kind, failure),
        (ReplyKind::Rephrase, Some(Failure::Denied))
    );
    for text in ["thanks!", "no, that's all", "no thanks"] {
        let (kind, _, failure) = said(turn(&knowledge, &answered(text)));
        assert_eq!((kind, failure), (ReplyKind::Courtesy, None), "{text}");
    }
    let more = answered("no, I want to know how to pay with paypal");
    let (kind, _, failure) = said(turn(&knowledge, &more));
    assert_eq!((kind, failure), (ReplyKind::Answer, Some(Failure::Denied)));
}

#[test]
fn topics_for_people_call_them_and_say_which() {
    let knowledge = knowledge();
    let (reason, detail) = handed_off(turn(&knowledge, &heard("You refunded the wrong amount")));
    assert_eq!(reason, HandOffReason::ModelEscalated);
    assert!(detail.ends_with("is for a person"), "{detail}");
}

#[test]
fn nothing_certain_calls_a_person_after_one_wish_for_a_sentence() {
    let knowledge = knowledge();
    let (reason, _) = handed_off(turn(
        &knowledge,
        &heard("what is the capital of France and who lives there"),
    ));
    assert_eq!(reason, HandOffReason::LowConfidence);
    let (kind, _, failure) = said(turn(&knowledge, &heard("xyzzy")));
    assert_eq!(
        (kind, failure),
        (ReplyKind::Rephrase, Some(Failure::Unclear))
    );
    let again = Heard {
        failures: 1,
        ..heard("xyzzy")
    };
    assert_eq!(
        handed_off(turn(&knowledge, &again)).0,
        HandOffReason::LowConfidence
    );
}

#[test]
fn a_person_who_is_asked_for_comes_before_all_else() {
    let knowledge = knowledge();
    for text in [
        "I want to speak to a human",
        "/human",
        "0",
        "where is my order? agent please",
    ] {
        let asked = Heard {
            answered: true,
            choices: vec![SafeText::line("returns")],
            ..heard(text)
        };
        let (reason, _) = handed_off(turn(&knowledge, &asked));
        assert_eq!(reason, HandOffReason::CustomerRequest, "{text}");
    }
}

#[test]
fn a_file_is_not_read_and_said_so() {
    let knowledge = knowledge();
    let file = |text, failures| Heard {
        files: true,
        failures,
        ..heard(text)
    };
    let (kind, text, _) = said(turn(&knowledge, &file("", 0)));
    assert_eq!(kind, ReplyKind::Rephrase);
    assert!(text.contains("cannot read files"), "{text}");
    let (reason, detail) = handed_off(turn(&knowledge, &file("", 1)));
    assert_eq!(reason, HandOffReason::LowConfidence);
    assert_eq!(detail, "the customer sent a file");
    let (kind, ..) = said(turn(&knowledge, &file("where is my order?", 0)));
    assert_eq!(kind, ReplyKind::Answer);
}

#[test]
fn one_who_waits_hears_only_what_is_certain() {
    let knowledge = knowledge();
    let queued = |text| Heard {
        queued: true,
        ..heard(text)
    };
    let (kind, ..) = said(turn(&knowledge, &queued("where is my order?")));
    assert_eq!(kind, ReplyKind::Answer);
    let (kind, ..) = said(turn(
        &knowledge,
        &queued("tell me a joke about cats and dogs"),
    ));
    assert_eq!(kind, ReplyKind::Passed);
}
