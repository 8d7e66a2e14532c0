//! Bash, which puts a candidate on the line as it is: so it is quoted here.

use std::{ffi::OsString, io, path::Path};

use clap::Command;
use clap_complete::{
    engine::complete,
    env::{self, EnvCompleter},
};

use crate::completion::is_plain;

/// Bash, with quotes.
pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        env::Bash.name()
    }

    fn is(&self, name: &str) -> bool {
        env::Bash.is(name)
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        env::Bash.write_registration(var, name, bin, completer, out)
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        folder: Option<&Path>,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        let variable = |name| std::env::var(name).ok();
        let index = variable("_CLAP_COMPLETE_INDEX").and_then(|index| index.parse().ok());
        let index: usize = index.unwrap_or_default();
        let separator = variable("_CLAP_IFS").unwrap_or_else(|| "\n".to_owned());
        let begun = words.get(index).is_some_and(|word| !word.is_empty());
        let all = complete(command, words, index, folder)?;
        let mut all: Vec<String> = all
            .iter()
            .map(|candidate| candidate.get_value().to_string_lossy().into_owned())
            .collect();
        // Bash shows no descriptions: a wall of flags would hide the names.
        if !begun && all.iter().any(|word| !word.starts_with('-')) {
            all.retain(|word| !word.starts_with('-'));
        }
        let all: Vec<String> = all.iter().map(|word| quoted(word)).collect();
        write!(out, "{}", all.join(&separator))
    }
}

/// A word as bash reads it back. Escapes rather than quotes, so that the common beginning of
/// several words is one too.
fn quoted(word: &str) -> String {
    let flag = word.starts_with("--") && word[2..].chars().all(|c| c.is_alphanumeric() || c == '-');
    if flag || is_plain(word) {
        return word.to_owned();
    }
    let mut safe = String::with_capacity(word.len() + 8);
    for c in word.chars() {
        // A line feed cannot be escaped so, and no name of a desk has one.
        if c.is_control() {
            continue;
        }
        if !c.is_alphanumeric() && !"-_.+,/=".contains(c) {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::quoted;

    #[test]
    fn bash_reads_back_what_was_meant() {
        let words = [
            "billing",
            "Customer Care",
            "$(touch x)",
            "a'b\"c",
            "`x`;&|",
            "#7",
            "--all",
        ];
        for word in words {
            let echo = format!("printf %s {}", quoted(word));
            let Ok(output) = Command::new("bash").args(["-c", &echo]).output() else {
                return;
            };
            assert_eq!(String::from_utf8_lossy(&output.stdout), word);
        }
        assert_eq!(quoted("Customer Care"), "Customer\\ Care");
        assert_eq!(quoted("a\nb"), "ab");
    }
}
