//! What comes into the console, and what it asks the world to do.

use std::collections::BTreeMap;

use crossterm::event::{KeyEvent, MouseEvent};
use shared::{
    api::{AssistAnswer, AssistRequest, SearchPage},
    client::{
        outbox::{Entry, Failure},
        socket::SocketEvent,
    },
    command::Command,
    id::{ChatId, CommandId, Seq, UserId},
    model::{Attachment, Chat, Interval, Visibility},
    time::Timestamp,
};

use crate::{
    cache::Cached,
    files::Sending,
    find::Question,
    keys::Intent,
    model::Alert,
    thread::{Draft, Place},
};

/// Which panes there were, to begin where one left.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Layout {
    /// The chat of each pane.
    pub panes: Vec<Option<ChatId>>,
    /// Which had the focus.
    pub focus: usize,
    /// It was alone on the screen.
    pub zoom: bool,
    /// The details of the customer were not wanted.
    pub side_hidden: bool,
    /// Where the reader was in the chats that are not at their end.
    pub places: BTreeMap<ChatId, Place>,
}

/// What an earlier run left on disk.
#[derive(Debug, Clone, Default)]
pub struct Restored {
    /// The drafts.
    pub drafts: BTreeMap<ChatId, Draft>,
    /// The panes.
    pub layout: Layout,
    /// Commands that were not done yet.
    pub pending: Vec<Entry>,
    /// Commands that were refused.
    pub failures: Vec<Failure>,
    /// What the desk looked like.
    pub cached: Option<Box<Cached>>,
}

/// What a whole typed line says, where there are no keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A message of the chat in front.
    Message {
        /// What.
        text: String,
        /// To whom.
        visibility: Visibility,
    },
    /// A line of the palette.
    Command(String),
    /// The answer to what lies over the desk.
    Answer(String),
    /// What a key would mean.
    Intent(Intent),
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Msg {
    /// The console starts.
    Restored(Box<Restored>),
    /// A key.
    Key(KeyEvent),
    /// The mouse, where it was asked for.
    Mouse(MouseEvent),
    /// A paste, as one.
    Paste(String),
    /// A whole line.
    Typed(Typed),
    /// The terminal has another size, in columns and rows.
    Resize(u16, u16),
    /// The terminal got the focus of the desktop, or lost it.
    Focus(bool),
    /// From the hub.
    Hub(SocketEvent),
    /// A command could not even be put in the outbox.
    Refused {
        /// Which.
        cid: CommandId,
        /// Why.
        why: String,
    },
    /// The editor ended.
    Edited {
        /// The chat whose draft it was.
        chat: ChatId,
        /// Whether it was the note.
        note: bool,
        /// The new text, or why there is none.
        text: Result<String, String>,
    },
    /// The chats of a customer, newest first, or why they are not known.
    Past {
        /// Whose.
        customer: UserId,
        /// Which.
        chats: Result<Vec<Chat>, String>,
    },
    /// Our working time since `from`, or why it is not known.
    Hours {
        /// Since when.
        from: Timestamp,
        /// What was done when.
        items: Result<Vec<Interval>, String>,
    },
    /// What was found in all chats, or why nothing was looked for.
    Found {
        /// The question.
        question: Question,
        /// A page of the answer.
        page: Result<SearchPage, String>,
    },
    /// A chat out of sight, or why it cannot be seen.
    LookedUp {
        /// Which.
        id: ChatId,
        /// How it is.
        chat: Result<Box<Chat>, String>,
    },
    /// How it goes with a file that is sent or saved, in one line.
    File {
        /// How.
        text: String,
        /// Whether it went wrong.
        error: bool,
        /// Nothing more comes of it.
        done: bool,
    },
    /// The help that was asked for, or why there is none.
    Assisted {
        /// Which question.
        id: CommandId,
        /// The answer.
        answer: Result<AssistAnswer, String>,
    },
    /// What there is on the disk that begins like a path.
    Paths {
        /// What was typed of it.
        typed: String,
        /// What there is.
        paths: Vec<String>,
    },
    /// Something outside went wrong, or right, in one line.
    Told {
        /// What.
        text: String,
        /// Whether it went wrong.
        error: bool,
    },
    /// A time that was asked for has come.
    Tick,
}

/// What is to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Promise a command to the hub.
    Do {
        /// Its name.
        cid: CommandId,
        /// What.
        command: Command,
    },
    /// Forget a command that was refused.
    Discard {
        /// Which.
        cid: CommandId,
    },
    /// Ask for a page of a chat.
    Fetch {
        /// Comes back with the page.
        id: String,
        /// Of which chat.
        chat: ChatId,
        /// Records before this one.
        before: Option<Seq>,
        /// Records after this one.
        after: Option<Seq>,
        /// At most so many.
        limit: u32,
    },
    /// Ask for the chats of a customer.
    Past {
        /// Whose.
        customer: UserId,
        /// The earlier chat that the one in front continues.
        previous: Option<ChatId>,
    },
    /// Ask for our working time.
    Hours {
        /// Ourselves.
        user: UserId,
        /// Since when.
        from: Timestamp,
    },
    /// Look for something in all chats.
    Search(Question),
    /// Ask for a chat out of sight.
    LookUp(ChatId),
    /// Ask for help with writing.
    Assist {
        /// Comes back with the answer.
        id: CommandId,
        /// For what.
        request: AssistRequest,
    },
    /// Send a file.
    SendFile(Box<Sending>),
    /// Get a file and save it.
    SaveFile {
        /// Of which chat.
        chat: ChatId,
        /// Which.
        file: Attachment,
        /// Where to, as it was typed; empty for the usual folder.
        to: String,
    },
    /// Look at the disk for what begins like this path.
    Paths(String),
    /// Tell that we type, or stopped.
    Typing {
        /// Where.
        chat: ChatId,
        /// Type now.
        on: bool,
    },
    /// Tell which chat has the focus.
    View(Option<ChatId>),
    /// Connect now.
    RetryNow,
    /// Time the way to the hub and back.
    Measure,
    /// Keep the drafts of a chat.
    SaveDraft {
        /// Of which chat.
        chat: ChatId,
        /// The drafts.
        draft: Draft,
    },
    /// Tell of something that is not seen.
    Notify(Alert),
    /// Give the window this title.
    Title(String),
    /// Put a text in the clipboard.
    Copy(String),
    /// Open a link that the person has seen and confirmed.
    OpenLink(String),
    /// Write a draft in the editor of the environment.
    Editor {
        /// Whose draft.
        chat: ChatId,
        /// Whether it is the note.
        note: bool,
        /// The text so far.
        text: String,
    },
    /// Draw everything afresh.
    Redraw,
    /// Stop for the shell.
    Suspend,
    /// Leave.
    Quit,
}
