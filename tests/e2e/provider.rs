//! A model elsewhere, played by a service that answers well, badly, slowly, by half or not at all.

mod answers;
mod failures;
mod limits;
mod quiet;
mod sdk;
mod wire;

use std::time::Duration;

use server::assistant::provider::{
    Endpoint, Fail, Key, Kind, Provider, Reply, Request, Role, Turn,
};
use shared::assistant::AssistantSettings;
use tests::provider::{Fake, Flavour};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A key that must be nowhere but in its header.
const KEY: &str = "sk-test-0123456789abcdefghijklmnop";

const BOTH: [Kind; 2] = [Kind::OpenAi, Kind::Gemini];

fn flavour(kind: Kind) -> Flavour {
    match kind {
        Kind::OpenAi => Flavour::OpenAi,
        Kind::Gemini => Flavour::Gemini,
    }
}

fn provider_at(base_url: String, kind: Kind) -> Provider {
    let endpoint = Endpoint {
        kind,
        base_url,
        model: "test-model".into(),
        key: Some(Key::of(KEY, "this test").unwrap()),
        allow_insecure: false,
    };
    Provider::new(endpoint).unwrap()
}

fn provider(fake: &Fake, kind: Kind) -> Provider {
    provider_at(fake.url(), kind)
}

/// The same as in the golden files.
fn request() -> Request {
    let turn = |role, text: &str| Turn {
        role,
        text: text.into(),
    };
    Request {
        system: "You answer for the desk.".into(),
        turns: vec![
            turn(Role::User, "Grüße 😀"),
            turn(Role::Assistant, "Hello."),
            turn(Role::User, "Where is my order?"),
        ],
        max_tokens: 400,
        schema: true,
        chat: None,
    }
}

/// Limits that a machine under load keeps, and no test waits for but those that mean to.
fn settings() -> AssistantSettings {
    AssistantSettings {
        provider_connect_ms: 20_000,
        provider_first_byte_ms: 20_000,
        provider_total_ms: 40_000,
        ..AssistantSettings::default()
    }
}

/// The same for what hangs on purpose.
fn hasty() -> AssistantSettings {
    AssistantSettings {
        provider_first_byte_ms: 150,
        provider_total_ms: 600,
        ..settings()
    }
}

async fn ask(provider: &Provider, settings: &AssistantSettings) -> Result<Reply, Fail> {
    ask_for(provider, &request(), settings, None).await
}

async fn ask_for(
    provider: &Provider,
    request: &Request,
    settings: &AssistantSettings,
    on_text: Option<mpsc::Sender<String>>,
) -> Result<Reply, Fail> {
    provider
        .complete(request, settings, deadline(), on_text)
        .await
}

/// The deadline of a job.
fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}
