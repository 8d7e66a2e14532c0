//! Files in chats: who may send one, how much a chat holds, what a file is called.

use std::time::Duration;

use shared::{
    attachment::{ATTACHMENT_BYTES_MAX, CHAT_BYTES_MAX},
    command::{Command, NewAttachment},
    error::ErrorCode,
    event::Event,
    id::{AttachmentId, ChatId},
    model::{AgentStatus, Attachment, ChatState, Visibility},
    record::Record,
    text::MESSAGE_BYTES_MAX,
};

use super::sim::{Sim, kinds, status, text};
use crate::desk::Rejection;

fn file(name: &str, bytes: u64) -> NewAttachment {
    NewAttachment {
        name: text(name),
        bytes,
        kind: text("text/plain"),
        digest: [0; 32],
    }
}

fn send(chat: ChatId, bytes: u64) -> Command {
    Command::PostAttachment {
        chat,
        attachment: file("a.txt", bytes),
        text: text(""),
        visibility: Visibility::Public,
    }
}

fn note(chat: ChatId, caption: &str) -> Command {
    Command::PostAttachment {
        chat,
        attachment: file("../etc/a\u{1b}b.txt", 5),
        text: text(caption),
        visibility: Visibility::Note,
    }
}

fn attached(records: &[Record]) -> Vec<Attachment> {
    let posted = records.iter().filter_map(|record| match &record.event {
        Event::MessagePosted { attachments, .. } => Some(attachments.clone()),
        _ => None,
    });
    posted.flatten().collect()
}

#[test]
fn a_file_is_a_message_with_a_number_of_its_own() {
    let mut sim = Sim::staffed();
    let (chat, cleo) = sim.open(2);
    let sent = attached(&sim.must(&cleo, send(chat, 7)));
    let expected = Attachment {
        id: AttachmentId(1),
        name: text("a.txt"),
        bytes: 7,
        kind: text("text/plain"),
    };
    assert_eq!(sent, [expected]);
    let (other, dora) = sim.open(1);
    let next = attached(&sim.must(&dora, send(other, 7)));
    assert_eq!(next[0].id, AttachmentId(2));
    let third = attached(&sim.must(&cleo, send(chat, 7)));
    assert_eq!(third[0].id, AttachmentId(3));
}

#[test]
fn names_lose_folders_and_controls() {
    let mut sim = Sim::staffed();
    let (chat, _) = sim.open(2);
    let ana = sim.online(4);
    let sent = attached(&sim.must(&ana, note(chat, "look")));
    assert_eq!(sent[0].name.as_str(), "a\u{241b}b.txt");
}

#[test]
fn who_may_post_may_send_a_file_and_nobody_else() {
    let mut sim = Sim::staffed();
    let (chat, cleo) = sim.open(2);
    let (_, stranger) = sim.open(1);
    let ana = sim.online(4);
    assert_eq!(sim.owner(chat), Some(4));
    sim.must(&ana, send(chat, 1));
    sim.must(&ana, note(chat, ""));
    let far = sim.refuses(&stranger, send(chat, 1));
    assert_eq!(far.code(), ErrorCode::NotFound);
    let noting = sim.refuses(&cleo, note(chat, ""));
    assert_eq!(noting.code(), ErrorCode::Forbidden);
    let mia = sim.online(3);
    let foreign = sim.refuses(&mia, send(chat, 1));
    assert_eq!(foreign.code(), ErrorCode::NotMember);
}

#[test]
fn a_file_reopens_and_wakes_as_a_message_does() {
    let mut sim = Sim::staffed();
    let (chat, cleo) = sim.open(2);
    let ana = sim.online(4);
    sim.must(&ana, Command::Hold { chat });
    let sent = sim.must(&cleo, send(chat, 1));
    assert_eq!(kinds(&sent)[..2], ["message_posted", "chat_woken"]);
    sim.must(&ana, Command::Resolve { chat });
    let refused = sim.refuses(&ana, send(chat, 1));
    let state = ChatState::Resolved;
    assert_eq!(refused, Rejection::WrongState { chat, state });
    let sent = sim.must(&cleo, send(chat, 1));
    assert!(kinds(&sent).contains(&"chat_reopened"), "{sent:?}");
}

#[test]
fn sizes_and_captions_have_limits() {
    let mut sim = Sim::staffed();
    let (chat, cleo) = sim.open(2);
    let empty = sim.refuses(&cleo, send(chat, 0));
    assert_eq!(empty.code(), ErrorCode::Invalid);
    let large = sim.refuses(&cleo, send(chat, ATTACHMENT_BYTES_MAX + 1));
    assert_eq!(
        large.to_string(),
        "the file has 10.0 MiB; at most 10.0 MiB can be sent"
    );
    assert_eq!(large.code(), ErrorCode::TooLarge);
    let ana = sim.online(4);
    let long = sim.refuses(&ana, note(chat, &"x".repeat(MESSAGE_BYTES_MAX + 1)));
    assert_eq!(long.code(), ErrorCode::TooLarge);
    sim.must(&ana, note(chat, &"x".repeat(MESSAGE_BYTES_MAX)));
}

#[test]
fn a_chat_holds_fifty_mebibytes_of_files_for_ever() {
    let mut sim = Sim::staffed();
    let (chat, cleo) = sim.open(2);
    let count = CHAT_BYTES_MAX / ATTACHMENT_BYTES_MAX;
    for _ in 1..count {
        sim.must(&cleo, send(chat, ATTACHMENT_BYTES_MAX));
    }
    sim.must(&cleo, send(chat, ATTACHMENT_BYTES_MAX - 2_048));
    let refused = sim.refuses(&cleo, send(chat, 2_049));
    assert_eq!(
        refused.to_string(),
        "chat 1 has room for 2.0 KiB of files; the file has 2.0 KiB"
    );
    assert_eq!(refused.code(), ErrorCode::TooLarge);
    sim.must(&cleo, send(chat, 2_048));
    sim.refuses(&cleo, send(chat, 1));
    // Another chat has room of its own, and a restart changes nothing.
    let (other, dora) = sim.open(1);
    sim.must(&dora, send(other, ATTACHMENT_BYTES_MAX));
    let snapshot = serde_json::to_string(&sim.desk).expect("a desk is JSON");
    let again = serde_json::from_str(&snapshot).expect("a snapshot is read");
    assert_eq!(sim.desk, again);
    sim.pass(Duration::from_secs(60));
    sim.must(&crate::desk::tests::sim::user(4), status(AgentStatus::Busy));
    sim.refuses(&cleo, send(chat, 1));
}
