//! What a file looks like and which words it may not hold.

use super::source::{Source, all_sources, has_word};
use super::{Violation, assert_tidy, lines_of};

/// Longer files have usually become two nouns.
const FILE_LINES_MAX: usize = 600;

fn begins_with_its_purpose(source: &Source) -> Vec<Violation> {
    if source.text.starts_with("//! ") {
        return Vec::new();
    }
    let what = "the first line says with //! what lives here";
    vec![Violation::new(&source.path, 1, what)]
}

fn is_short(source: &Source) -> Vec<Violation> {
    let lines = source.text.lines().count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    let what = format!("{lines} lines; split it, {FILE_LINES_MAX} are enough");
    vec![Violation::new(&source.path, lines, what)]
}

fn allows_nothing(source: &Source) -> Vec<Violation> {
    let is_bad = |line: &str, _| {
        let start = line.trim_start();
        (start.starts_with("#[") || start.starts_with("#![")) && calls(line, "allow")
    };
    find(source, "expect(lint, reason = ..) instead of allow", is_bad)
}

fn unwraps_nothing(source: &Source) -> Vec<Violation> {
    let is_bad = |line: &str, in_test: bool| !in_test && line.contains(".unwrap()");
    find(
        source,
        "expect(\"why it holds\") or an error instead of unwrap",
        is_bad,
    )
}

fn tests_do_not_sleep(source: &Source) -> Vec<Violation> {
    let in_harness = source.path.starts_with("tests/");
    let is_bad = move |line: &str, in_test: bool| (in_test || in_harness) && calls(line, "sleep");
    find(
        source,
        "a test waits for what it needs, never for a time",
        is_bad,
    )
}

fn store_commits_durably(source: &Source) -> Vec<Violation> {
    let in_store = source.path.starts_with("server/src/store");
    let is_bad = move |line: &str, _| in_store && line.contains("Durability::None");
    find(source, "every commit is durable", is_bad)
}

fn find(source: &Source, what: &str, is_bad: impl Fn(&str, bool) -> bool) -> Vec<Violation> {
    source
        .lines()
        .filter(|(_, line, in_test)| is_bad(line, *in_test))
        .map(|(number, _, _)| Violation::new(&source.path, number, what))
        .collect()
}

/// Whether `name` is called in `line`, as a function, a macro's attribute or a path's last part.
fn calls(line: &str, name: &str) -> bool {
    has_word(line, name)
        && line
            .match_indices(&format!("{name}("))
            .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn every_file_says_what_lives_in_it() {
    assert_tidy(all_sources().iter().flat_map(begins_with_its_purpose));
}

#[test]
fn a_file_without_a_purpose_is_seen() {
    let check = |text: &str| begins_with_its_purpose(&Source::new("x.rs", text)).len();
    assert_eq!(check("//! Numbers.\n"), 0);
    assert_eq!(check("// Numbers.\n"), 1);
    assert_eq!(check("\n//! Numbers.\n"), 1);
    assert_eq!(check(""), 1);
}

#[test]
fn no_file_is_long() {
    assert_tidy(all_sources().iter().flat_map(is_short));
}

#[test]
fn a_long_file_is_seen() {
    let check = |lines: usize| is_short(&Source::new("x.rs", &"\n".repeat(lines))).len();
    assert_eq!((check(600), check(601)), (0, 1));
}

#[test]
fn no_lint_is_allowed_away() {
    assert_tidy(all_sources().iter().flat_map(allows_nothing));
}

#[test]
fn an_allowed_lint_is_seen() {
    let text = "#[allow(dead_code)]\n#![allow(x)]\n// #[allow(x)]\n#[cfg_attr(test, allow(x))]\nfn allow() { allow(\"\") }\n#[expect(x, reason = \"#[allow(x)]\")]\n";
    let bad = allows_nothing(&Source::new("tests/e2e/x.rs", text));
    assert_eq!(lines_of(&bad), [1, 2, 4]);
}

#[test]
fn nothing_outside_tests_is_unwrapped() {
    assert_tidy(all_sources().iter().flat_map(unwraps_nothing));
}

#[test]
fn an_unwrap_is_seen() {
    let text = "fn f() { x.unwrap(); x.unwrap_or(1) }\n/// `x.unwrap()`\n#[cfg(test)]\nmod tests { fn g() { x.unwrap() } }\nfn h() { y.unwrap() }\n";
    let bad = unwraps_nothing(&Source::new("server/src/hub/x.rs", text));
    assert_eq!(lines_of(&bad), [1, 5]);
    assert_eq!(unwraps_nothing(&Source::new("tests/e2e/x.rs", text)), []);
}

#[test]
fn no_test_sleeps() {
    assert_tidy(all_sources().iter().flat_map(tests_do_not_sleep));
}

#[test]
fn a_sleeping_test_is_seen() {
    let text = "fn f() { thread::sleep(x) }\n#[cfg(test)]\nmod tests {\n  fn g() { std::thread::sleep(x) }\n  async fn h() { tokio::time::sleep(x).await; sleep_until(y) }\n  use y::sleep;\n  fn i() { run(\"sleep(1)\") }\n}\n";
    let check = |path: &str| lines_of(&tests_do_not_sleep(&Source::new(path, text)));
    assert_eq!(check("server/src/hub/x.rs"), [4, 5]);
    assert_eq!(check("tests/src/x.rs"), [1, 4, 5]);
    assert_eq!(check("shared/tests/x.rs"), [1, 4, 5]);
}

#[test]
fn the_store_never_commits_without_durability() {
    assert_tidy(all_sources().iter().flat_map(store_commits_durably));
}

#[test]
fn a_commit_without_durability_is_seen() {
    let text = "x.set_durability(redb::Durability::None);\nx.set(Durability::Immediate, None);\n";
    let bad = store_commits_durably(&Source::new("server/src/store/redb.rs", text));
    assert_eq!(lines_of(&bad), [1]);
}
