//! The assistant on a real hub: what it says, what it hands to people, and that no message is
//! lost whatever breaks.

mod broken_model;
mod cut_off;
mod model;
mod talk;

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};
use server::demo::kb::sample;
use shared::{api::AssistantStatus, event::Event, id::ChatId, record::Record};
use tests::{
    home::Home,
    hub::HubSetup,
    robot::{Robot, Seen},
    site::{Guest, Site},
};

/// What the greeting begins with, which every chat has.
const GREETING: &str = "I am an automated assistant";
/// What every answer ends with.
const HELPED: &str = "Did that help?";

/// A desk whose assistant gets every new chat.
struct Assisted {
    site: Site,
    _kb: Home,
}

impl Assisted {
    /// With the sample knowledge base, further environment, and settings.
    async fn start(env: &[(&str, &str)], settings: Value) -> Self {
        let kb = Home::new();
        write_sample(kb.path());
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let setup = HubSetup {
            args: vec!["--kb".into(), kb.path().display().to_string()],
            env: env.iter().map(own).collect(),
            ..HubSetup::default()
        };
        let site = Site::start_with(setup, &[]).await;
        let assisted = Self { site, _kb: kb };
        assisted.ready().await;
        assisted
            .set(json!({"first_line": "always", "debounce_ms": 50}))
            .await;
        assisted.set(settings).await;
        assisted
    }

    /// Waits until the assistant has something to answer from.
    async fn ready(&self) {
        let site = &self.site;
        let owner = Robot::connect("olga", Site::socket(&site.hub.url(), &site.owner.token));
        owner.live().await;
        if !self.status().await.ready {
            owner
                .until("the knowledge base", |seen| {
                    let mut events = seen.records.iter().map(|record| &record.event);
                    events.any(|event| matches!(event, Event::KnowledgeLoaded { .. }))
                })
                .await;
        }
    }

    async fn set(&self, change: Value) {
        let owner = self.site.http(&self.site.owner);
        let _: Value = owner.put("/api/assistant", &change).await.unwrap();
    }

    async fn status(&self) -> AssistantStatus {
        let owner = self.site.http(&self.site.owner);
        owner.get("/api/assistant/status").await.unwrap()
    }

    /// A customer who begins with `text`, and the program of theirs.
    async fn customer(&self, text: &str) -> (Guest, Robot) {
        let guest = self.site.guest("Kim", "Customer Care", text).await.unwrap();
        let robot = self.program(&guest);
        (guest, robot)
    }

    fn program(&self, guest: &Guest) -> Robot {
        Robot::connect("kim", Site::socket(&self.site.hub.url(), &guest.token))
    }

    /// Every record of a chat, as staff see it.
    async fn records(&self, chat: ChatId) -> Vec<Record> {
        let owner = self.site.http(&self.site.owner);
        let path = format!("/api/chats/{chat}/events?limit=200");
        let page: Value = owner.get(&path).await.unwrap();
        serde_json::from_value(page["items"].clone()).unwrap()
    }
}

fn write_sample(folder: &Path) {
    let files: BTreeMap<&str, &str> = sample().iter().copied().collect();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

/// Waits until a line of the chat says `words`.
async fn hears(robot: &Robot, chat: ChatId, words: &str) {
    let says = |seen: &Seen| seen.texts(chat).iter().any(|line| line.contains(words));
    robot.until(words, says).await;
}

/// How often the assistant or the desk has answered what was asked: with an answer, or with a
/// place among those who wait for a person.
fn answers(lines: &[String]) -> usize {
    let is_answer = |line: &&String| line.contains(HELPED) || line.contains("in the queue");
    lines.iter().filter(is_answer).count()
}
