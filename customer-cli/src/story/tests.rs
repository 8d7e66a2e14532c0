//! What a customer is shown, and what never twice.

use std::collections::BTreeMap;

use shared::{
    assistant::AssistantReason,
    client::socket::SocketEvent,
    event::{AssignRule, Event, Reader},
    fold::ChatView,
    frame::Typist,
    id::{ChatId, CommandId, Cursor, DepartmentId, Epoch, Pos, Seq, UserId},
    model::{Actor, ActorKind, Chat, ChatState, Visibility},
    record::{Delivered, Record},
    text::SafeText,
    time::Timestamp,
};

use super::{Piece, Speaker, Story};

fn plain(seq: u64, kind: ActorKind, name: &str, event: Event) -> Record {
    Record {
        pos: Pos(seq + 100),
        at: Timestamp::from_ms(0),
        chat: Some(ChatId(7)),
        seq: Some(Seq(seq)),
        actor: Actor {
            kind,
            id: None,
            name: SafeText::line(name),
            rule: None,
        },
        event,
    }
}

fn record(seq: u64, kind: ActorKind, name: &str, event: Event) -> SocketEvent {
    let record = plain(seq, kind, name, event);
    let cursor = Cursor::parse("00.1.ab").unwrap();
    SocketEvent::Record(Box::new(Delivered { record, cursor }))
}

fn posted(seq: u64, kind: ActorKind, text: &str) -> SocketEvent {
    let event = Event::MessagePosted {
        text: SafeText::block(text),
        visibility: Visibility::Public,
        attachments: Vec::new(),
    };
    record(seq, kind, "Ana", event)
}

fn done(cid: &CommandId, seq: u64) -> SocketEvent {
    SocketEvent::Done {
        cid: cid.clone(),
        pos: Pos(seq + 100),
        chat: Some(ChatId(7)),
        seq: Some(Seq(seq)),
        dup: false,
    }
}

/// A login sees all chats of its account on one socket.
#[test]
fn another_chat_of_the_same_account_is_not_in_the_story() {
    let mut story = Story::new(ChatId(7));
    story.take(view(1, Vec::new()));
    let elsewhere = |event: SocketEvent| match event {
        SocketEvent::Record(mut delivered) => {
            delivered.record.chat = Some(ChatId(8));
            SocketEvent::Record(delivered)
        }
        event => event,
    };
    let before = format!("{story:?}");
    let rated = Event::Rated {
        score: 1,
        comment: None,
    };
    let read = Event::ReadMarked {
        by: Reader::Staff,
        seq: Seq(99),
    };
    let assigned = Event::ChatAssigned {
        agent: UserId(1),
        epoch: Epoch(1),
        rule: AssignRule::LeastLoaded,
        candidates: 1,
        over_capacity: false,
    };
    for event in [
        posted(2, ActorKind::Agent, "not for here"),
        posted(3, ActorKind::Customer, "said elsewhere"),
        record(4, ActorKind::Customer, "Bo", rated),
        record(5, ActorKind::Agent, "Ana", read),
        record(6, ActorKind::System, "assign", assigned),
        record(7, ActorKind::System, "end", Event::ChatClosed {}),
    ] {
        assert_eq!(story.take(elsewhere(event)), []);
    }
    let other = SocketEvent::Queue {
        chat: ChatId(8),
        place: 3,
    };
    assert_eq!(story.take(other), []);
    let SocketEvent::Chat { pos, mut chat } = view(9, Vec::new()) else {
        panic!("a view of a chat")
    };
    chat.chat.id = ChatId(8);
    assert_eq!(story.take(SocketEvent::Chat { pos, chat }), []);
    assert_eq!(format!("{story:?}"), before, "nothing of it is remembered");
}

#[test]
fn a_record_is_shown_once() {
    let mut story = Story::new(ChatId(7));
    let pieces = story.take(posted(3, ActorKind::Agent, "hello"));
    assert!(matches!(&pieces[..], [Piece::Said(said)] if said.speaker == Speaker::Agent));
    assert_eq!(story.take(posted(3, ActorKind::Agent, "hello")), []);
    assert_eq!(story.take(posted(2, ActorKind::Agent, "older")), []);
}

#[test]
fn an_own_message_is_not_shown_again_whichever_news_comes_first() {
    for record_first in [true, false] {
        let mut story = Story::new(ChatId(7));
        let cid = CommandId::random();
        story.promise(cid.clone(), SafeText::block("help"));
        let mut news = vec![done(&cid, 2), posted(2, ActorKind::Customer, "help")];
        if record_first {
            news.reverse();
        }
        let pieces: Vec<_> = news
            .into_iter()
            .flat_map(|event| story.take(event))
            .collect();
        assert_eq!(pieces, [Piece::Sent]);
        // The same words from another program are not ours.
        assert_eq!(story.take(posted(3, ActorKind::Customer, "help")).len(), 1);
    }
}

#[test]
fn an_answer_is_what_comes_after_the_last_own_message() {
    let mut story = Story::new(ChatId(7));
    story.take(posted(2, ActorKind::Agent, "welcome"));
    assert!(!story.is_answered(), "nothing was asked");
    let cid = CommandId::random();
    story.promise(cid.clone(), SafeText::block("help"));
    story.take(done(&cid, 3));
    assert!(!story.is_answered());
    story.take(posted(4, ActorKind::System, "Ana joined the chat"));
    assert!(!story.is_answered(), "a system line is no answer");
    story.take(posted(5, ActorKind::Agent, "here I am"));
    assert!(story.is_answered());
}

#[test]
fn the_place_is_said_when_it_changes() {
    let mut story = Story::new(ChatId(7));
    let queue = |place| SocketEvent::Queue {
        chat: ChatId(7),
        place,
    };
    assert_eq!(story.take(queue(3)), [Piece::Place(3)]);
    assert_eq!(story.take(queue(3)), []);
    assert_eq!(story.take(queue(2)), [Piece::Place(2)]);
    let assigned = Event::ChatAssigned {
        agent: UserId(1),
        epoch: Epoch(1),
        rule: AssignRule::LeastLoaded,
        candidates: 1,
        over_capacity: false,
    };
    story.take(record(4, ActorKind::System, "assign", assigned));
    assert_eq!(story.state(), Some(ChatState::Active));
    assert_eq!(
        story.take(queue(2)),
        [Piece::Place(2)],
        "it waits once more"
    );
}

#[test]
fn seen_and_typing_are_said_once() {
    let mut story = Story::new(ChatId(7));
    let cid = CommandId::random();
    story.promise(cid.clone(), SafeText::block("help"));
    story.take(done(&cid, 3));
    let read = |at, seq| {
        let by = Reader::Staff;
        let event = Event::ReadMarked { by, seq: Seq(seq) };
        record(at, ActorKind::Agent, "Ana", event)
    };
    assert_eq!(story.take(read(4, 2)), [], "not far enough");
    assert_eq!(story.take(read(5, 3)), [Piece::Seen]);
    assert_eq!(story.take(read(6, 5)), []);
    let typing = |on| SocketEvent::Typing {
        chat: ChatId(7),
        who: Typist {
            id: UserId(1),
            name: SafeText::line("Ana"),
            customer: false,
        },
        on,
        preview: None,
    };
    assert_eq!(story.take(typing(true)).len(), 1);
    assert_eq!(story.take(typing(true)), []);
    story.take(posted(7, ActorKind::Agent, "done"));
    assert_eq!(story.take(typing(true)).len(), 1, "a new burst");
}

fn view(seq: u64, records: Vec<Record>) -> SocketEvent {
    let opened = Event::ChatOpened {
        department: DepartmentId(1),
        customer: UserId(9),
        name: SafeText::line("Bo"),
        email: None,
        phone: None,
        fields: BTreeMap::new(),
        previous: None,
    };
    let mut chat = Chat::opened(&plain(1, ActorKind::Customer, "Bo", opened)).unwrap();
    chat.seq = Seq(seq);
    let events = records;
    SocketEvent::Chat {
        pos: Pos(seq + 100),
        chat: Box::new(ChatView { chat, events }),
    }
}

#[test]
fn a_chat_that_is_taken_up_again_shows_what_comes_after() {
    let mut story = Story::resumed(ChatId(7));
    let event = Event::MessagePosted {
        text: SafeText::block("old"),
        visibility: Visibility::Public,
        attachments: Vec::new(),
    };
    let old = plain(3, ActorKind::Agent, "Ana", event);
    assert_eq!(story.take(view(3, vec![old])), []);
    assert_eq!(story.take(posted(3, ActorKind::Agent, "old")), []);
    assert_eq!(story.take(posted(4, ActorKind::Agent, "new")).len(), 1);
}

#[test]
fn after_a_restore_new_messages_are_shown() {
    let mut story = Story::new(ChatId(7));
    story.take(posted(9, ActorKind::Agent, "lost with the disk"));
    assert_eq!(story.take(view(4, Vec::new())), [Piece::Gap]);
    assert_eq!(story.take(posted(5, ActorKind::Agent, "again")).len(), 1);
}

#[test]
fn an_outage_is_said_once() {
    let mut story = Story::new(ChatId(7));
    let lost = |attempt| SocketEvent::Disconnected {
        why: "refused".to_owned(),
        retry_in: std::time::Duration::from_secs(1),
        attempt,
    };
    assert_eq!(story.take(lost(1)).len(), 1);
    assert_eq!(story.take(lost(2)), []);
}

#[test]
fn a_note_is_never_shown() {
    let mut story = Story::new(ChatId(7));
    let event = Event::MessagePosted {
        text: SafeText::block("he is rude"),
        visibility: Visibility::Note,
        attachments: Vec::new(),
    };
    assert_eq!(story.take(record(3, ActorKind::Agent, "Ana", event)), []);
}

fn assisted(seq: u64, reason: AssistantReason) -> SocketEvent {
    let epoch = Epoch(seq);
    let event = Event::AssistantAssigned { reason, epoch };
    record(seq, ActorKind::System, "desk", event)
}

#[test]
fn the_greeting_of_the_assistant_is_no_answer_and_what_follows_is() {
    let mut story = Story::new(ChatId(7));
    let cid = CommandId::random();
    story.opened_with(cid, SafeText::block("help"));
    story.take(assisted(2, AssistantReason::Opened));
    story.take(posted(3, ActorKind::Customer, "help"));
    assert_eq!(story.state(), Some(ChatState::Assistant));
    let pieces = story.take(posted(4, ActorKind::Assistant, "I am an assistant"));
    assert_eq!(pieces.len(), 1, "it is shown");
    assert!(!story.is_answered(), "it greets whoever comes");
    story.take(posted(5, ActorKind::Assistant, "Like this."));
    assert!(story.is_answered());
}

#[test]
fn who_gets_a_chat_back_does_not_greet() {
    for reason in [AssistantReason::Reopened, AssistantReason::Returned] {
        let mut story = Story::new(ChatId(7));
        story.opened_with(CommandId::random(), SafeText::block("help"));
        story.take(posted(2, ActorKind::Customer, "help"));
        story.take(assisted(3, reason));
        story.take(posted(4, ActorKind::Assistant, "Like this."));
        assert!(story.is_answered(), "{reason}");
    }
    let mut resumed = Story::resumed(ChatId(7));
    resumed.take(view(1, Vec::new()));
    resumed.take(posted(2, ActorKind::Customer, "and this?"));
    resumed.take(posted(3, ActorKind::Assistant, "Like that."));
    assert!(resumed.is_answered());
}

#[test]
fn the_assistant_looks_and_people_type() {
    let mut story = Story::new(ChatId(7));
    let typing = |name: &str| SocketEvent::Typing {
        chat: ChatId(7),
        who: Typist {
            id: UserId(0),
            name: SafeText::line(name),
            customer: false,
        },
        on: true,
        preview: None,
    };
    story.take(assisted(2, AssistantReason::Opened));
    let name = SafeText::line("Robin");
    assert_eq!(story.take(typing("Robin")), [Piece::Looking { name }]);
    assert_eq!(story.take(typing("Robin")), [], "once until it answers");
    let queued = Event::ChatQueued {
        department: DepartmentId(1),
        rank_at: Timestamp::from_ms(0),
        reason: shared::event::QueueReason::HandedOff,
        epoch: Epoch(3),
    };
    story.take(record(3, ActorKind::Assistant, "Robin", queued));
    assert_eq!(story.state(), Some(ChatState::Waiting));
    let name = SafeText::line("Robin");
    assert_eq!(story.take(typing("Robin")), [Piece::Typing { name }]);
}
