//! The hub program: arguments, logs, signals, exit code.

use std::{
    env, fs,
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{
    ArgMatches, CommandFactory, FromArgMatches as _, Parser, Subcommand, parser::ValueSource,
};
use clap_complete::CompleteEnv;
use server::{
    Server, StartError,
    assistant::eval,
    config::{Config, Flags},
    demo, make_folder, store, telemetry,
};
use tokio::signal::unix::{SignalKind, signal};

const EXAMPLES: &str = "\
Examples:
  frontdesk-hub demo
  frontdesk-hub --data /var/lib/frontdesk
  frontdesk-hub --listen 0.0.0.0:8470 --tls-cert cert.pem --tls-key key.pem
  frontdesk-hub check backup.redb
  frontdesk-hub restore backup.redb --data /var/lib/frontdesk
  frontdesk-hub assistant eval --data evaluation";

/// The Frontdesk hub: a support desk that lives in the terminal.
#[derive(Parser)]
#[command(name = "frontdesk-hub", version, before_help = EXAMPLES)]
struct Args {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start a sample desk on loopback with simulated customers
    Demo,
    /// Put a backup in place of the desk of a stopped hub
    Restore {
        /// The backup, as `frontdesk-admin backup` wrote it
        file: PathBuf,
        /// Replace a desk that is there
        #[arg(long)]
        force: bool,
    },
    /// Verify a desk file of a stopped hub, or a backup
    Check {
        /// The file [default: DIR/desk.redb]
        file: Option<PathBuf>,
        /// A head that the log had once, to find a past that was written anew or cut short
        #[arg(long, value_name = "POS:HASH")]
        head: Option<store::Head>,
    },
    /// What works on the assistant without a desk
    Assistant {
        #[command(subcommand)]
        command: AssistantCommand,
    },
}

#[derive(Subcommand)]
enum AssistantCommand {
    /// Measure the assistant on labelled data against its floors
    Eval {
        /// Folder of the labelled data [env: FRONTDESK_EVAL_DIR]
        // Hides the folder of the desk, which is not used here.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Measure one data set alone
        #[arg(long, value_name = "NAME")]
        set: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    CompleteEnv::with_factory(Args::command)
        .var("FRONTDESK_COMPLETE")
        .complete();
    let matches = Args::command().get_matches();
    let args = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    store::hush_damage();
    // Files of the hub are for its user only, whatever the shell's mask.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let outcome = match args.command {
        Some(Command::Restore { file, force }) => restore(&args.flags, &file, force),
        Some(Command::Check { file, head }) => check(&args.flags, file, head),
        Some(Command::Assistant { command }) => match command {
            AssistantCommand::Eval { data, set, json } => {
                // A desk's folder in the environment is not the one that is meant.
                let folder = data.filter(|_| is_typed(&matches, "data"));
                evaluate(folder, set.as_deref(), json)
            }
        },
        Some(Command::Demo) => run(demo::flags(args.flags), true),
        None => run(args.flags, false),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err((sentence, code)) => {
            // Standard error may be gone; the exit code still tells.
            drop(writeln!(io::stderr(), "error: {sentence}"));
            ExitCode::from(code)
        }
    }
}

/// One sentence and the exit code.
type Failure = (String, u8);

fn usage(error: impl ToString) -> Failure {
    (error.to_string(), 2)
}

fn failed(error: StartError) -> Failure {
    let code = error.exit_code();
    (error.to_string(), code)
}

fn broken(error: store::StoreError) -> Failure {
    failed(error.into())
}

fn restore(flags: &Flags, file: &Path, force: bool) -> Result<u8, Failure> {
    let config = Config::load(flags).map_err(usage)?;
    make_folder(&config.data).map_err(failed)?;
    store::restore(&config.data, file, force).map_err(broken)?;
    say(&format!(
        "restored {} into {}; clients will fetch their view anew",
        file.display(),
        config.data.display()
    ))?;
    Ok(0)
}

fn check(flags: &Flags, file: Option<PathBuf>, head: Option<store::Head>) -> Result<u8, Failure> {
    let file = match file {
        Some(file) => file,
        None => Config::load(flags).map_err(usage)?.data.join("desk.redb"),
    };
    let report = store::check_against(&file, head).map_err(broken)?;
    for problem in &report.problems {
        say(&format!("problem: {problem}"))?;
    }
    let erased = match report.erased {
        0 => String::new(),
        erased => format!(", {erased} erased"),
    };
    say(&format!(
        "{}: {} records in {} chats{erased}, head {}, {} problems",
        file.display(),
        report.records,
        report.chats,
        report.head.map_or(0, |head| head.pos.0),
        report.problems.len()
    ))?;
    Ok(if report.problems.is_empty() { 0 } else { 65 })
}

/// Whether an argument of the innermost command was typed.
fn is_typed(matches: &ArgMatches, id: &str) -> bool {
    match matches.subcommand() {
        Some((_, inner)) => is_typed(inner, id),
        None => matches.value_source(id) == Some(ValueSource::CommandLine),
    }
}

fn evaluate(folder: Option<PathBuf>, set: Option<&str>, json: bool) -> Result<u8, Failure> {
    let folder = folder
        .or_else(|| env::var_os(eval::FOLDER_VARIABLE).map(PathBuf::from))
        .ok_or_else(|| {
            usage(format!(
                "no evaluation data; give its folder with --data DIR or {}",
                eval::FOLDER_VARIABLE
            ))
        })?;
    let report = match set {
        Some(set) => eval::Report::of_set(&folder, set),
        None => env::current_exe()
            .map_err(|error| (format!("cannot find this program: {error}"), 70))
            .map(|program| eval::Report::of_all(&folder, &program))?,
    };
    let report = report.map_err(|error| (error.to_string(), error.exit_code()))?;
    if json {
        let text = serde_json::to_string(&report).map_err(|error| (error.to_string(), 70))?;
        say(&text)?;
    } else {
        say(&report.table())?;
    }
    Ok(u8::from(!report.is_good()))
}

fn run(flags: Flags, demo: bool) -> Result<u8, Failure> {
    let config = Config::load(&flags).map_err(usage)?;
    telemetry::start(&config).map_err(usage)?;
    store::hush_damage();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| (format!("no runtime: {error}"), 1))?;
    runtime.block_on(serve(config, demo))
}

async fn serve(config: Config, demo: bool) -> Result<u8, Failure> {
    let cannot = |error: io::Error| (format!("cannot listen to signals: {error}"), 1);
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(cannot)?;

    let data = config.data.clone();
    if demo && config.assistant.kb.is_none() {
        make_folder(&data).map_err(failed)?;
        demo::write_knowledge(&data)
            .map_err(|error| (format!("cannot write in {}: {error}", data.display()), 73))?;
    }
    let server = Server::new(config).await.map_err(failed)?;
    let listener = server.bind().await.map_err(failed)?;
    let address = listener
        .local_addr()
        .map_err(|error| (format!("no address: {error}"), 69))?;
    server.listen(listener);
    announce(&data, &server, address, demo)?;
    let sample = demo.then(|| demo::start(&data, address, server.assistant().clone()));

    let code = loop {
        tokio::select! {
            // The demo belongs to its terminal; a hub reads its certificate again.
            _ = hangup.recv() => if demo { break 0 } else { server.reload() },
            _ = terminate.recv() => break 0,
            _ = interrupt.recv() => break 0,
            () = server.failed() => break 74,
        }
    };
    if let Some(sample) = sample {
        sample.stop();
    }
    // A second signal means now: what was acknowledged is on disk already.
    tokio::select! {
        () = server.shutdown() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    if let Err(error) = fs::remove_file(data.join("listen")) {
        tracing::debug!(%error, "no listen file to remove");
    }
    Ok(code)
}

/// Says where the hub listens, to the terminal and to scripts, and how to begin.
fn announce(data: &Path, server: &Server, address: SocketAddr, demo: bool) -> Result<(), Failure> {
    let file = data.join("listen");
    let fresh = data.join("listen.tmp");
    fs::write(&fresh, format!("{address}\n"))
        .and_then(|()| fs::rename(&fresh, &file))
        .map_err(|error| (format!("cannot write {}: {error}", file.display()), 73))?;
    let scheme = if server.has_tls() { "https" } else { "http" };
    say(&format!("listening on {scheme}://{address}"))?;
    // The demo uses the code itself.
    if demo {
        return Ok(());
    }
    if let Some(path) = server.accounts().setup_code_file() {
        say(&format!(
            "this desk has no owner yet; the setup code is in {}",
            path.display()
        ))?;
    }
    Ok(())
}

fn say(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| (format!("cannot write to standard output: {error}"), 1))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Args, EXAMPLES};

    #[test]
    fn every_example_of_the_help_is_sound() {
        Args::command().debug_assert();
        for example in EXAMPLES.lines().skip(1) {
            let parsed = Args::try_parse_from(example.split_whitespace());
            assert!(parsed.is_ok(), "{example}");
        }
    }
}
