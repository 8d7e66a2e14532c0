//! Files in the customer chat: sent and saved, by a script and on a terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, atomic::AtomicU64};

use serde_json::{Value, json};
use shared::api::{Message, Page};
use shared::client::files::{self, Picked};
use shared::client::http::Http;
use shared::id::{ChatId, CommandId};
use shared::model::Visibility;
use shared::text::SafeText;
use tests::cli::Cli;
use tests::desk::{PATIENCE, prompts};
use tests::home::Home;
use tests::process::Output;
use tests::programs::programs;
use tests::pty::{Pty, Terminal};
use tests::site::Site;

const CID: &str = "nightly-report-2026-11-20";

fn customer(site: &Site) -> Cli {
    Cli::new(Home::new().with_env("FRONTDESK_HUB", site.hub.url()))
}

fn run(customer: &Cli, args: &[&str]) -> Output {
    customer.run(&programs().chat, args, "", PATIENCE)
}

async fn messages(owner: &Http) -> Vec<Message> {
    let page: Page<Message> = owner.get("/api/chats/1/messages?after=0").await.unwrap();
    page.items
}

async fn claim(owner: &Http) {
    let claim = json!({"epoch": 1});
    let _: Value = owner.post("/api/chats/1/claim", &claim).await.unwrap();
}

async fn answer_with(owner: &Http, name: &str, bytes: &'static [u8]) {
    let file = Picked {
        name: SafeText::line(name),
        bytes: bytes.into(),
    };
    let words = ("here it is", Visibility::Public);
    let (key, sent) = (CommandId::random(), Arc::new(AtomicU64::new(0)));
    let sending = files::send(owner, ChatId(1), &file, words, &key, &sent);
    sending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_sends_a_file_once_and_saves_what_comes() {
    let site = Site::start(&[]).await;
    let owner = site.http(&site.owner);
    let bo = customer(&site);
    let at = |name: &str| bo.home().path().join(name);
    fs::write(at("my screen.txt"), "what I see").unwrap();
    let say = ["--name", "Bo", "--message", "it looks like this"];
    let send = ["--file", "my screen.txt", "--client-id", CID];
    let args = [&say[..], &send[..]].concat();
    for _ in 0..2 {
        let sent = run(&bo, &args);
        assert_eq!((sent.code(), sent.stdout.as_str()), (0, "1\n"), "{sent:?}");
    }
    let with_file: Vec<Message> = messages(&owner).await;
    let with_file: Vec<_> = with_file
        .iter()
        .filter(|m| !m.attachments.is_empty())
        .collect();
    assert_eq!(with_file.len(), 1, "sent once: {with_file:?}");
    let file = &with_file[0].attachments[0];
    assert_eq!(file.name.as_str(), "my screen.txt");
    let bytes = files::get(&owner, ChatId(1), file).await.unwrap();
    assert_eq!(&*bytes, b"what I see");

    claim(&owner).await;
    fs::create_dir(at("in")).unwrap();
    let wait = ["resume", "1", "--message", "ready", "--json"];
    let save = ["--wait", "60s", "--save-dir", "in"];
    let args = [&wait[..], &save[..]].concat();
    let mut waiting = bo.start(&programs().chat, &args);
    waiting.wait_line("a sent message", PATIENCE, |line| line.contains("\"sent\""));
    answer_with(&owner, "../../evil.txt", b"an answer").await;
    let output = waiting.finish(PATIENCE);
    assert_eq!(output.code(), 0, "{output:?}");
    let saved = at("in").join("evil.txt");
    assert_eq!(fs::read(&saved).unwrap(), b"an answer");
    assert_eq!(
        saved.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(output.stderr.contains("saved to in/evil.txt"), "{output:?}");
    let lines = output.stdout.lines();
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let with_file = lines.iter().find(|line| line["attachments"] != json!([]));
    let attachment = &with_file.unwrap()["attachments"][0];
    assert_eq!(
        (&attachment["name"], &attachment["bytes"]),
        (&"evil.txt".into(), &9.into())
    );

    let transcript = run(&bo, &["transcript", "1"]).stdout;
    assert!(
        transcript.contains("You: [file 1] my screen.txt (10 B, "),
        "{transcript}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_opens_no_chat() {
    let site = Site::start(&[]).await;
    let bo = customer(&site);
    let at = |name: &str| bo.home().path().join(name);
    fs::write(at("empty"), "").unwrap();
    let large = fs::File::create(at("large")).unwrap();
    large.set_len(10 * 1024 * 1024 + 1).unwrap();
    for (file, code, told) in [
        ("empty", 2, "is empty"),
        ("large", 2, "10.0 MiB"),
        (".", 2, "is no file"),
        ("none", 1, "cannot read none"),
    ] {
        let refused = run(&bo, &["--name", "Bo", "--message", "hi", "--file", file]);
        assert_eq!(
            (refused.code(), refused.stdout.as_str()),
            (code, ""),
            "{refused:?}"
        );
        assert!(refused.stderr.contains(told), "{refused:?}");
    }
    assert_eq!(run(&bo, &["list"]).stdout, "");
    let alone = run(&bo, &["--name", "Bo", "--file", "large"]);
    assert_eq!(alone.code(), 2, "{alone:?}");
    fs::write(at("small"), "x").unwrap();
    let alone = run(&bo, &["--name", "Bo", "--file", "small"]);
    assert_eq!(
        (alone.code(), alone.stdout.as_str()),
        (0, "1\n"),
        "{alone:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sends_and_saves_files_while_the_chat_goes_on() {
    let site = Site::start(&[]).await;
    let owner = site.http(&site.owner);
    let bo = customer(&site);
    let at = |name: &str| bo.home().path().join(name);
    fs::write(at("my report.txt"), "numbers").unwrap();
    let args = ["--name", "Bo"];
    let chat = Pty::start(bo.home(), Terminal::default(), &programs().chat, &args);
    chat.wait_text("number 1 in the queue", PATIENCE);
    chat.wait_for("the prompt", PATIENCE, prompts);
    chat.send_line("/file \"my report.txt\" the numbers of June");
    chat.wait_text("sending my report.txt (7 B)", PATIENCE);
    chat.wait_text("[file 1] my report.txt (7 B, ", PATIENCE);
    chat.send_line("/file nothing.txt");
    chat.wait_text("cannot read nothing.txt", PATIENCE);
    claim(&owner).await;
    answer_with(&owner, "answer.txt", b"thank you").await;
    chat.wait_text("Olga: here it is", PATIENCE);
    // The last that came is not the last of all.
    chat.send_line("/file \"my report.txt\"");
    chat.wait_text("[file 3] my report.txt", PATIENCE);
    chat.send_line("/save");
    chat.wait_text("saved to ./answer.txt", PATIENCE);
    assert_eq!(fs::read(at("answer.txt")).unwrap(), b"thank you");
    chat.send_line("/save 2 copy of it.txt");
    chat.wait_text("saved to copy of it.txt", PATIENCE);
    chat.send_line("/save 2 copy of it.txt");
    chat.wait_text("copy of it.txt is there already", PATIENCE);
    chat.send_line("/save 9");
    chat.wait_text("there is no file 9 here", PATIENCE);
    assert_eq!(
        messages(&owner)
            .await
            .iter()
            .filter(|m| !m.attachments.is_empty())
            .count(),
        3
    );
}
