//! A backup put in place of a desk that went on without it: whoever saw more than the backup has
//! learns it, and nothing that was sent before or kept meanwhile comes twice.

use std::path::Path;

use tests::cli::Cli;
use tests::desk::{Desk, PATIENCE, header, prompts};
use tests::home::Home;
use tests::process::Output;
use tests::programs::programs;

const CID: &str = "before-the-backup-0001";

/// Runs the hub's program offline.
fn offline(args: &[&str]) -> Output {
    Cli::new(Home::new()).run(&programs().hub, args, "", PATIENCE)
}

fn utf8(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// F10: an old backup under clients that hold newer cursors: a resync, nothing stale shown, what
/// was kept meanwhile sent once. Invariant 32.
#[test]
fn a_restored_desk_is_seen_by_all_and_doubles_nothing() {
    let mut desk = Desk::start();
    let ana = desk.agent("Ana", "Customer Care");
    let bo = desk.customer();
    let chat = |args: &[&str]| bo.run(&programs().chat, args, "", PATIENCE);
    let named = ["--name", "Bo", "--message", "before", "--client-id", CID];
    assert_eq!(chat(&named).stdout, "1\n");
    let records = desk.done(&["tail", "--no-follow"]).lines().count();
    desk.done(&["backup", "desk.backup"]);
    let backup = desk.owner.home().path().join("desk.backup");
    let checked = offline(&["check", utf8(&backup)]);
    assert_eq!(checked.code(), 0, "{checked:?}");
    let whole = format!(
        "{records} records in 1 chats, head {records}, 0 problems
"
    );
    assert!(checked.stdout.ends_with(&whole), "{checked:?}");

    // What comes after the backup is seen, and will be gone.
    assert_eq!(
        chat(&["--name", "Late", "--message", "after"]).stdout,
        "2\n"
    );
    let console = desk.console(&ana);
    console.wait_text("Late", PATIENCE);
    let line_mode = desk.chat(&bo, &["resume", "1"]);
    line_mode.wait_for("the prompt", PATIENCE, prompts);
    let log = desk.done(&["tail", "--no-follow"]);
    let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    let cursor = last["cursor"].as_str().unwrap();

    let data = desk.hub.data();
    let busy = offline(&["restore", utf8(&backup), "--force", "--data", utf8(&data)]);
    assert_eq!(busy.code(), 75, "a hub is running: {busy:?}");
    desk.hub.terminate();
    // Kept by the customer's program until there is a hub again.
    line_mode.wait_text("Reconnecting", PATIENCE);
    line_mode.send_line("meanwhile");
    let kept = chat(&["--name", "Bo", "--message", "kept"]);
    assert_eq!(kept.code(), 7, "{kept:?}");

    let careful = offline(&["restore", utf8(&backup), "--data", utf8(&data)]);
    assert_eq!(careful.code(), 73, "a desk is there: {careful:?}");
    let restored = offline(&["restore", utf8(&backup), "--force", "--data", utf8(&data)]);
    assert_eq!(restored.code(), 0, "{restored:?}");
    let checked = offline(&["check", "--data", utf8(&data)]);
    assert_eq!(checked.code(), 0, "{checked:?}");
    desk.hub.restart();

    console.wait_for("the desk as it was restored", PATIENCE, |screen| {
        header(screen).contains("live") && !screen.contents().contains("Late")
    });
    let stale = desk.admin(&["tail", "--no-follow", "--since", cursor]);
    assert_eq!(stale.code(), 6, "a cursor of another lineage: {stale:?}");
    line_mode.wait_text("Connected again", PATIENCE);
    line_mode.wait_text("(sent)", PATIENCE);

    assert_eq!(chat(&named).stdout, "1\n", "its cid is known");
    assert_eq!(chat(&["--name", "Bo", "--message", "kept"]).stdout, "2\n");
    let log = desk.done(&["tail", "--no-follow"]);
    for (text, count) in [("before", 1), ("meanwhile", 1), ("kept", 1), ("after", 0)] {
        let posted = format!("\"text\":{text:?}");
        assert_eq!(log.matches(&posted).count(), count, "{text}: {log}");
    }
}
