//! Logs of millions of messages, made by the store's own interface in large batches and kept.

use std::{fs, path::Path, path::PathBuf, time::Duration};

use futures_util::FutureExt as _;
use server::{
    desk::{Desk, NewRecord, Who},
    store::{Commit, Hash, Mark, Part, Store, StoreUrl, StoredRecord},
};
use shared::{
    command::{Command, OpenChat},
    id::{ChatId, CommandId, Pos, UserId},
    model::Visibility,
    record::Record,
    text::SafeText,
    time::Timestamp,
};
use tests::seed::{Rng, Seed};

use crate::Fallible;

/// Messages of each chat, enough for a page.
pub(crate) const MESSAGES_EACH: u64 = 100;
/// Chats that talk at the same time.
const OPEN: u64 = 500;
const COMMIT_RECORDS: usize = 4_096;
const TEXT_BYTES: usize = 200;
/// Different words, of which the first are the most used.
const WORDS: u64 = 20_000;
const BEGIN_MS: i64 = 1_790_000_000_000;

/// Waits for what does not wait: outside a runtime a store works on the calling thread.
pub(crate) fn now<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never()
        .expect("an embedded store answers at once")
}

/// The folder with a log of so many messages, made now if it is not there.
pub(crate) fn kept(messages: u64) -> Fallible<PathBuf> {
    let folder = crate::kept(&format!("log-{messages}"));
    if !folder.join("desk.redb").exists() {
        crate::say(&format!(
            "writing a log of {messages} messages; it is kept for later runs"
        ));
        let making = crate::kept(&format!("log-{messages}-making"));
        if making.exists() {
            fs::remove_dir_all(&making)?;
        }
        crate::hub::make_folder(&making)?;
        Writer::open(&making)?.write(messages)?;
        fs::rename(&making, &folder)?;
    }
    Ok(folder)
}

/// The word with this number; small numbers are short words.
pub(crate) fn word(number: u64) -> String {
    const SYLLABLES: [&str; 16] = [
        "ka", "lo", "mi", "nu", "pe", "ra", "so", "ti", "vu", "ze", "bo", "da", "fi", "gu", "he",
        "ja",
    ];
    let mut rest = number + 16;
    let mut word = String::new();
    while rest > 0 {
        word.push_str(SYLLABLES[usize::try_from(rest % 16).unwrap_or(0)]);
        rest /= 16;
    }
    word
}

struct Writer {
    store: Store,
    desk: Desk,
    hash: Hash,
    now_ms: i64,
    batch: Vec<StoredRecord>,
    rng: Rng,
    commands: u64,
}

impl Writer {
    fn open(folder: &Path) -> Fallible<Self> {
        Ok(Self {
            store: Store::open(&StoreUrl::in_directory(folder))?,
            desk: Desk::default(),
            hash: Hash::START,
            now_ms: BEGIN_MS,
            batch: Vec::new(),
            rng: Seed::new(1).rng(),
            commands: 0,
        })
    }

    fn write(mut self, messages: u64) -> Fallible<()> {
        let text = SafeText::block;
        let setup = Command::Setup {
            username: text("olga"),
            name: text("Olga"),
        };
        self.does(&Who::Anonymous, &setup)?;
        let owner = Who::User(UserId(1));
        for _ in 0..messages / (MESSAGES_EACH * OPEN) {
            let first = self.desk.last_chat().0 + 1;
            let open = Command::OpenChat(OpenChat {
                name: Some(text("Cleo")),
                ..OpenChat::default()
            });
            for _ in 0..OPEN {
                self.does(&Who::Anonymous, &open)?;
            }
            for number in 0..MESSAGES_EACH * OPEN {
                let chat = ChatId(first + number % OPEN);
                let customer = self.desk.chat(chat).ok_or("a chat is gone")?.customer;
                let post = Command::PostMessage {
                    chat,
                    text: text(&self.sentence()),
                    visibility: Visibility::Public,
                    expected_seq: None,
                    canned: Vec::new(),
                };
                let who = Who::Customer {
                    id: customer,
                    name: text("Cleo"),
                };
                self.does(&who, &post)?;
            }
            for chat in (first..first + OPEN).map(ChatId) {
                let epoch = self.desk.chat(chat).ok_or("a chat is gone")?.epoch;
                let close = Command::Close {
                    chat,
                    epoch: Some(epoch),
                };
                self.does(&owner, &close)?;
            }
        }
        self.commit()?;
        while now(self.store.settle(Part::MAIN, usize::MAX, self.store.now()))?.left > 0 {}
        while now(self.store.index_words(Part::MAIN))? > server::store::WORDS_BEHIND_MAX {}
        Ok(())
    }

    fn sentence(&mut self) -> String {
        let mut sentence = String::with_capacity(TEXT_BYTES + 16);
        while sentence.len() < TEXT_BYTES {
            // The square of the square makes few words frequent and most of them rare.
            let part = self.rng.within(0..=999_999);
            let square = part * part / 1_000_000;
            sentence.push_str(&word(square * square / 1_000_000 * WORDS / 1_000_000));
            sentence.push(' ');
        }
        sentence.truncate(TEXT_BYTES);
        sentence
    }

    fn does(&mut self, who: &Who, command: &Command) -> Fallible<()> {
        self.now_ms += 1;
        self.commands += 1;
        let at = Timestamp::from_ms(self.now_ms);
        let given = self
            .desk
            .decide(who, command, at)
            .map_err(|rejection| rejection.to_string())?;
        let principal = match who {
            Who::User(id) | Who::Customer { id, .. } => id.0,
            Who::Anonymous | Who::System(_) => 0,
        };
        let last = given.len().saturating_sub(1);
        for (index, new) in given.into_iter().enumerate() {
            let mark = (index == last).then(|| Mark {
                principal,
                cid: CommandId::parse(&format!("command-{:016}", self.commands))
                    .expect("digits are a command id"),
                fingerprint: self
                    .commands
                    .to_be_bytes()
                    .repeat(2)
                    .try_into()
                    .expect("16 bytes"),
                seq: new.chat.map(|chat| self.desk.next_seq(chat)),
            });
            self.append(new, at, mark)?;
        }
        Ok(())
    }

    fn append(&mut self, new: NewRecord, at: Timestamp, mark: Option<Mark>) -> Fallible<()> {
        let scope = self.desk.scope(&new);
        let record = Record {
            pos: self.desk.pos().next(),
            at,
            chat: new.chat,
            seq: new.chat.map(|chat| self.desk.next_seq(chat)),
            actor: new.actor,
            event: new.event,
        };
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.rng.next_u64().to_be_bytes());
        let stored = StoredRecord::chain(&self.hash, &record, scope, mark, nonce);
        self.desk.apply(&record);
        self.hash = stored.hash;
        self.batch.push(stored);
        if self.batch.len() >= COMMIT_RECORDS {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Fallible<()> {
        let Some(first) = self.batch.first() else {
            return Ok(());
        };
        let turn = now(self.store.turn(Part::MAIN, Pos(first.pos.0 - 1)))?;
        match now(turn.commit(&self.batch, &[]))? {
            Commit::Done { .. } => {}
            other => return Err(format!("a batch was not written: {other:?}").into()),
        }
        self.batch.clear();
        while now(self.store.settle(Part::MAIN, usize::MAX, self.store.now()))?.left > 0 {}
        Ok(())
    }
}

/// Messages a second that the store commits in transactions of `batch` to chats that are new.
pub(crate) fn commit_rate(folder: &Path, batch: u64, time: Duration) -> Fallible<f64> {
    let store = Store::open(&StoreUrl::in_directory(folder))?;
    let (mut pos, mut hash) = store.head(Part::MAIN);
    let mut desk = Talk::new(pos.0);
    let begun = std::time::Instant::now();
    let mut messages = 0;
    while begun.elapsed() < time {
        let before = pos;
        let mut records = Vec::new();
        for _ in 0..batch {
            let record = desk.say(pos, &hash);
            (pos, hash) = (record.pos, record.hash);
            records.push(record);
        }
        let turn = now(store.turn(Part::MAIN, before))?;
        match now(turn.commit(&records, &[]))? {
            Commit::Done { .. } => messages += batch,
            other => return Err(format!("a batch was not written: {other:?}").into()),
        }
        let left = store.status().tail_records;
        if left > server::store::TAIL_RECORDS_MAX {
            now(store.settle(Part::MAIN, usize::MAX, store.now()))?;
        }
    }
    Ok(crate::bare::count(messages) / begun.elapsed().as_secs_f64())
}

/// Says the same in many chats.
struct Talk {
    first_chat: u64,
    said: u64,
}

impl Talk {
    const CHATS: u64 = 1_000;

    /// Chats that no log of ours has: a log has fewer chats than records.
    const fn new(head: u64) -> Self {
        Self {
            first_chat: (1 << 40) + head,
            said: 0,
        }
    }

    fn say(&mut self, pos: Pos, hash: &Hash) -> StoredRecord {
        let chat = ChatId(self.first_chat + self.said % Self::CHATS);
        let customer = UserId(chat.0);
        let record = Record {
            pos: pos.next(),
            at: Timestamp::from_ms(BEGIN_MS),
            chat: Some(chat),
            seq: Some(shared::id::Seq(1 + self.said / Self::CHATS)),
            actor: shared::model::Actor {
                kind: shared::model::ActorKind::Customer,
                id: Some(customer),
                name: SafeText::line("Cleo"),
                rule: None,
            },
            event: shared::event::Event::MessagePosted {
                text: SafeText::block(&"x".repeat(TEXT_BYTES)),
                visibility: Visibility::Public,
                attachments: Vec::new(),
            },
        };
        self.said += 1;
        let mark = Mark {
            principal: customer.0,
            cid: CommandId::parse(&format!("talk-{:020}", self.said))
                .expect("digits are a command id"),
            fingerprint: [7; 16],
            seq: record.seq,
        };
        let scope = server::desk::visibility::Scope {
            audience: server::desk::visibility::Audience::Public,
            customer: Some(customer),
            department: None,
            left: None,
        };
        StoredRecord::chain(hash, &record, scope, Some(mark), [9; 16])
    }
}
