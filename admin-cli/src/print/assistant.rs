//! The columns of what belongs to the assistant.

use shared::{
    api::{AssistantStatus, AssistantTried},
    assistant::AssistantSettings,
};

use crate::{
    print::{
        format::{Column, Item, Names},
        items::{joined, main, more, or_empty, yes},
    },
    run::assistant::Setting,
};

impl Item for Setting {
    const COLUMNS: &'static [Column] = &[main("key"), main("value")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![self.key.clone(), self.value.clone()]
    }

    fn handle(&self) -> String {
        self.key.clone()
    }
}

impl Item for AssistantSettings {
    const COLUMNS: &'static [Column] =
        &[main("name"), main("first_line"), main("mode"), more("rev")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.name.to_string(),
            self.first_line.to_string(),
            self.mode.to_string(),
            self.rev.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.name.to_string()
    }
}

impl Item for AssistantStatus {
    const COLUMNS: &'static [Column] = &[
        main("ready"),
        main("first_line"),
        main("mode"),
        main("topics"),
        main("questions"),
        main("problems"),
        main("model"),
        main("breaker"),
        main("conversations"),
        main("answered"),
        main("handed_off"),
        main("resolution_rate"),
        main("deflection"),
        more("clarified"),
        more("stale_dropped"),
        more("jobs_waiting"),
        more("key"),
        more("tokens_today"),
        more("last_failure"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        let provider = self.provider.as_ref();
        let handed_off: u64 = self.counts.handed_off.values().sum();
        let key = provider.map(|provider| match (&provider.key_last4, provider.key_set) {
            (Some(last), _) if !last.is_empty() => format!("set ..{last}"),
            (_, true) => "set".to_owned(),
            (_, false) => "unset".to_owned(),
        });
        vec![
            yes(self.ready),
            self.first_line.to_string(),
            self.mode.to_string(),
            self.knowledge.topics.to_string(),
            self.knowledge.questions.to_string(),
            self.knowledge.problems.len().to_string(),
            provider.map_or_else(String::new, |one| format!("{} at {}", one.model, one.host)),
            or_empty(provider.map(|one| &one.breaker)),
            self.counts.conversations.to_string(),
            self.counts.answered.to_string(),
            handed_off.to_string(),
            or_empty(self.resolution_rate.as_ref()),
            or_empty(self.deflection.as_ref()),
            self.counts.clarified.to_string(),
            self.stale_dropped.to_string(),
            self.jobs_waiting.to_string(),
            key.unwrap_or_default(),
            or_empty(provider.map(|one| &one.tokens_today)),
            or_empty(provider.and_then(|one| one.last_failure.as_ref())),
        ]
    }

    fn handle(&self) -> String {
        yes(self.ready)
    }
}

impl Item for AssistantTried {
    const COLUMNS: &'static [Column] = &[
        main("does"),
        main("reason"),
        main("intent"),
        main("confidence"),
        main("text"),
        more("detail"),
        more("top"),
        more("citations"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        let top = self.reply.top.iter();
        vec![
            self.does.to_string(),
            or_empty(self.reason.as_ref()),
            or_empty(self.reply.intent.as_ref()),
            or_empty(self.reply.confidence.as_ref()),
            or_empty(self.text.as_ref()),
            or_empty(self.detail.as_ref()),
            joined(top.map(|guess| format!("{} {}", guess.intent, guess.confidence))),
            joined(self.reply.citations.iter().map(|cited| &cited.id)),
        ]
    }

    fn handle(&self) -> String {
        self.does.to_string()
    }
}
