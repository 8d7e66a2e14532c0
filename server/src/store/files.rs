//! The embedded store as a file: opened again, settled at every point, copied, damaged, refused.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use shared::{
    id::{ChatId, Pos, Seq},
    time::Timestamp,
};

use super::{
    Done, FILE_NAME, FileId, KvWrite, Part, Resync, SeqRange, Store, StoreError, StoreUrl,
    StoredRecord, Take, check, migrations, restore,
    samples::{Talk, cid_of, commit, open},
};

const CHATS: u64 = 4;

/// Everything that a reader can learn.
#[derive(Debug, PartialEq)]
struct Answers {
    log: Vec<StoredRecord>,
    chats: Vec<Vec<StoredRecord>>,
    newest: Vec<Vec<StoredRecord>>,
    done: Vec<Option<Done>>,
}

async fn answers(store: &Store) -> Result<Answers, StoreError> {
    let log = store.read(Part::MAIN, Pos(0), usize::MAX).await?;
    let (mut chats, mut newest, mut done) = (Vec::new(), Vec::new(), Vec::new());
    for chat in 0..CHATS {
        let all = SeqRange::default();
        let some = SeqRange {
            after: Some(Seq(2)),
            before: Some(Seq(9)),
        };
        chats.push(
            store
                .history(Part::MAIN, ChatId(chat), all, Take::First(99))
                .await?,
        );
        newest.push(
            store
                .history(Part::MAIN, ChatId(chat), some, Take::Last(3))
                .await?,
        );
    }
    for n in 0..log.len() {
        let cid = cid_of(&format!("cid-{n}"));
        done.push(store.result(Part::MAIN, 7, &cid).await?);
    }
    Ok(Answers {
        log,
        chats,
        newest,
        done,
    })
}

async fn fill(store: &Store, talk: &mut Talk, from: u64, count: u64) {
    let make = |talk: &mut Talk| {
        let numbers = from..from + count;
        numbers
            .map(|n| talk.say(n % CHATS, "hello", Some(&format!("cid-{n}"))))
            .collect()
    };
    commit(store, talk, make).await.unwrap().assert_done();
}

async fn settle(store: &Store, max: usize) -> usize {
    let settled = store.settle(Part::MAIN, max, Timestamp::default()).await;
    settled.unwrap().moved
}

fn file(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

#[tokio::test]
async fn answers_are_the_same_at_every_point_of_settling() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path()).unwrap();
    fill(&store, &mut Talk::default(), 0, 40).await;
    let before = answers(&store).await.unwrap();
    assert!(before.done.iter().all(Option::is_some));
    for settled in 1..=40 {
        assert_eq!(settle(&store, 1).await, 1);
        assert_eq!(answers(&store).await.unwrap(), before, "{settled} settled");
        assert_eq!(store.status().tail_records, 40 - settled);
        if settled % 7 == 0 {
            drop(store);
            store = open(directory.path()).unwrap();
            assert_eq!(
                answers(&store).await.unwrap(),
                before,
                "{settled}, reopened"
            );
            assert_eq!(store.status().tail_records, 40 - settled);
        }
    }
    assert_eq!(settle(&store, 1).await, 0);
    drop(store);
    assert_eq!(check(&file(directory.path())).unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn a_store_opened_again_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut talk = Talk::default();
    let mut before = None;
    for round in 0..6 {
        let store = open(directory.path()).unwrap();
        if let Some(before) = before {
            assert_eq!(answers(&store).await.unwrap(), before);
        }
        assert_eq!(store.head(Part::MAIN).0, Pos(round * 10));
        fill(&store, &mut talk, round * 10, 10).await;
        settle(&store, 7).await;
        assert!(store.now() >= store.read(Part::MAIN, Pos(0), 1).await.unwrap()[0].at);
        before = Some(answers(&store).await.unwrap());
    }
}

/// C13, as far as the store goes.
#[tokio::test]
async fn two_engines_hold_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let (memory, redb) = (Store::memory(), open(directory.path()).unwrap());
    fill(&memory, &mut Talk::default(), 0, 30).await;
    fill(&redb, &mut Talk::default(), 0, 30).await;
    settle(&redb, 11).await;
    let (one, other) = (
        answers(&memory).await.unwrap(),
        answers(&redb).await.unwrap(),
    );
    assert_eq!(one, other);
    let rows = |log: &[StoredRecord]| log.iter().map(StoredRecord::to_row).collect::<Vec<_>>();
    assert_eq!(rows(&one.log), rows(&other.log));
}

#[tokio::test]
async fn a_second_hub_is_locked_out() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let refused = open(directory.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    assert_eq!(refused.exit_code(), 75);
    assert_eq!(check(&file(directory.path())).unwrap_err().exit_code(), 75);
    drop(store);
    assert!(open(directory.path()).is_ok());
}

#[test]
fn what_is_no_store_is_refused_untouched() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let file = file(directory.path());
    let contents = [
        b"x".to_vec(),
        b"redb".to_vec(),
        vec![0; 5_000],
        b"SQLite format 3\0".to_vec(),
    ];
    for content in contents {
        fs::write(&file, &content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        for error in [
            open(directory.path()).unwrap_err(),
            check(&file).unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
            assert_eq!(error.exit_code(), 65);
        }
        assert_eq!(fs::read(&file).unwrap(), content);
    }
    // Of this engine, but of another program.
    fs::remove_file(&file).unwrap();
    let table: redb::TableDefinition<'_, u64, u64> = redb::TableDefinition::new("other-1");
    let database = redb::Database::create(&file).unwrap();
    let transaction = database.begin_write().unwrap();
    drop(transaction.open_table(table).unwrap());
    transaction.commit().unwrap();
    drop(database);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
}

/// A file of a version that will never be reached; the end-to-end tests start a hub on it.
fn file_to_come() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/desk-to-come.redb")
}

fn set_version(file: &Path, version: u32) {
    let database = redb::Database::open(file).unwrap();
    let transaction = database.begin_write().unwrap();
    migrations::put_meta(&transaction, super::tables::VERSION, &version.to_be_bytes()).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn a_newer_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = file(directory.path());
    let refused = |newer| {
        for error in [
            open(directory.path()).unwrap_err(),
            check(&file).unwrap_err(),
        ] {
            assert!(
                matches!(error, StoreError::TooNew { found, .. } if found == newer),
                "{error}"
            );
            assert_eq!(error.exit_code(), 76);
        }
    };
    drop(open(directory.path()).unwrap());
    let next = migrations::known_version() + 1;
    set_version(&file, next);
    refused(next);
    if std::env::var_os("FRONTDESK_BLESS").is_some() && !file_to_come().exists() {
        set_version(&file, u32::MAX);
        fs::copy(&file, file_to_come()).unwrap();
    }
    fs::copy(file_to_come(), &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    refused(u32::MAX);
}

/// S36: the store is made for its owner alone, and refused when it is wider.
#[test]
fn others_may_not_read_the_store() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    drop(open(&data).unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&data), mode(&file(&data))), (0o700, 0o600));
    for (path, wide, good) in [(&data, 0o750, 0o700), (&file(&data), 0o604, 0o600)] {
        fs::set_permissions(path, fs::Permissions::from_mode(wide)).unwrap();
        let error = open(&data).unwrap_err();
        assert!(matches!(error, StoreError::Exposed { .. }), "{error}");
        fs::set_permissions(path, fs::Permissions::from_mode(good)).unwrap();
    }
    assert!(open(&data).is_ok());
}

#[test]
fn a_place_that_cannot_be_written_is_refused() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), b"").unwrap();
    let error = open(&root.path().join("file/data")).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    assert_eq!(error.exit_code(), 73);

    let data = root.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("something"), b"").unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o500)).unwrap();
    if rustix::process::geteuid().is_root() {
        writeln!(std::io::stderr(), "skipped: root may write anywhere").unwrap();
        return;
    }
    let error = open(&data).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
}

#[test]
fn a_url_names_an_engine_and_a_place() {
    let parse = |text: &str| text.parse::<StoreUrl>();
    assert_eq!(
        parse("redb:/srv/desk.redb").unwrap(),
        StoreUrl::Redb("/srv/desk.redb".into())
    );
    assert_eq!(
        parse("data/desk.redb").unwrap(),
        StoreUrl::Redb("data/desk.redb".into())
    );
    assert_eq!(parse("memory:").unwrap(), StoreUrl::Memory);
    for wrong in [
        "",
        "redb:",
        "postgres://desk",
        "postgresql://desk",
        "mysql://desk",
    ] {
        let error = parse(wrong).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{wrong}: {error}");
    }
    assert!(
        parse("postgres://x")
            .unwrap_err()
            .to_string()
            .contains("not built yet")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_while_writing_is_restored() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let mut talk = Talk::default();
    fill(&store, &mut talk, 0, 400).await;
    settle(&store, 150).await;
    let secret = KvWrite {
        ns: "test",
        key: Bytes::from_static(b"k"),
        expect: 0,
        value: Some(Bytes::from_static(b"v")),
        ttl: None,
    };
    store
        .kv_cas(secret, Timestamp::default())
        .await
        .unwrap()
        .unwrap();
    let taken = tokio::spawn({
        let store = store.clone();
        async move { store.backup().await }
    });
    for n in 400..440 {
        fill(&store, &mut talk, n, 1).await;
    }
    let backup = taken.await.unwrap().unwrap();
    let temporary = backup.path().to_path_buf();
    let saved = directory.path().join("saved");
    let bytes = backup.bytes();
    let mut out = fs::File::create(&saved).unwrap();
    assert_eq!(backup.write_to(&mut out).unwrap(), bytes);
    assert!(!temporary.exists());

    let report = check(&saved).unwrap();
    assert_eq!((report.problems.len(), report.chats), (0, 3));
    assert!((400..=440).contains(&report.records), "{}", report.records);

    let other = tempfile::tempdir().unwrap();
    restore(other.path(), &saved, false).unwrap();
    let restored = open(other.path()).unwrap();
    let copied = restored.read(Part::MAIN, Pos(0), 999).await.unwrap();
    let original = store.read(Part::MAIN, Pos(0), copied.len()).await.unwrap();
    assert_eq!(copied, original);
    let cursor = original[10].cursor(store.lineage());
    let checked = restored.cursor_check(Part::MAIN, &cursor).await.unwrap();
    assert_eq!(checked, Err(Resync::Lineage));
    assert!(
        restored
            .kv_get("test", b"k", Timestamp::default())
            .await
            .unwrap()
            .is_some()
    );

    let again = restore(other.path(), &saved, false).unwrap_err();
    assert!(matches!(again, StoreError::Exists { .. }), "{again}");
    let running = restore(other.path(), &saved, true).unwrap_err();
    assert!(matches!(running, StoreError::Locked { .. }), "{running}");
    drop(restored);
    restore(other.path(), &saved, true).unwrap();
    assert!(other.path().join("desk.redb.replaced").exists());
    fs::write(&saved, b"something else").unwrap();
    assert!(restore(other.path(), &saved, true).is_err());
    assert!(open(other.path()).is_ok());
}

/// F8: one byte changed anywhere is found by the check, or changes nothing that is answered.
#[tokio::test]
async fn damage_is_never_silent() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    fill(&store, &mut Talk::default(), 0, 300).await;
    settle(&store, 200).await;
    let truth = answers(&store).await.unwrap();
    drop(store);
    let good = fs::read(file(directory.path())).unwrap();
    let mut number = 0x1234_5678_9abc_def1_u64;
    let (mut found, mut harmless) = (0, 0);
    let other = tempfile::tempdir().unwrap();
    let damaged = file(other.path());
    drop(open(other.path()).unwrap());
    // Most of a small file is not in use yet: aim at bytes that are something.
    let used: Vec<usize> = (0..good.len()).filter(|at| good[*at] != 0).collect();
    for _ in 0..200 {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let at = used[usize::try_from(number >> 33).unwrap() % used.len()];
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (number >> 29 & 7);
        fs::write(&damaged, &bytes).unwrap();
        let verdict = check(&damaged);
        fs::write(&damaged, &bytes).unwrap();
        let read = match open(other.path()) {
            Ok(store) => answers(&store).await.ok(),
            Err(_) => None,
        };
        match (verdict, read) {
            (Ok(report), Some(read)) if report.problems.is_empty() => {
                assert_eq!(read, truth, "byte {at} of {}", good.len());
                harmless += 1;
            }
            _ => found += 1,
        }
    }
    assert!(
        found > 20,
        "{found} found, {harmless} harmless: the test aims badly"
    );
}

#[tokio::test]
async fn pieces_of_files_are_in_a_backup_and_gaps_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let (many, gappy) = (FileId(1), FileId(2));
    for index in 0..70 {
        let put = store.chunk_put(Part::MAIN, many, index, index.to_string().into());
        put.await.unwrap();
    }
    let backup = store.backup().await.unwrap();
    let saved = directory.path().join("saved.redb");
    fs::copy(backup.path(), &saved).unwrap();
    drop(backup);
    let other = tempfile::tempdir().unwrap();
    restore(other.path(), &saved, false).unwrap();
    let restored = open(other.path()).unwrap();
    for index in 0..70 {
        let piece = restored.chunk_get(many, index).await.unwrap();
        assert_eq!(piece.unwrap(), index.to_string());
    }
    let put = store.chunk_put(Part::MAIN, gappy, 1, "late".into());
    put.await.unwrap();
    drop(store);
    let problems = check(&file(directory.path())).unwrap().problems;
    assert_eq!(problems, ["a file lacks its piece 0"]);
}
