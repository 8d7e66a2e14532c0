//! Searching the past for someone: what has the words and may be seen, newest first.
//!
//! The store finds records and compares them; who may see one is asked here as everywhere: of
//! its chat as it is now, then of the record. Work is bounded by records and by time; a page that
//! ends early says where to go on.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use shared::{
    api::{SearchHit, SearchPage},
    event::Event,
    id::{ChatId, DepartmentId, Pos, Seq},
    model::Visibility,
    search::{Query, text_of},
    text::SafeText,
};

use super::past::{self, PastError};
use crate::{
    desk::visibility::Viewer,
    hub::{Hub, PART},
    store::{SeqRange, StoredRecord, Take},
};

/// Records that one request may have compared.
const COMPARED_MAX: usize = 10_000;
/// Time after which a request looks no further.
const SEARCH_TIME_MAX: Duration = Duration::from_millis(150);
/// Matching records that are asked for at once.
const STEP_RECORDS: usize = 256;

/// At most `limit` records that match, of `only` one department if it is given.
pub(super) async fn search(
    hub: &Hub,
    viewer: &Viewer,
    query: &Query,
    only: Option<DepartmentId>,
    mut before: Option<Pos>,
    limit: usize,
) -> Result<SearchPage, PastError> {
    let started = Instant::now();
    let mut seen = BTreeMap::new();
    let mut page = SearchPage {
        items: Vec::new(),
        next: None,
        partial: false,
    };
    let mut last = None;
    let mut compared = 0;
    loop {
        let found = hub
            .store()
            .search(PART, query, before, STEP_RECORDS)
            .await?;
        page.partial |= found.partial;
        compared += found.compared;
        for stored in &found.records {
            let Some(chat) = stored.chat else { continue };
            let sight = match seen.get(&chat) {
                Some(sight) => *sight,
                None => {
                    let scope = past::sight(hub, viewer, chat).await?;
                    let fits = |id| only.is_none_or(|only| Some(only) == id);
                    let sight = scope.is_some_and(|scope| fits(scope.department));
                    seen.insert(chat, sight);
                    sight
                }
            };
            if !sight || !past::reads(viewer, stored) {
                continue;
            }
            let Some(hit) = hit(hub, query, chat, stored).await? else {
                continue;
            };
            if page.items.len() == limit {
                page.next = last;
                return Ok(page);
            }
            page.items.push(hit);
            last = Some(stored.pos.to_string());
        }
        before = found.next;
        let Some(next) = found.next else {
            return Ok(page);
        };
        if compared >= COMPARED_MAX || started.elapsed() >= SEARCH_TIME_MAX {
            page.next = Some(next.to_string());
            return Ok(page);
        }
    }
}

/// What is told of a record; none when its text is gone in the meantime.
async fn hit(
    hub: &Hub,
    query: &Query,
    chat: ChatId,
    stored: &StoredRecord,
) -> Result<Option<SearchHit>, PastError> {
    let record = stored.record()?;
    let excerpt = text_of(&record.event).and_then(|text| query.excerpt(&text));
    let (Some(excerpt), Some(seq)) = (excerpt, record.seq) else {
        return Ok(None);
    };
    let mut hit = SearchHit {
        chat,
        seq,
        at: record.at,
        actor: record.actor,
        visibility: match record.event {
            Event::MessagePosted { visibility, .. } | Event::MessageEdited { visibility, .. } => {
                visibility
            }
            _ => Visibility::Public,
        },
        excerpt: SafeText::line(&excerpt.text),
        marks: excerpt.marks,
    };
    if let Event::MessageEdited { seq, .. } = record.event {
        hit.seq = seq;
        let range = SeqRange {
            after: Some(Seq(seq.0 - 1)),
            before: None,
        };
        let original = hub
            .store()
            .history(PART, chat, range, Take::First(1))
            .await?;
        if let Some(original) = original.first() {
            hit.at = original.at;
            hit.actor = original.record()?.actor;
        }
    }
    Ok(Some(hit))
}
