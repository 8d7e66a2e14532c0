//! Literal search: what a query asks for, whether a text has it, and where.
//!
//! A query is words, all of which must be in one text; a phrase in double quotes must be there as
//! it is. Upper and lower case are the same. A word is found where a word begins with it, so
//! `print` finds `printer` and not `reprint`; scripts that are written without spaces are found
//! anywhere. White space of any length is one space. How text falls into words is in `words`;
//! no index is here, and there are no operators, wildcards or scores.

mod words;

use std::borrow::Cow;

use self::words::{Class, class, fold, fold_char, runs};
use crate::{
    event::Event,
    text::{SafeText, graphemes, width},
};

pub use self::words::{WORD_BYTES_MAX, WORDS_MAX, tokens, words};

/// Largest query, in bytes.
pub const QUERY_BYTES_MAX: usize = 256;
/// Columns of an excerpt.
pub const EXCERPT_COLUMNS: usize = 120;
/// Columns of an excerpt before the first match, where there is text enough.
const LEAD_COLUMNS: usize = 40;
/// What stands for text that is left out.
const LEFT_OUT: &str = "..";

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Folded, each to be found as it is.
    terms: Vec<String>,
}

/// What an index must have for a text to be worth a look.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word {
    /// Any word that begins so will do.
    pub prefix: bool,
    /// As it is indexed, or the beginning of that.
    pub text: String,
}

/// A part of a text round its first match, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line.
    pub text: String,
    /// First character of each match in the line, and the one after its last, ascending.
    pub marks: Vec<[u32; 2]>,
}

impl Query {
    /// Reads what somebody typed. None when there is no letter and no digit in it.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let line = SafeText::line(raw);
        let pieces = line.split('"').zip([false, true].into_iter().cycle());
        let terms: Vec<String> = pieces
            .flat_map(|(piece, is_phrase)| match is_phrase {
                true => vec![piece.trim()],
                false => piece.split(' ').collect(),
            })
            .filter(|term| !term.is_empty())
            .map(fold)
            .collect();
        let query = Self { terms };
        (!query.words().is_empty()).then_some(query)
    }

    /// The words that a text has if it matches, those that are soonest looked up first.
    #[must_use]
    pub fn words(&self) -> Vec<Word> {
        let mut words: Vec<Word> = self.terms.iter().flat_map(|term| asked(term)).collect();
        words.sort_unstable();
        words.dedup();
        words
    }

    /// Whether `text` has everything that is asked for.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let folded = fold(&SafeText::line(text));
        let found = |term: &String| places(&folded, term).next().is_some();
        self.terms.iter().all(found)
    }

    /// The part of `text` round the first match; none when it does not match.
    #[must_use]
    pub fn excerpt(&self, text: &str) -> Option<Excerpt> {
        let line = SafeText::line(text);
        let folded = fold(&line);
        // The character of the line that each byte of the folded line comes from.
        let mut origin = Vec::with_capacity(folded.len());
        for (index, c) in line.chars().enumerate() {
            let bytes: usize = fold_char(c).map(char::len_utf8).sum();
            origin.extend(std::iter::repeat_n(index, bytes));
        }
        let mut marks = Vec::new();
        for term in &self.terms {
            let before = marks.len();
            let found = places(&folded, term);
            marks.extend(found.map(|at| (origin[at], origin[at + term.len() - 1] + 1)));
            if marks.len() == before {
                return None;
            }
        }
        marks.sort_unstable();
        Some(cut(&line, &merged(&marks)))
    }
}

/// The text by which an event is found, if it has any: what was said and the names of
/// files, or who opened the chat.
#[must_use]
pub fn text_of(event: &Event) -> Option<Cow<'_, str>> {
    match event {
        Event::MessagePosted {
            text, attachments, ..
        } if !attachments.is_empty() => {
            let names = attachments
                .iter()
                .map(|attachment| attachment.name.as_str());
            let parts: Vec<&str> = [text.as_str()].into_iter().chain(names).collect();
            Some(Cow::Owned(parts.join(" ")))
        }
        Event::MessagePosted { text, .. } | Event::MessageEdited { text, .. } => {
            Some(Cow::Borrowed(text))
        }
        Event::ChatOpened {
            name,
            email,
            phone,
            fields,
            ..
        } => {
            let known = [Some(name), email.as_ref(), phone.as_ref()];
            let parts = known.into_iter().flatten().chain(fields.values());
            let parts: Vec<&str> = parts.map(SafeText::as_str).collect();
            Some(Cow::Owned(parts.join(" ")))
        }
        _ => None,
    }
}

/// What the index has for a text with this term in it.
fn asked(term: &str) -> Vec<Word> {
    let mut asked = Vec::new();
    for run in runs(term) {
        match run.class {
            Class::Gap => {}
            Class::Spaced => asked.push(Word {
                prefix: run.is_last,
                text: words::cut(run.text).to_owned(),
            }),
            Class::Unspaced => {
                let pairs = words::pairs(run.text);
                let before = asked.len();
                asked.extend(pairs.map(|text| Word {
                    prefix: false,
                    text: text.to_owned(),
                }));
                if asked.len() == before {
                    asked.push(Word {
                        prefix: true,
                        text: run.text.to_owned(),
                    });
                }
            }
        }
    }
    asked
}

/// Where a folded text has a term: at the beginning of a word, where the term begins with one.
fn places<'a>(folded: &'a str, term: &'a str) -> impl Iterator<Item = usize> + 'a {
    let begins_word = term.chars().next().map(class) == Some(Class::Spaced);
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + folded.get(from..)?.find(term)?;
            let next = folded[at..].chars().next()?;
            from = at + next.len_utf8();
            let before = folded[..at].chars().next_back().map(class);
            if !begins_word || before != Some(Class::Spaced) {
                return Some(at);
            }
        }
    })
}

fn merged(marks: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(marks.len());
    for &(from, to) in marks {
        match merged.last_mut() {
            Some(last) if from < last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// Cuts a line round its first mark to [`EXCERPT_COLUMNS`], between graphemes.
fn cut(line: &str, marks: &[(usize, usize)]) -> Excerpt {
    let first_mark = marks.first().map_or(0, |mark| mark.0);
    // Of each grapheme: its first character and its columns.
    let mut cells = Vec::new();
    let mut chars = 0;
    for grapheme in graphemes(line) {
        cells.push((chars, width(grapheme)));
        chars += grapheme.chars().count();
    }
    let hit = cells.partition_point(|(at, _)| *at <= first_mark);
    let hit = hit.saturating_sub(1);
    let total: usize = cells.iter().map(|(_, columns)| columns).sum();
    let (mut from, mut to) = (0, cells.len());
    if total > EXCERPT_COLUMNS {
        let room = EXCERPT_COLUMNS - 2 * LEFT_OUT.len();
        let mut used = 0;
        from = hit;
        while from > 0 && used + cells[from - 1].1 <= LEAD_COLUMNS {
            from -= 1;
            used += cells[from].1;
        }
        to = hit;
        while to < cells.len() && used + cells[to].1 <= room {
            used += cells[to].1;
            to += 1;
        }
        while from > 0 && used + cells[from - 1].1 <= room {
            from -= 1;
            used += cells[from].1;
        }
    }
    let at = |cell: usize| cells.get(cell).map_or(chars, |(at, _)| *at);
    let (first, end) = (at(from), at(to));
    let lead = if from > 0 { LEFT_OUT } else { "" };
    let rest = if to < cells.len() { LEFT_OUT } else { "" };
    let kept: String = line.chars().skip(first).take(end - first).collect();
    let shift = |at: usize| {
        let at = at.clamp(first, end) - first + lead.len();
        u32::try_from(at).unwrap_or(u32::MAX)
    };
    Excerpt {
        text: format!("{lead}{kept}{rest}"),
        marks: marks
            .iter()
            .map(|&(from, to)| [shift(from), shift(to)])
            .filter(|[from, to]| from < to)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::{EXCERPT_COLUMNS, Query, Word, words};
    use crate::text::width;

    fn query(text: &str) -> Query {
        Query::parse(text).unwrap_or_else(|| panic!("no word in {text:?}"))
    }

    #[test]
    fn a_query_without_a_word_is_none() {
        for text in ["", " ", "\"\"", "!!! -- \"?\"", "\u{202e}\n"] {
            assert_eq!(Query::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn words_are_found_where_words_begin() {
        for (asked, text, found) in [
            ("printer", "My PRINTER burns", true),
            ("print", "my printer burns", true),
            ("rint", "my printer burns", false),
            ("burns printer", "my printer burns", true),
            ("printer smokes", "my printer burns", false),
            ("\"my printer\"", "my  \n printer burns", true),
            ("\"printer my\"", "my printer burns", false),
            ("\"my printer", "my printer burns", true),
            ("kim@example.org", "mail Kim@Example.org!", true),
            ("example", "mail Kim@Example.org!", true),
            ("#42", "see #4211", true),
            ("#42", "see 42", false),
            ("e-mail", "an e-mail", true),
            ("e-mail", "an email", false),
            ("straße", "STRAẞE 7", true),
            ("ΟΔΟΣ", "οδος", true),
            ("istanbul", "İSTANBUL", true),
            ("cafe\u{301}", "café", true),
            ("\"a a\"", "ba a a", true),
        ] {
            assert_eq!(query(asked).matches(text), found, "{asked:?} in {text:?}");
        }
    }

    #[test]
    fn scripts_without_spaces_are_found_anywhere() {
        for (asked, found) in [
            ("打印", true),
            ("印机", true),
            ("机", true),
            ("机打", false),
        ] {
            assert_eq!(query(asked).matches("我的打印机 abc"), found, "{asked}");
        }
        assert!(query("abc").matches("打印机abc"));
    }

    #[test]
    fn an_excerpt_marks_what_was_found() {
        let found = query("burns my").excerpt("my printer\nburns").unwrap();
        assert_eq!(found.text, "my printer burns");
        assert_eq!(found.marks, [[0, 2], [11, 16]]);
        assert_eq!(query("smokes").excerpt("my printer"), None);
        let found = query("字").excerpt("漢字と漢字").unwrap();
        assert_eq!(found.marks, [[1, 2], [4, 5]]);
    }

    #[test]
    fn an_excerpt_of_a_long_text_is_cut_round_the_match() {
        let text = format!("{} needle {}", "word ".repeat(90), "more ".repeat(90));
        let found = query("needle").excerpt(&text).unwrap();
        assert!(width(&found.text) <= EXCERPT_COLUMNS, "{}", found.text);
        assert!(found.text.starts_with("..") && found.text.ends_with(".."));
        let [from, to] = found.marks[0].map(|at| at as usize);
        let marked: String = found.text.chars().skip(from).take(to - from).collect();
        assert_eq!(marked, "needle");
        let last = query("needle").excerpt(&format!("{} needle", "word ".repeat(90)));
        let last = last.unwrap();
        assert!(
            last.text.ends_with("needle") && width(&last.text) > 100,
            "{}",
            last.text
        );
    }

    /// What the query asks of the index is there whenever the text matches.
    fn assert_indexed(query: &Query, text: &str) {
        let indexed = words(text);
        for Word { prefix, text: word } in query.words() {
            let there = match prefix {
                true => indexed.iter().any(|known| known.starts_with(&word)),
                false => indexed.contains(&word),
            };
            assert!(there, "{word:?} of {query:?} is not in {indexed:?}");
        }
    }

    #[test]
    fn long_words_are_found_by_their_beginning() {
        let text = format!("{}z", "ö".repeat(40));
        assert!(query(&text).matches(&text));
        assert_indexed(&query(&text), &text);
        assert!(!query(&format!("{text}x")).matches(&text));
    }

    proptest! {
        #[test]
        fn what_matches_is_indexed(
            text in "[a-cA-C\u{4e00}-\u{4e03}İßσςé #@.-]{0,30}",
            skip in 0_usize..30,
            take in 1_usize..12,
            quoted in proptest::bool::ANY,
        ) {
            let part: String = text.chars().skip(skip).take(take).collect();
            let asked = if quoted { format!("\"{part}\"") } else { part };
            if let Some(query) = Query::parse(&asked) && query.matches(&text) {
                assert_indexed(&query, &text);
                let found = query.excerpt(&text);
                prop_assert!(found.is_some_and(|found| !found.marks.is_empty()));
            }
        }

        #[test]
        fn no_text_is_too_strange(text in ".*", asked in ".*") {
            if let Some(query) = Query::parse(&asked) {
                prop_assert!(query.excerpt(&text).is_some() == query.matches(&text));
            }
        }
    }
}
