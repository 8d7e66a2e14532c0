//! The command line: global flags and the tree of nouns and verbs.
//!
//! What a verb does is in `run`. Nothing here touches a file, a terminal or a hub.

pub(crate) mod access;
pub(crate) mod assistant;
pub(crate) mod canned;
pub(crate) mod care;
pub(crate) mod chat;
pub(crate) mod code;
pub(crate) mod desk;
pub(crate) mod explain;
pub(crate) mod import;
pub(crate) mod knowledge;
pub(crate) mod settings;
pub(crate) mod watching;

use std::{collections::BTreeSet, ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use shared::{id::Cursor, model::Role};

use crate::completion::Shell;

/// The name of the program.
pub(crate) const PROGRAM: &str = "frontdesk-admin";

/// Runs a Frontdesk desk from the terminal and from scripts.
#[derive(Debug, Parser)]
#[command(
    name = PROGRAM,
    version,
    disable_help_subcommand = true,
    infer_long_args = false,
    max_term_width = 100,
    before_long_help = "Examples:
  frontdesk-admin setup --username ana --code-file setup-code
  frontdesk-admin login --hub https://desk.example.org --username ana
  frontdesk-admin department list
  frontdesk-admin chat list --state waiting -o json
  frontdesk-admin backup desk-monday.redb"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags that every verb takes, before or after it.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// URL of the hub [env: FRONTDESK_HUB]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) hub: Option<String>,
    /// The context to use [env: FRONTDESK_CONTEXT]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The config file to use instead of the user's and the system's [env: FRONTDESK_CONFIG]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) config: Option<PathBuf>,
    /// The certificate of a private authority, in PEM
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) ca: Option<PathBuf>,
    /// How to print the result [default: table; tab-separated when piped]
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
    /// Never ask anything
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Answer yes to every question
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// Confirm a severe change by the name that it asks for
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub(crate) confirm: Option<String>,
    /// Say nothing but results and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say what is asked of the hub; twice: also which hub, as whom and why
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// What is said on standard error besides errors: words, or one JSON document a line
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORM",
        default_value_t,
        hide_short_help = true
    )]
    pub(crate) log_format: LogFormat,
    /// Show long output at once, without a pager [env: PAGER]
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) no_pager: bool,
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_short_help = true
    )]
    pub(crate) color: When,
    /// Most items of a list
    #[arg(long, global = true, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// Every item of a list
    #[arg(long, global = true)]
    pub(crate) all: bool,
    /// Go on after a list's `next`
    #[arg(long, global = true, value_name = "NEXT", hide_short_help = true)]
    pub(crate) after: Option<String>,
    /// Check a change and say what it would do, without doing it
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Change it only if it still has this revision
    #[arg(long, global = true, value_name = "REV", hide_short_help = true)]
    pub(crate) if_match: Option<u64>,
    /// Leave a thing as it is that is there already
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) if_not_exists: bool,
    /// A thing to delete that is not there is no error
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) ignore_not_found: bool,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The main columns
    Table,
    /// All columns
    Wide,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
    /// One TOML document; of an export only
    Toml,
    /// One JSON document a line
    Ndjson,
    /// What other verbs take: a name or a number a line
    Name,
    /// All columns, comma-separated, with a header
    Csv,
}

/// What is said on standard error besides errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Words
    #[default]
    Text,
    /// One JSON document a line
    Json,
}

/// When something is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The first word: mostly a noun.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make the first owner of a new hub
    Setup(access::Setup),
    /// Log in and remember it
    Login(access::Login),
    /// End the session and forget it
    #[command(before_long_help = "Examples:\n  frontdesk-admin logout")]
    Logout,
    /// Say as whom, at which hub and until when
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin whoami\n  frontdesk-admin whoami -o json"
    )]
    Whoami,
    /// Hubs by name
    #[command(subcommand)]
    Context(access::ContextVerb),
    /// What the desk is called, and its privacy notice
    #[command(subcommand)]
    Settings(settings::SettingsVerb),
    /// The assistant, which answers first
    #[command(subcommand)]
    Assistant(assistant::AssistantVerb),
    /// Departments
    #[command(subcommand, visible_alias = "dept")]
    Department(desk::DepartmentVerb),
    /// Canned replies
    #[command(subcommand)]
    Canned(canned::CannedVerb),
    /// Members of staff
    #[command(subcommand)]
    User(desk::UserVerb),
    /// Invitations to become a member of staff
    #[command(subcommand)]
    Invite(access::InviteVerb),
    /// Conversations
    #[command(subcommand)]
    Chat(chat::ChatVerb),
    /// Customers, and forgetting them
    #[command(subcommand)]
    Customer(care::CustomerVerb),
    /// The chats that wait
    #[command(subcommand)]
    Queue(chat::QueueVerb),
    /// The assistant's knowledge base
    #[command(subcommand)]
    Kb(knowledge::KbVerb),
    /// Tokens for scripts
    #[command(subcommand)]
    Token(access::TokenVerb),
    /// Your second factor, and that of a colleague who lost it
    #[command(subcommand)]
    Totp(access::TotpVerb),
    /// Logins of yours, and of others
    #[command(subcommand)]
    Session(access::SessionVerb),
    /// Write the desk as a document: settings, departments, staff, canned replies
    #[command(before_long_help = "Examples:
  frontdesk-admin export > desk.toml
  frontdesk-admin export -o yaml")]
    Export,
    /// Say what a document would change; ends with 8 when there is something
    Diff(code::Diff),
    /// Make the desk what a document says, whole or not at all
    Apply(code::Apply),
    /// Write everything the hub knows to one file
    Backup(desk::Backup),
    /// Who used which right when, and whether the log is what was written
    #[command(subcommand)]
    Audit(care::AuditVerb),
    /// Print what happens, as it happens
    Tail(desk::Tail),
    /// Wait until a chat or a user is so
    Wait(watching::Wait),
    /// Make many things from a CSV file, all of them or none
    #[command(subcommand)]
    Import(import::ImportVerb),
    /// Say why a thing is as it is, from the record
    #[command(subcommand)]
    Explain(explain::ExplainVerb),
    /// Say how the hub is
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin status\n  frontdesk-admin status -o json"
    )]
    Status,
    /// Print the version
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin version\n  frontdesk-admin version -o json"
    )]
    Version,
    /// Print help for a verb, or the exit codes
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin help exit-codes\n  frontdesk-admin help chat export"
    )]
    Help {
        /// A verb, or exit-codes
        topic: Vec<String>,
    },
    /// Look for what is wrong: files, hub, login, terminal; safe to paste
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin doctor\n  frontdesk-admin doctor -o json > doctor.json"
    )]
    Doctor,
    /// Print a manual page, or write all of them
    #[command(before_long_help = "Examples:
  frontdesk-admin man chat export
  frontdesk-admin man --dir man1")]
    Man(Man),
    /// Print the completion script of a shell
    ///
    /// Have the shell read it at its start, so that it fits this version: in ~/.bashrc or ~/.zshrc
    /// source <(frontdesk-admin completion bash), and the like in config.fish.
    #[command(before_long_help = "Examples:
  frontdesk-admin completion bash > frontdesk.bash
  frontdesk-admin completion fish > frontdesk.fish")]
    Completion {
        /// Which shell
        shell: Shell,
    },
}

/// `man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// A verb; the program itself when none is given
    pub(crate) topic: Vec<String>,
    /// Write every page to this folder, made if need be
    #[arg(long, value_name = "DIR", conflicts_with = "topic")]
    pub(crate) dir: Option<PathBuf>,
}

/// A number, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity(pub(crate) Option<u32>);

impl std::str::FromStr for Capacity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        text.parse()
            .map(|number| Self(Some(number)))
            .map_err(|_| "give a whole number, or none".to_owned())
    }
}

/// The roles of staff.
pub(crate) fn role(text: &str) -> Result<Role, String> {
    match text {
        "auditor" => Ok(Role::Auditor),
        "agent" => Ok(Role::Agent),
        "supervisor" => Ok(Role::Supervisor),
        "admin" => Ok(Role::Admin),
        "owner" => Ok(Role::Owner),
        _ => Err("give auditor, agent, supervisor, admin or owner".to_owned()),
    }
}

/// A cursor, or `now`.
pub(crate) fn cursor(text: &str) -> Result<String, String> {
    if text == "now" {
        return Ok(text.to_owned());
    }
    let cursor = Cursor::parse(text).map_err(|error| error.to_string())?;
    Ok(cursor.to_string())
}

/// A flag of the raw command line whose value would be a secret that other users of the machine
/// can read in the list of processes.
pub(crate) fn secret_flag(args: &[OsString]) -> Option<&'static str> {
    let mut flags: BTreeSet<&'static str> =
        BTreeSet::from(["--password", "--token", "--code", "--secret", "--totp"]);
    let words = || args.iter().take_while(|arg| *arg != "--");
    // What is typed for a canned reply is a code too, and no secret.
    if words().any(|arg| arg == "canned") {
        flags.remove("--code");
    }
    words()
        .filter_map(|arg| arg.to_str())
        .find_map(|arg| flags.get(arg.split('=').next().unwrap_or(arg)).copied())
}

/// Whether the raw command line asks for JSON, for errors before it is understood.
pub(crate) fn asks_for_json(args: &[OsString]) -> bool {
    let text = |arg: &OsString| arg.to_str().unwrap_or_default().to_owned();
    let alone = args.iter().any(|arg| {
        matches!(
            text(arg).as_str(),
            "-ojson" | "-o=json" | "--output=json" | "-ondjson" | "-o=ndjson" | "--output=ndjson"
        )
    });
    alone
        || args.windows(2).any(|pair| {
            matches!(text(&pair[0]).as_str(), "-o" | "--output")
                && matches!(text(&pair[1]).as_str(), "json" | "ndjson")
        })
}

#[cfg(test)]
mod tests;
