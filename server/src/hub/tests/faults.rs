//! What the loop does when its store fails: everyone is answered, nothing is told that is not
//! there, and what is there reaches those who watch.

use std::{os::unix::process::ExitStatusExt as _, pin::pin, time::Duration};

use futures_util::poll;
use shared::{
    command::Command,
    id::{ChatId, CommandId, Pos, UserId},
};
use tokio::sync::mpsc;

use super::{OWNER, open, post, put_to_work, set_up, waiting};
use crate::{
    desk::Who,
    hub::{Health, Hub, PART, SubmitError, publish::Subscription},
    store::{Disk, Fault, Space, Store},
};

pub(super) async fn watched(hub: &Hub) -> Subscription {
    let viewer = hub.ask(|desk| desk.viewer(&OWNER)).await.unwrap().unwrap();
    let mut subscription = hub.subscribe(viewer);
    subscription.go_live(hub.store().head(PART).0).unwrap();
    subscription
}

async fn positions_after(store: &Store, head: Pos) -> Vec<Pos> {
    let records = store.read(PART, head, 1_000).await.unwrap();
    records.iter().map(|stored| stored.pos).collect()
}

#[tokio::test]
async fn a_commit_that_was_written_after_all_reaches_who_watches() {
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    set_up(&hub).await;
    let subscription = watched(&hub).await;
    let (head, _) = hub.store().head(PART);
    for fault in [Fault::UnknownWritten, Fault::UnknownLost, Fault::Conflict] {
        hub.store().inject(fault);
        // A conflict without a reason is told; everything else is done.
        let opened = hub.submit(Who::Anonymous, CommandId::random(), open("Bo"));
        assert_eq!(opened.await.is_ok(), fault != Fault::Conflict);
    }
    let expected = positions_after(hub.store(), head).await;
    assert!(!expected.is_empty());
    assert_eq!(waiting(&subscription), expected);
}

/// Gives `commands` at once, so that they share a transaction, and waits for every answer.
async fn all_answered(hub: &Hub, commands: &[(Who, CommandId, Command)]) -> Vec<bool> {
    let (sender, mut answers) = mpsc::channel(commands.len());
    for (index, (who, cid, command)) in commands.iter().enumerate() {
        let sender = sender.clone();
        let reply = move |answer: Result<_, _>| sender.try_send((index, answer.is_ok())).unwrap();
        hub.submit_to(who.clone(), cid.clone(), command.clone(), reply)
            .unwrap();
    }
    drop(sender);
    let mut done = vec![None; commands.len()];
    while let Some((index, ok)) = answers.recv().await {
        done[index] = Some(ok);
    }
    let all = done.iter().copied().collect::<Option<Vec<_>>>();
    all.expect("every command is answered")
}

#[tokio::test(start_paused = true)]
async fn whichever_operation_of_the_disk_fails_all_are_answered_and_told_the_truth() {
    let mut failures = 0;
    for operation in 0.. {
        let disk = Disk::default();
        let hub = Hub::start_in_runtime(disk.store().unwrap()).await.unwrap();
        set_up(&hub).await;
        put_to_work(&hub).await;
        let subscription = watched(&hub).await;
        let (head, _) = hub.store().head(PART);
        let commands: Vec<_> = (0..3)
            .map(|number| {
                let command = open(&format!("guest {number}"));
                (Who::Anonymous, CommandId::random(), command)
            })
            .collect();

        disk.fail_after(operation);
        let mut health = hub.health();
        let mut rounds = 0;
        while !all_answered(&hub, &commands).await.iter().all(|done| *done) {
            let chats = hub.ask(|desk| desk.chats().count()).await.unwrap();
            let (now, _) = hub.store().head(PART);
            assert!(
                chats == 0 || now > head,
                "operation {operation}: the desk tells what is not in the log"
            );
            drop(health.wait_for(|now| *now == Health::Well).await.unwrap());
            rounds += 1;
            assert!(rounds < 10, "operation {operation}: no way back");
        }
        let met = disk.has_failed();
        let expected = positions_after(hub.store(), head).await;
        assert_eq!(waiting(&subscription), expected, "operation {operation}");
        let chats = hub.ask(|desk| desk.chats().cloned().collect::<Vec<_>>());
        let chats = chats.await.unwrap();
        assert_eq!(chats.len(), commands.len(), "operation {operation}");
        hub.stop().await;
        drop((subscription, hub));
        if !met {
            break;
        }
        failures += 1;
    }
    assert!(failures > 5, "only {failures} failures met the batch");
}

/// Retries a command until the store has it or the desk refuses it.
async fn settled(hub: &Hub, who: Who, command: Command) {
    let mut health = hub.health();
    while hub
        .submit(who.clone(), CommandId::random(), command.clone())
        .await
        .is_err_and(|error| error.code().retriable())
    {
        drop(health.wait_for(|now| *now == Health::Well).await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_whose_store_fails_at_start_still_gives_everyone_a_grace() {
    let disk = Disk::default();
    let hub = Hub::start_in_runtime(disk.store().unwrap()).await.unwrap();
    set_up(&hub).await;
    put_to_work(&hub).await;
    hub.stop().await;
    drop(hub);
    let mut failures = 0;
    for operation in 0.. {
        let store = disk.store().unwrap();
        disk.fail_after(operation);
        let Ok(hub) = Hub::start_in_runtime(store).await else {
            continue;
        };
        // Answered after the start, whatever came of it.
        settled(&hub, OWNER, post(ChatId(99), "hello")).await;
        let met = disk.has_failed();
        disk.fail_after(-1);
        let found = hub.ask(|desk| desk.user(UserId(1)).map(|user| user.reachable));
        assert_eq!(
            found.await.unwrap(),
            Some(false),
            "operation {operation}: nobody is connected to a hub that just started"
        );
        let regain = Command::RegainAgent { user: UserId(1) };
        settled(&hub, Who::System("presence"), regain).await;
        hub.stop().await;
        drop(hub);
        if !met {
            break;
        }
        failures += 1;
    }
    assert!(failures > 2, "only {failures} failures met the start");
}

#[tokio::test]
async fn what_waits_behind_a_stop_is_answered() {
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    set_up(&hub).await;
    let mut stop = pin!(hub.stop());
    assert!(poll!(&mut stop).is_pending());
    // More than one transaction takes in; the loop shares this thread and has not looked yet.
    let (sender, mut answers) = mpsc::channel(1_000);
    for _ in 0..1_000 {
        let sender = sender.clone();
        let reply = move |answer: Result<_, _>| sender.try_send(answer.is_ok()).unwrap();
        hub.submit_to(Who::Anonymous, CommandId::random(), open("Bo"), reply)
            .unwrap();
    }
    drop(sender);
    stop.await;
    let (mut done, mut refused) = (0, 0);
    while let Some(ok) = answers.recv().await {
        *(if ok { &mut done } else { &mut refused }) += 1;
    }
    assert!(done > 0 && refused > 0, "{done} done, {refused} refused");
    assert_eq!(done + refused, 1_000);
}

/// Says to the child process of the test below that it is the one.
const CHILD: &str = "FRONTDESK_TEST_PANIC";

#[tokio::test]
async fn a_panic_of_the_loop_ends_the_process() {
    if std::env::var_os(CHILD).is_some() {
        let hub = Hub::start(Store::memory()).await.unwrap();
        let asked = hub.ask(|_| -> () { panic!("on purpose") });
        assert!(asked.await.is_err());
        // The thread is still unwinding; without an abort the child would end well.
        let never = std::future::pending::<()>();
        drop(tokio::time::timeout(Duration::from_secs(10), never).await);
    }
    let name = "hub::tests::faults::a_panic_of_the_loop_ends_the_process";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert_eq!(child.status.signal(), Some(6), "{child:?}");
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_gets_full_takes_less_and_less_and_heals_by_itself() {
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    set_up(&hub).await;
    put_to_work(&hub).await;
    let submit = |who: Who, command| hub.submit(who, CommandId::random(), command);
    let opened = submit(Who::Anonymous, open("Bo")).await.unwrap();
    let chat = opened.chat.unwrap();
    let close = || Command::Close { chat, epoch: None };

    let seen = |space| {
        hub.store().inject(Fault::Space(space));
        tokio::time::advance(Duration::from_secs(2))
    };
    seen(Space::Low).await;
    submit(OWNER, post(chat, "the disk gets full"))
        .await
        .unwrap();
    seen(Space::Short).await;
    let refused = submit(Who::Anonymous, open("Cy")).await;
    assert_eq!(refused, Err(SubmitError::StorageFull));
    submit(OWNER, post(chat, "we can still talk"))
        .await
        .unwrap();
    seen(Space::Full).await;
    let refused = submit(OWNER, post(chat, "no more")).await;
    assert_eq!(refused, Err(SubmitError::StorageFull));
    submit(OWNER, close()).await.unwrap();
    seen(Space::Ample).await;
    submit(Who::Anonymous, open("Cy")).await.unwrap();
}
