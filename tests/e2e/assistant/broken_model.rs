//! A model that hangs, drips, cuts, sends garbage, limits and blocks: every customer gets an answer
//! or a place in the queue in time, and the breaker opens and closes.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::provider::{Fake, Flavour, Play};

use super::{Assisted, answers, hears};
use crate::raw::call;

/// A message that the hub itself is not certain about.
pub(super) const UNKNOWN: &str = "please tell me which planet is the largest";
/// No customer waits longer.
pub(super) const ANSWERED_WITHIN: Duration = Duration::from_secs(25);
pub(super) const KEY: &str = "sk-frontdesk-test-1234567890abcd";

pub(super) async fn start(fake: &Fake) -> Assisted {
    let url = fake.url();
    let env = [
        ("FRONTDESK_AI_PROVIDER", "openai"),
        ("FRONTDESK_AI_MODEL", "m"),
        ("FRONTDESK_AI_BASE_URL", url.as_str()),
        ("FRONTDESK_AI_KEY", KEY),
    ];
    let settings = json!({"provider_first_byte_ms": 400, "provider_total_ms": 900,
        "provider_retries": 0, "breaker_failures": 100});
    Assisted::start(&env, settings).await
}

pub(super) fn grounded(answer: &str) -> String {
    json!({"answer": answer, "intent": "orders", "confidence": 0.95, "escalate": false,
        "reason": null, "citations": ["kb:order-status#1"]})
    .to_string()
}

#[tokio::test]
async fn whatever_the_model_does_the_customer_is_answered() {
    let fake = Fake::start().await;
    let assisted = start(&fake).await;
    let plays = [
        Play::HangBeforeHeaders,
        Play::HangBeforeBody,
        Play::HangMidStream("{".into()),
        Play::Drip {
            text: "x".repeat(400),
            bytes: 1,
            every: Duration::from_millis(50),
        },
        Play::Cut("{\"answer\"".into()),
        Play::Reset("{\"answer\"".into()),
        Play::Close,
        Play::Garbage,
        Play::Html,
        Play::Refusal,
        Play::Ended("length"),
        Play::Ended("content_filter"),
        Play::rate_limited(Flavour::OpenAi, 7),
        Play::bad_key(Flavour::OpenAi),
        Play::error(500, json!({"message": "oops"})),
        Play::Stream("no json".into()),
        Play::Stream(grounded("see https://evil.example/x")),
    ];
    for play in plays {
        for (text, words) in [
            ("where is my order?", "Where an order is"),
            (UNKNOWN, "in the queue"),
        ] {
            fake.queue([play.clone()]);
            let begin = Instant::now();
            let (guest, kim) = assisted.customer(text).await;
            hears(&kim, guest.chat, words).await;
            let took = begin.elapsed();
            assert!(took < ANSWERED_WITHIN, "{play:?}: {took:?}");
            let lines = kim.with(|seen| seen.texts(guest.chat));
            assert_eq!(answers(&lines), 1, "{play:?}: {lines:?}");
        }
    }
    let provider = assisted.status().await.provider.unwrap();
    assert!(provider.failures > 0);
    assert_eq!(provider.key_last4.as_deref(), Some("abcd"));
}

#[tokio::test]
async fn the_breaker_opens_and_closes() {
    let fake = Fake::start().await;
    let assisted = start(&fake).await;
    assisted
        .set(json!({"breaker_failures": 2, "breaker_open_s": 1}))
        .await;
    fake.queue([Play::Close, Play::Close]);
    for _ in 0..2 {
        let (guest, kim) = assisted.customer(UNKNOWN).await;
        hears(&kim, guest.chat, "in the queue").await;
    }
    let provider = assisted.status().await.provider.unwrap();
    assert_eq!(provider.breaker.as_str(), "open");
    fake.choose(|_, _| Play::Stream(grounded("It is on its way.")));
    // While it is open the hub answers by itself; sooner or later the model is tried again.
    let begin = Instant::now();
    while fake.received().len() < 3 {
        assert!(begin.elapsed() < ANSWERED_WITHIN, "never tried again");
        let (guest, kim) = assisted.customer("where is my order?").await;
        hears(&kim, guest.chat, "Where an order is").await;
    }
    let (guest, kim) = assisted.customer("where is my order?").await;
    hears(&kim, guest.chat, "It is on its way.").await;
    let provider = assisted.status().await.provider.unwrap();
    assert_eq!(provider.breaker.as_str(), "closed");
}

#[tokio::test]
async fn keys_and_personal_data_stay_where_they_belong() {
    let fake = Fake::start().await;
    let assisted = start(&fake).await;
    fake.choose(|_, received| {
        // Once it is in the instructions, as an example.
        let masked = received.body.matches("[number-1]").count() > 1;
        Play::Stream(grounded(match masked {
            true => "Order [number-1] is on its way.",
            false => "Look at My orders.",
        }))
    });
    let (guest, kim) = assisted.customer("where is my order 48151623?").await;
    hears(&kim, guest.chat, "Order 48151623 is on its way.").await;
    let secrets = "kim@secret.example, password hunter22";
    let (guest, kim) = assisted.customer(secrets).await;
    hears(&kim, guest.chat, "in the queue").await;
    for received in fake.received() {
        assert_eq!(
            received.header("authorization"),
            Some(&*format!("Bearer {KEY}"))
        );
        let text = received.text_without(&["authorization"]);
        for secret in ["48151623", "kim@secret.example", "hunter22", KEY] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    let site = &assisted.site;
    for path in [
        "/api/events?limit=200",
        "/api/assistant/status",
        "/api/export",
        "/metrics",
    ] {
        let token = Some(site.owner.token.as_str());
        let answer = call(site.hub.address(), token, "GET", path, b"").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(!answer.body.contains(KEY), "{path}: {}", answer.body);
        let told = answer.body.contains("hunter22");
        assert_eq!(
            told,
            path.starts_with("/api/events"),
            "{path}: {}",
            answer.body
        );
    }
    assisted.site.hub.terminate();
    let log = assisted.site.hub.process().to_string();
    for secret in ["48151623", "kim@secret.example", "hunter22", KEY] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    let store = std::fs::read(assisted.site.hub.data().join("desk.redb")).unwrap();
    let has = |secret: &str| {
        store
            .windows(secret.len())
            .any(|window| window == secret.as_bytes())
    };
    assert!(!has(KEY), "the key is in the store");
    assert!(
        has("kim@secret.example"),
        "the test can see what is in the store"
    );
}
