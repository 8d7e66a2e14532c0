//! Who may call what: the table walked from end to end.

use serde_json::json;

use super::TestDesk;
use crate::{
    desk::permission::{Action, Column, ObjectRule},
    http::route::{Access, TABLE},
};
use shared::model::Role;

fn concrete(path: &str) -> String {
    path.replace("{id}", "1")
        .replace("{attachment}", "1")
        .replace("{session}", "s")
        .replace("{token}", "t")
}

/// S14: the table walked from end to end without a token.
#[tokio::test]
async fn without_a_token_every_route_but_the_known_ones_is_unauthenticated() {
    let desk = TestDesk::start().await;
    for route in TABLE.iter() {
        for token in [
            "",
            "fda_0000000000000000000000000000000000000000000000000000000000000000",
        ] {
            let path = concrete(route.path);
            let reply = desk
                .send(route.verb.as_str(), &path, token, &[], None)
                .await;
            let must_refuse = match route.access {
                Access::Bearer(_) => true,
                Access::Anyone(_) => !token.is_empty(),
                Access::Open | Access::Hidden(_) => false,
            };
            if must_refuse {
                assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{path}");
                reply.refused(401, "unauthenticated");
            } else if route.verb.as_str() == "GET" {
                assert_eq!(reply.status, 200, "{path}");
            } else {
                assert_eq!(reply.status, 400, "{path}: an empty body lacks a field");
            }
        }
    }
}

/// Whoever may never take an action is stopped by the row, whatever is asked about.
#[tokio::test]
async fn a_role_that_may_never_is_forbidden() {
    let desk = TestDesk::start().await;
    let (_, agent) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let (_, auditor) = desk.staff("audra", "auditor", &[]).await;
    let (_, customer) = desk.chat(None).await;
    let principals = [
        (Role::Agent, agent),
        (Role::Auditor, auditor),
        (Role::Customer, customer),
        (Role::Owner, desk.owner.clone()),
    ];
    for route in TABLE.iter() {
        let (Access::Bearer(action) | Access::Anyone(action)) = route.access else {
            continue;
        };
        for (role, token) in &principals {
            if action.rule(Column::Role(*role)) == ObjectRule::Never {
                let path = concrete(route.path);
                let reply = desk
                    .send(route.verb.as_str(), &path, token, &[], None)
                    .await;
                reply.refused(403, "forbidden");
            }
        }
    }
}

#[tokio::test]
async fn the_routes_of_setup_and_sign_in_refuse_what_does_not_fit() {
    let desk = TestDesk::start().await;
    let again = json!({"code": "fds_0", "username": "eve", "name": "Eve", "password": "x"});
    let reply = desk.post("/api/setup", "", again.clone()).await;
    assert!([401, 409].contains(&reply.status), "{reply:?}");
    let forwarded = [("X-Forwarded-For", "192.0.2.9")];
    let reply = desk
        .send("POST", "/api/setup", "", &forwarded, Some(again))
        .await;
    reply.refused(403, "forbidden");
    for (username, password) in [
        ("admin", "admin123"),
        ("superadmin", "admin123"),
        ("alice_cc", "password123"),
        ("olga", "admin123"),
    ] {
        let body = json!({"username": username, "password": password});
        desk.post("/api/auth/login", "", body)
            .await
            .refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn another_ones_chat_does_not_exist() {
    let desk = TestDesk::start().await;
    let new = json!({"name": "Sales"});
    desk.post("/api/departments", &desk.owner, new)
        .await
        .expect(201);
    let (_, stranger) = desk.staff("sam", "agent", &["Sales"]).await;
    let (chat, mine) = desk.chat(Some("Customer Care")).await;
    let (_, other) = desk.chat(Some("Customer Care")).await;
    let message = || json!({"text": "hi", "cid": "0123456789abcdef"});
    for token in [&stranger, &other] {
        for path in ["", "/messages", "/transcript"] {
            let path = format!("/api/chats/{chat}{path}");
            desk.get(&path, token).await.refused(404, "not_found");
        }
        let path = format!("/api/chats/{chat}/messages");
        desk.post(&path, token, message())
            .await
            .refused(404, "not_found");
        let list = desk.get("/api/chats", token).await.expect(200);
        let ids: Vec<_> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| &c["id"])
            .collect();
        assert!(!ids.contains(&&json!(chat)), "{ids:?}");
    }
    let path = format!("/api/chats/{chat}");
    desk.get(&path, &mine).await.expect(200);

    // Closed, it is closed for those who saw it and nothing for the others.
    let close = format!("/api/chats/{chat}/close");
    desk.put(&close, &desk.owner, json!({})).await.expect(200);
    let path = format!("/api/chats/{chat}/messages");
    desk.post(&path, &mine, message())
        .await
        .refused(409, "chat_closed");
    desk.post(&path, &other, message())
        .await
        .refused(404, "not_found");
    desk.post(&path, &stranger, message())
        .await
        .refused(404, "not_found");
    let beyond = desk.post("/api/chats/999/messages", &mine, message()).await;
    beyond.refused(404, "not_found");
}

/// S37: /metrics does not exist for others than this machine and who may read it.
#[tokio::test]
async fn metrics_are_hidden_from_other_machines() {
    let desk = TestDesk::start().await;
    let (_, agent) = desk.staff("ana", "agent", &["Customer Care"]).await;
    let here = desk.get("/metrics", "").await;
    assert_eq!(here.status, 200);
    let pos = desk.pos().await;
    assert!(
        here.text()
            .contains(&format!("frontdesk_log_records_total {pos}\n")),
        "{}",
        here.text()
    );
    let proxied = [("X-Forwarded-For", "192.0.2.9")];
    for token in ["", &agent] {
        let reply = desk.send("GET", "/metrics", token, &proxied, None).await;
        reply.refused(404, "not_found");
    }
    let owner = desk
        .send("GET", "/metrics", &desk.owner, &proxied, None)
        .await;
    assert_eq!(owner.status, 200);
}

/// Every row that a bearer needs names an action that somebody may take.
#[test]
fn every_row_has_an_action_that_somebody_may_take() {
    let roles = [Role::Owner, Role::Agent, Role::Customer, Role::Auditor];
    for route in TABLE.iter() {
        let (Access::Bearer(action) | Access::Anyone(action) | Access::Hidden(action)) =
            route.access
        else {
            continue;
        };
        let may = |role: &Role| action.rule(Column::Role(*role)) != ObjectRule::Never;
        assert!(roles.iter().any(may), "{}", route.name);
        assert!(Action::ALL.contains(&action));
    }
}
