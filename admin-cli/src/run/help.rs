//! Help in words: of a verb, the exit codes, the completion scripts.

use clap::CommandFactory;
use shared::error::ErrorCode;

use crate::{
    args::{Cli, PROGRAM},
    completion::{self, Shell},
    failure::Failure,
    invocation::Invocation,
};

/// What every exit code of the terminal programs means, in their order.
const EXIT_CODES: &[(u8, &str)] = &[
    (0, "done, also an empty list"),
    (1, "something else went wrong"),
    (
        2,
        "the command line makes no sense, or a question was not answered with yes",
    ),
    (3, "not found"),
    (4, "not logged in, or the session is over"),
    (5, "not allowed"),
    (
        6,
        "conflict: it has changed, or its state does not allow it",
    ),
    (
        7,
        "the hub cannot be reached, is busy, or does not take writes now",
    ),
    (
        8,
        "changes are pending: the desk is not what the document says",
    ),
    (9, "some of several things were done"),
    (130, "ended by Ctrl+C"),
    (141, "the reader of the output went away"),
    (143, "ended by SIGTERM"),
];

/// `help`.
pub(super) fn help(app: &Invocation, topic: &[String]) -> Result<(), Failure> {
    if topic == ["exit-codes"] {
        return app.print.text(&exit_codes());
    }
    let mut command = Cli::command();
    command.build();
    let mut found = &mut command;
    for word in topic {
        let what = topic.join(" ");
        found = found.find_subcommand_mut(word).ok_or_else(|| {
            Failure::usage(
                format!("there is no help on {what:?}"),
                format!("see all verbs with: {PROGRAM} --help"),
            )
        })?;
    }
    app.print.text(&found.render_long_help().to_string())
}

/// `completion`.
pub(super) fn completion(app: &Invocation, shell: Shell) -> Result<(), Failure> {
    app.print.bytes(&completion::script(shell)?)
}

fn exit_codes() -> String {
    let mut text = String::from("Exit codes:\n");
    for (code, meaning) in EXIT_CODES {
        text.push_str(&format!("  {code:>3}  {meaning}\n"));
    }
    text.push_str("\nFor each error code of the hub:\n");
    for code in ErrorCode::ALL {
        text.push_str(&format!("  {:>3}  {code}\n", code.exit_code()));
    }
    text
}

#[cfg(test)]
mod tests {
    use shared::error::{ErrorCode, exit};

    use super::EXIT_CODES;
    use crate::failure::{EXIT_PIPE, EXIT_TERMINATED};

    #[test]
    fn every_exit_code_is_explained() {
        let own = [
            exit::OK,
            exit::FAILURE,
            exit::USAGE,
            exit::UNREACHABLE,
            exit::PENDING,
            exit::PARTIAL,
            exit::SIGINT,
            EXIT_PIPE,
            EXIT_TERMINATED,
        ];
        let codes = ErrorCode::ALL.iter().map(|code| code.exit_code());
        for code in codes.chain(own) {
            assert!(EXIT_CODES.iter().any(|(known, _)| *known == code), "{code}");
        }
    }
}
