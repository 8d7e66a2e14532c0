//! The real hub and the real client in one simulated world: virtual time, a network that loses
//! and delays, machines that crash, disks that lose power; all of it from one seed.
//!
//! What is simulated: time, chance, the network (turmoil) and the disk below the store's engine.
//! What is real: the hub's loop, its transports and sockets, accounts by token, the client's
//! driver and its outbox on disk. Nobody signs in: passwords and TLS are not simulated.

mod client;
mod day;
mod faults;
mod judge;
mod site;
mod wire;

use std::{
    panic::catch_unwind,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use self::day::{Day, Figures};

/// Days of one run, and of a long one.
const DAYS: u64 = 500;
const DAYS_LONG: u64 = 50_000;
/// The world has one thread; this many worlds go on at once.
const WORLDS: usize = 2;

/// Days that went wrong once.
const ONCE_WRONG: &[u64] = &[];

/// Whether the environment asks for days: until the judge of a day agrees with the desk on every
/// seed, they run on demand only.
fn is_asked_for() -> bool {
    let asked = ["FRONTDESK_LONG", "FRONTDESK_SEED"];
    let asked = asked.iter().any(|name| std::env::var_os(name).is_some());
    if !asked {
        tests::report("SKIPPED: simulated days run by FRONTDESK_LONG=1 or FRONTDESK_SEED=n");
    }
    asked
}

/// The days to simulate: all of them, or the one that the environment names.
fn days() -> Vec<u64> {
    let named = |name| std::env::var(name).ok();
    if let Some(seed) = named("FRONTDESK_SEED") {
        return vec![seed.parse().expect("FRONTDESK_SEED is a number")];
    }
    let count = match named("FRONTDESK_LONG") {
        Some(_) => DAYS_LONG,
        None => DAYS,
    };
    ONCE_WRONG.iter().copied().chain(0..count).collect()
}

/// F13: one-way and full partitions, flapping, latency, answers that overtake events, crashes of
/// the hub and of clients, power cuts: afterwards everybody agrees with the log, and whatever was
/// accepted is in it once.
#[test]
fn after_every_day_everybody_agrees_with_the_log() {
    if !is_asked_for() {
        return;
    }
    site::template();
    let days = days();
    let (next, done) = (AtomicU64::new(0), Mutex::new(Figures::default()));
    let failures = Mutex::new(Vec::new());
    let world = || {
        while let Some(&seed) = days.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            let failed = match catch_unwind(|| Day::new(seed).run()) {
                Ok(day) => {
                    if days.len() == 1 {
                        day.trace.iter().for_each(|line| tests::report(line));
                    }
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.add(&day.figures);
                    day.wrong
                }
                Err(_) => vec!["it panicked, as said above".to_owned()],
            };
            if !failed.is_empty() {
                let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                failures.push((seed, failed));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..WORLDS {
            scope.spawn(world);
        }
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    tests::report(&done.to_string());
    let failures = failures
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let lines: Vec<_> = failures
        .iter()
        .take(5)
        .map(|(seed, wrong)| {
            let wrong: Vec<_> = wrong.iter().take(8).map(String::as_str).collect();
            format!("FRONTDESK_SEED={seed}: {}", wrong.join("\n    "))
        })
        .collect();
    let (failed, all) = (failures.len(), days.len());
    assert!(
        lines.is_empty(),
        "{failed} of {all} days:\n{}",
        lines.join("\n")
    );
}

/// F13: one seed is one day, to the hashes of the log: otherwise a failure could not be repeated.
#[test]
fn a_seed_gives_the_same_day_twice() {
    site::template();
    for seed in 0..10 {
        let (first, second) = (Day::new(seed).run(), Day::new(seed).run());
        let same = first.trace.iter().zip(&second.trace);
        let same = same.take_while(|(one, other)| one == other).count();
        assert_eq!(
            first.trace.get(same),
            second.trace.get(same),
            "FRONTDESK_SEED={seed}: two ways from line {same}, after {:?}",
            first.trace[..same].last()
        );
        assert!(same > 100, "a day in which nothing happens");
    }
}
