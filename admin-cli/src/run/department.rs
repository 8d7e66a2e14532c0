//! Departments.

use std::{io::Read, path::Path};

use serde::Deserialize;
use shared::{
    client::http::Method,
    command::{DepartmentChange, NewDepartment},
    error::ErrorCode,
    id::DepartmentId,
    model::{Department, FormField},
    text::SafeText,
};

use crate::{
    args::desk::{DepartmentTraits, DepartmentVerb},
    confirm,
    failure::Failure,
    invocation::{Invocation, Target},
    lookup,
    print::Names,
    run::{
        bulk, unless_missing,
        watch::{moves_departments, watch},
    },
};

/// Largest form file, in bytes.
const FORM_BYTES_MAX: u64 = 64 * 1024;

/// `department ..`.
pub(super) async fn run(app: &Invocation, verb: DepartmentVerb) -> Result<(), Failure> {
    match verb {
        DepartmentVerb::List { watching } if watching.watch => {
            let look = async || app.every::<Department>("/api/departments").await;
            watch(app, watching, moves_departments, |one| one.id.0, look).await
        }
        DepartmentVerb::List { .. } => {
            let target = Target::new("/api/departments");
            app.print_list::<Department>(target, &Names::default())
                .await
        }
        DepartmentVerb::Get {
            departments,
            watching,
        } => {
            let departments = bulk::names(&departments)?;
            let (found, outcome) = bulk::each(app, &departments, async |meant: &String| {
                lookup::department(app, meant).await.map(Some)
            })
            .await;
            if watching.watch {
                outcome?;
                let ids: Vec<DepartmentId> = found.iter().map(|one| one.id).collect();
                let look = async || {
                    let mut all: Vec<Department> = app.every("/api/departments").await?;
                    all.retain(|one| ids.contains(&one.id));
                    Ok(all)
                };
                return watch(app, watching, moves_departments, |one| one.id.0, look).await;
            }
            app.print
                .items(&found, departments.len(), &Names::default())?;
            outcome
        }
        DepartmentVerb::Create { name, traits } => create(app, &name, &traits).await,
        DepartmentVerb::Update {
            department,
            name,
            traits,
        } => update(app, &department, name.as_deref(), &traits).await,
        DepartmentVerb::Delete { departments } => delete(app, &departments).await,
    }
}

async fn create(app: &Invocation, name: &str, traits: &DepartmentTraits) -> Result<(), Failure> {
    let names = Names::default();
    let form = traits.form.as_deref().map(form).transpose()?;
    let new = NewDepartment {
        name: SafeText::line(name),
        description: SafeText::block(traits.description.as_deref().unwrap_or_default()),
        active: traits.active.unwrap_or(true),
        default: traits.default,
        capacity: traits.capacity.and_then(|capacity| capacity.0),
        retention_days: traits.retention_days.and_then(|days| days.0),
        form: form.unwrap_or_default(),
    };
    match app
        .change(Method::Post, "/api/departments", Some(&new))
        .await
    {
        Ok(Some(made)) => app.print.item::<Department>(&made, &names),
        Ok(None) => Ok(()),
        Err(failure) if app.global.if_not_exists && failure.code() == Some(ErrorCode::Conflict) => {
            // The conflict may be another one than the name.
            let Ok(there) = lookup::department(app, name).await else {
                return Err(failure);
            };
            app.print.note("it is there already; nothing was changed");
            app.print.item(&there, &names)
        }
        Err(failure) => Err(failure),
    }
}

async fn update(
    app: &Invocation,
    department: &str,
    name: Option<&str>,
    traits: &DepartmentTraits,
) -> Result<(), Failure> {
    let change = DepartmentChange {
        name: name.map(SafeText::line),
        description: traits.description.as_deref().map(SafeText::block),
        active: traits.active,
        default: traits.default.then_some(true),
        capacity: traits.capacity.map(|capacity| capacity.0),
        retention_days: traits.retention_days.map(|days| days.0),
        form: traits.form.as_deref().map(form).transpose()?,
    };
    if change == DepartmentChange::default() {
        return Err(Failure::usage(
            "nothing to change was given",
            "see: frontdesk-admin department update --help",
        ));
    }
    app.refuse_if_read_only()?;
    let id = lookup::department(app, department).await?.id;
    let updated = app.change(Method::Put, target(id), Some(&change)).await?;
    updated.map_or(Ok(()), |department: Department| {
        app.print.item(&department, &Names::default())
    })
}

async fn delete(app: &Invocation, departments: &[String]) -> Result<(), Failure> {
    let departments = bulk::names(departments)?;
    let question = format!("Delete department {}?", bulk::listed(&departments));
    confirm::ask(app, &question, bulk::sole(&departments)).await?;
    let (deleted, outcome) = bulk::each(app, &departments, async |meant: &String| {
        let found = lookup::department(app, meant).await;
        let Some(department) = unless_missing(app, found)? else {
            return Ok(None);
        };
        let answer = app.change::<(), ()>(Method::Delete, target(department.id), None);
        let done = unless_missing(app, answer.await)?.flatten();
        Ok(done.map(|()| department))
    })
    .await;
    app.print
        .items(&deleted, departments.len(), &Names::default())?;
    app.note_deleted(deleted.len());
    outcome
}

fn target(id: DepartmentId) -> Target {
    Target::new("/api/departments").child(id)
}

/// The fields of a form file; `-` is standard input.
fn form(path: &Path) -> Result<Vec<FormField>, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(FORM_BYTES_MAX)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(FORM_BYTES_MAX).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::named_file(path, &error))?;
    fields(&text).map_err(|why| {
        Failure::usage(
            format!("{} is no form: {why}", path.display()),
            "write a list of fields with key, label, kind (text, email, phone or choice), required, choices",
        )
    })
}

/// A list in JSON, or an object or TOML document whose `form` is one.
fn fields(text: &str) -> Result<Vec<FormField>, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        form: Vec<FormField>,
    }
    let text = text.trim_start();
    if text.starts_with('[') && !text.starts_with("[[") {
        serde_json::from_str(text).map_err(|error| error.to_string())
    } else if text.starts_with('{') {
        let form = serde_json::from_str::<Form>(text);
        form.map(|form| form.form)
            .map_err(|error| error.to_string())
    } else {
        let form = toml::from_str::<Form>(text);
        form.map(|form| form.form)
            .map_err(|error| error.message().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn a_form_is_the_same_in_json_and_toml() {
        let json = r#"[{"key":"email","label":"E-mail","kind":"email","required":true}]"#;
        let wrapped = format!("{{\"form\":{json}}}");
        let toml =
            "[[form]]\nkey = \"email\"\nlabel = \"E-mail\"\nkind = \"email\"\nrequired = true\n";
        let expected = fields(json).unwrap();
        assert_eq!(expected.len(), 1);
        assert_eq!(fields(&wrapped).unwrap(), expected);
        assert_eq!(fields(toml).unwrap(), expected);
        assert_eq!(fields("[]").unwrap(), []);
    }

    #[test]
    fn a_wrong_form_says_what_is_wrong() {
        let why = fields("[[form]]\nkey = \"a\"\nlabel = \"A\"\nkind = \"date\"\n").unwrap_err();
        assert!(why.contains("date"), "{why}");
        let why = fields(r#"[{"key":"a","label":"A","kind":"text","colour":1}]"#).unwrap_err();
        assert!(why.contains("colour"), "{why}");
    }
}
