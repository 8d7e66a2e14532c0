//! One call of a model: its tries, what is left out for a service that does not understand it,
//! and the reading of its answer.

use bytes::Bytes;
use serde_json::Value;
use shared::assistant::AssistantSettings;
use tokio::{
    sync::mpsc,
    time::{Duration, Instant},
};

use super::{
    Charge, Fail, Inner, Kind, Reply, Request, Usage,
    client::{Answer, Body, Failed, Patience},
    gemini, millis, now, openai, retry,
    sse::Events,
    tokens,
    wire::{Dialect, Partial, Refusal, Unsupported},
};

/// How long the rest of a stream may take after the answer has ended: its cost, and its last event.
const TAIL: Duration = Duration::from_secs(1);

/// A call that was let through.
pub(super) struct Call<'a> {
    pub(super) provider: &'a Inner,
    pub(super) request: &'a Request,
    pub(super) settings: &'a AssistantSettings,
    pub(super) until: Instant,
    pub(super) repeats: u8,
    pub(super) on_text: Option<mpsc::Sender<String>>,
    pub(super) charge: Charge,
}

/// Why a try brought no answer.
enum Stopped {
    Failed(Failed),
    Adapt(Unsupported),
}

impl From<Failed> for Stopped {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

impl From<Fail> for Stopped {
    /// What is wrong with an answer that has begun is not repeated.
    fn from(fail: Fail) -> Self {
        Self::Failed(Failed {
            fail,
            repeatable: false,
        })
    }
}

impl Call<'_> {
    /// Asks until there is an answer, or another try is useless or late.
    pub(super) async fn run(mut self) -> Result<Reply, Fail> {
        let until = self.until;
        tokio::time::timeout_at(until, self.tries())
            .await
            .unwrap_or(Err(Fail::Timeout))
    }

    async fn tries(&mut self) -> Result<Reply, Fail> {
        let begun = Instant::now();
        let mut dialect = self.provider.lock().dialect;
        let mut repeat = 0;
        loop {
            let failed = match self.attempt(dialect).await {
                Ok(reply) => {
                    self.provider.lock().dialect = dialect;
                    return Ok(Reply {
                        total_ms: millis(begun.elapsed()),
                        ..reply
                    });
                }
                Err(Stopped::Adapt(unsupported)) => {
                    dialect = dialect.without(unsupported).ok_or(Fail::BadRequest)?;
                    tracing::info!(?unsupported, "the model's service does not understand this");
                    continue;
                }
                Err(Stopped::Failed(failed)) => failed,
            };
            if !failed.repeatable || repeat >= u32::from(self.repeats) {
                return Err(failed.fail);
            }
            // Without randomness the pause is the shortest one, which is no reason to fail.
            let chance = getrandom::u32().unwrap_or_default();
            let pause = retry::pause(failed.fail, repeat, chance).ok_or(failed.fail)?;
            if Instant::now() + pause >= self.until {
                return Err(failed.fail);
            }
            tokio::time::sleep(pause).await;
            repeat += 1;
        }
    }

    async fn attempt(&mut self, dialect: Dialect) -> Result<Reply, Stopped> {
        let begun = Instant::now();
        let patience = Patience {
            connect: Duration::from_millis(self.settings.provider_connect_ms.into()),
            first_byte: Duration::from_millis(self.settings.provider_first_byte_ms.into()),
        };
        let body = Bytes::from(self.body(dialect).to_string());
        let provider = self.provider;
        let answer = provider
            .client
            .post(&provider.uri, provider.key.as_ref(), body, patience)
            .await?;
        let mut body = match answer {
            Answer::Begun(body) => body,
            Answer::Refused {
                status,
                headers,
                error,
            } => {
                let asked = retry::asked(&headers, now());
                return Err(self.refused(status, asked, &error));
            }
        };
        // The service is at work: from here on it costs, whatever comes of it.
        let before = self.charge.spent;
        let asked = tokens(self.request.bytes());
        self.charge.spent = before + asked;
        let Some(first) = body.piece().await? else {
            return Err(Stopped::Failed(Failed {
                fail: Fail::Transport,
                repeatable: true,
            }));
        };
        let first_byte_ms = millis(begun.elapsed());
        let partial = self.read(first, body).await?.finish()?;
        let answered = tokens(partial.text.len());
        let usage = partial.usage.filter(|usage| usage.total > 0);
        let usage = usage.unwrap_or(Usage {
            prompt: asked,
            completion: answered,
            total: asked + answered,
        });
        self.charge.spent = before.saturating_add(usage.total);
        Ok(Reply {
            text: partial.text,
            usage,
            model: match partial.model {
                Some(model) if is_name(&model) => model,
                _ => provider.endpoint.model.clone(),
            },
            first_byte_ms,
            total_ms: 0,
        })
    }

    fn body(&self, dialect: Dialect) -> Value {
        let endpoint = &self.provider.endpoint;
        match endpoint.kind {
            Kind::OpenAi => openai::body(self.request, &endpoint.model, dialect),
            Kind::Gemini => gemini::body(self.request, dialect),
        }
    }

    fn refused(&self, status: u16, asked: Option<Duration>, error: &Value) -> Stopped {
        let refusal = match self.provider.endpoint.kind {
            Kind::OpenAi => openai::refused(status, asked, error),
            Kind::Gemini => gemini::refused(status, asked, error),
        };
        match refusal {
            Refusal::Adapt(unsupported) => Stopped::Adapt(unsupported),
            Refusal::Fail(fail) => Stopped::Failed(Failed {
                fail,
                // Whether a pause helps is decided by what it is.
                repeatable: true,
            }),
        }
    }

    /// Reads an answer, as a stream of events or, from a service that does not stream, whole.
    async fn read(&mut self, first: Bytes, body: Body) -> Result<Partial, Fail> {
        match first.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => self.read_whole(first, body).await,
            // A field's name, a comment or a byte order mark.
            None | Some(b'd' | b'e' | b'i' | b'r' | b':' | 0xef) => {
                self.read_events(first, body).await
            }
            Some(_) => Err(Fail::Malformed),
        }
    }

    async fn read_whole(&mut self, first: Bytes, mut body: Body) -> Result<Partial, Fail> {
        let mut bytes = first.to_vec();
        while let Some(piece) = body.piece().await.map_err(|failed| failed.fail)? {
            bytes.extend_from_slice(&piece);
        }
        let mut partial = Partial::default();
        self.take(&mut partial, &bytes).await?;
        Ok(partial)
    }

    async fn read_events(&mut self, first: Bytes, mut body: Body) -> Result<Partial, Fail> {
        let mut events = Events::default();
        let mut partial = Partial::default();
        let mut piece = Some(first);
        let mut end_by = self.until;
        while let Some(bytes) = piece {
            for event in events.push(&bytes).map_err(|_| Fail::Malformed)? {
                self.take(&mut partial, &event).await?;
                if partial.is_done {
                    return Ok(partial);
                }
            }
            if partial.end.is_some() {
                end_by = end_by.min(Instant::now() + TAIL);
            }
            piece = match tokio::time::timeout_at(end_by, body.piece()).await {
                Ok(Ok(piece)) => piece,
                // The answer is whole; that its end is not does no harm.
                Err(_) | Ok(Err(_)) if partial.end.is_some() => return Ok(partial),
                Err(_) => return Err(Fail::Timeout),
                Ok(Err(failed)) => return Err(failed.fail),
            };
        }
        if let Ok(Some(rest)) = events.finish()
            && self.take(&mut partial, &rest).await.is_err()
            && partial.end.is_none()
        {
            // Half an event is a connection that was cut.
            return Err(Fail::Transport);
        }
        Ok(partial)
    }

    async fn take(&mut self, partial: &mut Partial, data: &[u8]) -> Result<(), Fail> {
        if data.trim_ascii().is_empty() {
            return Ok(());
        }
        let before = partial.text.len();
        match self.provider.endpoint.kind {
            Kind::OpenAi => openai::read(partial, data)?,
            Kind::Gemini => gemini::read(partial, data)?,
        }
        let fresh = &partial.text[before..];
        self.charge.spent += tokens(fresh.len());
        if let Some(on_text) = self.on_text.as_ref().filter(|_| !fresh.is_empty()) {
            // Who does not listen any more still wants the answer.
            on_text.send(fresh.to_owned()).await.unwrap_or_default();
        }
        Ok(())
    }
}

/// The name that a service gives its model goes into records; anything else would be its text.
fn is_name(model: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:@".contains(&byte);
    (1..=200).contains(&model.len()) && model.bytes().all(fits)
}
