//! Who needs this person next: their own unread chats by age, then the queues of their
//! departments. Repeated steps walk through all of them and come round.

use std::cmp::Reverse;

use shared::id::ChatId;

use crate::model::{Model, Need};

use super::panes;

/// Shows the chat that needs a person next.
pub(super) fn open_next(model: &mut Model) {
    let needs = needing(model);
    let Some(need) = choose(model, &needs) else {
        let here = |need: &Need| model.current() == Some(need.chat);
        return model.say(if needs.iter().any(here) {
            "nothing else needs you"
        } else {
            "nothing needs you"
        });
    };
    if model.walked.contains(&need) {
        // All were seen: from the beginning again.
        model.walked.clear();
    }
    model.walked.retain(|seen| needs.contains(seen));
    model.walked.insert(need);
    panes::open(model, need.chat);
}

/// The chat that needs a person next, other than the one in front of them.
pub(super) fn next(model: &Model) -> Option<ChatId> {
    choose(model, &needing(model)).map(|need| need.chat)
}

fn choose(model: &Model, needs: &[Need]) -> Option<Need> {
    let elsewhere = needs
        .iter()
        .filter(|need| model.current() != Some(need.chat));
    let mut elsewhere = elsewhere.copied();
    let first = elsewhere.clone().next();
    elsewhere
        .find(|need| !model.walked.contains(need))
        .or(first)
}

/// The chats that need this person, first the one that does most. Muted ones do not.
fn needing(model: &Model) -> Vec<Need> {
    let me = model.my_id();
    let listing = model.listing();
    let loud = |chat: &ChatId| model.threads.get(chat).is_none_or(|thread| !thread.muted);
    let unread = |chat: &ChatId| {
        let view = model.view.chats.get(chat)?;
        let first = model.threads.get(chat)?.first_unread(view, me);
        if first.is_none() && model.unread(*chat) == 0 {
            return None;
        }
        let mut records = view.events.iter();
        let record = records.find(|record| first.is_some() && record.seq == first);
        // One that has just come to us may have nothing that we have not answered.
        let since = record.map_or(view.chat.rank_at, |record| record.at);
        Some(Need { since, chat: *chat })
    };
    let mine = listing.mine.iter().chain(&listing.parked);
    let mine = mine.filter(|chat| loud(chat));
    let mut needs: Vec<Need> = mine.filter_map(unread).collect();
    needs.sort_unstable();
    let queues = listing.queues.iter();
    let queues = queues.filter(|(department, _)| model.works_in(*department));
    let waiting = queues
        .flat_map(|(_, chats)| chats)
        .filter(|chat| loud(chat));
    let waiting = waiting.filter_map(|chat| model.view.chats.get(chat));
    let mut waiting: Vec<_> = waiting.map(|view| &view.chat).collect();
    waiting.sort_by_key(|chat| (Reverse(chat.priority), chat.rank_at, chat.id));
    needs.extend(waiting.into_iter().map(|chat| Need {
        since: chat.rank_at,
        chat: chat.id,
    }));
    needs
}
