//! The gate: how many calls may be under way, and how many may wait for their turn.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Lets calls through in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    limit: usize,
    in_flight: usize,
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

/// A call under way; makes room when it is dropped.
#[derive(Debug)]
pub(super) struct Slot(Gate);

/// Calls at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) in_flight: usize,
    pub(super) waiting: usize,
}

impl Gate {
    /// Waits for a turn. The limits are those of now; they may change from call to call.
    pub(super) async fn enter(&self, limit: usize, queue: usize) -> Result<Slot, Full> {
        {
            let mut state = self.lock();
            state.limit = limit.max(1);
            // Those who gave up are not in the way of those who come.
            state.waiting.retain(|waiter| !waiter.is_closed());
        }
        // A limit that was raised lets more of those who wait go on, before this one.
        self.let_in();
        let turn = {
            let mut state = self.lock();
            if state.in_flight < state.limit {
                state.in_flight += 1;
                return Ok(Slot(self.clone()));
            }
            if state.waiting.len() >= queue {
                return Err(Full);
            }
            let (waiter, turn) = oneshot::channel();
            state.waiting.push_back(waiter);
            turn
        };
        turn.await.map_err(|_| Full)
    }

    pub(super) fn load(&self) -> Load {
        let state = self.lock();
        let waiting = state.waiting.iter().filter(|waiter| !waiter.is_closed());
        Load {
            in_flight: state.in_flight,
            waiting: waiting.count(),
        }
    }

    fn leave(&self) {
        self.lock().in_flight -= 1;
        self.let_in();
    }

    fn let_in(&self) {
        loop {
            let waiter = {
                let mut state = self.lock();
                if state.in_flight >= state.limit {
                    return;
                }
                let Some(waiter) = state.waiting.pop_front() else {
                    return;
                };
                state.in_flight += 1;
                waiter
            };
            // Outside of the lock: a slot that nobody takes is dropped and makes room again.
            if let Err(slot) = waiter.send(Slot(self.clone())) {
                drop(slot);
            }
        }
    }

    /// Nothing that holds the lock can panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.leave();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio_util::task::TaskTracker;

    use super::{Full, Gate, Load};

    #[tokio::test(flavor = "current_thread")]
    async fn so_many_go_in_so_many_wait_in_order_and_the_rest_is_told() {
        let gate = Gate::default();
        let first = gate.enter(1, 2).await.unwrap();
        let mut second = Box::pin(gate.enter(1, 2));
        let mut third = Box::pin(gate.enter(1, 2));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(gate.enter(1, 2).await.unwrap_err(), Full);
        let load = |in_flight, waiting| Load { in_flight, waiting };
        assert_eq!(gate.load(), load(1, 2));
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "in order");
        let second = second.await.unwrap();
        assert_eq!(gate.load(), load(1, 1));
        drop(second);
        drop(third.await.unwrap());
        assert_eq!(gate.load(), load(0, 0));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_gives_up_waiting_leaves_no_gap() {
        let gate = Gate::default();
        let first = gate.enter(1, 1).await.unwrap();
        let mut given_up = Box::pin(gate.enter(1, 1));
        assert!((&mut given_up).now_or_never().is_none());
        drop(given_up);
        let mut next = Box::pin(gate.enter(1, 1));
        assert!((&mut next).now_or_never().is_none(), "not full");
        drop(first);
        drop(next.await.unwrap());
        assert_eq!(gate.load().in_flight, 0);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_turn_that_is_given_and_not_taken_is_given_back() {
        let gate = Gate::default();
        let first = gate.enter(1, 1).await.unwrap();
        let mut given_up = Box::pin(gate.enter(1, 1));
        assert!((&mut given_up).now_or_never().is_none());
        drop(first);
        assert_eq!(gate.load().in_flight, 1, "its turn, if it asked");
        drop(given_up);
        assert_eq!(gate.load().in_flight, 0);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_raised_limit_is_felt_at_once() {
        let gate = Gate::default();
        let _first = gate.enter(1, 9).await.unwrap();
        let mut second = Box::pin(gate.enter(1, 9));
        assert!((&mut second).now_or_never().is_none());
        let third = gate.enter(3, 9).await.unwrap();
        assert!(second.await.is_ok());
        drop(third);
    }

    #[tokio::test]
    async fn never_more_than_the_limit_and_nobody_is_forgotten() {
        let gate = Gate::default();
        let tasks = TaskTracker::new();
        for _ in 0..500 {
            let gate = gate.clone();
            tasks.spawn(async move {
                let slot = gate.enter(8, 500).await.unwrap();
                assert!(gate.load().in_flight <= 8);
                tokio::task::yield_now().await;
                drop(slot);
            });
        }
        tasks.close();
        tasks.wait().await;
        assert_eq!(
            gate.load(),
            Load {
                in_flight: 0,
                waiting: 0
            }
        );
    }
}
