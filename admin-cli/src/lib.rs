//! The admin tool `frontdesk-admin`: runs a desk from the terminal and from scripts, over HTTP
//! only.
//!
//! Deliberately absent: any rule of the desk, and any work on a data directory, which is the
//! hub's own.

mod args;
mod completion;
mod confirm;
mod failure;
mod invocation;
mod lookup;
mod print;
mod run;
#[cfg(test)]
mod schema;
mod secret_input;

use std::{ffi::OsString, future::Future};

use clap::Parser;
use shared::{client::profile::Environment, error::exit};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    args::Cli,
    failure::{EXIT_TERMINATED, Failure},
    invocation::Invocation,
    print::Printer,
};

/// Runs the command line, the name of the program first, and gives the exit code.
#[must_use]
pub fn run(args: Vec<OsString>) -> u8 {
    if completion::answered(&args) {
        return exit::OK;
    }
    let json = args::asks_for_json(&args);
    if let Some(flag) = args::secret_flag(&args) {
        return report(&Printer::before_flags(json), &secret_in_arguments(flag));
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let exit_code = u8::try_from(error.exit_code()).unwrap_or(exit::USAGE);
            return match print::parser_message(&error, json) {
                Ok(()) => exit_code,
                Err(failure) => failure.exit_code(),
            };
        }
    };
    let app = Invocation::new(cli.global, Environment::of_process());
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return report(&app.print, &Failure::Local(format!("no runtime: {error}"))),
    };
    let ended = runtime.block_on(until_signal(run::run(&app, cli.verb)));
    // A read from the terminal that nobody waits for any more must not hold the program up.
    runtime.shutdown_background();
    match ended {
        Ok(exit_code) => exit_code,
        Err(failure) => report(&app.print, &failure),
    }
}

/// Whether a command line is one of this program; nothing is done and nothing is printed.
#[must_use]
pub fn understands(args: Vec<OsString>) -> bool {
    args::secret_flag(&args).is_none() && Cli::try_parse_from(args).is_ok()
}

/// Does the work unless a signal ends it; what the work holds is dropped then.
async fn until_signal(work: impl Future<Output = Result<(), Failure>>) -> Result<u8, Failure> {
    let cannot = |error| Failure::Local(format!("cannot listen to signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    tokio::select! {
        done = work => done.map(|()| exit::OK),
        _ = interrupt.recv() => Ok(exit::SIGINT),
        _ = terminate.recv() => Ok(EXIT_TERMINATED),
    }
}

fn report(print: &Printer, failure: &Failure) -> u8 {
    print.failure(failure);
    failure.exit_code()
}

fn secret_in_arguments(flag: &str) -> Failure {
    Failure::usage(
        format!("{flag} is refused: everyone on this machine can read arguments; nothing was done"),
        match flag {
            "--password" => "give --password-stdin or --password-file FILE, or answer the prompt",
            "--code" => "give --code-file FILE, or - for standard input",
            _ => "give --with-token and the token on standard input",
        },
    )
}
