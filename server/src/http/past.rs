//! Reading the past for someone: snapshots, chats that have come into sight, pages of a chat.
//!
//! Who may see a chat may read all of it, also what was written while it was elsewhere; notes and
//! other records for the staff stay with the staff.

use shared::{
    event::Event,
    fold::{ChatView, DeskView},
    id::{ChatId, Cursor, Pos, Seq, UserId},
    model::Chat,
    record::Record,
};

use crate::{
    desk::{
        Rejection, Who,
        visibility::{Audience, Scope, Viewer, visible},
    },
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

/// Bytes of all records of a snapshot, shared out evenly among its chats. With chats, people and
/// departments it stays far below what a socket may have to write at once.
const SNAPSHOT_BYTES: usize = 1024 * 1024;
/// Bytes of the records of a page.
const PAGE_BYTES: usize = 512 * 1024;
/// Records that are read at once while a chat is folded from its beginning.
const FOLD_RECORDS: usize = 512;

/// What `who` is and may see now, with the newest `records_max` records of each chat as far as
/// [`SNAPSHOT_BYTES`] go, and the last record that is in it. None for an unknown or disabled user.
///
/// Rights and view are of one moment: a change of the rights is in both or still to come.
pub(super) async fn snapshot(
    hub: &Hub,
    who: &Who,
    chats_max: usize,
    records_max: usize,
) -> Result<Option<(Pos, Viewer, DeskView)>, PastError> {
    let who = who.clone();
    let asked = hub.ask_at(move |desk, head| {
        let viewer = desk.viewer(&who)?;
        let view = desk.view(&viewer, chats_max);
        Some((head, viewer, view))
    });
    let Some((pos, viewer, mut view)) = asked.await? else {
        return Ok(None);
    };
    let share = SNAPSHOT_BYTES / view.chats.len().max(1);
    for chat in &mut view.chats {
        let range = (Some(chat.chat.seq.next()), None);
        let most = (records_max, share);
        let page = page_within(hub, &viewer, chat.chat.id, range, most).await?;
        chat.events = page.map(|(records, _)| records).unwrap_or_default();
    }
    Ok(Some((pos, viewer, view)))
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
    let page = page(hub, viewer, id, Some(chat.seq.next()), None, records_max).await?;
    let events = page.map(|(records, _)| records).unwrap_or_default();
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

/// What is wrong with a command to a chat that the desk has let go of: it is closed for those who
/// may see it, and there is no such chat for everyone else.
pub(super) async fn judge_archived(
    hub: &Hub,
    viewer: Option<&Viewer>,
    chat: ChatId,
) -> Result<Rejection, PastError> {
    let seen = match viewer {
        Some(viewer) => sees(hub, viewer, chat).await?,
        None => false,
    };
    Ok(if seen {
        Rejection::ChatClosed { chat }
    } else {
        Rejection::NoChat { chat }
    })
}

/// Whether `viewer` may see the chat as its newest record left it.
pub(super) async fn sees(hub: &Hub, viewer: &Viewer, id: ChatId) -> Result<bool, PastError> {
    Ok(sight(hub, viewer, id).await?.is_some())
}

/// Where the chat is, when `viewer` may see it as its newest record left it.
pub(super) async fn sight(
    hub: &Hub,
    viewer: &Viewer,
    id: ChatId,
) -> Result<Option<Scope>, PastError> {
    let scope = scope(hub, id).await?.map(|scope| Scope {
        audience: Audience::Public,
        left: None,
        ..scope
    });
    Ok(scope.filter(|scope| visible(viewer, scope)))
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
/// asked: before `before`, else after `after`, else the newest. Long ones are fewer, so that a
/// page fits into a frame. None when `viewer` may not see the chat.
pub(super) async fn page(
    hub: &Hub,
    viewer: &Viewer,
    id: ChatId,
    before: Option<Seq>,
    after: Option<Seq>,
    limit: usize,
) -> Result<Option<(Vec<Record>, bool)>, PastError> {
    page_within(hub, viewer, id, (before, after), (limit, PAGE_BYTES)).await
}

/// The same with at most `bytes_max` bytes of records, or one record that has more.
async fn page_within(
    hub: &Hub,
    viewer: &Viewer,
    id: ChatId,
    (before, after): (Option<Seq>, Option<Seq>),
    (limit, bytes_max): (usize, usize),
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
        let exhausted = chunk.len() <= limit;
        if forward {
            range.after = last.seq;
        } else {
            range.before = first.seq;
        }
        let mut readable = chunk
            .into_iter()
            .filter(|stored| reads(viewer, stored))
            .collect::<Vec<_>>();
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
    if !forward {
        found.reverse();
    }
    let mut bytes = 0;
    let fits = |stored: &&StoredRecord| {
        bytes += stored.body.len();
        bytes <= bytes_max
    };
    let fitting = found.iter().take(limit).take_while(fits).count();
    let count = fitting.max(1).min(found.len());
    let more = count < found.len();
    found.truncate(count);
    if !forward {
        found.reverse();
    }
    let records = found.iter().map(StoredRecord::record);
    Ok(Some((records.collect::<Result<_, _>>()?, more)))
}

/// Whether the record changes what `me` may see.
pub(super) fn changes_rights(me: UserId, stored: &StoredRecord) -> Result<bool, StoreError> {
    if stored.chat.is_some() {
        return Ok(false);
    }
    Ok(match stored.record()?.event {
        Event::UserUpdated { user } => user.id == me,
        Event::UserDeleted { user } => user == me,
        _ => false,
    })
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

/// Whether one who sees the chat may read this record of it.
pub(super) fn reads(viewer: &Viewer, stored: &StoredRecord) -> bool {
    viewer.role.is_staff() || visible(viewer, &stored.scope)
}

/// A chat that the desk has let go of, from those of its records that `viewer` may read.
pub(super) async fn fold(
    hub: &Hub,
    viewer: &Viewer,
    id: ChatId,
) -> Result<Option<Chat>, PastError> {
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
