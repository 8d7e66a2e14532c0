//! Canned replies.

use std::{collections::BTreeMap, io::Read, path::Path};

use shared::{
    api::WhoAmI,
    client::http::Method,
    command::{CannedChange, NewCanned},
    error::ErrorCode,
    id::CannedId,
    model::{Canned, CannedScope},
    text::SafeText,
};

use crate::{
    args::canned::{CannedVerb, Variant},
    confirm,
    failure::Failure,
    invocation::{Invocation, Named, Target},
    lookup,
    run::{
        bulk, unless_missing,
        watch::{moves_canned, watch},
    },
};

/// Longest text on standard input, in bytes.
const TEXT_BYTES_MAX: u64 = 64 * 1024;

/// `canned ..`.
pub(super) async fn run(app: &Invocation, verb: CannedVerb) -> Result<(), Failure> {
    match verb {
        CannedVerb::List {
            scope,
            department,
            search,
            watching,
        } => {
            let department = lookup::department_id(app, department.as_deref()).await?;
            let target = Target::new("/api/canned")
                .with_some("scope", scope)
                .with_some("department", department)
                .with_some("q", search);
            if watching.watch {
                let look = async || app.every::<Canned>(target.clone()).await;
                return watch(app, watching, moves_canned, |one| one.id.0, look).await;
            }
            app.print_list::<Canned>(target, &lookup::names(app).await)
                .await
        }
        CannedVerb::Get { canned, watching } => {
            let canned = bulk::names(&canned)?;
            let (found, outcome) = bulk::each(app, &canned, async |meant: &String| {
                lookup::canned(app, meant).await.map(Some)
            })
            .await;
            if watching.watch {
                outcome?;
                let ids: Vec<CannedId> = found.iter().map(|one| one.id).collect();
                let look = async || {
                    let mut all: Vec<Canned> = app.every("/api/canned").await?;
                    all.retain(|one| ids.contains(&one.id));
                    Ok(all)
                };
                return watch(app, watching, moves_canned, |one| one.id.0, look).await;
            }
            print(app, &found, canned.len()).await?;
            outcome
        }
        CannedVerb::Create {
            code,
            text,
            department,
            personal,
            languages,
        } => {
            let scope = scope(app, department.as_deref(), personal).await?;
            let new = NewCanned {
                code: SafeText::line(&code),
                scope,
                text: body(&text)?,
                variants: with(BTreeMap::new(), &languages.lang),
            };
            create(app, &new).await
        }
        CannedVerb::Update {
            canned,
            code,
            text,
            languages,
        } => {
            let text = text.as_deref().map(body).transpose()?;
            let code = code.as_deref().map(SafeText::line);
            update(app, &canned, code, text, &languages.lang).await
        }
        CannedVerb::Delete { canned } => delete(app, &canned).await,
    }
}

async fn scope(
    app: &Invocation,
    department: Option<&str>,
    personal: bool,
) -> Result<CannedScope, Failure> {
    if personal {
        let me: WhoAmI = app.get("/api/auth/me").await?;
        return Ok(CannedScope::Personal { user: me.user.id });
    }
    let department = lookup::department_id(app, department).await?;
    Ok(
        department.map_or(CannedScope::Global, |department| CannedScope::Department {
            department,
        }),
    )
}

async fn create(app: &Invocation, new: &NewCanned) -> Result<(), Failure> {
    match app.change(Method::Post, "/api/canned", Some(new)).await {
        Ok(Some(made)) => print(app, &[made], 1).await,
        Ok(None) => Ok(()),
        Err(failure) if app.global.if_not_exists && failure.code() == Some(ErrorCode::Conflict) => {
            // The conflict may be another one than the code.
            let all: Vec<Canned> = app.every("/api/canned").await?;
            let code = new.code.to_lowercase();
            let own = |canned: &Canned| canned.scope == new.scope && *canned.code == *code;
            let Some(there) = all.into_iter().find(own) else {
                return Err(failure);
            };
            app.print.note("it is there already; nothing was changed");
            print(app, &[there], 1).await
        }
        Err(failure) => Err(failure),
    }
}

async fn update(
    app: &Invocation,
    meant: &str,
    code: Option<SafeText>,
    text: Option<SafeText>,
    languages: &[Variant],
) -> Result<(), Failure> {
    if code.is_none() && text.is_none() && languages.is_empty() {
        return Err(Failure::usage(
            "nothing to change was given",
            "see: frontdesk-admin canned update --help",
        ));
    }
    app.refuse_if_read_only()?;
    let old = lookup::canned(app, meant).await?;
    let variants = (!languages.is_empty()).then(|| with(old.variants, languages));
    let change = CannedChange {
        code,
        text,
        variants,
    };
    // All variants are sent, those that were read among them: another's change must not be lost.
    let named = match change.variants {
        Some(_) => Named::AtRev(old.rev),
        None => Named::New,
    };
    let updated = app.change_as(Method::Put, target(old.id), Some(&change), named);
    match updated.await? {
        Some(updated) => print(app, &[updated], 1).await,
        None => Ok(()),
    }
}

async fn delete(app: &Invocation, canned: &[String]) -> Result<(), Failure> {
    let canned = bulk::names(canned)?;
    let question = format!("Delete canned reply {}?", bulk::listed(&canned));
    confirm::ask(app, &question, bulk::sole(&canned)).await?;
    let (deleted, outcome) = bulk::each(app, &canned, async |meant: &String| {
        let found = lookup::canned(app, meant).await;
        let Some(found) = unless_missing(app, found)? else {
            return Ok(None);
        };
        let answer = app.change::<(), ()>(Method::Delete, target(found.id), None);
        let done = unless_missing(app, answer.await)?.flatten();
        Ok(done.map(|()| found))
    })
    .await;
    print(app, &deleted, canned.len()).await?;
    app.note_deleted(deleted.len());
    outcome
}

async fn print(app: &Invocation, canned: &[Canned], asked: usize) -> Result<(), Failure> {
    if canned.is_empty() {
        return Ok(());
    }
    let names = lookup::names(app).await;
    app.print.items(canned, asked, &names)
}

fn target(id: CannedId) -> Target {
    Target::new("/api/canned").child(id)
}

/// The text itself, or standard input for `-`, without the end of its last line.
pub(super) fn body(given: &str) -> Result<SafeText, Failure> {
    if given != "-" {
        return Ok(SafeText::block(given));
    }
    let mut text = String::new();
    let input = std::io::stdin().lock();
    let read = input.take(TEXT_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| Failure::file(Path::new("-"), &error))?;
    if text.trim().is_empty() {
        // More likely what should have written it failed.
        return Err(Failure::usage(
            "standard input is empty; nothing was done",
            "write the text to it, or give '' to take the text away",
        ));
    }
    Ok(SafeText::block(text.trim_end_matches(['\r', '\n'])))
}

/// Variants with those of the command line put in their place; an empty one is taken away.
fn with(
    mut variants: BTreeMap<SafeText, SafeText>,
    languages: &[Variant],
) -> BTreeMap<SafeText, SafeText> {
    for Variant { tag, text } in languages {
        let tag = SafeText::line(tag);
        if text.is_empty() {
            variants.remove(&tag);
        } else {
            variants.insert(tag, SafeText::block(text));
        }
    }
    variants
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shared::text::SafeText;

    use super::with;

    #[test]
    fn languages_are_put_in_replaced_and_taken_away() {
        let given = ["pt-br=Oi", "de=Hallo=Du", "fr="].map(|one| one.parse().unwrap());
        let old = [("fr", "Salut"), ("de", "Tag"), ("es", "Hola")];
        let old: BTreeMap<_, _> = old
            .map(|(tag, text)| (SafeText::line(tag), SafeText::block(text)))
            .into();
        let new = with(old, &given);
        let new: Vec<_> = new.iter().map(|(t, x)| (t.as_str(), x.as_str())).collect();
        assert_eq!(new, [("de", "Hallo=Du"), ("es", "Hola"), ("pt-BR", "Oi")]);
    }
}
