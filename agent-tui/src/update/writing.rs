//! The composers: editing, sending, what failed to be sent, pastes, the editor outside.

use std::time::Duration;

use shared::{
    command::Command,
    id::{ChatId, CommandId},
    model::{ChatState, Visibility},
    text::SafeText,
};

use crate::{
    composer::{Brought, Composer, Inserted, TEXT_BYTES_MAX},
    keys::{Intent, Mode},
    model::{Base, Link, Model},
    msg::Effect,
    overlay::{Overlay, PickFor},
    screen::Screen,
    thread::{Basis, Fate, Outgoing, Place},
    transcript::Transcript,
};

use super::{canned, complete, files};

/// The hub is told that we type at most once in this time.
const TYPING_EVERY: Duration = Duration::from_secs(3);
/// A paste of so many lines or bytes asks first.
const PASTE_LINES_MAX: usize = 5;
const PASTE_BYTES_MAX: usize = 2048;
/// How a message begins that is not sent because a canned reply left something open.
const FILL_IN: &str = "fill in ";

/// Types `text` into whatever takes it.
pub(super) fn type_in(model: &mut Model, text: &str, out: &mut Vec<Effect>) {
    if model.overlay.is_some() {
        return type_in_overlay(model, text);
    }
    if model.base == Base::Nav {
        model.dirty = model.notice.is_some() || model.debug.is_shown();
        return;
    }
    write(model, out, |composer| composer.insert(text));
}

fn type_in_overlay(model: &mut Model, text: &str) {
    let mut literal = false;
    match &mut model.overlay {
        Some(Overlay::Picker(picker)) => {
            picker.selected = 0;
            // `//` is how a message begins with a slash.
            literal = picker.purpose == PickFor::Command && text == "/" && picker.field.is_empty();
        }
        Some(Overlay::Help(help)) => help.top = 0,
        _ => {}
    }
    if literal && model.base == Base::Compose {
        model.overlay = None;
        if let Some(composer) = composer(model) {
            drop(composer.insert("/"));
        }
        return;
    }
    if let Some(field) = model.overlay.as_mut().and_then(Overlay::field_mut) {
        // A field that is full takes no more, which can be seen.
        drop(field.insert(&text.replace(['\n', '\r'], " ")));
    }
    complete::refresh(model);
}

pub(super) fn composer(model: &mut Model) -> Option<&mut Composer> {
    let chat = model.current()?;
    let thread = model.threads.get_mut(&chat)?;
    Some(thread.composer_mut())
}

/// Changes the draft of the focused chat and says what did not fit.
pub(super) fn write(
    model: &mut Model,
    out: &mut Vec<Effect>,
    change: impl FnOnce(&mut Composer) -> Inserted,
) {
    let Some(composer) = composer(model) else {
        return no_chat(model);
    };
    let inserted = change(composer);
    complain_of_rest(model, &inserted);
    tell_typing(model, out);
}

/// Says what did not fit, and where it is now.
fn complain_of_rest(model: &mut Model, inserted: &Inserted) {
    if inserted.refused.is_empty() {
        return;
    }
    let bytes = inserted.refused.len();
    let mut text = format!("a message holds {TEXT_BYTES_MAX} bytes; {bytes} did not fit");
    if inserted.kept {
        let yank = model.keymap.keys(Mode::Compose, Intent::Yank);
        text = format!("{text}; send this, then {yank} puts them in");
    }
    model.complain(text);
}

/// Says that there is no chat to write in.
pub(super) fn no_chat(model: &mut Model) {
    let how = model.how(Intent::NextNeeding, "Alt+A");
    model.say(format!(
        "no chat is open here; {how} opens the next one that needs you"
    ));
}

/// Tells the hub that we type to the customer, or have stopped.
fn tell_typing(model: &mut Model, out: &mut Vec<Effect>) {
    let now = model.now;
    let Some(chat) = model.current() else { return };
    let live = model.link == Link::Live && model.owns(chat);
    let Some(thread) = model.threads.get_mut(&chat) else {
        return;
    };
    let on = !thread.noting && !thread.reply.is_empty();
    let due = thread
        .typed_at
        .is_none_or(|at| now.since(at) >= TYPING_EVERY);
    if on && live && due {
        thread.typed_at = Some(now);
        out.push(Effect::Typing { chat, on: true });
    } else if !on && thread.typed_at.take().is_some() && live {
        out.push(Effect::Typing { chat, on: false });
    }
}

/// An editing key: for the field of the overlay if there is one, else for the composer.
pub(super) fn edit(model: &mut Model, intent: Intent, out: &mut Vec<Effect>) {
    let columns = Screen::of(model)
        .and_then(|screen| screen.focused(model).map(|pane| pane.composer.width))
        .unwrap_or(80);
    let back = intent == Intent::CompleteBack;
    let completes = back || intent == Intent::Complete;
    if let Some(overlay) = &mut model.overlay {
        if completes {
            if !files::complete(model, out) {
                complete::in_list(model, back);
            }
            return;
        }
        if let Overlay::Picker(picker) = overlay {
            picker.selected = 0;
        }
        if let Some(field) = overlay.field_mut() {
            if intent == Intent::Yank {
                // A field that is full takes no more, which can be seen.
                drop(field.yank());
            }
            apply(field, intent, columns);
        }
        return complete::refresh(model);
    }
    if completes {
        complete::in_composer(model, back, out);
        return tell_typing(model, out);
    }
    write(model, out, |composer| {
        match intent {
            Intent::Newline => return composer.newline(),
            Intent::Yank => return composer.yank(),
            _ => {}
        }
        apply(composer, intent, columns);
        Inserted::default()
    });
}

fn apply(field: &mut Composer, intent: Intent, columns: u16) {
    match intent {
        Intent::Left => field.left(),
        Intent::Right => field.right(),
        Intent::Up => drop(field.up(columns)),
        Intent::Down => drop(field.down(columns)),
        Intent::HistoryOlder => drop(field.older()),
        Intent::HistoryNewer => drop(field.newer()),
        Intent::WordLeft => field.word_left(),
        Intent::WordRight => field.word_right(),
        Intent::LineStart => field.home(),
        Intent::LineEnd => field.end(),
        Intent::Backspace => field.backspace(),
        Intent::Delete => field.delete(),
        Intent::KillWordBack => field.kill_word_back(),
        Intent::KillWord => field.kill_word(),
        Intent::KillToStart => field.kill_to_start(),
        Intent::KillToEnd => field.kill_to_end(),
        Intent::Undo => drop(field.undo()),
        Intent::Redo => drop(field.redo()),
        _ => {}
    }
}

/// Empties the composer; undo brings it back.
pub(super) fn clear(model: &mut Model, out: &mut Vec<Effect>) {
    write(model, out, |composer| {
        composer.clear();
        Inserted::default()
    });
    let how = model.how(Intent::Undo, "Ctrl+_");
    model.say(format!("draft cleared; {how} brings it back"));
}

/// Puts `text` in the composer in place of the draft; undo brings the draft back.
pub(super) fn replace(model: &mut Model, text: &str, out: &mut Vec<Effect>) {
    model.base = Base::Compose;
    write(model, out, |composer| composer.set_text(text));
}

/// Writes to the team, or to the customer again.
pub(super) fn set_noting(model: &mut Model, noting: bool) {
    let Some(thread) = model
        .current()
        .and_then(|chat| model.threads.get_mut(&chat))
    else {
        return model.say("no chat is open here");
    };
    thread.noting = noting;
    model.base = Base::Compose;
}

/// Sends what is in the composer.
pub(super) fn send(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(chat) = model.current() else {
        return no_chat(model);
    };
    if let Some(why) = why_not(model, chat) {
        return model.complain(why);
    }
    let now = model.now;
    let cid = model.next_cid();
    let Some(thread) = model.threads.get_mut(&chat) else {
        return;
    };
    if thread.composer().text().trim().is_empty() {
        return;
    }
    if let Some(blank) = canned::first_blank(thread) {
        return model.complain(format!("{FILL_IN}{blank} first"));
    }
    let visibility = thread.visibility();
    let expected_seq = match visibility {
        Visibility::Public => thread.basis.expected(),
        Visibility::Note => None,
    };
    let canned = thread.composer().brought().canned.clone();
    let text = SafeText::block(&thread.composer_mut().take());
    thread.outgoing.push(Outgoing {
        cid: cid.clone(),
        text: text.clone(),
        visibility,
        canned: canned.clone(),
        at: now,
        fate: Fate::Waiting,
        echo: None,
    });
    thread.place = Place::End;
    thread.new_from = None;
    model
        .notice
        .take_if(|notice| notice.text.starts_with(FILL_IN));
    let command = Command::PostMessage {
        chat,
        text,
        visibility,
        expected_seq,
        canned,
    };
    out.push(Effect::Do { cid, command });
    tell_typing(model, out);
}

/// A colleague wrote after what was seen when this message was begun: its text goes back in the
/// composer when that is empty, to be sent all the same by the next Enter. Says whether it did.
pub(super) fn take_back(
    model: &mut Model,
    cid: &CommandId,
    why: &str,
    out: &mut Vec<Effect>,
) -> bool {
    let found = model.threads.values_mut().find_map(|thread| {
        let at = thread.outgoing.iter().position(|sent| sent.cid == *cid)?;
        thread.reply.is_empty().then_some((thread, at))
    });
    let Some((thread, at)) = found else {
        return false;
    };
    let sent = thread.outgoing.remove(at);
    // What was sent once fits again.
    drop(thread.reply.set_text(&sent.text));
    thread.reply.bring(Brought::of(sent.canned));
    thread.basis = Basis::Told;
    out.push(Effect::Discard { cid: cid.clone() });
    model.complain(format!("not sent: {why}"));
    true
}

/// Why a message cannot be sent to `chat`; the draft stays then.
pub(super) fn why_not(model: &Model, chat: ChatId) -> Option<String> {
    if let Link::Stopped { why } = &model.link {
        return Some(why.clone());
    }
    let Some(view) = model.view.chats.get(&chat) else {
        return Some(format!("#{chat} is out of sight; the draft is kept"));
    };
    let noting = model.threads.get(&chat).is_some_and(|thread| thread.noting);
    match view.chat.state {
        ChatState::Closed => return Some(format!("#{chat} is closed for ever; the draft is kept")),
        ChatState::Resolved if !noting => {
            return Some(format!(
                "#{chat} is resolved; /reopen it first, or /note to the team"
            ));
        }
        _ => {}
    }
    let may = noting || model.owns(chat);
    (!may).then(|| match view.chat.owner {
        Some(owner) => {
            let owner = model.agent(owner);
            format!("#{chat} belongs to {owner}; /note writes to the team")
        }
        None => {
            let keys = model.keymap.keys(Mode::Nav, Intent::Accept);
            let key = keys.split(' ').next().unwrap_or_default();
            let how = model.how(Intent::Accept, key);
            let why = match view.chat.state {
                ChatState::Assistant => "is with the assistant",
                _ => "waits",
            };
            format!("#{chat} {why}; claim it first ({how}), or /note to the team")
        }
    })
}

/// Sends the failed messages of the focused chat again, as new commands.
pub(super) fn retry_failed(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(chat) = model.current() else { return };
    let now = model.now;
    let count = model
        .threads
        .get(&chat)
        .map_or(0, |thread| thread.outgoing.len());
    for index in 0..count {
        let cid = model.next_cid();
        let Some(thread) = model.threads.get_mut(&chat) else {
            return;
        };
        let sent = &mut thread.outgoing[index];
        if !matches!(sent.fate, Fate::Failed(_)) {
            continue;
        }
        let old = std::mem::replace(&mut sent.cid, cid.clone());
        sent.fate = Fate::Waiting;
        sent.at = now;
        out.push(Effect::Discard { cid: old });
        // The person was told why, so a colleague's message no longer holds it back.
        let command = Command::PostMessage {
            chat,
            text: sent.text.clone(),
            visibility: sent.visibility,
            expected_seq: None,
            canned: sent.canned.clone(),
        };
        out.push(Effect::Do { cid, command });
    }
}

/// Drops the oldest message of the focused chat that failed; its text goes back in the composer
/// when that is empty.
pub(super) fn discard_failed(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(thread) = model
        .current()
        .and_then(|chat| model.threads.get_mut(&chat))
    else {
        return;
    };
    let failed = |sent: &Outgoing| matches!(sent.fate, Fate::Failed(_));
    let Some(index) = thread.outgoing.iter().position(failed) else {
        return model.say("nothing failed in this chat");
    };
    let sent = thread.outgoing.remove(index);
    let composer = match sent.visibility {
        Visibility::Public => &mut thread.reply,
        Visibility::Note => &mut thread.note,
    };
    if composer.is_empty() {
        drop(composer.set_text(&sent.text));
        composer.bring(Brought::of(sent.canned));
    } else {
        composer.remember(&sent.text);
    }
    out.push(Effect::Discard { cid: sent.cid });
    model.notice = None;
    model.say("not sent; the text is back in the composer or in its history");
}

/// A paste: into the field or the composer, never sent; a long one asks first.
pub(super) fn paste(model: &mut Model, text: &str, out: &mut Vec<Effect>) {
    if matches!(model.overlay, Some(Overlay::Confirm(_) | Overlay::Paste(_))) {
        return;
    }
    if model.overlay.is_some() {
        return type_in_overlay(model, text);
    }
    // A terminal gives the line ends of a paste as those of a keyboard.
    let text = &text.replace("\r\n", "\n").replace('\r', "\n");
    let lines = text.lines().count();
    if lines >= PASTE_LINES_MAX || text.len() > PASTE_BYTES_MAX {
        model.overlay = Some(Overlay::Paste(text.to_owned()));
        return;
    }
    model.base = Base::Compose;
    write(model, out, |composer| composer.insert_paste(text));
}

/// What to do with a long paste was decided.
pub(super) fn take_paste(model: &mut Model, note: bool, out: &mut Vec<Effect>) {
    let Some(Overlay::Paste(text)) = model.overlay.take() else {
        return;
    };
    if note {
        set_noting(model, true);
    }
    model.base = Base::Compose;
    write(model, out, |composer| composer.insert_paste(&text));
}

/// Writes on in the editor of the environment.
pub(super) fn open_editor(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(chat) = model.current() else {
        return model.say("no chat is open here");
    };
    let Some(thread) = model.threads.get(&chat) else {
        return;
    };
    out.push(Effect::Editor {
        chat,
        note: thread.noting,
        text: thread.composer().text().to_owned(),
    });
}

/// The editor is done: its text goes where it came from, whatever is in front now.
pub(super) fn edited(model: &mut Model, chat: ChatId, note: bool, text: Result<String, String>) {
    let text = match text {
        Ok(text) => text,
        Err(why) => return model.complain(format!("the draft is as before: {why}")),
    };
    let thread = model.threads.entry(chat).or_default();
    let composer = if note {
        &mut thread.note
    } else {
        &mut thread.reply
    };
    let inserted = composer.set_text(text.trim_end_matches('\n'));
    complain_of_rest(model, &inserted);
}

/// Copies the newest message in sight.
pub(super) fn copy(model: &mut Model, out: &mut Vec<Effect>) {
    match message_in_sight(model) {
        Some((_, text)) => out.push(Effect::Copy(text)),
        None => model.say("no message is in sight"),
    }
}

/// Quotes the newest message in sight.
pub(super) fn quote(model: &mut Model, out: &mut Vec<Effect>) {
    let Some((_, text)) = message_in_sight(model) else {
        return model.say("no message is in sight");
    };
    let quoted: Vec<String> = text.lines().map(|line| format!("> {line}\n")).collect();
    model.base = Base::Compose;
    write(model, out, |composer| {
        composer.insert_paste(&quoted.concat())
    });
}

fn message_in_sight(model: &Model) -> Option<(ChatId, String)> {
    let chat = model.current()?;
    let screen = Screen::of(model)?;
    let area = screen.focused(model)?.transcript;
    let transcript = Transcript::new(model, chat, area.width)?;
    let (_, text) = transcript.message_in_window(usize::from(area.height))?;
    Some((chat, text.to_owned()))
}
