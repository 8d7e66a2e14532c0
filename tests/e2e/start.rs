//! Starts that fail with a number and one clear line, and ends that leave everyone and everything
//! well. The numbers are those of the table of exit codes.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Signal, geteuid};
use serde_json::{Value, json};
use shared::model::Role;
use tests::cli::Cli;
use tests::home::Home;
use tests::hub::HubProcess;
use tests::process::{Exit, Output};
use tests::programs::{programs, workspace};
use tests::site::{Person, Site};

use crate::raw::{Raw, call, hello, post, status};

const SOON: Duration = Duration::from_secs(60);
/// What a hub may take for its farewells.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Runs a hub that is not meant to start.
fn hub(args: &[&str]) -> Output {
    Cli::new(Home::new()).run(&programs().hub, args, "", SOON)
}

/// It ended with this code and said one line that has all these words.
#[track_caller]
fn refused(output: &Output, code: i32, words: &[&str]) {
    assert_eq!(output.exit, Exit::Code(code), "{output:?}");
    let lines = output.stderr.lines().collect::<Vec<_>>();
    assert_eq!(lines.len(), 1, "not one line: {}", output.stderr);
    assert!(lines[0].starts_with("error: "), "{}", lines[0]);
    for word in words {
        assert!(lines[0].contains(word), "{word:?} is not in {}", lines[0]);
    }
    assert!(!output.stdout.contains("listening"), "{}", output.stdout);
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn two_hubs_do_not_share_data() {
    let first = HubProcess::start();
    let data = text(&first.data());
    let second = hub(&["--data", &data, "--listen", "127.0.0.1:0"]);
    refused(&second, 75, &["desk.redb", &data]);
    // The first one has lost neither its lock nor its setup code.
    assert!(first.data().join("setup-code").is_file());
    assert_eq!(first.terminate(), Exit::Code(0));
}

#[test]
fn a_file_of_a_newer_version_is_left_to_a_newer_hub() {
    let home = Home::new();
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    private(&data, 0o700);
    let file = data.join("desk.redb");
    fs::copy(
        workspace().join("server/tests/golden/desk-to-come.redb"),
        &file,
    )
    .unwrap();
    private(&file, 0o600);
    // The engine notes each opening in the file, so it is the answer that must stay the same.
    for args in [
        &["--data", &text(&data), "--listen", "127.0.0.1:0"][..],
        &["check", &text(&file)],
        &["--data", &text(&data), "--listen", "127.0.0.1:0"],
    ] {
        refused(&hub(args), 76, &["version 4294967295", "newer hub"]);
    }
    assert!(!data.join("setup-code").exists());
}

#[test]
fn a_file_that_is_no_desk_stays_as_it_is() {
    let home = Home::new();
    let real = HubProcess::start();
    assert_eq!(real.terminate(), Exit::Code(0));
    let desk = fs::read(real.data().join("desk.redb")).unwrap();
    let cases: [(&str, Vec<u8>); 3] = [
        ("text", b"not a desk\n".repeat(1_000)),
        (
            "another database",
            [b"SQLite format 3\0".to_vec(), vec![0; 8_192]].concat(),
        ),
        ("half a desk", desk[..desk.len() / 2].to_vec()),
    ];
    for (what, bytes) in cases {
        let data = home.path().join(what.replace(' ', "-"));
        fs::create_dir(&data).unwrap();
        private(&data, 0o700);
        let file = data.join("desk.redb");
        fs::write(&file, &bytes).unwrap();
        private(&file, 0o600);
        let output = hub(&["--data", &text(&data), "--listen", "127.0.0.1:0"]);
        refused(&output, 65, &[]);
        assert_eq!(fs::read(&file).unwrap(), bytes, "{what} was changed");
    }
}

fn private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let home = Home::new();
    // For root too: nothing lies below a file.
    let file = home.path().join("file");
    fs::write(&file, "x").unwrap();
    let below = text(&file.join("data"));
    refused(
        &hub(&["--data", &below, "--listen", "127.0.0.1:0"]),
        73,
        &[&below],
    );
    refused(
        &hub(&["--data", &text(&file), "--listen", "127.0.0.1:0"]),
        73,
        &[&text(&file)],
    );
    refused(
        &hub(&["--data", "/proc/desk", "--listen", "127.0.0.1:0"]),
        73,
        &["/proc/desk"],
    );
    if geteuid().is_root() {
        #[expect(clippy::print_stderr, reason = "a skipped part is said aloud")]
        {
            eprintln!(
                "skipped: a read-only folder, which root may write; the file above stands in"
            );
        }
        return;
    }
    let data = home.path().join("read-only");
    fs::create_dir(&data).unwrap();
    private(&data, 0o500);
    let output = hub(&["--data", &text(&data), "--listen", "127.0.0.1:0"]);
    refused(&output, 73, &[&text(&data)]);
}

#[test]
fn a_taken_port_is_named() {
    let home = Home::new();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = text(&home.path().join("hub"));
    refused(
        &hub(&["--data", &data, "--listen", &address]),
        69,
        &[&address, "--listen"],
    );
}

/// S20: plain HTTP off loopback and half of a TLS setting are refused at the start, in one line.
#[test]
fn settings_that_make_no_sense_are_named() {
    let home = Home::new();
    let data = text(&home.path().join("hub"));
    let file = |name: &str, lines: &str| {
        let path = home.path().join(name);
        fs::write(&path, lines).unwrap();
        text(&path)
    };
    let unknown = file("unknown.toml", "lissten = \"127.0.0.1:0\"\n");
    let deep = file("deep.toml", "[limits]\nconnexions = 1\n");
    let wrong = file("wrong.toml", "listen = 8470\n");
    let broken = file("broken.toml", "listen = \n");
    let missing = text(&home.path().join("missing.toml"));
    let cases: &[(&[&str], &[&str])] = &[
        (&["--config", &unknown], &[&unknown, "lissten"]),
        (&["--config", &deep], &[&deep, "connexions"]),
        (&["--config", &wrong], &[&wrong]),
        (&["--config", &broken], &[&broken]),
        (&["--config", &missing], &[&missing]),
        (
            &["--store", "postgres://olga:hunter2@db/desk"],
            &["PostgreSQL"],
        ),
        (&["--store", "mysql://db/desk"], &["mysql"]),
        (&["--tls-cert", "cert.pem"], &["--tls-key"]),
        (&["--tls-key", "key.pem"], &["--tls-cert"]),
        (
            &["--tls-cert", "none.pem", "--tls-key", "none.key"],
            &["none."],
        ),
        (&["--listen", "0.0.0.0:0"], &["0.0.0.0:0", "--tls-cert"]),
        (&["--listen", "[::]:0"], &["[::]:0", "--tls-cert"]),
        (
            &["--listen", "0.0.0.0:0", "--behind-proxy"],
            &["0.0.0.0:0", "127.0.0.1"],
        ),
        (&["--log", "nonsense=loud"], &["nonsense=loud"]),
    ];
    let mut faults = Vec::new();
    for (args, words) in cases {
        let listen: &[&str] = if args.contains(&"--listen") {
            &[]
        } else {
            &["--listen", "127.0.0.1:0"]
        };
        let output = hub(&[&["--data", &data], listen, args].concat());
        let one = output.stderr.lines().count() == 1;
        let told = words.iter().all(|word| output.stderr.contains(word));
        let secret = output.stderr.contains("hunter2");
        if output.exit != Exit::Code(2) || !one || !told || secret {
            faults.push(format!("{args:?}: {:?} {}", output.exit, output.stderr));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_is_told_of_the_end() {
    let site = Site::start(&[]).await;
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let mut clients = Vec::new();
    for token in [&site.owner.token, &guest.token, &guest.token] {
        clients.push(Raw::live(&site, token).await);
    }
    // Neither one who has not said hello, nor one who reads nothing, nor a tail keeps it up.
    let mute = Raw::open(site.hub.address()).await;
    let mut deaf = Raw::open_narrow(site.hub.address()).await;
    deaf.say(&hello(&site.owner.token)).await;
    let lines = site.http(&site.owner).lines("/api/events?follow=1").await;
    let mut lines = lines.unwrap();
    lines.line().await.unwrap();

    let start = Instant::now();
    site.hub.process().signal(Signal::TERM);
    let mut waits = Vec::new();
    for raw in &mut clients {
        assert_eq!(raw.end().await.0, 1012);
        let bye = raw.bye().expect("a bye before the close");
        assert_eq!(bye["code"], 1012, "{bye}");
        waits.push(
            bye["reconnect_after_ms"]
                .as_u64()
                .expect("when to come back"),
        );
    }
    assert!(waits.iter().all(|wait| *wait <= 30_000), "{waits:?}");
    let exit = tokio::task::block_in_place(|| site.hub.process().wait_exit(STOP_MAX));
    assert_eq!(exit, Exit::Code(0));
    assert!(start.elapsed() < STOP_MAX, "it took {:?}", start.elapsed());
    drop((mute, deaf, lines));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_desk_is_the_same_after_a_restart() {
    let mut site = Site::start(&["Billing"]).await;
    let ana = site.staff("ana", Role::Agent, &["Customer Care"]).await;
    let ben = site
        .staff("ben", Role::Agent, &["Customer Care", "Billing"])
        .await;
    let eve = site.staff("eve", Role::Agent, &["Billing"]).await;
    let mut sockets = Vec::new();
    for (person, now) in [(&ana, "online"), (&ben, "busy"), (&eve, "offline")] {
        let mut raw = Raw::live(&site, &person.token).await;
        assert_eq!(raw.ask(&status(now)).await["type"], "done");
        sockets.push(raw);
    }
    let mut guests = Vec::new();
    for number in 0..9 {
        let department = ["Customer Care", "Billing"][number % 2];
        let name = format!("customer {number}");
        guests.push(site.guest(&name, department, "hello").await.unwrap());
    }
    let before = desk(&site, &ana).await;
    assert_eq!(
        before["queue"].as_array().map(Vec::len),
        Some(5),
        "{before}"
    );
    for brutal in [false, true] {
        if brutal {
            site.hub.kill9();
        }
        site.hub.restart();
        assert_eq!(
            desk(&site, &ana).await,
            before,
            "after a restart, killed: {brutal}"
        );
    }
    // Who comes back goes on as if nothing had been.
    let owned = guests.iter().find(|guest| guest.chat.0 == 1).unwrap();
    let mut back = Raw::live(&site, &ana.token).await;
    assert_eq!(
        back.ask(&post(owned.chat.0, "still here")).await["type"],
        "done"
    );
    let path = format!("/api/chats/{}/messages", owned.chat);
    let messages = call(site.hub.address(), Some(&owned.token), "GET", &path, b"").await;
    assert!(messages.body.contains("still here"), "{}", messages.body);
    drop(sockets);
}

/// Owners, queue and statuses as the owner of the desk reads them, and that the agent still may.
async fn desk(site: &Site, agent: &Person) -> Value {
    let (hub, owner) = (site.hub.address(), Some(site.owner.token.as_str()));
    let me = call(hub, Some(&agent.token), "GET", "/api/auth/me", b"").await;
    assert_eq!(
        me.status, 200,
        "a login has not outlived the restart: {}",
        me.body
    );
    let items = async |path: &str| {
        let answer = call(hub, owner, "GET", path, b"").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["items"].clone()
    };
    let mut users = items("/api/users").await;
    for user in users.as_array_mut().into_iter().flatten() {
        // Nobody is connected right after a start, which says nothing about what they mean to do.
        user.as_object_mut().unwrap().remove("reachable");
    }
    json!({
        "users": users,
        "chats": items("/api/chats").await,
        "queue": items("/api/queue").await,
    })
}
