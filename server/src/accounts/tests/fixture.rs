//! A hub in memory whose time moves only when a test says so, and short ways to come in.

use std::{fs, net::IpAddr, path::Path, time::Duration};

use shared::{
    api::{AcceptInvitation, Invite, Invited, Login, Register, SessionTokens, Setup},
    command::{Command, UserChange},
    event::Event,
    id::{CommandId, Pos, UserId},
    model::Role,
    text::SafeText,
};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::{
    accounts::{
        AccountError, AccountSettings, Accounts, Session, lock,
        phc::Cost,
        throttle::{LoginRates, LoginThrottle},
    },
    desk::Who,
    hub::{Hub, PART},
    store::Store,
};

pub(super) const PASSWORD: &str = "violet kestrel umbrella";
pub(super) const OTHER_PASSWORD: &str = "marble otter lighthouse";
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3_600);
pub(super) const MS: Duration = Duration::from_millis(1);

pub(super) struct House {
    pub(super) accounts: Accounts,
    pub(super) hub: Hub,
    pub(super) dir: TempDir,
    /// While a blocking task runs, paused time does not move by itself.
    _still: oneshot::Sender<()>,
}

/// Settings that hash fast and throttle nothing that a test does not ask for.
pub(super) fn settings(dir: &Path) -> AccountSettings {
    AccountSettings {
        staff_cost: Cost::FLOOR,
        customer_cost: Cost::FLOOR,
        hash_threads: 1,
        login_rates: LoginRates {
            per_ip: None,
            global: None,
        },
        registration: true,
        ..AccountSettings::new(dir)
    }
}

/// An empty desk.
pub(super) async fn house() -> House {
    house_with(|_| {}).await
}

pub(super) async fn house_with(change: impl FnOnce(&mut AccountSettings)) -> House {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    change(&mut settings);
    let (still, end) = oneshot::channel::<()>();
    drop(tokio::task::spawn_blocking(move || {
        drop(end.blocking_recv());
    }));
    tokio::time::pause();
    let hub = Hub::start_in_runtime(Store::memory()).await.unwrap();
    let accounts = Accounts::start(hub.clone(), settings).await.unwrap();
    House {
        accounts,
        hub,
        dir,
        _still: still,
    }
}

/// A desk with its owner, Olga.
pub(super) async fn owned_house() -> (House, Session) {
    let house = house().await;
    let tokens = house.set_up().await.unwrap();
    let owner = house.session(&tokens).await;
    (house, owner)
}

impl House {
    pub(super) fn setup_code(&self) -> String {
        let text = fs::read_to_string(self.dir.path().join("setup-code")).unwrap();
        text.trim().to_owned()
    }

    pub(super) async fn set_up(&self) -> Result<SessionTokens, AccountError> {
        self.accounts.setup(setup(&self.setup_code()), true).await
    }

    pub(super) async fn session(&self, tokens: &SessionTokens) -> Session {
        self.accounts
            .authenticate(tokens.access_token.expose())
            .await
            .unwrap()
    }

    pub(super) async fn is_open(&self, token: &str) -> bool {
        match self.accounts.authenticate(token).await {
            Ok(session) => {
                assert!(!session.ended.is_cancelled());
                true
            }
            Err(AccountError::Token) => false,
            Err(error) => panic!("{error}"),
        }
    }

    pub(super) async fn login(
        &self,
        username: &str,
        password: &str,
    ) -> Result<SessionTokens, AccountError> {
        self.login_from(username, password, None).await
    }

    pub(super) async fn login_from(
        &self,
        username: &str,
        password: &str,
        ip: Option<IpAddr>,
    ) -> Result<SessionTokens, AccountError> {
        let login = Login {
            username: username.to_owned(),
            password: password.into(),
            totp: None,
        };
        self.accounts.login(login, ip).await
    }

    pub(super) async fn invite(
        &self,
        by: &Session,
        role: Role,
        username: Option<&str>,
    ) -> Result<Invited, AccountError> {
        let invite = Invite {
            role,
            departments: Vec::new(),
            username: username.map(SafeText::line),
        };
        self.accounts.invite(by, CommandId::random(), invite).await
    }

    pub(super) async fn accept(
        &self,
        code: &str,
        username: Option<&str>,
    ) -> Result<SessionTokens, AccountError> {
        let accept = AcceptInvitation {
            code: code.into(),
            username: username.map(SafeText::line),
            name: None,
            password: PASSWORD.into(),
            totp: None,
        };
        self.accounts.accept(accept, None).await
    }

    /// A new member of staff, signed in.
    pub(super) async fn hire(&self, by: &Session, role: Role, username: &str) -> SessionTokens {
        let invited = self.invite(by, role, None).await.unwrap();
        self.accept(&invited.code, Some(username)).await.unwrap()
    }

    pub(super) async fn disable(&self, by: &Session, id: UserId) {
        let change = UserChange {
            active: Some(false),
            ..UserChange::default()
        };
        let command = Command::UpdateUser {
            id,
            change,
            rev: None,
        };
        let who = by.who.clone();
        self.hub
            .submit(who, CommandId::random(), command)
            .await
            .unwrap();
    }

    /// As if nobody had guessed at a password yet.
    pub(super) fn forget_guesses(&self) {
        let rates = self.accounts.shared.settings.login_rates;
        *lock(&self.accounts.shared.logins) = LoginThrottle::new(rates);
    }

    /// Who made the newest record of the log, and what it says.
    pub(super) async fn last_record(&self) -> (Option<UserId>, Event) {
        let mut after = Pos(0);
        loop {
            let records = self.hub.store().read(PART, after, 1_000).await.unwrap();
            let last = records.last().unwrap().record().unwrap();
            if records.len() < 1_000 {
                return (last.actor.id, last.event);
            }
            after = last.pos;
        }
    }

    pub(super) async fn register(&self, username: &str) -> Result<SessionTokens, AccountError> {
        self.accounts.register(register(username), None).await
    }

    /// A customer without an account, as opening a chat makes one, and the name of it.
    pub(super) async fn anonymous(&self) -> (UserId, SafeText) {
        let name = SafeText::line("Bo");
        let open = Command::OpenChat(shared::command::OpenChat {
            name: Some(name.clone()),
            ..shared::command::OpenChat::default()
        });
        let opened = self
            .hub
            .submit(Who::Anonymous, CommandId::random(), open)
            .await
            .unwrap();
        let chat = opened.chat.unwrap();
        let customer = self.hub.ask(move |desk| desk.chat(chat).unwrap().customer);
        (customer.await.unwrap(), name)
    }
}

pub(super) fn setup(code: &str) -> Setup {
    Setup {
        code: code.into(),
        username: SafeText::line("olga"),
        name: SafeText::line("Olga Oak"),
        password: PASSWORD.into(),
    }
}

pub(super) fn register(username: &str) -> Register {
    Register {
        username: SafeText::line(username),
        name: SafeText::line("Maria Meadow"),
        email: Some(SafeText::line("maria@example.com")),
        phone: Some(SafeText::line("+49 30 1234")),
        password: PASSWORD.into(),
    }
}

/// What a person and a program are told.
pub(super) fn told<T: std::fmt::Debug>(result: Result<T, AccountError>) -> (String, &'static str) {
    let error = result.unwrap_err();
    (error.to_string(), error.code().as_str())
}

pub(super) async fn advance(by: Duration) {
    tokio::time::advance(by).await;
}
