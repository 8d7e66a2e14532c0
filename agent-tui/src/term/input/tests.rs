//! Keys that come apart, answers that come late, pastes that come as keys.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use proptest::{
    collection::vec,
    prelude::{any, prop_assert, prop_assert_eq, proptest},
};

use super::{Input, Line, SLOW_ESC, Unfinished};

/// Events as they come out, and the time.
struct Keyboard {
    input: Input,
    now: Instant,
    seen: Vec<Event>,
}

impl Keyboard {
    fn new(line: Line) -> Self {
        let now = Instant::now();
        Self {
            input: Input::new(line, now),
            now,
            seen: Vec::new(),
        }
    }

    /// Bytes that arrive in one read, as crossterm reads those that are used here.
    fn read(&mut self, text: &str) {
        for event in events(text) {
            self.input.feed(event, self.now, &mut self.seen);
        }
        self.input.settle(&mut self.seen);
    }

    /// Lets time pass, and what is due happen.
    fn wait(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(due) = self.input.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.input.expire(self.now, &mut self.seen);
        }
        self.now = end;
    }

    /// What came out, in words.
    fn seen(&self) -> String {
        let words = self.seen.iter().map(|event| match event {
            Event::Key(key) => {
                let alt = key.modifiers.contains(KeyModifiers::ALT);
                let control = key.modifiers.contains(KeyModifiers::CONTROL);
                let alt = if alt { "Alt+" } else { "" };
                let control = if control { "Ctrl+" } else { "" };
                match key.code {
                    KeyCode::Char(c) => format!("{control}{alt}{c}"),
                    code => format!("{control}{alt}{code:?}"),
                }
            }
            Event::Paste(text) => format!("Paste({text:?})"),
            other => format!("{other:?}"),
        });
        words.collect::<Vec<String>>().join(" ")
    }
}

fn events(text: &str) -> Vec<Event> {
    let mut events = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let key = match c {
            '\x1b' => match chars.next() {
                Some(c) => KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT),
                None => KeyCode::Esc.into(),
            },
            '\r' => KeyCode::Enter.into(),
            '\n' => KeyEvent::new(KeyCode::Char('j'), KeyModifiers::CONTROL),
            '\t' => KeyCode::Tab.into(),
            '\x07' => KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL),
            c => KeyCode::Char(c).into(),
        };
        events.push(Event::Key(key));
    }
    events
}

const SLOW: Line = Line {
    esc_hold: SLOW_ESC,
    brackets: true,
    late: false,
    unfinished: None,
};
const LATE: Line = Line { late: true, ..SLOW };
const BARE: Line = Line {
    brackets: false,
    ..SLOW
};

/// Reads `parts` with so many milliseconds between.
#[track_caller]
fn check(line: Line, gap_ms: u64, parts: &[&str], want: &str) {
    let mut keyboard = Keyboard::new(line);
    for part in parts {
        keyboard.read(part);
        keyboard.wait(gap_ms);
    }
    keyboard.wait(1_000);
    assert_eq!(keyboard.seen(), want, "{parts:?}");
}

#[test]
fn a_key_in_two_packets_is_one_key() {
    check(SLOW, 30, &["\x1b", "a"], "Alt+a");
    check(SLOW, 30, &["\x1b", "\r"], "Alt+Enter");
    check(SLOW, 30, &["\x1b", "[", "A"], "Up");
    check(SLOW, 30, &["\x1b", "[1;5C", "x"], "Ctrl+Right x");
    check(SLOW, 30, &["\x1b", "OP"], "F(1)");
    check(SLOW, 30, &["x", "\x1b", "[6~"], "x PageDown");
}

#[test]
fn a_lone_esc_is_given_after_a_moment() {
    check(SLOW, 50, &["\x1b", "a"], "Esc a");
    check(SLOW, 30, &["\x1b", "\x1b", "a"], "Esc Alt+a");
    check(SLOW, 50, &["\x1b", "\x1b"], "Esc Esc");
    check(SLOW, 50, &["\x1b", "["], "Esc [");
    check(SLOW, 45, &["\x1b["], "Alt+[");
    let mut keyboard = Keyboard::new(SLOW);
    keyboard.read("\x1b");
    keyboard.wait(39);
    assert_eq!(keyboard.seen(), "");
    keyboard.wait(1);
    assert_eq!(keyboard.seen(), "Esc");
    assert_eq!(keyboard.input.deadline(), None);
}

#[test]
fn a_near_terminal_waits_for_nothing() {
    let near = Line {
        esc_hold: Duration::ZERO,
        ..SLOW
    };
    let mut keyboard = Keyboard::new(near);
    keyboard.read("\x1b");
    keyboard.read("a");
    assert_eq!(keyboard.seen(), "Esc a");
    assert_eq!(keyboard.input.deadline(), None);
}

#[test]
fn an_answer_that_comes_late_is_not_typed() {
    check(LATE, 0, &["\x1b]11;rgb:1e1e/2020/ffff\x1b\\", "hi"], "h i");
    check(LATE, 0, &["\x1b]11;rgb:f/f/e\x07hi"], "h i");
    check(LATE, 100, &["\x1b]11;rg", "b:1e1e/2020/", "ffff\x07x"], "x");
    check(LATE, 20, &["\x1b", "]11;rgb:0/0/0\x1b", "\\", "x"], "x");
    check(LATE, 20, &["\x1b", "[?2026;2$y", "x"], "x");
}

#[test]
fn what_is_no_answer_is_typed() {
    check(LATE, 0, &["\x1b]hello"], "Alt+] h e l l o");
    check(LATE, 0, &["\x1b]1x"], "Alt+] 1 x");
    check(LATE, 0, &["\x1b]"], "Alt+]");
    check(SLOW, 0, &["\x1b]11;x"], "Alt+] 1 1 ; x");
    let mut keyboard = Keyboard::new(LATE);
    keyboard.wait(6_000);
    keyboard.read("x");
    keyboard.read("\x1b]");
    assert_eq!(keyboard.seen(), "x Alt+]", "nothing is late after so long");
}

#[test]
fn the_rest_of_a_cut_answer_is_not_typed() {
    let cut = |unfinished| Line {
        unfinished: Some(unfinished),
        ..SLOW
    };
    check(cut(Unfinished::Osc), 0, &["20/ffff\x1b\\hi"], "h i");
    check(cut(Unfinished::Osc), 0, &["\\", "hi"], "h i");
    check(cut(Unfinished::Csi), 0, &["26;2$yhi"], "h i");
    check(cut(Unfinished::Esc), 0, &["]11;rgb:0/0/0\x07hi"], "h i");
    check(cut(Unfinished::Esc), 0, &["[?2026;2$y", "hi"], "h i");
    check(cut(Unfinished::Esc), 0, &["hi"], "h i");
    check(cut(Unfinished::Csi), 600, &["", "hi"], "h i");
}

#[test]
fn a_burst_with_a_line_end_is_a_paste() {
    let text = "The first line of it\rand more";
    check(
        BARE,
        0,
        &[text],
        r#"Paste("The first line of it\nand more")"#,
    );
    let (start, end) = text.split_at(9);
    check(
        BARE,
        20,
        &[start, end],
        r#"Paste("The first line of it\nand more")"#,
    );
    let line = "one line and its Enter\r";
    check(BARE, 0, &[line], r#"Paste("one line and its Enter\n")"#);
    let tabs = "with\ttabs and\nline feeds in it";
    check(
        BARE,
        0,
        &[tabs],
        r#"Paste("with\ttabs and\nline feeds in it")"#,
    );
}

#[test]
fn typing_is_no_paste() {
    check(BARE, 0, &["hi\r"], "h i Enter");
    let typed: Vec<String> = "twenty and more letters\r"
        .chars()
        .map(String::from)
        .collect();
    let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
    let mut keyboard = Keyboard::new(BARE);
    for key in typed {
        keyboard.read(key);
        keyboard.wait(31);
    }
    assert!(
        keyboard.seen().ends_with("r s Enter"),
        "{}",
        keyboard.seen()
    );
    let long = "a line of words without an end";
    let mut keyboard = Keyboard::new(BARE);
    keyboard.read(long);
    keyboard.wait(30);
    assert_eq!(keyboard.seen.len(), long.len());
    check(BARE, 0, &["yes\r\x1ba"], "y e s Enter Alt+a");
}

#[test]
fn a_single_key_is_not_held() {
    let mut keyboard = Keyboard::new(BARE);
    keyboard.read("a");
    assert_eq!(keyboard.seen(), "a");
    keyboard.read("\r");
    assert_eq!(keyboard.seen(), "a Enter");
    assert_eq!(keyboard.input.deadline(), None);
}

#[test]
fn a_terminal_that_marks_pastes_needs_no_guess() {
    let text = "The first line of it\r";
    let mut keyboard = Keyboard::new(SLOW);
    keyboard.read(text);
    assert_eq!(keyboard.seen.len(), text.len());
    let mut keyboard = Keyboard::new(BARE);
    let paste = Event::Paste("x".to_owned());
    let now = keyboard.now;
    keyboard.input.feed(paste, now, &mut keyboard.seen);
    keyboard.read(text);
    assert_eq!(keyboard.seen.len(), 1 + text.len());
}

#[test]
fn a_paste_whose_mark_was_cut_is_a_paste() {
    check(SLOW, 30, &["\x1b", "[200~yes\r"], r#"Paste("yes\n")"#);
    let parts = ["\x1b", "[200~rm -rf\r", "yes\r"];
    check(SLOW, 30, &parts, r#"Paste("rm -rf\nyes\n")"#);
}

proptest! {
    #[test]
    fn no_text_is_lost(
        parts in vec(("[a-z\r ]{0,40}", 0_u64..60), 0..12),
        brackets in any::<bool>(),
        late in any::<bool>(),
    ) {
        let mut keyboard = Keyboard::new(Line { brackets, late, ..SLOW });
        let mut typed = String::new();
        for (part, gap) in &parts {
            keyboard.read(part);
            typed.push_str(&part.replace('\r', "\n"));
            keyboard.wait(*gap);
        }
        keyboard.wait(1_000);
        prop_assert!(keyboard.input.deadline().is_none());
        let text: String = keyboard.seen.iter().map(|event| match event {
            Event::Key(key) if key.code == KeyCode::Enter => "\n".to_owned(),
            Event::Key(key) => key.code.to_string().replace("Space", " "),
            Event::Paste(text) => text.clone(),
            _ => String::new(),
        }).collect();
        prop_assert_eq!(text, typed);
    }
}
