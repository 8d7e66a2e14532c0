//! What is on the screen where `matrix` does not look: notes, small overlays, wide characters; and
//! what moves on it.

use std::time::Duration;

use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, layout::Rect, style::Style};
use shared::text::width;

use super::view;
use crate::{
    fixture::{MIA, Story, busy_desk, console_of, delivered, hear, press, type_text},
    model::Model,
    msg::Msg,
    theme::{Theme, Tone},
    update::update,
};

pub(super) const DARK: Theme = Theme {
    tone: Tone::Dark,
    lines: crate::theme::DRAWN,
};

/// The cells of `model` in that size.
pub(super) fn drawn(model: &mut Model, theme: &Theme, columns: u16, rows: u16) -> Buffer {
    let now = model.now;
    update(model, Msg::Resize(columns, rows), now);
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal");
    terminal
        .draw(|frame| view(model, theme, frame))
        .expect("drawn");
    terminal.backend().buffer().clone()
}

/// The words of a row.
pub(super) fn row_text(buffer: &Buffer, y: u16) -> String {
    let (mut x, mut line) = (0, String::new());
    while x < buffer.area.width {
        let symbol = buffer[(x, y)].symbol();
        line.push_str(symbol);
        // The cell behind a wide character is blank and never written.
        x += u16::try_from(width(symbol).max(1)).expect("one or two");
    }
    line
}

/// The screen of `model` in that size: its text, then where it is not plain.
pub(super) fn picture(model: &mut Model, theme: &Theme, columns: u16, rows: u16) -> String {
    let buffer = drawn(model, theme, columns, rows);
    let mut picture = String::new();
    for y in 0..rows {
        picture.push_str(row_text(&buffer, y).trim_end());
        picture.push('\n');
    }
    picture.push_str("-- styles\n");
    for y in 0..rows {
        let runs = style_runs(&buffer, y, columns);
        if !runs.is_empty() {
            picture.push_str(&format!("{y:>2}: {}\n", runs.join(", ")));
        }
    }
    picture
}

fn style_runs(buffer: &Buffer, y: u16, columns: u16) -> Vec<String> {
    let mut runs: Vec<(u16, u16, Style)> = Vec::new();
    for x in 0..columns {
        let style = buffer[(x, y)].style();
        match runs.last_mut() {
            Some((_, end, last)) if *last == style => *end = x,
            _ => runs.push((x, x, style)),
        }
    }
    let plain = Buffer::empty(Rect::new(0, 0, 1, 1))[(0, 0)].style();
    let styled = runs.into_iter().filter(|(_, _, style)| *style != plain);
    let text = styled.map(|(start, end, style)| {
        let color = style.fg.map(|color| format!("{color}")).unwrap_or_default();
        let color = color.replace("Reset", "");
        let bits = style.add_modifier;
        let bits = if bits.is_empty() {
            String::new()
        } else {
            format!("{bits:?}").replace("Modifier", "")
        };
        format!("{start}-{end} {color}{bits}")
    });
    text.collect()
}

pub(super) fn desk() -> Model {
    let mut model = console_of(&busy_desk());
    model.focused = true;
    model
}

#[test]
fn split_and_too_small() {
    let mut model = desk();
    type_text(
        &mut model,
        "Thanks Ana - I have fixed the VAT id and re-issued the invoice",
    );
    for (columns, rows) in [(39, 8), (120, 40), (160, 50)] {
        if columns >= 120 {
            press(&mut model, "Esc v i");
        }
        let name = format!("split_{columns}x{rows}");
        insta::assert_snapshot!(name, picture(&mut model, &DARK, columns, rows));
    }
}

#[test]
fn four_chats_stand_side_by_side_on_a_wide_terminal() {
    let mut model = desk();
    picture(&mut model, &DARK, 200, 50);
    press(&mut model, "Esc v 2 v 3 v 4");
    let screen = picture(&mut model, &DARK, 200, 50);
    let composers = screen
        .lines()
        .map(|line| line.matches("REPLY").count())
        .max();
    assert_eq!(composers, Some(4), "{screen}");
}

#[test]
fn a_note_differs_by_word_line_and_color() {
    let mut model = desk();
    press(&mut model, "Esc n");
    type_text(&mut model, "ask finance before refunding");
    insta::assert_snapshot!(picture(&mut model, &DARK, 80, 24));
}

#[test]
fn overlays() {
    let cases = [
        ("transfer", "Esc t"),
        ("go_to", "Ctrl+G"),
        ("close", "Esc x"),
        ("status", "Esc S"),
    ];
    for (name, keys) in cases {
        let mut model = desk();
        press(&mut model, keys);
        insta::assert_snapshot!(name, picture(&mut model, &DARK, 80, 24));
    }
}

#[test]
fn a_waiting_chat_is_not_ours_yet() {
    let mut model = desk();
    press(&mut model, "Esc 3");
    insta::assert_snapshot!(picture(&mut model, &DARK, 80, 24));
}

#[test]
fn reading_history_never_moves() {
    let mut story = busy_desk();
    for number in 0..30 {
        story.says(1, &format!("line number {number}"));
    }
    let mut model = console_of(&story);
    press(&mut model, "PgUp");
    let before = picture(&mut model, &DARK, 80, 24);
    let news = [
        delivered(story.says(1, "one more")),
        delivered(story.says(1, "and one more")),
    ];
    hear(&mut model, &story, news);
    let after = picture(&mut model, &DARK, 80, 24);
    let messages = |picture: &str| -> Vec<String> {
        let rows = picture.lines().skip(2).take(16);
        // The line above what is new counts on.
        let rows = rows.filter(|row| !row.contains(" new "));
        rows.map(|row| row.chars().skip(23).collect()).collect()
    };
    assert_eq!(messages(&before), messages(&after));
    assert!(after.contains("2 new below - End to jump"), "{after}");
    press(&mut model, "Alt+End");
    assert!(picture(&mut model, &DARK, 80, 24).contains("and one more"));
}

#[test]
fn wide_and_joined_characters_keep_their_columns() {
    let mut story = Story::new();
    story.open(1, "山田 太郎");
    story.assign(1, MIA);
    story.says(1, "請求書のVAT番号が間違っています。確認をお願いします。");
    story.says(
        1,
        "family 👨\u{200D}👩\u{200D}👧 flag 🇩🇪 keycap 1\u{FE0F}\u{20E3} नमस्ते ไทย",
    );
    story.says(1, "שלום, מה שלומך?");
    let mut model = console_of(&story);
    type_text(&mut model, "承知しました👍");
    insta::assert_snapshot!(picture(&mut model, &DARK, 80, 24));
}

#[test]
fn nothing_is_drawn_when_nothing_changed() {
    let mut model = desk();
    model.dirty = false;
    let now = model.now;
    update(&mut model, Msg::Tick, now);
    assert!(!model.dirty, "a tick within the minute");
    press(&mut model, "Esc");
    model.dirty = false;
    type_text(&mut model, "Q");
    assert!(!model.dirty, "a key without meaning");
    update(&mut model, Msg::Tick, now.after(Duration::from_secs(60)));
    assert!(model.dirty, "the clock");
}
