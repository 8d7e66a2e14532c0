//! Verbs about canned replies.

use clap::{Args, Subcommand};

use crate::args::watching::Watching;

/// `canned ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum CannedVerb {
    /// List those that you may use
    #[command(before_long_help = "Examples:
  frontdesk-admin canned list
  frontdesk-admin canned list --scope department --department billing --search refund")]
    List {
        /// Only of this scope: global, department or personal
        #[arg(long, value_parser = ["global", "department", "personal"])]
        scope: Option<String>,
        /// Only of this department, by name or number
        #[arg(long, value_name = "DEPARTMENT")]
        department: Option<String>,
        /// Only with this in the code or the text
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        watching: Watching,
    },
    /// Show some
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin canned get greeting -o yaml\n  frontdesk-admin canned get - < codes"
    )]
    Get {
        /// By code or number; - reads them from standard input, one a line
        #[arg(required = true, value_name = "CANNED")]
        canned: Vec<String>,
        #[command(flatten)]
        watching: Watching,
    },
    /// Make one, for the whole desk when nothing else is said
    #[command(before_long_help = "Examples:
  frontdesk-admin canned create greeting --text 'Hello {{customer.first_name}}' --lang 'pt-BR=Oi!'
  frontdesk-admin canned create refund --department billing --text - < refund.txt
  frontdesk-admin canned create brb --personal --text 'One moment, please' --if-not-exists")]
    Create {
        /// What is typed for it: 1 to 32 of a-z 0-9 -
        code: String,
        /// Its text, with variables such as {{customer.name}}; - is standard input
        #[arg(long)]
        text: String,
        /// For those who work in this department, by name or number
        #[arg(long, value_name = "DEPARTMENT", conflicts_with = "personal")]
        department: Option<String>,
        /// For yourself
        #[arg(long)]
        personal: bool,
        #[command(flatten)]
        languages: Languages,
    },
    /// Change one; what is not said stays. With --lang it must not change meanwhile
    #[command(before_long_help = "Examples:
  frontdesk-admin canned update greeting --text 'Good day' --if-match 41
  frontdesk-admin canned update 12 --code hello --lang 'de=Guten Tag' --lang pt-BR=")]
    Update {
        /// By code or number
        canned: String,
        /// A new code
        #[arg(long)]
        code: Option<String>,
        /// A new text; - is standard input
        #[arg(long)]
        text: Option<String>,
        #[command(flatten)]
        languages: Languages,
    },
    /// Delete some
    #[command(
        before_long_help = "Examples:\n  frontdesk-admin canned delete greeting 12 --yes\n  frontdesk-admin canned delete - --yes < codes"
    )]
    Delete {
        /// By code or number; - reads them from standard input, one a line
        #[arg(required = true, value_name = "CANNED")]
        canned: Vec<String>,
    },
}

/// The text in other languages.
#[derive(Debug, Default, Args)]
pub(crate) struct Languages {
    /// The text in another language, such as 'pt-BR=Oi!'; an empty one takes it away
    #[arg(long, value_name = "TAG=TEXT")]
    pub(crate) lang: Vec<Variant>,
}

/// A text in a language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    /// The tag of the language.
    pub(crate) tag: String,
    /// The text.
    pub(crate) text: String,
}

impl std::str::FromStr for Variant {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let (tag, text) = given
            .split_once('=')
            .ok_or("give a language and its text, such as pt-BR=Oi")?;
        let tag = shared::canned::language_tag(tag);
        Ok(Self {
            tag: tag.ok_or("give a tag of a language such as pt or pt-BR")?,
            text: text.to_owned(),
        })
    }
}
