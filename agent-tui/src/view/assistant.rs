//! The list, the messages and the card of chats that the assistant has or had, and what the hub
//! proposes. Pictures at every size are in `matrix`.

use shared::{
    api::{AssistAnswer, Suggestion, SuggestionSource},
    assistant::Citation,
    id::ChatId,
    text::SafeText,
};

use super::tests::{DARK, drawn, row_text};
use crate::{
    fixture::{Story, console_of, handed_off_desk, press},
    model::Model,
    msg::{Msg, Typed},
    overlay::Overlay,
    update::update,
};

/// A chat of ours that came from the assistant; `chords` are pressed then.
pub(super) fn handed_off(chords: &str) -> Model {
    let mut model = console_of(&handed_off_desk(str::to_owned));
    press(&mut model, chords);
    model
}

/// The card of chat 1 of `story`, open.
pub(super) fn with_card(story: &Story) -> Model {
    let mut model = console_of(story);
    if let Some(thread) = model.threads.get_mut(&ChatId(1)) {
        thread.card = Some(true);
    }
    model
}

/// What the hub proposes, the second one chosen.
pub(super) fn proposals() -> Model {
    let mut model = handed_off("Esc P Enter");
    let id = match &model.overlay {
        Some(Overlay::Picker(picker)) => picker.waits_for.clone(),
        _ => None,
    };
    let suggestion = |title, text, source, cited: &[&str]| Suggestion {
        title: SafeText::line(title),
        text: SafeText::block(text),
        source,
        citations: cited
            .iter()
            .map(|id| Citation {
                id: SafeText::line(id),
                title: SafeText::line(title),
            })
            .collect(),
    };
    let answer = AssistAnswer {
        suggestions: vec![
            suggestion(
                "Returns",
                "You can return it within 14 days.\nBring the receipt.",
                SuggestionSource::Knowledge,
                &["kb:returns#2"],
            ),
            suggestion(
                ";refund",
                "We have sent your money back today; it takes up to five days until you see it on your account.\n\nIs there anything else?",
                SuggestionSource::Canned,
                &[],
            ),
        ],
        text: None,
    };
    let (id, now) = (id.expect("the hub was asked"), model.now);
    let answer = Ok(answer);
    update(&mut model, Msg::Assisted { id, answer }, now);
    press(&mut model, "Down");
    model
}

fn text(model: &mut Model, columns: u16, rows: u16) -> String {
    let buffer = drawn(model, &DARK, columns, rows);
    let rows: Vec<String> = (0..rows).map(|y| row_text(&buffer, y)).collect();
    rows.join("\n")
}

#[test]
fn a_message_of_the_assistant_says_that_it_is_one_and_what_stands_behind_it() {
    let small = text(&mut handed_off("Esc"), 80, 24);
    assert!(small.contains("=14:10 AI As.. You can return"), "{small}");
    let shown = text(&mut handed_off("Esc"), 160, 50);
    assert!(
        shown.contains("=14:10 AI Assistant You can return"),
        "{shown}"
    );
    let behind = "AI answer: returns 0.92; by the hub itself; from kb:returns#2 Returns";
    assert!(shown.contains(behind), "{shown}");
    let why = "handed off by the assistant: a word calls a person (lawyer)";
    assert!(shown.contains(why), "{shown}");
}

#[test]
fn a_chat_of_the_assistant_says_what_it_does_and_how_to_take_it() {
    let mut model = handed_off("Esc");
    let now = model.now;
    let go = Msg::Typed(Typed::Command("go 7".to_owned()));
    update(&mut model, go, now);
    let shown = text(&mut model, 120, 40);
    for words in [
        "ASSISTANT (2)",
        "5 Eve Moss           waits│",
        "6>Gus Wood         answers│",
        "with the assistant 3m  answers",
        "the assistant answers; a takes it",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
}

#[test]
fn the_card_tells_everything_at_80x24_and_leaves_the_messages_room() {
    let shown = text(&mut handed_off("Esc c"), 80, 24);
    for words in [
        "HAND-OFF: a word calls a person (lawyer)",
        "c: less",
        "wants  Refunds 0.62, or Returns 0.21, Shipping 0.10",
        "waited 2 s, then number 3 in the queue, language en",
        "first  I want my money back for order 4711",
        "later  then I call my lawyer",
        "named  number 4711, e-mail ana@example.com",
        "tried  [kb:returns#2 Returns] You can return it",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    let closed = text(&mut handed_off("Esc"), 80, 24);
    assert!(
        closed.contains("c: more") && !closed.contains("wants"),
        "{closed}"
    );
}

#[test]
fn where_there_is_no_room_the_card_counts_what_it_leaves_out() {
    let shown = text(&mut handed_off("Esc c"), 60, 16);
    assert!(
        shown.contains("more; a taller terminal shows them"),
        "{shown}"
    );
    let small = text(&mut handed_off("Esc c"), 40, 8);
    assert!(small.contains("HAND-OFF"), "{small}");
}

#[test]
fn the_whole_of_a_proposal_can_be_read_before_it_is_taken() {
    let shown = text(&mut proposals(), 80, 24);
    assert!(
        shown.contains("knowledge [kb:returns#2 Returns]:"),
        "{shown}"
    );
    assert!(shown.contains("Is there anything else?"), "{shown}");
}
