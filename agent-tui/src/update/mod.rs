//! The one function that changes the state: a message in, effects out. Pure: the time comes in
//! with the message, ids are counted on from a seed, and nothing is drawn, sent or stored here.

mod assist;
#[cfg(test)]
mod assist_tests;
#[cfg(test)]
mod bounds;
mod browse;
mod bulk;
mod canned;
#[cfg(test)]
mod canned_tests;
mod chats;
mod complete;
#[cfg(test)]
mod complete_tests;
#[cfg(test)]
mod erased_tests;
mod files;
#[cfg(test)]
mod files_tests;
mod find;
#[cfg(test)]
mod find_tests;
mod hub;
mod keys;
#[cfg(test)]
mod laws;
mod mouse;
mod needs;
#[cfg(test)]
mod notices;
mod overlays;
mod panes;
mod parking;
#[cfg(test)]
mod parking_tests;
#[cfg(test)]
mod reading;
mod scroll;
mod status;
#[cfg(test)]
mod tests;
mod today;
#[cfg(test)]
mod today_tests;
#[cfg(test)]
mod triage;
mod typed;
#[cfg(test)]
mod typed_tests;
#[cfg(test)]
mod unread_tests;
pub(crate) mod wall;
mod writing;

use std::time::Duration;

use shared::{
    api::PAGE_ITEMS_MAX,
    command::Command,
    fold::View,
    id::{ChatId, CommandId},
    time::Timestamp,
};

use crate::{
    model::{Link, Model},
    msg::{Effect, Msg, Restored},
    screen::Screen,
    thread::{Fate, Outgoing, Place},
    transcript::Transcript,
    unread::Said,
};

/// At most one notification in this time.
const BELL_EVERY: Duration = Duration::from_secs(5);
/// What is waited for turns when it takes longer than this ..
pub(crate) const SPINNER_AFTER: Duration = Duration::from_millis(300);
/// .. and no faster than this.
pub(crate) const SPINNER_EVERY: Duration = Duration::from_millis(250);
/// Records of one page of history.
const PAGE_RECORDS: u32 = 100;

/// Takes in `msg` at the time `now` and says what is to be done about it.
pub fn update(model: &mut Model, msg: Msg, now: Timestamp) -> Vec<Effect> {
    let before = model.now;
    model.now = now;
    let mut out = Vec::new();
    match msg {
        Msg::Tick => tick(model, before, &mut out),
        msg => {
            model.dirty = true;
            take(model, msg, &mut out);
        }
    }
    wall::watch(model);
    settle(model, &mut out);
    out
}

/// When something changes by itself next: a message [`Msg::Tick`] is due then.
pub fn next_deadline(model: &Model) -> Timestamp {
    let minute = 60_000;
    let into = model.now.as_ms().rem_euclid(minute);
    let mut next = Timestamp::from_ms(model.now.as_ms() - into + minute);
    for thread in model.threads.values() {
        for typing in thread.typing.values() {
            next = next.min(typing.until);
        }
    }
    match &model.link {
        Link::Waiting { until, .. } => {
            let second = Timestamp::from_ms(model.now.as_ms() + 1_000);
            next = next.min(second.min((*until).max(second)));
        }
        Link::Connecting | Link::Loading => {
            let first = model.link_since.after(SPINNER_AFTER);
            next = next.min(first.max(model.now.after(SPINNER_EVERY)));
        }
        Link::Live | Link::Stopped { .. } => {}
    }
    next = find::next_question(model).map_or(next, |at| next.min(at));
    next = wall::next_alarm(model).map_or(next, |at| next.min(at));
    if let Some(begun) = &model.begun {
        next = next.min(begun.until);
    }
    match model.bell.quiet_until {
        Some(until) if model.bell.wanted.is_some() => next.min(until),
        _ => next,
    }
}

fn take(model: &mut Model, msg: Msg, out: &mut Vec<Effect>) {
    match msg {
        Msg::Restored(restored) => restore(model, *restored),
        Msg::Key(key) => keys::press(model, key, out),
        Msg::Mouse(event) => mouse::point(model, event),
        Msg::Paste(text) => writing::paste(model, &text, out),
        Msg::Typed(line) => typed::take(model, line, out),
        Msg::Resize(columns, rows) => model.size = (columns, rows),
        Msg::Focus(focused) => model.focused = focused,
        Msg::Hub(event) => {
            model.debug.heard(model.now, &event);
            hub::hear(model, event, out);
        }
        Msg::Refused { cid, why } => hub::refused(model, &cid, &why, out),
        Msg::Edited { chat, note, text } => writing::edited(model, chat, note, text),
        Msg::Past { customer, chats } => browse::past(model, customer, chats),
        Msg::Hours { from, items } => today::answer(model, from, items),
        Msg::Found { question, page } => find::found(model, &question, page),
        Msg::LookedUp { id, chat } => find::looked_up(model, id, chat.map(|chat| *chat)),
        Msg::Assisted { id, answer } => assist::answered(model, &id, answer),
        Msg::File { text, error, done } => files::told(model, text, error, done),
        Msg::Paths { typed, paths } => files::completed(model, &typed, &paths),
        Msg::Told { text, error: true } => model.complain(text),
        Msg::Told { text, error: false } => model.say(text),
        Msg::Tick => {}
    }
}

fn tick(model: &mut Model, before: Timestamp, out: &mut Vec<Effect>) {
    let now = model.now;
    let minute = |at: Timestamp| at.as_ms().div_euclid(60_000);
    let waits = match model.link {
        Link::Waiting { .. } => true,
        Link::Connecting | Link::Loading => now.since(model.link_since) >= SPINNER_AFTER,
        Link::Live | Link::Stopped { .. } => false,
    };
    let is_next = minute(before) != minute(now);
    model.dirty |= waits || is_next;
    if is_next && model.link == Link::Live {
        out.push(Effect::Measure);
    }
    if model.begun.is_some_and(|begun| begun.until <= now) {
        model.begun = None;
        model.dirty = true;
    }
    for thread in model.threads.values_mut() {
        let typed = thread.typing.len();
        thread.typing.retain(|_, typing| typing.until > now);
        model.dirty |= typed != thread.typing.len();
    }
}

/// Takes up what an earlier run left.
fn restore(model: &mut Model, restored: Restored) {
    for (chat, draft) in &restored.drafts {
        model.threads.entry(*chat).or_default().restore(draft);
    }
    if !restored.layout.panes.is_empty() {
        model.panes = restored.layout.panes;
        model.panes.truncate(crate::model::PANES_MAX);
        model.focus = restored.layout.focus.min(model.panes.len() - 1);
        model.zoom = restored.layout.zoom;
        model.side_hidden = restored.layout.side_hidden;
        for (chat, place) in restored.layout.places {
            model.threads.entry(chat).or_default().place = place;
        }
    }
    if let Some(cached) = restored.cached {
        model.me = Some(cached.me);
        model.view = View::new(cached.pos, cached.desk);
        model.cursor = Some(cached.cursor);
        model.as_of = Some(cached.at);
        model.ensure_threads();
    }
    let failed = restored.failures.into_iter();
    let failed = failed.map(|failure| (failure.entry, Fate::Failed(failure.reason)));
    let waiting = restored.pending.into_iter();
    let waiting = waiting.map(|entry| (entry, Fate::Waiting));
    for (entry, fate) in failed.chain(waiting) {
        match entry.command {
            Command::PostMessage {
                chat,
                text,
                visibility,
                canned,
                ..
            } => model
                .threads
                .entry(chat)
                .or_default()
                .outgoing
                .push(Outgoing {
                    cid: entry.cid,
                    text,
                    visibility,
                    canned,
                    at: entry.at,
                    fate,
                    echo: None,
                }),
            Command::MarkRead { .. } => {}
            _ if fate == Fate::Waiting => {
                model
                    .requests
                    .insert(entry.cid, "do what was asked before".to_owned());
            }
            _ => {}
        }
    }
}

/// What follows from the state as it is now, whatever brought it about.
fn settle(model: &mut Model, out: &mut Vec<Effect>) {
    if model.viewing != model.current() && model.link == Link::Live {
        model.viewing = model.current();
        out.push(Effect::View(model.viewing));
    }
    for (chat, thread) in &mut model.threads {
        thread.follow_writing();
        if let Some(draft) = thread.changed_draft() {
            out.push(Effect::SaveDraft { chat: *chat, draft });
        }
    }
    find::ask_when_due(model, out);
    page_history(model, out);
    scroll::anchor(model);
    // A pane may have come to its end just now, by a new size too.
    if let Some(chat) = model.current().filter(|chat| is_watched(model, *chat)) {
        see(model, chat, out);
    }
    browse::look_up_past(model, out);
    today::ask(model, out);
    let now = model.now;
    if model.bell.quiet_until.is_none_or(|until| until <= now)
        && let Some(alert) = model.bell.wanted.take()
    {
        model.bell.quiet_until = Some(now.after(BELL_EVERY));
        out.push(Effect::Notify(alert));
    }
    let title = title(model);
    if title != model.title {
        model.title.clone_from(&title);
        out.push(Effect::Title(title));
    }
}

/// How many chats have something new, and which desk this is.
fn title(model: &Model) -> String {
    let context = &model.settings.context;
    match model.unread_chats() {
        0 => format!("frontdesk - {context}"),
        unread => format!("({unread}) frontdesk - {context}"),
    }
}

/// Whether a person sees the newest message of `chat`: its pane has the focus, the terminal has
/// it, and the pane is at the end.
fn is_watched(model: &Model, chat: ChatId) -> bool {
    let thread = model.threads.get(&chat);
    model.focused
        && model.current() == Some(chat)
        && thread.is_some_and(|thread| thread.place == Place::End && !thread.left_unread)
        && Screen::of(model).is_some()
}

fn see(model: &mut Model, chat: ChatId, out: &mut Vec<Effect>) {
    let me = model.my_id();
    let (Some(view), Some(thread)) = (model.view.chats.get(&chat), model.threads.get_mut(&chat))
    else {
        return;
    };
    thread.seen = Some(view.chat.seq);
    thread.opened = true;
    let Some(seq) = thread.to_mark(view, me) else {
        return;
    };
    thread.said = Some(Said::Read(seq));
    let cid = model.next_cid();
    let command = Command::MarkRead { chat, seq };
    out.push(Effect::Do { cid, command });
}

/// Asks for older records where the oldest one here can be seen.
fn page_history(model: &mut Model, out: &mut Vec<Effect>) {
    if model.link != Link::Live {
        return;
    }
    let Some(screen) = Screen::of(model) else {
        return;
    };
    for pane in &screen.panes {
        let Some(chat) = model.panes[pane.index] else {
            continue;
        };
        let Some(transcript) = Transcript::new(model, chat, pane.transcript.width) else {
            continue;
        };
        let height = usize::from(pane.transcript.height);
        let view = &model.view.chats[&chat];
        let oldest = view.events.first().and_then(|record| record.seq);
        // Of an earlier chat nothing is here yet.
        let oldest = oldest.or(Some(view.chat.seq.next()));
        let wants = transcript.shows_oldest(height) && oldest.is_some_and(|seq| seq.0 > 1);
        let Some(thread) = model.threads.get_mut(&chat) else {
            continue;
        };
        if !wants || thread.complete || thread.asked.is_some() {
            continue;
        }
        // Towards a message further up in as few steps as the hub allows.
        let is_far = matches!(thread.place, Place::At { seq, .. } if Some(seq) < oldest);
        let limit = if is_far { PAGE_ITEMS_MAX } else { PAGE_RECORDS };
        let id = format!("older-{chat}-{}", oldest.unwrap_or_default());
        thread.asked = Some(id.clone());
        out.push(Effect::Fetch {
            id,
            chat,
            before: oldest,
            after: None,
            limit,
        });
    }
}

/// Promises a command that is no message; `what` completes "could not ..". Gives its name.
fn request(
    model: &mut Model,
    command: Command,
    what: String,
    out: &mut Vec<Effect>,
) -> Option<CommandId> {
    if let Link::Stopped { why } = &model.link {
        let why = why.clone();
        model.complain(format!("could not {what}: {why}"));
        return None;
    }
    let cid = model.next_cid();
    model.requests.insert(cid.clone(), what);
    out.push(Effect::Do {
        cid: cid.clone(),
        command,
    });
    Some(cid)
}
