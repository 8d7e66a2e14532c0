//! The hub: one process that runs the desk and the store, and carries both to the terminals.
//!
//! Read it from the inside out: [`desk`] decides, [`store`] remembers, [`hub`] runs both,
//! [`accounts`] knows who speaks, `http` carries.

pub mod accounts;
pub mod assistant;
pub mod care;
pub mod config;
pub mod demo;
pub mod desk;
pub mod failpoint;
mod http;
pub mod hub;
pub mod store;
pub mod telemetry;

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::http::stream::{Accept, Connection, Duplex};

use crate::{
    accounts::{AccountSettings, Accounts},
    assistant::Assistant,
    care::Care,
    config::Config,
    http::{App, Parts, listener, tls::TlsReloader},
    hub::{Health, Hub, files::Files, presence::Presence},
    store::{Store, StoreError, StoreUrl},
};

/// How long a stopping hub waits for its connections.
const DRAIN_WITHIN: Duration = Duration::from_secs(8);
/// How long it then waits for its store.
const STOP_WITHIN: Duration = Duration::from_millis(1_500);

/// Why a hub did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be used.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The address is taken.
    #[error("{0} is taken; stop what listens there or choose another --listen")]
    PortTaken(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The data folder cannot be written.
    #[error("cannot write in {path}: {error}")]
    NotWritable {
        /// Which file or folder.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// What was ordered to be erased could not be.
    #[error("what was erased could not be kept erased: {0}")]
    Care(#[from] care::CareError),
    /// The language model of the assistant cannot be asked.
    #[error("{0}")]
    Model(#[from] assistant::ModelError),
    /// Certificate or key cannot be used.
    #[error("{0}")]
    Tls(String),
    /// The first owner is made on loopback only.
    #[error(
        "this desk has no owner yet and {0} is open to others; start it once on 127.0.0.1 and \
         finish the setup there"
    )]
    SetupOffLoopback(SocketAddr),
    /// Root and open to others.
    #[error("refusing to run as root on {0}; run as another user or say --allow-root")]
    Root(SocketAddr),
}

impl StartError {
    /// The exit code that says it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Store(error) => error.exit_code(),
            Self::PortTaken(_) | Self::Listen { .. } => 69,
            Self::Care(care::CareError::Store(error)) => error.exit_code(),
            Self::NotWritable { .. } | Self::Care(_) => 73,
            Self::Model(_) | Self::Tls(_) | Self::SetupOffLoopback(_) | Self::Root(_) => 2,
        }
    }
}

/// A hub with its transports.
pub struct Server {
    hub: Hub,
    accounts: Accounts,
    files: Files,
    assistant: Assistant,
    care: Care,
    app: Arc<App>,
    tls: Option<TlsReloader>,
    config: Config,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Opens the store and starts the hub; nothing listens yet.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn new(config: Config) -> Result<Self, StartError> {
        let tls = load_tls(&config)?;
        make_folder(&config.data)?;
        let store = Store::open(&config.store.parse::<StoreUrl>()?)?;
        let hub = Hub::start(store).await?;
        Self::assemble(hub, config, tls).await
    }

    /// The same over a hub that runs already; neither a store nor a folder is opened.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn over(hub: Hub, config: Config) -> Result<Self, StartError> {
        let tls = load_tls(&config)?;
        Self::assemble(hub, config, tls).await
    }

    async fn assemble(
        hub: Hub,
        config: Config,
        tls: Option<TlsReloader>,
    ) -> Result<Self, StartError> {
        let settings = AccountSettings {
            registration: config.registration,
            credentials_dir: config.credentials.clone(),
            ..AccountSettings::new(&config.data)
        };
        let accounts = Accounts::start(hub.clone(), settings)
            .await
            .map_err(|error| StartError::NotWritable {
                path: config.data.display().to_string(),
                error: io::Error::other(error.to_string()),
            })?;
        let files = Files::start(hub.clone(), config.limits.attachment_bytes()).await?;
        // What was erased stays erased, also in a desk that was restored: before anything is served.
        let care = Care::start(hub.clone(), accounts.clone(), files.clone(), &config.data).await?;
        let assistant = Assistant::new(hub.clone(), &config.assistant, &config.data)?;
        let presence = Arc::new(Presence::default());
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let parts = Parts {
            hub: hub.clone(),
            accounts: accounts.clone(),
            files: files.clone(),
            assistant: assistant.clone(),
            care: care.clone(),
            presence: Arc::clone(&presence),
        };
        let app = Arc::new(App::new(parts, &config, tasks.clone(), stop.clone()));
        let (kept, stopped) = (accounts.clone(), stop.clone());
        tasks.spawn(async move { kept.run(stopped).await });
        let told = hub.clone();
        let stopped = stop.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = presence.run(&told) => {}
                () = stopped.cancelled() => {}
            }
        });
        Ok(Self {
            hub,
            accounts,
            files,
            assistant,
            care,
            app,
            tls,
            config,
            stop,
            tasks,
        })
    }

    /// Binds the address of the settings.
    ///
    /// # Errors
    /// [`StartError::PortTaken`], [`StartError::Listen`], [`StartError::SetupOffLoopback`] and
    /// [`StartError::Root`].
    pub async fn bind(&self) -> Result<TcpListener, StartError> {
        let address = self.config.listen;
        if !address.ip().is_loopback() {
            let empty = self.hub.ask(desk::Desk::is_empty).await.unwrap_or(true);
            if empty {
                return Err(StartError::SetupOffLoopback(address));
            }
            if rustix::process::geteuid().is_root() && !self.config.allow_root {
                return Err(StartError::Root(address));
            }
        }
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| match error.kind() {
                io::ErrorKind::AddrInUse => StartError::PortTaken(address),
                _ => StartError::Listen { address, error },
            })?;
        if rustix::process::geteuid().is_root() {
            tracing::warn!("running as root; a user of its own is safer");
        }
        Ok(listener)
    }

    /// Serves connections of `listener` until [`shutdown`](Self::shutdown).
    pub fn listen(&self, listener: impl Accept) {
        // Not sooner: a start that fails has begun nothing that it must wait for.
        self.tasks.spawn(self.files.clone().keep(self.stop.clone()));
        self.tasks
            .spawn(self.assistant.clone().run(self.stop.clone()));
        self.tasks.spawn(self.care.clone().run(self.stop.clone()));
        let limits = listener::ListenLimits::from(&self.config.limits);
        let serving = http::listen(
            listener,
            &self.app,
            self.tls.clone(),
            limits,
            self.tasks.clone(),
            self.stop.clone(),
        );
        self.tasks.spawn(serving);
    }

    /// Reads certificate and key again; what is served stays when they cannot be used.
    pub fn reload(&self) {
        match self.tls.as_ref().map(TlsReloader::reload) {
            None => tracing::info!("nothing to reload: TLS is off"),
            Some(Ok(())) => tracing::info!("certificate reloaded"),
            Some(Err(error)) => tracing::error!(%error, "the old certificate stays"),
        }
    }

    /// Waits until the hub has ended by itself: its store failed for good.
    pub async fn failed(&self) {
        let mut health = self.hub.health();
        let ended = health
            .wait_for(|now| matches!(now, Health::Ended { failed: true }))
            .await;
        if ended.is_err() {
            tracing::error!("the hub's loop is gone");
        }
    }

    /// The accounts, for the setup code.
    #[must_use]
    pub const fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The assistant, which answers by itself.
    #[must_use]
    pub const fn assistant(&self) -> &Assistant {
        &self.assistant
    }

    /// Whether connections are served with TLS.
    #[must_use]
    pub const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Says bye to everyone, writes down what is left, and ends within ten seconds.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(DRAIN_WITHIN, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some connections did not end in time");
        }
        // A disk that hangs keeps nobody: what was acknowledged is there already.
        if tokio::time::timeout(STOP_WITHIN, self.hub.stop())
            .await
            .is_err()
        {
            tracing::warn!("the store did not close in time");
        }
    }
}

fn load_tls(config: &Config) -> Result<Option<TlsReloader>, StartError> {
    let Some((cert, key)) = &config.tls else {
        return Ok(None);
    };
    let loaded = TlsReloader::load(cert, key);
    loaded
        .map(Some)
        .map_err(|error| StartError::Tls(error.to_string()))
}

/// Makes the data folder, for its owner only, or refuses one that others can enter.
///
/// # Errors
/// [`StartError::Store`]
pub fn make_folder(path: &Path) -> Result<(), StartError> {
    Ok(store::prepare_directory(path)?)
}
