//! Verbs about chats and the queue.

use clap::{Subcommand, ValueEnum};
use shared::id::{ChatId, CommandId};

use crate::args::watching::Watching;

/// `chat ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum ChatVerb {
    /// List those that are not closed, or the closed ones, newest first
    #[command(before_long_help = "Examples:
  frontdesk-admin chat list --state waiting
  frontdesk-admin chat list --state closed --limit 10
  frontdesk-admin chat list --department billing --all -o csv > chats.csv
  frontdesk-admin chat list --agent ana --watch -o ndjson")]
    List {
        /// Only in this state
        #[arg(long, value_parser = ["assistant", "waiting", "offered", "active", "hold", "snoozed", "resolved", "closed"])]
        state: Option<String>,
        /// Only of this department, by name or number; an empty one means all [default: the
        /// context's]
        #[arg(long, value_name = "DEPARTMENT")]
        department: Option<String>,
        /// Only of this owner, by username or number
        #[arg(long, value_name = "USER")]
        agent: Option<String>,
        #[command(flatten)]
        watching: Watching,
    },
    /// Show some
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin chat get 4821 -o yaml\n  frontdesk-admin chat get 4821 4822 --watch"
    )]
    Get {
        /// Their numbers; - reads them from standard input, one a line
        #[arg(required = true, value_name = "CHAT", value_parser = chat_or_stdin)]
        chats: Vec<String>,
        #[command(flatten)]
        watching: Watching,
    },
    /// Say something in one that you own, or leave a note in it
    #[command(before_long_help = "Examples:
  frontdesk-admin chat send 4821 'Your refund is on its way.'
  frontdesk-admin chat send 4821 --note 'asked the bank'
  frontdesk-admin chat send 4821 - < answer.txt
  frontdesk-admin chat send 4821 --client-id nightly-2026-11-20 'The maintenance is over.'")]
    Send {
        /// Its number
        #[arg(value_parser = chat_id)]
        chat: ChatId,
        /// What, at most 8 KiB; standard input when not said, or for -
        text: Option<String>,
        /// For the staff only
        #[arg(long)]
        note: bool,
        /// Names this message for ever: sent again, it is there once [default: a new one]
        #[arg(long, value_name = "ID", value_parser = client_id)]
        client_id: Option<CommandId>,
    },
    /// Take some that wait
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin chat claim 4821\n  frontdesk-admin chat claim - < numbers"
    )]
    Claim {
        /// Their numbers; - reads them from standard input, one a line
        #[arg(required = true, value_name = "CHAT", value_parser = chat_or_stdin)]
        chats: Vec<String>,
        /// The epoch that was seen, of one chat [default: as it is now]
        #[arg(long)]
        epoch: Option<u64>,
    },
    /// Find messages and customers by their words, also in closed ones, newest first
    #[command(before_long_help = "Examples:
  frontdesk-admin chat search refund 4711
  frontdesk-admin chat search '\"paper jam\" tray' --department billing --limit 10")]
    Search {
        /// Words, all of which must be in one message; a phrase in double quotes as it is
        #[arg(required = true, value_name = "QUERY")]
        query: Vec<String>,
        /// Only in chats that are in this department now, by name or number; an empty one means all
        /// [default: the context's]
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
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin chat assign 4821 ana\n  frontdesk-admin chat assign - ana < numbers"
    )]
    Assign {
        /// Its number; - reads several from standard input, one a line
        #[arg(value_parser = chat_or_stdin)]
        chat: String,
        /// By username or number
        agent: String,
        /// The epoch that was seen, of one chat [default: as it is now]
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
    #[command(before_long_help = "Examples:
  frontdesk-admin chat close 4821 4822 --yes
  frontdesk-admin chat close - --yes < numbers")]
    Close {
        /// Their numbers; - reads them from standard input, one a line
        #[arg(required = true, value_name = "CHAT", value_parser = chat_or_stdin)]
        chats: Vec<String>,
    },
    /// End the episode of some; their customers may reopen them
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin chat resolve 4821\n  frontdesk-admin chat resolve - < numbers"
    )]
    Resolve {
        /// Their numbers; - reads them from standard input, one a line
        #[arg(required = true, value_name = "CHAT", value_parser = chat_or_stdin)]
        chats: Vec<String>,
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
        before_long_help = "Examples:\n  frontdesk-admin queue list\n  frontdesk-admin queue list --department billing --watch"
    )]
    List {
        /// Only of this department, by name or number; an empty one means all [default: the
        /// context's]
        #[arg(long, value_name = "DEPARTMENT")]
        department: Option<String>,
        #[command(flatten)]
        watching: Watching,
    },
    /// Print the queue, then every change of it
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin queue watch\n  frontdesk-admin queue watch --department billing -o ndjson"
    )]
    Watch {
        /// Only of this department, by name or number; an empty one means all [default: the
        /// context's]
        #[arg(long, value_name = "DEPARTMENT")]
        department: Option<String>,
    },
}

/// The number of a chat, with or without `#`.
pub(crate) fn chat_id(text: &str) -> Result<ChatId, String> {
    text.strip_prefix('#')
        .unwrap_or(text)
        .parse()
        .map_err(|_| "give the number of a chat, such as 4821".to_owned())
}

/// The same, or `-` for those on standard input.
fn chat_or_stdin(text: &str) -> Result<String, String> {
    match text {
        "-" => Ok(text.to_owned()),
        text => chat_id(text).map(|id| id.to_string()),
    }
}

fn client_id(text: &str) -> Result<CommandId, String> {
    CommandId::parse(text).map_err(|_| "give 16 to 64 characters from A-Z a-z 0-9 _ -".to_owned())
}
