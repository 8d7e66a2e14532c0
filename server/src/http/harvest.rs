//! Reading chats for what people answered in them, the newest first.
//!
//! Of every chat in sight its first records are read, so many chats and no longer than so; what
//! there was no time for is said.

use std::time::{Duration, Instant};

use shared::{assistant::Redact, id::ChatId};

use super::past::{self, PastError};
use crate::{
    assistant::{
        knowledge::harvest::{self, Harvest},
        redact::Redaction,
    },
    desk::visibility::Viewer,
    hub::{Hub, PART},
    store::{SeqRange, StoredRecord, Take},
};

/// Chats that one request looks at.
const LOOKED_AT_MAX: u64 = 2_000;
/// Time after which a request looks no further.
const LOOKING_TIME_MAX: Duration = Duration::from_secs(1);
/// Records of a chat that are read: its first request and the answer are at its beginning.
const RECORDS_MAX: usize = 500;

/// What was found.
pub(super) struct Found {
    /// Of each chat, the newest first.
    pub(super) harvests: Vec<Harvest>,
    /// Chats that were looked at.
    pub(super) chats: u64,
    /// Whether there are older ones.
    pub(super) partial: bool,
}

/// What `viewer` may see of what people answered. Numbers, addresses and what follows the word
/// password are masked, whatever the settings say of a model.
pub(super) async fn harvest(hub: &Hub, viewer: &Viewer) -> Result<Found, PastError> {
    let started = Instant::now();
    let mut found = Found {
        harvests: Vec::new(),
        chats: 0,
        partial: false,
    };
    let newest = hub
        .ask(|desk| {
            let open = desk.chats().map(|chat| chat.id).max();
            desk.closed_before(None, 1).first().copied().max(open)
        })
        .await?;
    let newest = newest.map_or(0, |id| id.0);
    for id in (1..=newest).rev().map(ChatId) {
        if found.chats >= LOOKED_AT_MAX || started.elapsed() >= LOOKING_TIME_MAX {
            found.partial = true;
            break;
        }
        if past::sight(hub, viewer, id).await?.is_none() {
            continue;
        }
        found.chats += 1;
        let stored = hub
            .store()
            .history(PART, id, SeqRange::default(), Take::First(RECORDS_MAX))
            .await?;
        let records = stored.iter().map(StoredRecord::record);
        let records: Vec<_> = records.collect::<Result<_, _>>()?;
        let mut redaction = Redaction::new(Redact::Basic, None);
        let harvest = harvest::harvest(id, &records, &mut |text| redaction.redact(text));
        found.harvests.push(harvest);
    }
    Ok(found)
}
