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

/// The tail of a department is what the whole tail has of it, from any cursor on, and as it
/// happens.
#[tokio::test]
async fn a_department_has_a_tail_of_its_own() {
    let desk = TestDesk::start().await;
    let sales = json!({"name": "Sales"});
    desk.post("/api/departments", &desk.owner, sales)
        .await
        .expect(201);
    let (_, ana) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let (other, _) = desk.chat(None).await;
    let (chat, kim) = desk.chat(Some("Sales")).await;
    let request = format!(
        "GET /api/events?follow=1&department=sales&limit=12 HTTP/1.1\r\nHost: desk\r\n\
         Connection: close\r\nAuthorization: Bearer {}\r\n\r\n",
        desk.owner
    );
    let mut tail = desk.open(&request).await;
    let mut answer = vec![0; 1024];
    let read = in_time(tail.read(&mut answer)).await.unwrap();
    answer.truncate(read);

    let say = json!({"text": "hello", "cid": CommandId::random()});
    desk.post(&format!("/api/chats/{chat}/messages"), &kim, say)
        .await
        .expect(201);
    let change = json!({"description": "sells"});
    desk.put("/api/departments/2", &desk.owner, change)
        .await
        .expect(200);
    // It leaves: the record that takes it away is the last one here.
    let away = json!({"department": "Customer Care", "epoch": 1, "cid": CommandId::random()});
    desk.post(&format!("/api/chats/{chat}/transfer"), &desk.owner, away)
        .await
        .expect(200);
    for text in ["elsewhere", "still elsewhere"] {
        let say = json!({"text": text, "cid": CommandId::random()});
        desk.post(&format!("/api/chats/{chat}/messages"), &kim, say)
            .await
            .expect(201);
    }
    // And another comes.
    let back = json!({"department": "Sales", "epoch": 1, "cid": CommandId::random()});
    desk.post(&format!("/api/chats/{other}/transfer"), &desk.owner, back)
        .await
        .expect(200);
    let path = "/api/events?department=Sales";
    let whole = records(desk.get(path, &desk.owner).await.text());
    let kinds: Vec<&str> = whole
        .iter()
        .map(|record| record["event"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "department_created",
            "chat_opened",
            "message_posted",
            "chat_queued",
            "message_posted",
            "department_updated",
            "chat_transferred",
            "chat_transferred",
            "message_posted",
            "chat_queued",
        ]
    );
    for record in &whole {
        let cursor = record["cursor"].as_str().unwrap();
        let rest = format!("{path}&since={cursor}");
        let rest = desk.get(&rest, &desk.owner).await;
        let at = whole.iter().position(|one| one == record).unwrap();
        assert_eq!(records(rest.text()), whole[at + 1..]);
    }
    // Those who are not of it see of it what they see of everything.
    let seen = records(desk.get(path, &ana).await.text());
    let everything = records(desk.get("/api/events", &ana).await.text());
    assert!(seen.iter().all(|record| everything.contains(record)));
    assert!(seen.iter().all(|record| record["event"]["text"] != "hello"));
    desk.get("/api/events?department=none", &desk.owner)
        .await
        .refused(404, "not_found");
    for number in 0..3 {
        let say = json!({"text": format!("{number}")});
        desk.post(&format!("/api/chats/{other}/notes"), &desk.owner, say)
            .await
            .expect(201);
    }
    in_time(tail.read_to_end(&mut answer)).await.unwrap();
    let body = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    let told = records(std::str::from_utf8(&unchunked(&answer[body..])).unwrap());
    let whole = records(desk.get(path, &desk.owner).await.text());
    assert_eq!(told, whole[..told.len()]);
    assert_eq!(told.len(), 12);
}
