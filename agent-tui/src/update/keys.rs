//! From a key to what it does. Which key means what is in the table of `keys`.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};

use crate::{
    deed::Deed,
    keys::{Chord, Intent, Meaning, typed},
    model::{Base, Begun, Model},
    msg::Effect,
    overlay::{AskFor, Confirm, Help, Overlay, Then},
};

use super::{
    assist, browse, bulk, canned, chats, files, find, needs, overlays, panes, parking, scroll,
    status, today, writing,
};

/// The second of two keys is waited for as long as vim does.
const SECOND_KEY_WITHIN: Duration = Duration::from_secs(1);

/// A key was pressed.
pub(super) fn press(model: &mut Model, key: KeyEvent, out: &mut Vec<Effect>) {
    if key.kind == KeyEventKind::Release {
        model.dirty = false;
        return;
    }
    if model.notice.as_ref().is_some_and(|notice| !notice.error) {
        model.notice = None;
    }
    let mode = model.mode();
    let now = model.now;
    let begun = model.begun.take();
    let begun = begun.filter(|begun| begun.mode == mode && begun.until > now);
    let begun = begun.map(|begun| begun.chord);
    let meaning = model.keymap.meaning(mode, begun, key);
    model.debug.key(key, mode, meaning);
    match (meaning, begun) {
        (Meaning::Does(intent), _) => perform(model, intent, out),
        (Meaning::Begins(chord), _) => {
            let until = now.after(SECOND_KEY_WITHIN);
            model.begun = Some(Begun { chord, mode, until });
        }
        (Meaning::Nothing, Some(_)) if key.code == KeyCode::Esc => {}
        // Not as a key of its own: what was meant is not known.
        (Meaning::Nothing, Some(begun)) => {
            model.say(format!("{begun} {} means nothing here", Chord::from(key)));
        }
        (Meaning::Nothing, None) => {
            if let Some(letter) = typed(key) {
                writing::type_in(model, letter.encode_utf8(&mut [0; 4]), out);
            }
        }
    }
}

/// Does what an intent says.
pub(super) fn perform(model: &mut Model, intent: Intent, out: &mut Vec<Effect>) {
    let handled = general(model, intent, out)
        || overlay(model, intent, out)
        || moving(model, intent)
        || on_chat(model, intent, out);
    if !handled {
        writing::edit(model, intent, out);
    }
}

/// What works everywhere.
fn general(model: &mut Model, intent: Intent, out: &mut Vec<Effect>) -> bool {
    match intent {
        Intent::Help => {
            if !matches!(model.overlay, Some(Overlay::Help(_))) {
                model.overlay = Some(Overlay::Help(Help::new(model.mode())));
            }
        }
        // A wall has nothing else to go back to.
        Intent::CancelOrClear | Intent::Quit | Intent::Dismiss if model.settings.wall => {
            out.push(Effect::Quit);
        }
        Intent::CancelOrClear => cancel(model, out),
        Intent::Suspend => out.push(Effect::Suspend),
        Intent::Quit => quit(model, out),
        Intent::Redraw => out.push(Effect::Redraw),
        Intent::DebugKeys => model.debug.turn(),
        Intent::ToNav => {
            model.base = Base::Nav;
            model.notice = None;
        }
        Intent::ToCompose => model.base = Base::Compose,
        Intent::RetryNow => {
            out.push(Effect::RetryNow);
            writing::retry_failed(model, out);
        }
        _ => return false,
    }
    true
}

/// What opens or answers an overlay.
fn overlay(model: &mut Model, intent: Intent, out: &mut Vec<Effect>) -> bool {
    match intent {
        Intent::Palette => overlays::open_palette(model),
        Intent::GoTo => overlays::open_goto(model),
        Intent::HistorySearch => overlays::open_history(model),
        Intent::Status => status::open(model, None),
        Intent::Hours => today::say(model),
        Intent::StatusOf => status::open_whose(model),
        Intent::Find => find::open(model),
        Intent::Canned => canned::open(model, "", false),
        Intent::Assist => assist::open(model),
        Intent::Wall => model.overlay = Some(Overlay::Wall),
        Intent::SearchInChat => overlays::ask(model, AskFor::Search),
        Intent::Pick => overlays::pick(model, out),
        Intent::PickNext => overlays::step(model, 1),
        Intent::PickPrevious => overlays::step(model, -1),
        Intent::ScrollHelpUp => overlays::scroll_help(model, -1),
        Intent::ScrollHelpDown => overlays::scroll_help(model, 1),
        Intent::PageUp if matches!(model.overlay, Some(Overlay::Help(_))) => {
            overlays::scroll_help(model, -10);
        }
        Intent::PageDown if matches!(model.overlay, Some(Overlay::Help(_))) => {
            overlays::scroll_help(model, 10);
        }
        Intent::Yes => overlays::say_yes(model, out),
        Intent::PasteText => writing::take_paste(model, false, out),
        Intent::PasteNote => writing::take_paste(model, true, out),
        Intent::PasteFile => files::send_paste(model, out),
        Intent::SaveFile => files::ask_save(model),
        Intent::SendFile => files::ask_send(model),
        Intent::Dismiss => overlays::dismiss(model),
        _ => return false,
    }
    true
}

/// What changes only what is seen.
fn moving(model: &mut Model, intent: Intent) -> bool {
    match intent {
        Intent::NextNeeding => needs::open_next(model),
        Intent::Chat(number) => panes::open_numbered(model, usize::from(number)),
        Intent::NextChat => panes::step_chat(model, 1),
        Intent::PreviousChat => panes::step_chat(model, -1),
        Intent::LastVisited => panes::open_visited(model),
        Intent::NextPane => panes::step_focus(model, 1),
        Intent::PreviousPane => panes::step_focus(model, -1),
        Intent::Split => panes::split(model),
        Intent::ClosePane => panes::close(model),
        Intent::Zoom => model.zoom = !model.zoom,
        Intent::Side => panes::toggle_side(model),
        Intent::LineUp => scroll::up(model, scroll::Step::Line),
        Intent::LineDown => scroll::down(model, scroll::Step::Line),
        Intent::HalfPageUp => scroll::up(model, scroll::Step::HalfPage),
        Intent::HalfPageDown => scroll::down(model, scroll::Step::HalfPage),
        Intent::PageUp => scroll::up(model, scroll::Step::Page),
        Intent::PageDown => scroll::down(model, scroll::Step::Page),
        Intent::ScrollTop => scroll::to_top(model),
        Intent::ScrollEnd => scroll::to_end(model),
        Intent::JumpUnread => scroll::to_unread(model),
        Intent::NextMatch => scroll::to_match(model, false),
        Intent::PreviousMatch => scroll::to_match(model, true),
        _ => return false,
    }
    true
}

/// What is done to the chat of the focused pane.
fn on_chat(model: &mut Model, intent: Intent, out: &mut Vec<Effect>) -> bool {
    match intent {
        Intent::Send => writing::send(model, out),
        Intent::Note => writing::set_noting(model, true),
        Intent::Reply => writing::set_noting(model, false),
        Intent::DiscardFailed => writing::discard_failed(model, out),
        Intent::PastChats => browse::open_past(model, out),
        Intent::OpenLink => browse::open_link(model),
        Intent::OpenEditor => writing::open_editor(model, out),
        Intent::Copy => writing::copy(model, out),
        Intent::Quote => writing::quote(model, out),
        Intent::Mark => bulk::mark(model),
        Intent::MarkAll => bulk::mark_all(model),
        Intent::Unmark => bulk::unmark(model),
        Intent::Repeat => bulk::repeat(model, out),
        Intent::Accept => bulk::do_here(model, Deed::Claim, out),
        Intent::Transfer => chats::open_transfer(model),
        Intent::Assign => chats::open_assign(model),
        Intent::Return => bulk::do_here(model, Deed::Return, out),
        Intent::Card => assist::turn_card(model),
        Intent::Flag => assist::ask_flag(model),
        Intent::Resolve => bulk::do_here(model, Deed::Resolve, out),
        Intent::Close => bulk::do_here(model, Deed::Close, out),
        Intent::Reopen => bulk::do_here(model, Deed::Reopen, out),
        Intent::TakeOver => bulk::do_here(model, Deed::TakeOver, out),
        Intent::Snooze => parking::open_snooze(model),
        Intent::Hold => bulk::do_here(model, Deed::Hold, out),
        Intent::Wake => bulk::do_here(model, Deed::Wake, out),
        Intent::Tag => chats::ask_tags(model),
        Intent::Priority => chats::open_priority(model),
        Intent::Mute => chats::mute(model, out),
        Intent::MarkUnread => chats::mark_unread(model, out),
        _ => return false,
    }
    true
}

/// Ctrl+C: out of what is open, else the draft away, else out of the console.
fn cancel(model: &mut Model, out: &mut Vec<Effect>) {
    if matches!(&model.overlay, Some(Overlay::Confirm(confirm)) if confirm.then == Then::Quit) {
        out.push(Effect::Quit);
    } else if model.overlay.is_some() {
        model.overlay = None;
    } else if model
        .current_thread()
        .is_some_and(|thread| !thread.composer().is_empty())
    {
        writing::clear(model, out);
    } else {
        ask_quit(model);
    }
}

fn quit(model: &mut Model, out: &mut Vec<Effect>) {
    let asked =
        matches!(&model.overlay, Some(Overlay::Confirm(confirm)) if confirm.then == Then::Quit);
    if asked || model.unsent() == 0 {
        out.push(Effect::Quit);
    } else {
        ask_quit(model);
    }
}

fn ask_quit(model: &mut Model) {
    let question = match model.unsent() {
        0 => "Leave the console?".to_owned(),
        n => format!("Leave? {n} not sent yet; they are kept and go out with the next start."),
    };
    let then = Then::Quit;
    model.overlay = Some(Overlay::Confirm(Confirm { question, then }));
}
