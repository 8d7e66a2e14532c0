//! What the desk remembers of the assistant's part in a chat, and how records change it.
//!
//! Nothing of a running answer is kept but its lease: what is not answered follows from the
//! messages, so that no job can be lost while its message is there.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use shared::{
    assistant::{AssistantSettings, Failure, HandOffReason, Reply, ReplyKind, Summary, Tried},
    event::Event,
    id::Seq,
    model::{ActorKind, ChatState, Visibility},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

use super::super::{entities::entities, human::asks_for_human};

/// Messages of a customer, and answers, that a summary tells.
const SUMMARY_ITEMS_MAX: usize = 3;
/// Words of a text from which it counts as a request.
const REQUEST_WORDS_MIN: usize = 3;
/// Things that a summary names.
const SUMMARY_ENTITIES_MAX: usize = 8;
/// Characters of a message in a summary.
const SUMMARY_CHARS_MAX: usize = 300;
/// Newest messages of the assistant that can be called wrong.
const SAID_KEPT: usize = 50;
/// A customer who writes so soon after each message of the assistant may be a program.
const QUICK: Duration = Duration::from_millis(1_500);
/// After so many of such messages in a row it counts as one.
const QUICK_MAX: u8 = 5;
/// How long a customer may say nothing before the assistant lets the chat go.
const SILENCE_MAX: Duration = Duration::from_secs(24 * 3600);

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::desk) struct Talk {
    /// The record with which it got the chat: nothing before it is its business.
    pub(in crate::desk) since: Seq,
    /// It speaks to a customer who waits and was never its own.
    pub(in crate::desk) in_queue: bool,
    /// It has the chat, or had it last before the chat was resolved.
    pub(in crate::desk) held: bool,
    /// What the customer said and nobody has answered.
    pub(in crate::desk) unanswered: Option<Unanswered>,
    /// It looks for an answer.
    pub(in crate::desk) run: Option<Run>,
    /// A rule calls a person.
    pub(in crate::desk) call: Option<(HandOffReason, Option<SafeText>)>,
    /// The topics that it offers to choose from, by number from 1.
    pub(in crate::desk) choices: Vec<SafeText>,
    /// It gave an answer and waits to hear whether that helped.
    pub(in crate::desk) answered: bool,
    /// It has answered something since it got the chat.
    pub(in crate::desk) helped: bool,
    /// Failures in a row.
    pub(in crate::desk) failures: u8,
    /// How it failed last.
    failure: Option<Failure>,
    /// Messages since it got the chat, the greeting apart.
    pub(in crate::desk) turns: u8,
    /// What it said last.
    pub(in crate::desk) said: Option<SafeText>,
    said_at: Timestamp,
    /// Its newest messages that nobody called wrong.
    pub(in crate::desk) messages: BTreeSet<Seq>,
    /// Messages of the customer in a row that came at once.
    quick: u8,
    /// When something was last said.
    touched_at: Timestamp,
    /// A person wrote to the customer in this episode.
    pub(in crate::desk) human: bool,
    first: Option<SafeText>,
    last: VecDeque<SafeText>,
    tried: VecDeque<Tried>,
}

/// What the customer said and nobody has answered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::desk) struct Unanswered {
    /// The newest of it.
    pub(in crate::desk) seq: Seq,
    /// When the first of it was said.
    pub(in crate::desk) first_at: Timestamp,
    /// When to answer: no sooner, since more may come.
    pub(in crate::desk) ready_at: Timestamp,
    /// When it becomes a person's.
    pub(in crate::desk) answer_by: Timestamp,
}

/// A lease on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::desk) struct Run {
    /// The newest record of the customer that it answers.
    pub(in crate::desk) seq: Seq,
    /// It began anew, because the customer wrote meanwhile.
    pub(in crate::desk) again: bool,
}

impl Talk {
    /// When nothing was said for so long that the chat ends.
    pub(in crate::desk) fn silent_at(&self) -> Timestamp {
        self.touched_at.after(SILENCE_MAX)
    }

    /// What it was about.
    pub(in crate::desk) fn summary(&self) -> Summary {
        let mut found = Vec::new();
        for text in self.first.iter().chain(&self.last) {
            for entity in entities(text) {
                if found.len() < SUMMARY_ENTITIES_MAX && !found.contains(&entity) {
                    found.push(entity);
                }
            }
        }
        Summary {
            first: self.first.clone(),
            last: self.last.iter().cloned().collect(),
            entities: found,
            tried: self.tried.iter().cloned().collect(),
        }
    }

    /// The assistant gets the chat with this record.
    pub(in crate::desk) fn begin(old: Option<&Self>, seq: Seq, at: Timestamp) -> Self {
        Self {
            since: seq,
            held: true,
            touched_at: at,
            messages: old.map(|old| old.messages.clone()).unwrap_or_default(),
            human: old.is_some_and(|old| old.human),
            ..Self::default()
        }
    }

    /// It may speak to a customer who waits in the queue from this record on.
    pub(in crate::desk) fn in_queue(seq: Seq, at: Timestamp) -> Self {
        Self {
            since: seq,
            in_queue: true,
            touched_at: at,
            ..Self::default()
        }
    }

    /// Whether what the customer says in this state of the chat is its business.
    fn listens(&self, state: ChatState) -> bool {
        match state {
            ChatState::Assistant => true,
            ChatState::Waiting => self.in_queue,
            _ => false,
        }
    }

    /// Somebody else has the chat now.
    pub(in crate::desk) fn let_go(&mut self) {
        self.held = false;
        self.unanswered = None;
        self.run = None;
        self.call = None;
        self.choices.clear();
        self.answered = false;
    }

    /// Takes in a record of the chat that does not change who has it. `state` is the chat's.
    pub(in crate::desk) fn apply(
        &mut self,
        record: &Record,
        seq: Seq,
        state: ChatState,
        settings: &AssistantSettings,
    ) {
        match &record.event {
            Event::MessagePosted {
                text,
                visibility: Visibility::Public,
                ..
            } => match record.actor.kind {
                ActorKind::Customer if self.listens(state) => {
                    self.hear(text, seq, record.at, settings);
                }
                ActorKind::Assistant => {
                    self.said = Some(text.clone());
                    self.said_at = record.at;
                    self.touched_at = record.at;
                    self.messages.insert(seq);
                    if self.messages.len() > SAID_KEPT {
                        self.messages.pop_first();
                    }
                }
                ActorKind::Agent => self.human = true,
                _ => {}
            },
            Event::AssistantStarted { seq, again } => {
                self.run = Some(Run {
                    seq: *seq,
                    again: *again,
                });
            }
            Event::AssistantReplied { reply } => self.note(reply, record.at, settings),
            Event::AnswerFlagged { seq, .. } => {
                self.messages.remove(seq);
            }
            _ => {}
        }
    }

    /// The customer said something.
    pub(in crate::desk) fn hear(
        &mut self,
        text: &SafeText,
        seq: Seq,
        at: Timestamp,
        settings: &AssistantSettings,
    ) {
        self.owe(seq, at, settings);
        self.touched_at = at;
        let quick = self.said.is_some() && at.since(self.said_at) < QUICK;
        self.quick = if quick {
            self.quick.saturating_add(1)
        } else {
            0
        };
        if self.call.is_none() {
            self.call = self.called(text, settings);
        }
        // A greeting is no request.
        let said = |first: &SafeText| first.split_whitespace().count() >= REQUEST_WORDS_MIN;
        if !self.first.as_ref().is_some_and(said) && !text.is_empty() {
            let better = said(text) || self.first.is_none();
            self.first = better
                .then(|| text.beginning(SUMMARY_CHARS_MAX))
                .or(self.first.take());
        }
        self.last.push_back(text.beginning(SUMMARY_CHARS_MAX));
        if self.last.len() > SUMMARY_ITEMS_MAX {
            self.last.pop_front();
        }
    }

    /// What the customer said with this record is to be answered.
    pub(in crate::desk) fn owe(&mut self, seq: Seq, at: Timestamp, settings: &AssistantSettings) {
        let first_at = self.unanswered.map_or(at, |before| before.first_at);
        let latest = first_at.after(milliseconds(settings.debounce_max_ms));
        let ready_at = at.after(milliseconds(settings.debounce_ms)).min(latest);
        self.unanswered = Some(Unanswered {
            seq,
            first_at,
            ready_at,
            answer_by: first_at.after(Duration::from_secs(settings.job_deadline_s.into())),
        });
    }

    /// Why a person must answer what the customer said, whatever the assistant knows.
    fn called(
        &self,
        text: &SafeText,
        settings: &AssistantSettings,
    ) -> Option<(HandOffReason, Option<SafeText>)> {
        if asks_for_human(text) {
            return Some((HandOffReason::CustomerRequest, None));
        }
        if let Some(word) = keyword(text, &settings.escalate_keywords) {
            return Some((HandOffReason::KeywordRule, Some(word.clone())));
        }
        let echo = self.said.as_ref() == Some(text);
        if echo || self.quick >= QUICK_MAX {
            let why = if echo {
                "it repeats what it is told"
            } else {
                "it answers faster than a person types"
            };
            return Some((HandOffReason::BotLoop, Some(SafeText::line(why))));
        }
        None
    }

    /// The assistant is through with what the customer said up to some record.
    fn note(&mut self, reply: &Reply, at: Timestamp, settings: &AssistantSettings) {
        self.run = None;
        self.unanswered = self
            .unanswered
            .filter(|left| left.seq > reply.seq)
            .map(|left| Unanswered {
                first_at: at,
                answer_by: at.after(Duration::from_secs(settings.job_deadline_s.into())),
                ..left
            });
        if reply.kind == ReplyKind::Passed {
            return;
        }
        self.turns = self.turns.saturating_add(1);
        match (reply.failure, reply.kind) {
            (Some(failure), _) => {
                self.failures = self.failures.saturating_add(1);
                self.failure = Some(failure);
            }
            // An answer makes good what was not understood; what was denied it must outlive.
            (None, ReplyKind::Answer) if self.answered || self.failure != Some(Failure::Denied) => {
                self.failures = 0;
                self.failure = None;
            }
            _ => {}
        }
        self.choices = match reply.kind {
            ReplyKind::Clarify => reply.top.iter().map(|guess| guess.intent.clone()).collect(),
            _ => Vec::new(),
        };
        if reply.kind != ReplyKind::Courtesy || reply.failure.is_some() {
            self.answered = reply.kind == ReplyKind::Answer;
        }
        if reply.kind == ReplyKind::Answer {
            self.helped = true;
            let text = self
                .said
                .as_ref()
                .map(|said| said.beginning(SUMMARY_CHARS_MAX))
                .unwrap_or_default();
            let citations = reply.citations.clone();
            self.tried.push_back(Tried { text, citations });
            if self.tried.len() > SUMMARY_ITEMS_MAX {
                self.tried.pop_front();
            }
        }
    }
}

const fn milliseconds(count: u16) -> Duration {
    Duration::from_millis(count as u64)
}

/// The first of `keywords` that stands in a text as a word of its own, without regard to case.
fn keyword<'a>(text: &str, keywords: &'a [SafeText]) -> Option<&'a SafeText> {
    if keywords.is_empty() {
        return None;
    }
    let text = text.to_lowercase();
    keywords.iter().find(|keyword| {
        let keyword = keyword.to_lowercase();
        let mut found = text.match_indices(&keyword);
        !keyword.is_empty()
            && found.any(|(at, _)| {
                let before = text[..at].chars().next_back();
                let after = text[at + keyword.len()..].chars().next();
                let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                !in_word(before) && !in_word(after)
            })
    })
}
