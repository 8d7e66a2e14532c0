//! Searching through the routes: who finds what, page by page.

use serde_json::{Value, json};
use shared::id::CommandId;

use super::TestDesk;

/// The excerpts of what one finds.
async fn found(desk: &TestDesk, query: &str, token: &str) -> Vec<String> {
    let page = desk
        .get(&format!("/api/search?{query}"), token)
        .await
        .expect(200);
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item["excerpt"].as_str().unwrap().to_owned())
        .collect()
}

async fn say(desk: &TestDesk, chat: u64, token: &str, what: &str, text: &str) -> Value {
    let body = json!({"text": text, "cid": CommandId::random()});
    desk.post(&format!("/api/chats/{chat}/{what}"), token, body)
        .await
        .expect(201)
}

#[tokio::test]
async fn everyone_finds_what_they_may_see() {
    for desk in [TestDesk::start().await, TestDesk::in_file().await] {
        for name in ["Sales", "Repairs"] {
            desk.post("/api/departments", &desk.owner, json!({"name": name}))
                .await
                .expect(201);
        }
        let (_, ana) = desk.staff("ana", "agent", &["Sales"]).await;
        let (_, bea) = desk.staff("bea", "agent", &["Repairs"]).await;
        let (sales, kim) = desk.chat(Some("Sales")).await;
        let (repairs, lee) = desk.chat(Some("Repairs")).await;
        say(&desk, sales, &kim, "messages", "a Zebra printer of mine").await;
        say(&desk, repairs, &lee, "messages", "no zebra here").await;
        say(&desk, sales, &ana, "notes", "that zebra again").await;

        let all = [
            "that zebra again",
            "no zebra here",
            "a Zebra printer of mine",
        ];
        assert_eq!(found(&desk, "q=zebra", &desk.owner).await, all);
        assert_eq!(found(&desk, "q=zebra", &ana).await, [all[0], all[2]]);
        assert_eq!(found(&desk, "q=zebra", &bea).await, [all[1]]);
        assert_eq!(
            found(&desk, "q=zebra", &kim).await,
            [all[2]],
            "a note is for the staff"
        );
        assert_eq!(found(&desk, "q=zebra", &lee).await, [all[1]]);
        assert_eq!(
            found(&desk, "q=zebra&department=Sales", &desk.owner).await,
            [all[0], all[2]]
        );
        assert_eq!(
            found(&desk, "q=zebra&department=Sales", &bea).await,
            [""; 0]
        );

        let page = desk
            .get("/api/search?q=printer+MINE", &ana)
            .await
            .expect(200);
        let item = &page["items"][0];
        assert_eq!(item["marks"], json!([[8, 15], [19, 23]]));
        assert_eq!(
            (&item["chat"], &item["visibility"]),
            (&json!(sales), &json!("public"))
        );
        assert_eq!(
            (&item["actor"]["name"], &page["next"]),
            (&json!("Kim"), &Value::Null)
        );

        // Who gets the chat gets its past, and who loses it loses that.
        let chat = format!("/api/chats/{sales}");
        let epoch = desk.get(&chat, &desk.owner).await.expect(200)["chat"]["epoch"].clone();
        let transfer = json!({"department": "Repairs", "epoch": epoch});
        desk.post(&format!("{chat}/transfer"), &desk.owner, transfer)
            .await
            .expect(200);
        assert_eq!(found(&desk, "q=zebra", &bea).await, all);
        assert_eq!(found(&desk, "q=zebra", &ana).await, [""; 0]);
        desk.put(&format!("{chat}/close"), &desk.owner, json!({}))
            .await
            .expect(200);
        assert_eq!(
            found(&desk, "q=zebra", &bea).await,
            all,
            "a closed chat is found"
        );
        assert_eq!(found(&desk, "q=zebra", &kim).await, [all[2]]);
        assert_eq!(found(&desk, "q=zebra", &ana).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_customer_is_found_by_name_and_address() {
    let desk = TestDesk::start().await;
    let open =
        json!({"name": "Ömer Kılıç", "email": "omer@example.org", "cid": CommandId::random()});
    let opened = desk.post("/api/chats", "", open).await.expect(201);
    for query in ["q=%C3%B6mer", "q=omer@example.org", "q=example+k%C4%B1"] {
        let page = desk
            .get(&format!("/api/search?{query}"), &desk.owner)
            .await
            .expect(200);
        let item = &page["items"][0];
        assert_eq!(
            (&item["chat"], &item["seq"]),
            (&opened["chat"]["id"], &json!(1)),
            "{query}"
        );
        assert_eq!(item["excerpt"], "Ömer Kılıç omer@example.org");
    }
}

#[tokio::test]
async fn an_edited_message_is_found_at_its_place() {
    let desk = TestDesk::start().await;
    let (chat, kim) = desk.chat(None).await;
    let first = say(&desk, chat, &kim, "messages", "pears").await;
    say(&desk, chat, &kim, "messages", "something else").await;
    let edit = shared::command::Command::EditMessage {
        chat: shared::id::ChatId(chat),
        seq: shared::id::Seq(first["seq"].as_u64().unwrap()),
        text: shared::text::SafeText::block("figs"),
    };
    let who = desk
        .app
        .hub
        .ask(|desk| desk.chats().next().map(|chat| chat.customer))
        .await;
    let who = crate::desk::Who::Customer {
        id: who.unwrap().unwrap(),
        name: shared::text::SafeText::line("Kim"),
    };
    desk.app
        .hub
        .submit(who, CommandId::random(), edit)
        .await
        .unwrap();
    assert_eq!(found(&desk, "q=pears", &kim).await, [""; 0]);
    let page = desk.get("/api/search?q=figs", &kim).await.expect(200);
    assert_eq!(page["items"][0]["seq"], first["seq"]);
    assert_eq!(page["items"][0]["excerpt"], "figs");
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap() {
    let desk = TestDesk::start().await;
    let (chat, kim) = desk.chat(None).await;
    for n in 0..7 {
        say(&desk, chat, &kim, "messages", &format!("apple {n}")).await;
    }
    let (mut texts, mut query) = (Vec::new(), "q=apple&limit=3".to_owned());
    for _ in 0..3 {
        let page = desk
            .get(&format!("/api/search?{query}"), &kim)
            .await
            .expect(200);
        let items = page["items"].as_array().unwrap();
        texts.extend(
            items
                .iter()
                .map(|item| item["excerpt"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        query = format!("q=apple&limit=3&after={next}");
    }
    let expected: Vec<_> = (0..7).rev().map(|n| format!("apple {n}")).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn a_bad_query_is_refused() {
    let desk = TestDesk::start().await;
    for query in [
        "",
        "?q=",
        "?q=%21%21",
        "?q=a&limit=201",
        "?q=a&after=x",
        "?q=a&query=b",
    ] {
        desk.get(&format!("/api/search{query}"), &desk.owner)
            .await
            .refused(400, "invalid");
    }
    let long = "a".repeat(257);
    let message = desk
        .get(&format!("/api/search?q={long}"), &desk.owner)
        .await;
    assert!(message.refused(400, "invalid").contains("256 bytes"));
    desk.get("/api/search?q=a", "")
        .await
        .refused(401, "unauthenticated");
    desk.get("/api/search?q=a&department=Nowhere", &desk.owner)
        .await
        .refused(404, "not_found");
}
