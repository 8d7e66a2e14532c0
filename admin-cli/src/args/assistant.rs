//! Verbs about the assistant.

use clap::Subcommand;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use shared::assistant::AssistantSettings;

/// `assistant ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum AssistantVerb {
    /// Show its settings
    #[command(before_long_help = "Examples:
  frontdesk-admin assistant get
  frontdesk-admin assistant get first_line mode
  frontdesk-admin assistant get -o json")]
    Get {
        /// Only these
        #[arg(value_name = "KEY", add = ArgValueCandidates::new(|| keys("")))]
        keys: Vec<String>,
    },
    /// Change some; what is not said stays
    #[command(before_long_help = "Examples:
  frontdesk-admin assistant set first_line=always
  frontdesk-admin assistant set answer_threshold=0.75 max_turns=8
  frontdesk-admin assistant set 'escalate_keywords=lawyer, refund dispute' --dry-run")]
    Set {
        /// What, and what from now on; lists with a comma between
        #[arg(value_name = "KEY=VALUE", required = true, add = ArgValueCandidates::new(|| keys("=")))]
        changes: Vec<String>,
    },
    /// Say what it answers from, how its model is, and what it has done
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin assistant status\n  frontdesk-admin assistant status -o json"
    )]
    Status,
    /// Say what it would say to a text, and why; nothing happens
    #[command(before_long_help = "Examples:
  frontdesk-admin assistant test 'where is my order?'
  frontdesk-admin assistant test 'I want to speak to a human' -o json")]
    Test {
        /// What a customer writes; - is standard input
        text: String,
    },
}

fn keys(mark: &str) -> Vec<CompletionCandidate> {
    let keys = AssistantSettings::KEYS.iter();
    keys.map(|key| CompletionCandidate::new(format!("{key}{mark}")))
        .collect()
}
