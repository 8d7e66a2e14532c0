//! `import ..`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `import ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportVerb {
    /// Invite users, a line each: username, name, role, departments, capacity, active
    #[command(before_long_help = "Examples:
  frontdesk-admin import users staff.csv --dry-run
  frontdesk-admin import users staff.csv --codes new-users.tsv
  frontdesk-admin import users - --if-not-exists < staff.csv")]
    Users(Import),
    /// Make departments, a line each: name, description, active, default, capacity
    #[command(before_long_help = "Examples:
  frontdesk-admin import departments departments.csv
  frontdesk-admin import departments - --if-not-exists < departments.csv")]
    Departments(Import),
}

/// A file of things.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// CSV whose first line names the columns; those that are left out have their defaults. Several
    /// departments stand in one cell, with commas. - is standard input
    #[arg(value_name = "FILE|-")]
    pub(crate) file: PathBuf,
    /// Where the codes of new users go; a file that is not there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) codes: Option<PathBuf>,
}
