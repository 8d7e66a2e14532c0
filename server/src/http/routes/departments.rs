//! Departments.

use std::ops::ControlFlow;

use shared::{
    api::{Listed, Page, PublicDepartment},
    command::{Command, DepartmentChange, DepartmentRef, NewDepartment},
    event::Event,
    id::{DepartmentId, Pos},
    model::Department,
};
use warp::http::StatusCode;

use crate::{
    desk::{Rejection, permission::Action},
    http::{
        call::{Call, counted, no_body, whole},
        errors::Failure,
        query::{AFTER, DRY_RUN, LIMIT},
        route::{
            Access::{Anyone, Bearer},
            Answer, Route,
        },
    },
    hub::PART,
};

/// Making a department takes no more records than this.
const RECORDS_MAX: u64 = 16;

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/departments",
        "list_departments",
        Bearer(Action::ListDepartments),
        |call| Box::pin(list(call)),
        "Lists the departments.",
    )
    .query(&[LIMIT, AFTER])
    .gives::<Listed<Department>>(200),
    Route::post(
        "/api/departments",
        "create_department",
        Bearer(Action::CreateDepartment),
        |call| Box::pin(create(call)),
        "Makes a department.",
    )
    .query(&[DRY_RUN])
    .takes::<NewDepartment>()
    .gives::<Department>(201),
    Route::get(
        "/api/departments/active",
        "list_open_departments",
        Anyone(Action::ListOpenDepartments),
        |call| Box::pin(active(call)),
        "Lists the departments that take chats, with what they ask.",
    )
    .gives::<Page<PublicDepartment>>(200),
    Route::get(
        "/api/departments/{id}",
        "read_department",
        Bearer(Action::ListDepartments),
        |call| Box::pin(read(call)),
        "Reads a department.",
    )
    .gives::<Department>(200),
    Route::put(
        "/api/departments/{id}",
        "update_department",
        Bearer(Action::UpdateDepartment),
        |call| Box::pin(update(call)),
        "Changes a department; what is not said stays.",
    )
    .query(&[DRY_RUN])
    .if_match()
    .takes::<DepartmentChange>()
    .gives::<Department>(200),
    Route::delete(
        "/api/departments/{id}",
        "delete_department",
        Bearer(Action::DeleteDepartment),
        |call| Box::pin(delete(call)),
        "Deletes a department that has no open chats and is not the default.",
    )
    .query(&[DRY_RUN])
    .if_match(),
];

async fn list(call: Call) -> Answer {
    let limit = call.query.limit()?;
    let after: DepartmentId = call.query.value(AFTER.name)?.unwrap_or_default();
    let found = call
        .ask(move |desk| {
            let total = (after == DepartmentId(0)).then(|| desk.departments().count());
            let later = desk.departments().filter(|one| one.id > after);
            (later.take(limit + 1).cloned().collect(), total)
        })
        .await?;
    call.answer(&counted(found, limit, |one: &Department| {
        one.id.to_string()
    }))
}

async fn active(call: Call) -> Answer {
    let found: Vec<_> = call
        .ask(|desk| {
            let open = desk.departments().filter(|one| one.active);
            open.map(|one| PublicDepartment {
                id: one.id,
                name: one.name.clone(),
                description: one.description.clone(),
                default: one.default,
                form: one.form.clone(),
            })
            .collect()
        })
        .await?;
    call.answer(&whole(found))
}

async fn read(call: Call) -> Answer {
    let department = department(&call, call.id()?).await?;
    call.answer(&department)
}

async fn create(call: Call) -> Answer {
    let new: NewDepartment = call.json()?;
    let outcome = match call.submit(None, Command::CreateDepartment(new)).await? {
        ControlFlow::Continue(outcome) => outcome,
        ControlFlow::Break(plan) => return Ok(plan),
    };
    let made = made(&call, outcome.pos).await?;
    let department = department(&call, made.id).await.unwrap_or(made);
    call.answer(&department)
}

async fn update(call: Call) -> Answer {
    let id = call.id()?;
    let change: DepartmentChange = call.json()?;
    let rev = call.rev()?;
    let command = Command::UpdateDepartment { id, change, rev };
    if let ControlFlow::Break(plan) = call.submit(None, command).await? {
        return Ok(plan);
    }
    let department = department(&call, id).await?;
    call.answer(&department)
}

async fn delete(call: Call) -> Answer {
    let command = Command::DeleteDepartment {
        id: call.id()?,
        rev: call.rev()?,
    };
    Ok(match call.submit(None, command).await? {
        ControlFlow::Break(plan) => plan,
        ControlFlow::Continue(_) => no_body(StatusCode::NO_CONTENT),
    })
}

async fn department(call: &Call, id: DepartmentId) -> Result<Department, Failure> {
    let found = call
        .ask(move |desk| desk.department(&DepartmentRef::Id(id)).cloned())
        .await?;
    let missing = || Rejection::NoDepartment {
        name: id.to_string(),
    };
    Ok(found.ok_or_else(missing)?)
}

/// The department that the command with the last record `pos` made: the newest one until there.
async fn made(call: &Call, pos: Pos) -> Result<Department, Failure> {
    let before = Pos(pos.0.saturating_sub(RECORDS_MAX));
    let store = call.app.hub.store();
    let records = store.read(PART, before, RECORDS_MAX as usize).await?;
    for stored in records.iter().rev().filter(|stored| stored.pos <= pos) {
        if let Event::DepartmentCreated { department } = stored.record()?.event {
            return Ok(department);
        }
    }
    Err(Failure::internal("a new department is not in the log"))
}
