//! The limits of the disk: the engine alone, and one synchronisation of a file.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use redb::{Builder, Database, Durability, TableDefinition};

use crate::{Fallible, report::percentile};

const TABLE: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("bare");
const MESSAGE_BYTES: usize = 200;
const CHATS: u64 = 1_000;
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// A loop that commits messages under (chat, seq) and does nothing else.
pub(crate) struct Bare {
    database: Database,
    next: u64,
}

impl Bare {
    pub(crate) fn open(path: &Path) -> Fallible<Self> {
        Ok(Self {
            database: Builder::new().set_cache_size(CACHE_BYTES).create(path)?,
            next: 0,
        })
    }

    fn commit(&mut self, batch: u64) -> Fallible<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        transaction.set_durability(Durability::Immediate)?;
        let mut table = transaction.open_table(TABLE)?;
        for _ in 0..batch {
            // The chats in no order, as they write.
            let chat = self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15) % CHATS;
            table.insert((chat, self.next), [7_u8; MESSAGE_BYTES].as_slice())?;
            self.next += 1;
        }
        drop(table);
        transaction.commit()?;
        Ok(())
    }

    /// Messages a second in transactions of `batch`.
    pub(crate) fn rate(&mut self, batch: u64, time: Duration) -> Fallible<f64> {
        let start = Instant::now();
        let mut commits = 0;
        while start.elapsed() < time {
            self.commit(batch)?;
            commits += 1;
        }
        let seconds = start.elapsed().as_secs_f64();
        Ok(count(batch * commits) / seconds)
    }

    /// How long single commits take in the middle and at the 99th percentile, in microseconds,
    /// when `rate` a second are made.
    pub(crate) fn paced(&mut self, rate: u32, time: Duration) -> Fallible<(f64, f64)> {
        let gap = Duration::from_secs(1) / rate;
        let start = Instant::now();
        let mut due = start;
        let mut took = Vec::new();
        while start.elapsed() < time {
            due += gap;
            while let Some(left) = due.checked_duration_since(Instant::now()) {
                thread::park_timeout(left);
            }
            let begun = Instant::now();
            self.commit(1)?;
            took.push(u32::try_from(begun.elapsed().as_nanos()).unwrap_or(u32::MAX));
        }
        took.sort_unstable();
        Ok((percentile(&took, 0.5), percentile(&took, 0.99)))
    }
}

/// How long it takes in the middle, in microseconds, to append a message and have it on disk.
pub(crate) fn sync(path: &Path, time: Duration) -> Fallible<f64> {
    let mut file = File::create(path)?;
    let start = Instant::now();
    let mut took = Vec::new();
    while start.elapsed() < time {
        let begun = Instant::now();
        file.write_all(&[7; MESSAGE_BYTES])?;
        file.sync_data()?;
        took.push(u32::try_from(begun.elapsed().as_nanos()).unwrap_or(u32::MAX));
    }
    took.sort_unstable();
    Ok(percentile(&took, 0.5))
}

#[expect(clippy::cast_precision_loss, reason = "a count of messages")]
pub(crate) fn count(messages: u64) -> f64 {
    messages as f64
}
