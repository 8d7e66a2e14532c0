//! Verbs about who one is: setup, login, contexts, invitations, tokens, sessions.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shared::model::Role;

use crate::args::role;

/// Where a password comes from; a prompt without echo when nothing is said.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PasswordSource {
    /// Read the password from standard input
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) password_stdin: bool,
    /// Read the password from a file; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// Where a one-time code comes from; a prompt when nothing is said.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CodeSource {
    /// Read the code from a file; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) code_file: Option<PathBuf>,
}

/// `setup`.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  frontdesk-admin setup --username ana --code-file setup-code
  frontdesk-admin setup --username ana --code-file setup-code --password-stdin < password")]
pub(crate) struct Setup {
    #[command(flatten)]
    pub(crate) code: CodeSource,
    /// The name to log in with
    #[arg(long)]
    pub(crate) username: Option<String>,
    /// The name that others see [default: the username]
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) password: PasswordSource,
}

/// `login`.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  frontdesk-admin login --hub https://desk.example.org --username ana
  frontdesk-admin login --username ana --password-file password
  frontdesk-admin login --with-token < token")]
pub(crate) struct Login {
    /// The name to log in with
    #[arg(long, conflicts_with = "with_token")]
    pub(crate) username: Option<String>,
    #[command(flatten)]
    pub(crate) password: PasswordSource,
    /// Read the one-time password of the second factor from a file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "with_token")]
    pub(crate) totp_file: Option<PathBuf>,
    /// Read a token for scripts from standard input
    #[arg(long, conflicts_with_all = ["password_stdin", "password_file"])]
    pub(crate) with_token: bool,
}

/// `context ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum ContextVerb {
    /// List them
    #[command(before_long_help = "Examples:\n  frontdesk-admin context list")]
    List,
    /// Use one from now on
    #[command(before_long_help = "Examples:\n  frontdesk-admin context use production")]
    Use {
        /// Which
        name: String,
    },
    /// Show one, or the one in use
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin context show\n  frontdesk-admin context show production"
    )]
    Show {
        /// Which
        name: Option<String>,
    },
    /// Make or change one; its hub is --hub
    #[command(before_long_help = "Examples:
  frontdesk-admin context set production --hub https://desk.example.org --read-only true
  frontdesk-admin context set production --department Billing --ask-for production")]
    Set(ContextSet),
    /// Forget one and its login
    #[command(before_long_help = "Examples:\n  frontdesk-admin context rm production --yes")]
    Rm {
        /// Which
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// `context set`.
#[derive(Debug, Args)]
pub(crate) struct ContextSet {
    /// Which
    pub(crate) name: String,
    /// Refuse every change
    #[arg(long, value_name = "BOOL")]
    pub(crate) read_only: Option<bool>,
    /// Ask for this word before a severe change; an empty one asks no more
    #[arg(long, value_name = "WORD")]
    pub(crate) ask_for: Option<String>,
    /// The department that is meant when none is named: in lists of chats, the queue, search and
    /// the tail, and for a new chat of frontdesk-chat; an empty one means none
    #[arg(long, value_name = "NAME")]
    pub(crate) department: Option<String>,
}

/// `invite ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum InviteVerb {
    /// Invite someone; the code is shown once
    #[command(before_long_help = "Examples:
  frontdesk-admin invite create --role agent --department billing,sales
  frontdesk-admin invite create --role admin --username bea -o json")]
    Create {
        /// auditor, agent, supervisor, admin or owner
        #[arg(long, value_parser = role)]
        role: Role,
        /// Departments by name or number, with commas
        #[arg(long, value_name = "A,B", value_delimiter = ',')]
        department: Vec<String>,
        /// The username it is for
        #[arg(long)]
        username: Option<String>,
    },
    /// List those that are open
    #[command(before_long_help = "Examples:\n  frontdesk-admin invite list")]
    List,
    /// Take some back
    #[command(before_long_help = "Examples:\n  frontdesk-admin invite revoke 3 --yes")]
    Revoke {
        /// Their numbers
        #[arg(required = true, value_name = "ID")]
        ids: Vec<u64>,
    },
    /// Accept one, or set a new password with a code of user passwd: logs in and remembers it
    #[command(before_long_help = "Examples:
  frontdesk-admin invite accept --hub https://desk.example.org --username bea
  frontdesk-admin invite accept --code-file code --username bea --name Bea --password-file password")]
    Accept(Accept),
}

/// `invite accept`.
#[derive(Debug, Args)]
pub(crate) struct Accept {
    #[command(flatten)]
    pub(crate) code: CodeSource,
    /// The name to log in with, if the invitation has none
    #[arg(long)]
    pub(crate) username: Option<String>,
    /// The name that others see [default: the username]
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) password: PasswordSource,
    /// Read the code of the second factor from a file, for a new password; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) totp_file: Option<PathBuf>,
}

/// `totp ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum TotpVerb {
    /// Say since when you have one, and how many recovery codes are left
    #[command(before_long_help = "Examples:\n  frontdesk-admin totp status")]
    Status,
    /// Make its secret for your app; on a terminal also confirm it
    #[command(before_long_help = "Examples:
  frontdesk-admin totp enable
  frontdesk-admin totp enable --password-file password > secret")]
    Enable {
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Put it in force with a code of your app; the recovery codes are shown once
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin totp confirm --totp-file code > recovery-codes"
    )]
    Confirm {
        #[command(flatten)]
        totp: TotpSource,
    },
    /// Make new recovery codes; the older ones end
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin totp codes --password-file password > recovery-codes"
    )]
    Codes {
        #[command(flatten)]
        password: PasswordSource,
    },
    /// End yours, with your password and a code
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin totp disable --password-file password --totp-file code --yes"
    )]
    Disable {
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        totp: TotpSource,
    },
    /// End that of a colleague who lost it, and their sessions
    #[command(before_long_help = "Examples:\n  frontdesk-admin totp reset bea --yes")]
    Reset {
        /// A user, by username or number
        user: String,
    },
}

/// Where a code of the second factor comes from; a prompt when nothing is said.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct TotpSource {
    /// Read a code of the app or a recovery code from a file; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) totp_file: Option<PathBuf>,
}

/// `token ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenVerb {
    /// Make one; it is shown once
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin token create nightly-backup --days 90 -o name > token"
    )]
    Create {
        /// What it is for
        name: String,
        /// When it ends, in days: 1 to 365
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=365))]
        days: Option<u32>,
    },
    /// List yours
    #[command(before_long_help = "Examples:\n  frontdesk-admin token list")]
    List,
    /// Delete some
    #[command(before_long_help = "Examples:\n  frontdesk-admin token delete t-3f9a --yes")]
    Delete {
        /// Their ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

/// `session ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionVerb {
    /// List yours, or those of a user
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin session list\n  frontdesk-admin session list --user bea"
    )]
    List {
        /// A user, by username or number
        #[arg(long)]
        user: Option<String>,
    },
    /// End some of yours, or all with --all, or all of a user
    #[command(before_long_help = "Examples:
  frontdesk-admin session end s-17 --yes
  frontdesk-admin session end --all --yes
  frontdesk-admin session end --user bea --yes")]
    End {
        /// Their ids
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        /// A user, by username or number, all of whose sessions and tokens end
        #[arg(long, conflicts_with = "ids")]
        user: Option<String>,
    },
}
