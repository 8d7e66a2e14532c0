//! The embedded store on a bad disk: operations that fail, power that goes.
//!
//! The oracle is the same everywhere: what was acknowledged is there, nothing is there twice, and
//! the log, its chain, its indexes, keys and files agree.

use std::{
    collections::BTreeSet,
    io::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use bytes::Bytes;
use shared::{
    id::{ChatId, Pos},
    time::Timestamp,
};

use super::disk::{Disk, Left};
use crate::store::{
    Commit, FileId, KvWrite, Part, SeqRange, Store, StoreError, Take,
    check::verify_store,
    samples::{Talk, cid_of},
};

/// Commands of one run; each says something in one of three chats.
const COMMANDS: u64 = 24;
/// Lives of one run that is cut off, each ended by a cut but the last.
const LIVES: u64 = 3;
/// Most operations of such a life.
const OPERATIONS: u64 = 160;
/// Chats and keys are of these.
const NS: &str = "test";

/// A small generator of numbers (xorshift64*), so that a seed names a run.
pub(crate) struct Numbers(u64);

impl Numbers {
    /// Those of a seed above 0.
    pub(crate) const fn of(seed: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed))
    }

    /// The next one below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }
}

/// `few` in every run of the tests, `many` in a long one.
pub(crate) fn trials(few: u64, many: u64) -> u64 {
    match std::env::var_os("FRONTDESK_LONG") {
        Some(_) => many,
        None => few,
    }
}

/// Runs one trial for each number from 1 to `count`, on every processor, and gives the sum of what
/// they give.
pub(crate) fn on_every_processor(count: u64, trial: impl AsyncFn(u64) -> u64 + Sync) -> u64 {
    let threads = thread::available_parallelism().map_or(2, usize::from) as u64;
    let sum = AtomicU64::new(0);
    thread::scope(|scope| {
        for first in 1..=threads {
            let (sum, trial) = (&sum, &trial);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .start_paused(true)
                    .build()
                    .unwrap();
                for number in (first..=count).step_by(usize::try_from(threads).unwrap()) {
                    sum.fetch_add(runtime.block_on(trial(number)), Ordering::Relaxed);
                }
            });
        }
    });
    sum.into_inner()
}

/// Prints a figure of a test.
pub(crate) fn tell(figure: &str) {
    writeln!(std::io::stderr(), "{figure}").unwrap();
}

fn cid(command: u64) -> String {
    format!("command-{command}")
}

fn key(command: u64) -> Bytes {
    cid(command).into()
}

/// Says command `command` with a key of its own; every fifth time settles a little, every
/// seventh puts a piece of a file.
async fn step(
    store: &Store,
    command: u64,
    files: &mut BTreeSet<u64>,
) -> Result<Commit, StoreError> {
    let mut talk = Talk::default();
    let cid = cid(command);
    let turn = store.turn(Part::MAIN, Pos(0)).await?;
    talk.fold(turn.missed());
    let records = [
        talk.say(1 + command % 3, &cid, None),
        talk.say(1 + command % 3, &cid, Some(&cid)),
    ];
    let write = KvWrite {
        ns: NS,
        key: key(command),
        expect: 0,
        value: Some(key(command)),
        ttl: None,
    };
    let done = turn.commit(&records, &[write]).await?;
    if command % 5 == 4 {
        store.settle(Part::MAIN, 7, Timestamp::default()).await?;
    }
    if command % 7 == 6 {
        let file = FileId(u128::from(command));
        store.chunk_put(Part::MAIN, file, 0, key(command)).await?;
        files.insert(command);
    }
    Ok(done)
}

/// What every test asks of a store afterwards.
async fn assert_whole(
    store: &Store,
    acknowledged: impl IntoIterator<Item = u64>,
    files: &BTreeSet<u64>,
    context: &str,
) {
    let problems = verify_store(store).unwrap().problems;
    assert_eq!(problems, [""; 0], "{context}");
    let log = store.read(Part::MAIN, Pos(0), usize::MAX).await.unwrap();
    assert_eq!(log.len() % 2, 0, "half a command: {context}");
    let mut marks: Vec<_> = log
        .iter()
        .filter_map(|record| Some(record.mark.as_ref()?.cid.clone()))
        .collect();
    let keys = store.kv_scan(NS, Bytes::new(), None, usize::MAX, Timestamp::default());
    assert_eq!(keys.await.unwrap().len(), marks.len(), "{context}");
    for command in acknowledged {
        let cid = cid_of(&cid(command));
        let done = store.result(Part::MAIN, 7, &cid).await.unwrap();
        let pos = done
            .unwrap_or_else(|| panic!("{cid} is lost: {context}"))
            .pos;
        let at = usize::try_from(pos.0).unwrap() - 1;
        let mark = log[at].mark.as_ref().map(|mark| &mark.cid);
        assert_eq!(mark, Some(&cid), "{context}");
        let kept = store.kv_get(NS, &key(command), Timestamp::default()).await;
        assert_eq!(kept.unwrap().unwrap().1, key(command), "{context}");
    }
    marks.sort();
    assert!(
        marks.windows(2).all(|two| two[0] != two[1]),
        "twice: {context}"
    );
    for command in files {
        let piece = store.chunk_get(FileId(u128::from(*command)), 0).await;
        assert_eq!(piece.unwrap(), Some(key(*command)), "{context}");
    }
    for chat in 1..=3 {
        let range = SeqRange::default();
        let page = store.history(Part::MAIN, ChatId(chat), range, Take::First(usize::MAX));
        let page = page.await.unwrap();
        let in_log = log
            .iter()
            .filter(|record| record.chat == Some(ChatId(chat)));
        assert!(
            page.iter().eq(in_log),
            "chat {chat} differs from the log: {context}"
        );
    }
}

/// One run of F6: operation `n` fails, once or for as long as the store stays open. How often the
/// store was degraded, and in the upper half how often an unknown commit was there after all.
async fn run_with_failure(n: u64, lasting: bool) -> u64 {
    let (mut degraded, mut written) = (0, 0);
    let disk = Disk::default();
    let store = disk.store().unwrap();
    let after = i64::try_from(n).unwrap();
    if lasting {
        disk.fail_from(after);
    } else {
        disk.fail_after(after);
    }
    let mut files = BTreeSet::new();
    for command in 0..COMMANDS {
        let context = format!("operation {n}, for ever {lasting}, command {command}");
        let id = cid_of(&cid(command));
        let known = async || store.result(Part::MAIN, 7, &id).await.ok().flatten();
        let mut tries = 0;
        while known().await.is_none() {
            tries += 1;
            assert!(tries < 4, "{context}");
            let done = step(&store, command, &mut files).await;
            assert!(!matches!(done, Ok(Commit::Conflict)), "{context}");
            // A read that fails says so and stops no writing.
            if lasting && disk.has_failed() && store.writable() {
                disk.mend();
            }
            if !store.writable() {
                degraded += 1;
                assert!(store.turn(Part::MAIN, Pos(0)).await.is_err(), "{context}");
                if lasting {
                    assert!(store.reopen().await.is_err(), "{context}");
                    assert!(!store.writable(), "{context}");
                    disk.mend();
                }
                while store.reopen().await.is_err() {
                    assert!(disk.has_failed(), "{context}");
                }
                assert!(store.writable(), "{context}");
                let unknown = matches!(done, Ok(Commit::Unknown));
                written += u64::from(unknown && known().await.is_some());
            }
        }
    }
    let context = format!("operation {n}, for ever {lasting}");
    assert_whole(&store, 0..COMMANDS, &files, &context).await;
    drop(store);
    disk.mend();
    let store = disk.store().unwrap();
    assert_whole(&store, 0..COMMANDS, &files, &format!("{context}, later")).await;
    degraded | (written << 32)
}

/// F6: an operation fails, wherever it is, once or until the disk is mended; the store says so,
/// stops writing, opens again, and the hub resolves what it does not know by the command's id.
#[test]
fn every_operation_may_fail() {
    const OPERATIONS_EACH: u64 = 500;
    let count = 2 * OPERATIONS_EACH;
    let sum = on_every_processor(count, async |number| {
        run_with_failure(number.div_ceil(2), number % 2 == 0).await
    });
    let (degraded, written) = (sum & 0xffff_ffff, sum >> 32);
    tell(&format!(
        "F6 store: {count} trials, {degraded} degraded, {written} unknown and written, 0 lost, \
         0 duplicate"
    ));
    assert!(degraded > count / 2, "only {degraded} runs met the failure");
    assert!(written > 0, "no unknown commit was there after all");
}

/// One run of F2 and F3. How many commands were acknowledged.
async fn run_with_cuts(seed: u64) -> u64 {
    let mut numbers = Numbers::of(seed);
    let left = [Left::Nothing, Left::Some, Left::Torn][usize::try_from(seed % 3).unwrap()];
    let again = (seed / 3).is_multiple_of(3);
    let mut disk = Disk::default();
    let (mut acknowledged, mut files) = (Vec::new(), BTreeSet::new());
    let mut command = 0;
    for life in 0..LIVES {
        let context = format!("seed {seed}, {left:?}, life {life}");
        if again && life > 0 {
            // While what the first cut left is being repaired.
            disk.cut_power_after(i64::try_from(numbers.below(30)).unwrap());
            drop(disk.store());
            let repaired = disk.after_power_cut(left, |bound| numbers.below(bound));
            disk = repaired;
        }
        let store = disk
            .store()
            .unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_whole(&store, acknowledged.clone(), &files, &context).await;
        if life == LIVES - 1 {
            drop(store);
            assert!(disk.is_whole(), "{context}: pages");
            break;
        }
        disk.cut_power_after(i64::try_from(numbers.below(OPERATIONS)).unwrap());
        while !disk.has_failed() {
            match step(&store, command, &mut files).await {
                Ok(Commit::Done { .. }) => acknowledged.push(command),
                Ok(Commit::Conflict) => panic!("{context}: conflict"),
                Ok(Commit::Unknown) | Err(_) => {}
            }
            command += 1;
            assert!(command < 1_000, "{context}: writes do not reach the disk");
        }
        // The cut comes first: a store that closes orderly would sync.
        let dark = disk.after_power_cut(left, |bound| numbers.below(bound));
        drop(store);
        disk = dark;
    }
    acknowledged.len() as u64
}

/// F2, F3: power goes at any moment, and for a third of the seeds again while the first cut is
/// being repaired; what was not synced is lost, reordered or torn.
#[test]
fn power_may_go_at_any_moment() {
    let seeds = trials(1_500, 200_000);
    let acknowledged = on_every_processor(seeds, run_with_cuts);
    tell(&format!(
        "F2 F3 store: {seeds} seeds, {} cuts, {acknowledged} acknowledged, 0 lost, 0 duplicate, \
         0 failed opens",
        seeds * (LIVES - 1)
    ));
    assert!(
        acknowledged > seeds,
        "only {acknowledged}: the cuts come too soon"
    );
}
