//! Layers point down, and each foreign library is known to one layer only.

use tests::programs::workspace;

use super::source::{Source, all_sources, has_word, read, words};
use super::{Violation, assert_tidy, lines_of};

const HUB_SOURCES: &str = "server/src";

/// Each room of the hub and the rooms it may import; itself always, and `lib` and `main` all.
/// A new room gets a row here, below everything that uses it.
const LAYERS: [(&str, &[&str]); 15] = [
    ("desk", &[]),
    ("failpoint", &[]),
    ("store", &["desk", "failpoint"]),
    ("config", &[]),
    ("telemetry", &["config"]),
    ("hub", &["desk", "failpoint", "store"]),
    ("accounts", &["desk", "store", "hub"]),
    ("care", &["desk", "store", "hub", "accounts"]),
    (
        "assistant",
        &["desk", "failpoint", "store", "config", "hub"],
    ),
    ("outbound", &["desk", "store", "hub"]),
    ("reports", &["desk", "store", "hub"]),
    (
        "http",
        &[
            "desk",
            "store",
            "config",
            "telemetry",
            "accounts",
            "hub",
            "care",
            "assistant",
            "outbound",
            "reports",
        ],
    ),
    ("demo", &EVERYTHING),
    ("lib", &EVERYTHING),
    ("main", &EVERYTHING),
];

const EVERYTHING: [&str; 13] = [
    "desk",
    "failpoint",
    "store",
    "config",
    "telemetry",
    "accounts",
    "hub",
    "care",
    "assistant",
    "outbound",
    "reports",
    "http",
    "demo",
];

/// What the desk may use besides the standard library: the language, derives, and functions that
/// give the same for the same always, by which documents are compared and named.
const DESK_DEPENDENCIES: [&str; 5] = ["shared", "serde", "serde_json", "sha2", "thiserror"];

/// Names that bring a clock, an order of chance or the world into the desk.
const IMPURE_WORDS: [&str; 4] = ["HashMap", "HashSet", "SystemTime", "Instant"];

/// Modules of `std` that reach outside.
const IMPURE_STD: [&str; 6] = ["fs", "net", "thread", "env", "process", "io"];

/// A library, the words that name it, and the only folder that may say them.
const HOMES: [(&[&str], &str); 3] = [
    (&["redb", "postgres", "tokio_postgres"], "server/src/store"),
    (&["warp"], "server/src/http"),
    (&["hyper_rustls"], "server/src/assistant/provider"),
];

/// Where the limits are measured that the hub is judged against.
const BENCHES: &str = "tests/benches/";

/// Where the console's colours are decided.
const COLOUR_ROOMS: [&str; 2] = ["view", "theme"];

fn imports_point_down(source: &Source) -> Vec<Violation> {
    let Some(room) = source.room_in(HUB_SOURCES) else {
        return Vec::new();
    };
    let Some((_, may_import)) = LAYERS.iter().find(|(name, _)| *name == room) else {
        let what = format!("the room {room} has no layer; give it a row in LAYERS");
        return vec![Violation::new(&source.path, 0, what)];
    };
    imports_of(&source.code, "crate")
        .into_iter()
        .filter(|(_, import)| import != room && !may_import.contains(&import.as_str()))
        // Lower case only: an item of the crate's root is no room.
        .filter(|(_, import)| import.starts_with(|c: char| c.is_ascii_lowercase()))
        .map(|(offset, import)| {
            let what = format!("{room} may not import {import}");
            Violation::new(&source.path, source.line_at(offset), what)
        })
        .collect()
}

fn desk_is_pure(source: &Source, dependencies: &[String]) -> Vec<Violation> {
    if source.room_in(HUB_SOURCES) != Some("desk") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line, in_test) in source.lines() {
        let foreign = words(line).filter(|word| {
            IMPURE_WORDS.contains(word)
                || dependencies
                    .iter()
                    .any(|name| name == word && line.contains(&format!("{name}::")))
        });
        found.extend(
            foreign
                .filter(|_| !in_test)
                .map(|word| (number, word.to_owned())),
        );
        if line.contains("::now(") && !in_test {
            found.push((number, "a clock".to_owned()));
        }
    }
    for (offset, module) in imports_of(&source.code, "std") {
        if IMPURE_STD.contains(&module.as_str()) && !source.is_test_at(offset) {
            found.push((source.line_at(offset), format!("std::{module}")));
        }
    }
    found
        .into_iter()
        .map(|(line, name)| {
            Violation::new(&source.path, line, format!("the desk may not use {name}"))
        })
        .collect()
}

fn libraries_stay_home(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for (names, home) in HOMES {
        if source.path.starts_with(&format!("{home}/")) || source.path == format!("{home}.rs") {
            continue;
        }
        // The benchmark measures the bare engine beside the store.
        if source.path.starts_with(BENCHES) && names.contains(&"redb") {
            continue;
        }
        for (number, line, _) in source.lines() {
            for name in names.iter().filter(|name| has_word(line, name)) {
                let what = format!("only {home} says {name}");
                found.push(Violation::new(&source.path, number, what));
            }
        }
    }
    found
}

fn colours_stay_home(source: &Source) -> Vec<Violation> {
    let Some(room) = source.room_in("agent-tui/src") else {
        return Vec::new();
    };
    if COLOUR_ROOMS.contains(&room) {
        return Vec::new();
    }
    source
        .lines()
        .filter(|(_, line, _)| {
            ["Color", "Style", "Stylize"]
                .iter()
                .any(|word| has_word(line, word))
        })
        .map(|(number, _, _)| {
            Violation::new(&source.path, number, "only view and theme know colours")
        })
        .collect()
}

/// Programs of people speak to the hub over the wire; none is built from its parts.
fn clients_do_not_contain_the_hub(package: &str, manifest: &str) -> Vec<Violation> {
    let forbidden: &[&str] = match package {
        "agent-tui" | "customer-cli" | "admin-cli" => &["server"],
        "shared" => &["server", "agent-tui", "customer-cli", "admin-cli"],
        _ => &[],
    };
    dependency_lines(manifest)
        .filter(|(_, name)| forbidden.contains(name))
        .map(|(number, name)| {
            let what = format!("{package} may not depend on {name}");
            Violation::new(&format!("{package}/Cargo.toml"), number, what)
        })
        .collect()
}

/// The first names below `root::` wherever it stands, those of a group each, with their places.
fn imports_of(code: &str, root: &str) -> Vec<(usize, String)> {
    let path = format!("{root}::");
    code.match_indices(&path)
        .filter(|(at, _)| {
            !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
        })
        .flat_map(|(at, _)| {
            let rest = &code[at + path.len()..];
            let names = match rest.strip_prefix('{') {
                Some(group) => group_names(group),
                None => words(rest).take(1).map(str::to_owned).collect(),
            };
            names.into_iter().map(move |name| (at, name))
        })
        .collect()
}

/// The first name of each member of an import group, the text starting after its brace.
fn group_names(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 1;
    let mut member = String::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            names.extend(words(&member).next().map(str::to_owned));
            member.clear();
        } else {
            member.push(c);
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// The names of all dependencies in a manifest with their lines.
fn dependency_lines(manifest: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_dependencies = false;
    manifest
        .lines()
        .enumerate()
        .filter_map(move |(index, line)| {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
                return None;
            }
            let name = line.split(['.', ' ', '=']).next()?;
            (in_dependencies && !name.is_empty()).then_some((index + 1, name))
        })
}

fn manifest_of(package: &str) -> String {
    read(&workspace().join(package).join("Cargo.toml"))
}

#[test]
fn layers_of_the_hub_point_down() {
    assert_tidy(all_sources().iter().flat_map(imports_point_down));
}

#[test]
fn an_import_that_points_up_is_seen() {
    let text = "use crate::desk::Chat;\nuse crate::{\n  store::Store,\n  http::{self, routes},\n};\nfn f() { crate::accounts::x() }\n// crate::http\n";
    let bad = imports_point_down(&Source::new("server/src/hub/mod.rs", text));
    assert_eq!(lines_of(&bad), [2, 6]);
    assert!(bad[0].what.contains("http"), "{}", bad[0]);
    let unknown = imports_point_down(&Source::new("server/src/attic.rs", ""));
    assert_eq!(lines_of(&unknown), [0]);
    let fine = imports_point_down(&Source::new("server/src/main.rs", text));
    assert_eq!(fine, []);
}

#[test]
fn the_table_of_layers_has_no_circle() {
    for (index, (room, may_import)) in LAYERS.iter().enumerate() {
        for import in may_import.iter().filter(|import| *import != room) {
            let below = LAYERS[..index].iter().any(|(name, _)| name == import);
            assert!(below, "{room} imports {import}, which is not below it");
        }
    }
}

#[test]
fn the_desk_is_pure() {
    let manifest = manifest_of("server");
    let dependencies = foreign_to_desk(&manifest);
    assert_tidy(
        all_sources()
            .iter()
            .flat_map(|source| desk_is_pure(source, &dependencies)),
    );
}

#[test]
fn an_impure_desk_is_seen() {
    let manifest = "[dependencies]\nserde.workspace = true\ntokio-util = \"1\"\nredb.workspace = true\n[lints]\nx = 1\n";
    let dependencies = foreign_to_desk(manifest);
    assert_eq!(dependencies, ["tokio_util", "redb"]);
    let text = "use std::collections::HashMap;\nuse std::{fmt, fs};\nuse tokio_util::x;\nfn f() { std::thread::yield_now(); Timestamp::now(); }\nuse serde::Serialize;\n#[cfg(test)]\nmod tests {\n  use std::collections::HashSet;\n  use std::fs;\n}\n";
    let bad = desk_is_pure(&Source::new("server/src/desk/x.rs", text), &dependencies);
    assert_eq!(lines_of(&bad), [1, 3, 4, 2, 4]);
    let elsewhere = desk_is_pure(&Source::new("server/src/hub/x.rs", text), &dependencies);
    assert_eq!(elsewhere, []);
}

fn foreign_to_desk(manifest: &str) -> Vec<String> {
    dependency_lines(manifest)
        .map(|(_, name)| name.replace('-', "_"))
        .filter(|name| !DESK_DEPENDENCIES.contains(&name.as_str()))
        .collect()
}

#[test]
fn libraries_are_said_in_their_homes_only() {
    assert_tidy(all_sources().iter().flat_map(libraries_stay_home));
}

#[test]
fn a_library_away_from_home_is_seen() {
    let text =
        "// redb\nuse redb::Database;\nfn f() { warp::serve(\"warp\") }\nuse hyper_rustls::X;\n";
    let check = |path: &str| lines_of(&libraries_stay_home(&Source::new(path, text)));
    assert_eq!(check("server/src/hub/mod.rs"), [2, 3, 4]);
    assert_eq!(check("server/src/store/redb.rs"), [3, 4]);
    assert_eq!(check("server/src/http/mod.rs"), [2, 4]);
    assert_eq!(check("shared/src/lib.rs"), [2, 3, 4]);
    assert_eq!(check("server/src/assistant/provider/client.rs"), [2, 3]);
    assert_eq!(check("server/src/assistant/mod.rs"), [2, 3, 4]);
}

#[test]
fn only_view_and_theme_of_the_console_know_colours() {
    assert_tidy(all_sources().iter().flat_map(colours_stay_home));
}

#[test]
fn a_colour_in_the_model_is_seen() {
    let text = "use ratatui::style::Color;\nstruct StyleGuide;\n";
    let check = |path: &str| lines_of(&colours_stay_home(&Source::new(path, text)));
    assert_eq!(check("agent-tui/src/model.rs"), [1]);
    assert!(check("agent-tui/src/view/list.rs").is_empty());
    assert!(check("agent-tui/src/theme.rs").is_empty());
    assert!(check("customer-cli/src/print.rs").is_empty());
}

#[test]
fn no_client_contains_the_hub() {
    assert_tidy(
        super::source::PACKAGES
            .iter()
            .flat_map(|package| clients_do_not_contain_the_hub(package, &manifest_of(package))),
    );
}

#[test]
fn a_client_that_contains_the_hub_is_seen() {
    let manifest =
        "[package]\nname = \"server\"\n[dev-dependencies]\nclap = \"4\"\nserver.workspace = true\n";
    let check = |package: &str| lines_of(&clients_do_not_contain_the_hub(package, manifest));
    assert_eq!(check("admin-cli"), [5]);
    assert_eq!(check("shared"), [5]);
    assert!(check("tests").is_empty());
}
