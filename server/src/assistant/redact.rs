//! What is masked before text leaves the process, and put back in the answer.
//!
//! A value gets a placeholder, `[number-1]`, that stays its own for all texts of one chat. Values
//! are kept in memory alone, shown nowhere, and wiped when they are dropped. Deliberately absent:
//! names of people that nobody told us, and addresses of streets; no rule tells them from words.

mod find;
mod password;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use shared::assistant::Redact;
use zeroize::Zeroize;

use self::find::Span;

/// Most secret words that are looked for where nothing calls them so; nobody has as many.
const PASSWORDS_MAX: usize = 200;

/// What a masked value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Password,
    Url,
    Email,
    Number,
    Name,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Password,
        Self::Url,
        Self::Email,
        Self::Number,
        Self::Name,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Url => "url",
            Self::Email => "email",
            Self::Number => "number",
            Self::Name => "name",
        }
    }
}

/// A value that is wiped when it is dropped.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Secret(String);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The placeholders of one chat and what they stand for.
pub struct Redaction {
    level: Redact,
    /// The words of the customer's name, in lower case.
    names: Vec<Secret>,
    /// The number of each value, found by its kind and what makes it the same.
    numbers: BTreeMap<(Kind, Secret), usize>,
    /// The values as they were first written; number 1 is the first of its kind.
    values: BTreeMap<(Kind, usize), Secret>,
}

impl Redaction {
    /// For a chat with a customer of this name.
    #[must_use]
    pub fn new(level: Redact, name: Option<&str>) -> Self {
        let names = match level {
            Redact::Strict => find::names(name.unwrap_or_default()),
            Redact::Off | Redact::Basic => Vec::new(),
        };
        Self {
            level,
            names: names.into_iter().map(Secret).collect(),
            numbers: BTreeMap::new(),
            values: BTreeMap::new(),
        }
    }

    /// `text` with placeholders for what may not leave the process. A secret word is known from
    /// the text that tells it on: give the texts of a chat in their order.
    pub fn redact(&mut self, text: &str) -> String {
        if self.level == Redact::Off {
            return text.to_owned();
        }
        for span in password::passwords(text) {
            self.placeholder(Kind::Password, &text[span.from..span.to]);
        }
        let mut redacted = String::with_capacity(text.len());
        let mut from = 0;
        for span in self.spans(text) {
            push_harmless(&text[from..span.from], &mut redacted);
            redacted.push_str(&self.placeholder(span.kind, &text[span.from..span.to]));
            from = span.to;
        }
        push_harmless(&text[from..], &mut redacted);
        redacted
    }

    /// `answer` with the values in the place of their placeholders. What looks like one and is
    /// none stays as it is; a value is never read for placeholders again.
    #[must_use]
    pub fn restore(&self, answer: &str) -> String {
        let mut restored = String::with_capacity(answer.len());
        let mut rest = answer;
        while let Some(at) = rest.find('[') {
            restored.push_str(&rest[..at]);
            rest = &rest[at..];
            let value = placeholder_at(rest)
                .and_then(|(kind, number, end)| Some((self.values.get(&(kind, number))?, end)));
            if let Some((value, end)) = value {
                restored.push_str(&value.0);
                rest = &rest[end..];
            } else {
                restored.push('[');
                rest = &rest[1..];
            }
        }
        restored + rest
    }

    /// How many values are masked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether nothing is masked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// What of `text` is masked, in order, apart from each other.
    fn spans(&self, text: &str) -> Vec<Span> {
        let strict = self.level == Redact::Strict;
        let mut spans = find::emails(text);
        spans.extend(password::passwords(text));
        spans.extend(find::numbers(
            text,
            if strict { 1 } else { find::DIGITS_MIN },
        ));
        let passwords = (Kind::Password, 0)..=(Kind::Password, PASSWORDS_MAX);
        for value in self.values.range(passwords).map(|(_, value)| value) {
            spans.extend(password::occurrences(text, &value.0));
        }
        if strict {
            spans.extend(find::urls(text));
            let is_name = |word: &str| self.names.iter().any(|name| name.0 == word);
            spans.extend(find::words_that(text, is_name));
        }
        find::merged(spans)
    }

    fn placeholder(&mut self, kind: Kind, value: &str) -> String {
        let key = (kind, Secret(find::key(kind, value)));
        let mut of_kind = self.values.range((kind, 0)..=(kind, usize::MAX));
        let next = 1 + of_kind.next_back().map_or(0, |((_, last), _)| *last);
        let number = *self.numbers.entry(key).or_insert(next);
        self.values
            .entry((kind, number))
            .or_insert_with(|| Secret(value.to_owned()));
        format!("[{}-{number}]", kind.word())
    }
}

/// Counts alone: what is masked is shown nowhere.
impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction")
            .field("level", &self.level)
            .field("values", &self.values.len())
            .finish_non_exhaustive()
    }
}

/// The placeholder that `text` begins with, and where it ends.
fn placeholder_at(text: &str) -> Option<(Kind, usize, usize)> {
    let inner = text.strip_prefix('[')?;
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| inner.starts_with(kind.word()))?;
    let digits = inner[kind.word().len()..].strip_prefix('-')?;
    let length = digits.find(|c: char| !c.is_ascii_digit())?;
    let plain = (1..=9).contains(&length) && !digits.starts_with('0');
    let number = digits[..length].parse().ok().filter(|_| plain)?;
    let end = text.len() - digits.len() + length + 1;
    digits[length..]
        .starts_with(']')
        .then_some((kind, number, end))
}

/// Text that is not masked, in which nobody forges a placeholder: its bracket becomes a round one.
fn push_harmless(text: &str, redacted: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        redacted.push_str(&rest[..at]);
        let inner = &rest[at + 1..];
        let begins = |kind: &Kind| {
            inner
                .get(..kind.word().len())
                .is_some_and(|start| start.eq_ignore_ascii_case(kind.word()))
        };
        redacted.push(if Kind::ALL.iter().any(begins) {
            '('
        } else {
            '['
        });
        rest = inner;
    }
    redacted.push_str(rest);
}
