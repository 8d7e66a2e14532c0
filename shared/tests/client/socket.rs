//! Resume, outbox, refusals and the end of connections.

use std::time::Duration;

use serde_json::json;
use shared::{
    client::{
        outbox::Outbox,
        session::{Token, TokenSource},
        socket::{EVENTS_MAX, Socket, SocketEvent, SocketHandle, SocketOptions, StopReason},
        tls::TlsOptions,
    },
    command::Command,
    error::ErrorCode,
    frame::{ClientFrame, HubFrame, PROTO},
    id::{ChatId, CommandId, Cursor, Pos, Seq, UserId},
    model::{AgentStatus, Visibility},
    text::SafeText,
};
use tokio::{sync::mpsc::Receiver, time::timeout};

use crate::peer::{Link, PATIENCE, Peer, cursor, live, record, snapshot, welcome};

type Events = Receiver<SocketEvent>;

fn connect(peer: &Peer, outbox: Outbox) -> (SocketHandle, Events) {
    connect_as(peer, outbox, Token::new("secret".to_owned()).into())
}

pub(crate) fn connect_as(
    peer: &Peer,
    outbox: Outbox,
    token: TokenSource,
) -> (SocketHandle, Events) {
    Socket::connect(SocketOptions {
        url: peer.url.clone(),
        tls: TlsOptions::default(),
        token,
        client: "test/1".to_owned(),
        cursor: None,
        outbox,
        watches: false,
    })
    .unwrap()
}

pub(crate) async fn next(events: &mut Events) -> SocketEvent {
    let event = timeout(PATIENCE, events.recv()).await;
    event.expect("an event comes").expect("the socket lives")
}

/// Skips to the event that matters.
async fn until<T>(events: &mut Events, pick: impl Fn(SocketEvent) -> Option<T>) -> T {
    loop {
        if let Some(found) = pick(next(events).await) {
            return found;
        }
    }
}

async fn connected(events: &mut Events) {
    until(events, |event| {
        matches!(event, SocketEvent::Connected { .. }).then_some(())
    })
    .await;
}

async fn disconnected(events: &mut Events) -> (String, Duration, u32) {
    until(events, |event| match event {
        SocketEvent::Disconnected {
            why,
            retry_in,
            attempt,
        } => Some((why, retry_in, attempt)),
        _ => None,
    })
    .await
}

async fn stopped(events: &mut Events) -> StopReason {
    let why = until(events, |event| match event {
        SocketEvent::Stopped { why } => Some(why),
        SocketEvent::Disconnected { .. } => panic!("it should not come back: {event:?}"),
        _ => None,
    })
    .await;
    assert_eq!(events.recv().await, None, "it is the last event");
    why
}

fn message(text: &str) -> Command {
    Command::PostMessage {
        chat: ChatId(42),
        text: SafeText::line(text),
        visibility: Visibility::Public,
        expected_seq: None,
        canned: Vec::new(),
    }
}

async fn send(handle: &SocketHandle, text: &str) -> CommandId {
    let cid = CommandId::random();
    handle.send(cid.clone(), message(text)).await.unwrap();
    cid
}

async fn receive_do(link: &mut Link) -> (CommandId, String) {
    match link.receive().await {
        ClientFrame::Do {
            cid,
            command: Command::PostMessage { text, .. },
        } => (cid, text.to_string()),
        other => panic!("not a message: {other:?}"),
    }
}

fn done(cid: &CommandId, dup: bool) -> HubFrame {
    HubFrame::Done {
        cid: cid.clone(),
        pos: Pos(1),
        chat: Some(ChatId(42)),
        seq: Some(Seq(1)),
        dup,
    }
}

fn nack(cid: &CommandId, code: ErrorCode, retry_after_ms: Option<u64>) -> HubFrame {
    HubFrame::Nack {
        cid: cid.clone(),
        code,
        message: "no".to_owned(),
        retriable: code.retriable(),
        retry_after_ms,
    }
}

fn resumed_from(hello: &ClientFrame) -> Option<Cursor> {
    match hello {
        ClientFrame::Hello { cursor, .. } => cursor.clone(),
        other => panic!("not a hello: {other:?}"),
    }
}

#[tokio::test]
async fn a_lost_connection_resumes_from_the_newest_cursor_without_repeats() {
    let peer = Peer::bind().await;
    let outbox = Outbox::in_memory();
    let slot = outbox.slot();
    let (_handle, mut events) = connect(&peer, outbox);

    let (mut link, hello) = peer.welcome(false).await;
    let expected = ClientFrame::Hello {
        proto: PROTO,
        token: "secret".to_owned(),
        cursor: None,
        slot,
        client: "test/1".to_owned(),
        watches: false,
    };
    assert_eq!(hello, expected);
    link.send(&snapshot(5)).await;
    link.send(&live(5)).await;
    for pos in [4, 5, 6, 7, 6] {
        link.send_json(&record(pos)).await;
    }
    link.send_json(&json!({"type": "of_next_year", "x": 1}))
        .await;
    link.barrier().await;
    drop(link);
    let (mut link, hello) = peer.welcome(true).await;
    assert_eq!(resumed_from(&hello), Some(cursor(7)));
    for pos in [7, 8] {
        link.send_json(&record(pos)).await;
    }
    link.send(&live(8)).await;

    let mut seen = Vec::new();
    loop {
        match next(&mut events).await {
            SocketEvent::Record(delivered) => seen.push(delivered.record.pos.0),
            SocketEvent::Live { cursor: at } if at == cursor(8) => break,
            _ => {}
        }
    }
    assert_eq!(seen, [6, 7, 8]);
}

#[tokio::test]
async fn a_resync_forgets_the_cursor_and_takes_an_older_snapshot() {
    let peer = Peer::bind().await;
    let (_handle, mut events) = connect(&peer, Outbox::in_memory());
    let (mut link, _) = peer.welcome(false).await;
    link.send(&snapshot(50)).await;
    link.send(&live(50)).await;
    link.send(&HubFrame::Resync {
        reason: "restored".to_owned(),
    })
    .await;
    link.barrier().await;
    drop(link);
    let (mut link, hello) = peer.welcome(false).await;
    assert_eq!(resumed_from(&hello), None);
    link.send(&snapshot(3)).await;
    link.send_json(&record(4)).await;
    let pos = until(&mut events, |event| match event {
        SocketEvent::Record(delivered) => Some(delivered.record.pos),
        _ => None,
    });
    assert_eq!(pos.await, Pos(4));
}

#[tokio::test]
async fn what_is_unacknowledged_is_sent_again_in_order_with_the_same_cid() {
    let peer = Peer::bind().await;
    let (handle, mut events) = connect(&peer, Outbox::in_memory());
    let (mut link, _) = peer.welcome(false).await;
    let cids = [
        send(&handle, "a").await,
        send(&handle, "b").await,
        send(&handle, "c").await,
    ];
    for cid in &cids {
        assert_eq!(receive_do(&mut link).await.0, *cid);
    }
    link.send(&done(&cids[0], false)).await;
    link.barrier().await;
    drop(link);
    let (mut link, _) = peer.welcome(true).await;
    for (cid, text) in [(&cids[1], "b"), (&cids[2], "c")] {
        assert_eq!(receive_do(&mut link).await, (cid.clone(), text.to_owned()));
        link.send(&done(cid, true)).await;
    }
    for (cid, again) in [(&cids[0], false), (&cids[1], true), (&cids[2], true)] {
        let (which, dup) = until(&mut events, |event| match event {
            SocketEvent::Done { cid, dup, .. } => Some((cid, dup)),
            _ => None,
        })
        .await;
        assert_eq!((&which, dup), (cid, again));
    }
    assert!(handle.outbox().pending().is_empty());
}

#[tokio::test]
async fn what_was_promised_is_sent_by_the_next_run_of_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("outbox/a.ndjson");
    let peer = Peer::bind().await;
    let outbox = Outbox::open(&path).unwrap();
    let slot = outbox.slot();
    let (handle, events) = connect(&peer, outbox);
    let (mut link, _) = peer.welcome(false).await;
    let cid = send(&handle, "kept").await;
    receive_do(&mut link).await;
    handle.close().await;
    assert_eq!(link.gone().await, Some(1000), "it says goodbye");
    drop((handle, events));

    let (handle, _events) = connect(&peer, Outbox::open(&path).unwrap());
    let (mut link, hello) = peer.welcome(false).await;
    assert!(matches!(hello, ClientFrame::Hello { slot: again, .. } if again == slot));
    assert_eq!(receive_do(&mut link).await, (cid, "kept".to_owned()));
    assert_eq!(handle.outbox().pending().len(), 1);
}

#[tokio::test]
async fn only_so_many_commands_are_under_way() {
    let peer = Peer::bind().await;
    let (handle, mut events) = connect(&peer, Outbox::in_memory());
    let mut cids = Vec::new();
    for number in 0..40 {
        cids.push(send(&handle, &number.to_string()).await);
    }
    let (mut link, _) = peer.welcome(false).await;
    for cid in &cids[..32] {
        assert_eq!(receive_do(&mut link).await.0, *cid);
    }
    connected(&mut events).await;
    handle.view(Some(ChatId(42))).unwrap();
    let frame = link.receive().await;
    assert!(matches!(frame, ClientFrame::View { .. }), "{frame:?}");
    link.send(&done(&cids[5], false)).await;
    assert_eq!(receive_do(&mut link).await.0, cids[32]);
}

#[tokio::test]
async fn a_refusal_that_may_pass_is_tried_again_before_what_follows() {
    let peer = Peer::bind().await;
    let (handle, mut events) = connect(&peer, Outbox::in_memory());
    let (mut link, _) = peer.welcome(false).await;
    let first = send(&handle, "a").await;
    receive_do(&mut link).await;
    let began = tokio::time::Instant::now();
    link.send(&nack(&first, ErrorCode::Busy, Some(150))).await;
    let retry_in = until(&mut events, |event| match event {
        SocketEvent::Nack { retry_in, .. } => Some(retry_in),
        _ => None,
    });
    assert_eq!(retry_in.await, Some(Duration::from_millis(150)));
    let second = send(&handle, "b").await;
    assert_eq!(receive_do(&mut link).await.0, first);
    assert!(began.elapsed() >= Duration::from_millis(150), "not before");
    assert_eq!(receive_do(&mut link).await.0, second);
}

#[tokio::test]
async fn a_final_refusal_is_kept_as_failed_and_can_be_tried_again_by_hand() {
    let peer = Peer::bind().await;
    let (handle, mut events) = connect(&peer, Outbox::in_memory());
    let (mut link, _) = peer.welcome(false).await;
    let cid = send(&handle, "a").await;
    receive_do(&mut link).await;
    link.send(&nack(&cid, ErrorCode::NotMember, None)).await;
    let retry_in = until(&mut events, |event| match event {
        SocketEvent::Nack { retry_in, .. } => Some(retry_in),
        _ => None,
    });
    assert_eq!(retry_in.await, None);
    assert!(handle.outbox().pending().is_empty());
    let failures = handle.outbox().failures();
    assert_eq!(failures[0].entry.cid, cid);
    assert_eq!(failures[0].code, ErrorCode::NotMember);

    handle.send(cid.clone(), message("a")).await.unwrap();
    assert_eq!(receive_do(&mut link).await.0, cid);
    assert!(handle.outbox().failures().is_empty());
}

#[tokio::test]
async fn some_close_codes_are_for_good() {
    for (code, expected) in [
        (4401, StopReason::Revoked),
        (4409, StopReason::Replaced),
        (
            4403,
            StopReason::Forbidden {
                message: "why".to_owned(),
            },
        ),
        (
            4426,
            StopReason::Version {
                message: "why".to_owned(),
            },
        ),
    ] {
        let peer = Peer::bind().await;
        let (_handle, mut events) = connect(&peer, Outbox::in_memory());
        let (link, _) = peer.hello().await;
        link.close(code, "why").await;
        assert_eq!(stopped(&mut events).await, expected);

        let (_handle, mut events) = connect(&peer, Outbox::in_memory());
        let (mut link, _) = peer.welcome(false).await;
        link.send(&HubFrame::Bye {
            code,
            reason: "why".to_owned(),
            reconnect_after_ms: None,
        })
        .await;
        assert_eq!(stopped(&mut events).await, expected, "the same by bye");
    }
}

#[tokio::test]
async fn a_hub_of_another_version_is_left() {
    let peer = Peer::bind().await;
    let (handle, mut events) = connect(&peer, Outbox::in_memory());
    let (mut link, _) = peer.hello().await;
    link.send(&welcome(PROTO + 1, false)).await;
    let why = stopped(&mut events).await;
    assert!(matches!(why, StopReason::Version { message } if message.contains("this program")));
    let late = handle.send(CommandId::random(), message("x")).await;
    assert!(late.is_err(), "nothing is promised that nobody sends");
    assert!(handle.outbox().pending().is_empty());
}

#[tokio::test]
async fn other_close_codes_come_back() {
    let peer = Peer::bind().await;
    let (handle, mut events) = connect(&peer, Outbox::in_memory());
    for (code, attempt) in [(4008, 1), (1012, 2), (4400, 3), (1011, 4)] {
        let (link, _) = peer.welcome(true).await;
        link.close(code, "later").await;
        let (why, retry_in, tried) = disconnected(&mut events).await;
        assert_eq!((why.as_str(), tried), ("later", attempt));
        assert!(retry_in <= Duration::from_millis(500) * 2_u32.pow(attempt - 1));
        handle.retry_now();
    }
    peer.hello().await;
}

#[tokio::test]
async fn the_pause_that_a_hub_asks_for_is_kept() {
    let peer = Peer::bind().await;
    let (_handle, mut events) = connect(&peer, Outbox::in_memory());
    let (mut link, _) = peer.welcome(false).await;
    connected(&mut events).await;
    let began = tokio::time::Instant::now();
    link.send(&HubFrame::Bye {
        code: 1012,
        reason: "restart".to_owned(),
        reconnect_after_ms: Some(700),
    })
    .await;
    let (why, retry_in, _) = disconnected(&mut events).await;
    assert_eq!(
        (why.as_str(), retry_in),
        ("restart", Duration::from_millis(700))
    );
    peer.hello().await;
    assert!(began.elapsed() >= Duration::from_millis(700));
}

#[tokio::test]
async fn a_hub_that_is_away_is_tried_again() {
    let peer = Peer::bind().await;
    let address = peer.listener.local_addr().unwrap();
    let url = peer.url.clone();
    drop(peer);
    let peer = Peer {
        listener: tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(),
        url,
    };
    let (handle, mut events) = connect(&peer, Outbox::in_memory());
    for attempt in 1..=3 {
        let (why, _, tried) = disconnected(&mut events).await;
        assert!(why.contains("connection refused"), "{why}");
        assert_eq!(tried, attempt);
        handle.retry_now();
    }
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let peer = Peer {
        listener,
        url: peer.url,
    };
    peer.welcome(false).await;
}

#[tokio::test]
async fn silence_is_met_with_a_ping_and_then_taken_for_death() {
    let peer = Peer::bind().await;
    let (_handle, mut events) = connect(&peer, Outbox::in_memory());
    let (mut link, _) = peer.welcome(false).await;
    connected(&mut events).await;
    let began = tokio::time::Instant::now();
    tokio::time::pause();
    let (why, ..) = disconnected(&mut events).await;
    let silent = began.elapsed();
    tokio::time::resume();
    assert!(why.contains("45 s"), "{why}");
    assert!(
        (Duration::from_secs(43)..Duration::from_secs(48)).contains(&silent),
        "{silent:?}"
    );
    for _ in 0..2 {
        assert!(matches!(link.receive().await, ClientFrame::Ping { .. }));
    }
}

#[tokio::test]
async fn focus_and_questions_are_repeated_after_a_reconnect() {
    let peer = Peer::bind().await;
    let (handle, mut events) = connect(&peer, Outbox::in_memory());
    let (mut link, _) = peer.welcome(false).await;
    handle.view(Some(ChatId(1))).unwrap();
    handle.view(Some(ChatId(2))).unwrap();
    handle.typing(ChatId(2), true, None);
    for (id, chat) in [("p1", 1), ("p2", 2)] {
        handle
            .fetch(id.to_owned(), ChatId(chat), None, None, 50)
            .unwrap();
    }
    for _ in 0..5 {
        link.receive().await;
    }
    link.send_json(&json!({"type": "page", "id": "p1", "chat": 1, "events": [], "more": false}))
        .await;
    until(&mut events, |event| {
        matches!(event, SocketEvent::Page { .. }).then_some(())
    })
    .await;
    drop(link);
    let (mut link, _) = peer.welcome(true).await;
    assert_eq!(
        link.receive().await,
        ClientFrame::View {
            chat: Some(ChatId(2))
        }
    );
    assert!(matches!(link.receive().await, ClientFrame::Fetch { id, .. } if id == "p2"));
}

#[tokio::test]
async fn a_program_that_does_not_listen_loses_presence_but_no_record() {
    let peer = Peer::bind().await;
    let (handle, mut events) = connect(&peer, Outbox::in_memory());
    let (mut link, _) = peer.welcome(false).await;
    connected(&mut events).await;
    for load in 0..400 {
        link.send(&HubFrame::Presence {
            user: UserId(7),
            status: AgentStatus::Online,
            reachable: true,
            load,
            viewing: None,
        })
        .await;
    }
    link.barrier().await;
    for pos in 1..=3 {
        link.send_json(&record(pos)).await;
    }
    let mut presences = 0;
    let mut records = 0;
    while records < 3 {
        match next(&mut events).await {
            SocketEvent::Presence { .. } => presences += 1,
            SocketEvent::Record(_) => records += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(presences, EVENTS_MAX);
    handle.close().await;
}

#[tokio::test]
async fn closing_does_not_need_a_program_that_listens() {
    let peer = Peer::bind().await;
    let (handle, mut events) = connect(&peer, Outbox::in_memory());
    let (mut link, _) = peer.welcome(false).await;
    for pos in 1..=EVENTS_MAX as u64 {
        link.send_json(&record(pos)).await;
    }
    // The queue is full when the program has seen nothing and the task waits to say more.
    while events.len() < EVENTS_MAX {
        tokio::task::yield_now().await;
    }
    handle.close().await;
    assert_eq!(link.gone().await, Some(1000));
    events.close();
}

#[tokio::test]
async fn the_way_to_the_hub_and_back_is_timed_once_for_each_wish() {
    let peer = Peer::bind().await;
    let (handle, mut events) = connect(&peer, Outbox::in_memory());
    let (mut link, _) = peer.welcome(false).await;
    link.send(&snapshot(5)).await;
    link.send(&live(5)).await;
    handle.measure();
    let ClientFrame::Ping { id } = link.receive().await else {
        panic!("a ping");
    };
    link.send_json(&json!({"type": "pong", "id": "another"}))
        .await;
    link.send_json(&json!({"type": "pong", "id": id})).await;
    link.send_json(&json!({"type": "pong", "id": id})).await;
    link.send_json(&record(6)).await;
    let mut timed = 0;
    loop {
        match events.recv().await {
            Some(SocketEvent::RoundTrip(_)) => timed += 1,
            Some(SocketEvent::Record(_)) => break,
            Some(_) => {}
            None => panic!("the socket ended"),
        }
    }
    assert_eq!(timed, 1);
}
