//! What is on the screen: pictures of the main states, and hostile texts through every place that
//! shows one.

use std::time::Duration;

use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, layout::Rect, style::Style};
use shared::{
    client::socket::{SocketEvent, StopReason},
    event::Event,
    id::{ChatId, UserId},
    model::{Visibility, Workload},
    text::{HOSTILE, SafeText, width},
};

use super::view;
use crate::{
    fixture::{
        BILLING, MIA, SALES, Story, TOM, busy_desk, connected, console, console_of, delivered,
        hear, press, two_o_clock, type_text,
    },
    model::Model,
    msg::Msg,
    term::Display,
    theme::{Theme, Tone},
    update::update,
};

pub(super) const DARK: Theme = Theme {
    tone: Tone::Dark,
    lines: crate::theme::DRAWN,
};

/// The screen of `model` in that size: its text, then where it is not plain.
pub(super) fn picture(model: &mut Model, theme: &Theme, columns: u16, rows: u16) -> String {
    let now = model.now;
    update(model, Msg::Resize(columns, rows), now);
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal");
    terminal
        .draw(|frame| view(model, theme, frame))
        .expect("drawn");
    let mut picture = String::new();
    let buffer = terminal.backend().buffer();
    for y in 0..rows {
        let (mut x, mut line) = (0, String::new());
        while x < columns {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // The cell behind a wide character is blank and never written.
            x += u16::try_from(width(symbol).max(1)).expect("one or two");
        }
        picture.push_str(line.trim_end());
        picture.push('\n');
    }
    picture.push_str("-- styles\n");
    for y in 0..rows {
        let runs = style_runs(buffer, y, columns);
        if !runs.is_empty() {
            picture.push_str(&format!("{y:>2}: {}\n", runs.join(", ")));
        }
    }
    picture
}

fn style_runs(buffer: &Buffer, y: u16, columns: u16) -> Vec<String> {
    let mut runs: Vec<(u16, u16, Style)> = Vec::new();
    for x in 0..columns {
        let style = buffer[(x, y)].style();
        match runs.last_mut() {
            Some((_, end, last)) if *last == style => *end = x,
            _ => runs.push((x, x, style)),
        }
    }
    let plain = Buffer::empty(Rect::new(0, 0, 1, 1))[(0, 0)].style();
    let styled = runs.into_iter().filter(|(_, _, style)| *style != plain);
    let text = styled.map(|(start, end, style)| {
        let color = style.fg.map(|color| format!("{color}")).unwrap_or_default();
        let color = color.replace("Reset", "");
        let bits = style.add_modifier;
        let bits = if bits.is_empty() {
            String::new()
        } else {
            format!("{bits:?}").replace("Modifier", "")
        };
        format!("{start}-{end} {color}{bits}")
    });
    text.collect()
}

pub(super) fn desk() -> Model {
    let mut model = console_of(&busy_desk());
    model.focused = true;
    model
}

#[test]
fn the_desk_at_every_size() {
    let mut model = desk();
    type_text(
        &mut model,
        "Thanks Ana - I have fixed the VAT id and re-issued the invoice",
    );
    for (columns, rows) in [(39, 8), (40, 8), (60, 16), (80, 24), (120, 40), (160, 50)] {
        if columns == 120 {
            press(&mut model, "Esc v i");
        }
        if columns == 160 {
            press(&mut model, "Esc v i");
        }
        let name = format!("desk_{columns}x{rows}");
        insta::assert_snapshot!(name, picture(&mut model, &DARK, columns, rows));
    }
}

#[test]
fn four_chats_stand_side_by_side_on_a_wide_terminal() {
    let mut model = desk();
    picture(&mut model, &DARK, 200, 50);
    press(&mut model, "Esc v 2 v 3 v 4");
    let screen = picture(&mut model, &DARK, 200, 50);
    let composers = screen
        .lines()
        .map(|line| line.matches("REPLY").count())
        .max();
    assert_eq!(composers, Some(4), "{screen}");
}

#[test]
fn a_note_differs_by_word_line_and_color() {
    let mut model = desk();
    press(&mut model, "Esc n");
    type_text(&mut model, "ask finance before refunding");
    insta::assert_snapshot!(picture(&mut model, &DARK, 80, 24));
}

#[test]
fn an_empty_desk_says_the_next_key() {
    let mut model = console_of(&Story::new());
    insta::assert_snapshot!(picture(&mut model, &DARK, 80, 24));
}

#[test]
fn loading_is_said() {
    let mut model = console();
    hear(&mut model, &Story::new(), [connected()]);
    insta::assert_snapshot!(picture(&mut model, &DARK, 60, 16));
}

#[test]
fn offline_messages_wait_and_failed_ones_say_why() {
    let mut model = desk();
    let story = busy_desk();
    type_text(&mut model, "first");
    press(&mut model, "Enter");
    let cid = model.threads[&ChatId(1)].outgoing[0].cid.clone();
    let nack = SocketEvent::Nack {
        cid,
        code: shared::error::ErrorCode::NotMember,
        message: "chat 1 belongs to Tom Hale".to_owned(),
        retry_in: None,
    };
    let lost = SocketEvent::Disconnected {
        why: "the hub does not answer".to_owned(),
        retry_in: Duration::from_secs(3),
        attempt: 2,
    };
    hear(&mut model, &story, [nack, lost]);
    type_text(&mut model, "second");
    press(&mut model, "Enter");
    insta::assert_snapshot!(picture(&mut model, &DARK, 80, 24));
}

#[test]
fn the_end_of_a_session_says_what_to_do() {
    let mut model = desk();
    type_text(&mut model, "half a sentence");
    let why = StopReason::Revoked;
    hear(&mut model, &busy_desk(), [SocketEvent::Stopped { why }]);
    insta::assert_snapshot!(picture(&mut model, &DARK, 80, 24));
}

#[test]
fn the_wall_says_in_words_what_to_look_at() {
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
    let story = busy_desk();
    let mut model = desk();
    let workloads = [workload(BILLING, 3, 2, 8), workload(SALES, 1, 0, 0)];
    hear(&mut model, &story, workloads.map(SocketEvent::Workload));
    press(&mut model, "Esc W");
    insta::assert_snapshot!("wall", picture(&mut model, &DARK, 80, 24));
    insta::assert_snapshot!("wall_narrow", picture(&mut model, &DARK, 40, 8));
}

#[test]
fn overlays() {
    let cases = [
        ("palette", "Esc :"),
        ("help", "F1"),
        ("transfer", "Esc t"),
        ("go_to", "Ctrl+G"),
        ("close", "Esc x"),
        ("status", "Esc S"),
    ];
    for (name, keys) in cases {
        let mut model = desk();
        press(&mut model, keys);
        insta::assert_snapshot!(name, picture(&mut model, &DARK, 80, 24));
    }
    let mut model = desk();
    let now = model.now;
    update(
        &mut model,
        Msg::Paste("one\ntwo\nthree\nfour\nfive\n".to_owned()),
        now,
    );
    insta::assert_snapshot!("paste", picture(&mut model, &DARK, 80, 24));
}

#[test]
fn a_waiting_chat_is_not_ours_yet() {
    let mut model = desk();
    press(&mut model, "Esc 3");
    insta::assert_snapshot!(picture(&mut model, &DARK, 80, 24));
}

#[test]
fn reading_history_never_moves() {
    let mut story = busy_desk();
    for number in 0..30 {
        story.says(1, &format!("line number {number}"));
    }
    let mut model = console_of(&story);
    press(&mut model, "PgUp");
    let before = picture(&mut model, &DARK, 80, 24);
    let news = [
        delivered(story.says(1, "one more")),
        delivered(story.says(1, "and one more")),
    ];
    hear(&mut model, &story, news);
    let after = picture(&mut model, &DARK, 80, 24);
    let messages = |picture: &str| -> Vec<String> {
        let rows = picture.lines().skip(2).take(16);
        // The line above what is new counts on.
        let rows = rows.filter(|row| !row.contains(" new "));
        rows.map(|row| row.chars().skip(23).collect()).collect()
    };
    assert_eq!(messages(&before), messages(&after));
    assert!(after.contains("2 new below - End to jump"), "{after}");
    press(&mut model, "Alt+End");
    assert!(picture(&mut model, &DARK, 80, 24).contains("and one more"));
}

#[test]
fn without_colors_and_without_drawn_lines() {
    let mut model = desk();
    let plain = Theme::new(Tone::None, true);
    insta::assert_snapshot!("none_ascii", picture(&mut model, &plain, 80, 24));
    let light = Theme::new(Tone::Light, false);
    insta::assert_snapshot!("light", picture(&mut model, &light, 80, 24));
}

#[test]
fn wide_and_joined_characters_keep_their_columns() {
    let mut story = Story::new();
    story.open(1, "山田 太郎");
    story.assign(1, MIA);
    story.says(1, "請求書のVAT番号が間違っています。確認をお願いします。");
    story.says(
        1,
        "family 👨\u{200D}👩\u{200D}👧 flag 🇩🇪 keycap 1\u{FE0F}\u{20E3} नमस्ते ไทย",
    );
    story.says(1, "שלום, מה שלומך?");
    let mut model = console_of(&story);
    type_text(&mut model, "承知しました👍");
    insta::assert_snapshot!(picture(&mut model, &DARK, 80, 24));
}

/// The bytes of the first frame in that size.
fn first_frame(model: &mut Model, columns: u16, rows: u16) -> Vec<u8> {
    let now = model.now;
    update(model, Msg::Resize(columns, rows), now);
    let area = Rect::new(0, 0, columns, rows);
    let mut display = Display::new(area, false).expect("a display");
    let drawn = display.draw(|frame| view(model, &DARK, frame));
    drawn.expect("drawn")
}

#[test]
fn nothing_is_drawn_when_nothing_changed() {
    let mut model = desk();
    model.dirty = false;
    let now = model.now;
    update(&mut model, Msg::Tick, now);
    assert!(!model.dirty, "a tick within the minute");
    press(&mut model, "Esc");
    model.dirty = false;
    type_text(&mut model, "Q");
    assert!(!model.dirty, "a key without meaning");
    update(&mut model, Msg::Tick, now.after(Duration::from_secs(60)));
    assert!(model.dirty, "the clock");
}

/// What is left when the sequences that a terminal library writes are taken away.
fn without_sequences(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let mut rest = text.as_str();
    let mut kept = String::new();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        kept.push_str(before);
        let end = after
            .find(|c| ('\x40'..='\x7e').contains(&c))
            .expect("a whole sequence");
        rest = &after[end + 1..];
    }
    kept.push_str(rest);
    kept
}

fn assert_harmless(model: &mut Model, hostile: &str) {
    let drawn = without_sequences(&first_frame(model, 120, 40));
    let bad = |c: &char| {
        c.is_control()
            || matches!(*c, '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'
                | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}'
                | '\u{FEFF}' | '\u{AD}')
    };
    let found = drawn.chars().find(bad);
    assert_eq!(found, None, "{hostile:?} reached the terminal");
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    for hostile in HOSTILE {
        let mut story = busy_desk();
        let text = SafeText::block(hostile);
        for agent in story.view.agents.values_mut() {
            agent.name = text.clone();
            agent.reason = Some(text.clone());
        }
        for department in story.view.departments.values_mut() {
            department.name = text.clone();
        }
        for view in story.view.chats.values_mut() {
            view.chat.name = text.clone();
            view.chat.email = Some(text.clone());
            view.chat.tags.insert(text.clone());
        }
        story.says(1, hostile);
        let by = story.agent(TOM);
        let rated = Event::Rated {
            score: 1,
            comment: Some(text.clone()),
        };
        story.record(Some(ChatId(1)), by, rated);
        story.answers(1, TOM, hostile, Visibility::Note);
        let mut model = console_of(&story);
        model.settings.context = (*hostile).to_owned();
        let typing = SocketEvent::Typing {
            chat: ChatId(1),
            who: shared::frame::Typist {
                id: UserId(101),
                name: text.clone(),
                customer: true,
            },
            on: true,
            preview: None,
        };
        hear(&mut model, &story, [typing]);
        let now = model.now;
        update(&mut model, Msg::Paste((*hostile).to_owned()), now);
        assert_harmless(&mut model, hostile);
        let error = true;
        let text = (*hostile).to_owned();
        update(&mut model, Msg::Told { text, error }, now);
        for keys in ["Ctrl+G", "Esc Esc t", "Esc x", "Esc n"] {
            press(&mut model, keys);
            update(&mut model, Msg::Paste((*hostile).to_owned()), now);
            assert_harmless(&mut model, hostile);
            press(&mut model, "Esc Esc");
        }
        let long = format!("{hostile}\n").repeat(9);
        update(&mut model, Msg::Paste(long), now);
        assert_harmless(&mut model, hostile);
    }
}
