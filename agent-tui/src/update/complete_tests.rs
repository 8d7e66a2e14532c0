//! Tab, the palette, two keys in a row, and the help, as keys and messages bring them about.

use std::time::Duration;

use shared::{
    command::Command,
    model::{AgentStatus, Role},
    text::SafeText,
};

use super::{next_deadline, update};
use crate::{
    debug::Shown,
    fixture::{TOM, busy_desk, console_of, press, type_text},
    keys::{Intent, Keymap, Mode, Preset},
    model::{Base, Model},
    msg::{Effect, Msg},
    overlay::{AskFor, Overlay, Picker, Stand},
};

fn picker(model: &Model) -> &Picker {
    match &model.overlay {
        Some(Overlay::Picker(picker)) => picker,
        other => panic!("no list but {other:?}"),
    }
}

fn draft(model: &Model) -> String {
    let thread = model.current_thread().expect("a chat");
    thread.composer().text().to_owned()
}

#[test]
fn arguments_of_commands_are_completed_and_taken() {
    let mut model = console_of(&busy_desk());
    type_text(&mut model, "/transfer sal");
    assert_eq!(picker(&model).matches()[0].label, "Sales");
    press(&mut model, "Tab");
    assert_eq!(picker(&model).field.text(), "transfer Sales");
    press(&mut model, "Enter");
    let Some(Overlay::Prompt(prompt)) = &model.overlay else {
        panic!("a note is asked for");
    };
    assert!(matches!(prompt.purpose, AskFor::TransferNote(..)));
    press(&mut model, "Esc");
    type_text(&mut model, "/status aw");
    press(&mut model, "Tab");
    type_text(&mut model, " lunch");
    let effects = press(&mut model, "Enter");
    let became = effects.iter().any(|effect| {
        matches!(effect, Effect::Do { command: Command::SetStatus { status, reason, .. }, .. }
            if *status == AgentStatus::Away && reason.as_deref() == Some("lunch"))
    });
    assert!(became, "{effects:?}");
}

#[test]
fn tab_goes_round_and_shift_tab_back() {
    let mut model = console_of(&busy_desk());
    type_text(&mut model, "/transfer ");
    let labels: Vec<String> = picker(&model)
        .matches()
        .iter()
        .map(|choice| format!("transfer {}", choice.label))
        .collect();
    assert!(labels.len() >= 2, "{labels:?}");
    let text = |model: &Model| picker(model).field.text().to_owned();
    press(&mut model, "Tab");
    assert_eq!(text(&model), labels[0]);
    press(&mut model, "Tab");
    assert_eq!(text(&model), labels[1]);
    press(&mut model, "Shift+Tab Shift+Tab");
    assert_eq!(Some(&text(&model)), labels.last());
}

#[test]
fn what_follows_a_completed_name_of_two_words_answers_what_is_asked_next() {
    let mut model = console_of(&busy_desk());
    type_text(&mut model, "/status fin");
    press(&mut model, "Tab");
    assert_eq!(picker(&model).field.text(), "status finish and leave");
    type_text(&mut model, " train at six");
    let effects = press(&mut model, "Enter");
    let set = effects.iter().any(|effect| {
        matches!(effect, Effect::Do { command: Command::SetStatus { drain: true, reason, .. }, .. }
            if reason.as_deref() == Some("train at six"))
    });
    assert!(set, "{effects:?}");
}

#[test]
fn the_colleague_whose_status_is_set_is_completed() {
    let mut model = console_of(&busy_desk());
    model.me.as_mut().expect("oneself").role = Role::Supervisor;
    type_text(&mut model, "/status-of to");
    press(&mut model, "Tab");
    assert_eq!(picker(&model).field.text(), "status-of Tom Hale");
    type_text(&mut model, " away lunch");
    let effects = press(&mut model, "Enter");
    let set = effects.iter().any(|effect| {
        matches!(effect, Effect::Do { command: Command::SetStatus { user, reason, .. }, .. }
            if *user == Some(TOM) && reason.as_deref() == Some("lunch"))
    });
    assert!(set, "{effects:?}");
}

#[test]
fn the_line_that_is_chosen_is_the_one_taken() {
    let mut model = console_of(&busy_desk());
    type_text(&mut model, "/status ");
    press(&mut model, "Down Enter");
    assert!(matches!(
        &model.overlay,
        Some(Overlay::Prompt(prompt)) if matches!(
            prompt.purpose,
            AskFor::Reason(Stand { status: AgentStatus::Busy, leaving: false }, None)
        )
    ));
}

#[test]
fn tags_are_words_of_ones_own() {
    let mut story = busy_desk();
    for view in story.view.chats.values_mut() {
        view.chat.tags.insert(SafeText::line("refund"));
    }
    let mut model = console_of(&story);
    type_text(&mut model, "/tag new -ref");
    press(&mut model, "Tab");
    assert_eq!(picker(&model).field.text(), "tag new -refund");
    let effects = press(&mut model, "Enter");
    let tagged = effects.iter().any(|effect| {
        matches!(effect, Effect::Do { command: Command::Tag { add, remove, .. }, .. }
            if add.len() == 1 && remove.contains(&SafeText::line("refund")))
    });
    assert!(tagged, "{effects:?}");
}

#[test]
fn names_are_completed_at_the_cursor_of_a_note() {
    let mut model = console_of(&busy_desk());
    press(&mut model, "Esc n");
    type_text(&mut model, "ask @ha about it");
    press(&mut model, "Alt+B Alt+B Left");
    press(&mut model, "Tab");
    assert_eq!(draft(&model), "ask @tom about it", "Hale is Tom");
    press(&mut model, "Ctrl+U");
    type_text(&mut model, "@");
    let mut seen = Vec::new();
    for key in ["Tab", "Tab", "Tab", "Tab", "Shift+Tab"] {
        press(&mut model, key);
        seen.push(
            draft(&model)
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
        );
    }
    assert_eq!(seen, ["@mia", "@raj", "@tom", "@mia", "@tom"]);
}

#[test]
fn an_unknown_command_names_the_nearest_and_stays() {
    let mut model = console_of(&busy_desk());
    type_text(&mut model, "/trasnfer billing");
    press(&mut model, "Enter");
    let notice = model.notice.clone().expect("a word");
    assert!(
        notice.text.ends_with("did you mean \"transfer\"?"),
        "{notice:?}"
    );
    assert_eq!(picker(&model).field.text(), "trasnfer billing");
    press(&mut model, "Esc");
    type_text(&mut model, "//etc/hosts");
    assert_eq!(
        (draft(&model).as_str(), model.overlay.is_none()),
        ("/etc/hosts", true)
    );
}

#[test]
fn what_was_chosen_last_comes_first() {
    let mut model = console_of(&busy_desk());
    type_text(&mut model, "/zoom");
    press(&mut model, "Enter");
    assert!(model.zoom);
    type_text(&mut model, "/");
    let labels: Vec<_> = picker(&model)
        .matches()
        .iter()
        .map(|it| &it.label)
        .collect();
    assert_eq!(labels[..2], ["zoom", "send"]);
    // Two words that are the name of one action are not another with an argument.
    type_text(&mut model, "close pane");
    press(&mut model, "Enter");
    assert!(model.overlay.is_none());
}

#[test]
fn the_second_key_is_waited_for_a_second() {
    let mut model = console_of(&busy_desk());
    model.keymap = Keymap::of(Preset::Vim);
    model.base = Base::Nav;
    let before = model.current();
    press(&mut model, "g t");
    assert!(model.current().is_some() && model.current() != before);
    assert!(model.begun.is_none());
    press(&mut model, "d");
    let until = model.begun.expect("the first of two").until;
    assert_eq!(next_deadline(&model), until);
    model.dirty = false;
    update(&mut model, Msg::Tick, until);
    assert!(
        model.begun.is_none() && model.dirty,
        "forgotten, and shown so"
    );
    let effects = press(&mut model, "d x");
    assert!(
        effects.is_empty() && model.overlay.is_none(),
        "not the x of nav"
    );
    assert!(model.notice.take().is_some());
    press(&mut model, "d Esc");
    assert!(model.notice.is_none() && model.begun.is_none());
    // In the composer a letter is a letter.
    press(&mut model, "i");
    type_text(&mut model, "gg");
    assert_eq!(draft(&model), "gg");
}

#[test]
fn the_help_knows_where_it_was_opened() {
    let mut model = console_of(&busy_desk());
    press(&mut model, "Esc / F1");
    let Some(Overlay::Help(help)) = &model.overlay else {
        panic!("the help");
    };
    assert_eq!(help.from, Mode::Search);
    press(&mut model, "F1");
    assert!(matches!(&model.overlay, Some(Overlay::Help(help)) if help.from == Mode::Search));
}

#[test]
fn keys_that_are_shown_cost_no_frame_by_themselves() {
    let mut model = console_of(&busy_desk());
    press(&mut model, "F12 a");
    assert_eq!(model.debug.shown, Shown::Half);
    assert_eq!(model.debug.keys().count(), 1);
    model.dirty = false;
    model.debug.drew(120, Duration::from_millis(1));
    let now = model.now;
    update(&mut model, Msg::Tick, now);
    assert!(!model.dirty && model.debug.frames.drawn == 1);
    assert_eq!(Intent::DebugKeys.action().name, "debug-keys");
}
