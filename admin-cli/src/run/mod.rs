//! The verbs: one function for each noun and verb.

mod access;
pub(crate) mod assistant;
mod backup;
mod bulk;
mod canned;
mod care;
mod chat;
mod code;
mod context;
mod department;
pub(crate) mod doctor;
mod explain;
mod follow;
mod help;
mod import;
mod invite;
mod knowledge;
mod login;
mod man;
mod queue;
mod settings;
mod talk;
mod totp;
mod user;
mod wait;
mod watch;

use std::fmt::Display;

use shared::{
    api::SystemStatus,
    error::{ErrorCode, exit},
    frame::PROTO,
};

use crate::{
    args::{Format, Verb},
    failure::Failure,
    invocation::Invocation,
    print::{Names, items::Version},
};

/// Does what the command line says.
pub(crate) async fn run(app: &Invocation, verb: Verb) -> Result<(), Failure> {
    if app.global.output == Some(Format::Toml) && !matches!(verb, Verb::Export) {
        return Err(Failure::usage(
            "toml is a form of an export only",
            "use -o json or -o yaml",
        ));
    }
    match verb {
        Verb::Setup(args) => login::setup(app, args).await,
        Verb::Login(args) => login::login(app, args).await,
        Verb::Logout => login::logout(app).await,
        Verb::Whoami => access::whoami(app).await,
        Verb::Context(verb) => context::run(app, verb).await,
        Verb::Settings(verb) => settings::run(app, verb).await,
        Verb::Assistant(verb) => assistant::run(app, verb).await,
        Verb::Department(verb) => department::run(app, verb).await,
        Verb::Canned(verb) => canned::run(app, verb).await,
        Verb::User(verb) => user::run(app, verb).await,
        Verb::Invite(verb) => invite::run(app, verb).await,
        Verb::Chat(verb) => chat::run(app, verb).await,
        Verb::Customer(verb) => care::customer(app, verb).await,
        Verb::Queue(verb) => queue::run(app, verb).await,
        Verb::Kb(verb) => knowledge::run(app, verb).await,
        Verb::Token(verb) => access::token(app, verb).await,
        Verb::Totp(verb) => totp::run(app, verb).await,
        Verb::Session(verb) => access::session(app, verb).await,
        Verb::Export => code::export(app).await,
        Verb::Diff(args) => code::diff(app, args).await,
        Verb::Apply(args) => code::apply(app, args).await,
        Verb::Backup(args) => backup::backup(app, &args).await,
        Verb::Audit(verb) => care::audit(app, verb).await,
        Verb::Tail(args) => follow::tail(app, args).await,
        Verb::Wait(args) => wait::wait(app, args).await,
        Verb::Explain(verb) => explain::run(app, verb).await,
        Verb::Import(verb) => import::run(app, verb).await,
        Verb::Status => status(app).await,
        Verb::Version => version(app),
        Verb::Help { topic } => help::help(app, &topic),
        Verb::Doctor => doctor::doctor(app).await,
        Verb::Man(args) => man::man(app, &args),
        Verb::Completion { shell } => help::completion(app, shell),
    }
}

async fn status(app: &Invocation) -> Result<(), Failure> {
    let status: SystemStatus = app.get("/api/admin/system-status").await?;
    app.print.item(&status, &Names::default())
}

fn version(app: &Invocation) -> Result<(), Failure> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        proto: PROTO,
    };
    app.print.item(&version, &Names::default())
}

/// Does the same to several things and gives what came of it; none of one that was left as it
/// was. The failures of several are reported one by one; how it ended in all is the second value.
async fn each<A: Display, T>(
    app: &Invocation,
    all: &[A],
    mut work: impl AsyncFnMut(&A) -> Result<Option<T>, Failure>,
) -> (Vec<T>, Result<(), Failure>) {
    let mut done = Vec::new();
    let mut failures = Vec::new();
    for (index, one) in all.iter().enumerate() {
        match work(one).await {
            Ok(result) => done.extend(result),
            Err(failure) => {
                let ends_all = !concerns_one(&failure);
                if all.len() > 1 {
                    app.print.failure(&failure);
                }
                failures.push(failure);
                if ends_all {
                    let left = listed(&all[index + 1..]);
                    if !left.is_empty() {
                        app.print.note(&format!("not tried: {left}"));
                    }
                    return (done, overall(failures, all.len() - index, all.len()));
                }
            }
        }
    }
    let failed = failures.len();
    (done, overall(failures, failed, all.len()))
}

/// How it ended when `failed` of `total` things were not done.
fn overall(failures: Vec<Failure>, failed: usize, total: usize) -> Result<(), Failure> {
    match failures.into_iter().next() {
        None => Ok(()),
        Some(only) if total == 1 => Err(only),
        Some(first) if failed == total => Err(Failure::Reported {
            exit_code: first.exit_code(),
        }),
        Some(_) => Err(Failure::Partial { failed, total }),
    }
}

/// Whether the next thing may fare better than the one that failed so.
fn concerns_one(failure: &Failure) -> bool {
    const NOT_FOUND: u8 = ErrorCode::NotFound.exit_code();
    const FORBIDDEN: u8 = ErrorCode::Forbidden.exit_code();
    const CONFLICT: u8 = ErrorCode::Conflict.exit_code();
    matches!(
        failure.exit_code(),
        exit::USAGE | NOT_FOUND | FORBIDDEN | CONFLICT
    )
}

/// Takes "there is no such thing" for done where the flags say so.
fn unless_missing<T>(app: &Invocation, answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Err(failure)
            if app.global.ignore_not_found && failure.code() == Some(ErrorCode::NotFound) =>
        {
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

/// The names of things in a sentence.
fn listed<T: ToString>(things: &[T]) -> String {
    let things: Vec<String> = things.iter().map(ToString::to_string).collect();
    things.join(", ")
}

/// The one thing that is meant, if it is one.
fn sole(names: &[String]) -> Option<&str> {
    match names {
        [name] => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, overall};

    fn exit_code(failed: usize, total: usize) -> u8 {
        let failures = (0..failed).map(|_| Failure::not_found("chat", "7", None));
        overall(failures.collect(), failed, total)
            .map_or_else(|failure| failure.exit_code(), |()| 0)
    }

    #[test]
    fn some_done_and_some_not_is_a_partial_success() {
        assert_eq!(exit_code(0, 3), 0);
        assert_eq!(exit_code(2, 3), 9);
        assert_eq!(exit_code(3, 3), 3, "all failed: as the first one");
        assert_eq!(exit_code(1, 1), 3);
    }
}
