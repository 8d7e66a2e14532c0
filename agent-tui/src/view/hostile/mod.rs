//! Hostile texts through every place that shows one: the bytes that reach the terminal are on a
//! list of what the console itself writes, and take the columns that it counts on.
//!
//! A scene puts texts into some sinks. It is played once with a harmless word in each, to see that
//! the sinks are shown at all, and then with each text of the corpus in all of them.

mod judge;
mod scenes;

use std::cell::RefCell;

use proptest::{
    collection::vec,
    prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest},
    sample::select,
};
use ratatui::{buffer::Buffer, layout::Rect};
use shared::text::{HOSTILE, SafeText};

use self::{
    judge::{check, is_harmful, same_columns, without_sequences},
    scenes::{SCENES, Say, WHOLE, take, whole},
};
use super::{tests::DARK, view};
use crate::{
    fixture::{busy_desk, connected, console, delivered, hear, live},
    model::Model,
    msg::{Effect, Msg},
    notify::{Means, Notifier, title},
    term::Display,
};

/// Texts that cannot be written down as they are: long ones, and what JSON makes of halves.
fn corpus() -> Vec<String> {
    let long = [
        "z".to_owned() + &"\u{336}".repeat(500),
        "w".repeat(10 * 1024),
        "漢".repeat(4 * 1024),
        "漢e\u{301}👍\u{FE0F}न\u{94d}ｶﾞ".repeat(40),
        "👨\u{200d}".repeat(600),
        "🇩".repeat(301),
        "\x1b]52;c;".to_owned() + &"QUJD".repeat(1_000) + "\x07",
        "\x1b[".to_owned() + &"1;".repeat(900) + "m",
        "\n".repeat(300),
        "\t".repeat(300),
    ];
    let halves = [r#""\ud83d\u001b[2J""#, r#""\udc00\udbff""#].map(|json| {
        let parsed: Result<SafeText, _> = serde_json::from_str(json);
        // A frame with half a pair is no text at all; what is said of it is shown.
        parsed.expect_err("half a pair").to_string()
    });
    let written = HOSTILE.iter().map(ToString::to_string);
    written.chain(long).chain(halves).collect()
}

/// Draws, and gives the bytes with the cells that they are for.
fn drawn(model: &mut Model, (columns, rows): (u16, u16)) -> (Vec<u8>, Buffer) {
    take(model, Msg::Resize(columns, rows));
    let area = Rect::new(0, 0, columns, rows);
    let mut display = Display::new(area, true).expect("a display");
    let mut cells = Buffer::empty(area);
    let bytes = display.draw(|frame| {
        view(model, &DARK, frame);
        cells.clone_from(frame.buffer_mut());
    });
    (bytes.expect("drawn"), cells)
}

/// Plays a scene with `text` in every sink.
fn play(name: &str, scene: fn(Say<'_>) -> Model, size: (u16, u16), text: &str) {
    let mut model = scene(&|_| text.to_owned());
    let (bytes, cells) = drawn(&mut model, size);
    if let Err(why) = check(&bytes, &cells) {
        let start: String = text.chars().take(80).collect();
        panic!("{name}: {why}, of {start:?}");
    }
}

/// Plays a scene with a word of its own in every sink, and sees that they are shown.
fn sinks_are_shown(name: &str, sinks: &[&str], scene: fn(Say<'_>) -> Model, size: (u16, u16)) {
    let told: RefCell<Vec<&'static str>> = RefCell::default();
    let word = |what: &'static str| {
        let mut told = told.borrow_mut();
        let known = told.iter().position(|known| *known == what);
        let number = known.unwrap_or_else(|| {
            told.push(what);
            told.len() - 1
        });
        format!("zq{number}x")
    };
    let mut model = scene(&word);
    let (_, cells) = drawn(&mut model, size);
    let rows = cells.content().chunks(size.0.into());
    let rows = rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
    let screen = rows.collect::<Vec<_>>().join("\n");
    for sink in sinks {
        let number = told.borrow().iter().position(|known| known == sink);
        let number = number.unwrap_or_else(|| panic!("{name}: nothing is said in {sink:?}"));
        assert!(
            screen.contains(&format!("zq{number}x")),
            "{name}: {sink:?} (zq{number}x) is not shown\n{screen}"
        );
    }
}

const WIDE: (u16, u16) = (160, 50);
const SMALL: (u16, u16) = (80, 24);

#[test]
fn every_sink_is_shown() {
    sinks_are_shown("whole", &WHOLE, whole, WIDE);
    for (name, sinks, scene) in SCENES {
        sinks_are_shown(name, sinks, scene, SMALL);
    }
}

#[test]
fn nothing_hostile_reaches_the_terminal_from_a_chat() {
    for text in corpus() {
        play("whole", whole, WIDE, &text);
    }
}

#[test]
fn nothing_hostile_reaches_the_terminal_from_anywhere() {
    let corpus = corpus();
    for (name, _, scene) in SCENES {
        for text in &corpus {
            play(name, scene, SMALL, text);
        }
    }
}

/// What is written besides the frames.
#[test]
fn nothing_hostile_leaves_a_title_or_a_notification() {
    for text in corpus() {
        let mut story = busy_desk();
        for department in story.view.departments.values_mut() {
            department.name = SafeText::block(&text);
        }
        for view in story.view.chats.values_mut() {
            view.chat.name = SafeText::block(&text);
        }
        let mut model = console();
        model.settings.context.clone_from(&text);
        model.settings.notify_body = true;
        hear(&mut model, &story, [connected(), story.snapshot(), live()]);
        take(&mut model, Msg::Focus(false));
        let said = delivered(story.says(1, &text));
        let heard = hear(&mut model, &story, [said]);
        let inside = |bytes: Vec<u8>, start: &str| {
            let written = String::from_utf8(bytes).expect("text");
            let inner = written.strip_prefix(start).expect("begins so");
            let inner = inner.strip_suffix('\x07').expect("ends so").to_owned();
            assert_eq!(inner.chars().find(|c| is_harmful(*c)), None, "{inner:?}");
            assert!(inner.len() < 4_096, "{inner:?}");
            inner
        };
        inside(title(&model.title), "\x1b]2;");
        let alert = heard.iter().find_map(|effect| match effect {
            Effect::Notify(alert) => Some(alert),
            _ => None,
        });
        let alert = alert.expect("nobody looks");
        let bytes = |means| Notifier::new(means, |_| None).bytes(alert);
        inside(bytes(Means::Osc9), "\x07\x1b]9;frontdesk: ");
        let shown = inside(bytes(Means::Osc777), "\x07\x1b]777;notify;frontdesk;");
        assert!(!shown.contains(';'), "a field too many: {shown:?}");
    }
}

/// A list that takes all would show nothing.
#[test]
fn the_list_has_teeth() {
    let refused = corpus().into_iter().filter(|text| {
        let raw = without_sequences(text.as_bytes());
        raw.map_or(true, |printed| printed.chars().any(is_harmful))
    });
    let refused = refused.count();
    assert!(
        refused >= 60,
        "{refused} texts would be refused as they are"
    );
    for sequence in [
        "\x1b[8m",
        "\x1b[5m",
        "\x1b[3J",
        "\x1b[6n",
        "\x1b[?1049h",
        "\x1bc",
    ] {
        assert!(
            without_sequences(sequence.as_bytes()).is_err(),
            "{sequence:?}"
        );
    }
    let area = Rect::new(0, 0, 4, 1);
    let meant = Buffer::with_lines(["a漢b"]);
    assert_eq!(meant.area, area);
    assert_eq!(same_columns("\x1b[1;1Ha漢b".as_bytes(), &meant), Ok(()));
    assert!(same_columns("\x1b[1;1Ha漢 b".as_bytes(), &meant).is_err());
}

fn mixes() -> impl Strategy<Value = String> {
    let odd = [
        '\u{200d}',
        '\u{fe0f}',
        '\u{301}',
        '\u{e0067}',
        '\u{1f3f4}',
        '\u{202e}',
        '漢',
        'ﾞ',
        '\n',
        '\t',
        '\r',
        '\x1b',
        '[',
        'm',
        '\u{9b}',
        '🇩',
        '👍',
        'न',
        '\u{94d}',
        ' ',
    ];
    let piece = prop_oneof![
        4 => select(HOSTILE).prop_map(str::to_owned),
        2 => vec(select(odd.to_vec()), 1..12).prop_map(|odd| odd.into_iter().collect()),
        1 => any::<String>(),
    ];
    vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mix_reaches_the_terminal((text, scene) in (mixes(), select(&SCENES[..]))) {
        play("whole", whole, WIDE, &text);
        play(scene.0, scene.2, SMALL, &text);
    }
}
