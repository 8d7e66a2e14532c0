//! A rehearsal: the commands that a document comes to, done on a copy of the desk one after the
//! other, in an order in which each can be done.
//!
//! Made before used: settings, the assistant, departments, the staff, canned replies. What goes, goes last, users
//! before departments, but canned replies before the new ones, which need their room. The one who
//! applies comes last of all, so that a change of their own role stops nothing before it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use shared::{
    command::{
        CannedChange, Command, DepartmentChange, NewCanned, NewDepartment, NewUser, SettingsChange,
        UserChange,
    },
    desk::{
        CannedEntry, DepartmentEntry, Document, Kind, Problem, ScopeEntry, SettingsEntry, UserEntry,
    },
    id::{DepartmentId, UserId},
    model::CannedScope,
    record::Record,
    text::SafeText,
    time::Timestamp,
};

use super::{
    super::{
        Desk, NewRecord, Rejection, Who,
        state::{Facts, Thread},
    },
    key::{Entry, folded},
};

/// Problems that are told one by one: a document of many mistakes is not answered by more text
/// than it has itself.
const PROBLEMS_MAX: usize = 100;

/// See the module.
pub(super) struct Rehearsal<'a> {
    desk: Desk,
    who: &'a Who,
    document: &'a Document,
    prune: &'a BTreeSet<Kind>,
    now: Timestamp,
    departments: BTreeMap<String, DepartmentId>,
    /// The departments and users that there shall be, also those that could not be made.
    named: BTreeMap<Kind, BTreeSet<String>>,
    records: Vec<NewRecord>,
    problems: Vec<Problem>,
    /// Problems beyond [`PROBLEMS_MAX`].
    untold: usize,
}

/// What a name in a document leads to.
enum Named<T> {
    /// A thing.
    There(T),
    /// A thing of the document that could not be made, which is a problem of its own.
    Failed,
    /// Nothing.
    Unknown,
}

impl<'a> Rehearsal<'a> {
    pub(super) fn new(
        desk: &Desk,
        who: &'a Who,
        document: &'a Document,
        prune: &'a BTreeSet<Kind>,
        now: Timestamp,
    ) -> Self {
        let departments = desk.departments();
        let mut rehearsal = Self {
            desk: copy(desk),
            who,
            document,
            prune,
            now,
            departments: departments.map(|one| (folded(&one.name), one.id)).collect(),
            named: BTreeMap::new(),
            records: Vec::new(),
            problems: Vec::new(),
            untold: 0,
        };
        let departments = desk.departments().map(|one| folded(&one.name));
        rehearsal.name(Kind::Department, departments, &document.department);
        let users = desk.users().map(|user| folded(&user.username));
        rehearsal.name(Kind::User, users, &document.user);
        rehearsal
    }

    /// Notes which things of a kind there shall be: those of the document, and those of the desk
    /// that stay.
    fn name<T: Entry<Key = String>>(
        &mut self,
        kind: Kind,
        there: impl Iterator<Item = String>,
        list: &Option<Vec<T>>,
    ) {
        let stays = !self.prunes(kind);
        let named = there.filter(|_| stays);
        let named = named.chain(list.iter().flatten().map(Entry::key));
        self.named.insert(kind, named.collect());
    }

    /// Does everything that can be done, and notes what cannot.
    pub(super) fn run(&mut self) {
        self.check_prune();
        self.check_doubles(Kind::Department, &self.document.department);
        self.check_doubles(Kind::User, &self.document.user);
        self.check_doubles(Kind::Canned, &self.document.canned);
        let defaults = self.document.department.iter().flatten();
        for second in defaults.filter(|one| one.default).skip(1) {
            let message = "cannot be the default too; say default = true of one department";
            self.problem(Kind::Department, &second.title(), message);
        }
        if !self.problems.is_empty() {
            return;
        }
        let document = self.document;
        if let Some(settings) = &document.settings {
            self.set(settings);
        }
        if let Some(change) = &document.assistant {
            let change = Box::new(change.clone());
            let command = Command::UpdateAssistant { change, rev: None };
            self.act(Kind::Assistant, &SafeText::default(), &command);
        }
        let mut departments: Vec<_> = document.department.iter().flatten().collect();
        departments.sort_by_key(|one| Reverse(one.default));
        for department in departments {
            self.put_department(department);
        }
        let mut users: Vec<_> = document.user.iter().flatten().collect();
        users.sort_by_key(|one| Reverse((one.active, one.role)));
        let (own, others): (Vec<_>, Vec<_>) = users.into_iter().partition(|one| self.is_own(one));
        for user in others {
            self.put_user(user);
        }
        self.drop_canned();
        for canned in document.canned.iter().flatten() {
            self.put_canned(canned);
        }
        self.drop_users();
        self.drop_departments();
        for user in own {
            self.put_user(user);
        }
    }

    /// The desk as it would be, the records that lead there, and all that is in the way.
    pub(super) fn end(self) -> (Desk, Vec<NewRecord>, Vec<Problem>) {
        let mut problems = self.problems;
        if self.untold > 0 {
            problems.push(Problem {
                kind: Kind::Settings,
                name: SafeText::default(),
                message: SafeText::line(&format!(
                    "{} more things are wrong with the document; mend these first",
                    self.untold
                )),
            });
        }
        (self.desk, self.records, problems)
    }

    fn prunes(&self, kind: Kind) -> bool {
        self.prune.contains(&kind) && self.document.has(kind)
    }

    fn check_prune(&mut self) {
        for &kind in self.prune {
            if kind.is_single() {
                let message = "cannot be deleted; leave them out of what is to be pruned";
                self.problem(kind, &SafeText::default(), message);
            } else if !self.document.has(kind) {
                let message = format!(
                    "has no section in the document; write \"{kind} = []\" to delete all of them"
                );
                self.problem(kind, &SafeText::default(), &message);
            }
        }
    }

    fn check_doubles<T: Entry>(&mut self, kind: Kind, list: &Option<Vec<T>>) {
        let mut seen = BTreeSet::new();
        for entry in list.iter().flatten() {
            if !seen.insert(entry.key()) {
                let message = "is in the document twice; keep one of them";
                self.problem(kind, &entry.title(), message);
            }
        }
    }

    fn set(&mut self, settings: &SettingsEntry) {
        let change = SettingsChange {
            name: settings.name.clone(),
            notice: settings.notice.clone(),
            retention_days: settings.retention_days,
        };
        let command = Command::UpdateSettings { change, rev: None };
        self.act(Kind::Settings, &SafeText::default(), &command);
    }

    fn put_department(&mut self, entry: &DepartmentEntry) {
        let key = entry.key();
        let command = match self.departments.get(&key) {
            Some(&id) => Command::UpdateDepartment {
                id,
                change: DepartmentChange {
                    name: Some(entry.name.clone()),
                    description: Some(entry.description.clone()),
                    active: Some(entry.active),
                    default: Some(entry.default),
                    capacity: Some(entry.capacity),
                    retention_days: Some(entry.retention_days),
                    form: Some(entry.form.clone()),
                },
                rev: None,
            },
            None => Command::CreateDepartment(NewDepartment {
                name: entry.name.clone(),
                description: entry.description.clone(),
                active: entry.active,
                default: entry.default,
                capacity: entry.capacity,
                retention_days: entry.retention_days,
                form: entry.form.clone(),
            }),
        };
        let done = self.act(Kind::Department, &entry.title(), &command);
        if done && matches!(command, Command::CreateDepartment(_)) {
            self.departments
                .insert(key, self.desk.facts.last_department);
        }
    }

    fn put_user(&mut self, entry: &UserEntry) {
        let title = entry.title();
        let mut departments = BTreeSet::new();
        let mut whole = true;
        for name in &entry.departments {
            match self.department_named(name) {
                Named::There(id) => {
                    departments.insert(id);
                }
                Named::Failed => whole = false,
                Named::Unknown => {
                    self.unknown(Kind::User, &title, Kind::Department, name);
                    whole = false;
                }
            }
        }
        if !whole {
            return;
        }
        let there = self.desk.user_by_name(&entry.key()).map(|user| user.id);
        if there.is_none() {
            let command = Command::CreateUser(NewUser {
                username: entry.username.clone(),
                name: entry.name.clone(),
                role: entry.role,
                departments: departments.clone(),
                capacity: entry.capacity,
            });
            if !self.act(Kind::User, &title, &command) || entry.active {
                return;
            }
        }
        let id = there.unwrap_or(self.desk.facts.last_user);
        let change = UserChange {
            name: Some(entry.name.clone()),
            role: Some(entry.role),
            departments: Some(departments),
            capacity: Some(entry.capacity),
            active: Some(entry.active),
        };
        // Who may not change somebody may still leave them as they are.
        let is_so = self.desk.user(id).is_some_and(|user| {
            Some(&user.departments) == change.departments.as_ref()
                && (&user.name, user.role) == (&entry.name, entry.role)
                && (user.capacity, user.active) == (entry.capacity, entry.active)
        });
        if !is_so {
            let rev = None;
            self.act(Kind::User, &title, &Command::UpdateUser { id, change, rev });
        }
    }

    fn put_canned(&mut self, entry: &CannedEntry) {
        let title = entry.title();
        let title = SafeText::line(&title);
        let Some(scope) = self.scope(entry, &title) else {
            return;
        };
        let code = SafeText::line(&folded(&entry.code));
        let command = match self.desk.canned_called(scope, &code) {
            Some(id) => Command::UpdateCanned {
                id,
                change: CannedChange {
                    code: None,
                    text: Some(entry.text.clone()),
                    variants: Some(entry.variants.clone()),
                },
                rev: None,
            },
            None => Command::CreateCanned(NewCanned {
                code: entry.code.clone(),
                scope,
                text: entry.text.clone(),
                variants: entry.variants.clone(),
            }),
        };
        self.act(Kind::Canned, &title, &command);
    }

    /// For whom a canned reply is; none when that cannot be, which is noted.
    fn scope(&mut self, entry: &CannedEntry, title: &SafeText) -> Option<CannedScope> {
        let named = match (entry.scope, &entry.department, &entry.user) {
            (ScopeEntry::Global, None, None) => Named::There(CannedScope::Global),
            (ScopeEntry::Department, Some(name), None) => match self.department_named(name) {
                Named::There(department) => Named::There(CannedScope::Department { department }),
                Named::Failed => Named::Failed,
                Named::Unknown => {
                    self.unknown(Kind::Canned, title, Kind::Department, name);
                    Named::Unknown
                }
            },
            (ScopeEntry::Personal, None, Some(name)) => match self.user_named(name) {
                Named::There(user) => Named::There(CannedScope::Personal { user }),
                Named::Failed => Named::Failed,
                Named::Unknown => {
                    self.unknown(Kind::Canned, title, Kind::User, name);
                    Named::Unknown
                }
            },
            _ => {
                let message = "names what its scope does not take; name a department for scope \
                               department, a user for scope personal, and neither for global";
                self.problem(Kind::Canned, title, message);
                Named::Unknown
            }
        };
        match named {
            Named::There(scope) => Some(scope),
            Named::Failed | Named::Unknown => None,
        }
    }

    fn drop_canned(&mut self) {
        if !self.prunes(Kind::Canned) {
            return;
        }
        let kept = keys(&self.document.canned);
        let there = self.desk.canned().map(|canned| {
            let entry = self.desk.canned_entry(canned);
            (canned.id, entry.key(), Entry::title(&entry))
        });
        let gone: Vec<_> = there.filter(|(_, key, _)| !kept.contains(key)).collect();
        for (id, _, title) in gone {
            let command = Command::DeleteCanned { id, rev: None };
            self.act(Kind::Canned, &title, &command);
        }
    }

    fn drop_users(&mut self) {
        if !self.prunes(Kind::User) {
            return;
        }
        let kept = keys(&self.document.user);
        let there = self.desk.users();
        let there = there.map(|user| (user.id, user.username.clone()));
        let gone: Vec<_> = there
            .filter(|(_, name)| !kept.contains(&folded(name)))
            .collect();
        for (id, username) in gone {
            if *self.who == Who::User(id) {
                let message = "would be deleted, and that is you; put yourself into the document";
                self.problem(Kind::User, &username, message);
                continue;
            }
            let command = Command::DeleteUser { id, rev: None };
            self.act(Kind::User, &username, &command);
        }
    }

    fn drop_departments(&mut self) {
        if !self.prunes(Kind::Department) {
            return;
        }
        let kept = keys(&self.document.department);
        let there = self.desk.departments();
        let there = there.map(|one| (one.id, one.name.clone()));
        let gone: Vec<_> = there
            .filter(|(_, name)| !kept.contains(&folded(name)))
            .collect();
        for (id, name) in gone {
            let command = Command::DeleteDepartment { id, rev: None };
            self.act(Kind::Department, &name, &command);
        }
    }

    fn is_own(&self, entry: &UserEntry) -> bool {
        let there = self.desk.user_by_name(&entry.key());
        there.is_some_and(|user| *self.who == Who::User(user.id))
    }

    fn department_named(&self, name: &SafeText) -> Named<DepartmentId> {
        let key = folded(name);
        match self.departments.get(&key) {
            _ if !self.named[&Kind::Department].contains(&key) => Named::Unknown,
            Some(id) => Named::There(*id),
            None => Named::Failed,
        }
    }

    fn user_named(&self, name: &SafeText) -> Named<UserId> {
        let key = folded(name);
        match self.desk.user_by_name(&key) {
            _ if !self.named[&Kind::User].contains(&key) => Named::Unknown,
            Some(user) => Named::There(user.id),
            None => Named::Failed,
        }
    }

    /// Does a command as far as the rules let it. That `who` may apply documents is known, and is
    /// enough: see `permission`.
    fn act(&mut self, kind: Kind, name: &SafeText, command: &Command) -> bool {
        let party = self.desk.party(self.who);
        let decided = party.and_then(|party| self.desk.decide_of_desk(&party, command, self.now));
        match decided {
            Ok(records) => {
                for new in records {
                    self.append(new);
                }
                true
            }
            Err(rejection) => {
                self.problem(kind, name, &told(&rejection, kind, name));
                false
            }
        }
    }

    fn append(&mut self, new: NewRecord) {
        self.desk.apply(&Record {
            pos: self.desk.pos().next(),
            at: self.now,
            chat: new.chat,
            seq: new.chat.map(|chat| self.desk.next_seq(chat)),
            actor: new.actor.clone(),
            event: new.event.clone(),
        });
        self.records.push(new);
    }

    fn unknown(&mut self, kind: Kind, title: &SafeText, wanted: Kind, name: &SafeText) {
        let name = SafeText::line(name);
        let message = format!("names the {wanted} \"{name}\", which there is not; add it");
        self.problem(kind, title, &message);
    }

    fn problem(&mut self, kind: Kind, name: &SafeText, message: &str) {
        if self.problems.len() >= PROBLEMS_MAX {
            self.untold += 1;
            return;
        }
        self.problems.push(Problem {
            kind,
            name: name.clone(),
            message: SafeText::line(message),
        });
    }
}

/// What a rule says, behind the thing it is about.
fn told(rejection: &Rejection, kind: Kind, name: &SafeText) -> String {
    let text = rejection.to_string();
    let (itself, called) = (format!("{kind} \"{name}\" "), format!("{name} "));
    let rest = text.strip_prefix(&itself);
    let rest = rest.or_else(|| text.strip_prefix(&called));
    rest.map(str::to_owned).unwrap_or(text)
}

fn keys<T: Entry>(list: &Option<Vec<T>>) -> BTreeSet<T::Key> {
    list.iter().flatten().map(Entry::key).collect()
}

/// What of a desk the commands of a document may touch: all but chats that are over, and of the
/// others no more than who has them.
fn copy(desk: &Desk) -> Desk {
    let facts = &desk.facts;
    let open = facts.chats.iter();
    let open = open.filter(|(_, thread)| thread.chat.state.is_open());
    let facts = Facts {
        chats: open
            .map(|(id, thread)| (*id, Thread::bare(&thread.chat)))
            .collect(),
        pos: facts.pos,
        last_chat: facts.last_chat,
        last_user: facts.last_user,
        last_department: facts.last_department,
        last_invitation: facts.last_invitation,
        departments: facts.departments.clone(),
        staff: facts.staff.clone(),
        invitations: facts.invitations.clone(),
        last_canned: facts.last_canned,
        canned: facts.canned.clone(),
        settings: facts.settings.clone(),
        assistant: facts.assistant.clone(),
        knowledge: facts.knowledge.clone(),
        counts: facts.counts.clone(),
        model_day: facts.model_day,
        last_attachment: facts.last_attachment,
    };
    facts.into()
}
