//! Secrets from standard input, from a file or from a prompt without echo; never from arguments.

use std::path::Path;

use shared::{
    api::Secret,
    client::secret::{self, SECRET_BYTES_MAX, SecretError},
    error::exit,
};

use crate::{
    args::access::{CodeSource, PasswordSource},
    confirm,
    failure::Failure,
    invocation::Invocation,
};

/// Whether a password is made up now or known already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Password {
    /// Asked for once.
    Known,
    /// Asked for twice.
    New,
}

/// Refuses two secrets from one standard input.
pub(crate) fn one_stdin(code: &CodeSource, password: &PasswordSource) -> Result<(), Failure> {
    let is_stdin = |path: &Option<std::path::PathBuf>| path.as_deref() == Some(Path::new("-"));
    let password = password.password_stdin || is_stdin(&password.password_file);
    if password && is_stdin(&code.code_file) {
        return Err(Failure::usage(
            "the code and the password cannot both come from standard input",
            "put one of them in a file: --code-file FILE or --password-file FILE",
        ));
    }
    Ok(())
}

/// A password.
pub(crate) async fn password(
    app: &Invocation,
    source: &PasswordSource,
    kind: Password,
) -> Result<String, Failure> {
    if source.password_stdin {
        return from_file(Path::new("-"), "password");
    }
    if let Some(path) = &source.password_file {
        return from_file(path, "password");
    }
    let hint = "give --password-stdin or --password-file FILE, or run it on a terminal";
    let first = prompt(app, "password:", "password", hint).await?;
    if kind == Password::New && prompt(app, "the same again:", "password", hint).await? != first {
        return Err(Failure::usage(
            "the two passwords differ; nothing was done",
            "try again",
        ));
    }
    Ok(first)
}

/// A one-time code.
pub(crate) async fn code(
    app: &Invocation,
    source: &CodeSource,
    what: &str,
) -> Result<String, Failure> {
    match &source.code_file {
        Some(path) => from_file(path, what),
        None => {
            let hint = "give --code-file FILE, or - for standard input";
            prompt(app, &format!("{what}:"), what, hint).await
        }
    }
}

/// Refuses a password and a code of the second factor from one standard input.
pub(crate) fn apart(password: &PasswordSource, totp: Option<&Path>) -> Result<(), Failure> {
    let from_stdin = |path: Option<&Path>| path == Some(Path::new("-"));
    let password = password.password_stdin || from_stdin(password.password_file.as_deref());
    if password && from_stdin(totp) {
        return Err(Failure::usage(
            "the password and the code cannot both come from standard input",
            "put one of them in a file: --password-file FILE or --totp-file FILE",
        ));
    }
    Ok(())
}

/// A code of the second factor, where a file was given.
pub(crate) fn second_factor(path: Option<&Path>) -> Result<Option<Secret>, Failure> {
    let code = path.map(|path| from_file(path, "code of the second factor"));
    Ok(code.transpose()?.map(Secret::new))
}

/// Asks for a code of the second factor.
pub(crate) async fn ask_second_factor(app: &Invocation) -> Result<Secret, Failure> {
    let what = "code of the second factor";
    let hint = "give --totp-file FILE, with a code of the authenticator app or a recovery code";
    let code = prompt(app, "code of your authenticator app:", what, hint).await?;
    Ok(Secret::new(code))
}

/// The first line of a file; `-` is standard input.
pub(crate) fn from_file(path: &Path, what: &str) -> Result<String, Failure> {
    Ok(secret::read_file(path, what)?)
}

async fn prompt(
    app: &Invocation,
    question: &str,
    what: &str,
    hint: &str,
) -> Result<String, Failure> {
    if !confirm::is_interactive(app) {
        return Err(Failure::usage(format!("no {what} was given"), hint));
    }
    let typed = secret::type_in(what, || app.print.ask(question)).await;
    app.print.end_line();
    Ok(typed?)
}

impl From<SecretError> for Failure {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Unfit { ref what, .. } => {
                let hint =
                    format!("give the {what} alone on one line, at most {SECRET_BYTES_MAX} bytes");
                Self::usage(error.to_string(), hint)
            }
            SecretError::Interrupted => Self::Interrupted,
            SecretError::HungUp => Self::Reported {
                exit_code: exit::SIGHUP,
            },
            error => Self::Local(error.to_string()),
        }
    }
}
