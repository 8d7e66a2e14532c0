//! What is refused before it is understood: size, form, place.

use serde_json::json;

use super::TestDesk;

#[tokio::test]
async fn a_body_too_large_is_refused_before_it_is_read() {
    let desk = TestDesk::start().await;
    // Announced only: the answer comes without a byte of it.
    let announced = "POST /api/auth/login HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\
        Content-Length: 65537\r\n\r\n";
    desk.raw(announced).await.refused(413, "too_large");
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let chunked = format!(
        "POST /api/auth/login HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n{chunk}1\r\na\r\n"
    );
    desk.raw(&chunked).await.refused(413, "too_large");
}

#[tokio::test]
async fn an_unknown_field_is_named() {
    let desk = TestDesk::start().await;
    let (chat, token) = desk.chat(None).await;
    for (path, token, body, field) in [
        (
            "/api/auth/login".to_owned(),
            "",
            json!({"username": "a", "password": "b", "role": "owner"}),
            "role",
        ),
        (
            format!("/api/chats/{chat}/messages"),
            &*token,
            json!({"text": "x", "cid": "0123456789abcdef", "sender": "agent"}),
            "sender",
        ),
        (
            "/api/departments".to_owned(),
            &*desk.owner,
            json!({"name": "x", "id": 9}),
            "id",
        ),
    ] {
        let message = desk.post(&path, token, body).await.refused(400, "invalid");
        assert!(
            message.contains(&format!("unknown field `{field}`")),
            "{message}"
        );
    }
    let deep = format!("{{\"text\":{}1{}}}", "[".repeat(20), "]".repeat(20));
    let request = format!(
        "POST /api/chats/{chat}/messages HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{deep}",
        deep.len()
    );
    assert!(
        desk.raw(&request)
            .await
            .refused(400, "invalid")
            .contains("nested")
    );
}

#[tokio::test]
async fn paths_methods_and_queries_are_what_the_table_says() {
    let desk = TestDesk::start().await;
    let reply = desk
        .send("PATCH", "/api/departments", &desk.owner, &[], None)
        .await;
    assert_eq!(reply.header("allow"), Some("GET, HEAD, POST"));
    assert_eq!(reply.json()["error"]["code"], "invalid");
    assert_eq!(reply.status, 405);
    desk.get("/api/nothing", &desk.owner)
        .await
        .refused(404, "not_found");
    desk.get("/", "").await.refused(404, "not_found");
    desk.get("/api/departments/", &desk.owner).await.expect(200);
    desk.get("/api/departments/seven", &desk.owner)
        .await
        .refused(400, "invalid");
    desk.get("/api/departments/99", &desk.owner)
        .await
        .refused(404, "not_found");
    desk.get("/api/users?rol=agent", &desk.owner)
        .await
        .refused(400, "invalid");
    desk.get("/api/users?limit=1000000000", &desk.owner)
        .await
        .refused(400, "invalid");
    for path in [
        "/api/users?token=x",
        "/livez?token=x",
        "/nowhere?access_token=x",
        "/ws?token=x",
    ] {
        let message = desk.get(path, "").await.refused(400, "invalid");
        assert!(message.contains("URL"), "{path}: {message}");
    }
    let body = desk
        .send("GET", "/api/users", &desk.owner, &[], Some(json!([])))
        .await;
    body.refused(400, "invalid");
}

/// S37: no answer says which program or version gave it.
#[tokio::test]
async fn every_answer_is_dressed() {
    let desk = TestDesk::start().await;
    for path in [
        "/livez",
        "/api/openapi.json",
        "/docs",
        "/api/users",
        "/nowhere",
    ] {
        let reply = desk.get(path, "").await;
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(
            reply.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        for banner in ["server", "access-control-allow-origin", "x-powered-by"] {
            assert_eq!(reply.header(banner), None, "{path}");
        }
    }
    let document = desk.get("/api/openapi.json", "").await.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    assert!(
        desk.get("/docs", "")
            .await
            .text()
            .contains("/api/chats/{id}/messages")
    );
    let head = desk.send("HEAD", "/livez", "", &[], None).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}
