//! Retention: what is kept for longer than the desk wants goes, and nothing else.

use shared::{command::Command, id::ChatId};

use super::{CANARIES, OWNER, Place};
use crate::hub::PART;

/// S30: chats that are closed for longer than their department keeps them are erased; the others,
/// and the customer who has another, stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_for_long_enough_is_erased() {
    let place = Place::new();
    let running = place.start().await;
    let customer = running.furnish().await;
    let day = std::time::Duration::from_secs(24 * 3600);
    let now = running.hub.now();
    let far = now.after(day * 9_000);
    let due = |now, days| running.care.due(now, days);
    assert_eq!(
        running.care.retain(far).await.unwrap(),
        0,
        "for ever is the default"
    );
    assert_eq!(due(far, None).await.unwrap(), 0);
    assert_eq!(due(now.after(day * 31), Some(30)).await.unwrap(), 1);
    let change = shared::command::SettingsChange {
        retention_days: Some(30),
        ..shared::command::SettingsChange::default()
    };
    let settings = Command::UpdateSettings { change, rev: None };
    running.must(&OWNER, settings).await;
    assert_eq!(running.care.retain(now.after(day * 29)).await.unwrap(), 0);
    // A department may keep for longer than the desk.
    let department = |days| Command::UpdateDepartment {
        id: shared::id::DepartmentId(1),
        change: shared::command::DepartmentChange {
            retention_days: Some(days),
            ..shared::command::DepartmentChange::default()
        },
        rev: None,
    };
    running.must(&OWNER, department(Some(60))).await;
    assert_eq!(running.care.retain(now.after(day * 31)).await.unwrap(), 0);
    running.must(&OWNER, department(None)).await;
    let soon = now.after(day * 30 + std::time::Duration::from_secs(60));
    assert_eq!(due(soon, None).await.unwrap(), 1);
    assert_eq!(running.care.retain(soon).await.unwrap(), 1);
    assert_eq!(
        (
            running.care.retain(soon).await.unwrap(),
            due(soon, None).await.unwrap()
        ),
        (0, 0)
    );
    let found = |canary| {
        place
            .found()
            .into_iter()
            .find(|(name, _)| *name == canary)
            .unwrap()
            .1
    };
    for canary in [
        "bassoonery",
        "glockenspielish",
        "ocarinated",
        "zzcanarybyteszz",
    ] {
        let canary = CANARIES
            .into_iter()
            .find(|c| c.eq_ignore_ascii_case(canary))
            .unwrap();
        assert_eq!(found(canary), 0, "{canary}");
    }
    // The other chat waits still.
    assert_eq!(running.finds("xylophonic again").await, 1);
    assert!(
        running
            .accounts
            .customer_account(customer)
            .await
            .unwrap()
            .is_some()
    );
    let log = running.log().await;
    let last = log.iter().rev().map(|stored| stored.record().unwrap());
    let erased = last
        .into_iter()
        .find(|record| record.event.kind() == "chat_erased");
    let erased = erased.unwrap();
    assert_eq!(erased.actor.rule.as_deref(), Some("retention"));
    let verdict = running.hub.store().verify(PART, None).await.unwrap();
    assert_eq!(verdict.problems, [""; 0]);
    running
        .must(
            &OWNER,
            Command::Close {
                chat: ChatId(2),
                epoch: None,
            },
        )
        .await;
    let later = running.hub.now().after(day * 61);
    assert_eq!(running.care.retain(later).await.unwrap(), 1);
}
