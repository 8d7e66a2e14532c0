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
use crate::failpoints::{Case, armed_by, assert_hit, points_of};

/// From listening again to the last word about what was asked.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// F4: at the points of the assistant's turns.
#[tokio::test]
async fn a_message_is_answered_or_queued_once_wherever_the_hub_dies() {
    for point in points_of(&[Case::Turn]) {
        let marks = Home::new();
        let (failpoint, folder) = armed_by(point, marks.path());
        let env = [("FRONTDESK_FAILPOINT", failpoint.as_str())];
        let mut assisted = Assisted::start(&env, json!({})).await;
        fs::create_dir(&folder).unwrap();
        let (guest, before) = assisted.customer("where is my order?").await;
        let exit = assisted.site.hub.process().wait_exit(PATIENCE);
        drop(before);
        assert_hit(point, &folder, exit);
        assisted.site.hub.kill9();
        assisted.site.hub.restart();
        judge(&assisted, &guest, point.word()).await;
    }
}

#[tokio::test]
async fn a_message_outlives_a_hub_that_dies_while_it_reads_its_knowledge() {
    let marks = Home::new();
    let [point] = points_of(&[Case::Knowledge])[..] else {
        panic!("one point within the reading of knowledge");
    };
    let (failpoint, folder) = armed_by(point, marks.path());
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
    let listened = catch_unwind(AssertUnwindSafe(|| {
        assisted.site.hub.restart();
    }));
    match listened {
        Ok(()) => assert_hit(
            point,
            &folder,
            assisted.site.hub.process().wait_exit(PATIENCE),
        ),
        Err(_) => assert!(folder.join("mark").exists(), "{point:?} was not reached"),
    }
    assisted.site.hub.kill9();
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
