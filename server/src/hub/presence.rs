//! Who is connected: counts the live sockets of staff and tells the desk the transitions.
//!
//! Heartbeats stay in the sockets. The desk hears only that the first program of a user came or
//! that the last one went, and treats what it knows already as nothing new.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use shared::{
    command::Command,
    id::{CommandId, UserId},
};
use tokio::sync::Notify;

use crate::desk::Who;

use super::{Hub, SubmitError};

/// The counts of live sockets.
#[derive(Debug, Default)]
pub struct Presence {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    sockets: HashMap<UserId, u32>,
    changed: BTreeSet<UserId>,
}

/// A live socket of a user; dropping it gives it up.
#[derive(Debug)]
pub struct Lease {
    user: UserId,
    presence: Arc<Presence>,
}

impl Presence {
    /// Counts a socket of `user` until the lease is dropped.
    #[must_use]
    pub fn connect(self: &Arc<Self>, user: UserId) -> Lease {
        self.count(user, |sockets| sockets + 1);
        Lease {
            user,
            presence: Arc::clone(self),
        }
    }

    /// Tells the desk each transition until the hub stops. A transition that the hub is too busy
    /// to take is told again.
    pub async fn run(&self, hub: &Hub) {
        loop {
            self.changed.notified().await;
            while let Some((user, connected)) = self.next() {
                let command = if connected {
                    Command::RegainAgent { user }
                } else {
                    Command::LoseAgent { user }
                };
                let told = hub
                    .submit(Who::System("presence"), CommandId::random(), command)
                    .await;
                match told {
                    Err(SubmitError::Stopped) => return,
                    Err(error) if error.code().retriable() => {
                        self.lock().changed.insert(user);
                        let wait = error.retry_after_ms().unwrap_or(1_000);
                        tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
                    }
                    _ => {}
                }
            }
        }
    }

    fn next(&self) -> Option<(UserId, bool)> {
        let mut state = self.lock();
        let user = state.changed.pop_first()?;
        Some((user, state.sockets.contains_key(&user)))
    }

    fn count(&self, user: UserId, change: impl FnOnce(u32) -> u32) {
        let mut state = self.lock();
        let before = state.sockets.get(&user).copied().unwrap_or(0);
        let after = change(before);
        if after == 0 {
            state.sockets.remove(&user);
        } else {
            state.sockets.insert(user, after);
        }
        if (before == 0) != (after == 0) {
            state.changed.insert(user);
            drop(state);
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.presence
            .count(self.user, |sockets| sockets.saturating_sub(1));
    }
}
