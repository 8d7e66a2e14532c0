//! The line mode of the customer chat as a person meets it, and what a script meets when something
//! is in its way: narrow and dumb terminals, a desk with a notice, a full disk, a reader who left.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use shared::id::CommandId;
use tests::cli::Cli;
use tests::desk::{Desk, PATIENCE, prompts};
use tests::home::Home;
use tests::process::{Exit, Output};
use tests::programs::programs;
use tests::pty::{Pty, Terminal};
use tests::report;
use tests::site::Site;

/// The first output may take this long on loopback.
const FIRST_OUTPUT_MAX: Duration = Duration::from_millis(200);

fn run(customer: &Cli, args: &[&str], stdin: &str) -> Output {
    customer.run(&programs().chat, args, stdin, PATIENCE)
}

#[track_caller]
fn ask(customer: &Cli, text: &str) -> String {
    let output = run(customer, &["--name", "Bo", "--message", text], "");
    assert_eq!(output.code(), 0, "{output:?}");
    output.stdout.trim().to_owned()
}

#[test]
fn a_dumb_terminal_has_no_line_behind_its_prompt() {
    let desk = Desk::start();
    let bo = Cli::new(
        Home::new()
            .with_env("FRONTDESK_HUB", desk.hub.url())
            .with_env("TERM", "dumb"),
    );
    let chat = desk.chat(&bo, &["--name", "Bo"]);
    chat.wait_text("in the queue", PATIENCE);
    chat.send_line("is it open?");
    chat.wait_text("(sent)", PATIENCE);
    let screen = chat.screen();
    let behind = |line: &str| line.starts_with("> --") || line.contains(">   (sent)");
    assert!(!screen.lines().any(behind), "{screen}");
}

#[test]
fn a_transcript_has_the_form_that_its_name_asks_for() {
    let desk = Desk::start();
    let bo = desk.customer();
    ask(&bo, "hello");
    let chat = desk.chat(&bo, &["resume"]);
    chat.wait_text("number 1 in the queue", PATIENCE);
    chat.wait_for("the prompt", PATIENCE, prompts);
    chat.send_line("/rate 5");
    chat.wait_text("end the chat first, with /end", PATIENCE);
    let folder = tempfile::tempdir().unwrap();
    for (name, begins) in [("a.txt", "20"), ("a.md", "# Chat 1"), ("a.json", "{")] {
        let path = folder.path().join(name);
        chat.send_line(&format!("/transcript {}", path.display()));
        chat.wait_text(&format!("/{name}\n"), PATIENCE);
        chat.wait_for("the file", PATIENCE, |_| path.exists());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(begins), "{name}: {text}");
    }
}

/// Of five starts the quickest counts: the others tell how busy the machine is.
#[test]
fn the_first_words_come_within_a_fifth_of_a_second() {
    let desk = Desk::start();
    let mut first = Vec::new();
    let mut ready = Vec::new();
    for _ in 0..5 {
        let bo = desk.customer();
        let started = Instant::now();
        let chat = desk.chat(&bo, &["--name", "Bo"]);
        assert!(chat.wait_output(0, PATIENCE).is_some());
        first.push(started.elapsed());
        chat.wait_text("in the queue", PATIENCE);
        ready.push(started.elapsed());
    }
    let (first, ready) = (first.iter().min().unwrap(), ready.iter().min().unwrap());
    report(&format!(
        "first output {first:?}, place in the queue {ready:?}"
    ));
    assert!(*first < FIRST_OUTPUT_MAX, "first output after {first:?}");
}

/// The screen and the bytes of a chat that was answered, on a terminal with this environment.
async fn answered_on(site: &Site, columns: u16, environment: &[(&str, &str)]) -> (String, Vec<u8>) {
    let mut home = Home::new().with_env("FRONTDESK_HUB", site.hub.url());
    for (name, value) in environment {
        home = home.with_env(name, value);
    }
    let bo = Cli::new(home);
    let chat = ask(&bo, "is it open?");
    let owner = site.http(&site.owner);
    let claim = json!({"epoch": 1});
    let _: Value = owner
        .post(&format!("/api/chats/{chat}/claim"), &claim)
        .await
        .unwrap();
    let said = "Bonjour Ana\u{ef}s \u{1f44b} the shop is open until six and on Sundays it is not";
    let said = json!({"text": said, "cid": CommandId::random()});
    let _: Value = owner
        .post(&format!("/api/chats/{chat}/messages"), &said)
        .await
        .unwrap();
    let terminal = Terminal::sized(24, columns);
    let line_mode = Pty::start(bo.home(), terminal, &programs().chat, &["resume"]);
    line_mode.wait_text("until six", PATIENCE);
    line_mode.wait_text("> ", PATIENCE);
    line_mode.send("\x04");
    assert_eq!(line_mode.wait_exit(PATIENCE), Exit::Code(0));
    (line_mode.screen(), line_mode.raw())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_terminal_gets_the_same_words() {
    let site = Site::start(&[]).await;
    let words = |screen: &str| -> String {
        let words = screen
            .split_whitespace()
            .skip_while(|word| *word != "Olga:");
        words.take(14).collect::<Vec<_>>().join(" ")
    };
    let (wide, styled) = answered_on(&site, 80, &[]).await;
    let expected = "Olga: Bonjour Anaïs \u{1f44b} the shop is open until six and on Sundays it";
    assert_eq!(words(&wide), expected, "{wide}");
    assert!(
        styled.contains(&0x1b),
        "a terminal with colours has bold names"
    );

    let (narrow, _) = answered_on(&site, 40, &[]).await;
    assert_eq!(words(&narrow), expected, "{narrow}");

    let (plain, bytes) = answered_on(&site, 80, &[("NO_COLOR", "1")]).await;
    assert_eq!(words(&plain), expected, "{plain}");
    let text = String::from_utf8_lossy(&bytes);
    assert!(
        !text.contains("\u{1b}[1m") && !text.contains("\u{1b}[2m"),
        "{text:?}"
    );

    let (dumb, bytes) = answered_on(&site, 40, &[("TERM", "dumb")]).await;
    assert_eq!(words(&dumb), expected, "{dumb}");
    assert!(
        !bytes.contains(&0x1b),
        "{:?}",
        String::from_utf8_lossy(&bytes)
    );

    let (ascii, bytes) = answered_on(&site, 80, &[("LC_ALL", "C")]).await;
    let expected = "Olga: Bonjour Ana?s ? the shop is open until six and on Sundays it";
    assert_eq!(words(&ascii), expected, "{ascii}");
    assert!(bytes.is_ascii(), "{:?}", String::from_utf8_lossy(&bytes));
}

#[test]
fn a_customer_says_the_language_and_asks_for_a_person() {
    let desk = Desk::start();
    let bo = desk.customer();
    let chat = desk.chat(&bo, &["--name", "Bo"]);
    chat.wait_text("number 1 in the queue", PATIENCE);
    chat.wait_for("the prompt", PATIENCE, prompts);
    chat.send_line("/human");
    chat.wait_text("A person will answer; you are number 1", PATIENCE);
    chat.send_line("/lang pt-br");
    chat.wait_text("language pt-BR; saved replies", PATIENCE);
    chat.send_line("/lang Portuguese");
    chat.wait_text("Portuguese is no language", PATIENCE);
    chat.send_line("/hepl");
    chat.wait_text("did you mean /help?", PATIENCE);
    chat.send_line("/paste");
    chat.wait_text("paste> ", PATIENCE);
    chat.send_line("first row");
    chat.send_line("/end of a path");
    chat.send_line(".");
    chat.wait_text("(sent)", PATIENCE);
    let told = run(&bo, &["transcript", "1"], "");
    assert!(
        told.stdout.contains("You: first row\n  /end of a path\n"),
        "{told:?}"
    );
    let json = desk.done(&["chat", "get", "1", "--output", "json"]);
    assert!(json.contains("\"language\": \"pt-BR\""), "{json}");
}

#[test]
fn a_pipe_says_what_looks_like_a_command() {
    let desk = Desk::start();
    let bo = desk.customer();
    for (number, line) in ["/end", "/transcript notes.txt", "//etc/hosts"]
        .iter()
        .enumerate()
    {
        let args = ["--name", "Bo", "--wait", "0"];
        let said = run(&bo, &args, &format!("{line}\n"));
        assert_eq!(said.code(), 0, "{said:?}");
        let chat = (number + 1).to_string();
        let told = run(&bo, &["transcript", &chat], "").stdout;
        assert!(told.contains(&format!("You: {line}\n")), "{told}");
    }
    assert!(!bo.home().path().join("notes.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_told_once_and_never_in_the_result() {
    let site = Site::start(&[]).await;
    let owner = site.http(&site.owner);
    let set = |notice: &str| json!({"name": "Bright Bikes", "notice": notice});
    let path = "/api/settings";
    let notice = "We keep chats for a year.\nAsk us to forget them.";
    let _: Value = owner.put(path, &set(notice)).await.unwrap();
    let bo = Cli::new(Home::new().with_env("FRONTDESK_HUB", site.hub.url()));
    let asked = run(&bo, &["--name", "Bo", "--message", "hello"], "");
    assert_eq!(
        (asked.code(), asked.stdout.as_str(), asked.stderr.as_str()),
        (0, "1\n", "")
    );

    let start = || Pty::start(bo.home(), Terminal::default(), &programs().chat, &[]);
    let first = start();
    first.wait_text("Your name:", PATIENCE);
    let screen = first.screen();
    let at = |text: &str| {
        screen
            .find(text)
            .unwrap_or_else(|| panic!("{text:?} in {screen}"))
    };
    assert!(at("Privacy notice of Bright Bikes") < at("We keep chats for a year."));
    assert!(
        at("Ask us to forget them.") < at("Your name:"),
        "before anything is asked"
    );
    first.send("\x03");
    assert_eq!(first.wait_exit(PATIENCE), Exit::Code(130));

    let second = start();
    second.wait_text("Your name:", PATIENCE);
    assert!(
        !second.screen().contains("We keep chats"),
        "{}",
        second.screen()
    );
    second.send("\x04");
    assert_eq!(second.wait_exit(PATIENCE), Exit::Code(0));

    let _: Value = owner.put(path, &set("We keep nothing.")).await.unwrap();
    let third = start();
    third.wait_text("Your name:", PATIENCE);
    assert!(
        third.screen().contains("We keep nothing."),
        "{}",
        third.screen()
    );
}

#[test]
fn a_department_that_is_not_there_is_named_with_the_one_that_was_meant() {
    let desk = Desk::start();
    desk.done(&["department", "create", "Billing"]);
    let bo = desk.customer();
    let wrong = run(
        &bo,
        &["--name", "Bo", "--dept", "bilng", "--message", "hi"],
        "",
    );
    assert_eq!((wrong.code(), wrong.stdout.as_str()), (3, ""), "{wrong:?}");
    let told = "error: department \"bilng\" is not found; did you mean \"Billing\"?\n";
    assert_eq!(wrong.stderr, told);
    let unknown = run(&bo, &["resume", "7", "--message", "hi"], "");
    assert_eq!(
        (unknown.code(), unknown.stdout.as_str()),
        (3, ""),
        "{unknown:?}"
    );
    assert!(
        unknown.stderr.contains("chat 7 is not known"),
        "{unknown:?}"
    );
}

#[test]
fn what_is_said_to_a_hub_that_went_is_kept_and_sent_in_order() {
    let mut desk = Desk::start();
    let bo = desk.customer();
    let mut pipe = bo.start(&programs().chat, &["--name", "Bo", "--wait", "1s"]);
    pipe.send_line("one");
    let sent = Instant::now();
    while run(&bo, &["list"], "").stdout.is_empty() {
        assert!(sent.elapsed() < PATIENCE, "no chat was opened");
    }
    desk.hub.kill9();
    pipe.send_line("two");
    pipe.send_line("three");
    let away = pipe.finish(PATIENCE);
    assert_eq!((away.code(), away.stdout.as_str()), (7, ""), "{away:?}");
    assert!(
        away.stderr.contains("2 messages are not sent yet and kept"),
        "{away:?}"
    );
    desk.hub.restart();
    let back = run(&bo, &["resume", "1", "--message", "four"], "");
    assert_eq!(back.code(), 0, "{back:?}");
    let told = run(&bo, &["transcript", "1"], "").stdout;
    let said: Vec<&str> = told
        .lines()
        .filter_map(|line| line.split_once("You: "))
        .map(|(_, said)| said)
        .collect();
    assert_eq!(said, ["one", "two", "three", "four"], "{told}");
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let desk = Desk::start();
    let bo = desk.customer();
    ask(&bo, &"long words ".repeat(400));
    let line_mode = desk.chat(&bo, &["resume"]);
    line_mode.wait_for("the prompt", PATIENCE, prompts);
    line_mode.send_line("/transcript /dev/full");
    line_mode.wait_text("/dev/full is there already", PATIENCE);
    drop(line_mode);

    let shell = |script: &str| {
        let chat = programs().chat.display().to_string();
        bo.run("sh".as_ref(), &["-c", script, &chat], "", PATIENCE)
    };
    let out = shell("exec \"$0\" transcript 1 > /dev/full");
    assert_eq!(out.code(), 1, "{out:?}");
    assert!(out.stderr.contains("cannot write the output"), "{out:?}");
    // No file may be longer than a block of 512 bytes.
    let limited = shell("trap '' XFSZ; ulimit -f 1; exec \"$0\" transcript 1 > whole.txt");
    assert_eq!(limited.code(), 1, "{limited:?}");
    assert_eq!(limited.stderr.lines().count(), 1, "{limited:?}");
}

#[test]
fn a_reader_who_left_is_no_news() {
    let desk = Desk::start();
    let bo = desk.customer();
    ask(&bo, "hello");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(&programs().chat)
        .args(["transcript", "1"])
        .env_clear()
        .envs(bo.home().environment())
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// A terminal that marks no paste sends its lines like somebody who types faster than we answer.
#[test]
fn what_is_typed_before_the_prompt_is_there_is_not_lost() {
    let desk = Desk::start();
    let bo = desk.customer();
    let chat = desk.chat(&bo, &["--name", "Bo"]);
    chat.wait_for("the prompt", PATIENCE, prompts);
    chat.send("one\rtwo\rthree\r");
    let told = || run(&bo, &["transcript", "1"], "").stdout;
    let sent = Instant::now();
    while !told().contains("You: three") {
        assert!(sent.elapsed() < PATIENCE, "{}\n{}", told(), chat.screen());
    }
    let told = told();
    let said: Vec<&str> = told
        .lines()
        .filter_map(|line| line.split_once("You: "))
        .map(|(_, said)| said)
        .collect();
    assert_eq!(said, ["one", "two", "three"], "{told}");
}

/// Whatever ends the questions before a chat, the terminal is put back.
#[test]
fn a_signal_at_a_question_leaves_the_terminal_as_it_was() {
    let desk = Desk::start();
    let bo = desk.customer();
    // SIGINT is the line editor's own while it reads.
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let chat = desk.chat(&bo, &[]);
        chat.wait_text("Your name:", PATIENCE);
        assert!(!chat.is_cooked(), "the line editor has the terminal");
        chat.signal(signal);
        assert_eq!(chat.wait_exit(PATIENCE), Exit::Code(code), "{signal:?}");
        assert!(chat.is_cooked(), "{signal:?}");
    }
}
