//! Drawing: one frame, one write. Nothing reaches the terminal between
//! frames, so a dead one is met in [`Display::draw`] and nowhere else.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

/// The bytes of the frame being drawn. Flushing does nothing: ratatui flushes
/// several times in a frame, and even when it is dropped.
#[derive(Debug, Clone, Default)]
struct Pending(Arc<Mutex<Vec<u8>>>);

impl Pending {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The screen as the console draws it.
#[derive(Debug)]
pub struct Display<W: Write> {
    terminal: Terminal<CrosstermBackend<Pending>>,
    pending: Pending,
    out: W,
    synchronized: bool,
}

impl<W: Write> Display<W> {
    /// A display of `area` that writes to `out`, in synchronized updates where
    /// the terminal said that it has them.
    ///
    /// # Errors
    /// None today: memory takes all that is drawn.
    pub fn new(out: W, area: Rect, synchronized: bool) -> io::Result<Self> {
        let pending = Pending::default();
        let terminal = terminal(&pending, area)?;
        Ok(Self {
            terminal,
            pending,
            out,
            synchronized,
        })
    }

    /// Takes `area` and draws everything afresh with the next frame. Also what
    /// to call when something else may have written on the screen.
    ///
    /// # Errors
    /// None today: memory takes all that is drawn.
    pub fn resize(&mut self, area: Rect) -> io::Result<()> {
        // A fresh terminal rather than `Terminal::clear`, which asks where the
        // cursor is and waits up to 2 s for the answer.
        self.pending.bytes().clear();
        self.terminal = terminal(&self.pending, area)?;
        self.pending.bytes().clear();
        queue!(self.pending, Clear(ClearType::All))
    }

    /// Draws one frame and writes what changed.
    ///
    /// # Errors
    /// Whatever writing gives; [`super::is_hangup`] tells a terminal that is
    /// gone, after which only [`super::Hangup::exit`] is left to do.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(render)?;
        let drawn = std::mem::take(&mut *self.pending.bytes());
        let mut frame = Vec::with_capacity(drawn.len() + 16);
        if self.synchronized {
            queue!(frame, BeginSynchronizedUpdate)?;
        }
        frame.extend_from_slice(&drawn);
        if self.synchronized {
            queue!(frame, EndSynchronizedUpdate)?;
        }
        self.out.write_all(&frame)?;
        self.out.flush()
    }
}

fn terminal(pending: &Pending, area: Rect) -> io::Result<Terminal<CrosstermBackend<Pending>>> {
    // A fixed viewport never asks for the size, which would open /dev/tty for
    // every frame; resize events tell it.
    let options = TerminalOptions {
        viewport: Viewport::Fixed(area),
    };
    Terminal::with_options(CrosstermBackend::new(pending.clone()), options)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use crossterm::style::force_color_output;
    use ratatui::Frame;
    use ratatui::layout::Rect;
    use ratatui::style::Modifier;

    use super::Display;
    use crate::term::{is_hangup, keep_styles};

    const AREA: Rect = Rect::new(0, 0, 20, 2);

    /// Keeps each write apart.
    #[derive(Default)]
    struct Writes(Vec<String>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn draw(display: &mut Display<Writes>, text: &str) {
        let render = |frame: &mut Frame<'_>| {
            frame.render_widget(text, frame.area());
            let cell = &mut frame.buffer_mut()[(0, 0)];
            cell.modifier = Modifier::REVERSED;
            cell.fg = [0, 0, 255].into();
        };
        display.draw(render).expect("drawn");
    }

    #[test]
    fn one_frame_is_one_synchronized_write() {
        let mut display = Display::new(Writes::default(), AREA, true).expect("a display");
        draw(&mut display, "hello");
        draw(&mut display, "hellx");
        let writes = &display.out.0;
        assert_eq!(writes.len(), 2);
        for write in writes {
            assert!(write.starts_with("\x1b[?2026h") && write.ends_with("\x1b[?2026l"));
            assert_eq!(write.matches("2026").count(), 2);
        }
        assert!(writes[0].contains("ello"));
        assert!(writes[1].contains('x') && !writes[1].contains("ell"));
    }

    #[test]
    fn a_resize_draws_everything_afresh() {
        let mut display = Display::new(Writes::default(), AREA, false).expect("a display");
        draw(&mut display, "hello");
        display.resize(Rect::new(0, 0, 30, 4)).expect("resized");
        assert_eq!(display.out.0.len(), 1, "nothing is written between frames");
        draw(&mut display, "hello");
        assert!(display.out.0[1].starts_with("\x1b[2J") && display.out.0[1].contains("ello"));
    }

    #[test]
    fn inverse_survives_no_color() {
        // What crossterm does by itself when it finds NO_COLOR set.
        force_color_output(false);
        keep_styles();
        let mut display = Display::new(Writes::default(), AREA, false).expect("a display");
        draw(&mut display, "hello");
        let (before, _) = display.out.0[0].split_once('h').expect("the text");
        let (_, after_inverse) = before.split_once("\x1b[7m").expect("inverse");
        assert!(after_inverse.starts_with("\x1b[38;2;0;0;255"), "{before:?}");
    }

    #[test]
    fn a_dead_terminal_is_an_error_once_drawn_and_no_panic_when_dropped() {
        struct Dead;
        impl Write for Dead {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::from_raw_os_error(5))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut display = Display::new(Dead, AREA, false).expect("a display");
        let error = display.draw(|_| ()).expect_err("no terminal");
        assert!(is_hangup(&error));
        drop(display);
    }
}
