//! Illegal beginnings, frames and commands on a socket, written by the byte: P7, P25 and P26 of the
//! wire, S22 of the threats. What goes wrong with legal frames is in `sockets`.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::id::CommandId;
use tests::figure;
use tests::process::Exit;
use tests::site::{Guest, Site};
use tokio_tungstenite::tungstenite::Message;

use crate::raw::{Raw, hello, post};

async fn guest(site: &Site) -> Guest {
    site.guest("Cora", "Customer Care", "hello").await.unwrap()
}

fn with(mut frame: Value, key: &str, value: Value) -> Value {
    frame[key] = value;
    frame
}

/// A client's frame as it stands on the wire, masked with zeros.
fn masked(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first_byte];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// S21: silence, or anything but a hello, ends within five seconds and is told why.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_beginning_is_told_and_ends() {
    let site = Site::start(&[]).await;
    let good = hello(&guest(&site).await.token);
    let text = |frame: Value| Message::text(frame.to_string());
    let cases: Vec<(&str, Option<Message>, u16, &str)> = vec![
        ("silence", None, 4408, "hello"),
        (
            "a ping",
            Some(text(json!({"type": "ping", "id": "1"}))),
            4400,
            "hello",
        ),
        ("no JSON", Some(Message::text("hello")), 4400, ""),
        ("nothing", Some(Message::text("")), 4400, ""),
        ("a list", Some(Message::text("[]")), 4400, ""),
        ("bytes", Some(Message::binary(good.to_string())), 4400, ""),
        (
            "too old",
            Some(text(with(good.clone(), "proto", json!(0)))),
            4426,
            "client",
        ),
        (
            "too new",
            Some(text(with(good.clone(), "proto", json!(2)))),
            4426,
            "hub",
        ),
        (
            "of another form",
            Some(text(json!({"type": "hi", "proto": 9}))),
            4426,
            "hub",
        ),
        (
            "no version",
            Some(text(with(good.clone(), "proto", Value::Null))),
            4400,
            "",
        ),
        (
            "a bad token",
            Some(text(with(good.clone(), "token", json!("x")))),
            4401,
            "",
        ),
        (
            "no token",
            Some(text(with(good.clone(), "token", Value::Null))),
            4400,
            "",
        ),
        (
            "a bad cursor",
            Some(text(with(good.clone(), "cursor", json!("1;drop")))),
            4400,
            "cursor",
        ),
        (
            "an empty cursor",
            Some(text(with(good.clone(), "cursor", json!("")))),
            4400,
            "cursor",
        ),
        (
            "a bad slot",
            Some(text(with(good.clone(), "slot", json!("../../etc")))),
            4400,
            "",
        ),
        (
            "a field more",
            Some(text(with(good.clone(), "role", json!("owner")))),
            4400,
            "role",
        ),
        (
            "a long name",
            Some(text(with(good.clone(), "client", json!("x".repeat(65))))),
            4400,
            "",
        ),
    ];
    let ends = cases.into_iter().map(|(what, first, code, word)| {
        let address = site.hub.address();
        async move {
            let mut raw = Raw::open(address).await;
            let start = Instant::now();
            if let Some(first) = first {
                raw.say_message(first).await;
            }
            let (got, reason) = raw.end().await;
            let bye = raw.bye().unwrap_or_default();
            let told = bye["code"] == code && bye["reason"].as_str().unwrap_or("").contains(word);
            let early = code == 4408 && start.elapsed() < Duration::from_millis(4_900);
            let secret = raw.frames.iter().any(|frame| frame.contains("welcome"));
            (got != code || !told || early || secret)
                .then(|| format!("{what}: expected {code} {word:?}, got {got} {reason:?}, {bye}"))
        }
    });
    let faults = join_all(ends)
        .await
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(site.hub.terminate(), Exit::Code(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_past_gives_the_whole_view_anew() {
    let site = Site::start(&[]).await;
    let guest = guest(&site).await;
    let mut first = Raw::open(site.hub.address()).await;
    first.say(&hello(&guest.token)).await;
    let live = first.until("live", |frame| frame["type"] == "live").await;
    let cursor = live["cursor"].as_str().unwrap().to_owned();
    let [lineage, pos, hash] = *cursor.split('.').collect::<Vec<_>>() else {
        panic!("{cursor} is no cursor");
    };
    let turned = |hex: &str| -> String {
        hex.chars()
            .map(|digit| if digit == 'a' { 'b' } else { 'a' })
            .collect()
    };
    let behind = [
        format!("{}.{pos}.{hash}", turned(lineage)),
        format!("{lineage}.{pos}.{}", turned(hash)),
        format!("{lineage}.99999999.{hash}"),
        format!("{lineage}.18446744073709551615.{hash}"),
        "ff".to_owned(),
    ];
    for cursor in behind {
        let mut raw = Raw::open(site.hub.address()).await;
        raw.say(&with(hello(&guest.token), "cursor", json!(cursor)))
            .await;
        raw.until("live", |frame| frame["type"] == "live").await;
        let types = types(&raw);
        assert_eq!(
            types[..3],
            ["welcome", "resync", "snapshot"],
            "with {cursor}"
        );
    }
    let mut raw = Raw::open(site.hub.address()).await;
    raw.say(&with(hello(&guest.token), "cursor", json!(cursor)))
        .await;
    let welcome = raw.next().await.unwrap();
    assert_eq!(welcome["resumed"], true);
    raw.until("live", |frame| frame["type"] == "live").await;
    assert!(!types(&raw).iter().any(|name| name == "snapshot"));
}

fn types(raw: &Raw) -> Vec<String> {
    let frames = raw
        .frames
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).unwrap());
    frames
        .map(|frame| frame["type"].as_str().unwrap().to_owned())
        .collect()
}

/// S22: 26 frames that no client sends end their own socket with 4400 and no other, and leave
/// nothing in memory.
#[tokio::test(flavor = "multi_thread")]
async fn an_illegal_frame_ends_its_socket_and_no_other() {
    let site = Site::start(&[]).await;
    let guest = guest(&site).await;
    let mut other = Raw::live(&site, &guest.token).await;
    let ping = json!({"type": "ping", "id": "1"}).to_string();
    let deep = format!(
        r#"{{"type":"view","chat":{}1{}}}"#,
        "[".repeat(17),
        "]".repeat(17)
    );
    let large = format!(r#"{{"type":"ping","id":"{}"}}"#, "x".repeat(65 * 1024));
    let huge_head = [&[0x81, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat();
    let mut bomb = masked(0x01, &[b' '; 1_000]);
    (0..100).for_each(|_| bomb.extend(masked(0x00, &[b' '; 1_000])));
    let endless = [
        masked(0x01, b"{"),
        masked(0x00, b"").repeat(100_000),
        masked(0x80, b""),
    ]
    .concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("an unknown type", masked(0x81, br#"{"type":"fly"}"#)),
        ("no JSON", masked(0x81, b"hello")),
        (
            "a second hello",
            masked(0x81, hello(&guest.token).to_string().as_bytes()),
        ),
        (
            "a hub's frame",
            masked(0x81, br#"{"type":"live","cursor":"00"}"#),
        ),
        (
            "a do without a legible cid",
            masked(0x81, br#"{"type":"do","cid":"x","command":{}}"#),
        ),
        (
            "a long label",
            masked(
                0x81,
                json!({"type": "ping", "id": "x".repeat(65)})
                    .to_string()
                    .as_bytes(),
            ),
        ),
        ("a depth of 18", masked(0x81, deep.as_bytes())),
        ("bytes", masked(0x82, ping.as_bytes())),
        ("no UTF-8", masked(0x81, b"\xff\xfe")),
        (
            "65 KiB",
            [
                &[0x81, 0xff][..],
                &(large.len() as u64).to_be_bytes(),
                &[0; 4],
                large.as_bytes(),
            ]
            .concat(),
        ),
        ("a terabyte announced", huge_head),
        ("a fragmented bomb", bomb),
        ("half a frame in many fragments", endless),
        (
            "an unmasked frame",
            [&[0x81, ping.len() as u8][..], ping.as_bytes()].concat(),
        ),
        ("a compressed frame", masked(0xc1, ping.as_bytes())),
        ("a reserved opcode", masked(0x83, ping.as_bytes())),
        ("a continuation of nothing", masked(0x80, ping.as_bytes())),
        ("a fragmented ping", masked(0x09, b"x")),
        ("a long ping", masked(0x89, &[b'x'; 126])),
        ("a reserved bit", masked(0xa1, ping.as_bytes())),
        ("a reserved control frame", masked(0x8b, b"x")),
        (
            "a length of 2^63",
            [&[0x81, 0xff][..], &(1_u64 << 63).to_be_bytes(), &[0; 4]].concat(),
        ),
        ("a farewell of one byte", masked(0x88, b"x")),
        ("a farewell in no UTF-8", masked(0x88, b"\x03\xe8\xff\xfe")),
        ("a flood of pings", masked(0x89, b"x").repeat(21)),
        (
            "a flood of JSON pings",
            masked(0x81, ping.as_bytes()).repeat(21),
        ),
    ];
    let mut faults = Vec::new();
    let (rounds, mut sizes) = (4, Vec::new());
    for _ in 0..rounds {
        for (what, bytes) in &cases {
            let mut raw = Raw::live(&site, &guest.token).await;
            raw.write_bytes(bytes).await;
            let (code, reason) = raw.end().await;
            if code != 4400 {
                faults.push(format!("{what}: expected 4400, got {code} {reason:?}"));
            }
        }
        let done = other.ask(&post(guest.chat.0, "still here")).await;
        assert_eq!(done["type"], "done", "{done}");
        sizes.push(resident_kib(site.hub.process().pid()));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // The first rounds warm up what is kept for the next connection.
    let grown = sizes[rounds - 1].saturating_sub(sizes[1]);
    figure("illegal_frames_rss_growth", grown, "KiB", "1024");
    assert!(grown <= 1024, "{sizes:?} KiB");
    assert_eq!(site.hub.terminate(), Exit::Code(0));
}

/// Memory of a process that is in RAM.
fn resident_kib(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().split_whitespace().next();
    number.unwrap().parse().unwrap()
}

/// S15, S16: a command that is wrong, foreign, forged or internal is nacked.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_command_gets_its_nack_and_the_socket_lives() {
    let site = Site::start(&["Billing"]).await;
    let mine = guest(&site).await;
    let other = site.guest("Bob", "Billing", "private").await.unwrap();
    let mut raw = Raw::live(&site, &mine.token).await;
    let chat = mine.chat.0;
    let good = post(chat, "hello");
    let mut cases: Vec<(Value, &str, &str)> = vec![
        (json!({"type": "fly"}), "invalid", "fly"),
        (json!({}), "invalid", ""),
        (Value::Null, "invalid", ""),
        (
            json!({"type": "post_message", "chat": chat}),
            "invalid",
            "text",
        ),
        (with(good.clone(), "chat", json!("1")), "invalid", ""),
        (with(good.clone(), "chat", json!(-1)), "invalid", ""),
        (with(good.clone(), "chat", json!(1.5)), "invalid", ""),
        (
            with(good.clone(), "visibility", json!("all")),
            "invalid",
            "all",
        ),
        (
            with(good.clone(), "visibility", json!("note")),
            "forbidden",
            "",
        ),
        (post(chat, ""), "invalid", ""),
        (post(chat, "\u{200b}\u{202e}"), "invalid", ""),
        (post(chat, &"x".repeat(8 * 1024 + 1)), "too_large", ""),
        (post(4_711, "hello"), "not_found", ""),
        (post(other.chat.0, "hello"), "not_found", ""),
        (
            json!({"type": "mark_read", "chat": other.chat, "seq": 1}),
            "not_found",
            "",
        ),
        (
            json!({"type": "mark_read", "chat": chat, "seq": 4_711}),
            "invalid",
            "",
        ),
        (
            json!({"type": "rate", "chat": chat, "score": 6}),
            "invalid",
            "",
        ),
        (
            json!({"type": "claim", "chat": chat, "epoch": 1}),
            "forbidden",
            "",
        ),
        (
            json!({"type": "set_status", "status": "online", "user": 1}),
            "forbidden",
            "",
        ),
        // What only the hub itself may ask for has no name on the wire.
        (
            json!({"type": "setup", "username": "eve", "name": "Eve"}),
            "invalid",
            "setup",
        ),
        (
            json!({"type": "post_attachment", "chat": chat, "text": "", "visibility": "public"}),
            "invalid",
            "post_attachment",
        ),
        (
            json!({"type": "lose_agent", "user": 1}),
            "invalid",
            "lose_agent",
        ),
        (json!({"type": "start_hub"}), "invalid", "start_hub"),
    ];
    for key in [
        "sender", "actor", "role", "owner", "ts", "at", "seq", "pos", "id",
    ] {
        cases.push((with(good.clone(), key, json!(1)), "invalid", key));
    }
    let mut faults = Vec::new();
    for (command, code, word) in &cases {
        let nack = raw.ask(command).await;
        let told = nack["message"]
            .as_str()
            .is_some_and(|message| message.contains(word));
        if nack["type"] != "nack" || nack["code"] != *code || nack["retriable"] != false || !told {
            faults.push(format!(
                "{command}: expected {code} with {word:?}, got {nack}"
            ));
        }
    }
    let cid = CommandId::random();
    let forged = json!({"type": "do", "cid": cid, "command": good, "actor": "agent"});
    raw.say(&forged).await;
    let nack = raw
        .until("a nack", |frame| frame["cid"] == cid.as_str())
        .await;
    if nack["code"] != "invalid" {
        faults.push(format!("{forged}: {nack}"));
    }
    let missing = raw.ask(&post(4_711, "hello")).await["message"].clone();
    let foreign = raw.ask(&post(other.chat.0, "hello")).await["message"].clone();
    let foreign = foreign
        .as_str()
        .unwrap()
        .replace(&other.chat.to_string(), "4711");
    assert_eq!(
        missing, foreign,
        "the message tells that a foreign chat exists"
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(raw.ask(&good).await["type"], "done");
}
