//! What a principal may ask the desk to do. Verbs; each gives one or more events or a rejection.
//!
//! A command carries no sender, role, time or new id: those come from the hub. The variants
//! marked as internal are built by the hub itself and cannot be read from a frame.

mod acts;
mod things;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    assistant::{AssistantChange, Turn},
    desk::{Document, Kind},
    event::EraseReason,
    id::{CannedId, ChatId, DepartmentId, Epoch, InvitationId, Seq, UserId},
    model::{AgentStatus, Role, Visibility},
    text::SafeText,
    time::Timestamp,
};

pub use self::acts::AccountAct;
pub use self::things::{
    CannedChange, DepartmentChange, NewCanned, NewDepartment, NewUser, SettingsChange, UserChange,
};

/// A department by its number or by its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum DepartmentRef {
    /// By number.
    Id(DepartmentId),
    /// By name, without regard to case; a name of digits only is read as a number.
    Name(SafeText),
}

/// A user by number or by username.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum UserRef {
    /// By number.
    Id(UserId),
    /// By username, without regard to case.
    Username(SafeText),
}

/// What opens a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenChat {
    /// Where to; the default department when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentRef>,
    /// The customer's name; a registered customer's own name when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SafeText>,
    /// The customer's e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<SafeText>,
    /// The customer's telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<SafeText>,
    /// Answers to the department's form.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<SafeText, SafeText>,
    /// The first message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<SafeText>,
    /// An earlier chat of the same customer that this one continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ChatId>,
    /// The customer's language, as a tag such as `pt` or `pt-BR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<SafeText>,
    /// The customer wants a person from the start, not the assistant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub human: bool,
}

/// A file that was received whole. The desk gives it its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttachment {
    /// What its sender calls it.
    pub name: SafeText,
    /// Its size.
    pub bytes: u64,
    /// Its media type, as its bytes show it.
    pub kind: SafeText,
    /// SHA-256 of its bytes: the same id with another file is another command.
    pub digest: [u8; 32],
}

/// A document to apply, whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApplyDesk {
    /// What the desk shall be like.
    pub document: Document,
    /// Of which kinds everything goes that the document does not name.
    pub prune: BTreeSet<Kind>,
    /// The state of the desk that the sender saw. A repeat may see another, so that it is no part
    /// of what tells two commands apart.
    #[serde(skip)]
    pub expect: String,
}

/// A command. `decide` of the desk says what each needs and gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Opens a chat.
    OpenChat(OpenChat),
    /// Says something in a chat.
    PostMessage {
        /// Where.
        chat: ChatId,
        /// What: 1 byte to 8 KiB after cleaning.
        text: SafeText,
        /// To whom; a customer's is always public.
        #[serde(default)]
        visibility: Visibility,
        /// The last seq the writer saw: `stale` when another agent has written since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_seq: Option<Seq>,
        /// The canned replies that were put into it, at most 16; from staff only.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        canned: Vec<CannedId>,
    },
    /// Replaces the text of one's own message.
    EditMessage {
        /// Where.
        chat: ChatId,
        /// Which message.
        seq: Seq,
        /// The new text.
        text: SafeText,
    },
    /// Says how far one has read. Only ever moves forward.
    MarkRead {
        /// Where.
        chat: ChatId,
        /// Up to and with this record.
        seq: Seq,
    },
    /// Calls records of one's own chat unread again. The customer's read receipt stays.
    MarkUnread {
        /// Where.
        chat: ChatId,
        /// From this record on.
        seq: Seq,
    },
    /// Sets one's own status, or as a supervisor that of an agent.
    SetStatus {
        /// What to do from now on.
        status: AgentStatus,
        /// Why, in one line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<SafeText>,
        /// Finish the chats at hand, take no others.
        #[serde(default)]
        drain: bool,
        /// Whose status, when not one's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
    },
    /// Takes a waiting chat.
    Claim {
        /// Which.
        chat: ChatId,
        /// The epoch one saw.
        epoch: Epoch,
    },
    /// Gives a chat to an agent by hand.
    Assign {
        /// Which.
        chat: ChatId,
        /// To whom.
        agent: UserRef,
        /// The epoch one saw.
        epoch: Epoch,
    },
    /// Takes a chat away from its owner, as a supervisor.
    TakeOver {
        /// Which.
        chat: ChatId,
        /// The epoch one saw.
        epoch: Epoch,
    },
    /// Moves a chat to another department or agent, its whole history with it.
    Transfer {
        /// Which.
        chat: ChatId,
        /// To the queue of a department; exactly one of this and `agent`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        department: Option<DepartmentRef>,
        /// To a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<UserRef>,
        /// A note for those who get it; staff only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<SafeText>,
        /// The epoch one saw.
        epoch: Epoch,
    },
    /// Puts an active chat aside without a date: it weighs nothing until it is woken by
    /// [`Command::Wake`], a public reply or a message of the customer, and is resolved after
    /// [`crate::fold::HOLD_MAX`].
    Hold {
        /// Which.
        chat: ChatId,
    },
    /// Puts an active chat aside until a time or a reply. Again, it changes the time.
    Snooze {
        /// Which.
        chat: ChatId,
        /// Until when, at most 366 days ahead; until the next reply when not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Takes a chat that was put aside up again: its owner has it when there, else its queue.
    Wake {
        /// Which.
        chat: ChatId,
    },
    /// Ends an episode; the customer may reopen it for 72 hours.
    Resolve {
        /// Which.
        chat: ChatId,
    },
    /// Ends a chat for ever.
    Close {
        /// Which.
        chat: ChatId,
        /// The epoch one saw, when that matters to the caller.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
    },
    /// Begins a new episode of a resolved chat.
    Reopen {
        /// Which.
        chat: ChatId,
    },
    /// Rates the episode, as its customer.
    Rate {
        /// Which.
        chat: ChatId,
        /// 1 to 5.
        score: u8,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<SafeText>,
    },
    /// Puts words on a chat and takes some off.
    Tag {
        /// Which.
        chat: ChatId,
        /// To put on.
        #[serde(default)]
        add: BTreeSet<SafeText>,
        /// To take off.
        #[serde(default)]
        remove: BTreeSet<SafeText>,
    },
    /// Says how urgent a chat is.
    SetPriority {
        /// Which.
        chat: ChatId,
        /// -2 to 2; 0 is normal.
        priority: i8,
    },
    /// Sets a field of a chat, or takes it away with an empty value.
    SetAttribute {
        /// Which.
        chat: ChatId,
        /// Which field.
        key: SafeText,
        /// Its value.
        value: SafeText,
    },
    /// Says in which language the customer reads, for canned replies: the field `language` of the
    /// chat. An empty one takes it away.
    SetLanguage {
        /// Which.
        chat: ChatId,
        /// A tag such as `pt` or `pt-BR`.
        language: SafeText,
    },
    /// Asks for a person, as the customer of a chat that the assistant has.
    RequestHuman {
        /// Which.
        chat: ChatId,
    },
    /// Gives a chat to the assistant again.
    ReturnToAssistant {
        /// Which.
        chat: ChatId,
        /// The epoch one saw.
        epoch: Epoch,
    },
    /// Calls an answer of the assistant wrong, so that the knowledge base is mended.
    FlagAnswer {
        /// Where.
        chat: ChatId,
        /// Which message.
        seq: Seq,
        /// Why, in one line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<SafeText>,
    },
    /// Makes a department.
    CreateDepartment(NewDepartment),
    /// Changes a department.
    UpdateDepartment {
        /// Which.
        id: DepartmentId,
        /// What changes.
        change: DepartmentChange,
        /// The `rev` one saw; `conflict` when it has changed since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rev: Option<u64>,
    },
    /// Deletes a department that has no open chats and is not the default.
    DeleteDepartment {
        /// Which.
        id: DepartmentId,
        /// The `rev` one saw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rev: Option<u64>,
    },
    /// Changes the settings of the desk.
    UpdateSettings {
        /// What changes.
        change: SettingsChange,
        /// The `rev` one saw; `conflict` when they have changed since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rev: Option<u64>,
    },
    /// Changes the settings of the assistant.
    UpdateAssistant {
        /// What changes.
        change: Box<AssistantChange>,
        /// The `rev` one saw; `conflict` when they have changed since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rev: Option<u64>,
    },
    /// Internal: makes the desk what a document says. Those who are new need codes beside the log,
    /// and documents have a limit of their own, so that no frame carries one.
    #[serde(skip_deserializing)]
    ApplyDesk(Box<ApplyDesk>),
    /// Makes a canned reply.
    CreateCanned(NewCanned),
    /// Changes a canned reply.
    UpdateCanned {
        /// Which.
        id: CannedId,
        /// What changes.
        change: CannedChange,
        /// The `rev` one saw; `conflict` when it has changed since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rev: Option<u64>,
    },
    /// Deletes a canned reply.
    DeleteCanned {
        /// Which.
        id: CannedId,
        /// The `rev` one saw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rev: Option<u64>,
    },
    /// Makes a member of staff, who cannot log in before an invitation is accepted.
    CreateUser(NewUser),
    /// Changes a member of staff.
    UpdateUser {
        /// Which.
        id: UserId,
        /// What changes.
        change: UserChange,
        /// The `rev` one saw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rev: Option<u64>,
    },
    /// Deletes a member of staff; what they wrote stays under their name.
    DeleteUser {
        /// Which.
        id: UserId,
        /// The `rev` one saw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rev: Option<u64>,
    },
    /// Invites someone to become a member of staff.
    Invite {
        /// The role to give, at most the inviter's own.
        role: Role,
        /// The departments to give.
        #[serde(default)]
        departments: BTreeSet<DepartmentId>,
        /// The username it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<SafeText>,
    },
    /// Takes an invitation back.
    RevokeInvitation {
        /// Which.
        id: InvitationId,
    },
    /// Internal: the first owner, on an empty desk, after the setup code was checked. Makes
    /// Customer Care the default department.
    #[serde(skip)]
    Setup {
        /// The name to log in with.
        username: SafeText,
        /// The name that others see.
        name: SafeText,
    },
    /// Internal: an invitation whose code was checked is accepted.
    #[serde(skip)]
    AcceptInvitation {
        /// Which.
        invitation: InvitationId,
        /// The name to log in with.
        username: SafeText,
        /// The name that others see.
        name: SafeText,
    },
    /// Internal: a file whose bytes are stored is posted with a caption.
    #[serde(skip)]
    PostAttachment {
        /// Where.
        chat: ChatId,
        /// Which file.
        attachment: NewAttachment,
        /// What to say with it, at most 8 KiB; may be empty.
        text: SafeText,
        /// To whom; a customer's is always public.
        visibility: Visibility,
    },
    /// Internal: a customer registers; what they are called stays outside the log.
    #[serde(skip)]
    RegisterCustomer,
    /// Internal: the last program of a user went away or fell silent.
    #[serde(skip)]
    LoseAgent {
        /// Who.
        user: UserId,
    },
    /// Internal: a program of a user is connected again.
    #[serde(skip)]
    RegainAgent {
        /// Who.
        user: UserId,
    },
    /// Internal: the assistant begins to look for an answer, which nobody else does meanwhile.
    #[serde(skip)]
    StartTurn {
        /// Where.
        chat: ChatId,
        /// The epoch it saw.
        epoch: Epoch,
        /// The newest record of the customer that is to be answered.
        seq: Seq,
    },
    /// Internal: what the assistant found.
    #[serde(skip)]
    FinishTurn {
        /// Where.
        chat: ChatId,
        /// The epoch it saw.
        epoch: Epoch,
        /// The newest record of the customer that it answers.
        seq: Seq,
        /// What.
        turn: Turn,
    },
    /// Internal: what the assistant answers from has changed.
    #[serde(skip)]
    NoteKnowledge {
        /// Topics of the knowledge base.
        topics: u32,
        /// Questions that it knows.
        questions: u32,
        /// Whether a language model is configured.
        provider: bool,
        /// The SHA-256 of the knowledge base, in hexadecimal digits.
        hash: SafeText,
    },
    /// Internal: what somebody does with an account, which is kept beside the log.
    #[serde(skip)]
    NoteAccount(AccountAct),
    /// Internal: a customer is forgotten; their open chats are closed first.
    #[serde(skip)]
    EraseCustomer {
        /// Who.
        customer: UserId,
        /// Why.
        reason: EraseReason,
    },
    /// Internal: closes those of the chats that are open, which are to be erased.
    #[serde(skip)]
    CloseChats {
        /// Which.
        chats: Vec<ChatId>,
    },
    /// Internal: what was said in a closed chat is forgotten.
    #[serde(skip)]
    EraseChat {
        /// Which.
        chat: ChatId,
        /// Whose.
        customer: UserId,
        /// Where it was.
        department: DepartmentId,
        /// Why.
        reason: EraseReason,
        /// How many records become tombstones.
        records: u64,
        /// The SHA-256 of the tombstones, in hexadecimal digits.
        digest: SafeText,
    },
    /// Internal: the hub started. Everyone at work gets a fresh full grace to come back.
    #[serde(skip)]
    StartHub,
}
