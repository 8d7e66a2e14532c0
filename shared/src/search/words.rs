//! The one tokenizer: how text falls into words, for the index and for every query.
//!
//! Text is one line in NFC, folded to lower case character by character. A word is a run of
//! letters and digits, cut to [`WORD_BYTES_MAX`]. Chinese, Japanese, Thai, Lao, Khmer and Burmese
//! are written without spaces: a run of theirs gives every two neighbouring characters, and its
//! last character alone, so that one character is the beginning of something indexed too.

use std::collections::BTreeSet;

use crate::text::SafeText;

/// Bytes of a word that are indexed; a longer one is found by its beginning and then compared.
pub const WORD_BYTES_MAX: usize = 32;
/// Different words of one text that are indexed: bounds what one message can cost.
pub const WORDS_MAX: usize = 1_024;

/// What a character is to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// No part of a word.
    Gap,
    /// Of a script whose words have spaces between them.
    Spaced,
    /// Of a script whose words have not.
    Unspaced,
}

pub(super) fn class(c: char) -> Class {
    match c {
        // Nearly all of them: no table of the world's letters is looked at.
        c if c.is_ascii_alphanumeric() => Class::Spaced,
        c if c.is_ascii() => Class::Gap,
        '\u{0E00}'..='\u{0EFF}'
        | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17FF}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30FF}'
        | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FF66}'..='\u{FF9F}'
        | '\u{20000}'..='\u{3FFFF}' => Class::Unspaced,
        c if c.is_alphanumeric() => Class::Spaced,
        _ => Class::Gap,
    }
}

/// A character without its case. Final and other sigma are one, and so are all kinds of `i`
/// with a dot.
pub(super) fn fold_char(c: char) -> impl Iterator<Item = char> {
    let c = if c == 'İ' { 'i' } else { c };
    c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c })
}

pub(super) fn fold(line: &str) -> String {
    if line.is_ascii() {
        return line.to_ascii_lowercase();
    }
    line.chars().flat_map(fold_char).collect()
}

/// Neighbouring characters of one class.
pub(super) struct Run<'a> {
    pub(super) class: Class,
    pub(super) text: &'a str,
    /// Nothing follows it.
    pub(super) is_last: bool,
}

pub(super) fn runs(folded: &str) -> impl Iterator<Item = Run<'_>> {
    let mut rest = folded;
    std::iter::from_fn(move || {
        let class_of_run = class(rest.chars().next()?);
        let end = rest.find(|c| class(c) != class_of_run);
        let (text, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        Some(Run {
            class: class_of_run,
            text,
            is_last: after.is_empty(),
        })
    })
}

/// The part of a word that is indexed.
pub(super) fn cut(word: &str) -> &str {
    if word.len() <= WORD_BYTES_MAX {
        return word;
    }
    let ends = word.char_indices().map(|(at, _)| at);
    let end = ends.take_while(|at| *at <= WORD_BYTES_MAX).last();
    &word[..end.unwrap_or_default()]
}

/// Every two neighbouring characters.
pub(super) fn pairs(run: &str) -> impl Iterator<Item = &str> {
    let starts = run.char_indices();
    let ends = run.char_indices().skip(1);
    starts
        .zip(ends)
        .map(|((at, _), (second, c))| &run[at..second + c.len_utf8()])
}

/// The words of a text, as they are indexed.
#[must_use]
pub fn words(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    each(text, |word| {
        if words.len() < WORDS_MAX && !words.contains(word) {
            words.insert(word.to_owned());
        }
    });
    words
}

/// The words of a text in their order, each as often as it is there.
#[must_use]
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    each(text, |word| tokens.push(word.to_owned()));
    tokens
}

fn each(text: &str, mut add: impl FnMut(&str)) {
    let folded = fold(&SafeText::line(text));
    for run in runs(&folded) {
        match run.class {
            Class::Gap => {}
            Class::Spaced => add(cut(run.text)),
            Class::Unspaced => {
                pairs(run.text).for_each(&mut add);
                if let Some((at, _)) = run.text.char_indices().next_back() {
                    add(&run.text[at..]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{WORD_BYTES_MAX, WORDS_MAX, words};

    fn check(text: &str, expect: &[&str]) {
        let words: Vec<String> = words(text).into_iter().collect();
        assert_eq!(words, expect, "of {text:?}");
    }

    #[test]
    fn text_falls_into_words() {
        check("", &[]);
        check(" -- !", &[]);
        check("My PRINTER, my printer!", &["my", "printer"]);
        check("kim@example.org", &["example", "kim", "org"]);
        check("order 4711-b", &["4711", "b", "order"]);
        check("漢字abc", &["abc", "字", "漢字"]);
        check("打印机", &["印机", "打印", "机"]);
        check("字", &["字"]);
        check("한국어 지원", &["지원", "한국어"]);
        check("cafe\u{301}\ncafé", &["café"]);
    }

    #[test]
    fn words_and_their_number_are_bounded() {
        let word = words(&"ö".repeat(100)).pop_first().unwrap();
        assert_eq!(word.len(), WORD_BYTES_MAX);
        let many: String = (0..2_000).map(|n| format!("w{n} ")).collect();
        assert_eq!(words(&many).len(), WORDS_MAX);
    }
}
