//! How a terminal is told that something needs the person, and what stands in its title. Pure: the
//! bytes alone; when there is something to tell is decided in `update`.

use std::ffi::OsString;

use shared::text::{SafeText, truncate_width};

use crate::model::Alert;

/// Widest notification and title, in columns.
const TEXT_COLUMNS_MAX: usize = 120;
/// Begins every notification: a text that began with a number would be a command to some
/// terminals (ConEmu's OSC 9;4).
const SENDER: &str = "frontdesk: ";

/// How one wants to be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Means {
    /// The bell, and OSC 9 in terminals known to show it: iTerm2, WezTerm, kitty, Ghostty, foot.
    /// Others ought to pass over what they do not know, but the Linux console does not
    #[default]
    Auto,
    /// The bell alone
    Bell,
    /// The bell and OSC 9; tmux needs: set -g allow-passthrough on
    Osc9,
    /// The bell and OSC 777, for urxvt and its kin; tmux needs: set -g allow-passthrough on
    Osc777,
    /// Nothing at all
    None,
}

/// Tells in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notifier {
    means: Means,
    /// tmux is between us and the terminal.
    tmux: bool,
}

impl Notifier {
    /// What `wish` comes to where the environment is as `variable` says.
    pub fn new(wish: Means, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let says = |name: &str, known: &[&str]| {
            let value = variable(name).and_then(|value| value.into_string().ok());
            value.is_some_and(|value| known.iter().any(|known| value.contains(known)))
        };
        let tmux = variable("TMUX").is_some_and(|value| !value.is_empty());
        let shows = says("TERM_PROGRAM", &["iTerm", "WezTerm", "ghostty"])
            || says("TERM", &["kitty", "foot", "ghostty", "wezterm"]);
        let means = match wish {
            // tmux makes an alert of its own out of the bell.
            Means::Auto if shows && !tmux => Means::Osc9,
            Means::Auto => Means::Bell,
            wish => wish,
        };
        Self { means, tmux }
    }

    /// What to write for `alert`.
    pub fn bytes(self, alert: &Alert) -> Vec<u8> {
        let text = match alert.more {
            0 => alert.what.clone(),
            more => format!("{} (and {more} more)", alert.what),
        };
        let text = one_line(&format!("{SENDER}{text}"));
        let shown = match self.means {
            Means::None => return Vec::new(),
            // Who looks at the terminal needs no window over it.
            _ if !alert.away => String::new(),
            Means::Auto | Means::Bell => String::new(),
            Means::Osc9 => format!("\x1b]9;{text}\x07"),
            // A semicolon ends a field there.
            Means::Osc777 => {
                let text = text.replace(';', ",");
                format!("\x1b]777;notify;frontdesk;{text}\x07")
            }
        };
        let mut bytes = vec![b'\x07'];
        if self.tmux && !shown.is_empty() {
            let doubled = shown.replace('\x1b', "\x1b\x1b");
            bytes.extend(format!("\x1bPtmux;{doubled}\x1b\\").into_bytes());
        } else {
            bytes.extend(shown.into_bytes());
        }
        bytes
    }
}

/// What makes `text` the title of the window (OSC 2).
pub fn title(text: &str) -> Vec<u8> {
    format!("\x1b]2;{}\x07", one_line(text)).into_bytes()
}

/// No control of whatever kind is left, so nothing can end the sequence that holds it.
fn one_line(text: &str) -> String {
    truncate_width(&SafeText::line(text), TEXT_COLUMNS_MAX).into_owned()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use proptest::{prelude::any, prop_assert, proptest};
    use shared::text::HOSTILE;

    use super::{Means, Notifier, title};
    use crate::model::Alert;

    /// Names and values of the environment.
    type Variables<'a> = &'a [(&'a str, &'a str)];

    fn alert(what: &str, away: bool) -> Alert {
        Alert {
            what: what.to_owned(),
            more: 0,
            away,
        }
    }

    fn notifier(wish: Means, variables: Variables<'_>) -> Notifier {
        let value = |name: &str| {
            let known = variables.iter().find(|(known, _)| *known == name);
            known.map(|(_, value)| OsString::from(value))
        };
        Notifier::new(wish, value)
    }

    fn told(wish: Means, variables: Variables<'_>, alert: &Alert) -> String {
        String::from_utf8(notifier(wish, variables).bytes(alert)).expect("text")
    }

    #[test]
    fn each_means_has_its_bytes() {
        let new = alert("new message, Billing", true);
        let cases: [(Means, Variables<'_>, &str); 8] = [
            (Means::None, &[], ""),
            (Means::Bell, &[("TERM", "xterm-kitty")], "\x07"),
            (Means::Auto, &[("TERM", "linux")], "\x07"),
            (Means::Auto, &[("TERM", "xterm-256color")], "\x07"),
            (
                Means::Auto,
                &[("TERM", "xterm-kitty")],
                "\x07\x1b]9;frontdesk: new message, Billing\x07",
            ),
            (
                Means::Osc777,
                &[],
                "\x07\x1b]777;notify;frontdesk;frontdesk: new message, Billing\x07",
            ),
            (
                Means::Auto,
                &[("TERM", "xterm-kitty"), ("TMUX", "/tmp/x,1,0")],
                "\x07",
            ),
            (
                Means::Osc9,
                &[("TMUX", "/tmp/x,1,0")],
                "\x07\x1bPtmux;\x1b\x1b]9;frontdesk: new message, Billing\x07\x1b\\",
            ),
        ];
        for (means, variables, want) in cases {
            assert_eq!(
                told(means, variables, &new),
                want,
                "{means:?} {variables:?}"
            );
        }
        let near = alert("new message, Billing", false);
        assert_eq!(told(Means::Osc9, &[], &near), "\x07");
        let many = Alert { more: 2, ..new };
        assert!(told(Means::Osc9, &[], &many).contains("Billing (and 2 more)"));
    }

    #[track_caller]
    fn is_closed(bytes: &[u8], start: &str) {
        let text = std::str::from_utf8(bytes).expect("text");
        let inner = text.strip_prefix(start).expect("begins so");
        let inner = inner.strip_suffix('\x07').expect("ends so");
        assert!(!inner.chars().any(char::is_control), "{text:?}");
    }

    #[test]
    fn nothing_breaks_out() {
        for hostile in HOSTILE {
            is_closed(&title(hostile), "\x1b]2;");
            let bytes = notifier(Means::Osc9, &[]).bytes(&alert(hostile, true));
            is_closed(&bytes, "\x07\x1b]9;frontdesk:");
        }
        let bytes = notifier(Means::Osc777, &[]).bytes(&alert("a;b;c", true));
        is_closed(&bytes, "\x07\x1b]777;notify;frontdesk;frontdesk: ");
        assert_eq!(bytes.iter().filter(|byte| **byte == b';').count(), 3);
    }

    proptest! {
        #[test]
        fn no_text_breaks_out(text in any::<String>()) {
            is_closed(&title(&text), "\x1b]2;");
            prop_assert!(title(&text).len() < 8 * 1024);
        }
    }
}
