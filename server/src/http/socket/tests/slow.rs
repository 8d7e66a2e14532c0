//! F7: a disk that takes its time. Nobody hears of what is not stored, everybody hears a heartbeat,
//! and the queue has an end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use futures_util::StreamExt as _;
use serde_json::Value;
use shared::{
    command::{Command, OpenChat},
    frame::ClientFrame,
    id::{ChatId, CommandId, Pos},
    model::Visibility,
    text::SafeText,
};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::{Pipe, connect, frame, say};
use crate::{
    desk::Who,
    http::{fixture::in_time, tests::TestDesk},
    hub::{PART, SubmitError},
    store::{Disk, tell},
};

/// What waits for the loop, and the one that it is at.
const QUEUE_MAX: usize = 1_024 + 512;
/// Pings that a client may send in a minute, and one less.
const PINGS: usize = 19;

fn open(number: usize) -> Command {
    Command::OpenChat(OpenChat {
        name: Some(SafeText::line(&format!("guest {number}"))),
        text: Some(SafeText::block("hello")),
        ..OpenChat::default()
    })
}

/// The next frame that tells of a command, or answers a ping.
async fn answer(program: &mut Pipe) -> Value {
    loop {
        let message = in_time(program.next()).await.expect("the socket is open");
        let Message::Text(text) = message.unwrap() else {
            continue;
        };
        let frame: Value = serde_json::from_str(&text).unwrap();
        if ["pong", "done", "nack"]
            .map(Value::from)
            .contains(&frame["type"])
        {
            return frame;
        }
    }
}

/// F7: while a sync takes as long as it likes.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_keeps_answers_waiting_and_nothing_else() {
    let disk = Disk::default();
    let desk = TestDesk::on(disk.store().unwrap(), tempfile::tempdir().unwrap()).await;
    // A customer, who sees nothing of the others.
    let (chat, token) = desk.chat(None).await;
    let (mut program, _running) = connect(&desk, &token).await;
    frame(&mut program, "live").await;

    disk.hold(true);
    let cid = CommandId::random();
    let command = Command::PostMessage {
        chat: ChatId(chat),
        text: SafeText::block("is this kept?"),
        visibility: Visibility::Public,
        expected_seq: None,
        canned: Vec::new(),
    };
    say(
        &mut program,
        &ClientFrame::Do {
            cid: cid.clone(),
            command,
        },
    )
    .await;
    let answered = Arc::new(AtomicUsize::new(0));
    let (sender, mut answers) = mpsc::channel(QUEUE_MAX + 1);
    let mut taken = 0;
    let busy = loop {
        let (answered, sender) = (Arc::clone(&answered), sender.clone());
        let reply = move |answer: Result<_, SubmitError>| {
            answered.fetch_add(1, Ordering::SeqCst);
            sender.try_send(answer.is_ok()).unwrap();
        };
        let told =
            desk.app
                .hub
                .submit_to(Who::Anonymous, CommandId::random(), open(1 + taken), reply);
        match told {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken <= QUEUE_MAX, "the queue has no end");
    };
    assert!(matches!(busy, SubmitError::Busy { .. }), "{busy}");

    let (head, _) = desk.app.hub.store().head(PART);
    let mut waits = Vec::new();
    for number in 0..PINGS {
        let begin = Instant::now();
        let id = number.to_string();
        say(&mut program, &ClientFrame::Ping { id: id.clone() }).await;
        // Whatever comes for the command would come before this.
        let message = answer(&mut program).await;
        assert_eq!(message["type"], "pong", "an answer before the commit");
        assert_eq!(message["id"], id.as_str());
        waits.push(begin.elapsed());
        assert_eq!(desk.get("/livez", "").await.status, 200);
    }
    waits.sort();
    let slowest = waits[waits.len() - 1];
    assert_eq!(
        answered.load(Ordering::SeqCst),
        0,
        "answered before the commit"
    );
    assert_eq!(desk.app.hub.store().head(PART).0, head);

    disk.hold(false);
    drop(sender);
    let mut done = 0;
    while let Some(ok) = answers.recv().await {
        done += usize::from(ok);
    }
    let told = frame(&mut program, "done").await;
    assert_eq!(told["cid"], cid.as_str());
    assert_eq!(done, taken, "taken and not done");
    let log = desk.app.hub.store().read(PART, Pos(0), usize::MAX).await;
    let log = log.unwrap();
    let opened = log.iter().filter(|stored| stored.kind == "chat_opened");
    assert_eq!(opened.count(), taken + 1);
    tell(&format!(
        "F7: {taken} waited and were done, the next was told to come back; slowest of {PINGS} \
         pings meanwhile {} ms (budget 100 on a quiet machine)",
        slowest.as_millis()
    ));
    assert!(slowest.as_millis() < 2_000, "{slowest:?}");
}
