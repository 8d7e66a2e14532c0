//! What is asked of a run.

use std::{path::PathBuf, time::Duration};

use crate::relay::Kind;

pub(crate) const HELP: &str = "\
The benchmark of the Frontdesk hub, judged against the limits of the same run.

  cargo bench -p tests                            everything but what takes long
  cargo bench -p tests -- G1 G6                   these goals alone
  cargo bench -p tests -- --quick                 one short round of each
  cargo bench -p tests -- --long                  also with 10 million messages
  cargo bench -p tests -- --gate                  exit code 1 when a floor is missed
  cargo bench -p tests -- --json FILE             the same as JSON
  cargo bench -p tests -- soak --minutes 60       constant load; memory, files and drift of latency";

/// What to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args {
    /// Goals to measure; all when empty.
    goals: Vec<String>,
    pub(crate) quick: bool,
    pub(crate) long: bool,
    pub(crate) gate: bool,
    pub(crate) json: Option<PathBuf>,
    /// Measure another hub than the one of this tree.
    pub(crate) hub: Option<PathBuf>,
    /// Load for so long instead of measuring goals.
    pub(crate) soak: Option<Duration>,
    /// Be a relay.
    pub(crate) relay: Option<Kind>,
    pub(crate) help: bool,
}

impl Args {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self::default();
        let mut words = words;
        let mut minutes = 60;
        let mut soak = false;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                // Cargo says so to every benchmark.
                "--bench" => {}
                "--quick" => args.quick = true,
                "--long" => args.long = true,
                "--gate" => args.gate = true,
                "--json" => args.json = Some(value()?.into()),
                "--hub" => args.hub = Some(value()?.into()),
                "--help" | "-h" => args.help = true,
                "soak" => soak = true,
                "--minutes" => {
                    minutes = value()?
                        .parse()
                        .map_err(|_| "--minutes needs a number".to_owned())?;
                }
                "--relay" => {
                    let name = value()?;
                    let kind = Kind::parse(&name).ok_or(format!("{name} is no relay"))?;
                    args.relay = Some(kind);
                }
                goal if goal.starts_with('G')
                    && goal[1..].starts_with(|c: char| c.is_ascii_digit()) =>
                {
                    args.goals.push(goal.to_owned());
                }
                other => return Err(format!("{other} is not known here; try --help")),
            }
        }
        args.soak = soak.then(|| Duration::from_secs(60 * minutes));
        Ok(args)
    }

    /// Whether one of `goals` is to be measured.
    pub(crate) fn wants(&self, goals: &[&str]) -> bool {
        self.goals.is_empty()
            || goals
                .iter()
                .any(|goal| self.goals.iter().any(|one| one == goal))
    }

    pub(crate) const fn rounds(&self) -> usize {
        if self.quick { 1 } else { 5 }
    }

    /// A length of time, shorter in a quick run.
    pub(crate) fn time(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(if self.quick { seconds / 2.0 } else { seconds })
    }
}
