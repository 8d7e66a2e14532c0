//! How a chat begins.

use shared::{
    assistant::AssistantReason,
    command::OpenChat,
    event::{Event, QueueReason},
    id::{ChatId, Epoch},
    model::{ActorKind, Department, Visibility},
    time::Timestamp,
};

use super::{Desk, NewRecord, Party, Rejection, form, person};

/// Most open chats of one customer.
const OPEN_CHATS_MAX: u32 = 20;

impl Desk {
    pub(super) fn open_chat(
        &self,
        party: &Party<'_>,
        open: &OpenChat,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let department = self.opening_department(open)?;
        let (customer, name) = match (party, &open.name) {
            (_, Some(name)) => (party.id(), form::customer_name(name)?),
            (Party::Customer(id, name), None) => (Some(*id), (*name).clone()),
            _ => return Err(Rejection::invalid("name", "is missing; say who you are")),
        };
        let open_chats = customer.and_then(|id| self.index.open_of_customer.get(&id));
        if open_chats.is_some_and(|count| *count >= OPEN_CHATS_MAX) {
            return Err(Rejection::TooManyChats {
                max: OPEN_CHATS_MAX,
            });
        }
        let customer = customer.unwrap_or(self.facts.last_user.next());
        if let Some(previous) = open.previous {
            self.check_previous(party, previous)?;
        }
        let answers = form::answers(department, open)?;
        let text = open.text.as_ref().map(form::message).transpose()?;

        let chat = self.facts.last_chat.next();
        let actor = person(ActorKind::Customer, customer, &name);
        let opened = Event::ChatOpened {
            department: department.id,
            customer,
            name,
            email: answers.email,
            phone: answers.phone,
            fields: answers.fields,
            previous: open.previous,
        };
        let mut records = vec![NewRecord::of_chat(chat, actor.clone(), opened)];
        if let Some(text) = text {
            let visibility = Visibility::Public;
            let posted = Event::MessagePosted {
                text,
                visibility,
                attachments: Vec::new(),
            };
            records.push(NewRecord::of_chat(chat, actor.clone(), posted));
        }
        if !open.human && self.takes_first(department.id) {
            let assisted = Self::assisted(chat, actor, AssistantReason::Opened, Epoch(1));
            records.insert(1, assisted);
            records.push(self.greeting(chat));
            return Ok(records);
        }
        let queued = Event::ChatQueued {
            department: department.id,
            rank_at: now,
            reason: QueueReason::Opened,
            epoch: Epoch(1),
        };
        records.push(NewRecord::of_chat(chat, actor, queued));
        Ok(records)
    }

    fn opening_department(&self, open: &OpenChat) -> Result<&Department, Rejection> {
        let department = match &open.department {
            Some(named) => self.department_named(named)?,
            None => self
                .default_department()
                .ok_or(Rejection::NoDefaultDepartment)?,
        };
        if department.active {
            Ok(department)
        } else {
            Err(Rejection::DepartmentInactive {
                name: department.name.clone(),
            })
        }
    }

    /// A chat can continue one of the same customer. Of a closed one the desk knows nothing, and
    /// naming it gives nobody sight of it.
    fn check_previous(&self, party: &Party<'_>, previous: ChatId) -> Result<(), Rejection> {
        let unknown = Err(Rejection::NoChat { chat: previous });
        let Some(customer) = party.id() else {
            return unknown;
        };
        match self.thread(previous) {
            Ok(thread) if thread.chat.customer != customer => unknown,
            Ok(_) | Err(Rejection::Archived { .. }) => Ok(()),
            Err(rejection) => Err(rejection),
        }
    }
}
