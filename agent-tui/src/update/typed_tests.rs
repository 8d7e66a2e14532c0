//! Typed lines: what they send, what they name, and that nothing is guessed or lost.

use shared::{
    command::{Command, DepartmentRef, UserRef},
    id::ChatId,
    model::{AgentStatus, Visibility},
    text::SafeText,
};

use super::update;
use crate::{
    fixture::{SALES, TOM, busy_desk, console_of, type_text},
    model::Model,
    msg::{Effect, Msg, Typed},
    overlay::{Overlay, Picker},
};

fn plain() -> Model {
    let mut model = console_of(&busy_desk());
    model.settings.plain = true;
    model
}

fn type_line(model: &mut Model, typed: Typed) -> Vec<Command> {
    model.notice = None;
    let now = model.now;
    let effects = update(model, Msg::Typed(typed), now);
    let commands = effects.into_iter().filter_map(|effect| match effect {
        Effect::Do { command, .. } => Some(command),
        _ => None,
    });
    commands
        .filter(|command| !matches!(command, Command::MarkRead { .. }))
        .collect()
}

fn command(model: &mut Model, line: &str) -> Vec<Command> {
    type_line(model, Typed::Command(line.to_owned()))
}

fn answer(model: &mut Model, line: &str) -> Vec<Command> {
    type_line(model, Typed::Answer(line.to_owned()))
}

fn say(model: &mut Model, text: &str, visibility: Visibility) -> Vec<Command> {
    let text = text.to_owned();
    type_line(model, Typed::Message { text, visibility })
}

fn told(model: &Model) -> &str {
    model.notice.as_ref().map_or("", |notice| &notice.text)
}

fn offered(model: &Model) -> Vec<&str> {
    match &model.overlay {
        Some(Overlay::Picker(Picker { choices, .. })) => {
            choices.iter().map(|choice| choice.label.as_str()).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn a_line_is_sent_beside_the_draft() {
    let mut model = plain();
    type_text(&mut model, "half a thought");
    for visibility in [Visibility::Public, Visibility::Note] {
        let sent = say(&mut model, "a whole one", visibility);
        let [
            Command::PostMessage {
                chat,
                text,
                visibility: to,
                ..
            },
        ] = &sent[..]
        else {
            panic!("{sent:?}");
        };
        assert_eq!((chat.0, text.as_str(), *to), (1, "a whole one", visibility));
        let thread = &model.threads[&ChatId(1)];
        assert_eq!(thread.reply.text(), "half a thought");
        assert!(thread.note.is_empty() && !thread.noting);
    }
}

#[test]
fn what_cannot_be_sent_joins_the_draft() {
    let mut model = plain();
    command(&mut model, "go 4");
    assert_eq!(say(&mut model, "hello", Visibility::Public), []);
    assert_eq!(
        told(&model),
        "#4 waits; claim it first (/accept), or /note to the team; it is kept as a draft"
    );
    assert_eq!(say(&mut model, "again", Visibility::Public), []);
    assert_eq!(model.threads[&ChatId(4)].reply.text(), "hello\nagain");
    let long = "x".repeat(8193);
    assert_eq!(say(&mut model, &long, Visibility::Public), []);
    assert!(told(&model).contains("this has 1 more"), "{}", told(&model));
    assert_eq!(model.threads[&ChatId(4)].reply.text(), "hello\nagain");
}

#[test]
fn a_chat_is_named_by_its_number_or_by_words_of_its_name() {
    let mut model = plain();
    for (line, chat) in [
        ("go 2", 2),
        ("go #4", 4),
        ("go ana", 1),
        ("go bo ch", 2),
        ("go osei", 3),
    ] {
        command(&mut model, line);
        assert_eq!(model.current(), Some(ChatId(chat)), "{line}");
    }
    for line in ["go 99", "go zz", "go na", "go bo lima"] {
        command(&mut model, line);
        assert_eq!(model.current(), Some(ChatId(3)), "{line}");
        assert!(
            told(&model).starts_with("nothing fits"),
            "{line}: {}",
            told(&model)
        );
    }
}

#[test]
fn what_fits_several_is_asked_about() {
    let mut story = busy_desk();
    story.open(12, "Ana Maria");
    let mut model = console_of(&story);
    model.settings.plain = true;
    command(&mut model, "go 2");
    command(&mut model, "go ana");
    assert_eq!(offered(&model), ["#1 Ana Lima", "#12 Ana Maria"]);
    assert_eq!(model.current(), Some(ChatId(2)));
    answer(&mut model, "a");
    assert_eq!(offered(&model).len(), 2, "still both");
    answer(&mut model, "2");
    assert_eq!(model.current(), Some(ChatId(12)));
    assert!(model.overlay.is_none());
    command(&mut model, "go ana");
    answer(&mut model, "");
    assert!(model.overlay.is_none());
    assert_eq!(told(&model), "left as it was");
    assert_eq!(model.current(), Some(ChatId(12)));
}

#[test]
fn a_chat_is_handed_on_with_the_rest_of_the_line() {
    let mut model = plain();
    let transfer = |commands: Vec<Command>| match &commands[..] {
        [
            Command::Transfer {
                department,
                agent,
                note,
                ..
            },
        ] => (
            department.clone(),
            agent.clone(),
            note.clone().unwrap_or_default().to_string(),
        ),
        other => panic!("{other:?}"),
    };
    let sales = Some(DepartmentRef::Id(SALES));
    let tom = Some(UserRef::Id(TOM));
    let done = transfer(command(&mut model, "transfer sales please  look"));
    assert_eq!(done, (sales, None, "please  look".to_owned()));
    let done = transfer(command(&mut model, "transfer Tom Hale the VAT again"));
    assert_eq!(done, (None, tom.clone(), "the VAT again".to_owned()));
    let done = transfer(command(&mut model, "transfer @tom"));
    assert_eq!(done, (None, tom, String::new()));
    assert_eq!(command(&mut model, "transfer"), []);
    assert!(!offered(&model).is_empty());
    assert!(matches!(
        answer(&mut model, "sal")[..],
        [Command::Transfer { .. }]
    ));
    assert!(model.overlay.is_none());
}

#[test]
fn statuses_tags_and_priorities_are_whole_lines() {
    let mut model = plain();
    let away = command(&mut model, "status away lunch, back at 2");
    let expect = Command::SetStatus {
        status: AgentStatus::Away,
        reason: Some(SafeText::line("lunch, back at 2")),
        drain: false,
        user: None,
    };
    assert_eq!(away, [expect]);
    assert!(matches!(
        command(&mut model, "status busy")[..],
        [Command::SetStatus { reason: None, .. }]
    ));
    assert!(matches!(
        command(&mut model, "priority high")[..],
        [Command::SetPriority { priority: 1, .. }]
    ));
    assert!(matches!(
        command(&mut model, "tag vat -old")[..],
        [Command::Tag { .. }]
    ));
    for (line, why) in [
        ("tag", "write the tags"),
        ("search", "write what to look for"),
        ("resolve now", "/resolve takes nothing after it"),
        ("accept now", "/accept takes nothing after it"),
        ("frob", "no command is called \"frob\""),
        ("status asleep", "nothing fits \"asleep\""),
    ] {
        assert_eq!(command(&mut model, line), [], "{line}");
        assert!(told(&model).starts_with(why), "{line}: {}", told(&model));
        assert!(model.overlay.is_none(), "{line}");
    }
    assert!(
        model.threads[&ChatId(1)].reply.is_empty(),
        "nothing was typed in the composer"
    );
}

#[test]
fn a_question_takes_yes_or_no() {
    let mut model = plain();
    assert_eq!(command(&mut model, "close"), []);
    assert_eq!(answer(&mut model, "hello"), []);
    assert!(model.overlay.is_some(), "not an answer");
    assert_eq!(answer(&mut model, "n"), []);
    assert!(model.overlay.is_none());
    command(&mut model, "close");
    assert!(matches!(
        answer(&mut model, "Yes")[..],
        [Command::Close {
            chat: ChatId(1),
            ..
        }]
    ));
}

#[test]
fn a_hint_names_a_command_where_there_are_no_keys() {
    let mut model = plain();
    command(&mut model, "close-pane");
    say(&mut model, "hello", Visibility::Public);
    assert_eq!(
        told(&model),
        "no chat is open here; /next-needing opens the next one that needs you"
    );
}
