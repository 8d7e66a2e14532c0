//! The names of the desk: from the cache, else from the hub by another process.
//!
//! That process has the time it needs, to renew a login too, and keeps what it found; the shell
//! waits for it only as long as nobody notices. What is kept is names, never a secret: readable
//! by the user alone, apart for each context and login.

use std::{
    ffi::OsString,
    io::{Read, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};
use shared::{
    api::{PAGE_ITEMS_MAX, Page},
    client::{
        error::ClientError,
        http::Http,
        private,
        profile::{Config, Environment, Flags, Places, Profile},
    },
    model::{Canned, Chat, Department, User},
    text::{SafeText, truncate_width},
};

use crate::{completion::VARIABLE, print::items::word};

/// How long names are taken for fresh.
const FRESH: Duration = Duration::from_secs(30);
/// How long the shell waits for the hub.
const WAIT_MAX: Duration = Duration::from_millis(60);
/// How long the process that asks the hub may take.
const REFRESH_MAX: Duration = Duration::from_secs(10);
/// Most columns of what is said of a name.
const HELP_COLUMNS: usize = 40;

/// What an argument names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Departments,
    Users,
    Canned,
    Chats,
    Contexts,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Departments,
        Self::Users,
        Self::Canned,
        Self::Chats,
        Self::Contexts,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Departments => "departments",
            Self::Users => "users",
            Self::Canned => "canned",
            Self::Chats => "chats",
            Self::Contexts => "contexts",
        }
    }

    /// The kind whose names this process is to ask the hub for.
    pub(super) fn of_refresh(asked: &str) -> Option<Self> {
        let word = asked.strip_prefix("refresh-")?;
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A name that completes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// The name itself.
    pub(super) name: String,
    /// The number, which is taken for it too.
    pub(super) number: Option<String>,
    /// What it is.
    pub(super) help: String,
}

impl Known {
    fn new(name: impl ToString, number: Option<String>, help: &str) -> Self {
        Self {
            name: SafeText::line(&name.to_string()).to_string(),
            number,
            help: truncate_width(&SafeText::line(help), HELP_COLUMNS).to_string(),
        }
    }
}

/// Names as they were.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Whose view of the desk.
    user: String,
    /// When, in seconds since 1970.
    at_s: u64,
    names: Vec<Known>,
}

/// The names of a kind for the context that the words on the command line mean.
pub(super) fn known(kind: Kind) -> Vec<Known> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let environment = Environment::of_process();
    if kind == Kind::Contexts {
        return contexts(&environment).unwrap_or_default();
    }
    let Ok(profile) = Profile::resolve(&flags_among(&words), &environment) else {
        return Vec::new();
    };
    let kept = load(kind, &profile);
    match kept {
        Some(kept) if age(&kept) < FRESH => kept.names,
        kept => asked(kind, &words).unwrap_or_else(|| kept.map_or_else(Vec::new, |k| k.names)),
    }
}

/// Asks the hub, keeps the answer and tells it to the process that waits.
pub(super) fn refresh(kind: Kind, words: &[OsString]) {
    let flags = flags_among(words);
    let Ok(profile) = Profile::resolve(&flags, &Environment::of_process()) else {
        return;
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return;
    };
    let names = runtime.block_on(async {
        let answer = tokio::time::timeout(REFRESH_MAX, fetch(kind, &profile));
        answer.await.ok()?.ok()
    });
    runtime.shutdown_background();
    let Some(names) = names else { return };
    let mut out = std::io::stdout().lock();
    // Nobody may wait for it any more.
    drop(
        serde_json::to_writer(&mut out, &names)
            .map_err(std::io::Error::from)
            .and_then(|()| writeln!(out))
            .and_then(|()| out.flush()),
    );
    store(kind, &profile, names);
}

/// The answer of a process that asks the hub, if it comes in time.
fn asked(kind: Kind, words: &[OsString]) -> Option<Vec<Known>> {
    let deadline = Instant::now() + WAIT_MAX;
    let mut child = Command::new(std::env::current_exe().ok()?)
        .args(words.iter().skip(1))
        .env(VARIABLE, format!("refresh-{}", kind.word()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Ctrl+C at the prompt is not for it.
        .process_group(0)
        .spawn()
        .ok()?;
    let mut pipe = child.stdout.take()?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\n") {
        let left = deadline.checked_duration_since(Instant::now())?;
        let left = Timespec::try_from(left).ok()?;
        let mut waited = [PollFd::new(&pipe, PollFlags::IN)];
        poll(&mut waited, Some(&left)).ok()?;
        if waited[0].revents().is_empty() {
            return None;
        }
        let mut chunk = [0; 16 * 1024];
        match pipe.read(&mut chunk).ok()? {
            0 => return None,
            length => answer.extend_from_slice(&chunk[..length]),
        }
    }
    serde_json::from_slice(&answer).ok()
}

async fn fetch(kind: Kind, profile: &Profile) -> Result<Vec<Known>, ClientError> {
    let http = profile.http()?;
    Ok(match kind {
        Kind::Departments => {
            let all: Vec<Department> = first(&http, "/api/departments").await?;
            let known = |d: Department| Known::new(&d.name, Some(d.id.to_string()), &d.description);
            all.into_iter().map(known).collect()
        }
        Kind::Users => {
            let all: Vec<User> = first(&http, "/api/users").await?;
            let known = |u: User| Known::new(&u.username, Some(u.id.to_string()), &u.name);
            all.into_iter().map(known).collect()
        }
        Kind::Canned => {
            let all: Vec<Canned> = first(&http, "/api/canned").await?;
            let known = |c: Canned| Known::new(&c.code, Some(c.id.to_string()), &c.text);
            all.into_iter().map(known).collect()
        }
        Kind::Chats => {
            let all: Vec<Chat> = first(&http, "/api/chats").await?;
            let known = |c: Chat| Known::new(c.id, None, &format!("{} {}", word(&c.state), c.name));
            all.into_iter().map(known).collect()
        }
        Kind::Contexts => Vec::new(),
    })
}

/// As many as one answer has: nobody chooses among more.
async fn first<T: serde::de::DeserializeOwned>(
    http: &Http,
    path: &str,
) -> Result<Vec<T>, ClientError> {
    let page: Page<T> = http.get(&format!("{path}?limit={PAGE_ITEMS_MAX}")).await?;
    Ok(page.items)
}

fn contexts(environment: &Environment) -> Option<Vec<Known>> {
    let config = Config::in_force(&Places::find(environment).ok()?).ok()?;
    let known = |(name, context): (&String, &shared::client::profile::Context)| {
        Known::new(name, None, &context.hub.to_string())
    };
    Some(config.contexts.iter().map(known).collect())
}

/// The flags among the words so far that say which hub is meant.
fn flags_among(words: &[OsString]) -> Flags {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let value = |flag: &str| {
        let apart = words.windows(2).filter(|pair| pair[0] == flag);
        let joined = words
            .iter()
            .filter_map(|word| word.strip_prefix(flag)?.strip_prefix('='));
        let found = apart.map(|pair| pair[1]).chain(joined).next();
        found.filter(|found| !found.is_empty()).map(str::to_owned)
    };
    Flags {
        hub: value("--hub"),
        context: value("--context"),
        ca: value("--ca").map(PathBuf::from),
        config: value("--config").map(PathBuf::from),
    }
}

/// Where the names of a kind are kept; nowhere for a token from the environment, which may be
/// anybody's.
fn file(kind: Kind, profile: &Profile) -> Option<(PathBuf, String)> {
    if profile.token.is_some() {
        return None;
    }
    let user = profile.credentials.load().ok()??.user;
    let mut name = String::new();
    for byte in profile.credentials.key().bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    let folder = profile.places.cache().join("names").join(name);
    Some((folder.join(format!("{}.json", kind.word())), user))
}

fn load(kind: Kind, profile: &Profile) -> Option<Kept> {
    let (path, user) = file(kind, profile)?;
    let text = private::read(&path).ok()??;
    let kept: Kept = serde_json::from_str(&text).ok()?;
    (kept.user == user).then_some(kept)
}

fn store(kind: Kind, profile: &Profile, names: Vec<Known>) {
    let Some((path, user)) = file(kind, profile) else {
        return;
    };
    let at_s = now_s();
    if let Ok(text) = serde_json::to_vec(&Kept { user, at_s, names }) {
        // Without it the next completion asks again.
        drop(private::write(&path, &text));
    }
}

fn age(kept: &Kept) -> Duration {
    // A clock that was set back makes names look new for as long; then they are asked for again.
    match now_s().checked_sub(kept.at_s) {
        Some(age_s) => Duration::from_secs(age_s),
        None => FRESH,
    }
}

fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::flags_among;

    #[test]
    fn the_hub_is_the_one_that_the_line_means() {
        let flags = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let flags = flags_among(&words);
            (flags.context, flags.hub)
        };
        let staging = (Some("staging".to_owned()), None);
        assert_eq!(flags("x -- x --context staging user get "), staging);
        assert_eq!(flags("x -- x user --context=staging get "), staging);
        let hub = (None, Some("http://h".to_owned()));
        assert_eq!(flags("x -- x user get --hub http://h b"), hub);
        assert_eq!(flags("x -- x user get --context "), (None, None));
    }
}
