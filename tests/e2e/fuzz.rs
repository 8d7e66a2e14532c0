//! The corpus of the fuzzer, replayed with seeded mutations on every change, and poison from an
//! authenticated client through a running hub. F30 of the faults.
//!
//! `FRONTDESK_LONG=1` tries a hundred times as many; `FRONTDESK_SEED` repeats a run.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use shared::{command::Command, frame::ClientFrame, id::CommandId};
use tests::{
    fuzz::{TARGETS, Target, is_frame, mutate, vary},
    process::Exit,
    programs::workspace,
    report,
    seed::Seed,
    site::Site,
};

use crate::raw::{Raw, post};

fn times() -> u32 {
    match std::env::var_os("FRONTDESK_LONG") {
        Some(_) => 100,
        None => 1,
    }
}

/// The files of a target, in order of their names.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = workspace().join("tests/fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| {
        panic!("{}: {error}; each target has a corpus", folder.display());
    });
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap();
        (path, bytes)
    };
    files.into_iter().map(read).collect()
}

/// Runs a target; an input that breaks it is written down where the next run finds it.
fn run(target: &Target, bytes: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).is_err() {
        let shown = String::from_utf8_lossy(bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("{} broke on {what}: {shown:?}\nhex {hex}", target.name);
    }
}

/// F30: what the fuzzer found once stays mended, and a few thousand mutations of it break nothing.
#[test]
fn the_corpus_and_its_mutations_break_nothing() {
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    for target in &TARGETS {
        let files = corpus(target.name);
        assert!(files.len() >= 5, "{} has a corpus", target.name);
        for (path, bytes) in &files {
            run(target, bytes, &path.display().to_string());
        }
        let inputs: Vec<Vec<u8>> = files.into_iter().map(|(_, bytes)| bytes).collect();
        let mut rng = seed.derive(target.name).rng();
        let count = target.mutations * times();
        let (mut varied, mut legal) = (0, 0);
        for number in 0..count {
            let input = rng.pick(&inputs).clone();
            // Most of what is JSON stays so: a broken frame tries the parser and nothing behind it.
            let kept = if rng.chance(80) {
                vary(&mut rng, &input, &inputs)
            } else {
                None
            };
            if let Some(bytes) = &kept {
                varied += 1;
                legal += u32::from(is_frame(bytes));
            }
            let bytes = kept.unwrap_or_else(|| mutate(&mut rng, &input, &inputs));
            run(target, &bytes, &format!("mutation {number} of {seed:?}"));
        }
        report(&format!(
            "figure: fuzz_replay_{} {} files, {count} mutations, {varied} of values, {legal} of \
             these still frames, 0 broke",
            target.name,
            inputs.len()
        ));
        assert!(
            target.name != "frames" || legal * 2 > count,
            "{legal} of {count} mutations were frames"
        );
    }
}

/// F30: a customer who sends poison is nacked or sent away, never anybody else; the hub lives, and
/// what was said before and between is there.
#[tokio::test(flavor = "multi_thread")]
async fn poison_from_a_customer_ends_nothing_but_its_own_socket() {
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    let mut rng = seed.derive("poison").rng();
    let site = Site::start(&[]).await;
    let cora = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let bob = site.guest("Bob", "Customer Care", "hello").await.unwrap();
    let mut other = Raw::live(&site, &bob.token).await;
    // What a client says, with commands in the frames that carry them.
    let commands = corpus("frames").into_iter().filter_map(|(_, bytes)| {
        let value: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
        if serde_json::from_slice::<ClientFrame>(&bytes).is_ok() {
            return Some(bytes);
        }
        serde_json::from_value::<Command>(value.clone()).ok()?;
        let cid = CommandId::random();
        let frame = serde_json::json!({"type": "do", "cid": cid, "command": value});
        Some(frame.to_string().into_bytes())
    });
    let inputs: Vec<Vec<u8>> = commands.collect();
    assert!(inputs.len() > 8, "{} frames of clients", inputs.len());
    let mut poisoner = Raw::live(&site, &cora.token).await;
    let (mut sent_away, mut sent, mut legal) = (0, 0, 0);
    for round in 0..10 * times() {
        for _ in 0..30 {
            let input = rng.pick(&inputs).clone();
            let kept = if rng.chance(80) {
                vary(&mut rng, &input, &inputs)
            } else {
                None
            };
            let bytes = kept.unwrap_or_else(|| mutate(&mut rng, &input, &inputs));
            let text = String::from_utf8_lossy(&bytes);
            poisoner.say_text(&text).await;
            sent += 1;
            legal += u32::from(serde_json::from_str::<ClientFrame>(&text).is_ok());
            // What ends the socket is only seen when it is read: a ping is answered, or nothing.
            poisoner
                .say(
                    &serde_json::json!({"type": "fetch", "id": "the end of it", "chat": cora.chat, "limit": 1}),
                )
                .await;
            while let Some(frame) = poisoner.next().await {
                if frame["type"] == "page" && frame["id"] == "the end of it" {
                    break;
                }
            }
            if let Some((code, reason)) = poisoner.closed.clone() {
                assert!(
                    [4400, 0].contains(&code),
                    "{seed:?}: {code} {reason} for {text:?}"
                );
                sent_away += 1;
                poisoner = Raw::live(&site, &cora.token).await;
            }
        }
        let done = other
            .ask(&post(bob.chat.0, &format!("round {round}")))
            .await;
        assert_eq!(done["type"], "done", "{seed:?}: {done}");
    }
    assert!(sent_away > 0, "no frame of {sent} was bad");
    assert!(legal * 3 > sent, "{legal} frames of {sent} were legal");
    report(&format!(
        "figure: poison_frames {sent} sent, {legal} of them legal, {sent_away} sent away, 0 exits"
    ));
    assert_eq!(site.hub.terminate(), Exit::Code(0));
}
