//! The things of a desk as everyone sees them: departments, users, chats.
//!
//! Plain data with the fields of the wire. How a chat changes is [`crate::fold`]; who may see or
//! do what is decided by the hub's desk alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    assistant::HandOff,
    id::{AttachmentId, CannedId, ChatId, DepartmentId, Epoch, InvitationId, Seq, UserId},
    text::SafeText,
    time::Timestamp,
};

/// What a user is. The permission table of the desk says what each may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Opens and answers to customers only for itself: a person who asks for help.
    Customer,
    /// Reads everything, changes nothing.
    Auditor,
    /// Answers chats of its departments.
    Agent,
    /// Leads departments: sees all their chats, assigns and transfers them.
    Supervisor,
    /// Runs the desk.
    Admin,
    /// Runs the desk and cannot be changed by an admin.
    Owner,
}

impl Role {
    /// Every role but customer.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        !matches!(self, Self::Customer)
    }
}

/// What an agent means to do; whether a program of theirs is connected is apart from this.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// Takes chats.
    Online,
    /// At work, takes no new chats.
    Busy,
    /// Not at the desk.
    Away,
    /// Not at work.
    #[default]
    Offline,
}

/// Who may read a message.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// The customer and the staff who may see the chat.
    #[default]
    Public,
    /// Staff only.
    Note,
}

/// Where a chat is in its life. `hold` and `snoozed` are side states of a chat that a person owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChatState {
    /// The assistant answers.
    Assistant,
    /// In the queue of its department.
    Waiting,
    /// Offered to an agent who has not accepted yet.
    Offered,
    /// Owned by an agent.
    Active,
    /// Owned, put aside until someone takes it up again.
    Hold,
    /// Owned, put aside until a time or the next reply.
    Snoozed,
    /// Done; the customer may reopen it for 72 hours.
    Resolved,
    /// Done for ever.
    Closed,
}

impl ChatState {
    /// Still somebody's work: neither resolved nor closed.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Resolved | Self::Closed)
    }

    /// Put aside: still somebody's, but no work for now, so that it weighs nothing.
    #[must_use]
    pub const fn is_parked(self) -> bool {
        matches!(self, Self::Hold | Self::Snoozed)
    }
}

/// The kind of [`Actor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A member of staff, whatever the role.
    Agent,
    /// A customer.
    Customer,
    /// The assistant.
    Assistant,
    /// A rule of the desk.
    System,
}

/// Who did it. Comes from the session or from a rule, never from a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// The user, for agents and customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<UserId>,
    /// The name at that time.
    pub name: SafeText,
    /// Which rule, for `system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<SafeText>,
}

/// Kind of answer that a [`FormField`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// One of `choices`.
    Choice,
}

/// One question of the form that a department asks before a chat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FormField {
    /// Name of the answer: `email` and `phone` fill the fields of that name of the chat.
    pub key: SafeText,
    /// The question as the customer reads it.
    pub label: SafeText,
    /// What an answer looks like.
    pub kind: FieldKind,
    /// Whether a chat cannot begin without it.
    #[serde(default)]
    pub required: bool,
    /// The answers to choose from, for `choice`.
    #[serde(default)]
    pub choices: Vec<SafeText>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde asks for")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What a desk is called where nobody said otherwise.
pub const DESK_NAME_DEFAULT: &str = "Frontdesk";

/// How the desk as a whole is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settings {
    /// What the desk is called, in one line.
    pub name: SafeText,
    /// What customers are told about their data before their first chat; may be empty.
    pub notice: SafeText,
    /// Days after closing for which what was said in a chat is kept, where its department does
    /// not say otherwise; 0 for ever.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retention_days: u32,
    /// Rises with every change of this object: the position of the last one.
    pub rev: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: SafeText::line(DESK_NAME_DEFAULT),
            notice: SafeText::default(),
            retention_days: 0,
            rev: 0,
        }
    }
}

/// A department.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Department {
    /// Its number.
    pub id: DepartmentId,
    /// Its name, unique without regard to case.
    pub name: SafeText,
    /// What it is for.
    pub description: SafeText,
    /// Whether it takes new chats.
    pub active: bool,
    /// Whether it takes the chats that name no department; true for exactly one.
    pub default: bool,
    /// Most chats an agent of it may be given automatically; none means the desk's default of 4.
    pub capacity: Option<u32>,
    /// Days after closing for which what was said in its chats is kept; 0 for ever; as the desk
    /// does when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// What a customer is asked before a chat.
    pub form: Vec<FormField>,
    /// Rises with every change of this object: the position of the last one.
    pub rev: u64,
}

/// For whom a canned reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CannedScope {
    /// For all staff.
    Global,
    /// For those who work in a department.
    Department {
        /// Which.
        department: DepartmentId,
    },
    /// For one member of staff.
    Personal {
        /// Whose it is.
        user: UserId,
    },
}

/// A canned reply: a text that staff put into a message by its code, see [`crate::canned`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Canned {
    /// Its number.
    pub id: CannedId,
    /// What is typed for it: 1 to 32 of `a-z 0-9 -`, unique within its scope.
    pub code: SafeText,
    /// For whom it is; never changes.
    pub scope: CannedScope,
    /// Its template.
    pub text: SafeText,
    /// The template in other languages, by tag such as `pt` or `pt-BR`.
    #[serde(default)]
    pub variants: BTreeMap<SafeText, SafeText>,
    /// How many messages it was used in.
    #[serde(default)]
    pub uses: u64,
    /// Rises with every change of this object but its uses: the position of the last one.
    pub rev: u64,
}

/// A member of staff, or a registered customer (whose name and username are not shown here).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct User {
    /// The number.
    pub id: UserId,
    /// The name to log in with, unique without regard to case.
    pub username: SafeText,
    /// The name that others see.
    pub name: SafeText,
    /// What the user is.
    pub role: Role,
    /// The departments the user works in.
    pub departments: BTreeSet<DepartmentId>,
    /// What the user means to do.
    pub status: AgentStatus,
    /// Why, for `away` and `busy`.
    #[serde(default)]
    pub reason: Option<SafeText>,
    /// Finishes the chats at hand and takes none: a planned leave.
    #[serde(default)]
    pub drain: bool,
    /// Whether a program of the user is connected.
    #[serde(default)]
    pub reachable: bool,
    /// Most chats to give automatically; none means no limit of the user's own.
    pub capacity: Option<u32>,
    /// False when disabled: may not log in and is given nothing.
    pub active: bool,
    /// Rises with every change of this object but its presence.
    pub rev: u64,
}

/// A time in which a member of staff meant to do one thing and was reachable or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Interval {
    /// When it began.
    pub from: Timestamp,
    /// When it ended, which is not in it; null while it lasts.
    pub to: Option<Timestamp>,
    /// What they meant to do.
    pub status: AgentStatus,
    /// Whether a program of theirs was connected.
    pub reachable: bool,
    /// Why, for `away` and `busy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SafeText>,
}

/// A rating of one episode by the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rating {
    /// 1 (bad) to 5 (good).
    pub score: u8,
    /// In the customer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<SafeText>,
    /// The episode that was rated.
    pub episode: u32,
}

/// A chat: one conversation of a customer with the desk, without its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Chat {
    /// Its number.
    pub id: ChatId,
    /// Where it is in its life.
    pub state: ChatState,
    /// The department it is in.
    pub department: DepartmentId,
    /// The agent who owns it.
    pub owner: Option<UserId>,
    /// Rises with every change of owner.
    pub epoch: Epoch,
    /// The last record of it that the reader knows.
    pub seq: Seq,
    /// 1 from the opening, one more with every reopening.
    pub episode: u32,
    /// Its age for the order of the queue: when it first waited in this episode.
    pub rank_at: Timestamp,
    /// Place in the queue from 1; only in answers to a question, for a waiting chat.
    #[serde(default)]
    pub place: Option<u32>,
    /// Who asks.
    pub customer: UserId,
    /// The customer's name.
    pub name: SafeText,
    /// The customer's e-mail address, where asked.
    pub email: Option<SafeText>,
    /// The customer's telephone number, where asked.
    pub phone: Option<SafeText>,
    /// Answers to the department's form and attributes set by staff.
    pub fields: BTreeMap<SafeText, SafeText>,
    /// Words that staff put on it.
    pub tags: BTreeSet<SafeText>,
    /// Higher is served first: -2 to 2, 0 when nobody said otherwise.
    pub priority: i8,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was last resolved, while it is resolved.
    #[serde(default)]
    pub resolved_at: Option<Timestamp>,
    /// When a snoozed chat wakes, or a held one is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The earlier chat that it continues.
    #[serde(default)]
    pub previous: Option<ChatId>,
    /// The customer has read up to here.
    #[serde(default)]
    pub read_by_customer: Seq,
    /// The staff have read up to here.
    #[serde(default)]
    pub read_by_staff: Seq,
    /// The owner has read up to here; nothing yet, when the chat has just come to them.
    #[serde(default)]
    pub read_by_owner: Seq,
    /// The owner called the chat unread again from this record on; never shown to a customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread_from: Option<Seq>,
    /// What the assistant told when it last handed the chat off in this episode; never shown to a
    /// customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_off: Option<Box<HandOff>>,
    /// The rating of this episode.
    #[serde(default)]
    pub rating: Option<Rating>,
    /// Rises with every change: the same as `seq`.
    pub rev: u64,
}

/// What the store of the hub takes, for its disk. Never stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// Everything.
    #[default]
    Well,
    /// Everything, with less than 256 MiB free.
    Low,
    /// No new chats, with less than 64 MiB free.
    Short,
    /// Only what ends chats, with less than 16 MiB free.
    Full,
    /// Nothing, since it failed; it is being opened again.
    Degraded,
    /// A word of a newer version.
    #[serde(other)]
    Unknown,
}

impl Storage {
    /// What people are told; none when there is nothing to tell.
    #[must_use]
    pub const fn sentence(self) -> Option<&'static str> {
        match self {
            Self::Well | Self::Unknown => None,
            Self::Low => Some("the disk of the hub gets full; its operator should free space"),
            Self::Short => {
                Some("the disk of the hub is almost full; no new chats until space is freed")
            }
            Self::Full => {
                Some("the disk of the hub is full; chats can only be closed until space is freed")
            }
            Self::Degraded => {
                Some("the hub only reads: its store failed and is being opened again")
            }
        }
    }

    /// Whether more is taken than what ends chats.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        !matches!(self, Self::Full | Self::Degraded)
    }
}

/// How a department stands now: counted by the hub, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Workload {
    /// Which department.
    pub department: DepartmentId,
    /// Chats in its queue.
    pub waiting: u32,
    /// The age of the chat that waits longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_at: Option<Timestamp>,
    /// Its members who are online, with a program connected.
    pub online: u32,
    /// Its members who are busy, with a program connected.
    pub busy: u32,
    /// Its members who are away, or at work without a program connected.
    pub away: u32,
    /// Chats that weigh, of any department, on the members who may be given more.
    pub load: u32,
    /// Most chats that those members may be given.
    pub capacity: u32,
}

/// An invitation to become a member of staff; its code is shown once, to the inviter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invitation {
    /// Its number.
    pub id: InvitationId,
    /// The role it gives.
    pub role: Role,
    /// The departments it gives.
    pub departments: BTreeSet<DepartmentId>,
    /// The username it is for, when the inviter said one.
    #[serde(default)]
    pub username: Option<SafeText>,
    /// Who invited.
    pub by: UserId,
    /// When it ends: 72 hours after it was made.
    pub expires_at: Timestamp,
}

/// A file that was sent in a chat. Whoever sees its message may download it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attachment {
    /// Its number.
    pub id: AttachmentId,
    /// What its sender calls it: one line, without folders.
    pub name: SafeText,
    /// Its size.
    pub bytes: u64,
    /// Its media type, as its bytes show it.
    pub kind: SafeText,
}
