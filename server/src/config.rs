//! What the hub is told: flag, else environment, else TOML file, else default.
//!
//! The file is `hub.toml` in the data folder, or where `--config` says. Unknown keys in it are
//! refused, so that a typing error is not a silent default.

mod assistant;
mod limits;
mod network;

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Deserialize;

pub use self::assistant::{
    AssistantConfig, AssistantConfigError, EndpointConfig, KeySource, ProviderKind,
};
pub use self::{
    limits::Limits,
    network::{Network, NetworkError},
};

/// Where the hub listens when nobody says otherwise.
const LISTEN_DEFAULT: &str = "127.0.0.1:8470";

/// The settings as flags and environment variables.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Folder of the data: desk.redb, hub.toml, setup-code
    #[arg(long, value_name = "DIR", env = "FRONTDESK_DATA", global = true)]
    pub data: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:8470]
    #[arg(long, value_name = "ADDRESS", env = "FRONTDESK_LISTEN", global = true)]
    pub listen: Option<SocketAddr>,
    /// Where the desk is kept, if not in the data folder: redb:FILE
    #[arg(long, value_name = "URL", env = "FRONTDESK_STORE", global = true)]
    pub store: Option<String>,
    /// TOML file with the settings [default: DIR/hub.toml]
    #[arg(long, value_name = "FILE", env = "FRONTDESK_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// Certificate chain in PEM; with --tls-key turns TLS on
    #[arg(long, value_name = "FILE", env = "FRONTDESK_TLS_CERT", global = true)]
    pub tls_cert: Option<PathBuf>,
    /// Private key in PEM, mode 0600
    #[arg(long, value_name = "FILE", env = "FRONTDESK_TLS_KEY", global = true)]
    pub tls_key: Option<PathBuf>,
    /// Folder of the assistant's knowledge base, in Markdown
    #[arg(long, value_name = "DIR", env = "FRONTDESK_KB", global = true)]
    pub kb: Option<PathBuf>,
    /// A proxy in front terminates TLS: allow plain HTTP off loopback
    #[arg(long, env = "FRONTDESK_BEHIND_PROXY", global = true)]
    pub behind_proxy: bool,
    /// Run as root off loopback all the same
    #[arg(long, env = "FRONTDESK_ALLOW_ROOT", global = true)]
    pub allow_root: bool,
    /// Log lines as JSON or for people [default: for people on a terminal]
    #[arg(
        long,
        value_name = "FORMAT",
        env = "FRONTDESK_LOG_FORMAT",
        global = true
    )]
    pub log_format: Option<LogFormat>,
    /// What to log: error, warn, info, debug, trace, or per module
    #[arg(long, value_name = "FILTER", env = "FRONTDESK_LOG", global = true)]
    pub log: Option<String>,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One line for a person.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// The same settings in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    listen: Option<SocketAddr>,
    store: Option<String>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    behind_proxy: bool,
    trusted_proxies: Vec<Network>,
    allow_root: bool,
    log_format: Option<LogFormat>,
    log: Option<String>,
    registration: bool,
    origins: Vec<String>,
    limits: Limits,
    assistant: assistant::AssistantFile,
}

/// The settings of a hub.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the data.
    pub data: PathBuf,
    /// Where systemd puts the credentials of the hub, if it does.
    pub credentials: Option<PathBuf>,
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Where the desk is kept.
    pub store: String,
    /// Certificate chain and key, when TLS is on.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// A proxy in front terminates TLS.
    pub behind_proxy: bool,
    /// Who may say whose request they pass on: what the settings name, else loopback where a
    /// proxy is in front, else nobody.
    pub trusted_proxies: Vec<Network>,
    /// Run as root off loopback.
    pub allow_root: bool,
    /// The form of log lines, when somebody said.
    pub log_format: Option<LogFormat>,
    /// What to log.
    pub log: String,
    /// Customers may register by themselves.
    pub registration: bool,
    /// Origins of web pages that may open a WebSocket.
    pub origins: Vec<String>,
    /// Limits against too much of anything.
    pub limits: Limits,
    /// The assistant's knowledge base and model.
    pub assistant: AssistantConfig,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file makes no sense.
    #[error("{} is wrong: {}", path.display(), error.message())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: Box<toml::de::Error>,
    },
    /// The assistant's part makes no sense.
    #[error("{0}")]
    Assistant(#[from] AssistantConfigError),
    /// One of certificate and key is missing.
    #[error("TLS needs both a certificate and a key; give --tls-cert and --tls-key")]
    HalfTls,
    /// Tokens would travel in clear text.
    #[error(
        "plain HTTP on {0} would send tokens in clear text; listen on 127.0.0.1, give --tls-cert \
         and --tls-key, or say --behind-proxy when a proxy terminates TLS"
    )]
    PlainOffLoopback(SocketAddr),
    /// There is no home folder to put the data in.
    #[error("no folder for the data; give --data DIR")]
    NoData,
}

impl Config {
    /// Puts flags, environment and file together.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        let data = match &flags.data {
            Some(data) => data.clone(),
            None => default_data().ok_or(ConfigError::NoData)?,
        };
        let file = match &flags.config {
            Some(path) => read(path, true)?,
            None => read(&data.join("hub.toml"), false)?,
        };
        let tls_cert = flags.tls_cert.clone().or(file.tls_cert);
        let tls_key = flags.tls_key.clone().or(file.tls_key);
        let tls = match (tls_cert, tls_key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err(ConfigError::HalfTls),
        };
        let listen = flags.listen.or(file.listen);
        let behind_proxy = flags.behind_proxy || file.behind_proxy;
        let trusted_proxies = match behind_proxy && file.trusted_proxies.is_empty() {
            true => Network::loopback().into(),
            false => file.trusted_proxies,
        };
        let config = Self {
            listen: listen.unwrap_or_else(|| LISTEN_DEFAULT.parse().expect("a legal address")),
            store: flags
                .store
                .clone()
                .or(file.store)
                .unwrap_or_else(|| format!("redb:{}", data.join("desk.redb").display())),
            data,
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            tls,
            behind_proxy,
            trusted_proxies,
            allow_root: flags.allow_root || file.allow_root,
            log_format: flags.log_format.or(file.log_format),
            log: flags
                .log
                .clone()
                .or(file.log)
                .unwrap_or_else(|| "info".into()),
            registration: file.registration,
            origins: file.origins,
            limits: file.limits,
            assistant: assistant::load(flags.kb.clone(), file.assistant, &|name| {
                std::env::var_os(name)
            })?,
        };
        if config.tls.is_none() && !config.behind_proxy && !config.listen.ip().is_loopback() {
            return Err(ConfigError::PlainOffLoopback(config.listen));
        }
        Ok(config)
    }
}

fn read(path: &Path, required: bool) -> Result<File, ConfigError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        // A data folder that cannot be is told of when it is to be made.
        Err(error) if !required && is_absent(&error) => String::new(),
        Err(error) => {
            return Err(ConfigError::Unreadable {
                path: path.into(),
                error,
            });
        }
    };
    toml::from_str(&text).map_err(|error| ConfigError::Wrong {
        path: path.into(),
        error: Box::new(error),
    })
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// `$XDG_STATE_HOME/frontdesk/hub`, by default `~/.local/state/frontdesk/hub`.
fn default_data() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| {
            std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"))
        })?;
    Some(state.join("frontdesk/hub"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Config, ConfigError, Flags};

    fn flags(data: &std::path::Path) -> Flags {
        Flags {
            data: Some(data.into()),
            ..Flags::default()
        }
    }

    #[test]
    fn a_flag_beats_the_file_and_the_file_beats_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let plain = Config::load(&flags(dir.path())).unwrap();
        assert_eq!(plain.listen.to_string(), "127.0.0.1:8470");
        fs::write(dir.path().join("hub.toml"), "listen = \"127.0.0.1:9000\"\n").unwrap();
        let filed = Config::load(&flags(dir.path())).unwrap();
        assert_eq!(filed.listen.port(), 9000);
        let flagged = Flags {
            listen: "127.0.0.1:9001".parse().ok(),
            ..flags(dir.path())
        };
        assert_eq!(Config::load(&flagged).unwrap().listen.port(), 9001);
    }

    #[test]
    fn an_unknown_key_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("hub.toml"), "listne = \"127.0.0.1:9000\"\n").unwrap();
        let error = Config::load(&flags(dir.path())).unwrap_err();
        assert!(error.to_string().contains("listne"), "{error}");
    }

    #[test]
    fn plain_http_stays_on_loopback_unless_a_proxy_terminates_tls() {
        let dir = tempfile::tempdir().unwrap();
        let open = Flags {
            listen: "0.0.0.0:8470".parse().ok(),
            ..flags(dir.path())
        };
        let error = Config::load(&open).unwrap_err();
        assert!(matches!(error, ConfigError::PlainOffLoopback(_)), "{error}");
        let proxied = Flags {
            behind_proxy: true,
            ..open
        };
        assert!(Config::load(&proxied).is_ok());
    }

    /// S23: nobody may name a client unless a proxy is in front, and then only who is listed.
    #[test]
    fn proxies_are_trusted_as_listed_and_else_on_loopback_only() {
        let dir = tempfile::tempdir().unwrap();
        let trusted = |lines: &str| {
            fs::write(dir.path().join("hub.toml"), lines).unwrap();
            Config::load(&flags(dir.path())).map(|config| {
                let names = config.trusted_proxies.iter().map(ToString::to_string);
                names.collect::<Vec<_>>().join(" ")
            })
        };
        assert_eq!(trusted("").unwrap(), "");
        assert_eq!(
            trusted("behind_proxy = true").unwrap(),
            "127.0.0.0/8 ::1/128"
        );
        let listed = "behind_proxy = true\ntrusted_proxies = [\"10.0.0.0/8\", \"192.0.2.7\"]";
        assert_eq!(trusted(listed).unwrap(), "10.0.0.0/8 192.0.2.7/32");
        let error = trusted("trusted_proxies = [\"10.0.0.0/99\"]").unwrap_err();
        assert!(error.to_string().contains("10.0.0.0/99"), "{error}");
    }

    #[test]
    fn half_of_tls_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let half = Flags {
            tls_cert: Some("cert.pem".into()),
            ..flags(dir.path())
        };
        assert!(matches!(Config::load(&half), Err(ConfigError::HalfTls)));
    }
}
