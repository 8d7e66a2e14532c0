//! What is measured of a data set.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{EvalError, data, data::Data};
use crate::{
    assistant::classifier::{Classifier, Ranking},
    desk::human::asks_for_human,
};

/// From this confidence on a question is answered.
const ANSWER_THRESHOLD: f64 = 0.70;
/// Bins of the calibration error.
const BINS: usize = 10;

/// The figures of one data set. Shares are per cent of the texts of the test; of those in scope,
/// when nothing else is said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Name of the data set.
    pub set: String,
    /// Intents that were learned.
    pub intents: usize,
    /// Texts that were learned, for each model.
    pub train: usize,
    /// Texts that were asked about, in scope.
    pub test: usize,
    /// Best guess right.
    pub accuracy: f64,
    /// One of the best three guesses right.
    pub top_three: f64,
    /// Answered at 0.70, and right.
    pub answered_right: f64,
    /// Answered at 0.70, and wrong.
    pub answered_wrong: f64,
    /// Share of what was answered, in scope or not, that was right.
    pub answered_precision: Option<f64>,
    /// Share of the texts out of scope that was not answered at 0.70.
    pub held_back: Option<f64>,
    /// How well confidence tells in scope from out of scope: area under the curve, in per cent.
    pub auroc: Option<f64>,
    /// Mean distance of confidence from the share that is right, over ten bins: 0..=1.
    pub calibration_error: f64,
    /// CPU time to train and calibrate one model.
    pub train_cpu_ms: f64,
    /// Median time to classify one text.
    pub classify_p50_us: f64,
    /// Bytes that one model holds.
    pub model_bytes: usize,
    /// Most memory that the process had, with data and model; not known on every system.
    pub peak_bytes: Option<u64>,
    /// Whether a second training gave the same model, bit by bit.
    pub is_repeatable: bool,
}

/// One text of the test.
struct Asked {
    confidence: f64,
    is_in_scope: bool,
    is_right: bool,
}

impl Figures {
    /// Trains, asks and measures.
    pub(super) fn measure(data: &Data) -> Self {
        let mut asked = Vec::new();
        let mut times = Vec::new();
        let (mut top_three, mut train_cpu, mut model_bytes) = (0, Duration::ZERO, 0);
        let (mut intents, mut peak_bytes, mut is_repeatable) = (0, None, true);
        for draw in &data.draws {
            let examples = data::examples(draw);
            let started = CpuClock::start();
            let model = Classifier::train(&examples);
            train_cpu += started.elapsed();
            for line in &data.test {
                let started = Instant::now();
                let ranking = model.classify(&line.text);
                times.push(started.elapsed());
                top_three += usize::from(is_among(&ranking, 3, &line.label));
                asked.push(Asked {
                    confidence: ranking.confidence(),
                    is_in_scope: true,
                    is_right: is_among(&ranking, 1, &line.label),
                });
            }
            asked.extend(data.out_of_scope.iter().map(|line| Asked {
                confidence: model.classify(&line.text).confidence(),
                is_in_scope: false,
                is_right: false,
            }));
            model_bytes = model.model_bytes();
            intents = model.intents().count();
            peak_bytes = peak_memory();
            let digest = model.digest();
            drop(model);
            is_repeatable &= Classifier::train(&examples).digest() == digest;
        }
        times.sort_unstable();
        let inside = asked.iter().filter(|text| text.is_in_scope).count();
        let of_inside = |count: usize| percent(count, inside);
        let count = |keep: &dyn Fn(&Asked) -> bool| asked.iter().filter(|text| keep(text)).count();
        let is_answered = |text: &Asked| text.confidence >= ANSWER_THRESHOLD;
        let answered = count(&is_answered);
        let right = count(&|text| is_answered(text) && text.is_right);
        let wrong = count(&|text| is_answered(text) && text.is_in_scope && !text.is_right);
        let outside = asked.len() - inside;
        Self {
            set: data.name.to_owned(),
            intents,
            train: data.draws.first().map_or(0, Vec::len),
            test: data.test.len(),
            accuracy: of_inside(count(&|text| text.is_right)),
            top_three: of_inside(top_three),
            answered_right: of_inside(right),
            answered_wrong: of_inside(wrong),
            answered_precision: (answered > 0).then(|| percent(right, answered)),
            held_back: (outside > 0)
                .then(|| percent(outside - (answered - right - wrong), outside)),
            auroc: (outside > 0).then(|| 100.0 * auroc(&asked)),
            calibration_error: calibration_error(&asked),
            train_cpu_ms: 1e3 * train_cpu.as_secs_f64() / data.draws.len().max(1) as f64,
            classify_p50_us: times
                .get(times.len() / 2)
                .map_or(0.0, |time| 1e6 * time.as_secs_f64()),
            model_bytes,
            peak_bytes,
            is_repeatable,
        }
    }
}

fn is_among(ranking: &Ranking, first: usize, label: &str) -> bool {
    let mut guesses = ranking.guesses.iter().take(first);
    guesses.any(|guess| *guess.intent == *label)
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// Probability that a text in scope gets more confidence than one out of scope; half for equals.
fn auroc(asked: &[Asked]) -> f64 {
    let mut order: Vec<&Asked> = asked.iter().collect();
    order.sort_by(|one, other| one.confidence.total_cmp(&other.confidence));
    let (mut above, mut below) = (0.0, 0.0);
    for equals in order.chunk_by(|one, other| one.confidence == other.confidence) {
        let inside = equals.iter().filter(|text| text.is_in_scope).count() as f64;
        let outside = equals.len() as f64 - inside;
        above += inside * (below + outside / 2.0);
        below += outside;
    }
    let inside = asked.len() as f64 - below;
    above / (inside * below).max(1.0)
}

/// Mean distance of confidence from the share that is right, weighted by how many are in a bin.
fn calibration_error(asked: &[Asked]) -> f64 {
    let mut gaps = [0.0; BINS];
    for text in asked {
        let bin = ((text.confidence * BINS as f64) as usize).min(BINS - 1);
        gaps[bin] += text.confidence - f64::from(u8::from(text.is_right));
    }
    gaps.iter().map(|gap: &f64| gap.abs()).sum::<f64>() / asked.len().max(1) as f64
}

/// How well customers who ask for a person are heard, in per cent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Human {
    /// Of those who ask, how many are heard.
    pub recall: f64,
    /// Of those who do not, how many are taken for it.
    pub false_alarms: f64,
    /// How many are taken for it where hardly anybody asks.
    pub flagged_elsewhere: f64,
}

impl Human {
    /// Reads the texts and asks the rule.
    pub(super) fn measure(folder: &Path) -> Result<Self, EvalError> {
        let lines = data::lines(&folder.join(data::HUMAN_FILE))?;
        let elsewhere = data::lines(&folder.join(data::ELSEWHERE_FILE))?;
        let share = |lines: &[&data::Line]| {
            let heard = lines.iter().filter(|line| asks_for_human(&line.text));
            percent(heard.count(), lines.len())
        };
        let (asking, others): (Vec<_>, Vec<_>) =
            lines.iter().partition(|line| line.label == "human");
        Ok(Self {
            recall: share(&asking),
            false_alarms: share(&others),
            flagged_elsewhere: share(&elsewhere.iter().collect::<Vec<_>>()),
        })
    }
}

/// Measures the CPU time of this thread; where the system does not tell it, the time that passes.
struct CpuClock {
    begun: Instant,
    cpu: Option<Duration>,
}

impl CpuClock {
    fn start() -> Self {
        Self {
            begun: Instant::now(),
            cpu: thread_cpu(),
        }
    }

    fn elapsed(&self) -> Duration {
        match (self.cpu, thread_cpu()) {
            (Some(then), Some(now)) => now.saturating_sub(then),
            _ => self.begun.elapsed(),
        }
    }
}

/// CPU time of this thread: the first number of Linux's `schedstat`, in nanoseconds.
fn thread_cpu() -> Option<Duration> {
    let line = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let first = line.split_whitespace().next()?;
    first.parse().ok().map(Duration::from_nanos)
}

/// Most memory that this process had: `VmHWM` of Linux's `status`.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::{Asked, auroc, calibration_error};

    fn asked(texts: &[(f64, bool, bool)]) -> Vec<Asked> {
        let asked = |(confidence, is_in_scope, is_right): &(f64, bool, bool)| Asked {
            confidence: *confidence,
            is_in_scope: *is_in_scope,
            is_right: *is_right,
        };
        texts.iter().map(asked).collect()
    }

    #[test]
    fn the_area_under_the_curve_counts_pairs() {
        let texts = asked(&[
            (0.9, true, true),
            (0.4, true, true),
            (0.4, false, false),
            (0.1, false, false),
        ]);
        // Of four pairs three are in order and one is equal.
        assert!((auroc(&texts) - 3.5 / 4.0).abs() < 1e-12);
    }

    #[test]
    fn the_calibration_error_is_the_gap_of_each_bin() {
        let texts = asked(&[
            (0.95, true, true),
            (0.95, true, false),
            (0.15, false, false),
            (1.0, true, true),
        ]);
        // Bin of 0.9: three with 2.90 and two right; bin of 0.1: one with 0.15 and none right.
        assert!((calibration_error(&texts) - (0.90 + 0.15) / 4.0).abs() < 1e-12);
    }
}
