//! Signals to a hub at work: what was acknowledged is there, whoever was connected comes back.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::{figure, process::Exit, report, seed::Seed, site::Site, trials};
use tokio_util::sync::CancellationToken;

use crate::{
    load::{Load, assisted_site},
    raw::Raw,
};

/// What a hub may take for its farewells.
const STOP_MAX: Duration = Duration::from_secs(10);

/// F25: SIGTERM under load ends the hub with 0 within ten seconds, and nothing is lost. 4 stops;
/// FRONTDESK_LONG=1: 200.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_loses_nothing() {
    let stops = trials(4, 200);
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    let (site, kb) = assisted_site().await;
    let url = site.hub.url();
    let mut load = Load::start(site, &url).await.keeping(kb);
    let stop = CancellationToken::new();
    let talking = load.talk(seed, &stop);
    let mut slowest = Duration::ZERO;
    for number in 0..stops {
        load.progress(30).await;
        let asked = Instant::now();
        let hub = load.site.hub.process();
        hub.signal(Signal::TERM);
        if number % 2 == 1 {
            // A second one means now; what was acknowledged is on disk already.
            hub.signal(Signal::TERM);
        }
        let exit = tokio::task::block_in_place(|| hub.wait_exit(STOP_MAX));
        slowest = slowest.max(asked.elapsed());
        if number % 2 == 0 {
            assert_eq!(exit, Exit::Code(0));
        }
        load.site.hub.restart();
        for robot in load.robots() {
            robot.socket().retry_now();
        }
    }
    load.progress(20).await;
    stop.cancel();
    talking.join_all().await;
    let acked = load.acked();
    let records = load.judge().await;
    figure(
        "F25 slowest stop under load",
        slowest.as_millis(),
        "ms",
        "10000",
    );
    report(&format!(
        "F25: {stops} stops, {acked} acknowledged, {records} records, 0 lost, 0 duplicate, \
         0 phantom, seed {seed}"
    ));
}

/// F25: a storm of SIGHUP under load ends nothing and interrupts nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_hangups_interrupts_nobody() {
    const HANGUPS: usize = 200;
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    let (site, kb) = assisted_site().await;
    let url = site.hub.url();
    let load = Load::start(site, &url).await.keeping(kb);
    let stop = CancellationToken::new();
    let talking = load.talk(seed, &stop);
    for number in 0..HANGUPS {
        load.site.hub.process().signal(Signal::HUP);
        if number % 20 == 0 {
            load.progress(1).await;
        }
    }
    load.progress(50).await;
    stop.cancel();
    talking.join_all().await;
    for robot in load.robots() {
        assert_eq!(robot.with(|seen| seen.connects), 1, "{}", robot.name);
    }
    load.judge().await;
}

/// F25: a hub with many sockets says bye to each and ends in time. 200 sockets;
/// FRONTDESK_LONG=1: 1,000.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_house_is_told_of_the_end() {
    let count = trials(200, 1_000);
    let site = Site::start(&[]).await;
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(Raw::live(&site, &guest.token).await);
    }
    let asked = Instant::now();
    site.hub.process().signal(Signal::TERM);
    let mut latest = 0;
    for socket in &mut sockets {
        assert_eq!(socket.end().await.0, 1012);
        let bye = socket.bye().expect("a bye before the close");
        latest = latest.max(
            bye["reconnect_after_ms"]
                .as_u64()
                .expect("when to come back"),
        );
    }
    let hub = site.hub.process();
    let exit = tokio::task::block_in_place(|| hub.wait_exit(STOP_MAX));
    assert_eq!(exit, Exit::Code(0));
    let ms = asked.elapsed().as_millis();
    figure(&format!("F25 stop with {count} sockets"), ms, "ms", "10000");
    assert!(asked.elapsed() < STOP_MAX, "it took {ms} ms");
    assert!(latest > 0, "everyone was told to come back at once");
}
