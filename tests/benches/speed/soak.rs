//! Hours of moderate load: whether memory, open files or latency drift.

use std::time::{Duration, Instant};

use crate::{
    Bench, Fallible, bare::count, machine::memory_and_files, report::percentile, talk::Desk,
};

const PAIRS: usize = 100;
/// Messages a second.
const RATE: u32 = 1_000;
/// Between two looks.
const STEP: Duration = Duration::from_secs(10);
/// What settles first is not drift.
const WARM_STEPS: usize = 3;

/// What was seen at one look.
struct Look {
    hours: f64,
    rss_kib: f64,
    files: f64,
    p50_us: f64,
    p99_us: f64,
}

pub(crate) fn run(bench: &mut Bench, time: Duration) -> Fallible<()> {
    let mut desk = Desk::open(bench, "soak", PAIRS, None)?;
    let begun = Instant::now();
    let mut looks = Vec::new();
    while begun.elapsed() < time {
        let run = desk.fleet.paced(PAIRS, RATE, STEP)?;
        let (rss, files) = memory_and_files(desk.hub.pid());
        let look = Look {
            hours: begun.elapsed().as_secs_f64() / 3_600.0,
            rss_kib: count(rss),
            files: count(files as u64),
            p50_us: percentile(&run.delivered_after, 0.5),
            p99_us: percentile(&run.delivered_after, 0.99),
        };
        crate::say(&format!(
            "{:7.1} s: {} messages, RSS {:.0} KiB, {:.0} files, delivered p50 {:.0} us, p99 {:.0} us",
            look.hours * 3_600.0,
            desk.fleet.sent(),
            look.rss_kib,
            look.files,
            look.p50_us,
            look.p99_us
        ));
        looks.push(look);
    }
    let steady = looks.get(WARM_STEPS..).unwrap_or_default();
    for (name, unit, pick) in [
        ("memory", "KiB", (|look| look.rss_kib) as fn(&Look) -> f64),
        ("open files", "", |look| look.files),
        ("p50", "us", |look| look.p50_us),
        ("p99", "us", |look| look.p99_us),
    ] {
        let points: Vec<_> = steady.iter().map(|look| (look.hours, pick(look))).collect();
        crate::say(&format!("{name}: {:+.1} {unit} per hour", slope(&points)));
    }
    crate::say(&format!(
        "{} messages were stored and received once each, in order",
        desk.fleet.sent()
    ));
    desk.hub.stop()
}

/// The slope of the line through `points` with the least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let number = count(points.len() as u64);
    let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / number;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let over: f64 = points
        .iter()
        .map(|point| (point.0 - x) * (point.1 - y))
        .sum();
    let under: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if under == 0.0 { 0.0 } else { over / under }
}
