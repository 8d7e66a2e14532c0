//! Bodies of the REST routes and the limits of the contract.
//!
//! Requests refuse unknown fields; answers may grow. Paths live in the hub's route table, from
//! which the OpenAPI document is made.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    command::{DepartmentRef, UserRef},
    error::ErrorCode,
    id::{CannedId, ChatId, CommandId, DepartmentId, Epoch, Pos, Seq},
    model::{Actor, AgentStatus, Attachment, Chat, Storage, Visibility},
    text::SafeText,
    time::Timestamp,
};

/// Largest frame in either direction, in bytes.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Largest body of a request, in bytes, where a route has no limit of its own.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Deepest nesting of arrays and objects in JSON from a client.
pub const JSON_DEPTH_MAX: usize = 16;
/// Most items of a page.
pub const PAGE_ITEMS_MAX: u32 = 200;
/// Items of a page when the client does not say.
pub const PAGE_ITEMS_DEFAULT: u32 = 50;
/// Commands of one socket that may wait for their answer.
pub const UNACKNOWLEDGED_MAX: usize = 32;
/// Records behind the head from which a snapshot is cheaper than a replay.
pub const RESUME_RECORDS_MAX: u64 = 10_000;
/// The hub pings this often, in milliseconds.
pub const PING_EVERY_MS: u64 = 15_000;
/// Silence after which a connection is dead, in milliseconds; the same for both sides.
pub const DEAD_AFTER_MS: u64 = 45_000;
/// How long a typing mark lives without being renewed, in milliseconds.
pub const TYPING_TTL_MS: u64 = 6_000;

/// What the hub accepts; sent with `welcome`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limits {
    /// [`FRAME_BYTES_MAX`].
    pub frame_bytes_max: u64,
    /// Largest message text in bytes.
    pub message_bytes_max: u64,
    /// [`PAGE_ITEMS_MAX`].
    pub page_items_max: u32,
    /// [`UNACKNOWLEDGED_MAX`].
    pub unacknowledged_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: FRAME_BYTES_MAX as u64,
            message_bytes_max: crate::text::MESSAGE_BYTES_MAX as u64,
            page_items_max: PAGE_ITEMS_MAX,
            unacknowledged_max: UNACKNOWLEDGED_MAX as u32,
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Give it back as `after` for the next page; none at the end.
    pub next: Option<String>,
}

/// A page of a list whose length the hub knows at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// Give it back as `after` for the next page; none at the end.
    pub next: Option<String>,
    /// How many there are in all, on the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

/// The body of every answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ApiError,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[error("{message}")]
pub struct ApiError {
    /// For programs.
    pub code: ErrorCode,
    /// For people: one line.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Finds it in the hub's log.
    #[serde(default)]
    pub request_id: String,
    /// Not before this many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

macro_rules! bodies {
    ($($(#[$doc:meta])* request $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* })*
    };
}

macro_rules! answers {
    ($($(#[$doc:meta])* answer $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* })*
    };
}

/// Bodies with secrets in them: they cannot be compared, and their debug form hides the secrets.
macro_rules! secret_bodies {
    ($($(#[$doc:meta])* request $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* })*
    };
    ($($(#[$doc:meta])* answer $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* })*
    };
}

mod access;
mod assist;
mod assistant;
mod customers;
mod knowledge;
mod secret;
mod totp;

pub use access::{
    AcceptInvitation, CreateUser, CreatedUser, Invite, Invited, Login, NewToken, PasswordChange,
    PasswordCode, Refresh, Register, SessionInfo, SessionTokens, Setup, TokenInfo, WhoAmI,
};
pub use assist::{AssistAnswer, AssistKind, AssistRequest, Suggestion, SuggestionSource, Tone};
pub use assistant::{
    AssistantStatus, AssistantTried, AssistantTry, FlagAnswer, KnowledgeStatus, ProviderStatus,
    ReturnChat, WantHuman,
};
pub use customers::{
    AuditVerdict, CustomerAccount, CustomerExport, EraseCustomer, Erased, ExportedChat,
    ExportedRating, PastChat, RetentionDue,
};
pub use knowledge::{
    KbCheck, KbConfusion, KbDecision, KbFinding, KbGuess, KbPassage, KbPolicy, KbSeverity,
    KbSuggestion, KbSuggestions, KbTest, KbTopic, KbTry,
};
pub use secret::Secret;
pub use totp::{RecoveryCodes, TotpBegun, TotpConfirm, TotpProof, TotpStatus};

bodies! {
    /// `PUT /api/users/{id}/status`.
    request SetStatus {
        /// What to do from now on.
        status: AgentStatus,
        /// Why, in one line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<SafeText>,
        /// Finish the chats at hand, take no others.
        #[serde(default)]
        drain: bool,
    }

    /// `POST /api/chats`.
    request OpenChat {
        /// The customer's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<SafeText>,
        /// The customer's e-mail address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<SafeText>,
        /// The customer's telephone number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phone: Option<SafeText>,
        /// Where to; the default department when not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        department: Option<DepartmentRef>,
        /// The first message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<SafeText>,
        /// Answers to the department's form.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        fields: BTreeMap<SafeText, SafeText>,
        /// An earlier chat of the same customer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<ChatId>,
        /// The customer's language, as a tag such as `pt` or `pt-BR`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<SafeText>,
        /// The customer wants a person from the start, not the assistant.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        human: bool,
        /// Names the command for ever.
        cid: CommandId,
    }

    /// `POST /api/chats/{id}/messages`.
    request PostMessage {
        /// What.
        text: SafeText,
        /// Names the command for ever.
        cid: CommandId,
        /// To whom.
        #[serde(default)]
        visibility: Visibility,
        /// The last seq the writer saw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_seq: Option<Seq>,
        /// The canned replies that were put into it, at most 16; from staff only.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        canned: Vec<CannedId>,
    }

    /// `POST /api/chats/{id}/notes`.
    request PostNote {
        /// What.
        text: SafeText,
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }

    /// `POST /api/chats/{id}/claim`.
    request Claim {
        /// The epoch one saw.
        epoch: Epoch,
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }

    /// `POST /api/chats/{id}/assign`.
    request Assign {
        /// To whom.
        agent: UserRef,
        /// The epoch one saw.
        epoch: Epoch,
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }

    /// `POST /api/chats/{id}/transfer`: to a department or to an agent.
    request Transfer {
        /// To the queue of a department.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        department: Option<DepartmentRef>,
        /// To a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<UserRef>,
        /// A note for those who get it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<SafeText>,
        /// The epoch one saw.
        epoch: Epoch,
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }

    /// `PUT /api/chats/{id}/close`, `POST /api/chats/{id}/resolve` and `reopen`.
    request EndChat {
        /// The epoch one saw, when that matters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }

    /// `POST /api/chats/{id}/hold` and `wake`.
    request Park {
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }

    /// `POST /api/chats/{id}/snooze`.
    request Snooze {
        /// Until when, at most 366 days ahead; until the next reply when not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }

    /// `POST /api/chats/{id}/unread`.
    request Unread {
        /// From this record on.
        seq: Seq,
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }

    /// `POST /api/chats/{id}/rating`.
    request Rate {
        /// 1 to 5.
        score: u8,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<SafeText>,
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }

    /// `POST /api/chats/{id}/tags`.
    request Tags {
        /// To put on.
        #[serde(default)]
        add: BTreeSet<SafeText>,
        /// To take off.
        #[serde(default)]
        remove: BTreeSet<SafeText>,
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }
}

answers! {
    /// What everyone may know of a desk.
    answer PublicDesk {
        /// What it is called.
        name: SafeText,
        /// What it does with the data of customers; may be empty.
        notice: SafeText,
        /// Whether customers may register.
        registration: bool,
    }

    /// A department as a customer may see it.
    answer PublicDepartment {
        /// Its number.
        id: DepartmentId,
        /// Its name.
        name: SafeText,
        /// What it is for.
        description: SafeText,
        /// Whether it takes the chats that name no department.
        default: bool,
        /// What is asked before a chat.
        form: Vec<crate::model::FormField>,
    }

    /// What an agent means to do.
    answer StatusAnswer {
        /// What.
        status: AgentStatus,
    }

    /// A chat that was opened.
    answer OpenedChat {
        /// The chat.
        chat: Chat,
        /// The secret of an anonymous customer for this chat.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    }

    /// A message that was stored.
    answer Posted {
        /// Where.
        chat: ChatId,
        /// Its place in the chat.
        seq: Seq,
        /// Its place in the log.
        pos: Pos,
        /// It had been stored before.
        dup: bool,
    }

    /// A file that was stored with its message.
    answer PostedFile {
        /// Where.
        chat: ChatId,
        /// The message's place in the chat.
        seq: Seq,
        /// Its place in the log.
        pos: Pos,
        /// It had been stored before.
        dup: bool,
        /// The file as everyone sees it.
        attachment: Attachment,
    }

    /// A chat after something was done to it.
    answer ChatAnswer {
        /// The chat.
        chat: Chat,
    }

    /// A message.
    answer Message {
        /// Its place in the chat.
        seq: Seq,
        /// When.
        at: Timestamp,
        /// By whom.
        actor: Actor,
        /// What.
        text: SafeText,
        /// To whom.
        visibility: Visibility,
        /// Files that came with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<Attachment>,
    }

    /// A record that was found by its words.
    answer SearchHit {
        /// The chat.
        chat: ChatId,
        /// The message; 1 when it is the customer who was found.
        seq: Seq,
        /// When.
        at: Timestamp,
        /// By whom.
        actor: Actor,
        /// To whom.
        visibility: Visibility,
        /// The part round the first match, in one line.
        excerpt: SafeText,
        /// First character of each match in the excerpt, and the one after its last.
        marks: Vec<[u32; 2]>,
    }

    /// `GET /api/search`: a page of what was found, newest first.
    answer SearchPage {
        /// The items; a page may have fewer than were asked for although more follow.
        items: Vec<SearchHit>,
        /// Give it back as `after` for the next page; none at the end.
        next: Option<String>,
        /// An old desk is still being indexed: something between the newest and the oldest
        /// records was not looked at.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
    }

    /// `GET /api/admin/system-status`: how the hub is.
    answer SystemStatus {
        /// Of the hub.
        version: String,
        /// Whether writes are accepted.
        writable: bool,
        /// What the store takes, for its disk.
        #[serde(default)]
        storage: Storage,
        /// The last record.
        pos: Pos,
        /// Since when the hub runs.
        started_at: Timestamp,
        /// Open sockets.
        sockets: u64,
        /// Chats that wait.
        waiting: u64,
        /// Chats with an owner.
        active: u64,
        /// Agents that can be given a chat now.
        routable_agents: u64,
        /// The language model of the assistant, when one is configured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider: Option<ProviderStatus>,
    }
}
