//! Talk with the assistant: answers with their source, a person when one is asked for, silence
//! while a person has the chat.

use serde_json::json;
use shared::{
    assistant::HandOffReason,
    command::Command,
    event::Event,
    model::{ActorKind, Role},
};
use tests::robot::{Robot, say};
use tests::site::Site;

use super::{Assisted, GREETING, HELPED, hears};

#[tokio::test]
async fn from_a_greeting_to_a_person_and_back() {
    let assisted = Assisted::start(&[], json!({})).await;
    let ana = assisted
        .site
        .staff("ana", Role::Agent, &["Customer Care"])
        .await;
    let agent = Robot::connect("ana", Site::socket(&assisted.site.hub.url(), &ana.token));
    agent.live().await;

    let (guest, kim) = assisted.customer("hello").await;
    let chat = guest.chat;
    hears(&kim, chat, GREETING).await;
    hears(&kim, chat, "Hello Kim!").await;
    kim.say(chat, "where is my order?").await;
    hears(&kim, chat, "Source: Where an order is").await;
    kim.say(chat, "no").await;
    hears(&kim, chat, "What is missing?").await;
    kim.say(chat, "/human").await;
    hears(&kim, chat, "in the queue").await;

    let handed_off = |event: &Event| match event {
        Event::HandedOff { hand_off } => Some((**hand_off).clone()),
        _ => None,
    };
    agent
        .until("the hand-off", |seen| {
            let mut events = seen.records.iter().map(|record| &record.event);
            events.any(|event| handed_off(event).is_some())
        })
        .await;
    let seen = agent.seen();
    let hand_off = seen.records.iter().find_map(|one| handed_off(&one.event));
    let hand_off = hand_off.unwrap();
    assert_eq!(hand_off.reason, HandOffReason::CustomerRequest);
    assert_eq!(
        hand_off.summary.first.as_deref(),
        Some("where is my order?")
    );
    assert_eq!(
        hand_off.summary.tried[0].citations[0].id.as_str(),
        "kb:order-status#1"
    );

    let epoch = seen.view.chats[&chat].chat.epoch;
    agent.ask(Command::Claim { chat, epoch }).await.unwrap();
    kim.ask(say(chat, "where is my order?")).await.unwrap();
    agent.ask(say(chat, "let me look")).await.unwrap();
    hears(&kim, chat, "let me look").await;
    let silent = kim.with(|seen| seen.texts(chat));
    assert_eq!(
        silent.iter().filter(|line| line.contains(HELPED)).count(),
        1,
        "{silent:?}"
    );

    let epoch = agent.with(|seen| seen.view.chats[&chat].chat.epoch);
    let back = Command::ReturnToAssistant { chat, epoch };
    agent.ask(back).await.unwrap();
    kim.say(chat, "how much does shipping cost?").await;
    hears(&kim, chat, "Source: What shipping costs").await;
}

#[tokio::test]
async fn the_phrases_that_call_a_person_do() {
    let assisted = Assisted::start(&[], json!({})).await;
    for text in [
        "I want to speak to a human",
        "talk to an agent please",
        "/human",
        "/agent",
        "0",
    ] {
        let (guest, kim) = assisted.customer(text).await;
        hears(&kim, guest.chat, "in the queue").await;
        let records = assisted.records(guest.chat).await;
        let reason = records.iter().find_map(|record| match &record.event {
            Event::HandedOff { hand_off } => Some(hand_off.reason),
            _ => None,
        });
        assert_eq!(reason, Some(HandOffReason::CustomerRequest), "{text}");
    }
    let (guest, kim) = assisted
        .customer("please tell me which planet is the largest")
        .await;
    hears(&kim, guest.chat, "in the queue").await;
    let records = assisted.records(guest.chat).await;
    let low = records.iter().any(|record| {
        matches!(&record.event, Event::HandedOff { hand_off }
            if hand_off.reason == HandOffReason::LowConfidence)
    });
    assert!(low, "{records:?}");
    let by_assistant = records.iter().filter(|record| {
        let said = matches!(record.event, Event::MessagePosted { .. });
        said && record.actor.kind == ActorKind::Assistant
    });
    assert_eq!(by_assistant.count(), 1, "the greeting alone");
}
