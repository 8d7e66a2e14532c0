//! Laws of reading: what arrives moves nobody who reads further up, and another size of the
//! terminal keeps what is at the top.

use proptest::{
    collection::vec,
    prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest},
};
use shared::{
    client::socket::SocketEvent,
    id::{ChatId, Seq},
    model::Visibility,
};

use super::update;
use crate::{
    fixture::{Story, TOM, busy_desk, console_of, delivered, hear, press},
    model::Model,
    msg::Msg,
    screen::Screen,
    thread::Place,
    transcript::Transcript,
};

const ANA: ChatId = ChatId(1);

/// The message at the top of Ana's pane.
fn top(model: &Model) -> Option<Seq> {
    let screen = Screen::of(model)?;
    let area = screen.focused(model)?.transcript;
    let transcript = Transcript::new(model, ANA, area.width)?;
    let window = transcript.window(usize::from(area.height));
    window.rows.first()?.seq
}

fn reads_on(model: &Model) -> bool {
    model.threads[&ANA].place != Place::End
}

#[derive(Debug, Clone)]
enum Arrival {
    Short(u64),
    Long,
    Note,
    Edited,
    Typing,
    Tagged,
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let arrival = prop_oneof![
        (1_u64..4).prop_map(Arrival::Short),
        Just(Arrival::Long),
        Just(Arrival::Note),
        Just(Arrival::Edited),
        Just(Arrival::Typing),
        Just(Arrival::Tagged),
    ];
    vec(arrival, 1..12)
}

fn arrive(story: &mut Story, arrival: &Arrival) -> SocketEvent {
    let record = match arrival {
        Arrival::Short(chat) => story.says(*chat, "and one more"),
        Arrival::Long => story.says(1, &"many words that have to be broken ".repeat(20)),
        Arrival::Note => story.answers(1, TOM, "careful", Visibility::Note),
        Arrival::Edited => {
            let by = story.agent(TOM);
            let seq = story.view.chats[&ANA].chat.seq;
            // Never shorter: what is no longer a screenful must be filled from above.
            let words = "other words that have to be broken ".repeat(20);
            let text = shared::text::SafeText::block(&words);
            let visibility = Visibility::Public;
            let event = shared::event::Event::MessageEdited {
                seq,
                text,
                visibility,
            };
            story.record(Some(ANA), by, event)
        }
        Arrival::Tagged => {
            let by = story.agent(TOM);
            let tags = [shared::text::SafeText::line("vat")].into();
            story.record(Some(ANA), by, shared::event::Event::Tagged { tags })
        }
        Arrival::Typing => {
            return SocketEvent::Queue {
                chat: ANA,
                place: 1,
            };
        }
    };
    delivered(record)
}

/// Ana's chat with `lines` messages, read from `up` on.
fn reading(lines: usize, up: &[&str], size: (u16, u16)) -> (Story, Model) {
    let mut story = busy_desk();
    for number in 0..lines {
        let words = "some words to be broken into rows ".repeat(1 + number % 4);
        story.says(1, &format!("{number} {words}"));
    }
    let mut model = console_of(&story);
    model.view.chats = story.view.chats.clone();
    model.ensure_threads();
    let now = model.now;
    update(&mut model, Msg::Resize(size.0, size.1), now);
    press(&mut model, "Esc");
    for keys in up {
        press(&mut model, keys);
    }
    (story, model)
}

fn ways_up() -> impl Strategy<Value = Vec<&'static str>> {
    let keys = ["k", "PgUp", "Ctrl+U", "U", "Home", "k k k", "j"];
    vec(proptest::sample::select(keys.to_vec()), 1..6)
}

fn sizes() -> impl Strategy<Value = (u16, u16)> {
    (40_u16..200, 8_u16..60)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn what_arrives_moves_nobody_who_reads_further_up(
        lines in 3_usize..40, up in ways_up(), news in arrivals(), size in sizes(),
    ) {
        let (mut story, mut model) = reading(lines, &up, size);
        if !reads_on(&model) {
            return Ok(());
        }
        let before = top(&model);
        for arrival in &news {
            let event = arrive(&mut story, arrival);
            hear(&mut model, &story, [event]);
            assert_eq!(top(&model), before, "{arrival:?} moved the reader");
        }
        press(&mut model, "End");
        assert!(!reads_on(&model));
    }

    #[test]
    fn another_size_keeps_the_message_at_the_top(
        lines in 3_usize..40, up in ways_up(), sizes in vec(sizes(), 1..5), narrow in any::<bool>(),
    ) {
        let (_, mut model) = reading(lines, &up, (100, 30));
        for (columns, rows) in sizes {
            if !reads_on(&model) {
                return Ok(());
            }
            let before = top(&model);
            // Where more rows are shown than there are below, something older comes in.
            let rows = if narrow { rows.min(model.size.1) } else { rows };
            let columns = if narrow { columns.min(model.size.0) } else { columns };
            let now = model.now;
            update(&mut model, Msg::Resize(columns, rows), now);
            let after = top(&model);
            let end = model.threads[&ANA].place == Place::End || !more_below(&model);
            assert!(after == before || (end && after < before), "{before:?} became {after:?}");
            assert!(after == before || !narrow, "{before:?} became {after:?} on a smaller screen");
        }
    }
}

fn more_below(model: &Model) -> bool {
    let screen = Screen::of(model).expect("large enough");
    let area = screen.focused(model).expect("a pane").transcript;
    let transcript = Transcript::new(model, ANA, area.width).expect("Ana");
    transcript.window(usize::from(area.height)).more_below
}

#[test]
fn the_next_start_begins_where_one_read() {
    let (story, mut model) = reading(40, &["PgUp", "PgUp"], (80, 24));
    press(&mut model, "v b z");
    let layout = model.layout();
    let seen = top(&model);
    let mut later = crate::fixture::console();
    let restored = crate::msg::Restored {
        layout: layout.clone(),
        ..Default::default()
    };
    update(&mut later, Msg::Restored(Box::new(restored)), story.now);
    let hello = [
        crate::fixture::connected(),
        story.snapshot(),
        crate::fixture::live(),
    ];
    hear(&mut later, &story, hello);
    assert_eq!(later.layout(), layout, "also before its records are here");
    assert!(later.zoom && later.side_hidden);
    press(&mut later, "1");
    later.view.chats = story.view.chats.clone();
    later.ensure_threads();
    let now = later.now;
    update(&mut later, Msg::Tick, now);
    assert_eq!(top(&later), seen);
}
