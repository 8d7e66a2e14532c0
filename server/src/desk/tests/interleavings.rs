//! Ten thousand ways in which customers, agents, the assistant, time and crashes can get in each
//! other's way. Whatever the order: one owner, no word of the assistant where a person is or all
//! is over, nobody forgotten, nobody overtaken in the queue, and one place for each hand-off.

use std::{collections::BTreeMap, time::Duration};

use shared::{
    assistant::{
        AssistantChange, Failure, FirstLine, HandOffReason, IntentGuess, Reply, ReplyKind, Share,
        Turn, WhileQueued,
    },
    command::{Command, OpenChat},
    event::{Event, QueueReason},
    id::{ChatId, Epoch, Seq, UserId},
    model::{ActorKind, AgentStatus, ChatState, Visibility},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

use super::sim::{Sim, customer, post, status, text};
use crate::desk::{Desk, NewRecord, Who};

const SEEDS: u64 = 10_000;
const STEPS: usize = 40;
const CHATS_MAX: u64 = 3;
const DEADLINE: Duration = Duration::from_secs(25);
const WORDS: [&str; 10] = [
    "where is my parcel?",
    "hello",
    "I want to speak to a human",
    "my lawyer will write",
    "it is late",
    "Your parcel is on its way.",
    "can I send it back?",
    "no",
    "thanks",
    "order 4711",
];

/// SplitMix64 (Steele, Lea and Flood, 2014): a number of each seed and step.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(from.len() as u64);
        &from[usize::try_from(at).unwrap_or(0)]
    }
}

/// A result that somebody still holds, perhaps of before a crash.
#[derive(Clone, Copy)]
struct Held {
    chat: ChatId,
    epoch: Epoch,
    seq: Seq,
}

struct World {
    desk: Desk,
    now: Timestamp,
    random: Random,
    held: Vec<Held>,
    /// When the customer of a chat of the assistant first said what nobody has answered.
    owed: BTreeMap<ChatId, (Seq, Timestamp)>,
    /// When a chat first waited in its episode.
    enqueued: BTreeMap<ChatId, Timestamp>,
    hand_offs: usize,
    hand_off_places: usize,
    trace: Vec<(Timestamp, Who, Command)>,
}

/// A desk at work whose assistant takes what nobody else can.
fn desk_with_assistant(first_line: FirstLine) -> (Desk, Timestamp) {
    let mut sim = Sim::staffed();
    know(&mut sim, 12);
    sim.must(
        &Who::User(UserId(1)),
        Command::UpdateAssistant {
            change: Box::new(AssistantChange {
                first_line: Some(first_line),
                ..AssistantChange::default()
            }),
            rev: None,
        },
    );
    (sim.desk, sim.now)
}

fn know(sim: &mut Sim, topics: u32) {
    sim.must(&Who::System("knowledge"), knowledge(topics));
}

fn knowledge(topics: u32) -> Command {
    Command::NoteKnowledge {
        topics,
        questions: topics * 8,
        provider: false,
        hash: SafeText::line(&topics.to_string()),
    }
}

#[test]
fn no_order_of_events_breaks_the_promises() {
    let lines = [FirstLine::Always, FirstLine::WhenNoAgent];
    let starts = lines.map(desk_with_assistant);
    let mut told = BTreeMap::new();
    for seed in 0..SEEDS {
        let (desk, now) = starts[usize::try_from(seed % 2).unwrap_or(0)].clone();
        let mut world = World {
            desk,
            now,
            random: Random(seed),
            held: Vec::new(),
            owed: BTreeMap::new(),
            enqueued: BTreeMap::new(),
            hand_offs: 0,
            hand_off_places: 0,
            trace: Vec::new(),
        };
        for _ in 0..STEPS {
            let step = world.step();
            *told.entry(step).or_insert(0_u64) += 1;
            world.check(seed);
        }
    }
    // A promise over steps that never happen proves nothing.
    for step in [
        "answered",
        "handed off",
        "claimed",
        "returned",
        "restarted",
        "overtaken",
        "stale",
        "reopened",
        "closed",
        "resolved",
    ] {
        let count = told.get(step).copied().unwrap_or_default();
        assert!(count > SEEDS / 50, "{step}: {count} of {told:?}");
    }
}

impl World {
    /// One thing happens; its name.
    fn step(&mut self) -> &'static str {
        match self.random.below(96) {
            0..8 => self.open(),
            8..30 => self.customer_writes(),
            30..52 => self.begin(),
            52..78 => self.result(),
            78..81 => self.claim(),
            81..85 => self.give_back(),
            85..87 => self.end(),
            87 => self.asks(),
            88 => self.restart(),
            89 => self.presence(),
            90 => self.configure(),
            _ => self.time(),
        }
    }

    fn open(&mut self) -> &'static str {
        if self.desk.last_chat().0 >= CHATS_MAX {
            return "full";
        }
        let words = *self.random.pick(&WORDS);
        let open = Command::OpenChat(OpenChat {
            name: Some(text("Cleo")),
            text: (self.random.below(4) > 0).then(|| text(words)),
            human: self.random.below(8) == 0,
            ..OpenChat::default()
        });
        self.must(&Who::Anonymous, &open);
        "opened"
    }

    fn chat(&mut self) -> ChatId {
        let last = self.desk.last_chat().0;
        ChatId(self.random.below(last + 1).max(1))
    }

    fn customer_writes(&mut self) -> &'static str {
        let id = self.chat();
        let Some(who) = self.customer_of(id) else {
            return "nobody";
        };
        let resolved = self.state(id) == Some(ChatState::Resolved);
        let words = *self.random.pick(&WORDS);
        match self.act(&who, &post(id, words)) {
            true if resolved => "reopened",
            _ => "wrote",
        }
    }

    fn begin(&mut self) -> &'static str {
        // Most of the time somebody is there to begin as soon as it is due.
        if let Some(at) = self.desk.next_job().filter(|_| self.random.below(8) > 0) {
            self.pass(at);
        }
        let Some(job) = self.desk.jobs(self.now, 1).pop() else {
            return "idle";
        };
        self.lease(Held {
            chat: job.chat,
            epoch: job.epoch,
            seq: job.seq,
        });
        "begun"
    }

    fn lease(&mut self, held: Held) {
        let Held { chat, epoch, seq } = held;
        let start = Command::StartTurn { chat, epoch, seq };
        if self.act(&Who::System("assistant"), &start) {
            self.held.push(held);
        }
    }

    fn result(&mut self) -> &'static str {
        if self.held.is_empty() {
            return "idle";
        }
        let at = self.random.below(self.held.len() as u64);
        let at = usize::try_from(at).unwrap_or(0);
        // At times the same result comes twice.
        let held = if self.random.below(5) == 0 {
            self.held[at]
        } else {
            self.held.swap_remove(at)
        };
        let turn = self.turn(held.seq);
        let before = self.hand_offs;
        let finish = Command::FinishTurn {
            chat: held.chat,
            epoch: held.epoch,
            seq: held.seq,
            turn,
        };
        if self.act(&Who::System("assistant"), &finish) {
            return if self.hand_offs > before {
                "handed off"
            } else {
                "answered"
            };
        }
        match self.desk.job(held.chat) {
            Some(job) if job.epoch == held.epoch && job.seq > held.seq => {
                self.lease(Held {
                    seq: job.seq,
                    ..held
                });
                "overtaken"
            }
            _ => "stale",
        }
    }

    fn turn(&mut self, seq: Seq) -> Turn {
        let kinds = [
            ReplyKind::Answer,
            ReplyKind::Answer,
            ReplyKind::Clarify,
            ReplyKind::Rephrase,
            ReplyKind::Courtesy,
            ReplyKind::Passed,
        ];
        let kind = *self.random.pick(&kinds);
        let mut reply = Box::new(Reply::new(kind, seq));
        if matches!(kind, ReplyKind::Clarify | ReplyKind::Rephrase) {
            reply.failure = Some(Failure::Unclear);
            reply.top = vec![IntentGuess {
                intent: text("parcels"),
                title: text("Parcels"),
                confidence: Share::from_thousandths(500),
            }];
        }
        match self.random.below(8) {
            0 => Turn::Resolve { reply },
            1 => Turn::HandOff {
                reason: HandOffReason::LowConfidence,
                detail: None,
                reply,
            },
            more => {
                let answers = [
                    "Your parcel is on its way.",
                    "We send it again.",
                    "In a week.",
                ];
                let at = usize::try_from(more % 3).unwrap_or(0);
                Turn::Say {
                    text: text(answers[at]),
                    reply,
                }
            }
        }
    }

    fn claim(&mut self) -> &'static str {
        let chat = self.chat();
        let epoch = self.desk.chat(chat).map_or(Epoch(0), |chat| chat.epoch);
        match self.act(&Who::User(UserId(4)), &Command::Claim { chat, epoch }) {
            true => "claimed",
            false => "not claimed",
        }
    }

    fn give_back(&mut self) -> &'static str {
        let chat = self.chat();
        let epoch = self.desk.chat(chat).map_or(Epoch(0), |chat| chat.epoch);
        let command = if self.random.below(3) == 0 {
            post(chat, "I am a person")
        } else {
            Command::ReturnToAssistant { chat, epoch }
        };
        let owner = self.desk.chat(chat).and_then(|chat| chat.owner);
        let who = Who::User(owner.unwrap_or(UserId(4)));
        match self.act(&who, &command) {
            true if matches!(command, Command::ReturnToAssistant { .. }) => "returned",
            _ => "not returned",
        }
    }

    fn end(&mut self) -> &'static str {
        let chat = self.chat();
        match self.random.below(3) {
            0 if self.act(&Who::User(UserId(1)), &Command::Close { chat, epoch: None }) => "closed",
            1 => match self.customer_of(chat) {
                Some(who) if self.act(&who, &Command::Resolve { chat }) => "resolved",
                _ => "not ended",
            },
            2 if self.act(&Who::User(UserId(1)), &Command::Resolve { chat }) => "resolved",
            _ => "not ended",
        }
    }

    fn asks(&mut self) -> &'static str {
        let chat = self.chat();
        let Some(who) = self.customer_of(chat) else {
            return "nobody";
        };
        if self.act(&who, &Command::RequestHuman { chat }) {
            assert_ne!(self.state(chat), Some(ChatState::Assistant));
        }
        "asked"
    }

    /// The process dies and comes back with what was written; results of before may still come.
    fn restart(&mut self) -> &'static str {
        let json = serde_json::to_string(&self.desk).expect("a desk is JSON");
        let restored: Desk = serde_json::from_str(&json).expect("a desk is read");
        assert_eq!(restored, self.desk, "what is written is what was");
        self.desk = restored;
        self.must(&Who::System("start"), &Command::StartHub);
        for chat in self.desk.chats() {
            let job = self.desk.job(chat.id).filter(|job| !job.queued);
            let free = self.desk.jobs(Timestamp::from_ms(i64::MAX), usize::MAX);
            let free = free.iter().any(|one| one.chat == chat.id);
            assert!(job.is_none() || free, "a lease outlived its process");
        }
        "restarted"
    }

    fn presence(&mut self) -> &'static str {
        let user = UserId(4 + self.random.below(2));
        if self.random.below(2) == 0 {
            self.must(&Who::System("presence"), &Command::RegainAgent { user });
            let to = *self.random.pick(&[AgentStatus::Online, AgentStatus::Busy]);
            self.must(&Who::User(user), &status(to));
        } else {
            self.must(&Who::User(user), &status(AgentStatus::Offline));
        }
        "presence"
    }

    fn configure(&mut self) -> &'static str {
        let owner = Who::User(UserId(1));
        let change = match self.random.below(8) {
            0 => AssistantChange {
                first_line: Some(FirstLine::Off),
                ..AssistantChange::default()
            },
            1 => {
                self.must(&Who::System("knowledge"), &knowledge(0));
                return "forgot";
            }
            2 => AssistantChange {
                while_queued: Some(WhileQueued::Assist),
                ..AssistantChange::default()
            },
            3 => AssistantChange {
                while_queued: Some(WhileQueued::Silent),
                ..AssistantChange::default()
            },
            _ => {
                self.must(&Who::System("knowledge"), &knowledge(12));
                AssistantChange {
                    first_line: Some(FirstLine::Always),
                    ..AssistantChange::default()
                }
            }
        };
        let change = Box::new(change);
        self.act(&owner, &Command::UpdateAssistant { change, rev: None });
        "configured"
    }

    fn time(&mut self) -> &'static str {
        let passages = [
            Duration::from_millis(400),
            Duration::from_millis(1_200),
            Duration::from_secs(4),
            Duration::from_secs(4),
            Duration::from_secs(13),
            Duration::from_secs(26),
            Duration::from_secs(24 * 3600),
        ];
        let until = self.now.after(*self.random.pick(&passages));
        self.pass(until);
        "time"
    }

    fn pass(&mut self, until: Timestamp) {
        let until = until.max(self.now);
        while let Some(at) = self.desk.next_deadline().filter(|at| *at <= until) {
            self.now = at;
            self.settle();
        }
        self.now = until;
        self.settle();
    }

    fn customer_of(&self, chat: ChatId) -> Option<Who> {
        self.desk.chat(chat).map(|chat| customer(chat.customer))
    }

    fn state(&self, chat: ChatId) -> Option<ChatState> {
        self.desk.chat(chat).map(|chat| chat.state)
    }

    /// Whether it was done.
    fn act(&mut self, who: &Who, command: &Command) -> bool {
        self.trace.push((self.now, who.clone(), command.clone()));
        let Ok(records) = self.desk.decide(who, command, self.now) else {
            return false;
        };
        self.append(records);
        self.settle();
        true
    }

    fn must(&mut self, who: &Who, command: &Command) {
        assert!(self.act(who, command), "{who:?} {command:?}");
    }

    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 200, "the desk owes without end");
            let owed = self.desk.due(self.now);
            if owed.is_empty() {
                return;
            }
            self.append(owed);
        }
    }

    /// Takes in the records of one transaction.
    fn append(&mut self, records: Vec<NewRecord>) {
        for (at, new) in records.iter().enumerate() {
            if matches!(new.event, Event::HandedOff { .. }) {
                let next = records.get(at + 1).map(|next| &next.event);
                let queued = matches!(
                    next,
                    Some(Event::ChatQueued {
                        reason: QueueReason::HandedOff,
                        ..
                    })
                );
                assert!(queued, "a hand-off without its place in the queue");
                let told = records.get(at + 2).map(|next| &next.event);
                assert!(
                    matches!(told, Some(Event::MessagePosted { .. })),
                    "never silent"
                );
            }
        }
        for new in records {
            let record = Record {
                pos: self.desk.pos().next(),
                at: self.now,
                chat: new.chat,
                seq: new.chat.map(|chat| self.desk.next_seq(chat)),
                actor: new.actor,
                event: new.event,
            };
            self.note(&record);
            self.desk.apply(&record);
        }
    }

    fn note(&mut self, record: &Record) {
        let Some(id) = record.chat else { return };
        let state = self.state(id);
        match &record.event {
            Event::MessagePosted {
                visibility: Visibility::Public,
                ..
            } if record.actor.kind == ActorKind::Assistant => {
                let may = match state {
                    Some(ChatState::Assistant) => true,
                    Some(ChatState::Waiting) => {
                        self.desk.assistant().while_queued == WhileQueued::Assist
                    }
                    _ => false,
                };
                assert!(may, "the assistant spoke in {state:?}");
            }
            Event::MessagePosted { .. } if record.actor.kind == ActorKind::Customer => {
                if state == Some(ChatState::Assistant)
                    && let Some(seq) = record.seq
                {
                    let since = self.owed.get(&id).map_or(record.at, |(_, at)| *at);
                    self.owed.insert(id, (seq, since));
                }
            }
            Event::AssistantReplied { reply } => {
                match self.owed.get_mut(&id) {
                    Some((newest, _)) if *newest <= reply.seq => {
                        self.owed.remove(&id);
                    }
                    // What came while it was looked for is owed from now on.
                    Some((_, since)) => *since = record.at,
                    None => {}
                }
            }
            Event::HandedOff { .. } => self.hand_offs += 1,
            Event::ChatQueued { reason, .. } => {
                self.hand_off_places += usize::from(*reason == QueueReason::HandedOff);
                self.enqueued.entry(id).or_insert(record.at);
            }
            Event::ChatAssigned { .. } => {
                let age = self.desk.chat(id).map_or(record.at, |chat| chat.rank_at);
                self.enqueued.entry(id).or_insert(age);
            }
            Event::ChatReopened { .. } => {
                self.enqueued.remove(&id);
            }
            _ => {}
        }
    }

    fn check(&mut self, seed: u64) {
        let (desk, now) = (&self.desk, self.now);
        let say = |what: &str, chat: ChatId| {
            let trace = &self.trace[self.trace.len().saturating_sub(24)..];
            format!("seed {seed}: {what}: {:?}\n{trace:#?}", desk.chat(chat))
        };
        assert_eq!(self.hand_offs, self.hand_off_places, "seed {seed}");
        self.owed.retain(|id, _| {
            desk.chat(*id)
                .is_some_and(|chat| chat.state == ChatState::Assistant)
        });
        for (id, (_, since)) in &self.owed {
            let waits = now.since(*since);
            assert!(waits < DEADLINE, "{}", say("forgotten", *id));
            assert!(desk.job(*id).is_some(), "{}", say("no job", *id));
        }
        for chat in desk.chats() {
            let queued = desk.queue(chat.department).any(|one| one.id == chat.id);
            let owned = chat.owner.is_some() && chat.state.is_open();
            let assisted = chat.state == ChatState::Assistant;
            let owners = u8::from(queued) + u8::from(owned) + u8::from(assisted);
            assert_eq!(
                owners,
                u8::from(chat.state.is_open()),
                "{}",
                say("owners", chat.id)
            );
            if queued {
                let first = self.enqueued.get(&chat.id).copied();
                assert_eq!(Some(chat.rank_at), first, "{}", say("overtaken", chat.id));
            }
        }
    }
}
