//! Departments, users, sessions and tokens: the shapes of the contract and what binds them.

use serde_json::{Value, json};

use super::{PASSWORD, TestDesk};

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn signing_in_has_the_shape_of_the_contract() {
    let desk = TestDesk::start().await;
    let body = json!({"username": "olga", "password": PASSWORD});
    let tokens = desk.post("/api/auth/login", "", body).await.expect(200);
    assert_eq!(
        keys(&tokens),
        ["access_token", "expires_at", "refresh_token", "user"]
    );
    let body = json!({"refresh_token": tokens["refresh_token"]});
    let renewed = desk
        .post("/api/auth/refresh", "", body.clone())
        .await
        .expect(200);
    assert_ne!(renewed["access_token"], tokens["access_token"]);
    let token = renewed["access_token"].as_str().unwrap();
    let me = desk.get("/api/auth/me", token).await.expect(200);
    assert_eq!(
        (&me["user"]["username"], &me["token"]),
        (&json!("olga"), &json!("session"))
    );
    let sessions = desk.get("/api/auth/sessions", token).await.expect(200);
    assert_eq!(sessions["items"].as_array().unwrap().len(), 2);
    assert_eq!(sessions["next"], Value::Null);

    let script = desk
        .post("/api/tokens", token, json!({"name": "cron"}))
        .await
        .expect(201);
    let listed = desk
        .get("/api/tokens", script["token"].as_str().unwrap())
        .await;
    assert!([200, 403].contains(&listed.status));
    let path = format!("/api/tokens/{}", script["id"].as_str().unwrap());
    assert_eq!(
        desk.send("DELETE", &path, token, &[], None).await.status,
        204
    );
    let dead = desk
        .get("/api/auth/me", script["token"].as_str().unwrap())
        .await;
    dead.refused(401, "unauthenticated");

    desk.post("/api/auth/logout", token, json!({"all": true}))
        .await
        .refused(400, "invalid");
    let out = desk.post("/api/auth/logout", token, json!({})).await;
    assert_eq!(out.status, 204);
    desk.get("/api/auth/me", token)
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn departments_are_made_changed_and_deleted() {
    let desk = TestDesk::start().await;
    let owner = &desk.owner;
    let new = json!({"name": "Technical Support", "description": "broken things"});
    let made = desk
        .post("/api/departments", owner, new.clone())
        .await
        .expect(201);
    assert_eq!(
        keys(&made),
        [
            "active",
            "capacity",
            "default",
            "description",
            "form",
            "id",
            "name",
            "rev"
        ]
    );
    desk.post("/api/departments", owner, new)
        .await
        .refused(409, "conflict");
    let path = format!("/api/departments/{}", made["id"]);
    let rev = made["rev"].to_string();
    let change = || Some(json!({"description": "other things"}));
    let stale = desk
        .send("PUT", &path, owner, &[("If-Match", "1")], change())
        .await;
    stale.refused(409, "conflict");
    let changed = desk
        .send("PUT", &path, owner, &[("If-Match", &rev)], change())
        .await
        .expect(200);
    assert_eq!(changed["description"], "other things");
    let again = desk
        .send("PUT", &path, owner, &[("If-Match", &rev)], change())
        .await;
    again.refused(409, "conflict");
    let wrong = desk
        .send("PUT", &path, owner, &[("If-Match", "x")], change())
        .await;
    wrong.refused(400, "invalid");

    let active = desk.get("/api/departments/active", "").await.expect(200);
    let names: Vec<_> = active["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["name"])
        .collect();
    assert_eq!(names, ["Customer Care", "Technical Support"]);
    assert_eq!(desk.get(&path, owner).await.expect(200), changed);
    let first = desk
        .get("/api/departments?limit=1", owner)
        .await
        .expect(200);
    let next = first["next"].as_str().unwrap();
    let path_after = format!("/api/departments?limit=1&after={next}");
    let second = desk.get(&path_after, owner).await.expect(200);
    assert_eq!(
        (&second["items"][0]["id"], &second["next"]),
        (&made["id"], &Value::Null)
    );
    assert_eq!(
        desk.send("DELETE", &path, owner, &[], None).await.status,
        204
    );
    desk.get(&path, owner).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let desk = TestDesk::start().await;
    let before = desk.pos().await;
    let new = json!({"name": "Sales"});
    let path = "/api/departments?dry_run=1";
    let plan = desk.post(path, &desk.owner, new).await.expect(200);
    assert_eq!(plan["dry_run"], true);
    assert_eq!(plan["events"][0]["event"]["type"], "department_created");
    let user = json!({"username": "ana", "name": "Ana", "role": "agent", "departments": ["customer care"]});
    let plan = desk
        .post("/api/users?dry_run=1", &desk.owner, user)
        .await
        .expect(200);
    assert_eq!(plan["events"][0]["event"]["type"], "user_created");
    let chat = json!({"name": "Kim", "cid": "0123456789abcdef"});
    let plan = desk
        .post("/api/chats?dry_run=1", "", chat)
        .await
        .expect(200);
    assert_eq!(plan["events"][0]["event"]["type"], "chat_opened");
    let refused = desk
        .post(path, &desk.owner, json!({"name": "Customer Care"}))
        .await;
    refused.refused(409, "conflict");
    assert_eq!(desk.pos().await, before);
}

#[tokio::test]
async fn a_name_for_a_command_makes_a_retry_harmless() {
    let desk = TestDesk::start().await;
    let key = [("Idempotency-Key", "0123456789abcdef-once")];
    let body = || Some(json!({"name": "Sales"}));
    let path = "/api/departments";
    let first = desk
        .send("POST", path, &desk.owner, &key, body())
        .await
        .expect(201);
    let pos = desk.pos().await;
    let second = desk
        .send("POST", path, &desk.owner, &key, body())
        .await
        .expect(201);
    assert_eq!((first, desk.pos().await), (second, pos));
    let other = Some(json!({"name": "Billing"}));
    let reply = desk.send("POST", path, &desk.owner, &key, other).await;
    reply.refused(409, "cid_conflict");
}

#[tokio::test]
async fn users_are_listed_set_online_and_disabled() {
    let desk = TestDesk::start().await;
    let owner = &desk.owner;
    let (ana, token) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let (_, _) = desk.staff("sue", "supervisor", &["Customer Care"]).await;
    let path = format!("/api/users/{ana}/status");
    let set = json!({"status": "online"});
    assert_eq!(
        desk.put(&path, &token, set).await.expect(200),
        json!({"status": "online"})
    );
    assert_eq!(
        desk.get(&path, owner).await.expect(200),
        json!({"status": "online"})
    );
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|user| user["username"].as_str().unwrap().to_owned())
            .collect()
    };
    for (query, expected) in [
        ("", vec!["olga", "ana", "sue"]),
        ("?role=agent", vec!["ana"]),
        ("?status=online", vec!["ana"]),
        ("?department=customer+care&role=supervisor", vec!["sue"]),
        ("?department=1&status=offline", vec!["olga", "sue"]),
    ] {
        let list = desk
            .get(&format!("/api/users{query}"), owner)
            .await
            .expect(200);
        assert_eq!(names(&list), expected, "{query}");
    }
    let lost = desk.get("/api/users?department=nowhere", owner).await;
    lost.refused(404, "not_found");
    // Nobody has a program connected, so nobody can be given a chat.
    let list = desk
        .get("/api/users/agents/available", owner)
        .await
        .expect(200);
    assert_eq!(names(&list), Vec::<String>::new());

    let user = format!("/api/users/{ana}");
    let changed = desk
        .put(&user, owner, json!({"active": false}))
        .await
        .expect(200);
    assert_eq!(changed["active"], false);
    desk.get("/api/auth/me", &token)
        .await
        .refused(401, "unauthenticated");
    assert_eq!(
        desk.send("DELETE", &user, owner, &[], None).await.status,
        204
    );
    desk.get(&user, owner).await.refused(404, "not_found");
}

#[tokio::test]
async fn working_time_is_read_by_oneself_and_above() {
    let desk = TestDesk::start().await;
    let (ana, token) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let (_, ben) = desk.staff("ben", "agent", &["Customer Care"]).await;
    let (_, sue) = desk.staff("sue", "supervisor", &["Customer Care"]).await;
    let away = json!({"status": "away", "reason": "lunch"});
    desk.put(&format!("/api/users/{ana}/status"), &token, away)
        .await
        .expect(200);
    let path = format!("/api/users/{ana}/hours");
    let own = desk.get(&path, &token).await.expect(200);
    assert_eq!(keys(&own), ["items", "next"]);
    let items = own["items"].as_array().unwrap();
    let last = items.last().unwrap();
    assert_eq!(keys(last), ["from", "reachable", "reason", "status", "to"]);
    assert_eq!(
        (
            &last["to"],
            &last["status"],
            &last["reason"],
            &last["reachable"]
        ),
        (&Value::Null, &json!("away"), &json!("lunch"), &json!(false))
    );
    for above in [&sue, &desk.owner] {
        assert_eq!(desk.get(&path, above).await.expect(200), own);
    }
    desk.get(&path, &ben).await.refused(403, "forbidden");
    let from = last["from"].as_str().unwrap();
    let late = desk
        .get(&format!("{path}?from={from}"), &token)
        .await
        .expect(200);
    assert_eq!(late["items"], json!([last]));
    for wrong in ["2999-01-01T00:00:00Z", "yesterday"] {
        let wrong = desk.get(&format!("{path}?from={wrong}"), &token).await;
        wrong.refused(400, "invalid");
    }
    let nobody = desk.get("/api/users/99/hours", &desk.owner).await;
    nobody.refused(404, "not_found");
}
