//! F28: every file that a release has written opens on this one, also when the hub is cut off on
//! the way; a file of a release to come is left to it, byte for byte.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use rustix::process::Signal;
use server::store::{Part, Store, StoreUrl, StoredRecord, check};
use shared::id::Pos;
use tests::{
    home::Home,
    hub::LISTENING,
    process::{Exit, Process},
    programs::{programs, workspace},
    report,
    robot::PATIENCE,
};

use crate::failpoints::{Case, armed_by, assert_hit, points_of};

/// The file of a version that will never be reached.
const TO_COME: &str = "desk-to-come.redb";

/// The files of every release.
fn goldens() -> Vec<PathBuf> {
    let entries = fs::read_dir(workspace().join("server/tests/golden")).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "redb"))
        .filter(|path| !path.ends_with(TO_COME))
        .collect();
    files.sort();
    assert!(files.len() >= 2, "{files:?}");
    files
}

/// A data folder with this file as its store, or with none.
fn folder(home: &Home, golden: Option<&Path>) -> PathBuf {
    let data = home.path().join("hub");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    if let Some(golden) = golden {
        let file = data.join("desk.redb");
        fs::copy(golden, &file).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    data
}

fn start(home: &Home, data: &Path, listen: &str) -> Process {
    let data = data.display().to_string();
    let args = ["--data", &data, "--listen", listen];
    Process::start(home, &programs().hub, args)
}

async fn log(data: &Path) -> Vec<StoredRecord> {
    let store = Store::open(&StoreUrl::in_directory(data)).unwrap();
    store.read(Part::MAIN, Pos(0), usize::MAX).await.unwrap()
}

/// F28, F4: an upgrade that is cut off goes on at the next start and keeps every record.
#[tokio::test(flavor = "multi_thread")]
async fn every_golden_file_opens_also_after_a_death_within_its_migration() {
    let [point] = points_of(&[Case::Migration])[..] else {
        panic!("one point within a migration");
    };
    // A hub that comes beyond its store ends here.
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let (mut deaths, mut opened) = (Vec::new(), 0);
    let files = goldens();
    for golden in files.iter().map(|file| Some(file.as_path())).chain([None]) {
        let name = golden.and_then(Path::file_stem).unwrap_or_default();
        let home = Home::new();
        let data = folder(&home, golden);
        let before = match golden {
            Some(_) => log(&folder(&Home::new(), golden)).await,
            None => Vec::new(),
        };
        let (value, marks) = armed_by(point, home.path());
        fs::create_dir(&marks).unwrap();
        let cut = home.clone().with_env("FRONTDESK_FAILPOINT", &value);
        let exit = start(&cut, &data, &taken).finish(PATIENCE).exit;
        if exit != Exit::Code(69) {
            assert_hit(point, &marks, exit);
            deaths.push(name.to_owned());
        }

        let mut hub = start(&home, &data, "127.0.0.1:0");
        hub.wait_line(LISTENING, PATIENCE, |line| line.contains(LISTENING));
        hub.signal(Signal::TERM);
        assert_eq!(hub.finish(PATIENCE).exit, Exit::Code(0), "{name:?}");
        let report = check(&data.join("desk.redb")).unwrap();
        assert_eq!(report.problems, [""; 0], "{name:?}");
        let after = log(&data).await;
        assert_eq!(after[..before.len()], before, "{name:?}");
        opened += 1;
    }
    report(&format!(
        "F28: {opened} files opened, {} after a death within a migration, 0 lost",
        deaths.len()
    ));
    // The newest has nothing to go through; the first release and an empty place have.
    assert!(deaths.len() >= 2 && deaths.len() < opened, "{deaths:?}");
    assert!(deaths.contains(&"desk-1".into()), "{deaths:?}");
}

/// F28: a downgrade is refused, and the file stays good for the release that wrote it.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_to_come_is_refused_and_untouched() {
    let home = Home::new();
    let golden = workspace().join("server/tests/golden").join(TO_COME);
    let data = folder(&home, Some(&golden));
    let file = data.join("desk.redb");
    for _ in 0..2 {
        let refused = start(&home, &data, "127.0.0.1:0").finish(PATIENCE);
        assert_eq!(refused.exit, Exit::Code(76), "{refused:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
        assert!(
            fs::read(&file).unwrap() == fs::read(&golden).unwrap(),
            "the file of a newer hub was written to"
        );
    }
}
