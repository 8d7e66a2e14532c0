//! Chats of the assistant, its hand-offs, and the help of the hub with writing.

use shared::{
    api::{AssistAnswer, AssistKind, AssistRequest, Suggestion, SuggestionSource, Tone},
    assistant::{AssistantReason, ReplyKind},
    client::socket::SocketEvent,
    command::Command,
    error::ErrorCode,
    id::{ChatId, CommandId, Seq},
    model::ChatState,
    text::SafeText,
};

use super::update;
use crate::{
    assisted::Doing,
    fixture::{
        MIA, Story, busy_desk, console_of, delivered, hand_off_of, handed_off_desk, hear, press,
        type_text,
    },
    listing::ListRow,
    model::{Base, Model},
    msg::{Effect, Msg, Typed},
    overlay::{AskFor, Overlay, PickFor, Picker},
    screen::Screen,
};

fn desk() -> (Story, Model) {
    let story = handed_off_desk(str::to_owned);
    let model = console_of(&story);
    (story, model)
}

fn typed(model: &mut Model, line: &str) -> Vec<Effect> {
    let now = model.now;
    update(model, Msg::Typed(Typed::Command(line.to_owned())), now)
}

fn commands(effects: &[Effect]) -> Vec<Command> {
    let done = effects.iter().filter_map(|effect| match effect {
        Effect::Do { command, .. } => Some(command.clone()),
        _ => None,
    });
    done.filter(|command| !matches!(command, Command::MarkRead { .. }))
        .collect()
}

fn notice(model: &Model) -> &str {
    model.notice.as_ref().map_or("", |notice| &notice.text)
}

#[test]
fn chats_of_the_assistant_have_a_place_in_the_list_and_a_word() {
    let (mut story, mut model) = desk();
    let chats = [ChatId(6), ChatId(7)];
    assert_eq!(model.listing().assistant, chats);
    let rows = model.rows(40);
    assert!(
        rows.contains(&ListRow::Heading("ASSISTANT (2)".to_owned())),
        "{rows:?}"
    );
    let doing = |model: &Model, chat: u64| Doing::of(&model.view.chats[&ChatId(chat)]);
    assert_eq!(doing(&model, 6), Doing::Waits);
    assert_eq!(doing(&model, 7), Doing::Answers);
    let seq = story.view.chats[&ChatId(7)].chat.seq;
    let looks = story.looks(7, seq);
    hear(&mut model, &story, [delivered(looks)]);
    assert_eq!(doing(&model, 7), Doing::Looks);
    let replied = story.replies(7, "Oil the chain.", ReplyKind::Answer);
    hear(&mut model, &story, replied.into_iter().map(delivered));
    assert_eq!(doing(&model, 7), Doing::Waits);
}

#[test]
fn a_chat_that_the_assistant_takes_was_never_in_the_queue_and_rings_nobody() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    model.focused = false;
    let waiting = model.waiting().0;
    let mut records = story.open(6, "Eve Moss");
    // As the hub writes it: no record of a queue.
    records.truncate(1);
    records.push(story.assist(6, AssistantReason::Opened));
    records[1].seq = Some(Seq(2));
    records[1].pos = records[0].pos.next();
    for record in records {
        let effects = hear(&mut model, &story, [delivered(record)]);
        assert_eq!(model.waiting().0, waiting);
        assert!(
            !effects
                .iter()
                .any(|effect| matches!(effect, Effect::Notify(_)))
        );
    }
    assert_eq!(model.listing().assistant, [ChatId(6)]);
}

#[test]
fn a_chat_of_the_assistant_is_claimed_like_one_that_waits() {
    let (_, mut model) = desk();
    typed(&mut model, "go 6");
    type_text(&mut model, "hello");
    let sent = press(&mut model, "Enter");
    assert_eq!(commands(&sent), []);
    assert!(notice(&model).starts_with("#6 is with the assistant; claim it first"));
    let epoch = model.view.chats[&ChatId(6)].chat.epoch;
    let effects = press(&mut model, "Esc Esc a");
    let chat = ChatId(6);
    assert_eq!(commands(&effects), [Command::Claim { chat, epoch }]);
}

#[test]
fn a_chat_goes_back_to_the_assistant_and_a_refusal_is_a_sentence() {
    let (mut story, mut model) = desk();
    let chat = ChatId(1);
    let epoch = model.view.chats[&chat].chat.epoch;
    let effects = press(&mut model, "Esc B");
    assert_eq!(
        commands(&effects),
        [Command::ReturnToAssistant { chat, epoch }]
    );
    let cid = effects.iter().find_map(|effect| match effect {
        Effect::Do {
            cid,
            command: Command::ReturnToAssistant { .. },
        } => Some(cid.clone()),
        _ => None,
    });
    let nack = SocketEvent::Nack {
        cid: cid.expect("asked"),
        code: ErrorCode::Conflict,
        message: "the assistant is off".to_owned(),
        retry_in: None,
    };
    hear(&mut model, &story, [nack]);
    assert_eq!(
        notice(&model),
        "could not give #1 to the assistant: the assistant is off"
    );
    press(&mut model, "Esc");
    let returned = story.assist(1, AssistantReason::Returned);
    hear(&mut model, &story, [delivered(returned)]);
    assert_eq!(notice(&model), "#1 is with the assistant now");
    assert_eq!(model.view.chats[&chat].chat.state, ChatState::Assistant);

    typed(&mut model, "return");
    assert_eq!(notice(&model), "#1 is with the assistant");
    typed(&mut model, "go 4");
    typed(&mut model, "return");
    assert_eq!(notice(&model), "#4 waits for a person; claim it first");
}

#[test]
fn the_newest_answer_in_sight_is_called_wrong_with_a_reason() {
    let (mut story, mut model) = desk();
    let answer = |model: &Model| {
        let events = model.view.chats[&ChatId(1)].events.iter();
        let mut answers = events.filter(|record| record.event.kind() == "assistant_replied");
        let replied = answers.next_back().and_then(|record| record.seq);
        Seq(replied.expect("answered").0 - 1)
    };
    let seq = answer(&model);
    let chat = ChatId(1);
    // A courtesy after it is no answer.
    let thanks = story.replies(1, "You are welcome.", ReplyKind::Courtesy);
    hear(&mut model, &story, thanks.into_iter().map(delivered));
    let asked = press(&mut model, "Esc !");
    assert_eq!(commands(&asked), []);
    let asks = matches!(&model.overlay, Some(Overlay::Prompt(prompt)) if prompt.purpose == AskFor::Flag(chat, seq));
    assert!(asks, "{:?}", model.overlay);
    type_text(&mut model, "14 days are over");
    let effects = press(&mut model, "Enter");
    let reason = Some(SafeText::line("14 days are over"));
    assert_eq!(
        commands(&effects),
        [Command::FlagAnswer { chat, seq, reason }]
    );
    let effects = typed(&mut model, "flag");
    let reason = None;
    assert_eq!(
        commands(&effects),
        [Command::FlagAnswer { chat, seq, reason }]
    );

    let flagged = story.flags(1, seq, "14 days are over");
    hear(&mut model, &story, [delivered(flagged)]);
    let record = model.view.chats[&chat].events.last().expect("flagged");
    assert_eq!(
        crate::transcript::system_text(&model, record).as_deref(),
        Some(
            "Mia Ford calls an answer wrong: \"You can return it within 14 days.\" - 14 days are over"
        )
    );
    typed(&mut model, "go 4");
    typed(&mut model, "flag");
    assert_eq!(notice(&model), "the assistant has answered nothing here");
}

#[test]
fn the_card_is_one_row_until_it_is_opened_and_gone_with_the_assistant() {
    let (mut story, mut model) = desk();
    let rows = |model: &Model| {
        let screen = Screen::of(model).expect("large enough");
        screen.focused(model).expect("a pane").card.height
    };
    assert_eq!(rows(&model), 1);
    press(&mut model, "Esc c");
    assert!(rows(&model) > 5, "{}", rows(&model));
    press(&mut model, "c");
    assert_eq!(rows(&model), 1);
    let now = model.now;
    update(&mut model, Msg::Resize(160, 50), now);
    assert_eq!(rows(&model), 1, "closed by hand");
    if let Some(thread) = model.threads.get_mut(&ChatId(1)) {
        thread.card = None;
    }
    assert!(rows(&model) > 5, "there is room for it");
    press(&mut model, "c");
    assert_eq!(rows(&model), 1);
    let returned = story.assist(1, AssistantReason::Returned);
    hear(&mut model, &story, [delivered(returned)]);
    assert_eq!(rows(&model), 0);
    press(&mut model, "Esc c");
    assert_eq!(notice(&model), "#1 does not come from the assistant");
}

/// The list of proposals that is open.
fn proposals(model: &Model) -> &Picker {
    match &model.overlay {
        Some(Overlay::Picker(picker)) if matches!(picker.purpose, PickFor::Proposal(..)) => picker,
        other => panic!("no proposals but {other:?}"),
    }
}

fn asked(effects: &[Effect]) -> (CommandId, AssistRequest) {
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Assist { id, request } => Some((id.clone(), request.clone())),
        _ => None,
    });
    asked.expect("the hub is asked")
}

fn suggestion(title: &str, text: &str) -> Suggestion {
    Suggestion {
        title: SafeText::line(title),
        text: SafeText::block(text),
        source: SuggestionSource::Knowledge,
        citations: Vec::new(),
    }
}

fn answered(model: &mut Model, id: &CommandId, answer: Result<AssistAnswer, String>) {
    let (id, now) = (id.clone(), model.now);
    let effects = update(model, Msg::Assisted { id, answer }, now);
    assert_eq!(commands(&effects), [], "nothing is sent by itself");
}

fn found(suggestions: &[Suggestion]) -> Result<AssistAnswer, String> {
    Ok(AssistAnswer {
        suggestions: suggestions.to_vec(),
        text: None,
    })
}

fn rewritten(text: &str) -> Result<AssistAnswer, String> {
    Ok(AssistAnswer {
        suggestions: Vec::new(),
        text: Some(SafeText::block(text)),
    })
}

fn draft(model: &Model) -> &str {
    model.threads[&ChatId(1)].composer().text()
}

#[test]
fn a_suggestion_goes_in_the_composer_when_it_is_chosen_and_is_not_sent() {
    let (_, mut model) = desk();
    type_text(&mut model, "Hello. ");
    let effects = press(&mut model, "Esc P Enter");
    let (id, request) = asked(&effects);
    assert_eq!(
        (request.chat, request.kind),
        (ChatId(1), AssistKind::Suggest)
    );
    assert_eq!(proposals(&model).told.as_deref(), Some("asking the hub .."));
    press(&mut model, "Enter");
    proposals(&model);
    type_text(&mut model, "typed at nothing");
    let two = [
        suggestion("Returns", "Within 14 days."),
        suggestion("Refunds", "We pay\nit back."),
    ];
    answered(&mut model, &id, found(&two));
    assert_eq!(proposals(&model).choices.len(), 2);
    assert_eq!(draft(&model), "Hello. ");
    let effects = press(&mut model, "Down Enter");
    assert_eq!(commands(&effects), []);
    assert_eq!(draft(&model), "Hello. We pay\nit back.");
    assert_eq!((model.base, model.overlay.is_none()), (Base::Compose, true));
    press(&mut model, "Ctrl+_");
    assert_eq!(draft(&model), "Hello. ");
}

#[test]
fn an_answer_that_nobody_waits_for_any_more_is_dropped() {
    let (_, mut model) = desk();
    let (first, _) = asked(&press(&mut model, "Esc P Enter"));
    press(&mut model, "Esc");
    assert!(model.overlay.is_none(), "Esc leaves it");
    answered(&mut model, &first, found(&[suggestion("late", "late")]));
    assert!(model.overlay.is_none());
    let (second, _) = asked(&press(&mut model, "P Enter"));
    answered(&mut model, &first, found(&[suggestion("late", "late")]));
    assert_eq!(proposals(&model).choices, []);
    answered(&mut model, &second, found(&[suggestion("now", "now")]));
    assert_eq!(proposals(&model).choices.len(), 1);
    answered(&mut model, &second, found(&[]));
    assert_eq!(proposals(&model).choices.len(), 1, "it was answered");
}

#[test]
fn what_the_hub_cannot_do_is_one_line() {
    let (_, mut model) = desk();
    let (id, _) = asked(&press(&mut model, "Esc P Enter"));
    let why = "no model is configured; suggest and ask work without one";
    answered(&mut model, &id, Err(why.to_owned()));
    assert_eq!(proposals(&model).told, Some(format!("error: {why}")));
    press(&mut model, "Enter");
    assert!(model.overlay.is_none());
    let (id, _) = asked(&press(&mut model, "P Enter"));
    answered(&mut model, &id, found(&[]));
    assert!(
        proposals(&model)
            .told
            .as_ref()
            .is_some_and(|told| told.starts_with("nothing fits"))
    );
}

#[test]
fn a_draft_becomes_another_and_undo_brings_it_back() {
    let (_, mut model) = desk();
    typed(&mut model, "assist shorter");
    assert_eq!(notice(&model), "shorter: write something first");
    model.overlay = None;
    press(&mut model, "Esc i");
    type_text(&mut model, "i has a long draft");
    let (id, request) = asked(&typed(&mut model, "assist shorter"));
    assert_eq!(request.kind, AssistKind::Rewrite);
    assert_eq!(request.tone, Some(Tone::Shorter));
    assert_eq!(request.text.as_deref(), Some("i has a long draft"));
    answered(&mut model, &id, rewritten("A short draft"));
    press(&mut model, "Enter");
    assert_eq!(draft(&model), "A short draft");
    press(&mut model, "Ctrl+_");
    assert_eq!(draft(&model), "i has a long draft");

    let (_, request) = asked(&typed(&mut model, "assist translate pt"));
    assert_eq!(request.language.as_deref(), Some("pt"));
    press(&mut model, "Esc");
    let (_, request) = asked(&typed(&mut model, "assist translate"));
    assert_eq!(request.language, None, "the customer's");
}

#[test]
fn a_question_is_asked_and_a_summary_is_a_note() {
    let (_, mut model) = desk();
    let (id, request) = asked(&typed(&mut model, "assist ask how long is a return"));
    assert_eq!(request.kind, AssistKind::Ask);
    assert_eq!(request.text.as_deref(), Some("how long is a return"));
    answered(&mut model, &id, found(&[suggestion("Returns", "14 days")]));
    press(&mut model, "Enter");
    assert_eq!(draft(&model), "14 days");

    let (id, request) = asked(&typed(&mut model, "assist summarise"));
    assert_eq!((request.kind, request.text), (AssistKind::Summarise, None));
    answered(&mut model, &id, rewritten("Wants money back"));
    let effects = press(&mut model, "Enter");
    assert_eq!(commands(&effects), []);
    let thread = &model.threads[&ChatId(1)];
    assert!(thread.noting, "for the team");
    assert_eq!(
        (thread.note.text(), thread.reply.text()),
        ("Wants money back", "14 days")
    );
}

#[test]
fn a_proposal_is_for_the_chat_that_it_was_asked_for() {
    let (mut story, mut model) = desk();
    let (id, _) = asked(&press(&mut model, "Esc P Enter"));
    let gone = story.transfer(1, crate::fixture::SALES);
    hear(&mut model, &story, [delivered(gone)]);
    answered(&mut model, &id, found(&[suggestion("Returns", "14 days")]));
    press(&mut model, "Enter");
    assert_eq!(notice(&model), "#1 is not in front any more");
    assert!(model.threads[&ChatId(1)].composer().is_empty());
}

#[test]
fn the_assistant_types_until_it_has_written() {
    let (mut story, mut model) = desk();
    let typing = SocketEvent::Typing {
        chat: ChatId(7),
        who: shared::frame::Typist {
            id: shared::id::UserId(0),
            name: SafeText::line("Assistant"),
            customer: false,
        },
        on: true,
        preview: None,
    };
    hear(&mut model, &story, [typing]);
    assert_eq!(model.threads[&ChatId(7)].typing.len(), 1);
    let replied = story.replies(7, "Oil the chain.", ReplyKind::Answer);
    hear(&mut model, &story, replied.into_iter().map(delivered));
    assert!(model.threads[&ChatId(7)].typing.is_empty());
}

#[test]
fn a_hand_off_of_ours_needs_somebody() {
    let (mut story, mut model) = desk();
    model.focused = false;
    model.bell.quiet_until = None;
    let records = story.hands_off(6, hand_off_of(str::to_owned));
    let effects = hear(&mut model, &story, records.into_iter().map(delivered));
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Notify(_)))
    );
    let owner = model.view.chats[&ChatId(6)].chat.owner;
    assert_eq!(
        (owner, model.place(ChatId(6)).map(|(_, count)| count)),
        (None, Some(3))
    );
    assert_ne!(owner, Some(MIA));
}
