//! Pages of closed chats. The desk has let go of them, so each is made again from its records.
//!
//! Chats are numbered without gaps: the newest come first, and `next` is the last number that was
//! looked at. Where a chat is and who may see it costs one record, so that filters that pass few
//! chats are cheap for those that they do not pass. A request looks at so many and no longer than
//! so; a page that ends early says where to go on, however many chats there ever were.

use std::time::{Duration, Instant};

use shared::{
    api::Page,
    id::{ChatId, DepartmentId, UserId},
    model::Chat,
};

use super::past::{self, PastError};
use crate::{desk::visibility::Viewer, hub::Hub};

/// Chats that one request may look at.
const LOOKED_AT_MAX: usize = 2_000;
/// Time after which a request looks no further.
const LOOKING_TIME_MAX: Duration = Duration::from_millis(150);
/// Numbers that are asked of the desk at once.
const STEP_CHATS: usize = 256;

/// Which closed chats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// That were in this department at their end.
    pub(super) department: Option<DepartmentId>,
    /// Of this customer.
    pub(super) customer: Option<UserId>,
    /// That this user owned at their end.
    pub(super) owner: Option<UserId>,
    /// That one owned, or asked in.
    pub(super) mine: bool,
}

/// At most `limit` closed chats that `viewer` may see, the newest before `before` first.
pub(super) async fn page(
    hub: &Hub,
    viewer: &Viewer,
    wanted: Wanted,
    mut before: Option<ChatId>,
    limit: usize,
) -> Result<Page<Chat>, PastError> {
    let started = Instant::now();
    let mut items: Vec<Chat> = Vec::new();
    let mut looked_at = 0;
    let next = loop {
        let asked = before;
        let ids = hub
            .ask(move |desk| desk.closed_before(asked, STEP_CHATS))
            .await?;
        let Some(&last) = ids.last() else {
            break None;
        };
        for id in &ids {
            let Some(chat) = chat(hub, viewer, wanted, *id).await? else {
                continue;
            };
            if items.len() == limit {
                let next = items.last().map(|chat| chat.id.to_string());
                return Ok(Page { items, next });
            }
            items.push(chat);
        }
        before = Some(last);
        looked_at += ids.len();
        if looked_at >= LOOKED_AT_MAX || started.elapsed() >= LOOKING_TIME_MAX {
            break Some(last.to_string());
        }
    };
    Ok(Page { items, next })
}

/// The chat, if it is wanted and in sight.
async fn chat(
    hub: &Hub,
    viewer: &Viewer,
    wanted: Wanted,
    id: ChatId,
) -> Result<Option<Chat>, PastError> {
    let Some(scope) = past::sight(hub, viewer, id).await? else {
        return Ok(None);
    };
    let is = |wanted: Option<u64>, has: Option<u64>| wanted.is_none() || wanted == has;
    if !is(
        wanted.department.map(|id| id.0),
        scope.department.map(|id| id.0),
    ) || !is(
        wanted.customer.map(|id| id.0),
        scope.customer.map(|id| id.0),
    ) {
        return Ok(None);
    }
    let me = viewer.id;
    let found = past::fold(hub, viewer, id).await?;
    Ok(found.filter(|chat| {
        wanted.owner.is_none_or(|owner| chat.owner == Some(owner))
            && (!wanted.mine || chat.owner == Some(me) || chat.customer == me)
    }))
}
