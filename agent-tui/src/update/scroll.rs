//! Moving in the messages of the focused pane. What arrives never moves them.

use shared::{id::Seq, record::Record};

use crate::{
    find::Needle,
    model::Model,
    screen::Screen,
    thread::{Place, Search, Thread},
    transcript::Transcript,
};

/// How far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// One row.
    Line,
    /// Half of what is shown.
    HalfPage,
    /// What is shown but one row.
    Page,
}

impl Step {
    fn rows(self, height: usize) -> usize {
        match self {
            Self::Line => 1,
            Self::HalfPage => (height / 2).max(1),
            Self::Page => height.saturating_sub(1).max(1),
        }
    }
}

/// Towards older messages.
pub(super) fn up(model: &mut Model, step: Step) {
    move_to(model, |transcript, height| {
        if transcript.shows_oldest(height) {
            return None;
        }
        Some(transcript.up(step.rows(height), height))
    });
}

/// Towards newer messages.
pub(super) fn down(model: &mut Model, step: Step) {
    move_to(model, |transcript, height| {
        Some(transcript.down(step.rows(height), height))
    });
}

/// To the oldest message that is here.
pub(super) fn to_top(model: &mut Model) {
    move_to(model, |transcript, height| {
        (!transcript.shows_oldest(height)).then(|| transcript.top())
    });
}

/// To the newest message.
pub(super) fn to_end(model: &mut Model) {
    move_to(model, |_, _| Some(Place::End));
}

/// To the line above what is new.
pub(super) fn to_unread(model: &mut Model) {
    let new_from = model.current_thread().and_then(|thread| thread.new_from);
    match new_from {
        Some(seq) => move_to(model, |_, _| Some(Place::At { seq, row: 0 })),
        None => model.say("nothing is new in this chat"),
    }
}

/// Keeps each reader who is not at the end at what they see at the top: where less than a
/// screen is below their place, that is another message, which must not move with what arrives.
pub(super) fn anchor(model: &mut Model) {
    let Some(screen) = Screen::of(model) else {
        return;
    };
    for pane in &screen.panes {
        let Some(chat) = model.panes[pane.index] else {
            continue;
        };
        let reads_on = |thread: &Thread| thread.place != Place::End;
        if !model.threads.get(&chat).is_some_and(reads_on) {
            continue;
        }
        let Some(transcript) = Transcript::new(model, chat, pane.transcript.width) else {
            continue;
        };
        let place = transcript.anchored(usize::from(pane.transcript.height));
        if let Some(thread) = model.threads.get_mut(&chat) {
            thread.place = place;
        }
    }
}

/// To the next match of the search, `newer` or older.
pub(super) fn to_match(model: &mut Model, newer: bool) {
    let Some(search) = model
        .current_thread()
        .and_then(|thread| thread.search.clone())
    else {
        return;
    };
    find_from(model, search.needle, Some((search.at, newer)));
}

/// To the newest message with `query` in it.
pub(super) fn find(model: &mut Model, query: &str) {
    find_from(model, Needle::Text(query.to_lowercase()), None);
}

fn find_from(model: &mut Model, needle: Needle, from: Option<(Seq, bool)>) {
    let (Some(view), Some(thread)) = (model.current_view(), model.current_thread()) else {
        return;
    };
    let hit = |record: &&Record| fits(thread, record, &needle);
    let found = match from {
        None => view.events.iter().rev().find(hit),
        Some((at, true)) => view.events.iter().filter(|r| r.seq > Some(at)).find(hit),
        Some((at, false)) => view
            .events
            .iter()
            .rev()
            .filter(|r| r.seq < Some(at))
            .find(hit),
    };
    let Some(at) = found.and_then(|record| record.seq) else {
        let more = if from.is_some() {
            "no further match"
        } else {
            "no match"
        };
        let typed = needle.typed();
        return model.say(format!(
            "{more} for \"{typed}\" in what is loaded of this chat"
        ));
    };
    if let Some(thread) = model
        .current()
        .and_then(|chat| model.threads.get_mut(&chat))
    {
        thread.search = Some(Search { needle, at });
        thread.place = Place::At { seq: at, row: 0 };
    }
}

fn fits(thread: &Thread, record: &Record, needle: &Needle) -> bool {
    thread.text(record).is_some_and(|text| needle.fits(text))
}

fn move_to(model: &mut Model, place: impl FnOnce(&Transcript<'_>, usize) -> Option<Place>) {
    let Some(chat) = model.current() else { return };
    let Some(screen) = Screen::of(model) else {
        return;
    };
    let Some(pane) = screen.focused(model) else {
        return;
    };
    let Some(transcript) = Transcript::new(model, chat, pane.transcript.width) else {
        return;
    };
    let place = place(&transcript, usize::from(pane.transcript.height));
    if let (Some(place), Some(thread)) = (place, model.threads.get_mut(&chat)) {
        thread.place = place;
    }
}
