//! Asking a model: what it is shown, that the customer sees it at work, and what is made of its
//! answer.

use std::time::Duration;

use shared::{
    assistant::{AnswerSource, Citation, HandOffReason, ReplyKind, Share, Turn},
    frame::{HubFrame, Typist},
    id::{ChatId, UserId},
    model::ActorKind,
    text::SafeText,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    Assistant,
    find::Terms,
    hear::Heard,
    knowledge::{Hit, Policy},
    prompt::{self, Question, Said, Source, Speaker},
    provider::{self, Fail, Provider},
    redact::Redaction,
    turn::{self, Mind, Sight},
    validate::{self, Accepted, Grounds, Rejection},
};
use crate::hub::wire::Encoded;

/// How often the customer is shown that the assistant is at work.
const TYPING_EVERY: Duration = Duration::from_secs(3);
/// With less time than this a model is not asked.
const TIME_LEAST: Duration = Duration::from_millis(200);

/// Why a model did not answer, and what it took all the same.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) reason: HandOffReason,
    pub(super) detail: Option<SafeText>,
    /// Nothing is wrong with the question or the model: the hub may answer as without one.
    pub(super) is_well: bool,
    spent: Option<Spent>,
}

/// What a call took.
#[derive(Clone, Debug)]
struct Spent {
    model: SafeText,
    tokens: u32,
    ms: u32,
}

impl Unanswered {
    pub(super) const fn of(reason: HandOffReason) -> Self {
        Self {
            reason,
            detail: None,
            is_well: false,
            spent: None,
        }
    }

    fn detailed(reason: HandOffReason, detail: &str) -> Self {
        Self {
            detail: Some(SafeText::line(detail)).filter(|detail| !detail.is_empty()),
            ..Self::of(reason)
        }
    }

    fn failed(fail: Fail) -> Self {
        let reason = match fail {
            Fail::Timeout => HandOffReason::ProviderTimeout,
            Fail::Blocked | Fail::Refused => HandOffReason::ProviderBlocked,
            Fail::Budget => HandOffReason::Budget,
            _ => HandOffReason::ProviderError,
        };
        Self {
            is_well: matches!(fail, Fail::Open | Fail::Busy),
            ..Self::detailed(reason, fail.word())
        }
    }

    fn rejected(rejection: &Rejection) -> Self {
        let detail = match rejection {
            Rejection::Malformed => "the model's answer is not what was asked for".to_owned(),
            Rejection::ModelEscalated(why) => why.to_string(),
            Rejection::LowConfidence(confidence) => format!("the model at {confidence}"),
            Rejection::InjectionSuspected | Rejection::Ungrounded => String::new(),
        };
        Self {
            is_well: matches!(rejection, Rejection::LowConfidence(_)),
            ..Self::detailed(rejection.reason(), &detail)
        }
    }

    /// The turn with what the model took, which counts whatever came of it.
    pub(super) fn charge(&self, mut turn: Turn) -> Turn {
        let reply = match &mut turn {
            Turn::Say { reply, .. } | Turn::Resolve { reply } | Turn::HandOff { reply, .. } => {
                reply
            }
        };
        if let Some(spent) = &self.spent {
            reply.model = Some(spent.model.clone());
            reply.tokens = spent.tokens;
            reply.model_ms = spent.ms;
        }
        turn
    }
}

impl Assistant {
    /// What a model says, if that may be said.
    pub(super) async fn ask_model(
        &self,
        heard: &Heard,
        mind: Mind<'_>,
        sight: &Sight<'_>,
        terms: Terms<'_>,
    ) -> Result<Turn, Unanswered> {
        let Some(provider) = self.provider() else {
            let detail = "no language model is configured";
            return Err(Unanswered::detailed(HandOffReason::ProviderError, detail));
        };
        // What a person must answer is not shown to it.
        let open = |hit: &&Hit<'_>| hit.topic.policy == Policy::Answer;
        let hits: Vec<Hit<'_>> = sight.hits.iter().filter(open).copied().collect();
        let sources: Vec<Source<'_>> = hits.iter().map(source).collect();
        let support = hits.first().map_or(0.0, |hit| hit.score);
        let mut redaction = Redaction::new(mind.settings.redact, Some(&heard.name));
        let history = history(heard);
        let question = Question {
            chat: terms.chat.unwrap_or_default(),
            name: &mind.settings.name,
            history: &history,
            history_messages: mind.settings.history_messages.into(),
            sources: &sources,
        };
        let canary = self.canary();
        let mut request = prompt::support(&question, canary, &mut |text| redaction.redact(text));
        request.chat = terms.chat;
        let begun = Instant::now();
        let answered = self.call(provider, &request, mind, terms).await;
        let spent = Spent {
            model: SafeText::line(&provider.health().model),
            tokens: answered.as_ref().map_or(0, |reply| {
                u32::try_from(reply.usage.total).unwrap_or(u32::MAX)
            }),
            ms: u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX),
        };
        let charged = |unanswered: Unanswered| Unanswered {
            spent: Some(spent.clone()),
            ..unanswered
        };
        let reply = answered.map_err(|fail| charged(Unanswered::failed(fail)))?;
        let grounds = Grounds {
            sources: &sources,
            support: Share::from_number(support).max(sight.confidence()),
            is_small_talk: false,
            hosts: mind.knowledge.hosts(),
            settings: mind.settings,
            canary,
        };
        let restore = |text: &str| redaction.restore(text);
        let accepted = validate::support(&reply.text, &grounds, &restore)
            .map_err(|rejection| charged(Unanswered::rejected(&rejection)))?;
        let turn = said(heard, mind, sight, &accepted, &hits);
        Ok(charged(Unanswered::of(HandOffReason::Internal)).charge(turn))
    }

    /// One call, during which the customer sees that the assistant is at work.
    async fn call(
        &self,
        provider: &Provider,
        request: &provider::Request,
        mind: Mind<'_>,
        terms: Terms<'_>,
    ) -> Result<provider::Reply, Fail> {
        if terms.until < Instant::now() + TIME_LEAST {
            return Err(Fail::Timeout);
        }
        let calling = provider.complete(request, mind.settings, terms.until, None);
        tokio::pin!(calling);
        let mut ticks = interval(TYPING_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                answered = &mut calling => {
                    self.show_typing(terms.chat, &mind.settings.name, false);
                    return answered;
                }
                () = terms.stop.cancelled() => return Err(Fail::Transport),
                _ = ticks.tick() => self.show_typing(terms.chat, &mind.settings.name, true),
            }
        }
    }

    fn show_typing(&self, chat: Option<ChatId>, name: &SafeText, on: bool) {
        let Some(chat) = chat else { return };
        let frame = HubFrame::Typing {
            chat,
            who: Typist {
                id: UserId(0),
                name: name.clone(),
                customer: false,
            },
            on,
            preview: None,
        };
        let frame = Encoded::of(&frame).whole;
        self.hub().publisher().whisper(chat, &frame, false, None);
    }
}

pub(super) fn source<'a>(hit: &Hit<'a>) -> Source<'a> {
    Source {
        id: &hit.passage.id,
        title: &hit.topic.title,
        text: &hit.passage.text,
    }
}

/// What was said before, and the customer's words last.
pub(super) fn history(heard: &Heard) -> Vec<Said<'_>> {
    let earlier = heard.earlier.iter().map(|said| Said {
        who: match said.by {
            ActorKind::Customer => Speaker::Customer,
            ActorKind::Assistant => Speaker::Assistant,
            ActorKind::Agent | ActorKind::System => Speaker::Agent,
        },
        text: &said.text,
    });
    let last = Said {
        who: Speaker::Customer,
        text: &heard.text,
    };
    earlier.chain([last]).collect()
}

/// An answer of a model that may be said.
fn said(
    heard: &Heard,
    mind: Mind<'_>,
    sight: &Sight<'_>,
    accepted: &Accepted,
    hits: &[Hit<'_>],
) -> Turn {
    let mut reply = turn::found(heard, sight, ReplyKind::Answer);
    let cited = hits
        .iter()
        .filter(|hit| accepted.citations.contains(&hit.passage.id));
    let topic = cited
        .clone()
        .next()
        .map(|hit| SafeText::line(&hit.topic.id));
    reply.citations = cited
        .map(|hit| Citation {
            id: SafeText::line(&hit.passage.id),
            title: hit.topic.title.clone(),
        })
        .collect();
    reply.intent = topic.or_else(|| Some(accepted.intent.clone()));
    reply.confidence = Some(accepted.confidence);
    reply.source = Some(AnswerSource::Provider);
    turn::answer(heard, mind, &accepted.text, reply)
}
