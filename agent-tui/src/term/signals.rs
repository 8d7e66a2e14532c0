//! Signals, and the end of a terminal that is gone. A thread of its own takes
//! them, because the console may be stuck in a write when they come.

use std::fmt;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level;
use tokio::sync::mpsc;

/// How long saving may take when the terminal is gone.
const SAVE_MAX: Duration = Duration::from_millis(500);
/// How often the terminal is looked for where its end wakes nobody.
const WATCH_EVERY: Timespec = Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};
/// Exit status after a hangup: 128 + SIGHUP.
const HANGUP_STATUS: i32 = 129;
/// Exit status after a panic, as Rust gives it.
const PANIC_STATUS: i32 = 101;
/// Signals waiting at most. Further ones of a kind already there say nothing new.
const SIGNALS_MAX: usize = 8;

/// A signal that the console deals with in its own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermSignal {
    /// SIGTERM: leave.
    Terminate,
    /// SIGINT from outside; Ctrl+C is a key. Leave.
    Interrupt,
    /// SIGQUIT from outside: leave.
    Quit,
    /// SIGTSTP from outside: call [`super::TerminalGuard::suspend`].
    Suspend,
    /// SIGCONT: call [`super::TerminalGuard::resume`] and draw afresh.
    Resume,
}

impl TermSignal {
    fn of(signal: i32) -> Option<Self> {
        match signal {
            SIGTERM => Some(Self::Terminate),
            SIGINT => Some(Self::Interrupt),
            SIGQUIT => Some(Self::Quit),
            SIGTSTP => Some(Self::Suspend),
            SIGCONT => Some(Self::Resume),
            _ => None,
        }
    }

    /// Whether it asks the console to end.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Terminate | Self::Interrupt | Self::Quit)
    }
}

/// Whether `error` says that the terminal is gone.
pub fn is_hangup(error: &io::Error) -> bool {
    let gone = [
        Errno::IO,
        Errno::NXIO,
        Errno::PIPE,
        Errno::BADF,
        Errno::NODEV,
    ];
    Errno::from_io_error(error).is_some_and(|errno| gone.contains(&errno))
}

/// The way out when the terminal is gone: save, restore, exit.
#[derive(Clone)]
pub struct Hangup {
    save: Arc<dyn Fn() + Send + Sync>,
    begun: Arc<AtomicBool>,
}

impl fmt::Debug for Hangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hangup")
            .field("begun", &self.begun)
            .finish_non_exhaustive()
    }
}

impl Hangup {
    /// On hangup `save` puts drafts on disk; it may run on any thread.
    pub fn new(save: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            save: Arc::new(save),
            begun: Arc::default(),
        }
    }

    /// Saves, restores the terminal as far as there is one, and ends the
    /// process with 129, within 500 ms. Nothing is printed and no destructor
    /// runs: a write to a dead terminal fails, and a panic about it aborts.
    pub fn exit(&self) -> ! {
        if self.begun.swap(true, Ordering::SeqCst) {
            // Another thread is at it; let it finish.
            thread::sleep(SAVE_MAX * 2);
        } else {
            self.finish(SAVE_MAX, super::restore);
        }
        low_level::exit(HANGUP_STATUS)
    }

    /// Saves and ends the process with 101, within 500 ms: what a panic on any thread comes to, as
    /// a console without that thread would look alive and be dead. [`super::install_panic_hook`]
    /// has restored the terminal by then.
    pub fn exit_after_panic(&self) {
        // A panic while saving must not save again, nor hold the exit.
        if !self.begun.swap(true, Ordering::SeqCst) {
            self.finish(SAVE_MAX, || ());
            low_level::exit(PANIC_STATUS);
        }
    }

    /// Saves, then does `last`, for at most `limit`; whether both were done.
    fn finish(&self, limit: Duration, last: impl FnOnce() + Send + 'static) -> bool {
        let save = Arc::clone(&self.save);
        let (done, wait) = sync_channel(1);
        let work = move || {
            save();
            last();
            done.send(()).ok();
        };
        let spawned = thread::Builder::new().name("hangup".to_owned()).spawn(work);
        spawned.is_ok() && wait.recv_timeout(limit).is_ok()
    }
}

/// Keeps the signal threads alive; they end when it is dropped.
#[derive(Debug)]
pub struct SignalGuard {
    handle: Handle,
    /// Its end is what the watching thread looks for.
    _watch: SyncSender<()>,
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// Starts taking signals. SIGHUP and the loss of the terminal end in
/// [`Hangup::exit`]; a second signal to end, which means that the first was
/// not heard, restores the terminal and exits with 128 + its number.
///
/// # Errors
/// When the handlers or threads cannot be set up.
pub fn listen(hangup: Hangup) -> io::Result<(SignalGuard, mpsc::Receiver<TermSignal>)> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT])?;
    let handle = signals.handle();
    let (sender, receiver) = mpsc::channel(SIGNALS_MAX);
    let hung_up = hangup.clone();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let mut ending = false;
            for signal in signals.forever() {
                match TermSignal::of(signal) {
                    None => hung_up.exit(),
                    // The keys of the terminal are another program's while that has it.
                    Some(TermSignal::Interrupt | TermSignal::Quit) if super::is_lent() => {}
                    // It stopped by this, and the shell waits for all of its job to stop.
                    Some(TermSignal::Suspend) if super::is_lent() => {
                        kill_process(getpid(), Signal::STOP).ok();
                    }
                    Some(asked) if asked.is_end() && ending => {
                        super::restore();
                        low_level::exit(128 + signal);
                    }
                    Some(asked) => {
                        ending |= asked.is_end();
                        sender.try_send(asked).ok();
                    }
                }
            }
        })?;
    let (watch, ended) = sync_channel::<()>(1);
    thread::Builder::new()
        .name("terminal watch".to_owned())
        .spawn(move || {
            // What never was a terminal cannot be lost.
            let watched = io::stdout().is_terminal();
            while watched && ended.try_recv() == Err(TryRecvError::Empty) {
                if wait_gone(&io::stdout(), &WATCH_EVERY) {
                    hangup.exit();
                }
            }
        })?;
    Ok((
        SignalGuard {
            handle,
            _watch: watch,
        },
        receiver,
    ))
}

/// Waits for the end of a terminal, at most `limit`; whether it is gone. Sleeps in the kernel, which
/// tells of the end at once and unasked: SIGHUP may be ignored, or meant for another session.
fn wait_gone(terminal: &impl AsFd, limit: &Timespec) -> bool {
    let mut watched = [PollFd::new(terminal, PollFlags::empty())];
    poll(&mut watched, Some(limit)).ok();
    let end = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    watched[0].revents().intersects(end) || is_gone(terminal)
}

/// Whether what was a terminal is one no longer.
fn is_gone(terminal: &impl AsFd) -> bool {
    match rustix::termios::tcgetattr(terminal) {
        Ok(_) | Err(Errno::INTR) => false,
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::time::Duration;

    use signal_hook::consts::{SIGCONT, SIGTERM};
    use signal_hook::low_level::raise;

    use super::{Hangup, SAVE_MAX, TermSignal, is_gone, is_hangup, listen};

    #[test]
    fn a_dead_terminal_is_told_from_other_errors() {
        for errno in [5, 6, 9, 32] {
            assert!(is_hangup(&io::Error::from_raw_os_error(errno)), "{errno}");
        }
        assert!(!is_hangup(&io::Error::from_raw_os_error(11)));
        assert!(!is_hangup(&io::Error::other("no number")));
        let (reader, _writer) = io::pipe().expect("a pipe");
        assert!(is_gone(&reader));
    }

    #[test]
    fn drafts_are_saved_before_the_terminal_is_restored() {
        let (sender, order) = sync_channel(2);
        let saved = sender.clone();
        let hangup = Hangup::new(move || saved.send("saved").expect("room"));
        assert!(hangup.finish(SAVE_MAX, move || sender.send("restored").expect("room")));
        assert_eq!(
            order.iter().take(2).collect::<Vec<_>>(),
            ["saved", "restored"]
        );
    }

    #[test]
    fn a_save_that_hangs_does_not_hold_the_exit() {
        let (_never, wait) = sync_channel::<()>(1);
        let wait: Mutex<Receiver<()>> = Mutex::new(wait);
        let hangup = Hangup::new(move || drop(wait.lock().map(|wait| wait.recv())));
        assert!(!hangup.finish(Duration::from_millis(1), || ()));
    }

    #[test]
    fn a_save_that_panics_does_not_hold_the_exit() {
        let hangup = Hangup::new(|| panic!("disk on fire"));
        assert!(!hangup.finish(Duration::from_secs(60), || ()));
    }

    #[tokio::test]
    async fn signals_arrive_as_messages() {
        let (guard, mut signals) = listen(Hangup::new(|| ())).expect("handlers");
        for (signal, want) in [
            (SIGCONT, TermSignal::Resume),
            (SIGTERM, TermSignal::Terminate),
        ] {
            raise(signal).expect("raised");
            assert_eq!(signals.recv().await, Some(want));
        }
        drop(guard);
        assert_eq!(signals.recv().await, None);
    }
}
