//! Drawing: one frame, one piece of bytes, which says only what changed. Writes nothing itself:
//! that is [`super::Outlet`]'s.

use std::io;

use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use super::canvas::{Canvas, Pending};

/// The screen as the console draws it.
#[derive(Debug)]
pub struct Display {
    terminal: Terminal<Canvas>,
    pending: Pending,
    synchronized: bool,
}

impl Display {
    /// A display of `area`, in synchronized updates where the terminal said
    /// that it has them.
    ///
    /// # Errors
    /// None today: memory takes all that is drawn.
    pub fn new(area: Rect, synchronized: bool) -> io::Result<Self> {
        let pending = Pending::default();
        let terminal = terminal(&pending, area)?;
        Ok(Self {
            terminal,
            pending,
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
        queue!(self.pending, Clear(ClearType::All))
    }

    /// Draws one frame; the bytes that bring the terminal there from the frame
    /// before, none when nothing changed. All frames are to be written, in
    /// their order.
    ///
    /// # Errors
    /// None today: memory takes all that is drawn.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<Vec<u8>> {
        self.terminal.draw(render)?;
        let drawn = std::mem::take(&mut *self.pending.bytes());
        if drawn.is_empty() || !self.synchronized {
            return Ok(drawn);
        }
        let mut frame = Vec::with_capacity(drawn.len() + 16);
        queue!(frame, BeginSynchronizedUpdate)?;
        frame.extend_from_slice(&drawn);
        queue!(frame, EndSynchronizedUpdate)?;
        Ok(frame)
    }
}

fn terminal(pending: &Pending, area: Rect) -> io::Result<Terminal<Canvas>> {
    // A fixed viewport never asks for the size, which would open /dev/tty for
    // every frame; resize events tell it.
    let options = TerminalOptions {
        viewport: Viewport::Fixed(area),
    };
    let canvas = Canvas::new(pending.clone(), area.as_size());
    Terminal::with_options(canvas, options)
}

#[cfg(test)]
mod tests {
    use crossterm::style::force_color_output;
    use ratatui::Frame;
    use ratatui::layout::Rect;
    use ratatui::style::Modifier;

    use super::Display;
    use crate::term::keep_styles;

    const AREA: Rect = Rect::new(0, 0, 20, 2);

    fn draw(display: &mut Display, text: &str) -> String {
        let render = |frame: &mut Frame<'_>| {
            frame.render_widget(text, frame.area());
            frame.set_cursor_position((3, 1));
            let cell = &mut frame.buffer_mut()[(0, 0)];
            cell.modifier = Modifier::REVERSED;
            cell.fg = [0, 0, 255].into();
        };
        let bytes = display.draw(render).expect("drawn");
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn one_frame_is_one_synchronized_piece() {
        let mut display = Display::new(AREA, true).expect("a display");
        let frames = [draw(&mut display, "hello"), draw(&mut display, "hellx")];
        for frame in &frames {
            assert!(frame.starts_with("\x1b[?2026h") && frame.ends_with("\x1b[?2026l"));
            assert_eq!(frame.matches("2026").count(), 2);
        }
        assert!(frames[0].contains("ello"));
        assert!(frames[1].contains('x') && !frames[1].contains("ell"));
    }

    #[test]
    fn a_frame_without_a_change_has_no_bytes() {
        for synchronized in [true, false] {
            let mut display = Display::new(AREA, synchronized).expect("a display");
            draw(&mut display, "hello");
            assert_eq!(draw(&mut display, "hello"), "");
            assert!(draw(&mut display, "hella").contains('a'));
        }
    }

    #[test]
    fn a_cursor_that_moved_is_a_change() {
        let mut display = Display::new(AREA, false).expect("a display");
        let mut to = |x| {
            let drawn = display.draw(|frame| frame.set_cursor_position((x, 0)));
            String::from_utf8(drawn.expect("drawn")).expect("text")
        };
        assert!(to(4).contains("\x1b[1;5H"));
        assert_eq!((to(4), to(5)), (String::new(), "\x1b[1;6H".to_owned()));
        let hidden = display.draw(|_| ()).expect("drawn");
        assert_eq!(hidden, b"\x1b[?25l");
    }

    #[test]
    fn a_resize_draws_everything_afresh() {
        let mut display = Display::new(AREA, false).expect("a display");
        draw(&mut display, "hello");
        display.resize(Rect::new(0, 0, 30, 4)).expect("resized");
        let frame = draw(&mut display, "hello");
        assert!(frame.starts_with("\x1b[2J") && frame.contains("ello"));
        assert!(frame.contains("\x1b[?25h"), "the cursor is said again");
    }

    #[test]
    fn inverse_survives_no_color() {
        // What crossterm does by itself when it finds NO_COLOR set.
        force_color_output(false);
        keep_styles();
        let mut display = Display::new(AREA, false).expect("a display");
        let frame = draw(&mut display, "hello");
        let (before, _) = frame.split_once('h').expect("the text");
        let (_, after_inverse) = before.split_once("\x1b[7m").expect("inverse");
        assert!(after_inverse.starts_with("\x1b[38;2;0;0;255"), "{before:?}");
    }
}
