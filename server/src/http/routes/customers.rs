//! Customers: their chats, open and closed, and all that the desk keeps of one.
//!
//! Of an export nothing is for the staff alone: it is what the customer may see, and what the
//! customer told, whoever asks for it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use shared::{
    api::{
        CustomerExport, EraseCustomer, Erased, ExportedChat, ExportedRating, Message, Page,
        PastChat,
    },
    command::Command,
    event::{EraseReason, Event},
    id::{ChatId, DepartmentId, Seq, UserId},
    model::{ActorKind, Chat, Role, Visibility},
    text::SafeText,
};

use super::messages::{apply_edit, backward, last_seq, message, records};
use crate::{
    desk::{
        Rejection,
        permission::{Action, Object},
        visibility::Viewer,
    },
    http::{
        App,
        call::{Call, page},
        errors::Failure,
        feed::{self, Outlet},
        past,
        query::{AFTER, DRY_RUN, LIMIT},
        route::{Access::Bearer, Answer, Route},
    },
    hub::PART,
    store::{SeqRange, Take},
};

/// Messages among which the last word of a person is looked for.
const LAST_WORDS: usize = 8;
/// Records that are read at once.
const RECORDS: usize = 512;
/// Chats out of sight that one request passes over; the next goes on behind them.
const PASSED_OVER_MAX: usize = 2_000;

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/customers/{id}/chats",
        "list_customer_chats",
        Bearer(Action::ListChats),
        |call| Box::pin(list(call)),
        "Lists every chat in sight that a customer opened, also closed ones, newest first, each \
         with its last message.",
    )
    .query(&[LIMIT, AFTER])
    .gives::<Page<PastChat>>(200),
    Route::get(
        "/api/customers/{id}/export",
        "export_customer",
        Bearer(Action::ExportCustomer),
        |call| Box::pin(export(call)),
        "Gives all that the desk keeps of a customer and the customer may see: the account, every \
         chat, its messages and ratings.",
    )
    .gives::<CustomerExport>(200),
    Route::post(
        "/api/customers/{id}/erase",
        "erase_customer",
        Bearer(Action::EraseCustomer),
        |call| Box::pin(erase(call)),
        "Forgets a customer: closes their open chats, ends account and logins, and takes every \
         word and file out of their chats, whose records stay as tombstones.",
    )
    .query(&[DRY_RUN])
    .takes::<EraseCustomer>()
    .gives::<Erased>(200),
];

async fn list(call: Call) -> Answer {
    let customer: UserId = call.id()?;
    let limit = call.query.limit()?;
    let before: Option<ChatId> = call.query.value(AFTER.name)?;
    call.count()?;
    let viewer = call.viewer()?.clone();
    if viewer.role == Role::Customer && viewer.id != customer {
        // To a customer nobody else is there, whether somebody has the number or not.
        return Err(Rejection::NoUser { id: customer }.into());
    }
    let chats = call.app.hub.chats_of(customer).await?;
    let older = chats
        .into_iter()
        .rev()
        .filter(|chat| before.is_none_or(|before| *chat < before));
    let (mut found, mut passed_over) = (Vec::new(), 0);
    for id in older {
        if found.len() > limit {
            break;
        }
        let Some((_, chat)) = past::chat(&call.app.hub, &viewer, id).await? else {
            passed_over += 1;
            if passed_over < PASSED_OVER_MAX {
                continue;
            }
            let next = Some(id.to_string());
            return call.answer(&Page { items: found, next });
        };
        let before = chat.seq.next();
        let (newest, _) = backward(&call.app.hub, &viewer, id, before, LAST_WORDS).await?;
        found.push(PastChat {
            department: department(&call.app, chat.department).await?,
            last: last_word(newest),
            chat,
        });
    }
    call.answer(&page(found, limit, |item| item.chat.id.to_string()))
}

/// What a person said last; what the desk said when nobody did of late.
fn last_word(mut newest: Vec<Message>) -> Option<Message> {
    let person = |message: &Message| message.actor.kind != ActorKind::System;
    match newest.iter().rposition(person) {
        Some(at) => Some(newest.swap_remove(at)),
        None => newest.pop(),
    }
}

async fn export(call: Call) -> Answer {
    let customer: UserId = call.id()?;
    call.count()?;
    let who = call.who();
    call.ask(move |desk| desk.permit(&who, Action::ExportCustomer, Object::Customer(customer)))
        .await??;
    let chats = call.app.hub.chats_of(customer).await?;
    let account = call.app.accounts.customer_account(customer).await?;
    if account.is_none() && chats.is_empty() {
        return Err(Rejection::NoUser { id: customer }.into());
    }
    let empty = CustomerExport {
        at: call.app.hub.now(),
        customer,
        account,
        chats: Vec::new(),
    };
    let head = serde_json::to_string(&empty).map_err(Failure::internal)?;
    let app = std::sync::Arc::clone(&call.app);
    let media = "application/json";
    Ok(feed::answer(&call.app, media, move |outlet| async move {
        if let Err(failure) = write(&app, head, customer, chats, &outlet).await {
            outlet.fail(failure);
        }
    }))
}

async fn erase(call: Call) -> Answer {
    let customer: UserId = call.id()?;
    let EraseCustomer { reason, cid } = call.json()?;
    let reason = reason.unwrap_or(EraseReason::Requested);
    let cid = call.cid(cid)?;
    call.count()?;
    if call.is_dry_run() {
        return call.plan(Command::EraseCustomer { customer, reason }).await;
    }
    // Whoever goes away does not stop it half-way.
    let (care, who) = (call.app.care.clone(), call.who());
    let erasing = tokio::spawn(async move { care.erase(who, cid, customer, reason).await });
    let erased = erasing.await.map_err(Failure::internal)??;
    call.answer(&erased)
}

/// Writes an export whose `chats`, its last field, are still empty, with its chats put in.
async fn write(
    app: &App,
    head: String,
    customer: UserId,
    chats: BTreeSet<ChatId>,
    outlet: &Outlet,
) -> Result<(), Failure> {
    const END: &str = "]}";
    let open = head.strip_suffix(END).unwrap_or(&head).to_owned();
    if !outlet.send(open.into()).await {
        return Ok(());
    }
    let mut comma = "";
    for id in chats {
        let Some((chat, edits)) = exported(app, customer, id).await? else {
            continue;
        };
        if !write_chat(app, &customer_viewer(customer), comma, chat, edits, outlet).await? {
            return Ok(());
        }
        comma = ",";
    }
    outlet.send(Bytes::from_static(END.as_bytes())).await;
    Ok(())
}

/// Writes a chat with its messages, which are read as they are taken: a chat may be long. False
/// when the reader is gone.
async fn write_chat(
    app: &App,
    viewer: &Viewer,
    comma: &str,
    exported: ExportedChat,
    edits: BTreeMap<Seq, SafeText>,
    outlet: &Outlet,
) -> Result<bool, Failure> {
    let ExportedChat {
        chat,
        department,
        messages: _,
        ratings,
    } = exported;
    let (id, mut after, mut first) = (chat.id, Seq(0), true);
    let (chat, department) = (to_json(&chat)?, to_json(&department)?);
    let head = format!("{comma}{{\"chat\":{chat},\"department\":{department},\"messages\":[");
    if !outlet.send(head.into()).await {
        return Ok(false);
    }
    loop {
        let (records, more) = records(&app.hub, viewer, id, None, Some(after)).await?;
        after = last_seq(&records).unwrap_or(after);
        let mut piece = String::new();
        for mut message in records.into_iter().filter_map(message) {
            apply_edit(&mut message, &edits);
            piece.push_str(if first { "" } else { "," });
            piece.push_str(&to_json(&message)?);
            first = false;
        }
        if !piece.is_empty() && !outlet.send(piece.into()).await {
            return Ok(false);
        }
        if !more {
            break;
        }
    }
    let end = format!("],\"ratings\":{}}}", to_json(&ratings)?);
    Ok(outlet.send(end.into()).await)
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(Failure::internal)
}

/// The eyes of the customer, whoever asks.
const fn customer_viewer(customer: UserId) -> Viewer {
    Viewer {
        id: customer,
        role: Role::Customer,
        departments: BTreeSet::new(),
    }
}

/// A chat from those of its records that its customer may see or made, still without its messages,
/// and the newest text of those that were edited.
async fn exported(
    app: &App,
    customer: UserId,
    id: ChatId,
) -> Result<Option<(ExportedChat, BTreeMap<Seq, SafeText>)>, Failure> {
    let viewer = customer_viewer(customer);
    let mut range = SeqRange::default();
    let mut folded: Option<Chat> = None;
    let (mut edits, mut ratings) = (BTreeMap::new(), Vec::new());
    loop {
        let chunk = app
            .hub
            .store()
            .history(PART, id, range, Take::First(RECORDS))
            .await?;
        let Some(last) = chunk.last().and_then(|stored| stored.seq) else {
            break;
        };
        range.after = Some(last);
        for stored in chunk {
            let record = stored.record()?;
            if !past::reads(&viewer, &stored) && record.actor.id != Some(customer) {
                continue;
            }
            match &mut folded {
                Some(chat) => chat.apply(&record),
                None => folded = Chat::opened(&record),
            }
            match record.event {
                Event::MessageEdited {
                    seq,
                    text,
                    visibility: Visibility::Public,
                } => {
                    edits.insert(seq, text);
                }
                Event::Rated { score, comment } => ratings.push(ExportedRating {
                    at: record.at,
                    episode: folded.as_ref().map_or(1, |chat| chat.episode),
                    score,
                    comment,
                }),
                _ => {}
            }
        }
    }
    let Some(chat) = folded else { return Ok(None) };
    let exported = ExportedChat {
        department: department(app, chat.department).await?,
        chat,
        messages: Vec::new(),
        ratings,
    };
    Ok(Some((exported, edits)))
}

/// The name of a department; its number when it was deleted.
async fn department(app: &App, id: DepartmentId) -> Result<SafeText, Failure> {
    let named = move |desk: &crate::desk::Desk| {
        let mut departments = desk.departments();
        departments
            .find(|department| department.id == id)
            .map(|department| department.name.clone())
    };
    let name = app.hub.ask(named).await?;
    Ok(name.unwrap_or_else(|| SafeText::line(&id.to_string())))
}
