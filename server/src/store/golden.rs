//! What is written today must be read for ever: the row of a record and a whole file, pinned.
//!
//! `FRONTDESK_BLESS=1` writes golden files that are missing; it never changes one.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use serde_json::json;
use shared::{
    event::Event,
    frame::HubFrame,
    id::{ChatId, DepartmentId, Pos, Seq, UserId, hex},
    model::{Actor, ActorKind, Visibility},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

use super::{
    FILE_NAME, FileId, Hash, Lineage, Mark, Part, SeqRange, Store, StoredRecord, Take, check,
    samples::{Talk, cid_of, open},
};
use crate::desk::visibility::{Audience, Scope};

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn blessing() -> bool {
    std::env::var_os("FRONTDESK_BLESS").is_some()
}

/// Every optional field is there.
fn full() -> Record {
    Record {
        pos: Pos(121),
        at: Timestamp::from_ms(1_795_183_509_120),
        chat: Some(ChatId(42)),
        seq: Some(Seq(3)),
        actor: Actor {
            kind: ActorKind::Agent,
            id: Some(UserId(7)),
            name: SafeText::line("Ana"),
            rule: None,
        },
        event: Event::MessagePosted {
            text: SafeText::block("hello"),
            visibility: Visibility::Public,
            attachments: Vec::new(),
        },
    }
}

/// No optional field is there.
fn bare() -> Record {
    Record {
        pos: Pos(1),
        at: Timestamp::from_ms(-1),
        chat: None,
        seq: None,
        actor: Actor {
            kind: ActorKind::System,
            id: None,
            name: SafeText::line("System"),
            rule: Some(SafeText::line("grace")),
        },
        event: Event::AgentUnreachable { user: UserId(7) },
    }
}

fn stored() -> [StoredRecord; 3] {
    let scope = Scope {
        audience: Audience::Staff,
        customer: Some(UserId(9)),
        department: Some(DepartmentId(2)),
        left: Some(DepartmentId(1)),
    };
    let mark = Mark {
        principal: 7,
        cid: cid_of("golden"),
        fingerprint: [0xf1; 16],
        seq: Some(Seq(3)),
    };
    let nobody = Scope {
        audience: Audience::Admins,
        customer: None,
        department: None,
        left: None,
    };
    let full = StoredRecord::chain(&Hash([1; 32]), &full(), scope, Some(mark), [0xa5; 16]);
    let bare = StoredRecord::chain(&Hash::START, &bare(), nobody, None, [0x5a; 16]);
    // As the first version erased: nothing was left of the body.
    let mut erased = full.clone();
    (erased.body, erased.nonce) = (bytes::Bytes::new(), [0; 16]);
    [full, bare, erased]
}

fn tombstone() -> StoredRecord {
    let [mut full, ..] = stored();
    full.redact().unwrap();
    full
}

#[test]
fn a_tombstone_is_laid_out_as_ever() {
    let tombstone = tombstone();
    let row = tombstone.to_row();
    let file = golden("record-row-1-tombstone.json");
    let pinned = json!({ "tombstone": hex(&row) });
    if blessing() && !file.exists() {
        fs::write(&file, serde_json::to_vec_pretty(&pinned).unwrap()).unwrap();
    }
    let found: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(pinned, found);
    assert_eq!(StoredRecord::from_row(&row).unwrap(), tombstone);
    assert!(tombstone.is_redacted() && tombstone.verifies(&Hash([1; 32])));
    let record = tombstone.record().unwrap();
    assert_eq!(record, full().erased());
    let frame = tombstone.frame(Lineage([0xab; 8]));
    let text = std::str::from_utf8(&frame).unwrap();
    assert!(
        text.contains(r#""type":"message_posted","text":"[erased]""#),
        "{text}"
    );
    let mut again = tombstone.clone();
    again.redact().unwrap();
    assert_eq!(again, tombstone);
    let unmarked = StoredRecord {
        nonce: [1; 16],
        ..tombstone
    };
    assert!(
        !unmarked.verifies(&Hash([1; 32])),
        "other words without the mark"
    );
}

#[test]
fn rows_are_laid_out_as_ever() {
    let [full, bare, erased] = stored().map(|record| hex(&record.to_row()));
    let rows = json!({ "full": full, "bare": bare, "erased": erased });
    let file = golden("record-row-1.json");
    if blessing() && !file.exists() {
        fs::write(&file, serde_json::to_vec_pretty(&rows).unwrap()).unwrap();
    }
    let pinned: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(rows, pinned);
}

/// A record without a chat for one member of staff.
fn personal() -> StoredRecord {
    let scope = Scope {
        audience: Audience::Person,
        customer: Some(UserId(7)),
        department: None,
        left: None,
    };
    StoredRecord::chain(&Hash::START, &bare(), scope, None, [0x3c; 16])
}

#[test]
fn a_row_for_one_member_of_staff_is_laid_out_as_ever() {
    let row = personal().to_row();
    let file = golden("record-row-1-personal.json");
    let pinned = json!({ "personal": hex(&row) });
    if blessing() && !file.exists() {
        fs::write(&file, serde_json::to_vec_pretty(&pinned).unwrap()).unwrap();
    }
    let found: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(pinned, found);
    assert_eq!(StoredRecord::from_row(&row).unwrap(), personal());
}

#[test]
fn rows_are_read_back() {
    for record in stored() {
        let row = record.to_row();
        assert_eq!(StoredRecord::from_row(&row).unwrap(), record);
        let header = row.len() - record.body.len();
        for short in 0..header {
            assert!(
                StoredRecord::from_row(&row[..short]).is_err(),
                "{short} bytes"
            );
        }
    }
}

#[test]
fn a_chain_covers_every_byte_of_a_row() {
    let prev = [Hash([1; 32]), Hash::START, Hash([1; 32])];
    for (record, prev) in stored().into_iter().zip(prev) {
        assert!(record.verifies(&prev));
        let row = record.to_row();
        for at in 0..row.len() {
            let mut changed = row.clone();
            changed[at] ^= 1;
            let found = StoredRecord::from_row(&changed);
            // The nonce of an erased record is nothing that anybody reads.
            let nonce = row.len() - record.body.len() - 16;
            let unread = record.is_redacted() && at >= nonce;
            let caught = found.is_ok_and(|record| record.verifies(&prev)) == unread;
            assert!(caught, "byte {at} of record {}", record.pos);
        }
    }
}

#[test]
fn a_frame_is_the_event_frame_of_the_wire() {
    let lineage = Lineage([0xab; 8]);
    let [stored, _, erased] = stored();
    let frame = stored.frame(lineage);
    let cursor = format!("abababababababab.121.{}", hex(&stored.hash.0[..8]));
    let expected = format!(
        concat!(
            r#"{{"type":"event","pos":121,"at":"2026-11-20T14:05:09.120Z","chat":42,"seq":3,"#,
            r#""actor":{{"kind":"agent","id":7,"name":"Ana"}},"#,
            r#""event":{{"type":"message_posted","text":"hello","visibility":"public"}},"#,
            r#""cursor":"{}"}}"#,
        ),
        cursor
    );
    assert_eq!(std::str::from_utf8(&frame).unwrap(), expected);
    let HubFrame::Event(event) = serde_json::from_slice(&frame).unwrap() else {
        panic!("not an event");
    };
    assert_eq!(event.record, full());
    assert_eq!(stored.record().unwrap(), full());

    let frame = erased.frame(lineage);
    let text = std::str::from_utf8(&frame).unwrap();
    assert!(text.contains(r#""event":{"type":"erased"}"#), "{text}");
    assert!(!text.contains("hello") && !text.contains("Ana"), "{text}");
    let HubFrame::Event(event) = serde_json::from_slice(&frame).unwrap() else {
        panic!("not an event");
    };
    assert_eq!(event.record.event, Event::Unknown);
    assert_eq!(event.record.seq, Some(Seq(3)));
    assert_eq!(erased.record().unwrap(), event.record);
}

#[test]
fn an_event_of_a_newer_version_is_an_error() {
    let record = Record {
        event: Event::Unknown,
        ..full()
    };
    let [full, ..] = stored();
    let newer = StoredRecord::chain(&Hash::START, &record, full.scope, None, [0; 16]);
    let error = newer.record().unwrap_err().to_string();
    assert!(error.contains("does not know"), "{error}");
}

/// What the golden file holds: settled and unsettled records, keys, a snapshot.
async fn fill(store: &Store) -> Vec<StoredRecord> {
    let mut talk = Talk::default();
    let records: Vec<_> = (0..20)
        .map(|n| talk.say(n % 4, &format!("line {n}"), Some(&format!("golden-{n}"))))
        .collect();
    let turn = store.turn(Part::MAIN, Pos(0)).await.unwrap();
    let key = super::KvWrite {
        ns: "golden",
        key: "key".into(),
        expect: 0,
        value: Some("value".into()),
        ttl: None,
    };
    turn.commit(&records, &[key]).await.unwrap().assert_done();
    let (pos, hash) = store.head(Part::MAIN);
    let body = "desk".into();
    store
        .snapshot_put(Part::MAIN, 1, pos, hash, body)
        .await
        .unwrap();
    store
        .settle(Part::MAIN, 12, Timestamp::default())
        .await
        .unwrap();
    records
}

#[tokio::test]
async fn the_file_of_this_release_is_read() {
    let file = golden("desk-1.redb");
    if blessing() && !file.exists() {
        let directory = tempfile::tempdir().unwrap();
        fill(&open(directory.path()).unwrap()).await;
        redb::Database::open(directory.path().join(FILE_NAME))
            .unwrap()
            .compact()
            .unwrap();
        fs::copy(directory.path().join(FILE_NAME), &file).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join(FILE_NAME);
    fs::copy(&file, &copy).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
    let report = check(&copy).unwrap();
    assert_eq!(
        (report.records, report.chats, report.head.unwrap().pos),
        (20, 3, Pos(20))
    );
    assert_eq!(report.problems, [""; 0]);

    let old = open(directory.path()).unwrap();
    let expected = fill(&Store::memory()).await;
    let log = old.read(Part::MAIN, Pos(0), 99).await.unwrap();
    assert_eq!(log, expected);
    assert_eq!(old.status().tail_records, 8);
    for n in [3, 17] {
        let cid = cid_of(&format!("golden-{n}"));
        let done = old.result(Part::MAIN, 7, &cid).await.unwrap().unwrap();
        assert_eq!(done.pos, Pos(n + 1));
    }
    let page = old.history(Part::MAIN, ChatId(2), SeqRange::default(), Take::First(9));
    assert_eq!(page.await.unwrap().len(), 5);
    let key = old
        .kv_get("golden", b"key", Timestamp::default())
        .await
        .unwrap();
    assert_eq!(key.unwrap(), (1, "value".into()));
    let (pos, hash, body) = old.snapshot_get(Part::MAIN, 1).await.unwrap().unwrap();
    assert_eq!(
        (pos, hash, &*body),
        (Pos(20), log[19].hash, b"desk".as_slice())
    );

    let file = FileId(7);
    let put = old.chunk_put(Part::MAIN, file, 0, "ab".into());
    put.await.unwrap();
    assert_eq!(old.chunk_get(file, 0).await.unwrap().unwrap(), "ab");
    drop(old);
    assert_eq!(check(&copy).unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn a_file_with_pieces_of_files_is_read() {
    let file = golden("desk-3.redb");
    let pieces = [
        (FileId(7), 0, "ab"),
        (FileId(7), 1, "c"),
        (FileId(9), 0, "x"),
    ];
    if blessing() && !file.exists() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path()).unwrap();
        fill(&store).await;
        for (file, index, bytes) in pieces {
            let put = store.chunk_put(Part::MAIN, file, index, bytes.into());
            put.await.unwrap();
        }
        drop(store);
        redb::Database::open(directory.path().join(FILE_NAME))
            .unwrap()
            .compact()
            .unwrap();
        fs::copy(directory.path().join(FILE_NAME), &file).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join(FILE_NAME);
    fs::copy(&file, &copy).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(check(&copy).unwrap().problems, [""; 0]);
    let old = open(directory.path()).unwrap();
    assert_eq!(old.head(Part::MAIN).0, Pos(20));
    for (file, index, bytes) in pieces {
        let read = old.chunk_get(file, index).await.unwrap();
        assert_eq!(read.unwrap(), bytes);
    }
    assert_eq!(old.files(None, 9).await.unwrap(), [FileId(7), FileId(9)]);
}
