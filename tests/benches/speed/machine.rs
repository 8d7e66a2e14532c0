//! The machine: its cores, what runs on them, and what the kernel counts of a process.

use std::{collections::BTreeMap, fs, io, time::Instant};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

/// More noise than this makes a round worthless.
pub(crate) const NOISE_MAX: f64 = 0.05;

/// Which core is whose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// The hub's, and that of every limit it is compared with.
    pub(crate) hub: usize,
    /// The load generator's; the same one on a machine with one core.
    pub(crate) load: usize,
}

impl Cores {
    /// The first and the last core that this process may use.
    pub(crate) fn find() -> io::Result<Self> {
        let set = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core));
        let hub = cores.next().unwrap_or(0);
        let load = cores.next_back().unwrap_or(hub);
        Ok(Self { hub, load })
    }

    pub(crate) const fn is_one(self) -> bool {
        self.hub == self.load
    }

    /// Runs `work` on the hub's core; children that it starts stay there.
    pub(crate) fn on_hub<T>(self, work: impl FnOnce() -> T) -> io::Result<T> {
        pin(self.hub)?;
        let done = work();
        pin(self.load)?;
        Ok(done)
    }
}

/// Keeps the calling thread on one core.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set)?;
    Ok(())
}

/// Raises the limit of open files as far as it goes.
pub(crate) fn raise_files(wanted: u64) -> u64 {
    let now = getrlimit(Resource::Nofile);
    let ask = |maximum: Option<u64>| {
        let current = maximum.map_or(wanted, |maximum| maximum.min(wanted));
        let limit = Rlimit {
            current: Some(current),
            maximum,
        };
        setrlimit(Resource::Nofile, limit).is_ok()
    };
    let higher = now.maximum.map(|maximum| maximum.max(wanted));
    if !ask(higher) {
        ask(now.maximum);
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// What a process has used since it began, in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Usage {
    at: Instant,
    pid: u32,
    core: usize,
    threads: BTreeMap<u32, (u64, u64)>,
    load: (u64, u64),
    busy_ticks: u64,
}

/// What happened between two looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    /// The share of time in which others kept the hub's core, or this generator waited for its own.
    pub(crate) noise: f64,
}

impl Usage {
    /// Looks at the process `pid`, which runs on `core`, and at this one.
    pub(crate) fn of(pid: u32, core: usize) -> io::Result<Self> {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
            let entry = entry?;
            let Ok(id) = entry.file_name().to_string_lossy().parse() else {
                continue;
            };
            // A thread may end between the two looks.
            if let Some(times) = schedstat(&format!("/proc/{pid}/task/{id}/schedstat")) {
                threads.insert(id, times);
            }
        }
        Ok(Self {
            at: Instant::now(),
            pid,
            core,
            threads,
            load: schedstat("/proc/thread-self/schedstat").unwrap_or_default(),
            busy_ticks: busy_ticks(core),
        })
    }

    /// What was spent since.
    pub(crate) fn spent(&self) -> io::Result<Spent> {
        let now = Self::of(self.pid, self.core)?;
        let cpu: u64 = now
            .threads
            .iter()
            .map(|(id, (ran, _))| ran - self.threads.get(id).map_or(0, |before| before.0))
            .sum();
        let seconds = (now.at - self.at).as_secs_f64();
        let cpu_seconds = nanos(cpu);
        let busy = ticks(now.busy_ticks - self.busy_ticks);
        // The kernel counts in ticks of 10 ms; one more or less says nothing.
        let foreign = (busy - cpu_seconds - 0.02).max(0.0);
        let waited = nanos(now.load.1 - self.load.1);
        Ok(Spent {
            seconds,
            cpu_seconds,
            noise: foreign.max(waited) / seconds,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share to look at")]
fn nanos(count: u64) -> f64 {
    count as f64 / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "a share to look at")]
fn ticks(count: u64) -> f64 {
    count as f64 / 100.0
}

/// Time on a core and time spent waiting for one.
fn schedstat(path: &str) -> Option<(u64, u64)> {
    let text = fs::read_to_string(path).ok()?;
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Ticks in which `core` ran programs; interrupts are work of the network, which is the load's.
fn busy_ticks(core: usize) -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let name = format!("cpu{core} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    let numbers: Vec<u64> = line
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect();
    // user, nice, system, and what the host took away.
    [0, 1, 2, 7]
        .iter()
        .filter_map(|column| numbers.get(*column))
        .sum()
}

/// Memory of a process that is its own, in KiB, and how many files it has open.
pub(crate) fn memory_and_files(pid: u32) -> (u64, usize) {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let rss = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = rss.and_then(|line| line.split_whitespace().next()?.parse().ok());
    let files = fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    (kib.unwrap_or(0), files)
}

/// What the machine is, in a line.
pub(crate) fn describe(cores: Cores) -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model
        .and_then(|line| line.split_once(": "))
        .map_or("", |(_, name)| name);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("?").to_owned();
    let place = if cores.is_one() {
        format!(
            "hub and load share core {}: every figure is worse for it",
            cores.hub
        )
    } else {
        format!("hub on core {}, load on core {}", cores.hub, cores.load)
    };
    format!("{model}; {place}; load average {load}")
}
