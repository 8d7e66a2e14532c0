//! The admin tool: its output forms, its refusals, and the log that it follows.

use tests::desk::{Desk, PATIENCE};
use tests::programs::programs;

const TABLE: &str = "\
ID  NAME               ACTIVE  DEFAULT  CAPACITY
1   Customer Care      yes     yes      -
2   Billing            yes     no       -
3   Technical Support  yes     no       3
";

const JSON: &str = r#"{
  "items": [
    {
      "id": 1,
      "name": "Customer Care",
      "description": "",
      "active": true,
      "default": true,
      "capacity": null,
      "form": [],
      "rev": 1
    },
    {
      "id": 2,
      "name": "Billing",
      "description": "Invoices, refunds",
      "active": true,
      "default": false,
      "capacity": null,
      "form": [],
      "rev": 3
    },
    {
      "id": 3,
      "name": "Technical Support",
      "description": "",
      "active": true,
      "default": false,
      "capacity": 3,
      "form": [],
      "rev": 4
    }
  ],
  "next": null
}
"#;

const NDJSON: &str = r#"{"id":1,"name":"Customer Care","description":"","active":true,"default":true,"capacity":null,"form":[],"rev":1}
{"id":2,"name":"Billing","description":"Invoices, refunds","active":true,"default":false,"capacity":null,"form":[],"rev":3}
{"id":3,"name":"Technical Support","description":"","active":true,"default":false,"capacity":3,"form":[],"rev":4}
"#;

const CSV: &str = r#"id,name,active,default,capacity,description,form,retention_days,rev
1,Customer Care,yes,yes,,,,,1
2,Billing,yes,no,,"Invoices, refunds",,,3
3,Technical Support,yes,no,3,,,,4
"#;

const YAML: &str = r#"items:
- id: 1
  name: Customer Care
  description: ""
  active: true
  default: true
  capacity: null
  form: []
  rev: 1
- id: 2
  name: Billing
  description: Invoices, refunds
  active: true
  default: false
  capacity: null
  form: []
  rev: 3
- id: 3
  name: Technical Support
  description: ""
  active: true
  default: false
  capacity: 3
  form: []
  rev: 4
next: null
"#;

/// A desk with three departments.
fn departments() -> Desk {
    let desk = Desk::start();
    let create = ["department", "create"];
    let billing = ["Billing", "--description", "Invoices, refunds"];
    desk.done(&[&create[..], &billing].concat());
    desk.done(&[
        "department",
        "create",
        "Technical Support",
        "--capacity",
        "3",
    ]);
    desk
}

#[test]
fn every_form_of_a_list_is_pinned() {
    let desk = departments();
    let check = |form: &str, expected: &str| {
        let list = desk.done(&["department", "list", "--output", form]);
        assert_eq!(list, expected, "{form}");
    };
    check("table", TABLE);
    check("json", JSON);
    check("ndjson", NDJSON);
    check("csv", CSV);
    check("yaml", YAML);
    check("name", "Customer Care\nBilling\nTechnical Support\n");
}

#[test]
fn what_is_not_there_ends_with_3_and_a_hint() {
    let desk = departments();
    let absent = desk.admin(&["department", "get", "bilng"]);
    assert_eq!((absent.code(), absent.stdout.as_str()), (3, ""));
    let told = "error: department \"bilng\" not found\nhint: did you mean \"Billing\"?\n";
    assert_eq!(absent.stderr, told);
    let absent = desk.admin(&["department", "get", "bilng", "--output", "json"]);
    assert_eq!((absent.code(), absent.stdout.as_str()), (3, ""));
    let told: serde_json::Value = serde_json::from_str(&absent.stderr).unwrap();
    assert_eq!(told["error"]["code"], "not_found");
    assert_eq!(told["error"]["hint"], "did you mean \"Billing\"?");
}

#[test]
fn nothing_is_deleted_without_a_person_or_a_flag() {
    let desk = departments();
    let refused = desk.admin(&["department", "delete", "billing"]);
    assert_eq!((refused.code(), refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("nothing was done"), "{refused:?}");
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let list = ["department", "list", "--output", "name"];
    assert!(desk.done(&list).contains("Billing"));
    desk.done(&["department", "delete", "billing", "--yes"]);
    assert!(!desk.done(&list).contains("Billing"));
}

#[test]
fn a_password_as_an_argument_is_refused_and_not_repeated() {
    let desk = Desk::start();
    for args in [
        &["login", "--username", "olga", "--password", "hunter2"][..],
        &["login", "--username", "olga", "--password=hunter2"],
    ] {
        let refused = desk.admin(args);
        assert_eq!((refused.code(), refused.stdout.as_str()), (2, ""));
        assert!(refused.stderr.contains("--password-stdin"), "{refused:?}");
        assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
    }
}

#[test]
fn what_has_no_dry_run_says_so_and_does_nothing() {
    let desk = Desk::start();
    let before = desk.done(&["context", "list", "-o", "json"]);
    let name = before.lines().find(|line| line.contains("\"name\""));
    let name = name.and_then(|line| line.split('"').nth(3)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new");
    let new = new.to_str().unwrap();
    for args in [
        &["context", "rm", name][..],
        &["context", "use", name],
        &["context", "set", name, "--read-only", "true"],
        &["context", "set", "other", "--hub", "http://127.0.0.1:9"],
        &["backup", new],
        &["man", "--dir", new],
    ] {
        let refused = desk.admin(&[args, &["--dry-run", "--yes"]].concat());
        assert_eq!(refused.code(), 2, "{args:?}: {refused:?}");
        assert!(refused.stderr.contains("has no dry run"), "{refused:?}");
    }
    assert_eq!(desk.done(&["context", "list", "-o", "json"]), before);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_backup_replaces_files_only() {
    let desk = Desk::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let refused = desk.admin(&["backup", path.to_str().unwrap(), "--force"]);
    assert_eq!(refused.code(), 2, "{refused:?}");
    assert!(refused.stderr.contains("is no file"), "{refused:?}");
    assert!(!path.is_file());
}

#[test]
fn a_file_that_is_not_there_is_not_found() {
    let desk = Desk::start();
    for args in [
        &["apply", "-f", "/nowhere.toml"][..],
        &["import", "users", "/nowhere.csv"],
        &["department", "create", "X", "--form", "/nowhere.toml"],
    ] {
        let refused = desk.admin(args);
        assert_eq!(refused.code(), 3, "{args:?}: {refused:?}");
        assert!(refused.stderr.contains("check the path"), "{refused:?}");
    }
}

#[test]
fn a_log_that_is_followed_goes_on_exactly_after_the_hub_was_killed() {
    let mut desk = departments();
    let mut tail = desk.owner.start(&programs().admin, &["tail"]);
    let customer = desk.customer();
    let say = |text: &str| {
        let args = ["--name", "Bo", "--message", text];
        let said = customer.run(&programs().chat, &args, "", PATIENCE);
        assert_eq!(said.code(), 0, "{said:?}");
    };
    for round in 0..3 {
        let text = format!("round {round}");
        say(&text);
        tail.wait_line(&text, PATIENCE, |line| line.contains(&text));
        desk.hub.kill9();
        desk.hub.restart();
    }
    say("the last words");
    tail.wait_line("the last words", PATIENCE, |line| {
        line.contains("the last words")
    });
    let whole = desk.done(&["tail", "--no-follow"]);
    assert!(whole.lines().count() > 12, "{whole}");
    assert!(
        whole.starts_with(&tail.stdout()),
        "followed:\n{}\nwhole:\n{whole}",
        tail.stdout()
    );
    // From any cursor on, the rest is the rest, byte by byte.
    let place = whole.find("round 1").unwrap();
    let end = place + whole[place..].find('\n').unwrap() + 1;
    let (before, rest) = whole.split_at(end);
    let last: serde_json::Value = serde_json::from_str(before.lines().last().unwrap()).unwrap();
    let cursor = last["cursor"].as_str().unwrap();
    assert_eq!(desk.done(&["tail", "--no-follow", "--since", cursor]), rest);
}
