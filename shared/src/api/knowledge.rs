//! What the hub tells of the knowledge base of its assistant.

use serde::{Deserialize, Serialize};

use crate::{assistant::Share, id::ChatId, text::SafeText};

/// What the assistant does with a question about a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KbPolicy {
    /// Answers it.
    Answer,
    /// Leaves the answer to a person, who is shown what the topic says.
    Assist,
    /// Calls a person at once.
    Escalate,
}

impl KbPolicy {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Assist => "assist",
            Self::Escalate => "escalate",
        }
    }
}

/// A topic of the knowledge base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KbTopic {
    /// Its name in citations and for the classifier.
    pub id: SafeText,
    /// Its name for people.
    pub title: SafeText,
    /// What the assistant does with it.
    pub policy: KbPolicy,
    /// How many questions it is known by.
    pub questions: u64,
    /// How many passages can be cited.
    pub passages: u64,
    /// Names under which reports count it, besides its id.
    pub intents: Vec<SafeText>,
    /// The language of its text.
    pub lang: Option<SafeText>,
    /// The day it was last looked through.
    pub updated: Option<SafeText>,
    /// Its file, from the folder of the knowledge base.
    pub file: SafeText,
}

/// How much something that was found matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KbSeverity {
    /// It keeps a file from being used.
    Error,
    /// It makes wrong answers.
    Warning,
    /// It could be better.
    Note,
}

impl KbSeverity {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Something that is wrong with the knowledge base, or could be better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KbFinding {
    /// How much it matters.
    pub severity: KbSeverity,
    /// The file, from the folder; empty for the folder itself.
    pub file: SafeText,
    /// The line of the file, from 1.
    pub line: Option<u64>,
    /// The topic, where it could be read.
    pub topic: Option<SafeText>,
    /// What, and what to do.
    pub message: SafeText,
}

/// A topic that is taken for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KbConfusion {
    /// The topic that was asked for.
    pub asked: SafeText,
    /// The topic that it was taken for.
    pub taken_for: SafeText,
    /// How many questions.
    pub questions: u64,
}

/// How good the knowledge base is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KbCheck {
    /// Topics that serve now.
    pub topics: u64,
    /// Their questions.
    pub questions: u64,
    /// Share of questions that are told to be of their topic by a classifier that was not shown
    /// them; none with too few to say.
    pub accuracy: Option<Share>,
    /// What is taken for what, most often first.
    pub confusions: Vec<KbConfusion>,
    /// What is wrong or could be better, what matters most first.
    pub findings: Vec<KbFinding>,
    /// Findings that are left out.
    pub omitted: u64,
}

/// A text to try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KbTry {
    /// What a customer might write.
    pub text: SafeText,
}

/// What the assistant would do, without a model elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KbDecision {
    /// Answer.
    Answer,
    /// Offer what may be meant, by number.
    Clarify,
    /// Ask for a whole sentence, once.
    AskAgain,
    /// Greet, thank or take leave.
    Courtesy,
    /// Call a person.
    Person,
}

impl KbDecision {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Clarify => "clarify",
            Self::AskAgain => "ask_again",
            Self::Courtesy => "courtesy",
            Self::Person => "person",
        }
    }
}

/// A topic that a text may be about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KbGuess {
    /// Which.
    pub topic: SafeText,
    /// Its name for people.
    pub title: SafeText,
    /// How sure the classifier is.
    pub confidence: Share,
}

/// A passage that has to do with a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KbPassage {
    /// What an answer cites.
    pub id: SafeText,
    /// The headings it stands under.
    pub heading: SafeText,
    /// Its text.
    pub text: SafeText,
    /// How likely it is that it speaks of what was asked.
    pub score: Share,
}

/// What the knowledge base makes of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KbTest {
    /// What the assistant would do.
    pub decision: KbDecision,
    /// Why.
    pub reason: SafeText,
    /// The topic that is meant most likely.
    pub intent: Option<SafeText>,
    /// How sure that is.
    pub confidence: Share,
    /// How much surer than the next.
    pub margin: Share,
    /// What the customer would read.
    pub reply: Option<SafeText>,
    /// The topics that may be meant, best first, at most three.
    pub top: Vec<KbGuess>,
    /// The passages that have to do with it, best first.
    pub passages: Vec<KbPassage>,
}

/// What could be added to the knowledge base, or mended in it. Personal data are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KbSuggestion {
    /// Staff called an answer of the assistant wrong: this is to be mended, not added.
    pub flagged: bool,
    /// The topic that the wrong answer was from.
    pub topic: Option<SafeText>,
    /// What may become its title.
    pub title: SafeText,
    /// How customers asked.
    pub questions: Vec<SafeText>,
    /// What people answered; empty where nobody did.
    pub answer: SafeText,
    /// What the assistant said that was wrong, and why if that was said.
    pub wrong: Option<SafeText>,
    /// The chats it comes from, the newest first.
    pub chats: Vec<ChatId>,
    /// A name for a file of it.
    pub file: SafeText,
    /// The whole file, to be looked through.
    pub markdown: SafeText,
}

/// What the chats of people say that the knowledge base lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KbSuggestions {
    /// What to mend first, then what to add; what was asked most often first.
    pub items: Vec<KbSuggestion>,
    /// Chats that were looked at, the newest first.
    pub chats: u64,
    /// Whether there was no time for older chats.
    pub partial: bool,
}
