//! What F12 shows: keys, log, frames.

use ratatui::{Frame, layout::Rect};

use crate::{
    debug::Shown,
    keys::Intent,
    model::Model,
    theme::{Role, Theme},
    transcript::zoned,
};

use super::paint::{blank, put, row, rule};

/// Draws it over the upper part of `body`, or all of it.
pub(super) fn draw(model: &Model, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    let height = match model.debug.shown {
        Shown::No => return,
        Shown::Half => body.height / 2,
        Shown::Whole => body.height,
    };
    let area = Rect { height, ..body };
    let buffer = frame.buffer_mut();
    blank(buffer, area, theme.style(Role::Text));
    let heading = theme.style(Role::Heading);
    rule(buffer, row(area, 0), theme.lines.single, heading);
    let key = model.keymap.keys(model.mode(), Intent::DebugKeys);
    let title = format!(" keys, frames, log - {key} shows more, then none ");
    put(buffer, row(area, 0), 2, &title, heading);
    let frames = model.debug.frames;
    let frames = format!(
        "frames {}, the last: {} bytes in {:.1} ms",
        frames.drawn,
        frames.bytes,
        frames.took.as_secs_f64() * 1_000.0
    );
    let dim = theme.style(Role::Dim);
    put(buffer, row(area, 1), 1, &frames, dim);
    let room = usize::from(height).saturating_sub(3);
    let keys: Vec<&str> = model.debug.keys().take(room / 2).collect();
    for (number, line) in keys.iter().enumerate() {
        put(
            buffer,
            row(area, 2 + number),
            1,
            line,
            theme.style(Role::Text),
        );
    }
    let lines = model.debug.lines().take(room - keys.len().min(room));
    for (number, (at, line)) in lines.enumerate() {
        let line = format!("{} {line}", zoned(model, at).strftime("%H:%M:%S"));
        put(buffer, row(area, 2 + keys.len() + number), 1, &line, dim);
    }
    let last = row(area, usize::from(height).saturating_sub(1));
    rule(buffer, last, theme.lines.single, heading);
}
