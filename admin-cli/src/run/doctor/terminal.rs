//! What the terminal can do, by what it says of itself: the environment, and tmux when it is
//! asked. The console asks the terminal itself when it starts.

use std::{
    io::IsTerminal,
    process::{Command, Stdio},
};

use crate::run::doctor::Finding;

/// Terminals with keys of their own for Shift+Enter (the kitty keyboard protocol) and frames that
/// do not flicker (mode 2026), by `TERM` or `TERM_PROGRAM`.
const RICH: [&str; 6] = ["kitty", "ghostty", "foot", "WezTerm", "iTerm.app", "rio"];
/// From this version on tmux passes mode 2026 on.
const TMUX_SYNCHRONIZED: (u32, u32) = (3, 5);

pub(super) fn look(variable: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let mut findings = vec![
        kind(&variable, std::io::stdout().is_terminal()),
        locale(&variable),
        colours(&variable),
        rich(&variable),
    ];
    if variable("TMUX").is_some() {
        findings.push(tmux(
            &asked(&["-V"]),
            &asked(&["show", "-sv", "set-clipboard"]),
        ));
    }
    findings
}

fn kind(variable: &impl Fn(&str) -> Option<String>, is_terminal: bool) -> Finding {
    let place = if is_terminal {
        ""
    } else {
        "; this output is not one"
    };
    match variable("TERM").as_deref() {
        None => Finding::warn(
            "terminal",
            format!("TERM is not set{place}"),
            "set TERM, such as xterm-256color; the console needs it",
        ),
        Some("dumb") => Finding::warn(
            "terminal",
            format!("TERM=dumb{place}"),
            "use frontdesk-agent --plain here",
        ),
        Some(term) => Finding::ok("terminal", format!("TERM={term}{place}")),
    }
}

/// The first of the three variables that is set decides (POSIX, 8.2).
fn locale(variable: &impl Fn(&str) -> Option<String>) -> Finding {
    let decides = ["LC_ALL", "LC_CTYPE", "LANG"];
    let found = decides
        .iter()
        .find_map(|name| Some((name, variable(name)?)));
    let fix = "set LANG to a UTF-8 locale, such as C.UTF-8";
    match found {
        Some((name, value)) => {
            let folded = value.to_lowercase();
            if folded.contains("utf-8") || folded.contains("utf8") {
                Finding::ok("locale", format!("{name}={value}"))
            } else {
                Finding::warn("locale", format!("{name}={value} is not UTF-8"), fix)
            }
        }
        None => Finding::warn("locale", "none is set", fix),
    }
}

fn colours(variable: &impl Fn(&str) -> Option<String>) -> Finding {
    let term = variable("TERM").unwrap_or_default();
    let detail = match variable("COLORTERM").as_deref() {
        _ if variable("NO_COLOR").is_some() => "none, as NO_COLOR asks",
        Some("truecolor" | "24bit") => "16 million",
        _ if term.contains("256color") => "256",
        _ if term.is_empty() || term == "dumb" => "none",
        _ => "16, which is enough",
    };
    Finding::ok("colours", detail)
}

fn rich(variable: &impl Fn(&str) -> Option<String>) -> Finding {
    let says = |name: &str| variable(name).unwrap_or_default();
    let (term, program) = (says("TERM"), says("TERM_PROGRAM"));
    let known = RICH
        .iter()
        .find(|rich| term.contains(*rich) || program == **rich);
    match known {
        Some(name) => Finding::ok(
            "keys",
            format!("{name} has kitty keys, synchronized frames and OSC 52"),
        ),
        None => Finding::ok(
            "keys",
            "kitty keys and synchronized frames are not known of this terminal; Ctrl+J ends a line",
        ),
    }
}

/// What tmux answers; none when it cannot be asked.
fn asked(args: &[&str]) -> Option<String> {
    let mut tmux = Command::new("tmux");
    let output = tmux.args(args).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Some(text).filter(|text| !text.is_empty() && output.status.success())
}

fn tmux(version: &Option<String>, clipboard: &Option<String>) -> Finding {
    let Some(version) = version else {
        let fix = "make tmux findable in PATH";
        return Finding::warn("tmux", "cannot be asked", fix);
    };
    let detail = format!(
        "{version}, set-clipboard {}",
        clipboard.as_deref().unwrap_or("unknown")
    );
    match clipboard.as_deref() {
        Some("on") if number(version).is_some_and(|number| number < TMUX_SYNCHRONIZED) => {
            let fix = "from tmux 3.5 on frames do not flicker";
            Finding::warn("tmux", detail, fix)
        }
        Some("on") => Finding::ok("tmux", detail),
        _ => Finding::warn(
            "tmux",
            detail,
            "to copy from the console (OSC 52) run: tmux set -s set-clipboard on",
        ),
    }
}

/// The two numbers of a version such as `tmux 3.3a`.
fn number(version: &str) -> Option<(u32, u32)> {
    let numbers = version.split(|c: char| !c.is_ascii_digit());
    let mut numbers = numbers.filter_map(|digits| digits.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

#[cfg(test)]
mod tests {
    use super::{colours, kind, locale, number, rich, tmux};
    use crate::run::doctor::State;

    fn of<'a>(set: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn a_terminal_is_judged_by_what_it_says() {
        assert_eq!(kind(&of(&[]), true).state, State::Warn);
        assert_eq!(kind(&of(&[("TERM", "dumb")]), true).state, State::Warn);
        assert_eq!(kind(&of(&[("TERM", "xterm")]), true).state, State::Ok);
        let overridden = [("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")];
        assert_eq!(locale(&of(&overridden)).state, State::Warn);
        assert_eq!(locale(&of(&[("LANG", "C.utf8")])).state, State::Ok);
        let colourful = [("COLORTERM", "truecolor"), ("NO_COLOR", "1")];
        assert_eq!(colours(&of(&colourful)).detail, "none, as NO_COLOR asks");
        assert_eq!(colours(&of(&colourful[..1])).detail, "16 million");
        assert!(
            rich(&of(&[("TERM", "xterm-kitty")]))
                .detail
                .starts_with("kitty")
        );
    }

    #[test]
    fn tmux_is_judged_by_its_answers() {
        let check = |version: &str, clipboard: &str| {
            tmux(&Some(version.to_owned()), &Some(clipboard.to_owned())).state
        };
        assert_eq!(number("tmux 3.3a"), Some((3, 3)));
        assert_eq!(check("tmux 3.5a", "on"), State::Ok);
        assert_eq!(check("tmux 3.3a", "on"), State::Warn);
        assert_eq!(check("tmux 3.5", "external"), State::Warn);
        assert_eq!(tmux(&None, &None).state, State::Warn);
    }
}
