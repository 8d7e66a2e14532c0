//! What the tests of this folder share: a listener on loopback, a client of plain bytes, and
//! certificates made on the spot.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use warp::{filters::BoxedFilter, reply::Response};

use crate::{
    config::Limits,
    http::{
        gate::{Census, Gate},
        listener::{ListenLimits, serve},
        tls::TlsReloader,
    },
};

/// The plainest request.
pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A listener that serves until this is dropped or told to stop.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) tracker: TaskTracker,
    _stopped: DropGuard,
}

/// Serves `filter` on a free port of loopback; the accept loop is a task of the tracker too.
pub(crate) async fn start(
    filter: BoxedFilter<(Response,)>,
    tls: Option<TlsReloader>,
    limits: ListenLimits,
) -> Running {
    let census = Census::new(&Limits::default(), &[]);
    start_with(filter, tls, limits, census).await
}

/// The same, counting connections by `census`.
pub(crate) async fn start_with(
    filter: BoxedFilter<(Response,)>,
    tls: Option<TlsReloader>,
    limits: ListenLimits,
    census: Census,
) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a fixture works");
    let addr = listener.local_addr().expect("a fixture works");
    let stop = CancellationToken::new();
    let tracker = TaskTracker::new();
    let service = warp::service(filter);
    let serving = serve(
        listener,
        service,
        tls,
        Gate::new(&limits, census),
        limits,
        tracker.clone(),
        stop.clone(),
    );
    tracker.spawn(serving);
    tracker.close();
    Running {
        addr,
        stop: stop.clone(),
        tracker,
        _stopped: stop.drop_guard(),
    }
}

/// The default limits with waits that no test outlasts, however busy the machine.
pub(crate) fn patient() -> ListenLimits {
    waiting(Duration::from_secs(60))
}

/// The default limits with waits short enough to be waited for.
pub(crate) fn impatient() -> ListenLimits {
    waiting(Duration::from_millis(500))
}

fn waiting(wait: Duration) -> ListenLimits {
    ListenLimits {
        header_timeout: wait,
        tls_handshake_timeout: wait,
        stall_timeout: wait,
        drain_timeout: wait,
        ..ListenLimits::default()
    }
}

/// The outcome of `event`, which has to come long before a test would be called stuck.
pub(crate) async fn in_time<F: Future>(event: F) -> F::Output {
    timeout(Duration::from_secs(20), event)
        .await
        .expect("the event came within 20 s")
}

/// A response as far as its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
}

/// Sends the bytes of a request and reads one answer without a body, or with one that
/// `content-length` announces.
pub(crate) async fn exchange<S>(stream: &mut S, request: &str) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a fixture works");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(in_time(stream.read_u8()).await.expect("a fixture works"));
    }
    let head = String::from_utf8(head).expect("a fixture works");
    let status = head["HTTP/1.1 ".len()..][..3]
        .parse()
        .expect("a fixture works");
    let body_bytes = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; body_bytes];
    in_time(stream.read_exact(&mut body))
        .await
        .expect("a fixture works");
    Answer { status, head }
}

/// Everything up to the close by the other side, be it orderly or a reset.
pub(crate) async fn read_to_close<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut bytes = Vec::new();
    match in_time(stream.read_to_end(&mut bytes)).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    bytes
}

/// One answer, as long as its head says; the other side may leave the connection open.
pub(crate) async fn read_answer<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse().ok())?
            });
            if length.is_some_and(|length: usize| body.len() >= length) {
                return bytes;
            }
        }
        let read = in_time(stream.read_buf(&mut bytes)).await;
        assert_ne!(read.expect("an answer"), 0, "closed amid an answer");
    }
}

/// A certificate and its key as files, in a folder that goes with it.
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    _folder: TempDir,
}

/// A self-signed certificate for `name`.
pub(crate) fn tls_files(name: &str) -> TlsFiles {
    let folder = tempfile::tempdir().expect("a fixture works");
    let files = TlsFiles {
        certificate: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
        _folder: folder,
    };
    files.write(CertificateParams::new([name.to_owned()]).expect("a fixture works"));
    files
}

impl TlsFiles {
    /// Replaces both files by a new self-signed certificate and its key.
    pub(crate) fn write(&self, params: CertificateParams) {
        let key = KeyPair::generate().expect("a fixture works");
        let certificate = params.self_signed(&key).expect("a fixture works");
        fs::write(&self.certificate, certificate.pem()).expect("a fixture works");
        fs::write(&self.key, key.serialize_pem()).expect("a fixture works");
        set_mode(&self.key, 0o600);
    }

    /// The certificate that the file holds now.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(&self.certificate).expect("a fixture works")
    }

    /// Connects and trusts only the certificate that the file holds now.
    pub(crate) async fn connect(&self, addr: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()).expect("a fixture works");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("a fixture works")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a fixture works");
        let socket = TcpStream::connect(addr).await?;
        in_time(TlsConnector::from(Arc::new(config)).connect(name, socket)).await
    }
}

/// Sets the permission bits of a file.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a fixture works");
}
