//! A login that several programs share.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use shared::{
    client::{
        credentials::{Credentials, CredentialsFile},
        error::ClientError,
        http::Http,
        outbox::Outbox,
        session::{Session, Token},
        socket::{SocketEvent, StopReason},
        tls::TlsOptions,
    },
    frame::ClientFrame,
    time::Timestamp,
};

use crate::{
    peer::{Peer, serve_http},
    socket::{connect_as, next},
};

const LONG_AGO: i64 = 0;
const FAR_AWAY: i64 = 253_402_207_200_000;

fn credentials(access: &str, refresh: &str, expires_at_ms: i64) -> Credentials {
    Credentials {
        user: "ana".to_owned(),
        access_token: Token::new(access.to_owned()),
        refresh_token: Token::new(refresh.to_owned()),
        expires_at: Timestamp::from_ms(expires_at_ms),
    }
}

fn file(dir: &tempfile::TempDir) -> CredentialsFile {
    CredentialsFile::new(dir.path().join("credentials.toml"), "desk".to_owned())
}

/// A program of its own: nothing is shared with another one but the file.
fn program(peer: &Peer, dir: &tempfile::TempDir) -> Session {
    let http = Http::new(&peer.url, None, &TlsOptions::default()).unwrap();
    Session::new(file(dir), http)
}

fn tokens(access: &str, refresh: &str) -> Value {
    json!({
        "user": {"id": 7, "username": "ana", "name": "Ana", "role": "agent", "departments": [],
            "status": "offline", "capacity": null, "active": true, "rev": 1},
        "access_token": access, "refresh_token": refresh,
        "expires_at": Timestamp::from_ms(FAR_AWAY),
    })
}

fn refused() -> Value {
    json!({"error": {"code": "unauthenticated", "message": "the session is over", "request_id": ""}})
}

#[tokio::test]
async fn programs_that_renew_at_once_use_the_refresh_token_once() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Arc::new(Peer::bind().await);
    file(&dir)
        .store(&credentials("old", "r1", LONG_AGO))
        .unwrap();
    let renewals = Arc::new(AtomicUsize::new(0));
    let server = tokio::spawn({
        let (peer, renewals) = (Arc::clone(&peer), Arc::clone(&renewals));
        async move {
            loop {
                let renewals = Arc::clone(&renewals);
                peer.http(move |asked| {
                    assert_eq!(asked.path, "/api/auth/refresh");
                    assert_eq!(asked.header("authorization"), None);
                    match (renewals.fetch_add(1, Ordering::SeqCst), asked.body) {
                        (0, body) if body == json!({"refresh_token": "r1"}) => {
                            (200, tokens("new", "r2"))
                        }
                        _ => (401, refused()),
                    }
                })
                .await;
            }
        }
    });
    let programs = [
        program(&peer, &dir),
        program(&peer, &dir),
        program(&peer, &dir),
    ];
    let [a, b, c] = &programs;
    let old = Token::new("old".to_owned());
    let (a, b, c) = tokio::join!(a.token(), b.token(), c.renew(&old));
    for token in [a, b, c] {
        assert_eq!(token.unwrap().expose(), "new");
    }
    assert_eq!(renewals.load(Ordering::SeqCst), 1);
    let stored = file(&dir).load().unwrap().unwrap();
    assert_eq!(
        stored.refresh_token.expose(),
        "r2",
        "stored before it was used"
    );
    server.abort();
}

#[tokio::test]
async fn a_token_that_is_good_asks_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::bind().await;
    file(&dir)
        .store(&credentials("good", "r1", FAR_AWAY))
        .unwrap();
    let token = program(&peer, &dir).token().await.unwrap();
    assert_eq!(token.expose(), "good");
}

#[tokio::test]
async fn nobody_logged_in_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::bind().await;
    let error = program(&peer, &dir).token().await.unwrap_err();
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().contains("log"), "{error}");
}

#[tokio::test]
async fn a_request_whose_token_is_refused_is_asked_again_with_another() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::bind().await;
    file(&dir)
        .store(&credentials("old", "r1", FAR_AWAY))
        .unwrap();
    let session = program(&peer, &dir);
    let http = Http::new(&peer.url, Some(session.into()), &TlsOptions::default()).unwrap();
    let answer = |asked: crate::peer::Asked| match asked.path.as_str() {
        "/api/auth/refresh" => (200, tokens("new", "r2")),
        _ if asked.header("authorization") == Some("Bearer new") => (200, json!("in")),
        _ => (401, refused()),
    };
    let server = async { tokio::join!(peer.http(answer), peer.http(answer)) };
    let got: Value =
        tokio::select! { got = http.get("/api/x") => got.unwrap(), _ = server => panic!() };
    assert_eq!(got, json!("in"));
}

#[tokio::test]
async fn a_socket_whose_token_ends_renews_it_once_and_then_stops() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::bind().await;
    file(&dir)
        .store(&credentials("old", "r1", FAR_AWAY))
        .unwrap();
    let (_handle, mut events) = connect_as(&peer, Outbox::in_memory(), program(&peer, &dir).into());
    let (link, hello) = peer.hello().await;
    assert!(matches!(hello, ClientFrame::Hello { token, .. } if token == "old"));
    link.close(4401, "expired").await;

    let renewal = serve_http(peer.tcp().await, |_| (200, tokens("new", "r2")));
    let (link, hello) = tokio::select! {
        () = renewal => panic!("the connection is kept"),
        again = peer.hello() => again,
    };
    assert!(matches!(hello, ClientFrame::Hello { token, .. } if token == "new"));
    link.close(4401, "revoked").await;
    let why = StopReason::Revoked;
    assert_eq!(next(&mut events).await, SocketEvent::Stopped { why });
    assert_eq!(events.recv().await, None);
}

#[tokio::test]
async fn a_session_that_is_over_stops_the_socket() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::bind().await;
    file(&dir)
        .store(&credentials("old", "r1", LONG_AGO))
        .unwrap();
    let session = program(&peer, &dir);
    let (_handle, mut events) = connect_as(&peer, Outbox::in_memory(), session.into());
    let server = peer.http(|_| (401, refused()));
    let event = tokio::select! { event = next(&mut events) => event, () = server => next(&mut events).await };
    let why = StopReason::Revoked;
    assert_eq!(event, SocketEvent::Stopped { why });
    let kept = file(&dir).load().unwrap().unwrap();
    assert_eq!(kept.refresh_token.expose(), "r1", "nothing is thrown away");
}

#[tokio::test]
async fn a_hub_away_is_no_end_of_a_session() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::bind().await;
    file(&dir)
        .store(&credentials("old", "r1", LONG_AGO))
        .unwrap();
    let session = program(&peer, &dir);
    drop(peer.tcp());
    let url = peer.url.clone();
    drop(peer);
    let error = session.token().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { url: away, .. } if away == url));
}
