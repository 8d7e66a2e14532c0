//! Why a verb failed: one line for people, a code for programs, an exit code for the shell.

use std::io;

use serde::Serialize;
use shared::{
    api::ApiError,
    client::{error::ClientError, profile::ProfileError},
    error::{ErrorCode, exit},
};

/// Ended because the reader of a pipe went away.
pub(crate) const EXIT_PIPE: u8 = 141;
/// Ended by SIGTERM.
pub(crate) const EXIT_TERMINATED: u8 = 143;

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The hub refused, or could not be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// This program refused, before or after it asked the hub.
    #[error("{message}")]
    Refused {
        code: ErrorCode,
        message: String,
        hint: Option<String>,
    },
    /// A file or a terminal did not do as it should.
    #[error("{0}")]
    Local(String),
    /// Some of several things were done; each failure was reported by itself.
    #[error("{failed} of {total} failed")]
    Partial { failed: usize, total: usize },
    /// All of several things failed; each failure was reported by itself.
    #[error("all failed")]
    Reported { exit_code: u8 },
    /// What was waited for did not come in time.
    #[error("{0}")]
    TimedOut(String),
    /// The desk is not what the document says, which was printed.
    #[error("changes are pending")]
    Pending,
    /// The reader of standard output went away.
    #[error("nobody reads the output")]
    Pipe,
    /// Ctrl+C at a prompt.
    #[error("interrupted")]
    Interrupted,
}

/// The same for programs: the form of the hub's own errors, `null` for what is not known.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Report {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) request_id: Option<String>,
}

impl Failure {
    /// The command line asks for something that makes no sense.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::refused(ErrorCode::Invalid, message, hint)
    }

    pub(crate) fn refused(
        code: ErrorCode,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Refused {
            code,
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    /// There is no such thing; `nearest` is what was probably meant.
    pub(crate) fn not_found(what: &str, name: &str, nearest: Option<&str>) -> Self {
        Self::Refused {
            code: ErrorCode::NotFound,
            message: format!("{what} {name:?} not found"),
            hint: Some(match nearest {
                Some(nearest) => format!("did you mean {nearest:?}?"),
                None => format!("see the list with: frontdesk-admin {what} list"),
            }),
        }
    }

    /// A file that was named and cannot be used; one that is not there is not found.
    pub(crate) fn named_file(path: &std::path::Path, error: &io::Error) -> Self {
        if error.kind() != io::ErrorKind::NotFound {
            return Self::file(path, error);
        }
        Self::Refused {
            code: ErrorCode::NotFound,
            message: format!("file {:?} not found", path.to_string_lossy()),
            hint: Some("check the path; - is standard input".to_owned()),
        }
    }

    pub(crate) fn file(path: &std::path::Path, error: &io::Error) -> Self {
        Self::Local(format!("cannot use {}: {error}", path.display()))
    }

    /// The exit code of the program.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Client(error) => error.exit_code(),
            Self::Refused { code, .. } => code.exit_code(),
            Self::Local(_) => exit::FAILURE,
            Self::Partial { .. } => exit::PARTIAL,
            Self::Reported { exit_code } => *exit_code,
            Self::TimedOut(_) => exit::UNREACHABLE,
            Self::Pending => exit::PENDING,
            Self::Pipe => EXIT_PIPE,
            Self::Interrupted => exit::SIGINT,
        }
    }

    /// The same about a line of the input.
    pub(crate) fn at_line(self, line: usize) -> Self {
        match self {
            Self::Client(ClientError::Api(mut error)) => {
                error.message = format!("line {line}: {}", error.message);
                error.into()
            }
            Self::Refused {
                code,
                message,
                hint,
            } => Self::Refused {
                code,
                message: format!("line {line}: {message}"),
                hint,
            },
            other => other,
        }
    }

    /// Whether the same may succeed later: the hub is away or busy.
    pub(crate) fn is_passing(&self) -> bool {
        self.exit_code() == exit::UNREACHABLE
    }

    /// How long the hub asks to wait before the same is tried again.
    pub(crate) const fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Client(ClientError::Api(error)) => match error.code {
                ErrorCode::RateLimited | ErrorCode::Busy => error.retry_after_ms,
                _ => None,
            },
            _ => None,
        }
    }

    /// The code that the hub or this program refused with.
    pub(crate) const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Client(error) => error.code(),
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// What to print; none when there is nothing to add to what was printed.
    pub(crate) fn report(&self) -> Option<Report> {
        let (code, hint) = match self {
            Self::Client(ClientError::Api(error)) => return Some(api_report(error)),
            Self::Client(ClientError::Unreachable { .. }) => ("unreachable", None),
            Self::Client(ClientError::Timeout { .. }) => ("timeout", None),
            Self::Client(ClientError::Profile(ProfileError::NotLoggedIn(_))) => {
                (ErrorCode::Unauthenticated.as_str(), None)
            }
            Self::Client(error) if error.exit_code() == exit::USAGE => {
                (ErrorCode::Invalid.as_str(), None)
            }
            Self::Refused { code, hint, .. } => (code.as_str(), hint.clone()),
            Self::Client(_) | Self::Local(_) => ("failure", None),
            Self::Partial { .. } => ("partial", None),
            Self::TimedOut(_) => ("timeout", None),
            Self::Reported { .. } | Self::Pending | Self::Pipe | Self::Interrupted => return None,
        };
        Some(Report {
            code: code.to_owned(),
            message: self.to_string(),
            hint,
            request_id: None,
        })
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        ClientError::from(error).into()
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        ClientError::from(error).into()
    }
}

/// Only for standard output: files have [`Failure::file`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Pipe,
            _ => Self::Local(format!("cannot write the result: {error}")),
        }
    }
}

fn api_report(error: &ApiError) -> Report {
    let hint = match (&error.hint, error.code) {
        (Some(hint), _) => Some(hint.clone()),
        (None, ErrorCode::Unauthenticated) => Some("log in with: frontdesk-admin login".to_owned()),
        (None, ErrorCode::RateLimited | ErrorCode::Busy) => error
            .retry_after_ms
            .map(|ms| format!("try again in {} s", ms.div_ceil(1000))),
        (None, _) => None,
    };
    Report {
        code: error.code.as_str().to_owned(),
        message: error.message.clone(),
        hint,
        request_id: Some(error.request_id.clone()).filter(|id| !id.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use shared::{
        api::ApiError,
        client::{error::ClientError, url::HubUrl},
        error::ErrorCode,
    };

    use super::Failure;

    fn api(code: ErrorCode) -> Failure {
        Failure::from(ApiError {
            code,
            message: "no".to_owned(),
            hint: None,
            request_id: "r-7f3a".to_owned(),
            retry_after_ms: None,
        })
    }

    #[test]
    fn every_code_of_the_hub_ends_the_program_as_the_one_table_says() {
        for &code in ErrorCode::ALL {
            assert_eq!(api(code).exit_code(), code.exit_code(), "{code}");
            assert_eq!(api(code).report().unwrap().code, code.as_str());
        }
        assert_eq!(api(ErrorCode::NotFound).exit_code(), 3);
        assert_eq!(api(ErrorCode::Unauthenticated).exit_code(), 4);
        assert_eq!(api(ErrorCode::Forbidden).exit_code(), 5);
        assert_eq!(api(ErrorCode::Conflict).exit_code(), 6);
        assert_eq!(api(ErrorCode::Busy).exit_code(), 7);
    }

    #[test]
    fn what_is_no_answer_of_the_hub_has_its_exit_code_too() {
        let url = HubUrl::parse("http://127.0.0.1:1").unwrap();
        let unreachable = ClientError::Unreachable {
            url,
            why: "connection refused".to_owned(),
        };
        let usage = Failure::usage("no", "do otherwise");
        for (failure, exit_code) in [
            (Failure::from(unreachable), 7),
            (usage, 2),
            (
                Failure::Partial {
                    failed: 1,
                    total: 2,
                },
                9,
            ),
            (
                Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)),
                141,
            ),
            (
                Failure::from(io::Error::from(io::ErrorKind::StorageFull)),
                1,
            ),
            (Failure::Interrupted, 130),
        ] {
            assert_eq!(failure.exit_code(), exit_code, "{failure}");
        }
    }

    #[test]
    fn a_broken_pipe_says_nothing() {
        assert_eq!(Failure::Pipe.report(), None);
    }
}
