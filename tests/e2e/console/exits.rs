//! Every way out of the console: the terminal is as it was, once; what was written is on disk; no
//! process is left behind.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::cli::Cli;
use tests::desk::{CONTEXT, Desk, PATIENCE, header};
use tests::home::Home;
use tests::process::Exit;
use tests::programs::programs;
use tests::pty::{Pty, Terminal};
use tests::report;

const CTRL_Q: &str = "\x11";
const CTRL_Z: &str = "\x1a";

/// A terminal that has everything that the console switches on where it can.
const MODERN: Terminal = Terminal {
    modern: true,
    ..Terminal::sized(24, 80)
};

/// What undoes the console, in this order. The kitty flags are popped on the screen on which they
/// were pushed: each screen has a stack of its own.
const UNDONE: [&str; 6] = [
    "\x1b[<1u",
    "\x1b[?1049l",
    "\x1b[?2004l",
    "\x1b[?1004l",
    "\x1b[?25h\x1b[23;0t",
    "",
];

/// The console took the terminal over `times` times and gave it back as often, each time wholly.
#[track_caller]
fn restored(pty: &Pty, times: usize) {
    assert!(pty.is_cooked(), "raw mode stays");
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    let count = |text: &str| raw.matches(text).count();
    for (on, off) in [
        ("\x1b[>1u", "\x1b[<1u"),
        ("\x1b[?1049h", "\x1b[?1049l"),
        ("\x1b[?2004h", "\x1b[?2004l"),
        ("\x1b[?1004h", "\x1b[?1004l"),
        ("\x1b[22;0t", "\x1b[23;0t"),
    ] {
        assert_eq!((count(on), count(off)), (times, times), "{on:?} {off:?}");
    }
    let (_, end) = raw.rsplit_once("\x1b[?1049h").expect("it was entered");
    let places: Vec<_> = UNDONE.iter().map(|part| end.rfind(part)).collect();
    assert!(places.iter().all(Option::is_some), "{end:?}");
    assert!(places.is_sorted(), "{places:?} in {end:?}");
    let after = end.rsplit("\x1b[23;0t").next().unwrap_or_default();
    assert!(!after.contains('\x1b'), "written after the end: {after:?}");
}

#[track_caller]
fn live(console: &Pty) {
    console.wait_for("a live connection", PATIENCE, |screen| {
        header(screen).contains("live")
    });
}

fn console_in(home: &Home, terminal: Terminal) -> Pty {
    let console = Pty::start(home, terminal, &programs().agent, &["--context", CONTEXT]);
    live(&console);
    console
}

/// Runs the console as a shell would run `script`, in which `"$@"` is the console.
fn console_by(home: &Home, script: &str) -> Pty {
    let agent = programs().agent.to_str().unwrap();
    let args = ["-c", script, "sh", agent, "--context", CONTEXT];
    Pty::start(home, MODERN, Path::new("/bin/sh"), &args)
}

/// An agent with a chat in front, half a thought in its composer.
fn writing(desk: &mut Desk) -> Cli {
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
    ana
}

fn draft(agent: &Cli) -> String {
    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        let deep = paths.flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        });
        deep.collect()
    }
    let drafts = agent.home().path().join("state/frontdesk/drafts");
    let texts = files(&drafts)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .filter_map(|path| std::fs::read_to_string(path).ok());
    texts.collect()
}

/// Types `text` in the composer and sees it there.
#[track_caller]
fn type_in(console: &Pty, text: &str) {
    console.send(text);
    console.wait_text(text, PATIENCE);
}

/// F27: SIGTERM, SIGHUP, SIGINT, SIGQUIT.
#[test]
fn every_signal_that_ends_it_restores_the_terminal_and_keeps_the_draft() {
    let mut desk = Desk::start();
    let ana = writing(&mut desk);
    let signals = [
        (Signal::TERM, 143),
        (Signal::HUP, 129),
        (Signal::INT, 130),
        (Signal::QUIT, 131),
    ];
    for (signal, code) in signals {
        let console = console_in(ana.home(), MODERN);
        let text = format!("<{code}>");
        type_in(&console, &text);
        let asked = Instant::now();
        console.signal(signal);
        assert_eq!(console.wait_exit(PATIENCE), Exit::Code(code));
        report(&format!("{signal:?} to the end: {:?}", asked.elapsed()));
        restored(&console, 1);
        assert!(draft(&ana).contains(&text), "{signal:?}: {}", draft(&ana));
    }
    let console = console_in(ana.home(), MODERN);
    type_in(&console, "<quit>");
    console.send(CTRL_Q);
    assert_eq!(console.wait_exit(PATIENCE), Exit::Code(0));
    restored(&console, 1);
    assert!(draft(&ana).contains("<quit>"));
}

/// F27: a panic.
#[test]
fn a_panic_on_any_thread_restores_the_terminal_says_why_and_ends() {
    for (key, why) in [
        ("t", "the thread that draws failed"),
        ("w", "another thread failed"),
    ] {
        let home = Home::new();
        let program = Pty::start(&home, MODERN, &programs().panics, &[]);
        program.wait_text("ready", PATIENCE);
        program.send(key);
        assert_eq!(program.wait_exit(PATIENCE), Exit::Code(101));
        let raw = String::from_utf8_lossy(&program.raw()).into_owned();
        let (before, after) = raw.split_once(why).expect("the reason");
        assert!(before.contains("\x1b[23;0t"), "told before the restore");
        assert!(!after.contains('\x1b'), "{after:?}");
        assert!(program.is_cooked());
        let read = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap();
        assert!(read("console-panic.log").contains(why));
        assert_eq!(read("draft"), "half a thought");
    }
}

#[test]
fn a_stopped_console_gives_the_terminal_back_until_it_goes_on() {
    let mut desk = Desk::start();
    let ana = writing(&mut desk);
    let script = r#"set -m; sh -c 'echo $$ > pid; exec "$@"' sh "$@"; echo stopped $?; read line; fg; echo ended $?"#;
    let shell = console_by(ana.home(), script);
    live(&shell);
    type_in(&shell, "before");
    let pid: i32 = std::fs::read_to_string(ana.home().path().join("pid"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    shell.send(CTRL_Z);
    shell.wait_text("stopped", PATIENCE);
    restored(&shell, 1);
    shell.send("\r");
    shell.wait_for("the console again", PATIENCE, |screen| {
        header(screen).contains("live") && screen.contents().contains("before")
    });
    type_in(&shell, " and after");
    rustix::process::kill_process(pid, Signal::TSTP).unwrap();
    shell.wait_text("ended 1", PATIENCE);
    restored(&shell, 2);
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
}

/// F27: the terminal goes, as with a lost `ssh`.
#[test]
fn a_closed_terminal_leaves_no_process_behind() {
    let mut desk = Desk::start();
    let ana = writing(&mut desk);
    // As a window is closed; with SIGHUP ignored (nohup); where no SIGHUP is sent at all.
    let scripts = [
        r#"exec "$@""#,
        r#"trap "" HUP; exec "$@""#,
        r#"trap "" HUP; setsid --wait "$@"; exit"#,
    ];
    for (number, script) in scripts.into_iter().enumerate() {
        let mut console = console_by(ana.home(), script);
        live(&console);
        let text = format!("<closed {number}>");
        type_in(&console, &text);
        let before = console.cpu_ticks();
        console.hang_up(PATIENCE);
        let closed = Instant::now();
        let exit = console.wait_exit(Duration::from_secs(2));
        assert_eq!(exit, Exit::Code(129), "{script}");
        let ticks = console.cpu_ticks() - before;
        report(&format!("{script}: {:?}, {ticks} ticks", closed.elapsed()));
        assert!(ticks <= 10, "{script}: {ticks} ticks of 10 ms");
        assert!(draft(&ana).contains(&text), "{script}: {}", draft(&ana));
    }
}

/// F27: `kill -9` of the console, which nobody can clean up after: what was written is kept.
#[test]
fn a_draft_is_on_disk_a_second_after_it_was_typed() {
    let mut desk = Desk::start();
    let ana = writing(&mut desk);
    let console = console_in(ana.home(), MODERN);
    type_in(&console, "nearly lost");
    let typed = Instant::now();
    while !draft(&ana).contains("nearly lost") {
        assert!(typed.elapsed() < PATIENCE, "no draft");
        // No program tells when it has written a file.
        std::thread::yield_now();
    }
    report(&format!("a draft is on disk after {:?}", typed.elapsed()));
    assert!(
        typed.elapsed() < Duration::from_secs(1),
        "{:?}",
        typed.elapsed()
    );
    console.kill9();
    let console = console_in(ana.home(), MODERN);
    console.wait_text("nearly lost", PATIENCE);
}
