//! What a frame is drawn on: bytes in memory. Says nothing that the terminal knows already, so
//! that a frame without a change has no bytes at all, and never asks the terminal anything.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

/// What ratatui writes after the cells: the colours one by one, then all there is.
const RESETS: &[u8] = b"\x1b[39m\x1b[49m\x1b[59m\x1b[0m";
/// What does as much.
const RESET: &[u8] = b"\x1b[0m";

/// The bytes of the frame being drawn. Flushing does nothing: ratatui flushes
/// several times in a frame, and even when it is dropped.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending(Arc<Mutex<Vec<u8>>>);

impl Pending {
    pub(super) fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
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

/// The backend of ratatui, with a memory of the cursor.
#[derive(Debug)]
pub(super) struct Canvas {
    inner: CrosstermBackend<Pending>,
    pending: Pending,
    size: Size,
    /// Whether the terminal shows its cursor; none when nobody has said.
    visible: Option<bool>,
    /// Where its cursor is; none after drawing.
    cursor: Option<Position>,
}

impl Canvas {
    pub(super) fn new(pending: Pending, size: Size) -> Self {
        Self {
            inner: CrosstermBackend::new(pending.clone()),
            pending,
            size,
            visible: None,
            cursor: None,
        }
    }
}

impl Backend for Canvas {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.cursor = None;
        self.inner.draw(content)?;
        let mut bytes = self.pending.bytes();
        if let Some(rest) = bytes.strip_suffix(RESETS) {
            let length = rest.len();
            bytes.truncate(length);
            bytes.extend_from_slice(RESET);
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.visible.replace(false) == Some(false) {
            return Ok(());
        }
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.visible.replace(true) == Some(true) {
            return Ok(());
        }
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor.replace(position) == Some(position) {
            return Ok(());
        }
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.inner.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize {
            columns_rows: self.size,
            pixels: Size::default(),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
