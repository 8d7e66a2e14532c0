//! The second factor by hand: set up, asked for only when needed, recovered, reset. No code is ever
//! in an argument.

use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::{Value, json};
use tests::cli::Cli;
use tests::desk::{Desk, PATIENCE};
use tests::exposure::{can_look, exposed};
use tests::hub::HubSetup;
use tests::process::Output;
use tests::programs::programs;
use tests::pty::{Pty, Terminal};
use totp_rs::{Builder, Secret};

use crate::raw::{call, send};

const CUSTOMER_PASSWORD: &str = "violet harbour turnip 42";

/// What an app shows now for a secret.
fn shown(secret: &str) -> String {
    let seed = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_secret(seed).build().unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    totp.generate(now.unwrap().as_secs()).to_string()
}

fn admin(cli: &Cli, args: &[&str], stdin: &str) -> Output {
    cli.run(&programs().admin, args, stdin, PATIENCE)
}

#[track_caller]
fn done(cli: &Cli, args: &[&str], stdin: &str) -> Value {
    let output = admin(cli, &[args, &["-o", "json"]].concat(), stdin);
    assert_eq!(output.code(), 0, "{args:?}: {output:?}");
    serde_json::from_str(&output.stdout).unwrap_or_default()
}

fn file(cli: &Cli, name: &str, text: &str) -> PathBuf {
    let path = cli.home().path().join(name);
    std::fs::write(&path, format!("{text}\n")).unwrap();
    path
}

/// Waits for a question, answers it, and looks for the secrets where others could see them.
#[track_caller]
fn answer(pty: &Pty, question: &str, text: &str, secrets: &[String]) {
    pty.wait_for(question, PATIENCE, |screen| {
        screen.contents().to_lowercase().contains(question)
    });
    assert!(!pty.is_cooked(), "what is typed would show");
    if can_look() {
        assert_eq!(exposed(secrets), Vec::<String>::new());
    }
    pty.send(format!("{text}\r"));
}

/// S9, S26: staff.
#[test]
fn a_second_factor_is_asked_for_when_there_is_one() {
    let mut desk = Desk::start();
    let password = desk.secrets(&[])[1].clone();
    let status = done(&desk.owner, &["totp", "status"], "");
    assert_eq!(status["recovery_codes"], 0, "{status}");
    let begin = ["totp", "enable", "--password-stdin"];
    let begun = done(&desk.owner, &begin, &format!("{password}\n"));
    let secret = begun["secret"].as_str().unwrap();
    let uri = begun["uri"].as_str().unwrap();
    assert!(
        uri.starts_with("otpauth://totp/") && uri.contains(secret),
        "{uri}"
    );
    let code = file(&desk.owner, "code", &shown(secret));
    let confirm = ["totp", "confirm", "--totp-file", code.to_str().unwrap()];
    let codes = done(&desk.owner, &confirm, "");
    let codes: Vec<String> = codes["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes.len(), 10);
    let mut secrets = vec![password.clone(), secret.to_owned()];
    secrets.extend(codes.clone());

    // A script is told what to give, and gives it.
    let elsewhere = desk.customer();
    let url = desk.hub.url();
    let login = [
        "login",
        "--hub",
        &url,
        "--username",
        "olga",
        "--password-stdin",
    ];
    let missing = admin(&elsewhere, &login, &format!("{password}\n"));
    assert_eq!(missing.code(), 2, "{missing:?}");
    assert!(missing.stderr.contains("--totp-file"), "{missing:?}");
    let recovery = file(&elsewhere, "recovery", &codes[0]);
    let with_code = [&login[..], &["--totp-file", recovery.to_str().unwrap()]].concat();
    let entered = admin(&elsewhere, &with_code, &format!("{password}\n"));
    assert_eq!(entered.code(), 0, "{entered:?}");
    let again = admin(&elsewhere, &with_code, &format!("{password}\n"));
    assert_eq!(again.code(), 4, "a recovery code works once: {again:?}");
    let both = [&login[..], &["--totp-file", "-"]].concat();
    assert_eq!(admin(&elsewhere, &both, "x\n").code(), 2);

    // A person is asked.
    let words = ["login", "--hub", &url, "--username", "olga"];
    let terminal = Terminal::sized(40, 120);
    let pty = Pty::start(elsewhere.home(), terminal, &programs().admin, &words);
    answer(&pty, "password:", &password, &secrets);
    answer(&pty, "code of your authenticator app:", &codes[1], &secrets);
    pty.wait_text("logged in to", PATIENCE);
    let screen = pty.screen();
    assert!(
        !screen.contains(&codes[1]) && !screen.contains(&password),
        "{screen}"
    );

    // Who lost theirs has it reset by those above, and by nobody else.
    let ana = desk.agent("Ana", "Customer Care");
    let refused = admin(&ana, &["totp", "reset", "olga", "--yes"], "");
    assert_ne!(refused.code(), 0, "{refused:?}");
    let begun = done(&ana, &begin, &format!("{password}\n"));
    let code = file(&ana, "code", &shown(begun["secret"].as_str().unwrap()));
    done(
        &ana,
        &["totp", "confirm", "--totp-file", code.to_str().unwrap()],
        "",
    );
    let reset = admin(
        &desk.owner,
        &["totp", "reset", "ana", "--yes", "--confirm", "ana"],
        "",
    );
    assert_eq!(reset.code(), 0, "{reset:?}");
    let ended = admin(&ana, &["whoami"], "");
    assert_eq!(ended.code(), 4, "{ended:?}");
    let tail = desk.done(&["tail", "--no-follow", "-o", "ndjson"]);
    assert!(tail.contains("totp_reset"), "{tail}");
}

/// S9: a registered customer.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_asked_too() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hub.toml");
    std::fs::write(&config, "registration = true\n").unwrap();
    let setup = HubSetup {
        args: vec!["--config".into(), config.display().to_string()],
        ..HubSetup::default()
    };
    let desk = Desk::start_with(setup);
    let hub = desk.hub.address();
    let body = json!({"username": "bo", "name": "Bo", "password": CUSTOMER_PASSWORD});
    let bo = send(hub, None, "POST", "/api/auth/register", &body)
        .await
        .json();
    let token = bo["access_token"].as_str();
    let begin = json!({"password": CUSTOMER_PASSWORD});
    let begun = send(hub, token, "POST", "/api/auth/totp", &begin)
        .await
        .json();
    let code = shown(begun["secret"].as_str().unwrap());
    let confirm = json!({"code": code});
    let codes = send(hub, token, "POST", "/api/auth/totp/confirm", &confirm).await;
    assert_eq!(codes.status, 201, "{}", codes.body);
    let codes = codes.json();
    let recovery = codes["codes"][0].as_str().unwrap().to_owned();
    let status = call(hub, token, "GET", "/api/auth/totp", b"").await.json();
    assert_eq!(status["recovery_codes"], 10);

    let customer = desk.customer();
    tokio::task::block_in_place(|| {
        let secrets = [CUSTOMER_PASSWORD.to_owned(), recovery.clone()];
        let words = ["login", "--username", "bo"];
        let pty = desk.chat(&customer, &words);
        answer(&pty, "password:", CUSTOMER_PASSWORD, &secrets);
        answer(&pty, "code of your authenticator app:", &recovery, &secrets);
        pty.wait_text("logged in at", PATIENCE);
    });
}
