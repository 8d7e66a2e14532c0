//! Where things are on the screen: one function of the state, used to draw and to scroll.

use ratatui::layout::Rect;

use crate::{assisted::card_rows, model::Model};

/// The smallest terminal that shows anything.
pub const SMALLEST: (u16, u16) = (40, 8);
/// Below this, one pane and nothing else.
pub const LISTED: (u16, u16) = (60, 16);
/// Columns of the customer's details.
const SIDE_COLUMNS: u16 = 32;
/// Most rows of a composer.
const COMPOSER_ROWS_MAX: u16 = 8;

/// Where the parts of a pane are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaneArea {
    /// Which pane.
    pub index: usize,
    /// The line with the chat's name.
    pub title: Rect,
    /// What the assistant told when it handed the chat off; without rows when there is nothing.
    pub card: Rect,
    /// The messages.
    pub transcript: Rect,
    /// Who types, what is below.
    pub status: Rect,
    /// The border that says to whom one writes.
    pub border: Rect,
    /// The composer.
    pub composer: Rect,
}

/// Where everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// The first row.
    pub header: Rect,
    /// The state of the connection, when it is not well.
    pub banner: Option<Rect>,
    /// The chats.
    pub list: Option<Rect>,
    /// The panes from left to right.
    pub panes: Vec<PaneArea>,
    /// The details of the customer, where there is room for them.
    pub side: Option<Rect>,
    /// The keys, where there is room for them.
    pub hints: Option<Rect>,
    /// The last row.
    pub notice: Rect,
    /// Everything between header and hints.
    pub body: Rect,
}

impl Screen {
    /// The screen of `model`; none when the terminal is too small.
    pub fn of(model: &Model) -> Option<Self> {
        let (columns, rows) = model.size;
        if columns < SMALLEST.0 || rows < SMALLEST.1 {
            return None;
        }
        let roomy = columns >= LISTED.0 && rows >= LISTED.1;
        let line = |y| Rect::new(0, y, columns, 1);
        let banner = model.has_banner().then(|| line(1));
        let top = 1 + u16::from(banner.is_some());
        let below = 1 + u16::from(roomy);
        let body = Rect::new(0, top, columns, rows - top - below);
        let list_columns = match columns {
            _ if !roomy => 0,
            ..80 => 18,
            80..120 => 22,
            _ => 26,
        };
        let list = roomy.then(|| Rect::new(0, top, list_columns, body.height));
        let left = if roomy { list_columns + 1 } else { 0 };
        let side = (roomy && model.shows_side())
            .then(|| Rect::new(columns - SIDE_COLUMNS, top, SIDE_COLUMNS, body.height));
        let right = side.map_or(columns, |side| side.x - 1);
        let area = Rect::new(left, top, right - left, body.height);
        Some(Self {
            header: line(0),
            banner,
            list,
            panes: panes(model, area),
            side,
            hints: roomy.then(|| line(rows - 2)),
            notice: line(rows - 1),
            body,
        })
    }

    /// The pane with the focus.
    pub fn focused(&self, model: &Model) -> Option<&PaneArea> {
        self.panes.iter().find(|pane| pane.index == model.focus)
    }
}

fn panes(model: &Model, area: Rect) -> Vec<PaneArea> {
    let shown = model.visible_panes();
    let count = u16::try_from(shown.len()).unwrap_or(1).max(1);
    let room = area.width.saturating_sub(count - 1);
    let mut x = area.x;
    let mut left = room;
    shown
        .enumerate()
        .map(|(number, index)| {
            let others = count - u16::try_from(number).unwrap_or(0);
            let columns = left / others;
            let pane = pane(
                model,
                index,
                Rect {
                    x,
                    width: columns,
                    ..area
                },
            );
            left -= columns;
            x += columns + 1;
            pane
        })
        .collect()
}

fn pane(model: &Model, index: usize, area: Rect) -> PaneArea {
    let thread = model.panes[index].and_then(|chat| model.threads.get(&chat));
    let wanted = thread.map_or(1, |thread| {
        thread
            .composer()
            .layout(area.width.saturating_sub(1))
            .rows
            .len()
    });
    let most = area.height.saturating_sub(4).clamp(1, COMPOSER_ROWS_MAX);
    let rows = u16::try_from(wanted).unwrap_or(u16::MAX).clamp(1, most);
    let line = |y: u16, height: u16| Rect { y, height, ..area };
    let composer = area.bottom() - rows;
    let between = composer.saturating_sub(area.y + 3);
    let card = model.panes[index].map_or(0, |chat| card_rows(model, chat, between));
    PaneArea {
        index,
        title: line(area.y, 1),
        card: line(area.y + 1, card),
        transcript: line(area.y + 1 + card, between - card),
        status: line(composer - 2, 1),
        border: line(composer - 1, 1),
        composer: Rect {
            x: area.x + 1,
            width: area.width.saturating_sub(1),
            ..line(composer, rows)
        },
    }
}
