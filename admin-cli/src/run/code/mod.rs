//! The desk as code: to a document, compared with one, and made from one.

mod codes;
mod lines;
mod source;

use std::{path::Path, time::Duration};

use shared::{
    desk::{Applied, Change, Deed, Diff, Document, Kind, Problem, Totals},
    error::exit,
};

use crate::{
    args::{Format, code},
    confirm,
    failure::Failure,
    invocation::{Invocation, Target},
    print::Names,
    run::code::{codes::CodesFile, source::Sources},
};

/// Waits between the tries of an apply whose outcome is not known: with the hub's own restart in
/// mind.
const RETRY_AFTER: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// Most names in a question.
const NAMED_MAX: usize = 5;

/// `export`.
pub(super) async fn export(app: &Invocation) -> Result<(), Failure> {
    let document: Document = app.get("/api/export").await?;
    let text = match app.global.output {
        None | Some(Format::Toml) => toml::to_string_pretty(&document).map_err(unwritable)?,
        Some(Format::Json) => serde_json::to_string_pretty(&document).map_err(unwritable)? + "\n",
        Some(Format::Yaml) => serde_saphyr::to_string(&document).map_err(unwritable)?,
        Some(_) => {
            return Err(Failure::usage(
                "a document is written as toml, json or yaml",
                "see: frontdesk-admin export --help",
            ));
        }
    };
    // Tabs are a part of texts: only a terminal gets them in another form.
    match app.print.out_is_terminal() {
        true => app.print.text(&text),
        false => app.print.bytes(text.as_bytes()),
    }
}

/// `diff`.
pub(super) async fn diff(app: &Invocation, args: code::Diff) -> Result<(), Failure> {
    let sources = Sources::read(&args.source.file)?;
    let document = sources.document()?;
    let told = |problem: &Problem| sources.told(problem);
    let diff = compared(app, &document, &args.source.selector, &told).await?;
    let pending: Vec<Change> = diff
        .changes
        .into_iter()
        .filter(|change| change.deed != Deed::Unchanged)
        .collect();
    match app.global.output {
        None | Some(Format::Table | Format::Wide) => {
            let lines: String = pending.iter().map(lines::of).collect();
            if !lines.is_empty() {
                app.print.text(&lines)?;
            }
        }
        Some(_) => app.print.list(&pending, None, &Names::default())?,
    }
    app.print.note(&lines::totals(diff.totals));
    ended(diff.totals)
}

/// `apply`.
pub(super) async fn apply(app: &Invocation, args: code::Apply) -> Result<(), Failure> {
    app.refuse_if_read_only()?;
    let sources = Sources::read(&args.source.file)?;
    let document = sources.document()?;
    let told = |problem: &Problem| sources.told(problem);
    let wanted = Wanted {
        document: &document,
        selector: &args.source.selector,
        codes: args.codes.as_deref(),
        told: &told,
        exit_code: args.exit_code,
    };
    make(app, wanted).await
}

/// A document that the desk is to be made from.
pub(super) struct Wanted<'a> {
    pub(super) document: &'a Document,
    /// What is deleted where the document does not name it.
    pub(super) selector: &'a [Kind],
    /// Where the codes of new users go.
    pub(super) codes: Option<&'a Path>,
    /// Says what is wrong, and where.
    pub(super) told: &'a dyn Fn(&Problem) -> String,
    /// Whether a dry run ends with 8 where there is something to change.
    pub(super) exit_code: bool,
}

/// Makes the desk what a document says, whole or not at all, and prints what became of what.
pub(super) async fn make(app: &Invocation, wanted: Wanted<'_>) -> Result<(), Failure> {
    let Wanted {
        document, selector, ..
    } = wanted;
    let diff = compared(app, document, selector, wanted.told).await?;
    ask(app, &diff.changes).await?;
    let invited = invited(document, &diff.changes);
    let codes = match app.global.dry_run || invited == 0 {
        true => None,
        false => Some(CodesFile::create(app, wanted.codes, invited)?),
    };
    let target = target("/api/apply", selector).with("expect", &diff.expect);
    let target = match app.global.dry_run {
        true => target.with("dry_run", 1),
        false => target,
    };
    let applied = match until_known(app, &target, document).await {
        Ok(applied) => applied,
        Err(failure) => {
            if invited > 0 && failure.exit_code() == exit::UNREACHABLE {
                app.print.note(
                    "whether it was applied is not known; if it was, make new codes with: \
                     frontdesk-admin invite create --username NAME",
                );
            }
            return Err(failure);
        }
    };
    // A repeat of what was done already does not say again what it was.
    let changes = match applied.dup {
        true => diff.changes,
        false => applied.changes,
    };
    if let Some(codes) = codes {
        codes.keep(app, &applied.codes)?;
    }
    app.print.list(&changes, None, &Names::default())?;
    app.print.note(&lines::totals(applied.totals));
    if applied.dry_run {
        app.print.note("dry run: nothing was changed");
        if wanted.exit_code {
            return ended(applied.totals);
        }
    }
    Ok(())
}

/// What a document would change, and what is wrong with it.
pub(super) async fn difference(
    app: &Invocation,
    document: &Document,
    selector: &[Kind],
) -> Result<Diff, Failure> {
    app.send(&target("/api/diff", selector), document).await
}

/// What a document would change; everything that is wrong with it is printed.
async fn compared(
    app: &Invocation,
    document: &Document,
    selector: &[Kind],
    told: &dyn Fn(&Problem) -> String,
) -> Result<Diff, Failure> {
    let diff = difference(app, document, selector).await?;
    let Some((last, others)) = diff.problems.split_last() else {
        return Ok(diff);
    };
    let failure = |problem| Failure::usage(told(problem), "nothing was changed");
    for problem in others {
        app.print.failure(&failure(problem));
    }
    Err(failure(last))
}

/// Sends an apply, and again under the same id while nobody can say whether it was done.
async fn until_known(
    app: &Invocation,
    target: &Target,
    document: &Document,
) -> Result<Applied, Failure> {
    let id = shared::id::CommandId::random();
    for wait in RETRY_AFTER {
        match app.send_as(&id, target, document).await {
            Err(failure) if failure.exit_code() == exit::UNREACHABLE => {
                app.print.note(&format!("{failure}; trying again"));
            }
            answer => return answer,
        }
        tokio::time::sleep(wait).await;
    }
    app.send_as(&id, target, document).await
}

async fn ask(app: &Invocation, changes: &[Change]) -> Result<(), Failure> {
    let gone = changes.iter().filter(|change| change.deed == Deed::Deleted);
    let gone: Vec<String> = gone.map(lines::name).collect();
    if gone.is_empty() {
        return confirm::ask_if_context_does(app, "Apply the document?").await;
    }
    let mut named = gone[..gone.len().min(NAMED_MAX)].join(", ");
    if gone.len() > NAMED_MAX {
        named.push_str(&format!(" and {} more", gone.len() - NAMED_MAX));
    }
    let sole = changes.iter().find(|change| change.deed == Deed::Deleted);
    let sole = sole.filter(|_| gone.len() == 1);
    let question = format!("Delete {named}?");
    confirm::ask(app, &question, sole.map(|change| change.name.as_str())).await
}

/// How many new users get a code.
fn invited(document: &Document, changes: &[Change]) -> usize {
    let new = |name: &str| {
        changes.iter().any(|change| {
            (change.deed, change.kind) == (Deed::Created, Kind::User)
                && change.name.to_lowercase() == name.to_lowercase()
        })
    };
    let users = document.user.iter().flatten();
    users
        .filter(|user| user.active && new(&user.username))
        .count()
}

fn target(path: &str, selector: &[Kind]) -> Target {
    let names: Vec<&str> = selector.iter().map(|kind| kind.name()).collect();
    let prune = Some(names.join(",")).filter(|names| !names.is_empty());
    Target::new(path).with_some("prune", prune)
}

const fn ended(totals: Totals) -> Result<(), Failure> {
    match totals.pending() {
        true => Err(Failure::Pending),
        false => Ok(()),
    }
}

fn unwritable(error: impl std::fmt::Display) -> Failure {
    Failure::Local(format!("the document cannot be written so: {error}"))
}
