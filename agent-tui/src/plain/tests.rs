//! What is told of a day at the desk, line by line, and that hostile texts stay lines of text.

use std::time::Duration;

use shared::{
    api::{AssistAnswer, Suggestion, SuggestionSource},
    client::socket::SocketEvent,
    event::Event,
    frame::Typist,
    id::{ChatId, CommandId, UserId},
    model::{ActorKind, Visibility},
    text::{HOSTILE, SafeText},
    time::Timestamp,
};

use super::{
    commands::{Meaning, read},
    lines::{Teller, prompt},
    lists,
    words::{clean, speaker},
};
use crate::{
    fixture::{
        MIA, SALES, Story, TOM, busy_desk, connected, console, delivered, handed_off_desk, live,
    },
    model::Model,
    msg::{Effect, Msg},
    overlay::Overlay,
    thread::Draft,
    update::update,
};

/// Somebody in front of the lines.
struct Person {
    model: Model,
    teller: Teller,
    now: Timestamp,
    /// What was typed, after the prompt, and what was told.
    told: String,
    cids: Vec<CommandId>,
}

impl Person {
    fn new() -> Self {
        let mut model = console();
        model.settings.plain = true;
        Self {
            now: model.now,
            model,
            teller: Teller::default(),
            told: String::new(),
            cids: Vec::new(),
        }
    }

    fn at(story: &Story) -> Self {
        let mut person = Self::new();
        person.now = story.now;
        person.hears([connected(), story.snapshot(), live()]);
        person
    }

    fn take(&mut self, msg: Msg) -> Vec<Effect> {
        let effects = update(&mut self.model, msg, self.now);
        let news = self.teller.news(&mut self.model);
        self.print(&news);
        for effect in &effects {
            if let Effect::Do { cid, .. } = effect {
                self.cids.push(cid.clone());
            }
        }
        effects
    }

    fn print(&mut self, lines: &[String]) {
        for line in lines {
            self.told.push_str(line);
            self.told.push('\n');
        }
    }

    fn hears(&mut self, events: impl IntoIterator<Item = SocketEvent>) {
        for event in events {
            self.take(Msg::Hub(event));
        }
    }

    fn types(&mut self, line: &str) {
        self.told
            .push_str(&format!("{}{line}\n", prompt(&self.model, false)));
        match read(&self.model, line) {
            Meaning::Typed(typed) => drop(self.take(Msg::Typed(typed))),
            other => panic!("{line}: {other:?}"),
        }
    }

    /// The hub has the message that was sent last.
    fn stored(&mut self, story: &mut Story, chat: u64, text: &str, visibility: Visibility) {
        let record = story.answers(chat, MIA, text, visibility);
        let done = SocketEvent::Done {
            cid: self.cids.last().expect("something was sent").clone(),
            pos: record.pos,
            chat: record.chat,
            seq: record.seq,
            dup: false,
        };
        self.now = story.now;
        self.hears([done, delivered(record)]);
    }
}

fn typing(chat: u64, name: &str, on: bool) -> SocketEvent {
    let who = Typist {
        id: UserId(100 + chat),
        name: SafeText::line(name),
        customer: true,
    };
    SocketEvent::Typing {
        chat: ChatId(chat),
        who,
        on,
        preview: None,
    }
}

fn lost(attempt: u32) -> SocketEvent {
    SocketEvent::Disconnected {
        why: "connection refused".to_owned(),
        retry_in: Duration::from_secs(2),
        attempt,
    }
}

#[test]
fn a_day_at_the_desk() {
    let mut story = busy_desk();
    let mut person = Person::new();
    let draft = Draft {
        reply: "half a\nthought".to_owned(),
        ..Draft::default()
    };
    let mut restored = crate::msg::Restored::default();
    restored.drafts.insert(ChatId(2), draft);
    person.now = story.now;
    person.take(Msg::Restored(Box::new(restored)));
    person.hears([lost(1), lost(2), connected(), story.snapshot(), live()]);

    person.types("It is corrected now.");
    person.stored(&mut story, 1, "It is corrected now.", Visibility::Public);
    person.types("/note VAT id was wrong");
    person.stored(&mut story, 1, "VAT id was wrong", Visibility::Note);
    person.hears([typing(1, "Ana Lima", true), typing(1, "Ana Lima", true)]);
    let thanks = story.says(1, "Thanks!\nAnd the PDF?");
    let parcel = story.says(
        2,
        "It should have been here on Monday, that is what the shop said to me",
    );
    let seen = story.answers(1, TOM, "I send it", Visibility::Public);
    person.now = story.now;
    person.hears([delivered(thanks), delivered(parcel), delivered(seen)]);

    let waits = story.open(6, "note by tom (team only)");
    let taken = story.assign(4, TOM);
    person.now = story.now;
    person.hears(waits.into_iter().chain([taken]).map(delivered));
    person.hears([lost(1), lost(2), lost(3)]);
    person.types("sent while offline");
    person.hears([connected(), live()]);
    person.stored(&mut story, 1, "sent while offline", Visibility::Public);

    person.types("/go 2");
    person.types("/status away lunch");
    person.types("/close");
    person.types("perhaps");
    person.types("n");
    person.types("/search monday");
    person.types("/accept");
    let moved = story.transfer(2, SALES);
    person.now = story.now;
    person.hears([delivered(moved)]);
    for lines in [
        lists::chats,
        lists::unread,
        lists::who,
        lists::draft,
        lists::wall,
    ] {
        let lines: Vec<String> = lines(&person.model)
            .iter()
            .map(|line| clean(line))
            .collect();
        person.print(&lines);
    }
    insta::assert_snapshot!(person.told);
}

#[test]
fn what_was_refused_says_how_to_go_on() {
    let story = busy_desk();
    let mut person = Person::at(&story);
    person.told.clear();
    person.types("hello");
    let cid = person.cids.last().expect("sent").clone();
    let why = "the chat is closed".to_owned();
    person.take(Msg::Refused { cid, why });
    let expect = "#1 Ana Lima (reply)> hello\n\
        error: a message in #1 was not sent: the chat is closed\n\
        14:06 #1 not sent; /retry sends it again, /discard makes it a draft\n";
    assert_eq!(person.told, expect);
    person.types("/discard");
    assert!(!person.told.contains("stored"), "{}", person.told);
    assert_eq!(person.model.threads[&ChatId(1)].reply.text(), "hello");
}

#[test]
fn what_a_colleague_overtook_is_not_called_stored() {
    let story = busy_desk();
    let mut person = Person::at(&story);
    person.told.clear();
    person.types("hello");
    let cid = person.cids.last().expect("sent").clone();
    person.hears([SocketEvent::Nack {
        cid,
        code: shared::error::ErrorCode::Stale,
        message: "tom wrote meanwhile".to_owned(),
        retry_in: None,
    }]);
    let expect = "#1 Ana Lima (reply)> hello\n\
        error: not sent: tom wrote meanwhile\n\
        14:06 #1 kept as a draft; /send sends it all the same, /clear drops it\n";
    assert_eq!(person.told, expect);
}

#[test]
fn somebody_who_types_is_told_once_for_as_long_as_they_do() {
    let story = busy_desk();
    let mut person = Person::at(&story);
    person.told.clear();
    for _ in 0..10 {
        person.hears([typing(1, "Ana Lima", true), typing(2, "Bo Chen", true)]);
        person.now = person.now.after(Duration::from_secs(3));
        person.take(Msg::Tick);
    }
    assert_eq!(person.told, "Ana Lima types\n", "and nobody elsewhere");
    for _ in 0..3 {
        person.hears([typing(1, "Ana Lima", false), typing(1, "Ana Lima", true)]);
    }
    let twice = "Ana Lima types\nAna Lima types\n";
    assert_eq!(person.told, twice, "once in six seconds");
}

#[test]
fn older_messages_come_when_they_are_asked_for() {
    let mut story = busy_desk();
    for number in 0..60 {
        story.says(1, &format!("line {number}"));
    }
    let mut person = Person::at(&story);
    assert!(person.told.contains("line 50\n") && !person.told.contains("line 49\n"));
    person.told.clear();
    // Twenty are here, ten of them were told.
    assert_eq!(person.teller.ask_older(&person.model), Ok(false));
    person.take(Msg::Tick);
    assert!(
        person.told.starts_with("10 older lines of #1\n"),
        "{}",
        person.told
    );
    assert!(person.told.contains("line 40\n") && person.told.contains("line 49\n"));
    assert!(!person.told.contains("line 39\n") && !person.told.contains("line 50\n"));

    assert_eq!(person.teller.ask_older(&person.model), Ok(true));
    let intents = [
        crate::keys::Intent::ScrollTop,
        crate::keys::Intent::ScrollEnd,
    ];
    let mut asked = Vec::new();
    for intent in intents {
        asked.append(&mut person.take(Msg::Typed(crate::msg::Typed::Intent(intent))));
    }
    let asked = asked.into_iter().find_map(|effect| match effect {
        Effect::Fetch { id, before, .. } => Some((id, before)),
        _ => None,
    });
    let (id, before) = asked.expect("the hub is asked");
    assert!(person.teller.waits_for_older());
    person.told.clear();
    let events = story.view.chats[&ChatId(1)].events.iter();
    let events = events
        .filter(|record| record.seq < before)
        .cloned()
        .collect();
    let chat = ChatId(1);
    person.hears([SocketEvent::Page {
        id,
        chat,
        events,
        more: false,
    }]);
    assert!(person.told.contains("line 30\n") && person.told.contains("line 39\n"));
    assert!(!person.teller.waits_for_older());
    for _ in 0..8 {
        person.told.clear();
        if person.teller.ask_older(&person.model).is_ok() {
            person.take(Msg::Tick);
        }
    }
    let why = person.teller.ask_older(&person.model);
    assert_eq!(why, Err("this is the beginning of #1".to_owned()));
}

#[test]
fn names_cannot_pass_for_what_lines_begin_with() {
    for name in [
        "Ana Lima",
        "K. Osei",
        "O'Hara-M\u{fc}ller",
        "\u{738b}\u{82b3}",
        "Guest-81",
    ] {
        assert_eq!(speaker(name), name);
    }
    for (name, shown) in [
        ("you", "\"you\""),
        ("Note by tom", "\"Note by tom\""),
        ("desk", "\"desk\""),
        ("tom (staff)", "\"tom (staff)\""),
        ("a: 14:03 #1 b", "\"a: 14:03 #1 b\""),
        ("\"x\"", "\"'x'\""),
    ] {
        assert_eq!(speaker(name), shown);
    }
}

/// Whether lines may hold this; `render` makes everything else visible or drops it.
fn may_pass(c: char) -> bool {
    let code = u32::from(c);
    c == '\n'
        || !(c.is_control()
            || matches!(code, 0x61c | 0x200b | 0x200e | 0x200f | 0x2028..=0x202e | 0x2060..=0x206f)
            || matches!(code, 0xfeff | 0xe0000..=0xe007f))
}

#[test]
fn hostile_texts_stay_lines_of_text() {
    for raw in HOSTILE {
        let mut story = busy_desk();
        // As a hub would send it that cleans nothing.
        let dirty: SafeText = serde_json::from_value(serde_json::json!(raw)).expect("a text");
        let rename = |view: &mut shared::fold::View| {
            view.chats.get_mut(&ChatId(1)).expect("Ana").chat.name = dirty.clone();
            view.chats.get_mut(&ChatId(5)).expect("a guest").chat.name = dirty.clone();
            for department in view.departments.values_mut() {
                department.name = dirty.clone();
            }
            view.agents.get_mut(&TOM).expect("Tom").name = dirty.clone();
        };
        rename(&mut story.view);
        let mut person = Person::at(&story);
        person.hears([typing(1, raw, true)]);
        let by = |kind| shared::model::Actor {
            kind,
            id: Some(UserId(101)),
            name: dirty.clone(),
            rule: None,
        };
        for (chat, kind) in [
            (1, ActorKind::Customer),
            (2, ActorKind::Customer),
            (1, ActorKind::Assistant),
        ] {
            let text = dirty.clone();
            let visibility = Visibility::Public;
            let event = Event::MessagePosted {
                text,
                visibility,
                attachments: Vec::new(),
            };
            let record = story.record(Some(ChatId(chat)), by(kind), event);
            person.hears([delivered(record)]);
        }
        let why = raw.to_string();
        person.take(Msg::Told {
            text: why.clone(),
            error: true,
        });
        person.hears([SocketEvent::Disconnected {
            why,
            retry_in: Duration::from_secs(1),
            attempt: 1,
        }]);
        person.told.push_str(&prompt(&person.model, false));
        let before = person.told.len();
        for lines in [
            lists::chats,
            lists::unread,
            lists::who,
            lists::draft,
            lists::wall,
        ] {
            let lines: Vec<String> = lines(&person.model)
                .iter()
                .map(|line| clean(line))
                .collect();
            person.print(&lines);
        }
        let bad: Vec<char> = person.told.chars().filter(|c| !may_pass(*c)).collect();
        assert!(bad.is_empty(), "{raw:?} gave {bad:?} in {:?}", person.told);
        let prompt = &person.told[..before];
        for line in prompt.lines().filter(|line| !line.starts_with("    ")) {
            let known = [
                "#", "1", "connect", "chat ", "error: ", "\"", "draft", "found",
            ];
            let begins =
                known.iter().any(|start| line.starts_with(start)) || line.ends_with(" types");
            assert!(begins, "{raw:?} gave the line {line:?}");
        }
    }
}

#[test]
fn a_chat_from_the_assistant_comes_with_its_card_and_labels_in_lines() {
    let mut person = Person::at(&handed_off_desk(str::to_owned));
    for line in [
        "Assistant (AI): You can return it within 14 days.",
        "desk: AI answer: returns 0.92; by the hub itself; from kb:returns#2 Returns",
        "\nhanded off by the assistant: a word calls a person (lawyer)\n",
        "\nhand-off, wants: Refunds 0.62, or Returns 0.21, Shipping 0.10\n",
        "\nhand-off, first: I want my money back for order 4711\n",
        "\nhand-off, waited: 2 s, then number 3 in the queue, language en\n",
    ] {
        assert!(person.told.contains(line), "{line}\n{}", person.told);
    }
    let all = lists::chats(&person.model).join("\n");
    assert!(all.contains("assistant: 2\n#6 Eve Moss: "), "{all}");
    assert!(
        all.contains("#7 Gus Wood: Billing, with the assistant, answers"),
        "{all}"
    );
    person.types("/go 4");
    let card = lists::card(&person.model);
    assert_eq!(card, ["#4 does not come from the assistant"]);
}

#[test]
fn help_comes_as_a_list_and_becomes_the_draft() {
    let mut person = Person::at(&handed_off_desk(str::to_owned));
    person.told.clear();
    person.types("/assist ask how long is a return");
    assert!(
        person
            .told
            .contains("asking the hub ..; an empty line leaves it"),
        "{}",
        person.told
    );
    let id = match &person.model.overlay {
        Some(Overlay::Picker(picker)) => picker.waits_for.clone(),
        _ => None,
    };
    let suggestion = Suggestion {
        title: SafeText::line("Returns"),
        text: SafeText::block("14 days\n2 is no choice"),
        source: SuggestionSource::Knowledge,
        citations: Vec::new(),
    };
    let answer = Ok(AssistAnswer {
        suggestions: vec![suggestion],
        text: None,
    });
    let id = id.expect("asked");
    person.take(Msg::Assisted { id, answer });
    let listed = "\n    1 Returns, knowledge: 14 days 2 is no choice\n";
    assert!(person.told.contains(listed), "{}", person.told);
    person.types("1");
    assert!(
        person.told.contains("/draft shows it, /send sends it"),
        "{}",
        person.told
    );
    let thread = &person.model.threads[&ChatId(1)];
    assert_eq!(thread.reply.text(), "14 days\n2 is no choice");
    assert!(thread.outgoing.is_empty());
}

#[test]
fn no_text_of_a_hand_off_begins_a_line() {
    for text in HOSTILE {
        let person = Person::at(&handed_off_desk(|_| (*text).to_owned()));
        for line in lists::card(&person.model) {
            let line = clean(&line);
            assert!(line.starts_with("hand"), "{line:?}");
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}
