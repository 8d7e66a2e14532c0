//! F15: an agent whose connection is lost, to the second: who has the chat, and never two.

use std::{sync::Arc, time::Duration};

use shared::{
    command::{Command, NewUser},
    event::Event,
    id::{ChatId, CommandId, DepartmentId, Epoch, Pos, UserId},
    model::{AgentStatus, Role},
    text::SafeText,
};
use tokio::{task::JoinHandle, time::advance};

use super::{OWNER, PART, open, post, set_up};
use crate::{
    desk::{Rejection, Who},
    hub::{
        Hub, SubmitError,
        presence::{Lease, Presence},
    },
    store::Store,
};

const ANA: UserId = UserId(2);
const BEN: UserId = UserId(3);
/// How long the chats of somebody who is gone stay theirs.
const GRACE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// A hub where Ana has a chat and Ben is free, both connected.
struct Shift {
    hub: Hub,
    presence: Arc<Presence>,
    telling: JoinHandle<()>,
    chat: ChatId,
    epoch: Epoch,
    ana: Option<Lease>,
    _ben: Lease,
}

impl Shift {
    async fn begin() -> Self {
        let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
        set_up(&hub).await;
        let (presence, telling) = tell(&hub);
        for name in ["ana", "ben"] {
            let user = NewUser {
                username: SafeText::line(name),
                name: SafeText::line(name),
                role: Role::Agent,
                departments: [DepartmentId(1)].into(),
                capacity: None,
            };
            submit(&hub, OWNER, Command::CreateUser(user))
                .await
                .unwrap();
        }
        let ana = presence.connect(ANA);
        reachable(&hub, ANA, true).await;
        online(&hub, ANA).await;
        let opened = submit(&hub, Who::Anonymous, open("Bo")).await.unwrap();
        let ben = presence.connect(BEN);
        reachable(&hub, BEN, true).await;
        online(&hub, BEN).await;
        let mut shift = Self {
            hub,
            presence,
            telling,
            chat: opened.expect("a chat"),
            epoch: Epoch(0),
            ana: Some(ana),
            _ben: ben,
        };
        let (owner, epoch) = shift.owner().await;
        assert_eq!(owner, Some(ANA));
        shift.epoch = epoch;
        shift
    }

    /// Ana's connection is lost, and the desk knows.
    async fn lose(&mut self) {
        self.ana = None;
        reachable(&self.hub, ANA, false).await;
    }

    async fn regain(&mut self) {
        self.ana = Some(self.presence.connect(ANA));
        reachable(&self.hub, ANA, true).await;
    }

    /// Who has the chat, after everything that is due.
    async fn owner(&self) -> (Option<UserId>, Epoch) {
        let chat = self.chat;
        let found = self.hub.ask(move |desk| desk.chat(chat).cloned()).await;
        let found = found.unwrap().expect("not closed");
        (found.owner, found.epoch)
    }

    async fn is_still_anas(&self) {
        assert_eq!(self.owner().await, (Some(ANA), self.epoch));
        submit(&self.hub, Who::User(ANA), post(self.chat, "I am here"))
            .await
            .unwrap();
    }

    async fn is_bens(&self) {
        // Once into the queue, once to Ben.
        let epoch = self.epoch.next().next();
        assert_eq!(self.owner().await, (Some(BEN), epoch));
        let late = submit(&self.hub, Who::User(ANA), post(self.chat, "too late")).await;
        let refused = matches!(late, Err(SubmitError::Rejected(Rejection::NotOwner { .. })));
        assert!(refused, "{late:?}");
    }

    /// Each epoch of the chat has one owner.
    async fn end(self) {
        let records = self.hub.store().read(PART, Pos(0), 1_000).await.unwrap();
        let mut last = Epoch(0);
        for stored in records {
            if let Event::ChatAssigned { epoch, .. } = stored.record().unwrap().event {
                assert!(epoch > last, "two owners in one epoch");
                last = epoch;
            }
        }
        self.hub.stop().await;
        self.telling.abort();
    }
}

fn tell(hub: &Hub) -> (Arc<Presence>, JoinHandle<()>) {
    let presence = Arc::new(Presence::default());
    let (told, to) = (Arc::clone(&presence), hub.clone());
    let telling = tokio::spawn(async move { told.run(&to).await });
    (presence, telling)
}

async fn submit(hub: &Hub, who: Who, command: Command) -> Result<Option<ChatId>, SubmitError> {
    let done = hub.submit(who, CommandId::random(), command).await;
    done.map(|outcome| outcome.chat)
}

async fn online(hub: &Hub, user: UserId) {
    let status = Command::SetStatus {
        status: AgentStatus::Online,
        reason: None,
        drain: false,
        user: None,
    };
    submit(hub, Who::User(user), status).await.unwrap();
}

/// Yields until the desk has heard of it; no time passes.
async fn reachable(hub: &Hub, user: UserId, wanted: bool) {
    for _ in 0..1_000 {
        let found = hub.ask(move |desk| desk.user(user).map(|user| user.reachable));
        if found.await.unwrap() == Some(wanted) {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the desk was not told that reachable is {wanted}");
}

/// F15: within the grace nothing moves, up to its last millisecond, nor after the return.
#[tokio::test(start_paused = true)]
async fn who_returns_a_second_before_the_end_of_the_grace_keeps_the_chat() {
    for early in [SECOND, Duration::from_millis(1)] {
        let mut shift = Shift::begin().await;
        shift.lose().await;
        advance(GRACE - early).await;
        assert_eq!(shift.owner().await, (Some(ANA), shift.epoch));
        shift.regain().await;
        shift.is_still_anas().await;
        advance(GRACE * 2).await;
        shift.is_still_anas().await;
        shift.end().await;
    }
}

/// F15: at the very end whoever comes first to the hub's loop wins, and wins alone.
#[tokio::test(start_paused = true)]
async fn at_the_end_of_the_grace_the_first_in_the_loop_wins() {
    // Her return waits in the loop when the time has come: a command goes before what is due.
    let mut shift = Shift::begin().await;
    shift.lose().await;
    advance(GRACE).await;
    let returned = Command::RegainAgent { user: ANA };
    submit(&shift.hub, Who::System("presence"), returned)
        .await
        .unwrap();
    shift.is_still_anas().await;
    shift.end().await;

    // The loop has looked at its clock before.
    let mut shift = Shift::begin().await;
    shift.lose().await;
    advance(GRACE).await;
    assert_eq!(shift.owner().await.0, Some(BEN));
    shift.regain().await;
    shift.is_bens().await;
    shift.end().await;
}

/// F15: after the grace the chat is Ben's, whether she comes back or not.
#[tokio::test(start_paused = true)]
async fn who_returns_a_second_after_the_grace_has_lost_the_chat() {
    let mut shift = Shift::begin().await;
    shift.lose().await;
    advance(GRACE + SECOND).await;
    shift.is_bens().await;
    shift.regain().await;
    shift.is_bens().await;
    shift.end().await;
}

/// F15: who comes and goes within the grace begins it anew each time.
#[tokio::test(start_paused = true)]
async fn a_return_within_the_grace_gives_a_full_one() {
    let mut shift = Shift::begin().await;
    for _ in 0..3 {
        shift.lose().await;
        advance(GRACE - SECOND).await;
        shift.regain().await;
    }
    shift.lose().await;
    advance(GRACE - SECOND).await;
    assert_eq!(shift.owner().await, (Some(ANA), shift.epoch));
    advance(SECOND).await;
    shift.is_bens().await;
    shift.end().await;
}

/// F15, A6: a hub that starts again gives everybody a fresh, full grace: who was gone almost long
/// enough, and who was connected until the hub went down.
#[tokio::test(start_paused = true)]
async fn a_start_of_the_hub_gives_everybody_a_full_grace() {
    for gone_before in [true, false] {
        let mut shift = Shift::begin().await;
        if gone_before {
            shift.lose().await;
            advance(GRACE - SECOND).await;
        }
        let store = shift.hub.store().clone();
        shift.hub.stop().await;
        shift.telling.abort();
        shift.hub = Hub::start_in_runtime(store).await.unwrap();
        (shift.presence, shift.telling) = tell(&shift.hub);
        assert_eq!(shift.owner().await, (Some(ANA), shift.epoch));
        let ben = shift.presence.connect(BEN);
        reachable(&shift.hub, BEN, true).await;
        advance(GRACE - SECOND).await;
        assert_eq!(shift.owner().await, (Some(ANA), shift.epoch));
        advance(SECOND).await;
        shift.is_bens().await;
        drop(ben);
        shift.end().await;
    }
}
