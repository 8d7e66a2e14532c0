//! The customer chat: in a pipe, in one shot, as JSON, on a terminal, and when the hub is away.

use serde_json::Value;
use tests::cli::Cli;
use tests::desk::{Desk, PATIENCE, header, prompts};
use tests::process::{Exit, Output};
use tests::programs::programs;
use tests::pty::Pty;

const CID: &str = "nightly-report-2026-11-20";

/// A desk with an agent who is online.
fn staffed() -> (Desk, Pty) {
    let mut desk = Desk::start();
    desk.done(&["department", "create", "Billing"]);
    let ana = desk.agent("Ana", "Billing");
    let console = desk.console_online(&ana);
    (desk, console)
}

/// The agent reads `question` in the chat that needs them most, and answers.
fn answer(console: &Pty, question: &str, text: &str) {
    console.wait_for("a chat", PATIENCE, |screen| {
        !header(screen).contains("mine 0")
    });
    console.send("\x1ba");
    console.wait_text(question, PATIENCE);
    console.send_line(text);
    console.wait_text(text, PATIENCE);
}

fn run(customer: &Cli, args: &[&str], stdin: &str) -> Output {
    customer.run(&programs().chat, args, stdin, PATIENCE)
}

/// The numbers of all chats at the desk.
fn chats(desk: &Desk) -> Vec<String> {
    let list = desk.done(&["chat", "list", "--output", "name"]);
    list.lines().map(str::to_owned).collect()
}

#[test]
fn a_pipe_says_each_line_and_prints_the_answers_alone() {
    let (desk, console) = staffed();
    let bo = desk.customer();
    let args = ["--name", "Bo", "--department", "bill"];
    let mut pipe = bo.start(&programs().chat, &args);
    pipe.send_line("my invoice is wrong");
    answer(&console, "my invoice is wrong", "Which number?");
    pipe.wait_line("the answer", PATIENCE, |line| line == "Ana: Which number?");
    pipe.send_line("4711");
    console.wait_text("4711", PATIENCE);
    console.send_line("Corrected");
    pipe.wait_line("the answer", PATIENCE, |line| line == "Ana: Corrected");
    let output = pipe.finish(PATIENCE);
    assert_eq!(output.code(), 0, "{output:?}");
    assert_eq!(output.stdout, "Ana: Which number?\nAna: Corrected\n");
    let farewell = "Chat 1 stays open; go on with: frontdesk-chat resume 1\n";
    assert_eq!(output.stderr, farewell);

    let listed = run(&bo, &["list"], "");
    assert_eq!(listed.code(), 0, "{listed:?}");
    let row: Vec<&str> = listed.stdout.trim_end().split('\t').collect();
    assert_eq!(row[..3], ["1", "active", "Billing"], "{listed:?}");
    assert_eq!(row[4..], ["anonymous", "Ana: Corrected"], "{listed:?}");
}

#[test]
fn a_named_request_is_done_once_and_gives_the_same_answer_again() {
    let (desk, console) = staffed();
    let bo = desk.customer();
    let ask = ["--name", "Bo", "--dept", "bill", "--message", "is it open?"];
    let args = [&ask[..], &["--client-id", CID, "--wait", "60s"]].concat();
    let first = bo.start(&programs().chat, &args);
    answer(&console, "is it open?", "Until six");
    let first = first.finish(PATIENCE);
    assert_eq!(
        (first.code(), first.stdout.as_str()),
        (0, "Ana: Until six\n"),
        "{first:?}"
    );
    let again = run(&bo, &args, "");
    assert_eq!(
        (again.code(), again.stdout),
        (0, first.stdout),
        "{}",
        again.stderr
    );
    assert_eq!(chats(&desk), ["1"]);
    let transcript = run(&bo, &["transcript", "1"], "").stdout;
    assert_eq!(transcript.matches("is it open?").count(), 1, "{transcript}");
}

#[test]
fn json_is_one_object_a_line_with_the_same_fields() {
    let desk = Desk::start();
    let bo = desk.customer();
    let output = run(&bo, &["--name", "Bo", "--json", "--message", "hello"], "");
    assert_eq!(
        (output.code(), output.stderr.as_str()),
        (0, ""),
        "{output:?}"
    );
    let lines: Vec<Value> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<_> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds[..2], ["status", "queue"], "{output:?}");
    for line in &lines {
        let fields: Vec<_> = line.as_object().unwrap().keys().collect();
        let expected = [
            "attachments",
            "chat",
            "from",
            "id",
            "place",
            "role",
            "text",
            "ts",
            "type",
            "v",
        ];
        let mut fields = fields.into_iter().map(String::as_str).collect::<Vec<_>>();
        fields.sort_unstable();
        assert_eq!(fields, expected, "{line}");
        assert_eq!(
            (&line["v"], &line["chat"]),
            (&1.into(), &1.into()),
            "{line}"
        );
    }
    let wrong = run(&bo, &["--name", "Bo", "--json", "--message", ""], "");
    assert_eq!(wrong.code(), 2, "{wrong:?}");
    let error: Value = serde_json::from_str(&wrong.stdout).unwrap();
    assert_eq!(error["type"], "error");
}

#[test]
fn nothing_and_too_much_are_refused_before_a_chat_is_opened() {
    let desk = Desk::start();
    let bo = desk.customer();
    let nothing = run(&bo, &["--name", "Bo"], "");
    assert_eq!((nothing.code(), nothing.stdout.as_str()), (2, ""));
    assert!(
        nothing.stderr.contains("there is nothing to send"),
        "{nothing:?}"
    );
    let limit = "x".repeat(8192);
    let above = format!("{limit}x");
    for args in [&["--name", "Bo"][..], &["--name", "Bo", "--message", "-"]] {
        let much = run(&bo, args, &above);
        assert_eq!((much.code(), much.stdout.as_str()), (2, ""), "{args:?}");
        assert!(much.stderr.contains("8192"), "{}", much.stderr);
    }
    assert_eq!(chats(&desk), Vec::<String>::new());
    let fits = run(&bo, &["--name", "Bo", "--wait", "0"], &limit);
    assert_eq!(fits.code(), 0, "{}", fits.stderr);
    let transcript = run(&bo, &["transcript", "1"], "").stdout;
    assert!(transcript.contains(&limit), "{transcript}");
}

/// Who says how long to wait is told by the exit code that nobody answered; in a pipe as with one
/// message.
#[test]
fn a_wait_without_an_answer_is_told() {
    let desk = Desk::start();
    let bo = desk.customer();
    let wait = ["--name", "Bo", "--wait", "1s"];
    for (args, stdin) in [
        (&wait[..], "hello\n"),
        (&[&wait[..], &["-m", "hello"]].concat(), ""),
    ] {
        let output = run(&bo, args, stdin);
        assert_eq!(
            (output.code(), output.stdout.as_str()),
            (7, ""),
            "{output:?}"
        );
        assert!(output.stderr.contains("no answer within 1 s"), "{output:?}");
    }
}

#[test]
fn what_is_said_while_the_hub_is_away_is_kept_and_sent_once() {
    let mut desk = Desk::start();
    let bo = desk.customer();
    desk.hub.kill9();
    let args = ["--name", "Bo", "--message", "is anybody there?"];
    for _ in 0..2 {
        let away = run(&bo, &args, "");
        assert_eq!((away.code(), away.stdout.as_str()), (7, ""), "{away:?}");
        assert!(
            away.stderr.contains("your message is kept"),
            "{}",
            away.stderr
        );
    }
    desk.hub.restart();
    let back = run(&bo, &args, "");
    assert_eq!((back.code(), back.stdout.as_str()), (0, "1\n"), "{back:?}");
    assert_eq!(chats(&desk), ["1"], "it was sent more than once");
    let transcript = run(&bo, &["transcript", "1"], "").stdout;
    assert_eq!(
        transcript.matches("is anybody there?").count(),
        1,
        "{transcript}"
    );
}

#[test]
fn ctrl_c_twice_leaves_with_the_terminal_as_it_was() {
    let desk = Desk::start();
    let bo = desk.customer();
    let asked = run(&bo, &["--name", "Bo", "--message", "hello"], "");
    assert_eq!(asked.code(), 0, "{asked:?}");
    let chat = desk.chat(&bo, &["resume"]);
    chat.wait_for("the prompt", PATIENCE, prompts);
    assert!(!chat.is_cooked(), "the line editor has the terminal");
    chat.send("\x03");
    chat.wait_text("leave? Ctrl+C again", PATIENCE);
    chat.wait_for("the prompt", PATIENCE, prompts);
    chat.send("\x03");
    assert_eq!(chat.wait_exit(PATIENCE), Exit::Code(130));
    assert!(chat.is_cooked());
    assert!(
        chat.screen().contains("frontdesk-chat resume 1"),
        "{}",
        chat.screen()
    );
    let states = desk.done(&["chat", "list", "--output", "csv"]);
    assert!(states.contains("waiting"), "the chat stays open: {states}");
}

#[test]
fn a_closed_chat_says_that_it_is_closed() {
    let desk = Desk::start();
    let bo = desk.customer();
    assert_eq!(
        run(&bo, &["--name", "Bo", "--message", "hello"], "").code(),
        0
    );
    desk.done(&["chat", "close", "1", "--yes"]);
    let late = run(&bo, &["resume", "1", "--message", "one more thing"], "");
    assert!(late.stderr.contains("chat 1 is closed"), "{late:?}");
    assert_eq!(late.code(), 6, "{late:?}");
}
