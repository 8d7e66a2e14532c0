//! What goes out, byte for byte as JSON: what the official SDKs send, and nothing besides.

use std::fs;

use serde_json::{Value, json};
use server::assistant::provider::{Endpoint, Fail, Key, Kind, Provider, Request};
use tests::programs::workspace;
use tests::provider::{Fake, Play};

use super::{KEY, ask, ask_for, provider, request, settings};

/// A golden file, its numbers as one kind of number: one SDK writes 0 and the other 0.0.
pub(super) fn golden(name: &str) -> Value {
    let path = workspace().join("tests/e2e/provider/golden").join(name);
    let text = fs::read_to_string(&path).unwrap();
    plain(serde_json::from_str(&text).unwrap())
}

pub(super) fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            fields.map(|(name, value)| (name, plain(value))).collect()
        }
        other => other,
    }
}

#[track_caller]
fn assert_golden(sent: Value, name: &str) {
    let (sent, golden) = (plain(sent), golden(name));
    assert_eq!(sent, golden, "{name}:\n{sent:#}\nis not\n{golden:#}");
}

#[tokio::test]
async fn chat_completions_are_asked_as_the_sdk_asks() {
    let fake = Fake::start().await;
    let provider = provider(&fake, Kind::OpenAi);
    assert!(ask(&provider, &settings()).await.is_ok());
    let sent = fake.last();
    assert_eq!(
        (sent.method.as_str(), sent.target.as_str()),
        ("POST", "/v1/chat/completions")
    );
    assert_eq!(
        sent.header("authorization"),
        Some(&*format!("Bearer {KEY}"))
    );
    assert_eq!(sent.header("content-type"), Some("application/json"));
    assert_eq!(sent.header("accept-encoding"), None);
    assert_golden(sent.json(), "openai_schema.json");

    let text = Request {
        schema: false,
        ..request()
    };
    let reply = ask_for(&provider, &text, &settings(), None).await;
    assert!(reply.is_ok());
    assert_golden(fake.last().json(), "openai_text.json");
}

#[tokio::test]
async fn gemini_is_asked_as_the_sdk_asks() {
    let fake = Fake::start().await;
    let provider = provider(&fake, Kind::Gemini);
    assert!(ask(&provider, &settings()).await.is_ok());
    let sent = fake.last();
    assert_eq!(
        (sent.method.as_str(), sent.target.as_str()),
        (
            "POST",
            "/v1/models/test-model:streamGenerateContent?alt=sse"
        )
    );
    assert_eq!(sent.header("x-goog-api-key"), Some(KEY));
    assert_eq!(sent.header("authorization"), None);
    assert_golden(sent.json(), "gemini_schema.json");

    let text = Request {
        schema: false,
        ..request()
    };
    let reply = ask_for(&provider, &text, &settings(), None).await;
    assert!(reply.is_ok());
    assert_golden(fake.last().json(), "gemini_text.json");
}

#[tokio::test]
async fn a_deployment_at_azure_has_its_key_in_a_header_of_its_own() {
    let fake = Fake::start().await;
    let base = fake.url() + "/openai/deployments/d?api-version=2024-10-21";
    let provider = super::provider_at(base, Kind::OpenAi);
    assert!(ask(&provider, &settings()).await.is_ok());
    let sent = fake.last();
    assert_eq!(
        sent.target,
        "/v1/openai/deployments/d/chat/completions?api-version=2024-10-21"
    );
    assert_eq!(sent.header("api-key"), Some(KEY));
    assert_eq!(sent.header("authorization"), None);
}

#[tokio::test]
async fn a_service_without_a_key_is_sent_none() {
    let fake = Fake::start().await;
    for kind in super::BOTH {
        let endpoint = Endpoint {
            kind,
            base_url: fake.url(),
            model: "test-model".into(),
            key: None::<Key>,
            allow_insecure: false,
        };
        let provider = Provider::new(endpoint).unwrap();
        assert!(ask(&provider, &settings()).await.is_ok());
        for name in ["authorization", "api-key", "x-goog-api-key"] {
            assert_eq!(fake.last().header(name), None);
        }
    }
}

#[tokio::test]
async fn what_a_service_does_not_understand_is_left_out_from_then_on() {
    let fake = Fake::start().await;
    let provider = provider(&fake, Kind::OpenAi);
    let format = |message: &str| Play::error(400, json!({"code": 400, "message": message}));
    fake.queue([
        Play::unsupported("max_tokens"),
        Play::unsupported("temperature"),
        format("'response_format.type' must be 'json_object' or 'text'"),
    ]);
    assert!(ask(&provider, &settings()).await.is_ok());
    let sent: Vec<Value> = fake.received().iter().map(|each| each.json()).collect();
    assert_eq!(sent.len(), 4);
    assert_golden(sent[0].clone(), "openai_schema.json");
    assert_eq!(sent[1]["max_completion_tokens"], 400);
    assert_eq!(sent[1].get("max_tokens"), None);
    assert_eq!(sent[2].get("temperature"), None);
    assert_golden(sent[3].clone(), "openai_less.json");

    assert!(ask(&provider, &settings()).await.is_ok());
    assert_eq!(fake.received().len(), 5, "it is remembered");
    assert_golden(fake.last().json(), "openai_less.json");

    fake.queue([format("Failed to parse grammar")]);
    assert!(ask(&provider, &settings()).await.is_ok());
    assert_golden(fake.last().json(), "openai_least.json");

    let refused = format("response_format is not known here either");
    fake.choose(move |_, _| refused.clone());
    assert_eq!(ask(&provider, &settings()).await, Err(Fail::BadRequest));
    assert_eq!(
        fake.received().len(),
        8,
        "there is nothing left to leave out"
    );
}

#[tokio::test]
async fn gemini_without_schemas_is_asked_for_json_and_then_by_words() {
    let fake = Fake::start().await;
    let provider = provider(&fake, Kind::Gemini);
    let refused = |message: &str| {
        Play::error(
            400,
            json!({"code": 400, "message": message, "status": "INVALID_ARGUMENT"}),
        )
    };
    fake.queue([
        refused("Invalid JSON payload received. Unknown name \"responseJsonSchema\""),
        refused("JSON mode is not enabled for models/test-model"),
    ]);
    assert!(ask(&provider, &settings()).await.is_ok());
    let config = |at: usize| fake.received()[at].json()["generationConfig"].clone();
    assert_eq!(
        plain(config(1)),
        plain(
            json!({"maxOutputTokens": 400, "temperature": 0, "responseMimeType": "application/json"})
        )
    );
    assert_eq!(
        plain(config(2)),
        plain(json!({"maxOutputTokens": 400, "temperature": 0}))
    );
}

#[tokio::test]
async fn what_failed_is_not_remembered_as_not_understood() {
    let fake = Fake::start().await;
    let provider = provider(&fake, Kind::OpenAi);
    fake.queue([
        Play::unsupported("temperature"),
        Play::error(401, json!({"code": "invalid_api_key"})),
    ]);
    assert_eq!(ask(&provider, &settings()).await, Err(Fail::Auth));
    assert!(ask(&provider, &settings()).await.is_ok());
    assert_golden(fake.last().json(), "openai_schema.json");
}
