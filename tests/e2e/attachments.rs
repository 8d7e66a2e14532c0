//! Files through the real hub and the real client: sent, got, kept through kills, and beside talk.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use shared::{
    attachment::ATTACHMENT_BYTES_MAX,
    client::{
        files::{Picked, get, pick, send},
        http::Http,
        save::{Place, save},
    },
    error::ErrorCode,
    id::{ChatId, CommandId},
    model::{Attachment, Visibility},
    text::SafeText,
};
use tests::{
    hub::HubSetup,
    report,
    site::{Guest, Site, http},
};

fn noise(bytes: u64) -> Picked {
    let bytes: Vec<u8> = (0..bytes).map(|n| (n * 31 % 253) as u8).collect();
    Picked {
        name: SafeText::line("noise.bin"),
        bytes: bytes.into(),
    }
}

async fn post(
    http: &Http,
    chat: ChatId,
    file: &Picked,
    key: &CommandId,
) -> Result<Attachment, shared::client::error::ClientError> {
    let sent = Arc::<AtomicU64>::default();
    let words = ("", Visibility::Public);
    let posted = send(http, chat, file, words, key, &sent).await?;
    assert_eq!(sent.load(Ordering::Relaxed), file.bytes.len() as u64);
    Ok(posted.attachment)
}

fn of(site: &Site, guest: &Guest) -> Http {
    http(&site.hub.url(), Some(&guest.token))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_file_goes_round_and_is_saved() {
    let site = Site::start(&[]).await;
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let client = of(&site, &guest);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my report.bin");
    fs::write(&path, &noise(ATTACHMENT_BYTES_MAX).bytes).unwrap();
    let file = pick(&path).unwrap();
    let key = CommandId::random();
    let begun = Instant::now();
    let sent = post(&client, guest.chat, &file, &key).await.unwrap();
    report(&format!(
        "figure: upload_10_mib_dev {} ms",
        begun.elapsed().as_millis()
    ));
    assert_eq!(
        (sent.name.as_str(), sent.bytes),
        ("my report.bin", ATTACHMENT_BYTES_MAX)
    );
    assert_eq!(sent.kind.as_str(), "application/octet-stream");
    let again = post(&client, guest.chat, &file, &key).await.unwrap();
    assert_eq!(again, sent);
    let owner = http(&site.hub.url(), Some(&site.owner.token));
    for reader in [&client, &owner] {
        let bytes = get(reader, guest.chat, &sent).await.unwrap();
        assert!(bytes == file.bytes);
        let place = Place::In(folder.path().to_owned());
        let saved = save(&place, &sent.name, &bytes).unwrap();
        assert_ne!(saved, path);
        assert!(fs::read(saved).unwrap() == file.bytes);
    }
    // A chat that is closed for others answers before it has taken ten megabytes.
    let stranger = site.guest("Bob", "Customer Care", "hi").await.unwrap();
    for _ in 0..20 {
        let foreign = of(&site, &stranger);
        let refused = post(&foreign, guest.chat, &file, &CommandId::random()).await;
        assert_eq!(refused.unwrap_err().code(), Some(ErrorCode::NotFound));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_amid_an_upload_leaves_all_of_it_or_nothing() {
    let mut site = Site::start(&[]).await;
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let file = noise(6 * 1024 * 1024);
    let kept = noise(300_000);
    let first = post(&of(&site, &guest), guest.chat, &kept, &CommandId::random())
        .await
        .unwrap();
    let key = CommandId::random();
    for tries in 0..3 {
        let (client, file, key) = (of(&site, &guest), file.clone(), key.clone());
        let sent = Arc::<AtomicU64>::default();
        let seen = Arc::clone(&sent);
        let upload = tokio::spawn(async move {
            let words = ("", Visibility::Public);
            send(&client, ChatId(1), &file, words, &key, &seen)
                .await
                .is_ok()
        });
        while sent.load(Ordering::Relaxed) < (1 + tries) * 1024 * 1024 && !upload.is_finished() {
            tokio::task::yield_now().await;
        }
        site.hub.kill9();
        upload.await.unwrap();
        site.hub.restart();
    }
    let client = of(&site, &guest);
    let sent = post(&client, guest.chat, &file, &key).await.unwrap();
    assert!(get(&client, guest.chat, &sent).await.unwrap() == file.bytes);
    assert!(get(&client, guest.chat, &first).await.unwrap() == kept.bytes);
    let page: shared::api::Page<shared::api::Message> = client
        .get(&format!("/api/chats/{}/messages", guest.chat))
        .await
        .unwrap();
    let files = page
        .items
        .iter()
        .filter(|item| !item.attachments.is_empty());
    assert_eq!(files.count(), 2, "once each");
}

#[tokio::test(flavor = "multi_thread")]
async fn talk_goes_on_beside_a_large_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hub.toml");
    fs::write(&config, "[limits]\ncustomer_per_second = 0\n").unwrap();
    let setup = HubSetup {
        args: vec!["--config".to_owned(), config.display().to_string()],
        ..HubSetup::default()
    };
    let site = Site::start_with(setup, &[]).await;
    let talker = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let sender = site.guest("Bob", "Customer Care", "hello").await.unwrap();
    let quiet = times(&of(&site, &talker), talker.chat, || true, 100).await;
    let (client, done) = (of(&site, &sender), Arc::new(AtomicBool::new(false)));
    let over = Arc::clone(&done);
    let upload = tokio::spawn(async move {
        for _ in 0..3 {
            let file = noise(ATTACHMENT_BYTES_MAX);
            let begun = Instant::now();
            let sent = post(&client, sender.chat, &file, &CommandId::random()).await;
            report(&format!(
                "figure: upload_10_mib_beside_talk {} ms",
                begun.elapsed().as_millis()
            ));
            sent.unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
    let beside = times(
        &of(&site, &talker),
        talker.chat,
        || !done.load(Ordering::Relaxed),
        2_000,
    )
    .await;
    upload.await.unwrap();
    for (name, times) in [("quiet", &quiet), ("beside_upload", &beside)] {
        let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
        report(&format!(
            "figure: message_{name} n={} p50={:?} p99={:?} max={:?}",
            times.len(),
            at(50),
            at(99),
            times[times.len() - 1]
        ));
    }
    let p99 = beside[(beside.len() * 99 / 100).min(beside.len() - 1)];
    assert!(p99 < Duration::from_secs(1), "{p99:?}");
}

/// How long messages took, sorted.
async fn times(client: &Http, chat: ChatId, go_on: impl Fn() -> bool, max: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    while times.len() < max && (go_on() || times.len() < 20) {
        let body = serde_json::json!({"text": "still there?", "cid": CommandId::random()});
        let path = format!("/api/chats/{chat}/messages");
        let begun = Instant::now();
        let _: shared::api::Posted = client.post(&path, &body).await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times
}
