//! Canned replies from the shell to the message, and that their customer never hears of them.

use serde_json::{Value, json};
use shared::model::Role;
use tests::cli::Cli;
use tests::desk::PATIENCE;
use tests::home::Home;
use tests::programs::programs;
use tests::site::Site;

use crate::raw::{Raw, post};

/// The admin tool of whoever has this token.
struct Admin(Cli);

impl Admin {
    fn of(site: &Site, token: &str) -> Self {
        let hub = format!("http://{}", site.hub.address());
        let home = Home::new().with_env("FRONTDESK_HUB", hub);
        Self(Cli::new(home.with_env("FRONTDESK_TOKEN", token)))
    }

    #[track_caller]
    fn done(&self, args: &[&str], stdin: &str) -> String {
        let args = [&["canned"], args].concat();
        let output = self.0.run(&programs().admin, &args, stdin, PATIENCE);
        assert_eq!(output.code(), 0, "{args:?}: {output:?}");
        output.stdout
    }

    #[track_caller]
    fn uses(&self, meant: &str) -> u64 {
        let json = self.done(&["get", meant, "--output", "json"], "");
        let canned: Value = serde_json::from_str(&json).unwrap();
        canned["uses"].as_u64().unwrap()
    }
}

fn event(kind: &str) -> impl Fn(&Value) -> bool {
    move |frame| frame["event"]["type"] == kind
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canned_reply_is_used_and_its_customer_never_hears_of_it() {
    let site = Site::start(&["Billing"]).await;
    let ana = site.staff("ana", Role::Agent, &["Customer Care"]).await;
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let mut agent = Raw::live(&site, &ana.token).await;
    let mut customer = Raw::live(&site, &guest.token).await;

    let owner = Admin::of(&site, &site.owner.token);
    let hello = "Hello {{customer.first_name|default:\"there\"}}";
    let languages = ["--lang", "pt-br=Oi", "--lang", "de=Hallo"];
    owner.done(
        &[&["create", "Hello", "--text", hello][..], &languages].concat(),
        "",
    );
    let refund = ["create", "refund", "--department", "billing", "--text", "-"];
    owner.done(&refund, "It is on its way,\nat last.\n");
    let shell = Admin::of(&site, &ana.token);
    shell.done(&["create", "hello", "--personal", "--text", "Hi!"], "");
    let list = |admin: &Admin| admin.done(&["list", "--output", "csv"], "");
    assert_eq!(
        list(&shell)
            .lines()
            .map(|row| row.split(',').nth(2).unwrap())
            .collect::<Vec<_>>(),
        ["scope", "global", "personal ana"]
    );
    assert!(list(&owner).contains("department Billing,0,\"It is on its way, at last.\""));

    // Everyone who may see a reply hears of it, and nobody else.
    let made = agent.ever("a personal reply", |frame| {
        frame["event"]["canned"]["scope"]["kind"] == "personal"
    });
    assert_eq!(made.await["event"]["canned"]["code"], "hello");
    assert!(!agent.has("\"refund\""), "{:?}", agent.frames);

    let claim = json!({"type": "claim", "chat": guest.chat, "epoch": 1});
    assert_eq!(agent.ask(&claim).await["type"], "done");
    let mut answer = post(guest.chat.0, "Hello Cora");
    answer["canned"] = json!([1, 3]);
    assert_eq!(agent.ask(&answer).await["type"], "done");
    agent.ever("a use", event("canned_used")).await;
    assert_eq!(
        (owner.uses("1"), owner.uses("3"), owner.uses("refund")),
        (1, 1, 0)
    );
    answer["canned"] = json!([2]);
    assert_eq!(agent.ask(&answer).await["code"], "invalid");
    let mut forged = post(guest.chat.0, "me too");
    forged["canned"] = json!([1]);
    assert_eq!(customer.ask(&forged).await["code"], "invalid");

    let tie = shell
        .0
        .run(&programs().admin, &["canned", "get", "hello"], "", PATIENCE);
    assert_eq!(tie.code(), 2, "{tie:?}");
    assert!(
        tie.stderr.contains("give its number: one of 1, 3"),
        "{tie:?}"
    );
    shell.done(&["delete", "3", "--yes"], "");
    owner.done(
        &["update", "hello", "--lang", "de=", "--text", "Good day"],
        "",
    );
    let kept = owner.done(&["get", "hello", "--output", "json"], "");
    assert!(
        kept.contains("\"pt-BR\": \"Oi\"") && !kept.contains("Hallo"),
        "{kept}"
    );

    // A fresh look shows the same as what was told.
    let fresh = Raw::live(&site, &ana.token).await;
    assert!(fresh.has("Good day") && !fresh.has("\"refund\"") && !fresh.has("Hi!"));
    assert_eq!(
        agent.ask(&post(guest.chat.0, "last words")).await["type"],
        "done"
    );
    customer
        .ever("the last words", |frame| {
            frame["event"]["text"] == "last words"
        })
        .await;
    assert!(customer.has("Hello Cora"));
    let fresh = Raw::live(&site, &guest.token).await;
    for frame in customer.frames.iter().chain(&fresh.frames) {
        // The refusal of its own try names the field that it sent.
        assert!(
            !frame.contains("canned") || frame.contains("\"nack\""),
            "{frame}"
        );
    }
}
