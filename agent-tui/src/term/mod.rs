//! The terminal: taken over on the way in, given back once on every way out.
//! Knows escape sequences and signals; knows nothing of what is drawn.
//!
//! Order of a start: [`install_panic_hook`], [`listen`],
//! [`TerminalGuard::raw`], [`probe()`], [`TerminalGuard::enter`], then the event
//! stream, a [`Display`] that draws and an [`Outlet`] over [`Tty`] that writes.

mod canvas;
mod display;
mod input;
mod keyboard;
mod modes;
mod outlet;
mod probe;
mod signals;

use std::backtrace::Backtrace;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::panic;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use crossterm::style::force_color_output;
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use shared::text::render;

pub use self::display::Display;
pub use self::input::{Input, Line, SLOW_ESC, Unfinished};
pub use self::keyboard::Keyboard;
pub use self::modes::Modes;
pub use self::outlet::Outlet;
pub use self::probe::{Answers, PROBE_MAX, probe};
pub use self::signals::{Hangup, SignalGuard, TermSignal, is_hangup, listen};

/// What is on: 0 nothing, [`RAW`] raw mode, [`SCREEN`] with [`Modes`] the rest.
/// Taking it to 0 is what makes a restore happen once.
static ACTIVE: AtomicU8 = AtomicU8::new(0);
const RAW: u8 = 0x80;
const SCREEN: u8 = 0x40;
/// How long a terminal may take nothing before it is left as it is.
const RESTORE_MAX: Duration = Duration::from_millis(100);
/// Another program has the terminal, and its keys that make signals.
static LENT: AtomicBool = AtomicBool::new(false);

/// Standard output without lock or buffer, so that no thread waits for
/// another to give the terminal back. Drops what comes while the console does
/// not own the screen: the rest of a frame must not land on the shell's.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tty;

impl Write for Tty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if ACTIVE.load(Ordering::SeqCst) == 0 {
            return Ok(bytes.len());
        }
        write_now(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal taken over; given back when dropped.
#[derive(Debug)]
#[must_use = "the terminal is given back when this is dropped"]
pub struct TerminalGuard {
    modes: Modes,
}

impl TerminalGuard {
    /// Turns on raw mode and nothing else, so that [`probe()`] can ask.
    ///
    /// # Errors
    /// When standard output is no terminal, or refuses raw mode.
    pub fn raw() -> io::Result<Self> {
        if !io::stdout().is_terminal() {
            let text = "standard output is no terminal; use frontdesk-admin in scripts";
            return Err(io::Error::other(text));
        }
        keep_styles();
        enable_raw_mode()?;
        ACTIVE.store(RAW, Ordering::SeqCst);
        Ok(Self {
            modes: Modes::default(),
        })
    }

    /// Takes the screen over with `modes`.
    ///
    /// # Errors
    /// Whatever writing gives; the terminal is then as it was.
    pub fn enter(&mut self, modes: Modes) -> io::Result<()> {
        self.modes = modes;
        self.resume()
    }

    /// Lends the terminal to another program, an editor say: until [`TerminalGuard::resume`] the
    /// keys that interrupt and suspend mean that program.
    pub fn lend(&self) {
        LENT.store(true, Ordering::SeqCst);
        restore();
    }

    /// Takes the terminal over again after [`TerminalGuard::lend`] or
    /// [`TerminalGuard::suspend`], or when something may have changed it. All
    /// of the screen has to be drawn afresh.
    ///
    /// # Errors
    /// Whatever the terminal gives; it is then as it was.
    pub fn resume(&self) -> io::Result<()> {
        restore();
        LENT.store(false, Ordering::SeqCst);
        enable_raw_mode()?;
        ACTIVE.store(RAW | SCREEN | self.modes.bits(), Ordering::SeqCst);
        let mut sequences = Vec::new();
        self.modes.enter(&mut sequences)?;
        Tty.write_all(&sequences).inspect_err(|_| restore())
    }

    /// Gives the terminal back and stops the process group, as Ctrl+Z does.
    /// Returns when it goes on; [`TermSignal::Resume`] then says to
    /// [`TerminalGuard::resume`]. False, with nothing done, where no shell
    /// could ever wake it.
    ///
    /// # Errors
    /// When the signal cannot be sent; resume then.
    pub fn suspend(&self) -> io::Result<bool> {
        // The session leader's own group has no shell with job control above.
        if getsid(None)? == getpgrp() {
            return Ok(false);
        }
        restore();
        kill_current_process_group(Signal::STOP)?;
        Ok(true)
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, if it is taken; at any time, on any thread, any
/// number of times. Errors are ignored: there is nobody left to tell.
pub fn restore() {
    let active = ACTIVE.swap(0, Ordering::SeqCst);
    if active & RAW == 0 {
        return;
    }
    drop(disable_raw_mode());
    if active & SCREEN != 0 {
        let mut sequences = Vec::new();
        drop(Modes::from_bits(active).leave(&mut sequences));
        let mut rest = &sequences[..];
        // One that takes nothing would hold the end of the process for ever.
        while takes_bytes(RESTORE_MAX) && !rest.is_empty() {
            let Ok(written @ 1..) = write_now(rest) else {
                return;
            };
            rest = &rest[written..];
        }
    }
}

/// Whether another program has the terminal.
fn is_lent() -> bool {
    LENT.load(Ordering::SeqCst)
}

/// Has a panic on any thread restore the terminal first, then say why it was, and append that with
/// a backtrace to the file `report`, which only the user may read; then do `last`,
/// [`Hangup::exit_after_panic`] in a program.
pub fn install_panic_hook(report: Option<PathBuf>, last: impl Fn() + Send + Sync + 'static) {
    panic::set_hook(Box::new(move |info| {
        restore();
        // What broke may have been somebody's text: Rust quotes it.
        let why = render(&info.to_string()).into_owned();
        if let Some(path) = &report {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(path);
            let text = format!("{why}\n{}\n", Backtrace::force_capture());
            drop(file.and_then(|mut file| file.write_all(text.as_bytes())));
        }
        drop(writeln!(io::stderr().lock(), "{why}"));
        last();
    }));
}

/// Keeps inverse and bold alive under `NO_COLOR`: crossterm then writes an
/// empty colour sequence after them, which resets them. The theme sees to it
/// that no colour is used.
fn keep_styles() {
    force_color_output(true);
}

/// Whether the terminal takes bytes within `limit`. It does not while another
/// thread is held up in a write to it.
fn takes_bytes(limit: Duration) -> bool {
    let stdout = io::stdout();
    let limit = Timespec::try_from(limit).ok();
    let ready = poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], limit.as_ref());
    !matches!(ready, Ok(0))
}

fn write_now(bytes: &[u8]) -> io::Result<usize> {
    let stdout = io::stdout();
    loop {
        match rustix::io::write(&stdout, bytes) {
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], None)?;
            }
            Err(Errno::INTR) => {}
            written => return Ok(written?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::panic;

    use super::{Tty, install_panic_hook, restore};

    #[test]
    fn nothing_is_written_when_the_terminal_is_not_ours() {
        restore();
        restore();
        assert_eq!(Tty.write(b"\x1b[2J").expect("dropped"), 4);
    }

    #[test]
    fn a_panic_leaves_a_private_report() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("panic.log");
        install_panic_hook(Some(path.clone()), || ());
        let caught = panic::catch_unwind(|| panic!("told \x1b[2J\u{202e}you so"));
        drop(panic::take_hook());
        assert!(caught.is_err());
        let report = fs::read_to_string(&path).expect("a report");
        assert!(report.contains("told ␛[2Jyou so"), "{report}");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
