//! What is kept of a customer: listed for whoever may see it, given whole to the customer.

use serde_json::{Value, json};
use shared::{
    api::CustomerExport,
    command::{Command, OpenChat},
    id::{ChatId, CommandId, Seq, UserId},
    model::{ActorKind, Visibility},
    text::SafeText,
};

use super::{PASSWORD, TestDesk, parse};
use crate::{desk::Who, http::fixture::read_to_close};

/// A registered customer: the number and the token.
async fn register(desk: &TestDesk, username: &str) -> (u64, String) {
    let body = json!({"username": username, "name": "Bo Chen", "email": "bo@example.org",
        "password": PASSWORD});
    let tokens = desk.post("/api/auth/register", "", body).await.expect(201);
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    (tokens["user"]["id"].as_u64().unwrap(), token)
}

async fn open(desk: &TestDesk, token: &str, text: &str) -> u64 {
    let body = json!({"text": text, "language": "pt_br".replace('_', "-"),
        "cid": CommandId::random()});
    let opened = desk.post("/api/chats", token, body).await.expect(201);
    assert_eq!(
        opened["token"],
        Value::Null,
        "an account needs no other secret"
    );
    opened["chat"]["id"].as_u64().unwrap()
}

async fn say(desk: &TestDesk, token: &str, chat: u64, text: &str) -> u64 {
    let body = json!({"text": text, "cid": CommandId::random()});
    let path = format!("/api/chats/{chat}/messages");
    let posted = desk.post(&path, token, body).await.expect(201);
    posted["seq"].as_u64().unwrap()
}

async fn act(desk: &TestDesk, token: &str, chat: u64, verb: &str, body: Value) {
    let path = format!("/api/chats/{chat}/{verb}");
    desk.post(&path, token, body).await.expect(200);
}

/// A closed chat with a note, an answer and a rating, and one that waits: both of `token`.
async fn history(desk: &TestDesk, token: &str) -> (u64, u64) {
    let closed = open(desk, token, "first question").await;
    act(desk, &desk.owner, closed, "claim", json!({"epoch": 1})).await;
    say(desk, &desk.owner, closed, "an answer").await;
    let note = json!({"text": "he is rude"});
    let path = format!("/api/chats/{closed}/notes");
    desk.post(&path, &desk.owner, note).await.expect(201);
    act(desk, &desk.owner, closed, "resolve", json!({})).await;
    act(
        desk,
        token,
        closed,
        "rating",
        json!({"score": 4, "comment": "quick"}),
    )
    .await;
    let path = format!("/api/chats/{closed}/close");
    desk.put(&path, &desk.owner, json!({})).await.expect(200);
    (closed, open(desk, token, "second question").await)
}

#[tokio::test]
async fn a_customer_has_all_of_their_chats_and_nobody_elses() {
    let desk = TestDesk::start().await;
    let (bo, token) = register(&desk, "bo").await;
    let (closed, waiting) = history(&desk, &token).await;
    let (stranger, other) = register(&desk, "eve").await;
    open(&desk, &other, "not Bo's").await;

    let path = format!("/api/customers/{bo}/chats");
    let list = desk.get(&path, &token).await.expect(200);
    let item = |n: usize| &list["items"][n];
    assert_eq!(list["items"].as_array().unwrap().len(), 2, "{list}");
    assert_eq!(
        (&item(0)["chat"]["id"], &item(1)["chat"]["id"]),
        (&waiting.into(), &closed.into())
    );
    assert_eq!(item(1)["chat"]["state"], "closed");
    assert_eq!(item(1)["last"]["text"], "an answer", "never a note");
    assert_eq!(item(1)["department"], "Customer Care");
    assert_eq!(item(0)["last"]["text"], "second question");
    let first = desk
        .get(&format!("{path}?limit=1"), &token)
        .await
        .expect(200);
    assert_eq!(first["next"], waiting.to_string());
    let rest = desk
        .get(&format!("{path}?after={waiting}"), &token)
        .await
        .expect(200);
    assert_eq!(rest["items"][0]["chat"]["id"], closed);

    desk.get(&path, &other).await.refused(404, "not_found");
    let (_, agent) = desk.staff("ana", "agent", &[]).await;
    let blind = desk.get(&path, &agent).await.expect(200);
    assert_eq!(
        blind["items"],
        json!([]),
        "the chats are in no department of hers"
    );
    let seen = desk.get(&path, &desk.owner).await.expect(200);
    assert_eq!(
        seen["items"][1]["last"]["text"], "he is rude",
        "staff see notes"
    );
    let theirs = format!("/api/customers/{stranger}/chats");
    desk.get(&theirs, &token).await.refused(404, "not_found");
    let nobody = desk.get("/api/customers/999/chats", &token).await;
    nobody.refused(404, "not_found");
}

#[tokio::test]
async fn a_page_passes_over_so_many_chats_out_of_sight_and_says_where_to_go_on() {
    const CHATS: u64 = 2_001;
    let desk = TestDesk::start().await;
    let (bo, _) = register(&desk, "bo").await;
    let who = Who::Customer {
        id: UserId(bo),
        name: SafeText::line("Bo Chen"),
    };
    for chat in (1..=CHATS).map(ChatId) {
        let open = Command::OpenChat(OpenChat::default());
        let close = Command::Close { chat, epoch: None };
        for (who, command) in [(who.clone(), open), (Who::User(UserId(1)), close)] {
            let done = desk.app.hub.submit(who, CommandId::random(), command);
            done.await.unwrap();
        }
    }
    let path = format!("/api/customers/{bo}/chats");
    let (_, agent) = desk.staff("ana", "agent", &[]).await;
    let blind = desk.get(&path, &agent).await.expect(200);
    assert_eq!(blind, json!({"items": [], "next": "2"}));
    let rest = desk.get(&format!("{path}?after=2"), &agent).await;
    assert_eq!(rest.expect(200), json!({"items": [], "next": null}));
    let seen = desk.get(&format!("{path}?limit=1"), &desk.owner).await;
    assert_eq!(seen.expect(200)["items"][0]["chat"]["id"], CHATS);
}

#[tokio::test]
async fn an_export_is_ones_own_and_has_nothing_of_the_staff() {
    let desk = TestDesk::in_file().await;
    let (bo, token) = register(&desk, "bo").await;
    let (closed, waiting) = history(&desk, &token).await;
    let edited = say(&desk, &token, waiting, "tpyo").await;
    desk.app
        .hub
        .submit(
            Who::Customer {
                id: UserId(bo),
                name: SafeText::line("Bo Chen"),
            },
            CommandId::random(),
            Command::EditMessage {
                chat: ChatId(waiting),
                seq: Seq(edited),
                text: SafeText::line("typo"),
            },
        )
        .await
        .unwrap();
    let path = format!("/api/customers/{bo}/export");
    let own = desk.get(&path, &token).await;
    assert!(!own.text().contains("he is rude"), "{}", own.text());
    let own = own.expect(200);
    assert_eq!(own["customer"], bo);
    assert_eq!(
        own["account"],
        json!({"username": "bo", "name": "Bo Chen",
        "email": "bo@example.org", "phone": null})
    );
    let chats = own["chats"].as_array().unwrap();
    assert_eq!(chats.len(), 2, "{own}");
    assert_eq!(
        (&chats[0]["chat"]["id"], &chats[1]["chat"]["id"]),
        (&closed.into(), &waiting.into())
    );
    assert_eq!(chats[0]["chat"]["state"], "closed");
    assert_eq!(chats[0]["chat"]["fields"]["language"], "pt-BR");
    let texts = |chat: &Value| -> Vec<String> {
        let messages = chat["messages"].as_array().unwrap().iter();
        let messages = messages.filter(|m| m["actor"]["kind"] != "system");
        messages
            .map(|m| m["text"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(texts(&chats[0]), ["first question", "an answer"]);
    assert_eq!(texts(&chats[1]), ["second question", "typo"]);
    let rating = &chats[0]["ratings"][0];
    assert_eq!(
        (&rating["score"], &rating["comment"]),
        (&4.into(), &"quick".into())
    );

    let (_, other) = register(&desk, "eve").await;
    desk.get(&path, &other).await.refused(403, "forbidden");
    let (_, agent) = desk.staff("ana", "agent", &["Customer Care"]).await;
    desk.get(&path, &agent).await.refused(403, "forbidden");
    let careful = desk.get(&path, &desk.owner).await.expect(200);
    assert_eq!(careful["chats"], own["chats"], "the same, whoever asks");
    let nobody = desk.get("/api/customers/999/export", &desk.owner).await;
    nobody.refused(404, "not_found");

    // Whoever has no account has the data of their chat all the same.
    let (guest, secret) = desk.chat(None).await;
    let me = desk.get("/api/auth/me", &secret).await.expect(200);
    let path = format!("/api/customers/{}/export", me["user"]["id"]);
    let theirs = desk.get(&path, &secret).await.expect(200);
    assert_eq!(theirs["account"], Value::Null);
    assert_eq!(theirs["chats"][0]["chat"]["id"], guest);
}

/// The sizes of the chunks that an answer came in.
fn chunks(answer: &[u8]) -> Vec<usize> {
    let end = |bytes: &[u8], of: &[u8]| bytes.windows(of.len()).position(|found| found == of);
    let mut rest = &answer[end(answer, b"\r\n\r\n").unwrap() + 4..];
    let mut sizes = Vec::new();
    while let Some(at) = end(rest, b"\r\n") {
        let size = std::str::from_utf8(&rest[..at]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        sizes.push(size);
        rest = &rest[at + 2 + size + 2..];
    }
    sizes
}

#[tokio::test]
async fn a_long_chat_is_exported_piece_by_piece() {
    const MESSAGES: usize = 300;
    let desk = TestDesk::start().await;
    let (bo, token) = register(&desk, "bo").await;
    let chat = open(&desk, &token, "I have much to say").await;
    let who = Who::Customer {
        id: UserId(bo),
        name: SafeText::line("Bo Chen"),
    };
    for _ in 0..MESSAGES {
        let post = Command::PostMessage {
            chat: ChatId(chat),
            text: SafeText::line(&"x".repeat(8_000)),
            visibility: Visibility::Public,
            expected_seq: None,
            canned: Vec::new(),
        };
        let done = desk.app.hub.submit(who.clone(), CommandId::random(), post);
        done.await.unwrap();
    }
    let request = format!(
        "GET /api/customers/{bo}/export HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    let answer = read_to_close(&mut desk.open(&request).await).await;
    let sizes = chunks(&answer);
    assert!(sizes.iter().all(|size| *size < 1024 * 1024), "{sizes:?}");
    let export: CustomerExport = serde_json::from_value(parse(&answer).expect(200)).unwrap();
    let mine = export.chats[0].messages.iter();
    let mine = mine.filter(|message| message.actor.kind == ActorKind::Customer);
    assert_eq!(mine.count(), MESSAGES + 1);
}
