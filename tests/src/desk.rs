//! A desk that is made and used only through the four programs, as its people would do it: nothing
//! here speaks to the hub itself.

use std::time::Duration;

use crate::cli::Cli;
use crate::exposure::{can_look, exposed, tokens_kept};
use crate::home::Home;
use crate::hub::{HubProcess, HubSetup};
use crate::process::Output;
use crate::programs::programs;
use crate::pty::{Pty, Terminal};

/// The longest that a program may take on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The context under which everyone at the desk knows the hub.
pub const CONTEXT: &str = "desk";

/// A hub, its owner "olga", and the secrets that were given to programs.
pub struct Desk {
    /// The hub.
    pub hub: HubProcess,
    /// The owner's shell.
    pub owner: Cli,
    password: String,
    secrets: Vec<String>,
}

impl Desk {
    /// Starts a hub and makes its owner with the one-time code and a password that no other test
    /// has.
    ///
    /// # Panics
    /// When a program refuses, or shows a secret.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(HubSetup::default())
    }

    /// The same with a hub set up as said.
    ///
    /// # Panics
    /// As [`Desk::start`].
    #[track_caller]
    pub fn start_with(setup: HubSetup) -> Self {
        let hub = HubProcess::start_with(setup);
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("randomness");
        let mut desk = Self {
            hub,
            owner: Cli::new(Home::new()),
            password: format!("correct horse {:x}", u64::from_ne_bytes(random)),
            secrets: Vec::new(),
        };
        let code = desk.hub.data().join("setup-code");
        let secret = std::fs::read_to_string(&code).expect("a setup code");
        desk.secrets.push(secret.trim().to_owned());
        desk.secrets.push(desk.password.clone());
        let code = code.to_str().expect("a path of ours is UTF-8").to_owned();
        let words = ["setup", "--username", "olga", "--name", "Olga"];
        desk.become_someone(&desk.owner, &words, &code);
        desk
    }

    /// Runs the admin tool as the owner.
    #[track_caller]
    pub fn admin(&self, args: &[&str]) -> Output {
        self.owner.run(&programs().admin, args, "", PATIENCE)
    }

    /// The same where anything but success is a failure; gives standard output.
    ///
    /// # Panics
    /// When it ends with another exit code than 0.
    #[track_caller]
    pub fn done(&self, args: &[&str]) -> String {
        let output = self.admin(args);
        assert_eq!(output.code(), 0, "{args:?}: {output:?}");
        output.stdout
    }

    /// Invites an agent, who accepts in a home of their own.
    ///
    /// # Panics
    /// When a program refuses, or shows a secret.
    #[track_caller]
    pub fn agent(&mut self, name: &str, departments: &str) -> Cli {
        let username = name.to_lowercase();
        let words = ["invite", "create", "--role", "agent", "--username"];
        let rest = [&username, "--department", departments, "--output", "name"];
        let code = self.done(&[&words[..], &rest[..]].concat());
        self.secrets.push(code.trim().to_owned());
        let shell = Cli::new(Home::new());
        let file = shell.home().path().join("code");
        std::fs::write(&file, code).expect("a file in a home of ours");
        let words = ["invite", "accept", "--name", name];
        self.become_someone(&shell, &words, "code");
        shell
    }

    /// A home that knows the hub by its address alone, as that of a customer.
    pub fn customer(&self) -> Cli {
        Cli::new(Home::new().with_env("FRONTDESK_HUB", self.hub.url()))
    }

    /// The console of an agent, in a terminal of 120 columns and 40 rows, once it has heard all
    /// there is.
    #[track_caller]
    pub fn console(&self, agent: &Cli) -> Pty {
        let terminal = Terminal::sized(40, 120);
        let args = ["--context", CONTEXT];
        let console = Pty::start(agent.home(), terminal, &programs().agent, &args);
        console.wait_for("a live connection", PATIENCE, |screen| {
            header(screen).contains("live")
        });
        console
    }

    /// The same, and the agent goes online.
    #[track_caller]
    pub fn console_online(&self, agent: &Cli) -> Pty {
        let console = self.console(agent);
        console.send_line("/status online");
        console.wait_for("the status online", PATIENCE, |screen| {
            header(screen).contains("* online")
        });
        console
    }

    /// The line mode of the customer chat in a terminal of 80 columns and 24 rows.
    #[track_caller]
    pub fn chat(&self, customer: &Cli, args: &[&str]) -> Pty {
        let terminal = Terminal::default();
        Pty::start(customer.home(), terminal, &programs().chat, args)
    }

    /// Everything secret so far: the password, the codes, and the tokens kept in `homes`.
    pub fn secrets(&self, homes: &[&Cli]) -> Vec<String> {
        let kept = homes
            .iter()
            .flat_map(|cli| tokens_kept(&cli.home().path().join("state")));
        self.secrets.iter().cloned().chain(kept).collect()
    }

    /// Runs the admin tool with `words` and a one-time code in `code_file`; while it waits for the
    /// password on its standard input, nobody else may see a secret.
    #[track_caller]
    fn become_someone(&self, shell: &Cli, words: &[&str], code_file: &str) {
        let url = self.hub.url();
        let rest = ["--hub", &url, "--context", CONTEXT];
        let secret = ["--code-file", code_file, "--password-stdin"];
        let args = [words, &rest, &secret].concat();
        let mut process = shell.start(&programs().admin, &args);
        if can_look() {
            assert_eq!(exposed(&self.secrets), Vec::<String>::new());
        }
        process.send_line(&self.password);
        let output = process.finish(PATIENCE);
        assert_eq!(output.code(), 0, "{words:?}: {output:?}");
    }
}

/// The row at the top of a console: who, which status, how many chats, how the connection is.
pub fn header(screen: &vt100::Screen) -> String {
    let (_, columns) = screen.size();
    screen.rows(0, columns.get()).next().unwrap_or_default()
}

/// Whether the line mode of the customer chat waits for a line, with nothing typed yet.
pub fn prompts(screen: &vt100::Screen) -> bool {
    let (row, column) = screen.cursor_position();
    let (_, columns) = screen.size();
    let line = screen.rows(0, columns.get()).nth(usize::from(row));
    column == 2 && line.is_some_and(|line| line.trim_end() == ">")
}
