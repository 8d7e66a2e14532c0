//! S29: a secret is never compared as text, which would tell by its time how much of it was right.
//! It is found by its digest, or checked by its hash, in constant time.

use super::source::{Source, all_sources};
use super::{Violation, assert_tidy, lines_of};

/// Types that hold a secret, where they are defined.
const SECRETS: [&str; 4] = ["Password", "Token", "Secret", "SeedKey"];
const ROOMS: [&str; 3] = ["server/src/accounts", "shared/src/api", "shared/src/client"];
/// A client looks whether two tokens of its own are one: nobody else sees how long that takes.
const OF_ITS_OWN: &str = "self.expose() == other.expose()";

fn compares_no_secret(source: &Source) -> Vec<Violation> {
    let mut bad = Vec::new();
    let mut derived = false;
    for (number, line, in_test) in source.lines() {
        let trimmed = line.trim();
        if in_test {
            continue;
        }
        let compared = line.contains("==") || line.contains("!=") || line.contains(".eq(");
        if compared && line.contains("expose()") && trimmed != OF_ITS_OWN {
            let what = "compare digests of secrets, in constant time";
            bad.push(Violation::new(&source.path, number, what));
        }
        if !ROOMS.iter().any(|room| source.path.starts_with(room)) {
            continue;
        }
        let defined = SECRETS.iter().any(|name| {
            let word = format!("struct {name}");
            let rest = trimmed.split_once(&word).map(|(_, rest)| rest);
            rest.is_some_and(|rest| rest.starts_with([' ', '(', '{', ';']))
        });
        let written = SECRETS
            .iter()
            .any(|name| trimmed.contains(&format!("PartialEq for {name}")));
        if (defined && derived) || written {
            let what = "a secret has no PartialEq";
            bad.push(Violation::new(&source.path, number, what));
        }
        if trimmed.starts_with("#[") {
            derived |= trimmed.contains("PartialEq");
        } else if !trimmed.is_empty() {
            derived = false;
        }
    }
    bad
}

/// S29: over the whole tree.
#[test]
fn no_secret_is_compared_as_text() {
    assert_tidy(all_sources().iter().flat_map(compares_no_secret));
}

#[test]
fn a_compared_secret_is_seen() {
    let text = "fn f() { a.expose() == b }\n#[derive(Clone, PartialEq, Eq)]\n/// A.\npub struct Secret(String);\nimpl PartialEq for Token {}\n#[derive(Clone)]\npub struct Password(String);\n#[derive(PartialEq)]\npub struct TokenKind;\nself.expose() == other.expose()\n#[cfg(test)]\nmod tests { fn g() { a.expose() == b } }\n";
    let bad = compares_no_secret(&Source::new("shared/src/api/x.rs", text));
    assert_eq!(lines_of(&bad), [1, 4, 5]);
    let bad = compares_no_secret(&Source::new("agent-tui/src/x.rs", text));
    assert_eq!(lines_of(&bad), [1]);
}
