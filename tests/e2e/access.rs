//! Who may come in, and what for: tokens of every wrong kind, foreign chats, nobody at all.
//!
//! The holes of the systems before this one, S1, S10, S14 and S15, each as a test.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::id::CommandId;
use shared::model::Role;
use tests::site::Site;

use crate::bad_input::Faults;
use crate::raw::{Answer, call, exchange, send};

fn cid() -> CommandId {
    CommandId::random()
}

/// S15: every route of a chat, by a customer, an agent and a supervisor of elsewhere: the answer
/// is that of a chat that does not exist.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_chat_is_one_that_is_not_there() {
    let site = Site::start(&["Billing"]).await;
    let mut faults = Faults::of(&site);
    let hub = site.hub.address();
    let mine = site
        .guest("Cora", "Customer Care", "private")
        .await
        .unwrap();
    let other = site.guest("Bob", "Billing", "private").await.unwrap();
    let billing = site.staff("ben", Role::Agent, &["Billing"]).await;
    let lead = site.staff("sam", Role::Supervisor, &["Billing"]).await;
    let document = call(hub, None, "GET", "/api/openapi.json", b"")
        .await
        .json();
    let mut seen = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(rest) = path.strip_prefix("/api/chats/{id}") else {
            continue;
        };
        for method in methods
            .as_object()
            .unwrap()
            .keys()
            .map(|name| name.to_uppercase())
        {
            let body = match (method.as_str(), rest) {
                ("GET", _) => String::new(),
                (_, rest) => good_body(rest).to_string(),
            };
            for (who, token) in [
                ("customer", &other.token),
                ("agent", &billing.token),
                ("supervisor", &lead.token),
            ] {
                seen += 1;
                let rest = rest.replace("{attachment}", "1").replace("{seq}", "1");
                let at = |chat: u64| format!("/api/chats/{chat}{rest}");
                let foreign = at(mine.chat.0);
                let foreign = call(hub, Some(token), &method, &foreign, body.as_bytes()).await;
                let missing = call(hub, Some(token), &method, &at(4_711), body.as_bytes()).await;
                let what = format!("{method} {path} as {who}");
                // What a role may never do is refused before anybody looks for the chat.
                faults.check(&what, &foreign, &[403, 404], &[]).await;
                if matches!(
                    &*rest,
                    "" | "/messages" | "/notes" | "/transcript" | "/attachments/1"
                ) && who != "customer"
                    || matches!(&*rest, "" | "/messages" | "/rating" | "/transcript")
                        && who == "customer"
                {
                    faults.check(&what, &foreign, &[404], &[]).await;
                }
                let same = |answer: &Answer, chat: u64| {
                    let message = answer.message().replace(&chat.to_string(), "N");
                    (answer.status, answer.code(), message)
                };
                if same(&foreign, mine.chat.0) != same(&missing, 4_711) {
                    faults.found.push(format!(
                        "{what} tells that the chat exists: {} against {}",
                        foreign.body, missing.body
                    ));
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} calls were tried");
    for token in [&other.token, &billing.token, &lead.token] {
        for path in [
            "/api/chats",
            "/api/queue",
            "/api/events",
            "/api/admin/all-sessions",
        ] {
            let answer = call(hub, Some(token), "GET", path, b"").await;
            let leaks = answer.body.contains(&format!("\"chat\":{}", mine.chat))
                || answer
                    .body
                    .contains(&format!("\"id\":{},\"state\"", mine.chat));
            if leaks {
                faults
                    .found
                    .push(format!("GET {path} shows a foreign chat"));
            }
        }
    }
    faults.none(&site);
}

/// A body that would do something in a chat of one's own.
fn good_body(rest: &str) -> Value {
    match rest {
        "/messages" => json!({"text": "hello", "cid": cid()}),
        "/notes" => json!({"text": "hello"}),
        "/claim" => json!({"epoch": 1}),
        "/assign" => json!({"agent": "ben", "epoch": 1}),
        "/transfer" => json!({"department": "Billing", "epoch": 1}),
        "/unread" => json!({"seq": 1}),
        "/rating" => json!({"score": 1}),
        "/tags" => json!({"add": ["x"]}),
        "/return" => json!({"epoch": 1}),
        _ => json!({}),
    }
}

/// S10: a token of every wrong kind lets nobody in, and a good one only in its header.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_good_token_lets_in_and_only_in_its_header() {
    let site = Site::start(&[]).await;
    let elsewhere = Site::start(&[]).await;
    let mut faults = Faults::of(&site);
    let (hub, owner) = (site.hub.address(), site.owner.token.clone());
    let gone = site.staff("gus", Role::Agent, &["Customer Care"]).await;
    let out = call(hub, Some(&gone.token), "POST", "/api/auth/logout", b"").await;
    assert_eq!(out.status, 204, "{}", out.body);
    let fired = site.staff("finn", Role::Agent, &["Customer Care"]).await;
    let path = format!("/api/users/{}", fired.user.id);
    let fire = send(hub, Some(&owner), "PUT", &path, &json!({"active": false})).await;
    assert_eq!(fire.status, 200, "{}", fire.body);
    let open = json!({"name": "Cora", "cid": cid()});
    let first = send(hub, None, "POST", "/api/chats", &open).await.json();
    let again = send(hub, None, "POST", "/api/chats", &open).await;
    assert_eq!(
        again.json()["chat"]["id"],
        first["chat"]["id"],
        "{}",
        again.body
    );
    let revoked = first["token"].as_str().unwrap();
    let mut changed = owner.clone();
    let last = if changed.pop() == Some('A') { 'B' } else { 'A' };
    changed.push(last);
    let long = "x".repeat(8_000);
    let bad = [
        ("garbage", "garbage"),
        ("a changed", &changed),
        ("a cut", &owner[..owner.len() - 1]),
        ("another hub's", &elsewhere.owner.token),
        ("a refresh", &site.owner.refresh),
        ("a logged out", &gone.token),
        ("a disabled user's", &fired.token),
        ("a replaced customer's", revoked),
        ("a long", &long),
    ];
    for (what, token) in bad {
        for path in ["/api/auth/me", "/api/chats", "/api/events"] {
            let answer = call(hub, Some(token), "GET", path, b"").await;
            faults
                .check(&format!("{what} token at {path}"), &answer, &[401], &[])
                .await;
            if answer.body.contains(token) {
                faults.found.push(format!("{what} token is told back"));
            }
        }
    }
    for used in [&gone.refresh, &fired.refresh, &owner] {
        let body = json!({"refresh_token": used});
        let answer = send(hub, None, "POST", "/api/auth/refresh", &body).await;
        faults
            .check("a refresh with a bad token", &answer, &[401], &[])
            .await;
    }
    for header in [
        format!("authorization: Basic {owner}"),
        format!("authorization: {owner}"),
        "authorization: Bearer ".to_owned(),
        format!("authorization: Bearer {owner}\r\nauthorization: Bearer {owner}"),
        format!("cookie: token={owner}"),
        format!("x-access-token: {owner}"),
    ] {
        let request = format!(
            "GET /api/auth/me HTTP/1.1\r\nhost: desk\r\nconnection: close\r\n{header}\r\n\r\n"
        );
        let answer = exchange(hub, request.as_bytes()).await;
        faults.check(&header, &answer, &[401], &[]).await;
    }
    // In a URL it would stand in logs and histories.
    for (name, bearer) in [("token", Some(&*owner)), ("access_token", Some(&*owner))] {
        let path = format!("/api/auth/me?{name}={owner}");
        let answer = call(hub, bearer, "GET", &path, b"").await;
        faults
            .check("a token in the query", &answer, &[400], &[])
            .await;
        let answer = call(hub, None, "GET", &path, b"").await;
        faults
            .check("a token in the query only", &answer, &[400, 401], &[])
            .await;
        for path in ["/api/departments/active", "/ws"] {
            let answer = call(hub, None, "GET", &format!("{path}?{name}={owner}"), b"").await;
            faults
                .check(
                    &format!("a token in the query of {path}"),
                    &answer,
                    &[400],
                    &[],
                )
                .await;
        }
    }
    let said = format!(
        "{}{}",
        site.hub.process().stdout(),
        site.hub.process().stderr()
    );
    for secret in [&owner, &site.owner.refresh, &gone.token, &fired.token] {
        if said.contains(secret.as_str()) {
            faults.found.push("a token stands in the log".to_owned());
        }
    }
    faults.none(&site);
}

/// S1, S14: without a token every route that is served answers 401, but those of the list; and
/// the accounts that the systems before this one came with are none.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_nobody_may_do_what_the_list_says_and_no_more() {
    let site = Site::start(&[]).await;
    let mut faults = Faults::of(&site);
    let hub = site.hub.address();
    let open: BTreeSet<(&str, &str)> = [
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/docs"),
        ("GET", "/api/openapi.json"),
        ("GET", "/api/departments/active"),
        ("GET", "/api/desk"),
        // For loopback, where this test is.
        ("GET", "/metrics"),
        ("POST", "/api/setup"),
        ("POST", "/api/auth/login"),
        ("POST", "/api/auth/refresh"),
        ("POST", "/api/auth/register"),
        ("POST", "/api/invitations/accept"),
        ("POST", "/api/chats"),
    ]
    .into();
    let document = call(hub, None, "GET", "/api/openapi.json", b"")
        .await
        .json();
    let mut met = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods
            .as_object()
            .unwrap()
            .keys()
            .map(|name| name.to_uppercase())
        {
            if let Some(known) = open.iter().copied().find(|known| *known == (&method, path)) {
                met.insert(known);
                continue;
            }
            let expect: &[u16] = if path == "/ws" { &[400] } else { &[401] };
            let real = path
                .split('/')
                .map(|part| if part.starts_with('{') { "1" } else { part });
            let real = real.collect::<Vec<_>>().join("/");
            for body in ["", "{}", "not JSON"] {
                let answer = call(hub, None, &method, &real, body.as_bytes()).await;
                faults
                    .check(&format!("{method} {path}"), &answer, expect, &[])
                    .await;
            }
        }
    }
    assert_eq!(met, open, "open routes that the document does not name");

    for path in [
        "/",
        "/api",
        "/api/nothing",
        "/admin",
        "/api//chats",
        "/api/chats/1/nothing",
        "/.env",
        "/api/../etc/passwd",
        "/%2e%2e/etc",
        "/ws/client/1",
        "/ws/agent/1",
        "/ws/chat/1",
        "/ws/admin",
        "/api/user/1",
        "/api/session/1",
    ] {
        let answer = call(hub, None, "GET", path, b"").await;
        faults
            .check(&format!("GET {path}"), &answer, &[404], &[])
            .await;
        let json = answer.head.contains("content-type: application/json");
        if !json || answer.code() != "not_found" {
            faults
                .found
                .push(format!("GET {path} answers {}", answer.body));
        }
    }
    for (method, path) in [
        ("PATCH", "/api/chats"),
        ("DELETE", "/livez"),
        ("GET", "/api/auth/login"),
        ("TRACE", "/api/chats"),
        ("OPTIONS", "/api/chats"),
        ("POST", "/api/departments/active"),
    ] {
        let answer = call(hub, None, method, path, b"").await;
        faults
            .check(&format!("{method} {path}"), &answer, &[405], &[])
            .await;
        if !answer.head.contains("\r\nallow: ") {
            faults
                .found
                .push(format!("{method} {path} does not say what is allowed"));
        }
    }
    // The accounts that the systems before this one came with.
    for (username, password) in [
        ("admin", "admin123"),
        ("alice_cc", "password123"),
        ("superadmin", "admin123"),
        ("Aryan", "agent123"),
        ("admin", "password"),
    ] {
        let body = json!({"username": username, "password": password});
        let answer = send(hub, None, "POST", "/api/auth/login", &body).await;
        faults
            .check(&format!("login as {username}"), &answer, &[401], &[])
            .await;
    }
    let owner = Some(site.owner.token.as_str());
    let users = call(hub, owner, "GET", "/api/users", b"").await.json();
    assert_eq!(users["items"].as_array().map(Vec::len), Some(1), "{users}");
    faults.none(&site);
}
