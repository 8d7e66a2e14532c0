//! The admin tool: everything is in the library, so that tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(admin_cli::run(std::env::args_os().collect()))
}
