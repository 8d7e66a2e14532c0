//! Where a text has what is masked: pure, byte ranges of the text.

use super::Kind;

/// Digits of a run from which it is masked.
pub(super) const DIGITS_MIN: usize = 4;
/// Marks between two digits of one run.
const MARKS_MAX: usize = 3;

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) kind: Kind,
}

/// In order; those that touch the same bytes are one, of the kind that comes first.
pub(super) fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable_by_key(|span| (span.from, span.kind));
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.from < last.to => {
                last.to = last.to.max(span.to);
                last.kind = last.kind.min(span.kind);
            }
            _ => merged.push(span),
        }
    }
    merged
}

/// What makes two values the same: the digits of a number, a word without its case.
pub(super) fn key(kind: Kind, value: &str) -> String {
    match kind {
        Kind::Number => {
            let shown = |c: &char| c.is_alphanumeric();
            value
                .chars()
                .filter(shown)
                .flat_map(char::to_lowercase)
                .map(ascii_digit)
                .collect()
        }
        Kind::Email | Kind::Name => value.to_lowercase(),
        Kind::Password | Kind::Url => value.to_owned(),
    }
}

/// The digit of the scripts that people here type in; others stay as they are.
fn ascii_digit(c: char) -> char {
    const ZEROS: [u32; 12] = [
        0xFF10, 0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6,
        0x1FBF0,
    ];
    let code = u32::from(c);
    let zero = ZEROS
        .into_iter()
        .find(|zero| (*zero..zero + 10).contains(&code));
    zero.and_then(|zero| char::from_digit(code - zero, 10))
        .unwrap_or(c)
}

/// Digits of any script, and of none: `①`.
fn is_digit(c: char) -> bool {
    c.is_numeric()
}

/// Shows nothing, or puts a digit on a key: may stand inside a run.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{300}'..='\u{36F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{20E3}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}')
}

fn is_mark(c: char) -> bool {
    matches!(c,
        ' ' | '\t' | '\u{A0}' | '\u{2002}'..='\u{200A}' | '\u{202F}' | '\u{3000}' | '-' | '.' | '/'
        | '_' | '(' | ')' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{B7}' | '*' | '|' | '\\' | '+')
}

/// Runs of `least` digits and more, also spelt out, and words of letters and as many digits.
pub(super) fn numbers(text: &str, least: usize) -> Vec<Span> {
    let mut spans = runs(text, least);
    for (from, to) in plain_words(text) {
        let digits = text[from..to].chars().filter(|c| is_digit(*c)).count();
        if digits >= least {
            spans.push(Span {
                from,
                to,
                kind: Kind::Number,
            });
        }
    }
    spans.extend(ibans(text));
    spans
}

/// A run in the making.
#[derive(Clone, Copy, Default)]
struct Run {
    from: usize,
    to: usize,
    digits: usize,
    /// Marks since its last digit.
    marks: usize,
}

fn runs(text: &str, least: usize) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut run = Run::default();
    let mut end = |run: Run| {
        if run.digits >= least && run.digits > 0 {
            spans.push(Span {
                from: run.from,
                to: run.to,
                kind: Kind::Number,
            });
        }
    };
    let mut chars = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, c)) = chars.next() {
        if is_unseen(c) {
            continue;
        }
        let spelt = if before.is_alphabetic() {
            0
        } else {
            spelt_digit(&text[at..], run.digits > 0)
        };
        if is_digit(c) || spelt > 0 {
            let to = at + if spelt > 0 { spelt } else { c.len_utf8() };
            if run.digits == 0 || run.marks > MARKS_MAX {
                end(run);
                run = Run {
                    from: at,
                    ..Run::default()
                };
            }
            run = Run {
                to,
                digits: run.digits + 1,
                marks: 0,
                ..run
            };
            while chars.next_if(|(next, _)| *next < to).is_some() {}
        } else if is_mark(c) || c == ',' && chars.peek().is_some_and(|(_, next)| is_digit(*next)) {
            run.marks += 1;
        } else {
            end(run);
            run = Run::default();
        }
        before = if spelt > 0 { 'a' } else { c };
    }
    end(run);
    spans
}

/// The length of a digit spelt out that `text` begins with; `oh` only goes on with a run.
fn spelt_digit(text: &str, goes_on: bool) -> usize {
    const NAMES: [&str; 13] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "double",
        "triple", "oh",
    ];
    let length = text
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let word = &text[..length];
    let known = NAMES.iter().any(|name| name.eq_ignore_ascii_case(word));
    if known && (goes_on || !word.eq_ignore_ascii_case("oh")) {
        length
    } else {
        0
    }
}

/// Runs of letters and digits.
fn plain_words(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let inside = |c: char| c.is_alphanumeric() || is_unseen(c);
        let from = at + text[at..].find(inside)?;
        let to = text[from..]
            .find(|c| !inside(c))
            .map_or(text.len(), |length| from + length);
        at = to;
        Some((from, to))
    })
}

/// International account numbers (ISO 13616: 15 to 34 characters, remainder 1 by 97).
fn ibans(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    for (from, to) in plain_words(text) {
        let head = &text.as_bytes()[from..to];
        let begins = head.len() >= 4
            && head[..2].iter().all(u8::is_ascii_alphabetic)
            && head[2..4].iter().all(u8::is_ascii_digit);
        if begins {
            spans.extend(iban_end(&text[from..]).map(|length| Span {
                from,
                to: from + length,
                kind: Kind::Number,
            }));
        }
    }
    spans
}

fn iban_end(text: &str) -> Option<usize> {
    let mut letters = String::new();
    let mut found = None;
    for (at, c) in text.char_indices() {
        if c.is_ascii_alphanumeric() {
            letters.push(c.to_ascii_uppercase());
        } else if !matches!(c, ' ' | '-') {
            break;
        }
        if letters.len() > 34 {
            break;
        }
        if letters.len() >= 15 && c.is_ascii_alphanumeric() && remainder(&letters) == 1 {
            found = Some(at + 1);
        }
    }
    found
}

fn remainder(letters: &str) -> u32 {
    let turned = letters.bytes().skip(4).chain(letters.bytes().take(4));
    turned.fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    })
}

/// E-mail addresses, also with `at` and `dot` spelt out.
pub(super) fn emails(text: &str) -> Vec<Span> {
    let local = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-' | '\'');
    let domain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let mut spans = Vec::new();
    for (at, _) in text.match_indices(['@', '\u{FF20}']) {
        let sign = text[at..].chars().next().map_or(1, char::len_utf8);
        let head = text[..at].trim_end_matches(' ');
        let tail_at = text.len() - text[at + sign..].trim_start_matches(' ').len();
        let from = head.rfind(|c| !local(c)).map_or(0, |i| {
            i + head[i..].chars().next().map_or(1, char::len_utf8)
        });
        let to = text[tail_at..]
            .find(|c| !domain(c))
            .map_or(text.len(), |length| tail_at + length);
        let to = from.max(tail_at + text[tail_at..to].trim_end_matches(['.', '-']).len());
        // "joe @ home" is none, "joe @ example.com" is one.
        let spaced = head.len() < at || tail_at > at + sign;
        if from < head.len() && tail_at < to && (!spaced || text[tail_at..to].contains('.')) {
            spans.push(Span {
                from,
                to,
                kind: Kind::Email,
            });
        }
    }
    let words = chunks(text);
    for at in 1..words.len().saturating_sub(1) {
        let word = |i: usize| words.get(i).map_or("", |(from, to)| &text[*from..*to]);
        let sign = word(at).to_ascii_lowercase();
        let dot = |i: usize| {
            matches!(
                word(i).to_ascii_lowercase().as_str(),
                "dot" | "(dot)" | "[dot]" | "."
            )
        };
        let bracketed = matches!(sign.as_str(), "(at)" | "[at]" | "{at}");
        let last = if dot(at + 2) && !word(at + 3).is_empty() {
            at + 3
        } else {
            at + 1
        };
        if (bracketed || sign == "at") && last > at + 1 || bracketed && word(at + 1).contains('.') {
            let span = Span {
                from: words[at - 1].0,
                to: words[last].1,
                kind: Kind::Email,
            };
            spans.push(span);
        }
    }
    spans
}

/// Web addresses.
pub(super) fn urls(text: &str) -> Vec<Span> {
    let is_url = |word: &str| {
        let lower = word.to_ascii_lowercase();
        lower.contains("://") || lower.starts_with("www.")
    };
    let all = chunks(text).into_iter();
    all.filter(|(from, to)| is_url(&text[*from..*to]))
        .map(|(from, to)| Span {
            from,
            to,
            kind: Kind::Url,
        })
        .collect()
}

/// The words of a name that are masked, in lower case.
pub(super) fn names(name: &str) -> Vec<String> {
    plain_words(name)
        .map(|(from, to)| name[from..to].to_lowercase())
        .filter(|word| word.chars().count() > 1)
        .collect()
}

/// Words that, in lower case, are what `is` says.
pub(super) fn words_that(text: &str, is: impl Fn(&str) -> bool) -> Vec<Span> {
    plain_words(text)
        .filter(|(from, to)| is(&text[*from..*to].to_lowercase()))
        .map(|(from, to)| Span {
            from,
            to,
            kind: Kind::Name,
        })
        .collect()
}

/// Words parted by white space.
pub(super) fn chunks(text: &str) -> Vec<(usize, usize)> {
    let start = text.as_ptr() as usize;
    text.split_whitespace()
        .map(|word| {
            let from = word.as_ptr() as usize - start;
            (from, from + word.len())
        })
        .collect()
}
