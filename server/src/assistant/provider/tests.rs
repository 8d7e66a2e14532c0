//! What only shows from inside: TLS with an authority of its own, and the log.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hyper::Uri;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use shared::assistant::AssistantSettings;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::Instant,
};
use tokio_rustls::TlsAcceptor;
use tracing_subscriber::fmt::MakeWriter;

use super::{
    Endpoint, Fail, Key, Kind, Provider, Request, Role, Turn,
    client::{Answer, Client, Failed, Patience},
};

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(20),
    first_byte: Duration::from_secs(20),
};

/// A server of one answer, and its certificate.
async fn secure() -> (Uri, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!(
        "https://localhost:{}/",
        listener.local_addr().unwrap().port()
    );
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(tcp).await else {
                continue;
            };
            stream.read_buf(&mut Vec::new()).await.unwrap_or_default();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(answer).await.unwrap_or_default();
        }
    });
    (uri.parse().unwrap(), cert.der().clone())
}

async fn post(client: &Client, uri: &Uri) -> Result<Bytes, Failed> {
    let answer = client.post(uri, None, Bytes::from_static(b"{}"), PATIENCE);
    match answer.await? {
        Answer::Begun(mut body) => Ok(body.piece().await?.unwrap_or_default()),
        Answer::Refused { status, .. } => panic!("{status}"),
    }
}

/// S32: a name that is made to lead elsewhere (DNS rebinding) meets no certificate of that name,
/// and nothing is sent there.
#[tokio::test]
async fn a_service_is_trusted_by_its_authority_alone() {
    let (uri, certificate) = secure().await;
    let mut roots = RootCertStore::empty();
    let stranger = Client::with_roots(roots.clone());
    let untrusted = Failed {
        fail: Fail::Transport,
        repeatable: true,
    };
    assert_eq!(post(&stranger, &uri).await, Err(untrusted));
    roots.add(certificate).unwrap();
    let friend = Client::with_roots(roots);
    assert_eq!(post(&friend, &uri).await, Ok(Bytes::from_static(b"{}")));
    let other = uri.to_string().replace("localhost", "127.0.0.1");
    let other_name = post(&friend, &other.parse().unwrap()).await;
    assert_eq!(other_name, Err(untrusted), "a certificate is for a name");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_log_at_its_loudest_has_neither_key_nor_text() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let loud = tracing::subscriber::set_default(subscriber);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let answers = tokio::spawn(async move {
        let bodies = [
            r#"{"choices":[{"message":{"content":"model-secret"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"message":{"content":"model-secret"},"finish_reason":"odd-secret"}]}"#,
        ];
        for body in bodies {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream
                .read_buf(&mut Vec::with_capacity(65_536))
                .await
                .unwrap();
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n";
            let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let provider = Provider::new(Endpoint {
        kind: Kind::OpenAi,
        base_url,
        model: "m".into(),
        key: Some(Key::of("sk-key-secret-0123456789", "this test").unwrap()),
        allow_insecure: false,
    })
    .unwrap();
    let request = Request {
        system: "system-secret".into(),
        turns: vec![Turn {
            role: Role::User,
            text: "customer-secret".into(),
        }],
        max_tokens: 9,
        schema: true,
        chat: Some(shared::id::ChatId(4_821)),
    };
    let settings = AssistantSettings {
        provider_retries: 0,
        ..AssistantSettings::default()
    };
    for expect in [Ok("model-secret"), Err(Fail::Blocked), Err(Fail::Transport)] {
        let deadline = Instant::now() + Duration::from_secs(60);
        let reply = provider.complete(&request, &settings, deadline, None).await;
        assert_eq!(
            reply.as_ref().map(|reply| &*reply.text),
            expect.as_ref().copied()
        );
    }
    answers.await.unwrap();
    drop(loud);
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!said.contains("secret"), "{said}");
    assert!(said.contains("4821") && said.contains("blocked"), "{said}");
}
