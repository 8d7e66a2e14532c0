//! The words of a text as rules compare them: lower case, without marks, apostrophes and what
//! cannot be seen, in clauses.
//!
//! Deliberately absent: stems and meanings; each rule has its own list of words.

/// Every word of `groups`, which are written with spaces between, with all that it can be, sorted.
#[must_use]
pub fn table<K: Copy>(
    groups: &[(K, &'static str)],
    both: impl Fn(K, K) -> K,
) -> Vec<(&'static str, K)> {
    let each = |(kind, group): &(K, &'static str)| {
        let kind = *kind;
        group.split(' ').map(move |word| (word, kind))
    };
    let mut words: Vec<(&'static str, K)> = groups.iter().flat_map(each).collect();
    words.sort_by_key(|(word, _)| *word);
    words.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = both(kept.1, next.1);
        }
        same
    });
    words
}

/// What stands between two clauses, where a rule ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Nothing: the next word is of the same clause.
    None,
    /// A comma, a dash, a bracket, a colon.
    Clause,
    /// The end of a sentence or line.
    Sentence,
    /// The end of a question.
    Question,
}

/// One word, and what comes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token {
    from: usize,
    to: usize,
    end: Break,
}

/// The words of a text.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    folded: String,
    tokens: Vec<Token>,
}

impl Tokens {
    /// Of a text, in one pass.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut tokens = Self {
            folded: String::with_capacity(text.len()),
            tokens: Vec::with_capacity(text.len() / 4),
        };
        let mut from = 0;
        let mut chars = text.chars().peekable();
        let mut before = ' ';
        while let Some(raw) = chars.next() {
            let c = narrow(raw);
            if is_unseen(c) {
                continue;
            }
            if c.is_alphanumeric() {
                fold(c, &mut tokens.folded);
            } else if is_apostrophe(c) && is_elision(&tokens.folded[from..], &chars) {
                from = tokens.end_word(from);
            } else if !is_apostrophe(c) {
                let inside = c == '.' && before.is_ascii_digit();
                from = tokens.end_word(from);
                if !(inside && chars.peek().is_some_and(char::is_ascii_digit)) {
                    tokens.end_clause(break_of(c, before, chars.peek().copied()));
                }
            }
            before = c;
        }
        tokens.end_word(from);
        tokens
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The word at a place; empty behind the last.
    #[must_use]
    pub fn word(&self, at: usize) -> &str {
        let token = self.tokens.get(at);
        token.map_or("", |token| &self.folded[token.from..token.to])
    }

    /// What comes after the word at a place.
    #[must_use]
    pub fn end(&self, at: usize) -> Break {
        self.tokens
            .get(at)
            .map_or(Break::Sentence, |token| token.end)
    }

    /// All in their order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.word(at))
    }

    /// The places of each clause: half-open ranges, none empty.
    pub fn clauses(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let mut from = 0;
        std::iter::from_fn(move || {
            let start = from;
            let rest = self.tokens.get(start..).filter(|rest| !rest.is_empty())?;
            let length = rest.iter().position(|token| token.end != Break::None);
            from = start + length.map_or(rest.len(), |last| last + 1);
            Some((start, from))
        })
    }

    fn end_word(&mut self, from: usize) -> usize {
        let to = self.folded.len();
        if from < to {
            let end = Break::None;
            self.tokens.push(Token { from, to, end });
        }
        to
    }

    fn end_clause(&mut self, end: Break) {
        if let Some(last) = self.tokens.last_mut() {
            // "?!" stays a question, ",." a sentence.
            if last.end == Break::None || (last.end == Break::Clause && end != Break::None) {
                last.end = end;
            }
        }
    }
}

/// Full-width forms as their ASCII ones.
fn narrow(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

/// Marks, joiners and directions: people type none, and they may not split a word.
pub(super) fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{300}'..='\u{36F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '\u{2018}' | '\u{2019}' | '\u{2BC}' | '`' | '\u{B4}'
    )
}

/// Whether an apostrophe here parts two words, as in `l'humain` or `quelqu'un`, and not `i'd`.
fn is_elision(word: &str, rest: &std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    matches!(
        word,
        "l" | "d" | "j" | "m" | "n" | "s" | "t" | "c" | "qu" | "un" | "dell" | "all"
    ) && rest.clone().take(3).filter(|c| c.is_alphabetic()).count() == 3
}

fn break_of(c: char, before: char, after: Option<char>) -> Break {
    let apart = before.is_whitespace() && after.is_none_or(char::is_whitespace);
    match c {
        '?' | '\u{BF}' | '\u{61F}' => Break::Question,
        '.' | '!' | '\n' | '\r' | '\u{2026}' | '\u{3002}' | '\u{2028}' | '\u{2029}' => {
            Break::Sentence
        }
        ',' | ';' | ':' | '(' | ')' | '[' | ']' | '"' | '|' | '\u{2013}' | '\u{2014}' => {
            Break::Clause
        }
        '-' if apart => Break::Clause,
        _ => Break::None,
    }
}

/// The letter without its case and marks.
fn fold(c: char, folded: &mut String) {
    if c.is_ascii() {
        folded.push(c.to_ascii_lowercase());
        return;
    }
    for lower in c.to_lowercase() {
        let base = match lower {
            'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
            'æ' => "ae",
            'ç' | 'ć' | 'ĉ' | 'č' => "c",
            'ď' | 'đ' => "d",
            'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
            'ğ' | 'ģ' => "g",
            'ì'..='ï' | 'ī' | 'į' | 'ı' => "i",
            'ł' | 'ľ' => "l",
            'ñ' | 'ń' | 'ň' => "n",
            'ò'..='ö' | 'ø' | 'ō' | 'ő' => "o",
            'œ' => "oe",
            'ř' => "r",
            'ß' => "ss",
            'ś' | 'ş' | 'š' | 'ș' => "s",
            'ť' | 'ţ' | 'ț' => "t",
            'ù'..='ü' | 'ū' | 'ů' | 'ű' => "u",
            'ý' | 'ÿ' => "y",
            'ź' | 'ż' | 'ž' => "z",
            // What lower case adds to a dotted I.
            '\u{307}' => "",
            other => {
                folded.push(other);
                continue;
            }
        };
        folded.push_str(base);
    }
}
