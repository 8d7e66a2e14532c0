//! F9: backups of a hub at work. Each is whole, is the log as it once was, and a restored one
//! starts.

use std::{fs, path::Path};

use rustix::process::Signal;
use server::store::{Part, Store, StoreUrl, StoredRecord, check, restore};
use shared::{
    client::http::{Http, Method},
    id::Pos,
};
use tests::{
    home::Home,
    hub::LISTENING,
    process::{Exit, Process},
    programs::programs,
    report,
    robot::PATIENCE,
    seed::Seed,
    site::Site,
    trials,
};
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;

use crate::load::Load;

async fn log(data: &Path) -> Vec<StoredRecord> {
    let store = Store::open(&StoreUrl::in_directory(data)).unwrap();
    store.read(Part::MAIN, Pos(0), usize::MAX).await.unwrap()
}

/// Asks for a backup and keeps it.
async fn take(owner: &Http, file: &Path) {
    let mut download = owner.download(Method::Post, "/api/backup").await.unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = download.chunk().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    fs::write(file, bytes).unwrap();
}

/// F9: of a hub at work.
#[tokio::test(flavor = "multi_thread")]
async fn every_backup_under_load_is_the_log_as_it_was_and_starts() {
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    let count = trials(20, 100);
    let home = Home::new();
    let site = Site::start(&["Billing"]).await;
    let url = site.hub.url();
    let load = Load::start(site, &url).await;
    let owner = load.site.http(&load.site.owner);
    let stop = CancellationToken::new();
    let talking = load.talk(seed, &stop);
    let mut files = Vec::new();
    for number in 0..count {
        load.progress(5).await;
        let file = home.path().join(format!("backup-{number}"));
        take(&owner, &file).await;
        files.push(file);
    }
    stop.cancel();
    talking.join_all().await;
    let data = load.site.hub.data();
    let last = home.path().join("last");
    take(&owner, &last).await;
    let place = home.path().join("all");
    restore(&place, &last, false).unwrap();
    let whole = log(&place).await;
    assert!(fs::read_dir(&data).unwrap().all(|entry| {
        let name = entry.unwrap().file_name();
        !name.to_string_lossy().starts_with("backup-")
    }));
    let mut sizes = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let report = check(file).unwrap();
        assert_eq!(report.problems, [""; 0], "backup {number}");
        let place = home.path().join(format!("restored-{number}"));
        restore(&place, file, false).unwrap();
        let restored = log(&place).await;
        assert_eq!(
            restored.len() as u64,
            report.head.map_or(0, |head| head.pos.0),
            "backup {number}"
        );
        assert!(
            restored == whole[..restored.len()],
            "backup {number} is another past"
        );
        sizes.push(restored.len());
        if (number as u64).is_multiple_of(count / 4) {
            block_in_place(|| starts(&place));
        }
    }
    assert!(sizes.is_sorted(), "{sizes:?}");
    assert!(sizes[0] < sizes[sizes.len() - 1], "nobody wrote meanwhile");
    let records = load.judge().await;
    report(&format!(
        "F9: {count} backups under load, {count} verified, {} to {} of {records} records, \
         0 violations, seed {seed}",
        sizes[0],
        sizes[sizes.len() - 1],
    ));
}

/// A hub starts on a restored desk and ends well.
fn starts(data: &Path) {
    let data = data.display().to_string();
    let args = ["--data", &data, "--listen", "127.0.0.1:0"];
    let mut hub = Process::start(&Home::new(), &programs().hub, args);
    hub.wait_line(LISTENING, PATIENCE, |line| line.contains(LISTENING));
    hub.signal(Signal::TERM);
    assert_eq!(hub.finish(PATIENCE).exit, Exit::Code(0));
}
