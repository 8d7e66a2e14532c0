//! What was said in a chat, and saying more.

use std::{collections::BTreeMap, ops::ControlFlow};

use shared::{
    api::{Message, Page, PostMessage, PostNote, Posted},
    command::Command,
    event::Event,
    id::{ChatId, Seq},
    model::Visibility,
    record::Record,
    text::SafeText,
};

use crate::{
    desk::{Rejection, permission::Action, visibility::Viewer},
    http::{
        call::Call,
        errors::Failure,
        past,
        query::{DRY_RUN, Kind, LIMIT, Param},
        route::{Access::Bearer, Answer, Route},
    },
    hub::{Hub, Outcome},
};

const AFTER_SEQ: Param = Param::new(
    "after",
    Kind::Number,
    "Messages after this seq, the oldest first chosen; from the beginning when not said.",
);
const BEFORE_SEQ: Param = Param::new(
    "before",
    Kind::Number,
    "Messages before this seq, the newest first chosen; `next` is then the next `before`.",
);
/// Records read at once.
const RECORDS: usize = 512;

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/chats/{id}/messages",
        "list_messages",
        Bearer(Action::ReadChat),
        |call| Box::pin(list(call)),
        "Lists the messages of a chat, oldest first.",
    )
    .query(&[LIMIT, AFTER_SEQ, BEFORE_SEQ])
    .gives::<Page<Message>>(200),
    Route::get(
        "/api/chats/{id}/events",
        "list_chat_events",
        Bearer(Action::ReadChat),
        |call| Box::pin(events(call)),
        "Lists what happened to a chat, oldest first: its records, as far as one may read them.",
    )
    .query(&[LIMIT, AFTER_SEQ, BEFORE_SEQ])
    .gives::<Page<Record>>(200),
    Route::post(
        "/api/chats/{id}/messages",
        "post_message",
        Bearer(Action::PostMessage),
        |call| Box::pin(post(call)),
        "Says something in a chat.",
    )
    .query(&[DRY_RUN])
    .takes::<PostMessage>()
    .gives::<Posted>(201),
    Route::post(
        "/api/chats/{id}/notes",
        "post_note",
        Bearer(Action::PostNote),
        |call| Box::pin(note(call)),
        "Leaves a note for the staff.",
    )
    .query(&[DRY_RUN])
    .takes::<PostNote>()
    .gives::<Posted>(201),
];

/// Where the page begins: after a seq, or before one.
fn edges(call: &Call) -> Result<(Option<Seq>, Option<Seq>), Failure> {
    let after: Option<Seq> = call.query.value(AFTER_SEQ.name)?;
    let before: Option<Seq> = call.query.value(BEFORE_SEQ.name)?;
    if after.is_some() && before.is_some() {
        return Err(Failure::invalid(
            "after and before exclude each other; give one",
        ));
    }
    Ok((after, before))
}

async fn events(call: Call) -> Answer {
    let chat: ChatId = call.id()?;
    let limit = call.query.limit()?;
    let (after, before) = edges(&call)?;
    let after = after.or(before.is_none().then_some(Seq(0)));
    let (hub, viewer) = (&call.app.hub, call.viewer()?);
    let page = past::page(hub, viewer, chat, before, after, limit).await?;
    let (items, more) = page.ok_or(Rejection::NoChat { chat })?;
    let edge = match before {
        Some(_) => items.first(),
        None => items.last(),
    };
    let next = edge.filter(|_| more).and_then(|record| record.seq);
    let next = next.map(|seq| seq.to_string());
    call.answer(&Page { items, next })
}

async fn list(call: Call) -> Answer {
    let chat: ChatId = call.id()?;
    let limit = call.query.limit()?;
    let (after, before) = edges(&call)?;
    let (hub, viewer) = (&call.app.hub, call.viewer()?);
    let (mut items, more) = match before {
        Some(before) => backward(hub, viewer, chat, before, limit).await?,
        None => forward(hub, viewer, chat, after.unwrap_or_default(), limit).await?,
    };
    if let Some(first) = items.first() {
        let edits = edits(hub, viewer, chat, first.seq).await?;
        for item in &mut items {
            apply_edit(item, &edits);
        }
    }
    let edge = match before {
        Some(_) => items.first(),
        None => items.last(),
    };
    let next = edge.filter(|_| more).map(|item| item.seq.to_string());
    call.answer(&Page { items, next })
}

/// At most `limit` messages after `after`, and whether there are more.
async fn forward(
    hub: &Hub,
    viewer: &Viewer,
    chat: ChatId,
    mut after: Seq,
    limit: usize,
) -> Result<(Vec<Message>, bool), Failure> {
    let mut items = Vec::new();
    loop {
        let (records, more) = records(hub, viewer, chat, None, Some(after)).await?;
        after = last_seq(&records).unwrap_or(after);
        items.extend(records.into_iter().filter_map(message));
        if items.len() > limit || !more {
            let more = items.len() > limit;
            items.truncate(limit);
            return Ok((items, more));
        }
    }
}

/// The newest `limit` messages before `before`, and whether there are older ones.
pub(super) async fn backward(
    hub: &Hub,
    viewer: &Viewer,
    chat: ChatId,
    mut before: Seq,
    limit: usize,
) -> Result<(Vec<Message>, bool), Failure> {
    let mut items: Vec<Message> = Vec::new();
    loop {
        let (records, more) = records(hub, viewer, chat, Some(before), None).await?;
        before = records
            .first()
            .and_then(|first| first.seq)
            .unwrap_or(before);
        let mut older: Vec<_> = records.into_iter().filter_map(message).collect();
        older.append(&mut items);
        items = older;
        if items.len() > limit || !more {
            let surplus = items.len().saturating_sub(limit);
            items.drain(..surplus);
            return Ok((items, surplus > 0));
        }
    }
}

/// The newest text of every message that was edited after `after`.
pub(super) async fn edits(
    hub: &Hub,
    viewer: &Viewer,
    chat: ChatId,
    mut after: Seq,
) -> Result<BTreeMap<Seq, SafeText>, Failure> {
    let mut edits = BTreeMap::new();
    loop {
        let (records, more) = records(hub, viewer, chat, None, Some(after)).await?;
        after = last_seq(&records).unwrap_or(after);
        for record in records {
            if let Event::MessageEdited { seq, text, .. } = record.event {
                edits.insert(seq, text);
            }
        }
        if !more {
            return Ok(edits);
        }
    }
}

/// Records of a chat in sight, oldest first, and whether there are more.
pub(super) async fn records(
    hub: &Hub,
    viewer: &Viewer,
    chat: ChatId,
    before: Option<Seq>,
    after: Option<Seq>,
) -> Result<(Vec<Record>, bool), Failure> {
    let page = past::page(hub, viewer, chat, before, after, RECORDS).await?;
    Ok(page.ok_or(Rejection::NoChat { chat })?)
}

/// The seq of the newest of some records.
pub(super) fn last_seq(records: &[Record]) -> Option<Seq> {
    records.last()?.seq
}

/// The message that a record is, if it is one.
pub(super) fn message(record: Record) -> Option<Message> {
    let Event::MessagePosted {
        text,
        visibility,
        attachments,
    } = record.event
    else {
        return None;
    };
    Some(Message {
        seq: record.seq?,
        at: record.at,
        actor: record.actor,
        text,
        visibility,
        attachments,
    })
}

/// Gives a message its newest text.
pub(super) fn apply_edit(message: &mut Message, edits: &BTreeMap<Seq, SafeText>) {
    if let Some(text) = edits.get(&message.seq) {
        message.text = text.clone();
    }
}

async fn post(call: Call) -> Answer {
    let post: PostMessage = call.json()?;
    let chat = call.id()?;
    let command = Command::PostMessage {
        chat,
        text: post.text,
        visibility: post.visibility,
        expected_seq: post.expected_seq,
        canned: post.canned,
    };
    let outcome = call.submit(Some(post.cid), command).await?;
    posted(&call, chat, outcome)
}

async fn note(call: Call) -> Answer {
    let note: PostNote = call.json()?;
    let chat = call.id()?;
    let command = Command::PostMessage {
        chat,
        text: note.text,
        visibility: Visibility::Note,
        expected_seq: None,
        canned: Vec::new(),
    };
    let outcome = call.submit(note.cid, command).await?;
    posted(&call, chat, outcome)
}

fn posted(
    call: &Call,
    chat: ChatId,
    outcome: ControlFlow<warp::reply::Response, Outcome>,
) -> Answer {
    match outcome {
        ControlFlow::Break(plan) => Ok(plan),
        ControlFlow::Continue(outcome) => call.answer(&Posted {
            chat,
            seq: outcome.seq.unwrap_or_default(),
            pos: outcome.pos,
            dup: outcome.dup,
        }),
    }
}
