//! What both wire formats have in common: the schema of an answer, what a service understands,
//! and what an error answer tells us to do.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Fail, Usage};

/// Longest text of an answer, in bytes.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// How the form of an answer is asked for; each step asks less of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// By its schema.
    Schema,
    /// As some JSON; the words of the prompt say which.
    Json,
    /// By the words of the prompt alone.
    Prompt,
}

/// What this service is known to understand. Learned from its refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) form: Form,
    /// `max_tokens`, and not `max_completion_tokens`.
    pub(super) max_tokens: bool,
    pub(super) temperature: bool,
    pub(super) stream_options: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            form: Form::Schema,
            max_tokens: true,
            temperature: true,
            stream_options: true,
        }
    }
}

/// What the service did not understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsupported {
    Form,
    MaxTokens,
    Temperature,
    StreamOptions,
}

impl Dialect {
    /// Without what was refused; none when it is without it already.
    pub(super) fn without(mut self, unsupported: Unsupported) -> Option<Self> {
        let before = self;
        match (unsupported, self.form) {
            (Unsupported::Form, Form::Schema) => self.form = Form::Json,
            (Unsupported::Form, Form::Json | Form::Prompt) => self.form = Form::Prompt,
            (Unsupported::MaxTokens, _) => self.max_tokens = false,
            (Unsupported::Temperature, _) => self.temperature = false,
            (Unsupported::StreamOptions, _) => self.stream_options = false,
        }
        (self != before).then_some(self)
    }
}

/// What an answer that is an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Ask again without this.
    Adapt(Unsupported),
    /// It failed so.
    Fail(Fail),
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Whole.
    Stop,
    /// Without an answer.
    Failed(Fail),
}

/// An answer as far as it has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Partial {
    pub(super) text: String,
    pub(super) usage: Option<Usage>,
    pub(super) model: Option<String>,
    pub(super) end: Option<End>,
    /// Nothing more will come.
    pub(super) is_done: bool,
}

impl Partial {
    /// Adds to the text.
    pub(super) fn add(&mut self, text: &str) -> Result<(), Fail> {
        if self.text.len() + text.len() > TEXT_BYTES_MAX {
            return Err(Fail::Malformed);
        }
        self.text.push_str(text);
        Ok(())
    }

    /// The answer that has ended: an end without a reason is a cut connection, and one without a
    /// text is no answer.
    pub(super) fn finish(self) -> Result<Self, Fail> {
        match self.end {
            None => Err(Fail::Transport),
            Some(End::Failed(fail)) => Err(fail),
            Some(End::Stop) if self.text.trim().is_empty() => Err(Fail::Malformed),
            Some(End::Stop) => Ok(self),
        }
    }
}

/// An object of JSON. A list would be read as the fields of one.
pub(super) fn parse<T: DeserializeOwned>(data: &[u8]) -> Result<T, Fail> {
    if !data.trim_ascii_start().starts_with(b"{") {
        return Err(Fail::Malformed);
    }
    serde_json::from_slice(data).map_err(|_| Fail::Malformed)
}

/// What an answer to a customer has to look like; the same for every service.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "answer": {"type": "string"},
            "intent": {"type": "string"},
            "confidence": {"type": "number"},
            "escalate": {"type": "boolean"},
            "reason": {"type": ["string", "null"]},
            "citations": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["answer", "intent", "confidence", "escalate", "reason", "citations"],
        "additionalProperties": false,
    })
}

/// The status of an error that a service sent in an answer that had begun well.
pub(super) fn status_of(error: &Value) -> u16 {
    let code = error.get("code").and_then(Value::as_u64);
    let status = code.and_then(|code| u16::try_from(code).ok());
    status
        .filter(|status| (400..600).contains(status))
        .unwrap_or(500)
}

#[cfg(test)]
mod tests {
    use super::{Dialect, End, Form, Partial, TEXT_BYTES_MAX, Unsupported};
    use crate::assistant::provider::Fail;

    #[test]
    fn what_is_refused_is_left_out_once_and_the_form_in_two_steps() {
        let all = Dialect::default();
        let json = all.without(Unsupported::Form).unwrap();
        assert_eq!(json.form, Form::Json);
        let prompt = json.without(Unsupported::Form).unwrap();
        assert_eq!(prompt.form, Form::Prompt);
        assert_eq!(prompt.without(Unsupported::Form), None);
        for unsupported in [
            Unsupported::MaxTokens,
            Unsupported::Temperature,
            Unsupported::StreamOptions,
        ] {
            let less = all.without(unsupported).unwrap();
            assert_eq!(less.without(unsupported), None);
        }
    }

    #[test]
    fn only_an_answer_that_stopped_with_a_text_is_one() {
        let check = |text: &str, end| {
            let partial = Partial {
                text: text.into(),
                end,
                ..Partial::default()
            };
            partial.finish().map(|partial| partial.text)
        };
        assert_eq!(check("hi", Some(End::Stop)), Ok("hi".into()));
        assert_eq!(check("hi", None), Err(Fail::Transport));
        assert_eq!(check(" \n", Some(End::Stop)), Err(Fail::Malformed));
        assert_eq!(
            check("hi", Some(End::Failed(Fail::Truncated))),
            Err(Fail::Truncated)
        );
    }

    #[test]
    fn a_text_without_end_is_not_kept() {
        let mut partial = Partial::default();
        assert_eq!(partial.add(&"x".repeat(TEXT_BYTES_MAX)), Ok(()));
        assert_eq!(partial.add("x"), Err(Fail::Malformed));
    }
}
