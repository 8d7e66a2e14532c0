//! A desk driven the way the hub drives it, with the laws checked on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use shared::{
    command::{Command, DepartmentRef, NewDepartment, NewUser, OpenChat},
    event::{AssignRule, Event, QueueReason},
    fold::{ChatView, View},
    id::{ChatId, DepartmentId, Epoch, Pos, Seq, UserId},
    model::{AgentStatus, Chat, ChatState, Interval, Role, User, Visibility},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

use crate::desk::{
    Desk, NewRecord, Rejection, Who, chat,
    index::Index,
    sight,
    state::capacity,
    visibility::{Scope, Viewer, hides, reveals, visible},
};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

pub(super) const ANA: u64 = 4;
pub(super) const BEN: u64 = 5;

/// The hub in one struct, without a store.
#[derive(Default)]
pub(super) struct Sim {
    pub(super) desk: Desk,
    pub(super) now: Timestamp,
    pub(super) log: Vec<Record>,
    views: BTreeMap<UserId, (Viewer, View)>,
    held_at: BTreeMap<ChatId, Epoch>,
    /// By when each parked chat must be something else.
    parked_until: BTreeMap<ChatId, Option<Timestamp>>,
}

pub(super) fn text(raw: &str) -> SafeText {
    SafeText::block(raw)
}

pub(super) fn customer(id: UserId) -> Who {
    Who::Customer {
        id,
        name: text("Cleo"),
    }
}

impl Sim {
    /// Owner 1, admin 2, supervisor 3, agents 4 to 6, auditor 7; departments 1 (default) and 2.
    /// Agents 4 and 6 and the supervisor work in both, 5 in the first only.
    pub(super) fn staffed() -> Self {
        let mut sim = Self {
            now: Timestamp::from_ms(1_800_000_000_000),
            ..Self::default()
        };
        let name = |raw: &str| (text(raw), text(raw));
        let (username, named) = name("Olga");
        sim.must(
            &Who::Anonymous,
            Command::Setup {
                username,
                name: named,
            },
        );
        let owner = Who::User(UserId(1));
        sim.must(&owner, Command::CreateDepartment(department("Billing")));
        let staff = [
            ("Adam", Role::Admin, [].as_slice(), None),
            ("Sue", Role::Supervisor, &[1, 2], Some(0)),
            ("Ana", Role::Agent, &[1, 2], Some(2)),
            ("Ben", Role::Agent, &[1], None),
            ("Cid", Role::Agent, &[1, 2], Some(1)),
            ("Audrey", Role::Auditor, &[], None),
        ];
        for (who, role, departments, capacity) in staff {
            let departments = departments.iter().copied().map(DepartmentId).collect();
            let (username, name) = name(who);
            let user = NewUser {
                username,
                name,
                role,
                departments,
                capacity,
            };
            sim.must(&owner, Command::CreateUser(user));
        }
        sim
    }

    /// Decides, applies and settles as the hub does, and checks the laws.
    pub(super) fn act(&mut self, who: &Who, command: &Command) -> Result<Vec<Record>, Rejection> {
        let decided = self.desk.decide(who, command, self.now);
        let again = self.desk.decide(who, command, self.now);
        assert_eq!(decided, again, "same input, same events");
        let first = self.log.len();
        let records = decided?;
        if let Who::User(id) | Who::Customer { id, .. } = who {
            for record in &records {
                let actor = record.actor.id;
                assert!(actor.is_none() || actor == Some(*id), "actor is who asked");
            }
        }
        for record in records {
            self.append(record);
        }
        let done = self.log.len();
        self.settle();
        Ok(self.log[first..done].to_vec())
    }

    #[track_caller]
    pub(super) fn must(&mut self, who: &Who, command: Command) -> Vec<Record> {
        match self.act(who, &command) {
            Ok(records) => records,
            Err(rejection) => panic!("{command:?} of {who:?}: {rejection}"),
        }
    }

    #[track_caller]
    pub(super) fn refuses(&mut self, who: &Who, command: Command) -> Rejection {
        match self.act(who, &command) {
            Ok(_) => panic!("{command:?} of {who:?} was done"),
            Err(rejection) => rejection,
        }
    }

    /// Lets time pass, waking at each deadline.
    pub(super) fn pass(&mut self, duration: Duration) {
        let until = self.now.after(duration);
        while let Some(at) = self.desk.next_deadline().filter(|at| *at <= until) {
            let early = Timestamp::from_ms(at.as_ms() - 1);
            assert_eq!(self.desk.due(early), [], "early calls give nothing");
            self.now = at;
            assert_ne!(self.desk.due(at), [], "a deadline gives something");
            self.settle();
        }
        self.now = until;
        self.settle();
    }

    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 1_000, "the desk owes without end");
            let owed = self.desk.due(self.now);
            assert_eq!(owed, self.desk.due(self.now), "due twice is due once");
            if owed.is_empty() {
                break;
            }
            owed.into_iter().for_each(|record| self.append(record));
        }
        self.check();
    }

    fn append(&mut self, new: NewRecord) {
        let scope = self.desk.scope(&new);
        self.check_assignment(&new.event, new.chat);
        let record = Record {
            pos: self.desk.pos().next(),
            at: self.now,
            chat: new.chat,
            seq: new.chat.map(|chat| self.desk.next_seq(chat)),
            actor: new.actor,
            event: new.event,
        };
        for (viewer, view) in self.views.values_mut() {
            deliver(&self.desk, viewer, view, &record, &scope);
        }
        let before = record.chat.and_then(|id| self.desk.chat(id)).cloned();
        self.desk.apply(&record);
        if let Some(before) = before {
            let after = self.desk.chat(before.id).cloned();
            let state = after.as_ref().map_or(ChatState::Closed, |chat| chat.state);
            assert_eq!(chat::next(before.state, &record.event), Some(state));
            if let Some(after) = after {
                assert!(after.epoch >= before.epoch, "an epoch never falls");
                assert!(after.read_by_customer >= before.read_by_customer);
                assert!(after.read_by_staff >= before.read_by_staff);
                assert!(after.read_by_staff.max(after.read_by_customer) <= after.seq);
                assert!(after.read_by_owner <= after.read_by_staff);
                let stays = after.owner == before.owner;
                assert!(!stays || after.read_by_owner >= before.read_by_owner);
                assert!(stays || after.owner.is_none() || after.read_by_owner == Seq(0));
                assert!(after.unread_from.is_none_or(|seq| seq <= after.seq));
            }
        }
        match (record.chat, &record.event) {
            (Some(chat), Event::ChatHeld {}) => {
                self.parked_until.insert(chat, Some(self.now.after(HOUR)));
            }
            (Some(chat), Event::ChatSnoozed { until }) => {
                self.parked_until.insert(chat, *until);
            }
            _ => {}
        }
        self.log.push(record);
    }

    /// Automatic assignments go to routable members with room; the flag tells the truth; a
    /// return to the queue keeps the age.
    fn check_assignment(&self, event: &Event, id: Option<ChatId>) {
        let chat = id.and_then(|id| self.desk.chat(id));
        match (event, chat) {
            (
                Event::ChatAssigned {
                    agent,
                    rule,
                    over_capacity,
                    ..
                },
                Some(chat),
            ) => {
                let room = self.free_for(*agent, chat.department);
                assert_eq!(
                    *over_capacity, !room,
                    "the flag says whether there was room"
                );
                if matches!(rule, AssignRule::LeastLoaded | AssignRule::Reopened) {
                    let user = self.desk.user(*agent).expect("assigned to somebody");
                    assert!(room, "nobody goes above capacity automatically");
                    assert!(takes_chats(user), "only who is there gets chats");
                    assert!(user.departments.contains(&chat.department));
                }
            }
            (
                Event::ChatQueued {
                    rank_at,
                    reason: QueueReason::Woken,
                    ..
                },
                Some(chat),
            ) => {
                assert_eq!(*rank_at, self.now, "who is woken waits from then on");
                let owner = chat.owner.and_then(|owner| self.desk.user(owner));
                assert!(
                    !is_there(owner.expect("owned")),
                    "who is there keeps a chat"
                );
            }
            (
                Event::ChatQueued {
                    rank_at,
                    reason: QueueReason::HandedOff | QueueReason::Transferred,
                    ..
                },
                Some(chat),
            ) if chat.state == ChatState::Assistant => assert!(
                [self.now, chat.rank_at].contains(rank_at),
                "who never waited waits from then on"
            ),
            (
                Event::ChatQueued {
                    rank_at, reason, ..
                },
                Some(chat),
            ) if !matches!(reason, QueueReason::Opened | QueueReason::Reopened) => {
                assert_eq!(*rank_at, chat.rank_at, "who waited keeps the age");
            }
            _ => {}
        }
    }

    fn free_for(&self, agent: UserId, department: DepartmentId) -> bool {
        let mut chats = self.desk.chats();
        let department = self.desk.department(&DepartmentRef::Id(department));
        let (Some(user), Some(department)) = (self.desk.user(agent), department) else {
            return false;
        };
        let load = chats
            .by_ref()
            .filter(|chat| chat.owner == Some(agent) && chat.state == ChatState::Active)
            .count();
        load < capacity(department, user) as usize
    }

    fn check(&mut self) {
        let desk = &self.desk;
        assert_eq!(desk.index, Index::of(&desk.facts), "the index is derived");
        assert!(desk.next_deadline().is_none_or(|at| at > self.now));
        self.check_chats();
        self.check_staff();
        self.check_views();
    }

    fn check_chats(&mut self) {
        let desk = &self.desk;
        for chat in desk.chats() {
            let queued = desk.departments().flat_map(|d| desk.queue(d.id));
            let queued = queued.filter(|waiting| waiting.id == chat.id).count();
            let owned = desk.users().flat_map(|user| desk.owned(user.id));
            let owned = owned.filter(|owned| owned.id == chat.id).count();
            let open = usize::from(chat.state.is_open());
            let assisted = usize::from(chat.state == ChatState::Assistant);
            assert_eq!(
                queued + owned + assisted,
                open,
                "queued, owned or the assistant's exactly once: {chat:?}"
            );
            assert_eq!(queued == 1, chat.state == ChatState::Waiting);
            let until = self.parked_until.get(&chat.id).copied();
            let until = until.filter(|_| chat.state.is_parked()).flatten();
            assert_eq!(chat.until, until, "until is of parked chats: {chat:?}");
            let overdue = until.is_some_and(|until| until <= self.now);
            assert!(!overdue, "parked for too long: {chat:?}");
            if owned == 1 {
                let owner = chat.owner.expect("an owned chat has an owner");
                let viewer = desk.viewer(&Who::User(owner)).expect("owners are active");
                let answers = !matches!(viewer.role, Role::Auditor | Role::Customer);
                assert!(answers, "who owns a chat answers customers");
                assert!(
                    sight::sees(&viewer, chat),
                    "an owner sees the chat: {chat:?}"
                );
                let held_at = self.held_at.insert(chat.id, chat.epoch);
                assert!(held_at.is_none_or(|held_at| held_at <= chat.epoch));
            } else if queued == 1 {
                let held_at = self.held_at.get(&chat.id);
                assert!(
                    held_at.is_none_or(|held_at| *held_at < chat.epoch),
                    "a lost chat has a new epoch"
                );
                let fits = |user: &&User| {
                    let member = user.departments.contains(&chat.department);
                    member && takes_chats(user) && self.free_for(user.id, chat.department)
                };
                let idle = desk.users().find(fits);
                assert_eq!(idle, None, "chat {} waits beside a free agent", chat.id);
            }
        }
        for department in desk.departments() {
            let order = |chat: &Chat| (-chat.priority, chat.rank_at, chat.id);
            let queue: Vec<_> = desk.queue(department.id).collect();
            assert!(queue.iter().map(|chat| order(chat)).is_sorted());
            assert!(queue.iter().all(|chat| chat.department == department.id));
        }
    }

    fn check_staff(&self) {
        let desk = &self.desk;
        let owners = desk.users().filter(|u| u.role == Role::Owner && u.active);
        assert!(owners.count() > 0, "there is always an owner");
        let defaults: Vec<_> = desk.departments().filter(|d| d.default).collect();
        assert!(defaults.len() == 1 && defaults[0].active, "one default");
        for user in desk.users() {
            let active = desk.owned(user.id);
            let active = active.filter(|chat| chat.state == ChatState::Active);
            assert_eq!(desk.load(user.id) as usize, active.count());
            let leaving = user.drain && desk.load(user.id) == 0;
            assert!(!leaving, "{} finished and is still here", user.name);
            assert!(user.active || !user.reachable);
            let hours: Vec<_> = desk.hours(user.id, Timestamp::from_ms(0)).collect();
            let seamless = |pair: &[Interval]| pair[0].to == Some(pair[1].from);
            assert!(hours.windows(2).all(seamless), "{hours:?}");
            let last = hours.last().expect("everybody does something");
            assert_eq!(
                (last.to, last.status, last.reachable, &last.reason),
                (None, user.status, user.reachable, &user.reason)
            );
        }
    }

    /// P9: what a client folded from what it was sent is what a fresh look shows.
    fn check_views(&mut self) {
        let mut everyone: BTreeSet<UserId> = self.desk.users().map(|user| user.id).collect();
        everyone.extend(self.desk.chats().map(|chat| chat.customer));
        self.views.retain(|id, _| everyone.contains(id));
        for id in everyone {
            let who = self
                .desk
                .user(id)
                .map_or_else(|| customer(id), |_| Who::User(id));
            let Some(viewer) = self.desk.viewer(&who) else {
                self.views.remove(&id);
                continue;
            };
            let mut fresh = View::new(self.desk.pos(), self.desk.view(&viewer, usize::MAX));
            let known = self.views.get_mut(&id).filter(|(old, _)| *old == viewer);
            let Some((_, folded)) = known else {
                self.views.insert(id, (viewer, fresh));
                continue;
            };
            let told = fresh
                .chats
                .values()
                .any(|view| view.chat.unread_from.is_some() || view.chat.hand_off.is_some());
            assert!(!told || viewer.role != Role::Customer);
            folded.pos = fresh.pos;
            folded
                .chats
                .retain(|_, chat| chat.chat.state != ChatState::Closed);
            // Places are answers to a question, records are fetched apart.
            for view in folded.chats.values_mut().chain(fresh.chats.values_mut()) {
                view.chat.place = None;
                view.events.clear();
            }
            assert_eq!(*folded, fresh, "the view of {viewer:?} drifted");
        }
    }

    /// Replay, also of what is erased, and the stored snapshot give the same desk; seqs and
    /// positions are dense.
    pub(super) fn check_log(&self) {
        let mut replayed = Desk::default();
        let mut seqs: BTreeMap<ChatId, Seq> = BTreeMap::new();
        for (record, pos) in self.log.iter().zip(1..) {
            assert_eq!(record.pos, Pos(pos));
            if let (Some(chat), Some(seq)) = (record.chat, record.seq) {
                let last = seqs.insert(chat, seq).unwrap_or_default();
                assert_eq!(seq, last.next(), "seq of chat {chat} is dense");
            }
            replayed.apply(record);
        }
        assert_eq!(replayed, self.desk, "replay == state");
        let mut erased = Desk::default();
        for record in &self.log {
            let closed = record
                .chat
                .is_some_and(|chat| self.desk.chat(chat).is_none());
            erased.apply(&match closed {
                true => record.clone().erased(),
                false => record.clone(),
            });
        }
        assert_eq!(
            erased, self.desk,
            "a past without words leads to the same desk"
        );
        let json = serde_json::to_string(&self.desk).unwrap();
        let restored: Desk = serde_json::from_str(&json).unwrap();
        assert_eq!(restored, self.desk, "snapshot == state");
    }

    pub(super) fn open(&mut self, department: u64) -> (ChatId, Who) {
        let open = OpenChat {
            department: Some(DepartmentRef::Id(DepartmentId(department))),
            name: Some(text("Cleo")),
            text: Some(text("hello")),
            ..OpenChat::default()
        };
        self.must(&Who::Anonymous, Command::OpenChat(open));
        let id = self.desk.last_chat();
        let chat = self.desk.chat(id).expect("just opened");
        (id, customer(chat.customer))
    }

    pub(super) fn online(&mut self, user: u64) -> Who {
        let user = UserId(user);
        self.must(&Who::System("presence"), Command::RegainAgent { user });
        let who = Who::User(user);
        self.must(&who, status(AgentStatus::Online));
        who
    }

    pub(super) fn epoch(&self, chat: ChatId) -> Epoch {
        self.desk.chat(chat).expect("not closed").epoch
    }

    pub(super) fn owner(&self, chat: ChatId) -> Option<u64> {
        let chat = self.desk.chat(chat).expect("not closed");
        assert_eq!(chat.owner.is_some(), chat.state != ChatState::Waiting);
        chat.owner.map(|owner| owner.0)
    }
}

/// Who is there for a chat of their own that wakes.
fn is_there(user: &User) -> bool {
    let at_work = matches!(user.status, AgentStatus::Online | AgentStatus::Busy);
    user.active && at_work && user.reachable
}

/// The rule in the words of the rule book, apart from the desk's own.
fn takes_chats(user: &User) -> bool {
    let answers = !matches!(user.role, Role::Auditor | Role::Customer);
    let there = user.status == AgentStatus::Online && user.reachable;
    user.active && answers && there && !user.drain
}

/// Sends a record to one client, as a socket does.
fn deliver(desk: &Desk, viewer: &Viewer, view: &mut View, record: &Record, scope: &Scope) {
    if !visible(viewer, scope) {
        return;
    }
    if viewer.role == Role::Customer {
        assert!(record.chat.is_some(), "customers see chats only");
        assert_eq!(
            scope.customer,
            Some(viewer.id),
            "customers see their own only"
        );
        let note = Visibility::Note;
        let secret = matches!(&record.event,
            Event::MessagePosted { visibility, .. } | Event::MessageEdited { visibility, .. }
                if *visibility == note);
        assert!(!secret, "a customer never sees a note");
    }
    if matches!(viewer.role, Role::Agent | Role::Supervisor) && record.chat.is_some() {
        let near = [scope.department, scope.left];
        let near = near.into_iter().flatten();
        assert!(near.into_iter().any(|d| viewer.departments.contains(&d)));
    }
    if reveals(viewer, scope)
        && let Some(chat) = record.chat.and_then(|id| desk.chat(id))
    {
        view.reveal(ChatView {
            chat: chat.clone(),
            events: Vec::new(),
        });
    }
    view.apply(record);
    if hides(viewer, scope)
        && let Some(chat) = record.chat
    {
        view.chats.remove(&chat);
    }
}

pub(super) fn department(name: &str) -> NewDepartment {
    NewDepartment {
        name: text(name),
        description: SafeText::default(),
        active: true,
        default: false,
        capacity: None,
        retention_days: None,
        form: Vec::new(),
    }
}

pub(super) fn status(status: AgentStatus) -> Command {
    Command::SetStatus {
        status,
        reason: None,
        drain: false,
        user: None,
    }
}

pub(super) fn post(chat: ChatId, raw: &str) -> Command {
    Command::PostMessage {
        chat,
        text: text(raw),
        visibility: Visibility::Public,
        expected_seq: None,
        canned: Vec::new(),
    }
}

pub(super) fn user(id: u64) -> Who {
    Who::User(UserId(id))
}

pub(super) fn kinds(records: &[Record]) -> Vec<&'static str> {
    records.iter().map(|record| record.event.kind()).collect()
}
