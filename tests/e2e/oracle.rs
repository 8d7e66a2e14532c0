//! The judge is judged: a real log and what real clients saw of it keep every invariant, and each
//! change of one thing in them is found under its number.
//!
//! Not broken here, since no log or view can: 20 (the intervals follow from the records, whatever
//! they are).

use std::collections::BTreeMap;

use server::{
    desk::{Desk, visibility::Scope},
    store::{Hash, Mark, StoredRecord},
};
use shared::{
    command::{Command, DepartmentRef},
    event::Event,
    id::{ChatId, Pos, Seq, UserId},
    model::{AgentStatus, Role, Visibility},
    record::Record,
    text::SafeText,
};
use tests::{
    oracle::{Ack, Client, Log, acks_of, assert_none, invariants},
    report,
    robot::{Robot, say},
    site::{Guest, Person, Site},
};

/// A log and its clients, to be changed.
#[derive(Clone)]
struct Case {
    rows: Vec<(Record, Scope, Option<Mark>)>,
    clients: Vec<Client>,
    acks: Vec<Ack>,
    written: Option<(Pos, Desk)>,
    /// Records that the desk at the end lacks.
    behind: usize,
    /// A row that is changed after it was written.
    forged: Option<usize>,
}

impl Case {
    fn of(log: &Log, clients: Vec<Client>) -> Self {
        let rows = log.stored.iter().zip(&log.records);
        let rows = rows.map(|(row, record)| (record.clone(), row.scope, row.mark.clone()));
        Self {
            rows: rows.collect(),
            acks: acks_of(&clients),
            clients,
            written: log.written.clone(),
            behind: 0,
            forged: None,
        }
    }

    /// The numbers of all invariants that do not hold.
    fn broken(&self) -> Vec<u8> {
        let mut stored = Vec::new();
        let mut last = Hash::START;
        for (record, scope, mark) in &self.rows {
            let row = StoredRecord::chain(&last, record, *scope, mark.clone(), [7; 16]);
            last = row.hash;
            stored.push(row);
        }
        if let Some(index) = self.forged {
            stored[index].actor.id = Some(UserId(99));
            stored[index].scope.customer = Some(UserId(99));
        }
        let read = stored.clone();
        let mut log = match Log::of(read, self.written.clone(), String::new()) {
            Ok(log) => log,
            // A forged header is told by its body as well.
            Err(_) => Log {
                stored,
                records: self
                    .rows
                    .iter()
                    .map(|(record, ..)| record.clone())
                    .collect(),
                desk: Desk::default(),
                written: None,
                lineage: String::new(),
            },
        };
        if self.behind > 0 {
            log.desk = Desk::default();
            for record in &log.records[..log.records.len() - self.behind] {
                log.desk.apply(record);
            }
        }
        let found = invariants(&log, &self.acks, &self.clients);
        let mut numbers: Vec<u8> = found.iter().map(|one| one.invariant).collect();
        numbers.dedup();
        numbers
    }

    /// Gives every row its place anew, as if those that are gone had never been.
    fn renumber(&mut self) {
        let mut seqs = BTreeMap::<ChatId, Seq>::new();
        for ((record, ..), pos) in self.rows.iter_mut().zip(1..) {
            record.pos = Pos(pos);
            if let Some(chat) = record.chat {
                let seq = seqs.entry(chat).or_default();
                *seq = seq.next();
                record.seq = Some(*seq);
            }
        }
    }

    #[track_caller]
    fn find(&self, what: &str, fits: impl Fn(&Record) -> bool) -> usize {
        let found = self.rows.iter().position(|(record, ..)| fits(record));
        found.unwrap_or_else(|| panic!("the log has no {what}"))
    }

    fn event(&mut self, kind: &str, chat: Option<ChatId>) -> &mut Record {
        let fits = |record: &Record| record.event.kind() == kind && record.chat == chat;
        let index = self.find(kind, fits);
        &mut self.rows[index].0
    }

    fn client(&mut self, name: &str) -> &mut Client {
        let mut clients = self.clients.iter_mut();
        clients.find(|client| client.name == name).unwrap()
    }
}

const CORA: Option<ChatId> = Some(ChatId(1));
const DAN: Option<ChatId> = Some(ChatId(2));
const EVE: Option<ChatId> = Some(ChatId(4));

type Change = fn(&mut Case);

/// The number of an invariant, what is changed, and how.
const CHANGES: [(u8, &str, Change); 34] = [
    (1, "an acknowledged message is of nobody", |case| {
        let cid = case.client("cora").sent[0].0.clone();
        let row = case
            .rows
            .iter_mut()
            .find(|(.., mark)| mark.as_ref().is_some_and(|mark| mark.cid == cid));
        row.unwrap().2 = None;
    }),
    (1, "an acknowledged message says something else", |case| {
        let index = case.find("answer", |record| said(record) == Some("cora two"));
        let Event::MessagePosted { text, .. } = &mut case.rows[index].0.event else {
            return;
        };
        *text = SafeText::block("cora too");
    }),
    (1, "the end of the log is gone", |case| {
        case.rows.truncate(case.rows.len() - 2);
        for client in &mut case.clients {
            client.seen.records.clear();
        }
    }),
    (2, "somebody saw what is not there", |case| {
        let mut record = case.rows.last().unwrap().0.clone();
        record.pos = record.pos.next();
        case.client("ben").seen.records.push(record);
    }),
    (2, "somebody saw another text", |case| {
        let records = &mut case.client("cora").seen.records;
        let record = records.iter_mut().find(|record| said(record).is_some());
        record.unwrap().actor.name = SafeText::line("Mallory");
    }),
    (3, "a command was done twice", |case| {
        let mut marks = case.rows.iter().filter_map(|(.., mark)| mark.clone());
        let mark = marks.next_back();
        let free = case.rows.iter_mut().find(|(.., mark)| mark.is_none());
        free.unwrap().2 = mark;
    }),
    (4, "a chat jumps", |case| {
        case.event("chat_transferred", CORA).seq = Some(Seq(77));
    }),
    (4, "a record of a chat is gone", |case| {
        let index = case.find("message", |record| said(record) == Some("cora two"));
        case.rows.remove(index);
    }),
    (5, "a record is gone", |case| {
        let index = case.find("status", |record| record.event.kind() == "status_set");
        case.rows.remove(index);
    }),
    (5, "two records are swapped", |case| case.rows.swap(3, 4)),
    (5, "time goes back", |case| {
        case.rows.last_mut().unwrap().0.at = shared::time::Timestamp::default();
    }),
    (6, "a message is of another's command", |case| {
        let fits = |record: &Record| said(record) == Some("cora two");
        let index = case.find("message", fits);
        case.rows[index].2.as_mut().unwrap().principal = 77;
    }),
    (6, "an answer names nothing", |case| {
        let fits = |record: &Record| said(record) == Some("cora two");
        let index = case.find("message", fits);
        case.rows[index].2.as_mut().unwrap().seq = Some(Seq(77));
    }),
    (7, "a view lacks a record", |case| {
        let view = case.client("cora").seen.view.chats.get_mut(&ChatId(1));
        view.unwrap().events.remove(3);
    }),
    (7, "a view ends early", |case| {
        let view = case.client("cora").seen.view.chats.get_mut(&ChatId(1));
        view.unwrap().events.pop();
    }),
    (7, "a view lacks a chat", |case| {
        case.client("ben").seen.view.chats.remove(&ChatId(1));
    }),
    (8, "later words stand first", |case| {
        case.client("cora").sent.reverse();
    }),
    (9, "more is read than there is", |case| {
        let Event::ReadMarked { seq, .. } = &mut case.event("read_marked", CORA).event else {
            return;
        };
        *seq = Seq(77);
    }),
    (10, "a view has another owner", |case| {
        let view = case.client("cora").seen.view.chats.get_mut(&ChatId(1));
        view.unwrap().chat.owner = None;
    }),
    (11, "an epoch is skipped", |case| {
        let Event::ChatAssigned { epoch, .. } = &mut case.event("chat_assigned", DAN).event else {
            return;
        };
        *epoch = epoch.next();
    }),
    (12, "an edge that there is not", |case| {
        case.event("chat_resolved", EVE).event = Event::ChatReopened { episode: 2 };
    }),
    (13, "an agent has one too many", |case| {
        let Event::UserUpdated { user } = &mut case.event("user_updated", None).event else {
            return;
        };
        user.capacity = Some(0);
    }),
    (
        13,
        "a claim that was not above capacity is called so",
        |case| {
            let event = &mut case.event("chat_assigned", DAN).event;
            let Event::ChatAssigned { over_capacity, .. } = event else {
                return;
            };
            *over_capacity = true;
        },
    ),
    (14, "a chat has an owner and a place in the queue", |case| {
        let fits = |record: &Record| record.event.kind() == "chat_assigned" && record.chat == DAN;
        case.behind = case.rows.len() - case.find("assignment", fits);
    }),
    (15, "the second is served first", |case| {
        case.event("chat_assigned", DAN).chat = Some(ChatId(3));
    }),
    (15, "a chat that was moved waits anew", |case| {
        let at = case.rows.last().unwrap().0.at;
        let fits = |record: &Record| {
            let moved = "Transferred";
            matches!(&record.event, Event::ChatQueued { reason, .. }
                if format!("{reason:?}") == moved)
        };
        let index = case.find("move", fits);
        if let Event::ChatQueued { rank_at, .. } = &mut case.rows[index].0.event {
            *rank_at = at;
        }
    }),
    (16, "a chat waits beside someone who is free", |case| {
        let fits = |record: &Record| record.event.kind() == "chat_assigned" && record.chat == DAN;
        let index = case.find("assignment", fits);
        case.rows.drain(index..index + 2);
        case.renumber();
    }),
    (17, "a chat is given to someone who is away", |case| {
        let Event::StatusSet { status, .. } = &mut case.event("status_set", None).event else {
            return;
        };
        *status = AgentStatus::Away;
    }),
    (18, "a chat is moved from where it is not", |case| {
        let event = &mut case.event("chat_transferred", CORA).event;
        if let Event::ChatTransferred { from, to, .. } = event {
            from.department = to.department;
        }
    }),
    (19, "something is said in a closed chat", |case| {
        let fits = |record: &Record| said(record).is_some() && record.chat == EVE;
        let index = case.find("message", fits);
        let row = case.rows[index].clone();
        case.rows.push(row);
        case.renumber();
    }),
    (21, "the desk counts another load", |case| {
        let fits = |record: &Record| record.event.kind() == "chat_assigned" && record.chat == DAN;
        case.behind = case.rows.len() - case.find("assignment", fits);
    }),
    (22, "another desk was written down", |case| {
        case.written = Some((case.rows.last().unwrap().0.pos, Desk::default()));
    }),
    (23, "a customer is shown a note", |case| {
        let fits = |record: &Record| said(record) == Some("ana's note");
        let note = case.rows[case.find("note", fits)].0.clone();
        let records = &mut case.client("cora").seen.records;
        records.push(note);
        records.sort_by_key(|record| record.pos);
    }),
    (24, "somebody writes under another name", |case| {
        let fits = |record: &Record| said(record) == Some("ana one");
        let index = case.find("message", fits);
        case.rows[index].0.actor.name = SafeText::line("Olga");
    }),
];

fn said(record: &Record) -> Option<&str> {
    match &record.event {
        Event::MessagePosted { text, .. } => Some(text.as_str()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invariant_is_broken_by_one_change_and_found() {
    let (log, clients) = a_day().await;
    let case = Case::of(&log, clients);
    assert_none(
        &invariants(&log, &case.acks, &case.clients),
        "the day as it was",
    );
    assert!(
        log.written.is_some(),
        "a hub that stops writes its desk down"
    );
    assert_eq!(case.broken(), [0; 0], "the day as it was written again");
    let mut missed = Vec::new();
    for (number, what, change) in CHANGES {
        let mut changed = case.clone();
        change(&mut changed);
        let broken = changed.broken();
        if !broken.contains(&number) {
            missed.push(format!("{number}, {what}: found {broken:?}"));
        }
    }
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
    report(&format!("oracle: {} changes, all found", CHANGES.len()));
}

/// 27: every row that is changed after it was written is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_row_breaks_the_chain_wherever_it_is() {
    let (log, _) = a_day().await;
    let case = Case::of(&log, Vec::new());
    for index in 0..case.rows.len() {
        let mut changed = case.clone();
        changed.forged = Some(index);
        assert!(changed.broken().contains(&27), "row {index}");
    }
}

/// A day at a desk where everything happens once, and what everyone saw of it.
async fn a_day() -> (Log, Vec<Client>) {
    let mut site = Site::start(&["Billing"]).await;
    let url = site.hub.url();
    let ana = site.staff("ana", Role::Agent, &["Customer Care"]).await;
    let ben = site.staff("ben", Role::Agent, &["Billing"]).await;
    let one = serde_json::json!({"capacity": 1});
    let path = format!("/api/users/{}", ana.user.id);
    let owner = Some(site.owner.token.as_str());
    let answer = crate::raw::send(site.hub.address(), owner, "PUT", &path, &one).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let connect = |name: &str, token: &str| Robot::connect(name, Site::socket(&url, token));
    let [a, b] = [("ana", &ana), ("ben", &ben)].map(|(name, who)| connect(name, &who.token));
    for robot in [&a, &b] {
        robot.live().await;
    }
    let guest = async |name: &str, department: &str| {
        let guest = site.guest(name, department, "hello").await.unwrap();
        let robot = connect(name, &guest.token);
        robot.live().await;
        (guest, robot)
    };
    let (cora_chat, cora) = guest("cora", "Customer Care").await;
    a.ask(online()).await.unwrap();
    owned(&a, &cora_chat, &ana).await;
    let (_, dan) = guest("dan", "Customer Care").await;
    let (_, finn) = guest("finn", "Customer Care").await;
    b.ask(online()).await.unwrap();
    let (eve_chat, eve) = guest("eve", "Billing").await;
    owned(&b, &eve_chat, &ben).await;

    let chat = cora_chat.chat;
    cora.ask(say(chat, "cora one")).await.unwrap();
    let seq = cora.ask(say(chat, "cora two")).await.unwrap().2.unwrap();
    a.ask(say(chat, "ana one")).await.unwrap();
    a.ask(Command::PostMessage {
        chat,
        text: SafeText::block("ana's note"),
        visibility: Visibility::Note,
        expected_seq: None,
        canned: Vec::new(),
    })
    .await
    .unwrap();
    cora.ask(Command::MarkRead { chat, seq }).await.unwrap();
    a.ask(Command::Transfer {
        chat,
        department: Some(DepartmentRef::Id(site.departments["Billing"])),
        agent: None,
        note: None,
        epoch: a.with(|seen| seen.view.chats[&chat].chat.epoch),
    })
    .await
    .unwrap();
    owned(&b, &cora_chat, &ben).await;
    b.ask(say(chat, "ben one")).await.unwrap();
    let eve_id = eve_chat.chat;
    eve.ask(say(eve_id, "eve one")).await.unwrap();
    b.ask(Command::Resolve { chat: eve_id }).await.unwrap();
    b.ask(Command::Close {
        chat: eve_id,
        epoch: None,
    })
    .await
    .unwrap();
    let busy = Command::SetStatus {
        status: AgentStatus::Busy,
        reason: None,
        drain: false,
        user: None,
    };
    let head = b.ask(busy).await.unwrap().0;
    for robot in [&a, &b] {
        robot.until("the end", |seen| seen.view.pos >= head).await;
    }
    cora.until("the answer", |seen| {
        seen.texts(chat).contains(&"ben one".to_owned())
    })
    .await;
    site.hub.terminate();
    let robots = [&a, &b, &cora];
    let mut clients: Vec<_> = robots.iter().filter_map(|one| one.client(true)).collect();
    let others = [&dan, &finn, &eve];
    clients.extend(others.iter().filter_map(|one| one.client(false)));
    (site.hub.judge(&clients), clients)
}

fn online() -> Command {
    Command::SetStatus {
        status: AgentStatus::Online,
        reason: None,
        drain: false,
        user: None,
    }
}

async fn owned(robot: &Robot, guest: &Guest, person: &Person) {
    let owner = Some(person.user.id);
    robot
        .until("its chat", |seen| {
            let view = seen.view.chats.get(&guest.chat);
            view.is_some_and(|view| view.chat.owner == owner)
        })
        .await;
}
