//! How the assistant is set up: one table makes the settings, the change of them and their names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Share, words};
use crate::text::SafeText;

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
