//! What the loop does beside itself for the desk as it is shown: keeps a copy on disk, asks for
//! earlier chats and what was said in others, starts the browser. Nothing here waits in the loop.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use shared::{
    api::{ChatAnswer, Page, SearchPage},
    client::{assist, error::ClientError, http::Http},
    id::{ChatId, Pos, UserId},
    model::{Chat, Interval},
    time::Timestamp,
};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use crate::{
    cache::Cache,
    find::{PAGE_HITS, Question},
    model::{Link, Model},
    msg::{Effect, Msg},
};

/// The copy of the desk is at most this much older than the desk.
const KEEP_EVERY: Duration = Duration::from_secs(60);
/// Chats of a customer that are asked for.
const PAST_MAX: usize = 20;
/// Chats that are followed back one by one.
const PREVIOUS_MAX: usize = 5;

/// Writes the copy of the desk.
#[derive(Debug)]
pub(crate) struct Keeper {
    cache: Option<Cache>,
    due: Instant,
    kept: Pos,
    /// Chats that were erased when it was written.
    erased: usize,
    writing: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn new(cache: Option<Cache>) -> Self {
        Self {
            cache,
            due: Instant::now() + KEEP_EVERY,
            kept: Pos(0),
            erased: 0,
            writing: None,
        }
    }

    /// Writes when it is time and something has changed.
    pub(crate) fn keep(&mut self, model: &Model) {
        let now = Instant::now();
        let busy = self
            .writing
            .as_ref()
            .is_some_and(|task| !task.is_finished());
        // What was erased does not wait for its time to go from the disk.
        let early = now < self.due && erased(model) == self.erased;
        if early || busy || model.view.pos == self.kept || model.link != Link::Live {
            return;
        }
        self.due = now + KEEP_EVERY;
        self.write(model);
    }

    /// The last word: a login that is over leaves nothing behind.
    pub(crate) async fn end(&mut self, model: &Model) {
        if let Some(task) = self.writing.take() {
            drop(task.await);
        }
        if let (Link::Stopped { .. }, Some(cache)) = (&model.link, &self.cache) {
            return cache.remove();
        }
        if model.view.pos != self.kept {
            self.write(model);
        }
        if let Some(task) = self.writing.take() {
            drop(task.await);
        }
    }

    fn write(&mut self, model: &Model) {
        let Some(cache) = self.cache.clone() else {
            return;
        };
        if let Some(bytes) = cache.take(model) {
            self.kept = model.view.pos;
            self.erased = erased(model);
            self.writing = Some(tokio::task::spawn_blocking(move || cache.write(&bytes)));
        }
    }
}

fn erased(model: &Model) -> usize {
    model
        .threads
        .values()
        .filter(|thread| thread.erased)
        .count()
}

/// Asks the hub what `effect` wants to know; the answer comes back as a message.
pub(crate) fn ask(http: &Http, told: &mpsc::Sender<Msg>, effect: Effect) {
    let (http, told) = (http.clone(), told.clone());
    tokio::spawn(async move {
        let told_why = |error: ClientError| error.to_string();
        let msg = match effect {
            Effect::Past { customer, previous } => {
                let chats = past_chats(&http, customer, previous).await;
                let chats = chats.map_err(told_why);
                Msg::Past { customer, chats }
            }
            Effect::Hours { user, from } => {
                let items = hours(&http, user, from).await.map_err(told_why);
                Msg::Hours { from, items }
            }
            Effect::Search(question) => {
                let page = search(&http, &question).await.map_err(told_why);
                Msg::Found { question, page }
            }
            Effect::LookUp(id) => {
                let answer: Result<ChatAnswer, _> = http.get(&format!("/api/chats/{id}")).await;
                let chat = answer.map(|answer| Box::new(answer.chat));
                let chat = chat.map_err(told_why);
                Msg::LookedUp { id, chat }
            }
            Effect::Assist { id, request } => {
                let answer = assist::ask(&http, &request).await.map_err(told_why);
                Msg::Assisted { id, answer }
            }
            _ => return,
        };
        drop(told.send(msg).await);
    });
}

async fn search(http: &Http, question: &Question) -> Result<SearchPage, ClientError> {
    let mut path = format!(
        "/api/search?limit={PAGE_HITS}&q={}",
        escape(&question.query)
    );
    if let Some(after) = &question.after {
        path.push_str(&format!("&after={}", escape(after)));
    }
    http.get(&path).await
}

/// `text` as a value in a query (RFC 3986, 2.3: what is not unreserved is written in hex).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// The chats of a customer that are not closed, and those that lead to them one by one, which
/// may be.
///
/// # Errors
/// What the first question gives. A chat on the way that may not be seen ends the way.
async fn past_chats(
    http: &Http,
    customer: UserId,
    previous: Option<ChatId>,
) -> Result<Vec<Chat>, ClientError> {
    let path = format!("/api/chats?customer={customer}&limit={PAST_MAX}");
    let page: Page<Chat> = http.get(&path).await?;
    let mut chats = page.items;
    let known = chats.iter().filter_map(|chat| chat.previous);
    let mut next: Vec<ChatId> = previous.into_iter().chain(known).collect();
    for _ in 0..PREVIOUS_MAX {
        let is_new = |id: &ChatId| chats.iter().all(|chat| chat.id != *id);
        let Some(id) = next.iter().copied().find(is_new) else {
            break;
        };
        next.retain(|other| *other != id);
        let answer: Result<ChatAnswer, ClientError> = http.get(&format!("/api/chats/{id}")).await;
        if let Ok(ChatAnswer { chat }) = answer {
            next.extend(chat.previous);
            chats.push(chat);
        }
    }
    Ok(chats)
}

/// The working time of `user` since `from`.
///
/// # Errors
/// What the question gives.
async fn hours(http: &Http, user: UserId, from: Timestamp) -> Result<Vec<Interval>, ClientError> {
    let path = format!("/api/users/{user}/hours?from={from}");
    let page: Page<Interval> = http.get(&path).await?;
    Ok(page.items)
}

/// The person's own browser with `url`, kept away from the terminal.
pub(crate) fn opener(url: &str) -> Command {
    let browser = std::env::var_os("BROWSER").filter(|browser| !browser.is_empty());
    let mut command = match browser {
        // Through the shell, since BROWSER may hold options; the address is an argument of its own.
        Some(browser) => {
            let mut command = Command::new("sh");
            command
                .args(["-c", "exec $FRONTDESK_BROWSER \"$1\"", "sh"])
                .env("FRONTDESK_BROWSER", browser);
            command
        }
        None => Command::new("xdg-open"),
    };
    command
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_is_typed_is_one_value() {
        assert_eq!(escape("a&q=é \"%\""), "a%26q%3D%C3%A9%20%22%25%22");
    }
}
