//! Chats: the shapes of the contract, and the way of a chat through REST alone.

use serde_json::{Value, json};
use shared::id::CommandId;

use super::TestDesk;

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn a_chat_is_opened_answered_moved_and_closed() {
    let desk = TestDesk::start().await;
    desk.post("/api/departments", &desk.owner, json!({"name": "Sales"}))
        .await
        .expect(201);
    let (_, ana) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let open = json!({"name": "Kim", "email": "kim@example.org", "text": "hello", "cid": "open-0123456789abc"});
    let opened = desk.post("/api/chats", "", open).await.expect(201);
    assert_eq!(keys(&opened), ["chat", "token"]);
    assert_eq!(
        (&opened["chat"]["state"], &opened["chat"]["place"]),
        (&json!("waiting"), &json!(1))
    );
    let kim = opened["token"].as_str().unwrap();
    let chat = format!("/api/chats/{}", opened["chat"]["id"]);

    let queue = desk.get("/api/queue", &ana).await.expect(200);
    assert_eq!(queue["items"][0]["name"], "Kim");
    assert_eq!(desk.get("/api/admin/queue", &ana).await.expect(200), queue);
    let claim = json!({"epoch": opened["chat"]["epoch"]});
    let claimed = desk
        .post(&format!("{chat}/claim"), &ana, claim.clone())
        .await
        .expect(200);
    assert_eq!(claimed["chat"]["state"], "active");
    let late = desk
        .post(&format!("{chat}/claim"), &desk.owner, claim)
        .await;
    late.refused(409, "conflict");

    let messages = format!("{chat}/messages");
    let said = json!({"text": "what is it?", "cid": "said-0123456789abc"});
    let posted = desk.post(&messages, &ana, said.clone()).await.expect(201);
    assert_eq!(keys(&posted), ["chat", "dup", "pos", "seq"]);
    let again = desk.post(&messages, &ana, said).await.expect(201);
    assert_eq!(
        (&again["dup"], &again["seq"]),
        (&json!(true), &posted["seq"])
    );
    let note = json!({"text": "sounds angry"});
    desk.post(&format!("{chat}/notes"), &ana, note)
        .await
        .expect(201);
    let tags = json!({"add": ["printer"]});
    let tagged = desk
        .post(&format!("{chat}/tags"), &ana, tags)
        .await
        .expect(200);
    assert_eq!(tagged["chat"]["tags"], json!(["printer"]));

    let mine = desk
        .get("/api/chats?mine=1&state=active", &ana)
        .await
        .expect(200);
    assert_eq!(mine["items"].as_array().unwrap().len(), 1);
    assert_eq!(desk.get("/api/admin/active", &ana).await.expect(200), mine);
    let customer = &claimed["chat"]["customer"];
    let of_customer = format!("/api/chats?customer={customer}");
    let hers = desk.get(&of_customer, &ana).await.expect(200);
    assert_eq!(hers["items"], mine["items"]);
    let nobody = desk.get("/api/chats?customer=9999", &ana).await;
    assert_eq!(nobody.expect(200)["items"], json!([]));
    let seen = desk.get(&messages, kim).await.expect(200);
    let texts: Vec<_> = seen["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["text"])
        .collect();
    assert!(texts.contains(&&json!("hello")) && texts.contains(&&json!("what is it?")));
    assert!(
        !texts.contains(&&json!("sounds angry")),
        "a note is for the staff"
    );
    assert_eq!(
        keys(&seen["items"][0]),
        ["actor", "at", "seq", "text", "visibility"]
    );

    let transfer =
        json!({"department": "Sales", "note": "wants to buy", "epoch": claimed["chat"]["epoch"]});
    let moved = desk
        .post(&format!("{chat}/transfer"), &ana, transfer)
        .await
        .expect(200);
    assert_eq!(
        (&moved["chat"]["state"], &moved["chat"]["email"]),
        (&json!("waiting"), &Value::Null)
    );
    desk.get(&chat, &ana).await.refused(404, "not_found");
    let hers = desk.get(&of_customer, &ana).await.expect(200);
    assert_eq!(hers["items"], json!([]), "out of sight");
    let resolved = desk
        .post(&format!("{chat}/resolve"), kim, json!({}))
        .await
        .expect(200);
    assert_eq!(resolved["chat"]["state"], "resolved");
    let rated = desk
        .post(&format!("{chat}/rating"), kim, json!({"score": 5}))
        .await
        .expect(200);
    assert_eq!(rated["chat"]["rating"]["score"], 5);
    let closed = desk
        .put(&format!("{chat}/close"), &desk.owner, json!({}))
        .await
        .expect(200);
    assert_eq!(closed["chat"]["state"], "closed");
    assert_eq!(
        desk.get(&chat, &desk.owner).await.expect(200)["chat"]["state"],
        "closed"
    );
}

#[tokio::test]
async fn opening_again_under_one_name_gives_the_same_chat_and_a_new_token() {
    let desk = TestDesk::start().await;
    let open = json!({"name": "Kim", "text": "hello", "cid": CommandId::random()});
    let first = desk.post("/api/chats", "", open.clone()).await.expect(201);
    let pos = desk.pos().await;
    let second = desk.post("/api/chats", "", open).await.expect(201);
    assert_eq!(
        (&first["chat"]["id"], pos),
        (&second["chat"]["id"], desk.pos().await)
    );
    assert_ne!(first["token"], second["token"]);
    let old = desk
        .get("/api/auth/me", first["token"].as_str().unwrap())
        .await;
    old.refused(401, "unauthenticated");
    desk.get("/api/auth/me", second["token"].as_str().unwrap())
        .await
        .expect(200);
}

#[tokio::test]
async fn messages_come_in_pages_in_both_directions() {
    let desk = TestDesk::start().await;
    let (chat, kim) = desk.chat(None).await;
    let path = format!("/api/chats/{chat}/messages");
    for number in 0..5 {
        let body = json!({"text": format!("line {number}"), "cid": CommandId::random()});
        desk.post(&path, &kim, body).await.expect(201);
    }
    let texts = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|item| item["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let whole = texts(&desk.get(&path, &kim).await.expect(200));
    for (direction, start) in [("after", "0"), ("before", "1000")] {
        let mut found: Vec<String> = Vec::new();
        let mut edge = Some(start.to_owned());
        while let Some(at) = edge {
            let page = desk
                .get(&format!("{path}?{direction}={at}&limit=2"), &kim)
                .await
                .expect(200);
            let items = texts(&page);
            assert!(items.len() <= 2);
            match direction {
                "after" => found.extend(items),
                _ => drop(found.splice(0..0, items)),
            }
            edge = page["next"].as_str().map(str::to_owned);
        }
        assert_eq!(found, whole, "{direction}");
    }
    desk.get(&format!("{path}?after=1&before=2"), &kim)
        .await
        .refused(400, "invalid");
}

#[tokio::test]
async fn a_transcript_is_the_whole_chat() {
    let desk = TestDesk::start().await;
    let (chat, kim) = desk.chat(None).await;
    let note = json!({"text": "*secret*"});
    desk.post(&format!("/api/chats/{chat}/notes"), &desk.owner, note)
        .await
        .expect(201);
    let path = format!("/api/chats/{chat}/transcript");
    let json = desk.get(&path, &kim).await.expect(200);
    assert_eq!(json["chat"]["id"], chat);
    let messages = desk
        .get(&format!("/api/chats/{chat}/messages"), &kim)
        .await
        .expect(200);
    assert_eq!(json["messages"], messages["items"]);
    let text = desk.get(&format!("{path}?format=text"), &kim).await;
    assert_eq!(
        text.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert!(text.text().contains("my printer burns") && !text.text().contains("secret"));
    let markdown = desk
        .get(&format!("{path}?format=markdown"), &desk.owner)
        .await;
    assert!(
        markdown.text().contains("> \\*secret\\*"),
        "{}",
        markdown.text()
    );
    desk.get(&format!("{path}?format=pdf"), &kim)
        .await
        .refused(400, "invalid");
}

#[tokio::test]
async fn a_chat_is_put_aside_and_taken_up_again() {
    let desk = TestDesk::start().await;
    let (_, ana) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let (id, kim) = desk.chat(None).await;
    let chat = format!("/api/chats/{id}");
    let path = |verb: &str| format!("{chat}/{verb}");
    let early = desk.post(&path("hold"), &ana, json!({})).await;
    early.refused(403, "forbidden");
    let early = desk.post(&path("hold"), &desk.owner, json!({})).await;
    early.refused(409, "conflict");
    desk.post(&path("claim"), &ana, json!({"epoch": 1}))
        .await
        .expect(200);

    let held = desk.post(&path("hold"), &ana, json!({})).await.expect(200);
    assert_eq!(held["chat"]["state"], "hold");
    assert!(held["chat"]["until"].is_string());
    let until = json!({"until": "2000-01-01T00:00:00Z"});
    let past = desk.post(&path("snooze"), &ana, until).await;
    past.refused(400, "invalid");
    let until = desk.app.hub.now().after(std::time::Duration::from_secs(60));
    let body = json!({"until": until, "cid": "snooze-0123456789"});
    let snoozed = desk.post(&path("snooze"), &ana, body).await.expect(200);
    assert_eq!(
        (&snoozed["chat"]["state"], &snoozed["chat"]["until"]),
        (&json!("snoozed"), &json!(until))
    );
    let listed = desk
        .get("/api/chats?mine=1&state=snoozed", &ana)
        .await
        .expect(200);
    assert_eq!(listed["items"][0]["id"], id);
    let customer = desk.post(&path("wake"), &kim, json!({})).await;
    customer.refused(403, "forbidden");
    // No program of Ana is connected, so that the chat waits for somebody who is there.
    let woken = desk.post(&path("wake"), &ana, json!({})).await.expect(200);
    assert_eq!(
        (&woken["chat"]["state"], woken["chat"].get("until")),
        (&json!("waiting"), None)
    );
}

#[tokio::test]
async fn the_owner_calls_a_chat_unread() {
    let desk = TestDesk::start().await;
    let (_, ana) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let (id, kim) = desk.chat(None).await;
    let chat = format!("/api/chats/{id}");
    let unread = format!("{chat}/unread");
    let other = desk.post(&unread, &ana, json!({"seq": 2})).await;
    other.refused(409, "not_member");
    let claim = json!({"epoch": 1});
    desk.post(&format!("{chat}/claim"), &ana, claim)
        .await
        .expect(200);
    let marked = desk
        .post(&unread, &ana, json!({"seq": 2}))
        .await
        .expect(200);
    assert_eq!(
        (
            &marked["chat"]["unread_from"],
            &marked["chat"]["read_by_owner"]
        ),
        (&json!(2), &json!(0))
    );
    let seen = desk.get(&chat, &kim).await.expect(200);
    assert_eq!(seen["chat"].get("unread_from"), None);
    let plan = format!("{unread}?dry_run=1");
    let plan = desk.post(&plan, &ana, json!({"seq": 3})).await.expect(200);
    assert_eq!(plan["events"][0]["event"]["type"], "unread_marked");
    let beyond = desk.post(&unread, &ana, json!({"seq": 999})).await;
    beyond.refused(400, "invalid");
}
