//! The hub under test: built, seeded with people, started on its core, ended.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::{Fallible, http::Http, machine::Cores};

const PASSWORD: &str = "correct horse battery staple";
/// Nobody is held back: the limits of clients are not what is measured.
const SETTINGS: &str = "[limits]\nconnections = 60000\ncustomer_per_second = 0\n\
                        staff_per_second = 0\nopen_per_minute = 0\n";
const BEGUN: &str = "listening on http://";

/// The program, built now if it is missing or old.
pub(crate) fn build() -> Fallible<PathBuf> {
    let root = tests::programs::workspace();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    for (name, _) in std::env::vars_os() {
        // What is said of this package would make build scripts run again.
        let name_text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
            .iter()
            .any(|start| name_text.starts_with(start))
        {
            command.env_remove(&name);
        }
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .ok_or("no target folder")?;
    let built = command
        // Alone, with the features it has when it is shipped: those of the tests are others.
        .args(["build", "--release", "--locked", "-p", "server"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(root)
        .status()?;
    if !built.success() {
        return Err("the hub does not build".into());
    }
    Ok(target.join("release/frontdesk-hub"))
}

/// A running hub; killed when dropped.
pub(crate) struct Hub {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) data: PathBuf,
    /// From the start of the process to its first line.
    pub(crate) start: Duration,
}

impl Hub {
    /// Starts the hub with its data in `data`, and with `store` instead of the file there.
    pub(crate) fn start(
        program: &Path,
        cores: Cores,
        data: &Path,
        store: Option<&str>,
    ) -> Fallible<Self> {
        make_folder(data)?;
        fs::write(data.join("hub.toml"), SETTINGS)?;
        let log = fs::File::create(data.join("log"))?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .arg("--data")
            .arg(data)
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        if let Some(store) = store {
            command.args(["--store", store]);
        }
        let begun = Instant::now();
        let mut child = cores.on_hub(|| command.spawn())??;
        let output = child.stdout.take().ok_or("the hub has no output")?;
        let mut lines = BufReader::new(output);
        let mut line = String::new();
        let address = loop {
            line.clear();
            if lines.read_line(&mut line)? == 0 {
                let log = fs::read_to_string(data.join("log"))?;
                return Err(format!("the hub did not start: {log}").into());
            }
            if let Some(address) = line.trim().strip_prefix(BEGUN) {
                break address.parse()?;
            }
        };
        Ok(Self {
            child,
            address,
            data: data.to_owned(),
            start: begun.elapsed(),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as it wants to end.
    pub(crate) fn stop(mut self) -> Fallible<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill9(mut self) -> Fallible<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// A connection to it.
    pub(crate) fn http(&self) -> Http {
        Http::new(self.address)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Makes the owner and `agents` agents, each with a department of its own and all in one more,
/// unless they are there.
pub(crate) fn seed(hub: &Hub, agents: usize) -> Fallible<()> {
    let mut http = hub.http();
    let code = fs::read_to_string(hub.data.join("setup-code"))?;
    let owner =
        json!({"code": code.trim(), "username": "olga", "name": "Olga", "password": PASSWORD});
    let owner = http.post("/api/setup", None, &owner)?;
    let token = owner["access_token"].as_str().map(str::to_owned);
    let token = token.as_deref();
    for number in 0..agents {
        let mut departments = vec![EVERYONE.to_owned()];
        if number < PAIRS_MAX {
            let own = department(number);
            let new = json!({"name": own, "capacity": 1_000});
            http.post("/api/departments", token, &new)?;
            departments.push(own);
        }
        let invite = json!({
            "role": "agent",
            "departments": departments,
            "username": format!("agent{number}"),
        });
        let invited = http.post("/api/invitations", token, &invite)?;
        let accept = json!({
            "code": invited["code"],
            "name": format!("Agent {number}"),
            "password": PASSWORD,
        });
        http.post("/api/invitations/accept", None, &accept)?;
    }
    Ok(())
}

/// The department in which every agent is.
pub(crate) const EVERYONE: &str = "Customer Care";

/// Most agents with a department of their own: a desk has 1,000 departments, one of them
/// everyone's.
pub(crate) const PAIRS_MAX: usize = 999;

/// The department of one agent.
pub(crate) fn department(number: usize) -> String {
    format!("Pair {number}")
}

/// Signs an agent in; the token and the user's number.
pub(crate) fn login(http: &mut Http, number: usize) -> Fallible<(String, u64)> {
    let who = json!({"username": format!("agent{number}"), "password": PASSWORD});
    let tokens = http.post("/api/auth/login", None, &who)?;
    let token = tokens["access_token"].as_str().ok_or("no token")?;
    let id = tokens["user"]["id"].as_u64().ok_or("no user")?;
    Ok((token.to_owned(), id))
}

/// Begins the work of an agent who is connected.
pub(crate) fn go_online(http: &mut Http, token: &str, id: u64) -> Fallible<()> {
    let path = format!("/api/users/{id}/status");
    http.put(&path, Some(token), &json!({"status": "online"}))?;
    Ok(())
}

/// Opens a chat as somebody without an account; its number and its secret.
pub(crate) fn open_chat(
    http: &mut Http,
    number: usize,
    department: &str,
) -> Fallible<(u64, String)> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    let open = json!({
        "name": format!("Customer {number}"),
        "department": department,
        "text": "hello, is somebody there?",
        "cid": format!("open{:016x}", u64::from_ne_bytes(random)),
    });
    let opened = http.post("/api/chats", None, &open)?;
    let chat = opened["chat"]["id"].as_u64().ok_or("no chat")?;
    let token = opened["token"].as_str().ok_or("no token of the chat")?;
    Ok((chat, token.to_owned()))
}

/// Makes a data folder as the hub wants it: for its user alone.
pub(crate) fn make_folder(path: &Path) -> Fallible<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    Ok(())
}

/// A copy of a data folder that is seeded with so many agents; made once and kept.
pub(crate) fn seeded(program: &Path, cores: Cores, agents: usize, to: &Path) -> Fallible<()> {
    let kept = crate::kept(&format!("desk-{agents}"));
    if !kept.join("desk.redb").exists() {
        crate::say(&format!(
            "seeding a desk with {agents} agents; it is kept for later runs"
        ));
        let making = crate::kept(&format!("desk-{agents}-making"));
        if making.exists() {
            fs::remove_dir_all(&making)?;
        }
        let hub = Hub::start(program, cores, &making, None)?;
        seed(&hub, agents)?;
        hub.stop()?;
        fs::rename(&making, &kept)?;
    }
    make_folder(to)?;
    for entry in fs::read_dir(&kept)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
