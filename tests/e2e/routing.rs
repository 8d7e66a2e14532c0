//! Routing over real sockets: nobody above capacity, nobody waits beside a free agent, a transfer
//! takes its history along and shows it to nobody else, and an agent who is cut off loses nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use server::desk::Desk;
use shared::command::{Command, DepartmentRef};
use shared::event::Event;
use shared::id::{ChatId, UserId};
use shared::model::{AgentStatus, Role};
use shared::text::SafeText;
use tests::oracle::Log;
use tests::robot::Robot;
use tests::site::{Guest, Person, Site};

use crate::raw::{Raw, call, post, send, status};

/// Most chats of each agent here.
const CAPACITY: u32 = 2;

fn online() -> Command {
    Command::SetStatus {
        status: AgentStatus::Online,
        reason: None,
        drain: false,
        user: None,
    }
}

/// A member of staff who takes two chats at most.
async fn agent(site: &Site, name: &str, departments: &[&str]) -> Person {
    let person = site.staff(name, Role::Agent, departments).await;
    let path = format!("/api/users/{}", person.user.id);
    let owner = Some(site.owner.token.as_str());
    let change = json!({"capacity": CAPACITY});
    let answer = send(site.hub.address(), owner, "PUT", &path, &change).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    person
}

/// The chats of the desk as its owner reads them.
async fn chats(site: &Site) -> Vec<Value> {
    let owner = Some(site.owner.token.as_str());
    let answer = call(
        site.hub.address(),
        owner,
        "GET",
        "/api/chats?limit=200",
        b"",
    )
    .await;
    answer.json()["items"].as_array().unwrap().clone()
}

async fn chat(site: &Site, id: ChatId) -> Value {
    let owner = Some(site.owner.token.as_str());
    let answer = call(
        site.hub.address(),
        owner,
        "GET",
        &format!("/api/chats/{id}"),
        b"",
    )
    .await;
    answer.json()["chat"].clone()
}

/// Who of these is above capacity, and which chat waits although one of them is free, all online.
async fn misrouted(site: &Site, people: &[&Person]) -> Vec<String> {
    let chats = chats(site).await;
    // One that is resolved keeps the name of who had it.
    let owner = |chat: &Value| {
        chat["owner"]
            .as_u64()
            .filter(|_| chat["state"] != "resolved")
    };
    let mut loads = BTreeMap::<u64, u32>::new();
    for id in chats.iter().filter_map(owner) {
        *loads.entry(id).or_default() += 1;
    }
    let load = |person: &Person| loads.get(&person.user.id.0).copied().unwrap_or(0);
    let mut faults = Vec::new();
    for person in people.iter().filter(|person| load(person) > CAPACITY) {
        faults.push(format!("{} has {} chats", person.user.name, load(person)));
    }
    for chat in chats.iter().filter(|chat| chat["state"] == "waiting") {
        let home = chat["department"].as_u64().unwrap();
        let fits = |person: &&&Person| {
            load(person) < CAPACITY && person.user.departments.iter().any(|id| id.0 == home)
        };
        let free = people.iter().find(fits);
        faults.extend(free.map(|person| format!("{chat} waits beside {}", person.user.name)));
    }
    faults
}

/// Every assignment in the log after which the agent owned more than they may.
fn above_capacity(log: &Log) -> Vec<String> {
    let mut desk = Desk::default();
    let mut faults = Vec::new();
    for record in &log.records {
        desk.apply(record);
        if let Event::ChatAssigned { agent, .. } = &record.event
            && desk.load(*agent) > CAPACITY
        {
            faults.push(format!(
                "record {}: {agent} owns {}",
                record.pos,
                desk.load(*agent)
            ));
        }
    }
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_desk_gives_everyone_their_share() {
    let site = Site::start(&["Technical Support", "Sales", "Billing"]).await;
    let url = site.hub.url();
    let mut people = Vec::new();
    for (name, departments) in [
        ("ana", &["Customer Care"][..]),
        ("ben", &["Technical Support"]),
        ("cleo", &["Sales"]),
        ("dan", &["Customer Care", "Technical Support"]),
        ("eve", &["Billing"]),
    ] {
        let person = agent(&site, name, departments).await;
        let robot = Robot::connect(name, Site::socket(&url, &person.token));
        robot.live().await;
        people.push((person, robot));
    }
    // All but the only one of Billing.
    for (_, robot) in &people[..4] {
        robot.ask(online()).await.unwrap();
    }
    let mut guests = Vec::new();
    for number in 0..12 {
        let department = match number {
            0..5 => "Customer Care",
            5..8 => "Technical Support",
            8..10 => "Sales",
            _ => "Billing",
        };
        let name = format!("customer {number}");
        let guest = site
            .guest(&name, department, &format!("question {number}"))
            .await
            .unwrap();
        let robot = Robot::connect(&name, Site::socket(&url, &guest.token));
        robot.live().await;
        guests.push((guest, name, robot));
    }
    let online_now = people[..4]
        .iter()
        .map(|(person, _)| person)
        .collect::<Vec<_>>();
    assert_eq!(misrouted(&site, &online_now).await, [""; 0]);
    let waiting = |chats: &[Value]| {
        chats
            .iter()
            .filter(|chat| chat["state"] == "waiting")
            .count()
    };
    assert_eq!(
        waiting(&chats(&site).await),
        4,
        "two of Billing and two too many"
    );

    // The department without an agent is served the moment one comes.
    people[4].1.ask(online()).await.unwrap();
    for (guest, _, robot) in &guests[10..] {
        let owner = Some(people[4].0.user.id);
        robot
            .until("an agent", |seen| owned_by(seen, guest.chat) == owner)
            .await;
    }
    let everyone = people.iter().map(|(person, _)| person).collect::<Vec<_>>();
    assert_eq!(misrouted(&site, &everyone).await, [""; 0]);
    assert_eq!(waiting(&chats(&site).await), 2);

    // Whoever is done gets the next; all come to their end.
    while let Some(open) = chats(&site)
        .await
        .iter()
        .find(|chat| chat["owner"].is_u64() && chat["state"] == "active")
    {
        let (person, robot) = people
            .iter()
            .find(|(person, _)| open["owner"] == person.user.id.0)
            .unwrap();
        let id = ChatId(open["id"].as_u64().unwrap());
        robot
            .until("its chat", |seen| {
                owned_by(seen, id) == Some(person.user.id)
            })
            .await;
        let said = Command::PostMessage {
            chat: id,
            text: SafeText::block("done"),
            visibility: shared::model::Visibility::Public,
            expected_seq: None,
            canned: Vec::new(),
        };
        robot.ask(said).await.unwrap();
        robot.ask(Command::Resolve { chat: id }).await.unwrap();
        assert_eq!(misrouted(&site, &everyone).await, [""; 0]);
    }
    for (guest, name, robot) in &guests {
        robot
            .until("its end", |seen| is_over(seen, guest.chat))
            .await;
        let seen = robot.seen();
        assert!(
            seen.texts(guest.chat).contains(&"done".to_owned()),
            "{name}"
        );
    }
    let mut site = site;
    let robots = guests.iter().map(|(_, _, robot)| robot);
    let robots = robots.chain(people.iter().map(|(_, robot)| robot));
    let clients: Vec<_> = robots.filter_map(|robot| robot.client(false)).collect();
    let log = site.hub.judge(&clients);
    assert_eq!(above_capacity(&log), [""; 0]);
}

fn owned_by(seen: &tests::robot::Seen, chat: ChatId) -> Option<UserId> {
    seen.view.chats.get(&chat)?.chat.owner
}

fn is_over(seen: &tests::robot::Seen, chat: ChatId) -> bool {
    seen.view
        .chats
        .get(&chat)
        .is_some_and(|view| !view.chat.state.is_open())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_takes_its_history_where_it_belongs_and_nowhere_else() {
    let site = Site::start(&["Sales", "Billing"]).await;
    let url = site.hub.url();
    let ana = agent(&site, "ana", &["Customer Care"]).await;
    let cleo = agent(&site, "cleo", &["Sales"]).await;
    let eve = agent(&site, "eve", &["Billing"]).await;
    let [giver, taker] = [(&ana, "ana"), (&cleo, "cleo")]
        .map(|(person, name)| Robot::connect(name, Site::socket(&url, &person.token)));
    let mut spy = Raw::live(&site, &eve.token).await;
    for robot in [&giver, &taker] {
        robot.live().await;
        robot.ask(online()).await.unwrap();
    }
    assert_eq!(spy.ask(&status("online")).await["type"], "done");
    let guest = site
        .guest("Xanthippe", "Customer Care", "xray one")
        .await
        .unwrap();
    giver
        .until("the chat", |seen| owned_by(seen, guest.chat).is_some())
        .await;
    let seen = giver.seen();
    giver
        .ask(tests::robot::say(guest.chat, "xray two"))
        .await
        .unwrap();
    let transfer = Command::Transfer {
        chat: guest.chat,
        department: Some(DepartmentRef::Name(SafeText::line("sales"))),
        agent: None,
        note: Some(SafeText::block("xray note")),
        epoch: seen.view.chats[&guest.chat].chat.epoch,
    };
    giver.ask(transfer.clone()).await.unwrap();
    taker
        .until("the chat", |seen| {
            owned_by(seen, guest.chat) == Some(cleo.user.id)
        })
        .await;
    let got = taker.seen();
    let texts = got.texts(guest.chat);
    for text in ["xray one", "xray two", "xray note"] {
        assert!(
            texts.iter().any(|said| said == text),
            "{text:?} is not in {texts:?}"
        );
    }
    // The one who gave it away may neither do it twice nor write on.
    assert!(giver.ask(transfer).await.is_err());
    assert!(
        giver
            .ask(tests::robot::say(guest.chat, "xray late"))
            .await
            .is_err()
    );
    taker
        .ask(tests::robot::say(guest.chat, "xray three"))
        .await
        .unwrap();
    assert_eq!(spy.ask(&status("busy")).await["type"], "done");
    spy.ever("one's own record", |frame| {
        frame["event"]["status"] == "busy"
    })
    .await;
    assert!(
        !spy.has("xray") && !spy.has("Xanthippe"),
        "{:?}",
        spy.frames
    );
    assert!(
        !giver
            .seen()
            .texts(guest.chat)
            .contains(&"xray three".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn places_go_down_as_chats_are_taken() {
    let site = Site::start(&["Billing"]).await;
    let eve = site.staff("eve", Role::Agent, &["Billing"]).await;
    let path = format!("/api/users/{}", eve.user.id);
    let one = json!({"capacity": 1});
    send(
        site.hub.address(),
        Some(&site.owner.token),
        "PUT",
        &path,
        &one,
    )
    .await;
    let mut waiting: Vec<(Guest, Raw)> = Vec::new();
    for number in 0..3 {
        let name = format!("customer {number}");
        let guest = site.guest(&name, "Billing", "hello").await.unwrap();
        assert_eq!(chat(&site, guest.chat).await["place"], number + 1);
        let raw = Raw::live(&site, &guest.token).await;
        waiting.push((guest, raw));
    }
    let mut answering = Raw::live(&site, &eve.token).await;
    assert_eq!(answering.ask(&status("online")).await["type"], "done");
    while !waiting.is_empty() {
        let (served, mut first) = waiting.remove(0);
        let taken = first
            .ever("an agent", |frame| {
                frame["event"]["type"] == "chat_assigned"
            })
            .await;
        assert_eq!(taken["event"]["agent"], eve.user.id.0);
        for (place, (guest, raw)) in (1..).zip(&mut waiting) {
            let told = |frame: &Value| frame["type"] == "queue" && frame["place"] == place;
            let frame = raw.ever("its place", told).await;
            assert_eq!(frame["chat"], guest.chat.0);
            assert_eq!(chat(&site, guest.chat).await["place"], place);
        }
        let resolve = json!({"type": "resolve", "chat": served.chat});
        assert_eq!(answering.ask(&resolve).await["type"], "done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_cut_off_and_comes_back_has_lost_nothing() {
    let site = Site::start(&[]).await;
    let ana = agent(&site, "ana", &["Customer Care"]).await;
    let mut answering = Raw::live(&site, &ana.token).await;
    assert_eq!(answering.ask(&status("online")).await["type"], "done");
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let mut asking = Raw::live(&site, &guest.token).await;
    let before = chat(&site, guest.chat).await;
    assert_eq!(before["owner"], ana.user.id.0);

    // Without a farewell, as when a cable is pulled out of the machine.
    drop(answering);
    let reachable = |expect: bool| {
        let id = ana.user.id.0;
        move |frame: &Value| {
            frame["type"] == "presence" && frame["user"] == id && frame["reachable"] == expect
        }
    };
    asking.until("the loss", reachable(false)).await;
    assert_eq!(
        asking.ask(&post(guest.chat.0, "are you there?")).await["type"],
        "done"
    );
    let other = site.guest("Bob", "Customer Care", "hello").await.unwrap();
    assert_eq!(
        chat(&site, other.chat).await["state"],
        "waiting",
        "a lost agent was given a chat"
    );

    let mut waiting = Raw::live(&site, &other.token).await;

    let mut back = Raw::live(&site, &ana.token).await;
    asking.until("the return", reachable(true)).await;
    let after = chat(&site, guest.chat).await;
    for key in ["owner", "epoch", "state", "department"] {
        assert_eq!(after[key], before[key], "{key} has changed");
    }
    assert!(
        back.has("are you there?"),
        "what was said meanwhile is missing"
    );
    assert_eq!(
        back.ask(&post(guest.chat.0, "here again")).await["type"],
        "done"
    );
    asking
        .ever("the answer", |frame| frame["event"]["text"] == "here again")
        .await;
    // Whoever waited meanwhile is served by the return.
    let taken = waiting.ever("an agent", |frame| {
        frame["event"]["type"] == "chat_assigned"
    });
    assert_eq!(taken.await["event"]["agent"], ana.user.id.0);
}
