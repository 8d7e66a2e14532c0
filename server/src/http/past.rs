//! Reading the past for someone: snapshots, chats that have come into sight, pages of a chat.
//!
//! Who may see a chat may read all of it, also what was written while it was elsewhere; notes and
//! other records for the staff stay with the staff.

use shared::{
    fold::{ChatView, DeskView},
    id::{ChatId, Cursor, Pos, Seq},
    model::Chat,
    record::Record,
};

use crate::{
    desk::visibility::{Audience, Scope, Viewer, visible},
    hub::{Hub, PART, Stopped},
    store::{Hash, SeqRange, StoreError, StoredRecord, Take, cursor},
};

/// Why the past could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PastError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hub has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Records that are read at once while a chat is folded from its beginning.
const FOLD_RECORDS: usize = 512;

/// What `viewer` may see now, with the newest `records_max` records of each chat, and the last
/// record that is in it.
pub(super) async fn snapshot(
    hub: &Hub,
    viewer: &Viewer,
    chats_max: usize,
    records_max: usize,
) -> Result<(Pos, DeskView), PastError> {
    let who = viewer.clone();
    let (pos, mut view) = hub
        .ask_at(move |desk, head| (head, desk.view(&who, chats_max)))
        .await?;
    for chat in &mut view.chats {
        let before = Some(chat.chat.seq.next());
        chat.events = newest(hub, viewer, chat.chat.id, before, records_max).await?;
    }
    Ok((pos, view))
}

/// A chat with its newest `records_max` records, when `viewer` may see it.
pub(super) async fn chat_view(
    hub: &Hub,
    viewer: &Viewer,
    id: ChatId,
    records_max: usize,
) -> Result<Option<(Pos, ChatView)>, PastError> {
    let Some((pos, chat)) = chat(hub, viewer, id).await? else {
        return Ok(None);
    };
    let events = newest(hub, viewer, id, Some(chat.seq.next()), records_max).await?;
    Ok(Some((pos, ChatView { chat, events })))
}

/// A chat, open or closed, when `viewer` may see it; with its place in the queue.
pub(super) async fn chat(
    hub: &Hub,
    viewer: &Viewer,
    id: ChatId,
) -> Result<Option<(Pos, Chat)>, PastError> {
    if !sees(hub, viewer, id).await? {
        return Ok(None);
    }
    let who = viewer.clone();
    let (pos, found) = hub
        .ask_at(move |desk, head| (head, desk.chat_for(&who, id)))
        .await?;
    let chat = match found {
        Some(chat) => Some(chat),
        None => fold(hub, viewer, id).await?,
    };
    Ok(chat.map(|chat| (pos, chat)))
}

/// Whether `viewer` may see the chat as its newest record left it.
pub(super) async fn sees(hub: &Hub, viewer: &Viewer, id: ChatId) -> Result<bool, PastError> {
    Ok(scope(hub, id).await?.is_some_and(|scope| {
        visible(
            viewer,
            &Scope {
                audience: Audience::Public,
                left: None,
                ..scope
            },
        )
    }))
}

async fn scope(hub: &Hub, id: ChatId) -> Result<Option<Scope>, PastError> {
    if let Some(scope) = hub.publisher().scope(id) {
        return Ok(Some(scope));
    }
    let newest = hub
        .store()
        .history(PART, id, SeqRange::default(), Take::Last(1))
        .await?;
    Ok(newest.first().map(|stored| stored.scope))
}

/// At most `limit` records of a chat, oldest first, and whether there are more in the direction
/// asked: before `before`, else after `after`, else the newest. None when `viewer` may not see
/// the chat.
pub(super) async fn page(
    hub: &Hub,
    viewer: &Viewer,
    id: ChatId,
    before: Option<Seq>,
    after: Option<Seq>,
    limit: usize,
) -> Result<Option<(Vec<Record>, bool)>, PastError> {
    if !sees(hub, viewer, id).await? {
        return Ok(None);
    }
    let forward = before.is_none() && after.is_some();
    let mut range = SeqRange { after, before };
    let take = if forward {
        Take::First(limit + 1)
    } else {
        Take::Last(limit + 1)
    };
    let mut found = Vec::new();
    loop {
        let chunk = hub.store().history(PART, id, range, take).await?;
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else {
            break;
        };
        if forward {
            range.after = last.seq;
        } else {
            range.before = first.seq;
        }
        let exhausted = chunk.len() <= limit;
        let mut readable = chunk
            .iter()
            .filter(|stored| reads(viewer, stored))
            .map(StoredRecord::record)
            .collect::<Result<Vec<_>, _>>()?;
        if forward {
            found.append(&mut readable);
        } else {
            readable.append(&mut found);
            found = readable;
        }
        if exhausted || found.len() > limit {
            break;
        }
    }
    let more = found.len() > limit;
    if forward {
        found.truncate(limit);
    } else {
        found.drain(..found.len().saturating_sub(limit));
    }
    Ok(Some((found, more)))
}

/// The cursor that resumes after `pos`.
pub(super) async fn cursor_at(hub: &Hub, pos: Pos) -> Result<Cursor, StoreError> {
    let lineage = hub.store().lineage();
    if pos == Pos(0) {
        return Ok(cursor(lineage, pos, &Hash::START));
    }
    let found = hub.store().read(PART, Pos(pos.0 - 1), 1).await?;
    found
        .first()
        .map(|stored| stored.cursor(lineage))
        .ok_or_else(|| StoreError::Corrupt {
            what: format!("record {pos} is missing"),
        })
}

async fn newest(
    hub: &Hub,
    viewer: &Viewer,
    id: ChatId,
    before: Option<Seq>,
    max: usize,
) -> Result<Vec<Record>, PastError> {
    let page = page(hub, viewer, id, before, None, max).await?;
    Ok(page.map(|(records, _)| records).unwrap_or_default())
}

/// Whether one who sees the chat may read this record of it.
fn reads(viewer: &Viewer, stored: &StoredRecord) -> bool {
    viewer.role.is_staff() || visible(viewer, &stored.scope)
}

/// A chat that the desk has let go of, from those of its records that `viewer` may read.
async fn fold(hub: &Hub, viewer: &Viewer, id: ChatId) -> Result<Option<Chat>, PastError> {
    let mut range = SeqRange::default();
    let mut chat: Option<Chat> = None;
    loop {
        let chunk = hub
            .store()
            .history(PART, id, range, Take::First(FOLD_RECORDS))
            .await?;
        let Some(last) = chunk.last().and_then(|stored| stored.seq) else {
            return Ok(chat);
        };
        range.after = Some(last);
        for stored in chunk.iter().filter(|stored| reads(viewer, stored)) {
            let record = stored.record()?;
            match &mut chat {
                Some(chat) => chat.apply(&record),
                None => chat = Chat::opened(&record),
            }
        }
    }
}
