//! How long a program takes to say what it is, and that it asks nobody for it.

use std::time::{Duration, Instant};

use tests::cli::Cli;
use tests::desk::PATIENCE;
use tests::figure;
use tests::home::Home;
use tests::programs::programs;

/// What `--help` and `--version` may take.
const BUDGET: Duration = Duration::from_millis(30);
/// What a build without optimisation may take besides.
const SLACK: Duration = Duration::from_millis(70);
/// The best of so many counts: other tests share the machine.
const ROUNDS: usize = 9;

#[test]
fn help_and_version_come_at_once() {
    // An address that is never answered (RFC 5737): whoever asked it would wait for seconds.
    let home = Home::new().with_env("FRONTDESK_HUB", "https://192.0.2.1");
    let cli = Cli::new(home.with_env("PAGER", "cat"));
    let built = programs();
    let mut slow = Vec::new();
    for program in [&built.hub, &built.agent, &built.chat, &built.admin] {
        let name = program.file_name().unwrap().to_str().unwrap();
        for flag in ["--help", "--version"] {
            let once = || {
                let begun = Instant::now();
                let output = cli.run(program, &[flag], "", PATIENCE);
                assert_eq!(output.code(), 0, "{name} {flag}: {output:?}");
                begun.elapsed()
            };
            let best = (0..ROUNDS).map(|_| once()).min().unwrap();
            let ms = best.as_secs_f64() * 1000.0;
            figure(&format!("{name} {flag}"), format!("{ms:.1}"), "ms", "< 30");
            let allowed = if cfg!(debug_assertions) {
                BUDGET + SLACK
            } else {
                BUDGET
            };
            if best > allowed {
                slow.push(format!("{name} {flag}: {best:?}"));
            }
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
}
