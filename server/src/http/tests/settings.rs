//! The settings of the desk over HTTP, and what of them everyone may read.

use serde_json::json;

use super::TestDesk;

#[tokio::test]
async fn settings_are_read_and_changed_and_their_public_part_needs_no_token() {
    let desk = TestDesk::start().await;
    let owner = &desk.owner;
    let public = desk.get("/api/desk", "").await.expect(200);
    let expected = json!({"name": "Frontdesk", "notice": "", "registration": true});
    assert_eq!(public, expected);

    let change = || json!({"name": " Bright  Bikes ", "notice": "We keep chats for a year.\nAsk."});
    let plan = desk.put("/api/settings?dry_run=1", owner, change()).await;
    let plan = plan.expect(200);
    assert_eq!(plan["events"][0]["event"]["type"], "settings_updated");
    assert_eq!(desk.get("/api/desk", "").await.expect(200), expected);

    let made = desk.put("/api/settings", owner, change()).await.expect(200);
    assert_eq!(made["name"], "Bright Bikes");
    let public = desk.get("/api/desk", "").await.expect(200);
    assert_eq!(
        public,
        json!({"name": "Bright Bikes", "notice": "We keep chats for a year.\nAsk.",
            "registration": true})
    );
    let pos = desk.pos().await;
    assert_eq!(made["rev"], pos);
    desk.put("/api/settings", owner, change()).await.expect(200);
    assert_eq!(desk.pos().await, pos, "what is so already gives no record");

    let stale = [("If-Match", "1")];
    let other = Some(json!({"notice": ""}));
    let reply = desk.send("PUT", "/api/settings", owner, &stale, other.clone());
    reply.await.refused(409, "conflict");
    let fresh = [("If-Match", &*pos.to_string())];
    let reply = desk.send("PUT", "/api/settings", owner, &fresh, other);
    let changed = reply.await.expect(200);
    assert_eq!(
        (&changed["name"], &changed["notice"]),
        (&made["name"], &json!(""))
    );
    assert_eq!(desk.get("/api/settings", owner).await.expect(200), changed);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let desk = TestDesk::start().await;
    let owner = &desk.owner;
    let long = "a".repeat(8 * 1024 + 1);
    for (change, status, code) in [
        (json!({"name": ""}), 400, "invalid"),
        (json!({"colour": "red"}), 400, "invalid"),
        (json!({"notice": long}), 413, "too_large"),
    ] {
        let reply = desk.put("/api/settings", owner, change).await;
        reply.refused(status, code);
    }
    let (_, auditor) = desk.staff("audra", "auditor", &[]).await;
    desk.get("/api/settings", &auditor).await.expect(200);
    let change = json!({"name": "Mine"});
    let reply = desk.put("/api/settings", &auditor, change).await;
    reply.refused(403, "forbidden");
}
