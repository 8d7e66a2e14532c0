//! The ledger of erasures: a file beside the store that a restore does not replace.
//!
//! A line says what was erased, why, and which record first spoke of it, by position and hash: a
//! store whose log has that record has the same customer or chat, and any other store has another
//! one under the same number, which is left alone. There is no word of anyone in it. Keep a copy
//! of the file with the backups.
//!
//! ```text
//! customer 12 requested 57 0123456789abcdef0123456789abcdef
//! chat 42 retention 58 fedcba9876543210fedcba9876543210
//! ```

use std::{
    collections::BTreeSet,
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use shared::{
    event::EraseReason,
    id::{ChatId, Pos, UserId, hex},
};

use crate::store::StoredRecord;

/// The name of the file in the data folder.
pub const FILE: &str = "erased";

/// Who or what was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A customer, with every chat of theirs.
    Customer(UserId),
    /// A chat.
    Chat(ChatId),
}

/// The record that first speaks of it: where it is, and the first half of its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Witness {
    /// Its place in the log.
    pub pos: Pos,
    /// Of the record and all before it.
    pub hash: [u8; 16],
}

impl Witness {
    /// A record as a witness.
    pub(super) fn of(record: &StoredRecord) -> Self {
        let mut hash = [0; 16];
        hash.copy_from_slice(&record.hash.0[..16]);
        Self {
            pos: record.pos,
            hash,
        }
    }
}

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who or what.
    pub subject: Subject,
    /// How to know it again.
    pub witness: Witness,
    /// Why.
    pub reason: EraseReason,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, number) = match self.subject {
            Subject::Customer(id) => ("customer", id.0),
            Subject::Chat(id) => ("chat", id.0),
        };
        let reason = word(self.reason);
        let Witness { pos, hash } = self.witness;
        write!(f, "{kind} {number} {reason} {pos} {}", hex(&hash))
    }
}

const fn word(reason: EraseReason) -> &'static str {
    match reason {
        EraseReason::Requested => "requested",
        EraseReason::Obliged => "obliged",
        EraseReason::Unneeded => "unneeded",
        EraseReason::Retention => "retention",
    }
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split(' ');
        let (kind, number) = (parts.next()?, parts.next()?.parse().ok()?);
        let subject = match kind {
            "customer" => Subject::Customer(UserId(number)),
            "chat" => Subject::Chat(ChatId(number)),
            _ => return None,
        };
        let wanted = parts.next()?;
        let reasons = [
            EraseReason::Requested,
            EraseReason::Obliged,
            EraseReason::Unneeded,
            EraseReason::Retention,
        ];
        let reason = reasons.into_iter().find(|reason| word(*reason) == wanted)?;
        let pos = Pos(parts.next()?.parse().ok()?);
        let digits = parts.next().filter(|digits| digits.len() == 32)?;
        let mut hash = [0; 16];
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        parts.next().is_none().then_some(Self {
            subject,
            witness: Witness { pos, hash },
            reason,
        })
    }
}

/// The open file and what is in it.
#[derive(Debug)]
pub(super) struct Ledger {
    file: File,
    entries: Vec<Entry>,
    known: BTreeSet<(Subject, Witness)>,
}

impl Ledger {
    /// Opens the ledger in a data folder, or makes it.
    pub(super) fn open(data: &Path) -> io::Result<Self> {
        let path = data.join(FILE);
        let fresh = !path.exists();
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        if fresh {
            File::open(data)?.sync_all()?;
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        if !text.is_empty() && !text.ends_with('\n') {
            // A crash cut the last line; its erasure is not done, and writes it again.
            file.write_all(b"\n")?;
        }
        let mut ledger = Self {
            file,
            entries: Vec::new(),
            known: BTreeSet::new(),
        };
        for (number, line) in text.lines().enumerate() {
            match Entry::parse(line) {
                Some(entry) => ledger.learn(entry),
                None if line.is_empty() => {}
                None => tracing::warn!(line = number + 1, "a line of the ledger cannot be read"),
            }
        }
        Ok(ledger)
    }

    /// What is in it, the oldest first.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.entries.clone()
    }

    /// Writes an entry down, durably, unless it is there.
    pub(super) fn add(&mut self, entry: Entry) -> io::Result<()> {
        if self.known.contains(&(entry.subject, entry.witness)) {
            return Ok(());
        }
        self.file.write_all(format!("{entry}\n").as_bytes())?;
        self.file.sync_all()?;
        self.learn(entry);
        Ok(())
    }

    fn learn(&mut self, entry: Entry) {
        if self.known.insert((entry.subject, entry.witness)) {
            self.entries.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use shared::{
        event::EraseReason,
        id::{ChatId, Pos, UserId},
    };

    use super::{Entry, FILE, Ledger, Subject, Witness};

    fn entry(subject: Subject) -> Entry {
        Entry {
            subject,
            witness: Witness {
                pos: Pos(57),
                hash: [0x1f; 16],
            },
            reason: EraseReason::Requested,
        }
    }

    #[test]
    fn a_line_is_kept_and_a_cut_one_is_not_taken_for_one() {
        let data = tempfile::tempdir().unwrap();
        let (one, other) = (
            entry(Subject::Customer(UserId(12))),
            entry(Subject::Chat(ChatId(42))),
        );
        let mut ledger = Ledger::open(data.path()).unwrap();
        for entry in [one, other, one] {
            ledger.add(entry).unwrap();
        }
        drop(ledger);
        let path = data.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        let hash = "1f".repeat(16);
        assert_eq!(
            text,
            format!("customer 12 requested 57 {hash}\nchat 42 requested 57 {hash}\n")
        );
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for cut in 0..text.len() {
            fs::write(&path, &text[..cut]).unwrap();
            let mut ledger = Ledger::open(data.path()).unwrap();
            for entry in ledger.entries() {
                assert!(entry == one || entry == other, "{cut}: {entry}");
            }
            ledger.add(other).unwrap();
            drop(ledger);
            let again = Ledger::open(data.path()).unwrap();
            assert!(again.entries().contains(&other), "{cut}");
        }
    }
}
