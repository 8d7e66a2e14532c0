//! Customers with an account: from registering to the export of all that is kept of them.

use std::os::unix::fs::PermissionsExt;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tests::cli::Cli;
use tests::desk::{Desk, PATIENCE, prompts};
use tests::exposure::{can_look, exposed};
use tests::hub::HubSetup;
use tests::process::Output;
use tests::programs::programs;
use tests::pty::{Pty, Terminal};

const PASSWORD: &str = "violet harbour turnip 42";

/// A desk where customers may register; the folder has its settings.
fn open_desk() -> (Desk, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hub.toml");
    std::fs::write(&config, "registration = true\n").unwrap();
    let setup = HubSetup {
        args: vec!["--config".into(), config.display().to_string()],
        ..HubSetup::default()
    };
    (Desk::start_with(setup), folder)
}

fn run(customer: &Cli, args: &[&str], stdin: &str) -> Output {
    customer.run(&programs().chat, args, stdin, PATIENCE)
}

/// Standard output of a run that goes well.
#[track_caller]
fn done(customer: &Cli, args: &[&str], stdin: &str) -> String {
    let output = run(customer, args, stdin);
    assert_eq!(output.code(), 0, "{args:?}: {output:?}");
    output.stdout
}

#[track_caller]
fn register(customer: &Cli, username: &str) {
    let args = ["register", "--username", username, "--name", "Bo Chen"];
    let mut process = customer.start(
        &programs().chat,
        &[&args[..], &["--password-stdin"]].concat(),
    );
    if can_look() {
        assert_eq!(exposed(&[PASSWORD.to_owned()]), Vec::<String>::new());
    }
    process.send_line(PASSWORD);
    let output = process.finish(PATIENCE);
    assert_eq!(
        (output.code(), output.stdout.as_str()),
        (0, ""),
        "{output:?}"
    );
    assert!(
        output.stderr.contains("registered and logged in"),
        "{output:?}"
    );
}

/// Opens a chat with a message; gives its number.
#[track_caller]
fn ask(customer: &Cli, text: &str, more: &[&str]) -> String {
    let args = [&["--message", text][..], more].concat();
    done(customer, &args, "").trim().to_owned()
}

/// S26: a password on its way is in no argument and no environment.
#[test]
fn an_account_has_its_chats_on_every_machine() {
    let (mut desk, _folder) = open_desk();
    desk.done(&["department", "create", "Billing"]);
    let bo = desk.customer();
    let nobody = run(&bo, &["whoami"], "");
    assert_eq!(nobody.code(), 4, "{nobody:?}");
    assert!(nobody.stderr.contains("frontdesk-chat login"), "{nobody:?}");
    register(&bo, "bo");
    let who = done(&bo, &["whoami"], "");
    assert_eq!(who, format!("bo\tBo Chen\t{}\n", desk.hub.url()));

    assert_eq!(ask(&bo, "first question", &["--dept", "bill"]), "1");
    assert_eq!(
        ask(&bo, "kept apart", &["--anonymous", "--name", "Guest"]),
        "2"
    );
    assert_eq!(ask(&bo, "second question", &[]), "3");
    desk.done(&["chat", "close", "1", "--yes"]);
    let list = done(&bo, &["list"], "");
    let rows: Vec<Vec<&str>> = list.lines().map(|row| row.split('\t').collect()).collect();
    let without_date = |row: &[&str]| [&row[..3], &row[4..]].concat().join("|");
    let told: Vec<String> = rows.iter().map(|row| without_date(row)).collect();
    assert_eq!(
        told,
        [
            "3|waiting|Customer Care|bo|You: second question",
            "2|waiting|Customer Care|anonymous|You: kept apart",
            "1|closed|Billing|bo|You: first question",
        ],
        "{list}"
    );

    // Another machine knows nothing but the password.
    let elsewhere = desk.customer();
    let args = ["login", "--username", "bo", "--password-stdin"];
    let wrong = run(&elsewhere, &args, "not the password\n");
    assert_eq!(wrong.code(), 4, "{wrong:?}");
    done(&elsewhere, &args, &format!("{PASSWORD}\n"));
    let json = done(&elsewhere, &["list", "--json"], "");
    let chats: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let numbers: Vec<_> = chats.iter().map(|chat| chat["chat"].as_u64()).collect();
    assert_eq!(numbers, [Some(3), Some(1)], "{json}");
    assert_eq!(chats[0]["last"]["text"], "second question");
    let transcript = done(&elsewhere, &["transcript", "1"], "");
    assert!(transcript.contains("You: first question"), "{transcript}");
    let none = run(&elsewhere, &["transcript", "2"], "");
    assert_eq!(
        none.code(),
        3,
        "the secret of chat 2 is elsewhere: {none:?}"
    );
    assert_eq!(run(&elsewhere, &["resume", "99", "-m", "x"], "").code(), 3);
    assert_eq!(
        ask(&elsewhere, "and another thing", &["resume"]),
        "3",
        "the newest open one"
    );

    // One socket sees both chats; the line mode shows one.
    assert_eq!(ask(&bo, "third question", &[]), "4");
    let line_mode = desk.chat(&bo, &["resume", "3"]);
    line_mode.wait_text("You: and another thing", PATIENCE);
    line_mode.wait_for("the prompt", PATIENCE, prompts);
    let ana = desk.agent("Ana", "Customer Care");
    let console = desk.console_online(&ana);
    console.wait_text("Bo Chen", PATIENCE);
    assert_eq!(ask(&elsewhere, "only for chat four", &["resume", "4"]), "4");
    assert_eq!(
        ask(&elsewhere, "last words of three", &["resume", "3"]),
        "3"
    );
    line_mode.wait_text("You: last words of three", PATIENCE);
    let shown = line_mode.screen();
    assert!(!shown.contains("only for chat four"), "{shown}");
    assert!(!shown.contains("third question"), "{shown}");

    let kept = bo.home().path().join("state/frontdesk/customer.toml");
    std::fs::set_permissions(&kept, std::fs::Permissions::from_mode(0o640)).unwrap();
    let wide = run(&bo, &["list"], "");
    assert_eq!(wide.code(), 2, "{wide:?}");
    assert!(wide.stderr.contains("chmod 600"), "{wide:?}");
}

#[test]
fn all_that_is_kept_can_be_taken_home() {
    let (desk, _folder) = open_desk();
    let bo = desk.customer();
    register(&bo, "bo");
    ask(&bo, "my question", &["--language", "pt-br"]);
    desk.done(&["chat", "close", "1", "--yes"]);
    let saved = run(&bo, &["export", "mine.json"], "");
    assert_eq!((saved.code(), saved.stdout.as_str()), (0, ""), "{saved:?}");
    let path = bo.home().path().join("mine.json");
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let all: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(all["account"]["username"], "bo");
    assert_eq!(all["chats"][0]["chat"]["state"], "closed");
    assert_eq!(all["chats"][0]["chat"]["fields"]["language"], "pt-BR");
    assert_eq!(all["chats"][0]["messages"][0]["text"], "my question");
    let again = run(&bo, &["export", "mine.json"], "");
    assert_eq!(again.code(), 1, "no file is replaced: {again:?}");
    let printed = done(&bo, &["export"], "");
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["chats"], all["chats"]);
    let full = run(&bo, &["export", "/dev/full"], "");
    assert_eq!(full.code(), 1, "{full:?}");
}

#[test]
fn a_password_is_changed_and_a_login_ends() {
    let (desk, _folder) = open_desk();
    let bo = desk.customer();
    register(&bo, "bo");
    let elsewhere = desk.customer();
    let login = ["login", "--username", "bo", "--password-stdin"];
    done(&elsewhere, &login, &format!("{PASSWORD}\n"));
    std::fs::write(bo.home().path().join("old"), format!("{PASSWORD}\n")).unwrap();
    let change = ["passwd", "--old-password-file", "old", "--password-stdin"];
    done(&bo, &change, "quiet meadow lantern 7\n");
    assert!(done(&bo, &["whoami"], "").starts_with("bo\t"));

    let ended = run(&elsewhere, &["list"], "");
    assert_eq!(ended.code(), 4, "{ended:?}");
    let told = "has ended; run: frontdesk-chat login";
    assert!(ended.stderr.contains(told), "{ended:?}");
    let ended = run(&elsewhere, &["--message", "hello"], "");
    assert_eq!((ended.code(), ended.stdout.as_str()), (4, ""), "{ended:?}");
    assert_eq!(
        ask(&elsewhere, "hello", &["--anonymous", "--name", "Bo"]),
        "1"
    );
    assert_eq!(run(&elsewhere, &login, &format!("{PASSWORD}\n")).code(), 4);
    done(&elsewhere, &login, "quiet meadow lantern 7\n");

    let out = run(&bo, &["logout"], "");
    assert_eq!(out.code(), 0, "{out:?}");
    assert_eq!(run(&bo, &["export"], "").code(), 4);
    let kept = bo.home().path().join("state/frontdesk/customer.toml");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert!(!kept.contains("fda_") && !kept.contains("fdr_"), "{kept}");
}

#[test]
fn what_an_account_may_not_is_said_in_one_line() {
    let desk = Desk::start();
    let bo = desk.customer();
    let args = ["register", "--username", "bo", "--password-stdin"];
    let off = run(&bo, &args, &format!("{PASSWORD}\n"));
    assert_eq!((off.code(), off.stdout.as_str()), (5, ""), "{off:?}");
    assert!(off.stderr.contains("no registration"), "{off:?}");
    assert_eq!(off.stderr.lines().count(), 1, "{off:?}");
    for args in [
        &["login", "--username", "bo", "--password", "hunter2"][..],
        &["register", "--password=hunter2"],
    ] {
        let refused = run(&bo, args, "");
        assert_eq!(refused.code(), 2, "{refused:?}");
        assert!(refused.stderr.contains("--password-stdin"), "{refused:?}");
        assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
    }
    let nobody_to_ask = run(&bo, &["login", "--username", "bo"], "");
    assert_eq!(nobody_to_ask.code(), 2, "{nobody_to_ask:?}");
    let empty = run(&bo, &["login", "--username", "bo", "--password-stdin"], "");
    assert_eq!(empty.code(), 2, "{empty:?}");
    assert!(empty.stderr.contains("is empty"), "{empty:?}");
}

/// Runs a program, then says how it ended and in which mode it left the terminal. A program that
/// began the session itself would prove nothing: the system puts the mode back at its end.
const THEN_LOOK: &str = "\"$0\" login --username bo; echo \"code $?\"; \
    stty -a | tr ' ' '\\n' | grep -x -e '-*echo' -e '-*icanon' | tr '\\n' ' '; echo done";

/// The one child of a shell.
fn child_of(shell: &Pty) -> Pid {
    let path = format!("/proc/{0}/task/{0}/children", shell.pid());
    let children = std::fs::read_to_string(path).unwrap();
    let child = children.split_whitespace().next().expect("a child");
    Pid::from_raw(child.parse().unwrap()).unwrap()
}

/// Whatever ends a prompt for a password, the terminal shows again what is typed.
#[test]
fn a_prompt_leaves_the_terminal_as_it_was() {
    let desk = Desk::start();
    let bo = desk.customer();
    let built = programs();
    for program in [&built.chat, &built.admin] {
        let ends: [(&str, Option<Signal>, i32); 4] = [
            ("\x03", None, 130),
            ("", Some(Signal::TERM), 143),
            ("", Some(Signal::INT), 130),
            ("", Some(Signal::HUP), 129),
        ];
        for (keys, signal, code) in ends {
            let program = program.to_str().unwrap();
            let args = ["-c", THEN_LOOK, program];
            let shell = Pty::start(bo.home(), Terminal::default(), "/bin/sh".as_ref(), &args);
            shell.wait_for("the prompt", PATIENCE, |screen| {
                screen.contents().to_lowercase().contains("password:")
            });
            assert!(!shell.is_cooked(), "what is typed would show");
            shell.send("hunter2");
            shell.send(keys);
            if let Some(signal) = signal {
                kill_process(child_of(&shell), signal).unwrap();
            }
            shell.wait_text("done", PATIENCE);
            let screen = shell.screen();
            let what = format!("{program} {keys:?} {signal:?}: {screen}");
            assert!(screen.contains(&format!("code {code}")), "{what}");
            assert!(screen.contains("icanon echo done"), "{what}");
            assert!(
                !screen.contains("-icanon") && !screen.contains("-echo"),
                "{what}"
            );
        }
    }
}
