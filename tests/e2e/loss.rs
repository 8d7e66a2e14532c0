//! Nothing acknowledged is lost, nothing comes twice, nobody sees what is not stored: under
//! `kill -9` of the hub and under cut connections, with eight customers and three agents.

use futures_util::future::select_all;
use shared::{
    api::ChatAnswer,
    command::{Command, DepartmentRef},
    id::{ChatId, DepartmentId, Epoch, Pos},
    model::{AgentStatus, ChatState, Role},
    text::SafeText,
};
use tests::{
    oracle::Client,
    proxy::{FaultProxy, Policy},
    report,
    robot::{PATIENCE, Robot, Seen, say},
    seed::{Rng, Seed},
    site::{Guest, Person, Site, http},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const CUSTOMERS: u64 = 8;
const KILLS: u64 = 40;
const CUTS: u64 = 300;

/// A desk under load: who is on it, and the tasks that keep it busy.
pub(crate) struct Load {
    pub(crate) site: Site,
    agents: Vec<(Person, Robot)>,
    customers: Vec<(Guest, String, Robot)>,
}

impl Load {
    /// Eight customers and three agents in two departments, connected through `url`.
    pub(crate) async fn start(site: Site, url: &str) -> Self {
        let mut agents = Vec::new();
        for (name, departments) in [
            ("ana", &["Customer Care"][..]),
            ("ben", &["Billing"]),
            ("cleo", &["Customer Care", "Billing"]),
        ] {
            let person = site.staff(name, Role::Agent, departments).await;
            let robot = Robot::connect(name, Site::socket(url, &person.token));
            robot.live().await;
            let online = Command::SetStatus {
                status: AgentStatus::Online,
                reason: None,
                drain: false,
                user: None,
            };
            robot.ask(online).await.expect("online");
            agents.push((person, robot));
        }
        let mut customers = Vec::new();
        for number in 0..CUSTOMERS {
            let name = format!("customer {number}");
            let department = if number % 2 == 0 {
                "Customer Care"
            } else {
                "Billing"
            };
            let guest = site
                .guest(&name, department, "hello")
                .await
                .expect("a chat");
            let robot = Robot::connect(&name, Site::socket(url, &guest.token));
            robot.live().await;
            customers.push((guest, name, robot));
        }
        Self {
            site,
            agents,
            customers,
        }
    }

    /// Sets everyone talking until `stop`.
    pub(crate) fn talk(&self, seed: Seed, stop: &CancellationToken) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let departments = self.site.departments.values().copied().collect::<Vec<_>>();
        for (guest, name, robot) in &self.customers {
            let rng = seed.derive(name).rng();
            let (chat, name, robot, stop) = (guest.chat, name.clone(), robot.clone(), stop.clone());
            tasks.spawn(async move { customer_talks(chat, &name, &robot, rng, &stop).await });
        }
        for (person, robot) in &self.agents {
            let rng = seed.derive(&person.user.username).rng();
            let departments = departments.clone();
            let (person, robot, stop) = (person.clone(), robot.clone(), stop.clone());
            tasks.spawn(async move {
                agent_talks(&person, &robot, &departments, rng, &stop).await;
            });
        }
        tasks
    }

    /// Waits until nothing is in flight and everyone has heard all there is, ends the hub, and
    /// fails with every violation that the oracle finds; how many records the log has.
    pub(crate) async fn judge(mut self) -> usize {
        let robots = self.robots().collect::<Vec<_>>();
        for robot in &robots {
            robot.socket().retry_now();
            robot
                .until("an empty outbox", |seen| {
                    seen.live && robot.socket().outbox().pending().is_empty()
                })
                .await;
        }
        // A last word of every customer, then of every agent: what comes after the last word of
        // the last agent nobody may have seen yet, and nothing comes after it.
        let mut head = Pos(0);
        for (guest, _, robot) in &self.customers {
            let asked = robot.ask(say(guest.chat, "bye")).await;
            head = head.max(asked.map_or(Pos(0), |(pos, ..)| pos));
        }
        for (number, (_, robot)) in self.agents.iter().enumerate() {
            let busy = Command::SetStatus {
                status: AgentStatus::Busy,
                reason: Some(SafeText::line(&format!("done {number}"))),
                drain: false,
                user: None,
            };
            head = head.max(robot.ask(busy).await.expect("busy").0);
        }
        for (_, robot) in &self.agents {
            robot
                .until("the end of the log", |seen| seen.view.pos >= head)
                .await;
        }
        // A last word may have reopened a chat, and somebody joined it since: the hub knows the end.
        for (guest, _, robot) in &self.customers {
            let own = http(&self.site.hub.url(), Some(&guest.token));
            let path = format!("/api/chats/{}", guest.chat);
            let end: ChatAnswer = own.get(&path).await.expect("its own chat");
            robot
                .until("the end of its chat", |seen| {
                    let view = seen.view.chats.get(&guest.chat);
                    view.is_some_and(|view| view.chat.seq >= end.chat.seq)
                })
                .await;
        }
        let clients: Vec<Client> = self
            .robots()
            .filter_map(|robot| robot.client(true))
            .collect();
        assert_eq!(clients.len(), self.customers.len() + self.agents.len());
        self.site.hub.judge(&clients).records.len()
    }

    pub(crate) fn robots(&self) -> impl Iterator<Item = &Robot> {
        let customers = self.customers.iter().map(|(_, _, robot)| robot);
        let agents = self.agents.iter().map(|(_, robot)| robot);
        customers.chain(agents)
    }

    pub(crate) fn acked(&self) -> usize {
        self.robots()
            .map(|robot| robot.with(|seen| seen.acked.len()))
            .sum()
    }

    /// Waits until `count` more commands have been acknowledged.
    pub(crate) async fn progress(&self, count: u64) {
        let wanted = self.acked() + count as usize;
        while self.acked() < wanted {
            let news = self.robots().map(|robot| Box::pin(robot.news()));
            tokio::time::timeout(PATIENCE, select_all(news))
                .await
                .expect("somebody is acknowledged in time");
        }
    }
}

/// Says one thing after the other, at most four of them unanswered.
async fn customer_talks(
    chat: ChatId,
    name: &str,
    robot: &Robot,
    mut rng: Rng,
    stop: &CancellationToken,
) {
    for number in 0_u64.. {
        let sent = robot.say(chat, &format!("{name} says {number}")).await;
        if rng.chance(10) {
            let seq = robot.with(|seen| Some(seen.view.chats.get(&chat)?.chat.seq));
            if let Some(seq) = seq {
                robot.send(Command::MarkRead { chat, seq }).await;
            }
        }
        if rng.chance(60) {
            tokio::select! {
                _ = robot.until("an answer", |seen| seen.answered(&sent)) => {}
                () = stop.cancelled() => {}
            }
        }
        if stop.is_cancelled() {
            return;
        }
    }
}

/// A chat as an agent sees it: what a command needs to name.
type Handle = (ChatId, Epoch);

/// The open chats that are an agent's own, and one that waits.
fn work_of(person: &Person, seen: &Seen) -> (Vec<Handle>, Option<Handle>) {
    let chats = || seen.view.chats.values().map(|view| &view.chat);
    let own = chats().filter(|chat| chat.owner == Some(person.user.id) && chat.state.is_open());
    let waiting = chats().find(|chat| chat.state == ChatState::Waiting);
    (
        own.map(|chat| (chat.id, chat.epoch)).collect(),
        waiting.map(|chat| (chat.id, chat.epoch)),
    )
}

/// Answers what is its own, and now and then moves, resolves or claims a chat.
async fn agent_talks(
    person: &Person,
    robot: &Robot,
    departments: &[DepartmentId],
    mut rng: Rng,
    stop: &CancellationToken,
) {
    for number in 0_u64.. {
        let (mine, waiting) = robot.with(|seen| work_of(person, seen));
        let command = match (mine.is_empty(), waiting) {
            (true, None) => None,
            (true, Some((chat, epoch))) => Some(Command::Claim { chat, epoch }),
            (false, _) => {
                let (chat, epoch) = *rng.pick(&mine);
                Some(match rng.within(1..=100) {
                    1..=4 => Command::Transfer {
                        chat,
                        department: Some(DepartmentRef::Id(*rng.pick(departments))),
                        agent: None,
                        note: Some(SafeText::block("please take over")),
                        epoch,
                    },
                    5..=6 => Command::Resolve { chat },
                    _ => say(chat, &format!("{} answers {number}", person.user.name)),
                })
            }
        };
        let answered = async {
            match command {
                // A refusal is an answer too: another agent was faster, or the chat moved.
                Some(command) => drop(robot.ask(command).await),
                None => robot.news().await,
            }
        };
        tokio::select! {
            () = answered => {}
            () = stop.cancelled() => {}
        }
        if stop.is_cancelled() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_kills_lose_nothing_and_repeat_nothing() {
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    let mut rng = seed.derive("kills").rng();
    let site = Site::start(&["Billing"]).await;
    let url = site.hub.url();
    let mut load = Load::start(site, &url).await;
    let stop = CancellationToken::new();
    let talking = load.talk(seed, &stop);
    for _ in 0..KILLS {
        load.progress(rng.within(1..=60)).await;
        load.site.hub.kill9();
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
    report(&format!(
        "{KILLS} kills, {acked} acknowledged, {records} records, seed {seed}"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_cuts_lose_nothing_and_repeat_nothing() {
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    let site = Site::start(&["Billing"]).await;
    let proxy = FaultProxy::start(site.hub.address(), seed.derive("proxy"));
    let load = Load::start(site, &proxy.url()).await;
    let stop = CancellationToken::new();
    let talking = load.talk(seed, &stop);
    proxy.set_policy(Policy {
        cut_after_bytes: Some(200..=6_000),
        ..Policy::default()
    });
    proxy.cut_all();
    while proxy.counts().cuts < CUTS {
        for robot in load.robots() {
            robot.socket().retry_now();
        }
        load.progress(5).await;
    }
    proxy.set_policy(Policy::default());
    proxy.cut_all();
    stop.cancel();
    talking.join_all().await;
    let (acked, cuts) = (load.acked(), proxy.counts().cuts);
    let records = load.judge().await;
    report(&format!(
        "{cuts} cuts, {acked} acknowledged, {records} records, seed {seed}"
    ));
}
