//! The desk as code over HTTP: export, diff, apply, and the codes of those who come with it.

use serde_json::{Value, json};
use shared::desk::DOCUMENT_BYTES_MAX;

use super::TestDesk;

/// The members of a list by one of their fields.
fn names<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    let items = list.as_array().unwrap().iter();
    items.map(|one| one[field].as_str().unwrap()).collect()
}

fn returns() -> Value {
    json!({
        "format": 1,
        "department": [{"name": "Returns", "capacity": 2}],
        "user": [
            {"username": "kim", "name": "Kim", "role": "agent", "departments": ["returns"]},
            {"username": "lee", "name": "Lee", "role": "agent", "active": false},
        ],
        "canned": [{"code": "hello", "scope": "personal", "user": "kim", "text": "hi"}],
    })
}

#[tokio::test]
async fn a_document_is_compared_applied_once_and_exported() {
    let desk = TestDesk::start().await;
    let owner = &desk.owner;
    let before = desk.get("/api/export", owner).await.expect(200);
    assert_eq!(before["format"], 1);
    assert_eq!(names(&before["department"], "name"), ["Customer Care"]);
    assert_eq!(before["canned"], json!([]));

    let pos = desk.pos().await;
    let diff = desk.post("/api/diff", owner, returns()).await.expect(200);
    assert_eq!(diff["problems"], json!([]));
    assert_eq!(diff["totals"]["created"], 4);
    let dry = desk.post("/api/apply?dry_run=1", owner, returns()).await;
    let dry = dry.expect(200);
    assert_eq!(
        (&dry["dry_run"], &dry["changes"]),
        (&json!(true), &diff["changes"])
    );
    assert_eq!(desk.pos().await, pos, "nothing was done yet");

    let expect = diff["expect"].as_str().unwrap();
    let path = format!("/api/apply?expect={expect}");
    let applied = desk.post(&path, owner, returns()).await.expect(200);
    assert_eq!(applied["changes"], diff["changes"]);
    assert_eq!(names(&applied["codes"], "username"), ["kim"]);
    let head = pos + 1;
    let tail = desk
        .app
        .hub
        .store()
        .read(crate::hub::PART, shared::id::Pos(pos), 1);
    let first = tail.await.unwrap()[0].record().unwrap();
    assert_eq!((first.pos.0, first.event.kind()), (head, "desk_applied"));

    let pos = desk.pos().await;
    let again = desk.post("/api/apply", owner, returns()).await.expect(200);
    assert_eq!(again["totals"]["unchanged"], 4);
    assert_eq!((desk.pos().await, &again["codes"]), (pos, &json!([])));
    let moved = desk.post(&path, owner, returns()).await;
    moved.refused(409, "conflict");

    let export = desk.get("/api/export", owner).await.expect(200);
    let again = desk.post("/api/apply", owner, export).await.expect(200);
    assert_eq!(again["totals"]["unchanged"], 8, "{again}");
    assert_eq!(desk.pos().await, pos);
    let code = &applied["codes"][0]["code"];
    let accept = json!({"code": code, "password": "ochre velvet lantern 42"});
    let came = desk.post("/api/invitations/accept", "", accept).await;
    assert_eq!(came.expect(201)["user"]["username"], "kim");
}

#[tokio::test]
async fn a_code_of_an_apply_is_good_for_its_user() {
    let desk = TestDesk::start().await;
    let owner = &desk.owner;
    let key = [("Idempotency-Key", "0123456789abcdef-apply")];
    let send = async || {
        let reply = desk.send("POST", "/api/apply", owner, &key, Some(returns()));
        reply.await.expect(200)
    };
    let first = send().await;
    let pos = desk.pos().await;
    let second = send().await;
    assert_eq!(desk.pos().await, pos, "a repeat does nothing");
    assert_eq!(
        (&first["dup"], &second["dup"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(second["totals"]["created"], 4);
    assert_eq!(names(&second["codes"], "username"), ["kim"]);
    let accept = |answer: &Value| json!({"code": answer["codes"][0]["code"], "password": "ochre velvet lantern 42"});
    let old = desk
        .post("/api/invitations/accept", "", accept(&first))
        .await;
    old.refused(401, "unauthenticated");
    let came = desk
        .post("/api/invitations/accept", "", accept(&second))
        .await;
    let came = came.expect(201);
    assert_eq!(came["user"]["username"], "kim");
    // What they are comes from the document, and their personal reply waits for them.
    let token = came["access_token"].as_str().unwrap();
    let canned = desk.get("/api/canned", token).await.expect(200);
    assert_eq!(names(&canned["items"], "code"), ["hello"]);

    // Disabled by a document, they are out at once.
    let mut document = returns();
    document["user"][0]["active"] = json!(false);
    desk.post("/api/apply", owner, document).await.expect(200);
    desk.get("/api/auth/me", token)
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn what_cannot_be_applied_is_told_and_not_done() {
    let desk = TestDesk::start().await;
    let owner = &desk.owner;
    let register = json!({"username": "kim", "name": "Kim", "password": "ochre velvet lantern 42"});
    desk.post("/api/auth/register", "", register)
        .await
        .expect(201);
    let pos = desk.pos().await;
    let mut document = returns();
    document["canned"][0]["text"] = json!("{{customer.shoe}}");
    let diff = desk
        .post("/api/diff", owner, document.clone())
        .await
        .expect(200);
    assert_eq!(names(&diff["problems"], "name"), ["kim", "hello of @kim"]);
    for path in ["/api/apply", "/api/apply?dry_run=1"] {
        let told = desk
            .post(path, owner, document.clone())
            .await
            .refused(400, "invalid");
        assert!(told.contains("has the name of a customer"), "{told}");
    }
    for (change, expected) in [
        (json!({"format": 2}), "format is 2"),
        (json!({"format": 1, "macro": []}), "unknown field `macro`"),
        (
            json!({"format": 1, "department": [{"name": "A", "colour": 1}]}),
            "unknown field `colour`",
        ),
        (json!({}), "missing field `format`"),
    ] {
        for path in ["/api/apply", "/api/diff"] {
            let told = desk.post(path, owner, change.clone()).await;
            let told = told.refused(400, "invalid");
            assert!(told.contains(expected), "{told}");
        }
    }
    let empty = json!({"format": 1});
    let told = desk
        .post("/api/diff?prune=macros", owner, empty.clone())
        .await;
    let told = told.refused(400, "invalid");
    assert!(told.contains("there is no kind \"macros\""), "{told}");
    let none = desk.post("/api/apply?prune=user", owner, empty).await;
    none.refused(400, "invalid");
    assert_eq!(desk.pos().await, pos, "all or nothing");
}

#[tokio::test]
async fn a_document_may_be_larger_than_other_bodies_and_not_larger_than_its_limit() {
    let desk = TestDesk::start().await;
    let owner = &desk.owner;
    let text = "hello ".repeat(1_000);
    let reply = |n: usize| json!({"code": format!("code-{n}"), "scope": "global", "text": text});
    let of = |count: usize| {
        let all: Vec<Value> = (0..count).map(reply).collect();
        json!({"format": 1, "canned": all})
    };
    let applied = desk.post("/api/apply", owner, of(100)).await.expect(200);
    assert_eq!(applied["totals"]["created"], 100);
    // What is announced as too large is not even read.
    let request = format!(
        "POST /api/diff HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\
         Authorization: Bearer {owner}\r\nContent-Length: {}\r\n\r\n",
        DOCUMENT_BYTES_MAX + 1
    );
    desk.raw(&request).await.refused(413, "too_large");
}

#[tokio::test]
async fn only_those_who_run_the_desk_apply_documents() {
    let desk = TestDesk::start().await;
    let (_, auditor) = desk.staff("audra", "auditor", &[]).await;
    let (_, admin) = desk.staff("adam", "admin", &[]).await;
    let export = desk.get("/api/export", &auditor).await.expect(200);
    for path in ["/api/diff", "/api/apply", "/api/apply?dry_run=1"] {
        let reply = desk.post(path, &auditor, export.clone()).await;
        reply.refused(403, "forbidden");
        let same = desk.post(path, &admin, export.clone()).await.expect(200);
        assert_eq!(same["totals"]["unchanged"], 6, "{same}");
    }
}
