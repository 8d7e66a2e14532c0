//! Many at once: a restart with a full desk, a storm of reconnects, idle sockets.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shared::{
    command::Command,
    id::{ChatId, Epoch, UserId},
    model::{AgentStatus, ChatState, Role},
};
use tests::{
    figure, is_long, report,
    robot::{Robot, Seen},
    site::Site,
    trials,
};

use crate::{load::status, raw::Raw};

/// A budget is asserted at so many times its figure: the machine may be busy.
const SLACK: u32 = 5;

/// Who has which chat.
fn owners(seen: &Seen) -> BTreeMap<ChatId, (Option<UserId>, Epoch)> {
    let chats = seen.view.chats.values().map(|view| &view.chat);
    let active = chats.filter(|chat| chat.state == ChatState::Active);
    active
        .map(|chat| (chat.id, (chat.owner, chat.epoch)))
        .collect()
}

/// F16, A6: the hub is killed and started again with 50 active chats and 20 agents: nobody loses
/// a chat, and all are back.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_moves_no_chat_and_all_are_back() {
    const AGENTS: usize = 20;
    const CHATS: usize = 50;
    let mut site = Site::start(&[]).await;
    let url = site.hub.url();
    let owner = Robot::connect("olga", Site::socket(&url, &site.owner.token));
    owner.live().await;
    let mut robots = Vec::new();
    for number in 0..AGENTS {
        let name = format!("agent{number}");
        let person = site.staff(&name, Role::Agent, &["Customer Care"]).await;
        let robot = Robot::connect(&name, Site::socket(&url, &person.token));
        robot.live().await;
        let online: Command = status(AgentStatus::Online, None);
        robot.ask(online).await.expect("online");
        robots.push(robot);
    }
    for number in 0..CHATS {
        let name = format!("customer {number}");
        let guest = site.guest(&name, "Customer Care", "hello").await.unwrap();
        let robot = Robot::connect(&name, Site::socket(&url, &guest.token));
        robot.live().await;
        robots.push(robot);
    }
    robots.push(owner.clone());
    let all = |seen: &Seen| owners(seen).len() == CHATS;
    owner.until("every chat with an agent", all).await;
    let before = owner.with(owners);
    let head = owner.with(|seen| seen.view.pos);
    site.hub.kill9();
    site.hub.restart();
    let begun = Instant::now();
    for robot in &robots {
        robot
            .until("its return", |seen| seen.live && seen.connects > 1)
            .await;
    }
    let took = begun.elapsed();
    figure("F16 all of 71 resumed", took.as_millis(), "ms", "5000");
    assert!(took < Duration::from_secs(5) * SLACK, "{took:?}");
    let clients: Vec<_> = robots.iter().filter_map(|one| one.client(false)).collect();
    let log = site.hub.judge(&clients);
    let after: BTreeMap<_, _> = log
        .desk
        .chats()
        .map(|chat| (chat.id, (chat.owner, chat.epoch)))
        .collect();
    assert_eq!(after, before, "somebody lost a chat");
    let moved = log.records.iter().filter(|record| record.pos > head);
    let moved = moved.filter(|record| record.chat.is_some()).count();
    assert_eq!(moved, 0, "a chat was touched");
    report(&format!(
        "F16: {AGENTS} agents, {CHATS} chats, 0 reassigned, resumed in {took:?}"
    ));
}

/// F20: everyone comes back at once after a restart. 500 sockets; FRONTDESK_LONG=1: 2,000.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_returns_is_weathered() {
    let count = trials(500, 2_000);
    let mut site = Site::start(&[]).await;
    let mut robots = Vec::new();
    let mut guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    for number in 0..count {
        if number % 20 == 0 {
            let name = format!("customer {number}");
            guest = site.guest(&name, "Customer Care", "hello").await.unwrap();
        }
        let name = format!("socket {number}");
        robots.push(Robot::connect(
            &name,
            Site::socket(&site.hub.url(), &guest.token),
        ));
    }
    for robot in &robots {
        robot.live().await;
    }
    site.hub.kill9();
    for robot in &robots {
        robot.until("the loss", |seen| !seen.live).await;
    }
    site.hub.restart();
    let begun = Instant::now();
    for robot in &robots {
        robot
            .until("its return", |seen| seen.live && seen.connects > 1)
            .await;
    }
    let took = begun.elapsed();
    figure(
        &format!("F20 {count} back"),
        took.as_millis(),
        "ms",
        "30000",
    );
    let lost = robots
        .iter()
        .filter(|robot| robot.with(|seen| seen.snapshots > 1));
    assert_eq!(lost.count(), 0, "who resumes needs no snapshot");
    let clients: Vec<_> = robots.iter().filter_map(|one| one.client(false)).collect();
    site.hub.judge(&clients);
    report(&format!(
        "F20: {count} sockets, 0 lost, all back in {took:?}"
    ));
}

/// F22: what an idle socket costs. In the long form alone: 10,000 sockets.
#[tokio::test(flavor = "multi_thread")]
async fn idle_sockets_cost_little() {
    const SOCKETS: u64 = 9_500;
    const KIB_MAX: f64 = 10.0;
    if !is_long() {
        return report("SKIPPED: F22 without FRONTDESK_LONG=1 needs 20,000 descriptors");
    }
    let most = getrlimit(Resource::Nofile).maximum;
    if most.is_some_and(|most| most < 2 * SOCKETS) {
        return report("SKIPPED: F22 needs 20,000 descriptors (ulimit -Hn)");
    }
    let limit = Rlimit {
        current: most.or(Some(2 * SOCKETS + 1_000)),
        maximum: most,
    };
    setrlimit(Resource::Nofile, limit).expect("the soft limit can be raised");
    let site = Site::start(&[]).await;
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let mut sockets = vec![Raw::live(&site, &guest.token).await];
    let before = site.hub.process().resident_kib().unwrap_or(0);
    for _ in 0..SOCKETS {
        sockets.push(Raw::live(&site, &guest.token).await);
    }
    let after = site.hub.process().resident_kib().unwrap_or(0);
    let each = after.saturating_sub(before) as f64 / SOCKETS as f64;
    figure(
        "F22 memory of an idle socket",
        format!("{each:.1}"),
        "KiB",
        "10",
    );
    assert!(each < KIB_MAX * f64::from(SLACK), "{each} KiB");
}
