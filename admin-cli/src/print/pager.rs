//! The reader of long output on a terminal: `PAGER`, else less.

use std::{
    io::{self, Write},
    process::{Command, Stdio},
};

/// What less is told where the person has told it nothing: end where one screen is enough, keep
/// our own colours, leave the screen as it is.
const LESS: &str = "FRX";

/// The pager that is wished for; none when it is switched off.
pub(super) fn wished(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    match variable("PAGER") {
        None => Some("less".to_owned()),
        Some(pager) if matches!(pager.trim(), "" | "cat") => None,
        Some(pager) => Some(pager),
    }
}

/// Shows the text in a pager and waits for its end; says whether there was one.
pub(super) fn show(pager: &str, text: &[u8]) -> bool {
    let run = || -> io::Result<bool> {
        let mut command = Command::new("sh");
        // A person's PAGER may have arguments of its own.
        command.args(["-c", pager]).stdin(Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            command.env("LESS", LESS);
        }
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // Who has read enough closes it: that is no failure.
            drop(stdin.write_all(text));
        }
        // A shell says so that there is no such program.
        Ok(child.wait()?.code() != Some(127))
    };
    run().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::{show, wished};

    #[test]
    fn a_pager_is_less_unless_the_person_says_otherwise() {
        let wish = |value: Option<&str>| wished(|_| value.map(str::to_owned));
        assert_eq!(wish(None).as_deref(), Some("less"));
        assert_eq!(wish(Some("most -s")).as_deref(), Some("most -s"));
        assert_eq!(wish(Some("")), None);
        assert_eq!(wish(Some("cat")), None);
    }

    #[test]
    fn a_pager_that_ends_early_is_no_failure_and_one_that_is_not_there_is() {
        let text = "a line\n".repeat(100_000);
        assert!(show("read line", text.as_bytes()));
        assert!(show("exit 3", text.as_bytes()));
        assert!(!show(
            "frontdesk-no-such-pager 2>/dev/null",
            text.as_bytes()
        ));
    }
}
