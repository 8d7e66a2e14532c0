//! Google's Gemini: `streamGenerateContent`.
//!
//! Requests are what the official Python SDK 3.4.0 (`google-genai`) sends.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Fail, Request, Role, Usage,
    retry::protobuf_duration,
    wire::{Dialect, End, Form, Partial, Refusal, Unsupported, parse, schema, status_of},
};

/// The body of a request.
pub(super) fn body(request: &Request, dialect: Dialect) -> Value {
    let contents: Vec<Value> = request
        .turns
        .iter()
        .map(|turn| {
            let role = match turn.role {
                Role::User => "user",
                Role::Assistant => "model",
            };
            json!({"role": role, "parts": [{"text": turn.text}]})
        })
        .collect();
    let mut config = Map::new();
    let mut put = |name: &str, value: Value| drop(config.insert(name.to_owned(), value));
    put("maxOutputTokens", request.max_tokens.into());
    if dialect.temperature {
        put("temperature", 0.into());
    }
    if request.schema && dialect.form != Form::Prompt {
        put("responseMimeType", "application/json".into());
    }
    if request.schema && dialect.form == Form::Schema {
        put("responseJsonSchema", schema());
    }
    json!({
        // The SDK gives the instructions a role too.
        "systemInstruction": {"role": "user", "parts": [{"text": request.system}]},
        "contents": contents,
        "generationConfig": config,
    })
}

/// An answer, whole or a piece of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generated {
    #[serde(default)]
    candidates: Option<Vec<Candidate>>,
    #[serde(default)]
    prompt_feedback: Option<PromptFeedback>,
    #[serde(default)]
    usage_metadata: Option<TokenCounts>,
    #[serde(default)]
    model_version: Option<String>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    index: Option<u64>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Option<Vec<Part>>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
    /// What the model thought, which is no part of its answer.
    #[serde(default)]
    thought: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback {
    #[serde(default)]
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenCounts {
    #[serde(default)]
    prompt_token_count: u64,
    #[serde(default)]
    candidates_token_count: u64,
    #[serde(default)]
    total_token_count: u64,
}

/// Takes an answer or the data of one event of its stream.
pub(super) fn read(partial: &mut Partial, data: &[u8]) -> Result<(), Fail> {
    let piece: Generated = parse(data)?;
    if let Some(error) = piece.error {
        return Err(match refused(status_of(&error), None, &error) {
            Refusal::Fail(fail) => fail,
            Refusal::Adapt(_) => Fail::BadRequest,
        });
    }
    if let Some(counts) = piece.usage_metadata {
        let sum = counts
            .prompt_token_count
            .saturating_add(counts.candidates_token_count);
        partial.usage = Some(Usage {
            prompt: counts.prompt_token_count,
            completion: counts.candidates_token_count,
            // Thoughts are in the total alone.
            total: counts.total_token_count.max(sum),
        });
    }
    partial.model = partial.model.take().or(piece.model_version);
    let first = |candidate: &Candidate| candidate.index.unwrap_or(0) == 0;
    let candidates = piece.candidates.unwrap_or_default();
    for candidate in candidates.into_iter().filter(first) {
        let parts = candidate.content.and_then(|content| content.parts);
        for part in parts.unwrap_or_default() {
            if part.thought != Some(true) {
                partial.add(part.text.as_deref().unwrap_or_default())?;
            }
        }
        if let (Some(reason), None) = (candidate.finish_reason, partial.end) {
            partial.end = Some(match reason.as_str() {
                "STOP" => End::Stop,
                "MAX_TOKENS" => End::Failed(Fail::Truncated),
                _ => End::Failed(Fail::Blocked),
            });
        }
    }
    let feedback = piece.prompt_feedback;
    if feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
        partial.end = Some(End::Failed(Fail::Blocked));
    }
    Ok(())
}

/// What an answer that is an error means; `error` is the value of that name, or null.
pub(super) fn refused(status: u16, asked: Option<Duration>, error: &Value) -> Refusal {
    let text = |value: &Value, name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let none = Vec::new();
    let details = error.get("details").and_then(Value::as_array);
    let details = details.unwrap_or(&none);
    let message = text(error, "message").to_ascii_lowercase();
    let bad_key = details
        .iter()
        .any(|detail| text(detail, "reason") == "API_KEY_INVALID");
    let fail = match status {
        401 | 403 => Fail::Auth,
        400 if bad_key || message.contains("api key not valid") => Fail::Auth,
        429 if details.iter().any(is_of_the_day) => Fail::Quota,
        429 => {
            let delay = details.iter().find_map(|detail| {
                let delay = detail.get("retryDelay")?.as_str()?;
                protobuf_duration(delay)
            });
            Fail::RateLimited(delay.or(asked))
        }
        400 if speaks_of_form(&message) => return Refusal::Adapt(Unsupported::Form),
        408 | 409 | 425 => Fail::Upstream(status),
        300..500 => Fail::BadRequest,
        _ => Fail::Upstream(status),
    };
    Refusal::Fail(fail)
}

/// Whether the quota of a day is used up, which no pause brings back.
fn is_of_the_day(detail: &Value) -> bool {
    let violations = detail.get("violations").and_then(Value::as_array);
    violations.into_iter().flatten().any(|violation| {
        let quota = violation.get("quotaId").and_then(Value::as_str);
        quota.is_some_and(|quota| quota.contains("PerDay"))
    })
}

fn speaks_of_form(message: &str) -> bool {
    let words = [
        "responsejsonschema",
        "response_json_schema",
        "responseschema",
        "response_schema",
        "responsemimetype",
        "response_mime_type",
        "json mode",
    ];
    words.iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::{Partial, read, refused};
    use crate::assistant::provider::{
        Fail,
        wire::{Refusal, Unsupported},
    };

    fn answer(pieces: &[Value]) -> Result<Partial, Fail> {
        let mut partial = Partial::default();
        for piece in pieces {
            read(&mut partial, piece.to_string().as_bytes())?;
        }
        partial.finish()
    }

    #[test]
    fn parts_make_an_answer_and_thoughts_do_not() {
        let partial = answer(&[
            json!({"candidates": [{"content": {"parts": [{"text": "hm", "thought": true}, {"text": "Hel"}]}, "index": 0}]}),
            json!({"candidates": null, "usageMetadata": {"promptTokenCount": 4}}),
            json!({"candidates": [{"content": {"parts": [{"text": "lo"}, {"functionCall": {}}]}}], "modelVersion": "g-1"}),
            json!({"candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 6, "thoughtsTokenCount": 5, "totalTokenCount": 15}}),
        ])
        .unwrap();
        assert_eq!(partial.text, "Hello");
        assert_eq!(partial.model.as_deref(), Some("g-1"));
        let usage = partial.usage.unwrap();
        assert_eq!((usage.prompt, usage.completion, usage.total), (4, 6, 15));
    }

    #[test]
    fn what_is_no_answer_fails_as_what_it_is() {
        let ended = |reason: &str| {
            answer(&[json!({"candidates": [{"finishReason": reason}]})]).unwrap_err()
        };
        for reason in [
            "SAFETY",
            "RECITATION",
            "SPII",
            "FINISH_REASON_UNSPECIFIED",
            "NEW",
        ] {
            assert_eq!(ended(reason), Fail::Blocked, "{reason}");
        }
        assert_eq!(ended("MAX_TOKENS"), Fail::Truncated);
        assert_eq!(ended("STOP"), Fail::Malformed);
        for reason in ["SAFETY", "JAILBREAK", "NEW"] {
            let feedback = json!({"promptFeedback": {"blockReason": reason}});
            assert_eq!(answer(&[feedback]).unwrap_err(), Fail::Blocked);
        }
        assert_eq!(answer(&[json!({})]).unwrap_err(), Fail::Transport);
        assert_eq!(answer(&[json!([])]).unwrap_err(), Fail::Malformed);
        let error = json!({"error": {"code": 503, "status": "UNAVAILABLE"}});
        assert_eq!(answer(&[error]).unwrap_err(), Fail::Upstream(503));
    }

    #[test]
    fn errors_are_told_apart() {
        let quota = |id: &str| {
            json!({"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": id}]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "22s"},
            ]})
        };
        let fail = |fail| Refusal::Fail(fail);
        let wait = Duration::from_secs(22);
        let bad_key =
            json!({"status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]});
        for (status, error, expect) in [
            (
                429,
                quota("RequestsPerMinute"),
                fail(Fail::RateLimited(Some(wait))),
            ),
            (
                429,
                quota("GenerateRequestsPerDayPerProject"),
                fail(Fail::Quota),
            ),
            (429, json!(null), fail(Fail::RateLimited(None))),
            (400, bad_key, fail(Fail::Auth)),
            (
                400,
                json!({"message": "API key not valid. Please pass"}),
                fail(Fail::Auth),
            ),
            (403, json!(null), fail(Fail::Auth)),
            (404, json!(null), fail(Fail::BadRequest)),
            (400, json!({"message": "too long"}), fail(Fail::BadRequest)),
            (503, json!(null), fail(Fail::Upstream(503))),
            (
                400,
                json!({"message": "Unknown name \"responseJsonSchema\""}),
                Refusal::Adapt(Unsupported::Form),
            ),
            (
                400,
                json!({"message": "JSON mode is not enabled for models/x"}),
                Refusal::Adapt(Unsupported::Form),
            ),
        ] {
            assert_eq!(refused(status, None, &error), expect, "{status} {error}");
        }
    }
}
