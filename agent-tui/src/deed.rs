//! What can be done to a chat, with everything that it needs: to the chat in front or to the
//! marked ones, and once more to another.

use std::{collections::BTreeSet, fmt};

use shared::{
    id::{ChatId, CommandId, DepartmentId, UserId},
    text::SafeText,
};

/// To whom a chat is handed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To the queue of a department.
    Department(DepartmentId),
    /// To a person.
    Agent(UserId),
}

/// To which chats something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// To this one.
    One(ChatId),
    /// To those that are marked, of which there are so many.
    Marked(usize),
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(chat) => write!(f, "#{chat}"),
            Self::Marked(1) => f.write_str("1 marked chat"),
            Self::Marked(count) => write!(f, "{count} marked chats"),
        }
    }
}

/// What is done to a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Take it from the queue.
    Claim,
    /// Take it from its owner.
    TakeOver,
    /// Give it to an agent.
    Assign {
        /// To whom.
        to: UserId,
        /// For the team, written before; may be empty.
        note: SafeText,
    },
    /// Hand it on.
    Transfer {
        /// To whom.
        to: Target,
        /// For those who get it; may be empty.
        note: SafeText,
    },
    /// Give it to the assistant again.
    Return,
    /// End the episode.
    Resolve,
    /// End it for ever.
    Close,
    /// Begin a new episode.
    Reopen,
    /// Put words on it and take some off.
    Tag {
        /// On.
        add: BTreeSet<SafeText>,
        /// Off.
        remove: BTreeSet<SafeText>,
    },
    /// Say how urgent it is.
    Priority(i8),
    /// Put it aside until it is taken up again.
    Hold,
    /// Put it aside for as long as these words say, counted from when it is done.
    Snooze(String),
    /// Take it up again.
    Wake,
    /// Ring no more for it.
    Mute,
    /// Ring for it again.
    Unmute,
}

impl Deed {
    /// What it is, to complete "could not ..".
    pub fn describe(&self, chat: ChatId) -> String {
        match self {
            Self::Claim => format!("claim #{chat}"),
            Self::TakeOver => format!("take #{chat} over"),
            Self::Assign { .. } => format!("assign #{chat}"),
            Self::Transfer { .. } => format!("hand #{chat} on"),
            Self::Return => format!("give #{chat} to the assistant"),
            Self::Resolve => format!("resolve #{chat}"),
            Self::Close => format!("close #{chat}"),
            Self::Reopen => format!("reopen #{chat}"),
            Self::Tag { .. } => format!("tag #{chat}"),
            Self::Priority(_) => format!("change the priority of #{chat}"),
            Self::Hold => format!("put #{chat} on hold"),
            Self::Snooze(_) => format!("snooze #{chat}"),
            Self::Wake => format!("take #{chat} up again"),
            Self::Mute => format!("mute #{chat}"),
            Self::Unmute => format!("unmute #{chat}"),
        }
    }
}

/// Something that is done to several chats and has not been answered for all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// The commands without an answer, with their chats.
    pub waiting: Vec<(CommandId, ChatId)>,
    /// For how many chats it was done.
    pub done: usize,
    /// Why not for the others.
    pub refused: Vec<String>,
}
