//! Things that a text names: addresses, numbers, dates; for the summary of a hand-off.
//!
//! Deliberately absent: what they mean, and names of people, which no rule tells from other
//! words. The number of a payment card is told by its end alone.

use shared::{
    assistant::{Entity, EntityKind},
    text::SafeText,
};

/// Most things told of one text.
pub const ENTITIES_MAX: usize = 8;
/// Most characters told of one.
const TEXT_CHARS_MAX: usize = 64;
/// Bytes of a text that are read.
const BYTES_MAX: usize = 8 * 1024;
/// Digits from which a number is worth telling.
const DIGITS_MIN: usize = 4;

/// Most groups of digits that are one number.
const GROUPS_MAX: usize = 6;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const LONG_MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const CURRENCIES: [&str; 16] = [
    "eur", "euro", "euros", "usd", "dollar", "dollars", "bucks", "gbp", "pound", "pounds", "quid",
    "chf", "cad", "aud", "yen", "inr",
];

/// What `text` names, in its order, each once, at most [`ENTITIES_MAX`].
#[must_use]
pub fn entities(text: &str) -> Vec<Entity> {
    let words = words(text);
    let mut found: Vec<Entity> = Vec::new();
    let mut at = 0;
    while at < words.len() && found.len() < ENTITIES_MAX {
        let Some((kind, length)) = entity_at(&words[at..]) else {
            at += 1;
            continue;
        };
        let entity = Entity {
            kind,
            text: told(kind, &words[at..at + length]),
        };
        if !found.contains(&entity) {
            found.push(entity);
        }
        at += length;
    }
    found
}

/// Words without the marks round them.
fn words(text: &str) -> Vec<&str> {
    let mut end = text.len().min(BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let split = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ',' | ';');
    // A comma parts words, but not the digits of an amount.
    let mut words: Vec<&str> = Vec::new();
    for chunk in text[..end].split(char::is_whitespace) {
        let digits = chunk.chars().filter(char::is_ascii_digit).count();
        if digits > 0 && chunk.contains(',') && is_amount(trim(chunk)) {
            words.push(trim(chunk));
        } else {
            words.extend(chunk.split(split).map(trim));
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Without the marks round it; brackets stay in pairs alone.
fn trim(word: &str) -> &str {
    let kept = |c: char| c.is_alphanumeric() || is_currency(c);
    let word = word.trim_start_matches(|c| !(kept(c) || matches!(c, '+' | '#' | '(')));
    let word = word.trim_end_matches(|c| !(kept(c) || c == '/' || c == ')'));
    match (word.starts_with('('), word.ends_with(')')) {
        (true, false) if !word.contains(')') => trim(word.trim_start_matches('(')),
        (false, true) => trim(word.trim_end_matches(')')),
        _ => word,
    }
}

/// What begins with the first of these words, and how many of them it is.
fn entity_at(words: &[&str]) -> Option<(EntityKind, usize)> {
    let first = words[0];
    if is_url(first) {
        return Some((EntityKind::Url, 1));
    }
    if is_email(first) {
        return Some((EntityKind::Email, 1));
    }
    if let Some(length) = money(words) {
        return Some((EntityKind::Money, length));
    }
    if let Some(length) = date(words) {
        return Some((EntityKind::Date, length));
    }
    number(words)
}

fn is_url(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    ["http://", "https://", "www."].into_iter().any(|start| {
        lower
            .strip_prefix(start)
            .is_some_and(|rest| rest.contains('.'))
    })
}

fn is_email(word: &str) -> bool {
    let Some((local, domain)) = word.rsplit_once('@') else {
        return false;
    };
    let legal = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '%');
    let labels: Vec<&str> = domain.split('.').collect();
    !local.is_empty()
        && local.chars().all(legal)
        && labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && domain
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
}

fn is_currency(c: char) -> bool {
    matches!(c, '$' | '€' | '£' | '¥' | '₹' | '₩' | '₽' | '₺')
}

/// Digits, with points and commas between them.
fn is_amount(word: &str) -> bool {
    let word = word.trim_matches(is_currency);
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().all(plain) && word.len() <= 16
}

fn money(words: &[&str]) -> Option<usize> {
    let is_code = |word: &str| {
        let lower = word.to_lowercase();
        CURRENCIES.contains(&lower.as_str()) || word.chars().all(is_currency)
    };
    let first = words[0];
    let next = words.get(1).copied().unwrap_or_default();
    let marked = first.starts_with(is_currency) || first.ends_with(is_currency);
    if marked && is_amount(first) {
        Some(1)
    } else if !next.is_empty()
        && (is_amount(first) && is_code(next) || is_code(first) && is_amount(next))
    {
        Some(2)
    } else {
        None
    }
}

fn date(words: &[&str]) -> Option<usize> {
    if is_numeric_date(words[0]) {
        return Some(1);
    }
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    let is_month = |word: &str| {
        let lower = word.to_lowercase();
        MONTHS.contains(&lower.as_str()) || LONG_MONTHS.contains(&lower.as_str()) || lower == "sept"
    };
    let is_year = |word: &str| {
        word.parse::<u16>()
            .is_ok_and(|year| (1900..2200).contains(&year))
    };
    let with_year = |length: usize| length + usize::from(is_year(word(length)));
    let of = usize::from(word(1).eq_ignore_ascii_case("of"));
    if is_day(word(0)) && is_month(word(1 + of)) {
        Some(with_year(2 + of))
    } else if is_month(word(0)) && is_day(word(1)) {
        Some(with_year(2))
    } else {
        None
    }
}

/// A day of a month: `5`, `5th`.
fn is_day(word: &str) -> bool {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let rest = word[digits.len()..].to_ascii_lowercase();
    let ordinal = matches!(rest.as_str(), "" | "st" | "nd" | "rd" | "th");
    ordinal
        && digits
            .parse::<u8>()
            .is_ok_and(|day| (1..=31).contains(&day))
}

/// `2026-01-31`, `31/01/2026`, `31.1.26`.
fn is_numeric_date(word: &str) -> bool {
    ['-', '/', '.'].into_iter().any(|mark| {
        let parts: Vec<&str> = word.split(mark).collect();
        let small =
            |part: &str| part.len() <= 2 && part.parse::<u8>().is_ok_and(|n| (1..=31).contains(&n));
        let number = |part: &str| part.chars().all(|c| c.is_ascii_digit());
        match parts[..] {
            [a, b, c] if a.len() == 4 => number(a) && small(b) && small(c),
            [a, b, c] => small(a) && small(b) && number(c) && matches!(c.len(), 2 | 4),
            _ => false,
        }
    })
}

/// A telephone number or the number of something.
fn number(words: &[&str]) -> Option<(EntityKind, usize)> {
    let is_group = |word: &&&str| {
        let inner = word.trim_start_matches(['+', '(', '#']);
        inner.chars().any(|c| c.is_ascii_digit())
            && inner
                .chars()
                .all(|c| c.is_ascii_digit() || matches!(c, '-' | '.' | '/' | ')' | '('))
    };
    let groups = words.iter().take(GROUPS_MAX).take_while(is_group).count();
    if groups == 0 {
        // Letters and digits together: "ORD-12345".
        let word = words[0];
        let digits = digits_of(word).len();
        let letters = word.chars().any(char::is_alphabetic);
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '#' | '/');
        let named = digits >= 3 && word.len() >= 5 && letters && word.chars().all(plain);
        return named.then_some((EntityKind::Number, 1));
    }
    // As many groups as a telephone or card number has.
    let together = words[..groups].concat();
    let digits = digits_of(&together).len();
    let first_digits = digits_of(words[0]).len();
    let marked = words[0].starts_with(['+', '(']) || words[0].starts_with('0') && digits >= 7;
    let parted = groups > 1 || words[0].contains(['-', '.']);
    if (7..=15).contains(&digits) && (marked || parted && digits >= 9) && !is_card(&together) {
        Some((EntityKind::Phone, groups))
    } else if is_card(&together) || groups > 1 && (8..=34).contains(&digits) {
        Some((EntityKind::Number, groups))
    } else {
        (first_digits >= DIGITS_MIN).then_some((EntityKind::Number, 1))
    }
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Whether the digits are those of a payment card (ISO/IEC 7812: 13 to 19, Luhn).
fn is_card(text: &str) -> bool {
    let digits = digits_of(text);
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            match (place % 2, digit * 2) {
                (0, _) => digit,
                (_, double) if double > 9 => double - 9,
                (_, double) => double,
            }
        })
        .sum();
    (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

/// How it is told: short, and of a card the end alone.
fn told(kind: EntityKind, words: &[&str]) -> SafeText {
    let text = words.join(" ");
    if kind == EntityKind::Number && is_card(&text) {
        let digits = digits_of(&text);
        return SafeText::line(&format!("card ending {}", &digits[digits.len() - 4..]));
    }
    let text = match kind {
        EntityKind::Number => text.trim_matches(['#', '(', ')']),
        _ => text.as_str(),
    };
    SafeText::line(&text.chars().take(TEXT_CHARS_MAX).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(text: &str) -> Vec<(EntityKind, String)> {
        let one = |entity: Entity| (entity.kind, entity.text.to_string());
        entities(text).into_iter().map(one).collect()
    }

    #[test]
    fn things_are_told_in_their_order() {
        let cases: [(&str, &[(EntityKind, &str)]); 24] = [
            ("where is my order?", &[]),
            (
                "order #12345 did not come",
                &[(EntityKind::Number, "12345")],
            ),
            (
                "order ORD-2231-A, please.",
                &[(EntityKind::Number, "ORD-2231-A")],
            ),
            (
                "mail me: ana.b+x@example.co.uk!",
                &[(EntityKind::Email, "ana.b+x@example.co.uk")],
            ),
            (
                "<joe@example.com>",
                &[(EntityKind::Email, "joe@example.com")],
            ),
            ("@joe and joe@ and joe@x", &[]),
            (
                "call +44 20 7946 0958 now",
                &[(EntityKind::Phone, "+44 20 7946 0958")],
            ),
            ("(555) 123-4567", &[(EntityKind::Phone, "(555) 123-4567")]),
            ("555-123-4567", &[(EntityKind::Phone, "555-123-4567")]),
            (
                "my number is 07946095812",
                &[(EntityKind::Phone, "07946095812")],
            ),
            (
                "I paid £1,234.56 twice",
                &[(EntityKind::Money, "£1,234.56")],
            ),
            (
                "50€ or 20 euros",
                &[(EntityKind::Money, "50€"), (EntityKind::Money, "20 euros")],
            ),
            ("EUR 300.13", &[(EntityKind::Money, "EUR 300.13")]),
            ("on 2026-01-31.", &[(EntityKind::Date, "2026-01-31")]),
            (
                "31/01/2026 and 31.1.26",
                &[
                    (EntityKind::Date, "31/01/2026"),
                    (EntityKind::Date, "31.1.26"),
                ],
            ),
            (
                "since 5th of January 2026",
                &[(EntityKind::Date, "5th of January 2026")],
            ),
            ("March 3rd", &[(EntityKind::Date, "March 3rd")]),
            ("it may work", &[]),
            (
                "see https://example.com/a?b=1, thanks",
                &[(EntityKind::Url, "https://example.com/a?b=1")],
            ),
            ("www.example.com", &[(EntityKind::Url, "www.example.com")]),
            ("I have 2 items and 3 boxes", &[]),
            (
                "4111 1111 1111 1111",
                &[(EntityKind::Number, "card ending 1111")],
            ),
            (
                "4111111111111111",
                &[(EntityKind::Number, "card ending 1111")],
            ),
            ("12345 and 12345 again", &[(EntityKind::Number, "12345")]),
        ];
        for (text, expected) in cases {
            let expected: Vec<_> = expected
                .iter()
                .map(|(kind, text)| (*kind, (*text).to_owned()))
                .collect();
            assert_eq!(told_of(text), expected, "{text}");
        }
    }

    #[test]
    fn they_are_few_and_short() {
        let many: String = (1000..2000).map(|n| format!("{n} ,")).collect();
        assert_eq!(entities(&many).len(), ENTITIES_MAX);
        let long = format!("https://example.com/{}", "é".repeat(9_000));
        let told = told_of(&long);
        assert_eq!(told[0].1.chars().count(), TEXT_CHARS_MAX);
        assert_eq!(entities(&"9".repeat(10_000)).len(), 1);
        for piece in ["(", ")(", "1 ", "a@", "+", "€", "1,"] {
            assert!(entities(&piece.repeat(8_192)).len() <= ENTITIES_MAX);
        }
    }
}
