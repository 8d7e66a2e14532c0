//! What a program takes from the machine it runs on: the wall clock, chance, and threads that may
//! block.
//!
//! With the feature `simulation` a test puts its own in their place, for one thread: the same seed
//! then gives the same run. Sockets and files are not taken here, and the monotonic clock is
//! tokio's, which can be paused.

use std::time::SystemTime;

/// The time of day; it may jump.
#[must_use]
pub fn wall() -> SystemTime {
    #[cfg(feature = "simulation")]
    if let Some(time) = simulated::wall() {
        return time;
    }
    SystemTime::now()
}

/// Fills `bytes` with what nobody can foretell.
///
/// # Errors
/// The system has no randomness to give; `bytes` is not to be used then.
pub fn random(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    #[cfg(feature = "simulation")]
    if simulated::random(bytes) {
        return Ok(());
    }
    getrandom::fill(bytes)
}

/// Whether work may go to other threads. In a simulation it may not: there is one.
#[must_use]
pub fn has_threads() -> bool {
    #[cfg(feature = "simulation")]
    return !simulated::is_on();
    #[cfg(not(feature = "simulation"))]
    return true;
}

/// Runs what may block on a thread for that.
///
/// # Errors
/// `work` panicked, or the runtime ends.
///
/// # Panics
/// Outside a tokio runtime.
#[cfg(feature = "client")]
pub async fn offload<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    if has_threads() {
        tokio::task::spawn_blocking(work).await
    } else {
        Ok(work())
    }
}

#[cfg(feature = "simulation")]
pub use simulated::{Simulated, simulate};

/// A machine of a test's own.
#[cfg(feature = "simulation")]
mod simulated {
    use std::{
        cell::RefCell,
        marker::PhantomData,
        time::{Duration, SystemTime},
    };

    struct Machine {
        /// The time of day now.
        wall: Box<dyn Fn() -> Duration>,
        /// SplitMix64.
        state: u64,
    }

    thread_local! {
        static MACHINE: RefCell<Option<Machine>> = const { RefCell::new(None) };
    }

    /// This thread's machine is a test's own until this is dropped.
    #[derive(Debug)]
    pub struct Simulated(PhantomData<*const ()>);

    /// Puts chance that comes from `seed`, and the time since 1970 that `wall` tells, in the place
    /// of this thread's machine.
    #[must_use]
    pub fn simulate(seed: u64, wall: impl Fn() -> Duration + 'static) -> Simulated {
        let machine = Machine {
            wall: Box::new(wall),
            state: seed,
        };
        MACHINE.set(Some(machine));
        Simulated(PhantomData)
    }

    impl Drop for Simulated {
        fn drop(&mut self) {
            MACHINE.set(None);
        }
    }

    pub(super) fn is_on() -> bool {
        MACHINE.with_borrow(Option::is_some)
    }

    pub(super) fn wall() -> Option<SystemTime> {
        MACHINE.with_borrow(|machine| {
            let since = (machine.as_ref()?.wall)();
            Some(SystemTime::UNIX_EPOCH + since)
        })
    }

    pub(super) fn random(bytes: &mut [u8]) -> bool {
        MACHINE.with_borrow_mut(|machine| {
            let Some(machine) = machine else {
                return false;
            };
            for chunk in bytes.chunks_mut(8) {
                machine.state = machine.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = machine.state;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^= z >> 31;
                chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
            }
            true
        })
    }
}
