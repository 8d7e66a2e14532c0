//! Which passages have to do with a text: words by BM25, parts of words by TF-IDF.
//!
//! The two are added after each was divided by its best, so that neither drowns the other: words
//! find what is named, parts of words forgive inflection and typing. That sum orders the passages
//! of one search; what the best of them is worth says `support`.
//!
//! Questions and answer of a topic belong to its first passage: without them the right topic came
//! first for 24 of 39 paraphrases of the sample knowledge base, with them for all.

use std::{collections::BTreeMap, ops::RangeInclusive};

use shared::search::tokens;

use super::{template::Template, topic::Topic};

/// How soon a repeated word counts no more, and how much long passages are held back: the usual
/// values (Robertson and Zaragoza 2009).
const K1: f64 = 1.2;
const B: f64 = 0.75;
/// Letters of the parts of words.
const PART_CHARS: RangeInclusive<usize> = 3..=5;
/// Words of a query; what follows is no question any more.
const QUERY_WORDS_MAX: usize = 256;

/// A passage that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    /// Its place in the topics.
    pub(super) topic: usize,
    /// Its place in the passages of the topic.
    pub(super) passage: usize,
    /// From 0 to 1.
    pub(super) score: f64,
}

/// The passages of all topics, by their words and parts of words.
#[derive(Default)]
pub(super) struct Index {
    /// The topic of each passage and its place there.
    passages: Vec<(usize, usize)>,
    words: Terms,
    /// What the length of each passage does to its words.
    damping: Vec<f64>,
    parts: Terms,
}

/// The passages that have a term, ascending, and how much of it.
type Terms = BTreeMap<String, Vec<(u32, f32)>>;

/// How alike a query and one passage are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Likeness {
    /// Of words, by BM25: of any size.
    bm25: f64,
    /// Share of what the query's words weigh that the passage has, from 0 to 1.
    coverage: f64,
    /// Of parts of words: the cosine, from 0 to 1.
    cosine: f64,
}

impl Index {
    /// Of topics whose places stay as they are.
    pub(super) fn new(topics: &[Topic]) -> Self {
        let mut texts = Vec::new();
        for (topic, at) in topics.iter().zip(0..) {
            for (passage, place) in topic.passages.iter().zip(0..) {
                let mut text = format!("{} {} {}", topic.title, passage.heading, passage.text);
                if place == 0 {
                    let answer = topic.answer.as_ref().map(Template::named);
                    for more in topic.questions.iter().chain(&answer) {
                        text.push(' ');
                        text.push_str(more);
                    }
                }
                texts.push(((at, place), text));
            }
        }
        Self::of(texts)
    }

    /// Of texts that have nothing to do with each other.
    pub(super) fn of_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        Self::of(texts.zip(0..).map(|(text, at)| ((at, 0), text.to_owned())))
    }

    fn of(texts: impl IntoIterator<Item = ((usize, usize), String)>) -> Self {
        let mut index = Self::default();
        let mut lengths = Vec::new();
        for (place, text) in texts {
            lengths.push(index.add(&text));
            index.passages.push(place);
        }
        let mean = lengths.iter().sum::<f64>() / count(lengths.len().max(1));
        let damp = |length: &f64| K1 * (1.0 - B + B * length / mean.max(1.0));
        index.damping = lengths.iter().map(damp).collect();
        index.weigh_parts();
        index
    }

    /// Adds the next passage; its number of words.
    fn add(&mut self, text: &str) -> f64 {
        let passage = u32::try_from(self.passages.len()).unwrap_or(u32::MAX);
        let words = tokens(text);
        let length = count(words.len());
        for word in &words {
            for part in parts(word) {
                bump(&mut self.parts, part, passage);
            }
        }
        for word in words {
            bump(&mut self.words, word, passage);
        }
        length
    }

    /// Makes of counts of parts what they weigh: vectors of length 1.
    fn weigh_parts(&mut self) {
        let mut squares = vec![0.0; self.passages.len()];
        let passages = self.passages.len();
        for postings in self.parts.values_mut() {
            let rarity = rarity_of_part(passages, postings.len());
            for (passage, weight) in postings {
                let damped = (1.0 + f64::from(*weight).ln()) * rarity;
                squares[*passage as usize] += damped * damped;
                *weight = narrow(damped);
            }
        }
        for (passage, weight) in self.parts.values_mut().flatten() {
            *weight = narrow(f64::from(*weight) / squares[*passage as usize].sqrt());
        }
    }

    /// Every passage that is alike at all, best first; of equals the earlier one.
    pub(super) fn search(&self, text: &str) -> Vec<Found> {
        let likenesses = self.likenesses(text);
        let most = |of: fn(&Likeness) -> f64| {
            let all = likenesses.iter().map(of);
            all.fold(f64::MIN_POSITIVE, f64::max)
        };
        let (bm25, cosine) = (most(|like| like.bm25), most(|like| like.cosine));
        let sums = likenesses
            .iter()
            .map(|like| like.bm25 / bm25 + like.cosine / cosine);
        let mut order: Vec<(usize, f64)> = sums.enumerate().filter(|(_, sum)| *sum > 0.0).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let Some(&(best, top)) = order.first() else {
            return Vec::new();
        };
        let support = support(&likenesses[best]);
        let found = order.into_iter().map(|(at, sum)| {
            let (topic, passage) = self.passages[at];
            Found {
                topic,
                passage,
                score: support * sum / top,
            }
        });
        found.collect()
    }

    /// How alike the parts of words of a text and of every passage are, from 0 to 1.
    pub(super) fn cosines(&self, text: &str) -> Vec<f64> {
        let likenesses = self.likenesses(text).into_iter();
        likenesses.map(|like| like.cosine).collect()
    }

    /// How alike a text and every passage are.
    fn likenesses(&self, text: &str) -> Vec<Likeness> {
        let mut all = vec![Likeness::default(); self.passages.len()];
        let mut words = tokens(text);
        words.truncate(QUERY_WORDS_MAX);
        let mut part_counts: BTreeMap<String, f64> = BTreeMap::new();
        for part in words.iter().flat_map(|word| parts(word)) {
            *part_counts.entry(part).or_default() += 1.0;
        }
        words.sort_unstable();
        words.dedup();
        self.compare_words(&words, &mut all);
        self.compare_parts(&part_counts, &mut all);
        all
    }

    fn compare_words(&self, words: &[String], all: &mut [Likeness]) {
        let mut total = 0.0;
        for word in words {
            let postings = self.words.get(word).map_or(&[][..], Vec::as_slice);
            let rarity = rarity_of_word(all.len(), postings.len());
            total += rarity;
            for &(passage, times) in postings {
                let (passage, times) = (passage as usize, f64::from(times));
                let like = &mut all[passage];
                like.coverage += rarity;
                like.bm25 += rarity * times * (K1 + 1.0) / (times + self.damping[passage]);
            }
        }
        for like in all {
            like.coverage /= f64::max(total, f64::MIN_POSITIVE);
        }
    }

    fn compare_parts(&self, counts: &BTreeMap<String, f64>, all: &mut [Likeness]) {
        let mut squares = 0.0;
        for (part, times) in counts {
            let postings = self.parts.get(part).map_or(&[][..], Vec::as_slice);
            let weight = (1.0 + times.ln()) * rarity_of_part(all.len(), postings.len());
            squares += weight * weight;
            for &(passage, other) in postings {
                all[passage as usize].cosine += weight * f64::from(other);
            }
        }
        for like in all {
            like.cosine /= f64::max(squares.sqrt(), f64::MIN_POSITIVE);
        }
    }
}

/// How likely it is that a passage so alike speaks of what was asked: a logistic function, fitted
/// to the best passages for the paraphrases and the unrelated questions that the sample knowledge
/// base is tested with.
fn support(like: &Likeness) -> f64 {
    1.0 / (1.0 + (2.7 - 5.6 * (like.coverage + like.cosine)).exp())
}

fn bump(terms: &mut Terms, term: String, passage: u32) {
    let postings = terms.entry(term).or_default();
    match postings.last_mut() {
        Some((last, times)) if *last == passage => *times += 1.0,
        _ => postings.push((passage, 1.0)),
    }
}

/// What a word weighs that `having` of `all` passages have: the smoothed form, which is never
/// below 0.
fn rarity_of_word(all: usize, having: usize) -> f64 {
    let (all, having) = (count(all), count(having));
    (1.0 + (all - having + 0.5) / (having + 0.5)).ln()
}

fn rarity_of_part(all: usize, having: usize) -> f64 {
    ((1.0 + count(all)) / (1.0 + count(having))).ln() + 1.0
}

/// Neighbouring letters of a word with a space on both sides.
fn parts(word: &str) -> Vec<String> {
    let padded: Vec<char> = [' '].into_iter().chain(word.chars()).chain([' ']).collect();
    let of = |chars: usize| {
        let windows = padded.windows(chars);
        windows
            .map(|window| window.iter().collect::<String>())
            .collect::<Vec<_>>()
    };
    PART_CHARS.flat_map(of).collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "far fewer than 2^52 of anything"
)]
const fn count(count: usize) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a weight is small; its last digits say nothing"
)]
const fn narrow(weight: f64) -> f32 {
    weight as f32
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Index, parts};
    use crate::assistant::knowledge::topic::Topic;

    fn index(texts: &[&str]) -> Index {
        let read = |(at, text): (usize, &&str)| {
            Topic::parse(Path::new(&format!("{at}.md")), text).unwrap()
        };
        Index::new(&texts.iter().enumerate().map(read).collect::<Vec<_>>())
    }

    fn order(index: &Index, text: &str) -> Vec<(usize, usize)> {
        index
            .search(text)
            .iter()
            .map(|found| (found.topic, found.passage))
            .collect()
    }

    #[test]
    fn words_weigh_as_published() {
        // Reckoned by hand: 3 passages of 2, 3 and 4 words, of which "0", "1", "2" are titles.
        let index = index(&["cat", "cat dog", "dog dog bird"]);
        let found = index.likenesses("dog");
        let rarity = (1.0_f64 + 1.5 / 2.5).ln();
        let expected = |times: f64, length: f64| {
            let damping = 1.2 * (0.25 + 0.75 * length / 3.0);
            rarity * times * 2.2 / (times + damping)
        };
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
        close(found[0].bm25, 0.0);
        close(found[1].bm25, expected(1.0, 3.0));
        close(found[2].bm25, expected(2.0, 4.0));
        close(found[2].coverage, 1.0);
        close(
            index.likenesses("dog unheard").get(2).unwrap().coverage,
            rarity / (rarity + 8.0_f64.ln()),
        );
    }

    #[test]
    fn a_text_is_most_like_itself() {
        let texts = [
            "the red lamp is broken",
            "a green chair",
            "shipping to islands",
        ];
        let index = index(&texts);
        for (at, text) in texts.iter().enumerate() {
            assert_eq!(order(&index, text)[0], (at, 0));
            let cosine = index.likenesses(text)[at].cosine;
            assert!(cosine > 0.9 && cosine <= 1.0 + 1e-9, "{cosine}");
        }
    }

    #[test]
    fn parts_of_words_forgive_typing_and_inflection() {
        let index = index(&["returning shoes", "invoices", "deliveries"]);
        for (text, expected) in [("retrun shoe", 0), ("invoyce", 1), ("delivery", 2)] {
            assert_eq!(order(&index, text)[0].0, expected, "{text}");
        }
    }

    #[test]
    fn questions_and_answers_lead_to_the_first_passage() {
        let topic = "---\nquestions: [where is my parcel]\nanswer: Ask the carrier.\n---\nFirst.\n\n## B\n\nSecond.\n";
        let index = index(&[topic, "Something else"]);
        assert_eq!(order(&index, "parcel"), [(0, 0)]);
        assert_eq!(order(&index, "carrier"), [(0, 0)]);
        assert_eq!(order(&index, "second")[0], (0, 1));
    }

    #[test]
    fn nothing_is_found_for_nothing_and_in_nothing() {
        assert_eq!(index(&[]).search("text"), []);
        assert_eq!(index(&["text"]).search(" -- "), []);
        assert_eq!(index(&["text"]).search("\u{1F600}"), []);
        assert_eq!(index(&["text", "text"]).search("text").len(), 2);
        assert_eq!(order(&index(&["text", "text"]), "text"), [(0, 0), (1, 0)]);
    }

    #[test]
    fn scores_fall_from_the_first_to_the_last() {
        let index = index(&["red lamp", "red chair", "blue chair"]);
        let scores: Vec<f64> = index
            .search("red chair")
            .iter()
            .map(|one| one.score)
            .collect();
        assert_eq!(scores.len(), 3);
        assert!(
            scores.is_sorted_by(|a, b| a >= b) && scores[0] <= 1.0 && scores[2] > 0.0,
            "{scores:?}"
        );
    }

    #[test]
    fn parts_have_a_space_at_both_ends() {
        assert_eq!(parts("ab"), [" ab", "ab ", " ab "]);
        assert_eq!(parts("a"), [" a "]);
    }
}
