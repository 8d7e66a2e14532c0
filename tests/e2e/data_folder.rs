//! Whose the data of a hub is: its owner's alone, whatever the shell's mask, and refused when it is
//! wider or another's. S36 of the threats.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    time::Duration,
};

use rustix::process::geteuid;
use serde_json::json;
use tests::{
    cli::Cli,
    home::Home,
    hub::HubProcess,
    process::{Exit, Output},
    programs::programs,
    report,
    site::Site,
};

use crate::raw::{call, send};

const SOON: Duration = Duration::from_secs(60);

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Everything in a folder that is not its owner's alone.
fn wide(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let expect = if path.is_dir() { 0o700 } else { 0o600 };
        if mode_of(&path) != expect {
            found.push(format!("{} has {:o}", path.display(), mode_of(&path)));
        }
        if path.is_dir() {
            wide(&path, found);
        }
    }
}

/// S36: after a day at work everything in the data folder is its owner's alone, a backup too.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_writes_is_its_own_alone() {
    let site = Site::start(&[]).await;
    let (hub, owner) = (site.hub.address(), Some(site.owner.token.as_str()));
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let path = format!("/api/chats/{}/attachments?name=a.txt", guest.chat);
    let file = call(hub, Some(&guest.token), "POST", &path, b"bytes").await;
    assert_eq!(file.status, 201, "{}", file.body);
    let settings = send(
        hub,
        owner,
        "PUT",
        "/api/settings",
        &json!({"name": "Bikes"}),
    )
    .await;
    assert_eq!(settings.status, 200, "{}", settings.body);
    assert_eq!(mode_of(&site.hub.data()), 0o700);
    let mut found = Vec::new();
    wide(&site.hub.data(), &mut found);
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(site.hub.terminate(), Exit::Code(0));
}

fn start(data: &Path) -> Output {
    let data = data.display().to_string();
    let args = ["--data", &data, "--listen", "127.0.0.1:0"];
    Cli::new(Home::new()).run(&programs().hub, &args, "", SOON)
}

/// One line, exit 73, and a word that tells what to do.
#[track_caller]
fn refused(output: &Output, word: &str) {
    assert_eq!(output.exit, Exit::Code(73), "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    assert!(output.stderr.contains(word), "{}", output.stderr);
}

/// S36: a data folder or a store that is wider than its owner, by whatever bit, is refused; so is a
/// folder whose store lies elsewhere.
#[test]
fn what_is_wider_than_its_owner_is_refused() {
    let first = HubProcess::start();
    assert_eq!(first.terminate(), Exit::Code(0));
    let (data, store) = (first.data(), first.data().join("desk.redb"));
    for (path, good, wider) in [
        (
            &data,
            0o700,
            [0o701, 0o710, 0o740, 0o750, 0o755, 0o770, 0o777],
        ),
        (
            &store,
            0o600,
            [0o601, 0o604, 0o606, 0o620, 0o640, 0o644, 0o666],
        ),
    ] {
        for mode in wider {
            set_mode(path, mode);
            refused(&start(&data), "chmod");
        }
        set_mode(path, good);
    }
    let home = Home::new();
    let (open, text) = (home.path().join("open"), home.path().join("own/desk.redb"));
    fs::create_dir(&open).unwrap();
    fs::write(open.join("hub.toml"), "").unwrap();
    set_mode(&open, 0o755);
    let (open, text) = (
        open.display().to_string(),
        format!("redb:{}", text.display()),
    );
    let args = ["--data", &open, "--store", &text, "--listen", "127.0.0.1:0"];
    refused(
        &Cli::new(home).run(&programs().hub, &args, "", SOON),
        "chmod",
    );
}

/// S36: what belongs to another user is refused, also by root, who could read it.
#[test]
fn what_is_anothers_is_refused() {
    if !geteuid().is_root() {
        report("SKIPPED: only root can give a file away; the rule itself has a test in the hub");
        return;
    }
    let first = HubProcess::start();
    assert_eq!(first.terminate(), Exit::Code(0));
    let (data, store) = (first.data(), first.data().join("desk.redb"));
    let me = fs::metadata(&data).unwrap().uid();
    for path in [&data, &store] {
        chown(path, Some(4_711), None).unwrap();
        refused(&start(&data), "4711");
        chown(path, Some(me), None).unwrap();
    }
}
