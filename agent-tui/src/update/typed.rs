//! Whole typed lines, where there are no keys: a message, a command with its arguments, an answer.
//! Nobody sees a list narrow down before Enter, so an argument that fits several things is asked
//! about and never guessed.

use shared::{id::ChatId, model::Visibility};

use crate::{
    complete::Source,
    keys::Intent,
    model::Model,
    msg::{Effect, Typed},
    overlay::{AskFor, Choice, Overlay, Value},
    thread::Basis,
};

use super::{complete, keys, overlays, writing};

/// Does what a line says.
pub(super) fn take(model: &mut Model, typed: Typed, out: &mut Vec<Effect>) {
    match typed {
        Typed::Message { text, visibility } => post(model, &text, visibility, out),
        Typed::Command(line) => command(model, &line, out),
        Typed::Answer(text) => answer(model, &text, out),
        Typed::Intent(intent) => keys::perform(model, intent, out),
    }
}

/// Sends `text` to the chat in front, beside whatever draft there is. What cannot be sent joins
/// the draft.
fn post(model: &mut Model, text: &str, visibility: Visibility, out: &mut Vec<Effect>) {
    if writing::composer(model).is_none() {
        return writing::no_chat(model);
    }
    if text.trim().is_empty() {
        return;
    }
    let noting = set_noting(model, visibility == Visibility::Note);
    let (draft, refused) = swap(model, text);
    if refused > 0 {
        swap(model, &draft);
        set_noting(model, noting);
        return model.complain(format!(
            "a message holds 8192 bytes, this has {refused} more; send it in parts"
        ));
    }
    let basis = set_basis(model, None);
    writing::send(model, out);
    set_basis(model, Some(basis));
    let (left, _) = swap(model, &draft);
    if left.is_empty() {
        set_noting(model, noting);
        return;
    }
    let both = if draft.is_empty() {
        left
    } else {
        format!("{draft}\n{left}")
    };
    let (_, refused) = swap(model, &both);
    if refused == 0
        && let Some(notice) = model.notice.as_mut()
        && !notice.text.contains("draft is kept")
    {
        notice.text.push_str("; it is kept as a draft");
    }
}

/// Puts `text` in the composer; gives what was there, and how many bytes did not fit.
fn swap(model: &mut Model, text: &str) -> (String, usize) {
    let Some(composer) = writing::composer(model) else {
        return (String::new(), 0);
    };
    let before = composer.text().to_owned();
    let refused = composer.set_text(text).refused.len();
    (before, refused)
}

/// What the person had seen at Enter, which is all there is, in place of what they had seen when
/// they began the draft; or that again. Gives what it was.
fn set_basis(model: &mut Model, basis: Option<Basis>) -> Basis {
    let chat = model.current();
    let Some(thread) = chat.and_then(|chat| model.threads.get_mut(&chat)) else {
        return Basis::default();
    };
    let seen = thread.seen.map_or(Basis::Unwritten, Basis::Seen);
    std::mem::replace(&mut thread.basis, basis.unwrap_or(seen))
}

/// Turns the chat in front to notes or replies; gives what it was.
fn set_noting(model: &mut Model, noting: bool) -> bool {
    let chat = model.current();
    let thread = chat.and_then(|chat| model.threads.get_mut(&chat));
    thread.is_some_and(|thread| std::mem::replace(&mut thread.noting, noting))
}

/// Does a command with the rest of its line as its argument.
fn command(model: &mut Model, line: &str, out: &mut Vec<Effect>) {
    model.overlay = None;
    let Some((intent, rest)) = overlays::command(line) else {
        return model.complain(format!("no command is called \"{}\"", line.trim()));
    };
    let name = intent.action().name;
    match Source::of(intent) {
        _ if rest.is_empty() => keys::perform(model, intent, out),
        Some(source) if source.is_words() || source == Source::Times => {
            overlays::run(model, intent, rest, out)
        }
        Some(source) => match find(&complete::choices(model, intent, rest), rest, source) {
            Found::One(choice, others) => overlays::run_with(model, intent, choice, &others, out),
            Found::Several(choices) => {
                keys::perform(model, intent, out);
                if let Some(Overlay::Picker(picker)) = &mut model.overlay {
                    picker.choices = choices;
                }
            }
            Found::Nothing => model.complain(format!(
                "nothing fits \"{rest}\"; /{name} alone shows what there is"
            )),
        },
        None if takes_line(intent) => overlays::run(model, intent, rest, out),
        None => model.complain(format!("/{name} takes nothing after it")),
    }
    ask_no_more(model, out);
}

/// Whether the rest of the line, whatever it is, says what `intent` is about.
const fn takes_line(intent: Intent) -> bool {
    matches!(
        intent,
        Intent::SearchInChat | Intent::SaveFile | Intent::SendFile | Intent::Flag
    )
}

/// Answers a question or a list.
fn answer(model: &mut Model, text: &str, out: &mut Vec<Effect>) {
    let text = text.trim();
    match &mut model.overlay {
        Some(Overlay::Confirm(_)) => match text.to_lowercase().as_str() {
            "y" | "yes" => overlays::say_yes(model, out),
            "" | "n" | "no" => leave(model),
            _ => model.complain("answer y or n"),
        },
        Some(Overlay::Picker(_)) if text.is_empty() => leave(model),
        Some(Overlay::Picker(picker)) => {
            let number = text.parse().ok().and_then(|n: usize| n.checked_sub(1));
            let numbered = number.and_then(|at| picker.choices.get(at)).cloned();
            let found = numbered.map(|choice| Found::One(choice, String::new()));
            match found.unwrap_or_else(|| find(&picker.choices, text, Source::Chats)) {
                Found::One(choice, _) => {
                    picker.choices = vec![choice];
                    overlays::pick(model, out);
                }
                Found::Several(choices) => picker.choices = choices,
                Found::Nothing => model.complain(format!("nothing fits \"{text}\"")),
            }
        }
        _ => leave(model),
    }
    ask_no_more(model, out);
}

fn leave(model: &mut Model) {
    model.overlay = None;
    model.say("left as it was");
}

/// A line says all there is to say: what may be empty is, what may not is asked for as a line.
fn ask_no_more(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(Overlay::Prompt(prompt)) = &model.overlay else {
        return;
    };
    match prompt.purpose {
        AskFor::TransferNote(..)
        | AskFor::AssignNote(..)
        | AskFor::Reason(..)
        | AskFor::SaveFile
        | AskFor::SendFile
        | AskFor::Flag(..)
        | AskFor::Language(..) => overlays::pick(model, out),
        AskFor::Question(..) => {
            model.overlay = None;
            model.complain("write the question: /assist ask how long does delivery take");
        }
        AskFor::Search => {
            model.overlay = None;
            model.complain("write what to look for: /search invoice");
        }
        AskFor::Tags(_) => {
            model.overlay = None;
            model.complain("write the tags: /tag vat -urgent");
        }
    }
}

/// What the words of a line name.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// This, and the words after it.
    One(Choice, String),
    /// Any of these.
    Several(Vec<Choice>),
    /// Nothing there is.
    Nothing,
}

/// What `line` names among `choices`: by the number of a chat, by its whole name, else by as many
/// of its first words as begin words of a name. Of a chat all words are its name.
fn find(choices: &[Choice], line: &str, source: Source) -> Found {
    let number = line.trim_start_matches('#').parse().ok().map(ChatId);
    let numbered =
        |choice: &&Choice| matches!(choice.value, Value::Chat(chat) if Some(chat) == number);
    if let Some(choice) = choices.iter().find(numbered) {
        return Found::One(choice.clone(), String::new());
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let whole = |choice: &&Choice| {
        let name: Vec<&str> = choice.label.split_whitespace().collect();
        let same = |(a, b): (&&str, &&str)| a.to_lowercase() == b.to_lowercase();
        name.len() <= words.len() && name.iter().zip(&words).all(same)
    };
    let count = |choice: &Choice| choice.label.split_whitespace().count();
    let longest = choices.iter().filter(whole).map(count).max();
    if let Some(longest) = longest {
        let named = choices.iter().filter(whole);
        return among(
            named.filter(|choice| count(choice) == longest),
            line,
            longest,
        );
    }
    let fewest = if source == Source::Chats {
        words.len()
    } else {
        1
    };
    for first in (fewest..=words.len()).rev() {
        let fit = choices
            .iter()
            .filter(|choice| fits(choice, &words[..first]));
        match among(fit, line, first) {
            Found::Nothing => {}
            found => return found,
        }
    }
    Found::Nothing
}

fn among<'a>(fit: impl Iterator<Item = &'a Choice>, line: &str, words: usize) -> Found {
    let mut fit: Vec<Choice> = fit.cloned().collect();
    match fit.len() {
        0 => Found::Nothing,
        1 => Found::One(fit.remove(0), after_words(line, words).to_owned()),
        _ => Found::Several(fit),
    }
}

/// Whether each of `words` begins a word of the name, in their order.
fn fits(choice: &Choice, words: &[&str]) -> bool {
    let label = choice.label.to_lowercase();
    let mut name = label.split_whitespace();
    let begins = |word: &&str| {
        let word = word.trim_start_matches('@').to_lowercase();
        !word.is_empty() && name.any(|part| part.starts_with(&word))
    };
    !words.is_empty() && words.iter().all(begins)
}

/// What follows the first `count` words.
fn after_words(line: &str, count: usize) -> &str {
    let mut rest = line.trim_start();
    for _ in 0..count {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        rest = rest[end..].trim_start();
    }
    rest.trim_end()
}
