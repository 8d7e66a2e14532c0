//! Completion in the shell: the words of the command line, and the names of the desk.
//!
//! The shell runs this program with [`VARIABLE`] set and the words so far; it answers with
//! candidates and nothing else, whatever goes wrong. Where names come from is in `names`.

mod bash;
mod names;

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command, CommandFactory, ValueEnum};
use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCompleter, CompletionCandidate},
    env::{Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh},
};

use crate::{
    args::{Cli, PROGRAM},
    completion::{
        bash::Bash,
        names::{Kind, Known},
    },
    failure::Failure,
};

/// Says for which shell to complete.
const VARIABLE: &str = "FRONTDESK_COMPLETE";
/// Programs that complete by themselves when asked so.
const PROGRAMS: [&str; 4] = [
    PROGRAM,
    "frontdesk-agent",
    "frontdesk-chat",
    "frontdesk-hub",
];
/// The shells whose own completion quotes what it puts on the line, or for which we do.
const SHELLS: Shells<'static> = Shells(&[&Bash, &Elvish, &Fish, &Powershell, &Zsh]);

/// A shell that a script is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// Bash 4 or newer
    Bash,
    /// Elvish
    Elvish,
    /// Fish
    Fish,
    /// Nushell; knows the words, not the names of the desk
    Nushell,
    /// PowerShell
    Powershell,
    /// Zsh
    Zsh,
}

/// Answers the shell, if it is the shell that asks.
pub(crate) fn answered(args: &[OsString]) -> bool {
    let Some(asked) = std::env::var_os(VARIABLE).filter(|asked| !asked.is_empty()) else {
        return false;
    };
    if let Some(kind) = asked.to_str().and_then(Kind::of_refresh) {
        names::refresh(kind, args);
        return true;
    }
    let engine = CompleteEnv::with_factory(|| with_names(Cli::command(), &asked));
    let engine = engine.var(VARIABLE).shells(SHELLS);
    let folder = std::env::current_dir().ok();
    // A shell has no place for a complaint: it gets no candidates then.
    engine
        .try_complete(args.to_vec(), folder.as_deref())
        .unwrap_or(true)
}

/// The script that makes a shell ask.
pub(crate) fn script(shell: Shell) -> Result<Vec<u8>, Failure> {
    let mut script = Vec::new();
    let completer: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Zsh => &Zsh,
        Shell::Nushell => {
            let nushell = clap_complete_nushell::Nushell;
            clap_complete::generate(nushell, &mut Cli::command(), PROGRAM, &mut script);
            return Ok(script);
        }
    };
    for program in PROGRAMS {
        completer.write_registration(VARIABLE, program, program, program, &mut script)?;
    }
    Ok(script)
}

/// The command line with the names of the desk for its arguments.
fn with_names(command: Command, shell: &OsStr) -> Command {
    // PowerShell puts a candidate on the line as it is.
    let quotes = shell.to_str().is_some_and(|shell| {
        SHELLS
            .completer(shell)
            .is_some_and(|s| s.name() != "powershell")
    });
    named(command, None, quotes)
}

fn named(command: Command, noun: Option<&str>, quotes: bool) -> Command {
    let own = command.get_name().to_owned();
    let command = command.mut_args(|arg| match Kind::of_argument(noun, &arg) {
        Some(kind) => arg.add(ArgValueCompleter::new(move |typed: &OsStr| {
            candidates(kind, typed, quotes)
        })),
        None => arg,
    });
    command.mut_subcommands(|below| named(below, Some(&own), quotes))
}

fn candidates(kind: Kind, typed: &OsStr, quotes: bool) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str().map(unquoted) else {
        return Vec::new();
    };
    let known = names::known(kind);
    let fitting = known
        .iter()
        .filter_map(|known| known.fitting(&typed, quotes));
    let mut all: Vec<_> = fitting
        .map(|(value, help)| CompletionCandidate::new(value).help(Some(help.to_owned().into())))
        .collect();
    // The hub's order is of use only where there is nothing to read.
    if kind != Kind::Chats {
        all.sort();
    }
    all.dedup_by(|a, b| a.get_value() == b.get_value());
    all
}

/// A word that may have been typed with a part of its quotes.
fn unquoted(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            '\'' | '"' => {}
            c => plain.push(c),
        }
    }
    plain
}

/// Whether no shell makes anything else of the word.
fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with(['-', '~', '=', '@'])
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || "-_.@+,/=".contains(c))
}

impl Known {
    /// What to put on the line for it, if that is what was begun, and what to say of it.
    fn fitting(&self, typed: &str, quotes: bool) -> Option<(&str, &str)> {
        let begins = |word: &str| word.to_lowercase().starts_with(&typed.to_lowercase());
        match &self.number {
            // Where quotes are not ours to set, a number does.
            Some(number) if !quotes && !is_plain(&self.name) => {
                begins(number).then_some((number, &self.name))
            }
            _ => begins(&self.name).then_some((&self.name, &self.help)),
        }
    }
}

impl Kind {
    /// What an argument names, by the noun above its verb and its own name.
    fn of_argument(noun: Option<&str>, arg: &Arg) -> Option<Self> {
        let noun_is = |meant: &str| noun == Some(meant);
        match arg.get_id().as_str() {
            "department" | "departments" => Some(Self::Departments),
            "user" | "users" | "agent" | "actor" => Some(Self::Users),
            "canned" => Some(Self::Canned),
            "chat" | "chats" => Some(Self::Chats),
            "context" => Some(Self::Contexts),
            "name" | "names" if noun_is("context") && arg.is_positional() => Some(Self::Contexts),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use super::{
        is_plain,
        names::{Kind, Known},
        unquoted,
    };
    use crate::args::Cli;

    fn department(name: &str) -> Known {
        Known {
            name: name.to_owned(),
            number: Some("7".to_owned()),
            help: "what it is for".to_owned(),
        }
    }

    #[test]
    fn what_was_begun_in_any_case_and_with_any_quotes_fits() {
        let care = department("Customer Care");
        for typed in ["", "cust", "Customer\\ C", "'Customer C", "\"CUSTOMER"] {
            let value = care.fitting(&unquoted(typed), true).map(|(value, _)| value);
            assert_eq!(value, Some("Customer Care"), "{typed}");
        }
        assert_eq!(care.fitting("bill", true), None);
    }

    #[test]
    fn a_name_that_a_shell_would_act_on_is_given_by_number_where_nobody_quotes() {
        for name in [
            "a b",
            "$(reboot)",
            "a;b",
            "`x`",
            "-rf",
            "~",
            "a'b",
            "a\nb",
            "",
        ] {
            assert!(!is_plain(name), "{name:?}");
            assert_eq!(department(name).fitting("", false), Some(("7", name)));
        }
        for name in ["billing", "ana.lima", "Löschung", "R+D"] {
            assert_eq!(department(name).fitting("", false).unwrap().0, name);
        }
    }

    /// Arguments that take the name or number of a thing, by what their help says.
    fn unnamed(command: &Command, noun: Option<&str>, path: &str, found: &mut Vec<String>) {
        for arg in command.get_arguments() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let names_one = [
                "by name or number",
                "by username or number",
                "by code or number",
            ]
            .iter()
            .any(|words| help.to_lowercase().contains(words));
            if names_one && Kind::of_argument(noun, arg).is_none() {
                found.push(format!("{path} {}", arg.get_id()));
            }
        }
        let own = command.get_name();
        for below in command.get_subcommands() {
            unnamed(
                below,
                Some(own),
                &format!("{path} {}", below.get_name()),
                found,
            );
        }
    }

    #[test]
    fn every_argument_that_names_a_thing_completes() {
        let mut found = Vec::new();
        unnamed(&Cli::command(), None, "", &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}
