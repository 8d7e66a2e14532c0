//! The register of proofs: every row of the tables of threats (S) and faults (F) is claimed by a
//! test, whose doc comment begins with the number: `/// S15: a foreign chat ...`.
//!
//! What is not here: whether a test is any good. Each was seen to fail once, as its commit says.

use std::collections::BTreeMap;

use super::source::{Source, all_sources};
use super::{Violation, assert_tidy, lines_of};

/// Rows of the two tables.
const THREATS: u8 = 37;
const FAULTS: u8 = 30;

/// Rows that no test shows yet, and why.
const OWED: &[(&str, &str)] = &[(
    "F21",
    "no generator yet offers three times what the hub can do",
)];

/// Halves of rows that are shown but for something that does not exist yet: the row, what is missing,
/// and a word that is in the name of a file when it is there.
const HALVES: &[(&str, &str, &str)] = &[("S32", "the calls of webhooks", "webhook")];

/// A row that a test claims to show.
struct Claim {
    row: String,
    line: usize,
}

fn rows() -> impl Iterator<Item = String> {
    let threats = (1..=THREATS).map(|number| format!("S{number}"));
    threats.chain((1..=FAULTS).map(|number| format!("F{number}")))
}

/// What the doc comments of the tests of a file claim.
fn claims_of(source: &Source) -> Vec<Claim> {
    let lines = source.text.lines().map(str::trim).collect::<Vec<_>>();
    let mut claims = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(rows) = line.strip_prefix("/// ").and_then(rows_in) else {
            continue;
        };
        if is_of_a_test(&lines[at..]) {
            claims.extend(rows.into_iter().map(|row| Claim { row, line: at + 1 }));
        }
    }
    claims
}

/// The rows before the first colon of a line, when there is nothing but rows there, and numbers of
/// other lists (`A6`, `P17`).
fn rows_in(comment: &str) -> Option<Vec<String>> {
    let (head, _) = comment.split_once(':')?;
    let is_number = |word: &str| {
        let number = word.strip_prefix(|letter: char| letter.is_ascii_uppercase());
        number.is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let words: Vec<_> = head.split(", ").collect();
    let rows = words.iter().filter(|word| word.starts_with(['S', 'F']));
    let rows: Vec<_> = rows.map(|word| (*word).to_owned()).collect();
    (words.iter().all(|word| is_number(word)) && !rows.is_empty()).then_some(rows)
}

/// Whether the comment that these lines begin with belongs to a test.
fn is_of_a_test(lines: &[&str]) -> bool {
    lines
        .iter()
        .skip_while(|line| line.starts_with("///"))
        .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
        .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
}

#[test]
fn every_row_is_shown_by_a_test() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut violations = Vec::new();
    for source in all_sources() {
        for Claim { row, line } in claims_of(&source) {
            if !rows().any(|known| known == row) {
                let what = format!("{row} is no row of the tables");
                violations.push(Violation::new(&source.path, line, what));
            }
            *found.entry(row).or_default() += 1;
        }
    }
    let is_owed = |row: &String| OWED.iter().any(|(owed, _)| owed == row);
    let paid = rows().filter(|row| found.contains_key(row) && is_owed(row));
    violations.extend(paid.map(|row| {
        let what = format!("{row} is shown; it is owed no more");
        Violation::new("the register", 0, what)
    }));
    let unclaimed = rows().filter(|row| !found.contains_key(row) && !is_owed(row));
    violations.extend(unclaimed.map(|row| {
        let what = format!("no test shows {row}; begin its doc comment with \"{row}: \"");
        Violation::new("the register", 0, what)
    }));
    assert_tidy(violations);
}

#[test]
fn no_half_of_a_row_is_owed_by_what_exists() {
    let mut violations = Vec::new();
    for source in all_sources() {
        let here = HALVES.iter().filter(|half| source.path.contains(half.2));
        violations.extend(here.map(|(row, what, _)| {
            let what = format!("{what} are here: show {row} for them and take its half out");
            Violation::new(&source.path, 0, what)
        }));
    }
    assert_tidy(violations);
}

#[test]
fn only_the_doc_comment_of_a_test_is_a_claim() {
    let text = "//! S1: a file\n/// S2: one\n#[test]\nfn a() {}\n/// S3, F4: two\n/// more\n\
                #[tokio::test(flavor = \"multi_thread\")]\nasync fn b() {}\n/// S5: no test\nfn c() {}\n\
                /// The S6: row\n#[test]\nfn d() {}\n// S7: no doc\n#[test]\nfn e() {}\n\
                /// More of it.\n/// S8: late\n#[test]\nfn f() {}\n/// S: none\n#[test]\nfn g() {}\n\
                /// F9, A6: with another\n#[test]\nfn h() {}\n/// A6: another\n#[test]\nfn i() {}\n";
    let claims = claims_of(&Source::new("tests/e2e/x.rs", text));
    let rows: Vec<_> = claims.iter().map(|claim| claim.row.as_str()).collect();
    assert_eq!(rows, ["S2", "S3", "F4", "S8", "F9"]);
    let found: Vec<_> = claims
        .iter()
        .map(|claim| Violation::new("x", claim.line, ""))
        .collect();
    assert_eq!(lines_of(&found), [2, 5, 5, 18, 24]);
}
