//! Closed chats: listed from their records, page by page, for those who may see them.

use serde_json::{Value, json};

use super::TestDesk;

async fn close(desk: &TestDesk, chat: u64) {
    let path = format!("/api/chats/{chat}/close");
    desk.put(&path, &desk.owner, json!({})).await.expect(200);
}

fn numbers(page: &Value) -> Vec<u64> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_u64().unwrap()).collect()
}

/// The numbers of all closed chats that one may see, by pages of two.
async fn closed(desk: &TestDesk, filter: &str, token: &str) -> Vec<u64> {
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/api/chats?state=closed&limit=2{filter}{after}");
        let page = desk.get(&path, token).await.expect(200);
        let numbers = numbers(&page);
        assert!(numbers.len() <= 2);
        found.extend(numbers);
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn closed_chats_are_listed_newest_first_to_those_who_may_see_them() {
    for desk in [TestDesk::start().await, TestDesk::in_file().await] {
        let sales = json!({"name": "Sales"});
        desk.post("/api/departments", &desk.owner, sales)
            .await
            .expect(201);
        let (ana_id, ana) = desk.staff("ana", "agent", &["Sales"]).await;
        let mut customers = Vec::new();
        for department in [
            None,
            Some("Sales"),
            None,
            Some("Sales"),
            None,
            Some("Sales"),
        ] {
            customers.push(desk.chat(department).await);
        }
        let ids: Vec<u64> = customers.iter().map(|(id, _)| *id).collect();
        // The fourth was Ana's, the last stays open, the fifth is only resolved.
        let claim = format!("/api/chats/{}/claim", ids[3]);
        desk.post(&claim, &ana, json!({"epoch": 1}))
            .await
            .expect(200);
        for id in &ids[..4] {
            close(&desk, *id).await;
        }
        let resolve = format!("/api/chats/{}/resolve", ids[4]);
        desk.post(&resolve, &customers[4].1, json!({}))
            .await
            .expect(200);

        let owner = desk.owner.clone();
        let all = [ids[3], ids[2], ids[1], ids[0]];
        assert_eq!(closed(&desk, "", &owner).await, all);
        assert_eq!(closed(&desk, "", &ana).await, [ids[3], ids[1]]);
        let of_sales = closed(&desk, "&department=sales", &owner).await;
        assert_eq!(of_sales, [ids[3], ids[1]]);
        let of_ana = closed(&desk, &format!("&owner={ana_id}"), &owner).await;
        assert_eq!(of_ana, [ids[3]]);
        assert_eq!(closed(&desk, "&mine=1", &ana).await, [ids[3]]);
        assert_eq!(closed(&desk, "", &customers[0].1).await, [ids[0]]);
        assert_eq!(closed(&desk, "", &customers[5].1).await, [0; 0]);

        let page = desk.get("/api/chats?state=closed&limit=1", &owner).await;
        let item = &page.expect(200)["items"][0];
        let one = desk.get(&format!("/api/chats/{}", ids[3]), &owner).await;
        assert_eq!(*item, one.expect(200)["chat"], "as one by one");
        assert_eq!(item["state"], "closed");
    }
}

#[tokio::test]
async fn the_records_of_a_chat_come_in_pages_in_both_directions() {
    let desk = TestDesk::start().await;
    let (chat, kim) = desk.chat(None).await;
    let note = json!({"text": "hm"});
    desk.post(&format!("/api/chats/{chat}/notes"), &desk.owner, note)
        .await
        .expect(201);
    close(&desk, chat).await;
    let path = format!("/api/chats/{chat}/events");
    let all = desk.get(&path, &desk.owner).await.expect(200);
    let all = all["items"].as_array().unwrap().clone();
    let seqs: Vec<u64> = all.iter().map(|r| r["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_eq!(all.last().unwrap()["event"]["type"], "chat_closed");
    for (direction, start) in [("after", "0"), ("before", "1000")] {
        let (mut found, mut edge) = (Vec::new(), Some(start.to_owned()));
        while let Some(at) = edge {
            let page = format!("{path}?{direction}={at}&limit=2");
            let page = desk.get(&page, &desk.owner).await.expect(200);
            let items = page["items"].as_array().unwrap().clone();
            assert!(items.len() <= 2);
            match direction {
                "after" => found.extend(items),
                _ => drop(found.splice(0..0, items)),
            }
            edge = page["next"].as_str().map(str::to_owned);
        }
        assert_eq!(found, all, "{direction}");
    }
    let hers = desk.get(&path, &kim).await.expect(200);
    let hers = hers["items"].as_array().unwrap();
    assert!(hers.iter().all(|r| r["event"]["visibility"] != "note"));
    assert_eq!(hers.len(), all.len() - 1, "all but the note");
    let (_, bo) = desk.chat(None).await;
    desk.get(&path, &bo).await.refused(404, "not_found");
    let (_, elsewhere) = desk.staff("ana", "agent", &[]).await;
    desk.get(&path, &elsewhere).await.refused(404, "not_found");
}
