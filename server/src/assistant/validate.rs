//! Whether an answer of a model is said to a customer.
//!
//! A model is never trusted: what it says of its own certainty counts at most as much as what the
//! knowledge base supports, what it cites has to be what it was given, and whatever could steer a
//! terminal or lead away is refused.

mod links;

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};
use shared::{
    assistant::{AssistantSettings, HandOffReason, Share},
    text::{MESSAGE_BYTES_MAX, SafeText},
};

use super::prompt::{Canary, Source};

/// Longest answer to a customer, in characters.
const ANSWER_CHARS_MAX: usize = 1_200;
/// Largest JSON that is read, in bytes.
const JSON_BYTES_MAX: usize = 16 * 1024;
/// Most passages that an answer may cite.
const CITATIONS_MAX: usize = 20;
/// Longest intent and reason, in characters.
const WORDS_CHARS_MAX: usize = 300;

/// What an answer is measured against.
#[derive(Clone, Copy)]
pub struct Grounds<'a> {
    /// The passages that the model was given.
    pub sources: &'a [Source<'a>],
    /// How far the best of them supports an answer, whatever the model says.
    pub support: Share,
    /// The customer said nothing that needs an answer from the knowledge base.
    pub is_small_talk: bool,
    /// Hosts of the web addresses in the knowledge base.
    pub hosts: &'a BTreeSet<String>,
    /// Thresholds and further hosts.
    pub settings: &'a AssistantSettings,
    /// What the instructions are known by.
    pub canary: &'a Canary,
}

/// An answer that may be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What the customer reads.
    pub text: SafeText,
    /// What the model takes the customer to want, in one line.
    pub intent: SafeText,
    /// The passages it rests on, each once.
    pub citations: Vec<String>,
    /// The model's confidence or what the knowledge base supports, whichever is less.
    pub confidence: Share,
}

/// Why an answer is not said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It is not what was asked for.
    Malformed,
    /// It leads away or steers: the instructions are in it, or a terminal's controls.
    InjectionSuspected,
    /// The model wants a person, for this reason.
    ModelEscalated(SafeText),
    /// It does not rest on what the model was given.
    Ungrounded,
    /// It is not certain enough.
    LowConfidence(Share),
}

impl Rejection {
    /// The reason of a hand-off that follows from it.
    #[must_use]
    pub const fn reason(&self) -> HandOffReason {
        match self {
            Self::Malformed => HandOffReason::ProviderError,
            Self::InjectionSuspected => HandOffReason::InjectionSuspected,
            Self::ModelEscalated(_) => HandOffReason::ModelEscalated,
            Self::Ungrounded => HandOffReason::UngroundedAnswer,
            Self::LowConfidence(_) => HandOffReason::LowConfidence,
        }
    }
}

/// What the schema asks for, all of it and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SupportReply {
    answer: String,
    intent: String,
    confidence: f64,
    escalate: bool,
    #[serde(deserialize_with = "present")]
    reason: Option<String>,
    citations: Vec<String>,
}

/// A field that may be null and must be there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

/// Takes the answer of a model to a customer, or says why not. `restore` puts back what was
/// masked: last of all, so that nothing is judged by what the customer wrote.
///
/// # Errors
/// [`Rejection`]
pub fn support(
    text: &str,
    grounds: &Grounds<'_>,
    restore: &dyn Fn(&str) -> String,
) -> Result<Accepted, Rejection> {
    if grounds.canary.is_in(text) {
        return Err(Rejection::InjectionSuspected);
    }
    let reply = parse(text).ok_or(Rejection::Malformed)?;
    // Once more, because JSON has other ways to write a letter.
    if reply.texts().any(|text| grounds.canary.is_in(text)) {
        return Err(Rejection::InjectionSuspected);
    }
    if reply.escalate {
        let reason = SafeText::line(reply.reason.as_deref().unwrap_or_default());
        return Err(Rejection::ModelEscalated(reason));
    }
    let answer = reply.answer.replace("\r\n", "\n");
    let answer = answer.trim();
    if answer.is_empty() || answer.chars().count() > ANSWER_CHARS_MAX {
        return Err(Rejection::Malformed);
    }
    if answer.chars().any(steers) {
        return Err(Rejection::InjectionSuspected);
    }
    // As it will be read: what shows nothing must not hide a link from who judges it.
    let answer = SafeText::block(answer);
    if answer.trim().is_empty() {
        return Err(Rejection::Malformed);
    }
    let citations = citations(&reply.citations, grounds).ok_or(Rejection::Ungrounded)?;
    let may_link = |host: &str| {
        let allowed = grounds.settings.allowed_hosts.iter();
        grounds.hosts.contains(host) || allowed.into_iter().any(|each| each.as_str() == host)
    };
    let is_given = |link: &str| {
        grounds
            .sources
            .iter()
            .any(|source| source.text.contains(link))
    };
    if !links::all_fit(&answer, &may_link, &is_given) {
        return Err(Rejection::Ungrounded);
    }
    let sure = Share::from_number(reply.confidence);
    let confidence = match grounds.is_small_talk && citations.is_empty() {
        true => sure,
        false => sure.min(grounds.support),
    };
    if confidence < grounds.settings.answer_threshold {
        return Err(Rejection::LowConfidence(confidence));
    }
    // A long value that is put back again and again is no message any more.
    let text = SafeText::block(&restore(&answer));
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(Rejection::Malformed);
    }
    Ok(Accepted {
        text,
        intent: SafeText::line(&reply.intent),
        citations,
        confidence,
    })
}

/// Takes a text that a model wrote for an agent. None when there is none, or when the
/// instructions are in it. Who reads it decides whether it is sent, so that links are not judged.
#[must_use]
pub fn plain(text: &str, canary: &Canary, restore: &dyn Fn(&str) -> String) -> Option<SafeText> {
    if canary.is_in(text) {
        return None;
    }
    let safe = SafeText::block(&restore(text.trim()));
    let fits = !safe.trim().is_empty() && safe.len() <= MESSAGE_BYTES_MAX;
    fits.then_some(safe)
}

impl SupportReply {
    fn texts(&self) -> impl Iterator<Item = &str> {
        let fixed = [&self.answer, &self.intent];
        let all = fixed.into_iter().chain(&self.reason).chain(&self.citations);
        all.map(String::as_str)
    }

    fn is_bounded(&self) -> bool {
        let short = |text: &str| text.chars().count() <= WORDS_CHARS_MAX;
        let mut rest = self.texts().skip(1);
        rest.all(short)
            && self.citations.len() <= CITATIONS_MAX
            && (0.0..=1.0).contains(&self.confidence)
    }
}

/// The object of JSON that a text is. Models that were asked for it by words alone like to put it
/// into a fence.
fn parse(text: &str) -> Option<SupportReply> {
    if text.len() > JSON_BYTES_MAX {
        return None;
    }
    let text = text.trim();
    let inner = text
        .strip_prefix("```json")
        .or_else(|| text.strip_prefix("```"))
        .and_then(|rest| rest.strip_suffix("```"));
    let object = inner.unwrap_or(text).trim();
    // A list would be read as the fields in their order.
    if !object.starts_with('{') {
        return None;
    }
    let reply: SupportReply = serde_json::from_str(object).ok()?;
    reply.is_bounded().then_some(reply)
}

/// The passages that an answer cites, each once; none when one of them was never given, or when
/// an answer that needs them has none.
fn citations(cited: &[String], grounds: &Grounds<'_>) -> Option<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for id in cited {
        if !grounds.sources.iter().any(|source| source.id == id) {
            return None;
        }
        if !found.contains(id) {
            found.push(id.clone());
        }
    }
    (!found.is_empty() || grounds.is_small_talk).then_some(found)
}

/// Whether a character steers a terminal or turns the order of what is read.
fn steers(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        // Tag characters: text that only a model sees.
        || matches!(c, '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests;
