//! Checking a file from end to end: pages, chain, density, words, indexes.
//!
//! What is wrong is told in sentences, all of it, up to a bound. Nothing is repaired here.

use std::{collections::BTreeMap, path::Path};

use redb::{ReadTransaction, ReadableDatabase, ReadableTableMetadata};
use shared::id::{ChatId, Pos, Seq};

use super::{
    Part, StoredRecord,
    audit::{Head, Tombstones, Verifier},
    error::StoreError,
    migrations, place,
    redb::{engine_error, guarded, open_file, words::segment},
    tables::{CHAT, CHUNK, DONE, EDIT, HEAD, LOG, SEGMENT, SETTLED, WORD, parse_done, parse_head},
    words::{Words, entry},
};

/// Problems that a report names; more say nothing new.
const PROBLEMS_MAX: usize = 100;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records of all partitions.
    pub records: u64,
    /// The last record of the main partition; none of an empty log.
    pub head: Option<Head>,
    /// Records of all partitions without words.
    pub erased: u64,
    /// Chats of all partitions.
    pub chats: u64,
    /// What is wrong, in sentences; empty when nothing is.
    pub problems: Vec<String>,
}

/// Checks a file that no hub has open.
///
/// # Errors
/// [`StoreError::Locked`] while a hub runs on it, [`StoreError::NotADatabase`],
/// [`StoreError::TooNew`], [`StoreError::Corrupt`] when it is damaged beyond reading, and what the
/// system says.
pub fn check(file: &Path) -> Result<Report, StoreError> {
    check_against(file, None)
}

/// The same, of a file that is known to have had `known` as its head once.
///
/// # Errors
/// As [`check`].
pub fn check_against(file: &Path, known: Option<Head>) -> Result<Report, StoreError> {
    std::fs::metadata(file).map_err(|error| place::refused(file, error))?;
    place::recognise(file)?;
    guarded(|| {
        migrations::refuse_newer(file)?;
        let mut database = open_file(file)?;
        let mut report = Report::default();
        match database.check_integrity() {
            Ok(true) => {}
            Ok(false) => report.problem("pages were damaged and have been repaired"),
            Err(error) => return Err(engine_error(error)),
        }
        let newest = migrations::known_version();
        let version = match migrations::version(&database)? {
            None | Some(0) => {
                return Err(StoreError::NotADatabase {
                    path: file.to_path_buf(),
                });
            }
            Some(found) if found > newest => {
                let known = newest;
                return Err(StoreError::TooNew { found, known });
            }
            Some(version) => version,
        };
        let transaction = database.begin_read().map_err(engine_error)?;
        verify(&transaction, known, &mut report)?;
        if version >= migrations::WORDS_VERSION {
            verify_words(&transaction, &mut report)?;
        }
        if version >= migrations::CHUNKS_VERSION {
            verify_chunks(&transaction, &mut report)?;
        }
        Ok(report)
    })
}

/// Checks a store that is open, as far as reading goes.
#[cfg(test)]
pub(super) fn verify_store(store: &super::Store) -> Result<Report, StoreError> {
    let mut report = Report::default();
    if let super::Engine::Redb(redb) = &store.0.engine {
        redb.with_read(|transaction| {
            verify(transaction, None, &mut report)?;
            verify_words(transaction, &mut report)?;
            verify_chunks(transaction, &mut report)
        })?;
    }
    Ok(report)
}

impl Report {
    fn problem(&mut self, what: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(what.into());
        }
    }
}

/// Pieces of a file are numbered from 0 without gaps, also of one that is still coming in.
fn verify_chunks(transaction: &ReadTransaction, report: &mut Report) -> Result<(), StoreError> {
    let table = transaction.open_table(CHUNK).map_err(engine_error)?;
    let mut last: Option<(u128, u32)> = None;
    for row in table.range::<(u128, u32)>(..).map_err(engine_error)? {
        let (file, index) = row.map_err(engine_error)?.0.value();
        let expected = match last {
            Some((of, before)) if of == file => before.saturating_add(1),
            _ => 0,
        };
        if index != expected {
            report.problem(format!("a file lacks its piece {expected}"));
        }
        last = Some((file, index));
    }
    Ok(())
}

/// What one pass over the log of a partition gathers.
struct Pass {
    part: Part,
    settled: Pos,
    last: Pos,
    seqs: BTreeMap<ChatId, Seq>,
    settled_chats: u64,
    settled_marks: u64,
}

fn verify(
    transaction: &ReadTransaction,
    known: Option<Head>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let log = transaction.open_table(LOG).map_err(engine_error)?;
    let heads = transaction.open_table(HEAD).map_err(engine_error)?;
    let chats = transaction.open_table(CHAT).map_err(engine_error)?;
    let done = transaction.open_table(DONE).map_err(engine_error)?;
    let (mut rows, mut chat_rows, mut done_rows) = (0, 0, 0);
    for head in heads.range::<u32>(..).map_err(engine_error)? {
        let (part, head) = head.map_err(engine_error)?;
        let part = Part(part.value());
        let head = parse_head(head.value()).map(|(pos, hash)| Head { pos, hash });
        if head.is_none() {
            report.problem("the head of the log is cut short");
        }
        let known = known.filter(|_| part == Part::MAIN);
        let pass = verify_part(transaction, part, (head, known), report)?;
        if pass.settled > pass.last {
            report.problem("more is settled than the log has");
        }
        if part == Part::MAIN {
            report.head = head;
        }
        rows += pass.last.0;
        chat_rows += pass.settled_chats;
        done_rows += pass.settled_marks;
        report.chats += pass.seqs.len() as u64;
    }
    report.records = log.len().map_err(engine_error)?;
    if report.records != rows {
        report.problem(format!(
            "the log has {} rows instead of {rows}",
            report.records
        ));
    }
    if chats.len().map_err(engine_error)? != chat_rows {
        report.problem("the index of chats has rows of no record");
    }
    if done.len().map_err(engine_error)? != done_rows {
        report.problem("the index of commands has rows of no record");
    }
    if known.is_some() && report.head.is_none() {
        report.problem("the log is empty and is known to have had records");
    }
    Ok(())
}

/// Makes every segment of words anew from the log and compares.
fn verify_words(transaction: &ReadTransaction, report: &mut Report) -> Result<(), StoreError> {
    let log = transaction.open_table(LOG).map_err(engine_error)?;
    let edits = transaction.open_table(EDIT).map_err(engine_error)?;
    let blocks = transaction.open_table(WORD).map_err(engine_error)?;
    let segments = transaction.open_table(SEGMENT).map_err(engine_error)?;
    let (mut block_rows, mut edited) = (0, BTreeMap::new());
    let mut last = (0, 0);
    for row in segments.range::<(u32, u64)>(..).map_err(engine_error)? {
        let (key, first) = row.map_err(engine_error)?;
        let (part, upto) = key.value();
        let after = if part == last.0 { last.1 } else { 0 };
        last = (part, upto);
        let found = segment(transaction, Part(part), Pos(upto))?;
        let Some((words, count)) = found.filter(|_| first.value() == after + 1) else {
            report.problem(format!(
                "a segment of words is missing after record {after}"
            ));
            continue;
        };
        block_rows += count as u64;
        let mut expected = Words::after(Pos(after));
        for row in log
            .range((part, after + 1)..=(part, upto))
            .map_err(engine_error)?
        {
            let record = StoredRecord::from_row(row.map_err(engine_error)?.1.value());
            expected.take(record.as_ref().map(entry).unwrap_or_default());
        }
        if expected.blocks() != words.blocks() || expected.upto != words.upto {
            report.problem(format!(
                "the words of records up to {upto} are not those of the log"
            ));
        }
        let replaced = expected.edits.into_iter();
        edited.extend(replaced.map(|((chat, seq), pos)| ((part, chat.0, seq.0), pos.0)));
    }
    for (key, pos) in &edited {
        let row = edits.get(*key).map_err(engine_error)?;
        if row.map(|row| row.value()) != Some(*pos) {
            report.problem(format!("the index of edits misses record {pos}"));
        }
    }
    if blocks.len().map_err(engine_error)? != block_rows {
        report.problem("the index of words has blocks of no segment");
    }
    Ok(())
}

fn verify_part(
    transaction: &ReadTransaction,
    part: Part,
    (head, known): (Option<Head>, Option<Head>),
    report: &mut Report,
) -> Result<Pass, StoreError> {
    let positions = transaction.open_table(SETTLED).map_err(engine_error)?;
    let settled = positions.get(part.0).map_err(engine_error)?;
    let mut pass = Pass {
        part,
        settled: Pos(settled.map_or(0, |row| row.value())),
        last: Pos(0),
        seqs: BTreeMap::new(),
        settled_chats: 0,
        settled_marks: 0,
    };
    let mut verifier = Verifier::new(known);
    let mut erasures = Vec::new();
    let log = transaction.open_table(LOG).map_err(engine_error)?;
    let rows = log.range((part.0, 0)..=(part.0, u64::MAX));
    for row in rows.map_err(engine_error)? {
        let (key, row) = row.map_err(engine_error)?;
        let pos = Pos(key.value().1);
        match StoredRecord::from_row(row.value()) {
            Ok(record) => {
                erasures.extend(verifier.take(pos, &record));
                verify_record(&mut pass, pos, &record, report);
                if record.pos <= pass.settled {
                    verify_indexes(transaction, &mut pass, &record, report)?;
                }
            }
            Err(_) => verifier.take_unreadable(pos),
        }
        pass.last = pos;
    }
    for erasure in &erasures {
        let found = tombstones(transaction, part, erasure.chat)?;
        verifier.compare(erasure, &found);
    }
    let verdict = verifier.finish(head);
    report.erased += verdict.erased;
    for problem in verdict.problems {
        report.problem(problem);
    }
    Ok(pass)
}

/// The tombstones of a chat, by the index of chats as far as it goes and the log behind that.
fn tombstones(
    transaction: &ReadTransaction,
    part: Part,
    chat: ChatId,
) -> Result<(u64, String), StoreError> {
    let index = transaction.open_table(CHAT).map_err(engine_error)?;
    let log = transaction.open_table(LOG).map_err(engine_error)?;
    let settled = transaction.open_table(SETTLED).map_err(engine_error)?;
    let settled = settled.get(part.0).map_err(engine_error)?;
    let settled = settled.map_or(0, |row| row.value());
    let mut found = Tombstones::default();
    let rows = index.range((part.0, chat.0, 0)..=(part.0, chat.0, u64::MAX));
    for row in rows.map_err(engine_error)? {
        let pos = row.map_err(engine_error)?.1.value();
        if let Some(row) = log.get((part.0, pos)).map_err(engine_error)?
            && let Ok(record) = StoredRecord::from_row(row.value())
            && record.record().is_ok()
        {
            found.take(record)?;
        }
    }
    let rows = log.range((part.0, settled + 1)..=(part.0, u64::MAX));
    for row in rows.map_err(engine_error)? {
        if let Ok(record) = StoredRecord::from_row(row.map_err(engine_error)?.1.value())
            && record.chat == Some(chat)
            && record.record().is_ok()
        {
            found.take(record)?;
        }
    }
    Ok(found.finish())
}

fn verify_record(pass: &mut Pass, pos: Pos, record: &StoredRecord, report: &mut Report) {
    if let Err(error) = record.record() {
        report.problem(error.to_string());
    }
    match (record.chat, record.seq) {
        (None, None) => {}
        (Some(chat), Some(seq)) => {
            let last = pass.seqs.insert(chat, seq).unwrap_or_default();
            if seq != last.next() {
                report.problem(format!("chat {chat} goes from {last} to {seq} at {pos}"));
            }
        }
        _ => report.problem(format!("record {pos} has half a place in a chat")),
    }
}

fn verify_indexes(
    transaction: &ReadTransaction,
    pass: &mut Pass,
    record: &StoredRecord,
    report: &mut Report,
) -> Result<(), StoreError> {
    let pos = record.pos;
    if let (Some(chat), Some(seq)) = (record.chat, record.seq) {
        pass.settled_chats += 1;
        let index = transaction.open_table(CHAT).map_err(engine_error)?;
        let row = index.get((pass.part.0, chat.0, seq.0));
        let found = row.map_err(engine_error)?.map(|row| row.value());
        if found != Some(pos.0) {
            report.problem(format!("the index of chat {chat} misses record {pos}"));
        }
    }
    if let Some(mark) = &record.mark {
        pass.settled_marks += 1;
        let index = transaction.open_table(DONE).map_err(engine_error)?;
        let key = (pass.part.0, mark.principal, mark.cid.as_str().as_bytes());
        let row = index.get(key).map_err(engine_error)?;
        let fits = row
            .and_then(|row| parse_done(row.value()))
            .is_some_and(|done| {
                done.pos == pos && done.fingerprint == mark.fingerprint && done.seq == mark.seq
            });
        if !fits {
            report.problem(format!("the index of commands misses record {pos}"));
        }
    }
    Ok(())
}
