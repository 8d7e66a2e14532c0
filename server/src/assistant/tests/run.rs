//! The loop: what is owed is started once, whatever happens meanwhile.

use std::time::Duration;

use shared::{
    assistant::{AssistantChange, FirstLine, HandOffReason},
    command::{Command, OpenChat},
    event::Event,
    id::{ChatId, CommandId, UserId},
    model::{ActorKind, ChatState, Visibility},
    record::Record,
    text::SafeText,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::sample;
use crate::{
    assistant::Assistant,
    config::AssistantConfig,
    desk::{Desk, Who},
    hub::{Hub, PART},
    store::{SeqRange, Store, Take},
};

const OWNER: Who = Who::User(UserId(1));
const PATIENCE: Duration = Duration::from_secs(60);

/// A hub whose assistant runs.
struct Site {
    hub: Hub,
    assistant: Assistant,
    stop: CancellationToken,
    running: JoinHandle<()>,
    _data: TempDir,
}

impl Site {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
        let config = AssistantConfig {
            kb: Some(sample()),
            ..AssistantConfig::default()
        };
        let assistant = Assistant::new(hub.clone(), &config, data.path()).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(assistant.clone().run(stop.clone()));
        let site = Self {
            hub,
            assistant,
            stop,
            running,
            _data: data,
        };
        site.does(
            Who::Anonymous,
            Command::Setup {
                username: SafeText::line("olga"),
                name: SafeText::line("Olga"),
            },
        )
        .await;
        site.until(Desk::assistant_ready).await;
        let change = Box::new(AssistantChange {
            first_line: Some(FirstLine::Always),
            debounce_ms: Some(100),
            debounce_max_ms: Some(300),
            ..AssistantChange::default()
        });
        site.does(OWNER, Command::UpdateAssistant { change, rev: None })
            .await;
        site
    }

    async fn does(&self, who: Who, command: Command) -> Option<ChatId> {
        let done = self.hub.submit(who, CommandId::random(), command).await;
        done.unwrap().chat
    }

    /// Opens a chat with a first message.
    async fn open(&self, text: &str) -> ChatId {
        let open = Command::OpenChat(OpenChat {
            name: Some(SafeText::line("Kim")),
            text: Some(SafeText::block(text)),
            ..OpenChat::default()
        });
        self.does(Who::Anonymous, open).await.unwrap()
    }

    async fn say(&self, chat: ChatId, text: &str) {
        let customer = self.hub.ask(move |desk| desk.chat(chat).unwrap().customer);
        let customer = customer.await.unwrap();
        let say = Command::PostMessage {
            chat,
            text: SafeText::block(text),
            visibility: Visibility::Public,
            expected_seq: None,
            canned: Vec::new(),
        };
        let who = Who::Customer {
            id: customer,
            name: SafeText::line("Kim"),
        };
        self.does(who, say).await;
    }

    /// Waits until the desk is as wanted; woken by its records.
    async fn until(&self, wanted: impl Fn(&Desk) -> bool + Clone + Send + 'static) {
        let viewer = self.hub.ask(|desk| desk.viewer(&OWNER)).await.unwrap();
        let mut news = self.hub.subscribe(viewer.unwrap());
        while let Err(head) = news.go_live(self.hub.ask_at(|_, head| head).await.unwrap()) {
            assert!(head.0 > 0);
        }
        let looking = async {
            loop {
                let wanted = wanted.clone();
                if self.hub.ask(move |desk| wanted(desk)).await.unwrap() {
                    return;
                }
                news.queue().wait().await;
                assert!(news.queue().drain(&mut Vec::new(), 1_000));
            }
        };
        tokio::time::timeout(PATIENCE, looking)
            .await
            .expect("in time");
    }

    /// Waits until nothing of a chat is unanswered.
    async fn settled(&self, chat: ChatId) {
        self.until(move |desk| desk.job(chat).is_none()).await;
    }

    async fn records(&self, chat: ChatId) -> Vec<Record> {
        let all = (SeqRange::default(), Take::First(1_000));
        let stored = self.hub.store().history(PART, chat, all.0, all.1).await;
        let stored = stored.unwrap();
        stored.iter().map(|one| one.record().unwrap()).collect()
    }

    /// What the assistant said, the greeting apart.
    async fn said(&self, chat: ChatId) -> Vec<String> {
        let records = self.records(chat).await;
        let texts = records.into_iter().filter_map(|record| match record.event {
            Event::MessagePosted { text, .. } if record.actor.kind == ActorKind::Assistant => {
                Some(text.to_string())
            }
            _ => None,
        });
        texts.skip(1).collect()
    }

    async fn state(&self, chat: ChatId) -> ChatState {
        let found = self
            .hub
            .ask(move |desk| desk.chat(chat).map(|chat| chat.state));
        found.await.unwrap().unwrap()
    }

    async fn reasons(&self, chat: ChatId) -> Vec<HandOffReason> {
        let records = self.records(chat).await;
        let reasons = records.into_iter().filter_map(|record| match record.event {
            Event::HandedOff { hand_off } => Some(hand_off.reason),
            _ => None,
        });
        reasons.collect()
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.running)
            .await
            .expect("in time")
            .unwrap();
    }
}

#[tokio::test]
async fn what_is_asked_is_answered_once() {
    let site = Site::start().await;
    let chat = site.open("where is my order?").await;
    site.settled(chat).await;
    let said = site.said(chat).await;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("Source: Where an order is"), "{said:?}");
    site.say(chat, "yes").await;
    site.settled(chat).await;
    assert_eq!(site.state(chat).await, ChatState::Resolved);
    site.end().await;
}

#[tokio::test]
async fn what_comes_in_one_breath_is_answered_together() {
    let site = Site::start().await;
    let chat = site.open("hi").await;
    site.say(chat, "where is").await;
    site.say(chat, "my order?").await;
    site.settled(chat).await;
    let said = site.said(chat).await;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("Where an order is"), "{said:?}");
    site.end().await;
}

#[tokio::test]
async fn what_nobody_knows_goes_to_people() {
    let site = Site::start().await;
    let chat = site
        .open("please tell me which planet is the largest")
        .await;
    site.settled(chat).await;
    assert_eq!(site.state(chat).await, ChatState::Waiting);
    assert_eq!(site.reasons(chat).await, [HandOffReason::LowConfidence]);
    let second = site.open("I want to speak to a human").await;
    site.settled(second).await;
    assert_eq!(site.reasons(second).await, [HandOffReason::CustomerRequest]);
    site.end().await;
}

#[tokio::test]
async fn many_at_once_are_all_answered_and_nobody_is_looked_for_in_vain() {
    let site = Site::start().await;
    let mut chats = Vec::new();
    for _ in 0..100 {
        chats.push(site.open("where is my order?").await);
    }
    for chat in &chats {
        site.settled(*chat).await;
        assert_eq!(site.said(*chat).await.len(), 1);
    }
    let looks = site.assistant.looks();
    assert!(looks < 1_000, "{looks} looks for 100 chats");
    site.end().await;
}

#[tokio::test]
async fn without_anything_to_answer_from_nothing_runs() {
    let data = tempfile::tempdir().unwrap();
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    let assistant = Assistant::new(hub.clone(), &AssistantConfig::default(), data.path()).unwrap();
    let running = assistant.run(CancellationToken::new());
    tokio::time::timeout(PATIENCE, running).await.expect("ends");
    let (head, ready) = hub
        .ask_at(|desk, head| (head, desk.assistant_ready()))
        .await
        .unwrap();
    assert_eq!((head.0, ready), (0, false));
}
