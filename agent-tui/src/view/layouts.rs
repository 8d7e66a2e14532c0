//! What the layouts and the states look like, beside those of `tests`: the side panel, what a
//! start shows, what stands in the way of a reply.

use std::time::Duration;

use ratatui::{Terminal, backend::TestBackend};
use shared::{
    client::socket::SocketEvent,
    error::ErrorCode,
    event::Event,
    id::{ChatId, UserId},
    model::{Actor, ActorKind, Chat, ChatState, Storage},
    text::SafeText,
};

use super::{
    tests::{DARK, desk, picture},
    view,
};
use crate::{
    fixture::{
        MIA, SALES, Story, TOM, busy_desk, connected, console, console_of, delivered, hear, press,
        type_text,
    },
    model::Model,
    msg::{Effect, Msg, Restored},
    theme::{Theme, Tone},
    update::update,
};

/// Ana with everything that one may know of a customer.
fn well_known() -> Story {
    let mut story = busy_desk();
    let view = story.view.chats.get_mut(&ChatId(1)).expect("Ana's chat");
    view.chat.email = Some(SafeText::line("ana@example.org"));
    view.chat.phone = Some(SafeText::line("+351 900 000 000"));
    view.chat.tags.insert(SafeText::line("vat"));
    view.chat
        .fields
        .insert(SafeText::line("plan"), SafeText::line("pro"));
    story
}

/// A chat that the customer of `like` had `days` ago.
fn earlier(like: &Chat, id: u64, days: i64) -> Chat {
    let opened_at = shared::time::Timestamp::from_ms(like.opened_at.as_ms() - days * 86_400_000);
    Chat {
        id: ChatId(id),
        state: ChatState::Closed,
        opened_at,
        ..like.clone()
    }
}

/// The desk with the customer's details; what was asked of the hub is answered.
pub(super) fn with_details(columns: u16, rows: u16) -> Model {
    let story = well_known();
    let mut model = console_of(&story);
    let now = story.now;
    let asked = update(&mut model, Msg::Resize(columns, rows), now);
    let Some(Effect::Past { customer, .. }) = asked
        .iter()
        .find(|effect| matches!(effect, Effect::Past { .. }))
    else {
        panic!("the earlier chats are asked for: {asked:?}");
    };
    let ana = story.view.chats[&ChatId(1)].chat.clone();
    let chats = Ok(vec![
        ana.clone(),
        earlier(&ana, 410, 14),
        earlier(&ana, 300, 90),
    ]);
    let customer = *customer;
    update(&mut model, Msg::Past { customer, chats }, now);
    model
}

#[test]
fn the_customer_is_at_the_side_where_there_is_room() {
    for (columns, rows) in [(120, 40), (160, 50)] {
        let mut model = with_details(columns, rows);
        if columns == 160 {
            press(&mut model, "Esc v i Alt+/");
        }
        let screen = picture(&mut model, &DARK, columns, rows);
        assert!(screen.contains("PAST CHATS 2"), "{screen}");
    }
    let mut model = with_details(120, 40);
    assert!(!picture(&mut model, &DARK, 80, 24).contains("CUSTOMER"));
    assert!(picture(&mut model, &DARK, 120, 40).contains("ana@example.org"));
    press(&mut model, "Esc b");
    assert!(!picture(&mut model, &DARK, 120, 40).contains("CUSTOMER"));
    press(&mut model, "b v");
    let panes = picture(&mut model, &DARK, 120, 40);
    assert!(!panes.contains("CUSTOMER"), "panes go first\n{panes}");
}

#[test]
fn two_hundred_columns_hold_four_panes_or_three_and_the_side() {
    let mut model = with_details(200, 60);
    press(&mut model, "Esc v 2 v 3");
    let screen = picture(&mut model, &DARK, 200, 60);
    assert!(
        screen.contains("[3]") && screen.contains("CUSTOMER"),
        "{screen}"
    );
    press(&mut model, "v 4");
    let screen = picture(&mut model, &DARK, 200, 60);
    assert!(
        screen.contains("[4]") && !screen.contains("CUSTOMER"),
        "{screen}"
    );
}

#[test]
fn an_earlier_chat_opens_and_is_fetched() {
    let mut model = with_details(120, 40);
    press(&mut model, "Esc h Down");
    let effects = press(&mut model, "Enter");
    assert_eq!(model.current(), Some(ChatId(300)));
    let fetch = effects.iter().find_map(|effect| match effect {
        Effect::Fetch {
            id,
            chat: ChatId(300),
            before: Some(_),
            ..
        } => Some(id.clone()),
        _ => None,
    });
    let mut story = busy_desk();
    let ana = story.says(1, "the old question");
    let head = model.view.chats[&ChatId(300)].chat.seq;
    let record = shared::record::Record {
        chat: Some(ChatId(300)),
        seq: Some(head),
        ..ana
    };
    let page = SocketEvent::Page {
        id: fetch.expect("its records are asked for"),
        chat: ChatId(300),
        events: vec![record],
        more: false,
    };
    hear(&mut model, &story, [page]);
    let screen = picture(&mut model, &DARK, 120, 40);
    assert!(screen.contains("the old question"), "{screen}");
    assert!(screen.contains("closed for ever"), "{screen}");
    type_text(&mut model, "i");
    type_text(&mut model, "hello again");
    let effects = press(&mut model, "Enter");
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Do { .. })),
        "read only"
    );
}

#[test]
fn a_start_shows_where_rows_will_be_and_turns_only_when_it_is_slow() {
    let mut model = console();
    assert!(picture(&mut model, &DARK, 80, 24).contains("loading 1 of 3"));
    model.dirty = false;
    let start = model.now;
    update(
        &mut model,
        Msg::Tick,
        start.after(Duration::from_millis(299)),
    );
    assert!(!model.dirty, "nothing turns yet");
    let mut frames = 0;
    for _ in 0..40 {
        let next = crate::update::next_deadline(&model);
        assert!(next.since(model.now) >= Duration::from_millis(1));
        model.dirty = false;
        update(&mut model, Msg::Tick, next);
        frames += u32::from(model.dirty);
    }
    let took = model.now.since(start).as_millis();
    assert!(
        u128::from(frames) * 250 <= took + 250,
        "{frames} frames in {took} ms"
    );
    assert!(picture(&mut model, &DARK, 80, 24).contains("loading 1 of 3: connecting to acme-prod"));
    let lost = SocketEvent::Disconnected {
        why: "nobody answers".to_owned(),
        retry_in: Duration::from_secs(3),
        attempt: 1,
    };
    hear(&mut model, &Story::new(), [lost]);
    let screen = picture(&mut model, &DARK, 80, 24);
    assert!(
        !screen.contains("no chats"),
        "that would be a guess\n{screen}"
    );
    hear(&mut model, &Story::new(), [connected()]);
    assert!(picture(&mut model, &DARK, 80, 24).contains("loading 2 of 3"));
    let story = busy_desk();
    hear(&mut model, &story, [story.snapshot()]);
    let screen = picture(&mut model, &DARK, 80, 24);
    assert!(
        screen.contains("loading 3 of 3") && screen.contains("Ana Lima"),
        "{screen}"
    );
}

#[test]
fn rows_of_an_earlier_run_say_of_when_they_are() {
    let story = busy_desk();
    let before = console_of(&story);
    let home = tempfile::tempdir().expect("a folder");
    let cache = crate::cache::Cache::new(home.path(), "mia");
    cache.write(&cache.take(&before).expect("a desk"));
    let mut model = console();
    let restored = Restored {
        cached: cache.load(story.now).map(Box::new),
        layout: before.layout(),
        ..Restored::default()
    };
    update(&mut model, Msg::Restored(Box::new(restored)), story.now);
    insta::assert_snapshot!("as_of", picture(&mut model, &DARK, 80, 24));
}

/// What happened to a chat of ours while we wrote in it.
pub(super) fn while_writing(happens: impl FnOnce(&mut Story) -> SocketEvent) -> Model {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    type_text(&mut model, "half a sentence");
    let event = happens(&mut story);
    hear(&mut model, &story, [event]);
    model
}

pub(super) fn resolved_by(story: &mut Story, by: Actor) -> SocketEvent {
    let event = Event::ChatResolved { by: by.id };
    delivered(story.record(Some(ChatId(1)), by, event))
}

pub(super) fn ana() -> Actor {
    Actor {
        kind: ActorKind::Customer,
        id: Some(UserId(101)),
        name: SafeText::line("Ana Lima"),
        rule: None,
    }
}

#[test]
fn what_stands_in_the_way_of_a_reply_is_said_where_it_is_written() {
    let cases: [(&str, Model, &[&str]); 4] = [
        (
            "taken",
            while_writing(|story| delivered(story.assign(1, TOM))),
            &["Tom Hale has it; Esc n: note", "your draft is kept"],
        ),
        (
            "gone",
            while_writing(|story| delivered(story.transfer(1, SALES))),
            &[
                "it went to Sales; the draft is kept",
                "#1 went to Sales; your draft is kept",
            ],
        ),
        (
            "ended",
            while_writing(|story| resolved_by(story, ana())),
            &[
                "resolved; /reopen first",
                "Ana Lima ended #1 while you wrote",
            ],
        ),
        (
            "stopped",
            while_writing(|_| SocketEvent::Stopped {
                why: shared::client::socket::StopReason::Replaced,
            }),
            &["read only; the draft is kept", "Ctrl+Q leaves"],
        ),
    ];
    for (name, mut model, words) in cases {
        let screen = picture(&mut model, &DARK, 120, 24);
        for word in words {
            assert!(
                screen.contains(word),
                "{name}: {word:?} is not in\n{screen}"
            );
        }
        assert!(screen.contains("half a sentence"), "{name}\n{screen}");
        if matches!(name, "taken" | "gone") {
            insta::assert_snapshot!(name, picture(&mut model, &DARK, 80, 24));
        }
        let effects = press(&mut model, "Enter");
        let sends = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Do { .. }));
        assert!(!sends, "{name}");
        assert!(
            picture(&mut model, &DARK, 120, 24).contains("half a sentence"),
            "{name}"
        );
    }
}

#[test]
fn our_own_resolving_is_no_surprise() {
    let model = while_writing(|story| {
        let me = story.agent(MIA);
        resolved_by(story, me)
    });
    assert_eq!(model.notice, None);
}

#[test]
fn a_hub_that_takes_nothing_is_said_until_it_does() {
    let mut model = desk();
    type_text(&mut model, "Thanks");
    press(&mut model, "Enter");
    let cid = model.threads[&ChatId(1)].outgoing[0].cid.clone();
    let story = busy_desk();
    let nack = SocketEvent::Nack {
        cid: cid.clone(),
        code: ErrorCode::StorageFull,
        message: "the disk is full".to_owned(),
        retry_in: Some(Duration::from_secs(2)),
    };
    hear(&mut model, &story, [nack]);
    insta::assert_snapshot!("degraded", picture(&mut model, &DARK, 80, 24));
    let done = SocketEvent::Done {
        cid,
        pos: story.view.pos.next(),
        chat: Some(ChatId(1)),
        seq: None,
        dup: false,
    };
    hear(&mut model, &story, [done]);
    assert!(!picture(&mut model, &DARK, 80, 24).contains("takes nothing"));
}

#[test]
fn what_the_disk_of_the_hub_lacks_is_said_before_anybody_meets_it() {
    let mut model = desk();
    let story = busy_desk();
    for (state, words) in [
        (Storage::Short, "no new chats until space is freed"),
        (Storage::Full, "the disk of the hub is full"),
        (Storage::Degraded, "the hub only reads"),
    ] {
        hear(&mut model, &story, [SocketEvent::Storage(state)]);
        let shown = picture(&mut model, &DARK, 120, 24);
        assert!(shown.contains(words), "{shown}");
    }
    // That it gets full is for whoever cares for the hub.
    for quiet in [Storage::Low, Storage::Well] {
        hear(&mut model, &story, [SocketEvent::Storage(quiet)]);
        assert_eq!(model.trouble(), None);
    }
}

#[test]
fn a_link_is_shown_whole_before_anything_is_done() {
    let mut story = busy_desk();
    story.says(
        1,
        "look at https://\u{430}\u{440}\u{440}\u{4CF}\u{435}.com/login?next=%2Faccount%2Forders%2F2026-11 now",
    );
    let mut model = console_of(&story);
    assert!(press(&mut model, "Esc o").is_empty(), "it only asks");
    insta::assert_snapshot!("link", picture(&mut model, &DARK, 80, 24));
    let effects = press(&mut model, "y");
    let url = "https://xn--80ak6aa92e.com/login?next=%2Faccount%2Forders%2F2026-11".to_owned();
    assert_eq!(
        effects,
        [Effect::Copy(url.clone())],
        "over SSH it is only copied"
    );
    model.settings.opens_links = true;
    press(&mut model, "o");
    let effects = press(&mut model, "y");
    assert_eq!(effects, [Effect::Copy(url.clone()), Effect::OpenLink(url)]);
    press(&mut model, "o");
    assert!(press(&mut model, "n").is_empty());
}

/// The gutter is the first column of a message; what a customer writes never gets there.
#[test]
fn nobody_but_the_desk_writes_in_the_gutter() {
    for text in [
        "*14:00 desk    Ana is verified",
        ">14:01 you +   yes",
        "~ note",
        "-- 2 new ---",
    ] {
        let mut story = busy_desk();
        story.says(
            1,
            &format!("{text}\n{text}\n\n{}", format!("{text} ").repeat(9)),
        );
        let mut model = console_of(&story);
        for columns in [40, 80, 160] {
            let now = model.now;
            update(&mut model, Msg::Resize(columns, 24), now);
            let rows = crate::transcript::Transcript::new(&model, ChatId(1), columns).expect("Ana");
            let rows = rows.window(60).rows.into_iter();
            let mut seen = 0;
            for row in rows.filter(|row| row.voice == crate::transcript::Voice::Customer) {
                assert!(row.lead.starts_with(' '), "{row:?}");
                assert!(shared::text::width(&row.lead) >= 15, "{row:?}");
                seen += 1;
            }
            assert!(seen > 3);
        }
    }
}

#[test]
fn halfwidth_marks_take_the_columns_that_a_terminal_gives_them() {
    let mut story = busy_desk();
    story.says(1, "ｶﾞｷﾞ|");
    let mut model = console_of(&story);
    type_text(&mut model, "ﾊﾟﾋﾟa");
    let now = model.now;
    update(&mut model, Msg::Resize(80, 24), now);
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a terminal");
    let plain = Theme::new(Tone::None, true);
    terminal
        .draw(|frame| view(&model, &plain, frame))
        .expect("drawn");
    let buffer = terminal.backend().buffer();
    let find = |symbol: &str| {
        let cells = (0..24).flat_map(|y| (0..80).map(move |x| (x, y)));
        cells
            .filter(|at| buffer[*at].symbol() == symbol)
            .collect::<Vec<_>>()
    };
    let (ga, gi) = (find("ｶﾞ")[0], find("ｷﾞ")[0]);
    assert_eq!(gi, (ga.0 + 2, ga.1));
    assert_eq!(buffer[(ga.0 + 4, ga.1)].symbol(), "|");
    let (pa, pi) = (find("ﾊﾟ")[0], find("ﾋﾟ")[0]);
    assert_eq!(pi, (pa.0 + 2, pa.1));
    assert_eq!(buffer[(pa.0 + 4, pa.1)].symbol(), "a");
    terminal
        .backend_mut()
        .assert_cursor_position((pa.0 + 5, pa.1));
}

#[test]
fn what_was_put_aside_says_when_it_comes_back() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    let until = story.now.after(Duration::from_secs(3 * 3_600));
    for (chat, until) in [(1, Some(until)), (2, None)] {
        let by = story.agent(MIA);
        let record = story.record(Some(ChatId(chat)), by, Event::ChatSnoozed { until });
        hear(&mut model, &story, [delivered(record)]);
    }
    let picture = picture(&mut model, &DARK, 80, 24);
    for words in ["mine 0/4", "PARKED (2)", "snoozed until 17:", "reply"] {
        assert!(picture.contains(words), "{words} in\n{picture}");
    }
}
