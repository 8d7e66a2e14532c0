//! What clients saw: invariants 2, 7, 10 and 23.
//!
//! Who may see what is written down here once more and not taken from the desk.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    event::Event,
    fold::ChatView,
    id::{ChatId, DepartmentId, Pos, UserId},
    model::{CannedScope, Chat, ChatState, Role, Visibility},
    record::Record,
};

use super::{Client, Log, Violation};

/// Chats that a snapshot has at most: with more at the desk, a view may lack some.
const SNAPSHOT_CHATS_MAX: usize = 200;

/// Whether the customer of its chat may see an event.
pub(super) fn is_public(event: &Event) -> bool {
    match event {
        Event::MessagePosted { visibility, .. } | Event::MessageEdited { visibility, .. } => {
            *visibility == Visibility::Public
        }
        event => matches!(
            event.kind(),
            "chat_opened"
                | "chat_queued"
                | "chat_assigned"
                | "chat_transferred"
                | "chat_held"
                | "chat_snoozed"
                | "chat_woken"
                | "chat_resolved"
                | "chat_reopened"
                | "chat_closed"
                | "read_marked"
                | "assistant_assigned"
                | "rated"
        ),
    }
}

/// Where the chat of a record is: before it, after it, and whose.
#[derive(Clone, Copy, Default)]
struct Place {
    before: Option<DepartmentId>,
    after: Option<DepartmentId>,
    customer: Option<UserId>,
}

/// What one user was, until when.
#[derive(Clone)]
struct Rights {
    until: Pos,
    role: Role,
    departments: BTreeSet<DepartmentId>,
}

impl Rights {
    fn sees_all(&self) -> bool {
        matches!(self.role, Role::Owner | Role::Admin | Role::Auditor)
    }

    fn sees(&self, department: Option<DepartmentId>) -> bool {
        self.sees_all() || department.is_some_and(|id| self.departments.contains(&id))
    }
}

/// Everything about places and rights that the log says.
struct Map<'a> {
    log: &'a Log,
    places: Vec<Place>,
    rights: BTreeMap<UserId, Vec<Rights>>,
    chats: BTreeMap<ChatId, Vec<&'a Record>>,
    now: BTreeMap<ChatId, Place>,
}

impl<'a> Map<'a> {
    fn of(log: &'a Log) -> Self {
        let mut now = BTreeMap::<ChatId, Place>::new();
        let mut chats = BTreeMap::<ChatId, Vec<&Record>>::new();
        let mut places = Vec::with_capacity(log.records.len());
        for record in &log.records {
            let Some(id) = record.chat else {
                places.push(Place::default());
                continue;
            };
            chats.entry(id).or_default().push(record);
            let place = now.entry(id).or_default();
            place.before = place.after;
            match &record.event {
                Event::ChatOpened {
                    department,
                    customer,
                    ..
                } => {
                    place.after = Some(*department);
                    place.customer = Some(*customer);
                }
                Event::ChatTransferred { to, .. } => place.after = Some(to.department),
                Event::ChatQueued { department, .. } => place.after = Some(*department),
                _ => {}
            }
            places.push(*place);
        }
        Self {
            log,
            places,
            rights: rights(log),
            chats,
            now,
        }
    }

    /// What a client was at `pos` or later; a customer is that always.
    fn rights_from(&self, client: &Client, pos: Pos) -> Vec<Rights> {
        let rights = self.rights.get(&client.id).into_iter().flatten();
        let later: Vec<_> = rights.filter(|one| one.until >= pos).cloned().collect();
        if client.role == Role::Customer && later.is_empty() {
            return vec![Rights {
                until: Pos(u64::MAX),
                role: Role::Customer,
                departments: BTreeSet::new(),
            }];
        }
        later
    }

    fn may_see(&self, client: &Client, rights: &Rights, record: &Record) -> bool {
        let place = self.places[(record.pos.0 - 1) as usize];
        if rights.role == Role::Customer {
            return place.customer == Some(client.id) && is_public(&record.event);
        }
        if rights.sees_all() {
            return true;
        }
        if record.chat.is_some() {
            return rights.sees(place.before) || rights.sees(place.after);
        }
        match &record.event {
            Event::CustomerRegistered { .. }
            | Event::DeskApplied { .. }
            | Event::InvitationCreated { .. }
            | Event::InvitationDeleted { .. } => false,
            Event::CannedCreated { canned } | Event::CannedUpdated { canned } => {
                match canned.scope {
                    CannedScope::Global => true,
                    CannedScope::Department { department } => rights.sees(Some(department)),
                    CannedScope::Personal { user } => user == client.id,
                }
            }
            Event::AgentLost { chats, .. } => chats.iter().all(|id| {
                let known = self.chats.get(id).and_then(|records| records.first());
                known.is_none_or(|_| self.was_in_sight(rights, *id, record.pos))
            }),
            _ => true,
        }
    }

    /// Whether the chat was in a department of theirs just before `pos`.
    fn was_in_sight(&self, rights: &Rights, id: ChatId, pos: Pos) -> bool {
        let records = self.chats.get(&id).into_iter().flatten();
        let before = records.take_while(|record| record.pos < pos).last();
        let place = before.map(|record| self.places[(record.pos.0 - 1) as usize]);
        place.is_some_and(|place| rights.sees(place.after))
    }
}

/// What every member of staff was, each until the record that changed it.
fn rights(log: &Log) -> BTreeMap<UserId, Vec<Rights>> {
    let mut all = BTreeMap::<UserId, Vec<Rights>>::new();
    for record in &log.records {
        let change = |all: &mut BTreeMap<UserId, Vec<Rights>>, id, role, departments| {
            let history = all.entry(id).or_default();
            if let Some(last) = history.last_mut() {
                // The record that takes a right away is still heard under it.
                last.until = record.pos;
            }
            history.push(Rights {
                until: Pos(u64::MAX),
                role,
                departments,
            });
        };
        match &record.event {
            Event::UserCreated { user } | Event::UserUpdated { user } => {
                change(&mut all, user.id, user.role, user.departments.clone());
            }
            Event::DepartmentDeleted { department } => {
                let members: Vec<_> = all
                    .iter()
                    .filter_map(|(id, history)| Some((*id, history.last()?.clone())))
                    .filter(|(_, last)| last.departments.contains(department))
                    .collect();
                for (id, mut last) in members {
                    last.departments.remove(department);
                    change(&mut all, id, last.role, last.departments);
                }
            }
            _ => {}
        }
    }
    all
}

pub(super) fn judge(log: &Log, views: &[Client], found: &mut Vec<Violation>) {
    if views.is_empty() {
        return;
    }
    let map = Map::of(log);
    for client in views {
        judge_records(&map, client, found);
        judge_views(&map, client, found);
    }
}

/// Each record that came is in the log as it came, and was for this client.
fn judge_records(map: &Map<'_>, client: &Client, found: &mut Vec<Violation>) {
    let name = &client.name;
    for record in &client.seen.records {
        let pos = record.pos;
        match map.log.record(pos) {
            Some(stored) if stored == record => {}
            Some(stored) if matches!(stored.event, Event::Unknown) => continue,
            Some(_) => {
                found.push(Violation::new(
                    2,
                    format!("{name}: record {pos} is another one"),
                ));
                continue;
            }
            None => {
                found.push(Violation::new(
                    2,
                    format!("{name}: record {pos} is a phantom"),
                ));
                continue;
            }
        }
        let rights = map.rights_from(client, pos);
        let about = matches!(&record.event,
            Event::UserUpdated { user } if user.id == client.id);
        if !about && !rights.iter().any(|one| map.may_see(client, one, record)) {
            let kind = record.event.kind();
            let what = format!("{name}, {:?}, was shown {kind} at {pos}", client.role);
            found.push(Violation::new(23, what));
        }
    }
}

/// Each chat of a view shows records of the log without a gap, as they make it, to the end.
fn judge_views(map: &Map<'_>, client: &Client, found: &mut Vec<Violation>) {
    let name = &client.name;
    let Some(rights) = map.rights_from(client, Pos(u64::MAX)).pop() else {
        return;
    };
    let open = map.chats.len() <= SNAPSHOT_CHATS_MAX;
    for (id, records) in &map.chats {
        let place = map.now.get(id).copied().unwrap_or_default();
        let in_sight = match rights.role {
            Role::Customer => place.customer == Some(client.id),
            _ => rights.sees(place.after),
        };
        let readable: Vec<&Record> = records
            .iter()
            .copied()
            .filter(|record| rights.role != Role::Customer || is_public(&record.event))
            .collect();
        let Some(view) = client.seen.view.chats.get(id) else {
            let closed = map.log.desk.chat(*id).is_none();
            if client.is_complete && in_sight && open && !closed {
                let what = format!("{name} does not see chat {id}");
                found.push(Violation::new(7, what));
            }
            continue;
        };
        let whole = client.is_complete && in_sight;
        judge_view((name, *id), view, &readable, whole, found);
    }
    let own = |id: &&ChatId| !map.chats.contains_key(id);
    for id in client.seen.view.chats.keys().filter(own) {
        let what = format!("{name} sees chat {id}, which is not there");
        found.push(Violation::new(2, what));
    }
}

fn judge_view(
    (name, id): (&str, ChatId),
    view: &ChatView,
    readable: &[&Record],
    whole: bool,
    found: &mut Vec<Violation>,
) {
    let Some(last) = view.events.last() else {
        return;
    };
    let end = readable.iter().position(|record| record.pos == last.pos);
    let Some(end) = end.map(|end| end + 1) else {
        let what = format!(
            "{name}: chat {id} ends with {}, which is not for them",
            last.pos
        );
        found.push(Violation::new(23, what));
        return;
    };
    let begin = end.checked_sub(view.events.len());
    let run = begin.and_then(|begin| readable.get(begin..end));
    let same = run.is_some_and(|run| run.iter().copied().eq(view.events.iter()));
    if !same || (whole && end != readable.len()) {
        let (shown, all) = (view.events.len(), readable.len());
        let what = format!(
            "{name}: chat {id} shows {shown} records to {}, not those of the {all} in the log",
            last.pos
        );
        found.push(Violation::new(7, what));
        return;
    }
    let mut folded: Option<Chat> = None;
    for record in &readable[..end] {
        match &mut folded {
            Some(chat) => chat.apply(record),
            None => folded = Chat::opened(record),
        }
    }
    let face = |chat: &Chat| {
        let Chat {
            state,
            department,
            owner,
            epoch,
            episode,
            read_by_customer,
            ..
        } = chat;
        (
            *state,
            *department,
            *owner,
            *epoch,
            *episode,
            *read_by_customer,
        )
    };
    let closed = view.chat.state == ChatState::Closed;
    if folded.as_ref().map(face) != Some(face(&view.chat)) && !closed {
        let what = format!(
            "{name}: chat {id} is {:?} to them, its records make {:?}",
            face(&view.chat),
            folded.as_ref().map(face)
        );
        found.push(Violation::new(10, what));
    }
}
