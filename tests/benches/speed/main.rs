//! The benchmark: the release hub under load, judged against the limits of the same run.
//!
//! The hub runs alone on one core and real WebSockets of paired customers and agents on another;
//! messages of 200 bytes are acknowledged after the durable commit and delivered to the other
//! side, and each is checked to arrive once and in order. What the parts allow (a bare commit
//! loop, bare relays, one synchronisation of a file) is measured in between, on the hub's core:
//! only the ratios travel to other machines. Left out: rates of other products, which need them
//! installed (G11, G12), and reports over many messages, which do not exist yet (part of G16).

mod args;
mod bare;
mod crash;
mod crowd;
mod frame;
mod greet;
mod http;
mod hub;
mod load;
mod log;
mod machine;
mod past;
mod relay;
mod report;
mod rules;
mod soak;
mod talk;

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{args::Args, machine::Cores, report::Report};

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What every group of goals needs.
struct Bench {
    args: Args,
    cores: Cores,
    program: PathBuf,
    /// Removed at the end.
    scratch: tempfile::TempDir,
    report: Report,
}

impl Bench {
    fn folder(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            // Standard error may be gone; the exit code still tells.
            drop(writeln!(io::stderr(), "error: {error}"));
            ExitCode::from(2)
        }
    }
}

fn run() -> Fallible<ExitCode> {
    let args = Args::parse(std::env::args().skip(1))?;
    if args.help {
        say(args::HELP);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(kind) = args.relay {
        machine::raise_files(65_536);
        relay::serve(kind)?;
        return Ok(ExitCode::SUCCESS);
    }
    let program = match &args.hub {
        Some(program) => program.clone(),
        None => hub::build()?,
    };
    let cores = Cores::find()?;
    machine::pin(cores.load)?;
    let files = machine::raise_files(65_536);
    let machine = machine::describe(cores);
    say(&format!("{machine}; {files} open files at most"));
    // On the disk of the build, not in memory: what is measured is a disk.
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let report = Report::new(machine, args.rounds());
    let mut bench = Bench {
        args,
        cores,
        program,
        scratch,
        report,
    };
    if let Some(time) = bench.args.soak {
        return soak::run(&mut bench, time).map(|()| ExitCode::SUCCESS);
    }
    talk::run(&mut bench)?;
    if bench.args.wants(&["G1"]) {
        crash::run(&mut bench)?;
    }
    crowd::run(&mut bench, files)?;
    rules::run(&mut bench)?;
    past::run(&mut bench)?;
    let report = &bench.report;
    say(&report.table());
    if let Some(file) = &bench.args.json {
        fs::write(file, report.json())?;
    }
    let missed = report.missed();
    if missed > 0 {
        say(&format!("{missed} floors were missed"));
    }
    Ok(ExitCode::from(u8::from(bench.args.gate && missed > 0)))
}

/// A folder that is kept for later runs.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("speed")
        .join(name)
}

fn say(line: &str) {
    // A closed pipe is no reason to stop measuring: the report may go to a file.
    drop(writeln!(io::stdout(), "{line}"));
}
