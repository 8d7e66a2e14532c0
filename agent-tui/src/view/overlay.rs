//! What lies over the desk: lists, lines, questions, help, a long paste.

use ratatui::{Frame, layout::Rect};
use shared::text::{render, width};

use crate::{
    composer::Composer,
    keys::{self, HelpLine, Intent, Mode},
    model::Model,
    overlay::{Help, Overlay, PickFor, Picker},
    theme::{Role, Theme},
    thread::wrap,
};

use super::{
    find,
    paint::{blank, put, put_right, row, rule},
    proposals, wall,
};

/// Draws `overlay` over `body`.
pub(super) fn draw(
    model: &Model,
    theme: &Theme,
    overlay: &Overlay,
    body: Rect,
    frame: &mut Frame<'_>,
) {
    match overlay {
        Overlay::Picker(picker) if matches!(picker.purpose, PickFor::Proposal(..)) => {
            proposals::draw(theme, picker, body, frame);
        }
        Overlay::Picker(picker) => draw_picker(model, theme, picker, body, frame),
        Overlay::Find(found) => find::draw(model, theme, found, body, frame),
        Overlay::Prompt(prompt) => {
            let area = card(theme, &prompt.title(), body, 1, frame);
            field(theme, &prompt.field, row(area, 0), frame);
        }
        Overlay::Confirm(confirm) => {
            let yes = model.keymap.keys(Mode::Confirm, Intent::Yes);
            let no = model.keymap.keys(Mode::Confirm, Intent::Dismiss);
            let lines = wrap(&confirm.question, body.width.saturating_sub(8).min(86));
            let area = card(theme, "sure?", body, lines.len() + 1, frame);
            let buffer = frame.buffer_mut();
            let style = theme.style(Role::Text);
            let last = usize::from(area.height).saturating_sub(1);
            for (number, line) in lines.iter().take(last).enumerate() {
                put(buffer, row(area, number), 0, line, style);
            }
            let answers = format!("{yes}: yes   {no}: no");
            put(
                buffer,
                row(area, last),
                0,
                &answers,
                theme.style(Role::Heading),
            );
        }
        Overlay::Help(help) => draw_help(model, theme, help, body, frame),
        Overlay::Wall => wall::draw(model, theme, body, frame.buffer_mut()),
        Overlay::Paste(text) => draw_paste(model, theme, text, body, frame),
    }
}

/// A box with a title, blank inside; gives the inside.
pub(super) fn card(
    theme: &Theme,
    title: &str,
    body: Rect,
    rows: usize,
    frame: &mut Frame<'_>,
) -> Rect {
    let rows = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2);
    let height = rows.min(body.height);
    let width = body.width.saturating_sub(4).min(90);
    let area = Rect {
        x: body.x + (body.width - width) / 2,
        y: body.y + (body.height - height) / 3,
        width,
        height,
    };
    let buffer = frame.buffer_mut();
    blank(buffer, area, theme.style(Role::Text));
    let style = theme.style(Role::Heading);
    let top = row(area, 0);
    rule(buffer, top, theme.lines.single, style);
    put(buffer, top, 2, &format!(" {title} "), style);
    let bottom = row(area, usize::from(height.saturating_sub(1)));
    rule(buffer, bottom, theme.lines.single, style);
    for number in 1..usize::from(height.saturating_sub(1)) {
        let line = row(area, number);
        put(buffer, line, 0, theme.lines.vertical, style);
        put_right(buffer, line, theme.lines.vertical, style);
    }
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}

/// A line that is typed in, with the hardware cursor.
pub(super) fn field(theme: &Theme, composer: &Composer, area: Rect, frame: &mut Frame<'_>) {
    if area.height == 0 {
        return;
    }
    let prompt = "> ";
    let before = render(&composer.text()[..composer.cursor()]).into_owned();
    let room = usize::from(area.width).saturating_sub(prompt.len() + 1);
    // A long line shows its end.
    let mut shown = before.as_str();
    while width(shown) > room {
        let mut letters = shown.chars();
        letters.next();
        shown = letters.as_str();
    }
    let after = &composer.text()[composer.cursor()..];
    let style = theme.style(Role::Text);
    let x = put(
        frame.buffer_mut(),
        area,
        0,
        &format!("{prompt}{shown}"),
        style,
    );
    put(frame.buffer_mut(), area, x, after, style);
    frame.set_cursor_position((area.x + x.min(area.width.saturating_sub(1)), area.y));
}

fn draw_picker(model: &Model, theme: &Theme, picker: &Picker, body: Rect, frame: &mut Frame<'_>) {
    let matches = picker.matches();
    let room = usize::from(body.height).saturating_sub(5).clamp(1, 14);
    let rows = picker.choices.len().min(room);
    let hours = match picker.purpose {
        PickFor::Status(None) => model.hours.describe(model.now),
        _ => None,
    };
    let hours = hours.map(|hours| format!(" - today: {hours}"));
    let title = format!("{}{}", picker.title(), hours.unwrap_or_default());
    let area = card(theme, &title, body, rows + 1, frame);
    field(theme, &picker.field, row(area, 0), frame);
    draw_choices(theme, picker, area, rows, frame);
    if matches.is_empty() {
        let line = row(area, 1);
        let buffer = frame.buffer_mut();
        put(buffer, line, 2, "nothing fits", theme.style(Role::Dim));
    }
}

/// The lines of a list from the second row of `area` on, as many as `rows`; the chosen one is
/// among them.
pub(super) fn draw_choices(
    theme: &Theme,
    picker: &Picker,
    area: Rect,
    rows: usize,
    frame: &mut Frame<'_>,
) {
    let matches = picker.matches();
    let chosen = picker.selected.min(matches.len().saturating_sub(1));
    let first = (chosen + 1).saturating_sub(rows);
    let buffer = frame.buffer_mut();
    for (number, choice) in matches.iter().enumerate().skip(first).take(rows) {
        let line = row(area, number - first + 1);
        let (mark, role) = if number == chosen {
            ("> ", Role::Selected)
        } else {
            ("  ", Role::Text)
        };
        let style = theme.style(role);
        rule(buffer, line, " ", style);
        let x = put(buffer, line, 0, mark, style);
        let label = Rect {
            width: line.width.min(32),
            ..line
        };
        let x = put(buffer, label, x, &choice.label, style).max(18) + 1;
        let dim = if number == chosen { role } else { Role::Dim };
        put(buffer, line, x, &choice.detail, theme.style(dim));
    }
}

/// The keys as they are now, first those of where the help was opened.
fn draw_help(model: &Model, theme: &Theme, help: &Help, body: Rect, frame: &mut Frame<'_>) {
    let lines = help_lines(model, help);
    let height = usize::from(body.height).saturating_sub(2).max(1);
    let leave = model.keymap.keys(Mode::Help, Intent::Dismiss);
    let leave = leave.split(' ').next().unwrap_or_default().to_owned();
    let title = format!("keys - type to filter, {leave} leaves");
    let area = card(theme, &title, body, height, frame);
    field(theme, &help.field, row(area, 0), frame);
    let room = usize::from(area.height).saturating_sub(1);
    let top = help.top.min(lines.len().saturating_sub(room));
    let buffer = frame.buffer_mut();
    if lines.is_empty() {
        let none = "no key is for that; the palette has every action";
        put(buffer, row(area, 1), 0, none, theme.style(Role::Dim));
    }
    for (number, (keys, text)) in lines.iter().skip(top).take(room).enumerate() {
        let line = row(area, number + 1);
        if text.is_empty() {
            put(buffer, line, 0, keys, theme.style(Role::Heading));
            continue;
        }
        let x = put(buffer, line, 2, keys, theme.style(Role::Text)).max(26) + 1;
        put(buffer, line, x, text, theme.style(Role::Dim));
    }
    if top + room < lines.len() {
        let border = Rect {
            y: area.bottom(),
            height: 1,
            ..area
        };
        put_right(buffer, border, " more below ", theme.style(Role::Heading));
    }
}

/// Headings without a text and lines with one. A line fits when each word of the filter is in its
/// keys, its help, its name or its heading.
fn help_lines(model: &Model, help: &Help) -> Vec<(String, String)> {
    let filter = help.field.text().to_lowercase();
    let mut modes = vec![help.from];
    for mode in [Mode::Compose, Mode::Nav] {
        if !help.from.lineage().any(|from| from == mode) {
            modes.push(mode);
        }
    }
    let mut lines = Vec::new();
    for mode in modes {
        let mut found = Vec::new();
        for line in model.keymap.help(mode) {
            let title = format!("{} - {}", mode_title(mode), line.section);
            let HelpLine {
                keys, help, name, ..
            } = line;
            let text = format!("{title} {keys} {help} {name}").to_lowercase();
            if filter.split_whitespace().all(|word| text.contains(word)) {
                found.push((title, keys, help));
            }
        }
        let order = |title: &str| {
            let mut titles = keys::sections();
            titles.position(|section| title.ends_with(section))
        };
        found.sort_by_key(|(title, ..)| order(title));
        let mut last = String::new();
        for (title, keys, help) in found {
            if title != last {
                lines.push((title.clone(), String::new()));
                last = title;
            }
            lines.push((keys, help.to_owned()));
        }
    }
    lines
}

/// What the hints line calls a mode.
fn mode_title(mode: Mode) -> String {
    match mode {
        Mode::EmptyCompose => Mode::Compose.name().to_uppercase(),
        mode => mode.name().to_uppercase(),
    }
}

fn draw_paste(model: &Model, theme: &Theme, text: &str, body: Rect, frame: &mut Frame<'_>) {
    let lines: Vec<&str> = text.lines().collect();
    let title = format!("paste of {} lines, {} bytes", lines.len(), text.len());
    let shown = lines.len().min(6);
    let area = card(theme, &title, body, shown + 1, frame);
    let buffer = frame.buffer_mut();
    for (number, line) in lines.iter().take(shown).enumerate() {
        put(buffer, row(area, number), 0, line, theme.style(Role::Dim));
    }
    let key = |intent| {
        let keys = model.keymap.keys(Mode::Paste, intent);
        keys.split(' ').next().unwrap_or_default().to_owned()
    };
    let (text, note) = (key(Intent::PasteText), key(Intent::PasteNote));
    let (file, leave) = (key(Intent::PasteFile), key(Intent::Dismiss));
    let long = format!("{text}: insert  {note}: note  {file}: file  {leave}: leave");
    let short = format!("{text} text {note} note {file} file {leave} leave");
    let answers = if width(&long) <= usize::from(area.width) {
        long
    } else {
        short
    };
    let last = row(area, usize::from(area.height).saturating_sub(1));
    rule(buffer, last, " ", theme.style(Role::Text));
    put(buffer, last, 0, &answers, theme.style(Role::Heading));
}
