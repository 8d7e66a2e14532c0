//! What a console that is open for days may hold of one chat.

use shared::{
    client::socket::SocketEvent, event::Event, id::ChatId, record::Record, text::SafeText,
};

use super::{hub::RECORDS_MAX, update};
use crate::{
    fixture::{Story, busy_desk, console_of, delivered, hear, press},
    model::{Base, Model},
    msg::{Effect, Msg},
    thread::Place,
};

const ANA: ChatId = ChatId(1);

fn say_many(story: &mut Story, model: &mut Model, count: usize) {
    for number in 0..count {
        let record = story.says(1, &format!("line {number}"));
        update(model, Msg::Hub(delivered(record)), story.now);
    }
}

fn records(model: &Model) -> &[Record] {
    &model.view.chats[&ANA].events
}

#[test]
fn a_chat_keeps_its_newest_records() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    say_many(&mut story, &mut model, 3 * RECORDS_MAX);
    let kept = records(&model);
    assert!(kept.len() <= RECORDS_MAX + 200, "{} records", kept.len());
    assert_eq!(kept.last(), story.view.chats[&ANA].events.last());
}

#[test]
fn nothing_goes_from_under_the_eyes_and_all_comes_back() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    say_many(&mut story, &mut model, 50);
    model.base = Base::Nav;
    press(&mut model, "k");
    assert_ne!(model.threads[&ANA].place, Place::End);
    say_many(&mut story, &mut model, 2 * RECORDS_MAX);
    assert!(
        records(&model).len() > 2 * RECORDS_MAX,
        "somebody reads there"
    );

    press(&mut model, "End");
    say_many(&mut story, &mut model, 1);
    assert_eq!(records(&model).len(), RECORDS_MAX);
    let effects = press(&mut model, "Home");
    let asked = effects.into_iter().find_map(|effect| match effect {
        Effect::Fetch { id, before, .. } => Some((id, before)),
        _ => None,
    });
    let (id, before) = asked.expect("older records are asked for");
    assert_eq!(before, records(&model)[0].seq);
    let all = &story.view.chats[&ANA].events;
    let older = all.iter().filter(|record| record.seq < before);
    let events: Vec<Record> = older.cloned().collect();
    let page = SocketEvent::Page {
        id,
        chat: ANA,
        events,
        more: false,
    };
    let all = all.clone();
    hear(&mut model, &story, [page]);
    assert_eq!(records(&model), all);
}

#[test]
fn the_newest_text_of_a_message_stays_when_older_ones_come_back() {
    let mut story = busy_desk();
    let first = story.says(1, "teh invoice");
    let seq = first.seq.expect("a record of a chat");
    for text in ["the invoce", "the invoice"] {
        let event = Event::MessageEdited {
            seq,
            text: SafeText::block(text),
            visibility: shared::model::Visibility::Public,
        };
        let by = first.actor.clone();
        story.record(Some(ANA), by, event);
    }
    let all = story.view.chats[&ANA].events.clone();
    let mut model = console_of(&story);
    // Only the last record is here; all others come as a page.
    let view = model.view.chats.get_mut(&ANA).expect("in sight");
    view.events.drain(..all.len() - 1);
    model.base = Base::Nav;
    let id = "older-1".to_owned();
    let thread = model.threads.get_mut(&ANA).expect("met");
    thread.asked = Some(id.clone());
    let page = SocketEvent::Page {
        id,
        chat: ANA,
        events: all[..all.len() - 1].to_vec(),
        more: false,
    };
    hear(&mut model, &story, [page]);
    let text = model.threads[&ANA].text(&first).expect("a message");
    assert_eq!(text.as_str(), "the invoice");
}
