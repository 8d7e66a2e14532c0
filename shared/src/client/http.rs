//! REST calls to a hub over one kept-alive HTTP/1.1 connection.
//!
//! What the calls mean is in `api`; nothing here knows a route. There is no cookie, no redirect
//! and no proxy.

mod body;

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1::SendRequest,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, IF_MATCH, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use crate::{
    api::{ApiError, ErrorBody},
    client::{
        error::ClientError,
        session::{Token, TokenSource},
        tls::{Connector, TlsOptions},
        url::HubUrl,
    },
    error::ErrorCode,
    id::CommandId,
};

pub use self::body::{Download, LINE_BYTES_MAX, Lines};
use self::body::{Outgoing, PIECE_BYTES, late};

/// Limit for an answer, its body included; a stream has none after its first byte.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Largest answer that is not a stream, in bytes.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What a hub grants each [`PIECE_BYTES`] of a body on the slowest of lines.
const PIECE_LIMIT: Duration = Duration::from_secs(10);
/// What to do with a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read it.
    Get,
    /// Add to it or act on it.
    Post,
    /// Replace it.
    Put,
    /// Remove it.
    Delete,
}

impl Method {
    const fn as_http(self) -> hyper::Method {
        match self {
            Self::Get => hyper::Method::GET,
            Self::Post => hyper::Method::POST,
            Self::Put => hyper::Method::PUT,
            Self::Delete => hyper::Method::DELETE,
        }
    }
}

/// On what condition, and under which name, a request is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `If-Match`: only when the thing still has this `rev`.
    pub if_match: Option<u64>,
    /// `Idempotency-Key`: however often it is sent, it is done once.
    pub idempotency_key: Option<CommandId>,
}

/// A connection to one hub as one principal. Clones share it.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

struct Inner {
    connector: Connector,
    token: Option<TokenSource>,
    /// The connection between two requests. Requests at the same time get one of their own.
    idle: Mutex<Option<Sender>>,
}

type Sender = SendRequest<Outgoing>;

/// The head of an answer, and the connection that it is still being read from.
type Answer = (Response<Incoming>, Sender);

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Http").field(self.0.connector.url()).finish()
    }
}

/// One request, ready to be sent more than once.
struct Prepared {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    /// Counts the bytes of the body that are on their way.
    sent: Arc<AtomicU64>,
    /// Sending it twice does no harm.
    repeatable: bool,
}

/// A request that failed, and whether the hub cannot have seen it.
struct Failed {
    error: ClientError,
    unseen: bool,
}

impl Http {
    /// A connection that is made with the first request.
    ///
    /// # Errors
    /// [`ClientError::Tls`] when the certificates to trust cannot be read.
    pub fn new(
        url: &HubUrl,
        token: Option<TokenSource>,
        tls: &TlsOptions,
    ) -> Result<Self, ClientError> {
        Ok(Self(Arc::new(Inner {
            connector: Connector::new(url.clone(), tls)?,
            token,
            idle: Mutex::new(None),
        })))
    }

    /// The hub.
    #[must_use]
    pub fn url(&self) -> &HubUrl {
        self.0.connector.url()
    }

    /// Sends a request and reads its answer. `path` begins with `/` and has its query; an answer
    /// without a body reads as `null`; `serde::de::IgnoredAny` takes any.
    ///
    /// A token that ends is renewed once. A connection that had gone stale is replaced once, if
    /// sending twice is harmless.
    ///
    /// # Errors
    /// Every [`ClientError`].
    pub async fn request<Req, Resp>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Req>,
    ) -> Result<Resp, ClientError>
    where
        Req: Serialize + Sync + ?Sized,
        Resp: DeserializeOwned,
    {
        self.request_if(method, path, body, &Conditions::default())
            .await
    }

    /// The same as [`Http::request`], on conditions.
    ///
    /// # Errors
    /// Every [`ClientError`]; [`ClientError::Api`] with `conflict` when the thing has changed.
    pub async fn request_if<Req, Resp>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Req>,
        conditions: &Conditions,
    ) -> Result<Resp, ClientError>
    where
        Req: Serialize + Sync + ?Sized,
        Resp: DeserializeOwned,
    {
        let prepared = Prepared::new(self.url(), method, path, body, conditions)?;
        let bytes = self
            .limited(async {
                let (response, sender) = self.authorised(&prepared).await?;
                self.finish(response, sender).await
            })
            .await?;
        parsed(path, &bytes)
    }

    /// Reads a thing.
    ///
    /// # Errors
    /// As [`Http::request`].
    pub async fn get<Resp: DeserializeOwned>(&self, path: &str) -> Result<Resp, ClientError> {
        self.request(Method::Get, path, None::<&()>).await
    }

    /// Adds to a thing or acts on it.
    ///
    /// # Errors
    /// As [`Http::request`].
    pub async fn post<Req: Serialize + Sync + ?Sized, Resp: DeserializeOwned>(
        &self,
        path: &str,
        body: &Req,
    ) -> Result<Resp, ClientError> {
        self.request(Method::Post, path, Some(body)).await
    }

    /// Replaces a thing.
    ///
    /// # Errors
    /// As [`Http::request`].
    pub async fn put<Req: Serialize + Sync + ?Sized, Resp: DeserializeOwned>(
        &self,
        path: &str,
        body: &Req,
    ) -> Result<Resp, ClientError> {
        self.request(Method::Put, path, Some(body)).await
    }

    /// Removes a thing.
    ///
    /// # Errors
    /// As [`Http::request`].
    pub async fn delete<Resp: DeserializeOwned>(&self, path: &str) -> Result<Resp, ClientError> {
        self.request(Method::Delete, path, None::<&()>).await
    }

    /// Sends bytes as they are, under a name of their own and with these headers, and reads the
    /// answer. `sent` tells how many are on their way; the time limit grows with them, for slow
    /// lines.
    ///
    /// # Errors
    /// As [`Http::request`].
    pub async fn upload<Resp: DeserializeOwned>(
        &self,
        path: &str,
        headers: &[(&'static str, String)],
        bytes: Bytes,
        key: &CommandId,
        sent: &Arc<AtomicU64>,
    ) -> Result<Resp, ClientError> {
        let conditions = Conditions {
            if_match: None,
            idempotency_key: Some(key.clone()),
        };
        let mut prepared = Prepared::new(self.url(), Method::Post, path, None::<&()>, &conditions)?;
        let media = HeaderValue::from_static("application/octet-stream");
        prepared.headers.insert(CONTENT_TYPE, media);
        for (name, value) in headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| ClientError::Protocol(format!("{name} is no value of a header")))?;
            prepared.headers.insert(*name, value);
        }
        let pieces = u32::try_from(bytes.len() / PIECE_BYTES).unwrap_or(u32::MAX);
        prepared.body = bytes;
        prepared.sent = Arc::clone(sent);
        let limit = ANSWER_LIMIT + PIECE_LIMIT.saturating_mul(pieces);
        let answer = self.within(limit, async {
            let (response, sender) = self.authorised(&prepared).await?;
            self.finish(response, sender).await
        });
        parsed(path, &answer.await?)
    }

    /// Begins to read a body of any length, such as a backup. Only its beginning has a time
    /// limit.
    ///
    /// # Errors
    /// As [`Http::request`].
    pub async fn download(&self, method: Method, path: &str) -> Result<Download, ClientError> {
        let conditions = Conditions::default();
        let prepared = Prepared::new(self.url(), method, path, None::<&()>, &conditions)?;
        // The connection belongs to the stream now and ends with it.
        let (response, _) = self.limited(self.authorised(&prepared)).await?;
        Ok(Download::new(self.url().clone(), response.into_body()))
    }

    /// Begins to read a body line by line, such as the tail of the log.
    ///
    /// # Errors
    /// As [`Http::request`].
    pub async fn lines(&self, path: &str) -> Result<Lines, ClientError> {
        Ok(Lines::new(self.download(Method::Get, path).await?))
    }

    /// Sends a request with a token; with another one when that was refused. An answer that is
    /// an error comes back as one.
    async fn authorised(&self, prepared: &Prepared) -> Result<Answer, ClientError> {
        let Some(source) = &self.0.token else {
            return self.answer(prepared, None).await;
        };
        let token = source.token().await?;
        match self.answer(prepared, Some(&token)).await {
            Err(error) if error.code() == Some(ErrorCode::Unauthenticated) => {
                match source.renew(&token).await? {
                    Some(token) => self.answer(prepared, Some(&token)).await,
                    None => Err(error),
                }
            }
            answer => answer,
        }
    }

    async fn answer(
        &self,
        prepared: &Prepared,
        token: Option<&Token>,
    ) -> Result<Answer, ClientError> {
        let (response, sender) = self.send(prepared, token).await?;
        let status = response.status();
        if status.is_success() {
            return Ok((response, sender));
        }
        let body = self.finish(response, sender).await?;
        Err(match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(body) => body.error.into(),
            Err(_) => self.unexplained(status),
        })
    }

    /// An error status whose body is not a hub's: of a proxy, or of something else altogether.
    fn unexplained(&self, status: StatusCode) -> ClientError {
        match status {
            StatusCode::UNAUTHORIZED => ClientError::Api(ApiError {
                code: ErrorCode::Unauthenticated,
                message: "the hub wants a login".to_owned(),
                hint: None,
                request_id: String::new(),
                retry_after_ms: None,
            }),
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => self.unreachable(format!("a proxy answered {status}")),
            _ => ClientError::Protocol(format!("{status} without a reason from {}", self.url())),
        }
    }

    async fn send(
        &self,
        prepared: &Prepared,
        token: Option<&Token>,
    ) -> Result<Answer, ClientError> {
        let idle = self.0.idle.lock().await.take();
        if let Some(sender) = idle.filter(|sender| !sender.is_closed()) {
            match self.send_over(sender, prepared, token).await {
                Err(failed) if failed.unseen || prepared.repeatable => {}
                answer => return answer.map_err(|failed| failed.error),
            }
        }
        let sender = self.connect().await?;
        self.send_over(sender, prepared, token)
            .await
            .map_err(|failed| failed.error)
    }

    async fn send_over(
        &self,
        mut sender: Sender,
        prepared: &Prepared,
        token: Option<&Token>,
    ) -> Result<Answer, Failed> {
        let seen = |error| Failed {
            error,
            unseen: false,
        };
        let request = prepared.request(token).map_err(seen)?;
        if let Err(error) = sender.ready().await {
            return Err(Failed {
                error: self.broken(&error),
                unseen: true,
            });
        }
        match sender.try_send_request(request).await {
            Ok(response) => Ok((response, sender)),
            Err(mut error) => Err(Failed {
                unseen: error.take_message().is_some(),
                error: self.broken(error.error()),
            }),
        }
    }

    async fn connect(&self) -> Result<Sender, ClientError> {
        let stream = self.0.connector.connect().await?;
        let (sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(64 * 1024)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        // Ends by itself with its sender and its last body; its errors reach the requests.
        drop(tokio::spawn(connection));
        Ok(sender)
    }

    /// Reads the rest of an answer, after which its connection is good for the next request.
    async fn finish(
        &self,
        response: Response<Incoming>,
        sender: Sender,
    ) -> Result<Bytes, ClientError> {
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        match body.collect().await {
            Ok(body) => {
                *self.0.idle.lock().await = Some(sender);
                Ok(body.to_bytes())
            }
            Err(error) if error.is::<LengthLimitError>() => Err(ClientError::Protocol(format!(
                "more than {ANSWER_BYTES_MAX} bytes; ask for less at a time"
            ))),
            Err(error) => Err(self.unreachable(format!("the answer broke off ({error})"))),
        }
    }

    async fn limited<T>(
        &self,
        work: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        self.within(ANSWER_LIMIT, work).await
    }

    async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        tokio::time::timeout(limit, work)
            .await
            .map_err(|_| late(self.url(), limit))?
    }

    fn broken(&self, error: &hyper::Error) -> ClientError {
        if error.is_parse() {
            return ClientError::Protocol(format!("{} does not speak HTTP", self.url()));
        }
        self.unreachable("connection cut".to_owned())
    }

    fn unreachable(&self, why: String) -> ClientError {
        ClientError::Unreachable {
            url: self.url().clone(),
            why,
        }
    }
}

/// The fields of an answer; one without a body is `null`.
fn parsed<Resp: DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<Resp, ClientError> {
    let json: &[u8] = if bytes.is_empty() { b"null" } else { bytes };
    serde_json::from_slice(json)
        .map_err(|error| ClientError::Protocol(format!("{path} gave other fields: {error}")))
}

impl Prepared {
    fn new<Req: Serialize + ?Sized>(
        url: &HubUrl,
        method: Method,
        path: &str,
        body: Option<&Req>,
        conditions: &Conditions,
    ) -> Result<Self, ClientError> {
        let unsendable =
            |why: String| ClientError::Protocol(format!("cannot ask for {path}: {why}"));
        let header = |text: String| {
            HeaderValue::try_from(text).map_err(|error| unsendable(error.to_string()))
        };
        let mut headers = HeaderMap::new();
        headers.insert(HOST, header(url.authority())?);
        let agent = concat!("frontdesk/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        let mut named = conditions.idempotency_key.is_some();
        let body = match body {
            Some(body) => {
                let json =
                    serde_json::to_value(body).map_err(|error| unsendable(error.to_string()))?;
                named |= json.get("cid").is_some_and(serde_json::Value::is_string);
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Bytes::from(json.to_string())
            }
            None => Bytes::new(),
        };
        if let Some(rev) = conditions.if_match {
            headers.insert(IF_MATCH, HeaderValue::from(rev));
        }
        if let Some(cid) = &conditions.idempotency_key {
            headers.insert("idempotency-key", header(cid.to_string())?);
        }
        Ok(Self {
            method,
            path: path.to_owned(),
            headers,
            body,
            sent: Arc::default(),
            repeatable: named || method != Method::Post,
        })
    }

    fn request(&self, token: Option<&Token>) -> Result<Request<Outgoing>, ClientError> {
        let unsendable = |why: &dyn fmt::Display| {
            ClientError::Protocol(format!("cannot ask for {}: {why}", self.path))
        };
        // Sent once more, it begins anew.
        self.sent.store(0, Ordering::Relaxed);
        let body = Outgoing::new(self.body.clone(), Arc::clone(&self.sent));
        let mut request = Request::builder()
            .method(self.method.as_http())
            .uri(&self.path)
            .body(body)
            .map_err(|error| unsendable(&error))?;
        request.headers_mut().clone_from(&self.headers);
        if let Some(token) = token {
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|_| unsendable(&"the token has characters that no token has"))?;
            bearer.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        Ok(request)
    }
}
