//! Forgetting for good: what is left goes into a new file, which takes the place of the old one.
//!
//! The engine never overwrites: pages of rows that were deleted or replaced stay readable in the
//! file until they are used again, and its own compaction moves pages without wiping what it
//! frees. A file that was written from the rows alone has none of them. While it is written,
//! reading goes on and writing waits; a crash leaves the old file or the new one, whole.

use std::{fs, sync::PoisonError};

use super::{Redb, guarded, load};
use crate::store::{StoreError, backup, lock};

impl Redb {
    /// Bytes of the file.
    pub(in crate::store) fn file_bytes(&self) -> Option<u64> {
        fs::metadata(&self.path).ok().map(|file| file.len())
    }

    pub(in crate::store) fn rewrite(&self) -> Result<(), StoreError> {
        let _single = lock(&self.backup);
        let _nobody_writes = self.writing.write().unwrap_or_else(PoisonError::into_inner);
        if !self.writable() {
            return Err(StoreError::Degraded);
        }
        let copy = self.with_read(|transaction| backup::copy(transaction, &self.path))?;
        let mut slot = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // The file's lock goes with the old handle.
        drop(slot.take());
        let placed = copy.replace(&self.path);
        // The old file is opened again where the new one did not get into its place.
        match guarded(|| load(&self.path, &self.opener)) {
            Ok((database, _, parts)) => {
                *lock(&self.parts) = parts;
                *slot = Some(database);
            }
            Err(error) => {
                self.poison(&error);
                return Err(error);
            }
        }
        placed
    }
}
