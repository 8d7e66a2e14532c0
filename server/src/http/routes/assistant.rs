//! The assistant: its settings, how it is, trials of it, its chats, and help for agents.

use std::ops::ControlFlow;

use shared::{
    api::{
        AssistAnswer, AssistRequest, AssistantStatus, AssistantTried, AssistantTry, ChatAnswer,
        FlagAnswer, ReturnChat, WantHuman,
    },
    assistant::{AssistantChange, AssistantSettings},
    command::Command,
    error::ErrorCode,
    id::Seq,
    text::{MESSAGE_BYTES_MAX, SafeText},
};

use super::chats::act;
use crate::{
    assistant::{AssistError, Scene},
    desk::{Rejection, permission::Action},
    http::{
        call::Call,
        errors::Failure,
        past,
        query::DRY_RUN,
        route::{Access::Bearer, Answer, Route},
    },
};

/// Newest records of a chat that help is made from.
const RECORDS_MAX: usize = 200;
/// Most lines before a trial.
const HISTORY_MAX: usize = 50;

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/assistant",
        "read_assistant",
        Bearer(Action::ReadSettings),
        |call| Box::pin(read(call)),
        "Reads the settings of the assistant.",
    )
    .gives::<AssistantSettings>(200),
    Route::put(
        "/api/assistant",
        "update_assistant",
        Bearer(Action::ChangeSettings),
        |call| Box::pin(update(call)),
        "Changes the settings of the assistant; what is not said stays.",
    )
    .query(&[DRY_RUN])
    .if_match()
    .takes::<AssistantChange>()
    .gives::<AssistantSettings>(200),
    Route::get(
        "/api/assistant/status",
        "read_assistant_status",
        Bearer(Action::ReadSystemStatus),
        |call| Box::pin(status(call)),
        "Says what the assistant answers from, how its model is, and what it has done.",
    )
    .gives::<AssistantStatus>(200),
    Route::post(
        "/api/assistant/test",
        "test_assistant",
        // With a model it costs tokens: who only reads may not spend.
        Bearer(Action::ChangeSettings),
        |call| Box::pin(test(call)),
        "Says what the assistant would say to a text and why; nothing happens.",
    )
    .takes::<AssistantTry>()
    .gives::<AssistantTried>(200),
    Route::post(
        "/api/assist",
        "assist",
        Bearer(Action::Assist),
        |call| Box::pin(assist(call)),
        "Helps the one who writes in a chat: proposals, passages, a summary, other words.",
    )
    .takes::<AssistRequest>()
    .gives::<AssistAnswer>(200),
    Route::post(
        "/api/chats/{id}/return",
        "return_to_assistant",
        Bearer(Action::ReturnToAssistant),
        |call| Box::pin(give_back(call)),
        "Gives a chat to the assistant again.",
    )
    .query(&[DRY_RUN])
    .takes::<ReturnChat>()
    .gives::<ChatAnswer>(200),
    Route::post(
        "/api/chats/{id}/human",
        "request_human",
        Bearer(Action::RequestHuman),
        |call| Box::pin(human(call)),
        "Asks for a person, as the customer of a chat that the assistant has.",
    )
    .query(&[DRY_RUN])
    .takes::<WantHuman>()
    .gives::<ChatAnswer>(200),
    Route::post(
        "/api/chats/{id}/messages/{seq}/flag",
        "flag_answer",
        Bearer(Action::FlagAnswer),
        |call| Box::pin(flag(call)),
        "Calls an answer of the assistant wrong, so that the knowledge base is mended.",
    )
    .query(&[DRY_RUN])
    .takes::<FlagAnswer>()
    .gives::<ChatAnswer>(200),
];

async fn read(call: Call) -> Answer {
    let settings = call.ask(|desk| desk.assistant().clone()).await?;
    call.answer(&settings)
}

async fn update(call: Call) -> Answer {
    let change = Box::new(call.json::<AssistantChange>()?);
    let rev = call.rev()?;
    let command = Command::UpdateAssistant { change, rev };
    if let ControlFlow::Break(plan) = call.submit(None, command).await? {
        return Ok(plan);
    }
    read(call).await
}

async fn status(call: Call) -> Answer {
    let status = call.app.assistant.status().await?;
    call.answer(&status)
}

async fn test(call: Call) -> Answer {
    let AssistantTry { text, history } = call.json()?;
    check_text(&text)?;
    if history.len() > HISTORY_MAX {
        let problem = format!("history has more than {HISTORY_MAX} lines; send the last ones");
        return Err(Failure::invalid(problem));
    }
    for line in &history {
        check_text(line)?;
    }
    // A model may be asked for it, which costs.
    call.count()?;
    let tried = call.app.assistant.try_out(&text, &history).await?;
    call.answer(&tried)
}

fn check_text(text: &SafeText) -> Result<(), Failure> {
    if text.len() > MESSAGE_BYTES_MAX {
        let problem = format!("text is larger than {MESSAGE_BYTES_MAX} bytes; send less");
        return Err(Failure::invalid(problem));
    }
    Ok(())
}

async fn assist(call: Call) -> Answer {
    let request: AssistRequest = call.json()?;
    if let Some(text) = &request.text {
        check_text(text)?;
    }
    call.count()?;
    let scene = scene(&call, &request).await?;
    let answer = call.app.assistant.assist(&scene, &request).await?;
    call.answer(&answer)
}

/// The chat as the agent sees it, with what can be said in it.
async fn scene(call: &Call, request: &AssistRequest) -> Result<Scene, Failure> {
    let id = request.chat;
    let viewer = call.viewer()?.clone();
    let found = past::chat_view(&call.app.hub, &viewer, id, RECORDS_MAX).await?;
    let (_, view) = found.ok_or(Rejection::NoChat { chat: id })?;
    let department = view.chat.department;
    let (agent, department, canned) = call
        .ask(move |desk| {
            let agent = desk.user(viewer.id).map(|user| user.name.clone());
            let department = desk.departments().find(|one| one.id == department);
            let canned = desk.canned_in_sight(&viewer).cloned().collect();
            (
                agent.unwrap_or_default(),
                department.map(|one| one.name.clone()).unwrap_or_default(),
                canned,
            )
        })
        .await?;
    Ok(Scene {
        chat: view.chat,
        records: view.events,
        agent,
        department,
        canned,
    })
}

async fn give_back(call: Call) -> Answer {
    let ReturnChat { epoch, cid } = call.json()?;
    let chat = call.id()?;
    act(call, cid, Command::ReturnToAssistant { chat, epoch }).await
}

async fn human(call: Call) -> Answer {
    let WantHuman { cid } = call.json()?;
    let chat = call.id()?;
    act(call, cid, Command::RequestHuman { chat }).await
}

async fn flag(call: Call) -> Answer {
    let FlagAnswer { reason, cid } = call.json()?;
    let chat = call.id()?;
    let seq: Option<Seq> = call.values.get(1).and_then(|seq| seq.parse().ok());
    let seq = seq.ok_or_else(|| Failure::invalid("seq in the path must be a number"))?;
    act(call, cid, Command::FlagAnswer { chat, seq, reason }).await
}

impl From<AssistError> for Failure {
    fn from(error: AssistError) -> Self {
        let code = match &error {
            AssistError::NoText(_) => ErrorCode::Invalid,
            AssistError::NoModel | AssistError::Unfit => ErrorCode::Conflict,
            AssistError::Failed(_) | AssistError::Stopped(_) => ErrorCode::Busy,
        };
        Self::new(code, error.to_string())
    }
}
