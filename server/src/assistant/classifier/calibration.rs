//! How sure a guess is: a logistic curve over what is seen of it.
//!
//! What customers ask that no intent covers is not known when a model is trained. So some intents
//! are held back, a model is trained on the rest, and the texts held back stand for what will be
//! out of scope; some texts of the intents that stay stand for what will be in scope. A desk with
//! few questions says little about that: there the curve stays near one that was measured on
//! many desks.

use super::{
    dice::Dice,
    features::{Counts, FeatureId, Vector, Weighting},
    svm::Weights,
};

/// Share of the intents that a rehearsal holds back.
const HELD_BACK_SHARE: f64 = 0.3;
/// One in so many texts of the intents that stay is asked about.
const ASKED_OF: usize = 5;
/// Share of questions out of scope that is expected of customers.
const OUT_OF_SCOPE_SHARE: f64 = 0.3;
/// Texts that all rehearsals together are trained on, about; the last one may be longer.
const REHEARSED_TEXTS: usize = 4_000;
/// Rehearsals at most.
const REHEARSALS_MAX: usize = 5;
/// The curve before anything is known of a desk: the constant, then one factor for each sight.
const USUAL: [f64; SIGHTS + 1] = [-2.3, 1.8, 3.0, 1.3, 3.5];
/// How hard it is to leave the usual curve: a factor that is off by one weighs as much as a sample
/// that is off by one.
const USUAL_WORTH: f64 = 6.0;
/// Sweeps over the factors.
const SWEEPS: usize = 40;
/// The rival of a best guess scores at least this: where there are few intents, the second says
/// nothing.
const RIVAL_MIN: f32 = -0.7;
/// What is seen of a guess.
const SIGHTS: usize = 4;

/// What is seen of a guess; more of any means surer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sight {
    /// Score of the intent.
    pub(super) score: f32,
    /// How far the score is over the best other one.
    pub(super) margin: f32,
    /// Share of the text that training saw.
    pub(super) familiar: f32,
    /// How like the text is to the most similar one of the best intent.
    pub(super) nearest: f32,
}

impl Sight {
    fn row(self) -> [f64; SIGHTS + 1] {
        [
            1.0,
            f64::from(self.score.clamp(-2.0, 2.0)),
            f64::from(self.margin.clamp(-2.0, 2.0)),
            f64::from(self.familiar),
            f64::from(self.nearest),
        ]
    }
}

/// From what is seen of a guess to how sure it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    factors: [f64; SIGHTS + 1],
}

impl Default for Curve {
    fn default() -> Self {
        Self { factors: USUAL }
    }
}

/// A guess whose truth is known.
struct Sample {
    row: [f64; SIGHTS + 1],
    is_right: bool,
    weight: f64,
}

impl Curve {
    /// How sure a guess is: 0..=1, rising with all that is seen of it.
    pub(super) fn confidence(&self, sight: Sight) -> f64 {
        self.at(&sight.row())
    }

    /// The factors, for the digest of a model.
    pub(super) const fn factors(&self) -> &[f64] {
        &self.factors
    }

    fn at(&self, row: &[f64; SIGHTS + 1]) -> f64 {
        let sum: f64 = self.factors.iter().zip(row).map(|(f, x)| f * x).sum();
        1.0 / (1.0 + (-sum).exp())
    }

    /// The likeliest curve for the samples and the usual one; no factor is under zero, so that
    /// more is never less sure. Newton's method, one factor at a time.
    fn fit(samples: &[Sample]) -> Self {
        let mut curve = Self::default();
        for _ in 0..SWEEPS {
            for (at, usual) in USUAL.into_iter().enumerate() {
                let mut slope = USUAL_WORTH * (curve.factors[at] - usual);
                let mut bend = USUAL_WORTH;
                for sample in samples {
                    let sure = curve.at(&sample.row);
                    let x = sample.row[at];
                    slope += sample.weight * (sure - f64::from(u8::from(sample.is_right))) * x;
                    bend += sample.weight * sure * (1.0 - sure) * x * x;
                }
                let factor = curve.factors[at] - (slope / bend).clamp(-1.0, 1.0);
                curve.factors[at] = if at == 0 { factor } else { factor.max(0.0) };
            }
        }
        curve
    }
}

/// The texts of a model by intent, to find the most similar one.
#[derive(Clone, Default)]
pub(super) struct Memory {
    texts: Vec<Vector>,
    starts: Vec<u32>,
}

impl Memory {
    /// Keeps `texts` in the order of their intents.
    pub(super) fn new(texts: Vec<Vector>, labels: &[u16], intents: usize) -> Self {
        let mut pairs: Vec<(u16, Vector)> = labels.iter().copied().zip(texts).collect();
        pairs.sort_by_key(|(label, _)| *label);
        let start =
            |intent| pairs.partition_point(|(label, _)| usize::from(*label) < intent) as u32;
        Self {
            starts: (0..=intents).map(start).collect(),
            texts: pairs.into_iter().map(|(_, text)| text).collect(),
        }
    }

    /// Likeness of `text` to the most similar text of an intent: 0..=1.
    pub(super) fn nearest(&self, intent: usize, text: &Vector) -> f32 {
        let (from, to) = (
            self.starts[intent] as usize,
            self.starts[intent + 1] as usize,
        );
        let likeness = |other: &Vector| product(&text.entries, &other.entries);
        self.texts[from..to]
            .iter()
            .map(likeness)
            .fold(0.0, f32::max)
    }

    /// Bytes that the memory holds.
    pub(super) fn bytes(&self) -> usize {
        let entries: usize = self.texts.iter().map(|text| text.entries.capacity()).sum();
        entries * size_of::<(FeatureId, f32)>() + self.texts.capacity() * size_of::<Vector>()
    }
}

/// Inner product of two texts.
fn product(one: &[(FeatureId, f32)], other: &[(FeatureId, f32)]) -> f32 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while i < one.len() && j < other.len() {
        let ((a, x), (b, y)) = (one[i], other[j]);
        if a == b {
            sum += x * y;
        }
        i += usize::from(a <= b);
        j += usize::from(b <= a);
    }
    sum
}

/// What is seen of the best guesses for a text, best first, at most `max`.
pub(super) fn sights(
    weights: &Weights,
    memory: &Memory,
    text: &Vector,
    max: usize,
) -> Vec<(usize, Sight)> {
    let mut scores: Vec<(usize, f32)> = weights.scores(text).into_iter().enumerate().collect();
    let better = |one: &(usize, f32), other: &(usize, f32)| {
        other.1.total_cmp(&one.1).then(one.0.cmp(&other.0))
    };
    if scores.len() > max + 1 {
        scores.select_nth_unstable_by(max, better);
        scores.truncate(max + 1);
    }
    scores.sort_by(better);
    let Some(&(best, top)) = scores.first() else {
        return Vec::new();
    };
    let second = scores
        .get(1)
        .map_or(RIVAL_MIN, |(_, score)| score.max(RIVAL_MIN));
    let nearest = memory.nearest(best, text);
    let sight = |(at, (intent, score)): (usize, &(usize, f32))| {
        let rival = if at == 0 { second } else { top };
        let sight = Sight {
            score: *score,
            margin: score - rival,
            familiar: text.familiar,
            nearest,
        };
        (*intent, sight)
    };
    scores.iter().take(max).enumerate().map(sight).collect()
}

/// The texts of a model and their intents.
#[derive(Clone, Copy)]
pub(super) struct Lessons<'a> {
    pub(super) features: usize,
    pub(super) intents: usize,
    pub(super) texts: &'a [Counts],
    pub(super) labels: &'a [u16],
}

/// Learns a curve from rehearsals.
pub(super) fn learn(lessons: Lessons<'_>) -> Curve {
    let mut order: Vec<usize> = (0..lessons.intents).collect();
    let mut dice = Dice::new(1);
    dice.shuffle(&mut order);
    let held = ((lessons.intents as f64 * HELD_BACK_SHARE).round() as usize)
        .max(1)
        .min(lessons.intents.saturating_sub(1));
    let mut samples = Vec::new();
    let rehearsals = (REHEARSED_TEXTS / lessons.texts.len().max(1)).clamp(1, REHEARSALS_MAX);
    for rehearsal in 0..rehearsals {
        let mut is_held = vec![false; lessons.intents];
        for at in 0..held {
            is_held[order[(rehearsal * held + at) % lessons.intents]] = true;
        }
        rehearse(lessons, &is_held, rehearsal, &mut samples);
    }
    // Without a text out of scope all would be right, and the curve would trust everything.
    if !level(&mut samples) {
        return Curve::default();
    }
    Curve::fit(
        &samples
            .into_iter()
            .map(|(sample, _)| sample)
            .collect::<Vec<_>>(),
    )
}

/// Trains on a part of the lessons and asks about the rest; `true` stands for out of scope.
fn rehearse(
    lessons: Lessons<'_>,
    is_held: &[bool],
    rehearsal: usize,
    samples: &mut Vec<(Sample, bool)>,
) {
    let mut asked_next = vec![rehearsal; lessons.intents];
    let (mut kept, mut asked) = (Vec::new(), Vec::new());
    let mut first = vec![true; lessons.intents];
    for (text, label) in lessons.texts.iter().zip(lessons.labels) {
        let intent = usize::from(*label);
        if is_held[intent] {
            asked.push((text, *label));
            continue;
        }
        asked_next[intent] += 1;
        // An intent of which nothing is kept would be held back.
        let is_first = std::mem::replace(&mut first[intent], false);
        if !is_first && asked_next[intent].is_multiple_of(ASKED_OF) {
            asked.push((text, *label));
        } else {
            kept.push((text, *label));
        }
    }
    let weighting = Weighting::learn(lessons.features, kept.iter().map(|(text, _)| *text));
    let texts: Vec<Vector> = kept
        .iter()
        .map(|(text, _)| weighting.vector(text))
        .collect();
    let labels: Vec<u16> = kept.iter().map(|(_, label)| *label).collect();
    let weights = Weights::train(lessons.features, &texts, &labels, lessons.intents);
    let memory = Memory::new(texts, &labels, lessons.intents);
    for (text, label) in asked {
        let guesses = sights(&weights, &memory, &weighting.vector(text), 1);
        let is_out = is_held[usize::from(label)];
        if let Some((intent, sight)) = guesses.first() {
            let sample = Sample {
                row: sight.row(),
                is_right: *intent == usize::from(label),
                weight: 1.0,
            };
            samples.push((sample, is_out));
        }
    }
}

/// Weighs the samples out of scope so that they are the expected share; whether there are any.
fn level(samples: &mut [(Sample, bool)]) -> bool {
    let out = samples.iter().filter(|(_, is_out)| *is_out).count() as f64;
    let inside = samples.len() as f64 - out;
    let weight = inside * OUT_OF_SCOPE_SHARE / (1.0 - OUT_OF_SCOPE_SHARE) / out.max(1.0);
    for (sample, is_out) in samples {
        if *is_out {
            sample.weight = weight;
        }
    }
    out > 0.0 && inside > 0.0
}

#[cfg(test)]
mod tests {
    use super::{Curve, SIGHTS, Sample, Sight};

    /// Curves of samples that tell the truth, the opposite and nothing.
    fn curves() -> Vec<Curve> {
        let sample = |at: usize, is_right: bool| Sample {
            row: [
                1.0,
                at as f64 / 50.0 - 1.0,
                at as f64 / 50.0,
                at as f64 / 100.0,
                0.5,
            ],
            is_right,
            weight: 1.0,
        };
        let fit = |is_right: fn(usize) -> bool| {
            Curve::fit(
                &(0..100)
                    .map(|at| sample(at, is_right(at)))
                    .collect::<Vec<_>>(),
            )
        };
        vec![
            Curve::default(),
            fit(|at| at > 40),
            fit(|at| at < 40),
            fit(|at| at % 2 == 0),
        ]
    }

    #[test]
    fn more_is_never_less_sure() {
        for curve in curves() {
            for at in 0..SIGHTS {
                let mut last = 0.0;
                for step in -25..=25_i8 {
                    let mut values = [0.1, 0.2, 0.6, 0.4];
                    values[at] = f32::from(step) / 10.0;
                    let [score, margin, familiar, nearest] = values;
                    let now = curve.confidence(Sight {
                        score,
                        margin,
                        familiar,
                        nearest,
                    });
                    assert!(
                        (last..=1.0).contains(&now),
                        "{curve:?} sight {at} step {step}"
                    );
                    last = now;
                }
            }
        }
    }

    #[test]
    fn the_curve_learns_from_samples() {
        let curves = curves();
        let (usual, learned) = (&curves[0], &curves[1]);
        let sight = |score: f32| Sight {
            score,
            margin: score + 1.0,
            familiar: (score + 1.0) / 2.0,
            nearest: 0.5,
        };
        let rise = |curve: &Curve| curve.confidence(sight(0.2)) - curve.confidence(sight(-0.6));
        assert!(rise(learned) > rise(usual), "{learned:?}");
        assert!(learned.confidence(sight(0.9)) > 0.9 && learned.confidence(sight(-0.9)) < 0.1);
    }
}
