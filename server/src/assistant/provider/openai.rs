//! Chat completions as OpenAI defined them and many others speak them.
//!
//! Requests are what the official Python SDK 3.54.0 sends. Answers are read with more tolerance
//! than the definition asks for, because services differ.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Fail, Request, Role, Usage,
    wire::{Dialect, End, Form, Partial, Refusal, Unsupported, parse, schema, status_of},
};

/// The last event of a stream.
const DONE: &[u8] = b"[DONE]";

/// The body of a request.
pub(super) fn body(request: &Request, model: &str, dialect: Dialect) -> Value {
    let system = json!({"role": "system", "content": request.system});
    let turns = request.turns.iter().map(|turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({"role": role, "content": turn.text})
    });
    let messages: Vec<Value> = std::iter::once(system).chain(turns).collect();
    let limit = if dialect.max_tokens {
        "max_tokens"
    } else {
        "max_completion_tokens"
    };
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    put("model", model.into());
    put("messages", messages.into());
    put(limit, request.max_tokens.into());
    put("stream", true.into());
    if dialect.temperature {
        put("temperature", 0.into());
    }
    if dialect.stream_options {
        put("stream_options", json!({"include_usage": true}));
    }
    match dialect.form {
        Form::Schema if request.schema => put(
            "response_format",
            json!({
                "type": "json_schema",
                "json_schema": {"name": "support_reply", "strict": true, "schema": schema()},
            }),
        ),
        Form::Json if request.schema => put("response_format", json!({"type": "json_object"})),
        _ => {}
    }
    body.into()
}

/// An answer, whole or a piece of it.
#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<TokenCounts>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default, alias = "message")]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

/// Whatever else a service puts here (`reasoning_content`, `tool_calls`) is no answer.
#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct TokenCounts {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    total_tokens: u64,
}

/// Takes an answer or the data of one event of its stream.
pub(super) fn read(partial: &mut Partial, data: &[u8]) -> Result<(), Fail> {
    if data.trim_ascii() == DONE {
        partial.is_done = true;
        return Ok(());
    }
    let piece: Completion = parse(data)?;
    if let Some(error) = piece.error {
        return Err(match refused(status_of(&error), None, &error) {
            Refusal::Fail(fail) => fail,
            Refusal::Adapt(_) => Fail::BadRequest,
        });
    }
    if let Some(counts) = piece.usage {
        let sum = counts
            .prompt_tokens
            .saturating_add(counts.completion_tokens);
        partial.usage = Some(Usage {
            prompt: counts.prompt_tokens,
            completion: counts.completion_tokens,
            total: counts.total_tokens.max(sum),
        });
    }
    partial.model = partial.model.take().or(piece.model);
    let first = |choice: &Choice| choice.index.unwrap_or(0) == 0;
    for choice in piece.choices.unwrap_or_default().into_iter().filter(first) {
        if let Some(delta) = choice.delta {
            partial.add(delta.content.as_deref().unwrap_or_default())?;
            if delta.refusal.is_some_and(|refusal| !refusal.is_empty()) {
                partial.end = Some(End::Failed(Fail::Refused));
            }
        }
        let reason = choice.finish_reason.filter(|reason| !reason.is_empty());
        if let (Some(reason), None) = (reason, partial.end) {
            partial.end = Some(match reason.as_str() {
                "stop" => End::Stop,
                "length" => End::Failed(Fail::Truncated),
                _ => End::Failed(Fail::Blocked),
            });
        }
    }
    Ok(())
}

/// What an answer that is an error means; `error` is the value of that name, or null.
pub(super) fn refused(status: u16, asked: Option<Duration>, error: &Value) -> Refusal {
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let (code, kind) = (text("code"), text("type"));
    let is = |word: &str| code == word || kind == word;
    let fail = match status {
        401 | 403 => Fail::Auth,
        402 => Fail::Quota,
        _ if is("insufficient_quota") || is("billing_hard_limit_reached") => Fail::Quota,
        429 => Fail::RateLimited(asked),
        _ if is("invalid_api_key") => Fail::Auth,
        _ if is("content_filter") || is("content_policy_violation") => Fail::Blocked,
        400..=501 => {
            if let Some(unsupported) = unsupported(text("param"), text("message")) {
                return Refusal::Adapt(unsupported);
            }
            match status {
                408 | 409 | 425 | 500.. => Fail::Upstream(status),
                _ => Fail::BadRequest,
            }
        }
        300..400 => Fail::BadRequest,
        _ => Fail::Upstream(status),
    };
    Refusal::Fail(fail)
}

/// Services name the parameter, or speak of it. The message is looked at and not kept.
fn unsupported(param: &str, message: &str) -> Option<Unsupported> {
    let message = message.to_ascii_lowercase();
    let names = |word: &str| param.starts_with(word) || param.is_empty() && message.contains(word);
    if names("max_tokens") && (param == "max_tokens" || message.contains("max_completion_tokens")) {
        return Some(Unsupported::MaxTokens);
    }
    if names("temperature") {
        return Some(Unsupported::Temperature);
    }
    if names("stream_options") {
        return Some(Unsupported::StreamOptions);
    }
    let form = ["response_format", "json_schema", "json_object", "grammar"];
    form.iter()
        .any(|word| names(word))
        .then_some(Unsupported::Form)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{Partial, read, refused};
    use crate::assistant::provider::{
        Fail, Usage,
        wire::{Refusal, Unsupported},
    };

    fn answer(pieces: &[&str]) -> Result<Partial, Fail> {
        let mut partial = Partial::default();
        for piece in pieces {
            read(&mut partial, piece.as_bytes())?;
        }
        partial.finish()
    }

    #[test]
    fn pieces_make_an_answer_whatever_stands_between_them() {
        let partial = answer(&[
            r#"{"choices":[],"prompt_filter_results":[]}"#,
            r#"{"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":null,"reasoning_content":"hm"},"finish_reason":null}]}"#,
            r#"{"choices":[{"delta":{"content":"Hel"}}],"usage":null}"#,
            r#"{"choices":null}"#,
            r#"{"choices":[{"index":1,"delta":{"content":"other"},"finish_reason":"length"}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":null,"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#,
            " [DONE] ",
        ])
        .unwrap();
        assert_eq!(partial.text, "Hello");
        assert_eq!(partial.model.as_deref(), Some("m-1"));
        assert!(partial.is_done);
        let usage = Usage {
            prompt: 10,
            completion: 5,
            total: 15,
        };
        assert_eq!(partial.usage, Some(usage));
    }

    #[test]
    fn what_is_no_answer_fails_as_what_it_is() {
        let ended = |reason: &str| {
            let json = json!({"choices": [{"delta": {"content": "x"}, "finish_reason": reason}]});
            answer(&[&json.to_string()]).unwrap_err()
        };
        assert_eq!(ended("length"), Fail::Truncated);
        assert_eq!(ended("content_filter"), Fail::Blocked);
        assert_eq!(ended("tool_calls"), Fail::Blocked);
        assert_eq!(ended("whatever comes next"), Fail::Blocked);
        let refusal = r#"{"choices":[{"message":{"content":null,"refusal":"I will not"},"finish_reason":"stop"}]}"#;
        assert_eq!(answer(&[refusal]).unwrap_err(), Fail::Refused);
        assert_eq!(answer(&["{\"choices\":"]).unwrap_err(), Fail::Malformed);
        assert_eq!(answer(&["[]"]).unwrap_err(), Fail::Malformed);
        assert_eq!(answer(&["{}"]).unwrap_err(), Fail::Transport);
        let overloaded = r#"{"error":{"code":503,"message":"overloaded"}}"#;
        assert_eq!(answer(&[overloaded]).unwrap_err(), Fail::Upstream(503));
        let failed = r#"{"error":{"code":"server_error","message":"x"}}"#;
        assert_eq!(answer(&[failed]).unwrap_err(), Fail::Upstream(500));
    }

    #[test]
    fn errors_are_told_apart() {
        let asked = Some(Duration::from_secs(7));
        let check = |status, error: serde_json::Value| refused(status, asked, &error);
        let fail = |fail| Refusal::Fail(fail);
        for (status, error, expect) in [
            (401, json!({"code": "invalid_api_key"}), fail(Fail::Auth)),
            (400, json!({"code": "invalid_api_key"}), fail(Fail::Auth)),
            (403, json!(null), fail(Fail::Auth)),
            (
                402,
                json!({"message": "Insufficient Balance"}),
                fail(Fail::Quota),
            ),
            (
                429,
                json!({"code": "rate_limit_exceeded"}),
                fail(Fail::RateLimited(asked)),
            ),
            (
                429,
                json!({"type": "insufficient_quota"}),
                fail(Fail::Quota),
            ),
            (400, json!({"code": "content_filter"}), fail(Fail::Blocked)),
            (
                404,
                json!({"code": "model_not_found"}),
                fail(Fail::BadRequest),
            ),
            (
                400,
                json!({"code": "context_length_exceeded", "param": "messages"}),
                fail(Fail::BadRequest),
            ),
            (307, json!(null), fail(Fail::BadRequest)),
            (500, json!(null), fail(Fail::Upstream(500))),
            (
                529,
                json!({"message": "overloaded"}),
                fail(Fail::Upstream(529)),
            ),
        ] {
            assert_eq!(check(status, error.clone()), expect, "{status} {error}");
        }
    }

    #[test]
    fn what_a_service_does_not_understand_is_left_out() {
        for (param, message, expect) in [
            (Some("max_tokens"), "", Some(Unsupported::MaxTokens)),
            (
                None,
                "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                Some(Unsupported::MaxTokens),
            ),
            (None, "max_tokens is too large: 400", None),
            (Some("temperature"), "", Some(Unsupported::Temperature)),
            (
                Some("response_format"),
                "max_tokens and temperature are fine",
                Some(Unsupported::Form),
            ),
            (
                None,
                "\"response_format\" type must be one of \"text\" or \"json_object\"",
                Some(Unsupported::Form),
            ),
            (None, "Failed to parse grammar", Some(Unsupported::Form)),
            (
                None,
                "Extra inputs: stream_options",
                Some(Unsupported::StreamOptions),
            ),
            (Some("messages"), "temperature of the room", None),
            (None, "", None),
        ] {
            let error = json!({"message": message, "param": param});
            let expect = expect.map_or(Refusal::Fail(Fail::BadRequest), Refusal::Adapt);
            assert_eq!(refused(400, None, &error), expect, "{error}");
        }
    }
}
