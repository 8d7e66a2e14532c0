//! What is seen of the desk: scopes of records, and views for whoever may look.
//!
//! Who may see a scope is `visibility`; nothing is decided here.

use shared::{
    event::Event,
    fold::{ChatView, DeskView},
    id::{ChatId, DepartmentId, Seq, UserId},
    model::{CannedScope, Chat, ChatState, Role, Visibility},
};

use super::{
    Desk, NewRecord, Who,
    index::{Shelf, Turn},
    state::Thread,
    visibility::{Audience, Scope, Viewer, visible},
};

/// For whom an event is, wherever its chat is.
pub(super) const fn audience(event: &Event) -> Audience {
    match event {
        Event::MessagePosted { visibility, .. } | Event::MessageEdited { visibility, .. } => {
            match visibility {
                Visibility::Public => Audience::Public,
                Visibility::Note => Audience::Staff,
            }
        }
        Event::ChatOpened { .. }
        | Event::ChatQueued { .. }
        | Event::ChatAssigned { .. }
        | Event::ChatTransferred { .. }
        | Event::ChatHeld {}
        | Event::ChatSnoozed { .. }
        | Event::ChatWoken {}
        | Event::ChatResolved { .. }
        | Event::ChatReopened { .. }
        | Event::ChatClosed {}
        | Event::ReadMarked { .. }
        | Event::AssistantAssigned { .. }
        | Event::ChatErased { .. }
        | Event::Rated { .. } => Audience::Public,
        Event::UnreadMarked { .. }
        | Event::Tagged { .. }
        | Event::Prioritised { .. }
        | Event::AttributeSet { .. }
        | Event::StatusSet { .. }
        | Event::AgentUnreachable { .. }
        | Event::AgentBack { .. }
        | Event::AgentLost { .. }
        | Event::DepartmentCreated { .. }
        | Event::DepartmentUpdated { .. }
        | Event::DepartmentDeleted { .. }
        | Event::UserCreated { .. }
        | Event::UserUpdated { .. }
        | Event::UserDeleted { .. }
        | Event::CannedCreated { .. }
        | Event::CannedUpdated { .. }
        | Event::CannedDeleted { .. }
        | Event::CannedUsed { .. }
        | Event::SettingsUpdated { .. }
        | Event::AssistantStarted { .. }
        | Event::AssistantReplied { .. }
        | Event::HandedOff { .. }
        | Event::AnswerFlagged { .. }
        | Event::AssistantUpdated { .. }
        | Event::KnowledgeLoaded { .. } => Audience::Staff,
        Event::CustomerRegistered { .. }
        | Event::CustomerErased { .. }
        | Event::DeskApplied { .. }
        | Event::InvitationCreated { .. }
        | Event::InvitationDeleted { .. }
        | Event::PasswordChanged { .. }
        | Event::PasswordCodeCreated { .. }
        | Event::TotpEnabled { .. }
        | Event::TotpDisabled { .. }
        | Event::TotpReset { .. }
        | Event::RecoveryCodesCreated { .. }
        | Event::RecoveryCodeUsed { .. }
        | Event::SessionsRevoked { .. }
        | Event::TokenCreated { .. }
        | Event::TokenDeleted { .. }
        | Event::Unknown => Audience::Admins,
    }
}

/// Whether `viewer` has this chat in sight.
pub(super) fn sees(viewer: &Viewer, chat: &Chat) -> bool {
    visible(viewer, &chat_scope(chat))
}

const fn chat_scope(chat: &Chat) -> Scope {
    Scope {
        audience: Audience::Public,
        customer: Some(chat.customer),
        department: Some(chat.department),
        left: None,
    }
}

/// Who may see a canned reply and what becomes of it.
pub(super) const fn canned_scope(scope: CannedScope) -> Scope {
    let (audience, customer, department) = match scope {
        CannedScope::Global => (Audience::Staff, None, None),
        CannedScope::Department { department } => (Audience::Staff, None, Some(department)),
        CannedScope::Personal { user } => (Audience::Person, Some(user), None),
    };
    Scope {
        audience,
        customer,
        department,
        left: None,
    }
}

impl Desk {
    /// Who may see `record`. Asked before the record is applied.
    #[must_use]
    pub fn scope(&self, record: &NewRecord) -> Scope {
        let mut scope = Scope {
            audience: audience(&record.event),
            customer: None,
            department: None,
            left: None,
        };
        let Some(id) = record.chat else {
            if let Some(scope) = self.scope_of_canned(&record.event) {
                return scope;
            }
            if let Event::ChatErased {
                customer,
                department,
                ..
            } = &record.event
            {
                (scope.customer, scope.department) = (Some(*customer), Some(*department));
            }
            if let Event::AgentLost { chats, .. } = &record.event {
                let first = chats.first().and_then(|chat| self.chat(*chat));
                scope.department = first.map(|chat| chat.department);
            }
            return scope;
        };
        let now = match (&record.event, self.chat(id)) {
            (
                Event::ChatOpened {
                    customer,
                    department,
                    ..
                },
                _,
            ) => {
                scope.customer = Some(*customer);
                *department
            }
            (event, Some(chat)) => {
                scope.customer = Some(chat.customer);
                let now = destination(event).unwrap_or(chat.department);
                scope.left = (now != chat.department).then_some(chat.department);
                now
            }
            // Nothing is known of the chat, so nobody but those who see everything may.
            (_, None) => {
                scope.audience = Audience::Admins;
                return scope;
            }
        };
        scope.department = Some(now);
        scope
    }

    /// Who may see an event of a canned reply; none for other events.
    fn scope_of_canned(&self, event: &Event) -> Option<Scope> {
        let scope = match event {
            Event::CannedCreated { canned } | Event::CannedUpdated { canned } => canned.scope,
            Event::CannedDeleted { canned } | Event::CannedUsed { canned, .. } => {
                self.facts.canned.get(canned)?.scope
            }
            _ => return None,
        };
        Some(canned_scope(scope))
    }

    /// The scope of every chat that is not closed: who may follow it.
    pub fn open_scopes(&self) -> impl Iterator<Item = (ChatId, Scope)> {
        self.chats().map(|chat| (chat.id, chat_scope(chat)))
    }

    /// What a session needs to know of its principal; none for an unknown or disabled user.
    #[must_use]
    pub fn viewer(&self, who: &Who) -> Option<Viewer> {
        self.party(who).ok()?.viewer()
    }

    /// What `viewer` may see of the desk now, without records: at most `chats_max` chats, the
    /// viewer's own before the waiting before the others, then sorted by number.
    #[must_use]
    pub fn view(&self, viewer: &Viewer, chats_max: usize) -> DeskView {
        if viewer.role == Role::Customer {
            let own = self.chats_of(viewer).rev().take(chats_max);
            return DeskView {
                chats: sorted(own.map(|thread| self.shown(viewer, thread)).collect()),
                ..DeskView::default()
            };
        }
        let departments = self.departments_in_sight(viewer);
        let own = self.index.owned.get(&viewer.id).into_iter().flatten();
        let own = own.filter_map(|id| self.facts.chats.get(id));
        let own = own.filter(|thread| sees(viewer, &thread.chat));
        let mut chats: Vec<Chat> = own
            .take(chats_max)
            .map(|thread| thread.chat.clone())
            .collect();
        for department in &departments {
            let room = chats_max - chats.len();
            chats.extend(self.placed(*department).take(room));
        }
        for shelf in [Shelf::Open, Shelf::Resolved] {
            for department in &departments {
                let room = chats_max - chats.len();
                let others = self.on_shelf(*department, shelf);
                let others =
                    others.filter(|chat| !(chat.state.is_open() && chat.owner == Some(viewer.id)));
                chats.extend(others.take(room).cloned());
            }
        }
        DeskView {
            departments: self.departments().cloned().collect(),
            agents: self.users().cloned().collect(),
            chats: sorted(chats),
            canned: self.canned_in_sight(viewer).cloned().collect(),
            settings: self.settings().clone(),
            assistant: self.assistant().clone(),
        }
    }

    /// Whether `viewer` has this chat in sight.
    #[must_use]
    pub fn is_in_sight(&self, viewer: &Viewer, chat: &Chat) -> bool {
        sees(viewer, chat)
    }

    /// A chat as `viewer` may see it, with its place while it waits; none when out of sight.
    #[must_use]
    pub fn chat_for(&self, viewer: &Viewer, id: ChatId) -> Option<Chat> {
        let thread = self.facts.chats.get(&id)?;
        sees(viewer, &thread.chat).then(|| self.shown(viewer, thread))
    }

    /// The numbers before `before` of chats that are closed, the newest first. Chats are numbered
    /// without gaps, so that whatever is not at the desk any more was closed.
    #[must_use]
    pub fn closed_before(&self, before: Option<ChatId>, max: usize) -> Vec<ChatId> {
        let end = before.map_or(u64::MAX, |before| before.0);
        (1..end.min(self.facts.last_chat.next().0))
            .rev()
            .map(ChatId)
            .filter(|id| !self.facts.chats.contains_key(id))
            .take(max)
            .collect()
    }

    /// The chats of a customer that are not closed, oldest first.
    fn chats_of(&self, viewer: &Viewer) -> impl DoubleEndedIterator<Item = &Thread> {
        let range = (viewer.id, ChatId(0))..=(viewer.id, ChatId(u64::MAX));
        let ids = self.index.of_customer.range(range);
        ids.filter_map(|(_, id)| self.facts.chats.get(id))
    }

    /// The chats of a customer that are not closed, by number.
    pub fn chats_opened_by(&self, customer: UserId) -> impl Iterator<Item = ChatId> {
        let range = (customer, ChatId(0))..=(customer, ChatId(u64::MAX));
        self.index.of_customer.range(range).map(|(_, id)| *id)
    }

    fn shown(&self, viewer: &Viewer, thread: &Thread) -> Chat {
        let mut chat = thread.chat.clone();
        chat.place = self.place(chat.id);
        if viewer.role == Role::Customer {
            chat.seq = thread.public;
            chat.rev = thread.public.0;
            chat.fields.clone_from(&thread.given);
            chat.tags.clear();
            chat.priority = 0;
            chat.unread_from = None;
            chat.hand_off = None;
        }
        chat
    }

    /// Departments in sight, also ones that are deleted but still have a resolved chat.
    fn departments_in_sight(&self, viewer: &Viewer) -> Vec<DepartmentId> {
        if matches!(viewer.role, Role::Agent | Role::Supervisor) {
            return viewer.departments.iter().copied().collect();
        }
        (1..=self.facts.last_department.0)
            .map(DepartmentId)
            .collect()
    }

    /// The waiting chats of a department in the order they are served, with their places.
    fn placed(&self, department: DepartmentId) -> impl Iterator<Item = Chat> {
        self.queue(department).zip(1..).map(|(chat, place)| Chat {
            place: Some(place),
            ..chat.clone()
        })
    }

    pub(super) fn on_shelf(
        &self,
        department: DepartmentId,
        shelf: Shelf,
    ) -> impl Iterator<Item = &Chat> {
        let range = (department, shelf, ChatId(0))..=(department, shelf, ChatId(u64::MAX));
        let ids = self.index.shelves.range(range).rev();
        ids.filter_map(|(_, _, id)| self.chat(*id))
    }

    /// Place of a chat in its queue, from 1; none when it does not wait.
    #[must_use]
    pub fn place(&self, id: ChatId) -> Option<u32> {
        let chat = self.chat(id)?;
        if chat.state != ChatState::Waiting {
            return None;
        }
        let queue = self.index.queues.get(&chat.department)?;
        let before = queue.range(..Turn::of(chat)).count();
        u32::try_from(before).ok()?.checked_add(1)
    }

    /// The seq that the next record of a chat gets; 1 for a chat that does not exist yet.
    #[must_use]
    pub fn next_seq(&self, chat: ChatId) -> Seq {
        self.chat(chat).map_or(Seq(1), |chat| chat.seq.next())
    }
}

/// The department that an event brings its chat to.
const fn destination(event: &Event) -> Option<DepartmentId> {
    match event {
        Event::ChatTransferred { to, .. } => Some(to.department),
        Event::ChatQueued { department, .. } => Some(*department),
        _ => None,
    }
}

fn sorted(mut chats: Vec<Chat>) -> Vec<ChatView> {
    chats.sort_by_key(|chat| chat.id);
    let without_records = |chat| ChatView {
        chat,
        events: Vec::new(),
    };
    chats.into_iter().map(without_records).collect()
}
