//! Language models elsewhere: one thin client that speaks OpenAI's chat completions and Gemini.
//!
//! Nothing here exists without an [`Endpoint`], and an endpoint comes from the hub's own
//! configuration alone: no provider, no socket. What is asked and whether an answer is taken is
//! decided elsewhere; texts and keys are in no log, error or debug output.

mod breaker;
mod budget;
mod call;
mod client;
mod endpoint;
mod exchange;
mod gate;
mod gemini;
mod health;
mod key;
mod openai;
mod retry;
mod sse;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use hyper::{
    Uri,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use shared::{assistant::AssistantSettings, id::ChatId, time::Timestamp};
use tokio::{sync::mpsc, time::Instant};

use self::{
    breaker::{Admission, Breaker, BreakerLimits, Outcome},
    budget::{Budget, BudgetLimits},
    client::Client,
    endpoint::Base,
    gate::Gate,
    health::Counts,
    wire::Dialect,
};

pub use self::{
    breaker::BreakerState,
    endpoint::{Endpoint, EndpointError, Kind},
    exchange::{Fail, Reply, Request, Role, Turn, Usage},
    health::{Health, Quantiles},
    key::{Key, KeyError},
};

/// A model elsewhere. Clones share its connections, breaker, budget and queue.
#[derive(Clone, Debug)]
pub struct Provider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    uri: Uri,
    key: Option<(HeaderName, HeaderValue)>,
    client: Client,
    gate: Gate,
    state: Mutex<State>,
}

/// What changes from call to call; the lock is never held over anything that waits.
#[derive(Debug)]
struct State {
    dialect: Dialect,
    breaker: Breaker,
    budget: Budget,
    counts: Counts,
}

impl Provider {
    /// A client of this endpoint. Connects to nothing before the first call.
    ///
    /// # Errors
    /// [`EndpointError`]
    pub fn new(endpoint: Endpoint) -> Result<Self, EndpointError> {
        let base = Base::of(&endpoint)?;
        let uri = match endpoint.kind {
            Kind::OpenAi => base.join("chat/completions", None)?,
            Kind::Gemini => {
                let model = endpoint.model.trim_start_matches("models/");
                base.join(
                    &format!("models/{model}:streamGenerateContent"),
                    Some("alt=sse"),
                )?
            }
        };
        let (name, before) = match endpoint.kind {
            Kind::OpenAi if base.is_azure() => (HeaderName::from_static("api-key"), ""),
            Kind::OpenAi => (AUTHORIZATION, "Bearer "),
            // Never in the query, which lands in logs.
            Kind::Gemini => (HeaderName::from_static("x-goog-api-key"), ""),
        };
        let key = endpoint.key.as_ref().map(|key| (name, key.header(before)));
        let is_secure = uri.scheme_str() == Some("https");
        Ok(Self(Arc::new(Inner {
            uri,
            key,
            client: Client::new(is_secure)?,
            gate: Gate::default(),
            state: Mutex::new(State {
                dialect: Dialect::default(),
                breaker: Breaker::new(Instant::now()),
                budget: Budget::default(),
                counts: Counts::default(),
            }),
            endpoint,
        })))
    }

    /// Asks the model, and tells `on_text` what comes as it comes. Whatever the service does, this
    /// ends at `deadline`. Giving up the call ends it at the service too.
    ///
    /// # Errors
    /// [`Fail`]; what was told to `on_text` before is no answer then.
    pub async fn complete(
        &self,
        request: &Request,
        settings: &AssistantSettings,
        deadline: Instant,
        on_text: Option<mpsc::Sender<String>>,
    ) -> Result<Reply, Fail> {
        let begun = Instant::now();
        let result = self.enter(request, settings, deadline, on_text).await;
        let ms = millis(begun.elapsed());
        let (chat, asked_bytes) = (
            request.chat.as_ref().map(ToString::to_string),
            request.bytes(),
        );
        match &result {
            Ok(reply) => tracing::debug!(
                chat,
                asked_bytes,
                answer_bytes = reply.text.len(),
                tokens = reply.usage.total,
                first_byte_ms = reply.first_byte_ms,
                total_ms = ms,
                "the model answered"
            ),
            // Told once, when the breaker opened.
            Err(Fail::Open) => tracing::debug!(chat, "the model is left alone"),
            Err(fail) => tracing::warn!(
                chat,
                asked_bytes,
                fail = fail.word(),
                total_ms = ms,
                "no answer of the model"
            ),
        }
        result.map(|reply| Reply {
            total_ms: ms,
            ..reply
        })
    }

    /// Waits for a turn, and holds what the call may cost.
    async fn enter(
        &self,
        request: &Request,
        settings: &AssistantSettings,
        deadline: Instant,
        on_text: Option<mpsc::Sender<String>>,
    ) -> Result<Reply, Fail> {
        let limits = breaker_limits(settings);
        if !self.lock().breaker.would_admit(Instant::now(), limits) {
            return Err(Fail::Open);
        }
        let concurrency = usize::from(settings.provider_concurrency);
        let queue = usize::from(settings.provider_queue);
        let turn = tokio::time::timeout_at(deadline, self.0.gate.enter(concurrency, queue));
        let Ok(Ok(_slot)) = turn.await else {
            return Err(Fail::Busy);
        };
        let charge = Charge::hold(self.clone(), request, settings)?;
        // The breaker may have opened while this call waited.
        let admitted = self.lock().breaker.admit(Instant::now(), limits);
        let Some(admission) = admitted else {
            return Err(Fail::Open);
        };
        let mut passage = Passage {
            provider: self.clone(),
            admission,
            outcome: Outcome::Unknown,
            limits,
        };
        self.lock().counts.calls += 1;
        let total = Duration::from_millis(settings.provider_total_ms.into());
        let call = call::Call {
            provider: &self.0,
            request,
            settings,
            until: deadline.min(Instant::now() + total),
            // A probe is one call and no more.
            repeats: if passage.admission.is_probe {
                0
            } else {
                settings.provider_retries
            },
            on_text,
            charge,
        };
        let result = call.run().await;
        passage.outcome = outcome(&result);
        self.count(&result);
        result
    }

    fn count(&self, result: &Result<Reply, Fail>) {
        let mut state = self.lock();
        match result {
            Ok(reply) => {
                state.counts.first_byte_ms.add(reply.first_byte_ms);
                state.counts.total_ms.add(reply.total_ms);
            }
            Err(fail) => {
                state.counts.failures += 1;
                state.counts.last_failure = Some((now(), *fail));
            }
        }
    }

    /// Takes over what was spent before a restart: the tokens of this day in UTC, and of the
    /// chats that are still open.
    pub fn restore_budget(&self, today: u64, chats: impl IntoIterator<Item = (ChatId, u64)>) {
        self.lock().budget.restore(now(), today, chats);
    }

    /// How it is at this moment.
    #[must_use]
    pub fn health(&self) -> Health {
        let load = self.0.gate.load();
        let (moment, wall) = (Instant::now(), now());
        let mut state = self.lock();
        let age = millis(moment.duration_since(state.breaker.since()));
        let age = i64::try_from(age).unwrap_or(i64::MAX);
        Health {
            kind: self.0.endpoint.kind,
            model: self.0.endpoint.model.clone(),
            key_last4: self
                .0
                .endpoint
                .key
                .as_ref()
                .map(|key| key.last4().to_owned()),
            breaker: state.breaker.state(),
            since: Timestamp::from_ms(wall.as_ms().saturating_sub(age)),
            last_failure: state.counts.last_failure,
            calls: state.counts.calls,
            failures: state.counts.failures,
            tokens_today: state.budget.today(wall),
            in_flight: load.in_flight,
            waiting: load.waiting,
            first_byte_ms: state.counts.first_byte_ms.quantiles(),
            total_ms: state.counts.total_ms.quantiles(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl Inner {
    /// Nothing that holds the lock can panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the end of a call says of the service's health.
fn outcome(result: &Result<Reply, Fail>) -> Outcome {
    match result {
        Ok(_) => Outcome::Well,
        Err(fail) => match fail {
            Fail::Quota => Outcome::Exhausted,
            Fail::Auth
            | Fail::RateLimited(_)
            | Fail::Upstream(_)
            | Fail::Timeout
            | Fail::Transport
            | Fail::Malformed => Outcome::Failed,
            // It is well, and would not answer this.
            Fail::Blocked | Fail::Refused | Fail::Truncated | Fail::BadRequest => Outcome::Well,
            Fail::Busy | Fail::Open | Fail::Budget => Outcome::Unknown,
        },
    }
}

/// A call that the breaker let through; tells it the outcome even when the call is given up.
struct Passage {
    provider: Provider,
    admission: Admission,
    outcome: Outcome,
    limits: BreakerLimits,
}

impl Drop for Passage {
    fn drop(&mut self) {
        let (before, after) = {
            let mut state = self.provider.lock();
            let before = state.breaker.state();
            let now = Instant::now();
            state
                .breaker
                .settle(&self.admission, self.outcome, now, self.limits);
            (before, state.breaker.state())
        };
        match (before, after) {
            (BreakerState::Closed, BreakerState::Open) => {
                tracing::warn!("the model failed too often and is left alone for a while");
            }
            (BreakerState::Probing, BreakerState::Closed) => {
                tracing::info!("the model answers again");
            }
            _ => {}
        }
    }
}

/// What a call may cost, held until it ends, and what it has cost so far.
#[derive(Debug)]
struct Charge {
    provider: Provider,
    chat: Option<ChatId>,
    held: u64,
    spent: u64,
}

impl Charge {
    fn hold(
        provider: Provider,
        request: &Request,
        settings: &AssistantSettings,
    ) -> Result<Self, Fail> {
        let limits = BudgetLimits {
            per_chat: settings.tokens_per_chat.into(),
            per_day: settings.tokens_per_day.into(),
        };
        let held = tokens(request.bytes()) + u64::from(request.max_tokens);
        let chat = request.chat;
        provider
            .lock()
            .budget
            .hold(chat, held, now(), limits)
            .map_err(|_| Fail::Budget)?;
        Ok(Self {
            provider,
            chat,
            held,
            spent: 0,
        })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let mut state = self.provider.lock();
        state.budget.settle(self.chat, self.held, self.spent, now());
    }
}

/// Tokens of a text, when nobody counted them: four bytes each, rounded up.
fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

fn breaker_limits(settings: &AssistantSettings) -> BreakerLimits {
    BreakerLimits {
        failures: settings.breaker_failures.into(),
        window: Duration::from_secs(settings.breaker_window_s.into()),
        open: Duration::from_secs(settings.breaker_open_s.into()),
    }
}

/// The wall clock, for the day of the budget and for people.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp::default().after(since.unwrap_or_default())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
