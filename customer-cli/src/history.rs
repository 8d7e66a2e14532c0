//! The customer's chats: listed, and given whole as one document.
//!
//! Those of the account are the hub's to tell, from any machine; those without one are known to
//! this machine alone, by their secrets.

use std::{cmp::Reverse, path::Path};

use serde::Serialize;
use shared::{
    api::{Page, PastChat, WhoAmI},
    attachment::shown,
    client::{
        credentials::{Chats, SavedChat},
        error::ClientError,
        http::{Http, Method},
        profile::Profile,
        url::HubUrl,
    },
    error::ErrorCode,
    id::ChatId,
    model::{ActorKind, ChatState},
    text::{SafeText, render, truncate_width, width},
    time::Timestamp,
};

use crate::{
    account::{Access, Customer},
    error::ChatError,
    keep,
    lines::speaker_word,
    print,
    save::NewFile,
};

/// Widest last line in a list.
const LAST_COLUMNS: usize = 40;
/// Chats of one question to the hub.
const PAGE_CHATS: u32 = 50;

/// A chat in the list.
struct Row {
    chat: ChatId,
    /// The username; none for a chat without an account.
    account: Option<String>,
    /// The name that was given with it on this machine.
    name: Option<SafeText>,
    /// What the hub says of it; none when it could not be asked.
    past: Option<PastChat>,
}

/// A chat of `list --json`; `null` for what the hub could not be asked.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ListedChat<'a> {
    /// Its number.
    chat: ChatId,
    /// The hub.
    #[cfg_attr(test, schemars(with = "String"))]
    hub: &'a HubUrl,
    /// The account it belongs to; null for a chat without one.
    account: Option<&'a str>,
    /// The customer's name in it.
    name: Option<&'a SafeText>,
    /// Where it is in its life.
    state: Option<ChatState>,
    /// The name of its department.
    department: Option<&'a SafeText>,
    /// When it was opened.
    opened_at: Option<Timestamp>,
    /// What a person said last.
    last: Option<LastWord<'a>>,
}

/// What was said last in a chat.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LastWord<'a> {
    /// When.
    at: Timestamp,
    /// By whom.
    role: ActorKind,
    /// The speaker's name.
    from: &'a SafeText,
    /// What.
    text: &'a SafeText,
}

/// The chat that is meant, and as whom to talk in it: one that this machine has the secret of,
/// else one of the account. Without a number it is the newest open one of the account, else the
/// last used one of this machine.
///
/// # Errors
/// [`ChatError::UnknownChat`], [`ChatError::NoChat`], and what asking the hub gives.
pub async fn find(
    profile: &Profile,
    customer: &Customer,
    chat: Option<ChatId>,
) -> Result<Access, ChatError> {
    let chats = Chats::new(&profile.places);
    if let (None, Some(_)) = (chat, &customer.login) {
        let newest = of_account(customer, Most::Newest).await?;
        let open = newest
            .iter()
            .find(|past| past.chat.state != ChatState::Closed);
        if let Some(past) = open {
            return access(profile, customer, past.chat.id);
        }
    }
    if let Some(mut saved) = chats.find(&profile.hub, chat)? {
        // The last used one is what `resume` alone goes on with.
        saved.used_at = Some(crate::opening::now());
        chats.store(&saved)?;
        return Ok(saved.into());
    }
    match chat {
        Some(chat) if customer.login.is_some() => access(profile, customer, chat),
        Some(chat) => Err(ChatError::UnknownChat(chat)),
        None => Err(ChatError::NoChat),
    }
}

/// `list`.
///
/// # Errors
/// What asking the hub for the chats of the account gives; chats of this machine are listed also
/// when the hub is away.
pub async fn list(profile: &Profile, customer: &Customer, as_json: bool) -> Result<(), ChatError> {
    let mut rows = Vec::new();
    if let Some(account) = &customer.login {
        for past in of_account(customer, Most::All).await? {
            rows.push(Row {
                chat: past.chat.id,
                account: Some(account.username.clone()),
                name: None,
                past: Some(past),
            });
        }
    }
    let (here, elsewhere): (Vec<_>, Vec<_>) = Chats::new(&profile.places)
        .list()?
        .into_iter()
        .partition(|saved| saved.hub == profile.hub);
    rows.extend(of_machine(profile, here).await?);
    rows.sort_by_key(|row| Reverse(row.chat));
    if as_json {
        for row in &rows {
            print::out(&json(profile, row))?;
        }
    } else {
        print::out(&table(&rows, print::is_terminal_out()))?;
    }
    if !elsewhere.is_empty() && !as_json {
        let count = elsewhere.len();
        let hub = &elsewhere[count - 1].hub;
        print::note(&format!(
            "{count} more with other hubs; see: frontdesk-chat --hub {hub} list"
        ));
    }
    Ok(())
}

/// `export`: everything that the hub keeps of the account, to a new file or to stdout.
///
/// # Errors
/// Every [`ChatError`]; a file that is not whole is removed.
pub async fn export(customer: &Customer, to: Option<&Path>) -> Result<(), ChatError> {
    let id = customer.id().await?;
    let path = format!("/api/customers/{id}/export");
    let answer = customer.http.download(Method::Get, &path).await;
    let mut answer = answer.map_err(|error| customer.failed(error))?;
    let to = to.filter(|path| *path != Path::new("-"));
    let mut file = to.map(NewFile::create).transpose()?;
    while let Some(piece) = answer.chunk().await? {
        match &mut file {
            Some(file) => file.write(&piece)?,
            None => print::out_bytes(&piece)?,
        }
    }
    match file {
        Some(file) => {
            let path = file.finish()?;
            print::note(&format!("saved to {}", path.display()));
        }
        None => print::out("\n")?,
    }
    Ok(())
}

impl From<SavedChat> for Access {
    fn from(saved: SavedChat) -> Self {
        Self {
            hub: saved.hub,
            chat: saved.chat,
            token: saved.token.into(),
        }
    }
}

fn access(profile: &Profile, customer: &Customer, chat: ChatId) -> Result<Access, ChatError> {
    Ok(Access {
        hub: profile.hub.clone(),
        chat,
        token: customer.account()?.token.clone(),
    })
}

/// How many of the chats of an account are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Most {
    Newest,
    All,
}

/// The chats of the account, newest first.
async fn of_account(customer: &Customer, most: Most) -> Result<Vec<PastChat>, ChatError> {
    let id = customer.id().await?;
    let mut chats: Vec<PastChat> = Vec::new();
    loop {
        let after = chats.last().map(|past| format!("&after={}", past.chat.id));
        let path = format!(
            "/api/customers/{id}/chats?limit={PAGE_CHATS}{}",
            after.unwrap_or_default()
        );
        let page: Page<PastChat> = customer
            .http
            .get(&path)
            .await
            .map_err(|error| customer.failed(error))?;
        let more = page.next.is_some() && !page.items.is_empty();
        chats.extend(page.items);
        if most == Most::Newest || !more {
            return Ok(chats);
        }
    }
}

/// The chats that this machine has the secrets of. One that the hub has forgotten is forgotten
/// here too, unless something of it was never sent.
async fn of_machine(profile: &Profile, saved: Vec<SavedChat>) -> Result<Vec<Row>, ChatError> {
    let mut rows = Vec::new();
    let mut away = false;
    for saved in saved {
        let mut row = Row {
            chat: saved.chat,
            account: None,
            name: Some(SafeText::line(&saved.name)),
            past: None,
        };
        if !away {
            match past_of(profile, &saved).await {
                Ok(past) => row.past = past,
                Err(error) if error.code() == Some(ErrorCode::Unauthenticated) => {
                    if keep::forget(profile, &saved)? {
                        let chat = saved.chat;
                        print::note(&format!("chat {chat} is over and forgotten here"));
                        continue;
                    }
                }
                Err(error) => {
                    print::note(&format!("{error}; listed as far as known here"));
                    away = true;
                }
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

async fn past_of(profile: &Profile, saved: &SavedChat) -> Result<Option<PastChat>, ClientError> {
    let http = Http::new(&saved.hub, Some(saved.token.clone().into()), &profile.tls)?;
    let me: WhoAmI = http.get("/api/auth/me").await?;
    let (me, next) = (me.user.id, saved.chat.0 + 1);
    let path = format!("/api/customers/{me}/chats?limit=1&after={next}");
    let page: Page<PastChat> = http.get(&path).await?;
    let mut items = page.items.into_iter();
    Ok(items.find(|past| past.chat.id == saved.chat))
}

/// The word for a state, as in JSON.
fn state(past: &PastChat) -> String {
    let word = serde_json::to_value(past.chat.state).ok();
    let word = word.as_ref().and_then(|word| word.as_str());
    word.unwrap_or("-").to_owned()
}

fn at(past: &PastChat) -> Timestamp {
    past.last
        .as_ref()
        .map_or(past.chat.opened_at, |last| last.at)
}

fn json(profile: &Profile, row: &Row) -> String {
    let past = row.past.as_ref();
    let last = past.and_then(|past| past.last.as_ref());
    let listed = ListedChat {
        chat: row.chat,
        hub: &profile.hub,
        account: row.account.as_deref(),
        name: row.name.as_ref().or(past.map(|past| &past.chat.name)),
        state: past.map(|past| past.chat.state),
        department: past.map(|past| &past.department),
        opened_at: past.map(|past| past.chat.opened_at),
        last: last.map(|last| LastWord {
            at: last.at,
            role: last.actor.kind,
            from: &last.actor.name,
            text: &last.text,
        }),
    };
    print::line_of(&listed)
}

/// The list: with aligned columns and a heading for a person, else with tabs.
fn table(rows: &[Row], for_person: bool) -> String {
    let mut cells: Vec<[String; 6]> = rows.iter().map(cells_of).collect();
    if !for_person {
        let lines = cells.iter().map(|row| row.join("\t") + "\n");
        return lines.collect();
    }
    if cells.is_empty() {
        return "no chats yet; open one with: frontdesk-chat\n".to_owned();
    }
    let heading = ["CHAT", "STATE", "DEPARTMENT", "DATE", "WHOSE", "LAST"];
    cells.insert(0, heading.map(str::to_owned));
    let mut widths = [0; 6];
    for row in &cells {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = width(cell).max(*widest);
        }
    }
    let mut out = String::new();
    for row in &cells {
        let mut line = String::new();
        for (cell, widest) in row.iter().zip(widths) {
            line.push_str(cell);
            let pad = widest - width(cell) + 2;
            line.extend(std::iter::repeat_n(' ', pad));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn cells_of(row: &Row) -> [String; 6] {
    let clean = |text: &str| render(&SafeText::line(text)).into_owned();
    let unknown = || "-".to_owned();
    let past = row.past.as_ref();
    let last = past.and_then(|past| past.last.as_ref()).map(|last| {
        let words = shown(&last.text, &last.attachments);
        let said = format!("{}: {words}", speaker_word(&last.actor));
        truncate_width(&clean(&said), LAST_COLUMNS).into_owned()
    });
    [
        row.chat.to_string(),
        past.map_or_else(unknown, state),
        past.map_or_else(unknown, |past| clean(&past.department)),
        past.map_or_else(unknown, |past| crate::transcript::minute(at(past))),
        clean(row.account.as_deref().unwrap_or("anonymous")),
        last.or(row.name.as_ref().map(|name| clean(name)))
            .unwrap_or_else(unknown),
    ]
}
