//! The embedded store on a bad disk: operations that fail, power that goes.
//!
//! The oracle is the same everywhere: what was acknowledged is there, nothing is there twice, and
//! the log, its chain and its indexes agree.

use shared::{
    id::{ChatId, Pos},
    time::Timestamp,
};

use super::disk::Disk;
use crate::store::{
    Commit, Part, SeqRange, Store, StoreError, Take,
    check::verify_store,
    samples::{Talk, cid_of, commit},
};

/// Commands of one run; each says something in one of three chats.
const COMMANDS: u64 = 24;

/// A small generator of numbers (xorshift64*), so that a seed names a run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

fn cid(command: u64) -> String {
    format!("command-{command}")
}

/// Says command `command` and, every fifth time, settles a little.
async fn step(store: &Store, command: u64) -> Result<Commit, StoreError> {
    let mut talk = Talk::default();
    let cid = cid(command);
    let done = commit(store, &mut talk, |talk| {
        vec![
            talk.say(1 + command % 3, &cid, None),
            talk.say(1 + command % 3, &cid, Some(&cid)),
        ]
    })
    .await?;
    if command % 5 == 4 {
        store.settle(Part::MAIN, 7, Timestamp::default()).await?;
    }
    Ok(done)
}

/// What every test asks of a store afterwards.
async fn assert_whole(store: &Store, acknowledged: impl IntoIterator<Item = u64>, context: &str) {
    let problems = verify_store(store).unwrap().problems;
    assert_eq!(problems, [""; 0], "{context}");
    let log = store.read(Part::MAIN, Pos(0), usize::MAX).await.unwrap();
    assert_eq!(log.len() % 2, 0, "half a command: {context}");
    for command in acknowledged {
        let cid = cid_of(&cid(command));
        let done = store.result(Part::MAIN, 7, &cid).await.unwrap();
        let pos = done
            .unwrap_or_else(|| panic!("{cid} is lost: {context}"))
            .pos;
        let marks = log
            .iter()
            .filter(|record| record.mark.as_ref().is_some_and(|mark| mark.cid == cid));
        assert_eq!(
            marks.map(|record| record.pos).collect::<Vec<_>>(),
            [pos],
            "{context}"
        );
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

/// F6: an operation fails, wherever it is; the store says so, stops writing, opens again, and the
/// hub resolves what it does not know by the command's id.
#[tokio::test]
async fn every_operation_may_fail_once() {
    let mut unknown_written = 0;
    let mut degraded_runs = 0;
    for n in 1..=200 {
        let disk = Disk::default();
        let store = disk.store().unwrap();
        disk.fail_after(n);
        for command in 0..COMMANDS {
            let context = format!("operation {n}, command {command}");
            let id = cid_of(&cid(command));
            let mut tries = 0;
            while store
                .result(Part::MAIN, 7, &id)
                .await
                .ok()
                .flatten()
                .is_none()
            {
                tries += 1;
                assert!(tries < 4, "{context}");
                let done = step(&store, command).await;
                if !matches!(done, Ok(Commit::Done { .. })) {
                    assert!(!matches!(done, Ok(Commit::Conflict)), "{context}");
                }
                if !store.status().writable {
                    degraded_runs += 1;
                    assert!(store.turn(Part::MAIN, Pos(0)).await.is_err(), "{context}");
                    while store.reopen().await.is_err() {
                        assert!(disk.has_failed(), "{context}");
                    }
                    assert!(store.status().writable, "{context}");
                    let found = store.result(Part::MAIN, 7, &id).await.unwrap();
                    unknown_written +=
                        u32::from(matches!(done, Ok(Commit::Unknown)) && found.is_some());
                }
            }
        }
        assert_whole(&store, 0..COMMANDS, &format!("operation {n}")).await;
        drop(store);
        assert_whole(
            &disk.store().unwrap(),
            0..COMMANDS,
            &format!("operation {n}, later"),
        )
        .await;
    }
    assert!(
        degraded_runs > 100,
        "only {degraded_runs} runs met the failure"
    );
    assert!(unknown_written > 0, "no unknown commit was there after all");
}

/// F2, F3: power goes at any moment, again while the first cut is being repaired.
#[tokio::test]
async fn power_may_go_at_any_moment() {
    for seed in 1..=300 {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let mut disk = Disk::default();
        let mut acknowledged = Vec::new();
        let mut command = 0;
        for life in 0..3 {
            let store = disk
                .store()
                .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_whole(
                &store,
                acknowledged.clone(),
                &format!("seed {seed}, life {life}"),
            )
            .await;
            disk.fail_after(i64::try_from(numbers.below(160)).unwrap());
            while !disk.has_failed() {
                match step(&store, command).await {
                    Ok(Commit::Done { .. }) => acknowledged.push(command),
                    Ok(Commit::Conflict) => panic!("seed {seed}: conflict"),
                    Ok(Commit::Unknown) | Err(_) => {}
                }
                command += 1;
                assert!(command < 1_000, "seed {seed}: writes do not reach the disk");
            }
            // The cut comes first: a store that closes orderly would sync.
            let left = disk.after_power_cut(|bound| numbers.below(bound));
            drop(store);
            disk = left;
        }
        let store = disk
            .store()
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_whole(&store, acknowledged, &format!("seed {seed}, at the end")).await;
    }
}
