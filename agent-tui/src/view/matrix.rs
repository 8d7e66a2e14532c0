//! Every state at every size. One picture of each, in the colours for a dark background, is kept
//! beside; the other looks (light, without colours, ASCII) are held to it by rules, which say more
//! than three pictures would: same words in the same places, and no meaning in a colour alone.

use std::{collections::HashSet, time::Duration};

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use shared::{
    client::socket::{SocketEvent, StopReason},
    error::ErrorCode,
    id::ChatId,
    model::Workload,
};

use super::{
    assistant,
    layouts::{ana, resolved_by, while_writing, with_details},
    tests::{DARK, desk, drawn, picture, row_text},
};
use crate::{
    fixture::{
        BILLING, SALES, Story, busy_desk, connected, console, console_of, hear, press, two_o_clock,
        type_text,
    },
    model::Model,
    msg::Msg,
    overlay::Overlay,
    theme::{ROLES, Theme, Tone},
    update::update,
};

const SIZES: [(u16, u16); 5] = [(40, 8), (60, 16), (80, 24), (120, 40), (160, 50)];

type State = (&'static str, fn((u16, u16)) -> Model);
const STATES: [State; 14] = [
    ("loading", |_| loading()),
    ("empty", |_| console_of(&Story::new())),
    ("busy", busy),
    ("error", |_| with_error()),
    ("reconnecting", |_| reconnecting()),
    ("ended", |_| stopped(StopReason::Revoked)),
    ("taken_over", |_| stopped(StopReason::Replaced)),
    ("closed_while_writing", |_| {
        while_writing(|story| resolved_by(story, ana()))
    }),
    ("palette", |_| pressed("Esc :")),
    ("help", |_| pressed("F1")),
    ("wall", |_| wall()),
    ("paste", |_| pasted()),
    ("handed_off", |_| assistant::handed_off("Esc c")),
    ("proposals", |_| assistant::proposals()),
];

fn loading() -> Model {
    let mut model = console();
    hear(&mut model, &Story::new(), [connected()]);
    model
}

/// A reply half written; the customer's details at the side and, where it fits, a second pane.
fn busy((columns, _): (u16, u16)) -> Model {
    let mut model = with_details(160, 50);
    type_text(
        &mut model,
        "Thanks Ana - I have fixed the VAT id and re-issued the invoice",
    );
    if columns == 160 {
        press(&mut model, "Esc v i Alt+/");
    }
    model
}

/// The hub has refused a message.
fn with_error() -> Model {
    let mut model = desk();
    type_text(&mut model, "first");
    press(&mut model, "Enter");
    let nack = SocketEvent::Nack {
        cid: model.threads[&ChatId(1)].outgoing[0].cid.clone(),
        code: ErrorCode::NotMember,
        message: "chat 1 belongs to Tom Hale".to_owned(),
        retry_in: None,
    };
    hear(&mut model, &busy_desk(), [nack]);
    model
}

/// A message waits for the hub to come back.
fn reconnecting() -> Model {
    let mut model = with_error();
    press(&mut model, "Esc Esc i");
    let lost = SocketEvent::Disconnected {
        why: "the hub does not answer".to_owned(),
        retry_in: Duration::from_secs(3),
        attempt: 2,
    };
    hear(&mut model, &busy_desk(), [lost]);
    type_text(&mut model, "second");
    press(&mut model, "Enter");
    model
}

fn stopped(why: StopReason) -> Model {
    while_writing(|_| SocketEvent::Stopped { why })
}

fn pressed(chords: &str) -> Model {
    let mut model = desk();
    press(&mut model, chords);
    model
}

fn wall() -> Model {
    let workload = |department, waiting, online, load| Workload {
        department,
        waiting,
        oldest_at: (waiting > 0).then(two_o_clock),
        online,
        busy: 1,
        away: 0,
        load,
        capacity: online * 4,
    };
    let mut model = desk();
    let workloads = [workload(BILLING, 3, 2, 8), workload(SALES, 1, 0, 0)];
    hear(
        &mut model,
        &busy_desk(),
        workloads.map(SocketEvent::Workload),
    );
    press(&mut model, "Esc W");
    model
}

fn pasted() -> Model {
    let mut model = desk();
    let now = model.now;
    let text = "one\ntwo\nthree\nfour\nfive\n".to_owned();
    update(&mut model, Msg::Paste(text), now);
    model
}

/// Calls `check` for each state at each size, with what it is called.
fn each(check: impl Fn(&str, &mut Model, (u16, u16))) {
    for (state, model) in STATES {
        for (columns, rows) in SIZES {
            let name = format!("{state}_{columns}x{rows}");
            check(&name, &mut model((columns, rows)), (columns, rows));
        }
    }
}

fn cells(buffer: &Buffer) -> impl Iterator<Item = ((u16, u16), &Cell)> {
    let places = buffer.area.positions().map(|at| (at.x, at.y));
    places.zip(buffer.content())
}

#[test]
fn every_state_at_every_size() {
    each(|name, model, (columns, rows)| {
        insta::assert_snapshot!(name, picture(model, &DARK, columns, rows));
    });
}

#[test]
fn light_differs_from_dark_in_colors_alone_as_the_theme_says() {
    let light = Theme::new(Tone::Light, false);
    let color = |theme: &Theme, role| theme.style(role).fg.unwrap_or(Color::Reset);
    let pairs: HashSet<(Color, Color)> = ROLES
        .into_iter()
        .map(|role| (color(&DARK, role), color(&light, role)))
        .collect();
    each(|name, model, (columns, rows)| {
        let dark = drawn(model, &DARK, columns, rows);
        let light = drawn(model, &light, columns, rows);
        for ((at, dark), (_, light)) in cells(&dark).zip(cells(&light)) {
            assert_eq!(dark.symbol(), light.symbol(), "{name} at {at:?}");
            assert_eq!(dark.modifier, light.modifier, "{name} at {at:?}");
            assert!(
                pairs.contains(&(dark.fg, light.fg)),
                "{name} at {at:?}: {} and {} are no role's",
                dark.fg,
                light.fg
            );
            assert_eq!((dark.bg, light.bg), (Color::Reset, Color::Reset), "{name}");
        }
    });
}

#[test]
fn without_colors_there_are_the_same_words_and_at_least_the_same_weight() {
    let none = Theme::new(Tone::None, false);
    each(|name, model, (columns, rows)| {
        let dark = drawn(model, &DARK, columns, rows);
        let none = drawn(model, &none, columns, rows);
        for ((at, dark), (_, none)) in cells(&dark).zip(cells(&none)) {
            assert_eq!(dark.symbol(), none.symbol(), "{name} at {at:?}");
            assert_eq!((none.fg, none.bg), (Color::Reset, Color::Reset), "{name}");
            let more = none.modifier - dark.modifier;
            let colored = dark.fg != Color::Reset;
            assert!(
                none.modifier.contains(dark.modifier)
                    && (more.is_empty() || colored && more == Modifier::BOLD),
                "{name} at {at:?}: {:?} is {:?} without colors",
                dark.modifier,
                none.modifier
            );
        }
    });
}

/// What stands in the rows of a colour that touch each other.
struct Block {
    color: Color,
    columns: (u16, u16),
    last_row: u16,
    text: String,
}

fn blocks(buffer: &Buffer) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for ((x, y), cell) in cells(buffer) {
        if cell.fg == Color::Reset {
            continue;
        }
        let touches = |block: &&mut Block| {
            let (start, end) = block.columns;
            let beside = block.last_row == y && end + 2 >= x;
            let below = block.last_row + 1 == y && (start..=end).contains(&x);
            block.color == cell.fg && (beside || below)
        };
        match blocks.iter_mut().rev().find(touches) {
            Some(block) => {
                if block.last_row != y {
                    block.text.push('\n');
                }
                block.columns = (block.columns.0.min(x), block.columns.1.max(x));
                block.last_row = y;
                block.text.push_str(cell.symbol());
            }
            None => blocks.push(Block {
                color: cell.fg,
                columns: (x, x),
                last_row: y,
                text: cell.symbol().to_owned(),
            }),
        }
    }
    blocks
}

/// The words and marks of which one stands wherever the dark theme has that colour.
fn marks(color: Color) -> &'static [&'static str] {
    match color {
        // A reply's border, or a customer, who is named and has no mark before the time.
        Color::LightCyan => &["REPLY", "Ana", "Bo", "Dmitri"],
        // A colleague, or the assistant.
        Color::LightGreen => &[">", "AI"],
        // A note, what is new, what to look at.
        Color::LightYellow => &[
            "~",
            "NOTE",
            "[note]",
            " new",
            "^",
            "1",
            "2",
            "reconnecting",
            "!",
        ],
        // Refused, lost, over.
        Color::LightRed => &["!", "error:", "is over", "took over", "R retry"],
        other => panic!("{other} is no color of the dark theme"),
    }
}

#[test]
fn no_color_says_what_no_word_or_mark_says() {
    each(|name, model, (columns, rows)| {
        // What lies over the desk may hide the word and leave the end of its row.
        if !matches!(model.overlay, None | Some(Overlay::Wall)) {
            return;
        }
        let dark = drawn(model, &DARK, columns, rows);
        // A colour on blanks is not seen.
        let seen = |block: &Block| !block.text.trim().is_empty();
        for block in blocks(&dark).into_iter().filter(seen) {
            let marked = marks(block.color)
                .iter()
                .any(|mark| block.text.contains(mark));
            // The word is at the end of the row, behind the numbers.
            let warned = model.overlay.is_some() && row_text(&dark, block.last_row).contains("! ");
            assert!(
                marked || warned,
                "{name}: only {} tells what this is: {:?}",
                block.color,
                block.text
            );
        }
    });
}

/// Inverse rows below the header are what is chosen; a mark says so too.
#[test]
fn what_is_chosen_is_inverse_and_marked_in_every_look() {
    for tone in [Tone::Dark, Tone::Light, Tone::None] {
        let theme = Theme::new(tone, false);
        each(|name, model, (columns, rows)| {
            let buffer = drawn(model, &theme, columns, rows);
            let inverse = |x, y| buffer[(x, y)].modifier.contains(Modifier::REVERSED);
            assert!((0..columns).all(|x| inverse(x, 0)), "{name}: the header");
            let mut chosen = Vec::new();
            for y in 1..rows {
                let run: String = (0..columns)
                    .filter(|x| inverse(*x, y))
                    .map(|x| buffer[(x, y)].symbol())
                    .collect();
                if !run.is_empty() {
                    assert!(run.contains('>') || run.contains('['), "{name}: {run:?}");
                    chosen.push(run);
                }
            }
            let picks = matches!(model.overlay, Some(Overlay::Picker(_)));
            let choice = chosen.iter().any(|run| run.starts_with("> "));
            assert_eq!(choice, picks, "{name}: the choice among {chosen:?}");
            let listed = columns >= 60 && model.overlay.is_none() && model.current().is_some();
            if listed && model.view.chats.len() > 1 {
                let here = chosen.iter().filter(|run| run[1..].starts_with('>'));
                assert_eq!(here.count(), 1, "{name}: the chat in front, {chosen:?}");
            }
        });
    }
}

#[test]
fn the_mode_is_a_word_at_every_size() {
    let none = Theme::new(Tone::None, true);
    for (columns, rows) in SIZES {
        let mut model = desk();
        for (chord, word, other) in [("Esc", "NAV", "COMPOSE"), ("i", "REPLY", "NAV")] {
            press(&mut model, chord);
            let buffer = drawn(&mut model, &none, columns, rows);
            let text: Vec<String> = (0..rows).map(|y| row_text(&buffer, y)).collect();
            let text = text.join("\n");
            assert!(text.contains(word), "{columns}x{rows}, {chord}\n{text}");
            assert!(!text.contains(other), "{columns}x{rows}, {chord}\n{text}");
        }
    }
}

#[test]
fn ascii_is_ascii_in_the_same_columns() {
    let ascii = Theme::new(Tone::Dark, true);
    each(|name, model, (columns, rows)| {
        let dark = drawn(model, &DARK, columns, rows);
        let ascii = drawn(model, &ascii, columns, rows);
        for ((at, dark), (_, ascii)) in cells(&dark).zip(cells(&ascii)) {
            let symbol = match dark.symbol() {
                "─" => "-",
                "═" => "=",
                "│" => "|",
                other => other,
            };
            assert_eq!(ascii.symbol(), symbol, "{name} at {at:?}");
            // Nobody in these stories writes anything else.
            assert!(ascii.symbol().is_ascii(), "{name} at {at:?}");
            assert_eq!(ascii.style(), dark.style(), "{name} at {at:?}");
        }
    });
}
