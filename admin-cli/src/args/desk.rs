//! Verbs about the desk: departments, users, chats, the queue, the log, the backup.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use shared::{id::ChatId, model::Role};

use crate::args::{Capacity, cursor, role};

/// `department ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum DepartmentVerb {
    /// List them
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin department list\n  frontdesk-admin department list -o wide"
    )]
    List,
    /// Show some
    #[command(before_long_help = "Examples:\n  frontdesk-admin department get billing -o yaml")]
    Get {
        /// By name or number
        #[arg(required = true, value_name = "DEPARTMENT")]
        departments: Vec<String>,
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
    #[command(before_long_help = "Examples:\n  frontdesk-admin department delete returns --yes")]
    Delete {
        /// By name or number
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
  frontdesk-admin user list --role agent --department billing --status online")]
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
    },
    /// Show some
    #[command(before_long_help = "Examples:\n  frontdesk-admin user get ana -o json")]
    Get {
        /// By username or number
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
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
    /// Lock some out: their sessions end, their chats go back to the queue
    #[command(before_long_help = "Examples:\n  frontdesk-admin user disable bea carl")]
    Disable {
        /// By username or number
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
    },
    /// Let some in again
    #[command(before_long_help = "Examples:\n  frontdesk-admin user enable bea")]
    Enable {
        /// By username or number
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
    },
    /// Delete some; what they wrote stays
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin user delete bea --yes --ignore-not-found"
    )]
    Delete {
        /// By username or number
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

/// `chat ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum ChatVerb {
    /// List those that are not closed
    #[command(before_long_help = "Examples:
  frontdesk-admin chat list --state waiting
  frontdesk-admin chat list --department billing --all -o csv > chats.csv")]
    List {
        /// Only in this state
        #[arg(long, value_parser = ["assistant", "waiting", "offered", "active", "hold", "snoozed", "resolved"])]
        state: Option<String>,
        /// Only of this department, by name or number
        #[arg(long, value_name = "DEPARTMENT")]
        department: Option<String>,
        /// Only of this owner, by username or number
        #[arg(long, value_name = "USER")]
        agent: Option<String>,
    },
    /// Show some
    #[command(before_long_help = "Examples:\n  frontdesk-admin chat get 4821 -o yaml")]
    Get {
        /// Their numbers
        #[arg(required = true, value_name = "CHAT", value_parser = chat_id)]
        chats: Vec<ChatId>,
    },
    /// Find messages and customers by their words, also in closed ones, newest first
    #[command(before_long_help = "Examples:
  frontdesk-admin chat search refund 4711
  frontdesk-admin chat search '\"paper jam\" tray' --department billing --limit 10")]
    Search {
        /// Words, all of which must be in one message; a phrase in double quotes as it is
        #[arg(required = true, value_name = "QUERY")]
        query: Vec<String>,
        /// Only in chats that are in this department now, by name or number
        #[arg(long, value_name = "DEPARTMENT")]
        department: Option<String>,
    },
    /// Print the messages of one, and those that come
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin chat tail 4821\n  frontdesk-admin chat tail 4821 --no-follow -o ndjson"
    )]
    Tail {
        /// Its number
        #[arg(value_parser = chat_id)]
        chat: ChatId,
        /// End after the messages that are there
        #[arg(long)]
        no_follow: bool,
    },
    /// Give one to an agent
    #[command(before_long_help = "Examples:\n  frontdesk-admin chat assign 4821 ana")]
    Assign {
        /// Its number
        #[arg(value_parser = chat_id)]
        chat: ChatId,
        /// By username or number
        agent: String,
        /// The epoch that was seen [default: as it is now]
        #[arg(long)]
        epoch: Option<u64>,
    },
    /// Move one to a department or to an agent
    #[command(before_long_help = "Examples:
  frontdesk-admin chat transfer 4821 --department billing
  frontdesk-admin chat transfer 4821 --agent ana --note 'knows this invoice'")]
    Transfer {
        /// Its number
        #[arg(value_parser = chat_id)]
        chat: ChatId,
        /// By name or number
        #[arg(
            long,
            value_name = "DEPARTMENT",
            required_unless_present = "agent",
            conflicts_with = "agent"
        )]
        department: Option<String>,
        /// By username or number
        #[arg(long, value_name = "USER")]
        agent: Option<String>,
        /// A note for those who get it
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// The epoch that was seen [default: as it is now]
        #[arg(long)]
        epoch: Option<u64>,
    },
    /// End some for ever
    #[command(before_long_help = "Examples:\n  frontdesk-admin chat close 4821 4822 --yes")]
    Close {
        /// Their numbers
        #[arg(required = true, value_name = "CHAT", value_parser = chat_id)]
        chats: Vec<ChatId>,
    },
    /// End the episode of some; their customers may reopen them
    #[command(before_long_help = "Examples:\n  frontdesk-admin chat resolve 4821")]
    Resolve {
        /// Their numbers
        #[arg(required = true, value_name = "CHAT", value_parser = chat_id)]
        chats: Vec<ChatId>,
    },
    /// Print the transcript of one
    #[command(before_long_help = "Examples:
  frontdesk-admin chat export 4821
  frontdesk-admin chat export 4821 --as markdown > 4821.md")]
    Export {
        /// Its number
        #[arg(value_parser = chat_id)]
        chat: ChatId,
        /// What it looks like
        #[arg(long = "as", value_enum, value_name = "KIND", default_value_t)]
        kind: TranscriptKind,
    },
}

/// What a transcript looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TranscriptKind {
    /// Plain lines
    #[default]
    Text,
    /// Markdown
    Markdown,
    /// JSON
    Json,
}

/// `queue ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueVerb {
    /// List the chats that wait, in the order they are served
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin queue list\n  frontdesk-admin queue list --department billing"
    )]
    List {
        /// Only of this department, by name or number
        #[arg(long, value_name = "DEPARTMENT")]
        department: Option<String>,
    },
    /// Print the queue, then every change of it
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin queue watch\n  frontdesk-admin queue watch --department billing -o ndjson"
    )]
    Watch {
        /// Only of this department, by name or number
        #[arg(long, value_name = "DEPARTMENT")]
        department: Option<String>,
    },
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
  frontdesk-admin tail --since now --department billing")]
pub(crate) struct Tail {
    /// Go on after this cursor, or from now; from the first event when not said
    #[arg(long, value_name = "CURSOR|now", value_parser = cursor)]
    pub(crate) since: Option<String>,
    /// Only what belongs to this department, by name or number
    #[arg(long, value_name = "DEPARTMENT")]
    pub(crate) department: Option<String>,
    /// End at the last event that is there
    #[arg(long)]
    pub(crate) no_follow: bool,
}

/// The number of a chat, with or without `#`.
fn chat_id(text: &str) -> Result<ChatId, String> {
    text.strip_prefix('#')
        .unwrap_or(text)
        .parse()
        .map_err(|_| "give the number of a chat, such as 4821".to_owned())
}
