//! F4: the hub dies at every point that has a name; nothing acknowledged is lost, nothing comes
//! twice, nobody has seen what is not there.
//!
//! The points of the assistant's turns are walked by `assistant::cut_off`, that within a migration
//! by `goldens`. A point without a case here does not compile.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::process::Signal;
use serde_json::{Value, json};
use server::{failpoint::Point, store::Store};
use tests::{
    cli::Cli,
    home::Home,
    oracle::Log,
    process::{Exit, Output},
    programs::programs,
    report,
    robot::PATIENCE,
    seed::Seed,
    site::Site,
};
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;

use crate::load::Load;

/// How a process ends that aborts itself.
const ABORTED: Exit = Exit::Signal(6);

/// What brings the hub to a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// People at work.
    Load,
    /// People at work, and an orderly end.
    End,
    /// People at work, and a backup.
    Backup,
    /// The program that restores.
    Restore,
    /// The start on a file of an older version.
    Migration,
    /// A turn of the assistant.
    Turn,
    /// The same; the point is a defect that the hub outlives.
    Defect,
    /// The start with a knowledge base.
    Knowledge,
}

const fn case(point: Point) -> Case {
    match point {
        Point::BeforeCommit | Point::AfterCommit | Point::BeforeFanOut | Point::WithinSettle => {
            Case::Load
        }
        Point::WithinSnapshot => Case::End,
        Point::WithinBackup => Case::Backup,
        Point::WithinRestore | Point::BeforeRestoreRename => Case::Restore,
        Point::WithinMigration => Case::Migration,
        Point::BeforeStart
        | Point::AfterStart
        | Point::AfterAnswer
        | Point::BeforeFinish
        | Point::AfterFinish => Case::Turn,
        Point::WithinTurn => Case::Defect,
        Point::KnowledgeLoad => Case::Knowledge,
    }
}

/// The points of these cases; there is at least one.
pub(crate) fn points_of(cases: &[Case]) -> Vec<Point> {
    let all = Point::ALL.iter().copied();
    let found: Vec<_> = all.filter(|point| cases.contains(&case(*point))).collect();
    assert!(!found.is_empty(), "no point of {cases:?}");
    found
}

/// The variable that names the point, and the folder that arms it once it is made.
pub(crate) fn armed_by(point: Point, marks: &Path) -> (String, PathBuf) {
    let folder = marks.join(point.word());
    let value = format!("{}:{}", point.word(), folder.join("mark").display());
    (value, folder)
}

#[track_caller]
pub(crate) fn assert_hit(point: Point, folder: &Path, exit: Exit) {
    assert_eq!(exit, ABORTED, "{point:?}");
    assert!(folder.join("mark").exists(), "{point:?} was not reached");
}

fn wake(load: &Load) {
    for robot in load.robots() {
        robot.socket().retry_now();
    }
}

/// F4: under load, with every client held against the log at the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_under_load_dies_at_every_point_and_loses_nothing() {
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    let marks = Home::new();
    let site = Site::start(&["Billing"]).await;
    let url = site.hub.url();
    let mut load = Load::start(site, &url).await;
    let stop = CancellationToken::new();
    let talking = load.talk(seed, &stop);
    let points = points_of(&[Case::Load, Case::End, Case::Backup]);
    for point in &points {
        let (value, folder) = armed_by(*point, marks.path());
        load.site.hub.set_env("FRONTDESK_FAILPOINT", &value);
        load.site.hub.restart();
        wake(&load);
        load.progress(20).await;
        fs::create_dir(&folder).unwrap();
        let owner = load.site.http(&load.site.owner);
        let backup = tokio::spawn(async move {
            // It is cut short with the hub.
            let cut: Result<Value, _> = owner.post("/api/backup", &json!({})).await;
            cut.is_err()
        });
        if case(*point) == Case::End {
            load.site.hub.process().signal(Signal::TERM);
        }
        let exit = block_in_place(|| load.site.hub.process().wait_exit(PATIENCE));
        assert_hit(*point, &folder, exit);
        // It was meant to end.
        load.site.hub.kill9();
        backup.abort();
        load.site.hub.restart();
        wake(&load);
        load.progress(10).await;
        assert_eq!(copies_in(&load.site.hub.data()), [""; 0], "{point:?}");
    }
    stop.cancel();
    talking.join_all().await;
    let acked = load.acked();
    let records = load.judge().await;
    report(&format!(
        "F4: {} of {} points hit under load, {acked} acknowledged, {records} records, \
         0 violations, seed {seed}",
        points.len(),
        points.len(),
    ));
}

/// What copies that were cut short have left in a data folder.
fn copies_in(data: &Path) -> Vec<String> {
    let entries = fs::read_dir(data).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".tmp")).collect()
}

/// F4: a restore that dies has replaced the whole store or nothing: never is there an empty place,
/// where the next start would make a new desk.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_dies_leaves_the_whole_store_or_the_whole_backup() {
    let marks = Home::new();
    let mut site = Site::start(&[]).await;
    site.guest("Bo", "Customer Care", "before").await.unwrap();
    site.hub.terminate();
    let file = marks.path().join("backup");
    let store = Store::open(&site.store()).unwrap();
    let backup = store.backup().await.unwrap();
    backup
        .write_to(&mut fs::File::create(&file).unwrap())
        .unwrap();
    drop(store);
    let saved = Log::read(&site.store()).await.stored;
    site.hub.restart();
    site.guest("Cy", "Customer Care", "after").await.unwrap();
    site.hub.terminate();
    let data = site.hub.data();
    let restore = |env: &str| -> Output {
        let home = Home::new().with_env("FRONTDESK_FAILPOINT", env);
        let (data, file) = (data.display().to_string(), file.display().to_string());
        let args = ["restore", &file, "--force", "--data", &data];
        block_in_place(|| Cli::new(home).run(&programs().hub, &args, "", PATIENCE))
    };
    for point in points_of(&[Case::Restore]) {
        let whole = Log::read(&site.store()).await.stored;
        assert!(whole.len() > saved.len());
        let (value, folder) = armed_by(point, marks.path());
        fs::create_dir(&folder).unwrap();
        assert_hit(point, &folder, restore(&value).exit);
        assert_eq!(Log::read(&site.store()).await.stored, whole, "{point:?}");
        site.hub.restart();
        site.guest("Di", "Customer Care", "goes on").await.unwrap();
        site.hub.terminate();
    }
    let done = restore("");
    assert_eq!(done.exit, Exit::Code(0), "{done:?}");
    assert_eq!(Log::read(&site.store()).await.stored, saved);
    assert_eq!(copies_in(&data), [""; 0]);
    site.hub.restart();
    site.guest("Ed", "Customer Care", "goes on").await.unwrap();
}
