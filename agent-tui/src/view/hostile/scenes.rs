//! Consoles with a text of one's choice in everything that somebody else may write.

use std::time::Duration;

use shared::{
    api::{AssistAnswer, Suggestion, SuggestionSource},
    assistant::{AnswerSource, Citation, Reply, ReplyKind, Share},
    client::{
        private,
        socket::{SocketEvent, StopReason},
    },
    error::ErrorCode,
    event::{AssignRule, Event},
    frame::Typist,
    id::{ChatId, UserId},
    model::{Visibility, Workload},
    text::SafeText,
};

use crate::{
    cache::Cache,
    drafts::Drafts,
    fixture::{
        BILLING, MIA, SALES, Story, TOM, busy_desk, console, console_of, delivered,
        handed_off_desk, hear, press, two_o_clock, type_text,
    },
    model::Model,
    msg::{Msg, Restored},
    overlay::Overlay,
    update::update,
    view::assistant,
};

/// Gives the text for the sink of that name.
pub(super) type Say<'a> = &'a dyn Fn(&'static str) -> String;
/// What it shows, the sinks that are seen in it, how it comes about.
pub(super) type Scene = (&'static str, &'static [&'static str], fn(Say<'_>) -> Model);

pub(super) const SCENES: [Scene; 30] = [
    ("refused message", &["refusal"], refused_message),
    ("refused request", &["outbox"], refused_request),
    ("told", &["told"], told),
    ("offline", &["why offline"], offline),
    ("stopped", &["why stopped"], stopped),
    ("degraded", &["why degraded"], degraded),
    ("busy hub", &["why busy"], busy_hub),
    ("go to", &["customer", "department"], |say| {
        keys(say, "Ctrl+G")
    }),
    ("hand on", &["department"], |say| keys(say, "Esc t")),
    ("note", &["typed"], |say| field(say, "Esc t Enter")),
    ("palette", &["typed"], |say| field(say, "Esc :")),
    ("search field", &["typed"], |say| field(say, "Ctrl+F")),
    ("search", &["message"], search),
    ("help", &["typed"], |say| field(say, "F1")),
    ("close", &["customer"], |say| keys(say, "Esc x")),
    ("link", &["link"], link),
    ("wall", &["department", "other department"], wall),
    ("paste", &["pasted"], paste),
    ("log", &["logged", "told"], log),
    ("drafts", &["draft on disk", "broken draft"], drafts),
    ("cache", &["cached customer"], cache),
    ("taken", &["colleague"], |say| {
        lost(say, |story| delivered(story.assign(1, TOM)))
    }),
    ("moved", &["other department"], |say| {
        lost(say, |story| delivered(story.transfer(1, SALES)))
    }),
    ("sent before", &["sent before"], sent_before),
    ("edited", &["why no editor"], no_editor),
    ("hand-off", &HANDED_OFF, handed_off),
    (
        "assistant",
        &["answer", "intent", "model", "source", "why wrong"],
        assistant,
    ),
    ("proposals", &["title", "proposal", "citation"], proposals),
    ("summary", &["proposal"], summary),
    ("no help", &["why no help"], no_help),
];

/// What the card of a hand-off shows of others.
const HANDED_OFF: [&str; 12] = [
    "lawyer",
    "Refunds",
    "Returns",
    "Shipping",
    "en",
    "I want my money back for order 4711",
    "that did not help",
    "then I call my lawyer",
    "4711",
    "ana@example.com",
    "You can return it within 14 days.",
    "kb:returns#2",
];

/// All that one chat shows at once, in a wide terminal.
pub(super) const WHOLE: [&str; 20] = [
    "context",
    "our name",
    "status reason",
    "customer",
    "e-mail",
    "phone",
    "field name",
    "field value",
    "tag",
    "department",
    "colleague",
    "message",
    "note",
    "edited message",
    "comment",
    "attribute",
    "attribute value",
    "new tag",
    "who types",
    "draft",
];

/// A story with texts in everything that the hub stores.
fn story(say: Say<'_>) -> Story {
    let text = |what| SafeText::block(&say(what));
    let mut story = busy_desk();
    for agent in story.view.agents.values_mut() {
        agent.name = text(if agent.id == MIA {
            "own name"
        } else {
            "colleague"
        });
        agent.reason = Some(text("status reason"));
    }
    for (id, department) in &mut story.view.departments {
        department.name = text(if *id == BILLING {
            "department"
        } else {
            "other department"
        });
    }
    for view in story.view.chats.values_mut() {
        view.chat.name = text("customer");
        view.chat.email = Some(text("e-mail"));
        view.chat.phone = Some(text("phone"));
        view.chat.tags.insert(text("tag"));
        view.chat
            .fields
            .insert(text("field name"), text("field value"));
    }
    story.says(1, &say("message"));
    story.answers(1, TOM, &say("note"), Visibility::Note);
    let before = story.answers(1, TOM, "before", Visibility::Public);
    let by = story.agent(TOM);
    let events = [
        Event::MessageEdited {
            seq: before.seq.expect("of a chat"),
            text: text("edited message"),
            visibility: Visibility::Public,
        },
        Event::Rated {
            score: 1,
            comment: Some(text("comment")),
        },
        Event::AttributeSet {
            key: text("attribute"),
            value: text("attribute value"),
        },
        Event::Tagged {
            tags: [text("new tag"), text("tag")].into(),
        },
        Event::ChatAssigned {
            agent: MIA,
            epoch: story.view.chats[&ChatId(1)].chat.epoch.next(),
            rule: AssignRule::ByHand,
            candidates: 1,
            over_capacity: false,
        },
    ];
    for event in events {
        story.record(Some(ChatId(1)), by.clone(), event);
    }
    story
}

pub(super) fn take(model: &mut Model, msg: Msg) {
    let now = model.now;
    update(model, msg, now);
}

/// A console that was given `events` besides the story.
fn told_by(say: Say<'_>, events: impl IntoIterator<Item = SocketEvent>) -> Model {
    let story = story(say);
    let mut model = console_of(&story);
    hear(&mut model, &story, events);
    model
}

pub(super) fn whole(say: Say<'_>) -> Model {
    let typing = SocketEvent::Typing {
        chat: ChatId(1),
        who: Typist {
            id: UserId(101),
            name: SafeText::block(&say("who types")),
            customer: true,
        },
        on: true,
        preview: None,
    };
    let mut model = told_by(say, [typing]);
    model.settings.context = say("context");
    let me = model.me.as_mut().expect("connected");
    me.name = SafeText::block(&say("our name"));
    take(&mut model, Msg::Paste(say("draft")));
    model
}

fn keys(say: Say<'_>, chords: &str) -> Model {
    let mut model = told_by(say, []);
    press(&mut model, chords);
    model
}

/// What is pasted into the field that `chords` open.
fn field(say: Say<'_>, chords: &str) -> Model {
    let mut model = keys(say, chords);
    take(&mut model, Msg::Paste(say("typed")));
    model
}

/// The answer of the hub to a message.
fn answer(say: Say<'_>, code: ErrorCode, message: String, retry_in: Option<Duration>) -> Model {
    let mut model = told_by(say, []);
    type_text(&mut model, "hello");
    press(&mut model, "Enter");
    let cid = model.threads[&ChatId(1)].outgoing[0].cid.clone();
    let nack = SocketEvent::Nack {
        cid,
        code,
        message,
        retry_in,
    };
    take(&mut model, Msg::Hub(nack));
    model
}

fn refused_message(say: Say<'_>) -> Model {
    answer(say, ErrorCode::NotMember, say("refusal"), None)
}

fn degraded(say: Say<'_>) -> Model {
    let wait = Some(Duration::from_secs(2));
    answer(say, ErrorCode::StorageFull, say("why degraded"), wait)
}

fn busy_hub(say: Say<'_>) -> Model {
    let wait = Some(Duration::from_secs(2));
    answer(say, ErrorCode::Busy, say("why busy"), wait)
}

fn refused_request(say: Say<'_>) -> Model {
    let mut model = told_by(say, []);
    let cid = model.next_cid();
    model.requests.insert(cid.clone(), "close #1".to_owned());
    let why = say("outbox");
    take(&mut model, Msg::Refused { cid, why });
    model
}

fn told(say: Say<'_>) -> Model {
    let mut model = told_by(say, []);
    let text = say("told");
    take(&mut model, Msg::Told { text, error: true });
    model
}

fn offline(say: Say<'_>) -> Model {
    let lost = SocketEvent::Disconnected {
        why: say("why offline"),
        retry_in: Duration::from_secs(3),
        attempt: 2,
    };
    told_by(say, [lost])
}

fn stopped(say: Say<'_>) -> Model {
    let message = say("why stopped");
    let why = StopReason::Version { message };
    told_by(say, [SocketEvent::Stopped { why }])
}

fn search(say: Say<'_>) -> Model {
    let mut model = keys(say, "Ctrl+F");
    take(&mut model, Msg::Paste(say("message")));
    press(&mut model, "Enter");
    model
}

fn link(say: Say<'_>) -> Model {
    let mut story = story(say);
    let text = say("link");
    let links = format!("https://{text}.example/{text} mailto:a@{text} https://ana@{text}/");
    story.says(1, &links);
    let mut model = console_of(&story);
    press(&mut model, "Esc o");
    model
}

fn wall(say: Say<'_>) -> Model {
    let workload = |department| Workload {
        department,
        waiting: 3,
        oldest_at: Some(two_o_clock()),
        online: 1,
        busy: 0,
        away: 0,
        load: 4,
        capacity: 4,
    };
    let mut model = told_by(
        say,
        [BILLING, SALES].map(|id| SocketEvent::Workload(workload(id))),
    );
    press(&mut model, "Esc W");
    model
}

fn paste(say: Say<'_>) -> Model {
    let mut model = told_by(say, []);
    let text = format!("{}\n", say("pasted")).repeat(9);
    take(&mut model, Msg::Paste(text));
    model
}

fn log(say: Say<'_>) -> Model {
    let mut model = told(say);
    let lost = SocketEvent::Disconnected {
        why: say("logged"),
        retry_in: Duration::from_secs(3),
        attempt: 2,
    };
    take(&mut model, Msg::Hub(lost));
    model.debug.turn();
    model.debug.turn();
    model
}

/// Files that somebody else has written.
fn drafts(say: Say<'_>) -> Model {
    let home = tempfile::tempdir().expect("a folder");
    let drafts = Drafts::new(home.path(), "test");
    let files = [
        (
            "1.json",
            serde_json::json!({ "reply": say("draft on disk") }),
        ),
        (
            "2.json",
            serde_json::json!({ "noting": say("broken draft") }),
        ),
    ];
    for (name, json) in files {
        let path = drafts.folder().join(name);
        private::write(&path, json.to_string().as_bytes()).expect("written");
    }
    let (restored, broken) = drafts.load();
    let mut model = told_by(say, []);
    take(&mut model, Msg::Restored(Box::new(restored)));
    for why in broken {
        // Without the folder, which is long and of this machine.
        let text = why.replace(&drafts.folder().display().to_string(), "");
        take(&mut model, Msg::Told { text, error: true });
    }
    model
}

fn cache(say: Say<'_>) -> Model {
    let home = tempfile::tempdir().expect("a folder");
    let story = busy_desk();
    let before = console_of(&story);
    let cache = Cache::new(home.path(), "mia");
    let bytes = cache.take(&before).expect("a desk");
    let text = String::from_utf8(bytes).expect("JSON");
    let name = serde_json::json!(say("cached customer")).to_string();
    let forged = text.replace("\"Ana Lima\"", &name);
    assert_ne!(forged, text);
    cache.write(forged.as_bytes());
    let restored = Restored {
        cached: cache.load(story.now).map(Box::new),
        layout: before.layout(),
        ..Restored::default()
    };
    let mut model = console();
    update(&mut model, Msg::Restored(Box::new(restored)), story.now);
    model
}

fn handed_off(say: Say<'_>) -> Model {
    assistant::with_card(&handed_off_desk(say))
}

/// All that a chat of the assistant shows.
fn assistant(say: Say<'_>) -> Model {
    let text = |what| SafeText::block(&say(what));
    let mut story = story(say);
    let seq = story.view.chats[&ChatId(1)].chat.seq;
    let answer = story.replies(1, &say("answer"), ReplyKind::Answer);
    let seq_of_answer = answer[0].seq.expect("of a chat");
    let mut reply = Reply::new(ReplyKind::Answer, seq);
    reply.intent = Some(text("intent"));
    reply.confidence = Some(Share::ONE);
    reply.source = Some(AnswerSource::Provider);
    reply.model = Some(text("model"));
    reply.citations = vec![Citation {
        id: text("source"),
        title: text("source"),
    }];
    let by = story.agent(TOM);
    let reply = Box::new(reply);
    story.record(Some(ChatId(1)), by, Event::AssistantReplied { reply });
    story.flags(1, seq_of_answer, &say("why wrong"));
    console_of(&story)
}

/// What the hub answers to one who asks for help.
fn help(say: Say<'_>, answer: Result<AssistAnswer, String>) -> Model {
    let mut model = keys(say, "Esc P Enter");
    let id = match &model.overlay {
        Some(Overlay::Picker(picker)) => picker.waits_for.clone(),
        _ => None,
    };
    let id = id.expect("the hub was asked");
    take(&mut model, Msg::Assisted { id, answer });
    model
}

fn proposals(say: Say<'_>) -> Model {
    let text = |what| SafeText::block(&say(what));
    let suggestion = Suggestion {
        title: text("title"),
        text: text("proposal"),
        source: SuggestionSource::Model,
        citations: vec![Citation {
            id: text("citation"),
            title: text("citation"),
        }],
    };
    let suggestions = vec![suggestion.clone(), suggestion];
    help(
        say,
        Ok(AssistAnswer {
            suggestions,
            text: None,
        }),
    )
}

fn summary(say: Say<'_>) -> Model {
    help(
        say,
        Ok(AssistAnswer {
            suggestions: Vec::new(),
            text: Some(SafeText::block(&say("proposal"))),
        }),
    )
}

fn no_help(say: Say<'_>) -> Model {
    help(say, Err(say("why no help")))
}

/// A chat of ours goes while we write.
fn lost(say: Say<'_>, goes: impl FnOnce(&mut Story) -> SocketEvent) -> Model {
    let mut story = story(say);
    let mut model = console_of(&story);
    type_text(&mut model, "half a sentence");
    let event = goes(&mut story);
    hear(&mut model, &story, [event]);
    model
}

fn sent_before(say: Say<'_>) -> Model {
    let mut story = story(say);
    story.answers(1, MIA, &say("sent before"), Visibility::Public);
    let mut model = console_of(&story);
    press(&mut model, "Ctrl+R");
    model
}

fn no_editor(say: Say<'_>) -> Model {
    let mut model = told_by(say, []);
    let failed = Msg::Edited {
        chat: ChatId(1),
        note: false,
        text: Err(say("why no editor")),
    };
    take(&mut model, failed);
    model
}
