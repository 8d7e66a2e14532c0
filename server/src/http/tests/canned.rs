//! Canned replies over HTTP: the shapes of the contract, its filters, and their use in a message.

use serde_json::{Value, json};
use shared::id::CommandId;

use super::TestDesk;

fn codes(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|one| one["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn canned_replies_are_made_changed_and_deleted() {
    let desk = TestDesk::start().await;
    let owner = &desk.owner;
    let new = json!({"code": "Hello", "scope": {"kind": "global"},
        "text": "hi {{customer.first_name|default:\"there\"}}", "variants": {"pt-br": "oi"}});
    let plan = desk
        .post("/api/canned?dry_run=1", owner, new.clone())
        .await
        .expect(200);
    assert_eq!(plan["events"][0]["event"]["type"], "canned_created");
    let made = desk
        .post("/api/canned", owner, new.clone())
        .await
        .expect(201);
    let rev = made["rev"].clone();
    let expected = json!({"id": 1, "code": "hello", "scope": {"kind": "global"},
        "text": "hi {{customer.first_name|default:\"there\"}}", "variants": {"pt-BR": "oi"},
        "uses": 0, "rev": rev});
    assert_eq!(made, expected);
    desk.post("/api/canned", owner, new)
        .await
        .refused(409, "conflict");
    let wrong = json!({"code": "x", "scope": {"kind": "global"}, "text": "{{customer.shoe}}"});
    let told = desk.post("/api/canned", owner, wrong).await;
    let told = told.refused(400, "invalid");
    assert!(told.contains("{{customer.shoe}}"), "{told}");
    let nowhere = json!({"code": "x", "scope": {"kind": "galaxy"}, "text": "hi"});
    let told = desk.post("/api/canned", owner, nowhere).await;
    told.refused(400, "invalid");

    let path = "/api/canned/1";
    let change = || Some(json!({"text": "good day"}));
    let stale = [("If-Match", "1")];
    desk.send("PUT", path, owner, &stale, change())
        .await
        .refused(409, "conflict");
    let rev = rev.to_string();
    let changed = desk
        .send("PUT", path, owner, &[("If-Match", &rev)], change())
        .await
        .expect(200);
    assert_eq!(
        (&changed["text"], &changed["variants"]["pt-BR"]),
        (&json!("good day"), &json!("oi"))
    );
    assert_eq!(desk.get(path, owner).await.expect(200), changed);
    let deleted = desk.send("DELETE", path, owner, &[], None).await;
    assert_eq!(deleted.status, 204);
    desk.get(path, owner).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_list_shows_what_is_in_sight_and_was_asked_for() {
    let desk = TestDesk::start().await;
    let owner = &desk.owner;
    for name in ["Sales", "Billing"] {
        desk.post("/api/departments", owner, json!({"name": name}))
            .await
            .expect(201);
    }
    let (ana, token) = desk.staff("ana", "agent", &["Sales"]).await;
    let (_, customer) = desk.chat(None).await;
    let make = async |by: &str, code: &str, scope: Value| {
        let new = json!({"code": code, "scope": scope, "text": format!("About {code}")});
        desk.post("/api/canned", by, new).await
    };
    let department = |id: u64| json!({"kind": "department", "department": id});
    make(owner, "all", json!({"kind": "global"}))
        .await
        .expect(201);
    make(owner, "sales", department(2)).await.expect(201);
    make(owner, "billing", department(3)).await.expect(201);
    let own = json!({"kind": "personal", "user": ana});
    make(&token, "own", own.clone()).await.expect(201);
    for scope in [json!({"kind": "global"}), department(2), department(3)] {
        make(&token, "no", scope).await.refused(403, "forbidden");
    }
    make(owner, "no", own).await.refused(403, "forbidden");

    for (who, query, expected) in [
        (&token, "", ["all", "sales", "own"].as_slice()),
        (owner, "", &["all", "sales", "billing", "own"]),
        (owner, "?scope=department", &["sales", "billing"]),
        (owner, "?department=3", &["billing"]),
        (&token, "?department=3", &[]),
        (owner, "?q=ABOUT+al", &["all"]),
        (owner, "?q=sal", &["sales"]),
        (owner, "?limit=1&after=2", &["billing"]),
    ] {
        let list = desk.get(&format!("/api/canned{query}"), who).await;
        assert_eq!(codes(&list.expect(200)), expected, "{query}");
    }
    desk.get("/api/canned?scope=galaxy", owner)
        .await
        .refused(400, "invalid");
    desk.get("/api/canned/3", &token)
        .await
        .refused(404, "not_found");
    desk.get("/api/canned", &customer)
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn a_use_is_counted_once_however_often_it_is_sent() {
    let desk = TestDesk::start().await;
    let owner = &desk.owner;
    let new = json!({"code": "hi", "scope": {"kind": "global"}, "text": "hi"});
    desk.post("/api/canned", owner, new).await.expect(201);
    let (chat, customer) = desk.chat(None).await;
    let claim = format!("/api/chats/{chat}/claim");
    desk.post(&claim, owner, json!({"epoch": 1}))
        .await
        .expect(200);
    let path = format!("/api/chats/{chat}/messages");
    let say = |canned: Value| json!({"text": "hi", "cid": CommandId::random(), "canned": canned});
    let body = say(json!([1, 1]));
    let first = desk.post(&path, owner, body.clone()).await.expect(201);
    let again = desk.post(&path, owner, body).await.expect(201);
    assert_eq!(
        (&first["dup"], &again["dup"]),
        (&json!(false), &json!(true))
    );
    // The answer to a repeat names the same message, which is not the record of the use.
    assert_eq!(
        (&first["seq"], &first["pos"]),
        (&again["seq"], &again["pos"])
    );
    let used = desk.get("/api/canned/1", owner).await.expect(200);
    assert_eq!(used["uses"], 1);
    desk.post(&path, owner, say(json!([9])))
        .await
        .refused(400, "invalid");
    desk.post(&path, &customer, say(json!([1])))
        .await
        .refused(400, "invalid");
    let read = desk.get(&path, &customer).await.expect(200);
    assert!(!read.to_string().contains("canned"), "{read}");
    let tail = desk.get("/api/events", &customer).await;
    assert!(!tail.text().contains("canned"), "{}", tail.text());
}
