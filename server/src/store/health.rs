//! How a store is, in numbers. What follows from them for the desk is decided in the hub.

/// How much room the disk has for the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// Under 16 MiB: only what frees space should be taken.
    Full,
    /// Under 64 MiB: no new chats should be taken.
    Short,
    /// Under 256 MiB: somebody should be told.
    Low,
    /// Enough.
    Ample,
}

/// How the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// False after a failure, until [`Store::reopen`](super::Store::reopen) succeeds.
    pub writable: bool,
    /// Bytes free on its disk, where it has one.
    pub free_bytes: Option<u64>,
    /// What follows from them.
    pub space: Space,
    /// Records of all partitions that wait to be settled.
    pub tail_records: usize,
}
