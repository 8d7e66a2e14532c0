//! The assistant, the first line that answers by itself: its settings, what it says of its own
//! answers, and what it hands to the people who take over.
//!
//! Plain data. What happens to a chat is decided by the hub's desk, what is answered by the
//! hub's assistant.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{id::Seq, text::SafeText};

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

words! {
    /// When the assistant gets a new chat.
    FirstLine {
        /// Never.
        Off "off"
        /// Always.
        Always "always"
        /// When no agent of the department could be given it at once.
        WhenNoAgent "when_no_agent"
        /// When nobody of the department is online.
        AfterHours "after_hours"
    }
}

words! {
    /// What answers: the classifier and knowledge base of the hub, or a language model.
    Mode {
        /// The model where one is configured and well, else the hub itself.
        Auto "auto"
        /// The hub itself; the model for what it does not know.
        EmbeddedFirst "embedded_first"
        /// The hub itself alone.
        EmbeddedOnly "embedded_only"
        /// The model alone, and people for what it does not know.
        ProviderOnly "provider_only"
    }
}

words! {
    /// What the assistant does for a customer who waits in the queue.
    WhileQueued {
        /// Nothing.
        Silent "silent"
        /// Answers what it is sure of; the place in the queue stays.
        Assist "assist"
    }
}

words! {
    /// What is masked before text leaves the process.
    Redact {
        /// Nothing.
        Off "off"
        /// Runs of four digits and more, e-mail addresses, what follows the word password.
        Basic "basic"
        /// Besides: every digit, web addresses, the customer's name.
        Strict "strict"
    }
}

words! {
    /// What answers when the tokens of the budget are used up.
    OnExhausted {
        /// The hub itself, people for what it does not know.
        Embedded "embedded"
        /// People.
        Human "human"
    }
}

/// Makes the settings, the change of them, and the list of their names from one table.
macro_rules! settings {
    ($($(#[$doc:meta])* $key:ident: $kind:ty = $default:expr;)*) => {
        /// How the assistant is set up. Where models are and their keys is told to the hub alone,
        /// by its own configuration.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(default)]
        pub struct AssistantSettings {
            $($(#[$doc])* pub $key: $kind,)*
            /// Rises with every change of this object: the position of the last one.
            pub rev: u64,
        }

        impl Default for AssistantSettings {
            fn default() -> Self {
                Self { $($key: $default,)* rev: 0 }
            }
        }

        /// What changes in the settings of the assistant; what is not said stays.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields, default)]
        pub struct AssistantChange {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $key: Option<$kind>,)*
        }

        impl AssistantSettings {
            /// The names of the settings.
            pub const KEYS: &[&str] = &[$(stringify!($key),)*];

            /// With what `change` says; `rev` stays.
            #[must_use]
            pub fn with(mut self, change: &AssistantChange) -> Self {
                $(if let Some(value) = &change.$key { self.$key = value.clone(); })*
                self
            }

            /// The change that makes any settings these.
            #[must_use]
            pub fn whole(&self) -> AssistantChange {
                AssistantChange { $($key: Some(self.$key.clone()),)* }
            }
        }
    };
}

settings! {
    /// What the assistant is called, in one line.
    name: SafeText = SafeText::line("Assistant");
    /// When it gets a new chat.
    first_line: FirstLine = FirstLine::Off;
    /// What answers.
    mode: Mode = Mode::Auto;
    /// Confidence from which it answers.
    answer_threshold: Share = Share(700);
    /// Confidence from which it offers what may be meant; below it a person is called.
    clarify_threshold: Share = Share(300);
    /// How far the best intent must be ahead of the second to be answered.
    ambiguity_margin: Share = Share(100);
    /// Failures in a row after which a person is called: 1 to 10.
    max_failures: u8 = 2;
    /// Messages of the assistant since it got the chat, after which a person is called: 1 to 50.
    max_turns: u8 = 6;
    /// Seconds after which an unanswered message is a person's: 5 to 120.
    job_deadline_s: u16 = 25;
    /// Milliseconds to wait for more of a customer's words: 0 to 10,000.
    debounce_ms: u16 = 1_200;
    /// Most milliseconds to wait so, however fast they come: 0 to 20,000.
    debounce_max_ms: u16 = 4_000;
    /// Earlier messages that a model is shown: 0 to 50.
    history_messages: u8 = 12;
    /// What it does for those who wait.
    while_queued: WhileQueued = WhileQueued::Silent;
    /// Words that call a person at once: at most 100, of 64 bytes each.
    escalate_keywords: Vec<SafeText> = ["refund dispute", "lawyer", "complaint"].map(SafeText::line).to_vec();
    /// Whether an answer names its source.
    answer_sources: bool = true;
    /// Passages that are searched for: 1 to 10.
    top_k: u8 = 4;
    /// Hosts that an answer of a model may link to, besides those of the knowledge base.
    allowed_hosts: Vec<SafeText> = Vec::new();
    /// What is masked before text leaves the process.
    redact: Redact = Redact::Basic;
    /// Tokens of a model for one chat; 0 for no limit.
    tokens_per_chat: u32 = 20_000;
    /// Tokens of a model for all chats of a day in UTC; 0 for no limit.
    tokens_per_day: u32 = 500_000;
    /// What answers when they are used up.
    on_exhausted: OnExhausted = OnExhausted::Embedded;
    /// Milliseconds to connect to a model: 100 to 60,000.
    provider_connect_ms: u16 = 3_000;
    /// Milliseconds to its first byte: 100 to 60,000.
    provider_first_byte_ms: u16 = 10_000;
    /// Milliseconds for all of its answer: 100 to 60,000.
    provider_total_ms: u16 = 20_000;
    /// Repeats after a failure before the first byte: 0 to 3.
    provider_retries: u8 = 1;
    /// Failures within `breaker_window_s` that open the breaker: 1 to 100.
    breaker_failures: u8 = 5;
    /// Seconds in which they count: 1 to 3,600.
    breaker_window_s: u16 = 30;
    /// Seconds that it stays open before one call is tried: 1 to 3,600.
    breaker_open_s: u16 = 30;
    /// Calls of a model at once: 1 to 64.
    provider_concurrency: u8 = 8;
    /// Calls that may wait for their turn: 0 to 1,024.
    provider_queue: u16 = 64;
}

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

/// What the assistant and its customers have done since the desk began. The shares are of
/// conversations: [`resolution_rate`](Self::resolution_rate) and
/// [`deflection`](Self::deflection) are shown together, since each alone flatters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AssistantCounts {
    /// Episodes of chats that the assistant took part in.
    pub conversations: u64,
    /// Answers.
    pub answered: u64,
    /// Clarifications.
    pub clarified: u64,
    /// Hand-offs.
    pub handed_off: std::collections::BTreeMap<HandOffReason, u64>,
    /// Conversations whose customer said that they were answered.
    pub resolved_hard: u64,
    /// Conversations that ended after an answer, without a word.
    pub resolved_soft: u64,
    /// Conversations that ended with the assistant before anything was answered.
    pub abandoned: u64,
    /// Resolved conversations that were reopened.
    pub reopened: u64,
    /// Conversations that ended after an answer and without a message of a person.
    pub deflected: u64,
    /// Answers that staff called wrong.
    pub flagged: u64,
    /// Tokens that models took.
    pub tokens: u64,
    /// Milliseconds that models took.
    pub model_ms: u64,
}

impl AssistantCounts {
    /// Conversations that were resolved and not reopened, of all; none before the first.
    #[must_use]
    pub fn resolution_rate(&self) -> Option<Share> {
        let resolved = self.resolved_hard + self.resolved_soft;
        share(resolved.saturating_sub(self.reopened), self.conversations)
    }

    /// Conversations that ended after an answer and without a person's message, of all; none
    /// before the first. A customer who gave up in the queue was not deflected.
    #[must_use]
    pub fn deflection(&self) -> Option<Share> {
        share(self.deflected, self.conversations)
    }
}

fn share(part: u64, whole: u64) -> Option<Share> {
    let thousandths = (part.min(whole) * 1_000 + whole / 2).checked_div(whole)?;
    Some(Share::from_thousandths(
        u16::try_from(thousandths).unwrap_or(u16::MAX),
    ))
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
