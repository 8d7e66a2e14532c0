//! Verbs about the knowledge base of the assistant.

use std::path::PathBuf;

use clap::Subcommand;

/// `kb ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum KbVerb {
    /// List its topics
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin kb list\n  frontdesk-admin kb list -o json"
    )]
    List,
    /// Look for what is wrong with it, and what would make it answer better
    ///
    /// Ends with 1 where a file is not used or answers are wrong because of something, and with 0
    /// where it only could be better.
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin kb check\n  frontdesk-admin kb check -o json"
    )]
    Check,
    /// Say what the assistant would do with a text, by the knowledge base alone
    #[command(before_long_help = "Examples:
  frontdesk-admin kb test 'Where is my order?'
  frontdesk-admin kb test - -o json < question.txt")]
    Test {
        /// What a customer might write; - is standard input
        text: String,
    },
    /// Draft topics from what people answered in chats that are over, and list wrong answers
    ///
    /// Personal data are masked. Nothing is changed by itself: look a draft through, give it a name
    /// that ends in .md, and put it into the folder of the knowledge base.
    #[command(before_long_help = "Examples:
  frontdesk-admin kb suggest
  frontdesk-admin kb suggest --write drafts")]
    Suggest {
        /// Write each draft to this folder, made if need be, as NAME.md.draft
        #[arg(long, value_name = "DIR")]
        write: Option<PathBuf>,
    },
}
