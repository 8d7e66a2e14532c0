//! One day from one seed: people work while things go wrong, then everything is put right, and
//! when all have come to rest they are held against the log.

use std::{
    cell::{Cell, RefCell},
    fmt,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use server::{Server, hub::Hub, store::Part};
use shared::{id::Pos, machine};
use tests::seed::{Rng, Seed};
use tokio::time::interval;
use turmoil::{Builder, Sim};

use crate::{
    client::{Actor, Clockwork, HUB},
    faults::{Count, Faults, HubMachine, copy},
    judge,
    site::{AGENTS_MAX, BEGIN_S, CUSTOMERS_MAX, Door, config, template},
    wire::Wires,
};

/// Steps of the simulation that people work, on most days and on every eighth; a step of 5 to
/// 40 ms makes 2 to 60 s of them.
const WORK_STEPS: u32 = 400;
const WORK_STEPS_LONG: u32 = 1_500;
/// How often everybody is asked for something harmless until the log stands still.
const ROUNDS_MAX: u32 = 8;
/// The longest that coming to rest may take: a dead connection is noticed after 45 s, and the
/// next try comes after 30 s at most.
const REST_WITHIN: Duration = Duration::from_secs(240);
/// A hub that gave up is started again after this.
const SUPERVISOR_PAUSE: Duration = Duration::from_secs(1);
/// The slowest and the fastest way.
const LATENCY_MIN: Duration = Duration::from_millis(1);
const LATENCY_MAX: Duration = Duration::from_millis(80);

/// One seed.
pub(crate) struct Day {
    seed: u64,
}

/// What came of it.
pub(crate) struct Done {
    /// What is wrong; nothing, if all is well.
    pub(crate) wrong: Vec<String>,
    /// What happened, in order.
    pub(crate) trace: Vec<String>,
    pub(crate) figures: Figures,
}

/// Days, added up.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) days: u64,
    pub(crate) simulated_s: u64,
    pub(crate) accepted: u64,
    pub(crate) records: u64,
    pub(crate) connects: u64,
    pub(crate) resumed: u64,
    pub(crate) lost: u64,
    pub(crate) double: u64,
    pub(crate) phantom: u64,
    pub(crate) faults: Count,
}

impl Figures {
    pub(crate) fn add(&mut self, other: &Self) {
        self.days += other.days;
        self.simulated_s += other.simulated_s;
        self.accepted += other.accepted;
        self.records += other.records;
        self.connects += other.connects;
        self.resumed += other.resumed;
        self.lost += other.lost;
        self.double += other.double;
        self.phantom += other.phantom;
        self.faults.kills += other.faults.kills;
        self.faults.power_cuts += other.faults.power_cuts;
        self.faults.crashes += other.faults.crashes;
        self.faults.cuts += other.faults.cuts;
        self.faults.disk_failures += other.faults.disk_failures;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = &self.faults;
        write!(
            f,
            "F13: days={} simulated_s={} kills={} power_cuts={} disk_failures={} \
             client_crashes={} partitions={} connects={} records={} accepted={} lost={} \
             duplicate={} phantom={}",
            self.days,
            self.simulated_s,
            faults.kills,
            faults.power_cuts,
            faults.disk_failures,
            faults.crashes,
            faults.cuts,
            self.connects,
            self.records,
            self.accepted,
            self.lost,
            self.double,
            self.phantom
        )
    }
}

/// The world of a day.
struct World {
    sim: Sim<'static>,
    hub: Rc<HubMachine>,
    actors: Vec<Rc<Actor>>,
    clockwork: Rc<Clockwork>,
    faults: Faults,
}

impl Day {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    pub(crate) fn run(&self) -> Done {
        let wall = || Duration::from_secs(BEGIN_S) + turmoil::sim_elapsed().unwrap_or_default();
        let _machine = machine::simulate(self.seed, wall);
        let folder = memory_folder();
        let (mut world, work) = self.world(folder.path());
        let mut wrong = Vec::new();
        while world.sim.elapsed() < work && wrong.is_empty() {
            let now = world.sim.elapsed();
            world.faults.step(&mut world.sim, now);
            wrong.extend(world.step());
        }
        world.clockwork.is_working.set(false);
        world.faults.end(&mut world.sim);
        if wrong.is_empty() {
            wrong.extend(world.come_to_rest().err());
        }
        world.done(wrong)
    }

    fn world(&self, folder: &Path) -> (World, Duration) {
        let seed = Seed::new(self.seed);
        let mut rng = seed.derive("shape").rng();
        let tick = Duration::from_millis(*rng.pick(&[5, 10, 20, 40]));
        let work = match self.seed % 8 {
            0 => tick * WORK_STEPS_LONG,
            _ => tick * WORK_STEPS,
        };
        let mut sim = Builder::new()
            .tick_duration(tick)
            .simulation_duration(Duration::from_secs(3_600))
            .min_message_latency(LATENCY_MIN)
            .max_message_latency(LATENCY_MAX)
            .enable_random_order()
            .rng_seed(self.seed)
            .build();
        let hub = Rc::new(HubMachine::default());
        *hub.disk.borrow_mut() = copy(&template().disk);
        let machine = Rc::clone(&hub);
        sim.host(HUB.0, move || keep_serving(Rc::clone(&machine)));
        let clockwork = Rc::new(Clockwork {
            is_working: Cell::new(true),
            pause: work / 6,
            round: Cell::new(0),
            trace: RefCell::default(),
        });
        let actors = actors(&mut rng, seed, folder, &clockwork);
        let mut machines = Vec::new();
        let count = rng.within(2..=4) as usize;
        for index in 0..count {
            let here = actors.iter().skip(index).step_by(count);
            let here: Vec<_> = here.cloned().collect();
            let name = format!("machine-{index}");
            let wires = Wires::default();
            let own = wires.clone();
            sim.host(name.as_str(), move || {
                let (here, wires) = (here.clone(), own.clone());
                async move {
                    let _power = wires.power();
                    for actor in here {
                        drop(tokio::task::spawn_local(actor.live(wires.clone())));
                    }
                    std::future::pending().await
                }
            });
            machines.push((name, wires));
        }
        let faults = Faults::new(seed.derive("faults").rng(), work, machines, &hub);
        let world = World {
            sim,
            hub,
            actors,
            clockwork,
            faults,
        };
        (world, work)
    }
}

impl World {
    /// One step of everybody; what is wrong when a program ends by itself.
    fn step(&mut self) -> Option<String> {
        let stepped = self.sim.step();
        stepped
            .err()
            .map(|error| format!("a program ended: {error}"))
    }

    /// Has everybody ask for something harmless, again and again, until the log stands still
    /// meanwhile: then everybody has all there is.
    fn come_to_rest(&mut self) -> Result<(), String> {
        let until = self.sim.elapsed() + REST_WITHIN;
        for round in 1..=ROUNDS_MAX {
            self.clockwork.round.set(round);
            let before = self.head();
            while !self.actors.iter().all(|actor| actor.is_at_rest()) {
                if self.sim.elapsed() >= until {
                    let restless = self.actors.iter().filter(|actor| !actor.is_at_rest());
                    let names: Vec<_> = restless.map(|actor| actor.person.name.as_str()).collect();
                    return Err(format!("not at rest: {}", names.join(", ")));
                }
                if let Some(error) = self.step() {
                    return Err(error);
                }
            }
            if before.is_some() && before == self.head() {
                return Ok(());
            }
        }
        Err(format!("the log goes on after {ROUNDS_MAX} rounds"))
    }

    fn head(&self) -> Option<Pos> {
        let store = self.hub.store.borrow();
        store.as_ref().map(|store| store.head(Part::MAIN).0)
    }

    fn done(self, mut wrong: Vec<String>) -> Done {
        let verdict = judge::judge(&self.hub.disk.borrow(), &self.actors);
        // A day that did not come to rest is judged all the same: that may say why.
        wrong.extend(verdict.wrong);
        let mut figures = verdict.figures;
        figures.days = 1;
        figures.simulated_s = self.sim.elapsed().as_secs();
        figures.faults = self.faults.count;
        let mut trace = self.clockwork.trace.take();
        trace.extend(verdict.log);
        Done {
            wrong,
            trace,
            figures,
        }
    }
}

/// The hub's machine: starts the hub, and starts it again when it gave up.
async fn keep_serving(machine: Rc<HubMachine>) -> turmoil::Result {
    let _power = machine.wires.power();
    let mut pauses = interval(SUPERVISOR_PAUSE);
    loop {
        pauses.tick().await;
        // Why it could not start is in the next start: it reads the same disk.
        drop(serve(&machine).await);
    }
}

/// The hub's process.
async fn serve(machine: &HubMachine) -> turmoil::Result {
    let store = machine.disk.borrow().store()?;
    *machine.store.borrow_mut() = Some(store.clone());
    let hub = Hub::start_in_runtime(store).await?;
    let server = Server::over(hub, config()).await?;
    let listener = turmoil::net::TcpListener::bind(("0.0.0.0", HUB.1)).await?;
    server.listen(Door {
        listener,
        wires: machine.wires.clone(),
    });
    server.failed().await;
    server.shutdown().await;
    Ok(())
}

fn actors(rng: &mut Rng, seed: Seed, folder: &Path, clockwork: &Rc<Clockwork>) -> Vec<Rc<Actor>> {
    let template = template();
    let customers = rng.within(3..=CUSTOMERS_MAX as u64) as usize;
    let agents = rng.within(2..=AGENTS_MAX as u64) as usize;
    let people = template.customers[..customers]
        .iter()
        .chain(&template.agents[..agents])
        .chain([&template.owner]);
    let actor = |person: &crate::site::Person| {
        let outbox: PathBuf = folder.join(format!("{}.ndjson", person.name));
        let rng = seed.derive(&person.name).rng();
        Rc::new(Actor::new(person.clone(), outbox, rng, clockwork))
    };
    people.map(actor).collect()
}

/// A folder in memory where there is one: an outbox syncs each line, which is not what is tested.
fn memory_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    made.expect("a folder")
}
