//! A hub with a certificate: programs that trust its authority come in, nobody else does, and a
//! renewed certificate is taken up without ending a connection.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

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
    hub::{HubProcess, HubSetup},
    robot::Robot,
    site::PASSWORD,
};

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

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_verified_and_renewed_under_a_live_socket() {
    let folder = tempfile::tempdir().unwrap();
    let old = authority();
    certify(folder.path(), &old);
    let hub = HubProcess::start_with(HubSetup {
        args: ["cert", "key"]
            .iter()
            .flat_map(|part| {
                let file = folder.path().join(format!("{part}.pem"));
                [format!("--tls-{part}"), file.display().to_string()]
            })
            .collect(),
        ..HubSetup::default()
    });
    let url = HubUrl::parse(&format!("https://{}", hub.address())).unwrap();
    let trusting = trust(folder.path(), "old.pem", &old);

    let code = fs::read_to_string(hub.data().join("setup-code")).unwrap();
    let setup = Setup {
        code: code.trim().to_owned(),
        username: SafeText::line("olga"),
        name: SafeText::line("Olga"),
        password: PASSWORD.to_owned(),
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
            token: TokenSource::Fixed(Token::new(owner.access_token)),
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
    robot
        .until("still live", |seen| seen.live && seen.connects == 1)
        .await;
}
