//! Keeps the index of words up with the log, beside the loop.
//!
//! It works in small steps on a thread for blocking work and waits for enough new records in
//! between, so a commit costs it nothing and a quiet hub does nothing. Searching is elsewhere.

use tokio::{select, sync::broadcast::error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::store::{Store, WORDS_BEHIND_MAX};

use super::PART;

/// Runs until told to stop.
pub(super) async fn keep_indexed(store: Store, stop: CancellationToken) {
    let mut hints = store.hints();
    // After a start nobody knows how far the words are.
    let mut indexed = 0;
    loop {
        while store.head(PART).0.0 >= indexed + WORDS_BEHIND_MAX && !stop.is_cancelled() {
            match store.index_words(PART).await {
                Ok(behind) => indexed = store.head(PART).0.0.saturating_sub(behind),
                Err(error) => {
                    tracing::warn!(%error, "words could not be indexed; tried again with the next records");
                    break;
                }
            }
        }
        select! {
            () = stop.cancelled() => return,
            hint = hints.recv() => match hint {
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}
