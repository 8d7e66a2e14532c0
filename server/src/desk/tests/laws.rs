//! Random days of work by random people: whatever they try, the laws of the desk hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::{ProptestConfig, any, proptest};
use shared::{
    assistant::{AssistantChange, FirstLine, HandOffReason, Reply, ReplyKind, Turn, WhileQueued},
    command::{
        CannedChange, Command, DepartmentChange, DepartmentRef, NewAttachment, NewCanned, NewUser,
        OpenChat, SettingsChange, UserChange, UserRef,
    },
    event::EraseReason,
    id::{CannedId, ChatId, DepartmentId, Epoch, InvitationId, Seq, UserId},
    model::{AgentStatus, CannedScope, Role, Visibility},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

use super::sim::{HOUR, SECOND, Sim, customer, department, text};
use crate::desk::{
    Who,
    permission::{Action, Object},
};

/// One try: who, what, and what with. Small numbers that are read against the desk as it is.
type Try = (u8, u8, u8, u8, u8);

/// How many numbers a kind of command is chosen from.
const KINDS: u8 = 77;
const PASSAGES: [Duration; 10] = [
    SECOND,
    SECOND,
    SECOND,
    Duration::from_secs(59),
    Duration::from_secs(60),
    Duration::from_secs(61),
    Duration::from_secs(16 * 60),
    HOUR,
    Duration::from_secs(71 * 3600 + 59 * 60),
    Duration::from_secs(72 * 3600),
];
const ROLES: [Role; 6] = [
    Role::Agent,
    Role::Supervisor,
    Role::Admin,
    Role::Owner,
    Role::Auditor,
    Role::Customer,
];
const STATUSES: [AgentStatus; 4] = [
    AgentStatus::Online,
    AgentStatus::Offline,
    AgentStatus::Away,
    AgentStatus::Busy,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold(tries in proptest::collection::vec(any::<Try>(), 1..90)) {
        let mut sim = at_work();
        let mut done = BTreeMap::new();
        for (who, what, a, b, c) in tries {
            attempt(&mut sim, &mut done, who, (what, a, b, c));
        }
        sim.check_log();
    }
}

/// The generator reaches most commands: a law over commands that never succeed proves nothing.
#[test]
fn most_kinds_of_commands_succeed() {
    use proptest::{
        strategy::{Strategy, ValueTree},
        test_runner::TestRunner,
    };
    let mut runner = TestRunner::deterministic();
    let mut done = BTreeMap::new();
    for _ in 0..300 {
        let tries = proptest::collection::vec(any::<Try>(), 90).new_tree(&mut runner);
        let mut sim = at_work();
        for (who, what, a, b, c) in tries.expect("a day").current() {
            attempt(&mut sim, &mut done, who, (what, a, b, c));
        }
        for rule in ["by rule: wake", "by rule: hold_close"] {
            let of_rule = |name: &SafeText| rule.ends_with(name.as_str());
            let by_rule = |record: &&Record| record.actor.rule.as_ref().is_some_and(of_rule);
            let count = sim.log.iter().filter(by_rule).count();
            *done.entry(rule).or_default() += u32::try_from(count).unwrap();
        }
    }
    let rare: Vec<_> = done.iter().filter(|(_, count)| **count < 5).collect();
    assert!(rare.is_empty() && done.len() >= 41, "{done:?}");
}

/// A desk whose agents have come to work, and whose assistant takes what they have no room for.
fn at_work() -> Sim {
    let mut sim = Sim::staffed();
    sim.must(
        &Who::System("knowledge"),
        Command::NoteKnowledge {
            topics: 1,
            questions: 5,
            provider: false,
            hash: text("00"),
        },
    );
    let change = Box::new(AssistantChange {
        first_line: Some(FirstLine::WhenNoAgent),
        ..AssistantChange::default()
    });
    let rev = None;
    sim.must(
        &Who::User(UserId(1)),
        Command::UpdateAssistant { change, rev },
    );
    for agent in 4..=6 {
        sim.online(agent);
    }
    sim
}

fn attempt(
    sim: &mut Sim,
    done: &mut BTreeMap<&'static str, u32>,
    who: u8,
    (what, a, b, c): (u8, u8, u8, u8),
) {
    if what >= 238 {
        let next = sim.desk.next_deadline().filter(|_| a >= 128);
        let until_next = next.map(|at| at.since(sim.now));
        sim.pass(until_next.unwrap_or(PASSAGES[usize::from(a) % PASSAGES.len()]));
        return;
    }
    let command = command(sim, what, (a, b, c));
    let who = principal(sim, &command, who);
    let kind = Action::of(&command).name();
    let count = done.entry(kind).or_default();
    if let Ok(records) = sim.act(&who, &command) {
        *count += u32::from(!records.is_empty());
        let used = records.iter().map(|record| record.event.kind());
        for kind in used.filter(|kind| *kind == "canned_used") {
            *done.entry(kind).or_default() += 1;
        }
    }
}

/// Somebody for whom the command makes sense, most of the time.
fn principal(sim: &Sim, command: &Command, who: u8) -> Who {
    let anybody = u64::from(who / 8);
    let stranger = match who % 8 {
        0 => Some(Who::User(UserId(anybody % 10 + 1))),
        1 => Some(customer(UserId(anybody % 16 + 1))),
        _ => None,
    };
    let apt = match (command, Object::of(command)) {
        (
            Command::LoseAgent { .. }
            | Command::RegainAgent { .. }
            | Command::StartHub
            | Command::StartTurn { .. }
            | Command::FinishTurn { .. }
            | Command::NoteKnowledge { .. }
            | Command::CloseChats { .. }
            | Command::EraseChat { .. },
            _,
        ) => {
            return Who::System("presence");
        }
        (Command::RequestHuman { chat }, _) => {
            sim.desk.chat(*chat).map(|chat| customer(chat.customer))
        }
        (Command::Rate { .. }, Object::Chat(id)) => {
            sim.desk.chat(id).map(|chat| customer(chat.customer))
        }
        (Command::EditMessage { chat, seq, .. }, _) => {
            let posted = sim.desk.facts.chats.get(chat);
            let posted = posted.and_then(|thread| thread.messages.get(seq));
            posted.map(|posted| match sim.desk.user(posted.author) {
                Some(user) => Who::User(user.id),
                None => customer(posted.author),
            })
        }
        (_, Object::Chat(id)) => sim.desk.chat(id).map(|chat| match who % 8 {
            2 | 3 => customer(chat.customer),
            4 => Who::User(UserId(3)),
            _ => chat
                .owner
                .map_or(Who::User(UserId(4 + anybody % 3)), Who::User),
        }),
        (
            Command::OpenChat(_) | Command::AcceptInvitation { .. } | Command::RegisterCustomer,
            _,
        ) => Some(Who::Anonymous),
        (Command::SetStatus { user: None, .. }, _) => Some(Who::User(UserId(3 + anybody % 4))),
        _ => Some(Who::User(UserId(1 + anybody % 3))),
    };
    stranger.or(apt).unwrap_or(Who::User(UserId(4)))
}

fn command(sim: &Sim, what: u8, (a, b, c): (u8, u8, u8)) -> Command {
    let mut resolved = sim.desk.chats().filter(|chat| !chat.state.is_open());
    let resolved = resolved.next().map(|chat| chat.id);
    let known: Vec<ChatId> = sim.desk.chats().map(|chat| chat.id).collect();
    let chat = match known.get(usize::from(a) % (known.len() + 1)) {
        Some(chat) => *chat,
        None => ChatId(u64::from(a % 8)),
    };
    let thread = sim.desk.facts.chats.get(&chat);
    let mut messages = thread.into_iter().flat_map(|thread| &thread.messages).rev();
    let epoch = sim.desk.chat(chat).map_or(Epoch(1), |chat| chat.epoch);
    let epoch = if b % 8 == 7 { Epoch(0) } else { epoch };
    let user = UserId(u64::from(b) % 9 + 1);
    let place = DepartmentId(u64::from(c) % 4 + 1);
    match what % KINDS {
        0..5 => open(place, a, b),
        8 => Command::PostAttachment {
            chat,
            attachment: NewAttachment {
                name: text("a.txt"),
                bytes: u64::from(b) << 17,
                kind: text("text/plain"),
                digest: [c; 32],
            },
            text: text(""),
            visibility: if a % 2 == 0 {
                Visibility::Public
            } else {
                Visibility::Note
            },
        },
        5..8 => Command::PostMessage {
            chat,
            text: text(if b == 255 { " " } else { "hi" }),
            visibility: if b % 2 == 0 {
                Visibility::Public
            } else {
                Visibility::Note
            },
            expected_seq: (c % 4 == 0).then_some(Seq(u64::from(c))),
            canned: if c % 3 != 0 {
                let known = sim.desk.canned().nth(usize::from(b / 2 % 2));
                known.map(|canned| canned.id).into_iter().collect()
            } else {
                Vec::new()
            },
        },
        9 => Command::EditMessage {
            chat,
            seq: messages
                .nth(usize::from(b % 2))
                .map_or(Seq(b.into()), |(seq, _)| *seq),
            text: text("edited"),
        },
        10 | 48 | 54 => Command::MarkRead {
            chat,
            seq: near_head(sim, chat, b),
        },
        49 | 53 => Command::MarkUnread {
            chat,
            seq: near_head(sim, chat, b),
        },
        50 | 56 => Command::Hold { chat },
        51 | 55 => Command::Snooze {
            chat,
            until: until(sim, b),
        },
        52 => Command::Wake {
            chat: parked(sim).unwrap_or(chat),
        },
        11..17 => Command::SetStatus {
            status: STATUSES[usize::from(a) % 4],
            reason: (c % 4 == 0).then(|| text("lunch")),
            drain: c % 3 == 0,
            user: (b % 2 == 0).then_some(user),
        },
        17 | 18 => Command::Claim { chat, epoch },
        19 | 62 => Command::Assign {
            chat,
            agent: UserRef::Id(user),
            epoch,
        },
        20 => Command::TakeOver { chat, epoch },
        21 => transfer(chat, Some(place), None, epoch),
        22 => transfer(chat, None, Some(user), epoch),
        23 => Command::Resolve { chat },
        24 => Command::Close { chat, epoch: None },
        25 | 26 => Command::Reopen { chat },
        27 => Command::Rate {
            chat: resolved.unwrap_or(chat),
            score: b % 7,
            comment: None,
        },
        28 => Command::Tag {
            chat,
            add: BTreeSet::from([text(if b % 2 == 0 { "vip" } else { "late" })]),
            remove: BTreeSet::from([text("late")]),
        },
        29 => Command::SetPriority {
            chat,
            priority: i8::try_from(b % 6).unwrap() - 2,
        },
        30 => Command::SetAttribute {
            chat,
            key: text("plan"),
            value: text("gold"),
        },
        47 => Command::SetLanguage {
            chat,
            language: text(["pt-br", "fr", "", "much"][usize::from(b) % 4]),
        },
        31..39 => of_desk(sim, what, (a, b, c)),
        39..43 => Command::RegainAgent { user },
        43 => Command::LoseAgent { user },
        44 => Command::StartHub,
        45 if a.is_multiple_of(2) => Command::UpdateSettings {
            change: SettingsChange {
                name: c
                    .is_multiple_of(2)
                    .then(|| text(&format!("Desk {}", c % 3))),
                notice: c
                    .is_multiple_of(3)
                    .then(|| text("We keep chats for a year.")),
                retention_days: None,
            },
            rev: b.is_multiple_of(8).then_some(u64::from(a)),
        },
        45 => Command::RegisterCustomer,
        46 => post_or_end(parked(sim).unwrap_or(chat), b),
        57..62 => of_canned(sim, what, (a, b, c)),
        63..74 => of_assistant(sim, what, (chat, epoch), (a, b, c)),
        _ => post_or_end(chat, b),
    }
}

fn of_desk(sim: &Sim, what: u8, (a, b, c): (u8, u8, u8)) -> Command {
    let user = UserId(u64::from(b) % 9 + 1);
    let places = (1..=3)
        .filter(|id| c >> id & 1 == 1)
        .map(DepartmentId)
        .collect();
    let place = DepartmentId(u64::from(b) % 4 + 1);
    match what % KINDS {
        31 => Command::CreateDepartment(department(&format!("Team {}", a % 3))),
        32 => Command::UpdateDepartment {
            id: place,
            change: DepartmentChange {
                active: (c % 3 == 0).then_some(a % 2 == 0),
                default: (c % 5 == 0).then_some(a % 4 != 0),
                capacity: (c % 2 == 0).then_some((a % 4 != 3).then_some(u32::from(a % 4))),
                ..DepartmentChange::default()
            },
            rev: None,
        },
        33 => Command::DeleteDepartment {
            id: place,
            rev: None,
        },
        34 => Command::CreateUser(NewUser {
            username: text(&format!("user{}", a % 4)),
            name: text("Una"),
            role: ROLES[usize::from(b) % 6],
            departments: places,
            capacity: None,
        }),
        35 => Command::UpdateUser {
            id: if b >= 64 {
                UserId(4 + u64::from(b) % 3)
            } else {
                user
            },
            change: UserChange {
                role: (a % 3 == 0).then_some(ROLES[usize::from(a) % 6]),
                departments: (a % 4 == 1).then_some(places),
                capacity: (a % 4 == 2).then_some(Some(u32::from(c % 3))),
                active: (a % 4 == 3).then_some(c % 2 == 0),
                name: None,
            },
            rev: None,
        },
        36 => Command::DeleteUser {
            id: user,
            rev: (c % 2 == 0).then_some(1),
        },
        37 if a % 3 == 0 => Command::RevokeInvitation {
            id: InvitationId(u64::from(b) % 8 + 1),
        },
        37 => Command::Invite {
            role: ROLES[usize::from(b) % 6],
            departments: places,
            username: (a % 2 == 0).then(|| text(&format!("user{}", c % 4))),
        },
        _ => {
            let invitation = sim.desk.invitations().nth(usize::from(b % 4));
            let meant = invitation.and_then(|invitation| invitation.username.clone());
            Command::AcceptInvitation {
                invitation: invitation.map_or(InvitationId(99), |invitation| invitation.id),
                username: meant.unwrap_or_else(|| text(&format!("user{}", c % 6))),
                name: text("Ivo"),
            }
        }
    }
}

/// A record of the chat, seldom one that is none.
fn near_head(sim: &Sim, chat: ChatId, b: u8) -> Seq {
    let head = sim.desk.chat(chat).map_or(4, |chat| chat.seq.0);
    Seq(u64::from(b) % (head + 2))
}

/// A chat that is put aside, if there is one.
fn parked(sim: &Sim) -> Option<ChatId> {
    let mut parked = sim.desk.chats().filter(|chat| chat.state.is_parked());
    parked.next().map(|chat| chat.id)
}

/// A time to wake at: mostly one that will be, at times one that was or never will.
fn until(sim: &Sim, b: u8) -> Option<Timestamp> {
    let ahead = PASSAGES[usize::from(b) % PASSAGES.len()];
    match b % 16 {
        0..4 => None,
        4 => Some(sim.now),
        5 => Some(sim.now.after(366 * 24 * HOUR + SECOND)),
        _ => Some(sim.now.after(ahead)),
    }
}

fn of_canned(sim: &Sim, what: u8, (a, b, c): (u8, u8, u8)) -> Command {
    let known = sim.desk.canned().nth(usize::from(b % 4));
    let id = known.map_or(CannedId(9), |canned| canned.id);
    let code = text(if a.is_multiple_of(2) { "hi" } else { "bye" });
    match what % KINDS {
        57 | 58 => Command::CreateCanned(NewCanned {
            code,
            scope: match c % 3 {
                0 => CannedScope::Global,
                1 => CannedScope::Department {
                    department: DepartmentId(u64::from(b) % 4 + 1),
                },
                _ => CannedScope::Personal {
                    user: UserId(u64::from(b) % 6 + 1),
                },
            },
            text: text("hello {{customer.name}}"),
            variants: BTreeMap::new(),
        }),
        59 | 60 => Command::UpdateCanned {
            id,
            change: CannedChange {
                code: c.is_multiple_of(2).then_some(code),
                text: c.is_multiple_of(3).then(|| text("good day")),
                variants: None,
            },
            rev: None,
        },
        _ => Command::DeleteCanned { id, rev: None },
    }
}

fn of_assistant(
    sim: &Sim,
    what: u8,
    (chat, epoch): (ChatId, Epoch),
    (a, b, c): (u8, u8, u8),
) -> Command {
    let job = sim.desk.chats().find_map(|chat| sim.desk.job(chat.id));
    let (chat, seq) = job.map_or((chat, Seq(b.into())), |job| (job.chat, job.seq));
    let epoch = sim.desk.chat(chat).map_or(epoch, |chat| chat.epoch);
    let reply = Box::new(Reply::new(ReplyKind::ALL[usize::from(b) % 5], seq));
    match what % KINDS {
        63 => Command::RequestHuman { chat },
        64 => {
            let owned = sim.desk.chats().find(|chat| chat.owner.is_some());
            let (chat, epoch) = owned.map_or((chat, epoch), |chat| (chat.id, chat.epoch));
            Command::ReturnToAssistant { chat, epoch }
        }
        65 => {
            let said = sim.desk.facts.chats.iter().find_map(|(id, thread)| {
                let said = thread.talk.as_ref()?.messages.first()?;
                Some((*id, *said))
            });
            let (chat, seq) = said.unwrap_or((chat, Seq(b.into())));
            let reason = None;
            Command::FlagAnswer { chat, seq, reason }
        }
        66 | 67 => Command::StartTurn { chat, epoch, seq },
        68 | 69 => Command::FinishTurn {
            chat,
            epoch,
            seq,
            turn: match c % 5 {
                0 => Turn::Resolve { reply },
                1 => Turn::HandOff {
                    reason: HandOffReason::LowConfidence,
                    detail: None,
                    reply,
                },
                _ => Turn::Say {
                    text: text(if a < 128 { "in a week" } else { "on its way" }),
                    reply,
                },
            },
        },
        70 => Command::NoteKnowledge {
            topics: u32::from(a % 8 > 0),
            questions: u32::from(b),
            provider: false,
            hash: text("5f"),
        },
        71 => Command::EraseCustomer {
            customer: UserId(u64::from(a % 24) + 1),
            reason: EraseReason::Requested,
        },
        72 => Command::CloseChats { chats: vec![chat] },
        73 => Command::EraseChat {
            chat: ChatId(u64::from(a % 8) + 1),
            customer: UserId(u64::from(b)),
            department: DepartmentId(1),
            reason: EraseReason::Retention,
            records: 1,
            digest: text("5f"),
        },
        _ => Command::UpdateAssistant {
            change: Box::new(AssistantChange {
                first_line: (c % 4 > 0).then_some(FirstLine::ALL[usize::from(a) % 4]),
                while_queued: (c % 4 == 1).then_some(WhileQueued::ALL[usize::from(b) % 2]),
                max_turns: (c % 7 == 0).then_some(b % 60),
                ..AssistantChange::default()
            }),
            rev: None,
        },
    }
}

fn post_or_end(chat: ChatId, b: u8) -> Command {
    if b.is_multiple_of(2) {
        Command::Resolve { chat }
    } else {
        super::sim::post(chat, "and another thing")
    }
}

fn open(place: DepartmentId, a: u8, b: u8) -> Command {
    Command::OpenChat(OpenChat {
        department: (a.is_multiple_of(2)).then_some(DepartmentRef::Id(place)),
        name: Some(text("Cleo")),
        text: (b.is_multiple_of(2)).then(|| text("hello")),
        ..OpenChat::default()
    })
}

fn transfer(
    chat: ChatId,
    department: Option<DepartmentId>,
    agent: Option<UserId>,
    epoch: Epoch,
) -> Command {
    Command::Transfer {
        chat,
        department: department.map(DepartmentRef::Id),
        agent: agent.map(UserRef::Id),
        note: Some(text("see the invoice")),
        epoch,
    }
}
