//! A person at a program: the real socket and outbox, what was seen, and something to do now and
//! then.

use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use shared::{
    client::{
        outbox::Outbox,
        session::Token,
        socket::{Socket, SocketEvent, SocketHandle, SocketOptions},
        tls::{Dial, Stream, TlsOptions},
        url::HubUrl,
    },
    command::{Command, DepartmentRef, UserChange, UserRef},
    id::{ChatId, CommandId, Cursor, DepartmentId, Seq},
    model::{AgentStatus, Chat, ChatState, Role, Visibility},
    text::SafeText,
};
use tests::{
    robot::{Seen, say},
    seed::Rng,
};
use tokio::time::{Instant, sleep_until};

use crate::{
    site::{AGENTS_MAX, Person},
    wire::Wires,
};

/// The hub's place in the simulated network.
pub(crate) const HUB: (&str, u16) = ("hub", 8470);
/// How often somebody who has nothing to do looks whether they are asked for.
const IDLE: Duration = Duration::from_millis(250);

/// What all machines of a day share.
pub(crate) struct Clockwork {
    /// People do something now and then.
    pub(crate) is_working: Cell<bool>,
    /// How long they think in between, at most.
    pub(crate) pause: Duration,
    /// Everybody asks the hub for something harmless and waits for the answer: the round.
    pub(crate) round: Cell<u32>,
    /// What happened, in order.
    pub(crate) trace: RefCell<Vec<String>>,
}

impl Clockwork {
    pub(crate) fn note(&self, who: &str, what: &str) {
        let at = turmoil::sim_elapsed().unwrap_or_default().as_millis();
        self.trace.borrow_mut().push(format!("{at} {who} {what}"));
    }
}

/// Somebody with a program that may crash and be started again.
pub(crate) struct Actor {
    pub(crate) person: Person,
    outbox: PathBuf,
    rng: RefCell<Rng>,
    /// What each run of the program remembered; the last is the present one.
    pub(crate) lives: RefCell<Vec<Life>>,
    clockwork: Rc<Clockwork>,
}

/// What one run of a program remembers.
#[derive(Default)]
pub(crate) struct Life {
    pub(crate) seen: Seen,
    /// What it promised to send.
    pub(crate) sent: Vec<(CommandId, Command)>,
    cursor: Option<Cursor>,
    /// The harmless thing it asked for in this round.
    asked: Option<(u32, CommandId)>,
    socket: Option<SocketHandle>,
}

impl Actor {
    pub(crate) fn new(
        person: Person,
        outbox: PathBuf,
        rng: Rng,
        clockwork: &Rc<Clockwork>,
    ) -> Self {
        Self {
            person,
            outbox,
            rng: RefCell::new(rng),
            lives: RefCell::default(),
            clockwork: Rc::clone(clockwork),
        }
    }

    /// Whether nothing waits, and the harmless thing of this round was answered.
    pub(crate) fn is_at_rest(&self) -> bool {
        let lives = self.lives.borrow();
        let Some(life) = lives.last() else {
            return false;
        };
        let nothing_waits = |socket: &SocketHandle| socket.outbox().pending().is_empty();
        let round = self.clockwork.round.get();
        let answered = |(asked, cid): &(u32, CommandId)| *asked == round && life.seen.answered(cid);
        life.seen.live
            && life.socket.as_ref().is_some_and(nothing_waits)
            && life.asked.as_ref().is_some_and(answered)
    }

    /// One run of the program, until its machine crashes.
    pub(crate) async fn live(self: Rc<Self>, wires: Wires) {
        let cursor = self.begin();
        let outbox = Outbox::open(&self.outbox).expect("the program before let go of it");
        let options = SocketOptions {
            url: HubUrl::parse("http://localhost:8470").expect("an address"),
            tls: TlsOptions::default(),
            token: Token::new(self.person.token.clone()).into(),
            client: "sim/1".to_owned(),
            cursor,
            outbox,
            watches: false,
        };
        let (socket, mut events) = Socket::connect_over(dial(wires), options).expect("no TLS");
        self.life(|life| life.socket = Some(socket.clone()));
        let mut next = self.next_act();
        loop {
            tokio::select! {
                biased;
                event = events.recv() => match event {
                    Some(event) => self.take(event),
                    None => return,
                },
                () = sleep_until(next) => {
                    if let Some(command) = self.choose() {
                        let cid = CommandId::random();
                        self.life(|life| {
                            life.sent.push((cid.clone(), command.clone()));
                            if !self.clockwork.is_working.get() {
                                life.asked = Some((self.clockwork.round.get(), cid.clone()));
                            }
                        });
                        self.clockwork.note(&self.person.name, name_of(&command));
                        socket.send(cid, command).await.expect("there is room in the outbox");
                    }
                    next = self.next_act();
                }
            }
        }
    }

    /// Begins a run: with what the one before knew, or with nothing.
    fn begin(&self) -> Option<Cursor> {
        let mut lives = self.lives.borrow_mut();
        let kept = lives.last().and_then(|life| life.cursor.clone());
        if let Some(life) = lives.last_mut() {
            life.socket = None;
            if kept.is_some() && self.rng.borrow_mut().chance(50) {
                life.seen.live = false;
                return kept;
            }
        }
        lives.push(Life::default());
        None
    }

    fn life<T>(&self, change: impl FnOnce(&mut Life) -> T) -> T {
        let mut lives = self.lives.borrow_mut();
        change(lives.last_mut().expect("a run has begun"))
    }

    fn take(&self, event: SocketEvent) {
        if let Some(what) = told(&event) {
            self.clockwork.note(&self.person.name, &what);
        }
        self.life(|life| {
            match &event {
                SocketEvent::Record(delivered) => life.cursor = Some(delivered.cursor.clone()),
                SocketEvent::Live { cursor } => life.cursor = Some(cursor.clone()),
                SocketEvent::Snapshot { .. } | SocketEvent::Resync { .. } => life.cursor = None,
                _ => {}
            }
            life.seen.take(event);
        });
    }

    fn next_act(&self) -> Instant {
        if !self.clockwork.is_working.get() {
            return Instant::now() + IDLE;
        }
        let most = u64::try_from(self.clockwork.pause.as_millis()).unwrap_or(u64::MAX);
        Instant::now() + Duration::from_millis(self.rng.borrow_mut().within(1..=most))
    }

    /// What to do now, if anything.
    fn choose(&self) -> Option<Command> {
        if !self.clockwork.is_working.get() {
            return self.harmless();
        }
        let rng = &mut *self.rng.borrow_mut();
        self.life(|life| {
            // Nobody does anything before they have seen something.
            let chats = life.seen.view.chats.values().map(|chat| &chat.chat);
            let chats: Vec<_> = chats.collect();
            match self.person.role {
                Role::Customer => act_as_customer(rng, &chats),
                Role::Agent => act_as_agent(rng, &self.person, &chats),
                _ => Some(act_as_owner(rng)),
            }
        })
    }

    /// The harmless thing of this round, unless it is on its way.
    fn harmless(&self) -> Option<Command> {
        let round = self.clockwork.round.get();
        let asked = self.life(|life| life.asked.as_ref().map(|(asked, _)| *asked));
        if asked.unwrap_or_default() == round {
            return None;
        }
        Some(match self.person.chat {
            Some(chat) => Command::MarkRead { chat, seq: Seq(1) },
            None => set_status(AgentStatus::Online),
        })
    }
}

fn dial(wires: Wires) -> Dial {
    Arc::new(move || {
        let wires = wires.clone();
        Box::pin(async move {
            let stream = turmoil::net::TcpStream::connect(HUB).await?;
            Ok(Box::new(wires.add(stream)) as Box<dyn Stream>)
        })
    })
}

fn act_as_customer(rng: &mut Rng, chats: &[&Chat]) -> Option<Command> {
    let chat = *rng.pick(Some(chats).filter(|chats| !chats.is_empty())?);
    let id = chat.id;
    Some(match (chat.state, rng.within(0..=99)) {
        (ChatState::Resolved, 0..=59) => Command::Reopen { chat: id },
        (ChatState::Resolved, 60..=74) => Command::Rate {
            chat: id,
            score: 5,
            comment: None,
        },
        (_, 0..=9) => Command::MarkRead {
            chat: id,
            seq: chat.seq,
        },
        (_, 10..=14) => Command::Resolve { chat: id },
        (_, text) => say(id, &format!("is there news? {text}")),
    })
}

fn act_as_agent(rng: &mut Rng, me: &Person, chats: &[&Chat]) -> Option<Command> {
    if rng.chance(8) {
        let status = rng.pick(&[
            AgentStatus::Online,
            AgentStatus::Online,
            AgentStatus::Busy,
            AgentStatus::Away,
            AgentStatus::Offline,
        ]);
        return Some(set_status(*status));
    }
    let open = chats.iter().filter(|chat| chat.state.is_open());
    let mut waiting = open.clone();
    let waiting = waiting.find(|chat| chat.state == ChatState::Waiting);
    if let Some(chat) = waiting.filter(|_| rng.chance(30)) {
        return Some(Command::Claim {
            chat: chat.id,
            epoch: chat.epoch,
        });
    }
    let mine: Vec<_> = open.filter(|chat| chat.owner == Some(me.id)).collect();
    if mine.is_empty() {
        return Some(set_status(AgentStatus::Online)).filter(|_| rng.chance(50));
    }
    let chat = *rng.pick(&mine);
    Some(act_on(rng, chat))
}

fn act_on(rng: &mut Rng, chat: &Chat) -> Command {
    let (id, epoch) = (chat.id, chat.epoch);
    match rng.within(0..=99) {
        0..=5 => transfer(id, epoch, Some(DepartmentId(rng.within(1..=2))), None),
        6..=13 => {
            let agent = 1 + rng.within(1..=AGENTS_MAX as u64);
            transfer(id, epoch, None, Some(agent))
        }
        14..=19 => Command::Resolve { chat: id },
        20..=22 => Command::Close {
            chat: id,
            epoch: Some(epoch),
        },
        23..=28 => Command::Hold { chat: id },
        29..=32 => Command::Snooze {
            chat: id,
            until: None,
        },
        33..=40 => Command::Wake { chat: id },
        41..=50 => Command::MarkRead {
            chat: id,
            seq: chat.seq,
        },
        51..=54 => Command::SetPriority {
            chat: id,
            priority: 1,
        },
        55..=64 => Command::PostMessage {
            chat: id,
            text: SafeText::block("between us"),
            visibility: Visibility::Note,
            expected_seq: None,
            canned: Vec::new(),
        },
        text => say(id, &format!("I am looking into it {text}")),
    }
}

fn act_as_owner(rng: &mut Rng) -> Command {
    let id = shared::id::UserId(1 + rng.within(1..=AGENTS_MAX as u64));
    Command::UpdateUser {
        id,
        change: UserChange {
            capacity: Some(Some(rng.within(1..=4) as u32)),
            ..UserChange::default()
        },
        rev: None,
    }
}

fn transfer(
    chat: ChatId,
    epoch: shared::id::Epoch,
    department: Option<DepartmentId>,
    agent: Option<u64>,
) -> Command {
    Command::Transfer {
        chat,
        department: department.map(DepartmentRef::Id),
        agent: agent.map(|id| UserRef::Id(shared::id::UserId(id))),
        note: None,
        epoch,
    }
}

fn set_status(status: AgentStatus) -> Command {
    Command::SetStatus {
        status,
        reason: None,
        drain: false,
        user: None,
    }
}

/// The variant, for the trace.
fn name_of(command: &Command) -> &'static str {
    match command {
        Command::PostMessage { .. } => "says",
        Command::Transfer { .. } => "transfers",
        Command::Claim { .. } => "claims",
        Command::Resolve { .. } => "resolves",
        _ => "does",
    }
}

/// What of an event goes into the trace.
fn told(event: &SocketEvent) -> Option<String> {
    Some(match event {
        SocketEvent::Connected { resumed, .. } => format!("connected, resumed {resumed}"),
        SocketEvent::Snapshot { pos, .. } => format!("snapshot at {pos}"),
        SocketEvent::Record(delivered) => {
            let record = &delivered.record;
            let kind = record.event.kind();
            format!("{kind} at {} {}", record.pos, delivered.cursor.as_str())
        }
        SocketEvent::Chat { pos, .. } => format!("chat in sight at {pos}"),
        SocketEvent::Live { cursor } => format!("live at {}", cursor.as_str()),
        SocketEvent::Done { pos, dup, .. } => format!("done at {pos}, dup {dup}"),
        SocketEvent::Nack { code, .. } => format!("refused: {code:?}"),
        SocketEvent::Disconnected { why, retry_in, .. } => {
            format!("lost ({why}), again in {} us", retry_in.as_micros())
        }
        SocketEvent::Resync { reason } => format!("resync: {reason}"),
        SocketEvent::Stopped { why } => format!("stopped: {why:?}"),
        _ => return None,
    })
}
