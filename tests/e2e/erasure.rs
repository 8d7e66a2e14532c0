//! Erasing a customer while the hub is killed: what was ordered is done before anything is served.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};
use shared::client::error::ClientError;
use tests::site::Site;
use tokio::time::timeout;

/// When the hub is killed after the order was sent, in milliseconds.
const KILLED_AFTER_MS: [u64; 12] = [0, 2, 5, 10, 15, 20, 30, 45, 60, 90, 130, 300];

/// How often a word is in the files of a folder.
fn count(folder: &Path, word: &str) -> usize {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let bytes = files
        .filter(|path| path.is_file())
        .map(|path| fs::read(path).unwrap());
    bytes
        .map(|bytes| {
            let windows = bytes.windows(word.len());
            windows.filter(|window| *window == word.as_bytes()).count()
        })
        .sum()
}

async fn erase(site: &Site, customer: u64) -> Result<Value, ClientError> {
    let path = format!("/api/customers/{customer}/erase");
    site.http(&site.owner).post(&path, &json!({})).await
}

/// S30, F1: `kill -9` at any time of an erasure: an acknowledged or recorded one is whole after
/// the start, another one was not begun; the log verifies, and nobody else's words are lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_survives_the_death_of_its_hub() {
    let mut site = Site::start(&[]).await;
    let rounds = if std::env::var_os("FRONTDESK_LONG").is_some() {
        25
    } else {
        1
    };
    let kept = site
        .guest("Marigold", "Customer Care", "a harp stays")
        .await
        .unwrap();
    let (mut acknowledged, mut recorded, mut unbegun) = (0, 0, 0);
    for trial in 0..rounds * KILLED_AFTER_MS.len() {
        let delay = KILLED_AFTER_MS[trial % KILLED_AFTER_MS.len()];
        let canary = format!("xylophonic{trial}x");
        let first = format!("about {canary}");
        let guest = site.guest(&canary, "Customer Care", &first).await;
        let customer = guest.unwrap().id.0;
        assert!(count(&site.hub.data(), &canary) > 0);
        let asked = timeout(Duration::from_millis(delay), erase(&site, customer)).await;
        let acked = matches!(asked, Ok(Ok(_)));
        site.hub.kill9();
        site.hub.restart();
        let left = count(&site.hub.data(), &canary);
        let owner = site.http(&site.owner);
        let orders: Value = owner
            .get("/api/audit?kind=customer_erased&limit=200")
            .await
            .unwrap();
        let mut orders = orders["items"].as_array().unwrap().iter();
        let ordered = orders.any(|record| record["event"]["customer"] == customer);
        assert!(
            ordered || !acked,
            "trial {trial}: acknowledged and not in the log"
        );
        acknowledged += usize::from(acked);
        if ordered {
            recorded += 1;
            assert_eq!(left, 0, "trial {trial}, killed after {delay} ms");
        } else {
            unbegun += 1;
            assert!(left > 0, "trial {trial}: gone without an order");
            let erased = erase(&site, customer).await.unwrap();
            assert_eq!(erased["clean"], true, "{erased}");
            assert_eq!(count(&site.hub.data(), &canary), 0);
        }
    }
    let owner = site.http(&site.owner);
    let verdict: Value = owner.get("/api/audit/verify").await.unwrap();
    assert_eq!(verdict["problems"], json!([]));
    let path = format!("/api/chats/{}/messages", kept.chat);
    let said: Value = owner.get(&path).await.unwrap();
    assert_eq!(said["items"][0]["text"], "a harp stays");
    assert!(
        unbegun > 0 && recorded > 0,
        "{unbegun} not begun, {recorded} recorded"
    );
    tests::report(&format!(
        "erasures under kill -9: {} trials, {recorded} recorded ({acknowledged} acknowledged), \
         {unbegun} not begun; 0 half done, 0 bytes left",
        rounds * KILLED_AFTER_MS.len()
    ));
}
