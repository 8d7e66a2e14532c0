//! A linear support vector machine, one intent against the rest, solved by dual coordinate
//! descent (Hsieh et al. 2008, algorithm 1 with shrinking, squared hinge loss).
//!
//! The order of the steps comes from a fixed seed: the same texts give the same weights, bit by
//! bit.

use super::{
    dice::Dice,
    features::{FeatureId, Vector},
};

/// Weight of an error against the length of the weights.
const COST: f32 = 2.0;
/// How many times more an error on a text of the intent costs than one on a text of the rest.
const OWN_COST: f32 = 1.0;
/// How far a rare intent's texts make up for their number: 0 not at all, 1 wholly.
const BALANCE: f32 = 0.75;
/// What a text that shares nothing with the intent scores.
const BIAS: f32 = -1.3;
/// Rounds over the texts at most.
const ROUNDS_MAX: usize = 30;
/// The solution is good enough when no step of a round over all texts is longer.
const TOLERANCE: f32 = 0.2;
/// Shorter steps are not worth the way.
const STEP_MIN: f32 = 1e-3;
/// A text that is right by more than this is set aside until the others are done.
const PEACE: f32 = 0.2;
/// Weights nearer to zero are left out.
const WEIGHT_MIN: f32 = 0.0;

/// The weights of all intents, by feature.
#[derive(Clone, Default)]
pub(super) struct Weights {
    intents: usize,
    starts: Vec<u32>,
    cells: Vec<(u16, f32)>,
}

impl Weights {
    /// Trains one machine for each of `intents` intents; `labels` says which one has a text.
    pub(super) fn train(features: usize, texts: &[Vector], labels: &[u16], intents: usize) -> Self {
        let mut sizes = vec![0_u32; features + 1];
        let mut columns = Vec::with_capacity(intents);
        let mut machine = Machine::new(features, texts);
        let mut counts = vec![0_usize; intents];
        for label in labels {
            counts[usize::from(*label)] += 1;
        }
        let taught = counts.iter().filter(|count| **count > 0).count();
        for (intent, count) in counts.into_iter().enumerate() {
            if count == 0 {
                columns.push(Vec::new());
                continue;
            }
            let usual = texts.len() as f32 / taught as f32;
            let own_cost = OWN_COST * (usual / count as f32).powf(BALANCE);
            let column: Vec<(FeatureId, f32)> = machine
                .solve(COST * own_cost, |text| usize::from(labels[text]) == intent)
                .iter()
                .enumerate()
                .filter(|(_, weight)| weight.abs() > WEIGHT_MIN)
                .map(|(id, weight)| (id as FeatureId, *weight))
                .collect();
            for (id, _) in &column {
                sizes[*id as usize + 1] += 1;
            }
            columns.push(column);
        }
        for at in 1..sizes.len() {
            sizes[at] += sizes[at - 1];
        }
        let starts = sizes;
        let mut next = starts.clone();
        let mut cells = vec![(0, 0.0); starts[features] as usize];
        for (intent, column) in columns.into_iter().enumerate() {
            for (id, weight) in column {
                let at = &mut next[id as usize];
                cells[*at as usize] = (intent as u16, weight);
                *at += 1;
            }
        }
        Self {
            intents,
            starts,
            cells,
        }
    }

    /// The score of each intent for a text; above zero is for the intent.
    pub(super) fn scores(&self, text: &Vector) -> Vec<f32> {
        let mut scores = vec![BIAS; self.intents];
        for (id, value) in &text.entries {
            let (from, to) = (self.starts[*id as usize], self.starts[*id as usize + 1]);
            for (intent, weight) in &self.cells[from as usize..to as usize] {
                scores[usize::from(*intent)] += weight * value;
            }
        }
        scores
    }

    /// Bytes that the weights hold.
    pub(super) fn bytes(&self) -> usize {
        self.starts.capacity() * size_of::<u32>() + self.cells.capacity() * size_of::<(u16, f32)>()
    }

    /// Everything that decides a score, in a fixed order.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u32, u16, f32)> + '_ {
        (0_u32..).zip(self.starts.windows(2)).flat_map(|(id, at)| {
            let row = &self.cells[at[0] as usize..at[1] as usize];
            row.iter()
                .map(move |(intent, weight)| (id, *intent, *weight))
        })
    }
}

/// The room in which one intent after the other is solved.
struct Machine<'a> {
    texts: &'a [Vector],
    squares: Vec<f32>,
    weights: Vec<f32>,
    pulls: Vec<f32>,
    order: Vec<u32>,
}

impl<'a> Machine<'a> {
    fn new(features: usize, texts: &'a [Vector]) -> Self {
        let square = |text: &Vector| text.entries.iter().map(|(_, value)| value * value).sum();
        Self {
            texts,
            squares: texts.iter().map(square).collect(),
            weights: vec![0.0; features],
            pulls: vec![0.0; texts.len()],
            order: Vec::with_capacity(texts.len()),
        }
    }

    /// The weights that tell the texts for which `own` holds from the rest.
    fn solve(&mut self, own_cost: f32, own: impl Fn(usize) -> bool) -> &[f32] {
        self.weights.fill(0.0);
        self.pulls.fill(0.0);
        self.order.clear();
        self.order.extend(0..self.texts.len() as u32);
        let mut dice = Dice::new(0);
        dice.shuffle(&mut self.order);
        // The rest is at peace until the intent's own texts have pulled.
        self.order.sort_by_key(|text| !own(*text as usize));
        let mut active = self.order.len();
        let mut is_whole = true;
        for _ in 0..ROUNDS_MAX {
            let (mut longest, mut at) = (0.0_f32, 0);
            while at < active {
                let text = self.order[at] as usize;
                let (side, slack) = if own(text) {
                    (1.0, 0.5 / own_cost)
                } else {
                    (-1.0, 0.5 / COST)
                };
                let row = &self.texts[text].entries;
                let dot: f32 = row
                    .iter()
                    .map(|(id, x)| self.weights[*id as usize] * x)
                    .sum();
                let pull = self.pulls[text];
                let slope = side * (dot + BIAS) - 1.0 + slack * pull;
                if pull == 0.0 && slope > PEACE {
                    active -= 1;
                    self.order.swap(at, active);
                    continue;
                }
                at += 1;
                let new = (pull - slope / (self.squares[text] + slack)).max(0.0);
                let change = new - pull;
                if change.abs() < STEP_MIN {
                    continue;
                }
                longest = longest.max(change.abs());
                self.pulls[text] = new;
                for (id, x) in row {
                    self.weights[*id as usize] += side * change * x;
                }
            }
            if longest > TOLERANCE {
                is_whole = false;
            } else if is_whole {
                break;
            } else {
                // Those set aside are looked at once more.
                active = self.order.len();
                is_whole = true;
            }
            dice.shuffle(&mut self.order[..active]);
        }
        &self.weights
    }
}

#[cfg(test)]
mod tests {
    use super::{BIAS, COST, Dice, OWN_COST, Vector, Weights};

    const FEATURES: usize = 40;
    const INTENTS: usize = 5;

    /// 200 texts of ten features each; every intent has some that it prefers.
    fn texts() -> (Vec<Vector>, Vec<u16>) {
        let mut dice = Dice::new(7);
        let mut texts = Vec::new();
        let mut labels = Vec::new();
        for at in 0..200 {
            let intent = at % INTENTS;
            let mut values = [0.0_f32; FEATURES];
            for _ in 0..10 {
                let own = intent * 6 + dice.roll(10);
                let any = dice.roll(FEATURES);
                let id = if dice.roll(2) == 0 { own } else { any };
                values[id] += 0.5 + dice.roll(100) as f32 / 100.0;
            }
            let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
            let entries = (0..).zip(values).filter(|(_, value)| *value > 0.0);
            texts.push(Vector {
                entries: entries.map(|(id, value)| (id, value / length)).collect(),
                familiar: 1.0,
            });
            labels.push(intent as u16);
        }
        (texts, labels)
    }

    /// The same problem in its primal form: accelerated gradient steps over all texts at once.
    fn slowly(texts: &[Vector], labels: &[u16], intent: usize) -> [f64; FEATURES] {
        let side = |label: u16| {
            if usize::from(label) == intent {
                1.0
            } else {
                -1.0
            }
        };
        let step = 1.0 / (1.0 + 2.0 * f64::from(COST * OWN_COST) * texts.len() as f64);
        let (mut weights, mut ahead) = ([0.0; FEATURES], [0.0; FEATURES]);
        for round in 0..1_000 {
            let mut slope = ahead;
            for (text, label) in texts.iter().zip(labels) {
                let dot = text
                    .entries
                    .iter()
                    .map(|(id, x)| ahead[*id as usize] * f64::from(*x));
                let miss = 1.0 - side(*label) * (dot.sum::<f64>() + f64::from(BIAS));
                if miss > 0.0 {
                    for (id, x) in &text.entries {
                        slope[*id as usize] -=
                            2.0 * f64::from(COST) * miss * side(*label) * f64::from(*x);
                    }
                }
            }
            let speed = f64::from(round) / (f64::from(round) + 3.0);
            for id in 0..FEATURES {
                let next = ahead[id] - step * slope[id];
                ahead[id] = next + speed * (next - weights[id]);
                weights[id] = next;
            }
        }
        weights
    }

    fn best(scores: impl IntoIterator<Item = f64>) -> usize {
        let scores = scores.into_iter().enumerate();
        scores
            .max_by(|one, other| one.1.total_cmp(&other.1))
            .map_or(0, |(at, _)| at)
    }

    #[test]
    fn it_agrees_with_a_slow_solver_of_the_same_problem() {
        let (texts, labels) = texts();
        let weights = Weights::train(FEATURES, &texts, &labels, INTENTS);
        let reference: Vec<[f64; FEATURES]> = (0..INTENTS)
            .map(|intent| slowly(&texts, &labels, intent))
            .collect();
        let (mut same, mut right, mut furthest) = (0, 0, 0.0_f64);
        for (text, label) in texts.iter().zip(&labels) {
            let wanted = reference.iter().map(|weights| {
                let dot = text
                    .entries
                    .iter()
                    .map(|(id, x)| weights[*id as usize] * f64::from(*x));
                dot.sum::<f64>() + f64::from(BIAS)
            });
            let wanted: Vec<f64> = wanted.collect();
            let scores: Vec<f64> = weights.scores(text).into_iter().map(f64::from).collect();
            for (score, wanted) in scores.iter().zip(&wanted) {
                furthest = furthest.max((score - wanted).abs());
            }
            same += usize::from(best(scores.iter().copied()) == best(wanted));
            right += usize::from(best(scores) == usize::from(*label));
        }
        assert!(same >= 198, "{same} of 200 agree");
        assert!(furthest < 0.1, "{furthest}");
        // The problem is neither trivial nor hopeless.
        assert!((150..200).contains(&right), "{right}");
    }

    #[test]
    fn an_intent_without_texts_scores_like_a_stranger() {
        let (texts, labels) = texts();
        let weights = Weights::train(FEATURES, &texts, &labels, INTENTS + 1);
        assert!((weights.scores(&texts[0])[INTENTS] - BIAS).abs() < 1e-6);
    }
}
