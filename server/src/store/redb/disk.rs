//! A disk for tests that fails when told, and loses what was not synced when its power is cut.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use redb::{Builder, StorageBackend};

use crate::store::{Store, StoreError, lock};

/// Bytes that a real disk writes all or none of.
const SECTOR: usize = 512;

/// Outlives the engines that are opened on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<State>);

#[derive(Debug)]
struct State {
    bytes: Mutex<Bytes>,
    /// Operations until one fails; negative for never.
    countdown: AtomicI64,
}

#[derive(Debug, Default)]
struct Bytes {
    /// What programs see.
    current: Vec<u8>,
    /// What a power cut surely leaves.
    durable: Vec<u8>,
    /// What it may leave: not synced yet.
    pending: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Length(usize),
    Write(usize, Vec<u8>),
}

impl Default for State {
    fn default() -> Self {
        Self {
            bytes: Mutex::default(),
            countdown: AtomicI64::new(-1),
        }
    }
}

impl Disk {
    /// A store on this disk, as it is now.
    pub(crate) fn store(&self) -> Result<Store, StoreError> {
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

    /// Lets the operation after `after` others fail, once.
    pub(crate) fn fail_after(&self, after: i64) {
        self.0.countdown.store(after, Ordering::SeqCst);
    }

    /// Whether the failure has happened, or none is set.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.countdown.load(Ordering::SeqCst) < 0
    }

    /// Another disk with what a power cut leaves on this one: everything synced, and of the rest
    /// what `choose` (a number below its argument) keeps, torn at a sector where it says so.
    pub(super) fn after_power_cut(&self, mut choose: impl FnMut(u64) -> u64) -> Self {
        let bytes = lock(&self.0.bytes);
        let mut left = bytes.durable.clone();
        for change in &bytes.pending {
            match (change, choose(4)) {
                (_, 0) => {}
                (Change::Write(at, data), 1) => {
                    let sectors = data.len().div_ceil(SECTOR) as u64;
                    let kept = usize::try_from(choose(sectors + 1)).unwrap() * SECTOR;
                    Change::Write(*at, data[..kept.min(data.len())].to_vec()).apply(&mut left);
                }
                (change, _) => change.apply(&mut left),
            }
        }
        let disk = Self::default();
        *lock(&disk.0.bytes) = Bytes {
            current: left.clone(),
            durable: left,
            pending: Vec::new(),
        };
        disk
    }

    fn tick(&self) -> io::Result<()> {
        if self.0.countdown.fetch_sub(1, Ordering::SeqCst) == 0 {
            return Err(io::Error::other("injected"));
        }
        // Once below zero it stays there for any test that is not endless.
        Ok(())
    }

    fn change(&self, change: Change) -> io::Result<()> {
        self.tick()?;
        let mut bytes = lock(&self.0.bytes);
        change.apply(&mut bytes.current);
        bytes.pending.push(change);
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

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.0.bytes).current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.tick()?;
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
        self.tick()?;
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
