//! The chain as evidence: what an untouched log must be, record by record, and what erasure may
//! have changed in it.
//!
//! The chain finds every change but two: a log cut short whose head was cut with it, and a past
//! written anew to its end. Only a head that was known before, kept elsewhere, finds those. The
//! words of a tombstone are outside the chain; that they are the tombstones of an erasure and
//! nothing else is said by the record of the erasure, which is inside.

use sha2::{Digest, Sha256};
use shared::{
    event::Event,
    id::{ChatId, Pos, hex},
};

use super::{Hash, Part, SeqRange, Store, StoreError, StoredRecord, Take};

/// Records that are read at once.
const RECORDS: usize = 512;
/// Problems that are named; more say nothing new.
const PROBLEMS_MAX: usize = 100;

/// A position and its hash, as they were once: `POS:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last position.
    pub pos: Pos,
    /// Its hash.
    pub hash: Hash,
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.pos, self.hash)
    }
}

impl std::str::FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a head is POS:HASH, a number and 64 hexadecimal digits";
        let (pos, digits) = text.split_once(':').ok_or(FORM)?;
        let whole = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut hash = [0; 32];
        for (at, byte) in hash.iter_mut().enumerate() {
            let pair = digits.get(2 * at..2 * at + 2).filter(|_| whole);
            *byte = u8::from_str_radix(pair.ok_or(FORM)?, 16).map_err(|_| FORM)?;
        }
        Ok(Self {
            pos: Pos(pos.parse().map_err(|_| FORM)?),
            hash: Hash(hash),
        })
    }
}

/// What verifying the log came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The last record that was looked at.
    pub head: Head,
    /// Records without words.
    pub erased: u64,
    /// What is wrong, in sentences; empty when nothing is.
    pub problems: Vec<String>,
}

/// Looks at the records of a log in order.
#[derive(Debug)]
pub(super) struct Verifier {
    last: Head,
    known: Option<Head>,
    erased: u64,
    /// What the erasures account for.
    excused: u64,
    problems: Vec<String>,
}

impl Verifier {
    /// From the first record on; `known` is a head that was exported before.
    pub(super) const fn new(known: Option<Head>) -> Self {
        Self {
            last: Head {
                pos: Pos(0),
                hash: Hash::START,
            },
            known,
            erased: 0,
            excused: 0,
            problems: Vec::new(),
        }
    }

    /// Looks at the record in the row of `pos`. The chat whose tombstones it accounts for, if it
    /// is the record of an erasure, with their number and digest.
    pub(super) fn take(&mut self, pos: Pos, record: &StoredRecord) -> Option<Erasure> {
        if pos != self.last.pos.next() || record.pos != pos {
            self.problem(format!("record {pos} follows record {}", self.last.pos));
        }
        if !record.verifies(&self.last.hash) {
            self.problem(format!("record {pos} is not what was written"));
        }
        self.last = Head {
            pos,
            hash: record.hash,
        };
        if self
            .known
            .is_some_and(|known| known.pos == pos && known.hash != record.hash)
        {
            self.problem(format!(
                "record {pos} is of another past than the head that was known"
            ));
        }
        self.erased += u64::from(record.is_redacted());
        let erasure = Erasure::of(record)?;
        self.excused += erasure.records;
        Some(erasure)
    }

    /// Takes down that a row is no record.
    pub(super) fn take_unreadable(&mut self, pos: Pos) {
        self.problem(format!("record {pos} cannot be read"));
        self.last.pos = pos;
    }

    /// Takes down what the tombstones of an erasure are in truth.
    pub(super) fn compare(&mut self, erasure: &Erasure, found: &(u64, String)) {
        if (erasure.records, &erasure.digest) != (found.0, &found.1) {
            self.problem(format!(
                "the tombstones of chat {} are not what was left of it",
                erasure.chat
            ));
        }
    }

    /// The verdict on a log that should end at `head`.
    pub(super) fn finish(mut self, head: Option<Head>) -> Verdict {
        if head.is_some_and(|head| head != self.last) {
            let last = self.last.pos;
            self.problem(format!(
                "the log ends at {last}, which is not where it should"
            ));
        }
        if let Some(known) = self.known.filter(|known| known.pos > self.last.pos) {
            self.problem(format!(
                "the log ends at {} and is known to have had {} records",
                self.last.pos, known.pos
            ));
        }
        if self.erased > self.excused {
            self.problem(format!(
                "{} records are without words and no erasure accounts for them",
                self.erased - self.excused
            ));
        }
        Verdict {
            head: self.last,
            erased: self.erased,
            problems: self.problems,
        }
    }

    fn problem(&mut self, what: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(what);
        }
    }
}

/// What the record of an erasure says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Erasure {
    pub(super) chat: ChatId,
    records: u64,
    digest: String,
}

impl Erasure {
    fn of(record: &StoredRecord) -> Option<Self> {
        if record.kind != "chat_erased" {
            return None;
        }
        match record.record().ok()?.event {
            Event::ChatErased {
                chat,
                records,
                digest,
                ..
            } => Some(Self {
                chat,
                records,
                digest: digest.to_string(),
            }),
            _ => None,
        }
    }
}

/// The tombstones of a chat: how many they are, and a digest of what they may say.
#[derive(Default)]
pub(super) struct Tombstones {
    records: u64,
    digest: Sha256,
}

impl Tombstones {
    /// Takes in the next record of the chat, erased or not.
    pub(super) fn take(&mut self, mut record: StoredRecord) -> Result<(), StoreError> {
        record.redact()?;
        self.records += 1;
        self.digest.update(record.pos.0.to_be_bytes());
        self.digest.update((record.body.len() as u64).to_be_bytes());
        self.digest.update(&record.body);
        Ok(())
    }

    /// Their number and digest.
    pub(super) fn finish(self) -> (u64, String) {
        (self.records, hex(&self.digest.finalize()))
    }
}

impl Store {
    /// How many tombstones erasing this chat leaves or has left, and their SHA-256 in hexadecimal
    /// digits.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn tombstones(&self, part: Part, chat: ChatId) -> Result<(u64, String), StoreError> {
        let mut tombstones = Tombstones::default();
        let mut range = SeqRange::default();
        loop {
            let records = self
                .history(part, chat, range, Take::First(RECORDS))
                .await?;
            let Some(last) = records.last().and_then(|record| record.seq) else {
                return Ok(tombstones.finish());
            };
            range.after = Some(last);
            for record in records {
                tombstones.take(record)?;
            }
        }
    }

    /// Verifies the log of a partition as it is now, from its first record on, in steps of little
    /// memory; `known` is a head that was exported before.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the disk fails; what is wrong with the log is in the verdict.
    pub async fn verify(&self, part: Part, known: Option<Head>) -> Result<Verdict, StoreError> {
        let (pos, hash) = self.head(part);
        let head = Head { pos, hash };
        let mut verifier = Verifier::new(known.filter(|known| known.pos <= pos));
        let beyond = known.filter(|known| known.pos > pos);
        let mut after = Pos(0);
        while after < head.pos {
            let left = usize::try_from(head.pos.0 - after.0).unwrap_or(usize::MAX);
            let records = match self.read(part, after, RECORDS.min(left)).await {
                Ok(records) if !records.is_empty() => records,
                Ok(_) => break,
                Err(StoreError::Corrupt { what }) => {
                    verifier.problem(what);
                    break;
                }
                Err(error) => return Err(error),
            };
            for record in records {
                after = record.pos;
                if let Some(erasure) = verifier.take(record.pos, &record) {
                    let found = self.tombstones(part, erasure.chat).await;
                    verifier.compare(&erasure, &found.unwrap_or_default());
                }
            }
        }
        if let Some(known) = beyond {
            verifier.known = Some(known);
        }
        Ok(verifier.finish(Some(head)))
    }
}
