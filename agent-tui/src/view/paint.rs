//! The one way in which text reaches the screen: cleaned, cut by columns, within its place.

use std::num::NonZeroU16;

use ratatui::{
    buffer::{Buffer, CellDiffOption},
    layout::Rect,
    style::Style,
};
use shared::text::{graphemes, render, truncate_width, width};

/// The halfwidth voiced and semi-voiced sound marks.
const SOUND_MARKS: [char; 2] = ['\u{FF9E}', '\u{FF9F}'];

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
    self::line(buffer, area, x, &cut, style);
    x + u16::try_from(width(&cut))
        .unwrap_or(u16::MAX)
        .min(area.width - x)
}

/// Writes clean `text` on the first row of `area`, from `x` columns on, as far as it fits.
pub(super) fn line(buffer: &mut Buffer, area: Rect, x: u16, text: &str, style: Style) {
    let room = usize::from(area.width.saturating_sub(x));
    if !text.contains(SOUND_MARKS) {
        buffer.set_stringn(area.x + x, area.y, text, room, style);
        return;
    }
    // ratatui counts these marks twice: once by itself, once by the width of the cluster. So each
    // cluster goes where it belongs, and is told how wide it is.
    let end = area.right();
    let mut x = area.x + x;
    for cluster in graphemes(text) {
        let columns = u16::try_from(width(cluster)).unwrap_or(u16::MAX);
        let (Some(next), Some(cells)) = (x.checked_add(columns), NonZeroU16::new(columns)) else {
            continue;
        };
        if next > end {
            return;
        }
        // Room for what ratatui believes it takes; the cells behind are written next.
        let believed = columns + u16::try_from(cluster.matches(SOUND_MARKS).count()).unwrap_or(0);
        buffer.set_stringn(x, area.y, cluster, usize::from(believed), style);
        if believed > columns {
            buffer[(x, area.y)].set_diff_option(CellDiffOption::ForcedWidth(cells));
        }
        x = next;
    }
}

/// Writes `text` at the right end of the first row of `area`.
pub(super) fn put_right(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    let columns = u16::try_from(width(&render(text))).unwrap_or(u16::MAX);
    if columns <= area.width {
        put(buffer, area, area.width - columns, text, style);
    }
}

/// Gives `columns` of what is drawn on the first row of `area`, from `x` columns on, another style.
pub(super) fn restyle(buffer: &mut Buffer, area: Rect, x: u16, columns: u16, style: Style) {
    let part = Rect {
        x: area.x.saturating_add(x),
        width: columns,
        height: area.height.min(1),
        ..area
    };
    buffer.set_style(part.intersection(area), style);
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
