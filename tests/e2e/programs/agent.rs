//! The console: whatever ends it, the terminal is as it was, and what was written is kept.

use std::path::Path;
use std::thread;
use std::time::Instant;

use rustix::process::Signal;
use tests::desk::{Desk, PATIENCE, header, prompts};
use tests::process::Exit;
use tests::programs::programs;
use tests::pty::Pty;

const CTRL_Q: &str = "\x11";

/// The console has ended so, and its terminal edits lines on its first screen, with a cursor.
#[track_caller]
fn left(console: &Pty, exit: Exit) {
    assert_eq!(console.wait_exit(PATIENCE), exit);
    assert!(console.is_cooked(), "raw mode stays");
    let raw = console.raw();
    let last = |bytes: &[u8]| raw.windows(bytes.len()).rposition(|window| window == bytes);
    for (on, off) in [
        ("\x1b[?1049h", "\x1b[?1049l"),
        ("\x1b[?2004h", "\x1b[?2004l"),
    ] {
        assert!(last(on.as_bytes()).is_some(), "{on:?} was never written");
        assert!(last(off.as_bytes()) > last(on.as_bytes()), "{on:?} stays");
    }
    assert!(
        last(b"\x1b[?25h") > last(b"\x1b[?25l"),
        "the cursor stays hidden"
    );
}

#[test]
fn the_terminal_is_restored_on_every_way_out() {
    let mut desk = Desk::start();
    let ana = desk.agent("Ana", "Customer Care");

    let console = desk.console(&ana);
    assert!(!console.is_cooked(), "the console has the terminal");
    console.send(CTRL_Q);
    left(&console, Exit::Code(0));

    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let console = desk.console(&ana);
        console.signal(signal);
        left(&console, Exit::Code(code));
    }

    let console = desk.console(&ana);
    desk.hub.kill9();
    console.wait_text("reconnecting in", PATIENCE);
    console.send(CTRL_Q);
    left(&console, Exit::Code(0));
}

#[test]
fn a_draft_survives_a_kill() {
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
    console.send("Half a thought");
    console.wait_text("Half a thought", PATIENCE);
    let drafts = ana.home().path().join("state/frontdesk/drafts");
    let typed = Instant::now();
    while !holds(&drafts, "Half a thought") {
        assert!(
            typed.elapsed() < PATIENCE,
            "no draft in {}",
            drafts.display()
        );
        // No program tells when it has written a file.
        thread::yield_now();
    }
    console.kill9();

    let console = desk.console(&ana);
    console.wait_text("Half a thought", PATIENCE);
    console.send_line(", finished");
    console.wait_for("the message, stored", PATIENCE, |screen| {
        let text = screen.contents();
        let line = text
            .lines()
            .find(|line| line.contains("Half a thought, finished"));
        line.is_some_and(|line| line.contains("you +"))
    });
}

#[test]
fn who_reads_while_typing_is_still_typing() {
    let mut desk = Desk::start();
    let ana = desk.agent("Ana", "Customer Care");
    let console = desk.console_online(&ana);
    let bo = desk.customer();
    let args = ["--name", "Bo", "--message", "hello"];
    let asked = bo.run(&programs().chat, &args, "", PATIENCE);
    assert_eq!(asked.code(), 0, "{asked:?}");
    console.wait_for("the chat", PATIENCE, |screen| {
        header(screen).contains("mine 1")
    });
    console.send("\x1ba");
    console.wait_text("hello", PATIENCE);
    let customer = desk.chat(&bo, &["resume"]);
    customer.wait_for("the prompt", PATIENCE, prompts);
    customer.wait_text("(seen)", PATIENCE);

    customer.send("Half a question");
    console.wait_text("Bo is typing...", PATIENCE);
    console.send_line("Half an answer");
    let mut still = false;
    console.wait_for("the answer, read by the customer", PATIENCE, |screen| {
        let text = screen.contents();
        still = text.contains("Bo is typing...");
        text.contains("you ++")
    });
    assert!(still, "reading ends the typing:\n{}", console.screen());
}

/// Whether a draft in `folder` or deeper holds `text`; one that is still being written has another
/// ending.
fn holds(folder: &Path, text: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            return holds(&path, text);
        }
        let whole = path.extension().is_some_and(|ending| ending == "json");
        whole && std::fs::read_to_string(&path).is_ok_and(|file| file.contains(text))
    })
}
