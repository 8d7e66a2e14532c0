//! With a model that works: what each mode and budget makes of it, and what becomes of an answer
//! that comes too late, of many chats at once, and of a defect within a turn.

use std::{fs, time::Instant};

use serde_json::json;
use shared::{
    assistant::HandOffReason,
    command::Command,
    event::Event,
    id::ChatId,
    model::{ActorKind, Role},
};
use tests::{
    home::Home,
    provider::{Fake, Play},
    robot::{PATIENCE, Robot},
    site::Site,
};

use super::{
    Assisted, answers,
    broken_model::{ANSWERED_WITHIN, KEY, UNKNOWN, grounded, start},
    hears,
};
use crate::failpoints::{Case, armed_by, points_of};

/// A question that the hub itself is certain about.
const KNOWN: &str = "where is my order?";

/// Why a chat was handed off.
async fn reason(assisted: &Assisted, chat: ChatId) -> Option<HandOffReason> {
    let records = assisted.records(chat).await;
    records.iter().find_map(|record| match &record.event {
        Event::HandedOff { hand_off } => Some(hand_off.reason),
        _ => None,
    })
}

#[tokio::test]
async fn an_answer_that_comes_after_a_claim_is_dropped_and_counted() {
    let fake = Fake::start().await;
    let assisted = start(&fake).await;
    let slow = json!({"provider_first_byte_ms": 6_000, "provider_total_ms": 6_000});
    assisted.set(slow).await;
    fake.queue([Play::HangBeforeHeaders]);
    let ana = assisted
        .site
        .staff("ana", Role::Agent, &["Customer Care"])
        .await;
    let agent = Robot::connect("ana", Site::socket(&assisted.site.hub.url(), &ana.token));
    agent.live().await;
    let (guest, kim) = assisted.customer(KNOWN).await;
    let chat = guest.chat;
    kim.until("the assistant at work", |seen| {
        let mut typing = seen.typing.iter();
        typing.any(|(at, who, on)| *at == chat && who.as_str() == "Assistant" && *on)
    })
    .await;
    fake.arrived(1).await;
    let epoch = agent.with(|seen| seen.view.chats[&chat].chat.epoch);
    agent.ask(Command::Claim { chat, epoch }).await.unwrap();
    let begin = Instant::now();
    while assisted.status().await.stale_dropped == 0 {
        assert!(begin.elapsed() < PATIENCE, "it was never dropped");
    }
    let records = assisted.records(chat).await;
    let claimed = records
        .iter()
        .position(|record| matches!(record.event, Event::ChatAssigned { .. }));
    let after = &records[claimed.expect("it was claimed")..];
    let spoke = after
        .iter()
        .any(|record| record.actor.kind == ActorKind::Assistant);
    assert!(!spoke, "{after:?}");
}

#[tokio::test]
async fn each_mode_asks_whom_it_says() {
    let fake = Fake::start().await;
    let assisted = start(&fake).await;
    fake.choose(|_, _| Play::Stream(grounded("It is on its way.")));

    assisted.set(json!({"mode": "embedded_only"})).await;
    for (text, words) in [(KNOWN, "Where an order is"), (UNKNOWN, "in the queue")] {
        let (guest, kim) = assisted.customer(text).await;
        hears(&kim, guest.chat, words).await;
    }
    assisted.set(json!({"mode": "embedded_first"})).await;
    let (guest, kim) = assisted.customer(KNOWN).await;
    hears(&kim, guest.chat, "Where an order is").await;
    assert_eq!(fake.received().len(), 0, "the hub itself was certain");
    let (guest, kim) = assisted.customer(UNKNOWN).await;
    hears(&kim, guest.chat, "in the queue").await;
    assert_eq!(fake.received().len(), 1, "what it does not know is asked");

    assisted.set(json!({"mode": "provider_only"})).await;
    let (guest, kim) = assisted.customer(KNOWN).await;
    hears(&kim, guest.chat, "It is on its way.").await;
    fake.queue([Play::Close]);
    let (guest, kim) = assisted.customer(KNOWN).await;
    hears(&kim, guest.chat, "in the queue").await;
    let why = reason(&assisted, guest.chat).await;
    assert_eq!(why, Some(HandOffReason::ProviderError));
}

#[tokio::test]
async fn a_budget_that_is_used_up_asks_no_model() {
    let fake = Fake::start().await;
    let assisted = start(&fake).await;
    for budget in ["tokens_per_chat", "tokens_per_day"] {
        assisted
            .set(json!({budget: 1, "on_exhausted": "embedded"}))
            .await;
        let (guest, kim) = assisted.customer(KNOWN).await;
        hears(&kim, guest.chat, "Where an order is").await;
        let (guest, kim) = assisted.customer(UNKNOWN).await;
        hears(&kim, guest.chat, "in the queue").await;
        let why = reason(&assisted, guest.chat).await;
        assert_eq!(why, Some(HandOffReason::Budget), "{budget}");

        assisted.set(json!({"on_exhausted": "human"})).await;
        let (guest, kim) = assisted.customer(KNOWN).await;
        hears(&kim, guest.chat, "in the queue").await;
        let why = reason(&assisted, guest.chat).await;
        assert_eq!(why, Some(HandOffReason::Budget), "{budget}");
        assisted.set(json!({budget: 0})).await;
    }
    assert_eq!(fake.received().len(), 0, "no model was asked");
    fake.queue([Play::Stream(grounded("It is on its way."))]);
    let (guest, kim) = assisted.customer(KNOWN).await;
    hears(&kim, guest.chat, "It is on its way.").await;
}

#[tokio::test]
async fn gemini_answers_through_the_hub() {
    let fake = Fake::start().await;
    let url = fake.url();
    let env = [
        ("FRONTDESK_AI_PROVIDER", "gemini"),
        ("FRONTDESK_AI_MODEL", "m"),
        ("FRONTDESK_AI_BASE_URL", url.as_str()),
        ("FRONTDESK_AI_KEY", KEY),
    ];
    let assisted = Assisted::start(&env, json!({})).await;
    fake.queue([Play::Stream(grounded("It is on its way."))]);
    let (guest, kim) = assisted.customer(KNOWN).await;
    hears(&kim, guest.chat, "It is on its way.").await;
    assert_eq!(fake.last().header("x-goog-api-key"), Some(KEY));
    assert!(assisted.status().await.counts.tokens > 0);
}

/// FRONTDESK_LONG=1: 500 chats at once.
#[tokio::test]
async fn many_chats_at_once_are_answered_by_a_model_that_comes_and_goes() {
    let chats = match std::env::var_os("FRONTDESK_LONG") {
        Some(_) => 500,
        None => 40,
    };
    let fake = Fake::start().await;
    let assisted = start(&fake).await;
    let begin = Instant::now();
    // Up and down by turns, each way in which it is down.
    fake.choose(
        move |number, _| match (begin.elapsed().as_millis() / 400 % 2, number % 3) {
            (0, _) => Play::Stream(grounded("It is on its way.")),
            (_, 0) => Play::Close,
            (_, 1) => Play::error(500, json!({"message": "down"})),
            _ => Play::HangBeforeHeaders,
        },
    );
    let mut customers = Vec::new();
    for number in 0..chats {
        let text = if number % 2 == 0 { KNOWN } else { UNKNOWN };
        let opened = Instant::now();
        customers.push((opened, assisted.customer(text).await));
    }
    for (opened, (guest, kim)) in customers {
        kim.until("an answer or a place", |seen| {
            answers(&seen.texts(guest.chat)) > 0
        })
        .await;
        // Whoever is looked at late was answered before: the records tell when.
        let records = assisted.records(guest.chat).await;
        let first = records.first().map(|record| record.at).unwrap_or_default();
        let last = records.last().map(|record| record.at).unwrap_or_default();
        let took = last.since(first);
        assert!(took < ANSWERED_WITHIN, "chat {}: {took:?}", guest.chat);
        assert!(opened.elapsed() < PATIENCE * 4);
        let lines = kim.with(|seen| seen.texts(guest.chat));
        assert_eq!(answers(&lines), 1, "{lines:?}");
    }
    assert_eq!(assisted.status().await.jobs_waiting, 0);
}

/// F4: at the point that is a defect of the assistant.
#[tokio::test]
async fn a_defect_within_a_turn_calls_a_person_and_tells_nothing() {
    let fake = Fake::start().await;
    let url = fake.url();
    let marks = Home::new();
    let [point] = points_of(&[Case::Defect])[..] else {
        panic!("one point that is a defect");
    };
    let (failpoint, folder) = armed_by(point, marks.path());
    fs::create_dir(&folder).unwrap();
    let env = [
        ("FRONTDESK_AI_PROVIDER", "openai"),
        ("FRONTDESK_AI_MODEL", "m"),
        ("FRONTDESK_AI_BASE_URL", url.as_str()),
        ("FRONTDESK_AI_KEY", KEY),
        ("FRONTDESK_FAILPOINT", failpoint.as_str()),
        ("RUST_BACKTRACE", "full"),
    ];
    let assisted = Assisted::start(&env, json!({})).await;
    let (guest, kim) = assisted
        .customer("where is my order 48151623? kim@secret.example")
        .await;
    hears(&kim, guest.chat, "in the queue").await;
    let why = reason(&assisted, guest.chat).await;
    assert_eq!(why, Some(HandOffReason::Internal));
    assert!(folder.join("mark").exists());
    // The next turn is as if nothing had been.
    let (guest, kim) = assisted.customer(KNOWN).await;
    hears(&kim, guest.chat, "Did that help?").await;
    assisted.site.hub.terminate();
    let told = assisted.site.hub.process().to_string();
    assert!(told.contains("a failpoint was named"), "{told}");
    for secret in ["48151623", "kim@secret.example", KEY] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}
