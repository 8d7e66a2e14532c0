//! Deciding a batch: what commands would do, before any of it is committed.
//!
//! Each command is decided on the state that the ones before it left, and what the desk owes then
//! follows at once. The desk in memory runs ahead of the store while a draft is open; when the
//! commit fails, the loop loads it anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use shared::{
    event::Event,
    id::{CommandId, Pos, UserId},
    machine,
    record::Record,
    time::Timestamp,
};

use crate::{
    desk::{Desk, NewRecord, Who},
    store::{Done, KvWrite, Mark, StoreError, StoredRecord},
};

use super::{
    Answer, Outcome, PART, Submission, SubmitError, customers, partition::Partition,
    publish::Published,
};

/// The principal of everyone without a token.
const ANONYMOUS: u64 = 0;
/// How long a repeated opening by someone without a token is the same opening.
const ANONYMOUS_REPEAT: Duration = Duration::from_secs(24 * 3600);

/// Whose command ids these are; none for the hub's own commands, which are never repeated.
const fn principal(who: &Who) -> Option<u64> {
    match who {
        Who::User(id) | Who::Customer { id, .. } => Some(id.0),
        Who::Anonymous => Some(ANONYMOUS),
        Who::System(_) => None,
    }
}

/// What a batch of commands would do, before it is committed.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) records: Vec<StoredRecord>,
    pub(super) published: Vec<Published>,
    pub(super) kv: Vec<KvWrite>,
    pub(super) answers: Vec<Answer>,
    pub(super) agents: BTreeSet<UserId>,
    done: BTreeMap<(u64, CommandId), (Outcome, [u8; 16])>,
}

impl Partition {
    /// Decides each command on the state the ones before it left, and what the desk owes then.
    pub(super) async fn draft(&mut self, commands: &[Submission]) -> Result<Draft, StoreError> {
        let now = self.store.now();
        let mut draft = Draft::default();
        self.room.look(&self.store);
        let mut done = self.done_before(commands).await?.into_iter();
        for submission in commands {
            let before = done.next().flatten();
            let answer = match self.known(&draft, submission, before, now).await? {
                Some(answer) => answer,
                None if !self.room.admits(&submission.who, &submission.command) => {
                    Err(SubmitError::StorageFull)
                }
                None => self.decide(&mut draft, submission, now),
            };
            draft.answers.push(answer);
            self.settle_debts(&mut draft, now);
        }
        if commands.is_empty() {
            self.settle_debts(&mut draft, now);
        }
        Ok(draft)
    }

    /// How each command was answered that was done before, all looked up at once.
    async fn done_before(&self, commands: &[Submission]) -> Result<Vec<Option<Done>>, StoreError> {
        let keys: Vec<_> = commands
            .iter()
            .map(|submission| Some((principal(&submission.who)?, &submission.cid)))
            .collect();
        self.store.results(PART, &keys).await
    }

    /// The answer to a command that was done before, in this batch or in the log.
    async fn known(
        &self,
        draft: &Draft,
        submission: &Submission,
        before: Option<Done>,
        now: Timestamp,
    ) -> Result<Option<Answer>, StoreError> {
        let Some(principal) = principal(&submission.who) else {
            return Ok(None);
        };
        let key = (principal, submission.cid.clone());
        let (outcome, fingerprint, at) = if let Some((outcome, fingerprint)) = draft.done.get(&key)
        {
            (*outcome, *fingerprint, now)
        } else if let Some(done) = before {
            let outcome = Outcome {
                pos: done.pos,
                chat: done.chat,
                seq: done.seq,
                dup: true,
            };
            (outcome, done.fingerprint, self.time_of(done.pos).await?)
        } else {
            return Ok(None);
        };
        let expired = principal == ANONYMOUS && now.since(at) > ANONYMOUS_REPEAT;
        if fingerprint != submission.fingerprint || expired {
            return Ok(Some(Err(SubmitError::CidConflict(key.1))));
        }
        Ok(Some(Ok(Outcome {
            dup: true,
            ..outcome
        })))
    }

    async fn time_of(&self, pos: Pos) -> Result<Timestamp, StoreError> {
        let found = self.store.read(PART, Pos(pos.0 - 1), 1).await?;
        Ok(found.first().map(|stored| stored.at).unwrap_or_default())
    }

    fn decide(&mut self, draft: &mut Draft, submission: &Submission, now: Timestamp) -> Answer {
        let given = self
            .desk
            .decide(&submission.who, &submission.command, now)
            .map_err(SubmitError::Rejected)?;
        if let Some(companion) = &submission.companion {
            draft.kv.extend(companion(&given, self.head.next()));
        }
        let message = given
            .iter()
            .position(|one| matches!(one.event, Event::MessagePosted { .. }));
        let mut outcome = Outcome {
            pos: self.head,
            chat: None,
            seq: None,
            dup: false,
        };
        let last = given.len().saturating_sub(1);
        for (index, new) in given.into_iter().enumerate() {
            if message.is_none_or(|message| index <= message)
                && let Some(chat) = new.chat
            {
                outcome.seq = Some(self.desk.next_seq(chat));
            }
            outcome.pos = self.head.next();
            outcome.chat = outcome.chat.or(new.chat);
            let mark = principal(&submission.who)
                .filter(|_| index == last)
                .map(|principal| Mark {
                    principal,
                    cid: submission.cid.clone(),
                    fingerprint: submission.fingerprint,
                    seq: outcome.seq,
                });
            if let Some(mark) = &mark {
                let key = (mark.principal, mark.cid.clone());
                draft.done.insert(key, (outcome, mark.fingerprint));
            }
            self.append(draft, new, now, mark);
        }
        Ok(outcome)
    }

    /// Appends what the desk owes until it owes nothing more.
    fn settle_debts(&mut self, draft: &mut Draft, now: Timestamp) {
        loop {
            let owed = self.desk.due(now);
            if owed.is_empty() {
                return;
            }
            for new in owed {
                self.append(draft, new, now, None);
            }
        }
    }

    /// Gives a new record its place and time, takes it into the desk and puts it on its way.
    fn append(&mut self, draft: &mut Draft, new: NewRecord, now: Timestamp, mark: Option<Mark>) {
        let scope = self.desk.scope(&new);
        let record = Record {
            pos: self.head.next(),
            at: now,
            chat: new.chat,
            seq: new.chat.map(|chat| self.desk.next_seq(chat)),
            actor: new.actor,
            event: new.event,
        };
        let stored = StoredRecord::chain(&self.hash, &record, scope, mark, self.nonces.next());
        let published = Published::of(&stored, &record.event, self.store.lineage());
        let about = published.about;
        let before = about.and_then(|user| self.desk.viewer(&Who::User(user)));
        let owner = |desk: &Desk| {
            let owner = desk.chat(record.chat?)?.owner?;
            Some((owner, desk.load(owner)))
        };
        let owned = owner(&self.desk);
        self.unsure = true;
        self.desk.apply(&record);
        let owns = owner(&self.desk);
        if owned != owns {
            let agents = owned.into_iter().chain(owns);
            draft.agents.extend(agents.map(|(agent, _)| agent));
        }
        if let Event::AgentUnreachable { user } | Event::AgentBack { user } = &record.event {
            draft.agents.insert(*user);
        }
        let after = about.and_then(|user| self.desk.viewer(&Who::User(user)));
        self.head = record.pos;
        self.hash = stored.hash;
        self.places.note(&record, &scope);
        draft.published.push(Published {
            about: about.filter(|_| before != after),
            ..published
        });
        draft.kv.extend(customers::row(&record));
        draft.records.push(stored);
    }
}

/// Random bits for records, taken from the system for many at once.
#[derive(Default)]
pub(super) struct Nonces(Vec<[u8; 16]>);

impl Nonces {
    /// How many are taken at once.
    const MANY: usize = 64;

    fn next(&mut self) -> [u8; 16] {
        if self.0.is_empty() {
            let mut bytes = [0; 16 * Self::MANY];
            machine::random(&mut bytes).expect("the operating system gives random bytes");
            self.0.extend(bytes.as_chunks().0);
        }
        self.0.pop().expect("there are some now")
    }
}
