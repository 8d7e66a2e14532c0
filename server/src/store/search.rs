//! Search in the stores: what is found, what is not any more, and how fast.
//!
//! The figures are printed; only generous bounds are asserted. `FRONTDESK_LONG=1` makes them of a
//! million messages.

use std::{
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use shared::{
    id::{ChatId, Pos},
    search::Query,
    time::Timestamp,
};

use super::{
    FILE_NAME, Part, Store, StoredRecord, check,
    check::verify_store,
    samples::{Talk, commit, erase, open},
    words::SEGMENT_RECORDS,
};

/// Positions of all that is found, by small steps.
async fn find(store: &Store, query: &str) -> Vec<u64> {
    let query = Query::parse(query).unwrap();
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let step = store.search(Part::MAIN, &query, before, 3).await.unwrap();
        assert!(!step.partial);
        found.extend(step.records.iter().map(|record| record.pos.0));
        before = step.next;
        if before.is_none() {
            return found;
        }
    }
}

async fn write(
    store: &Store,
    talk: &mut Talk,
    decide: impl FnOnce(&mut Talk) -> Vec<StoredRecord>,
) {
    commit(store, talk, decide).await.unwrap().assert_done();
}

async fn index(store: &Store) {
    while store.index_words(Part::MAIN).await.unwrap() > 0 {}
}

fn fill(talk: &mut Talk, count: u64) -> Vec<StoredRecord> {
    (0..count)
        .map(|n| talk.say(100 + n % 50, "nothing much", None))
        .collect()
}

/// How far the words are when something is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Unindexed,
    InMemory,
    InSegment,
}

const STAGES: [Stage; 3] = [Stage::Unindexed, Stage::InMemory, Stage::InSegment];

/// Brings what was written so far to a stage. Others' records fill the rest of the segment.
async fn bring(store: &Store, talk: &mut Talk, stage: Stage) {
    if stage == Stage::InSegment {
        write(store, talk, |talk| fill(talk, SEGMENT_RECORDS)).await;
    }
    if stage != Stage::Unindexed {
        index(store).await;
    }
}

/// On both engines, with the words at each stage.
macro_rules! at_every_stage {
    ($($(#[$doc:meta])* async fn $name:ident($store:ident, $talk:ident, $stage:ident) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn law($store: &Store, $talk: &mut Talk, $stage: Stage) $body

            #[tokio::test]
            async fn memory() {
                law(&Store::memory(), &mut Talk::default(), Stage::Unindexed).await;
            }

            #[tokio::test]
            async fn redb() {
                for stage in STAGES {
                    let directory = tempfile::tempdir().unwrap();
                    let store = open(directory.path()).unwrap();
                    law(&store, &mut Talk::default(), stage).await;
                    assert_eq!(verify_store(&store).unwrap().problems, [""; 0], "{stage:?}");
                }
            }
        }
    )*};
}

at_every_stage! {
    async fn all_words_are_found_newest_first(store, talk, stage) {
        write(store, talk, |talk| vec![
            talk.say(1, "My printer burns", None),
            talk.say(2, "the PRINTERS are fine", None),
            talk.say(0, "", None),
            talk.say(1, "it burns; the printer does", None),
            talk.say(1, "打印机坏了", None),
        ]).await;
        bring(store, talk, stage).await;
        write(store, talk, |talk| vec![talk.say(3, "printer again", None)]).await;
        let last = talk.pos.0;
        for (query, found) in [
            ("printer", vec![last, 4, 2, 1]),
            ("printer burns", vec![4, 1]),
            ("\"printer burns\"", vec![1]),
            ("prin BURN", vec![4, 1]),
            ("rinter", vec![]),
            ("印机", vec![5]),
            ("印", vec![5]),
            ("印打", vec![]),
            ("p", vec![last, 4, 2, 1]),
        ] {
            assert_eq!(find(store, query).await, found, "{query} {stage:?}");
        }
    }

    async fn an_edited_message_is_found_by_its_newest_text(store, talk, stage) {
        write(store, talk, |talk| vec![
            talk.say(1, "apples and pears", None),
            talk.say(1, "plums", None),
            talk.edit(1, 1, "apples and figs", ),
        ]).await;
        bring(store, talk, stage).await;
        assert_eq!(find(store, "pears").await, [0_u64; 0], "{stage:?}");
        assert_eq!(find(store, "apples").await, [3], "{stage:?}");
        write(store, talk, |talk| vec![talk.edit(1, 1, "dates"), talk.edit(1, 2, "plums")]).await;
        let last = talk.pos.0;
        assert_eq!(find(store, "apples").await, [0_u64; 0], "{stage:?}");
        assert_eq!(find(store, "plums").await, [last], "{stage:?}");
        bring(store, talk, stage).await;
        assert_eq!(find(store, "apples").await, [0_u64; 0], "{stage:?}");
        assert_eq!(find(store, "dates").await, [last - 1], "{stage:?}");
    }

    async fn redaction_takes_the_words_out(store, talk, stage) {
        write(store, talk, |talk| vec![
            talk.say(1, "zanzibar coffee", None),
            talk.say(2, "coffee", None),
        ]).await;
        bring(store, talk, stage).await;
        assert_eq!(find(store, "coffee").await, [2, 1]);
        erase(store, talk, 1).await;
        assert_eq!(find(store, "zanzibar").await, [0_u64; 0], "{stage:?}");
        assert_eq!(find(store, "coffee").await, [2], "{stage:?}");
        bring(store, talk, Stage::InSegment).await;
        assert_eq!(find(store, "coffee").await, [2], "{stage:?}");
        store.redact(Part::MAIN, ChatId(1)).await.unwrap();
    }
}

fn holds(file: &Path, word: &[u8]) -> bool {
    let bytes = std::fs::read(file).unwrap();
    bytes.windows(word.len()).any(|window| window == word)
}

/// In no file made after the redaction is there a trace of the word.
#[tokio::test]
async fn redacted_words_are_in_no_backup() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let mut talk = Talk::default();
    write(&store, &mut talk, |talk| {
        vec![talk.say(1, "zanzibar", None)]
    })
    .await;
    bring(&store, &mut talk, Stage::InSegment).await;
    let before = store.backup().await.unwrap();
    assert!(
        holds(before.path(), b"\0\x08zanzibar"),
        "the index has the word"
    );
    drop(before);
    erase(&store, &mut talk, 1).await;
    let after = store.backup().await.unwrap();
    assert!(!holds(after.path(), b"zanzibar"));
    assert_eq!(check(after.path()).unwrap().problems, [""; 0]);
}

/// Words in memory are not written down: after a start they are read from the log again.
#[tokio::test]
async fn a_start_finds_what_was_found_before() {
    let directory = tempfile::tempdir().unwrap();
    let mut talk = Talk::default();
    let store = open(directory.path()).unwrap();
    write(&store, &mut talk, |talk| {
        vec![talk.say(1, "first words", None)]
    })
    .await;
    bring(&store, &mut talk, Stage::InSegment).await;
    write(&store, &mut talk, |talk| {
        vec![talk.say(1, "last words", None)]
    })
    .await;
    index(&store).await;
    let found = find(&store, "words").await;
    assert_eq!(found.len(), 2);
    drop(store);
    let store = open(directory.path()).unwrap();
    assert_eq!(find(&store, "words").await, found);
    index(&store).await;
    assert_eq!(find(&store, "words").await, found);
    drop(store);
    assert_eq!(
        check(&directory.path().join(FILE_NAME)).unwrap().problems,
        [""; 0]
    );
}

/// A log that was never indexed is searched as far as that is quick, and the answer says so.
#[tokio::test]
async fn an_old_log_is_indexed_step_by_step() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let mut talk = Talk::default();
    write(&store, &mut talk, |talk| {
        let mut records = vec![talk.say(1, "needle", None)];
        records.extend(fill(talk, 2 * SEGMENT_RECORDS));
        records.push(talk.say(1, "needle", None));
        records
    })
    .await;
    let last = talk.pos;
    let query = Query::parse("needle").unwrap();
    let found = store.search(Part::MAIN, &query, None, 9).await.unwrap();
    let positions = |records: &[StoredRecord]| records.iter().map(|r| r.pos).collect::<Vec<_>>();
    assert_eq!(
        (positions(&found.records), found.partial),
        (vec![last], true)
    );
    store.index_words(Part::MAIN).await.unwrap();
    let found = store.search(Part::MAIN, &query, None, 9).await.unwrap();
    assert_eq!(
        (positions(&found.records), found.partial),
        (vec![last, Pos(1)], false)
    );
    index(&store).await;
    assert_eq!(find(&store, "needle").await, [last.0, 1]);
}

#[tokio::test]
async fn a_step_compares_no_more_than_it_may() {
    let store = Store::memory();
    let mut talk = Talk::default();
    write(&store, &mut talk, |talk| fill(talk, 1_500)).await;
    let query = Query::parse("\"much nothing\"").unwrap();
    assert_eq!(find(&store, "\"much nothing\"").await, [0_u64; 0]);
    let directory = tempfile::tempdir().unwrap();
    let file = open(directory.path()).unwrap();
    write(&file, &mut Talk::default(), |talk| fill(talk, 1_500)).await;
    for store in [store, file] {
        let step = store.search(Part::MAIN, &query, None, 9).await.unwrap();
        assert_eq!((step.compared, step.next), (1_024, Some(Pos(477))));
    }
}

/// A sentence of about twelve words out of a vocabulary in which few words are frequent.
fn sentence(n: u64) -> String {
    let mut state = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut text = String::new();
    for _ in 0..12 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // The product of two even numbers is small more often than not.
        let word = (state & 0xff) * (state >> 8 & 0xff) * (state >> 16 & 0x3) % 50_000;
        text.push_str(&format!(
            "{}{word} ",
            ["re", "in", "on", "ta"][(word % 4) as usize]
        ));
    }
    if n % 10 == 3 {
        text.push_str("Printer burns");
    }
    if n % 100_000 == 17 {
        text.push_str(" needle");
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// Commits `messages` in batches, indexing beside it or not.
async fn load(store: &Store, messages: u64, indexed: bool) -> (f64, u64, Duration) {
    const BATCH: u64 = 64;
    let indexing = store.clone();
    let stop = tokio_util::sync::CancellationToken::new();
    let stopped = stop.clone();
    let indexer = tokio::spawn(async move {
        while indexed && !stopped.is_cancelled() {
            if indexing.index_words(Part::MAIN).await.unwrap() == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    let mut talk = Talk::default();
    let mut spent = Duration::ZERO;
    for first in (0..messages).step_by(BATCH as usize) {
        let turn = store.turn(Part::MAIN, talk.pos).await.unwrap();
        let records: Vec<_> = (first..messages.min(first + BATCH))
            .map(|n| talk.say(1 + n.wrapping_mul(0x9e37_79b9) % 20_000, &sentence(n), None))
            .collect();
        let start = Instant::now();
        turn.commit(&records, &[]).await.unwrap().assert_done();
        if first % 512 == 0 {
            let settled = store.settle(Part::MAIN, 512, Timestamp::default());
            settled.await.unwrap();
        }
        spent += start.elapsed();
    }
    stop.cancel();
    indexer.await.unwrap();
    let start = Instant::now();
    let behind = store.head(Part::MAIN).0.0;
    index(store).await;
    (rate(messages, spent), behind, start.elapsed())
}

async fn median(store: &Store, query: &str) -> (Duration, usize) {
    let query = Query::parse(query).unwrap();
    let (mut times, mut found) = (Vec::new(), 0);
    for _ in 0..21 {
        let start = Instant::now();
        let step = store.search(Part::MAIN, &query, None, 51).await.unwrap();
        times.push(start.elapsed());
        found = step.records.len();
    }
    times.sort_unstable();
    (times[times.len() / 2], found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_word_among_many_messages_is_found_at_once() {
    let messages = match std::env::var_os("FRONTDESK_LONG") {
        Some(_) => 1_000_000,
        None => 20_000,
    };
    let say = |line: String| writeln!(std::io::stderr(), "{line}").unwrap();
    let plain = tempfile::tempdir().unwrap();
    let without = load(&open(plain.path()).unwrap(), messages.min(100_000), false).await;
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let with = load(&store, messages, true).await;
    say(format!(
        "{messages} messages, 64 a commit: {:.0}/s without postings, {:.0}/s with; \
         indexed anew from a log of {} in {:?}",
        without.0, with.0, without.1, without.2
    ));
    let bytes = super::redb::words::bytes(&store);
    say(format!(
        "index: {:.1} bytes a message",
        rate(bytes, Duration::from_secs(messages))
    ));
    for query in [
        "needle",
        "printer",
        "needle printer",
        "burns in7",
        "\"printer burns\"",
        "\"burns printer\"",
        "n",
    ] {
        let (time, found) = median(&store, query).await;
        say(format!("{query}: {found} found, p50 {time:?}"));
        assert!(time < Duration::from_millis(500), "{query}: {time:?}");
    }
}
