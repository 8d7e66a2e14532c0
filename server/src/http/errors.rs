//! The one map from everything that can go wrong to what a client reads.
//!
//! A defect or a failing disk is logged once, with the request id that the client is shown; the
//! client gets a fixed sentence. Statuses and exit codes are in the language's table of codes.

use std::fmt;

use shared::{
    api::{ApiError, ErrorBody},
    error::ErrorCode,
    id::{ChatId, hex},
    text::SafeText,
};
use warp::{
    http::{HeaderValue, StatusCode, header},
    reply::Response,
};

use crate::{
    accounts::AccountError,
    care::CareError,
    desk::Rejection,
    hub::{Stopped, SubmitError, customers::ChatsError, files::FileError},
    store::StoreError,
};

use super::past::PastError;

/// What people read of a failure that is the hub's own.
const INTERNAL: &str = "the hub made a mistake; its log has the details under the request id";
/// What people read when the disk of the hub fails.
const STORAGE: &str = "the store failed; retry later";

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Failure {
    code: ErrorCode,
    message: String,
    hint: Option<&'static str>,
    retry_after_ms: Option<u64>,
    nature: Nature,
}

/// What is special about a failure.
#[derive(Debug, PartialEq, Eq)]
enum Nature {
    /// Nothing.
    Plain,
    /// It has a cause, for the log only.
    Defect(String),
    /// The path has these methods, and the one used is not among them.
    OtherMethod(String),
    /// It is about a chat that the desk has let go.
    Archived(ChatId),
}

impl Failure {
    /// A failure with a sentence for people: lower case, no full stop, what to do about it.
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            retry_after_ms: None,
            nature: Nature::Plain,
        }
    }

    /// The request does not make sense.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }

    /// No such thing, or none in sight.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    /// No token where one is needed.
    pub(super) fn unauthenticated() -> Self {
        Self::new(
            ErrorCode::Unauthenticated,
            "no token; sign in and send \"Authorization: Bearer TOKEN\"",
        )
    }

    /// A defect of the hub: `cause` goes to the log, never to the client.
    pub(super) fn internal(cause: impl fmt::Display) -> Self {
        Self {
            nature: Nature::Defect(cause.to_string()),
            ..Self::new(ErrorCode::Internal, INTERNAL)
        }
    }

    /// The path exists, but not with this method.
    pub(super) fn method(allow: String) -> Self {
        let message = format!("this path takes {allow} only");
        Self {
            nature: Nature::OtherMethod(allow),
            ..Self::invalid(message)
        }
    }

    /// Too many requests.
    pub(super) fn rate_limited(retry_after_ms: u64) -> Self {
        Self {
            retry_after_ms: Some(retry_after_ms),
            ..Self::new(
                ErrorCode::RateLimited,
                format!("too many requests; retry in {retry_after_ms} ms"),
            )
        }
    }

    /// Says what to do in a sentence of its own.
    pub(super) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The chat that the desk has let go and about which only the store can tell.
    pub(super) const fn archived(&self) -> Option<ChatId> {
        match self.nature {
            Nature::Archived(chat) => Some(chat),
            _ => None,
        }
    }

    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        if let Nature::OtherMethod(_) = self.nature {
            return StatusCode::METHOD_NOT_ALLOWED;
        }
        StatusCode::from_u16(self.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Logs the cause, if there is one to log, of an answer that has begun already.
    pub(super) fn log(&self) {
        self.log_as("none");
    }

    fn log_as(&self, request_id: &str) {
        if let Nature::Defect(cause) = &self.nature {
            tracing::error!(request_id, code = %self.code, cause, "a request failed");
        }
    }

    /// The answer; logs the cause, if there is one to log.
    pub(super) fn into_response(self) -> Response {
        let request_id = request_id();
        let status = self.status();
        self.log_as(&request_id);
        let body = ErrorBody {
            error: ApiError {
                code: self.code,
                message: SafeText::line(&self.message).to_string(),
                hint: self.hint.map(str::to_owned),
                request_id,
                retry_after_ms: self.retry_after_ms,
            },
        };
        let mut response = super::call::json(status, &body);
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(ms) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
        }
        if let Nature::OtherMethod(allow) = self.nature
            && let Ok(allow) = HeaderValue::try_from(allow)
        {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}

/// Finds a request in the log.
fn request_id() -> String {
    let mut bytes = [0; 4];
    if getrandom::fill(&mut bytes).is_err() {
        return "r-00000000".to_owned();
    }
    format!("r-{}", hex(&bytes))
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        let nature = match &rejection {
            Rejection::Archived { chat } => Nature::Archived(*chat),
            _ => Nature::Plain,
        };
        Self {
            nature,
            ..Self::new(rejection.code(), rejection.to_string())
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        let retry_after_ms = error.retry_after_ms();
        match error {
            SubmitError::Rejected(rejection) => rejection.into(),
            _ => Self {
                retry_after_ms,
                ..Self::new(code, message)
            },
        }
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        SubmitError::from(stopped).into()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => SubmitError::StorageFull.into(),
            StoreError::Degraded => SubmitError::Degraded.into(),
            StoreError::Unsupported(why) => Self::new(ErrorCode::Conflict, why),
            error => Self {
                nature: Nature::Defect(error.to_string()),
                retry_after_ms: Some(1_000),
                ..Self::new(ErrorCode::Storage, STORAGE)
            },
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let message = error.to_string();
        match error {
            FileError::TooLarge => Self::new(ErrorCode::TooLarge, message),
            FileError::NoRoom { .. } | FileError::DiskFull => {
                Self::new(ErrorCode::StorageFull, message)
            }
            FileError::TooMany => Self {
                retry_after_ms: Some(1_000),
                ..Self::new(ErrorCode::Busy, message)
            },
            FileError::Store(error) => error.into(),
        }
    }
}

impl From<ChatsError> for Failure {
    fn from(error: ChatsError) -> Self {
        match error {
            ChatsError::Store(error) => error.into(),
            ChatsError::Stopped(stopped) => stopped.into(),
        }
    }
}

impl From<PastError> for Failure {
    fn from(error: PastError) -> Self {
        match error {
            PastError::Store(error) => error.into(),
            PastError::Stopped(stopped) => stopped.into(),
        }
    }
}

impl From<CareError> for Failure {
    fn from(error: CareError) -> Self {
        match error {
            CareError::Submit(error) => error.into(),
            CareError::Account(error) => error.into(),
            CareError::Store(error) => error.into(),
            CareError::Stopped(stopped) => stopped.into(),
            CareError::Ledger(error) => Self::internal(error),
        }
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Submit(error) => error.into(),
            AccountError::Store(error) => error.into(),
            error if error.code() == ErrorCode::Internal => Self::internal(error),
            error => Self {
                retry_after_ms: error.retry_after_ms(),
                ..Self::new(error.code(), error.to_string())
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use http_body_util::BodyExt;
    use serde_json::Value;
    use shared::{error::ErrorCode, id::ChatId};
    use warp::http::header;

    use super::{Failure, INTERNAL, STORAGE};
    use crate::{
        accounts::AccountError,
        desk::Rejection,
        http::past::PastError,
        hub::{SubmitError, customers::ChatsError, files::FileError},
        store::StoreError,
    };

    async fn body(failure: Failure) -> Value {
        let body = failure.into_response().into_body();
        let bytes = body.collect().await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn every_code_has_its_status_and_its_name() {
        for code in ErrorCode::ALL {
            let failure = Failure::new(*code, "no");
            assert_eq!(failure.status().as_u16(), code.http_status());
            assert_eq!(body(failure).await["error"]["code"], code.as_str());
        }
    }

    /// S28: every failure of the hub's own, whatever it says in the log: no path, type or cause of
    /// it is in its answer, which names the request instead.
    #[tokio::test]
    async fn a_cause_is_never_shown() {
        let path = || "/srv/secret/desk.redb".into();
        let io = || io::Error::other("secret: os error 5 at src/store/redb.rs");
        let of_store = [
            StoreError::Corrupt {
                what: "secret".into(),
            },
            StoreError::Full,
            StoreError::TooNew { found: 9, known: 1 },
            StoreError::Locked { path: path() },
            StoreError::NotADatabase { path: path() },
            StoreError::ReadOnly {
                path: path(),
                source: io(),
            },
            StoreError::Exposed {
                path: path(),
                mode: 0o666,
            },
            StoreError::ForeignOwner {
                path: path(),
                owner: 4_711,
            },
            StoreError::Exists { path: path() },
            StoreError::Degraded,
            StoreError::Io(io()),
        ];
        let mut failures: Vec<Failure> = of_store.map(Failure::from).into();
        failures.extend([
            Failure::internal("/srv/secret/desk.redb"),
            Failure::from(AccountError::SetupFile(io())),
            Failure::from(AccountError::Damaged),
            Failure::from(AccountError::Store(StoreError::Io(io()))),
            Failure::from(FileError::Store(StoreError::Io(io()))),
            Failure::from(ChatsError::Store(StoreError::Io(io()))),
            Failure::from(PastError::Store(StoreError::Io(io()))),
            Failure::from(SubmitError::Storage),
        ]);
        for failure in failures {
            assert!(failure.status().is_server_error(), "{failure:?}");
            let json = body(failure).await;
            let text = json.to_string();
            for word in [
                "secret", "/srv", ".rs", "::", "os error", "4711", "Error", "panic",
            ] {
                assert!(!text.contains(word), "{word} in {text}");
            }
            let id = json["error"]["request_id"].as_str().unwrap();
            assert!(id.starts_with("r-") && id.len() == 10, "{id}");
        }
        let told =
            |failure: Failure| async move { body(failure).await["error"]["message"].clone() };
        assert_eq!(told(Failure::internal("x")).await, INTERNAL);
        assert_eq!(told(StoreError::Io(io()).into()).await, STORAGE);
    }

    #[test]
    fn headers_say_when_and_how_to_come_back() {
        let busy = Failure::from(SubmitError::Busy {
            retry_after_ms: 1_200,
        });
        let response = busy.into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        let response = Failure::unauthenticated().into_response();
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        let response = Failure::method("GET, POST".into()).into_response();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()[header::ALLOW], "GET, POST");
    }

    #[test]
    fn an_archived_chat_is_for_the_store_to_judge() {
        let chat = ChatId(42);
        let failure = Failure::from(SubmitError::Rejected(Rejection::Archived { chat }));
        assert_eq!(failure.archived(), Some(chat));
        assert_eq!(Failure::from(Rejection::NoChat { chat }).archived(), None);
    }

    #[tokio::test]
    async fn what_a_client_sent_cannot_steer_a_terminal() {
        let json = body(Failure::invalid("unknown field \u{1b}]0;x\u{7}")).await;
        let message = json["error"]["message"].as_str().unwrap();
        assert!(!message.contains(char::is_control), "{message:?}");
    }
}
