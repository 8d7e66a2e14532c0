//! One turn of the assistant without a model: what is said to what was heard.
//!
//! Pure: the same words, knowledge and settings give the same turn. Small talk is answered by
//! templates and is never a failure; a request is answered only when it is certain what is asked,
//! else something is offered once, else a person is called. Whether any of it may still be said is
//! decided by the desk.

use std::cmp::Reverse;

use shared::{
    assistant::{
        AnswerSource, AssistantSettings, Citation, Failure, HandOffReason, IntentGuess, Reply,
        ReplyKind, Share, Turn,
    },
    text::SafeText,
};

use super::{
    acts::{self, Act},
    hear::Heard,
    knowledge::{Hit, Knowledge, Policy, Topic, Vars},
    words,
};
use crate::desk::human::{asks_for_human, tokens::Tokens};

/// Most choices that are offered, and most guesses that people are told.
const CHOICES_MAX: usize = 3;
/// Less than this is nothing that may be meant.
const CHOICE_LEAST: f64 = 0.05;
/// Fewer words may be the beginning of a sentence.
const SENTENCE_WORDS: usize = 4;

/// What there is to answer from, and how.
#[derive(Clone, Copy)]
pub(super) struct Mind<'a> {
    pub(super) knowledge: &'a Knowledge,
    pub(super) settings: &'a AssistantSettings,
}

/// What a text seems to ask for.
#[derive(Clone, Default)]
pub(super) struct Sight<'a> {
    /// What may be meant, most likely first.
    pub(super) top: Vec<IntentGuess>,
    /// The first of it, when that is certain enough to be answered.
    pub(super) certain: bool,
    /// The passages that have to do with it, best first.
    pub(super) hits: Vec<Hit<'a>>,
}

impl Sight<'_> {
    /// How sure the best guess is.
    pub(super) fn confidence(&self) -> Share {
        self.top.first().map_or(Share::ZERO, |best| best.confidence)
    }
}

/// What the hub says by itself, and what that rests on.
pub(super) fn alone<'a>(heard: &Heard, mind: Mind<'a>) -> (Turn, Sight<'a>) {
    let sight = look(heard, mind);
    let turn = by_rule(heard, mind)
        .or_else(|| certain(heard, mind, &sight))
        .unwrap_or_else(|| unsure(heard, mind, &sight));
    (turn, sight)
}

/// What needs no looking up: a person who is asked for, a choice, a yes or no, small talk.
pub(super) fn by_rule(heard: &Heard, mind: Mind<'_>) -> Option<Turn> {
    if asks_for_human(&heard.text) {
        let reason = HandOffReason::CustomerRequest;
        return Some(hand_off(
            reason,
            None,
            Reply::new(ReplyKind::Passed, heard.seq),
        ));
    }
    if heard.text.trim().is_empty() {
        return Some(no_text(heard));
    }
    let act = acts::act(&heard.text);
    chosen(heard, mind, act)
        .or_else(|| confirmed(heard, act))
        .or_else(|| small_talk(heard, act))
}

/// A file without a word.
fn no_text(heard: &Heard) -> Turn {
    if heard.failures == 0 {
        return rephrase(heard, words::no_files(), Failure::Unclear);
    }
    let detail = "the customer sent a file";
    let reply = Reply::new(ReplyKind::Passed, heard.seq);
    hand_off(HandOffReason::LowConfidence, Some(detail), reply)
}

/// What was chosen of the numbered choices.
fn chosen(heard: &Heard, mind: Mind<'_>, act: Act) -> Option<Turn> {
    let choices = &heard.choices;
    let at = match act {
        _ if choices.is_empty() => return None,
        Act::Choice(number) => usize::from(number).checked_sub(1),
        Act::Affirm if choices.len() == 1 => Some(0),
        Act::Deny | Act::Affirm => None,
        _ => Some(named(&heard.text, choices, mind)?),
    };
    let topic = at.and_then(|at| mind.knowledge.topic(choices.get(at)?));
    let Some(topic) = topic else {
        return Some(nothing_fits(heard));
    };
    let sight = Sight {
        top: vec![guess(topic, 1.0)],
        certain: true,
        hits: Vec::new(),
    };
    certain(heard, mind, &sight)
}

/// The choice whose title a text is, or the only one that has all of its words.
fn named(text: &str, choices: &[SafeText], mind: Mind<'_>) -> Option<usize> {
    let said = Tokens::of(text);
    let said: Vec<&str> = said.words().collect();
    let mut found = None;
    for (at, id) in choices.iter().enumerate() {
        let Some(topic) = mind.knowledge.topic(id) else {
            continue;
        };
        let title = Tokens::of(&topic.title);
        let title: Vec<&str> = title.words().collect();
        if title == said {
            return Some(at);
        }
        let all_said = !said.is_empty() && said.iter().all(|word| title.contains(word));
        if all_said && found.replace(at).is_some() {
            return None;
        }
    }
    found
}

/// The choices were no help: one clarification is enough.
fn nothing_fits(heard: &Heard) -> Turn {
    let detail = "none of the choices fits";
    let reply = Reply::new(ReplyKind::Passed, heard.seq);
    hand_off(HandOffReason::RepeatedFailure, Some(detail), reply)
}

/// What the customer says to the question whether an answer helped.
fn confirmed(heard: &Heard, act: Act) -> Option<Turn> {
    if !heard.answered {
        return None;
    }
    match act {
        Act::Affirm => Some(Turn::Resolve {
            reply: Box::new(Reply::new(ReplyKind::Courtesy, heard.seq)),
        }),
        Act::Deny if has_all(&heard.text) => Some(courtesy(heard, words::goodbye())),
        Act::Deny => Some(rephrase(heard, words::what_is_missing(), Failure::Denied)),
        _ => None,
    }
}

/// "No" may mean that nothing else is needed.
fn has_all(text: &str) -> bool {
    const ENOUGH: [&str; 8] = [
        "that is all",
        "thats all",
        "nothing else",
        "nothing more",
        "no thanks",
        "no thank you",
        "im good",
        "all good",
    ];
    let tokens = Tokens::of(text);
    let words: Vec<&str> = tokens.words().collect();
    let text = format!(" {} ", words.join(" "));
    ENOUGH
        .iter()
        .any(|words| text.contains(&format!(" {words} ")))
}

fn small_talk(heard: &Heard, act: Act) -> Option<Turn> {
    let text = match act {
        Act::Greeting => words::hello(&heard.name),
        Act::Thanks if heard.answered => words::welcome(),
        Act::Thanks => words::not_yet(),
        Act::Bye => words::goodbye(),
        Act::Affirm => words::go_on(),
        Act::Deny => words::all_right(),
        Act::Request | Act::Content | Act::Choice(_) | Act::Human => return None,
    };
    Some(courtesy(heard, text))
}

/// What a text seems to ask for. The classifier knows topics by their questions; of a topic
/// without any, and of what the classifier is not sure of, words decide too.
pub(super) fn look<'a>(heard: &Heard, mind: Mind<'a>) -> Sight<'a> {
    let Mind {
        knowledge,
        settings,
    } = mind;
    let (ranking, hits) = knowledge.look_up(&heard.text, settings.top_k.into());
    let threshold = settings.answer_threshold.number();
    let margin = settings.ambiguity_margin.number();
    let mut top: Vec<IntentGuess> = Vec::new();
    for guessed in &ranking.guesses {
        if let Some(topic) = knowledge.topic(&guessed.intent) {
            top.push(guess(topic, guessed.confidence));
        }
    }
    let sure = ranking.confidence() >= threshold && ranking.margin() >= margin;
    let mut certain = sure && !top.is_empty();
    if let Some(best) = hits.first() {
        let rival = hits.iter().find(|hit| hit.topic.id != best.topic.id);
        let ahead = best.score - rival.map_or(0.0, |hit| hit.score);
        let first = top
            .first()
            .is_some_and(|first| *first.intent == *best.topic.id);
        let unknown = best.topic.questions.is_empty();
        let supported = best.score >= threshold && ahead >= margin;
        let leaning = first && ranking.confidence() >= settings.clarify_threshold.number();
        if !certain && supported && (leaning || unknown) {
            top.retain(|guess| *guess.intent != *best.topic.id);
            top.insert(0, guess(best.topic, best.score));
            certain = true;
        }
    }
    for hit in &hits {
        let known = top.iter().any(|guess| *guess.intent == *hit.topic.id);
        if !known && hit.topic.questions.is_empty() {
            top.push(guess(hit.topic, hit.score));
        }
    }
    if !certain {
        top.sort_by_key(|guess| Reverse(guess.confidence));
    }
    top.retain(|guess| guess.confidence.number() >= CHOICE_LEAST);
    top.truncate(CHOICES_MAX);
    Sight { top, certain, hits }
}

fn guess(topic: &Topic, confidence: f64) -> IntentGuess {
    IntentGuess {
        intent: SafeText::line(&topic.id),
        title: topic.title.clone(),
        confidence: Share::from_number(confidence),
    }
}

/// What is certain: the answer, or that the topic is for a person.
pub(super) fn certain(heard: &Heard, mind: Mind<'_>, sight: &Sight<'_>) -> Option<Turn> {
    let best = sight.top.first().filter(|_| sight.certain)?;
    let topic = mind.knowledge.topic(&best.intent)?;
    let mut reply = found(heard, sight, ReplyKind::Answer);
    let vars = Vars {
        customer_name: &heard.name,
        agent_name: &mind.settings.name,
        business_hours: words::HOURS,
    };
    let cited = topic.passages.first().map(|passage| Citation {
        id: SafeText::line(&passage.id),
        title: topic.title.clone(),
    });
    reply.citations = cited.into_iter().collect();
    let detail = match topic.policy {
        Policy::Answer => match topic.reply(&vars) {
            Some(text) => return Some(answer(heard, mind, &text, reply)),
            None => format!("{:?} has no answer", topic.title.as_str()),
        },
        Policy::Assist => format!("{:?} is answered by a person", topic.title.as_str()),
        Policy::Escalate => format!("{:?} is for a person", topic.title.as_str()),
    };
    Some(hand_off(
        HandOffReason::ModelEscalated,
        Some(&detail),
        reply,
    ))
}

/// An answer as it is said, with its sources if that is set.
pub(super) fn answer(heard: &Heard, mind: Mind<'_>, text: &str, mut reply: Reply) -> Turn {
    let mut titles: Vec<SafeText> = Vec::new();
    for citation in &reply.citations {
        if mind.settings.answer_sources && !titles.contains(&citation.title) {
            titles.push(citation.title.clone());
        }
    }
    reply.kind = ReplyKind::Answer;
    reply.failure = denies(heard).then_some(Failure::Denied);
    Turn::Say {
        text: words::answer(text, &titles),
        reply: Box::new(reply),
    }
}

/// A new question that begins with "no" says that the answer before did not help.
fn denies(heard: &Heard) -> bool {
    let tokens = Tokens::of(&heard.text);
    heard.answered && matches!(tokens.words().next(), Some("no" | "nope" | "wrong"))
}

/// What is not certain: choices, a wish for a sentence, or a person.
pub(super) fn unsure(heard: &Heard, mind: Mind<'_>, sight: &Sight<'_>) -> Turn {
    if heard.queued {
        return passed(heard);
    }
    if !heard.choices.is_empty() {
        return nothing_fits(heard);
    }
    let may_be = sight.confidence() >= mind.settings.clarify_threshold && !sight.top.is_empty();
    if may_be && !heard.files {
        let mut reply = found(heard, sight, ReplyKind::Clarify);
        reply.failure = Some(Failure::Unclear);
        return Turn::Say {
            text: words::choices(&sight.top),
            reply: Box::new(reply),
        };
    }
    let is_bare = acts::words(&heard.text) < SENTENCE_WORDS
        || matches!(acts::act(&heard.text), Act::Content | Act::Choice(_));
    if heard.failures == 0 && is_bare && !heard.files {
        return rephrase(heard, words::in_a_sentence(), Failure::Unclear);
    }
    low_confidence(heard, sight)
}

/// A person, since nothing is certain.
fn low_confidence(heard: &Heard, sight: &Sight<'_>) -> Turn {
    let detail = match sight.top.first() {
        _ if heard.files => "the customer sent a file".to_owned(),
        Some(best) => format!("{:?} at {}", best.title.as_str(), best.confidence),
        None => "nothing in the knowledge base is like it".to_owned(),
    };
    let reply = found(heard, sight, ReplyKind::Passed);
    hand_off(HandOffReason::LowConfidence, Some(&detail), reply)
}

/// A reply with what was found.
pub(super) fn found(heard: &Heard, sight: &Sight<'_>, kind: ReplyKind) -> Reply {
    let mut reply = Reply::new(kind, heard.seq);
    if let Some(best) = sight.top.first() {
        reply.intent = Some(best.intent.clone());
        reply.confidence = Some(best.confidence);
        reply.source = Some(AnswerSource::Embedded);
    }
    reply.top.clone_from(&sight.top);
    reply
}

/// Nothing is said.
pub(super) fn passed(heard: &Heard) -> Turn {
    Turn::Say {
        text: SafeText::default(),
        reply: Box::new(Reply::new(ReplyKind::Passed, heard.seq)),
    }
}

fn courtesy(heard: &Heard, text: SafeText) -> Turn {
    let reply = Box::new(Reply::new(ReplyKind::Courtesy, heard.seq));
    Turn::Say { text, reply }
}

fn rephrase(heard: &Heard, text: SafeText, failure: Failure) -> Turn {
    let mut reply = Box::new(Reply::new(ReplyKind::Rephrase, heard.seq));
    reply.failure = Some(failure);
    Turn::Say { text, reply }
}

pub(super) fn hand_off(reason: HandOffReason, detail: Option<&str>, reply: Reply) -> Turn {
    Turn::HandOff {
        reason,
        detail: detail.map(SafeText::line),
        reply: Box::new(reply),
    }
}
