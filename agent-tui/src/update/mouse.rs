//! What the mouse does where it was asked for: the wheel scrolls what it is over, a click chooses
//! a pane or a chat. Everything else stays with the keys.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::{
    listing::ListRow,
    model::{Base, Model},
    screen::Screen,
};

use super::{panes, scroll};

/// Rows of one notch of the wheel.
const NOTCH: usize = 3;

/// Something was done with the mouse.
pub(super) fn point(model: &mut Model, event: MouseEvent) {
    let at = Position::new(event.column, event.row);
    let Some(screen) = Screen::of(model).filter(|_| model.overlay.is_none()) else {
        return;
    };
    match event.kind {
        MouseEventKind::ScrollUp => roll(model, &screen, at, scroll::up),
        MouseEventKind::ScrollDown => roll(model, &screen, at, scroll::down),
        MouseEventKind::Down(MouseButton::Left) => click(model, &screen, at),
        _ => model.dirty = false,
    }
}

/// Scrolls the pane under the mouse; which pane has the focus stays.
fn roll(model: &mut Model, screen: &Screen, at: Position, step: fn(&mut Model, scroll::Step)) {
    let under = screen
        .panes
        .iter()
        .find(|pane| pane.transcript.contains(at));
    let Some(pane) = under else {
        return;
    };
    let focus = std::mem::replace(&mut model.focus, pane.index);
    for _ in 0..NOTCH {
        step(model, scroll::Step::Line);
    }
    model.focus = focus;
}

fn click(model: &mut Model, screen: &Screen, at: Position) {
    if let Some(area) = screen.list.filter(|area| area.contains(at)) {
        let rows = model.rows(usize::from(area.height));
        if let Some(ListRow::Chat(chat, _)) = rows.get(usize::from(at.y - area.y)) {
            panes::open(model, *chat);
        }
        return;
    }
    let of_pane = |area: Rect, others: [Rect; 4]| {
        area.contains(at) || others.iter().any(|area| area.contains(at))
    };
    let pane = screen.panes.iter().find(|pane| {
        let others = [pane.title, pane.status, pane.border, pane.composer];
        of_pane(pane.transcript, others)
    });
    if let Some(pane) = pane {
        model.focus = pane.index;
        if pane.composer.contains(at) {
            model.base = Base::Compose;
        }
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    use shared::id::ChatId;

    use crate::{
        fixture::{busy_desk, console_of, press},
        model::{Base, Model},
        msg::Msg,
        screen::Screen,
        thread::Place,
        update::update,
    };

    fn mouse(model: &mut Model, kind: MouseEventKind, column: u16, row: u16) {
        let event = MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        };
        let now = model.now;
        update(model, Msg::Mouse(event), now);
    }

    fn desk() -> Model {
        let mut story = busy_desk();
        for number in 0..120 {
            story.says(1, &format!("line {number}"));
        }
        let mut model = console_of(&story);
        model.view.chats = story.view.chats;
        model.ensure_threads();
        press(&mut model, "Alt+1");
        model
    }

    #[test]
    fn a_click_opens_the_chat_of_its_row() {
        let mut model = desk();
        let click = MouseEventKind::Down(MouseButton::Left);
        mouse(&mut model, click, 3, 3);
        assert_eq!(model.current(), Some(ChatId(2)), "the second of MINE");
        mouse(&mut model, click, 3, 1);
        assert_eq!(model.current(), Some(ChatId(2)), "a heading opens nothing");
    }

    #[test]
    fn the_wheel_scrolls_what_it_is_over_and_leaves_the_focus() {
        let mut model = desk();
        press(&mut model, "Esc v");
        let now = model.now;
        update(&mut model, Msg::Resize(200, 50), now);
        assert_eq!(model.focus, 1);
        let first = Screen::of(&model).expect("a screen").panes[0].transcript;
        mouse(
            &mut model,
            MouseEventKind::ScrollUp,
            first.x + 1,
            first.y + 1,
        );
        assert_eq!(model.focus, 1);
        assert!(matches!(model.threads[&ChatId(1)].place, Place::At { .. }));
        for _ in 0..2 {
            mouse(
                &mut model,
                MouseEventKind::ScrollDown,
                first.x + 1,
                first.y + 1,
            );
        }
        assert_eq!(model.threads[&ChatId(1)].place, Place::End);
        mouse(
            &mut model,
            MouseEventKind::Down(MouseButton::Left),
            first.x,
            first.y,
        );
        assert_eq!((model.focus, model.base), (0, Base::Nav));
    }
}
