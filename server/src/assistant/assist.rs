//! Help for an agent who writes: proposals, passages, a summary, and what a model makes of a
//! text. Nothing of it is ever sent by itself.

use std::{collections::BTreeSet, time::Duration};

use shared::{
    api::{AssistAnswer, AssistKind, AssistRequest, Suggestion, SuggestionSource},
    assistant::{AssistantSettings, Citation},
    canned::{self, Facts},
    event::Event,
    model::{ActorKind, Canned, Chat, Visibility},
    record::Record,
    search::tokens,
    text::SafeText,
};
use tokio::time::Instant;

use super::{
    Assistant,
    hear::{Heard, Said},
    knowledge::{Hit, Vars},
    model::{history, source},
    prompt::{self, Task},
    provider::Fail,
    redact::Redaction,
    turn::{self, Mind},
    validate, words,
};
use crate::{desk::entities::entities, hub::Stopped};

/// Most proposals.
const SUGGESTIONS_MAX: usize = 3;
/// Least share of a customer's words that a canned reply has to have.
const CANNED_LEAST: f64 = 0.2;
/// Characters of a message in a summary.
const CLIP_CHARS: usize = 200;
/// Things that a summary names.
const ENTITIES_MAX: usize = 8;

/// What an agent asks about: all of it as the agent may see it.
pub struct Scene {
    /// The chat.
    pub chat: Chat,
    /// Its newest records, oldest first.
    pub records: Vec<Record>,
    /// The name of the agent.
    pub agent: SafeText,
    /// The name of the department.
    pub department: SafeText,
    /// The canned replies in sight.
    pub canned: Vec<Canned>,
}

/// Why there is no help.
#[derive(Debug, thiserror::Error)]
pub enum AssistError {
    /// What was asked for is done to a text.
    #[error("{0} needs a text; send it as text")]
    NoText(&'static str),
    /// What was asked for wants a model.
    #[error("no language model is configured; suggest, ask and summarise work without one")]
    NoModel,
    /// The model failed.
    #[error("{0}; retry later or write it yourself")]
    Failed(#[from] Fail),
    /// The model's answer is no text for people.
    #[error("the language model gave no text that can be shown; write it yourself")]
    Unfit,
    /// The hub has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl Assistant {
    /// What helps an agent.
    ///
    /// # Errors
    /// [`AssistError`]
    pub async fn assist(
        &self,
        scene: &Scene,
        request: &AssistRequest,
    ) -> Result<AssistAnswer, AssistError> {
        let kind = request.kind;
        let text = request.text.as_ref().filter(|text| !text.trim().is_empty());
        if kind.wants_text() && text.is_none() {
            return Err(AssistError::NoText(kind.word()));
        }
        let text = text.cloned().unwrap_or_default();
        let settings = self.settings().await?;
        let heard = heard(scene);
        let suggestions = match kind {
            AssistKind::Ask => self.passages(&text, &settings),
            AssistKind::Suggest => self.proposals(scene, &heard, &settings),
            _ => Vec::new(),
        };
        let language = request.language.clone();
        let language = language.or_else(|| canned::language(&scene.chat).map(SafeText::line));
        let language = language.unwrap_or_else(|| SafeText::line("en"));
        let task = match kind {
            AssistKind::Ask => None,
            AssistKind::Suggest => {
                return Ok(self.suggest(scene, &heard, &settings, suggestions).await);
            }
            AssistKind::Summarise => Some(Task::Summarise),
            AssistKind::Rewrite => Some(Task::Rewrite {
                text: &text,
                tone: request.tone.unwrap_or(shared::api::Tone::Friendlier),
            }),
            AssistKind::Grammar => Some(Task::Grammar { text: &text }),
            AssistKind::Translate => Some(Task::Translate {
                text: &text,
                language: &language,
            }),
        };
        let text = match task {
            None => None,
            Some(task) => match self.write(scene, &heard, &settings, task).await {
                Ok(text) => Some(text),
                // The words of the customer themselves are a summary too.
                Err(_) if kind == AssistKind::Summarise => Some(summary(scene)),
                Err(error) => return Err(error),
            },
        };
        Ok(AssistAnswer { suggestions, text })
    }

    /// What the knowledge base says about a text.
    fn passages(&self, text: &str, settings: &AssistantSettings) -> Vec<Suggestion> {
        let knowledge = self.knowledge();
        let hits = knowledge.search(text, settings.top_k.into());
        let passage = |hit: &Hit<'_>| Suggestion {
            title: hit.topic.title.clone(),
            text: hit.passage.text.clone(),
            source: SuggestionSource::Knowledge,
            citations: vec![citation(hit.topic.title.clone(), &hit.passage.id)],
        };
        hits.iter().map(passage).collect()
    }

    /// What may be said to the customer's last words: of the topics that may be meant, then of
    /// the canned replies that are most like them.
    fn proposals(
        &self,
        scene: &Scene,
        heard: &Heard,
        settings: &AssistantSettings,
    ) -> Vec<Suggestion> {
        let knowledge = self.knowledge();
        let mind = Mind {
            knowledge: &knowledge,
            settings,
        };
        let vars = Vars {
            customer_name: &scene.chat.name,
            agent_name: &scene.agent,
            business_hours: words::HOURS,
        };
        let sight = turn::look(heard, mind);
        let mut found: Vec<Suggestion> = Vec::new();
        for guess in &sight.top {
            let topic = knowledge.topic(&guess.intent);
            let Some((topic, text)) = topic.and_then(|topic| Some((topic, topic.reply(&vars)?)))
            else {
                continue;
            };
            let cited = topic.passages.first();
            found.push(Suggestion {
                title: topic.title.clone(),
                text,
                source: SuggestionSource::Knowledge,
                citations: cited
                    .map(|passage| citation(topic.title.clone(), &passage.id))
                    .into_iter()
                    .collect(),
            });
        }
        let likely = canned_like(scene, &heard.text);
        found.extend(likely.into_iter().take(SUGGESTIONS_MAX));
        found.truncate(2 * SUGGESTIONS_MAX);
        found
    }

    /// The proposals, with one of a model first where there is one that answers.
    async fn suggest(
        &self,
        scene: &Scene,
        heard: &Heard,
        settings: &AssistantSettings,
        mut suggestions: Vec<Suggestion>,
    ) -> AssistAnswer {
        let knowledge = self.knowledge();
        let hits = knowledge.search(&heard.text, settings.top_k.into());
        let sources: Vec<_> = hits.iter().map(source).collect();
        let task = Task::Suggest { sources: &sources };
        if let Ok(text) = self.write(scene, heard, settings, task).await {
            let suggestion = Suggestion {
                title: SafeText::line("Language model"),
                text,
                source: SuggestionSource::Model,
                citations: Vec::new(),
            };
            suggestions.insert(0, suggestion);
        }
        AssistAnswer {
            suggestions,
            text: None,
        }
    }

    /// What a model writes for an agent.
    async fn write(
        &self,
        scene: &Scene,
        heard: &Heard,
        settings: &AssistantSettings,
        task: Task<'_>,
    ) -> Result<SafeText, AssistError> {
        let provider = self.provider().ok_or(AssistError::NoModel)?;
        let mut redaction = Redaction::new(settings.redact, Some(&scene.chat.name));
        let said = history(heard);
        let mask = &mut |text: &str| redaction.redact(text);
        let request = prompt::assist(task, &said, self.canary(), mask);
        let within = Duration::from_millis(settings.provider_total_ms.into());
        let reply = provider
            .complete(&request, settings, Instant::now() + within, None)
            .await?;
        let restore = |text: &str| redaction.restore(text);
        validate::plain(&reply.text, self.canary(), &restore).ok_or(AssistError::Unfit)
    }
}

fn citation(title: SafeText, id: &str) -> Citation {
    Citation {
        id: SafeText::line(id),
        title,
    }
}

/// The public messages of a scene.
fn messages(scene: &Scene) -> Vec<Said> {
    let said = scene
        .records
        .iter()
        .filter_map(|record| match &record.event {
            Event::MessagePosted {
                text,
                visibility: Visibility::Public,
                ..
            } if !text.is_empty() && record.actor.kind != ActorKind::System => Some(Said {
                by: record.actor.kind,
                text: text.clone(),
            }),
            _ => None,
        });
    said.collect()
}

/// The customer's last words, and what was said before.
fn heard(scene: &Scene) -> Heard {
    let mut earlier = messages(scene);
    let is_customer = |said: &Said| said.by == ActorKind::Customer;
    let last = earlier.iter().rposition(is_customer);
    let Some(last) = last else {
        return Heard {
            earlier,
            ..Heard::default()
        };
    };
    let others = earlier[..last].iter().rposition(|said| !is_customer(said));
    let first = others.map_or(0, |at| at + 1);
    let texts: Vec<&str> = earlier[first..=last]
        .iter()
        .map(|said| said.text.as_str())
        .collect();
    let text = SafeText::block(&texts.join("\n"));
    earlier.drain(first..=last);
    Heard {
        text,
        name: scene.chat.name.clone(),
        earlier,
        ..Heard::default()
    }
}

/// Canned replies that share words with a text, the most first.
fn canned_like(scene: &Scene, text: &str) -> Vec<Suggestion> {
    let asked: BTreeSet<String> = tokens(text).into_iter().collect();
    let facts = Facts {
        chat: &scene.chat,
        agent: &scene.agent,
        department: &scene.department,
    };
    let mut likely = Vec::new();
    for one in &scene.canned {
        let template = canned::choose(one, None);
        let words: BTreeSet<String> = tokens(&format!("{} {template}", one.code))
            .into_iter()
            .collect();
        let share = count(asked.intersection(&words).count()) / count(asked.len().max(1));
        let expanded = canned::expand(template, &facts);
        if share >= CANNED_LEAST && expanded.unfilled.is_empty() {
            likely.push((share, one, expanded.text));
        }
    }
    likely.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.id.cmp(&b.1.id)));
    likely
        .into_iter()
        .map(|(_, one, text)| Suggestion {
            title: one.code.clone(),
            text: SafeText::block(&text),
            source: SuggestionSource::Canned,
            citations: Vec::new(),
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 words")]
const fn count(count: usize) -> f64 {
    count as f64
}

/// What a chat was about, in the words of its customer.
fn summary(scene: &Scene) -> SafeText {
    let said = messages(scene);
    let customer: Vec<&SafeText> = said
        .iter()
        .filter(|said| said.by == ActorKind::Customer)
        .map(|said| &said.text)
        .collect();
    let Some((first, rest)) = customer.split_first() else {
        return SafeText::line("The customer has said nothing yet.");
    };
    let mut lines = vec![format!(
        "First: {}",
        SafeText::line(first).beginning(CLIP_CHARS)
    )];
    for text in &rest[rest.len().saturating_sub(SUGGESTIONS_MAX)..] {
        lines.push(format!(
            "Then: {}",
            SafeText::line(text).beginning(CLIP_CHARS)
        ));
    }
    let mut named: Vec<String> = Vec::new();
    for entity in customer.iter().flat_map(|text| entities(text)) {
        let text = entity.text.to_string();
        if named.len() < ENTITIES_MAX && !named.contains(&text) {
            named.push(text);
        }
    }
    if !named.is_empty() {
        lines.push(format!("Named: {}", named.join(", ")));
    }
    let answer = said.iter().rfind(|said| said.by != ActorKind::Customer);
    if let Some(answer) = answer {
        lines.push(format!(
            "Answered last: {}",
            SafeText::line(&answer.text).beginning(CLIP_CHARS)
        ));
    }
    SafeText::block(&lines.join("\n"))
}
