//! What the assistant says by itself, in English.

use shared::{assistant::IntentGuess, text::SafeText};

/// Asks whether an answer helped.
const HELPED: &str = "Did that help? Answer yes or no, or just ask on.";
/// Stands where a topic speaks of opening hours that the desk does not know.
pub(super) const HOURS: &str = "our opening hours";

pub(super) fn hello(name: &str) -> SafeText {
    SafeText::block(&format!(
        "Hello {name}! How can I help you? Please say it in a sentence."
    ))
}

/// After an answer: the question whether it helped stays open, so that no other is asked.
pub(super) fn welcome() -> SafeText {
    SafeText::line("You are welcome! Answer yes if that is all, or just ask on.")
}

pub(super) fn not_yet() -> SafeText {
    SafeText::line("You are welcome! How can I help you?")
}

pub(super) fn goodbye() -> SafeText {
    SafeText::line("Goodbye! Write here again whenever you need something.")
}

pub(super) fn go_on() -> SafeText {
    SafeText::line("How can I help you? Please say in a sentence what it is about.")
}

pub(super) fn all_right() -> SafeText {
    SafeText::line("All right. Write here whenever you need something.")
}

/// After an answer that did not help.
pub(super) fn what_is_missing() -> SafeText {
    SafeText::block(
        "I am sorry that this did not help. What is missing? Please say it in a sentence, or \
         answer 0 to talk to a person.",
    )
}

pub(super) fn in_a_sentence() -> SafeText {
    SafeText::block(
        "I did not understand that. Could you say it in a sentence? Answer 0 to talk to a person.",
    )
}

pub(super) fn no_files() -> SafeText {
    SafeText::block(
        "I cannot read files. Could you say in a sentence what it is about? Answer 0 to talk to \
         a person, who can.",
    )
}

/// The numbered choices, the person last.
pub(super) fn choices(top: &[IntentGuess]) -> SafeText {
    let mut text = String::from("What is it about? Please answer with a number.\n");
    for (number, guess) in (1..).zip(top) {
        text.push_str(&format!("{number}. {}\n", guess.title));
    }
    text.push_str("0. Talk to a person");
    SafeText::block(&text)
}

/// An answer with its sources and the question whether it helped.
pub(super) fn answer(text: &str, sources: &[SafeText]) -> SafeText {
    let mut all = text.trim_end().to_owned();
    if !sources.is_empty() {
        let word = if sources.len() == 1 {
            "Source"
        } else {
            "Sources"
        };
        let titles: Vec<&str> = sources.iter().map(SafeText::as_str).collect();
        all.push_str(&format!("\n\n{word}: {}", titles.join("; ")));
    }
    all.push_str("\n\n");
    all.push_str(HELPED);
    SafeText::block(&all)
}
