//! Files with a real loop and real stores: kept, let go, swept, counted.

use shared::{
    attachment::ATTACHMENT_BYTES_MAX,
    command::{Command, OpenChat},
    id::{AttachmentId, ChatId, CommandId, UserId},
    model::Visibility,
    text::SafeText,
};
use tokio_util::sync::CancellationToken;

use super::{FileError, Files, Incoming, Posting};
use crate::{
    desk::Who,
    hub::{Hub, Outcome, SubmitError},
    store::{CHUNK_BYTES, Fault, FileId, Store, StoreUrl},
};

const BO: UserId = UserId(2);
const MIB: u64 = 1024 * 1024;

fn bo() -> Who {
    Who::Customer {
        id: BO,
        name: SafeText::line("Bo"),
    }
}

/// A desk with a chat of Bo's.
async fn with_chat(hub: &Hub) -> ChatId {
    let setup = Command::Setup {
        username: SafeText::line("olga"),
        name: SafeText::line("Olga"),
    };
    let open = Command::OpenChat(OpenChat {
        name: Some(SafeText::line("Bo")),
        ..OpenChat::default()
    });
    for command in [setup, open] {
        hub.submit(Who::Anonymous, CommandId::random(), command)
            .await
            .unwrap();
    }
    ChatId(1)
}

async fn in_memory(bytes_max: u64) -> (Files, Hub, ChatId) {
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    let chat = with_chat(&hub).await;
    let files = Files::start(hub.clone(), bytes_max).await.unwrap();
    (files, hub, chat)
}

fn posting(chat: ChatId, cid: &CommandId) -> Posting {
    Posting {
        who: bo(),
        cid: cid.clone(),
        chat,
        name: SafeText::line("a.bin"),
        text: SafeText::default(),
        visibility: Visibility::Public,
    }
}

async fn filled(files: &Files, bytes: &[u8]) -> Incoming {
    let mut incoming = files.receive(BO, None, None).unwrap();
    for bytes in bytes.chunks(10_000) {
        incoming.write(bytes).await.unwrap();
    }
    incoming
}

async fn send(files: &Files, chat: ChatId, bytes: &[u8]) -> Result<Outcome, SubmitError> {
    let cid = CommandId::random();
    let incoming = filled(files, bytes).await;
    incoming.post(posting(chat, &cid)).await.unwrap()
}

/// The bytes of a file, read piece by piece.
async fn bytes_of(files: &Files, hub: &Hub, chat: ChatId, id: u64) -> Option<Vec<u8>> {
    let row = files.find(chat, AttachmentId(id)).await.unwrap()?;
    let mut bytes = Vec::new();
    for index in 0.. {
        let Some(piece) = hub.store().chunk_get(row.file, index).await.unwrap() else {
            break;
        };
        assert!(piece.len() <= CHUNK_BYTES);
        bytes.extend_from_slice(&piece);
    }
    assert_eq!(bytes.len() as u64, row.bytes);
    Some(bytes)
}

/// Takes away what was forsaken so far, as the keeper does.
async fn take_away(files: &Files, hub: &Hub) {
    let to_drop = files.0.to_drop.lock().unwrap().take();
    let mut to_drop = to_drop.unwrap();
    while let Ok(file) = to_drop.try_recv() {
        hub.store().file_drop(file).await.unwrap();
    }
}

async fn stored(hub: &Hub) -> Vec<FileId> {
    hub.store().files(None, 99).await.unwrap()
}

fn noise(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n * 7 % 251) as u8).collect()
}

#[tokio::test]
async fn what_was_posted_is_there_and_what_was_not_goes_away() {
    let (files, hub, chat) = in_memory(MIB).await;
    for (id, bytes) in [(1, 1), (2, CHUNK_BYTES), (3, 2 * CHUNK_BYTES + 9)] {
        let sent = noise(bytes);
        send(&files, chat, &sent).await.unwrap();
        assert_eq!(bytes_of(&files, &hub, chat, id).await.unwrap(), sent);
    }
    assert_eq!(files.find(ChatId(2), AttachmentId(1)).await.unwrap(), None);
    let forsaken = filled(&files, &noise(CHUNK_BYTES)).await;
    assert_eq!(stored(&hub).await.len(), 4);
    // What comes in is left alone.
    assert_eq!(files.sweep().await.unwrap(), 0);
    drop(forsaken);
    let stop = CancellationToken::new();
    let keeper = tokio::spawn(files.clone().keep(stop.clone()));
    while stored(&hub).await.len() > 3 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    keeper.await.unwrap();
    assert_eq!(
        bytes_of(&files, &hub, chat, 2).await.unwrap().len(),
        CHUNK_BYTES
    );
}

#[tokio::test]
async fn a_refused_file_goes_away() {
    let (files, hub, chat) = in_memory(MIB).await;
    let nowhere = send(&files, ChatId(9), &noise(CHUNK_BYTES)).await;
    assert!(
        matches!(nowhere, Err(SubmitError::Rejected(_))),
        "{nowhere:?}"
    );
    let empty = send(&files, chat, b"").await;
    assert!(matches!(empty, Err(SubmitError::Rejected(_))), "{empty:?}");
    assert_eq!(files.sweep().await.unwrap(), 1);
    assert_eq!(stored(&hub).await, []);
}

#[tokio::test]
async fn a_repeat_is_the_first_file_and_other_bytes_are_a_conflict() {
    let (files, hub, chat) = in_memory(MIB).await;
    let cid = CommandId::random();
    let mut outcomes = Vec::new();
    for bytes in [b"one", b"one", b"two"] {
        let incoming = filled(&files, bytes).await;
        outcomes.push(incoming.post(posting(chat, &cid)).await.unwrap());
    }
    let [Ok(first), Ok(again), Err(other)] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert!(!first.dup && again.dup);
    assert_eq!((first.pos, first.seq), (again.pos, again.seq));
    assert_eq!(*other, SubmitError::CidConflict(cid.clone()));
    files.sweep().await.unwrap();
    assert_eq!(stored(&hub).await.len(), 1);
    assert_eq!(bytes_of(&files, &hub, chat, 1).await.unwrap(), b"one");
    let mut seen = files.look_at();
    seen.write(b"one").await.unwrap();
    let seen = seen.post(posting(chat, &cid)).await.unwrap();
    assert!(seen.unwrap().dup);
}

#[tokio::test]
async fn files_have_a_limit_together_and_come_in_few_at_once() {
    let (files, hub, chat) = in_memory(MIB).await;
    send(&files, chat, &noise(400_000)).await.unwrap();
    let announced = files.receive(BO, None, Some(MIB - 399_999));
    assert!(matches!(announced, Err(FileError::NoRoom { .. })));
    let first = files.receive(BO, None, Some(400_000)).unwrap();
    let mut second = files.receive(BO, None, None).unwrap();
    second.write(&noise(200_000)).await.unwrap();
    let more = second.write(&noise(100_000)).await;
    assert!(matches!(more, Err(FileError::NoRoom { .. })), "{more:?}");
    drop(first);
    second.write(&noise(100_000)).await.unwrap();
    drop(second);
    // A restart counts what is there.
    let again = Files::start(hub.clone(), MIB).await.unwrap();
    let full = again.receive(BO, None, Some(MIB - 399_999));
    assert!(matches!(full, Err(FileError::NoRoom { .. })));
    let four: Vec<_> = (0..4)
        .map(|_| again.receive(BO, None, None).unwrap())
        .collect();
    assert!(matches!(
        again.receive(BO, None, None),
        Err(FileError::TooMany)
    ));
    again.receive(UserId(3), None, None).unwrap();
    let from = |last| Some(std::net::IpAddr::from([192, 0, 2, last]));
    let many = |last: u8| {
        let senders = 100..116;
        let each = senders.map(|by| again.receive(UserId(by), from(last), None).unwrap());
        each.collect::<Vec<_>>()
    };
    let sixteen = many(1);
    let seventeenth = again.receive(UserId(200), from(1), None);
    assert!(
        matches!(seventeenth, Err(FileError::TooMany)),
        "of one address"
    );
    again.receive(UserId(200), from(2), None).unwrap();
    drop(sixteen);
    drop(four);
    again.receive(BO, None, None).unwrap();
}

#[tokio::test]
async fn one_slow_reader_leaves_files_to_others() {
    let (files, _, _) = in_memory(MIB).await;
    let mut slow = Vec::new();
    while let Ok(given) = files.give_out(BO) {
        slow.push(given);
    }
    assert_eq!(slow.len(), 8);
    let others: Vec<_> = (3..)
        .map_while(|n| files.give_out(UserId(n)).ok())
        .collect();
    assert_eq!(slow.len() + others.len(), 64);
    slow.pop();
    assert!(files.give_out(BO).is_ok());
    drop((slow, others));
    assert!(files.lock().outgoing.is_empty());
}

#[tokio::test]
async fn more_than_the_limit_is_not_taken() {
    let (files, _, _) = in_memory(u64::MAX).await;
    let mut incoming = filled(&files, &vec![0; ATTACHMENT_BYTES_MAX as usize]).await;
    let more = incoming.write(b"x").await;
    assert!(matches!(more, Err(FileError::TooLarge)), "{more:?}");
}

#[tokio::test]
async fn a_file_whose_commit_is_unknown_stays_with_its_message() {
    for fault in [Fault::UnknownWritten, Fault::UnknownLost, Fault::Conflict] {
        let store = Store::memory();
        let hub = Hub::start_in_runtime(store.clone()).await.unwrap();
        let chat = with_chat(&hub).await;
        let files = Files::start(hub.clone(), MIB).await.unwrap();
        store.inject(fault);
        let sent = send(&files, chat, b"words").await;
        take_away(&files, &hub).await;
        files.sweep().await.unwrap();
        let there = bytes_of(&files, &hub, chat, 1).await;
        match sent {
            Ok(outcome) => assert_eq!(there.as_deref(), Some(b"words".as_slice()), "{outcome:?}"),
            Err(error) => assert_eq!(there, None, "{fault:?} {error}"),
        }
    }
}

#[tokio::test]
async fn what_a_killed_hub_had_begun_is_swept_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let url = StoreUrl::in_directory(directory.path());
    let sent = noise(3 * CHUNK_BYTES);
    {
        let hub = Hub::start(Store::open(&url).unwrap()).await.unwrap();
        let chat = with_chat(&hub).await;
        let files = Files::start(hub.clone(), MIB).await.unwrap();
        send(&files, chat, &sent).await.unwrap();
        let _half = filled(&files, &sent[..2 * CHUNK_BYTES]).await;
        assert_eq!(stored(&hub).await.len(), 2);
        hub.stop().await;
        // Nobody keeps the files: what is dropped here is left behind as by a kill.
    }
    let hub = Hub::start(Store::open(&url).unwrap()).await.unwrap();
    let files = Files::start(hub.clone(), MIB).await.unwrap();
    assert_eq!(stored(&hub).await.len(), 2);
    assert_eq!(files.sweep().await.unwrap(), 1);
    assert_eq!(bytes_of(&files, &hub, ChatId(1), 1).await.unwrap(), sent);
    hub.stop().await;
}
