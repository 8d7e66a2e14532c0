//! A disk for tests that fails when told, fills up, waits, and loses what was not synced when its
//! power is cut.

use std::{
    io,
    sync::{Arc, Condvar, Mutex},
};

use redb::{Builder, StorageBackend};

use crate::store::{Store, StoreError, lock};

/// Bytes that a real disk writes all or none of.
const SECTOR: usize = 512;

/// Outlives the engines that are opened on it.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<State>);

#[derive(Debug, Default)]
struct State {
    bytes: Mutex<Bytes>,
    trouble: Mutex<Trouble>,
    /// Whether a sync has to wait.
    held: Mutex<bool>,
    released: Condvar,
}

#[derive(Debug, Default)]
struct Bytes {
    /// What programs see.
    current: Vec<u8>,
    /// What a power cut surely leaves.
    durable: Vec<u8>,
    /// What it may leave: not synced yet.
    pending: Vec<Change>,
    /// What it can hold; anything when none.
    capacity: Option<usize>,
}

#[derive(Debug)]
struct Trouble {
    /// Operations until one fails; negative when none will or it has.
    countdown: i64,
    after: After,
}

/// What becomes of the operations after the one that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Fine,
    Failing,
    /// The one that failed may be there in part, as the power went while it was done.
    Dark,
}

/// What a power cut leaves of the changes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// None of them.
    Nothing,
    /// Some of them, whatever their order was.
    Some,
    /// Some of them, and of some only some sectors.
    Torn,
}

#[derive(Clone, Debug)]
enum Change {
    Length(usize),
    Write(usize, Vec<u8>),
}

impl Default for Trouble {
    fn default() -> Self {
        Self {
            countdown: -1,
            after: After::Fine,
        }
    }
}

impl Disk {
    /// A store on this disk, as it is now.
    pub fn store(&self) -> Result<Store, StoreError> {
        let disk = self.clone();
        let opener = move || {
            Builder::new()
                .create_with_backend(disk.clone())
                .map_err(super::engine_error)
        };
        let path = std::env::temp_dir().join("desk.redb");
        let redb = super::Redb::open_with(&path, Box::new(opener))?;
        Ok(Store::from_engine(crate::store::Engine::Redb(redb)))
    }

    /// Whether the pages of the file are whole, as the engine finds them.
    pub fn is_whole(&self) -> bool {
        let opened = Builder::new().create_with_backend(self.clone());
        opened.is_ok_and(|mut database| matches!(database.check_integrity(), Ok(true)))
    }

    /// Lets the operation after `after` others fail, once; none when negative.
    pub fn fail_after(&self, after: i64) {
        self.trouble_after(after, After::Fine);
    }

    /// Lets every operation after `after` others fail, until [`mend`](Self::mend).
    pub fn fail_from(&self, after: i64) {
        self.trouble_after(after, After::Failing);
    }

    /// Takes the power away after `after` operations: nothing works any more.
    pub fn cut_power_after(&self, after: i64) {
        self.trouble_after(after, After::Dark);
    }

    /// Lets everything work again.
    pub fn mend(&self) {
        *lock(&self.0.trouble) = Trouble::default();
    }

    fn trouble_after(&self, countdown: i64, after: After) {
        *lock(&self.0.trouble) = Trouble { countdown, after };
    }

    /// Whether the failure has happened, or none is set.
    pub fn has_failed(&self) -> bool {
        lock(&self.0.trouble).countdown < 0
    }

    /// Lets it hold no more than it does and `more` bytes, or anything.
    pub fn limit(&self, more: Option<usize>) {
        let mut bytes = lock(&self.0.bytes);
        bytes.capacity = more.map(|more| bytes.current.len() + more);
    }

    /// Lets every sync wait, or go on.
    pub fn hold(&self, held: bool) {
        *lock(&self.0.held) = held;
        self.0.released.notify_all();
    }

    /// Another disk with what a power cut leaves on this one: everything synced, and of the rest
    /// what `choose` (a number below its argument) keeps.
    pub fn after_power_cut(&self, left: Left, mut choose: impl FnMut(u64) -> u64) -> Self {
        let bytes = lock(&self.0.bytes);
        let mut kept = bytes.durable.clone();
        for change in &bytes.pending {
            match (left, change, choose(3)) {
                (Left::Nothing, ..) | (_, _, 0) => {}
                (Left::Torn, Change::Write(at, data), 1) => {
                    for (index, sector) in data.chunks(SECTOR).enumerate() {
                        if choose(2) == 0 {
                            Change::Write(at + index * SECTOR, sector.to_vec()).apply(&mut kept);
                        }
                    }
                }
                (_, change, _) => change.apply(&mut kept),
            }
        }
        let disk = Self::default();
        *lock(&disk.0.bytes) = Bytes {
            current: kept.clone(),
            durable: kept,
            ..Bytes::default()
        };
        disk
    }

    /// Counts an operation. Whether it is the one during which the power goes.
    fn tick(&self) -> io::Result<bool> {
        let mut trouble = lock(&self.0.trouble);
        let left = trouble.countdown;
        if left < 0 && trouble.after == After::Fine {
            return Ok(false);
        }
        // Once below zero it stays there for any test that is not endless.
        trouble.countdown -= 1;
        match (left, trouble.after) {
            (1.., _) => Ok(false),
            (0, After::Dark) => Ok(true),
            _ => Err(io::Error::other("injected")),
        }
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let dark = self.tick()?;
        let mut bytes = lock(&self.0.bytes);
        let end = match &change {
            Change::Length(length) => *length,
            Change::Write(at, data) => at + data.len(),
        };
        let more = end > bytes.current.len();
        if more && bytes.capacity.is_some_and(|capacity| end > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        bytes.pending.push(change.clone());
        if dark {
            return Err(io::Error::other("the power went"));
        }
        change.apply(&mut bytes.current);
        Ok(())
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Write(at, data) => {
                let end = at + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(data);
            }
        }
    }
}

/// An operation that only fails when the power goes.
fn lit(dark: bool) -> io::Result<()> {
    if dark {
        return Err(io::Error::other("the power went"));
    }
    Ok(())
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.0.bytes).current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        lit(self.tick()?)?;
        let bytes = lock(&self.0.bytes);
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let found = bytes.current.get(start..start + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::Length(
            usize::try_from(len).map_err(io::Error::other)?,
        ))
    }

    fn sync_data(&self) -> io::Result<()> {
        lit(self.tick()?)?;
        let held = lock(&self.0.held);
        drop(
            self.0
                .released
                .wait_while(held, |held| *held)
                .map_err(|_| io::Error::other("the test ended"))?,
        );
        let mut bytes = lock(&self.0.bytes);
        let Bytes {
            durable, pending, ..
        } = &mut *bytes;
        for change in pending.drain(..) {
            change.apply(durable);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        self.change(Change::Write(start, data.to_vec()))
    }
}
