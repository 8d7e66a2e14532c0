//! What grows with the past: pages, commits, starts, space, search, resume (G8 to G10, G13, G16, G17).

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use redb::{Builder, ReadableDatabase as _, ReadableTableMetadata as _, TableDefinition};
use server::store::{FILE_NAME, Part, SeqRange, Store, StoreUrl, Take};
use shared::{id::ChatId, search::Query};
use tests::seed::Seed;

use crate::{
    Bench, Fallible,
    bare::count,
    greet::{enter, knock},
    hub::{self, Hub},
    load::{After, Fleet},
    log::{self, MESSAGES_EACH, now},
    machine::memory_and_files,
    report::{Row, median, percentile},
    talk::greet,
};

const MILLION: u64 = 1_000_000;
const PAGE: usize = 50;
const PAGES: usize = 3_000;
/// Records that wait for the client that comes back.
const MISSED: u64 = 9_900;

/// The tables that a page is read from, as the store has them.
const LOG: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("log-1");
const CHAT: TableDefinition<'_, (u32, u64, u64), u64> = TableDefinition::new("chat-1");

pub(crate) fn run(bench: &mut Bench) -> Fallible<()> {
    if bench.args.wants(&["G13", "G17"]) {
        empty_start(bench)?;
    }
    if bench.args.wants(&["G17"]) {
        resume(bench)?;
    }
    if !bench
        .args
        .wants(&["G8", "G8b", "G9", "G10", "G13", "G16", "G17"])
    {
        return Ok(());
    }
    let sizes: &[u64] = if bench.args.long {
        &[MILLION, 10 * MILLION]
    } else {
        &[MILLION]
    };
    if !bench.args.long {
        bench.report.skip("10 million messages: only with --long");
    }
    for size in sizes {
        log::kept(*size)?;
    }
    if bench.args.wants(&["G8"]) {
        pages(bench, sizes)?;
    }
    for size in sizes {
        if bench.args.wants(&["G10"]) {
            space(bench, *size)?;
        }
        if bench.args.wants(&["G16"]) {
            search(bench, *size)?;
        }
        if bench.args.wants(&["G8b", "G9", "G13", "G17"]) {
            starts(bench, *size)?;
        }
    }
    bench
        .report
        .skip("G11, G12: rates of other products need them installed");
    bench
        .report
        .skip("G16: there are no reports over many messages yet");
    Ok(())
}

fn millions(messages: u64) -> String {
    format!("{} M messages", messages / MILLION)
}

fn millis(time: Duration) -> f64 {
    1_000.0 * time.as_secs_f64()
}

/// How long a hub takes from nothing to its first line.
fn empty_start(bench: &mut Bench) -> Fallible<()> {
    let mut starts = Vec::new();
    for round in 0..bench.args.rounds() {
        let hub = Hub::start(
            &bench.program,
            bench.cores,
            &bench.folder(&format!("empty-{round}")),
            None,
        )?;
        starts.push(millis(hub.start));
        hub.stop()?;
    }
    bench.report.add(
        Row::new("G13", "start on an empty folder", median(starts), "ms").at_most(100.0, 30.0),
    );
    Ok(())
}

/// A client that comes back to many events.
fn resume(bench: &mut Bench) -> Fallible<()> {
    let data = bench.folder("resume");
    hub::seeded(&bench.program, bench.cores, 10, &data)?;
    let hub = Hub::start(&bench.program, bench.cores, &data, None)?;
    let mut http = hub.http();
    let (token, _) = hub::login(&mut http, 0)?;
    let (chat, secret) = hub::open_chat(&mut http, 0, &hub::department(0))?;
    let mut agent = enter(knock(hub.address)?)?;
    let live = agent.hello(&token, "slot-of-a-program-0000", None)?;
    let live: serde_json::Value = serde_json::from_str(&live)?;
    let cursor = live["cursor"]
        .as_str()
        .ok_or("live without a cursor")?
        .to_owned();
    drop(agent);
    let mut fleet = Fleet::new()?;
    fleet.pair(chat, greet(&hub, &secret, 1)?, Vec::new())?;
    while fleet.sent() + 200 < MISSED {
        fleet.closed(1, 16, After::Stored, Duration::from_millis(10), || ())?;
    }
    fleet.drain()?;
    let mut took = Vec::new();
    for round in 0..bench.args.rounds() {
        let begun = Instant::now();
        let mut agent = enter(knock(hub.address)?)?;
        agent.hello(
            &token,
            &format!("slot-of-a-program-1{round:03}"),
            Some(&cursor),
        )?;
        took.push(millis(begun.elapsed()));
    }
    let what = format!("resume of {} events", fleet.sent());
    bench
        .report
        .add(Row::new("G17", what, median(took), "ms").at_most(300.0, 100.0));
    hub.stop()
}

/// One look at a page: ours, the same rows from the engine, as many rows in one range.
fn pages(bench: &mut Bench, sizes: &[u64]) -> Fallible<()> {
    let mut middle = Vec::new();
    for size in sizes {
        let folder = log::kept(*size)?;
        let mut rounds = Vec::new();
        for round in 0..bench.args.rounds() {
            let ours = bench.cores.on_hub(|| our_pages(&folder, *size, round))??;
            let same = bench
                .cores
                .on_hub(|| bare_pages(&folder, *size, round, false))??;
            let range = bench
                .cores
                .on_hub(|| bare_pages(&folder, *size, round, true))??;
            rounds.push((ours, same, range));
        }
        let of = |pick: fn(&(f64, f64, f64)) -> f64| median(rounds.iter().map(pick).collect());
        let ours = of(|round| round.0);
        middle.push(ours);
        let what = format!("page of {PAGE}, {}, p50", millions(*size));
        let row = Row::new("G8", what.clone(), ours, "us")
            .against(of(|round| round.1), "bare redb, the same rows")
            .with_ratio(of(|round| round.0 / round.1));
        bench.report.add(row.at_most(1.5, 1.2));
        let row = Row::new("G8", what, ours, "us");
        bench
            .report
            .add(row.against(of(|round| round.2), "bare redb, one range of the log"));
    }
    if let [small, .., large] = middle[..] {
        let row = Row::new(
            "G8",
            format!("page of {PAGE} at 10 M / at 1 M"),
            large,
            "us",
        );
        bench
            .report
            .add(row.against(small, "at 1 M").at_most(2.0, 1.5));
    }
    Ok(())
}

fn our_pages(folder: &Path, messages: u64, round: usize) -> Fallible<f64> {
    let store = Store::open(&StoreUrl::in_directory(folder))?;
    let mut rng = Seed::new(round as u64).rng();
    timed(|| {
        let chat = ChatId(rng.within(1..=messages / MESSAGES_EACH));
        let page = now(store.history(Part::MAIN, chat, SeqRange::default(), Take::Last(PAGE)))?;
        if page.len() != PAGE {
            return Err(format!("chat {chat} has {} records", page.len()).into());
        }
        Ok(())
    })
}

fn bare_pages(folder: &Path, messages: u64, round: usize, range: bool) -> Fallible<f64> {
    let database = Builder::new()
        .set_cache_size(64 * 1024 * 1024)
        .create(folder.join(FILE_NAME))?;
    let mut rng = Seed::new(round as u64).rng();
    let page = PAGE as u64;
    timed(|| {
        let chat = rng.within(1..=messages / MESSAGES_EACH);
        let transaction = database.begin_read()?;
        let log = transaction.open_table(LOG)?;
        let mut copies = Vec::with_capacity(PAGE);
        if range {
            let first = chat * MESSAGES_EACH - page;
            for row in log.range((0, first)..(0, first + page))? {
                copies.push(row?.1.value().to_vec());
            }
        } else {
            let index = transaction.open_table(CHAT)?;
            for row in index
                .range((0, chat, 0)..=(0, chat, u64::MAX))?
                .rev()
                .take(PAGE)
            {
                let pos = row?.1.value();
                let found = log.get((0, pos))?.ok_or("a record is missing")?;
                copies.push(found.value().to_vec());
            }
        }
        if copies.len() != PAGE {
            return Err("a short page".into());
        }
        Ok(())
    })
}

/// The middle of many, in microseconds, after as many to get warm.
fn timed(mut page: impl FnMut() -> Fallible<()>) -> Fallible<f64> {
    for _ in 0..PAGES {
        page()?;
    }
    let mut took = Vec::with_capacity(PAGES);
    for _ in 0..PAGES {
        let begun = Instant::now();
        page()?;
        took.push(u32::try_from(begun.elapsed().as_nanos())?);
    }
    took.sort_unstable();
    Ok(percentile(&took, 0.5))
}

fn space(bench: &mut Bench, size: u64) -> Fallible<()> {
    let path = log::kept(size)?.join(FILE_NAME);
    let file = fs::metadata(&path)?.len();
    let database = Builder::new().create(&path)?;
    let log = database.begin_read()?.open_table(LOG)?;
    let (rows, stored) = (log.len()?, log.stats()?.stored_bytes());
    bench.report.add(
        Row::new(
            "G10",
            format!("file per record, {}", millions(size)),
            count(file) / count(rows),
            "bytes",
        )
        .against(count(stored) / count(rows), "record and key")
        .at_most(2.0, 1.2),
    );
    let all = database.begin_write()?;
    let stats = all.stats()?;
    let used = stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes();
    let tables = count(stats.stored_bytes()) / count(rows);
    let row = Row::new(
        "G10",
        format!("all tables and their pages, {}", millions(size)),
        count(used) / count(rows),
        "bytes",
    );
    bench
        .report
        .add(row.note(format!("{tables:.0} bytes of them are rows of all tables")));
    all.abort()?;
    Ok(())
}

fn search(bench: &mut Bench, size: u64) -> Fallible<()> {
    let folder = log::kept(size)?;
    let store = Store::open(&StoreUrl::in_directory(&folder))?;
    for (name, numbers) in [("frequent", 1..50_u64), ("rare", 10_000..10_050)] {
        let (mut took, mut found) = (Vec::new(), 0);
        for number in numbers {
            let query = Query::parse(&log::word(number)).ok_or("no word to look for")?;
            let begun = Instant::now();
            let page = now(store.search(Part::MAIN, &query, None, PAGE))?;
            took.push(millis(begun.elapsed()));
            found += page.records.len();
        }
        let searches = took.len();
        let row = Row::new(
            "G16",
            format!("search of a {name} word in {}, p50", millions(size)),
            median(took),
            "ms",
        );
        let row = row.note(format!("{} hits a page", found / searches));
        bench.report.add(row.at_most(200.0, 50.0));
    }
    Ok(())
}

fn starts(bench: &mut Bench, size: u64) -> Fallible<()> {
    let kept = log::kept(size)?;
    let data = bench.folder(&format!("start-{size}"));
    hub::make_folder(&data)?;
    fs::copy(kept.join(FILE_NAME), data.join(FILE_NAME))?;
    let (program, cores) = (bench.program.clone(), bench.cores);
    let start = || Hub::start(&program, cores, &data, None);

    // Without a snapshot the desk is read from all of the log.
    let hub = start()?;
    let what = format!("start that replays {}", millions(size));
    let row = Row::new("G17", what, millis(hub.start), "ms");
    bench.report.add(if size == MILLION {
        row.at_most(2_000.0, 1_000.0)
    } else {
        row
    });
    hub.stop()?;

    let (mut clean, mut killed, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..bench.args.rounds() {
        let hub = start()?;
        clean.push(millis(hub.start));
        memory.push(count(memory_and_files(hub.pid()).0) / 1_024.0);
        hub::open_chat(&mut hub.http(), round, "Customer Care")?;
        hub.kill9()?;
        let hub = start()?;
        killed.push(millis(hub.start));
        hub.stop()?;
    }
    bench.report.add(
        Row::new(
            "G13",
            format!("start on {}, ended cleanly", millions(size)),
            median(clean),
            "ms",
        )
        .at_most(100.0, 30.0),
    );
    bench.report.add(
        Row::new(
            "G13",
            format!("memory of an idle hub, {}", millions(size)),
            median(memory),
            "MiB",
        )
        .at_most(20.0, 10.0),
    );
    bench.report.add(
        Row::new(
            "G9",
            format!("start after kill -9, {}", millions(size)),
            median(killed),
            "ms",
        )
        .at_most(1_000.0, 50.0),
    );
    if bench.args.wants(&["G8b"]) {
        let mut ratios = Vec::new();
        let (mut ours, mut fresh) = (Vec::new(), Vec::new());
        let time = bench.args.time(2.0);
        for round in 0..bench.args.rounds() {
            let empty = bench.folder(&format!("fresh-{size}-{round}"));
            hub::make_folder(&empty)?;
            let on_empty = bench
                .cores
                .on_hub(|| log::commit_rate(&empty, 64, time))??;
            let on_big = bench.cores.on_hub(|| log::commit_rate(&data, 64, time))??;
            fs::remove_dir_all(&empty)?;
            ratios.push(on_big / on_empty);
            ours.push(on_big);
            fresh.push(on_empty);
        }
        bench.report.add(
            Row::new(
                "G8b",
                format!("store commits of 64, {}", millions(size)),
                median(ours),
                "msg/s",
            )
            .against(median(fresh), "on an empty store")
            .with_ratio(median(ratios))
            .at_least(0.85, 0.95),
        );
    }
    fs::remove_dir_all(&data)?;
    Ok(())
}
