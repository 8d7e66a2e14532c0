//! Why a call to a hub failed, with the exit code that belongs to it.

use crate::{
    api::ApiError,
    client::{profile::ProfileError, tls::TlsError, url::HubUrl},
    error::{ErrorCode, exit},
};

/// Why a call to a hub failed. One line for people, without its hint.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The hub answered with an error.
    #[error("{0}")]
    Api(#[from] ApiError),
    /// No answer came: no such host, refused, cut, or a proxy without a hub behind it.
    #[error(
        "cannot reach the hub at {url}: {why}; check that it runs and that the address is right"
    )]
    Unreachable {
        /// The hub that was tried.
        url: HubUrl,
        /// What happened.
        why: String,
    },
    /// The hub did not answer in time.
    #[error("the hub at {url} did not answer within {limit_s} s; try again")]
    Timeout {
        /// The hub that was tried.
        url: HubUrl,
        /// The time limit in seconds.
        limit_s: u64,
    },
    /// The hub could not be trusted, or there is nothing to trust it by.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// Something answered that does not speak as a hub does.
    #[error("the hub's answer makes no sense: {0}")]
    Protocol(String),
    /// The user's own files.
    #[error("{0}")]
    Profile(#[from] ProfileError),
}

impl ClientError {
    /// The exit code of a program that ends because of this.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Api(error) => error.code.exit_code(),
            Self::Unreachable { .. } | Self::Timeout { .. } => exit::UNREACHABLE,
            Self::Tls(error) => error.exit_code(),
            Self::Protocol(_) => exit::FAILURE,
            Self::Profile(error) => error.exit_code(),
        }
    }

    /// What to do about it, where the hub said.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.hint.as_deref(),
            _ => None,
        }
    }

    /// The code of the hub's answer, if it was one.
    #[must_use]
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Api(error) => Some(error.code),
            _ => None,
        }
    }
}
