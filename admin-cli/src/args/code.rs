//! Verbs about the desk as code.

use std::path::PathBuf;

use clap::Args;
use shared::desk::Kind;

/// A document in files.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// The document: TOML or JSON, a folder of such files, or - for standard input
    #[arg(short = 'f', long = "file", value_name = "FILE|DIR|-")]
    pub(crate) file: PathBuf,
    /// Delete what the document does not name, of the kinds in --selector
    #[arg(long, requires = "selector")]
    pub(crate) prune: bool,
    /// Kinds with commas: department, user, canned
    #[arg(
        long,
        value_name = "KIND,..",
        value_delimiter = ',',
        requires = "prune"
    )]
    pub(crate) selector: Vec<Kind>,
}

/// `diff`.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  frontdesk-admin diff -f desk.toml
  frontdesk-admin diff -f desk/ --prune --selector canned -o json
  frontdesk-admin diff -f - < desk.toml")]
pub(crate) struct Diff {
    #[command(flatten)]
    pub(crate) source: Source,
}

/// `apply`.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  frontdesk-admin apply -f desk.toml
  frontdesk-admin apply -f desk/ --dry-run --exit-code
  frontdesk-admin apply -f desk.toml --prune --selector department,canned --yes
  frontdesk-admin apply -f desk.toml --codes new-users.tsv")]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Where the codes of new users go; a file that is not there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) codes: Option<PathBuf>,
    /// With --dry-run: end with 8 when there is something to change
    #[arg(long)]
    pub(crate) exit_code: bool,
}
