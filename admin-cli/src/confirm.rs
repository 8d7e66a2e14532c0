//! Asking before something is lost. Without a person to ask and without a flag, nothing is done.

use std::io::{self, IsTerminal};

use crate::{failure::Failure, invocation::Invocation};

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 1024;

/// What is known before a question.
#[derive(Clone, Copy, Debug, Default)]
struct Known<'a> {
    /// `--yes`.
    yes: bool,
    /// `--confirm`.
    confirm: Option<&'a str>,
    /// The word that the context asks for.
    word: Option<&'a str>,
    /// The name of the thing, where there is one.
    name: Option<&'a str>,
    /// There is a person to ask.
    interactive: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Go,
    AskYes,
    AskWord(&'a str),
    Refuse(String),
}

/// Asks whether to do something that cannot be undone. `name` is what it is done to.
///
/// # Errors
/// [`Failure::Refused`] with exit code 2 when the answer is not yes, or there is nobody to ask.
pub(crate) async fn ask(
    app: &Invocation,
    question: &str,
    name: Option<&str>,
) -> Result<(), Failure> {
    app.refuse_if_read_only()?;
    let word = app.profile()?.confirm.as_deref();
    answered(app, question, name, word).await
}

/// The same for what can be undone: only where the context asks before every change of weight.
pub(crate) async fn ask_if_context_does(app: &Invocation, question: &str) -> Result<(), Failure> {
    app.refuse_if_read_only()?;
    match app.profile()?.confirm.as_deref() {
        Some(word) => answered(app, question, None, Some(word)).await,
        None => Ok(()),
    }
}

/// The same for the files of this machine, where the context in force does not matter.
pub(crate) async fn ask_here(
    app: &Invocation,
    question: &str,
    name: Option<&str>,
) -> Result<(), Failure> {
    answered(app, question, name, None).await
}

async fn answered(
    app: &Invocation,
    question: &str,
    name: Option<&str>,
    word: Option<&str>,
) -> Result<(), Failure> {
    let known = Known {
        yes: app.global.yes || app.global.dry_run,
        confirm: app.global.confirm.as_deref(),
        word: word.filter(|_| !app.global.dry_run),
        name,
        interactive: is_interactive(app),
    };
    let agreed = match step(known) {
        Step::Go => true,
        Step::AskYes => {
            app.print.ask(&format!("{question} [y/N]"));
            matches!(read_line().await?.to_lowercase().as_str(), "y" | "yes")
        }
        Step::AskWord(word) => {
            app.print
                .ask(&format!("{question} Type {word:?} to do it:"));
            read_line().await? == word
        }
        Step::Refuse(hint) => {
            let message = "this needs to be confirmed; nothing was done";
            return Err(Failure::usage(message, hint));
        }
    };
    if agreed {
        return Ok(());
    }
    Err(Failure::usage(
        "not confirmed; nothing was done",
        "answer y to do it",
    ))
}

/// Whether there is a person who can be asked.
pub(crate) fn is_interactive(app: &Invocation) -> bool {
    !app.global.no_input && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Reads a line that a person types.
pub(crate) async fn read_line() -> Result<String, Failure> {
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        let mut stdin = io::Read::take(io::stdin().lock(), ANSWER_BYTES_MAX);
        io::BufRead::read_line(&mut stdin, &mut line).map(|_| line)
    });
    let line = line
        .await
        .map_err(|error| Failure::Local(error.to_string()))?
        .map_err(|error| Failure::Local(format!("cannot read the answer: {error}")))?;
    Ok(line.trim().to_owned())
}

fn step(known: Known<'_>) -> Step<'_> {
    if let Some(word) = known.word {
        return match known.confirm {
            Some(confirm) if confirm == word => Step::Go,
            Some(_) => Step::Refuse(format!("the context asks for --confirm={word}")),
            None if known.interactive => Step::AskWord(word),
            None => Step::Refuse(format!("give --confirm={word}")),
        };
    }
    let is_name = |confirm: &str| {
        known
            .name
            .is_some_and(|name| name.eq_ignore_ascii_case(confirm))
    };
    match known.confirm {
        _ if known.yes => Step::Go,
        Some(confirm) if is_name(confirm) => Step::Go,
        Some(_) => Step::Refuse("--confirm must be the name of what is changed".to_owned()),
        None if known.interactive => Step::AskYes,
        None => Step::Refuse("give --yes, or run it on a terminal".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, Step, step};

    #[test]
    fn nobody_to_ask_and_no_flag_is_a_refusal() {
        assert!(matches!(step(Known::default()), Step::Refuse(_)));
        let wrong = Known {
            confirm: Some("sales"),
            name: Some("Billing"),
            interactive: true,
            ..Known::default()
        };
        assert!(matches!(step(wrong), Step::Refuse(_)));
    }

    #[test]
    fn a_person_is_asked_and_a_flag_answers() {
        let person = Known {
            interactive: true,
            name: Some("Billing"),
            ..Known::default()
        };
        assert_eq!(step(person), Step::AskYes);
        assert_eq!(
            step(Known {
                yes: true,
                ..person
            }),
            Step::Go
        );
        let named = Known {
            confirm: Some("billing"),
            interactive: false,
            ..person
        };
        assert_eq!(step(named), Step::Go);
    }

    #[test]
    fn a_context_that_asks_for_a_word_is_not_content_with_yes() {
        let production = Known {
            yes: true,
            word: Some("production"),
            ..Known::default()
        };
        assert!(matches!(step(production), Step::Refuse(_)));
        let person = Known {
            interactive: true,
            ..production
        };
        assert_eq!(step(person), Step::AskWord("production"));
        let right = Known {
            confirm: Some("production"),
            ..production
        };
        assert_eq!(step(right), Step::Go);
        let wrong = Known {
            confirm: Some("staging"),
            ..person
        };
        assert!(matches!(step(wrong), Step::Refuse(_)));
    }
}
