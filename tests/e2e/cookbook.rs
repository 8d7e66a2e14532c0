//! The scripts of the cookbook, as they stand there, with real programs in an empty folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tests::cli::Cli;
use tests::desk::PATIENCE;
use tests::home::Home;
use tests::programs::{programs, workspace};

/// What the issue of a script may be long.
const LINES_MAX: usize = 70;

#[test]
fn a_desk_is_opened_from_nothing() {
    let script = workspace().join("docs/cookbook/desk-from-nothing.sh");
    let lines = fs::read_to_string(&script).unwrap().lines().count();
    assert!(lines <= LINES_MAX, "{lines} lines are no recipe");
    let folder = programs().admin.parent().unwrap();
    let mut path = folder.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let home = Home::new()
        .with_env("PATH", path)
        .with_env("LISTEN", "127.0.0.1:0");
    let cli = Cli::new(home);
    let script = script.to_str().unwrap();
    let output = cli.run(Path::new("/bin/sh"), &[script], "", PATIENCE * 2);
    assert_eq!(output.code(), 0, "{output:?}");
    let folder = cli.home().path();
    for told in [
        "chat 1 waits",
        "You: Order 4711 was charged twice",
        "ana: One of the two is on its way back.",
        "You: Thank you",
        "1 chats, head 24, 0 problems",
    ] {
        assert!(
            output.stdout.contains(told),
            "{told:?} is not in {}",
            output.stdout
        );
    }
    let bot = fs::read_to_string(folder.join("bot.ndjson")).unwrap();
    assert!(bot.lines().any(|line| line.contains("\"sent\"")), "{bot}");
    // Nothing in the folder is for others.
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} ({mode:o})", entry.path());
    }
}
