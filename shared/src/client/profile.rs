//! Which hub, as whom, with which files: flags before environment before the project's choice
//! before the user's config before the system's.
//!
//! Nothing here writes to a terminal or talks to a hub. Secrets are in `credentials`, apart from
//! the config, which may be shown to others.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use etcetera::base_strategy::{BaseStrategy, Xdg};
use serde::{Deserialize, Serialize};

use crate::{
    client::{
        credentials::CredentialsFile,
        error::ClientError,
        http::Http,
        outbox::{Outbox, OutboxError},
        private::{self, PrivateError},
        project::Project,
        session::{Session, Token, TokenSource},
        tls::TlsOptions,
        url::{DEFAULT_HUB, HubUrl, UrlError},
    },
    error::{ErrorCode, exit},
};

/// The config for every user of a machine.
const SYSTEM_CONFIG: &str = "/etc/frontdesk/config.toml";

/// Why it is not clear which hub or as whom.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is no such context.
    #[error("context {name:?} is not known{}", hint(nearest.as_deref()))]
    UnknownContext {
        /// What was asked for.
        name: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// Not an address.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// A file that should be private is not, or cannot be used.
    #[error("{0}")]
    Private(#[from] PrivateError),
    /// A file makes no sense.
    #[error("{} makes no sense: {why}; correct it or remove it", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong, without the text itself.
        why: String,
    },
    /// Nobody is logged in.
    #[error("not logged in to {0}; run: frontdesk-admin login")]
    NotLoggedIn(String),
    /// There is no home directory to keep files in.
    #[error("no home directory is known; set FRONTDESK_HOME to a directory")]
    NoHome,
}

impl ProfileError {
    /// The exit code of a program that ends because of this.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NotLoggedIn(_) => ErrorCode::Unauthenticated.exit_code(),
            Self::Private(PrivateError::Io { .. }) => exit::FAILURE,
            _ => exit::USAGE,
        }
    }
}

/// The environment as far as it matters here, passed in so that a test can have its own.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `FRONTDESK_HOME`: one directory instead of all the XDG ones.
    pub home: Option<PathBuf>,
    /// `FRONTDESK_CONFIG`: the one config file, instead of the user's and the system's.
    pub config: Option<PathBuf>,
    /// The folder one works in, where a project's choice is looked for.
    pub folder: Option<PathBuf>,
    /// `FRONTDESK_HUB`.
    pub hub: Option<String>,
    /// `FRONTDESK_CONTEXT`.
    pub context: Option<String>,
    /// `FRONTDESK_TOKEN`.
    pub token: Option<Token>,
}

impl Environment {
    /// The environment of this process. Empty values count as unset.
    #[must_use]
    pub fn of_process() -> Self {
        let value = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let text = |name: &str| value(name).and_then(|value| OsString::into_string(value).ok());
        Self {
            home: value("FRONTDESK_HOME").map(PathBuf::from),
            config: value("FRONTDESK_CONFIG").map(PathBuf::from),
            folder: std::env::current_dir().ok(),
            hub: text("FRONTDESK_HUB"),
            context: text("FRONTDESK_CONTEXT"),
            token: text("FRONTDESK_TOKEN").map(|token| Token::new(token.trim().to_owned())),
        }
    }
}

/// What the command line said.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--hub`.
    pub hub: Option<String>,
    /// `--context`.
    pub context: Option<String>,
    /// `--ca`.
    pub ca: Option<PathBuf>,
    /// `--config`.
    pub config: Option<PathBuf>,
}

/// Where the files of a user are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    config: PathBuf,
    /// The config for every user of the machine.
    system: Option<PathBuf>,
    state: PathBuf,
    cache: PathBuf,
}

impl Places {
    /// The places of this user: `FRONTDESK_HOME`, else the XDG directories.
    ///
    /// # Errors
    /// [`ProfileError::NoHome`] when there is neither.
    pub fn find(environment: &Environment) -> Result<Self, ProfileError> {
        let mut places = Self::of(environment.home.as_deref())?;
        if let Some(config) = &environment.config {
            places.config.clone_from(config);
            places.system = None;
        }
        Ok(places)
    }

    fn of(home: Option<&Path>) -> Result<Self, ProfileError> {
        if let Some(home) = home {
            return Ok(Self::under(home));
        }
        let xdg = Xdg::new().map_err(|_| ProfileError::NoHome)?;
        let state = xdg.state_dir().ok_or(ProfileError::NoHome)?;
        Ok(Self {
            config: xdg.config_dir().join("frontdesk/config.toml"),
            system: Some(PathBuf::from(SYSTEM_CONFIG)),
            state: state.join("frontdesk"),
            cache: xdg.cache_dir().join("frontdesk"),
        })
    }

    /// Everything under one directory.
    #[must_use]
    pub fn under(home: &Path) -> Self {
        Self {
            config: home.join("config.toml"),
            system: None,
            state: home.join("state"),
            cache: home.join("cache"),
        }
    }

    /// The file with the contexts.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The same with a config for every user of the machine, which the user's own comes before.
    #[must_use]
    pub fn with_system(self, system: PathBuf) -> Self {
        let system = Some(system);
        Self { system, ..self }
    }

    /// The folder of everything that is not config: only its owner may enter.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The folder of what may be removed at any time; write to it with [`private::write`].
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The file with the logins.
    #[must_use]
    pub fn credentials(&self) -> PathBuf {
        self.state.join("credentials.toml")
    }

    /// The folder of the outboxes.
    #[must_use]
    pub fn outbox(&self) -> PathBuf {
        self.state.join("outbox")
    }

    /// The folder of the drafts; write them with [`private::write`].
    #[must_use]
    pub fn drafts(&self) -> PathBuf {
        self.state.join("drafts")
    }
}

/// A named hub with what belongs to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The hub.
    pub hub: HubUrl,
    /// Its authority, when it is a private one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The department that is meant when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Refuse to write, so that a production hub is safe from a slip.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Ask for this word before a severe write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Another file of logins than the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PathBuf>,
    /// What the console is to be like with this hub; only the console reads it.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub agent: toml::Table,
}

impl Context {
    /// A context with nothing but its hub.
    #[must_use]
    pub fn new(hub: HubUrl) -> Self {
        Self {
            hub,
            ca: None,
            department: None,
            read_only: false,
            confirm: None,
            credentials: None,
            agent: toml::Table::new(),
        }
    }
}

/// The user's config file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The context that is meant when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_context: Option<String>,
    /// The contexts by name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
    /// What the console is to be like; only the console reads it.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub agent: toml::Table,
}

impl Config {
    /// Reads the user's own config; an empty one when there is no file.
    ///
    /// # Errors
    /// [`ProfileError::Malformed`] when it makes no sense, [`ProfileError::Private`] when it
    /// cannot be read.
    pub fn load(places: &Places) -> Result<Self, ProfileError> {
        Self::read(places.config())
    }

    /// What holds: the user's own config, and what it does not say from the system's.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn in_force(places: &Places) -> Result<Self, ProfileError> {
        let mut config = Self::load(places)?;
        let Some(path) = &places.system else {
            return Ok(config);
        };
        let system = Self::read(path)?;
        config.current_context = config.current_context.or(system.current_context);
        for (name, mut context) in system.contexts {
            // Meant from where that config is.
            let from_there = |given: PathBuf| private::parent(path).join(given);
            context.ca = context.ca.map(from_there);
            context.credentials = context.credentials.map(from_there);
            config.contexts.entry(name).or_insert(context);
        }
        for (name, value) in system.agent {
            config.agent.entry(name).or_insert(value);
        }
        Ok(config)
    }

    fn read(path: &Path) -> Result<Self, ProfileError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(source) => {
                let path = path.to_owned();
                return Err(PrivateError::Io { path, source }.into());
            }
        };
        toml::from_str(&text).map_err(|error| ProfileError::Malformed {
            path: path.to_owned(),
            why: error.message().to_owned(),
        })
    }

    /// Changes the config under a lock. The file is written only when something has changed;
    /// comments in it are lost then.
    ///
    /// # Errors
    /// As [`Config::load`], and [`ProfileError::Private`] when it cannot be written.
    pub fn update<T>(
        places: &Places,
        change: impl FnOnce(&mut Self) -> T,
    ) -> Result<T, ProfileError> {
        let _lock = private::lock(places.config())?;
        let before = Self::load(places)?;
        let mut after = before.clone();
        let answer = change(&mut after);
        if after != before {
            let text = toml::to_string(&after).map_err(|error| ProfileError::Malformed {
                path: places.config().to_owned(),
                why: error.to_string(),
            })?;
            private::write(places.config(), text.as_bytes())?;
        }
        Ok(answer)
    }

    /// A context by its name.
    ///
    /// # Errors
    /// [`ProfileError::UnknownContext`] with the nearest name.
    pub fn context(&self, name: &str) -> Result<&Context, ProfileError> {
        self.contexts
            .get(name)
            .ok_or_else(|| ProfileError::UnknownContext {
                name: name.to_owned(),
                nearest: nearest(name, self.contexts.keys()).map(str::to_owned),
            })
    }
}

/// The names of the contexts, for completion; none where the config cannot be read.
#[must_use]
pub fn context_names() -> Vec<String> {
    let places = Places::find(&Environment::of_process());
    let config = places.and_then(|places| Config::in_force(&places));
    config.map_or_else(
        |_| Vec::new(),
        |config| config.contexts.into_keys().collect(),
    )
}

/// Which hub, as whom, with which files.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The name of the context, if one is in force.
    pub context: Option<String>,
    /// The hub.
    pub hub: HubUrl,
    /// By what it is trusted.
    pub tls: TlsOptions,
    /// The department that is meant when none is named.
    pub department: Option<String>,
    /// Refuse to write.
    pub read_only: bool,
    /// Ask for this word before a severe write.
    pub confirm: Option<String>,
    /// Where the files are.
    pub places: Places,
    /// Where the login of this profile is.
    pub credentials: CredentialsFile,
    /// A token from the environment, which comes before a login and is never stored.
    pub token: Option<Token>,
    /// What the config says to the console, for every hub.
    pub agent: toml::Table,
    /// What it says for the context in force, which comes first.
    pub context_agent: toml::Table,
}

impl Profile {
    /// Finds the profile of this process: flags, then environment, then config, then the hub of
    /// a fresh installation on this machine.
    ///
    /// # Errors
    /// Every [`ProfileError`] but [`ProfileError::NotLoggedIn`].
    pub fn load(flags: &Flags) -> Result<Self, ProfileError> {
        Self::resolve(flags, &Environment::of_process())
    }

    /// The same with a given environment.
    ///
    /// # Errors
    /// As [`Profile::load`].
    pub fn resolve(flags: &Flags, environment: &Environment) -> Result<Self, ProfileError> {
        let environment = &Environment {
            config: flags.config.clone().or(environment.config.clone()),
            ..environment.clone()
        };
        let places = Places::find(environment)?;
        let config = Config::in_force(&places)?;
        let project = environment
            .folder
            .as_deref()
            .map(Project::find)
            .transpose()?;
        let project = project.unwrap_or_default();
        let hub = flags.hub.as_ref().or(environment.hub.as_ref());
        let hub = hub.map(|text| HubUrl::parse(text)).transpose()?;
        let (name, context) = choose(&config, flags, environment, &project, hub.as_ref())?;
        let default = match &context {
            Some(context) => context.hub.clone(),
            None => HubUrl::parse(DEFAULT_HUB)?,
        };
        let hub = hub.unwrap_or(default);
        let context = context.unwrap_or_else(|| Context::new(hub.clone()));
        // A login belongs to the hub that gave it: another address never sees its tokens.
        let key = match &name {
            Some(name) if context.hub == hub => name.clone(),
            _ => hub.to_string(),
        };
        let path = context.credentials.map(|path| anchored(&places, path));
        let ca = flags.ca.clone();
        let ca = ca.or_else(|| context.ca.map(|path| anchored(&places, path)));
        Ok(Self {
            credentials: CredentialsFile::new(path.unwrap_or_else(|| places.credentials()), key),
            context: name,
            hub,
            tls: TlsOptions { ca },
            department: project.department.or(context.department),
            read_only: context.read_only,
            confirm: context.confirm,
            places,
            token: environment.token.clone(),
            agent: config.agent,
            context_agent: context.agent,
        })
    }

    /// As whom: the token of the environment, else the login.
    ///
    /// # Errors
    /// [`ProfileError::NotLoggedIn`] when there is neither, and what reading the login gives.
    pub fn token_source(&self) -> Result<TokenSource, ClientError> {
        if let Some(token) = &self.token {
            return Ok(token.clone().into());
        }
        if self.credentials.load()?.is_none() {
            let name = self.context.clone().unwrap_or_else(|| self.hub.to_string());
            return Err(ProfileError::NotLoggedIn(name).into());
        }
        let http = Http::new(&self.hub, None, &self.tls)?;
        Ok(Session::new(self.credentials.clone(), http).into())
    }

    /// A connection as this profile's principal.
    ///
    /// # Errors
    /// As [`Profile::token_source`], and [`ClientError::Tls`].
    pub fn http(&self) -> Result<Http, ClientError> {
        Http::new(&self.hub, Some(self.token_source()?), &self.tls)
    }

    /// An outbox of this profile that no other running program has.
    ///
    /// # Errors
    /// As [`Outbox::open_free`].
    pub fn outbox(&self) -> Result<Outbox, OutboxError> {
        Outbox::open_free(&self.places.outbox(), self.credentials.key())
    }
}

/// The context in force, with its name.
fn choose(
    config: &Config,
    flags: &Flags,
    environment: &Environment,
    project: &Project,
    hub: Option<&HubUrl>,
) -> Result<(Option<String>, Option<Context>), ProfileError> {
    let named = match (&flags.context, &flags.hub) {
        (Some(name), _) => Some(name),
        // `--hub` is nearer to the user than a context in the environment.
        (None, Some(_)) => None,
        (None, None) => environment.context.as_ref(),
    };
    if let Some(name) = named {
        return Ok((Some(name.clone()), Some(config.context(name)?.clone())));
    }
    if let Some(hub) = hub {
        let current = config.current_context.as_ref();
        let current = current.and_then(|name| config.contexts.get_key_value(name));
        let mut known = current.into_iter().chain(&config.contexts);
        let same = known.find(|(_, context)| context.hub == *hub);
        return Ok(same
            .map(|(name, context)| (name.clone(), context.clone()))
            .unzip());
    }
    match project.context.as_ref().or(config.current_context.as_ref()) {
        Some(name) => Ok((Some(name.clone()), Some(config.context(name)?.clone()))),
        None => Ok((None, None)),
    }
}

/// A relative path in the config is meant from where the config is.
fn anchored(places: &Places, path: PathBuf) -> PathBuf {
    private::parent(places.config()).join(path)
}

fn hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("; did you mean {name:?}?"),
        None => "; see the list with: frontdesk-admin context list".to_owned(),
    }
}

/// The name that was probably meant: at most a third of its letters differ.
pub fn nearest<'a>(meant: &str, names: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    names
        .map(|name| (edits(meant, name), name.as_str()))
        .filter(|(edits, name)| *edits <= name.chars().count().div_ceil(3))
        .min()
        .map(|(_, name)| name)
}

/// How many letters to change, add or take away to get from one word to the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &b) in to.iter().enumerate() {
            let change = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}
