//! The desk as code: what it looks like as a document, and how a document becomes the desk.
//!
//! A document is applied by the very commands that people use one by one, tried in an order in
//! which each can be done on a rehearsal of the desk. So no rule is repeated here, and all that is
//! wrong with a document is known at once. What changes is told by comparing the document of the
//! desk before with the one after.

mod compare;
mod export;
mod key;
mod rehearsal;

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use shared::{
    command::ApplyDesk,
    desk::{Change, Deed, Document, FORMAT, Kind, Problem, Totals},
    event::Event,
    id::hex,
    text::SafeText,
    time::Timestamp,
};

use super::{
    Desk, NewRecord, Party, Rejection, Who,
    permission::{Action, Column, ObjectRule},
};

use self::rehearsal::Rehearsal;

/// What applying a document would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What becomes of each thing.
    pub changes: Vec<Change>,
    /// How many of each.
    pub totals: Totals,
    /// The records, without the one at their head that says who applied what.
    pub records: Vec<NewRecord>,
}

impl Desk {
    /// What `document` would change when `who` applies it, and what of the kinds in `prune` that
    /// the document does not name would be deleted.
    ///
    /// # Errors
    /// [`Rejection::Unfit`] with everything that is wrong with it, and [`Rejection::Invalid`] for
    /// another format.
    pub fn plan(
        &self,
        who: &Who,
        document: &Document,
        prune: &BTreeSet<Kind>,
        now: Timestamp,
    ) -> Result<Plan, Rejection> {
        if document.format != FORMAT {
            return Err(Rejection::invalid(
                "format",
                format!("is {}; this hub reads {FORMAT}", document.format),
            ));
        }
        let mut rehearsal = Rehearsal::new(self, who, document, prune, now);
        rehearsal.run();
        let (after, records, mut problems) = rehearsal.end();
        if !after.may_apply(who) {
            problems.push(Problem {
                kind: Kind::User,
                name: after.name(who),
                message: SafeText::line(
                    "could not apply documents any more, and that is you; keep your own role",
                ),
            });
        }
        if !problems.is_empty() {
            return Err(Rejection::Unfit { problems });
        }
        let changes = compare::changes(&self.export(), &after.export(), document);
        let totals = totals(&changes);
        Ok(Plan {
            changes,
            totals,
            records,
        })
    }

    /// Names the state of everything that a document may say: what `expect` is compared with.
    #[must_use]
    pub fn export_hash(&self) -> String {
        hash(&self.export())
    }

    /// The records of an apply: what was applied in all, then each change.
    pub(super) fn apply_desk(
        &self,
        who: &Who,
        party: &Party<'_>,
        apply: &ApplyDesk,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        if self.export_hash() != apply.expect {
            return Err(Rejection::Revised {
                what: SafeText::line("the desk"),
                rev: self.pos().0,
            });
        }
        let plan = self.plan(who, &apply.document, &apply.prune, now)?;
        if plan.records.is_empty() {
            return Ok(Vec::new());
        }
        let applied = Event::DeskApplied {
            created: plan.totals.created,
            updated: plan.totals.updated,
            deleted: plan.totals.deleted,
            hash: SafeText::line(&hash(&apply.document)),
        };
        let head = NewRecord::of_desk(party.actor(), applied);
        Ok([vec![head], plan.records].concat())
    }

    fn may_apply(&self, who: &Who) -> bool {
        let party = self.party(who);
        let column = party.as_ref().map_or(Column::Anonymous, Party::column);
        Action::ChangeSettings.rule(column) != ObjectRule::Never
    }
}

fn totals(changes: &[Change]) -> Totals {
    let mut totals = Totals::default();
    for change in changes {
        *match change.deed {
            Deed::Created => &mut totals.created,
            Deed::Updated => &mut totals.updated,
            Deed::Unchanged => &mut totals.unchanged,
            Deed::Deleted => &mut totals.deleted,
        } += 1;
    }
    totals
}

/// The SHA-256 of a document's JSON, in hexadecimal digits.
fn hash(document: &Document) -> String {
    let json = serde_json::to_vec(document).expect("a document is plain data with text keys");
    hex(&Sha256::digest(&json))
}
