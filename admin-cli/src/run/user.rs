//! Members of staff.

use shared::{
    api::{CreateUser, CreatedUser, PasswordCode},
    client::http::Method,
    command::{DepartmentRef, UserChange},
    error::ErrorCode,
    id::UserId,
    model::User,
    text::SafeText,
};

use crate::{
    args::desk::{UserTraits, UserVerb},
    confirm,
    failure::Failure,
    invocation::{Invocation, Target},
    lookup,
    print::{Names, items::word},
    run::{
        bulk::{self, Given},
        unless_missing,
        watch::{moves_users, watch},
    },
};

/// `user ..`.
pub(super) async fn run(app: &Invocation, verb: UserVerb) -> Result<(), Failure> {
    match verb {
        UserVerb::List {
            role,
            department,
            status,
            watching,
        } => {
            let department = lookup::department_id(app, department.as_deref()).await?;
            let target = Target::new("/api/users")
                .with_some("role", role.map(|role| word(&role)))
                .with_some("department", department)
                .with_some("status", status);
            if watching.watch {
                let look = async || app.every::<User>(target.clone()).await;
                return watch(app, watching, moves_users, |one| one.id.0, look).await;
            }
            app.print_list::<User>(target, &lookup::names(app).await)
                .await
        }
        UserVerb::Get { users, watching } => {
            let users = bulk::names(&users)?;
            let (found, outcome) = bulk::each(app, &users, async |meant: &String| {
                lookup::user(app, meant).await.map(Some)
            })
            .await;
            if watching.watch {
                outcome?;
                let ids: Vec<UserId> = found.iter().map(|one| one.id).collect();
                let look = async || {
                    let mut all: Vec<User> = app.every("/api/users").await?;
                    all.retain(|one| ids.contains(&one.id));
                    Ok(all)
                };
                return watch(app, watching, moves_users, |one| one.id.0, look).await;
            }
            print(app, &found, users.len()).await?;
            outcome
        }
        UserVerb::Create { username, traits } => create(app, &username, traits).await,
        UserVerb::Update { user, traits } => {
            let departments = match &traits.department {
                Some(meant) => Some(lookup::departments(app, meant).await?),
                None => None,
            };
            let departments = departments.map(|all| all.iter().map(|each| each.id).collect());
            let change = UserChange {
                name: traits.name.as_deref().map(SafeText::line),
                role: traits.role,
                departments,
                capacity: traits.capacity.map(|capacity| capacity.0),
                active: None,
            };
            if change == UserChange::default() {
                return Err(Failure::usage(
                    "nothing to change was given",
                    "see: frontdesk-admin user update --help",
                ));
            }
            update(app, &bulk::names(&[user])?, &change).await
        }
        UserVerb::Role { user, role } => {
            let change = UserChange {
                role: Some(role),
                ..UserChange::default()
            };
            update(app, &bulk::names(&[user])?, &change).await
        }
        UserVerb::Passwd { user } => passwd(app, &user).await,
        UserVerb::Disable { users } => {
            let users = bulk::names(&users)?;
            let question = format!("Disable {}?", bulk::listed(&users));
            confirm::ask_if_context_does(app, &question).await?;
            update(app, &users, &activity(false)).await
        }
        UserVerb::Enable { users } => update(app, &bulk::names(&users)?, &activity(true)).await,
        UserVerb::Delete { users } => delete(app, &users).await,
    }
}

async fn create(app: &Invocation, username: &str, traits: UserTraits) -> Result<(), Failure> {
    let departments = traits.department.unwrap_or_default();
    let departments = lookup::departments(app, &departments).await?;
    let departments = departments.iter().map(|each| DepartmentRef::Id(each.id));
    let new = CreateUser {
        name: SafeText::line(traits.name.as_deref().unwrap_or(username)),
        username: SafeText::line(username),
        role: traits.role.unwrap_or(shared::model::Role::Agent),
        departments: departments.collect(),
        capacity: traits.capacity.and_then(|capacity| capacity.0),
    };
    match app.change(Method::Post, "/api/users", Some(&new)).await {
        Ok(Some(made)) => {
            let names = lookup::names(app).await;
            app.print.item::<CreatedUser>(&made, &names)?;
            app.print.note(
                "the code is shown once; with it they set a password: frontdesk-admin invite accept",
            );
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(failure) if app.global.if_not_exists && failure.code() == Some(ErrorCode::Conflict) => {
            // The conflict may be another one than the name.
            let Ok(there) = lookup::user(app, username).await else {
                return Err(failure);
            };
            app.print
                .note("the user is there already; nothing was changed");
            print(app, &[there], 1).await
        }
        Err(failure) => Err(failure),
    }
}

/// A code for a new password; it goes to standard output, and nowhere else.
async fn passwd(app: &Invocation, meant: &str) -> Result<(), Failure> {
    let user = lookup::user(app, meant).await?;
    let username = user.username.as_str();
    let question = format!("End every session of {username} and make a code for a new password?");
    confirm::ask(app, &question, Some(username)).await?;
    let path = target(user.id).child("password");
    let made = app.change::<(), PasswordCode>(Method::Post, path, None);
    let Some(code) = made.await? else {
        return Ok(());
    };
    app.print.item(&code, &Names::default())?;
    app.print.note(
        "the code is shown once; with it they set a new password: frontdesk-admin invite accept",
    );
    Ok(())
}

async fn update(
    app: &Invocation,
    users: &[Given<String>],
    change: &UserChange,
) -> Result<(), Failure> {
    app.refuse_if_read_only()?;
    let (updated, outcome) = bulk::each(app, users, async |meant: &String| {
        let id = lookup::user(app, meant).await?.id;
        app.change(Method::Put, target(id), Some(change)).await
    })
    .await;
    print(app, &updated, users.len()).await?;
    outcome
}

async fn delete(app: &Invocation, users: &[String]) -> Result<(), Failure> {
    let users = bulk::names(users)?;
    let question = format!("Delete user {}?", bulk::listed(&users));
    confirm::ask(app, &question, bulk::sole(&users)).await?;
    let (deleted, outcome) = bulk::each(app, &users, async |meant: &String| {
        let found = lookup::user(app, meant).await;
        let Some(user) = unless_missing(app, found)? else {
            return Ok(None);
        };
        let answer = app.change::<(), ()>(Method::Delete, target(user.id), None);
        let done = unless_missing(app, answer.await)?.flatten();
        Ok(done.map(|()| user))
    })
    .await;
    print(app, &deleted, users.len()).await?;
    app.note_deleted(deleted.len());
    outcome
}

async fn print(app: &Invocation, users: &[User], asked: usize) -> Result<(), Failure> {
    if users.is_empty() {
        return Ok(());
    }
    app.print.items(users, asked, &lookup::names(app).await)
}

fn activity(active: bool) -> UserChange {
    UserChange {
        active: Some(active),
        ..UserChange::default()
    }
}

fn target(id: UserId) -> Target {
    Target::new("/api/users").child(id)
}
