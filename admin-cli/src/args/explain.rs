//! `explain ..`.

use clap::Subcommand;
use shared::id::ChatId;

use crate::args::chat::chat_id;

/// `explain ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum ExplainVerb {
    /// Say why a chat is with whom it is: where it waited and why, and by which rule it was given
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin explain chat 4821\n  frontdesk-admin explain chat 4821 -o json"
    )]
    Chat {
        /// Its number
        #[arg(value_parser = chat_id)]
        chat: ChatId,
    },
}
