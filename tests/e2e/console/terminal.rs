//! What the console makes of terminals that are silent, slow or poor, and of programs that have the
//! terminal for a while.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use tests::cli::Cli;
use tests::desk::{CONTEXT, Desk, PATIENCE, header};
use tests::home::Home;
use tests::process::Exit;
use tests::programs::programs;
use tests::pty::{Pty, Terminal};
use tests::report;

const CTRL_Q: &str = "\x11";
const SILENT: Terminal = Terminal {
    answers: false,
    ..Terminal::sized(24, 80)
};

#[track_caller]
fn live(console: &Pty) {
    console.wait_for("a live connection", PATIENCE, |screen| {
        header(screen).contains("live")
    });
}

fn console_in(home: &Home, terminal: Terminal) -> Pty {
    Pty::start(home, terminal, &programs().agent, &["--context", CONTEXT])
}

/// A desk with one agent who has one chat in front of the console.
fn desk_with_chat() -> (Desk, Cli) {
    let mut desk = Desk::start();
    let ana = desk.agent("Ana", "Customer Care");
    let console = desk.console_online(&ana);
    let args = ["--name", "Bo", "--message", "hello"];
    let asked = desk.customer().run(&programs().chat, &args, "", PATIENCE);
    assert_eq!(asked.code(), 0, "{asked:?}");
    console.wait_for("the chat", PATIENCE, |screen| {
        header(screen).contains("mine 1")
    });
    console.send("\x1ba");
    console.wait_text("hello", PATIENCE);
    console.send(CTRL_Q);
    assert_eq!(console.wait_exit(PATIENCE), Exit::Code(0));
    (desk, ana)
}

/// What stands in the rows of the composer, as far as one row is concerned.
fn composer(console: &Pty) -> String {
    let screen = console.screen();
    let rows = screen.lines().skip_while(|line| !line.contains("REPLY to"));
    rows.skip(1).take(1).collect()
}

#[test]
fn a_silent_terminal_costs_no_time() {
    let (_desk, ana) = desk_with_chat();
    let start = Instant::now();
    let console = console_in(ana.home(), SILENT);
    console.wait_for("a frame", PATIENCE, |screen| {
        header(screen).contains("mine")
    });
    let first = start.elapsed();
    report(&format!("first frame in a silent terminal: {first:?}"));
    let answering = Instant::now();
    let quick = console_in(ana.home(), Terminal::sized(24, 80));
    quick.wait_for("a frame", PATIENCE, |screen| {
        header(screen).contains("mine")
    });
    let quick_first = answering.elapsed();
    report(&format!("first frame in one that answers: {quick_first:?}"));
    // What the silence adds; the rest is the machine, which other tests keep busy.
    assert!(
        first < quick_first + Duration::from_millis(500),
        "{first:?}"
    );
    live(&console);
}

#[test]
fn an_answer_that_comes_late_is_not_typed() {
    let (_desk, ana) = desk_with_chat();
    let console = console_in(ana.home(), SILENT);
    live(&console);
    console.wait_text("hello", PATIENCE);
    console.send("\x1b]11;rgb:1e1e/2020/ffff\x1b\\\x1b[?2026;2$y\x1b[?2004;2$y\x1b[?0u\x1b[?6c");
    console.send("typed");
    console.wait_text("typed", PATIENCE);
    assert_eq!(
        composer(&console).split('│').next_back().unwrap().trim(),
        "typed"
    );
}

#[test]
fn a_paste_sends_nothing_whether_it_is_marked_or_not() {
    let (_desk, ana) = desk_with_chat();
    let console = console_in(ana.home(), SILENT);
    live(&console);
    console.wait_text("hello", PATIENCE);
    console.send("The first line of it\rand the second\r");
    console.wait_text("and the second", PATIENCE);
    assert!(!console.screen().contains("you "), "{}", console.screen());
    // Ctrl+C clears the draft.
    console.send("\x03");
    console.wait_text("draft cleared", PATIENCE);
    console.send("\x1b[200~one\rtwo\r\x1b[31m\x1b[201~");
    console.wait_text("two", PATIENCE);
    assert!(!console.screen().contains("you "), "{}", console.screen());
    console.send("\x03");
    console.wait_text("draft cleared", PATIENCE);
    console.send("\x1b[200~1\r2\r3\r4\r5\rlast\x1b[201~");
    console.wait_text("paste of 6 lines", PATIENCE);
    console.send("i");
    console.wait_for("the paste in the composer", PATIENCE, |screen| {
        let text = screen.contents();
        !text.contains("paste of") && text.contains("last")
    });
    assert!(!console.screen().contains("you "), "{}", console.screen());
    console.send("\r");
    console.wait_text("you +", PATIENCE);
}

#[test]
fn over_ssh_a_key_in_two_packets_is_one_key() {
    let (_desk, ana) = desk_with_chat();
    let far = ana.home().clone();
    let far = far.with_env("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22");
    let far = far.with_env("FRONTDESK_AGENT_ESC_MS", "1000");
    let console = console_in(&far, Terminal::sized(24, 80));
    live(&console);
    console.send("one two");
    console.wait_text("one two", PATIENCE);
    let drawn = console.raw().len();
    console.send("\x1b");
    console.send("[D");
    console.send("X");
    console.wait_text("one twXo", PATIENCE);
    assert!(!console.screen().contains("NAV"), "{}", console.screen());
    report(&format!(
        "drawn for it: {} bytes",
        console.raw().len() - drawn
    ));
}

#[test]
fn the_editor_has_the_terminal_and_gives_the_text() {
    let (_desk, ana) = desk_with_chat();
    let script = ana.home().path().join("editor");
    // Says what it sees, takes one line from the keyboard, and does what that says.
    let text = r#"#!/bin/sh
echo "editing $(stat -c %a "$1") <$(cat "$1")>"
echo "$1" > "$HOME/file"
read line
case "$line" in
  fail) echo broken > "$1"; exit 3;;
  *) printf 'edited: %s' "$line" > "$1";;
esac
"#;
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o700)).unwrap();
    let home = ana.home().clone().with_env("EDITOR", &script);
    let console = console_in(&home, Terminal::sized(24, 80));
    live(&console);
    console.send("my draft");
    console.wait_text("my draft", PATIENCE);

    console.send("\x1be");
    console.wait_text("editing 600 <my draft>", PATIENCE);
    assert!(console.is_cooked(), "the editor has the terminal");
    console.send("fail\r");
    console.wait_text("the draft is as before", PATIENCE);
    assert!(
        composer(&console).contains("my draft"),
        "{}",
        console.screen()
    );
    let file = std::fs::read_to_string(ana.home().path().join("file")).unwrap();
    assert!(!std::path::Path::new(file.trim()).exists(), "{file}");

    console.send("\x1be");
    console.wait_text("editing 600 <my draft>", PATIENCE);
    console.send("by hand\r");
    console.wait_for("the whole screen again", PATIENCE, |screen| {
        let text = screen.contents();
        text.contains("edited: by hand") && text.contains("hello") && !text.contains("editing")
    });
    assert!(!console.is_cooked());
    assert!(!std::path::Path::new(file.trim()).exists(), "{file}");
    console.send("!");
    console.wait_text("edited: by hand!", PATIENCE);
}

#[test]
fn without_colour_the_choice_is_inverse() {
    let (_desk, ana) = desk_with_chat();
    let home = ana.home().clone().with_env("NO_COLOR", "1");
    let console = console_in(&home, Terminal::sized(24, 80));
    live(&console);
    console.send("\x07");
    console.wait_text("go to a chat", PATIENCE);
    console.wait_for("an inverse choice", PATIENCE, |screen| {
        let chosen = (0..24).find(|row| {
            let line: String = (0..80)
                .filter_map(|column| screen.cell(*row, column))
                .map(vt100::Cell::contents)
                .collect();
            line.contains("> #")
        });
        let inverse = |row| {
            let cells = (0..80).filter_map(|column| screen.cell(row, column));
            cells.filter(|cell| cell.inverse()).count() > 10
        };
        chosen.is_some_and(inverse)
    });
    let raw = String::from_utf8_lossy(&console.raw()).into_owned();
    for colour in ["\x1b[38;", "\x1b[48;", "\x1b[31m", "\x1b[;m"] {
        assert!(!raw.contains(colour), "{colour:?}");
    }
}

#[test]
fn the_title_is_counted_up_and_given_back() {
    let (desk, ana) = desk_with_chat();
    let console = console_in(ana.home(), Terminal::sized(24, 80));
    live(&console);
    console.wait_text("hello", PATIENCE);
    let bell = |console: &Pty| {
        let raw = String::from_utf8_lossy(&console.raw()).into_owned();
        raw.replace("frontdesk - desk\x07", "")
            .matches('\x07')
            .count()
    };
    assert_eq!(bell(&console), 0);
    // The terminal loses the focus of the desktop.
    console.send("\x1b[O");
    let name = "\x1b]0;owned\x07";
    let args = ["--name", name, "--message", "\x1b]2;owned\x07 help"];
    let asked = desk.customer().run(&programs().chat, &args, "", PATIENCE);
    assert_eq!(asked.code(), 0, "{asked:?}");
    console.wait_for("the second chat", PATIENCE, |screen| {
        header(screen).contains("mine 2")
    });
    console.send(CTRL_Q);
    assert_eq!(console.wait_exit(PATIENCE), Exit::Code(0));
    let raw = String::from_utf8_lossy(&console.raw()).into_owned();
    assert!(raw.contains("\x1b]2;frontdesk - desk\x07"));
    assert!(raw.contains("\x1b]2;(1) frontdesk - desk\x07"));
    assert_eq!(raw.matches("\x1b]2;").count(), 2, "two titles");
    assert_eq!(
        raw.matches("\x1b]").count(),
        3,
        "and the question of the background"
    );
    assert!(raw.replace(" - desk\x07", "").contains('\x07'), "a bell");
    assert!(raw.ends_with("\x1b[23;0t"), "given back at the end");
}
