//! The targets of the console on the real program: how soon a key is seen, what it costs to do
//! nothing, how it starts and ends, what it holds, and whether it can be used on a slow line.

use std::fs;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use shared::command::Command;
use shared::id::ChatId;
use shared::model::{AgentStatus, Role};
use tests::desk::{PATIENCE, header};
use tests::figure;
use tests::home::Home;
use tests::hub::HubSetup;
use tests::process::Exit;
use tests::programs::programs;
use tests::pty::{Pty, Terminal};
use tests::relay::{Hold, Line};
use tests::robot::Robot;
use tests::site::{Guest, Person, Site};
use tokio::task::JoinSet;

/// A build that is not optimised, on a machine that is busy with other tests.
const GENEROUS: u32 = if cfg!(debug_assertions) { 20 } else { 2 };
const FAST: Duration = Duration::from_millis(8);
/// Rounds of a hundred keys, until one is undisturbed.
const ROUNDS_MAX: usize = 10;
const CTRL_Q: &str = "\x11";
/// What is typed: a letter that nobody else writes.
const TYPED: char = '§';
const SLOW: Line = Line {
    bytes_per_s: 9_600,
    round_trip: Duration::from_millis(300),
};

/// A hub without limits on what one may say, an agent, and customers with a chat each.
struct Scene {
    site: Site,
    agent: Person,
    guests: Vec<Guest>,
}

impl Scene {
    async fn new(customers: usize) -> Self {
        let config = std::env::temp_dir().join(format!("frontdesk-limits-{}", std::process::id()));
        let none = "[limits]\ncustomer_per_second = 0\nstaff_per_second = 0\nopen_per_minute = 0\n";
        fs::write(&config, none).unwrap();
        let args = vec!["--config".to_owned(), config.to_str().unwrap().to_owned()];
        let setup = HubSetup {
            args,
            ..HubSetup::default()
        };
        let site = Site::start_with(setup, &[]).await;
        let agent = site.staff("ana", Role::Agent, &["Customer Care"]).await;
        let mut guests = Vec::new();
        for number in 1..=customers {
            let name = format!("Guest{number:02}");
            let guest = site.guest(&name, "Customer Care", "hello").await;
            guests.push(guest.unwrap());
        }
        Self {
            site,
            agent,
            guests,
        }
    }

    /// The agent is online and owns every chat.
    async fn owned(customers: usize) -> Self {
        let scene = Self::new(customers).await;
        let robot = Robot::connect(
            "ana",
            Site::socket(&scene.site.hub.url(), &scene.agent.token),
        );
        robot.live().await;
        let online = Command::SetStatus {
            status: AgentStatus::Online,
            reason: None,
            drain: false,
            user: None,
        };
        robot.ask(online).await.unwrap();
        for guest in &scene.guests {
            let epoch = robot.with(|seen| seen.view.chats[&guest.chat].chat.epoch);
            let chat = guest.chat;
            // Those that the desk gave to her already are hers.
            drop(robot.ask(Command::Claim { chat, epoch }).await);
        }
        robot.socket().close().await;
        scene
    }

    fn home(&self) -> Home {
        Home::new()
            .with_env("FRONTDESK_HUB", self.site.hub.url())
            .with_env("FRONTDESK_TOKEN", &self.agent.token)
    }

    fn console(&self) -> Pty {
        let console = Pty::start(&self.home(), Terminal::default(), &programs().agent, &[]);
        live(&console);
        console
    }

    /// The customer as a robot.
    async fn robot(&self, guest: &Guest) -> Robot {
        let robot = Robot::connect("guest", Site::socket(&self.site.hub.url(), &guest.token));
        robot.live().await;
        robot
    }
}

fn live(console: &Pty) {
    console.wait_for("a live connection", PATIENCE, |screen| {
        header(screen).contains("live")
    });
}

/// Waits until nothing has been written for a while.
fn settle(console: &Pty, quiet: Duration) -> usize {
    let mut written = console.written();
    while let Some(more) = console.wait_output(written, quiet) {
        written = more;
    }
    written
}

fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1_000.0)
}

/// Median, the 95th of a hundred, and the last.
fn spread(mut times: Vec<Duration>) -> (Duration, Duration, Duration) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    (at(50), at(95), at(100))
}

fn report_spread(name: &str, (p50, p95, max): (Duration, Duration, Duration), budget: &str) {
    figure(&format!("{name}_p50"), ms(p50), "ms", budget);
    figure(&format!("{name}_p95"), ms(p95), "ms", budget);
    figure(&format!("{name}_max"), ms(max), "ms", budget);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_on_the_wire_at_once() {
    let scene = Scene::owned(4).await;
    let console = scene.console();
    let mut written = settle(&console, Duration::from_millis(300));
    let mut best = None;
    // Other tests run beside this one: a disturbed round says nothing, a good one all.
    for _ in 0..ROUNDS_MAX {
        let mut took = Vec::new();
        for number in 0..100 {
            let key = if number % 50 == 49 { "\x15" } else { "x" };
            let pressed = Instant::now();
            console.send(key);
            written = console.wait_output(written, PATIENCE).expect("an echo");
            took.push(pressed.elapsed());
            // As far apart as fast typing; nothing else is written meanwhile.
            written = settle(&console, Duration::from_millis(30)).max(written);
        }
        let times = spread(took);
        if best.is_none_or(|(_, p95, _)| times.1 < p95) {
            best = Some(times);
        }
        if times.1 < FAST {
            break;
        }
    }
    let times = best.expect("a round");
    report_spread("key_to_bytes", times, "8 ms p95, 16 ms at most");
    assert!(times.1 < FAST * 2, "p95 {:?}", times.1);
}

/// Ticks of 10 ms that the process has computed.
fn ticks(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // utime and stime, the 14th and 15th of all (proc_pid_stat(5)).
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// What a process holds in memory, in bytes.
fn resident_bytes(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse::<u64>().unwrap() * 1_024
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_do_is_nothing_done() {
    let scene = Scene::owned(4).await;
    let console = scene.console();
    let written = settle(&console, Duration::from_secs(1));
    let (before, began) = (ticks(console.pid()), Instant::now());
    // When the minute turns, the clock is drawn, and each age beside a chat.
    let more = console.wait_output(written, Duration::from_secs(10));
    let more = more.map_or(0, |_| settle(&console, Duration::from_secs(10)) - written);
    let used = ticks(console.pid()) - before;
    figure(
        "idle_10_s_bytes",
        more,
        "B",
        "0; 64 and the ages when the minute turns",
    );
    figure("idle_10_s_cpu", used, "ticks of 10 ms", "1");
    assert!(more <= 64 + 4 * 64, "{more} bytes in {:?}", began.elapsed());
    let turned = u64::from(more > 0);
    assert!(
        used <= 1 + turned * 4,
        "{used} ticks in {:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_there_at_once_and_gone_at_once() {
    let scene = Scene::owned(1).await;
    let mut starts = Vec::new();
    for signal in [None, None, Some(Signal::TERM), Some(Signal::TERM)] {
        let began = Instant::now();
        let console = Pty::start(&scene.home(), Terminal::default(), &programs().agent, &[]);
        console.wait_for("a frame", PATIENCE, |screen| {
            screen.contents().contains("COMPOSE")
        });
        starts.push(began.elapsed());
        live(&console);
        settle(&console, Duration::from_millis(200));
        let asked = Instant::now();
        let (name, exit) = match signal {
            Some(signal) => {
                console.signal(signal);
                ("exit_sigterm", Exit::Code(143))
            }
            None => {
                console.send(CTRL_Q);
                ("exit_ctrl_q", Exit::Code(0))
            }
        };
        assert_eq!(console.wait_exit(PATIENCE), exit);
        let took = asked.elapsed();
        figure(name, ms(took), "ms", "200");
        assert!(
            took <= Duration::from_millis(200) * GENEROUS,
            "{name}: {took:?}"
        );
    }
    let fastest = starts.into_iter().min().unwrap();
    figure("cold_start", ms(fastest), "ms", "100");
    assert!(
        fastest <= Duration::from_millis(100) * GENEROUS,
        "{fastest:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_long_chats_fit_in_memory() {
    let long = std::env::var_os("FRONTDESK_LONG").is_some();
    let each = if long { 1_000 } else { 100 };
    let scene = Scene::new(50).await;
    let mut filling = JoinSet::new();
    for guest in scene.guests.clone() {
        let robot = scene.robot(&guest).await;
        filling.spawn(async move {
            let text = "a message of usual length, as a customer writes it at a desk";
            for number in 0..each {
                let text = format!("{number} of many: {text}");
                let said = robot.say(guest.chat, &text).await;
                if number % 50 == 49 || number == each - 1 {
                    robot.until("stored", |seen| seen.answered(&said)).await;
                }
            }
        });
    }
    filling.join_all().await;
    let console = scene.console();
    let empty = resident_bytes(console.pid());
    for guest in 1..=50 {
        // To the next chat, and up to the message with which it began.
        console.send("\x0e");
        console.wait_text(&format!("Guest{guest:02}  Customer Care"), PATIENCE);
        let mut written = settle(&console, Duration::from_millis(30));
        while !console.screen().contains("asks Customer Care") {
            console.send("\x1b[1;3H");
            let more = console.wait_output(written, Duration::from_millis(500));
            written = more.unwrap_or(written);
        }
    }
    let full = resident_bytes(console.pid());
    let name = format!("rss_50_chats_of_{each}");
    let mb = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    figure("rss_50_chats_unread", mb(empty), "MB", "80");
    figure(&name, mb(full), "MB", "80");
    assert!(full < 80_000_000, "{full} bytes");
}

/// Types one key in each tenth of a second.
fn type_steadily(console: &Pty, keys: usize) -> Vec<Duration> {
    let (pressed, presses) = sync_channel(keys);
    let keyboard = console.keyboard();
    thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..keys {
                pressed.send(Instant::now()).unwrap();
                keyboard(&TYPED.to_string());
                thread::park_timeout(Duration::from_millis(100));
            }
        });
        let seen = |screen: &vt100::Screen| screen.contents().matches(TYPED).count();
        let echo = |(number, at): (usize, Instant)| {
            console.wait_for("an echo", PATIENCE, |screen| seen(screen) > number);
            at.elapsed()
        };
        presses.iter().enumerate().map(echo).collect()
    })
}

/// Twenty messages a second to other chats and two to the first, until told to stop; how many
/// each has then.
async fn babble(
    robots: Vec<(ChatId, Robot)>,
    mut stop: tokio::sync::oneshot::Receiver<()>,
) -> Vec<usize> {
    // The word with which each opened its chat is unread too.
    let mut counts = vec![1; robots.len()];
    let mut clock = tokio::time::interval(Duration::from_millis(50));
    for turn in 0_usize.. {
        tokio::select! {
            _ = clock.tick() => {}
            _ = &mut stop => break,
        }
        let other = 1 + turn % (robots.len() - 1);
        let both = if turn % 10 == 0 {
            vec![0, other]
        } else {
            vec![other]
        };
        for index in both {
            let (chat, robot) = &robots[index];
            robot
                .say(*chat, &format!("message {turn} of a busy day"))
                .await;
            counts[index] += 1;
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_line_shows_each_key_at_once() {
    let scene = Scene::owned(8).await;
    let home = scene
        .home()
        .with_env("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22");
    let hold = Hold::default();
    let terminal = Terminal::default();
    let console = Pty::start_over((SLOW, &hold), &home, terminal, &programs().agent, &[]);
    live(&console);
    console.wait_text("REPLY to Guest01", PATIENCE);
    settle(&console, Duration::from_secs(1));
    let mut robots = Vec::new();
    for guest in &scene.guests {
        robots.push((guest.chat, scene.robot(guest).await));
    }
    let first = robots[0].clone();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let babbling = tokio::spawn(babble(robots, stopped));
    let began = (Instant::now(), console.written());
    let took = tokio::task::block_in_place(|| type_steadily(&console, 100));
    let bytes = console.written() - began.1;
    figure(
        "slow_line_use",
        format!("{:.0}", bytes as f64 / began.0.elapsed().as_secs_f64()),
        "B/s",
        "9600",
    );
    stop.send(()).unwrap();
    let counts = babbling.await.unwrap();
    let times = spread(took);
    let budget = "300 ms and one frame";
    report_spread("slow_line_echo", times, budget);

    // The last word, and every badge, are right within a second and the way there.
    first.1.say(first.0, "the very last word").await;
    let ended = Instant::now();
    console.wait_for("the end of the burst", PATIENCE, |screen| {
        let text = screen.contents();
        let right = |(number, count): (usize, &usize)| {
            let name = format!("Guest{number:02}");
            let row = text
                .lines()
                .find(|row| row.contains(&name) && !row.contains("REPLY"));
            let badge = if *count > 99 {
                "99+".to_owned()
            } else {
                count.to_string()
            };
            row.is_some_and(|row| {
                row.get(..22)
                    .is_some_and(|cell| cell.trim_end().ends_with(&badge))
            })
        };
        let others = counts.iter().enumerate().skip(1);
        text.contains("the very last word") && others.map(|(n, c)| (n + 1, c)).all(right)
    });
    let late = ended.elapsed();
    figure("slow_line_right_again", ms(late), "ms", "1000");
    let frame = Duration::from_secs_f64(4_000.0 / f64::from(SLOW.bytes_per_s));
    let slack = Duration::from_millis(if cfg!(debug_assertions) { 250 } else { 100 });
    let most = SLOW.round_trip + frame + slack;
    assert!(times.1 <= most, "p95 {:?}, at most {most:?}", times.1);
    assert!(times.2 <= most + frame, "max {:?}", times.2);
    assert!(late <= Duration::from_secs(1) + slack, "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_takes_nothing_stops_nobody() {
    let scene = Scene::owned(1).await;
    let hold = Hold::default();
    let line = Line {
        bytes_per_s: 10_000_000,
        round_trip: Duration::ZERO,
    };
    let terminal = Terminal::default();
    let console = Pty::start_over(
        (line, &hold),
        &scene.home(),
        terminal,
        &programs().agent,
        &[],
    );
    live(&console);
    console.wait_text("REPLY to Guest01", PATIENCE);
    settle(&console, Duration::from_millis(300));
    let guest = scene.robot(&scene.guests[0]).await;
    let chat = scene.guests[0].chat;
    hold.hold();
    // Far more than the system holds between the program and its terminal.
    for number in 0..60_u32 {
        let text = format!("{number} {}", "wörter ".repeat(120));
        let said = guest.say(chat, &text).await;
        let number = u64::from(number);
        guest
            .until("what is said is read", |seen| {
                let read = seen
                    .view
                    .chats
                    .get(&chat)
                    .map(|view| view.chat.read_by_staff);
                seen.acked
                    .get(&said)
                    .and_then(|done| done.2)
                    .is_some_and(|seq| read >= Some(seq))
                    || number < 40
            })
            .await;
    }
    console.send_line("still here");
    guest
        .until("the answer", |seen| {
            seen.texts(chat)
                .iter()
                .any(|text| text.contains("still here"))
        })
        .await;
    let asked = Instant::now();
    console.signal(Signal::TERM);
    assert_eq!(console.wait_gone(PATIENCE), Exit::Code(143));
    let took = asked.elapsed();
    figure("exit_sigterm_stuck_terminal", ms(took), "ms", "500");
    assert!(took <= Duration::from_millis(500) * GENEROUS, "{took:?}");
    hold.release();
}
