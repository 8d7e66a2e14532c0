//! What may reach the terminal: the sequences that the console itself writes, text that neither
//! steers nor hides, and both in the columns that they are meant for.

use std::{collections::BTreeSet, num::NonZeroU16};

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
};
use shared::text::{graphemes, width};

/// Takes away the sequences that the console itself writes in a frame.
///
/// # Errors
/// The first that is not one of them.
pub(super) fn without_sequences(bytes: &[u8]) -> Result<String, String> {
    let text = str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let (mut printed, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('\x1b') {
        printed.push_str(before);
        // The bracket of ours is in the range of what ends a sequence.
        let end = after
            .char_indices()
            .skip(1)
            .find(|(_, c)| ('\x40'..='\x7e').contains(c));
        let (end, _) = end.ok_or("a sequence without an end")?;
        let (sequence, behind) = after.split_at(end + 1);
        if !is_ours(sequence) {
            return Err(format!("ESC {sequence:?} is not ours"));
        }
        rest = behind;
    }
    printed.push_str(rest);
    Ok(printed)
}

fn is_ours(sequence: &str) -> bool {
    let Some(sequence) = sequence.strip_prefix('[') else {
        return false;
    };
    let (parameters, last) = sequence.split_at(sequence.len() - 1);
    let numbers = parameters.split(';').map(|number| number.parse().ok());
    let numbers: Option<Vec<u16>> = numbers.collect();
    match (parameters, last, numbers.as_deref()) {
        ("2", "J", _) | ("?25" | "?2026", "h" | "l", _) => true,
        (_, "H", Some([1..=200, 1..=500])) => true,
        (_, "m", Some(numbers)) => is_our_style(numbers),
        _ => false,
    }
}

/// Bold, dim, inverse, their ends, colours, the terminal's own. No blinking, nothing hidden.
fn is_our_style(numbers: &[u16]) -> bool {
    match numbers {
        [] => true,
        [38 | 48, 5, 0..=255, rest @ ..] => is_our_style(rest),
        [38 | 48, 2, 0..=255, 0..=255, 0..=255, rest @ ..] => is_our_style(rest),
        [0 | 1 | 2 | 7 | 22 | 27 | 39 | 49 | 59, rest @ ..] => is_our_style(rest),
        _ => false,
    }
}

/// Whether `c` steers, reorders, hides or stands for nothing. Written down anew, so that the
/// sanitiser is not its own judge.
pub(super) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}'
            | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{E000}'..='\u{F8FF}'
            | '\u{FDD0}'..='\u{FDEF}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
            | '\u{E0001}' | '\u{E0080}'..='\u{10FFFF}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}

/// Holds what a frame writes to the list, cell by cell and as a whole.
pub(super) fn check(bytes: &[u8], cells: &Buffer) -> Result<(), String> {
    let printed = without_sequences(bytes)?;
    if let Some(c) = printed.chars().find(|c| is_harmful(*c)) {
        return Err(format!("{c:?} is written"));
    }
    // Tags are ASCII made invisible; three flags are written with them.
    for tagged in printed.split('\u{1F3F4}').enumerate() {
        let (number, text) = tagged;
        let tail = text.trim_start_matches(|c| ('\u{E0020}'..='\u{E007F}').contains(&c));
        let flags = ["gbeng", "gbsct", "gbwls"].map(|flag| flag.len() + 1);
        let tags = text[..text.len() - tail.len()].chars().count();
        let hides = tail.contains(|c| ('\u{E0000}'..='\u{E007F}').contains(&c));
        if hides || tags > 0 && (number == 0 || !flags.contains(&tags)) {
            return Err("tags without a flag are written".to_owned());
        }
    }
    if let Some(cell) = cells.content().iter().find(|cell| {
        let symbol = cell.symbol();
        symbol.chars().count() > 22 || graphemes(symbol).count() > 1
    }) {
        return Err(format!("{:?} in one cell", cell.symbol()));
    }
    same_columns(bytes, cells)
}

/// Replays the bytes: each cell of the terminal holds what is meant for it.
pub(super) fn same_columns(bytes: &[u8], cells: &Buffer) -> Result<(), String> {
    let Rect {
        width: columns,
        height: rows,
        ..
    } = cells.area;
    let stand_ins = stand_ins(cells);
    let replaced = |text: &str| {
        let replace = |text: String, (from, to): &(&str, String)| text.replace(from, to);
        stand_ins.iter().fold(text.to_owned(), replace)
    };
    let side = |cells| NonZeroU16::new(cells).expect("a cell at least");
    let mut terminal = vt100::Parser::new(side(rows), side(columns), 0);
    terminal.process(replaced(&String::from_utf8_lossy(bytes)).as_bytes());
    for y in 0..rows {
        let mut x = 0;
        while x < columns {
            let meant = cells[(x, y)].symbol();
            // A mark that takes a column of its own has a cell of its own there.
            let next = x + u16::try_from(width(meant).max(1)).expect("a few");
            let shown = (x..next).filter_map(|x| terminal.screen().cell(y, x));
            let shown: String = shown.map(vt100::Cell::contents).collect();
            let shown = if shown.is_empty() { " " } else { &shown };
            if shown != replaced(meant) {
                return Err(format!("({x}, {y}) shows {shown:?} and not {meant:?}"));
            }
            x = next;
        }
    }
    Ok(())
}

/// What this terminal counts by its parts, or shows nothing for, the longest first; with plain
/// characters of as many columns.
fn stand_ins(cells: &Buffer) -> Vec<(&str, String)> {
    let parts = |text: &str| -> usize {
        let parts = text.chars().map(|c| width(c.encode_utf8(&mut [0; 4])));
        parts.sum()
    };
    let symbols = cells.content().iter().map(Cell::symbol);
    let symbols: BTreeSet<&str> = symbols
        .filter(|symbol| symbol.contains('\u{FFFD}') || parts(symbol) != width(symbol))
        .collect();
    let mut pairs: Vec<(&str, String)> = symbols
        .into_iter()
        .map(|symbol| {
            let columns = width(symbol);
            (symbol, "漢".repeat(columns / 2) + &"?".repeat(columns % 2))
        })
        .collect();
    pairs.sort_by_key(|(symbol, _)| std::cmp::Reverse(symbol.len()));
    pairs
}
