//! The knowledge base through the routes: listed, looked through, tried, and added to by drafts.

use std::fs;

use serde_json::{Value, json};
use shared::id::CommandId;

use super::TestDesk;
use crate::{http::fixture::in_time, store::Store};

const RETURNS: &str = "---
title: Sending back
policy: answer
questions:
  - how do I send something back
  - can I return my order
  - I want to return a lamp
  - how long can I give things back
  - where is the return label
answer: Print a label and bring the parcel to the post.
---
You have thirty days.
";
const REFUNDS: &str = "---
title: Refunds
policy: escalate
questions:
  - you refunded too little
  - I want my money now
  - the refund is wrong
  - I dispute the charge
  - my refund never came
---
";

/// A desk whose assistant has read these files.
async fn desk(files: &[(&str, &str)]) -> TestDesk {
    let data = tempfile::tempdir().unwrap();
    fs::create_dir(data.path().join("kb")).unwrap();
    for (name, text) in files {
        fs::write(data.path().join("kb").join(name), text).unwrap();
    }
    let desk = TestDesk::on(Store::memory(), data).await;
    tokio::spawn(desk.app.assistant.clone().run(desk.app.stop.clone()));
    let read = async {
        while !desk
            .app
            .hub
            .ask(|desk| desk.assistant_ready())
            .await
            .unwrap()
        {}
    };
    in_time(read).await;
    desk
}

#[tokio::test]
async fn topics_are_listed_page_by_page() {
    let desk = desk(&[("returns.md", RETURNS)]).await;
    let all = desk.get("/api/kb", &desk.owner).await.expect(200);
    let topic = &all["items"][0];
    assert_eq!((&all["total"], &all["next"]), (&json!(1), &Value::Null));
    assert_eq!(
        (
            &topic["id"],
            &topic["policy"],
            &topic["questions"],
            &topic["file"]
        ),
        (
            &json!("returns"),
            &json!("answer"),
            &json!(5),
            &json!("returns.md")
        )
    );
    let desk = self::desk(&[
        ("returns.md", RETURNS),
        ("refunds.md", REFUNDS),
        ("z.md", "Text."),
    ])
    .await;
    let first = desk.get("/api/kb?limit=2", &desk.owner).await.expect(200);
    let ids = |page: &Value| {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), ["refunds", "returns"]);
    assert_eq!(
        (&first["next"], &first["total"]),
        (&json!("returns"), &json!(3))
    );
    let rest = desk
        .get("/api/kb?limit=2&after=returns", &desk.owner)
        .await
        .expect(200);
    assert_eq!(
        (ids(&rest), &rest["next"]),
        (vec!["z".to_owned()], &Value::Null)
    );
}

#[tokio::test]
async fn a_check_names_files_and_lines_and_is_for_those_who_read_settings() {
    let broken = RETURNS.replace("policy:", "polcy:");
    let desk = desk(&[("returns.md", &broken), ("refunds.md", REFUNDS)]).await;
    let check = desk.get("/api/kb/check", &desk.owner).await.expect(200);
    let finding = &check["findings"][0];
    assert_eq!(
        (
            &finding["severity"],
            &finding["file"],
            &finding["line"],
            &finding["message"]
        ),
        (
            &json!("error"),
            &json!("returns.md"),
            &json!(3),
            &json!("unknown key \"polcy\"; did you mean \"policy\"?")
        )
    );
    assert_eq!(
        (&check["topics"], &check["questions"]),
        (&json!(1), &json!(5))
    );
    let (_, agent) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let (_, auditor) = desk.staff("audra", "auditor", &[]).await;
    for path in ["/api/kb", "/api/kb/check", "/api/kb/suggest"] {
        desk.get(path, &auditor).await.expect(200);
        desk.get(path, &agent).await.refused(403, "forbidden");
    }
}

#[tokio::test]
async fn a_desk_without_a_knowledge_base_says_so() {
    let desk = TestDesk::start().await;
    let all = desk.get("/api/kb", &desk.owner).await.expect(200);
    assert_eq!(all, json!({"items": [], "next": null, "total": 0}));
    let check = desk.get("/api/kb/check", &desk.owner).await.expect(200);
    let told = check["findings"][0]["message"].as_str().unwrap();
    assert!(
        told.starts_with("the hub has no knowledge base; start it with --kb DIR"),
        "{told}"
    );
    let tried = desk.post(
        "/api/kb/test",
        &desk.owner,
        json!({"text": "where is my order now"}),
    );
    assert_eq!(tried.await.expect(200)["decision"], "person");
}

#[tokio::test]
async fn a_text_is_tried_as_the_assistant_would_take_it() {
    let desk = desk(&[("returns.md", RETURNS), ("refunds.md", REFUNDS)]).await;
    let tried = async |text: &str| {
        let tried = desk
            .post("/api/kb/test", &desk.owner, json!({"text": text}))
            .await;
        tried.expect(200)
    };
    let before = desk.pos().await;
    let answer = tried("how do I send something back").await;
    assert_eq!(
        (&answer["decision"], &answer["intent"]),
        (&json!("answer"), &json!("returns"))
    );
    let reply = answer["reply"].as_str().unwrap();
    assert!(
        reply.starts_with("Print a label and bring the parcel to the post."),
        "{reply}"
    );
    assert_eq!(answer["passages"][0]["id"], "kb:returns#1");
    let person = tried("you refunded too little").await;
    assert_eq!(
        (&person["decision"], &person["intent"]),
        (&json!("person"), &json!("refunds"))
    );
    assert_eq!(
        tried("I want to speak to a human").await["decision"],
        "person"
    );
    assert_eq!(tried("thank you").await["decision"], "courtesy");
    assert_eq!(tried("zebra").await["decision"], "ask_again");
    assert_eq!(desk.pos().await, before, "nothing is recorded");
    let long = json!({"text": "a".repeat(8 * 1024 + 1)});
    let reply = desk.post("/api/kb/test", &desk.owner, long).await;
    reply.refused(400, "invalid");
}

#[tokio::test]
async fn what_people_answered_is_drafted_and_masked() {
    let desk = desk(&[("returns.md", RETURNS)]).await;
    let (_, ana) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let mut chats = Vec::new();
    for text in [
        "do you repair lamp 48213 of kim@example.org",
        "do you repair a lamp",
    ] {
        let open = json!({"name": "Kim", "text": text, "cid": CommandId::random()});
        let opened = desk.post("/api/chats", "", open).await.expect(201);
        let path = format!("/api/chats/{}", opened["chat"]["id"]);
        let claim = json!({"epoch": opened["chat"]["epoch"]});
        desk.post(&format!("{path}/claim"), &ana, claim)
            .await
            .expect(200);
        let text = "Hello Kim, we repair every lamp, call 0800 123456.";
        let answer = json!({"text": text, "cid": CommandId::random()});
        desk.post(&format!("{path}/messages"), &ana, answer)
            .await
            .expect(201);
        chats.push(opened["chat"]["id"].clone());
    }
    let suggested = async || desk.get("/api/kb/suggest", &desk.owner).await.expect(200);
    assert_eq!(suggested().await["items"], json!([]), "the chats go on");
    for chat in &chats {
        let path = format!("/api/chats/{chat}/resolve");
        desk.post(&path, &ana, json!({})).await.expect(200);
    }
    let found = suggested().await;
    assert_eq!(
        (&found["chats"], &found["partial"]),
        (&json!(2), &json!(false))
    );
    let draft = &found["items"][0];
    assert_eq!(draft["chats"], json!([chats[1], chats[0]]));
    assert_eq!(draft["file"], "do-you-repair-a-lamp.md");
    let text = found.to_string();
    for raw in ["48213", "kim@example.org", "123456", "Kim"] {
        assert!(!text.contains(raw), "{raw} in {text}");
    }
    let markdown = draft["markdown"].as_str().unwrap();
    assert!(
        markdown.contains("Hello {{customer.name}}, we repair every lamp"),
        "{markdown}"
    );
}
