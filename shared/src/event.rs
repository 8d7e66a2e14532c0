//! What happened, past tense. Events are stored for ever: fields and variants are added, never
//! changed; each has a golden file that pins its JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    assistant::{AssistantReason, AssistantSettings, HandOff, Reply},
    id::{CannedId, ChatId, DepartmentId, Epoch, InvitationId, Seq, UserId},
    model::{AgentStatus, Attachment, Canned, Department, Invitation, Settings, User, Visibility},
    text::SafeText,
    time::Timestamp,
};

/// Why a chat went to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum QueueReason {
    /// It was opened.
    Opened,
    /// Its customer or an agent reopened it.
    Reopened,
    /// It was moved to the department.
    Transferred,
    /// Its owner did not come back within the grace time.
    AgentLost,
    /// Its owner went offline, was disabled or left the department.
    AgentLeft,
    /// It was woken while its owner was not there.
    Woken,
    /// The assistant handed it off.
    HandedOff,
}

/// By which rule an agent got a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AssignRule {
    /// Least load ratio, then longest idle, then lowest id.
    LeastLoaded,
    /// The agent took it from the queue.
    Claimed,
    /// A person gave it to the agent.
    ByHand,
    /// It was transferred to the agent.
    Transferred,
    /// A supervisor took it.
    TakenOver,
    /// The agent who had it last was free when it was reopened.
    Reopened,
}

/// Whose read marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// The customer's.
    Customer,
    /// The staff's.
    Staff,
}

/// Why what somebody said is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EraseReason {
    /// The person asked for it.
    Requested,
    /// A law or a court asks for it.
    Obliged,
    /// Nobody needs it any more.
    Unneeded,
    /// The department keeps chats for so long and no longer.
    Retention,
}

/// One end of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TransferEnd {
    /// The department.
    pub department: DepartmentId,
    /// The agent, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<UserId>,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A chat began.
    ChatOpened {
        /// Where.
        department: DepartmentId,
        /// Who asks.
        customer: UserId,
        /// Their name.
        name: SafeText,
        /// Their e-mail address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<SafeText>,
        /// Their telephone number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phone: Option<SafeText>,
        /// Their answers to the form.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        fields: BTreeMap<SafeText, SafeText>,
        /// The earlier chat that this continues.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<ChatId>,
    },
    /// Somebody said something. Lines of the system that people read are this, by actor `system`.
    MessagePosted {
        /// What.
        text: SafeText,
        /// To whom.
        visibility: Visibility,
        /// Files that came with it; its text may then be empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<Attachment>,
    },
    /// A message has another text now.
    MessageEdited {
        /// Which message.
        seq: Seq,
        /// The new text.
        text: SafeText,
        /// As the message's.
        visibility: Visibility,
    },
    /// The chat waits in the queue of a department, without an owner.
    ChatQueued {
        /// Of which department.
        department: DepartmentId,
        /// Its age for the order of the queue.
        rank_at: Timestamp,
        /// Why.
        reason: QueueReason,
        /// The epoch from now on.
        epoch: Epoch,
    },
    /// An agent owns the chat now.
    ChatAssigned {
        /// Who.
        agent: UserId,
        /// The epoch from now on.
        epoch: Epoch,
        /// By which rule.
        rule: AssignRule,
        /// How many agents could have had it.
        candidates: u32,
        /// The agent is above capacity with it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        over_capacity: bool,
    },
    /// The chat moved. What follows (`chat_queued` or `chat_assigned`) says who has it now.
    ChatTransferred {
        /// Where it was.
        from: TransferEnd,
        /// Where it is.
        to: TransferEnd,
        /// The epoch from now on.
        epoch: Epoch,
    },
    /// Put aside without a date; resolved after [`crate::fold::HOLD_MAX`].
    ChatHeld {},
    /// Put aside until a time, or until the customer writes.
    ChatSnoozed {
        /// Until when; until the next reply when not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Taken up again.
    ChatWoken {},
    /// The episode is over.
    ChatResolved {
        /// Who ended it: the customer, an agent, or nobody when a rule did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
    },
    /// A new episode began.
    ChatReopened {
        /// Its number.
        episode: u32,
    },
    /// Over for ever.
    ChatClosed {},
    /// Somebody has read.
    ReadMarked {
        /// Who.
        by: Reader,
        /// Up to and with this record.
        seq: Seq,
    },
    /// The owner called records unread again; for staff only.
    UnreadMarked {
        /// From this record on.
        seq: Seq,
    },
    /// The words on the chat changed.
    Tagged {
        /// All words that it has now.
        tags: BTreeSet<SafeText>,
    },
    /// The urgency changed.
    Prioritised {
        /// -2 to 2.
        priority: i8,
    },
    /// A field changed.
    AttributeSet {
        /// Which.
        key: SafeText,
        /// Its value; empty takes it away.
        value: SafeText,
    },
    /// The customer rated the episode.
    Rated {
        /// 1 to 5.
        score: u8,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<SafeText>,
    },
    /// What an agent means to do changed.
    StatusSet {
        /// Who.
        user: UserId,
        /// What.
        status: AgentStatus,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<SafeText>,
        /// Finishes the chats at hand.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        drain: bool,
    },
    /// No program of the agent is connected; the grace time runs.
    AgentUnreachable {
        /// Who.
        user: UserId,
    },
    /// A program of the agent is connected.
    AgentBack {
        /// Who.
        user: UserId,
    },
    /// The grace time is over; the chats named here go back to their queues.
    AgentLost {
        /// Who.
        user: UserId,
        /// Which chats.
        chats: Vec<ChatId>,
    },
    /// A department was made.
    DepartmentCreated {
        /// As it is now.
        department: Department,
    },
    /// A department changed.
    DepartmentUpdated {
        /// As it is now.
        department: Department,
    },
    /// A department is gone.
    DepartmentDeleted {
        /// Which.
        department: DepartmentId,
    },
    /// A member of staff was made.
    UserCreated {
        /// As it is now.
        user: User,
    },
    /// A member of staff changed.
    UserUpdated {
        /// As it is now.
        user: User,
    },
    /// A member of staff is gone.
    UserDeleted {
        /// Who.
        user: UserId,
    },
    /// A customer registered; their personal data is not in the log.
    CustomerRegistered {
        /// Who.
        customer: UserId,
    },
    /// Somebody was invited.
    InvitationCreated {
        /// How.
        invitation: Invitation,
    },
    /// An invitation was accepted or taken back.
    InvitationDeleted {
        /// Which.
        invitation: InvitationId,
    },
    /// A canned reply was made.
    CannedCreated {
        /// As it is now.
        canned: Canned,
    },
    /// A canned reply changed.
    CannedUpdated {
        /// As it is now.
        canned: Canned,
    },
    /// A canned reply is gone.
    CannedDeleted {
        /// Which.
        canned: CannedId,
    },
    /// A message was written with the help of a canned reply.
    CannedUsed {
        /// Which.
        canned: CannedId,
        /// The chat of the message.
        chat: ChatId,
    },
    /// The settings of the desk changed.
    SettingsUpdated {
        /// As they are now.
        settings: Settings,
    },
    /// A document was applied; the records after this one, of the same time and actor, are what
    /// it changed.
    DeskApplied {
        /// Things that it made.
        created: u32,
        /// Things that it changed.
        updated: u32,
        /// Things that it deleted.
        deleted: u32,
        /// The SHA-256 of its JSON, in hexadecimal digits.
        hash: SafeText,
    },
    /// The assistant has the chat now.
    AssistantAssigned {
        /// Why.
        reason: AssistantReason,
        /// The epoch from now on.
        epoch: Epoch,
    },
    /// The assistant looks for an answer; for staff only.
    AssistantStarted {
        /// The newest record of the customer that is to be answered.
        seq: Seq,
        /// The customer wrote while it looked before.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
    /// What stands behind a message of the assistant; for staff only.
    AssistantReplied {
        /// What.
        reply: Box<Reply>,
    },
    /// The assistant handed the chat to people; for staff only.
    HandedOff {
        /// What they are told.
        hand_off: Box<HandOff>,
    },
    /// A member of staff calls an answer of the assistant wrong; for staff only.
    AnswerFlagged {
        /// Which message.
        seq: Seq,
        /// Why, in one line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<SafeText>,
    },
    /// The settings of the assistant changed.
    AssistantUpdated {
        /// As they are now.
        settings: Box<AssistantSettings>,
    },
    /// The assistant has something else to answer from now.
    KnowledgeLoaded {
        /// Topics of the knowledge base.
        topics: u32,
        /// Questions that it knows.
        questions: u32,
        /// Whether a language model is configured.
        provider: bool,
        /// The SHA-256 of the knowledge base, in hexadecimal digits.
        hash: SafeText,
    },
    /// Somebody's password is another now; neither it nor its hash is in the log.
    PasswordChanged {
        /// Whose.
        user: UserId,
    },
    /// There is a code by which a member of staff sets a new password.
    PasswordCodeCreated {
        /// Whose.
        user: UserId,
        /// When the code ends.
        expires_at: Timestamp,
    },
    /// Signing in takes a code of an authenticator app too.
    TotpEnabled {
        /// Whose.
        user: UserId,
    },
    /// Its owner ended the second factor.
    TotpDisabled {
        /// Whose.
        user: UserId,
    },
    /// Somebody else ended the second factor of one who lost it.
    TotpReset {
        /// Whose.
        user: UserId,
    },
    /// There are new recovery codes in the place of all older ones.
    RecoveryCodesCreated {
        /// Whose.
        user: UserId,
    },
    /// Somebody signed in with a recovery code, which is used up.
    RecoveryCodeUsed {
        /// Who.
        user: UserId,
        /// How many are left.
        left: u32,
    },
    /// Somebody else ended the sessions of a user.
    SessionsRevoked {
        /// Whose.
        user: UserId,
    },
    /// A token for scripts was made.
    TokenCreated {
        /// Whose.
        user: UserId,
        /// Its public name.
        token: SafeText,
        /// What it is for.
        name: SafeText,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// A token for scripts was deleted.
    TokenDeleted {
        /// Whose.
        user: UserId,
        /// Its public name.
        token: SafeText,
        /// What it was for.
        name: SafeText,
    },
    /// All that the desk keeps of a customer is to be forgotten. The chats follow, each with its
    /// own [`Event::ChatErased`]. Has no word of or about the person.
    CustomerErased {
        /// Who.
        customer: UserId,
        /// Why.
        reason: EraseReason,
    },
    /// What was said in a closed chat is forgotten; its records stay as tombstones.
    ChatErased {
        /// Which.
        chat: ChatId,
        /// Whose.
        customer: UserId,
        /// Where it was.
        department: DepartmentId,
        /// Why.
        reason: EraseReason,
        /// How many records became tombstones.
        records: u64,
        /// The SHA-256 of the tombstones, in hexadecimal digits: what they may say.
        digest: SafeText,
    },
    /// An event of a newer version; readers skip it and move on.
    #[serde(other)]
    Unknown,
}

impl Event {
    /// The name of the kind, as it is in the `type` field.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ChatOpened { .. } => "chat_opened",
            Self::MessagePosted { .. } => "message_posted",
            Self::MessageEdited { .. } => "message_edited",
            Self::ChatQueued { .. } => "chat_queued",
            Self::ChatAssigned { .. } => "chat_assigned",
            Self::ChatTransferred { .. } => "chat_transferred",
            Self::ChatHeld {} => "chat_held",
            Self::ChatSnoozed { .. } => "chat_snoozed",
            Self::ChatWoken {} => "chat_woken",
            Self::ChatResolved { .. } => "chat_resolved",
            Self::ChatReopened { .. } => "chat_reopened",
            Self::ChatClosed {} => "chat_closed",
            Self::ReadMarked { .. } => "read_marked",
            Self::UnreadMarked { .. } => "unread_marked",
            Self::Tagged { .. } => "tagged",
            Self::Prioritised { .. } => "prioritised",
            Self::AttributeSet { .. } => "attribute_set",
            Self::Rated { .. } => "rated",
            Self::StatusSet { .. } => "status_set",
            Self::AgentUnreachable { .. } => "agent_unreachable",
            Self::AgentBack { .. } => "agent_back",
            Self::AgentLost { .. } => "agent_lost",
            Self::DepartmentCreated { .. } => "department_created",
            Self::DepartmentUpdated { .. } => "department_updated",
            Self::DepartmentDeleted { .. } => "department_deleted",
            Self::UserCreated { .. } => "user_created",
            Self::UserUpdated { .. } => "user_updated",
            Self::UserDeleted { .. } => "user_deleted",
            Self::CustomerRegistered { .. } => "customer_registered",
            Self::InvitationCreated { .. } => "invitation_created",
            Self::InvitationDeleted { .. } => "invitation_deleted",
            Self::CannedCreated { .. } => "canned_created",
            Self::CannedUpdated { .. } => "canned_updated",
            Self::CannedDeleted { .. } => "canned_deleted",
            Self::CannedUsed { .. } => "canned_used",
            Self::SettingsUpdated { .. } => "settings_updated",
            Self::DeskApplied { .. } => "desk_applied",
            Self::AssistantAssigned { .. } => "assistant_assigned",
            Self::AssistantStarted { .. } => "assistant_started",
            Self::AssistantReplied { .. } => "assistant_replied",
            Self::HandedOff { .. } => "handed_off",
            Self::AnswerFlagged { .. } => "answer_flagged",
            Self::AssistantUpdated { .. } => "assistant_updated",
            Self::KnowledgeLoaded { .. } => "knowledge_loaded",
            Self::PasswordChanged { .. } => "password_changed",
            Self::PasswordCodeCreated { .. } => "password_code_created",
            Self::TotpEnabled { .. } => "totp_enabled",
            Self::TotpDisabled { .. } => "totp_disabled",
            Self::TotpReset { .. } => "totp_reset",
            Self::RecoveryCodesCreated { .. } => "recovery_codes_created",
            Self::RecoveryCodeUsed { .. } => "recovery_code_used",
            Self::SessionsRevoked { .. } => "sessions_revoked",
            Self::TokenCreated { .. } => "token_created",
            Self::TokenDeleted { .. } => "token_deleted",
            Self::CustomerErased { .. } => "customer_erased",
            Self::ChatErased { .. } => "chat_erased",
            Self::Unknown => "unknown",
        }
    }
}
