//! The tail: everything one may see, once, in order, from any cursor on.

use serde_json::{Value, json};
use shared::id::CommandId;
use tokio::io::AsyncReadExt as _;

use super::{TestDesk, unchunked};
use crate::http::fixture::in_time;

fn records(lines: &str) -> Vec<Value> {
    let lines = lines.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn any_cursor_resumes_exactly_after_itself() {
    let desk = TestDesk::start().await;
    let (chat, kim) = desk.chat(None).await;
    let note = json!({"text": "hm"});
    desk.post(&format!("/api/chats/{chat}/notes"), &desk.owner, note)
        .await
        .expect(201);
    for token in [&desk.owner, &kim] {
        let whole = records(desk.get("/api/events", token).await.text());
        assert!(!whole.is_empty());
        for (at, record) in whole.iter().enumerate() {
            let cursor = record["cursor"].as_str().unwrap();
            let rest = desk
                .get(&format!("/api/events?since={cursor}"), token)
                .await;
            assert_eq!(records(rest.text()), whole[at + 1..]);
        }
        let two = desk.get("/api/events?limit=2", token).await;
        assert_eq!(records(two.text()), whole[..2.min(whole.len())]);
        let now = desk.get("/api/events?since=now", token).await;
        assert_eq!(now.text(), "");
    }
    let all = records(desk.get("/api/events", &desk.owner).await.text());
    assert_eq!(all.len() as u64, desk.pos().await);
    let own = records(desk.get("/api/events", &kim).await.text());
    assert!(own.iter().all(|record| record["chat"] == chat));
    assert!(
        own.iter()
            .all(|record| record["event"]["visibility"] != "note")
    );
}

#[tokio::test]
async fn a_cursor_of_another_past_is_a_conflict() {
    let (desk, other) = (TestDesk::start().await, TestDesk::start().await);
    let foreign = records(other.get("/api/events?limit=1", &other.owner).await.text());
    let cursor = foreign[0]["cursor"].as_str().unwrap();
    let reply = desk
        .get(&format!("/api/events?since={cursor}"), &desk.owner)
        .await;
    let json = reply.expect(409);
    assert_eq!(json["error"]["code"], "conflict");
    assert!(
        json["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("without since")
    );
    desk.get("/api/events?since=yesterday", &desk.owner)
        .await
        .refused(400, "invalid");
}

#[tokio::test]
async fn what_happens_reaches_one_who_follows_once() {
    let desk = TestDesk::start().await;
    let (chat, kim) = desk.chat(None).await;
    let whole = records(desk.get("/api/events", &kim).await.text());
    let request = format!(
        "GET /api/events?follow=1&limit={} HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\
         Authorization: Bearer {kim}\r\n\r\n",
        whole.len() + 3
    );
    let mut tail = desk.open(&request).await;
    for number in 0..3 {
        let body = json!({"text": format!("line {number}"), "cid": CommandId::random()});
        desk.post(&format!("/api/chats/{chat}/messages"), &kim, body)
            .await
            .expect(201);
    }
    let mut answer = Vec::new();
    in_time(tail.read_to_end(&mut answer)).await.unwrap();
    let body = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    let told = records(std::str::from_utf8(&unchunked(&answer[body..])).unwrap());
    assert_eq!(told, records(desk.get("/api/events", &kim).await.text()));
}

#[tokio::test]
async fn a_tail_ends_with_its_session() {
    let desk = TestDesk::start().await;
    let (ana, token) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let request = format!(
        "GET /api/events?follow=1 HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    let mut tail = desk.open(&request).await;
    let mut first = [0; 64];
    assert!(in_time(tail.read(&mut first)).await.unwrap() > 0);
    let path = format!("/api/users/{ana}");
    desk.put(&path, &desk.owner, json!({"active": false}))
        .await
        .expect(200);
    let mut rest = Vec::new();
    in_time(tail.read_to_end(&mut rest)).await.unwrap();
}
