//! Canned replies: from `;code` to the message, and what keeps one with a gap from being sent.

use shared::{
    command::Command,
    id::{CannedId, ChatId},
    model::{CannedScope, Visibility},
    text::SafeText,
};

use super::update;
use crate::{
    fixture::{
        BILLING, MIA, SALES, Story, TOM, busy_desk, connected, console, console_of, hear, live,
        press, type_text,
    },
    model::Model,
    msg::{Effect, Msg, Restored},
    overlay::{Overlay, Picker},
    thread::Draft,
};

const MINE: CannedScope = CannedScope::Personal { user: MIA };
const OURS: CannedScope = CannedScope::Department {
    department: BILLING,
};
const ALL: CannedScope = CannedScope::Global;

fn desk() -> Story {
    let mut story = busy_desk();
    let hello = "Hello {{customer.first_name}}, {{agent.first_name}} of {{department.name}} here.";
    story.can("hello", ALL, hello);
    story.can("plan", OURS, "Your plan is {{attr.plan}}.");
    story.can("bye", ALL, "Good bye.");
    story.can("bye", MINE, "See you!");
    story.can("secret", CannedScope::Personal { user: TOM }, "no");
    story.can("sold", CannedScope::Department { department: SALES }, "no");
    story
}

fn draft(model: &Model) -> String {
    let thread = model.current_thread().expect("a chat");
    thread.composer().text().to_owned()
}

fn cursor(model: &Model) -> usize {
    let thread = model.current_thread().expect("a chat");
    thread.composer().cursor()
}

fn picker(model: &Model) -> &Picker {
    match &model.overlay {
        Some(Overlay::Picker(picker)) => picker,
        other => panic!("no list but {other:?}"),
    }
}

/// The text and the canned replies of the message that went out.
fn posted(effects: &[Effect]) -> Option<(String, Vec<CannedId>)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Do {
            command: Command::PostMessage { text, canned, .. },
            ..
        } => Some((text.to_string(), canned.clone())),
        _ => None,
    })
}

fn notice(model: &Model) -> &str {
    model.notice.as_ref().map_or("", |notice| &notice.text)
}

#[test]
fn a_code_becomes_its_text_at_the_cursor() {
    let mut model = console_of(&desk());
    type_text(&mut model, "One moment. Thanks");
    press(&mut model, "Alt+B");
    type_text(&mut model, ";HEL");
    press(&mut model, "Tab");
    let hello = "Hello Ana, Mia of Billing here.";
    assert_eq!(draft(&model), format!("One moment. {hello}Thanks"));
    type_text(&mut model, " ");
    press(&mut model, "End");
    type_text(&mut model, " ;hello");
    press(&mut model, "Tab");
    type_text(&mut model, " ;bye");
    press(&mut model, "Tab");
    assert_eq!(picker(&model).matches()[0].detail, "personal: See you!");
    assert_eq!(picker(&model).matches()[1].detail, "global: Good bye.");
    press(&mut model, "Enter");
    let all = format!("One moment. {hello} Thanks {hello} See you!");
    assert_eq!(draft(&model), all);
    let effects = press(&mut model, "Enter");
    assert_eq!(
        posted(&effects),
        Some((all, vec![CannedId(1), CannedId(4)])),
        "each of them once, the nearest of two"
    );
    type_text(&mut model, "more");
    let effects = press(&mut model, "Enter");
    assert_eq!(posted(&effects), Some(("more".to_owned(), Vec::new())));
}

#[test]
fn only_those_of_the_chat_are_offered() {
    let mut model = console_of(&desk());
    type_text(&mut model, ";");
    press(&mut model, "Tab");
    let labels = |model: &Model| -> Vec<String> {
        let matches = picker(model).matches();
        matches.iter().map(|choice| choice.label.clone()).collect()
    };
    assert_eq!(labels(&model), [";bye", ";plan", ";bye", ";hello"]);
    type_text(&mut model, "your plan");
    assert_eq!(labels(&model), [";plan"], "by its text");
    press(&mut model, "Esc");
    assert_eq!(draft(&model), ";", "leaving changes nothing");
    press(&mut model, "Ctrl+C Esc ;");
    press(&mut model, "Down Down Down Enter");
    assert_eq!(draft(&model), "Hello Ana, Mia of Billing here.");
    press(&mut model, "Ctrl+C");
    type_text(&mut model, "/canned hel");
    press(&mut model, "Tab Enter");
    assert_eq!(draft(&model), "Hello Ana, Mia of Billing here.");
    type_text(&mut model, " ;-)");
    press(&mut model, "Tab");
    assert!(notice(&model).starts_with("no canned reply begins with \"-)\""));
    press(&mut model, "Esc ;");
    type_text(&mut model, "hello");
    press(&mut model, "Enter");
    assert!(
        draft(&model).contains(";-)Hello"),
        "nothing was typed for it"
    );
}

#[test]
fn what_is_left_open_is_not_sent() {
    let mut model = console_of(&desk());
    type_text(&mut model, ";plan");
    press(&mut model, "Tab");
    assert_eq!(draft(&model), "Your plan is {{attr.plan}}.");
    let effects = press(&mut model, "Enter");
    assert_eq!(posted(&effects), None);
    assert_eq!(notice(&model), "fill in {{attr.plan}} first");
    assert_eq!(cursor(&model), "Your plan is {{attr.plan}}".len());
    press(&mut model, "Ctrl+W");
    type_text(&mut model, "pro");
    // Whatever brings it back brings the gap back.
    for keys in [
        "Ctrl+_ Ctrl+_",
        "Ctrl+Y",
        "End Ctrl+U Ctrl+Y",
        "Ctrl+C Ctrl+_",
    ] {
        press(&mut model, keys);
        assert!(draft(&model).contains("{{attr.plan}}"), "{keys}");
        assert_eq!(posted(&press(&mut model, "Enter")), None, "{keys}");
    }
    press(&mut model, "Ctrl+C");
    assert_eq!(draft(&model), "");
    type_text(&mut model, "write {{attr.plan}}");
    let effects = press(&mut model, "Enter");
    let (text, canned) = posted(&effects).expect("typed by hand");
    assert_eq!((text.as_str(), canned), ("write {{attr.plan}}", Vec::new()));
    assert_eq!(notice(&model), "", "what was asked for is done");
}

#[test]
fn tab_goes_from_one_gap_to_the_next() {
    let mut model = console_of(&desk());
    for _ in 0..2 {
        type_text(&mut model, ";plan");
        press(&mut model, "Tab");
        type_text(&mut model, " ");
    }
    let first = "Your plan is {{attr.plan}}".len();
    let second = draft(&model).rfind('.').expect("its end");
    press(&mut model, "Tab");
    assert_eq!(cursor(&model), first);
    press(&mut model, "Tab");
    assert_eq!(cursor(&model), second);
}

#[test]
fn a_sent_message_in_view_is_not_the_draft() {
    let mut model = console_of(&desk());
    type_text(&mut model, "first");
    press(&mut model, "Enter");
    type_text(&mut model, ";plan");
    press(&mut model, "Tab Up");
    assert_eq!(draft(&model), "first");
    press(&mut model, "Down");
    assert_eq!(posted(&press(&mut model, "Enter")), None, "the draft again");
    press(&mut model, "Ctrl+Up");
    let sent = posted(&press(&mut model, "Enter"));
    assert_eq!(sent, Some(("first".to_owned(), Vec::new())));
}

#[test]
fn a_refused_message_keeps_its_replies_and_so_does_a_restart() {
    let story = desk();
    let mut model = console_of(&story);
    type_text(&mut model, ";hello");
    press(&mut model, "Tab Enter");
    let cid = model.threads[&ChatId(1)].outgoing[0].cid.clone();
    let now = model.now;
    let why = "no".to_owned();
    update(&mut model, Msg::Refused { cid, why }, now);
    let again = posted(&press(&mut model, "Esc R")).expect("sent again");
    assert_eq!(again.1, [CannedId(1)]);
    let cid = model.threads[&ChatId(1)].outgoing[0].cid.clone();
    let why = "no".to_owned();
    update(&mut model, Msg::Refused { cid, why }, now);
    press(&mut model, "D i");
    type_text(&mut model, " ;plan");
    let saved = press(&mut model, "Tab");
    let saved = saved.into_iter().filter_map(|effect| match effect {
        Effect::SaveDraft { chat, draft } => Some((chat, draft)),
        _ => None,
    });
    let mut restored = Restored::default();
    restored.drafts.extend(saved);
    let text = serde_json::to_string(&restored.drafts).expect("JSON");
    restored.drafts = serde_json::from_str(&text).expect("drafts");
    let mut later = console();
    update(&mut later, Msg::Restored(Box::new(restored)), now);
    hear(&mut later, &story, [connected(), story.snapshot(), live()]);
    assert_eq!(posted(&press(&mut later, "Enter")), None);
    press(&mut later, "Ctrl+W");
    type_text(&mut later, "pro.");
    let sent = posted(&press(&mut later, "Enter")).expect("filled in");
    assert_eq!(sent.1, [CannedId(1), CannedId(2)]);
    let old: Draft = serde_json::from_str(r#"{"reply":"x"}"#).expect("an older one");
    assert!(old.reply_brought.is_empty());
}

#[test]
fn a_reply_that_is_gone_says_so() {
    let mut story = desk();
    let mut model = console_of(&story);
    press(&mut model, "Esc ;");
    story.view.canned.clear();
    hear(&mut model, &story, [story.snapshot()]);
    press(&mut model, "Enter");
    assert_eq!(notice(&model), "the canned reply is gone");
    assert_eq!(draft(&model), "");
    press(&mut model, "Esc ;");
    assert!(notice(&model).starts_with("no canned reply fits here"));
    // Notes take them too.
    let note = story.can("note", ALL, "seen");
    hear(&mut model, &story, [story.snapshot()]);
    press(&mut model, "Esc n");
    type_text(&mut model, ";no");
    press(&mut model, "Tab");
    let effects = press(&mut model, "Enter");
    assert!(effects.iter().any(|effect| matches!(effect,
        Effect::Do { command: Command::PostMessage { visibility, canned, .. }, .. }
            if *visibility == Visibility::Note && *canned == [note])));
}

#[test]
fn values_are_no_templates() {
    let mut story = desk();
    for view in story.view.chats.values_mut() {
        view.chat.name = SafeText::line("{{attr.plan}}");
    }
    let mut model = console_of(&story);
    type_text(&mut model, ";hello");
    press(&mut model, "Tab");
    let sent = posted(&press(&mut model, "Enter"));
    assert!(sent.is_some(), "a name with braces is a name");
}

#[test]
fn a_reply_comes_in_the_language_of_the_customer() {
    let mut story = desk();
    let bye = story.can("parting", ALL, "Good bye.");
    let canned = story.view.canned.get_mut(&bye).unwrap();
    let variant = (SafeText::line("pt"), SafeText::block("Tchau!"));
    canned.variants.extend([variant]);
    let drafted = |story: &Story| {
        let mut model = console_of(story);
        type_text(&mut model, ";parting");
        press(&mut model, "Tab");
        draft(&model)
    };
    assert_eq!(drafted(&story), "Good bye.");
    let mut speaks = |tag: &str| {
        for view in story.view.chats.values_mut() {
            let language = (SafeText::line("language"), SafeText::line(tag));
            view.chat.fields.extend([language]);
        }
        drafted(&story)
    };
    assert_eq!(speaks("pt-BR"), "Tchau!");
    assert_eq!(speaks("de"), "Good bye.");
}
