//! What must not happen: a call that nobody configured, a way round through a proxy, a key or a
//! text where it does not belong.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::process::Command;

use server::assistant::provider::Kind;
use tests::hub::{HubProcess, HubSetup};
use tests::provider::{Fake, Play};

use super::{BOTH, KEY, ask, flavour, provider, provider_at, settings};

/// Tells the second run of a test where to call.
const TARGET: &str = "FRONTDESK_TEST_TARGET";

const PROXIES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

#[test]
fn a_proxy_in_the_environment_is_not_used() {
    let block_on = |future| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(future)
    };
    if let Ok(target) = env::var(TARGET) {
        let provider = provider_at(target, Kind::OpenAi);
        assert!(block_on(ask(&provider, &settings())).is_ok());
        return;
    }
    let (target, proxy) = (Fake::start_on_a_thread(), Fake::start_on_a_thread());
    // This test again, in a process with an environment of its own.
    let name = "provider::quiet::a_proxy_in_the_environment_is_not_used";
    let mut again = Command::new(env::current_exe().unwrap());
    again.args(["--exact", name]).env(TARGET, target.url());
    for variable in PROXIES {
        again.env(variable, format!("http://{}", proxy.address()));
    }
    let output = again.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!((target.received().len(), proxy.connections()), (1, 0));
}

#[tokio::test]
async fn a_key_is_in_its_header_and_nowhere_else() {
    for kind in BOTH {
        let fake = Fake::start().await;
        let provider = provider(&fake, kind);
        fake.queue([Play::bad_key(flavour(kind)), Play::Whole("hi".into())]);
        let fail = ask(&provider, &settings()).await.unwrap_err();
        let reply = ask(&provider, &settings()).await.unwrap();
        for received in fake.received() {
            let rest = received.text_without(&["authorization", "x-goog-api-key"]);
            assert!(!rest.contains(KEY), "{rest}");
        }
        let shown = format!(
            "{provider:?} {fail:?} {fail} {reply:?} {:?}",
            provider.health()
        );
        assert!(!shown.contains("0123456789"), "{shown}");
        assert!(!shown.contains("order"), "{shown}");
        assert_eq!(
            provider.health().key_last4.as_deref(),
            Some(&KEY[KEY.len() - 4..])
        );
    }
}

/// The sockets of a process that are no connection to its own port: `local remote`.
fn foreign_sockets(pid: i32, own_port: u16) -> BTreeSet<String> {
    let folder = format!("/proc/{pid}/fd");
    let links = fs::read_dir(folder).unwrap().flatten();
    let inodes: BTreeSet<String> = links
        .filter_map(|link| fs::read_link(link.path()).ok())
        .filter_map(|target| {
            let target = target.to_str()?.to_owned();
            Some(
                target
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect();
    let mut foreign = BTreeSet::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, remote, _, _, _, _, _, _, inode, ..] = fields[..] else {
                continue;
            };
            if inodes.contains(inode) && !local.ends_with(&format!(":{own_port:04X}")) {
                foreign.insert(format!("{table} {local} {remote}"));
            }
        }
    }
    foreign
}

#[test]
fn a_hub_without_a_provider_has_no_socket_to_anywhere() {
    let fake = Fake::start_on_a_thread();
    let proxy = format!("http://{}", fake.address());
    let mut env: Vec<(String, String)> = PROXIES
        .iter()
        .map(|name| ((*name).to_owned(), proxy.clone()))
        .collect();
    // A key alone may lie in an environment for other programs.
    env.push(("FRONTDESK_AI_KEY".into(), KEY.into()));
    let hub = HubProcess::start_with(HubSetup {
        env,
        ..HubSetup::default()
    });
    let pid = hub.process().pid();
    assert_eq!(foreign_sockets(pid, hub.address().port()), BTreeSet::new());
    assert_eq!(fake.connections(), 0);
    let port_that_is_not_its_own = 1;
    assert!(
        !foreign_sockets(pid, port_that_is_not_its_own).is_empty(),
        "its own socket is seen"
    );
}
