//! The data sets: which files they are, and what of them is used for what.

use std::{collections::BTreeMap, fs, path::Path};

use super::EvalError;
use crate::assistant::classifier::{Example, dice::Dice};

/// The name under which it is measured how people are asked for.
pub(super) const HUMAN: &str = "human";
/// Customers of a bank and of a hotel; the label says who asks for a person.
pub(super) const HUMAN_FILE: &str = "nlupp-even.handoff.tsv";
/// Where nobody asks for a person, or hardly anybody.
pub(super) const ELSEWHERE_FILE: &str = "clinc150.test.tsv";

/// How many texts of a file are trained on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Share {
    /// All of them.
    All,
    /// So many, drawn once.
    Some(usize),
    /// So many of each intent, drawn three times.
    Each(usize),
}

/// A data set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) name: &'static str,
    train: &'static str,
    share: Share,
    test: &'static str,
    out_of_scope: Option<&'static str>,
}

const BANKING: Plan = Plan {
    name: "banking77",
    train: "banking77.train.tsv",
    share: Share::All,
    test: "banking77.test.tsv",
    out_of_scope: None,
};

const CLINC: Plan = Plan {
    name: "clinc150",
    train: "clinc150.train.tsv",
    share: Share::All,
    test: "clinc150.test.tsv",
    out_of_scope: Some("clinc150.oos_test.tsv"),
};

/// The data sets in the order of the report.
pub(super) const PLANS: [Plan; 8] = [
    BANKING,
    CLINC,
    Plan {
        name: "clinc150-small",
        train: "clinc150-small.train.tsv",
        ..CLINC
    },
    Plan {
        name: "banking77-1000",
        share: Share::Some(1_000),
        ..BANKING
    },
    Plan {
        name: "banking77-5",
        share: Share::Each(5),
        ..BANKING
    },
    Plan {
        name: "banking77-10",
        share: Share::Each(10),
        ..BANKING
    },
    Plan {
        name: "clinc150-5",
        share: Share::Each(5),
        ..CLINC
    },
    Plan {
        name: "clinc150-10",
        share: Share::Each(10),
        ..CLINC
    },
];

/// Draws of a share of each intent: one draw alone is luck.
const DRAWS: u64 = 3;

/// The names of all that can be measured.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PLANS.iter().map(|plan| plan.name).chain([HUMAN])
}

/// A label and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) label: String,
    pub(super) text: String,
}

impl Line {
    /// The line as an example.
    fn example(&self) -> Example<'_> {
        Example {
            intent: &self.label,
            text: &self.text,
        }
    }
}

/// The texts of a data set.
pub(super) struct Data {
    pub(super) name: &'static str,
    /// What is trained on: each draw is a model of its own.
    pub(super) draws: Vec<Vec<Line>>,
    pub(super) test: Vec<Line>,
    pub(super) out_of_scope: Vec<Line>,
}

impl Plan {
    /// Reads the files.
    pub(super) fn read(&self, folder: &Path) -> Result<Data, EvalError> {
        let train = lines(&folder.join(self.train))?;
        let out_of_scope = match self.out_of_scope {
            Some(file) => lines(&folder.join(file))?,
            None => Vec::new(),
        };
        Ok(Data {
            name: self.name,
            draws: match self.share {
                Share::All => vec![train],
                Share::Some(count) => vec![drawn(&train, 0, |_, all| all < count)],
                Share::Each(count) => (0..DRAWS)
                    .map(|seed| drawn(&train, seed, |own, _| own < count))
                    .collect(),
            },
            test: lines(&folder.join(self.test))?,
            out_of_scope,
        })
    }
}

/// The lines, in an order that `seed` decides, for which `keep` holds of how many of their intent
/// and how many in all were kept before.
fn drawn(lines: &[Line], seed: u64, keep: impl Fn(usize, usize) -> bool) -> Vec<Line> {
    let mut order: Vec<&Line> = lines.iter().collect();
    Dice::new(seed << 32).shuffle(&mut order);
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut kept = Vec::new();
    for line in order {
        let own = counts.entry(&line.label).or_default();
        if keep(*own, kept.len()) {
            *own += 1;
            kept.push(line.clone());
        }
    }
    kept
}

/// The lines as examples.
pub(super) fn examples(lines: &[Line]) -> Vec<Example<'_>> {
    lines.iter().map(Line::example).collect()
}

/// Whether all files are there, before minutes are spent on the first ones.
pub(super) fn check(folder: &Path) -> Result<(), EvalError> {
    let files = PLANS
        .iter()
        .flat_map(|plan| [Some(plan.train), Some(plan.test), plan.out_of_scope]);
    for file in files.flatten().chain([HUMAN_FILE, ELSEWHERE_FILE]) {
        let path = folder.join(file);
        if let Err(error) = fs::File::open(&path) {
            return Err(EvalError::Unreadable { path, error });
        }
    }
    Ok(())
}

/// The lines of a file.
pub(super) fn lines(path: &Path) -> Result<Vec<Line>, EvalError> {
    let text = fs::read_to_string(path).map_err(|error| EvalError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    let line = |(at, line): (usize, &str)| {
        let (label, text) = line.split_once('\t').ok_or(EvalError::Malformed {
            path: path.to_owned(),
            line: at + 1,
        })?;
        Ok(Line {
            label: label.to_owned(),
            text: text.to_owned(),
        })
    };
    text.lines().enumerate().map(line).collect()
}
