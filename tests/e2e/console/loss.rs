//! Twenty times `kill -9` of the hub while numbers are typed and sent in the console: the customer
//! has each of them, once, in order.

use std::time::{Duration, Instant};

use tests::desk::{Desk, PATIENCE, header};
use tests::figure;
use tests::programs::programs;
use tests::pty::Pty;
use tests::report;
use tests::seed::Seed;

/// One falls somewhere in each twentieth of the messages.
const KILLS: usize = 20;
/// What is typed: the numbers from 1.
const MESSAGES: usize = 1_000;

#[test]
fn twenty_kills_while_typing_lose_nothing_and_repeat_nothing() {
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    let mut rng = seed.derive("kills").rng();
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
    console.wait_text("REPLY to Bo", PATIENCE);

    let stretch = MESSAGES / KILLS;
    let kills: Vec<usize> = (0..KILLS)
        .map(|kill| kill * stretch + rng.within(1..=stretch as u64) as usize)
        .collect();
    let began = Instant::now();
    for number in 1..=MESSAGES {
        console.send_line(&format!("number {number:04}."));
        // On the screen, stored or not, and out of the composer.
        console.wait_for("the number among the messages", PATIENCE, |screen| {
            sent(screen, number)
        });
        if kills.contains(&number) {
            desk.hub.kill9();
            desk.hub.restart();
        }
    }
    reconnect(&console);
    console.wait_for("every message stored", PATIENCE * 2, |screen| {
        !header(screen).contains("unsent")
    });
    let took = began.elapsed();
    let screen = console.screen();
    assert!(!screen.contains("not sent"), "{screen}");
    assert!(!screen.contains("you ..."), "{screen}");

    // What the customer got, in the order in which it is shown there.
    let asked = bo.run(&programs().chat, &["transcript", "1"], "", PATIENCE);
    assert_eq!(asked.code(), 0, "{asked:?}");
    let transcript = asked.stdout;
    let got: Vec<usize> = transcript
        .match_indices("number ")
        .filter_map(|(at, word)| {
            transcript
                .get(at + word.len()..)?
                .get(..5)?
                .strip_suffix('.')?
                .parse()
                .ok()
        })
        .collect();
    let wanted: Vec<usize> = (1..=MESSAGES).collect();
    assert_eq!(got, wanted, "seed {seed}");
    figure("console_kills", KILLS, "kills", "20");
    figure("console_messages_in_order", got.len(), "messages", "1000");
    report(&format!(
        "{MESSAGES} messages, {KILLS} kills in {took:?}, seed {seed}"
    ));
}

fn sent(screen: &vt100::Screen, number: usize) -> bool {
    let (row, _) = screen.cursor_position();
    let (_, columns) = screen.size();
    let text = format!("number {number:04}.");
    let mut rows = screen.rows(0, columns.get()).enumerate();
    rows.any(|(at, line)| line.contains(&text) && at != usize::from(row))
}

/// Has the console try again now, wherever its backoff is.
fn reconnect(console: &Pty) {
    console.send("\x1b");
    while !console
        .screen()
        .lines()
        .next()
        .is_some_and(|line| line.contains("live"))
    {
        console.send("R");
        let written = console.written();
        console.wait_output(written, Duration::from_millis(200));
    }
}
