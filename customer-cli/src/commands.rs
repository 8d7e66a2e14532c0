//! What a typed line means: a message, or a command that begins with a slash.
//!
//! Pure but for the home folder in a path. What the commands do is in `chat`.

use std::path::PathBuf;

use shared::{id::AttachmentId, text::SafeText};

use crate::files;

/// The commands with what they take and do, in the order of the help.
pub const COMMANDS: &[(&str, &str, &str)] = &[
    ("/help", "", "show this"),
    ("/end", "", "end the chat; it can be reopened for 72 hours"),
    ("/rate", " 1-5 [WORDS]", "rate a chat that has ended"),
    (
        "/transcript",
        " [FILE]",
        "show the chat, or save it; also as .md or .json",
    ),
    (
        "/file",
        " PATH [WORDS]",
        "send a file of at most 10 MiB; \"quote blanks\"",
    ),
    (
        "/save",
        " [NUMBER] [PATH]",
        "save a file, the last that came if not said",
    ),
    ("/human", "", "get a person; else say who answers, or when"),
    (
        "/lang",
        " [TAG]",
        "say your language, like pt-BR, for saved replies",
    ),
    ("/paste", "", "write many lines; a lone . sends them"),
    ("/quit", "", "leave; the chat stays open"),
];

/// On fewer columns what a command does stands below it.
const HELP_COLUMNS: usize = 80;

/// A typed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Nothing: retries what was not sent.
    Nothing,
    /// A message.
    Say(SafeText),
    /// `/help`
    Help,
    /// `/end`
    End,
    /// `/rate`
    Rate {
        /// 1 to 5.
        score: u8,
        /// Why.
        comment: Option<SafeText>,
    },
    /// `/transcript`
    Transcript(Option<PathBuf>),
    /// `/file`
    File(PathBuf, SafeText),
    /// `/save`
    Save(Option<AttachmentId>, Option<PathBuf>),
    /// `/human`
    Human,
    /// `/lang`
    Language(Option<String>),
    /// `/paste`
    Paste,
    /// `/quit`
    Quit,
    /// It makes no sense: what to tell.
    Wrong(String),
}

/// Reads a line.
#[must_use]
pub fn parse(line: &str) -> Typed {
    let trimmed = line.trim();
    if trimmed.is_empty() {
        return Typed::Nothing;
    }
    let Some(command) = trimmed.strip_prefix('/') else {
        return Typed::Say(SafeText::block(line.trim_end()));
    };
    if command.starts_with('/') {
        return Typed::Say(SafeText::block(command.trim_end()));
    }
    let (name, rest) = trimmed
        .split_once(char::is_whitespace)
        .unwrap_or((trimmed, ""));
    let rest = rest.trim();
    let alone = |typed: Typed| {
        if rest.is_empty() {
            typed
        } else {
            Typed::Wrong(format!("{name} takes nothing behind it"))
        }
    };
    match name {
        "/help" => alone(Typed::Help),
        "/end" => alone(Typed::End),
        "/file" => file(rest),
        "/save" => {
            let (id, path) = files::wanted(rest, home().as_deref());
            Typed::Save(id, path)
        }
        "/human" => alone(Typed::Human),
        "/lang" => Typed::Language((!rest.is_empty()).then(|| rest.to_owned())),
        "/paste" => alone(Typed::Paste),
        "/quit" => alone(Typed::Quit),
        "/rate" => rate(rest),
        "/transcript" => Typed::Transcript(files::whole_path(rest, home().as_deref())),
        _ => Typed::Wrong(unknown(name)),
    }
}

/// The help of the line mode on a terminal of so many columns.
#[must_use]
pub fn help(columns: usize) -> String {
    let mut text = String::from("Commands:\n");
    let slash = ("//", "", "a message that begins with a slash");
    for (name, takes, does) in COMMANDS.iter().chain([&slash]) {
        let usage = format!("{name}{takes}");
        if columns < HELP_COLUMNS {
            text.push_str(&format!("{usage}\n  {does}\n"));
        } else {
            text.push_str(&format!("{usage:<22} {does}\n"));
        }
    }
    text.push_str("A line that ends with \\, Alt+Enter or Ctrl+J goes on in the next line.\n");
    text.push_str("Ctrl+D on an empty line leaves; the chat stays open.");
    text
}

fn file(rest: &str) -> Typed {
    match files::path_and_rest(rest, home().as_deref()) {
        Some((path, caption)) => Typed::File(path, SafeText::block(caption)),
        None => Typed::Wrong("name a file, like: /file report.pdf the numbers of June".to_owned()),
    }
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from)
}

fn rate(rest: &str) -> Typed {
    let (score, comment) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match score.parse() {
        Ok(score @ 1..=5) => {
            let comment = SafeText::line(comment);
            Typed::Rate {
                score,
                comment: (!comment.is_empty()).then_some(comment),
            }
        }
        _ => Typed::Wrong("rate from 1 (bad) to 5 (good), like: /rate 4 quick answer".to_owned()),
    }
}

fn unknown(name: &str) -> String {
    let near = COMMANDS
        .iter()
        .map(|(known, ..)| (edits(name, known), *known))
        .min();
    let name: String = name.chars().take(32).collect();
    let name = SafeText::line(&name);
    match near {
        Some((edits, known)) if edits <= known.len().div_ceil(3) => {
            format!("{name} is not a command; did you mean {known}?")
        }
        _ => format!("{name} is not a command; see /help, or write /{name}"),
    }
}

/// How many letters to change, add or take away to get from one word to the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &b) in to.iter().enumerate() {
            let change = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use shared::text::SafeText;

    use super::{COMMANDS, Typed, help, parse};

    fn say(text: &str) -> Typed {
        Typed::Say(SafeText::block(text))
    }

    #[test]
    fn a_line_is_a_message_unless_it_begins_with_one_slash() {
        assert_eq!(parse("hello /end"), say("hello /end"));
        assert_eq!(parse("//etc/hosts is wrong"), say("/etc/hosts is wrong"));
        assert_eq!(parse("  indented\nmore  "), say("  indented\nmore"));
        assert_eq!(parse("   "), Typed::Nothing);
        assert_eq!(parse("/end"), Typed::End);
        // A number may choose among what the assistant offers.
        assert_eq!((parse("0"), parse("2")), (say("0"), say("2")));
        assert_eq!(
            parse("/transcript my chat.txt"),
            Typed::Transcript(Some("my chat.txt".into()))
        );
    }

    #[test]
    fn a_rating_has_a_score() {
        let comment = Some(SafeText::line("quick answer"));
        assert_eq!(
            parse("/rate 4 quick  answer"),
            Typed::Rate { score: 4, comment }
        );
        for wrong in ["/rate", "/rate 0", "/rate 6", "/rate good"] {
            assert!(matches!(parse(wrong), Typed::Wrong(_)), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_command_suggests_the_nearest() {
        let Typed::Wrong(text) = parse("/ned") else {
            panic!()
        };
        assert_eq!(text, "/ned is not a command; did you mean /end?");
        let Typed::Wrong(text) = parse("/transcirpt") else {
            panic!()
        };
        assert!(text.ends_with("did you mean /transcript?"), "{text}");
        let Typed::Wrong(text) = parse("/usr/bin/env") else {
            panic!()
        };
        assert_eq!(
            text,
            "/usr/bin/env is not a command; see /help, or write //usr/bin/env"
        );
        let Typed::Wrong(text) = parse("/end now") else {
            panic!()
        };
        assert_eq!(text, "/end takes nothing behind it");
    }

    #[test]
    fn every_command_of_the_help_is_known() {
        for (name, ..) in COMMANDS {
            assert!(help(80).contains(name));
            let typed = parse(name);
            let needs_more = matches!(*name, "/rate" | "/file");
            assert_eq!(matches!(typed, Typed::Wrong(_)), needs_more, "{name}");
        }
    }

    #[test]
    fn the_help_fits_a_terminal() {
        let longest = |columns: usize| {
            let help = help(columns);
            help.lines().map(str::len).max().unwrap()
        };
        // The mark or the indent stands before each line, and the last column is free.
        assert!(longest(80) <= 76, "{}", longest(80));
        let narrow = help(40);
        assert!(narrow.contains("\n/end\n  end the chat"), "{narrow}");
    }

    proptest! {
        #[test]
        fn no_line_is_too_odd(line in any::<String>()) {
            let _typed = parse(&line);
        }

        #[test]
        fn two_slashes_say_one(text in "[a-z/]{1,20}") {
            assert_eq!(parse(&format!("//{text}")), say(&format!("/{text}")));
        }
    }
}
