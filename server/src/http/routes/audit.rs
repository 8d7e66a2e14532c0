//! The audit: who used which right when, from the log's own records, and whether the log is what
//! was written.

use shared::{
    api::AuditVerdict,
    id::{Pos, UserId},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

use crate::{
    desk::permission::Action,
    http::{
        call::Call,
        errors::Failure,
        query::{AFTER, Kind, LIMIT, Param},
        route::{Access::Bearer, Answer, Route},
    },
    hub::PART,
    store::{Head, Store, StoreError, StoredRecord},
};

const ACTOR: Param = Param::new("actor", Kind::Number, "Only what this user did, by number.");
const KIND: Param = Param::new(
    "kind",
    Kind::Text,
    "Only events of this kind, such as `user_updated`.",
);
const SINCE: Param = Param::new("since", Kind::Text, "Only from this time on, in RFC 3339.");
const HEAD: Param = Param::new(
    "head",
    Kind::Text,
    "A head that an earlier verdict gave, as `POS:HASH`: finds a past that was written anew and \
     an end that was cut off.",
);

/// Records that are read at once.
const RECORDS: usize = 512;
/// Records that one request passes over; the next goes on behind them.
const PASSED_OVER_MAX: usize = 100_000;

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/audit",
        "read_audit",
        Bearer(Action::ReadAudit),
        |call| Box::pin(list(call)),
        "Lists the privileged acts, oldest first: who, when, what, and what it came to.",
    )
    .query(&[ACTOR, KIND, SINCE, LIMIT, AFTER])
    .gives::<shared::api::Page<Record>>(200),
    Route::get(
        "/api/audit/verify",
        "verify_audit",
        Bearer(Action::ReadAudit),
        |call| Box::pin(verify(call)),
        "Reads the whole log and says whether it is what was written.",
    )
    .query(&[HEAD])
    .gives::<AuditVerdict>(200),
];

/// What is asked for.
struct Wanted {
    actor: Option<UserId>,
    kind: Option<String>,
}

impl Wanted {
    /// The record, if it is one. Most are told by their header.
    fn take(&self, stored: &StoredRecord) -> Result<Option<Record>, StoreError> {
        let may_be = (stored.chat.is_none() || stored.kind == "chat_assigned")
            && self.kind.as_ref().is_none_or(|kind| *kind == stored.kind)
            && self
                .actor
                .is_none_or(|actor| stored.actor.id == Some(actor));
        if !may_be {
            return Ok(None);
        }
        let record = stored.record()?;
        Ok(record.is_privileged().then_some(record))
    }
}

async fn list(call: Call) -> Answer {
    let wanted = Wanted {
        actor: call.query.value(ACTOR.name)?,
        kind: call.query.text(KIND.name).map(str::to_owned),
    };
    let since: Option<Timestamp> = call.query.value(SINCE.name)?;
    let limit = call.query.limit()?;
    let after: Option<Pos> = call.query.value(AFTER.name)?;
    call.count()?;
    let _permit = call.few().await?;
    let store = call.app.hub.store();
    let mut at = match (after, since) {
        (Some(after), _) => after,
        (None, Some(since)) => before(store, since).await?,
        (None, None) => Pos(0),
    };
    let (mut items, mut passed_over) = (Vec::new(), 0);
    let next = 'pages: loop {
        let records = store.read(PART, at, RECORDS).await?;
        if records.is_empty() {
            break None;
        }
        passed_over += records.len();
        for stored in &records {
            if let Some(record) = wanted.take(stored)? {
                if items.len() == limit {
                    break 'pages Some(at.to_string());
                }
                items.push(record);
            }
            at = stored.pos;
        }
        if passed_over >= PASSED_OVER_MAX {
            break Some(at.to_string());
        }
    };
    call.answer(&shared::api::Page { items, next })
}

/// The last position before a time: times of records never go back.
async fn before(store: &Store, since: Timestamp) -> Result<Pos, StoreError> {
    let (mut low, mut high) = (0, store.head(PART).0.0);
    while low < high {
        let middle = low + (high - low) / 2;
        let found = store.read(PART, Pos(middle), 1).await?;
        if found.first().is_some_and(|record| record.at < since) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(Pos(low))
}

async fn verify(call: Call) -> Answer {
    let head = call.query.text(HEAD.name);
    let head: Option<Head> = head.map(str::parse).transpose().map_err(Failure::invalid)?;
    call.count()?;
    let _permit = call.few().await?;
    let verdict = call.app.hub.store().verify(PART, head).await?;
    if !verdict.problems.is_empty() {
        tracing::error!(problems = ?verdict.problems, "the log is not what was written");
    }
    let problems = verdict.problems.iter();
    call.answer(&AuditVerdict {
        head: SafeText::line(&verdict.head.to_string()),
        erased: verdict.erased,
        problems: problems.map(|problem| SafeText::line(problem)).collect(),
    })
}
