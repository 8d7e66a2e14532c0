//! The doors of the hub under attack: connections without number and without end, addresses that
//! are not whose they say, queries that are no words. S18, S21 and S23 of the threats.
//!
//! Loopback is spared by default, since SSH users are there; here it counts, and clients come from
//! many addresses of 127.0.0.0/8.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::json;
use shared::id::CommandId;
use tempfile::TempDir;
use tests::{figure, hub::HubSetup, process::Exit, report, site::Site};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::raw::{Raw, SOON, call, hello, post, send};

/// Five times the second in which an honest client has to be served: the machine may be busy.
pub(crate) const HONEST_MAX: Duration = Duration::from_secs(5);

/// A hub for whom loopback counts, with these lines of settings.
async fn strict(folder: &TempDir, top: &str, limits: &str) -> Site {
    let path = folder.path().join("hub.toml");
    let lines = format!("{top}\n[limits]\nexempt_loopback = false\n{limits}\n");
    std::fs::write(&path, lines).unwrap();
    let setup = HubSetup {
        args: vec!["--config".to_owned(), path.display().to_string()],
        ..HubSetup::default()
    };
    Site::start_with(setup, &[]).await
}

pub(crate) async fn connect_from(ip: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(ip.into(), 0)).unwrap();
    timeout(SOON, socket.connect(to)).await.unwrap().unwrap()
}

/// Whether the hub has closed this connection by now; what it still says is read and forgotten.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 1024];
    loop {
        match timeout(Duration::from_millis(1), stream.read(&mut bytes)).await {
            Err(_) => return false,
            Ok(Ok(0) | Err(_)) => return true,
            Ok(Ok(_)) => {}
        }
    }
}

/// Connects from an address of its own and asks something; how long that took.
async fn honest(ip: [u8; 4], to: SocketAddr) -> Duration {
    let start = Instant::now();
    let mut stream = connect_from(ip, to).await;
    let request = b"GET /livez HTTP/1.1\r\nhost: desk\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    let read = timeout(SOON, stream.read_to_string(&mut answer)).await;
    read.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    start.elapsed()
}

/// S21: a thousand connections of one address that say nothing take sixteen places, and an honest
/// client is served at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_idle_connections_of_one_address_keep_nobody_out() {
    const IDLE: usize = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let site = strict(
        &folder,
        "",
        "header_ms = 60000\nunauthenticated_per_ip = 16",
    )
    .await;
    let hub = site.hub.address();
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(connect_from([127, 0, 0, 2], hub).await);
    }
    let took = honest([127, 0, 0, 3], hub).await;
    // Every one that is too many is closed; that may take a moment.
    let deadline = Instant::now() + SOON;
    let mut open = IDLE;
    while open > 16 && Instant::now() < deadline {
        let mut still = Vec::new();
        for mut stream in idle {
            if !is_closed(&mut stream).await {
                still.push(stream);
            }
        }
        idle = still;
        open = idle.len();
    }
    figure("honest_beside_1000_idle", took.as_millis(), "ms", "1000");
    assert!(took < HONEST_MAX, "{took:?}");
    assert_eq!(
        open, 16,
        "connections of one address that nobody vouched for"
    );
    // Who has shown a token makes room: more sockets of one address than strangers may have.
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let mut sockets = Vec::new();
    for _ in 0..24 {
        sockets.push(Raw::live(&site, &guest.token).await);
    }
    assert_eq!(sockets.len(), 24);
    drop(idle);
    assert_eq!(site.hub.terminate(), Exit::Code(0));
}

/// Sends `first`, then a byte of `rest` again and again; whether the hub ended it, and when.
pub(crate) async fn trickle(mut stream: TcpStream, first: &[u8], rest: &[u8]) -> Option<Duration> {
    let start = Instant::now();
    stream.write_all(first).await.ok()?;
    let mut bytes = rest.iter().cycle();
    while start.elapsed() < SOON {
        let mut heard = [0; 512];
        match timeout(Duration::from_millis(20), stream.read(&mut heard)).await {
            Ok(Ok(0) | Err(_)) => return Some(start.elapsed()),
            Ok(Ok(_)) => {}
            Err(_) => {
                let byte = bytes.next().copied().unwrap_or(b'a');
                if stream.write_all(&[byte]).await.is_err() {
                    return Some(start.elapsed());
                }
            }
        }
    }
    None
}

const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nhost: desk\r\nupgrade: websocket\r\n\
    connection: upgrade\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// S21: a header, a body and a frame that come a byte at a time end at their deadline, however
/// busy they look, while an honest client is served.
#[tokio::test(flavor = "multi_thread")]
async fn what_trickles_ends_and_keeps_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let waits = "header_ms = 700\nbody_ms = 700\nhello_ms = 700\ntls_handshake_ms = 700\n\
        connections_per_ip = 0\nunauthenticated_per_ip = 0";
    let site = strict(&folder, "", waits).await;
    let hub = site.hub.address();
    let body = "POST /api/auth/login HTTP/1.1\r\nhost: desk\r\ncontent-length: 60000\r\n\r\n{";
    // A masked text frame that announces 60,000 bytes.
    let frame = [HANDSHAKE.as_bytes(), b"\x81\xfe\xea\x60\0\0\0\0{"].concat();
    let slow: [(&str, &[u8], &[u8]); 4] = [
        ("a method", b"", b""),
        ("a header", b"GET / HTTP/1.1\r\n", b"X-Slow: 1\r\n"),
        ("a body", body.as_bytes(), b" "),
        ("a frame", &frame, b" "),
    ];
    let ends = slow
        .iter()
        .flat_map(|case| [*case; 8])
        .map(|(what, first, rest)| async move {
            let stream = connect_from([127, 0, 0, 2], hub).await;
            (what, trickle(stream, first, rest).await)
        });
    let (ends, took) = tokio::join!(join_all(ends), honest([127, 0, 0, 3], hub));
    for (what, end) in ends {
        let end = end.unwrap_or_else(|| panic!("{what} goes on for ever"));
        assert!(
            end >= Duration::from_millis(600),
            "{what} ended after {end:?}"
        );
        assert!(end < Duration::from_secs(20), "{what} ended after {end:?}");
    }
    figure("honest_beside_slowloris", took.as_millis(), "ms", "1000");
    assert!(took < HONEST_MAX, "{took:?}");
    assert_eq!(site.hub.terminate(), Exit::Code(0));
}

/// S21: live sockets that send a frame a byte at a time keep nobody out. The long form waits until
/// each has ended: they count as silent for 45 s.
#[tokio::test(flavor = "multi_thread")]
async fn frames_that_trickle_on_live_sockets_keep_nobody_out() {
    let site = Site::start(&[]).await;
    let hub = site.hub.address();
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let mut slow = Vec::new();
    for _ in 0..32 {
        let mut socket = Raw::live(&site, &guest.token).await;
        // The head of a masked text of 60,000 bytes.
        socket.write_bytes(b"\x81\xfe\xea\x60\0\0\0\0{").await;
        slow.push(socket);
    }
    let other = site.guest("Bob", "Customer Care", "hello").await.unwrap();
    let mut socket = Raw::live(&site, &other.token).await;
    let mut worst = Duration::ZERO;
    for number in 0..20 {
        for slow in &mut slow {
            slow.write_bytes(b" ").await;
        }
        let start = Instant::now();
        let done = socket.ask(&post(other.chat.0, &format!("{number}"))).await;
        assert_eq!(done["type"], "done", "{done}");
        worst = worst.max(start.elapsed());
    }
    let took = honest([127, 0, 0, 1], hub).await;
    figure(
        "honest_beside_trickled_frames",
        took.as_millis(),
        "ms",
        "1000",
    );
    figure(
        "stored_beside_trickled_frames",
        worst.as_millis(),
        "ms",
        "1000",
    );
    assert!(
        took < HONEST_MAX && worst < HONEST_MAX,
        "{took:?}, {worst:?}"
    );
    if std::env::var_os("FRONTDESK_LONG").is_some() {
        for (number, mut socket) in slow.into_iter().enumerate() {
            let start = Instant::now();
            while socket.closed.is_none() {
                socket.write_bytes(b" ").await;
                drop(timeout(Duration::from_millis(100), socket.next()).await);
                assert!(
                    start.elapsed() < 3 * SOON,
                    "socket {number} goes on for ever"
                );
            }
        }
    }
    assert_eq!(site.hub.terminate(), Exit::Code(0));
}

/// S23: a header that names a client is believed from a trusted proxy alone: from anybody else it
/// neither escapes a limit nor blames another, and a trusted one's clients are counted apart.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_address_escapes_no_limit() {
    let folder = tempfile::tempdir().unwrap();
    let top = "trusted_proxies = [\"127.0.0.9\"]";
    let site = strict(&folder, top, "open_per_minute = 2").await;
    let hub = site.hub.address();
    let open = async |ip: [u8; 4], header: &str| {
        let body = json!({"name": "Eve", "text": "x", "cid": CommandId::random()}).to_string();
        let request = format!(
            "POST /api/chats HTTP/1.1\r\nhost: desk\r\nconnection: close\r\n{header}\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = connect_from(ip, hub).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(SOON, stream.read_to_string(&mut answer))
            .await
            .unwrap()
            .unwrap();
        answer
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse::<u16>().ok())
            .unwrap()
    };
    // Whoever is no proxy is counted by the connection, whatever is written.
    let mut statuses = Vec::new();
    for number in 0..4 {
        let forged = format!("x-forwarded-for: 198.51.100.{number}\r\n");
        statuses.push(open([127, 0, 0, 5], &forged).await);
    }
    assert_eq!(statuses, [201, 201, 429, 429]);
    let forged = "forwarded: for=198.51.100.77\r\n";
    assert_eq!(open([127, 0, 0, 5], forged).await, 429);
    // Two clients of the proxy; each writes addresses to the left of its own.
    for client in ["198.51.100.1", "198.51.100.2"] {
        let mut statuses = Vec::new();
        for number in 0..3 {
            let header = format!("x-forwarded-for: 203.0.113.{number}, {client}\r\n");
            statuses.push(open([127, 0, 0, 9], &header).await);
        }
        assert_eq!(statuses, [201, 201, 429], "{client}");
    }
    // The throttle of logins counts the same way.
    let mut last = 0;
    for number in 0..30 {
        let body = json!({"username": format!("user{number}"), "password": "x"}).to_string();
        let request = format!(
            "POST /api/auth/login HTTP/1.1\r\nhost: desk\r\nconnection: close\r\n\
             x-forwarded-for: 203.0.113.{number}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = connect_from([127, 0, 0, 6], hub).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(SOON, stream.read_to_string(&mut answer))
            .await
            .unwrap()
            .unwrap();
        last = answer
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok())
            .unwrap();
        if last == 429 {
            report(&format!(
                "figure: logins_before_throttle {number} of one address"
            ));
            break;
        }
    }
    assert_eq!(
        last, 429,
        "30 logins of one address, each under another's name"
    );
    assert_eq!(site.hub.terminate(), Exit::Code(0));
}

/// S21: the sockets of a proxy's clients are counted by client, not by proxy.
#[tokio::test(flavor = "multi_thread")]
async fn sockets_through_a_proxy_count_for_their_clients() {
    let folder = tempfile::tempdir().unwrap();
    let top = "trusted_proxies = [\"127.0.0.1\"]";
    let site = strict(
        &folder,
        top,
        "hello_ms = 60000\nconnections_per_ip = 3\nunauthenticated_per_ip = 2",
    )
    .await;
    let hub = site.hub.address();
    let upgrade = async |client: &str| {
        let line = format!("x-forwarded-for: {client}\r\n\r\n");
        let request = HANDSHAKE.replace("\r\n\r\n", &format!("\r\n{line}"));
        let mut stream = connect_from([127, 0, 0, 1], hub).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        timeout(SOON, stream.read_exact(&mut head))
            .await
            .unwrap()
            .unwrap();
        (String::from_utf8_lossy(&head[9..]).into_owned(), stream)
    };
    let mut held = Vec::new();
    for (client, expect) in [
        ("198.51.100.1", "101"),
        ("198.51.100.1", "101"),
        ("198.51.100.1", "429"),
        ("198.51.100.2", "101"),
        ("2001:db8::1", "101"),
        ("2001:db8::2", "101"),
        ("2001:db8::3", "429"),
    ] {
        let (status, stream) = upgrade(client).await;
        assert_eq!(status, expect, "{client}");
        held.push(stream);
    }
}

/// S18: queries are typed and bounded, and what is looked for is words: no operator, no pattern
/// and no length makes more of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_words_and_numbers() {
    let site = Site::start(&[]).await;
    let (hub, owner) = (site.hub.address(), Some(site.owner.token.as_str()));
    let guest = site
        .guest("Cora", "Customer Care", "a.*b plain")
        .await
        .unwrap();
    for path in [
        "/api/users?role[$ne]=owner",
        "/api/users?role[]=owner",
        "/api/search?q[$regex]=.*",
        "/api/search?q=x&$where=1",
        "/api/search?q=x&limit=1000000000",
        "/api/chats?limit=1e9",
        "/api/chats?limit=-1",
        "/api/chats?department[$gt]=",
        "/api/chats?after=%7B%22$gt%22%3A0%7D",
        "/api/events?limit=1e9",
        "/api/departments?sort=name;drop",
        "/api/queue?limit=18446744073709551616",
    ] {
        let answer = call(hub, owner, "GET", path, b"").await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (400, "invalid"),
            "{path}: {}",
            answer.body
        );
    }
    for body in [
        json!({"username": {"$gt": ""}, "password": {"$gt": ""}}),
        json!({"username": ["olga"], "password": "x"}),
        json!({"username": "olga", "password": {"$ne": null}}),
    ] {
        let answer = send(hub, None, "POST", "/api/auth/login", &body).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (400, "invalid"),
            "{body}: {}",
            answer.body
        );
    }
    // A pattern is no pattern: nothing but the words themselves is found by it.
    let found = async |query: &str| {
        let path = format!("/api/search?q={query}");
        let answer = call(hub, owner, "GET", &path, b"").await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.json()["items"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(found("plain").await, 1);
    for query in ["pl.*n", "p%25", "%28a%2B%29%2B%24", "pl_in", "pl%3Fin"] {
        assert_eq!(found(query).await, 0, "{query}");
    }
    let pattern = "%28a%2B%29%2B".repeat(8 * 1024 / 13);
    let mut best = SOON;
    for _ in 0..5 {
        let start = Instant::now();
        let answer = call(hub, owner, "GET", &format!("/api/search?q={pattern}"), b"").await;
        assert!([200, 400, 413].contains(&answer.status), "{}", answer.body);
        best = best.min(start.elapsed());
    }
    figure("search_8_kib_pattern", best.as_millis(), "ms", "50");
    assert!(best < Duration::from_millis(250), "{best:?}");
    let mut socket = Raw::open(hub).await;
    socket.say(&hello(&guest.token)).await;
    socket.until("live", |frame| frame["type"] == "live").await;
}
