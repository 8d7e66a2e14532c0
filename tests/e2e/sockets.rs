//! What becomes of a legal socket: order, one slot, slow readers, foreign pages, sessions that end,
//! and what one department never sees of another. P11, P16, P17; S17, S19.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::id::CommandId;
use shared::model::Role;
use tempfile::TempDir;
use tests::hub::HubSetup;
use tests::site::{Guest, Person, Site};

use crate::raw::{Raw, call, exchange, hello, post, send, status};

/// Five times the second in which an ended session has to be gone: the machine may be busy.
const ENDED_MAX: Duration = Duration::from_secs(5);

async fn guest(site: &Site) -> Guest {
    site.guest("Cora", "Customer Care", "hello").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_commands_than_may_wait_keep_their_order() {
    const COUNT: usize = 40;
    let site = Site::start(&[]).await;
    let guest = guest(&site).await;
    let mut raw = Raw::live(&site, &guest.token).await;
    let cids = (0..COUNT).map(|_| CommandId::random()).collect::<Vec<_>>();
    for (number, cid) in cids.iter().enumerate() {
        let command = post(guest.chat.0, &format!("message {number}"));
        raw.say(&json!({"type": "do", "cid": cid, "command": command}))
            .await;
    }
    let (mut done, mut seqs, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    while done.len() < COUNT || texts.len() < COUNT {
        let frame = raw.next().await.expect("the socket lives");
        match frame["type"].as_str() {
            Some("done") => {
                done.push(frame["cid"].as_str().unwrap().to_owned());
                seqs.push(frame["seq"].as_u64().unwrap());
            }
            Some("event") => texts.extend(frame["event"]["text"].as_str().map(str::to_owned)),
            Some("nack") => panic!("{frame}"),
            _ => {}
        }
    }
    assert_eq!(
        done,
        cids.iter().map(ToString::to_string).collect::<Vec<_>>()
    );
    assert!(
        seqs.is_sorted_by(|one, next| next == &(one + 1)),
        "{seqs:?}"
    );
    let said = (0..COUNT)
        .map(|number| format!("message {number}"))
        .collect::<Vec<_>>();
    assert_eq!(texts, said);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_slot_has_one_socket() {
    let site = Site::start(&[]).await;
    let guest = guest(&site).await;
    let greeting = hello(&guest.token);
    let mut older = Raw::open(site.hub.address()).await;
    older.say(&greeting).await;
    older.until("live", |frame| frame["type"] == "live").await;
    let mut elsewhere = Raw::live(&site, &guest.token).await;
    let mut newer = Raw::open(site.hub.address()).await;
    newer.say(&greeting).await;
    newer.until("live", |frame| frame["type"] == "live").await;
    assert_eq!(older.end().await.0, 4409);
    for raw in [&mut newer, &mut elsewhere] {
        assert_eq!(raw.ask(&post(guest.chat.0, "here")).await["type"], "done");
    }
}

/// F19, P17: who reads nothing is sent away and gets everything when it comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_sent_away_and_misses_nothing() {
    const BATCH: usize = 20;
    const MESSAGES: usize = 75 * BATCH;
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start_with(unlimited(&folder), &[]).await;
    let agent = site.staff("ana", Role::Agent, &["Customer Care"]).await;
    let guest = guest(&site).await;
    let mut slow = Raw::open_narrow(site.hub.address()).await;
    slow.say(&hello(&agent.token)).await;
    let live = slow.until("live", |frame| frame["type"] == "live").await;
    let mut cursor = live["cursor"].clone();
    let mut quick = Raw::live(&site, &guest.token).await;
    let filler = "x".repeat(8_000);
    for number in 0..MESSAGES {
        let command = post(guest.chat.0, &format!("{number} {filler}"));
        let frame = json!({"type": "do", "cid": CommandId::random(), "command": command});
        quick.say(&frame).await;
        // So many at once that commits are shared, and fewer than the hub would stop at.
        if number % BATCH == BATCH - 1 {
            for _ in 0..BATCH {
                quick.until("done", |frame| frame["type"] == "done").await;
            }
        }
    }
    let mut seen = Vec::new();
    while let Some(frame) = slow.next().await {
        if frame["type"] == "event" {
            cursor = frame["cursor"].clone();
            seen.extend(said(&frame).map(number));
        }
    }
    assert_eq!(slow.closed.as_ref().unwrap().0, 4008, "{:?}", slow.closed);
    assert!(seen.len() < MESSAGES, "it was not slow at all");
    let mut back = Raw::open(site.hub.address()).await;
    let mut greeting = hello(&agent.token);
    greeting["cursor"] = cursor;
    back.say(&greeting).await;
    let welcome = back.next().await.unwrap();
    assert_eq!(welcome["resumed"], true);
    while let Some(frame) = back.next().await {
        seen.extend(said(&frame).map(number));
        if frame["type"] == "live" {
            break;
        }
    }
    assert_eq!(seen, (0..MESSAGES).collect::<Vec<_>>());
}

/// A hub without limits on rates, whose settings lie in `folder`.
fn unlimited(folder: &TempDir) -> HubSetup {
    let path = folder.path().join("hub.toml");
    let limits = "[limits]\ncustomer_per_second = 0\nstaff_per_second = 0\n";
    std::fs::write(&path, limits).unwrap();
    HubSetup {
        args: vec!["--config".to_owned(), path.display().to_string()],
        ..HubSetup::default()
    }
}

/// What a long message of this test says.
fn said(frame: &Value) -> Option<&str> {
    frame["event"]["text"]
        .as_str()
        .filter(|text| text.len() > 8_000)
}

fn number(text: &str) -> usize {
    text.split(' ').next().unwrap().parse().unwrap()
}

/// S19: a web page of another origin, of none, or of a look-alike opens no socket, and no answer
/// invites pages.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_from_elsewhere_opens_no_socket() {
    let site = Site::start(&[]).await;
    let handshake = |origin: &str| {
        format!(
            "GET /ws HTTP/1.1\r\nhost: desk\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {origin}\r\n"
        )
    };
    let own = site.hub.url();
    for origin in [
        "http://evil.example",
        "null",
        "",
        &own,
        &format!("{own}.evil.example"),
    ] {
        let request = handshake(&format!("origin: {origin}\r\nconnection: close\r\n"));
        let answer = exchange(site.hub.address(), request.as_bytes()).await;
        assert_eq!(answer.status, 403, "origin {origin:?}: {}", answer.head);
        assert!(!answer.head.contains("access-control-"), "{}", answer.head);
    }
    let answer = call(
        site.hub.address(),
        None,
        "GET",
        "/api/departments/active",
        b"",
    )
    .await;
    assert!(!answer.head.contains("access-control-") && !answer.head.contains("set-cookie"));
    Raw::live(&site, &site.owner.token).await;
}

/// S13: logout, disabling and deleting close the socket with 4401.
#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_has_no_socket() {
    let site = Site::start(&[]).await;
    let (hub, owner) = (site.hub.address(), Some(site.owner.token.as_str()));
    let ana = site.staff("ana", Role::Agent, &["Customer Care"]).await;
    let ben = site.staff("ben", Role::Agent, &["Customer Care"]).await;
    let cleo = site.staff("cleo", Role::Agent, &["Customer Care"]).await;
    let path = |person: &Person| format!("/api/users/{}", person.user.id);
    let off = json!({"active": false});
    let mut raw = Raw::live(&site, &ana.token).await;
    let out = call(hub, Some(&ana.token), "POST", "/api/auth/logout", b"").await;
    assert_eq!(out.status, 204, "{}", out.body);
    ended(&mut raw, "logout").await;

    let mut raw = Raw::live(&site, &ben.token).await;
    let disabled = send(hub, owner, "PUT", &path(&ben), &off).await;
    assert_eq!(disabled.status, 200, "{}", disabled.body);
    ended(&mut raw, "disabling").await;

    let mut raw = Raw::live(&site, &cleo.token).await;
    let deleted = call(hub, owner, "DELETE", &path(&cleo), b"").await;
    assert_eq!(deleted.status, 204, "{}", deleted.body);
    ended(&mut raw, "deleting").await;

    for token in [&ana.token, &ben.token, &cleo.token] {
        let mut raw = Raw::open(hub).await;
        raw.say(&hello(token)).await;
        assert_eq!(raw.end().await.0, 4401);
    }
}

async fn ended(raw: &mut Raw, what: &str) {
    let start = Instant::now();
    assert_eq!(raw.end().await.0, 4401, "after {what}");
    assert!(
        start.elapsed() < ENDED_MAX,
        "{what} took {:?}",
        start.elapsed()
    );
}

/// S17: neither events nor pages nor lists show a chat of another department, also not after it
/// was given away.
#[tokio::test(flavor = "multi_thread")]
async fn a_spy_of_another_department_sees_nothing() {
    let site = Site::start(&["Billing", "Technical Support"]).await;
    let hub = site.hub.address();
    let spy = site.staff("spy", Role::Agent, &["Billing"]).await;
    let ana = site.staff("ana", Role::Agent, &["Customer Care"]).await;
    let tom = site.staff("tom", Role::Agent, &["Technical Support"]).await;
    let mut eyes = Raw::live(&site, &spy.token).await;
    let mut left = Raw::live(&site, &ana.token).await;
    let mut gets = Raw::live(&site, &tom.token).await;
    left.ask(&status("online")).await;
    let guest = site
        .guest("Zacharias", "Customer Care", "zulu before")
        .await
        .unwrap();
    let mut customer = Raw::live(&site, &guest.token).await;
    let chat = guest.chat.0;
    left.until("the chat", |frame| {
        frame["event"]["type"] == "chat_assigned"
    })
    .await;
    assert_eq!(left.ask(&post(chat, "zulu answer")).await["type"], "done");
    let note =
        json!({"type": "post_message", "chat": chat, "text": "zulu note", "visibility": "note"});
    assert_eq!(left.ask(&note).await["type"], "done");
    let seen = call(
        hub,
        Some(&ana.token),
        "GET",
        &format!("/api/chats/{chat}"),
        b"",
    )
    .await
    .json();
    let transfer = json!({"type": "transfer", "chat": chat, "department": "Technical Support",
        "note": "zulu reason", "epoch": seen["chat"]["epoch"]});
    assert_eq!(left.ask(&transfer).await["type"], "done");
    // By now the one who gave it away has seen its last record.
    let heard = left.frames.len();
    assert_eq!(
        customer.ask(&post(chat, "zulu after")).await["type"],
        "done"
    );
    let history = |frame: &Value| frame["type"] == "chat";
    let revealed = gets.until("the chat", history).await.to_string();
    for text in ["zulu before", "zulu answer", "zulu note"] {
        assert!(
            revealed.contains(text),
            "{text} did not move with the chat: {revealed}"
        );
    }
    gets.until("what came after", |frame| {
        frame["event"]["text"] == "zulu after"
    })
    .await;
    // Records come in order, so one's own later record says that nothing else will come.
    for (who, raw) in [("the spy", &mut eyes), ("who gave it away", &mut left)] {
        raw.ask(&status("busy")).await;
        raw.ever("one's own record", |frame| {
            frame["event"]["status"] == "busy"
        })
        .await;
        let from = if who == "the spy" { 0 } else { heard };
        let frames = raw.frames[from..].iter();
        let leaks = frames.filter(|text| text.contains("zulu") || text.contains("Zacharias"));
        assert_eq!(leaks.count(), 0, "{who} saw {:?}", raw.frames);
    }
    let page = json!({"type": "fetch", "id": "1", "chat": chat, "limit": 200});
    for raw in [&mut eyes, &mut left] {
        raw.say(&page).await;
        let page = raw.until("a page", |frame| frame["type"] == "page").await;
        assert_eq!(page["events"], json!([]), "{page}");
    }
    assert!(
        !customer.has("zulu note") && !customer.has("zulu reason"),
        "a note reached the customer"
    );
    for path in ["/api/events", "/api/chats", "/api/queue"] {
        let answer = call(hub, Some(&spy.token), "GET", path, b"").await;
        assert!(
            !answer.body.contains("zulu") && !answer.body.contains("Zacharias"),
            "{path}"
        );
    }
}

/// S17: ten thousand records of a department's chats, half of them after the chat was given away:
/// not a byte of them reaches an agent of another department, and no byte of the second half the
/// one who gave it away.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_records_reach_no_spy() {
    const RECORDS: usize = 10_000;
    const BATCH: usize = 25;
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start_with(unlimited(&folder), &["Billing", "Sales"]).await;
    let spy = site.staff("spy", Role::Agent, &["Billing"]).await;
    let ana = site.staff("ana", Role::Agent, &["Customer Care"]).await;
    let mut eyes = Raw::live(&site, &spy.token).await;
    let mut left = Raw::live(&site, &ana.token).await;
    left.ask(&status("online")).await;
    let guest = site.guest("Zulu", "Customer Care", "zulu 0").await.unwrap();
    let assigned = |frame: &Value| frame["event"]["type"] == "chat_assigned";
    let epoch = left.ever("the chat", assigned).await["event"]["epoch"].clone();
    let mut customer = Raw::live(&site, &guest.token).await;
    let mut heard = 0;
    for number in 0..RECORDS {
        if number == RECORDS / 2 {
            // All of the first half has come before the chat goes.
            left.ask(&status("busy")).await;
            let gone = json!({"type": "transfer", "chat": guest.chat, "department": "Sales",
                "epoch": epoch});
            let done = left.ask(&gone).await;
            assert_eq!(done["type"], "done", "{done}");
            left.say(&json!({"type": "ping", "id": "gone"})).await;
            left.until("the pong", |frame| frame["type"] == "pong")
                .await;
            heard = left.frames.len();
        }
        let command = post(guest.chat.0, &format!("zulu {number}"));
        let frame = json!({"type": "do", "cid": CommandId::random(), "command": command});
        customer.say(&frame).await;
        if number % BATCH == BATCH - 1 {
            for _ in 0..BATCH {
                customer
                    .until("done", |frame| frame["type"] == "done")
                    .await;
            }
            customer.frames.clear();
            // Whoever does not read is cut off, and a spy reads.
            for socket in [&mut left, &mut eyes] {
                socket.say(&json!({"type": "view", "chat": null})).await;
                socket
                    .until("a sign", |frame| frame["type"] == "presence")
                    .await;
            }
        }
    }
    for (who, raw, from) in [
        ("the spy", &mut eyes, 0),
        ("who gave it away", &mut left, heard),
    ] {
        raw.ask(&status("away")).await;
        raw.ever("one's own record", |frame| {
            frame["event"]["status"] == "away"
        })
        .await;
        let frames = raw.frames[from..].iter();
        let leaked: usize = frames
            .filter(|text| text.to_lowercase().contains("zulu"))
            .map(String::len)
            .sum();
        assert_eq!(leaked, 0, "bytes that {who} saw");
    }
    let seen = left
        .frames
        .iter()
        .filter(|text| text.contains("zulu "))
        .count();
    assert!(
        seen >= RECORDS / 2,
        "the first half was for the agent: {seen}"
    );
    tests::report(&format!(
        "figure: spy_records {RECORDS} sent, 0 bytes leaked"
    ));
}
