//! Accounts on the real hub: claims that race, registration, revocation while frames flow, and a
//! storm of logins. S2, S3, S5, S13 and lesson 8 of the advisories: sessions that outlive their end.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::id::CommandId;
use shared::model::Role;
use tests::hub::{HubProcess, HubSetup};
use tests::site::{PASSWORD, Person, Site};

use crate::raw::{Answer, Raw, call, post, send, status};

/// Five times the second in which an ended session has to be gone: the machine may be busy.
const ENDED_MAX: Duration = Duration::from_secs(5);
const OTHER_PASSWORD: &str = "marble otter lighthouse";
/// One more than the owner is refused with these.
const STORM: usize = 300;

/// S2: of many claims at once with the one code, one makes an owner.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_claims_at_once_one_makes_an_owner() {
    let hub = HubProcess::start_with(HubSetup::default());
    let code = std::fs::read_to_string(hub.data().join("setup-code")).unwrap();
    let hub = &hub;
    let answers: Vec<Answer> = {
        let claims = (0..8).map(|n| {
            let body = json!({"code": code.trim(), "username": format!("claim{n}"),
                "name": "Claim", "password": PASSWORD});
            async move { send(hub.address(), None, "POST", "/api/setup", &body).await }
        });
        join_all(claims).await
    };
    let won: Vec<&Answer> = answers.iter().filter(|one| one.status == 201).collect();
    assert_eq!(won.len(), 1);
    for lost in answers.iter().filter(|one| one.status != 201) {
        assert_eq!((lost.status, lost.code().as_str()), (409, "conflict"));
    }
    let token = won[0].json()["access_token"].as_str().unwrap().to_owned();
    let users = call(hub.address(), Some(&token), "GET", "/api/users", b"").await;
    assert_eq!(users.json()["items"].as_array().map(Vec::len), Some(1));
    assert!(!hub.data().join("setup-code").exists());
}

/// S3: nobody registers as staff, by any word.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_registers_as_staff() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hub.toml");
    std::fs::write(&config, "registration = true\n").unwrap();
    let setup = HubSetup {
        args: vec!["--config".into(), config.display().to_string()],
        ..HubSetup::default()
    };
    let site = Site::start_with(setup, &[]).await;
    let hub = site.hub.address();
    let path = "/api/auth/register";
    for (field, value) in [
        ("role", json!("agent")),
        ("role", json!("admin")),
        ("departments", json!([1])),
        ("is_admin", json!(true)),
        ("active", json!(true)),
    ] {
        let mut body = json!({"username": "eve", "name": "Eve", "password": PASSWORD});
        body[field] = value;
        let refused = send(hub, None, "POST", path, &body).await;
        assert_eq!((refused.status, refused.code().as_str()), (400, "invalid"));
    }
    for path in ["/api/register", "/api/users", "/api/agents"] {
        let body = json!({"username": "eve", "name": "Eve", "role": "agent"});
        let refused = send(hub, None, "POST", path, &body).await;
        assert!(
            matches!(refused.status, 401 | 404),
            "{path}: {}",
            refused.body
        );
    }
    let body = json!({"username": "eve", "name": "Eve", "password": PASSWORD});
    let eve = send(hub, None, "POST", path, &body).await;
    assert_eq!(eve.status, 201, "{}", eve.body);
    assert_eq!(eve.json()["user"]["role"], "customer");
    let token = eve.json()["access_token"].as_str().unwrap().to_owned();
    for path in [
        "/api/users",
        "/api/queue",
        "/api/invitations",
        "/api/settings",
    ] {
        let refused = call(hub, Some(&token), "GET", path, b"").await;
        assert_eq!(refused.status, 403, "{path}: {}", refused.body);
    }
}

/// What ends the sessions of an agent.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Disabled,
    OwnPassword,
    PasswordCode,
    Revoked,
}

/// S13: whatever ends the sessions of an agent who is sending, the socket is closed with 4401
/// within a second, and nothing goes either way after that.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_mid_send() {
    let site = Site::start(&[]).await;
    let cases = [
        (Ending::Disabled, "ana"),
        (Ending::OwnPassword, "ben"),
        (Ending::PasswordCode, "cleo"),
        (Ending::Revoked, "dora"),
    ];
    for (ending, username) in cases {
        let agent = site.staff(username, Role::Agent, &["Customer Care"]).await;
        ends_mid_send(&site, ending, &agent).await;
    }
}

async fn ends_mid_send(site: &Site, ending: Ending, agent: &Person) {
    let (hub, owner) = (site.hub.address(), Some(site.owner.token.as_str()));
    let mut socket = Raw::live(site, &agent.token).await;
    assert_eq!(socket.ask(&status("online")).await["type"], "done");
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let assigned =
        |frame: &Value| frame["event"]["type"] == "chat_assigned" && frame["chat"] == guest.chat.0;
    socket.ever("the chat", assigned).await;
    for n in 0..10 {
        let command = post(guest.chat.0, &format!("before {n}"));
        assert_eq!(socket.ask(&command).await["type"], "done");
    }
    // In flight when the end comes.
    for n in 0..20 {
        let command = post(guest.chat.0, &format!("meanwhile {n}"));
        let frame = json!({"type": "do", "cid": CommandId::random(), "command": command});
        socket.say(&frame).await;
    }
    let path = format!("/api/users/{}", agent.user.id);
    let answer = match ending {
        Ending::Disabled => send(hub, owner, "PUT", &path, &json!({"active": false})).await,
        Ending::OwnPassword => {
            let login = json!({"username": agent.user.username, "password": PASSWORD});
            let other = send(hub, None, "POST", "/api/auth/login", &login)
                .await
                .json();
            let other = other["access_token"].as_str().unwrap().to_owned();
            let change = json!({"old": PASSWORD, "new": OTHER_PASSWORD});
            send(hub, Some(&other), "POST", "/api/auth/password", &change).await
        }
        Ending::PasswordCode => call(hub, owner, "POST", &format!("{path}/password"), b"").await,
        Ending::Revoked => call(hub, owner, "DELETE", &format!("{path}/sessions"), b"").await,
    };
    let ended = Instant::now();
    assert!(
        matches!(answer.status, 200 | 201 | 204),
        "{ending:?}: {}",
        answer.body
    );
    // Another text for each ending: what an earlier one left is told to whoever connects anew.
    let after_the_end = format!("after the end by {ending:?}");
    let after = post(guest.chat.0, &after_the_end);
    assert_eq!(socket.end().await.0, 4401, "{ending:?}");
    let took = ended.elapsed();
    tests::figure("a socket ends after", took.as_millis(), "ms", "1000");
    assert!(took < ENDED_MAX, "{ending:?} took {took:?}");
    let mut customer = Raw::live(site, &guest.token).await;
    assert_eq!(customer.ask(&after).await["type"], "done");
    socket
        .say(&json!({"type": "do", "cid": CommandId::random(),
        "command": post(guest.chat.0, "too late")}))
        .await;
    assert!(
        !socket.has(&after_the_end),
        "{ending:?}: a frame after the end"
    );
    let path = format!("/api/chats/{}/messages?limit=200", guest.chat);
    let said = call(hub, owner, "GET", &path, b"").await.body;
    assert!(
        said.contains("before 9") && said.contains("after the end"),
        "{said}"
    );
    assert!(!said.contains("too late"), "{ending:?}: {said}");
    for token in [&agent.token, &agent.refresh] {
        let refused = call(hub, Some(token), "GET", "/api/auth/me", b"").await;
        assert_eq!(refused.status, 401, "{ending:?}");
    }
}

/// S13: a change of role or departments reaches an open socket at once: what is no longer in sight
/// does not come any more, and what is no longer allowed is refused.
#[tokio::test(flavor = "multi_thread")]
async fn other_rights_reach_an_open_socket_at_once() {
    let site = Site::start(&["Billing"]).await;
    let (hub, owner) = (site.hub.address(), Some(site.owner.token.as_str()));
    for (username, change) in [
        ("ana", json!({"departments": [site.departments["Billing"]]})),
        (
            "sue",
            json!({"role": "agent", "departments": [site.departments["Billing"]]}),
        ),
    ] {
        let agent = site
            .staff(username, Role::Supervisor, &["Customer Care"])
            .await;
        let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
        let mut socket = Raw::live(&site, &agent.token).await;
        let path = format!("/api/users/{}", agent.user.id);
        let changed = send(hub, owner, "PUT", &path, &change).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        let mut customer = Raw::live(&site, &guest.token).await;
        let text = format!("out of sight of {username} now");
        let said = post(guest.chat.0, &text);
        assert_eq!(customer.ask(&said).await["type"], "done");
        let note = json!({"type": "post_message", "chat": guest.chat, "text": "mine",
            "visibility": "note"});
        let answer = socket.ask(&note).await;
        assert_eq!(answer["code"], "not_found", "{username}: {answer}");
        // A second answer is behind everything that was on its way.
        let answer = socket.ask(&note).await;
        assert_eq!(answer["type"], "nack");
        assert!(!socket.has(&text), "{username}");
    }
}

/// S5: 300 logins at once cost a bounded queue and a clear answer, and the chats go on. The bounds
/// are five times the figures: the machine may be busy.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_logins_leaves_the_chats_alone() {
    let site = Site::start(&[]).await;
    let hub = site.hub.address();
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let mut customer = Raw::live(&site, &guest.token).await;
    let quiet = p99_ms(&mut customer, guest.chat.0, 60).await;
    let before_kib = resident_kib(&site);
    let logins = (0..STORM).map(|n| {
        let body = json!({"username": format!("user{n}"), "password": "not the password"});
        async move { send(hub, None, "POST", "/api/auth/login", &body).await }
    });
    let storm = tokio::spawn(join_all(logins.collect::<Vec<_>>()));
    let busy = p99_ms(&mut customer, guest.chat.0, 60).await;
    let during_kib = resident_kib(&site);
    let answers = storm.await.unwrap();
    let count = |status| answers.iter().filter(|one| one.status == status).count();
    let (wrong, busy_answers, throttled) = (count(401), count(503), count(429));
    tests::report(&format!(
        "S5: {STORM} logins: {wrong} looked at, {busy_answers} busy, {throttled} throttled"
    ));
    assert_eq!(wrong + busy_answers + throttled, STORM);
    assert!(wrong > 0 && busy_answers > 0, "the queue was never full");
    for answer in answers.iter().filter(|one| one.status != 401) {
        assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    }
    let grown_kib = during_kib.saturating_sub(before_kib);
    tests::figure("memory of a storm of logins", grown_kib, "KiB", "81920");
    tests::figure("p99 of a chat in a quiet hub", quiet, "ms", "-");
    tests::figure(
        "p99 of a chat in a storm of logins",
        busy,
        "ms",
        "quiet + 50",
    );
    assert!(grown_kib <= 80 * 1_024, "{grown_kib} KiB more");
    assert!(busy <= 5 * quiet + 5 * 50, "{busy} ms against {quiet} ms");
}

/// The slowest but one in a hundred of `count` messages, one after the other.
async fn p99_ms(customer: &mut Raw, chat: u64, count: usize) -> u128 {
    let mut took = Vec::with_capacity(count);
    for n in 0..count {
        let start = Instant::now();
        let done = customer.ask(&post(chat, &format!("line {n}"))).await;
        assert_eq!(done["type"], "done", "{done}");
        took.push(start.elapsed().as_millis());
    }
    took.sort_unstable();
    took[(count * 99 / 100).min(count - 1)]
}

/// Memory of the hub in KiB; 0 where the system does not tell.
fn resident_kib(site: &Site) -> u64 {
    let path = format!("/proc/{}/status", site.hub.process().pid());
    let status = std::fs::read_to_string(path).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let figure = line.and_then(|line| line.split_whitespace().next());
    figure.and_then(|figure| figure.parse().ok()).unwrap_or(0)
}
