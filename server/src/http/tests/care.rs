//! Backup and the state of the hub.

use std::fs;

use serde_json::json;

use super::TestDesk;
use crate::store::check;

#[tokio::test]
async fn a_backup_is_a_store_that_holds_together() {
    let desk = TestDesk::in_file().await;
    desk.chat(None).await;
    let reply = desk
        .send("POST", "/api/backup", &desk.owner, &[], None)
        .await;
    assert_eq!(reply.status, 200);
    let announced = reply.header("content-length").unwrap();
    assert_eq!(announced, reply.body.len().to_string());
    let path = desk.data.path().join("copy.redb");
    fs::write(&path, &reply.body).unwrap();
    check(&path).unwrap();
}

#[tokio::test]
async fn a_store_in_memory_has_no_backup_and_says_so() {
    let desk = TestDesk::start().await;
    let reply = desk
        .send("POST", "/api/backup", &desk.owner, &[], None)
        .await;
    reply.refused(409, "conflict");
}

/// S37: whether the hub lives and is ready is one word each, to everybody, and no more.
#[tokio::test]
async fn the_state_of_the_hub_is_counted() {
    let desk = TestDesk::start().await;
    desk.chat(None).await;
    let status = desk
        .get("/api/admin/system-status", &desk.owner)
        .await
        .expect(200);
    assert_eq!(status["pos"], desk.pos().await);
    assert_eq!(
        (&status["waiting"], &status["active"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(status["writable"], true);
    assert_eq!(
        desk.get("/livez", "").await.expect(200),
        json!({"status": "ok"})
    );
    assert_eq!(
        desk.get("/readyz", "").await.expect(200),
        json!({"status": "ok"})
    );
    desk.app.hub.stop().await;
    let down = desk.get("/readyz", "").await.expect(503);
    assert_eq!(down, json!({"status": "degraded"}));
}
