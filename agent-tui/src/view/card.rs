//! The card of a hand-off above the messages: why the assistant called a person, and what it
//! knows. Each thing is one row; where there is no room the last row counts what is left out.

use ratatui::buffer::Buffer;
use shared::id::ChatId;

use crate::{
    assisted::{Card, hand_off},
    keys::Intent,
    model::Model,
    screen::PaneArea,
    theme::{Role, Theme},
};

use super::{
    paint::{put, put_right, row, rule},
    states::key,
};

/// Columns of what a row is called, with a blank before it.
const NAME_COLUMNS: u16 = 8;

/// Draws the card in its rows.
pub(super) fn draw(
    model: &Model,
    theme: &Theme,
    area: &PaneArea,
    chat: ChatId,
    buffer: &mut Buffer,
) {
    let view = model.view.chats.get(&chat);
    let Some(hand_off) = view.and_then(|view| hand_off(&view.chat)) else {
        return;
    };
    let rows = usize::from(area.card.height);
    if rows == 0 {
        return;
    }
    let card = Card::of(hand_off);
    let style = theme.style(Role::Heading);
    let top = row(area.card, 0);
    rule(buffer, top, theme.lines.single, style);
    let turn = key(model, Intent::Card);
    let word = if rows > 1 { "less" } else { "more" };
    let turn = format!(" {turn}: {word} ");
    let mut room = top;
    room.width = room
        .width
        .saturating_sub(u16::try_from(turn.len()).unwrap_or(u16::MAX));
    put(buffer, room, 2, &format!(" HAND-OFF: {} ", card.why), style);
    put_right(buffer, top, &turn, style);
    if rows == 1 {
        return;
    }
    let inside = rows.saturating_sub(2);
    let fits = card.lines.len() <= inside;
    let shown = if fits {
        inside
    } else {
        inside.saturating_sub(1)
    };
    for (number, (name, text)) in card.lines.iter().take(shown).enumerate() {
        let line = row(area.card, number + 1);
        put(buffer, line, 1, name, theme.style(Role::Dim));
        put(buffer, line, NAME_COLUMNS, text, theme.style(Role::Text));
    }
    if !fits && inside > 0 {
        let left = card.lines.len() - shown;
        let text = format!("{left} more; a taller terminal shows them");
        put(
            buffer,
            row(area.card, inside),
            1,
            &text,
            theme.style(Role::Dim),
        );
    }
    rule(buffer, row(area.card, rows - 1), theme.lines.single, style);
}
