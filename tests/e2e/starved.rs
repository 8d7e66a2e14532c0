//! A hub that is given too little: descriptors, memory.

use std::time::{Duration, Instant};

use rustix::process::Resource;
use tests::{
    is_long, report,
    robot::{Robot, say},
    seed::Seed,
    site::Site,
    trials,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    load::{Load, assisted_site},
    raw::{SOON, call},
};

/// Descriptors that a starved hub has.
const DESCRIPTORS: u64 = 128;

/// F23: without a free descriptor the hub pauses accepting; who is connected goes on, and so does
/// everyone when there are some again.
#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_it_waits_and_recovers() {
    let site = Site::start(&[]).await;
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let cora = Robot::connect("cora", Site::socket(&site.hub.url(), &guest.token));
    cora.live().await;
    let hub = site.hub.process();
    hub.limit(Resource::Nofile, DESCRIPTORS);
    let mut idle = Vec::new();
    for _ in 0..2 * DESCRIPTORS {
        // The system takes them in, whether the hub does or not.
        idle.push(TcpStream::connect(site.hub.address()).await.unwrap());
    }
    hub.wait_error("cannot accept connections", SOON);
    // One that it has from whoever started it may lie beyond the limit.
    let open = hub.descriptors().unwrap_or(0);
    assert!((open as u64) < DESCRIPTORS + 8, "{open} descriptors");
    for number in 0..20 {
        let answer = cora
            .ask(say(guest.chat, &format!("still here {number}")))
            .await;
        answer.expect("who is connected is served");
    }
    drop(idle);
    let begun = Instant::now();
    let answer = timeout(SOON, call(site.hub.address(), None, "GET", "/livez", b"")).await;
    assert_eq!(answer.expect("it recovers").status, 200);
    assert_eq!(cora.with(|seen| seen.connects), 1);
    report(&format!(
        "F23: starved and back after {:?}, 0 exits, 0 connections lost",
        begun.elapsed()
    ));
}

/// F24: a hub without memory ends like one that was killed, and nothing is lost. In the long form
/// alone: 20 times.
#[tokio::test(flavor = "multi_thread")]
async fn without_memory_it_ends_and_nothing_is_lost() {
    if !is_long() {
        return report("SKIPPED: F24 without FRONTDESK_LONG=1; a kill (F1) is what it comes to");
    }
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    let (site, kb) = assisted_site().await;
    let url = site.hub.url();
    let mut load = Load::start(site, &url).await.keeping(kb);
    let stop = CancellationToken::new();
    let talking = load.talk(seed, &stop);
    let times = trials(0, 20);
    for _ in 0..times {
        load.progress(30).await;
        let hub = load.site.hub.process();
        hub.limit(Resource::As, 1024 * 1024);
        // What it has already may last for a while; what it must have new it does not get.
        let ended = tokio::task::block_in_place(|| {
            let patience = Duration::from_secs(5);
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hub.wait_exit(patience)))
        });
        if ended.is_err() {
            hub.kill9();
        }
        load.site.hub.restart();
        for robot in load.robots() {
            robot.socket().retry_now();
        }
    }
    stop.cancel();
    talking.join_all().await;
    let records = load.judge().await;
    report(&format!(
        "F24: {times} times without memory, {records} records, 0 lost, seed {seed}"
    ));
}
