//! The world of the examples: a hub, a home with the files that they name, a shell.

use std::fs;
use std::path::Path;
use std::time::Instant;

use rustix::process::Signal;
use tests::cli::Cli;
use tests::desk::PATIENCE;
use tests::home::Home;
use tests::hub::{HubProcess, HubSetup};
use tests::process::{Output, Process};
use tests::programs::programs;
use tests::pty::{Pty, Terminal};

use super::normal::normal;

/// The password of everyone in the examples, and where it stands.
const PASSWORD: &str = "correct horse battery staple";
/// Files that the examples name.
const FILES: [(&str, &str); 4] = [
    ("password", "correct horse battery staple\n"),
    ("refund.txt", "The refund is on its way.\n"),
    ("report.txt", "All is well tonight.\n"),
    (
        "returns.toml",
        "[[form]]\nkey = \"order\"\nlabel = \"Order\"\nkind = \"text\"\nrequired = true\n",
    ),
];

/// A hub, a person's home, and what stands for what in the examples.
pub(super) struct World {
    hub: Option<HubProcess>,
    shell: Cli,
    /// A word of the examples, and what is meant by it here.
    words: Vec<(String, String)>,
}

impl World {
    /// A home without a hub.
    pub(super) fn new() -> Self {
        // Not as root, and never on the port of a hub that this machine really has.
        let folder = programs().admin.parent().unwrap();
        let mut path = folder.as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let home = Home::new()
            .with_env("PATH", path)
            .with_env("FRONTDESK_LISTEN", "127.0.0.1:0")
            .with_env("PAGER", "cat")
            .with_env("TERM", "xterm-256color");
        let folder = home.path().to_owned();
        for (name, text) in FILES {
            fs::write(folder.join(name), text).unwrap();
        }
        assert!(FILES[0].1.starts_with(PASSWORD));
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(folder.join("cert.pem"), certified.cert.pem()).unwrap();
        fs::write(
            folder.join("key.pem"),
            certified.signing_key.serialize_pem(),
        )
        .unwrap();
        let lib = folder.join("lib").display().to_string();
        let words = [
            ("0.0.0.0:8470", "127.0.0.1:0"),
            ("/var/lib/frontdesk", &lib),
        ];
        Self {
            hub: None,
            shell: Cli::new(home),
            words: words
                .map(|(from, to)| (from.to_owned(), to.to_owned()))
                .into(),
        }
    }

    /// Does what a line says; gives what came of it, line by line, where it is an example.
    pub(super) fn step(&mut self, line: &str) -> Vec<String> {
        if line == "%fresh" {
            self.fresh();
        } else if let Some(command) = line.strip_prefix("%do ") {
            self.prepared(command);
        } else if let Some(map) = line.strip_prefix("%map ") {
            let (word, command) = map.split_once(" = ").unwrap();
            self.words.retain(|(known, _)| known != word);
            let printed = self.prepared(command);
            self.words
                .push((word.to_owned(), printed.trim().to_owned()));
        } else if let Some(rest) = line.strip_prefix("$@ ") {
            let (text, command) = rest.split_once(" @ ").unwrap();
            return self.on_terminal(text, command);
        } else if let Some(command) = line.strip_prefix("$~ ") {
            return self.stopped(command, true);
        } else if let Some(command) = line.strip_prefix("$- ") {
            return self.stopped(command, false);
        } else if let Some(command) = line.strip_prefix("$ ") {
            let output = self.sh(command);
            return self.pinned(&output);
        } else {
            assert!(
                line.is_empty() || line.starts_with('#'),
                "what is {line:?}?"
            );
        }
        Vec::new()
    }

    fn fresh(&mut self) {
        let folder = self.shell.home().path();
        let settings = folder.join("hub.toml");
        fs::write(&settings, "registration = true\n").unwrap();
        let mut hub = HubProcess::start_with(HubSetup {
            args: vec!["--config".to_owned(), settings.display().to_string()],
            ..HubSetup::default()
        });
        // Its end is amid everything: who it kills was given a chat a moment ago.
        hub.unjudged("examples kill their own programs, and end on a hub at work");
        fs::copy(hub.data().join("setup-code"), folder.join("setup-code")).unwrap();
        for below in ["config", "state", "cache"] {
            fs::remove_dir_all(folder.join(below)).ok();
        }
        self.words.retain(|(word, _)| !word.starts_with("http"));
        for word in ["https://desk.example.org", "http://127.0.0.1:8470"] {
            self.words.push((word.to_owned(), hub.url()));
        }
        // The hub that a fresh installation finds on its own machine.
        let home = self
            .shell
            .home()
            .clone()
            .with_env("FRONTDESK_HUB", hub.url());
        self.shell = Cli::new(home);
        self.hub = Some(hub);
    }

    /// A command as it is meant here: each word of the examples is replaced where it stands by
    /// itself, once.
    fn meant(&self, command: &str) -> String {
        let is_part = |c: char| c.is_ascii_alphanumeric();
        let mut meant = String::with_capacity(command.len());
        let mut rest = command;
        while let Some(first) = rest.chars().next() {
            let begins = !meant.ends_with(is_part) || !is_part(first);
            let known = self.words.iter().find(|(word, _)| {
                let after = rest.strip_prefix(word.as_str());
                begins && after.is_some_and(|after| !after.starts_with(is_part))
            });
            match known {
                Some((word, here)) => {
                    meant.push_str(here);
                    rest = &rest[word.len()..];
                }
                None => {
                    meant.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        meant
    }

    fn sh(&self, command: &str) -> Output {
        let command = self.meant(command);
        self.shell
            .run(Path::new("/bin/sh"), &["-c", &command], "", PATIENCE)
    }

    fn prepared(&self, command: &str) -> String {
        let output = self.sh(command);
        assert_eq!(output.code(), 0, "{command}: {output:?}");
        output.stdout
    }

    /// One that follows something, ended when it has connected, and said its first line if it
    /// says one.
    fn stopped(&self, command: &str, speaks: bool) -> Vec<String> {
        let exec = format!("exec {}", self.meant(command));
        let mut process = self.shell.start(Path::new("/bin/sh"), &["-c", &exec]);
        process.close_stdin();
        wait_connected(&process);
        let mut first = String::new();
        if speaks {
            first = process.wait_line("anything", PATIENCE, |_| true);
        }
        process.signal(Signal::TERM);
        let output = process.finish(PATIENCE);
        self.pinned(&Output {
            stdout: first,
            stderr: String::new(),
            ..output
        })
    }

    fn on_terminal(&self, text: &str, command: &str) -> Vec<String> {
        let exec = format!("exec {}", self.meant(command));
        let args = ["-c", &exec];
        let terminal = Terminal::sized(30, 100);
        let pty = Pty::start(self.shell.home(), terminal, Path::new("/bin/sh"), &args);
        pty.wait_text(text, PATIENCE);
        pty.signal(Signal::TERM);
        let exit = pty.wait_exit(PATIENCE);
        vec![format!("? {}", exit.shell_code())]
    }

    fn pinned(&self, output: &Output) -> Vec<String> {
        let home = self.shell.home().path().display().to_string();
        let lines = |mark: char, text: &str| -> Vec<String> {
            let text = normal(text, &home);
            text.lines()
                .map(|line| format!("{mark} {line}").trim_end().to_owned())
                .collect()
        };
        let mut all = vec![format!("? {}", output.code())];
        all.extend(lines('>', &output.stdout));
        all.extend(lines('!', &output.stderr));
        all
    }
}

/// Waits until the program holds a socket, or listens at one.
fn wait_connected(process: &Process) {
    let deadline = Instant::now() + PATIENCE;
    let files = format!("/proc/{}/fd", process.pid());
    loop {
        let links = fs::read_dir(&files).into_iter().flatten().flatten();
        let mut links = links.filter_map(|entry| fs::read_link(entry.path()).ok());
        if links.any(|link| link.to_string_lossy().starts_with("socket:")) {
            return;
        }
        assert!(Instant::now() < deadline, "no connection of {process}");
        std::thread::yield_now();
    }
}
