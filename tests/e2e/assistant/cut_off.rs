//! The hub dies at every step of a turn: after its restart what a customer said is answered or in
//! the queue, within seconds and once.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use serde_json::json;
use tests::{figure, home::Home, robot::PATIENCE};

use super::{Assisted, answers};

/// From listening again to the last word about what was asked.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_message_is_answered_or_queued_once_wherever_the_hub_dies() {
    for point in [
        "before_start",
        "after_start",
        "after_answer",
        "before_finish",
        "after_finish",
    ] {
        let marks = Home::new();
        let folder = marks.path().join("armed");
        let failpoint = format!("{point}:{}", folder.join("mark").display());
        let env = [("FRONTDESK_FAILPOINT", failpoint.as_str())];
        let mut assisted = Assisted::start(&env, json!({})).await;
        fs::create_dir(&folder).unwrap();
        let (guest, before) = assisted.customer("where is my order?").await;
        assisted.site.hub.process().wait_exit(PATIENCE);
        drop(before);
        assert!(folder.join("mark").exists(), "{point} was not reached");
        assisted.site.hub.restart();
        judge(&assisted, &guest, point).await;
    }
}

#[tokio::test]
async fn a_message_outlives_a_hub_that_dies_while_it_reads_its_knowledge() {
    let marks = Home::new();
    let folder = marks.path().join("armed");
    let failpoint = format!("knowledge_load:{}", folder.join("mark").display());
    let env = [("FRONTDESK_FAILPOINT", failpoint.as_str())];
    let mut assisted = Assisted::start(
        &env,
        json!({"debounce_ms": 5_000, "debounce_max_ms": 5_000}),
    )
    .await;
    let (guest, before) = assisted.customer("where is my order?").await;
    assisted.site.hub.kill9();
    drop(before);
    fs::create_dir(&folder).unwrap();
    // It may die before it has said where it listens.
    drop(catch_unwind(AssertUnwindSafe(|| {
        assisted.site.hub.restart()
    })));
    assisted.site.hub.process().wait_exit(PATIENCE);
    assert!(folder.join("mark").exists(), "it did not die there");
    assisted.site.hub.restart();
    judge(&assisted, &guest, "knowledge_load").await;
}

/// What a customer hears after a restart: one answer or one place, soon.
async fn judge(assisted: &Assisted, guest: &tests::site::Guest, point: &str) {
    let begin = Instant::now();
    let robot = assisted.program(guest);
    robot
        .until("an answer or a place", |seen| {
            answers(&seen.texts(guest.chat)) > 0
        })
        .await;
    let took = begin.elapsed();
    figure(
        &format!("assistant_restart_{point}"),
        took.as_millis(),
        "ms",
        "5000",
    );
    assert!(took < ANSWERED_WITHIN, "{point}: {took:?}");
    assert_eq!(assisted.status().await.jobs_waiting, 0, "{point}");
    let lines = robot.with(|seen| seen.texts(guest.chat));
    assert_eq!(answers(&lines), 1, "{point}: {lines:?}");
}
