//! Erasure on a store in a file: nothing is left in it, whatever happens on the way.

mod retention;

use std::{fs, io::Write as _, path::Path};

use shared::{
    api::Register,
    command::{Command, OpenChat},
    event::{EraseReason, Event},
    id::{ChatId, CommandId, Pos, UserId},
    model::Visibility,
    search::Query,
    text::SafeText,
};
use tempfile::TempDir;

use super::{Care, Done, HUB, rows};
use crate::{
    accounts::{AccountSettings, Accounts, phc::Cost},
    care::ledger::{FILE, Subject},
    desk::Who,
    hub::{
        Hub, PART,
        files::{Files, Posting},
    },
    store::{Store, StoreUrl, StoredRecord, check, restore},
};

/// What only the customer who is erased said or is called, in each place where it may lie.
const CANARIES: [&str; 11] = [
    "zanzibelle",
    "quuxley",
    "zq7@canary.example",
    "5550199887",
    "xylophonic",
    "glockenspielish",
    "bassoonery",
    "kazooful",
    "ocarinated",
    "theremin.bin",
    "ZZCANARYBYTESZZ",
];
const OWNER: Who = Who::User(UserId(1));

/// A data folder, and what is in it.
struct Place {
    data: TempDir,
}

struct Running {
    hub: Hub,
    accounts: Accounts,
    files: Files,
    care: Care,
}

impl Place {
    fn new() -> Self {
        Self {
            data: tempfile::tempdir().unwrap(),
        }
    }

    fn store(&self) -> std::path::PathBuf {
        self.data.path().join("store")
    }

    async fn start(&self) -> Running {
        let store = Store::open(&StoreUrl::in_directory(&self.store())).unwrap();
        let hub = Hub::start(store).await.unwrap();
        let settings = AccountSettings {
            registration: true,
            staff_cost: Cost::FLOOR,
            customer_cost: Cost::FLOOR,
            ..AccountSettings::new(self.data.path())
        };
        let accounts = Accounts::start(hub.clone(), settings).await.unwrap();
        let files = Files::start(hub.clone(), u64::MAX).await.unwrap();
        let care = Care::start(
            hub.clone(),
            accounts.clone(),
            files.clone(),
            self.data.path(),
        );
        let care = care.await.unwrap();
        Running {
            hub,
            accounts,
            files,
            care,
        }
    }

    /// How often each canary is in any file of the folder.
    fn found(&self) -> Vec<(&'static str, usize)> {
        let mut bytes = Vec::new();
        for folder in [self.data.path(), &self.store()] {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    bytes.extend(fs::read(path).unwrap().to_ascii_lowercase());
                }
            }
        }
        let count = |canary: &str| {
            let canary = canary.to_ascii_lowercase();
            let windows = bytes.windows(canary.len());
            windows
                .filter(|window| *window == canary.as_bytes())
                .count()
        };
        CANARIES
            .into_iter()
            .map(|canary| (canary, count(canary)))
            .collect()
    }

    fn is_clean(&self) -> bool {
        self.found().iter().all(|(_, count)| *count == 0)
    }
}

impl Running {
    async fn must(&self, who: &Who, command: Command) {
        let done = self.hub.submit(who.clone(), CommandId::random(), command);
        done.await.unwrap();
    }

    /// A desk with an owner and a registered customer who has a closed chat, with everything
    /// that a chat can have, and a waiting one; and another customer.
    async fn furnish(&self) -> UserId {
        let (username, name) = (SafeText::line("olga"), SafeText::line("Olga"));
        self.must(&Who::System("setup"), Command::StartHub).await;
        self.must(&Who::Anonymous, Command::Setup { username, name })
            .await;
        let register = Register {
            username: SafeText::line("quuxley"),
            name: SafeText::line("Zanzibelle"),
            email: Some(SafeText::line("zq7@canary.example")),
            phone: Some(SafeText::line("5550199887")),
            password: "a long enough pass phrase".into(),
        };
        let tokens = self.accounts.register(register, None).await.unwrap();
        let id = tokens.user.id;
        let who = Who::Customer {
            id,
            name: SafeText::line("Zanzibelle"),
        };
        let say = |chat, text: &str| Command::PostMessage {
            chat,
            text: SafeText::block(text),
            visibility: Visibility::Public,
            expected_seq: None,
            canned: Vec::new(),
        };
        let open = |email: &str, text: &str| {
            Command::OpenChat(OpenChat {
                email: Some(SafeText::line(email)),
                text: Some(SafeText::block(text)),
                human: true,
                ..OpenChat::default()
            })
        };
        self.must(&who, open("zq7@canary.example", "xylophonic trouble"))
            .await;
        let chat = ChatId(1);
        let epoch = self
            .hub
            .ask(move |desk| desk.chat(chat).unwrap().epoch)
            .await
            .unwrap();
        self.must(&OWNER, Command::Claim { chat, epoch }).await;
        self.must(&OWNER, say(chat, "the glockenspielish answer"))
            .await;
        self.must(&who, say(chat, "first words")).await;
        let newest = self.hub.ask(move |desk| desk.chat(chat).unwrap().seq);
        let (seq, text) = (newest.await.unwrap(), SafeText::block("bassoonery instead"));
        self.must(&who, Command::EditMessage { chat, seq, text })
            .await;
        let tag = Command::Tag {
            chat,
            add: [SafeText::line("kazooful")].into(),
            remove: std::collections::BTreeSet::new(),
        };
        self.must(&OWNER, tag).await;
        let mut incoming = self.files.receive(id, None, None).unwrap();
        let content = b"ZZCANARYBYTESZZ".repeat(9_000);
        incoming.write(&content).await.unwrap();
        let posting = Posting {
            who: who.clone(),
            cid: CommandId::random(),
            chat,
            name: SafeText::line("theremin.bin"),
            text: SafeText::default(),
            visibility: Visibility::Public,
        };
        incoming.post(posting).await.unwrap().unwrap();
        self.must(&OWNER, Command::Resolve { chat }).await;
        let rate = Command::Rate {
            chat,
            score: 2,
            comment: Some(SafeText::line("ocarinated")),
        };
        self.must(&who, rate).await;
        self.must(&OWNER, Command::Close { chat, epoch: None })
            .await;
        self.must(&who, open("zq7@canary.example", "xylophonic again"))
            .await;
        let other = Command::OpenChat(OpenChat {
            name: Some(SafeText::line("Marigold")),
            text: Some(SafeText::block("a harp stays")),
            ..OpenChat::default()
        });
        self.must(&Who::Anonymous, other).await;
        self.hub.write_down().await.unwrap();
        while self.hub.store().index_words(PART).await.unwrap() > 0 {}
        id
    }

    async fn log(&self) -> Vec<StoredRecord> {
        let store = self.hub.store();
        store.read(PART, Pos(0), usize::MAX).await.unwrap()
    }

    async fn finds(&self, words: &str) -> usize {
        let query = Query::parse(words).unwrap();
        let found = self.hub.store().search(PART, &query, None, 99).await;
        found.unwrap().records.len()
    }

    async fn erase(&self, customer: UserId) -> shared::api::Erased {
        let reason = EraseReason::Requested;
        let erased = self
            .care
            .erase(OWNER, CommandId::random(), customer, reason);
        erased.await.unwrap()
    }
}

/// The log of before and after: the same but for words.
fn assert_same_but_words(before: &[StoredRecord], after: &[StoredRecord]) {
    for (old, new) in before.iter().zip(after) {
        let place = |record: &StoredRecord| (record.pos, record.chat, record.seq, record.at);
        assert_eq!(place(old), place(new));
        assert_eq!(
            (&old.kind, old.hash, old.digest),
            (&new.kind, new.hash, new.digest)
        );
        let erased = old.chat.is_some_and(|chat| chat <= ChatId(2));
        assert_eq!(new.is_redacted(), erased, "record {}", old.pos);
        assert_eq!(new.record().unwrap().event.kind(), &*new.kind);
    }
}

/// S30: account, words, files, postings and snapshot go; places, times, kinds and everything of
/// others stay; the chain verifies; the order says who and why and has no word of the person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_one_who_was_erased() {
    let place = Place::new();
    let running = place.start().await;
    let customer = running.furnish().await;
    let before = running.log().await;
    for (canary, count) in place.found() {
        assert!(count > 0, "{canary} is nowhere: the test proves nothing");
    }
    assert!(running.finds("xylophonic").await == 2 && running.finds("harp").await == 1);
    let erased = running.erase(customer).await;
    assert_eq!(
        (erased.chats, erased.files, erased.clean, erased.dup),
        (2, 1, true, false)
    );
    assert_eq!(
        place.found().iter().filter(|(_, n)| *n > 0).count(),
        0,
        "{:?}",
        place.found()
    );
    for canary in [
        "xylophonic",
        "glockenspielish",
        "bassoonery",
        "zanzibelle",
        "erased",
    ] {
        assert_eq!(running.finds(canary).await, 0, "{canary}");
    }
    assert_eq!(running.finds("harp").await, 1);
    let after = running.log().await;
    assert_same_but_words(&before, &after);
    let orders: Vec<_> = after[before.len()..]
        .iter()
        .map(|stored| stored.record().unwrap())
        .collect();
    let kinds: Vec<_> = orders.iter().map(|record| record.event.kind()).collect();
    assert_eq!(
        kinds,
        [
            "chat_closed",
            "customer_erased",
            "chat_erased",
            "chat_erased"
        ],
        "what is open is closed first"
    );
    assert_eq!(orders[1].actor.id, Some(UserId(1)));
    let reason = EraseReason::Requested;
    assert_eq!(orders[1].event, Event::CustomerErased { customer, reason });
    let verdict = running.hub.store().verify(PART, None).await.unwrap();
    assert_eq!(verdict.problems, [""; 0]);
    assert_eq!(verdict.erased, erased.records);
    assert!(
        running
            .accounts
            .customer_account(customer)
            .await
            .unwrap()
            .is_none()
    );
    let again = running.erase(customer).await;
    assert!(again.dup && again.clean);
    let backup = running.hub.store().backup().await.unwrap();
    assert_eq!(check(backup.path()).unwrap().problems, [""; 0]);
    drop(backup);

    // A start reads the desk from tombstones and comes to the same.
    let view = |desk: &crate::desk::Desk| serde_json::to_value(desk).unwrap();
    let desk = running.hub.ask(view).await.unwrap();
    running.hub.stop().await;
    drop(running);
    assert!(place.is_clean(), "{:?}", place.found());
    let file = place.store().join("desk.redb");
    assert_eq!(check(&file).unwrap().problems, [""; 0]);
    let running = place.start().await;
    let mut found = running.hub.ask(view).await.unwrap();
    // The start itself is in the log.
    found["pos"] = desk["pos"].clone();
    assert_eq!(found, desk);
}

/// How far an erasure came when its hub was killed.
const STEPS: [&str; 6] = [
    "ordered",
    "forgotten",
    "one chat",
    "words",
    "files",
    "written down",
];

/// Does the steps of an erasure up to one, as [`Care::finish`] does them, and no further.
async fn begin(running: &Running, customer: UserId, step: &str) {
    let reason = EraseReason::Requested;
    let witness = running.care.witness_of_customer(customer).await.unwrap();
    let rows = rows::ordered(Subject::Customer(customer), witness.unwrap(), reason);
    let order = Command::EraseCustomer { customer, reason };
    let done = running
        .hub
        .submit_with(OWNER, CommandId::random(), order, Some(rows));
    done.await.unwrap();
    let upto = STEPS.iter().position(|name| *name == step).unwrap();
    if upto >= 1 {
        let forgotten = running.care.forget_customer(customer, reason).await;
        forgotten.unwrap();
    }
    let store = running.hub.store();
    if upto >= 2 {
        store.redact(PART, ChatId(1)).await.unwrap();
    }
    if upto >= 3 {
        store.redact(PART, ChatId(2)).await.unwrap();
    }
    if upto >= 4 {
        assert_eq!(running.files.forget(ChatId(1)).await.unwrap(), 1);
    }
    if upto >= 5 {
        running.hub.write_down().await.unwrap();
    }
}

/// S30: an erasure that was ordered is done, wherever it was cut off, before anything is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_was_cut_off_is_done_at_the_next_start() {
    for step in STEPS {
        let place = Place::new();
        let running = place.start().await;
        let customer = running.furnish().await;
        let before = running.log().await;
        begin(&running, customer, step).await;
        // What the file still shows is chance: the engine may have used its old pages again.
        let owed = rows::pending(&running.hub).await.unwrap();
        assert!(!owed.is_empty(), "{step}: there is nothing left to do");
        // The hub writes nothing more down; the store is closed.
        running.hub.stop().await;
        drop(running);
        let running = place.start().await;
        assert!(place.is_clean(), "{step}: {:?}", place.found());
        assert_same_but_words(&before, &running.log().await[..before.len()]);
        let verdict = running.hub.store().verify(PART, None).await.unwrap();
        assert_eq!(verdict.problems, [""; 0], "{step}");
        assert!(rows::pending(&running.hub).await.unwrap().is_empty());
        let mut ledger = running.care.0.ledger.lock().await;
        let nothing = running.care.finish(&mut ledger, u64::MAX).await.unwrap();
        let done = Done {
            clean: true,
            ..Done::default()
        };
        assert_eq!(nothing, done, "{step}");
    }
}

async fn save(running: &Running, to: &Path) {
    let mut backup = running.hub.store().backup().await.unwrap();
    let mut file = fs::File::create(to).unwrap();
    std::io::copy(&mut fs::File::open(backup.path()).unwrap(), &mut file).unwrap();
    file.flush().unwrap();
    backup = running.hub.store().backup().await.unwrap();
    drop(backup);
}

/// S30: an old backup that is restored is erased again before anything is served; another desk's
/// customers under the same numbers are left alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_erased_stays_erased_in_a_restored_desk() {
    let (place, kept) = (Place::new(), tempfile::tempdir().unwrap());
    let old = kept.path().join("old.redb");
    let running = place.start().await;
    let customer = running.furnish().await;
    save(&running, &old).await;
    running.erase(customer).await;
    running.hub.stop().await;
    drop(running);
    let ledger = fs::read_to_string(place.data.path().join(FILE)).unwrap();
    assert_eq!(ledger.lines().count(), 3, "{ledger}");

    restore(&place.store(), &old, true).unwrap();
    fs::remove_file(place.store().join("desk.redb.replaced")).unwrap();
    assert!(!place.is_clean(), "the backup has it");
    let running = place.start().await;
    assert!(place.is_clean(), "{:?}", place.found());
    let verdict = running.hub.store().verify(PART, None).await.unwrap();
    assert_eq!(verdict.problems, [""; 0]);
    assert!(
        running
            .accounts
            .customer_account(customer)
            .await
            .unwrap()
            .is_none()
    );
    running.hub.stop().await;
    drop(running);

    // The same ledger beside another desk, whose customers have the same numbers.
    let other = Place::new();
    let running = other.start().await;
    let same = running.furnish().await;
    assert_eq!(same, customer);
    running.hub.stop().await;
    drop(running);
    fs::copy(place.data.path().join(FILE), other.data.path().join(FILE)).unwrap();
    let running = other.start().await;
    assert!(
        running
            .accounts
            .customer_account(same)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(running.finds("xylophonic").await, 2);
    drop(running);
}

/// A lost ledger is made anew from what the store knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_was_lost_comes_back() {
    let place = Place::new();
    let running = place.start().await;
    let customer = running.furnish().await;
    running.erase(customer).await;
    running.hub.stop().await;
    drop(running);
    let path = place.data.path().join(FILE);
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let ledger = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    drop(place.start().await);
    assert_eq!(sorted(&fs::read_to_string(&path).unwrap()), sorted(&ledger));
}

/// One who is not known, or is of the staff, is not erased, and nobody else may order it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_everyone_may_be_erased_by_everyone() {
    let place = Place::new();
    let running = place.start().await;
    let customer = running.furnish().await;
    let before = running.log().await.len();
    let who = Who::Customer {
        id: customer,
        name: SafeText::line("Zanzibelle"),
    };
    for (who, target) in [
        (OWNER, UserId(1)),
        (OWNER, UserId(99)),
        (who, customer),
        (Who::Anonymous, customer),
    ] {
        let reason = EraseReason::Requested;
        let refused = running
            .care
            .erase(who, CommandId::random(), target, reason)
            .await;
        assert!(refused.is_err(), "{target}");
    }
    assert_eq!(running.log().await.len(), before);
    let early = Command::EraseChat {
        chat: ChatId(2),
        customer,
        department: shared::id::DepartmentId(1),
        reason: EraseReason::Retention,
        records: 1,
        digest: SafeText::default(),
    };
    let open = running.hub.submit(HUB, CommandId::random(), early).await;
    assert!(open.is_err(), "an open chat is not erased");
}

/// What forgetting for good costs; `FRONTDESK_LONG=1` makes it of 100,000 messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_is_written_anew_in_a_time_that_is_told() {
    let place = Place::new();
    let running = place.start().await;
    let customer = running.furnish().await;
    let messages: u64 = match std::env::var_os("FRONTDESK_LONG") {
        Some(_) => 100_000,
        None => 2_000,
    };
    let filler = "what people say to each other all day, about two hundred bytes of it ".repeat(3);
    let mut sent = Vec::new();
    for number in 0..messages {
        let say = Command::PostMessage {
            chat: ChatId(3),
            text: SafeText::block(&format!("{number} {filler}")),
            visibility: Visibility::Public,
            expected_seq: None,
            canned: Vec::new(),
        };
        let hub = running.hub.clone();
        let who = Who::Customer {
            id: UserId(customer.0 + 1),
            name: SafeText::line("Marigold"),
        };
        sent.push(tokio::spawn(async move {
            hub.submit(who, CommandId::random(), say).await.map(drop)
        }));
        if sent.len() == 500 {
            for one in sent.drain(..) {
                one.await.unwrap().unwrap();
            }
        }
    }
    for one in sent {
        one.await.unwrap().unwrap();
    }
    let bytes = running.hub.store().file_bytes().unwrap();
    let began = std::time::Instant::now();
    let erased = running.erase(customer).await;
    let all = began.elapsed();
    let began = std::time::Instant::now();
    running.hub.store().rewrite().await.unwrap();
    let rewriting = began.elapsed();
    assert!(erased.clean && place.is_clean());
    let left = running.hub.store().file_bytes().unwrap();
    writeln!(
        std::io::stderr(),
        "erase: {messages} messages, {bytes} bytes before, {left} after; all of it {all:.2?}, \
         writing the file anew {rewriting:.2?}"
    )
    .unwrap();
}
