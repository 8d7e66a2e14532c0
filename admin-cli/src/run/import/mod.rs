//! Many things from a CSV file, all of them or none.
//!
//! The file becomes a document and is applied as one; what is wrong with it is told line by line,
//! what this program sees and what the hub says alike.

mod sheet;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

use shared::{
    desk::{DOCUMENT_BYTES_MAX, Deed, DepartmentEntry, Document, Kind, UserEntry},
    error::exit,
    text::SafeText,
};

use crate::{
    args::import::ImportVerb,
    failure::Failure,
    invocation::Invocation,
    run::{
        code::{self, Wanted},
        import::sheet::{Row, Wrong},
    },
};

/// `import ..`.
pub(super) async fn run(app: &Invocation, verb: ImportVerb) -> Result<(), Failure> {
    app.refuse_if_read_only()?;
    let (kind, args) = match verb {
        ImportVerb::Departments(args) => (Kind::Department, args),
        ImportVerb::Users(args) => (Kind::User, args),
    };
    let text = read(&args.file)?;
    let mut document = Document::default();
    let read = match kind {
        Kind::Department => sheet::departments(&text).map(|rows| {
            let (all, lines) = apart(rows, |one: &DepartmentEntry| one.name.clone());
            document.department = Some(all);
            lines
        }),
        _ => sheet::users(&text).map(|rows| {
            let (all, lines) = apart(rows, |one: &UserEntry| one.username.clone());
            document.user = Some(all);
            lines
        }),
    };
    let lines = read.map_err(|wrong| told(app, wrong))?;
    let document = new_ones(app, kind, document, &lines).await?;
    if document == Document::default() {
        app.print
            .note("everything is there already; nothing was changed");
        return Ok(());
    }
    let at_line = |problem: &shared::desk::Problem| match line_of(&lines, &problem.name) {
        Some(line) => format!("line {line}: {problem}"),
        None => problem.to_string(),
    };
    let wanted = Wanted {
        document: &document,
        selector: &[],
        codes: args.codes.as_deref(),
        told: &at_line,
        exit_code: false,
    };
    code::make(app, wanted).await
}

/// The document without what is there already, if that is no error.
async fn new_ones(
    app: &Invocation,
    kind: Kind,
    mut document: Document,
    lines: &BTreeMap<String, u64>,
) -> Result<Document, Failure> {
    let diff = code::difference(app, &document, &[]).await?;
    if !diff.problems.is_empty() {
        // Everything that is wrong is told where it is applied.
        return Ok(document);
    }
    let there: Vec<&SafeText> = diff
        .changes
        .iter()
        .filter(|change| change.kind == kind)
        .filter(|change| matches!(change.deed, Deed::Updated | Deed::Unchanged))
        .map(|change| &change.name)
        .filter(|name| line_of(lines, name).is_some())
        .collect();
    if there.is_empty() {
        return Ok(document);
    }
    if !app.global.if_not_exists {
        let wrong = there.iter().map(|name| {
            let line = line_of(lines, name).unwrap_or_default();
            let what = format!(
                "{kind} \"{name}\" is there already; take the line out, or give --if-not-exists"
            );
            (line, what)
        });
        return Err(told(app, wrong.collect()));
    }
    let is_there = |name: &str| {
        let mut names = there.iter();
        names.any(|there| there.to_lowercase() == name.to_lowercase())
    };
    for name in &there {
        app.print
            .note(&format!("{kind} {name} is there already and stays"));
    }
    if let Some(all) = &mut document.department {
        all.retain(|one| !is_there(&one.name));
    }
    if let Some(all) = &mut document.user {
        all.retain(|one| !is_there(&one.username));
    }
    document.department = document.department.filter(|all| !all.is_empty());
    document.user = document.user.filter(|all| !all.is_empty());
    Ok(document)
}

/// Things, and the line of each by its name.
fn apart<T>(rows: Vec<Row<T>>, name: impl Fn(&T) -> SafeText) -> (Vec<T>, BTreeMap<String, u64>) {
    let mut lines = BTreeMap::new();
    let mut things = Vec::new();
    for Row { line, thing } in rows {
        lines.insert(name(&thing).to_lowercase(), line);
        things.push(thing);
    }
    (things, lines)
}

fn line_of(lines: &BTreeMap<String, u64>, name: &str) -> Option<u64> {
    lines.get(&name.to_lowercase()).copied()
}

/// Tells everything that is wrong, and ends.
fn told(app: &Invocation, mut wrong: Vec<Wrong>) -> Failure {
    wrong.sort();
    let hint = "correct the file; nothing was changed";
    for (line, what) in wrong {
        app.print
            .failure(&Failure::usage(format!("line {line}: {what}"), hint));
    }
    Failure::Reported {
        exit_code: exit::USAGE,
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let most = DOCUMENT_BYTES_MAX as u64 + 1;
    let read = match path == Path::new("-") {
        true => io::stdin().lock().take(most).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)),
    };
    read.map_err(|error| Failure::named_file(path, &error))?;
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(Failure::usage(
            format!(
                "{} has more than {DOCUMENT_BYTES_MAX} bytes",
                path.display()
            ),
            "import it in parts",
        ));
    }
    String::from_utf8(bytes).map_err(|_| {
        Failure::usage(
            format!("{} is not UTF-8 text; nothing was changed", path.display()),
            "save it as CSV in UTF-8",
        )
    })
}
