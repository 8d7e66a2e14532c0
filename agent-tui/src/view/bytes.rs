//! What a change costs on the line, and that it is enough: the bytes of every frame, replayed into
//! a terminal, give the same cells as a screen that is drawn afresh.

use std::{cell::RefCell, collections::BTreeSet, io::Write, num::NonZeroU16};

use proptest::{
    collection::vec,
    prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest},
    sample::select,
};
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Color, Modifier},
};
use shared::text::width;

use super::view;
use crate::{
    fixture::{Story, busy_desk, console_of, delivered, hear, press, type_text},
    model::Model,
    msg::Msg,
    term::Display,
    theme::{Theme, Tone},
    update::update,
};

const DARK: Theme = Theme {
    tone: Tone::Dark,
    lines: crate::theme::DRAWN,
};
const SIZES: [(u16, u16); 5] = [(40, 8), (60, 16), (80, 24), (120, 40), (160, 50)];

/// Prints a figure beside its budget.
#[track_caller]
pub(super) fn figure(name: &str, value: impl std::fmt::Display, unit: &str, budget: &str) {
    let line = format!("figure: {name} {value} {unit} (budget {budget})");
    writeln!(std::io::stderr().lock(), "{line}").expect("standard error");
}

/// A console in front of a terminal that understands what it writes.
struct Rig {
    story: Story,
    model: Model,
    display: Display,
    terminal: vt100::Parser,
    /// Cells that the right half of a wide character was in: where only its left half is written
    /// over, this terminal gives the other the new style, and others blank it.
    halves: RefCell<BTreeSet<(u16, u16)>>,
}

impl Rig {
    fn new(story: Story, (columns, rows): (u16, u16)) -> Self {
        let mut model = console_of(&story);
        let now = model.now;
        update(&mut model, Msg::Resize(columns, rows), now);
        // As in a terminal that has synchronized updates: the dearest case.
        let display = Display::new(area(&model), true).expect("a display");
        Self {
            story,
            model,
            display,
            terminal: vt100::Parser::new(side(rows), side(columns), 0),
            halves: RefCell::default(),
        }
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        let now = self.model.now;
        update(&mut self.model, Msg::Resize(columns, rows), now);
        self.display.resize(area(&self.model)).expect("resized");
        let screen = self.terminal.screen_mut();
        screen.set_size(side(rows), side(columns));
        self.halves.take();
    }

    /// Draws, and gives the bytes that it took.
    fn draw(&mut self) -> usize {
        let model = &self.model;
        let drawn = self.display.draw(|frame| view(model, &DARK, frame));
        let bytes = drawn.expect("drawn");
        self.terminal.process(&bytes);
        bytes.len()
    }

    fn says(&mut self, chat: u64, text: &str) {
        let record = self.story.says(chat, text);
        let now = self.model.now;
        update(&mut self.model, Msg::Hub(delivered(record)), now);
    }

    /// The cell at which the terminal differs from what is meant.
    fn difference(&self) -> Option<String> {
        let (columns, rows) = self.model.size;
        let mut meant = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal");
        meant
            .draw(|frame| view(&self.model, &DARK, frame))
            .expect("drawn");
        let buffer = meant.backend().buffer();
        let screen = self.terminal.screen();
        for y in 0..rows {
            for x in 0..columns {
                if behind_a_wide_one(buffer, x, y) {
                    self.halves.borrow_mut().insert((x, y));
                    continue;
                }
                let (meant, shown) = (&buffer[(x, y)], screen.cell(y, x)?);
                let text = shown.contents();
                let text = if text.is_empty() { " " } else { text };
                let has = |modifier| meant.modifier.contains(modifier);
                // This terminal is either bold or dim, whichever was said last; a blank is neither
                // for the eye, and half of a wide character that was cut takes what is beside it.
                let (bold, dim) = (has(Modifier::BOLD), has(Modifier::DIM));
                let weightless = bold && dim || text == " ";
                let same = text == meant.symbol()
                    && (text == " " && self.halves.borrow().contains(&(x, y))
                        || shown.inverse() == has(Modifier::REVERSED))
                    && (weightless || (shown.bold(), shown.dim()) == (bold, dim))
                    && (text == " " || shown.fgcolor() == color(meant.fg))
                    && shown.bgcolor() == color(meant.bg);
                if !same {
                    return Some(format!(
                        "({x}, {y}) of {columns}x{rows}: {text:?} {shown:?}, not {meant:?}"
                    ));
                }
            }
        }
        None
    }
}

fn behind_a_wide_one(buffer: &Buffer, x: u16, y: u16) -> bool {
    let wide = |cell: &Cell| width(cell.symbol()) > 1;
    x > 0 && wide(&buffer[(x - 1, y)])
}

fn color(color: Color) -> vt100::Color {
    match color {
        Color::Reset => vt100::Color::Default,
        Color::Indexed(number) => vt100::Color::Idx(number),
        Color::Rgb(red, green, blue) => vt100::Color::Rgb(red, green, blue),
        named => {
            let order = [
                Color::Black,
                Color::Red,
                Color::Green,
                Color::Yellow,
                Color::Blue,
                Color::Magenta,
                Color::Cyan,
                Color::Gray,
                Color::DarkGray,
                Color::LightRed,
                Color::LightGreen,
                Color::LightYellow,
                Color::LightBlue,
                Color::LightMagenta,
                Color::LightCyan,
                Color::White,
            ];
            let number = order.iter().position(|each| *each == named);
            let number = number.and_then(|number| u8::try_from(number).ok());
            vt100::Color::Idx(number.expect("sixteen names"))
        }
    }
}

fn area(model: &Model) -> Rect {
    Rect::new(0, 0, model.size.0, model.size.1)
}

fn side(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("a cell at least")
}

/// Something that changes the screen.
#[derive(Debug, Clone)]
enum Step {
    Type(&'static str),
    Press(&'static str),
    Says(u64, &'static str),
    Resize(u16, u16),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // No joined emoji and no spacing marks: vt100 gives each part a cell of its own.
    let texts = ["a", "no", "山田", "e\u{301}", "👍", "x y"];
    let keys = [
        "Enter",
        "Esc",
        "i",
        "u",
        "J",
        "K",
        "PgUp",
        "PgDn",
        "Home",
        "End",
        "Ctrl+G",
        "F1",
        "F2",
        "Backspace",
        "Ctrl+U",
        "Alt+A",
        "v",
        "q",
        "z",
        "n",
        "t",
        "Down",
        "s",
    ];
    let lines = [
        "hello",
        "請求書のVAT番号が間違っています",
        "one\ntwo\nthree",
        "a line that is long enough to be broken into more than one row in any of the sizes here",
        "👍 done",
    ];
    let step = prop_oneof![
        4 => select(texts.to_vec()).prop_map(Step::Type),
        6 => select(keys.to_vec()).prop_map(Step::Press),
        5 => (1_u64..=5, select(lines.to_vec())).prop_map(|(chat, text)| Step::Says(chat, text)),
        1 => select(SIZES.to_vec()).prop_map(|(columns, rows)| Step::Resize(columns, rows)),
        1 => (1_u64..=300).prop_map(Step::Wait),
        1 => Just(Step::Press("Ctrl+L")),
    ];
    vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_terminal_shows_what_is_meant_after_every_step(steps in steps()) {
        let mut rig = Rig::new(busy_desk(), (80, 24));
        rig.draw();
        assert_eq!(rig.difference(), None);
        for step in steps {
            let now = rig.model.now;
            match &step {
                Step::Type(text) => drop(type_text(&mut rig.model, text)),
                Step::Press(keys) => drop(press(&mut rig.model, keys)),
                Step::Says(chat, text) => rig.says(*chat, text),
                Step::Resize(columns, rows) => rig.resize(*columns, *rows),
                Step::Wait(seconds) => {
                    let later = now.after(std::time::Duration::from_secs(*seconds));
                    update(&mut rig.model, Msg::Tick, later);
                }
            }
            rig.draw();
            assert_eq!(rig.difference(), None, "after {step:?}");
            assert_eq!(rig.draw(), 0, "a frame without a change, after {step:?}");
        }
    }
}

#[test]
fn a_key_costs_few_bytes() {
    for size in [(80, 24), (160, 50)] {
        let mut rig = Rig::new(busy_desk(), size);
        type_text(&mut rig.model, "Thanks");
        rig.draw();
        let letters = " Ana, all is well; I have sent it".chars();
        let costs = letters.map(|letter| {
            type_text(&mut rig.model, &letter.to_string());
            rig.draw()
        });
        let most = costs.max().expect("letters");
        let name = format!("bytes_per_key_{}x{}", size.0, size.1);
        figure(&name, most, "B", "64");
        assert!(most <= 64, "{most} bytes at {size:?}");
    }
}

#[test]
fn a_badge_and_the_clock_cost_few_bytes() {
    for size in [(80, 24), (160, 50)] {
        let mut rig = Rig::new(busy_desk(), size);
        rig.draw();
        rig.says(2, "hello?");
        let badge = rig.draw();
        figure(
            &format!("bytes_per_badge_{}x{}", size.0, size.1),
            badge,
            "B",
            "64",
        );
        assert!((1..=64).contains(&badge), "{badge} bytes at {size:?}");

        // Nothing waits and nobody is here: of what the time changes, the clock alone.
        let mut rig = Rig::new(Story::new(), size);
        rig.draw();
        let later = rig.model.now.after(std::time::Duration::from_secs(60));
        update(&mut rig.model, Msg::Tick, later);
        let clock = rig.draw();
        figure(
            &format!("bytes_per_clock_{}x{}", size.0, size.1),
            clock,
            "B",
            "64",
        );
        assert!((1..=64).contains(&clock), "{clock} bytes at {size:?}");
    }
}

/// A chat that fills its pane, with rows that have little in common.
fn full_pane() -> Story {
    let words = [
        "invoice", "the", "VAT", "of", "October", "wrong", "is", "number", "please", "again",
        "download", "cannot", "we",
    ];
    let mut story = busy_desk();
    for number in 0..60 {
        let word = |place: usize| words[(number * number + place * 5 + number) % words.len()];
        let text: Vec<&str> = (0..10).map(word).collect();
        story.says(1, &text.join(" "));
    }
    story
}

#[test]
fn a_message_and_a_repaint_cost_what_the_line_can_carry() {
    for (size, message_max, repaint_max) in [((80, 24), 2_500, 4_000), ((160, 50), 9_000, 11_000)] {
        let mut rig = Rig::new(full_pane(), size);
        rig.model.view.chats = rig.story.view.chats.clone();
        let repaint = rig.draw();
        let size_name = format!("{}x{}", size.0, size.1);
        figure(
            &format!("bytes_per_repaint_{size_name}"),
            repaint,
            "B",
            &repaint_max.to_string(),
        );
        assert!(repaint <= repaint_max, "{repaint} bytes at {size:?}");
        rig.says(1, "And when will it be right?");
        let message = rig.draw();
        figure(
            &format!("bytes_per_message_{size_name}"),
            message,
            "B",
            &message_max.to_string(),
        );
        assert!(
            (1..=message_max).contains(&message),
            "{message} bytes at {size:?}"
        );
        assert_eq!(rig.difference(), None);
        figure(
            &format!("bytes_without_change_{size_name}"),
            rig.draw(),
            "B",
            "0",
        );
    }
}

#[test]
fn a_message_elsewhere_while_one_types_is_not_a_repaint() {
    let mut rig = Rig::new(busy_desk(), (80, 24));
    rig.draw();
    rig.says(2, "hello?");
    rig.says(2, "hello again?");
    type_text(&mut rig.model, "T");
    let both = rig.draw();
    assert!(both <= 128, "{both} bytes");
    hear(&mut rig.model, &rig.story, []);
    assert_eq!(rig.draw(), 0);
}
