//! The pieces of files in the embedded store.
//!
//! Each piece is a short transaction of its own, so that a long file never keeps the writer from
//! others for longer than one piece takes.

use bytes::Bytes;

use super::{Redb, engine_error};
use crate::store::{FileId, StoreError, tables::CHUNK};

impl Redb {
    pub(in crate::store) fn chunk_put(
        &self,
        file: FileId,
        index: u32,
        bytes: &Bytes,
    ) -> Result<(), StoreError> {
        let written = self.must_write(|transaction| {
            let mut table = transaction.open_table(CHUNK).map_err(engine_error)?;
            table
                .insert((file.0, index), &**bytes)
                .map_err(engine_error)?;
            Ok(Some(()))
        })?;
        written.ok_or(StoreError::Degraded)
    }

    pub(in crate::store) fn chunk_get(
        &self,
        file: FileId,
        index: u32,
    ) -> Result<Option<Bytes>, StoreError> {
        self.with_read(|transaction| {
            let table = transaction.open_table(CHUNK).map_err(engine_error)?;
            let row = table.get((file.0, index)).map_err(engine_error)?;
            Ok(row.map(|row| Bytes::copy_from_slice(row.value())))
        })
    }

    pub(in crate::store) fn file_drop(&self, file: FileId) -> Result<(), StoreError> {
        self.must_write(|transaction| {
            let mut table = transaction.open_table(CHUNK).map_err(engine_error)?;
            let pieces = (file.0, 0)..=(file.0, u32::MAX);
            table
                .retain_in(pieces, |_, _| false)
                .map_err(engine_error)?;
            Ok(Some(()))
        })?;
        Ok(())
    }

    pub(in crate::store) fn files(
        &self,
        after: Option<FileId>,
        max: usize,
    ) -> Result<Vec<FileId>, StoreError> {
        self.with_read(|transaction| {
            let table = transaction.open_table(CHUNK).map_err(engine_error)?;
            let mut found = Vec::new();
            let mut from = match after {
                None => Some(0),
                Some(file) => file.0.checked_add(1),
            };
            // One look per file: its other pieces are passed over.
            while let Some(least) = from.filter(|_| found.len() < max) {
                let mut rows = table.range((least, 0)..).map_err(engine_error)?;
                let Some(row) = rows.next() else { break };
                let (file, _) = row.map_err(engine_error)?.0.value();
                found.push(FileId(file));
                from = file.checked_add(1);
            }
            Ok(found)
        })
    }
}
