//! The assistant beside the one who writes: help with a message, the card of a hand-off, a thumb
//! down on an answer. What the hub proposes goes in the composer when it is chosen, and is never
//! sent by itself.

use shared::{
    api::{AssistAnswer, AssistKind, AssistRequest, Suggestion, Tone},
    assistant::ReplyKind,
    command::Command,
    event::Event,
    fold::ChatView,
    id::{ChatId, CommandId, Seq},
    record::Record,
    text::SafeText,
};

use crate::{
    assisted::{self, card_rows},
    model::{Base, Model},
    msg::Effect,
    overlay::{Aid, AskFor, Choice, Overlay, PickFor, Picker, Value},
    screen::Screen,
    transcript::Transcript,
};

use super::{overlays, request, writing};

/// Most proposals that are offered.
const PROPOSALS_MAX: usize = 20;

/// Offers help with what is written in the chat in front.
pub(super) fn open(model: &mut Model) {
    if model.current_view().is_none() {
        return writing::no_chat(model);
    }
    let picker = Picker::new(PickFor::Aid, aids());
    model.overlay = Some(Overlay::Picker(picker));
}

/// What the hub can help with.
pub(super) fn aids() -> Vec<Choice> {
    let choices = Aid::all().map(|aid| Choice {
        label: aid.word().to_owned(),
        detail: help(aid).to_owned(),
        value: Value::Aid(aid),
    });
    choices.collect()
}

const fn help(aid: Aid) -> &'static str {
    match (aid.kind, aid.tone) {
        (AssistKind::Suggest, _) => "replies that fit what the customer said",
        (AssistKind::Ask, _) => "what the knowledge base says about a question",
        (AssistKind::Summarise, _) => "what the chat was about, as a note for the team",
        (AssistKind::Rewrite, Some(Tone::Shorter)) => "the draft in fewer words",
        (AssistKind::Rewrite, Some(Tone::Formal)) => "the draft, more formal",
        (AssistKind::Rewrite, _) => "the draft, friendlier",
        (AssistKind::Grammar, _) => "the draft without mistakes",
        (AssistKind::Translate, _) => "the draft in another language",
    }
}

/// Help was chosen: asks what is still to be said, else the hub.
pub(super) fn chosen(model: &mut Model, aid: Aid, out: &mut Vec<Effect>) {
    let Some(chat) = model.current() else {
        return writing::no_chat(model);
    };
    match aid.kind {
        AssistKind::Ask => overlays::ask(model, AskFor::Question(chat, aid)),
        AssistKind::Translate if !draft(model).is_empty() => {
            overlays::ask(model, AskFor::Language(chat, aid));
        }
        _ => ask(model, chat, aid, "", out),
    }
}

fn draft(model: &Model) -> &str {
    let thread = model.current_thread();
    thread.map_or("", |thread| thread.composer().text().trim())
}

/// Asks the hub; `said` is the question, or the language.
pub(super) fn ask(model: &mut Model, chat: ChatId, aid: Aid, said: &str, out: &mut Vec<Effect>) {
    let said = (!said.is_empty()).then(|| SafeText::line(said));
    let (text, language) = match aid.kind {
        AssistKind::Ask => (said, None),
        kind if kind.wants_text() => {
            let text = SafeText::block(draft(model));
            if text.is_empty() {
                return model.complain(format!("{}: write something first", aid.word()));
            }
            (Some(text), said)
        }
        _ => (None, None),
    };
    let id = model.next_cid();
    let request = AssistRequest {
        chat,
        kind: aid.kind,
        text,
        tone: aid.tone,
        language,
    };
    let mut picker = Picker::new(PickFor::Proposal(chat, aid), Vec::new());
    picker.waits_for = Some(id.clone());
    picker.told = Some("asking the hub ..".to_owned());
    model.overlay = Some(Overlay::Picker(picker));
    out.push(Effect::Assist { id, request });
}

/// The answer of the hub. What was left meanwhile, or asked before, is not wanted any more.
pub(super) fn answered(model: &mut Model, id: &CommandId, answer: Result<AssistAnswer, String>) {
    let Some(Overlay::Picker(picker)) = &mut model.overlay else {
        return;
    };
    if picker.waits_for.as_ref() != Some(id) {
        return;
    }
    let PickFor::Proposal(_, aid) = picker.purpose else {
        return;
    };
    picker.waits_for = None;
    picker.selected = 0;
    // What was typed meanwhile was typed at nothing.
    picker.field.clear();
    match answer {
        Ok(answer) => {
            picker.told = Some("nothing fits; say it in other words".to_owned());
            picker.choices = proposals(aid, &answer);
        }
        Err(why) => picker.told = Some(format!("error: {why}")),
    }
}

fn proposals(aid: Aid, answer: &AssistAnswer) -> Vec<Choice> {
    let text = answer.text.iter().map(|text| Choice {
        label: aid.word().to_owned(),
        detail: flat(text),
        value: Value::Text(text.to_string()),
    });
    let suggested = answer.suggestions.iter().map(|one| Choice {
        label: flat(&one.title),
        detail: format!("{}: {}", origin(one), flat(&one.text)),
        value: Value::Text(one.text.to_string()),
    });
    text.chain(suggested).take(PROPOSALS_MAX).collect()
}

/// Where a proposal comes from.
fn origin(one: &Suggestion) -> String {
    let word = one.source.word();
    if one.citations.is_empty() {
        return word.to_owned();
    }
    format!("{word} [{}]", flat(&assisted::sources(&one.citations)))
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Puts what was chosen in the composer of the chat that it is for: a summary in the note, a new
/// text in place of the draft, anything else at the cursor.
pub(super) fn put_in(model: &mut Model, chat: ChatId, aid: Aid, text: &str, out: &mut Vec<Effect>) {
    if model.current() != Some(chat) {
        return model.say(format!("#{chat} is not in front any more"));
    }
    model.base = Base::Compose;
    match aid.kind {
        AssistKind::Summarise => {
            writing::set_noting(model, true);
            writing::write(model, out, |composer| composer.insert_paste(text));
        }
        AssistKind::Suggest | AssistKind::Ask => {
            writing::write(model, out, |composer| composer.insert_paste(text));
        }
        AssistKind::Rewrite | AssistKind::Grammar | AssistKind::Translate => {
            writing::replace(model, text, out);
        }
    }
    if model.settings.plain {
        model.say(format!(
            "it is the draft of #{chat}; /draft shows it, /send sends it"
        ));
    }
}

/// Opens the card of the chat in front, or closes it.
pub(super) fn turn_card(model: &mut Model) {
    let Some(view) = model.current_view() else {
        return model.say("no chat is open here");
    };
    let chat = view.chat.id;
    if assisted::hand_off(&view.chat).is_none() {
        return model.say(format!("#{chat} does not come from the assistant"));
    }
    let screen = Screen::of(model);
    let pane = screen.as_ref().and_then(|screen| screen.focused(model));
    let open = pane.is_some_and(|pane| {
        let rows = pane.card.height + pane.transcript.height;
        pane.card.height > 1 || card_rows(model, chat, rows) > 1
    });
    if let Some(thread) = model.threads.get_mut(&chat) {
        thread.card = Some(!thread.card.unwrap_or(open));
    }
}

/// Asks what is wrong with the newest answer of the assistant that is in sight, else with its
/// newest.
pub(super) fn ask_flag(model: &mut Model) {
    let Some(view) = model.current_view() else {
        return model.say("no chat is open here");
    };
    let chat = view.chat.id;
    let newest = view.events.iter().rev();
    let newest = newest
        .filter(|record| is_answer(view, record))
        .find_map(|record| record.seq);
    let seq = answer_in_sight(model, view).or(newest);
    match seq {
        Some(seq) => overlays::ask(model, AskFor::Flag(chat, seq)),
        None => model.say("the assistant has answered nothing here"),
    }
}

/// Calls an answer wrong; `why` may be empty.
pub(super) fn flag(model: &mut Model, chat: ChatId, seq: Seq, why: &str, out: &mut Vec<Effect>) {
    let reason = SafeText::line(why);
    let reason = (!reason.is_empty()).then_some(reason);
    let command = Command::FlagAnswer { chat, seq, reason };
    request(model, command, format!("flag the answer in #{chat}"), out);
}

/// Whether a record is an answer of the assistant: the next one says what stands behind it.
fn is_answer(view: &ChatView, record: &Record) -> bool {
    let next = record.seq.map(Seq::next);
    let behind = view.events.iter().rev().find(|other| other.seq == next);
    matches!(behind.map(|other| &other.event), Some(Event::AssistantReplied { reply }) if reply.kind == ReplyKind::Answer)
}

fn answer_in_sight(model: &Model, view: &ChatView) -> Option<Seq> {
    let screen = Screen::of(model)?;
    let area = screen.focused(model)?.transcript;
    let transcript = Transcript::new(model, view.chat.id, area.width)?;
    transcript.find_in_window(usize::from(area.height), |record, _| {
        record.seq.filter(|_| is_answer(view, record))
    })
}
