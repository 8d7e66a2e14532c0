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

/// What is not in the log is checked and told in words.
#[tokio::test]
async fn a_dry_run_of_secrets_and_sessions_changes_none() {
    let desk = TestDesk::start().await;
    let owner = &desk.owner;
    let (ana, token) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let before = desk.pos().await;
    let effect = async |method: &str, path: &str, body: Option<Value>| {
        let path = format!("{path}?dry_run=1");
        let plan = desk.send(method, &path, owner, &[], body).await.expect(200);
        assert_eq!(
            (&plan["dry_run"], &plan["events"]),
            (&json!(true), &json!([]))
        );
        plan["effects"][0].as_str().unwrap().to_owned()
    };
    let new = || Some(json!({"name": "cron", "days": 30}));
    let told = effect("POST", "/api/tokens", new()).await;
    assert!(
        told.starts_with("makes the token \"cron\", which ends at "),
        "{told}"
    );
    let tokens = desk.get("/api/tokens", owner).await.expect(200);
    assert_eq!(tokens["items"], json!([]));
    let real = desk
        .send("POST", "/api/tokens", owner, &[], new())
        .await
        .expect(201);
    let path = format!("/api/tokens/{}", real["id"].as_str().unwrap());
    effect("DELETE", &path, None).await;
    let tokens = desk.get("/api/tokens", owner).await.expect(200);
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1);
    desk.send("DELETE", "/api/tokens/none?dry_run=1", owner, &[], None)
        .await
        .refused(404, "not_found");
    let long = json!({"name": "cron", "days": 3000});
    desk.post("/api/tokens?dry_run=1", owner, long)
        .await
        .refused(400, "invalid");

    let sessions = desk.get("/api/auth/sessions", owner).await.expect(200);
    let id = sessions["items"][0]["id"].as_str().unwrap().to_owned();
    effect("DELETE", &format!("/api/auth/sessions/{id}"), None).await;
    let told = effect("DELETE", "/api/auth/sessions", None).await;
    assert_eq!(
        told,
        "ends 1 sessions, also this one, and 1 tokens for scripts"
    );
    effect("POST", "/api/auth/logout", None).await;
    let change = json!({"old": PASSWORD, "new": "marble otter lighthouse"});
    effect("POST", "/api/auth/password", Some(change)).await;
    let wrong = json!({"old": "wrong", "new": "marble otter lighthouse"});
    desk.post("/api/auth/password?dry_run=1", owner, wrong)
        .await
        .refused(403, "forbidden");
    let told = effect("POST", &format!("/api/users/{ana}/password"), None).await;
    assert_eq!(
        told,
        "makes a code for a new password of ana and ends their sessions"
    );
    desk.get("/api/auth/me", &token).await.expect(200);
    desk.get("/api/auth/me", owner).await.expect(200);
    let body = json!({"username": "olga", "password": PASSWORD});
    desk.post("/api/auth/login", "", body).await.expect(200);

    let bea = json!({"username": "bea", "name": "Bea", "role": "agent"});
    let made = desk.post("/api/users", owner, bea).await.expect(201);
    let accept = json!({"code": made["invitation"]["code"], "password": PASSWORD});
    let path = "/api/invitations/accept?dry_run=1";
    let plan = desk.post(path, "", accept.clone()).await.expect(200);
    assert_eq!(
        plan["effects"][0],
        "sets the password of bea and signs them in"
    );
    let dead = json!({"code": "fdi_0", "password": PASSWORD});
    desk.post(path, "", dead)
        .await
        .refused(401, "unauthenticated");
    let accepted = desk.post("/api/invitations/accept", "", accept).await;
    accepted.expect(201);
    assert!(desk.pos().await > before, "the real ones");
}

#[tokio::test]
async fn a_code_for_a_new_password_is_made_by_those_above() {
    let desk = TestDesk::start().await;
    let (ana, token) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let path = format!("/api/users/{ana}/password");
    desk.post(&path, &token, json!({}))
        .await
        .refused(403, "forbidden");
    let made = desk.post(&path, &desk.owner, json!({})).await.expect(201);
    assert_eq!(keys(&made), ["code", "expires_at", "id", "username"]);
    desk.get("/api/auth/me", &token)
        .await
        .refused(401, "unauthenticated");
    let accept = json!({"code": made["code"], "password": "marble otter lighthouse"});
    desk.post("/api/invitations/accept", "", accept)
        .await
        .expect(201);
    let login = |password: &str| json!({"username": "ana", "password": password});
    desk.post("/api/auth/login", "", login(PASSWORD))
        .await
        .refused(401, "unauthenticated");
    desk.post("/api/auth/login", "", login("marble otter lighthouse"))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_refusal_names_what_one_may_not_do_in_words() {
    let desk = TestDesk::start().await;
    let (_, ana) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let new = json!({"name": "Sales"});
    let message = desk
        .post("/api/departments", &ana, new)
        .await
        .refused(403, "forbidden");
    assert_eq!(
        message,
        "you may not make a department; ask someone whose role allows it"
    );
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
