//! The assistant, the first line that answers by itself: its settings, what it says of its own
//! answers, and what it hands to the people who take over.
//!
//! Plain data. What happens to a chat is decided by the hub's desk, what is answered by the
//! hub's assistant.

mod counts;
mod settings;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{id::Seq, text::SafeText};

pub use self::{
    counts::AssistantCounts,
    settings::{
        AssistantChange, AssistantSettings, FirstLine, Mode, OnExhausted, Redact, WhileQueued,
    },
};

/// A number from 0 to 1 in steps of a thousandth: a confidence or a threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u16);

impl Share {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole.
    pub const ONE: Self = Self(1_000);

    /// Of a number of thousandths; more than the whole is the whole.
    #[must_use]
    pub const fn from_thousandths(thousandths: u16) -> Self {
        if thousandths > 1_000 {
            Self::ONE
        } else {
            Self(thousandths)
        }
    }

    /// The nearest to a number; below 0 and no number at all is 0, above 1 is 1.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped before"
    )]
    pub fn from_number(number: f64) -> Self {
        if number.is_nan() {
            return Self::ZERO;
        }
        Self((number.clamp(0.0, 1.0) * 1_000.0).round() as u16)
    }

    /// In thousandths.
    #[must_use]
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// As a number from 0 to 1.
    #[must_use]
    pub fn number(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }
}

/// With two digits, or three where the third says something: `0.70`, `0.125`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.0.is_multiple_of(10) { 2 } else { 3 };
        write!(f, "{:.digits$}", self.number())
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().parse::<f64>() {
            Ok(number) if (0.0..=1.0).contains(&number) => Ok(Self::from_number(number)),
            _ => Err("is no number from 0 to 1"),
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.number())
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if (0.0..=1.0).contains(&number) {
            Ok(Self::from_number(number))
        } else {
            Err(de::Error::custom("is no number from 0 to 1"))
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Share {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "A number from 0 to 1 in steps of a thousandth."
        })
    }
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident $word:literal)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word for it on the wire and in settings.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, String> {
                let mut all = Self::ALL.iter().copied();
                all.find(|one| one.word() == word).ok_or_else(|| {
                    let known: Vec<&str> = Self::ALL.iter().map(|one| one.word()).collect();
                    format!("{word:?} is none of {}", known.join(", "))
                })
            }
        }
    };
}

use words;

words! {
    /// Why a chat was handed from the assistant to people.
    HandOffReason {
        /// The customer asked for a person.
        CustomerRequest "customer_request"
        /// The customer used a word of `escalate_keywords`.
        KeywordRule "keyword_rule"
        /// Nothing was certain enough to be answered.
        LowConfidence "low_confidence"
        /// The customer was not helped several times in a row.
        RepeatedFailure "repeated_failure"
        /// The next answer would have been the last one again.
        RepeatedAnswer "repeated_answer"
        /// The assistant has said as much as it may.
        MaxTurns "max_turns"
        /// The model or the knowledge base says that a person must answer.
        ModelEscalated "model_escalated"
        /// The model's answer did not rest on the knowledge base.
        UngroundedAnswer "ungrounded_answer"
        /// The model failed.
        ProviderError "provider_error"
        /// There was no answer in time.
        ProviderTimeout "provider_timeout"
        /// The model refused to answer.
        ProviderBlocked "provider_blocked"
        /// The tokens of the budget are used up.
        Budget "budget"
        /// Somebody tries to make the model do something else.
        InjectionSuspected "injection_suspected"
        /// Nobody is online, and the assistant is for that time only.
        AfterHours "after_hours"
        /// The other side seems to be a program.
        BotLoop "bot_loop"
        /// The assistant was switched off, or has nothing to answer from.
        Operator "operator"
        /// The hub failed or was started again while the assistant looked for an answer.
        Internal "internal"
    }
}

words! {
    /// Why the assistant got a chat.
    AssistantReason {
        /// It was opened.
        Opened "opened"
        /// It was reopened, and the assistant had it last.
        Reopened "reopened"
        /// A person gave it back.
        Returned "returned"
    }
}

words! {
    /// What a message of the assistant does.
    ReplyKind {
        /// Answers.
        Answer "answer"
        /// Offers what may be meant, by numbers.
        Clarify "clarify"
        /// Asks the customer to say it in other words.
        Rephrase "rephrase"
        /// Is polite: a greeting, thanks.
        Courtesy "courtesy"
        /// Nothing: there was nothing certain to say to one who waits in the queue.
        Passed "passed"
    }
}

words! {
    /// How a turn failed the customer.
    Failure {
        /// It was not understood.
        Unclear "unclear"
        /// The customer says that the answer did not help.
        Denied "denied"
        /// The model's answer did not rest on the knowledge base.
        Ungrounded "ungrounded"
    }
}

words! {
    /// What found an answer.
    AnswerSource {
        /// The hub itself.
        Embedded "embedded"
        /// A language model.
        Provider "provider"
    }
}

/// An intent that may be meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IntentGuess {
    /// Its topic in the knowledge base.
    pub intent: SafeText,
    /// What the topic is called.
    pub title: SafeText,
    /// How sure that is.
    pub confidence: Share,
}

/// A passage of the knowledge base that an answer rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Citation {
    /// Its name, such as `kb:returns#2`.
    pub id: SafeText,
    /// What its topic is called.
    pub title: SafeText,
}

/// What stands behind a message of the assistant; for staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reply {
    /// What it does.
    pub kind: ReplyKind,
    /// The newest record of the customer that it takes care of.
    pub seq: Seq,
    /// How the turn before failed the customer, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What the customer wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<SafeText>,
    /// How sure that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Share>,
    /// What else may be meant, most likely first; the numbers of the choices of a clarification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<IntentGuess>,
    /// What found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<AnswerSource>,
    /// What it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
    /// Which model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<SafeText>,
    /// Tokens that the model took.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens: u32,
    /// Milliseconds that the model took.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub model_ms: u32,
}

impl Reply {
    /// A reply of a kind, of which nothing else is known.
    #[must_use]
    pub const fn new(kind: ReplyKind, seq: Seq) -> Self {
        Self {
            kind,
            seq,
            failure: None,
            intent: None,
            confidence: None,
            top: Vec::new(),
            source: None,
            citations: Vec::new(),
            model: None,
            tokens: 0,
            model_ms: 0,
        }
    }
}

/// What came of a turn of the assistant. What it does to the chat the desk decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It says something; the text of [`ReplyKind::Passed`] is not said.
    Say {
        /// What.
        text: SafeText,
        /// What stands behind it.
        reply: Box<Reply>,
    },
    /// The customer says that everything is answered.
    Resolve {
        /// What stands behind it.
        reply: Box<Reply>,
    },
    /// A person must answer.
    HandOff {
        /// Why.
        reason: HandOffReason,
        /// The word, the error, or what else explains it, in one line.
        detail: Option<SafeText>,
        /// What stands behind it.
        reply: Box<Reply>,
    },
}

/// An answer that did not help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tried {
    /// Its beginning.
    pub text: SafeText,
    /// What it rested on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
}

/// What a chat was about, in the words of its customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Summary {
    /// The beginning of the first request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<SafeText>,
    /// The beginnings of the last messages of the customer, oldest first, at most 3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last: Vec<SafeText>,
    /// Addresses, numbers and dates that the customer named, at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Entity>,
    /// What the assistant answered, oldest first, at most 3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
}

/// What people are told when a chat comes from the assistant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HandOff {
    /// Why.
    pub reason: HandOffReason,
    /// The word, the error, or what else explains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<SafeText>,
    /// What the customer seems to want.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<SafeText>,
    /// How sure that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Share>,
    /// What may be meant, most likely first, at most 3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<IntentGuess>,
    /// The customer's language, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<SafeText>,
    /// What it was about.
    pub summary: Summary,
    /// The first record since the assistant got the chat.
    pub from: Seq,
    /// The last record before the hand-off.
    pub to: Seq,
    /// How long the customer had waited for an answer, in milliseconds.
    pub waited_ms: u64,
    /// The place in the queue from 1, when it was handed off.
    pub place: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde asks for")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

words! {
    /// What an [`Entity`] is.
    EntityKind {
        /// An e-mail address.
        Email "email"
        /// A telephone number.
        Phone "phone"
        /// The number of an order, an invoice or another thing.
        Number "number"
        /// An amount of money.
        Money "money"
        /// A date or a time.
        Date "date"
        /// A web address.
        Url "url"
    }
}

/// A thing that a text names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Entity {
    /// What it is.
    pub kind: EntityKind,
    /// As it was written, in one line.
    pub text: SafeText,
}
