//! Why the program ends, with its exit code and what to do.

use std::io;

use shared::{
    client::{
        error::ClientError,
        files::PickError,
        outbox::OutboxError,
        profile::ProfileError,
        save::SaveError,
        secret::SecretError,
        socket::{SendError, StopReason},
        url::HubUrl,
    },
    error::{ErrorCode, exit},
    id::ChatId,
    text::SafeText,
};

use crate::lines::stopped;

/// The exit code of a program whose reader went away.
const SIGPIPE: u8 = 141;
/// The exit code of a program that SIGTERM ended.
pub const SIGTERM: u8 = 143;

/// Why the program ends.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// A call to the hub, or the user's files.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// The outbox.
    #[error("{0}")]
    Outbox(#[from] OutboxError),
    /// Something to send was not taken.
    #[error("{0}")]
    Send(SendError),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// There is no such department, with what was probably meant.
    #[error("{0}")]
    NoDepartment(String),
    /// This machine has no such chat.
    #[error("chat {0} is not known on this machine; see: frontdesk-chat list, or log in")]
    UnknownChat(ChatId),
    /// This machine has no chat at all.
    #[error("there is no chat with this hub to go on with; open one with: frontdesk-chat")]
    NoChat,
    /// There is no account to do it with.
    #[error("not logged in to {0}; run: frontdesk-chat login")]
    NotLoggedIn(HubUrl),
    /// The account's session is over.
    #[error("the login to {0} has ended; run: frontdesk-chat login")]
    LoginEnded(HubUrl),
    /// The secret of a chat is over.
    #[error(
        "the hub does not know the secret of chat {0} any more; it lasts 7 days after its last use"
    )]
    TokenEnded(ChatId),
    /// A member of staff is no customer.
    #[error("{0} is a member of staff; use frontdesk-agent, or register as a customer")]
    Staff(SafeText),
    /// A file that cannot be sent.
    #[error("{0}")]
    Pick(#[from] PickError),
    /// A file that was not saved.
    #[error("{0}")]
    Save(#[from] SaveError),
    /// A password.
    #[error("{0}")]
    Secret(#[from] SecretError),
    /// The hub was not there in time; what was written is kept.
    #[error("{0}")]
    Kept(String),
    /// The hub refused a message.
    #[error("not sent: {reason}")]
    Refused {
        /// Why.
        reason: String,
        /// The exit code of that.
        code: u8,
    },
    /// The connection ended for good.
    #[error("{}", stopped(.0))]
    Stopped(StopReason),
    /// A file or stream could not be read or written.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried, with its file.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// The reader of the output went away.
    #[error("")]
    ReaderGone,
    /// A signal ended the program.
    #[error("")]
    Signal(u8),
}

impl ChatError {
    /// The exit code that belongs to it.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Client(error) => error.exit_code(),
            Self::Outbox(error) => error.exit_code(),
            Self::Send(SendError::Outbox(error)) => error.exit_code(),
            Self::Send(_) | Self::Kept(_) => exit::UNREACHABLE,
            Self::Usage(_) => exit::USAGE,
            Self::NoDepartment(_) | Self::UnknownChat(_) | Self::NoChat => {
                ErrorCode::NotFound.exit_code()
            }
            Self::Refused { code, .. } | Self::Signal(code) => *code,
            Self::Stopped(StopReason::Revoked) => ErrorCode::Unauthenticated.exit_code(),
            Self::Stopped(StopReason::Replaced) => ErrorCode::Conflict.exit_code(),
            Self::Stopped(StopReason::Version { .. }) => ErrorCode::Proto.exit_code(),
            Self::Stopped(StopReason::Forbidden { .. }) => ErrorCode::Forbidden.exit_code(),
            Self::NotLoggedIn(_) | Self::LoginEnded(_) | Self::TokenEnded(_) => {
                ErrorCode::Unauthenticated.exit_code()
            }
            Self::Staff(_) => ErrorCode::Forbidden.exit_code(),
            Self::Secret(SecretError::Unfit { .. }) => exit::USAGE,
            Self::Secret(SecretError::Interrupted) => exit::SIGINT,
            Self::Secret(SecretError::HungUp) => exit::SIGHUP,
            Self::Pick(PickError::Empty(_) | PickError::NoFile(_) | PickError::TooLarge(_)) => {
                exit::USAGE
            }
            Self::Secret(_) | Self::Pick(_) | Self::Save(_) | Self::Io { .. } => exit::FAILURE,
            Self::ReaderGone => SIGPIPE,
        }
    }

    /// What to do about it, where that is not part of the message.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Client(ClientError::Api(error)) if error.message.starts_with("field \"") => {
                Some("answer with --field KEY=ANSWER, --email or --phone")
            }
            Self::Client(error) => error.hint(),
            _ => None,
        }
    }

    /// Whether there is nothing to say about it.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        matches!(
            self,
            Self::ReaderGone
                | Self::Signal(_)
                | Self::Secret(SecretError::Interrupted | SecretError::HungUp)
        )
    }

    /// Output that failed: a reader that went away is no news.
    #[must_use]
    pub fn output(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        Self::Io {
            what: "write the output".to_owned(),
            source,
        }
    }
}

impl From<ProfileError> for ChatError {
    fn from(error: ProfileError) -> Self {
        Self::Client(error.into())
    }
}

impl From<SendError> for ChatError {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}
