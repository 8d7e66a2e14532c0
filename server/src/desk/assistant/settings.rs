//! How the settings of the assistant change, and what it has to answer from.

use shared::{
    assistant::{AssistantChange, AssistantSettings, FirstLine},
    event::Event,
    text::SafeText,
};

use super::super::{Desk, NewRecord, Party, Rejection, form, system};

/// Most words that call a person, and most hosts that may be linked to.
const LIST_ITEMS_MAX: usize = 100;
/// Longest such word or host.
const LIST_ITEM_BYTES_MAX: usize = 64;
/// Milliseconds that have to be left for an answer when the wait for more words is over.
const ANSWER_LEAST_MS: u32 = 2_000;

impl Desk {
    /// How the assistant is set up.
    #[must_use]
    pub const fn assistant(&self) -> &AssistantSettings {
        &self.facts.assistant
    }

    /// Whether the assistant has anything to answer from.
    #[must_use]
    pub const fn assistant_ready(&self) -> bool {
        self.facts.knowledge.topics > 0 || self.facts.knowledge.provider
    }

    pub(in crate::desk) fn update_assistant(
        &self,
        party: &Party<'_>,
        change: &AssistantChange,
        rev: Option<u64>,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let old = self.assistant();
        if rev.is_some_and(|rev| rev != old.rev) {
            return Err(Rejection::Revised {
                what: SafeText::line("the settings of the assistant"),
                rev: old.rev,
            });
        }
        let mut new = old.clone().with(change);
        new.name = form::name("name", &new.name)?;
        new.escalate_keywords = list("escalate_keywords", &new.escalate_keywords)?;
        new.allowed_hosts = list("allowed_hosts", &new.allowed_hosts)?;
        check(&new)?;
        if new == *old {
            return Ok(Vec::new());
        }
        let begins = old.first_line == FirstLine::Off && new.first_line != FirstLine::Off;
        if begins && !self.assistant_ready() {
            return Err(Rejection::AssistantNotReady);
        }
        let settings = Box::new(new);
        let updated = Event::AssistantUpdated { settings };
        Ok(vec![NewRecord::of_desk(party.actor(), updated)])
    }

    pub(in crate::desk) fn note_knowledge(
        &self,
        topics: u32,
        questions: u32,
        provider: bool,
        hash: &SafeText,
    ) -> Vec<NewRecord> {
        let known = &self.facts.knowledge;
        if known.topics == topics && known.provider == provider && known.hash == *hash {
            return Vec::new();
        }
        let loaded = Event::KnowledgeLoaded {
            topics,
            questions,
            provider,
            hash: hash.clone(),
        };
        vec![NewRecord::of_desk(system("knowledge"), loaded)]
    }
}

/// A list of short lines, cleaned, each once.
fn list(field: &'static str, raw: &[SafeText]) -> Result<Vec<SafeText>, Rejection> {
    let mut lines: Vec<SafeText> = Vec::new();
    for item in raw {
        let line = form::line(field, item)?;
        if line.len() > LIST_ITEM_BYTES_MAX {
            return Err(Rejection::TooLarge {
                field,
                bytes: line.len(),
                bytes_max: LIST_ITEM_BYTES_MAX,
            });
        }
        if !line.is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.len() > LIST_ITEMS_MAX {
        let problem = format!("are more than {LIST_ITEMS_MAX}; take some out");
        return Err(Rejection::invalid(field, problem));
    }
    Ok(lines)
}

/// The ranges of numbers, and what must not be above what.
fn check(settings: &AssistantSettings) -> Result<(), Rejection> {
    let ranges: [(&str, u32, u32, u32); 15] = [
        ("max_failures", settings.max_failures.into(), 1, 10),
        ("max_turns", settings.max_turns.into(), 1, 50),
        ("job_deadline_s", settings.job_deadline_s.into(), 5, 120),
        ("debounce_ms", settings.debounce_ms.into(), 0, 10_000),
        (
            "debounce_max_ms",
            settings.debounce_max_ms.into(),
            0,
            20_000,
        ),
        ("history_messages", settings.history_messages.into(), 0, 50),
        ("top_k", settings.top_k.into(), 1, 10),
        (
            "provider_connect_ms",
            settings.provider_connect_ms.into(),
            100,
            60_000,
        ),
        (
            "provider_first_byte_ms",
            settings.provider_first_byte_ms.into(),
            100,
            60_000,
        ),
        (
            "provider_total_ms",
            settings.provider_total_ms.into(),
            100,
            60_000,
        ),
        ("provider_retries", settings.provider_retries.into(), 0, 3),
        ("breaker_failures", settings.breaker_failures.into(), 1, 100),
        (
            "breaker_window_s",
            settings.breaker_window_s.into(),
            1,
            3_600,
        ),
        ("breaker_open_s", settings.breaker_open_s.into(), 1, 3_600),
        (
            "provider_concurrency",
            settings.provider_concurrency.into(),
            1,
            64,
        ),
    ];
    for (field, value, least, most) in ranges {
        if !(least..=most).contains(&value) {
            let problem = format!("is out of range; give {least} to {most}");
            return Err(Rejection::invalid(field, problem));
        }
    }
    if settings.provider_queue > 1_024 {
        return Err(Rejection::invalid(
            "provider_queue",
            "is out of range; give 0 to 1024",
        ));
    }
    let waits_ms = u32::from(settings.debounce_max_ms) + ANSWER_LEAST_MS;
    if waits_ms > u32::from(settings.job_deadline_s) * 1_000 {
        return Err(Rejection::invalid(
            "debounce_max_ms",
            "leaves no time to answer before job_deadline_s; give less, or a later deadline",
        ));
    }
    if settings.clarify_threshold > settings.answer_threshold {
        return Err(Rejection::invalid(
            "clarify_threshold",
            "is above answer_threshold; give less",
        ));
    }
    Ok(())
}
