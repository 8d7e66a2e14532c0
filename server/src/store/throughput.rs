//! Messages per second of the store against a bare loop on the same engine, in one run.
//!
//! Only the ratio is asserted, at five times its measured figure; the figures are printed.

use std::{io::Write, path::Path, time::Instant};

use redb::{Builder, Database, TableDefinition};
use shared::id::Pos;

use super::{
    Part,
    samples::{Talk, open},
};

const BARE: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("bare-1");
/// Bytes of a message of the bare loop: about what a row of a short message has.
const ROW_BYTES: usize = 400;
const ROUNDS: usize = 3;

fn bare(directory: &Path, batch: u64, commits: u64) -> f64 {
    let file = directory.join(format!("bare-{batch}-{}", super::random::<1>()[0]));
    let database: Database = Builder::new().create(file).unwrap();
    let row = [7_u8; ROW_BYTES];
    let start = Instant::now();
    for commit in 0..commits {
        let mut transaction = database.begin_write().unwrap();
        transaction.set_quick_repair(true);
        let mut table = transaction.open_table(BARE).unwrap();
        for n in commit * batch..(commit + 1) * batch {
            // A thousand chats in no order.
            let chat = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000;
            table.insert((chat, n), row.as_slice()).unwrap();
        }
        drop(table);
        transaction.commit().unwrap();
    }
    rate(batch * commits, start)
}

async fn ours(directory: &Path, batch: u64, commits: u64) -> f64 {
    let store =
        open(&directory.join(format!("ours-{}", shared::id::hex(&super::random::<4>())))).unwrap();
    let mut talk = Talk::default();
    let text = "x".repeat(200);
    let start = Instant::now();
    for commit in 0..commits {
        let turn = store.turn(Part::MAIN, Pos(commit * batch)).await.unwrap();
        let records: Vec<_> = (commit * batch..(commit + 1) * batch)
            .map(|n| {
                let chat = 1 + n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000;
                talk.say(chat, &text, Some(&format!("cid-{n}")))
            })
            .collect();
        turn.commit(&records, &[]).await.unwrap().assert_done();
    }
    rate(batch * commits, start)
}

#[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
fn rate(messages: u64, start: Instant) -> f64 {
    messages as f64 / start.elapsed().as_secs_f64()
}

#[tokio::test]
async fn the_store_keeps_up_with_its_engine() {
    let directory = tempfile::tempdir().unwrap();
    for (batch, commits) in [(1, 150), (64, 60)] {
        let mut ratios = Vec::new();
        let (mut best_ours, mut best_bare) = (0.0_f64, 0.0_f64);
        for _ in 0..ROUNDS {
            let bare = bare(directory.path(), batch, commits);
            let ours = ours(directory.path(), batch, commits).await;
            ratios.push(ours / bare);
            (best_ours, best_bare) = (best_ours.max(ours), best_bare.max(bare));
        }
        let ratio = ratios.into_iter().fold(0.0, f64::max);
        writeln!(
            std::io::stderr(),
            "batch {batch}: store {best_ours:.0}/s, bare engine {best_bare:.0}/s, ratio {ratio:.2}"
        )
        .unwrap();
        assert!(ratio > 0.15, "batch {batch}: {ratio:.2} of the bare engine");
    }
}
