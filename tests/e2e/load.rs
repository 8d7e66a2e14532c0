//! A desk under load: eight customers, three agents, two departments and the assistant, who talk,
//! read, send files, put aside, move, resolve, close and reopen, each by a seed.
//!
//! Absent on purpose: faults. Whoever uses this brings them.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use futures_util::future::select_all;
use serde_json::{Value, json};
use server::demo::kb::sample;
use shared::{
    api::{AssistantStatus, ChatAnswer},
    client::files::{Picked, send},
    command::{Command, DepartmentRef, OpenChat},
    event::Event,
    id::{ChatId, CommandId, DepartmentId, Epoch, Pos, Seq},
    model::{AgentStatus, Chat, ChatState, Role, Visibility},
    text::SafeText,
};
use tests::{
    home::Home,
    hub::HubSetup,
    oracle::Client,
    robot::{PATIENCE, Robot, Seen, say},
    seed::{Rng, Seed},
    site::{Guest, Person, Site, http},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const CUSTOMERS: u64 = 8;
/// The assistant has nothing more to say when it has said nothing for so long.
const QUIET: Duration = Duration::from_millis(1_500);

/// A desk under load: who is on it, and the tasks that keep it busy.
pub(crate) struct Load {
    pub(crate) site: Site,
    pub(crate) agents: Vec<(Person, Robot)>,
    pub(crate) customers: Vec<(Guest, String, Robot)>,
    owner: Robot,
    kb: Option<Home>,
}

/// A site with two departments and an assistant that takes what the agents have no room for.
pub(crate) async fn assisted_site() -> (Site, Home) {
    let kb = Home::new();
    for (name, text) in sample() {
        std::fs::write(kb.path().join(name), text).unwrap();
    }
    let setup = HubSetup {
        args: vec!["--kb".into(), kb.path().display().to_string()],
        ..HubSetup::default()
    };
    let site = Site::start_with(setup, &["Billing"]).await;
    let change =
        json!({"first_line": "when_no_agent", "while_queued": "assist", "debounce_ms": 50});
    let robot = Robot::connect(
        "olga at first",
        Site::socket(&site.hub.url(), &site.owner.token),
    );
    robot.live().await;
    let owner = site.http(&site.owner);
    let status: AssistantStatus = owner.get("/api/assistant/status").await.unwrap();
    if !status.ready {
        let loaded = |seen: &Seen| {
            let mut events = seen.records.iter().map(|record| &record.event);
            events.any(|event| matches!(event, Event::KnowledgeLoaded { .. }))
        };
        robot.until("the knowledge base", loaded).await;
    }
    let _: Value = owner.put("/api/assistant", &change).await.unwrap();
    (site, kb)
}

pub(crate) fn status(status: AgentStatus, reason: Option<&str>) -> Command {
    Command::SetStatus {
        status,
        reason: reason.map(SafeText::line),
        drain: false,
        user: None,
    }
}

impl Load {
    /// Eight customers and three agents in two departments, connected through `url`.
    pub(crate) async fn start(site: Site, url: &str) -> Self {
        let owner = Robot::connect("olga", Site::socket(&site.hub.url(), &site.owner.token));
        owner.live().await;
        let mut agents = Vec::new();
        for (name, departments) in [
            ("ana", &["Customer Care"][..]),
            ("ben", &["Billing"]),
            ("cleo", &["Customer Care", "Billing"]),
        ] {
            let person = site.staff(name, Role::Agent, departments).await;
            let robot = Robot::connect(name, Site::socket(url, &person.token));
            robot.live().await;
            let online = status(AgentStatus::Online, None);
            robot.ask(online).await.expect("online");
            agents.push((person, robot));
        }
        let mut customers = Vec::new();
        for number in 0..CUSTOMERS {
            let name = format!("customer {number}");
            let department = department_of(number);
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
            owner,
            kb: None,
        }
    }

    /// Keeps the knowledge base of the site as long as the desk.
    pub(crate) fn keeping(mut self, kb: Home) -> Self {
        self.kb = Some(kb);
        self
    }

    /// Sets everyone talking until `stop`.
    pub(crate) fn talk(&self, seed: Seed, stop: &CancellationToken) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let departments = self.site.departments.values().copied().collect::<Vec<_>>();
        for (guest, name, robot) in &self.customers {
            let customer = Talker {
                name: name.clone(),
                robot: robot.clone(),
                rng: seed.derive(name).rng(),
                files: http(&self.site.hub.url(), Some(&guest.token)),
            };
            let stop = stop.clone();
            tasks.spawn(async move { customer.talk(&stop).await });
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
        // A last word of every customer, and what the assistant has to say to it.
        for (guest, _, robot) in &self.customers {
            let chat = robot.with(newest).map_or(guest.chat, |(chat, _)| chat);
            // One whose last chat is closed has had the last word.
            robot.ask(say(chat, "bye")).await.ok();
        }
        while tokio::time::timeout(QUIET, self.owner.news()).await.is_ok() {}
        // Then one of every agent: what comes after that of the last one nobody may have seen yet,
        // and nothing comes after it.
        let mut head = Pos(0);
        for (number, (_, robot)) in self.agents.iter().enumerate() {
            let busy = status(AgentStatus::Busy, Some(&format!("done {number}")));
            head = head.max(robot.ask(busy).await.expect("busy").0);
        }
        let staff = self.agents.iter().map(|(_, robot)| robot);
        for robot in staff.chain([&self.owner]) {
            robot
                .until("the end of the log", |seen| seen.view.pos >= head)
                .await;
        }
        // A last word may have reopened a chat, and somebody joined it since: the hub knows the end.
        for (guest, _, robot) in &self.customers {
            let own = http(&self.site.hub.url(), Some(&guest.token));
            for chat in robot.with(|seen| seen.view.chats.keys().copied().collect::<Vec<_>>()) {
                let path = format!("/api/chats/{chat}");
                let end: ChatAnswer = own.get(&path).await.expect("its own chat");
                robot
                    .until("the end of its chat", |seen| {
                        let view = seen.view.chats.get(&chat);
                        view.is_some_and(|view| view.chat.seq >= end.chat.seq)
                    })
                    .await;
            }
        }
        let clients: Vec<Client> = self
            .robots()
            .filter_map(|robot| robot.client(true))
            .collect();
        assert_eq!(clients.len(), self.customers.len() + self.agents.len() + 1);
        let records = self.site.hub.judge(&clients).records.len();
        drop(self.kb.take());
        records
    }

    pub(crate) fn robots(&self) -> impl Iterator<Item = &Robot> {
        let customers = self.customers.iter().map(|(_, _, robot)| robot);
        let agents = self.agents.iter().map(|(_, robot)| robot);
        customers.chain(agents).chain([&self.owner])
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

const fn department_of(number: u64) -> &'static str {
    if number.is_multiple_of(2) {
        "Customer Care"
    } else {
        "Billing"
    }
}

/// The newest chat of a customer that is not closed, and its last record.
fn newest(seen: &Seen) -> Option<(ChatId, Seq)> {
    let open = |chat: &&Chat| chat.state != ChatState::Closed;
    let chats = seen.view.chats.values().map(|view| &view.chat);
    chats.rev().find(open).map(|chat| (chat.id, chat.seq))
}

/// A customer.
struct Talker {
    name: String,
    robot: Robot,
    rng: Rng,
    files: shared::client::http::Http,
}

impl Talker {
    /// Says one thing after the other, and waits for an answer of the hub after most of them.
    async fn talk(mut self, stop: &CancellationToken) {
        for number in 0_u64.. {
            let newest = self.robot.with(newest);
            let wait = self.rng.chance(60) || newest.is_none();
            let command = self.next(newest, number);
            let sent = self.robot.send(command).await;
            if let Some((chat, _)) = newest.filter(|_| self.rng.chance(2)) {
                self.send_file(chat, number).await;
            }
            if wait {
                let answered = async {
                    let answered = |seen: &Seen| seen.answered(&sent);
                    self.robot.until("an answer", answered).await;
                    // What it opened or closed is seen with its record.
                    let pos = self
                        .robot
                        .with(|seen| seen.acked.get(&sent).map(|ack| ack.0));
                    if let Some(pos) = pos {
                        let seen = |seen: &Seen| seen.view.pos >= pos;
                        self.robot.until("its record", seen).await;
                    }
                };
                tokio::select! {
                    () = answered => {}
                    () = stop.cancelled() => {}
                }
            }
            if stop.is_cancelled() {
                return;
            }
        }
    }

    fn next(&mut self, newest: Option<(ChatId, Seq)>, number: u64) -> Command {
        let Some((chat, seq)) = newest else {
            return Command::OpenChat(OpenChat {
                name: Some(SafeText::line(&self.name)),
                text: Some(SafeText::block("hello again")),
                ..OpenChat::default()
            });
        };
        match self.rng.within(1..=100) {
            1..=9 => Command::MarkRead { chat, seq },
            10..=11 => Command::Resolve { chat },
            12..=13 => Command::Reopen { chat },
            14..=15 => Command::Rate {
                chat,
                score: 4,
                comment: None,
            },
            16..=17 => Command::RequestHuman { chat },
            18..=20 => say(chat, "where is my order?"),
            _ => say(chat, &format!("{} says {number}", self.name)),
        }
    }

    /// A small file; one that the hub does not take in time is not sent again.
    async fn send_file(&self, chat: ChatId, number: u64) {
        let file = Picked {
            name: SafeText::line("noise.txt"),
            bytes: format!("{} sends {number}", self.name).into_bytes().into(),
        };
        let (key, sent) = (CommandId::random(), Arc::<AtomicU64>::default());
        let words = ("", Visibility::Public);
        send(&self.files, chat, &file, words, &key, &sent)
            .await
            .ok();
    }
}

/// A chat as an agent sees it: what a command needs to name.
type Handle = (ChatId, Epoch, Seq);

/// What an agent can work on.
#[derive(Default)]
struct Work {
    /// Open chats of their own.
    own: Vec<Handle>,
    /// One that waits.
    waiting: Option<Handle>,
    /// One that is resolved.
    resolved: Option<Handle>,
}

impl Work {
    fn of(person: &Person, seen: &Seen) -> Self {
        let mut work = Self::default();
        for chat in seen.view.chats.values().map(|view| &view.chat) {
            let handle = (chat.id, chat.epoch, chat.seq);
            match chat.state {
                ChatState::Waiting | ChatState::Assistant => work.waiting = Some(handle),
                ChatState::Resolved => work.resolved = Some(handle),
                ChatState::Closed => {}
                _ if chat.owner == Some(person.user.id) => work.own.push(handle),
                _ => {}
            }
        }
        work
    }

    /// What is done next; nothing when there is nothing to do.
    fn next(
        &self,
        name: &str,
        departments: &[DepartmentId],
        rng: &mut Rng,
        number: u64,
    ) -> Option<Command> {
        if self.own.is_empty() || rng.chance(2) {
            let (chat, epoch, _) = self.waiting?;
            return Some(Command::Claim { chat, epoch });
        }
        let (chat, epoch, seq) = *rng.pick(&self.own);
        Some(match rng.within(1..=100) {
            1..=4 => Command::Transfer {
                chat,
                department: Some(DepartmentRef::Id(*rng.pick(departments))),
                agent: None,
                note: Some(SafeText::block("please take over")),
                epoch,
            },
            5..=6 => Command::Resolve { chat },
            7 => Command::Close { chat, epoch: None },
            8 => Command::Hold { chat },
            9 => Command::Snooze { chat, until: None },
            10 => Command::Wake { chat },
            11..=14 => Command::MarkRead { chat, seq },
            15..=16 => Command::MarkUnread { chat, seq },
            17..=19 => Command::PostMessage {
                chat,
                text: SafeText::block(&format!("{name} notes {number}")),
                visibility: Visibility::Note,
                expected_seq: None,
                canned: Vec::new(),
            },
            20 => Command::SetPriority {
                chat,
                priority: i8::try_from(rng.within(0..=2)).unwrap_or(0),
            },
            21 => Command::ReturnToAssistant { chat, epoch },
            22..=23 => Command::Reopen {
                chat: self.resolved.map_or(chat, |(chat, ..)| chat),
            },
            _ => say(chat, &format!("{name} answers {number}")),
        })
    }
}

/// Answers what is their own, and now and then moves, ends or claims a chat.
async fn agent_talks(
    person: &Person,
    robot: &Robot,
    departments: &[DepartmentId],
    mut rng: Rng,
    stop: &CancellationToken,
) {
    for number in 0_u64.. {
        let work = robot.with(|seen| Work::of(person, seen));
        let command = work.next(&person.user.name, departments, &mut rng, number);
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
