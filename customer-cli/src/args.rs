//! The command line: what it says, not what is done.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use shared::{
    canned::language_tag,
    id::{ChatId, CommandId},
    text::SafeText,
};

/// How long a pipe waits for an answer when it is not told.
pub const WAIT_DEFAULT: Duration = Duration::from_secs(60);
/// The longest wait that can be asked for: a day.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3600);

/// Shown by `--help`.
const EXAMPLES: &str = "\
Examples:
  frontdesk-chat
  frontdesk-chat --department billing --name Bo
  echo 'my invoice is wrong' | frontdesk-chat --dept billing --name Bo
  frontdesk-chat --name Bo --message 'is the shop open?' --wait 5m
  frontdesk-chat --name Bo --human --message 'about my complaint of Monday'
  frontdesk-chat --name Bo --message-file report.txt --client-id nightly-report-2026-11-20
  frontdesk-chat --name Bo --message 'it looks like this' --file screen.png
  frontdesk-chat resume
  frontdesk-chat resume 4821 --message 'any news?'
  frontdesk-chat list
  frontdesk-chat transcript 4821 --output markdown
  frontdesk-chat register --username bo --name 'Bo Chen' --email bo@example.org
  frontdesk-chat login --username bo --password-file password
  frontdesk-chat export my-data.json

Exit codes:
  0 done   1 failed   2 bad usage   3 not found   4 not logged in, or expired   5 forbidden
  6 conflict   7 hub unreachable, busy or too slow   130 Ctrl+C   141 pipe closed   143 ended

In a pipe every line is said as it is: commands like /end and /human are for the terminal alone,
and {\"type\":\"end\"} or {\"type\":\"human\"} with --json-in their form for programs.

Chats without an account are kept with their secret tokens in $XDG_STATE_HOME/frontdesk, as is a
login, readable by you alone.";

/// Talk to a support desk from the terminal.
#[derive(Clone, Debug, Parser)]
#[command(name = "frontdesk-chat", version, about, after_long_help = EXAMPLES)]
pub struct Cli {
    /// Which hub.
    #[command(flatten)]
    pub hub: HubArgs,
    /// For a new chat.
    #[command(flatten)]
    pub open: OpenArgs,
    /// How to talk.
    #[command(flatten)]
    pub talk: TalkArgs,
    /// What else to do.
    #[command(subcommand)]
    pub command: Option<Verb>,
}

/// Which hub.
#[derive(Clone, Debug, Args)]
pub struct HubArgs {
    /// URL of the hub [env: FRONTDESK_HUB]
    #[arg(long, global = true, value_name = "URL")]
    pub hub: Option<String>,
    /// Named hub out of the config [env: FRONTDESK_CONTEXT]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The config file to use instead of the user's and the system's [env: FRONTDESK_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Certificates to trust instead of the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Leave the account that is logged in out of it
    #[arg(long, global = true)]
    pub anonymous: bool,
}

/// What a new chat is opened with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct OpenArgs {
    /// Department to ask, by name, its beginning, or number
    #[arg(short, long, alias = "dept", value_name = "NAME")]
    pub department: Option<String>,
    /// Your name
    #[arg(short, long, value_name = "NAME")]
    pub name: Option<String>,
    /// Your e-mail address
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Your telephone number
    #[arg(long, value_name = "NUMBER")]
    pub phone: Option<String>,
    /// Your language, for saved replies of the staff, like pt-BR [default: that of LC_ALL or LANG]
    #[arg(long, value_name = "TAG", value_parser = language)]
    pub language: Option<SafeText>,
    /// Answer to a question of the department, any number of times
    #[arg(long = "field", value_name = "KEY=VALUE", value_parser = field)]
    pub fields: Vec<(SafeText, SafeText)>,
    /// Wait for a person from the start, where an assistant (AI) would answer first
    #[arg(long)]
    pub human: bool,
}

/// How to talk without a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct TalkArgs {
    /// Send one message and print the chat's number; - reads it from stdin
    #[arg(short, long, global = true, value_name = "TEXT", conflicts_with_all = ["message_file", "json_in"])]
    pub message: Option<String>,
    /// The same with the text of a file
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "json_in")]
    pub message_file: Option<PathBuf>,
    /// Send a file of at most 10 MiB, after the message if there is one
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        conflicts_with = "json_in"
    )]
    pub file: Option<PathBuf>,
    /// Save the files that come into this folder
    #[arg(long, global = true, value_name = "DIR")]
    pub save_dir: Option<PathBuf>,
    /// Name this request, so that repeating it changes nothing: 16 to 64 of A-Z a-z 0-9 _ -
    #[arg(long, global = true, value_name = "CID")]
    pub client_id: Option<CommandId>,
    /// Wait this long for an answer and print it: 30s, 5m, 0 [default: 60s for a pipe]
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub wait: Option<Duration>,
    /// Print one JSON object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// Read one JSON object a line from stdin, like {"type":"message","text":"hello"}
    #[arg(long, global = true)]
    pub json_in: bool,
}

/// What to do besides opening a chat.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Verb {
    /// Go on with a chat; without a number the newest of your account, or the last one used here
    Resume {
        /// Number of the chat
        #[arg(value_name = "ID", value_parser = chat_number)]
        chat: Option<ChatId>,
    },
    /// List your chats, newest first: those of your account, and those without one of this machine
    List,
    /// Print a whole chat
    Transcript {
        /// Number of the chat
        #[arg(value_name = "ID", value_parser = chat_number)]
        chat: ChatId,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t = Form::Text)]
        output: Form,
    },
    /// Make an account, where the desk lets customers do so, and log in
    Register(RegisterArgs),
    /// Log in to your account
    Login {
        /// The name to log in with
        #[arg(long, value_name = "NAME")]
        username: Option<String>,
        /// Where the password comes from.
        #[command(flatten)]
        password: PasswordSource,
        /// Read the code of your authenticator app, or a recovery code, from a file; - is stdin
        #[arg(long, value_name = "FILE")]
        totp_file: Option<PathBuf>,
    },
    /// Log out
    Logout,
    /// Say who is logged in
    Whoami,
    /// Change your password; your other logins end
    Passwd {
        /// Read the password so far from a file; - is stdin
        #[arg(long, value_name = "FILE")]
        old_password_file: Option<PathBuf>,
        /// Where the new password comes from.
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Save all that the desk keeps of your account as JSON: every chat, message and rating
    Export {
        /// A file that is not there yet; stdout when not given, or -
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// Who a new account is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct RegisterArgs {
    /// The name to log in with
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// The name that others see [default: the username]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Your e-mail address
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Your telephone number
    #[arg(long, value_name = "NUMBER")]
    pub phone: Option<String>,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordSource,
}

/// Where a password comes from; a prompt without echo when nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct PasswordSource {
    /// Read the password from stdin
    #[arg(long, conflicts_with = "password_file")]
    pub password_stdin: bool,
    /// Read the password from a file; - is stdin
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// Form of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A line per message.
    Text,
    /// A heading, and a paragraph per message.
    Markdown,
    /// One JSON document.
    Json,
}

impl Form {
    /// The form that the ending of a file's name asks for.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let ending = path.extension().and_then(|ending| ending.to_str());
        match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("md" | "markdown") => Self::Markdown,
            Some("json") => Self::Json,
            _ => Self::Text,
        }
    }
}

impl TalkArgs {
    /// Whether a single message is sent.
    #[must_use]
    pub const fn is_one_shot(&self) -> bool {
        self.message.is_some() || self.message_file.is_some() || self.file.is_some()
    }
}

/// Whether the raw command line has a password, which is refused before it is understood: what
/// stands there can be read by everyone on the machine.
#[must_use]
pub fn has_password(args: &[OsString]) -> bool {
    args.iter()
        .take_while(|arg| *arg != "--")
        .filter_map(|arg| arg.to_str())
        .any(|arg| arg.split('=').next() == Some("--password"))
}

fn chat_number(text: &str) -> Result<ChatId, String> {
    let number = text.strip_prefix('#').unwrap_or(text);
    let wrong = "give the number of a chat; see: frontdesk-chat list";
    number.parse().map_err(|_| wrong.to_owned())
}

fn language(text: &str) -> Result<SafeText, String> {
    let tag = language_tag(text).ok_or_else(|| "use a tag like pt or pt-BR".to_owned())?;
    Ok(SafeText::line(&tag))
}

fn field(text: &str) -> Result<(SafeText, SafeText), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| "write it like order=4711".to_owned())?;
    let key = SafeText::line(key);
    if key.is_empty() {
        return Err("write it like order=4711".to_owned());
    }
    Ok((key, SafeText::line(value)))
}

fn duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let wrong = || "write it like 30s, 5m, 1h or 0".to_owned();
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let ms = match unit {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    let wait = Duration::from_millis(number.saturating_mul(ms));
    if wait > WAIT_MAX {
        return Err("wait at most 24h".to_owned());
    }
    Ok(wait)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use clap::{CommandFactory, Parser};
    use shared::id::ChatId;

    use super::{Cli, EXAMPLES, Form, Verb};

    /// The arguments of a line as a shell splits it.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                _ => words.last_mut().unwrap().push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_example_of_the_help_parses() {
        let lines: Vec<&str> = EXAMPLES
            .lines()
            .filter_map(|line| line.find("frontdesk-chat").map(|at| &line[at..]))
            .collect();
        assert!(lines.len() >= 9, "{lines:?}");
        for line in lines {
            Cli::try_parse_from(words(line)).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn a_password_is_seen_wherever_it_stands() {
        let seen = |line: &str| {
            let words = words(line).into_iter().map(Into::into);
            super::has_password(&words.collect::<Vec<_>>())
        };
        assert!(seen("frontdesk-chat login --password hunter2"));
        assert!(seen("frontdesk-chat --password=hunter2 register"));
        assert!(!seen("frontdesk-chat login --password-stdin"));
        assert!(!seen("frontdesk-chat --message -- --password"));
    }

    #[test]
    fn the_ending_of_a_file_says_its_form() {
        for (name, form) in [
            ("a.md", Form::Markdown),
            ("A.MARKDOWN", Form::Markdown),
            ("chat.json", Form::Json),
            ("chat.txt", Form::Text),
            ("json", Form::Text),
        ] {
            assert_eq!(Form::of(Path::new(name)), form, "{name}");
        }
    }

    #[test]
    fn a_chat_is_a_number() {
        let parse = |word: &str| Cli::try_parse_from(["frontdesk-chat", "resume", word]);
        assert!(parse("#7").is_ok_and(|cli| cli.command
            == Some(Verb::Resume {
                chat: Some(ChatId(7))
            })));
        let wrong = parse("abc").map(drop).unwrap_err().to_string();
        assert!(wrong.contains("give the number of a chat"), "{wrong}");
    }

    #[test]
    fn a_wait_has_a_unit() {
        let wait = |text: &str| {
            let cli = Cli::try_parse_from(["frontdesk-chat", "--wait", text]);
            cli.map(|cli| cli.talk.wait.unwrap())
        };
        assert_eq!(wait("0").unwrap(), Duration::ZERO);
        assert_eq!(wait("90").unwrap(), Duration::from_secs(90));
        assert_eq!(wait("5m").unwrap(), Duration::from_secs(300));
        assert_eq!(wait("250ms").unwrap(), Duration::from_millis(250));
        for wrong in ["", "s", "-1s", "5y", "25h", "99999999999999999999h"] {
            assert!(wait(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn options_go_before_and_behind_the_verb() {
        for line in [
            "frontdesk-chat --hub http://127.0.0.1:1 resume 7 --json",
            "frontdesk-chat resume 7 --json --hub http://127.0.0.1:1",
        ] {
            let cli = Cli::try_parse_from(words(line)).unwrap();
            assert!(matches!(cli.command, Some(Verb::Resume { chat: Some(_) })));
            assert!(cli.talk.json && cli.hub.hub.is_some());
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            "frontdesk-chat --message a --message-file b",
            "frontdesk-chat --message a --json-in",
            "frontdesk-chat --field nothing",
            "frontdesk-chat --client-id short",
            "frontdesk-chat transcript",
        ] {
            assert!(Cli::try_parse_from(words(line)).is_err(), "{line}");
        }
    }
}
