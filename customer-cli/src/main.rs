//! The customer chat.

use std::process::ExitCode;

fn main() -> ExitCode {
    customer_cli::run::main()
}
