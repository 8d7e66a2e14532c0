//! What the hub proposes to the one who writes: a list, and below it the whole of the chosen text,
//! so that nobody takes what they have not read.

use ratatui::{Frame, layout::Rect};

use crate::{
    overlay::{Picker, Value},
    theme::{Role, Theme},
    thread::wrap,
};

use super::{
    overlay::{card, draw_choices, field},
    paint::{put, row, rule},
};

/// Most proposals that are seen at once.
const LISTED_MAX: usize = 5;

/// Draws the proposals, or what stands in their place.
pub(super) fn draw(theme: &Theme, picker: &Picker, body: Rect, frame: &mut Frame<'_>) {
    let columns = body.width.saturating_sub(8).min(86);
    let chosen = picker.chosen().map(|choice| &choice.value);
    let (text, role) = match (chosen, &picker.told) {
        (Some(Value::Text(text)), _) => (text.as_str(), Role::Text),
        (_, Some(told)) if picker.choices.is_empty() => (told.as_str(), Role::Text),
        _ => ("nothing fits", Role::Dim),
    };
    let lines = wrap(text, columns);
    let listed = picker.choices.len().min(LISTED_MAX);
    // The field, the list and a rule under it.
    let above = if listed > 0 { listed + 2 } else { 0 };
    let area = card(theme, &picker.title(), body, above + lines.len(), frame);
    if listed > 0 {
        field(theme, &picker.field, row(area, 0), frame);
        draw_choices(theme, picker, area, listed, frame);
        let below = row(area, listed + 1);
        rule(
            frame.buffer_mut(),
            below,
            theme.lines.single,
            theme.style(Role::Dim),
        );
    } else {
        frame.set_cursor_position((area.x, area.y));
    }
    let room = usize::from(area.height).saturating_sub(above);
    let style = theme.style(role);
    let buffer = frame.buffer_mut();
    for (number, line) in lines.iter().take(room).enumerate() {
        put(buffer, row(area, above + number), 0, line, style);
    }
    if lines.len() > room && room > 0 {
        let left = format!("{} more rows", lines.len() - room + 1);
        let last = row(area, above + room - 1);
        rule(buffer, last, " ", theme.style(Role::Dim));
        put(buffer, last, 0, &left, theme.style(Role::Dim));
    }
}
