//! The knowledge base of the assistant: what is in it, how good it is, and what it lacks.
//!
//! Nothing here changes it: it is a folder of the machine that the hub runs on.

use std::sync::Arc;

use shared::{
    api::{
        KbCheck, KbFinding, KbPolicy, KbSeverity, KbSuggestion, KbSuggestions, KbTest, KbTopic,
        KbTry, Listed,
    },
    text::{MESSAGE_BYTES_MAX, SafeText},
};

use crate::{
    assistant::knowledge::{
        Knowledge, Policy, Topic, check::check, suggest::suggest, trial::trial,
    },
    desk::permission::Action,
    http::{
        call::Call,
        errors::Failure,
        harvest::harvest,
        query::{AFTER, LIMIT},
        route::{Access::Bearer, Answer, Route},
    },
};

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/kb",
        "list_topics",
        Bearer(Action::ReadSettings),
        |call| Box::pin(list(call)),
        "Lists the topics of the assistant's knowledge base, by id.",
    )
    .query(&[AFTER, LIMIT])
    .gives::<Listed<KbTopic>>(200),
    Route::get(
        "/api/kb/check",
        "check_knowledge",
        Bearer(Action::ReadSettings),
        |call| Box::pin(look_through(call)),
        "Says what is wrong with the knowledge base, and what would make it answer better.",
    )
    .gives::<KbCheck>(200),
    Route::post(
        "/api/kb/test",
        "test_knowledge",
        Bearer(Action::ReadSettings),
        |call| Box::pin(test(call)),
        "Says what the assistant would do with a text, by the knowledge base alone. Nothing is \
         recorded.",
    )
    .takes::<KbTry>()
    .gives::<KbTest>(200),
    Route::get(
        "/api/kb/suggest",
        "suggest_topics",
        Bearer(Action::ReadSettings),
        |call| Box::pin(draft(call)),
        "Drafts topics from what people answered in chats that are over, and lists answers of the \
         assistant that were called wrong. Personal data are masked; nothing is recorded.",
    )
    .gives::<KbSuggestions>(200),
];

async fn list(call: Call) -> Answer {
    let limit = call.query.limit()?;
    let after = call.query.text(AFTER.name);
    let knowledge = call.app.assistant.knowledge();
    let topics = knowledge.topics();
    let from = after.map_or(0, |after| {
        topics.partition_point(|topic| *topic.id <= *after)
    });
    let page = topics.get(from..).unwrap_or_default();
    let next = page.get(limit).and_then(|_| page.get(limit - 1));
    call.answer(&Listed {
        items: page.iter().take(limit).map(shown).collect(),
        next: next.map(|topic| topic.id.to_string()),
        total: after.is_none().then_some(topics.len() as u64),
    })
}

fn shown(topic: &Topic) -> KbTopic {
    KbTopic {
        id: SafeText::line(&topic.id),
        title: topic.title.clone(),
        policy: match topic.policy {
            Policy::Answer => KbPolicy::Answer,
            Policy::Assist => KbPolicy::Assist,
            Policy::Escalate => KbPolicy::Escalate,
        },
        questions: topic.questions.len() as u64,
        passages: topic.passages.len() as u64,
        intents: topic.intents.clone(),
        lang: topic.lang.as_deref().map(SafeText::line),
        updated: topic.updated.as_deref().map(SafeText::line),
        file: SafeText::line(&topic.file.to_string_lossy()),
    }
}

async fn look_through(call: Call) -> Answer {
    call.count()?;
    // It learns several times over: few at a time, as with searches.
    let _permit = call.few().await?;
    let assistant = call.app.assistant.clone();
    let library = assistant.library();
    let problems = library
        .as_ref()
        .map(|library| library.problems())
        .unwrap_or_default();
    let folder = assistant.folder().map(ToOwned::to_owned);
    let is_named = folder.is_some();
    let knowledge = assistant.knowledge();
    let mut report = away(move || check(&knowledge, &problems, folder.as_deref())).await?;
    if !is_named {
        report.findings.push(KbFinding {
            severity: KbSeverity::Note,
            file: SafeText::default(),
            line: None,
            topic: None,
            message: SafeText::line(
                "the hub has no knowledge base; start it with --kb DIR, or make a folder kb in its \
                 data folder",
            ),
        });
    }
    call.answer(&report)
}

async fn test(call: Call) -> Answer {
    let KbTry { text } = call.json()?;
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(Failure::invalid(format!(
            "text has more than {MESSAGE_BYTES_MAX} bytes; try what a customer could send"
        )));
    }
    call.count()?;
    let settings = call.ask(|desk| desk.assistant().clone()).await?;
    let knowledge: Arc<Knowledge> = call.app.assistant.knowledge();
    call.answer(&trial(&knowledge, &settings, &text))
}

async fn draft(call: Call) -> Answer {
    call.count()?;
    let _permit = call.few().await?;
    let settings = call.ask(|desk| desk.assistant().clone()).await?;
    let found = harvest(&call.app.hub, call.viewer()?).await?;
    let knowledge = call.app.assistant.knowledge();
    let confident = settings.answer_threshold.number();
    let items: Vec<KbSuggestion> =
        away(move || suggest(&knowledge, found.harvests, confident)).await?;
    call.answer(&KbSuggestions {
        items,
        chats: found.chats,
        partial: found.partial,
    })
}

/// Does what takes long where it keeps nobody waiting.
async fn away<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(Failure::internal)
}
