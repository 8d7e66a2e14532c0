//! From what people call a thing to the thing: departments and users by name or number.

use shared::{
    client::profile::nearest,
    error::ErrorCode,
    id::{DepartmentId, UserId},
    model::{Department, User},
};

use crate::{
    failure::Failure,
    invocation::{Invocation, Target},
    print::Names,
};

/// A department by name or number.
pub(crate) async fn department(app: &Invocation, meant: &str) -> Result<Department, Failure> {
    if let Ok(id) = meant.parse::<DepartmentId>() {
        return named(
            "department",
            meant,
            app.get(Target::new("/api/departments").child(id)).await,
        );
    }
    let all: Vec<Department> = app.every("/api/departments").await?;
    find("department", meant, all, |department| &department.name)
}

/// Departments by name or number; an empty word is no department.
pub(crate) async fn departments(
    app: &Invocation,
    meant: &[String],
) -> Result<Vec<Department>, Failure> {
    let mut found = Vec::new();
    for meant in meant.iter().filter(|meant| !meant.is_empty()) {
        found.push(department(app, meant).await?);
    }
    Ok(found)
}

/// The number of a department, if one was named.
pub(crate) async fn department_id(
    app: &Invocation,
    meant: Option<&str>,
) -> Result<Option<DepartmentId>, Failure> {
    match meant {
        Some(meant) => Ok(Some(department(app, meant).await?.id)),
        None => Ok(None),
    }
}

/// A user by username or number.
pub(crate) async fn user(app: &Invocation, meant: &str) -> Result<User, Failure> {
    if let Ok(id) = meant.parse::<UserId>() {
        return named(
            "user",
            meant,
            app.get(Target::new("/api/users").child(id)).await,
        );
    }
    let all: Vec<User> = app.every("/api/users").await?;
    find("user", meant, all, |user| &user.username)
}

/// Names for tables; fewer, or none, where they are of no use or may not be seen.
pub(crate) async fn names(app: &Invocation) -> Names {
    let mut names = Names::default();
    if !app.print.style().shows_names() {
        return names;
    }
    let departments: Vec<Department> = app.every("/api/departments").await.unwrap_or_default();
    let users: Vec<User> = app.every("/api/users").await.unwrap_or_default();
    names.departments = departments
        .into_iter()
        .map(|each| (each.id, each.name))
        .collect();
    names.users = users
        .into_iter()
        .map(|each| (each.id, each.username))
        .collect();
    names
}

/// Says what was not found as the user called it.
fn named<T>(what: &str, meant: &str, answer: Result<T, Failure>) -> Result<T, Failure> {
    match answer {
        Err(failure) if failure.code() == Some(ErrorCode::NotFound) => {
            Err(Failure::not_found(what, meant, None))
        }
        answer => answer,
    }
}

fn find<T>(what: &str, meant: &str, all: Vec<T>, name: impl Fn(&T) -> &str) -> Result<T, Failure> {
    let folded = meant.to_lowercase();
    let names: Vec<String> = all.iter().map(|each| name(each).to_lowercase()).collect();
    let index = names.iter().position(|name| *name == folded);
    let Some(index) = index else {
        let probably = nearest(&folded, names.iter());
        let probably = probably.and_then(|probably| names.iter().position(|name| name == probably));
        let probably = probably.and_then(|index| all.get(index)).map(&name);
        return Err(Failure::not_found(what, meant, probably));
    };
    all.into_iter()
        .nth(index)
        .ok_or_else(|| Failure::not_found(what, meant, None))
}

#[cfg(test)]
mod tests {
    use super::find;

    fn check(meant: &str) -> Result<String, (String, Option<String>, u8)> {
        let all = vec!["Billing".to_owned(), "Customer Care".to_owned()];
        find("department", meant, all, |name| name).map_err(|failure| {
            let report = failure.report().unwrap();
            (report.message, report.hint, failure.exit_code())
        })
    }

    #[test]
    fn a_name_is_found_without_regard_to_case() {
        assert_eq!(check("billing").unwrap(), "Billing");
        assert_eq!(check("CUSTOMER care").unwrap(), "Customer Care");
    }

    #[test]
    fn a_slip_of_the_finger_is_answered_with_what_was_meant() {
        let (message, hint, exit_code) = check("bilng").unwrap_err();
        assert_eq!(message, "department \"bilng\" not found");
        assert_eq!(hint.as_deref(), Some("did you mean \"Billing\"?"));
        assert_eq!(exit_code, 3);
        let (_, hint, _) = check("warehouse").unwrap_err();
        assert_eq!(
            hint.as_deref(),
            Some("see the list with: frontdesk-admin department list")
        );
    }
}
