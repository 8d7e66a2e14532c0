//! A log that somebody else has changed is found out: a thousand changes, each of them.

use std::{io::Write as _, path::Path};

use redb::{Database, ReadableDatabase};
use shared::{
    event::{EraseReason, Event},
    id::{ChatId, DepartmentId, Pos, UserId},
    text::SafeText,
};

use super::{
    FILE_NAME, Part, StoredRecord,
    audit::{Head, Tombstones, Verdict, Verifier},
    check_against,
    samples::{Talk, commit, open},
    tables::{HEAD, LOG, head_row},
};
use crate::desk::visibility::{Audience, Scope};

/// Changes that are tried.
const TRIALS: u64 = 1_000;
/// The chat that was erased.
const ERASED: u64 = 3;

/// Numbers of a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}

/// Rows by position, and the head that stands beside them.
#[derive(Clone)]
struct Log {
    rows: Vec<(Pos, Vec<u8>)>,
    head: Head,
}

fn records() -> Vec<StoredRecord> {
    let mut talk = Talk::default();
    let mut records: Vec<_> = (0..60)
        .map(|n| talk.say(1 + n % 4, &format!("what was said {n}"), None))
        .collect();
    let mut tombstones = Tombstones::default();
    for record in &mut records {
        if record.chat == Some(ChatId(ERASED)) {
            tombstones.take(record.clone()).unwrap();
            record.redact().unwrap();
        }
    }
    let (count, digest) = tombstones.finish();
    let erasure = Event::ChatErased {
        chat: ChatId(ERASED),
        customer: UserId(9),
        department: DepartmentId(1),
        reason: EraseReason::Requested,
        records: count,
        digest: SafeText::line(&digest),
    };
    records.push(talk.record(0, erasure, None));
    records.extend((0..20).map(|n| talk.say(1 + n % 2, "more", None)));
    records
}

fn log_of(records: &[StoredRecord]) -> Log {
    let last = records.last().unwrap();
    Log {
        rows: records.iter().map(|r| (r.pos, r.to_row())).collect(),
        head: Head {
            pos: last.pos,
            hash: last.hash,
        },
    }
}

fn verify(log: &Log, known: Option<Head>) -> Verdict {
    let mut verifier = Verifier::new(known);
    let mut erasures = Vec::new();
    let parsed = |row: &[u8]| StoredRecord::from_row(row).ok();
    for (pos, row) in &log.rows {
        match parsed(row) {
            Some(record) => erasures.extend(verifier.take(*pos, &record)),
            None => verifier.take_unreadable(*pos),
        }
    }
    for erasure in &erasures {
        let mut found = Tombstones::default();
        let rows = log.rows.iter().filter_map(|(_, row)| parsed(row));
        for record in rows.filter(|record| record.chat == Some(erasure.chat)) {
            // What cannot be read is no tombstone.
            drop(found.take(record));
        }
        verifier.compare(erasure, &found.finish());
    }
    verifier.finish(Some(log.head))
}

/// Chains the records from `first` on anew, as if the past had been another.
fn rechain(records: &mut [StoredRecord], first: usize) {
    let scope = Scope {
        audience: Audience::Public,
        customer: Some(UserId(9)),
        department: None,
        left: None,
    };
    for at in first..records.len() {
        let prev = records[at - 1].hash;
        let old = &records[at];
        let nonce = old.nonce;
        let mut record = old.record().unwrap();
        if at == first {
            record.event = Event::AgentBack { user: UserId(8) };
            record.chat = None;
            record.seq = None;
        }
        let erased = old.is_redacted();
        let mut new = StoredRecord::chain(&prev, &record, scope, old.mark.clone(), nonce);
        if erased {
            new.nonce = [0; 16];
        }
        records[at] = new;
    }
}

const KINDS: [&str; 8] = [
    "edit",
    "delete",
    "delete and close up",
    "swap",
    "empty",
    "another head",
    "cut short",
    "written anew",
];

fn mutate(records: &[StoredRecord], kind: &str, random: &mut Random) -> Log {
    let mut log = log_of(records);
    let count = log.rows.len();
    match kind {
        "edit" => {
            let row = &mut log.rows[random.below(count)].1;
            let at = random.below(row.len());
            row[at] ^= 1 << random.below(8);
        }
        "delete" => drop(log.rows.remove(random.below(count))),
        "delete and close up" => {
            let at = random.below(count - 1);
            log.rows.remove(at);
            for (pos, _) in &mut log.rows[at..] {
                *pos = Pos(pos.0 - 1);
            }
        }
        "swap" => {
            let one = random.below(count);
            let other = (one + 1 + random.below(count - 1)) % count;
            let row = log.rows[one].1.clone();
            log.rows[one].1 = std::mem::replace(&mut log.rows[other].1, row);
        }
        "empty" => {
            // As if it had been erased, which no record says.
            let said: Vec<_> = (0..count)
                .filter(|at| !records[*at].is_redacted())
                .collect();
            let at = said[random.below(said.len())];
            let mut record = records[at].clone();
            record.redact().unwrap();
            log.rows[at].1 = record.to_row();
        }
        "another head" => {
            let at = random.below(count - 1);
            log.head = log_of(&records[..=at]).head;
        }
        // After the erasure: tombstones that nobody accounts for would tell.
        "cut short" => log = log_of(&records[..61 + random.below(count - 61)]),
        _ => {
            let mut records = records.to_vec();
            // After the erasure, whose digest speaks of what was before it.
            rechain(&mut records, 61 + random.below(count - 61));
            log = log_of(&records);
        }
    }
    log
}

/// S27: edit, delete, swap, cut and write anew: every change is found; the last two need a head
/// that was kept elsewhere, and are not found without one.
#[test]
fn every_change_of_the_log_is_found() {
    let records = records();
    let log = log_of(&records);
    let known = log.head;
    for head in [None, Some(known), Some(log_of(&records[..40]).head)] {
        assert_eq!(verify(&log, head).problems, [""; 0]);
    }
    let (mut found, mut by_head_alone) = (0, 0);
    for seed in 0..TRIALS {
        let mut random = Random(seed);
        let kind = KINDS[random.below(KINDS.len())];
        let changed = mutate(&records, kind, &mut random);
        let alone = verify(&changed, None).problems;
        let against = verify(&changed, Some(known)).problems;
        assert!(!against.is_empty(), "seed {seed}: {kind} was not found");
        let needs_head = matches!(kind, "cut short" | "written anew");
        assert_eq!(
            alone.is_empty(),
            needs_head,
            "seed {seed}: {kind}: {alone:?}"
        );
        found += 1;
        by_head_alone += u64::from(needs_head);
    }
    writeln!(
        std::io::stderr(),
        "audit: {TRIALS} changes of a log, {found} found, {by_head_alone} of them only by a head \
         kept elsewhere"
    )
    .unwrap();
}

/// Puts a log in the place of the one in a file.
fn overwrite(file: &Path, log: &Log) {
    let database = Database::open(file).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(LOG).unwrap();
        table.retain(|_, _| false).unwrap();
        for (pos, row) in &log.rows {
            table.insert((0, pos.0), row.as_slice()).unwrap();
        }
        let mut heads = transaction.open_table(HEAD).unwrap();
        let row = head_row(log.head.pos, &log.head.hash);
        heads.insert(0, row.as_slice()).unwrap();
    }
    transaction.commit().unwrap();
    let transaction = database.begin_read().unwrap();
    assert!(transaction.open_table(LOG).is_ok());
}

/// S27: the same in a file, as `frontdesk-hub check --head` looks at it.
#[tokio::test]
async fn every_change_of_a_file_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let mut talk = Talk::default();
    commit(&store, &mut talk, |talk| vec![talk.say(1, "first", None)])
        .await
        .unwrap()
        .assert_done();
    assert_eq!(Part::MAIN.0, 0);
    drop(store);
    let file = directory.path().join(FILE_NAME);
    let records = records();
    let log = log_of(&records);
    overwrite(&file, &log);
    let check = |known| check_against(&file, known).unwrap();
    let report = check(Some(log.head));
    assert_eq!((report.problems.as_slice(), report.erased), (&[][..], 15));
    for (seed, kind) in (0..).zip(KINDS.iter().cycle().take(3 * KINDS.len())) {
        let changed = mutate(&records, kind, &mut Random(seed));
        overwrite(&file, &changed);
        let report = check(Some(log.head));
        assert!(
            !report.problems.is_empty(),
            "seed {seed}: {kind} was not found"
        );
        assert_eq!(report.head.map(|head| head.pos), Some(changed.head.pos));
    }
}

#[test]
fn a_head_is_read_as_it_is_written() {
    let head = log_of(&records()).head;
    assert_eq!(head.to_string().parse(), Ok(head));
    for wrong in ["", "5", "5:", "x:00", "5:zz", &format!("{head}0"), "-1:00"] {
        assert!(wrong.parse::<Head>().is_err(), "{wrong}");
    }
}
