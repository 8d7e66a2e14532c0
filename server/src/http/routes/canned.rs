//! Canned replies.

use std::ops::ControlFlow;

use shared::{
    api::Listed,
    command::{CannedChange, Command, NewCanned},
    event::Event,
    id::{CannedId, DepartmentId, Pos},
    model::{Canned, CannedScope},
};
use warp::http::StatusCode;

use crate::{
    desk::{Rejection, permission::Action},
    http::{
        call::{Call, counted, no_body},
        errors::Failure,
        query::{AFTER, DRY_RUN, Kind, LIMIT, Param},
        route::{Access::Bearer, Answer, Route},
    },
    hub::PART,
};

const SCOPE: Param = Param::new(
    "scope",
    Kind::OneOf(&["global", "department", "personal"]),
    "Only of this scope.",
);
const DEPARTMENT: Param = Param::new("department", Kind::Number, "Only of this department.");
const WORDS: Param = Param::new(
    "q",
    Kind::Text,
    "Only with this in the code or the text, without regard to case.",
);

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/canned",
        "list_canned",
        Bearer(Action::ListCanned),
        |call| Box::pin(list(call)),
        "Lists the canned replies in sight.",
    )
    .query(&[SCOPE, DEPARTMENT, WORDS, LIMIT, AFTER])
    .gives::<Listed<Canned>>(200),
    Route::post(
        "/api/canned",
        "create_canned",
        Bearer(Action::CreateCanned),
        |call| Box::pin(create(call)),
        "Makes a canned reply.",
    )
    .query(&[DRY_RUN])
    .takes::<NewCanned>()
    .gives::<Canned>(201),
    Route::get(
        "/api/canned/{id}",
        "read_canned",
        Bearer(Action::ListCanned),
        |call| Box::pin(read(call)),
        "Reads a canned reply.",
    )
    .gives::<Canned>(200),
    Route::put(
        "/api/canned/{id}",
        "update_canned",
        Bearer(Action::UpdateCanned),
        |call| Box::pin(update(call)),
        "Changes a canned reply; what is not said stays.",
    )
    .query(&[DRY_RUN])
    .if_match()
    .takes::<CannedChange>()
    .gives::<Canned>(200),
    Route::delete(
        "/api/canned/{id}",
        "delete_canned",
        Bearer(Action::DeleteCanned),
        |call| Box::pin(delete(call)),
        "Deletes a canned reply.",
    )
    .query(&[DRY_RUN])
    .if_match(),
];

/// Which canned replies of a list are wanted.
struct Filter {
    scope: Option<String>,
    department: Option<DepartmentId>,
    words: Option<String>,
}

impl Filter {
    fn of(call: &Call) -> Result<Self, Failure> {
        Ok(Self {
            scope: call.query.text(SCOPE.name).map(str::to_owned),
            department: call.query.value(DEPARTMENT.name)?,
            words: call.query.text(WORDS.name).map(str::to_lowercase),
        })
    }

    fn passes(&self, canned: &Canned) -> bool {
        let (kind, department) = match canned.scope {
            CannedScope::Global => ("global", None),
            CannedScope::Department { department } => ("department", Some(department)),
            CannedScope::Personal { .. } => ("personal", None),
        };
        let says = |words: &String| {
            canned.code.contains(words.as_str()) || canned.text.to_lowercase().contains(words)
        };
        self.scope.as_ref().is_none_or(|scope| *scope == kind)
            && (self.department.is_none() || self.department == department)
            && self.words.as_ref().is_none_or(says)
    }
}

async fn list(call: Call) -> Answer {
    let limit = call.query.limit()?;
    let after: CannedId = call.query.value(AFTER.name)?.unwrap_or_default();
    let filter = Filter::of(&call)?;
    let viewer = call.viewer()?.clone();
    let found = call
        .ask(move |desk| {
            let all = desk.canned_in_sight(&viewer);
            let fitting: Vec<_> = all.filter(|one| filter.passes(one)).collect();
            let total = (after == CannedId(0)).then_some(fitting.len());
            let later = fitting.into_iter().filter(|one| one.id > after);
            (later.take(limit + 1).cloned().collect(), total)
        })
        .await?;
    call.answer(&counted(found, limit, |one: &Canned| one.id.to_string()))
}

async fn read(call: Call) -> Answer {
    let canned = canned(&call, call.id()?).await?;
    call.answer(&canned)
}

async fn create(call: Call) -> Answer {
    let new: NewCanned = call.json()?;
    let outcome = match call.submit(None, Command::CreateCanned(new)).await? {
        ControlFlow::Continue(outcome) => outcome,
        ControlFlow::Break(plan) => return Ok(plan),
    };
    let made = made(&call, outcome.pos).await?;
    let canned = canned(&call, made.id).await.unwrap_or(made);
    call.answer(&canned)
}

async fn update(call: Call) -> Answer {
    let id = call.id()?;
    let change: CannedChange = call.json()?;
    let rev = call.rev()?;
    let command = Command::UpdateCanned { id, change, rev };
    if let ControlFlow::Break(plan) = call.submit(None, command).await? {
        return Ok(plan);
    }
    let canned = canned(&call, id).await?;
    call.answer(&canned)
}

async fn delete(call: Call) -> Answer {
    let command = Command::DeleteCanned {
        id: call.id()?,
        rev: call.rev()?,
    };
    Ok(match call.submit(None, command).await? {
        ControlFlow::Break(plan) => plan,
        ControlFlow::Continue(_) => no_body(StatusCode::NO_CONTENT),
    })
}

async fn canned(call: &Call, id: CannedId) -> Result<Canned, Failure> {
    let viewer = call.viewer()?.clone();
    let found = call
        .ask(move |desk| desk.canned_for(&viewer, id).cloned())
        .await?;
    Ok(found.ok_or(Rejection::NoCanned { id })?)
}

/// The canned reply that the command with the record `pos`, its only one, made.
async fn made(call: &Call, pos: Pos) -> Result<Canned, Failure> {
    let before = Pos(pos.0.saturating_sub(1));
    let records = call.app.hub.store().read(PART, before, 1).await?;
    for stored in records.iter().filter(|stored| stored.pos == pos) {
        if let Event::CannedCreated { canned } = stored.record()?.event {
            return Ok(canned);
        }
    }
    Err(Failure::internal("a new canned reply is not in the log"))
}
