//! Bodies of the REST routes and the limits of the contract.
//!
//! Requests refuse unknown fields; answers may grow. Paths live in the hub's route table, from
//! which the OpenAPI document is made.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    command::{DepartmentRef, UserRef},
    error::ErrorCode,
    id::{CannedId, ChatId, CommandId, DepartmentId, Epoch, InvitationId, Pos, Seq, UserId},
    model::{Actor, AgentStatus, Attachment, Chat, Role, User, Visibility},
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

bodies! {
    /// `POST /api/setup`: the first owner.
    request Setup {
        /// The one-time code.
        code: String,
        /// The name to log in with.
        username: SafeText,
        /// The name that others see.
        name: SafeText,
        /// The password.
        password: String,
    }

    /// `POST /api/auth/login`.
    request Login {
        /// The name to log in with.
        username: String,
        /// The password.
        password: String,
        /// The one-time password, where a second factor is set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        totp: Option<String>,
    }

    /// `POST /api/auth/refresh`.
    request Refresh {
        /// The refresh token; it is used up by this.
        refresh_token: String,
    }

    /// `POST /api/auth/register`: a customer, where policy allows.
    request Register {
        /// The name to log in with.
        username: SafeText,
        /// The name that others see.
        name: SafeText,
        /// The e-mail address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<SafeText>,
        /// The telephone number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phone: Option<SafeText>,
        /// The password.
        password: String,
    }

    /// `POST /api/auth/password`.
    request PasswordChange {
        /// The password so far.
        old: String,
        /// The password from now on.
        new: String,
    }

    /// `POST /api/invitations`.
    request Invite {
        /// The role to give.
        role: Role,
        /// The departments to give, by number or name.
        #[serde(default)]
        departments: Vec<DepartmentRef>,
        /// The username it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<SafeText>,
    }

    /// `POST /api/invitations/accept`.
    request AcceptInvitation {
        /// The code.
        code: String,
        /// The name to log in with; the invitation's own when it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<SafeText>,
        /// The name that others see.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<SafeText>,
        /// The password.
        password: String,
    }

    /// `POST /api/tokens`: a token for scripts.
    request NewToken {
        /// What it is for.
        name: SafeText,
        /// When it ends, in days from now: 1 to 365.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        days: Option<u32>,
    }

    /// `POST /api/users`: a member of staff; the answer has an invitation code for the password.
    request CreateUser {
        /// The name to log in with.
        username: SafeText,
        /// The name that others see.
        name: SafeText,
        /// What the user is; not `customer`.
        role: Role,
        /// The departments the user works in, by number or name.
        #[serde(default)]
        departments: Vec<DepartmentRef>,
        /// Most chats to give automatically.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capacity: Option<u32>,
    }

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

macro_rules! answers {
    ($($(#[$doc:meta])* answer $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* })*
    };
}

answers! {
    /// A session that has begun or was renewed.
    answer SessionTokens {
        /// Who.
        user: User,
        /// For `Authorization: Bearer`, 30 minutes.
        access_token: String,
        /// For one renewal.
        refresh_token: String,
        /// When the access token ends.
        expires_at: Timestamp,
    }

    /// `GET /api/auth/me`.
    answer WhoAmI {
        /// Who.
        user: User,
        /// What kind of token asked: `session`, `api` or `chat`.
        token: String,
        /// When that token ends.
        expires_at: Timestamp,
    }

    /// One login of a user.
    answer SessionInfo {
        /// Its public name.
        id: String,
        /// When it began.
        created_at: Timestamp,
        /// When it was last used, to the minute.
        seen_at: Timestamp,
        /// Whether it asks now.
        current: bool,
    }

    /// An invitation that was made; the code is shown here only.
    answer Invited {
        /// Its number.
        id: InvitationId,
        /// The code.
        code: String,
        /// When it ends.
        expires_at: Timestamp,
    }

    /// A code by which a member of staff sets a new password; it is shown here only.
    answer PasswordCode {
        /// Whose password.
        id: UserId,
        /// The name to log in with.
        username: SafeText,
        /// The code.
        code: String,
        /// When it ends.
        expires_at: Timestamp,
    }

    /// A member of staff that was made, with the code to set a password.
    answer CreatedUser {
        /// Who.
        #[serde(flatten)]
        user: User,
        /// The invitation.
        invitation: Invited,
    }

    /// A token for scripts.
    answer TokenInfo {
        /// Its public name.
        id: String,
        /// What it is for.
        name: SafeText,
        /// When it ends.
        expires_at: Timestamp,
        /// The token itself, once, in the answer that made it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    }

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

    /// A chat of a customer, open or closed.
    answer PastChat {
        /// The chat.
        chat: Chat,
        /// The name of the department it is in.
        department: SafeText,
        /// What a person said last that the reader may see; a line of the desk when nobody did
        /// of late.
        last: Option<Message>,
    }

    /// What is kept of a registered customer besides the chats.
    answer CustomerAccount {
        /// The name to log in with.
        username: SafeText,
        /// The name that others see.
        name: SafeText,
        /// The e-mail address.
        email: Option<SafeText>,
        /// The telephone number.
        phone: Option<SafeText>,
    }

    /// `GET /api/customers/{id}/export`: all that the desk keeps of a customer and the customer
    /// may see.
    answer CustomerExport {
        /// When it was made.
        at: Timestamp,
        /// Who.
        customer: UserId,
        /// The account; none for a customer without one.
        account: Option<CustomerAccount>,
        /// Every chat, oldest first; the last field, so that it can be written as it is read.
        chats: Vec<ExportedChat>,
    }

    /// A chat in an export.
    answer ExportedChat {
        /// The chat.
        chat: Chat,
        /// The name of the department it is in.
        department: SafeText,
        /// Its messages with their newest texts, oldest first.
        messages: Vec<Message>,
        /// Its ratings, oldest first; a later one of the same episode replaces an earlier one.
        ratings: Vec<ExportedRating>,
    }

    /// A rating in an export.
    answer ExportedRating {
        /// When.
        at: Timestamp,
        /// Which episode of the chat.
        episode: u32,
        /// 1 to 5.
        score: u8,
        /// Why.
        comment: Option<SafeText>,
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
    }
}
