//! The JSON of every event is pinned by a file: what is stored today must be read for ever.
//! Golden files are added, never edited. `FRONTDESK_BLESS=1` writes the missing ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use shared::{
    assistant::{
        AnswerSource, AssistantReason, AssistantSettings, Citation, Entity, EntityKind, Failure,
        HandOff, HandOffReason, IntentGuess, Reply, ReplyKind, Share, Summary, Tried,
    },
    event::{AssignRule, EraseReason, Event, QueueReason, Reader, TransferEnd},
    id::{AttachmentId, CannedId, ChatId, DepartmentId, Epoch, InvitationId, Pos, Seq, UserId},
    model::{
        Actor, ActorKind, AgentStatus, Attachment, Canned, CannedScope, Department, FieldKind,
        FormField, Invitation, Role, Settings, User, Visibility,
    },
    record::Record,
    text::SafeText,
    time::Timestamp,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_ms(1_795_183_200_000 + seconds * 1_000)
}

fn department() -> Department {
    Department {
        id: DepartmentId(2),
        name: SafeText::line("Billing"),
        description: SafeText::line("Invoices and payments"),
        active: true,
        default: false,
        capacity: Some(3),
        retention_days: None,
        form: vec![FormField {
            key: SafeText::line("plan"),
            label: SafeText::line("Which plan?"),
            kind: FieldKind::Choice,
            required: true,
            choices: vec![SafeText::line("free"), SafeText::line("pro")],
        }],
        rev: 0,
    }
}

fn canned(scope: CannedScope) -> Canned {
    let variant = (SafeText::line("pt-BR"), SafeText::block("oi"));
    Canned {
        id: CannedId(3),
        code: SafeText::line("hello"),
        scope,
        text: SafeText::block("hello {{customer.name}}"),
        variants: BTreeMap::from([variant]),
        uses: 9,
        rev: 0,
    }
}

fn user() -> User {
    User {
        id: UserId(7),
        username: SafeText::line("ana"),
        name: SafeText::line("Ana"),
        role: Role::Agent,
        departments: BTreeSet::from([DepartmentId(1), DepartmentId(2)]),
        status: AgentStatus::Offline,
        reason: None,
        drain: false,
        reachable: false,
        capacity: Some(6),
        active: true,
        rev: 0,
    }
}

/// Events of chats, fully filled in.
fn chat_events() -> Vec<Event> {
    vec![
        Event::ChatOpened {
            department: DepartmentId(1),
            customer: UserId(12),
            name: SafeText::line("Bo"),
            email: Some(SafeText::line("bo@example.com")),
            phone: Some(SafeText::line("+44 20 7946 0000")),
            fields: [(SafeText::line("plan"), SafeText::line("pro"))].into(),
            previous: Some(ChatId(41)),
        },
        Event::MessagePosted {
            text: SafeText::block("hello\nthere"),
            visibility: Visibility::Public,
            attachments: Vec::new(),
        },
        Event::MessagePosted {
            text: SafeText::default(),
            visibility: Visibility::Note,
            attachments: vec![Attachment {
                id: AttachmentId(7),
                name: SafeText::line("report.pdf"),
                bytes: 12_345,
                kind: SafeText::line("application/pdf"),
            }],
        },
        Event::MessageEdited {
            seq: Seq(2),
            text: SafeText::block("hello"),
            visibility: Visibility::Note,
        },
        Event::ChatQueued {
            department: DepartmentId(1),
            rank_at: at(0),
            reason: QueueReason::Opened,
            epoch: Epoch(1),
        },
        Event::ChatAssigned {
            agent: UserId(7),
            epoch: Epoch(2),
            rule: AssignRule::LeastLoaded,
            candidates: 3,
            over_capacity: true,
        },
        Event::ChatTransferred {
            from: TransferEnd {
                department: DepartmentId(1),
                agent: Some(UserId(7)),
            },
            to: TransferEnd {
                department: DepartmentId(2),
                agent: None,
            },
            epoch: Epoch(3),
        },
        Event::ChatHeld {},
        Event::ChatSnoozed {
            until: Some(at(3_600)),
        },
        Event::ChatWoken {},
        Event::ChatResolved {
            by: Some(UserId(7)),
        },
        Event::ChatReopened { episode: 2 },
        Event::ChatClosed {},
        Event::ReadMarked {
            by: Reader::Customer,
            seq: Seq(2),
        },
        Event::UnreadMarked { seq: Seq(2) },
        Event::Tagged {
            tags: BTreeSet::from([SafeText::line("vat")]),
        },
        Event::Prioritised { priority: 1 },
        Event::AttributeSet {
            key: SafeText::line("order"),
            value: SafeText::line("A-17"),
        },
        Event::Rated {
            score: 5,
            comment: Some(SafeText::block("quick")),
        },
    ]
}

fn guess() -> IntentGuess {
    IntentGuess {
        intent: SafeText::line("returns"),
        title: SafeText::line("Returns and refunds"),
        confidence: Share::from_thousandths(640),
    }
}

fn citation() -> Citation {
    Citation {
        id: SafeText::line("kb:returns#2"),
        title: SafeText::line("Returns and refunds"),
    }
}

/// Events of the assistant, fully filled in.
fn assistant_events() -> Vec<Event> {
    let reply = Reply {
        failure: Some(Failure::Unclear),
        intent: Some(SafeText::line("returns")),
        confidence: Some(Share::from_thousandths(640)),
        top: vec![guess()],
        source: Some(AnswerSource::Provider),
        citations: vec![citation()],
        model: Some(SafeText::line("small-1")),
        tokens: 210,
        model_ms: 740,
        ..Reply::new(ReplyKind::Clarify, Seq(5))
    };
    let summary = Summary {
        first: Some(SafeText::block("my parcel is broken")),
        last: vec![SafeText::block("order 4711")],
        entities: vec![Entity {
            kind: EntityKind::Number,
            text: SafeText::line("4711"),
        }],
        tried: vec![Tried {
            text: SafeText::block("You can send it back."),
            citations: vec![citation()],
        }],
    };
    let hand_off = HandOff {
        reason: HandOffReason::KeywordRule,
        detail: Some(SafeText::line("lawyer")),
        intent: Some(SafeText::line("returns")),
        confidence: Some(Share::from_thousandths(640)),
        top: vec![guess()],
        language: Some(SafeText::line("en")),
        summary,
        from: Seq(2),
        to: Seq(9),
        waited_ms: 1_250,
        place: 3,
    };
    vec![
        Event::AssistantAssigned {
            reason: AssistantReason::Opened,
            epoch: Epoch(1),
        },
        Event::AssistantStarted {
            seq: Seq(5),
            again: true,
        },
        Event::AssistantReplied {
            reply: Box::new(reply),
        },
        Event::HandedOff {
            hand_off: Box::new(hand_off),
        },
        Event::AnswerFlagged {
            seq: Seq(6),
            reason: Some(SafeText::line("out of date")),
        },
        Event::AssistantUpdated {
            settings: Box::new(AssistantSettings::default()),
        },
        Event::KnowledgeLoaded {
            topics: 12,
            questions: 96,
            provider: true,
            hash: SafeText::line(&"5f".repeat(32)),
        },
    ]
}

/// Events of how people come in, fully filled in.
fn account_events() -> Vec<Event> {
    let user = UserId(7);
    let (token, name) = (SafeText::line("0f1e2d3c4b5a6978"), SafeText::line("export"));
    vec![
        Event::PasswordChanged { user },
        Event::PasswordCodeCreated {
            user,
            expires_at: at(24 * 3_600),
        },
        Event::TotpEnabled { user },
        Event::TotpDisabled { user },
        Event::TotpReset { user },
        Event::RecoveryCodesCreated { user },
        Event::RecoveryCodeUsed { user, left: 9 },
        Event::SessionsRevoked { user },
        Event::TokenCreated {
            user,
            token: token.clone(),
            name: name.clone(),
            expires_at: at(90 * 24 * 3_600),
        },
        Event::TokenDeleted { user, token, name },
    ]
}

/// Events of the desk itself, fully filled in.
fn desk_events() -> Vec<Event> {
    vec![
        Event::StatusSet {
            user: UserId(7),
            status: AgentStatus::Away,
            reason: Some(SafeText::line("lunch")),
            drain: true,
        },
        Event::AgentUnreachable { user: UserId(7) },
        Event::AgentBack { user: UserId(7) },
        Event::AgentLost {
            user: UserId(7),
            chats: vec![ChatId(42), ChatId(43)],
        },
        Event::DepartmentCreated {
            department: department(),
        },
        Event::DepartmentUpdated {
            department: department(),
        },
        Event::DepartmentDeleted {
            department: DepartmentId(2),
        },
        Event::UserCreated { user: user() },
        Event::UserUpdated { user: user() },
        Event::UserDeleted { user: UserId(7) },
        Event::CustomerRegistered {
            customer: UserId(12),
        },
        Event::CustomerErased {
            customer: UserId(12),
            reason: EraseReason::Requested,
        },
        Event::ChatErased {
            chat: ChatId(42),
            customer: UserId(12),
            department: DepartmentId(2),
            reason: EraseReason::Retention,
            records: 17,
            digest: SafeText::line(&"5f".repeat(32)),
        },
        Event::InvitationCreated {
            invitation: Invitation {
                id: InvitationId(1),
                role: Role::Supervisor,
                departments: BTreeSet::from([DepartmentId(1)]),
                username: Some(SafeText::line("mia")),
                by: UserId(1),
                expires_at: at(72 * 3_600),
            },
        },
        Event::InvitationDeleted {
            invitation: InvitationId(1),
        },
        Event::CannedCreated {
            canned: canned(CannedScope::Department {
                department: DepartmentId(2),
            }),
        },
        Event::CannedUpdated {
            canned: canned(CannedScope::Personal { user: UserId(7) }),
        },
        Event::CannedDeleted {
            canned: CannedId(3),
        },
        Event::CannedUsed {
            canned: CannedId(3),
            chat: ChatId(42),
        },
        Event::DeskApplied {
            created: 3,
            updated: 2,
            deleted: 1,
            hash: SafeText::line(&"5f".repeat(32)),
        },
        Event::SettingsUpdated {
            settings: Settings {
                name: SafeText::line("Bright Bikes"),
                notice: SafeText::block("We keep chats for a year.\nAsk us to delete yours."),
                retention_days: 0,
                rev: 0,
            },
        },
    ]
}

/// The name of an event's file: its kind, or what sets the second sample of a kind apart.
const fn sample(event: &Event) -> &'static str {
    match event {
        Event::MessagePosted { attachments, .. } if !attachments.is_empty() => {
            "message_posted_with_file"
        }
        _ => event.kind(),
    }
}

fn every_event() -> Vec<Event> {
    [
        chat_events(),
        assistant_events(),
        account_events(),
        desk_events(),
    ]
    .concat()
}

fn golden(kind: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/event/{kind}.json"))
}

#[test]
fn every_event_reads_and_writes_its_golden_file() {
    for event in every_event() {
        let path = golden(sample(&event));
        let json = serde_json::to_string(&event).expect("an event is JSON") + "\n";
        if std::env::var_os("FRONTDESK_BLESS").is_some() && !path.exists() {
            fs::write(&path, &json).expect("the golden folder can be written");
        }
        let pinned = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{} is missing: {error}", path.display()));
        assert_eq!(json, pinned, "the stored form of {} changed", event.kind());
        let read: Event = serde_json::from_str(&pinned).expect("a golden event is read");
        assert_eq!(read, event);
    }
}

#[test]
fn an_event_of_a_newer_version_is_read_as_unknown() {
    let json = r#"{"type":"chat_levitated","height_m":3}"#;
    assert_eq!(
        serde_json::from_str::<Event>(json).expect("an unknown event is read"),
        Event::Unknown
    );
}

#[test]
fn a_record_has_the_fields_of_the_contract() {
    let record = Record {
        pos: Pos(121),
        at: at(9),
        chat: Some(ChatId(42)),
        seq: Some(Seq(3)),
        actor: Actor {
            kind: ActorKind::Agent,
            id: Some(UserId(7)),
            name: SafeText::line("Ana"),
            rule: None,
        },
        event: Event::MessagePosted {
            text: SafeText::block("hello"),
            visibility: Visibility::Public,
            attachments: Vec::new(),
        },
    };
    let json = serde_json::to_string(&record).expect("a record is JSON");
    assert_eq!(
        json,
        "{\"pos\":121,\"at\":\"2026-11-20T14:00:09.000Z\",\"chat\":42,\"seq\":3,\
         \"actor\":{\"kind\":\"agent\",\"id\":7,\"name\":\"Ana\"},\
         \"event\":{\"type\":\"message_posted\",\"text\":\"hello\",\"visibility\":\"public\"}}"
    );
}
