//! A desk for tests: people, departments, chats, and a log that is written as a hub would.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use shared::{
    api::Limits,
    assistant::{
        AnswerSource, AssistantReason, Citation, Entity, EntityKind, HandOff, HandOffReason,
        IntentGuess, Reply, ReplyKind, Share, Summary, Tried,
    },
    client::socket::SocketEvent,
    event::{AssignRule, Event, QueueReason, TransferEnd},
    fold::{ChatView, DeskView, View},
    frame::Me,
    id::{AttachmentId, CannedId, ChatId, Cursor, DepartmentId, Epoch, Seq, UserId},
    model::{
        Actor, ActorKind, AgentStatus, Attachment, Canned, CannedScope, Department, Role, User,
        Visibility,
    },
    record::{Delivered, Record},
    text::SafeText,
    time::Timestamp,
};

use crate::{
    keys::{Chord, Key},
    model::{Model, Settings},
    msg::{Effect, Msg},
    update::update,
};

/// The agent in front of the console.
pub(crate) const MIA: UserId = UserId(2);
/// A colleague.
pub(crate) const TOM: UserId = UserId(3);
/// Where both work.
pub(crate) const BILLING: DepartmentId = DepartmentId(1);
/// Where neither works.
pub(crate) const SALES: DepartmentId = DepartmentId(2);

/// 20 November 2026, 14:00 UTC.
pub(crate) fn two_o_clock() -> Timestamp {
    Timestamp::from_ms(1_795_183_200_000)
}

/// A log that grows.
#[derive(Debug)]
pub(crate) struct Story {
    /// Everything that was told.
    pub(crate) view: View,
    /// When the next record is.
    pub(crate) now: Timestamp,
}

impl Story {
    /// Two departments, three members of staff, no chats.
    pub(crate) fn new() -> Self {
        let mut view = View::default();
        for (id, name) in [(BILLING, "Billing"), (SALES, "Sales")] {
            view.departments.insert(id, department(id, name));
        }
        let staff = [
            (MIA, "mia", "Mia Ford", Role::Agent),
            (TOM, "tom", "Tom Hale", Role::Agent),
            (UserId(4), "raj", "Raj Iyer", Role::Supervisor),
        ];
        for (id, username, name, role) in staff {
            view.agents.insert(id, user(id, username, name, role));
        }
        Self {
            view,
            now: two_o_clock(),
        }
    }

    /// Writes a record.
    pub(crate) fn record(&mut self, chat: Option<ChatId>, actor: Actor, event: Event) -> Record {
        let seq = chat.map(|chat| {
            let head = self.view.chats.get(&chat).map(|view| view.chat.seq);
            head.unwrap_or_default().next()
        });
        let record = Record {
            pos: self.view.pos.next(),
            at: self.now,
            chat,
            seq,
            actor,
            event,
        };
        self.view.apply(&record);
        self.now = self.now.after(Duration::from_secs(20));
        record
    }

    /// A customer opens a chat, which then waits.
    pub(crate) fn open(&mut self, chat: u64, name: &str) -> Vec<Record> {
        let id = ChatId(chat);
        let by = customer(chat, name);
        let opened = Event::ChatOpened {
            department: BILLING,
            customer: UserId(100 + chat),
            name: SafeText::line(name),
            email: None,
            phone: None,
            fields: BTreeMap::new(),
            previous: None,
        };
        let queued = Event::ChatQueued {
            department: BILLING,
            rank_at: self.now,
            reason: QueueReason::Opened,
            epoch: Epoch(1),
        };
        let first = self.record(Some(id), by, opened);
        vec![first, self.record(Some(id), system(), queued)]
    }

    /// `agent` gets the chat.
    pub(crate) fn assign(&mut self, chat: u64, agent: UserId) -> Record {
        let id = ChatId(chat);
        let epoch = self.view.chats[&id].chat.epoch.next();
        let event = Event::ChatAssigned {
            agent,
            epoch,
            rule: AssignRule::Claimed,
            candidates: 1,
            over_capacity: false,
        };
        self.record(Some(id), system(), event)
    }

    /// The assistant gets the chat.
    pub(crate) fn assist(&mut self, chat: u64, reason: AssistantReason) -> Record {
        let id = ChatId(chat);
        let epoch = self.view.chats[&id].chat.epoch.next();
        let event = Event::AssistantAssigned { reason, epoch };
        self.record(Some(id), system(), event)
    }

    /// The assistant writes, with what stands behind it.
    pub(crate) fn replies(&mut self, chat: u64, text: &str, kind: ReplyKind) -> Vec<Record> {
        let id = ChatId(chat);
        let seq = self.view.chats[&id].chat.seq;
        let posted = self.post(chat, assistant(), text, Visibility::Public);
        let mut reply = Reply::new(kind, seq);
        if kind == ReplyKind::Answer {
            reply.intent = Some(SafeText::line("returns"));
            reply.confidence = Some(Share::from_thousandths(920));
            reply.source = Some(AnswerSource::Embedded);
            reply.citations = vec![Citation {
                id: SafeText::line("kb:returns#2"),
                title: SafeText::line("Returns"),
            }];
        }
        let reply = Box::new(reply);
        let replied = Event::AssistantReplied { reply };
        vec![posted, self.record(Some(id), assistant(), replied)]
    }

    /// The assistant looks for an answer.
    pub(crate) fn looks(&mut self, chat: u64, seq: Seq) -> Record {
        let event = Event::AssistantStarted { seq, again: false };
        self.record(Some(ChatId(chat)), assistant(), event)
    }

    /// Mia calls an answer wrong.
    pub(crate) fn flags(&mut self, chat: u64, seq: Seq, why: &str) -> Record {
        let reason = Some(SafeText::block(why));
        let by = self.agent(MIA);
        let event = Event::AnswerFlagged { seq, reason };
        self.record(Some(ChatId(chat)), by, event)
    }

    /// The assistant hands the chat off.
    pub(crate) fn hands_off(&mut self, chat: u64, hand_off: HandOff) -> Vec<Record> {
        let id = ChatId(chat);
        let epoch = self.view.chats[&id].chat.epoch.next();
        let handed_off = Event::HandedOff {
            hand_off: Box::new(hand_off),
        };
        let queued = Event::ChatQueued {
            department: BILLING,
            rank_at: self.now,
            reason: QueueReason::HandedOff,
            epoch,
        };
        let first = self.record(Some(id), assistant(), handed_off);
        vec![first, self.record(Some(id), assistant(), queued)]
    }

    /// The customer writes.
    pub(crate) fn says(&mut self, chat: u64, text: &str) -> Record {
        let name = self.view.chats[&ChatId(chat)].chat.name.clone();
        self.post(chat, customer(chat, &name), text, Visibility::Public)
    }

    /// The customer sends a file; `name` is as a hub might give it.
    pub(crate) fn sends(&mut self, chat: u64, file: u64, name: &str) -> Record {
        let who = self.view.chats[&ChatId(chat)].chat.name.clone();
        let event = Event::MessagePosted {
            text: SafeText::default(),
            visibility: Visibility::Public,
            attachments: vec![Attachment {
                id: AttachmentId(file),
                name: SafeText::block(name),
                bytes: 12_345,
                kind: SafeText::line("application/pdf"),
            }],
        };
        self.record(Some(ChatId(chat)), customer(chat, &who), event)
    }

    /// A member of staff writes.
    pub(crate) fn answers(
        &mut self,
        chat: u64,
        agent: UserId,
        text: &str,
        visibility: Visibility,
    ) -> Record {
        let by = self.agent(agent);
        self.post(chat, by, text, visibility)
    }

    /// The chat goes to another department.
    pub(crate) fn transfer(&mut self, chat: u64, to: DepartmentId) -> Record {
        let id = ChatId(chat);
        let view = &self.view.chats[&id];
        let end = |department| TransferEnd {
            department,
            agent: None,
        };
        let event = Event::ChatTransferred {
            from: end(view.chat.department),
            to: end(to),
            epoch: view.chat.epoch.next(),
        };
        let by = self.agent(TOM);
        self.record(Some(id), by, event)
    }

    /// The actor that a member of staff is.
    pub(crate) fn agent(&self, id: UserId) -> Actor {
        Actor {
            kind: ActorKind::Agent,
            id: Some(id),
            name: self.view.agents[&id].name.clone(),
            rule: None,
        }
    }

    /// What a hub says to a console that connects: chats of Billing, 20 records each.
    pub(crate) fn snapshot(&self) -> SocketEvent {
        let chats = self.view.chats.values();
        let seen = chats.filter(|view| view.chat.department == BILLING);
        let chats = seen.map(|view| ChatView {
            chat: view.chat.clone(),
            events: view.events[view.events.len().saturating_sub(20)..].to_vec(),
        });
        SocketEvent::Snapshot {
            pos: self.view.pos,
            desk: Box::new(DeskView {
                departments: self.view.departments.values().cloned().collect(),
                agents: self.view.agents.values().cloned().collect(),
                chats: chats.collect(),
                canned: self.view.canned.values().cloned().collect(),
                settings: self.view.settings.clone(),
                assistant: self.view.assistant.clone(),
            }),
        }
    }

    /// A canned reply for those of `scope`; its number.
    pub(crate) fn can(&mut self, code: &str, scope: CannedScope, text: &str) -> CannedId {
        let id = CannedId(self.view.canned.len() as u64 + 1);
        let canned = Canned {
            id,
            code: SafeText::line(code),
            scope,
            text: SafeText::block(text),
            variants: BTreeMap::new(),
            uses: 0,
            rev: 1,
        };
        self.view.canned.insert(id, canned);
        id
    }

    fn post(&mut self, chat: u64, by: Actor, text: &str, visibility: Visibility) -> Record {
        let text = SafeText::block(text);
        let event = Event::MessagePosted {
            text,
            visibility,
            attachments: Vec::new(),
        };
        self.record(Some(ChatId(chat)), by, event)
    }
}

/// The hub takes Mia in.
pub(crate) fn connected() -> SocketEvent {
    SocketEvent::Connected {
        me: Me {
            id: MIA,
            role: Role::Agent,
            name: SafeText::line("mia"),
            departments: BTreeSet::from([BILLING]),
            permissions: BTreeSet::new(),
        },
        resumed: false,
        limits: Limits::default(),
        now: two_o_clock(),
    }
}

/// The past is over.
pub(crate) fn live() -> SocketEvent {
    SocketEvent::Live { cursor: cursor() }
}

/// A record as the socket gives it.
pub(crate) fn delivered(record: Record) -> SocketEvent {
    SocketEvent::Record(Box::new(Delivered {
        record,
        cursor: cursor(),
    }))
}

/// A console of Mia's that is not connected yet.
pub(crate) fn console() -> Model {
    let settings = Settings {
        context: "acme-prod".to_owned(),
        ascii: false,
        wall: false,
        plain: false,
        opens_links: false,
        zone: TimeZone::UTC,
        seed: 7,
        kitty: false,
        notify_body: false,
    };
    Model::new(settings, two_o_clock())
}

/// Gives the console events of the hub, all at the time of the story.
pub(crate) fn hear(
    model: &mut Model,
    story: &Story,
    events: impl IntoIterator<Item = SocketEvent>,
) -> Vec<Effect> {
    let effects = events
        .into_iter()
        .flat_map(|event| update(model, Msg::Hub(event), story.now));
    effects.collect()
}

/// A console that shows `story`.
pub(crate) fn console_of(story: &Story) -> Model {
    let mut model = console();
    hear(&mut model, story, [connected(), story.snapshot(), live()]);
    model
}

/// Two chats of Mia's, one of Tom's, two that wait.
pub(crate) fn busy_desk() -> Story {
    let mut story = Story::new();
    story.open(1, "Ana Lima");
    story.assign(1, MIA);
    story.says(1, "The invoice shows the wrong VAT number");
    story.answers(1, MIA, "Checking now, one moment.", Visibility::Public);
    story.answers(1, TOM, "VAT id changed on 3 Nov", Visibility::Note);
    story.open(2, "Bo Chen");
    story.assign(2, MIA);
    story.says(2, "where is my parcel");
    story.open(3, "K. Osei");
    story.assign(3, TOM);
    story.open(4, "Dmitri Volkov");
    story.says(4, "My card was charged twice");
    story.open(5, "Guest-81");
    story.says(
        1,
        "It is DE123, not DE321. Also I cannot download the PDF of October.",
    );
    story
}

/// The key event of one chord.
pub(crate) fn key(chord: &str) -> KeyEvent {
    let chord: Chord = chord.parse().expect("a chord");
    match chord.key() {
        Key::Code(code) => KeyEvent::new(code, chord.modifiers()),
        Key::Digit => panic!("no single key"),
    }
}

/// Presses chords with spaces between.
pub(crate) fn press(model: &mut Model, chords: &str) -> Vec<Effect> {
    let now = model.now;
    let keys = chords.split(' ').map(key);
    keys.flat_map(|key| update(model, Msg::Key(key), now))
        .collect()
}

/// Types letter by letter.
pub(crate) fn type_text(model: &mut Model, text: &str) -> Vec<Effect> {
    let now = model.now;
    let keys = text
        .chars()
        .map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
    keys.flat_map(|key| update(model, Msg::Key(key), now))
        .collect()
}

fn cursor() -> Cursor {
    Cursor::parse("00ff.1.00").expect("a cursor")
}

fn customer(chat: u64, name: &str) -> Actor {
    Actor {
        kind: ActorKind::Customer,
        id: Some(UserId(100 + chat)),
        name: SafeText::line(name),
        rule: None,
    }
}

fn system() -> Actor {
    Actor {
        kind: ActorKind::System,
        id: None,
        name: SafeText::line("desk"),
        rule: None,
    }
}

fn assistant() -> Actor {
    Actor {
        kind: ActorKind::Assistant,
        id: None,
        name: SafeText::line("Assistant"),
        rule: None,
    }
}

/// A hand-off that tells everything, with texts of one's choice.
pub(crate) fn hand_off_of(say: impl Fn(&'static str) -> String) -> HandOff {
    let text = |what: &'static str| SafeText::block(&say(what));
    let guess = |title: &'static str, thousandths| IntentGuess {
        intent: text(title),
        title: text(title),
        confidence: Share::from_thousandths(thousandths),
    };
    HandOff {
        reason: HandOffReason::KeywordRule,
        detail: Some(text("lawyer")),
        intent: Some(text("Refunds")),
        confidence: Some(Share::from_thousandths(620)),
        top: vec![
            guess("Refunds", 620),
            guess("Returns", 210),
            guess("Shipping", 100),
        ],
        language: Some(text("en")),
        summary: Summary {
            first: Some(text("I want my money back for order 4711")),
            last: vec![
                text("that did not help"),
                text("you have my address ana@example.com"),
                text("then I call my lawyer"),
            ],
            entities: vec![
                Entity {
                    kind: EntityKind::Number,
                    text: text("4711"),
                },
                Entity {
                    kind: EntityKind::Email,
                    text: text("ana@example.com"),
                },
            ],
            tried: vec![Tried {
                text: text("You can return it within 14 days."),
                citations: vec![Citation {
                    id: text("kb:returns#2"),
                    title: text("Returns"),
                }],
            }],
        },
        from: Seq(2),
        to: Seq(9),
        waited_ms: 1_200,
        place: 3,
    }
}

/// Ana, who was with the assistant and is Mia's now, among other chats.
pub(crate) fn handed_off_desk(say: impl Fn(&'static str) -> String) -> Story {
    let mut story = busy_desk();
    story.open(6, "Eve Moss");
    story.assist(6, AssistantReason::Opened);
    story.says(6, "how do I return a bike");
    story.replies(
        6,
        &say("You can return it within 14 days."),
        ReplyKind::Answer,
    );
    story.open(7, "Gus Wood");
    story.assist(7, AssistantReason::Opened);
    story.says(7, "my bike squeaks");
    story.assist(1, AssistantReason::Returned);
    story.says(1, "how long can I return it");
    story.replies(
        1,
        &say("You can return it within 14 days."),
        ReplyKind::Answer,
    );
    story.hands_off(1, hand_off_of(say));
    story.assign(1, MIA);
    story
}

fn department(id: DepartmentId, name: &str) -> Department {
    Department {
        id,
        name: SafeText::line(name),
        description: SafeText::default(),
        active: true,
        default: id == BILLING,
        capacity: None,
        retention_days: None,
        form: Vec::new(),
        rev: 1,
    }
}

fn user(id: UserId, username: &str, name: &str, role: Role) -> User {
    User {
        id,
        username: SafeText::line(username),
        name: SafeText::line(name),
        role,
        departments: BTreeSet::from([BILLING]),
        status: AgentStatus::Online,
        reason: None,
        drain: false,
        reachable: true,
        capacity: None,
        active: true,
        rev: 1,
    }
}
