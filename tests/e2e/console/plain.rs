//! The console in lines: whole stories over pipes and over a dumb terminal, before a real hub. What
//! comes out is text and line ends, whatever anybody is called or writes.

use rustix::process::Signal;
use tests::cli::Cli;
use tests::desk::{CONTEXT, Desk, PATIENCE};
use tests::process::{Exit, Process};
use tests::programs::programs;
use tests::pty::{Pty, Terminal};

const ARGS: [&str; 3] = ["--context", CONTEXT, "--plain"];

/// The customer's own view of the chat.
#[track_caller]
fn transcript(customer: &Cli) -> String {
    let output = customer.run(&programs().chat, &["transcript", "1"], "", PATIENCE);
    assert_eq!(output.code(), 0, "{output:?}");
    output.stdout
}

#[track_caller]
fn asks(desk: &Desk, name: &str, text: &str) -> Cli {
    let customer = desk.customer();
    let args = ["--name", name, "--message", text];
    let asked = customer.run(&programs().chat, &args, "", PATIENCE);
    assert_eq!(asked.code(), 0, "{asked:?}");
    customer
}

/// Nothing but characters, line ends, and what the terminal itself puts before them.
#[track_caller]
fn only_text(bytes: &[u8], also: &str) {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let bad = |c: &char| {
        let code = u32::from(*c);
        let hides = matches!(code, 0x61c | 0x200b | 0x200e..=0x200f | 0x2028..=0x202e)
            || matches!(code, 0x2060..=0x206f | 0xfeff | 0xe0000..=0xe007f);
        *c != '\n' && !also.contains(*c) && (c.is_control() || hides)
    };
    let bad: Vec<char> = text.chars().filter(bad).collect();
    assert!(bad.is_empty(), "{bad:?} in {text:?}");
}

#[track_caller]
fn wait(process: &mut Process, text: &str) -> String {
    process.wait_line(text, PATIENCE, |line| line.contains(text))
}

#[test]
fn a_chat_from_claim_to_hand_over_in_lines() {
    let mut desk = Desk::start();
    desk.done(&["department", "create", "Billing"]);
    let ana = desk.agent("Ana", "Customer Care");
    let mut lines = ana.start(&programs().agent, &ARGS);
    wait(&mut lines, "connected to desk as");
    let bo = asks(&desk, "Bo", "where is my parcel");
    wait(&mut lines, "new in queue Customer Care: #1 Bo, place 1");

    lines.send_line("/go bo");
    wait(&mut lines, "#1 Bo: where is my parcel");
    lines.send_line("/accept");
    wait(&mut lines, "#1 Bo is yours now");
    lines.send_line("It comes on \\");
    lines.send_line("//Monday//");
    wait(&mut lines, "#1 stored");
    lines.send_line("/note asked the carrier");
    wait(&mut lines, "#1 note stored");
    let more = ["resume", "1", "--message", "thanks \u{1b}[31mred"];
    let asked = bo.run(&programs().chat, &more, "", PATIENCE);
    assert_eq!(asked.code(), 0, "{asked:?}");
    wait(&mut lines, "#1 Bo: thanks");
    lines.send_line("/transfer billing about the fee");
    wait(&mut lines, "#1 went to Billing");
    let output = lines.finish(PATIENCE);
    assert_eq!(output.code(), 0, "{output:?}");
    only_text(output.stdout.as_bytes(), "");
    assert_eq!(output.stderr, "");
    assert!(!output.stdout.contains("> "), "no prompt for a script");

    let read = transcript(&bo);
    let answer = "Ana: It comes on\n  //Monday//\n";
    assert!(read.contains(answer), "{read}");
    assert!(
        !read.contains("carrier") && !read.contains("the fee"),
        "{read}"
    );
    let all = desk.done(&["chat", "export", "1"]);
    assert!(
        all.contains("asked the carrier") && all.contains("about the fee"),
        "{all}"
    );
}

#[test]
fn a_script_sends_what_it_says_or_stops() {
    let mut desk = Desk::start();
    let ana = desk.agent("Ana", "Customer Care");
    let bo = asks(&desk, "Bo", "hello");
    let agent = &programs().agent;
    let script = |text: &str| ana.run(agent, &ARGS, text, PATIENCE);

    let sent = script("/go 1\n/accept\nfirst answer\n/quit\n");
    assert_eq!(sent.code(), 0, "{sent:?}");
    let sent = script("/go 1\nsecond answer");
    assert_eq!(sent.code(), 0, "the end of the input is an end: {sent:?}");
    let read = transcript(&bo);
    assert_eq!(read.matches("answer").count(), 2, "{read}");

    for (text, line, why) in [
        ("no chat\n", 1, "no chat is open here"),
        ("/go 9\nwrong\n", 1, "nothing fits \"9\""),
        ("/go 1\n/frob\nwrong\n", 2, "no command is called"),
        ("/go 1\n/next\nwrong\n", 2, "nothing needs you"),
        ("/go 1\n/resolve\nwrong\n", 3, "is resolved"),
    ] {
        let stopped = script(text);
        assert_eq!(stopped.code(), 1, "{text:?}: {stopped:?}");
        let expect = format!("error: stopped at line {line}: ");
        assert!(stopped.stderr.starts_with(&expect), "{text:?}: {stopped:?}");
        assert!(stopped.stderr.contains(why), "{text:?}: {stopped:?}");
    }
    assert!(!transcript(&bo).contains("wrong"));
}

#[test]
fn without_a_hub_a_script_ends_with_7_and_keeps_what_was_written() {
    let mut desk = Desk::start();
    let ana = desk.agent("Ana", "Customer Care");
    let bo = asks(&desk, "Bo", "hello");
    let mut lines = ana.start(&programs().agent, &ARGS);
    lines.send_line("/go 1");
    lines.send_line("/accept");
    wait(&mut lines, "#1 Bo is yours now");
    desk.hub.kill9();
    wait(&mut lines, "connection lost");
    lines.send_line("written in between");
    let output = lines.finish(PATIENCE);
    assert_eq!(output.code(), 7, "{output:?}");
    assert!(
        output.stderr.contains("did not answer within 10 s"),
        "{output:?}"
    );

    desk.hub.restart();
    let output = ana.run(&programs().agent, &ARGS, "/go 1\nafterwards\n", PATIENCE);
    assert_eq!(output.code(), 0, "{output:?}");
    assert!(transcript(&bo).contains("afterwards"));
}

#[test]
fn a_dumb_terminal_reads_it_line_by_line() {
    let mut desk = Desk::start();
    let ana = desk.agent("Ana", "Customer Care");
    let bo = asks(&desk, "Bo", "hello");
    let home = ana.home().clone().with_env("TERM", "dumb");
    let agent = &programs().agent;
    let refused = Cli::new(home.clone()).run(agent, &["--context", CONTEXT], "", PATIENCE);
    assert_eq!(refused.code(), 2, "{refused:?}");
    assert!(refused.stderr.contains("--plain"), "{refused:?}");

    let console = Pty::start(&home, Terminal::default(), agent, &ARGS);
    console.wait_text("no chat> ", PATIENCE);
    assert!(console.is_cooked(), "the terminal edits the line");
    console.send_line("/go 1");
    console.wait_text("#1 Bo (not yours)> ", PATIENCE);
    console.send_line("/accept");
    console.wait_text("#1 Bo (reply)> ", PATIENCE);
    // What comes in goes on a row of its own, and the line goes on where it was.
    console.send("half an ans");
    console.wait_text("(reply)> half an ans", PATIENCE);
    let more = ["resume", "1", "--message", "are you there"];
    assert_eq!(bo.run(&programs().chat, &more, "", PATIENCE).code(), 0);
    console.wait_text("#1 Bo: are you there", PATIENCE);
    console.send_line("wer");
    console.wait_text("#1 stored", PATIENCE);
    console.send_line("/close");
    console.wait_text("y or n> ", PATIENCE);
    console.send_line("n");
    console.wait_text("left as it was", PATIENCE);
    console.signal(Signal::INT);
    console.wait_text("Ctrl+C once more leaves", PATIENCE);
    console.signal(Signal::INT);
    assert_eq!(console.wait_exit(PATIENCE), Exit::Code(130));
    only_text(&console.raw(), "\r");
    assert!(transcript(&bo).contains("half an answer"));

    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let console = Pty::start(&home, Terminal::default(), agent, &ARGS);
        console.wait_text("(reply)> ", PATIENCE);
        console.signal(signal);
        assert_eq!(console.wait_exit(PATIENCE), Exit::Code(code));
        assert!(console.is_cooked());
    }
    let console = Pty::start(&home, Terminal::default(), agent, &ARGS);
    console.wait_text("(reply)> ", PATIENCE);
    console.send("\x04");
    assert_eq!(console.wait_exit(PATIENCE), Exit::Code(0));
}

#[test]
fn hostile_names_and_words_come_out_as_text() {
    let mut desk = Desk::start();
    let ana = desk.agent("Ana", "Customer Care");
    let mut lines = ana.start(&programs().agent, &ARGS);
    wait(&mut lines, "connected to desk as");
    let bo = desk.customer();
    // No argument may hold a NUL.
    let words = shared::text::HOSTILE.join(" | ").replace('\0', "");
    let name = "Bo\u{202e}ob \u{1b}]0;pwn\u{7}";
    let args = ["--name", name, "--message", &words];
    let asked = bo.run(&programs().chat, &args, "", PATIENCE);
    assert_eq!(asked.code(), 0, "{asked:?}");
    wait(&mut lines, "new in queue");
    for line in ["/go 1", "/chats", "/who", "/accept", "/draft", "/help"] {
        lines.send_line(line);
    }
    lines.send(b"hostile \x1b[31m\xff \xc2\x9b words\n");
    lines.send_line("/more");
    wait(&mut lines, "#1 stored");
    let output = lines.finish(PATIENCE);
    assert_eq!(output.code(), 0, "{output:?}");
    only_text(output.stdout.as_bytes(), "");
    only_text(output.stderr.as_bytes(), "");
}

#[test]
fn files_go_both_ways_and_a_script_stops_at_one_that_does_not() {
    let mut desk = Desk::start();
    let ana = desk.agent("Ana", "Customer Care");
    asks(&desk, "Bo", "can you send it");
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("my report.txt"), "all of it").expect("written");
    let (file, copy, none) = (at("my report.txt"), at("copy"), at("none"));
    let script = format!(
        "/go 1\n/accept\n/file \"{file}\" as asked\n/save {copy}\n/file {none}\nnot this\n"
    );
    let done = ana.run(&programs().agent, &ARGS, &script, PATIENCE);
    assert_ne!(done.code(), 0, "{done:?}");
    let line = "[file 1] my report.txt (9 B, text/plain)";
    assert!(done.stdout.contains(&format!("sent {line}")), "{done:?}");
    assert!(done.stdout.contains(&format!("saved {copy}")), "{done:?}");
    assert!(
        done.stderr.contains("stopped at line 5: not sent:"),
        "{done:?}"
    );
    assert!(!done.stdout.contains("not this"), "{done:?}");
    assert_eq!(std::fs::read_to_string(copy).expect("saved"), "all of it");
    let path = folder.path().join("again");
    let again = format!("/go 1\n/save 1 {}\n", path.display());
    let done = ana.run(&programs().agent, &ARGS, &again, PATIENCE);
    assert_eq!(done.code(), 0, "{done:?}");
    assert!(
        done.stdout.contains(line) && !done.stdout.contains("not this"),
        "{done:?}"
    );
}
