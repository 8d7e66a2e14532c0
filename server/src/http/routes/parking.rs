//! Chats that are put aside for a while, and what their owner calls unread.

use shared::{
    api::{ChatAnswer, Park, Snooze, Unread},
    command::Command,
    id::ChatId,
};

use super::chats::act;
use crate::{
    desk::permission::Action,
    http::{
        call::Call,
        query::DRY_RUN,
        route::{Access::Bearer, Answer, Route},
    },
};

pub(super) const ROUTES: &[Route] = &[
    Route::post(
        "/api/chats/{id}/hold",
        "hold",
        Bearer(Action::Hold),
        |call| Box::pin(park(call, |chat| Command::Hold { chat })),
        "Puts a chat aside without a date; after 60 minutes it is resolved.",
    )
    .query(&[DRY_RUN])
    .takes::<Park>()
    .gives::<ChatAnswer>(200),
    Route::post(
        "/api/chats/{id}/snooze",
        "snooze",
        Bearer(Action::Snooze),
        |call| Box::pin(snooze(call)),
        "Puts a chat aside until a time or the next reply.",
    )
    .query(&[DRY_RUN])
    .takes::<Snooze>()
    .gives::<ChatAnswer>(200),
    Route::post(
        "/api/chats/{id}/wake",
        "wake",
        Bearer(Action::Wake),
        |call| Box::pin(park(call, |chat| Command::Wake { chat })),
        "Takes a chat up again: its owner has it when there, else its queue.",
    )
    .query(&[DRY_RUN])
    .takes::<Park>()
    .gives::<ChatAnswer>(200),
    Route::post(
        "/api/chats/{id}/unread",
        "mark_unread",
        Bearer(Action::MarkUnread),
        |call| Box::pin(unread(call)),
        "Calls one's own chat unread from a record on; the customer's receipt stays.",
    )
    .query(&[DRY_RUN])
    .takes::<Unread>()
    .gives::<ChatAnswer>(200),
];

async fn park(call: Call, command: fn(ChatId) -> Command) -> Answer {
    let Park { cid } = call.json()?;
    let chat = call.id()?;
    act(call, cid, command(chat)).await
}

async fn snooze(call: Call) -> Answer {
    let Snooze { until, cid } = call.json()?;
    let chat = call.id()?;
    act(call, cid, Command::Snooze { chat, until }).await
}

async fn unread(call: Call) -> Answer {
    let Unread { seq, cid } = call.json()?;
    let chat = call.id()?;
    act(call, cid, Command::MarkUnread { chat, seq }).await
}
