//! Who is connected: transitions reach the desk, whatever comes in between.

use std::sync::Arc;

use shared::id::{CommandId, UserId};

use super::{OWNER, open, set_up};
use crate::{
    desk::Who,
    hub::{Hub, presence::Presence},
    store::Store,
};

async fn reachable(hub: &Hub) -> bool {
    let found = hub.ask(|desk| desk.user(UserId(1)).map(|user| user.reachable));
    found.await.unwrap().unwrap()
}

/// Yields until the desk has heard whether somebody is there.
async fn heard(hub: &Hub, wanted: bool) {
    for _ in 0..1_000 {
        if reachable(hub).await == wanted {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the desk was not told that reachable is {wanted}");
}

#[tokio::test(start_paused = true)]
async fn the_last_socket_that_goes_and_the_first_that_comes_are_told() {
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    set_up(&hub).await;
    let presence = Arc::new(Presence::default());
    let (told, told_hub) = (Arc::clone(&presence), hub.clone());
    let running = tokio::spawn(async move { told.run(&told_hub).await });

    let first = presence.connect(UserId(1));
    heard(&hub, true).await;
    let second = presence.connect(UserId(1));
    drop(first);
    let (before, _) = hub.store().head(super::PART);
    assert!(reachable(&hub).await);
    drop(second);
    heard(&hub, false).await;
    let (after, _) = hub.store().head(super::PART);
    assert_eq!(after.0, before.0 + 1, "a second program changed nothing");

    // Flapping, also faster than the desk can be told, ends in what is so.
    for turn in 0..50 {
        let lease = presence.connect(UserId(1));
        if turn % 3 == 0 {
            tokio::task::yield_now().await;
        }
        drop(lease);
    }
    let last = presence.connect(UserId(1));
    heard(&hub, true).await;

    // A hub with too much to do is told again.
    for _ in 0..2_000 {
        drop(hub.submit_to(OWNER, CommandId::random(), open("Bo"), |_| {}));
        drop(hub.submit_to(Who::Anonymous, CommandId::random(), open("Bo"), |_| {}));
    }
    drop(last);
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    heard(&hub, false).await;
    hub.stop().await;
    let _gone = presence.connect(UserId(1));
    running.await.unwrap();
}
