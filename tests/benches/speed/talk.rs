//! Paired customers and agents: G1 to G4 and G14.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    Bench, Fallible,
    bare::{self, Bare, count},
    hub::{self, Hub, PAIRS_MAX},
    load::{After, Fleet, Run},
    machine::{NOISE_MAX, Spent, Usage},
    relay::{Kind, Relay},
    report::{Row, median, percentile},
};

/// Messages a second at which latency is looked at.
const RATES: [u32; 3] = [200, 2_000, 10_000];
/// Pairs among which these are spread.
const PACED_PAIRS: usize = 10;
/// Rounds beyond those wanted that noise may cost.
const EXTRA_ROUNDS: usize = 3;

/// A hub with pairs that talk.
pub(crate) struct Desk {
    pub(crate) hub: Hub,
    pub(crate) fleet: Fleet,
}

impl Desk {
    /// Starts a hub with `pairs` customers, each with an agent who is signed in and online.
    pub(crate) fn open(
        bench: &Bench,
        name: &str,
        pairs: usize,
        store: Option<&str>,
    ) -> Fallible<Self> {
        let data = bench.folder(name);
        if store.is_none() {
            // Those of the crowd serve here too.
            let agents = if pairs == PAIRS_MAX { pairs + 1 } else { pairs };
            hub::seeded(&bench.program, bench.cores, agents, &data)?;
        }
        let hub = Hub::start(&bench.program, bench.cores, &data, store)?;
        if store.is_some() {
            hub::seed(&hub, pairs)?;
        }
        let mut fleet = Fleet::new()?;
        let mut http = hub.http();
        // Everyone signs in before anyone connects: a password takes long, and a socket that
        // answers no ping meanwhile is cut.
        let agents = (0..pairs)
            .map(|pair| hub::login(&mut http, pair))
            .collect::<Fallible<Vec<_>>>()?;
        for (pair, (token, id)) in agents.into_iter().enumerate() {
            let agent = greet(&hub, &token, pair)?;
            hub::go_online(&mut http, &token, id)?;
            let (chat, secret) = hub::open_chat(&mut http, pair, &hub::department(pair))?;
            let customer = greet(&hub, &secret, pair)?;
            fleet.pair(chat, customer, vec![agent])?;
            fleet.tend()?;
        }
        Ok(Self { hub, fleet })
    }
}

pub(crate) fn greet(hub: &Hub, token: &str, number: usize) -> Fallible<crate::greet::Greeted> {
    let mut socket = crate::greet::enter(crate::greet::knock(hub.address)?)?;
    socket.hello(token, &format!("slot-of-a-program-{number:06}"), None)?;
    Ok(socket)
}

/// A relay with pairs that talk.
fn relay(bench: &Bench, kind: Kind, pairs: usize) -> Fallible<(Relay, Fleet)> {
    let relay = Relay::start(kind, bench.cores)?;
    let mut fleet = Fleet::new()?;
    for pair in 0..pairs {
        let receiver = relay.socket(pair, 'b')?;
        let sender = relay.socket(pair, 'a')?;
        fleet.pair(1, sender, vec![receiver])?;
    }
    Ok((relay, fleet))
}

/// Rate and cost of a run in a closed loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed {
    pub(crate) rate: f64,
    pub(crate) cpu_us: f64,
    pub(crate) noise: f64,
}

/// Runs the first `pairs` of a fleet with `window` messages each on their way.
pub(crate) fn closed(
    bench: &Bench,
    fleet: &mut Fleet,
    pid: u32,
    (pairs, window): (usize, usize),
    time: Duration,
) -> Fallible<Closed> {
    let core = bench.cores.hub;
    let (run, before, _) =
        fleet.closed(pairs, window, After::Stored, time, || Usage::of(pid, core))?;
    let spent = before?.spent()?;
    fleet.drain()?;
    Ok(closed_of(&run, spent))
}

fn closed_of(run: &Run, spent: Spent) -> Closed {
    Closed {
        rate: count(run.stored) / spent.seconds,
        cpu_us: 1e6 * spent.cpu_seconds / count(run.stored),
        noise: spent.noise,
    }
}

/// Rounds that others disturbed are left out when enough are left, and counted.
pub(crate) struct Rounds {
    wanted: usize,
    kept: Vec<usize>,
    noisy: Vec<usize>,
}

impl Rounds {
    pub(crate) const fn new(wanted: usize) -> Self {
        Self {
            wanted,
            kept: Vec::new(),
            noisy: Vec::new(),
        }
    }

    pub(crate) fn next(&self) -> Option<usize> {
        let done = self.kept.len() + self.noisy.len();
        let most = self.wanted + if self.wanted > 1 { EXTRA_ROUNDS } else { 0 };
        (self.kept.len() < self.wanted && done < most).then_some(done)
    }

    pub(crate) fn add(&mut self, noise: f64) {
        let round = self.kept.len() + self.noisy.len();
        if noise > NOISE_MAX {
            crate::say(&format!(
                "round {round}: noisy, others had {:.0} %",
                100.0 * noise
            ));
            self.noisy.push(round);
        } else {
            self.kept.push(round);
        }
    }

    /// The rounds to look at, and what to say of them.
    pub(crate) fn chosen(&self) -> (Vec<usize>, String) {
        let enough = self.wanted.div_ceil(2);
        if self.kept.len() >= enough {
            let note = if self.noisy.is_empty() {
                String::new()
            } else {
                format!("{} noisy rounds left out", self.noisy.len())
            };
            return (self.kept.clone(), note);
        }
        let mut all = [&self.kept[..], &self.noisy[..]].concat();
        all.sort_unstable();
        (all, "noisy: others used the cores".to_owned())
    }
}

pub(crate) fn middle<T>(rounds: &[usize], all: &[T], pick: impl Fn(&T) -> f64) -> f64 {
    median(rounds.iter().map(|round| pick(&all[*round])).collect())
}

pub(crate) fn run(bench: &mut Bench) -> Fallible<()> {
    if bench.args.wants(&["G1", "G1b", "G2", "G3", "G3b", "G14"]) {
        let pairs = if bench.args.wants(&["G1b"]) {
            PAIRS_MAX
        } else {
            100
        };
        let mut desk = Desk::open(bench, "pairs", pairs, None)?;
        if bench.args.wants(&["G1", "G1b", "G14"]) {
            throughput(bench, &mut desk, pairs)?;
        }
        if bench.args.wants(&["G2"]) {
            synchronisations(bench, &mut desk)?;
        }
        if bench.args.wants(&["G3", "G3b"]) {
            latency(bench, &mut desk)?;
        }
        crate::say(&format!(
            "{} messages were stored and received once each, in order",
            desk.fleet.sent()
        ));
        desk.hub.stop()?;
    }
    if bench.args.wants(&["G4", "G4b"]) {
        relaying(bench)?;
    }
    Ok(())
}

/// One round of G1: by number of pairs, the hub's and the bare loop's.
struct Throughput {
    ours: Vec<Closed>,
    bare: Vec<f64>,
    /// CPU per message of the bare parts at 100 pairs.
    parts_us: f64,
    many: Closed,
}

fn throughput(bench: &mut Bench, desk: &mut Desk, pairs: usize) -> Fallible<()> {
    let sizes: Vec<usize> = [1, 10, 100, PAIRS_MAX]
        .into_iter()
        .filter(|size| *size <= pairs)
        .collect();
    let time = bench.args.time(2.0);
    let mut bare = Bare::open(&bench.folder("bare.redb"))?;
    let (server, mut relayed) = relay(bench, Kind::Tungstenite, 100)?;
    let mut rounds = Rounds::new(bench.args.rounds());
    let mut all = Vec::new();
    while rounds.next().is_some() {
        let mut round = Throughput {
            ours: Vec::new(),
            bare: Vec::new(),
            parts_us: 0.0,
            many: Closed {
                rate: 0.0,
                cpu_us: 0.0,
                noise: 0.0,
            },
        };
        let pid = desk.hub.pid();
        for size in &sizes {
            round
                .ours
                .push(closed(bench, &mut desk.fleet, pid, (*size, 1), time)?);
            let batch = *size as u64;
            round
                .bare
                .push(bench.cores.on_hub(|| bare.rate(batch, time))??);
        }
        // What the bare loop and a bare relay cost together at 100 pairs.
        let me = std::process::id();
        let before = Usage::of(me, bench.cores.hub)?;
        let rate = bench.cores.on_hub(|| bare.rate(100, time))??;
        let spent = before.spent()?;
        let loop_us = 1e6 * spent.cpu_seconds / (rate * spent.seconds);
        let bare_relay = closed(bench, &mut relayed, server.pid(), (100, 1), time)?;
        round.parts_us = loop_us + bare_relay.cpu_us;
        round.many = closed(
            bench,
            &mut desk.fleet,
            pid,
            (*sizes.last().unwrap_or(&1), 4),
            time,
        )?;
        rounds.add(round.ours.iter().map(|run| run.noise).fold(0.0, f64::max));
        all.push(round);
    }
    let (chosen, note) = rounds.chosen();
    for (index, size) in sizes.iter().enumerate() {
        let rate = middle(&chosen, &all, |round| round.ours[index].rate);
        let limit = middle(&chosen, &all, |round| round.bare[index]);
        let ratio = middle(&chosen, &all, |round| {
            round.ours[index].rate / round.bare[index]
        });
        let row = Row::new(
            "G1",
            format!("durable messages, {size} pairs"),
            rate,
            "msg/s",
        )
        .against(limit, format!("bare redb, {size} a commit"))
        .with_ratio(ratio)
        .note(note.clone());
        // With the most pairs G1b judges.
        bench.report.add(if *size == PAIRS_MAX {
            row
        } else {
            row.at_least(0.50, 0.65)
        });
        let cpu = middle(&chosen, &all, |round| round.ours[index].cpu_us);
        let row = Row::new(
            "G14",
            format!("hub CPU per message, {size} pairs"),
            cpu,
            "us",
        );
        bench.report.add(if *size == 100 {
            let parts = middle(&chosen, &all, |round| round.parts_us);
            let ratio = middle(&chosen, &all, |round| {
                round.ours[index].cpu_us / round.parts_us
            });
            row.against(parts, "bare redb + bare relay")
                .with_ratio(ratio)
                .at_most(1.8, 1.3)
        } else {
            row
        });
    }
    if let [.., hundred, thousand] = sizes[..]
        && thousand == PAIRS_MAX
        && hundred == 100
    {
        let own = |round: &Throughput, from_end: usize| round.ours[sizes.len() - from_end].rate;
        let rate = middle(&chosen, &all, |round| own(round, 1));
        let limit = middle(&chosen, &all, |round| own(round, 2));
        let ratio = middle(&chosen, &all, |round| own(round, 1) / own(round, 2));
        bench.report.add(
            Row::new(
                "G1b",
                format!("durable messages, {thousand} pairs"),
                rate,
                "msg/s",
            )
            .against(limit, "own rate with 100 pairs")
            .with_ratio(ratio)
            .at_least(0.90, 1.0),
        );
    }
    let rate = middle(&chosen, &all, |round| round.many.rate);
    let what = format!(
        "durable messages, {} pairs, 4 on their way each",
        sizes.last().unwrap_or(&1)
    );
    bench.report.add(Row::new("G1", what, rate, "msg/s"));
    Ok(())
}

/// Counts the hub's synchronisations of its file with `perf`, where that is installed.
fn synchronisations(bench: &mut Bench, desk: &mut Desk) -> Fallible<()> {
    let time = bench.args.time(2.0);
    let pid = desk.hub.pid();
    for (pairs, floor, aim) in [(1, 2.0, 2.0), (50, 0.10, 0.05)] {
        let counting = Command::new("perf")
            .args([
                "stat",
                "-x",
                ",",
                "-e",
                "syscalls:sys_enter_fdatasync,syscalls:sys_enter_fsync",
            ])
            .args(["-p", &pid.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(counting) = counting else {
            bench
                .report
                .skip("G2: perf is not installed, so synchronisations are not counted");
            return Ok(());
        };
        // It is at work when the first message after a moment is counted.
        desk.fleet.rest(Duration::from_millis(500))?;
        let before = desk.fleet.sent();
        closed(bench, &mut desk.fleet, pid, (pairs, 1), time)?;
        let messages = desk.fleet.sent() - before;
        let id = rustix::process::Pid::from_child(&counting);
        rustix::process::kill_process(id, rustix::process::Signal::INT)?;
        let output = counting.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let syncs: Option<u64> = text
            .lines()
            .filter(|line| line.contains("sync"))
            .map(|line| line.split(',').next()?.parse::<u64>().ok())
            .sum();
        let Some(syncs) = syncs.filter(|syncs| *syncs > 0) else {
            let why = text.lines().next().unwrap_or_default();
            bench
                .report
                .skip(format!("G2: perf does not count here: {why}"));
            return Ok(());
        };
        let what = format!("fdatasync per message, {pairs} pairs");
        let row = Row::new("G2", what, count(syncs) / count(messages), "");
        bench.report.add(row.at_most(floor, aim));
    }
    Ok(())
}

struct Latency {
    runs: Vec<Run>,
    bare: (f64, f64),
    sync: f64,
    noise: f64,
    cpu_us: Vec<f64>,
}

fn latency(bench: &mut Bench, desk: &mut Desk) -> Fallible<()> {
    let mut bare = Bare::open(&bench.folder("paced.redb"))?;
    let mut rounds = Rounds::new(bench.args.rounds());
    let mut all = Vec::new();
    while rounds.next().is_some() {
        let mut round = Latency {
            runs: Vec::new(),
            bare: (0.0, 0.0),
            sync: 0.0,
            noise: 0.0,
            cpu_us: Vec::new(),
        };
        for rate in RATES {
            let time = bench.args.time(if rate == RATES[0] { 5.0 } else { 2.0 });
            let before = Usage::of(desk.hub.pid(), bench.cores.hub)?;
            let sent = desk.fleet.sent();
            round.runs.push(desk.fleet.paced(PACED_PAIRS, rate, time)?);
            let spent = before.spent()?;
            round.noise = round.noise.max(spent.noise);
            round
                .cpu_us
                .push(1e6 * spent.cpu_seconds / count(desk.fleet.sent() - sent));
        }
        let time = bench.args.time(4.0);
        round.bare = bench.cores.on_hub(|| bare.paced(RATES[0], time))??;
        let file = bench.folder("sync");
        let time = bench.args.time(1.0);
        round.sync = bench.cores.on_hub(|| bare::sync(&file, time))??;
        rounds.add(round.noise);
        all.push(round);
    }
    let (chosen, note) = rounds.chosen();
    let at = |round: &Latency, index: usize, part: f64| {
        percentile(&round.runs[index].delivered_after, part)
    };
    let p50 = middle(&chosen, &all, |round| at(round, 0, 0.5));
    let bare_p50 = middle(&chosen, &all, |round| round.bare.0);
    let ratio = middle(&chosen, &all, |round| at(round, 0, 0.5) / round.bare.0);
    bench.report.add(
        Row::new("G3", "send to delivered, p50 at 200/s", p50, "us")
            .against(bare_p50, "bare redb commit at 200/s, p50")
            .with_ratio(ratio)
            .at_most(1.7, 1.4)
            .note(note.clone()),
    );
    let p99 = middle(&chosen, &all, |round| at(round, 0, 0.99));
    let sync = middle(&chosen, &all, |round| round.sync);
    let ratio = middle(&chosen, &all, |round| at(round, 0, 0.99) / round.sync);
    bench.report.add(
        Row::new("G3b", "send to delivered, p99 at 200/s", p99, "us")
            .against(sync, "append and fdatasync, p50")
            .with_ratio(ratio)
            .at_most(15.0, 8.0),
    );
    for (index, rate) in RATES.iter().enumerate() {
        for (part, name) in [(0.5, "p50"), (0.99, "p99")] {
            let stored = middle(&chosen, &all, |round| {
                percentile(&round.runs[index].stored_after, part)
            });
            let delivered = middle(&chosen, &all, |round| at(round, index, part));
            let row = |what: &str, value| {
                Row::new(
                    "G3",
                    format!("send to {what}, {name} at {rate}/s"),
                    value,
                    "us",
                )
            };
            bench.report.add(if index == 0 && name == "p50" {
                // Sooner than a commit alone, it would not have waited for the disk.
                row("stored", stored)
                    .against(bare_p50, "bare redb commit at 200/s, p50")
                    .at_least(0.95, 0.95)
            } else {
                row("stored", stored)
            });
            if index > 0 {
                bench.report.add(row("delivered", delivered));
            }
        }
        let cpu = middle(&chosen, &all, |round| round.cpu_us[index]);
        bench.report.add(Row::new(
            "G14",
            format!("hub CPU per message at {rate}/s"),
            cpu,
            "us",
        ));
    }
    let bare_p99 = middle(&chosen, &all, |round| round.bare.1);
    bench.report.add(Row::new(
        "G3",
        "bare redb commit at 200/s, p99",
        bare_p99,
        "us",
    ));
    Ok(())
}

/// One round of G4 at one number of pairs: the hub without a disk, and the relays.
struct Relaying {
    hub: Closed,
    relays: [Closed; 3],
}

fn relaying(bench: &mut Bench) -> Fallible<()> {
    let time = bench.args.time(2.0);
    let sizes: &[usize] = if bench.args.quick {
        &[100]
    } else {
        &[100, PAIRS_MAX]
    };
    for pairs in sizes {
        let mut desk = Desk::open(bench, &format!("memory-{pairs}"), *pairs, Some("memory:"))?;
        let kinds = [Kind::Tungstenite, Kind::Raw, Kind::Defaults];
        let mut relays = Vec::new();
        for kind in kinds {
            relays.push(relay(bench, kind, *pairs)?);
        }
        let mut rounds = Rounds::new(bench.args.rounds());
        let mut all = Vec::new();
        while rounds.next().is_some() {
            let pid = desk.hub.pid();
            let hub = closed(bench, &mut desk.fleet, pid, (*pairs, 1), time)?;
            let mut round = Relaying {
                hub,
                relays: [hub; 3],
            };
            for (slot, (server, fleet)) in round.relays.iter_mut().zip(&mut relays) {
                *slot = closed(bench, fleet, server.pid(), (*pairs, 1), time)?;
            }
            rounds.add(hub.noise);
            all.push(round);
        }
        let (chosen, note) = rounds.chosen();
        let cpu = middle(&chosen, &all, |round| round.hub.cpu_us);
        let against = |index: usize| {
            (
                middle(&chosen, &all, |round| round.relays[index].cpu_us),
                middle(&chosen, &all, |round| {
                    round.hub.cpu_us / round.relays[index].cpu_us
                }),
            )
        };
        let what = format!("CPU per message without a disk, {pairs} pairs");
        let (limit, ratio) = against(0);
        let row = Row::new("G4", what.clone(), cpu, "us")
            .against(limit, "bare tokio-tungstenite, 4 KiB")
            .with_ratio(ratio)
            .at_most(1.4, 1.15)
            .note(note);
        bench.report.add(row);
        let (limit, ratio) = against(1);
        let row = Row::new("G4", what.clone(), cpu, "us");
        bench
            .report
            .add(row.against(limit, "raw frames").with_ratio(ratio));
        let (limit, ratio) = against(2);
        let row = Row::new("G4b", what, cpu, "us")
            .against(limit, "tokio-tungstenite as warp::ws has it")
            .with_ratio(ratio);
        let aim = if *pairs == PAIRS_MAX { 0.5 } else { 0.8 };
        bench.report.add(row.at_most(0.8, aim));
        desk.hub.stop()?;
    }
    Ok(())
}
