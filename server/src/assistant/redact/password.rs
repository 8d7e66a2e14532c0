//! Where a text tells a password, a PIN or the like, and where one stands again.

use super::{
    Kind,
    find::{Span, chunks},
};

/// Words between the word password and the password.
const LINKS_MAX: usize = 5;
/// Characters of a password in quotes.
const QUOTED_CHARS_MAX: usize = 64;

/// What calls the next word a secret.
const KEYS: &str = "password passwd pwd passcode passphrase pin pw passwort kennwort contrasena contraseña senha \
                    wachtwoord passe pincode cvv cvc csc cvv2 otp";
/// May stand between the two, and says that the secret comes.
const LINKS: &str = "is was = : := -> => are as ist es é est lautet equals set i's it's its";
/// May stand between the two, and says nothing.
const BETWEEN: &str = "my the a new old current temporary code number word currently still now just probably either \
                       maybe something like called simply should be been has for this account card";
/// What people say of a password that is none.
const COMMON: &str = "not no wrong incorrect invalid correct right blocked locked expired lost forgotten the a an my your \
                      it this that what how why when where who working accepted rejected being been too very so still \
                      never always asked required needed missing reset changed different same safe secure secret? weak \
                      strong long short ok okay fine good bad broken unknown saved stored sent given entered stuck \
                      compromised hacked stolen and or but if because please help reset. in on at of for with by from \
                      out only also already here there me you i we they he she change set up get do does did can cannot \
                      could will would should have has had recognized recognised disabled enabled active inactive \
                      unavailable available visible hidden empty blank exactly really just about to be nicht falsch \
                      vergessen gesperrt incorrecta olvidada errada incorrecte one used using going causing protected \
                      gone done left valid linked suddenly apparently actually getting showing damaged declined shown \
                      like something next supposed not. wrong. all as is was are";

/// The words that a text calls a password or the like.
pub(super) fn passwords(text: &str) -> Vec<Span> {
    let words = chunks(text);
    let mut spans = Vec::new();
    for at in 0..words.len() {
        let (from, to) = words[at];
        let word = &text[from..to];
        // "pwd=abc", "password:"
        let sign = word.find(['=', ':']).filter(|sign| is_key(&word[..*sign]));
        let told = sign.map(|sign| from + sign + 1).filter(|tail| *tail < to);
        if let Some(tail) = told {
            spans.extend(secret(text, tail, to, true));
        } else if sign.is_some() || is_key(word) {
            spans.extend(secret_after(text, &words, at, sign.is_some()));
            spans.extend(secret_before(text, &words, at));
        }
    }
    spans
}

fn is_in(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|known| known == word)
}

fn core(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase()
}

fn is_key(word: &str) -> bool {
    is_in(KEYS, &core(word))
}

/// The secret behind the word at `at`: `is hunter2`, `hunter2` when it looks like one.
fn secret_after(text: &str, words: &[(usize, usize)], at: usize, mut linked: bool) -> Option<Span> {
    for &(from, to) in words.iter().skip(at + 1).take(LINKS_MAX) {
        let word = text[from..to].to_lowercase();
        if word == "to" {
            linked |= is_changed(text, words, at);
        } else if is_in(LINKS, word.trim_end_matches([':', ','])) {
            linked = true;
        } else if !is_in(BETWEEN, word.trim_end_matches([':', ','])) {
            return secret(text, from, to, linked);
        } else if word.ends_with(':') {
            linked = true;
        }
    }
    None
}

/// Whether the word at `at` is what is set or changed.
fn is_changed(text: &str, words: &[(usize, usize)], at: usize) -> bool {
    let before = &words[at.saturating_sub(LINKS_MAX)..at];
    let verbs = "set setting change changed changing update updated reset";
    before
        .iter()
        .any(|(from, to)| is_in(verbs, &core(&text[*from..*to])))
}

/// The secret before it: `hunter2 is my password`.
fn secret_before(text: &str, words: &[(usize, usize)], at: usize) -> Option<Span> {
    let word = |back: usize| {
        at.checked_sub(back)
            .map(|i| core(&text[words[i].0..words[i].1]))
    };
    let mine = word(1).is_some_and(|word| matches!(word.as_str(), "my" | "the" | "our"));
    let linked = word(2).is_some_and(|word| matches!(word.as_str(), "is" | "as" | "was"));
    let (from, to) = *words.get(at.checked_sub(3)?)?;
    (mine && linked)
        .then(|| secret(text, from, to, true))
        .flatten()
}

/// The word as a secret, without the marks of the sentence round it.
fn secret(text: &str, from: usize, to: usize, linked: bool) -> Option<Span> {
    let quotes = [
        '"', '\'', '`', '\u{201C}', '\u{201D}', '\u{2018}', '\u{2019}', '\u{AB}', '\u{BB}',
        '\u{201E}',
    ];
    let word = &text[from..to];
    let inner = word.trim_start_matches(['(', '[', '<', ':', '=']);
    let mut from = to - inner.len();
    let mut end = to;
    if let Some(quote) = inner.chars().next().filter(|c| quotes.contains(c)) {
        from += quote.len_utf8();
        let rest = &text[from..];
        let close = rest
            .char_indices()
            .take(QUOTED_CHARS_MAX)
            .find(|(_, c)| quotes.contains(c));
        end = close.map_or(to, |(length, _)| from + length);
        return (from < end).then_some(Span {
            from,
            to: end,
            kind: Kind::Password,
        });
    }
    end = from
        + text[from..end]
            .trim_end_matches(['.', ',', ';', ')', ']', '"', '\'', '?', ':', '>'])
            .len();
    let value = text.get(from..end).filter(|value| !value.is_empty())?;
    let told = linked && !is_in(COMMON, &core(value));
    let mixed = value.chars().any(char::is_numeric)
        || value.chars().any(|c| "!@#$%^&*_".contains(c))
            && value.chars().any(char::is_alphanumeric);
    (told || mixed).then_some(Span {
        from,
        to: end,
        kind: Kind::Password,
    })
}

/// Where a password stands again, as a word of its own.
pub(super) fn occurrences(text: &str, value: &str) -> Vec<Span> {
    let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(value)
        .filter(|(at, found)| {
            let end = at + found.len();
            apart(text[..*at].chars().next_back()) && apart(text[end..].chars().next())
        })
        .map(|(from, found)| Span {
            from,
            to: from + found.len(),
            kind: Kind::Password,
        })
        .collect()
}
