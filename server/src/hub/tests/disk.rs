//! The whole hub above a bad disk: what was acknowledged is kept and what was shown is there,
//! whatever the disk does; the hub says how it is and comes back by itself.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use shared::{
    command::Command,
    frame::HubFrame,
    id::{ChatId, CommandId, Pos},
    model::Storage,
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use super::{OWNER, faults::watched, open, post, put_to_work, set_up};
use crate::{
    desk::{Desk, Who},
    hub::{
        Health, Hub, Outcome, PART, SubmitError,
        publish::{Delivery, Subscription},
    },
    store::{Disk, Left, Numbers, on_every_processor, tell, trials},
};

/// Something that is asked for until it is done.
type Wish = (Who, CommandId, Command);

/// A hub on a disk, those who ask, and one who watches.
struct Site {
    disk: Disk,
    hub: Hub,
    watcher: Subscription,
    chat: ChatId,
    wishes: Vec<Wish>,
    done: BTreeMap<CommandId, Outcome>,
    /// Frames of records as they were shown.
    shown: BTreeMap<Pos, Bytes>,
}

impl Site {
    async fn start() -> Self {
        let disk = Disk::default();
        let hub = Hub::start_in_runtime(disk.store().unwrap()).await.unwrap();
        set_up(&hub).await;
        put_to_work(&hub).await;
        let opened = hub.submit(Who::Anonymous, CommandId::random(), open("Bo"));
        let chat = opened.await.unwrap().chat.unwrap();
        Self {
            watcher: watched(&hub).await,
            disk,
            hub,
            chat,
            wishes: Vec::new(),
            done: BTreeMap::new(),
            shown: BTreeMap::new(),
        }
    }

    /// Wishes for `count` things more.
    fn wish(&mut self, count: u64) {
        for _ in 0..count {
            let number = self.wishes.len();
            let (who, command) = match number % 5 {
                0 => (Who::Anonymous, open(&format!("guest {number}"))),
                _ => (OWNER, post(self.chat, &format!("line {number}"))),
            };
            self.wishes.push((who, CommandId::random(), command));
        }
    }

    /// Asks at once for everything that is not done; whether all of it is done now.
    async fn ask(&mut self) -> bool {
        let open: Vec<_> = self
            .wishes
            .iter()
            .filter(|(_, cid, _)| !self.done.contains_key(cid))
            .cloned()
            .collect();
        let (sender, mut answers) = mpsc::channel(open.len().max(1));
        for (who, cid, command) in open {
            let (sender, key) = (sender.clone(), cid.clone());
            let reply = move |answer| sender.try_send((key, answer)).unwrap();
            self.hub.submit_to(who, cid, command, reply).unwrap();
        }
        drop(sender);
        let mut all = true;
        while let Some((cid, answer)) = answers.recv().await {
            match answer {
                Ok(outcome) => drop(self.done.insert(cid, outcome)),
                Err(error) => {
                    assert!(error.code().retriable(), "{error}");
                    all = false;
                }
            }
        }
        self.look();
        all
    }

    /// Takes in what the watcher was shown.
    fn look(&mut self) -> Vec<Storage> {
        let mut items = Vec::new();
        let kept_up = self.watcher.queue().drain(&mut items, usize::MAX);
        assert!(kept_up, "cut off");
        let mut told = Vec::new();
        for item in items {
            match item {
                Delivery::Record(record) => {
                    self.shown.insert(record.pos, record.frame.json.clone());
                }
                Delivery::Frame(frame) => {
                    let json = frame.iter().position(|byte| *byte == b'{').unwrap_or(0);
                    if let Ok(HubFrame::Storage { state }) = serde_json::from_slice(&frame[json..])
                    {
                        told.push(state);
                    }
                }
            }
        }
        told
    }

    /// Holds all that was promised and shown against the log.
    async fn assert_kept(&self, context: &str) {
        let store = self.hub.store();
        let log = store.read(PART, Pos(0), usize::MAX).await.unwrap();
        for (pos, frame) in &self.shown {
            let kept = &log[usize::try_from(pos.0).unwrap() - 1];
            assert!(
                kept.frame(store.lineage()) == frame,
                "{context}: {pos} is another one"
            );
        }
        let mut marks = BTreeMap::new();
        let mut desk = Desk::default();
        for stored in &log {
            if let Some(mark) = &stored.mark {
                assert_eq!(
                    marks.insert(&mark.cid, stored.pos),
                    None,
                    "{context}: twice"
                );
            }
            desk.apply(&stored.record().unwrap());
        }
        for (cid, outcome) in &self.done {
            assert_eq!(marks.get(cid), Some(&outcome.pos), "{context}: {cid}");
        }
        let chats = self
            .hub
            .ask(|desk| desk.chats().cloned().collect::<Vec<_>>());
        let expected: Vec<_> = desk.chats().cloned().collect();
        assert_eq!(chats.await.unwrap(), expected, "{context}");
    }

    /// Asks again for everything that was done: it was done before, and the same.
    async fn assert_known(&self, context: &str) {
        for (who, cid, command) in &self.wishes {
            let again = self.hub.submit(who.clone(), cid.clone(), command.clone());
            let again = again.await.unwrap();
            let first = self.done[cid];
            assert!(again.dup, "{context}: {cid} was not done before");
            assert_eq!(
                (again.pos, again.chat, again.seq),
                (first.pos, first.chat, first.seq),
                "{context}"
            );
        }
    }

    async fn until(&self, wanted: Health) {
        let mut health = self.hub.health();
        let came = health.wait_for(|now| *now == wanted);
        let came = timeout(Duration::from_secs(600), came).await;
        drop(came.expect("it becomes as wanted").unwrap());
    }
}

/// One run of F2 with the hub above the disk. How much was acknowledged.
async fn run_with_cuts(seed: u64) -> u64 {
    let mut numbers = Numbers::of(seed);
    let left = [Left::Nothing, Left::Some, Left::Torn][usize::try_from(seed % 3).unwrap()];
    let mut site = Site::start().await;
    for life in 0..2 {
        let context = format!("seed {seed}, {left:?}, life {life}");
        site.disk
            .cut_power_after(i64::try_from(numbers.below(120)).unwrap());
        while !site.disk.has_failed() {
            site.wish(1 + numbers.below(4));
            site.ask().await;
        }
        let dark = site
            .disk
            .after_power_cut(left, |bound| numbers.below(bound));
        site.hub.stop().await;
        let store = dark
            .store()
            .unwrap_or_else(|error| panic!("{context}: {error}"));
        site.hub = Hub::start_in_runtime(store).await.unwrap();
        site.disk = dark;
        site.assert_kept(&context).await;
        site.watcher = watched(&site.hub).await;
        put_to_work(&site.hub).await;
        assert!(site.ask().await, "{context}");
        site.assert_kept(&context).await;
        site.assert_known(&context).await;
    }
    site.hub.stop().await;
    site.done.len() as u64
}

/// F2: with the hub above; what was acknowledged is kept, what was shown is not another thing
/// later, and what was not answered is done once when it is asked for again.
#[test]
fn power_may_go_under_a_hub() {
    let seeds = trials(90, 9_000);
    let done = on_every_processor(seeds, run_with_cuts);
    tell(&format!(
        "F2 hub: {seeds} seeds, {} cuts, {done} acknowledged, 0 lost, 0 duplicate, 0 phantom",
        2 * seeds
    ));
    assert!(done > 10 * seeds, "only {done}: the cuts come too soon");
}

/// One run of F6 with the hub above the disk. How often it was degraded.
async fn run_with_failure(operation: u64, lasting: bool) -> u64 {
    let context = format!("operation {operation}, for ever {lasting}");
    let mut site = Site::start().await;
    let after = i64::try_from(operation).unwrap();
    if lasting {
        site.disk.fail_from(after);
    } else {
        site.disk.fail_after(after);
    }
    let (mut degraded, mut rounds) = (0, 0);
    while site.wishes.len() < 40 || !site.disk.has_failed() {
        rounds += 1;
        assert!(rounds < 300, "{context}: the operation is never reached");
        site.wish(3);
        while !site.ask().await || *site.hub.health().borrow() != Health::Well {
            degraded += 1;
            assert!(degraded < 9, "{context}: no way back");
            let begin = Instant::now();
            // A disk that fails for ever is mended by somebody.
            if site.disk.has_failed() {
                site.disk.mend();
            }
            site.until(Health::Well).await;
            assert!(begin.elapsed() < Duration::from_secs(35), "{context}");
        }
    }
    site.disk.mend();
    assert_eq!(*site.hub.storage().borrow(), Storage::Well, "{context}");
    site.assert_kept(&context).await;
    site.assert_known(&context).await;
    let told = site.done.len();
    assert_eq!(told, site.wishes.len(), "{context}");
    site.hub.stop().await;
    degraded
}

/// F6: with the hub above; every operation fails, once and until the disk is mended; what was not
/// known is resolved by the same id, nothing is lost or doubled, and the hub comes back.
#[test]
fn every_operation_may_fail_under_a_hub() {
    let every = trials(9, 1);
    let count = 2 * 500 / every;
    let degraded = on_every_processor(count, async |number| {
        let operation = number.div_ceil(2) * every;
        run_with_failure(operation, number % 2 == 0).await
    });
    tell(&format!(
        "F6 hub: {count} trials up to operation 500, {degraded} degraded, 0 lost, 0 duplicate"
    ));
    assert!(degraded > count / 4, "only {degraded} met the failure");
}

/// D4: a store that stays shut three times ends the hub, which says that it failed.
#[tokio::test(start_paused = true)]
async fn a_store_that_stays_shut_ends_the_hub() {
    let mut site = Site::start().await;
    site.disk.fail_from(0);
    let begin = Instant::now();
    site.wish(1);
    assert!(!site.ask().await);
    site.until(Health::Degraded).await;
    // Nothing is taken, and nothing of it is lost on anybody: it is said.
    let refused = site
        .hub
        .submit(OWNER, CommandId::random(), post(site.chat, "now?"));
    assert_eq!(refused.await, Err(SubmitError::Degraded));
    site.until(Health::Ended { failed: true }).await;
    // Tries after 1, 2 and 4 seconds.
    let took = begin.elapsed();
    assert!((7..9).contains(&took.as_secs()), "{took:?}");
}

/// A failure beside the batches - indexes that are written when it is quiet - is found and said
/// without anybody asking for anything, and so is its end.
#[tokio::test(start_paused = true)]
async fn a_quiet_hub_says_that_its_store_failed_and_comes_back() {
    let mut site = Site::start().await;
    site.wish(1);
    assert!(site.ask().await);
    site.disk.fail_from(0);
    site.until(Health::Degraded).await;
    assert_eq!(*site.hub.storage().borrow(), Storage::Degraded);
    assert_eq!(site.look(), [Storage::Degraded]);
    site.disk.mend();
    site.until(Health::Well).await;
    assert_eq!(site.look(), [Storage::Well]);
    site.wish(1);
    assert!(site.ask().await);
    site.assert_kept("afterwards").await;
}

/// F5: a disk without room keeps what was acknowledged, says so, and takes writes again within
/// 35 seconds of having room.
#[tokio::test(start_paused = true)]
async fn a_disk_without_room_keeps_what_it_took_and_goes_on_with_room() {
    let mut site = Site::start().await;
    for round in 0..3 {
        site.disk.limit(Some(0));
        while site.ask().await {
            assert!(site.wishes.len() < 30_000, "it never fills up");
            site.wish(200);
        }
        let mut storage = site.hub.storage();
        drop(storage.wait_for(|now| *now == Storage::Full).await.unwrap());
        let (_, cid, _) = &site.wishes[0];
        let refused = site.hub.submit(OWNER, cid.clone(), post(site.chat, "now?"));
        assert!(refused.await.is_err());
        // It stays so until there is room.
        let ended = site.until(Health::Ended { failed: true });
        let ended = timeout(Duration::from_secs(60), ended).await;
        assert!(ended.is_err(), "a full disk is waited for");
        site.disk.limit(None);
        let begin = Instant::now();
        while !site.ask().await {
            site.until(Health::Well).await;
        }
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(35), "round {round}: {took:?}");
        site.assert_kept(&format!("round {round}")).await;
    }
    site.assert_known("at the end").await;
    tell(&format!(
        "F5 simulated: 3 times full, {} acknowledged, 0 lost, 0 duplicate",
        site.done.len()
    ));
}
