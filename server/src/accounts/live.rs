//! The sessions that somebody holds in memory now, so that ending one reaches its sockets at once.
//!
//! What is valid is in the store alone. A holder enters here before it looks there, and a session
//! is deleted there before it is ended here: whichever order the two meet in, one of them sees the
//! other.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use shared::{id::UserId, time::Timestamp};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Default)]
pub(super) struct Live(Mutex<HashMap<(UserId, String), Entry>>);

#[derive(Debug)]
struct Entry {
    ended: CancellationToken,
    /// Nobody holds the session beyond this.
    until: Timestamp,
}

impl Live {
    /// What is cancelled when the session ends before `until`.
    pub(super) fn enter(&self, user: UserId, session: &str, until: Timestamp) -> CancellationToken {
        let mut entries = self.lock();
        let entry = entries
            .entry((user, session.to_owned()))
            .or_insert_with(|| Entry {
                ended: CancellationToken::new(),
                until,
            });
        entry.until = entry.until.max(until);
        entry.ended.clone()
    }

    pub(super) fn end(&self, user: UserId, session: &str) {
        if let Some(entry) = self.lock().remove(&(user, session.to_owned())) {
            entry.ended.cancel();
        }
    }

    /// Ends every session of `user` but `kept`.
    pub(super) fn end_all(&self, user: UserId, kept: Option<&str>) {
        self.lock().retain(|(of, session), entry| {
            let keep = *of != user || Some(session.as_str()) == kept;
            if !keep {
                entry.ended.cancel();
            }
            keep
        });
    }

    /// Forgets the sessions that have ended by themselves.
    pub(super) fn sweep(&self, now: Timestamp) {
        self.lock().retain(|_, entry| {
            let keep = now < entry.until;
            if !keep {
                entry.ended.cancel();
            }
            keep
        });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(UserId, String), Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
