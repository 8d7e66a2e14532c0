//! A hub with a certificate: programs that trust its authority come in, nobody else does, and a
//! renewed certificate is taken up without ending a connection.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::Signal;
use shared::{
    api::{SessionTokens, Setup},
    client::{
        error::ClientError,
        http::Http,
        outbox::Outbox,
        session::{Token, TokenSource},
        socket::SocketOptions,
        tls::TlsOptions,
        url::HubUrl,
    },
    text::SafeText,
};
use tests::{
    figure,
    hub::{HubProcess, HubSetup},
    robot::Robot,
    site::PASSWORD,
};

use crate::doors::{HONEST_MAX, connect_from, trickle};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a certificate for loopback, signed by `authority`, and its key.
fn certify(folder: &Path, authority: &Authority) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    fs::set_permissions(folder.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
}

fn trust(folder: &Path, name: &str, authority: &Authority) -> TlsOptions {
    let path = folder.join(name);
    fs::write(&path, authority.pem()).unwrap();
    TlsOptions { ca: Some(path) }
}

/// The flags of a hub with the certificate in `folder`.
fn served(folder: &Path) -> HubSetup {
    HubSetup {
        args: ["cert", "key"]
            .iter()
            .flat_map(|part| {
                let file = folder.join(format!("{part}.pem"));
                [format!("--tls-{part}"), file.display().to_string()]
            })
            .collect(),
        ..HubSetup::default()
    }
}

/// S20: a certificate of another host is refused by the client, and a handshake of TLS 1.1, or of
/// none, by the hub.
#[tokio::test(flavor = "multi_thread")]
async fn another_host_and_an_old_version_get_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let signer = authority();
    certify(folder.path(), &signer);
    let hub = HubProcess::start_with(served(folder.path()));
    let trusting = trust(folder.path(), "ca.pem", &signer);
    let at = |host: &str| HubUrl::parse(&format!("https://{host}:{}", hub.address().port()));
    let live = async |url: HubUrl| {
        let http = Http::new(&url, None, &trusting).unwrap();
        http.get::<serde_json::Value>("/livez").await
    };
    assert!(live(at("127.0.0.1").unwrap()).await.is_ok());
    let other = live(at("localhost").unwrap()).await;
    assert!(matches!(other, Err(ClientError::Tls(_))), "{other:?}");

    // A hello of TLS 1.1: no extensions, one suite that every old client offers.
    let mut hello = vec![0x03, 0x02];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let length = u8::try_from(hello.len()).unwrap();
    let head = [0x16, 0x03, 0x01, 0, length + 4, 1, 0, 0, length];
    let old = [&head[..], &hello].concat();
    for (what, bytes) in [
        ("TLS 1.1", old),
        ("plain HTTP", b"GET /livez HTTP/1.1\r\n\r\n".to_vec()),
    ] {
        let mut stream = tokio::net::TcpStream::connect(hub.address()).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes)
            .await
            .unwrap();
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
        // The end may be a reset; what counts is that an alert is all that came.
        drop(
            tokio::time::timeout(crate::raw::SOON, read)
                .await
                .expect(what),
        );
        assert!(answer.is_empty() || answer[0] == 0x15, "{what}: {answer:?}");
        assert!(answer.len() < 16, "{what}: {answer:?}");
    }
}

/// S21: handshakes that come a byte at a time, or stop, end at their deadline, and an honest client
/// comes in meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_trickle_end_and_keep_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let signer = authority();
    certify(folder.path(), &signer);
    let config = folder.path().join("hub.toml");
    fs::write(&config, "[limits]\ntls_handshake_ms = 700\n").unwrap();
    let mut setup = served(folder.path());
    setup
        .args
        .extend(["--config".to_owned(), config.display().to_string()]);
    let hub = HubProcess::start_with(setup);
    let trusting = trust(folder.path(), "ca.pem", &signer);
    let url = HubUrl::parse(&format!("https://{}", hub.address())).unwrap();
    // A handshake record of 16,000 bytes: the head of a hello, and then nothing but its randomness.
    let head = [0x16, 3, 1, 0x3e, 0x80, 1, 0, 0x3e, 0x7c, 3, 3];
    let slow = (0..16).map(async |_| {
        let stream = connect_from([127, 0, 0, 2], hub.address()).await;
        trickle(stream, &head, &[7]).await
    });
    let honest = async {
        let start = Instant::now();
        let http = Http::new(&url, None, &trusting).unwrap();
        let live = http.get::<serde_json::Value>("/livez").await;
        assert!(live.is_ok(), "{live:?}");
        start.elapsed()
    };
    let (ends, took) = tokio::join!(join_all(slow), honest);
    for end in ends {
        let end = end.expect("a handshake goes on for ever");
        let due = Duration::from_millis(600)..Duration::from_secs(20);
        assert!(due.contains(&end), "a handshake ended after {end:?}");
    }
    figure(
        "honest_beside_slow_handshakes",
        took.as_millis(),
        "ms",
        "1000",
    );
    assert!(took < HONEST_MAX, "{took:?}");
}

/// S20: a client trusts who signed the certificate of the hub, and nobody else.
///
/// F26: a renewed certificate is served, one that is garbage ends no
/// connection: the last good one stays, and the log says so.
#[tokio::test(flavor = "multi_thread")]
async fn tls_is_verified_and_renewed_under_a_live_socket() {
    let folder = tempfile::tempdir().unwrap();
    let old = authority();
    certify(folder.path(), &old);
    let hub = HubProcess::start_with(served(folder.path()));
    let url = HubUrl::parse(&format!("https://{}", hub.address())).unwrap();
    let trusting = trust(folder.path(), "old.pem", &old);

    let code = fs::read_to_string(hub.data().join("setup-code")).unwrap();
    let setup = Setup {
        code: code.trim().into(),
        username: SafeText::line("olga"),
        name: SafeText::line("Olga"),
        password: PASSWORD.into(),
    };
    let stranger = Http::new(&url, None, &TlsOptions::default()).unwrap();
    let refused = stranger
        .post::<_, SessionTokens>("/api/setup", &setup)
        .await;
    assert!(matches!(refused, Err(ClientError::Tls(_))), "{refused:?}");
    let open = Http::new(&url, None, &trusting).unwrap();
    let owner: SessionTokens = open.post("/api/setup", &setup).await.unwrap();
    let robot = Robot::connect(
        "olga",
        SocketOptions {
            url: url.clone(),
            tls: trusting,
            token: TokenSource::Fixed(Token::new(owner.access_token.into_exposed())),
            client: "frontdesk-tests/0.1.0".into(),
            cursor: None,
            outbox: Outbox::in_memory(),
            watches: false,
        },
    );
    robot.live().await;

    let new = authority();
    certify(folder.path(), &new);
    hub.process().signal(Signal::HUP);
    let renewed = trust(folder.path(), "new.pem", &new);
    // The signal is taken up a moment later: each try is a new connection.
    let mut served = false;
    for _ in 0..500 {
        let fresh = Http::new(&url, None, &renewed).unwrap();
        let answer = fresh.get::<serde_json::Value>("/livez").await;
        served = answer.is_ok();
        if served {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(served, "the new certificate is not served");

    fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
    hub.process().signal(Signal::HUP);
    let soon = Duration::from_secs(30);
    tokio::task::block_in_place(|| hub.process().wait_error("the old certificate stays", soon));
    let fresh = Http::new(&url, None, &renewed).unwrap();
    let answer = fresh.get::<serde_json::Value>("/livez").await;
    assert!(
        answer.is_ok(),
        "the last good one is not served: {answer:?}"
    );
    robot
        .until("still live", |seen| seen.live && seen.connects == 1)
        .await;
}
