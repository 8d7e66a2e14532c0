//! Why somebody did not come in, and which code on the wire says so.
//!
//! Texts for secrets that do not fit are one and the same for every reason, so that an answer
//! never tells which names, tokens or codes exist.

use shared::{error::ErrorCode, text::NameError};

use crate::{
    accounts::{
        passwords::HashError,
        policy::PolicyError,
        rate::RetryAfter,
        secret::{PasswordTooLong, RandomError},
        totp::key::KeyError,
    },
    hub::{Stopped, SubmitError},
    store::StoreError,
};

/// Why an account does not do what was asked; each text is one sentence for the person.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The token is malformed, unknown, expired, revoked, or its user is disabled.
    #[error("the token is unknown, expired or revoked; sign in again")]
    Token,
    /// No such user, wrong password, disabled, or no password yet.
    #[error("username or password is wrong")]
    Credentials,
    /// The setup code is wrong, used or expired.
    #[error("the setup code is wrong or has expired; read the newest from the data directory")]
    SetupCode,
    /// Setup was asked for from another machine.
    #[error("setup works only on the machine of the hub; connect from there")]
    SetupRemote,
    /// The desk has its first owner.
    #[error("the desk is already set up; sign in")]
    SetupDone,
    /// The password is right, and a code of the second factor is needed too.
    #[error("the password is right, and a code of your authenticator app is needed too")]
    TotpMissing,
    /// The code of the second factor is wrong, too old or used up.
    #[error("the code is wrong or was used before; wait for the next one of your app")]
    TotpWrong,
    /// Too many wrong codes.
    #[error("too many wrong codes; wait {} s", .retry_after_ms.div_ceil(1_000))]
    TotpWait {
        /// When the next one is looked at.
        retry_after_ms: u64,
    },
    /// The key of the seeds is not there or another.
    #[error(
        "the hub has lost the key of its second factors; use a recovery code or have yours reset"
    )]
    TotpKeyLost,
    /// The key of the seeds cannot be used.
    #[error("the key of the second factors cannot be used; {0}")]
    TotpKey(#[from] KeyError),
    /// The code of the invitation is unknown, used, expired or revoked.
    #[error("the invitation is not valid; ask for a new one")]
    Invitation,
    /// Not with this kind of account or token.
    #[error("{0}")]
    Forbidden(&'static str),
    /// There is no such thing of one's own.
    #[error("there is no {what} \"{id}\" of yours; list them to see which there are")]
    NotFound {
        /// Kind of thing.
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// A field does not make sense.
    #[error("{0}")]
    Invalid(&'static str),
    /// A name does not make sense.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Somebody has the username.
    #[error("the username \"{0}\" is taken; choose another")]
    Taken(String),
    /// The object is not in the state for this.
    #[error("{0}")]
    Conflict(&'static str),
    /// The new password is too easy to guess.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The password is too long to be hashed.
    #[error(transparent)]
    TooLong(#[from] PasswordTooLong),
    /// Too many tries.
    #[error("too many tries; wait {} s", .retry_after_ms.div_ceil(1_000))]
    Throttled {
        /// When the next one is looked at.
        retry_after_ms: u64,
    },
    /// Password hashing is busy or broken.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The hub refused the command.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The store failed.
    #[error("the accounts cannot be read or written now; retry later")]
    Store(#[from] StoreError),
    /// There is no randomness for a new secret.
    #[error("no secret can be made now; retry later")]
    Random(#[from] RandomError),
    /// The file with the setup code could not be written.
    #[error("the setup code cannot be written to the data directory; {0}")]
    SetupFile(#[source] std::io::Error),
    /// What is stored of an account cannot be what was written.
    #[error("the record of this account is damaged; tell the operator of the hub")]
    Damaged,
}

impl AccountError {
    /// The code on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Token | Self::Credentials | Self::SetupCode | Self::Invitation => {
                ErrorCode::Unauthenticated
            }
            Self::TotpWrong | Self::TotpWait { .. } => ErrorCode::Unauthenticated,
            Self::SetupRemote | Self::Forbidden(_) | Self::TotpMissing => ErrorCode::Forbidden,
            Self::SetupDone | Self::Taken(_) | Self::Conflict(_) | Self::TotpKeyLost => {
                ErrorCode::Conflict
            }
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::Invalid(_) | Self::Name(_) | Self::Policy(_) => ErrorCode::Invalid,
            Self::TooLong(_) => ErrorCode::TooLarge,
            Self::Throttled { .. } => ErrorCode::RateLimited,
            Self::Hash(HashError::Busy { .. }) => ErrorCode::Busy,
            Self::Submit(error) => error.code(),
            Self::Store(StoreError::Full) => ErrorCode::StorageFull,
            Self::Store(StoreError::Degraded) => ErrorCode::Degraded,
            Self::Store(_) => ErrorCode::Storage,
            Self::Hash(_)
            | Self::Random(_)
            | Self::SetupFile(_)
            | Self::TotpKey(_)
            | Self::Damaged => ErrorCode::Internal,
        }
    }

    /// How long to wait before a retry, in milliseconds, where a retry makes sense.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Throttled { retry_after_ms }
            | Self::TotpWait { retry_after_ms }
            | Self::Hash(HashError::Busy { retry_after_ms }) => Some(*retry_after_ms),
            Self::Submit(error) => error.retry_after_ms(),
            Self::Store(_) => Some(1_000),
            _ => None,
        }
    }
}

impl From<RetryAfter> for AccountError {
    fn from(wait: RetryAfter) -> Self {
        Self::Throttled {
            retry_after_ms: wait.retry_after_ms,
        }
    }
}

impl From<Stopped> for AccountError {
    fn from(stopped: Stopped) -> Self {
        Self::Submit(stopped.into())
    }
}
