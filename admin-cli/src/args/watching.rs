//! Verbs and flags that wait for what happens.

use std::time::Duration;

use clap::{Args, ValueEnum};

/// Flags of a list that goes on.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Watching {
    /// Print them, then every change
    #[arg(long)]
    pub(crate) watch: bool,
    /// End --watch after this long, such as 90s, 5m or 2h
    #[arg(long, value_name = "TIME", requires = "watch")]
    pub(crate) timeout: Option<Span>,
}

/// `wait`.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  frontdesk-admin wait --for assigned chat 4821 --timeout 5m
  frontdesk-admin wait --for closed chat 4821
  frontdesk-admin wait --for message chat 4821 -o json
  frontdesk-admin wait --for online user ana --timeout 30s")]
pub(crate) struct Wait {
    /// For what
    #[arg(long = "for", value_enum, value_name = "WHAT")]
    pub(crate) until: Until,
    /// A chat or a user
    #[arg(value_enum)]
    pub(crate) kind: WaitKind,
    /// Which: the number of the chat, or the username or number of the user
    pub(crate) which: String,
    /// Give up after this long with exit code 7, such as 90s, 5m or 2h
    #[arg(long, value_name = "TIME")]
    pub(crate) timeout: Option<Span>,
}

/// What [`Wait`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// A chat is closed
    Closed,
    /// A chat is resolved or closed
    Resolved,
    /// A chat has an owner
    Assigned,
    /// Somebody else writes in a chat, for the customer to read
    Message,
    /// A user is online, with a program connected
    Online,
}

/// Whom or what [`Wait`] looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WaitKind {
    /// A chat
    Chat,
    /// A member of staff
    User,
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let seconds = match &text[number.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => 0,
        };
        let span = number
            .parse::<u32>()
            .ok()
            .filter(|number| *number > 0 && seconds > 0)
            .map(|number| Duration::from_secs(u64::from(number) * seconds));
        span.map(Self)
            .ok_or_else(|| "give a number with s, m or h, such as 90s".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Span;

    #[test]
    fn a_span_is_a_number_with_a_unit() {
        let check = |text: &str| text.parse::<Span>().ok().map(|span| span.0);
        assert_eq!(check("90s"), Some(Duration::from_secs(90)));
        assert_eq!(check("5m"), Some(Duration::from_secs(300)));
        assert_eq!(check("2h"), Some(Duration::from_secs(7_200)));
        for wrong in [
            "",
            "5",
            "m",
            "0s",
            "5 m",
            "-5s",
            "5d",
            "5ms",
            "99999999999s",
        ] {
            assert_eq!(check(wrong), None, "{wrong}");
        }
    }
}
