//! What `-o json` really prints fits the published schema, for every verb that reads.

use std::collections::BTreeSet;

use serde_json::Value;
use tests::desk::{Desk, PATIENCE};
use tests::hub::HubSetup;
use tests::programs::{programs, workspace};
use tests::schema::faults;

/// Verbs that read, and what they are asked; a verb that prints lines is asked for lines.
const READS: &[&[&str]] = &[
    &["whoami"],
    &["context", "list"],
    &["context", "show"],
    &["department", "list"],
    &["department", "get", "billing"],
    &["department", "get", "billing", "1"],
    &["canned", "list"],
    &["canned", "get", "greeting"],
    &["user", "list"],
    &["user", "get", "olga"],
    &["invite", "list"],
    &["chat", "list"],
    &["chat", "get", "1"],
    &["chat", "search", "hello"],
    &["chat", "tail", "1", "--no-follow"],
    &["queue", "list"],
    &["token", "list"],
    &["session", "list"],
    &["explain", "chat", "1"],
    &["settings", "get"],
    &["assistant", "get"],
    &["assistant", "status"],
    &["assistant", "test", "where is my order?"],
    &["kb", "list"],
    &["status"],
    &["doctor"],
    &["version"],
    &["tail", "--no-follow"],
    &["audit", "list"],
];
/// The last words of verbs that read.
const READING: [&str; 5] = ["list", "get", "show", "search", "tail"];

fn schema() -> Value {
    let path = workspace().join("docs/schema/admin.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The verb of a command line, as the schema knows it.
fn verb<'a>(schema: &'a Value, words: &[&str]) -> (String, &'a Value) {
    let names = [
        words.iter().take(2).copied().collect::<Vec<_>>().join(" "),
        words[0].to_owned(),
    ];
    let found = names.into_iter().find_map(|name| {
        let rule = schema["x-verbs"].get(&name)?;
        Some((name, rule))
    });
    found.unwrap_or_else(|| panic!("{words:?} has no schema"))
}

/// A desk with one of everything.
fn desk() -> Desk {
    let kb = workspace().join("server/src/demo/kb");
    let setup = HubSetup {
        args: vec!["--kb".into(), kb.display().to_string()],
        ..HubSetup::default()
    };
    let desk = Desk::start_with(setup);
    let field =
        r#"[{"key":"order","label":"Order","kind":"choice","required":false,"choices":["a"]}]"#;
    std::fs::write(desk.owner.home().path().join("form.json"), field).unwrap();
    desk.done(&[
        "department",
        "create",
        "Billing",
        "--form",
        "form.json",
        "--capacity",
        "2",
    ]);
    desk.done(&[
        "canned", "create", "greeting", "--text", "Hello", "--lang", "de=Hallo",
    ]);
    desk.done(&["user", "create", "bea", "--department", "billing"]);
    desk.done(&["token", "create", "nightly"]);
    let customer = desk.customer();
    let args = [
        "--department",
        "billing",
        "--name",
        "Bo",
        "--email",
        "bo@example.org",
        "--message",
        "hello",
    ];
    let said = customer.run(&programs().chat, &args, "", PATIENCE);
    assert_eq!(said.code(), 0, "{said:?}");
    desk
}

#[test]
fn every_verb_that_reads_prints_what_is_published() {
    let (schema, desk) = (schema(), desk());
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for words in READS {
        let (name, rule) = verb(&schema, words);
        let streams = rule["description"].is_string();
        let format = if streams { "ndjson" } else { "json" };
        let text = desk.done(&[words, &["-o", format, "--all"][..]].concat());
        let documents: Vec<Value> = match streams {
            true => text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
            false => vec![serde_json::from_str(&text).unwrap()],
        };
        assert!(!documents.is_empty(), "{words:?} printed nothing");
        for document in documents {
            let faults = faults(&schema, rule, &document);
            wrong.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
        }
        seen.insert(name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let reading = schema["x-verbs"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| READING.contains(&name.rsplit(' ').next().unwrap()));
    let unread: Vec<&String> = reading.filter(|name| !seen.contains(*name)).collect();
    assert!(unread.is_empty(), "not read: {unread:?}");
}

#[test]
fn errors_and_plans_are_as_published() {
    let (schema, desk) = (schema(), desk());
    for words in [
        &["department", "get", "bilng"][..],
        &["department", "list", "--limit", "0"],
        &["department", "delete", "billing"],
        &["login", "--password", "hunter2"],
        &["whoami", "--hub", "http://127.0.0.1:1"],
        &["chat", "get", "4821"],
    ] {
        let output = desk.admin(&[words, &["-o", "json"]].concat());
        assert!(
            output.code() > 0 && output.stdout.is_empty(),
            "{words:?}: {output:?}"
        );
        let error: Value = serde_json::from_str(&output.stderr).unwrap();
        assert_eq!(
            faults(&schema, &schema["x-error"], &error),
            Vec::<String>::new(),
            "{words:?}"
        );
    }
    let plan = desk.done(&["department", "create", "Returns", "--dry-run", "-o", "json"]);
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(
        faults(&schema, &schema["x-dry-run"], &plan),
        Vec::<String>::new()
    );
}
