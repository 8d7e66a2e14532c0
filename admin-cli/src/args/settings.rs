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
  frontdesk-admin settings set --notice '' --dry-run")]
    Set {
        /// What the desk is called
        #[arg(long)]
        name: Option<String>,
        /// What customers are told about their data; - is standard input, an empty one is none
        #[arg(long, value_name = "TEXT")]
        notice: Option<String>,
    },
}
