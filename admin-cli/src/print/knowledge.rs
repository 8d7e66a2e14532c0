//! The columns of what belongs to the knowledge base.

use shared::api::{KbCheck, KbFinding, KbSeverity, KbSuggestion, KbTest, KbTopic};

use crate::print::{
    format::{Column, Item, Names},
    items::{joined, main, more, or_empty, word, yes},
};

impl Item for KbTopic {
    const COLUMNS: &'static [Column] = &[
        main("id"),
        main("title"),
        main("policy"),
        main("questions"),
        main("passages"),
        main("updated"),
        more("lang"),
        more("intents"),
        more("file"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.title.to_string(),
            self.policy.word().to_owned(),
            self.questions.to_string(),
            self.passages.to_string(),
            or_empty(self.updated.as_ref()),
            or_empty(self.lang.as_ref()),
            joined(&self.intents),
            self.file.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.id.to_string()
    }
}

impl Item for KbFinding {
    const COLUMNS: &'static [Column] = &[
        main("severity"),
        main("file"),
        main("line"),
        main("topic"),
        main("message"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.severity.word().to_owned(),
            self.file.to_string(),
            or_empty(self.line.as_ref()),
            or_empty(self.topic.as_ref()),
            self.message.to_string(),
        ]
    }

    fn handle(&self) -> String {
        self.file.to_string()
    }
}

impl Item for KbCheck {
    const COLUMNS: &'static [Column] = &[
        main("topics"),
        main("questions"),
        main("accuracy"),
        main("errors"),
        main("warnings"),
        main("notes"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        let count = |severity: KbSeverity| {
            let all = self.findings.iter();
            all.filter(|one| one.severity == severity)
                .count()
                .to_string()
        };
        vec![
            self.topics.to_string(),
            self.questions.to_string(),
            or_empty(self.accuracy.as_ref()),
            count(KbSeverity::Error),
            count(KbSeverity::Warning),
            count(KbSeverity::Note),
        ]
    }

    fn handle(&self) -> String {
        self.topics.to_string()
    }
}

impl Item for KbTest {
    const COLUMNS: &'static [Column] = &[
        main("decision"),
        main("intent"),
        main("confidence"),
        main("margin"),
        more("reason"),
        more("reply"),
        more("passages"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            word(&self.decision),
            or_empty(self.intent.as_ref()),
            self.confidence.to_string(),
            self.margin.to_string(),
            self.reason.to_string(),
            or_empty(self.reply.as_ref()),
            joined(self.passages.iter().map(|passage| &passage.id)),
        ]
    }

    fn handle(&self) -> String {
        or_empty(self.intent.as_ref())
    }
}

impl Item for KbSuggestion {
    const COLUMNS: &'static [Column] = &[
        main("file"),
        main("title"),
        main("flagged"),
        main("chats"),
        more("topic"),
        more("questions"),
        more("answer"),
        more("wrong"),
    ];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.file.to_string(),
            self.title.to_string(),
            yes(self.flagged),
            joined(&self.chats),
            or_empty(self.topic.as_ref()),
            joined(&self.questions),
            self.answer.to_string(),
            or_empty(self.wrong.as_ref()),
        ]
    }

    fn handle(&self) -> String {
        self.file.to_string()
    }
}
