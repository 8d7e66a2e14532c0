//! How good the assistant is, measured on labelled data against its floors.
//!
//! The data is not part of the project: a folder holds it, one `label<TAB>text` a line. Each data
//! set is measured in a process of its own, since a process remembers its peak of memory.

mod data;
mod figures;
mod floors;
mod print;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};

pub use self::{
    figures::{Figures, Human},
    floors::Floor,
};

/// The environment variable that names the folder.
pub const FOLDER_VARIABLE: &str = "FRONTDESK_EVAL_DIR";

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A file of the data cannot be read.
    #[error("cannot read {path}: {error}; give the folder of the evaluation data with --data")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line of a file is not a label, a tab and a text.
    #[error("{path}:{line} is not a label, a tab and a text")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// No data set has this name.
    #[error("there is no data set {name}; the sets are {sets}")]
    NoSuchSet {
        /// The name.
        name: String,
        /// All names.
        sets: String,
    },
    /// The process that measures one set did not.
    #[error("measuring {set} failed: {why}")]
    Failed {
        /// Which set.
        set: String,
        /// What it said.
        why: String,
    },
}

impl EvalError {
    /// The exit code that says it.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Unreadable { .. } => 66,
            Self::Malformed { .. } => 65,
            Self::NoSuchSet { .. } => 2,
            Self::Failed { .. } => 70,
        }
    }
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Per data set.
    pub sets: Vec<Figures>,
    /// How well customers who ask for a person are heard.
    pub human: Option<Human>,
    /// What was measured against what is wanted.
    pub floors: Vec<Floor>,
}

impl Report {
    /// Whether no figure is below its floor.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.floors.iter().all(|floor| floor.is_met)
    }

    /// Measures one data set, or how people are asked for, in this process.
    ///
    /// # Errors
    /// [`EvalError::Unreadable`], [`EvalError::Malformed`] and [`EvalError::NoSuchSet`].
    pub fn of_set(folder: &Path, name: &str) -> Result<Self, EvalError> {
        let mut report = Self::default();
        if name == data::HUMAN {
            report.human = Some(Human::measure(folder)?);
        } else if let Some(plan) = data::PLANS.iter().find(|plan| plan.name == name) {
            report.sets.push(Figures::measure(&plan.read(folder)?));
        } else {
            return Err(EvalError::NoSuchSet {
                name: name.to_owned(),
                sets: data::names().collect::<Vec<_>>().join(", "),
            });
        }
        report.floors = floors::floors(&report);
        Ok(report)
    }

    /// Measures all data sets, each by running `program` for it.
    ///
    /// # Errors
    /// [`EvalError`]
    pub fn of_all(folder: &Path, program: &Path) -> Result<Self, EvalError> {
        let mut report = Self::default();
        data::check(folder)?;
        for set in data::names() {
            let part = measured_by(program, folder, set)?;
            report.sets.extend(part.sets);
            report.human = report.human.or(part.human);
            report.floors.extend(part.floors);
        }
        Ok(report)
    }

    /// The report for people.
    #[must_use]
    pub fn table(&self) -> String {
        print::table(self)
    }
}

/// The report of a fresh process about one data set.
fn measured_by(program: &Path, folder: &Path, set: &str) -> Result<Report, EvalError> {
    let failed = |why: String| EvalError::Failed {
        set: set.to_owned(),
        why,
    };
    let output = Command::new(program)
        .args(["assistant", "eval", "--json", "--set", set, "--data"])
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        failed(said.trim().to_owned())
    })
}
