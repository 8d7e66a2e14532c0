//! Who is told what, and how often.

use bytes::Bytes;
use serde_json::json;
use shared::{
    command::Command,
    frame::HubFrame,
    id::{ChatId, CommandId, DepartmentId, Pos, UserId},
    model::{Role, Visibility},
    text::SafeText,
};

use super::{OWNER, open, post, put_to_work, set_up, waiting};
use crate::{
    desk::{
        Who,
        visibility::{Viewer, visible},
    },
    hub::{
        Hub, PART,
        publish::{Delivery, Subscription},
    },
    store::Store,
};

async fn hub_with_chat() -> (Hub, ChatId) {
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    set_up(&hub).await;
    let opened = hub.submit(Who::Anonymous, CommandId::random(), open("Bo"));
    let chat = opened.await.unwrap().chat.unwrap();
    (hub, chat)
}

async fn viewer(hub: &Hub, who: Who) -> Viewer {
    hub.ask(move |desk| desk.viewer(&who))
        .await
        .unwrap()
        .unwrap()
}

fn bo() -> Who {
    Who::Customer {
        id: UserId(2),
        name: SafeText::line("Bo"),
    }
}

/// How many ephemeral frames wait.
fn frames(subscription: &Subscription) -> usize {
    let mut items = Vec::new();
    assert!(subscription.queue().drain(&mut items, 1_000), "not cut off");
    let frames = items
        .iter()
        .filter(|item| matches!(item, Delivery::Frame(_)));
    frames.count()
}

#[tokio::test]
async fn what_was_read_before_it_was_published_is_not_told_again() {
    let (hub, chat) = hub_with_chat().await;
    let mut subscription = hub.subscribe(viewer(&hub, OWNER).await);
    let (head, _) = hub.store().head(PART);
    // The store has a record a moment before the fan-out: who reads then is ahead of it.
    subscription.go_live(head.next()).unwrap();
    for text in ["one", "two"] {
        let command = post(chat, text);
        hub.submit(bo(), CommandId::random(), command)
            .await
            .unwrap();
    }
    assert_eq!(waiting(&subscription), [Pos(head.0 + 2)]);
}

#[tokio::test]
async fn one_big_transaction_cuts_off_nobody_who_reads() {
    let (hub, chat) = hub_with_chat().await;
    let mut subscription = hub.subscribe(viewer(&hub, OWNER).await);
    let (head, _) = hub.store().head(PART);
    subscription.go_live(head).unwrap();
    // The loop shares this thread, so that all of them wait for one transaction.
    for number in 0..400 {
        let command = post(chat, &format!("line {number}"));
        hub.submit_to(bo(), CommandId::random(), command, drop)
            .unwrap();
    }
    hub.ask(|_| ()).await.unwrap();
    assert_eq!(waiting(&subscription).len(), 400);
}

#[tokio::test]
async fn who_types_is_seen_by_those_who_see_the_chat_now() {
    let (hub, chat) = hub_with_chat().await;
    put_to_work(&hub).await;
    let note = Command::PostMessage {
        chat,
        text: SafeText::block("he called before"),
        visibility: Visibility::Note,
        expected_seq: None,
        canned: Vec::new(),
    };
    hub.submit(OWNER, CommandId::random(), note).await.unwrap();
    let customer = viewer(&hub, bo()).await;
    let scope = hub.publisher().scope(chat).unwrap();
    assert!(
        visible(&customer, &scope),
        "a note does not take the chat from its customer"
    );

    let mut clerk = viewer(&hub, OWNER).await;
    clerk.role = Role::Agent;
    clerk.departments = [DepartmentId(1)].into();
    let mut left_behind = hub.subscribe(clerk);
    let (head, _) = hub.store().head(PART);
    left_behind.go_live(head).unwrap();
    let billing = json!({"type": "create_department", "name": "Billing"});
    let billing = serde_json::from_value(billing).unwrap();
    hub.submit(OWNER, CommandId::random(), billing)
        .await
        .unwrap();
    let epoch = hub
        .ask(move |desk| desk.chat(chat).map(|chat| chat.epoch))
        .await
        .unwrap()
        .unwrap();
    let transfer =
        json!({"type": "transfer", "chat": chat, "department": "Billing", "epoch": epoch});
    let transfer = serde_json::from_value(transfer).unwrap();
    hub.submit(OWNER, CommandId::random(), transfer)
        .await
        .unwrap();
    frames(&left_behind);
    hub.publisher()
        .whisper(chat, &Bytes::from_static(b"{}"), false, None);
    assert_eq!(frames(&left_behind), 0, "the chat is out of sight");
}

/// The chats that the presence frames in the queue say are looked at.
fn looked_at(subscription: &Subscription) -> Vec<Option<ChatId>> {
    let mut items = Vec::new();
    assert!(subscription.queue().drain(&mut items, 1_000), "not cut off");
    let mut chats = Vec::new();
    for item in items {
        if let Delivery::Frame(frame) = item
            && let Some(json) = frame.iter().position(|byte| *byte == b'{')
            && let Ok(HubFrame::Presence { viewing, .. }) = serde_json::from_slice(&frame[json..])
        {
            chats.push(viewing);
        }
    }
    chats
}

/// The owner's program is connected, or not.
async fn set_reachable(hub: &Hub, reachable: bool) {
    let user = UserId(1);
    let command = if reachable {
        Command::RegainAgent { user }
    } else {
        Command::LoseAgent { user }
    };
    hub.submit(Who::System("presence"), CommandId::random(), command)
        .await
        .unwrap();
    // Presence is told after the answer.
    hub.ask(|_| ()).await.unwrap();
}

#[tokio::test]
async fn a_change_of_presence_keeps_what_is_looked_at_and_tells_no_customer() {
    let (hub, chat) = hub_with_chat().await;
    let opened = hub.submit(Who::Anonymous, CommandId::random(), open("Cleo"));
    let other = opened.await.unwrap().chat.unwrap();
    put_to_work(&hub).await;
    let own = viewer(&hub, OWNER).await;
    let (one, two) = (hub.subscribe(own.clone()), hub.subscribe(own.clone()));
    let mut staff = hub.subscribe(own);
    let mut customer = hub.subscribe(viewer(&hub, bo()).await);
    let (head, _) = hub.store().head(PART);
    staff.go_live(head).unwrap();
    customer.go_live(head).unwrap();

    one.view(Some(other));
    two.view(Some(chat));
    set_reachable(&hub, false).await;
    assert_eq!(looked_at(&staff), [Some(chat)], "what was said last");
    assert_eq!(looked_at(&customer), [None], "the chat is theirs");
    one.view(Some(other));
    set_reachable(&hub, true).await;
    assert_eq!(looked_at(&staff), [Some(other)]);
    one.view(None);
    set_reachable(&hub, false).await;
    assert_eq!(
        looked_at(&staff),
        [Some(chat)],
        "the other program still does"
    );
    drop(two);
    set_reachable(&hub, true).await;
    assert_eq!(looked_at(&staff), [None], "nobody is left who looks");
}
