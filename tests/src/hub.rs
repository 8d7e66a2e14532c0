//! A real hub in a process of its own, on a free port of loopback and a data folder that is removed
//! with it: started, killed, stopped and started again.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;

use server::store::StoreUrl;

use crate::home::Home;
use crate::oracle::{self, Client, Log, acks_of, invariants};
use crate::process::{Exit, Process};
use crate::programs::programs;
use crate::robot::clients_at;

/// What a hub prints, with its address after it, as soon as it accepts connections.
pub const LISTENING: &str = "listening on ";

/// A start may have to repair a store and may share the machine with a whole test run.
const START_MAX: Duration = Duration::from_secs(60);

/// Twice what a hub is allowed to take for its farewells.
const STOP_MAX: Duration = Duration::from_secs(20);

/// How a hub is to be started.
#[derive(Clone, Debug)]
pub struct HubSetup {
    /// The program.
    pub program: PathBuf,
    /// Arguments after `--data DIR --listen ADDRESS`.
    pub args: Vec<String>,
    /// Environment variables on top of a clean environment.
    pub env: Vec<(String, String)>,
    /// Its data folder; one in its home when none.
    pub data: Option<PathBuf>,
}

impl Default for HubSetup {
    fn default() -> Self {
        Self {
            program: programs().hub.clone(),
            args: Vec::new(),
            env: Vec::new(),
            data: None,
        }
    }
}

/// A hub that runs, or that has been ended and can be started again on the same data and port.
#[derive(Debug)]
pub struct HubProcess {
    setup: HubSetup,
    process: Process,
    address: SocketAddr,
    home: Home,
    verdict: Verdict,
}

/// What is judged when a hub goes down for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The hub is alive, and its log keeps every invariant.
    Due,
    /// It was judged, or it cannot be.
    Passed,
}

impl HubProcess {
    /// Starts a hub with nothing but its defaults and waits until it listens.
    ///
    /// # Panics
    /// When it does not listen in time; the message shows what it said.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(HubSetup::default())
    }

    /// Starts a hub as `setup` says and waits until it listens.
    ///
    /// # Panics
    /// When it does not listen in time; the message shows what it said.
    #[track_caller]
    pub fn start_with(setup: HubSetup) -> Self {
        let mut home = Home::new();
        for (name, value) in &setup.env {
            home = home.with_env(name, value);
        }
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let (process, address) = launch(&setup, &home, any_port);
        Self {
            setup,
            process,
            address,
            home,
            verdict: Verdict::Due,
        }
    }

    /// Where it listens; the same after every restart.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as programs take it: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its data folder, which outlives every restart and goes with this value.
    pub fn data(&self) -> PathBuf {
        data_in(&self.setup, &self.home)
    }

    /// The running (or last) process, for its output, signals and exit.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it without a chance to tidy up, and waits until it is gone.
    pub fn kill9(&self) {
        self.process.kill9();
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// When it does not stop in time; the message shows what it said.
    #[track_caller]
    pub fn terminate(&self) -> Exit {
        self.process.signal(Signal::TERM);
        self.process.wait_exit(STOP_MAX)
    }

    /// Sets an environment variable for the next starts.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.home = self.home.clone().with_env(name, value);
    }

    /// Starts it again on the same data and port; one that still runs is asked to stop first.
    ///
    /// # Panics
    /// When it does not stop or listen in time; the message shows what it said.
    #[track_caller]
    pub fn restart(&mut self) {
        self.assert_alive();
        self.terminate();
        (self.process, self.address) = launch(&self.setup, &self.home, self.address);
    }
}

impl HubProcess {
    /// Ends it, if it runs, and judges what it did with what `clients` saw: every invariant that a
    /// log shows. A hub that is dropped is judged the same way, with the robots that were
    /// connected to it.
    ///
    /// # Panics
    /// With every violation, and when the hub had ended by itself.
    #[track_caller]
    pub fn judge(&mut self, clients: &[Client]) -> Log {
        self.verdict = Verdict::Passed;
        self.assert_alive();
        self.process.kill9();
        let log = read(StoreUrl::in_directory(&self.data()));
        let mut others = clients_at(&log.lineage);
        others.retain(|other| {
            clients
                .iter()
                .all(|one| (&one.name, one.id) != (&other.name, other.id))
        });
        let found = invariants(&log, &acks_of(clients), clients);
        oracle::assert_none(&found, "the log and the clients that have heard all of it");
        let found = invariants(&log, &acks_of(&others), &others);
        oracle::assert_none(&found, "the log and every client of it");
        log
    }

    /// Says that its log is no log of a hub any more, because the test has made it so: `why`.
    pub fn unjudged(&mut self, why: &str) {
        crate::report(&format!("not judged: {why}"));
        self.verdict = Verdict::Passed;
    }

    /// Invariant 30: a hub goes on, whatever its clients send.
    #[track_caller]
    fn assert_alive(&self) {
        let failpoint = |(name, _): &(String, String)| name.starts_with("FRONTDESK_FAILPOINT");
        let planned = self.setup.env.iter().any(failpoint);
        if let Some(exit) = self.process.ended_by_itself()
            && !(planned && exit == Exit::Signal(Signal::ABORT.as_raw()))
        {
            panic!(
                "invariant 30: the hub ended by itself, {exit:?}: {}",
                self.process
            );
        }
    }
}

impl Drop for HubProcess {
    fn drop(&mut self) {
        // A test that has failed has something else to say.
        if self.verdict == Verdict::Due && !std::thread::panicking() {
            self.judge(&[]);
        }
    }
}

/// Reads a log on a thread of its own, since a test may be async itself.
#[track_caller]
fn read(url: StoreUrl) -> Log {
    let reading = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime can be made");
        runtime.block_on(Log::read(&url))
    });
    match reading.join() {
        Ok(log) => log,
        Err(failure) => std::panic::resume_unwind(failure),
    }
}

fn data_in(setup: &HubSetup, home: &Home) -> PathBuf {
    let own = || home.path().join("hub");
    setup.data.clone().unwrap_or_else(own)
}

#[track_caller]
fn launch(setup: &HubSetup, home: &Home, listen: SocketAddr) -> (Process, SocketAddr) {
    let listen = listen.to_string();
    let data = data_in(setup, home);
    let own = [
        OsStr::new("--data"),
        data.as_os_str(),
        OsStr::new("--listen"),
        OsStr::new(&listen),
    ];
    let args = own.into_iter().chain(setup.args.iter().map(OsStr::new));
    let mut process = Process::start(home, &setup.program, args);
    process.close_stdin();
    let line = process.wait_line(LISTENING, START_MAX, |line| line.contains(LISTENING));
    let address = line
        .split_once(LISTENING)
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .and_then(|url| url.split_once("://")?.1.parse().ok());
    match address {
        Some(address) => (process, address),
        None => panic!("no address in {line:?} from {process}"),
    }
}
