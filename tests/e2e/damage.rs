//! F8: files that are damaged. Whatever a byte has become, the hub says in one line that it will
//! not serve it, or serves what was written; it neither hangs nor shows its insides.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
    time::Duration,
};

use rustix::process::Signal;
use shared::client::error::ClientError;
use tests::{
    cli::Cli,
    home::Home,
    hub::LISTENING,
    process::{Exit, Process},
    programs::programs,
    report,
    seed::{Rng, Seed},
    site::{Site, http},
    trials,
};
use tokio::runtime::Runtime;

/// Nothing may take longer; the machine may be busy with other tests.
const HANG: Duration = Duration::from_secs(30);
/// Children at once.
const WORKERS: usize = 4;

/// A desk as it was, and who may read all of it.
struct Truth {
    file: Vec<u8>,
    log: Vec<String>,
    token: String,
}

/// What became of one damaged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The hub did not start and said why.
    Refused,
    /// It started, and said of what was asked for that it is damaged.
    Withheld,
    /// It served what was written.
    Served,
}

async fn truth() -> Truth {
    let site = Site::start(&["Billing"]).await;
    for number in 0..12 {
        let department = ["Customer Care", "Billing"][number % 2];
        let text = format!("message {number} of a customer who has much to say");
        let name = format!("customer {number}");
        site.guest(&name, department, &text).await.unwrap();
    }
    let token = site.owner.token.clone();
    let log = log(&site.hub.url(), &token).await.unwrap();
    assert!(log.len() > 24, "{}", log.len());
    assert_eq!(site.hub.terminate(), Exit::Code(0));
    let file = fs::read(site.hub.data().join("desk.redb")).unwrap();
    Truth { file, log, token }
}

/// Every record as the hub serves it, without the cursor, which names the file too.
async fn log(url: &str, token: &str) -> Result<Vec<String>, ClientError> {
    let mut lines = http(url, Some(token)).lines("/api/events").await?;
    let mut log = Vec::new();
    while let Some(line) = lines.line().await? {
        let record = line
            .split_once(",\"cursor\"")
            .map_or(&*line, |(record, _)| record);
        log.push(record.to_owned());
    }
    Ok(log)
}

/// Has the hub and its checking program try `bytes`.
fn judge(runtime: &Runtime, truth: &Truth, what: &str, bytes: &[u8]) -> Outcome {
    let home = Home::new();
    let data = home.path().join("hub");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let file = data.join("desk.redb");
    let put = |file: &Path| {
        fs::write(file, bytes).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    };
    let copy: PathBuf = home.path().join("copy");
    put(&copy);
    let checked = Cli::new(home.clone()).run(
        &programs().hub,
        &["check", &copy.display().to_string()],
        "",
        HANG,
    );
    let found = match checked.code() {
        0 => false,
        65 | 76 => true,
        _ => panic!("{what}: {checked:?}"),
    };
    assert!(checked.stderr.lines().count() <= 1, "{what}: {checked:?}");

    put(&file);
    let args = [
        "--data",
        &data.display().to_string(),
        "--listen",
        "127.0.0.1:0",
    ];
    let mut hub = Process::start(&home, &programs().hub, args);
    hub.close_stdin();
    let line = hub.line_or_end(HANG, |line| line.contains(LISTENING));
    let outcome = match line {
        None => {
            let ended = hub.finish(HANG);
            let errors = ended
                .stderr
                .lines()
                .filter(|line| line.starts_with("error: "));
            assert_eq!(errors.count(), 1, "{what}: {ended:?}");
            assert!([65, 76].contains(&ended.code()), "{what}: {ended:?}");
            assert_quiet(what, &ended.stderr);
            assert!(
                found,
                "{what}: refused, and the check has found nothing: {ended:?}"
            );
            return Outcome::Refused;
        }
        Some(line) => {
            let url = line.split_once(LISTENING).unwrap().1.trim();
            match runtime.block_on(log(url, &truth.token)) {
                Ok(log) => {
                    let same = log.len() >= truth.log.len() && log[..truth.log.len()] == truth.log;
                    assert!(same, "{what}: SILENTLY WRONG, check has found it: {found}");
                    Outcome::Served
                }
                Err(_) => Outcome::Withheld,
            }
        }
    };
    hub.signal(Signal::TERM);
    let ended = hub.finish(HANG);
    assert!(
        matches!(ended.exit, Exit::Code(0 | 74)),
        "{what}: {ended:?}"
    );
    assert_quiet(what, &ended.stderr);
    assert!(
        found || outcome == Outcome::Served,
        "{what}: withheld, and the check has found nothing: {ended:?}"
    );
    outcome
}

#[track_caller]
fn assert_quiet(what: &str, stderr: &str) {
    for insides in ["panicked", "backtrace", "RUST_BACKTRACE", ".rs:"] {
        assert!(!stderr.contains(insides), "{what}: {stderr}");
    }
}

/// Truncated, with another beginning, and with one byte changed where there is something.
fn damaged(truth: &Truth, mut rng: Rng) -> Vec<(String, Vec<u8>)> {
    let good = &truth.file;
    let length = good.len();
    let mut cases = Vec::new();
    for share in [1, 10, 33, 50, 90, 99] {
        let kept = length * share / 100;
        cases.push((format!("cut to {share} %"), good[..kept].to_vec()));
    }
    cases.push(("cut by a byte".to_owned(), good[..length - 1].to_vec()));
    for (what, bytes) in [
        ("zeros", vec![0; 512]),
        ("ones", vec![0xff; 512]),
        ("text", b"this is not a desk at all\n".repeat(20)),
        ("noise", (0..512).map(|_| rng.next_u64() as u8).collect()),
    ] {
        let mut header = good.clone();
        header[..bytes.len()].copy_from_slice(&bytes);
        cases.push((format!("{what} at the beginning"), header));
        let mut behind = good.clone();
        behind[9..64].copy_from_slice(&bytes[9..64]);
        cases.push((format!("{what} behind the magic number"), behind));
    }
    let used: Vec<_> = (0..length).filter(|at| good[*at] != 0).collect();
    for _ in 0..trials(100, 1_000) {
        let at = *rng.pick(&used);
        let mut bytes = good.clone();
        bytes[at] ^= 1 << rng.within(0..=7);
        cases.push((format!("byte {at} of {length}"), bytes));
    }
    cases
}

/// F8: one byte, the beginning, the end.
#[test]
fn damage_is_refused_in_one_line_or_harmless() {
    let seed = Seed::from_env_or_random("FRONTDESK_SEED");
    let runtime = Runtime::new().unwrap();
    let truth = runtime.block_on(truth());
    let good = judge(&runtime, &truth, "the file itself", &truth.file);
    assert_eq!(good, Outcome::Served);
    let cases = damaged(&truth, seed.rng());
    let count = cases.len();
    let cases = Mutex::new(cases);
    let outcomes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some((what, bytes)) = cases.lock().unwrap().pop() else {
                        return;
                    };
                    let outcome = judge(&runtime, &truth, &what, &bytes);
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    let of = |wanted| outcomes.iter().filter(|one| **one == wanted).count();
    let (refused, withheld) = (of(Outcome::Refused), of(Outcome::Withheld));
    report(&format!(
        "F8: {count} damaged files, {refused} refused, {withheld} withheld, {} harmless, \
         0 silently wrong, seed {seed}",
        of(Outcome::Served)
    ));
    assert_eq!(outcomes.len(), count);
    assert!(refused + withheld > 15, "the test aims badly");
}
