//! The desk as code: its document, what another document would change, and applying one.

use std::collections::BTreeSet;

use shared::{
    command::ApplyDesk,
    desk::{Applied, DOCUMENT_BYTES_MAX, Diff, Document, Kind, Totals, kinds},
    event::Event,
};

use crate::{
    accounts::AccountError,
    desk::{NewRecord, Rejection, code::Plan, permission::Action},
    http::{
        call::Call,
        errors::Failure,
        query::{DRY_RUN, Kind as Of, Param},
        route::{Access::Bearer, Answer, Route},
    },
    hub::SubmitError,
};

/// How often an apply that expects no certain desk is tried on one that moves meanwhile.
const TRIES_MAX: u32 = 3;

const PRUNE: Param = Param::new(
    "prune",
    Of::Text,
    "Kinds with commas: delete of them what the document does not name.",
);
const EXPECT: Param = Param::new(
    "expect",
    Of::Text,
    "The `expect` of a diff: refuse when the desk is not the one it was made against.",
);

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/export",
        "export",
        Bearer(Action::ReadSettings),
        |call| Box::pin(export(call)),
        "Gives the desk as a document.",
    )
    .gives::<Document>(200),
    Route::post(
        "/api/diff",
        "diff",
        Bearer(Action::ChangeSettings),
        |call| Box::pin(diff(call)),
        "Says what a document would change, or everything that is wrong with it.",
    )
    .query(&[PRUNE])
    .takes::<Document>()
    .body_max(DOCUMENT_BYTES_MAX)
    .gives::<Diff>(200),
    Route::post(
        "/api/apply",
        "apply",
        Bearer(Action::ChangeSettings),
        |call| Box::pin(apply(call)),
        "Makes the desk what a document says, whole or not at all; new users are invited.",
    )
    .query(&[PRUNE, EXPECT, DRY_RUN])
    .takes::<Document>()
    .body_max(DOCUMENT_BYTES_MAX)
    .gives::<Applied>(200),
];

async fn export(call: Call) -> Answer {
    let document = call.ask(|desk| desk.export()).await?;
    call.answer(&document)
}

async fn diff(call: Call) -> Answer {
    let (document, prune) = asked(&call)?;
    call.count()?;
    let taken = call.app.accounts.taken(&document).await?;
    let (expect, plan) = plan(&call, document, prune).await?;
    let mut diff = Diff {
        expect,
        changes: Vec::new(),
        totals: Totals::default(),
        problems: taken,
    };
    match plan {
        Ok(plan) => (diff.changes, diff.totals) = (plan.changes, plan.totals),
        Err(Rejection::Unfit { problems }) => diff.problems.extend(problems),
        Err(rejection) => return Err(rejection.into()),
    }
    call.answer(&diff)
}

async fn apply(call: Call) -> Answer {
    let (document, prune) = asked(&call)?;
    call.count()?;
    let cid = call.cid(None)?;
    let wanted = call.query.text(EXPECT.name).map(str::to_owned);
    for attempt in 1.. {
        // What is told is what is done: the desk refuses any other state than that of the plan.
        let (expect, plan) = plan(&call, document.clone(), prune.clone()).await?;
        if call.is_dry_run() {
            return dry(&call, &document, plan, &expect, wanted.as_ref()).await;
        }
        let apply = ApplyDesk {
            document: document.clone(),
            prune: prune.clone(),
            expect: wanted.clone().unwrap_or(expect),
        };
        let session = call.session()?;
        let accounts = &call.app.accounts;
        let done = match accounts.apply_desk(session, cid.clone(), apply).await {
            Err(AccountError::Submit(SubmitError::Rejected(Rejection::Revised { .. })))
                if wanted.is_none() && attempt < TRIES_MAX =>
            {
                continue;
            }
            done => done?,
        };
        let mut applied = Applied {
            dry_run: false,
            dup: done.before.is_some(),
            changes: Vec::new(),
            totals: done.before.unwrap_or_default(),
            codes: done.codes,
        };
        if done.before.is_none() {
            let plan = plan?;
            send_away(&call, &plan.records).await?;
            (applied.changes, applied.totals) = (plan.changes, plan.totals);
        }
        return call.answer(&applied);
    }
    Err(Failure::internal("an apply was given up"))
}

/// The answer to an apply that is not to be done.
async fn dry(
    call: &Call,
    document: &Document,
    plan: Result<Plan, Rejection>,
    expect: &str,
    wanted: Option<&String>,
) -> Answer {
    if wanted.is_some_and(|wanted| wanted != expect) {
        let what = shared::text::SafeText::line("the desk");
        let rev = call.ask(|desk| desk.pos().0).await?;
        return Err(Rejection::Revised { what, rev }.into());
    }
    let problems = call.app.accounts.taken(document).await?;
    if !problems.is_empty() {
        return Err(Rejection::Unfit { problems }.into());
    }
    let plan = plan?;
    call.answer(&Applied {
        dry_run: true,
        dup: false,
        changes: plan.changes,
        totals: plan.totals,
        codes: Vec::new(),
    })
}

/// The document of the body, and of which kinds the rest shall go.
fn asked(call: &Call) -> Result<(Document, BTreeSet<Kind>), Failure> {
    let prune = call.query.text(PRUNE.name).unwrap_or_default();
    let prune = kinds(prune).map_err(|why| Failure::invalid(format!("prune: {why}")))?;
    Ok((call.json()?, prune))
}

/// The state of the desk, and what the document comes to on it.
async fn plan(
    call: &Call,
    document: Document,
    prune: BTreeSet<Kind>,
) -> Result<(String, Result<Plan, Rejection>), Failure> {
    let who = call.who();
    let now = call.app.hub.now();
    call.ask(move |desk| (desk.export_hash(), desk.plan(&who, &document, &prune, now)))
        .await
}

/// Ends what the users have begun who may not log in any more.
async fn send_away(call: &Call, records: &[NewRecord]) -> Result<(), Failure> {
    for record in records {
        match &record.event {
            Event::UserUpdated { user } if !user.active => {
                call.app.accounts.end_all(user.id).await;
            }
            Event::UserDeleted { user } => call.app.accounts.forget(*user).await?,
            _ => {}
        }
    }
    Ok(())
}
