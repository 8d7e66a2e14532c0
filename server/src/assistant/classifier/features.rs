//! Texts as vectors: words, pairs of words and pieces of words, weighted by how rare they are.
//!
//! Words are runs of letters and digits in lower case, so case, punctuation and line ends do not
//! matter. A piece is two to five characters of a word with a space at either end; pieces are
//! what forgives a typing error and what finds `delivered` for `delivery`.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::dice::mix;

/// Characters of a text that are read; a question that needs more is not one question.
const CHARACTERS_READ_MAX: usize = 2_000;
/// Lengths of the pieces of a word.
const PIECE_CHARACTERS: std::ops::RangeInclusive<usize> = 2..=5;
/// Share of words and pairs in the length of a vector; the rest is the pieces'.
const WORD_SHARE: f32 = 0.5;
/// How much a feature that training never saw counts in the length of a vector.
const UNSEEN_SHARE: f32 = 1.0;

/// Number of a feature in the vocabulary.
pub(super) type FeatureId = u32;

/// A feature before it has a number: a digest of its kind and its characters. Two features of one
/// desk share a digest once in 10^8 desks.
type Digest = u64;

/// A digest is spread well already.
#[derive(Clone, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0, u64::from(*byte));
        }
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}

/// What a text is made of, before it is known how rare its features are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    /// Known features of words in rising order, then known ones of pieces in rising order.
    pub(super) known: Vec<(FeatureId, u16)>,
    /// How many of `known` are words and pairs.
    pub(super) words: usize,
    /// Sum of the squared counts of words and pairs without a number, damped; then of pieces.
    unseen: [f32; 2],
}

/// The numbers of the features.
#[derive(Clone, Default)]
pub(super) struct Vocabulary {
    ids: HashMap<Digest, FeatureId, BuildHasherDefault<AsIs>>,
}

impl Vocabulary {
    /// How many features have a number.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Bytes that the vocabulary holds.
    pub(super) fn bytes(&self) -> usize {
        // One byte of control per place besides key and value.
        self.ids.capacity() * (size_of::<(Digest, FeatureId)>() + 1)
    }

    /// Counts the features of a text of training and numbers the new ones in order of digest.
    pub(super) fn learn(&mut self, text: &str) -> Counts {
        count(text, |digest| {
            let next = FeatureId::try_from(self.ids.len()).ok()?;
            Some(*self.ids.entry(digest).or_insert(next))
        })
    }

    /// Counts the features of any text.
    pub(super) fn count(&self, text: &str) -> Counts {
        count(text, |digest| self.ids.get(&digest).copied())
    }
}

fn count(text: &str, mut id: impl FnMut(Digest) -> Option<FeatureId>) -> Counts {
    let (mut words, mut pieces) = digests(text);
    let mut counts = Counts::default();
    for (block, digests) in [&mut words, &mut pieces].into_iter().enumerate() {
        digests.sort_unstable();
        let from = counts.known.len();
        for run in digests.chunk_by(|one, other| one == other) {
            let times = u16::try_from(run.len()).unwrap_or(u16::MAX);
            match id(run[0]) {
                Some(id) => counts.known.push((id, times)),
                None => counts.unseen[block] += damped(times) * damped(times),
            }
        }
        counts.known[from..].sort_unstable();
        if block == 0 {
            counts.words = counts.known.len();
        }
    }
    counts
}

/// A word said three times is not three times as telling.
fn damped(times: u16) -> f32 {
    1.0 + f32::from(times).ln()
}

/// Digests of words and pairs, and of pieces, as often as they occur.
fn digests(text: &str) -> (Vec<Digest>, Vec<Digest>) {
    let line = spaced_words(text);
    let (mut words, mut pieces) = (Vec::new(), Vec::new());
    let mut last = None;
    for start in (0..line.len().saturating_sub(1)).filter(|at| line[*at] == ' ') {
        let length = line[start + 1..].iter().take_while(|c| **c != ' ').count();
        let word = digest(Kind::Word, &line[start + 1..=start + length]);
        words.push(word);
        if let Some(last) = last.replace(word) {
            words.push(mix(mix(Kind::Pair as u64, last), word));
        }
        let padded = &line[start..start + length + 2];
        for size in PIECE_CHARACTERS {
            pieces.extend(padded.windows(size).map(|piece| digest(Kind::Piece, piece)));
        }
    }
    (words, pieces)
}

/// The words of a text in lower case, with one space before each and one at the end.
fn spaced_words(text: &str) -> Vec<char> {
    let mut line = vec![' '];
    for character in text.chars().take(CHARACTERS_READ_MAX) {
        if character.is_alphanumeric() {
            line.extend(character.to_lowercase().filter(|c| c.is_alphanumeric()));
        } else if !joins(character) && line.last() != Some(&' ') {
            line.push(' ');
        }
    }
    if line.last() != Some(&' ') {
        line.push(' ');
    }
    line
}

/// Whether a character does not end a word: apostrophes, which people leave out, and accents that
/// stand apart from their letter.
const fn joins(character: char) -> bool {
    matches!(
        character,
        '\'' | '\u{2019}' | '\u{2bc}' | '\u{300}'..='\u{36f}'
    )
}

#[derive(Clone, Copy)]
enum Kind {
    Word = 1,
    Pair = 2,
    Piece = 3,
}

fn digest(kind: Kind, characters: &[char]) -> Digest {
    let digest = characters.iter().fold(kind as u64, |digest, character| {
        mix(digest, u64::from(u32::from(*character)))
    });
    mix(digest, characters.len() as u64)
}

/// How much each feature tells.
#[derive(Clone, Default)]
pub(super) struct Weighting {
    rarity: Vec<f32>,
    unseen: f32,
}

/// A text as numbers: of length one when all its features are known, shorter otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Vector {
    /// Features and their values.
    pub(super) entries: Vec<(FeatureId, f32)>,
    /// Share of the text that training saw: 0..=1.
    pub(super) familiar: f32,
}

impl Weighting {
    /// Learns from the texts of training how rare each of `features` features is.
    pub(super) fn learn<'a>(features: usize, texts: impl Iterator<Item = &'a Counts>) -> Self {
        let mut seen = vec![0_u32; features];
        let mut count = 0_u32;
        for text in texts {
            count += 1;
            for (id, _) in &text.known {
                seen[*id as usize] += 1;
            }
        }
        let rarity = |seen: u32| ((1.0 + count as f32) / (1.0 + seen as f32)).ln() + 1.0;
        Self {
            rarity: seen.into_iter().map(rarity).collect(),
            unseen: rarity(0),
        }
    }

    /// Bytes that the weighting holds.
    pub(super) fn bytes(&self) -> usize {
        self.rarity.capacity() * size_of::<f32>()
    }

    /// The vector of a text.
    pub(super) fn vector(&self, counts: &Counts) -> Vector {
        let mut vector = Vector {
            entries: Vec::with_capacity(counts.known.len()),
            familiar: 0.0,
        };
        let (words, pieces) = counts.known.split_at(counts.words);
        let shares = [WORD_SHARE, 1.0 - WORD_SHARE];
        for ((known, unseen), share) in [words, pieces].into_iter().zip(counts.unseen).zip(shares) {
            let from = vector.entries.len();
            let mut familiar = 0.0;
            let mut unseen = unseen * self.unseen * self.unseen;
            for (id, times) in known {
                let rarity = self.rarity[*id as usize];
                let value = damped(*times) * rarity;
                if rarity < self.unseen {
                    familiar += value * value;
                    vector.entries.push((*id, value));
                } else {
                    unseen += value * value;
                }
            }
            let whole = familiar + UNSEEN_SHARE * unseen;
            if whole > 0.0 {
                let scale = (share / whole).sqrt();
                for (_, value) in &mut vector.entries[from..] {
                    *value *= scale;
                }
                vector.familiar += share * familiar / (familiar + unseen);
            }
        }
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::{Vocabulary, Weighting, digests, spaced_words};

    fn words(text: &str) -> String {
        spaced_words(text).into_iter().collect()
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_of_any_script() {
        assert_eq!(words("Where's my ORDER #42?"), " wheres my order 42 ");
        assert_eq!(
            words("first line\r\n second\tline\n"),
            " first line second line "
        );
        assert_eq!(
            words("ÜBERWEISUNG Straße naïve"),
            " überweisung straße naïve "
        );
        assert_eq!(words("ГДЕ мой заказ"), " где мой заказ ");
        assert_eq!(words("我的订单在哪里?"), " 我的订单在哪里 ");
        // The dotted capital of Turkish gets a dot of its own in lower case, which goes.
        assert_eq!(words("\u{130}ade"), " iade ");
        assert_eq!(words("\u{2028}\u{200b}!?"), " ");
        assert_eq!(words(""), " ");
    }

    #[test]
    fn a_word_gives_itself_its_pairs_and_its_pieces() {
        let (words, pieces) = digests("to be");
        assert_eq!(words.len(), 3);
        // " to " has 3, 2 and 1 pieces, " be " as many.
        assert_eq!(pieces.len(), 12);
        let (one, _) = digests("be");
        assert!(words.contains(&one[0]));
        let (turned, _) = digests("be to");
        assert!(!words.iter().all(|digest| turned.contains(digest)));
    }

    #[test]
    fn line_ends_case_and_apostrophes_make_no_difference() {
        let mut vocabulary = Vocabulary::default();
        let learned = vocabulary.learn("I can't find my order");
        assert_eq!(vocabulary.count("i cant\r\nfind  my ORDER!\r\n"), learned);
        assert_ne!(vocabulary.count("i cant find my orders"), learned);
    }

    #[test]
    fn a_vector_has_length_one_and_less_with_what_training_never_saw() {
        let mut vocabulary = Vocabulary::default();
        let texts = [
            "where is my order",
            "where is my refund",
            "close my account",
        ];
        let counts: Vec<_> = texts.iter().map(|text| vocabulary.learn(text)).collect();
        let weighting = Weighting::learn(vocabulary.len(), counts.iter());
        let of = |text: &str| {
            let vector = weighting.vector(&vocabulary.count(text));
            let square: f32 = vector.entries.iter().map(|(_, value)| value * value).sum();
            (square, vector.familiar)
        };
        let (square, familiar) = of("where is my order");
        assert!((square - 1.0).abs() < 1e-5 && (familiar - 1.0).abs() < 1e-5);
        let (less, half) = of("where is my hippopotamus");
        assert!(less < 0.6 && half < 0.6, "{less} {half}");
        assert_eq!(of("zzz"), (0.0, 0.0));
    }

    #[test]
    fn a_text_without_end_costs_as_much_as_a_long_one() {
        let mut vocabulary = Vocabulary::default();
        vocabulary.learn(&"word after word ".repeat(10_000));
        assert!(vocabulary.len() < 100);
        let (words, _) = digests(&"a ".repeat(100_000));
        assert!(words.len() < 2_000);
    }
}
