//! Records for the tests of the store: a small desk that only talks.
//!
//! A [`Talk`] decides on what it is told of the log, as the hub does: it folds what a turn missed,
//! then makes records that continue it. No rule of the desk is here.

use std::{collections::BTreeMap, path::Path};

use shared::{
    event::{EraseReason, Event},
    id::{ChatId, CommandId, DepartmentId, Pos, Seq, UserId},
    model::{Actor, ActorKind, Visibility},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

use super::{Commit, Hash, Mark, Part, Store, StoreError, StoreUrl, StoredRecord};
use crate::desk::visibility::{Audience, Scope};

/// What a writer knows of the log.
#[derive(Clone, Debug, Default)]
pub(super) struct Talk {
    pub(super) pos: Pos,
    hash: Option<Hash>,
    seqs: BTreeMap<ChatId, Seq>,
}

impl Talk {
    /// Takes in what somebody else wrote.
    pub(super) fn fold(&mut self, records: &[StoredRecord]) {
        for record in records {
            assert_eq!(record.pos, self.pos.next(), "a gap in what was missed");
            self.pos = record.pos;
            self.hash = Some(record.hash);
            if let Some(chat) = record.chat {
                self.seqs.insert(chat, record.seq.expect("seq with chat"));
            }
        }
    }

    /// Takes the seqs of another writer, and nothing else.
    pub(super) fn seqs(&mut self, other: &Self) {
        self.seqs.clone_from(&other.seqs);
    }

    /// A message in a chat, or a record without one for chat 0.
    pub(super) fn say(&mut self, chat: u64, text: &str, cid: Option<&str>) -> StoredRecord {
        let event = match chat {
            0 => Event::AgentBack { user: UserId(7) },
            _ => Event::MessagePosted {
                text: SafeText::block(text),
                visibility: Visibility::Public,
                attachments: Vec::new(),
            },
        };
        self.record(chat, event, cid)
    }

    /// Another text for a message.
    pub(super) fn edit(&mut self, chat: u64, seq: u64, text: &str) -> StoredRecord {
        let event = Event::MessageEdited {
            seq: Seq(seq),
            text: SafeText::block(text),
            visibility: Visibility::Public,
        };
        self.record(chat, event, None)
    }

    /// Any event.
    pub(super) fn record(&mut self, chat: u64, event: Event, cid: Option<&str>) -> StoredRecord {
        let chat = (chat != 0).then_some(ChatId(chat));
        let seq = chat.map(|chat| {
            let seq = self.seqs.entry(chat).or_default();
            *seq = seq.next();
            *seq
        });
        self.pos = self.pos.next();
        let record = Record {
            pos: self.pos,
            at: Timestamp::from_ms(1_795_183_509_120 + i64::try_from(self.pos.0).expect("small")),
            chat,
            seq,
            actor: Actor {
                kind: ActorKind::Agent,
                id: Some(UserId(7)),
                name: SafeText::line("Ana"),
                rule: None,
            },
            event,
        };
        let scope = Scope {
            audience: Audience::Public,
            customer: Some(UserId(9)),
            department: None,
            left: None,
        };
        let mark = cid.map(|cid| Mark {
            principal: 7,
            cid: cid_of(cid),
            fingerprint: [5; 16],
            seq,
        });
        // Never zero, which is the mark of an erased record.
        let nonce = [u8::try_from(self.pos.0 % 251).expect("small").max(1); 16];
        let prev = self.hash.unwrap_or(Hash::START);
        let stored = StoredRecord::chain(&prev, &record, scope, mark, nonce);
        self.hash = Some(stored.hash);
        stored
    }
}

impl Commit {
    /// For where nothing else can be.
    #[track_caller]
    pub(super) fn assert_done(self) {
        assert!(matches!(self, Self::Done { .. }), "{self:?}");
    }
}

/// A command id from a short word.
pub(super) fn cid_of(word: &str) -> CommandId {
    CommandId::parse(&format!("{word:_<16}")).expect("letters")
}

/// The store in a directory.
pub(super) fn open(directory: &Path) -> Result<Store, StoreError> {
    Store::open(&StoreUrl::in_directory(directory))
}

/// Commits what `decide` makes in a turn of its own.
pub(super) async fn commit(
    store: &Store,
    talk: &mut Talk,
    decide: impl FnOnce(&mut Talk) -> Vec<StoredRecord>,
) -> Result<Commit, StoreError> {
    let turn = store.turn(Part::MAIN, talk.pos).await?;
    talk.fold(turn.missed());
    let records = decide(talk);
    turn.commit(&records, &[]).await
}

/// Erases a chat as the hub does: the record of it first.
pub(super) async fn erase(store: &Store, talk: &mut Talk, chat: u64) {
    let chat = ChatId(chat);
    let (records, digest) = store.tombstones(Part::MAIN, chat).await.expect("a chat");
    let erasure = Event::ChatErased {
        chat,
        customer: UserId(9),
        department: DepartmentId(1),
        reason: EraseReason::Requested,
        records,
        digest: SafeText::line(&digest),
    };
    let done = commit(store, talk, |talk| vec![talk.record(0, erasure, None)]).await;
    done.expect("a store that works").assert_done();
    store
        .redact(Part::MAIN, chat)
        .await
        .expect("a store that works");
}
