//! From what people call a thing to the thing: departments, users and canned replies by name or
//! number.

use shared::{
    client::profile::nearest,
    error::ErrorCode,
    id::{CannedId, DepartmentId, UserId},
    model::{Canned, Department, User},
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

/// The department that a list or a stream keeps to: the one that was named, else the context's;
/// none for an empty name.
pub(crate) async fn sought_department(
    app: &Invocation,
    meant: Option<&str>,
) -> Result<Option<DepartmentId>, Failure> {
    if let Some(meant) = meant {
        let meant = Some(meant).filter(|meant| !meant.is_empty());
        return department_id(app, meant).await;
    }
    let Some(meant) = app.profile()?.department.as_deref() else {
        return Ok(None);
    };
    let department = department(app, meant).await?;
    app.print.note(&format!(
        "only {}, the department of the context; for all give --department ''",
        department.name
    ));
    Ok(Some(department.id))
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

/// A canned reply by code or number; a code may be there once in each scope.
pub(crate) async fn canned(app: &Invocation, meant: &str) -> Result<Canned, Failure> {
    if let Ok(id) = meant.parse::<CannedId>() {
        return named(
            "canned",
            meant,
            app.get(Target::new("/api/canned").child(id)).await,
        );
    }
    let all: Vec<Canned> = app.every("/api/canned").await?;
    the_one(meant, all)
}

fn the_one(meant: &str, all: Vec<Canned>) -> Result<Canned, Failure> {
    let code = meant.to_lowercase();
    let same = all.iter().filter(|canned| *canned.code == *code);
    let numbers: Vec<String> = same.map(|canned| canned.id.to_string()).collect();
    if numbers.len() > 1 {
        return Err(Failure::usage(
            format!("canned reply {meant:?} is there {} times", numbers.len()),
            format!("give its number: one of {}", numbers.join(", ")),
        ));
    }
    find("canned", meant, all, |canned| &canned.code)
}

/// Names for tables; fewer, or none, where they are of no use or may not be seen.
pub(crate) async fn names(app: &Invocation) -> Names {
    if !app.print.style().shows_names() {
        return Names::default();
    }
    every_name(app).await
}

/// The same whatever the format is; none where they may not be seen.
pub(crate) async fn every_name(app: &Invocation) -> Names {
    let mut names = Names::default();
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
    use std::collections::BTreeMap;

    use shared::{
        id::CannedId,
        model::{Canned, CannedScope},
        text::SafeText,
    };

    use super::{find, the_one};

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
    fn a_code_that_is_there_twice_asks_for_the_number() {
        let canned = |id, code: &str| Canned {
            id: CannedId(id),
            code: SafeText::line(code),
            scope: CannedScope::Global,
            text: SafeText::default(),
            variants: BTreeMap::new(),
            uses: 0,
            rev: id,
        };
        let all = || vec![canned(3, "hi"), canned(4, "bye"), canned(12, "hi")];
        assert_eq!(the_one("BYE", all()).unwrap().id, CannedId(4));
        let failure = the_one("hi", all()).unwrap_err();
        let report = failure.report().unwrap();
        assert_eq!(report.message, "canned reply \"hi\" is there 2 times");
        assert_eq!(
            report.hint.as_deref(),
            Some("give its number: one of 3, 12")
        );
        assert_eq!(failure.exit_code(), 2);
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
