//! One socket over a pipe, with the real hub, desk and accounts behind it.

mod slow;

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _, future::join_all};
use serde_json::{Value, json};
use shared::{
    api::RESUME_RECORDS_MAX,
    command::Command,
    frame::{ClientFrame, PROTO},
    id::{ChatId, CommandId, Cursor, DepartmentId, UserId},
    model::Visibility,
    text::SafeText,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex},
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, advance, pause, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};
use tokio_util::sync::CancellationToken;

use super::{Client, hello::Hello, run};
use crate::{
    desk::Who,
    http::{fixture::in_time, past, tests::TestDesk},
    hub::PART,
};

const OWNER: Who = Who::User(UserId(1));

type Pipe = WebSocketStream<DuplexStream>;

async fn pipe() -> (Pipe, Pipe) {
    let (hub, program) = duplex(4 * 1024);
    let hub = WebSocketStream::from_raw_socket(hub, Role::Server, None).await;
    let program = WebSocketStream::from_raw_socket(program, Role::Client, None).await;
    (hub, program)
}

/// A program that has said hello to a socket that runs.
async fn connect(desk: &TestDesk, token: &str) -> (Pipe, JoinHandle<()>) {
    let (hub, mut program) = pipe().await;
    let running = tokio::spawn(run(
        Arc::clone(&desk.app),
        hub,
        Arc::default(),
        CancellationToken::new(),
    ));
    say_hello(&mut program, token).await;
    (program, running)
}

/// The same through the listener, with the limits of its sockets.
async fn connect_to_listener(desk: &TestDesk, token: &str) -> WebSocketStream<TcpStream> {
    let handshake = "GET /ws HTTP/1.1\r\nHost: desk\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    let mut stream = desk.open(handshake).await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(in_time(stream.read_u8()).await.unwrap());
    }
    let mut program = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    say_hello(&mut program, token).await;
    program
}

async fn say_hello<S: AsyncRead + AsyncWrite + Unpin>(
    program: &mut WebSocketStream<S>,
    token: &str,
) {
    resume(program, token, None).await;
}

async fn resume<S: AsyncRead + AsyncWrite + Unpin>(
    program: &mut WebSocketStream<S>,
    token: &str,
    cursor: Option<Cursor>,
) {
    say(program, &hello_of(token, cursor, false)).await;
}

fn hello_of(token: &str, cursor: Option<Cursor>, watches: bool) -> ClientFrame {
    ClientFrame::Hello {
        proto: PROTO,
        token: token.to_owned(),
        cursor,
        slot: CommandId::random(),
        client: "test/0".to_owned(),
        watches,
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(
    program: &mut WebSocketStream<S>,
    frame: &ClientFrame,
) {
    let frame = serde_json::to_string(frame).unwrap();
    program.send(Message::text(frame)).await.unwrap();
}

/// The next frame of this type.
async fn frame<S: AsyncRead + AsyncWrite + Unpin>(
    program: &mut WebSocketStream<S>,
    wanted: &str,
) -> Value {
    loop {
        let message = in_time(program.next()).await.expect("the socket is open");
        let Message::Text(text) = message.unwrap() else {
            continue;
        };
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_ne!(frame["type"], "bye", "{frame}");
        if frame["type"] == wanted {
            return frame;
        }
    }
}

/// Notes in a chat, about as long as a message may be, and twice that in JSON.
async fn fill(desk: &TestDesk, chat: u64, count: usize) {
    for _ in 0..count {
        let note = Command::PostMessage {
            chat: ChatId(chat),
            text: SafeText::block(&"\"".repeat(8_000)),
            visibility: Visibility::Note,
            expected_seq: None,
            canned: Vec::new(),
        };
        let hub = &desk.app.hub;
        hub.submit(OWNER, CommandId::random(), note).await.unwrap();
    }
}

#[tokio::test]
async fn a_desk_of_long_chats_has_a_snapshot_that_can_be_sent() {
    let desk = TestDesk::start().await;
    for _ in 0..40 {
        let (chat, _) = desk.chat(None).await;
        fill(&desk, chat, 8).await;
    }
    let mut program = connect_to_listener(&desk, &desk.owner).await;
    let snapshot = frame(&mut program, "snapshot").await;
    let chats = snapshot["desk"]["chats"].as_array().unwrap();
    assert_eq!(chats.len(), 40);
    for chat in chats {
        let newest = chat["events"].as_array().unwrap().last();
        assert_eq!(newest.unwrap()["seq"], chat["chat"]["seq"], "the newest");
    }
    frame(&mut program, "live").await;
}

#[tokio::test]
async fn a_page_of_long_messages_can_be_sent_and_the_next_goes_on() {
    let desk = TestDesk::start().await;
    let (chat, _) = desk.chat(None).await;
    fill(&desk, chat, 250).await;
    let mut program = connect_to_listener(&desk, &desk.owner).await;
    let live = frame(&mut program, "live").await;
    assert!(live["cursor"].is_string());
    for direction in ["before", "after"] {
        let (mut seqs, mut edge) = (Vec::new(), Value::Null);
        loop {
            let mut fetch = json!({"type": "fetch", "id": "p", "chat": chat, "limit": 200});
            let start = if direction == "after" {
                json!(0)
            } else {
                json!(10_000)
            };
            fetch[direction] = if edge.is_null() { start } else { edge };
            program
                .send(Message::text(fetch.to_string()))
                .await
                .unwrap();
            let page = frame(&mut program, "page").await;
            let events = page["events"].as_array().unwrap();
            let of_page: Vec<u64> = events
                .iter()
                .map(|one| one["seq"].as_u64().unwrap())
                .collect();
            assert!(of_page.is_sorted() && !of_page.is_empty());
            edge = match direction {
                "after" => json!(of_page.last()),
                _ => json!(of_page.first()),
            };
            seqs.extend(of_page);
            if page["more"] == false {
                break;
            }
        }
        seqs.sort_unstable();
        let last = *seqs.last().unwrap();
        assert!(last > 250);
        assert_eq!(seqs, (1..=last).collect::<Vec<_>>(), "{direction}");
    }
}

#[tokio::test]
async fn an_ended_session_is_not_served_however_slowly_it_reads() {
    let desk = TestDesk::start().await;
    let (chat, _) = desk.chat(None).await;
    fill(&desk, chat, 10).await;
    let (_program, running) = connect(&desk, &desk.owner).await;
    // The snapshot does not fit into the pipe, so that the socket is stuck in the past.
    in_time(async {
        while desk.app.sockets.count() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    desk.post("/api/auth/logout", &desk.owner, json!({}))
        .await
        .expect(204);
    timeout(Duration::from_secs(6), running)
        .await
        .expect("the farewell takes two seconds at most")
        .unwrap();
}

#[tokio::test]
async fn rights_that_change_before_the_snapshot_are_the_ones_it_shows() {
    let desk = TestDesk::start().await;
    let (_, token) = desk.staff("ana", "agent", &["Customer Care"]).await;
    desk.chat(None).await;
    let (hub, mut program) = pipe().await;
    let hello = Hello {
        token,
        cursor: None,
        slot: CommandId::random(),
        watches: false,
    };
    let admitted = Client::admit(Arc::clone(&desk.app), hub, hello).await;
    let Ok(mut client) = admitted else {
        panic!("admitted");
    };
    let body = json!({"name": "Billing"});
    let billing = desk.post("/api/departments", &desk.owner, body).await;
    let billing = billing.expect(201)["id"].as_u64().unwrap();
    let ana = client.session.user;
    let body = json!({"departments": [billing]});
    desk.put(&format!("/api/users/{ana}"), &desk.owner, body)
        .await
        .expect(200);
    let beginning = tokio::spawn(async move {
        let begun = client.begin(None).await.is_ok();
        (client, begun)
    });
    let snapshot = frame(&mut program, "snapshot").await;
    assert_eq!(snapshot["desk"]["chats"], json!([]));
    let (client, begun) = beginning.await.unwrap();
    assert!(begun);
    let departments = &client.subscription.viewer().departments;
    assert_eq!(*departments, [DepartmentId(billing)].into());
}

/// F12: a half-open connection is dead after 45 s, and its lease is lost.
#[tokio::test]
async fn one_who_is_silent_for_45_seconds_is_gone() {
    let desk = TestDesk::start().await;
    let (mut program, running) = connect(&desk, &desk.owner).await;
    frame(&mut program, "live").await;
    pause();
    // Just after a ping of the hub, so that the third one after it comes too early.
    for seconds in [15, 1] {
        advance(Duration::from_secs(seconds)).await;
        let ping = json!({"type": "ping", "id": "1"}).to_string();
        program.send(Message::text(ping)).await.unwrap();
        frame(&mut program, "pong").await;
    }
    let heard = Instant::now();
    running.await.unwrap();
    let silent = heard.elapsed();
    assert!(
        (Duration::from_secs(44)..Duration::from_secs(47)).contains(&silent),
        "{silent:?}"
    );
}

/// S21: a frame that comes a byte at a time is no sign of life: who only ever begins one is gone as
/// one who says nothing is.
#[tokio::test]
async fn a_frame_that_trickles_is_silence() {
    let desk = TestDesk::start().await;
    let (mut program, mut running) = connect(&desk, &desk.owner).await;
    frame(&mut program, "live").await;
    pause();
    let heard = Instant::now();
    let bytes = program.get_mut();
    // The head of a masked text of 60,000 bytes.
    bytes.write_all(b"\x81\xfe\xea\x60\0\0\0\0{").await.unwrap();
    while timeout(Duration::from_secs(1), &mut running).await.is_err() {
        assert!(heard.elapsed() < Duration::from_secs(90), "it goes on");
        // What comes after the end of the hub is lost.
        bytes.write_all(b" ").await.ok();
    }
    let silent = heard.elapsed();
    assert!(
        (Duration::from_secs(44)..Duration::from_secs(52)).contains(&silent),
        "{silent:?}"
    );
}

#[tokio::test]
async fn who_types_too_much_is_not_told_to_everyone() {
    let desk = TestDesk::start().await;
    let (chat, kim) = desk.chat(None).await;
    let viewer = desk.app.hub.ask(|desk| desk.viewer(&OWNER));
    let mut watching = desk.app.hub.subscribe(viewer.await.unwrap().unwrap());
    let (head, _) = desk.app.hub.store().head(PART);
    watching.go_live(head).unwrap();
    let mut program = connect_to_listener(&desk, &kim).await;
    frame(&mut program, "live").await;
    let typing = json!({"type": "typing", "chat": chat, "on": true}).to_string();
    let mut told = Vec::new();
    for _ in 0..100 {
        for _ in 0..50 {
            let typing = Message::text(typing.clone());
            program.send(typing).await.unwrap();
        }
        // Every frame before the answer has been heard.
        let fetch = json!({"type": "fetch", "id": "f", "chat": chat, "limit": 1});
        program
            .send(Message::text(fetch.to_string()))
            .await
            .unwrap();
        frame(&mut program, "page").await;
        assert!(watching.queue().drain(&mut told, 1_000));
    }
    assert!((100..2_500).contains(&told.len()), "{} of 5000", told.len());
}

#[tokio::test]
async fn one_who_missed_ten_thousand_records_resumes_and_one_more_is_a_snapshot() {
    let desk = TestDesk::start().await;
    let chat = ChatId(desk.chat(None).await.0);
    let hub = &desk.app.hub;
    let (seen, _) = hub.store().head(PART);
    let cursor = past::cursor_at(hub, seen).await.unwrap();
    let note = |_| {
        let note = Command::PostMessage {
            chat,
            text: SafeText::block("again"),
            visibility: Visibility::Note,
            expected_seq: None,
            canned: Vec::new(),
        };
        hub.submit(OWNER, CommandId::random(), note)
    };
    for _ in 0..RESUME_RECORDS_MAX / 500 {
        join_all((0..500).map(note)).await;
    }
    assert_eq!(hub.store().head(PART).0.0, seen.0 + RESUME_RECORDS_MAX);

    let greet = |cursor: Cursor| async {
        let (socket, mut program) = pipe().await;
        let running = run(
            Arc::clone(&desk.app),
            socket,
            Arc::default(),
            CancellationToken::new(),
        );
        let running = tokio::spawn(running);
        resume(&mut program, &desk.owner, Some(cursor)).await;
        let welcome = frame(&mut program, "welcome").await;
        let mut records = 0;
        let last = loop {
            let message = in_time(program.next()).await.unwrap().unwrap();
            let next: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
            match next["type"].as_str() {
                Some("event") => records += 1,
                _ => break next["type"].clone(),
            }
        };
        running.abort();
        (welcome["resumed"].clone(), records, last)
    };
    let all = RESUME_RECORDS_MAX;
    assert_eq!(
        greet(cursor.clone()).await,
        (json!(true), all, json!("live"))
    );
    note(0).await.unwrap();
    assert_eq!(greet(cursor).await, (json!(false), 0, json!("resync")));
}

#[tokio::test]
async fn a_program_that_watches_shows_workloads_and_makes_nobody_reachable() {
    let desk = TestDesk::start().await;
    let (ana, token) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let app = Arc::clone(&desk.app);
    tokio::spawn(async move { app.presence.run(&app.hub).await });
    let (hub, mut wall) = pipe().await;
    tokio::spawn(run(
        Arc::clone(&desk.app),
        hub,
        Arc::default(),
        CancellationToken::new(),
    ));
    say(&mut wall, &hello_of(&token, None, true)).await;
    let first = frame(&mut wall, "workload").await;
    assert_eq!((&first["waiting"], &first["away"]), (&json!(0), &json!(0)));
    desk.put(
        &format!("/api/users/{ana}/status"),
        &token,
        json!({"status": "online"}),
    )
    .await
    .expect(200);
    desk.chat(None).await;
    let unserved = workload(&mut wall, |workload| workload["waiting"] == 1).await;
    assert!(unserved["oldest_at"].is_string());
    assert_eq!(
        (&unserved["online"], &unserved["away"]),
        (&json!(0), &json!(1))
    );

    let (_console, _running) = connect(&desk, &token).await;
    let served = workload(&mut wall, |workload| workload["load"] == 1).await;
    assert_eq!(
        (&served["waiting"], &served["online"]),
        (&json!(0), &json!(1))
    );
    assert!(served["oldest_at"].is_null() && served["capacity"].as_u64() >= Some(1));
}

/// The first workload that `fits`.
async fn workload(program: &mut Pipe, fits: impl Fn(&Value) -> bool) -> Value {
    loop {
        let workload = frame(program, "workload").await;
        if fits(&workload) {
            return workload;
        }
    }
}
