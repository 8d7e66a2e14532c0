//! The bytes of files: kept in pieces beside the log, each written on its own.
//!
//! Nothing here knows what a file is for or whether it is whole: that is said by the record and the
//! key that are committed after its last piece. Pieces that nobody speaks of are taken away by the
//! hub.

use std::sync::Arc;

use bytes::Bytes;

use super::{Part, Store, StoreError, lock, random};

/// Largest piece of a file: with its key and the engine's own bytes it fills 128 KiB of pages.
pub const CHUNK_BYTES: usize = 128 * 1024 - 256;

/// Names the bytes of a file while and after they come in: random, never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u128);

impl FileId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(u128::from_be_bytes(random()))
    }
}

impl Store {
    /// Keeps a piece of a file, at most [`CHUNK_BYTES`], in a short transaction of its own. It
    /// waits for its turn at `part` as a commit does, so that pieces and commits alternate.
    ///
    /// # Errors
    /// As [`Store::kv_cas`].
    pub async fn chunk_put(
        &self,
        part: Part,
        file: FileId,
        index: u32,
        bytes: Bytes,
    ) -> Result<(), StoreError> {
        debug_assert!(bytes.len() <= CHUNK_BYTES, "a piece has a size");
        let mutex = Arc::clone(lock(&self.0.turns).entry(part).or_default());
        let _turn = mutex.lock_owned().await;
        self.offload(move |store| engine!(store, engine => engine.chunk_put(file, index, &bytes)))
            .await
    }

    /// A piece of a file, when it is there.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn chunk_get(&self, file: FileId, index: u32) -> Result<Option<Bytes>, StoreError> {
        self.offload(move |store| engine!(store, engine => engine.chunk_get(file, index)))
            .await
    }

    /// Takes all pieces of a file away. Idempotent.
    ///
    /// # Errors
    /// As [`Store::kv_cas`].
    pub async fn file_drop(&self, file: FileId) -> Result<(), StoreError> {
        self.offload(move |store| engine!(store, engine => engine.file_drop(file)))
            .await
    }

    /// At most `max` files that have pieces, in order, after `after`.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn files(
        &self,
        after: Option<FileId>,
        max: usize,
    ) -> Result<Vec<FileId>, StoreError> {
        self.offload(move |store| engine!(store, engine => engine.files(after, max)))
            .await
    }
}
