//! One suite for every engine: the laws of the seam.
//!
//! Laws of durability, which memory does not have, are tested beside the engine that keeps them.

use std::time::Duration;

use bytes::Bytes;
use shared::{
    id::{ChatId, Cursor, Pos, Seq},
    time::Timestamp,
};

use super::{
    Commit, Fault, FileId, Hash, KvWrite, Part, Resync, SeqRange, Store, StoredRecord, Take,
    cursor,
    samples::{Talk, cid_of, commit},
};

/// Runs a test on a fresh store of each engine.
macro_rules! on_every_engine {
    ($($(#[$doc:meta])* async fn $name:ident($store:ident: Store) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn law($store: Store) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn memory() {
                law(Store::memory()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn redb() {
                let directory = tempfile::tempdir().unwrap();
                law(crate::store::samples::open(directory.path()).unwrap()).await;
            }
        }
    )*};
}

const ALL: usize = usize::MAX;

fn now() -> Timestamp {
    Timestamp::from_ms(1_000)
}

async fn all(store: &Store) -> Vec<StoredRecord> {
    store.read(Part::MAIN, Pos(0), ALL).await.unwrap()
}

async fn chat(store: &Store, chat: u64, range: SeqRange, take: Take) -> Vec<StoredRecord> {
    let history = store.history(Part::MAIN, ChatId(chat), range, take);
    history.await.unwrap()
}

fn write(key: &'static [u8], expect: u64, value: Option<&'static [u8]>) -> KvWrite {
    KvWrite {
        ns: "test",
        key: Bytes::from_static(key),
        expect,
        value: value.map(Bytes::from_static),
        ttl: None,
    }
}

/// Positions, seqs and chain of a whole log.
fn assert_dense(records: &[StoredRecord]) {
    let mut talk = Talk::default();
    let mut hash = Hash::START;
    let mut seqs = std::collections::BTreeMap::new();
    for record in records {
        assert!(record.verifies(&hash), "the chain breaks at {}", record.pos);
        if let (Some(chat), Some(seq)) = (record.chat, record.seq) {
            let last = seqs.insert(chat, seq).unwrap_or_default();
            assert_eq!(seq, last.next(), "chat {chat} at {}", record.pos);
        }
        talk.fold(std::slice::from_ref(record));
        hash = record.hash;
    }
}

on_every_engine! {
    async fn pieces_of_files_are_kept_apart_and_go_together(store: Store) {
        let (one, other) = (FileId(7), FileId(8));
        for (file, index, bytes) in [(one, 0, "ab"), (other, 0, "x"), (one, 1, "c")] {
            let bytes = Bytes::from_static(bytes.as_bytes());
            store.chunk_put(Part::MAIN, file, index, bytes).await.unwrap();
        }
        let piece = async |file, index| store.chunk_get(file, index).await.unwrap();
        assert_eq!(piece(one, 0).await.unwrap(), "ab");
        assert_eq!(piece(one, 1).await.unwrap(), "c");
        assert_eq!(piece(one, 2).await, None);
        assert_eq!(piece(FileId(9), 0).await, None);
        assert_eq!(store.files(None, 9).await.unwrap(), [one, other]);
        assert_eq!(store.files(None, 1).await.unwrap(), [one]);
        assert_eq!(store.files(Some(one), 9).await.unwrap(), [other]);
        assert_eq!(store.files(Some(FileId(u128::MAX)), 9).await.unwrap(), []);
        store.file_drop(one).await.unwrap();
        store.file_drop(one).await.unwrap();
        assert_eq!(piece(one, 1).await, None);
        assert_eq!(piece(other, 0).await.unwrap(), "x");
        assert_eq!(store.files(None, 9).await.unwrap(), [other]);
    }

    async fn a_piece_waits_for_the_turn_of_a_commit(store: Store) {
        let turn = store.turn(Part::MAIN, Pos(0)).await.unwrap();
        let writer = store.clone();
        let put = tokio::spawn(async move {
            writer.chunk_put(Part::MAIN, FileId(7), 0, Bytes::from_static(b"x")).await
        });
        let mut talk = Talk::default();
        let record = talk.say(1, "hello", None);
        assert_eq!(store.files(None, 1).await.unwrap(), []);
        turn.commit(&[record], &[]).await.unwrap().assert_done();
        put.await.unwrap().unwrap();
        assert_eq!(store.files(None, 1).await.unwrap(), [FileId(7)]);
    }

    async fn what_is_committed_is_read_back(store: Store) {
        let mut talk = Talk::default();
        let mut made = Vec::new();
        let done = commit(&store, &mut talk, |talk| {
            made = vec![
                talk.say(1, "hello", None),
                talk.say(0, "", None),
                talk.say(1, "anyone?", Some("one")),
            ];
            made.clone()
        })
        .await
        .unwrap();
        assert_eq!(done, Commit::Done { head: Pos(3) });
        assert_eq!(all(&store).await, made);
        assert_eq!(store.read(Part::MAIN, Pos(1), 1).await.unwrap(), made[1..2]);
        assert_eq!(store.read(Part::MAIN, Pos(3), 9).await.unwrap(), []);
        assert_eq!(store.read(Part(1), Pos(0), 9).await.unwrap(), []);
        assert_eq!(store.head(Part::MAIN), (Pos(3), made[2].hash));
        let answer = store.result(Part::MAIN, 7, &cid_of("one")).await.unwrap().unwrap();
        assert_eq!((answer.pos, answer.seq, answer.chat), (Pos(3), Some(Seq(2)), Some(ChatId(1))));
        assert_eq!(store.result(Part::MAIN, 8, &cid_of("one")).await.unwrap(), None);
        assert_eq!(store.result(Part(1), 7, &cid_of("one")).await.unwrap(), None);
    }

    async fn history_is_cut_at_both_ends(store: Store) {
        let mut talk = Talk::default();
        commit(&store, &mut talk, |talk| {
            (0..30).map(|n| talk.say(1 + n % 3, "hi", None)).collect()
        }).await.unwrap().assert_done();
        let seqs = |records: Vec<StoredRecord>| -> Vec<u64> {
            records.iter().map(|record| record.seq.unwrap().0).collect()
        };
        let between = |after: u64, before: u64| SeqRange {
            after: Some(Seq(after)),
            before: Some(Seq(before)),
        };
        let page = |range, take| chat(&store, 2, range, take);
        assert_eq!(seqs(page(SeqRange::default(), Take::First(2)).await), [1, 2]);
        assert_eq!(seqs(page(SeqRange::default(), Take::Last(2)).await), [9, 10]);
        assert_eq!(seqs(page(between(3, 7), Take::First(9)).await), [4, 5, 6]);
        assert_eq!(seqs(page(between(3, 7), Take::Last(2)).await), [5, 6]);
        assert_eq!(seqs(page(between(3, 4), Take::Last(2)).await), [0_u64; 0]);
        assert_eq!(seqs(page(between(0, 0), Take::Last(2)).await), [0_u64; 0]);
        assert_eq!(seqs(page(between(u64::MAX, u64::MAX), Take::First(2)).await), [0_u64; 0]);
        assert_eq!(seqs(chat(&store, 4, SeqRange::default(), Take::First(2)).await), [0_u64; 0]);
    }

    /// C1, C3: of parallel commits, those that say Done, and only those, are there.
    async fn parallel_commits_lose_nothing(store: Store) {
        let tasks: Vec<_> = (0..16_u64).map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut talk = Talk::default();
                let mut done = Vec::new();
                for n in 0..8 {
                    let cid = format!("task-{task}-{n}");
                    let result = commit(&store, &mut talk, |talk| {
                        vec![talk.say(1 + task % 3, &cid, Some(&cid)), talk.say(0, "", None)]
                    });
                    result.await.unwrap().assert_done();
                    done.push(cid);
                }
                done
            })
        }).collect();
        let mut said = Vec::new();
        for task in tasks {
            said.extend(task.await.unwrap());
        }
        let log = all(&store).await;
        assert_eq!(log.len(), 2 * said.len());
        assert_dense(&log);
        for cid in said {
            assert!(store.result(Part::MAIN, 7, &cid_of(&cid)).await.unwrap().is_some());
        }
    }

    /// C2: a hundred tasks race for one chat; each decides on what its turn shows it.
    async fn one_of_a_hundred_gets_the_chat(store: Store) {
        let tasks: Vec<_> = (0..100).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut talk = Talk::default();
                let turn = store.turn(Part::MAIN, Pos(0)).await.unwrap();
                talk.fold(turn.missed());
                if turn.missed().is_empty() {
                    turn.commit(&[talk.say(1, "mine", None)], &[]).await.unwrap().assert_done();
                    return 1;
                }
                0
            })
        }).collect();
        let mut won = 0;
        for task in tasks {
            won += task.await.unwrap();
        }
        assert_eq!((won, all(&store).await.len()), (1, 1));
    }

    /// C4
    async fn a_dropped_turn_writes_nothing_and_frees_the_turn(store: Store) {
        let turn = store.turn(Part::MAIN, Pos(0)).await.unwrap();
        let waiting = store.turn(Part::MAIN, Pos(0));
        tokio::pin!(waiting);
        let early = tokio::select! { biased; _ = &mut waiting => true, () = async {} => false };
        assert!(!early, "two turns at once");
        drop(turn);
        drop(waiting.await.unwrap());
        assert_eq!(all(&store).await, []);
    }

    /// C6 as far as every engine can: records that do not continue the log are refused.
    async fn what_does_not_follow_is_refused(store: Store) {
        let mut talk = Talk::default();
        commit(&store, &mut talk, |talk| vec![talk.say(1, "a", Some("once"))])
            .await.unwrap().assert_done();
        let before = all(&store).await;
        let refused = [
            ("again", { let mut t = Talk::default(); vec![t.say(1, "a", None)] }),
            ("a gap", { let mut t = talk.clone(); t.say(0, "", None); vec![t.say(0, "", None)] }),
            ("a skipped seq", { let mut t = talk.clone(); let mut other = talk.clone();
                other.say(1, "", None); t.seqs(&other); vec![t.say(1, "c", None)] }),
            ("done before", { let mut t = talk.clone(); vec![t.say(1, "b", Some("once"))] }),
            ("done twice", { let mut t = talk.clone();
                vec![t.say(1, "b", Some("two")), t.say(1, "b", Some("two"))] }),
            ("another past", { let mut t = talk.clone(); let mut r = t.say(1, "b", None);
                r.at = r.at.after(Duration::from_millis(1)); vec![r] }),
        ];
        for (what, records) in refused {
            let turn = store.turn(Part::MAIN, Pos(1)).await.unwrap();
            let commit = turn.commit(&records, &[write(b"k", 0, Some(b"v"))]).await.unwrap();
            assert_eq!(commit, Commit::Conflict, "{what}");
        }
        assert_eq!(all(&store).await, before);
        assert_eq!(store.kv_get("test", b"k", now()).await.unwrap(), None);
    }

    /// C7: with every hint dropped a tail still sees everything; with hints it is told.
    async fn hints_tell_but_are_not_the_truth(store: Store) {
        let mut hints = store.hints();
        let mut talk = Talk::default();
        for _ in 0..200 {
            commit(&store, &mut talk, |talk| vec![talk.say(1, "x", None)])
                .await.unwrap().assert_done();
        }
        // More than the channel holds: the listener has lagged and simply reads.
        assert!(hints.recv().await.is_err());
        assert_eq!(hints.recv().await, Ok(Part::MAIN));
        assert_eq!(all(&store).await.len(), 200);
    }

    /// C8: readers beside a writer and a settler never see a gap, in the log or in a chat.
    async fn a_read_during_writes_has_no_gap(store: Store) {
        let writer = tokio::spawn({
            let store = store.clone();
            async move {
                let mut talk = Talk::default();
                for _ in 0..150 {
                    commit(&store, &mut talk, |talk| {
                        vec![talk.say(1, "x", None), talk.say(2, "y", None)]
                    }).await.unwrap().assert_done();
                }
            }
        });
        let settler = tokio::spawn({
            let store = store.clone();
            async move {
                for _ in 0..150 {
                    store.settle(Part::MAIN, 3, now()).await.unwrap();
                }
            }
        });
        let mut seen = 0;
        while !writer.is_finished() || !settler.is_finished() {
            let log = all(&store).await;
            assert_dense(&log);
            assert!(log.len() >= seen);
            seen = log.len();
            let page = chat(&store, 1, SeqRange::default(), Take::First(ALL)).await;
            assert!(page.len() * 2 >= seen, "{} of chat, {seen} in log", page.len());
            for (n, record) in (1..).zip(&page) {
                assert_eq!(record.seq, Some(Seq(n)));
            }
        }
        writer.await.unwrap();
        settler.await.unwrap();
        assert_eq!(chat(&store, 2, SeqRange::default(), Take::First(ALL)).await.len(), 150);
    }

    /// C9, as far as the store goes: a snapshot is given back only where the log agrees.
    async fn a_snapshot_stands_on_its_record(store: Store) {
        let mut talk = Talk::default();
        commit(&store, &mut talk, |talk| vec![talk.say(1, "a", None)]).await.unwrap().assert_done();
        let (pos, hash) = store.head(Part::MAIN);
        let body = Bytes::from_static(b"state");
        store.snapshot_put(Part::MAIN, 3, pos, hash, body.clone()).await.unwrap();
        let kept = store.snapshot_get(Part::MAIN, 3).await.unwrap();
        assert_eq!(kept, Some((pos, hash, body.clone())));
        assert_eq!(store.snapshot_get(Part::MAIN, 2).await.unwrap(), None);
        store.snapshot_put(Part::MAIN, 3, pos, Hash::START, body).await.unwrap();
        assert_eq!(store.snapshot_get(Part::MAIN, 3).await.unwrap(), None);
    }

    /// C10
    async fn a_cursor_is_good_or_says_why_not(store: Store) {
        let mut talk = Talk::default();
        commit(&store, &mut talk, |talk| vec![talk.say(1, "a", None), talk.say(1, "b", None)])
            .await.unwrap().assert_done();
        let log = all(&store).await;
        let lineage = store.lineage();
        let check = |cursor: Cursor| {
            let store = store.clone();
            async move { store.cursor_check(Part::MAIN, &cursor).await.unwrap() }
        };
        assert_eq!(check(log[0].cursor(lineage)).await, Ok(Pos(1)));
        assert_eq!(check(log[1].cursor(lineage)).await, Ok(Pos(2)));
        assert_eq!(check(cursor(lineage, Pos(0), &Hash::START)).await, Ok(Pos(0)));
        assert_eq!(check(cursor(lineage, Pos(2), &log[0].hash)).await, Err(Resync::Hash));
        assert_eq!(check(cursor(lineage, Pos(3), &log[1].hash)).await, Err(Resync::Ahead));
        assert_eq!(check(cursor(lineage, Pos(u64::MAX), &log[1].hash)).await, Err(Resync::Ahead));
        let other = Store::memory().lineage();
        assert_eq!(check(log[1].cursor(other)).await, Err(Resync::Lineage));
        for text in ["0", "..", "1.2.3.4", "0000000000000000.+1.0000000000000000"] {
            let text = Cursor::parse(text);
            if let Ok(cursor) = text {
                assert_eq!(check(cursor).await, Err(Resync::Lineage));
            }
        }
    }

    /// C11
    async fn redaction_takes_words_and_keeps_the_chain(store: Store) {
        let mut talk = Talk::default();
        commit(&store, &mut talk, |talk| {
            (0..1_100).map(|n| talk.say(1 + n % 2, "secret", None)).collect()
        }).await.unwrap().assert_done();
        store.settle(Part::MAIN, 300, now()).await.unwrap();
        let before = all(&store).await;
        let tombstones = store.tombstones(Part::MAIN, ChatId(2)).await.unwrap();
        store.redact(Part::MAIN, ChatId(2)).await.unwrap();
        let after = all(&store).await;
        assert_dense(&after);
        for (old, new) in before.iter().zip(&after) {
            let erased = old.chat == Some(ChatId(2));
            assert_eq!((new.pos, new.seq, new.hash, new.digest), (old.pos, old.seq, old.hash, old.digest));
            assert_eq!(new.is_redacted(), erased);
            let frame = new.frame(store.lineage());
            let text = std::str::from_utf8(&frame).unwrap();
            assert_eq!(text.contains("secret"), !erased);
            assert_eq!(text.contains("[erased]"), erased);
            assert!(new.verifies(&new.pos.0.checked_sub(2).map_or(Hash::START, |at| {
                after[usize::try_from(at).unwrap()].hash
            })));
        }
        store.redact(Part::MAIN, ChatId(2)).await.unwrap();
        assert_eq!(all(&store).await, after);
        let told = store.tombstones(Part::MAIN, ChatId(2)).await.unwrap();
        assert_eq!((told.clone(), told.0), (tombstones, 550));
        talk.pos = Pos(1_100);
        commit(&store, &mut talk, |talk| vec![talk.say(2, "more", None)]).await.unwrap().assert_done();
    }

    /// C12
    async fn large_bodies_and_large_batches_fit(store: Store) {
        let mut talk = Talk::default();
        let large = "x".repeat(1024 * 1024);
        commit(&store, &mut talk, |talk| vec![talk.say(1, &large, None)]).await.unwrap().assert_done();
        commit(&store, &mut talk, |talk| (0..10_000).map(|n| talk.say(n % 50, "y", None)).collect())
            .await.unwrap().assert_done();
        let log = all(&store).await;
        assert_eq!(log.len(), 10_001);
        assert_dense(&log);
        assert!(log[0].record().is_ok());
    }

    async fn keys_change_only_from_the_expected_version(store: Store) {
        let cas = |expect, value| store.kv_cas(write(b"k", expect, value), now());
        assert_eq!(cas(1, Some(b"a".as_slice())).await.unwrap(), None);
        let first = cas(0, Some(b"a")).await.unwrap().unwrap();
        assert_eq!(cas(0, Some(b"b")).await.unwrap(), None);
        let second = cas(first, Some(b"b")).await.unwrap().unwrap();
        assert_ne!(first, second);
        assert_eq!(cas(first, None).await.unwrap(), None);
        assert_eq!(cas(second, None).await.unwrap(), Some(0));
        assert_eq!(store.kv_get("test", b"k", now()).await.unwrap(), None);
        let third = cas(0, Some(b"c")).await.unwrap().unwrap();
        assert!(third > second, "a version came back");
        assert_eq!(store.kv_get("other", b"k", now()).await.unwrap(), None);
    }

    async fn keys_and_records_are_one_transaction(store: Store) {
        let mut talk = Talk::default();
        let record = talk.say(1, "a", None);
        let turn = store.turn(Part::MAIN, Pos(0)).await.unwrap();
        let wrong = [write(b"k", 0, Some(b"v")), write(b"l", 1, Some(b"v"))];
        let refused = turn.commit(std::slice::from_ref(&record), &wrong).await.unwrap();
        assert_eq!(refused, Commit::Conflict);
        assert_eq!(all(&store).await, []);
        assert_eq!(store.kv_get("test", b"k", now()).await.unwrap(), None);
        let turn = store.turn(Part::MAIN, Pos(0)).await.unwrap();
        turn.commit(&[record], &[write(b"k", 0, Some(b"v"))]).await.unwrap().assert_done();
        assert!(store.kv_get("test", b"k", now()).await.unwrap().is_some());
        let turn = store.turn(Part::MAIN, Pos(1)).await.unwrap();
        turn.commit(&[], &[write(b"m", 0, Some(b"v"))]).await.unwrap().assert_done();
        assert!(store.kv_get("test", b"m", now()).await.unwrap().is_some());
    }

    async fn a_key_is_written_once_in_a_transaction(store: Store) {
        let turn = store.turn(Part::MAIN, Pos(0)).await.unwrap();
        let both = [write(b"k", 0, Some(b"mine")), write(b"k", 0, Some(b"yours"))];
        assert_eq!(turn.commit(&[], &both).await.unwrap(), Commit::Conflict);
        assert_eq!(store.kv_get("test", b"k", now()).await.unwrap(), None);
    }

    async fn expired_keys_are_not_there(store: Store) {
        let later = |ms| now().after(Duration::from_millis(ms));
        let short = KvWrite { ttl: Some(Duration::from_millis(10)), ..write(b"k", 0, Some(b"v")) };
        store.kv_cas(short.clone(), now()).await.unwrap().unwrap();
        assert!(store.kv_get("test", b"k", later(9)).await.unwrap().is_some());
        assert_eq!(store.kv_get("test", b"k", later(10)).await.unwrap(), None);
        let scan = |now| store.kv_scan("test", Bytes::new(), None, 9, now);
        assert_eq!(scan(later(9)).await.unwrap().len(), 1);
        assert_eq!(scan(later(10)).await.unwrap().len(), 0);
        store.settle(Part::MAIN, 9, later(9)).await.unwrap();
        assert_eq!(scan(now()).await.unwrap().len(), 1, "swept too early");
        store.settle(Part::MAIN, 9, later(10)).await.unwrap();
        assert_eq!(scan(now()).await.unwrap().len(), 0, "not swept");
        assert!(store.kv_cas(short, later(11)).await.unwrap().is_some());
    }

    async fn a_scan_goes_through_a_prefix_in_pages(store: Store) {
        for key in [b"a".as_slice(), b"b1", b"b2", b"b3", b"c"] {
            store.kv_cas(write(key, 0, Some(key)), now()).await.unwrap().unwrap();
        }
        let other = KvWrite { ns: "tesu", ..write(b"b2", 0, Some(b"other")) };
        store.kv_cas(other, now()).await.unwrap().unwrap();
        let scan = async |prefix: &'static [u8], after: Option<&'static [u8]>, max| {
            let after = after.map(Bytes::from_static);
            let page = store.kv_scan("test", Bytes::from_static(prefix), after, max, now());
            let page = page.await.unwrap();
            page.iter().map(|entry| String::from_utf8_lossy(&entry.value).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(scan(b"b", None, 2).await, ["b1", "b2"]);
        assert_eq!(scan(b"b", Some(b"b2"), 2).await, ["b3"]);
        assert_eq!(scan(b"b", Some(b"a"), 9).await, ["b1", "b2", "b3"]);
        assert_eq!(scan(b"b", Some(b"c"), 9).await, [""; 0]);
        assert_eq!(scan(b"", None, 9).await, ["a", "b1", "b2", "b3", "c"]);
    }
}

/// C6: whatever became of an unknown commit, asking for the answer and trying again gives exactly
/// one effect. A real engine's unknown commits are made by a failing disk, beside that engine.
#[tokio::test]
async fn an_unknown_commit_has_one_effect() {
    for fault in [Fault::UnknownWritten, Fault::UnknownLost, Fault::Conflict] {
        let store = Store::memory();
        store.inject(fault);
        let mut tries = 0;
        while store
            .result(Part::MAIN, 7, &cid_of("one"))
            .await
            .unwrap()
            .is_none()
        {
            let mut talk = Talk::default();
            let commit = commit(&store, &mut talk, |talk| {
                vec![talk.say(1, "a", Some("one"))]
            });
            let commit = commit.await.unwrap();
            assert_eq!(
                matches!(commit, Commit::Done { .. }),
                tries == 1,
                "{fault:?}"
            );
            store.reopen().await.unwrap();
            tries += 1;
        }
        assert_eq!(tries, if fault == Fault::UnknownWritten { 1 } else { 2 });
        assert_eq!(all(&store).await.len(), 1, "{fault:?}");
    }
}
