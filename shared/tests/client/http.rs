//! Requests, their answers, their connection and whom they trust.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use shared::{
    client::{
        error::ClientError,
        http::{Conditions, Http, Method},
        session::Token,
        tls::TlsOptions,
        url::HubUrl,
    },
    error::ErrorCode,
    id::CommandId,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use crate::peer::{Asked, Peer, serve_http};

fn http(peer: &Peer) -> Http {
    let token = Token::new("secret".to_owned());
    Http::new(&peer.url, Some(token.into()), &TlsOptions::default()).unwrap()
}

/// Reads a request from a raw connection and answers with these bytes.
async fn answer_raw(stream: &mut TcpStream, answer: &str) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && !request.ends_with(b"}") {
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0, "the client hung up");
        request.extend_from_slice(&buffer[..read]);
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(request).unwrap()
}

const EMPTY_OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn requests_carry_what_they_must_over_one_connection() {
    let peer = Peer::bind().await;
    let http = http(&peer);
    let asked = Arc::new(Mutex::new(Vec::<Asked>::new()));
    let log = Arc::clone(&asked);
    let key = CommandId::random();
    let conditions = Conditions {
        if_match: Some(7),
        idempotency_key: Some(key.clone()),
    };
    let client = async {
        let read: Value = http.get("/api/users?limit=2").await.unwrap();
        assert_eq!(read, json!({"n": 1}));
        let body = json!({"name": "Ana"});
        let _: IgnoredAny = http
            .request_if(Method::Put, "/api/users/7", Some(&body), &conditions)
            .await
            .unwrap();
        http.delete::<()>("/api/users/7").await.unwrap();
    };
    let server = peer.http(move |request| {
        let mut log = log.lock().unwrap();
        log.push(request);
        match log.len() {
            3 => (204, Value::Null),
            n => (200, json!({"n": n})),
        }
    });
    tokio::select! { () = client => {} () = server => panic!("one connection is enough") }
    let asked = asked.lock().unwrap();
    let lines: Vec<_> = asked
        .iter()
        .map(|asked| format!("{} {}", asked.method, asked.path))
        .collect();
    let expected = [
        "GET /api/users?limit=2",
        "PUT /api/users/7",
        "DELETE /api/users/7",
    ];
    assert_eq!(lines, expected);
    assert_eq!(asked[1].header("authorization"), Some("Bearer secret"));
    assert_eq!(asked[1].header("if-match"), Some("7"));
    assert_eq!(asked[1].header("idempotency-key"), Some(key.as_str()));
    assert_eq!(asked[1].header("content-type"), Some("application/json"));
    assert_eq!(asked[1].body, json!({"name": "Ana"}));
    assert_eq!(asked[0].header("host"), Some(peer.url.authority().as_str()));
    assert_eq!(asked[0].header("content-type"), None);
}

#[tokio::test]
async fn errors_of_the_hub_keep_their_code_hint_and_exit_code() {
    let peer = Peer::bind().await;
    let http = http(&peer);
    let error = json!({"error": {"code": "conflict", "message": "chat 42 is owned by Ana",
        "hint": "look again", "request_id": "r-1"}});
    let client = http.get::<Value>("/api/x");
    let server = peer.http(move |_| (409, error.clone()));
    let error = tokio::select! { answer = client => answer.unwrap_err(), () = server => panic!() };
    assert_eq!(error.code(), Some(ErrorCode::Conflict));
    assert_eq!(error.exit_code(), 6);
    assert_eq!(error.to_string(), "chat 42 is owned by Ana");
    assert_eq!(error.hint(), Some("look again"));
}

#[tokio::test]
async fn answers_that_no_hub_gives_are_told_apart() {
    for (status, exit) in [(502, 7), (503, 7), (504, 7), (404, 1), (301, 1), (401, 4)] {
        let peer = Peer::bind().await;
        let http = http(&peer);
        let client = http.get::<Value>("/api/x");
        let server = peer.http(move |_| (status, json!("sorry")));
        let error =
            tokio::select! { answer = client => answer.unwrap_err(), () = server => panic!() };
        assert_eq!(error.exit_code(), exit, "{status}: {error}");
    }
}

/// Answers once, then breaks the same connection within the second request.
async fn break_second_request(peer: &Peer) {
    let mut stream = peer.tcp().await;
    answer_raw(&mut stream, EMPTY_OK).await;
    answer_raw(&mut stream, "").await;
}

#[tokio::test]
async fn a_stale_connection_is_replaced_only_where_that_is_harmless() {
    let cid = CommandId::random();
    for (method, body, again) in [
        (Method::Get, None, true),
        (Method::Delete, None, true),
        (Method::Put, Some(json!({"a": 1})), true),
        (Method::Post, Some(json!({"a": 1})), false),
        (Method::Post, Some(json!({"a": 1, "cid": cid})), true),
    ] {
        let peer = Peer::bind().await;
        let http = http(&peer);
        let client = async {
            http.get::<()>("/first").await.unwrap();
            http.request::<_, ()>(method, "/second", body.as_ref())
                .await
        };
        let server = async {
            break_second_request(&peer).await;
            let mut stream = peer.tcp().await;
            let request = answer_raw(&mut stream, EMPTY_OK).await;
            assert!(request.contains("/second"));
            std::future::pending::<()>().await;
        };
        let answer = tokio::select! { answer = client => answer, () = server => unreachable!() };
        assert_eq!(answer.is_ok(), again, "{method:?} {body:?}");
        if let Err(error) = answer {
            assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
            assert_eq!(error.exit_code(), 7);
        }
    }
}

#[tokio::test]
async fn a_hub_that_says_nothing_is_given_up() {
    let peer = Peer::bind().await;
    let http = http(&peer);
    let client = http.get::<Value>("/api/x");
    let server = async {
        let mut stream = peer.tcp().await;
        answer_raw(&mut stream, "").await;
        tokio::time::pause();
        std::future::pending::<()>().await;
    };
    let error = tokio::select! { answer = client => answer.unwrap_err(), () = server => panic!() };
    assert!(
        matches!(error, ClientError::Timeout { limit_s: 30, .. }),
        "{error}"
    );
    assert_eq!(error.exit_code(), 7);
}

#[tokio::test]
async fn a_hub_that_is_not_there_is_unreachable() {
    let peer = Peer::bind().await;
    let http = http(&peer);
    let url = peer.url.clone();
    drop(peer);
    let error = http.get::<Value>("/api/x").await.unwrap_err();
    assert_eq!(error.exit_code(), 7);
    let line = error.to_string();
    assert!(
        line.contains("connection refused") && line.contains(&url.to_string()),
        "{line}"
    );
}

#[tokio::test]
async fn lines_come_whole_and_a_break_is_an_error() {
    let peer = Peer::bind().await;
    let http = http(&peer);
    let server = async {
        let mut stream = peer.tcp().await;
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        answer_raw(&mut stream, head).await;
        for chunk in ["3\r\n{\"a\r\n", "6\r\n\":1}\n{\r\n", "4\r\n}\n\nx\r\n"] {
            stream.write_all(chunk.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
        }
        // Another request while the stream is open gets a connection of its own.
        let mut other = peer.tcp().await;
        answer_raw(&mut other, EMPTY_OK).await;
        drop(stream);
    };
    let client = async {
        let mut lines = http.lines("/api/events?follow=1").await.unwrap();
        for expected in ["{\"a\":1}", "{}", ""] {
            assert_eq!(lines.line().await.unwrap().as_deref(), Some(expected));
        }
        http.get::<()>("/api/x").await.unwrap();
        assert!(matches!(
            lines.line().await,
            Err(ClientError::Unreachable { .. })
        ));
    };
    tokio::join!(client, server);
}

#[tokio::test]
async fn a_download_has_no_bound_and_no_time_limit() {
    const CHUNK: usize = 64 * 1024;
    const CHUNKS: usize = 300;
    let peer = Peer::bind().await;
    let http = http(&peer);
    let server = async {
        let mut stream = peer.tcp().await;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
            CHUNK * CHUNKS
        );
        answer_raw(&mut stream, &head).await;
        for _ in 0..CHUNKS {
            stream.write_all(&vec![7; CHUNK]).await.unwrap();
        }
    };
    let client = async {
        let mut download = http.download(Method::Post, "/api/backup").await.unwrap();
        let mut bytes = 0;
        while let Some(chunk) = download.chunk().await.unwrap() {
            bytes += chunk.len();
        }
        assert_eq!(bytes, CHUNK * CHUNKS);
    };
    tokio::join!(client, server);
}

#[tokio::test]
async fn an_answer_without_end_is_refused() {
    let peer = Peer::bind().await;
    let http = http(&peer);
    let server = async {
        let mut stream = peer.tcp().await;
        answer_raw(&mut stream, "HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b' '; 64 * 1024]).await.is_ok() {}
    };
    let client = http.get::<Value>("/api/x");
    let (answer, ()) = tokio::join!(client, server);
    assert!(matches!(answer, Err(ClientError::Protocol(_))));
}

struct Tls {
    acceptor: TlsAcceptor,
    pem: String,
}

fn certificate(name: &str, versions: &[&'static rustls::SupportedProtocolVersion]) -> Tls {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    Tls {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        pem: cert.pem(),
    }
}

async fn get_over_tls(peer: &Peer, tls: &Tls, ca: Option<PathBuf>) -> Result<Value, ClientError> {
    let port = peer.listener.local_addr().unwrap().port();
    let url = HubUrl::parse(&format!("https://localhost:{port}")).unwrap();
    let client = async {
        let http = Http::new(&url, None, &TlsOptions { ca })?;
        http.get("/api/x").await
    };
    let server = async {
        let stream = peer.tcp().await;
        if let Ok(stream) = tls.acceptor.accept(stream).await {
            serve_http(stream, |_| (200, json!(1))).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! { answer = client => answer, () = server => unreachable!() }
}

#[tokio::test]
async fn only_a_pinned_or_known_authority_is_trusted_and_only_for_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let pin = |tls: &Tls| -> io::Result<PathBuf> {
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, &tls.pem)?;
        Ok(path)
    };
    for versions in [&[&rustls::version::TLS12], &[&rustls::version::TLS13]] {
        let peer = Peer::bind().await;
        let good = certificate("localhost", versions);
        let ca = Some(pin(&good).unwrap());
        assert_eq!(get_over_tls(&peer, &good, ca).await.unwrap(), json!(1));
    }
    let peer = Peer::bind().await;
    let versions = rustls::DEFAULT_VERSIONS;
    let good = certificate("localhost", versions);
    let unknown = get_over_tls(&peer, &good, None).await.unwrap_err();
    assert!(matches!(unknown, ClientError::Tls(_)), "{unknown}");
    assert_eq!(unknown.exit_code(), 1);

    let peer = Peer::bind().await;
    let other = certificate("desk.example.org", versions);
    let ca = Some(pin(&other).unwrap());
    let wrong_name = get_over_tls(&peer, &other, ca).await.unwrap_err();
    assert!(matches!(wrong_name, ClientError::Tls(_)), "{wrong_name}");

    let peer = Peer::bind().await;
    let pinned_other = get_over_tls(&peer, &good, Some(pin(&other).unwrap())).await;
    assert!(matches!(pinned_other.unwrap_err(), ClientError::Tls(_)));
}

#[tokio::test]
async fn a_ca_file_that_is_none_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    let url = HubUrl::parse("https://desk.example.org").unwrap();
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    for path in [empty, dir.path().join("missing.pem")] {
        let error = Http::new(&url, None, &TlsOptions { ca: Some(path) }).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
    }
}

#[tokio::test]
async fn a_peer_that_never_finishes_tls_is_given_up() {
    let peer = Peer::bind().await;
    let port = peer.listener.local_addr().unwrap().port();
    let url = HubUrl::parse(&format!("https://localhost:{port}")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, certificate("localhost", rustls::DEFAULT_VERSIONS).pem).unwrap();
    let http = Http::new(&url, None, &TlsOptions { ca: Some(ca) }).unwrap();
    let server = async {
        let _held = peer.tcp().await;
        tokio::time::pause();
        std::future::pending::<()>().await;
    };
    let began = tokio::time::Instant::now();
    let error = tokio::select! {
        answer = http.get::<Value>("/") => answer.unwrap_err(),
        () = server => unreachable!()
    };
    assert!(
        matches!(error, ClientError::Timeout { limit_s: 5, .. }),
        "{error}"
    );
    assert!(began.elapsed() < Duration::from_secs(8));
}
