//! The story of one chat as its customer follows it: events of the socket in, pieces to show out.
//!
//! Pure: no clock, no terminal, no network. Every record becomes at most one piece, once, however
//! often a reconnect or a page brings it again. How a piece looks is in `lines` and `json`.

use std::{collections::VecDeque, time::Duration};

use shared::{
    api::Message,
    assistant::AssistantReason,
    client::socket::{SocketEvent, StopReason},
    event::{Event, Reader},
    fold::ChatView,
    id::{AttachmentId, ChatId, CommandId, Seq},
    model::{ActorKind, Attachment, Chat, ChatState, Visibility},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

/// Own messages whose place in the chat is remembered, to tell them from those of another program.
const OWN_MAX: usize = 256;

/// Files that a story remembers.
const FILES_MAX: usize = 256;

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// A member of staff.
    Agent,
    /// The assistant.
    Assistant,
    /// The customer, from another program.
    Customer,
    /// A rule of the desk.
    System,
}

impl Speaker {
    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Assistant => "assistant",
            Self::Customer => "customer",
            Self::System => "system",
        }
    }
}

impl From<ActorKind> for Speaker {
    fn from(kind: ActorKind) -> Self {
        match kind {
            ActorKind::Agent => Self::Agent,
            ActorKind::Assistant => Self::Assistant,
            ActorKind::Customer => Self::Customer,
            ActorKind::System => Self::System,
        }
    }
}

/// What was said, by whom, when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its place in the chat.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// What kind of speaker.
    pub speaker: Speaker,
    /// The speaker's name at that time.
    pub name: SafeText,
    /// What.
    pub text: SafeText,
    /// Files that came with it.
    pub attachments: Vec<Attachment>,
}

impl From<Message> for Said {
    fn from(message: Message) -> Self {
        Self {
            seq: message.seq,
            at: message.at,
            speaker: message.actor.kind.into(),
            name: message.actor.name,
            text: message.text,
            attachments: message.attachments,
        }
    }
}

/// One thing to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Somebody else, or this customer elsewhere, said something.
    Said(Said),
    /// A message has another text now.
    Edited(Said),
    /// The chat waits at another place of the queue, from 1.
    Place(u32),
    /// The hub has the customer's message.
    Sent,
    /// The staff have read what the customer wrote.
    Seen,
    /// The hub will not take a message.
    NotSent {
        /// Why, in the hub's words.
        reason: String,
    },
    /// The hub will not do what was asked besides a message.
    NotDone {
        /// Why, in the hub's words.
        reason: String,
    },
    /// Somebody types.
    Typing {
        /// Who.
        name: SafeText,
    },
    /// The assistant looks for an answer.
    Looking {
        /// What it is called.
        name: SafeText,
    },
    /// The connection is lost; it is tried again.
    Lost {
        /// Why.
        why: String,
        /// The next try.
        retry_in: Duration,
    },
    /// The connection is back.
    Back,
    /// Messages may be missing before the next piece.
    Gap,
    /// The customer's rating is stored: 1 to 5.
    Rated(u8),
    /// The episode is over; the chat can be reopened.
    Resolved,
    /// The chat is over for ever.
    Closed,
    /// The connection will not come back.
    Stopped(StopReason),
}

/// A message of this program.
#[derive(Clone, Debug)]
struct Own {
    cid: CommandId,
    text: SafeText,
    seq: Option<Seq>,
    /// The hub said that it has it.
    stored: bool,
}

/// What the customer has been shown of a chat.
#[derive(Clone, Debug)]
pub struct Story {
    chat: ChatId,
    shown: Seq,
    place: Option<u32>,
    state: Option<ChatState>,
    own: Vec<Own>,
    /// Commands of this program that are no messages.
    commands: Vec<CommandId>,
    /// The last of the own messages that the hub gave a place.
    last_own: Seq,
    /// The last thing that staff or the assistant said.
    last_reply: Seq,
    /// The assistant has said what it is: what it says from now on is an answer.
    greeted: bool,
    seen: Seq,
    typist: Option<SafeText>,
    agent: Option<SafeText>,
    /// The newest files, to be saved by their numbers, and whether the customer sent them.
    files: VecDeque<(bool, Attachment)>,
    lost: bool,
    /// The first view of the chat is the past, which is not shown.
    skips: bool,
}

impl Story {
    /// A story of which nothing was shown.
    #[must_use]
    pub const fn new(chat: ChatId) -> Self {
        Self {
            chat,
            shown: Seq(0),
            place: None,
            state: None,
            own: Vec::new(),
            commands: Vec::new(),
            last_own: Seq(0),
            last_reply: Seq(0),
            greeted: false,
            seen: Seq(0),
            typist: None,
            agent: None,
            files: VecDeque::new(),
            lost: false,
            skips: false,
        }
    }

    /// A story that goes on where the chat is now: what was before is not shown.
    #[must_use]
    pub const fn resumed(chat: ChatId) -> Self {
        let mut story = Self::new(chat);
        story.skips = true;
        story
    }

    /// Which chat.
    #[must_use]
    pub const fn chat(&self) -> ChatId {
        self.chat
    }

    /// Where the chat is in its life, once known.
    #[must_use]
    pub const fn state(&self) -> Option<ChatState> {
        self.state
    }

    /// The last record that was shown.
    #[must_use]
    pub const fn shown(&self) -> Seq {
        self.shown
    }

    /// The last thing that staff or the assistant said.
    #[must_use]
    pub const fn last_reply(&self) -> Seq {
        self.last_reply
    }

    /// Place in the queue, from 1, while the chat waits.
    #[must_use]
    pub const fn place(&self) -> Option<u32> {
        self.place
    }

    /// The member of staff who spoke last, while the chat has not been given on.
    #[must_use]
    pub const fn agent(&self) -> Option<&SafeText> {
        self.agent.as_ref()
    }

    /// A file of the chat by its number, or the newest one that somebody else sent.
    #[must_use]
    pub fn file(&self, id: Option<AttachmentId>) -> Option<&Attachment> {
        let mut newest = self.files.iter().rev();
        let found = newest.find(|(own, file)| id.map_or(!own, |id| id == file.id));
        found.map(|(_, file)| file)
    }

    /// Whether staff or the assistant spoke after the customer's last message.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.last_reply > self.last_own && self.last_own > Seq(0)
    }

    /// A message of this program is about to be sent: its record will not be shown again.
    pub fn promise(&mut self, cid: CommandId, text: SafeText) {
        if self.own.len() >= OWN_MAX {
            self.own.remove(0);
        }
        self.own.push(Own {
            cid,
            text,
            seq: None,
            stored: false,
        });
    }

    /// A message was sent and stored with the opening of the chat.
    pub fn opened_with(&mut self, cid: CommandId, text: SafeText) {
        self.promise(cid, text);
        if let Some(own) = self.own.last_mut() {
            own.stored = true;
        }
    }

    /// A command without a text is about to be sent: only its refusal will be shown.
    pub fn command(&mut self, cid: CommandId) {
        self.commands.push(cid);
        if self.commands.len() > OWN_MAX {
            self.commands.remove(0);
        }
    }

    /// The chat as an answer of the hub describes it.
    pub fn meet(&mut self, chat: &Chat) -> Option<Piece> {
        self.state = Some(chat.state);
        self.seen = self.seen.max(chat.read_by_staff);
        match chat.place {
            Some(place) if self.place != Some(place) && chat.state == ChatState::Waiting => {
                self.place = Some(place);
                Some(Piece::Place(place))
            }
            _ => None,
        }
    }

    /// A message out of a page of the past.
    pub fn past(&mut self, message: Message) -> Option<Piece> {
        if message.seq <= self.shown || message.visibility != Visibility::Public {
            return None;
        }
        self.shown = message.seq;
        self.said(message.into())
    }

    /// What the socket tells.
    pub fn take(&mut self, event: SocketEvent) -> Vec<Piece> {
        match event {
            SocketEvent::Connected { .. } => {
                let back = std::mem::take(&mut self.lost);
                back.then_some(Piece::Back).into_iter().collect()
            }
            SocketEvent::Snapshot { desk, .. } => {
                let chat = desk
                    .chats
                    .into_iter()
                    .find(|view| view.chat.id == self.chat);
                chat.map_or_else(Vec::new, |view| self.view(&view))
            }
            SocketEvent::Chat { chat, .. } if chat.chat.id == self.chat => self.view(&chat),
            SocketEvent::Record(delivered) => self.record(&delivered.record).into_iter().collect(),
            SocketEvent::Done { cid, seq, .. } => self.stored(&cid, seq).into_iter().collect(),
            SocketEvent::Nack {
                cid,
                message,
                retry_in: None,
                ..
            } => self.refused(&cid, message).into_iter().collect(),
            SocketEvent::Typing { chat, who, on, .. } if chat == self.chat && !who.customer => {
                self.typing(who.name, on).into_iter().collect()
            }
            SocketEvent::Queue { chat, place } if chat == self.chat => {
                let news = self.place.replace(place) != Some(place);
                news.then_some(Piece::Place(place)).into_iter().collect()
            }
            SocketEvent::Disconnected { why, retry_in, .. } => {
                let known = std::mem::replace(&mut self.lost, true);
                let lost = (!known).then_some(Piece::Lost { why, retry_in });
                lost.into_iter().collect()
            }
            SocketEvent::Stopped { why } => vec![Piece::Stopped(why)],
            _ => Vec::new(),
        }
    }

    fn view(&mut self, view: &ChatView) -> Vec<Piece> {
        if std::mem::take(&mut self.skips) {
            self.shown = view.chat.seq;
            self.greeted = true;
            return self.meet(&view.chat).into_iter().collect();
        }
        let mut pieces: Vec<Piece> = Vec::new();
        if view.chat.seq < self.shown {
            // The hub was restored from a backup: what follows has numbers that were shown.
            self.shown = view.chat.seq;
            pieces.push(Piece::Gap);
        }
        let first = view.events.first().and_then(|record| record.seq);
        // Staff-only records take a seq too, so that this says "may", never "are".
        if self.shown > Seq(0) && first.is_some_and(|first| first > self.shown.next()) {
            pieces.push(Piece::Gap);
        }
        for record in &view.events {
            pieces.extend(self.record(record));
        }
        pieces.extend(self.meet(&view.chat));
        pieces
    }

    fn record(&mut self, record: &Record) -> Option<Piece> {
        let seq = record.seq.filter(|_| record.chat == Some(self.chat))?;
        if seq <= self.shown {
            return None;
        }
        self.shown = seq;
        let said = |text: &SafeText, attachments: &[Attachment]| Said {
            attachments: attachments.to_vec(),
            seq,
            at: record.at,
            speaker: record.actor.kind.into(),
            name: record.actor.name.clone(),
            text: text.clone(),
        };
        match &record.event {
            Event::MessagePosted {
                text,
                visibility: Visibility::Public,
                attachments,
            } => self.said(said(text, attachments)),
            Event::MessageEdited {
                text,
                visibility: Visibility::Public,
                ..
            } => Some(Piece::Edited(said(text, &[]))),
            Event::ReadMarked {
                by: Reader::Staff,
                seq,
            } => self.seen(*seq),
            Event::Rated { score, .. } => Some(Piece::Rated(*score)),
            Event::ChatResolved { .. } => self.moved(ChatState::Resolved, Some(Piece::Resolved)),
            Event::ChatClosed {} => self.moved(ChatState::Closed, Some(Piece::Closed)),
            Event::ChatAssigned { .. } => self.moved(ChatState::Active, None),
            Event::AssistantAssigned { reason, .. } => {
                // Only a new chat begins with a greeting.
                self.greeted |= *reason != AssistantReason::Opened;
                self.moved(ChatState::Assistant, None)
            }
            Event::ChatQueued { .. } | Event::ChatOpened { .. } => {
                self.moved(ChatState::Waiting, None)
            }
            _ => None,
        }
    }

    fn moved(&mut self, state: ChatState, piece: Option<Piece>) -> Option<Piece> {
        self.state = Some(state);
        if matches!(state, ChatState::Waiting | ChatState::Assistant) {
            self.agent = None;
        }
        if state != ChatState::Waiting {
            self.place = None;
        }
        self.typist = None;
        piece
    }

    fn said(&mut self, said: Said) -> Option<Piece> {
        let own = said.speaker == Speaker::Customer;
        let files = said.attachments.iter().cloned();
        self.files.extend(files.map(|file| (own, file)));
        while self.files.len() > FILES_MAX {
            self.files.pop_front();
        }
        match said.speaker {
            Speaker::Assistant if !self.greeted => self.greeted = true,
            Speaker::Agent | Speaker::Assistant => {
                self.last_reply = said.seq;
                self.typist = None;
                if said.speaker == Speaker::Agent {
                    self.agent = Some(said.name.clone());
                }
            }
            // A file has no message of this program: its line says that the hub has it.
            Speaker::Customer if said.attachments.is_empty() && self.is_own(&said) => {
                return None;
            }
            Speaker::Customer => self.last_own = self.last_own.max(said.seq),
            Speaker::System => {}
        }
        Some(Piece::Said(said))
    }

    /// The record of an own message may come before or after the answer to its command.
    fn is_own(&mut self, said: &Said) -> bool {
        let place = |own: &&mut Own| own.seq == Some(said.seq);
        let text = |own: &&mut Own| own.seq.is_none() && own.text == said.text;
        let own = match self.own.iter_mut().find(place) {
            Some(own) => Some(own),
            None => self.own.iter_mut().find(text),
        };
        let Some(own) = own else { return false };
        own.seq = Some(said.seq);
        self.last_own = self.last_own.max(said.seq);
        true
    }

    fn stored(&mut self, cid: &CommandId, seq: Option<Seq>) -> Option<Piece> {
        let own = self.own.iter_mut().find(|own| own.cid == *cid)?;
        own.seq = own.seq.or(seq);
        self.last_own = self.last_own.max(own.seq.unwrap_or_default());
        let known = std::mem::replace(&mut own.stored, true);
        (!known).then_some(Piece::Sent)
    }

    fn refused(&mut self, cid: &CommandId, reason: String) -> Option<Piece> {
        if let Some(at) = self.commands.iter().position(|other| other == cid) {
            self.commands.remove(at);
            return Some(Piece::NotDone { reason });
        }
        let at = self.own.iter().position(|own| own.cid == *cid)?;
        self.own.remove(at);
        Some(Piece::NotSent { reason })
    }

    fn seen(&mut self, seq: Seq) -> Option<Piece> {
        let before = self.seen;
        self.seen = seq.max(before);
        let news = before < self.last_own && self.last_own <= seq;
        news.then_some(Piece::Seen)
    }

    fn typing(&mut self, name: SafeText, on: bool) -> Option<Piece> {
        if !on || self.typist.as_ref() == Some(&name) {
            return None;
        }
        self.typist = Some(name.clone());
        Some(match self.state {
            // Nobody else writes then.
            Some(ChatState::Assistant) => Piece::Looking { name },
            _ => Piece::Typing { name },
        })
    }
}

#[cfg(test)]
mod tests;
