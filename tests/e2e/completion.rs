//! Completion by the shells themselves: a TAB on their command line, and what it leaves there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tests::cli::Cli;
use tests::desk::{CONTEXT, Desk, PATIENCE};
use tests::home::Home;
use tests::programs::programs;
use tests::pty::{Pty, Terminal};

/// Says for which shell to complete.
const VARIABLE: &str = "FRONTDESK_COMPLETE";
/// Names that are there, in the order of their kinds.
const NAMES: [&str; 4] = ["Customer Care", "Billing", "olga", "greeting"];

/// A shell of this machine, with its arguments and how it reads the script.
struct Shell {
    name: &'static str,
    args: &'static [&'static str],
    begin: &'static str,
}

const SHELLS: [Shell; 3] = [
    Shell {
        name: "bash",
        args: &["--norc", "--noprofile", "-i"],
        begin: "bind 'set enable-bracketed-paste off'; source <(frontdesk-admin completion bash)",
    },
    Shell {
        name: "zsh",
        args: &["-f", "-i"],
        begin: "autoload -U compinit; compinit -D; source <(frontdesk-admin completion zsh)",
    },
    Shell {
        name: "fish",
        args: &["--no-config", "-i"],
        begin: "frontdesk-admin completion fish | source",
    },
];

impl Shell {
    fn path(&self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH")?;
        let found = std::env::split_paths(&path).map(|folder| folder.join(self.name));
        found.into_iter().find(|file| file.is_file())
    }
}

/// The owner's home, with the programs among those that a shell finds.
fn with_programs(home: &Home) -> Home {
    let folder = programs().admin.parent().unwrap();
    let mut path = folder.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    home.clone().with_env("PATH", path)
}

fn desk() -> Desk {
    let desk = Desk::start();
    desk.done(&["department", "create", "Billing"]);
    desk.done(&["canned", "create", "greeting", "--text", "Hello"]);
    desk
}

#[test]
fn a_tab_completes_names_of_the_desk_in_real_shells() {
    let desk = desk();
    let home = with_programs(desk.owner.home());
    for shell in &SHELLS {
        let Some(path) = shell.path() else {
            tests::report(&format!("skipped: {} is not installed", shell.name));
            continue;
        };
        let terminal = Terminal::sized(40, 120);
        let pty = Pty::start(&home, terminal, &path, shell.args);
        pty.send_line(&format!("{}; echo rea''dy", shell.begin));
        pty.wait_text("ready", PATIENCE);
        // Quoted by the shell's own rules, and taken back by it: the program says what it got.
        for (typed, verb) in [
            (
                "frontdesk-admin -o ndjson department get Bil",
                "\"Billing\"",
            ),
            (
                "frontdesk-admin -o ndjson department get Customer",
                "\"Customer Care\"",
            ),
            ("frontdesk-admin -o ndjson user get ol", "\"olga\""),
            ("frontdesk-admin -o ndjson canned get gree", "\"greeting\""),
            ("frontdesk-admin -o ndjson context sh", "\"name\":\"desk\""),
            (
                "frontdesk-admin -o ndjson context show de",
                "\"current\":true",
            ),
        ] {
            pty.send_line("clear");
            pty.send(format!("{typed}\t"));
            pty.wait_for("a completed word", PATIENCE, |screen| {
                let all = screen.contents();
                let line = all.lines().rev().find_map(|line| {
                    let at = line.find("frontdesk-admin")?;
                    Some(line[at..].trim_end().len())
                });
                line.is_some_and(|length| length > typed.len())
            });
            pty.send("\r");
            pty.wait_text(verb, PATIENCE);
        }
        pty.send_line("exit");
    }
}

/// What the program offers to bash for these words, the last of which is being typed.
fn offered(cli: &Cli, words: &[&str]) -> (Vec<String>, Duration) {
    let index = (words.len() - 1).to_string();
    let home = cli.home().clone();
    let home = home
        .with_env(VARIABLE, "bash")
        .with_env("_CLAP_COMPLETE_INDEX", index);
    let args = [&["--"], words].concat();
    let begun = Instant::now();
    let output = Cli::new(home).run(&programs().admin, &args, "", PATIENCE);
    let took = begun.elapsed();
    assert_eq!(
        (output.code(), output.stderr.as_str()),
        (0, ""),
        "{output:?}"
    );
    let lines = output.stdout.lines().map(str::to_owned);
    (lines.collect(), took)
}

const DEPARTMENTS: [&str; 4] = ["frontdesk-admin", "department", "get", ""];

#[test]
fn names_are_kept_for_a_moment_privately_and_stay_when_the_hub_is_gone() {
    let desk = desk();
    let all = ["Billing", "Customer\\ Care"];
    assert_eq!(offered(&desk.owner, &DEPARTMENTS).0, all);
    let folder = desk
        .owner
        .home()
        .path()
        .join("cache/frontdesk/names")
        .join(CONTEXT);
    let file = folder.join("departments.json");
    // The process that keeps them may still be at it.
    let kept = wait_file(&file);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&folder)), (0o600, 0o700));
    for secret in desk.secrets(&[&desk.owner]) {
        assert!(!kept.contains(&secret), "a secret is kept with the names");
    }
    // Within its time the hub is not asked, so it does not matter that there is one more.
    desk.done(&["department", "create", "Returns"]);
    assert_eq!(offered(&desk.owner, &DEPARTMENTS).0, all);
    // And what is too old is better than nothing.
    desk.hub.kill9();
    let old = kept.replacen("\"at_s\":", "\"at_s\":1,\"was\":", 1);
    fs::write(&file, old).unwrap();
    assert_eq!(offered(&desk.owner, &DEPARTMENTS).0, all);
    // Names that others could have written are not believed.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(
        !offered(&desk.owner, &DEPARTMENTS)
            .0
            .contains(&"Billing".to_owned())
    );
}

fn wait_file(path: &Path) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match fs::read_to_string(path) {
            Ok(text) => return text,
            Err(error) => assert!(Instant::now() < deadline, "{}: {error}", path.display()),
        }
        std::thread::yield_now();
    }
}

#[test]
fn another_user_of_the_same_context_gets_names_of_their_own() {
    let mut desk = desk();
    let bea = desk.agent("Bea", "Billing");
    assert!(offered(&desk.owner, &["frontdesk-admin", "user", "get", "be"]).0 == ["bea"]);
    let users = desk
        .owner
        .home()
        .path()
        .join("cache/frontdesk/names")
        .join(CONTEXT)
        .join("users.json");
    let kept = wait_file(&users).replace("\"user\":\"olga\"", "\"user\":\"bea\"");
    let own = bea
        .home()
        .path()
        .join("cache/frontdesk/names")
        .join(CONTEXT);
    fs::create_dir_all(&own).unwrap();
    let own = own.join("users.json");
    fs::write(&own, kept.replace("olga", "nobody")).unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(
        offered(&bea, &["frontdesk-admin", "user", "get", "no"]).0,
        ["nobody"]
    );
    fs::write(
        &own,
        kept.replace("\"user\":\"bea\"", "\"user\":\"eve\"")
            .replace("olga", "nobody"),
    )
    .unwrap();
    let after = offered(&bea, &["frontdesk-admin", "user", "get", "no"]).0;
    assert!(!after.contains(&"nobody".to_owned()), "{after:?}");
}

#[test]
fn a_hub_that_does_not_answer_costs_a_moment_and_not_a_word() {
    // A hub that accepts and says nothing, one that refuses, and no config at all.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let refusing = gone.local_addr().unwrap();
    drop(gone);
    let mut worst = Duration::ZERO;
    for hub in [
        silent.local_addr().unwrap().to_string(),
        refusing.to_string(),
    ] {
        let home = Home::new().with_env("FRONTDESK_HUB", format!("http://{hub}"));
        let cli = Cli::new(home.with_env("FRONTDESK_TOKEN", "fda_nothing"));
        // The best of several: other tests share the machine.
        let took = (0..5).map(|_| offered(&cli, &DEPARTMENTS).1).min().unwrap();
        worst = worst.max(took);
    }
    tests::figure("completion without a hub", worst.as_millis(), "ms", "< 100");
    assert!(
        worst < Duration::from_millis(if cfg!(debug_assertions) { 200 } else { 100 }),
        "{worst:?}"
    );
    let broken = Home::new();
    let config = broken.path().join("config/frontdesk");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), "contexts = 7\n").unwrap();
    assert!(
        offered(&Cli::new(broken), &DEPARTMENTS)
            .0
            .iter()
            .all(|word| word.starts_with('-'))
    );
}

#[test]
fn names_come_in_time() {
    let desk = desk();
    let fresh = |cli: &Cli| {
        fs::remove_dir_all(cli.home().path().join("cache")).ok();
        offered(cli, &DEPARTMENTS)
    };
    let best = (0..7)
        .map(|_| fresh(&desk.owner))
        .min_by_key(|(_, took)| *took)
        .unwrap();
    let kept = (0..7)
        .map(|_| offered(&desk.owner, &DEPARTMENTS).1)
        .min()
        .unwrap();
    tests::figure(
        "completion with the hub asked",
        best.1.as_millis(),
        "ms",
        "< 100",
    );
    tests::figure("completion from the cache", kept.as_millis(), "ms", "< 100");
    assert!(best.0.contains(&NAMES[1].to_owned()), "{best:?}");
    let slack = if cfg!(debug_assertions) { 200 } else { 100 };
    assert!(
        best.1.max(kept) < Duration::from_millis(slack),
        "{best:?} {kept:?}"
    );
}

#[test]
fn the_other_programs_complete_their_words_and_contexts() {
    let desk = desk();
    for (program, words, expected) in [
        (
            &programs().chat,
            &["frontdesk-chat", "--context", ""][..],
            CONTEXT,
        ),
        (
            &programs().agent,
            &["frontdesk-agent", "--context", ""],
            CONTEXT,
        ),
        (&programs().chat, &["frontdesk-chat", "res"], "resume"),
        (&programs().hub, &["frontdesk-hub", "rest"], "restore"),
    ] {
        let home = desk.owner.home().clone().with_env(VARIABLE, "bash");
        let home = home.with_env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
        let args = [&["--"], words].concat();
        let output = Cli::new(home).run(program, &args, "", PATIENCE);
        assert_eq!(
            (output.stdout.trim(), output.stderr.as_str()),
            (expected, ""),
            "{words:?}"
        );
    }
}

#[test]
fn every_shell_has_a_script() {
    let cli = Cli::new(Home::new());
    for shell in ["bash", "zsh", "fish", "powershell", "elvish", "nushell"] {
        let script = cli.run(&programs().admin, &["completion", shell], "", PATIENCE);
        assert_eq!((script.code(), script.stderr.as_str()), (0, ""), "{shell}");
        assert!(script.stdout.contains("frontdesk-admin"), "{shell}");
    }
}
