//! How a client gets a byte stream to a hub: TCP, and TLS that always verifies.
//!
//! There is no way to switch verification off; a private authority is named by its certificate.

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{
    client::{error::ClientError, url::HubUrl},
    error::exit,
};

/// Limit for name resolution, TCP and TLS together.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// By what a hub is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// A PEM file; only what it signed is trusted then, and the system's roots are not.
    pub ca: Option<PathBuf>,
}

/// Why a hub is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The named file of authorities cannot be used.
    #[error("cannot use the certificates in {}: {why}; name a PEM file", path.display())]
    Ca {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system trusts nobody.
    #[error("this system has no trusted certificates ({0}); name the hub's authority with --ca")]
    NoRoots(String),
    /// The handshake failed: another name, expired, unknown authority, or too old a version.
    #[error(
        "the hub at {url} cannot be trusted: {why}; name its authority with --ca if it is a private one"
    )]
    Handshake {
        /// Which hub.
        url: HubUrl,
        /// What is wrong.
        why: String,
    },
}

impl TlsError {
    /// The exit code of a program that ends because of this.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Ca { .. } => exit::USAGE,
            Self::NoRoots(_) | Self::Handshake { .. } => exit::FAILURE,
        }
    }
}

/// A byte stream to a hub.
pub trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// A byte stream that is on its way.
pub type Dialling = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;

/// Makes byte streams over another network than the system's, such as one that a simulation makes.
pub type Dial = Arc<dyn Fn() -> Dialling + Send + Sync>;

/// Makes byte streams to one hub.
pub(crate) struct Connector {
    url: HubUrl,
    tls: Option<TlsConnector>,
    dial: Option<Dial>,
}

impl Connector {
    pub(crate) fn new(url: HubUrl, options: &TlsOptions) -> Result<Self, TlsError> {
        let tls = url.is_secure().then(|| config(options)).transpose()?;
        Ok(Self {
            url,
            tls: tls.map(|config| TlsConnector::from(Arc::new(config))),
            dial: None,
        })
    }

    /// Over another network than the system's.
    pub(crate) fn over(self, dial: Dial) -> Self {
        Self {
            dial: Some(dial),
            ..self
        }
    }

    pub(crate) const fn url(&self) -> &HubUrl {
        &self.url
    }

    pub(crate) async fn connect(&self) -> Result<Box<dyn Stream>, ClientError> {
        tokio::time::timeout(CONNECT_LIMIT, self.connect_unlimited())
            .await
            .map_err(|_| ClientError::Timeout {
                url: self.url.clone(),
                limit_s: CONNECT_LIMIT.as_secs(),
            })?
    }

    async fn connect_unlimited(&self) -> Result<Box<dyn Stream>, ClientError> {
        let unreachable = |error: io::Error| ClientError::Unreachable {
            url: self.url.clone(),
            why: reason(&error),
        };
        if let Some(dial) = &self.dial {
            return dial().await.map_err(unreachable);
        }
        let tcp = self.tcp().await.map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(tcp));
        };
        let untrusted = |why: String| TlsError::Handshake {
            url: self.url.clone(),
            why,
        };
        let name = ServerName::try_from(self.url.host().to_owned())
            .map_err(|error| untrusted(error.to_string()))?;
        match tls.connect(name, tcp).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(untrusted(error.to_string()).into())
            }
            Err(error) => Err(unreachable(error)),
        }
    }

    async fn tcp(&self) -> io::Result<TcpStream> {
        let addresses = tokio::net::lookup_host((self.url.host(), self.url.port())).await?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            // A hosts file may send "localhost" anywhere; secrets in the clear stay here.
            if !self.url.is_secure() && !address.ip().is_loopback() {
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// The innermost reason of an error, in words that people know.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "connection cut".to_owned(),
        io::ErrorKind::UnexpectedEof => "connection closed".to_owned(),
        _ => error.to_string(),
    }
}

fn config(options: &TlsOptions) -> Result<ClientConfig, TlsError> {
    let roots = match &options.ca {
        Some(path) => pinned(path)?,
        None => native()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn pinned(path: &Path) -> Result<RootCertStore, TlsError> {
    let unusable = |why: String| TlsError::Ca {
        path: path.to_owned(),
        why,
    };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("there is no certificate in it".to_owned()));
    }
    Ok(roots)
}

fn native() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found
            .errors
            .first()
            .map_or_else(|| "none were found".to_owned(), ToString::to_string);
        return Err(TlsError::NoRoots(why));
    }
    Ok(roots)
}
