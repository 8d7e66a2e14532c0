//! What a customer said that waits for an answer, and what was said before.

use shared::{
    event::Event,
    id::{Seq, UserId},
    model::{ActorKind, Visibility},
    record::Record,
    text::SafeText,
};

use crate::{
    desk::assistant::Job,
    hub::{Hub, PART},
    store::{SeqRange, StoreError, Take},
};

/// Newest records of a chat that are read for an answer.
const RECORDS_MAX: usize = 300;
/// Bytes of what a customer said that are looked at; the rest is for a person to read.
const TEXT_BYTES_MAX: usize = 8 * 1024;

/// What a turn is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// The newest record of the customer.
    pub(super) seq: Seq,
    /// Everything the customer said since the assistant was through with what was before.
    pub(super) text: SafeText,
    /// Files came with it.
    pub(super) files: bool,
    /// The customer's name.
    pub(super) name: SafeText,
    /// The topics that the customer may choose from, by number from 1.
    pub(super) choices: Vec<SafeText>,
    /// The assistant asked whether its answer helped.
    pub(super) answered: bool,
    /// Failures in a row.
    pub(super) failures: u8,
    /// The chat waits in the queue: only what is certain is said.
    pub(super) queued: bool,
    /// What was said before, oldest first.
    pub(super) earlier: Vec<Said>,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Who said it.
    pub(super) by: ActorKind,
    /// What.
    pub(super) text: SafeText,
}

/// Reads what a job is about.
///
/// # Errors
/// The store's.
pub(super) async fn hear(hub: &Hub, job: &Job) -> Result<Heard, StoreError> {
    // Of a customer who waits, the first words came before the place in the queue.
    let after = match job.queued {
        true => None,
        false => Some(Seq(job.since.0.saturating_sub(1))),
    };
    let range = SeqRange {
        after,
        before: Some(job.seq.next()),
    };
    let take = Take::Last(RECORDS_MAX);
    let stored = hub.store().history(PART, job.chat, range, take).await?;
    // The edits, and what the assistant was through with, may be newer than the message.
    let range = SeqRange {
        after: Some(job.seq),
        before: None,
    };
    let take = Take::First(RECORDS_MAX);
    let newer = hub.store().history(PART, job.chat, range, take).await?;
    let records = stored.iter().chain(&newer).map(|stored| stored.record());
    Ok(heard(job, &records.collect::<Result<Vec<_>, _>>()?))
}

/// The same of the records of the chat.
fn heard(job: &Job, records: &[Record]) -> Heard {
    let mut messages: Vec<Message> = Vec::new();
    let mut through = Seq(0);
    for record in records {
        match &record.event {
            Event::MessagePosted {
                text,
                visibility: Visibility::Public,
                attachments,
            } => messages.push(Message {
                seq: record.seq.unwrap_or_default(),
                kind: record.actor.kind,
                author: record.actor.id,
                text: text.clone(),
                files: !attachments.is_empty(),
            }),
            Event::MessageEdited { seq, text, .. } => {
                let edited = messages.iter_mut().find(|one| one.seq == *seq);
                if let Some(message) = edited.filter(|one| one.author == record.actor.id) {
                    message.text = text.clone();
                }
            }
            Event::AssistantReplied { reply } => through = through.max(reply.seq),
            _ => {}
        }
    }
    let waits = |message: &&Message| {
        message.kind == ActorKind::Customer && message.seq > through && message.seq <= job.seq
    };
    let mut text = String::new();
    for message in messages.iter().filter(waits) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&message.text);
    }
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let spoken = |message: &&Message| {
        let is_old = message.kind != ActorKind::Customer || message.seq <= through;
        is_old && message.seq < job.seq && !message.text.is_empty()
    };
    Heard {
        seq: job.seq,
        text: SafeText::block(&text[..end]),
        files: messages.iter().filter(waits).any(|message| message.files),
        name: job.name.clone(),
        choices: job.choices.clone(),
        answered: job.answered,
        failures: job.failures,
        queued: job.queued,
        earlier: messages
            .iter()
            .filter(spoken)
            .map(|message| Said {
                by: message.kind,
                text: message.text.clone(),
            })
            .collect(),
    }
}

struct Message {
    seq: Seq,
    kind: ActorKind,
    author: Option<UserId>,
    text: SafeText,
    files: bool,
}
