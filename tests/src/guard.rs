//! A guard over every program that the tests start, and over what those start: no secret may stand
//! in the arguments or in the environment of any of them, at any time of the run.
//!
//! Each program is looked at as soon as it runs; a thread looks at all that came of it for as long
//! as the tests last. What is found fails the test that ends a program next.
//!
//! Absent on purpose: `FRONTDESK_TOKEN`, which is the person's own wish to have a secret in the
//! environment; and systems without `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{LazyLock, Once};
use std::thread;
use std::time::Duration;

use crate::watched::Watched;

/// What the secrets of the hub begin with, before at least [`SECRET_CHARS_MIN`] more.
const PREFIXES: [&str; 6] = ["fda_", "fdr_", "fdc_", "fdp_", "fdi_", "fds_"];
/// Shorter words that begin so are names of tests.
const SECRET_CHARS_MIN: usize = 24;
/// The beginning of every password that tests give.
const PASSWORDS: &str = "correct horse";
/// The one variable that may have a secret.
const WISHED: &str = "FRONTDESK_TOKEN=";
/// Between two looks of the thread.
const EVERY: Duration = Duration::from_millis(20);

static FOUND: LazyLock<Watched<BTreeSet<String>>> = LazyLock::new(|| Watched::new(BTreeSet::new()));
static THREAD: Once = Once::new();

/// Looks at a program that was just started, and goes on looking.
pub(crate) fn started(pid: u32) {
    note(exposed_by(pid));
    THREAD.call_once(|| {
        thread::spawn(|| {
            loop {
                note(
                    descendants(std::process::id())
                        .flat_map(exposed_by)
                        .collect(),
                );
                // Nobody ends this wait early but a finding, after which there is nothing to hurry.
                FOUND.wait(EVERY, |_| None::<()>);
            }
        });
    });
}

/// Fails when a secret was seen in any program so far.
///
/// # Panics
/// With where it was seen, not with the secret.
#[track_caller]
pub(crate) fn assert_clean() {
    let found = FOUND.read(|found| found.iter().cloned().collect::<Vec<_>>());
    assert!(found.is_empty(), "secrets are shown:\n{}", found.join("\n"));
}

fn note(found: Vec<String>) {
    if !found.is_empty() {
        FOUND.update(|all| all.extend(found));
    }
}

/// Where a process shows a secret to others: by name of the program, never the secret itself.
fn exposed_by(pid: u32) -> Vec<String> {
    // One that has ended meanwhile shows nothing.
    let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let name = String::from_utf8_lossy(&read("comm")).trim().to_owned();
    let faults = ["cmdline", "environ"].into_iter().filter_map(|file| {
        let bytes = read(file);
        let shown = bytes.split(|byte| *byte == 0).any(|word| {
            let word = String::from_utf8_lossy(word);
            !word.starts_with(WISHED) && holds_secret(&word)
        });
        shown.then(|| format!("a secret is in the {file} of {name} (process {pid})"))
    });
    faults.collect()
}

fn holds_secret(text: &str) -> bool {
    text.contains(PASSWORDS)
        || PREFIXES.iter().any(|prefix| {
            text.match_indices(prefix).any(|(at, _)| {
                let rest = text[at + prefix.len()..].bytes();
                rest.take_while(u8::is_ascii_alphanumeric).count() >= SECRET_CHARS_MIN
            })
        })
}

/// The processes that came of this one, as far as they still run.
fn descendants(pid: u32) -> impl Iterator<Item = u32> {
    let mut all = Vec::new();
    let mut next = vec![pid];
    while let Some(parent) = next.pop() {
        let tasks = fs::read_dir(format!("/proc/{parent}/task"))
            .into_iter()
            .flatten();
        for task in tasks.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            let children = children
                .split_whitespace()
                .filter_map(|pid| pid.parse().ok());
            for child in children {
                all.push(child);
                next.push(child);
            }
        }
    }
    all.into_iter()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::{descendants, exposed_by, holds_secret};

    const TOKEN: &str = "fda_0123456789abcdefghijklmnopqrstuvwxyz";

    #[test]
    fn a_planted_secret_is_seen_also_in_what_a_program_starts() {
        if !crate::exposure::can_look() {
            return crate::report("skipped: this system has no /proc");
        }
        // Not through the harness, whose guard would fail this test.
        let script = "sh -c 'echo ready; read line' child \"$SECRET\"; true";
        let mut shell = Command::new("/bin/sh")
            .args(["-c", script])
            .env("SECRET", TOKEN)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        let out = shell.stdout.as_mut().unwrap();
        std::io::Read::read_exact(out, &mut ready).unwrap();
        let own = exposed_by(shell.id());
        assert!(own.len() == 1 && own[0].contains("environ"), "{own:?}");
        let below: Vec<String> = descendants(shell.id()).flat_map(exposed_by).collect();
        assert!(
            below.iter().any(|line| line.contains("cmdline")),
            "{below:?}"
        );
        assert!(!format!("{own:?}{below:?}").contains(TOKEN));
        drop(shell.stdin.take());
        shell.wait().unwrap();
    }

    #[test]
    fn a_secret_is_known_by_its_form() {
        assert!(holds_secret(&format!("--token={TOKEN}")));
        assert!(holds_secret("correct horse battery staple"));
        for harmless in ["fda_nothing", "FRONTDESK_HUB=http://127.0.0.1:1", "hunter2"] {
            assert!(!holds_secret(harmless), "{harmless}");
        }
    }
}
