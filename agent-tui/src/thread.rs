//! What the console adds to a chat: the drafts, the place of the reader, what is unread, what is
//! on its way. Deliberately absent: what the hub said of the chat, which is in the shared view.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use shared::{
    api::TYPING_TTL_MS,
    attachment,
    erased::ERASED,
    event::Event,
    fold::ChatView,
    id::{CannedId, CommandId, Seq, UserId},
    model::{ActorKind, Visibility},
    record::Record,
    text::{SafeText, render},
    time::Timestamp,
};

use crate::{
    composer::{Brought, Composer, Layout},
    find::Needle,
    unread::{Said, is_ours},
};

/// The two drafts of a chat as they are kept on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Draft {
    /// To the customer.
    pub reply: String,
    /// To the team.
    pub note: String,
    /// The note was being written.
    pub noting: bool,
    /// The last record that its writer had seen when they began the reply.
    pub begun: Option<Seq>,
    /// What canned replies have brought into the reply.
    #[serde(skip_serializing_if = "Brought::is_empty")]
    pub reply_brought: Brought,
    /// What they have brought into the note.
    #[serde(skip_serializing_if = "Brought::is_empty")]
    pub note_brought: Brought,
}

impl Draft {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.reply.is_empty() && self.note.is_empty()
    }
}

/// What the writer of a reply knew of the chat when they began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Basis {
    /// Nothing is written.
    #[default]
    Unwritten,
    /// Everything up to here.
    Seen(Seq),
    /// They were told that a colleague wrote meanwhile: they send it all the same.
    Told,
}

impl Basis {
    /// What a message says of it: the hub refuses one that a colleague's message has overtaken.
    pub fn expected(self) -> Option<Seq> {
        match self {
            Self::Seen(seq) => Some(seq),
            Self::Unwritten | Self::Told => None,
        }
    }
}

/// Where the reader is in a chat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// At the newest message, and stays there.
    #[default]
    End,
    /// `row` of the message `seq` is at the top, whatever arrives.
    At {
        /// Which message.
        seq: Seq,
        /// Which of its rows, from 0.
        row: usize,
    },
}

/// What has become of a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Not stored yet.
    Waiting,
    /// Stored; its record is on its way.
    Stored(Seq),
    /// Refused for good.
    Failed(String),
}

/// A message of ours that is not among the records yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Names it.
    pub cid: CommandId,
    /// What.
    pub text: SafeText,
    /// To whom.
    pub visibility: Visibility,
    /// The canned replies in it.
    pub canned: Vec<CannedId>,
    /// When it was sent.
    pub at: Timestamp,
    /// What has become of it.
    pub fate: Fate,
    /// The record that looks like it and came before the answer.
    pub echo: Option<Seq>,
}

/// A search in one chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What.
    pub needle: Needle,
    /// The match that is shown.
    pub at: Seq,
}

/// Somebody who types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typing {
    /// Their name.
    pub name: SafeText,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// Messages broken into rows, for one width.
#[derive(Debug, Default)]
struct Wraps {
    width: u16,
    rows: BTreeMap<Seq, Rc<[String]>>,
}

/// What this console adds to one chat.
#[derive(Debug, Default)]
pub struct Thread {
    /// The draft to the customer.
    pub reply: Composer,
    /// The draft to the team: apart, so that a note can never become a reply.
    pub note: Composer,
    /// The note is being written.
    pub noting: bool,
    /// What was known when the reply was begun.
    pub basis: Basis,
    /// The drafts as they were last given to disk.
    pub kept: Draft,
    /// The last record that we saw; none before the chat was met. What is unread in a chat of
    /// ours is not counted from it.
    pub seen: Option<Seq>,
    /// Marked as unread by hand: stays so until we leave the chat and come back.
    pub left_unread: bool,
    /// The first message of the line "n new".
    pub new_from: Option<Seq>,
    /// Where the reader is.
    pub place: Place,
    /// Messages of ours that are not among the records yet, oldest first.
    pub outgoing: Vec<Outgoing>,
    /// Who types.
    pub typing: BTreeMap<UserId, Typing>,
    /// The question to the hub that has no answer yet.
    pub asked: Option<String>,
    /// There is nothing older than what is here.
    pub complete: bool,
    /// The newest record that exists behind a gap: nothing is drawn before the gap is filled.
    pub behind: Option<Seq>,
    /// The search whose matches are walked.
    pub search: Option<Search>,
    /// Why it is out of sight, while a draft still stands in its pane.
    pub gone: Option<String>,
    /// The card of the hand-off was opened or closed by hand.
    pub card: Option<bool>,
    /// What was said in it is erased.
    pub erased: bool,
    /// No bell for this chat.
    pub muted: bool,
    /// When the hub was last told that we type.
    pub typed_at: Option<Timestamp>,
    /// We have looked at it.
    pub opened: bool,
    /// What we told the hub of what is unread, while it has not said the same.
    pub said: Option<Said>,
    /// Later texts of edited messages.
    edits: BTreeMap<Seq, SafeText>,
    wraps: RefCell<Wraps>,
}

impl Thread {
    /// The composer in use.
    pub fn composer(&self) -> &Composer {
        if self.noting { &self.note } else { &self.reply }
    }

    /// The composer in use, to write in.
    pub fn composer_mut(&mut self) -> &mut Composer {
        if self.noting {
            &mut self.note
        } else {
            &mut self.reply
        }
    }

    /// Whether something is written and not sent.
    pub fn has_draft(&self) -> bool {
        !self.reply.is_empty() || !self.note.is_empty()
    }

    /// To whom the composer in use writes.
    pub fn visibility(&self) -> Visibility {
        if self.noting {
            Visibility::Note
        } else {
            Visibility::Public
        }
    }

    /// The drafts, when they differ from those that were last kept; they count as kept then.
    pub fn changed_draft(&mut self) -> Option<Draft> {
        let same = self.kept.reply == self.reply.text()
            && self.kept.note == self.note.text()
            && self.kept.noting == self.noting
            && self.kept.begun == self.basis.expected()
            && self.kept.reply_brought == *self.reply.brought()
            && self.kept.note_brought == *self.note.brought();
        if same {
            return None;
        }
        self.kept = Draft {
            reply: self.reply.text().to_owned(),
            note: self.note.text().to_owned(),
            noting: self.noting,
            begun: self.basis.expected(),
            reply_brought: self.reply.brought().clone(),
            note_brought: self.note.brought().clone(),
        };
        Some(self.kept.clone())
    }

    /// Takes drafts from disk where nothing has been written yet.
    pub fn restore(&mut self, draft: &Draft) {
        for (composer, text, brought) in [
            (&mut self.reply, &draft.reply, &draft.reply_brought),
            (&mut self.note, &draft.note, &draft.note_brought),
        ] {
            if composer.is_empty() {
                // What was kept once fits again.
                drop(composer.set_text(text));
                composer.bring(brought.clone());
            }
        }
        self.noting = draft.noting;
        self.basis = draft.begun.map_or(Basis::Unwritten, Basis::Seen);
        self.kept = draft.clone();
    }

    /// Remembers what is known when a reply is begun, and forgets it when it is gone.
    pub fn follow_writing(&mut self) {
        match (self.reply.is_empty(), self.basis, self.seen) {
            (true, ..) => self.basis = Basis::Unwritten,
            (false, Basis::Unwritten, Some(seen)) => self.basis = Basis::Seen(seen),
            _ => {}
        }
    }

    /// Gets to know a chat: what was read before is not unread.
    pub fn meet(&mut self, view: &ChatView, me: Option<UserId>) {
        if self.seen.is_some() {
            return;
        }
        for record in &view.events {
            self.learn(record);
        }
        let own = view
            .events
            .iter()
            .rev()
            .find(|record| me.is_some() && record.actor.id == me && is_message(record));
        let own = own.and_then(|record| record.seq).unwrap_or_default();
        self.left_unread = is_ours(view, me) && view.chat.unread_from.is_some();
        self.seen = Some(view.chat.read_by_staff.max(own));
        if self.unread(view, me) > 0 {
            self.new_from = self.first_unread(view, me);
        }
    }

    /// Forgets everything that the hub said, because it says it again from the beginning.
    pub fn forget_past(&mut self, view: Option<&ChatView>, me: Option<UserId>) {
        self.edits.clear();
        self.wraps.get_mut().rows.clear();
        self.behind = None;
        self.asked = None;
        self.complete = false;
        let Some(view) = view else { return };
        self.seen = self.seen.map(|seen| seen.min(view.chat.seq));
        self.said = None;
        self.left_unread |= is_ours(view, me) && view.chat.unread_from.is_some();
        for record in &view.events {
            self.learn(record);
        }
        self.settle_outgoing(view.chat.seq);
    }

    /// Forgets what was said: what is drawn comes from the tombstones, and nothing is written or
    /// on its way any more.
    pub fn erase(&mut self) {
        self.erased = true;
        for text in self.edits.values_mut() {
            *text = SafeText::line(ERASED);
        }
        self.wraps.get_mut().rows.clear();
        self.outgoing.clear();
        (self.reply, self.note) = (Composer::default(), Composer::default());
        self.basis = Basis::Unwritten;
        self.search = None;
    }

    /// Takes in what a record says about earlier ones.
    pub fn learn(&mut self, record: &Record) {
        if let Event::MessageEdited { seq, text, .. } = &record.event {
            self.edits.insert(*seq, text.clone());
            self.wraps.get_mut().rows.remove(seq);
        }
    }

    /// The same for records older than all that were learned from.
    pub fn learn_older(&mut self, record: &Record) {
        if let Event::MessageEdited { seq, text, .. } = &record.event {
            self.edits.entry(*seq).or_insert_with(|| text.clone());
            self.wraps.get_mut().rows.remove(seq);
        }
    }

    /// Records before `first` are here no more; they can be asked for again.
    pub fn forget_before(&mut self, first: Option<Seq>) {
        let rows = &mut self.wraps.get_mut().rows;
        *rows = first.map(|seq| rows.split_off(&seq)).unwrap_or_default();
        self.complete = false;
        // The page on its way would not join what is left.
        self.asked.take_if(|id| id.starts_with("older-"));
    }

    /// The text of a message as it is now.
    pub fn text<'a>(&'a self, record: &'a Record) -> Option<&'a SafeText> {
        let Event::MessagePosted { text, .. } = &record.event else {
            return None;
        };
        let edited = record.seq.and_then(|seq| self.edits.get(&seq));
        Some(edited.unwrap_or(text))
    }

    /// What a message shows now: its text, and a line for each of its files.
    pub fn shown(&self, record: &Record) -> Option<String> {
        let Event::MessagePosted { attachments, .. } = &record.event else {
            return None;
        };
        Some(attachment::shown(self.text(record)?, attachments))
    }

    /// Whether the message `seq` was edited.
    pub fn is_edited(&self, seq: Seq) -> bool {
        self.edits.contains_key(&seq)
    }

    /// Messages that the hub does not have yet, or refused.
    pub fn unsent(&self) -> usize {
        let open = |sent: &&Outgoing| !matches!(sent.fate, Fate::Stored(_));
        self.outgoing.iter().filter(open).count()
    }

    /// Drops what is among the records up to `seq`.
    pub fn settle_outgoing(&mut self, head: Seq) {
        self.outgoing
            .retain(|sent| !matches!(sent.fate, Fate::Stored(seq) if seq <= head));
    }

    /// Finds the message of ours that `record` is, so that it is not shown twice.
    pub fn recognise(&mut self, record: &Record, me: Option<UserId>) {
        let (
            Some(seq),
            Event::MessagePosted {
                text, visibility, ..
            },
        ) = (record.seq, &record.event)
        else {
            return;
        };
        if me.is_none() || record.actor.id != me {
            return;
        }
        let twin = self.outgoing.iter_mut().find(|sent| {
            sent.echo.is_none()
                && sent.fate == Fate::Waiting
                && sent.text == *text
                && sent.visibility == *visibility
        });
        if let Some(sent) = twin {
            sent.echo = Some(seq);
        }
    }

    /// Somebody types, or stopped.
    pub fn set_typing(&mut self, who: UserId, name: SafeText, on: bool, now: Timestamp) {
        if on {
            let until = now.after(Duration::from_millis(TYPING_TTL_MS));
            self.typing.insert(who, Typing { name, until });
        } else {
            self.typing.remove(&who);
        }
    }

    /// `text` of the message `seq` in rows of at most `columns`, wrapped once per width.
    pub fn wrapped(&self, seq: Seq, columns: u16, text: impl FnOnce() -> String) -> Rc<[String]> {
        let mut wraps = self.wraps.borrow_mut();
        if wraps.width != columns {
            wraps.rows.clear();
            wraps.width = columns;
        }
        let rows = wraps.rows.entry(seq);
        Rc::clone(rows.or_insert_with(|| wrap(&text(), columns)))
    }
}

/// Whether a record is something that a person, or the assistant, wrote.
pub fn is_message(record: &Record) -> bool {
    matches!(record.event, Event::MessagePosted { .. }) && record.actor.kind != ActorKind::System
}

/// Whether somebody other than `me` wrote it.
pub fn is_from_other(record: &Record, me: Option<UserId>) -> bool {
    is_message(record) && (record.actor.id.is_none() || record.actor.id != me)
}

/// Remote text in rows of at most `columns`, fit to be drawn.
pub fn wrap(text: &str, columns: u16) -> Rc<[String]> {
    let text = render(text);
    // The composer's wrapping keeps a column free for its cursor.
    let layout = Layout::new(&text, 0, columns.max(1).saturating_add(1));
    let rows = layout.rows.iter();
    rows.map(|row| text[row.range.clone()].trim_end().to_owned())
        .collect()
}
