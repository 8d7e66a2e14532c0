//! The harness holds: what it promises to the other tests, shown on `sh`, `cat` and an echo server.
//!
//! Where a test waits for something *not* to happen it uses a read timeout on a socket, the one
//! place where an absence has to be waited out.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, test_kill_process};
use tests::cli::Cli;
use tests::home::Home;
use tests::hub::{HubProcess, HubSetup};
use tests::process::Exit;
use tests::programs::programs;
use tests::proxy::{Cut, Direction, FaultProxy, Frozen, Pace, Policy};
use tests::pty::{Pty, Terminal};
use tests::seed::Seed;

const SOON: Duration = Duration::from_secs(20);

fn sh() -> &'static Path {
    Path::new("/bin/sh")
}

/// Answers every byte with itself, each connection on a thread of its own.
fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut reader = socket.unwrap();
            let mut writer = reader.try_clone().unwrap();
            thread::spawn(move || std::io::copy(&mut reader, &mut writer).ok());
        }
    });
    address
}

/// Reads to the end; gives how many bytes came and whether the end was a reset.
fn read_to_end(socket: &mut TcpStream) -> (u64, bool) {
    socket.set_read_timeout(Some(SOON)).unwrap();
    let mut bytes = Vec::new();
    let end = socket.read_to_end(&mut bytes);
    if let Err(error) = &end {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    }
    (bytes.len() as u64, end.is_err())
}

fn expect_echo(socket: &mut TcpStream, bytes: &[u8]) {
    socket.set_read_timeout(Some(SOON)).unwrap();
    let mut back = vec![0; bytes.len()];
    socket.read_exact(&mut back).unwrap();
    assert_eq!(back, bytes);
}

#[test]
fn the_proxy_carries_everything_when_nothing_is_wrong() {
    let proxy = FaultProxy::start(echo_server(), Seed::new(1));
    let mut socket = TcpStream::connect(proxy.address()).unwrap();
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    let mut writer = socket.try_clone().unwrap();
    let sent = bytes.clone();
    let writing = thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    expect_echo(&mut socket, &bytes);
    assert_eq!(
        read_to_end(&mut socket),
        (0, false),
        "an orderly end passes"
    );
    writing.join().unwrap();
    let counts = proxy.counts();
    assert_eq!((counts.connections, counts.cuts), (1, 0));
    assert_eq!((counts.up_bytes, counts.down_bytes), (200_000, 200_000));
}

#[test]
fn the_proxy_cuts_at_the_seeded_byte() {
    const RANGE: std::ops::RangeInclusive<u64> = 1..=6_000;
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    let proxy = FaultProxy::start(echo_server(), seed);
    proxy.set_policy(Policy {
        cut_after_bytes: Some(RANGE),
        ..Policy::default()
    });
    for number in 0..40 {
        let mut socket = TcpStream::connect(proxy.address()).unwrap();
        // One write into empty buffers: it is taken whole, whenever the cut comes.
        socket.write_all(&[b'x'; 8_000]).unwrap();
        let (bytes, reset) = read_to_end(&mut socket);
        let cut = Cut::draw(seed, number, RANGE);
        assert!(reset, "{cut:?} was no reset");
        match cut.direction {
            Direction::Down => assert_eq!(bytes, cut.after_bytes, "{cut:?}"),
            Direction::Up => assert!(bytes <= cut.after_bytes, "{bytes} came through {cut:?}"),
        }
    }
    proxy.wait_counts("40 cuts", SOON, |counts| counts.cuts == 40);
}

#[test]
fn the_proxy_freezes_one_direction_and_thaws_without_loss() {
    let proxy = FaultProxy::start(echo_server(), Seed::new(2));
    let mut socket = TcpStream::connect(proxy.address()).unwrap();
    socket.write_all(b"before").unwrap();
    expect_echo(&mut socket, b"before");

    proxy.set_policy(Policy {
        frozen: Frozen::Only(Direction::Down),
        ..Policy::default()
    });
    socket.write_all(b"heard").unwrap();
    proxy.wait_counts("bytes to the target", SOON, |counts| counts.up_bytes == 11);
    socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let silence = socket.read(&mut [0; 8]).unwrap_err();
    assert!(matches!(
        silence.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
    assert_eq!(proxy.counts().down_bytes, 6);

    proxy.set_policy(Policy::default());
    expect_echo(&mut socket, b"heard");
}

#[test]
fn the_proxy_cuts_all_and_goes_on() {
    let proxy = FaultProxy::start(echo_server(), Seed::new(3));
    let mut sockets: Vec<TcpStream> = (0..3)
        .map(|_| TcpStream::connect(proxy.address()).unwrap())
        .collect();
    for socket in &mut sockets {
        socket.write_all(b"here").unwrap();
        expect_echo(socket, b"here");
    }
    // What is frozen is cut all the same.
    proxy.set_policy(Policy {
        frozen: Frozen::Both,
        ..Policy::default()
    });
    proxy.cut_all();
    for socket in &mut sockets {
        assert_eq!(read_to_end(socket), (0, true));
    }
    proxy.wait_counts("three cuts", SOON, |counts| counts.cuts == 3);

    proxy.set_policy(Policy::default());
    let mut socket = TcpStream::connect(proxy.address()).unwrap();
    socket.write_all(b"again").unwrap();
    expect_echo(&mut socket, b"again");
}

#[test]
fn the_proxy_trickles_and_delays() {
    let proxy = FaultProxy::start(echo_server(), Seed::new(4));
    let check = |policy, expect_ms| {
        proxy.set_policy(policy);
        let mut socket = TcpStream::connect(proxy.address()).unwrap();
        let start = Instant::now();
        socket.write_all(b"ten bytes!").unwrap();
        expect_echo(&mut socket, b"ten bytes!");
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(expect_ms), "{took:?}");
    };
    let pace = Pace {
        bytes: 1,
        every: Duration::from_millis(5),
    };
    check(
        Policy {
            pace: Some(pace),
            ..Policy::default()
        },
        // The last byte goes up after 10 pieces and comes down after one more.
        50,
    );
    check(
        Policy {
            delay_ms: Some(20..=30),
            ..Policy::default()
        },
        40,
    );
}

#[test]
fn the_proxy_resets_when_the_target_is_gone() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let proxy = FaultProxy::start(address, Seed::new(5));
    let mut socket = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(read_to_end(&mut socket), (0, true));
    proxy.wait_counts("a refusal", SOON, |counts| counts.refused == 1);
}

#[test]
fn a_terminal_shows_types_and_ends() {
    let script = "stty size; printf 'name: '; read name; printf 'hello \\033[1m%s\\033[0m' \"$name\"; exit 7";
    let pty = Pty::start(&Home::new(), Terminal::sized(30, 90), sh(), &["-c", script]);
    pty.wait_text("name:", SOON);
    assert!(pty.is_cooked());
    pty.send_line("Ana");
    pty.wait_for("bold greeting", SOON, |screen| {
        screen.cell(2, 6).is_some_and(vt100::Cell::bold)
    });
    assert_eq!(pty.wait_exit(SOON), Exit::Code(7));
    assert_eq!(pty.screen(), "30 90\nname: Ana\nhello Ana");
    assert!(pty.raw().ends_with(b"hello \x1b[1mAna\x1b[0m"));
}

#[test]
fn a_terminal_tells_its_program_of_a_new_size() {
    let script = "trap 'stty size' WINCH; echo ready; while :; do read line; done";
    let pty = Pty::start(&Home::new(), Terminal::default(), sh(), &["-c", script]);
    pty.wait_text("ready", SOON);
    pty.resize(10, 40);
    // A shell runs its trap after the read that the signal interrupted or that a line ends.
    pty.send_line("");
    pty.wait_text("10 40", SOON);
    pty.kill9();
    assert_eq!(pty.wait_exit(SOON), Exit::Signal(9));
}

#[test]
fn a_terminal_answers_questions_unless_it_is_silent() {
    let script =
        "stty -icanon -echo; printf 'ask\\033[6n'; dd bs=1 count=6 2>/dev/null | od -An -c";
    let home = Home::new();
    let answering = Pty::start(&home, Terminal::default(), sh(), &["-c", script]);
    answering.wait_text("[   1   ;   4   R", SOON);
    assert_eq!(answering.wait_exit(SOON), Exit::Code(0));

    let silent = Terminal {
        answers: false,
        ..Terminal::default()
    };
    let silent = Pty::start(&home, silent, sh(), &["-c", script]);
    silent.wait_text("ask", SOON);
    assert!(!silent.is_cooked());
    silent.send("typed!");
    silent.wait_text("t   y   p   e   d   !", SOON);
}

#[test]
#[should_panic(expected = "--- screen\nthe last words")]
fn a_failed_wait_shows_the_screen() {
    let args = ["-c", "printf 'the last words'"];
    let pty = Pty::start(&Home::new(), Terminal::default(), sh(), &args);
    pty.wait_text("something else", SOON);
}

#[test]
fn a_program_sees_only_the_environment_of_its_home() {
    let cli = Cli::new(
        Home::new()
            .with_env("EXTRA", "1")
            .with_env("TZ", "Asia/Tokyo"),
    );
    let output = cli.run(sh(), &["-c", "exec env"], "", SOON);
    let mut names: Vec<&str> = output
        .stdout
        .lines()
        .filter_map(|line| line.split_once('=').map(|(name, _)| name))
        // What a shell sets by itself.
        .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name))
        .collect();
    names.sort_unstable();
    let expect = [
        "EXTRA",
        "HOME",
        "LANG",
        "PATH",
        "TZ",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
    ];
    assert_eq!(names, expect);
    assert!(output.stdout.contains("TZ=Asia/Tokyo"));
}

#[test]
fn a_program_takes_input_and_gives_output_and_code() {
    let cli = Cli::new(Home::new());
    let input = "line\n".repeat(100_000);
    let output = cli.run(sh(), &["-c", "cat; echo oops >&2; exit 3"], &input, SOON);
    assert!(output.stdout == input, "{} bytes came", output.stdout.len());
    assert_eq!((output.stderr.as_str(), output.code()), ("oops\n", 3));

    let output = cli.run(sh(), &["-c", "kill -TERM $$"], "", SOON);
    assert_eq!((output.exit, output.code()), (Exit::Signal(15), 143));
}

#[test]
fn lines_are_read_one_after_the_other_while_the_program_runs() {
    let cli = Cli::new(Home::new());
    let mut cat = cli.start(Path::new("/bin/cat"), &[]);
    cat.send(b"one\ntwo\nhalf");
    assert_eq!(
        cat.wait_line("an o", SOON, |line| line.contains('o')),
        "one"
    );
    assert_eq!(
        cat.wait_line("an o", SOON, |line| line.contains('o')),
        "two"
    );
    cat.send_line(" a line");
    assert_eq!(cat.wait_line("a line", SOON, |_| true), "half a line");
    cat.signal(Signal::TERM);
    assert_eq!(cat.wait_exit(SOON), Exit::Signal(15));
}

#[test]
fn a_deadline_kills() {
    let cli = Cli::new(Home::new());
    let script =
        "trap '' TERM; echo $$; while :; do read line || exec cat /dev/zero >/dev/null; done";
    let mut slow = cli.start(sh(), &["-c", script]);
    let pid = slow.wait_line("a pid", SOON, |_| true);
    let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
    assert!(test_kill_process(pid).is_ok());
    let failure = catch_unwind(AssertUnwindSafe(|| slow.finish(Duration::from_millis(50))));
    let message = *failure.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("no end within 50ms"), "{message}");
    assert!(message.contains("--- stdout\n"), "{message}");
    assert!(test_kill_process(pid).is_err(), "it lives on");
}

#[test]
fn a_hub_that_does_not_listen_is_reported_with_its_words() {
    let setup = HubSetup {
        program: PathBuf::from("/bin/sh"),
        args: Vec::new(),
        env: Vec::new(),
        data: None,
    };
    // A shell does not know `--data`, says so and ends.
    let failure = catch_unwind(|| HubProcess::start_with(setup));
    let message = *failure.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("no line with listening on"), "{message}");
    assert!(message.contains("--- stderr\n/bin/sh:"), "{message}");
}

/// Takes the arguments of a hub, says it listens on the port asked for (4711 for any) and counts
/// its starts in its data folder. The real hub is tested elsewhere; this is about who starts it.
const STAND_IN_HUB: &str = r#"#!/bin/sh
[ "$1 $3" = "--data --listen" ] || exit 2
mkdir -p "$2"
echo start >> "$2/starts"
case "$4" in *:0) address=127.0.0.1:4711 ;; *) address=$4 ;; esac
echo "listening on http://$address with $5 and $EXTRA"
exec sleep 600
"#;

#[test]
fn a_hub_comes_back_on_its_port_and_data() {
    let cli = Cli::new(Home::new());
    // Written by another process: no descriptor of ours can keep the script from being run.
    let script = "cat > hub && chmod 700 hub";
    assert_eq!(cli.run(sh(), &["-c", script], STAND_IN_HUB, SOON).code(), 0);
    let mut hub = HubProcess::start_with(HubSetup {
        program: cli.home().path().join("hub"),
        args: vec!["--more".to_owned()],
        env: vec![("EXTRA".to_owned(), "extra".to_owned())],
        data: None,
    });
    hub.unjudged("a stand-in has no log");
    assert_eq!(hub.url(), "http://127.0.0.1:4711");
    assert!(hub.process().stdout().ends_with("with --more and extra\n"));
    hub.kill9();
    assert_eq!(hub.process().wait_exit(SOON), Exit::Signal(9));
    hub.restart();
    assert_eq!(hub.terminate(), Exit::Signal(15));
    hub.restart();
    assert_eq!(hub.address().port(), 4711);
    let starts = std::fs::read_to_string(hub.data().join("starts")).unwrap();
    assert_eq!(starts.lines().count(), 3);
    let data = hub.data();
    drop(hub);
    assert!(!data.exists(), "the data stays behind");
}

#[test]
fn the_programs_are_built() {
    let programs = programs();
    for path in [
        &programs.hub,
        &programs.agent,
        &programs.chat,
        &programs.admin,
    ] {
        assert!(path.is_file(), "{} is no file", path.display());
    }
    let again = Instant::now();
    assert!(std::ptr::eq(programs, tests::programs::programs()));
    assert!(again.elapsed() < Duration::from_secs(1), "built twice");
}
