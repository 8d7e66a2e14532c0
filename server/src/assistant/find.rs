//! Finding what is said to a job: the hub's own knowledge, and a model where one is configured.
//!
//! A model is asked only for what needs looking up, and what it could not answer the hub answers
//! itself if it is certain; else a person does.

use std::time::Duration;

use shared::{
    assistant::{AssistantSettings, HandOffReason, Mode, OnExhausted, Reply, ReplyKind, Turn},
    id::{ChatId, Seq},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Assistant,
    hear::{Heard, hear},
    injection::suspicious,
    model::Unanswered,
    turn::{self, Mind, Sight},
};
use crate::{desk::assistant::Job, failpoint::Point, hub::Stopped};

/// Time that is left for telling the desk before a message becomes a person's.
const MARGIN: Duration = Duration::from_millis(1_500);

/// Within what a model may be asked.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    /// On whose budget; none for a trial.
    pub(super) chat: Option<ChatId>,
    /// Tokens that the chat has taken.
    pub(super) tokens: u32,
    /// Until when.
    pub(super) until: Instant,
    /// Gives it up.
    pub(super) stop: &'a CancellationToken,
}

impl Assistant {
    /// What is said to a job.
    ///
    /// # Errors
    /// [`Stopped`] when the hub has ended.
    pub(super) async fn find(&self, job: &Job, stop: &CancellationToken) -> Result<Turn, Stopped> {
        let settings = self.settings().await?;
        let heard = match hear(self.hub(), job).await {
            Ok(heard) => heard,
            Err(error) => {
                tracing::error!(%error, chat = %job.chat, "a chat could not be read");
                return Ok(internal(job.seq, "the chat could not be read"));
            }
        };
        Point::WithinTurn.reach();
        let left = job.answer_by.since(self.hub().now());
        let terms = Terms {
            chat: Some(job.chat),
            tokens: job.tokens,
            until: Instant::now() + left.saturating_sub(MARGIN),
            stop,
        };
        Ok(self.answer(&heard, &settings, terms).await)
    }

    /// What is said to what was heard.
    pub(super) async fn answer(
        &self,
        heard: &Heard,
        settings: &AssistantSettings,
        terms: Terms<'_>,
    ) -> Turn {
        let knowledge = self.knowledge();
        let mind = Mind {
            knowledge: &knowledge,
            settings,
        };
        if let Some(turn) = turn::by_rule(heard, mind) {
            return turn;
        }
        let sight = turn::look(heard, mind);
        let own = turn::certain(heard, mind, &sight);
        let is_for_people = matches!(own, Some(Turn::HandOff { .. }));
        let own_first = is_for_people || settings.mode == Mode::EmbeddedFirst || heard.queued;
        let no_model = self.provider().is_none() || settings.mode == Mode::EmbeddedOnly;
        let fallback = Fallback {
            heard,
            mind,
            sight: &sight,
        };
        match own {
            Some(turn) if own_first || no_model && settings.mode != Mode::ProviderOnly => turn,
            None if no_model && settings.mode != Mode::ProviderOnly || heard.queued => {
                turn::unsure(heard, mind, &sight)
            }
            own if suspicious(&heard.text) => {
                fallback.turn(own, Unanswered::of(HandOffReason::InjectionSuspected))
            }
            own if is_spent(settings, terms.tokens) => {
                fallback.turn(own, Unanswered::of(HandOffReason::Budget))
            }
            own => match self.ask_model(heard, mind, &sight, terms).await {
                Ok(turn) => turn,
                Err(unanswered) => fallback.turn(own, unanswered),
            },
        }
    }

    pub(super) async fn settings(&self) -> Result<AssistantSettings, Stopped> {
        self.hub().ask(|desk| desk.assistant().clone()).await
    }
}

fn is_spent(settings: &AssistantSettings, tokens: u32) -> bool {
    settings.tokens_per_chat != 0 && tokens >= settings.tokens_per_chat
}

/// What is said instead of what a model did not.
struct Fallback<'a> {
    heard: &'a Heard,
    mind: Mind<'a>,
    sight: &'a Sight<'a>,
}

impl Fallback<'_> {
    fn turn(&self, own: Option<Turn>, unanswered: Unanswered) -> Turn {
        let settings = self.mind.settings;
        let people = settings.mode == Mode::ProviderOnly
            || unanswered.reason == HandOffReason::ModelEscalated
            || (unanswered.reason == HandOffReason::Budget
                && settings.on_exhausted == OnExhausted::Human);
        let turn = match own.filter(|_| !people) {
            Some(turn) => turn,
            None if unanswered.is_well && !people => {
                turn::unsure(self.heard, self.mind, self.sight)
            }
            None => {
                let reply = turn::found(self.heard, self.sight, ReplyKind::Passed);
                turn::hand_off(unanswered.reason, unanswered.detail.as_deref(), reply)
            }
        };
        unanswered.charge(turn)
    }
}

/// The hub failed; a person must answer.
pub(super) fn internal(seq: Seq, detail: &str) -> Turn {
    let reply = Reply::new(ReplyKind::Passed, seq);
    turn::hand_off(HandOffReason::Internal, Some(detail), reply)
}
