//! The hub's certificate: read from PEM files, and replaced while the hub runs.
//!
//! Deliberately absent: ACME, client certificates, HTTP/2. Something else renews the files and
//! asks for a reload; connections that are open keep the certificate they began with.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    CertificateError, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer, UnixTime,
        pem::{self, PemObject},
    },
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use thiserror::Error;
use zeroize::Zeroizing;

/// Longest PEM file read, in bytes. A chain is a few KiB.
const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// The certificate in use and the files it comes from. Clones share the certificate.
#[derive(Clone, Debug)]
pub(crate) struct TlsReloader {
    files: Arc<Files>,
    current: Arc<RwLock<Arc<CertifiedKey>>>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// Why a certificate and its key cannot be used.
#[derive(Debug, Error)]
pub(crate) enum TlsError {
    /// A file is missing or unreadable.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the hub's user can read the key.
    #[error(
        "key file {} is open to others (mode {mode:04o}); make it 0600, or 0640 if root owns it",
        path.display()
    )]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key belongs to neither the hub's user nor root.
    #[error("key file {} belongs to user {owner}; give it to the hub's user", path.display())]
    ForeignOwner {
        /// The key file.
        path: PathBuf,
        /// The numeric id of its owner.
        owner: u32,
    },
    /// A file holds no PEM section of the kind wanted.
    #[error("{} is not the PEM file it should be: {source}", path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// Key and certificate do not fit, are of an unknown kind, or the certificate is out of date.
    #[error("certificate {} cannot be used: {source}", path.display())]
    Unusable {
        /// The certificate file.
        path: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
}

impl TlsReloader {
    /// Reads the chain (leaf first) and its key. Blocks on two small files.
    ///
    /// # Errors
    /// Any [`TlsError`]: an unreadable or malformed file, a key others can read, a key that is not
    /// the certificate's, a certificate that has expired or is not valid yet.
    pub(crate) fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let files = Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        let current = files.read()?;
        Ok(Self {
            files: Arc::new(files),
            current: Arc::new(RwLock::new(Arc::new(current))),
        })
    }

    /// Reads the same files again and gives new connections what they hold now. Blocks on two
    /// small files.
    ///
    /// # Errors
    /// As [`TlsReloader::load`]; the certificate in use then stays.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let fresh = Arc::new(self.files.read()?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// TLS 1.2 and 1.3, HTTP/1.1 only, answering with whatever certificate is current.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("ring has cipher suites of both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

impl ResolvesServerCert for TlsReloader {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

impl Files {
    fn read(&self) -> Result<CertifiedKey, TlsError> {
        let (chain, _) = read_file(&self.certificate)?;
        let chain = CertificateDer::pem_slice_iter(&chain)
            .collect::<Result<Vec<_>, _>>()
            .and_then(|chain| match chain.is_empty() {
                true => Err(pem::Error::NoItemsFound),
                false => Ok(chain),
            })
            .map_err(|source| TlsError::Pem {
                path: self.certificate.clone(),
                source,
            })?;
        let key = self.read_key()?;
        let provider = ring::default_provider();
        in_date(&chain, &provider)
            .and_then(|()| CertifiedKey::from_der(chain, key, &provider))
            .map_err(|source| TlsError::Unusable {
                path: self.certificate.clone(),
                source,
            })
    }

    fn read_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let (key, metadata) = read_file(&self.key)?;
        let owner = metadata.uid();
        if owner != 0 && owner != rustix::process::geteuid().as_raw() {
            return Err(TlsError::ForeignOwner {
                path: self.key.clone(),
                owner,
            });
        }
        // A group on a file of root's was put there by root: a certificate group, or the access
        // list of a systemd credential, which shows as group bits. PostgreSQL draws the same line.
        let forbidden = if owner == 0 { 0o037 } else { 0o077 };
        let mode = metadata.mode() & 0o7777;
        if mode & forbidden != 0 {
            return Err(TlsError::Exposed {
                path: self.key.clone(),
                mode,
            });
        }
        PrivateKeyDer::from_pem_slice(&key).map_err(|source| TlsError::Pem {
            path: self.key.clone(),
            source,
        })
    }
}

/// The bytes and the metadata of one and the same open file.
fn read_file(path: &Path) -> Result<(Zeroizing<Vec<u8>>, std::fs::Metadata), TlsError> {
    let read = || {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(PEM_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok((bytes, metadata))
    };
    read().map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Refuses a leaf that no client would accept today.
///
/// The verifier looks at the dates before it looks for an issuer, so with no roots at all it says
/// either what is wrong with the certificate itself or that the issuer is unknown, as it must be.
fn in_date(
    chain: &[CertificateDer<'static>],
    provider: &CryptoProvider,
) -> Result<(), rustls::Error> {
    let leaf = ParsedCertificate::try_from(&chain[0])?;
    let verdict = rustls::client::verify_server_cert_signed_by_trust_anchor(
        &leaf,
        &RootCertStore::empty(),
        &[],
        UnixTime::now(),
        provider.signature_verification_algorithms.all,
    );
    match verdict {
        Err(rustls::Error::InvalidCertificate(
            reason @ (CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }),
        )) => Err(reason.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, date_time_ymd};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };
    use warp::{Filter, Reply};

    use crate::http::{
        fixture::{
            GET, TlsFiles, exchange, impatient, patient, read_to_close, set_mode, start, tls_files,
        },
        tls::{TlsError, TlsReloader},
    };

    fn hello() -> warp::filters::BoxedFilter<(warp::reply::Response,)> {
        warp::any().map(|| "hello".into_response()).boxed()
    }

    fn load(files: &TlsFiles) -> Result<TlsReloader, TlsError> {
        TlsReloader::load(&files.certificate, &files.key)
    }

    fn localhost() -> CertificateParams {
        CertificateParams::new(["localhost".to_owned()]).unwrap()
    }

    #[tokio::test]
    async fn a_reload_gives_new_connections_the_new_certificate() {
        let files = tls_files("localhost");
        let tls = load(&files).unwrap();
        let hub = start(hello(), Some(tls.clone()), patient()).await;
        let mut old = files.connect(hub.addr).await.unwrap();
        assert_eq!(exchange(&mut old, GET).await.status, 200);

        let first = files.certificate();
        files.write(localhost());
        assert_ne!(first, files.certificate());
        // The client trusts the new file alone, and the hub does not have it yet.
        files.connect(hub.addr).await.unwrap_err();
        tls.reload().unwrap();
        let mut new = files.connect(hub.addr).await.unwrap();
        assert_eq!(exchange(&mut new, GET).await.status, 200);
        // The open connection is not dropped.
        assert_eq!(exchange(&mut old, GET).await.status, 200);
    }

    #[tokio::test]
    async fn whatever_is_wrong_on_reload_the_old_certificate_stays() {
        let files = tls_files("localhost");
        let tls = load(&files).unwrap();
        let hub = start(hello(), Some(tls.clone()), patient()).await;
        let (certificate, key) = (
            fs::read(&files.certificate).unwrap(),
            fs::read(&files.key).unwrap(),
        );
        let other = tls_files("localhost");
        let garbage = b"-----BEGIN CERTIFICATE-----\n????\n".to_vec();
        let not_der = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
        for (wrong_certificate, wrong_key) in [
            (b"".to_vec(), key.clone()),
            (garbage, key.clone()),
            (not_der, key.clone()),
            (key.clone(), key.clone()),
            (certificate.clone(), b"garbage".to_vec()),
            (certificate.clone(), certificate.clone()),
            (certificate.clone(), fs::read(&other.key).unwrap()),
        ] {
            fs::write(&files.certificate, wrong_certificate).unwrap();
            fs::write(&files.key, wrong_key).unwrap();
            tls.reload().unwrap_err();
            fs::write(&files.certificate, &certificate).unwrap();
            fs::write(&files.key, &key).unwrap();
            let mut client = files.connect(hub.addr).await.unwrap();
            assert_eq!(exchange(&mut client, GET).await.status, 200);
        }
        fs::remove_file(&files.key).unwrap();
        assert!(matches!(tls.reload(), Err(TlsError::Read { .. })));
    }

    /// S20: the hub serves no certificate that is out of date.
    #[test]
    fn a_certificate_out_of_date_is_refused() {
        let files = tls_files("localhost");
        let tls = load(&files).unwrap();
        for (from, to) in [(2001, 2002), (2090, 2091)] {
            let mut params = localhost();
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
            files.write(params);
            assert!(matches!(tls.reload(), Err(TlsError::Unusable { .. })));
        }
        files.write(localhost());
        tls.reload().unwrap();
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let files = tls_files("localhost");
        for (mode, fits) in [
            (0o600, true),
            (0o400, true),
            (0o640, rustix::process::geteuid().is_root()),
            (0o660, false),
            (0o604, false),
            (0o644, false),
            (0o610, false),
        ] {
            set_mode(&files.key, mode);
            match load(&files) {
                Ok(_) => assert!(fits, "{mode:o} was accepted"),
                Err(error) => {
                    assert!(!fits, "{mode:o}: {error}");
                    assert!(error.to_string().contains(&format!("mode {mode:04o}")));
                }
            }
        }
    }

    #[tokio::test]
    async fn a_plain_client_on_the_tls_port_is_cut() {
        let files = tls_files("localhost");
        let hub = start(hello(), Some(load(&files).unwrap()), patient()).await;
        let mut client = TcpStream::connect(hub.addr).await.unwrap();
        client.write_all(GET.as_bytes()).await.unwrap();
        let answer = read_to_close(&mut client).await;
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_handshake_that_never_comes_is_cut() {
        let files = tls_files("localhost");
        let hub = start(hello(), Some(load(&files).unwrap()), impatient()).await;
        let mut silent = TcpStream::connect(hub.addr).await.unwrap();
        assert!(read_to_close(&mut silent).await.is_empty());
    }

    #[tokio::test]
    async fn tls_1_2_is_spoken_and_1_1_is_refused() {
        let files = tls_files("localhost");
        let hub = start(hello(), Some(load(&files).unwrap()), patient()).await;
        for (minor, answer) in [
            // A handshake record that begins with the ServerHello (RFC 5246, sections 6.2, 7.4).
            (3, (22, 2)),
            // A fatal alert, protocol_version (section 7.2).
            (2, (21, 70)),
        ] {
            let mut client = TcpStream::connect(hub.addr).await.unwrap();
            client.write_all(&client_hello(minor)).await.unwrap();
            let mut record = [0; 7];
            client.read_exact(&mut record).await.unwrap();
            let said = if record[0] == 21 {
                record[6]
            } else {
                record[5]
            };
            assert_eq!((record[0], said), answer, "version 3.{minor}");
        }
    }

    /// The greeting of a client that speaks nothing above version 3.`minor`.
    fn client_hello(minor: u8) -> Vec<u8> {
        let extensions: &[&[u8]] = &[
            b"\x00\x0a\x00\x04\x00\x02\x00\x1d", // groups: x25519
            b"\x00\x0d\x00\x04\x00\x02\x04\x03", // signatures: ECDSA on P-256 with SHA-256
            b"\x00\x0b\x00\x02\x01\x00",         // points: uncompressed
        ];
        let extensions = extensions.concat();
        let body = [
            &[3, minor][..],
            &[7; 32],            // random
            b"\x00",             // no session
            b"\x00\x02\xc0\x2b", // ECDHE-ECDSA with AES-128-GCM
            b"\x01\x00",         // no compression
            &[0, extensions.len() as u8],
            &extensions,
        ]
        .concat();
        let record = [&[1, 0, 0, body.len() as u8][..], &body].concat();
        [&[22, 3, 1, 0, record.len() as u8][..], &record].concat()
    }
}
