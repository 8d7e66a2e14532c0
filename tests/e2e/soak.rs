//! Hours of work with faults: kills, cuts and stops mixed, memory and descriptors watched.

use std::time::{Duration, Instant};

use tests::{
    figure, is_long,
    proxy::{FaultProxy, Policy},
    report,
    seed::Seed,
};
use tokio_util::sync::CancellationToken;

use crate::load::{Load, assisted_site};

/// What the hub had at one moment.
#[derive(Clone, Copy)]
struct Sample {
    hours: f64,
    kib: f64,
    descriptors: f64,
}

/// F29: F1, F11 and F25 mixed in the first half of the time, cuts alone in the second, where one
/// life of the hub is watched. FRONTDESK_LONG=1 alone, for FRONTDESK_SOAK_MINUTES (120).
#[tokio::test(flavor = "multi_thread")]
async fn hours_of_faults_lose_nothing_and_leak_nothing() {
    if !is_long() {
        return report("SKIPPED: F29 without FRONTDESK_LONG=1");
    }
    let minutes = std::env::var("FRONTDESK_SOAK_MINUTES");
    let minutes: u64 = minutes.map_or(120, |text| text.parse().expect("a number of minutes"));
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    let mut rng = seed.derive("faults").rng();
    let (site, kb) = assisted_site().await;
    let proxy = FaultProxy::start(site.hub.address(), seed.derive("proxy"));
    let mut load = Load::start(site, &proxy.url()).await.keeping(kb);
    let stop = CancellationToken::new();
    let talking = load.talk(seed, &stop);
    let begun = Instant::now();
    let half = Duration::from_secs(minutes * 30);
    let (mut kills, mut stops, mut samples) = (0_u32, 0_u32, Vec::new());
    while begun.elapsed() < 2 * half {
        let first = begun.elapsed() < half;
        let cut = rng.chance(40).then_some(500..=20_000);
        proxy.set_policy(Policy {
            cut_after_bytes: cut,
            ..Policy::default()
        });
        load.progress(rng.within(20..=200)).await;
        if first && rng.chance(20) {
            load.site.hub.kill9();
            load.site.hub.restart();
            kills += 1;
        } else if first && rng.chance(5) {
            load.site.hub.restart();
            stops += 1;
        }
        for robot in load.robots() {
            robot.socket().retry_now();
        }
        let hub = load.site.hub.process();
        if let (false, Some(kib), Some(open)) = (first, hub.resident_kib(), hub.descriptors()) {
            samples.push(Sample {
                hours: begun.elapsed().as_secs_f64() / 3600.0,
                kib: kib as f64,
                descriptors: open as f64,
            });
        }
    }
    proxy.set_policy(Policy::default());
    proxy.cut_all();
    stop.cancel();
    talking.join_all().await;
    let (acked, cuts) = (load.acked(), proxy.counts().cuts);
    let records = load.judge().await;
    let memory = slope(&samples, |sample| sample.kib / 1024.0);
    let files = slope(&samples, |sample| sample.descriptors);
    let last = samples.last().map_or(0.0, |sample| sample.kib / 1024.0);
    figure("F29 memory slope", format!("{memory:.2}"), "MiB/h", "1");
    figure("F29 memory at the end", format!("{last:.1}"), "MiB", "none");
    figure("F29 descriptor slope", format!("{files:.2}"), "1/h", "0");
    report(&format!(
        "F29: {minutes} minutes, {kills} kills, {stops} stops, {cuts} cuts, {acked} acknowledged, \
         {records} records, 0 violations, seed {seed}"
    ));
}

/// The slope of the line of least squares, per hour.
fn slope(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    let count = samples.len().max(1) as f64;
    let mean = |value: &dyn Fn(&Sample) -> f64| samples.iter().map(value).sum::<f64>() / count;
    let (x, y) = (mean(&|sample| sample.hours), mean(&of));
    let over: f64 = samples.iter().map(|s| (s.hours - x) * (of(s) - y)).sum();
    let under: f64 = samples.iter().map(|s| (s.hours - x).powi(2)).sum();
    if under == 0.0 { 0.0 } else { over / under }
}
