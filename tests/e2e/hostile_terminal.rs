//! Hostile text on its way from a hub to the terminals of its clients. A hub that cleans is not to
//! be relied on: something between it and the programs puts the corpus in the place of clean texts
//! of the same length, and what the programs write to their terminals is held against what they
//! write of the clean ones.
//!
//! What people send to the hub is in `hostile_text`.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::json;
use shared::{
    model::Role,
    text::{HOSTILE, SafeText},
};
use tests::{
    cli::Cli,
    desk::{CONTEXT, PATIENCE, header},
    home::Home,
    programs::programs,
    pty::{Pty, Terminal},
    report,
    site::{PASSWORD, Site},
};

use crate::{
    hostile_text::is_hostile,
    raw::{Raw, post, send},
};

/// A clean text, and the hostile one that takes its place as it stands in JSON.
struct Swap {
    clean: String,
    hostile: Vec<u8>,
}

/// The corpus where `stands_for` gives a clean text of the length of each: of the number of the
/// sequence and of that length.
fn swaps(stands_for: impl Fn(usize, usize) -> Option<String>) -> Vec<Swap> {
    let swap = |(number, raw): (usize, &&str)| {
        let quoted = serde_json::to_string(raw).unwrap();
        let mut hostile = quoted[1..quoted.len() - 1].to_owned();
        while hostile.len() < 6 {
            hostile.push('x');
        }
        let clean = stands_for(number, hostile.len())?;
        while hostile.len() < clean.len() {
            hostile.push('x');
        }
        (hostile.len() == clean.len()).then(|| Swap {
            clean,
            hostile: hostile.into_bytes(),
        })
    };
    HOSTILE.iter().enumerate().filter_map(swap).collect()
}

/// Longest of the words that become names.
const NAME_BYTES_MAX: usize = 60;

fn is_name(swap: &Swap) -> bool {
    swap.clean.len() <= NAME_BYTES_MAX
}

/// Words that nothing else at the desk has: `Zq07xxxx`.
fn word(number: usize, length: usize) -> Option<String> {
    Some(format!("{:x<length$}", format!("Zq{number:02}")))
}

/// Numbers of chats that do not exist; what the hub says of one has the number in it.
fn number(number: usize, length: usize) -> Option<String> {
    (length <= 16).then(|| (8_888_000_000_000_000 + number).to_string())
}

/// Between a hub and its clients: what comes down is swapped.
struct Swapper {
    address: SocketAddr,
    swapped: Arc<AtomicUsize>,
}

impl Swapper {
    fn start(hub: SocketAddr, swaps: Vec<Swap>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (swaps, swapped) = (Arc::new(swaps), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&swapped);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(hub) = TcpStream::connect(hub) else {
                    return;
                };
                let (up, down) = (client.try_clone().unwrap(), hub.try_clone().unwrap());
                thread::spawn(move || carry(up, hub, |bytes, _| bytes.len()));
                let (swaps, count) = (Arc::clone(&swaps), Arc::clone(&count));
                thread::spawn(move || {
                    carry(down, client, |bytes, is_end| {
                        swap_in(bytes, is_end, &swaps, &count)
                    });
                });
            }
        });
        Self { address, swapped }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Reads until there is no more, and passes on as much as `ready` says of what is held.
fn carry(mut from: TcpStream, mut to: TcpStream, ready: impl Fn(&mut Vec<u8>, bool) -> usize) {
    let (mut held, mut piece) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let read = from.read(&mut piece).unwrap_or(0);
        held.extend_from_slice(&piece[..read]);
        let go = ready(&mut held, read == 0);
        if to.write_all(&held[..go]).is_err() || read == 0 {
            break;
        }
        held.drain(..go);
    }
    to.shutdown(Shutdown::Write).ok();
    from.shutdown(Shutdown::Read).ok();
}

/// Swaps in place, and says how much holds no beginning of a word that is still to come.
fn swap_in(bytes: &mut [u8], is_end: bool, swaps: &[Swap], count: &AtomicUsize) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if let Some(swap) = swaps
            .iter()
            .find(|swap| rest.starts_with(swap.clean.as_bytes()))
        {
            let end = at + swap.hostile.len();
            bytes[at..end].copy_from_slice(&swap.hostile);
            count.fetch_add(1, Ordering::Relaxed);
            at = end;
            continue;
        }
        if !is_end
            && swaps
                .iter()
                .any(|swap| swap.clean.as_bytes().starts_with(rest))
        {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

/// What a program wrote, taken apart.
#[derive(Default)]
struct Written {
    /// Its sequences, with numbers made alike.
    sequences: BTreeSet<String>,
    controls: BTreeSet<char>,
    /// What of the corpus stands in it as it was sent.
    verbatim: BTreeSet<&'static str>,
    hostile: Vec<String>,
}

impl Written {
    fn of(bytes: &[u8]) -> Self {
        let mut written = Self::default();
        let text = match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                written.hostile.push(format!("no UTF-8: {error}"));
                return written;
            }
        };
        let of_corpus = HOSTILE.iter().copied();
        let steering = of_corpus.filter(|raw| raw.chars().any(is_hostile));
        written.verbatim = steering.filter(|raw| text.contains(raw)).collect();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c == '\x1b' {
                let (sequence, after) = rest.split_at(length(rest));
                if !is_style(sequence) {
                    written.sequences.insert(alike(sequence));
                }
                rest = after;
                continue;
            }
            rest = &rest[c.len_utf8()..];
            if c.is_control() {
                written.controls.insert(c);
            } else if is_hostile(c) {
                let near: String = rest.chars().take(20).collect();
                written.hostile.push(format!("{c:?} before {near:?}"));
            }
        }
        written
    }

    /// What is here and not in what was written of clean text.
    fn beyond(&self, clean: &Self) -> Vec<String> {
        let sequences = self.sequences.difference(&clean.sequences);
        let sequences = sequences.map(|sequence| format!("the sequence {sequence:?}"));
        let controls = self.controls.difference(&clean.controls);
        let controls = controls.map(|control| format!("the control {control:?}"));
        let verbatim = self.verbatim.difference(&clean.verbatim);
        let verbatim = verbatim.map(|raw| format!("{raw:?} as it was sent"));
        let hostile = self.hostile.iter().cloned();
        let shapes = sequences.chain(controls).chain(verbatim);
        hostile.chain(shapes).collect()
    }
}

/// The length of the sequence that `text` begins with.
fn length(text: &str) -> usize {
    let end = |rest: &str, is_end: &dyn Fn(char) -> bool| {
        let found = rest.char_indices().find(|(_, c)| is_end(*c));
        found.map_or(rest.len(), |(at, c)| at + c.len_utf8())
    };
    match text[1..].chars().next() {
        Some('[') => 2 + end(&text[2..], &|c| ('\x40'..='\x7e').contains(&c)),
        Some(']' | 'P' | '_' | '^' | 'X') => {
            let stop = text[2..]
                .find(['\x07', '\x1b'])
                .map_or(text.len(), |at| 2 + at);
            let is_string_end = text[stop..].starts_with("\x1b\\");
            (stop + if is_string_end { 2 } else { 1 }).min(text.len())
        }
        Some(' '..='/') => 1 + end(&text[1..], &|c| !(' '..='/').contains(&c)),
        Some(other) => 1 + other.len_utf8(),
        None => 1,
    }
}

/// Colours, bold, dim, inverse and their ends, in the forms that a theme uses: nothing that blinks
/// or hides.
fn is_style(sequence: &str) -> bool {
    fn is_ours(numbers: &[u16]) -> bool {
        match numbers {
            [] => true,
            [38 | 48, 5, _, rest @ ..] | [38 | 48, 2, _, _, _, rest @ ..] => is_ours(rest),
            [0..=4 | 7 | 22..=24 | 27 | 39 | 49 | 59, rest @ ..] => is_ours(rest),
            _ => false,
        }
    }
    let inner = sequence
        .strip_prefix("\x1b[")
        .and_then(|rest| rest.strip_suffix('m'));
    let numbers = inner.map(|inner| inner.split(';').map(str::parse).collect());
    matches!(numbers, Some(Ok::<Vec<u16>, _>(numbers)) if is_ours(&numbers))
}

fn alike(sequence: &str) -> String {
    // A title holds words; what steers is what it begins with.
    if let Some((kind, _)) = sequence
        .strip_prefix("\x1b]")
        .and_then(|rest| rest.split_once(';'))
    {
        return format!("\x1b]{kind};");
    }
    let mut alike = String::new();
    for c in sequence.chars() {
        let c = if c.is_ascii_digit() { '#' } else { c };
        if c != '#' || !alike.ends_with('#') {
            alike.push(c);
        }
    }
    alike
}

/// A desk whose names, canned replies and messages are the clean words.
async fn furnish(site: &Site) -> u64 {
    let (hub, owner) = (site.hub.address(), Some(site.owner.token.as_str()));
    let chat = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let mut talking = Raw::live(site, &chat.token).await;
    for (number, swap) in swaps(word).into_iter().enumerate() {
        let is_name = is_name(&swap);
        let clean = swap.clean;
        let done = talking.ask(&post(chat.chat.0, &clean)).await;
        assert_eq!(done["type"], "done", "{done}");
        let body = json!({"code": format!("c{number}"), "text": clean,
            "scope": {"kind": "department", "department": 1}});
        let canned = send(hub, owner, "POST", "/api/canned", &body).await;
        assert_eq!(canned.status, 201, "{}", canned.body);
        if is_name {
            let body = json!({"name": clean, "description": clean});
            let made = send(hub, owner, "POST", "/api/departments", &body).await;
            assert_eq!(made.status, 201, "{}", made.body);
            site.guest(&clean, "Customer Care", &clean).await.unwrap();
        }
    }
    chat.chat.0
}

fn log_in(url: &str, username: &str) -> Cli {
    let shell = Cli::new(Home::new());
    let args = [
        "login",
        "--hub",
        url,
        "--context",
        CONTEXT,
        "--username",
        username,
    ];
    let args = [&args[..], &["--password-stdin"]].concat();
    let output = shell.run(&programs().admin, &args, &format!("{PASSWORD}\n"), PATIENCE);
    assert_eq!(output.code(), 0, "{output:?}");
    shell
}

/// What each program writes of the desk that it reaches at `url`, until it shows `last`.
fn scenes(url: &str, chat: u64) -> Vec<(&'static str, Vec<u8>)> {
    let tall = Terminal::sized(200, 120);
    let mut scenes = Vec::new();
    let ana = log_in(url, "ana");
    let console = Pty::start(ana.home(), tall, &programs().agent, &["--context", CONTEXT]);
    console.wait_for("a live connection", PATIENCE, |screen| {
        header(screen).contains("live")
    });
    console.send_line("/status online");
    console.wait_for("a chat", PATIENCE, |screen| {
        !header(screen).contains("mine 0")
    });
    console.send("\x1ba");
    console.wait_text("REPLY to", PATIENCE);
    console.send("\x1b1");
    console.wait_text(&format!("#{chat}  active"), PATIENCE);
    console.send("\x1b");
    console.wait_text("NAV", PATIENCE);
    console.send(";");
    console.wait_text(";c109", PATIENCE);
    scenes.push(("the console", console.raw()));

    let owner = log_in(url, "olga");
    let missing = swaps(number);
    let shown = chat.to_string();
    let mut verbs = vec![
        vec!["chat", "list"],
        vec!["chat", "show", &shown],
        vec!["department", "list", "-o", "wide"],
        vec!["canned", "list"],
    ];
    verbs.extend(
        missing
            .iter()
            .map(|swap| vec!["chat", "show", &*swap.clean]),
    );
    let mut written = Vec::new();
    for verb in verbs {
        let admin = Pty::start(owner.home(), tall, &programs().admin, &verb);
        admin.wait_exit(PATIENCE);
        written.extend(admin.raw());
    }
    scenes.push(("the admin tool", written));

    let customer = Home::new().with_env("FRONTDESK_HUB", url);
    let choosing = Pty::start(&customer, tall, &programs().chat, &["--name", "Bo"]);
    // The list is drawn in pieces; its last number stands before the last department.
    let named = swaps(word).iter().filter(|swap| is_name(swap)).count();
    choosing.wait_text(&format!("{}  ", named + 1), PATIENCE);
    scenes.push(("the customer's choice", choosing.raw()));
    scenes
}

/// S24: the corpus from the hub through messages, names, departments, canned replies and errors to
/// the terminals of all three programs: nothing steers them but what they write themselves.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_from_a_hub_steers_no_terminal() {
    let site = Site::start(&[]).await;
    site.staff("ana", Role::Agent, &["Customer Care"]).await;
    let chat = furnish(&site).await;
    let mut all = swaps(word);
    let words = all.len();
    all.extend(swaps(number));
    let errors = all.len() - words;
    let between = Swapper::start(site.hub.address(), all);
    let clean = scenes(&site.hub.url(), chat);
    let hostile = scenes(&between.url(), chat);
    let mut faults = Vec::new();
    for ((who, clean), (_, hostile)) in clean.iter().zip(&hostile) {
        assert!(
            clean.windows(4).any(|bytes| bytes == b"Zq00"),
            "{who} shows none of it"
        );
        assert!(
            !hostile.windows(4).any(|bytes| bytes == b"Zq00"),
            "{who} was shown the clean text"
        );
        let shown = SafeText::line("\x1b[31mred\x1b[0m");
        let shown = shared::text::render(&shown);
        let text = String::from_utf8_lossy(hostile);
        assert!(text.contains(&*shown), "{who} does not show {shown:?}");
        let beyond = Written::of(hostile).beyond(&Written::of(clean));
        faults.extend(beyond.into_iter().map(|fault| format!("{who}: {fault}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    report(&format!(
        "figure: hostile_from_hub {words} sequences, {errors} of them in errors, {} times, 0 reached \
         a terminal",
        between.swapped.load(Ordering::Relaxed)
    ));
}

#[test]
fn the_judge_of_terminals_knows_the_corpus() {
    let clean = Written::of(b"\x1b[1;1H\x1b[1mplain\x1b[0m\r\n\x1b]0;desk\x07");
    assert_eq!(clean.beyond(&clean), Vec::<String>::new());
    let steering = HOSTILE.iter().filter(|raw| raw.chars().any(is_hostile));
    for raw in steering {
        let found = Written::of(format!("before {raw} behind").as_bytes()).beyond(&clean);
        assert!(!found.is_empty(), "{raw:?}");
    }
    let hiding = Written::of(b"a\x1b[8mb").beyond(&clean);
    assert_eq!(hiding, ["the sequence \"\\u{1b}[#m\""]);
}
