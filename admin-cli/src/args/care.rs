//! Verbs about the care of data: who did what, and what is forgotten.

use clap::{Subcommand, ValueEnum};
use shared::{event::EraseReason, time::Timestamp};

/// `audit ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditVerb {
    /// List who used which right when, oldest first
    #[command(before_long_help = "Examples:
  frontdesk-admin audit list --limit 3
  frontdesk-admin audit list --actor ana --kind department_created --limit 1 -o json
  frontdesk-admin audit list --since 2026-11-01T00:00:00Z --watch")]
    List {
        /// Only what this member of staff did, by username or number
        #[arg(long, value_name = "USER")]
        actor: Option<String>,
        /// Only events of this kind, such as user_updated
        #[arg(long)]
        kind: Option<String>,
        /// Only from this time on
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Print them, then every new one
        #[arg(long)]
        watch: bool,
    },
    /// Verify that the hub's log is what was written; ends with 1 when it is not
    #[command(before_long_help = "Examples:
  frontdesk-admin audit verify
  frontdesk-admin audit verify -o name > head
  frontdesk-admin audit verify --head 4712:9f2c5e")]
    Verify {
        /// The head of an earlier time, which finds a past that was written anew or cut short
        #[arg(long, value_name = "POS:HASH")]
        head: Option<String>,
    },
}

/// `customer ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum CustomerVerb {
    /// Forget a customer: account, logins, and everything said in their chats
    ///
    /// Open chats are closed. Records, times and counts stay, so that reports are the same.
    #[command(before_long_help = "Examples:
  frontdesk-admin customer erase 4711 --yes
  frontdesk-admin customer erase 4711 --yes --reason obliged
  frontdesk-admin customer erase --chat 4821 --dry-run")]
    Erase {
        /// The number of the customer
        #[arg(required_unless_present = "chat")]
        customer: Option<u64>,
        /// The customer of this chat
        #[arg(long, value_name = "CHAT", conflicts_with = "customer")]
        chat: Option<u64>,
        /// Why
        #[arg(long, value_enum, default_value_t)]
        reason: Reason,
    },
}

/// Why somebody is forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reason {
    /// The person asked for it
    #[default]
    Requested,
    /// A law or a court asks for it
    Obliged,
    /// Nobody needs it any more
    Unneeded,
}

impl From<Reason> for EraseReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Requested => Self::Requested,
            Reason::Obliged => Self::Obliged,
            Reason::Unneeded => Self::Unneeded,
        }
    }
}
