//! What is wanted of the figures.

use serde::{Deserialize, Serialize};

use super::{Figures, Human, Report};

const MIB: f64 = 1024.0 * 1024.0;

/// A figure and what is wanted of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// Which goal of the assistant's design.
    pub goal: String,
    /// What was measured, with its unit.
    pub what: String,
    /// The figure; none where the system does not tell it.
    pub figure: Option<f64>,
    /// The least that is wanted, or the most.
    pub wanted: f64,
    /// Whether `wanted` is the most.
    pub is_ceiling: bool,
    /// Whether the figure is as wanted, or not known.
    pub is_met: bool,
}

/// Which way a figure may go.
#[derive(Clone, Copy)]
enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

fn floor(goal: &str, what: impl Into<String>, figure: Option<f64>, wanted: Wanted) -> Floor {
    let (is_ceiling, wanted) = match wanted {
        Wanted::AtLeast(wanted) => (false, wanted),
        Wanted::AtMost(wanted) => (true, wanted),
    };
    let is_met = figure.is_none_or(|figure| {
        if is_ceiling {
            figure <= wanted
        } else {
            figure >= wanted
        }
    });
    Floor {
        goal: goal.to_owned(),
        what: what.into(),
        figure,
        wanted,
        is_ceiling,
        is_met,
    }
}

/// Each figure that has a floor, with it.
pub(super) fn floors(report: &Report) -> Vec<Floor> {
    let sets = report.sets.iter().flat_map(of_set);
    sets.chain(report.human.iter().flat_map(of_human)).collect()
}

fn of_set(figures: &Figures) -> Vec<Floor> {
    let set = &figures.set;
    let accuracy = |least| {
        let what = format!("{set}: accuracy, %");
        floor("G2", what, Some(figures.accuracy), Wanted::AtLeast(least))
    };
    let calibration = || {
        let (what, error) = (
            format!("{set}: calibration error"),
            figures.calibration_error,
        );
        floor("G2", what, Some(error), Wanted::AtMost(0.13))
    };
    let costs = |train_ms, classify_us, peak_mib| {
        let cost = |what: &str, figure, most| {
            floor("G3", format!("{set}: {what}"), figure, Wanted::AtMost(most))
        };
        let peak = figures.peak_bytes.map(|bytes| bytes as f64 / MIB);
        let is_repeatable = Some(f64::from(u8::from(figures.is_repeatable)));
        let same = format!("{set}: same model twice, 1 is yes");
        [
            cost("train, ms CPU", Some(figures.train_cpu_ms), train_ms),
            cost(
                "classify, median us",
                Some(figures.classify_p50_us),
                classify_us,
            ),
            cost("peak memory, MiB", peak, peak_mib),
            floor("G3", same, is_repeatable, Wanted::AtLeast(1.0)),
        ]
    };
    let mut floors = Vec::new();
    match set.as_str() {
        "banking77" => {
            floors.extend([accuracy(91.0), calibration()]);
            floors.extend(costs(5_000.0, 500.0, 110.0));
        }
        "clinc150" => {
            let held_back = "clinc150: out of scope held back, %";
            floors.extend([
                accuracy(92.5),
                floor("G2", held_back, figures.held_back, Wanted::AtLeast(96.0)),
                calibration(),
            ]);
        }
        "banking77-1000" => floors.extend(costs(500.0, 50.0, 20.0)),
        _ => {}
    }
    floors
}

fn of_human(human: &Human) -> [Floor; 3] {
    let at_most = |what: &str, figure, most| floor("G4", what, Some(figure), Wanted::AtMost(most));
    let heard = "asks for a person: heard, %";
    [
        floor("G4", heard, Some(human.recall), Wanted::AtLeast(85.0)),
        at_most(
            "asks for a person: false alarms, %",
            human.false_alarms,
            0.3,
        ),
        at_most("clinc150: taken for it, %", human.flagged_elsewhere, 0.7),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Wanted, floor};

    #[test]
    fn a_floor_is_met_from_itself_on_and_a_ceiling_up_to_itself() {
        let is_met = |figure, wanted| floor("G2", "", figure, wanted).is_met;
        assert!(is_met(Some(91.0), Wanted::AtLeast(91.0)));
        assert!(!is_met(Some(90.9), Wanted::AtLeast(91.0)));
        assert!(is_met(Some(0.13), Wanted::AtMost(0.13)));
        assert!(!is_met(Some(0.14), Wanted::AtMost(0.13)));
        assert!(!is_met(Some(f64::NAN), Wanted::AtLeast(91.0)));
        assert!(is_met(None, Wanted::AtMost(20.0)));
    }
}
