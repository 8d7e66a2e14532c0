//! Several want one chat at once, and time wants it too: whatever the order, one wins.

use std::time::Duration;

use shared::{
    command::{Command, DepartmentRef, UserRef},
    error::ErrorCode,
    event::Event,
    id::{ChatId, DepartmentId, Epoch, UserId},
    model::AgentStatus,
};

use super::sim::{ANA, BEN, HOUR, SECOND, Sim, customer, post, status, user};
use crate::desk::Who;

const SUE: u64 = 3;
const CID: u64 = 6;
/// Random races of one run, and of a long one.
const RACES: u64 = 2_000;
const RACES_LONG: u64 = 100_000;

/// One who wants something of the chat, as they saw it when the race began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Claim(u64),
    Assign(u64),
    TakeOver,
    Transfer,
    TransferToAgent(u64),
    CloseSeen,
    /// Without an epoch: whoever has the chat, or its customer.
    Resolve,
    Reopen,
    Hold,
    Wake,
    Say,
    SayAsCustomer,
    Online(u64),
    Lose(u64),
    Regain(u64),
    /// So long nothing happens but what falls due.
    Pass(Duration),
}

/// A chat that several want.
struct Race {
    sim: Sim,
    chat: ChatId,
    /// What everybody saw.
    seen: Epoch,
    customer: Who,
    /// Who got what they wanted by the epoch they saw, time among them.
    winners: Vec<String>,
    steps: Vec<Step>,
}

impl Race {
    fn new(sim: Sim, chat: ChatId) -> Self {
        let found = sim.desk.chat(chat).expect("it was just opened");
        Self {
            seen: found.epoch,
            customer: customer(found.customer),
            sim,
            chat,
            winners: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn epoch(&self) -> Option<Epoch> {
        self.sim.desk.chat(self.chat).map(|chat| chat.epoch)
    }

    fn owner(&self) -> Option<u64> {
        Some(self.sim.desk.chat(self.chat)?.owner?.0)
    }

    /// Does a step. The laws of the desk are checked by [`Sim`]; here, that an epoch that was
    /// seen wins once.
    fn step(&mut self, step: Step) {
        self.steps.push(step);
        let (before, first) = (self.epoch(), self.sim.log.len());
        let command = match self.command(step) {
            Ok((who, command)) => {
                let done = self.sim.act(&who, &command);
                if let Err(rejection) = &done
                    && carries_epoch(step)
                    && before.is_some_and(|epoch| epoch != self.seen)
                {
                    let code = rejection.code();
                    let told = matches!(
                        code,
                        ErrorCode::Conflict
                            | ErrorCode::ChatClosed
                            | ErrorCode::Forbidden
                            | ErrorCode::NotFound
                    );
                    assert!(
                        told || code == ErrorCode::NotMember,
                        "{code:?}: {:?}",
                        self.steps
                    );
                }
                done.is_ok_and(|records| !records.is_empty())
            }
            Err(pass) => {
                self.sim.pass(pass);
                false
            }
        };
        let moved = before == Some(self.seen) && self.epoch() != before;
        if carries_epoch(step) && command {
            assert_eq!(
                before,
                Some(self.seen),
                "a stale epoch won: {:?}",
                self.steps
            );
            assert!(moved, "it won and nothing moved: {:?}", self.steps);
        }
        if moved {
            self.winners.push(format!("{step:?}"));
        }
        self.check_owners(first);
    }

    /// Nobody gets the chat while another has it, unless the record before takes it away.
    fn check_owners(&self, first: usize) {
        let mut epoch = None;
        for record in &self.sim.log[first..] {
            if record.chat != Some(self.chat) {
                continue;
            }
            if let Event::ChatAssigned { epoch: next, .. } = &record.event {
                assert!(
                    epoch < Some(*next),
                    "two owners in one epoch: {:?}",
                    self.steps
                );
                epoch = Some(*next);
            }
        }
    }

    fn command(&self, step: Step) -> Result<(Who, Command), Duration> {
        let (chat, epoch) = (self.chat, self.seen);
        let transfer = |department, agent| Command::Transfer {
            chat,
            department,
            agent,
            note: None,
            epoch,
        };
        let agent = |id| UserRef::Id(UserId(id));
        let holder = user(self.owner().unwrap_or(ANA));
        let presence = Who::System("presence");
        Ok(match step {
            Step::Claim(id) => (user(id), Command::Claim { chat, epoch }),
            Step::Assign(id) => {
                let agent = agent(id);
                (user(SUE), Command::Assign { chat, agent, epoch })
            }
            Step::TakeOver => (user(SUE), Command::TakeOver { chat, epoch }),
            Step::Transfer => {
                let department = DepartmentRef::Id(DepartmentId(2));
                (user(SUE), transfer(Some(department), None))
            }
            Step::TransferToAgent(id) => (user(SUE), transfer(None, Some(agent(id)))),
            Step::CloseSeen => {
                let epoch = Some(epoch);
                (user(1), Command::Close { chat, epoch })
            }
            Step::Resolve => (holder, Command::Resolve { chat }),
            Step::Reopen => (self.customer.clone(), Command::Reopen { chat }),
            Step::Hold => (holder, Command::Hold { chat }),
            Step::Wake => (holder, Command::Wake { chat }),
            Step::Say => (holder, post(chat, "here I am")),
            Step::SayAsCustomer => (self.customer.clone(), post(chat, "and now?")),
            Step::Online(id) => (user(id), status(AgentStatus::Online)),
            Step::Lose(id) => (presence, Command::LoseAgent { user: UserId(id) }),
            Step::Regain(id) => (presence, Command::RegainAgent { user: UserId(id) }),
            Step::Pass(duration) => return Err(duration),
        })
    }
}

const fn carries_epoch(step: Step) -> bool {
    matches!(
        step,
        Step::Claim(_)
            | Step::Assign(_)
            | Step::TakeOver
            | Step::Transfer
            | Step::TransferToAgent(_)
            | Step::CloseSeen
    )
}

/// A chat waits; Ben and Cid are connected and take nothing by themselves.
fn waiting() -> Race {
    let mut sim = Sim::staffed();
    for id in [BEN, CID, SUE] {
        sim.online(id);
        sim.must(&user(id), status(AgentStatus::Busy));
    }
    let (chat, _) = sim.open(1);
    Race::new(sim, chat)
}

/// Ana has a chat and is gone; Ben is there, and busy.
fn lost() -> Race {
    let mut sim = Sim::staffed();
    sim.online(ANA);
    let (chat, _) = sim.open(1);
    for id in [BEN, SUE] {
        sim.online(id);
        sim.must(&user(id), status(AgentStatus::Busy));
    }
    let user = UserId(ANA);
    sim.must(&Who::System("presence"), Command::LoseAgent { user });
    Race::new(sim, chat)
}

/// Ana holds a chat and has gone offline, so that waking it gives it back.
fn held() -> Race {
    let mut sim = Sim::staffed();
    let ana = sim.online(ANA);
    let (chat, _) = sim.open(1);
    sim.must(&ana, Command::Hold { chat });
    for id in [BEN, SUE] {
        sim.online(id);
        sim.must(&user(id), status(AgentStatus::Busy));
    }
    Race::new(sim, chat)
}

/// A chat is over, and closes by itself after a while.
fn resolved() -> Race {
    let mut sim = Sim::staffed();
    let ana = sim.online(ANA);
    let (chat, _) = sim.open(1);
    sim.must(&ana, Command::Resolve { chat });
    Race::new(sim, chat)
}

const MINUTE: Duration = Duration::from_secs(60);

/// Where a race begins, who takes part, and whether somebody must win whatever the order.
type Field = (fn() -> Race, [Step; 6], bool);

const FIELDS: [Field; 5] = [
    (
        waiting,
        [
            Step::Claim(BEN),
            Step::Claim(CID),
            Step::Assign(BEN),
            Step::Transfer,
            Step::CloseSeen,
            Step::Online(CID),
        ],
        true,
    ),
    (
        lost,
        [
            Step::Pass(MINUTE),
            Step::Regain(ANA),
            Step::TakeOver,
            Step::Transfer,
            Step::TransferToAgent(BEN),
            Step::CloseSeen,
        ],
        true,
    ),
    (
        lost,
        [
            Step::Pass(MINUTE),
            Step::Regain(ANA),
            Step::Claim(BEN),
            Step::Say,
            Step::Resolve,
            Step::Online(BEN),
        ],
        false,
    ),
    (
        held,
        [
            Step::Pass(HOUR),
            Step::Wake,
            Step::TakeOver,
            Step::Transfer,
            Step::CloseSeen,
            Step::SayAsCustomer,
        ],
        false,
    ),
    (
        resolved,
        [
            Step::Pass(Duration::from_secs(73 * 3_600)),
            Step::Reopen,
            Step::CloseSeen,
            Step::SayAsCustomer,
            Step::Claim(BEN),
            Step::Online(BEN),
        ],
        false,
    ),
];

/// Every order of `steps`, by Heap's algorithm.
fn each_order(steps: &mut [Step; 6], size: usize, each: &mut impl FnMut(&[Step; 6])) {
    if size == 1 {
        each(steps);
        return;
    }
    for index in 0..size {
        each_order(steps, size - 1, each);
        let other = if size.is_multiple_of(2) { index } else { 0 };
        steps.swap(other, size - 1);
    }
}

/// F17: timers, claims, transfers, assignments, take-overs and ends of one chat, in every order of
/// six; the laws hold after every step, and exactly one wins what all of them saw.
#[test]
fn in_every_order_of_six_exactly_one_wins() {
    for (field, (begin, mut steps, must_win)) in FIELDS.into_iter().enumerate() {
        let mut orders = 0;
        each_order(&mut steps, 6, &mut |order| {
            let mut race = begin();
            order.iter().for_each(|step| race.step(*step));
            assert!(race.winners.len() <= 1, "{:?} of {order:?}", race.winners);
            if must_win {
                assert_eq!(
                    race.winners.len(),
                    1,
                    "nobody won: field {field}, {order:?}"
                );
            }
            race.sim.check_log();
            orders += 1;
        });
        assert_eq!(orders, 720, "every order");
    }
}

/// F17: the same with anybody, anything and any time, again and again.
#[test]
fn in_random_races_no_stale_epoch_wins() {
    let races = match std::env::var("FRONTDESK_LONG") {
        Ok(_) => RACES_LONG,
        Err(_) => RACES,
    };
    let mut won = 0;
    for seed in 0..races {
        let mut state = seed;
        let mut below = |end: u64| {
            // SplitMix64 (Steele, Lea and Flood, 2014).
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (z ^ (z >> 31)) % end
        };
        let begins = [waiting, lost, held, resolved];
        let mut race = begins[usize::try_from(below(4)).unwrap()]();
        for _ in 0..8 {
            let who = [ANA, BEN, CID][usize::try_from(below(3)).unwrap()];
            let step = match below(16) {
                0 => Step::Claim(who),
                1 => Step::Assign(who),
                2 => Step::TakeOver,
                3 => Step::Transfer,
                4 => Step::TransferToAgent(who),
                5 => Step::CloseSeen,
                6 => Step::Resolve,
                7 => Step::Reopen,
                8 => Step::Hold,
                9 => Step::Wake,
                10 => Step::Say,
                11 => Step::SayAsCustomer,
                12 => Step::Online(who),
                13 => Step::Lose(who),
                14 => Step::Regain(who),
                _ => Step::Pass(SECOND * u32::try_from(1 << below(13)).unwrap()),
            };
            race.step(step);
        }
        assert!(race.winners.len() <= 1, "seed {seed}: {:?}", race.steps);
        won += race.winners.len();
    }
    assert!(
        won as u64 > races / 2,
        "races that nobody wins prove nothing: {won}"
    );
}
