//! Verbs about the settings of the desk.

use clap::Subcommand;

/// `settings ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum SettingsVerb {
    /// Show them
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin settings get\n  frontdesk-admin settings get -o json"
    )]
    Get,
    /// Change some; what is not said stays
    #[command(before_long_help = "Examples:
  frontdesk-admin settings set --name 'Bright Bikes'
  frontdesk-admin settings set --notice - < privacy.txt
  frontdesk-admin settings set --notice '' --dry-run
  frontdesk-admin settings set --retention-days 365")]
    Set {
        /// What the desk is called
        #[arg(long)]
        name: Option<String>,
        /// What customers are told about their data; - is standard input, an empty one is none
        #[arg(long, value_name = "TEXT")]
        notice: Option<String>,
        /// Days after closing for which what was said is kept, where a department does not say
        /// otherwise; 0 for ever
        #[arg(long, value_name = "N")]
        retention_days: Option<u32>,
    },
    /// Say how many chats are kept for longer than they have to be
    #[command(before_long_help = "Examples:
  frontdesk-admin settings retention
  frontdesk-admin settings retention --days 30")]
    Retention {
        /// As if the desk kept what was said for so many days
        #[arg(long, value_name = "N")]
        days: Option<u32>,
    },
}
