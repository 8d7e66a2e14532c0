//! How the assistant is, for those who run the hub.

use std::time::Duration;

use shared::{
    api::{AssistantStatus, AssistantTried, KnowledgeStatus, ProviderStatus},
    assistant::Turn,
    id::{Seq, hex},
    model::ActorKind,
    text::SafeText,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Assistant,
    find::Terms,
    hear::{Heard, Said},
};
use crate::{desk::Desk, hub::Stopped};

/// Most due messages that are counted.
const JOBS_MAX: usize = 10_000;
/// Most problems that are told.
const PROBLEMS_MAX: usize = 50;

impl Assistant {
    /// How all of it is.
    ///
    /// # Errors
    /// [`Stopped`] when the hub has ended.
    pub async fn status(&self) -> Result<AssistantStatus, Stopped> {
        let now = self.hub().now();
        let (knowledge, provider) = (self.knowledge_status(), self.provider_status());
        let stale_dropped = self.stale_dropped();
        let question = move |desk: &Desk| {
            let settings = desk.assistant();
            let counts = desk.assistant_counts().clone();
            AssistantStatus {
                ready: desk.assistant_ready(),
                first_line: settings.first_line,
                mode: settings.mode,
                knowledge,
                provider,
                resolution_rate: counts.resolution_rate(),
                deflection: counts.deflection(),
                counts,
                stale_dropped,
                jobs_waiting: desk.jobs_due(now, JOBS_MAX) as u64,
            }
        };
        self.hub().ask(question).await
    }

    fn knowledge_status(&self) -> KnowledgeStatus {
        let knowledge = self.knowledge();
        let problems = self.library().map(|library| library.problems());
        let problems = problems.iter().flat_map(|problems| problems.iter());
        let questions = knowledge.topics().iter().map(|topic| topic.questions.len());
        let noted_at = *self.0.noted_at.borrow();
        KnowledgeStatus {
            topics: knowledge.topics().len() as u64,
            questions: questions.sum::<usize>() as u64,
            hash: (!knowledge.is_empty()).then(|| SafeText::line(&hex(&knowledge.hash()))),
            problems: problems
                .take(PROBLEMS_MAX)
                .map(|problem| SafeText::line(&problem.to_string()))
                .collect(),
            loaded_at: noted_at.filter(|_| !knowledge.is_empty()),
        }
    }

    /// How the model is; none without one.
    #[must_use]
    pub fn provider_status(&self) -> Option<ProviderStatus> {
        let health = self.provider()?.health();
        Some(ProviderStatus {
            kind: SafeText::line(health.kind.word()),
            host: self.0.host.clone().unwrap_or_default(),
            model: SafeText::line(&health.model),
            key_set: health.key_last4.is_some(),
            key_last4: health.key_last4.as_deref().map(SafeText::line),
            breaker: SafeText::line(health.breaker.word()),
            since: health.since,
            in_flight: health.in_flight as u64,
            waiting: health.waiting as u64,
            calls: health.calls,
            failures: health.failures,
            last_failure: health
                .last_failure
                .map(|(_, fail)| SafeText::line(fail.word())),
            last_failure_at: health.last_failure.map(|(at, _)| at),
            tokens_today: health.tokens_today,
            total_ms_p50: health.total_ms.map(|total| total.p50),
            total_ms_p95: health.total_ms.map(|total| total.p95),
        })
    }

    /// What would be said to `text` after `history`: the customer's lines and the assistant's in
    /// turn, the last one the assistant's. Nothing of it happens.
    ///
    /// # Errors
    /// [`Stopped`] when the hub has ended.
    pub async fn try_out(
        &self,
        text: &SafeText,
        history: &[SafeText],
    ) -> Result<AssistantTried, Stopped> {
        let settings = self.settings().await?;
        let of_customer = |from_end: usize| from_end % 2 == 1;
        let earlier = history.iter().enumerate().map(|(at, text)| Said {
            by: match of_customer(history.len() - 1 - at) {
                true => ActorKind::Customer,
                false => ActorKind::Assistant,
            },
            text: text.clone(),
        });
        let heard = Heard {
            seq: Seq(1),
            text: text.clone(),
            name: SafeText::line("Kim"),
            earlier: earlier.collect(),
            ..Heard::default()
        };
        let stop = CancellationToken::new();
        let terms = Terms {
            chat: None,
            tokens: 0,
            until: Instant::now() + Duration::from_secs(settings.job_deadline_s.into()),
            stop: &stop,
        };
        Ok(tried(self.answer(&heard, &settings, terms).await))
    }
}

fn tried(turn: Turn) -> AssistantTried {
    let (does, text, reason, detail, reply) = match turn {
        Turn::Say { text, reply } => ("say", Some(text), None, None, reply),
        Turn::Resolve { reply } => ("resolve", None, None, None, reply),
        Turn::HandOff {
            reason,
            detail,
            reply,
        } => ("hand_off", None, Some(reason), detail, reply),
    };
    AssistantTried {
        does: SafeText::line(does),
        text,
        reason,
        detail,
        reply: *reply,
    }
}
