//! The one way in which text reaches the screen: cleaned, cut by columns, within its place.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use shared::text::{render, truncate_width, width};

/// Writes `text` on the first row of `area`, from `x` columns on, cut with `..` at its end.
/// Gives the column after it.
pub(super) fn put(buffer: &mut Buffer, area: Rect, x: u16, text: &str, style: Style) -> u16 {
    let room = usize::from(area.width.saturating_sub(x));
    if room == 0 || area.height == 0 {
        return x;
    }
    let clean = render(text);
    let line = if clean.contains('\n') {
        clean.replace('\n', " ").into()
    } else {
        clean
    };
    let cut = truncate_width(&line, room);
    buffer.set_stringn(area.x + x, area.y, &cut, room, style);
    x + u16::try_from(width(&cut))
        .unwrap_or(u16::MAX)
        .min(area.width - x)
}

/// Writes `text` at the right end of the first row of `area`.
pub(super) fn put_right(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    let columns = u16::try_from(width(&render(text))).unwrap_or(u16::MAX);
    if columns <= area.width {
        put(buffer, area, area.width - columns, text, style);
    }
}

/// Fills the first row of `area` with `unit`, which is one column wide.
pub(super) fn rule(buffer: &mut Buffer, area: Rect, unit: &str, style: Style) {
    let line = unit.repeat(usize::from(area.width));
    buffer.set_stringn(area.x, area.y, line, usize::from(area.width), style);
}

/// The row `number` of `area`, from 0; empty when there is none.
pub(super) fn row(area: Rect, number: usize) -> Rect {
    let number = u16::try_from(number).unwrap_or(u16::MAX);
    Rect {
        y: area.y.saturating_add(number.min(area.height)),
        height: u16::from(number < area.height),
        ..area
    }
}

/// Blanks `area`; nothing of what was there before shines through.
pub(super) fn blank(buffer: &mut Buffer, area: Rect, style: Style) {
    let area = area.intersection(buffer.area);
    for position in area.positions() {
        buffer[position].reset();
    }
    buffer.set_style(area, style);
}

/// How long ago, in at most four columns.
pub(super) fn age(ago: std::time::Duration) -> String {
    let minutes = ago.as_secs() / 60;
    match minutes {
        0 => "now".to_owned(),
        1..=59 => format!("{minutes}m"),
        60..=5999 => format!("{}h{:02}", minutes / 60, minutes % 60),
        _ => format!("{}d", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::age;

    #[test]
    fn ages_change_by_the_minute_at_most() {
        for (seconds, text) in [(0, "now"), (59, "now"), (60, "1m"), (3599, "59m")] {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
        assert_eq!(age(Duration::from_secs(3 * 3600 + 240)), "3h04");
        assert_eq!(age(Duration::from_secs(30 * 86400)), "30d");
    }
}
