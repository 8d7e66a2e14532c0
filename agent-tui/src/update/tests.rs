//! What single messages do.

use shared::{
    client::socket::SocketEvent,
    command::Command,
    error::ErrorCode,
    id::{ChatId, Seq},
    model::{AgentStatus, Visibility},
    record::Record,
};

use super::update;
use crate::{
    fixture::{
        MIA, SALES, Story, TOM, busy_desk, connected, console, console_of, delivered, hear, live,
        press, two_o_clock, type_text,
    },
    model::{Base, Link, Model},
    msg::{Effect, Msg},
    overlay::Overlay,
    thread::{Fate, Place},
};

fn commands(effects: &[Effect]) -> Vec<&Command> {
    let mut found = Vec::new();
    for effect in effects {
        if let Effect::Do { command, .. } = effect {
            found.push(command);
        }
    }
    found
}

#[test]
fn what_is_typed_is_sent_once_and_shown_once() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    assert_eq!(
        model.current(),
        Some(ChatId(1)),
        "the first of ours is open at the start"
    );
    let typing = type_text(&mut model, "Thanks");
    let told = Effect::Typing {
        chat: ChatId(1),
        on: true,
    };
    assert_eq!(typing.iter().filter(|effect| **effect == told).count(), 1);
    let effects = press(&mut model, "Enter");
    let posts = commands(&effects);
    assert!(
        matches!(posts[..], [Command::PostMessage { chat: ChatId(1), text, .. }] if **text == *"Thanks")
    );
    let cid = model.threads[&ChatId(1)].outgoing[0].cid.clone();
    let record = story.answers(1, MIA, "Thanks", Visibility::Public);
    let (pos, seq) = (record.pos, record.seq);
    hear(&mut model, &story, [delivered(record)]);
    assert_eq!(
        model.threads[&ChatId(1)].outgoing[0].echo,
        seq,
        "not shown beside its record"
    );
    let chat = Some(ChatId(1));
    hear(
        &mut model,
        &story,
        [SocketEvent::Done {
            cid,
            pos,
            chat,
            seq,
            dup: false,
        }],
    );
    assert!(model.threads[&ChatId(1)].outgoing.is_empty());
    assert_eq!(model.unsent(), 0);
}

#[test]
fn a_refused_message_can_be_sent_again_or_taken_back() {
    let story = busy_desk();
    let mut model = console_of(&story);
    let refuse = |model: &mut Model| {
        let cid = model.threads[&ChatId(1)].outgoing[0].cid.clone();
        let code = ErrorCode::NotMember;
        let message = "not yours".to_owned();
        hear(
            model,
            &story,
            [SocketEvent::Nack {
                cid,
                code,
                message,
                retry_in: None,
            }],
        );
    };
    type_text(&mut model, "Thanks");
    press(&mut model, "Enter");
    refuse(&mut model);
    let failed = Fate::Failed("not yours".to_owned());
    assert_eq!(model.threads[&ChatId(1)].outgoing[0].fate, failed);
    let effects = press(&mut model, "Esc R");
    assert_eq!(commands(&effects).len(), 1);
    assert!(matches!(
        effects[..],
        [.., Effect::Discard { .. }, Effect::Do { .. }]
    ));
    refuse(&mut model);
    press(&mut model, "D");
    assert_eq!(model.threads[&ChatId(1)].reply.text(), "Thanks");
    assert_eq!(model.unsent(), 0);
}

#[test]
fn a_chat_is_read_only_when_somebody_looks() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    let now = story.now;
    update(&mut model, Msg::Focus(false), now);
    let said = delivered(story.says(1, "anybody there?"));
    let effects = hear(&mut model, &story, [said]);
    assert_eq!(model.unread(ChatId(1)), 1);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Notify(_)))
    );
    assert!(commands(&effects).is_empty());
    let effects = update(&mut model, Msg::Focus(true), now);
    assert_eq!(model.unread(ChatId(1)), 0);
    let head = model.view.chats[&ChatId(1)].chat.seq;
    assert!(matches!(commands(&effects)[..], [Command::MarkRead { seq, .. }] if *seq == head));
    press(&mut model, "Esc M");
    assert_eq!(model.unread(ChatId(1)), 1, "left unread by hand");
}

#[test]
fn a_gap_is_filled_before_anything_after_it_is_shown() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    let head = model.view.chats[&ChatId(2)].chat.seq;
    let lost = story.says(2, "first");
    let seen = story.says(2, "second");
    let effects = hear(&mut model, &story, [delivered(seen.clone())]);
    assert_eq!(model.view.chats[&ChatId(2)].chat.seq, head);
    let fetch = effects.iter().find_map(|effect| match effect {
        Effect::Fetch { id, after, .. } if *after == Some(head) => Some(id.clone()),
        _ => None,
    });
    let page = SocketEvent::Page {
        id: fetch.expect("what is missing is asked for"),
        chat: ChatId(2),
        events: vec![lost, seen],
        more: false,
    };
    hear(&mut model, &story, [page]);
    assert_eq!(model.view.chats[&ChatId(2)].chat.seq, Seq(head.0 + 2));
    assert_eq!(model.threads[&ChatId(2)].behind, None);
}

#[test]
fn a_chat_that_leaves_keeps_its_draft() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    type_text(&mut model, "half a sentence");
    let gone = story.transfer(1, SALES);
    hear(&mut model, &story, [delivered(gone)]);
    assert!(!model.view.chats.contains_key(&ChatId(1)));
    assert_eq!(
        model.current(),
        Some(ChatId(1)),
        "its draft is still in front"
    );
    assert_eq!(model.threads[&ChatId(1)].reply.text(), "half a sentence");
    press(&mut model, "Esc 1");
    assert_eq!(model.threads[&ChatId(1)].gone, None, "left for good");
}

#[test]
fn losing_a_chat_while_writing_is_said() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    type_text(&mut model, "half a sentence");
    let taken = story.assign(1, TOM);
    hear(&mut model, &story, [delivered(taken)]);
    let notice = model.notice.as_ref().expect("a line");
    assert_eq!(
        notice.text,
        "#1 belongs to Tom Hale now; your draft is kept"
    );
    assert_eq!(model.threads[&ChatId(1)].reply.text(), "half a sentence");
}

#[test]
fn what_needs_a_person_comes_first() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    press(&mut model, "Alt+A");
    assert_eq!(model.current(), Some(ChatId(2)), "ours and unread");
    press(&mut model, "Alt+A");
    assert_eq!(model.current(), Some(ChatId(4)), "waits for longest");
    let effects = press(&mut model, "Esc a");
    assert!(matches!(
        commands(&effects)[..],
        [Command::Claim {
            chat: ChatId(4),
            ..
        }]
    ));
    let given = story.assign(4, MIA);
    hear(&mut model, &story, [delivered(given)]);
    assert!(model.owns(ChatId(4)));
    press(&mut model, "`");
    assert_eq!(model.current(), Some(ChatId(2)));
}

#[test]
fn a_reply_in_a_chat_of_somebody_else_stays_a_draft() {
    let story = busy_desk();
    let mut model = console_of(&story);
    press(&mut model, "Esc 3 i");
    type_text(&mut model, "hello");
    let effects = press(&mut model, "Enter");
    assert!(commands(&effects).is_empty());
    assert!(model.notice.as_ref().is_some_and(|notice| notice.error));
    assert_eq!(
        model.current_thread().map(|thread| thread.reply.text()),
        Some("hello")
    );
    press(&mut model, "Esc n");
    type_text(&mut model, "looks like fraud");
    let effects = press(&mut model, "Enter");
    let note = Visibility::Note;
    assert!(matches!(commands(&effects)[..],
        [Command::PostMessage { visibility, .. }] if *visibility == note));
    assert_eq!(
        model.current_thread().map(|thread| thread.reply.text()),
        Some("hello")
    );
}

#[test]
fn slash_commands_take_their_answers_from_the_line() {
    let story = busy_desk();
    let mut model = console_of(&story);
    let mut run = |line: &str| -> Vec<Command> {
        type_text(&mut model, line);
        let effects = press(&mut model, "Enter");
        commands(&effects).into_iter().cloned().collect()
    };
    let away = AgentStatus::Away;
    assert!(matches!(&run("/status away back at three")[..],
        [Command::SetStatus { status, reason: Some(why), .. }]
            if *status == away && **why == *"back at three"));
    assert!(matches!(&run("/transfer sales wants a quote")[..],
        [Command::Transfer { department: Some(_), note: Some(note), .. }]
            if **note == *"wants a quote"));
    assert!(matches!(&run("/tag vat -old")[..],
        [Command::Tag { add, remove, .. }] if add.len() == 1 && remove.len() == 1));
    assert!(matches!(&run("/resolve")[..], [Command::Resolve { .. }]));
    assert!(
        run("//not a command").len() == 1,
        "two slashes begin a message"
    );
}

#[test]
fn closing_asks_first() {
    let story = busy_desk();
    let mut model = console_of(&story);
    let effects = press(&mut model, "Esc x");
    assert!(commands(&effects).is_empty());
    assert!(commands(&press(&mut model, "n")).is_empty());
    let effects = press(&mut model, "x y");
    assert!(matches!(
        commands(&effects)[..],
        [Command::Close { epoch: Some(_), .. }]
    ));
}

#[test]
fn older_records_are_asked_for_once_at_the_top() {
    let mut story = busy_desk();
    for number in 0..60 {
        story.says(1, &format!("line {number}"));
    }
    let mut model = console_of(&story);
    assert_eq!(model.view.chats[&ChatId(1)].events.len(), 20);
    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.extend(
            press(&mut model, "PgUp")
                .into_iter()
                .filter_map(|effect| match effect {
                    Effect::Fetch { id, before, .. } => Some((id, before)),
                    _ => None,
                }),
        );
    }
    let [(id, before)] = &asked[..] else {
        panic!("asked {asked:?}");
    };
    let place = model.threads[&ChatId(1)].place;
    let all = story.view.chats[&ChatId(1)].events.iter();
    let events: Vec<Record> = all.filter(|record| record.seq < *before).cloned().collect();
    let page = SocketEvent::Page {
        id: id.clone(),
        chat: ChatId(1),
        events,
        more: false,
    };
    hear(&mut model, &story, [page]);
    assert_eq!(
        model.view.chats[&ChatId(1)].events.len(),
        story.view.chats[&ChatId(1)].events.len()
    );
    assert_eq!(
        model.threads[&ChatId(1)].place,
        place,
        "the reader stays where they are"
    );
    assert_ne!(place, Place::End);
}

#[test]
fn a_search_walks_its_matches() {
    let mut story = busy_desk();
    for number in 0..12 {
        story.says(1, &format!("number {number}"));
    }
    let mut model = console_of(&story);
    press(&mut model, "Ctrl+F");
    type_text(&mut model, "NUMBER 1");
    press(&mut model, "Enter");
    let at = |model: &Model| {
        model
            .current_thread()
            .and_then(|thread| Some(thread.search.as_ref()?.at))
    };
    let newest = at(&model).expect("a match");
    press(&mut model, "n");
    assert!(at(&model).expect("a match") < newest);
    press(&mut model, "N");
    assert_eq!(at(&model), Some(newest));
    press(&mut model, "Esc");
    assert_eq!(at(&model), None);
}

#[test]
fn a_long_paste_asks_and_is_never_sent() {
    let mut model = console_of(&busy_desk());
    let now = model.now;
    let text = "1\n2\n3\n4\n5\n6\n";
    let effects = update(&mut model, Msg::Paste(text.to_owned()), now);
    assert!(commands(&effects).is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Paste(_))));
    press(&mut model, "n");
    let thread = model.current_thread().expect("a chat");
    assert_eq!((thread.reply.text(), thread.note.text()), ("", text));
}

#[test]
fn a_paste_of_lines_that_end_as_those_of_a_keyboard_asks() {
    let mut model = console_of(&busy_desk());
    let now = model.now;
    update(&mut model, Msg::Paste("1\r2\r3\r4\r5".to_owned()), now);
    assert!(matches!(model.overlay, Some(Overlay::Paste(_))));
    press(&mut model, "i");
    let thread = model.current_thread().expect("a chat");
    assert_eq!(thread.reply.text(), "1\n2\n3\n4\n5");
}

#[test]
fn what_is_too_long_for_a_message_goes_into_the_next_ones() {
    let mut model = console_of(&busy_desk());
    let now = model.now;
    let text: String = (0..4_000).map(|number| format!("{number} ")).collect();
    update(&mut model, Msg::Paste(text.clone()), now);
    press(&mut model, "i");
    let mut sent = String::new();
    for _ in 0..3 {
        let part = model.current_thread().expect("a chat").reply.text();
        assert!(part.len() <= 8_192);
        sent.push_str(part);
        let more = sent.len() < text.len();
        let notice = model.notice.as_ref();
        let told = notice.is_some_and(|notice| notice.text.contains("then Ctrl+Y puts them in"));
        assert_eq!(told, more, "{notice:?}");
        press(&mut model, "Enter Esc Esc i Ctrl+Y");
        if !more {
            break;
        }
    }
    assert_eq!(sent, text);
}

#[test]
fn drafts_and_unsent_messages_of_an_earlier_run_come_back() {
    let story = busy_desk();
    let mut model = console_of(&story);
    type_text(&mut model, "half");
    let saved = press(&mut model, "x")
        .into_iter()
        .find_map(|effect| match effect {
            Effect::SaveDraft { chat, draft } => Some((chat, draft)),
            _ => None,
        });
    let mut restored = crate::msg::Restored::default();
    restored.drafts.extend(saved);
    let mut later = console();
    let now = story.now;
    update(&mut later, Msg::Restored(Box::new(restored)), now);
    hear(&mut later, &story, [connected(), story.snapshot(), live()]);
    assert_eq!(later.threads[&ChatId(1)].reply.text(), "halfx");
}

#[test]
fn every_action_can_be_asked_for_without_a_chat() {
    for action in crate::keys::ACTIONS {
        let mut model = console_of(&Story::new());
        model.base = Base::Nav;
        let now = model.now;
        super::keys::perform(&mut model, action.intent, &mut Vec::new());
        update(&mut model, Msg::Tick, now);
        assert_eq!(model.link, Link::Live, "{}", action.name);
    }
}

#[test]
fn the_way_to_the_hub_is_timed_when_live_and_each_minute() {
    let story = busy_desk();
    let mut model = console();
    let effects = hear(&mut model, &story, [connected(), story.snapshot(), live()]);
    assert!(effects.contains(&Effect::Measure));
    let took = std::time::Duration::from_micros(12_400);
    hear(&mut model, &story, [SocketEvent::RoundTrip(took)]);
    assert_eq!(model.round_trip, Some(took));
    let later = |seconds| two_o_clock().after(std::time::Duration::from_secs(seconds));
    let now = model.now;
    let left = 60 - now.as_ms().rem_euclid(60_000).unsigned_abs() / 1_000;
    let base = now.since(two_o_clock()).as_secs();
    let effects = update(&mut model, Msg::Tick, later(base + left / 2));
    assert!(!effects.contains(&Effect::Measure), "not within the minute");
    let effects = update(&mut model, Msg::Tick, later(base + left));
    assert!(effects.contains(&Effect::Measure));
}
