//! What each program promises to those who call it from a shell: exit codes, output forms, what
//! survives, and the terminal as it was found. What several of them do together is in `journey`.

mod account;
mod admin;
mod agent;
mod chat;
mod chat_files;
mod chat_line;
mod import;
mod restore;
mod totp;
mod verbs;

use std::io::ErrorKind;
use std::net::TcpListener;

use tests::cli::Cli;
use tests::desk::PATIENCE;
use tests::home::Home;
use tests::programs::programs;

#[test]
fn help_and_version_need_no_network() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let hub = format!("http://{}", listener.local_addr().unwrap());
    let cli = Cli::new(Home::new().with_env("FRONTDESK_HUB", hub));
    let built = programs();
    for program in [&built.hub, &built.agent, &built.chat, &built.admin] {
        let name = program.file_name().unwrap().to_str().unwrap();
        for (flag, expected) in [("--help", "Usage:"), ("--version", name)] {
            let output = cli.run(program, &[flag], "", PATIENCE);
            assert_eq!(output.code(), 0, "{name} {flag}: {output:?}");
            assert!(
                output.stdout.contains(expected),
                "{name} {flag}: {output:?}"
            );
            assert_eq!(output.stderr, "", "{name} {flag}");
        }
    }
    let called = listener.accept().unwrap_err();
    assert_eq!(called.kind(), ErrorKind::WouldBlock);
    let left = std::fs::read_dir(cli.home().path()).unwrap().count();
    assert_eq!(left, 0, "help leaves files behind");
}
