//! The assistant's place in the life of a chat: when it gets one, what its turns do, and when a
//! person must answer.
//!
//! What it says is found elsewhere and comes in as a [`Turn`]; here is decided whether that may
//! still be said. A hand-off, its place in the queue and what the customer is told of it are one
//! list of records, so one transaction.

mod counts;
mod settings;
pub(super) mod talk;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shared::{
    assistant::{
        AssistantReason, FirstLine, HandOff, HandOffReason, Reply, ReplyKind, Turn, WhileQueued,
    },
    canned::LANGUAGE_FIELD,
    event::{Event, QueueReason},
    id::{ChatId, DepartmentId, Epoch, Seq},
    model::{Actor, ActorKind, Chat, ChatState, Visibility},
    text::SafeText,
    time::Timestamp,
};

use super::{Desk, NewRecord, Party, Rejection, form, index::Turn as Place, state::Thread};

use talk::Talk;

pub use counts::Day;
pub(super) use counts::count;

/// What every chat with the assistant begins with.
const GREETING: &str = "I am an automated assistant. Type /human at any time to get a person.";
/// Most guesses that a hand-off tells.
const GUESSES_MAX: usize = 3;

/// What the assistant answers from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) topics: u32,
    pub(super) questions: u32,
    pub(super) provider: bool,
    pub(super) hash: SafeText,
}

/// A message that waits for the assistant, with what its answer depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Where.
    pub chat: ChatId,
    /// The epoch that the answer is for.
    pub epoch: Epoch,
    /// The newest record of the customer that is to be answered.
    pub seq: Seq,
    /// The record with which the assistant got the chat; what was before is not its business.
    pub since: Seq,
    /// When it becomes a person's.
    pub answer_by: Timestamp,
    /// The customer's name.
    pub name: SafeText,
    /// The customer's language, where known.
    pub language: Option<SafeText>,
    /// The topics that the customer may choose from, by number from 1.
    pub choices: Vec<SafeText>,
    /// The assistant asked whether its answer helped.
    pub answered: bool,
    /// Failures in a row.
    pub failures: u8,
    /// Tokens that the chat has taken.
    pub tokens: u32,
    /// The chat waits in the queue: only what is certain is said.
    pub queued: bool,
}

impl Desk {
    /// When the next message is due to be answered.
    #[must_use]
    pub fn next_job(&self) -> Option<Timestamp> {
        let first = self.job_lists().filter_map(|jobs| jobs.first());
        first.map(|(at, _)| *at).min()
    }

    /// When the first message is due to be answered of those that are not yet at `now`.
    #[must_use]
    pub fn next_job_after(&self, now: Timestamp) -> Option<Timestamp> {
        let after = (now, ChatId(u64::MAX));
        let later = |jobs: &BTreeSet<(Timestamp, ChatId)>| Some(jobs.range(after..).next()?.0);
        self.job_lists().filter_map(later).min()
    }

    /// The messages that are due to be answered at `now`, the longest due first, those of
    /// customers in the queue last, at most `max`.
    #[must_use]
    pub fn jobs(&self, now: Timestamp, max: usize) -> Vec<Job> {
        self.job_lists()
            .flat_map(|jobs| jobs.iter().take_while(|(at, _)| *at <= now))
            .filter_map(|(_, chat)| self.job(*chat))
            .take(max)
            .collect()
    }

    /// How many messages are due to be answered at `now`, counted up to `max`.
    #[must_use]
    pub fn jobs_due(&self, now: Timestamp, max: usize) -> usize {
        self.job_lists()
            .flat_map(|jobs| jobs.iter().take_while(|(at, _)| *at <= now))
            .take(max)
            .count()
    }

    fn job_lists(&self) -> impl Iterator<Item = &BTreeSet<(Timestamp, ChatId)>> {
        let queued = self.assists_queued().then_some(&self.index.queued_jobs);
        std::iter::once(&self.index.jobs).chain(queued)
    }

    /// The message of a chat that waits for the assistant, due or not.
    #[must_use]
    pub fn job(&self, chat: ChatId) -> Option<Job> {
        let thread = self.facts.chats.get(&chat)?;
        let chat = &thread.chat;
        let talk = thread.talk.as_ref()?;
        let unanswered = talk.unanswered?;
        Some(Job {
            chat: chat.id,
            epoch: chat.epoch,
            seq: unanswered.seq,
            since: talk.since,
            answer_by: unanswered.answer_by,
            name: chat.name.clone(),
            language: language(chat),
            choices: talk.choices.clone(),
            answered: talk.answered,
            failures: talk.failures,
            tokens: thread.tokens,
            queued: chat.state == ChatState::Waiting,
        })
    }

    /// Whether a new chat of a department is the assistant's.
    pub(super) fn takes_first(&self, department: DepartmentId) -> bool {
        self.assistant_ready()
            && match self.assistant().first_line {
                FirstLine::Off => false,
                FirstLine::Always => true,
                FirstLine::WhenNoAgent => !self.index.seats.contains_key(&department),
                FirstLine::AfterHours => !self.anyone_available(department),
            }
    }

    /// Whether the assistant had a resolved chat last, and would have it again. Of a department
    /// that is gone it has none: it could only hand it to a queue that nobody serves.
    pub(super) fn had_assistant(&self, chat: &Chat) -> bool {
        let thread = self.facts.chats.get(&chat.id);
        let talk = thread.and_then(|thread| thread.talk.as_ref());
        self.assistant_works()
            && talk.is_some_and(|talk| talk.held)
            && self.facts.departments.contains_key(&chat.department)
    }

    /// Whether the assistant has chats at all.
    pub(super) fn assistant_works(&self) -> bool {
        self.assistant_ready() && self.assistant().first_line != FirstLine::Off
    }

    /// Whether the assistant speaks to those who wait and were not handed off by itself.
    pub(super) fn assists_queued(&self) -> bool {
        self.assistant_ready() && self.assistant().while_queued == WhileQueued::Assist
    }

    fn anyone_available(&self, department: DepartmentId) -> bool {
        let mut staff = self.facts.staff.values();
        staff.any(|member| member.is_available() && member.user.departments.contains(&department))
    }

    /// The assistant gets the chat.
    pub(super) fn assisted(
        chat: ChatId,
        actor: Actor,
        reason: AssistantReason,
        epoch: Epoch,
    ) -> NewRecord {
        NewRecord::of_chat(chat, actor, Event::AssistantAssigned { reason, epoch })
    }

    /// The first words of the assistant, which say what it is.
    pub(super) fn greeting(&self, chat: ChatId) -> NewRecord {
        self.said(chat, SafeText::line(GREETING))
    }

    fn said(&self, chat: ChatId, text: SafeText) -> NewRecord {
        let event = Event::MessagePosted {
            text,
            visibility: Visibility::Public,
            attachments: Vec::new(),
        };
        NewRecord::of_chat(chat, self.assistant_actor(None), event)
    }

    fn assistant_actor(&self, rule: Option<&str>) -> Actor {
        Actor {
            kind: ActorKind::Assistant,
            id: None,
            name: self.assistant().name.clone(),
            rule: rule.map(SafeText::line),
        }
    }

    pub(super) fn request_human(
        &self,
        id: ChatId,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let thread = self.thread(id)?;
        match thread.chat.state {
            ChatState::Assistant => {
                Ok(self.hand_off(thread, HandOffReason::CustomerRequest, None, None, now))
            }
            state if state.is_open() => Ok(Vec::new()),
            state => Err(Rejection::WrongState { chat: id, state }),
        }
    }

    pub(super) fn return_to_assistant(
        &self,
        party: &Party<'_>,
        id: ChatId,
        epoch: Epoch,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let chat = &self.thread(id)?.chat;
        self.check_epoch(chat, epoch)?;
        if chat.owner.is_none() || !chat.state.is_open() {
            return Err(Rejection::WrongState {
                chat: id,
                state: chat.state,
            });
        }
        if !self.assistant_works() {
            return Err(Rejection::AssistantOff);
        }
        let actor = party.actor();
        let line = format!("{} handed the chat to the assistant", actor.name);
        let reason = AssistantReason::Returned;
        Ok(vec![
            Self::assisted(id, actor, reason, epoch.next()),
            NewRecord::line(id, "return", &line),
        ])
    }

    pub(super) fn flag_answer(
        &self,
        party: &Party<'_>,
        id: ChatId,
        seq: Seq,
        reason: Option<&SafeText>,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let thread = self.thread(id)?;
        let known = |talk: &Talk| talk.messages.contains(&seq);
        if !thread.talk.as_deref().is_some_and(known) {
            return Err(Rejection::invalid(
                "seq",
                "is of no answer of the assistant that can be flagged; check it",
            ));
        }
        let reason = form::optional_line("reason", reason)?;
        let event = Event::AnswerFlagged { seq, reason };
        Ok(vec![NewRecord::of_chat(id, party.actor(), event)])
    }

    pub(super) fn start_turn(
        &self,
        id: ChatId,
        epoch: Epoch,
        seq: Seq,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let (thread, talk) = self.at_work(id, epoch)?;
        let Some(unanswered) = talk.unanswered.filter(|left| left.seq == seq) else {
            return Err(overtaken(thread));
        };
        let again = match talk.run {
            Some(run) if run.again || run.seq >= unanswered.seq => return Err(overtaken(thread)),
            run => run.is_some(),
        };
        let started = Event::AssistantStarted { seq, again };
        let actor = self.assistant_actor(None);
        Ok(vec![NewRecord::of_chat(id, actor, started)])
    }

    pub(super) fn finish_turn(
        &self,
        id: ChatId,
        epoch: Epoch,
        seq: Seq,
        turn: &Turn,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let (thread, talk) = self.at_work(id, epoch)?;
        let Some(run) = talk.run.filter(|run| run.seq == seq) else {
            return Err(overtaken(thread));
        };
        let newer = talk.unanswered.is_some_and(|left| left.seq > seq);
        if newer && !run.again {
            return Err(overtaken(thread));
        }
        let queued = thread.chat.state == ChatState::Waiting;
        Ok(match turn {
            Turn::Say { text, reply } => match self.objection(talk, text, reply) {
                _ if reply.kind == ReplyKind::Passed => self.passed(id, reply),
                Some(_) if queued => self.passed(id, reply),
                _ if queued && reply.kind != ReplyKind::Answer => self.passed(id, reply),
                Some(reason) => self.hand_off_by(thread, reason, None, reply, now),
                None => vec![self.said(id, text.clone()), self.replied(id, reply)],
            },
            Turn::Resolve { reply } | Turn::HandOff { reply, .. } if queued => {
                self.passed(id, reply)
            }
            // Who goes on is not through, and what they said last is still to be answered.
            Turn::Resolve { reply } if newer => self.passed(id, reply),
            Turn::HandOff {
                reason,
                detail,
                reply,
            } => self.hand_off_by(thread, *reason, detail.as_ref(), reply, now),
            Turn::Resolve { reply } => {
                let mut records = vec![self.replied(id, reply)];
                records.extend(self.let_go(id, "confirmed"));
                records
            }
        })
    }

    /// The chat and the talk, when the assistant may speak there: it has the chat in the epoch
    /// that it saw, or speaks to those who wait.
    fn at_work(&self, id: ChatId, epoch: Epoch) -> Result<(&Thread, &Talk), Rejection> {
        let thread = self.thread(id)?;
        self.check_epoch(&thread.chat, epoch)?;
        let state = thread.chat.state;
        let may = match state {
            ChatState::Assistant => true,
            ChatState::Waiting => self.assists_queued(),
            _ => false,
        };
        match thread.talk.as_deref().filter(|_| may) {
            Some(talk) => Ok((thread, talk)),
            None => Err(Rejection::WrongState { chat: id, state }),
        }
    }

    /// Why what the assistant would say must not be said, but a person called.
    fn objection(&self, talk: &Talk, text: &SafeText, reply: &Reply) -> Option<HandOffReason> {
        let settings = self.assistant();
        let failures = talk.failures + u8::from(reply.failure.is_some());
        if reply.failure.is_some() && failures >= settings.max_failures {
            return Some(HandOffReason::RepeatedFailure);
        }
        if reply.kind == ReplyKind::Answer && talk.said.as_ref() == Some(text) {
            return Some(HandOffReason::RepeatedAnswer);
        }
        (talk.turns >= settings.max_turns).then_some(HandOffReason::MaxTurns)
    }

    fn replied(&self, id: ChatId, reply: &Reply) -> NewRecord {
        let reply = Box::new(reply.clone());
        let event = Event::AssistantReplied { reply };
        NewRecord::of_chat(id, self.assistant_actor(None), event)
    }

    /// Nothing is said, and what was unanswered waits for a person.
    fn passed(&self, id: ChatId, reply: &Reply) -> Vec<NewRecord> {
        let reply = Reply {
            kind: ReplyKind::Passed,
            ..reply.clone()
        };
        vec![self.replied(id, &reply)]
    }

    fn hand_off_by(
        &self,
        thread: &Thread,
        reason: HandOffReason,
        detail: Option<&SafeText>,
        reply: &Reply,
        now: Timestamp,
    ) -> Vec<NewRecord> {
        let mut records = Vec::new();
        // What a model took is counted, whatever came of it.
        if reply.model.is_some() {
            records = self.passed(thread.chat.id, reply);
        }
        records.extend(self.hand_off(thread, reason, detail, Some(reply), now));
        records
    }

    /// Hands a chat of the assistant to people: the record for them, the place in the queue, and
    /// what its customer is told.
    pub(super) fn hand_off(
        &self,
        thread: &Thread,
        reason: HandOffReason,
        detail: Option<&SafeText>,
        found: Option<&Reply>,
        now: Timestamp,
    ) -> Vec<NewRecord> {
        self.hand_off_behind(0, thread, (reason, detail), found, now)
    }

    /// The same behind others that are handed off together with it.
    fn hand_off_behind(
        &self,
        others: u32,
        thread: &Thread,
        (reason, detail): (HandOffReason, Option<&SafeText>),
        found: Option<&Reply>,
        now: Timestamp,
    ) -> Vec<NewRecord> {
        let chat = &thread.chat;
        let rank_at = if thread.queued { chat.rank_at } else { now };
        let place = self.place_of(
            &Place {
                rank_at,
                ..Place::of(chat)
            },
            chat.department,
        ) + others;
        let talk = thread.talk.as_deref();
        let waited = talk.and_then(|talk| talk.unanswered);
        let waited = waited.map_or(0, |left| now.since(left.first_at).as_millis());
        let hand_off = HandOff {
            reason,
            detail: detail.cloned(),
            intent: found.and_then(|reply| reply.intent.clone()),
            confidence: found.and_then(|reply| reply.confidence),
            top: found
                .map(|reply| reply.top.iter().take(GUESSES_MAX).cloned().collect())
                .unwrap_or_default(),
            language: language(chat),
            summary: talk.map(Talk::summary).unwrap_or_default(),
            from: talk.map_or(Seq(1), |talk| talk.since),
            to: chat.seq,
            waited_ms: u64::try_from(waited).unwrap_or(u64::MAX),
            place,
        };
        let handed_off = Event::HandedOff {
            hand_off: Box::new(hand_off),
        };
        let queued = Event::ChatQueued {
            department: chat.department,
            rank_at,
            reason: QueueReason::HandedOff,
            epoch: chat.epoch.next(),
        };
        let actor = self.assistant_actor(Some(reason.word()));
        vec![
            NewRecord::of_chat(chat.id, actor, handed_off),
            // The reason is for staff: customers read this record.
            NewRecord::of_chat(chat.id, self.assistant_actor(None), queued),
            NewRecord::line(chat.id, "hand_off", &self.notice(chat.department, place)),
        ]
    }

    /// What a customer is told who is handed to people.
    fn notice(&self, department: DepartmentId, place: u32) -> String {
        if self.index.seats.contains_key(&department) {
            "A person takes over.".to_owned()
        } else if self.anyone_available(department) {
            format!("A person will answer; you are number {place} in the queue.")
        } else {
            format!(
                "Nobody is online right now. You are number {place} in the queue and keep that \
                 place; if you cannot wait, leave an e-mail address here."
            )
        }
    }

    /// The place from 1 that a chat of this rank has in a queue.
    fn place_of(&self, rank: &Place, department: DepartmentId) -> u32 {
        let queue = self.index.queues.get(&department);
        let before = queue.map_or(0, |queue| queue.range(..*rank).count());
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The assistant ends its chat.
    fn let_go(&self, id: ChatId, rule: &str) -> [NewRecord; 2] {
        let line = match rule {
            "confirmed" => {
                "Glad that helped. The chat is over; write here within 72 hours to reopen it."
            }
            _ => {
                "The chat is over, since nobody wrote for a day; write here within 72 hours to reopen it."
            }
        };
        let resolved = Event::ChatResolved { by: None };
        [
            NewRecord::of_chat(id, self.assistant_actor(Some(rule)), resolved),
            NewRecord::line(id, "resolve", line),
        ]
    }

    /// The customer has said nothing for a day.
    pub(super) fn gone_silent(&self, id: ChatId) -> Vec<NewRecord> {
        self.let_go(id, "silence").into()
    }

    /// Nobody answered in time.
    pub(super) fn unanswered(&self, id: ChatId, now: Timestamp) -> Vec<NewRecord> {
        let Some(thread) = self.facts.chats.get(&id) else {
            return Vec::new();
        };
        let running = thread.talk.as_ref().is_some_and(|talk| talk.run.is_some());
        let reason = if running {
            HandOffReason::ProviderTimeout
        } else {
            HandOffReason::Internal
        };
        self.hand_off(thread, reason, None, None, now)
    }

    /// The next hand-off that a rule owes: of a chat whose customer must have a person, or of any
    /// when the assistant does not work any more.
    pub(super) fn next_call(&self, now: Timestamp) -> Vec<NewRecord> {
        if let Some(id) = self.index.calls.first()
            && let Some(thread) = self.facts.chats.get(id)
            && let Some((reason, detail)) = thread.talk.as_ref().and_then(|talk| talk.call.as_ref())
        {
            return self.hand_off(thread, *reason, detail.as_ref(), None, now);
        }
        let left = self
            .index
            .assisted
            .first()
            .filter(|_| !self.assistant_works());
        match left.and_then(|id| self.facts.chats.get(id)) {
            Some(thread) => self.hand_off(thread, HandOffReason::Operator, None, None, now),
            None => Vec::new(),
        }
    }

    /// The hub was started again while answers were looked for: whether they were found nobody
    /// knows, and what ended the hub may have been the message itself. People answer these.
    pub(super) fn break_leases(&self, now: Timestamp) -> Vec<NewRecord> {
        let mut records = Vec::new();
        let mut others = BTreeMap::new();
        for thread in self.facts.chats.values() {
            let Some(talk) = thread.talk.as_ref() else {
                continue;
            };
            match (thread.chat.state, talk.run) {
                (ChatState::Assistant, Some(_)) => {
                    let reason = HandOffReason::Internal;
                    let detail = SafeText::line("the hub was started again");
                    let before: &mut u32 = others.entry(thread.chat.department).or_default();
                    let why = (reason, Some(&detail));
                    records.extend(self.hand_off_behind(*before, thread, why, None, now));
                    *before += 1;
                }
                (ChatState::Waiting, Some(run)) => {
                    records.extend(
                        self.passed(thread.chat.id, &Reply::new(ReplyKind::Passed, run.seq)),
                    );
                }
                _ => {}
            }
        }
        records
    }
}

fn language(chat: &Chat) -> Option<SafeText> {
    chat.fields.get(&SafeText::line(LANGUAGE_FIELD)).cloned()
}

/// The customer wrote since, or somebody else looks for the answer.
fn overtaken(thread: &Thread) -> Rejection {
    Rejection::Overtaken {
        chat: thread.chat.id,
        seq: thread.chat.seq,
    }
}
