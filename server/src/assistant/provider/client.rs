//! One POST to a model's service: connection, limits of time and size, and nothing of what is
//! said. No redirect, no proxy, no cookie, no compression.

use std::{
    error::Error,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, StatusCode, Uri,
    body::Incoming,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT},
};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        self,
        connect::{
            HttpConnector, capture_connection,
            dns::{GaiResolver, Name},
        },
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier, client::WantsClientCert,
    crypto::ring,
};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower_service::Service;

use super::{EndpointError, Fail, endpoint::may_lead_to};

/// Largest answer, in bytes; what a model thinks aloud may be long.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest error that is read, in bytes.
const ERROR_BYTES_MAX: usize = 64 * 1024;
/// Bytes that are read at once; also the largest head of an answer.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long a connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(30);

/// Sends requests to one service. Clones share its connections.
#[derive(Clone, Debug)]
pub(super) struct Client(legacy::Client<HttpsConnector<HttpConnector<Names>>, Full<Bytes>>);

/// Limits of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) connect: Duration,
    /// From the connection to the first byte of the answer's body.
    pub(super) first_byte: Duration,
}

/// A call without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) fail: Fail,
    /// Another try may help and costs nothing twice.
    pub(super) repeatable: bool,
}

/// What came of a call.
pub(super) enum Answer {
    /// The service began to answer.
    Begun(Body),
    /// It would not; with the value of `error` in its words, or null.
    Refused {
        status: u16,
        headers: HeaderMap,
        error: Value,
    },
}

/// A body that is read piece by piece.
pub(super) struct Body {
    incoming: Incoming,
    first_by: Option<Instant>,
    left_bytes: usize,
}

impl Client {
    /// Reads the roots that this system trusts, if they are needed. Connects to nothing yet.
    pub(super) fn new(is_secure: bool) -> Result<Self, EndpointError> {
        if !is_secure {
            return Ok(Self::build(
                tls().with_root_certificates(RootCertStore::empty()),
                false,
            ));
        }
        let config = tls()
            .with_native_roots()
            .map_err(|_| EndpointError::NoRoots)?;
        Ok(Self::build(config, true))
    }

    /// Trusts these authorities and speaks TLS alone.
    #[cfg(test)]
    pub(super) fn with_roots(roots: RootCertStore) -> Self {
        Self::build(tls().with_root_certificates(roots), true)
    }

    fn build(config: ConfigBuilder<ClientConfig, WantsClientCert>, is_secure: bool) -> Self {
        let schemes = HttpsConnectorBuilder::new().with_tls_config(config.with_no_client_auth());
        let mut tcp = HttpConnector::new_with_resolver(Names(GaiResolver::new()));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = if is_secure {
            schemes.https_only().enable_http1().wrap_connector(tcp)
        } else {
            schemes.https_or_http().enable_http1().wrap_connector(tcp)
        };
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http1_max_buf_size(BUFFER_BYTES)
            .build(connector);
        Self(client)
    }

    /// Sends `body`, and waits until its answer begins.
    pub(super) async fn post(
        &self,
        uri: &Uri,
        key: Option<&(HeaderName, HeaderValue)>,
        body: Bytes,
        patience: Patience,
    ) -> Result<Answer, Failed> {
        let mut request = Request::post(uri)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "text/event-stream, application/json")
            .header(USER_AGENT, concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))
            .expect("the parts of a request are checked when the provider is made");
        if let Some((name, value)) = key {
            request.headers_mut().insert(name, value.clone());
        }
        let mut connection = capture_connection(&mut request);
        let connected = async { drop(connection.wait_for_connection_metadata().await) };
        let sent = self.0.request(request);
        tokio::pin!(sent);
        let early = tokio::select! {
            biased;
            response = &mut sent => Some(response),
            () = connected => None,
            () = tokio::time::sleep(patience.connect) => {
                return Err(Failed { fail: Fail::Timeout, repeatable: true });
            }
        };
        let first_by = Instant::now() + patience.first_byte;
        let response = match early {
            Some(response) => response,
            None => tokio::time::timeout_at(first_by, sent)
                .await
                .map_err(|_| LATE)?,
        };
        let (head, incoming) = response.map_err(|error| broken(&error))?.into_parts();
        let body = Body {
            incoming,
            first_by: Some(first_by),
            left_bytes: ANSWER_BYTES_MAX,
        };
        if head.status == StatusCode::OK {
            return Ok(Answer::Begun(body));
        }
        Ok(Answer::Refused {
            status: head.status.as_u16(),
            headers: head.headers,
            error: body.error().await,
        })
    }
}

/// The names that the system knows, without the addresses where no model may be. Judged here and
/// not before the call: a name may lead elsewhere the next time it is asked for.
#[derive(Clone, Debug)]
struct Names(GaiResolver);

impl Service<Name> for Names {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let host = name.as_str().to_owned();
        let found = self.0.call(name);
        Box::pin(async move {
            let found = found.await?;
            let fit = found.filter(|place| may_lead_to(&host, place.ip()));
            let fit = fit.collect::<Vec<_>>();
            if fit.is_empty() {
                let why = "the name leads to no address where a model may be";
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
            Ok(fit.into_iter())
        })
    }
}

fn tls() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .expect("ring speaks TLS 1.2 and 1.3")
}

/// The first byte did not come in time. The service may be at work on it, so it is not asked to
/// do the same again.
const LATE: Failed = Failed {
    fail: Fail::Timeout,
    repeatable: false,
};

impl Body {
    /// The next piece; none at the end.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, Failed> {
        loop {
            let is_first = self.first_by.is_some();
            let next = self.incoming.frame();
            let frame = match self.first_by {
                Some(first_by) => tokio::time::timeout_at(first_by, next)
                    .await
                    .map_err(|_| LATE)?,
                None => next.await,
            };
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|_| Failed {
                fail: Fail::Transport,
                repeatable: is_first,
            })?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if data.is_empty() {
                continue;
            }
            self.first_by = None;
            self.left_bytes = self.left_bytes.checked_sub(data.len()).ok_or(Failed {
                fail: Fail::Malformed,
                repeatable: false,
            })?;
            return Ok(Some(data));
        }
    }

    /// The value of `error` in an answer that is one. Whatever goes wrong with it, the status
    /// says enough.
    async fn error(mut self) -> Value {
        self.left_bytes = ERROR_BYTES_MAX;
        let mut bytes = Vec::new();
        while let Ok(Some(piece)) = self.piece().await {
            bytes.extend_from_slice(&piece);
        }
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        // Gemini answers with a list where a stream was not asked for as events.
        let body = body.get(0).unwrap_or(&body);
        match body.get("error") {
            Some(Value::String(message)) => json!({"message": message}),
            Some(error) => error.clone(),
            // Some local servers leave the envelope out.
            None => body.clone(),
        }
    }
}

/// A connection that failed, or an answer that is no HTTP.
fn broken(error: &legacy::Error) -> Failed {
    let mut source = error.source();
    while let Some(inner) = source {
        let http = inner.downcast_ref::<hyper::Error>();
        if http.is_some_and(hyper::Error::is_parse) {
            return Failed {
                fail: Fail::Malformed,
                repeatable: false,
            };
        }
        source = inner.source();
    }
    Failed {
        fail: Fail::Transport,
        repeatable: true,
    }
}
