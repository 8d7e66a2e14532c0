//! Drawing: the state in, a frame out, nothing else. All text goes through `paint`, which cleans
//! it, so that nothing remote can steer the terminal.

#[cfg(test)]
mod assistant;
mod bars;
#[cfg(test)]
mod bytes;
mod card;
mod debug;
mod find;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod layouts;
mod list;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod matrix;
mod overlay;
mod paint;
mod pane;
mod proposals;
mod side;
#[cfg(test)]
mod speed;
mod states;
#[cfg(test)]
mod tests;
mod wall;

use ratatui::{Frame, layout::Rect, style::Style};

use crate::{
    model::Model,
    screen::{SMALLEST, Screen},
    theme::Theme,
};

/// Draws `model`.
pub fn view(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let Some(screen) = fitting(model, frame.area()) else {
        return too_small(frame);
    };
    bars::header(model, theme, screen.header, frame.buffer_mut());
    if let Some(area) = screen.banner {
        states::banner(model, theme, area, frame.buffer_mut());
    }
    if let Some(area) = screen.list {
        list::draw(model, theme, area, frame.buffer_mut());
    }
    for area in &screen.panes {
        if area.title.x > 0 {
            let left = Rect {
                x: area.title.x - 1,
                width: 1,
                ..screen.body
            };
            for number in 0..usize::from(left.height) {
                let line = paint::row(left, number);
                paint::rule(frame.buffer_mut(), line, theme.lines.vertical, Style::new());
            }
        }
        pane::draw(model, theme, area, frame);
    }
    if let Some(area) = screen.side {
        side::draw(model, theme, area, frame.buffer_mut());
    }
    if let Some(area) = screen.hints {
        bars::hints(model, theme, area, frame.buffer_mut());
    }
    bars::notice(model, theme, screen.notice, frame.buffer_mut());
    debug::draw(model, theme, screen.body, frame);
    if let Some(overlay) = &model.overlay {
        overlay::draw(model, theme, overlay, screen.body, frame);
    }
}

/// The screen, when what is drawn on is as large as the model believes.
fn fitting(model: &Model, area: Rect) -> Option<Screen> {
    (model.size == (area.width, area.height))
        .then(|| Screen::of(model))
        .flatten()
}

fn too_small(frame: &mut Frame<'_>) {
    let area = frame.area();
    let (columns, rows) = SMALLEST;
    let text = format!(
        "too small: {}x{}, need {columns}x{rows}",
        area.width, area.height
    );
    paint::put(frame.buffer_mut(), area, 0, &text, Style::new());
    let rest = paint::row(area, 1);
    let text = "what you type is kept";
    paint::put(frame.buffer_mut(), rest, 0, text, Style::new());
}
