//! What the assistant would do with a text if a customer began with it, by the knowledge base
//! alone: the same turn that it would take, which nobody is told.

use shared::{
    api::{KbDecision, KbGuess, KbPassage, KbTest},
    assistant::{AssistantSettings, Reply, ReplyKind, Share, Turn},
    text::SafeText,
};

use super::Knowledge;
use crate::assistant::{
    hear::Heard,
    turn::{Mind, alone},
};

/// Stands where the customer's name would.
const NAME: &str = "{{customer.name}}";

/// Tries a text.
#[must_use]
pub fn trial(knowledge: &Knowledge, settings: &AssistantSettings, text: &SafeText) -> KbTest {
    let mind = Mind {
        knowledge,
        settings,
    };
    let heard = Heard {
        text: text.clone(),
        name: SafeText::line(NAME),
        ..Heard::default()
    };
    let (turn, sight) = alone(&heard, mind);
    let (decision, reason, reply) = told(turn);
    let second = sight
        .top
        .get(1)
        .map_or(0.0, |guess| guess.confidence.number());
    let margin = sight.confidence().number() - second;
    KbTest {
        decision,
        reason,
        intent: sight.top.first().map(|best| best.intent.clone()),
        confidence: sight.confidence(),
        margin: Share::from_number(margin),
        reply,
        top: sight
            .top
            .iter()
            .map(|guess| KbGuess {
                topic: guess.intent.clone(),
                title: guess.title.clone(),
                confidence: guess.confidence,
            })
            .collect(),
        passages: sight
            .hits
            .iter()
            .map(|hit| KbPassage {
                id: SafeText::line(&hit.passage.id),
                heading: hit.passage.heading.clone(),
                text: hit.passage.text.clone(),
                score: Share::from_number(hit.score),
            })
            .collect(),
    }
}

/// What is done, why, and what would be read.
fn told(turn: Turn) -> (KbDecision, SafeText, Option<SafeText>) {
    let none = SafeText::default();
    match turn {
        Turn::Say { text, reply } => (decision(&reply), none, Some(text)),
        Turn::Resolve { .. } => (KbDecision::Courtesy, none, None),
        Turn::HandOff { reason, detail, .. } => {
            let why = detail.map_or_else(String::new, |detail| format!(": {detail}"));
            let why = SafeText::line(&format!("{reason}{why}"));
            (KbDecision::Person, why, None)
        }
    }
}

const fn decision(reply: &Reply) -> KbDecision {
    match reply.kind {
        ReplyKind::Answer => KbDecision::Answer,
        ReplyKind::Clarify => KbDecision::Clarify,
        ReplyKind::Rephrase => KbDecision::AskAgain,
        ReplyKind::Courtesy => KbDecision::Courtesy,
        ReplyKind::Passed => KbDecision::Person,
    }
}
