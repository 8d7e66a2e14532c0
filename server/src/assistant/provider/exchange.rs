//! What is asked of a model and what comes back, whatever the service speaks.

use std::time::Duration;

use shared::id::ChatId;

/// Who said a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The customer's side: words of customers, knowledge, everything that is data.
    User,
    /// The assistant.
    Assistant,
}

/// One message of what a model is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub text: String,
}

/// What a model is to answer. Its texts have been redacted before.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The instructions; nothing a customer or a file said is in them.
    pub system: String,
    /// What was said, oldest first; the last one is the customer's.
    pub turns: Vec<Turn>,
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// Whether the answer is a `support_reply` in JSON; otherwise it is plain text.
    pub schema: bool,
    /// The chat on whose budget it goes; none for the budget of the day alone.
    pub chat: Option<ChatId>,
}

impl Request {
    /// Bytes of all its texts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let turns: usize = self.turns.iter().map(|turn| turn.text.len()).sum();
        self.system.len() + turns
    }
}

/// Sizes only: what people say belongs in no log.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("turns", &self.turns.len())
            .field("bytes", &self.bytes())
            .field("max_tokens", &self.max_tokens)
            .field("schema", &self.schema)
            .field("chat", &self.chat)
            .finish()
    }
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}({} bytes)", self.role, self.text.len())
    }
}

/// What an answer cost, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of what was asked.
    pub prompt: u64,
    /// Of what was answered.
    pub completion: u64,
    /// Of both, and of what the service counts besides.
    pub total: u64,
}

/// An answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// What the model said, as it came: neither parsed nor cleaned.
    pub text: String,
    /// What it cost; estimated when the service did not say.
    pub usage: Usage,
    /// Which model it was.
    pub model: String,
    /// Milliseconds from the beginning of the last try to the first byte of the answer.
    pub first_byte_ms: u64,
    /// Milliseconds from the beginning to the end, waiting and repeats included.
    pub total_ms: u64,
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply")
            .field("bytes", &self.text.len())
            .field("usage", &self.usage)
            .field("first_byte_ms", &self.first_byte_ms)
            .field("total_ms", &self.total_ms)
            .finish()
    }
}

/// Why there is no answer. None of them holds a text that came from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fail {
    /// The key was refused.
    #[error("the model's service refuses the key; check it and its rights")]
    Auth,
    /// Too many calls; how long it wants us to wait, if it said.
    #[error("the model's service is asked too often")]
    RateLimited(Option<Duration>),
    /// What was paid for is used up.
    #[error("the quota of the model's service is used up; raise it there")]
    Quota,
    /// The service would not have the question or the answer.
    #[error("the model's service blocked the question or the answer")]
    Blocked,
    /// The model would not answer.
    #[error("the model refused to answer")]
    Refused,
    /// The answer was longer than was allowed.
    #[error("the model's answer was cut at its most tokens")]
    Truncated,
    /// The service does not understand us: another model, another address.
    #[error("the model's service refuses the request; check base_url and model")]
    BadRequest,
    /// The service failed, with this status.
    #[error("the model's service failed with status {0}")]
    Upstream(u16),
    /// It took too long.
    #[error("the model's service did not answer in time")]
    Timeout,
    /// The connection could not be made, or broke.
    #[error("the connection to the model's service failed")]
    Transport,
    /// What came is no answer of such a service.
    #[error("the model's service sent what is no answer")]
    Malformed,
    /// As many calls are under way and waiting as may be.
    #[error("too many calls of the model at once")]
    Busy,
    /// It failed so often that it is left alone for a while.
    #[error("the model is left alone for a while after failures")]
    Open,
    /// The tokens of the chat or the day are used up.
    #[error("the tokens of the chat or the day are used up")]
    Budget,
}

impl Fail {
    /// A word for counters and logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::RateLimited(_) => "rate_limited",
            Self::Quota => "quota",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::Truncated => "truncated",
            Self::BadRequest => "bad_request",
            Self::Upstream(_) => "upstream",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::Malformed => "malformed",
            Self::Busy => "busy",
            Self::Open => "open",
            Self::Budget => "budget",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reply, Request, Role, Turn, Usage};

    #[test]
    fn what_people_say_is_in_no_debug_output() {
        let request = Request {
            system: "canary".into(),
            turns: vec![Turn {
                role: Role::User,
                text: "my secret".into(),
            }],
            max_tokens: 1,
            schema: true,
            chat: None,
        };
        let reply = Reply {
            text: "your secret".into(),
            usage: Usage::default(),
            model: "m".into(),
            first_byte_ms: 1,
            total_ms: 2,
        };
        let shown = format!("{request:?} {:?} {reply:?}", request.turns);
        assert!(
            !shown.contains("secret") && !shown.contains("canary"),
            "{shown}"
        );
        assert!(shown.contains("9 bytes"), "{shown}");
    }
}
