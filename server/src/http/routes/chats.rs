//! Chats: lists, opening, and what is done to one.

use std::{collections::BTreeSet, ops::ControlFlow};

use shared::{
    api::{Assign, ChatAnswer, Claim, EndChat, Listed, OpenChat, OpenedChat, Rate, Tags, Transfer},
    command::{self, Command},
    event::Event,
    id::{ChatId, CommandId, Epoch, UserId},
    model::{Chat, ChatState, Role},
    text::SafeText,
};

use super::{
    accounts::departments,
    users::{department_ref, word},
};
use crate::{
    desk::{Rejection, Who, permission::Action, visibility::Viewer},
    http::{
        call::{Call, counted},
        closed::{self, Wanted},
        errors::Failure,
        past,
        query::{AFTER, DRY_RUN, Kind, LIMIT, Param},
        route::{
            Access::{Anyone, Bearer},
            Answer, Route,
        },
    },
    hub::PART,
    store::{SeqRange, Take},
};

const STATES: Kind = Kind::OneOf(&[
    "assistant",
    "waiting",
    "offered",
    "active",
    "hold",
    "snoozed",
    "resolved",
    "closed",
]);
const STATE: Param = Param::new("state", STATES, "Only chats in this state.");
const DEPARTMENT: Param = Param::new(
    "department",
    Kind::Text,
    "Only chats of this department, by number or name.",
);
const MINE: Param = Param::new("mine", Kind::Flag, "Only chats that one owns, or asked in.");
const OWNER: Param = Param::new("owner", Kind::Number, "Only chats that this user owns.");
const CUSTOMER: Param = Param::new(
    "customer",
    Kind::Number,
    "Only chats that this customer asked.",
);
const LIST: &[Param] = &[LIMIT, AFTER, STATE, DEPARTMENT, MINE, OWNER, CUSTOMER];

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/chats",
        "list_chats",
        Bearer(Action::ListChats),
        |call| Box::pin(list(call, None)),
        "Lists the chats in sight that are not closed, oldest first; with state=closed the closed \
         ones, newest first, where a page may have few although more follow.",
    )
    .query(LIST)
    .gives::<Listed<Chat>>(200),
    Route::get(
        "/api/admin/all-sessions",
        "list_chats_admin",
        Bearer(Action::ListChats),
        |call| Box::pin(list(call, None)),
        "The same as /api/chats.",
    )
    .query(LIST)
    .gives::<Listed<Chat>>(200),
    Route::get(
        "/api/admin/active",
        "list_active_chats",
        Bearer(Action::ListChats),
        |call| Box::pin(list(call, Some(ChatState::Active))),
        "The same as /api/chats?state=active.",
    )
    .query(&[LIMIT, AFTER, DEPARTMENT, MINE, OWNER, CUSTOMER])
    .gives::<Listed<Chat>>(200),
    Route::post(
        "/api/chats",
        "open_chat",
        Anyone(Action::OpenChat),
        |call| Box::pin(open(call)),
        "Opens a chat. Without a token the answer has the secret of the chat.",
    )
    .query(&[DRY_RUN])
    .takes::<OpenChat>()
    .gives::<OpenedChat>(201),
    Route::get(
        "/api/chats/{id}",
        "read_chat",
        Bearer(Action::ReadChat),
        |call| Box::pin(read(call)),
        "Reads a chat, with its place while it waits.",
    )
    .gives::<ChatAnswer>(200),
    Route::post(
        "/api/chats/{id}/claim",
        "claim",
        Bearer(Action::Claim),
        |call| Box::pin(claim(call)),
        "Takes a waiting chat.",
    )
    .query(&[DRY_RUN])
    .takes::<Claim>()
    .gives::<ChatAnswer>(200),
    Route::post(
        "/api/chats/{id}/assign",
        "assign",
        Bearer(Action::Assign),
        |call| Box::pin(assign(call)),
        "Gives a chat to an agent.",
    )
    .query(&[DRY_RUN])
    .takes::<Assign>()
    .gives::<ChatAnswer>(200),
    Route::post(
        "/api/chats/{id}/transfer",
        "transfer",
        Bearer(Action::Transfer),
        |call| Box::pin(transfer(call)),
        "Moves a chat with its whole history to another department or agent.",
    )
    .query(&[DRY_RUN])
    .takes::<Transfer>()
    .gives::<ChatAnswer>(200),
    Route::post(
        "/api/chats/{id}/resolve",
        "resolve",
        Bearer(Action::Resolve),
        |call| Box::pin(end(call, |chat, _| Command::Resolve { chat })),
        "Ends an episode; the customer may reopen it for 72 hours.",
    )
    .query(&[DRY_RUN])
    .takes::<EndChat>()
    .gives::<ChatAnswer>(200),
    Route::post(
        "/api/chats/{id}/reopen",
        "reopen",
        Bearer(Action::Reopen),
        |call| Box::pin(end(call, |chat, _| Command::Reopen { chat })),
        "Begins a new episode of a resolved chat.",
    )
    .query(&[DRY_RUN])
    .takes::<EndChat>()
    .gives::<ChatAnswer>(200),
    Route::put(
        "/api/chats/{id}/close",
        "close",
        Bearer(Action::Close),
        |call| Box::pin(end(call, |chat, epoch| Command::Close { chat, epoch })),
        "Ends a chat for ever.",
    )
    .query(&[DRY_RUN])
    .takes::<EndChat>()
    .gives::<ChatAnswer>(200),
    Route::post(
        "/api/chats/{id}/rating",
        "rate",
        Bearer(Action::Rate),
        |call| Box::pin(rate(call)),
        "Rates the episode, as its customer.",
    )
    .query(&[DRY_RUN])
    .takes::<Rate>()
    .gives::<ChatAnswer>(200),
    Route::post(
        "/api/chats/{id}/tags",
        "tag",
        Bearer(Action::Tag),
        |call| Box::pin(tag(call)),
        "Puts words on a chat and takes some off.",
    )
    .query(&[DRY_RUN])
    .takes::<Tags>()
    .gives::<ChatAnswer>(200),
];

async fn list(call: Call, only: Option<ChatState>) -> Answer {
    let limit = call.query.limit()?;
    let after: ChatId = call.query.value(AFTER.name)?.unwrap_or_default();
    let state: Option<ChatState> = only.or(word(&call, STATE.name)?);
    let owner: Option<UserId> = call.query.value(OWNER.name)?;
    let customer: Option<UserId> = call.query.value(CUSTOMER.name)?;
    let mine = call.query.flag(MINE.name);
    let department = match call.query.text(DEPARTMENT.name) {
        None => None,
        Some(text) => departments(&call, &[department_ref(text)])
            .await?
            .pop_first(),
    };
    let viewer = call.viewer()?.clone();
    if state == Some(ChatState::Closed) {
        let wanted = Wanted {
            department,
            customer,
            owner,
            mine,
        };
        let before = Some(after).filter(|after| *after != ChatId(0));
        // Few at a time, as searches, which read as much.
        let _permit = call.few().await?;
        let page = closed::page(&call.app.hub, &viewer, wanted, before, limit).await?;
        return call.answer(&page);
    }
    let found = call
        .ask(move |desk| {
            let me = viewer.id;
            let fits = |chat: &&Chat| {
                chat.id > after
                    && state.is_none_or(|state| chat.state == state)
                    && owner.is_none_or(|owner| chat.owner == Some(owner))
                    && customer.is_none_or(|customer| chat.customer == customer)
                    && department.is_none_or(|department| chat.department == department)
                    && (!mine || chat.owner == Some(me) || chat.customer == me)
                    && desk.is_in_sight(&viewer, chat)
            };
            let fitting = || desk.chats().filter(fits);
            let total = (after == ChatId(0)).then(|| fitting().count());
            let seen = fitting().filter_map(|chat| desk.chat_for(&viewer, chat.id));
            (seen.take(limit + 1).collect(), total)
        })
        .await?;
    call.answer(&counted(found, limit, |chat: &Chat| chat.id.to_string()))
}

async fn open(call: Call) -> Answer {
    let open: OpenChat = call.json()?;
    let command = Command::OpenChat(command::OpenChat {
        department: open.department,
        name: open.name,
        email: open.email,
        phone: open.phone,
        fields: open.fields,
        text: open.text,
        previous: open.previous,
        language: open.language,
        human: open.human,
    });
    let outcome = match call.submit(Some(open.cid), command).await? {
        ControlFlow::Continue(outcome) => outcome,
        ControlFlow::Break(plan) => return Ok(plan),
    };
    let Some(id) = outcome.chat else {
        return Err(Failure::internal("a chat was opened without a number"));
    };
    let (customer, name) = opener(&call, id).await?;
    let viewer = Viewer {
        id: customer,
        role: Role::Customer,
        departments: BTreeSet::new(),
    };
    let chat = seen(&call, &viewer, id).await?;
    let token = match call.who() {
        Who::Anonymous => Some(call.app.accounts.chat_token(customer, &name).await?),
        _ => None,
    };
    call.answer(&OpenedChat { chat, token })
}

/// The customer who opened a chat, also when the chat was closed since.
async fn opener(call: &Call, id: ChatId) -> Result<(UserId, SafeText), Failure> {
    let store = call.app.hub.store();
    let first = store
        .history(PART, id, SeqRange::default(), Take::First(1))
        .await?;
    let missing = || Failure::internal(format!("chat {id} has no beginning"));
    match first.first().ok_or_else(missing)?.record()?.event {
        Event::ChatOpened { customer, name, .. } => Ok((customer, name)),
        _ => Err(missing()),
    }
}

async fn read(call: Call) -> Answer {
    let chat = seen(&call, call.viewer()?, call.id()?).await?;
    call.answer(&ChatAnswer { chat })
}

async fn claim(call: Call) -> Answer {
    let Claim { epoch, cid } = call.json()?;
    let chat = call.id()?;
    act(call, cid, Command::Claim { chat, epoch }).await
}

async fn assign(call: Call) -> Answer {
    let Assign { agent, epoch, cid } = call.json()?;
    let chat = call.id()?;
    act(call, cid, Command::Assign { chat, agent, epoch }).await
}

async fn transfer(call: Call) -> Answer {
    let transfer: Transfer = call.json()?;
    let command = Command::Transfer {
        chat: call.id()?,
        department: transfer.department,
        agent: transfer.agent,
        note: transfer.note,
        epoch: transfer.epoch,
    };
    act(call, transfer.cid, command).await
}

async fn end(call: Call, command: fn(ChatId, Option<Epoch>) -> Command) -> Answer {
    let EndChat { epoch, cid } = call.json()?;
    let chat = call.id()?;
    let command = command(chat, epoch);
    if let (Command::Resolve { .. } | Command::Reopen { .. }, Some(_)) = (&command, epoch) {
        return Err(Failure::invalid(
            "epoch is for close only; leave it out of resolve and reopen",
        ));
    }
    act(call, cid, command).await
}

async fn rate(call: Call) -> Answer {
    let rate: Rate = call.json()?;
    let command = Command::Rate {
        chat: call.id()?,
        score: rate.score,
        comment: rate.comment,
    };
    act(call, rate.cid, command).await
}

async fn tag(call: Call) -> Answer {
    let tags: Tags = call.json()?;
    let command = Command::Tag {
        chat: call.id()?,
        add: tags.add,
        remove: tags.remove,
    };
    act(call, tags.cid, command).await
}

/// Has a command done to the chat of the path, and answers with the chat.
pub(super) async fn act(call: Call, cid: Option<CommandId>, command: Command) -> Answer {
    let id = call.id()?;
    if let ControlFlow::Break(plan) = call.submit(cid, command).await? {
        return Ok(plan);
    }
    let chat = match seen(&call, call.viewer()?, id).await {
        // It was moved out of sight by this very command: the mover learns where it is, no more.
        Err(failure) => match call.ask(move |desk| desk.chat(id).cloned()).await? {
            Some(chat) => without_words(chat),
            None => return Err(failure),
        },
        Ok(chat) => chat,
    };
    call.answer(&ChatAnswer { chat })
}

/// A chat in sight, open or closed.
async fn seen(call: &Call, viewer: &Viewer, id: ChatId) -> Result<Chat, Failure> {
    let found = past::chat(&call.app.hub, viewer, id).await?;
    let (_, chat) = found.ok_or(Rejection::NoChat { chat: id })?;
    Ok(chat)
}

fn without_words(chat: Chat) -> Chat {
    Chat {
        email: None,
        phone: None,
        fields: Default::default(),
        tags: Default::default(),
        rating: None,
        ..chat
    }
}
