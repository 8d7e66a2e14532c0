//! Why the desk says no: one variant per reason, with the data to explain it.
//!
//! How a rejection travels (HTTP status, exit code) is the error table's business.

use std::fmt;

use shared::{
    attachment::size,
    desk::Problem,
    error::ErrorCode,
    id::{CannedId, ChatId, Epoch, InvitationId, Seq, UserId},
    model::ChatState,
    text::SafeText,
};

use super::permission::Action;

/// A reason to refuse a command. Its text is for people, [`Rejection::code`] for programs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The principal is unknown or disabled, or has no token where one is needed.
    #[error("you are not signed in; sign in first")]
    Unauthenticated,
    /// The role may not do this, or not on this thing.
    #[error("you may not {action}; ask someone whose role allows it")]
    Forbidden {
        /// What was tried.
        action: Action,
    },
    /// A user of equal or higher rank cannot be changed by this one.
    #[error("{name} ranks above what you may change; ask an owner")]
    Outranked {
        /// Who was to be changed.
        name: SafeText,
    },
    /// A role above one's own cannot be given.
    #[error("you cannot give a role above your own; choose a lower one")]
    RoleAbove,
    /// There is no such chat, or none in sight.
    #[error("chat {chat} does not exist; check the number")]
    NoChat {
        /// Which.
        chat: ChatId,
    },
    /// The desk has let the chat go: it was closed. The hub looks at the store to say which of
    /// [`Rejection::ChatClosed`] and [`Rejection::NoChat`] it is for this principal.
    #[error("chat {chat} is not at the desk any more; look in the archive")]
    Archived {
        /// Which.
        chat: ChatId,
    },
    /// There is no such user.
    #[error("user {id} does not exist; check the number")]
    NoUser {
        /// Which.
        id: UserId,
    },
    /// There is no user of that name.
    #[error("user \"{username}\" does not exist; check the name")]
    NoUserNamed {
        /// Which.
        username: SafeText,
    },
    /// There is no such department.
    #[error("department \"{name}\" does not exist; check the name")]
    NoDepartment {
        /// Its number or name.
        name: String,
    },
    /// The desk has no default department.
    #[error("the desk has no department yet; set the hub up first")]
    NoDefaultDepartment,
    /// There is no such canned reply, or none in sight.
    #[error("canned reply {id} does not exist; check the number")]
    NoCanned {
        /// Which.
        id: CannedId,
    },
    /// The desk has as many departments as it may have.
    #[error("the desk has {max} departments, which is the most; delete one first")]
    TooManyDepartments {
        /// The limit.
        max: usize,
    },
    /// The desk has the most canned replies that it may have.
    #[error("the desk has {max} canned replies; delete some first")]
    TooManyCanned {
        /// The limit.
        max: usize,
    },
    /// There is no such invitation, or it was used, taken back or has expired.
    #[error("invitation is not valid; ask for a new one")]
    NoInvitation {
        /// Which.
        id: InvitationId,
    },
    /// Only the owner of the chat may write to its customer and mark it as read.
    #[error("you do not own chat {chat}{}; claim it or leave a note", Held(.owner))]
    NotOwner {
        /// Which.
        chat: ChatId,
        /// Who owns it.
        owner: Option<SafeText>,
    },
    /// The owner changed since the sender looked, or someone else was faster.
    #[error("chat {chat} changed hands{}; look at it again (epoch {epoch})", Held(.owner))]
    ChangedHands {
        /// Which.
        chat: ChatId,
        /// Who owns it now.
        owner: Option<SafeText>,
        /// The epoch now.
        epoch: Epoch,
    },
    /// The chat is closed for ever, or was resolved too long ago to be reopened.
    #[error("chat {chat} is closed; open a new one with \"frontdesk-chat\"")]
    ChatClosed {
        /// Which.
        chat: ChatId,
    },
    /// This cannot happen to a chat in this state.
    #[error("chat {chat} is {}; {}", state_name(*.state), state_advice(*.state))]
    WrongState {
        /// Which.
        chat: ChatId,
        /// Its state.
        state: ChatState,
    },
    /// Another agent has written since.
    #[error("{by} wrote in chat {chat} at {seq} after what you saw; read it, then send again")]
    Stale {
        /// Which.
        chat: ChatId,
        /// Who wrote.
        by: SafeText,
        /// Their message.
        seq: Seq,
    },
    /// The chat would go where it already is.
    #[error("chat {chat} is already with {place}; choose another")]
    AlreadyThere {
        /// Which.
        chat: ChatId,
        /// The department or agent.
        place: SafeText,
    },
    /// The agent cannot be given the chat by hand.
    #[error("{name} cannot take chat {chat}: {why}; choose someone else")]
    UnfitAgent {
        /// Which chat.
        chat: ChatId,
        /// Who.
        name: SafeText,
        /// What is in the way.
        why: &'static str,
    },
    /// A transfer names both or neither of department and agent.
    #[error("transfer needs a department or an agent, and only one of them")]
    TransferTarget,
    /// The department takes no new chats.
    #[error("department \"{name}\" takes no chats now; choose another")]
    DepartmentInactive {
        /// Its name.
        name: SafeText,
    },
    /// The department still has open chats.
    #[error("department \"{name}\" has open chats; transfer or end them first")]
    DepartmentInUse {
        /// Its name.
        name: SafeText,
    },
    /// The default department must stay, active and default.
    #[error("department \"{name}\" is the default; make another the default first")]
    DefaultDepartment {
        /// Its name.
        name: SafeText,
    },
    /// The customer has the most open chats that one may have.
    #[error("you have {max} open chats; end one of them first")]
    TooManyChats {
        /// The limit.
        max: u32,
    },
    /// The message is not one of the newest of the chat that may still be changed.
    #[error("message {seq} of chat {chat} cannot be edited; only the last {kept} can")]
    TooOldToEdit {
        /// Which chat.
        chat: ChatId,
        /// Which message.
        seq: Seq,
        /// How many messages of a chat can be edited.
        kept: usize,
    },
    /// The message is another's.
    #[error("message {seq} of chat {chat} is not yours; edit only what you wrote")]
    NotAuthor {
        /// Which chat.
        chat: ChatId,
        /// Which message.
        seq: Seq,
    },
    /// A rating can be changed for 15 minutes only.
    #[error("chat {chat} was rated more than 15 minutes ago; the rating stays")]
    RatingFixed {
        /// Which.
        chat: ChatId,
    },
    /// The object changed since the sender looked.
    #[error("{what} has changed since (rev {rev}); read it again")]
    Revised {
        /// What.
        what: SafeText,
        /// Its `rev` now.
        rev: u64,
    },
    /// A document cannot be applied.
    #[error("the document cannot be applied: {}", Problems(.problems))]
    Unfit {
        /// Everything that is wrong with it.
        problems: Vec<Problem>,
    },
    /// The assistant has nothing to answer from.
    #[error(
        "the assistant has nothing to answer from; give the hub a knowledge base (--kb DIR) or a \
         provider first"
    )]
    AssistantNotReady,
    /// The assistant takes no chats.
    #[error("the assistant is off; turn it on with \"frontdesk-admin assistant set\" first")]
    AssistantOff,
    /// What the assistant looks for an answer to is not the newest any more, or is answered.
    #[error("chat {chat} has gone on since (to {seq}); look at it again")]
    Overtaken {
        /// Which.
        chat: ChatId,
        /// Its newest record.
        seq: Seq,
    },
    /// The name is in use.
    #[error("the name \"{name}\" is taken; choose another")]
    NameTaken {
        /// Which.
        name: SafeText,
    },
    /// The desk has its first owner.
    #[error("the desk is already set up; sign in")]
    AlreadySetUp,
    /// Without an owner nobody could run the desk.
    #[error("{name} is the last active owner; make another owner first")]
    LastOwner {
        /// Who.
        name: SafeText,
    },
    /// A field does not make sense.
    #[error("{field} {problem}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// The file is larger than files may be.
    #[error("the file has {}; at most {} can be sent", size(*.bytes), size(*.bytes_max))]
    FileTooLarge {
        /// Its bytes.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// The files of a chat would be more than its room.
    #[error(
        "chat {chat} has room for {} of files; the file has {}",
        size(*.left),
        size(*.bytes)
    )]
    NoRoomForFile {
        /// Which chat.
        chat: ChatId,
        /// The file's bytes.
        bytes: u64,
        /// The bytes that still fit.
        left: u64,
    },
    /// A text is longer than its limit.
    #[error("{field} has {bytes} bytes; give at most {bytes_max}")]
    TooLarge {
        /// Which field.
        field: &'static str,
        /// Its bytes.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
}

impl Rejection {
    /// The code for programs.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Unauthenticated => ErrorCode::Unauthenticated,
            Self::Forbidden { .. } | Self::Outranked { .. } | Self::RoleAbove => {
                ErrorCode::Forbidden
            }
            Self::NoChat { .. }
            | Self::Archived { .. }
            | Self::NoUser { .. }
            | Self::NoUserNamed { .. }
            | Self::NoDepartment { .. }
            | Self::NoDefaultDepartment
            | Self::NoCanned { .. }
            | Self::NoInvitation { .. } => ErrorCode::NotFound,
            Self::NotOwner { .. } => ErrorCode::NotMember,
            Self::ChatClosed { .. }
            | Self::WrongState {
                state: ChatState::Closed,
                ..
            } => ErrorCode::ChatClosed,
            Self::Stale { .. } => ErrorCode::Stale,
            Self::ChangedHands { .. }
            | Self::WrongState { .. }
            | Self::AlreadyThere { .. }
            | Self::UnfitAgent { .. }
            | Self::DepartmentInactive { .. }
            | Self::DepartmentInUse { .. }
            | Self::DefaultDepartment { .. }
            | Self::TooManyChats { .. }
            | Self::TooManyDepartments { .. }
            | Self::TooManyCanned { .. }
            | Self::TooOldToEdit { .. }
            | Self::RatingFixed { .. }
            | Self::Revised { .. }
            | Self::NameTaken { .. }
            | Self::AlreadySetUp
            | Self::AssistantNotReady
            | Self::AssistantOff
            | Self::Overtaken { .. }
            | Self::LastOwner { .. } => ErrorCode::Conflict,
            Self::NotAuthor { .. } => ErrorCode::Forbidden,
            Self::TransferTarget | Self::Invalid { .. } | Self::Unfit { .. } => ErrorCode::Invalid,
            Self::TooLarge { .. } | Self::FileTooLarge { .. } | Self::NoRoomForFile { .. } => {
                ErrorCode::TooLarge
            }
        }
    }

    pub(super) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

/// Says the first of several problems, and how many others there are.
struct Problems<'a>(&'a [Problem]);

impl fmt::Display for Problems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.0.first() else {
            return Ok(());
        };
        write!(f, "{first}")?;
        match self.0.len() - 1 {
            0 => Ok(()),
            more => write!(f, " (and {more} more; a diff tells them all)"),
        }
    }
}

/// Says who holds a chat, when somebody does.
struct Held<'a>(&'a Option<SafeText>);

impl fmt::Display for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(owner) => write!(f, ", it is with {owner}"),
            None => f.write_str(", nobody owns it now"),
        }
    }
}

const fn state_name(state: ChatState) -> &'static str {
    match state {
        ChatState::Assistant => "with the assistant",
        ChatState::Waiting => "waiting",
        ChatState::Offered => "offered",
        ChatState::Active => "active",
        ChatState::Hold => "on hold",
        ChatState::Snoozed => "snoozed",
        ChatState::Resolved => "resolved",
        ChatState::Closed => "closed",
    }
}

const fn state_advice(state: ChatState) -> &'static str {
    match state {
        ChatState::Resolved => "reopen it first",
        ChatState::Closed => "open a new one with \"frontdesk-chat\"",
        ChatState::Waiting => "claim it or let it be assigned first",
        _ => "look at it again",
    }
}
