//! What was measured, beside its limit and its goal.

use serde::Serialize;

/// Whether a figure is good when it is high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Sense {
    AtLeast,
    AtMost,
}

/// What is judged: the floor must be kept, the aim is what we ship.
#[derive(Clone, Copy, Debug, Serialize)]
struct Goal {
    sense: Sense,
    floor: f64,
    aim: f64,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    id: &'static str,
    what: String,
    figure: f64,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    limit_of: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<Goal>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
}

impl Row {
    pub(crate) fn new(
        id: &'static str,
        what: impl Into<String>,
        figure: f64,
        unit: &'static str,
    ) -> Self {
        Self {
            id,
            what: what.into(),
            figure,
            unit,
            limit: None,
            limit_of: String::new(),
            ratio: None,
            goal: None,
            verdict: "",
            note: String::new(),
        }
    }

    /// The limit of the same run; the ratio is the figure over it.
    pub(crate) fn against(mut self, limit: f64, of: impl Into<String>) -> Self {
        self.limit = Some(limit);
        self.limit_of = of.into();
        self.ratio = Some(self.figure / limit);
        self
    }

    /// The same where each round has its own ratio, of which the median counts.
    pub(crate) fn with_ratio(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self
    }

    pub(crate) fn at_least(self, floor: f64, aim: f64) -> Self {
        self.judge(Sense::AtLeast, floor, aim)
    }

    pub(crate) fn at_most(self, floor: f64, aim: f64) -> Self {
        self.judge(Sense::AtMost, floor, aim)
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn judge(mut self, sense: Sense, floor: f64, aim: f64) -> Self {
        let value = self.ratio.unwrap_or(self.figure);
        let keeps = |bound: f64| match sense {
            Sense::AtLeast => value >= bound,
            Sense::AtMost => value <= bound,
        };
        self.verdict = match (keeps(aim), keeps(floor)) {
            (true, _) => "aim",
            (false, true) => "floor",
            (false, false) => "MISSED",
        };
        self.goal = Some(Goal { sense, floor, aim });
        self
    }
}

/// All lines of a run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    machine: String,
    rounds: usize,
    rows: Vec<Row>,
    skipped: Vec<String>,
}

impl Report {
    pub(crate) fn new(machine: String, rounds: usize) -> Self {
        Self {
            machine,
            rounds,
            ..Self::default()
        }
    }

    /// Adds a line, and says it at once: a run is long.
    pub(crate) fn add(&mut self, row: Row) {
        crate::say(&line(&row));
        self.rows.push(row);
    }

    /// What could not be measured, and why.
    pub(crate) fn skip(&mut self, what: impl Into<String>) {
        let what = what.into();
        crate::say(&format!("SKIPPED: {what}"));
        self.skipped.push(what);
    }

    pub(crate) fn missed(&self) -> usize {
        self.rows
            .iter()
            .filter(|row| row.verdict == "MISSED")
            .count()
    }

    /// The table, in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("\n{}; medians of {} rounds\n\n", self.machine, self.rounds);
        text.push_str(
            "| goal | what | figure | limit of the same run | ratio | floor | aim | verdict |\n",
        );
        text.push_str("|---|---|---|---|---|---|---|---|\n");
        for row in &self.rows {
            text.push_str(&line(row));
            text.push('\n');
        }
        for skipped in &self.skipped {
            text.push_str(&format!("SKIPPED: {skipped}\n"));
        }
        text
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report has string keys only")
    }
}

fn line(row: &Row) -> String {
    let limit = row.limit.map_or(String::new(), |limit| {
        format!("{} {} ({})", number(limit), row.unit, row.limit_of)
    });
    let ratio = row
        .ratio
        .map_or(String::new(), |ratio| format!("{ratio:.2}"));
    let goal = |pick: fn(&Goal) -> f64| {
        row.goal.as_ref().map_or(String::new(), |goal| {
            let sign = if goal.sense == Sense::AtLeast {
                ">="
            } else {
                "<="
            };
            format!("{sign} {}", number(pick(goal)))
        })
    };
    let note = if row.note.is_empty() {
        String::new()
    } else {
        format!(" ({})", row.note)
    };
    format!(
        "| {} | {}{note} | {} {} | {limit} | {ratio} | {} | {} | {} |",
        row.id,
        row.what,
        number(row.figure),
        row.unit,
        goal(|goal| goal.floor),
        goal(|goal| goal.aim),
        row.verdict,
    )
}

/// As many digits as can mean something.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 1_000.0 => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index) % 3 == 0 {
                    grouped.push(' ');
                }
                grouped.push(digit);
            }
            grouped
        }
        middle if middle >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        small if small >= 0.1 || small == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The middle of some figures; of an even number the lower of the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values
        .get(values.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(f64::NAN)
}

/// The value that `part` of all are at or below.
pub(crate) fn percentile(sorted: &[u32], part: f64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index between 0 and the length"
    )]
    let index = ((sorted.len() as f64 * part).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted
        .get(index)
        .map_or(f64::NAN, |nanos| f64::from(*nanos) / 1_000.0)
}
