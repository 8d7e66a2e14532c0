//! Who may come in: accounts, sessions and tokens on the hub's store.
//!
//! [`Accounts`] turns a password, a code or a token into a [`Session`]. Staff and invitations are
//! the desk's; here are the secrets that belong to them, the names of registered customers, and
//! what revokes what. Every secret is stored as a digest or a hash, and none is ever logged.
//! Deliberately absent: HTTP, and permissions, for which there is the desk's one table.

mod code;
mod customers;
mod error;
mod invitations;
mod live;
mod login;
pub mod passwords;
pub mod phc;
pub mod policy;
pub mod rate;
mod resets;
mod rows;
pub mod secret;
mod sessions;
mod setup;
#[cfg(test)]
mod tests;
pub mod throttle;
mod tokens;
mod totp;

use std::{
    fmt,
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use shared::{id::UserId, model::Role, text::SafeText, time::Timestamp};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use self::{code::AppliedDesk, error::AccountError};
use self::{
    live::Live,
    passwords::{PasswordHasher, QUEUE_MAX, StartError},
    phc::{Cost, Costs},
    rate::{Rate, RateLimiter},
    rows::Rows,
    setup::SetupCode,
    throttle::{LoginRates, LoginThrottle, network},
    totp::{key::SeedKey, tries::Tries},
};
use crate::{desk::Who, hub::Hub};

/// How often what has run out is tidied up.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// How accounts behave. Only the data directory has no default.
#[derive(Clone, Debug)]
pub struct AccountSettings {
    /// Where the setup code is written on an empty desk.
    pub data_dir: PathBuf,
    /// Where systemd puts the credentials of the hub, if it does: the key of second factors may be
    /// one.
    pub credentials_dir: Option<PathBuf>,
    /// What the hash of a password of staff costs.
    pub staff_cost: Cost,
    /// What the hash of a customer's costs. Cheaper than for staff saves time and tells by that
    /// time which names are customers', since both sign in at one door.
    pub customer_cost: Cost,
    /// Threads that hash.
    pub hash_threads: usize,
    /// How often a password may be tried.
    pub login_rates: LoginRates,
    /// Registrations and accepted invitations of one address.
    pub arrival_rate: Option<Rate>,
    /// Whether customers may register.
    pub registration: bool,
    /// An access token: 30 minutes.
    pub access_life: Duration,
    /// From the login of staff to its absolute end: 12 hours.
    pub staff_life: Duration,
    /// From the login of a registered customer to its absolute end: 7 days.
    pub customer_life: Duration,
    /// The token of a customer without an account since its last use: 7 days.
    pub chat_life: Duration,
    /// A setup code: 15 minutes.
    pub setup_life: Duration,
    /// Logins of one user; one more ends the oldest.
    pub sessions_max: usize,
    /// Tokens for scripts of one user.
    pub tokens_max: usize,
}

impl AccountSettings {
    /// The defaults, with the data in `data_dir`.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        const HOUR: Duration = Duration::from_secs(3_600);
        Self {
            data_dir: data_dir.into(),
            credentials_dir: None,
            staff_cost: Cost::STAFF,
            customer_cost: Cost::STAFF,
            hash_threads: PasswordHasher::threads_default(),
            login_rates: LoginRates::default(),
            arrival_rate: Rate::per_minute(20, 20),
            registration: false,
            access_life: HOUR / 2,
            staff_life: 12 * HOUR,
            customer_life: 7 * 24 * HOUR,
            chat_life: 7 * 24 * HOUR,
            setup_life: HOUR / 4,
            sessions_max: 10,
            tokens_max: 50,
        }
    }
}

/// Why accounts did not start.
#[derive(Debug, thiserror::Error)]
pub enum AccountsStartError {
    /// Password hashing did not start.
    #[error(transparent)]
    Passwords(#[from] StartError),
    /// The desk could not be asked, or the setup code not be written.
    #[error(transparent)]
    Account(#[from] AccountError),
}

/// What kind of token a [`Session`] was opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionKind {
    /// The access token of a login.
    Login,
    /// A token for scripts.
    Api,
    /// The token of a customer without an account.
    Chat,
}

impl SessionKind {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "session",
            Self::Api => "api",
            Self::Chat => "chat",
        }
    }
}

/// Somebody who came in: what a valid token stands for at this moment.
#[derive(Clone, Debug)]
pub struct Session {
    /// Names the session in lists; random, public, no secret. The same for every token of it.
    pub id: String,
    /// Who.
    pub who: Who,
    /// The user or customer.
    pub user: UserId,
    /// What kind of token.
    pub kind: SessionKind,
    /// The role at this moment.
    pub role: Role,
    /// When this token ends.
    pub expires_at: Timestamp,
    /// When the session ends whatever is renewed; an open socket ends then.
    pub ends_at: Timestamp,
    /// Cancelled at once when the session is revoked.
    pub ended: CancellationToken,
}

/// The accounts of a hub. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    rows: Rows,
    shared: Arc<Shared>,
}

struct Shared {
    settings: AccountSettings,
    hasher: PasswordHasher,
    live: Live,
    setup: Mutex<Option<SetupCode>>,
    logins: Mutex<LoginThrottle>,
    arrivals: Mutex<RateLimiter<IpAddr>>,
    refreshes: Mutex<RateLimiter<String>>,
    tries: Mutex<Tries>,
    seed_key: Mutex<Option<Arc<SeedKey>>>,
    /// Passwords checked: every kind of failure costs exactly one.
    checks: AtomicU64,
}

impl Accounts {
    /// Starts accounts on the hub's store. On a desk without an owner a fresh setup code is
    /// written to the data directory.
    ///
    /// # Errors
    /// [`AccountsStartError::Passwords`] for costs out of bounds or without threads,
    /// [`AccountsStartError::Account`] when the hub has stopped or the code cannot be written.
    pub async fn start(hub: Hub, settings: AccountSettings) -> Result<Self, AccountsStartError> {
        let costs = Costs {
            staff: settings.staff_cost,
            customers: settings.customer_cost,
        };
        let hasher = PasswordHasher::start(costs, settings.hash_threads, QUEUE_MAX)?;
        let shared = Shared {
            hasher,
            live: Live::default(),
            setup: Mutex::default(),
            logins: Mutex::new(LoginThrottle::new(settings.login_rates)),
            arrivals: Mutex::new(RateLimiter::new(settings.arrival_rate)),
            refreshes: Mutex::new(RateLimiter::new(sessions::REFRESH_RATE)),
            tries: Mutex::default(),
            seed_key: Mutex::default(),
            checks: AtomicU64::new(0),
            settings,
        };
        let accounts = Self {
            rows: Rows(hub),
            shared: Arc::new(shared),
        };
        accounts.begin_setup().await?;
        accounts.look_for_seed_key().await?;
        accounts.end_sessions_of_disabled().await?;
        Ok(accounts)
    }

    /// Tidies up until `stop`: renews the setup code, forgets tries and sessions of the past.
    pub async fn run(&self, stop: CancellationToken) {
        let mut ticks = interval(TIDY_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            self.tidy();
        }
    }

    fn tidy(&self) {
        let now_ms = self.now_ms();
        self.shared.live.sweep(self.rows.now());
        lock(&self.shared.logins).retain_recent(now_ms);
        lock(&self.shared.arrivals).retain_recent(now_ms);
        lock(&self.shared.refreshes).retain_recent(now_ms);
        lock(&self.shared.tries).retain_recent(now_ms);
        if let Err(error) = self.renew_setup_code() {
            tracing::error!(%error, "no setup code");
        }
    }

    const fn hub(&self) -> &Hub {
        &self.rows.0
    }

    fn settings(&self) -> &AccountSettings {
        &self.shared.settings
    }

    /// The hub's time for throttles, in milliseconds.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.rows.now().as_ms()).unwrap_or(0)
    }

    /// How many passwords were checked since the start, right or wrong.
    #[must_use]
    pub fn password_checks(&self) -> u64 {
        self.shared.checks.load(Ordering::Relaxed)
    }

    /// Counts somebody new from `ip`; none for a peer that is exempt.
    fn arrive(&self, ip: Option<IpAddr>) -> Result<(), AccountError> {
        if let Some(ip) = ip {
            let now_ms = self.now_ms();
            lock(&self.shared.arrivals).check(&network(ip), now_ms)?;
        }
        Ok(())
    }

    /// A username that is fit to be given, as the desk sees it for staff: 1 to 64 characters.
    fn username(raw: &str) -> Result<SafeText, AccountError> {
        let name = shared::text::name(raw)?;
        let legal = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
        if name.chars().all(legal) {
            Ok(name)
        } else {
            Err(AccountError::Invalid(
                "username has characters that cannot be in one; use letters, digits and . _ - @",
            ))
        }
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

/// Nothing that panics is done under these locks; were it, what they guard would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
