//! The doctor of the admin tool, its pager, and files that others may read: real programs, real
//! faults.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use tests::cli::Cli;
use tests::desk::{CONTEXT, Desk, PATIENCE};
use tests::home::Home;
use tests::process::{Exit, Output};
use tests::programs::programs;
use tests::pty::{Pty, Terminal};

fn doctor(cli: &Cli) -> (Output, Vec<Value>) {
    let output = cli.run(&programs().admin, &["doctor", "-o", "json"], "", PATIENCE);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    let items = document["items"].as_array().unwrap().clone();
    (output, items)
}

/// How a check came out.
fn state<'a>(items: &'a [Value], check: &str) -> &'a str {
    let found = items.iter().find(|item| item["check"] == check);
    found.map_or("", |item| item["state"].as_str().unwrap())
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_desk_in_order_has_no_failure_and_shows_no_secret() {
    let desk = Desk::start();
    let (output, items) = doctor(&desk.owner);
    assert_eq!(
        (output.code(), output.stderr.as_str()),
        (0, ""),
        "{output:?}"
    );
    for check in [
        "config", "contexts", "files", "space", "address", "hub", "login", "rights", "version",
        "socket", "clock", "locale", "colours", "keys",
    ] {
        assert_eq!(state(&items, check), "ok", "{check}: {}", output.stdout);
    }
    for secret in desk.secrets(&[&desk.owner]) {
        assert!(!output.stdout.contains(&secret), "a secret is shown");
    }
    let home = desk.owner.home().path().to_str().unwrap();
    assert!(
        !output.stdout.contains(home),
        "the home is told: {}",
        output.stdout
    );
    assert!(
        output.stdout.contains("~/state/frontdesk"),
        "{}",
        output.stdout
    );
}

#[test]
fn each_fault_is_found_with_what_to_do() {
    let mut desk = Desk::start();
    let bea = desk.agent("Bea", "Customer Care");
    assert_eq!(state(&doctor(&bea).1, "rights"), "warn");

    let credentials = desk
        .owner
        .home()
        .path()
        .join("state/frontdesk/credentials.toml");
    chmod(&credentials, 0o640);
    let (output, items) = doctor(&desk.owner);
    assert_eq!(output.code(), 1);
    assert_eq!(state(&items, "files"), "fail");
    assert!(output.stdout.contains("chmod"), "{}", output.stdout);
    chmod(&credentials, 0o600);

    // A login that the hub ended.
    desk.done(&["session", "end", "--all", "--yes"]);
    let (output, items) = doctor(&desk.owner);
    assert_eq!(
        (output.code(), state(&items, "login")),
        (1, "fail"),
        "{}",
        output.stdout
    );
    assert!(
        output.stdout.contains("frontdesk-admin login"),
        "{}",
        output.stdout
    );

    let config = desk
        .owner
        .home()
        .path()
        .join("config/frontdesk/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace(&format!("\"{CONTEXT}\""), "\"elsewhere\""),
    )
    .unwrap();
    let (output, items) = doctor(&desk.owner);
    assert_eq!(
        (output.code(), state(&items, "contexts")),
        (1, "fail"),
        "{}",
        output.stdout
    );
    fs::write(&config, "contexts = 7\n").unwrap();
    let (output, items) = doctor(&desk.owner);
    assert_eq!(
        (output.code(), state(&items, "config")),
        (1, "fail"),
        "{}",
        output.stdout
    );
}

#[test]
fn it_works_without_a_hub_and_says_so() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let gone = taken.local_addr().unwrap();
    drop(taken);
    let home = Home::new().with_env("FRONTDESK_HUB", format!("http://{gone}"));
    let (output, items) = doctor(&Cli::new(home));
    assert_eq!((output.code(), output.stderr.as_str()), (1, ""));
    assert_eq!(
        (state(&items, "hub"), state(&items, "login")),
        ("fail", "warn")
    );
    assert!(
        output.stdout.contains("not checked without a hub"),
        "{}",
        output.stdout
    );
}

#[test]
fn a_file_of_secrets_that_others_may_read_is_refused_by_every_client() {
    let mut desk = Desk::start();
    let bea = desk.agent("Bea", "Customer Care");
    let customer = desk.customer();
    let args = ["--name", "Bo", "--message", "hello"];
    assert_eq!(
        customer.run(&programs().chat, &args, "", PATIENCE).code(),
        0
    );
    for (cli, program, file, args) in [
        (
            &desk.owner,
            &programs().admin,
            "credentials.toml",
            &["whoami"][..],
        ),
        (
            &desk.owner,
            &programs().admin,
            "credentials.toml",
            &["logout"],
        ),
        (&bea, &programs().agent, "credentials.toml", &["--plain"]),
        (
            &customer,
            &programs().chat,
            "chats.toml",
            &["resume", "--message", "again"],
        ),
        (&customer, &programs().chat, "chats.toml", &["list"]),
    ] {
        let path = cli.home().path().join("state/frontdesk").join(file);
        let before = fs::read(&path).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            chmod(&path, mode);
            let refused = cli.run(program, args, "", PATIENCE);
            assert_eq!(
                (refused.code(), refused.stdout.as_str()),
                (2, ""),
                "{args:?}: {refused:?}"
            );
            assert!(refused.stderr.contains("chmod 600"), "{refused:?}");
            assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
        }
        chmod(&path, 0o600);
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

/// A run on a terminal of ten rows with this pager; gives how it ended and all that was written.
fn paged(pager: &str, args: &[&str]) -> (Exit, String) {
    let home = Home::new().with_env("PAGER", pager);
    let terminal = Terminal::sized(10, 80);
    let pty = Pty::start(&home, terminal, &programs().admin, args);
    let exit = pty.wait_exit(PATIENCE);
    (exit, String::from_utf8_lossy(&pty.raw()).into_owned())
}

#[test]
fn what_is_longer_than_the_screen_goes_through_the_pager_of_the_person() {
    let long = ["help", "exit-codes"];
    let (exit, shown) = paged("sed 's/^/| /'", &long);
    assert_eq!(exit, Exit::Code(0));
    assert!(shown.contains("|   141  the reader"), "{shown}");
    // Whoever has read enough is no failure, and nothing is said about it.
    let (exit, shown) = paged("head -n 1", &long);
    assert_eq!((exit, shown.lines().count()), (Exit::Code(0), 1), "{shown}");
    // Without a pager, with one that is not there, or where it is short: as it is.
    for (pager, args) in [
        ("", &long[..]),
        ("cat", &long),
        ("sed 's/^/| /'", &["--no-pager", "help", "exit-codes"]),
        ("sed 's/^/| /'", &["version"]),
    ] {
        let (exit, shown) = paged(pager, args);
        assert_eq!(exit, Exit::Code(0));
        assert!(
            !shown.contains("| ") && shown.len() > 5,
            "{pager:?} {args:?}: {shown}"
        );
    }
    let (exit, shown) = paged("frontdesk-no-such-pager 2>/dev/null", &long);
    assert_eq!(exit, Exit::Code(0));
    assert!(shown.contains("  141  the reader"), "{shown}");
}

#[test]
fn what_is_said_can_be_one_json_document_a_line() {
    let desk = Desk::start();
    let args = ["-vv", "--log-format", "json", "status"];
    let output = desk.admin(&args);
    assert_eq!(output.code(), 0);
    let levels: Vec<String> = output
        .stderr
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["level"].to_string())
        .collect();
    assert_eq!(levels, ["\"trace\"", "\"debug\""], "{}", output.stderr);
    assert_eq!(desk.admin(&["status"]).stderr, "");
}
