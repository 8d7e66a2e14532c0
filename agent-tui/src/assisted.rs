//! What the assistant does and did, in words: in a chat that it has, behind an answer, at a
//! hand-off. Pure; the texts of others are cleaned where they are drawn.

use shared::{
    assistant::{
        AnswerSource, Citation, EntityKind, HandOff, HandOffReason, IntentGuess, Reply, ReplyKind,
        Share,
    },
    event::Event,
    fold::ChatView,
    id::ChatId,
    model::{ActorKind, Chat, Visibility},
    record::Record,
};

use crate::model::Model;

/// What stands behind the name of the assistant in lines.
pub const AI: &str = "(AI)";
/// Characters of an answer that is named.
const NAMED_CHARS: usize = 40;

/// What the assistant does in a chat that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// There is something to answer.
    Answers,
    /// It looks for an answer.
    Looks,
    /// It has said its part.
    Waits,
}

impl Doing {
    /// What it does, as the newest records tell.
    pub fn of(view: &ChatView) -> Self {
        let newest = view.events.iter().rev();
        let mut known = newest.filter_map(|record| match (&record.event, record.actor.kind) {
            (Event::AssistantStarted { .. }, _) => Some(Self::Looks),
            (Event::AssistantReplied { .. }, _) => Some(Self::Waits),
            (
                Event::MessagePosted {
                    visibility: Visibility::Public,
                    ..
                },
                kind,
            ) => match kind {
                ActorKind::Customer => Some(Self::Answers),
                ActorKind::Assistant => Some(Self::Waits),
                ActorKind::Agent | ActorKind::System => None,
            },
            _ => None,
        });
        known.next().unwrap_or(Self::Waits)
    }

    /// In one word of seven columns at most, for a list.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Looks => "looks",
            Self::Waits => "waits",
        }
    }

    /// In full.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Looks => "looks for an answer",
            Self::Waits => "waits for the customer",
        }
    }
}

/// Why a chat was handed off, in words.
pub const fn reason_words(reason: HandOffReason) -> &'static str {
    match reason {
        HandOffReason::CustomerRequest => "the customer asked for a person",
        HandOffReason::KeywordRule => "a word calls a person",
        HandOffReason::LowConfidence => "it was sure of no answer",
        HandOffReason::RepeatedFailure => "its answers did not help",
        HandOffReason::RepeatedAnswer => "it would have said the same again",
        HandOffReason::MaxTurns => "it has said as much as it may",
        HandOffReason::ModelEscalated => "the topic is for a person",
        HandOffReason::UngroundedAnswer => "its answer has no source",
        HandOffReason::ProviderError => "the model failed",
        HandOffReason::ProviderTimeout => "there was no answer in time",
        HandOffReason::ProviderBlocked => "the model refused to answer",
        HandOffReason::Budget => "the budget of the model is used up",
        HandOffReason::InjectionSuspected => "somebody may trick the model",
        HandOffReason::AfterHours => "it is for after hours only",
        HandOffReason::BotLoop => "a program seems to write",
        HandOffReason::Operator => "it was switched off",
        HandOffReason::Internal => "the hub failed or restarted",
    }
}

const fn kind_words(kind: ReplyKind) -> &'static str {
    match kind {
        ReplyKind::Answer => "answer",
        ReplyKind::Clarify => "asks which is meant",
        ReplyKind::Rephrase => "asks for other words",
        ReplyKind::Courtesy => "courtesy",
        ReplyKind::Passed => "says nothing",
    }
}

const fn entity_word(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Email => "e-mail",
        EntityKind::Phone => "telephone",
        EntityKind::Number => "number",
        EntityKind::Money => "money",
        EntityKind::Date => "date",
        EntityKind::Url => "link",
    }
}

/// What the assistant has to do with a record, in words; none for what nobody needs to read.
pub fn event_text(model: &Model, record: &Record) -> Option<String> {
    use shared::assistant::AssistantReason::{Opened, Reopened, Returned};

    let by = &record.actor.name;
    Some(match &record.event {
        Event::AssistantAssigned { reason: Opened, .. } => "the assistant answers".to_owned(),
        Event::AssistantAssigned {
            reason: Reopened, ..
        } => "the assistant answers again".to_owned(),
        // The desk's own line, which the customer reads too, says as much.
        Event::AssistantAssigned {
            reason: Returned, ..
        } => return None,
        Event::AssistantReplied { reply } => reply_text(reply)?,
        Event::HandedOff { hand_off } => {
            format!("handed off by the assistant: {}", why(hand_off))
        }
        Event::AnswerFlagged { seq, reason } => {
            let view = model.view.chats.get(&record.chat?);
            let mut events = view.into_iter().flat_map(|view| &view.events);
            let answer = events.find_map(|record| match &record.event {
                Event::MessagePosted { text, .. } if record.seq == Some(*seq) => Some(text),
                _ => None,
            });
            let mut text = format!("{by} calls an answer wrong");
            if let Some(answer) = answer {
                let begun: String = answer.chars().take(NAMED_CHARS).collect();
                let dots = if begun.len() < answer.len() { ".." } else { "" };
                let begun = begun.replace(['"', '\n'], " ");
                text.push_str(&format!(": \"{begun}{dots}\""));
            }
            if let Some(reason) = reason {
                text.push_str(&format!(" - {reason}"));
            }
            text
        }
        _ => return None,
    })
}

/// What stands behind a message of the assistant.
fn reply_text(reply: &Reply) -> Option<String> {
    if reply.kind == ReplyKind::Passed {
        return None;
    }
    let mut text = format!("AI {}", kind_words(reply.kind));
    if let Some(intent) = &reply.intent {
        text.push_str(&format!(": {intent}"));
        if let Some(confidence) = reply.confidence {
            text.push_str(&format!(" {:.2}", confidence.number()));
        }
    }
    match (reply.source, &reply.model) {
        (Some(AnswerSource::Embedded), _) => text.push_str("; by the hub itself"),
        (Some(AnswerSource::Provider), Some(name)) => {
            text.push_str(&format!("; by the model {name}"));
        }
        (Some(AnswerSource::Provider), None) => text.push_str("; by the model"),
        (None, _) => {}
    }
    if !reply.citations.is_empty() {
        text.push_str(&format!("; from {}", sources(&reply.citations)));
    }
    Some(text)
}

/// The passages that something rests on.
pub fn sources(citations: &[Citation]) -> String {
    let named = citations
        .iter()
        .map(|one| format!("{} {}", one.id, one.title));
    named.collect::<Vec<_>>().join(", ")
}

fn why(hand_off: &HandOff) -> String {
    let reason = reason_words(hand_off.reason);
    match &hand_off.detail {
        Some(detail) => format!("{reason} ({detail})"),
        None => reason.to_owned(),
    }
}

/// The hand-off that a chat came with, while it is a person's or waits for one.
pub fn hand_off(chat: &Chat) -> Option<&HandOff> {
    use shared::model::ChatState::{Active, Hold, Offered, Snoozed, Waiting};

    let person = matches!(chat.state, Waiting | Offered | Active | Hold | Snoozed);
    chat.hand_off.as_deref().filter(|_| person)
}

/// The card of a hand-off: why, and what else is known, each with what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Why it was handed off.
    pub why: String,
    /// What else, most useful first.
    pub lines: Vec<(&'static str, String)>,
}

impl Card {
    /// What the assistant told of a chat.
    pub fn of(hand_off: &HandOff) -> Self {
        let mut lines = Vec::new();
        if let Some(wants) = wants(hand_off) {
            lines.push(("wants", wants));
        }
        let summary = &hand_off.summary;
        lines.extend(summary.first.iter().map(|text| ("first", text.to_string())));
        let last = summary.last.iter();
        let last = last.filter(|text| Some(*text) != summary.first.as_ref());
        lines.extend(last.map(|text| ("later", text.to_string())));
        if !summary.entities.is_empty() {
            let named = summary.entities.iter();
            let named = named.map(|one| format!("{} {}", entity_word(one.kind), one.text));
            lines.push(("named", named.collect::<Vec<_>>().join(", ")));
        }
        for tried in &summary.tried {
            let mut text = String::new();
            if !tried.citations.is_empty() {
                text = format!("[{}] ", sources(&tried.citations));
            }
            text.push_str(&tried.text);
            lines.push(("tried", text));
        }
        let mut waited = format!("{} s", hand_off.waited_ms.div_ceil(1_000));
        if hand_off.place > 0 {
            waited.push_str(&format!(", then number {} in the queue", hand_off.place));
        }
        if let Some(language) = &hand_off.language {
            waited.push_str(&format!(", language {language}"));
        }
        lines.push(("waited", waited));
        // Each is one row, whatever others wrote.
        for (_, text) in &mut lines {
            *text = text.replace('\n', " ");
        }
        Self {
            why: why(hand_off).replace('\n', " "),
            lines,
        }
    }
}

/// What the customer seems to want, and what else it may be.
fn wants(hand_off: &HandOff) -> Option<String> {
    let with = |what: &str, confidence: Option<Share>| match confidence {
        Some(confidence) => format!("{what} {:.2}", confidence.number()),
        None => what.to_owned(),
    };
    let guess = |guess: &IntentGuess| with(&guess.title, Some(guess.confidence));
    let is_first = |guess: &&IntentGuess| Some(&guess.intent) == hand_off.intent.as_ref();
    let first = hand_off.intent.as_ref().map(|intent| {
        let titled = hand_off.top.iter().find(is_first);
        with(
            titled.map_or(intent, |guess| &guess.title),
            hand_off.confidence,
        )
    });
    let others = hand_off
        .top
        .iter()
        .filter(|guess| !is_first(guess))
        .map(guess);
    let others = others.collect::<Vec<_>>().join(", ");
    match (first, others.is_empty()) {
        (Some(first), true) => Some(first),
        (Some(first), false) => Some(format!("{first}, or {others}")),
        (None, true) => None,
        (None, false) => Some(format!("perhaps {others}")),
    }
}

/// Rows of the card in a pane of so many rows between its title and its status: none, the one
/// that says why, or all that there is room for.
pub fn card_rows(model: &Model, chat: ChatId, rows: u16) -> u16 {
    /// From so many rows on the card is open unless it was closed.
    const ROOMY: u16 = 24;
    /// Rows that are left to the messages beside an open card.
    const MESSAGES: u16 = 4;

    let view = model.view.chats.get(&chat);
    let Some(told) = view.and_then(|view| hand_off(&view.chat)) else {
        return 0;
    };
    let by_hand = model.threads.get(&chat).and_then(|thread| thread.card);
    if !by_hand.unwrap_or(rows >= ROOMY) {
        return u16::from(rows >= MESSAGES);
    }
    let wanted = u16::try_from(Card::of(told).lines.len() + 2).unwrap_or(u16::MAX);
    let left = if rows >= 2 * MESSAGES { MESSAGES } else { 1 };
    wanted.min(rows.saturating_sub(left))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::assistant::{HandOffReason, ReplyKind};

    use super::{Doing, kind_words, reason_words};

    #[test]
    fn every_reason_and_every_kind_has_words_of_its_own() {
        let reasons: BTreeSet<&str> = HandOffReason::ALL
            .iter()
            .copied()
            .map(reason_words)
            .collect();
        assert_eq!(reasons.len(), HandOffReason::ALL.len());
        let kinds: BTreeSet<&str> = ReplyKind::ALL.iter().copied().map(kind_words).collect();
        assert_eq!(kinds.len(), ReplyKind::ALL.len());
        assert!(reasons.iter().all(|words| words.len() <= 34), "{reasons:?}");
    }

    #[test]
    fn what_it_does_fits_the_list() {
        for doing in [Doing::Answers, Doing::Looks, Doing::Waits] {
            assert!(doing.word().len() <= 7);
        }
    }
}
