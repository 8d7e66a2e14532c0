//! What the service can be made to play, in the words of both wire formats.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Received, Step};

/// The wire format of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Chat completions.
    OpenAi,
    /// `generateContent`.
    Gemini,
}

impl Flavour {
    /// Of a request, by its path.
    pub fn of(request: &Received) -> Self {
        if request.target.contains("enerateContent") {
            Self::Gemini
        } else {
            Self::OpenAi
        }
    }
}

/// How a request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Play {
    /// A whole answer, not streamed.
    Whole(String),
    /// A streamed answer, with its cost at the end.
    Stream(String),
    /// The same, a piece of `bytes` after every pause, wherever that cuts a character.
    Drip {
        /// What is said.
        text: String,
        /// Bytes of a piece.
        bytes: usize,
        /// Pause before each.
        every: Duration,
    },
    /// Everything a service may send between the pieces of an answer: comments, lines that end
    /// with a carriage return too, thoughts, `null` for choices, a tail with the cost.
    Odd(String),
    /// A streamed answer that ends after its reason, without an end event or a cost.
    NoTail(String),
    /// A streamed answer after whose reason the connection just stays.
    HangAfterEnd(String),
    /// A stream that ends in an orderly way before the answer has.
    Cut(String),
    /// A connection that is reset in the middle of an event.
    Reset(String),
    /// A beginning, and then nothing.
    HangMidStream(String),
    /// Nothing at all.
    HangBeforeHeaders,
    /// A status, and then nothing.
    HangBeforeBody,
    /// The connection is closed without an answer.
    Close,
    /// The model declines.
    Refusal,
    /// The answer ended for this reason, in the service's own word.
    Ended(&'static str),
    /// The service would not have the question (Gemini).
    PromptBlocked(&'static str),
    /// An answer with a status and a value of `error`.
    Error {
        /// Status.
        status: u16,
        /// The value of `error`.
        error: Value,
        /// Further headers.
        headers: Vec<(&'static str, String)>,
    },
    /// An error inside of a stream that began well.
    ErrorMidStream(Value),
    /// Somebody's page.
    Html,
    /// No HTTP at all.
    Garbage,
    /// Elsewhere.
    Redirect(String),
    /// A line that never ends.
    EndlessLine,
    /// Whatever is needed.
    Steps(Vec<Step>),
}

/// Pieces, in characters, of a streamed text.
const PIECE_CHARS: usize = 7;

impl Play {
    /// An error without further headers.
    pub fn error(status: u16, error: Value) -> Self {
        Self::Error {
            status,
            error,
            headers: Vec::new(),
        }
    }

    /// Too many requests, with the wait that is asked for in each format's own way.
    pub fn rate_limited(flavour: Flavour, seconds: u64) -> Self {
        match flavour {
            Flavour::OpenAi => Self::Error {
                status: 429,
                error: json!({"message": "slow down", "type": "requests", "param": null, "code": "rate_limit_exceeded"}),
                headers: vec![("retry-after", seconds.to_string())],
            },
            Flavour::Gemini => Self::error(429, gemini_429(&[], seconds)),
        }
    }

    /// What was paid for is used up.
    pub fn quota(flavour: Flavour) -> Self {
        match flavour {
            Flavour::OpenAi => Self::error(
                429,
                json!({"message": "check your plan", "type": "insufficient_quota", "param": null, "code": "insufficient_quota"}),
            ),
            Flavour::Gemini => {
                let quota = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";
                Self::error(429, gemini_429(&[quota], 22))
            }
        }
    }

    /// The key is wrong.
    pub fn bad_key(flavour: Flavour) -> Self {
        match flavour {
            Flavour::OpenAi => Self::error(
                401,
                json!({"message": "Incorrect API key provided: sk-***", "type": "invalid_request_error", "param": null, "code": "invalid_api_key"}),
            ),
            Flavour::Gemini => Self::error(
                400,
                json!({"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": [
                    {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"},
                ]}),
            ),
        }
    }

    /// A parameter is not understood.
    pub fn unsupported(param: &str) -> Self {
        let message = format!("Unsupported parameter: '{param}' is not supported with this model.");
        Self::error(
            400,
            json!({"message": message, "type": "invalid_request_error", "param": param, "code": "unsupported_parameter"}),
        )
    }

    /// What is done on the connection.
    pub(super) fn steps(self, flavour: Flavour) -> Vec<Step> {
        let events = |text: &str| pieces(flavour, text);
        let end = |reason: &str| event(&ending(flavour, reason));
        let stop = || end(stop_word(flavour));
        match self {
            Self::Whole(text) => vec![whole(200, &completion(flavour, &text))],
            Self::Stream(text) => stream([events(&text), stop() + &tail(flavour)].concat()),
            Self::Drip { text, bytes, every } => {
                let all = [events(&text), stop() + &tail(flavour)].concat();
                let drops = all.as_bytes().chunks(bytes.max(1));
                let drops = drops.flat_map(|drop| [Step::Pause(every), Step::Chunk(drop.to_vec())]);
                let begin = std::iter::once(Step::Begin(EVENTS));
                begin.chain(drops).chain([Step::End]).collect()
            }
            Self::Odd(text) => odd(flavour, &text),
            Self::NoTail(text) => stream(events(&text) + &stop()),
            Self::HangAfterEnd(text) => {
                let begun = Step::Chunk((events(&text) + &stop()).into_bytes());
                vec![Step::Begin(EVENTS), begun, Step::Hang]
            }
            Self::Cut(text) => stream(events(&text)),
            Self::Reset(text) => {
                let all = events(&text) + &stop();
                let half = all.as_bytes()[..all.len() - 20].to_vec();
                vec![Step::Begin(EVENTS), Step::Chunk(half), Step::Reset]
            }
            Self::HangMidStream(text) => {
                let begun = Step::Chunk(events(&text).into_bytes());
                vec![Step::Begin(EVENTS), begun, Step::Hang]
            }
            Self::HangBeforeHeaders => vec![Step::Hang],
            Self::HangBeforeBody => vec![Step::Begin(EVENTS), Step::Hang],
            Self::Close => vec![Step::Close],
            Self::Refusal => stream(event(&refusal(flavour)) + &stop() + &tail(flavour)),
            Self::Ended(reason) => {
                stream(event(&piece(flavour, "The beg")) + &end(reason) + &tail(flavour))
            }
            Self::PromptBlocked(reason) => stream(event(&json!({
                "promptFeedback": {"blockReason": reason},
                "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4},
            }))),
            Self::Error {
                status,
                error,
                headers,
            } => vec![Step::Whole {
                status,
                media: JSON,
                headers,
                body: json!({"error": error}).to_string().into_bytes(),
            }],
            Self::ErrorMidStream(error) => {
                stream(event(&piece(flavour, "Hel")) + &event(&json!({"error": error})))
            }
            Self::Html => vec![Step::Whole {
                status: 200,
                media: "text/html",
                headers: Vec::new(),
                body: b"<!doctype html><title>Sign in</title>".to_vec(),
            }],
            Self::Garbage => vec![
                Step::Raw(b"\x16\x03\x01 who are you\r\n\r\n".to_vec()),
                Step::Close,
            ],
            Self::Redirect(location) => vec![Step::Whole {
                status: 307,
                media: JSON,
                headers: vec![("location", location)],
                body: Vec::new(),
            }],
            Self::EndlessLine => {
                let begin = [Step::Begin(EVENTS), Step::Chunk(b"data: ".to_vec())];
                let more = std::iter::repeat_n(Step::Chunk(vec![b'x'; 16 * 1024]), 512);
                begin.into_iter().chain(more).chain([Step::End]).collect()
            }
            Self::Steps(steps) => steps,
        }
    }
}

const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";

fn whole(status: u16, body: &Value) -> Step {
    Step::Whole {
        status,
        media: JSON,
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
    }
}

fn stream(events: String) -> Vec<Step> {
    vec![
        Step::Begin(EVENTS),
        Step::Chunk(events.into_bytes()),
        Step::End,
    ]
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn stop_word(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::OpenAi => "stop",
        Flavour::Gemini => "STOP",
    }
}

/// The events of a text, in pieces.
fn pieces(flavour: Flavour, text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let pieces = chars
        .chunks(PIECE_CHARS)
        .map(|chars| chars.iter().collect::<String>());
    pieces.map(|text| event(&piece(flavour, &text))).collect()
}

fn chunk(choices: Value, usage: Value) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "played-1",
        "choices": choices, "usage": usage,
    })
}

fn piece(flavour: Flavour, text: &str) -> Value {
    match flavour {
        Flavour::OpenAi => chunk(
            json!([{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": null}]),
            Value::Null,
        ),
        Flavour::Gemini => json!({
            "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}],
            "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4},
            "modelVersion": "played-1",
        }),
    }
}

fn ending(flavour: Flavour, reason: &str) -> Value {
    match flavour {
        Flavour::OpenAi => chunk(
            json!([{"index": 0, "delta": {}, "finish_reason": reason}]),
            Value::Null,
        ),
        Flavour::Gemini if reason == "STOP" || reason == "MAX_TOKENS" => json!({
            "candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": reason, "index": 0}],
            "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 6, "totalTokenCount": 10},
            "modelVersion": "played-1",
        }),
        // A blocked answer has no content.
        Flavour::Gemini => json!({"candidates": [{"finishReason": reason, "index": 0}]}),
    }
}

fn tail(flavour: Flavour) -> String {
    match flavour {
        Flavour::OpenAi => {
            let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
            event(&chunk(json!([]), usage)) + "data: [DONE]\n\n"
        }
        // Its last event has said everything.
        Flavour::Gemini => String::new(),
    }
}

fn refusal(flavour: Flavour) -> Value {
    match flavour {
        Flavour::OpenAi => chunk(
            json!([{"index": 0, "delta": {"role": "assistant", "content": null, "refusal": "I will not."}, "finish_reason": null}]),
            Value::Null,
        ),
        Flavour::Gemini => ending(flavour, "SAFETY"),
    }
}

fn completion(flavour: Flavour, text: &str) -> Value {
    match flavour {
        Flavour::OpenAi => json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "played-1",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": null}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        }),
        Flavour::Gemini => json!({
            "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 6, "totalTokenCount": 10},
            "modelVersion": "played-1",
        }),
    }
}

/// An answer between everything that is none.
fn odd(flavour: Flavour, text: &str) -> Vec<Step> {
    let thought = match flavour {
        Flavour::OpenAi => chunk(
            json!([{"index": 0, "delta": {"role": "assistant", "content": null, "reasoning_content": "hm"}, "finish_reason": null}]),
            Value::Null,
        ),
        Flavour::Gemini => json!({"candidates": [{"content": {"parts": [
            {"text": "thinking about it", "thought": true},
        ], "role": "model"}, "index": 0}]}),
    };
    let nothing = match flavour {
        Flavour::OpenAi => chunk(Value::Null, Value::Null),
        Flavour::Gemini => json!({"candidates": null}),
    };
    let events = event(&thought)
        + ": keep-alive\n\n"
        + &event(&nothing)
        + &pieces(flavour, text)
        + "event: message\n"
        + &event(&ending(flavour, stop_word(flavour)))
        + &tail(flavour);
    stream(events.replace('\n', "\r\n"))
}

fn gemini_429(quotas: &[&str], seconds: u64) -> Value {
    let violations: Vec<Value> = quotas
        .iter()
        .map(|quota| json!({"quotaMetric": "m", "quotaId": quota}))
        .collect();
    json!({
        "code": 429, "message": "You exceeded your current quota.", "status": "RESOURCE_EXHAUSTED",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")},
        ],
    })
}
