//! What the hub does for an agent who writes: proposals, summaries, other words. Nothing of it is
//! ever sent by itself.

use serde::{Deserialize, Serialize};

use crate::{assistant::Citation, id::ChatId, text::SafeText};

/// What an agent asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AssistKind {
    /// Replies to what the customer said last: of the knowledge base, of the canned replies, and
    /// of a model where one is configured.
    Suggest,
    /// What the knowledge base says about `text`.
    Ask,
    /// What the chat was about so far.
    Summarise,
    /// `text` in another tone. Wants a model.
    Rewrite,
    /// `text` without mistakes. Wants a model.
    Grammar,
    /// `text` in another language. Wants a model.
    Translate,
}

impl AssistKind {
    /// Every one.
    pub const ALL: &[Self] = &[
        Self::Suggest,
        Self::Ask,
        Self::Summarise,
        Self::Rewrite,
        Self::Grammar,
        Self::Translate,
    ];

    /// The word for it on the wire and in commands.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Suggest => "suggest",
            Self::Ask => "ask",
            Self::Summarise => "summarise",
            Self::Rewrite => "rewrite",
            Self::Grammar => "grammar",
            Self::Translate => "translate",
        }
    }

    /// Whether it is done to a text, without which it is refused.
    #[must_use]
    pub const fn wants_text(self) -> bool {
        !matches!(self, Self::Suggest | Self::Summarise)
    }
}

/// How a text is to sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Warmer.
    Friendlier,
    /// The same in fewer words.
    Shorter,
    /// More formal.
    Formal,
}

impl Tone {
    /// Every one.
    pub const ALL: &[Self] = &[Self::Friendlier, Self::Shorter, Self::Formal];

    /// The word for it on the wire and in commands.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Friendlier => "friendlier",
            Self::Shorter => "shorter",
            Self::Formal => "formal",
        }
    }
}

/// Where a suggestion comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SuggestionSource {
    /// The knowledge base.
    Knowledge,
    /// The canned replies.
    Canned,
    /// A language model.
    Model,
}

impl SuggestionSource {
    /// The word for it on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Knowledge => "knowledge",
            Self::Canned => "canned",
            Self::Model => "model",
        }
    }
}

bodies! {
    /// `POST /api/assist`: help for the one who writes in a chat, by staff who may write there.
    request AssistRequest {
        /// Where.
        chat: ChatId,
        /// What is asked for.
        kind: AssistKind,
        /// The question, or the text that is to become another; of at most
        /// [`crate::text::MESSAGE_BYTES_MAX`] bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<SafeText>,
        /// How it is to sound, for `rewrite`; friendlier when not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tone: Option<Tone>,
        /// The language to translate to, as a tag such as `pt`; the customer's when not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<SafeText>,
    }
}

answers! {
    /// What the hub found.
    answer AssistAnswer {
        /// What may be said, the best first, for `suggest` and `ask`; empty when nothing fits.
        #[serde(default)]
        suggestions: Vec<Suggestion>,
        /// The summary or the new text, for every other kind.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<SafeText>,
    }

    /// A text that an agent may take.
    answer Suggestion {
        /// The topic or the canned reply it is of, in one line.
        title: SafeText,
        /// What would be said.
        text: SafeText,
        /// Where it comes from.
        source: SuggestionSource,
        /// What it rests on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Citation>,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{AssistAnswer, AssistKind, AssistRequest, SuggestionSource, Tone};

    #[test]
    fn the_words_are_those_of_the_wire() {
        for kind in AssistKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), json!(kind.word()));
        }
        for tone in Tone::ALL {
            assert_eq!(serde_json::to_value(tone).unwrap(), json!(tone.word()));
        }
        let sources = [
            SuggestionSource::Knowledge,
            SuggestionSource::Canned,
            SuggestionSource::Model,
        ];
        for source in sources {
            assert_eq!(serde_json::to_value(source).unwrap(), json!(source.word()));
        }
    }

    #[test]
    fn what_is_not_said_is_left_out() {
        let asked = json!({"chat": 7, "kind": "suggest"});
        let request: AssistRequest = serde_json::from_value(asked.clone()).unwrap();
        assert_eq!(serde_json::to_value(request).unwrap(), asked);
        let answer: AssistAnswer = serde_json::from_value(json!({})).unwrap();
        assert_eq!((answer.suggestions, answer.text), (Vec::new(), None));
    }
}
