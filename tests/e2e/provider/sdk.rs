//! The official Python SDKs as witnesses: they send what the golden files say, and they read what
//! our service plays as what we take it for. Skipped aloud where they are not installed.
//!
//! `FRONTDESK_SDK_PYTHON` names a Python that has `openai` and `google-genai`; else `python3`.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use serde_json::{Value, json};
use server::assistant::provider::{Fail, Kind};
use tests::programs::workspace;
use tests::provider::{Fake, Flavour, Play};
use tests::report;

use super::wire::{golden, plain};
use super::{ask, provider, settings};

const TEXT: &str = "Grüße — 你好 😀";

/// What is asked, what is played, what the SDK makes of it, and what we make of it.
struct Case {
    kind: Kind,
    schema: bool,
    stream: bool,
    play: Play,
    theirs: Value,
    ours: Result<(), Fail>,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, flavour, tokens, stop) in [
        (Kind::OpenAi, Flavour::OpenAi, 15, "stop"),
        (Kind::Gemini, Flavour::Gemini, 10, "STOP"),
    ] {
        let mut add = |stream, play, theirs, ours| {
            let schema = cases.len() % 2 == 0;
            cases.push(Case {
                kind,
                schema,
                stream,
                play,
                theirs,
                ours,
            });
        };
        let good = || json!({"text": TEXT, "reason": stop, "tokens": tokens});
        let failed = |code: u16, kind: &str| json!({"error": code, "kind": kind});
        let (limited, auth, down) = match flavour {
            Flavour::OpenAi => (
                "RateLimitError",
                failed(401, "AuthenticationError"),
                "InternalServerError",
            ),
            Flavour::Gemini => ("ClientError", failed(400, "ClientError"), "ServerError"),
        };
        add(true, Play::Stream(TEXT.into()), good(), Ok(()));
        add(true, Play::Stream(TEXT.into()), good(), Ok(()));
        add(false, Play::Whole(TEXT.into()), good(), Ok(()));
        // Their other SDK reads neither comments nor names of events.
        if kind == Kind::OpenAi {
            add(true, Play::Odd(TEXT.into()), good(), Ok(()));
        }
        add(
            true,
            Play::rate_limited(flavour, 7),
            failed(429, limited),
            Err(Fail::RateLimited(Some(std::time::Duration::from_secs(7)))),
        );
        add(
            true,
            Play::quota(flavour),
            failed(429, limited),
            Err(Fail::Quota),
        );
        add(true, Play::bad_key(flavour), auth, Err(Fail::Auth));
        let sorry = Play::error(
            503,
            json!({"code": 503, "message": "sorry", "status": "UNAVAILABLE"}),
        );
        add(true, sorry, failed(503, down), Err(Fail::Upstream(503)));
    }
    let ended = |kind, play, text: &str, reason: &str, tokens: Option<u32>, fail| Case {
        kind,
        schema: true,
        stream: true,
        play,
        theirs: json!({"text": text, "reason": reason, "tokens": tokens}),
        ours: Err(fail),
    };
    cases.extend([
        ended(
            Kind::OpenAi,
            Play::Ended("length"),
            "The beg",
            "length",
            Some(15),
            Fail::Truncated,
        ),
        ended(
            Kind::OpenAi,
            Play::Ended("content_filter"),
            "The beg",
            "content_filter",
            Some(15),
            Fail::Blocked,
        ),
        ended(
            Kind::OpenAi,
            Play::Refusal,
            "",
            "stop",
            Some(15),
            Fail::Refused,
        ),
        ended(
            Kind::Gemini,
            Play::Ended("MAX_TOKENS"),
            "The beg",
            "MAX_TOKENS",
            Some(10),
            Fail::Truncated,
        ),
        ended(
            Kind::Gemini,
            Play::Ended("SAFETY"),
            "The beg",
            "SAFETY",
            Some(4),
            Fail::Blocked,
        ),
        ended(
            Kind::Gemini,
            Play::PromptBlocked("PROHIBITED_CONTENT"),
            "",
            "blocked PROHIBITED_CONTENT",
            Some(4),
            Fail::Blocked,
        ),
    ]);
    cases
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::OpenAi => "openai",
        Kind::Gemini => "gemini",
    }
}

#[test]
fn the_official_sdks_ask_as_we_do_and_read_what_we_play() {
    let python = env::var_os("FRONTDESK_SDK_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let look = ["-c", "import openai; from google import genai"];
    let found = Command::new(&python).args(look).output();
    if !found.is_ok_and(|output| output.status.success()) {
        return report("skipped: no Python with openai and google-genai (FRONTDESK_SDK_PYTHON)");
    }
    let cases = cases();
    let fake = Fake::start_on_a_thread();
    fake.queue(cases.iter().map(|case| case.play.clone()));
    let asked: Vec<Value> = cases
        .iter()
        .map(|case| json!({"flavour": word(case.kind), "schema": case.schema, "stream": case.stream}))
        .collect();
    let script = workspace().join("tests/e2e/provider/sdk.py");
    let output = Command::new(&python)
        .arg(script)
        .args([fake.url(), json!(asked).to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = said.lines();
    report(&format!("asked by {}", lines.next().unwrap_or_default()));
    let theirs: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(theirs.len(), cases.len(), "{output:?}");
    for ((case, theirs), received) in cases.iter().zip(theirs).zip(fake.received()) {
        assert_eq!(theirs, case.theirs, "{:?} {:?}", case.kind, case.play);
        if case.stream {
            let form = if case.schema { "schema" } else { "text" };
            let name = format!("{}_{form}.json", word(case.kind));
            assert_eq!(plain(received.json()), golden(&name), "{name}");
        }
    }
}

#[tokio::test]
async fn what_the_sdks_read_is_what_we_read() {
    let once = shared::assistant::AssistantSettings {
        provider_retries: 0,
        ..settings()
    };
    for case in cases() {
        let fake = Fake::start().await;
        fake.queue([case.play.clone()]);
        let ours = ask(&provider(&fake, case.kind), &once).await;
        let text = ours.map(|reply| reply.text);
        assert_eq!(text, case.ours.map(|()| TEXT.to_owned()), "{:?}", case.play);
    }
}
