//! Tidiness as a test: the rules of the house that a compiler does not hold up.
//!
//! Each rule is a pure function from sources to violations, has one test over the whole tree and
//! one on a bad sample, so that a rule that has gone blind is noticed. Formatting and lints are
//! absent on purpose: rustfmt and clippy hold those.

mod catalogue;
mod deploy;
mod holes;
mod layers;
mod register;
mod secrets;
mod source;
mod words;

use std::fmt;

/// One place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Violation {
    path: String,
    /// From 1; 0 when the whole file is meant.
    line: usize,
    what: String,
}

impl Violation {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Fails with every violation, one a line.
#[track_caller]
fn assert_tidy(violations: impl IntoIterator<Item = Violation>) {
    let lines: Vec<String> = violations
        .into_iter()
        .map(|each| each.to_string())
        .collect();
    assert!(lines.is_empty(), "untidy:\n{}", lines.join("\n"));
}

/// The lines of violations, for samples.
fn lines_of(violations: &[Violation]) -> Vec<usize> {
    violations.iter().map(|each| each.line).collect()
}
