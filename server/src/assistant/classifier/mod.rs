//! Which intent a text has, and how sure that is.
//!
//! Trained on the questions of the knowledge base when the hub starts and when the knowledge base
//! changes; there is no model file. The same questions give the same model, bit by bit.

mod calibration;
pub(super) mod dice;
mod features;
mod svm;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use self::{
    calibration::{Curve, Lessons, Memory},
    dice::Dice,
    features::{Vector, Vocabulary, Weighting},
    svm::Weights,
};

/// Guesses of a ranking at most.
const GUESSES_MAX: usize = 5;
/// Intents at most; further ones are left out.
const INTENTS_MAX: usize = 4_096;

/// One labelled text.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    /// The intent that the text has.
    pub intent: &'a str,
    /// What a customer might write.
    pub text: &'a str,
}

/// An intent that a text may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    /// Which.
    pub intent: Arc<str>,
    /// How sure it is: 0..=1, the share of such guesses that are right.
    pub confidence: f64,
}

/// The intents that a text may have, best first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// At most five; none for a model without examples or a text without words.
    pub guesses: Vec<Guess>,
}

impl Ranking {
    /// Confidence of the best guess; 0 when there is none.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        self.guesses.first().map_or(0.0, |guess| guess.confidence)
    }

    /// How much surer the best guess is than the second.
    #[must_use]
    pub fn margin(&self) -> f64 {
        self.confidence() - self.guesses.get(1).map_or(0.0, |guess| guess.confidence)
    }
}

/// A trained model.
#[derive(Clone, Default)]
pub struct Classifier {
    intents: Vec<Arc<str>>,
    vocabulary: Vocabulary,
    weighting: Weighting,
    weights: Weights,
    memory: Memory,
    curve: Curve,
}

impl Classifier {
    /// Trains a model; the order of the examples matters only for ties.
    #[must_use]
    pub fn train(examples: &[Example<'_>]) -> Self {
        let mut intents: Vec<&str> = examples.iter().map(|example| example.intent).collect();
        intents.sort_unstable();
        intents.dedup();
        intents.truncate(INTENTS_MAX);
        let mut vocabulary = Vocabulary::default();
        let (mut counts, mut labels) = (Vec::new(), Vec::new());
        for example in examples {
            if let Ok(label) = intents.binary_search(&example.intent) {
                counts.push(vocabulary.learn(example.text));
                labels.push(label as u16);
            }
        }
        let curve = calibration::learn(Lessons {
            features: vocabulary.len(),
            intents: intents.len(),
            texts: &counts,
            labels: &labels,
        });
        let weighting = Weighting::learn(vocabulary.len(), counts.iter());
        let texts: Vec<Vector> = counts.iter().map(|text| weighting.vector(text)).collect();
        let weights = Weights::train(vocabulary.len(), &texts, &labels, intents.len());
        let memory = Memory::new(texts, &labels, intents.len());
        Self {
            intents: intents.into_iter().map(Arc::from).collect(),
            vocabulary,
            weighting,
            weights,
            memory,
            curve,
        }
    }

    /// The intents that `text` may have.
    #[must_use]
    pub fn classify(&self, text: &str) -> Ranking {
        let counts = self.vocabulary.count(text);
        let vector = self.weighting.vector(&counts);
        if vector.entries.is_empty() {
            return Ranking::default();
        }
        let sights = calibration::sights(&self.weights, &self.memory, &vector, GUESSES_MAX);
        let mut guesses: Vec<Guess> = sights
            .into_iter()
            .map(|(intent, sight)| Guess {
                intent: Arc::clone(&self.intents[intent]),
                confidence: self.curve.confidence(sight),
            })
            .collect();
        share_certainty(&mut guesses);
        Ranking { guesses }
    }

    /// The intents that the model knows, in rising order.
    pub fn intents(&self) -> impl Iterator<Item = &str> {
        self.intents.iter().map(AsRef::as_ref)
    }

    /// Bytes that the model holds.
    #[must_use]
    pub fn model_bytes(&self) -> usize {
        self.vocabulary.bytes()
            + self.weighting.bytes()
            + self.weights.bytes()
            + self.memory.bytes()
    }

    /// SHA-256 of all that decides a ranking: equal for models of the same examples.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for intent in &self.intents {
            digest.update((intent.len() as u64).to_le_bytes());
            digest.update(intent.as_bytes());
        }
        for (id, intent, weight) in self.weights.parts() {
            digest.update(id.to_le_bytes());
            digest.update(intent.to_le_bytes());
            digest.update(weight.to_bits().to_le_bytes());
        }
        for factor in self.curve.factors() {
            digest.update(factor.to_bits().to_le_bytes());
        }
        digest.finalize().into()
    }
}

/// Only one intent is right: the best two share one certainty, and no other has more than they.
fn share_certainty(guesses: &mut [Guess]) {
    let sum: f64 = guesses.iter().take(2).map(|guess| guess.confidence).sum();
    let mut most = 1.0_f64;
    for guess in guesses {
        guess.confidence = (guess.confidence / sum.max(1.0)).min(most);
        most = guess.confidence;
    }
}

/// How a model does on examples that it was not trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Share of the examples whose best guess is right: 0..=1.
    pub accuracy: f64,
    /// Which intent was taken for which other, and how often; most often first.
    pub confusions: Vec<(Arc<str>, Arc<str>, usize)>,
}

/// Trains `folds` models, each without one part of the examples, and asks each about its part.
#[must_use]
pub fn cross_validate(examples: &[Example<'_>], folds: usize) -> Report {
    let folds = folds.clamp(2, examples.len().max(2));
    let mut order: Vec<usize> = (0..examples.len()).collect();
    Dice::new(0).shuffle(&mut order);
    // Neighbours of one intent go to different folds.
    order.sort_by_key(|at| examples[*at].intent);
    let mut confusions = std::collections::BTreeMap::<(&str, Arc<str>), usize>::new();
    let mut right = 0_usize;
    for fold in 0..folds {
        let (mut kept, mut asked) = (Vec::new(), Vec::new());
        for (at, example) in order.iter().enumerate() {
            let part = if at % folds == fold {
                &mut asked
            } else {
                &mut kept
            };
            part.push(examples[*example]);
        }
        let model = Classifier::train(&kept);
        for example in asked {
            match model.classify(example.text).guesses.into_iter().next() {
                Some(guess) if *guess.intent == *example.intent => right += 1,
                Some(guess) => {
                    *confusions
                        .entry((example.intent, guess.intent))
                        .or_default() += 1
                }
                None => {}
            }
        }
    }
    let mut confusions: Vec<_> = confusions
        .into_iter()
        .map(|((truth, guess), count)| (Arc::from(truth), guess, count))
        .collect();
    confusions.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    Report {
        accuracy: right as f64 / examples.len().max(1) as f64,
        confusions,
    }
}
