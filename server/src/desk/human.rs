//! Whether a customer asks for a person: a rule that no setting turns off.
//!
//! A request is a wish to talk, to be connected or to be given, and somebody of flesh and blood
//! behind it; or a refusal of the machine. A question about the one that answers ("are you a
//! human?") is none, nor is a wish turned round ("I don't want an agent"), nor what happened
//! ("your agent told me"). Only words decide: nothing is learnt, nothing is looked up.

mod languages;
mod lexicon;
mod reading;
mod rules;
#[cfg(test)]
mod tests;
pub mod tokens;

use self::tokens::Tokens;

/// Bytes of a text that are read; what is longer is asked for in the first of them or not at all.
const BYTES_MAX: usize = 8 * 1024;

/// What calls a person as the first word.
const COMMANDS: [&str; 5] = ["/human", "/agent", "/person", "/operator", "/escalate"];
/// Longest of them, with the marks behind it.
const COMMAND_CHARS_MAX: usize = 16;

/// Whether `text` of a customer asks for a person.
///
/// Costs microseconds for a usual message and grows with its length alone.
#[must_use]
pub fn asks_for_human(text: &str) -> bool {
    let end = (0..=BYTES_MAX.min(text.len())).rev();
    let text = &text[..end
        .into_iter()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)];
    if is_command(text) {
        return true;
    }
    let tokens = Tokens::of(text);
    rules::ask(&tokens) || languages::ask(&tokens)
}

/// `/human`, alone or before words; `0`, alone.
fn is_command(text: &str) -> bool {
    let text = text.trim_matches(|c: char| c.is_whitespace() || tokens::is_unseen(c));
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let word = text[..end].chars().filter(|c| !tokens::is_unseen(*c));
    let word: String = word.take(COMMAND_CHARS_MAX).collect();
    let word = word.trim_end_matches(['.', '!', '?', ',', ')']);
    let is = |command: &str| command.eq_ignore_ascii_case(word);
    COMMANDS.into_iter().any(is) || is_zero(text)
}

/// A zero with what people put round it: `0`, `0.`, `#0`, `0)`, full width too.
fn is_zero(text: &str) -> bool {
    let mut zeros = 0;
    let rest = text.chars().filter(|c| !tokens::is_unseen(*c)).all(|c| {
        zeros += usize::from(matches!(c, '0' | '\u{FF10}'));
        matches!(
            c,
            '0' | '\u{FF10}' | '.' | '!' | ')' | '(' | '#' | '*' | '"' | '\''
        )
    });
    rest && zeros == 1
}
