//! A chat that is going on: its socket, its outbox and its story, for a terminal and for a pipe.

use shared::{
    api::{Message, Page, PublicDepartment},
    canned::language_tag,
    client::{
        error::ClientError,
        http::Http,
        outbox::Outbox,
        profile::Profile,
        socket::{Socket, SocketEvent, SocketHandle, SocketOptions},
    },
    command::Command,
    error::ErrorCode,
    id::{ChatId, CommandId, Seq},
    model::Visibility,
    text::{MESSAGE_BYTES_MAX, SafeText},
};
use tokio::sync::mpsc;

use crate::{
    account::Access,
    error::ChatError,
    keep::outbox_name,
    story::{Piece, Story},
};

/// How this program names itself to the hub.
const CLIENT: &str = concat!("frontdesk-chat/", env!("CARGO_PKG_VERSION"));
/// Messages of one page of the past.
const PAGE_MESSAGES: u32 = 200;

/// A chat that is going on.
#[derive(Debug)]
pub struct Talk {
    handle: SocketHandle,
    events: mpsc::Receiver<SocketEvent>,
    story: Story,
    /// Commands that the hub has not taken yet.
    waiting: Vec<CommandId>,
    /// What an earlier run could not send.
    leftover: Vec<SafeText>,
    /// The code of the last message that the hub refused for good.
    refused: Option<ErrorCode>,
}

/// Every message of a chat, oldest first.
///
/// # Errors
/// As [`Http::get`].
pub async fn history(http: &Http, chat: ChatId) -> Result<Vec<Message>, ClientError> {
    let mut messages: Vec<Message> = Vec::new();
    let mut after = Some(String::from("0"));
    while let Some(cursor) = after {
        let path = format!("/api/chats/{chat}/messages?after={cursor}&limit={PAGE_MESSAGES}");
        let page: Page<Message> = http.get(&path).await?;
        after = page
            .next
            .filter(|next| *next != cursor && !page.items.is_empty());
        messages.extend(page.items);
    }
    Ok(messages)
}

/// Every message of a chat that one has access to, oldest first.
///
/// # Errors
/// [`ChatError::TokenEnded`] and [`ChatError::LoginEnded`] when the access is over;
/// [`ChatError::Client`].
pub async fn whole(profile: &Profile, access: &Access) -> Result<Vec<Message>, ChatError> {
    let http = access.http(profile)?;
    let messages = history(&http, access.chat).await;
    messages.map_err(|error| access.failed(error))
}

/// The departments that take new chats.
///
/// # Errors
/// As [`Http::get`].
pub async fn departments(http: &Http) -> Result<Vec<PublicDepartment>, ClientError> {
    let page: Page<PublicDepartment> = http.get("/api/departments/active").await?;
    Ok(page.items)
}

/// Refuses what the hub would refuse: nothing at all, or too much.
///
/// # Errors
/// [`ChatError::Usage`].
pub fn check(text: &SafeText) -> Result<(), ChatError> {
    if text.trim().is_empty() {
        return Err(ChatError::Usage(
            "the message is empty; write something".to_owned(),
        ));
    }
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(ChatError::Usage(format!(
            "the message has {} bytes; send at most {MESSAGE_BYTES_MAX} at a time",
            text.len()
        )));
    }
    Ok(())
}

impl Talk {
    /// Connects to a chat. What an earlier run could not send is sent now.
    ///
    /// # Errors
    /// [`ChatError::Outbox`] and [`ChatError::Client`], before anything is sent.
    pub fn begin(profile: &Profile, access: &Access, story: Story) -> Result<Self, ChatError> {
        let name = outbox_name(&access.hub, access.chat);
        let outbox = Outbox::open_free(&profile.places.outbox(), &name)?;
        let mut story = story;
        let mut waiting = Vec::new();
        let mut leftover = Vec::new();
        for entry in outbox.pending() {
            if let Command::PostMessage { text, .. } = entry.command {
                leftover.push(text.clone());
                story.promise(entry.cid.clone(), text);
                waiting.push(entry.cid);
            }
        }
        let (handle, events) = Socket::connect(SocketOptions {
            url: access.hub.clone(),
            tls: profile.tls.clone(),
            token: access.token.clone(),
            client: CLIENT.to_owned(),
            cursor: None,
            outbox,
            watches: false,
        })?;
        Ok(Self {
            handle,
            events,
            story,
            waiting,
            leftover,
            refused: None,
        })
    }

    /// What was shown of the chat.
    #[must_use]
    pub const fn story(&self) -> &Story {
        &self.story
    }

    /// The connection, to say that one types.
    #[must_use]
    pub const fn handle(&self) -> &SocketHandle {
        &self.handle
    }

    /// Messages that the hub has not taken yet.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What an earlier run could not send, and this one does.
    #[must_use]
    pub fn leftover(&self) -> &[SafeText] {
        &self.leftover
    }

    /// The exit code of the last refusal.
    #[must_use]
    pub fn refused(&self) -> Option<u8> {
        self.refused.map(ErrorCode::exit_code)
    }

    /// The next pieces to show. Cancel safe. Never returns once the connection is over.
    pub async fn next(&mut self) -> Vec<Piece> {
        let Some(event) = self.events.recv().await else {
            return std::future::pending().await;
        };
        match &event {
            SocketEvent::Done { cid, .. } => self.waiting.retain(|other| other != cid),
            SocketEvent::Nack {
                cid,
                code,
                retry_in: None,
                ..
            } => {
                if let Some(at) = self.waiting.iter().position(|other| other == cid) {
                    self.waiting.remove(at);
                    self.refused = Some(*code);
                }
            }
            _ => {}
        }
        self.story.take(event)
    }

    /// Says something: it is on disk when this returns.
    ///
    /// # Errors
    /// [`ChatError::Usage`] for a text that no hub takes; [`ChatError::Send`].
    pub async fn say(
        &mut self,
        text: SafeText,
        client_id: Option<CommandId>,
    ) -> Result<(), ChatError> {
        check(&text)?;
        let cid = client_id.unwrap_or_else(CommandId::random);
        let command = Command::PostMessage {
            chat: self.story.chat(),
            text: text.clone(),
            visibility: Visibility::Public,
            expected_seq: None,
            canned: Vec::new(),
        };
        self.story.promise(cid.clone(), text);
        self.waiting.push(cid.clone());
        let sent = self.handle.send(cid.clone(), command).await;
        if sent.is_err() {
            self.waiting.retain(|other| *other != cid);
        }
        Ok(sent?)
    }

    /// Sends again what the hub refused; says how many that were.
    ///
    /// # Errors
    /// [`ChatError::Send`].
    pub async fn retry(&mut self) -> Result<usize, ChatError> {
        let mut count = 0;
        for failure in self.handle.outbox().failures() {
            let entry = failure.entry;
            let Command::PostMessage { text, .. } = &entry.command else {
                self.handle.outbox().discard(&entry.cid)?;
                continue;
            };
            count += 1;
            self.story.promise(entry.cid.clone(), text.clone());
            self.waiting.push(entry.cid.clone());
            self.handle.send(entry.cid, entry.command).await?;
        }
        self.handle.retry_now();
        Ok(count)
    }

    /// Ends the episode.
    ///
    /// # Errors
    /// [`ChatError::Send`].
    pub async fn end(&mut self) -> Result<(), ChatError> {
        let chat = self.story.chat();
        self.promise(Command::Resolve { chat }).await
    }

    /// Rates the episode.
    ///
    /// # Errors
    /// [`ChatError::Send`].
    pub async fn rate(&mut self, score: u8, comment: Option<SafeText>) -> Result<(), ChatError> {
        let chat = self.story.chat();
        let command = Command::Rate {
            chat,
            score,
            comment,
        };
        self.promise(command).await
    }

    /// Asks for a person while the assistant has the chat; else nothing changes.
    ///
    /// # Errors
    /// [`ChatError::Send`].
    pub async fn request_human(&mut self) -> Result<(), ChatError> {
        let chat = self.story.chat();
        self.promise(Command::RequestHuman { chat }).await
    }

    /// Says in which language the customer reads.
    ///
    /// # Errors
    /// [`ChatError::Usage`] for what is no tag of a language; [`ChatError::Send`].
    pub async fn language(&mut self, raw: &str) -> Result<String, ChatError> {
        let chat = self.story.chat();
        let tag = language_tag(raw).ok_or_else(|| {
            let raw = SafeText::line(raw);
            ChatError::Usage(format!("{raw} is no language; use a tag like pt or pt-BR"))
        })?;
        let language = SafeText::line(&tag);
        self.promise(Command::SetLanguage { chat, language })
            .await?;
        Ok(tag)
    }

    /// Tells the staff how far the customer has read.
    ///
    /// # Errors
    /// [`ChatError::Send`].
    pub async fn read(&mut self, seq: Seq) -> Result<(), ChatError> {
        let chat = self.story.chat();
        let sent = self
            .handle
            .send(CommandId::random(), Command::MarkRead { chat, seq });
        Ok(sent.await?)
    }

    /// Says goodbye. What waits stays in the outbox.
    pub async fn close(self) {
        self.handle.close().await;
    }

    /// A command whose refusal is shown like that of a message.
    async fn promise(&mut self, command: Command) -> Result<(), ChatError> {
        let cid = CommandId::random();
        self.waiting.push(cid.clone());
        self.story.command(cid.clone());
        Ok(self.handle.send(cid, command).await?)
    }
}

/// How to go on with a chat, for stderr.
#[must_use]
pub fn farewell(chat: ChatId, waiting: usize) -> String {
    let kept = match waiting {
        0 => String::new(),
        1 => "1 message is not sent yet and kept. ".to_owned(),
        n => format!("{n} messages are not sent yet and kept. "),
    };
    format!("{kept}Chat {chat} stays open; go on with: frontdesk-chat resume {chat}\n")
}
