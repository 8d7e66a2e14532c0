//! The loop against real stores: answers, repeats, restarts, fan-out.

mod connected;
mod disk;
mod fan_out;
mod faults;
mod grace;

use shared::{
    command::{Command, OpenChat},
    id::{CommandId, Pos, UserId},
    model::{AgentStatus, ChatState, Visibility},
    text::SafeText,
};

use crate::{
    desk::{Who, visibility::visible},
    store::{Store, StoreUrl},
};

use super::{
    Hub, PART, SubmitError,
    publish::{Delivery, Subscription},
};

const OWNER: Who = Who::User(UserId(1));

async fn set_up(hub: &Hub) {
    let command = Command::Setup {
        username: SafeText::line("olga"),
        name: SafeText::line("Olga"),
    };
    hub.submit(Who::Anonymous, CommandId::random(), command)
        .await
        .unwrap();
}

fn open(name: &str) -> Command {
    Command::OpenChat(OpenChat {
        name: Some(SafeText::line(name)),
        text: Some(SafeText::block("hello")),
        ..OpenChat::default()
    })
}

fn post(chat: shared::id::ChatId, text: &str) -> Command {
    Command::PostMessage {
        chat,
        text: SafeText::block(text),
        visibility: Visibility::Public,
        expected_seq: None,
        canned: Vec::new(),
    }
}

async fn put_to_work(hub: &Hub) {
    let regain = Command::RegainAgent { user: UserId(1) };
    hub.submit(Who::System("presence"), CommandId::random(), regain)
        .await
        .unwrap();
    let online = Command::SetStatus {
        status: AgentStatus::Online,
        reason: None,
        drain: false,
        user: None,
    };
    hub.submit(OWNER, CommandId::random(), online)
        .await
        .unwrap();
}

/// The positions that wait for a subscriber.
fn waiting(subscription: &Subscription) -> Vec<Pos> {
    let mut items = Vec::new();
    assert!(subscription.queue().drain(&mut items, 1_000), "not cut off");
    items
        .iter()
        .filter_map(|item| match item {
            Delivery::Record(record) => Some(record.pos),
            Delivery::Frame(_) => None,
        })
        .collect()
}

#[tokio::test]
async fn a_waiting_chat_goes_to_the_agent_who_comes_online_in_the_same_turn() {
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    set_up(&hub).await;
    let opened = hub
        .submit(Who::Anonymous, CommandId::random(), open("Bo"))
        .await
        .unwrap();
    let chat = opened.chat.unwrap();
    put_to_work(&hub).await;
    let found = hub.ask(move |desk| desk.chat(chat).cloned()).await.unwrap();
    let found = found.unwrap();
    assert_eq!(
        (found.state, found.owner),
        (ChatState::Active, Some(UserId(1)))
    );
}

#[tokio::test]
async fn the_same_id_and_body_is_done_once_and_another_body_is_refused() {
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    set_up(&hub).await;
    let cid = CommandId::random();
    let first = hub
        .submit(Who::Anonymous, cid.clone(), open("Bo"))
        .await
        .unwrap();
    let again = hub
        .submit(Who::Anonymous, cid.clone(), open("Bo"))
        .await
        .unwrap();
    assert!(again.dup && !first.dup);
    assert_eq!(
        (again.pos, again.chat, again.seq),
        (first.pos, first.chat, first.seq)
    );
    let other = hub.submit(Who::Anonymous, cid.clone(), open("Cy")).await;
    assert_eq!(other, Err(SubmitError::CidConflict(cid)));
}

#[tokio::test(start_paused = true)]
async fn an_opening_without_a_token_is_repeated_within_a_day_only() {
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    set_up(&hub).await;
    let cid = CommandId::random();
    let first = hub
        .submit(Who::Anonymous, cid.clone(), open("Bo"))
        .await
        .unwrap();
    tokio::time::advance(std::time::Duration::from_secs(24 * 3600 - 60)).await;
    let again = hub
        .submit(Who::Anonymous, cid.clone(), open("Bo"))
        .await
        .unwrap();
    assert_eq!(again.chat, first.chat);
    tokio::time::advance(std::time::Duration::from_secs(120)).await;
    let late = hub.submit(Who::Anonymous, cid.clone(), open("Bo")).await;
    assert_eq!(late, Err(SubmitError::CidConflict(cid)));
}

#[tokio::test]
async fn a_restart_keeps_desk_answers_and_log() {
    let dir = tempfile::tempdir().unwrap();
    let url = StoreUrl::in_directory(dir.path());
    let cid = CommandId::random();
    let (first, desk) = {
        let hub = Hub::start(Store::open(&url).unwrap()).await.unwrap();
        set_up(&hub).await;
        put_to_work(&hub).await;
        let first = hub
            .submit(Who::Anonymous, cid.clone(), open("Bo"))
            .await
            .unwrap();
        let desk = hub.ask(|desk| desk.chats().cloned().collect::<Vec<_>>());
        let desk = desk.await.unwrap();
        hub.stop().await;
        (first, desk)
    };
    let hub = Hub::start(Store::open(&url).unwrap()).await.unwrap();
    let again = hub.submit(Who::Anonymous, cid, open("Bo")).await.unwrap();
    assert!(again.dup);
    assert_eq!((again.chat, again.seq), (first.chat, first.seq));
    let after = hub.ask(|desk| desk.chats().cloned().collect::<Vec<_>>());
    assert_eq!(after.await.unwrap(), desk, "owners and queue are kept");
    hub.stop().await;
}

#[tokio::test]
async fn a_subscriber_gets_what_it_may_see_once_and_in_order() {
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    set_up(&hub).await;
    let opened = hub
        .submit(Who::Anonymous, CommandId::random(), open("Bo"))
        .await
        .unwrap();
    let (chat, customer) = (opened.chat.unwrap(), UserId(2));
    let bo = Who::Customer {
        id: customer,
        name: SafeText::line("Bo"),
    };
    let viewer = hub
        .ask(move |desk| desk.viewer(&bo))
        .await
        .unwrap()
        .unwrap();
    let mut subscription = hub.subscribe(viewer.clone());
    let before = hub.store().read(PART, Pos(0), 100).await.unwrap();
    let head = before.last().unwrap().pos;
    assert_eq!(subscription.go_live(Pos(head.0 - 1)), Err(head));
    assert_eq!(subscription.go_live(head), Ok(()));

    put_to_work(&hub).await;
    hub.submit(OWNER, CommandId::random(), post(chat, "how can I help?"))
        .await
        .unwrap();
    let note = Command::PostMessage {
        chat,
        text: SafeText::block("he called before"),
        visibility: Visibility::Note,
        expected_seq: None,
        canned: Vec::new(),
    };
    hub.submit(OWNER, CommandId::random(), note).await.unwrap();

    let all = hub.store().read(PART, head, 100).await.unwrap();
    let mine = all
        .iter()
        .filter(|stored| visible(&viewer, &stored.scope))
        .map(|stored| stored.pos)
        .collect::<Vec<_>>();
    assert!(
        mine.len() < all.len(),
        "the note and the statuses are not for a customer"
    );
    assert_eq!(waiting(&subscription), mine);
}

#[tokio::test]
async fn a_subscriber_that_never_reads_is_cut_off_and_slows_nobody() {
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    set_up(&hub).await;
    let viewer = hub.ask(|desk| desk.viewer(&OWNER)).await.unwrap().unwrap();
    let mut lazy = hub.subscribe(viewer);
    let (head, _) = hub.store().head(PART);
    lazy.go_live(head).unwrap();
    let opened = hub
        .submit(Who::Anonymous, CommandId::random(), open("Bo"))
        .await
        .unwrap();
    let bo = Who::Customer {
        id: UserId(2),
        name: SafeText::line("Bo"),
    };
    for number in 0..300 {
        let text = format!("line {number}");
        let command = post(opened.chat.unwrap(), &text);
        hub.submit(bo.clone(), CommandId::random(), command)
            .await
            .unwrap();
    }
    assert!(!lazy.queue().drain(&mut Vec::new(), 1_000), "cut off");
}

#[tokio::test]
async fn a_full_queue_is_busy_and_not_a_wait() {
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    // The loop shares this thread and cannot run while nothing here waits.
    let mut refused = None;
    for _ in 0..2_000 {
        let told = hub.submit_to(Who::Anonymous, CommandId::random(), open("Bo"), drop);
        if told.is_err() {
            refused = told.err();
            break;
        }
    }
    assert!(matches!(
        refused,
        Some(SubmitError::Busy {
            retry_after_ms: 1..
        })
    ));
}
