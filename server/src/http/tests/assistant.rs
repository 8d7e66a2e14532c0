//! The assistant over HTTP: settings, trials, chats that it has, help for agents, numbers.

use std::time::Duration;

use serde_json::{Value, json};
use shared::id::{ChatId, CommandId};
use tokio::time::timeout;

use super::TestDesk;

/// A desk whose assistant gets every new chat and waits for no further words.
async fn desk() -> TestDesk {
    let desk = TestDesk::with_knowledge().await;
    let change = json!({"first_line": "always", "debounce_ms": 0});
    desk.put("/api/assistant", &desk.owner, change)
        .await
        .expect(200);
    desk
}

/// A chat that begins with `text`, once nothing of it is unanswered: its number and token.
async fn chat(desk: &TestDesk, text: &str) -> (u64, String) {
    let body = json!({"name": "Kim", "text": text, "cid": CommandId::random()});
    let opened = desk.post("/api/chats", "", body).await.expect(201);
    let id = opened["chat"]["id"].as_u64().unwrap();
    settled(desk, id).await;
    (id, opened["token"].as_str().unwrap().to_owned())
}

async fn settled(desk: &TestDesk, id: u64) {
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    let mut owed = desk.app.hub.jobs();
    loop {
        let job = desk.app.hub.ask(move |desk| desk.job(ChatId(id)));
        if job.await.unwrap().is_none() {
            return;
        }
        // The end of a turn after which nothing is owed changes nothing of what was told.
        drop(timeout(LOOK_EVERY, owed.changed()).await);
    }
}

async fn messages(desk: &TestDesk, id: u64) -> Vec<Value> {
    let path = format!("/api/chats/{id}/messages");
    let page = desk.get(&path, &desk.owner).await.expect(200);
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn its_settings_are_read_and_changed() {
    let desk = TestDesk::with_knowledge().await;
    let owner = &desk.owner;
    let before = desk.get("/api/assistant", owner).await.expect(200);
    assert_eq!(
        (&before["first_line"], &before["rev"]),
        (&json!("off"), &json!(0))
    );
    let change = json!({"first_line": "always", "answer_threshold": 0.75});
    let plan = desk
        .put("/api/assistant?dry_run=1", owner, change.clone())
        .await;
    let plan = plan.expect(200);
    assert_eq!(plan["events"][0]["event"]["type"], "assistant_updated");
    assert_eq!(desk.get("/api/assistant", owner).await.expect(200), before);
    let made = desk.put("/api/assistant", owner, change).await.expect(200);
    assert_eq!(made["answer_threshold"], 0.75);
    assert_eq!(made["rev"], desk.pos().await);
    let stale = [("If-Match", "1")];
    let other = Some(json!({"max_turns": 3}));
    let reply = desk
        .send("PUT", "/api/assistant", owner, &stale, other)
        .await;
    reply.refused(409, "conflict");
    for wrong in [
        json!({"max_turns": 0}),
        json!({"colour": 1}),
        json!({"mode": "magic"}),
    ] {
        let reply = desk.put("/api/assistant", owner, wrong).await;
        reply.refused(400, "invalid");
    }
    let (_, agent) = desk.staff("ana", "agent", &["Customer Care"]).await;
    for (method, path) in [
        ("GET", "/api/assistant"),
        ("GET", "/api/assistant/status"),
        ("PUT", "/api/assistant"),
    ] {
        let reply = desk.send(method, path, &agent, &[], Some(json!({}))).await;
        reply.refused(403, "forbidden");
    }
}

#[tokio::test]
async fn without_anything_to_answer_from_it_is_not_switched_on() {
    let desk = TestDesk::start().await;
    let change = json!({"first_line": "always"});
    let reply = desk.put("/api/assistant", &desk.owner, change).await;
    assert_eq!(reply.status, 409, "{reply:?}");
    let status = desk
        .get("/api/assistant/status", &desk.owner)
        .await
        .expect(200);
    assert_eq!(
        (&status["ready"], &status["provider"]),
        (&json!(false), &Value::Null)
    );
}

#[tokio::test]
async fn a_trial_says_what_would_be_said_and_why() {
    let desk = TestDesk::with_knowledge().await;
    let pos = desk.pos().await;
    let tried = |text: &str| {
        let body = json!({"text": text, "history": ["hi", "Hello!"]});
        desk.post("/api/assistant/test", &desk.owner, body)
    };
    let answer = tried("where is my order?").await.expect(200);
    assert_eq!(answer["does"], "say");
    assert_eq!(answer["reply"]["intent"], "order-status");
    assert_eq!(answer["reply"]["citations"][0]["id"], "kb:order-status#1");
    let person = tried("I want to speak to a human").await.expect(200);
    assert_eq!(person["does"], "hand_off");
    assert_eq!(person["reason"], "customer_request");
    assert_eq!(desk.pos().await, pos, "nothing happens");
}

#[tokio::test]
async fn a_chat_goes_from_the_assistant_to_people_and_back() {
    let desk = desk().await;
    let owner = &desk.owner;
    let (id, token) = chat(&desk, "where is my order?").await;
    let said = messages(&desk, id).await;
    let answer = said.last().unwrap();
    assert_eq!(answer["actor"]["kind"], "assistant");
    assert!(
        answer["text"].as_str().unwrap().contains("Source: "),
        "{answer}"
    );

    let path = format!("/api/chats/{id}/messages/{}/flag", answer["seq"]);
    let flag = json!({"reason": "the link is old"});
    desk.post(&path, owner, flag.clone()).await.expect(200);
    desk.post(&path, owner, flag).await.refused(400, "invalid");
    let wrong = format!("/api/chats/{id}/messages/x/flag");
    desk.post(&wrong, owner, json!({}))
        .await
        .refused(400, "invalid");

    let human = format!("/api/chats/{id}/human");
    desk.post(&human, owner, json!({}))
        .await
        .refused(403, "forbidden");
    let asked = desk.post(&human, &token, json!({})).await.expect(200);
    assert_eq!(asked["chat"]["state"], "waiting");
    let claim = json!({"epoch": asked["chat"]["epoch"]});
    let claimed = desk
        .post(&format!("/api/chats/{id}/claim"), owner, claim)
        .await;
    let epoch = claimed.expect(200)["chat"]["epoch"].clone();
    let path = format!("/api/chats/{id}/return");
    let back = desk.post(&path, owner, json!({"epoch": epoch}));
    assert_eq!(back.await.expect(200)["chat"]["state"], "assistant");

    let status = desk.get("/api/assistant/status", owner).await.expect(200);
    assert_eq!(status["knowledge"]["topics"], 13);
    assert_eq!(status["counts"]["answered"], 1);
    assert_eq!(status["counts"]["flagged"], 1);
    assert_eq!(status["counts"]["handed_off"]["customer_request"], 1);
    let metrics = desk.get("/metrics", "").await;
    let metrics = String::from_utf8(metrics.body).unwrap();
    for line in [
        "frontdesk_assistant_answered_total 1",
        "frontdesk_assistant_handoffs_total{reason=\"customer_request\"} 1",
        "frontdesk_assistant_stale_dropped_total 0",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn agents_are_helped_offline_and_told_what_wants_a_model() {
    let desk = desk().await;
    let owner = &desk.owner;
    let canned = json!({"code": "parcel", "scope": {"kind": "global"},
        "text": "I look where your parcel is, {{customer.first_name}}"});
    desk.post("/api/canned", owner, canned).await.expect(201);
    let (id, token) = chat(
        &desk,
        "I want to speak to a human, where is my parcel 12345?",
    )
    .await;
    let help = |kind: &str, text: Option<&str>| {
        let body = json!({"chat": id, "kind": kind, "text": text});
        desk.post("/api/assist", owner, body)
    };
    let found = help("suggest", None).await.expect(200);
    let sources: Vec<&str> = found["suggestions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["source"].as_str().unwrap())
        .collect();
    assert!(
        sources.contains(&"knowledge") && sources.contains(&"canned"),
        "{found}"
    );
    let passages = help("ask", Some("shipping to Norway")).await.expect(200);
    let cited = passages["suggestions"][0]["citations"][0]["id"].as_str();
    assert!(cited.unwrap().starts_with("kb:"), "{passages}");
    let summary = help("summarise", None).await.expect(200);
    let text = summary["text"].as_str().unwrap();
    assert!(
        text.contains("First: I want to speak") && text.contains("Named: 12345"),
        "{text}"
    );
    for kind in ["rewrite", "grammar", "translate"] {
        let refused = help(kind, Some("a text")).await;
        assert!(String::from_utf8_lossy(&refused.body).contains("no language model"));
        refused.refused(409, "conflict");
        help(kind, None).await.refused(400, "invalid");
    }
    let (_, elsewhere) = desk.staff("ana", "agent", &[]).await;
    let body = json!({"chat": id, "kind": "summarise"});
    desk.post("/api/assist", &elsewhere, body.clone())
        .await
        .refused(404, "not_found");
    desk.post("/api/assist", &token, body)
        .await
        .refused(403, "forbidden");
}
