//! Which sockets are open: a program that connects again replaces its older socket.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use shared::id::CommandId;
use tokio_util::sync::CancellationToken;

/// The open sockets, by session and slot.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    open: Mutex<HashMap<(String, CommandId), CancellationToken>>,
}

impl Sockets {
    /// Enters a socket and cancels an older one of the same session and slot. The token that is
    /// given back is cancelled when a newer socket comes.
    #[must_use]
    pub(crate) fn enter(&self, session: &str, slot: &CommandId) -> CancellationToken {
        let replaced = CancellationToken::new();
        let key = (session.to_owned(), slot.clone());
        let mut open = self.lock();
        if let Some(older) = open.insert(key, replaced.clone()) {
            // Under the lock, so that `leave` of the older one cannot come in between.
            older.cancel();
        }
        drop(open);
        replaced
    }

    /// Forgets a socket that has ended; its token says whether it is still the one meant.
    pub(crate) fn leave(&self, session: &str, slot: &CommandId, replaced: &CancellationToken) {
        let mut open = self.lock();
        // Only the newest socket of the pair has a token that nobody has cancelled.
        if !replaced.is_cancelled() {
            open.remove(&(session.to_owned(), slot.clone()));
        }
    }

    /// How many there are.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, CommandId), CancellationToken>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use shared::id::CommandId;

    use super::Sockets;

    #[test]
    fn a_newer_socket_of_a_slot_replaces_the_older() {
        let sockets = Sockets::default();
        let (slot, other_slot) = (CommandId::random(), CommandId::random());
        let first = sockets.enter("s1", &slot);
        let others = [sockets.enter("s1", &other_slot), sockets.enter("s2", &slot)];
        assert_eq!(sockets.count(), 3);
        let second = sockets.enter("s1", &slot);
        assert!(first.is_cancelled() && !second.is_cancelled());
        assert!(others.iter().all(|other| !other.is_cancelled()));

        sockets.leave("s1", &slot, &first);
        assert_eq!(
            sockets.count(),
            3,
            "the older one's end is not the newer one's"
        );
        sockets.leave("s1", &slot, &second);
        assert_eq!(sockets.count(), 2);
    }
}
