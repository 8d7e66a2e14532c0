//! The staff: who they are and what they mean to do.

use std::ops::ControlFlow;

use shared::{
    api::{
        CreateUser, CreatedUser, Listed, Page, PasswordCode, SessionInfo, SetStatus, StatusAnswer,
    },
    command::{Command, DepartmentRef, NewUser, UserChange},
    id::{DepartmentId, UserId},
    model::{AgentStatus, Interval, Role, User},
    time::Timestamp,
};
use warp::http::StatusCode;

use super::accounts::departments;
use crate::{
    desk::{
        Rejection,
        permission::{Action, Object},
    },
    http::{
        call::{Call, counted, no_body, page, whole},
        errors::Failure,
        query::{AFTER, DRY_RUN, Kind, LIMIT, Param},
        route::{Access::Bearer, Answer, Route},
    },
};

const ROLE: Param = Param::new(
    "role",
    Kind::OneOf(&["auditor", "agent", "supervisor", "admin", "owner"]),
    "Only users of this role.",
);
const STATUS: Param = Param::new(
    "status",
    Kind::OneOf(&["online", "busy", "away", "offline"]),
    "Only users of this status.",
);
const DEPARTMENT: Param = Param::new(
    "department",
    Kind::Text,
    "Only users of this department, by number or name.",
);

const FROM: Param = Param::new(
    "from",
    Kind::Text,
    "Only what was then or later, like 2026-11-20T08:00:00Z; all that is kept when not said.",
);

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/users",
        "list_users",
        Bearer(Action::ListUsers),
        |call| Box::pin(list(call)),
        "Lists the staff.",
    )
    .query(&[LIMIT, AFTER, ROLE, DEPARTMENT, STATUS])
    .gives::<Listed<User>>(200),
    Route::post(
        "/api/users",
        "create_user",
        Bearer(Action::CreateUser),
        |call| Box::pin(create(call)),
        "Makes a member of staff; the answer has the code to set a password.",
    )
    .query(&[DRY_RUN])
    .takes::<CreateUser>()
    .gives::<CreatedUser>(201),
    Route::get(
        "/api/users/agents/available",
        "list_available_agents",
        Bearer(Action::ListUsers),
        |call| Box::pin(available(call)),
        "Lists the agents that can be given a chat now.",
    )
    .query(&[LIMIT, AFTER, DEPARTMENT])
    .gives::<Page<User>>(200),
    Route::get(
        "/api/users/{id}",
        "read_user",
        Bearer(Action::ListUsers),
        |call| Box::pin(read(call)),
        "Reads a member of staff.",
    )
    .gives::<User>(200),
    Route::put(
        "/api/users/{id}",
        "update_user",
        Bearer(Action::UpdateUser),
        |call| Box::pin(update(call)),
        "Changes a member of staff; what is not said stays. Disabling ends their sessions.",
    )
    .query(&[DRY_RUN])
    .if_match()
    .takes::<UserChange>()
    .gives::<User>(200),
    Route::delete(
        "/api/users/{id}",
        "delete_user",
        Bearer(Action::DeleteUser),
        |call| Box::pin(delete(call)),
        "Deletes a member of staff; what they wrote stays under their name.",
    )
    .query(&[DRY_RUN])
    .if_match(),
    Route::post(
        "/api/users/{id}/password",
        "reset_password",
        Bearer(Action::ResetPassword),
        |call| Box::pin(reset_password(call)),
        "Makes a code, good for a day, by which a member of staff sets a new password, and ends \
         their sessions; the code is shown here only.",
    )
    .query(&[DRY_RUN])
    .gives::<PasswordCode>(201),
    Route::get(
        "/api/users/{id}/sessions",
        "list_sessions_of",
        Bearer(Action::ManageSessionsOf),
        |call| Box::pin(sessions(call)),
        "Lists the sessions of a member of staff.",
    )
    .gives::<Page<SessionInfo>>(200),
    Route::delete(
        "/api/users/{id}/sessions",
        "revoke_sessions",
        Bearer(Action::ManageSessionsOf),
        |call| Box::pin(revoke_sessions(call)),
        "Ends every session and token of a member of staff.",
    )
    .query(&[DRY_RUN]),
    Route::get(
        "/api/users/{id}/status",
        "read_status",
        Bearer(Action::ReadStatus),
        |call| Box::pin(status(call)),
        "Says what a member of staff means to do.",
    )
    .gives::<StatusAnswer>(200),
    Route::put(
        "/api/users/{id}/status",
        "set_status",
        Bearer(Action::SetStatus),
        |call| Box::pin(set_status(call)),
        "Sets one's own status, or another's as a supervisor.",
    )
    .query(&[DRY_RUN])
    .takes::<SetStatus>()
    .gives::<StatusAnswer>(200),
    Route::get(
        "/api/users/{id}/hours",
        "read_hours",
        Bearer(Action::ReadNumbersOf),
        |call| Box::pin(hours(call)),
        "Says when a member of staff did what, oldest first: two days are kept.",
    )
    .query(&[FROM])
    .gives::<Page<Interval>>(200),
];

/// What a list of users is filtered by.
#[derive(Clone, Copy, Default)]
struct Filter {
    after: UserId,
    role: Option<Role>,
    department: Option<DepartmentId>,
    status: Option<AgentStatus>,
}

impl Filter {
    async fn of(call: &Call) -> Result<Self, Failure> {
        let department = match call.query.text(DEPARTMENT.name) {
            None => None,
            Some(text) => departments(call, &[department_ref(text)])
                .await?
                .pop_first(),
        };
        Ok(Self {
            after: call.query.value(AFTER.name)?.unwrap_or_default(),
            role: word(call, ROLE.name)?,
            department,
            status: word(call, STATUS.name)?,
        })
    }

    fn passes(&self, user: &User) -> bool {
        user.id > self.after
            && self.role.is_none_or(|role| user.role == role)
            && self.status.is_none_or(|status| user.status == status)
            && self
                .department
                .is_none_or(|department| user.departments.contains(&department))
    }
}

/// A department as it is written in a query.
pub(super) fn department_ref(text: &str) -> DepartmentRef {
    match text.parse() {
        Ok(id) => DepartmentRef::Id(id),
        Err(_) => DepartmentRef::Name(shared::text::SafeText::line(text)),
    }
}

/// A word of the language in the query.
pub(super) fn word<T: serde::de::DeserializeOwned>(
    call: &Call,
    name: &str,
) -> Result<Option<T>, Failure> {
    call.query
        .text(name)
        .map(|word| serde_json::from_value(word.into()))
        .transpose()
        .map_err(|_| Failure::invalid(format!("{name} is none of the words that fit here")))
}

async fn list(call: Call) -> Answer {
    let limit = call.query.limit()?;
    let filter = Filter::of(&call).await?;
    let found = call
        .ask(move |desk| {
            let fitting = || desk.users().filter(|user| filter.passes(user));
            let total = (filter.after == UserId(0)).then(|| fitting().count());
            (fitting().take(limit + 1).cloned().collect(), total)
        })
        .await?;
    call.answer(&counted(found, limit, |user: &User| user.id.to_string()))
}

async fn available(call: Call) -> Answer {
    let limit = call.query.limit()?;
    let filter = Filter::of(&call).await?;
    let found: Vec<_> = call
        .ask(move |desk| {
            let fitting = desk.users().filter(|user| {
                filter.passes(user)
                    && desk.routable(user.id)
                    && user
                        .capacity
                        .is_none_or(|capacity| desk.load(user.id) < capacity)
            });
            fitting.take(limit + 1).cloned().collect()
        })
        .await?;
    call.answer(&page(found, limit, |user| user.id.to_string()))
}

async fn read(call: Call) -> Answer {
    let user = user(&call, call.id()?).await?;
    call.answer(&user)
}

async fn create(call: Call) -> Answer {
    let new: CreateUser = call.json()?;
    call.count()?;
    if call.is_dry_run() {
        let departments = departments(&call, &new.departments).await?;
        let new = NewUser {
            username: new.username,
            name: new.name,
            role: new.role,
            departments,
            capacity: new.capacity,
        };
        return call.plan(Command::CreateUser(new)).await;
    }
    let cid = call.cid(None)?;
    let created = call
        .app
        .accounts
        .create_user(call.session()?, cid, new)
        .await?;
    call.answer(&created)
}

async fn update(call: Call) -> Answer {
    let id = call.id()?;
    let change: UserChange = call.json()?;
    let disables = change.active == Some(false);
    let rev = call.rev()?;
    let command = Command::UpdateUser { id, change, rev };
    if let ControlFlow::Break(plan) = call.submit(None, command).await? {
        return Ok(plan);
    }
    if disables {
        call.app.accounts.end_all(id).await;
    }
    let user = user(&call, id).await?;
    call.answer(&user)
}

async fn delete(call: Call) -> Answer {
    let id = call.id()?;
    let rev = call.rev()?;
    if let ControlFlow::Break(plan) = call.submit(None, Command::DeleteUser { id, rev }).await? {
        return Ok(plan);
    }
    call.app.accounts.forget(id).await?;
    Ok(no_body(StatusCode::NO_CONTENT))
}

async fn reset_password(call: Call) -> Answer {
    let id: UserId = call.id()?;
    call.count()?;
    let accounts = &call.app.accounts;
    if call.is_dry_run() {
        let user = accounts.check_reset(call.session()?, id).await?;
        return call.would(format!(
            "makes a code for a new password of {} and ends their sessions",
            user.username
        ));
    }
    let code = accounts.reset_password(call.session()?, id).await?;
    call.answer(&code)
}

async fn sessions(call: Call) -> Answer {
    let id: UserId = call.id()?;
    let accounts = &call.app.accounts;
    let sessions = accounts.sessions_of(call.session()?, id).await?;
    call.answer(&whole(sessions))
}

async fn revoke_sessions(call: Call) -> Answer {
    let id: UserId = call.id()?;
    call.count()?;
    let accounts = &call.app.accounts;
    if call.is_dry_run() {
        let sessions = accounts.sessions_of(call.session()?, id).await?;
        return call.would(format!("ends {} sessions and all tokens", sessions.len()));
    }
    accounts.revoke_sessions(call.session()?, id).await?;
    Ok(no_body(StatusCode::NO_CONTENT))
}

async fn status(call: Call) -> Answer {
    let user = user(&call, call.id()?).await?;
    call.answer(&StatusAnswer {
        status: user.status,
    })
}

async fn set_status(call: Call) -> Answer {
    let id: UserId = call.id()?;
    let set: SetStatus = call.json()?;
    let command = Command::SetStatus {
        status: set.status,
        reason: set.reason,
        drain: set.drain,
        user: (id != call.viewer()?.id).then_some(id),
    };
    if let ControlFlow::Break(plan) = call.submit(None, command).await? {
        return Ok(plan);
    }
    call.answer(&StatusAnswer { status: set.status })
}

async fn hours(call: Call) -> Answer {
    let id: UserId = call.id()?;
    let from: Option<Timestamp> = call.query.value(FROM.name)?;
    if from.is_some_and(|from| from > call.app.hub.now()) {
        return Err(Failure::invalid(
            "from is still to come; give a time that was",
        ));
    }
    let who = call.who().clone();
    let items = call
        .ask(move |desk| {
            desk.permit(&who, Action::ReadNumbersOf, Object::User(id))?;
            Ok::<_, Rejection>(desk.hours(id, from.unwrap_or_default()).collect())
        })
        .await??;
    call.answer(&Page::<Interval> { items, next: None })
}

async fn user(call: &Call, id: UserId) -> Result<User, Failure> {
    let found = call.ask(move |desk| desk.user(id).cloned()).await?;
    Ok(found.ok_or(Rejection::NoUser { id })?)
}
