//! The log of the hub, and the hub told by its environment alone: each line is one JSON object,
//! whatever people write, and no secret is in any. S25 of the threats.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use shared::id::CommandId;
use tests::{
    cli::Cli,
    home::Home,
    hub::HubSetup,
    process::{Exit, Process},
    programs::programs,
    site::{PASSWORD, Site},
};

use crate::raw::{Raw, call, hello, send};

const SOON: Duration = Duration::from_secs(60);
/// Words that end a line and begin another, and steer a terminal.
const FORGED: &str =
    "Eve\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{1b}[31m\r\u{9b}2J\u{202e}";

/// S25: a name with a line of its own and an escape sequence makes one valid line, at the loudest
/// level too; passwords, tokens, codes and what people say are in none.
#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_json_and_no_secret_is_in_any() {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let setup = HubSetup {
        env: vec![
            set("FRONTDESK_LOG_FORMAT", "json"),
            set("FRONTDESK_LOG", "trace"),
        ],
        ..HubSetup::default()
    };
    let site = Site::start_with(setup, &[]).await;
    let (hub, owner) = (site.hub.address(), Some(site.owner.token.as_str()));
    let said = "canary-of-a-message";
    let guest = site.guest("Cora", "Customer Care", said).await.unwrap();
    let body = json!({"name": FORGED, "text": FORGED, "cid": CommandId::random()});
    send(hub, None, "POST", "/api/chats", &body).await;
    let body = json!({"username": FORGED, "password": "canary-of-a-password"});
    send(hub, None, "POST", "/api/auth/login", &body).await;
    send(
        hub,
        owner,
        "POST",
        "/api/departments",
        &json!({"name": FORGED}),
    )
    .await;
    let mut raw = Raw::open(hub).await;
    let mut greeting = hello(&guest.token);
    greeting["client"] = json!("x\n{\"level\":\"ERROR\"}\u{1b}[31m");
    raw.say(&greeting).await;
    raw.until("live", |frame| frame["type"] == "live").await;
    raw.ask(&json!({"type": "post_message", "chat": guest.chat, "text": FORGED}))
        .await;
    call(
        hub,
        Some("fda_canary-of-a-token"),
        "GET",
        "/api/auth/me",
        b"",
    )
    .await;
    call(hub, None, "GET", "/api/auth/me?token=canary-of-a-url", b"").await;
    drop(raw);
    assert_eq!(site.hub.terminate(), Exit::Code(0));

    let log = site.hub.process().stderr();
    assert!(log.lines().count() > 10, "nothing was logged: {log}");
    let mut greeted = 0;
    for line in log.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| {
            panic!("no JSON ({error}): {line:?}");
        });
        let known = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];
        let level = value["level"].as_str().unwrap_or_default();
        assert!(
            known.contains(&level) && value["timestamp"].is_string(),
            "{line}"
        );
        assert!(
            !line.chars().any(|c| c.is_control() || c == '\u{202e}'),
            "{line:?}"
        );
        assert_ne!(value["message"], "forged");
        greeted += usize::from(
            value["client"]
                .as_str()
                .is_some_and(|it| it.starts_with("x ")),
        );
    }
    assert!(
        greeted > 0,
        "the forged name of a program was not logged at all"
    );
    for secret in [
        PASSWORD,
        &site.owner.token,
        &site.owner.refresh,
        &guest.token,
        said,
        "canary-of-a-password",
        "canary-of-a-token",
        "canary-of-a-url",
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}

/// A hub that is told everything by its environment.
fn launch(home: &Home, vars: &[(&str, &str)]) -> Process {
    let home = vars.iter().fold(home.clone(), |home, (name, value)| {
        home.with_env(name, value)
    });
    Process::start(&home, &programs().hub, [""; 0])
}

/// S25, S36: each variable of the environment is heeded: where the data is, where to listen, which
/// file has the settings, how and how much is logged; and a flag beats it.
#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_heeded() {
    let home = Home::new();
    let text = |name: &str| home.path().join(name).display().to_string();
    let (data, config, kb) = (text("data"), text("settings.toml"), text("kb"));
    let store = format!("redb:{}", text("elsewhere/desk.redb"));
    fs::write(&config, "origins = [\"https://desk.example.com\"]\n").unwrap();
    fs::create_dir(&kb).unwrap();
    fs::write(
        home.path().join("kb/hours.md"),
        "---\ntitle: Hours\nquestions:\n  - when are you open\n---\nWe are open at nine.\n",
    )
    .unwrap();
    let vars = [
        ("FRONTDESK_DATA", &*data),
        ("FRONTDESK_LISTEN", "127.0.0.1:0"),
        ("FRONTDESK_STORE", &store),
        ("FRONTDESK_CONFIG", &config),
        ("FRONTDESK_KB", &kb),
        ("FRONTDESK_LOG_FORMAT", "json"),
        ("FRONTDESK_LOG", "debug"),
    ];
    let mut hub = launch(&home, &vars);
    let line = hub.wait_line("listening on ", SOON, |line| line.contains("listening on "));
    let address: std::net::SocketAddr = line.rsplit("://").next().unwrap().trim().parse().unwrap();
    assert!(home.path().join("elsewhere/desk.redb").is_file());
    assert!(home.path().join("data/setup-code").is_file());
    assert!(!home.path().join("data/desk.redb").exists());
    let handshake = "GET /ws HTTP/1.1\r\nhost: desk\r\nupgrade: websocket\r\n\
        connection: upgrade\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\norigin: https://desk.example.com\r\n\r\n";
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut head = [0; 12];
    tokio::io::AsyncWriteExt::write_all(&mut stream, handshake.as_bytes())
        .await
        .unwrap();
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut head)
        .await
        .unwrap();
    assert_eq!(
        &head, b"HTTP/1.1 101",
        "the origin of the settings may come in"
    );
    hub.signal(rustix::process::Signal::TERM);
    assert_eq!(hub.wait_exit(SOON), Exit::Code(0));
    let log = hub.stderr();
    assert!(
        !log.is_empty() && log.lines().all(|line| line.starts_with('{')),
        "{log}"
    );

    // A flag beats the variable, and what makes no sense is named with exit 2.
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a str);
    let cases: &[Case<'_>] = &[
        (&[("FRONTDESK_LISTEN", "nowhere")], &[], "--listen"),
        (&[("FRONTDESK_LISTEN", "0.0.0.0:0")], &[], "0.0.0.0:0"),
        (&[("FRONTDESK_TLS_CERT", "cert.pem")], &[], "--tls-key"),
        (&[("FRONTDESK_TLS_KEY", "key.pem")], &[], "--tls-cert"),
        (&[("FRONTDESK_LOG_FORMAT", "xml")], &[], "xml"),
        (&[("FRONTDESK_LOG", "nonsense=loud")], &[], "nonsense=loud"),
        (
            &[("FRONTDESK_CONFIG", "/nonsense.toml")],
            &[],
            "/nonsense.toml",
        ),
        (&[("FRONTDESK_STORE", "mysql://x")], &[], "mysql"),
        (
            &[
                ("FRONTDESK_LISTEN", "0.0.0.0:0"),
                ("FRONTDESK_BEHIND_PROXY", "true"),
            ],
            &[],
            "127.0.0.1",
        ),
        (
            &[("FRONTDESK_LISTEN", "127.0.0.1:0")],
            &["--listen", "0.0.0.0:0"],
            "0.0.0.0:0",
        ),
    ];
    for (vars, args, word) in cases {
        let home = vars.iter().fold(Home::new(), |home, (name, value)| {
            home.with_env(name, value)
        });
        let data = home.path().join("data").display().to_string();
        let home = home.with_env("FRONTDESK_DATA", data);
        let output = Cli::new(home).run(&programs().hub, args, "", SOON);
        assert_eq!(output.exit, Exit::Code(2), "{vars:?}: {output:?}");
        assert!(output.stderr.contains(word), "{vars:?}: {}", output.stderr);
    }
}
