//! What a typed line says. Pure. The names are those of the table of `keys`, and some that only
//! lines need; what a command does is `update`'s business, what is listed is in `lists`.

use shared::{client::profile::nearest, model::Visibility};

use crate::{
    keys::{ACTIONS, Intent},
    model::Model,
    msg::Typed,
};

/// Longest message that is put together from lines, and a bit.
const JOINED_BYTES_MAX: usize = 16 * 1024;

/// What only lines need: a name, and what it does.
const OWN: [(&str, Own, &str); 9] = [
    (
        "chats",
        Own::Chats,
        "your chats, the queues with their ages, the team",
    ),
    (
        "card",
        Own::Card,
        "what the assistant told when it handed this chat off",
    ),
    ("more", Own::More, "older messages of this chat"),
    ("unread", Own::Unread, "your chats with unread messages"),
    (
        "who",
        Own::Who,
        "the team, and who looks at this chat or types in it",
    ),
    (
        "draft",
        Own::Draft,
        "the draft of this chat; /send sends it, /clear drops it",
    ),
    ("wall", Own::Wall, "how the departments stand"),
    (
        "help",
        Own::Help,
        "these commands, or those with a word in them",
    ),
    ("quit", Own::Quit, "leave"),
];

/// Other words for commands.
const ALIASES: [(&str, &str); 3] = [("next", "next-needing"), ("chat", "go"), ("exit", "quit")];

/// What this mode does itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    Chats,
    Card,
    More,
    Unread,
    Who,
    Draft,
    Wall,
    Help,
    Quit,
}

/// What a line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing was typed.
    Nothing,
    /// For `update`.
    Typed(Typed),
    /// Something of this mode's own, with what follows its name.
    Own(Own, String),
    /// It cannot be done, for this reason.
    Wrong(String),
}

/// Lines that end in a backslash go on in the next one.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    begun: Option<String>,
}

impl Joiner {
    /// The whole line, once `line` ends it.
    pub(crate) fn push(&mut self, line: &str) -> Option<String> {
        let mut whole = self.begun.take().unwrap_or_default();
        let goes_on = line.ends_with('\\') && whole.len() < JOINED_BYTES_MAX;
        whole.push_str(if goes_on {
            &line[..line.len() - 1]
        } else {
            line
        });
        if !goes_on {
            return Some(whole);
        }
        whole.push('\n');
        self.begun = Some(whole);
        None
    }

    /// Whether the next line goes on with this one.
    pub(crate) fn is_begun(&self) -> bool {
        self.begun.is_some()
    }
}

/// What `line` means as things stand.
pub(crate) fn read(model: &Model, line: &str) -> Meaning {
    let command = line.strip_prefix('/');
    let literal = command.is_some_and(|rest| rest.starts_with('/'));
    match command {
        Some(command) if !literal => of_command(command.trim()),
        _ if model.overlay.is_some() => Meaning::Typed(Typed::Answer(line.to_owned())),
        _ if line.trim().is_empty() => Meaning::Nothing,
        Some(text) => message(text, Visibility::Public),
        None => message(line, Visibility::Public),
    }
}

fn of_command(command: &str) -> Meaning {
    let (name, rest) = command
        .split_once(char::is_whitespace)
        .unwrap_or((command, ""));
    let rest = rest.trim();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    let name = alias.map_or(name, |(_, name)| *name);
    if let Some((_, own, _)) = OWN.iter().find(|(own, _, _)| *own == name) {
        return Meaning::Own(*own, rest.to_owned());
    }
    let Some(action) = ACTIONS.iter().find(|action| action.name == name) else {
        return unknown(name);
    };
    match action.intent {
        intent if needs_screen(intent) => Meaning::Wrong(format!(
            "/{name} is of use on a screen only; /help lists what there is"
        )),
        Intent::Note if rest.is_empty() => {
            Meaning::Wrong("write the note in the same line: /note call him back".to_owned())
        }
        Intent::Note => message(rest, Visibility::Note),
        Intent::Reply if rest.is_empty() => {
            Meaning::Wrong("what you type without a slash is a reply".to_owned())
        }
        Intent::Reply => message(rest, Visibility::Public),
        _ => Meaning::Typed(Typed::Command(
            format!("{name} {rest}").trim_end().to_owned(),
        )),
    }
}

fn message(text: &str, visibility: Visibility) -> Meaning {
    let text = text.to_owned();
    Meaning::Typed(Typed::Message { text, visibility })
}

fn unknown(name: &str) -> Meaning {
    let names: Vec<String> = names().map(|(name, _)| name.to_owned()).collect();
    let hint = match nearest(name, names.iter()) {
        Some(name) => format!("did you mean /{name}?"),
        None => "/help lists them; // begins a message with a slash".to_owned(),
    };
    Meaning::Wrong(format!("no command is called \"/{name}\"; {hint}"))
}

/// The commands that mean something in lines, with what they do.
fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = OWN.iter().map(|(name, _, help)| (*name, *help));
    let is_own = |name: &str| OWN.iter().any(|(own, _, _)| *own == name);
    let others = ACTIONS.iter().filter(move |action| {
        !needs_screen(action.intent)
            && !is_own(action.name)
            && !ALIASES.iter().any(|(alias, _)| *alias == action.name)
    });
    own.chain(others.map(|action| (action.name, action.help)))
}

/// The lines of the help that have `word` in them.
pub(crate) fn help(word: &str) -> Vec<String> {
    let wanted = word.trim_start_matches('/').to_lowercase();
    let fits = |(name, help): &(&str, &str)| {
        name.contains(&wanted) || help.to_lowercase().contains(&wanted)
    };
    let mut lines: Vec<String> = names()
        .filter(fits)
        .map(|(name, help)| format!("/{name}: {help}"))
        .collect();
    if lines.is_empty() {
        lines.push(format!(
            "no command has \"{word}\" in it; /help lists them all"
        ));
    } else if wanted.is_empty() {
        lines.push("what you type without a slash goes to the customer of the chat in front; // begins it with a slash, a backslash at the end goes on in the next line".to_owned());
        lines.push("arguments follow in the line: /go 12, /go ana, /transfer Billing it is about VAT, /status away lunch, /tag vat -old, /search invoice, /note call him back".to_owned());
        lines.push("Ctrl+R shows what you have typed so far when something came in between, Ctrl+U drops it, Ctrl+D leaves".to_owned());
    }
    lines
}

/// Whether a command opens another chat.
pub(crate) fn moves(line: &str) -> bool {
    let name = line.split_whitespace().next().unwrap_or_default();
    let intent = Intent::from_command(name);
    matches!(
        intent,
        Some(
            Intent::GoTo
                | Intent::NextNeeding
                | Intent::NextChat
                | Intent::PreviousChat
                | Intent::LastVisited
                | Intent::PastChats
        )
    )
}

/// Whether an action moves or edits what is on a screen, which there is none of.
fn needs_screen(intent: Intent) -> bool {
    let in_no_palette = !intent.action().in_palette();
    in_no_palette
        || matches!(
            intent,
            Intent::Newline
                | Intent::Complete
                | Intent::CompleteBack
                | Intent::ToNav
                | Intent::ToCompose
                | Intent::Palette
                | Intent::LineUp
                | Intent::LineDown
                | Intent::HalfPageUp
                | Intent::HalfPageDown
                | Intent::PageUp
                | Intent::PageDown
                | Intent::ScrollTop
                | Intent::ScrollEnd
                | Intent::Copy
                | Intent::Quote
                | Intent::HistoryOlder
                | Intent::HistoryNewer
                | Intent::HistorySearch
                | Intent::OpenEditor
                | Intent::Left
                | Intent::Right
                | Intent::Up
                | Intent::Down
                | Intent::WordLeft
                | Intent::WordRight
                | Intent::LineStart
                | Intent::LineEnd
                | Intent::Backspace
                | Intent::Delete
                | Intent::KillWordBack
                | Intent::KillWord
                | Intent::KillToStart
                | Intent::KillToEnd
                | Intent::Yank
                | Intent::NextPane
                | Intent::PreviousPane
                | Intent::Split
                | Intent::Zoom
                | Intent::Side
                | Intent::Redraw
                | Intent::DebugKeys
                | Intent::Suspend
        )
}

#[cfg(test)]
mod tests {
    use shared::model::Visibility;

    use super::{Joiner, Meaning, Own, help, names, read};
    use crate::{
        fixture::{busy_desk, console_of},
        keys::ACTIONS,
        model::Model,
        msg::{Msg, Typed},
        update::update,
    };

    fn model() -> Model {
        console_of(&busy_desk())
    }

    fn says(text: &str, visibility: Visibility) -> Meaning {
        super::message(text, visibility)
    }

    #[test]
    fn text_is_a_reply_and_a_slash_a_command() {
        let command = |line: &str| Meaning::Typed(Typed::Command(line.to_owned()));
        for (line, meaning) in [
            ("hello there", says("hello there", Visibility::Public)),
            (" indented", says(" indented", Visibility::Public)),
            ("//usr/bin", says("/usr/bin", Visibility::Public)),
            ("/note  VAT again ", says("VAT again", Visibility::Note)),
            ("/reply yes", says("yes", Visibility::Public)),
            ("", Meaning::Nothing),
            ("   ", Meaning::Nothing),
            ("/accept", command("accept")),
            ("/next", command("next-needing")),
            ("/chat 12", command("go 12")),
            ("/transfer  Sales please", command("transfer Sales please")),
            ("/chats", Meaning::Own(Own::Chats, String::new())),
            ("/help note", Meaning::Own(Own::Help, "note".to_owned())),
            ("/exit", Meaning::Own(Own::Quit, String::new())),
        ] {
            assert_eq!(read(&model(), line), meaning, "{line}");
        }
    }

    #[test]
    fn what_means_nothing_says_why() {
        for (line, why) in [
            ("/zoom", "/zoom is of use on a screen only"),
            ("/yes", "/yes is of use on a screen only"),
            ("/note", "write the note in the same line"),
            ("/reply", "what you type without a slash"),
            (
                "/transfre x",
                "no command is called \"/transfre\"; did you mean /transfer?",
            ),
            (
                "/qqqqqqqq",
                "no command is called \"/qqqqqqqq\"; /help lists them",
            ),
            ("/", "no command is called \"/\""),
        ] {
            match read(&model(), line) {
                Meaning::Wrong(told) => assert!(told.starts_with(why), "{line}: {told}"),
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_question_takes_the_next_line_but_for_a_command() {
        let mut model = model();
        let now = model.now;
        update(
            &mut model,
            Msg::Typed(Typed::Command("close".to_owned())),
            now,
        );
        let answer = |line: &str| Meaning::Typed(Typed::Answer(line.to_owned()));
        for line in ["y", "", "hello"] {
            assert_eq!(read(&model, line), answer(line));
        }
        assert_eq!(
            read(&model, "/quit"),
            Meaning::Own(Own::Quit, String::new())
        );
    }

    #[test]
    fn a_backslash_goes_on_in_the_next_line() {
        let mut joiner = Joiner::default();
        assert_eq!(joiner.push("one\\"), None);
        assert!(joiner.is_begun());
        assert_eq!(joiner.push("two\\"), None);
        assert_eq!(joiner.push("three").as_deref(), Some("one\ntwo\nthree"));
        assert_eq!(joiner.push("alone").as_deref(), Some("alone"));
        let long = format!("{}\\", "x".repeat(1000));
        let pushed = (0..100).find_map(|_| joiner.push(&long));
        assert!(
            pushed.is_some_and(|whole| whole.len() < 20_000),
            "there is a bound"
        );
    }

    #[test]
    fn every_action_means_something_or_says_why_not() {
        for action in ACTIONS {
            let meaning = read(&model(), &format!("/{}", action.name));
            assert_ne!(meaning, Meaning::Nothing, "{}", action.name);
        }
        let all: Vec<&str> = names().map(|(name, _)| name).collect();
        for name in [
            "chats", "go", "accept", "transfer", "resolve", "close", "note", "retry", "send",
        ] {
            assert_eq!(all.iter().filter(|one| **one == name).count(), 1, "{name}");
        }
        assert!(!all.contains(&"zoom") && !all.contains(&"yes"));
        assert!(help("queue").iter().all(|line| line.contains("queue")));
        assert!(help("").len() > all.len());
    }
}
