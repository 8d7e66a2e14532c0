//! Which chat is in which pane, and how one gets from one to the next.

use shared::id::ChatId;

use crate::{
    model::{Model, PANES_MAX},
    thread::Place,
};

use super::{browse, needs};

/// Shows `chat` in the focused pane, or moves the focus to the pane that shows it.
pub(super) fn open(model: &mut Model, chat: ChatId) {
    let before = model.current();
    if before == Some(chat) {
        return;
    }
    browse::bring_in(model, chat);
    let shown = model
        .visible_panes()
        .find(|index| model.panes[*index] == Some(chat));
    match shown {
        Some(index) => model.focus = index,
        None => {
            // A hidden pane gives its chat up, so that no chat is in two panes.
            for pane in &mut model.panes {
                if *pane == Some(chat) {
                    *pane = None;
                }
            }
            model.panes[model.focus] = Some(chat);
        }
    }
    left(model, before);
    entered(model, chat);
}

/// What changes when the focus leaves a chat.
fn left(model: &mut Model, chat: Option<ChatId>) {
    let Some(chat) = chat else { return };
    model.visited = Some(chat);
    if model.unread(chat) > 0 {
        return;
    }
    if let Some(thread) = model.threads.get_mut(&chat) {
        thread.new_from = None;
        thread.search = None;
        thread.gone = None;
    }
}

fn entered(model: &mut Model, chat: ChatId) {
    let me = model.my_id();
    let (Some(view), Some(thread)) = (model.view.chats.get(&chat), model.threads.get_mut(&chat))
    else {
        return;
    };
    thread.left_unread = false;
    if thread.place == Place::End {
        thread.new_from = thread.first_unread(view, me);
    }
}

/// Shows the chat with that number in the list, from 1.
pub(super) fn open_numbered(model: &mut Model, number: usize) {
    let chat = model.listing().numbered().nth(number.saturating_sub(1));
    match chat {
        Some(chat) => open(model, chat),
        None => model.say(format!("there is no chat {number} in the list")),
    }
}

/// Shows the chat `by` further down the list, round its end.
pub(super) fn step_chat(model: &mut Model, by: isize) {
    let chats: Vec<ChatId> = model.listing().numbered().collect();
    if chats.is_empty() {
        return model.say("there are no chats");
    }
    let count = isize::try_from(chats.len()).unwrap_or(isize::MAX);
    let here = chats.iter().position(|chat| Some(*chat) == model.current());
    let next = match here {
        Some(at) => (isize::try_from(at).unwrap_or(0) + by).rem_euclid(count),
        None if by < 0 => count - 1,
        None => 0,
    };
    open(model, chats[usize::try_from(next).unwrap_or(0)]);
}

/// Shows the chat before this one.
pub(super) fn open_visited(model: &mut Model) {
    match model
        .visited
        .filter(|chat| model.view.chats.contains_key(chat))
    {
        Some(chat) => open(model, chat),
        None => model.say("there was no chat before this one"),
    }
}

/// Moves the focus to the next pane, round the end.
pub(super) fn step_focus(model: &mut Model, by: isize) {
    let count = isize::try_from(model.panes.len()).unwrap_or(1);
    let at = isize::try_from(model.focus).unwrap_or(0);
    focus(
        model,
        usize::try_from((at + by).rem_euclid(count)).unwrap_or(0),
    );
}

fn focus(model: &mut Model, index: usize) {
    let before = model.current();
    model.focus = index;
    if before != model.current() {
        left(model, before);
        if let Some(chat) = model.current() {
            entered(model, chat);
        }
    }
}

/// Opens a pane beside this one.
pub(super) fn split(model: &mut Model) {
    if model.panes.len() >= PANES_MAX {
        return model.say(format!("{PANES_MAX} panes are the most"));
    }
    let next = needs::next(model).filter(|chat| !model.panes.contains(&Some(*chat)));
    model.panes.insert(model.focus + 1, None);
    model.zoom = false;
    focus(model, model.focus + 1);
    if let Some(chat) = next {
        open(model, chat);
    }
    if model.visible_panes().len() < model.panes.len() {
        model.say("the terminal is too narrow to show all panes; Tab goes from one to the next");
    }
}

/// Closes this pane; its chat stays as it is.
pub(super) fn close(model: &mut Model) {
    if model.panes.len() == 1 {
        let before = model.current();
        model.panes[0] = None;
        return left(model, before);
    }
    let before = model.current();
    model.panes.remove(model.focus);
    model.focus = model.focus.min(model.panes.len() - 1);
    left(model, before);
    if let Some(chat) = model.current() {
        entered(model, chat);
    }
}

/// Shows the details of the customer, or no longer.
pub(super) fn toggle_side(model: &mut Model) {
    model.side_hidden = !model.side_hidden;
    if !model.side_hidden && !model.shows_side() {
        model.say("the details are shown where there is room: wider, or with fewer panes");
    }
}
