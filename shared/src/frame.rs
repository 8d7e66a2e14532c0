//! The frames of the WebSocket. JSON text, tagged by `type`.
//!
//! The hub writes event frames from stored bytes and reads only [`ClientFrame`]; a client does
//! the reverse. Unknown fields are refused from clients and skipped from hubs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    api::Limits,
    command::Command,
    error::ErrorCode,
    fold::{ChatView, DeskView},
    id::{ChatId, CommandId, Cursor, DepartmentId, Pos, Seq, UserId},
    model::{AgentStatus, Role, Storage, Workload},
    record::{Delivered, Record},
    text::SafeText,
    time::Timestamp,
};

/// The version of this contract.
pub const PROTO: u32 = 1;
/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "frontdesk.v1";

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    /// The first frame, within 5 seconds.
    Hello {
        /// [`PROTO`].
        proto: u32,
        /// The access token, or a customer's chat token.
        token: String,
        /// Where the client is in the log, to resume.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<Cursor>,
        /// Names this instance of the program; a second socket of it replaces the first.
        slot: CommandId,
        /// Program and version, for the log: at most 64 bytes.
        client: String,
        /// Only shows what happens, as a wall does: its user is not reachable through it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        watches: bool,
    },
    /// Do something.
    Do {
        /// Made and stored before the first try.
        cid: CommandId,
        /// What.
        command: Command,
    },
    /// Ask for a page of a chat.
    Fetch {
        /// Comes back in the page: at most 64 bytes.
        id: String,
        /// Of which chat.
        chat: ChatId,
        /// Records before this one, newest first chosen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Seq>,
        /// Records after this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Seq>,
        /// At most this many: 1 to 200.
        limit: u32,
    },
    /// Somebody types, or stopped.
    Typing {
        /// Where.
        chat: ChatId,
        /// Types now.
        on: bool,
        /// What is typed, where the department turned that on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        preview: Option<SafeText>,
    },
    /// Which chat has the focus.
    View {
        /// None when no chat has it.
        chat: Option<ChatId>,
    },
    /// Answered by a pong.
    Ping {
        /// Comes back: at most 64 bytes.
        id: String,
    },
}

/// Who the hub takes a client for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Me {
    /// The number.
    pub id: UserId,
    /// The role.
    pub role: Role,
    /// The name.
    pub name: SafeText,
    /// The departments, for staff.
    #[serde(default)]
    pub departments: BTreeSet<DepartmentId>,
    /// Names of the actions that the role may take at all.
    #[serde(default)]
    pub permissions: BTreeSet<String>,
}

/// What the hub sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HubFrame {
    /// The answer to `hello`.
    Welcome {
        /// [`PROTO`].
        proto: u32,
        /// Which life of which store.
        lineage: String,
        /// Who the client is.
        me: Me,
        /// The hub's time.
        now: Timestamp,
        /// What the hub accepts.
        limits: Limits,
        /// The cursor was good: what was missed follows instead of a snapshot.
        resumed: bool,
    },
    /// The whole view, when there is no usable cursor.
    Snapshot {
        /// The last record that is in it.
        pos: Pos,
        /// What this principal may see.
        desk: Box<DeskView>,
    },
    /// A record.
    Event(Box<Delivered>),
    /// A chat has come into sight; the record that brought it follows.
    Chat {
        /// The last record that is in it.
        pos: Pos,
        /// The chat.
        chat: Box<ChatView>,
    },
    /// Everything until here was the past.
    Live {
        /// Resumes from here.
        cursor: Cursor,
    },
    /// A command was done, durably.
    Done {
        /// Which.
        cid: CommandId,
        /// Its last record.
        pos: Pos,
        /// The chat it was about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chat: Option<ChatId>,
        /// Its message, or its last record in the chat.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<Seq>,
        /// It had been done before.
        dup: bool,
    },
    /// A command was refused.
    Nack {
        /// Which.
        cid: CommandId,
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
        /// The same command may succeed later.
        retriable: bool,
        /// Not before this many milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// The answer to `fetch`.
    Page {
        /// Of the question.
        id: String,
        /// Of which chat.
        chat: ChatId,
        /// Oldest first.
        events: Vec<Record>,
        /// There are more in the direction asked.
        more: bool,
    },
    /// Somebody types. Never stored; ends by itself after 6 seconds.
    Typing {
        /// Where.
        chat: ChatId,
        /// Who.
        who: Typist,
        /// Types now.
        on: bool,
        /// What, where the department turned that on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        preview: Option<SafeText>,
    },
    /// How an agent is. Never stored.
    Presence {
        /// Who.
        user: UserId,
        /// What they mean to do.
        status: AgentStatus,
        /// Whether a program of theirs is connected.
        reachable: bool,
        /// How many chats they own.
        load: u32,
        /// The chat they look at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        viewing: Option<ChatId>,
    },
    /// Place of a waiting chat. Never stored.
    Queue {
        /// Which.
        chat: ChatId,
        /// From 1.
        place: u32,
    },
    /// How a department stands, for its staff. Never stored.
    Workload(Workload),
    /// What the store takes, for staff. Never stored.
    Storage {
        /// What.
        state: Storage,
    },
    /// The answer to `ping`.
    Pong {
        /// Of the question.
        id: String,
    },
    /// Throw the view away: a snapshot follows.
    Resync {
        /// Why.
        reason: String,
    },
    /// The hub closes the socket.
    Bye {
        /// The close code.
        code: u16,
        /// Why.
        reason: String,
        /// Come back after about this long.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reconnect_after_ms: Option<u64>,
    },
    /// A frame of a newer version; skip it.
    #[serde(other)]
    Unknown,
}

/// Who types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Typist {
    /// The number.
    pub id: UserId,
    /// The name.
    pub name: SafeText,
    /// Whether it is the customer.
    pub customer: bool,
}

/// Why a socket is closed. The codes are fixed by the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// The hub restarts or stops.
    Restart = 1012,
    /// The client reads too slowly; it may resume by cursor.
    SlowConsumer = 4008,
    /// A frame that makes no sense.
    BadFrame = 4400,
    /// The token is revoked or expired.
    Unauthenticated = 4401,
    /// The principal may not be here.
    Forbidden = 4403,
    /// No `hello` within 5 seconds.
    HelloTimeout = 4408,
    /// The same slot has a newer socket.
    Replaced = 4409,
    /// The versions do not match.
    Version = 4426,
}

impl CloseCode {
    /// The number on the wire.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self as u16
    }
}
