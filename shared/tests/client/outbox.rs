//! The outbox on a real disk: every way to lose it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};
use shared::{
    client::outbox::{Outbox, OutboxError, PENDING_MAX},
    command::Command,
    error::ErrorCode,
    id::{ChatId, CommandId, Epoch},
    model::Visibility,
    text::SafeText,
};

fn message(text: &str) -> Command {
    Command::PostMessage {
        chat: ChatId(42),
        text: SafeText::block(text),
        visibility: Visibility::Public,
        expected_seq: None,
        canned: Vec::new(),
    }
}

fn cid(number: usize) -> CommandId {
    CommandId::parse(&format!("0123456789abcdef-{number}")).unwrap()
}

fn cids(outbox: &Outbox) -> (Vec<CommandId>, Vec<CommandId>) {
    let pending = outbox.pending().into_iter().map(|entry| entry.cid);
    let failed = outbox
        .failures()
        .into_iter()
        .map(|failure| failure.entry.cid);
    (pending.collect(), failed.collect())
}

#[derive(Clone, Debug)]
enum Step {
    Put(usize),
    Done(usize),
    Failed(usize),
    Discard(usize),
}

fn perform(outbox: &Outbox, step: &Step) {
    match *step {
        Step::Put(number) => outbox.put(cid(number), message("é\n2")).unwrap(),
        Step::Done(number) => outbox.done(&cid(number)).unwrap(),
        Step::Failed(number) => outbox
            .failed(&cid(number), ErrorCode::Forbidden, "no")
            .unwrap(),
        Step::Discard(number) => outbox.discard(&cid(number)).unwrap(),
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_usize..4).prop_flat_map(|number| {
        prop_oneof![
            Just(Step::Put(number)),
            Just(Step::Done(number)),
            Just(Step::Failed(number)),
            Just(Step::Discard(number)),
        ]
    });
    prop::collection::vec(step, 0..8)
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(6))]

    /// Killed at any byte, an outbox is what it was after one of its steps, and the slot stays.
    #[test]
    fn a_file_cut_at_any_byte_is_a_prefix(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("whole.ndjson");
        let outbox = Outbox::open(&path).unwrap();
        let slot = outbox.slot();
        let mut states = vec![(fs::metadata(&path).unwrap().len(), cids(&outbox))];
        for step in &steps {
            perform(&outbox, step);
            states.push((fs::metadata(&path).unwrap().len(), cids(&outbox)));
        }
        drop(outbox);
        let bytes = fs::read(&path).unwrap();
        for cut in 0..=bytes.len() {
            let copy = dir.path().join("cut.ndjson");
            write_private(&copy, &bytes[..cut]);
            let outbox = Outbox::open(&copy).unwrap();
            let last = states.iter().rev().find(|(length, _)| *length <= cut as u64);
            match last {
                Some((_, state)) => {
                    assert_eq!(&cids(&outbox), state, "cut at {cut}");
                    assert_eq!(outbox.slot(), slot);
                }
                None => assert_eq!(cids(&outbox), (vec![], vec![])),
            }
            // Synced writes are slow, so that going on is tried around the ends of lines only.
            let near_an_end = |(length, _): &(u64, _)| length.abs_diff(cut as u64) <= 1;
            if !states.iter().any(near_an_end) {
                continue;
            }
            outbox.put(cid(99), message("after")).unwrap();
            let expected = cids(&outbox);
            drop(outbox);
            assert_eq!(cids(&Outbox::open(&copy).unwrap()), expected, "it goes on after {cut}");
        }
    }
}

fn write_private(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn an_outbox_is_private_and_belongs_to_one_program() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("outbox/me.ndjson");
    let outbox = Outbox::open(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(matches!(Outbox::open(&path), Err(OutboxError::Locked(_))));
    drop(outbox);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let wide = Outbox::open(&path).unwrap_err();
    assert_eq!(wide.exit_code(), 2);
}

#[test]
fn a_damaged_line_is_said_and_not_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("me.ndjson");
    Outbox::open(&path)
        .unwrap()
        .put(cid(1), message("a"))
        .unwrap();
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("\"put\"", "\"pu\u{0}\"");
    write_private(&path, text.as_bytes());
    assert!(matches!(
        Outbox::open(&path),
        Err(OutboxError::Damaged { line: 2, .. })
    ));
}

#[test]
fn a_file_of_history_is_replaced_by_what_matters() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("me.ndjson");
    let outbox = Outbox::open(&path).unwrap();
    let slot = outbox.slot();
    let text = "x".repeat(8000);
    outbox.put(cid(0), message("kept")).unwrap();
    outbox.put(cid(1), message("refused")).unwrap();
    outbox.failed(&cid(1), ErrorCode::Forbidden, "no").unwrap();
    for number in 2..200 {
        outbox.put(cid(number), message(&text)).unwrap();
        outbox.done(&cid(number)).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < 300 * 1024);
    }
    drop(outbox);
    let outbox = Outbox::open(&path).unwrap();
    assert_eq!(cids(&outbox), (vec![cid(0)], vec![cid(1)]));
    assert_eq!(outbox.slot(), slot);
    assert_eq!(outbox.failures()[0].reason, "no");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_cid_names_one_command() {
    let outbox = Outbox::in_memory();
    outbox.put(cid(1), message("a")).unwrap();
    outbox.put(cid(1), message("a")).unwrap();
    assert_eq!(outbox.pending().len(), 1);
    let other = outbox.put(cid(1), message("b"));
    assert!(matches!(other, Err(OutboxError::CidTaken(_))));
}

#[test]
fn an_outbox_has_a_bound() {
    let outbox = Outbox::in_memory();
    for number in 0..PENDING_MAX {
        outbox.put(cid(number), message("a")).unwrap();
    }
    let one_more = outbox.put(cid(PENDING_MAX), message("a"));
    assert!(matches!(one_more, Err(OutboxError::Full)));
}

#[test]
fn what_only_a_hub_may_do_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("me.ndjson");
    let outbox = Outbox::open(&path).unwrap();
    let internal = outbox.put(cid(1), Command::StartHub);
    assert!(matches!(internal, Err(OutboxError::Unsendable(_))));
    let claim = Command::Claim {
        chat: ChatId(1),
        epoch: Epoch(1),
    };
    outbox.put(cid(2), claim).unwrap();
    drop(outbox);
    assert_eq!(cids(&Outbox::open(&path).unwrap()).0, [cid(2)]);
}

#[test]
fn programs_of_one_profile_have_an_outbox_each_and_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Outbox::open_free(dir.path(), "https://desk.example.org").unwrap();
    let first = open();
    let second = open();
    assert_ne!(first.slot(), second.slot());
    second.put(cid(1), message("a")).unwrap();
    let (first_slot, second_slot) = (first.slot(), second.slot());
    drop((first, second));
    let one = open();
    assert_eq!(one.slot(), second_slot, "what waits goes first");
    assert_eq!(open().slot(), first_slot);
}

#[test]
fn what_waits_behind_an_outbox_that_was_swept_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let profile = "https://desk.example.org";
    let open = || Outbox::open_free(dir.path(), profile).unwrap();
    let first = open();
    let second = open();
    second.put(cid(1), message("a")).unwrap();
    drop((first, second));
    assert!(!Outbox::sweep(dir.path(), profile).unwrap());
    assert_eq!(cids(&open()).0, [cid(1)]);
}
