//! How long the console thinks: about a key, a message and a frame, beside chats of any length.

use std::time::{Duration, Instant};

use ratatui::layout::Rect;
use shared::id::ChatId;

use super::{bytes::figure, view};
use crate::{
    fixture::{MIA, Story, console_of, delivered, press, type_text},
    model::{Base, Model},
    msg::Msg,
    term::Display,
    theme::{Theme, Tone},
    thread::Place,
    update::update,
};

const DARK: Theme = Theme {
    tone: Tone::Dark,
    lines: crate::theme::DRAWN,
};
/// A build that is not optimised, on a machine that is busy with other tests.
const GENEROUS: u32 = if cfg!(debug_assertions) { 50 } else { 1 };
const MESSAGES: usize = 10_000;

/// Fifty chats: the first with `messages` of them, the others with two unread each.
fn desk(messages: usize) -> (Story, Model) {
    let mut story = Story::new();
    for chat in 1..=50 {
        story.open(chat, &format!("Customer {chat}"));
        story.assign(chat, MIA);
        story.says(chat, "hello");
    }
    for number in 0..messages {
        let text = format!("line {number} with a few words more so that it has to be broken");
        story.says(1, &text);
    }
    let mut model = console_of(&story);
    // As after reading back to the very first message.
    model.view.chats = story.view.chats.clone();
    for chat in 2..=50 {
        let record = story.says(chat, "anybody?");
        update(&mut model, Msg::Hub(delivered(record)), story.now);
    }
    assert_eq!(model.current(), Some(ChatId(1)));
    (story, model)
}

fn display(model: &mut Model, (columns, rows): (u16, u16)) -> Display {
    let now = model.now;
    update(model, Msg::Resize(columns, rows), now);
    let mut display = Display::new(Rect::new(0, 0, columns, rows), true).expect("a display");
    draw(&mut display, model);
    display
}

fn draw(display: &mut Display, model: &Model) {
    let drawn = display.draw(|frame| view(model, &DARK, frame));
    drop(drawn.expect("drawn"));
}

/// The time that half of `turns` stay below: the machine may be busy with something else in the
/// other half.
fn median(turns: usize, turn: impl FnMut(usize) -> Duration) -> Duration {
    let mut took: Vec<Duration> = (0..turns).map(turn).collect();
    took.sort_unstable();
    took[turns / 2]
}

#[track_caller]
fn within(name: &str, took: Duration, budget: Duration) {
    let build = if cfg!(debug_assertions) {
        "dev"
    } else {
        "release"
    };
    let name = format!("{name}_{build}");
    let took_ms = format!("{:.3}", took.as_secs_f64() * 1_000.0);
    figure(&name, took_ms, "ms", &format!("{budget:?} in release"));
    let most = budget * GENEROUS;
    assert!(took <= most, "{name}: {took:?}, at most {most:?}");
}

#[test]
fn a_frame_of_a_long_chat_takes_no_time() {
    for (size, budget) in [((80, 24), 1), ((160, 50), 2)] {
        let (_, mut model) = desk(MESSAGES);
        let mut display = display(&mut model, size);
        let budget = Duration::from_millis(budget);
        let name = format!("{}x{}_10000_messages", size.0, size.1);

        let typed = median(200, |_| {
            type_text(&mut model, "x");
            timed(|| draw(&mut display, &model))
        });
        within(&format!("draw_key_{name}"), typed, budget);

        model.base = Base::Nav;
        let scrolled = median(200, |_| {
            press(&mut model, "k");
            timed(|| draw(&mut display, &model))
        });
        within(&format!("draw_scroll_{name}"), scrolled, budget);

        press(&mut model, "Home");
        let oldest = median(50, |_| {
            press(&mut model, "j");
            timed(|| draw(&mut display, &model))
        });
        within(&format!("draw_oldest_{name}"), oldest, budget);
    }
}

#[test]
fn a_key_and_a_message_beside_a_long_chat_take_no_time() {
    let (mut story, mut model) = desk(MESSAGES);
    let budget = Duration::from_millis(1);
    drop(display(&mut model, (160, 50)));
    let key = median(200, |_| timed(|| drop(type_text(&mut model, "x"))));
    within("update_key_10000_messages", key, budget);
    let here = median(200, |_| {
        let record = story.says(1, "and then?");
        timed(|| drop(update(&mut model, Msg::Hub(delivered(record)), story.now)))
    });
    within("update_message_10000_messages", here, budget);
    let elsewhere = median(200, |turn| {
        let record = story.says(2 + turn as u64 % 49, "and then?");
        timed(|| drop(update(&mut model, Msg::Hub(delivered(record)), story.now)))
    });
    within("update_message_elsewhere", elsewhere, budget);

    // Nobody looks, so that all of it is unread.
    model.focused = false;
    for chat in 2..=50 {
        if let Some(thread) = model.threads.get_mut(&ChatId(chat)) {
            (thread.seen, thread.said) = (None, None);
        }
    }
    if let Some(thread) = model.threads.get_mut(&ChatId(1)) {
        (thread.seen, thread.said) = (None, None);
        thread.place = Place::End;
    }
    for view in model.view.chats.values_mut() {
        view.chat.unread_from = Some(shared::id::Seq(1));
    }
    let mut display = display(&mut model, (160, 50));
    let unread = median(100, |_| {
        type_text(&mut model, "x");
        timed(|| draw(&mut display, &model))
    });
    within("draw_key_10000_unread", unread, Duration::from_millis(2));
}

#[test]
fn a_long_draft_takes_no_time() {
    let (_, mut model) = desk(100);
    let now = model.now;
    let words = "words and more words ".repeat(380);
    update(&mut model, Msg::Paste(words), now);
    press(&mut model, "Enter");
    let mut display = display(&mut model, (160, 50));
    let took = median(100, |_| {
        timed(|| {
            type_text(&mut model, "x");
            draw(&mut display, &model);
        })
    });
    within(
        "key_and_draw_8000_byte_draft",
        took,
        Duration::from_millis(8),
    );
}

#[test]
fn a_chat_of_500_messages_is_there_at_once() {
    let (mut story, mut model) = desk(500);
    for number in 0..500 {
        let record = story.says(2, &format!("{number} of many, and some words to be broken"));
        update(&mut model, Msg::Hub(delivered(record)), story.now);
    }
    let mut display = display(&mut model, (160, 50));
    let took = median(20, |turn| {
        let key = if turn % 2 == 0 { "Ctrl+N" } else { "Ctrl+P" };
        timed(|| {
            press(&mut model, key);
            draw(&mut display, &model);
        })
    });
    within("switch_to_500_messages", took, Duration::from_millis(30));
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
