//! What is said in a chat, and what is put on it: messages, notes, read markers, tags.

use std::collections::BTreeSet;

use shared::{
    canned::LANGUAGE_FIELD,
    event::{Event, Reader},
    id::{ChatId, Seq},
    model::{ActorKind, ChatState, Visibility},
    text::SafeText,
    time::Timestamp,
};

use super::{
    Desk, NewRecord, Party, Rejection, form,
    state::{MESSAGES_KEPT, Thread},
};

/// Most words on a chat, and most fields of it.
const LABELS_MAX: usize = 64;

impl Desk {
    pub(super) fn post_message(
        &self,
        party: &Party<'_>,
        id: ChatId,
        text: &SafeText,
        visibility: Visibility,
        expected_seq: Option<Seq>,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let thread = self.thread(id)?;
        let text = form::message(text)?;
        if let (Some(expected), Party::Staff(me)) = (expected_seq, party) {
            let others = thread.voices.iter().filter(|(agent, _)| **agent != me.id);
            let newest = others.map(|(_, voice)| voice).max_by_key(|voice| voice.seq);
            if let Some(voice) = newest.filter(|voice| voice.seq > expected) {
                return Err(Rejection::Stale {
                    chat: id,
                    by: voice.name.clone(),
                    seq: voice.seq,
                });
            }
        }
        let posted = Event::MessagePosted {
            text,
            visibility,
            attachments: Vec::new(),
        };
        self.say(party, thread, posted, visibility, now)
    }

    /// What comes of saying something in a chat: the message, and what it does to the chat.
    pub(super) fn say(
        &self,
        party: &Party<'_>,
        thread: &Thread,
        posted: Event,
        visibility: Visibility,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let id = thread.chat.id;
        let posted = NewRecord::of_chat(id, party.actor(), posted);
        let resolved = thread.chat.state == ChatState::Resolved;
        match (resolved, party, visibility) {
            (true, Party::Customer(..), _) => {
                let mut records = self.reopening(party, &thread.chat, now)?;
                // The assistant answers what is said after it got the chat.
                let place = if self.had_assistant(&thread.chat) {
                    records.len()
                } else {
                    1
                };
                records.insert(place, posted);
                Ok(records)
            }
            (true, _, Visibility::Public) => Err(Rejection::WrongState {
                chat: id,
                state: ChatState::Resolved,
            }),
            (_, Party::Customer(..), _) if thread.chat.state.is_parked() => {
                let mut records = self.waking(&thread.chat, party.actor(), now);
                records.insert(0, posted);
                Ok(records)
            }
            // Who answers is there, whatever their status says.
            (_, _, Visibility::Public) if thread.chat.state.is_parked() => {
                let woken = NewRecord::of_chat(id, party.actor(), Event::ChatWoken {});
                Ok(vec![posted, woken])
            }
            _ => Ok(vec![posted]),
        }
    }

    pub(super) fn edit_message(
        &self,
        party: &Party<'_>,
        id: ChatId,
        seq: Seq,
        text: &SafeText,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let thread = self.thread(id)?;
        let text = form::message(text)?;
        let posted = match thread.messages.get(&seq) {
            Some(posted) => posted,
            None if seq > thread.chat.seq => {
                return Err(Rejection::invalid("seq", "is of no message; check it"));
            }
            None => {
                return Err(Rejection::TooOldToEdit {
                    chat: id,
                    seq,
                    kept: MESSAGES_KEPT,
                });
            }
        };
        // A customer learns nothing of a note, not even that it is another's.
        if matches!(party, Party::Customer(..)) && posted.visibility == Visibility::Note {
            return Err(Rejection::invalid("seq", "is of no message; check it"));
        }
        if party.id() != Some(posted.author) {
            return Err(Rejection::NotAuthor { chat: id, seq });
        }
        let visibility = posted.visibility;
        let event = Event::MessageEdited {
            seq,
            text,
            visibility,
        };
        Ok(vec![NewRecord::of_chat(id, party.actor(), event)])
    }

    pub(super) fn mark_read(
        &self,
        party: &Party<'_>,
        id: ChatId,
        seq: Seq,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let Thread { chat, public, .. } = self.thread(id)?;
        let (by, before, head) = match party.actor().kind {
            ActorKind::Customer => (Reader::Customer, chat.read_by_customer, *public),
            _ => (Reader::Staff, chat.read_by_owner, chat.seq),
        };
        if seq > head {
            return Err(Rejection::invalid("seq", "is of no record yet; check it"));
        }
        let unread = by == Reader::Staff && chat.unread_from.is_some();
        if seq <= before && !unread {
            return Ok(Vec::new());
        }
        let seq = seq.max(before);
        let event = Event::ReadMarked { by, seq };
        Ok(vec![NewRecord::of_chat(id, party.actor(), event)])
    }

    pub(super) fn mark_unread(
        &self,
        party: &Party<'_>,
        id: ChatId,
        seq: Seq,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let chat = &self.thread(id)?.chat;
        if seq == Seq(0) || seq > chat.seq {
            return Err(Rejection::invalid("seq", "is of no record; check it"));
        }
        if chat.unread_from == Some(seq) {
            return Ok(Vec::new());
        }
        let event = Event::UnreadMarked { seq };
        Ok(vec![NewRecord::of_chat(id, party.actor(), event)])
    }

    pub(super) fn tag(
        &self,
        party: &Party<'_>,
        id: ChatId,
        add: &BTreeSet<SafeText>,
        remove: &BTreeSet<SafeText>,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let chat = &self.thread(id)?.chat;
        let mut tags = chat.tags.clone();
        for tag in remove {
            tags.remove(&SafeText::line(tag));
        }
        for tag in add {
            tags.insert(form::name("tag", tag)?);
        }
        too_many("tags", tags.len())?;
        if tags == chat.tags {
            return Ok(Vec::new());
        }
        let event = Event::Tagged { tags };
        Ok(vec![NewRecord::of_chat(id, party.actor(), event)])
    }

    pub(super) fn set_priority(
        &self,
        party: &Party<'_>,
        id: ChatId,
        priority: i8,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let chat = &self.thread(id)?.chat;
        if !(-2..=2).contains(&priority) {
            return Err(Rejection::invalid(
                "priority",
                "is out of range; give -2 to 2",
            ));
        }
        if priority == chat.priority {
            return Ok(Vec::new());
        }
        let event = Event::Prioritised { priority };
        Ok(vec![NewRecord::of_chat(id, party.actor(), event)])
    }

    pub(super) fn set_attribute(
        &self,
        party: &Party<'_>,
        id: ChatId,
        key: &SafeText,
        value: &SafeText,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let chat = &self.thread(id)?.chat;
        let key = form::name("key", key)?;
        if key.as_str() == LANGUAGE_FIELD {
            return self.set_language(party, id, value);
        }
        let value = form::line("value", value)?;
        let before = chat.fields.get(&key);
        if before.map_or("", SafeText::as_str) == value.as_str() {
            return Ok(Vec::new());
        }
        if before.is_none() {
            too_many("fields", chat.fields.len() + 1)?;
        }
        let event = Event::AttributeSet { key, value };
        Ok(vec![NewRecord::of_chat(id, party.actor(), event)])
    }

    /// The customer's language is a field of the chat like any other, but always a tag.
    pub(super) fn set_language(
        &self,
        party: &Party<'_>,
        id: ChatId,
        language: &SafeText,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let chat = &self.thread(id)?.chat;
        let key = SafeText::line(LANGUAGE_FIELD);
        let value = if language.trim().is_empty() {
            SafeText::default()
        } else {
            form::language(language)?
        };
        let before = chat.fields.get(&key);
        if before.map_or("", SafeText::as_str) == value.as_str() {
            return Ok(Vec::new());
        }
        if before.is_none() {
            too_many("fields", chat.fields.len() + 1)?;
        }
        let event = Event::AttributeSet { key, value };
        Ok(vec![NewRecord::of_chat(id, party.actor(), event)])
    }
}

fn too_many(what: &str, count: usize) -> Result<(), Rejection> {
    if count > LABELS_MAX {
        let problem = format!("are more than {LABELS_MAX}; take some off first");
        return Err(Rejection::invalid(what, problem));
    }
    Ok(())
}
