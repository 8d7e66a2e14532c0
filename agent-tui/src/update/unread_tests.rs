//! What is unread, in two consoles of one agent that hear the same hub. A test file.

use shared::{
    client::socket::SocketEvent,
    command::Command,
    error::ErrorCode,
    event::{Event, Reader},
    id::{ChatId, CommandId, Seq},
    model::Visibility,
    record::Record,
};

use crate::{
    fixture::{MIA, Story, TOM, busy_desk, console_of, delivered, hear, press},
    model::Model,
    msg::Effect,
};

/// Two consoles of Mia's and the hub they hear.
struct Two {
    story: Story,
    here: Model,
    there: Model,
}

impl Two {
    fn new() -> Self {
        let story = busy_desk();
        let (here, there) = (console_of(&story), console_of(&story));
        let mut two = Self { story, here, there };
        // Both are started in chat 1, read as soon as they are there.
        two.read(1);
        two
    }

    /// Both hear of it; gives what the first and the second do.
    fn tell(&mut self, record: &Record) -> [Vec<(CommandId, Command)>; 2] {
        let here = hear(&mut self.here, &self.story, [delivered(record.clone())]);
        let there = hear(&mut self.there, &self.story, [delivered(record.clone())]);
        [marks(&here), marks(&there)]
    }

    fn says(&mut self, chat: u64, text: &str) -> [Vec<(CommandId, Command)>; 2] {
        let record = self.story.says(chat, text);
        self.tell(&record)
    }

    /// The hub takes in that Mia has read the chat to its end.
    fn read(&mut self, chat: u64) -> [Vec<(CommandId, Command)>; 2] {
        let id = ChatId(chat);
        let seq = self.story.view.chats[&id].chat.seq;
        let by = self.story.agent(MIA);
        let event = Event::ReadMarked {
            by: Reader::Staff,
            seq,
        };
        let record = self.story.record(Some(id), by, event);
        self.tell(&record)
    }

    /// The hub takes in that Mia calls it unread.
    fn unread_again(&mut self, chat: u64, seq: Seq) {
        let by = self.story.agent(MIA);
        let event = Event::UnreadMarked { seq };
        let record = self.story.record(Some(ChatId(chat)), by, event);
        self.tell(&record);
    }

    fn unread(&self, chat: u64) -> (usize, usize) {
        let chat = ChatId(chat);
        (self.here.unread(chat), self.there.unread(chat))
    }
}

/// What `effects` tell the hub of what is read.
fn marks(effects: &[Effect]) -> Vec<(CommandId, Command)> {
    let mut found = Vec::new();
    for effect in effects {
        if let Effect::Do { cid, command } = effect
            && matches!(
                command,
                Command::MarkRead { .. } | Command::MarkUnread { .. }
            )
        {
            found.push((cid.clone(), command.clone()));
        }
    }
    found
}

#[test]
fn what_is_read_in_one_console_is_read_in_the_other() {
    let mut two = Two::new();
    assert_eq!(two.unread(2), (1, 1));
    let marked = marks(&press(&mut two.here, "Esc 2"));
    let seq = two.story.view.chats[&ChatId(2)].chat.seq;
    let chat = ChatId(2);
    assert_eq!(marked[0].1, Command::MarkRead { chat, seq });
    assert_eq!(
        two.unread(2),
        (0, 1),
        "here at once, there when the hub says so"
    );
    assert!(marks(&press(&mut two.here, "z")).is_empty(), "told once");
    assert_eq!(two.read(2), [vec![], vec![]]);
    assert_eq!(two.unread(2), (0, 0));
    assert_eq!(two.there.threads[&chat].new_from, None);
    two.says(2, "and?");
    assert_eq!(two.unread(2), (0, 1));
    // What we write ourselves is read, and what was there before it.
    let record = two.story.answers(2, MIA, "on its way", Visibility::Public);
    two.tell(&record);
    assert_eq!(two.unread(2), (0, 0));
}

#[test]
fn notes_of_others_are_read_too() {
    let mut two = Two::new();
    let note = two.story.answers(1, TOM, "known issue", Visibility::Note);
    let seq = note.seq.expect("of a chat");
    let [here, _] = two.tell(&note);
    let chat = ChatId(1);
    assert_eq!(here[0].1, Command::MarkRead { chat, seq });
}

#[test]
fn what_is_called_unread_is_so_in_both_until_one_comes_back_to_it() {
    let mut two = Two::new();
    let chat = ChatId(1);
    two.says(1, "hello?");
    two.read(1);
    assert_eq!(two.unread(1), (0, 0));
    let marked = marks(&press(&mut two.here, "Esc M"));
    let Command::MarkUnread { seq, .. } = marked[0].1 else {
        panic!("{marked:?}");
    };
    assert_eq!(two.unread(1), (1, 0));
    two.unread_again(1, seq);
    assert_eq!(two.unread(1), (1, 1), "also where it is in front");
    assert!(two.there.threads[&chat].left_unread);
    assert!(
        marks(&press(&mut two.here, "M")).is_empty(),
        "it is so already"
    );
    two.says(1, "anybody?");
    assert_eq!(two.unread(1), (2, 2), "nobody came back to it");
    press(&mut two.there, "Esc 2");
    let marked = marks(&press(&mut two.there, "1"));
    assert!(matches!(marked[..], [(_, Command::MarkRead { .. })]));
    assert_eq!(two.unread(1), (2, 0));
    two.read(1);
    assert_eq!(two.unread(1), (0, 0));
}

#[test]
fn an_unread_mark_that_the_hub_refuses_comes_off() {
    let mut two = Two::new();
    let marked = marks(&press(&mut two.here, "Esc M"));
    assert_eq!(two.unread(1), (1, 0));
    let refusal = SocketEvent::Nack {
        cid: marked[0].0.clone(),
        code: ErrorCode::Forbidden,
        message: "not yours".to_owned(),
        retry_in: None,
    };
    hear(&mut two.here, &two.story, [refusal]);
    assert_eq!(two.unread(1), (0, 0));
}

#[test]
fn a_chat_that_comes_to_us_is_unread_from_the_last_answer_of_anybody_on() {
    let mut two = Two::new();
    // Both look at a chat that somebody answered before.
    let told = [
        two.story.says(3, "one"),
        two.story.answers(3, TOM, "answered", Visibility::Public),
        two.story.says(3, "two"),
        two.story.answers(3, TOM, "for the next", Visibility::Note),
        two.story.assign(3, MIA),
    ];
    for record in &told {
        two.tell(record);
    }
    assert_eq!(two.unread(3), (2, 2), "\"two\" and the note");
    // Nothing in it is new, but the chat is.
    let told = [
        two.story.assign(5, TOM),
        two.story.answers(5, TOM, "done?", Visibility::Public),
        two.story.assign(5, MIA),
    ];
    for record in &told {
        two.tell(record);
    }
    assert_eq!(two.unread(5), (1, 1));
    let walk = [(); 3].map(|()| {
        let marked = marks(&press(&mut two.here, "Alt+A"));
        (two.here.current().map(|chat| chat.0), marked.len())
    });
    assert_eq!(
        walk,
        [(Some(2), 1), (Some(5), 1), (Some(3), 1)],
        "each is told to the hub"
    );
    two.read(5);
    assert_eq!(two.unread(5), (0, 0));
}
