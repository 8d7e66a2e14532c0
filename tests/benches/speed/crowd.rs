//! Many sockets: fan-out (G5), memory of each (G6), how fast they come (G7).

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    Bench, Fallible,
    bare::count,
    greet::{Greeted, enter, knock},
    hub::{self, EVERYONE, Hub},
    load::{After, Fleet},
    machine::{Usage, memory_and_files},
    relay::{Kind, Relay},
    report::{Row, median},
    talk::{Closed, Rounds, greet, middle},
};

/// Receivers of one message.
const CROWD: usize = 1_000;
/// Sockets that are only there.
const IDLE: usize = 10_000;
/// Agents whose programs those are.
const IDLE_AGENTS: usize = 10;
/// Connections that are opened at once.
const ABREAST: usize = 64;
/// Descriptors besides those of sockets.
const OTHER_FILES: u64 = 200;
/// Until memory has settled.
const SETTLE: Duration = Duration::from_secs(2);

pub(crate) fn run(bench: &mut Bench, files: u64) -> Fallible<()> {
    if bench.args.wants(&["G5"]) {
        fan_out(bench)?;
    }
    if bench.args.wants(&["G6", "G7"]) {
        let most = usize::try_from(files.saturating_sub(OTHER_FILES))?;
        if most < IDLE {
            bench.report.skip(format!(
                "G6: only {most} sockets instead of {IDLE}; raise the limit of open files"
            ));
        }
        idle(bench, IDLE.min(most))?;
    }
    Ok(())
}

fn fan_out(bench: &mut Bench) -> Fallible<()> {
    let data = bench.folder("crowd");
    hub::seeded(&bench.program, bench.cores, CROWD, &data)?;
    let hub = Hub::start(&bench.program, bench.cores, &data, None)?;
    let mut http = hub.http();
    let agents = (0..CROWD)
        .map(|number| hub::login(&mut http, number))
        .collect::<Fallible<Vec<_>>>()?;
    let mut receivers = Vec::new();
    for (number, (token, _)) in agents.into_iter().enumerate() {
        receivers.push(greet(&hub, &token, number)?);
    }
    let (chat, secret) = hub::open_chat(&mut http, 0, EVERYONE)?;
    let sender = greet(&hub, &secret, 0)?;
    let mut fleet = Fleet::new()?;
    fleet.pair(chat, sender, receivers)?;

    let mut relays = Vec::new();
    for kind in [Kind::Raw, Kind::Tungstenite] {
        let relay = Relay::start(kind, bench.cores)?;
        let receivers = (0..CROWD)
            .map(|_| relay.socket(0, 'b'))
            .collect::<Fallible<_>>()?;
        let sender = relay.socket(0, 'a')?;
        let mut fleet = Fleet::new()?;
        fleet.pair(1, sender, receivers)?;
        relays.push((relay, fleet));
    }

    let time = bench.args.time(2.0);
    let mut rounds = Rounds::new(bench.args.rounds());
    let mut all = Vec::new();
    while rounds.next().is_some() {
        let ours = spread(bench, &mut fleet, hub.pid(), time)?;
        let mut limits = Vec::new();
        for (relay, fleet) in &mut relays {
            limits.push(spread(bench, fleet, relay.pid(), time)?);
        }
        rounds.add(ours.noise);
        all.push((ours, limits));
    }
    let (chosen, note) = rounds.chosen();
    let cpu = middle(&chosen, &all, |round| round.0.cpu_us);
    for (index, name) in ["raw pre-encoded frames", "bare tokio-tungstenite"]
        .into_iter()
        .enumerate()
    {
        let limit = middle(&chosen, &all, |round| round.1[index].cpu_us);
        let ratio = middle(&chosen, &all, |round| {
            round.0.cpu_us / round.1[index].cpu_us
        });
        let row = Row::new("G5", format!("CPU per delivery, 1 to {CROWD}"), cpu, "us")
            .against(limit, name)
            .with_ratio(ratio)
            .note(note.clone());
        bench.report.add(if index == 0 {
            row.at_most(2.0, 1.2)
        } else {
            row
        });
    }
    let rate = middle(&chosen, &all, |round| round.0.rate);
    bench.report.add(Row::new(
        "G5",
        format!("deliveries, 1 to {CROWD}"),
        rate,
        "1/s",
    ));
    hub.stop()
}

/// Deliveries of one sender to all; figures are of a delivery.
fn spread(bench: &Bench, fleet: &mut Fleet, pid: u32, time: Duration) -> Fallible<Closed> {
    let core = bench.cores.hub;
    // Two on their way, so that the hub has work while the last receiver is read.
    let (run, before, _) = fleet.closed(1, 2, After::Received, time, || Usage::of(pid, core))?;
    let spent = before?.spent()?;
    fleet.drain()?;
    Ok(Closed {
        rate: count(run.delivered) / spent.seconds,
        cpu_us: 1e6 * spent.cpu_seconds / count(run.delivered),
        noise: spent.noise,
    })
}

fn idle(bench: &mut Bench, sockets: usize) -> Fallible<()> {
    let data = bench.folder("idle");
    hub::seeded(&bench.program, bench.cores, IDLE_AGENTS, &data)?;
    let hub = Hub::start(&bench.program, bench.cores, &data, None)?;
    let pid = hub.pid();
    let mut http = hub.http();
    bench
        .report
        .add(mib("G13", "memory of an idle hub", memory_and_files(pid).0).at_most(20.0, 10.0));
    let mut tokens = Vec::new();
    for number in 0..IDLE_AGENTS {
        tokens.push(hub::login(&mut http, number)?.0);
    }
    bench
        .report
        .add(mib("G13", "memory after logins", memory_and_files(pid).0));

    // Connections that say nothing, as the bare server has them.
    let core = bench.cores.hub;
    let mut rates = Vec::new();
    for _ in 0..bench.args.rounds() {
        let bare = Relay::start(Kind::Tungstenite, bench.cores)?;
        let wanted = sockets / 4;
        rates.push((
            connect(hub.address, wanted, pid, core)?,
            connect(bare.address, wanted, bare.pid(), core)?,
        ));
    }
    type Round = ((f64, f64), (f64, f64));
    let of = |pick: fn(&Round) -> f64| median(rates.iter().map(pick).collect());
    bench.report.add(
        Row::new("G7", "connect and upgrade", of(|round| round.0.0), "1/s")
            .against(of(|round| round.1.0), "bare tokio-tungstenite")
            .with_ratio(of(|round| round.0.0 / round.1.0))
            .at_least(0.7, 0.9),
    );
    bench.report.add(
        Row::new(
            "G7",
            "CPU per connect and upgrade",
            of(|round| round.0.1),
            "us",
        )
        .against(of(|round| round.1.1), "bare tokio-tungstenite")
        .with_ratio(of(|round| round.0.1 / round.1.1)),
    );

    // Connections that are signed in.
    let mut fleet = Fleet::new()?;
    fleet.rest(SETTLE)?;
    let (before, _) = memory_and_files(pid);
    let begun = Instant::now();
    for number in 0..sockets {
        let token = &tokens[number % IDLE_AGENTS];
        fleet.idle(greet(&hub, token, number)?)?;
        fleet.tend()?;
    }
    let rate = count(sockets as u64) / begun.elapsed().as_secs_f64();
    fleet.rest(SETTLE)?;
    let ours = count(memory_and_files(pid).0 - before) / count(sockets as u64);

    // Both at once would be more files than most machines allow.
    drop(fleet);
    let bare = Relay::start(Kind::Tungstenite, bench.cores)?;
    let (before, _) = memory_and_files(bare.pid());
    let mut others: Vec<Greeted> = Vec::new();
    for number in 0..sockets {
        others.push(bare.socket(number, 'b')?);
    }
    let theirs = count(memory_and_files(bare.pid()).0 - before) / count(sockets as u64);
    bench.report.add(
        Row::new(
            "G6",
            format!("memory per connection, {sockets} signed in"),
            ours,
            "KiB",
        )
        .against(theirs, "bare tokio-tungstenite, 4 KiB")
        .at_most(2.0, 1.2),
    );
    bench.report.add(Row::new(
        "G7",
        "sign in with a token, one after the other",
        rate,
        "1/s",
    ));
    hub.stop()
}

/// Opens WebSockets; how many a second, and what each costs the other side in microseconds.
fn connect(address: SocketAddr, wanted: usize, pid: u32, core: usize) -> Fallible<(f64, f64)> {
    let before = Usage::of(pid, core)?;
    let mut open = Vec::with_capacity(wanted);
    while open.len() < wanted {
        let knocking = (0..ABREAST.min(wanted - open.len()))
            .map(|_| knock(address))
            .collect::<Fallible<Vec<_>>>()?;
        for stream in knocking {
            open.push(enter(stream)?);
        }
    }
    let spent = before.spent()?;
    let wanted = count(wanted as u64);
    Ok((wanted / spent.seconds, 1e6 * spent.cpu_seconds / wanted))
}

fn mib(id: &'static str, what: &str, kib: u64) -> Row {
    Row::new(id, what, count(kib) / 1_024.0, "MiB")
}
