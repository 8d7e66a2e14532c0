//! What goes wrong on a day, and when it is put right again.

use std::{cell::RefCell, rc::Rc, time::Duration};

use server::store::{Disk, Left, Store};
use tests::seed::Rng;
use turmoil::Sim;

use crate::{client::HUB, wire::Wires};

/// The hub's machine: its disk, and the store that is open on it.
#[derive(Default)]
pub(crate) struct HubMachine {
    pub(crate) disk: RefCell<Disk>,
    pub(crate) store: RefCell<Option<Store>>,
    pub(crate) wires: Wires,
}

/// How the way between a machine and the hub is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Nothing gets through, and what was under way is lost.
    Cut,
    /// Nothing gets to the hub, or nothing from it.
    CutTo,
    CutFrom,
    /// Everything waits, and then comes at once.
    Held,
}

struct Machine {
    name: String,
    wires: Wires,
    way: Way,
    /// When the way changes again.
    until: Duration,
    /// How often it still changes from cut to open.
    flaps: u64,
    /// When it starts again, while it is down.
    down_until: Option<Duration>,
}

/// How the hub's machine goes down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Crash {
    /// The process is killed; the disk has what was written.
    Kill,
    /// The power goes; of what was not synced anything may be lost.
    PowerCut,
}

/// What happened, for the figures.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) kills: u64,
    pub(crate) power_cuts: u64,
    pub(crate) crashes: u64,
    pub(crate) cuts: u64,
    pub(crate) disk_failures: u64,
}

/// The faults of one day.
pub(crate) struct Faults {
    rng: Rng,
    /// The time that people work on this day.
    work: Duration,
    machines: Vec<Machine>,
    next_at: Duration,
    hub_down_until: Option<Duration>,
    /// The disk is about to fail: by then at the latest, and whether the power goes with it.
    doomed_until: Option<(Duration, bool)>,
    hub: Rc<HubMachine>,
    pub(crate) count: Count,
}

impl Faults {
    pub(crate) fn new(
        mut rng: Rng,
        work: Duration,
        machines: Vec<(String, Wires)>,
        hub: &Rc<HubMachine>,
    ) -> Self {
        let machine = |(name, wires)| Machine {
            name,
            wires,
            way: Way::Open,
            until: Duration::ZERO,
            flaps: 0,
            down_until: None,
        };
        Self {
            next_at: ms(rng.within(500..=1_500)),
            rng,
            work,
            machines: machines.into_iter().map(machine).collect(),
            hub_down_until: None,
            doomed_until: None,
            hub: Rc::clone(hub),
            count: Count::default(),
        }
    }

    /// Puts right what is due, and lets the next thing go wrong when it is time.
    pub(crate) fn step(&mut self, sim: &mut Sim<'_>, now: Duration) {
        self.put_right(sim, now);
        if let Some((until, with_power)) = self.doomed_until {
            let failed = self.hub.disk.borrow().has_failed();
            if failed || now >= until {
                self.hub.disk.borrow().mend();
                self.doomed_until = None;
                if failed && with_power {
                    self.crash_hub(sim, now, Crash::PowerCut);
                }
            }
        }
        if now >= self.next_at {
            // About a dozen a day, however long it is.
            self.next_at = now + self.work.mul_f64(self.rng.within(2..=16) as f64 / 100.0);
            self.go_wrong(sim, now);
        }
    }

    /// Ends every fault.
    pub(crate) fn end(&mut self, sim: &mut Sim<'_>) {
        self.hub.disk.borrow().mend();
        self.doomed_until = None;
        for machine in &mut self.machines {
            machine.flaps = 0;
            machine.until = Duration::ZERO;
            machine.down_until = machine.down_until.map(|_| Duration::ZERO);
        }
        self.hub_down_until = self.hub_down_until.map(|_| Duration::ZERO);
        self.put_right(sim, Duration::ZERO);
    }

    fn put_right(&mut self, sim: &mut Sim<'_>, now: Duration) {
        if self.hub_down_until.is_some_and(|until| until <= now) {
            self.hub_down_until = None;
            sim.bounce(HUB.0);
        }
        for machine in &mut self.machines {
            let name = machine.name.as_str();
            if machine.down_until.is_some_and(|until| until <= now) {
                machine.down_until = None;
                sim.bounce(name);
            }
            if machine.until > now {
                continue;
            }
            match std::mem::replace(&mut machine.way, Way::Open) {
                Way::Open if machine.flaps > 0 => {
                    machine.flaps -= 1;
                    machine.way = Way::Cut;
                    machine.until = now + ms(self.rng.within(20..=400));
                    sim.partition(name, HUB.0);
                    continue;
                }
                Way::Open => continue,
                Way::Cut => sim.repair(name, HUB.0),
                Way::CutTo => sim.repair_oneway(name, HUB.0),
                Way::CutFrom => sim.repair_oneway(HUB.0, name),
                Way::Held => sim.release(name, HUB.0),
            }
            machine.until = now + ms(self.rng.within(50..=800));
        }
    }

    fn go_wrong(&mut self, sim: &mut Sim<'_>, now: Duration) {
        let long = self.work.mul_f64(self.rng.within(1..=50) as f64 / 100.0);
        let brief = ms(self.rng.within(50..=3_000));
        let lasts = if self.rng.chance(30) { long } else { brief };
        let which = self.rng.within(0..=self.machines.len() as u64 - 1) as usize;
        match self.rng.within(0..=99) {
            0..=14 => self.crash_hub(sim, now, Crash::Kill),
            15..=24 => self.crash_hub(sim, now, Crash::PowerCut),
            25..=39 => self.doom(now),
            40..=52 => self.crash(sim, which, now + brief),
            fault => {
                let machine = &mut self.machines[which];
                if machine.way != Way::Open || machine.flaps > 0 {
                    return;
                }
                self.count.cuts += 1;
                let name = machine.name.as_str();
                machine.until = now + lasts;
                machine.way = match fault {
                    53..=64 => {
                        sim.partition(name, HUB.0);
                        Way::Cut
                    }
                    65..=72 => {
                        sim.partition_oneway(name, HUB.0);
                        Way::CutTo
                    }
                    73..=80 => {
                        sim.partition_oneway(HUB.0, name);
                        Way::CutFrom
                    }
                    81..=90 => {
                        sim.hold(name, HUB.0);
                        Way::Held
                    }
                    _ => {
                        machine.flaps = self.rng.within(2..=8);
                        machine.until = now;
                        Way::Open
                    }
                };
            }
        }
    }

    /// The disk fails in one of its next operations; in half of the cases the power goes then.
    fn doom(&mut self, now: Duration) {
        if self.hub_down_until.is_none() && self.doomed_until.is_none() {
            self.count.disk_failures += 1;
            let after = self.rng.within(0..=60);
            let with_power = self.rng.chance(50);
            let disk = self.hub.disk.borrow();
            match with_power {
                true => disk.cut_power_after(after as i64),
                false => disk.fail_after(after as i64),
            }
            self.doomed_until = Some((now + Duration::from_secs(3), with_power));
        }
    }

    fn crash(&mut self, sim: &mut Sim<'_>, which: usize, until: Duration) {
        let machine = &mut self.machines[which];
        if machine.down_until.is_none() {
            self.count.crashes += 1;
            machine.down_until = Some(until);
            machine.wires.crash();
            sim.crash(machine.name.as_str());
        }
    }

    fn crash_hub(&mut self, sim: &mut Sim<'_>, now: Duration, crash: Crash) {
        if self.hub_down_until.is_some() {
            return;
        }
        self.doomed_until = None;
        let rng = &mut self.rng;
        let left = match crash {
            Crash::Kill => {
                self.count.kills += 1;
                copy(&self.hub.disk.borrow())
            }
            Crash::PowerCut => {
                self.count.power_cuts += 1;
                let left = *rng.pick(&[Left::Nothing, Left::Some, Left::Torn]);
                let choose = |below| rng.within(0..=below - 1);
                self.hub.disk.borrow().after_power_cut(left, choose)
            }
        };
        // A machine without power says nothing; a killed process closes its connections.
        let is_silent = crash == Crash::PowerCut;
        let open = |machine: &&Machine| machine.way == Way::Open;
        let silenced: Vec<_> = self.machines.iter().filter(open).collect();
        if is_silent {
            for machine in &silenced {
                sim.partition(machine.name.as_str(), HUB.0);
            }
        }
        self.hub.wires.crash();
        sim.crash(HUB.0);
        if is_silent {
            for machine in &silenced {
                sim.repair(machine.name.as_str(), HUB.0);
            }
        }
        // Not before the crash: what closes the store writes to the disk that is gone.
        *self.hub.store.borrow_mut() = None;
        *self.hub.disk.borrow_mut() = left;
        self.hub_down_until = Some(now + ms(self.rng.within(50..=5_000)));
    }
}

/// The same bytes on another disk.
pub(crate) fn copy(disk: &Disk) -> Disk {
    disk.after_power_cut(Left::Some, |_| 2)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
