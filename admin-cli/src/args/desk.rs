//! Verbs about the desk: departments, users, the log, the backup.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shared::model::Role;

use crate::args::{Capacity, cursor, role, watching::Watching};

/// `department ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum DepartmentVerb {
    /// List them
    #[command(before_long_help = "Examples:
  frontdesk-admin department list
  frontdesk-admin department list -o wide
  frontdesk-admin department list --watch -o ndjson")]
    List {
        #[command(flatten)]
        watching: Watching,
    },
    /// Show some
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin department get billing -o yaml\n  frontdesk-admin department get - < names"
    )]
    Get {
        /// By name or number; - reads them from standard input, one a line
        #[arg(required = true, value_name = "DEPARTMENT")]
        departments: Vec<String>,
        #[command(flatten)]
        watching: Watching,
    },
    /// Make one
    #[command(before_long_help = "Examples:
  frontdesk-admin department create Billing --description 'Invoices and refunds'
  frontdesk-admin department create Returns --capacity 3 --form returns.toml --if-not-exists")]
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        traits: DepartmentTraits,
    },
    /// Change one; what is not said stays
    #[command(before_long_help = "Examples:
  frontdesk-admin department update billing --name 'Billing and refunds'
  frontdesk-admin department update billing --capacity none --if-match 41")]
    Update {
        /// By name or number
        department: String,
        /// A new name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        traits: DepartmentTraits,
    },
    /// Delete some that have no open chats
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin department delete returns --yes\n  frontdesk-admin department delete - --yes < names"
    )]
    Delete {
        /// By name or number; - reads them from standard input, one a line
        #[arg(required = true, value_name = "DEPARTMENT")]
        departments: Vec<String>,
    },
}

/// What a department is like.
#[derive(Debug, Default, Args)]
pub(crate) struct DepartmentTraits {
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// Whether it takes new chats
    #[arg(long, value_name = "BOOL")]
    pub(crate) active: Option<bool>,
    /// Take the chats that name no department
    #[arg(long)]
    pub(crate) default: bool,
    /// Most chats an agent of it is given automatically, or none
    #[arg(long, value_name = "N")]
    pub(crate) capacity: Option<Capacity>,
    /// Days after closing for which what was said in its chats is kept, 0 for ever, or none to
    /// leave it to the desk
    #[arg(long, value_name = "N")]
    pub(crate) retention_days: Option<Capacity>,
    /// What a customer is asked: a TOML or JSON file with a list of fields; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) form: Option<PathBuf>,
}

/// `user ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum UserVerb {
    /// List them
    #[command(before_long_help = "Examples:
  frontdesk-admin user list
  frontdesk-admin user list --role agent --department billing --status online
  frontdesk-admin user list --watch --timeout 5m")]
    List {
        /// Only this role
        #[arg(long, value_parser = role)]
        role: Option<Role>,
        /// Only of this department, by name or number
        #[arg(long, value_name = "DEPARTMENT")]
        department: Option<String>,
        /// Only with this status: online, busy, away or offline
        #[arg(long, value_parser = ["online", "busy", "away", "offline"])]
        status: Option<String>,
        #[command(flatten)]
        watching: Watching,
    },
    /// Show some
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin user get ana -o json\n  frontdesk-admin user get - < names"
    )]
    Get {
        /// By username or number; - reads them from standard input, one a line
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
        #[command(flatten)]
        watching: Watching,
    },
    /// Make one; the answer has the code to set a password with
    #[command(before_long_help = "Examples:
  frontdesk-admin user create bea --name Bea --role agent --department billing,sales
  frontdesk-admin user create carl --role supervisor --capacity none --if-not-exists")]
    Create {
        /// The name to log in with
        username: String,
        #[command(flatten)]
        traits: UserTraits,
    },
    /// Change one; what is not said stays
    #[command(before_long_help = "Examples:
  frontdesk-admin user update bea --role supervisor
  frontdesk-admin user update bea --department billing,sales --capacity 5")]
    Update {
        /// By username or number
        user: String,
        #[command(flatten)]
        traits: UserTraits,
    },
    /// Give one another role
    #[command(before_long_help = "Examples:\n  frontdesk-admin user role bea supervisor")]
    Role {
        /// By username or number
        user: String,
        /// auditor, agent, supervisor, admin or owner
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Make a code, good for a day, by which one sets a new password; their sessions end at once
    #[command(before_long_help = "Examples:
  frontdesk-admin user passwd bea
  frontdesk-admin user passwd bea --yes -o name > code")]
    Passwd {
        /// By username or number
        user: String,
    },
    /// Lock some out: their sessions end, their chats go back to the queue
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin user disable bea carl\n  frontdesk-admin user disable - < names"
    )]
    Disable {
        /// By username or number; - reads them from standard input, one a line
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
    },
    /// Let some in again
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin user enable bea\n  frontdesk-admin user enable - < names"
    )]
    Enable {
        /// By username or number; - reads them from standard input, one a line
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
    },
    /// Delete some; what they wrote stays
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin user delete bea --yes --ignore-not-found\n  frontdesk-admin user delete - --yes < names"
    )]
    Delete {
        /// By username or number; - reads them from standard input, one a line
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
    },
}

/// What a member of staff is like.
#[derive(Debug, Default, Args)]
pub(crate) struct UserTraits {
    /// The name that others see; the username when not said for a new user
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// auditor, agent, supervisor, admin or owner; agent when not said for a new user
    #[arg(long, value_parser = role)]
    pub(crate) role: Option<Role>,
    /// All departments, by name or number, with commas; an empty one means none
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) department: Option<Vec<String>>,
    /// Most chats to give automatically, or none
    #[arg(long, value_name = "N")]
    pub(crate) capacity: Option<Capacity>,
}

/// `backup`.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  frontdesk-admin backup desk-monday.redb
  frontdesk-admin backup - | gzip > desk-monday.redb.gz")]
pub(crate) struct Backup {
    /// Where to; - is standard output
    pub(crate) file: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// `tail`.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  frontdesk-admin tail >> events.ndjson
  frontdesk-admin tail --since 9f2c.120.5a5a5a5a --no-follow
  frontdesk-admin tail --since now --department billing -o table")]
pub(crate) struct Tail {
    /// Go on after this cursor, or from now; from the first event when not said
    #[arg(long, value_name = "CURSOR|now", value_parser = cursor)]
    pub(crate) since: Option<String>,
    /// Only what belongs to this department, by name or number; an empty one means all [default:
    /// the context's]
    #[arg(long, value_name = "DEPARTMENT")]
    pub(crate) department: Option<String>,
    /// End at the last event that is there
    #[arg(long)]
    pub(crate) no_follow: bool,
}
