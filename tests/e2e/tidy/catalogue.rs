//! Lists that must agree with each other: tables, events and their golden files, manifests, the
//! top of the repository.

use std::collections::BTreeMap;

use tests::programs::workspace;

use super::source::{PACKAGES, Source, all_sources, names_in, read};
use super::{Violation, assert_tidy, lines_of};

/// What lies at the top of the repository besides the packages.
const TOP_FILES: [&str; 5] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
];

/// Published schemas and recipes, configuration of tools that look for it at the top, and what
/// Cargo builds. Dotfiles may be too.
const TOP_TOOLING: [&str; 6] = [
    "docs",
    "clippy.toml",
    "deny.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "target",
];

const EVENT_SOURCE: &str = "shared/src/event.rs";
const EVENT_GOLDENS: &str = "shared/tests/golden/event";

/// Table names are literals of the form `name-N`, each used for one table only.
fn tables_are_well_named(sources: &[Source]) -> Vec<Violation> {
    const DEFINITION: &str = "TableDefinition::new(";
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    let mut found = Vec::new();
    for source in sources {
        for (at, _) in source.code.match_indices(DEFINITION) {
            if source.is_test_at(at) {
                continue;
            }
            let line = source.line_at(at);
            let mut report = |what: String| found.push(Violation::new(&source.path, line, what));
            let argument = source.text[at + DEFINITION.len()..].trim_start();
            let name = argument
                .strip_prefix('"')
                .and_then(|rest| rest.split_once('"'))
                .map(|(name, _)| name);
            let Some(name) = name else {
                report("a table's name stands where the table is defined".to_owned());
                continue;
            };
            if !is_versioned(name) {
                report(format!("the table {name:?} is not called name-N"));
            }
            let place = format!("{}:{line}", source.path);
            if let Some(first) = seen.insert(name, place) {
                report(format!("the table {name:?} is defined at {first} too"));
            }
        }
    }
    found
}

fn is_versioned(name: &str) -> bool {
    let Some((noun, version)) = name.rsplit_once('-') else {
        return false;
    };
    let is_word = |c: char| c.is_ascii_lowercase() || c == '_' || c == '-';
    noun.starts_with(|c: char| c.is_ascii_lowercase())
        && noun.chars().all(is_word)
        && version.parse::<u32>().is_ok_and(|number| number > 0)
        && !version.starts_with(['0', '+'])
}

/// Every event on the wire, in `goldens` by its name on the wire.
fn events_have_goldens(source: &Source, goldens: &[String]) -> Vec<Violation> {
    variants(&source.code, "Event")
        .into_iter()
        .map(|variant| format!("{}.json", snake_case(&variant)))
        .filter(|file| !goldens.contains(file))
        .map(|file| {
            Violation::new(
                &source.path,
                0,
                format!("no golden file {EVENT_GOLDENS}/{file}"),
            )
        })
        .collect()
}

/// The variants of an enum that are sent, so without the one under `#[serde(other)]`.
fn variants(code: &str, name: &str) -> Vec<String> {
    let start = format!("enum {name} {{");
    let Some(at) = code.find(&start) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut depth = 0_u32;
    let mut member = String::new();
    for c in code[at + start.len()..].chars() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' if depth == 0 => break,
            '}' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(variant_of(&member));
                member.clear();
                continue;
            }
            _ => {}
        }
        member.push(c);
    }
    found.extend(variant_of(&member));
    found
}

/// The name of one variant, after its attributes.
fn variant_of(member: &str) -> Option<String> {
    if member.contains("serde(other)") {
        return None;
    }
    let mut depth = 0_u32;
    let mut name = String::new();
    for c in member.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ if depth > 0 => {}
            c if c.is_alphanumeric() => name.push(c),
            _ if !name.is_empty() => break,
            _ => {}
        }
    }
    (!name.is_empty()).then_some(name)
}

/// As serde's `rename_all = "snake_case"` does it.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

fn inherits_lints(package: &str, manifest: &str) -> Vec<Violation> {
    let inherits = manifest
        .split_once("[lints]")
        .is_some_and(|(_, rest)| rest.trim_start().starts_with("workspace = true"));
    if inherits {
        return Vec::new();
    }
    let what = "the lints of the workspace are not inherited";
    vec![Violation::new(&format!("{package}/Cargo.toml"), 0, what)]
}

/// Everything at the top that product and tools do not ask for.
fn strangers_at_the_top(names: &[String]) -> Vec<Violation> {
    names
        .iter()
        .filter(|name| !name.starts_with('.'))
        .filter(|name| {
            let lists: [&[&str]; 3] = [&PACKAGES, &TOP_FILES, &TOP_TOOLING];
            !lists.iter().any(|list| list.contains(&name.as_str()))
        })
        .map(|name| Violation::new(name, 0, "does not belong at the top of the repository"))
        .collect()
}

/// Everything the top must have and has not.
fn missing_at_the_top(names: &[String]) -> Vec<Violation> {
    PACKAGES
        .iter()
        .chain(&TOP_FILES)
        .filter(|must| !names.iter().any(|name| name == *must))
        .map(|must| Violation::new(must, 0, "is missing at the top of the repository"))
        .collect()
}

#[test]
fn table_names_are_versioned_and_unique() {
    // The benchmark reads the store's own tables without it, and has throw-away ones.
    let mut sources = all_sources();
    sources.retain(|source| !source.path.starts_with("tests/benches/"));
    assert_tidy(tables_are_well_named(&sources));
}

#[test]
fn a_badly_named_table_is_seen() {
    let first = "const A: TableDefinition<u64, u64> = TableDefinition::new(\"log-1\");\nconst B: X = TableDefinition::new(\"kv\");\nconst C: X = MultimapTableDefinition::new(\n  \"read_marks-2\",\n);\n";
    let second = "const D: X = TableDefinition::new(\"log-1\");\nfn f(name: &str) { TableDefinition::new(name); }\n#[cfg(test)]\nmod tests { const E: X = TableDefinition::new(\"t\"); }\n";
    let sources = [
        Source::new("server/src/store/tables.rs", first),
        Source::new("server/src/store/redb.rs", second),
    ];
    let bad = tables_are_well_named(&sources);
    assert_eq!(lines_of(&bad), [2, 1, 2]);
    assert!(bad[1].what.contains("tables.rs:1"), "{}", bad[1]);
    for name in ["Log-1", "log-01", "log-0", "log-", "-1", "log-+1", "log"] {
        assert!(!is_versioned(name), "{name}");
    }
}

#[test]
fn every_event_has_a_golden_file() {
    let path = workspace().join(EVENT_SOURCE);
    if !path.is_file() {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: there is no {EVENT_SOURCE} yet");
        }
        return;
    }
    let source = Source::new(EVENT_SOURCE, &read(&path));
    assert!(
        variants(&source.code, "Event").len() > 10,
        "the events were not found in {EVENT_SOURCE}"
    );
    let folder = workspace().join(EVENT_GOLDENS);
    let goldens = if folder.is_dir() {
        names_in(&folder)
    } else {
        Vec::new()
    };
    assert_tidy(events_have_goldens(&source, &goldens));
}

#[test]
fn an_event_without_a_golden_file_is_seen() {
    let text = "/// Past tense.\n#[serde(tag = \"type\")]\npub enum Event {\n  /// One, two.\n  ChatOpened { a: Vec<(u8, u8)>, b: u8 },\n  #[serde(rename = \"x, y\", default)]\n  MessagePosted(Box<Message>),\n  ChatClosed,\n  #[serde(other)]\n  Unknown,\n  Rated {}\n}\nenum Other { A, B }\n";
    let source = Source::new(EVENT_SOURCE, text);
    assert_eq!(
        variants(&source.code, "Event"),
        ["ChatOpened", "MessagePosted", "ChatClosed", "Rated"]
    );
    let goldens = ["chat_opened.json", "chat_closed.json", "rated.json"].map(str::to_owned);
    let bad = events_have_goldens(&source, &goldens);
    assert_eq!(bad.len(), 1);
    assert!(bad[0].what.ends_with("message_posted.json"), "{}", bad[0]);
}

#[test]
fn every_package_inherits_the_lints() {
    let root = read(&workspace().join("Cargo.toml"));
    assert!(
        root.contains("unsafe_code = \"forbid\""),
        "unsafe code is not forbidden"
    );
    assert_tidy(PACKAGES.iter().flat_map(|package| {
        inherits_lints(
            package,
            &read(&workspace().join(package).join("Cargo.toml")),
        )
    }));
}

#[test]
fn a_package_without_lints_is_seen() {
    let check = |manifest: &str| inherits_lints("server", manifest).len();
    assert_eq!(check("[package]\n[lints]\nworkspace = true\n"), 0);
    assert_eq!(check("[package]\nworkspace = true\n"), 1);
    assert_eq!(check("[lints]\nrust.unsafe_code = \"allow\"\n"), 1);
}

#[test]
fn the_top_of_the_repository_holds_nothing_else() {
    assert_tidy(strangers_at_the_top(&names_in(workspace())));
}

#[test]
fn the_top_of_the_repository_is_complete() {
    assert_tidy(missing_at_the_top(&names_in(workspace())));
}

#[test]
fn a_wrong_top_is_seen() {
    let names = ["Cargo.toml", "notes", ".gitignore", "server", "target"].map(str::to_owned);
    let strangers = strangers_at_the_top(&names);
    assert_eq!(strangers.len(), 1);
    assert_eq!(strangers[0].path, "notes");
    let missing = missing_at_the_top(&names);
    assert_eq!(missing.len(), PACKAGES.len() + TOP_FILES.len() - 2);
    assert!(missing.iter().any(|each| each.path == "README.md"));
}
