//! Files over real sockets: sent, listed, given out, refused.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::{Reply, TestDesk, parse};
use crate::http::fixture::{read_answer, read_to_close};

const KEY: &str = "0123456789abcdef";

fn head(chat: u64, query: &str, token: &str, length: &str) -> String {
    format!(
        "POST /api/chats/{chat}/attachments?{query} HTTP/1.1\r\nHost: desk\r\n\
         Connection: close\r\nAuthorization: Bearer {token}\r\n{length}\r\n"
    )
}

async fn upload(
    desk: &TestDesk,
    chat: u64,
    query: &str,
    token: &str,
    key: &str,
    bytes: &[u8],
) -> Reply {
    let mut length = format!("Content-Length: {}\r\n", bytes.len());
    if !key.is_empty() {
        length.push_str(&format!("Idempotency-Key: {key}\r\n"));
    }
    let mut stream = desk.open(&head(chat, query, token, &length)).await;
    // A hub that refuses at once may have closed before everything is written.
    drop(stream.write_all(bytes).await);
    parse(&read_to_close(&mut stream).await)
}

fn pdf(bytes: usize) -> Vec<u8> {
    let mut pdf = b"%PDF-1.7\n".to_vec();
    pdf.extend((0..bytes).map(|n| (n * 13 % 256) as u8));
    pdf
}

/// The files of the newest message that `token` sees.
async fn newest(desk: &TestDesk, chat: u64, token: &str) -> Value {
    let path = format!("/api/chats/{chat}/messages");
    let list = desk.get(&path, token).await.expect(200);
    let items = list["items"].as_array().unwrap();
    items.last().unwrap().clone()
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down_as_it_was() {
    let desk = TestDesk::in_file().await;
    let (chat, customer) = desk.chat(None).await;
    let bytes = pdf(300_000);
    let query = "name=..%2Fr%C3%A9sum%C3%A9%1b.pdf&text=look";
    let sent = upload(&desk, chat, query, &customer, KEY, &bytes).await;
    let sent = sent.expect(201);
    let file = json!({"id": 1, "name": "résumé␛.pdf", "bytes": bytes.len(),
        "kind": "application/pdf"});
    assert_eq!(sent["attachment"], file);
    assert_eq!(sent["dup"], false);
    let message = newest(&desk, chat, &desk.owner).await;
    assert_eq!(message["attachments"], json!([file]));
    assert_eq!(
        (&message["text"], &message["seq"]),
        (&json!("look"), &sent["seq"])
    );

    let path = format!("/api/chats/{chat}/attachments/1");
    for token in [&customer, &desk.owner] {
        let got = desk.get(&path, token).await;
        assert_eq!(got.status, 200);
        assert_eq!(
            got.header("content-length"),
            Some(&*bytes.len().to_string())
        );
        assert_eq!(got.header("content-type"), Some("application/pdf"));
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
        let disposition = got.header("content-disposition").unwrap();
        assert!(
            disposition.starts_with("attachment; filename=\"r_sum__.pdf\""),
            "{disposition}"
        );
        assert!(got.body == bytes, "{} bytes", got.body.len());
    }
    let path = format!("/api/chats/{chat}/transcript?format=text");
    let transcript = desk.get(&path, &customer).await;
    assert!(
        transcript
            .text()
            .contains("look\n    [file 1] résumé␛.pdf (292.9 KiB, application/pdf)\n"),
        "{}",
        transcript.text()
    );
}

#[tokio::test]
async fn the_same_key_is_the_same_file_and_never_another() {
    let desk = TestDesk::start().await;
    let (chat, customer) = desk.chat(None).await;
    let first = upload(&desk, chat, "name=a", &customer, KEY, b"one")
        .await
        .expect(201);
    let again = upload(&desk, chat, "name=a", &customer, KEY, b"one")
        .await
        .expect(201);
    assert_eq!(again["dup"], true);
    for same in ["seq", "pos", "attachment", "chat"] {
        assert_eq!(first[same], again[same]);
    }
    let other = upload(&desk, chat, "name=a", &customer, KEY, b"two").await;
    other.refused(409, "cid_conflict");
    // Also when the chat takes nothing any more.
    let close = format!("/api/chats/{chat}/close");
    desk.put(&close, &desk.owner, json!({})).await.expect(200);
    let again = upload(&desk, chat, "name=a", &customer, KEY, b"one")
        .await
        .expect(201);
    assert_eq!(again["attachment"], first["attachment"]);
    let next = upload(&desk, chat, "name=a", &customer, "", b"one").await;
    next.refused(409, "chat_closed");
    let path = format!("/api/chats/{chat}/attachments/1");
    assert_eq!(desk.get(&path, &customer).await.body, b"one");
}

#[tokio::test]
async fn a_file_is_for_whoever_may_read_its_message_at_that_time() {
    let desk = TestDesk::start().await;
    for name in ["Sales", "Billing"] {
        let new = json!({"name": name});
        desk.post("/api/departments", &desk.owner, new)
            .await
            .expect(201);
    }
    let (chat, mine) = desk.chat(Some("Sales")).await;
    let (_, other) = desk.chat(Some("Sales")).await;
    let (_, seller) = desk.staff("sam", "agent", &["Sales"]).await;
    let (_, biller) = desk.staff("ben", "agent", &["Billing"]).await;
    upload(&desk, chat, "name=a", &mine, "", b"public")
        .await
        .expect(201);
    upload(
        &desk,
        chat,
        "name=b&visibility=note",
        &seller,
        "",
        b"private",
    )
    .await
    .expect(201);
    let refused = upload(&desk, chat, "visibility=note", &mine, "", b"x").await;
    refused.refused(403, "forbidden");
    let path = |id: u64| format!("/api/chats/{chat}/attachments/{id}");
    assert_eq!(desk.get(&path(1), &mine).await.body, b"public");
    assert_eq!(desk.get(&path(2), &seller).await.body, b"private");
    let hidden = desk.get(&path(2), &mine).await.refused(404, "not_found");
    let nothing = desk.get(&path(3), &mine).await.refused(404, "not_found");
    assert_eq!(
        hidden.replace('2', "N"),
        nothing.replace('3', "N"),
        "neither tells more"
    );
    for stranger in [&other, &biller] {
        for id in [1, 2, 3] {
            desk.get(&path(id), stranger)
                .await
                .refused(404, "not_found");
        }
    }
    desk.get(&path(1), "").await.refused(401, "unauthenticated");
    // Another chat's number is nothing here.
    desk.get("/api/chats/2/attachments/1", &other)
        .await
        .refused(404, "not_found");

    let body = json!({"department": "Billing", "epoch": 1});
    let transfer = format!("/api/chats/{chat}/transfer");
    desk.post(&transfer, &desk.owner, body).await.expect(200);
    desk.get(&path(1), &seller).await.refused(404, "not_found");
    assert_eq!(desk.get(&path(2), &biller).await.body, b"private");
    let close = format!("/api/chats/{chat}/close");
    desk.put(&close, &desk.owner, json!({})).await.expect(200);
    assert_eq!(desk.get(&path(1), &mine).await.body, b"public");
    desk.get(&path(2), &mine).await.refused(404, "not_found");
}

/// Only the head is sent: an answer that comes all the same was given before the body was read.
#[tokio::test]
async fn what_cannot_be_is_refused_before_a_byte_is_read() {
    let desk = TestDesk::start().await;
    let (chat, customer) = desk.chat(None).await;
    let (closed, late) = desk.chat(None).await;
    let close = format!("/api/chats/{closed}/close");
    desk.put(&close, &desk.owner, json!({})).await.expect(200);
    let (_, auditor) = desk.staff("audra", "auditor", &[]).await;
    let few = "Content-Length: 1000\r\n";
    let many = "Content-Length: 10485761\r\n";
    for (chat, query, token, length, status, code) in [
        (chat, "name=a", &customer, many, 413, "too_large"),
        (
            chat,
            "name=a&visibility=note",
            &customer,
            few,
            403,
            "forbidden",
        ),
        (chat, "nme=a", &customer, few, 400, "invalid"),
        (closed, "name=a", &customer, few, 404, "not_found"),
        (closed, "name=a", &late, few, 409, "chat_closed"),
        (chat, "name=a", &desk.owner, few, 409, "not_member"),
        (chat, "name=a", &auditor, few, 403, "forbidden"),
        (999, "name=a", &customer, few, 404, "not_found"),
    ] {
        let mut stream = desk.open(&head(chat, query, token, length)).await;
        let reply = parse(&read_answer(&mut stream).await);
        reply.refused(status, code);
    }
    let empty = upload(&desk, chat, "name=a", &customer, "", b"").await;
    empty.refused(400, "invalid");
    let plan = upload(&desk, chat, "name=a&dry_run=1", &customer, "", b"x")
        .await
        .expect(200);
    assert_eq!(plan["dry_run"], true);
    assert_eq!(desk.app.hub.store().files(None, 9).await.unwrap(), []);
}

#[tokio::test]
async fn chunks_without_an_end_stop_at_the_limit() {
    let desk = TestDesk::start().await;
    let (chat, customer) = desk.chat(None).await;
    let before = desk.pos().await;
    let chunked = "Transfer-Encoding: chunked\r\n";
    let mut stream = desk.open(&head(chat, "name=a", &customer, chunked)).await;
    let piece = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    let mut sent = 0;
    while sent < 1_000 && stream.write_all(&piece).await.is_ok() {
        sent += 1;
    }
    assert!(sent < 400, "{sent} pieces of 64 KiB were taken");
    assert_eq!(desk.pos().await, before, "nothing was posted");
}

#[tokio::test]
async fn a_broken_upload_leaves_no_message() {
    let desk = TestDesk::start().await;
    let (chat, customer) = desk.chat(None).await;
    let before = desk.pos().await;
    let length = "Content-Length: 500000\r\n";
    let mut stream = desk.open(&head(chat, "name=a", &customer, length)).await;
    stream.write_all(&[b'x'; 300_000]).await.unwrap();
    let store = desk.app.hub.store();
    while store.files(None, 9).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(stream);
    while desk.app.files.sweep().await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.files(None, 9).await.unwrap(), []);
    assert_eq!(desk.pos().await, before);
}
