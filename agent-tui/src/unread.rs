//! What is unread. Of a chat of ours the hub keeps it, for all our consoles; of others this
//! console does. What is on its way to the hub counts here already.

use shared::{
    event::{Event, Reader},
    fold::ChatView,
    id::{CommandId, Seq, UserId},
    model::{ActorKind, ChatState, Visibility},
    record::Record,
};

use crate::thread::{Thread, is_from_other, is_message};

/// What we told the hub of a chat of ours, until its records say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It is read up to here.
    Read(Seq),
    /// By this command, it is unread from here on.
    Unread(CommandId, Seq),
}

/// Where what is unread begins: after the last record that is one of these.
#[derive(Debug, Clone, Copy, Default)]
struct Floor {
    /// This one or any before it.
    after: Seq,
    /// A message of ours.
    own: bool,
    /// A public message of any agent.
    answer: bool,
}

impl Floor {
    fn is_under(self, record: &Record, me: Option<UserId>) -> bool {
        let answers = || {
            let public = |event: &Event| {
                matches!(event, Event::MessagePosted { visibility, .. }
                    if *visibility == Visibility::Public)
            };
            record.actor.kind == ActorKind::Agent && public(&record.event)
        };
        let ours = || is_message(record) && !is_from_other(record, me);
        let newer = record.seq.is_some_and(|seq| seq > self.after);
        !newer || (self.own && ours()) || (self.answer && answers())
    }
}

impl Thread {
    /// Messages of others that nobody of us has read. One at least in a chat that came to us and
    /// was not looked at yet.
    pub fn unread(&self, view: &ChatView, me: Option<UserId>) -> usize {
        let count = self.unread_records(view, me).count();
        count.max(usize::from(self.is_new(view, me)))
    }

    /// The oldest of them.
    pub fn first_unread(&self, view: &ChatView, me: Option<UserId>) -> Option<Seq> {
        self.unread_records(view, me).last()?.seq
    }

    fn unread_records<'a>(
        &self,
        view: &'a ChatView,
        me: Option<UserId>,
    ) -> impl Iterator<Item = &'a Record> {
        let floor = self.floor(view, me);
        let newest = view.events.iter().rev();
        newest
            .take_while(move |record| !floor.is_under(record, me))
            .filter(move |record| is_from_other(record, me))
    }

    fn floor(&self, view: &ChatView, me: Option<UserId>) -> Floor {
        let read = view.chat.read_by_owner;
        let from = |seq: Seq| Floor {
            after: Seq(seq.0.saturating_sub(1)),
            ..Floor::default()
        };
        if !is_ours(view, me) {
            let after = self.seen.unwrap_or_default();
            return Floor {
                after,
                ..Floor::default()
            };
        }
        match (&self.said, view.chat.unread_from) {
            (Some(Said::Unread(_, seq)), _) => from(*seq),
            (Some(Said::Read(seq)), _) => Floor {
                after: read.max(*seq),
                own: true,
                answer: false,
            },
            (None, Some(seq)) => from(seq),
            (None, None) => Floor {
                after: read,
                own: true,
                // It has just come to us: to what was asked before, somebody has answered.
                answer: read == Seq(0),
            },
        }
    }

    fn is_new(&self, view: &ChatView, me: Option<UserId>) -> bool {
        let chat = &view.chat;
        is_ours(view, me)
            && chat.state.is_open()
            && chat.read_by_owner == Seq(0)
            && chat.unread_from.is_none()
            && self.said.is_none()
            && !self.opened
    }

    /// How far the hub is to be told that we have read, now that we see all there is.
    pub fn to_mark(&self, view: &ChatView, me: Option<UserId>) -> Option<Seq> {
        let chat = &view.chat;
        if !is_ours(view, me) || chat.state == ChatState::Closed {
            return None;
        }
        let last = view.events.last()?.seq;
        let newest = view.events.iter().rev();
        let newest = newest.clone().find(|record| is_from_other(record, me));
        let new = (chat.read_by_owner == Seq(0)).then_some(last).flatten();
        let seq = newest.and_then(|record| record.seq).or(new)?;
        let (told, again) = match self.said {
            Some(Said::Read(told)) => (told, false),
            Some(Said::Unread(..)) => (Seq(0), true),
            None => (Seq(0), chat.unread_from.is_some()),
        };
        (again || seq > told.max(chat.read_by_owner)).then_some(seq)
    }

    /// A record tells how far a chat of ours is read, or that it comes to somebody.
    pub fn hear_mark(&mut self, record: &Record, ours: bool) {
        match &record.event {
            _ if !ours => self.said = None,
            Event::ReadMarked {
                by: Reader::Staff,
                seq,
            } => match &self.said {
                // That one is still to come.
                Some(Said::Unread(..)) => {}
                said => {
                    let more = matches!(said, Some(Said::Read(told)) if told > seq);
                    if !more {
                        self.said = None;
                    }
                    self.left_unread = false;
                }
            },
            Event::UnreadMarked { .. } => {
                self.said = None;
                // Also when another console of ours shows it.
                self.left_unread = true;
            }
            Event::ChatAssigned { .. } => self.said = None,
            _ => {}
        }
    }

    /// What we told the hub by `cid` is done without a record to come, or refused.
    pub fn forget_said(&mut self, cid: &CommandId) -> bool {
        let found = matches!(&self.said, Some(Said::Unread(said, _)) if said == cid);
        if found {
            self.said = None;
        }
        found
    }
}

/// Whether we own a chat.
pub(crate) fn is_ours(view: &ChatView, me: Option<UserId>) -> bool {
    me.is_some() && view.chat.owner == me
}
